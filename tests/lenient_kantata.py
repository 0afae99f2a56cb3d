"""Faithful tenants of Kantata, by name: what its documents leave open, turned the other way."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from contracts.wire import Outgoing, Reply
from tests.bend_words import answers, asks, bears, both, drop, path_of, told, whatever
from tests.bends import Bend, Forward, Memory, answer_of, body_of, header, with_answer, with_body
from tests.kantata_bending import OUTSIDER, OWNER, STATUSES, liberal, query_of
from tests.lenient_words import behind_a_gateway, busy, pages_refused

REFUSAL = {"errors": [{"type": "system", "message": "Not so."}]}
LIST = asks("GET", r"/custom_task_statuses(\.json)?$")
CREATE = asks("POST", r"/custom_task_statuses(\.json)?$")
UPDATE = asks("PUT", r"/custom_task_statuses/\d+(\.json)?$")
WRITES = asks("POST PUT", r"/custom_task_statuses")
A_STAMP = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-08:00"')


def each_status(change: Callable[[dict[str, Any]], object]) -> Bend:
    return told(whatever, lambda body: [change(each) for each in body.get(STATUSES, {}).values()])


def sent(request: Outgoing) -> dict[str, Any]:
    body = body_of(request)
    fields = body.get("custom_task_status") if isinstance(body, dict) else None
    return fields if isinstance(fields, dict) else {}


def refused_if(asked: Any, is_refused: Any, status: int) -> Bend:
    """What would be taken is refused."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if asked(request) and is_refused(request):
            reply = forward(with_body(request, {"custom_task_status": []}))  # which is refused, but not to strangers
            return with_answer(reply, REFUSAL, status=status) if reply.status == 400 else reply
        return forward(request)

    return bend


def elsewhere(hours: int) -> Bend:
    """The same moments in the words of another zone (D24)."""

    def turned(match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(match[0][1:-1])
        return f'"{moment.astimezone(timezone(timedelta(hours=hours))).isoformat()}"'

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        body = A_STAMP.sub(turned, reply.body.decode()).encode()
        return bears()(memory, request, lambda _: replace(reply, body=body)) if body != reply.body else reply

    return bend


def foreign_forbidden(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A record of another account is one that a caller may not touch (D13)."""
    reply = forward(request)
    if reply.status == 404 and OUTSIDER in header(request, "Authorization") and re.search(r"/\d+", request.target):
        return replace(reply, status=403)
    return reply


def patch_as_put(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return forward(replace(request, method="PUT")) if request.method == "PATCH" else forward(request)


def options_answered(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if request.method == "OPTIONS" and reply.status == 404:
        return answers(whatever, 404, 204)(memory, request, lambda _: reply)
    return reply


def display_forms_taken(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """`Not Started` is `not started` (D17)."""
    fields = sent(request)
    known = ("not started", "started", "needs info", "completed")
    if CREATE(request) and str(fields.get("category")).lower() in known:
        return forward(with_body(request, {"custom_task_status": {**fields, "category": fields["category"].lower()}}))
    return forward(request)


def searched(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A tenant may know how to search (D26)."""
    reply = forward(request)
    wanted = (query_of(request).get("search") or [""])[0].lower()
    body = answer_of(reply)
    if not LIST(request) or not wanted or reply.status != 200:
        return reply
    kept = {key: each for key, each in body[STATUSES].items() if wanted in each["status"].lower()}
    body |= {"count": len(kept), STATUSES: kept, "results": [r for r in body["results"] if r["id"] in kept]}
    body["meta"] |= {"count": len(kept), "page_count": 1 if kept else 0, "page_number": 1 if kept else 0}
    return with_answer(reply, body)


def token_before_syntax(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Who nobody knows hears that first (KX-026)."""
    reply = forward(request)
    if reply.status == 400 and b'"error"' in reply.body:
        asked = replace(
            request, method="GET", body=None, target=f"{path_of(request).split('/api/v1')[0]}/api/v1/{STATUSES}"
        )
        known = forward(asked)
        return known if known.status == 401 else reply
    return reply


def unreadable_422(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What is no JSON is refused as any other body (D6)."""
    reply = forward(request)
    told = answer_of(reply)
    return with_answer(reply, REFUSAL, status=422) if isinstance(told, dict) and "error" in told else reply


def in_order_of(field: str, way: str) -> Bend:
    """Another order of lists that name none (D14)."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if LIST(request) and "order" not in query_of(request):
            request = replace(
                request, target=f"{request.target}{'&' if '?' in request.target else '?'}order={field}:{way}"
            )
        return forward(request)

    return bend


def _is_other(request: Outgoing) -> bool:
    return bool({"category", "status_set_id"} & set(sent(request)))


def _is_long(request: Outgoing) -> bool:
    return len(str(sent(request).get("status", ""))) > 80


AS_OWNER = [("Authorization", f"Bearer {OWNER}"), ("Content-Type", "application/json")]
THERE = f"/kantata/api/v1/{STATUSES}"


def _theirs(number: int) -> Outgoing:
    fields = {"status": f"Somebody's {number}", "category": "started", "status_set_id": 7}
    return Outgoing("POST", THERE, AS_OWNER, json.dumps({"custom_task_status": fields}).encode())


def _done(made: Any) -> Outgoing:
    return Outgoing("DELETE", f"{THERE}/{made['results'][0]['id']}", AS_OWNER)


KANTATA: dict[str, Bend] = {
    "all-that-is-accepted": liberal,
    "sets-always-there": told(
        whatever, lambda body: body.setdefault("task_status_sets", {}) if STATUSES in body else None
    ),
    "pages-422": pages_refused(LIST, 422, REFUSAL, "page", "per_page"),
    "behind-a-gateway": behind_a_gateway,
    "others-at-work": busy(_theirs, _done, every=100),
    "path-ids-400": lambda memory, request, forward: (
        replace(reply, status=400)
        if (reply := forward(request)).status == 404
        and re.search(r"statuses/[^/]*[^\d/.][^/]*$", path_of(request))
        and not path_of(request).endswith(".json")
        else reply
    ),
    "fixed-fields-refused": refused_if(UPDATE, _is_other, 422),
    "three-keys": each_status(drop("position", "status_set_id", "created_at", "updated_at")),
    "changed-a-second-later": each_status(
        lambda each: each.update(updated_at=re.sub(r":\d\d-", ":59-", each["updated_at"]))
    ),
    "foreign-forbidden": foreign_forbidden,
    "display-forms-taken": display_forms_taken,
    "patch-as-put": patch_as_put,
    "options-answered": options_answered,
    "times-elsewhere": elsewhere(+1),
    "times-of-india": elsewhere(+5),
    "searched": searched,
    "token-before-syntax": token_before_syntax,
    "by-name": in_order_of("status", "asc"),
    "oldest-first": in_order_of("created_at", "asc"),
    "long-names-refused": refused_if(WRITES, _is_long, 422),
    "duplicates-400": answers(WRITES, 422, 400),
    "wrapper-422": answers(WRITES, 400, 422, "syntax"),
    "unknown-set-422": answers(CREATE, 404, 422),
    "unreadable-422": both(unreadable_422, answers(WRITES, 400, 422, "syntax")),
    "method-405": answers(lambda request: request.method in ("PATCH", "OPTIONS", "TRACE"), 404, 405),
    "more-keys": each_status(lambda each: each.update(color="red")),
    "words-of-errors": told(
        whatever, lambda body: [each.update(message="Nein.") for each in body.get("errors", [])], 400, 403, 404, 422
    ),
}
SWITCHED: dict[str, str] = {
    "sets-key": "sets_key=always",
    "pages-refused": "paging_errors=reject",
    "include-refused": "unknown_include=reject",
    "immutable-refused": "immutable_fields=reject",
    "names-exact": "names=exact",
}
