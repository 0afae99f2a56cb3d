"""What a selftest has come to for one vendor: who found which defect, and what was found where nothing is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from contracts.selftest.crew import Failed
from contracts.selftest.work import IN_PROCESS, MODES, STOCK, Mode, Outcome, Piece, Sign
from mockserver.defects import Defect
from mockserver.vendor import Vendor

LEAST = {"quick": 0.95, "thorough": 1.0}  # of the defects, in each mode
PROVEN, NOT_PROVEN, COULD_NOT_TELL = 0, 1, 2


class Reach(NamedTuple):
    """How many defects are found, of how many that were tried. Those `beyond` it are about rules not judged there."""

    found: int
    tried: int
    beyond: int = 0

    @property
    def share(self) -> float:
        """Of those that are not beyond it; what nothing was tried of is found."""
        within = self.tried - self.beyond
        return self.found / within if within > 0 else 1.0


@dataclass
class Score:
    """The outcomes of one vendor. `profile` is how far it went: quick, or thorough where quick misses something."""

    vendor: Vendor
    defects: Mapping[str, Defect]
    profile: str
    outcomes: dict[Piece, Outcome] = field(default_factory=dict)
    failed: list[Failed] = field(default_factory=list)
    is_interrupted: bool = False
    seconds: float = 0.0

    def keep(self, outcome: Outcome | Failed) -> None:
        if isinstance(outcome, Failed):
            self.failed.append(outcome)
        else:
            self.outcomes[outcome.piece] = outcome

    def of_defect(self, name: str, mode: Mode, profile: str) -> Outcome | None:
        """What a profile has come to; None where it was not asked, or not yet."""
        for piece, outcome in self.outcomes.items():
            if (piece.defect, piece.mode, piece.profile) == (name, mode, profile):
                return outcome
        return None

    def shown(self, name: str, mode: Mode, profile: str) -> Sign | None:
        """What shows the defect to a profile; a thorough run finds what a quick one does."""
        asked = ("quick", "thorough") if profile == "thorough" else ("quick",)
        outcomes = [self.of_defect(name, mode, each) for each in asked]
        return next((outcome.first for outcome in outcomes if outcome is not None and outcome.first is not None), None)

    def is_through(self, name: str, mode: Mode) -> bool:
        """Whether nothing more is asked about a defect in a mode."""
        quick = self.of_defect(name, mode, "quick")
        if quick is None:
            return self.is_spared(name, mode)
        is_last = self.profile == "quick" or quick.first is not None or self.why_beyond(name, mode) is not None
        return is_last or self.of_defect(name, mode, "thorough") is not None

    def why_beyond(self, name: str, mode: Mode) -> str | None:
        """Why a tenant shows nothing of a defect: what a run says of the rule that shows it in process.

        None where nothing is said, so that it should be found.
        """
        if mode == IN_PROCESS:
            return None
        if self.defects[name].unseen:
            return self.defects[name].unseen
        quick = self.of_defect(name, mode, "quick")
        if quick is not None and quick.first is None and quick.warning is not None:
            return f"{quick.warning.rule or quick.warning.key} warns: what was assumed does not bind a tenant"
        if (sign := self.shown(name, IN_PROCESS, "thorough")) is None or sign.rule is None:
            return None
        return next((why for each in self.clean(mode) if (why := each.unjudged.get(sign.rule))), None)

    def is_spared(self, name: str, mode: Mode) -> bool:
        """Whether a defect need not be asked about on a tenant: what was seen in process tells that none shows it."""
        quick = self.of_defect(name, IN_PROCESS, "quick")
        return mode != IN_PROCESS and quick is not None and self.why_beyond(name, mode) is not None

    def _tried(self, mode: Mode) -> list[str]:
        """The defects that a mode was asked about, or was spared."""
        return [
            name
            for name in self.defects
            if self.of_defect(name, mode, "quick") is not None or self.is_spared(name, mode)
        ]

    def reach(self, mode: Mode, profile: str) -> Reach:
        tried = self._tried(mode)
        missed = self.missed(mode, profile)
        beyond = [name for name in missed if self.why_beyond(name, mode) is not None]
        return Reach(len(tried) - len(missed), len(tried), len(beyond))

    def missed(self, mode: Mode, profile: str) -> list[str]:
        """The defects that were tried and not found."""
        return [name for name in self._tried(mode) if self.shown(name, mode, profile) is None]

    def is_missed(self, piece: Piece) -> bool:
        """Whether a run that found nothing should have: as far as it is known by now."""
        if piece.defect is None or (piece.mode != IN_PROCESS and not self.is_through(piece.defect, IN_PROCESS)):
            return False
        return self.why_beyond(piece.defect, piece.mode) is None

    def clean(self, mode: Mode | None = None) -> list[Outcome]:
        """The runs of the suites against what has no defect, of one mode or all; faithful variants not among them."""
        return [
            outcome
            for piece, outcome in self.outcomes.items()
            if piece.defect is None and piece.variant is None and piece.profile != STOCK and mode in (None, piece.mode)
        ]

    def variants(self) -> list[Outcome]:
        """The runs against faithful tenants that differ where the documents leave room."""
        return [outcome for piece, outcome in self.outcomes.items() if piece.variant is not None]

    def alarms(self) -> Iterator[tuple[Piece, Sign]]:
        """What was found where nothing is wrong. Of a variant a warning is none: it is meant to be another."""
        for outcome in self.clean():
            for sign in outcome.signs:
                yield outcome.piece, sign
        for outcome in self.variants():
            for sign in outcome.signs:
                if sign.severity == "error":
                    yield outcome.piece, sign

    def unjudged(self) -> list[Outcome]:
        """The runs against what has no defect that came to no verdict."""
        return [outcome for outcome in (*self.clean(), *self.variants()) if outcome.reason is not None]

    # Plain `st run`

    @property
    def stock_clean(self) -> Outcome | None:
        """What it reports of the clean stand-in."""
        return next(
            (each for piece, each in self.outcomes.items() if piece.profile == STOCK and not piece.defect), None
        )

    def by_stock(self, name: str) -> Sign | None:
        """What `st run` reports of a defect that it does not report of the clean stand-in."""
        clean, outcome = self.stock_clean, self.of_defect(name, MODES[1], STOCK)
        if clean is None or outcome is None:
            return None
        return next((sign for sign in outcome.signs if sign.key not in clean.keys), None)

    @cached_property
    def first_of_kinds(self) -> frozenset[str]:
        """One defect of each kind: those that `st run` gets as well."""
        first: dict[str, str] = {}
        for name, defect in self.defects.items():
            first.setdefault(defect.kind, name)
        return frozenset(first.values())

    def reach_of_stock(self) -> Reach:
        tried = [name for name in self.defects if self.of_defect(name, MODES[1], STOCK) is not None]
        return Reach(sum(self.by_stock(name) is not None for name in tried), len(tried))

    # The verdict

    def broken(self, modes: Sequence[Mode] = MODES) -> list[str]:
        """The promises that are not kept, a line for each."""
        lines = []
        for mode in modes:
            for profile in ("quick", "thorough") if self.profile == "thorough" else (self.profile,):
                reach = self.reach(mode, profile)
                if reach.share < LEAST[profile]:
                    missed = [each for each in self.missed(mode, profile) if self.why_beyond(each, mode) is None]
                    within = reach.tried - reach.beyond
                    lines.append(
                        f"{profile} {mode} finds {reach.found} of {within} defects; missed: {', '.join(missed)}"
                    )
        for piece, sign in self.alarms():
            lines.append(f"a false alarm, {told_of(piece)}: {sign.rule or sign.key}: {sign.what}")
        for outcome in self.unjudged():
            lines.append(f"no verdict, {told_of(outcome.piece)}: {outcome.reason}")
        return lines

    @property
    def exit_code(self) -> int:
        if self.failed or self.is_interrupted or not self.outcomes:
            return COULD_NOT_TELL
        return NOT_PROVEN if self.broken() else PROVEN


def told_of(piece: Piece) -> str:
    """What a piece is, in a few words."""
    what = piece.defect or piece.variant or "clean"
    how = STOCK if piece.profile == STOCK else f"{piece.profile} {piece.mode}"
    return f"{what}, {how}, seed {piece.seed}"


__all__ = ["COULD_NOT_TELL", "IN_PROCESS", "LEAST", "NOT_PROVEN", "PROVEN", "Score", "told_of"]
