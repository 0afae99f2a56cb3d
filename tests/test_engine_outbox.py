"""What a world has to tell its subscribers, called plainly: who hears of what, in which bytes, when and how often."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.engine.call import Call
from mockserver.engine.chance import parse_time
from mockserver.engine.collection import Collection
from mockserver.engine.messages import Request
from mockserver.engine.outbox import Delivery, Outbox
from mockserver.engine.statements import Shape
from mockserver.engine.store import Store
from mockserver.engine.subscriptions import Webhooks, compiled, encoded
from mockserver.engine.world import Ground, World, Worlds

NOON = parse_time("2024-01-15T12:00:00Z")
PHP = frozenset({"slash", "unicode"})
TABLE: dict[str, Any] = {
    "subscription": {
        "resource": "hooks",
        "url": "url",
        "events": "events",
        "active": "active",
        "secret": "secret",
        "limits": {"shelf": "shelf"},
    },
    "wildcard": ":*",
    "events": {
        "note:create": {"resource": "notes", "type": "note", "change": "create"},
        "note:update": {"resource": "notes", "type": "note", "change": "update"},
        "note:delete": {"resource": "notes", "type": "note", "change": "delete"},
    },
    "payload": {"event": "$event", "resource": {"type": "$type", "id": "$id"}, "by": "$triggered_by", "data": "$data"},
    "escapes": ["slash", "unicode"],
    "signature": "Signature",
    "switch": "profile",
    "profiles": {
        "page": {"success": [200], "timeout": 10, "waits": [10, 100]},
        "guide": {"success": "2xx", "timeout": 3, "waits": [10, 100], "debounce": 2},
    },
}
EVERYTHING = ["note:create", "note:update", "note:delete"]


def tell(call: Call, event: str, record: dict[str, Any]) -> tuple[Any, Any]:
    return {"id": record["id"], "text": record["text"]}, call.account


@pytest.fixture
def open_worlds(tmp_path: Path) -> Iterator[Callable[..., Worlds]]:
    """The worlds of a vendor with notes and hooks; in a file they are found again when it is opened again."""
    stores: list[Store] = []

    def make(location: str = "memory", **table: Any) -> Worlds:
        for store in stores:
            store.close()
        stores[:] = [Store(location if location == "memory" else str(tmp_path / location))]
        (store,) = stores
        collections = {
            "notes": Collection(store, "toy", Shape("notes", "id")),
            "hooks": Collection(store, "toy", Shape("hooks", "id", [], [["active"]])),
        }
        webhooks: Webhooks = compiled({**TABLE, **table}, tell)
        layer = store.load("seed") or store.new_layer()
        store.keep("seed", layer)
        switches = {"profile": "page"}
        return Worlds(Ground("toy", store, collections, {}, 1, layer, 0, NOON, switches=switches, webhooks=webhooks))

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def world(open_worlds: Callable[..., Worlds]) -> World:
    return open_worlds().find("w")


def outbox_of(world: World) -> Outbox:
    assert world.outbox is not None
    return world.outbox


def subscribe(world: World, key: str = "h1", **fields: Any) -> None:
    hook = {"id": key, "url": f"http://{key}/", "events": EVERYTHING, "active": True, "secret": "s", "shelf": None}
    with world.transaction():
        world.insert("hooks", {**hook, **fields})


def note(key: str = "n1", text: str = "Tea", shelf: str = "top") -> dict[str, Any]:
    return {"id": key, "text": text, "shelf": shelf}


def change(world: World, kind: str, record: dict[str, Any] | None = None, caller: str = "ada") -> None:
    """Create, update or delete a note, and tell of it, as a vendor's operation would."""
    record = record or note()
    call = Call(world, Request("POST", "/", b"", [], {}, b""), caller)
    with world.transaction():
        if kind == "create":
            world.insert("notes", record)
        elif kind == "update":
            world.replace("notes", record)
        world.emit(f"note:{kind}", "notes", record, call)
        if kind == "delete":
            world.trash("notes", record)


def waiting(world: World) -> list[tuple[Any, str]]:
    """Subscription and event of what waits, in the order of the events."""
    return [(one.subscription, one.event) for one in outbox_of(world).all() if one.state == "waiting"]


def take(world: World, subscription: str = "h1") -> Delivery:
    taken = outbox_of(world).take(subscription)
    assert taken is not None, "nothing is due"
    return taken


def nothing_is_due(world: World, subscription: str = "h1") -> bool:
    return outbox_of(world).take(subscription) is None


def advance(world: World, seconds: float) -> None:
    world.clock.move_to(world.clock.now() + seconds)


def deliver_all(world: World, subscription: str = "h1") -> list[Delivery]:
    """What a receiver hears that always answers 200."""
    heard = []
    while (delivery := outbox_of(world).take(subscription)) is not None:
        outbox_of(world).settle(delivery, 200)
        heard.append(delivery)
    return heard


# Who hears of what


@pytest.mark.parametrize(
    ("fields", "hears"),
    [
        ({}, True),
        ({"events": ["note:*"]}, True),
        ({"events": ["note:update", "note:delete"]}, False),
        ({"events": ["shelf:*"]}, False),
        ({"active": False}, False),
        ({"shelf": "top"}, True),
        ({"shelf": "bottom"}, False),
    ],
)
def test_emit__finds_the_subscriptions_that_want_it(world: World, fields: dict[str, Any], hears: bool) -> None:
    subscribe(world, **fields)
    change(world, "create")
    assert waiting(world) == ([("h1", "note:create")] if hears else [])


def test_emit__reaches_each_subscription_once(world: World) -> None:
    subscribe(world, "h1", events=["note:*", "note:create"])
    subscribe(world, "h2")
    change(world, "create")
    assert waiting(world) == [("h1", "note:create"), ("h2", "note:create")]


def test_emit__with_a_wildcard_for_everything(open_worlds: Callable[..., Worlds]) -> None:
    world = open_worlds(wildcard="*").find("w")
    subscribe(world, events=["*"])
    change(world, "create")
    assert waiting(world) == [("h1", "note:create")]


def test_emit__does_not_reach_a_subscription_that_was_made_later(world: World) -> None:
    change(world, "create")
    subscribe(world)
    assert waiting(world) == []


def test_emit__in_a_transaction_that_is_undone(world: World) -> None:
    subscribe(world)
    change(world, "create")
    call = Call(world, Request("POST", "/", b"", [], {}, b""), "ada")
    with pytest.raises(ZeroDivisionError), world.transaction():
        world.emit("note:update", "notes", note(text="New"), call)
        world.emit("note:create", "notes", note("n2"), call)
        raise ZeroDivisionError
    assert waiting(world) == [("h1", "note:create")]
    assert [one.event for one in deliver_all(world)] == ["note:create"]


def test_emit__undone_brings_back_what_it_had_collapsed(world: World) -> None:
    world.switches["profile"] = "guide"
    subscribe(world)
    change(world, "create")
    call = Call(world, Request("POST", "/", b"", [], {}, b""), "ada")
    advance(world, 1)
    with pytest.raises(ZeroDivisionError), world.transaction():
        world.emit("note:delete", "notes", note(), call)
        raise ZeroDivisionError
    advance(world, 1)
    assert [one.event for one in deliver_all(world)] == ["note:create"]


# Bytes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1, "b": [True, None]}, rb'{"a":1,"b":[true,null]}'),
        ("a/b", rb'"a\/b"'),
        ("é漢😀", rb'"\u00e9\u6f22\ud83d\ude00"'),
        ('"\\\n\t\x01', rb'"\"\\\n\t\u0001"'),
        ("\x7f", b'"\x7f"'),
        ("\\u007f\x7f", b'"\\\\u007f\x7f"'),
        ([1.0, 1.5, -2.0], b"[1,1.5,-2]"),
    ],
)
def test_encoded__writes_what_php_writes(value: Any, text: bytes) -> None:
    assert encoded(value, PHP) == text


def test_encoded__without_escapes() -> None:
    assert encoded("a/é", frozenset()) == '"a/é"'.encode()


def test_payload__is_the_filled_template_signed_over_its_bytes(world: World) -> None:
    subscribe(world, secret="geheim ß")
    change(world, "create", note(text="a/é"))
    delivery = take(world)
    body = (
        rb'{"event":"note:create","resource":{"type":"note","id":"n1"},"by":"ada",'
        rb'"data":{"id":"n1","text":"a\/\u00e9"}}'
    )
    assert delivery.body == body
    signature = hmac.new("geheim ß".encode(), body, hashlib.sha256).hexdigest()
    assert outbox_of(world).headers(delivery) == {"Content-Type": "application/json", "Signature": signature}


# Tries


def test_take__oldest_first_and_each_once(world: World) -> None:
    subscribe(world)
    for key in ("n1", "n2", "n3"):
        change(world, "create", note(key))
    assert [take(world).record for _ in range(3)] == ["n1", "n2", "n3"]
    assert nothing_is_due(world)


def test_settle__a_failure_waits_and_keeps_its_bytes(world: World) -> None:
    subscribe(world)
    change(world, "create")
    first = take(world)
    outbox_of(world).settle(first, 500, "the answer was 500")
    assert (first.state, first.tries, first.status) == ("waiting", 1, 500)
    body = first.body
    change(world, "update", note(text="New"))
    advance(world, 9.9)
    assert nothing_is_due(world)
    advance(world, 0.1)
    again = take(world)
    assert (again.number, again.body) == (first.number, body)


def test_settle__drops_after_the_last_try(world: World) -> None:
    subscribe(world)
    change(world, "create")
    for wait in (10, 100, 1000):
        outbox_of(world).settle(take(world), None, "no answer")
        advance(world, wait)
    assert nothing_is_due(world)
    (dropped,) = outbox_of(world).all()
    assert (dropped.state, dropped.tries, dropped.problem) == ("dropped", 3, "no answer")


@pytest.mark.parametrize(("profile", "status", "state"), [("page", 204, "waiting"), ("guide", 204, "delivered")])
def test_settle__success_is_what_the_profile_says(world: World, profile: str, status: int, state: str) -> None:
    world.switches["profile"] = profile
    subscribe(world)
    change(world, "create")
    advance(world, 2)
    outbox_of(world).settle(take(world), status)
    assert [one.state for one in outbox_of(world).all()] == [state]


def test_queue__holds_back_the_same_record_and_no_other(world: World) -> None:
    subscribe(world)
    change(world, "create")
    outbox_of(world).settle(take(world), 500)
    change(world, "update", note(text="New"))
    change(world, "create", note("n2"))
    assert [one.record for one in deliver_all(world)] == ["n2"]
    advance(world, 10)
    heard = deliver_all(world)
    assert [(one.event, json.loads(one.body)["data"]["text"]) for one in heard] == [
        ("note:create", "Tea"),
        ("note:update", "New"),
    ]


def test_queue__of_one_subscription_does_not_hold_back_another(world: World) -> None:
    subscribe(world, "h1")
    subscribe(world, "h2")
    change(world, "create")
    outbox_of(world).settle(take(world, "h1"), 500)
    change(world, "update")
    assert [one.event for one in deliver_all(world, "h2")] == ["note:create", "note:update"]


@pytest.mark.parametrize("ending", ["trash", "pause"])
def test_take__drops_what_nobody_wants_any_more(world: World, ending: str) -> None:
    subscribe(world)
    change(world, "create")
    hook = world.find("hooks", "h1")
    assert hook is not None
    with world.transaction():
        world.trash("hooks", hook) if ending == "trash" else world.replace("hooks", {**hook, "active": False})
    assert nothing_is_due(world)
    assert [one.state for one in outbox_of(world).all()] == ["dropped"]


def test_next_due__tells_when_to_come_back(world: World) -> None:
    subscribe(world)
    assert outbox_of(world).next_due() is None
    change(world, "create")
    assert outbox_of(world).due() == ["h1"]
    outbox_of(world).settle(take(world), 500)
    assert outbox_of(world).due() == []
    assert outbox_of(world).next_due() == NOON + 10


# Bursts


@pytest.fixture
def guided(world: World) -> World:
    """A world in which changes in quick succession are told as one."""
    world.switches["profile"] = "guide"
    subscribe(world)
    return world


def test_debounce__waits_until_the_record_is_left_alone(guided: World) -> None:
    change(guided, "create")
    advance(guided, 1.5)
    change(guided, "update", note(text="New"))
    advance(guided, 1.5)
    assert nothing_is_due(guided)
    advance(guided, 0.5)
    assert not nothing_is_due(guided)


def test_debounce__create_and_updates_are_one_create_with_the_latest_data(guided: World) -> None:
    change(guided, "create", caller="ada")
    change(guided, "update", note(text="New"), caller="bob")
    change(guided, "update", note(text="Newer"), caller="bob")
    assert json.loads(outbox_of(guided).all()[0].body)["data"]["text"] == "Newer"
    advance(guided, 2)
    (heard,) = deliver_all(guided)
    payload = json.loads(heard.body)
    assert (heard.event, payload["by"], payload["data"]["text"]) == ("note:create", "ada", "Newer")


def test_debounce__data_is_that_of_the_time_of_sending(guided: World) -> None:
    change(guided, "create")
    with guided.transaction():
        guided.replace("notes", note(text="Changed without a word"))
    advance(guided, 2)
    assert json.loads(take(guided).body)["data"]["text"] == "Changed without a word"


def test_debounce__updates_are_one_by_the_last_caller(guided: World) -> None:
    change(guided, "create")
    advance(guided, 2)
    deliver_all(guided)
    change(guided, "update", note(text="New"), caller="ada")
    change(guided, "update", note(text="Newer"), caller="bob")
    advance(guided, 2)
    payloads = [json.loads(one.body) for one in deliver_all(guided)]
    assert [(one["event"], one["by"], one["data"]["text"]) for one in payloads] == [("note:update", "bob", "Newer")]


def test_debounce__create_and_delete_are_nothing(guided: World) -> None:
    change(guided, "create")
    change(guided, "update", note(text="New"))
    change(guided, "delete", note(text="New"))
    advance(guided, 1000)
    assert deliver_all(guided) == []
    assert outbox_of(guided).all() == []


def test_debounce__update_and_delete_are_both_in_order_with_the_last_state(guided: World) -> None:
    change(guided, "create")
    advance(guided, 2)
    deliver_all(guided)
    change(guided, "update", note(text="New"))
    change(guided, "delete", note(text="New"))
    advance(guided, 2)
    payloads = [json.loads(one.body) for one in deliver_all(guided)]
    assert [(one["event"], one["data"]["text"]) for one in payloads] == [("note:update", "New"), ("note:delete", "New")]


def test_debounce__does_not_touch_what_was_tried(guided: World) -> None:
    change(guided, "create")
    advance(guided, 2)
    first = take(guided)
    change(guided, "delete")
    outbox_of(guided).settle(first, 500)
    assert waiting(guided) == [("h1", "note:create"), ("h1", "note:delete")]


# State


def test_reset__drops_the_queue(world: World) -> None:
    subscribe(world)
    change(world, "create")
    world.reset()
    assert outbox_of(world).all() == []


def test_state__in_a_file_keeps_what_waits(open_worlds: Callable[..., Worlds]) -> None:
    world = open_worlds("state.db").find("w")
    subscribe(world)
    change(world, "create", note(text="a/é"))
    outbox_of(world).settle(take(world), 500)
    change(world, "update")
    body = outbox_of(world).all()[0].body
    world.save()
    again = open_worlds("state.db").find("w")
    assert waiting(again) == [("h1", "note:create"), ("h1", "note:update")]
    assert nothing_is_due(again)
    advance(again, 10)
    heard = deliver_all(again)
    assert [one.event for one in heard] == ["note:create", "note:update"]
    assert (heard[0].tries, heard[0].body) == (2, body)


def test_state__in_a_file_counts_on(open_worlds: Callable[..., Worlds]) -> None:
    world = open_worlds("state.db").find("w")
    subscribe(world)
    change(world, "create")
    again = open_worlds("state.db").find("w")
    change(again, "create", note("n2"))
    assert [one.number for one in outbox_of(again).all()] == [1, 2]


def test_secret__is_the_same_for_the_same_seed_and_key_only(world: World) -> None:
    assert world.new_secret("h1") == world.new_secret("h1") != world.new_secret("h2")
