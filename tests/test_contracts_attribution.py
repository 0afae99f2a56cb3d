"""Failures of the conformance suite find the rules behind them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from contracts.attribution import Attribution
from contracts.excuses import Excuses
from contracts.findings import Exchange, Headers
from contracts.ledger import Ledger
from contracts.model import Model
from contracts.schemathesis_adapter import Failure
from mockserver.vendor import Vendor
from tests.test_contracts_requests import exchange
from tests.tools.library import library, rule

PROJECT = "660e8400-e29b-41d4-a716-446655440000"
REFUSAL = {"error": {"code": "invalid_request", "message": "No."}}
EXCHANGE = Exchange(
    method="POST",
    url="http://x/v1/tasks",
    path="/tasks",
    request_headers=Headers([("Content-Type", "application/json")]),
    request_body=json.dumps({"projectId": PROJECT, "label": "x"}).encode(),
    status=400,
    headers=Headers([("Content-Type", "application/json")]),
    body=json.dumps(REFUSAL).encode(),
    elapsed=0,
    operation="createTask",
    caller="owner",
)


@pytest.fixture
def attribution(kanman: Vendor) -> Attribution:
    no_schema_rules = Ledger(kanman, [])
    return Attribution(Model(kanman), no_schema_rules)


def failure(code: str, message: str = "failed", **changes: Any) -> Failure:
    return Failure("check", code, "title", message, "POST /tasks", replace(EXCHANGE, **changes))


def blamed(attribution: Attribution, found: Failure) -> list[str]:
    return [rule.id for rule, _ in attribution.blame(found)]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"projectId": PROJECT, "label": " "}, "KM-127"),
        ({"projectId": PROJECT, "label": "x", "status": 9}, "KM-129"),
        ({"projectId": "x", "label": "x"}, "KM-130"),
        ({"label": "x"}, "KM-112"),
        ([], "KM-027"),
    ],
)
def test_blame__a_body_that_should_be_refused(attribution: Attribution, body: Any, rule: str) -> None:
    assert blamed(attribution, failure("ST201", request_body=json.dumps(body).encode())) == [rule]


def test_blame__by_content_type_and_by_path(attribution: Attribution) -> None:
    assert blamed(attribution, failure("ST201", request_headers=Headers([("Content-Type", "text/plain")]))) == [
        "KM-026"
    ]
    read = {"method": "GET", "path": "/tasks/7", "operation": "getTask", "request_body": None}
    assert blamed(attribution, failure("ST201", **read)) == ["KM-101"]


@pytest.mark.parametrize(
    ("code", "message", "rule"),
    [
        ("ST101", "", "KM-047"),
        ("ST204", "", "KM-030"),
        ("ST205", "", "KM-030"),
        ("ST401", "Expected 401, got 200 (invalid credentials provided)", "KM-018"),
        ("ST401", "Expected 401, got 200", "KM-019"),
    ],
)
def test_blame__by_situation(attribution: Attribution, code: str, message: str, rule: str) -> None:
    assert blamed(attribution, failure(code, message)) == [rule]


def test_blame__by_law(attribution: Attribution, kanman: Vendor) -> None:
    (rule,) = blamed(attribution, failure("ST103", status=418))
    assert kanman.rules[rule].detail == ("status-codes",)


def test_blame__by_schema_first(kanman: Vendor) -> None:
    ledger = Ledger(kanman, kanman.rules.values())
    broken = failure("ST108", body=b'{"error": {"code": 7, "message": "No."}}')
    assert "KM-034" in blamed(Attribution(Model(kanman), ledger), broken)


def test_grade__what_no_rule_answers_for_counts_unless_it_was_generated(attribution: Attribution) -> None:
    assert blamed(attribution, failure("ST105")) == [] and attribution.grade(failure("ST105")) is None
    assert attribution.grade(failure("ST202")) == "assumed"


@pytest.mark.parametrize(
    ("body", "expected"), [({"projectId": PROJECT}, False), ({"projectId": "7"}, True), ({"label": "x"}, False)]
)
def test_excuse__a_404_that_speaks_of_another_record(kanman: Vendor, body: Any, expected: bool) -> None:
    gone = failure("ST302", status=404, operation="updateTask", request_body=json.dumps(body).encode())
    assert Excuses(Model(kanman)).holds(gone, {"project_id": PROJECT}) is expected


def test_blame__a_form_as_a_body_of_fields() -> None:
    """Beyond JSON the body is judged by its own schema too, and a query by no rule about paths."""
    tables = library().behaviour["operations"]
    create = {**tables["createBook"], "rules": {"body_invalid": {"year": "LB-2"}}}
    rules = {"LB-2": replace(rule(library(), "/info"), id="LB-2")}
    vendor = replace(library(operations=tables | {"createBook": create}), rules=rules)
    attribution = Attribution(Model(vendor), Ledger(vendor, []))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = exchange(body=b"book%5Byear%5D=soon", headers=kind)
    assert blamed(attribution, Failure("check", "ST201", "title", "message", "op", sent)) == ["LB-2"]
    asked = exchange("listBooks", url="/books?order=shelf")
    assert blamed(attribution, Failure("check", "ST201", "title", "message", "op", asked)) == []
