"""Defects of what subscribers are told: whether, how often, in which words, and how it is signed and tried again."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from mockserver.engine.defect import Defect, Hooks
from mockserver.engine.outbox import Delivery
from mockserver.engine.store import Record
from mockserver.engine.subscriptions import Event, Profile, encoded
from mockserver.engine.world import World
from mockserver.planted.words import kebab
from mockserver.vendor import Vendor

Headers = dict[str, str]


def defects(vendor: Vendor) -> Iterator[Defect]:
    table = vendor.behaviour.get("webhooks")
    if table is None:
        return
    emitting = {one.id for one in vendor.operations.values() if "emits" in one.table} | set(table.get("emitted", {}))
    operations = tuple(one for one in vendor.operations if one in emitting)
    yield from _events(table, operations)
    yield from _payloads(table, operations)
    if "signature" in table:
        yield from _signatures(table["signature"], operations)
    yield from _tries(operations)


# Whether, and how often


def _events(table: Mapping[str, Any], operations: tuple[str, ...]) -> Iterator[Defect]:
    for name in table["events"]:
        yield Defect(
            f"{kebab(name.replace(':', '_').replace('.', '_'))}-is-not-told",
            "side-effect",
            f"Nobody is told of {name}.",
            operations,
            hooks=Hooks(listeners=_nobody(name)),
        )
    yield Defect(
        "events-are-told-twice",
        "duplicate",
        "Every event is delivered twice to each subscriber.",
        operations,
        hooks=Hooks(listeners=lambda world, event, record, listeners: listeners * 2),
    )


def _nobody(name: str) -> Callable[[World, Event, Record, list[Record]], list[Record]]:
    return lambda world, event, record, listeners: [] if event.name == name else listeners


# In which words


def _payloads(table: Mapping[str, Any], operations: tuple[str, ...]) -> Iterator[Defect]:
    places = dict(_places(table["payload"]))
    changes: tuple[tuple[str, str, str, Callable[[Any, Event], Any]], ...] = (
        ("$event", "names-another-event", "names an event that there is not", lambda value, event: f"{value}d"),
        ("$event", "names-the-kind-only", "tells of what, not what has happened", lambda value, event: event.type),
        ("$type", "names-the-resource", "names the plural of the type", lambda value, event: f"{value}s"),
        ("$id", "bears-another-id", "bears the id of another record", lambda value, event: f"{value}"[::-1]),
        ("$triggered_by", "names-nobody", "does not tell who it was", lambda value, event: None),
        ("$data", "has-no-data", "has null for the record", lambda value, event: None),
        ("$data", "has-the-id-only", "has of the record no more than its id", _only_id),
    )
    for word, name, what, change in changes:
        if word in places:
            yield Defect(
                f"payload-{name}",
                "webhook-payload",
                f"What is delivered {what}.",
                operations,
                hooks=Hooks(payload=_changed(places[word], change)),
            )
    last = list(table["payload"])[-1]
    yield Defect(
        f"payload-lacks-{kebab(last)}",
        "webhook-payload",
        f"What is delivered lacks {last}.",
        operations,
        hooks=Hooks(payload=_lacking(last)),
    )


def _only_id(value: Any, event: Event) -> Any:
    return {"id": value["id"]} if isinstance(value, dict) and "id" in value else value


def _places(node: Any, *above: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Placeholder of a payload -> the keys that lead to it."""
    for key, part in node.items() if isinstance(node, Mapping) else ():
        if isinstance(part, str):
            yield part, (*above, key)
        else:
            yield from _places(part, *above, key)


def _changed(path: tuple[str, ...], change: Callable[[Any, Event], Any]) -> Callable[[World, Event, bytes], bytes]:
    def payload(world: World, event: Event, body: bytes) -> bytes:
        told = orjson.loads(body)
        node = told
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = change(node[path[-1]], event)
        return _written(world, told)

    return payload


def _lacking(name: str) -> Callable[[World, Event, bytes], bytes]:
    def payload(world: World, event: Event, body: bytes) -> bytes:
        told = orjson.loads(body)
        told.pop(name, None)
        return _written(world, told)

    return payload


def _written(world: World, told: Any) -> bytes:
    webhooks = world.ground.webhooks
    return encoded(told, webhooks.escapes if webhooks is not None else frozenset())


# How it is signed


def _signatures(header: str, operations: tuple[str, ...]) -> Iterator[Defect]:
    signings: tuple[tuple[str, str, Callable[[Delivery], str | None]], ...] = (
        ("is-missing", "Deliveries bear no signature", lambda one: None),
        (
            "has-another-secret",
            "Deliveries are signed with another secret",
            lambda one: _signed(f"{one.secret}\n", one),
        ),
        ("is-of-the-data", "The signature is of the payload's data and not of all that is sent", _of_data),
        (
            "is-of-sha1",
            "The signature is an HMAC of SHA-1",
            lambda one: hmac.digest((one.secret or "").encode(), one.body, "sha1").hex(),
        ),
        ("has-no-secret", "The signature is a plain SHA-256", lambda one: hashlib.sha256(one.body).hexdigest()),
        ("is-of-nothing", "The signature is the same whatever is sent", lambda one: _signed(one.secret, one, b"")),
    )
    for name, what, sign in signings:
        yield Defect(f"signature-{name}", "signature", f"{what}.", operations, hooks=Hooks(headers=_with(header, sign)))


def _with(header: str, sign: Callable[[Delivery], str | None]) -> Callable[[World, Delivery, Headers], Headers]:
    def headers(world: World, delivery: Delivery, told: Headers) -> Headers:
        if header not in told:
            return told
        value = sign(delivery)
        rest = {name: each for name, each in told.items() if name != header}
        return rest if value is None else {**rest, header: value}

    return headers


def _signed(secret: str | None, delivery: Delivery, body: bytes | None = None) -> str:
    return hmac.digest((secret or "").encode(), delivery.body if body is None else body, "sha256").hex()


def _of_data(delivery: Delivery) -> str:
    told = orjson.loads(delivery.body)
    return _signed(delivery.secret, delivery, orjson.dumps(told.get("data")))


# How it is tried again


class _Everything:
    """A container of all statuses."""

    def __contains__(self, status: object) -> bool:
        return True


def _tries(operations: tuple[str, ...]) -> Iterator[Defect]:
    profiles: tuple[tuple[str, str, Callable[[Profile], Profile]], ...] = (
        (
            "failures-are-not-tried-again",
            "A delivery that fails is not tried again",
            lambda one: replace(one, waits=()),
        ),
        (
            "failures-are-tried-once-less",
            "A delivery that fails is tried once less than is documented",
            lambda one: replace(one, waits=one.waits[:-1]),
        ),
        (
            "failures-are-tried-once-more",
            "A delivery that fails is tried once more than is documented",
            lambda one: replace(one, waits=(*one.waits, *one.waits[-1:])),
        ),
        (
            "any-answer-is-a-success",
            "A delivery counts as received whatever the receiver answers",
            lambda one: replace(one, success=_Everything()),
        ),
        (
            "successes-are-tried-again",
            "A delivery is tried again though the receiver has answered as it must",
            lambda one: replace(one, success=()),
        ),
        (
            "receivers-have-a-second",
            "A receiver that takes longer than a second counts as silent",
            lambda one: replace(one, timeout=min(one.timeout, 1.0)),
        ),
    )
    for name, what, change in profiles:
        yield Defect(name, "retry", f"{what}.", operations, hooks=Hooks(profile=_profile(change)))


def _profile(change: Callable[[Profile], Profile]) -> Callable[[World, Profile], Profile]:
    return lambda world, profile: change(profile)
