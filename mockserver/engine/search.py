"""Searching a collection: the records that fit a tree of conditions, in a total order, from any border on.

A page costs what it shows and not what lies before it: a border becomes a few ranges, each of which an index finds at
once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from mockserver.engine.columns import FORMS
from mockserver.engine.conditions import Holder, named, named_condition
from mockserver.engine.indexes import Indexes
from mockserver.engine.query import (
    And,
    Border,
    Children,
    Condition,
    Expression,
    Not,
    Nothing,
    Operator,
    Or,
    Through,
    all_of,
)
from mockserver.engine.statements import Ask, Statements, parameters
from mockserver.engine.store import Chain, Record, Store

MOST_KEYS = 5000  # rows of a related resource up to which those that fit are found beforehand
MOST_TEXTS = 500  # statements that are kept at hand

_LEAST = float("-inf")  # stands before every number and every text


class Related(Holder, Protocol):
    """The records of another resource, as a search needs them."""

    def keys(self, chain: Chain, where: Expression, among: "Among") -> tuple[Any, ...]: ...

    def size(self) -> int: ...


Among = Mapping[str, Related]
Range = tuple[Condition, ...]


class Slice(NamedTuple):
    """Which of the records that fit, and in which order.

    The records next to a border come first, so backwards the order is turned. With a border there is no offset, and
    the order has the key of the resource in it.
    """

    order: Sequence[str] = ()
    limit: int | None = None
    offset: int = 0
    border: Border | None = None


class Search:
    """Runs on what the database has: writes that wait must be flushed before."""

    def __init__(self, store: Store, sql: Statements, resource: str) -> None:
        self._store = store
        self.sql = sql
        self._resource = resource
        self._indexes = Indexes(store, sql)
        self._equal: dict[tuple[Any, ...], tuple[str, list[tuple[str, Callable[[Any], Any]]]]] = {}
        self._unbordered: dict[Ask, str] = {}
        self._texts: dict[Ask, str] = {}

    def records(self, chain: Chain, where: Expression, part: Slice, among: Among) -> list[Record]:
        """Raises LookupError for a field that is no column."""
        fits, values = self._named(chain, where, among)
        if isinstance(fits, Nothing):
            return []
        order = turned(part.order) if part.border and part.border.backwards else tuple(part.order)
        is_page = part.limit is not None and bool(order)
        index = self._indexes.choose(chain, fits, values, self.sql.keys(order) if is_page else None)
        borders: list[list[Range]] = [[]]
        if part.border is not None:
            ranges = [one for one in beyond(order, part.border) if not self._is_empty(one)]
            borders = [[one] for one in ranges] if index.is_sorted else [ranges] if ranges else []
        # Before an offset only the index is walked, if the bodies are fetched later.
        ask = Ask(fits, order, len(chain), index.name, "rowid" if part.offset else "body")
        rows: list[Any] = []
        for border in borders:
            left = -1 if part.limit is None else part.limit - len(rows)
            if left == 0:
                break
            rows += self._rows(chain, ask, border, {**values, "limit": left, "offset": part.offset}, among)
        if part.offset:
            places = orjson.dumps([row[0] for row in rows]).decode()
            rows = self._store.execute(self.sql.bodies, {"rows": places}).fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def equal(self, chain: Chain, where: Mapping[str, Any], order: Sequence[str]) -> list[Record]:
        """The records with these values, in order: the shortest way to whole lists, without a tree."""
        asked = (tuple(where), tuple(order), len(chain))
        known = self._equal.get(asked)
        if known is None:
            forms = [self.sql.form(field) for field in where]
            fits = (Condition(field, "eq", f"p{place}") for place, field in enumerate(where))
            lookup = self.sql.lookup(where)
            ask = Ask(all_of(fits), asked[1], asked[2], lookup.name if lookup else None, is_cut=False)
            text = self._text(ask, {self._resource: self})
            known = self._equal[asked] = (text, [(f"p{place}", FORMS[form]) for place, form in enumerate(forms)])
        text, names = known
        values = {name: form(value) for (name, form), value in zip(names, where.values(), strict=True)}
        rows = self._store.execute(text, parameters(chain, values))
        return [orjson.loads(row[0]) for row in rows]

    def keys(self, chain: Chain, where: Expression, among: Among) -> tuple[Any, ...]:
        """The keys of all records that fit."""
        fits, values = self._named(chain, where, among)
        index = self._indexes.choose(chain, fits, values)
        rows = self._rows(chain, Ask(fits, (), len(chain), index.name, "id", is_cut=False), [], values, among)
        return tuple(row[0] for row in rows)

    def count(self, chain: Chain, where: Expression, among: Among) -> int:
        """How many records fit."""
        fits, values = self._named(chain, where, among)
        index = self._indexes.choose(chain, fits, values)
        rows = self._rows(chain, Ask(fits, (), len(chain), index.name, "count"), [], values, among)
        return int(rows[0][0])

    def size(self) -> int:
        """At least the number of rows, those of all layers together."""
        return self._indexes.size()

    def _is_empty(self, border: Range) -> bool:
        """Whether a key would have to be null; an index cannot even be asked for that."""
        return any(one.op == "isnull" and self.sql.is_key(one.field) for one in border)

    def _named(self, chain: Chain, where: Expression, among: Among) -> tuple[Expression, dict[str, Any]]:
        values: dict[str, Any] = {}
        return named(settled(where, chain, among), self._resource, among, values), values

    def _rows(
        self, chain: Chain, ask: Ask, border: Sequence[Range], values: Mapping[str, Any], among: Among
    ) -> list[Any]:
        names: dict[str, Any] = {}
        ranges = (tuple(named_condition(one, self.sql.form(one.field), names, "b") for one in each) for each in border)
        text = self._text(ask._replace(border=tuple(ranges)), among)
        return self._store.execute(text, parameters(chain, {**values, **names})).fetchall()

    def _text(self, ask: Ask, among: Among) -> str:
        """The text of a statement, made once for all searches that differ in values alone."""
        text = self._texts.get(ask)
        if text is None:
            if len(self._texts) >= MOST_TEXTS:
                self._texts.clear()
                self._unbordered.clear()
            whole = ask._replace(border=())
            base = self._unbordered.get(whole)
            if base is None:
                build = self.sql.count if ask.wanted == "count" else self.sql.search
                base = self._unbordered[whole] = build(whole, among)
            text = self._texts[ask] = self.sql.bordered(base, ask)
        return text


def settled(where: Expression, chain: Chain, among: Among) -> Expression:
    """The tree with the keys of related records that fit in place of the search for them, where those are few."""
    match where:
        case And(parts):
            return And(tuple(settled(part, chain, among) for part in parts))
        case Or(parts):
            return Or(tuple(settled(part, chain, among) for part in parts))
        case Not(part):
            return Not(settled(part, chain, among))
        case Children(resource, field, quantifier, part, op, value):
            return Children(resource, field, quantifier, settled(part, chain, among), op, value)
        case Through(field, resource, part):
            if among[resource].size() <= MOST_KEYS:
                return Condition(field, "in", among[resource].keys(chain, part, among))
            return Through(field, resource, settled(part, chain, among))
    return where


def turned(order: Sequence[str]) -> tuple[str, ...]:
    """The order from behind."""
    return tuple(key[1:] if key.startswith("-") else f"-{key}" for key in order)


def beyond(order: Sequence[str], border: Border) -> list[Range]:
    """The rows behind a border in this order, as ranges one after the other: the first shares all keys but the last.

    A null stands before all else where the key rises, and behind all else where it falls.
    """
    values = border.values
    keys = [(key.removeprefix("-"), key.startswith("-")) for key in order]
    same = [
        Condition(field, "isnull") if value is None else Condition(field, "eq", value)
        for (field, _), value in zip(keys, values, strict=True)
    ]
    ranges = []
    for place in reversed(range(len(keys))):
        (field, falls), value, shared = keys[place], values[place], same[:place]
        takes_row = border.inclusive and place == len(keys) - 1
        if not falls:
            # Not `isnotnull`, which makes no range of an index.
            op: Operator = "gte" if takes_row or value is None else "gt"
            ranges.append((*shared, Condition(field, op, _LEAST if value is None else value)))
        elif value is not None:
            ranges.append((*shared, Condition(field, "lte" if takes_row else "lt", value)))
            if place < len(keys) - 1:  # the last is a key, which never is null
                ranges.append((*shared, Condition(field, "isnull")))
    return ranges
