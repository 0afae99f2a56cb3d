"""The verbs: what an operation does to the records of a world once the request has passed every check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.engine.call import NO_BODY, Call, Outcome
from mockserver.engine.envelopes import Envelope, envelope
from mockserver.engine.errors import Refusal, fill
from mockserver.engine.listing import Listing
from mockserver.engine.rank import next_rank
from mockserver.engine.store import Record
from mockserver.engine.world import World

Derive = Callable[[Record, World], Mapping[str, Any]]
Change = Callable[[Record, Record], Record]
Create = Callable[[Call, Record], Record]
Update = Callable[[Call, Record, Record], Record]
Delete = Callable[[Call, Record], None]
Follow = Callable[[Call, Record, Record], None]
Show = Callable[[Call, Record, Any], Any]
ShowAll = Callable[[Call, Sequence[Record], Any], list[Any]]
Allow = Callable[[Call], bool]


@dataclass(frozen=True)
class Resource:
    """A resource of the vendor, as behaviour.yaml has it, and what a table cannot say.

    `derive` adds fields that are computed, `show` makes the whole answer, `list` those of a list at once; `change`,
    `create`, `update` and `delete` are called inside the transaction, before the record is written, `follow` after an
    update has been told.
    """

    name: str
    key: str = "id"
    account: str | None = None
    rank: Mapping[str, Any] | None = None
    created: str | None = None
    updated: str | None = None
    derive: Derive | None = None
    show: Show | None = None
    change: Change | None = None
    create: Create | None = None
    update: Update | None = None
    delete: Delete | None = None
    follow: Follow | None = None
    list: ShowAll | None = None

    def rank_at_end(self, world: World, record: Record) -> None:
        """Put the record behind all others of its parent."""
        if self.rank is not None:
            parent = record[self.rank["within"]]
            last = world.last_rank(self.name, self.rank, parent)
            record[self.rank["field"]] = world.ranks[self.name, parent] = next_rank(last, self.rank["first"])

    def is_moved(self, before: Record, after: Record) -> bool:
        """Whether the record changes its parent."""
        return self.rank is not None and after[self.rank["within"]] != before[self.rank["within"]]

    def move_to_end(self, world: World, before: Record, after: Record) -> None:
        """Put the record behind all others of its new parent."""
        if self.rank is not None:
            world.ranks.pop((self.name, before[self.rank["within"]]), None)
            self.rank_at_end(world, after)

    def store_change(self, call: Call, before: Record, after: Record) -> Record:
        """Write a changed record, in a transaction, with all that follows from the change."""
        world = call.world
        if self.is_moved(before, after):
            self.move_to_end(world, before, after)
        if self.updated:
            # Not before the last change, also when the clock was set back.
            after[self.updated] = max(before[self.updated], world.stamp())
        if self.change is not None:
            after = self.change(before, after)
        if self.update is not None:
            after = self.update(call, before, after)
        world.replace(self.name, after)
        return after


@dataclass(frozen=True)
class Lifecycle:
    """A field of a record that moves between states: state -> state that may follow -> condition."""

    field: str
    transitions: Mapping[str, Mapping[str, str]]
    allow: Mapping[str, Allow]

    def check(self, call: Call, before: Any, target: Any) -> None:
        """Refuses a step that the table does not have, or whose condition is not met."""
        condition = self.transitions.get(before, {}).get(target)
        if condition is None or not self.allow[condition](call):
            raise Refusal("transition_refused", values={"from": before, "to": target})


@dataclass(frozen=True)
class Task:
    """What a verb needs to know of its operation, compiled at start."""

    resource: Resource
    status: int
    envelope: Envelope = field(default_factory=lambda: envelope(None))
    view: Sequence[str] = ()
    accepts: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    listing: Listing | None = None
    lifecycle: Lifecycle | None = None
    target: str = ""  # the field of the body that names the state to go to
    within: str | None = None
    answer: Any = NO_BODY
    emits: str = ""  # the event that subscribers are told
    table: Mapping[str, Any] = field(default_factory=dict)

    def show(self, record: Record, call: Call) -> Any:
        """The record as this operation's answers print it."""
        resource = self.resource
        if resource.show is not None:
            return resource.show(call, record, self)
        whole = {**record, **resource.derive(record, call.world)} if resource.derive is not None else record
        return {name: whole[name] for name in self.view}

    def show_all(self, records: Sequence[Record], call: Call) -> list[Any]:
        """The records of a list as this operation's answers print them."""
        if self.resource.list is not None:
            return self.resource.list(call, records, self)
        return [self.show(record, call) for record in records]

    def outcome(self, shown: Any, call: Call, values: Mapping[str, Any] | None = None) -> Outcome:
        return Outcome(self.status, self.envelope(shown, call, values or {}))

    def emit(self, call: Call, record: Record) -> None:
        """Tell subscribers what the operation does to a record, in its transaction."""
        if self.emits:
            call.world.emit(self.emits, self.resource.name, record, call)

    def sent(self, body: Mapping[str, Any]) -> Record:
        """The fields of a record that a body sets."""
        return {name: body[key] for key, name in self.accepts.items() if key in body}


Verb = Callable[[Call], Outcome]


def get(task: Task) -> Verb:
    """The addressed record."""
    return lambda call: task.outcome(task.show(call.record, call), call)


def list_(task: Task) -> Verb:
    """The records that the listing finds, each as the operation shows it."""
    listing = task.listing
    assert listing is not None, "a list without a listing"

    def run(call: Call) -> Outcome:
        records, values = listing.fetch(call)
        return task.outcome(task.show_all(records, call), call, values)

    return run


def create(task: Task) -> Verb:
    """A new record, at the end of its parent where records have a rank."""
    resource = task.resource

    def run(call: Call) -> Outcome:
        world = call.world
        with world.transaction():
            record = {**task.defaults, **task.sent(call.body), resource.key: world.new_id(resource.name)}
            if task.within is not None:
                record[task.within] = call.parent["id"]
            if resource.account:
                record[resource.account] = call.account
            for stamp in (resource.created, resource.updated):
                if stamp:
                    record[stamp] = world.stamp()
            resource.rank_at_end(world, record)
            if resource.create is not None:
                record = resource.create(call, record)
            world.insert(resource.name, record)
            task.emit(call, record)
        return task.outcome(task.show(record, call), call)

    return run


def update(task: Task) -> Verb:
    """The addressed record with the fields that were sent; nothing happens when none was."""
    resource = task.resource
    is_exact = bool(task.table.get("keeps_equal"))

    def run(call: Call) -> Outcome:
        before = call.record
        changes = task.sent(call.body)
        after = {**before, **changes}
        if not changes or (is_exact and after == before):
            return task.outcome(task.show(before, call), call)
        with call.world.transaction():
            after = resource.store_change(call, before, after)
            task.emit(call, after)
            if resource.follow is not None:
                resource.follow(call, before, after)
        return task.outcome(task.show(after, call), call)

    return run


def transition(task: Task) -> Verb:
    """The addressed record goes to the state that the body names, if its lifecycle has that step."""
    resource, lifecycle = task.resource, task.lifecycle
    assert lifecycle is not None, "a transition without a lifecycle"

    def run(call: Call) -> Outcome:
        before, target = call.record, call.body[task.target]
        lifecycle.check(call, before[lifecycle.field], target)
        with call.world.transaction():
            after = resource.store_change(call, before, {**before, lifecycle.field: target})
            task.emit(call, after)
        values = {**after, "from": before[lifecycle.field], "to": target}
        shown = task.show(after, call) if task.answer is NO_BODY else fill(task.answer, values)
        return task.outcome(shown, call)

    return run


def delete(task: Task) -> Verb:
    """The addressed record goes to the trash; the answer is fixed, or `$record`, its last state."""
    resource = task.resource
    shows_record = task.answer == "$record"

    def run(call: Call) -> Outcome:
        outcome = Outcome(task.status, task.answer)
        if shows_record:
            outcome = task.outcome(task.show(call.record, call), call)
        with call.world.transaction():
            task.emit(call, call.record)
            if resource.delete is not None:
                resource.delete(call, call.record)
            call.world.trash(resource.name, call.record)
        return outcome

    return run


MOST_CACHED = 1000  # answers, before those that are too old are dropped


def cached(verb: Verb, seconds: float) -> Verb:
    """A read whose answers are given again for some seconds, while the switch `cache` of the world says `stale`."""

    def run(call: Call) -> Outcome:
        world, request = call.world, call.request
        if world.switch("cache") != "stale":
            return verb(call)
        key = (call.account, call.user, request.path, request.query)
        now = world.clock.now()
        kept = world.cache.get(key)
        if kept is not None and kept[0] <= now < kept[0] + seconds:
            outcome: Outcome = kept[1]
            return outcome
        outcome = verb(call)
        if len(world.cache) >= MOST_CACHED:
            world.cache = {key: each for key, each in world.cache.items() if now < each[0] + seconds}
        world.cache[key] = (now, outcome)
        return outcome

    return run


VERBS: Mapping[str, Callable[[Task], Verb]] = {
    "get": get,
    "list": list_,
    "create": create,
    "update": update,
    "delete": delete,
    "transition": transition,
}
