"""What a defect is to a world: a bend around its requests, hooks into its deliveries, and a memory.

Which defects there are is told by `mockserver/defects.py`; nothing here knows one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mockserver.engine.messages import Request, Response
from mockserver.engine.store import Record

if TYPE_CHECKING:
    from mockserver.engine.outbox import Delivery
    from mockserver.engine.query import Expression
    from mockserver.engine.stage import Stage
    from mockserver.engine.subscriptions import Event, Profile
    from mockserver.engine.world import World
    from mockserver.vendor import Operation, Vendor

Run = Callable[[Request], Response]
Memory = dict[Any, Any]


class Place(NamedTuple):
    """Where a request has arrived; in no operation where its path or its method is unknown."""

    stage: "Stage"
    world: "World"
    operation: "Operation | None"


class Passage:
    """One request on its way through one defect.

    `operation` is None where the request reaches none. `memory` is this defect's own in this world, empty after a
    reset. `proceed` hands a request on, as often as wanted: to the next defect, in the end to the mock.
    """

    __slots__ = ("_proceed", "memory", "operation", "request", "stage", "world")

    def __init__(self, place: Place, request: Request, memory: Memory, proceed: Run) -> None:
        self.stage, self.world, self.operation = place
        self.request = request
        self.memory = memory
        self._proceed = proceed

    @property
    def vendor(self) -> "Vendor":
        return self.stage.vendor

    def proceed(self, request: Request | None = None, tap: "Tap | None" = None) -> Response:
        """What becomes of the request, or of another one to the same operation; with a tap on the world meanwhile."""
        asked, world = self.request if request is None else request, self.world
        if tap is None:
            return self._proceed(asked)
        before = world.taps
        world.taps = (*before, tap)
        try:
            return self._proceed(asked)
        finally:
            world.taps = before

    def play(self, operation: str, request: Request) -> Response:
        """What the mock itself answers to a request to any operation of the vendor."""
        return self.stage.plans[operation].run(self.world, request)


@dataclass(frozen=True)
class Tap:
    """Where a defect may reach into a world while one request is carried out; None leaves it as it is.

    `write` answers what is written instead of a record, by its resource, as it was (None where it is new) and as it is
    to be; None where nothing is written. What it changes in the record itself, the answer shows too. `trash` answers
    whether a record goes. `listing` answers what a list looks for and in which order, in place of what was asked for.
    """

    write: Callable[[str, Record | None, Record], Record | None] | None = None
    trash: Callable[[str, Record], bool] | None = None
    listing: "Callable[[Expression, Sequence[str]], tuple[Expression, Sequence[str]]] | None" = None


Around = Callable[[Passage], Response]


def straight(passage: Passage) -> Response:
    """For a defect that shows in deliveries only."""
    return passage.proceed()


@dataclass(frozen=True)
class Hooks:
    """Where a defect may bend what subscribers are told; None leaves it as it is.

    `listeners` are the subscriptions that hear of an event (twice, where one stands there twice), `payload` the bytes
    that are sent and signed, `headers` what is sent with them, `profile` what counts as received and what follows.
    """

    listeners: "Callable[[World, Event, Record, list[Record]], list[Record]] | None" = None
    payload: "Callable[[World, Event, bytes], bytes] | None" = None
    headers: "Callable[[World, Delivery, dict[str, str]], dict[str, str]] | None" = None
    profile: "Callable[[World, Profile], Profile] | None" = None


@dataclass(frozen=True)
class Defect:
    """One way in which a vendor's API goes wrong.

    `name` is unique in its vendor, `what` one sentence for users. `around` is asked about requests to `operations`, and
    with `strays` about those that reach no operation as well. `unseen` is why nobody can see it on a tenant that is
    somebody's; empty where it can be seen there.
    """

    name: str
    kind: str
    what: str
    operations: tuple[str, ...]
    around: Around = field(default=straight, repr=False)
    strays: bool = False
    hooks: Hooks | None = field(default=None, repr=False)
    unseen: str = ""

    def concerns(self, operation: str | None) -> bool:
        return self.strays if operation is None else operation in self.operations


@dataclass(frozen=True)
class Planted:
    """A defect in a world, and what it has to remember from one request to the next."""

    defect: Defect
    memory: Memory = field(default_factory=dict)


class Planting(Protocol):
    """Puts the defects of one vendor into worlds, by their names."""

    def fresh(self) -> dict[str, Planted]:
        """Those that a fresh world has."""

    def plant(self, names: Sequence[str]) -> dict[str, Planted]:
        """Those of these names that there are, the outermost first."""


def bent(place: Place, request: Request, run: Run) -> Response:
    """What becomes of a request in a world with defects; `run` is the mock itself."""
    name = place.operation.id if place.operation is not None else None
    for planted in reversed(list(place.world.defects.values())):
        if planted.defect.concerns(name):
            run = _through(place, planted, run)
    return run(request)


def _through(place: Place, planted: Planted, run: Run) -> Run:
    return lambda request: planted.defect.around(Passage(place, request, planted.memory, run))


def hooks(world: "World") -> list[Hooks]:
    """The hooks of a world's defects, in their order."""
    return [one.defect.hooks for one in world.defects.values() if one.defect.hooks is not None]


def tapped(taps: Sequence[Tap], resource: str, before: Record | None, record: Record) -> Record | None:
    """What is written instead of a record; None where nothing is."""
    written: Record | None = record
    for tap in taps:
        if tap.write is not None and written is not None:
            written = tap.write(resource, before, written)
    return written
