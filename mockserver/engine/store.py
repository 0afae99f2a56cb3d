"""The records of worlds, in SQLite: in memory, or in a file that outlives the process.

Records stand in layers. A world reads through its chain of layers, the topmost first, and writes only to its own; the
seed is one layer that all worlds of a vendor share. So a fork copies nothing, and a reset forgets one layer.
SQLAlchemy Core builds each statement once; the driver runs its text.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Select, Table, Text, bindparam, func, select, union_all
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import ClauseElement

Record = dict[str, Any]
Chain = tuple[int, ...]

_DIALECT = sqlite.dialect(paramstyle="named")
_OWN = ("layer", "id", "serial", "gone", "body")


class StateError(Exception):
    """The state cannot be used; the text says why and what to do."""


class Shape(NamedTuple):
    """What a resource's table must be able to find fast: `indexes` are lists of fields, `tallies` are what is counted."""

    name: str
    key: str
    indexes: Sequence[Sequence[str]] = ()
    tallies: Sequence[Sequence[str]] = ()


class Found(NamedTuple):
    """A record as a chain shows it; `gone` is when it went to the trash, in epoch seconds, or None."""

    record: Record
    serial: int
    gone: int | None


class Store:
    """One database. Not for several threads at once: the event loop is its only user."""

    def __init__(self, location: str) -> None:
        self.durable = location != "memory"
        try:
            self._db = sqlite3.connect(
                location if self.durable else ":memory:", isolation_level=None, check_same_thread=False, cached_statements=1000
            )
            self._db.execute("PRAGMA busy_timeout = 0")
            if self.durable:
                # WAL with NORMAL: a commit survives the death of the process, though not a power cut.
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            for statement in (
                "CREATE TABLE IF NOT EXISTS layer (id INTEGER PRIMARY KEY AUTOINCREMENT)",
                "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT)",
                "CREATE TABLE IF NOT EXISTS tally (layer INTEGER, name TEXT, key TEXT, n INTEGER,"
                " PRIMARY KEY (layer, name, key)) WITHOUT ROWID",
            ):
                self._db.execute(statement)
        except sqlite3.Error as error:
            raise StateError(f"the state file {location} cannot be used: {error}") from error
        self.execute = self._db.execute
        self.executemany = self._db.executemany

    def begin(self) -> None:
        self.execute("BEGIN")

    def commit(self) -> None:
        self.execute("COMMIT")

    def roll_back(self) -> None:
        self.execute("ROLLBACK")

    def new_layer(self) -> int:
        """A number above all others, for records that shall hide those of the layers below."""
        number = self.execute("INSERT INTO layer DEFAULT VALUES").lastrowid
        assert number is not None
        return number

    def load(self, name: str) -> Any:
        """The value kept under a name, or None."""
        row = self.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def keep(self, name: str, value: Any) -> None:
        self.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, orjson.dumps(value).decode()))

    def close(self) -> None:
        self._db.close()


class Collection:
    """The records of one resource of one vendor."""

    def __init__(self, store: Store, vendor: str, shape: Shape) -> None:
        self.name, self.key = shape.name, shape.key
        self._store = store
        columns = self.columns = sorted({field for fields in [*shape.indexes, *shape.tallies] for field in fields} - set(_OWN))
        self._tally_name = f"{vendor}.{shape.name}"
        self._table = Table(
            f"{vendor}.{shape.name}",
            MetaData(),
            Column("layer", Integer, primary_key=True),
            Column("id", Text, primary_key=True),
            Column("serial", Integer, nullable=False),
            Column("gone", Integer),  # when the record went to the trash, in epoch seconds
            *(Column(name, LargeBinary) for name in columns),  # BLOB: SQLite keeps each value as it is
            Column("body", Text, nullable=False),
        )
        store.execute(_text(CreateTable(self._table, if_not_exists=True)))
        for number, fields in enumerate(shape.indexes):
            index = Index(f"{vendor}.{shape.name}.{number}", self._table.c.layer, *(self._table.c[field] for field in fields))
            store.execute(_text(CreateIndex(index, if_not_exists=True)))
        self._texts: dict[tuple[Any, ...], str] = {}
        self._write = self._write_text()
        self._tally_names = [(fields, self._tally_of(fields)) for fields in shape.tallies]

    # Reading

    def find(self, chain: Chain, key: str) -> Found | None:
        """The record that the chain shows under a key, in the trash or out of it."""
        text = self._texts.get(("find", len(chain))) or self._find_text(len(chain))
        row = self._store.execute(text, _layers(chain, {"id": key})).fetchone()
        return Found(orjson.loads(row[0]), row[1], row[2]) if row else None

    def select(self, chain: Chain, where: Mapping[str, str], order: Sequence[str]) -> list[Record]:
        """All records whose columns have those values, sorted by columns; ties stand in the order of creation."""
        cache = ("select", len(chain), tuple(where), tuple(order))
        text = self._texts.get(cache) or self._text(cache, self._select_statement(len(chain), tuple(where), order))
        rows = self._store.execute(text, _layers(chain, where))
        return [orjson.loads(row[0]) for row in rows]

    def greatest(self, chain: Chain, field: str, within: str, value: str) -> str | None:
        """The greatest value of a column among the records of one parent, the trash included."""
        key = ("greatest", len(chain), field, within)
        text = self._texts.get(key) or self._text(key, self._greatest_statement(len(chain), field, within))
        found: str | None = self._store.execute(text, _layers(chain, {within: value})).fetchone()[0]
        return found

    def tally(self, chain: Chain, fields: Sequence[str], values: Sequence[Any]) -> int:
        """How many records outside the trash have these values in these fields, which the shape must count."""
        marks = ", ".join("?" * len(chain))
        return int(
            self._store.execute(
                f"SELECT total(n) FROM tally WHERE name = ? AND key = ? AND layer IN ({marks})",
                (self._tally_of(fields), _tally_key(values), *chain),
            ).fetchone()[0]
        )

    # Writing

    def write(self, layer: int, record: Record, *, serial: int, before: Record | None, gone: int | None = None) -> None:
        """Put a record into a layer. `before` is what the world showed under its key until now, outside the trash."""
        self._store.execute(self._write, self._values(layer, record, serial, gone))
        after = None if gone is not None else record
        changes: list[str | int] = []
        for fields, name in self._tally_names:
            old = _tally_key([before[field] for field in fields]) if before is not None else None
            new = _tally_key([after[field] for field in fields]) if after is not None else None
            if old != new:
                for key, n in ((old, -1), (new, 1)):
                    if key is not None:
                        changes += (layer, name, key, n)
        if changes:
            self._store.execute(_count_text(len(changes) // 4), changes)

    def fill(self, layer: int, records: Iterable[Record], *, first: int) -> None:
        """Put many new records into a layer that has none, numbered from `first`."""
        counts: dict[tuple[str, str], int] = {}

        def rows() -> Iterator[dict[str, Any]]:
            for serial, record in enumerate(records, start=first):
                for fields, name in self._tally_names:
                    key = (name, _tally_key([record[field] for field in fields]))
                    counts[key] = counts.get(key, 0) + 1
                yield self._values(layer, record, serial, None)

        self._store.executemany(self._write, rows())
        self._store.executemany(_count_text(1), [(layer, *key, n) for key, n in counts.items()])

    def forget(self, layer: int) -> None:
        self._store.execute(f'DELETE FROM "{self._table.name}" WHERE layer = ?', (layer,))
        self._store.execute("DELETE FROM tally WHERE layer = ?", (layer,))

    # Statements

    def _find_text(self, depth: int) -> str:
        table = self._table.c
        statement = select(table.body, table.serial, table.gone)
        statement = statement.where(table.id == bindparam("id"), table.layer.in_(_bound(range(depth))))
        return self._text(("find", depth), statement.order_by(table.layer.desc()))

    def _visible(self, depth: int, columns: Sequence[str], names: Sequence[str]) -> list[Select[Any]]:
        """One part per layer: its rows with those values that no layer above hides."""
        parts = []
        for place in range(depth):
            table = self._table.alias(f"t{place}")
            part = select(*(table.c[name] for name in columns)).where(table.c.layer == bindparam(f"layer{place}"))
            part = part.where(*(table.c[name] == bindparam(name) for name in names))
            if place:
                above = self._table.alias(f"above{place}")
                hidden = select(above.c.id).where(above.c.id == table.c.id, above.c.layer.in_(_bound(range(place))))
                part = part.where(~hidden.exists())
            parts.append(part.where(table.c.gone.is_(None)) if "gone" not in columns else part)
        return parts

    def _select_statement(self, depth: int, names: Sequence[str], order: Sequence[str]) -> ClauseElement:
        columns = ["body", *order, "serial"]
        rows = union_all(*self._visible(depth, columns, names)).subquery()
        return select(rows.c.body).order_by(*(rows.c[name] for name in order), rows.c.serial)

    def _greatest_statement(self, depth: int, field: str, within: str) -> ClauseElement:
        parts = self._visible(depth, [field, "gone"], [within])
        tops = [part.with_only_columns(func.max(part.selected_columns[field]).label("top")) for part in parts]
        return select(func.max(union_all(*tops).subquery().c.top))

    def _write_text(self) -> str:
        names = [column.name for column in self._table.columns]
        statement = insert(self._table).values({name: bindparam(name) for name in names})
        changed = {name: statement.excluded[name] for name in names if name not in ("layer", "id")}
        return _text(statement.on_conflict_do_update(index_elements=["layer", "id"], set_=changed))

    def _values(self, layer: int, record: Record, serial: int, gone: int | None) -> dict[str, Any]:
        values = {name: record[name] for name in self.columns}
        values["layer"], values["id"], values["serial"], values["gone"] = layer, record[self.key], serial, gone
        values["body"] = orjson.dumps(record).decode()
        return values

    def _text(self, key: tuple[Any, ...], statement: ClauseElement) -> str:
        text = self._texts[key] = _text(statement)
        return text

    def _tally_of(self, fields: Sequence[str]) -> str:
        return f"{self._tally_name}:{','.join(fields)}"


def _text(statement: Any) -> str:
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})).strip()


def _bound(places: Iterable[int]) -> list[Any]:
    return [bindparam(f"layer{place}") for place in places]


def _layers(chain: Chain, values: Mapping[str, str]) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(values)
    for place, layer in enumerate(chain):
        parameters[f"layer{place}"] = layer
    return parameters


def _tally_key(values: Sequence[Any]) -> str:
    return "\x1f".join(map(str, values))


@cache
def _count_text(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?)"] * rows)
    return f"INSERT INTO tally VALUES {values} ON CONFLICT (layer, name, key) DO UPDATE SET n = n + excluded.n"
