"""One of those who play the same steps: how a step is sent there, and what its records are called. Judges nothing."""

import random
from collections.abc import Mapping
from typing import Any

from contracts.envelopes import ABSENT
from contracts.laws.terms import key_of
from contracts.listing import next_cursor, parameter
from contracts.model import Model
from contracts.modelling.moves import Move, Moves
from contracts.modelling.steps import Name, Step, filled
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation


class Side:
    """One of the two: its tenant, and what its records are called."""

    def __init__(self, tenant: Tenant, moves: Moves) -> None:
        tenant.is_patient = False
        self.tenant = tenant
        self.made: dict[str, list[str]] = {}
        self.records: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._moves = moves

    def identity(self, name: Name) -> str:
        """LookupError where there is no such record."""
        if name.kind == "known":
            return self.tenant.known[str(name.place)]
        if name.kind == "made":
            return self.made[name.resource][int(name.place)]
        chance = random.Random(f"{self.tenant.seed} {name.resource}")
        like = next(iter(self._moves.model.known_of(name.resource, self.tenant.known)), None)
        return self._moves.model.unknown_id(name.resource, chance, like)

    def resolve(self, name: Name) -> Any:
        identity = self.identity(name)
        if name.field is None:
            return identity
        record = self.records.get((name.resource, identity)) or self._seeded(name.resource, identity)
        value = record[name.field]
        if not isinstance(value, str) or not value:
            raise LookupError(name.field)
        return value

    def _seeded(self, resource: str, identity: str) -> Mapping[str, Any]:
        key = key_of(self.tenant.vendor, resource)
        found: list[Mapping[str, Any]] = self.tenant.vendor.seed["records"].get(resource, [])
        return next(record for record in found if str(record[key]) == identity)

    def send(self, move: Move, step: Step, query: Mapping[str, Any]) -> Answer:
        options: dict[str, Any] = {"caller": step.caller, "query": query}
        if step.fields is not ABSENT:
            options["json"] = self.tenant.wrapped(move.id, filled(step.fields, self.resolve))
        if step.files:
            options["files"] = move.told["files"]
            options["form"] = move.told.get("form", {})
        path = {name: str(filled(value, self.resolve)) for name, value in step.path}
        return self.tenant.call(move.id, path=path, **options)


def following(
    operation: Operation, model: Model, answer: Answer, number: int, asked: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What asks for the page after an answer; None at the end."""
    table = operation.table.get("paging")
    if table is None:
        return None
    items = model.record(operation.id, answer.json())
    size = asked.get(parameter(table, "size"), table["default"])
    if not isinstance(items, list) or not items:
        return None
    place = parameter(table, "place")
    if table["style"] == "cursor":
        cursor = next_cursor(operation, answer.json())
        return None if cursor is None else {place: cursor}
    if len(items) < int(size):
        return None
    return {place: number + 1 if table["style"] == "pages" else number * len(items)}
