"""KanMan: what a body may say, and what a refused one leaves behind."""

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.expecting import (
    expect,
    expect_kept,
    expect_status,
)
from contracts.findings import Broken
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kanman_steps import (
    Task,
    change,
    create,
    expect_invalid,
    home,
    ids,
    label,
    listed,
    patch,
    post,
    read,
    refused_and_kept,
    refused_and_none_made,
    task_of,
)
from contracts.tenant import Answer, Tenant

BLANK = ("", " ", "\t\n ", "\u00a0", "\u3000\u2003")
LANE = "990e8400-e29b-41d4-a716-446655440999"


def _body(tenant: Tenant, **sent: Any) -> dict[str, Any]:
    return {"projectId": home(tenant), "label": label(tenant, "A body to refuse"), **sent}


def _all_bad(tenant: Tenant, field: str, values: Sequence[Any], room: tuple[int, ...] = ()) -> None:
    """Values that both create and update refuse, with 400 or, on a tenant, one of the statuses of `room`."""
    statuses = (400,) if tenant.is_mock else (400, *room)
    task = create(tenant)
    before, listed_before = read(tenant, task), ids(listed(tenant, home(tenant)))
    is_refused = True
    for value in values:
        for answer in (post(tenant, _body(tenant, **{field: value})), patch(tenant, task, {field: value})):
            what = f"{answer.exchange.method} with {field}: {short(value)}"
            expect_status(answer, what, *statuses)
            expect_invalid(tenant, answer, what, field)
            is_refused = is_refused and answer.status >= 400
    if is_refused:  # what a tenant took instead may change the task
        expect_kept(f"a read after refused updates of {field}", before, read(tenant, task))
        made = [identity for identity in ids(listed(tenant, home(tenant))) if identity not in listed_before]
        expect(not made, f"refused creates with a bad {field} made {len(made)} tasks")


@rule("KM-046")
def a_refused_body_names_its_fields(tenant: Tenant) -> None:
    task = create(tenant)
    answer = refused_and_none_made(tenant, {}, 400)
    for field in ("projectId", "label"):
        expect_invalid(tenant, answer, "POST of an empty object", field)
    bodies: list[dict[str, Any]] = [{"label": 7}, {"status": 9}, {"description": ["a"]}, {"label": 7, "status": 9}]
    for body in bodies:
        for answer in (patch(tenant, task, body), post(tenant, _body(tenant, **body))):
            expect_status(answer, f"{answer.exchange.method} with {short(body)}", 400)
            for field in body:
                expect_invalid(tenant, answer, f"{answer.exchange.method} with {short(body)}", field)
            _names_no_other(answer, body)


def _names_no_other(answer: Answer, body: Mapping[str, Any]) -> None:
    """A field that is good is not among those that are told to be bad."""
    details = answer.error("details")
    fields = details.get("fields", {}) if isinstance(details, dict) else {}
    others = set(fields) - set(body)
    expect(not others, f"expected only {sorted(body)} to be named, got {brief(answer)}", answer)


@rule("KM-127")
def a_blank_label_is_refused(tenant: Tenant) -> None:
    _all_bad(tenant, "label", BLANK if tenant.is_mock else BLANK[:2], room=(200, 201))


@rule("KM-128")
def a_label_may_be_long(tenant: Tenant) -> None:
    for length in (1, 100, 255, 256, 1000, 70_000) if tenant.is_mock else (1, 100):
        text = ("The quick brown fox. " * (length // 20 + 1))[: length - 1] + "."
        for task in (create(tenant, label=text), change(tenant, create(tenant), label=text)):
            kept = read(tenant, task)["label"]
            expect(kept == text, f"expected a label of {length} characters, got {len(str(kept))}: {short(kept)}")


@rule("KM-129")
def a_status_is_the_integer_0_1_or_2(tenant: Tenant) -> None:
    _all_bad(tenant, "status", [3, -1, 0.5, True, 2.5, 10**20])
    _all_bad(tenant, "status", ["1", None], room=(200, 201))
    task = create(tenant)
    answer = patch(tenant, task, {"status": 1.0})
    if answer.status != 400 or tenant.is_mock:  # a tenant may refuse 1.0
        expect_status(answer, "PATCH with status 1.0", 200)
        got = read(tenant, task)["status"]
        expect(got == 1 and isinstance(got, int), f"after PATCH with status 1.0: expected 1, got {short(got)}")


@rule("KM-130")
def a_project_id_is_a_uuid(tenant: Tenant) -> None:
    known = home(tenant)
    texts = ["not-an-id", "", known[:-1], known + "0", "g" + known[1:]]
    _all_bad(tenant, "projectId", [*texts, 7, None, [known]], room=(404,))


@rule("KM-158")
def a_label_cannot_be_cleared(tenant: Tenant) -> None:
    task = create(tenant)
    answer = refused_and_kept(tenant, task, {"label": None}, 400)
    expect_invalid(tenant, answer, "PATCH with label null", "label")


@rule("KM-153")
def an_unknown_target_project_is_refused(tenant: Tenant) -> None:
    task = create(tenant, description="Stays where it is")
    for unknown in (tenant.unknown_id("projects"), tenant.unknown_id("projects")):
        bodies: list[dict[str, Any]] = [
            {"projectId": unknown},
            {"projectId": unknown, "label": "Elsewhere", "status": 2},
        ]
        for body in bodies:
            answer = refused_and_kept(tenant, task, body, 404)
            code, details = answer.error_code(), answer.error("details")
            expect(code == "project_not_found", f"expected the code 'project_not_found', got {code!r}", answer)
            told = details.get("project_id") if isinstance(details, dict) else None
            expect(told == unknown, f"expected details.project_id {unknown}, got {short(told)}", answer)
    _still_listed(tenant, task)


def _still_listed(tenant: Tenant, task: Task) -> None:
    found = [item for item in listed(tenant, home(tenant)) if item["id"] == task["id"]]
    expect(len(found) == 1, f"expected {task['id']} in the list of its project, found it {len(found)} times")


@rule("KM-159")
def a_refused_update_changes_nothing(tenant: Tenant) -> None:
    task = create(tenant, description="Before", status=1)
    refused_and_kept(tenant, task, {"label": "After", "status": 7}, 400)
    refused_and_kept(tenant, task, {"status": 2, "label": 5}, 400)
    refused_and_kept(tenant, task, {"description": "After", "projectId": tenant.unknown_id("projects")}, 404)
    before = read(tenant, task)
    if "reader" in tenant.callers:
        expect_status(patch(tenant, task, {"label": "After"}, caller="reader"), "PATCH by a reader", 403)
    headers = {"Content-Type": "application/json"}
    path = f"/tasks/{task['id']}"
    answer = tenant.send("PATCH", path, content=b'{"label": "After", "status": 2', headers=headers)
    expect_status(answer, "PATCH with JSON that breaks off", *((400,) if tenant.is_mock else (400, 415)))
    expect_kept("a read after refused updates", before, read(tenant, task))


def _not_taken(tenant: Tenant, sent: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
    """Send fields that no operation sets, to create and update; a tenant may refuse them with 400."""
    answer = post(tenant, _body(tenant, **sent))
    if tenant.is_mock or answer.status != 400:
        expect_status(answer, f"POST with {short(dict(sent))}", *((201,) if tenant.is_mock else (200, 201)))
        task = task_of(answer)
        for where, shown in (("the answer", task), ("a read", read(tenant, task))):
            _has(f"{where} after POST with {short(dict(sent))}", shown, sent, kept)
    task = read(tenant, create(tenant))
    answer = patch(tenant, task, {"label": "Renamed", **sent})
    if tenant.is_mock or answer.status != 400:
        expect_status(answer, f"PATCH with {short(dict(sent))}", 200)
        _has(f"the answer after PATCH with {short(dict(sent))}", task_of(answer), sent, {})
        after = read(tenant, task)
        expect_kept(
            f"a read after PATCH with {short(dict(sent))}", {**task, "label": "Renamed"}, after, but=("updated_at",)
        )


def _has(what: str, task: Task, sent: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
    for name, value in sent.items():
        expect(task.get(name) != value, f"{what}: expected {name} to be ignored, got {short(value)}")
    for name, value in kept.items():
        expect(task.get(name) == value, f"{what}: expected {name} {short(value)}, got {short(task.get(name))}")


@rule("KM-094")
def no_operation_sets_the_lane(tenant: Tenant) -> None:
    sent = {"workflow_lane_id": LANE, "workflowLaneId": LANE, "laneId": LANE}
    _not_taken(tenant, sent, {"workflow_lane_id": None})


@rule("KM-095")
def no_operation_sets_the_position(tenant: Tenant) -> None:
    first = read(tenant, create(tenant))
    for position in ("000", "zzzzzz"):
        _not_taken(tenant, {"position": position}, {})
        last = listed(tenant, home(tenant))
        taken = [item for item in last if item["position"] == position]
        expect(not taken, f"expected the position {position!r} that was sent to be ignored, got {short(taken[:1])}")
    expect_kept("a task that was there before", first, read(tenant, first))


@rule("KM-091")
def no_operation_touches_subtasks(tenant: Tenant) -> None:
    sent = {"subtasks": [{"label": "Sent by the client", "is_completed": True}]}
    _not_taken(tenant, sent, {"subtasks": []})
    task = create(tenant)
    for method, path in (
        ("POST", f"/tasks/{task['id']}/subtasks"),
        ("GET", f"/tasks/{task['id']}/subtasks"),
        ("PATCH", f"/subtasks/{tenant.unknown_id('tasks')}"),
        ("DELETE", f"/subtasks/{tenant.unknown_id('tasks')}"),
    ):
        if not tenant.is_mock and method != "GET":
            continue  # nothing tells what an undocumented operation changes
        answer = tenant.send(method, path, json={"label": "Sent by the client"})
        if answer.status < 400:
            raise Broken(f"{method} {path}: expected no such operation, got {brief(answer)}", answer)
    got = read(tenant, task)["subtasks"]
    expect(got == [], f"expected no subtasks, got {short(got)}")
