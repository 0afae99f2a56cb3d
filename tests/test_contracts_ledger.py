"""Rules that stand in the document are judged by what went over the wire."""

import json
from dataclasses import replace
from typing import Any

import pytest

from contracts import pointers
from contracts.document import Document
from contracts.findings import Exchange, Headers
from contracts.ledger import Ledger
from mockserver.vendor import Rule, Vendor, load

TASK = {
    "id": "770e8400-e29b-41d4-a716-446655440000",
    "label": "Design",
    "status": 1,
    "project_id": "660e8400-e29b-41d4-a716-446655440000",
    "workflow_lane_id": None,
    "position": "aaa",
    "description": None,
    "subtasks": [],
    "created_at": "2024-01-15T10:40:00Z",
    "updated_at": "2024-01-18T16:30:00Z",
}
QUOTA = [
    ("X-RateLimit-Limit", "12000"),
    ("X-RateLimit-Remaining", "11999"),
    ("X-RateLimit-Reset", "2024-02-01T00:00:00Z"),
]
BODY = "/paths/~1tasks/post/requestBody/content/application~1json/schema"


def exchange(answer: Any = None, **changes: Any) -> Exchange:
    """A good read of a task, but for the changes."""
    body = json.dumps({"task": TASK} if answer is None else answer).encode()
    good = Exchange(
        method="GET",
        url="http://x/v1/tasks/770e8400-e29b-41d4-a716-446655440000",
        path="/tasks/770e8400-e29b-41d4-a716-446655440000",
        request_headers=Headers(),
        request_body=None,
        status=200,
        headers=Headers([("Content-Type", "application/json"), *QUOTA]),
        body=body,
        elapsed=0.0,
        operation="getTask",
        caller="owner",
    )
    return replace(good, **changes)


def created(body: Any, status: int) -> Exchange:
    headers = Headers([("Content-Type", "application/json")])
    return exchange(
        {"task": TASK} if status == 201 else {"error": {"code": "invalid_request", "message": "No."}},
        method="POST",
        path="/tasks",
        operation="createTask",
        status=status,
        request_headers=headers,
        request_body=json.dumps(body).encode(),
    )


def judge(vendor: Vendor, pointer: str, *exchanges: Exchange, operations: tuple[str, ...] | None = None) -> str:
    """What becomes of a rule with one pointer, and why."""
    every = tuple(vendor.operations)
    rule = Rule("R", "A rule.", operations or every, "documented", "", None, "schema", (pointer,), 1)
    ledger = Ledger(vendor, [rule])
    for each in exchanges:
        ledger.watch(each)
    (verdict,) = ledger.verdicts()
    return f"{verdict.state}: {verdict.why}".rstrip(": ")


SCHEMAS = "/components/schemas"


@pytest.mark.parametrize(
    ("pointer", "change", "expected"),
    [
        (f"{SCHEMAS}/Task/properties/status", {"status": 1}, "holds"),
        (
            f"{SCHEMAS}/Task/properties/status",
            {"status": 7},
            "broken: getTask answered 200 at task.status: 7 is not one of",
        ),
        (f"{SCHEMAS}/Status/type", {"status": "1"}, "broken: getTask answered 200 at task.status: '1' is not of type"),
        (
            f"{SCHEMAS}/Task/required",
            {"position": ...},
            "broken: getTask answered 200 at task: 'position' is a required",
        ),
        (f"{SCHEMAS}/Task/additionalProperties", {"owner": 1}, "broken: getTask answered 200 at task: Additional"),
        (f"{SCHEMAS}/Task/additionalProperties", {}, "holds"),
        (
            f"{SCHEMAS}/Uuid/pattern",
            {"project_id": TASK["project_id"].upper()},
            "broken: getTask answered 200 at task.pro",
        ),
        (f"{SCHEMAS}/Uuid/pattern", {"workflow_lane_id": None}, "holds"),
        (
            f"{SCHEMAS}/Timestamp/pattern",
            {"created_at": "2024-01-15T10:40:00.5Z"},
            "broken: getTask answered 200 at task.c",
        ),
        (f"{SCHEMAS}/Subtask/properties/label", {}, "not judged: nothing exercised it"),
        (
            f"{SCHEMAS}/Subtask/properties/label",
            {"subtasks": [{"label": 1}]},
            "broken: getTask answered 200 at task.subtas",
        ),
    ],
)
def test_schema__of_an_answer(kanman: Vendor, pointer: str, change: dict[str, Any], expected: str) -> None:
    task = {name: value for name, value in {**TASK, **change}.items() if value is not ...}
    assert judge(kanman, pointer, exchange({"task": task})).startswith(expected)


def test_schema__only_the_operations_of_the_rule_count(kanman: Vendor) -> None:
    bad = exchange({"task": {**TASK, "status": 7}})
    place = f"{SCHEMAS}/Task/properties/status"
    assert judge(kanman, place, bad, operations=("updateTask",)) == "not judged: nothing exercised it"


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"task": NaN}'])
def test_schema__a_body_that_is_no_json(kanman: Vendor, body: bytes) -> None:
    told = judge(kanman, f"{SCHEMAS}/TaskAnswer", exchange(body=body))
    assert told.startswith("broken: getTask answered 200: expected a JSON body, got")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "holds"),
        (404, "not judged: nothing exercised it"),
        (202, "broken: getTask: expected 200, got 202"),
        (204, "broken: getTask: expected 200, got 204"),
    ],
)
def test_response__is_reached_by_its_status(kanman: Vendor, status: int, expected: str) -> None:
    assert judge(kanman, "/paths/~1tasks~1{id}/get/responses/200", exchange(status=status)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12000", "holds"),
        ("many", "broken: getTask answered 200: expected a header X-RateLimit-Limit that fits"),
        (None, "broken: getTask answered 200: expected the header X-RateLimit-Limit, there is none"),
    ],
)
def test_header__every_answer_bears_it(kanman: Vendor, value: str | None, expected: str) -> None:
    fields = [("Content-Type", "application/json"), *QUOTA[1:], *([("X-RateLimit-Limit", value)] if value else [])]
    told = judge(kanman, "/components/headers/X-RateLimit-Limit", exchange(headers=Headers(fields)))
    assert told.startswith(expected)


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "holds"), (405, "broken: getTask: GET is refused with 405"), (404, "not judged")]
)
def test_operation__is_offered(kanman: Vendor, status: int, expected: str) -> None:
    assert judge(kanman, "/paths/~1tasks~1{id}/get", exchange(status=status)).startswith(expected)


GOOD = {"projectId": TASK["project_id"], "label": "x"}


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (GOOD, 201, "holds"),
        ({"label": "x"}, 400, "holds"),
        ({"label": "x"}, 201, "broken: createTask accepted a body that it should refuse: 'projectId' is a required"),
        ({"label": "x"}, 404, "not judged"),
    ],
)
def test_body__what_is_accepted_and_refused(kanman: Vendor, body: Any, status: int, expected: str) -> None:
    assert judge(kanman, f"{SCHEMAS}/TaskCreate/required", created(body, status)).startswith(expected)


def test_body__a_valid_one_is_refused_for_what_no_accepted_one_had(kanman: Vendor) -> None:
    refused = created({**GOOD, "description": "y"}, 400)
    place = f"{SCHEMAS}/TaskCreate/properties"
    assert judge(kanman, f"{place}/description", created(GOOD, 201), refused) == (
        "broken: createTask refused a valid body with 400"
    )
    assert judge(kanman, f"{place}/label", created(GOOD, 201), refused) == "holds"


@pytest.mark.parametrize(
    ("pointer", "kind"),
    [
        (f"{SCHEMAS}/Task", "schema"),
        (f"{SCHEMAS}/Task/properties/id", "schema"),
        (f"{SCHEMAS}/Task/properties/subtasks/items", "schema"),
        (f"{SCHEMAS}/Task/required", "keyword"),
        (f"{SCHEMAS}/Task/additionalProperties", "keyword"),
        (f"{SCHEMAS}/Uuid/pattern", "keyword"),
        (BODY, "schema"),
        ("/components/headers/Allow", "header"),
        ("/components/responses/Forbidden", "response"),
        ("/paths/~1tasks/post", "operation"),
        ("/info/title", "unknown"),
    ],
)
def test_pointer__its_kind(kanman: Vendor, pointer: str, kind: str) -> None:
    assert pointers.make(Document(kanman.document), "R", frozenset(), pointer).kind == kind


def test_pointer__that_no_exchange_can_show_is_told(kanman: Vendor) -> None:
    assert judge(kanman, "/info/title", exchange()) == "not judged: no exchange shows the place /info/title"


def test_pointers__of_the_ledger_all_have_a_kind(kanman: Vendor) -> None:
    document = Document(kanman.document)
    for rule in kanman.rules.values():
        for pointer in rule.detail if rule.judge == "schema" else ():
            assert pointers.make(document, rule.id, frozenset(), pointer).kind != "unknown", (rule.id, pointer)


def test_body__refused_for_whom_it_names_blames_no_schema() -> None:
    """Of people that a tenant was not asked for, nobody knows which are there."""
    vendor = load("kanbert")
    ledger = Ledger(vendor, [vendor.rules["KB-303"], vendor.rules["KB-302"]])
    good = {"title": "x", "project_id": vendor.known["project_id"]}
    named = {"watchers": ["01hkm4spm0swc7eh24e0r9vnnx"], "is_public": True}
    reasons = {name: [f"The selected {name} is invalid."] for name in named}
    refusal = {"message": "The given data was invalid.", "errors": reasons}
    ledger.watch(replace(created(good, 201), body=b"{}"))
    for number in range(6):
        sent = created({**good, **named, "title": f"Task {number}"}, 422)
        ledger.watch(replace(sent, body=json.dumps(refusal).encode()))
    states = {verdict.rule: verdict.state for verdict in ledger.verdicts()}
    assert states == {"KB-303": "not judged", "KB-302": "broken"}
