"""A toy vendor with tasks and clients in two layers, the same records in plain dicts, and what a list must show.

Nothing here asks the engine: conditions are worked out record by record, and orders by sorting.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mockserver.engine.chance import parse_time
from mockserver.engine.collection import Collection
from mockserver.engine.query import All, And, Children, Condition, Expression, Not, Nothing, Or, Through
from mockserver.engine.statements import Shape
from mockserver.engine.store import Store
from mockserver.engine.world import Ground, World, Worlds

Record = dict[str, Any]

FORMS: Mapping[str, Mapping[str, str]] = {
    "tasks": {
        "title": "fold",
        "number": "digits",
        "status": "plain",
        "due": "plain",
        "public": "plain",
        "hours": "plain",
        "client": "plain",
        "parent": "plain",
        "id": "plain",
    },
    "clients": {"name": "fold", "city": "plain", "id": "digits"},
}
SHAPES = [
    Shape("tasks", "id", indexes=[["parent"], ["status"]], tallies=[["status"]], columns=FORMS["tasks"]),  # type: ignore[arg-type]
    Shape("clients", "id", columns=FORMS["clients"]),  # type: ignore[arg-type]
]
TITLES = ["", "x", "Z", "SS", "straße", "ÄÖ", "äöß", "🙂 x", "plan the Axis", "AXIS"]
TITLES += ["Ab%c", "ab_c", "%", "_", "a*b?", "[a]", 'it\'s "so"', "nul\0x", "x\0", "fix\nit"]
STATUSES = ["New", "WIP", "Closed", "new"]
DUES = ["2024-01-01", "2024-02-29", "2024-02-29", "2025-12-31", ""]
HOURS = [0, 1, 1.5, -2, 10**19, 3]
NUMBERS = ["1", "2", "10", "010", "0", "00", "9" * 25, "1" + "0" * 30, "12"]
CITIES = ["Köln", "Bonn", "X"]


class Lists:
    """A world and the records that it ought to show."""

    def __init__(self, store: Store, chance: random.Random, *, tasks: int = 40, clients: int = 8) -> None:
        self.chance = chance
        self.store = store
        self.serial = 0
        self.live: dict[str, dict[Any, Record]] = {"tasks": {}, "clients": {}}
        collections = {shape.name: Collection(store, "toy", shape) for shape in SHAPES}
        store.begin()
        layer = store.new_layer()
        for resource, many in (("clients", clients), ("tasks", tasks)):
            for _ in range(many):
                self._remember(resource, self.make(resource))
            collections[resource].fill(layer, self.live[resource].values(), first=1 + self.serial - many)
        store.commit()
        ground = Ground("toy", store, collections, {}, 1, layer, self.serial, parse_time("2024-01-15T12:00:00Z"))
        self.world: World = Worlds(ground).find("w")

    def make(self, resource: str, key: str | None = None) -> Record:
        """A record with whatever values; some have null in a field, or lack it where it is not counted."""
        pick = self.chance.choice
        if key is None:
            self.serial += 1
            key = f"{resource[0]}{self.serial:03d}" if resource == "tasks" else str(self.serial)
        if resource == "clients":
            record: Record = {"id": key, "name": pick(TITLES), "city": pick(CITIES)}
        else:
            record = {
                "id": key,
                "title": pick(TITLES),
                "number": pick(NUMBERS),
                "status": pick(STATUSES),
                "due": pick(DUES),
                "public": pick([True, False]),
                "hours": pick(HOURS),
                "client": pick([*self.live["clients"], "nobody"]),
                "parent": pick([*self.live["tasks"], None]),
            }
        for field in [field for field in record if field != "id" and self.chance.random() < 0.2]:
            if field == "status" or self.chance.random() < 0.5:
                record[field] = None
            else:
                del record[field]
        return record

    def _remember(self, resource: str, record: Record) -> None:
        self.live[resource][record["id"]] = record

    # Changes, in the world and in the dicts alike

    def insert(self, resource: str = "tasks", **fields: Any) -> Record:
        record = {**self.make(resource), **fields}
        self.world.new_id()
        with self.world.transaction():
            self.world.insert(resource, record)
        self._remember(resource, record)
        return record

    def replace(self, resource: str = "tasks", key: Any = None, **fields: Any) -> None:
        key = key or self.chance.choice(list(self.live[resource]))
        record = {**self.make(resource, key), **fields}
        with self.world.transaction():
            self.world.replace(resource, record)
        self._remember(resource, record)

    def trash(self, resource: str = "tasks", key: Any = None) -> None:
        key = key or self.chance.choice(list(self.live[resource]))
        with self.world.transaction():
            self.world.trash(resource, self.live[resource].pop(key))

    def stir(self, times: int) -> None:
        """So many changes of every kind."""
        for _ in range(times):
            resource = self.chance.choice(["tasks", "tasks", "tasks", "clients"])
            change: Callable[..., Any] = self.chance.choice([self.insert, self.replace, self.replace, self.trash])
            if len(self.live[resource]) > 3 or change == self.insert:
                change(resource)

    # What a list must show

    def expected(self, where: Expression, order: Sequence[str], resource: str = "tasks") -> list[Record]:
        """The records that fit, in a total order."""
        return in_order(
            [one for one in self.live[resource].values() if self.fits(one, where, resource)], order, resource
        )

    def fits(self, record: Record, where: Expression, resource: str = "tasks") -> bool:
        match where:
            case All():
                return True
            case Nothing():
                return False
            case And(parts):
                return all(self.fits(record, part, resource) for part in parts)
            case Or(parts):
                return any(self.fits(record, part, resource) for part in parts)
            case Not(part):
                return not self.fits(record, part, resource)
            case Condition(field, op, value):
                return _compares(FORMS[resource][field], record.get(field), op, value)
            case Through(field, other, part):
                named = self.live[other].get(record.get(field))
                return named is not None and self.fits(named, part, other)
            case Children(other, field, quantifier, part, op, value):
                children = [one for one in self.live[other].values() if one.get(field) == record["id"]]
                fit = [self.fits(one, part, other) for one in children]
                if quantifier == "count":
                    return _compares("plain", sum(fit), op, value)
                return {"any": any(fit), "none": not any(fit), "all": all(fit)}[quantifier]


def in_order(records: Sequence[Record], order: Sequence[str], resource: str = "tasks") -> list[Record]:
    """Sorted by the last key first, so that each key before it decides more; null is less than anything."""
    found = list(records)
    for key in reversed(order):
        field, falls = key.removeprefix("-"), key.startswith("-")
        form = FORMS[resource][field]

        def value_of(one: Record, field: str = field, form: str = form) -> Any:
            value = one.get(field)
            return (value is not None, _comparable(form, value) if value is not None else 0)

        found.sort(key=value_of, reverse=falls)
    return found


def _comparable(form: str, value: Any) -> Any:
    if form == "fold":
        return value.casefold()
    return (int(value), len(value)) if form == "digits" else value


def _compares(form: str, held: Any, op: str, value: Any) -> bool:
    if op in ("isnull", "isnotnull"):
        return (held is None) == (op == "isnull")
    if held is None:
        return False
    if op in ("in", "nin"):
        return any(_compares(form, held, "eq", one) for one in value) == (op == "in")
    if value is None:
        return False
    held, value = _comparable(form, held), _comparable(form, value)
    match op:
        case "eq" | "ne":
            return bool((held == value) == (op == "eq"))
        case "lt":
            return bool(held < value)
        case "lte":
            return bool(held <= value)
        case "gt":
            return bool(held > value)
        case "gte":
            return bool(held >= value)
        case "contains":
            return value in held
        case "startswith":
            return bool(held.startswith(value))
        case "endswith":
            return bool(held.endswith(value))
        case "like":
            wild = {"%": ".*", "_": "."}
            pattern = "".join(wild.get(one) or re.escape(one) for one in value)
            return re.fullmatch(pattern, held, re.DOTALL) is not None
    raise AssertionError(op)
