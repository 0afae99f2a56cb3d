"""Dates in Kanbert's filters: which day or moment a value means, and what a field of dates has to do with it.

Vendor documentation: Tasks page, special values. A week begins on Monday, and the zone is the workspace's, UTC.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, TypeAlias

from mockserver.engine.query import And, Condition, Expression, Nothing, Or

_DAY_SECONDS = 86400
_DAYS = date.max.toordinal()  # from the beginning of the year 1 to the end of the year 9999

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_AWAY = re.compile(r"today([+-])0*([0-9]{1,7})d")


class Moment(NamedTuple):
    """A second since the beginning of the year 1, and whether it is that second exactly."""

    second: int
    is_exact: bool


Written: TypeAlias = int | Moment  # a whole day, counted from the beginning of the year 1, or a moment


class Unit(NamedTuple):
    """What the values of a field are counted in, and how the record prints the n-th."""

    seconds: int
    print: Callable[[int], str]


DAYS = Unit(_DAY_SECONDS, lambda day: date.fromordinal(day + 1).isoformat())
SECONDS = Unit(1, lambda second: f"{(datetime(1, 1, 1) + timedelta(seconds=second)).isoformat()}Z")


def read(text: str, now: float) -> Written | None:
    """The day or the moment that a value means at a time of the clock (epoch seconds); None where it means neither."""
    special = _SPECIALS.get(text)
    if special is not None:
        return special(now)
    if _DAY.fullmatch(text):
        return _day(text)
    if away := _AWAY.fullmatch(text):
        day = _today(now).toordinal() - 1 + int(away[1] + away[2])
        return day if 0 <= day < _DAYS else None
    return _moment(text)


class Border(NamedTuple):
    """The first value of a field that a written one reaches, and the first behind it: equal where it falls between.

    None is later than any value.
    """

    first: str | None
    behind: str | None
    is_one: bool


def border(written: Written, unit: Unit) -> Border:
    if isinstance(written, Moment):
        behind = written.second // unit.seconds + 1
        first = behind - 1 if written.is_exact and written.second % unit.seconds == 0 else behind
    else:
        first = written * _DAY_SECONDS // unit.seconds
        behind = (written + 1) * _DAY_SECONDS // unit.seconds
    end = _DAYS * _DAY_SECONDS // unit.seconds
    told = [unit.print(place) if place < end else None for place in (first, behind)]
    return Border(told[0], told[1], behind == first + 1)


def compare(field: str, op: str, at: Border) -> Expression:
    """The records whose field stands so to the border. A field that is null stands nowhere."""
    first, behind, is_one = at
    if op == "lt":
        return _before(field, first)
    if op == "lte":
        return _before(field, behind)
    if op == "gt":
        return _from(field, behind)
    if op == "gte":
        return _from(field, first)
    if first == behind:
        return Nothing() if op == "eq" else Condition(field, "isnotnull")
    if is_one:
        return Condition(field, "eq" if op == "eq" else "ne", first)
    if op == "eq":
        return And((_from(field, first), _before(field, behind)))
    return Or((_before(field, first), _from(field, behind)))


def _before(field: str, value: str | None) -> Expression:
    return Condition(field, "isnotnull") if value is None else Condition(field, "lt", value)


def _from(field: str, value: str | None) -> Expression:
    return Nothing() if value is None else Condition(field, "gte", value)


def _today(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def _ordinal(day: date) -> int:
    return day.toordinal() - 1


def _now(now: float) -> Moment:
    return Moment(_ordinal(date(1970, 1, 1)) * _DAY_SECONDS + int(now // 1), now % 1 == 0)


def _week(now: float, weekday: int) -> int:
    today = _today(now)
    return _ordinal(today) - today.weekday() + weekday


def _month_end(now: float) -> int:
    today = _today(now)
    following = today.replace(day=1) + timedelta(days=31)
    return _ordinal(following.replace(day=1)) - 1


_SPECIALS: dict[str, Callable[[float], Written]] = {
    "now": _now,
    "today": lambda now: _ordinal(_today(now)),
    "sow": lambda now: _week(now, 0),
    "eow": lambda now: _week(now, 6),
    "som": lambda now: _ordinal(_today(now).replace(day=1)),
    "eom": _month_end,
}


def _day(text: str) -> int | None:
    try:
        return _ordinal(date.fromisoformat(text))
    except ValueError:
        return None


def _moment(text: str) -> Moment | None:
    """A date-time of RFC 3339 in the years 1 to 9999; second 60 is the first of the next minute."""
    match = _MOMENT.fullmatch(text)
    day = _day(match[1]) if match else None
    if match is None or day is None:
        return None
    hours, minutes, seconds = map(int, match[2].split(":"))
    away = (int(match[5] or 0), int(match[6] or 0))
    if hours > 23 or minutes > 59 or seconds > 60 or away[0] > 23 or away[1] > 59:
        return None
    offset = (away[0] * 60 + away[1]) * (-60 if match[4] == "-" else 60)
    second = day * _DAY_SECONDS + hours * 3600 + minutes * 60 + seconds - offset
    return Moment(second, not (match[3] or "").strip("0")) if 0 <= second < _DAYS * _DAY_SECONDS else None
