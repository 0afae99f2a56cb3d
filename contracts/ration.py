"""What is left of a run's budget, and what there is room for: the course decides the order, the budget the end."""

from contracts.course import SHARE, Course, Left
from contracts.safety.budget import BudgetSpent, WritesSpent
from contracts.safety.guard import Guard


class Ration:
    """One run's budget as it is used up. `stopped` says why nothing more can be sent, once that is so."""

    def __init__(self, guard: Guard, course: Course | None) -> None:
        self.course = course
        self.stopped: str | None = None
        self._guard = guard
        self._began_at = guard.watch.monotonic()
        self._sent_when_spent = -1

    def spent(self, error: BudgetSpent) -> str:
        """The budget stood in the way: the reason, in the same words for all whom it kept from judging.

        What only reads may go on without writes, and what is small where something large found no room.
        """
        why = str(error).partition(", but ")[0]
        if not isinstance(error, WritesSpent):
            sent = self._guard.requests
            if self.left.requests < 1 or self._is_over(1.0) or sent == self._sent_when_spent:
                self.stopped = why
            self._sent_when_spent = sent
        return why

    @property
    def left(self) -> Left:
        return Left(*self._guard.purse.left())

    def has_room(self, check: str, *, is_last: bool = False) -> bool:
        """Whether there is room for a check: at last in all that is left, before that beside what conformance may take.

        What the rehearsal could not judge is tried last.
        """
        if self.stopped is not None:
            return False
        if self.course is None:
            return True
        cost = self.course.cost(check)
        if not cost.requests:
            return True
        if is_last:
            return self.left.holds(cost)
        return check not in self.course.unjudged and self.left.without(self.course.kept).without(
            self.course.sequences
        ).holds(cost)

    def is_conformance_due(self) -> bool:
        """Whether its part of the time begins, where the time is limited."""
        return self.course is not None and self._is_over(1 - SHARE)

    def for_conformance(self) -> Left:
        """What conformance may take: what is kept for it, or all where nothing is; and no more than the time allows."""
        left = self.left
        kept = self.course.kept if self.course is not None else ()
        if self.course is not None and any(kept):
            left = Left(*map(min, left.without(self.course.sequences), kept))
        ends_at, sent = self._guard.budget.ends_at, self._guard.requests
        if ends_at is None or not sent:
            return left
        now = self._guard.watch.monotonic()
        a_second = sent / max(now - self._began_at, 1e-6)
        return Left(min(left.requests, a_second * max(ends_at - now, 0.0)), left.writes)

    def for_sequences(self) -> Left:
        """What the sequences of the model suite may take: what is kept for them, and no more than is left."""
        if self.course is None:
            return self.left
        return Left(*map(min, self.left, self.course.sequences))

    def reason(self, check: str) -> str:
        """Why there was no room for a check."""
        if self.stopped is not None or self.course is None:
            return self.stopped or "it was not reached"
        budget = self._guard.budget
        is_short = self.course.cost(check).writes > self.left.writes
        limit = f"{budget.writes} writes" if is_short else f"{budget.requests} requests"
        return f"the budget of {limit} leaves no room for it"

    def _is_over(self, part: float) -> bool:
        """Whether this part of the time is over."""
        ends_at = self._guard.budget.ends_at
        if ends_at is None:
            return False
        return self._guard.watch.monotonic() >= self._began_at + part * (ends_at - self._began_at)
