"""State that a test arranges: records made as the vendor makes them, or put into the world as they are.

Neither is in the journal or takes from a quota: it is not the client under test that did it.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import orjson

from mockserver import spec
from mockserver.engine.messages import Request
from mockserver.engine.stage import Stage
from mockserver.engine.store import Record
from mockserver.engine.verbs import Resource
from mockserver.engine.world import World
from mockserver.testing.lookup import NotArranged, kind_of, unknown
from mockserver.vendor import Operation

Fields = Mapping[str, Any]


class Arranger:
    """Arranges the records of one world. Only the loop that plays the mock may call it."""

    def __init__(self, stage: Stage, world: World) -> None:
        self._stage = stage
        self._vendor = stage.vendor
        self._world = world
        self._count = 0
        self._tables: Mapping[str, Mapping[str, Any]] = self._vendor.behaviour["resources"]
        self._samples: Mapping[str, Mapping[str, Any]] = self._vendor.behaviour.get("samples", {})

    def kind(self, name: str) -> str:
        return kind_of(name, self._tables)

    # By the vendor's own operation

    def sample(self, name: str, fields: Fields) -> tuple[Operation, dict[str, str], dict[str, Any]]:
        """The operation that makes such a record, the parameters of its path, and a body that it takes."""
        kind = kind_of(name, self._tables)
        if kind not in self._samples:
            made = ", ".join(self._samples) or "nothing"
            raise NotArranged(
                f"No sample tells how {self._vendor.title}'s API makes {kind}; it tells it of {made}. "
                f"`insert({name!r}, …)` puts one into the world without the API."
            )
        sample = self._samples[kind]
        operation = self._vendor.operations[sample["create"]]
        body: dict[str, Any] = _filled(sample.get("body", {}), self._vendor.known)
        self._count += 1
        if "mark" in sample:
            body[sample["mark"]] = f"Sample {self._count}"
        path = self._parents(operation)
        accepts = operation.table.get("accepts", {})
        sent_as = {record: sent for sent, record in accepts.items()}
        names = [*path, *self._properties(operation), *accepts]
        for field, value in fields.items():
            name = field if field in names else sent_as.get(field, field)
            if names and name not in names:
                raise unknown(f"field of {operation.id}", field, dict.fromkeys(names))
            if name in path:
                path[name] = str(value)
            else:
                body[name] = value
        return operation, path, body

    def create(self, name: str, fields: Fields, headers: Mapping[str, str]) -> Any:
        """A new record as the vendor's API answers it. Raises NotArranged where it refuses."""
        operation, path, body = self.sample(name, fields)
        sent = {wrapper: body} if (wrapper := operation.table.get("wrapper")) else body
        target = operation.path
        for parameter, value in path.items():
            target = target.replace("{" + parameter + "}", quote(value, safe=""))
        told = [(key.lower().encode(), value.encode("latin-1")) for key, value in headers.items()]
        told.append((b"content-type", b"application/json"))
        request = Request(operation.method, self._vendor.mount + target, b"", told, path, orjson.dumps(sent))
        world = self._world
        counted = world.counts
        world.counts = {quota: table.counts() for quota, table in world.ground.quotas.items()}
        try:
            response = self._stage.plans[operation.id].run(world, request)
        finally:
            world.counts = counted
        if not 200 <= response.status < 300:
            raise NotArranged(f"{operation.id} refused {sent} with {response.status}: {response.body.decode()}")
        found = orjson.loads(response.body)
        for key in spec.place_of_record(operation.table.get("envelope")):
            found = found[key] if key else next(iter(found.values()))
        return found

    def _properties(self, operation: Operation) -> list[str]:
        """What the body may have, as far as the document names it."""
        body = spec.resolve(self._vendor.document, operation.document.get("requestBody", {}))
        schema = body.get("content", {}).get("application/json", {}).get("schema", {})
        schema = spec.resolve(self._vendor.document, schema)
        if wrapper := operation.table.get("wrapper"):
            schema = spec.resolve(self._vendor.document, schema.get("properties", {}).get(wrapper, {}))
        return list(schema.get("properties", ()))

    def _parents(self, operation: Operation) -> dict[str, str]:
        """The parameters of the path: known ids of the resource that they are of."""
        within = operation.table.get("within", {}).get("resource")
        known = [role for role, resource in self._vendor.behaviour["known"].items() if resource == within]
        names = [each["name"] for each in operation.parameters if each["in"] == "path"]
        return {name: self._vendor.known[known[0]] if known else "" for name in names}

    # Without it

    def insert(self, name: str, fields: Fields) -> Record:
        """A new record with these fields; in the others it is like the first that is there."""
        kind, world = self.kind(name), self._world
        table = self._tables[kind]
        mine = [one for one in self.records(kind) if one.get(table.get("account", "")) in (None, self._account)]
        if not mine:
            raise NotArranged(f"The world has no {kind} that a new one could be like.")
        resource = Resource(kind, table["key"], rank=table.get("rank"))
        record = {**mine[0], resource.key: world.new_id(kind)}
        for stamp in ("created", "updated"):
            if stamp in table:
                record[table[stamp]] = world.stamp()
        self._check(kind, fields, record)
        record |= fields
        if world.find(kind, record[resource.key]) is not None:
            raise NotArranged(f"The world has a {kind} {record[resource.key]!r}.")
        with world.transaction():
            if resource.rank is not None and resource.rank["field"] not in fields:
                resource.rank_at_end(world, record)
            world.insert(kind, record)
        return deepcopy(record)

    def change(self, name: str, key: Any, fields: Fields) -> Record:
        """The record with that key, these fields changed and no other."""
        kind, world = self.kind(name), self._world
        before = self.record(kind, key)
        self._check(kind, fields, before)
        after = {**before, **fields}
        with world.transaction():
            world.replace(kind, after)
        world.ranks.clear()
        world.cache.clear()
        return deepcopy(after)

    def remove(self, name: str, key: Any) -> None:
        """The record with that key goes; into the trash where there is one."""
        kind, world = self.kind(name), self._world
        record = self.record(kind, key)
        with world.transaction():
            world.trash(kind, record)
        world.cache.clear()

    def records(self, name: str) -> list[Record]:
        return deepcopy(self._world.select(self.kind(name), {}, []))

    def record(self, name: str, key: Any) -> Record:
        kind = self.kind(name)
        found = self._world.find(kind, key)
        if found is None:
            raise NotArranged(f"The world has no {kind} {key!r}.")
        return deepcopy(found)

    @property
    def _account(self) -> Any:
        return self._vendor.seed["default_account"]

    def _check(self, kind: str, fields: Fields, record: Record) -> None:
        for field in fields:
            if field not in record:
                raise unknown(f"field of {kind}", field, record)


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    """A sample's value with the known ids for `$known.NAME`."""
    if isinstance(value, Mapping):
        return {name: _filled(below, known) for name, below in value.items()}
    if isinstance(value, list):
        return [_filled(below, known) for below in value]
    return known[value.removeprefix("$known.")] if isinstance(value, str) and value.startswith("$known.") else value
