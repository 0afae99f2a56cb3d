"""The statements of one collection: SQLAlchemy Core builds each once, the driver runs its text."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import ClauseElement

from mockserver.engine.columns import Form
from mockserver.engine.conditions import Clause, Clauses, Holders, Row, compared
from mockserver.engine.query import Condition, Expression
from mockserver.engine.store import Chain

COUNT = "INSERT INTO tally VALUES (?, ?, ?, ?) ON CONFLICT (layer, name, key) DO UPDATE SET n = n + excluded.n"
READ_NAMES = "SELECT name FROM pragma_table_info(?)"
READ_COUNT = "SELECT n FROM tally WHERE layer = ? AND name = ? AND key = ?"

_CREATION = ""  # stands for a field: the order in which records were made


Keys = Sequence[tuple[str, bool]]  # fields and whether they fall


class Shape(NamedTuple):
    """What a resource's table must find fast: `indexes` are lists of fields, `tallies` are what is counted.

    `columns` are fields that conditions and orders name, and how they compare; those of `indexes` are columns too.
    """

    name: str
    key: str
    indexes: Sequence[Sequence[str]] = ()
    tallies: Sequence[Sequence[str]] = ()
    columns: Mapping[str, Form] = {}


class Ask(NamedTuple):
    """What makes two searches the same statement: their values and limits are only bound."""

    where: Expression  # with names in place of values
    order: tuple[str, ...]
    depth: int
    by: str | None = None  # an index
    wanted: str = "body"  # the column, or rowid, or count
    is_cut: bool = True  # by a limit and an offset
    border: tuple[tuple[Condition, ...], ...] = ()  # ranges, of one of which rows behind a border are


class Lookup(NamedTuple):
    """An index, and the leading fields of it that a search knows: some by one value, one more perhaps by several."""

    name: str
    equal: tuple[str, ...]
    among: str | None = None


class Statements:
    """Texts with named parameters: `layer0` is the topmost layer of a chain."""

    def __init__(self, vendor: str, shape: Shape) -> None:
        self.name = f"{vendor}.{shape.name}"
        self._shape = shape
        fields = {field for fields in shape.indexes for field in fields} | set(shape.columns)
        forms = {field: shape.columns.get(field, "plain") for field in sorted(fields)}
        self.columns = {field: form for field, form in forms.items() if (field, form) != (shape.key, "plain")}
        self._table = table = Table(
            self.name,
            MetaData(),
            # No BLOB here converts a value: SQLite keeps and compares each as it is.
            Column("layer", Integer, primary_key=True),
            Column("id", LargeBinary, primary_key=True),
            Column("serial", Integer, nullable=False),
            Column("gone", Integer),  # when the record went to the trash, in epoch seconds
            *(Column(_column(field), LargeBinary) for field in self.columns),
            Column("body", LargeBinary, nullable=False),  # JSON in UTF-8
        )
        indexes = [
            Index(self._index(fields), table.c.layer, *(self.column(table, field) for field in fields))
            for fields in shape.indexes
        ]
        self.create = [
            _text(CreateTable(table, if_not_exists=True)),
            *(_text(CreateIndex(index, if_not_exists=True)) for index in indexes),
        ]
        self.names = [column.name for column in table.columns]
        name = quoted(self.name)
        self.sweep = f"DELETE FROM {name} WHERE rowid IN (SELECT rowid FROM {name} WHERE layer = :layer LIMIT :most)"
        self.size = f"SELECT max(rowid) FROM {name}"
        self.bodies = f"SELECT body FROM json_each(:rows) JOIN {name} t ON t.rowid = value ORDER BY json_each.key"
        self.greatest = cache(self._greatest)

    def _index(self, fields: Sequence[str]) -> str:
        return f"{self.name}.{','.join(fields)}"

    def _row(self) -> tuple[Any, Any]:
        return self._table.c.layer == bindparam("layer"), self._table.c.id == bindparam("id")

    @cached_property
    def find(self) -> str:
        columns = self._table.c
        return _text(select(columns.body, columns.serial, columns.gone).where(*self._row()))

    @cached_property
    def delete(self) -> str:
        return _text(self._table.delete().where(*self._row()))

    @cached_property
    def write(self) -> str:
        """Its parameters go by place: layer, id, serial, gone, the columns, body."""
        statement = insert(self._table).values(
            {name: bindparam(f"v{number}") for number, name in enumerate(self.names)}
        )
        changed = {name: statement.excluded[name] for name in self.names if name not in ("layer", "id")}
        return _text(statement.on_conflict_do_update(index_elements=["layer", "id"], set_=changed), _BY_PLACE)

    def _greatest(self, depth: int, field: str, within: str) -> str:
        """The greatest value of a column among the records with that value in another, the trash included."""
        tops = []
        for place in range(depth):
            row = self.alias(f"t{place}")
            top = select(func.max(self.column(row, field)).label("top")).select_from(row)
            tops.append(top.where(self.column(row, within) == bindparam("within"), *self._shown(row, place)))
        return _text(select(func.max(union_all(*tops).subquery().c.top)))

    # Searching

    def alias(self, name: str) -> Row:
        return self._table.alias(name)

    def column(self, row: Row | Table, field: str) -> ColumnElement[Any]:
        """Raises LookupError where the field is no column."""
        if field in self.columns:
            return row.c[_column(field)]
        if field == self._shape.key:
            return row.c.id
        raise LookupError(f"{self.name} has no column {field}")

    def form(self, field: str) -> str:
        """How a field compares. Raises LookupError where it is no column."""
        if field not in self.columns and field != self._shape.key:
            raise LookupError(f"{self.name} has no column {field}")
        return self.columns.get(field, "plain")

    def is_key(self, field: str) -> bool:
        """Whether it is the key of the records, which never is null."""
        return field == self._shape.key

    def key(self, row: Row, form: str) -> ColumnElement[Any]:
        """The key of the records as a column of that form can hold it. Raises LookupError where there is none such."""
        found: ColumnElement[Any] = row.c.id
        if form == "plain":
            return found
        if self.columns.get(self._shape.key) == form:
            return self.column(row, self._shape.key)
        raise LookupError(f"the key of {self.name} does not compare as {form}, and a field that names it does")

    def visible(self, row: Row, place: int) -> list[Clause]:
        """What a row of that layer must be to be seen: out of the trash, and hidden by no layer above."""
        layer, *hidden = self._shown(row, place)
        return [layer, row.c.gone.is_(None), *hidden]

    def _shown(self, row: Row, place: int) -> list[Clause]:
        found: list[Clause] = [row.c.layer == bindparam(f"layer{place}")]
        if place:
            above = self.alias(f"{row.name}_above")
            layers: list[Any] = [bindparam(f"layer{higher}") for higher in range(place)]
            hidden = select(above.c.id).where(above.c.id == row.c.id, above.c.layer.in_(layers))
            found.append(~hidden.correlate_except(above).exists())
        return found

    def bordered(self, text: str, ask: Ask) -> str:
        """The text of a statement, with the border of an ask in it: a statement is built for all borders at once."""
        for place in range(ask.depth):
            row = self.alias(f"t{place}")
            ranges = [
                and_(*(compared(self.column(row, one.field), one.op, one.value) for one in each)) for each in ask.border
            ]
            text = text.replace(_border_of(row), f"({_text(or_(*ranges))})" if ranges else "1")
        return text

    def search(self, ask: Ask, holders: Holders) -> str:
        """One column of the records that fit, in order; not yet with the border."""
        keys = self.keys(ask.order)
        rows = [
            part.add_columns(*(self._key(row, key) for key, _ in keys)) for row, part in self._fitting(ask, holders)
        ]
        order = [text(f"{place} DESC" if falls else str(place)) for place, (_, falls) in enumerate(keys, start=2)]
        whole: CompoundSelect[Any] | Select[Any] = union_all(*rows) if len(rows) > 1 else rows[0]
        whole = whole.order_by(*order)
        return _text(whole.limit(bindparam("limit")).offset(bindparam("offset")) if ask.is_cut else whole)

    def count(self, ask: Ask, holders: Holders) -> str:
        """How many records fit; not yet with the border."""
        counts = [_text(part.with_only_columns(func.count())) for _, part in self._fitting(ask, holders)]
        return "SELECT " + " + ".join(f"({each})" for each in counts)

    def _fitting(self, ask: Ask, holders: Holders) -> Iterable[tuple[Row, Select[Any]]]:
        """One part per layer: its rows that are visible and fit."""
        clauses = Clauses(holders, ask.depth)
        for place in range(ask.depth):
            row = self.alias(f"t{place}")
            wanted = row.c[ask.wanted] if ask.wanted in row.c else literal_column(f"t{place}.rowid")
            fits = clauses.clause(ask.where, self._shape.name, row)
            border: Clause = literal_column(_border_of(row))
            part = select(wanted).select_from(row).where(*self.visible(row, place), border, fits)
            yield row, part.with_hint(row, f"INDEXED BY {quoted(ask.by)}") if ask.by else part

    def keys(self, order: Sequence[str]) -> Keys:
        """Fields and whether they fall; the order of creation decides in the end, where the resource's key does not."""
        keys = [(key.removeprefix("-"), key.startswith("-")) for key in order]
        return keys if keys and keys[-1][0] == self._shape.key else [*keys, (_CREATION, False)]

    def _key(self, row: Row | Table, key: str) -> ColumnElement[Any]:
        return row.c.serial if key == _CREATION else self.column(row, key)

    def lookups(self) -> frozenset[str]:
        """The fields by which records are looked up."""
        return frozenset(fields[0] for fields in self._shape.indexes)

    def lookup(self, equal: Collection[str], among: Collection[str] = ()) -> Lookup | None:
        """The index that finds records best by fields of which one value is known, or several."""
        best, found = 0.0, None
        for fields in self._shape.indexes:
            known = next((place for place, field in enumerate(fields) if field not in equal), len(fields))
            last = fields[known] if known < len(fields) and fields[known] in among else None
            if (worth := known + (0.5 if last else 0)) > best:
                best, found = worth, Lookup(self._index(fields), tuple(fields[:known]), last)
        return found

    def found(self, lookup: Lookup, depth: int) -> str:
        """How many rows a lookup finds at the most, of which `enough` are counted; `v0` and so on are its values."""
        row = self.alias("t0")
        fields = [*lookup.equal, *([lookup.among] if lookup.among else [])]
        ops = ["eq"] * len(lookup.equal) + ["in"]
        layers: list[Any] = [bindparam(f"layer{place}") for place in range(depth)]
        part: Select[Any] = (
            select(literal_column("1")).select_from(row).with_hint(row, f"INDEXED BY {quoted(lookup.name)}")
        )
        part = part.where(row.c.layer.in_(layers))
        for place, (field, op) in enumerate(zip(fields, ops, strict=False)):
            part = part.where(compared(self.column(row, field), op, f"v{place}"))
        return f"SELECT count(*) FROM ({_text(part)} LIMIT :enough)"

    def create_index(self, name: str, lookups: Sequence[str], keys: Keys) -> str:
        """An index that has the records with the same lookups in order, and beside them whatever conditions ask for."""
        table = self._table.to_metadata(MetaData())
        table.indexes.clear()
        named = {*lookups, *(key for key, _ in keys)}
        parts = [self.column(table, field) for field in lookups]
        parts += [self._key(table, key).desc() if falls else self._key(table, key) for key, falls in keys]
        parts += [self.column(table, field) for field in (*self.columns, self._shape.key) if field not in named]
        index = Index(name, table.c.layer, *parts, sqlite_where=table.c.gone.is_(None))
        return _text(CreateIndex(index, if_not_exists=True))


def parameters(chain: Chain, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a statement over a chain is run with."""
    return {**values, **{f"layer{place}": layer for place, layer in enumerate(chain)}}


class _Compiler(SQLiteCompiler):
    """SQLAlchemy has hints for SQLite nowhere but in this hook."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text


def _dialect(paramstyle: Literal["named", "qmark"]) -> Dialect:
    dialect = sqlite.dialect(paramstyle=paramstyle)
    dialect.statement_compiler = _Compiler
    return dialect


_BY_NAME = _dialect("named")
_BY_PLACE = _dialect("qmark")


def _border_of(row: Row) -> str:
    """What stands for the border until there is one; no SQL has that in it."""
    return f"$${row.name}$$"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _column(field: str) -> str:
    """The column of a field, which may have the name of one of the table's own."""
    return f"f_{field}"


def _text(statement: ClauseElement, dialect: Dialect = _BY_NAME) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})).strip()
