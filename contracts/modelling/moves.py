"""What a vendor's model lets anybody do: the operations that sequences are made of, and who may send them.

Read from the vendor's tables and its document. Sends nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.laws.terms import body_schema
from contracts.modelling.steps import Name, named
from contracts.target import Target
from mockserver.spec import resolve
from mockserver.vendor import Operation, Vendor

_WRITES = frozenset({"create", "update", "delete", "transition", "own"})


@dataclass(frozen=True)
class Move:
    """One operation: `owners` tell whose ids its path bears, `body` the fields of a JSON body with their schemas.

    `required` are the fields without which a body is refused, `told` is what `requests` says of it.
    """

    operation: Operation
    verb: str
    resource: str
    owners: tuple[tuple[str, str], ...]
    body: Mapping[str, Mapping[str, Any]]
    required: frozenset[str]
    told: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.operation.id

    @property
    def table(self) -> Mapping[str, Any]:
        return self.operation.table


class Moves:
    """All that a run may try on a target: more where the world is its own to spoil."""

    def __init__(self, target: Target) -> None:
        self.vendor: Vendor = target.vendor
        self.model = target.model
        self.is_own_world = target.is_mock
        self.callers = tuple(name for name in target.callers if name in target.vendor.callers or name == "owner")
        self.roles: Mapping[str, str] = self.vendor.behaviour.get("known", {})
        self.known = {role: kind for role, kind in self.roles.items() if role in target.known}
        every = [self._move(each) for each in self.vendor.operations.values() if each.table]
        self.reads = [each for each in every if each.verb in ("get", "list") and self._is_reachable(each)]
        is_read_only = target.guard.is_read_only
        self.writes = (
            [] if is_read_only else [each for each in every if each.verb in _WRITES and self._may_be_tried(each)]
        )
        self.makes = {each.resource: each for each in self.writes if each.verb == "create"}
        self.getters = {each.resource: each for each in reversed(self.reads) if each.verb == "get"}
        self.listers = [each for each in self.reads if each.verb == "list"]

    def sample(self, resource: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.vendor.behaviour.get("samples", {}).get(resource, {})
        return found

    def hint(self, resource: str, word: str) -> Any:
        return named(self.sample(resource).get(word, {}), self.roles)

    def names_of(self, resource: str, made: Mapping[str, int]) -> list[Name]:
        """The records of a resource that a step may speak of: those that were made, the last first, then known ones."""
        own = [Name("made", resource, number) for number in reversed(range(made.get(resource, 0)))]
        return own + [Name("known", resource, role) for role, kind in self.known.items() if kind == resource]

    def references(self, move: Move) -> Mapping[str, str]:
        return self.model.references(move.id)

    def _move(self, operation: Operation) -> Move:
        table = operation.table
        schema = body_schema(self.vendor, operation) if _takes_json(self.vendor, operation) else None
        fields = {
            name: resolve(self.vendor.document, each) for name, each in (schema or {}).get("properties", {}).items()
        }
        told = self.vendor.behaviour.get("requests", {}).get(operation.id, {})
        return Move(
            operation=operation,
            verb=str(table.get("verb")),
            resource=str(table.get("resource", "")),
            owners=tuple(self.model.owners(operation).items()),
            body={
                name: each for name, each in fields.items() if isinstance(each, Mapping) and not each.get("readOnly")
            },
            required=frozenset((schema or {}).get("required", ())),
            told=named(told, self.roles),
        )

    def _may_be_tried(self, move: Move) -> bool:
        """Whether a sequence may write so: what a tenant would keep, or tell others, is left alone there."""
        table = move.table
        if move.verb == "own":
            login = self.vendor.behaviour["credentials"].get("login", {}).get("operation")
            return self.is_own_world and move.id != login and bool(move.told or move.owners)
        if move.verb == "create" and "body" not in self.sample(move.resource) and "body" not in move.told:
            return False
        if self.is_own_world:
            return self._is_reachable(move)
        if table.get("lasting") or move.resource == self.subscription:
            return False
        is_ours = "create" in self.sample(move.resource) and "delete" in self.sample(move.resource)
        return is_ours and self._is_reachable(move)

    @property
    def subscription(self) -> str:
        """The resource that has others told of what happens."""
        told: Mapping[str, Any] = self.vendor.behaviour.get("webhooks", {}).get("subscription", {})
        return str(told.get("resource", ""))

    def _is_reachable(self, move: Move) -> bool:
        """Whether there are records, known or to be made, for all of its path."""
        samples = self.vendor.behaviour.get("samples", {})
        return all(kind in self.known.values() or "create" in samples.get(kind, {}) for _, kind in move.owners) and len(
            move.owners
        ) == move.operation.path.count("{")

    def is_stranger(self, caller: str) -> bool:
        """Whether a caller of the seed belongs to another account."""
        one, owner = self.vendor.callers.get(caller), self.vendor.callers.get("owner")
        return one is not None and owner is not None and one.account != owner.account

    def may(self, caller: str, move: Move) -> bool:
        """Whether a caller of the seed's account has the scopes of an operation."""
        one, owner = self.vendor.callers.get(caller), self.vendor.callers.get("owner")
        if one is None or owner is None:
            return caller == "owner"
        includes: Mapping[str, Collection[str]] = self.vendor.behaviour["credentials"].get("includes", {})
        held = set(one.scopes).union(*(includes.get(scope, ()) for scope in one.scopes))
        return one.account == owner.account and not one.expires_at and set(move.operation.scopes) <= held


def _takes_json(vendor: Vendor, operation: Operation) -> bool:
    body = resolve(vendor.document, operation.document.get("requestBody"))
    return bool(body) and "application/json" in body.get("content", {}) and operation.table.get("body") != "own"
