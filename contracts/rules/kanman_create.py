"""KanMan: what a new task looks like and where it stands."""

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_exactly,
    expect_kept,
    expect_status,
    moment,
    tick,
)
from contracts.findings import NotJudged
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kanman_steps import (
    Task,
    create,
    delete,
    home,
    ids,
    label,
    listed,
    place,
    post,
    read,
    refused_and_none_made,
    task_of,
)
from contracts.tenant import Answer, Tenant

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _minimal(tenant: Tenant) -> tuple[Answer, Task]:
    """A task made with the two required fields, and the answer that told it."""
    body = {"projectId": home(tenant), "label": label(tenant, "Only what is required")}
    answer = post(tenant, body)
    expect_status(answer, f"POST with {short(body)}", 200, 201)
    return answer, task_of(answer)


def _expect_at_first(tenant: Tenant, name: str, value: Any) -> None:
    """What a field of a task is that was made with the two required fields."""
    answer, task = _minimal(tenant)
    for where, shown in (("the answer", task), ("a read", read(tenant, task))):
        expect_equal(f"{name} in {where} of a new task", value, shown.get(name, "(absent)"), answer)


def _expect_alike(what: str, told: Task, shown: Task) -> None:
    """Broken when both have a field and differ in it. That every key is there is a rule of its own."""
    expect_kept(what, told, shown, but=told.keys() ^ shown.keys())


@rule("KM-109")
def without_status_a_task_is_open(tenant: Tenant) -> None:
    answer, task = _minimal(tenant)
    expect(task.get("status") == 0, f"without a status: expected status 0, got {short(task.get('status'))}", answer)
    kept = read(tenant, task)["status"]
    expect(kept == 0, f"a read of a task made without a status: expected status 0, got {short(kept)}")


@rule("KM-110")
def project_and_label_are_enough(tenant: Tenant) -> None:
    _, task = _minimal(tenant)
    _expect_alike("a read of a task made with projectId and label", task, read(tenant, task))


@rule("KM-111")
def project_id_in_snake_case_does_not_count(tenant: Tenant) -> None:
    body = {"project_id": home(tenant), "label": label(tenant, "The key of the answers")}
    answer = refused_and_none_made(tenant, body, 400)
    expect(
        answer.error_code() == "invalid_request", f"expected the code 'invalid_request', got {brief(answer)}", answer
    )


@rule("KM-114")
def create_answers_201(tenant: Tenant) -> None:
    answer, _ = _minimal(tenant)
    expect_exactly(answer, "a successful POST", *((201,) if tenant.is_mock else (200, 201)))


@rule("KM-115")
def every_task_has_a_uuid_of_its_own(tenant: Tenant) -> None:
    before = ids(listed(tenant, home(tenant)))
    made = ids([create(tenant) for _ in range(3)])
    for identity in made:
        is_uuid = isinstance(identity, str) and _UUID.fullmatch(identity)
        expect(is_uuid, f"expected a UUID in lower case, got {short(identity)}")
        expect(made.count(identity) == 1 and identity not in before, f"expected a new id, got {identity} once more")


@rule("KM-118")
def without_description_it_is_null(tenant: Tenant) -> None:
    _expect_at_first(tenant, "description", None)


@rule("KM-119")
def a_new_task_has_no_lane(tenant: Tenant) -> None:
    _expect_at_first(tenant, "workflow_lane_id", None)


@rule("KM-120")
def a_new_task_has_no_subtasks(tenant: Tenant) -> None:
    _expect_at_first(tenant, "subtasks", [])


@rule("KM-121")
def a_new_task_is_positioned_at_the_end(tenant: Tenant) -> None:
    for _ in range(3):
        last = max(map(place, listed(tenant, home(tenant))), default="")
        got = place(create(tenant))
        expect(got > last, f"expected a position after {last!r}, the last of the project, got {got!r}")


@rule("KM-122")
def positions_within_a_project_are_distinct(tenant: Tenant) -> None:
    first, last = create(tenant), create(tenant)
    delete(tenant, last)
    create(tenant)
    delete(tenant, first)
    create(tenant)
    positions = list(map(place, listed(tenant, home(tenant))))
    twice = [position for position in positions if positions.count(position) > 1]
    expect(not twice, f"expected distinct positions, got {twice[:1]} {len(twice)} times after creates and deletes")


@rule("KM-079")
def positions_are_counted_in_letters(tenant: Tenant) -> None:
    if not tenant.is_mock:
        raise NotJudged("a tenant's positions are opaque")
    others = sorted(map(place, listed(tenant, home(tenant))))
    expected = _successor(others[-1]) if others else "aaa"
    for _ in range(28):
        got = place(create(tenant))
        expect(got == expected, f"expected the position {expected!r}, got {got!r}")
        expected = _successor(expected)


def _successor(position: str) -> str:
    """The next string of the same length; one letter longer after the last."""
    head = position.rstrip("z")
    if not head:
        return position + "a"
    return head[:-1] + chr(ord(head[-1]) + 1) + "a" * (len(position) - len(head))


@rule("KM-123")
def a_new_task_was_just_created_and_not_updated(tenant: Tenant) -> None:
    tick(tenant)
    answer, task = _minimal(tenant)
    created, updated = task.get("created_at"), task.get("updated_at")
    expect(created == updated, f"expected created_at to equal updated_at, got {created!r} and {updated!r}", answer)
    now = tenant.clock.now() if tenant.clock else _date(answer)
    if now is not None:
        room = timedelta(seconds=5 if tenant.clock else 600)
        apart = abs(moment(task, "created_at") - now)
        expect(apart <= room, f"expected created_at to be now, {now:%Y-%m-%dT%H:%M:%SZ}, got {created!r}", answer)
    _expect_alike("a read of the new task", task, read(tenant, task))


def _date(answer: Answer) -> datetime | None:
    """The tenant's own clock, as the Date header tells it."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError):
        return None


@rule("KM-125")
def a_new_task_stands_at_the_end_of_the_list(tenant: Tenant) -> None:
    before = ids(listed(tenant, home(tenant)))
    name = label(tenant, "At the end")
    task = create(tenant, label=name)
    after = listed(tenant, home(tenant))
    expect(after and after[-1].get("id") == task["id"], f"expected {task['id']} at the end, got {short(after[-1:])}")
    named = [item for item in after if item.get("label") == name]
    expect(len(named) == 1, f"expected one new task in the list, got {len(named)} of the label {name!r}")
    expect(ids(after)[:-1] == before or not tenant.is_mock, "expected the others to stand as before")


@rule("KM-132")
def equal_requests_make_two_tasks(tenant: Tenant) -> None:
    body = {"projectId": home(tenant), "label": label(tenant, "Twice the same"), "description": "Same", "status": 1}
    first, second = (task_of(post(tenant, body)) for _ in range(2))
    expect(first["id"] != second["id"], f"expected two tasks from two equal requests, got {first['id']} twice")
    named = [item for item in listed(tenant, home(tenant)) if item.get("label") == body["label"]]
    expect(len(named) == 2, f"expected two tasks of the label in the list, got {len(named)}")
    for task in (first, second):
        _expect_alike("one of two equal tasks", task, read(tenant, task))
