"""Pages by limit and offset, and pages by their numbers: what each aspect of the law on pages asks of them."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from contracts.findings import Broken
from contracts.laws.aspects import Case
from contracts.laws.paged import MAY_REFUSE, NO_NUMBERS, Page, Paged, expect, few, make, put_right, sizes_of

# limit and offset


def slices(paged: Paged) -> dict[str, Case]:
    return {
        "offset_optional": partial(_offset_optional, paged),
        "offset_below": partial(_offset_bad, paged, (-1, -100)),
        "offset_no_number": partial(_offset_bad, paged, NO_NUMBERS),
        "slice": partial(_slice, paged),
        "beyond": partial(_beyond, paged),
        "total": partial(_total, paged),
        "changes": partial(_slices_change, paged),
    }


def _offset_optional(paged: Paged) -> None:
    expect(paged.ask(), paged.whole[: paged.default])
    expect(paged.ask(offset=0), paged.whole[: paged.default])
    expect(paged.ask(offset=1), paged.whole[1 : paged.default + 1])


def _offset_bad(paged: Paged, values: Iterable[Any]) -> None:
    for value in values:
        put_right(paged, "offset", value, {"offset": 0}, paged.whole[: paged.default])


def _slice(paged: Paged) -> None:
    for size, offset in ((1, 0), (1, 1), (2, 1), (3, 2), (5, len(paged.whole) - 2), (paged.most, 1)):
        if offset >= 0:
            expect(paged.ask(size=size, offset=offset), paged.whole[offset : offset + size])


def _beyond(paged: Paged) -> None:
    total = len(paged.whole)
    for offset in (total, total + 1, 10**9, 10**25):
        if not paged.tenant.is_mock and paged.send({paged.name("offset"): offset}).status in MAY_REFUSE:
            continue
        page = paged.ask(offset=offset)
        _expect_total(paged, page)
        expect(page, [])


def _total(paged: Paged) -> None:
    asked: list[dict[str, Any]] = [{"size": 1}, {"size": 2, "offset": 1}, {}]
    for words in asked:
        _expect_total(paged, paged.ask(**words))
    if paged.bench.is_ours(paged.lister.table["resource"]) and paged.tenant.is_mock:
        before = paged.ask(size=1).whole("total")
        make(paged)
        paged.ask(size=1).expect("total", before + 1)


def _expect_total(paged: Paged, page: Page) -> None:
    """As many as the list shows; a tenant may count some that it does not show."""
    shown = len(paged.whole)
    if paged.tenant.is_mock or page.whole("total") < shown:
        page.expect("total", shown)


def _slices_change(paged: Paged) -> None:
    """After a record came, each page is the slice of the list as it is now."""
    paged.grow(5)
    for offset in (0, 2, 4):
        make(paged)
        now = paged.keys()
        expect(paged.ask(size=2, offset=offset), now[offset : offset + 2])


# Numbered pages


def numbers(paged: Paged) -> dict[str, Case]:
    return {
        "count": partial(_count, paged),
        "page_count": partial(_page_count, paged),
        "page_number": partial(_page_number, paged),
        "page_default": partial(_page_default, paged),
        "page_below": partial(_page_below, paged),
        "past_end": partial(_past_end, paged),
        "nth": partial(_nth, paged),
        "stops": partial(_stops, paged),
        "changes": partial(_numbers_change, paged),
    }


def _count(paged: Paged) -> None:
    asked: list[dict[str, Any]] = [{}, {"size": 2}, {"size": 3, "page": 2}]
    for words in asked:
        page = paged.ask(**words)
        page.expect("count", len(paged.whole))
        page.expect("total", len(paged.whole))


def _page_count(paged: Paged) -> None:
    for size in sizes_of(paged):
        paged.ask(size=size).expect("page_count", -(-len(paged.whole) // size))


def _page_number(paged: Paged) -> None:
    paged.ask().expect("page_number", 1)
    for number in (1, 2, 3):
        paged.ask(size=2, page=number).expect("page_number", number)


def _page_default(paged: Paged) -> None:
    expect(paged.ask(size=2), paged.whole[:2])
    expect(paged.ask(size=2, page=1), paged.whole[:2])


def _page_below(paged: Paged) -> None:
    for page in (0, -3, "x", ""):
        put_right(paged, "page", page, {"count": len(paged.whole)}, paged.whole[: paged.default])


def _past_end(paged: Paged) -> None:
    pages = paged.ask(size=3).whole("page_count")
    for number in (pages + 1, pages + 100, 10**25):
        if not paged.tenant.is_mock and paged.send({paged.name("page"): number}).status in MAY_REFUSE:
            continue
        page = paged.ask(size=3, page=number)
        expect(page, [])
        page.expect("count", len(paged.whole))
        page.expect("page_count", pages)


def _nth(paged: Paged) -> None:
    paged.grow(7)
    for size in (2, 3):
        for number in (1, 2, 3):
            expect(paged.ask(size=size, page=number), paged.whole[(number - 1) * size : number * size])


def _stops(paged: Paged) -> None:
    """Until the last number, until so many were seen, until a page is short: each client sees the same."""
    paged.grow(7)
    for size in (3, 4):
        seen: list[str] = []
        number, is_short = 0, False
        while not is_short and number < _ENOUGH:
            number += 1
            page = paged.ask(size=size, page=number)
            seen += page.keys
            is_short = len(page.items) < size
            if len(seen) >= page.whole("count") and number < page.whole("page_count"):
                raise Broken(f"{page.what}: all {len(seen)} records were seen before the last page", page.answer)
        if seen != paged.whole:
            raise Broken(f"{paged}: pages of {size} until one is short show {few(seen)}, not {few(paged.whole)}")


_ENOUGH = 400


def _numbers_change(paged: Paged) -> None:
    """After a record came or went, each page is that part of the list as it is now."""
    paged.grow(5)
    for number in (1, 2):
        made = make(paged)
        now = paged.keys()
        expect(paged.ask(size=2, page=number), now[2 * number - 2 : 2 * number])
        paged.tenant.remove(paged.lister.table["resource"], made)
        now.remove(made)
        expect(paged.ask(size=2, page=number), now[2 * number - 2 : 2 * number])
