"""Defects of paging by numbers and slices, and of lists that should come whole."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Request, Response
from mockserver.planted.words import (
    Record,
    answer_of,
    argument,
    each_list,
    is_success,
    played,
    with_answer,
    with_argument,
)
from mockserver.vendor import Operation, Vendor

_START = {"offset": ("offset", 0), "pages": ("page", 1)}  # style: the parameter that says where, and its default
_SIZE = {"offset": "limit", "pages": "per_page"}
_TOTAL = {"offset": "total", "pages": "count"}  # what an envelope calls the number of all records
_CUT = 3  # records of a list that should come whole


def defects(vendor: Vendor) -> Iterator[Defect]:
    for style in _START:
        found = [one for one in played(vendor, "list") if one.table.get("paging", {}).get("style") == style]
        if found:
            yield from _numbered(style, found)
    whole = [one for one in played(vendor, "list") if "paging" not in one.table]
    if whole:
        yield from _whole(whole)


def _numbered(style: str, found: list[Operation]) -> Iterator[Defect]:
    operations = tuple(one.id for one in found)
    paging: Mapping[str, Any] = found[0].table["paging"]
    where, first = paging.get(_START[style][0], _START[style][0]), _START[style][1]
    size, total = paging.get(_SIZE[style], _SIZE[style]), _TOTAL[style]
    rows: list[tuple[str, str, Around]] = [
        ("page-lacks-its-last-record", "The last record of a full page is left out.", each_list(_without_last)),
        (
            "every-page-is-the-first",
            f"`{where}` is not looked at: every page is the first.",
            _asking(lambda request: with_argument(request, where, None)),
        ),
        (
            "page-size-is-ignored",
            f"`{size}` is not looked at: every page is as long as one that is not asked for a length.",
            _asking(lambda request: with_argument(request, size, None)),
        ),
        (
            "pages-overlap",
            "A page begins with the last record of the page before.",
            _asking(lambda request: _moved(request, where, size, first, -1)),
        ),
        (
            "pages-leave-a-gap",
            "The record between two pages is on neither of them.",
            _asking(lambda request: _moved(request, where, size, first, 1)),
        ),
        ("total-is-that-of-the-page", f"`{total}` tells how many records the page has.", _counting(total, _of_page)),
        ("total-is-one-too-many", f"`{total}` is one more than there are.", _counting(total, lambda _, told: told + 1)),
        ("most-of-a-page-is-one-less", "The longest page that can be asked for lacks a record.", _shorter(size)),
    ]
    if style == "pages":
        rows.append(("page-count-is-rounded-down", "`page_count` leaves out the last page that is not full.", _floor))
        rows.append(("page-number-is-always-1", "`page_number` is 1 on every page.", _words(page_number=1)))
    else:
        rows.append(("meta-repeats-no-offset", "The offset that an answer repeats is always 0.", _words(offset=0)))
    for name, what, around in rows:
        yield Defect(name, "paging", what, operations, around)


def _asking(change: Callable[[Request], Request]) -> Around:
    return lambda passage: passage.proceed(change(passage.request))


def _without_last(passage: Passage, records: list[Record]) -> list[Record]:
    default = passage.operation.table["paging"]["default"] if passage.operation is not None else 0
    size = next((argument(passage.request, name) for name in _SIZE.values() if argument(passage.request, name)), None)
    asked = int(size) if size is not None and size.isdigit() else default
    return records[:-1] if len(records) > 1 and len(records) >= asked else records


def _moved(request: Request, where: str, size: str, first: int, by: int) -> Request:
    """The request for a page that begins some records further on than the one that is asked for; the first stays."""
    given, length = argument(request, where), argument(request, size)
    if given is None or not given.isdigit() or int(given) <= first:
        return request
    if first == 0:
        return with_argument(request, where, str(int(given) + by))
    if length is None or not length.isdigit() or not int(length):
        return request
    slices = {"limit": length, "offset": str((int(given) - 1) * int(length) + by)}
    for name, value in slices.items():
        request = with_argument(request, name, value)
    return request


def _of_page(records: int, _: int) -> int:
    return records


def _counting(word: str, change: Callable[[int, int], int]) -> Around:
    """What is told of the number of all records, from that of the page and what is right."""

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        answer = answer_of(response)
        if not is_success(response) or not isinstance(answer, dict):
            return response
        shown = next((len(part) for part in answer.values() if isinstance(part, list)), 0)
        return with_answer(response, _replaced(answer, word, lambda told: change(shown, told)))

    return around


def _replaced(answer: Mapping[str, Any], word: str, change: Callable[[int], int]) -> dict[str, Any]:
    """An envelope with another value of a word, at its top and in the objects right below."""
    found = {**answer}
    for key, part in answer.items():
        if key == word and isinstance(part, int):
            found[key] = change(part)
        elif isinstance(part, Mapping) and isinstance(part.get(word), int):
            found[key] = {**part, word: change(part[word])}
    return found


def _words(**words: int) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        answer = answer_of(response)
        if not is_success(response) or not isinstance(answer, dict):
            return response
        for word, value in words.items():
            answer = _replaced(answer, word, lambda _, value=value: value)  # type: ignore[misc]
        return with_answer(response, answer)

    return around


def _floor(passage: Passage) -> Response:
    response = passage.proceed()
    answer = answer_of(response)
    if not is_success(response) or not isinstance(answer, dict) or "meta" not in answer:
        return response
    told = answer["meta"]
    return with_answer(response, {**answer, "meta": {**told, "page_count": told["count"] // told["page_size"]}})


def _shorter(size: str) -> Around:
    """The longest page that the documents know has one record less."""

    def around(passage: Passage) -> Response:
        most = passage.operation.table["paging"]["most"] if passage.operation is not None else 0
        if argument(passage.request, size) != str(most):
            return passage.proceed()
        return passage.proceed(with_argument(passage.request, size, str(most - 1)))

    return around


# Lists that come whole


def _whole(found: list[Operation]) -> Iterator[Defect]:
    operations = tuple(one.id for one in found)
    rows: list[tuple[str, str, Around]] = [
        (
            f"lists-end-after-{_CUT}",
            f"A list ends after {_CUT} records, though it has no pages by the documents.",
            each_list(lambda _, records: records[:_CUT]),
        ),
        ("lists-lack-their-last-record", "The last record of a list is left out.", each_list(lambda _, all: all[:-1])),
        (
            "lists-repeat-a-record",
            "A list of more than one record has its first one again at its end.",
            each_list(lambda _, records: [*records, records[0]] if len(records) > 1 else records),
        ),
    ]
    for name, what, around in rows:
        yield Defect(name, "paging", what, operations, around)
