"""Which index a search goes by. SQLite knows nothing of the values and would choose what saves it the sorting.

Where a lookup finds few records, they are found by it and sorted. Else a large collection gets an index for an order
when a page in that order is first asked for.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mockserver.engine.query import Condition, Expression, Nothing, conjuncts
from mockserver.engine.statements import Keys, Lookup, Statements, parameters, quoted
from mockserver.engine.store import Chain, Store

LARGE = 2000  # records that are not sorted for a page
MOST_INDEXES = 8  # for orders of one table
MOST_LONG = 500  # lookups that are remembered to find many records


class Choice(NamedTuple):
    """The name of an index, or none, and whether it has the records in the order that is asked for."""

    name: str | None
    is_sorted: bool = False


class Indexes:
    """The indexes of one table: those that its shape has, and those that orders have been given."""

    def __init__(self, store: Store, sql: Statements) -> None:
        self._store = store
        self._sql = sql
        self._lookups = sql.lookups()
        self._is_large = False
        self._found: dict[tuple[Lookup, int], str] = {}
        self._long: set[tuple[Any, ...]] = set()
        self._ordered: dict[str, None] = {}  # names, the one least lately used first
        for (name,) in store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", [sql.name]
        ):
            if name.startswith(f"{sql.name}~"):
                self._ordered[name] = None

    def size(self) -> int:
        """At least the number of rows, those of all layers together."""
        size: int | None = self._store.execute(self._sql.size).fetchone()[0]
        return size or 0

    def choose(self, chain: Chain, where: Expression, values: Mapping[str, Any], keys: Keys | None = None) -> Choice:
        """The index for a named tree and its values; `keys` is the order of a page."""
        if isinstance(where, Nothing):
            return Choice(None)
        equal, among = _known(where, "eq"), _known(where, "in")
        lookup = self._sql.lookup(equal, among)
        found = Choice(lookup.name if lookup else None)
        if keys is None or not self._is_wanted():
            return found
        if lookup is not None:
            names = [*(equal[field] for field in lookup.equal), *([among[lookup.among]] if lookup.among else [])]
            if self._is_short(chain, lookup, [values[name] for name in names]):
                return found
        name = self._for_order(sorted(equal.keys() & self._lookups), keys)
        return Choice(name, is_sorted=True) if name else found

    def _is_wanted(self) -> bool:
        self._is_large = self._is_large or self.size() > LARGE
        return self._is_large

    def _is_short(self, chain: Chain, lookup: Lookup, values: list[Any]) -> bool:
        """Whether a lookup finds so few rows that they are soon sorted."""
        asked = (lookup, chain, *values)
        if asked in self._long:
            return False
        text = self._found.get((lookup, len(chain)))
        if text is None:
            text = self._found[lookup, len(chain)] = self._sql.found(lookup, len(chain))
        bound = {f"v{place}": value for place, value in enumerate(values)}
        (found,) = self._store.execute(text, parameters(chain, {**bound, "enough": LARGE + 1})).fetchone()
        if found <= LARGE:
            return True
        if len(self._long) >= MOST_LONG:
            self._long.clear()
        self._long.add(asked)
        return False

    def _for_order(self, lookups: list[str], keys: Keys) -> str | None:
        """The index that has the records with the same lookups in order; made now, if it may be."""
        keys = [(key, falls) for key, falls in keys if key not in lookups]
        if not keys:
            return None
        if keys[0][1]:  # an index is as good from behind
            keys = [(key, not falls) for key, falls in keys]
        spelt = ",".join(f"-{key}" if falls else key for key, falls in keys)
        name = f"{self._sql.name}~{','.join(lookups)}~{spelt}"
        if name not in self._ordered:
            if self._store.in_transaction:  # which may yet be taken back, and the index with it
                return None
            self._make_room()
            self._store.execute(self._sql.create_index(name, lookups, keys))
        self._ordered.pop(name, None)
        self._ordered[name] = None
        return name

    def _make_room(self) -> None:
        while len(self._ordered) >= MOST_INDEXES:
            name = next(iter(self._ordered))
            self._store.execute(f"DROP INDEX {quoted(name)}")
            del self._ordered[name]


def _known(where: Expression, op: str) -> dict[str, Any]:
    """The fields of which every record that fits has a certain value, or one of several, and what is said of them."""
    return {one.field: one.value for one in conjuncts(where) if isinstance(one, Condition) and one.op == op}
