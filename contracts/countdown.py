"""What the answers of somebody's tenant tell of its quotas, watched through a whole run. No request is sent for it.

How many calls others make nobody knows, not even when each of ours takes two: they only let more be used. So what
remains never stands still, nor grows by one, while one call of ours follows on another.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.findings import Exchange
from contracts.laws.figures import header_of
from mockserver.vendor import Rule, Vendor

_UNCOUNTED = frozenset({401, 429})
_STANDING, _GROWING = 40, 4  # calls in a row: whoever counts for a month may add up from time to time
_STANDING_IN_WINDOW = 8
_NEARLY, _WELL_OVER = 0.8, 1.2  # of a window: calls so old leave it about now, while others come

Tell = Callable[[Rule, str, Exchange], None]


@dataclass
class _Count:
    """What one counter has told last, and for how many calls in a row it did the same."""

    told: tuple[str, str] = ("", "")  # limit and reset: what is told of another month is not compared
    left: int | None = None
    step: int = 0
    row: int = 0
    turn: int = 0


@dataclass
class _Leaving:
    """When one caller called, in the last window and a little longer."""

    moments: deque[float] = field(default_factory=deque)

    def add(self, now: float, seconds: float) -> bool:
        """Whether calls of before may be leaving the window now."""
        self.moments.append(now)
        while self.moments[0] < now - _WELL_OVER * seconds:
            self.moments.popleft()
        return self.moments[0] < now - _NEARLY * seconds


@dataclass
class Countdown:
    """Watches the quotas of one run on a tenant. `tell` hears of a breach, of each quota once."""

    vendor: Vendor
    now: Callable[[], float]
    tell: Tell
    _counts: dict[tuple[str, ...], _Count] = field(default_factory=dict)
    _calls: dict[tuple[str, str], _Leaving] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _turn: int = 0
    _counted: set[str] = field(default_factory=set)  # quotas of which not all remains at all times: somebody counts
    _told: set[str] = field(default_factory=set)

    def watch(self, exchange: Exchange) -> None:
        if exchange.caller is None or exchange.operation is None:
            return
        self._turn += 1
        is_stored = self._may_be_stored(exchange)
        for name, quota in self.vendor.behaviour.get("quotas", {}).items():
            rule, window = rule_of(self.vendor, quota), quota["window"]
            if rule is None or name in self._told or exchange.status in quota.get("spared", []):
                continue
            is_window = isinstance(window, Mapping)
            is_steady = not is_window or not self._is_leaving(name, exchange.caller, window["seconds"])
            if exchange.status not in _UNCOUNTED and exchange.status < 500 and not is_stored:
                self._count(name, quota, rule, exchange, is_window=is_window, is_steady=is_steady)

    def _is_leaving(self, name: str, caller: str, seconds: float) -> bool:
        return self._calls.setdefault((name, caller), _Leaving()).add(self.now(), seconds)

    def _may_be_stored(self, exchange: Exchange) -> bool:
        """Whoever stores an answer on the way may give it again as it was, with all its headers."""
        asked = (exchange.caller or "", exchange.url)
        was_asked = exchange.method in ("GET", "HEAD") and asked in self._seen
        self._seen.add(asked)
        return was_asked

    def _count(
        self, name: str, quota: Mapping[str, Any], rule: Rule, exchange: Exchange, *, is_window: bool, is_steady: bool
    ) -> None:
        parts = [exchange.headers.get(header_of(quota, part), "") for part in ("limit", "remaining", "reset")]
        limit, left, reset = parts
        if not (left.isascii() and left.isdigit()):
            return
        if left != limit:
            self._counted.add(name)
        elif name not in self._counted:
            return
        caller = self.vendor.callers.get(exchange.caller or "")
        key = (exchange.caller or "", exchange.operation or "") if is_window else (caller.account if caller else "",)
        count = self._counts.setdefault((name, *key), _Count())
        told = (limit, "") if is_window else (limit, reset)
        is_next = is_steady and count.told == told and count.left is not None
        if is_window:  # another operation may share the counter
            is_next = is_next and self._turn == count.turn + 1
        step = int(left) - (count.left or 0)
        if not is_next or step != count.step:
            count.row = 0
        count.told, count.left, count.turn = told, int(left), self._turn
        if is_next:
            count.step, count.row = step, count.row + 1
            if what := _breach(step, count.row, is_window=is_window):
                self._told.add(name)
                self.tell(rule, f"{header_of(quota, 'remaining')} {what}", exchange)


def _breach(step: int, row: int, *, is_window: bool) -> str | None:
    if step == 0 and row >= (_STANDING_IN_WINDOW if is_window else _STANDING):
        return f"stood still while {row} calls were made one after the other"
    if step == 1 and row >= _GROWING and not is_window:
        return f"grew by one with each of {row} calls"
    return None


def rule_of(vendor: Vendor, quota: Mapping[str, Any]) -> Rule | None:
    """The rule about the header that tells what remains of a quota; None where nobody made one of it."""
    if "remaining" not in quota.get("headers", {}).values():
        return None
    end = f"/headers/{header_of(quota, 'remaining')}"
    rules = (rule for rule in vendor.rules.values() if rule.judge == "schema")
    return next((rule for rule in rules if any(pointer.endswith(end) for pointer in rule.detail)), None)
