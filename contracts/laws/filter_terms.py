"""Conditions of a filter language as data: how they are written, and which records fit them. Nothing is sent here.

Worked out over records as a target shows them, apart from how the stand-in does it. Where a tenant may see a thing
otherwise, the answer is open: None instead of true or false.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, TypeAlias

from contracts.findings import Broken, NotJudged
from contracts.laws.terms import short

Fits: TypeAlias = bool | None
Leeway = Literal["null", "case", "near"]
EVERY_LEEWAY: frozenset[Leeway] = frozenset({"null", "case", "near"})

_NEAR = timedelta(days=2)
_DAY = timedelta(days=1)
_DAY_ALONE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Where:
    """A field, an operator, and a value: a text, several, or none."""

    field: str
    op: str
    value: str | tuple[str, ...] | None = None


@dataclass(frozen=True)
class Both:
    """All of the parts."""

    parts: tuple["Term", ...]


@dataclass(frozen=True)
class Either:
    """At least one of the parts."""

    parts: tuple["Term", ...]


@dataclass(frozen=True)
class Related:
    """Of the records that name this one any, none or all fit; without a part every one does."""

    field: str
    quantifier: str
    part: "Term | None" = None


@dataclass(frozen=True)
class Counted:
    """How many records name this one."""

    field: str
    op: str
    number: int


Term: TypeAlias = Where | Both | Either | Related | Counted


# Writing


def as_text(term: Term) -> str:
    """The written form. Values are quoted but for special ones."""
    match term:
        case Where(field, op, None):
            return f"{field} {op}"
        case Where(field, op, tuple(values)):
            return f"{field} {op} [{', '.join(map(quoted, values))}]"
        case Where(field, op, str(value)):
            return f"{field} {op} {value if is_special(value) else quoted(value)}"
        case Both(parts):
            return " and ".join(_grouped(part, Either) for part in parts)
        case Either(parts):
            return " or ".join(_grouped(part, Either) for part in parts)
        case Related(field, quantifier, part):
            return f"{field} {quantifier} ({as_text(part) if part else ''})"
        case Counted(field, op, number):
            return f"{field}.count {op} {number}"
    raise AssertionError(term)


def _grouped(part: Term, group: type[Either]) -> str:
    return f"({as_text(part)})" if isinstance(part, group) else as_text(part)


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_special(value: str) -> bool:
    return value in ("me.id", "now", "sow", "eow", "som", "eom") or re.fullmatch(r"today([+-]\d+d)?", value) is not None


def as_data(term: Term) -> dict[str, Any]:
    """The term as an object of JSON."""
    match term:
        case Where(field, op, value):
            shown = list(value) if isinstance(value, tuple) else value
            return {"field": field, "op": op} | ({} if value is None else {"value": shown})
        case Both(parts):
            return {"and": [as_data(part) for part in parts]}
        case Either(parts):
            return {"or": [as_data(part) for part in parts]}
        case Related(field, quantifier, part):
            return {"field": field, "op": quantifier} | ({"value": [as_data(part)]} if part else {})
        case Counted(field, op, number):
            return {"field": f"{field}.count", "op": op, "value": number}
    raise AssertionError(term)


def as_json(term: Term) -> str:
    """The term as JSON: what is joined by `and` as a list."""
    parts = term.parts if isinstance(term, Both) else (term,)
    return json.dumps([as_data(part) for part in parts], ensure_ascii=False)


# Working out


@dataclass(frozen=True)
class View:
    """What an answer depends on besides the records: the fields of the table, the clock, who asks, and what is open."""

    fields: Mapping[str, Mapping[str, Any]]
    now: datetime
    me: str | None
    leeway: frozenset[Leeway]

    def inside(self, field: str) -> "View":
        """The view on the records of a relation."""
        return View(self.fields[field]["fields"], self.now, self.me, self.leeway)


def fits(term: Term, item: Mapping[str, Any], view: View) -> Fits:
    """Does a record fit? None where a tenant may see it either way."""
    match term:
        case Where(field, op, value):
            return _fits_where(field, op, value, item, view)
        case Both(parts):
            return _all(fits(part, item, view) for part in parts)
        case Either(parts):
            return _not(_all(_not(fits(part, item, view)) for part in parts))
        case Related(field, quantifier, part):
            inner = view.inside(field)
            each = [True if part is None else fits(part, other, inner) for other in others(item, field)]
            if quantifier == "all":
                return _all(each)
            none = _all(map(_not, each))
            return none if quantifier == "none" else _not(none)
        case Counted(field, op, number):
            return _compared(op, len(others(item, field)), number)
    raise AssertionError(term)


def others(item: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """The records of a relation, as the item shows them."""
    found = item.get(field)
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise Broken(f"expected {field!r} to be a list of objects in {short(item)}")
    return found


def value_of(item: Mapping[str, Any], name: str) -> Any:
    """The value of a field; a name with dots leads through objects, and is null where one of them is."""
    node: Any = item
    for key in name.split("."):
        if node is None:
            return None
        if isinstance(node, Mapping) and key not in node and "." in name:  # a tenant need not show what is around it
            raise NotJudged(f"no answer shows {name!r}")
        if not isinstance(node, Mapping) or key not in node:
            raise Broken(f"expected {name!r} in {short(item)}")
        node = node[key]
    return node


def _fits_where(field: str, op: str, value: Any, item: Mapping[str, Any], view: View) -> Fits:
    entry = view.fields[field]
    if entry["type"] == "choice":
        asked = entry["values"][value]
        return bool(asked == "any" or (value_of(item, entry["column"]) is None) == (asked == "isnull"))
    held = value_of(item, field)
    if op in ("isnull", "isnotnull"):
        return (held is None) == (op == "isnull")
    if held is None:
        return None if op in ("ne", "nin") and "null" in view.leeway else False
    if op in ("in", "nin"):
        found = _not(_all(_not(_fits_one(entry["type"], "eq", held, one, view)) for one in value))
        return found if op == "in" else _not(found)
    if op == "ne":
        return _not(_fits_one(entry["type"], "eq", held, value, view))
    return _fits_one(entry["type"], op, held, value, view)


def _fits_one(kind: str, op: str, held: Any, value: str, view: View) -> Fits:
    if kind in ("date", "date-time"):
        is_day = kind == "date" and bool(_DAY_ALONE.fullmatch(str(held)) and _DAY_ALONE.fullmatch(value))
        return _fits_date(op, moment(held), value, view, is_day=is_day)
    if kind == "text":
        folded = _fits_text(op, str(held).casefold(), value.casefold())
        is_open = "case" in view.leeway and folded != _fits_text(op, str(held), value)
        return None if is_open else folded
    return bool(held == (view.me if value == "me.id" and kind == "id" else value))


def _fits_text(op: str, held: str, value: str) -> bool:
    if op == "like":
        if not set(value) & set("%_"):
            return value in held
        pattern = "".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in value)
        return re.fullmatch(pattern, held, re.DOTALL) is not None
    if op == "contains":
        return value in held
    return held.startswith(value) if op == "startswith" else held.endswith(value) if op == "endswith" else held == value


def moment(text: Any) -> datetime:
    """The instant of a date, which is its midnight, or of a date-time."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Broken(f"expected a date, got {short(text)}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def meaning(value: str, now: datetime) -> tuple[datetime, datetime | None]:
    """When a value begins, and when the day that it is ends; None for an instant."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if away := re.fullmatch(r"today([+-]\d+)d", value):
        begin = today + int(away[1]) * _DAY
    elif value in ("sow", "eow"):
        begin = today - today.weekday() * _DAY + (6 * _DAY if value == "eow" else 0 * _DAY)
    elif value in ("som", "eom"):
        following = (today.replace(day=1) + 31 * _DAY).replace(day=1)
        begin = today.replace(day=1) if value == "som" else following - _DAY
    elif value == "today":
        begin = today
    elif value == "now":
        return now, None
    elif len(value) > 10:
        return moment(value), None
    else:
        begin = moment(value)
    return begin, begin + _DAY if begin.date() < date.max else datetime.max.replace(tzinfo=UTC)


def _fits_date(op: str, held: datetime, value: str, view: View, *, is_day: bool) -> Fits:
    """Where two days are compared, no time zone and no clock leaves anything open."""
    begin, end = meaning(value, view.now)
    if "near" in view.leeway and not is_day and any(abs(held - border) <= _NEAR for border in (begin, end or begin)):
        return None
    if end is None:
        return _compared(op, held, begin)
    match op:
        case "lt":
            return held < begin
        case "lte":
            return held < end
        case "gt":
            return held >= end
        case "gte":
            return held >= begin
    return begin <= held < end


def _compared(op: str, one: Any, other: Any) -> bool:
    match op:
        case "eq":
            return bool(one == other)
        case "ne":
            return bool(one != other)
        case "lt":
            return bool(one < other)
        case "lte":
            return bool(one <= other)
        case "gt":
            return bool(one > other)
    return bool(one >= other)


def _not(fit: Fits) -> Fits:
    return None if fit is None else not fit


def _all(each: Iterable[Fits]) -> Fits:
    found: Sequence[Fits] = list(each)
    if False in found:
        return False
    return None if None in found else True
