"""What a vendor tells its subscribers: the table `webhooks` of behaviour.yaml, compiled. It keeps no state."""

import hmac
import json
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mockserver.engine.errors import fill
from mockserver.engine.store import Record

if TYPE_CHECKING:
    from mockserver.engine.call import Call
    from mockserver.engine.world import World

Tell = Callable[["Call", str, Record], tuple[Any, Any]]
Create = Callable[["Call", Record], Record]

_SUCCESS = {"2xx": range(200, 300)}


@dataclass(frozen=True)
class Profile:
    """When a delivery counts as received, and what follows where it does not.

    Times are in seconds; `waits` has one for each further try. With a debounce an event is sent only when its record
    has been left alone for so long.
    """

    success: Container[int]
    timeout: float
    waits: Sequence[float]
    debounce: float = 0.0


@dataclass(frozen=True)
class Event:
    """One kind of event: how payloads call its resource, and what happened to the record: create, update or delete.

    `asked` are the names by which a subscription asks for it.
    """

    name: str
    type: str
    change: str
    asked: frozenset[str]


@dataclass(frozen=True)
class Webhooks:
    """`tell(call, event, record)` answers the data of a payload and who caused the event."""

    resource: str  # of the subscriptions
    fields: Mapping[str, str]  # url, events, active, secret: how a subscription calls them
    limits: Mapping[str, str]  # field of the subscription, where it is not null: field of the record
    events: Mapping[str, Event]
    payload: Any
    escapes: frozenset[str]
    signature: str | None  # the header that bears it
    profiles: Mapping[str, Profile]
    switch: str | None
    tell: Tell

    def profile(self, world: "World") -> Profile:
        """The profile that the world's switch names, else the first one."""
        name = world.switch(self.switch) if self.switch else next(iter(self.profiles))
        return self.profiles[name]

    def listeners(self, world: "World", event: Event, record: Record) -> list[Record]:
        """The subscriptions that want to hear of this, in the order of their making."""
        if not world.tally(self.resource, **{self.fields["active"]: True}):
            return []
        return [one for one in world.select(self.resource, {}, []) if self._fits(one, event, record)]

    def _fits(self, subscription: Record, event: Event, record: Record) -> bool:
        if not self.is_active(subscription) or event.asked.isdisjoint(subscription[self.fields["events"]]):
            return False
        return all(subscription[mine] in (None, record.get(its)) for mine, its in self.limits.items())

    def is_active(self, subscription: Record) -> bool:
        return bool(subscription[self.fields["active"]])

    def render(self, event: Event, identity: Any, data: Any, by: Any) -> bytes:
        """The payload, as it is sent and signed."""
        values = {"event": event.name, "type": event.type, "id": identity, "data": data, "triggered_by": by}
        return encoded(fill(self.payload, values), self.escapes)

    def headers(self, body: bytes, secret: str | None) -> dict[str, str]:
        """What is sent with a payload; the signature is lower-case hex of HMAC-SHA256 over its bytes."""
        headers = {"Content-Type": "application/json"}
        if self.signature and secret:
            headers[self.signature] = hmac.digest(secret.encode(), body, "sha256").hex()
        return headers


def compiled(table: Mapping[str, Any], tell: Tell) -> Webhooks:
    """The `webhooks` of behaviour.yaml."""
    subscription = table["subscription"]
    return Webhooks(
        resource=subscription["resource"],
        fields={name: subscription[name] for name in ("url", "events", "active", "secret") if name in subscription},
        limits=subscription.get("limits", {}),
        events={
            name: Event(name, one.get("type", one["resource"]), one["change"], _asked(name, table.get("wildcard")))
            for name, one in table["events"].items()
        },
        payload=table["payload"],
        escapes=frozenset(table.get("escapes", ())),
        signature=table.get("signature"),
        profiles={name: _profile(one) for name, one in table["profiles"].items()},
        switch=table.get("switch"),
        tell=tell,
    )


def making_secrets(table: Mapping[str, Any], resource: str, create: Create | None) -> Create | None:
    """What is done before a record is created: a subscription without a secret gets one that is made up."""
    subscription = table.get("subscription", {})
    field = subscription.get("secret")
    if field is None or subscription["resource"] != resource:
        return create

    def make(call: "Call", record: Record) -> Record:
        made = create(call, record) if create is not None else record
        if made.get(field):
            return made
        world = call.world
        return {**made, field: world.new_secret(made[world.ground.collections[resource].key])}

    return make


def _asked(event: str, wildcard: str | None) -> frozenset[str]:
    """An event's own name and that of all of its kind, which ends in the wildcard: `task:*`, or just `*`."""
    if wildcard is None:
        return frozenset({event})
    separator = wildcard[:-1]
    return frozenset({event, event.partition(separator)[0] + wildcard if separator else wildcard})


def _profile(table: Mapping[str, Any]) -> Profile:
    success = table["success"]
    accepted = _SUCCESS[success] if isinstance(success, str) else frozenset(success)
    return Profile(accepted, table["timeout"], tuple(table["waits"]), table.get("debounce", 0.0))


_DELETE = re.compile(r"\\\\|\\u007f")


def encoded(value: Any, escapes: frozenset[str]) -> bytes:
    r"""JSON without blanks. With `slash` a / is written \/, with `unicode` whatever is not ASCII as \uXXXX.

    Both together are what PHP's json_encode writes; as there, a number that is whole has no point.
    """
    text = json.dumps(_whole(value), ensure_ascii="unicode" in escapes, separators=(",", ":"))
    if "\\u007f" in text:  # ASCII after all, which Python escapes and others do not
        text = _DELETE.sub(lambda found: found[0] if found[0] == "\\\\" else "\x7f", text)
    if "slash" in escapes:
        text = text.replace("/", "\\/")
    return text.encode("utf-8", "replace")


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(part) for key, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list | tuple) else value
