"""Pages of a list, in the three styles that APIs have: slices, numbered pages, and opaque cursors.

A style reads the query of a request into a page, and tells what an envelope may say of the page that was found.
"""

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import quote, unquote_plus

import orjson

from mockserver.engine.bodies import faults
from mockserver.engine.call import Call
from mockserver.engine.errors import Refusal
from mockserver.engine.messages import Request
from mockserver.engine.query import Border, Expression
from mockserver.engine.store import Record
from mockserver.engine.world import World

Arguments = Mapping[str, Sequence[str]]
Order = Sequence[str]
Words = dict[str, Any]

_BEYOND = 2**53 - 1  # larger numbers count as this one: no list is so long, and every reader of JSON keeps it
_NUMBER = re.compile("-?[0-9]+")
_FORWARD = "_pointsToNextItems"
_PATH = "/:@!$&'()*+,;=~"  # what stands in a path as it is


class Page(NamedTuple):
    """What a request asks for: `limit` records from `offset` on or beside a border, all of them without a limit.

    `size` and `number` are what the answer says, which need not be what is cut out.
    """

    limit: int | None
    offset: int = 0
    border: Border | None = None
    is_counted: bool = True
    size: int = 0
    number: int = 1


class Found(NamedTuple):
    """The records of a page, and how many the whole list has; or, if it was not counted, whether it goes on."""

    records: list[Record]
    total: int = 0
    has_before: bool = False
    has_after: bool = False


class Style(Protocol):
    @property
    def parameters(self) -> frozenset[str]:
        """The parameters of the query that it reads."""

    def read(self, args: Arguments, order: Order) -> Page:
        """The page that a query, values by name, asks for. Raises Refusal."""

    def answer(self, page: Page, found: Found, order: Order, request: Request) -> Words:
        """What the placeholders of an envelope stand for."""


@dataclass(frozen=True)
class Paging:
    """How an operation cuts its list into pages."""

    style: Style

    @property
    def parameters(self) -> frozenset[str]:
        return self.style.parameters

    def read(self, args: Arguments, order: Order) -> Page:
        return self.style.read(args, order)

    def fetch(
        self, call: Call, resource: str, where: Expression, order: Order, page: Page
    ) -> tuple[list[Record], Words]:
        """The records of a page, and what the envelope may say of it."""
        found = fetch(call.world, resource, where, order, page)
        return found.records, self.style.answer(page, found, order, call.request)


def paging(table: Mapping[str, Any]) -> Paging:
    """What a `paging` table of behaviour.yaml describes; `aliases` are for whoever judges a tenant."""
    options = {word: value for word, value in table.items() if word not in ("style", "aliases")}
    return Paging(_STYLES[table["style"]](**options))


def fetch(world: World, resource: str, where: Expression, order: Order, page: Page) -> Found:
    """What a world has on a page."""
    if not page.is_counted:
        return _fetch_beside(world, resource, where, order, page)
    records = world.search(resource, where, order, limit=page.limit, offset=page.offset)
    if (page.limit is None or len(records) < page.limit) and (records or not page.offset):
        return Found(records, page.offset + len(records))
    return Found(records, world.count(resource, where))


def _fetch_beside(world: World, resource: str, where: Expression, order: Order, page: Page) -> Found:
    border, limit = page.border, page.limit
    assert limit is not None, "pages beside a border have a limit"
    if border is None:
        records = world.search(resource, where, order, limit=limit + 1)
        return Found(records[:limit], has_after=len(records) > limit)
    records = world.search(resource, where, order, limit=limit + 2, border=border._replace(inclusive=True))
    # As long as the row that the border was made of is there, some row stands on its side.
    is_followed = bool(records) and _values(records[0], order) == list(border.values)
    records = records[1:] if is_followed else records
    goes_on = len(records) > limit
    records = records[:limit]
    if not records:
        return Found(records)
    if not is_followed:
        back = Border(_values(records[0], order), not border.backwards)
        is_followed = bool(world.search(resource, where, order, limit=1, border=back))
    if border.backwards:
        records.reverse()
    before, after = (goes_on, is_followed) if border.backwards else (is_followed, goes_on)
    return Found(records, has_before=before, has_after=after)


def _values(record: Record, order: Order) -> list[Any]:
    return [record.get(key.removeprefix("-")) for key in order]


@dataclass(frozen=True)
class Slices:
    """`limit` and `offset`; what is no such number is refused as `paging_malformed`, or put right.

    Words: `total`, `limit`, `offset`.
    """

    default: int
    most: int
    errors: Literal["reject", "correct"] = "reject"
    limit: str = "limit"
    offset: str = "offset"

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset((self.limit, self.offset))

    def read(self, args: Arguments, order: Order) -> Page:
        limit, offset = _last(args, self.limit), _last(args, self.offset)
        if self.errors == "reject":
            self._check(limit, offset)
        size = min(_at_least_one(limit, self.default), self.most)
        return Page(size, max(_number(offset) or 0, 0), size=size)

    def _check(self, limit: str | None, offset: str | None) -> None:
        reasons = {}
        size, start = _number(limit), _number(offset)
        if limit is not None and (size is None or not 1 <= size <= self.most):
            reasons[self.limit] = f"must be a whole number from 1 to {self.most}"
        if offset is not None and (start is None or start < 0):
            reasons[self.offset] = "must be a whole number from 0 on"
        if reasons:
            raise Refusal("paging_malformed", values=faults(reasons))

    def answer(self, page: Page, found: Found, order: Order, request: Request) -> Words:
        return {"total": found.total, "limit": page.size, "offset": page.offset}


@dataclass(frozen=True)
class Numbers:
    """`page` and `per_page`, or `limit` and `offset` if both are there; nothing is ever refused.

    The words `count`, `page_count`, `page_number` and `page_size` follow from the pages even if it was a slice.
    Where the parameter that `whole` names has a value, the list is not cut.
    """

    default: int
    most: int
    page: str = "page"
    per_page: str = "per_page"
    limit: str = "limit"
    offset: str = "offset"
    whole: str | None = None

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset((self.page, self.per_page, self.limit, self.offset))

    def read(self, args: Arguments, order: Order) -> Page:
        size = min(_at_least_one(_last(args, self.per_page), self.default), self.most)
        asked = _last(args, self.page)
        number = 1 if asked is None else _number(asked) or 0
        limit, offset = _last(args, self.limit), _last(args, self.offset)
        if self.whole is not None and _last(args, self.whole):
            return Page(None, size=size, number=number)
        if limit is not None and offset is not None:
            cut = min(_at_least_one(limit, 1), self.most)
            return Page(cut, max(_number(offset) or 0, 0), size=size, number=number)
        return Page(size, min((max(number, 1) - 1) * size, _BEYOND), size=size, number=number)

    def answer(self, page: Page, found: Found, order: Order, request: Request) -> Words:
        return {
            "count": found.total,
            "page_count": -(-found.total // page.size),
            "page_number": page.number if found.total else 0,
            "page_size": page.size,
        }


@dataclass(frozen=True)
class Cursors:
    """A size, put right where it is none, and a cursor that names the row beside which the page stands.

    A cursor that cannot be read gives the first page, one of another order is refused as `cursor_foreign`. The order
    must name `key`, the key of the resource. Words: `size`, `path`, `next_cursor`, `next_cursor_url`, `prev_cursor`,
    `prev_cursor_url`.
    """

    default: int
    most: int
    size: str = "page[size]"
    cursor: str = "page[cursor]"
    key: str = "id"

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset((self.size, self.cursor))

    def read(self, args: Arguments, order: Order) -> Page:
        size = min(_at_least_one(_last(args, self.size), self.default), self.most)
        border = self._border(_decoded(_last(args, self.cursor) or ""), order)
        return Page(size, border=border, is_counted=False, size=size)

    def _border(self, found: Words | None, order: Order) -> Border | None:
        if found is None or all(found.get(key) is None for key in (self.key, f"-{self.key}")):
            return None
        forward = found.pop(_FORWARD, True)
        if list(found) != list(order):
            raise Refusal("cursor_foreign")
        return Border(list(found.values()), backwards=forward is False)

    def answer(self, page: Page, found: Found, order: Order, request: Request) -> Words:
        after = _encoded(found.records[-1], order, forward=True) if found.has_after else None
        before = _encoded(found.records[0], order, forward=False) if found.has_before else None
        path = _address(request)
        return {
            "size": page.size,
            "path": path,
            "next_cursor": after,
            "next_cursor_url": after and path + self._query(request, after),
            "prev_cursor": before,
            "prev_cursor_url": before and path + self._query(request, before),
        }

    def _query(self, request: Request, cursor: str) -> str:
        """The query as it was sent, but for the cursor."""
        sent = request.query.decode("latin-1").split("&")
        kept = [part for part in sent if part and unquote_plus(part.partition("=")[0]) != self.cursor]
        parts = [*(quote(part, safe="%+=!$'()*,;:@/?[]~", encoding="latin-1") for part in kept)]
        return "?" + "&".join([*parts, f"{quote(self.cursor, safe='')}={cursor}"])


_STYLES: Mapping[str, type[Slices] | type[Numbers] | type[Cursors]] = {
    "offset": Slices,
    "pages": Numbers,
    "cursor": Cursors,
}


def _last(args: Arguments, name: str) -> str | None:
    values = args.get(name)
    return values[-1] if values else None


def _number(text: str | None) -> int | None:
    """A whole number in digits, with a minus before it perhaps; None for anything else."""
    if text is None or not _NUMBER.fullmatch(text):
        return None
    beyond = -_BEYOND if text.startswith("-") else _BEYOND
    if len(text.lstrip("-0")) > len(str(_BEYOND)):
        return beyond
    return max(min(int(text), _BEYOND), -_BEYOND)


def _at_least_one(text: str | None, default: int) -> int:
    number = _number(text)
    return default if number is None or number < 1 else number


def _encoded(record: Record, order: Order, *, forward: bool) -> str:
    """The place of a record in an order, in base64url without padding."""
    cursor = {**dict(zip(order, _values(record, order), strict=True)), _FORWARD: forward}
    return urlsafe_b64encode(orjson.dumps(cursor)).rstrip(b"=").decode()


def _decoded(text: str) -> Words | None:
    """What a cursor holds, if it is an object of plain values."""
    try:
        found = orjson.loads(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(found, dict) or any(isinstance(value, list | dict) for value in found.values()):
        return None
    return found


def _address(request: Request) -> str:
    """The URL of a request as the caller wrote it, without its query."""
    host = request.header(b"host") or "localhost"
    scheme = request.header(b"x-forwarded-proto") or "http"
    return f"{scheme}://{host}{quote(request.path, safe=_PATH)}"
