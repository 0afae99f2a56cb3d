"""What the answers of somebody's tenant tell of its quotas, watched through a whole run. No request is sent for it.

How many calls others make nobody knows: they only let more be used. So what remains never stands still, nor grows by
one, while one call of ours follows on another; nor does each call take the same two or three.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.findings import Exchange
from contracts.laws.figures import header_of
from mockserver.vendor import Rule, Vendor

_UNCOUNTED = frozenset({401, 429})
_STANDING, _GROWING = 8, 2  # calls in a row; the guard stops soon where next to nothing seems to remain
_ALIKE, _ALIKE_IN_WINDOW = 20, 8
_IN_A_BURST = 5.0  # seconds
_NEARLY, _WELL_OVER = 0.8, 1.2  # of a window: calls so old leave it about now, while others come

Tell = Callable[[Rule, str, Exchange], None]


@dataclass
class _Count:
    """What one counter has told last, and for how many calls in a row it did the same."""

    told: tuple[str, str] = ("", "")  # limit and reset: what is told of another month is not compared
    left: int | None = None
    step: int = 0
    row: int = 0
    began: float = 0.0
    turn: int = 0
    calls: deque[float] = field(default_factory=deque)  # moments; of a window only

    def is_leaving(self, now: float, seconds: float) -> bool:
        """Whether earlier calls may be leaving the window now."""
        self.calls.append(now)
        while self.calls[0] < now - _WELL_OVER * seconds:
            self.calls.popleft()
        return self.calls[0] < now - _NEARLY * seconds


@dataclass
class Countdown:
    """Watches the quotas of one run on a tenant. `tell` hears of a breach, of each quota once."""

    vendor: Vendor
    now: Callable[[], float]
    tell: Tell
    _counts: dict[tuple[str, ...], _Count] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _turn: int = 0
    _told: set[str] = field(default_factory=set)

    def watch(self, exchange: Exchange) -> None:
        if exchange.caller is None or exchange.operation is None:
            return
        self._turn += 1
        if exchange.status in _UNCOUNTED or exchange.status >= 500 or self._may_be_stored(exchange):
            return
        for name, quota in self.vendor.behaviour.get("quotas", {}).items():
            rule = rule_of(self.vendor, quota)
            if rule is not None and name not in self._told and exchange.status not in quota.get("spared", []):
                self._count(name, quota, rule, exchange)

    def _may_be_stored(self, exchange: Exchange) -> bool:
        """Whoever stores an answer on the way may give it again as it was, with all its headers."""
        asked = (exchange.caller or "", exchange.url)
        was_asked = exchange.method in ("GET", "HEAD") and asked in self._seen
        self._seen.add(asked)
        return was_asked

    def _count(self, name: str, quota: Mapping[str, Any], rule: Rule, exchange: Exchange) -> None:
        parts = [exchange.headers.get(header_of(quota, part), "") for part in ("limit", "remaining", "reset")]
        limit, left, reset = parts
        if not (left.isascii() and left.isdigit()):
            return
        caller = self.vendor.callers.get(exchange.caller or "")
        is_window = isinstance(quota["window"], Mapping)
        key = (exchange.caller or "", exchange.operation or "") if is_window else (caller.account if caller else "",)
        count = self._counts.setdefault((name, *key), _Count())
        told = (limit, "") if is_window else (limit, reset)
        is_next, now = count.told == told and count.left is not None, self.now()
        if is_window:  # another operation may share the counter
            is_steady = not count.is_leaving(now, quota["window"]["seconds"])
            is_next = is_next and is_steady and self._turn == count.turn + 1 and now - count.began <= _IN_A_BURST
        step = int(left) - (count.left or 0)
        if not is_next or step != count.step:
            count.row, count.began = 0, now
        count.told, count.left, count.turn = told, int(left), self._turn
        if is_next:
            count.step, count.row = step, count.row + 1
            if what := _breach(step, count.row, is_window=is_window):
                self._told.add(name)
                self.tell(rule, f"{header_of(quota, 'remaining')} {what}", exchange)


def _breach(step: int, row: int, *, is_window: bool) -> str | None:
    if step == 0 and row >= _STANDING:
        return f"stood still while {row} calls were made one after the other"
    if step == 1 and row >= _GROWING and not is_window:
        return f"grew by one with each of {row} calls"
    if step < -1 and row >= (_ALIKE_IN_WINDOW if is_window else _ALIKE):
        return f"fell by {-step} with each of {row} calls in a row"
    return None


def rule_of(vendor: Vendor, quota: Mapping[str, Any]) -> Rule | None:
    """The rule about the header that tells what remains of a quota; None where nobody made one of it."""
    if "remaining" not in quota.get("headers", {}).values():
        return None
    end = f"/headers/{header_of(quota, 'remaining')}"
    rules = (rule for rule in vendor.rules.values() if rule.judge == "schema")
    return next((rule for rule in rules if any(pointer.endswith(end) for pointer in rule.detail)), None)
