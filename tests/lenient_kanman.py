"""Faithful tenants of KanMan, by name: what its documents leave open, turned the other way."""

import json
import re
from dataclasses import replace
from typing import Any

from contracts.wire import Outgoing, Reply
from tests.bend_words import (
    Change,
    answers,
    asks,
    bears,
    both,
    drop,
    heard,
    put,
    rename,
    takes_for,
    told,
    turn,
    under,
    whatever,
)
from tests.bends import OWNER, Bend, Forward, Memory, answer_of, body_of, header, with_answer, with_body, with_header
from tests.lenient_words import behind_a_gateway, busy

WRITER = "Bearer km_Wr1teOn1yT0kenF0rTheM0ckCd3e5f9g"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

CREATE = asks("POST", r"/tasks$")
UPDATE = asks("PATCH", r"/tasks/[^/]+$")
DELETE = asks("DELETE", r"/tasks/[^/]+$")
LIST = asks("GET", r"/projects/[^/]+/tasks$")
PROJECTS = asks("GET", r"/boards/[^/]+/projects$")
BOARDS = asks("GET", r"/boards$")
WRITES = asks("POST PATCH")


def refusing(reply: Reply, status: int, code: str) -> Reply:
    return with_answer(reply, {"error": {"code": code, "message": "Nicht so."}}, status=status)


def refused_if(asked: Any, is_refused: Any, status: int = 400) -> Bend:
    """Bodies of a kind are refused, where they would have been taken."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        if asked(request) and isinstance(body, dict) and is_refused(body):
            reply = forward(with_body(request, [body]))
            return refusing(reply, status, "invalid_request") if reply.status == 400 else reply
        return forward(request)

    return bend


def each_task(change: Change) -> Bend:
    return both(told(whatever, under("task", change)), told(whatever, under("tasks", change)))


def _seen(request: Outgoing, forward: Forward) -> Any:
    """The task as it is, as its owner reads it."""
    asked = with_header(replace(request, method="GET", body=None), "Authorization", OWNER)
    return answer_of(forward(asked))


def deleted_twice(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What is in the trash may be put there again (B2)."""
    reply = forward(request)
    key = ("", request.target)
    if DELETE(request) and reply.status == 200:
        memory.values[key] = reply
    elif DELETE(request) and reply.status == 404 and key in memory.values:
        before: Reply = memory.values[key]
        return before
    return reply


def answers_as_the_sample(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A change tells no subtasks, and the project of before (B5)."""
    before = _seen(request, forward) if UPDATE(request) else None
    reply = forward(request)
    body = answer_of(reply)
    if before and "task" in before and reply.status == 200:
        body["task"] |= {"subtasks": [], "project_id": before["task"]["project_id"]}
        return with_answer(reply, body)
    return reply


def equals_change_nothing(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A change to what is there already leaves the time as it is (B6)."""
    body = body_of(request)
    if UPDATE(request) and isinstance(body, dict) and body and set(body) <= {"label", "status", "description"}:
        task = (_seen(request, forward) or {}).get("task")
        if task and all(task[name] == value and type(task[name]) is type(value) for name, value in body.items()):
            return forward(with_body(request, {}))
    return forward(request)


def moved_to_the_top(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A task that is moved stands first in its new project (B4); lists are in the order of positions."""
    body = body_of(request)
    before = _seen(request, forward) if UPDATE(request) and isinstance(body, dict) and "projectId" in body else None
    reply = forward(request)
    answer = answer_of(reply)
    if not isinstance(answer, dict):
        return reply
    task = answer.get("task")
    if before and task and task["project_id"] != before.get("task", task)["project_id"]:
        memory.values["", task["id"]] = f"A{10**6 - len(memory.values)}"
    found = [task] if isinstance(task, dict) else answer.get("tasks", [])
    for each in found:
        each["position"] = memory.values.get(("", each["id"]), each["position"])
    if "tasks" in answer:
        answer["tasks"] = sorted(found, key=lambda each: str(each["position"]))
    return with_answer(reply, answer) if found else reply


def used_by_others(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Others call as well: fewer calls remain than this caller made."""
    reply = forward(request)
    memory.values["", "calls"] = memory.values.get(("", "calls"), 0) + 2
    left = int(reply.headers.get("x-ratelimit-remaining") or 0) - memory.values["", "calls"]
    return bears(x_ratelimit_remaining=str(left))(memory, request, lambda _: reply)


def malformed_ids_unknown(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What is no UUID names nothing (B12)."""
    reply = forward(request)
    parts = request.target.partition("?")[0].split("/")[3:]
    if reply.status == 400 and len(parts) > 1 and not UUID.fullmatch(parts[1]):
        return refusing(reply, 404, "not_found")
    return reply


def malformed_projects_unknown(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    body = body_of(request)
    project = body.get("projectId") if isinstance(body, dict) else None
    reply = forward(request)
    if isinstance(project, str) and reply.status == 400 and not UUID.fullmatch(project):
        return refusing(reply, 404, "project_not_found")
    return reply


def token_missing(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    return refusing(reply, 401, "missing_token") if not header(request, "Authorization") else reply


def unreadable_415(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A body of another type is not looked at (B18)."""
    reply = forward(request)
    if reply.status == 400 and WRITES(request) and "json" not in header(request, "Content-Type"):
        return refusing(reply, 415, "unsupported_media_type")
    return reply


def _status_read(body: dict[str, Any]) -> None:
    """What can be read as a number is taken for it, and null for none (B7)."""
    value = body.get("status")
    if isinstance(value, str) and value in ("0", "1", "2"):
        body["status"] = int(value)
    elif "status" in body and value is None:
        del body["status"]


def _enriched(text: str) -> str:
    plain = text.isascii() and text.isprintable() and not re.search(r"[<&>]", text)
    return text if plain else f"<p>{text}</p>"


def _untitled(label: Any) -> Any:
    return label if not isinstance(label, str) or label.strip() else "Untitled"


def statuses_of_methods(now: int) -> Bend:
    """Methods and paths that are not offered have other refusals (B20)."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        is_other = reply.status == 405 or (reply.status == 404 and b'"not_found"' in reply.body)
        return refusing(reply, now, "not_supported") if is_other else reply

    return bend


PROJECT = "660e8400-e29b-41d4-a716-446655440000"
AS_OWNER = [("Authorization", OWNER), ("Content-Type", "application/json")]


def _theirs(number: int) -> Outgoing:
    body = json.dumps({"projectId": PROJECT, "label": f"Somebody's task {number}"}).encode()
    return Outgoing("POST", "/kanman/v1/tasks", AS_OWNER, body)


def _done(made: Any) -> Outgoing:
    return Outgoing("DELETE", f"/kanman/v1/tasks/{made['task']['id']}", AS_OWNER)


KANMAN: dict[str, Bend] = {
    "behind-a-gateway": behind_a_gateway,
    "others-at-work": busy(_theirs, _done, every=40),
    "create-answers-200": answers(CREATE, 201, 200),
    "deleted-twice": deleted_twice,
    "changes-answer-as-the-sample": answers_as_the_sample,
    "empty-change-refused": refused_if(UPDATE, lambda body: not body),
    "unknown-fields-refused": refused_if(
        WRITES, lambda body: set(body) - {"projectId", "label", "description", "status"}
    ),
    "equals-keep-the-time": equals_change_nothing,
    "status-read-as-number": heard(WRITES, _status_read),
    "descriptions-are-rich-text": heard(
        WRITES, lambda body: turn("description", lambda text: _enriched(text) if isinstance(text, str) else text)(body)
    ),
    "null-description-refused": refused_if(UPDATE, lambda body: body.get("description", "") is None),
    "blank-label-taken": heard(WRITES, turn("label", _untitled)),
    "labels-trimmed": heard(WRITES, turn("label", lambda text: text.strip() or text if type(text) is str else text)),
    "long-labels-refused": refused_if(WRITES, lambda body: len(str(body.get("label", ""))) > 100),
    "moved-to-the-top": moved_to_the_top,
    "positions-of-another-kind": each_task(turn("position", lambda text: f"0|i{text}:")),
    "malformed-ids-404": both(malformed_ids_unknown, malformed_projects_unknown),
    "writers-read": takes_for({WRITER: OWNER}, asks("GET")),
    "token-missing-has-a-code": token_missing,
    "other-types-415": unreadable_415,
    "refusals-without-details": told(whatever, under("error", drop("details")), 400),
    "methods-404": statuses_of_methods(404),
    "methods-400": statuses_of_methods(400),
    "used-by-others": used_by_others,
    "progress-rounded": both(
        told(whatever, under("project", turn("progress", lambda n: round(n, 2)))),
        told(PROJECTS, under("projects", turn("progress", lambda n: round(n, 2)))),
    ),
    "boards-by-age": told(BOARDS, turn("boards", lambda boards: boards[::-1])),
    "more-keys": both(
        told(LIST, under("tasks", put("subtask_count", 0))),
        both(told(BOARDS, under("boards", put("owner", None))), told(PROJECTS, under("projects", put("color", "red")))),
    ),
    "projects-with-four-fields": told(
        PROJECTS,
        under(
            "projects",
            lambda project: [project.pop(n) for n in set(project) - {"id", "name", "description", "position"}],
        ),
    ),
    "reset-told-beside-the-limit": told(whatever, under("error", rename("limit", "maximum")), 429),
}
