"""The verbs: what an operation does to the records of a world once the request has passed every check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.engine.call import Call, Outcome
from mockserver.engine.rank import next_rank
from mockserver.engine.store import Record
from mockserver.engine.world import World

Derive = Callable[[Record, World], Mapping[str, Any]]
Change = Callable[[Record, Record], Record]


@dataclass(frozen=True)
class Resource:
    """A resource of the vendor, as behaviour.yaml has it. `derive` and `change` are what a table cannot say."""

    name: str
    key: str = "id"
    id_form: str | None = None
    account: str | None = None
    rank: Mapping[str, str] | None = None
    created: str | None = None
    updated: str | None = None
    derive: Derive | None = None
    change: Change | None = None

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


@dataclass(frozen=True)
class Task:
    """What a verb needs to know of its operation, compiled at start."""

    resource: Resource
    status: int
    envelope: str | None = None
    view: Sequence[str] = ()
    accepts: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    within: str | None = None
    order: Sequence[str] = ()
    answer: Any = None

    def show(self, record: Record, world: World) -> Record:
        """The record as this operation's answers print it."""
        derive = self.resource.derive
        whole = {**record, **derive(record, world)} if derive is not None else record
        return {name: whole[name] for name in self.view}

    def outcome(self, shown: Any) -> Outcome:
        return Outcome(self.status, {self.envelope: shown} if self.envelope else shown)

    def sent(self, body: Mapping[str, Any]) -> Record:
        """The fields of a record that a body sets."""
        return {name: body[key] for key, name in self.accepts.items() if key in body}


Verb = Callable[[Call], Outcome]


def get(task: Task) -> Verb:
    """The addressed record."""
    return lambda call: task.outcome(task.show(call.record, call.world))


def list_(task: Task) -> Verb:
    """The records of the addressed parent, or of the caller's account, in the declared order."""
    resource, order = task.resource, list(task.order)

    def run(call: Call) -> Outcome:
        if task.within is not None:
            where = {task.within: call.parent["id"]}
        else:
            where = {resource.account: call.account} if resource.account else {}
        records = call.world.select(resource.name, where, order)
        return task.outcome([task.show(record, call.world) for record in records])

    return run


def create(task: Task) -> Verb:
    """A new record at the end of its parent."""
    resource = task.resource

    def run(call: Call) -> Outcome:
        world = call.world
        with world.transaction():
            record = {**task.defaults, **task.sent(call.body), resource.key: world.new_id(resource.id_form)}
            if resource.account:
                record[resource.account] = call.account
            for stamp in (resource.created, resource.updated):
                if stamp:
                    record[stamp] = world.clock.timestamp()
            resource.rank_at_end(world, record)
            world.insert(resource.name, record)
        return task.outcome(task.show(record, world))

    return run


def update(task: Task) -> Verb:
    """The addressed record with the fields that were sent; nothing happens when none was."""
    resource = task.resource

    def run(call: Call) -> Outcome:
        world, before = call.world, call.record
        changes = task.sent(call.body)
        if not changes:
            return task.outcome(task.show(before, world))
        after = {**before, **changes}
        with world.transaction():
            if resource.is_moved(before, after):
                resource.move_to_end(world, before, after)
            if resource.updated:
                # Not before the last change, also when the clock was set back.
                after[resource.updated] = max(before[resource.updated], world.clock.timestamp())
            if resource.change is not None:
                after = resource.change(before, after)
            world.replace(resource.name, after)
        return task.outcome(task.show(after, world))

    return run


def delete(task: Task) -> Verb:
    """The addressed record goes to the trash."""

    def run(call: Call) -> Outcome:
        with call.world.transaction():
            call.world.trash(task.resource.name, call.record)
        return Outcome(task.status, task.answer)

    return run


VERBS: Mapping[str, Callable[[Task], Verb]] = {
    "get": get,
    "list": list_,
    "create": create,
    "update": update,
    "delete": delete,
}
