"""Kantata OX: what the parameters of the list of statuses do, and what has no effect."""

from collections.abc import Sequence
from typing import Any

from contracts.expecting import expect, expect_equal, expect_status, tick
from contracts.findings import NotJudged
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    META,
    SETS,
    STATUSES,
    Opened,
    Status,
    create,
    fields,
    get,
    ids,
    name,
    opened,
    page,
    post,
    put,
    single,
)
from contracts.tenant import Answer, Tenant

_CORRECTED = (200, 400, 422)  # what a tenant may answer to a value that the stand-in corrects
_MANY = 230  # statuses: more than the 200 of the longest page


def _three(tenant: Tenant) -> list[Status]:
    """Three statuses, the last made first: the order of the list."""
    made: list[Status] = []
    for _ in range(3):
        tick(tenant)
        made.insert(0, create(tenant))
    return made


def _only(tenant: Tenant, records: Sequence[Any], **query: Any) -> Opened:
    return page(tenant, {"only": ",".join(str(each) for each in records), **query})


def _expect_ids(found: Opened, expected: list[str], what: str) -> None:
    expect(found.ids == expected, f"{what}: expected {short(expected)}, got {short(found.ids)}", found.answer)


def _expect_these(found: Opened, expected: list[str], what: str) -> None:
    """In whatever order: on a tenant nobody tells which of those made in the same second comes first."""
    told = sorted(map(str, found.ids)), sorted(expected)
    expect(told[0] == told[1], f"{what}: expected {short(told[1])}, got {short(told[0])}", found.answer)


def _expect_same(found: Opened, plain: Opened, what: str) -> None:
    expect_equal(f"the answer {what}", dict(plain.whole), dict(found.whole), found.answer)


@rule("KX-051")
def results_have_the_order(tenant: Tenant) -> None:
    _three(tenant)
    first, again = (page(tenant, {"per_page": 30}) for _ in range(2))
    _expect_ids(again, first.ids, "the same list again")
    if tenant.is_mock:
        for order, falls in (("id:asc", False), ("id:desc", True)):
            found = page(tenant, {"order": order, "per_page": 50})
            _expect_ids(found, sorted(found.ids, key=int, reverse=falls), f"order={order}")


@rule("KX-088")
def a_blank_makes_a_side_load_unknown(tenant: Tenant) -> None:
    for asked in ("x, task_status_set", " task_status_set", "task_status_set "):
        answer = tenant.call("listCustomTaskStatuses", query={"include": asked, "per_page": 3})
        expect_status(answer, f"include={asked!r}", 200, *(() if tenant.is_mock else (400,)))
        if tenant.is_mock:
            told = [key for each in opened(answer, "a list").records for key in each if key == "task_status_set_id"][:1]
            told += [SETS] if SETS in answer.json() else []
            expect(not told, f"include={asked!r}: expected nothing beside, got {' and '.join(told)}", answer)


# only


@rule("KX-090", "KX-091")
def only_answers_the_named_ones(tenant: Tenant) -> None:
    third, second, first = ids(_three(tenant))
    for asked, expected in (([second], [second]), ([third, first], [third, first]), ([first, second], [second, first])):
        found = _only(tenant, asked)
        _expect_these(found, expected, f"only={','.join(asked)}")
        expect_equal("count", len(expected), found.whole["count"], found.answer)


@rule("KX-092")
def only_leaves_out_what_there_is_not(tenant: Tenant) -> None:
    mine = create(tenant)["id"]
    nobody = [tenant.unknown_id(STATUSES) for _ in range(2)]
    _expect_ids(_only(tenant, [nobody[0], mine, nobody[1]]), [mine], "only with unknown ids")
    _expect_ids(_only(tenant, nobody), [], "only with nothing but unknown ids")
    if tenant.is_mock and "outsider" in tenant.callers:
        seeded = tenant.vendor.seed["records"][STATUSES]
        account = tenant.vendor.callers["outsider"].account
        others = [each["id"] for each in seeded if each["account_id"] == account]
        _expect_ids(_only(tenant, [*others, mine]), [mine], "only with ids of another account")


@rule("KX-093")
def only_drops_what_is_no_id(tenant: Tenant) -> None:
    mine = create(tenant)["id"]
    for text in ("abc", "1.5", "-1", "x1", "%"):
        _expect_ids(_only(tenant, [text, mine]), [mine], f"only with {text!r}")
        found = _only(tenant, [text])
        _expect_ids(found, [], f"only={text}")
        expect_equal(f"count with only={text}", 0, found.whole["count"], found.answer)


@rule("KX-094")
def pages_do_not_cut_only(tenant: Tenant) -> None:
    wanted = ids(_three(tenant))
    for query in ({"per_page": 1}, {"per_page": 1, "page": 2}, {"limit": 1, "offset": 1}, {"per_page": 2, "page": 9}):
        found = _only(tenant, wanted, **query)
        _expect_these(found, wanted, f"only with {query}")
        expect_equal(f"count with {query}", 3, found.whole["count"], found.answer)


@rule("KX-095")
def only_takes_a_repeated_id_once(tenant: Tenant) -> None:
    third, second, _ = ids(_three(tenant))
    found = _only(tenant, [second, third, second, second])
    _expect_these(found, [third, second], "only with an id three times")
    expect_equal("count", 2, found.whole["count"], found.answer)


@rule("KX-096")
def only_keeps_the_order_of_the_list(tenant: Tenant) -> None:
    three = ids(_three(tenant))
    listed = [each for each in page(tenant, {"per_page": 200}).ids if each in three]
    if len(listed) < 3:
        raise NotJudged("needs a list in which new statuses stand on the first page")
    for asked in (three, three[::-1], [three[1], three[0], three[2]]):
        _expect_ids(_only(tenant, asked), listed, f"only={','.join(asked)}")
    if tenant.is_mock:
        _expect_ids(_only(tenant, three, order="id:asc"), three[::-1], "only with order=id:asc")


@rule("KX-097")
def an_empty_only_is_none(tenant: Tenant) -> None:
    create(tenant)
    for query in ({}, {"per_page": 2, "page": 2}):
        _expect_same(page(tenant, {**query, "only": ""}), page(tenant, query), f"with only= and {query}")


def _crowd(tenant: Tenant) -> Tenant:
    """A world with more statuses than the longest page holds."""
    for number in range(_MANY - page(tenant).whole["count"]):
        sent = fields(tenant, status=f"One of many {number}", category="completed")
        single(post(tenant, sent), "one of many statuses")
    return tenant


@rule("KX-098")
def only_takes_any_number(tenant: Tenant) -> None:
    if not tenant.is_mock:
        wanted = page(tenant, {"per_page": 20}).ids
        found = _only(tenant, wanted)
        expect(sorted(found.ids) == sorted(wanted), f"expected {len(wanted)}, got {len(found.ids)}", found.answer)
        return
    world = tenant.prepared("kantata-crowd", _crowd)
    wanted = [each for number in (1, 2) for each in page(world, {"per_page": 200, "page": number}).ids]
    expect(len(wanted) >= _MANY, f"expected {_MANY} statuses on two pages of 200, got {len(wanted)}")
    _expect_ids(_only(world, wanted), wanted, f"only with {len(wanted)} ids")


# page, limit and offset


@rule("KX-105")
def the_number_of_the_page_is_told_as_it_was_asked(tenant: Tenant) -> None:
    for asked, told in ((0, 0), (-3, -3), ("abc", 0), (4000, 4000)):
        answer = tenant.call("listCustomTaskStatuses", query={"page": asked, "per_page": 5})
        expect_status(answer, f"page={asked}", *((200,) if tenant.is_mock else _CORRECTED))
        if tenant.is_mock:
            got = opened(answer, f"page={asked}").meta["page_number"]
            expect_equal(f"page_number with page={asked}", told, got, answer)


@rule("KX-109")
def limit_and_offset_count_together_only(tenant: Tenant) -> None:
    _three(tenant)
    whole = page(tenant, {"per_page": 200}).ids
    for limit, offset in ((2, 0), (3, 1), (1, 2), (10, len(whole) - 2), (5, len(whole))):
        found = page(tenant, {"limit": limit, "offset": offset})
        if len(whole) < 200 or offset < 100:
            _expect_ids(found, whole[offset : offset + limit], f"limit={limit} and offset={offset}")
    _expect_ids(page(tenant, {"limit": 2, "offset": 1, "page": 9, "per_page": 1}), whole[1:3], "both and a page")
    for query in ({"limit": 2}, {"offset": 2}):
        _expect_ids(page(tenant, query), whole[:20], f"{query} alone")
        _expect_ids(page(tenant, {**query, "per_page": 1, "page": 2}), whole[1:2], f"{query} and a page")


@rule("KX-110")
def limit_and_offset_are_held_within_their_bounds(tenant: Tenant) -> None:
    for query in ({"limit": 0, "offset": 0}, {"limit": 500, "offset": 0}, {"limit": 2, "offset": -1}):
        answer = tenant.call("listCustomTaskStatuses", query=query)
        expect_status(answer, f"{query}", *((200,) if tenant.is_mock else _CORRECTED))
    if not tenant.is_mock:
        return
    world = tenant.prepared("kantata-crowd", _crowd)
    whole = page(world, {"per_page": 200}).ids
    for limit, offset, expected in (
        (201, 0, whole),
        (10**9, -5, whole),
        (0, 0, whole[:1]),
        (-4, 3, whole[3:4]),
        (3, -5, whole[:3]),
        ("abc", "abc", whole[:1]),
        (2, 10**12, []),
    ):
        _expect_ids(page(world, {"limit": limit, "offset": offset}), expected, f"limit={limit} and offset={offset}")


@rule("KX-111")
def meta_follows_from_the_pages(tenant: Tenant) -> None:
    _three(tenant)
    for query in ({}, {"per_page": 2}, {"per_page": 2, "page": 2}):
        plain = page(tenant, query).meta
        found = page(tenant, {**query, "limit": 1, "offset": 1})
        for word in META:
            expect_equal(f"{word} with limit, offset and {query}", plain[word], found.meta[word], found.answer)


# What has no effect


def _reads(tenant: Tenant, status: Status, query: dict[str, Any]) -> list[Answer]:
    return [
        tenant.call("listCustomTaskStatuses", query={"per_page": 4, **query}),
        get(tenant, status, query=query),
    ]


@rule("KX-117")
def optional_fields_that_there_are_not_are_ignored(tenant: Tenant) -> None:
    status = create(tenant)
    query = {"optional_fields": "no_such_field,another"}
    pairs = zip(_reads(tenant, status, {}), _reads(tenant, status, query), strict=True)
    for plain, answer in pairs:
        _expect_same(opened(answer, f"with {query}"), opened(plain, "without"), f"with {query}")
    single(post(tenant, fields(tenant), query=query), f"a create with {query}")
    single(put(tenant, status, {"status": name(tenant, "Renamed")}, query=query), f"an update with {query}")


@rule("KX-118")
def search_is_ignored(tenant: Tenant) -> None:
    create(tenant)
    answer = tenant.call("listCustomTaskStatuses", query={"search": "no status has this name", "per_page": 4})
    expect_status(answer, "a list with search", 200)
    if tenant.is_mock:
        _expect_same(opened(answer, "search"), page(tenant, {"per_page": 4}), "with search")


@rule("KX-119")
def unknown_parameters_are_ignored(tenant: Tenant) -> None:
    status = create(tenant)
    query = {"no_such_parameter": "1", "include[]": "task_status_set", "status": "nothing", "filter": "x"}
    for plain, answer in zip(_reads(tenant, status, {}), _reads(tenant, status, query), strict=True):
        expect_status(answer, f"with {query}", 200)
        expect(plain.json() == answer.json(), f"with {query}: expected the same answer, got {brief(answer)}", answer)
