"""The statements of one collection: SQLAlchemy Core builds each once, the driver runs its text."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    func,
    select,
    union_all,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import ClauseElement

from mockserver.engine.store import Chain

_BY_NAME = sqlite.dialect(paramstyle="named")
_BY_PLACE = sqlite.dialect(paramstyle="qmark")

COUNT = "INSERT INTO tally VALUES (?, ?, ?, ?) ON CONFLICT (layer, name, key) DO UPDATE SET n = n + excluded.n"
READ_COUNT = "SELECT n FROM tally WHERE layer = ? AND name = ? AND key = ?"


class Shape(NamedTuple):
    """What a resource's table must find fast: `indexes` are lists of fields, `tallies` are what is counted."""

    name: str
    key: str
    indexes: Sequence[Sequence[str]] = ()
    tallies: Sequence[Sequence[str]] = ()


class Statements:
    """Texts with named parameters: `layer0` is the topmost layer of a chain."""

    def __init__(self, vendor: str, shape: Shape) -> None:
        self.columns = sorted({field for fields in shape.indexes for field in fields})
        self._table = table = Table(
            f"{vendor}.{shape.name}",
            MetaData(),
            Column("layer", Integer, primary_key=True),
            Column("id", Text, primary_key=True),
            Column("serial", Integer, nullable=False),
            Column("gone", Integer),  # when the record went to the trash, in epoch seconds
            *(Column(name, LargeBinary) for name in self.columns),  # BLOB: SQLite keeps each value as it is
            Column("body", LargeBinary, nullable=False),  # JSON in UTF-8
        )
        indexes = [
            Index(f"{vendor}.{shape.name}.{number}", table.c.layer, *(table.c[field] for field in fields))
            for number, fields in enumerate(shape.indexes)
        ]
        self.create = [
            _text(CreateTable(table, if_not_exists=True)),
            *(_text(CreateIndex(index, if_not_exists=True)) for index in indexes),
        ]
        self.write = self._write()
        row = (table.c.layer == bindparam("layer"), table.c.id == bindparam("id"))
        self.find = _text(select(table.c.body, table.c.serial, table.c.gone).where(*row))
        self.delete = _text(table.delete().where(*row))
        name = f'"{vendor}.{shape.name}"'
        self.sweep = f"DELETE FROM {name} WHERE rowid IN (SELECT rowid FROM {name} WHERE layer = :layer LIMIT :most)"
        self.select = cache(self._select)
        self.greatest = cache(self._greatest)

    def _write(self) -> str:
        """Its parameters go by place: layer, id, serial, gone, the columns, body."""
        names = [column.name for column in self._table.columns]
        statement = insert(self._table).values({name: bindparam(name) for name in names})
        changed = {name: statement.excluded[name] for name in names if name not in ("layer", "id")}
        return _text(statement.on_conflict_do_update(index_elements=["layer", "id"], set_=changed), _BY_PLACE)

    def _select(self, depth: int, names: tuple[str, ...], order: tuple[str, ...]) -> str:
        """Bodies of the records outside the trash with these values, sorted, ties in the order of creation."""
        parts = [
            part.where(table.c.gone.is_(None))
            for table, part in self._visible(depth, ["body", *order, "serial"], names)
        ]
        rows = union_all(*parts).subquery()
        return _text(select(rows.c.body).order_by(*(rows.c[name] for name in order), rows.c.serial))

    def _greatest(self, depth: int, field: str, within: str) -> str:
        """The greatest value of a column among the records with that value in another, the trash included."""
        tops = [
            part.with_only_columns(func.max(table.c[field]).label("top"))
            for table, part in self._visible(depth, [field], (within,))
        ]
        return _text(select(func.max(union_all(*tops).subquery().c.top)))

    def _visible(self, depth: int, columns: Sequence[str], names: Iterable[str]) -> list[tuple[Any, Select[Any]]]:
        """One part per layer: its rows with those values that no layer above hides."""
        parts = []
        for place in range(depth):
            table = self._table.alias(f"t{place}")
            part = select(*(table.c[name] for name in columns)).where(table.c.layer == bindparam(f"layer{place}"))
            part = part.where(*(table.c[name] == bindparam(name) for name in names))
            if place:
                above = self._table.alias(f"above{place}")
                layers: list[Any] = [bindparam(f"layer{higher}") for higher in range(place)]
                hidden = select(above.c.id).where(above.c.id == table.c.id, above.c.layer.in_(layers))
                part = part.where(~hidden.exists())
            parts.append((table, part))
        return parts


def parameters(chain: Chain, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a statement over a chain is run with."""
    return {**values, **{f"layer{place}": layer for place, layer in enumerate(chain)}}


def _text(statement: ClauseElement, dialect: Dialect = _BY_NAME) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})).strip()
