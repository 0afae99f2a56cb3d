"""Pages in three styles: how a query is read, what the envelope may say, and walks while records come and go."""

import os
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest

from mockserver.engine.call import Call
from mockserver.engine.errors import Refusal
from mockserver.engine.messages import Request
from mockserver.engine.paging import Page, Paging, paging
from mockserver.engine.query import All, Condition, Expression
from mockserver.engine.store import Store
from tests.tools.toy_lists import Lists

SLICES = paging({"style": "offset", "default": 4, "most": 6})
LENIENT = paging({"style": "offset", "default": 4, "most": 6, "errors": "correct"})
NUMBERS = paging({"style": "pages", "default": 4, "most": 6, "whole": "only"})
CURSORS = paging({"style": "cursor", "default": 4, "most": 6})
LARGEST = 2**53 - 1

Words = Mapping[str, Any]


@pytest.fixture(params=["memory", "file"])
def lists(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lists]:
    """Twenty tasks and more. QUERY_SEED=N does the same again."""
    number = int(os.environ.get("QUERY_SEED") or random.randrange(2**32))
    print(f"QUERY_SEED={number}")
    store = Store("memory" if request.param == "memory" else str(tmp_path / "state.db"))
    lists = Lists(store, random.Random(number), tasks=25)
    lists.stir(10)
    yield lists
    store.close()


def read(style: Paging, query: str, order: list[str] | None = None) -> Page:
    return style.read(parse_qs(query, keep_blank_values=True), order or ["id"])


def get(
    style: Paging, lists: Lists, query: str = "", *, order: list[str] | None = None, where: Expression | None = None
) -> tuple[list[Any], Words]:
    order = order or ["due", "-title", "id"]
    request = Request("GET", "/toy/täsks", query.encode(), [(b"host", b"mock:4010")], {}, b"")
    page = read(style, query, order)
    return style.fetch(Call(lists.world, request, "me"), "tasks", where or All(), order, page)


def keys(records: list[Any]) -> list[str]:
    return [record["id"] for record in records]


# Slices


@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [
        ("", 4, 0),
        ("limit=6&offset=3", 6, 3),
        ("limit=1&limit=2", 2, 0),
        ("limit=005&offset=-0", 5, 0),
        ("offset=" + "9" * 5000, 4, LARGEST),
    ],
)
def test_slices__take_a_length_and_a_start(query: str, limit: int, offset: int) -> None:
    page = read(SLICES, query)
    assert (page.limit, page.offset) == (limit, offset)


@pytest.mark.parametrize("value", ["0", "7", "-1", "abc", "1.0", "1e1", "", "%20", "%2B5", "٣", "5%0A", "9" * 5000])
def test_slices__refuse_a_wrong_length(value: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(SLICES, f"limit={value}")
    assert caught.value.situation == "paging_malformed"
    assert caught.value.values["fields"] == {"limit": "must be a whole number from 1 to 6"}


@pytest.mark.parametrize("value", ["-1", "abc", "", "1.5"])
def test_slices__refuse_a_wrong_start(value: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(SLICES, f"offset={value}")
    assert caught.value.values["fields"] == {"offset": "must be a whole number from 0 on"}


def test_slices__tell_all_that_is_wrong_and_name_the_first() -> None:
    with pytest.raises(Refusal) as caught:
        read(SLICES, "offset=x&limit=x")
    assert (caught.value.values["field"], caught.value.values["more"]) == ("limit", 1)


@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [("limit=0", 4, 0), ("limit=99&offset=-2", 6, 0), ("limit=x&offset=x", 4, 0), ("limit=2&offset=1", 2, 1)],
)
def test_slices__that_correct_refuse_nothing(query: str, limit: int, offset: int) -> None:
    page = read(LENIENT, query)
    assert (page.limit, page.offset) == (limit, offset)


def test_slices__are_what_the_list_has_there_at_that_moment(lists: Lists) -> None:
    for offset in (0, 4, 8, 3, 1000, LARGEST, 0):
        rows = lists.expected(All(), ["due", "-title", "id"])
        found, words = get(SLICES, lists, f"offset={offset}&limit=5")
        assert found == rows[offset : offset + 5]
        assert words == {"total": len(rows), "limit": 5, "offset": offset}
        lists.stir(5)


def test_slices__of_a_list_that_is_counted_anyway(lists: Lists) -> None:
    where = Condition("status", "eq", "New")
    _, words = get(SLICES, lists, "limit=1", where=where)
    assert words["total"] == len(lists.expected(where, ["id"])) == lists.world.tally("tasks", status="New")


# Numbered pages


@pytest.mark.parametrize(
    ("query", "limit", "offset", "size", "number"),
    [
        ("", 4, 0, 4, 1),
        ("page=3&per_page=5", 5, 10, 5, 3),
        ("per_page=0", 4, 0, 4, 1),
        ("per_page=x&page=2", 4, 4, 4, 2),
        ("per_page=99", 6, 0, 6, 1),
        ("page=0", 4, 0, 4, 0),
        ("page=-3", 4, 0, 4, -3),
        ("page=two", 4, 0, 4, 0),
        ("page=5x", 4, 0, 4, 0),
        ("page=" + "9" * 30, 4, LARGEST, 4, LARGEST),
        ("limit=3&offset=2&page=7", 3, 2, 4, 7),
        ("limit=99&offset=-2", 6, 0, 4, 1),
        ("limit=x&offset=x", 1, 0, 4, 1),
        ("limit=3", 4, 0, 4, 1),
        ("offset=3", 4, 0, 4, 1),
        ("only=1,2&page=2", None, 0, 4, 2),
        ("only=&page=2", 4, 4, 4, 2),
    ],
)
def test_numbers__correct_whatever_they_are_given(
    query: str, limit: int | None, offset: int, size: int, number: int
) -> None:
    page = read(NUMBERS, query)
    assert (page.limit, page.offset, page.size, page.number) == (limit, offset, size, number)


def test_numbers__tell_how_many_records_and_pages_there_are(lists: Lists) -> None:
    rows = lists.expected(All(), ["due", "-title", "id"])
    found, words = get(NUMBERS, lists, "page=2&per_page=5")
    assert found == rows[5:10]
    assert words == {"count": len(rows), "page_count": -(-len(rows) // 5), "page_number": 2, "page_size": 5}


def test_numbers__past_the_end_keep_their_counts(lists: Lists) -> None:
    found, words = get(NUMBERS, lists, "page=99")
    assert found == []
    assert (words["count"], words["page_number"]) == (len(lists.live["tasks"]), 99)


def test_numbers__of_nothing_are_zero(lists: Lists) -> None:
    found, words = get(NUMBERS, lists, "page=3", where=Condition("status", "eq", "none such"))
    assert (found, words) == ([], {"count": 0, "page_count": 0, "page_number": 0, "page_size": 4})


def test_numbers__of_the_whole_list_do_not_cut_it(lists: Lists) -> None:
    found, words = get(NUMBERS, lists, "only=x")
    assert len(found) == words["count"] == len(lists.live["tasks"])


def test_numbers__together_hold_each_record_once_in_order(lists: Lists) -> None:
    count = get(NUMBERS, lists)[1]["page_count"]
    pages = [get(NUMBERS, lists, f"page={number + 1}")[0] for number in range(count)]
    assert [*chain(*pages)] == lists.expected(All(), ["due", "-title", "id"])


# Cursors


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("", 4),
        ("page[size]=3", 3),
        ("page%5Bsize%5D=3", 3),
        ("page[size]=7", 6),
        ("page[size]=0", 4),
        ("page[size]=-1", 4),
        ("page[size]=x", 4),
        ("page[size]=", 4),
        ("page[size]=2.0", 4),
        ("page[size]=%2B3", 4),
        ("page[size]=3&page[size]=x", 4),
    ],
)
def test_cursors__correct_the_size(query: str, size: int) -> None:
    assert read(CURSORS, query).size == size


def cursor_of(value: Any) -> str:
    return urlsafe_b64encode(value if isinstance(value, bytes) else orjson.dumps(value)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "string",
        "é",
        "!!!!",
        "a",
        cursor_of(b"{"),
        cursor_of(b"\xff"),
        cursor_of([1]),
        cursor_of("id"),
        cursor_of(None),
        cursor_of({"due": "x"}),
        cursor_of({"due": None, "id": ["x"]}),
        cursor_of({"due": None, "id": None}),
        cursor_of(b"[" * 5000),
    ],
)
def test_cursors__that_cannot_be_read_give_the_first_page(lists: Lists, cursor: str) -> None:
    query = urlencode({"page[cursor]": cursor})
    assert get(CURSORS, lists, query, order=["due", "id"]) == get(CURSORS, lists, "", order=["due", "id"])


@pytest.mark.parametrize("order", [["id"], ["-due", "id"], ["title", "id"], ["due", "title", "id"], ["due", "-id"]])
def test_cursors__of_another_order_are_refused(lists: Lists, order: list[str]) -> None:
    _, words = get(CURSORS, lists, order=["due", "id"])
    with pytest.raises(Refusal) as caught:
        read(CURSORS, urlencode({"page[cursor]": words["next_cursor"]}), order)
    assert caught.value.situation == "cursor_foreign"


def test_cursors__hold_the_sort_values_and_the_id_of_a_row(lists: Lists) -> None:
    found, words = get(CURSORS, lists, order=["-due", "id"])
    cursor = words["next_cursor"]
    assert orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))) == {
        "-due": found[-1].get("due"),
        "id": found[-1]["id"],
        "_pointsToNextItems": True,
    }


@pytest.mark.parametrize(
    "held",
    [
        {"title": 5, "id": 5},
        {"title": True, "id": 10**18},
        {"title": "\U0010ffff", "id": "x"},
        {"title": None, "id": "", "_pointsToNextItems": "x"},
        {"title": -1e308, "id": False, "_pointsToNextItems": False},
    ],
)
def test_cursors__with_values_of_any_type_stand_somewhere(lists: Lists, held: dict[str, Any]) -> None:
    found, _ = get(CURSORS, lists, urlencode({"page[cursor]": cursor_of(held)}), order=["title", "id"])
    rows = lists.expected(All(), ["title", "id"])
    place = rows.index(found[0]) if found else 0
    assert found == rows[place : place + len(found)]


def follow(lists: Lists, words: Words, name: str, order: list[str]) -> tuple[list[Any], Words]:
    return get(CURSORS, lists, urlencode({"page[cursor]": words[name], "page[size]": "3"}), order=order)


ORDERS = [["id"], ["-id"], ["due", "id"], ["-due", "title", "id"], ["status", "-due", "-number", "id"], ["id", "title"]]


@pytest.fixture(params=["small", "large"])
def any_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without the indexes that large collections get."""
    if request.param == "large":
        monkeypatch.setattr("mockserver.engine.indexes.LARGE", 5)


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_cursors__walk_forth_and_back_over_each_record_once(any_size: None, lists: Lists, order: list[str]) -> None:
    rows = lists.expected(All(), order)
    page, words = get(CURSORS, lists, "page[size]=3", order=order)
    assert (words["prev_cursor"], words["prev_cursor_url"]) == (None, None)
    pages = [page]
    while words["next_cursor"]:
        page, words = follow(lists, words, "next_cursor", order)
        pages.append(page)
    assert [*chain(*pages)] == rows
    assert [len(page) for page in pages[:-1]] == [3] * (len(pages) - 1)
    for expected in reversed(pages[:-1]):
        page, words = follow(lists, words, "prev_cursor", order)
        assert page == expected
        assert words["next_cursor"] is not None
    assert words["prev_cursor"] is None


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_cursors__lose_and_repeat_nothing_while_records_come_and_go(
    any_size: None, lists: Lists, order: list[str]
) -> None:
    untouched = set(lists.live["tasks"])
    page, words = get(CURSORS, lists, "page[size]=3", order=order)
    seen = keys(page)
    while words["next_cursor"]:
        gone = {lists.chance.choice([*seen[-1:], *untouched]) for _ in range(2)} & lists.live["tasks"].keys()
        for key in gone:
            lists.trash("tasks", key)
        lists.insert()
        untouched -= gone
        page, words = follow(lists, words, "next_cursor", order)
        seen += keys(page)
    assert len(seen) == len(set(seen))
    assert untouched <= set(seen)
    kept = [key for key in keys(lists.expected(All(), order)) if key in untouched]
    assert [key for key in seen if key in untouched] == kept


def test_cursors__end_with_the_last_full_page(lists: Lists) -> None:
    where = Condition("id", "in", tuple(list(lists.live["tasks"])[:6]))
    found, words = get(CURSORS, lists, "page[size]=6", where=where)
    assert len(found) == 6
    assert [words[name] for name in words if "_cursor" in name] == [None] * 4


def test_cursors__of_nothing_are_null(lists: Lists) -> None:
    found, words = get(CURSORS, lists, where=Condition("status", "eq", "none such"))
    assert (found, words["size"]) == ([], 4)
    assert [words[name] for name in words if "_cursor" in name] == [None] * 4


def test_cursors__do_not_point_back_where_all_before_is_gone(lists: Lists) -> None:
    first, words = get(CURSORS, lists, "page[size]=3", order=["id"])
    for key in keys(first):
        lists.trash("tasks", key)
    _, words = follow(lists, words, "next_cursor", ["id"])
    assert words["prev_cursor"] is None


def test_cursors__have_urls_that_repeat_the_query(lists: Lists) -> None:
    query = "sort=due&filter[0][field]=title&x=%C3%A4+b&page[cursor]=old&page%5Bcursor%5D=&page[size]=2&&empty="
    _, words = get(CURSORS, lists, query, order=["due", "id"])
    assert words["path"] == "http://mock:4010/toy/t%C3%A4sks"
    assert words["next_cursor_url"] == (
        "http://mock:4010/toy/t%C3%A4sks?sort=due&filter[0][field]=title&x=%C3%A4+b&page[size]=2&empty="
        f"&page%5Bcursor%5D={words['next_cursor']}"
    )
    again = urlsplit(words["next_cursor_url"]).query
    assert get(CURSORS, lists, again, order=["due", "id"])[0] == lists.expected(All(), ["due", "id"])[2:4]
