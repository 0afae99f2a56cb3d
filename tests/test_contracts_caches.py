"""What a vendor may answer from a cache is waited for before it is held against a tenant; what is older is a breach."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.findings import Headers, Verdict
from contracts.safety.budget import Budget, BudgetSpent, Purse, Watch
from contracts.safety.pace import Pace, Turn
from mockserver.vendor import Vendor, load
from tests.bends import Bend, straight
from tests.geotareas_bends import BENDS
from tests.tools.judging import judge, open_bent

LIST, MAKE, OTHER = Turn("owner", "list"), Turn("owner", "make"), Turn("owner", "other")
BEHAVIOUR: dict[str, Any] = {
    "operations": {
        "list": {"verb": "list", "cache": {"seconds": 15}},
        "other": {"verb": "list"},
        "make": {"verb": "create"},
    }
}
STALE = (("geotareas", "cache", "stale"),)


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.watch = Watch(lambda: self.now, lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace_of(clock: Clock, *, own: bool = False, **budget: Any) -> Pace:
    return Pace(BEHAVIOUR, Purse(Budget(**budget), clock.watch), clock.watch, is_own_world=own)


def after(status: int, turn: Turn, *, is_waited_for: bool = True, own: bool = False) -> tuple[float, int]:
    """For how long a read waits after a write that was answered so, and how many reads were doubtful."""
    clock = Clock()
    pace = pace_of(clock, own=own)
    pace.caches.is_waited_for = is_waited_for
    pace.wait(MAKE)
    pace.heed(MAKE, status, Headers([]))
    pace.wait(turn)
    return clock.now, pace.caches.doubts


@pytest.mark.parametrize(("status", "seconds"), [(201, 20), (500, 20), (400, 0), (404, 0)])
def test_cached_list__is_read_when_it_shows_what_was_written(status: int, seconds: int) -> None:
    assert after(status, LIST) == (seconds, 0)


def test_cached_list__that_nobody_waits_for_is_doubtful() -> None:
    assert after(201, LIST, is_waited_for=False) == (0, 1)
    assert after(400, LIST, is_waited_for=False) == (0, 0)


def test_other_lists__and_worlds_of_our_own_are_not_waited_for() -> None:
    assert after(201, OTHER) == (0, 0)
    assert after(201, LIST, own=True) == (0, 0)


def test_cached_list__is_waited_for_but_once_after_each_write() -> None:
    clock = Clock()
    pace = pace_of(clock)
    pace.caches.is_waited_for = True
    for _ in range(2):
        pace.heed(MAKE, 201, Headers([]))
        pace.wait(LIST)
        pace.wait(LIST)
    assert clock.now == 40


def test_cached_list__is_not_waited_for_beyond_the_end_of_the_run() -> None:
    pace = pace_of(Clock(), ends_at=10.0)
    pace.caches.is_waited_for = True
    pace.heed(MAKE, 201, Headers([]))
    with pytest.raises(BudgetSpent, match="the cache of list"):
        pace.wait(LIST)


@pytest.fixture(scope="module")
def geotareas() -> Vendor:
    return load("geotareas")


def verdict(vendor: Vendor, bend: Bend, rule: str, **settings: Any) -> Verdict:
    (found,) = judge(vendor, bend, [vendor.rules[rule]], tenant=True, **settings).verdicts
    return found


@pytest.mark.parametrize("rule", ["GT-136", "GT-147", "GT-185"])
def test_stale_list__within_its_documented_time_is_no_breach(geotareas: Vendor, rule: str) -> None:
    found = verdict(geotareas, straight, rule, switches=STALE)
    assert (found.state, "when it was tried again" in found.why) == ("holds", True), found


def test_stale_list__for_longer_than_documented_is_one(geotareas: Vendor) -> None:
    bend, breaks = BENDS["comments-stale"]
    assert "GT-185" in breaks
    assert verdict(geotareas, bend, "GT-185").state == "broken"


@pytest.fixture
def short_of_time(geotareas: Vendor) -> Iterator[Any]:
    target = open_bent(geotareas, straight, tenant=True, budget=Budget(ends_at=time.monotonic() + 19), switches=STALE)
    yield target
    target.close()


def test_stale_list__that_could_not_be_waited_for_is_not_judged(geotareas: Vendor, short_of_time: Any) -> None:
    rules = [geotareas.rules["GT-185"]]
    result = runner.run(short_of_time, rules, profile="quick", is_selective=True, progress=Silence())
    assert (result.findings, result.verdicts[0].state) == ((), "not judged")
    assert "may have come from a cache" in result.verdicts[0].why
