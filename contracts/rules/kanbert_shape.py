"""Kanbert: how a task looks in every answer that bears one."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    known,
    stand_in,
    tick,
)
from contracts.findings import NotJudged
from contracts.laws.terms import Record, record_of, short
from contracts.rules import rule
from contracts.rules.kanbert_steps import (
    OPTIONAL,
    Task,
    change,
    delete,
    identify,
    listed,
    make,
    number,
    patch,
    post,
    read,
    task_of,
    title,
)
from contracts.tenant import Tenant

_CAMEL = re.compile(r"[a-z]+[A-Z]")
_SETTINGS = {"is_hard_deadline": False, "recurring_type": None, "recurring_interval": None}


def _answers(tenant: Tenant, **fields: Any) -> Iterator[tuple[str, Task]]:
    """A task in the answer of every operation that bears one, its deletion last."""
    made = make(tenant, **fields)
    yield "createTask", made
    yield "getTask", read(tenant, made["id"])
    yield "updateTask", change(tenant, made, title=title(tenant))
    yield "setExternalIdentifier", task_of(identify(tenant, made, {"external_id": number(tenant)}))
    for each in listed(tenant, filter=f'title contains "{made["title"].partition("[")[0].strip()}"'):
        yield "listTasks", each
    yield "deleteTask", delete(tenant, made)


@rule("KB-210")
def at_the_top_there_is_no_parent(tenant: Tenant) -> None:
    for operation, task in _answers(tenant):
        parent = task["parent_task_id"]
        is_none = parent is None or (parent == "" and not tenant.is_mock)
        expect(is_none, f"{operation}: expected parent_task_id null at the top, got {short(parent)}")


@rule("KB-213")
def an_origin_tells_an_external_task(tenant: Tenant) -> None:
    for operation, task in _answers(tenant, external_id=number(tenant), external_origin="elsewhere"):
        if task["external_id"] is not None:
            is_set = isinstance(task["external_origin"], str) and task["external_origin"]
            expect(is_set, f"{operation}: expected the origin of {short(task['external_id'])}, got none")


@rule("KB-215")
def the_uri_is_unique_and_stays(tenant: Tenant) -> None:
    told = {task["uri"] for operation, task in _answers(tenant)}
    expect(len(told) == 1 and all(told), f"expected one uri in all answers about a task, got {sorted(told)}")
    made = [make(tenant) for _ in range(3)]
    uris = [each["uri"] for each in listed(tenant)]
    expect(len(set(uris)) == len(uris), "two tasks have the same uri")
    moved = change(tenant, made[0], status="Closed", parent_task_id=made[1]["id"])
    expect_equal("the uri after a change", made[0]["uri"], moved["uri"])
    delete(tenant, made[2])
    if tenant.is_mock:
        expect(make(tenant)["uri"] != made[2]["uri"], f"the uri {made[2]['uri']} of a deleted task is used again")


@rule("KB-231")
def an_interval_without_effect(tenant: Tenant) -> None:
    """A daily task comes again the next day, whatever its interval is."""
    stand_in(tenant, "no operation makes a task recur")
    found = [each for each in listed(tenant) if each["due_date_settings"]["recurring_type"] == "daily"]
    daily = next((each for each in found if each["due_date"] and each["status"] in ("Backlog", "New", "WIP")), None)
    if daily is None:
        raise NotJudged("needs a task that recurs daily")
    expect(daily["due_date_settings"]["recurring_interval"] != 1, "the daily task has no interval to be ignored")
    before = {each["id"] for each in listed(tenant)}
    change(tenant, daily, status="Completed")
    (following,) = [each for each in listed(tenant) if each["id"] not in before] or [Record()]
    for name in ("title", "description", "project_id", "is_public", "due_date_settings"):
        expect_equal(f"{name} of the task that follows", daily[name], following[name])
    days = _day_after(daily["due_date"])
    expect_equal("due_date of the task that follows", days, following["due_date"])


def _day_after(day: str) -> str:
    return str(date.fromisoformat(day) + timedelta(days=1))


@rule("KB-234", "KB-235")
def no_request_sets_when_a_task_recurs(tenant: Tenant) -> None:
    wish = {"is_hard_deadline": True, "recurring_type": "daily", "recurring_interval": 3}
    for fields in ({"due_date_settings": wish}, wish):
        answer = post(tenant, **fields)
        if not tenant.is_mock and answer.status in (400, 422):
            continue
        task = task_of(answer)
        expect_equal(f"due_date_settings after {short(fields)}", _SETTINGS, _settings(task))
        changed = patch(tenant, task, fields)
        if tenant.is_mock or changed.status == 200:
            expect_equal(f"due_date_settings after {short(fields)}", _SETTINGS, _settings(task_of(changed)))


def _settings(task: Task) -> dict[str, Any]:
    settings = record_of(task["due_date_settings"], "due_date_settings")
    return {name: settings[name] for name in _SETTINGS}


@rule("KB-253")
def one_key_is_in_camel_case(tenant: Tenant) -> None:
    for operation, task in _answers(tenant):
        camel = {name for name in task if _CAMEL.match(name)}
        expect_equal(f"{operation}: keys in camel case", ["priorityOption"], sorted(camel))


@rule("KB-258")
def nested_tasks_are_whole_but_for_their_own(tenant: Tenant) -> None:
    parent = make(tenant)
    child = make(tenant, parent_task_id=parent["id"])
    make(tenant, parent_task_id=child["id"])
    required = [
        name for name in tenant.vendor.document["components"]["schemas"]["TaskData"]["required"] if name not in OPTIONAL
    ]
    whole = read(tenant, child["id"])
    nested = [whole["parent_task"], *whole["sub_tasks"], *read(tenant, parent["id"])["sub_tasks"]]
    for item in listed(tenant, include="parent_task,sub_tasks", filter=f'parent_task.id eq "{parent["id"]}"'):
        nested += [item["parent_task"], *item["sub_tasks"]]
    for each in nested:
        task = record_of(each, "a nested task")
        for name in required:
            expect(name in task, f"expected {name!r} in a nested task, got {short(task)}")
        if tenant.is_mock:
            expect_equal("sub_tasks of a nested task", [], task["sub_tasks"])
            for name in ("parent_task", "watchers"):
                expect(name not in task, f"expected no {name!r} in a nested task")


@rule("KB-259")
def a_single_answer_shows_all(tenant: Tenant) -> None:
    parent = make(tenant)
    fields = {name: known(tenant, name) for name in ("phase_id", "milestone_id", "epic_id")}
    task = make(tenant, parent_task_id=parent["id"], watchers=[known(tenant, "user_id")], **fields)
    child = make(tenant, parent_task_id=task["id"])
    tick(tenant)
    for operation, shown in (
        ("getTask", read(tenant, task["id"])),
        ("updateTask", change(tenant, task, title=title(tenant))),
        ("setExternalIdentifier", task_of(identify(tenant, task, {"external_id": number(tenant)}))),
        ("deleteTask", delete(tenant, task)),
    ):
        missing = [name for name in OPTIONAL if name not in shown]
        expect(not missing or not tenant.is_mock, f"{operation}: expected the keys {missing}")
        if tenant.is_mock:
            expect_equal(f"{operation}: the phase", fields["phase_id"], shown["phase"]["id"])
            expect_equal(f"{operation}: the parent", parent["id"], shown["parent_task"]["id"])
        expect_equal(f"{operation}: the sub-tasks", [child["id"]], [each["id"] for each in shown["sub_tasks"]])
