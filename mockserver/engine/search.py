"""Searching a collection: the records that fit a tree of conditions, in a total order, from any border on.

A page costs what it shows and not what lies before it: a border becomes a few ranges, each of which an index finds at
once, and a large collection gets an index for an order when it is first asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from mockserver.engine.conditions import Holder, named
from mockserver.engine.query import And, Border, Children, Condition, Expression, Not, Or, Through
from mockserver.engine.statements import Ask, Keys, Statements, parameters, quoted
from mockserver.engine.store import Chain, Record, Store

LARGE = 2000  # rows of a table from which on orders get indexes
MOST_INDEXES = 6  # of one table, the one least lately used goes first
MOST_KEYS = 5000  # rows of a related resource up to which those that fit are found beforehand
MOST_TEXTS = 500  # statements that are kept at hand

_LEAST = float("-inf")  # stands before every number and every text


class Related(Holder, Protocol):
    """The records of another resource, as a search needs them."""

    def keys(self, chain: Chain, where: Expression, among: "Among") -> tuple[Any, ...]: ...

    def size(self) -> int: ...


Among = Mapping[str, Related]


class Slice(NamedTuple):
    """Which of the records that fit, and in which order.

    The records next to a border come first, so backwards the order is turned; with a border the order's last key is
    the key of the resource.
    """

    order: Sequence[str] = ()
    limit: int | None = None
    offset: int = 0
    border: Border | None = None


class Search:
    """Runs on what the database has: writes that wait must be flushed before."""

    def __init__(self, store: Store, sql: Statements, resource: str) -> None:
        self._store = store
        self._sql = sql
        self._resource = resource
        self._lookups = sql.lookups()
        self._indexes = Indexes(store, sql)
        self._texts: dict[tuple[str, Ask], str] = {}

    def records(self, chain: Chain, where: Expression, part: Slice, among: Among) -> list[Record]:
        """Raises LookupError for a field that is no column."""
        where, order, ranges = settled(where, chain, among), tuple(part.order), None
        if part.border is not None:
            order = turned(order) if part.border.backwards else order
            ranges = beyond(order, part.border.values)
        index = self._index(where, order) if part.limit is not None and order else None
        left, found = part.limit, list[Record]()
        for each in [where] if ranges is None else [And((*conditions, where)) for conditions in ranges]:
            found += self._run(chain, Ask(each, order, len(chain), index), left, part.offset, among)
            if part.limit is not None:
                left = part.limit - len(found)
                if left <= 0:
                    break
        return found

    def keys(self, chain: Chain, where: Expression, among: Among) -> tuple[Any, ...]:
        """The keys of all records that fit."""
        ask = Ask(settled(where, chain, among), (), len(chain), wanted="id")
        text, values = self._compiled("search", ask, among)
        rows = self._store.execute(text, parameters(chain, {**values, "limit": -1, "offset": 0}))
        return tuple(key for key, *_ in rows)

    def count(self, chain: Chain, where: Expression, among: Among) -> int:
        """How many records fit."""
        text, values = self._compiled("count", Ask(settled(where, chain, among), (), len(chain)), among)
        found: int = self._store.execute(text, parameters(chain, values)).fetchone()[0]
        return found

    def size(self) -> int:
        """At least the number of rows, those of all layers together."""
        return self._indexes.size()

    def _run(self, chain: Chain, ask: Ask, limit: int | None, offset: int, among: Among) -> list[Record]:
        values: dict[str, Any]
        if offset:  # only the index is walked over what is left out
            ask = ask._replace(wanted="rowid")
        text, values = self._compiled("search", ask, among)
        values |= {"limit": -1 if limit is None else limit, "offset": offset}
        rows = self._store.execute(text, parameters(chain, values)).fetchall()
        if offset:
            numbers = orjson.dumps([row[0] for row in rows]).decode()
            rows = self._store.execute(self._sql.bodies, {"rows": numbers}).fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def _compiled(self, kind: str, ask: Ask, among: Among) -> tuple[str, dict[str, Any]]:
        """The text of a statement and the values of its conditions."""
        values: dict[str, Any] = {}
        ask = ask._replace(where=named(ask.where, self._resource, among, values))
        text = self._texts.get((kind, ask))
        if text is None:
            if len(self._texts) >= MOST_TEXTS:
                self._texts.clear()
            text = self._texts[kind, ask] = getattr(self._sql, kind)(ask, among)
        return text, values

    def _index(self, where: Expression, order: Sequence[str]) -> str | None:
        """The index that has the records in order which have the same values as are looked up."""
        lookups = {one.field for one in conjuncts(where) if isinstance(one, Condition) and one.op == "eq"}
        return self._indexes.find(sorted(lookups & self._lookups), self._sql.keys(order))


class Indexes:
    """The indexes that orders have been given."""

    def __init__(self, store: Store, sql: Statements) -> None:
        self._store = store
        self._sql = sql
        self._is_large = False
        self._known: dict[str, None] = {}  # the one least lately used first
        for (name,) in store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", [sql.name]
        ):
            if name.startswith(f"{sql.name}~"):
                self._known[name] = None

    def size(self) -> int:
        size: int | None = self._store.execute(self._sql.size).fetchone()[0]
        return size or 0

    def find(self, lookups: Sequence[str], keys: Keys) -> str | None:
        """The name of the index for an order; none as long as the table is small."""
        self._is_large = self._is_large or self.size() > LARGE
        if not self._is_large:
            return None
        keys = [(key, falls) for key, falls in keys if key not in lookups]
        if keys[0][1]:  # an index is as good from behind
            keys = [(key, not falls) for key, falls in keys]
        spelt = ",".join(f"-{key}" if falls else key for key, falls in keys)
        name = f"{self._sql.name}~{','.join(lookups)}~{spelt}"
        if name not in self._known:
            if self._store.in_transaction:  # which may yet be taken back, and the index with it
                return None
            self._make_room()
            self._store.execute(self._sql.create_index(name, lookups, keys))
        self._known.pop(name, None)
        self._known[name] = None
        return name

    def _make_room(self) -> None:
        while len(self._known) >= MOST_INDEXES:
            name = next(iter(self._known))
            self._store.execute(f"DROP INDEX {quoted(name)}")
            del self._known[name]


def conjuncts(where: Expression) -> list[Expression]:
    """The parts that a record must all fit."""
    if isinstance(where, And):
        return [one for part in where.parts for one in conjuncts(part)]
    return [where]


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


def beyond(order: Sequence[str], values: Sequence[Any]) -> list[tuple[Condition, ...]]:
    """The rows behind a border, as ranges one after the other: the first shares all keys but the last with it.

    A null stands before all else where the key rises, and behind all else where it falls.
    """
    keys = [(key.removeprefix("-"), key.startswith("-")) for key in order]
    same = [
        Condition(field, "isnull") if value is None else Condition(field, "eq", value)
        for (field, _), value in zip(keys, values, strict=True)
    ]
    ranges = []
    for place in reversed(range(len(keys))):
        (field, falls), value, shared = keys[place], values[place], same[:place]
        if not falls:
            # Not `isnotnull`, which makes no range of an index.
            step = Condition(field, "gte", _LEAST) if value is None else Condition(field, "gt", value)
            ranges.append((*shared, step))
        elif value is not None:
            ranges.append((*shared, Condition(field, "lt", value)))
            if place < len(keys) - 1:  # the last is a key, which never is null
                ranges.append((*shared, Condition(field, "isnull")))
    return ranges
