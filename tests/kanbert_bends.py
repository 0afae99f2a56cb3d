"""Ways of being wrong, by name: what a broken tenant of Kanbert answers, and which rules that breaks."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contracts.wire import Outgoing, Reply
from tests.bend_words import (
    Change,
    answers,
    asks,
    bears,
    crashes,
    drop,
    found_at,
    heard,
    once,
    path_of,
    put,
    query_of,
    read,
    refused_but_done,
    remembered,
    rename,
    takes_for,
    told,
    turn,
    under,
    whatever,
    with_query,
    world_of,
)
from tests.bends import (
    Bend,
    Forward,
    Memory,
    answer_of,
    body_of,
    header,
    with_answer,
    with_body,
    with_header,
)

OWNER = "Bearer kb_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"
WRITER = "Bearer kb_Wr1teOn1yT0kenF0rTheM0ckCd3e5f9g"
READER = "Bearer kb_ReadOn1yT0kenF0rTheM0ckGh4i6j2k7"
GUEST = "Bearer kb_Gu3stT0kenF0rTheM0ckLm5n8p3o2i9u"
OUTSIDER = "Bearer kb_0uts1derT0kenF0rTheM0ckQr6s9t4u2"
EXPIRED = "Bearer kb_Exp1redT0kenF0rTheM0ckVw7x2y5z84"

LIST = asks("GET", r"/tasks$")
CREATE = asks("POST", r"/tasks$")
GET = asks("GET", r"/tasks/[^/]+$")
UPDATE = asks("PATCH", r"/tasks/[^/]+$")
DELETE = asks("DELETE", r"/tasks/[^/]+$")
EXTID = asks("PUT", r"/external-identifier$")
UPLOAD = asks("POST", r"/upload$")
COMMENT = asks("POST", r"/tasks/comments$")
HOOKS = asks("", r"/webhooks")


def each_task(change: Change) -> Change:
    """Change every task that is answered, alone or in a list."""

    def bend(body: dict[str, Any]) -> None:
        if "project_id" in body and "title" in body:
            change(body)
        elif isinstance(body.get("meta"), dict):
            under("data", change)(body)

    return bend


def meta(change: Change) -> Change:
    return under("meta", change)


def text_mangled(change: Callable[[str], str]) -> Bend:
    """What is written is not what is read."""

    def mangle(body: dict[str, Any]) -> None:
        for name in ("title", "description"):
            if isinstance(body.get(name), str):
                body[name] = change(body[name])

    return heard(asks("POST PATCH", r"/tasks(/[^/]+)?$"), mangle)


def settable(asked: Any, name: str) -> Bend:
    """A field follows what the request says, although no operation sets it, and keeps that."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body, reply = body_of(request), forward(request)
        answer = answer_of(reply)
        if reply.status >= 300 or not isinstance(answer, dict):
            return reply
        key = (world_of(request), f"{name} {answer.get('id')}")
        if asked(request) and isinstance(body, dict) and name in body:
            memory.values[key] = body[name]
        if key in memory.values:
            return with_answer(reply, {**answer, name: memory.values[key]})
        return reply

    return bend


def deleted_stays(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A delete hides nothing: what is deleted can still be read."""
    key = (world_of(request), path_of(request))
    reply = forward(request)
    if DELETE(request) and reply.status == 200:
        memory.values[key] = reply
    elif GET(request) and reply.status == 404 and key in memory.values and header(request, "Authorization") == OWNER:
        return memory.values[key]
    return reply


def deleted_is_listed(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    answer = answer_of(reply)
    key = (world_of(request), "deleted")
    if DELETE(request) and reply.status == 200:
        memory.values[key] = answer
    elif LIST(request) and reply.status == 200 and key in memory.values and not answer["meta"]["next_cursor"]:
        answer["data"].append(memory.values[key])
        return with_answer(reply, answer)
    return reply


def delete_does_nothing(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return forward(replace(request, method="GET", body=None)) if DELETE(request) else forward(request)


def children_stay(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """The sub-tasks of a deleted task live on."""
    key = (world_of(request), path_of(request))
    if DELETE(request):
        whole = answer_of(forward(with_header(replace(request, method="GET", body=None), "Authorization", OWNER)))
        for child in (whole or {}).get("sub_tasks") or []:
            memory.values[world_of(request), f"{path_of(request).rpartition('/')[0]}/{child['id']}"] = child
    reply = forward(request)
    if GET(request) and reply.status == 404 and key in memory.values:
        return with_answer(reply, memory.values[key], status=200)
    return reply


def stale_read(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """The first read after a change shows what was before."""
    key = (world_of(request), path_of(request))
    if UPDATE(request):
        before = forward(with_header(replace(request, method="GET", body=None), "Authorization", OWNER))
        reply = forward(request)
        if reply.status == before.status == 200:
            memory.values[key] = before
        return reply
    if GET(request) and key in memory.values and forward(request).status == 200:
        return memory.values.pop(key)
    return forward(request)


def lost_update(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A second change straight after the first undoes it."""
    world, body = world_of(request), body_of(request)
    if not UPDATE(request) or not isinstance(body, dict):
        memory.values.pop((world, "before"), None)
        return forward(request)
    whole = answer_of(forward(with_header(replace(request, method="GET", body=None), "Authorization", OWNER)))
    reply = forward(with_body(request, {**memory.values.get((world, "before"), {}), **body}))
    if isinstance(whole, dict) and reply.status == 200:
        kept = {name: whole[name] for name in ("title", "status", "estimated_hours", "is_public")}
        memory.values[world, "before"] = {
            **memory.values.get((world, "before"), {}),
            **{k: v for k, v in kept.items() if k in body},
        }
    return reply


def wiped(name: str, by: Any = None) -> Bend:
    """A field that an update leaves out is emptied."""
    return heard(UPDATE, lambda body: body.setdefault(name, by))


def twice_taken(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """The same external id for two tasks."""
    reply = forward(request)
    body = body_of(request)
    if reply.status == 422 and b"external id has already" in reply.body and isinstance(body, dict):
        made = forward(with_body(request, {**body, "external_id": f"{body['external_id']}~"}))
        return with_answer(made, {**answer_of(made), "external_id": body["external_id"]})
    return reply


def unknown_sort_ignored(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if LIST(request) and reply.status == 400 and b"sort" in reply.body:
        return forward(with_query(request, {k: v for k, v in query_of(request).items() if k != "sort"}))
    return reply


def unknown_include_ignored(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if LIST(request) and reply.status == 400 and b"include" in reply.body:
        return forward(with_query(request, {k: v for k, v in query_of(request).items() if k != "include"}))
    return reply


def by_number(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Cursors count records instead of standing between them: what is deleted meanwhile loses others."""
    query = query_of(request)
    cursor = query.get("page[cursor]", "")
    if not LIST(request):
        return forward(request)
    if not cursor.startswith("n"):
        reply = forward(request)
        answer = answer_of(reply)
        if reply.status == 200 and answer["meta"]["next_cursor"] and not cursor:
            answer["meta"]["next_cursor"] = f"n{answer['meta']['per_page']}"
            url = answer["meta"]["next_cursor_url"]
            answer["meta"]["next_cursor_url"] = re.sub(
                r"cursor(%5D|\])=[^&]*", rf"cursor\1={answer['meta']['next_cursor']}", url
            )
            return with_answer(reply, answer)
        return reply
    skip, size = int(cursor[1:]), int(query.get("page[size]", "30"))
    whole: list[Any] = []
    rest = {k: v for k, v in query.items() if k != "page[cursor]"}
    page = answer_of(first := forward(with_query(request, {**rest, "page[size]": "30"})))
    while True:
        whole += page["data"]
        if page["meta"]["next_cursor"] is None:
            break
        page = answer_of(
            forward(with_query(request, {**rest, "page[size]": "30", "page[cursor]": page["meta"]["next_cursor"]}))
        )
    after = f"n{skip + size}" if skip + size < len(whole) else None
    before = f"n{max(0, skip - size)}"
    told_of = {**page["meta"], "per_page": size, "next_cursor": after, "prev_cursor": before}
    for word, value in (("next", after), ("prev", before)):
        url = f"{page['meta']['path']}?{'&'.join(f'{k}={v}' for k, v in rest.items())}&page%5Bcursor%5D={value}"
        told_of[f"{word}_cursor_url"] = url if value else None
    return with_answer(first, {**page, "data": whole[skip : skip + size], "meta": told_of})


def filter_after_page(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Pages are cut first, and filtered then."""
    query = query_of(request)
    if not LIST(request) or "filter" not in query or "page[size]" not in query:
        return forward(request)
    fitting = {
        each["id"]
        for each in (answer_of(forward(with_query(request, {"filter": query["filter"]}))) or {}).get("data", [])
    }
    reply = forward(with_query(request, {k: v for k, v in query.items() if k != "filter"}))
    answer = answer_of(reply)
    if reply.status != 200:
        return reply
    return with_answer(reply, {**answer, "data": [each for each in answer["data"] if each["id"] in fitting]})


def filters(pattern: str, by: str) -> Bend:
    """One filter is taken for another."""

    def change(query: dict[str, str]) -> None:
        if "filter" in query:
            query["filter"] = re.sub(pattern, by, query["filter"])

    return read(LIST, change)


def unreadable_filter_ignored(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if LIST(request) and reply.status == 400 and "filter" in query_of(request):
        return forward(with_query(request, {k: v for k, v in query_of(request).items() if k != "filter"}))
    return reply


def _sorts(pattern: str, by: str) -> Bend:
    def change(query: dict[str, str]) -> None:
        if "sort" in query:
            query["sort"] = re.sub(pattern, by, query["sort"])

    return read(LIST, change)


def _without(*names: str) -> Callable[[dict[str, str]], None]:
    def change(query: dict[str, str]) -> None:
        for name in names:
            query.pop(name, None)

    return change


def guests_see_all(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if header(request, "Authorization") == GUEST and GET(request) and reply.status == 404:
        return forward(with_header(request, "Authorization", OWNER))
    return reply


def no_walls(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if header(request, "Authorization") == OUTSIDER and reply.status == 404 and request.method == "GET":
        return forward(with_header(request, "Authorization", OWNER))
    return reply


def any_token(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    sent = header(request, "Authorization")
    return forward(with_header(request, "Authorization", OWNER)) if reply.status == 401 and sent else reply


def first_error_only(body: dict[str, Any]) -> None:
    if isinstance(body.get("errors"), dict):
        body["errors"] = dict(list(body["errors"].items())[:1])


def _errors_as_texts(body: dict[str, Any]) -> None:
    if isinstance(body.get("errors"), dict):
        body["errors"] = {name: texts[0] for name, texts in body["errors"].items()}


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    return body


def _date_with_time(task: dict[str, Any]) -> None:
    if isinstance(task["due_date"], str):
        task["due_date"] += " 00:00"


def _day_later(task: dict[str, Any]) -> None:
    if isinstance(task["due_date"], str):
        task["due_date"] = "2020" + task["due_date"][4:]


def inserted_at_end(body: dict[str, Any]) -> None:
    body.pop("insert_before", None)
    body.pop("insert_after", None)


def watchers_added(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """`watchers` adds and does not replace."""

    def change(body: dict[str, Any]) -> None:
        if isinstance(body.get("watchers"), list):
            body["add_watchers"] = body.pop("watchers")

    return heard(UPDATE, change)(memory, request, forward)


def project_follows(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return settable(UPDATE, "project_id")(memory, request, forward)


def file_larger(request: Outgoing) -> bool:
    return UPLOAD(request) and len(request.body or b"") > 15_000_000


def small_files_only(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """10 MB are the limit."""
    if UPLOAD(request) and len(request.body or b"") > 10_000_000:
        return with_answer(
            forward(replace(request, body=b"--x--")),
            {"message": "Too large.", "errors": {"file": ["Too large."]}},
            status=422,
        )
    return forward(request)


def large_files_taken(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Whatever is too large is cut."""
    reply = forward(request)
    if UPLOAD(request) and reply.status in (413, 422) and len(request.body or b"") > 15_000_000:
        body = request.body or b""
        boundary = body[: body.index(b"\r\n")]
        return forward(replace(request, body=body[:1000] + b"\r\n" + boundary + b"--\r\n"))
    return reply


def attachments_not_shown(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return told(GET, each_task(put("attachements", [])))(memory, request, forward)


def _not_deleted_by_update(body: dict[str, Any]) -> None:
    body["updated_at"] = "2024-01-01T00:00:00Z"


def origins_are_one(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """The origin of an external id is not looked at."""
    query = query_of(request)
    if query.get("find_by") == "external_id" and "origin" in query:
        return forward(with_query(request, {k: v for k, v in query.items() if k != "origin"}))
    return forward(request)


def found_by_id_too(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """`find_by` is not looked at."""
    query = query_of(request)
    return forward(
        with_query(request, {k: v for k, v in query.items() if k != "find_by"}) if "find_by" in query else request
    )


def hooks_of_all(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return takes_for({OUTSIDER: OWNER}, HOOKS)(memory, request, forward)


# name: (bend, rules of which at least one must be found broken)
BENDS: dict[str, tuple[Bend, frozenset[str]]] = {
    name: (bend, frozenset(breaks.split()))
    for name, bend, breaks in [
        ("create-answers-202", answers(CREATE, 201, 202), "KB-312"),
        ("get-answers-203", answers(GET, 200, 203), "KB-352"),
        ("update-answers-204", answers(UPDATE, 200, 204), "KB-390 KB-389"),
        ("missing-task-400", answers(GET, 404, 400), "KB-348 KB-018"),
        ("validation-400", answers(asks("POST PATCH PUT"), 422, 400), "KB-322 KB-019 KB-324"),
        ("scope-401", answers(whatever, 403, 401), "KB-017"),
        ("token-403", answers(whatever, 401, 403), "KB-016"),
        ("unknown-sort-422", answers(LIST, 400, 422, "sort"), "KB-039 KB-021"),
        ("title-missing", told(whatever, each_task(drop("title"))), "KB-216"),
        ("project-missing", told(whatever, each_task(drop("project_id"))), "KB-207"),
        ("attachements-spelt-right", told(whatever, each_task(rename("attachements", "attachments"))), "KB-244"),
        (
            "priority-in-snake-case",
            told(whatever, each_task(rename("priorityOption", "priority_option"))),
            "KB-237 KB-253",
        ),
        ("hours-as-text", told(whatever, each_task(turn("estimated_hours", str))), "KB-222"),
        ("public-as-number", told(whatever, each_task(turn("is_public", int))), "KB-224"),
        ("sub-tasks-null", told(whatever, each_task(put("sub_tasks", None))), "KB-246"),
        (
            "status-in-words",
            told(whatever, each_task(turn("status", lambda s: {"WIP": "In progress"}.get(s, s)))),
            "KB-219 KB-220",
        ),
        ("status-archived", told(whatever, each_task(put("status", "Archived"))), "KB-219"),
        ("due-date-with-time", told(whatever, each_task(_date_with_time)), "KB-226 KB-299"),
        ("created-at-as-number", told(whatever, each_task(put("created_at", 1772442000))), "KB-250"),
        ("updated-at-in-words", told(whatever, each_task(put("updated_at", "yesterday"))), "KB-249"),
        ("list-sorting-as-text", told(whatever, each_task(turn("list_sorting", str))), "KB-252"),
        ("assignee-is-an-id", told(whatever, each_task(turn("assignee", lambda who: who["id"]))), "KB-236"),
        ("user-without-space", told(whatever, each_task(under("assignee", drop("space")))), "KB-266"),
        ("user-type-admin", told(whatever, each_task(under("assignee", put("type", "admin")))), "KB-265"),
        (
            "recurring-yearly",
            told(whatever, each_task(under("due_date_settings", put("recurring_type", "yearly")))),
            "KB-229",
        ),
        (
            "task-in-an-envelope",
            told(GET, lambda body: body.update(data=dict(body)) or [body.pop(k) for k in list(body) if k != "data"]),
            "KB-351",
        ),
        ("list-has-a-total", told(LIST, meta(put("total", 12))), "KB-087"),
        ("list-has-more", told(LIST, put("included", [])), "KB-086"),
        ("links-is-an-object", told(LIST, put("links", {})), "KB-074"),
        ("per-page-as-text", told(LIST, meta(turn("per_page", str))), "KB-079"),
        ("per-page-raw", told(LIST, meta(put("per_page", 15))), "KB-080"),
        (
            "error-without-message",
            told(whatever, rename("message", "error"), 401, 403, 404, 422),
            "KB-016 KB-017 KB-018 KB-019 KB-025",
        ),
        ("errors-are-texts", told(whatever, _errors_as_texts, 422), "KB-019"),
        ("first-error-only", told(whatever, first_error_only, 422), "KB-020"),
        ("html-content-type", bears(whatever, content_type="text/html"), "KB-023"),
        ("allow-missing", bears(whatever, allow=None), "KB-022"),
        ("any-token", any_token, "KB-016"),
        ("expired-still-works", takes_for({EXPIRED: OWNER}), "KB-016"),
        (
            "token-not-needed",
            lambda m, r, f: f(r) if header(r, "Authorization") else f(with_header(r, "Authorization", OWNER)),
            "KB-002",
        ),
        (
            "readers-write",
            takes_for({READER: OWNER}, asks("POST PATCH DELETE", r"/tasks")),
            "KB-007 KB-009 KB-010 KB-012",
        ),
        ("writers-read", takes_for({WRITER: OWNER}, asks("GET", r"/tasks")), "KB-006 KB-008 KB-015"),
        ("writers-identify", takes_for({WRITER: OWNER}, EXTID), "KB-011"),
        ("all-subscribe", takes_for({WRITER: OWNER}, HOOKS), "KB-013"),
        ("scope-not-needed-to-comment", takes_for({READER: OWNER}, COMMENT), "KB-014"),
        ("no-walls", no_walls, "KB-018 KB-348"),
        ("guests-see-all", guests_see_all, "KB-225 KB-349"),
        ("others-subscriptions-shown", hooks_of_all, "KB-462"),
        (
            "refused-and-done",
            refused_but_done(UPDATE, lambda r: with_body(r, {"title": "Changed all the same"}), 422),
            "KB-030",
        ),
        (
            "crash-on-emoji",
            crashes(
                CREATE, lambda body: isinstance(body, dict) and any(ord(c) > 0xFFFF for c in str(body.get("title")))
            ),
            "KB-033 KB-314",
        ),
        (
            "crash-on-long-title",
            crashes(CREATE, lambda body: isinstance(body, dict) and len(str(body.get("title"))) > 255),
            "KB-033 KB-283",
        ),
        ("sort-ignored", read(LIST, _without("sort")), "KB-041 KB-042 KB-044"),
        ("sort-turned", _sorts(r"^(\w+)$", r"-\1"), "KB-038 KB-041 KB-042"),
        ("second-sort-ignored", _sorts(r",.*", ""), "KB-037"),
        ("sort-updated-is-created", _sorts("updated_at", "created_at"), "KB-044"),
        ("unknown-sort-taken", unknown_sort_ignored, "KB-039 KB-036 KB-021"),
        ("unknown-include-taken", unknown_include_ignored, "KB-054 KB-052 KB-021"),
        ("include-ignored", read(LIST, _without("include")), "KB-055 KB-056 KB-057"),
        (
            "second-include-ignored",
            read(LIST, lambda q: q.update(include=q["include"].partition(",")[0]) if "include" in q else None),
            "KB-053",
        ),
        (
            "parent-is-another",
            told(LIST, each_task(under("parent_task", put("id", "01hkm4spm0swc7eh24e0r9vnnz")))),
            "KB-256",
        ),
        (
            "children-of-others",
            told(LIST, each_task(under("sub_tasks", put("parent_task_id", "01hkm4spm0swc7eh24e0r9vnnz")))),
            "KB-257",
        ),
        ("default-size-25", read(LIST, lambda q: q.setdefault("page[size]", "25")), "KB-062"),
        ("size-ignored", read(LIST, _without("page[size]")), "KB-061 KB-088"),
        ("cursor-ignored", read(LIST, _without("page[cursor]")), "KB-066 KB-094"),
        ("cursors-count", by_number, "KB-096"),
        (
            "list-loses-the-last",
            told(LIST, lambda b: b.update(data=b["data"][:-1]) if b["meta"]["next_cursor"] else None),
            "KB-094",
        ),
        ("list-repeats", told(LIST, lambda b: b.update(data=b["data"] + b["data"][-1:])), "KB-094 KB-088"),
        (
            "last-page-has-a-next",
            told(
                LIST,
                meta(
                    lambda b: b.update(
                        next_cursor=b["next_cursor"] or "x", next_cursor_url=b["next_cursor_url"] or b["path"]
                    )
                ),
            ),
            "KB-089 KB-094",
        ),
        (
            "first-page-has-a-previous",
            told(
                LIST,
                meta(
                    lambda b: b.update(
                        prev_cursor=b["prev_cursor"] or "x", prev_cursor_url=b["prev_cursor_url"] or b["path"]
                    )
                ),
            ),
            "KB-090",
        ),
        (
            "url-forgets-the-query",
            told(
                LIST,
                meta(turn("next_cursor_url", lambda url: re.sub(r"\?.*(page%5Bcursor|page\[cursor)", r"?\1", url))),
            ),
            "KB-092",
        ),
        ("order-turned-by-default", told(LIST, lambda b: b["data"].reverse()), "KB-049 KB-095"),
        ("filter-ignored", read(LIST, _without("filter")), "KB-160 KB-139 KB-205"),
        ("filter-after-page", filter_after_page, "KB-205 KB-160"),
        ("unreadable-filter-ignored", unreadable_filter_ignored, "KB-132 KB-151 KB-153 KB-021"),
        ("ne-is-eq", filters(r" (ne|neq) ", " eq "), "KB-161 KB-155"),
        ("contains-is-startswith", filters(r"\bcontains\b", "startswith"), "KB-165"),
        ("lte-is-lt", filters(r"\b(lte|<=)(?= )", "lt"), "KB-176"),
        ("or-is-and", filters(r" or ", " and "), "KB-139"),
        ("parentheses-ignored", filters(r"^([^(]* and )\(([^()]*)\)", r"\1\2"), "KB-140"),
        ("any-is-all", filters(r"sub_tasks any \(", "sub_tasks all ("), "KB-195"),
        ("today-is-tomorrow", filters(r"\btoday$", "today+1d"), "KB-189"),
        ("in-takes-the-first", filters(r'in \[("[^"]*"), .*\]', r"in [\1]"), "KB-162"),
        ("client-name-is-shortcode", filters(r"client\.name", "client.shortcode"), "KB-111"),
        (
            "uri-not-found",
            lambda m, r, f: (
                found_at(whatever, r"/tasks/[^/]+", "/tasks/nowhere")(m, r, f)
                if query_of(r).get("find_by") == "uri"
                else f(r)
            ),
            "KB-342",
        ),
        ("find-by-ignored", found_by_id_too, "KB-337 KB-342 KB-343"),
        ("origin-ignored", origins_are_one, "KB-344 KB-343"),
        ("external-id-taken-twice", twice_taken, "KB-287 KB-403"),
        ("external-id-ignored", heard(CREATE, drop("external_id")), "KB-314"),
        ("origin-not-defaulted", told(CREATE, each_task(put("external_origin", None))), "KB-292"),
        ("identifier-not-set", lambda m, r, f: f(with_body(r, {})) if EXTID(r) else f(r), "KB-409 KB-402"),
        ("create-once", once(CREATE), "KB-335"),
        (
            "title-escaped",
            text_mangled(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")),
            "KB-314 KB-296 KB-301",
        ),
        ("title-only-ascii", text_mangled(lambda text: text.encode("ascii", "replace").decode()), "KB-314"),
        ("title-in-lower-case", text_mangled(str.lower), "KB-314"),
        ("title-cut-at-254", text_mangled(lambda text: text[:254]), "KB-283"),
        ("title-of-256-taken", text_mangled(lambda text: text[:255]), "KB-283"),
        ("title-not-needed", heard(CREATE, lambda body: body.setdefault("title", "Untitled")), "KB-282 KB-322"),
        (
            "blank-title-taken",
            heard(
                CREATE, lambda body: body.update(title="Untitled") if not str(body.get("title", "x")).strip() else None
            ),
            "KB-322 KB-027",
        ),
        (
            "project-not-needed",
            heard(CREATE, lambda body: body.setdefault("project_id", "01hf3yhem0n0r8x3he9dsk0zc6")),
            "KB-284 KB-322",
        ),
        (
            "status-value-taken",
            heard(
                CREATE,
                lambda body: (
                    body.update(status="New")
                    if body.get("status", "New") not in ("Backlog", "New", "WIP", "Completed", "Approved", "Closed")
                    else None
                ),
            ),
            "KB-304 KB-324",
        ),
        ("create-starts-in-backlog", heard(CREATE, lambda body: body.setdefault("status", "Backlog")), "KB-319"),
        ("create-is-private", heard(CREATE, lambda body: body.setdefault("is_public", False)), "KB-320"),
        ("create-ignores-the-description", heard(CREATE, drop("description")), "KB-296 KB-301"),
        ("create-ignores-the-assignee", heard(CREATE, drop("assignee_id")), "KB-315"),
        ("create-ignores-the-epic", heard(CREATE, drop("epic_id")), "KB-316"),
        ("create-ignores-the-parent", heard(CREATE, drop("parent_task_id")), "KB-314"),
        ("create-ignores-watchers", heard(CREATE, drop("watchers")), "KB-333"),
        ("inserted-at-the-end", heard(CREATE, inserted_at_end), "KB-328 KB-329"),
        ("before-is-after", heard(CREATE, rename("insert_before", "insert_after")), "KB-328"),
        ("due-date-of-another-year", told(CREATE, each_task(_day_later)), "KB-300"),
        ("description-wiped", wiped("description", ""), "KB-365"),
        ("assignee-wiped", wiped("assignee_id"), "KB-365"),
        ("hours-wiped", wiped("estimated_hours"), "KB-365"),
        ("watchers-wiped", wiped("watchers", []), "KB-365"),
        ("due-date-wiped", wiped("due_date"), "KB-365"),
        ("parent-wiped", wiped("parent_task_id"), "KB-365"),
        ("update-ignores-the-title", heard(UPDATE, drop("title")), "KB-391"),
        (
            "update-ignores-null",
            heard(UPDATE, lambda b: [b.pop(k) for k in [k for k in b if b[k] is None]]),
            "KB-381 KB-383 KB-384",
        ),
        ("update-ignores-the-status", heard(UPDATE, drop("status")), "KB-394"),
        ("stale-read", stale_read, "KB-391"),
        ("stale-for-ever", remembered(GET), "KB-391 KB-409"),
        ("lost-update", lost_update, "KB-365"),
        ("created-at-moves", told(UPDATE, each_task(put("created_at", "2024-01-01T00:00:00Z"))), "KB-392"),
        ("updated-at-stands", told(UPDATE, each_task(put("updated_at", "2001-01-01T00:00:00Z"))), "KB-392 KB-251"),
        ("project-changes", project_follows, "KB-387 KB-388"),
        ("watchers-only-added", watchers_added, "KB-375"),
        ("add-watchers-replaces", heard(UPDATE, rename("add_watchers", "watchers")), "KB-377"),
        ("completed-at-not-set", told(UPDATE, each_task(put("completed_at", None))), "KB-395"),
        ("closed-at-stays", told(UPDATE, each_task(put("closed_at", "2026-01-01T00:00:00Z"))), "KB-396"),
        ("hard-deadline-settable", settable(asks("POST PATCH"), "due_date_settings"), "KB-234"),
        ("deleted-still-readable", deleted_stays, "KB-358"),
        ("deleted-still-listed", deleted_is_listed, "KB-359"),
        ("delete-does-nothing", delete_does_nothing, "KB-358 KB-359"),
        ("delete-tells-another-state", told(DELETE, each_task(put("title", "Deleted"))), "KB-357"),
        ("children-stay", children_stay, "KB-360"),
        ("small-files-only", small_files_only, "KB-415 KB-416"),
        ("large-files-taken", large_files_taken, "KB-415 KB-417"),
        ("file-size-in-kilobytes", told(UPLOAD, turn("size", lambda n: n // 1024)), "KB-424"),
        ("file-of-another-task", told(UPLOAD, put("entity_id", "01hkm4spm0swc7eh24e0r9vnnz")), "KB-425"),
        ("file-not-attached", attachments_not_shown, "KB-427"),
        ("file-named-by-the-server", told(UPLOAD, put("file_name", "upload.bin")), "KB-422 KB-427"),
        ("method-unknown-404", answers(whatever, 405, 404), "KB-022"),
        (
            "comment-task-not-needed",
            heard(COMMENT, lambda b: b.setdefault("task_id", "01hkm4spm0swc7eh24e0r9vnnx")),
            "KB-474",
        ),
        ("webhook-list-is-bare", told(asks("GET", "/webhooks$"), lambda b: b.pop("meta")), "KB-466"),
        ("webhook-sort-ignored", read(asks("GET", "/webhooks$"), _without("sort")), "KB-467"),
        ("webhook-filter-ignored", read(asks("GET", "/webhooks$"), _without("filter")), "KB-468"),
        (
            "webhook-delete-does-nothing",
            lambda m, r, f: (
                f(replace(r, method="GET", target=path_of(r).rpartition("/")[0], body=None))
                if asks("DELETE", "/webhooks/")(r)
                else f(r)
            ),
            "KB-472",
        ),
    ]
}
