"""Kanbert: what a change does to a task, and what a delete and an external identifier do."""

from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_kept,
    expect_status,
    known,
    moment,
    stand_in,
    tick,
)
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kanbert_steps import (
    Task,
    change,
    delete,
    elsewhere,
    expect_watchers,
    get,
    identify,
    listed,
    make,
    number,
    pair,
    patch,
    places,
    read,
    refused,
    task_of,
    title,
)
from contracts.tenant import Tenant

_STAMPS = ("updated_at",)
_EARLY, _DONE = ("Backlog", "New", "WIP"), ("Completed", "Approved", "Closed")


@rule("KB-357")
def a_delete_answers_the_last_state(tenant: Tenant) -> None:
    stand_in(tenant)
    task = make(tenant, watchers=[known(tenant, "user_id")], due_date="2024-05-06", estimated_hours=2)
    make(tenant, parent_task_id=task["id"])
    tick(tenant)
    before = read(tenant, task["id"])
    expect_equal("the answer of deleteTask", before, delete(tenant, task))


@rule("KB-360")
def sub_tasks_go_with_their_parent(tenant: Tenant) -> None:
    stand_in(tenant, "is recorded, not asserted")
    top, neighbour = make(tenant), make(tenant)
    child = make(tenant, parent_task_id=top["id"])
    grandchild = make(tenant, parent_task_id=child["id"], external_id=number(tenant))
    delete(tenant, top)
    for task in (top, child, grandchild):
        expect_status(get(tenant, task["id"]), "getTask of a descendant of a deleted task", 404)
    expect_status(get(tenant, grandchild["external_id"], find_by="external_id"), "by its external id", 404)
    left = {each["id"] for each in listed(tenant)}
    expect(not left & {top["id"], child["id"], grandchild["id"]}, "a deleted task, or one below it, is in the list")
    expect(neighbour["id"] in left, "the delete took a task that is not below the deleted one")


@rule("KB-369")
def a_mention_is_markup(tenant: Tenant) -> None:
    someone = known(tenant, "user_id")
    text = f'<p>One plain line.</p><mention data-id="{someone}" />'
    task = change(tenant, make(tenant), description=text)
    shown = str(read(tenant, task["id"])["description"])
    expect("One plain line." in shown, f"a description with a mention: got {short(shown)}")
    if tenant.is_mock:
        expect_equal("a description with a mention", text, shown)
        expect_equal("the watchers after a mention", [], task["watchers"])


@rule("KB-373")
def public_null_changes_nothing(tenant: Tenant) -> None:
    stand_in(tenant)
    for value in (True, False):
        task = make(tenant, is_public=value)
        tick(tenant)
        expect_equal(f"is_public null on {value}", value, change(tenant, task, is_public=None)["is_public"])
        expect_kept("a task after is_public null", task, read(tenant, task["id"]))
        other = change(tenant, task, is_public=not value)
        expect_equal("a changed is_public", not value, other["is_public"])


@rule("KB-375", "KB-377", "KB-378", "KB-379")
def watchers_are_replaced_or_added(tenant: Tenant) -> None:
    one, other = pair(tenant)
    task = make(tenant, watchers=[one])
    for sent, expected in (
        ({"watchers": [other]}, [other]),
        ({"add_watchers": [one]}, [other, one]),
        ({"add_watchers": [one, other]}, [other, one]),
        ({"title": title(tenant)}, [other, one]),
        ({"watchers": []}, []),
        ({"add_watchers": [one]}, [one]),
        ({"watchers": [other], "add_watchers": [one]}, [other, one]),
        ({"watchers": [one], "add_watchers": [one]}, [one]),
    ):
        expect_watchers(tenant, f"updateTask with {short(sent)}", expected, change(tenant, task, **sent))


@rule("KB-381")
def parent_null_puts_a_task_at_the_top(tenant: Tenant) -> None:
    one, other = make(tenant), make(tenant)
    task = make(tenant, parent_task_id=one["id"])
    for parent in (other["id"], None, one["id"], None):
        for shown in (change(tenant, task, parent_task_id=parent), read(tenant, task["id"])):
            got = shown["parent_task_id"] or None
            expect_equal(f"parent_task_id after {short(parent)}", parent, got)
        for each in (one, other):
            inside = [child["id"] for child in read(tenant, each["id"])["sub_tasks"]]
            expect_equal("the sub-tasks", [task["id"]] if each["id"] == parent else [], inside)


@rule("KB-382")
def no_task_is_below_itself(tenant: Tenant) -> None:
    stand_in(tenant)
    top = make(tenant)
    child = make(tenant, parent_task_id=top["id"])
    grandchild = make(tenant, parent_task_id=child["id"])
    for below in (top, child, grandchild):
        answer = patch(tenant, top, {"parent_task_id": below["id"]})
        refused(tenant, answer, "updateTask to a parent that is the task or below it", "parent_task_id")
    expect_equal("the parent after the refusals", None, read(tenant, top["id"])["parent_task_id"])


@rule("KB-383", "KB-384", "KB-385", "KB-386")
def null_removes_what_is_related(tenant: Tenant) -> None:
    roles = {"assignee_id": "user_id", "epic_id": "epic_id", "phase_id": "phase_id", "milestone_id": "milestone_id"}
    task = make(tenant, **{field: known(tenant, role) for field, role in roles.items()})
    for field, role in roles.items():
        shown = field.removesuffix("_id")
        others = [each for each in roles if each != field]
        cleared = change(tenant, task, **{field: None})
        expect_equal(f"{shown} after {field}: null", None, read(tenant, task["id"]).get(shown))
        for each in others:
            expect(cleared.get(each.removesuffix("_id")), f"{field}: null removed {each.removesuffix('_id')} too")
        back = change(tenant, task, **{field: known(tenant, role)})
        expect_equal(f"{shown} set again", known(tenant, role), back[shown]["id"])


@rule("KB-387", "KB-388")
def some_fields_cannot_be_changed(tenant: Tenant) -> None:
    task, other = make(tenant, external_id=number(tenant)), make(tenant)
    before = places(tenant, task["project_id"]) if tenant.is_mock else {}
    for fields in (
        {"project_id": elsewhere(tenant)},
        {"external_id": number(tenant)},
        {"external_origin": "elsewhere"},
        {"insert_before": other["id"]},
        {"insert_after": other["id"]},
        {"id": other["id"], "uri": other["uri"], "list_sorting": 1, "created_at": "2020-01-01T00:00:00Z"},
    ):
        answer = patch(tenant, task, fields)
        room = () if tenant.is_mock else (400, 422)
        expect_status(answer, f"updateTask with {short(fields)}", 200, *room)
        expect_kept(f"a read after {short(fields)}", task, read(tenant, task["id"]))
    if tenant.is_mock:
        expect_equal("the places in the project", before, places(tenant, task["project_id"]))


@rule("KB-393")
def nothing_sent_changes_nothing(tenant: Tenant) -> None:
    task = make(tenant, status="WIP", watchers=[known(tenant, "user_id")])
    tick(tenant)
    sent: list[Any] = [{}, {"colour": "blue"}]
    if tenant.is_mock:
        sent += [{"title": task["title"]}, {"status": "WIP"}, {"add_watchers": [known(tenant, "user_id")]}]
    for fields in sent:
        answer = patch(tenant, task, fields)
        expect_status(answer, f"updateTask with {short(fields)}", 200, *(() if tenant.is_mock else (422,)))
        expect_kept(f"a read after {short(fields)}", task, read(tenant, task["id"]))
    if tenant.is_mock:
        answer = tenant.call("updateTask", path={"id": task["id"]})
        expect_status(answer, "updateTask without a body", 200)
        expect_kept("a read after no body", task, read(tenant, task["id"]))


@rule("KB-395", "KB-396", "KB-397")
def times_follow_the_status(tenant: Tenant) -> None:
    stand_in(tenant, "is recorded, not asserted")
    for start in (*_EARLY, *_DONE):
        for target in (*_EARLY, *_DONE):
            if start != target:
                _step(tenant, start, target)


def _step(tenant: Tenant, start: str, target: str) -> None:
    before = make(tenant, status=start)
    tick(tenant)
    after = change(tenant, before, status=target)
    now = after["updated_at"]
    completed, closed = before["completed_at"], before["closed_at"]
    if target in _EARLY:
        completed, closed = None, None
    elif target == "Completed" or start in _EARLY:
        completed = now
    closed = now if target == "Closed" else None
    for name, expected in (("completed_at", completed), ("closed_at", closed)):
        for shown in (after, read(tenant, before["id"])):
            expect_equal(f"{name} from {start} to {target}", expected, shown[name])


@rule("KB-403", "KB-404")
def an_identifier_is_refused_to_others_and_kept_by_its_own(tenant: Tenant) -> None:
    task, other = make(tenant, external_id=number(tenant)), make(tenant)
    answer = identify(tenant, other, {"external_id": task["external_id"]})
    expect(400 <= answer.status < 500, f"a taken external id: expected a refusal, got {brief(answer)}", answer)
    again = identify(tenant, task, {"external_id": task["external_id"]})
    expect_status(again, "the external id that the task has", 200, *(() if tenant.is_mock else (422,)))
    expect_kept("the task after its own id", task, read(tenant, task["id"]), but=() if tenant.is_mock else _STAMPS)


@rule("KB-405", "KB-406")
def an_identifier_is_cleared_by_null_and_kept_by_silence(tenant: Tenant) -> None:
    task = make(tenant, external_id=number(tenant))
    tick(tenant)
    sent: list[dict[str, Any]] = [{}, {"external_origin": "elsewhere"}]
    for fields in sent:
        answer = identify(tenant, task, fields)
        expect_status(answer, f"setExternalIdentifier with {short(fields)}", 200, *(() if tenant.is_mock else (422,)))
        expect_kept(f"a read after {short(fields)}", task, read(tenant, task["id"]))
    answer = identify(tenant, task, {"external_id": None})
    if not tenant.is_mock and answer.status == 422:
        return
    for shown in (task_of(answer), read(tenant, task["id"])):
        _expect_none(shown)
    expect_status(get(tenant, task["external_id"], find_by="external_id"), "getTask by the cleared id", 404)
    if tenant.is_mock:
        expect(moment(task_of(answer), "updated_at") > moment(task, "updated_at"), "updated_at did not rise")


def _expect_none(task: Task) -> None:
    for name in ("external_id", "external_origin"):
        expect_equal(f"{name} after null", None, task[name])
