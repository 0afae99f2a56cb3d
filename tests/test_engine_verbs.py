"""The verbs: what each does to the records of a world, called plainly."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mockserver.engine.call import Call, Outcome
from mockserver.engine.chance import parse_time
from mockserver.engine.collection import Collection
from mockserver.engine.envelopes import envelope
from mockserver.engine.listing import Listing
from mockserver.engine.messages import Request
from mockserver.engine.statements import Shape
from mockserver.engine.store import Store
from mockserver.engine.verbs import Resource, Task, create, delete, get, list_, update
from mockserver.engine.world import Ground, World

NOON = parse_time("2024-01-15T12:00:00Z")
EARLIER, LATER = "2024-01-15T11:00:00Z", "2024-01-15T12:00:00Z"
RANK = {"field": "rank", "within": "lane", "first": "aaa"}
CARDS = Resource("cards", account="owner", rank=RANK, created="born", updated="changed")
VIEW = ["id", "text", "lane", "rank"]
ACCEPTS = {"laneId": "lane", "text": "text"}
SEEDED = [
    {"id": "1", "owner": "me", "lane": "a", "rank": "aaa", "text": "one", "born": EARLIER, "changed": EARLIER},
    {"id": "2", "owner": "me", "lane": "a", "rank": "aab", "text": "two", "born": EARLIER, "changed": EARLIER},
    {"id": "3", "owner": "you", "lane": "c", "rank": "aaa", "text": "yours", "born": EARLIER, "changed": EARLIER},
]


@pytest.fixture(params=["memory", "file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    store = Store("memory" if request.param == "memory" else str(tmp_path / "state.db"))
    shape = Shape("cards", "id", [["lane", "rank"], ["owner", "rank"]], [["lane"]])
    collection = Collection(store, "toy", shape)
    layer = store.new_layer()
    collection.fill(layer, SEEDED, first=1)
    yield World(Ground("toy", store, {"cards": collection}, {}, 1, layer, len(SEEDED), NOON), "w")
    store.close()


def make_task(resource: Resource = CARDS, status: int = 200, wrapped: str = "card", **options: Any) -> Task:
    return Task(resource, status, envelope(wrapped), **{"view": VIEW, "accepts": ACCEPTS, **options})


def make_list(**options: Any) -> Callable[[Call], Outcome]:
    listing = Listing("cards", ["rank"], account="owner", **options)
    return list_(make_task(wrapped="cards", view=["text"], listing=listing))


def play(verb: Callable[[Call], Outcome], world: World, body: Mapping[str, Any] | None = None, on: str = "") -> Outcome:
    call = Call(world, Request("GET", "/", b"", [], {}, b""), "me")
    call.body = body or {}
    if on:
        found = world.find("cards", on)
        assert found is not None
        call.record = found
    return verb(call)


def listed(world: World, lane: str) -> list[str]:
    return [record["text"] for record in world.select("cards", {"lane": lane}, ["rank"])]


def test_get__shows_what_the_view_names(world: World) -> None:
    outcome = play(get(make_task()), world, on="1")
    assert outcome == (200, {"card": {"id": "1", "text": "one", "lane": "a", "rank": "aaa"}})


def test_get__adds_what_is_derived(world: World) -> None:
    resource = Resource("cards", derive=lambda record, world: {"shout": record["text"].upper()})
    outcome = play(get(make_task(resource, view=["shout"])), world, on="1")
    assert outcome.payload == {"card": {"shout": "ONE"}}


def test_list__of_an_account_in_order(world: World) -> None:
    outcome = play(make_list(), world)
    assert outcome.payload == {"cards": [{"text": "one"}, {"text": "two"}]}


def test_list__within_a_parent(world: World) -> None:
    verb = make_list(within="lane")
    call = Call(world, Request("GET", "/", b"", [], {}, b""), "me")
    call.parent = {"id": "c"}
    assert verb(call).payload == {"cards": [{"text": "yours"}]}


def test_list__of_nothing_is_empty(world: World) -> None:
    verb = make_list(within="lane")
    call = Call(world, Request("GET", "/", b"", [], {}, b""), "me")
    call.parent = {"id": "nowhere"}
    assert verb(call).payload == {"cards": []}


def test_create__at_the_end_of_its_parent_with_stamps_and_account(world: World) -> None:
    verb = create(make_task(status=201, defaults={"text": None}))
    status, payload = play(verb, world, {"laneId": "a", "text": "new"})
    record = world.find("cards", payload["card"]["id"])
    assert (status, payload["card"]["rank"]) == (201, "aac")
    assert record is not None
    assert (record["owner"], record["born"], record["changed"]) == ("me", LATER, LATER)
    assert listed(world, "a") == ["one", "two", "new"]


def test_create__in_an_empty_parent_gets_the_first_rank(world: World) -> None:
    _, payload = play(create(make_task(defaults={})), world, {"laneId": "b", "text": "new"})
    assert payload["card"]["rank"] == "aaa"


def test_create__takes_only_what_the_operation_accepts(world: World) -> None:
    sent = {"laneId": "a", "text": "new", "id": "mine", "rank": "zzz", "owner": "you", "born": "never"}
    _, payload = play(create(make_task(defaults={})), world, sent)
    record = world.find("cards", payload["card"]["id"])
    assert record is not None
    assert (record["rank"], record["owner"], record["born"]) == ("aac", "me", LATER)
    assert record["id"] != "mine"


def test_create__fills_what_was_not_sent_with_defaults(world: World) -> None:
    _, payload = play(create(make_task(defaults={"text": "nothing"})), world, {"laneId": "a"})
    assert payload["card"]["text"] == "nothing"


def test_create__defaults_are_not_shared_between_records(world: World) -> None:
    verb = create(make_task(view=["id", "parts"], defaults={"text": "", "parts": []}))
    first = play(verb, world, {"laneId": "a"}).payload["card"]
    second = play(verb, world, {"laneId": "a"}).payload["card"]
    assert first["parts"] == second["parts"] == []
    assert first["id"] != second["id"]


@pytest.mark.parametrize("world", ["file"], indirect=True)
def test_create__that_cannot_be_kept_leaves_no_gap(world: World) -> None:
    """What is no JSON never gets this far; it stands for whatever a database refuses."""
    verb = create(make_task(defaults={}, view=["id", "rank"]))
    play(verb, world, {"laneId": "a", "text": "x"})
    before = world.serial
    with pytest.raises(TypeError):
        play(verb, world, {"laneId": "a", "text": b"no JSON"})
    assert world.serial == before
    assert play(verb, world, {"laneId": "a", "text": "x"}).payload["card"]["rank"] == "aad"


def test_update__changes_what_was_sent_and_stamps(world: World) -> None:
    _, payload = play(update(make_task(view=["text", "rank", "born", "changed"])), world, {"text": "new"}, on="1")
    assert payload["card"] == {"text": "new", "rank": "aaa", "born": EARLIER, "changed": LATER}


def test_update__with_nothing_known_changes_nothing(world: World) -> None:
    for body in ({}, {"colour": "red"}):
        _, payload = play(update(make_task(view=["changed"])), world, body, on="1")
        assert payload["card"]["changed"] == EARLIER


def test_update__with_an_equal_value_is_a_change(world: World) -> None:
    _, payload = play(update(make_task(view=["changed"])), world, {"text": "one"}, on="1")
    assert payload["card"]["changed"] == LATER


def test_update__never_sets_the_stamp_back(world: World) -> None:
    world.clock.move_to(NOON - 10 * 86400)
    _, payload = play(update(make_task(view=["changed"])), world, {"text": "new"}, on="1")
    assert payload["card"]["changed"] == EARLIER


def test_update__to_another_parent_goes_to_its_end(world: World) -> None:
    play(create(make_task(defaults={})), world, {"laneId": "b", "text": "there"})
    _, payload = play(update(make_task()), world, {"laneId": "b"}, on="1")
    assert payload["card"]["rank"] == "aab"
    assert (listed(world, "a"), listed(world, "b")) == (["two"], ["there", "one"])


def test_update__to_the_same_parent_keeps_its_place(world: World) -> None:
    _, payload = play(update(make_task()), world, {"laneId": "a"}, on="1")
    assert payload["card"]["rank"] == "aaa"


def test_update__lets_the_vendor_adjust_the_change(world: World) -> None:
    resource = Resource("cards", change=lambda before, after: {**after, "text": before["text"] + after["text"]})
    _, payload = play(update(make_task(resource)), world, {"text": "!"}, on="1")
    assert payload["card"]["text"] == "one!"


def test_update__there_and_back_again_never_gives_one_rank_twice(world: World) -> None:
    move = update(make_task())
    for lane in ("b", "a", "b", "a"):
        play(move, world, {"laneId": lane}, on="2")
        play(create(make_task(defaults={})), world, {"laneId": "a", "text": "new"})
    ranks = [record["rank"] for record in world.select("cards", {"lane": "a"}, ["rank"])]
    assert len(set(ranks)) == len(ranks) == 6


def test_delete__answers_as_told_and_trashes(world: World) -> None:
    outcome = play(delete(make_task(answer={"done": True})), world, on="1")
    assert outcome == (200, {"done": True})
    assert (world.find("cards", "1"), listed(world, "a")) == (None, ["two"])


def test_delete__does_not_free_the_rank(world: World) -> None:
    play(delete(make_task()), world, on="2")
    _, payload = play(create(make_task(defaults={})), world, {"laneId": "a", "text": "new"})
    assert payload["card"]["rank"] == "aac"


def test_answers__are_not_the_record_itself(world: World) -> None:
    shown = play(get(make_task()), world, on="1").payload["card"]
    shown["text"] = "spoilt"
    found = world.find("cards", "1")
    assert found is not None and found["text"] == "one"
