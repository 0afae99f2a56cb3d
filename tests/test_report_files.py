"""The files of a report: all of them always, each whole or not at all; and JUnit, which CI reads."""

import json
import xml.etree.ElementTree as xml
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from contracts.findings import Known, Verdict
from contracts.report import files
from contracts.report.har import Recorder
from contracts.report.junit import as_junit
from contracts.report.model import as_report
from contracts.runner import Result, unjudged
from mockserver.vendor import Vendor
from tests.tools.results import SECRET, exchange_of, finding_of, result_of


@pytest.fixture
def result(kanman: Vendor) -> Result:
    """Two rules are broken, one of which only warns, one is known; one crashed, one was not judged, one holds."""
    findings = (
        finding_of(kanman, "KM-012", what=f"odd \x00 {SECRET}"),
        finding_of(kanman, "ST105 GET /boards"),
        finding_of(kanman, "KM-114", severity="warning"),
        finding_of(kanman, "KM-002", known=Known("they mend it in May", "Ada", date(2026, 6, 1))),
    )
    made = result_of(kanman, *findings, rules=("KM-001", "KM-003", "KM-004"))
    odd = {
        "KM-003": Verdict("KM-003", "not judged", "the check itself failed", crashed=True),
        "KM-004": Verdict("KM-004", "not judged", "needs a reader credential"),
    }
    return replace(
        made,
        verdicts=tuple(odd.get(verdict.rule, verdict) for verdict in made.verdicts),
        notes=("a note",),
        left_behind=("tasks 7: no",),
    )


def suite_of(result: Result) -> xml.Element:
    (suite,) = xml.fromstring(as_junit(as_report(result)))
    return suite


def cases(result: Result) -> dict[str, list[str]]:
    return {
        case.get("name", "").split()[0]: [child.tag for child in case] for case in suite_of(result).iter("testcase")
    }


# The folder


def test_files__are_all_there_and_hold_no_secret(result: Result, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    recorder = Recorder(folder)
    folder.mkdir(parents=True)
    recorder.watch(exchange_of())
    written = files.write(result, folder, recorder)
    assert [path.name for path in written] == list(files.NAMES)
    assert sorted(path.name for path in folder.iterdir()) == sorted(files.NAMES)
    assert [path.name for path in written if SECRET in path.read_text()] == []
    assert len(json.loads((folder / "exchanges.har").read_text())["log"]["entries"]) == 1


def test_files__of_a_run_that_could_not_begin_replace_those_of_the_last(
    kanman: Vendor, result: Result, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path)
    recorder.watch(exchange_of())
    files.write(result, tmp_path, recorder)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rules = list(kanman.rules.values())[:3]
    files.write(unjudged(kanman, rules, "http://127.0.0.1/v1", "gone", profile="quick", seed=7), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["reason"] == "gone"
    assert json.loads((tmp_path / "exchanges.har").read_text())["log"]["entries"] == []
    assert [name for name, content in before.items() if (tmp_path / name).read_bytes() == content] == []


def test_files__that_cannot_be_replaced_leave_no_draft_in_their_place(result: Result, tmp_path: Path) -> None:
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(OSError, match="junit"):
        files.write(result, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "does not conform"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


# JUnit


def test_junit__has_a_testcase_for_each_rule_and_for_what_no_rule_answers_for(result: Result) -> None:
    assert cases(result) == {
        "KM-001": [],
        "KM-002": ["skipped", "system-out"],
        "KM-003": ["error"],
        "KM-004": ["skipped"],
        "KM-012": ["failure"],
        "KM-114": ["system-out"],
        "Server": ["failure"],
    }


def test_junit__counts_what_it_holds(result: Result) -> None:
    suite = suite_of(result)
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "7", "failures": "2", "errors": "1", "skipped": "2"}
    assert suite[0].tag == "properties" and suite[-1].tag == "system-out"
    assert suite[-1].text == "a note\nleft behind: tasks 7: no"


def test_junit__tells_a_failure_and_how_to_find_it_again(result: Result) -> None:
    failure = suite_of(result).find(".//failure")
    assert failure is not None and failure.text is not None
    assert (failure.get("message"), failure.get("type")) == ("odd � $OWNER_TOKEN", "documented")
    assert "curl -i" in failure.text and "proofboard test kanman" in failure.text


def test_junit__skips_what_is_known_with_reason_and_owner(result: Result) -> None:
    (skipped,) = (each for each in suite_of(result).iter("skipped") if each.get("type") == "known")
    assert skipped.get("message") == "known until 2026-06-01: they mend it in May (Ada)"


def test_junit__a_run_without_a_verdict_is_an_error(result: Result) -> None:
    case = list(suite_of(replace(result, exit_code=2, reason="gone \x0b")).iter("testcase"))[-1]
    assert case[0].tag == "error" and case[0].get("message") == "gone �"
