"""Defects of paging by cursors: cursors that lead nowhere, to the wrong place, or lose what was asked for."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Response
from mockserver.planted.words import (
    Record,
    answer_of,
    argument,
    each_list,
    is_success,
    played,
    query_of,
    with_answer,
    with_argument,
    with_query,
)
from mockserver.vendor import Vendor

Meta = dict[str, Any]

_AHEAD, _BACK = ("next_cursor", "next_cursor_url"), ("prev_cursor", "prev_cursor_url")


def defects(vendor: Vendor) -> Iterator[Defect]:
    found = [one for one in played(vendor, "list") if one.table.get("paging", {}).get("style") == "cursor"]
    if not found:
        return
    paging: Mapping[str, Any] = found[0].table["paging"]
    cursor, size = paging.get("cursor", "page[cursor]"), paging.get("size", "page[size]")
    rows: list[tuple[str, str, str, Around]] = [
        (
            "cursor-is-ignored",
            "cursor",
            "The cursor is not looked at: every page is the first.",
            lambda passage: passage.proceed(with_argument(passage.request, cursor, None)),
        ),
        (
            "cursor-never-ends",
            "cursor",
            "The last page has a next cursor, which leads to it again.",
            _endless(cursor),
        ),
        ("cursor-ends-early", "cursor", "There is never more than a second page.", _ending(cursor)),
        ("cursor-repeats-a-record", "cursor", "A page begins with the last record of the page before.", _repeating()),
        ("cursor-skips-a-record", "cursor", "The first record behind a cursor is left out.", _skipping(cursor)),
        ("no-way-back", "cursor", "No page has a cursor of the page before.", _without(_BACK)),
        ("way-back-leads-ahead", "cursor", "The cursor of the page before leads to the next page.", _turned),
        (
            "cursor-loses-the-rest-of-the-query",
            "cursor",
            "With a cursor nothing else that is asked for counts, but for the size.",
            _alone(cursor, size),
        ),
        (
            "page-lacks-its-last-record",
            "paging",
            "The last record of a full page is left out.",
            each_list(partial(_without_last, size)),
        ),
        (
            "page-size-is-ignored",
            "paging",
            "The size is not looked at: every page is as long as one that is not asked for a length.",
            lambda passage: passage.proceed(with_argument(passage.request, size, None)),
        ),
        ("page-holds-one-too-many", "paging", "A page has a record more than its size.", _one_more(size)),
    ]
    operations = tuple(one.id for one in found)
    for name, kind, what, around in rows:
        yield Defect(name, kind, what, operations, around)


def _meta(response: Response) -> Meta | None:
    answer = answer_of(response) if is_success(response) else None
    return answer["meta"] if isinstance(answer, dict) and isinstance(answer.get("meta"), dict) else None


def _with_meta(response: Response, **words: Any) -> Response:
    answer = answer_of(response)
    return with_answer(response, {**answer, "meta": {**answer["meta"], **words}})


def _changing(change: Callable[[Passage, Response, Meta], Response]) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        meta = _meta(response)
        return change(passage, response, meta) if meta is not None else response

    return around


def _without(names: tuple[str, ...]) -> Around:
    return _changing(lambda _, response, meta: _with_meta(response, **dict.fromkeys(names)))


def _endless(cursor: str) -> Around:
    """The last page behind a cursor names that cursor again."""

    def change(passage: Passage, response: Response, meta: Meta) -> Response:
        given = argument(passage.request, cursor)
        if meta.get("next_cursor") is not None or given is None:
            return response
        url = f"{meta.get('path')}?{quote(cursor, safe='')}={quote(given)}"
        return _with_meta(response, next_cursor=given, next_cursor_url=url)

    return _changing(change)


def _ending(cursor: str) -> Around:
    def change(passage: Passage, response: Response, meta: Meta) -> Response:
        is_first = argument(passage.request, cursor) is None
        return response if is_first else _with_meta(response, **dict.fromkeys(_AHEAD))

    return _changing(change)


def _repeating() -> Around:
    """What a cursor was made for is shown again: each page knows its last record."""

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        answer, meta = answer_of(response), _meta(response)
        if meta is None or not answer["data"]:
            return response
        records: list[Record] = answer["data"]
        before = next(
            (passage.memory[value] for _, value in query_of(passage.request) if value in passage.memory), None
        )
        if meta.get("next_cursor") is not None:
            passage.memory[meta["next_cursor"]] = records[-1]
        if before is None:
            return response
        return with_answer(response, {**answer, "data": [before, *records[: max(meta["per_page"] - 1, 0)]]})

    return around


def _skipping(cursor: str) -> Around:
    def change(passage: Passage, response: Response, meta: Meta) -> Response:
        answer = answer_of(response)
        if argument(passage.request, cursor) is None or len(answer["data"]) < 2:
            return response
        return with_answer(response, {**answer, "data": answer["data"][1:]})

    return _changing(change)


def _turned(passage: Passage) -> Response:
    response = passage.proceed()
    meta = _meta(response)
    if meta is None or meta.get("prev_cursor") is None or meta.get("next_cursor") is None:
        return response
    return _with_meta(response, prev_cursor=meta["next_cursor"], prev_cursor_url=meta["next_cursor_url"])


def _alone(cursor: str, size: str) -> Around:
    """The cursor of a list without conditions in its own order, from the same record on."""

    def around(passage: Passage) -> Response:
        if argument(passage.request, cursor) is None:
            return passage.proceed()
        found = passage.proceed(
            with_query(passage.request, [one for one in query_of(passage.request) if one[0] in (cursor, size)])
        )
        return found if is_success(found) else passage.proceed()

    return around


# Pages


def _without_last(size: str, passage: Passage, records: list[Record]) -> list[Record]:
    paging = passage.operation.table["paging"] if passage.operation is not None else {"default": 0, "most": 0}
    given = argument(passage.request, size) or ""
    length = min(int(given) if given.isdigit() and int(given) else paging["default"], paging["most"])
    return records[:-1] if len(records) >= max(length, 2) else records


def _one_more(size: str) -> Around:
    def around(passage: Passage) -> Response:
        given = argument(passage.request, size)
        if given is None or not given.isdigit() or not int(given):
            return passage.proceed()
        response = passage.proceed(with_argument(passage.request, size, str(int(given) + 1)))
        meta = _meta(response)
        return _with_meta(response, per_page=meta["per_page"] - 1) if meta is not None else response

    return around
