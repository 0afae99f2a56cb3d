"""Faithful tenants of GeoTareas, by name: what its documents leave open, turned the other way."""

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from contracts.wire import Outgoing, Reply
from tests import geotareas_bends as geotareas
from tests.bend_words import bears, drop, path_of, put, query_of, told, under, whatever, with_query
from tests.bends import Bend, Forward, Memory, answer_of, body_of, header, with_answer, with_body, with_header
from tests.lenient_words import REFUSALS, behind_a_gateway, stamps, unknown_fields_refused

REFUSAL = {"success": False, "error": {"code": "VALIDATION_ERROR", "message": "Not so."}}
HOST = geotareas.HOST


def coded(code: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**(body or REFUSAL), "error": {"code": code, "message": "No es así."}}


def method_answers_404(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    return with_answer(reply, coded("NOT_SUPPORTED"), status=404) if reply.status == 405 else reply


def path_answers_405(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """An unknown path is one that does not offer the method (A20)."""
    reply = forward(request)
    known = re.search(r"/(login|workspaces|cards|comments|state)$", path_of(request))
    return with_answer(reply, coded("NOT_SUPPORTED"), status=405) if reply.status == 404 and not known else reply


def wrong_pages_corrected(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A limit that is out of range is drawn to the nearest that is not, and another is as none (A11)."""
    query = query_of(request)
    if request.method == "GET" and ("limit" in query or "offset" in query) and "only" not in query:
        for name, least, most in (("limit", 1, 100), ("offset", 0, 10**9)):
            text = query.get(name)
            if text is None:
                continue
            if re.fullmatch(r"-?\d+", text):
                query[name] = str(min(max(int(text), least), most))
            else:
                del query[name]
        request = replace(request, target=f"{path_of(request)}?{urlencode(query)}")
    return forward(request)


def relisted(asked: Any, change: Any) -> Bend:
    """A list in another order, the same on all its pages."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if not asked(request) or reply.status != 200:
            return reply
        answer, query = answer_of(reply), query_of(request)
        rows: list[Any] = []
        while len(rows) < answer["meta"]["total"]:
            page = forward(with_query(request, {**query, "limit": "100", "offset": str(len(rows))}))
            if page.status != 200:
                return page
            rows += (shown := answer_of(page)["data"])
            if not shown:
                break
        limit, offset = answer["meta"]["limit"], answer["meta"]["offset"]
        return with_answer(reply, {**answer, "data": change(rows)[offset : offset + limit]})

    return bend


def equals_turned(rows: list[Any]) -> list[Any]:
    """Comments of the same second the other way around."""
    moments = sorted({each["created_at"] for each in rows}, reverse=True)
    return [each for moment in moments for each in rows[::-1] if each["created_at"] == moment]


def without_driver_on_others(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A driver with another target is refused (A4)."""
    body = body_of(request)
    is_state = geotareas.STATE(request) and isinstance(body, dict)
    if is_state and "driver_id" in body and body.get("target_status") != "ASI":
        return forward(replace(request, body=b"[]"))
    return forward(request)


def path_ids_unknown(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What is no id names nothing (A5)."""
    reply = forward(request)
    found = re.search(r"/(?:tasks|cards|boards)/([^/]*)/", path_of(request))
    if reply.status == 400 and found and not re.fullmatch(r"\d{1,30}", found[1]):
        return with_answer(reply, coded("NOT_FOUND"), status=404)
    return reply


def blank_taken(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A text of blanks is a text (A12)."""
    body = body_of(request)
    if not geotareas.ADD(request) or not isinstance(body, dict) or not isinstance(body.get("text"), str):
        return forward(request)
    if body["text"].strip():
        return forward(request)
    reply = forward(with_body(request, {**body, "text": "."}))
    answer = answer_of(reply)
    if reply.status == 201:
        answer["data"]["text"] = body["text"]
        return with_answer(reply, answer)
    return reply


def type_not_minded(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Whatever says that it is JSON, or does not, is read as JSON (A15)."""
    if request.method in ("POST", "PUT") and "json" not in header(request, "Content-Type"):
        return forward(with_header(request, "Content-Type", "application/json"))
    return forward(request)


def type_415(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if reply.status == 400 and request.method in ("POST", "PUT") and "json" not in header(request, "Content-Type"):
        return (
            with_answer(reply, coded("UNSUPPORTED_MEDIA_TYPE"), status=415) if b"BAD_REQUEST" in reply.body else reply
        )
    return reply


def other_tenant(status: int, code: str) -> Bend:
    """The host name of another company has its own refusal (A17)."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if reply.status == 401 and header(request, "tenant").lower() != HOST:
            return with_answer(reply, coded(code), status=status)
        return reply

    return bend


def unreadable_is_bad_request(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if reply.status == 400 and request.body is not None and not isinstance(body_of(request), dict):
        return with_answer(reply, coded("BAD_REQUEST"))
    return reply


def used_by_others(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Fewer calls are left than this caller made."""
    reply = forward(request)
    left = reply.headers.get("x-ratelimit-remaining")
    if left is None:
        return reply
    memory.values["", "calls"] = memory.values.get(("", "calls"), 0) + 1
    return bears(x_ratelimit_remaining=str(max(1, int(left) - memory.values["", "calls"] % 3)))(
        memory, request, lambda _: reply
    )


def one_hidden(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """As the vendor's own sample: more are counted than are shown (A8)."""
    reply = forward(request)
    answer = answer_of(reply)
    if geotareas.LIST(request) and reply.status == 200:
        answer["meta"]["total"] += bool(answer["meta"]["total"])
        return with_answer(reply, answer)
    if geotareas.CARDS(request) and reply.status == 200:
        for card in answer["data"]:
            card["comments_count"] += bool(card["comments_count"])
        return with_answer(reply, answer)
    return reply


def others_at_work(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Somebody comments on the same card between our requests."""
    number = memory.values["", "requests"] = memory.values.get(("", "requests"), 0) + 1
    if number % 40 == 0:
        token = geotareas.token_of_carlos(memory, request, forward)
        headers = [("Authorization", token), ("X-API-Key", geotareas.KEY), ("tenant", HOST)]
        body = json.dumps({"text": f"Somebody's comment {number}"}).encode()
        there = f"{geotareas.MOUNT}{geotareas.KANBAN}/cards/4200000000000003/comments"
        forward(Outgoing("POST", there, [*headers, ("Content-Type", "application/json")], body))
    return forward(request)


GEOTAREAS: dict[str, Bend] = {
    "times-with-fraction": stamps(r'"\1.250"'),
    "times-with-z": stamps(r'"\1Z"'),
    "times-with-offset": stamps(r'"\1-06:00"'),
    "errors-without-data": told(whatever, drop("data"), *REFUSALS),
    "errors-with-meta": told(whatever, put("meta", {}), *REFUSALS),
    "method-404": method_answers_404,
    "path-405": path_answers_405,
    "pages-corrected": wrong_pages_corrected,
    "equals-in-another-order": relisted(geotareas.LIST, equals_turned),
    "unknown-fields-refused": unknown_fields_refused(geotareas.ADD, {"text"}, 400, REFUSAL),
    "driver-refused-elsewhere": without_driver_on_others,
    "mentions-never-resolved": told(geotareas.LIST, under("data", put("mentions", []))),
    "path-ids-404": path_ids_unknown,
    "blank-text-taken": blank_taken,
    "type-not-minded": type_not_minded,
    "type-415": type_415,
    "other-tenant-400": other_tenant(400, "BAD_REQUEST"),
    "other-tenant-403": other_tenant(403, "FORBIDDEN"),
    "other-tenant-404": other_tenant(404, "NOT_FOUND"),
    "unreadable-is-a-bad-request": unreadable_is_bad_request,
    "used-by-others": used_by_others,
    "one-hidden": one_hidden,
    "cards-in-another-order": relisted(geotareas.CARDS, lambda rows: rows[::-1]),
    "cards-with-more-keys": told(geotareas.CARDS, under("data", put("watchers", []))),
    "messages-in-spanish": told(whatever, under("error", put("message", "No es así.")), *REFUSALS),
    "behind-a-gateway": behind_a_gateway,
    "others-at-work": others_at_work,
}
SWITCHED = {
    "errors-in-the-other-form": "error_envelope=without_data",
    "drivers-refused": "driver_on_other_targets=reject",
}
