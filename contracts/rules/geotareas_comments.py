"""GeoTareas: comments, who wrote them, whom they mention, and where they are listed."""

from functools import partial
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    known,
    stand_in,
)
from contracts.findings import NotJudged
from contracts.laws.terms import Record, short
from contracts.rules import rule
from contracts.rules.geotareas_steps import (
    LISTS,
    Page,
    cards,
    comment,
    comments,
    data_of,
    eventually,
    expect_refusal,
    listed,
    now,
    page_of,
    send_comment,
    text,
    total,
)
from contracts.tenant import Tenant

_FIELDS = {"id", "text", "author", "mentions", "created_at", "updated_at"}
_REPLIES = {
    "parent",
    "parent_id",
    "reply_to",
    "reply_to_id",
    "replies",
    "replies_count",
    "thread",
    "thread_id",
    "children",
}
_BLANK = ("", " ", "\t\n ", "\u00a0", "\u3000\u2003", "\ufeff", "\u0085\u2028")
_MARIA = {"id": "1100000000000003", "name": "Maria Lopez"}
_CARLOS = {"id": "1100000000000001", "name": "Carlos Mendoza"}
_SOFIA = {"id": "1100000000000006", "name": "Sofía Castillo"}


@rule("GT-151")
def a_card_without_comments_has_an_empty_list(tenant: Tenant) -> None:
    empty = next((card["id"] for card in cards(tenant) if card["comments_count"] == 0), None)
    if empty is None:
        raise NotJudged("needs a card without comments")
    queries: list[dict[str, Any]] = [{}, {"limit": 1}, {"offset": 5}]
    for query in queries:
        page = comments(tenant, empty, **query)
        expect(page.items == [], f"expected no comments, got {short(page.items)}", page.answer)
        expect_equal("meta.total of a card without comments", 0, page.meta["total"], page.answer)


@rule("GT-161")
def an_unedited_comment_was_changed_when_it_was_written(tenant: Tenant) -> None:
    made = comment(tenant)
    if tenant.clock is not None:
        tenant.clock.advance(3600)
    listed(tenant, made["id"])
    for item in comments(tenant, limit=100).items:
        expect_equal(f"updated_at of {item['id']}", item["created_at"], item["updated_at"])


@rule("GT-163")
def a_comment_names_no_other(tenant: Tenant) -> None:
    body = {"text": text(tenant, "Contract check"), "parent_id": comment(tenant)["id"]}
    answer = send_comment(tenant, body)
    expect_status(answer, "addCardComment with a parent_id", 201, *(() if tenant.is_mock else (400,)))
    page = comments(tenant, limit=100)
    for item in page.items:
        found = set(item) - _FIELDS if tenant.is_mock else set(item) & _REPLIES
        expect(not found, f"expected no {', '.join(sorted(found))} in a comment, got {short(item)}", page.answer)


@rule("GT-166")
def unknown_parameters_are_ignored(tenant: Tenant) -> None:
    odd = {
        "page": 2,
        "per_page": 1,
        "sort": "-id",
        "Limit": 1,
        "OFFSET": 5,
        "limit[]": 1,
        "no_such_parameter": "x",
        "q": "",
    }
    for operation in LISTS:
        path = {"id": known(tenant, "board_id" if operation == "listBoardCards" else "card_id")}
        plain = page_of(tenant.call(operation, path=path), operation)
        page = page_of(tenant.call(operation, path=path, query=odd), f"{operation} with unknown parameters")
        expect_equal(f"the records of {operation} with unknown parameters", plain.ids, page.ids, page.answer)
        for name in ("limit", "offset"):
            expect_equal(f"meta.{name} of {operation}", plain.meta[name], page.meta[name], page.answer)


@rule("GT-175")
def a_blank_text_is_refused(tenant: Tenant) -> None:
    if not tenant.is_mock:
        answer = send_comment(tenant, {"text": " "})
        expect_status(answer, "a comment of one space", 201, 400)
        return
    before = total(comments(tenant))
    for blank in _BLANK:
        answer = send_comment(tenant, {"text": blank})
        expect_refusal(answer, f"a comment of {short(blank)}", 400, "VALIDATION_ERROR")
    expect_equal("meta.total after blank comments", before, total(comments(tenant)))
    expect_status(send_comment(tenant, {"text": " . "}), "a comment of a dot between spaces", 201)


@rule("GT-176")
def the_length_of_a_text_is_in_characters(tenant: Tenant) -> None:
    letters = ("x", "é", "—", "\U0001f600") if tenant.is_mock else ("x",)
    for letter in letters:
        mark = f"[{tenant.target.mark}] "
        longest = mark + letter * (5000 - len(mark))
        made = data_of(send_comment(tenant, {"text": longest}), f"5000 characters {letter!r}", 201)
        expect(made["text"] == longest, f"expected 5000 characters {letter!r} back, got {len(str(made['text']))}")
        answer = send_comment(tenant, {"text": longest + letter})
        expect_refusal(answer, f"5001 characters {letter!r}", 400, "VALIDATION_ERROR")


@rule("GT-182")
def the_author_is_the_user_of_the_token(tenant: Tenant) -> None:
    others: list[dict[str, Any]] = [
        {},
        {"author": {"id": "1100000000000002", "name": "Admin User"}},
        {"author_id": "1100000000000002", "user_id": "1100000000000002", "created_by": "1100000000000002"},
        {"author": "1100000000000002"},
    ]
    authors: dict[str, Record] = {}
    for caller in ("owner", "writer") if "writer" in tenant.callers else ("owner",):
        for more in others:
            answer = send_comment(tenant, {"text": text(tenant, "Who wrote this?"), **more}, caller=caller)
            if not tenant.is_mock and more and answer.status == 400:
                continue
            made = data_of(answer, f"a comment of {caller} with {short(more)}", 201)
            author = authors.setdefault(caller, _author(tenant, caller, made))
            expect_equal(f"the author of a comment of {caller} with {short(more)}", author, made["author"], answer)
            expect_equal("the author in the list", author, listed(tenant, made["id"])["author"])


def _author(tenant: Tenant, caller: str, made: Record) -> Any:
    """Who a caller is: as the seed has it, elsewhere as the first comment tells."""
    user = tenant.vendor.callers[caller].user
    if not tenant.is_mock:
        return made["author"]
    return next(
        {"id": user, "name": each["name"]} for each in tenant.vendor.seed["records"]["users"] if each["id"] == user
    )


@rule("GT-183")
def a_comment_was_created_when_it_was_written(tenant: Tenant) -> None:
    if tenant.clock is not None:
        tenant.clock.freeze()
    for seconds in (0, 61):
        if tenant.clock is not None:
            tenant.clock.advance(seconds)
        made = comment(tenant)
        expect_equal("created_at in the list", made["created_at"], listed(tenant, made["id"])["created_at"])
        if tenant.clock is not None:
            expect_equal("created_at of a new comment", now(tenant), made["created_at"])


def _shows(identity: str, page: Page) -> bool:
    return identity in page.ids


def _counts(least: int, page: Page) -> bool:
    return total(page) >= least


@rule("GT-186")
def the_newest_comment_comes_first(tenant: Tenant) -> None:
    if tenant.clock is not None:
        tenant.clock.freeze()
    for number in range(3):
        made = comment(tenant)
        page = eventually(tenant, lambda: comments(tenant), partial(_shows, made["id"]))
        newest = [item for item in page.items if item["created_at"] >= made["created_at"]]
        expect(newest, f"expected the comment {made['id']} in the list, got {short(page.ids[:3])}", page.answer)
        is_first = page.ids[0] == made["id"] or (not tenant.is_mock and made["id"] in page.ids[: len(newest)])
        expect(is_first, f"expected the newest comment {made['id']} first, got {page.ids[0]}", page.answer)
        if tenant.clock is not None:
            tenant.clock.advance(number)  # the first two of them in the same second
        else:
            tenant.target.guard.watch.sleep(1.1)


@rule("GT-187")
def a_comment_raises_the_total_by_one(tenant: Tenant) -> None:
    before = total(comments(tenant))
    for number in (1, 2):
        comment(tenant)
        page = eventually(tenant, lambda: comments(tenant), partial(_counts, before + number))
        got = total(page)
        is_right = got == before + number if tenant.is_mock else got >= before + number
        expect(is_right, f"meta.total after {number} comments: expected {before + number}, got {got}", page.answer)
    if not tenant.is_mock:
        return
    bad: list[dict[str, Any]] = [{}, {"text": ""}, {"text": "x" * 5001}, {"text": 7}, {"text": None}]
    for body in bad:
        expect_status(send_comment(tenant, body), f"a comment with {short(body)}", 400)
    expect_status(send_comment(tenant, {"text": "x"}, caller="reader"), "a comment by a reader", 403)
    expect_equal("meta.total after refused comments", before + 2, total(comments(tenant)))


@rule("GT-188")
def a_comment_is_on_its_own_card_only(tenant: Tenant) -> None:
    made = comment(tenant)
    listed(tenant, made["id"])
    others = [card["id"] for card in cards(tenant) if card["id"] != known(tenant, "card_id")]
    if not others:
        raise NotJudged("needs a second card")
    for card in others[: 25 if tenant.is_mock else 5]:
        page = comments(tenant, card, limit=100)
        expect(made["id"] not in page.ids, f"expected {made['id']} on its own card only, it is on {card}", page.answer)


@rule("GT-189")
def equal_requests_make_two_comments(tenant: Tenant) -> None:
    body = {"text": text(tenant, "Twice the same")}
    made = [data_of(send_comment(tenant, body), "addCardComment", 201)["id"] for _ in range(2)]
    expect(made[0] != made[1], f"expected two ids for two comments, got {short(made)}")
    for identity in made:
        expect_equal("the text in the list", body["text"], listed(tenant, identity)["text"])


@rule("GT-191")
def a_name_in_the_text_is_a_mention(tenant: Tenant) -> None:
    stand_in(tenant, "only the shape of mentions is checked on a tenant")
    cases: list[tuple[str, list[dict[str, str]]]] = [
        ("@Maria please call.", [_MARIA]),
        ("please @maria, and @CARLOS: call", [_MARIA, _CARLOS]),
        ("@Carlos @Maria @Carlos @maria", [_CARLOS, _MARIA]),
        ("line\n@Maria\ttab @Sofía", [_MARIA, _SOFIA]),
        ("mail to lopez@Maria and (@Maria)", []),
        ("@Mar @Marias @Lopez @Nobody @ Maria", []),
        ("@Javier, one of two", []),
        ("@Tomás of another company, @Sofia without her accent", []),
        ("nobody at all", []),
    ]
    for words, expected in cases:
        made = data_of(send_comment(tenant, {"text": words, "mentions": [_CARLOS]}), f"a comment {short(words)}", 201)
        expect_equal(f"the mentions of {short(words)}", expected, listed(tenant, made["id"])["mentions"])
