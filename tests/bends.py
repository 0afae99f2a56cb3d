"""Ways of being wrong, by name: what a broken tenant of KanMan answers, and which rules that breaks.

A bend sees a request and a way to forward it, and answers what it likes. The mock behind it stays whole.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.findings import Headers
from contracts.wire import Outgoing, Reply

OWNER = "Bearer km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"
READER = "Bearer km_ReadOn1yT0kenF0rTheM0ckGh4i6j2k7"
EXPIRED = "Bearer km_Exp1redT0kenF0rTheM0ckVw7x2y5z84"
OUTSIDER = "Bearer km_0uts1derT0kenF0rTheM0ckQr6s9t4u2"
MOUNT = "/kanman/v1"

Forward = Callable[[Outgoing], Reply]
Bend = Callable[["Memory", Outgoing, Forward], Reply]


@dataclass
class Memory:
    """What a bend has to remember from one request to the next."""

    values: dict[tuple[str, str], Any] = field(default_factory=dict)


def path_of(request: Outgoing) -> str:
    return request.target.partition("?")[0].removeprefix(MOUNT)


def header(request: Outgoing, name: str) -> str:
    return next((value for known, value in request.headers if known.lower() == name.lower()), "")


def with_header(request: Outgoing, name: str, value: str) -> Outgoing:
    kept = [(known, text) for known, text in request.headers if known.lower() != name.lower()]
    return replace(request, headers=[*kept, (name, value)])


def body_of(request: Outgoing) -> Any:
    try:
        return json.loads(request.body or b"null")
    except ValueError:
        return None


def with_body(request: Outgoing, body: Any) -> Outgoing:
    kept = [
        (name, value) for name, value in request.headers if name.lower() not in ("content-length", "transfer-encoding")
    ]
    return replace(request, headers=kept, body=json.dumps(body).encode())


def answer_of(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        return None


def with_answer(reply: Reply, answer: Any, *, status: int | None = None) -> Reply:
    body = json.dumps(answer).encode()
    return replace(reply, status=status or reply.status, body=body, headers=with_length(reply.headers, body))


def with_length(headers: Headers, body: bytes, **changed: str | None) -> Headers:
    fields = {
        **headers,
        "content-length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return Headers((name, value) for name, value in fields.items() if value is not None)


def is_task(path: str) -> bool:
    return path.startswith("/tasks/") and path.count("/") == 2


def each_task(change: Callable[[dict[str, Any]], None]) -> Bend:
    """Change every task that is answered whole."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        answer = answer_of(reply)
        if reply.status < 300 and isinstance(answer, dict) and isinstance(answer.get("task"), dict):
            change(answer["task"])
            return with_answer(reply, answer)
        return reply

    return bend


def each_list(change: Callable[[list[Any]], list[Any]]) -> Bend:
    """Change every list of tasks."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        answer = answer_of(reply)
        if reply.status < 300 and isinstance(answer, dict) and isinstance(answer.get("tasks"), list):
            return with_answer(reply, {"tasks": change(answer["tasks"])})
        return reply

    return bend


def each_answer(change: Callable[[Outgoing, Reply], Reply]) -> Bend:
    """Change every answer of the API."""
    return lambda memory, request, forward: change(request, forward(request))


def each_body(method: str, change: Callable[[dict[str, Any]], None]) -> Bend:
    """Change what is asked for before the API hears of it."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        if request.method == method and isinstance(body, dict):
            change(body)
            return forward(with_body(request, body))
        return forward(request)

    return bend


def deleted_stays_readable(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    key = (header(request, "X-Mock-World"), path_of(request))
    if request.method == "DELETE" and is_task(key[1]):
        before = forward(with_header(replace(request, method="GET", body=None), "Authorization", OWNER))
        reply = forward(request)
        if reply.status == 200:
            memory.values[key] = before
        return reply
    reply = forward(request)
    return memory.values[key] if reply.status == 404 and request.method == "GET" and key in memory.values else reply


def scope_not_enforced(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    if header(request, "Authorization") == READER:
        request = with_header(request, "Authorization", OWNER)
    return forward(request)


def server_error_on_long_label(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    body = body_of(request)
    if isinstance(body, dict) and len(str(body.get("label", ""))) > 60:
        failure = {"error": {"code": "internal_error", "message": "Something failed."}}
        return with_answer(
            forward(replace(request, method="GET", target=f"{MOUNT}/boards", body=None)), failure, status=500
        )
    return forward(request)


def create_is_idempotent(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    if request.method != "POST" or path_of(request) != "/tasks":
        return forward(request)
    key = (header(request, "X-Mock-World"), f"{request.body!r} {header(request, 'Authorization')}")
    if key not in memory.values:
        reply = forward(request)
        if reply.status != 201:
            return reply
        memory.values[key] = reply
    return memory.values[key]


def stale_counters(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    key = (header(request, "X-Mock-World"), path_of(request))
    if request.method == "GET" and key[1].startswith("/projects/") and key[1].count("/") == 2 and reply.status == 200:
        return memory.values.setdefault(key, reply)
    return reply


def description_lost(body: dict[str, Any]) -> None:
    body.setdefault("description", None)


def blank_becomes_untitled(body: dict[str, Any]) -> None:
    if isinstance(body.get("label"), str) and not body["label"].strip():
        body["label"] = "untitled"


def wrong_status_becomes_open(body: dict[str, Any]) -> None:
    if "status" in body and body["status"] not in (0, 1, 2):
        body["status"] = 0


def set_to(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda task: task.__setitem__(name, value)


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda task: task.pop(name, None)


def status(method: str, was: int, now: int) -> Bend:
    return each_answer(
        lambda request, reply: replace(reply, status=now) if (request.method, reply.status) == (method, was) else reply
    )


def error_code(was: str, now: str) -> Bend:
    return each_answer(
        lambda request, reply: (
            with_answer(reply, json.loads(reply.body.replace(was.encode(), now.encode())))
            if was.encode() in reply.body
            else reply
        )
    )


def headers(**changed: str | None) -> Bend:
    return each_answer(lambda request, reply: replace(reply, headers=with_length(reply.headers, reply.body, **changed)))


def flat_error(request: Outgoing, reply: Reply) -> Reply:
    answer = answer_of(reply)
    return with_answer(reply, answer["error"]) if isinstance(answer, dict) and "error" in answer else reply


def uppercase_ids(task: dict[str, Any]) -> None:
    task["project_id"] = task["project_id"].upper()


def straight(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Bends nothing."""
    return forward(request)


# name: (bend, rules of which at least one must be found broken on a tenant, and on the mock)
BENDS: dict[str, tuple[Bend, set[str]]] = {
    "wrong-status": (status("DELETE", 200, 202), {"KM-163"}),
    "missing-field": (each_task(drop("position")), {"KM-065", "KM-066"}),
    "wrong-type": (each_task(set_to("subtasks", None)), {"KM-081"}),
    "description-lost-on-patch": (each_body("PATCH", description_lost), {"KM-134", "KM-144"}),
    "deleted-still-readable": (deleted_stays_readable, {"KM-168", "KM-100"}),
    "scope-not-enforced": (scope_not_enforced, {"KM-010", "KM-011", "KM-012"}),
    "status-out-of-range": (each_task(set_to("status", 7)), {"KM-070"}),
    "list-unordered": (each_list(lambda tasks: tasks[::-1]), {"KM-182", "KM-078"}),
    "list-loses-the-last": (each_list(lambda tasks: tasks[:-1]), {"KM-178", "KM-125"}),
    "list-repeats": (each_list(lambda tasks: tasks + tasks[:1]), {"KM-178", "KM-122", "KM-182", "KM-078"}),
    "extra-field": (each_task(set_to("owner", "me")), {"KM-065"}),
    "timestamp-with-fraction": (each_task(set_to("created_at", "2024-01-15T10:40:00.123Z")), {"KM-084"}),
    "upper-case-uuid": (each_task(uppercase_ids), {"KM-068"}),
    "updated-before-created": (each_task(set_to("updated_at", "2001-01-01T00:00:00Z")), {"KM-085"}),
    "flat-error": (each_answer(flat_error), {"KM-033"}),
    "other-error-code": (error_code("insufficient_scope", "forbidden"), {"KM-022"}),
    "refusal-403-for-401": (
        each_answer(lambda _, reply: replace(reply, status=403) if reply.status == 401 else reply),
        {"KM-018", "KM-019"},
    ),
    "quota-header-missing": (headers(x_ratelimit_limit=None), {"KM-051"}),
    "quota-reset-in-seconds": (headers(x_ratelimit_reset="1775001600"), {"KM-053"}),
    "quota-stands-still": (headers(x_ratelimit_remaining="5000"), {"KM-057"}),
    "not-json-content-type": (headers(content_type="text/html"), {"KM-025", "KM-033", "ST105"}),
    "server-error-on-long-label": (server_error_on_long_label, {"KM-047"}),
    "create-is-idempotent": (create_is_idempotent, {"KM-115", "KM-132"}),
    "create-ignores-description": (each_body("POST", drop("description")), {"KM-116"}),
    "create-starts-in-progress": (each_body("POST", lambda body: body.setdefault("status", 1)), {"KM-109"}),
    "patch-cannot-move": (each_body("PATCH", drop("projectId")), {"KM-138", "KM-147"}),
    "blank-label-accepted": (each_body("POST", blank_becomes_untitled), {"KM-127"}),
    "wrong-status-value-accepted": (each_body("POST", wrong_status_becomes_open), {"KM-129"}),
    "stale-counters": (stale_counters, {"KM-126", "KM-192"}),
    "unknown-path-found": (
        each_answer(
            lambda request, reply: with_answer(reply, {}, status=200) if b'"not_found"' in reply.body else reply
        ),
        {"KM-031"},
    ),
}
