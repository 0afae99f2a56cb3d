"""Worlds: isolated states of one vendor, forked from its seed the first time that a request names them."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mockserver.engine.chance import Clock, named_uuid, seeded_id, seeded_secret
from mockserver.engine.collection import Collection
from mockserver.engine.defect import Planted, Planting, Tap, tapped
from mockserver.engine.messages import Exchange
from mockserver.engine.outbox import Outbox
from mockserver.engine.query import Border, Expression
from mockserver.engine.quotas import Counts, Quota
from mockserver.engine.rank import Rank
from mockserver.engine.search import Slice
from mockserver.engine.store import Chain, Found, Record, Store
from mockserver.engine.subscriptions import Webhooks

if TYPE_CHECKING:
    from mockserver.engine.call import Call

JOURNAL_LENGTH = 1000


@dataclass(frozen=True)
class Ground:
    """What all worlds of a vendor stand on, fixed at start."""

    vendor: str
    store: Store
    collections: Mapping[str, Collection]
    quotas: Mapping[str, Quota]
    seed: int
    seed_layer: int
    seeded: int  # how many records the seed has
    frozen_at: float | None = None
    timestamps: str = "zulu"
    id_forms: Mapping[str, str] = field(default_factory=dict)  # of resources
    highest: Mapping[str, int] = field(default_factory=dict)  # key of the seed, where keys are digits
    switches: Mapping[str, str] = field(default_factory=dict)  # how they stand in a fresh world
    webhooks: Webhooks | None = None
    planting: Planting | None = None  # nothing can go wrong where there is none


class World:
    """One isolated state: records, clock, counts, switches, defects and journal."""

    __slots__ = (
        "_own",
        "answered",
        "birth",
        "cache",
        "chain",
        "clock",
        "counts",
        "defects",
        "ground",
        "highest",
        "journal",
        "name",
        "outbox",
        "ranks",
        "serial",
        "switches",
        "taps",
    )

    def __init__(self, ground: Ground, name: str, state: Mapping[str, Any] | None = None) -> None:
        self.ground = ground
        self.name = name
        self._own: int | None = None
        self._begin()
        if state is not None:
            self._resume(state)

    def _begin(self) -> None:
        self.chain: Chain = (self.ground.seed_layer,)
        self.clock = Clock(self.ground.frozen_at, form=self.ground.timestamps)
        self.birth = self.clock.now()
        self.serial = self.ground.seeded
        self.answered = 0  # how many answers have borne a number
        self.highest = dict(self.ground.highest)
        self.switches = dict(self.ground.switches)
        planting = self.ground.planting
        self.defects: dict[str, Planted] = planting.fresh() if planting is not None else {}
        self.taps: tuple[Tap, ...] = ()  # of the defects that the present request passes
        self.cache: dict[Any, Any] = {}  # answers that may be given again, as long as a switch allows it
        self.counts: dict[str, Counts] = {name: quota.counts() for name, quota in self.ground.quotas.items()}
        self.ranks: dict[tuple[str, str], Rank] = {}  # (resource, parent) -> last rank, as far as it is known
        self.journal: deque[Exchange] = deque(maxlen=JOURNAL_LENGTH)
        webhooks = self.ground.webhooks
        self.outbox = Outbox(webhooks, self) if webhooks is not None else None

    def _resume(self, state: Mapping[str, Any]) -> None:
        self._own, self.serial, self.birth = state["own"], state["serial"], state["birth"]
        self.clock = Clock(**state["clock"], form=self.ground.timestamps)
        self.answered = state.get("answered", 0)
        self.highest |= state.get("highest", {})
        self.switches |= {name: value for name, value in state.get("switches", {}).items() if name in self.switches}
        self.plant(state.get("defects", ()))
        self.chain = (self._own, self.ground.seed_layer) if self._own is not None else self.chain
        for name, counted in state["counts"].items():
            if name in self.counts:
                self.counts[name] = self.ground.quotas[name].counts(counted)
        if self.outbox is not None and "outbox" in state:
            self.outbox.resume(state["outbox"])

    # Records

    def find(self, resource: str, key: str) -> Record | None:
        """The record, unless it does not exist or is in the trash."""
        found = self.ground.collections[resource].find(self.chain, key)
        return found.record if found is not None and found.gone is None else None

    def find_trashed(self, resource: str, key: str) -> Found | None:
        found = self.ground.collections[resource].find(self.chain, key)
        return found if found is not None and found.gone is not None else None

    def select(self, resource: str, where: Mapping[str, Any], order: list[str]) -> list[Record]:
        return self.ground.collections[resource].select(self.chain, where, order)

    def search(
        self,
        resource: str,
        where: Expression,
        order: Sequence[str],
        *,
        limit: int | None = None,
        offset: int = 0,
        border: Border | None = None,
    ) -> list[Record]:
        """The records outside the trash that fit, sorted; where the last key is not the resource's, ties by creation.

        Backwards from a border those next to it come first. Raises LookupError for a field that is no column.
        """
        collections, part = self.ground.collections, Slice(order, limit, offset, border)
        return collections[resource].search(self.chain, where, part, collections)

    def count(self, resource: str, where: Expression) -> int:
        """How many records outside the trash fit."""
        return self.ground.collections[resource].count(self.chain, where, self.ground.collections)

    def tally(self, resource: str, **values: Any) -> int:
        """How many records outside the trash have these values; O(1) in the number of records."""
        return self.ground.collections[resource].tally(self.chain, list(values), list(values.values()))

    def last_rank(self, resource: str, rank: Mapping[str, Any], parent: str) -> Rank | None:
        """The greatest rank among the records of a parent, the trash included."""
        known = self.ranks.get((resource, parent))
        if known is None:
            known = self.ground.collections[resource].greatest(self.chain, rank["field"], rank["within"], parent)
        return known

    def new_id(self, resource: str | None = None) -> str | int:
        """A key that no record has: by the resource's `id_form`, or a UUID."""
        self.serial += 1
        form = self.ground.id_forms.get(resource or "")
        if form == "digits" and resource:
            self.highest[resource] = self.highest.get(resource, 0) + 1
            return str(self.highest[resource])
        return seeded_id(form, self.ground.seed, self.serial, self.clock.now() if form == "ulid" else 0.0)

    def new_secret(self, key: str | int) -> str:
        """A secret for the record with that key."""
        return seeded_secret(self.ground.seed, key)

    def stamp(self) -> str:
        """Now, as the vendor prints it."""
        return self.clock.timestamp()

    def next_answer_id(self) -> str:
        """What tells an answer from all others, those of other worlds included."""
        self.answered += 1
        return named_uuid(self.ground.seed, self.name, self.answered)

    def switch(self, name: str) -> str:
        """How one of the vendor's switches stands in this world."""
        return self.switches[name]

    def plant(self, names: Sequence[str]) -> None:
        """Let these defects be all that the world has, each without memories."""
        planting = self.ground.planting
        self.defects = planting.plant(names) if planting is not None else {}

    def emit(self, event: str, resource: str, record: Record, call: "Call") -> None:
        """Tell the subscribers of an event: what it is about, as the record is now or was last, and in which call.

        In a transaction, or right after one; with the transaction it is undone.
        """
        if self.outbox is not None:
            self.outbox.emit(event, resource, record, call)

    def insert(self, resource: str, record: Record) -> None:
        """A new record, in a transaction."""
        written = tapped(self.taps, resource, None, record) if self.taps else record
        if written is not None:
            self.ground.collections[resource].insert(self._layer(), written, self.serial)

    def replace(self, resource: str, record: Record) -> None:
        """The record with its present key gets new content, in a transaction."""
        found = self._present(resource, record)
        before = found.record if found.gone is None else None
        written = tapped(self.taps, resource, before, record) if self.taps else record
        if written is not None:
            self.ground.collections[resource].write(self._layer(), written, serial=found.serial, before=before)

    def trash(self, resource: str, record: Record) -> None:
        if self.taps and any(tap.trash is not None and not tap.trash(resource, record) for tap in self.taps):
            return
        found = self._present(resource, record)
        collection, gone = self.ground.collections[resource], int(self.clock.now())
        collection.write(self._layer(), found.record, serial=found.serial, before=found.record, gone=gone)

    def _present(self, resource: str, record: Record) -> Found:
        collection = self.ground.collections[resource]
        found = collection.find(self.chain, record[collection.key])
        assert found is not None, f"no {resource} {record[collection.key]} to change"
        return found

    def _layer(self) -> int:
        if self._own is None:
            self._own = self.ground.store.new_layer()
            self.chain = (self._own, *self.chain)
        return self._own

    # State

    def transaction(self) -> "Transaction":
        """What is written inside is kept whole, with the world's own state, or not at all."""
        return Transaction(self)

    def place(self) -> tuple[Any, ...]:
        """What a write moves on in the world itself, to be put back if it fails."""
        return self._own, self.chain, self.serial, dict(self.highest)

    def put_back(self, place: tuple[Any, ...]) -> None:
        self._own, self.chain, self.serial, self.highest = place
        self.ranks.clear()

    def save(self) -> None:
        """Keep clock, counts and place in the sequence where the records are kept."""
        if self.ground.store.durable:
            self.ground.store.keep(f"world.{self.ground.vendor}.{self.name}", self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "own": self._own,
            "serial": self.serial,
            "birth": self.birth,
            "clock": self.clock.state(),
            "counts": {name: counts.state() for name, counts in self.counts.items()},
            "answered": self.answered,
            "highest": self.highest,
            "switches": self.switches,
            "defects": list(self.defects),
            **({} if self.outbox is None else {"outbox": self.outbox.state()}),
        }

    def reset(self) -> None:
        """Back to the seed: records, clock, counts and journal."""
        kept = self.clock, self.birth, self.counts, self.journal, self.outbox
        try:
            with self.transaction():
                if self._own is not None:
                    self.ground.store.bury(self._own)
                    self._own = None
                self._begin()
        except BaseException:
            self.clock, self.birth, self.counts, self.journal, self.outbox = kept
            raise


class Transaction:
    """Not a generator with a decorator, which costs each write a microsecond more."""

    __slots__ = ("_before", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._before = world.place()

    def __enter__(self) -> None:
        world = self._world
        world.ground.store.begin()
        if world.outbox is not None:
            world.outbox.begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        world, store = self._world, self._world.ground.store
        if kind is None:
            try:
                if store.durable:
                    world.save()
                store.commit()
                if world.outbox is not None:
                    world.outbox.commit()
            except BaseException:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        world = self._world
        world.ground.store.roll_back()
        if world.outbox is not None:
            world.outbox.roll_back()
        world.put_back(self._before)


@dataclass
class Worlds:
    """All worlds of one vendor."""

    ground: Ground
    _known: dict[str, World] = field(default_factory=dict)

    def find(self, name: str) -> World:
        """The world of that name: known, kept in the state, or forked now."""
        world = self._known.get(name)
        if world is None:
            kept = self.ground.store.load(f"world.{self.ground.vendor}.{name}") if self.ground.store.durable else None
            world = self._known[name] = World(self.ground, name, kept)
        return world

    def drop(self, name: str) -> None:
        """Forget a world and all that it holds; whoever names it next gets a fresh one."""
        if (world := self._known.pop(name, None)) is not None:
            world.reset()

    def save(self) -> None:
        """Keep what no write has kept yet: the counts of calls that only read."""
        for world in self._known.values():
            world.save()
