"""More ways of being wrong, beside those of `bends.py`: the subtler ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contracts.wire import Outgoing, Reply
from tests.bends import (
    EXPIRED,
    OUTSIDER,
    OWNER,
    Bend,
    Forward,
    Memory,
    answer_of,
    body_of,
    drop,
    each_answer,
    each_body,
    each_task,
    header,
    headers,
    is_task,
    path_of,
    set_to,
    straight,
    with_answer,
    with_body,
    with_header,
    with_length,
)


def text_mangled(change: Callable[[str], str]) -> Bend:
    """What is written is not what is read."""

    def mangle(body: dict[str, Any]) -> None:
        for name in ("label", "description"):
            if isinstance(body.get(name), str):
                body[name] = change(body[name])

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        if request.method in ("POST", "PATCH") and isinstance(body, dict):
            mangle(body)
            return forward(with_body(request, body))
        return forward(request)

    return bend


def expired_still_works(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    if header(request, "Authorization") == EXPIRED:
        request = with_header(request, "Authorization", OWNER)
    return forward(request)


def no_walls(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A caller of another account reads what it may not see."""
    reply = forward(request)
    if reply.status == 404 and request.method == "GET" and header(request, "Authorization") == OUTSIDER:
        return forward(with_header(request, "Authorization", OWNER))
    return reply


def stale_read(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """The first read after a change shows what was before."""
    key = (header(request, "X-Mock-World"), path_of(request))
    if request.method == "PATCH" and is_task(key[1]):
        before = forward(with_header(replace(request, method="GET", body=None), "Authorization", OWNER))
        reply = forward(request)
        if reply.status == 200 and before.status == 200:
            memory.values[key] = before
        return reply
    if request.method == "GET" and key in memory.values and forward(request).status == 200:
        return memory.values.pop(key)
    return forward(request)


def each_record(name: str, change: Callable[[dict[str, Any]], None]) -> Bend:
    """Change every record that is answered alone under a key, or in a list under its plural."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        answer = answer_of(reply)
        if reply.status >= 300 or not isinstance(answer, dict) or not {name, f"{name}s"} & answer.keys():
            return reply
        for record in [answer[name]] if name in answer else answer[f"{name}s"]:
            change(record)
        return with_answer(reply, answer)

    return bend


def only(method: str, bend: Bend) -> Bend:
    return lambda memory, request, forward: (bend if request.method == method else straight)(memory, request, forward)


def status_for(code: str, now: int) -> Bend:
    """Another status for a refusal."""
    marked = f'"{code}"'.encode()
    return each_answer(
        lambda _, reply: replace(reply, status=now) if reply.status >= 400 and marked in reply.body else reply
    )


def drop_details(request: Outgoing, reply: Reply) -> Reply:
    answer = answer_of(reply)
    if reply.status < 400 or not isinstance(answer, dict) or "details" not in answer.get("error", {}):
        return reply
    del answer["error"]["details"]
    return with_answer(reply, answer)


def settable(body_key: str, field_name: str) -> Bend:
    """A field of the answer follows what the request says, although no operation sets it."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        body, answer = body_of(request), answer_of(reply)
        if isinstance(body, dict) and body_key in body and reply.status < 300 and isinstance(answer, dict):
            answer["task"][field_name] = body[body_key]
            return with_answer(reply, answer)
        return reply

    return bend


def off_by_one(project: dict[str, Any]) -> None:
    for name in ("num_tasks_open", "num_tasks_total"):
        if name in project:
            project[name] += 1


def as_percent(project: dict[str, Any]) -> None:
    if "progress" in project:
        project["progress"] *= 100


def colour_without_hash(board: dict[str, Any]) -> None:
    board["accent_color"] = board["accent_color"].lstrip("#")


def in_berlin(task: dict[str, Any]) -> None:
    task["updated_at"] = task["updated_at"].replace("Z", "+00:00")


def counted_from_one(task: dict[str, Any]) -> None:
    task["status"] += 1


def quota_grows(request: Outgoing, reply: Reply) -> Reply:
    left = reply.headers.get("x-ratelimit-remaining")
    if left is None:
        return reply
    return replace(reply, headers=with_length(reply.headers, reply.body, x_ratelimit_remaining=str(24_000 - int(left))))


MORE_BENDS: dict[str, tuple[Bend, set[str]]] = {
    "text-escaped-as-html": (text_mangled(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")), {"KM-116"}),
    "text-only-ascii": (text_mangled(lambda text: text.encode("ascii", "replace").decode()), {"KM-116"}),
    "text-trimmed": (text_mangled(lambda text: text.strip() or text), {"KM-116"}),
    "text-cut-at-255": (text_mangled(lambda text: text[:255]), {"KM-128"}),
    "text-in-lower-case": (text_mangled(str.lower), {"KM-116"}),
    "expired-still-works": (expired_still_works, {"KM-021"}),
    "no-walls": (no_walls, {"KM-028"}),
    "stale-read": (stale_read, {"KM-145"}),
    "subtasks-lost": (only("GET", each_task(set_to("subtasks", []))), {"KM-098"}),
    "created-at-moves": (only("PATCH", each_task(set_to("created_at", "2024-01-01T00:00:00Z"))), {"KM-142"}),
    "id-moves": (only("PATCH", each_task(set_to("id", "00000000-0000-4000-8000-000000000000"))), {"KM-143"}),
    "delete-says-false": (
        only("DELETE", each_answer(lambda _, reply: with_answer(reply, {"success": False}))),
        {"KM-162"},
    ),
    "validation-422": (status_for("invalid_request", 422), {"KM-032", "KM-037"}),
    "missing-task-410": (status_for("task_not_found", 410), {"KM-032", "KM-040"}),
    "scope-401": (status_for("insufficient_scope", 401), {"KM-022"}),
    "details-dropped": (each_answer(drop_details), {"KM-023", "KM-041", "KM-046"}),
    "allow-dropped": (headers(allow=None), {"KM-030"}),
    "position-settable": (settable("position", "position"), {"KM-095", "KM-131"}),
    "lane-settable": (settable("workflow_lane_id", "workflow_lane_id"), {"KM-094", "KM-131"}),
    "counters-off-by-one": (each_record("project", off_by_one), {"KM-189", "KM-126", "KM-192"}),
    "progress-as-percent": (each_record("project", as_percent), {"KM-188", "KM-190"}),
    "colour-without-hash": (each_record("board", colour_without_hash), {"KM-195"}),
    "time-with-offset": (each_task(in_berlin), {"KM-084"}),
    "status-counted-from-one": (each_task(counted_from_one), {"KM-109", "KM-116", "KM-070"}),
    "quota-grows": (each_answer(quota_grows), {"KM-057"}),
    "patch-ignores-status": (each_body("PATCH", drop("status")), {"KM-136", "KM-146"}),
    "patch-ignores-label": (each_body("PATCH", drop("label")), {"KM-135"}),
    "all-errors-400": (
        each_answer(lambda _, reply: replace(reply, status=400) if 400 < reply.status < 500 else reply),
        {"KM-019", "KM-022", "KM-040"},
    ),
    "html-errors": (
        each_answer(
            lambda _, reply: (
                replace(reply, body=b"<h1>Oops</h1>", headers=with_length(reply.headers, b"<h1>Oops</h1>"))
                if reply.status >= 400
                else reply
            )
        ),
        {"KM-033", "KM-025"},
    ),
}
