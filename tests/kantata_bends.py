"""Ways of being wrong, by name: what a broken tenant of Kantata answers, and which rules that breaks.

A bend sees a request and a way to forward it, and answers what it likes. The mock behind it stays whole.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from contracts.wire import Outgoing, Reply
from tests.bends import Bend, Forward, Memory, answer_of, body_of, header, with_answer, with_body, with_length

MOUNT = "/kantata/api/v1"
OWNER, READER = "5e0f1a7c9b3d48e2a6c4f1b7d9038e52a1c6f4b0", "91c4d7e2b8a05f63c2e9d4b7a1f8056e3d2c9b74"
REVOKED = "2d8b6f04e7a1c935f8d2b6e04a7c19358fb2d6e0"
STATUSES, SETS = "custom_task_statuses", "task_status_sets"

Asked = Callable[[Outgoing], bool]
Change = Callable[[dict[str, Any]], None]


def path_of(request: Outgoing) -> str:
    return request.target.partition("?")[0].removeprefix(MOUNT)


def query_of(request: Outgoing) -> dict[str, list[str]]:
    return parse_qs(request.target.partition("?")[2], keep_blank_values=True)


def anything(request: Outgoing) -> bool:
    return True


def asks(method: str, *, single: bool | None = None, of: str = STATUSES) -> Asked:
    """Whether a request has that method on one or on all of a resource."""

    def is_asked(request: Outgoing) -> bool:
        parts = path_of(request).removesuffix(".json").strip("/").split("/")
        return request.method == method and parts[0] == of and single in (None, len(parts) == 2)

    return is_asked


def answers(asked: Asked, change: Change, *statuses: int) -> Bend:
    """Successes (or refusals of those statuses) with something changed in their bodies."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        body = answer_of(reply)
        if reply.status not in (statuses or (200,)) or not isinstance(body, dict) or not asked(request):
            return reply
        change(body)
        return with_answer(reply, body)

    return bend


def bodies(asked: Asked, change: Change) -> Bend:
    """Requests whose fields are changed before they are heard."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        fields = body.get("custom_task_status") if isinstance(body, dict) else None
        if isinstance(fields, dict) and asked(request):
            change(fields)
            request = with_body(request, body)
        return forward(request)

    return bend


def queries(change: Callable[[dict[str, list[str]]], None]) -> Bend:
    """Lists whose parameters are changed before they are heard."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        query = query_of(request)
        if request.method == "GET" and query:
            change(query)
            text = "&".join(f"{name}={value}" for name, values in query.items() for value in values)
            request = replace(request, target=f"{request.target.partition('?')[0]}?{text}")
        return forward(request)

    return bend


def statuses(asked: Asked, told: int, *when: int) -> Bend:
    """Another status than the one that was answered."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        return replace(reply, status=told) if reply.status in when and asked(request) else reply

    return bend


def headers(change: dict[str, str | None]) -> Bend:
    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        return replace(reply, headers=with_length(reply.headers, reply.body, **change))

    return bend


def each_status(change: Change) -> Change:
    def change_all(body: dict[str, Any]) -> None:
        for status in body.get(STATUSES, {}).values():
            change(status)

    return change_all


def each_fault(change: Change) -> Change:
    def change_all(body: dict[str, Any]) -> None:
        for entry in body.get("errors", []):
            change(entry)

    return change_all


def _set(name: str, value: Any) -> Change:
    return lambda body: body.update({name: value})


def _drop(*names: str) -> Change:
    def drop(body: dict[str, Any]) -> None:
        for name in names:
            body.pop(name, None)

    return drop


def _meta(word: str, value: Callable[[Any], Any]) -> Change:
    def change(body: dict[str, Any]) -> None:
        body["meta"][word] = value(body["meta"][word])

    return change


def _unmapped(body: dict[str, Any]) -> None:
    """The last reference has no object."""
    if body[STATUSES]:
        body[STATUSES].pop(body["results"][-1]["id"])


def _overfull(body: dict[str, Any]) -> None:
    """The map has an object that results do not name."""
    if body["results"]:
        body["results"].pop()


def _numbers(body: dict[str, Any]) -> None:
    for each in body.get("results", []):
        each["id"] = int(each["id"])


def _turned(body: dict[str, Any]) -> None:
    body[STATUSES] = dict(reversed(body[STATUSES].items()))


def _first_fault(body: dict[str, Any]) -> None:
    del body["errors"][1:]


def _side_always(body: dict[str, Any]) -> None:
    body.setdefault(SETS, {})


def _repeated(request: Outgoing, forward: Forward) -> Reply:
    """Once more under another name, where the name is in use."""
    body = body_of(request)
    body["custom_task_status"]["status"] += " 2"
    return forward(with_body(request, body))


def duplicates_accepted(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    told = answer_of(reply)
    if reply.status != 422 or not asks("POST")(request) or not isinstance(body_of(request), dict):
        return reply
    if [each["message"] for each in told["errors"]] == ["Status is already used in this set"]:
        return _repeated(request, forward)
    return reply


def delete_forgotten(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A delete that answers 204 and deletes nothing."""
    if asks("DELETE", single=True)(request):
        return Reply(204, forward(replace(request, method="GET", body=None)).headers, b"", 0.0)
    return forward(request)


def gap_left(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What stood behind a deleted status is shown one place too far behind."""
    if asks("DELETE", single=True)(request) and header(request, "X-Mock-World"):
        memory.values["deleted", header(request, "X-Mock-World")] = True
    reply = forward(request)
    body = answer_of(reply)
    if not memory.values.get(("deleted", header(request, "X-Mock-World"))) or not isinstance(body, dict):
        return reply
    for each in body.get(STATUSES, {}).values():
        each["position"] += each["position"] > 4
    return with_answer(reply, body)


def moves_forgotten(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return bodies(asks("PUT"), _drop("position"))(memory, request, forward)


def everybody_writes(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return forward(_as(request, READER, OWNER))


def revoked_is_let_in(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return forward(_as(request, REVOKED, OWNER))


def _as(request: Outgoing, token: str, other: str) -> Outgoing:
    changed = [(name, value.replace(token, other)) for name, value in request.headers]
    return replace(request, headers=changed)


def record_before_role(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if reply.status != 403:
        return reply
    as_owner = forward(replace(_as(request, READER, OWNER), method="GET", body=None))
    return as_owner if as_owner.status == 404 else reply


def token_before_syntax(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    if request.method in ("POST", "PUT") and not header(request, "authorization"):
        return forward(replace(request, body=b"{}"))
    return forward(request)


def suffix_unknown(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return forward(replace(request, target=request.target.replace(".json", ".jsan")))


def forms_unknown(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    if "urlencoded" in header(request, "content-type"):
        request = replace(request, body=b"")
    return forward(request)


def shift_touches(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """After a move everything in the set looks as if it had just been changed."""
    world = header(request, "X-Mock-World")
    reply = forward(request)
    fields = (body_of(request) or {}).get("custom_task_status") if isinstance(body_of(request), dict) else None
    if asks("PUT", single=True)(request) and reply.status == 200 and isinstance(fields, dict) and "position" in fields:
        moved = next(iter(answer_of(reply)[STATUSES].values()))
        memory.values["moved", world] = moved["updated_at"]
    body = answer_of(reply)
    if ("moved", world) in memory.values and isinstance(body, dict) and request.method == "GET":
        for each in body.get(STATUSES, {}).values():
            each["updated_at"] = memory.values["moved", world]
        return with_answer(reply, body)
    return reply


def category_follows(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """An update takes another category along."""
    world, body = header(request, "X-Mock-World"), body_of(request)
    fields = body.get("custom_task_status") if isinstance(body, dict) else None
    if asks("PUT", single=True)(request) and isinstance(fields, dict) and "category" in fields:
        memory.values[world, path_of(request).rpartition("/")[2]] = fields["category"]
    reply = forward(request)
    told = answer_of(reply)
    if not isinstance(told, dict):
        return reply
    for key, each in told.get(STATUSES, {}).items():
        each["category"] = memory.values.get((world, key), each["category"])
    return with_answer(reply, told)


def _pages_cut_only(query: dict[str, list[str]]) -> None:
    """`only` is paged like any other list."""
    if query.get("only", [""])[0]:
        ids = query["only"][0].replace("%2C", ",").split(",")
        query["only"] = [",".join(ids[: int(query.get("per_page", ["20"])[0] or 20)])]


def _limit_alone(query: dict[str, list[str]]) -> None:
    if "limit" in query:
        query.setdefault("offset", ["0"])


def _trimmed_includes(query: dict[str, list[str]]) -> None:
    if "include" in query:
        query["include"] = [",".join(part.strip() for part in query["include"][0].split(","))]


def _no_digits(fields: dict[str, Any]) -> None:
    """A number as text is none."""
    fields |= {name: "x" for name, value in fields.items() if isinstance(value, str) and value.isdigit()}


def _cut(fields: dict[str, Any]) -> None:
    if isinstance(fields.get("status"), str):
        fields["status"] = fields["status"][:20]


BENDS: dict[str, tuple[Bend, frozenset[str]]] = {
    "places-not-dense": (gap_left, frozenset({"KX-174", "KX-192"})),
    "moves-forgotten": (moves_forgotten, frozenset({"KX-164", "KX-175", "KX-176"})),
    "move-touches-others": (shift_touches, frozenset({"KX-178"})),
    "side-load-missing": (answers(anything, _drop(SETS)), frozenset({"KX-085", "KX-061"})),
    "side-load-always": (answers(asks("GET", single=True), _side_always), frozenset({"KX-061"})),
    "side-loads-trimmed": (queries(_trimmed_includes), frozenset({"KX-088"})),
    "duplicates-accepted": (duplicates_accepted, frozenset({"KX-080", "KX-126", "KX-138"})),
    "category-changes": (category_follows, frozenset({"KX-079", "KX-166"})),
    "delete-forgotten": (delete_forgotten, frozenset({"KX-188", "KX-189"})),
    "delete-has-a-body": (
        lambda memory, request, forward: (
            replace(reply, body=b"null", headers=with_length(reply.headers, b"null"))
            if (reply := forward(request)).status == 204
            else reply
        ),
        frozenset({"KX-184", "KX-185"}),
    ),
    "count-of-the-page": (
        answers(asks("GET", single=False), lambda body: body.update(count=len(body["results"]))),
        frozenset({"KX-045", "KX-054"}),
    ),
    "meta-counts-wrong": (answers(anything, _meta("count", lambda n: n + 1)), frozenset({"KX-054"})),
    "page-count-wrong": (
        answers(asks("GET", single=False), _meta("page_count", lambda n: n + 1)),
        frozenset({"KX-055"}),
    ),
    "page-number-fixed": (
        answers(asks("GET", single=False), _meta("page_number", lambda n: 1)),
        frozenset({"KX-056", "KX-105"}),
    ),
    "single-size-wrong": (answers(asks("GET", single=True), _meta("page_size", lambda n: 1)), frozenset({"KX-058"})),
    "ids-are-numbers": (answers(anything, _numbers), frozenset({"KX-053"})),
    "set-is-text": (
        answers(anything, each_status(lambda each: each.update(status_set_id=str(each["status_set_id"])))),
        frozenset({"KX-068", "KX-070"}),
    ),
    "object-missing": (answers(asks("GET", single=False), _unmapped), frozenset({"KX-052"})),
    "object-unnamed": (answers(asks("GET", single=False), _overfull), frozenset({"KX-052"})),
    "map-turned": (answers(asks("GET", single=False), _turned), frozenset({"KX-062"})),
    "success-with-errors": (answers(anything, _set("errors", [])), frozenset({"KX-043"})),
    "first-fault-only": (answers(anything, _first_fault, 422), frozenset({"KX-041"})),
    "field-missing": (answers(anything, each_fault(_drop("field")), 422), frozenset({"KX-038"})),
    "field-wrong": (answers(anything, each_fault(_set("field", "name")), 422), frozenset({"KX-138", "KX-139"})),
    "type-wrong": (answers(anything, each_fault(_set("type", "system")), 422), frozenset({"KX-138"})),
    "type-unknown": (answers(anything, each_fault(_set("type", "")), 401, 403, 404), frozenset({"KX-035", "KX-042"})),
    "values-answer-400": (statuses(anything, 400, 422), frozenset({"KX-137", "KX-138", "KX-177"})),
    "create-answers-201": (statuses(asks("POST"), 201, 200), frozenset({"KX-120", "KX-133"})),
    "delete-answers-200": (statuses(asks("DELETE"), 200, 204), frozenset({"KX-183"})),
    "method-answers-405": (statuses(lambda request: request.method == "PATCH", 405, 404), frozenset({"KX-028"})),
    "everybody-writes": (everybody_writes, frozenset({"KX-010"})),
    "record-before-role": (record_before_role, frozenset({"KX-029"})),
    "revoked-is-let-in": (revoked_is_let_in, frozenset({"KX-005", "KX-008"})),
    "token-before-syntax": (token_before_syntax, frozenset({"KX-026"})),
    "suffix-unknown": (suffix_unknown, frozenset({"KX-003"})),
    "forms-unknown": (forms_unknown, frozenset({"KX-021", "KX-022", "KX-023"})),
    "numbers-as-text-refused": (
        bodies(
            anything,
            lambda fields: fields.update({k: "x" for k, v in fields.items() if str(v).isdigit() and v is str(v)}),
        ),
        frozenset({"KX-024"}),
    ),
    "limit-told": (headers({"x_ratelimit_limit": "100"}), frozenset({"KX-015"})),
    "retry-told": (headers({"retry_after": "5"}), frozenset({"KX-015"})),
    "charset-missing": (headers({"content_type": "application/json"}), frozenset({"KX-017"})),
    "only-is-paged": (queries(_pages_cut_only), frozenset({"KX-094"})),
    "limit-alone-cuts": (queries(_limit_alone), frozenset({"KX-109"})),
    "zulu-times": (
        answers(anything, each_status(lambda each: each.update(created_at=each["created_at"].replace("-08:00", "Z")))),
        frozenset({"KX-074"}),
    ),
    "names-cut": (bodies(anything, _cut), frozenset({"KX-131"})),
    "create-keeps-position": (
        answers(asks("POST"), each_status(_set("position", 1))),
        frozenset({"KX-134", "KX-135"}),
    ),
}
# What a tenant is only warned of, or may do, because the documents leave room for it.
UNSEEN_ON_A_TENANT = {
    "move-touches-others",
    "record-before-role",
    "places-not-dense",
    "create-keeps-position",
    "method-answers-405",
    "side-loads-trimmed",
    "token-before-syntax",
    "values-answer-400",
    "first-fault-only",
    "type-wrong",
    "page-number-fixed",
    "side-load-always",
}
