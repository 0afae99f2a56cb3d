"""The records that a law works on, its own where it can make one, known ones for reading. No law stands here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from contracts.findings import Broken, NotJudged, needs_known
from contracts.laws.pages import walk
from contracts.laws.terms import (
    Record,
    accepts,
    addressed,
    differences,
    find_operation,
    is_unsafe,
    item_fields,
    key_of,
    properties,
    references,
    same,
    short,
    succeed,
)
from contracts.model import resolved
from contracts.tenant import ABSENT, Answer, Tenant
from mockserver.vendor import Operation

_LONG_ENOUGH = 1.1  # seconds; most times are told in whole seconds

Picture = tuple[Record, dict[str, Record]]


@dataclass
class Bench:
    """One law's records. Nothing is made before it is needed, and each at most once."""

    tenant: Tenant
    own: dict[str, Record] = field(default_factory=dict)

    def record(self, resource: str) -> Record:
        """A record of our own."""
        if resource not in self.own:
            self.own[resource] = self.create(resource)
        return self.own[resource]

    def create(self, resource: str, **overrides: Any) -> Record:
        """One more record of our own, with an id by which it can be found again."""
        record = Record(self.tenant.create(resource, **overrides))
        identity = record[key_of(self.tenant.vendor, resource)]
        if not isinstance(identity, str | int) or identity == "":
            raise Broken(f"expected a new record of {resource} to have an id, got {short(identity)}")
        return record

    def is_ours(self, resource: str) -> bool:
        """Can we make such a record?"""
        return "create" in self.tenant.vendor.behaviour.get("samples", {}).get(resource, {})

    def known(self, resource: str) -> list[str]:
        """The ids of the known records of a resource."""
        return self.tenant.target.model.known_of(resource, self.tenant.known)

    def identity(self, resource: str, *, ours: bool) -> str:
        """The id of an existing record: a known one, or when `ours` one that we may change.

        In a world of our own that is a known one too, where no operation makes such a record.
        """
        known = self.known(resource)
        if known and (not ours or (self.tenant.is_mock and not self.is_ours(resource))):
            return known[0]
        if not self.is_ours(resource):
            if known:
                raise NotJudged(f"no operation makes a record of {resource} that a run may change")
            roles = self.tenant.vendor.behaviour.get("known", {})
            role = next((role for role, kind in roles.items() if kind == resource), f"a record of {resource}")
            raise needs_known(role)
        return str(self.record(resource)[key_of(self.tenant.vendor, resource)])

    def path(self, operation: Operation, identity: str | None = None) -> dict[str, str]:
        """The path parameters that point an operation at a record, by default at an existing one."""
        owners = self.tenant.target.model.owners(operation)
        told = self._request(operation).get("path", {})
        filled = {name: self.identity(resource, ours=False) for name, resource in list(owners.items())[:-1]}
        for name, resource in list(owners.items())[-1:]:
            if identity is not None:
                filled[name] = identity
            elif name in told and self.tenant.is_mock:
                filled[name] = str(told[name])
            else:
                # What is made within a record leaves that as it is.
                is_changed = is_unsafe(operation) and operation.table.get("verb") != "create"
                filled[name] = self.identity(resource, ours=is_changed)
        return {**{name: str(value) for name, value in told.items()}, **filled}

    def somewhere(self, operation: Operation) -> dict[str, str]:
        """The same, or an id that names nothing where no record is ours to change: for what is told anyway."""
        try:
            return self.path(operation)
        except NotJudged:
            resource = addressed(operation)
            if resource is None:
                raise
            return self.path(operation, self.tenant.unknown_id(resource))

    def _request(self, operation: Operation) -> dict[str, Any]:
        return self.tenant.target.model.request(operation.id, self.tenant.known) or {}

    def body(self, operation: Operation) -> Any:
        """The fields of a body that the operation accepts, with the run's mark where a record is made.

        ABSENT where it takes none, or none in JSON.
        """
        told = self._request(operation)
        resource = operation.table.get("resource")
        if "bodies" in told:
            return told["bodies"][self.tenant.turns[operation.id] % len(told["bodies"])]
        if isinstance(told.get("body"), dict):
            return {name: self.tenant.unlike(str(resource), name, value) for name, value in told["body"].items()}
        if told:
            return told.get("body", ABSENT)
        sample = self.tenant.vendor.behaviour.get("samples", {}).get(resource, {})
        if operation.table.get("verb") == "create" and "body" in sample:
            return self.tenant.sample_body(str(resource))
        if changes := self.changes(operation):
            name, values = next(iter(changes.items()))
            return {name: self.tenant.unlike(str(resource), name, values[0])}
        return ABSENT

    def changes(self, operation: Operation) -> dict[str, list[Any]]:
        """Field of the body -> values to change it to, for the fields that the operation accepts."""
        told = self.tenant.target.model.hint(operation.table.get("resource"), "changes")
        chosen = {name: values for name, values in told.items() if name in accepts(operation)}
        found: dict[str, list[Any]] = resolved(chosen, self.tenant.known)
        return found

    def marked(self, text: str) -> str:
        """A text with the run's mark, by which people find what a run left behind."""
        return f"{text} [{self.tenant.target.mark}]"

    def call(self, operation: Operation, **changed: Any) -> Answer:
        """Send an operation that would succeed, but for what is `changed`: caller, path, json, headers and so on.

        `json` are the fields alone; they are put under the operation's wrapper here.
        """
        told = self._request(operation)
        if "path" not in changed:
            changed["path"] = self.path(operation)
        if not {"json", "form", "files", "content"} & changed.keys():
            changed["json"] = self.body(operation)
            changed |= {kind: told[kind] for kind in ("form", "files") if kind in told}
        if "json" in changed:
            changed["json"] = self.tenant.wrapped(operation.id, changed["json"])
        if "headers" in told:
            changed["headers"] = {**told["headers"], **(changed.get("headers") or {})}
        if "query" in told and "query" not in changed:
            changed["query"] = told["query"]
        answer = self.tenant.call(operation.id, **changed)
        if 200 <= answer.status < 300:
            self.tenant.turns[operation.id] += 1
        return answer

    def wait(self) -> None:
        """Let more than a second pass, so that a time which should stay would be seen to change."""
        if self.tenant.clock is not None:
            self.tenant.clock.advance(_LONG_ENOUGH)
        else:
            self.tenant.target.guard.watch.sleep(_LONG_ENOUGH)

    def read(self, resource: str, identity: str, *, caller: str = "owner") -> Record:
        """A fresh read of one record."""
        operation = find_operation(self.tenant.vendor, "get", resource)
        if operation is None:
            raise NotJudged(f"no operation reads one record of {resource}")
        answer = self.call(operation, path=self.path(operation, identity), caller=caller)
        record: Record = succeed(self.tenant, operation, answer, f"{operation.id} of {identity}")
        if str(record.get(key_of(self.tenant.vendor, resource))) != str(identity):
            raise Broken(f"{operation.id} of {identity}: another record was answered: {short(record)}", answer)
        return record

    def seen(self, resource: str, identity: str) -> Record | None:
        """A record as its read shows it, else as its list does; None where nothing shows it."""
        if find_operation(self.tenant.vendor, "get", resource) is not None:
            return self.read(resource, identity)
        return self.listed(resource).get(str(identity))

    def lister(self, resource: str) -> Operation | None:
        return find_operation(self.tenant.vendor, "list", resource)

    def listing(self, resource: str, parent: str | None = None, *, caller: str = "owner") -> list[Record]:
        """The list of a resource, of one parent where it is listed by parent."""
        operation = self.lister(resource)
        if operation is None:
            raise NotJudged(f"no operation lists {resource}")
        return walk(self, operation, self.path(operation, parent), caller=caller)

    def parent(self, resource: str) -> str | None:
        """The parent in which `tenant.create` puts a record, where its list goes by parent."""
        operation = self.lister(resource)
        holder = operation.table.get("within") if operation else None
        return self.known(holder["resource"])[0] if holder and self.known(holder["resource"]) else None

    @contextmanager
    def unchanged(self, operation: Operation, what: str) -> Iterator[None]:
        """Broken when what happens inside, all of it refused, changed a record or made one."""
        if not is_unsafe(operation):
            yield
            return
        record, items = self._picture(operation)
        yield
        record_now, items_now = self._picture(operation)
        for name, (was, now) in differences(record, record_now).items():
            raise Broken(f"{what}: the refused request changed {name!r} from {short(was)} to {short(now)}")
        for identity in sorted(items_now.keys() - items.keys()):
            if not self.may_be_ours(str(operation.table["resource"]), items_now[identity]):
                continue
            raise Broken(f"{what}: the refused request made a record: {short(items_now[identity])}")
        # On a tenant others may be at work in the same list.
        for identity, item in items.items() if self.tenant.is_mock else ():
            if not same(item, items_now.get(identity)):
                raise Broken(f"{what}: the refused request turned {short(item)} into {short(items_now.get(identity))}")

    def may_be_ours(self, resource: str, item: Mapping[str, Any]) -> bool:
        """Whether a record may have come of a request of this run: it bears the run's mark, or none at all."""
        mark = self.tenant.target.model.hint(resource, "mark")
        told = item.get(mark) if isinstance(mark, str) else None
        return self.tenant.is_mock or not isinstance(told, str) or not told.strip() or self.tenant.target.mark in told

    def _firm(self, resource: str, record: Mapping[str, Any]) -> Record:
        """A record without what others may change on a tenant."""
        loose = () if self.tenant.is_mock else self.tenant.target.model.hint(resource, "loose")
        return Record({name: value for name, value in record.items() if name not in loose})

    def _picture(self, operation: Operation) -> Picture:
        """Our own record, and the list in which it stands, by id; empty where nothing shows them."""
        resource = operation.table.get("resource")
        if resource is None:
            return Record(), {}
        record = Record()
        if addressed(operation):
            self.somewhere(operation)  # a record of ours has to be there before the list is looked at
        if addressed(operation) and find_operation(self.tenant.vendor, "get", resource) is not None:
            record = self._firm(resource, self.read(resource, self.identity(resource, ours=True)))
        return record, self.listed(resource)

    def untrue(self, lister: Operation, record: Record, item: Record) -> dict[str, tuple[Any, Any]]:
        """Where an item differs from its record: field -> (in the record, in the item). A tenant may add fields."""
        if not self.tenant.is_mock:
            told = item_fields(self.tenant.vendor, lister)
            item = Record({name: value for name, value in item.items() if name in told})
        partial = self.tenant.target.model.hint(lister.table["resource"], "partial")
        found = differences(self._firm(lister.table["resource"], record), item)
        return {name: each for name, each in found.items() if name not in partial}

    def listed(self, resource: str) -> dict[str, Record]:
        """Id -> item of the list in which a new record stands; empty where nothing lists it."""
        if self.lister(resource) is None:
            return {}
        key = key_of(self.tenant.vendor, resource)
        return {str(item.get(key)): item for item in self.listing(resource, self.parent(resource))}


def other_values(bench: Bench, operation: Operation, name: str) -> list[Any]:
    """Values for a field of a body that the operation accepts, by the samples, the references and the schema."""
    resource = operation.table["resource"]
    for told in (bench.tenant.target.model.hint(resource, word) for word in ("values", "changes")):
        if name in told:
            values = resolved(told[name], bench.tenant.known)
            return [bench.tenant.unlike(resource, name, value) for value in values]
    if name in references(operation):
        return list(bench.known(references(operation)[name]))
    return list(properties(bench.tenant.vendor, operation).get(name, {}).get("enum", []))
