"""How fast a run goes: nothing here waits, because its clock is moved by whoever sleeps."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from email.utils import formatdate
from itertools import pairwise
from typing import Any

import pytest

from contracts.findings import Headers, NotJudged
from contracts.safety.budget import Budget, BudgetSpent, Purse, Watch
from contracts.safety.limits import Told, read, retry_after, structured
from contracts.safety.pace import Full, Limited, Pace, Turn

NOON = 1_790_000_000.0  # 2026-09-21T14:13:20Z
MOVE, LIST, LOGIN = Turn("owner", "move"), Turn("owner", "list"), Turn("owner", "login")
HEADERS = {"X-Calls": "limit", "X-Left": "remaining", "X-Reset": "reset"}
SLIDING: dict[str, Any] = {
    "quotas": {
        "requests": {
            "window": {"seconds": 60},
            "calls": {"move": 10, "list": 30, "login": {"calls": 5, "seconds": 30}},
            "spared": [403],
            "headers": HEADERS,
        }
    },
    "operations": {"make": {"verb": "create", "capacity": "tasks"}},
}
MONTH: dict[str, Any] = {"quotas": {"monthly": {"window": "month", "spared": [429], "headers": HEADERS}}}
FAMILY = {"limit": "x-ratelimit-limit", "remaining": "x-ratelimit-remaining", "reset": "x-ratelimit-reset"}


class Time:
    """A clock that moves when somebody sleeps, and keeps for how long."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.watch = Watch(lambda: self.now, lambda: NOON + self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(round(seconds, 3))
        self.now += seconds


class Run:
    """A run that sends to nobody: each call is answered as the test says."""

    def __init__(
        self, behaviour: Mapping[str, Any], *, own: bool = False, per_minute: int | None = None, **budget: Any
    ) -> None:
        self.time = Time()
        self.purse = Purse(Budget(**budget), self.time.watch)
        self.pace = Pace(behaviour, self.purse, self.time.watch, per_minute=per_minute, is_own_world=own)
        self.told: list[str] = []
        self.pace.told = lambda seconds, why: self.told.append(f"{seconds:g} s: {why}")
        self.left_at: list[float] = []

    def call(self, turn: Turn, status: int = 200, *, owed: int = 0, repeats: int = 0, **headers: object) -> bool:
        """One request and its answer; whether it has to be sent again."""
        self.pace.wait(turn, owed=owed)
        self.left_at.append(self.time.now)
        fields = Headers([(name.replace("_", "-"), str(value)) for name, value in headers.items()])
        self.pace.heed(turn, status, fields)
        return self.pace.is_put_off(turn, status, fields, repeats)

    def calls(self, turn: Turn, number: int, status: int = 200) -> list[float]:
        """So many requests; for how long was slept before each that had to wait."""
        before = len(self.time.slept)
        for _ in range(number):
            self.call(turn, status)
        return self.time.slept[before:]


@pytest.fixture
def run() -> Iterator[Run]:
    yield Run(SLIDING)


# What answers tell


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("1.5", 1.5),
        (str(int(NOON) + 40), 40),
        (f"{NOON + 40:.3f}", 40),
        (str((int(NOON) + 40) * 1000), 40),
        ("2026-09-21T14:14:00Z", 40),
        ("2026-09-21T14:14:00", 40),
        ("2026-09-21T16:14:00+02:00", 40),
        (formatdate(NOON + 40, usegmt=True), 40),
        (str(int(NOON) - 40), 0),
        ("soon", None),
        ("", None),
        ("9" * 400, 10 * 366 * 24 * 3600),
    ],
)
def test_reset__is_understood_in_all_its_forms(text: str, seconds: float | None) -> None:
    told = read(Headers([("X-RateLimit-Reset", text), ("x-ratelimit-remaining", "3")]), FAMILY, NOON)
    assert told is not None and told.seconds == seconds and told.left == 3
    assert retry_after(Headers([("retry-after", text)]), NOON) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"default";r=50;t=30', [(None, 50, 30)]),
        ('"burst";r=0;t=2, "day";r=500;t=3600', [(None, 0, 2), (None, 500, 3600)]),
        ("limit=10, remaining=0, reset=7", [(10, 0, 7)]),
        ('"default";r=9', [(None, 9, None)]),
        ("no sense at all", []),
        ("", []),
    ],
)
def test_structured__each_policy_tells(text: str, expected: list[tuple[int | None, int, float | None]]) -> None:
    told = structured(Headers([("RateLimit", text)]), NOON)
    assert [(each.limit, each.left, each.seconds) for each in told] == expected


def test_told__odd_numbers_are_survived() -> None:
    fields = [("x-ratelimit-limit", "100, 100;w=60"), ("x-ratelimit-remaining", "-5")]
    assert read(Headers(fields), FAMILY, NOON) == Told(100, 0, None, None)
    fields = [("x-ratelimit-limit", "many"), ("x-ratelimit-remaining", "9" * 50)]
    assert read(Headers(fields), FAMILY, NOON) == Told(None, None, None, None)
    assert read(Headers([("etag", "x")]), FAMILY, NOON) is None


# Documented windows


def test_window__one_call_of_each_operation_is_kept_in_reserve(run: Run) -> None:
    assert run.calls(MOVE, 9) == []
    assert run.calls(LIST, 29) == []
    assert run.calls(MOVE, 1) == [60]
    assert run.told == ["60 s: the limit of 10 calls of move in 60 s"]


def test_window__slides(run: Run) -> None:
    run.calls(MOVE, 5)
    run.time.now = 50.0
    assert run.calls(MOVE, 4) == []
    assert run.calls(MOVE, 6) == [10, 50]


def test_window__each_caller_has_its_own(run: Run) -> None:
    run.calls(MOVE, 9)
    assert run.calls(Turn("writer", "move"), 9) == []


def test_window__an_operation_may_have_one_of_its_own(run: Run) -> None:
    assert run.calls(LOGIN, 5) == [30]


@pytest.mark.parametrize("status", [401, 403])
def test_window__what_the_vendor_does_not_count_is_not_counted(run: Run, status: int) -> None:
    assert run.calls(MOVE, 40, status) == []
    assert run.calls(MOVE, 9) == []


def test_window__never_holds_more_calls_than_are_documented(run: Run) -> None:
    run.calls(MOVE, 100)
    apart = [later - sooner for sooner, later in zip(run.left_at, run.left_at[9:], strict=False)]
    assert min(apart) >= 60


def test_window__a_lower_limit_is_followed_at_once_and_a_higher_one_is_not_believed(run: Run) -> None:
    run.call(MOVE, x_calls=4, x_left=3)
    assert run.calls(MOVE, 2) == []
    run.call(MOVE, x_calls=4, x_left=2)
    assert run.time.slept == [60]
    run.call(MOVE, x_calls=1000, x_left=999)
    assert len(run.calls(MOVE, 20)) >= 2


def test_window__what_others_used_up_is_waited_for(run: Run) -> None:
    run.call(MOVE, x_calls=10, x_left=1, x_reset=int(NOON) + 17)
    assert run.calls(LIST, 1) == []
    assert run.calls(MOVE, 1) == [17]


def test_window__its_own_headers_shut_no_other_operation() -> None:
    usual = {"X-RateLimit-Limit": "limit", "X-RateLimit-Remaining": "remaining", "X-RateLimit-Reset": "reset"}
    run = Run({"quotas": {"requests": SLIDING["quotas"]["requests"] | {"headers": usual}}})
    run.call(MOVE, x_ratelimit_limit=10, x_ratelimit_remaining=0, x_ratelimit_reset=17)
    assert run.calls(LIST, 1) == [] and run.calls(MOVE, 1) == [17]


def test_window__a_clock_that_is_wrong_makes_nobody_wait_longer_than_the_window(run: Run) -> None:
    run.call(MOVE, x_calls=10, x_left=0, x_reset=int(NOON) + 86_400)
    assert run.calls(MOVE, 1) == [61]


def test_window__the_targets_own_clock_counts_where_it_tells_it(run: Run) -> None:
    run.call(MOVE, x_calls=10, x_left=0, x_reset=int(NOON) + 3620, date=formatdate(NOON + 3600, usegmt=True))
    assert run.calls(MOVE, 1) == [20]


# Limits that are in no document


def test_usual_headers__hold_for_the_caller_whatever_is_called() -> None:
    run = Run({})
    run.call(MOVE, ratelimit_limit=100, ratelimit_remaining=1, ratelimit_reset=25)
    assert run.calls(Turn("reader", "list"), 1) == []
    assert run.calls(LIST, 1) == [25]
    assert run.told == ["25 s: the target's limit"]


def test_usual_headers__of_few_calls_none_is_kept() -> None:
    run = Run({})
    run.call(MOVE, x_ratelimit_limit=2, x_ratelimit_remaining=1, x_ratelimit_reset=1)
    assert run.calls(MOVE, 1) == []
    run.call(MOVE, x_ratelimit_limit=2, x_ratelimit_remaining=0, x_ratelimit_reset=1)
    assert run.calls(MOVE, 1) == [1]


def test_usual_headers__of_several_policies_each_counts() -> None:
    run = Run({})
    run.call(MOVE, ratelimit='"burst";r=0;t=2, "day";r=11;t=3600')
    assert run.calls(MOVE, 1) == [2]
    with pytest.raises(BudgetSpent, match="only 10 more calls"):
        run.call(MOVE)


def test_usual_headers__an_answer_that_tells_more_opens_at_once() -> None:
    run = Run({})
    run.call(MOVE, ratelimit_limit=100, ratelimit_remaining=0, ratelimit_reset=25)
    run.pace.heed(MOVE, 200, Headers([("ratelimit-limit", "100"), ("ratelimit-remaining", "100")]))
    assert run.calls(MOVE, 1) == []


def test_nobody__learns_nothing_from_an_answer_to_nobody() -> None:
    run = Run({})
    run.call(Turn(None, "list"), 401, ratelimit_remaining=0, ratelimit_reset=25)
    assert run.calls(LIST, 1) == [] and run.calls(Turn(None, "list"), 1) == []


# Limits that are too long to wait for


def test_month__is_never_used_up() -> None:
    run = Run(MONTH)
    run.call(LIST, x_calls=12000, x_left=122, x_reset="2026-10-01T00:00:00Z")
    run.calls(LIST, 2)
    with pytest.raises(BudgetSpent, match=r"^the target allows only 120 more calls before 2026-10-01T00:00:00Z$"):
        run.call(LIST)
    assert run.time.slept == []


def test_month__keeps_what_the_clean_up_needs() -> None:
    run = Run(MONTH)
    run.call(LIST, x_calls=500, x_left=14, x_reset="2026-10-01T00:00:00Z")
    run.call(LIST, owed=3)
    with pytest.raises(BudgetSpent):
        run.call(LIST, owed=3)
    with run.purse.cleaning():
        run.calls(LIST, 13)
        with pytest.raises(BudgetSpent, match="no more calls before 2026-10"):
            run.call(LIST)


def test_month__goes_on_when_it_is_over() -> None:
    run = Run(MONTH)
    run.call(LIST, x_calls=500, x_left=0, x_reset="2026-10-01T00:00:00Z")
    run.time.now += 31 * 24 * 3600
    assert not run.call(LIST)


def test_month__that_is_over_within_minutes_is_waited_for() -> None:
    run = Run(MONTH)
    run.call(LIST, x_calls=500, x_left=4, x_reset="2026-09-21T14:17:20Z")
    assert run.calls(LIST, 2) == [240]
    assert run.told == ["240 s: the target's limit"]


def test_month__that_tells_no_end_is_not_used_up_either() -> None:
    run = Run(MONTH)
    run.call(LIST, x_calls=500, x_left=3)
    with pytest.raises(BudgetSpent, match="only 3 more calls before the month is over"):
        run.call(LIST)


def test_long__a_wait_of_more_than_five_minutes_ends_the_run() -> None:
    run = Run({})
    assert run.call(LIST, 429, retry_after=301)
    with pytest.raises(BudgetSpent, match=r"no more calls before 2026-09-21T14:18:21Z"):
        run.call(LIST)
    assert run.time.slept == []


def test_long__a_moment_in_another_age_is_survived() -> None:
    run = Run(MONTH)
    run.call(LIST, x_calls=500, x_left=0, x_reset="9999-12-31T23:59:59Z", date="Fri, 31 Dec 9999 23:00:00 GMT")
    with pytest.raises(BudgetSpent, match="before 9999-12-31"):
        run.call(LIST)


def test_time__no_wait_goes_beyond_the_end_of_the_run() -> None:
    run = Run(SLIDING, ends_at=100.0)
    run.calls(MOVE, 18)
    with pytest.raises(BudgetSpent, match="the time is up before the next request may be sent: the limit of 10"):
        run.call(MOVE)
    with run.purse.cleaning():
        assert run.calls(MOVE, 1) == [60]


# Refusals


def test_refusal__is_waited_out_as_told_and_sent_again() -> None:
    run = Run({})
    assert run.call(LIST, 429, retry_after=37)
    assert not run.call(LIST, repeats=1)
    assert run.told == ["37 s: the target answered 429"]


def test_refusal__of_an_outage_counts_where_it_tells_how_long() -> None:
    run = Run({})
    assert not run.call(LIST, 503)
    assert run.call(LIST, 503, retry_after=2)
    assert not run.call(LIST, 503, repeats=3, retry_after=2)
    assert run.time.slept == [2]


def test_refusal__without_retry_after_goes_by_the_reset() -> None:
    run = Run(SLIDING)
    assert run.call(MOVE, 429, x_left=0, x_reset=int(NOON) + 12)
    assert not run.call(MOVE, repeats=1)
    assert run.time.slept == [12]


def test_refusal__that_tells_nothing_is_waited_out_in_growing_pauses() -> None:
    run = Run({})
    for repeats in range(3):
        assert run.call(LIST, 429, repeats=repeats)
    with pytest.raises(Limited, match="went on answering 429 to list"):
        run.call(LIST, 429, repeats=3)
    assert run.time.slept == [5, 15, 45]


def test_refusal__what_was_waited_for_in_vain_is_not_waited_for_again() -> None:
    run = Run({})
    run.time.now = 1.0
    for repeats in range(4):
        with pytest.raises(Limited) if repeats == 3 else nullcontext():
            run.call(LIST, 429, repeats=repeats)
    run.call(MOVE)
    with pytest.raises(Limited):
        run.call(LIST, 429)
    run.call(MOVE)
    run.call(LIST)
    assert run.call(LIST, 429)


def test_refusal__of_everything_ends_the_run() -> None:
    run = Run({})
    for name in ("a", "b"):
        with pytest.raises(Limited):
            run.call(Turn("owner", name), 429, repeats=3, retry_after=1)
    with pytest.raises(BudgetSpent, match="nothing but 429"):
        run.call(Turn("owner", "c"), 429, repeats=3, retry_after=1)


def test_refusal__may_have_a_status_that_others_have_too() -> None:
    quota = SLIDING["quotas"]["requests"] | {"refusal": "used_up"}
    errors = {"refusals": {"used_up": {"error": "denied"}}, "errors": {"catalogue": {"denied": {"status": 403}}}}
    run = Run({"quotas": {"requests": quota}, **errors})
    assert not run.call(MOVE, 403)
    assert not run.call(MOVE, 403, x_left=5, x_reset=int(NOON) + 9)
    assert run.call(MOVE, 403, x_left=0, x_reset=int(NOON) + 9)
    assert not run.call(MOVE, repeats=1)
    assert run.time.slept == [9]


def test_refusal__for_want_of_room_is_not_waited_out() -> None:
    run = Run(SLIDING)
    with pytest.raises(Full, match="no room for more: make answered 429"):
        run.call(Turn("owner", "make"), 429)
    assert run.call(Turn("owner", "make"), 429, retry_after=3)
    assert issubclass(Full, NotJudged) and issubclass(Limited, NotJudged)


# The budget's own pace


def test_per_minute__holds_in_any_sixty_seconds() -> None:
    run = Run({}, per_minute=20)
    for _ in range(100):
        run.time.now += 1.75
        run.call(LIST)
    apart = [later - sooner for sooner, later in zip(run.left_at, run.left_at[20:], strict=False)]
    assert min(apart) >= 60
    assert all(later >= sooner for sooner, later in pairwise(run.left_at))
    assert run.told[0].endswith("the budget of 20 requests a minute")


def test_own_world__knows_no_limit_but_the_budget() -> None:
    run = Run(SLIDING, own=True)
    assert run.calls(MOVE, 100) == []
    assert not run.call(MOVE, 429, retry_after=9)
    assert run.calls(MOVE, 1) == []
    assert Run(SLIDING, own=True, per_minute=2).calls(MOVE, 3) == [60]
