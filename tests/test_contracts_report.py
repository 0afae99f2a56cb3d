"""A result as files and on the terminal: whole, valid, and without secrets."""

import json
import xml.etree.ElementTree as xml
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from contracts.findings import Exchange, Finding, Headers, Verdict
from contracts.mask import Mask
from contracts.report import files, terminal
from contracts.runner import Result
from mockserver.vendor import Vendor

SECRET = "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"


@pytest.fixture
def result(kanman: Vendor) -> Result:
    """A run over four rules that found one of them broken, and a failure that no rule answers for."""
    ids = ("KM-001", "KM-002", "KM-003", "KM-114")
    mask = Mask({"owner": {"Authorization": f"Bearer {SECRET}"}})
    exchange = Exchange(
        method="GET",
        url="http://127.0.0.1/v1/boards",
        path="/boards",
        request_headers=Headers([("Authorization", f"Bearer {SECRET}")]),
        request_body=None,
        status=200,
        headers=Headers(),
        body=f"\x1b[2J\x00 {SECRET}".encode(),
        elapsed=0.1,
        operation="listBoards",
        mask=mask,
    )
    broken = Finding(
        title="A rule.",
        what=f"expected 1, got \x1b[31m{SECRET}",
        suite="rules",
        key="KM-114",
        seed=7,
        rule="KM-114",
        grade="assumed",
        severity="warning",
        exchange=exchange,
    )
    own = Finding(title="Odd", what="odd \x00", suite="conformance", key="ST105 GET /boards", seed=7, exchange=exchange)
    return Result(
        vendor=kanman,
        target="http://127.0.0.1/v1",
        is_mock=False,
        seed=7,
        profile="quick",
        exit_code=1,
        reason=None,
        rules=tuple(kanman.rules[rule] for rule in ids),
        verdicts=(
            Verdict("KM-001", "holds", "", 3),
            Verdict("KM-002", "not judged", "what it needs is missing"),
            Verdict("KM-003", "not judged", "the check itself failed", crashed=True),
            Verdict("KM-114", "broken", "expected 1", 1),
        ),
        findings=(own, broken),
        notes=("a note",),
        left_behind=("tasks 7: no",),
        requests=10,
        mask=mask,
    )


def told(result: Result, *, is_terminal: bool = False) -> str:
    out = StringIO()
    terminal.show(Console(file=out, force_terminal=is_terminal, width=60, highlight=False), result)
    return out.getvalue()


def test_json__has_its_structure(result: Result) -> None:
    report = json.loads(files.as_json(result))
    assert (report["format"], report["verdict"], report["exit_code"]) == (1, "does not conform", 1)
    assert report["target"] == {"url": "http://127.0.0.1/v1", "kind": "tenant"}
    assert report["counts"] == {"holds": 1, "broken": 1, "not_judged": 2, "errors": 1, "warnings": 1}
    assert [rule["state"] for rule in report["rules"]] == ["holds", "not judged", "not judged", "broken"]
    finding = report["findings"][1]
    assert finding["curl"] == 'curl -i http://127.0.0.1/v1/boards -H "authorization: Bearer $OWNER_TOKEN"'
    assert finding["again"].endswith("--target http://127.0.0.1/v1 --profile quick --seed 7 --rule KM-114")


def test_junit__has_a_testcase_for_each_rule(result: Result) -> None:
    (suite,) = xml.fromstring(files.as_junit(result))
    cases = {case.get("name", "").split()[0]: [child.tag for child in case] for case in suite}
    assert cases == {
        "KM-001": [],
        "KM-002": ["skipped"],
        "KM-003": ["error"],
        "KM-114": ["system-out"],
        "Odd:": ["failure"],
    }
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "5",
        "1",
        "1",
        "1",
    )


def test_junit__a_run_without_a_verdict_is_an_error(result: Result) -> None:
    (suite,) = xml.fromstring(files.as_junit(replace(result, exit_code=2, reason="gone \x0b")))
    assert suite[-1][0].tag == "error" and suite[-1][0].get("message") == "gone �"


def test_files__hold_no_secret(result: Result, tmp_path: Path) -> None:
    for path in files.write(result, tmp_path / "new" / "folder"):
        assert SECRET not in path.read_text()
    assert sorted(path.name for path in (tmp_path / "new/folder").iterdir()) == ["junit.xml", "report.json"]


def test_terminal__tells_what_counts(result: Result) -> None:
    text = told(result)
    assert "holds: KM-001\n" in text
    assert "  KM-002: what it needs is missing\n  KM-003: the check itself failed\n" in text  # as the ledger stands
    assert "warning: KM-114 (assumed): A rule.\n" in text
    assert "broken: conformance: Odd\n" in text
    assert "left behind: tasks 7: no\n" in text
    assert (
        text.rstrip()
        .splitlines()[-1]
        .startswith("KanMan does not conform: 1 hold, 1 broken, 2 not judged; 1 error, 1 warn")
    )


def test_terminal__what_is_left_behind_is_told_by_kind_and_reason(result: Result) -> None:
    lines = [
        "tasks 7: the delete answered 403",
        *(f"notes {number}: no operation deletes one" for number in range(1, 6)),
    ]
    told_lines = told(replace(result, left_behind=tuple(lines))).splitlines()
    assert [line for line in told_lines if line.startswith("left")] == [
        "left behind: notes 1, 2, 3 and 2 more: no operation deletes one",
        "left behind: tasks 7: the delete answered 403",
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_terminal__is_not_steered_by_answers(result: Result, is_terminal: bool) -> None:
    text = told(result, is_terminal=is_terminal)
    assert "\x1b[31m$OWNER" not in text and r"got \x1b[31m$OWNER_TOKEN" in text and SECRET not in text


def test_ranges__neighbours_are_told_shortly() -> None:
    order = ["a", "b", "c", "d", "e", "f"]
    assert terminal.ranges(["a", "b", "c", "e"], order) == "a to c, e"
    assert terminal.ranges(["a", "b", "f"], order) == "a, b, f"


def test_progress__off_a_terminal_is_a_line_now_and_then() -> None:
    out = StringIO()
    progress = terminal.LiveProgress(Console(file=out, force_terminal=False))
    progress.stage("rules", 30)
    for number in range(30):
        progress.step(f"R-{number}")
    progress.stop()
    assert out.getvalue() == "  rules: 30 to judge\n  rules 25 of 30: R-24\n"
