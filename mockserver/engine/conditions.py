"""Conditions in SQL: a tree of query.py as a clause over the tables of a vendor, read through a chain of layers.

First the values are taken out of a tree, so that trees of one form are built once and only bound again.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import count
from typing import Any, Protocol

import orjson
from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql.selectable import NamedFromClause

from mockserver.engine.columns import FORMS, plain
from mockserver.engine.query import (
    All,
    And,
    Children,
    Condition,
    Expression,
    Not,
    Nothing,
    Or,
    Through,
    all_of,
    any_of,
    none_of,
)

MOST_BESIDE = 50  # parts of one group: SQLite's parser goes one level deeper for each

Clause = ColumnElement[bool]
Row = NamedFromClause[Any]

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


class Source(Protocol):
    """The table of a resource, as conditions see it."""

    def alias(self, name: str) -> Row: ...

    def column(self, row: Row, field: str) -> ColumnElement[Any]: ...

    def form(self, field: str) -> str: ...

    def is_key(self, field: str) -> bool: ...

    def key(self, row: Row, form: str) -> ColumnElement[Any]: ...

    def visible(self, row: Row, place: int) -> list[Clause]: ...


class Holder(Protocol):
    """The records of a resource."""

    @property
    def sql(self) -> Source: ...


Holders = Mapping[str, Holder]


def named(where: Expression, resource: str, holders: Holders, values: dict[str, Any]) -> Expression:
    """The tree with names in place of its values; the values, in the form of their columns, go to `values`.

    Constants are left only where they are all that is left: SQLite would take them for more than was said of an index.

    Raises LookupError for a field that is no column, ValueError for a text operator on a column of digits.
    """
    match where:
        case And(parts):
            return all_of(named(part, resource, holders, values) for part in parts)
        case Or(parts):
            return any_of(named(part, resource, holders, values) for part in parts)
        case Not(part):
            return none_of(named(part, resource, holders, values))
        case Condition(field, op, _):
            source = holders[resource].sql
            if op in ("isnull", "isnotnull") and source.is_key(field):
                return Nothing() if op == "isnull" else All()
            return named_condition(where, source.form(field), values, "p")
        case Through(field, other, part):
            return Through(field, other, named(part, other, holders, values))
        case Children(other, field, quantifier, part, op, value):
            inner = named(part, other, holders, values)
            name: Any = _name(plain(value), values, "p") if quantifier == "count" else None
            return Children(other, field, quantifier, inner, op, name)
    return where


def named_condition(condition: Condition, form: str, values: dict[str, Any], letter: str) -> Condition:
    """The condition with a name, which begins with that letter, in place of its value."""
    field, op, value = condition.field, condition.op, condition.value
    hold = FORMS[form]
    match op:
        case "isnull" | "isnotnull":
            return Condition(field, op)
        case "in" | "nin":
            made: Any = orjson.dumps([hold(_written(one)) for one in value]).decode()
        case "contains" | "like" | "startswith" | "endswith":
            if form == "digits":
                raise ValueError(f"{op} needs a column of text, and {field} holds digits")
            made = hold(_written(value))
            if op == "like":
                made = _glob(made)
            if op == "endswith" and made == "":
                return Condition(field, "isnotnull")
        case _:
            made = hold(_written(value))
    return Condition(field, op, _name(made, values, letter))


def _name(value: Any, values: dict[str, Any], letter: str) -> str:
    name = f"{letter}{len(values)}"
    values[name] = value
    return name


def _written(value: Any) -> Any:
    """A text that UTF-8 cannot write is in no record: it becomes one that can be written and is in none either."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\ufffd", "\ufdd0")
    return value


def _glob(pattern: Any) -> Any:
    """A pattern of `like` as GLOB has it, which minds the case as columns do."""
    if not isinstance(pattern, str):
        return pattern
    literal = "".join(f"[{one}]" if one in "[*?" else one for one in pattern)
    return literal.replace("%", "*").replace("_", "?")


class Clauses:
    """Builds the clauses of one statement over so many layers."""

    def __init__(self, holders: Holders, depth: int) -> None:
        self._holders = holders
        self._depth = depth
        self._numbers = count()

    def clause(self, where: Expression, resource: str, row: Row) -> Clause:
        """Whether a row of the resource's table fits a named tree; may be null instead of false."""
        match where:
            case All():
                return true()
            case Nothing():
                return false()
            case And(parts):
                return _group(and_, [self.clause(part, resource, row) for part in parts], true())
            case Or(parts):
                return _group(or_, [self.clause(part, resource, row) for part in parts], false())
            case Not(part):
                return self._fails(part, resource, row)
            case Condition(field, op, name):
                return compared(self._holders[resource].sql.column(row, field), op, name)
            case Through(field, other, part):
                mine, others = self._holders[resource].sql, self._holders[other].sql
                named_by, form = mine.column(row, field), mine.form(field)
                return self._any(other, part, lambda one: others.key(one, form) == named_by)
            case Children():
                return self._of_children(where, resource, row)

    def _fails(self, part: Expression, resource: str, row: Row) -> Clause:
        return self.clause(part, resource, row).is_not(true())

    def _of_children(self, where: Children, resource: str, row: Row) -> Clause:
        other, part = where.resource, where.part
        source = self._holders[other].sql
        key = self._holders[resource].sql.key(row, source.form(where.field))

        def is_child(one: Row) -> Clause:
            return source.column(one, where.field) == key

        match where.quantifier:
            case "any":
                return self._any(other, part, is_child)
            case "none":
                return ~self._any(other, part, is_child)
            case "all":
                return ~self._any(other, Not(part), is_child)
            case "count":
                counts = [
                    select(func.count()).select_from(one).where(*fits).correlate_except(one).scalar_subquery()
                    for one, fits in self._fitting(other, part, is_child)
                ]
                total: Any = reduce(operator.add, counts)
                counted: Clause = _COMPARE[where.op](total, bindparam(str(where.value)))
                return counted

    def _any(self, resource: str, part: Expression, link: Callable[[Row], Clause]) -> Clause:
        """Whether the resource has a row that is linked and fits."""
        found = [
            exists(select(literal_column("1")).select_from(one).where(*fits).correlate_except(one))
            for one, fits in self._fitting(resource, part, link)
        ]
        return or_(*found)

    def _fitting(
        self, resource: str, part: Expression, link: Callable[[Row], Clause]
    ) -> list[tuple[Row, Sequence[Clause]]]:
        """One alias per layer, and what makes a row of it visible, linked and fit."""
        source = self._holders[resource].sql
        found: list[tuple[Row, Sequence[Clause]]] = []
        for place in range(self._depth):
            one = source.alias(f"r{next(self._numbers)}")
            found.append((one, [link(one), *source.visible(one, place), self.clause(part, resource, one)]))
        return found


def _group(join: Callable[..., Clause], parts: list[Clause], empty: Clause) -> Clause:
    """The parts joined, many of them in groups of groups."""
    while len(parts) > MOST_BESIDE:
        parts = [join(*parts[at : at + MOST_BESIDE]).is_(true()) for at in range(0, len(parts), MOST_BESIDE)]
    return join(*parts) if parts else empty


def compared(column: ColumnElement[Any], op: str, name: str) -> Clause:
    """One condition on a column; `name` is what its value is bound to."""
    value: Any = bindparam(name)
    match op:
        case "isnull":
            return column.is_(None)
        case "isnotnull":
            return column.is_not(None)
        case "in":
            return column.in_(_each(name))
        case "nin":
            return and_(column.is_not(None), column.not_in(_each(name)))
        case "contains":
            return func.instr(column, value) > literal_column("0")
        case "startswith":
            return func.instr(column, value) == literal_column("1")
        case "endswith":
            end: Clause = func.substr(column, -func.length(value)) == value
            return end
        case "like":
            return column.bool_op("GLOB")(value)
    compared: Clause = _COMPARE[op](column, value)
    return compared


def _each(name: str) -> Any:
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)
