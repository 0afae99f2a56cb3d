"""What a sequence came to: the exchanges of its steps, and where the target parted from its model."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from contracts.findings import Exchange
from contracts.modelling.steps import Name, Step

_WHOLE = frozenset({"access", "answer", "body", "gone", "id", "isolation", "order", "records", "repeats", "status"})


@dataclass(frozen=True)
class Difference:
    """Where an answer differs from what the model says, in a word and in a sentence; `rule` is what says so."""

    operation: str
    aspect: str
    what: str
    exchange: Exchange
    rule: str | None = None

    @property
    def key(self) -> str:
        """What makes it the same finding in another run."""
        return f"model {self.operation} {self.aspect}"

    @property
    def kind(self) -> str:
        """What it is about: a field or a header that is wrong is wrong in many operations."""
        return self.key if self.aspect in _WHOLE else self.aspect.rpartition(".")[2]


class Differs(Exception):
    """The target answered otherwise than its model."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.what)
        self.difference = difference


@dataclass
class Scene:
    """One step as it was played: what was sent for it, the seconds that passed before, and what it made."""

    step: Step
    exchanges: list[Exchange] = field(default_factory=list)
    made: tuple[Name, str] | None = None


@dataclass
class Played:
    """A sequence on a target."""

    scenes: list[Scene] = field(default_factory=list)
    difference: Difference | None = None

    @property
    def requests(self) -> int:
        return sum(len(scene.exchanges) for scene in self.scenes)

    @property
    def exchanges(self) -> Iterator[Exchange]:
        for scene in self.scenes:
            yield from scene.exchanges
