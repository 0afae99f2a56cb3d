"""Which pieces a selftest of one vendor has, in which order, and which others follow from what came of them."""

import heapq
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from contracts.selftest.crew import Crew, Failed
from contracts.selftest.room import variants
from contracts.selftest.score import Score
from contracts.selftest.work import IN_PROCESS, MODES, OVER_HTTP, STOCK, Mode, Outcome, Piece

SEEDS_OVER_HTTP = 3
_STOCK_LEAST, _STOCK_MOST = 3.0, 60.0  # seconds that `st run` gets, its start not among them
_SHORT = 0.5  # seconds between two looks at what is done
# What is asked first: what others wait for, then what takes long.
_FIRST, _THOROUGH, _QUICK, _ROOM, _STOCK, _CLEAN = range(6)
_GUESSES = {"quick": 15.0, "thorough": 120.0, STOCK: 12.0}  # seconds of a piece, as long as none was done


@dataclass(frozen=True)
class Wanted:
    """How far a selftest goes. Who asks about a few defects is not told of faithful tenants."""

    profile: str = "thorough"
    seed: int = 1
    seeds: int = 20
    has_stock: bool = True
    has_variants: bool = True


class Watching(Protocol):
    """Told how it goes."""

    def going(self, done: int, coming: int, seconds: float, pieces: Sequence[Piece]) -> None:
        """So many pieces are done, so many to come, which will take so long; and what is under way."""

    def came(self, score: Score, outcome: Outcome | Failed) -> None:
        """Something came of a piece."""


class Campaign:
    """One vendor's selftest. `run` may be interrupted: what is known by then stands in the score."""

    def __init__(self, score: Score, wanted: Wanted, crew: Crew, watching: Watching) -> None:
        self._score = score
        self._wanted = wanted
        self._crew = crew
        self._watching = watching
        self._coming: list[tuple[int, int, Piece]] = []
        self._number = count()
        self._took: dict[str, list[float]] = {}
        self._argument = score.vendor.argument
        self._closer: set[tuple[Mode, str]] = set()
        self._held: dict[Mode, list[str]] = {}  # defects that wait for the clean thorough run of a mode

    def run(self) -> None:
        began = time.monotonic()
        try:
            for mode in MODES:  # a finding that these have as well shows no defect
                self._add(_FIRST, self._piece(mode, "quick"))
            self._work()
            self._plan()
            self._work()
        except KeyboardInterrupt:
            self._score.is_interrupted = True
        finally:
            self._score.seconds = time.monotonic() - began

    def _plan(self) -> None:
        wanted, score = self._wanted, self._score
        for name in score.defects:
            self._add(_QUICK, self._piece(IN_PROCESS, "quick", defect=name))
        for name in variants(score.vendor) if wanted.has_variants else ():
            self._add(_ROOM, self._piece(OVER_HTTP, "quick", variant=name))
        if wanted.has_stock and score.defects:
            longest = max((outcome.seconds for outcome in score.clean()), default=0.0)
            self._add(_STOCK, self._stock(None, longest))
        for number in range(1, wanted.seeds):
            for mode in MODES if number < SEEDS_OVER_HTTP else (IN_PROCESS,):
                self._add(_CLEAN, self._piece(mode, "quick", seed=wanted.seed + number))

    def _work(self) -> None:
        """Until nothing is to come."""
        while self._coming or self._crew.pieces:
            while self._coming and self._crew.is_free:
                self._crew.take(heapq.heappop(self._coming)[2])
            for outcome in self._crew.done(_SHORT):
                self._score.keep(outcome)
                if isinstance(outcome, Failed):
                    self._go_on_without(outcome.piece)
                else:
                    self._took.setdefault(outcome.piece.profile, []).append(outcome.seconds)
                    for urgency, piece in self._next(outcome):
                        self._add(urgency, piece)
                self._watching.came(self._score, outcome)
            self._tell()

    def _go_on_without(self, piece: Piece) -> None:
        """What could not be done in process is asked over HTTP all the same."""
        if piece.defect is not None and (piece.mode, piece.profile) == (IN_PROCESS, "quick"):
            self._add(_QUICK, self._piece(OVER_HTTP, "quick", defect=piece.defect))

    def _next(self, outcome: Outcome) -> Iterator[tuple[int, Piece]]:
        """What follows: a thorough run where a quick one found nothing; `st run` when ours are through."""
        piece, score = outcome.piece, self._score
        if piece.defect is None and piece.profile == "thorough":
            for name in self._held.pop(piece.mode, ()):
                yield _THOROUGH, self._piece(piece.mode, "thorough", defect=name)
        if piece.defect is None or piece.profile == STOCK:
            return
        if (piece.mode, piece.profile) == (IN_PROCESS, "quick") and not score.is_spared(piece.defect, OVER_HTTP):
            yield _QUICK, self._piece(OVER_HTTP, "quick", defect=piece.defect)
        through = {mode: score.is_through(piece.defect, mode) for mode in MODES}
        if all(through.values()):
            if self._wanted.has_stock and piece.defect in score.first_of_kinds:
                ours = [each.seconds for each in score.outcomes.values() if each.piece.defect == piece.defect]
                yield _STOCK, self._stock(piece.defect, max(ours))
            return
        for mode in MODES:  # what is found in process tells what is beyond a tenant
            is_known = score.of_defect(piece.defect, mode, "quick") is not None
            if is_known and not through[mode] and (mode == IN_PROCESS or through[IN_PROCESS]):
                yield from self._look_closer(mode, piece.defect)

    def _look_closer(self, mode: Mode, name: str) -> Iterator[tuple[int, Piece]]:
        """A thorough run; before the first of a mode one against what is clean, to know what shows nothing."""
        if (mode, name) in self._closer:
            return
        self._closer.add((mode, name))
        if any(outcome.piece.profile == "thorough" for outcome in self._score.clean(mode)):
            yield _THOROUGH, self._piece(mode, "thorough", defect=name)
        elif mode in self._held:
            self._held[mode].append(name)
        else:
            self._held[mode] = [name]
            yield _THOROUGH, self._piece(mode, "thorough")

    def _piece(
        self,
        mode: Mode,
        profile: str,
        *,
        defect: str | None = None,
        variant: str | None = None,
        seed: int = 0,
    ) -> Piece:
        spared: frozenset[str] = frozenset()
        if defect is not None:
            spared = frozenset().union(*(outcome.keys for outcome in self._score.clean(mode)))
        return Piece(self._argument, mode, profile, seed or self._wanted.seed, defect, variant, spared)

    def _stock(self, defect: str | None, seconds: float) -> Piece:
        capped = min(max(seconds, _STOCK_LEAST), _STOCK_MOST)
        return Piece(self._argument, OVER_HTTP, STOCK, self._wanted.seed, defect, seconds=capped)

    def _add(self, urgency: int, piece: Piece) -> None:
        heapq.heappush(self._coming, (urgency, next(self._number), piece))

    def _tell(self) -> None:
        """How much is done, and about how long the rest takes: by what pieces of its kind have taken so far."""
        under_way = self._crew.pieces
        pieces = (*under_way, *(piece for _, _, piece in self._coming))
        coming = Counter(piece.profile for piece in pieces)
        # Most that are asked in process are asked over HTTP then.
        coming["quick"] += sum(piece.defect is not None and piece.mode == IN_PROCESS for piece in pieces)
        seconds = sum(number * self._usual(profile) for profile, number in coming.items())
        done = len(self._score.outcomes) + len(self._score.failed)
        self._watching.going(done, coming.total(), seconds / self._crew.jobs, under_way)

    def _usual(self, profile: str) -> float:
        took = self._took.get(profile)
        return sum(took) / len(took) if took else _GUESSES[profile]
