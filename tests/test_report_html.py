"""report.html in a real browser: what a person sees of it, and that a target's text does nothing there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from contracts.coverage import Coverage
from contracts.findings import Headers, Known, Verdict
from contracts.report.html import as_html, laid_out, plain, sentence
from contracts.report.model import as_report
from contracts.runner import Result, unjudged
from mockserver.vendor import Vendor, load
from tests.test_browser import ARGUMENTS
from tests.test_contracts_coverage import move, seeded
from tests.tools.outside import absent, need
from tests.tools.results import SECRET, exchange_of, finding_of, result_of

HOSTILE = (
    "</code></pre></details></style></script><script>document.title = 'taken'</script>"
    "<img src=http://127.0.0.1:9/x onerror=\"document.title='taken'\"><a href=javascript:alert(1)>here</a>"
    "{{ 7 * 7 }}{% raw %}\u202etxet\x1b[2J\x00 \"'`&lt;"
)
Opens: TypeAlias = Callable[..., Any]  # a Result -> the page that tells it


@pytest.fixture
def result(kanman: Vendor) -> Result:
    """A tenant that breaks two rules, one of which only warns, and the document; one finding is known."""
    body = b'{"boards": [{"id": 1.50, "id": "two"}, []], "more": {}}'
    findings = (
        finding_of(kanman, "KM-012", exchange=exchange_of(body=body)),
        finding_of(kanman, "ST105 GET /boards"),
        finding_of(kanman, "KM-114"),
        finding_of(kanman, "KM-002", known=Known("they mend it in May", "Ada", date(2027, 6, 1))),
    )
    made = result_of(kanman, *findings, rules=("KM-001", "KM-040", "KM-041"), left_behind=("tasks 7: no",))
    odd = {"KM-040": Verdict("KM-040", "not judged", "needs a reader credential")}
    return replace(made, verdicts=tuple(odd.get(verdict.rule, verdict) for verdict in made.verdicts))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = need("chromium", "chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("the package playwright is not installed: pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opens(browser: Any, tmp_path: Path) -> Iterator[Opens]:
    """Opens the page of a result from a file. It may ask for nothing else, and no script of it may fail."""
    troubles: list[str] = []
    contexts = []

    def open_page(result: Result, **options: Any) -> Any:
        path = tmp_path / "report.html"
        path.write_bytes(as_html(as_report(result)))
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: request.url.startswith(path.as_uri()) or troubles.append(request.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


# What a manager reads


def test_page__says_the_verdict_first(result: Result, opens: Opens) -> None:
    page = opens(result)
    assert page.title() == "KanMan does not conform"
    assert "KanMan does not conform" in page.locator("h1").inner_text()
    lead = page.locator(".lead").inner_text()
    assert lead.startswith("1 documented or published rule is broken and 1 finding against the vendor's document; 2 of")
    assert page.locator("#left-behind li").all_inner_texts() == ["tasks 7: no"]
    for part in ("h1", ".lead", ".tiles"):  # in the first view, without scrolling
        assert page.locator(part).bounding_box()["y"] < 720


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"exit_code": 0, "findings": ()}, "2 of 5 judged rules hold. 1 of 6 were not judged."),
        ({"exit_code": 2, "reason": "the target refused the connection"}, "the target refused the connection"),
        ({"is_mock": True}, "1 rule is broken and 1 finding against the vendor's document; 2 of 5 judged rules hold."),
    ],
)
def test_sentence__tells_what_it_comes_to(result: Result, changes: dict[str, Any], said: str) -> None:
    assert sentence(as_report(replace(result, **changes))) == said


def test_page__of_a_run_that_could_not_begin(kanman: Vendor, opens: Opens) -> None:
    page = opens(unjudged(kanman, kanman.rules.values(), "", "no such host", profile="quick", seed=7))
    assert "could not be judged" in page.locator("h1").inner_text()
    assert page.locator(".lead").inner_text() == "no such host"
    assert page.locator(".finding").count() == 0


def test_page__has_the_rules_by_section(result: Result, opens: Opens) -> None:
    page = opens(result)
    assert page.locator(".section .heading").all_inner_texts() == [
        "Transport, token and scopes",
        "Status codes, errors and quota",
        "Create task",
    ]
    row = page.locator("#KM-114")
    assert row.locator(".grade").inner_text() == "assumed" and "broken" in row.locator(".state").inner_text()
    assert not page.locator("#KM-040").is_visible()  # what is well is folded away
    page.locator(".section summary").nth(1).click()
    assert "needs a reader credential" in page.locator("#KM-040").inner_text()


# What an engineer finds


def test_finding__the_curl_is_two_clicks_away(result: Result, opens: Opens) -> None:
    page = opens(result, permissions=["clipboard-read", "clipboard-write"])
    page.locator(".finding summary").first.click()
    page.locator(".finding .copy").first.click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == result.findings[0].curl and '-H "authorization: Bearer $OWNER_TOKEN"' in copied


def test_finding__shows_request_and_response(result: Result, opens: Opens) -> None:
    page = opens(result)
    page.locator(".finding summary").first.click()
    request, response = page.locator(".finding").first.locator(".message pre").all_inner_texts()
    assert request.startswith("GET http://127.0.0.1/v1/boards?limit=2&a=\n") and SECRET not in page.content()
    assert response.startswith("200 in 0.25 s\n")
    assert '      "id": 1.50,\n      "id": "two"\n' in response  # every token as it came
    assert "proofboard test kanman" in page.locator(".finding .again").first.inner_text()


def test_finding__what_is_known_says_by_whom(result: Result, opens: Opens) -> None:
    page = opens(result)
    finding = page.locator(".finding.known")
    finding.locator("summary").click()
    assert "Known until 2027-06-01: they mend it in May (Ada)" in finding.inner_text()


def test_rule__leads_to_its_finding(result: Result, opens: Opens) -> None:
    page = opens(result)
    page.locator("#KM-012 a").click()
    page.locator("#finding-1 .curl").wait_for()
    page.locator("#finding-1 dl a").click()
    assert page.locator("#KM-012").is_visible()


def test_filter__leaves_the_rules_that_fit(result: Result, opens: Opens) -> None:
    page = opens(result)
    page.get_by_label("holds").uncheck()
    page.get_by_label("not judged").uncheck()
    assert page.locator(".rules tbody tr:visible").evaluate_all("rows => rows.map(row => row.id)") == [
        "KM-002",
        "KM-012",
        "KM-114",
    ]
    page.get_by_label("assumed").uncheck()
    page.get_by_label("Find in rules").fill("km-012")
    assert page.locator(".rules tbody tr:visible").count() == 1
    assert page.locator(".filter output").inner_text() == "1 of 6 rules"
    page.get_by_label("Find in rules").fill("nothing like it")
    assert page.locator(".section:visible").count() == 0


# Whatever the target says


def test_page__does_nothing_that_a_target_says(result: Result, opens: Opens) -> None:
    headers = Headers([("X-<img src=x>", HOSTILE), ("Content-Type", HOSTILE)])
    exchange = exchange_of(
        url=f"http://127.0.0.1/{HOSTILE}", headers=headers, body=HOSTILE.encode(), request_body=HOSTILE.encode()
    )
    told = {"what": HOSTILE, "exchange": exchange, "also": (HOSTILE,)}
    findings = tuple(replace(finding, title=HOSTILE, **told) for finding in result.findings)
    verdicts = tuple(replace(verdict, why=HOSTILE) for verdict in result.verdicts)
    hostile = replace(
        result, findings=findings, verdicts=verdicts, notes=(HOSTILE,), left_behind=(HOSTILE,), target=HOSTILE
    )
    for each in (hostile, replace(hostile, exit_code=2, reason=HOSTILE)):
        page = opens(each)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert page.title().startswith("KanMan ")
        assert page.locator("img, iframe, object, link, base").count() == 0
        assert page.locator("script").count() == page.locator("style").count() == 1
        assert page.locator("a:not([href^='#'])").count() == 0
        assert "<img src=http://127.0.0.1:9/x" in page.locator(".finding .message").nth(1).inner_text()
        assert "{{ 7 * 7 }}" in page.locator("#notes").inner_text()
        assert not set("\u202e\x1b\x00") & set(page.content())


def test_page__runs_no_script_but_its_own(result: Result, browser: Any, tmp_path: Path) -> None:
    """Even where the escaping were wrong."""
    path = tmp_path / "report.html"
    path.write_bytes(as_html(as_report(result)).replace(b"<main", b"<script>document.title='taken'</script><main"))
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.title() == "KanMan does not conform" and page.locator(".filter").is_visible()
    page.close()


def test_page__is_written_whatever_the_text(result: Result) -> None:
    broken = replace(result.findings[0], what="half \ud800 of a pair")
    assert b"half \\ud800 of a pair" in as_html(as_report(replace(result, findings=(broken,))))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a":[1.0,"x, {y}"],"b":{}}', '{\n  "a": [\n    1.0,\n    "x, {y}"\n  ],\n  "b": {}\n}'),
        ("[]", "[]"),
        ('"a"', '"a"'),
        ("<p>", "<p>"),
        ('{"a":', '{"a":'),
        ("[" * 30_000 + "]" * 30_000, None),
        ("x" * 30_000, f"{'x' * 20_000}\n… 10,000 more characters stand in report.json"),
    ],
)
def test_laid_out__is_the_body_itself(text: str, shown: str | None) -> None:
    assert laid_out(text) == (shown or f"{'[' * 20_000}\n… 40,000 more characters stand in report.json")


def test_plain__shows_what_would_hide() -> None:
    assert plain("a\x1b\x00\u202eb\tc\nd\x85") == "a␛␀\\u202eb\tc\nd\\u0085"


# Where it is read


def test_page__without_scripts_is_all_there(result: Result, opens: Opens) -> None:
    page = opens(result, java_script_enabled=False)
    assert not page.locator(".filter").is_visible() and not page.locator(".copy").first.is_visible()
    page.locator(".finding summary").first.click()
    assert page.locator(".finding .curl").first.is_visible()


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_page__fits_its_window(result: Result, opens: Opens, width: int) -> None:
    page = opens(result, viewport={"width": width, "height": 800})
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def contrast(page: Any, selector: str) -> float:
    """Of a text and the page behind it, as WCAG has it."""
    light: float = page.evaluate(
        """(selector) => {
            const part = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
            const light = (rgb) => rgb.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
            let node = document.querySelector(selector);
            const ink = light(part(getComputedStyle(node).color));
            while (/rgba\\(.*, 0\\)/.test(getComputedStyle(node).backgroundColor)) node = node.parentElement;
            const paper = light(part(getComputedStyle(node).backgroundColor));
            return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        }""",
        selector,
    )
    return light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page__can_be_read_by_day_and_night(result: Result, opens: Opens, scheme: str) -> None:
    page = opens(result, color_scheme=scheme)
    for part in ("h1", ".lead", ".over", ".badge.error", ".badge.warning", ".badge.known", ".got", ".tally", ".chip"):
        assert contrast(page, part) >= 4.5, part


def test_page__prints_what_is_folded(result: Result, opens: Opens) -> None:
    page = opens(result, color_scheme="dark", java_script_enabled=False)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#finding-1 .curl").is_visible() and page.locator("#KM-040").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


# Lifecycles and coverage


def test_lifecycle__is_drawn_with_what_was_walked(opens: Opens) -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor, is_own_world=True)
    coverage.watch(move(seeded(vendor, "INI"), "USU", before="INI"))
    coverage.watch(move(seeded(vendor, "FIN"), "SA", before="FIN"))
    page = opens(result_of(vendor, rules=("GT-001",), coverage=coverage))
    drawing = page.locator("svg.lifecycle")
    assert drawing.get_attribute("aria-label") == "1 of 23 allowed transitions of task_state were taken"
    assert drawing.locator(".state text").all_text_contents() == ["SA", "ASI", "ACE", "INI", "USU", "FIN", "CAN"]
    titles = {kind: drawing.locator(f".arrow.{kind} title").all_text_contents() for kind in ("walked", "broken")}
    assert titles == {
        "walked": ["INI to USU: allowed; taken once, refused never"],
        "broken": ["FIN to SA: not allowed; taken once, refused never"],
    }
    assert drawing.locator(".arrow.not-tried").count() == 22
    assert page.locator(".matrix td.broken").get_attribute("title") == titles["broken"][0]
    box = drawing.bounding_box()
    for each in drawing.locator(".state rect, .arrow").all():  # nothing is cut off
        inner = each.bounding_box()
        assert box["x"] <= inner["x"] and inner["x"] + inner["width"] <= box["x"] + box["width"]
        assert box["y"] <= inner["y"] and inner["y"] + inner["height"] <= box["y"] + box["height"]


def test_coverage__is_told_by_operation(opens: Opens) -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor)
    coverage.watch(move("12", "USU", status=418))
    page = opens(result_of(vendor, rules=("GT-001",), coverage=coverage))
    operation = page.locator(".operation").first
    assert operation.locator(".chip.odd").all_inner_texts() == ["418"]
    assert operation.locator(".chip.unseen").count() == 8
    operation.locator("summary").click()
    cells = operation.locator("tr", has_text="board_id").locator("td").all_inner_texts()
    assert cells == ["board_id required", "body", "1", "never"]
