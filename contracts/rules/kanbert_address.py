"""Kanbert: by what a task is found."""

import re
from collections.abc import Callable
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    stand_in,
)
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kanbert_steps import (
    ADDRESSED,
    FILE,
    Task,
    get,
    identify,
    make,
    number,
    read,
    refused,
    task_of,
    title,
    upload,
)
from contracts.tenant import Answer, Tenant


def _send(tenant: Tenant, operation: str, key: str, **query: str) -> Answer:
    sent: dict[str, dict[str, Any]] = {
        "updateTask": {"json": {"title": title(tenant)}},
        "setExternalIdentifier": {"json": {}},
        "uploadAttachment": {"files": FILE},
    }
    return tenant.call(operation, path={"id": key}, query=query, **sent.get(operation, {}))


def _finds(tenant: Tenant, operation: str, task: Task, key: str, **query: str) -> None:
    answer = _send(tenant, operation, key, **query)
    what = f"{operation} of {key} with {short(query)}"
    if answer.status == 204 and operation == "deleteTask" and not tenant.is_mock:
        return
    expect_status(answer, what, 200, 201)
    told = answer.json()
    found = told.get("entity_id" if operation == "uploadAttachment" else "id")
    expect(found == task["id"], f"{what}: expected the task {task['id']}, got {brief(answer)}", answer)


def _misses(tenant: Tenant, operation: str, key: str, **query: str) -> None:
    room = () if tenant.is_mock else (410,)
    expect_status(_send(tenant, operation, key, **query), f"{operation} of {key} with {short(query)}", 404, *room)


def _made(tenant: Tenant, **fields: Any) -> Task:
    """A task that a tenant's guard has seen to be ours, before it is changed by another name than its id."""
    task = make(tenant, **fields)
    return task if tenant.is_mock else read(tenant, task["id"])


def _beginnings(tenant: Tenant, operation: str, uri: str) -> list[str]:
    """What comes before the number in a uri, which is no task's own. Nothing of a tenant's is changed by it."""
    found = re.fullmatch(r"(.*[^0-9A-Za-z])\d+", uri) if tenant.is_mock or operation == "getTask" else None
    return [found[1]] if found else []


def _everywhere(tenant: Tenant, judge: Callable[[str, Task], None], *, but: tuple[str, ...] = ()) -> None:
    """A task of its own for each operation, since one of them deletes it."""
    for operation in ADDRESSED:
        if operation not in but:
            judge(operation, _made(tenant, external_id=number(tenant)))


@rule("KB-337", "KB-338", "KB-339", "KB-342")
def find_by_says_what_the_path_is(tenant: Tenant) -> None:
    def judge(operation: str, task: Task) -> None:
        _misses(tenant, operation, task["uri"])
        _misses(tenant, operation, task["external_id"])
        _misses(tenant, operation, task["id"], find_by="external_id")
        if operation != "setExternalIdentifier":
            for key in (task["id"], *_beginnings(tenant, operation, str(task["uri"]))):
                _misses(tenant, operation, key, find_by="uri")
            if operation != "deleteTask":
                _finds(tenant, operation, task, task["external_id"], find_by="external_id")
                _finds(tenant, operation, task, task["id"])
                _finds(tenant, operation, task, task["id"], find_by="id")
            _finds(tenant, operation, task, task["uri"], find_by="uri")

    _everywhere(tenant, judge)


@rule("KB-340")
def an_identifier_is_set_by_three_keys(tenant: Tenant) -> None:
    task = _made(tenant, external_id=number(tenant))
    for query, key in (({}, "id"), ({"find_by": "id"}, "id"), ({"find_by": "external_id"}, "external_id")):
        _finds(tenant, "setExternalIdentifier", task, task[key], **query)
    answer = identify(tenant, task, {}, find_by="shortcode")
    expect_status(answer, "find_by=shortcode", 200, 404, *(() if tenant.is_mock else (422,)))
    if tenant.is_mock:
        answer = _send(tenant, "setExternalIdentifier", task["uri"], find_by="uri")
        refused(tenant, answer, "setExternalIdentifier with find_by=uri", "find_by")


@rule("KB-341")
def another_key_is_refused(tenant: Tenant) -> None:
    def judge(operation: str, task: Task) -> None:
        for name in ("title", "ID", "origin"):
            answer = _send(tenant, operation, task["id"], find_by=name)
            refused(tenant, answer, f"{operation} with find_by={name}", "find_by", room=(400, 404))
        expect_status(get(tenant, task["id"]), f"getTask after the refused {operation}", 200)
        unknown = _send(tenant, operation, tenant.unknown_id("tasks"), find_by="title")
        refused(tenant, unknown, f"{operation} of no task with find_by=title", "find_by", room=(400, 404))

    _everywhere(tenant, judge)


@rule("KB-343", "KB-344", "KB-345")
def an_external_id_is_found_within_its_origin(tenant: Tenant) -> None:
    def judge(operation: str, mine: Task) -> None:
        origin = number(tenant, "origin")
        theirs = _made(tenant, external_id=mine["external_id"], external_origin=origin)
        key = mine["external_id"]
        _misses(tenant, operation, key, find_by="external_id", origin=number(tenant, "nowhere"))
        _misses(tenant, operation, number(tenant), find_by="external_id")
        _misses(tenant, operation, f"{key}0", find_by="external_id", origin=origin)
        _misses(tenant, operation, key[:-1], find_by="external_id", origin=origin)
        _finds(tenant, operation, theirs, key, find_by="external_id", origin=origin)
        if operation == "deleteTask":
            _misses(tenant, operation, key, find_by="external_id", origin=origin)
            _finds(tenant, operation, mine, key, find_by="external_id")
            return
        _finds(tenant, operation, mine, key, find_by="external_id")
        _finds(tenant, operation, mine, key, find_by="external_id", origin=mine["external_origin"])

    _everywhere(tenant, judge)


@rule("KB-346")
def an_origin_without_an_external_id_means_nothing(tenant: Tenant) -> None:
    def judge(operation: str, task: Task) -> None:
        if operation not in ("deleteTask", "setExternalIdentifier"):
            _finds(tenant, operation, task, task["uri"], find_by="uri", origin="nowhere")
        _finds(tenant, operation, task, task["id"], origin="nowhere")

    _everywhere(tenant, judge)


@rule("KB-347")
def a_shortcode_is_the_uri(tenant: Tenant) -> None:
    stand_in(tenant)
    task = make(tenant)
    _finds(tenant, "setExternalIdentifier", task, task["uri"], find_by="shortcode")
    _misses(tenant, "setExternalIdentifier", task["id"], find_by="shortcode")


@rule("KB-409", "KB-410")
def a_changed_identifier_finds_and_the_old_does_not(tenant: Tenant) -> None:
    old, new = number(tenant), number(tenant)
    task = make(tenant, external_id=old)
    first = task_of(identify(tenant, task, {"external_id": new}))
    expect_equal("the changed external id", new, first["external_id"])
    expect_equal("the task behind the new id", task["id"], read(tenant, new, find_by="external_id")["id"])
    expect_status(get(tenant, old, find_by="external_id"), "getTask by the old external id", 404)
    again = task_of(identify(tenant, task, {"external_id": new}))
    expect_equal("the same request once more", first, again)
    expect_status(upload(tenant, new, find_by="external_id"), "uploadAttachment by the new id", 200, 201)
