"""Records in layers: what a chain shows, how it is sorted and counted, and writes that happen whole or not at all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.engine.collection import MOST_RECENT, Collection
from mockserver.engine.statements import Shape
from mockserver.engine.store import MOST_PENDING, MOST_SWEPT, StateError, Store

SHAPE = Shape("cards", "id", indexes=[["lane", "rank"]], tallies=[["lane"], ["lane", "state"]])
SEED, OWN, OTHER = 1, 2, 3

Cards = tuple[Store, Collection]


def card(key: str, lane: str = "a", rank: str = "m", state: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": key, "lane": lane, "rank": rank, "state": state, **more}


@pytest.fixture(params=["memory", "file"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory" if request.param == "memory" else str(tmp_path / "state.db")


@pytest.fixture
def open_cards() -> Iterator[Callable[[str], Cards]]:
    stores = []

    def make(location: str) -> Cards:
        store = Store(location)
        stores.append(store)
        return store, Collection(store, "toy", SHAPE)

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def cards(open_cards: Callable[[str], Cards], location: str) -> Cards:
    """A seed of three cards in the first layer."""
    store, collection = open_cards(location)
    store.begin()
    assert [store.new_layer() for _ in range(3)] == [SEED, OWN, OTHER]
    collection.fill(SEED, [card("1", rank="c"), card("2", rank="b", state=1), card("3", "b")], first=1)
    store.commit()
    return store, collection


def put(cards: Cards, layer: int, record: dict[str, Any], *, serial: int = 9, **options: Any) -> None:
    store, collection = cards
    store.begin()
    collection.write(layer, record, serial=serial, **{"before": None, **options})
    store.commit()


def keys(cards: Cards, chain: tuple[int, ...], lane: str = "a") -> list[str]:
    return [record["id"] for record in cards[1].select(chain, {"lane": lane}, ["rank"])]


def test_select__in_the_order_of_a_column(cards: Cards) -> None:
    assert keys(cards, (SEED,)) == ["2", "1"]


def test_select__ties_stand_in_the_order_of_creation(cards: Cards) -> None:
    for serial, key in enumerate("zyx", start=10):
        put(cards, OWN, card(key, rank="q"), serial=serial)
    assert keys(cards, (OWN, SEED)) == ["2", "1", "z", "y", "x"]


def test_select__a_record_above_hides_the_one_below(cards: Cards) -> None:
    put(cards, OWN, card("2", rank="z"), before=card("2", rank="b", state=1))
    assert keys(cards, (OWN, SEED)) == ["1", "2"]
    assert keys(cards, (SEED,)) == ["2", "1"]


def test_select__a_record_moved_above_is_gone_from_where_it_was(cards: Cards) -> None:
    put(cards, OWN, card("2", lane="b"), before=card("2", state=1))
    assert (keys(cards, (OWN, SEED)), keys(cards, (OWN, SEED), "b")) == (["1"], ["3", "2"])


def test_select__what_is_in_the_trash_is_not_shown(cards: Cards) -> None:
    put(cards, OWN, card("1"), before=card("1"), gone=100)
    assert keys(cards, (OWN, SEED)) == ["2"]


def test_layers__beside_one_another_never_meet(cards: Cards) -> None:
    put(cards, OWN, card("own"))
    put(cards, OTHER, card("other"))
    assert keys(cards, (OWN, SEED)) == ["2", "1", "own"]
    assert keys(cards, (OTHER, SEED)) == ["2", "1", "other"]


def test_find__the_topmost_of_the_chain(cards: Cards) -> None:
    _, collection = cards
    put(cards, OWN, card("1", note="mine"), before=card("1"))
    above, below = collection.find((OWN, SEED), "1"), collection.find((OTHER, SEED), "1")
    assert above is not None and above.record["note"] == "mine"
    assert below is not None and "note" not in below.record
    assert collection.find((OWN, SEED), "no") is None


def test_find__tells_when_a_record_went_to_the_trash(cards: Cards) -> None:
    put(cards, OWN, card("1"), serial=1, before=card("1"), gone=100)
    found = cards[1].find((OWN, SEED), "1")
    assert found is not None and (found.gone, found.serial) == (100, 1)


def test_greatest__of_a_parent_the_trash_included(cards: Cards) -> None:
    _, collection = cards
    put(cards, OWN, card("9", rank="y"), gone=100)
    assert collection.greatest((OWN, SEED), "rank", "lane", "a") == "y"
    assert collection.greatest((SEED,), "rank", "lane", "a") == "c"
    assert collection.greatest((SEED,), "rank", "lane", "none") is None


def test_greatest__of_what_moved_away_does_not_count(cards: Cards) -> None:
    put(cards, OWN, card("1", lane="b", rank="x"), before=card("1", rank="c"))
    assert cards[1].greatest((OWN, SEED), "rank", "lane", "a") == "b"


def test_tally__follows_writes_moves_and_the_trash(cards: Cards) -> None:
    _, collection = cards
    chain = (OWN, SEED)
    counts = []
    steps: list[dict[str, Any]] = [
        {"record": card("4")},
        {"record": card("4", state=1), "before": card("4")},
        {"record": card("4", lane="b", state=1), "before": card("4", state=1)},
        {"record": card("1"), "before": card("1"), "gone": 5},
        {"record": card("1")},
    ]
    for step in steps:
        put(cards, OWN, step.pop("record"), **step)
        in_a = collection.tally(chain, ["lane"], ["a"])
        counts.append((in_a, collection.tally(chain, ["lane", "state"], ["a", 1])))
    assert counts == [(3, 1), (3, 2), (2, 1), (1, 1), (2, 1)]
    assert collection.tally((SEED,), ["lane"], ["a"]) == 2


def test_roll_back__leaves_no_trace(cards: Cards) -> None:
    store, collection = cards
    before = collection.find((OWN, SEED), "1")
    store.begin()
    collection.write(OWN, card("1", "b"), serial=1, before=card("1", rank="c"))
    collection.insert(OWN, card("new"), 9)
    collection.write(OWN, card("new", state=1), serial=9, before=card("new"))
    store.roll_back()
    assert keys(cards, (OWN, SEED)) == ["2", "1"]
    assert collection.find((OWN, SEED), "1") == before
    assert collection.find((OWN, SEED), "new") is None
    assert collection.tally((OWN, SEED), ["lane"], ["a"]) == 2


def test_roll_back__keeps_what_was_committed_before(cards: Cards) -> None:
    store, collection = cards
    put(cards, OWN, card("4"))
    store.begin()
    collection.write(OWN, card("4", state=1), serial=9, before=card("4"))
    store.roll_back()
    found = collection.find((OWN, SEED), "4")
    assert found is not None and found.record["state"] == 0
    assert collection.tally((OWN, SEED), ["lane", "state"], ["a", 0]) == 2


def test_bury__deletes_one_layer_a_little_with_each_commit(cards: Cards) -> None:
    store, collection = cards
    store.begin()
    for number in range(2 * MOST_SWEPT + 1):
        collection.insert(OWN, card(f"new{number}"), serial=number)
    store.commit()
    put(cards, OTHER, card("5"))
    store.begin()
    store.bury(OWN)
    store.commit()
    assert rows(store, OWN) == MOST_SWEPT + 1
    for _ in range(3):
        store.begin()
        store.commit()
    assert (rows(store, OWN), rows(store, SEED)) == (0, 3)
    assert keys(cards, (OTHER, SEED)) == ["2", "1", "5"]
    assert store.execute("SELECT count(*) FROM tally WHERE layer = ?", (OWN,)).fetchone() == (0,)


def test_bury__that_is_rolled_back_deletes_nothing(cards: Cards) -> None:
    store, _ = cards
    if not store.durable:
        pytest.skip("in memory nothing can fail between a burial and its commit")
    put(cards, OWN, card("4"))
    store.begin()
    store.bury(OWN)
    store.roll_back()
    for _ in range(2):
        store.begin()
        store.commit()
    assert keys(cards, (OWN, SEED)) == ["2", "1", "4"]


def rows(store: Store, layer: int) -> int:
    store.flush()
    return int(store.execute('SELECT count(*) FROM "toy.cards" WHERE layer = ?', (layer,)).fetchone()[0])


@pytest.mark.parametrize("number", [MOST_PENDING + 5, MOST_RECENT + 5])
def test_write__more_than_is_kept_at_hand(cards: Cards, number: int) -> None:
    store, collection = cards
    store.begin()
    for serial in range(number):
        collection.insert(OWN, card(f"n{serial}", rank=f"{serial:06}"), serial + 10)
    store.commit()
    assert keys(cards, (OWN, SEED))[:number] == [f"n{serial}" for serial in range(number)]
    assert collection.tally((OWN, SEED), ["lane"], ["a"]) == number + 2


@pytest.mark.parametrize("text", ["Zürich ☃ 😀", "a\0b", "'; DROP TABLE tally; --", "\x1f", "", "a" * 100_000])
def test_write__any_text_comes_back_as_it_was(cards: Cards, text: str) -> None:
    put(cards, OWN, card("4", lane=text, note=text))
    assert cards[1].select((OWN, SEED), {"lane": text}, ["rank"]) == [card("4", lane=text, note=text)]


def test_file__keeps_records_counts_and_values(open_cards: Callable[[str], Cards], tmp_path: Path) -> None:
    location = str(tmp_path / "state.db")
    store, collection = cards = open_cards(location)
    assert store.new_layer() == SEED
    put(cards, SEED, card("1", note="é"))
    store.keep("name", {"a": [1, None]})
    store.close()
    store, collection = cards = open_cards(location)
    assert keys(cards, (SEED,)) == ["1"]
    assert collection.tally((SEED,), ["lane"], ["a"]) == 1
    assert store.load("name") == {"a": [1, None]}
    assert store.load("another") is None
    assert store.new_layer() == SEED + 1


def test_file__used_by_another_is_refused_in_one_sentence(tmp_path: Path) -> None:
    location = str(tmp_path / "state.db")
    store = Store(location)
    with pytest.raises(StateError) as refused:
        Store(location)
    store.close()
    assert location in str(refused.value) and "in use" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_file__that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Not a database at all. " * 100)
    with pytest.raises(StateError, match=r"notes\.txt is not a state file"):
        Store(str(file))
    assert file.read_text() == "Not a database at all. " * 100


def test_collection__of_a_state_with_other_columns(cards: Cards) -> None:
    with pytest.raises(StateError, match="made for another model of toy"):
        Collection(cards[0], "toy", Shape("cards", "id", indexes=[["lane", "rank"], ["colour"]]))
