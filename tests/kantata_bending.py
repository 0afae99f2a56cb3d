"""How a tenant of Kantata can be wrong, or be otherwise: what `kantata_bends.py` names.

A bend sees a request and a way to forward it, and answers what it likes. The mock behind it stays whole.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from contracts.wire import Outgoing, Reply
from tests.bends import Bend, Forward, Memory, answer_of, body_of, header, with_answer, with_body, with_length

MOUNT = "/kantata/api/v1"
OWNER, READER = "5e0f1a7c9b3d48e2a6c4f1b7d9038e52a1c6f4b0", "91c4d7e2b8a05f63c2e9d4b7a1f8056e3d2c9b74"
OUTSIDER = "c7a2f9e1d4b8063e5a9c1f7d2b4e8a60f3d5c912"
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


def set_to(name: str, value: Any) -> Change:
    return lambda body: body.update({name: value})


def drop(*names: str) -> Change:
    def drop(body: dict[str, Any]) -> None:
        for name in names:
            body.pop(name, None)

    return drop


def meta(word: str, value: Callable[[Any], Any]) -> Change:
    def change(body: dict[str, Any]) -> None:
        body["meta"][word] = value(body["meta"][word])

    return change


def unmapped(body: dict[str, Any]) -> None:
    """The last reference has no object."""
    if body[STATUSES]:
        body[STATUSES].pop(body["results"][-1]["id"])


def overfull(body: dict[str, Any]) -> None:
    """The map has an object that results do not name."""
    if body["results"]:
        body["results"].pop()


def numbers(body: dict[str, Any]) -> None:
    for each in body.get("results", []):
        each["id"] = int(each["id"])


def turned(body: dict[str, Any]) -> None:
    body[STATUSES] = dict(reversed(body[STATUSES].items()))


def first_fault(body: dict[str, Any]) -> None:
    del body["errors"][1:]


def side_always(body: dict[str, Any]) -> None:
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
    return bodies(asks("PUT"), drop("position"))(memory, request, forward)


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


def pages_cut_only(query: dict[str, list[str]]) -> None:
    """`only` is paged like any other list."""
    if query.get("only", [""])[0]:
        ids = query["only"][0].replace("%2C", ",").split(",")
        query["only"] = [",".join(ids[: int(query.get("per_page", ["20"])[0] or 20)])]


def limit_alone(query: dict[str, list[str]]) -> None:
    if "limit" in query:
        query.setdefault("offset", ["0"])


def trimmed_includes(query: dict[str, list[str]]) -> None:
    if "include" in query:
        query["include"] = [",".join(part.strip() for part in query["include"][0].split(","))]


def order_ignored(query: dict[str, list[str]]) -> None:
    query.pop("order", None)


def unknown_order_taken(query: dict[str, list[str]]) -> None:
    """An order that there is not is not the default."""
    if "order" in query and query["order"][0].partition(":")[0] not in ORDERS:
        query["order"] = ["id:asc"]


ORDERS = {"id", "status", "position", "created_at", "updated_at"}


def last_lost(body: dict[str, Any]) -> None:
    """Full pages lack their last record."""
    if len(body["results"]) == body["meta"]["page_size"]:
        body[STATUSES].pop(body["results"].pop()["id"])


def back_to_front(body: dict[str, Any]) -> None:
    body["results"].reverse()


def larger_pages(query: dict[str, list[str]]) -> None:
    if query.get("per_page", ["0"])[0].isdigit() and int(query["per_page"][0]) > 200:
        query["per_page"] = ["20"]


def only_as_asked(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """`only` answers in the order in which the ids were given."""
    reply = forward(request)
    body, asked = answer_of(reply), query_of(request).get("only", [""])[0].split(",")
    if reply.status != 200 or len(asked) < 2 or not isinstance(body, dict):
        return reply
    body["results"].sort(key=lambda each: asked.index(each["id"]) if each["id"] in asked else len(asked))
    return with_answer(reply, body)


def strangers_are_let_in(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return forward(_as(request, OUTSIDER, OWNER))


def default_stays_is_no_fault(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    told = answer_of(reply)
    if reply.status == 422 and asks("DELETE")(request) and isinstance(told, dict):
        return replace(reply, status=204, body=b"", headers=with_length(reply.headers, b""))
    return reply


def sides_twice(body: dict[str, Any]) -> None:
    """Side-loads are counted, and named in results."""
    for key in body.get(SETS, {}):
        body["results"].append({"key": SETS, "id": key})
        body["count"] += 1


def _no_digits(fields: dict[str, Any]) -> None:
    """A number as text is none."""
    fields |= {name: "x" for name, value in fields.items() if isinstance(value, str) and value.isdigit()}


def cut(fields: dict[str, Any]) -> None:
    if isinstance(fields.get("status"), str):
        fields["status"] = fields["status"][:20]


def liberal(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What the rules accept of a tenant beside what the stand-in does, all at once."""
    body = body_of(request)
    fields = body.get("custom_task_status") if isinstance(body, dict) else None
    if isinstance(fields, dict) and str(fields.get("position", "x")).isdigit():
        fields["position"] = -(-int(fields["position"]) // 10)
        request = with_body(request, body)
    if "urlencoded" in header(request, "content-type") and request.body:
        request = replace(request, body=re.sub(rb"(position%5D=\d{1,5})\d(?=&|$)", rb"\1", request.body))
    if asks("GET", single=False)(request) and "order" not in query_of(request):
        mark = "&" if "?" in request.target else "?"
        request = replace(request, target=f"{request.target}{mark}order=id:asc")
    reply = forward(request)
    told = answer_of(reply)
    for each in told.get(STATUSES, {}).values() if isinstance(told, dict) else ():
        each["position"] *= 10
    reply = with_answer(reply, told) if isinstance(told, dict) and STATUSES in told else reply
    is_unreadable = isinstance(told, dict) and "error" in told
    return reply if is_unreadable else replace(reply, status=_liberal_status(request, reply.status))


def _liberal_status(request: Outgoing, status: int) -> int:
    parts = path_of(request).removesuffix(".json").strip("/").split("/")
    if status == 404 and request.method in ("PATCH", "OPTIONS", "TRACE"):
        return 405
    if status == 404 and request.method in ("GET", "PUT", "DELETE") and len(parts) > 1 and not parts[1].isdigit():
        return 400
    if status == 404 and request.method == "POST" and len(parts) == 1:
        return 422
    is_write = request.method in ("POST", "PUT") and "?" not in request.target
    return {400: 422, 422: 400}.get(status, status) if is_write else status
