"""The findings as SARIF 2.1.0: valid, at lines that are there, the same whatever the seed."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from contracts.findings import Known, Verdict
from contracts.report.model import as_report
from contracts.report.sarif import as_sarif
from contracts.runner import Result, unjudged
from mockserver.vendor import Vendor, load, shipped
from tests.tools.results import SECRET, exchange_of, finding_of, result_of
from tests.tools.serving import ROOT

KNOWN = Known("they mend it in May", "Ada", date(2026, 6, 1))


def validator() -> Draft4Validator:
    return Draft4Validator(json.loads((ROOT / "fixtures/schemas/sarif-2.1.0.json").read_text()))


def run_of(result: Result) -> dict[str, Any]:
    """The one run of a file, which is valid."""
    log = json.loads(as_sarif(as_report(result), result.vendor))
    assert [f"{error.json_path}: {error.message}" for error in validator().iter_errors(log)] == []
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def result_in(run: dict[str, Any], rule: str) -> dict[str, Any]:
    (found,) = (each for each in run["results"] if each["ruleId"] == rule)
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == rule
    return dict(found)


def line_at(place: dict[str, Any]) -> str:
    """The line of a file of ours that a location is about."""
    location = place["physicalLocation"]
    assert location["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
    lines = (ROOT / location["artifactLocation"]["uri"]).read_text(encoding="utf-8").splitlines()
    return lines[location["region"]["startLine"] - 1].strip()


@pytest.fixture
def result(kanman: Vendor) -> Result:
    """A documented rule broken, an assumed one that warns, a known one, and two failures without a rule."""
    findings = (
        finding_of(kanman, "KM-012", operation="deleteTask", what="see [here](http://evil) {0}"),
        finding_of(kanman, "KM-114", severity="warning"),
        finding_of(kanman, "KM-002", known=KNOWN),
        finding_of(kanman, "ST105 GET /boards"),
        finding_of(kanman, "ST105 POST /tasks", operation="POST /tasks", exchange=None),
    )
    return result_of(kanman, *findings, rules=("KM-001",), notes=("a note",), left_behind=("tasks 7: no",))


def test_schema__refuses_what_is_no_sarif() -> None:
    assert list(validator().iter_errors({"version": "2.1.0", "runs": [{"results": []}]}))


def test_rules__are_those_of_the_ledger_and_the_kinds_of_failure(result: Result) -> None:
    rules = run_of(result)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["KM-001", "KM-002", "KM-012", "KM-114", "ST105"]
    assert rules[2]["shortDescription"]["text"] == "DELETE needs scope delete; write is not enough."
    assert rules[2]["properties"]["source"].startswith("001:")
    levels = [rule["defaultConfiguration"]["level"] for rule in rules[:4]]
    assert levels == ["error", "error", "error", "warning"]


def test_result__of_a_rule_stands_at_its_line_of_the_ledger(result: Result) -> None:
    found = result_in(run_of(result), "KM-012")
    (place,) = found["locations"]
    assert line_at(place) == "- id: KM-012"
    assert place["logicalLocations"] == [{"fullyQualifiedName": "deleteTask"}]
    assert found["level"] == "error"


def test_result__names_the_lines_of_the_documents_behind_it(result: Result) -> None:
    *documents, operation = result_in(run_of(result), "KM-012")["relatedLocations"]
    places = [place["physicalLocation"] for place in documents]
    assert {place["artifactLocation"]["uri"] for place in places} == {"001_41b5fa45e5766f73.txt"}
    source = result.vendor.rules["KM-012"].source
    lines = [place["region"]["startLine"] for place in places]
    assert source == f"001:{','.join(map(str, lines))}"
    assert documents[0]["message"]["text"] == f"Tasks API page, line {lines[0]}"
    assert line_at(operation) == "delete:"


def test_result__without_a_rule_stands_at_its_operation(result: Result) -> None:
    found = [each for each in run_of(result)["results"] if each["ruleId"] == "ST105"]
    assert [line_at(each["locations"][0]) for each in found] == ["get:", "post:"]
    lines = [each["locations"][0]["physicalLocation"]["region"]["startLine"] for each in found]
    assert lines[0] != lines[1]


def test_result__shows_request_and_response(result: Result) -> None:
    found = result_in(run_of(result), "KM-012")
    assert found["webRequest"]["target"] == exchange_of().url
    assert found["webRequest"]["headers"] == {"authorization": "Bearer $OWNER_TOKEN"}
    assert found["webResponse"]["statusCode"] == 200
    assert found["properties"]["again"].startswith("proofboard test kanman")
    assert SECRET not in json.dumps(found)


def test_result__is_not_made_a_link_by_what_a_target_sent(result: Result) -> None:
    assert result_in(run_of(result), "KM-012")["message"]["text"] == r"see \[here\](http://evil) {0}"


def test_known__finding_is_suppressed_and_no_other(result: Result) -> None:
    run = run_of(result)
    assert {each["ruleId"] for each in run["results"] if each["suppressions"]} == {"KM-002"}
    (suppression,) = result_in(run, "KM-002")["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert suppression["justification"] == "they mend it in May (Ada, until 2026-06-01)"


def test_fingerprints__differ_by_finding_and_not_by_seed(result: Result) -> None:
    def fingerprints(made: Result) -> list[str]:
        return [each["partialFingerprints"]["primaryLocationLineHash"] for each in run_of(made)["results"]]

    again = replace(
        result,
        seed=99,
        target="http://else.example",
        findings=tuple(replace(each, seed=99, what="otherwise", exchange=None) for each in result.findings),
    )
    assert fingerprints(result) == fingerprints(again)
    assert len(set(fingerprints(result))) == 5


def test_run__that_could_not_judge_says_why(kanman: Vendor) -> None:
    run = run_of(unjudged(kanman, list(kanman.rules.values()), "", "gone", profile="quick", seed=7))
    (invocation,) = run["invocations"]
    assert (run["results"], invocation["executionSuccessful"], invocation["exitCode"]) == ([], False, 2)
    assert invocation["toolExecutionNotifications"] == [{"level": "error", "message": {"text": "gone"}}]


def test_run__tells_what_else_is_to_be_known(result: Result) -> None:
    crashed = tuple(
        Verdict("KM-001", "not judged", "failed", crashed=True) if each.rule == "KM-001" else each
        for each in result.verdicts
    )
    (invocation,) = run_of(replace(result, verdicts=crashed))["invocations"]
    told = [(each["level"], each["message"]["text"]) for each in invocation["toolExecutionNotifications"]]
    assert told == [("error", "failed"), ("warning", "left behind: tasks 7: no"), ("note", "a note")]
    assert invocation["executionSuccessful"] and invocation["startTimeUtc"].endswith("Z")


@pytest.mark.parametrize("name", shipped())
def test_vendor__every_rule_has_its_line(name: str) -> None:
    vendor = load(name)
    run = run_of(result_of(vendor, *(finding_of(vendor, rule, operation=None) for rule in vendor.rules)))
    places = {found["ruleId"]: line_at(found["locations"][0]) for found in run["results"]}
    assert places == {rule: f"- id: {rule}" for rule in vendor.rules}
    related = {found["ruleId"] for found in run["results"] if found["relatedLocations"]}
    assert related >= {rule.id for rule in vendor.rules.values() if rule.grade == "documented" and ":" in rule.source}


def test_vendor__of_somebodys_own_stands_where_it_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "fixtures/toy_vendor", tmp_path / "my vendor")
    vendor = load(tmp_path / "my vendor")
    result = result_of(vendor, finding_of(vendor, next(iter(vendor.rules)), operation=None))

    def place() -> dict[str, Any]:
        artifact = run_of(result)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
        return dict(artifact)

    assert place() == {"uri": (tmp_path / "my vendor" / "rules.yaml").as_uri()}
    monkeypatch.chdir(tmp_path)
    assert place() == {"uri": "my%20vendor/rules.yaml", "uriBaseId": "%SRCROOT%"}
