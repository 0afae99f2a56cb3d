"""A result as files and on the terminal: whole, valid, and without secrets."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from contracts.findings import Exchange, Finding, Headers, Known, Verdict
from contracts.report import files, terminal
from contracts.report.model import as_report, schema
from contracts.runner import Result, unjudged
from contracts.safety.mask import Mask
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Vendor, load, shipped
from tests.tools.judging import judge

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
    assert report["counts"] == {"holds": 1, "broken": 1, "not_judged": 2, "errors": 1, "warnings": 1, "known": 0}
    assert [rule["state"] for rule in report["rules"]] == ["holds", "not judged", "not judged", "broken"]
    finding = report["findings"][1]
    assert finding["curl"] == 'curl -i http://127.0.0.1/v1/boards -H "authorization: Bearer $OWNER_TOKEN"'
    assert finding["again"].endswith("--target http://127.0.0.1/v1 --profile quick --seed 7 --rule KM-114")


def test_json__tells_where_rules_stand(result: Result) -> None:
    report = as_report(result)
    assert report["rules"][0]["section"] == "Transport, token and scopes"
    assert report["rules"][3]["section"] == "Create task"
    assert report["documents"]["001"].startswith("Tasks API page")


def test_json__tells_limits_and_what_was_used(result: Result) -> None:
    limited = replace(result, limits={"requests": 500, "seconds": 60.0}, writes=4, seconds=1.5)
    assert as_report(limited)["budget"] == {
        "limits": {"requests": 500, "writes": None, "per_minute": None, "seconds": 60.0},
        "spent": {"requests": 10, "writes": 4, "seconds": 1.5},
    }


def test_json__what_is_known_counts_apart(result: Result) -> None:
    own, broken = result.findings
    known = Known("They know", "Ada", date(2027, 3, 1))
    report = as_report(replace(result, findings=(replace(own, known=known), broken)))
    assert (report["counts"]["errors"], report["counts"]["warnings"], report["counts"]["known"]) == (0, 1, 1)
    assert report["findings"][0]["known"] == {"reason": "They know", "owner": "Ada", "expires": "2027-03-01"}


def test_json__a_secret_is_no_name_of_a_header_either(result: Result) -> None:
    own, broken = result.findings
    token = "km_abcdefghijklmnopqrstuvwxyz012345"
    assert own.exchange is not None
    spoken = replace(own, exchange=replace(own.exchange, headers=Headers([(f"X-{token}", "1")])))
    mask = Mask({"owner": {"Authorization": f"Bearer {token}"}})
    assert token not in files.as_json(replace(result, findings=(spoken, broken), mask=mask)).decode()


# The schema


def closed(node: Any) -> Iterator[bool]:
    """For each object that the schema describes: whether it tells every key, or what every key's value is."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield isinstance(node.get("additionalProperties"), dict) or (
                node.get("additionalProperties") is False and set(node["required"]) == set(node["properties"])
            )
        for part in node.values():
            yield from closed(part)
    if isinstance(node, list):
        for part in node:
            yield from closed(part)


def test_schema__is_one_and_leaves_nothing_untold() -> None:
    Draft202012Validator.check_schema(schema())
    assert all(closed(schema()))


def mistakes(report: Any) -> list[str]:
    validator = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(report)]


def test_schema__fits_every_report(result: Result) -> None:
    own, broken = result.findings
    bare = replace(own, exchange=None, also=("ST106",), known=Known("They know", "Ada", date(2027, 3, 1)))
    reports = [
        result,
        replace(result, is_mock=True, exit_code=0, findings=()),
        replace(result, exit_code=2, reason="interrupted", started_at=datetime(2026, 3, 2, 9, tzinfo=UTC)),
        replace(result, findings=(bare, broken), limits={"requests": 1, "writes": 0, "seconds": 0.5}),
    ]
    for each in reports:
        assert mistakes(json.loads(files.as_json(each))) == []


@pytest.mark.parametrize("name", shipped())
def test_schema__fits_a_run_that_could_not_begin(name: str) -> None:
    vendor = load(name)
    result = unjudged(vendor, vendor.rules.values(), "", "connection refused", profile="quick", seed=7)
    report = json.loads(files.as_json(result))
    assert mistakes(report) == []
    assert report["coverage"]["operations"] == {"reached": 0, "total": len(vendor.operations)}


def test_schema__fits_what_a_run_writes(kanman: Vendor) -> None:
    def lose_labels(memory: Any, request: Outgoing, send: Any) -> Reply:
        reply: Reply = send(request)
        return replace(reply, body=reply.body.replace(b'"label"', b'"name"'))

    rules = [rule for rule in kanman.rules.values() if rule.detail in (("transitions",), ("create-and-read",))]
    result = judge(kanman, lose_labels, rules, tenant=True)
    report = json.loads(files.as_json(result))
    assert result.findings and mistakes(report) == []
    assert sum(each["requests"] for each in report["coverage"]["by_operation"]) == report["requests"]


def test_schema__refuses_another_report(result: Result) -> None:
    report = json.loads(files.as_json(result))
    report["rules"][0]["state"] = "perhaps"
    del report["coverage"]
    report["more"] = 1
    assert len(mistakes(report)) == 3


def test_files__hold_no_secret(result: Result, tmp_path: Path) -> None:
    for path in files.write(result, tmp_path / "new" / "folder"):
        assert SECRET not in path.read_text()
    assert sorted(path.name for path in (tmp_path / "new/folder").iterdir()) == sorted(files.NAMES)


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
    assert "\x1b[31m$OWNER" not in text and r"got \u001b[31m$OWNER_TOKEN" in text and SECRET not in text


def test_ranges__neighbours_are_told_shortly() -> None:
    order = ["a", "b", "c", "d", "e", "f"]
    assert terminal.ranges(["a", "b", "c", "e"], order) == "a to c, e"
    assert terminal.ranges(["a", "b", "f"], order) == "a, b, f"
