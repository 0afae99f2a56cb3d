"""Hypothesis draws sequences and shrinks one that fails; what it costs is bounded. What is judged stands elsewhere."""

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from contracts.modelling.drawing import Drawing, State
from contracts.modelling.played import Difference, Differs, Played
from contracts.modelling.steps import Step
from contracts.seeding import by_seed_alone


class Judge(Protocol):
    """Plays steps on a target, and raises Differs where it parts from its model."""

    @property
    def state(self) -> State: ...

    @property
    def played(self) -> Played: ...

    def begin(self) -> None: ...

    def play(self, step: Step) -> None: ...


@dataclass(frozen=True)
class Extent:
    """How far a hunt goes: sequences of so many steps, and how often Hypothesis may try to make a failing one shorter.

    Tries are counted, not seconds, so that the same seed comes to the same sequence on any machine.
    """

    sequences: int
    steps: int
    shrinks: int


class _Enough(BaseException):
    """Nothing more is to be tried. Hypothesis lets it pass."""


class Hunt:
    """Looks for the shortest sequence that fails. `known` are the kinds of differences that are told already."""

    def __init__(
        self, judge: Judge, drawing: Drawing, extent: Extent, known: set[str], step: Callable[[], object]
    ) -> None:
        self._judge, self._drawing, self._extent, self._known = judge, drawing, extent, known
        self._step = step
        self._trouble: BaseException | None = None
        self.best: Played | None = None
        self._begun = 0
        self._shrinks = 0
        self._is_over = False

    def try_each(self, steps: Iterable[Step]) -> Played | None:
        """Play each step as a sequence of its own; the first that fails."""
        for step in steps:
            self._judge.begin()
            try:
                self._judge.play(step)
            except Differs as differs:
                if differs.difference.kind not in self._known:
                    found = self._judge.played
                    found.difference = differs.difference
                    return found
        return None

    def run(self, number: int) -> Played | None:
        """The shortest failing sequence that was found; None where all agree.

        Hypothesis gives up where the same choices come to something else; the rest is then drawn from another seed.
        """
        for again in count():
            before = self._begun
            try:
                with by_seed_alone():
                    run_state_machine_as_test(
                        seed(number + again)(_machine(self)), settings=_settings(self._extent, before)
                    )
            except (_Enough, Differs):
                break
            except Flaky:  # what a target answers hangs on more than the sequence: others, a budget, a clock
                if self.best is not None or self._begun == before or self._begun >= self._extent.sequences:
                    break
            except Exception:  # Hypothesis's own
                if self.best is None:
                    raise
                break
            else:
                break
        if self._trouble is not None and self.best is None:
            raise self._trouble
        return self.best

    def begin(self) -> None:
        if self.best is not None:
            self._shrinks += 1
            if self._shrinks > self._extent.shrinks:
                raise _Enough
        self._is_over = False
        try:
            if self.best is None:
                self._begun += 1
                self._step()
            self._judge.begin()
        except BaseException as trouble:
            raise self._ended(trouble) from trouble

    def take(self, draw: Any, *, is_write: bool) -> None:
        """Draw a step and play it."""
        if self._is_over:
            return
        chosen = self._drawing.write if is_write else self._drawing.look
        step = draw(_steps(chosen, self._judge.state))
        if step is None:
            return
        self._play(step)
        if is_write and not self._is_over:  # what Hypothesis raises while it draws is its own affair
            for look in self._drawing.aftermath(draw, step, self._judge.state):
                self._play(look)

    def _play(self, step: Step) -> None:
        if self._is_over:
            return
        try:
            self._judge.play(step)
        except Differs as differs:
            self._end(differs.difference)
        except BaseException as trouble:
            raise self._ended(trouble) from trouble

    def _ended(self, trouble: BaseException) -> _Enough:
        """What is no answer ends the hunt; Hypothesis would take it for a failure, and try to make it shorter."""
        self._trouble = trouble
        return _Enough()

    def _end(self, difference: Difference) -> None:
        """A sequence ends where it differs; what is known already is no news."""
        self._is_over = True
        if difference.kind in self._known:
            return
        played = self._judge.played
        played.difference = difference
        if self.best is None or _length(played) <= _length(self.best):
            self.best = played
        raise Differs(difference)


def _settings(extent: Extent, begun: int) -> settings:
    """All that a profile of the user's or of a CI would set is set here."""
    return settings(
        max_examples=max(1, extent.sequences - begun),
        stateful_step_count=extent.steps,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )


def _length(played: Played) -> tuple[int, int]:
    scenes = [scene for scene in played.scenes if scene.exchanges]
    return sum(len(scene.exchanges) for scene in scenes), sum(len(repr(scene.step)) for scene in scenes)


@st.composite
def _steps(draw: Any, choose: Any, state: State) -> Any:
    return choose(draw, state)


def _machine(whole: Hunt) -> type[RuleBasedStateMachine]:
    hunt: Hunt = weakref.proxy(
        whole
    )  # Hypothesis keeps every machine's class for ever, and the target would stay with it

    class Sequence(RuleBasedStateMachine):
        """One sequence; each rule draws a step of its kind."""

        def __init__(self) -> None:
            super().__init__()
            hunt.begin()

        @rule(data=st.data())
        def write(self, data: st.DataObject) -> None:
            hunt.take(data.draw, is_write=True)

        @rule(data=st.data())
        def look(self, data: st.DataObject) -> None:
            hunt.take(data.draw, is_write=False)

        @rule(data=st.data())
        def write_again(self, data: st.DataObject) -> None:
            hunt.take(data.draw, is_write=True)

    return Sequence
