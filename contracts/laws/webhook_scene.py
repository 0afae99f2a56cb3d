"""The scene of the laws about webhooks: subscriptions that lead to our own receiver, and changes to tell them.

It makes things happen and counts what arrives. What has to hold stands in `webhooks.py`.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from contracts.control import Clock, Control
from contracts.envelopes import find_placeholder
from contracts.findings import Broken, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.terms import Record, key_of, short, succeed
from contracts.receiver import Inbox, Reaction, Received, Receiver
from contracts.tenant import Answer, Tenant

PATIENCE = 100_000  # seconds of the world's clock in which whatever is tried again has been
ODD_TEXT = "a/b \\ “é” ß 漢 😀 </p>"


@dataclass
class Subscription:
    """One of ours, and the inbox that it leads to."""

    record: Record
    inbox: Inbox
    secret: str

    @property
    def heard(self) -> list[Received]:
        return self.inbox.received


@dataclass
class Scene:
    """One world with a clock that stands still, under one profile."""

    tenant: Tenant
    receiver: Receiver
    profile: Mapping[str, Any]
    bench: Bench = field(init=False)
    _changes: int = 0

    def __post_init__(self) -> None:
        self.bench = Bench(self.tenant)
        self.clock.freeze()

    @property
    def table(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.tenant.vendor.behaviour["webhooks"]
        return found

    @property
    def clock(self) -> Clock:
        return self.tenant.needs_clock()

    @property
    def control(self) -> Control:
        control = self.tenant.target.control
        assert control is not None, "a scene without a control plane"
        return control

    # Events

    def event(self, change: str) -> str:
        """The name of the event of a change to the resource of the first event."""
        for name, event in self.table["events"].items():
            if event["change"] == change and event["resource"] == self.resource:
                return str(name)
        raise NotJudged(f"no event tells of a {change}")

    @property
    def resource(self) -> str:
        """What the laws create, change and delete."""
        return str(next(iter(self.table["events"].values()))["resource"])

    @property
    def everything(self) -> list[str]:
        """All events of that resource."""
        return [name for name, event in self.table["events"].items() if event["resource"] == self.resource]

    @property
    def wildcard(self) -> str | None:
        """By what one asks for all of them at once."""
        ending: str | None = self.table.get("wildcard")
        if ending is None:
            return None
        return self.everything[0].partition(ending[:-1])[0] + ending if ending != "*" else ending

    # Subscriptions

    def subscribe(
        self,
        *reactions: Reaction,
        events: list[str] | None = None,
        active: bool = True,
        secret: str | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> Subscription:
        """A new subscription to these events, by default to all of the resource; without a secret one is made up."""
        names, inbox = self.table["subscription"], self.receiver.inbox(*reactions)
        fields = {
            names["url"]: inbox.url,
            names["events"]: self.everything if events is None else events,
            names["active"]: active,
            **(limits or {}),
            **({} if secret is None else {names["secret"]: secret}),
        }
        record = self.bench.create(names["resource"], **fields)
        known = record[names["secret"]] if "secret" in names else ""
        if "secret" in names and not (isinstance(known, str) and known):
            raise Broken(f"expected a new subscription to have a secret, got {short(known)}")
        return Subscription(record, inbox, known)

    def unsubscribe(self, subscription: Subscription) -> None:
        resource = self.table["subscription"]["resource"]
        answer = self.tenant.remove(resource, subscription.record[key_of(self.tenant.vendor, resource)])
        if not 200 <= answer.status < 300:
            raise Broken(f"expected the subscription to end, got {answer.status}", answer)

    def elsewhere(self) -> dict[str, Any] | None:
        """The limits of a subscription that no record of ours is in; None where no other limit is known."""
        body = self.tenant.target.model.sample(self.table["subscription"]["resource"])["body"]
        roles = self.tenant.vendor.behaviour["known"]
        for name in self.table["subscription"].get("limits", {}):
            role = str(body.get(name, "")).removeprefix("$known.")
            others = [one for one in self.bench.known(roles[role]) if one != self.tenant.known[role]] if role else []
            if others:
                return {name: others[0]}
        return None

    # Changes

    def create(self, text: str = "", *, delivers: bool = True) -> Record:
        """A new record, with a text of ours where its mark stands; what is due is delivered, or just begun."""
        mark = self.tenant.target.model.sample(self.resource).get("mark")
        fields = {mark: self.bench.marked(text)} if text and mark else {}
        record = self.bench.create(self.resource, **fields)
        if delivers:
            self.deliver()
        return record

    def update(self, record: Record, *, caller: str = "owner") -> Record:
        """The record with another value in the first field that the samples change; what is due is delivered."""
        sample = self.tenant.target.model.sample(self.resource)
        name, values = self._field(sample)
        self._changes += 1
        value = f"{values[0]} {self._changes}" if name == sample.get("mark") else self._other(record[name], values)
        operation = self.tenant.vendor.operations[sample["update"]]
        path = self.bench.path(operation, record[key_of(self.tenant.vendor, self.resource)])
        answer = self.bench.call(operation, path=path, json={name: value}, caller=caller)
        changed = succeed(self.tenant, operation, answer, f"{operation.id} of {name}")
        self.deliver()
        return Record(changed)

    def _field(self, sample: Mapping[str, Any]) -> tuple[str, list[Any]]:
        if "update" not in sample or not sample.get("changes"):
            raise NotJudged(f"no operation changes a record of {self.resource}")
        changes, mark = sample["changes"], sample.get("mark")
        name = mark if mark in changes else next(iter(changes))
        return str(name), list(changes[name])

    def _other(self, value: Any, values: list[Any]) -> Any:
        return next((one for one in values if one != value), values[0])

    def delete(self, record: Record) -> Answer:
        answer = self.tenant.remove(self.resource, record[key_of(self.tenant.vendor, self.resource)])
        if not 200 <= answer.status < 300:
            raise Broken(f"expected a record of {self.resource} to be deleted, got {answer.status}", answer)
        self.deliver()
        return answer

    def read(self, record: Record) -> Record:
        return self.bench.read(self.resource, record[key_of(self.tenant.vendor, self.resource)])

    # Time and profiles

    def turn(self, switch: str, value: str) -> None:
        """Turn a switch of this world."""
        assert self.tenant.world is not None, "a scene without a world"
        self.control.switch(self.tenant.world, self.tenant.vendor.name, switch, value)

    def deliver(self) -> None:
        """Let the target deliver what is due."""
        assert self.tenant.world is not None, "a scene without a world"
        self.control.deliver(self.tenant.world)

    def advance(self, seconds: float) -> None:
        """Move the clock; what becomes due is delivered."""
        self.clock.advance(seconds)
        self.deliver()

    def settle(self) -> None:
        """Let time pass until what has happened is told."""
        self.advance(self.profile.get("debounce", 0))

    def meanwhile(self, action: Callable[[], None]) -> Future[None]:
        """Begin what takes long; the result is to be waited for. It may use the control plane only."""
        done: Future[None] = Future()

        def act() -> None:
            try:
                action()
                done.set_result(None)
            except BaseException as error:
                done.set_exception(error)

        threading.Thread(target=act, name="scene", daemon=True).start()
        return done

    # What arrived

    def expect(self, subscription: Subscription, number: int, what: str) -> list[Received]:
        """Broken unless so many requests have arrived."""
        got = len(subscription.heard)
        if got != number:
            told = ", ".join(str(_event_of(one)) for one in subscription.heard[-4:]) or "nothing"
            raise Broken(f"{what}: expected {number} {'delivery' if number == 1 else 'deliveries'}, got {got} ({told})")
        return subscription.heard

    def told(self, subscription: Subscription, events: list[str], what: str) -> list[Mapping[str, Any]]:
        """The payloads; Broken unless they tell of these events, in this order."""
        payloads = [payload_of(one) for one in self.expect(subscription, len(events), what)]
        got = [self.value(one, "event") for one in payloads]
        if got != events:
            raise Broken(f"{what}: expected {', '.join(events)}, got {', '.join(map(str, got))}")
        return payloads

    def value(self, payload: Mapping[str, Any], word: str) -> Any:
        """What stands in a payload for a word of its template, such as `data`; Broken where nothing does."""
        place = find_placeholder(self.table["payload"], f"${word}")
        if place is None:
            raise NotJudged(f"payloads do not tell ${word}")
        found: Any = payload
        for key in place:
            if not isinstance(found, Mapping) or key not in found:
                raise Broken(f"expected {'.'.join(place)} in the body of a delivery, got {short(payload)}")
            found = found[key]
        return found


def payload_of(received: Received) -> Mapping[str, Any]:
    """The parsed body of a delivery; Broken when it is no JSON object."""
    try:
        found = json.loads(received.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Broken(
            f"expected a JSON object as body of a delivery, got {short(received.body.decode(errors='replace'))}"
        )
    return found


def signature_of(received: Received, secret: str) -> str:
    """What the bytes of a delivery are signed with, in lower-case hex."""
    return hmac.new(secret.encode(), received.body, hashlib.sha256).hexdigest()


def _event_of(received: Received) -> Any:
    try:
        return json.loads(received.body)["event"]
    except (ValueError, LookupError, TypeError):
        return "no event"
