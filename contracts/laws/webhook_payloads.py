"""What a delivery holds: event, record, who caused it, signature, the very bytes. Each public function is a case."""

import json
from collections.abc import Mapping
from typing import Any

from contracts.envelopes import find_placeholder
from contracts.findings import Broken, NotJudged, media_type
from contracts.laws.terms import Record, differences, key_of, short
from contracts.laws.webhook_scene import ODD_TEXT, PATIENCE, Scene, Subscription, payload_of, signature_of
from contracts.receiver import Received
from mockserver import spec

# What is told


def created(scene: Scene) -> None:
    heard, event = scene.subscribe(), scene.event("create")
    general = scene.subscribe(events=[scene.wildcard]) if scene.wildcard else None
    deaf = scene.subscribe(events=[one for one in scene.everything if one != event])
    limits = scene.elsewhere()
    foreign = scene.subscribe(limits=limits) if limits else None
    ended = scene.subscribe()
    scene.unsubscribe(ended)
    records = [scene.create(), scene.create()]
    key = key_of(scene.tenant.vendor, scene.resource)
    for subscription in filter(None, (heard, general)):
        payloads = scene.told(subscription, [event, event], "two records were created")
        got = [scene.value(one, "id") for one in payloads]
        if got != [one[key] for one in records]:
            raise Broken(f"expected events of {[one[key] for one in records]}, got those of {got}")
    scene.expect(deaf, 0, "a record was created, for a subscription to other events")
    scene.expect(ended, 0, "a record was created, for a subscription that had ended")
    if foreign is not None:
        scene.expect(foreign, 0, f"a record was created, for a subscription limited to {short(limits)}")
    scene.read(records[0])
    _refuse(scene, "create", records[0])
    scene.expect(heard, 2, "a request that only read and those that were refused")


def _refuse(scene: Scene, part: str, record: Record) -> None:
    """Send what is refused: without a credential, and with a body that is none."""
    operation = scene.tenant.vendor.operations[scene.tenant.target.model.sample(scene.resource)[part]]
    path = scene.bench.path(operation, record[key_of(scene.tenant.vendor, scene.resource)])
    refused: list[dict[str, Any]] = [{"caller": None}, {"json": []}]
    for changed in refused:
        answer = scene.bench.call(operation, path=path, **changed)
        if answer.status < 400:
            raise NotJudged(f"{operation.id} was not refused, so it cannot be seen that nothing is sent")
    scene.advance(PATIENCE)


def updated(scene: Scene) -> None:
    heard, created, event = scene.subscribe(), scene.event("create"), scene.event("update")
    deaf = scene.subscribe(events=[created])
    record = scene.create()
    scene.settle()
    scene.update(record)
    scene.settle()
    payloads = scene.told(heard, [created, event], "a record was created and changed")
    is_of(scene, payloads[1], record)
    scene.told(deaf, [created], "a record was changed, for a subscription to other events")
    _refuse(scene, "update", record)
    scene.expect(heard, 2, "requests that were refused")


def deleted(scene: Scene) -> None:
    heard, created, event = scene.subscribe(), scene.event("create"), scene.event("delete")
    record = scene.create()
    scene.settle()
    scene.delete(record)
    scene.advance(PATIENCE)
    payloads = scene.told(heard, [created, event], "a record was created and deleted")
    is_of(scene, payloads[1], record)


def emitted(name: str, scene: Scene) -> None:
    """A success of one operation is told once, as the creation, the change or the end of its record."""
    operation, sample = scene.tenant.vendor.operations[name], scene.tenant.target.model.sample(scene.resource)
    change = next((part for part in ("create", "delete") if sample.get(part) == name), "update")
    heard, record = scene.subscribe(), scene.create()
    scene.settle()
    path = scene.bench.path(operation, record[key_of(scene.tenant.vendor, scene.resource)])
    answer = scene.bench.call(operation, path=path)
    if not 200 <= answer.status < 300:
        raise NotJudged(f"{name} answered {answer.status}, so it cannot be seen what is sent")
    scene.deliver()
    scene.settle()
    payloads = scene.told(heard, [scene.event("create"), scene.event(change)], f"{name} of a record just created")
    if change != "create":
        is_of(scene, payloads[1], record)


def is_of(scene: Scene, payload: Mapping[str, Any], record: Record) -> None:
    wanted, got = record[key_of(scene.tenant.vendor, scene.resource)], scene.value(payload, "id")
    if got != wanted:
        raise Broken(f"expected the event to be of {wanted}, got {short(got)}")


def _each(scene: Scene, text: str = "") -> list[Received]:
    """A delivery of each event: a record is created, changed and deleted."""
    heard = scene.subscribe()
    play(scene, text)
    return scene.expect(heard, 3, "a record was created, changed and deleted")


def play(scene: Scene, text: str = "") -> Record:
    record = scene.create(text)
    scene.settle()
    scene.update(record)
    scene.settle()
    scene.delete(record)
    scene.settle()
    return record


# How it is told


def method(scene: Scene) -> None:
    for received in _each(scene):
        if received.method != "POST":
            raise Broken(f"expected a delivery to be a POST, got {received.method}")


def content_type(scene: Scene) -> None:
    for received in _each(scene):
        kind = received.headers.get("content-type", "")
        if media_type(kind) != "application/json":
            raise Broken(f"expected the content type application/json, got {kind or 'none'}")
        payload_of(received)


def body(scene: Scene) -> None:
    for received in _each(scene):
        _has_keys(payload_of(received), scene.table["payload"], "the body of a delivery")


def _has_keys(given: Any, template: Mapping[str, Any], what: str) -> None:
    if not isinstance(given, Mapping) or given.keys() != template.keys():
        raise Broken(f"expected {what} to have {', '.join(template)}, got {short(given)}")


def event(scene: Scene) -> None:
    scene_events = [scene.event(change) for change in ("create", "update", "delete")]
    got = [scene.value(payload_of(received), "event") for received in _each(scene)]
    if got != scene_events:
        raise Broken(f"expected the events {', '.join(scene_events)}, got {', '.join(map(short, got))}")


def resource(scene: Scene) -> None:
    place = (find_placeholder(scene.table["payload"], "$id") or ())[:-1]
    for received in _each(scene):
        given, template = payload_of(received), scene.table["payload"]
        for key in place:
            given, template = given.get(key, {}), template[key]
        _has_keys(given, template, ".".join(place) or "the body of a delivery")


def kind(scene: Scene) -> None:
    wanted = scene.table["events"][scene.event("create")].get("type", scene.resource)
    for received in _each(scene):
        if (got := scene.value(payload_of(received), "type")) != wanted:
            raise Broken(f"expected the type {wanted}, got {short(got)}")


def identity(scene: Scene) -> None:
    key = key_of(scene.tenant.vendor, scene.resource)
    heard = scene.subscribe()
    record = play(scene)
    for received in scene.expect(heard, 3, "a record was created, changed and deleted"):
        payload = payload_of(received)
        got, data = scene.value(payload, "id"), scene.value(payload, "data")
        if got != record[key] or not isinstance(data, Mapping) or data.get(key) != got:
            raise Broken(f"expected the id {record[key]} in the event and its data, got {short(payload)}")


def triggered_by(scene: Scene) -> None:
    """Callers who act as users change a record in turn; each event names its user, or bears the key of it."""
    users = scene.tenant.vendor.behaviour["credentials"].get("users")
    actors = _actors(scene)
    if users is None or not actors:
        raise NotJudged("needs a caller who acts as a user")
    heard, record = scene.subscribe(events=[scene.event("update")]), scene.create()
    key, seeded = key_of(scene.tenant.vendor, users), scene.tenant.vendor.seed["records"][users]
    for name, user in actors.items():
        scene.settle()
        scene.update(record, caller=name)
        scene.settle()
        told = scene.value(payload_of(heard.heard[-1]), "triggered_by") if heard.heard else None
        known = next(one for one in seeded if one[key] == user)
        shown = told if isinstance(told, Mapping) else {key: told}
        if shown.get(key) != user or differences(known, shown):
            raise Broken(f"expected an event caused by {name} to name the user {user}, got {short(told)}")
    _fits_document(scene, heard.heard, "triggered_by")


def _actors(scene: Scene) -> dict[str, str]:
    """Caller -> user, for one caller of each user who may change a record."""
    update = scene.tenant.vendor.operations[scene.tenant.target.model.sample(scene.resource)["update"]]
    callers = scene.tenant.vendor.callers
    good = [
        one
        for name, one in callers.items()
        if name in scene.tenant.callers
        and one.expires_at is None
        and one.account == callers["owner"].account
        and set(update.scopes) <= set(one.scopes)
    ]
    found = {one.user: one.name for one in reversed(good) if one.user is not None}
    return {name: user for user, name in reversed(found.items())}


def data(scene: Scene) -> None:
    """As a single read answers it at that time."""
    heard, record = scene.subscribe(), scene.create()
    scene.settle()
    states = [scene.read(record)]
    scene.update(record)
    scene.settle()
    states.append(scene.read(record))
    for received, state in zip(scene.expect(heard, 2, "a record was created and changed"), states, strict=True):
        shows(scene, received, state)
    _fits_document(scene, heard.heard, "data")


def last_state(scene: Scene) -> None:
    heard, record = scene.subscribe(events=[scene.event("delete")]), scene.create()
    scene.update(record)
    scene.settle()
    state = scene.read(record)
    scene.delete(record)
    scene.settle()
    shows(scene, scene.expect(heard, 1, "a record was deleted")[0], state)


def shows(scene: Scene, received: Received, state: Record) -> None:
    data = scene.value(payload_of(received), "data")
    if not isinstance(data, Mapping) or data.keys() != state.keys():
        raise Broken(f"expected the data to be the record as it is read, with {', '.join(state)}, got {short(data)}")
    for name, (want, got) in differences(state, data).items():
        raise Broken(f"expected {name!r} in the data to be {short(want)}, got {short(got)}")


def _fits_document(scene: Scene, heard: list[Received], word: str) -> None:
    """Broken where a part of a payload does not fit what the document says of the event, if it says so."""
    document, place = scene.tenant.vendor.document, find_placeholder(scene.table["payload"], f"${word}") or ()
    for received in heard:
        payload = payload_of(received)
        at = ("webhooks", str(scene.value(payload, "event")), "post", "requestBody")
        if spec.find(document, *at) is None:
            continue
        keys = spec.locate(document, *at, "content", "application/json", "schema")
        for error in spec.Validators(document).compile(*keys).iter_errors(payload):
            if tuple(map(str, error.instance_path[: len(place)])) == place:
                where = ".".join(map(str, error.instance_path))
                raise Broken(f"{where} of a delivery does not fit the document: {error.message[:200]}")


# Signatures and bytes


def signed(scene: Scene) -> None:
    subscriptions = [scene.subscribe(), scene.subscribe(secret="correct horse / “battery”")]
    play(scene)
    for subscription in subscriptions:
        for received in scene.expect(subscription, 3, "a record was created, changed and deleted"):
            is_signed(received, subscription)


def is_signed(received: Received, subscription: Subscription) -> None:
    """By any header whose name ends in `signature`."""
    given = [value for name, value in received.headers.items() if name.endswith("signature")]
    if signature_of(received, subscription.secret) not in [value.lower() for value in given]:
        raise Broken(f"expected HMAC-SHA256 of the body under the secret in a signature header, got {given or 'none'}")


def signature_header(scene: Scene) -> None:
    heard = scene.subscribe()
    play(scene)
    for received in scene.expect(heard, 3, "a record was created, changed and deleted"):
        name, wanted = scene.table["signature"], signature_of(received, heard.secret)
        if (got := received.headers.get(name)) != wanted:
            raise Broken(f"expected the header {name}: {wanted}, got {got or 'none'}")


def signature_bytes(scene: Scene) -> None:
    heard = scene.subscribe()
    play(scene, ODD_TEXT)
    for received in scene.expect(heard, 3, "a record was created, changed and deleted"):
        is_signed(received, heard)


def escapes(scene: Scene) -> None:
    for received in _each(scene, ODD_TEXT):
        escapes = scene.table.get("escapes", ())
        text = json.dumps(json.loads(received.body), ensure_ascii="unicode" in escapes, separators=(",", ":"))
        wanted = (text.replace("/", "\\/") if "slash" in escapes else text).encode()
        if received.body != wanted:
            place = next(
                (at for at, (one, two) in enumerate(zip(received.body, wanted, strict=False)) if one != two), 0
            )
            got, near = received.body[place : place + 40], wanted[place : place + 40]
            raise Broken(f"expected the bytes {near!r} at {place} of the body, got {got!r}")


def no_credential(scene: Scene) -> None:
    known = {value for headers in scene.tenant.callers.values() for value in headers.values()}
    for received in _each(scene):
        for name, value in received.headers.items():
            if name in ("authorization", "proxy-authorization", "cookie") or value in known:
                raise Broken(f"expected no credential in a delivery, got the header {name}")
