"""What a run has exercised of the document: operations, statuses, parameters, and transitions of lifecycles."""

import json
from dataclasses import replace
from typing import Any

import pytest

from contracts.coverage import Coverage
from contracts.findings import Exchange, Headers
from mockserver.vendor import Vendor, load
from tests.bends import straight
from tests.tools.judging import judge

TASK = "11111111-2222-4333-8444-555555555555"
JSON = [("Content-Type", "application/json")]


def exchange(operation: str | None, status: int = 200, **told: Any) -> Exchange:
    """An exchange of KanMan's getTask, if nothing else is told."""
    path, query = told.get("path", f"/tasks/{TASK}"), told.get("query", "")
    sent, got = told.get("sent"), told.get("got")
    return Exchange(
        method=told.get("method", "GET"),
        url=f"http://127.0.0.1/v1{path}{query}",
        path=path,
        request_headers=Headers([*told.get("headers", JSON)]),
        request_body=sent if sent is None or isinstance(sent, bytes) else json.dumps(sent).encode(),
        status=status,
        headers=Headers(JSON),
        body=b"" if got is None else json.dumps(got).encode(),
        elapsed=0.0,
        operation=operation,
    )


def operation_of(coverage: Coverage, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in coverage.told()["by_operation"] if each["id"] == name)
    return found


def parameters_of(coverage: Coverage, name: str) -> dict[str, tuple[int, int]]:
    """Name -> how often it was sent valid, and how often wrong."""
    return {each["name"]: (each["valid"], each["invalid"]) for each in operation_of(coverage, name)["parameters"]}


# Operations and statuses


def test_coverage__begins_with_nothing_reached(kanman: Vendor) -> None:
    told = Coverage(kanman).told()
    assert told["operations"] == {"reached": 0, "total": len(kanman.operations)}
    assert told["statuses"]["reached"] == told["parameters"]["reached"] == told["outside"] == 0
    assert told["statuses"]["total"] == sum(len(each.document["responses"]) for each in kanman.operations.values())


def test_coverage__statuses_are_documented_or_odd(kanman: Vendor) -> None:
    coverage = Coverage(kanman)
    for status in (200, 200, 404, 418):
        coverage.watch(exchange("getTask", status))
    found = operation_of(coverage, "getTask")
    seen = {each["status"]: (each["documented"], each["seen"]) for each in found["statuses"]}
    assert found["requests"] == 4
    assert (seen["200"], seen["404"], seen["418"]) == ((True, 2), (True, 1), (False, 1))
    assert seen["401"] == (True, 0)
    assert coverage.told()["statuses"]["undocumented"] == 1


def test_coverage__a_class_of_statuses_covers_its_answers(kanman: Vendor) -> None:
    operation = kanman.operations["getTask"]
    responses = {"4XX": {"description": "refused"}, "default": {"description": "else"}}
    changed = replace(operation, document={**operation.document, "responses": responses})
    coverage = Coverage(replace(kanman, operations={"getTask": changed}))
    for status in (404, 418, 200):
        coverage.watch(exchange("getTask", status))
    seen = {each["status"]: each["seen"] for each in operation_of(coverage, "getTask")["statuses"]}
    assert seen == {"4XX": 2, "default": 1}


def test_coverage__requests_to_no_documented_operation_count_apart(kanman: Vendor) -> None:
    coverage = Coverage(kanman)
    coverage.watch(exchange(None, 404, path="/nowhere"))
    assert coverage.told()["outside"] == 1
    assert coverage.told()["operations"]["reached"] == 0


# Parameters and fields


def test_coverage__a_parameter_is_sent_valid_or_wrong(kanman: Vendor) -> None:
    coverage = Coverage(kanman)
    coverage.watch(exchange("getTask"))
    coverage.watch(exchange("getTask", 400, path="/tasks/12"))
    assert parameters_of(coverage, "getTask")["id"] == (1, 1)


def test_coverage__a_query_is_read_as_its_schema_means_it() -> None:
    coverage = Coverage(load("geotareas"))
    for query in ("?limit=25", "?limit=many", "?limit=0&offset=3", ""):
        coverage.watch(exchange("listWorkspaces", path="/apidev/v1/kanban/workspaces", query=query))
    assert parameters_of(coverage, "listWorkspaces") == {"limit": (1, 2), "offset": (1, 0)}


def test_coverage__fields_of_a_body_count_one_by_one(kanman: Vendor) -> None:
    coverage = Coverage(kanman)
    for body in ({"label": "One"}, {"label": 7, "status": 1}, {"status": "done"}):
        coverage.watch(exchange("updateTask", method="PATCH", sent=body))
    found = parameters_of(coverage, "updateTask")
    assert (found["label"], found["status"], found["description"]) == ((1, 1), (1, 1), (0, 0))
    assert found["(whole body)"] == (1, 2)


def test_coverage__fields_below_a_wrapper_bear_its_name() -> None:
    coverage = Coverage(load("kantata"))
    body = {"custom_task_status": {"status": "Done", "category": "started", "status_set_id": 7}}
    coverage.watch(exchange("createCustomTaskStatus", path="/custom_task_statuses", method="POST", sent=body))
    found = parameters_of(coverage, "createCustomTaskStatus")
    assert (found["custom_task_status"], found["custom_task_status.status"]) == ((1, 0), (1, 0))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"label": "\\ud800"}',
        b'{"label": NaN}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"status": 1e999}',
        b'{"status": ' + b"9" * 400 + b"}",
    ],
    ids=["cut", "bytes", "half-a-pair", "nan", "deep", "infinite", "long"],
)
def test_coverage__no_body_stops_a_run(kanman: Vendor, body: bytes) -> None:
    coverage = Coverage(kanman)
    coverage.watch(exchange("updateTask", 400, method="PATCH", sent=body, got=[]))
    assert parameters_of(coverage, "updateTask")["(whole body)"] == (0, 1)


# Transitions


def seeded(vendor: Vendor, state: str) -> str:
    return next(str(each["id"]) for each in vendor.seed["records"]["tasks"] if each["status"] == state)


def move(
    task: str, target: str, status: int = 200, *, before: str | None = None, code: str = "", world: str = "one"
) -> Exchange:
    """An exchange that asks GeoTareas for another state of a task."""
    got: dict[str, Any] = {"success": False, "error": {"code": code, "message": "No."}, "meta": {}}
    if status == 200:
        told = {"task_id": task, "previous_status": before, "new_status": target, "updated_at": "2026-03-02T09:00:00Z"}
        got = {"success": True, "data": told, "meta": {}}
    path = f"/apidev/v1/kanban/tasks/{task}/state"
    sent = {"target_status": target, "board_id": "1"}
    headers = [*JSON, ("X-Mock-World", world)]
    return exchange("setTaskState", status, path=path, method="PUT", headers=headers, sent=sent, got=got)


def walked(coverage: Coverage) -> dict[tuple[str, str], tuple[int, int, str]]:
    """The transitions that were seen at all: how often taken and refused, and what that comes to."""
    (lifecycle,) = coverage.transitions.told()
    return {
        (each["from"], each["to"]): (each["taken"], each["refused"], each["outcome"])
        for each in lifecycle["transitions"]
        if each["outcome"] != "not tried"
    }


REFUSED = {"status": 400, "code": "STATE_CHANGE_FAILED"}


def test_transitions__start_where_the_seed_says_in_a_world_of_our_own() -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor, is_own_world=True)
    task = seeded(vendor, "INI")
    coverage.watch(move(task, "SA", **REFUSED))
    coverage.watch(move(task, "USU", before="INI"))
    coverage.watch(move(task, "FIN", before="USU"))
    assert walked(coverage) == {
        ("INI", "SA"): (0, 1, "refused"),
        ("INI", "USU"): (1, 0, "walked"),
        ("USU", "FIN"): (1, 0, "walked"),
    }


def test_transitions__start_where_an_answer_tells_on_a_tenant() -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor)
    task = seeded(vendor, "INI")
    coverage.watch(move(task, "CAN", **REFUSED))  # nobody knows from where
    coverage.watch(move(task, "USU", before="ACE"))
    assert walked(coverage) == {("ACE", "USU"): (1, 0, "walked")}


def test_transitions__what_the_table_forbids_is_broken_when_taken() -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor, is_own_world=True)
    coverage.watch(move(seeded(vendor, "FIN"), "SA", before="FIN"))
    assert walked(coverage) == {("FIN", "SA"): (1, 0, "broken")}


def test_transitions__what_the_table_allows_is_broken_when_only_refused() -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor, is_own_world=True)
    task = seeded(vendor, "INI")
    coverage.watch(move(task, "USU", **REFUSED))
    assert walked(coverage) == {("INI", "USU"): (0, 1, "broken")}
    coverage.watch(move(task, "USU", before="INI"))
    assert walked(coverage) == {("INI", "USU"): (1, 1, "walked")}


def test_transitions__a_condition_may_refuse() -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor, is_own_world=True)
    coverage.watch(move(seeded(vendor, "SA"), "ASI", **REFUSED))
    assert walked(coverage) == {("SA", "ASI"): (0, 1, "refused")}


@pytest.mark.parametrize(("status", "code"), [(400, "VALIDATION_ERROR"), (403, "FORBIDDEN"), (500, "")])
def test_transitions__another_refusal_is_none_of_the_transition(status: int, code: str) -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor, is_own_world=True)
    coverage.watch(move(seeded(vendor, "INI"), "USU", status, code=code))
    assert walked(coverage) == {}


def test_transitions__worlds_are_apart() -> None:
    vendor = load("geotareas")
    coverage = Coverage(vendor, is_own_world=True)
    task = seeded(vendor, "INI")
    coverage.watch(move(task, "USU", before="INI", world="one"))
    coverage.watch(move(task, "FIN", before="INI", world="two"))
    assert set(walked(coverage)) == {("INI", "USU"), ("INI", "FIN")}


def test_transitions__a_field_like_others_is_walked_by_updates(kanman: Vendor) -> None:
    coverage = Coverage(kanman)
    made = {"task": {"id": TASK, "status": 0}}
    coverage.watch(exchange("createTask", 201, path="/tasks", method="POST", sent={"label": "One"}, got=made))
    done = {"task": {"id": TASK, "status": 2}}
    coverage.watch(exchange("updateTask", method="PATCH", sent={"status": 2}, got=done))
    coverage.watch(exchange("updateTask", 422, method="PATCH", sent={"status": 0}))
    coverage.watch(exchange("updateTask", 422, method="PATCH", sent={"status": 1, "label": 7}))  # for its label
    coverage.watch(exchange("updateTask", 422, method="PATCH", sent={"status": True}))  # is no 1
    assert walked(coverage) == {("0", "2"): (1, 0, "walked"), ("2", "0"): (0, 1, "broken")}


def test_transitions__a_law_walks_them_all_on_a_tenant(kanman: Vendor) -> None:
    rules = [rule for rule in kanman.rules.values() if rule.detail == ("transitions",)]
    result = judge(kanman, straight, rules, tenant=True)
    assert result.exit_code == 0 and result.coverage is not None
    (lifecycle,) = result.coverage.transitions.told()
    assert lifecycle["walked"] == lifecycle["allowed"] == 9
