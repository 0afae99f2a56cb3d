"""What a run may spend, and what is left of it. A limit is never exceeded, the clean-up included.

So whoever creates a record also puts aside what its removal will take, and only the clean-up may touch that.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple


class BudgetSpent(Exception):
    """The run may send no more: requests, writes or time are used up, or the target lets nobody call for long."""


class WritesSpent(BudgetSpent):
    """The run may write no more; reads still go."""


@dataclass(frozen=True)
class Budget:
    """What a run may use; None is without limit. `ends_at` is a moment of the monotonic clock."""

    requests: int | None = None
    writes: int | None = None
    per_minute: int | None = None
    ends_at: float | None = None


@dataclass(frozen=True)
class Watch:
    """The clocks that a run goes by: seconds that only grow, seconds since 1970, and how one waits."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Owed(NamedTuple):
    """What it will take to remove all that was made: requests, and how many of them write."""

    requests: int = 0
    writes: int = 0


NOTHING = Owed()
_REMOVAL = Owed(requests=2, writes=1)  # a read that shows that it is ours, and the delete


class Purse:
    """Counts what was sent; raises BudgetSpent before a limit is passed, or a removal can no longer be paid."""

    def __init__(self, budget: Budget, watch: Watch) -> None:
        self.requests = 0
        self.writes = 0
        self.is_cleaning = False
        self._budget = budget
        self._watch = watch

    @property
    def ends_at(self) -> float | None:
        """When the run has to stop; never, while it cleans up."""
        return None if self.is_cleaning else self._budget.ends_at

    def left(self, owed: Owed = NOTHING) -> tuple[float, float]:
        """Requests and writes that are left beside what is owed; infinite where there is no limit."""
        return (
            _left(self._budget.requests, self.requests, owed.requests),
            _left(self._budget.writes, self.writes, owed.writes),
        )

    def check(self, *, is_write: bool, owed: Owed = NOTHING, makes: bool = False) -> None:
        """Raise BudgetSpent unless one more request may be sent. `makes` says that it may make a record.

        What is owed has to remain; while cleaning up it is what may be spent.
        """
        if self.is_cleaning:
            owed = NOTHING
        elif self._budget.ends_at is not None and self._watch.monotonic() >= self._budget.ends_at:
            raise BudgetSpent("the time is up")
        elif makes:
            owed = Owed(owed.requests + _REMOVAL.requests, owed.writes + _REMOVAL.writes)
        requests, writes = self.left(owed)
        if requests < 1:
            raise BudgetSpent(_spent(self._budget.requests, "requests", owed.requests))
        if is_write and writes < 1:
            raise WritesSpent(_spent(self._budget.writes, "writes", owed.writes))

    def count(self, *, is_write: bool) -> None:
        """One request is about to leave."""
        self.requests += 1
        self.writes += is_write

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """What is put aside for removals may be spent."""
        before, self.is_cleaning = self.is_cleaning, True
        try:
            yield
        finally:
            self.is_cleaning = before


def _left(limit: int | None, used: int, owed: int) -> float:
    return float("inf") if limit is None else limit - used - owed


def _spent(limit: int | None, what: str, owed: int) -> str:
    kept = f", but for {owed} to clean up with" if owed else ""
    return f"the budget of {limit} {what} is spent{kept}"
