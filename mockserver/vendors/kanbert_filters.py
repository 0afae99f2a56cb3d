"""Kanbert's filters: what a tree of conditions means, by the table of fields in behaviour.yaml.

Vendor documentation: Tasks page, the table of filter fields and the special values. How a filter is written is the
matter of `kanbert_filter_forms.py`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from mockserver.engine.query import (
    All,
    And,
    Children,
    Condition,
    Expression,
    Not,
    Operator,
    Or,
    Quantifier,
    Through,
)
from mockserver.vendors.kanbert_dates import DAYS, SECONDS, Border, Unit, border, compare, read
from mockserver.vendors.kanbert_filter_forms import (
    ABSENT,
    NULL,
    Clause,
    Group,
    Number,
    Odd,
    Reader,
    Tree,
    Words,
    refuse,
    shown,
)

_ME = "me.id"
_NULLS = {"eq": "isnull", "ne": "isnotnull"}
_COMPARED: Sequence[Operator] = ("eq", "ne", "lt", "lte", "gt", "gte")
_REMEMBERED, _SHORT = 256, 500  # texts whose trees are kept, and how long these may be
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")


class Asked(NamedTuple):
    """What the meaning of a filter depends on besides its words."""

    now: float
    me: str | None
    visible: Expression


class Unfit(Exception):
    """A value that a field cannot have, as a message quotes it; without one, none was given."""


Meaning = Callable[[str, Any, Asked], Expression]


class Field(NamedTuple):
    """A name that filters may use: the operators that it takes, aliases resolved, and what they mean."""

    operators: frozenset[str]
    meaning: Meaning


class Filters:
    """The filters of one list: `table` is its operation's `filter` of behaviour.yaml."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._parameter = str(table["parameter"])
        self._aliases = {alias: str(entry["for"]) for alias, entry in table["aliases"].items()}
        self._known = {op for ops in table["classes"].values() for op in ops} | set(_COMPARED)
        self._classes = {name: frozenset(map(self._plain, ops)) for name, ops in table["classes"].items()}
        self._related: Mapping[str, Mapping[str, Any]] = table.get("related", {})
        self._fields = self._compile(table["fields"])
        nulls = {op for op in self._known if self._plain(op) in _NULLS.values()}
        lists = {op for op in self._known if self._plain(op) in ("in", "nin")}
        relations = {op for op in self._known if op in ("any", "none", "all", "count")}
        # Each looks at the sub-tasks of every task: hundreds of them would hold up all other requests for a minute.
        self._relations: int = table.get("relations", 0)
        self._reader = Reader(Words(lists, nulls, relations, table["characters"], table["depth"]))
        self._read = lru_cache(_REMEMBERED)(self._reader.read)

    def parse(self, args: list[tuple[str, str]], now: float, me: str | None, *, visible: Expression) -> Expression:
        """The conditions that a query asks for; `visible` is what related records of the same kind must fit.

        `now` is epoch seconds, `me` the id of the caller's user. Raises Refusal `filter_wrong`.
        """
        form = [(key, value) for key, value in args if key.startswith(f"{self._parameter}[")]
        plain = [value for key, value in args if key == self._parameter]
        if form and plain:
            refuse(f"Send either {self._parameter} or {self._parameter}[...], not both.")
        if form:
            tree = self._reader.read_form(form, self._parameter)
        else:
            text = plain[-1] if plain else ""
            tree = self._read(text) if len(text) <= _SHORT else self._reader.read(text)
        if tree is None:
            return All()
        asked = self._mean(tree, self._fields, Asked(now, me, visible))
        if _relations(asked) > self._relations:
            refuse(f"The filter has more than {self._relations} conditions on related tasks.")
        return asked

    def _plain(self, op: str) -> str:
        return self._aliases.get(op, op)

    def _mean(self, tree: Tree, fields: Mapping[str, Field], asked: Asked) -> Expression:
        if isinstance(tree, Clause):
            return self._clause(tree, fields, asked)
        parts = [self._mean(part, fields, asked) for part in tree.parts]
        return all_of(parts) if tree.joined == "and" else any_of(parts)

    def _clause(self, clause: Clause, fields: Mapping[str, Field], asked: Asked) -> Expression:
        field = fields.get(clause.field)
        if field is None:
            refuse(f"Filter field {shown(clause.field)} is not available here.")
        if clause.op not in self._known:
            refuse(f"Filter operator {shown(clause.op)} is not known.")
        op = self._plain(clause.op)
        if op not in field.operators:
            refuse(f"Filter operator {clause.op} is not available for {clause.field}.")
        if clause.value is NULL and _NULLS.get(op) in field.operators:
            return field.meaning(_NULLS[op], None, asked)
        try:
            return field.meaning(op, clause.value, asked)
        except Unfit as unfit:
            if not unfit.args:
                refuse(f"Filter operator {clause.op} needs a value for {clause.field}.")
            refuse(f"Filter value {unfit.args[0]} is not valid for {clause.field}.")

    def _compile(self, table: Mapping[str, Mapping[str, Any]]) -> dict[str, Field]:
        fields: dict[str, Field] = {}
        for name, entry in table.items():
            operators = self._classes[entry["class"]]
            if entry["type"] == "relation":
                fields[name] = Field(operators, self._relation(entry))
                fields[f"{name}.count"] = Field(frozenset(_COMPARED), _count_of(entry))
            else:
                fields[name] = Field(operators, self._reached(name, entry))
        return fields

    def _reached(self, name: str, entry: Mapping[str, Any]) -> Meaning:
        """The meaning of a field of the record itself, or with a dot in its name of a related record."""
        first, _, column = name.rpartition(".")
        mean = _MEANINGS[entry["type"]]
        if not first:
            return mean(entry.get("column", name), entry)
        other = self._related[first]
        if entry["type"] == "id" and not other.get("guarded"):
            return mean(other["field"], entry)  # the record itself names it
        return _beyond(other, mean(column, entry))

    def _relation(self, entry: Mapping[str, Any]) -> Meaning:
        """Of the records that name this one: any, none or all of those that the caller sees, or how many."""
        inner, count = self._compile(entry["fields"]), _count_of(entry)
        resource, column = entry["children"]["resource"], entry["children"]["field"]

        def mean(op: str, value: Any, asked: Asked) -> Expression:
            if op == "count":
                return count("eq", value, asked)
            if not isinstance(value, Clause | Group) and value not in (ABSENT, NULL, ()):
                raise Unfit(_quoted(value))
            part = self._mean(value, inner, asked) if isinstance(value, Clause | Group) else All()
            if op == "all":
                hidden = () if asked.visible == All() else (Not(asked.visible),)
                return Children(resource, column, "all", any_of([*hidden, part]))
            quantifier: Quantifier = "any" if op == "any" else "none"
            return Children(resource, column, quantifier, all_of([asked.visible, part]))

        return mean


def all_of(parts: Iterable[Expression]) -> Expression:
    """Both of two, and so on; what is joined in the same way becomes one."""
    flat = [each for part in parts for each in (part.parts if isinstance(part, And) else (part,))]
    kept = tuple(part for part in flat if not isinstance(part, All))
    return kept[0] if len(kept) == 1 else And(kept) if kept else All()


def any_of(parts: Iterable[Expression]) -> Expression:
    flat = tuple(each for part in parts for each in (part.parts if isinstance(part, Or) else (part,)))
    if any(isinstance(part, All) for part in flat):
        return All()
    return flat[0] if len(flat) == 1 else Or(flat)


# What the operators of a field mean, by the type of the field


def _text(column: str, _entry: Mapping[str, Any]) -> Meaning:
    def read_one(value: Any, _asked: Asked) -> str:
        return str(value)

    plain = _plain(column, read_one, takes_numbers=True)

    def mean(op: str, value: Any, asked: Asked) -> Expression:
        if op == "like" and isinstance(value, str) and "%" not in value and "_" not in value:
            op = "contains"
        return plain(op, value, asked)

    return mean


def _id(column: str, _entry: Mapping[str, Any]) -> Meaning:
    def read_one(value: str, asked: Asked) -> str:
        if value != _ME:
            return value
        if asked.me is None:
            raise Unfit(_ME)
        return asked.me

    return _plain(column, read_one)


def _enumeration(column: str, entry: Mapping[str, Any]) -> Meaning:
    def read_one(value: str, _asked: Asked) -> str:
        if value not in entry["values"]:
            raise Unfit(shown(value))
        return value

    return _plain(column, read_one)


def _choice(column: str, entry: Mapping[str, Any]) -> Meaning:
    """Each value stands for a condition on the column: that it is null, that it is not, or none."""

    def mean(_op: str, value: Any, _asked: Asked) -> Expression:
        wanted = entry["values"].get(_single(value))
        if wanted is None:
            raise Unfit(_quoted(value))
        return All() if wanted == "any" else Condition(column, wanted)

    return mean


def _plain(column: str, read_one: Callable[[str, Asked], str], *, takes_numbers: bool = False) -> Meaning:
    """Values that are compared as they stand."""

    def mean(op: Any, value: Any, asked: Asked) -> Expression:
        if op in _NULLS.values():
            return Condition(column, op)
        if op in ("in", "nin"):
            values = (read_one(_single(each, takes_numbers), asked) for each in _several(value))
            return Condition(column, op, tuple(dict.fromkeys(values)))
        return Condition(column, op, read_one(_single(value, takes_numbers), asked))

    return mean


def _dates(unit: Unit) -> Callable[[str, Mapping[str, Any]], Meaning]:
    def compile_(column: str, _entry: Mapping[str, Any]) -> Meaning:
        def mean(op: Any, value: Any, asked: Asked) -> Expression:
            if op in _NULLS.values():
                return Condition(column, op)
            if op not in ("in", "nin"):
                return compare(column, op, _border(value, unit, asked))
            borders = dict.fromkeys(_border(each, unit, asked) for each in _several(value))
            days = tuple(each.first for each in borders if each.is_one)
            parts: list[Expression] = [Condition(column, op, days)] if days else []
            parts += [compare(column, "eq" if op == "in" else "ne", each) for each in borders if not each.is_one]
            return any_of(parts) if op == "in" else all_of(parts)

        return mean

    return compile_


def _border(value: Any, unit: Unit, asked: Asked) -> Border:
    written = read(_single(value), asked.now)
    if written is None:
        raise Unfit(_quoted(value))
    return border(written, unit)


_MEANINGS: Mapping[str, Callable[[str, Mapping[str, Any]], Meaning]] = {
    "text": _text,
    "id": _id,
    "enum": _enumeration,
    "choice": _choice,
    "date": _dates(DAYS),
    "date-time": _dates(SECONDS),
}


def _single(value: Any, takes_numbers: bool = False) -> str:
    if isinstance(value, str) and not isinstance(value, Odd) and (takes_numbers or not isinstance(value, Number)):
        return value
    if value is ABSENT:
        raise Unfit
    raise Unfit(_quoted(value))


def _several(value: Any) -> Sequence[Any]:
    if isinstance(value, tuple) and value:
        return value
    if value is ABSENT:
        raise Unfit
    raise Unfit(_quoted(value))


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, tuple):
        return shown(f"[{','.join(map(_quoted, value[:9]))}]")
    return "null" if value is NULL else "(...)"


def _beyond(other: Mapping[str, Any], meaning: Meaning) -> Meaning:
    """The meaning for a field of a related record: it is null too where there is no such record."""

    def mean(op: str, value: Any, asked: Asked) -> Expression:
        part = meaning("isnotnull" if op == "isnull" else op, value, asked)
        found = Through(
            other["field"], other["resource"], all_of([asked.visible, part]) if other.get("guarded") else part
        )
        return Not(found) if op == "isnull" else found

    return mean


def _count_of(entry: Mapping[str, Any]) -> Meaning:
    """How many records that the caller sees name this one."""
    resource, field = entry["children"]["resource"], entry["children"]["field"]

    def mean(op: Any, value: Any, asked: Asked) -> Expression:
        text = _single(value, takes_numbers=True)
        if not _INTEGER.fullmatch(text):
            raise Unfit(_quoted(value))
        return Children(resource, field, "count", asked.visible, op, int(text))

    return mean


def _relations(tree: Expression) -> int:
    """How many conditions look at other records of the same kind."""
    match tree:
        case And(parts) | Or(parts):
            return sum(_relations(part) for part in parts)
        case Not(part):
            return _relations(part)
    return int(isinstance(tree, Children))
