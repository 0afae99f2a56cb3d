"""Kanbert's due dates: the day of a moment, and when a date that recurs comes next."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt]([0-9]{2}):([0-9]{2}):[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2})))?"
)


def day(text: str | None) -> str | None:
    """The day of a moment in the zone of the workspace, UTC; of a plain day that day (KB-300)."""
    found = _MOMENT.fullmatch(text) if text is not None else None
    if found is None:
        return None
    plain, hour, minute, sign, hours, minutes = found.groups()
    if sign is None:
        return plain
    away = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        there = datetime.combine(date.fromisoformat(plain), time(int(hour), int(minute)), timezone(away))
        return there.astimezone(UTC).date().isoformat()
    except (OverflowError, ValueError):  # beyond the first or the last day of all, or in the year 0
        return plain


def next_due(text: str | None, settings: Mapping[str, Any]) -> str | None:
    """The date after one that recurs; None where it does not (N10).

    Daily: the day after. Weekly: the next such weekday, 1 for Monday. Monthly: so many months later, or on the last day
    of that month.
    """
    if text is None or settings["recurring_type"] is None:
        return None
    interval = settings["recurring_interval"]
    try:
        due = date.fromisoformat(text)
        match settings["recurring_type"]:
            case "daily":
                return (due + timedelta(days=1)).isoformat()
            case "weekly":
                days = ((interval or due.isoweekday()) - due.isoweekday() - 1) % 7 + 1
                return (due + timedelta(days=days)).isoformat()
        months = due.year * 12 + due.month - 1 + (interval or 1)
        year, month = months // 12, months % 12 + 1
        return date(year, month, min(due.day, monthrange(year, month)[1])).isoformat()
    except (OverflowError, ValueError):  # after the year 9999, or in the year 0
        return None
