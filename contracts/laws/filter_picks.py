"""Which values to filter by: those that some of the records have and others have not. Nothing is sent here."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from contracts.laws.filter_stock import Stock
from contracts.laws.filter_terms import Fits, Leeway, Where, fits, others, value_of

NULLS = ("isnull", "isnotnull")
_PART = re.compile(r"[^\W\d_]{3,5}")  # letters alone: no wildcard, no quote, no blank
# Operators that are easily taken for each other.
_RIVALS = {"startswith": "contains", "endswith": "contains", "contains": "startswith"}
_RIVALS |= {"lt": "lte", "lte": "lt", "gt": "gte", "gte": "gt"}
_MOST = 12  # values that are weighed


def best(stock: Stock, names: Sequence[str], op: str, leeway: frozenset[Leeway]) -> Where | None:
    """The condition on one of these fields that divides the records best, and unlike its rival; of those the surest."""
    known = (tuple(names), op, leeway)
    if known not in stock.picked:
        records, view = stock.records(), stock.view(leeway)

        def weight(term: Where) -> tuple[int, bool, int, int]:
            found = [fits(term, record, view) for record in records]
            divided = min(found.count(True), found.count(False))
            return min(divided, 1), is_told_apart(term, found), -found.count(None), divided

        def is_told_apart(term: Where, found: list[Fits]) -> bool:
            rival = _RIVALS.get(term.op)
            others = [fits(replace(term, op=rival), record, view) for record in records] if rival else []
            return any({one, other} == {True, False} for one, other in zip(found, others, strict=False))

        terms = (term for name in names for term in picks(stock, name, op))
        stock.picked[known] = max(terms, key=weight, default=None)
    return stock.picked[known]


def picks(stock: Stock, name: str, op: str) -> Iterator[Where]:
    """Conditions on a field, by the values that records have."""
    held = [value_of(record, name) for record in stock.records()]
    return _terms(name, op, stock.table["fields"][name], held)


def inner_picks(stock: Stock, relation: str, field: str | None = None, op: str | None = None) -> Iterator[Where]:
    """Conditions on the records of a relation; on one field with one operator, or with some on each field."""
    fields: Mapping[str, Mapping[str, Any]] = stock.table["fields"][relation]["fields"]
    for name, entry in fields.items():
        if field not in (None, name):
            continue
        held = [value_of(other, name) for record in stock.records() for other in others(record, relation)]
        known = stock.table["classes"][entry["class"]]
        for each in (op,) if op else [each for each in ("eq", "ne", "contains") if each in known]:
            yield from list(_terms(name, each, entry, held))[:3]


def _terms(name: str, op: str, entry: Mapping[str, Any], held: list[Any]) -> Iterator[Where]:
    if op in NULLS:
        yield Where(name, op)
        return
    values = list(dict.fromkeys(str(value) for value in held if value is not None))[:_MOST]
    values = values or [str(value) for value in entry.get("values", ())][:2] or _SPARE[entry["type"]]
    if op in ("in", "nin"):
        yield from (Where(name, op, (value, values[-1])) for value in values)
        return
    cut = _CUTS.get(op)
    for value in values:
        if cut is None:
            yield Where(name, op, value)
        else:
            yield from (Where(name, op, part) for part in cut(value))


def _contains(value: str) -> list[str]:
    return [found[0] for found in _PART.finditer(value)][:3] or [value]


def _like(value: str) -> list[str]:
    return [f"%{part}%" for part in _contains(value)]


def _startswith(value: str) -> list[str]:
    return [value[:4]]


def _endswith(value: str) -> list[str]:
    return [value[-4:]]


_CUTS: Mapping[str, Callable[[str], list[str]]] = {
    "contains": _contains,
    "like": _like,
    "startswith": _startswith,
    "endswith": _endswith,
}

# What is asked for where no record has a value.
_SPARE: Mapping[str, list[str]] = {"text": ["zzz"], "id": ["zzz"], "date": ["2001-02-03"], "date-time": ["2001-02-03"]}
