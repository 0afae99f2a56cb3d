"""The records of one resource of one vendor, in layers.

A world reads through its chain of layers, the topmost first, and writes only to its own; the seed is one layer that all
worlds of a vendor share. So a fork copies nothing, and a reset forgets one layer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson

from mockserver.engine.columns import FORMS
from mockserver.engine.query import Condition, Expression, conjuncts
from mockserver.engine.rank import Rank
from mockserver.engine.search import Among, Search, Slice
from mockserver.engine.statements import COUNT, READ_COUNT, READ_NAMES, Shape, Statements, parameters
from mockserver.engine.store import Chain, Found, Record, Store, of_another_model

MOST_RECENT = 5000  # records and counts that are kept at hand

Place = tuple[int, str]  # layer and key
Values = tuple[Any, ...]
Count = tuple[int, str, Values]  # layer, what is counted, and the values


class Collection:
    """Reads and writes of single records need no statement while they are at hand; lists always ask the database."""

    def __init__(self, store: Store, vendor: str, shape: Shape) -> None:
        self.name, self.key = shape.name, shape.key
        self._store = store
        self.sql = Statements(vendor, shape)
        self.columns = self.sql.columns
        self._forms = [(field, FORMS[form]) for field, form in self.columns.items()]
        self._tally_names = {tuple(fields): f"{vendor}.{shape.name}:{','.join(fields)}" for fields in shape.tallies}
        self._tallies = [(name, _values_of(fields)) for fields, name in self._tally_names.items()]
        self._recent: dict[Place, Found | None] = {}
        self._counts: dict[Count, int] = {}
        self._waiting: dict[Place, Found | None] = {}  # None: to be deleted
        self._changes: dict[Count, int] = {}
        known = [name for (name,) in store.execute(READ_NAMES, [self.sql.name])]
        if known and known != self.sql.names:
            raise of_another_model(vendor)
        for text in self.sql.create:
            store.execute(text)
        store.keepers.append(self)
        self._search = Search(store, self.sql, shape.name)

    # Reading

    def find(self, chain: Chain, key: str) -> Found | None:
        """The record that the chain shows under a key, in the trash or out of it."""
        for layer in chain:
            try:
                found = self._recent[layer, key]
            except KeyError:
                found = self._fetch(layer, key)
            if found is not None:
                return found
        return None

    def select(self, chain: Chain, where: Mapping[str, Any], order: Sequence[str]) -> list[Record]:
        """The records outside the trash that have those values, sorted; ties in the order of creation."""
        self._store.flush()
        return self._search.equal(chain, where, order)

    def search(self, chain: Chain, where: Expression, part: Slice, among: Among) -> list[Record]:
        """The records outside the trash that fit, sorted and cut; `among` has all resources that conditions name."""
        self._store.flush()
        return self._search.records(chain, where, part, among)

    def count(self, chain: Chain, where: Expression, among: Among) -> int:
        """How many records outside the trash fit."""
        tallied = self._tallied(where)
        if tallied is not None:
            return self.tally(chain, *tallied)
        self._store.flush()
        return self._search.count(chain, where, among)

    def keys(self, chain: Chain, where: Expression, among: Among) -> tuple[Any, ...]:
        """The keys of the records outside the trash that fit."""
        self._store.flush()
        return self._search.keys(chain, where, among)

    def size(self) -> int:
        """At least the number of rows, those of all layers together."""
        return self._search.size()

    def greatest(self, chain: Chain, field: str, within: str, value: str) -> Rank | None:
        """The greatest value of a column among the records of one parent, the trash included."""
        self._store.flush()
        text = self.sql.greatest(len(chain), field, within)
        found: Rank | None = self._store.execute(text, parameters(chain, {"within": value})).fetchone()[0]
        return found

    def tally(self, chain: Chain, fields: Sequence[str], values: Sequence[Any]) -> int:
        """How many records outside the trash have these values in these fields, which the shape must count."""
        name, key = self._tally_names[tuple(fields)], tuple(values)
        return sum(self._count((layer, name, key)) for layer in chain)

    def _tallied(self, where: Expression) -> tuple[tuple[str, ...], Values] | None:
        """The fields and values of a count that is kept, if it is one."""
        wanted: dict[str, Any] = {}
        for one in conjuncts(where):
            if not isinstance(one, Condition) or one.op != "eq" or one.value is None or one.field in wanted:
                return None
            wanted[one.field] = one.value
        for fields in self._tally_names:
            if wanted.keys() == set(fields) and all(self.sql.form(field) == "plain" for field in fields):
                return fields, tuple(wanted[field] for field in fields)
        return None

    def _fetch(self, layer: int, key: str) -> Found | None:
        if len(self._recent) >= MOST_RECENT:
            self._store.flush()
            self._recent.clear()
        row = self._store.execute(self.sql.find, {"layer": layer, "id": key}).fetchone()
        found = self._recent[layer, key] = Found(orjson.loads(row[0]), row[1], row[2]) if row else None
        return found

    def _count(self, count: Count) -> int:
        known = self._counts.get(count)
        if known is None:
            row = self._store.execute(READ_COUNT, _row(count)).fetchone()
            known = self._counts[count] = (row[0] if row else 0) + self._changes.get(count, 0)
        return known

    # Writing, inside the store's `begin` and `commit`

    def insert(self, layer: int, record: Record, serial: int) -> None:
        """A record under a key that no layer has."""
        self._recent[layer, record[self.key]] = None
        self.write(layer, record, serial=serial, before=None)

    def write(self, layer: int, record: Record, *, serial: int, before: Record | None, gone: int | None = None) -> None:
        """Put a record into a layer. `before` is what the world showed under its key until now, outside the trash."""
        after = None if gone is not None else record
        self._put((layer, record[self.key]), Found(record, serial, gone), before, after)

    def undo(self, step: tuple[Place, Found | None, Record | None, Record | None]) -> None:
        place, old, before, after = step
        self._put(place, old, after, before)

    def _put(self, place: Place, found: Found | None, before: Record | None, after: Record | None) -> None:
        """A layer's entry gets new content, and the counts follow from `before` to `after`."""
        old = self._recent[place] if place in self._recent else self._fetch(*place)
        self._store.note(self, (place, old, before, after))
        self._recent[place] = self._waiting[place] = found
        for name, values_of in self._tallies:
            gone = values_of(before) if before is not None else None
            come = values_of(after) if after is not None else None
            if gone != come:
                self._change(place[0], name, gone, -1)
                self._change(place[0], name, come, 1)

    def _change(self, layer: int, name: str, key: Values | None, n: int) -> None:
        if key is not None:
            count = (layer, name, key)
            self._changes[count] = self._changes.get(count, 0) + n
            if count in self._counts:
                self._counts[count] += n

    def flush(self) -> None:
        rows = [self._values(layer, found) for (layer, _), found in self._waiting.items() if found is not None]
        self._store.executemany(self.sql.write, rows)
        lost = [{"layer": layer, "id": key} for (layer, key), found in self._waiting.items() if found is None]
        self._store.executemany(self.sql.delete, lost)
        self._store.executemany(COUNT, [(*_row(count), n) for count, n in self._changes.items()])
        self._waiting.clear()
        self._changes.clear()
        if len(self._recent) + len(self._counts) > MOST_RECENT:
            self.discard()

    def discard(self) -> None:
        """Forget what is at hand and what waits."""
        for known in (self._recent, self._counts, self._waiting, self._changes):
            known.clear()

    def fill(self, layer: int, records: Iterable[Record], *, first: int) -> None:
        """Put many new records into a layer that has none, numbered from `first`."""
        counts: dict[Count, int] = {}

        def rows() -> Iterator[tuple[Any, ...]]:
            for serial, record in enumerate(records, start=first):
                for name, values_of in self._tallies:
                    count = (layer, name, values_of(record))
                    counts[count] = counts.get(count, 0) + 1
                yield self._values(layer, Found(record, serial, None))

        self._store.executemany(self.sql.write, rows())
        self._store.executemany(COUNT, [(*_row(count), n) for count, n in counts.items()])

    def sweep(self, layer: int, most: int) -> int:
        """Delete so many rows of a layer that nobody reads any more; how many there were."""
        return self._store.execute(self.sql.sweep, {"layer": layer, "most": most}).rowcount

    def _values(self, layer: int, found: Found) -> tuple[Any, ...]:
        record, serial, gone = found
        columns = [form(record.get(field)) for field, form in self._forms]
        return (layer, record[self.key], serial, gone, *columns, orjson.dumps(record))


def _values_of(fields: tuple[str, ...]) -> Callable[[Record], Values]:
    """A function that takes the values of these fields out of a record."""
    if len(fields) > 1:
        return itemgetter(*fields)
    (field,) = fields
    return lambda record: (record[field],)


def _row(count: Count) -> tuple[int, str, str]:
    """A count as the database names it."""
    layer, name, values = count
    return layer, name, "\x1f".join(map(str, values))
