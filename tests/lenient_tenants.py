"""Faithful tenants, by vendor and name: each differs from the mock only where the documents leave room."""

import re
from dataclasses import replace
from typing import Any

from contracts.findings import Headers
from contracts.wire import Outgoing, Reply
from tests import geotareas_bends as geotareas
from tests import kanbert_bends as kanbert
from tests.bend_words import answers, asks, both, drop, path_of, put, query_of, told, turn, whatever
from tests.bends import Bend, Forward, Memory, answer_of, body_of, with_answer, with_length

REFUSALS = tuple(range(400, 600))
A_STAMP = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:\d\d)?"')


def stamps(by: str) -> Bend:
    """Timestamps in another form that is allowed."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if b"json" not in reply.headers.get("content-type", "").encode():
            return reply
        body = A_STAMP.sub(by, reply.body.decode()).encode()
        return replace(reply, body=body, headers=with_length(reply.headers, body))

    return bend


def with_date(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What a gateway adds."""
    reply = forward(request)
    more = [("server", "nginx"), ("vary", "Accept-Encoding"), ("x-powered-by", "PHP/8.3")]
    return replace(reply, headers=Headers([*reply.headers.items(), *more]))


def method_answers_404(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    return replace(reply, status=404) if reply.status == 405 else reply


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
        request = replace(request, target=f"{path_of(request)}?{'&'.join(f'{k}={v}' for k, v in query.items())}")
    return forward(request)


def pages_refused(status: int, body: dict[str, Any], *names: str) -> Bend:
    """Sizes that make no sense are refused."""

    is_list = asks("GET", r"/(tasks|webhooks|custom_task_statuses|task_status_sets)(\.json)?$")

    def is_wrong(name: str, text: str) -> bool:
        return not re.fullmatch(r"[1-9]\d{0,2}", text) or (name != "page" and int(text) > 200)

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        query = query_of(request)
        if is_list(request) and reply.status == 200 and any(is_wrong(n, query[n]) for n in names if n in query):
            return with_answer(reply, body, status=status)
        return reply

    return bend


def equals_turned(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Comments of the same second stand in another order."""
    reply = forward(request)
    answer = answer_of(reply)
    if not geotareas.LIST(request) or reply.status != 200:
        return reply
    rows, by = answer["data"], lambda each: each["created_at"]
    stamps_in_order = sorted({by(each) for each in rows}, reverse=True)
    answer["data"] = [each for at in stamps_in_order for each in rows[::-1] if by(each) == at]
    return with_answer(reply, answer)


def unknown_fields_refused(asked: Any, known: set[str], status: int, refusal: dict[str, Any]) -> Bend:
    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        if asked(request) and isinstance(body, dict) and set(body) - known:
            answered = forward(replace(request, body=b"[]"))
            return with_answer(answered, refusal, status=status) if answered.status == 400 else answered
        return forward(request)

    return bend


def without_driver_on_others(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A driver with another target is refused (A4)."""
    body = body_of(request)
    if (
        geotareas.STATE(request)
        and isinstance(body, dict)
        and "driver_id" in body
        and body.get("target_status") != "ASI"
    ):
        return forward(replace(request, body=b"[]"))
    return forward(request)


GEOTAREAS_REFUSAL = {"success": False, "error": {"code": "VALIDATION_ERROR", "message": "Not so."}}
KANTATA_REFUSAL = {"errors": [{"type": "system", "message": "Not so."}]}

LENIENT: dict[str, dict[str, Bend]] = {
    "geotareas": {
        "times-with-fraction": stamps(r'"\1.250"'),
        "times-with-z": stamps(r'"\1Z"'),
        "errors-without-data": told(whatever, drop("data"), *REFUSALS),
        "errors-with-meta": told(whatever, put("meta", {}), *REFUSALS),
        "method-404": method_answers_404,
        "pages-corrected": wrong_pages_corrected,
        "equals-in-another-order": equals_turned,
        "unknown-fields-refused": unknown_fields_refused(geotareas.ADD, {"text"}, 400, GEOTAREAS_REFUSAL),
        "driver-refused-elsewhere": without_driver_on_others,
        "mentions-never-resolved": told(geotareas.LIST, geotareas.in_data(put("mentions", []))),
        "behind-a-gateway": with_date,
    },
    "kantata": {
        "sets-always-there": told(
            whatever, lambda body: body.setdefault("task_status_sets", {}) if "custom_task_statuses" in body else None
        ),
        "times-with-z-and-fraction": stamps(r'"\1.250Z"'),
        "pages-refused": pages_refused(422, KANTATA_REFUSAL, "page", "per_page"),
        "method-405": answers(lambda r: r.method in ("PATCH", "OPTIONS", "TRACE"), 404, 405),
        "no-wrapper-422": answers(asks("POST PUT"), 400, 422, "syntax"),
        "more-keys": told(
            whatever,
            lambda body: [each.update(color="red") for each in body.get("custom_task_statuses", {}).values()],
        ),
        "behind-a-gateway": with_date,
    },
    "kanbert": {
        "posts-answer-200": both(answers(kanbert.CREATE, 201, 200), answers(kanbert.UPLOAD, 201, 200)),
        "delete-answers-204": answers(kanbert.DELETE, 200, 204),
        "times-with-fraction": stamps(r'"\1.250000Z"'),
        "library-names-of-urls": told(
            asks("GET"),
            kanbert.meta(
                lambda b: [
                    b.update({f"{w}_page_url": b.pop(f"{w}_cursor_url")})
                    for w in ("next", "prev")
                    if f"{w}_cursor_url" in b
                ]
            ),
        ),
        "pages-refused": pages_refused(422, {"message": "Not so.", "errors": {"page.size": ["Not so."]}}, "page[size]"),
        "no-project-in-lists": told(asks("GET"), kanbert.each_task(drop("project", "client"))),
        "stamps-not-kept": told(
            whatever, kanbert.each_task(lambda task: task.update(completed_at=None, closed_at=None))
        ),
        "unreadable-422": both(answers(whatever, 415, 422), answers(asks("POST PATCH PUT"), 400, 422)),
        "due-date-as-date-time": told(whatever, kanbert.each_task(turn("due_date", lambda day: f"{day}T00:00:00Z"))),
        "more-keys": told(whatever, kanbert.each_task(put("labels", []))),
        "behind-a-gateway": with_date,
    },
}
