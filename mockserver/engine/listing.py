"""What a list is asked for: the sort keys, the names to include, the conditions and the page of a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.engine.call import Call
from mockserver.engine.errors import Refusal
from mockserver.engine.paging import Paging
from mockserver.engine.query import All, And, Condition, Expression
from mockserver.engine.store import Record

Where = Callable[[Call], Expression]


@dataclass(frozen=True)
class Sort:
    """The parameter that names sort keys, and the fields that it may name; what it may not is refused or ignored."""

    parameter: str
    fields: Sequence[str]
    refuses: bool = True
    direction: str = "-"  # "-": before a falling key; ":": behind a key stands asc or desc

    def read(self, text: str | None) -> list[str]:
        """The keys, falling ones with `-` before them, each where it stands first."""
        asked = [part for part in (text or "").split(",") if part]
        keys = [self._key(part) for part in asked]
        unknown = [part for part, key in zip(asked, keys, strict=True) if key is None]
        if unknown and self.refuses:
            values = {"unknown": ", ".join(part.removeprefix("-") for part in unknown), "known": ", ".join(self.fields)}
            raise Refusal("sort_unknown", values=values)
        if unknown:
            return []
        first: dict[str, str] = {}
        for key in keys:
            if key is not None:
                first.setdefault(key.removeprefix("-"), key)
        return list(first.values())

    def _key(self, part: str) -> str | None:
        if self.direction == "-":
            return part if part.removeprefix("-") in self.fields else None
        name, _, direction = part.partition(":")
        if name not in self.fields or direction not in ("asc", "desc"):
            return None
        return f"-{name}" if direction == "desc" else name


@dataclass(frozen=True)
class Include:
    """The parameter that names what is shown besides, and the names that it may have."""

    parameter: str
    names: Sequence[str]
    refuses: bool = True

    def read(self, text: str | None) -> tuple[str, ...]:
        asked = list(dict.fromkeys(part for part in (text or "").split(",") if part))
        unknown = [part for part in asked if part not in self.names]
        if unknown and self.refuses:
            values = {"unknown": ", ".join(unknown), "known": ", ".join(self.names)}
            raise Refusal("include_unknown", values=values)
        return tuple(part for part in asked if part in self.names)


@dataclass(frozen=True)
class Filter:
    """A parameter of its own that keeps records by one condition on one field; an absent one keeps them all."""

    parameter: str
    field: str
    op: Any

    def read(self, text: str | None) -> Expression:
        return All() if text is None else Condition(self.field, self.op, text)


@dataclass(frozen=True)
class Listing:
    """How the records of one list are found: those within a parent or of the caller's account, and that fit.

    `where` is what a table cannot say.
    """

    resource: str
    order: Sequence[str] = ()
    within: str | None = None
    account: str | None = None
    sort: Sort | None = None
    filters: Sequence[Filter] = field(default_factory=tuple)
    where: Where | None = None
    paging: Paging | None = None
    lenient: Paging | None = None  # puts right what `paging` refuses, where the switch `paging_errors` says so

    @property
    def is_plain(self) -> bool:
        """Whether it is the whole list in the one order."""
        return self.paging is None and self.sort is None and not self.filters and self.where is None

    def ask(self, call: Call) -> None:
        """Read what the request asks for into the call. Raises Refusal."""
        order = list(self.order)
        if self.sort is not None:
            keys = self.sort.read(call.argument(self.sort.parameter))
            named = {key.removeprefix("-") for key in keys}
            order = [*keys, *(key for key in self._behind(keys) if key.removeprefix("-") not in named)]
        call.asked = order, None

    def _behind(self, keys: Sequence[str]) -> Sequence[str]:
        """What decides between records that the asked keys do not tell apart: the last key of the own order."""
        return self.order[-1:] if keys else self.order

    def narrow(self, call: Call) -> None:
        """Read the conditions, then the page, which depends on the order. Raises Refusal."""
        order, _ = call.asked
        parts = [each.read(call.argument(each.parameter)) for each in self.filters]
        if self.where is not None:
            parts.append(self.where(call))
        paging = self._paging(call)
        page = paging.read(_by_name(call), order) if paging is not None else None
        call.asked = order, (parts, page)

    def _paging(self, call: Call) -> Paging | None:
        if self.lenient is None or call.world.switch("paging_errors") == "reject":
            return self.paging
        return self.lenient

    def _scope(self, call: Call) -> dict[str, Any]:
        if self.within is not None:
            return {self.within: call.parent["id"]}
        return {self.account: call.account} if self.account else {}

    def _all_of(self, call: Call, parts: Sequence[Expression]) -> Expression:
        own: list[Expression] = [Condition(name, "eq", value) for name, value in self._scope(call).items()]
        return And((*own, *(part for part in parts if not isinstance(part, All))))

    def fetch(self, call: Call) -> tuple[list[Record], Mapping[str, Any]]:
        """The records of the page, and what its envelope says of it."""
        if call.world.taps:
            return self._fetch_tapped(call)
        if self.is_plain:
            return call.world.select(self.resource, self._scope(call), list(self.order)), {}
        order, (parts, page) = call.asked
        where = self._all_of(call, parts)
        if page is None or self.paging is None:
            return call.world.search(self.resource, where, order), {}
        return self.paging.fetch(call, self.resource, where, order, page)

    def _fetch_tapped(self, call: Call) -> tuple[list[Record], Mapping[str, Any]]:
        """As `fetch`, with what the defects of the world make of it."""
        order, (parts, page) = call.asked if not self.is_plain else (list(self.order), ((), None))
        where = self._all_of(call, parts)
        for tap in call.world.taps:
            where, order = tap.listing(where, order) if tap.listing is not None else (where, order)
        if page is None or self.paging is None:
            return call.world.search(self.resource, where, order), {}
        return self.paging.fetch(call, self.resource, where, order, page)


def _by_name(call: Call) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in call.arguments:
        found.setdefault(name, []).append(value)
    return found
