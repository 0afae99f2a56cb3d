"""Pages by opaque cursors: what each aspect of the law on pages asks of them."""

import base64
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from contracts.findings import Broken, NotJudged
from contracts.laws.aspects import Case
from contracts.laws.paged import MAY_REFUSE, Paged, compare, expect, make, probe_of
from contracts.laws.terms import brief, refusal, refused, short
from contracts.tenant import Answer


def cursors(paged: Paged) -> dict[str, Case]:
    return {
        "cursor": partial(_cursor, paged),
        "undecodable": partial(_undecodable, paged),
        "foreign": partial(_foreign, paged),
        "brackets": partial(_brackets, paged),
        "ends": partial(_ends, paged),
        "begins": partial(_begins, paged),
        "pairs": partial(_pairs, paged),
        "urls_repeat": partial(_urls_repeat, paged),
        "urls_work": partial(_urls_work, paged),
        "sorted_walk": partial(_sorted_walk, paged),
        "back": partial(_back, paged),
        "changes": partial(_cursors_change, paged),
        "full_last": partial(_full_last, paged),
        "nothing": partial(_nothing, paged),
    }


def _cursor(paged: Paged) -> None:
    paged.grow(5)
    first = paged.ask(size=2)
    cursor = first.told("next_cursor")
    if not isinstance(cursor, str) or not cursor:
        raise Broken(f"{first.what}: expected a text as the next cursor, got {short(cursor)}", first.answer)
    expect(paged.ask(size=2, cursor=cursor), paged.whole[2:4])


def _undecodable(paged: Paged) -> None:
    number = base64.urlsafe_b64encode(b"[1, 2]").decode()
    for cursor in ("string", "%%%", "=", "ä", number, base64.urlsafe_b64encode(b"{}").decode(), "null", "a" * 2000):
        if not paged.tenant.is_mock and paged.send({paged.name("cursor"): cursor}).status in MAY_REFUSE:
            continue
        expect(paged.ask(size=2, cursor=cursor), paged.whole[:2])


def _foreign(paged: Paged) -> None:
    """A cursor made under one order says nothing under another."""
    if not paged.tenant.is_mock:
        raise NotJudged("is not sent to a tenant, which may fail over it")
    sort, fields = _sort(paged)
    expected = refusal(paged.tenant.vendor, "cursor_foreign")
    for one, other in ((fields[0], fields[1]), (fields[0], f"-{fields[0]}"), ("", fields[0]), (fields[1], "")):
        cursor = paged.ask({sort: one}, size=2).told("next_cursor")
        answer = paged.send({sort: other, paged.name("cursor"): cursor})
        refused(paged.tenant, answer, expected, f"{paged} with a cursor of {sort}={one} under {sort}={other}")


def _sort(paged: Paged) -> tuple[str, list[str]]:
    table = paged.lister.table.get("sort")
    if not table:
        raise NotJudged(f"{paged.lister.id} has no sort")
    return table["parameter"], list(table["fields"])


def _brackets(paged: Paged) -> None:
    for name in (paged.name("size"), paged.name("size").replace("[", "%5B").replace("]", "%5D")):
        answer = paged.tenant.send("GET", f"{paged.address}?{name}=2")
        page = paged.page(f"{paged} with {name}=2", answer)
        page.expect("size", 2)
        expect(page, paged.whole[:2])


def _ends(paged: Paged) -> None:
    for size in (2, paged.most):
        last = paged.walk(size)[-1]
        for word in ("next_cursor", "next_cursor_url"):
            last.expect(word, None)


def _begins(paged: Paged) -> None:
    for size in (2, paged.most):
        first = paged.ask(size=size)
        for word in ("prev_cursor", "prev_cursor_url"):
            first.expect(word, None)


def _pairs(paged: Paged) -> None:
    for page in paged.walk(3):
        for side in ("next", "prev"):
            cursor, url = page.told(f"{side}_cursor"), page.told(f"{side}_cursor_url")
            if (cursor is None) != (url is None):
                raise Broken(f"{page.what}: {side} cursor is {short(cursor)}, but its URL {short(url)}", page.answer)


def _urls_repeat(paged: Paged) -> None:
    """All that was asked for stands in the URLs of the next and of the previous page."""
    sort, fields = _sort(paged)
    query = {sort: f"-{fields[0]}", paged.name("size"): 2, "colour": "blue & green", **_extras(paged)}
    page = paged.ask(query)
    second = paged.ask({**query, paged.name("cursor"): page.told("next_cursor")})
    for found, side in ((page, "next"), (second, "next"), (second, "prev")):
        url = found.told(f"{side}_cursor_url")
        if url is None:
            continue
        given = dict(parse_qsl(urlsplit(str(url)).query, keep_blank_values=True))
        for name, value in query.items():
            if given.get(name) != str(value):
                what = f"{found.what}: expected {name}={value} in the URL of the {side} page, got {short(url)}"
                raise Broken(what, found.answer)


def _extras(paged: Paged) -> dict[str, Any]:
    include: Mapping[str, Any] | None = paged.lister.table.get("include")
    probe = dict(paged.lister.table.get("probes", {}).get("some", {}))
    return {**probe, **({include["parameter"]: include["names"][0]} if include else {})}


def _urls_work(paged: Paged) -> None:
    """The URL of the next page is the base of the list with that cursor, and leads to what the cursor leads to."""
    page = paged.ask(size=2)
    for _ in range(2):
        cursor, url = page.told("next_cursor"), str(page.told("next_cursor_url"))
        given = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        if given.get(paged.name("cursor")) != cursor:
            raise Broken(f"{page.what}: expected the cursor {short(cursor)} in {short(url)}", page.answer)
        if not urlsplit(url).path.endswith(paged.address):
            raise Broken(f"{page.what}: expected a URL of {paged.address}, got {short(url)}", page.answer)
        answer: Answer = paged.tenant.send("GET", f"{paged.address}?{urlsplit(url).query}")
        followed, asked = paged.page(f"GET {url}", answer), paged.ask(size=2, cursor=cursor)
        expect(followed, asked.keys)
        page = asked


def _sorted_walk(paged: Paged) -> None:
    sort, fields = _sort(paged)
    for key in [*fields, *(f"-{field}" for field in fields), f"{fields[2]},-{fields[0]}"]:
        paged.steadily(partial(_walk_sorted, paged, sort, key))


def _walk_sorted(paged: Paged, sort: str, key: str) -> None:
    whole = paged.keys(query={sort: key})
    if sorted(whole) != sorted(paged.whole):
        raise Broken(f"{paged} with {sort}={key}: shows {len(whole)} records, without a sort {len(paged.whole)}")
    compare(paged, paged.walk(4, {sort: key}), whole)


def _back(paged: Paged) -> None:
    paged.grow(7)
    found = paged.walk(2)[:4]
    for before, page in pairwise(found):
        expect(paged.ask(size=2, cursor=page.told("prev_cursor")), before.keys)


def _cursors_change(paged: Paged) -> None:
    """Records that come and go between two pages neither hide nor repeat any other, the row of the cursor included."""
    resource = paged.lister.table["resource"]
    sort, fields = _sort(paged)
    made = [make(paged) for _ in range(6)]
    for key in (fields[0], f"-{fields[0]}", ""):
        before = paged.keys(query={sort: key})
        seen: list[str] = []
        gone: set[str] = set()
        page = paged.ask({sort: key}, size=3)
        while True:
            seen += page.keys
            cursor = page.told("next_cursor")
            if cursor is None:
                break
            if page.keys[-1] in made:
                paged.tenant.remove(resource, page.keys[-1])
                gone.add(page.keys[-1])
                made.remove(page.keys[-1])
                made.append(make(paged))
            page = paged.ask({sort: key}, size=3, cursor=cursor)
        stayed = [each for each in before if each not in gone]
        shown = [each for each in seen if each in stayed]
        if shown != stayed:
            lost = [each for each in stayed if each not in shown]
            told = f"{lost[0]} was lost" if lost else "some came twice, or in another order"
            raise Broken(f"{paged} with {sort}={key}, while records came and went: {told}", page.answer)


def _full_last(paged: Paged) -> None:
    count = len(paged.whole)
    sizes = [size for size in range(1, min(count, paged.most) + 1) if count % size == 0 and count // size <= _FEW]
    if not sizes:
        paged.grow(count + 1)
        return _full_last(paged)
    last = paged.walk(sizes[-1])[-1]
    if len(last.items) != sizes[-1]:
        raise Broken(f"{last.what}: expected a full page of {sizes[-1]}, got {len(last.items)}", last.answer)
    last.expect("next_cursor", None)


_FEW = 30


def _nothing(paged: Paged) -> None:
    page = paged.ask(probe_of(paged, "nothing"))
    if page.items:
        raise Broken(f"{page.what}: expected no record, got {brief(page.answer)}", page.answer)
    for word in ("next_cursor", "next_cursor_url", "prev_cursor", "prev_cursor_url"):
        page.expect(word, None)
