"""Ways of being wrong, by name: what a broken tenant of GeoTareas answers, and which rules that breaks."""

import json
import re
from dataclasses import replace
from typing import Any

from contracts.findings import Headers
from contracts.wire import Outgoing, Reply
from tests.bend_words import (
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
    with_length,
)

HOST, KEY = "yourcompany.geotareas.com", "gtk_test_0001"
CARLOS = {"email": "carlos.mendoza@example.com", "password": "correct horse battery staple"}
KANBAN = "/apidev/v1/kanban"
MOUNT = "/geotareas"

STATE = asks("PUT", r"/state$")
LIST = asks("GET", r"/comments$")
ADD = asks("POST", r"/comments$")
CARDS = asks("GET", r"/cards$")
WORKSPACES = asks("GET", r"/workspaces$")
LOGIN = asks("POST", r"/login$")
PROTECTED = asks("", KANBAN)


def in_data(change: Any) -> Any:
    return under("data", change)


def in_error(change: Any) -> Any:
    return under("error", change)


# Who is taken for whom


def token_of_carlos(memory: Memory, request: Outgoing, forward: Forward, *, fresh: bool = False) -> str:
    """A good token in the world of a request."""
    key = (world_of(request), "token")
    if fresh or key not in memory.values:
        headers = [(name, value) for name, value in request.headers if name.lower() == "x-mock-world"]
        sent = [*headers, ("tenant", HOST), ("Content-Type", "application/json")]
        login = Outgoing("POST", f"{MOUNT}/apidev/v1/login", sent, json.dumps(CARLOS).encode())
        answer = answer_of(forward(login))
        memory.values[key] = f"Bearer {answer['data']['authorization']}" if answer.get("data") else ""
    return str(memory.values[key])


def as_carlos(*statuses: int, asked: Any = PROTECTED) -> Bend:
    """Whoever is refused with one of the statuses is let in."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if reply.status not in statuses or not asked(request):
            return reply
        for fresh in (False, True):
            good = with_header(request, "Authorization", token_of_carlos(memory, request, forward, fresh=fresh))
            reply = forward(with_header(with_header(good, "tenant", HOST), "X-API-Key", KEY))
            if reply.status not in (*statuses, 401):
                break
        return reply

    return bend


def supplied(name: str, value: str) -> Bend:
    """A header that is missing or wrong is thought to be there."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        return forward(with_header(request, name, value)) if header(request, name) != value else forward(request)

    return bend


def only_when(missing: str, bend: Bend) -> Bend:
    """The bend where a header is missing."""
    return lambda memory, request, forward: (
        forward(request) if header(request, missing) else bend(memory, request, forward)
    )


def any_token(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """The signature of a token is not looked at."""
    reply = forward(request)
    if reply.status != 401 or not header(request, "Authorization").startswith("Bearer "):
        return reply
    return as_carlos(401)(memory, request, forward) if header(request, "X-API-Key") == KEY else reply


def any_key(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Every key is that of this company, for whoever names the company."""
    if header(request, "tenant") != HOST:
        return forward(request)
    return supplied("X-API-Key", KEY)(memory, request, forward)


def no_walls(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Callers of another company meet the records of this one."""
    if header(request, "tenant") == HOST:
        return forward(request)
    return as_carlos(404)(memory, request, forward)


# Quotas


def never_full(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    key = (world_of(request), f"{request.method} {path_of(request)}")
    if reply.status < 300:
        memory.values[key] = reply
    return memory.values.get(key, reply) if reply.status == 429 else reply


def full_one_early(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if reply.headers.get("x-ratelimit-remaining") != "0" or reply.status == 429 or not PROTECTED(request):
        return reply
    refusal = {"success": False, "data": None, "error": {"code": "RATE_LIMITED", "message": "Too many requests."}}
    early = with_answer(reply, refusal, status=429)
    return replace(early, headers=with_length(early.headers, early.body, retry_after="1"))


def same_id(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """The card's newest comment stands on every card."""
    reply = forward(request)
    answer = answer_of(reply)
    key = (world_of(request), "newest")
    if ADD(request) and reply.status == 201:
        memory.values[key] = {**answer["data"], "mentions": [], "updated_at": answer["data"]["created_at"]}
    elif LIST(request) and reply.status == 200 and key in memory.values:
        known = {each["id"] for each in answer["data"]}
        if memory.values[key]["id"] not in known and not query_of(request).get("offset", "0").strip("0"):
            answer["data"].insert(0, memory.values[key])
            answer["meta"]["total"] += 1
            return with_answer(reply, answer)
    return reply


def fixed(name: str, value: str) -> Bend:
    return bears(whatever, **{name: value})


def _instead(name: str, was: str | None, now: str) -> Any:
    def change(query: dict[str, str]) -> None:
        if query.get(name) == was:
            query[name] = now

    return change


def _without(name: str) -> Any:
    return lambda query: query.pop(name, None)


def _next_state(task: dict[str, Any]) -> None:
    task["previous_status"] = task["new_status"]


def lets_through(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What is finished can be taken up again."""
    reply = forward(request)
    body = body_of(request)
    if not STATE(request) or b"STATE_CHANGE_FAILED" not in reply.body or b"FIN" not in reply.body:
        return reply
    task = path_of(request).split("/")[-2]
    data = {
        "task_id": task,
        "previous_status": "FIN",
        "new_status": body["target_status"],
        "updated_at": "2026-03-02T09:00:00",
    }
    return with_answer(reply, {"success": True, "data": data, "meta": {}}, status=200)


def any_edge(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Every transition is allowed, by a detour."""
    reply = forward(request)
    if STATE(request) and b"STATE_CHANGE_FAILED" in reply.body:
        body = body_of(request)
        forward(with_body(request, {**body, "target_status": "USU"}))
        return forward(request)
    return reply


def never_finishes(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    body = body_of(request)
    if STATE(request) and isinstance(body, dict) and body.get("target_status") == "FIN":
        return forward(with_body(request, {**body, "target_status": "ACE"}))
    return forward(request)


def state_stays(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A change is answered and not made."""
    body = body_of(request)
    key = (world_of(request), path_of(request))
    reply = forward(request)
    answer = answer_of(reply)
    if STATE(request) and reply.status == 200 and isinstance(body, dict):
        first = memory.values.setdefault(key, answer["data"]["previous_status"])
        answer["data"]["previous_status"] = first
        return with_answer(reply, answer)
    return reply


def refused_change_is_made(request: Outgoing) -> Outgoing:
    return with_body(request, {"board_id": "8391728491728491", "target_status": "USU"})


def wrong_board_is_right(body: dict[str, Any]) -> None:
    if re.fullmatch(r"[0-9]{1,30}", str(body.get("board_id"))) and isinstance(body["board_id"], str):
        body["board_id"] = "8391728491728491"


def driver_supplied(body: dict[str, Any]) -> None:
    if body.get("target_status") == "ASI":
        body.setdefault("driver_id", "1200000000000003")


def text_follows(change: Any) -> Bend:
    return heard(
        ADD, lambda body: body.update(text=change(body["text"])) if isinstance(body.get("text"), str) else None
    )


def author_follows(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Who the body says has written a comment has written it."""
    reply = forward(request)
    body, answer = body_of(request), answer_of(reply)
    named = body.get("author") or body.get("author_id") if isinstance(body, dict) else None
    if ADD(request) and reply.status == 201 and named:
        answer["data"]["author"] = named if isinstance(named, dict) else {"id": str(named), "name": "Somebody"}
        return with_answer(reply, answer)
    return reply


def any_password(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if LOGIN(request) and reply.status == 401:
        return forward(with_body(request, CARLOS))
    return reply


def never_blocked(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if LOGIN(request) and reply.status == 429:
        refusal = {"success": False, "data": None, "error": {"code": "UNAUTHORIZED", "message": "No."}}
        body = with_answer(reply, refusal, status=401)
        return replace(body, headers=with_length(body.headers, body.body, retry_after=None))
    return reply


def tells_which(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    body, answer = body_of(request), answer_of(reply)
    if LOGIN(request) and reply.status == 401 and isinstance(body, dict):
        known = str(body.get("email", "")).startswith(("carlos", "lucia", "diego"))
        answer["error"]["message"] = "The password is wrong." if known else "There is no such account."
        return with_answer(reply, answer)
    return reply


def _prefixed(data: dict[str, Any]) -> None:
    data["authorization"] = f"Bearer {data['authorization']}"


def _cut_signature(data: dict[str, Any]) -> None:
    data["authorization"] = data["authorization"].rpartition(".")[0]


def _as_text(*names: str) -> Any:
    def change(body: dict[str, Any]) -> None:
        for name in names:
            if name in body:
                body[name] = str(body[name])

    return change


def _as_number(body: dict[str, Any]) -> None:
    body["id"] = int(body["id"])


def _reverse(body: dict[str, Any]) -> None:
    body["data"].reverse()


def _newest_last(body: dict[str, Any]) -> None:
    body["data"] = body["data"][1:] + body["data"][:1]


def _meta(name: str, change: Any) -> Any:
    return under("meta", turn(name, change))


def _in_html(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if reply.status < 400:
        return reply
    page = b"<h1>Error</h1>"
    return replace(reply, body=page, headers=with_length(reply.headers, page, content_type="text/html"))


def unknown_is_found(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A card that is not there has no comments."""
    reply = forward(request)
    if LIST(request) and reply.status == 404:
        body = {"success": True, "data": [], "meta": {"total": 0, "limit": 25, "offset": 0}}
        return with_answer(reply, body, status=200)
    return reply


def empty_is_missing(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    if LIST(request) and reply.status == 200 and answer_of(reply)["meta"]["total"] == 0:
        return forward(replace(request, target=re.sub(r"cards/\d+", "cards/4299999999999999", request.target)))
    return reply


def no_quota_headers_on_refusals(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id")
    if reply.status < 400:
        return reply
    return replace(reply, headers=Headers((n, v) for n, v in reply.headers.items() if n not in names))


def lost(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A comment is answered as made, and is never seen again."""
    reply = forward(request)
    answer = answer_of(reply)
    gone = memory.values.setdefault((world_of(request), "gone"), set())
    if ADD(request) and reply.status == 201:
        gone.add(answer["data"]["id"])
    elif LIST(request) and reply.status == 200:
        shown = [each for each in answer["data"] if each["id"] not in gone]
        answer["meta"]["total"] -= len(answer["data"]) - len(shown)
        return with_answer(reply, {**answer, "data": shown})
    return reply


def minding_case(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A search finds only what is spelt alike."""
    reply = forward(request)
    text, answer = query_of(request).get("search"), answer_of(reply)
    if not CARDS(request) or not text or reply.status != 200:
        return reply
    answer["data"] = [card for card in answer["data"] if text in card["title"]]
    answer["meta"]["total"] = len(answer["data"])
    return with_answer(reply, answer)


# name: (bend, rules of which at least one must be found broken)
BENDS: dict[str, tuple[Bend, frozenset[str]]] = {
    name: (bend, frozenset(breaks.split()))
    for name, bend, breaks in [
        ("state-answers-201", answers(STATE, 200, 201), "GT-117"),
        ("add-answers-200", answers(ADD, 201, 200), "GT-170"),
        ("login-answers-201", answers(LOGIN, 200, 201), "GT-195"),
        ("unknown-card-400", answers(LIST, 404, 400), "GT-164 GT-070"),
        ("unknown-task-400", answers(STATE, 404, 400), "GT-125 GT-070"),
        ("unknown-card-found", unknown_is_found, "GT-164"),
        ("empty-card-404", empty_is_missing, "GT-151"),
        ("missing-header-401", answers(PROTECTED, 400, 401, "BAD_REQUEST"), "GT-017 GT-018 GT-064"),
        ("validation-422", answers(whatever, 400, 422, "VALIDATION_ERROR"), "GT-065 GT-101"),
        ("scope-404", answers(whatever, 403, 404), "GT-022 GT-069"),
        ("previous-is-new", told(STATE, in_data(_next_state)), "GT-120"),
        ("new-state-is-a-word", told(STATE, in_data(put("new_status", "started"))), "GT-121"),
        ("new-state-missing", told(STATE, in_data(drop("new_status"))), "GT-118"),
        ("task-id-is-a-number", told(STATE, in_data(turn("task_id", int))), "GT-074 GT-119"),
        ("task-id-is-another", told(STATE, in_data(put("task_id", "5001847291847299"))), "GT-119"),
        ("state-tells-the-driver", told(STATE, in_data(put("driver_id", "1200000000000001"))), "GT-118"),
        ("state-not-kept", state_stays, "GT-123 GT-120"),
        ("finished-is-open", lets_through, "GT-105 GT-113"),
        ("any-transition", any_edge, "GT-103 GT-111"),
        ("never-finished", never_finishes, "GT-104 GT-121"),
        ("refused-and-done", refused_but_done(STATE, refused_change_is_made, 400), "GT-116"),
        ("driver-not-needed", heard(STATE, driver_supplied), "GT-099 GT-102"),
        ("any-board", heard(STATE, wrong_board_is_right), "GT-090 GT-126"),
        ("board-not-needed", heard(STATE, lambda body: body.setdefault("board_id", "8391728491728491")), "GT-086"),
        ("state-in-lower-case", heard(STATE, turn("target_status", lambda each: str(each).upper())), "GT-094"),
        ("state-time-stands", told(STATE, in_data(put("updated_at", "2024-01-01T00:00:00"))), "GT-122"),
        ("time-with-zone-missing-t", told(ADD, in_data(turn("created_at", lambda at: at.replace("T", " ")))), "GT-079"),
        ("time-in-seconds", told(ADD, in_data(put("created_at", 1772442000))), "GT-078 GT-079"),
        ("comment-time-stands", told(ADD, in_data(put("created_at", "2024-01-01T00:00:00"))), "GT-183"),
        ("comment-id-is-a-number", told(LIST, in_data(_as_number)), "GT-074 GT-152"),
        ("comment-id-is-a-uuid", told(LIST, in_data(put("id", "0b1e-aa"))), "GT-075 GT-152"),
        ("mentions-null", told(LIST, in_data(put("mentions", None))), "GT-157 GT-162"),
        ("mentions-missing", told(LIST, in_data(drop("mentions"))), "GT-162"),
        ("mentions-on-create", told(ADD, in_data(put("mentions", []))), "GT-179 GT-178"),
        ("author-is-a-name", told(LIST, in_data(turn("author", lambda who: who["name"]))), "GT-154"),
        ("author-of-the-body", author_follows, "GT-182"),
        ("comment-edited", told(LIST, in_data(put("updated_at", "2030-01-01T00:00:00"))), "GT-161"),
        ("comments-threaded", told(LIST, in_data(put("parent_id", None))), "GT-163"),
        ("success-as-text", told(whatever, put("success", "true")), "GT-053"),
        ("meta-missing", told(ADD, drop("meta")), "GT-055 GT-184"),
        ("meta-told-on-create", told(ADD, put("meta", {"total": 1})), "GT-056 GT-184"),
        ("total-missing", told(LIST, under("meta", drop("total"))), "GT-057"),
        ("envelope-has-more", told(whatever, put("message", "OK")), "GT-058"),
        ("no-envelope", told(ADD, lambda body: body.update(body.pop("data"))), "GT-054"),
        ("errors-flat", told(whatever, lambda body: body.update(body.pop("error")), *range(400, 500)), "GT-059 GT-060"),
        ("errors-successful", told(whatever, put("success", True), *range(400, 500)), "GT-059 GT-060"),
        ("error-code-lower", told(whatever, in_error(turn("code", str.lower)), *range(400, 500)), "GT-061 GT-064"),
        ("error-without-message", told(whatever, in_error(put("message", "")), *range(400, 500)), "GT-062"),
        (
            "state-error-is-validation",
            told(
                STATE, in_error(turn("code", lambda code: code.replace("STATE_CHANGE_FAILED", "VALIDATION_ERROR"))), 400
            ),
            "GT-103 GT-066",
        ),
        ("html-errors", _in_html, "GT-023 GT-059"),
        ("not-json-content-type", bears(whatever, content_type="text/plain"), "GT-023"),
        ("request-id-missing", bears(whatever, x_request_id=None), "GT-036"),
        ("request-id-fixed", fixed("x_request_id", "0123"), "GT-037"),
        ("limit-missing", bears(whatever, x_ratelimit_limit=None), "GT-031"),
        ("remaining-negative", bears(whatever, x_ratelimit_remaining="-1"), "GT-032 GT-050"),
        ("remaining-stands", bears(PROTECTED, x_ratelimit_remaining="9"), "GT-050 GT-049"),
        ("limit-is-60", bears(PROTECTED, x_ratelimit_limit="60"), "GT-047 GT-041 GT-042"),
        ("reset-is-a-date", bears(whatever, x_ratelimit_reset="2026-03-02T09:01:00Z"), "GT-033"),
        ("reset-in-milliseconds", bears(whatever, x_ratelimit_reset="1772442060000"), "GT-051 GT-033"),
        ("retry-after-always", bears(whatever, retry_after="1"), "GT-035"),
        ("refusals-without-headers", no_quota_headers_on_refusals, "GT-038"),
        ("no-limit", never_full, "GT-039 GT-040 GT-041"),
        ("full-one-early", full_one_early, "GT-040 GT-041 GT-042"),
        ("429-without-retry-after", bears(whatever, 429, retry_after=None), "GT-034"),
        ("429-is-403", answers(whatever, 429, 403), "GT-039 GT-071"),
        ("tenant-not-needed", only_when("tenant", supplied("tenant", HOST)), "GT-013 GT-017"),
        ("any-tenant", supplied("tenant", HOST), "GT-014 GT-025"),
        ("key-not-needed", only_when("X-API-Key", supplied("X-API-Key", KEY)), "GT-010 GT-017"),
        ("any-key", any_key, "GT-021 GT-012"),
        ("token-not-needed", only_when("Authorization", as_carlos(400)), "GT-003 GT-018"),
        ("any-token", any_token, "GT-019 GT-020"),
        ("expired-still-works", any_token, "GT-020 GT-008"),
        ("readers-write-comments", as_carlos(403, asked=ADD), "GT-168 GT-022"),
        ("readers-change-states", as_carlos(403, asked=STATE), "GT-084 GT-022"),
        ("writers-read", as_carlos(403, asked=LIST), "GT-133 GT-022"),
        ("no-walls", no_walls, "GT-125 GT-164"),
        ("order-turned", told(LIST, _reverse), "GT-136"),
        ("newest-last", told(LIST, _newest_last), "GT-136"),
        ("default-24", read(LIST, _instead("limit", None, "24")), "GT-139"),
        ("default-is-everywhere-25", read(CARDS, _instead("limit", None, "25")), "GT-205"),
        ("limit-101-taken", read(LIST, _instead("limit", "101", "100")), "GT-141 GT-145"),
        ("limit-100-refused", read(LIST, _instead("limit", "100", "101")), "GT-141"),
        ("limit-ignored", read(LIST, _without("limit")), "GT-138 GT-146"),
        ("offset-ignored", read(LIST, _without("offset")), "GT-142 GT-147"),
        ("total-off-by-one", told(LIST, _meta("total", lambda n: n + 1)), "GT-149"),
        ("limit-told-as-text", told(LIST, _meta("limit", str)), "GT-057"),
        ("list-loses-the-last", told(LIST, lambda body: body.update(data=body["data"][:-1])), "GT-147"),
        ("list-repeats", told(LIST, lambda body: body.update(data=body["data"] + body["data"][:1])), "GT-146 GT-147"),
        ("comments-on-every-card", same_id, "GT-188"),
        ("comment-made-once", once(ADD), "GT-189 GT-180"),
        ("comments-stale", remembered(LIST), "GT-185 GT-186 GT-187 GT-135"),
        ("comments-lost", lost, "GT-185 GT-187"),
        ("text-escaped", text_follows(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")), "GT-177 GT-181"),
        ("text-trimmed", text_follows(lambda text: text.strip() or text), "GT-177 GT-181"),
        ("text-only-ascii", text_follows(lambda text: text.encode("ascii", "replace").decode()), "GT-177 GT-181"),
        ("text-cut-at-4999", text_follows(lambda text: text[:4999]), "GT-173"),
        ("text-of-5001-taken", text_follows(lambda text: text[:5000]), "GT-173 GT-174"),
        ("text-of-5000-refused", text_follows(lambda text: text + " " if len(text) == 5000 else text), "GT-173 GT-176"),
        ("text-not-needed", heard(ADD, lambda body: body.setdefault("text", "No text")), "GT-171 GT-174"),
        ("text-may-be-a-number", heard(ADD, turn("text", lambda text: str(text))), "GT-172 GT-174"),
        ("blank-text-taken", text_follows(lambda text: text if text.strip() else "No text"), "GT-175"),
        (
            "crash-on-emoji",
            crashes(ADD, lambda body: isinstance(body, dict) and any(ord(c) > 0xFFFF for c in str(body.get("text")))),
            "GT-072 GT-177",
        ),
        ("login-prefixed", told(LOGIN, in_data(_prefixed)), "GT-196 GT-195"),
        ("login-is-no-jwt", told(LOGIN, in_data(_cut_signature)), "GT-006 GT-195"),
        ("login-called-token", told(LOGIN, in_data(rename("authorization", "token"))), "GT-195"),
        ("any-password", any_password, "GT-199"),
        ("login-tells-which", tells_which, "GT-199"),
        ("login-never-blocked", never_blocked, "GT-045 GT-044"),
        (
            "login-needs-no-tenant",
            lambda m, r, f: only_when("tenant", supplied("tenant", HOST))(m, r, f) if LOGIN(r) else f(r),
            "GT-197",
        ),
        ("workspace-counts-as-text", told(WORKSPACES, in_data(_as_text("boards_count"))), "GT-202"),
        ("workspace-role-missing", told(WORKSPACES, in_data(drop("role"))), "GT-202"),
        ("cards-archived-shown", read(CARDS, lambda query: query.setdefault("archived", "true")), "GT-210"),
        ("cards-priority-ignored", read(CARDS, _without("priority")), "GT-207"),
        ("cards-column-ignored", read(CARDS, _without("column_id")), "GT-206"),
        ("cards-assignee-ignored", read(CARDS, _without("assignee_id")), "GT-208"),
        ("cards-search-ignored", read(CARDS, _without("search")), "GT-209"),
        ("cards-search-minds-case", minding_case, "GT-218"),
        ("cards-turned", told(CARDS, _reverse), "GT-217"),
        ("card-priority-in-words", told(CARDS, in_data(turn("priority", str.title))), "GT-212"),
        ("card-comments-miscounted", told(CARDS, in_data(turn("comments_count", lambda n: n + 1))), "GT-216"),
        ("card-assignee-is-an-id", told(CARDS, in_data(turn("assignee", lambda who: who["id"]))), "GT-214"),
        ("method-unknown-200", answers(whatever, 405, 200), "GT-029"),
        (
            "path-unknown-200",
            answers(
                lambda request: not re.search(r"/(login|state|comments|cards|workspaces)$", path_of(request)), 404, 200
            ),
            "GT-030",
        ),
        ("slash-at-the-end-taken", found_at(whatever, r"/$", ""), "GT-030"),
        ("unknown-board-forbidden", answers(CARDS, 404, 403), "GT-070"),
        ("long-ids-cut", found_at(LIST, r"(/cards/\d{16})\d+", r"\1"), "GT-081 GT-164"),
        (
            "unknown-parameter-refused",
            lambda m, r, f: (
                f(with_query(r, {"limit": "x"})) if LIST(r) and set(query_of(r)) - {"limit", "offset"} else f(r)
            ),
            "GT-166",
        ),
    ]
}
