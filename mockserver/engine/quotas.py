"""Counted windows: how many calls are left, and the headers that say so on every response.

A calendar window counts the calls of an account, a sliding one those of a caller and an operation.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mockserver.engine.chance import format_time, next_month, this_month
from mockserver.engine.errors import Refusal
from mockserver.engine.messages import Headers

if TYPE_CHECKING:
    from mockserver.engine.call import Call


class Window(NamedTuple):
    """A span of the clock, in epoch seconds; `end` is outside of it."""

    start: float
    end: float


WINDOWS: Mapping[str, Callable[[float], Window]] = {
    "month": lambda now: Window(this_month(now), next_month(now)),
}


class Counts(Protocol):
    """What a world has counted for one quota."""

    def state(self) -> dict[str, Any]: ...

    def take(self, call: "Call", now: float) -> None:
        """Count one call; refuses when none is left."""

    def give_back(self, call: "Call", status: int) -> None:
        """Take back the count of a call whose answer turned out to be of a spared status."""

    def headers(self, call: "Call", now: float) -> Headers: ...


class Quota(Protocol):
    """The rule of one quota, fixed for a vendor; the counts live in the world."""

    def counts(self, state: Mapping[str, Any] | None = None) -> Counts: ...


def quota(table: Mapping[str, Any], accounts: Mapping[str, Mapping[str, Any]], *, counting: bool) -> Quota:
    """The quota of a table of behaviour.yaml; with `counting` off nothing is used up, and the headers stay."""
    if isinstance(table["window"], Mapping):
        return SlidingQuota(table, counting=counting)
    return CalendarQuota(table, accounts, counting=counting)


class CalendarQuota:
    def __init__(self, table: Mapping[str, Any], accounts: Mapping[str, Mapping[str, Any]], *, counting: bool) -> None:
        self.counting = counting
        self.window = WINDOWS[table["window"]]
        self.limits: dict[str, int] = {key: account[table["limit"]] for key, account in accounts.items()}
        self.spared = frozenset(table["spared"])
        self.refusal: str = table["refusal"]
        self.header_names = _header_names(table)
        self.limit_headers = {key: (self.header_names["limit"], b"%d" % limit) for key, limit in self.limits.items()}

    def counts(self, state: Mapping[str, Any] | None = None) -> "CalendarCounts":
        return CalendarCounts(self, state)


class CalendarCounts:
    """The calls of each account in the present window."""

    __slots__ = ("_quota", "_reset", "_window", "used")

    def __init__(self, quota: CalendarQuota, state: Mapping[str, Any] | None = None) -> None:
        self._quota = quota
        self.used: dict[str, int] = dict(state["used"]) if state else {}
        self._window = quota.window(state["start"]) if state else Window(0, 0)
        self._reset = b""
        self._mark_reset()

    def state(self) -> dict[str, Any]:
        return {"used": self.used, "start": self._window.start}

    def take(self, call: "Call", now: float) -> None:
        self._turn(now)
        if not self._quota.counting:
            return
        account = call.account
        used = self.used.get(account, 0)
        limit = self._quota.limits[account]
        if used >= limit:
            raise Refusal(self._quota.refusal, values={"limit": limit, "reset": format_time(self._window.end)})
        self.used[account] = used + 1

    def give_back(self, call: "Call", status: int) -> None:
        if self._quota.counting and status in self._quota.spared:
            self.used[call.account] -= 1

    def headers(self, call: "Call", now: float) -> Headers:
        self._turn(now)
        quota, account = self._quota, call.account
        names = quota.header_names
        return [
            quota.limit_headers[account],
            (names["remaining"], b"%d" % (quota.limits[account] - self.used.get(account, 0))),
            (names["reset"], self._reset),
        ]

    def _turn(self, now: float) -> None:
        if not self._window.start <= now < self._window.end:
            self._window = self._quota.window(now)
            self.used.clear()
            self._mark_reset()

    def _mark_reset(self) -> None:
        self._reset = format_time(self._window.end).encode()


MOST_KEPT = 10_000  # callers of a sliding quota, before the idle ones are forgotten


class Budget(NamedTuple):
    """So many calls in so many seconds."""

    calls: int
    seconds: float


class SlidingQuota:
    def __init__(self, table: Mapping[str, Any], *, counting: bool) -> None:
        self.counting = counting
        seconds = table["window"]["seconds"]
        self.default = Budget(table.get("otherwise", 0), seconds)
        self.budgets = {
            name: Budget(calls["calls"], calls["seconds"]) if isinstance(calls, Mapping) else Budget(calls, seconds)
            for name, calls in table["calls"].items()
        }
        self.spared = frozenset(table["spared"])
        self.refusal: str = table["refusal"]
        self.header_names = _header_names(table)

    def counts(self, state: Mapping[str, Any] | None = None) -> "SlidingCounts":
        return SlidingCounts(self, state)


class SlidingCounts:
    """The times of the calls of each caller and operation that are still in the window."""

    __slots__ = ("_quota", "_stamps")

    def __init__(self, quota: SlidingQuota, state: Mapping[str, Any] | None = None) -> None:
        self._quota = quota
        self._stamps: dict[str, deque[float]] = {key: deque(times) for key, times in (state or {}).items()}

    def state(self) -> dict[str, Any]:
        return {key: list(times) for key, times in self._stamps.items() if times}

    def take(self, call: "Call", now: float) -> None:
        quota = self._quota
        leaves = self.full_until(call, now)
        if leaves is not None:
            budget, wait = self._budget(call), seconds_until(leaves, now)
            values = {"limit": budget.calls, "seconds": budget.seconds, "wait": wait}
            raise Refusal(quota.refusal, values=values, headers=[(b"retry-after", b"%d" % wait)])
        self.note(call, now)

    def full_until(self, call: "Call", now: float) -> float | None:
        """When the oldest call leaves the window, if that is full; None while there is room."""
        budget, times = self._budget(call), self.times(call, now)
        return times[0] + budget.seconds if len(times) >= budget.calls else None

    def note(self, call: "Call", now: float) -> None:
        """Count a call, whether there is room for it or not."""
        if self._quota.counting:
            self.times(call, now).append(now)

    def give_back(self, call: "Call", status: int) -> None:
        if self._quota.counting and status in self._quota.spared:
            self.times(call, 0.0).pop()

    def headers(self, call: "Call", now: float) -> Headers:
        names, budget = self._quota.header_names, self._budget(call)
        if not names:
            return []
        times = self.times(call, now)
        left, end = max(0, budget.calls - len(times)), (times[0] if times else now) + budget.seconds
        if call.barred_until is not None:
            left, end = 0, call.barred_until
        return [
            (names["limit"], b"%d" % budget.calls),
            (names["remaining"], b"%d" % left),
            (names["reset"], b"%d" % math.ceil(end)),
        ]

    def _budget(self, call: "Call") -> Budget:
        return self._quota.budgets.get(call.operation or "", self._quota.default)

    def times(self, call: "Call", now: float) -> deque[float]:
        """The calls in the window; nobody's while the caller is not known."""
        owner = call.quota_key if call.quota_key is not None else call.credential.key if call.credential else None
        if owner is None:
            return deque()
        seconds = self._budget(call).seconds
        key = f"{owner}|{call.operation}"
        if key not in self._stamps and len(self._stamps) >= MOST_KEPT:
            self._forget(now)
        times = self._stamps.setdefault(key, deque())
        while times and now - times[0] >= seconds:
            times.popleft()
        return times

    def _forget(self, now: float) -> None:
        """Drop whose calls have left every window: anybody may make up accounts to log in with."""
        longest = max(self._quota.default.seconds, *(budget.seconds for budget in self._quota.budgets.values()))
        self._stamps = {key: times for key, times in self._stamps.items() if times and now - times[-1] < longest}


def seconds_until(end: float, now: float) -> int:
    """How long to wait for what ends within a second that was not rounded up yet; one second at least."""
    return max(1, math.ceil(math.ceil(end) - now))


def _header_names(table: Mapping[str, Any]) -> dict[str, bytes]:
    return {what: name.lower().encode() for name, what in table["headers"].items()}
