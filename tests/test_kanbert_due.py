"""Kanbert's due dates: the day of a moment, and the date after one that recurs."""

import pytest

from mockserver.vendors.kanbert_due import day, next_due


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        ("2024-02-29", "2024-02-29"),
        ("2024-02-29T00:00:00Z", "2024-02-29"),
        ("2024-02-29t23:59:60z", "2024-02-29"),
        ("2024-02-29T23:59:59.999999999-00:01", "2024-03-01"),
        ("2024-03-01T00:30:00+01:00", "2024-02-29"),
        ("9999-12-31T23:00:00-02:00", "9999-12-31"),
        ("0001-01-01T00:00:00+02:00", "0001-01-01"),
        ("0000-01-01T00:00:00+02:00", "0000-01-01"),
        (None, None),
    ],
)
def test_day__is_that_of_the_moment_in_utc(moment: str | None, found: str | None) -> None:
    assert day(moment) == found


@pytest.mark.parametrize(
    ("due", "kind", "interval", "following"),
    [
        ("2024-02-28", "daily", None, "2024-02-29"),
        ("2024-02-28", "daily", 7, "2024-02-29"),
        ("2024-01-15", "weekly", 1, "2024-01-22"),
        ("2024-01-16", "weekly", 1, "2024-01-22"),
        ("2024-01-21", "weekly", 1, "2024-01-22"),
        ("2024-01-15", "weekly", 7, "2024-01-21"),
        ("2024-01-17", "weekly", None, "2024-01-24"),
        ("2024-01-31", "monthly", 1, "2024-02-29"),
        ("2024-01-31", "monthly", None, "2024-02-29"),
        ("2024-11-30", "monthly", 3, "2025-02-28"),
        ("2024-12-15", "monthly", 12, "2025-12-15"),
        ("9999-12-31", "daily", None, None),
        ("9999-12-31", "monthly", 1, None),
        ("0000-01-01", "daily", None, None),
        (None, "daily", None, None),
        ("2024-01-15", None, 3, None),
    ],
)
def test_next_due(due: str | None, kind: str | None, interval: int | None, following: str | None) -> None:
    assert next_due(due, {"recurring_type": kind, "recurring_interval": interval}) == following
