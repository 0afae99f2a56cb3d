"""Faithful tenants of Kanbert, by name: what its documents leave open, turned the other way."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contracts.wire import Outgoing, Reply
from tests import kanbert_bends as kanbert
from tests.bend_words import (
    answers,
    asks,
    both,
    drop,
    heard,
    put,
    query_of,
    rename,
    takes_for,
    told,
    turn,
    under,
    whatever,
    with_query,
)
from tests.bends import Bend, Forward, Memory, answer_of, body_of, header, with_answer, with_body, with_header
from tests.lenient_words import behind_a_gateway, busy, pages_refused, stamps

REFUSAL = {"message": "Not so.", "errors": {"title": ["Not so."]}}
WRITES = asks("POST PATCH PUT")
A_PAGE = asks("GET", r"/(tasks|webhooks)$")
each_task = kanbert.each_task


def refused_if(asked: Any, is_refused: Callable[[dict[str, Any]], Any], *fields: str, status: int = 422) -> Bend:
    """Bodies of a kind are refused, where their sender may write and the record is there."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        if asked(request) and isinstance(body, dict) and is_refused(body):
            reply = forward(with_body(request, {**body, "title": [], "external_id": []}))
            refusal = {"message": "Not so.", "errors": {name: ["Not so."] for name in fields}}
            return with_answer(reply, refusal, status=status) if reply.status == 422 else reply
        return forward(request)

    return bend


def gone(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What was deleted is gone (C21)."""
    reply = forward(request)
    path = request.target.partition("?")[0]
    if kanbert.DELETE(request) and reply.status == 200:
        memory.values["", path] = True
    return replace(reply, status=410) if reply.status == 404 and ("", path) in memory.values else reply


def finder_refused(status: int) -> Bend:
    """Another word than the documented ones for what to find by (C16)."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        is_wrong = query_of(request).get("find_by", "id") not in ("id", "uri", "external_id", "shortcode")
        return with_answer(reply, {"message": "Not so."}, status=status) if reply.status == 422 and is_wrong else reply

    return bend


def shortcode(status: int) -> Bend:
    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if kanbert.EXTID(request) and query_of(request).get("find_by") == "shortcode":
            reply = forward(with_query(request, {"find_by": "no-such-word"}))
            return with_answer(reply, REFUSAL, status=status) if reply.status == 422 else reply
        return forward(request)

    return bend


def only_first_of(*names: str) -> Callable[[dict[str, Any]], None]:
    """Of two fields that cannot both be, the first is taken (C10)."""

    def change(body: dict[str, Any]) -> None:
        if all(body.get(name) is not None for name in names):
            for name in names[1:]:
                del body[name]

    return change


def unknown_people_ignored(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Watchers whom nobody knows are left out (C11)."""
    reply = forward(request)
    body = body_of(request)
    if reply.status != 422 or not isinstance(body, dict) or set((answer_of(reply) or {}).get("errors", {})) == set():
        return reply
    failing = set(answer_of(reply)["errors"])
    if not all(re.match(r"(add_)?watchers\.\d+$", name) for name in failing):
        return reply
    for name in ("watchers", "add_watchers"):
        if isinstance(body.get(name), list):
            kept = [each for at, each in enumerate(body[name]) if f"{name}.{at}" not in failing]
            if not all(isinstance(each, str) for each in body[name]):
                return reply
            body[name] = kept
    return forward(with_body(request, body))


def unreadable_is_empty(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What cannot be read is as no body at all (C38)."""
    reply = forward(request)
    if reply.status in (400, 415) and WRITES(request) and "multipart" not in header(request, "Content-Type"):
        return forward(with_header(with_body(request, {}), "Content-Type", "application/json"))
    return reply


def refused_as_422(was: int) -> Bend:
    """Bodies that cannot be read are refused as any others."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        return with_answer(reply, REFUSAL, status=422) if reply.status == was and WRITES(request) else reply

    return bend


def types_lenient(body: dict[str, Any]) -> None:
    """What can be read as the type is taken for it (C37)."""
    hours = body.get("estimated_hours")
    if isinstance(hours, str) and re.fullmatch(r"\d+(\.\d+)?", hours):
        body["estimated_hours"] = float(hours)
    if body.get("is_public") in ("1", "0", 1, 0, "true", "false") and not isinstance(body["is_public"], bool):
        body["is_public"] = str(body["is_public"]) in ("1", "true")


def null_rows(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """`ne` and `nin` keep records whose field is null (C33)."""
    query = query_of(request)
    wider = re.sub(
        r"\b((?:client|assignee|epic|phase|milestone|parent_task)\.\w+) (?:neq?|nin|notin) "
        r"(?:\"[^\"]*\"|'[^']*'|\[[^\]]*\]|[\w.+-]+)",
        r"(\g<0> or \1 isnull)",
        query.get("filter", ""),
    )
    if not kanbert.LIST(request) or wider == query.get("filter", ""):
        return forward(request)
    reply = forward(with_query(request, {**query, "filter": wider}))
    return reply if reply.status == 200 else forward(request)


def relations_refused(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Filters of relations have another form (C34)."""
    reply = forward(request)
    wanted = " ".join(value for name, value in query_of(request).items() if name.startswith("filter"))
    if kanbert.LIST(request) and re.search(r"sub_tasks(?!_in)", wanted) and reply.status == 200:
        return with_answer(reply, {"message": "Filter is not readable."}, status=400)
    return reply


def html_cleaned(body: dict[str, Any]) -> None:
    """What is written is a paragraph of HTML (C47)."""
    if isinstance(body.get("description"), str) and not body["description"].strip().startswith("<"):
        body["description"] = f"<p>{body['description']}</p>"


def no_parent_is_empty(task: dict[str, Any]) -> None:
    task["parent_task_id"] = task["parent_task_id"] or ""


def file_missing_400(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    is_missing = kanbert.UPLOAD(request) and reply.status == 422 and b"large" not in reply.body
    return replace(reply, status=400) if is_missing else reply


def nested_deeper(task: dict[str, Any]) -> None:
    for each in task.get("sub_tasks", []):
        each |= {"parent_task": None, "watchers": []}


def poor(name: str, *kept: str) -> Callable[[dict[str, Any]], None]:
    def change(task: dict[str, Any]) -> None:
        if isinstance(task.get(name), dict):
            task[name] = {key: value for key, value in task[name].items() if key in kept}

    return change


AS_OWNER = [("Authorization", kanbert.OWNER), ("Content-Type", "application/json"), ("Accept", "application/json")]
TASKS = "/kanbert/api/v1/tasks"


def _theirs(number: int) -> Outgoing:
    body = json.dumps({"project_id": "01hf3yhem0n0r8x3he9dsk0zc6", "title": f"Somebody's task {number}"}).encode()
    return Outgoing("POST", TASKS, AS_OWNER, body)


def _done(made: Any) -> Outgoing:
    return Outgoing("DELETE", f"{TASKS}/{made['id']}", AS_OWNER)


KANBERT: dict[str, Bend] = {
    "posts-answer-200": both(answers(kanbert.CREATE, 201, 200), answers(kanbert.UPLOAD, 201, 200)),
    "every-post-answers-200": answers(asks("POST"), 201, 200),
    "delete-answers-204": answers(kanbert.DELETE, 200, 204),
    "times-with-fraction": stamps(r'"\1.250000Z"'),
    "times-with-offset": stamps(r'"\1+00:00"'),
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
    "pages-refused": pages_refused(A_PAGE, 422, {"message": "Not so.", "errors": {"page.size": ["No."]}}, "page[size]"),
    "pages-refused-400": pages_refused(A_PAGE, 400, {"message": "Not so."}, "page[size]"),
    "no-project-in-lists": told(asks("GET"), each_task(drop("project", "client"))),
    "stamps-not-kept": told(whatever, each_task(lambda task: task.update(completed_at=None, closed_at=None))),
    "unreadable-422": both(refused_as_422(415), refused_as_422(400)),
    "unreadable-is-empty": unreadable_is_empty,
    "due-date-as-date-time": told(whatever, each_task(turn("due_date", lambda day: f"{day}T00:00:00Z"))),
    "more-keys": told(whatever, each_task(put("labels", []))),
    "clients-unknown": told(whatever, each_task(put("client_id", None))),
    "moments-unknown": told(asks("", r"/tasks"), each_task(lambda task: task.update(created_at=None, updated_at=None))),
    "no-parent-is-empty": told(asks("", r"/tasks"), each_task(no_parent_is_empty)),
    "both-places-taken": heard(kanbert.CREATE, only_first_of("insert_before", "insert_after")),
    "unknown-people-ignored": unknown_people_ignored,
    "public-null-refused": refused_if(kanbert.UPDATE, lambda b: b.get("is_public", "") is None, "is_public"),
    "empty-change-refused": refused_if(kanbert.UPDATE, lambda b: not b, "title"),
    "writers-read": takes_for({kanbert.WRITER: kanbert.OWNER}, asks("GET")),
    "finder-400": finder_refused(400),
    "finder-404": finder_refused(404),
    "shortcode-404": shortcode(404),
    "shortcode-422": shortcode(422),
    "links-told": told(A_PAGE, put("links", ["https://api.kanbert.com/api/v1/tasks?page=1"])),
    "gone": gone,
    "sub-tasks-in-lists": told(asks("GET"), each_task(nested_deeper)),
    "poor-phases": told(
        whatever,
        each_task(lambda task: [poor(name, "id", "title")(task) for name in ("phase", "milestone", "epic")]),
    ),
    "null-rows-kept": null_rows,
    "relations-refused": relations_refused,
    "types-lenient": heard(WRITES, types_lenient),
    "descriptions-are-html": heard(asks("POST PATCH", r"/tasks(/[^/]+)?$"), html_cleaned),
    "comments-answer-an-id": told(
        asks("POST", r"/comments$"), lambda body: [body.pop(name) for name in set(body) - {"id"}]
    ),
    "missing-file-400": file_missing_400,
    "large-file-413": answers(kanbert.UPLOAD, 422, 413, "large"),
    "hooks-otherwise": told(asks("", r"/webhooks"), rename("is_active", "active")),
    "words-of-errors": told(whatever, put("message", "Nein."), *range(400, 500)),
    "titles-of-files-null": told(whatever, each_task(under("attachements", put("url", "https://files.example.com")))),
    "behind-a-gateway": behind_a_gateway,
    "others-at-work": busy(_theirs, _done, every=100),
}
SWITCHED = {"deliveries-by-the-guide": "webhook_profile=guide"}
