"""Counted windows: how many calls an account has left, and the headers that say so on every response."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mockserver.engine.chance import format_time, next_month, this_month
from mockserver.engine.errors import Refusal
from mockserver.engine.messages import Headers


class Window(NamedTuple):
    """A span of the clock, in epoch seconds; `end` is outside of it."""

    start: float
    end: float


WINDOWS: Mapping[str, Callable[[float], Window]] = {
    "month": lambda now: Window(this_month(now), next_month(now)),
}


class Quota:
    """The rule of one quota, fixed for a vendor; the counts live in the world's `Counts`."""

    def __init__(self, table: Mapping[str, Any], accounts: Mapping[str, Mapping[str, Any]], *, counting: bool) -> None:
        self.counting = counting
        self.window = WINDOWS[table["window"]]
        self.limits: dict[str, int] = {key: account[table["limit"]] for key, account in accounts.items()}
        self.spared = frozenset(table["spared"])
        self.refusal: str = table["refusal"]
        self._header_names = {what: name.lower().encode() for name, what in table["headers"].items()}
        self._limit_headers = {key: (self._header_names["limit"], b"%d" % limit) for key, limit in self.limits.items()}


class Counts:
    """What a world has counted for one quota in the present window."""

    __slots__ = ("_quota", "_reset", "_window", "used")

    def __init__(self, quota: Quota, used: dict[str, int] | None = None, start: float | None = None) -> None:
        self._quota = quota
        self.used: dict[str, int] = used or {}
        self._window = quota.window(start) if start is not None else Window(0, 0)
        self._reset = b""
        self._mark_reset()

    def state(self) -> dict[str, Any]:
        return {"used": self.used, "start": self._window.start}

    def take(self, account: str, now: float) -> None:
        """Count one call; refuses when none is left."""
        self._turn(now)
        if not self._quota.counting:
            return
        used = self.used.get(account, 0)
        limit = self._quota.limits[account]
        if used >= limit:
            raise Refusal(self._quota.refusal, values={"limit": limit, "reset": format_time(self._window.end)})
        self.used[account] = used + 1

    def give_back(self, account: str, status: int) -> None:
        """Take back the count of a call whose answer turned out to be of a spared status."""
        if self._quota.counting and status in self._quota.spared:
            self.used[account] -= 1

    def headers(self, account: str, now: float) -> Headers:
        self._turn(now)
        quota = self._quota
        names = quota._header_names
        return [
            quota._limit_headers[account],
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
