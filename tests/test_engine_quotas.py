"""Counted windows: calls taken, refused and given back, by the clock's calendar month."""

from typing import Any

import pytest

from mockserver.engine.chance import parse_time
from mockserver.engine.errors import Refusal
from mockserver.engine.quotas import Counts, Quota

TABLE = {
    "window": "month",
    "limit": "calls",
    "spared": [429],
    "refusal": "used_up",
    "headers": {"X-Limit": "limit", "X-Left": "remaining", "X-Reset": "reset"},
}
ACCOUNTS: dict[str, dict[str, Any]] = {"small": {"calls": 2}, "large": {"calls": 100}}
JANUARY, LAST_OF_JANUARY, FEBRUARY = map(
    parse_time, ("2024-01-15T10:00:00Z", "2024-01-31T23:59:59Z", "2024-02-01T00:00:00Z")
)


def make_counts(*, counting: bool = True) -> Counts:
    return Counts(Quota(TABLE, ACCOUNTS, counting=counting))


def left(counts: Counts, account: str = "small", now: float = JANUARY) -> int:
    return int(dict(counts.headers(account, now))[b"x-left"])


def test_headers__tell_limit_rest_and_the_first_of_next_month() -> None:
    found = make_counts().headers("small", JANUARY)
    assert found == [(b"x-limit", b"2"), (b"x-left", b"2"), (b"x-reset", b"2024-02-01T00:00:00Z")]


def test_take__counts_down_for_one_account_only() -> None:
    counts = make_counts()
    counts.take("small", JANUARY)
    assert (left(counts), left(counts, "large")) == (1, 100)


def test_take__refuses_when_none_is_left() -> None:
    counts = make_counts()
    for _ in range(2):
        counts.take("small", JANUARY)
    with pytest.raises(Refusal) as refused:
        counts.take("small", JANUARY)
    assert refused.value.situation == "used_up"
    assert refused.value.values == {"limit": 2, "reset": "2024-02-01T00:00:00Z"}
    assert left(counts) == 0


def test_take__begins_anew_with_the_month() -> None:
    counts = make_counts()
    for _ in range(2):
        counts.take("small", LAST_OF_JANUARY)
    counts.take("small", FEBRUARY)
    assert left(counts, now=FEBRUARY) == 1


def test_headers__show_the_new_month_before_any_call_of_it() -> None:
    counts = make_counts()
    counts.take("small", LAST_OF_JANUARY)
    found = dict(counts.headers("small", FEBRUARY))
    assert (found[b"x-left"], found[b"x-reset"]) == (b"2", b"2024-03-01T00:00:00Z")


@pytest.mark.parametrize(("status", "rest"), [(429, 2), (404, 1), (500, 1)])
def test_give_back__only_for_statuses_that_are_spared(status: int, rest: int) -> None:
    counts = make_counts()
    counts.take("small", JANUARY)
    counts.give_back("small", status)
    assert left(counts) == rest


def test_take__without_counting_never_refuses_nor_counts() -> None:
    counts = make_counts(counting=False)
    for _ in range(10):
        counts.take("small", JANUARY)
    assert left(counts) == 2


def test_state__brings_counts_back_into_their_window() -> None:
    counts = make_counts()
    counts.take("small", JANUARY)
    kept = counts.state()
    again = Counts(Quota(TABLE, ACCOUNTS, counting=True), dict(kept["used"]), kept["start"])
    assert left(again, now=LAST_OF_JANUARY) == 1
    assert left(again, now=FEBRUARY) == 2
