"""Counted windows: calls taken, refused and given back, by the clock's calendar month."""

from typing import Any

import pytest

from mockserver.engine.call import Call
from mockserver.engine.chance import parse_time
from mockserver.engine.errors import Refusal
from mockserver.engine.messages import Request
from mockserver.engine.quotas import Counts, quota

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


WORLD: Any = None  # which counts do not look at


def by(account: str) -> Call:
    return Call(WORLD, Request("GET", "/", b"", [], {}, b""), account)


SMALL = by("small")


def make_counts(*, counting: bool = True) -> Counts:
    return quota(TABLE, ACCOUNTS, counting=counting).counts()


def left(counts: Counts, account: str = "small", now: float = JANUARY) -> int:
    return int(dict(counts.headers(by(account), now))[b"x-left"])


def test_headers__tell_limit_rest_and_the_first_of_next_month() -> None:
    found = make_counts().headers(SMALL, JANUARY)
    assert found == [(b"x-limit", b"2"), (b"x-left", b"2"), (b"x-reset", b"2024-02-01T00:00:00Z")]


def test_take__counts_down_for_one_account_only() -> None:
    counts = make_counts()
    counts.take(SMALL, JANUARY)
    assert (left(counts), left(counts, "large")) == (1, 100)


def test_take__refuses_when_none_is_left() -> None:
    counts = make_counts()
    for _ in range(2):
        counts.take(SMALL, JANUARY)
    with pytest.raises(Refusal) as refused:
        counts.take(SMALL, JANUARY)
    assert refused.value.situation == "used_up"
    assert refused.value.values == {"limit": 2, "reset": "2024-02-01T00:00:00Z"}
    assert left(counts) == 0


def test_take__begins_anew_with_the_month() -> None:
    counts = make_counts()
    for _ in range(2):
        counts.take(SMALL, LAST_OF_JANUARY)
    counts.take(SMALL, FEBRUARY)
    assert left(counts, now=FEBRUARY) == 1


def test_headers__show_the_new_month_before_any_call_of_it() -> None:
    counts = make_counts()
    counts.take(SMALL, LAST_OF_JANUARY)
    found = dict(counts.headers(SMALL, FEBRUARY))
    assert (found[b"x-left"], found[b"x-reset"]) == (b"2", b"2024-03-01T00:00:00Z")


@pytest.mark.parametrize(("status", "rest"), [(429, 2), (404, 1), (500, 1)])
def test_give_back__only_for_statuses_that_are_spared(status: int, rest: int) -> None:
    counts = make_counts()
    counts.take(SMALL, JANUARY)
    counts.give_back(SMALL, status)
    assert left(counts) == rest


def test_take__without_counting_never_refuses_nor_counts() -> None:
    counts = make_counts(counting=False)
    for _ in range(10):
        counts.take(SMALL, JANUARY)
    assert left(counts) == 2


def test_state__brings_counts_back_into_their_window() -> None:
    counts = make_counts()
    counts.take(SMALL, JANUARY)
    kept = counts.state()
    again = quota(TABLE, ACCOUNTS, counting=True).counts(kept)
    assert left(again, now=LAST_OF_JANUARY) == 1
    assert left(again, now=FEBRUARY) == 2


SLIDING = {
    "window": {"seconds": 60},
    "calls": {"move": 2, "enter": {"calls": 1, "seconds": 30}},
    "otherwise": 9,
    "spared": [429],
    "refusal": "used_up",
    "headers": {"X-Limit": "limit", "X-Left": "remaining", "X-Reset": "reset"},
}
START = 1_700_000_000.0


def moving(caller: str | None, operation: str | None = "move") -> Call:
    call = Call(WORLD, Request("PUT", "/", b"", [], {}, b""), "mine", operation)
    call.quota_key = caller
    return call


def sliding() -> Counts:
    return quota(SLIDING, {}, counting=True).counts()


def told(counts: Counts, call: Call, now: float) -> tuple[int, int, int]:
    found = dict(counts.headers(call, now))
    return int(found[b"x-limit"]), int(found[b"x-left"]), int(found[b"x-reset"])


def test_sliding__a_call_leaves_the_window_just_when_its_seconds_have_passed() -> None:
    counts, ann = sliding(), moving("ann")
    counts.take(ann, START)
    counts.take(ann, START + 20)
    assert told(counts, ann, START + 59) == (2, 0, START + 60)
    with pytest.raises(Refusal) as refused:
        counts.take(ann, START + 59.5)
    assert refused.value.headers == [(b"retry-after", b"1")]
    counts.take(ann, START + 60)
    assert told(counts, ann, START + 60) == (2, 0, START + 80)


def test_sliding__retry_after_is_until_the_reset() -> None:
    counts, ann = sliding(), moving("ann")
    counts.take(ann, START)
    counts.take(ann, START + 1)
    with pytest.raises(Refusal) as refused:
        counts.take(ann, START + 23)
    assert refused.value.headers == [(b"retry-after", b"37")]


def test_sliding__callers_and_operations_do_not_share() -> None:
    counts = sliding()
    counts.take(moving("ann"), START)
    assert told(counts, moving("bob"), START) == (2, 2, START + 60)
    assert told(counts, moving("ann", "read"), START) == (9, 9, START + 60)


def test_sliding__an_operation_may_have_seconds_of_its_own() -> None:
    counts, ann = sliding(), moving("ann", "enter")
    counts.take(ann, START)
    assert told(counts, ann, START + 29) == (1, 0, START + 30)
    counts.take(ann, START + 30)


def test_sliding__while_nobody_is_known_the_whole_budget_is_shown() -> None:
    counts = sliding()
    counts.take(moving("ann"), START)
    assert told(counts, moving(None), START + 0.5) == (2, 2, START + 61)


def test_sliding__state_brings_the_calls_back() -> None:
    counts = sliding()
    counts.take(moving("ann"), START)
    again = quota(SLIDING, {}, counting=True).counts(counts.state())
    assert told(again, moving("ann"), START + 1) == (2, 1, START + 60)


def test_sliding__forgets_idle_callers_when_there_are_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.engine.quotas.MOST_KEPT", 3)
    counts = sliding()
    for number in range(3):
        counts.take(moving(f"caller {number}"), START + number * 20)
    counts.take(moving("one more"), START + 61)
    assert {key.partition("|")[0] for key in counts.state()} == {"caller 1", "caller 2", "one more"}
