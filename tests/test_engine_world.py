"""Worlds: forked from the seed on first use, apart from one another, reset at once, changed in transactions."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.engine.call import Call
from mockserver.engine.chance import parse_time
from mockserver.engine.collection import Collection
from mockserver.engine.messages import Exchange, Request, Response
from mockserver.engine.quotas import quota
from mockserver.engine.statements import Shape
from mockserver.engine.store import Store
from mockserver.engine.world import JOURNAL_LENGTH, Ground, World, Worlds

NOON = parse_time("2024-01-15T12:00:00Z")
SHAPE = Shape("cards", "id", indexes=[["lane", "rank"]], tallies=[["lane"]])
QUOTA = {"window": "month", "limit": "calls", "spared": [], "refusal": "used_up"}
HEADERS = {"X-Limit": "limit", "X-Left": "remaining", "X-Reset": "reset"}
SEEDED = [
    {"id": "1", "lane": "a", "rank": "aaa", "text": "one"},
    {"id": "2", "lane": "a", "rank": "aab", "text": "two"},
]


class Trouble(Exception):
    """What goes wrong in the middle of a transaction."""


def make_worlds(store: Store, layer: int | None = None, *, seed: int = 1) -> Worlds:
    """The worlds of a toy vendor with two cards; `layer` is where a store that had them already keeps them."""
    collection = Collection(store, "toy", SHAPE)
    if layer is None:
        store.begin()
        layer = store.new_layer()
        collection.fill(layer, SEEDED, first=1)
        store.commit()
    quotas = {"monthly": quota({**QUOTA, "headers": HEADERS}, {"me": {"calls": 10}}, counting=True)}
    return Worlds(Ground("toy", store, {"cards": collection}, quotas, seed, layer, len(SEEDED), NOON))


@pytest.fixture
def open_store() -> Iterator[Callable[[str], Store]]:
    stores: list[Store] = []

    def make(location: str) -> Store:
        stores.append(Store(location))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture(params=["memory", "file"])
def worlds(request: pytest.FixtureRequest, tmp_path: Path, open_store: Callable[[str], Store]) -> Worlds:
    return make_worlds(open_store("memory" if request.param == "memory" else str(tmp_path / "state.db")))


def add(world: World, **fields: Any) -> str:
    key = world.new_id()
    with world.transaction():
        world.insert("cards", {"id": key, "lane": "a", "rank": "zzz", "text": "new", **fields})
    return key


def texts(world: World, lane: str = "a") -> list[str]:
    return [record["text"] for record in world.select("cards", {"lane": lane}, ["rank"])]


def journal_one(world: World) -> None:
    world.journal.append(Exchange(0.0, None, Request("GET", "/", b"", [], {}, b""), Response(200, [], b"")))


def by_me(world: World) -> Call:
    return Call(world, Request("GET", "/", b"", [], {}, b""), "me")


def test_find__forks_once_and_then_knows(worlds: Worlds) -> None:
    assert worlds.find("a") is worlds.find("a")
    assert worlds.find("a") is not worlds.find("b")


def test_fork__has_the_seed_and_keeps_its_changes_to_itself(worlds: Worlds) -> None:
    mine, yours = worlds.find("mine"), worlds.find("yours")
    add(mine)
    with mine.transaction():
        mine.replace("cards", {**SEEDED[0], "text": "changed"})
        mine.trash("cards", SEEDED[1])
    assert texts(mine) == ["changed", "new"]
    assert texts(yours) == ["one", "two"]


def test_new_id__is_the_same_sequence_in_each_world(worlds: Worlds) -> None:
    mine, yours = worlds.find("mine"), worlds.find("yours")
    ids = [mine.new_id() for _ in range(3)]
    assert [yours.new_id() for _ in range(3)] == ids
    assert len(set(ids)) == 3


def test_new_id__follows_from_the_seed(open_store: Callable[[str], Store]) -> None:
    one, other = (make_worlds(open_store("memory"), seed=seed).find("w").new_id() for seed in (1, 2))
    assert one != other


def test_find__of_a_record_in_the_trash_is_none(worlds: Worlds) -> None:
    world = worlds.find("w")
    with world.transaction():
        world.trash("cards", SEEDED[0])
    found = world.find_trashed("cards", "1")
    assert world.find("cards", "1") is None
    assert found is not None and found.gone == int(NOON)
    assert world.find_trashed("cards", "2") is None


def test_replace__takes_a_record_out_of_the_trash(worlds: Worlds) -> None:
    world = worlds.find("w")
    with world.transaction():
        world.trash("cards", SEEDED[0])
    with world.transaction():
        world.replace("cards", SEEDED[0])
    assert world.find("cards", "1") == SEEDED[0]
    assert world.tally("cards", lane="a") == 2


def test_transaction__that_fails_takes_everything_back(worlds: Worlds) -> None:
    world = worlds.find("w")
    with pytest.raises(Trouble), world.transaction():
        world.insert("cards", {"id": world.new_id(), "lane": "a", "rank": "x", "text": "new"})
        world.replace("cards", {**SEEDED[0], "text": "changed"})
        world.trash("cards", SEEDED[1])
        raise Trouble
    assert texts(world) == ["one", "two"]
    assert world.tally("cards", lane="a") == 2


def test_transaction__that_fails_gives_its_ids_back(worlds: Worlds) -> None:
    world = worlds.find("w")
    with pytest.raises(Trouble), world.transaction():
        world.new_id()
        raise Trouble
    assert world.new_id() == worlds.find("other").new_id()


def test_transaction__after_one_that_failed_is_kept(worlds: Worlds) -> None:
    world = worlds.find("w")
    with pytest.raises(Trouble), world.transaction():
        world.insert("cards", {"id": "x", "lane": "a", "rank": "x", "text": "lost"})
        raise Trouble
    add(world, text="kept")
    assert texts(world) == ["one", "two", "kept"]


def test_transaction__for_which_the_disk_has_no_room_is_taken_back(
    open_store: Callable[[str], Store], tmp_path: Path
) -> None:
    store = open_store(str(tmp_path / "state.db"))
    world = make_worlds(store).find("w")
    add(world, text="before")
    store.execute(f"PRAGMA max_page_count = {store.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(sqlite3.Error):
        add(world, text="x" * 500_000)
    assert texts(world) == ["one", "two", "before"]
    store.execute("PRAGMA max_page_count = 100000")
    add(world, text="after")
    assert texts(world) == ["one", "two", "before", "after"]
    assert world.tally("cards", lane="a") == 4


def test_reset__brings_back_records_ids_clock_counts_and_an_empty_journal(worlds: Worlds) -> None:
    world = worlds.find("w")
    first = add(world)
    world.clock.move_to(NOON + 5)
    world.counts["monthly"].take(by_me(world), NOON)
    journal_one(world)
    world.reset()
    assert texts(world) == ["one", "two"]
    assert world.tally("cards", lane="a") == 2
    assert world.new_id() == first
    assert (world.clock.now(), world.counts["monthly"].state()["used"], len(world.journal)) == (NOON, {}, 0)


def test_reset__that_cannot_be_kept_leaves_the_world_as_it_was(
    open_store: Callable[[str], Store], tmp_path: Path
) -> None:
    store = open_store(str(tmp_path / "state.db"))
    world = make_worlds(store).find("w")
    add(world)
    world.clock.move_to(NOON + 5)
    store.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON state BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(sqlite3.Error):
        world.reset()
    store.execute("DROP TRIGGER full")
    for _ in range(5):
        add(world, text="after")
    assert texts(world) == ["one", "two", "new", *["after"] * 5]
    assert world.tally("cards", lane="a") == 8
    assert world.clock.now() == NOON + 5


def test_reset__of_a_world_with_many_records_costs_nothing_and_hides_them_at_once(worlds: Worlds) -> None:
    mine, yours = worlds.find("mine"), worlds.find("yours")
    with mine.transaction():
        for number in range(3000):
            mine.insert("cards", {"id": mine.new_id(), "lane": "a", "rank": f"x{number:05}", "text": "many"})
    add(yours)
    mine.reset()
    for _ in range(20):
        assert texts(mine)[:2] == ["one", "two"]
        add(mine)
    assert texts(mine) == ["one", "two", *["new"] * 20]
    assert mine.tally("cards", lane="a") == 22
    assert texts(yours) == ["one", "two", "new"]


def test_reset__of_one_world_leaves_the_others(worlds: Worlds) -> None:
    mine, yours = worlds.find("mine"), worlds.find("yours")
    add(mine)
    add(yours)
    mine.reset()
    assert texts(yours) == ["one", "two", "new"]


def test_reset__many_times_with_writes_between(worlds: Worlds) -> None:
    world = worlds.find("w")
    for _ in range(20):
        add(world)
        with world.transaction():
            world.trash("cards", SEEDED[0])
        assert texts(world) == ["two", "new"]
        world.reset()
    assert texts(world) == ["one", "two"]


def test_last_rank__counts_the_trash_and_follows_the_reset(worlds: Worlds) -> None:
    world = worlds.find("w")
    rank = {"field": "rank", "within": "lane"}
    key = add(world, rank="nnn")
    with world.transaction():
        world.trash("cards", {"id": key})
    assert world.last_rank("cards", rank, "a") == "nnn"
    world.reset()
    assert world.last_rank("cards", rank, "a") == "aab"


def test_journal__keeps_the_latest(worlds: Worlds) -> None:
    world = worlds.find("w")
    for _ in range(JOURNAL_LENGTH + 10):
        journal_one(world)
    assert len(world.journal) == JOURNAL_LENGTH


def test_file__brings_back_each_world_with_its_clock_counts_and_sequence(
    open_store: Callable[[str], Store], tmp_path: Path
) -> None:
    store = open_store(str(tmp_path / "state.db"))
    worlds = make_worlds(store)
    mine = worlds.find("mine")
    add(mine)
    mine.clock.move_to(NOON + 60)
    mine.counts["monthly"].take(by_me(mine), NOON + 60)
    worlds.find("yours")
    worlds.save()
    store.close()
    store = open_store(str(tmp_path / "state.db"))
    again = make_worlds(store, layer=1).find("mine")
    assert texts(again) == ["one", "two", "new"]
    assert (again.clock.now(), again.counts["monthly"].state()["used"], again.birth) == (NOON + 60, {"me": 1}, NOON)
    assert again.new_id() == mine.new_id()
    assert texts(make_worlds(store, layer=1).find("yours")) == ["one", "two"]
