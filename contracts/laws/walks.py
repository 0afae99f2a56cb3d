"""How a list is cut into pages, in whatever style; the walk, which loses, repeats and reorders nothing."""

from functools import partial

from contracts.findings import Broken
from contracts.laws import aspects
from contracts.laws.paged import (
    NO_NUMBERS,
    SIZE_WORD,
    Paged,
    compare,
    expect,
    few,
    lists,
    probe_of,
    put_right,
    sizes_of,
)
from contracts.laws.walks_cursor import cursors
from contracts.laws.walks_numbered import numbers, slices
from contracts.tenant import Tenant
from mockserver.vendor import Rule


def page_walk(tenant: Tenant, rule: Rule) -> None:
    """Every list with pages, in the aspects that the rule is about."""
    for paged in lists(tenant, rule):
        common = {
            "default": partial(_default, paged),
            "optional": partial(_optional, paged),
            "most": partial(_most, paged),
            "least": partial(_least, paged),
            "above": partial(_above, paged),
            "below": partial(_below, paged),
            "no_number": partial(_no_number, paged),
            "holds": partial(_holds, paged),
            "echo": partial(_echo, paged),
            "walk": partial(_walk, paged),
            "narrowed": partial(_narrowed, paged),
        }
        if "whole" in paged.table:
            common["named"] = partial(_named, paged)
        own = {"offset": slices, "pages": numbers, "cursor": cursors}[paged.style](paged)
        cases = {name: partial(paged.steadily, case) for name, case in (common | own).items()}
        aspects.judge(tenant, "page-walk", rule, cases)


def _default(paged: Paged) -> None:
    """By what the envelope tells, also of a list that ends before; by the records where there are enough."""
    page = paged.ask()
    page.expect(SIZE_WORD[paged.style], paged.default)
    if len(paged.whole) <= paged.default and not paged.may_grow:
        expect(page, paged.whole)
        return
    paged.grow(paged.default + 1)
    expect(paged.ask(), paged.whole[: paged.default])


def _optional(paged: Paged) -> None:
    expect(paged.ask(size=2), paged.whole[:2])
    expect(paged.ask(), paged.whole[: paged.default])


def _most(paged: Paged) -> None:
    page = paged.ask(size=paged.most)
    page.expect(SIZE_WORD[paged.style], paged.most)
    expect(page, paged.whole[: paged.most])


def _least(paged: Paged) -> None:
    expect(paged.ask(size=1), paged.whole[:1])
    _below(paged)


def _above(paged: Paged) -> None:
    for size in (paged.most + 1, paged.most * 10, 10**12):
        put_right(paged, "size", size, {SIZE_WORD[paged.style]: paged.most}, paged.whole[: paged.most])


def _below(paged: Paged) -> None:
    for size in (0, -1):
        put_right(paged, "size", size, {SIZE_WORD[paged.style]: paged.default}, paged.whole[: paged.default])


def _no_number(paged: Paged) -> None:
    for size in NO_NUMBERS:
        put_right(paged, "size", size, {SIZE_WORD[paged.style]: paged.default}, paged.whole[: paged.default])


def _holds(paged: Paged) -> None:
    for size in sizes_of(paged):
        page = paged.ask(size=size)
        if len(page.items) > size:
            raise Broken(f"{page.what}: expected at most {size} records, got {len(page.items)}", page.answer)


def _echo(paged: Paged) -> None:
    for size in sizes_of(paged):
        page = paged.ask(size=size)
        page.expect(SIZE_WORD[paged.style], size)
        if paged.style == "offset":
            page.expect("offset", 0)
            paged.ask(size=size, offset=2).expect("offset", 2)


def _walk(paged: Paged) -> None:
    """Page by page everything is seen once, in the order of the whole."""
    paged.grow(5)
    for size in sizes_of(paged):
        if len(paged.whole) <= size * 40:
            paged.steadily(partial(_walk_by, paged, size))


def _walk_by(paged: Paged, size: int) -> None:
    compare(paged, paged.walk(size), paged.whole)


def _named(paged: Paged) -> None:
    """The parameter that names records by their keys shows those, all of them and no other."""
    paged.grow(3)
    parameter, keys = paged.table["whole"], paged.whole[:3]
    for asked in (keys[1:2], keys[:2], keys[::-1]):
        page = paged.ask({parameter: ",".join(asked)})
        if sorted(page.keys) != sorted(asked):
            raise Broken(f"{page.what}: expected the records {few(asked)}, got {few(page.keys)}", page.answer)


def _narrowed(paged: Paged) -> None:
    """Conditions and sort hold on every page: small pages show just what the longest show."""
    probe = probe_of(paged, "some")
    whole = paged.keys(query=probe)
    if not whole or len(whole) == len(paged.whole):
        raise Broken(f"{paged}: expected {probe} to fit some records and not all, got {len(whole)}")
    if [key for key in whole if key not in paged.whole]:
        raise Broken(f"{paged}: {probe} shows records that the whole list does not have")
    for size in (2, 3):
        compare(paged, paged.walk(size, probe), whole)
