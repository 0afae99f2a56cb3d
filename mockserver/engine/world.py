"""Worlds: isolated states of one vendor, forked from its seed the first time that a request names them."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mockserver.engine.chance import Clock, seeded_id
from mockserver.engine.collection import Collection
from mockserver.engine.messages import Exchange
from mockserver.engine.quotas import Counts, Quota
from mockserver.engine.store import Chain, Found, Record, Store

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


class World:
    """One isolated state: records, clock, counts and journal."""

    __slots__ = ("_own", "birth", "chain", "clock", "counts", "ground", "journal", "name", "ranks", "serial")

    def __init__(self, ground: Ground, name: str, state: Mapping[str, Any] | None = None) -> None:
        self.ground = ground
        self.name = name
        self._own: int | None = None
        self._begin()
        if state is not None:
            self._resume(state)

    def _begin(self) -> None:
        self.chain: Chain = (self.ground.seed_layer,)
        self.clock = Clock(self.ground.frozen_at)
        self.birth = self.clock.now()
        self.serial = self.ground.seeded
        self.counts = {name: Counts(quota) for name, quota in self.ground.quotas.items()}
        self.ranks: dict[tuple[str, str], str] = {}  # (resource, parent) -> last rank, as far as it is known
        self.journal: deque[Exchange] = deque(maxlen=JOURNAL_LENGTH)

    def _resume(self, state: Mapping[str, Any]) -> None:
        self._own, self.serial, self.birth = state["own"], state["serial"], state["birth"]
        self.clock = Clock(**state["clock"])
        self.chain = (self._own, self.ground.seed_layer) if self._own is not None else self.chain
        for name, counted in state["counts"].items():
            if name in self.counts:
                self.counts[name] = Counts(self.ground.quotas[name], counted["used"], counted["start"])

    # Records

    def find(self, resource: str, key: str) -> Record | None:
        """The record, unless it does not exist or is in the trash."""
        found = self.ground.collections[resource].find(self.chain, key)
        return found.record if found is not None and found.gone is None else None

    def find_trashed(self, resource: str, key: str) -> Found | None:
        found = self.ground.collections[resource].find(self.chain, key)
        return found if found is not None and found.gone is not None else None

    def select(self, resource: str, where: Mapping[str, str], order: list[str]) -> list[Record]:
        return self.ground.collections[resource].select(self.chain, where, order)

    def tally(self, resource: str, **values: Any) -> int:
        """How many records outside the trash have these values; O(1) in the number of records."""
        return self.ground.collections[resource].tally(self.chain, list(values), list(values.values()))

    def last_rank(self, resource: str, rank: Mapping[str, str], parent: str) -> str | None:
        """The greatest rank among the records of a parent, the trash included."""
        known = self.ranks.get((resource, parent))
        if known is None:
            known = self.ground.collections[resource].greatest(self.chain, rank["field"], rank["within"], parent)
        return known

    def new_id(self, form: str | None = None) -> str | int:
        self.serial += 1
        return seeded_id(form, self.ground.seed, self.serial)

    def insert(self, resource: str, record: Record) -> None:
        """A new record, in a transaction."""
        self.ground.collections[resource].insert(self._layer(), record, self.serial)

    def replace(self, resource: str, record: Record) -> None:
        """The record with its present key gets new content, in a transaction."""
        found = self._present(resource, record)
        before = found.record if found.gone is None else None
        self.ground.collections[resource].write(self._layer(), record, serial=found.serial, before=before)

    def trash(self, resource: str, record: Record) -> None:
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

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is kept whole, with the world's own state, or not at all."""
        own, chain, serial = self._own, self.chain, self.serial
        store = self.ground.store
        store.begin()
        try:
            yield
            if store.durable:
                self.save()
            store.commit()
        except BaseException:
            store.roll_back()
            self._own, self.chain, self.serial = own, chain, serial
            self.ranks.clear()
            raise

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
        }

    def reset(self) -> None:
        """Back to the seed: records, clock, counts and journal."""
        kept = self.clock, self.birth, self.counts, self.journal
        try:
            with self.transaction():
                if self._own is not None:
                    self.ground.store.bury(self._own)
                    self._own = None
                self._begin()
        except BaseException:
            self.clock, self.birth, self.counts, self.journal = kept
            raise


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

    def save(self) -> None:
        """Keep what no write has kept yet: the counts of calls that only read."""
        for world in self._known.values():
            world.save()
