"""The records that a law works on, its own where it can make one, known ones for reading. No law stands here."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from contracts.findings import Broken, NotJudged
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
        return resource in self.tenant.vendor.behaviour["samples"]

    def known(self, resource: str) -> list[str]:
        """The ids of the known records of a resource."""
        return self.tenant.target.model.known_of(resource, self.tenant.known)

    def identity(self, resource: str, *, ours: bool) -> str:
        """The id of an existing record: a known one, or when `ours` one that we may change."""
        if known := [] if ours else self.known(resource):
            return known[0]
        if not self.is_ours(resource):
            raise NotJudged(f"needs a known record of {resource}")
        return str(self.record(resource)[key_of(self.tenant.vendor, resource)])

    def path(self, operation: Operation, identity: str | None = None) -> dict[str, str]:
        """The path parameters that point an operation at a record, by default at an existing one."""
        owners = self.tenant.target.model.owners(operation)
        filled = {name: self.identity(resource, ours=False) for name, resource in list(owners.items())[:-1]}
        for name, resource in list(owners.items())[-1:]:
            filled[name] = self.identity(resource, ours=is_unsafe(operation)) if identity is None else identity
        return filled

    def body(self, operation: Operation) -> Any:
        """A body that the operation accepts, with the run's mark where a record is made; ABSENT where it takes none."""
        resource = operation.table["resource"]
        if operation.table["verb"] == "create":
            body = self.tenant.target.model.sample_body(resource, self.tenant.known)
            mark = self.tenant.vendor.behaviour["samples"][resource].get("mark")
            return body | {mark: self.marked(body[mark])} if mark else body
        if accepts(operation):
            changes = self.tenant.vendor.behaviour["samples"][resource]["changes"]
            return {name: values[0] for name, values in list(changes.items())[:1]}
        return ABSENT

    def marked(self, text: str) -> str:
        """A text with the run's mark, by which people find what a run left behind."""
        return f"{text} [{self.tenant.target.mark}]"

    def call(self, operation: Operation, **changed: Any) -> Answer:
        """Send an operation that would succeed, but for what is `changed`: caller, path, json, headers."""
        if "path" not in changed:
            changed["path"] = self.path(operation)
        if "json" not in changed:
            changed["json"] = self.body(operation)
        return self.tenant.call(operation.id, **changed)

    def wait(self) -> None:
        """Let more than a second pass, so that a time which should stay would be seen to change."""
        if self.tenant.clock is not None:
            self.tenant.clock.advance(_LONG_ENOUGH)
        else:
            time.sleep(_LONG_ENOUGH)

    def read(self, resource: str, identity: str, *, caller: str = "owner") -> Record:
        """A fresh read of one record."""
        operation = find_operation(self.tenant.vendor, "get", resource)
        if operation is None:
            raise NotJudged(f"no operation reads one record of {resource}")
        answer = self.call(operation, path=self.path(operation, identity), caller=caller)
        record: Record = succeed(self.tenant, operation, answer, f"{operation.id} of {identity}")
        if record.get(key_of(self.tenant.vendor, resource)) != identity:
            raise Broken(f"{operation.id} of {identity}: another record was answered: {short(record)}", answer)
        return record

    def lister(self, resource: str) -> Operation | None:
        return find_operation(self.tenant.vendor, "list", resource)

    def listing(self, resource: str, parent: str | None = None, *, caller: str = "owner") -> list[Record]:
        """The list of a resource, of one parent where it is listed by parent."""
        operation = self.lister(resource)
        if operation is None:
            raise NotJudged(f"no operation lists {resource}")
        path = self.path(operation, parent)
        answer = self.call(operation, path=path, caller=caller)
        items: list[Record] = succeed(self.tenant, operation, answer, f"{operation.id} {parent or ''}".strip())
        return items

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
        for identity in items_now.keys() - items.keys():
            raise Broken(f"{what}: the refused request made a record: {short(items_now[identity])}")
        # On a tenant others may be at work in the same list.
        for identity, item in items.items() if self.tenant.is_mock else ():
            if not same(item, items_now.get(identity)):
                raise Broken(f"{what}: the refused request turned {short(item)} into {short(items_now.get(identity))}")

    def _picture(self, operation: Operation) -> Picture:
        """Our own record, and the list in which it stands, by id."""
        resource = operation.table["resource"]
        record = self.read(resource, self.identity(resource, ours=True)) if addressed(operation) else Record()
        return record, self.listed(resource)

    def untrue(self, lister: Operation, record: Record, item: Record) -> dict[str, tuple[Any, Any]]:
        """Where an item differs from its record: field -> (in the record, in the item). A tenant may add fields."""
        if not self.tenant.is_mock:
            told = item_fields(self.tenant.vendor, lister)
            item = Record({name: value for name, value in item.items() if name in told})
        return differences(record, item)

    def listed(self, resource: str) -> dict[str, Record]:
        """Id -> item of the list in which a new record stands; empty where nothing lists it."""
        if self.lister(resource) is None:
            return {}
        key = key_of(self.tenant.vendor, resource)
        return {str(item.get(key)): item for item in self.listing(resource, self.parent(resource))}


def other_values(bench: Bench, operation: Operation, name: str) -> list[Any]:
    """Values for a field of a body that the operation accepts, by the samples, the references and the schema."""
    if name in references(operation):
        return list(bench.known(references(operation)[name]))
    sample: Mapping[str, Any] = bench.tenant.vendor.behaviour["samples"][operation.table["resource"]]
    if name in sample.get("changes", {}):
        return list(sample["changes"][name])
    return list(properties(bench.tenant.vendor, operation).get(name, {}).get("enum", []))
