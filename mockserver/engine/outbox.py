"""Outbox: what a world has to tell its subscribers, and when. It sends nothing itself: the courier does.

An event is matched with the subscriptions that there are when it happens. Deliveries about one record to one
subscription stand in a queue: what waits for a further try holds back what came after it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from mockserver.engine.defect import hooks
from mockserver.engine.store import Record
from mockserver.engine.subscriptions import Event, Profile, Webhooks

if TYPE_CHECKING:
    from mockserver.engine.call import Call
    from mockserver.engine.world import World

Key = tuple[str, Any]  # resource and key of the record that events are about

MOST_PAST = 1000  # deliveries that are remembered after their end


@dataclass
class Delivery:
    """One event on its way to one subscription. `at` and `due` are epoch seconds of the world's clock."""

    number: int
    event: str
    resource: str
    record: Any
    subscription: Any
    url: str
    secret: str | None
    by: Any
    body: bytes
    at: float
    due: float
    tries: int = 0
    status: int | None = None  # of the last answer
    problem: str | None = None  # of the last try
    state: str = "waiting"  # then delivered, or dropped
    again: Callable[[], bytes] | None = field(default=None, repr=False)  # the payload as things are now
    is_out: bool = False  # the courier has it

    @property
    def key(self) -> Key:
        return self.resource, self.record

    @property
    def is_fresh(self) -> bool:
        """Whether nobody has tried to deliver it."""
        return not self.tries and not self.is_out

    def kept(self) -> dict[str, Any]:
        """What is kept of it with the world."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("again", "is_out")}
        return {**named, "body": self.body.decode()}


@dataclass
class Line:
    """What one subscription has yet to hear: a queue for each record, and the order in which their heads come up."""

    queues: dict[Key, list[Delivery]] = field(default_factory=dict)
    _later: list[tuple[float, int, Key]] = field(default_factory=list)
    _ready: list[tuple[int, Key]] = field(default_factory=list)

    def put(self, key: Key) -> None:
        """Let the head of a queue come up when it is due; an empty queue goes."""
        queue = self.queues.get(key)
        if queue:
            heappush(self._later, (queue[0].due, queue[0].number, key))
        else:
            self.queues.pop(key, None)

    def first(self, now: float) -> Delivery | None:
        """The oldest head that is due."""
        while self._later and self._later[0][0] <= now:
            _, number, key = heappop(self._later)
            head = self._head(number, key)
            if head is not None and head.due <= now:
                heappush(self._ready, (number, key))
            elif head is not None:  # put off meanwhile
                self.put(key)
        while self._ready:
            head = self._head(*self._ready[0])
            if head is not None:
                return head
            heappop(self._ready)
        return None

    def take(self, now: float) -> Delivery | None:
        """The oldest head that is due; it comes up again only when it is put."""
        head = self.first(now)
        if head is not None:
            heappop(self._ready)
            head.is_out = True
        return head

    def next_due(self, now: float) -> float | None:
        """When something comes up of itself; None where something is due now or nothing waits for its time."""
        return self._later[0][0] if self.first(now) is None and self._later else None

    def _head(self, number: int, key: Key) -> Delivery | None:
        """The head of a queue, if it is still that delivery and still here."""
        queue = self.queues.get(key)
        return queue[0] if queue and queue[0].number == number and not queue[0].is_out else None


class Outbox:
    """All that one world has yet to tell, and the latest of what it has told."""

    def __init__(self, webhooks: Webhooks, world: "World") -> None:
        self.webhooks = webhooks
        self.past: deque[Delivery] = deque(maxlen=MOST_PAST)
        self._world = world
        self._lines: dict[Any, Line] = {}
        self._serial = 0
        self._before: dict[tuple[Any, Key], list[Delivery]] | None = None  # queues as they were, in a transaction

    # What has happened

    def emit(self, name: str, resource: str, record: Record, call: "Call") -> None:
        """Something has happened to a record: a delivery for each subscription that wants to hear of it."""
        webhooks, world = self.webhooks, self._world
        event, collections = webhooks.events[name], world.ground.collections
        listeners = webhooks.listeners(world, event, record)
        for hook in hooks(world):
            listeners = hook.listeners(world, event, record, listeners) if hook.listeners else listeners
        if not listeners:
            return
        identity, now, debounce = record[collections[resource].key], world.clock.now(), self.profile.debounce
        data, by = webhooks.tell(call, name, record)
        body, key, names = (
            self._render(event, identity, data, by),
            collections[webhooks.resource].key,
            webhooks.fields,
        )
        for one in listeners:
            self._serial += 1
            delivery = Delivery(
                number=self._serial,
                event=name,
                resource=resource,
                record=identity,
                subscription=one[key],
                url=one[names["url"]],
                secret=one[names["secret"]] if "secret" in names else None,
                by=by,
                body=body,
                at=now,
                due=now + debounce,
            )
            self._post(delivery, data, self._renewal(delivery, call) if debounce else None)
        if self._before is None:
            world.save()

    def _renewal(self, delivery: Delivery, call: "Call") -> Callable[[], bytes]:
        """How a delivery is rendered as its record is then, or as it was last where the record is gone."""
        webhooks, event = self.webhooks, self.webhooks.events[delivery.event]

        def again() -> bytes:
            record = self._world.find(delivery.resource, delivery.record)
            if record is None or event.change == "delete":
                return delivery.body
            data, _ = webhooks.tell(call, delivery.event, record)
            return self._render(event, delivery.record, data, delivery.by)

        return again

    def _render(self, event: Event, identity: Any, data: Any, by: Any) -> bytes:
        body = self.webhooks.render(event, identity, data, by)
        for hook in hooks(self._world):
            body = hook.payload(self._world, event, body) if hook.payload else body
        return body

    def _post(self, delivery: Delivery, data: Any, again: Callable[[], bytes] | None) -> None:
        """Into its queue. Where there is a debounce, what is still fresh there is put off and collapsed with it."""
        line = self._lines.setdefault(delivery.subscription, Line())
        queue = line.queues.setdefault(delivery.key, [])
        if self._before is not None:
            self._before.setdefault((delivery.subscription, delivery.key), list(queue))
        if again is not None:
            delivery.again = again
            queue[:] = [replace(one, due=delivery.due) if one.is_fresh else one for one in queue]
            if queue and queue[-1].is_fresh and self._collapse(queue, delivery, data):
                line.put(delivery.key)
                return
        queue.append(delivery)
        if len(queue) == 1:
            line.put(delivery.key)

    def _collapse(self, queue: list[Delivery], new: Delivery, data: Any) -> bool:
        """Let one delivery, or none, stand for the last one and a new one; false where both are to be sent."""
        last, events = queue[-1], self.webhooks.events
        match events[last.event].change, events[new.event].change:
            case "create", "delete":
                queue.pop()
            case "create", "update":
                queue[-1] = replace(last, body=self._render(events[last.event], last.record, data, last.by))
            case "update", "update":
                queue[-1] = replace(new, number=last.number)
            case _:
                return False
        return True

    # Transactions: what a refused or broken change has emitted is not sent

    def begin(self) -> None:
        self._before = {}

    def commit(self) -> None:
        self._before = None

    def roll_back(self) -> None:
        for (subscription, key), queue in (self._before or {}).items():
            line = self._lines[subscription]
            line.queues[key] = queue
            line.put(key)
        self._before = None

    # Delivering

    @property
    def is_idle(self) -> bool:
        return not self._lines

    @property
    def profile(self) -> Profile:
        profile = self.webhooks.profile(self._world)
        for hook in hooks(self._world):
            profile = hook.profile(self._world, profile) if hook.profile else profile
        return profile

    def headers(self, delivery: Delivery) -> dict[str, str]:
        headers = self.webhooks.headers(delivery.body, delivery.secret)
        for hook in hooks(self._world):
            headers = hook.headers(self._world, delivery, headers) if hook.headers else headers
        return headers

    def due(self) -> list[Any]:
        """The subscriptions for which something can be delivered now."""
        now = self._world.clock.now()
        return [subscription for subscription, line in self._lines.items() if line.first(now) is not None]

    def next_due(self) -> float | None:
        """When something comes up for a subscription that has nothing due now; None where nothing waits for a time."""
        now = self._world.clock.now()
        dues = [due for line in self._lines.values() if (due := line.next_due(now)) is not None]
        return min(dues, default=None)

    def take(self, subscription: Any) -> Delivery | None:
        """The oldest delivery to a subscription that is due; it keeps its place until `settle` says what came of it."""
        line = self._lines.get(subscription)
        while line is not None and (delivery := line.take(self._world.clock.now())) is not None:
            if problem := self._lapsed(delivery):
                self._end(delivery, "dropped", problem)
                continue
            if delivery.again is not None and not delivery.tries:
                delivery.body = delivery.again()
            delivery.again = None
            return delivery
        return None

    def settle(self, delivery: Delivery, status: int | None, problem: str | None = None) -> None:
        """What came of a try: the status of the answer, or what went wrong."""
        profile = self.profile
        delivery.tries += 1
        delivery.status = status
        if status is not None and status in profile.success:
            self._end(delivery, "delivered", None)
        elif delivery.tries > len(profile.waits):
            self._end(delivery, "dropped", problem)
        else:
            delivery.problem = problem
            delivery.due = self._world.clock.now() + profile.waits[delivery.tries - 1]
            delivery.is_out = False
            self._lines[delivery.subscription].put(delivery.key)

    def _lapsed(self, delivery: Delivery) -> str | None:
        """Why nobody is to hear of it any more."""
        subscription = self._world.find(self.webhooks.resource, delivery.subscription)
        if subscription is None:
            return "the subscription has ended"
        return None if self.webhooks.is_active(subscription) else "the subscription is not active"

    def _end(self, delivery: Delivery, state: str, problem: str | None) -> None:
        delivery.state, delivery.problem, delivery.is_out = state, problem, False
        self.past.append(delivery)
        line = self._lines[delivery.subscription]
        line.queues[delivery.key].pop(0)
        line.put(delivery.key)
        if not line.queues:
            del self._lines[delivery.subscription]

    # State

    def all(self) -> list[Delivery]:
        """What waits and the latest of what does not, in the order of the events."""
        return sorted([*self._waiting(), *self.past], key=lambda one: one.number)

    def _waiting(self) -> Iterable[Delivery]:
        return (one for line in self._lines.values() for queue in line.queues.values() for one in queue)

    def state(self) -> dict[str, Any]:
        """What is kept with the world: what still waits."""
        return {"serial": self._serial, "waiting": [one.kept() for one in self._waiting()]}

    def resume(self, state: Mapping[str, Any]) -> None:
        self._serial = state["serial"]
        for kept in state["waiting"]:
            delivery = Delivery(**{**kept, "body": kept["body"].encode()})
            line = self._lines.setdefault(delivery.subscription, Line())
            line.queues.setdefault(delivery.key, []).append(delivery)
            if len(line.queues[delivery.key]) == 1:
                line.put(delivery.key)
