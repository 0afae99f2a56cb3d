"""How fast a run may go: as its budget says, as the vendor documents its limits, and as the target's own answers tell.

Waits before a request, and after one that was put off. In a world of our own only the budget slows a run down: there
the rules judge the limits.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from contracts.findings import Headers, NotJudged
from contracts.safety import limits
from contracts.safety.budget import BudgetSpent, Purse, Watch
from contracts.safety.caches import Caches
from contracts.safety.limits import Told

TOO_MANY, UNAVAILABLE = 429, 503
LONGEST_WAIT = 300.0  # seconds; who would have to wait longer ends the run
MOST_REPEATS = 3
_BACK_OFF = (5.0, 15.0, 45.0)  # seconds, where a target says no more than that it was too much
_LEAST_KEPT = 10  # calls of a long window, such as a month, that are left to others; or a hundredth of it
_FEW = 4  # of so few calls none is kept in reserve
_MINUTE = 60.0
_LAST_MOMENT = 253_402_300_799  # the end of the year 9999
_REFUSAL = "a refusal"

ToldWait: TypeAlias = Callable[[float, str], None]  # seconds, and the reason


class Limited(NotJudged):
    """The target went on answering that it was called too often."""


class Full(NotJudged):
    """The target holds no more records: to wait would be of no use."""


@dataclass(frozen=True)
class Turn:
    """Whose call of which operation: what limits are counted by."""

    caller: str | None
    operation: str | None

    def __str__(self) -> str:
        return self.operation or "what is no operation"


@dataclass(frozen=True)
class _Window:
    """So many calls of a caller and operation in so many seconds."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class _Quota:
    """A limit as the vendor documents it. One without windows counts the calls of an account, for a month."""

    name: str
    headers: limits.Names
    windows: Mapping[str, _Window]
    spared: frozenset[int]

    @property
    def is_month(self) -> bool:
        return not self.windows


@dataclass
class _Count:
    """The calls in a window, by when they were answered."""

    window: _Window
    times: deque[float] = field(default_factory=deque)
    told: int | None = None  # the limit by the target's own headers

    def opens_at(self, now: float) -> float:
        """When the next call may go; one of the calls is kept in reserve."""
        while self.times and self.times[0] <= now - self.window.seconds:
            self.times.popleft()
        calls = self.window.calls if self.told is None else min(self.told, self.window.calls)
        most = max(1, calls - 1)
        return self.times[-most] + self.window.seconds if len(self.times) >= most else now


@dataclass
class _Stock:
    """Calls that are left until a moment that is too far away to wait for."""

    left: int
    kept: int
    until: float  # of the monotonic clock
    date: str


@dataclass(frozen=True)
class _Gate:
    """Shut until a moment of the monotonic clock, and why; `moment` is the same by the target's clock."""

    until: float
    why: str
    moment: float | None = None


def silently(seconds: float, why: str) -> None:
    """Tells nobody of a wait."""


class Pace:
    """Lets each request through when its time has come. `told` is called before a wait, with seconds and reason.

    `caches` are the lists that may be waited for, if somebody says so.
    """

    def __init__(
        self,
        behaviour: Mapping[str, Any],
        purse: Purse,
        watch: Watch,
        *,
        per_minute: int | None = None,
        is_own_world: bool = False,
    ) -> None:
        self.told: ToldWait = silently
        self.caches = Caches(behaviour)
        self._purse = purse
        self._watch = watch
        self._per_minute = per_minute
        self._is_heeding = not is_own_world
        self._quotas = [] if is_own_world else list(_documented(behaviour))
        self._refusals = {TOO_MANY, UNAVAILABLE} | _refusals(behaviour)
        self._holding = {name for name, table in behaviour.get("operations", {}).items() if table.get("capacity")}
        self._minute: deque[float] = deque()
        self._counts: dict[tuple[str, Turn], _Count] = {}
        self._gates: dict[tuple[Turn | str | None, str], _Gate] = {}
        self._stocks: dict[tuple[str | None, str], _Stock] = {}
        self._hopeless: set[Turn] = set()
        self._in_vain = 0

    def wait(self, turn: Turn, *, owed: int = 0) -> None:
        """Wait until a request may leave, and count it. `owed` calls have to be left for the clean-up.

        BudgetSpent when that would be too long, or when a limit that ends in months would be used up.
        """
        stocks = self._look_ahead(turn, owed)
        while (gate := self._find_gate(turn)) is not None:
            self._pause(gate)
        now = self._watch.monotonic()
        self.caches.read(turn.operation, now)
        if self._per_minute is not None:
            self._minute.append(now)
        for _, count in self._counts_of(turn):
            count.times.append(now)
        for stock in stocks:
            stock.left -= 1

    def heed(self, turn: Turn, status: int, headers: Headers) -> None:
        """Learn from an answer: whether it counts, how many calls are left, and until when."""
        if not self._is_heeding:
            return
        self.caches.answered(turn.operation, status, self._watch.monotonic())
        for quota, count in self._counts_of(turn):
            if count.times:
                count.times.pop()  # counts from its arrival on, which was later than when it left
            if status not in (401, TOO_MANY) and status not in quota.spared:
                count.times.append(self._watch.monotonic())
        if turn.caller is not None:
            for source, documented, told in self._all_told(turn, headers):
                self._follow(turn, source, documented, told)
        if status not in self._refusals:
            self._hopeless.discard(turn)
            self._in_vain = 0

    def is_put_off(self, turn: Turn, status: int, headers: Headers, repeats: int) -> bool:
        """Whether a request has to be sent again, when `wait` lets it. `repeats` is how often it was so far.

        Limited when that was in vain, Full when no wait would help, BudgetSpent when nothing else is answered.
        """
        if not self._is_heeding or status not in self._refusals:
            return False
        moment = limits.moment_of(headers, self._watch.wall())
        asked = limits.retry_after(headers, moment)
        if status == UNAVAILABLE and (asked is None or repeats >= MOST_REPEATS):
            return False
        if asked is None:
            asked = self._reset_of(turn, headers)
        if asked is None and status != TOO_MANY:
            return False  # this status has other meanings too
        if asked is None and turn.operation in self._holding:
            raise Full(f"the target has no room for more: {turn} answered {status}")
        if repeats >= MOST_REPEATS or (asked is None and turn in self._hopeless):
            self._give_up(turn, status)
        seconds = _BACK_OFF[repeats] if asked is None else max(1.0, asked)
        until = self._watch.monotonic() + seconds
        self._gates[turn, _REFUSAL] = _Gate(until, f"the target answered {status}", moment + seconds)
        return True

    def _give_up(self, turn: Turn, status: int) -> None:
        self._hopeless.add(turn)
        self._in_vain += 1
        if self._in_vain >= MOST_REPEATS:
            raise BudgetSpent(f"the target answers nothing but {status}")
        raise Limited(f"the target went on answering {status} to {turn}")

    def _find_gate(self, turn: Turn) -> _Gate | None:
        """Of the gates that are shut for a request, the one that opens last."""
        now = self._watch.monotonic()
        gates = [self._gate_of_minute(now)]
        gates += [gate for (scope, _), gate in self._gates.items() if scope in (turn, turn.caller)]
        for _, count in self._counts_of(turn):
            gates.append(_Gate(count.opens_at(now), _limit_of(turn, count.window)))
        if self.caches.is_waited_for and (shows_at := self.caches.shows_at(turn.operation)) is not None:
            gates.append(_Gate(shows_at, f"the cache of {turn}"))
        return max((gate for gate in gates if gate.until > now), key=lambda gate: gate.until, default=None)

    def _gate_of_minute(self, now: float) -> _Gate:
        """At most so many requests in any sixty seconds."""
        while self._minute and self._minute[0] <= now - _MINUTE:
            self._minute.popleft()
        if self._per_minute is None or len(self._minute) < self._per_minute:
            return _Gate(now, "")
        return _Gate(self._minute[-self._per_minute] + _MINUTE, f"the budget of {self._per_minute} requests a minute")

    def _look_ahead(self, turn: Turn, owed: int) -> list[_Stock]:
        """What comes back in months is not used up: some is kept for others, and what the clean-up needs."""
        now = self._watch.monotonic()
        found = [stock for (caller, _), stock in self._stocks.items() if caller == turn.caller and stock.until > now]
        for stock in found:
            kept = 0 if self._purse.is_cleaning else stock.kept + owed
            if stock.left <= kept and stock.until - now <= LONGEST_WAIT:
                self._pause(_Gate(stock.until, "the target's limit"))
            elif stock.left <= kept:
                allowed = f"only {stock.left} more calls" if stock.left > 0 else "no more calls"
                raise BudgetSpent(f"the target allows {allowed} before {stock.date}")
        return found

    def _pause(self, gate: _Gate) -> None:
        now, ends_at = self._watch.monotonic(), self._purse.ends_at
        seconds = gate.until - now
        if seconds > LONGEST_WAIT:
            moment = self._watch.wall() + seconds if gate.moment is None else gate.moment
            raise BudgetSpent(f"the target allows no more calls before {_date(moment)}")
        if ends_at is not None and gate.until > ends_at:
            raise BudgetSpent(f"the time is up before the next request may be sent: {gate.why}")
        self.told(seconds, gate.why)
        self._watch.sleep(seconds)

    def _counts_of(self, turn: Turn) -> list[tuple[_Quota, _Count]]:
        """The windows that a request counts in."""
        windows = [(quota, quota.windows.get(turn.operation or "")) for quota in self._quotas]
        return [
            (quota, self._counts.setdefault((quota.name, turn), _Count(window))) for quota, window in windows if window
        ]

    def _all_told(self, turn: Turn, headers: Headers) -> Iterator[tuple[str, _Quota | None, Told]]:
        """What an answer tells of the documented limits, and in the usual headers of others; each with its name."""
        moment = limits.moment_of(headers, self._watch.wall())
        documented: set[str] = set()
        for quota in self._quotas:
            documented.update(quota.headers.values())
            if (quota.is_month or turn.operation in quota.windows) and (
                told := limits.read(headers, quota.headers, moment)
            ):
                yield quota.name, quota, told
        usual = [limits.read(headers, each, moment) for each in limits.FAMILIES if not documented & set(each.values())]
        for number, found in enumerate([*usual, *limits.structured(headers, moment)]):
            if found is not None:
                yield f"header {number}", None, found

    def _follow(self, turn: Turn, source: str, quota: _Quota | None, told: Told) -> None:
        """Go by what an answer tells from now on."""
        now = self._watch.monotonic()
        window = quota.windows.get(turn.operation or "") if quota else None
        seconds = told.seconds
        if quota is not None and window is not None:
            self._counts[quota.name, turn].told = told.limit
            seconds = None if seconds is None else min(seconds, window.seconds + 1)
        scope = turn if window is not None else turn.caller
        self._gates.pop((scope, source), None)
        self._stocks.pop((turn.caller, source), None)
        if told.left is None:
            return
        if (quota is not None and quota.is_month) or (seconds or 0.0) > LONGEST_WAIT:
            until = math.inf if seconds is None else now + seconds
            date = "the month is over" if told.until is None else _date(told.until)
            self._stocks[turn.caller, source] = _Stock(told.left, _kept(told), until, date)
        elif seconds and told.left <= _spare(told):
            why = _limit_of(turn, window) if window is not None else "the target's limit"
            self._gates[scope, source] = _Gate(now + seconds, why, told.until)

    def _reset_of(self, turn: Turn, headers: Headers) -> float | None:
        """The seconds until more may be called, where the headers of a refusal tell them and that none is left."""
        told = [told for _, _, told in self._all_told(turn, headers)]
        known = [each.seconds for each in told if each.seconds is not None and not each.left]
        return max(known, default=None)


def _documented(behaviour: Mapping[str, Any]) -> Iterator[_Quota]:
    """The limits of behaviour.yaml."""
    for name, table in behaviour.get("quotas", {}).items():
        windows: dict[str, _Window] = {}
        if isinstance(table["window"], Mapping):
            for operation, calls in table["calls"].items():
                own = calls if isinstance(calls, Mapping) else {"calls": calls, "seconds": table["window"]["seconds"]}
                windows[operation] = _Window(own["calls"], own["seconds"])
        headers = {part: header.lower() for header, part in table.get("headers", {}).items()}
        yield _Quota(name, headers, windows, frozenset(table.get("spared", ())))


def _refusals(behaviour: Mapping[str, Any]) -> set[int]:
    """The statuses with which a vendor puts calls off, other than the usual one perhaps."""
    catalogue = behaviour.get("errors", {}).get("catalogue", {})
    named = [table.get("refusal") for table in behaviour.get("quotas", {}).values()]
    errors = [behaviour.get("refusals", {}).get(name, {}).get("error") for name in named]
    return {catalogue[error]["status"] for error in errors if error in catalogue}


def _date(moment: float) -> str:
    return datetime.fromtimestamp(min(round(moment), _LAST_MOMENT), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _limit_of(turn: Turn, window: _Window) -> str:
    return f"the limit of {window.calls} calls of {turn} in {window.seconds:g} s"


def _spare(told: Told) -> int:
    """One call is kept in reserve, unless there are but a few."""
    return 1 if told.limit is None or told.limit > _FEW else 0


def _kept(told: Told) -> int:
    return max(_LEAST_KEPT, (told.limit or 0) // 100)
