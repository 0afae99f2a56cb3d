"""Stage: a vendor's model compiled for play. Everything that is fixed about it is made here, once, at start."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import orjson

from mockserver import spec
from mockserver.engine import steps
from mockserver.engine.bodies import BodyReader, media_type
from mockserver.engine.call import Call, Outcome
from mockserver.engine.collection import Collection
from mockserver.engine.credentials import credentials, reader
from mockserver.engine.errors import Catalogue, Refusal
from mockserver.engine.examples import Examples, Preferences, collect
from mockserver.engine.messages import Headers, Request, Response
from mockserver.engine.plan import Desk, Plan
from mockserver.engine.quotas import Quota
from mockserver.engine.seeding import seed_layer
from mockserver.engine.statements import Shape
from mockserver.engine.store import Store
from mockserver.engine.verbs import VERBS, Resource, Task, Verb
from mockserver.engine.world import Ground, World, Worlds
from mockserver.vendor import Operation, Vendor

DAY = 86400.0


class Stage:
    """One vendor, ready to be played: its plans and its worlds."""

    def __init__(
        self, vendor: Vendor, store: Store, *, seed: int, records: int | None, limits: bool, frozen_at: float | None
    ) -> None:
        self.vendor = vendor
        self._limits = limits
        self._table = vendor.behaviour
        self._tables: Mapping[str, Mapping[str, Any]] = self._table["resources"]
        self._validators = spec.Validators(vendor.document)
        accounts_of = self._table["credentials"]["account"]
        self.accounts = {record["id"]: record for record in vendor.seed["records"][accounts_of]}
        collections = {
            name: Collection(store, vendor.name, _shape(name, table)) for name, table in self._tables.items()
        }
        layer, seeded = seed_layer(store, vendor, collections, seed=seed, records=records)
        quotas = {name: Quota(table, self.accounts, counting=limits) for name, table in self._table["quotas"].items()}
        ground = Ground(vendor.name, store, collections, quotas, seed, layer, seeded, frozen_at)
        self.worlds = Worlds(ground)
        self.desk = Desk(
            Catalogue(self._table["errors"]["envelope"], self._table["errors"]["catalogue"], self._table["refusals"]),
            vendor.seed["default_account"],
        )
        self._resources = self._compile_resources()
        self._addressed = {
            name: steps.Addressed(name, table) for name, table in self._tables.items() if "missing" in table
        }
        self._check_credentials = self._compile_credentials()
        self.plans = {operation.id: self._plan(operation) for operation in vendor.operations.values()}

    def refuse(self, world: World, request: Request, situation: str, extra: Headers | None = None) -> Response:
        """The answer to a request that reaches no operation, or that went wrong before one could answer."""
        return self.desk.refuse(Call(world, request, self.desk.default_account), Refusal(situation), extra)

    # Compiling

    def _compile_resources(self) -> dict[str, Resource]:
        code = _code(self.vendor.name)
        return {
            name: Resource(
                name,
                table["key"],
                id_form=table.get("id_form"),
                account=table.get("account"),
                rank=table.get("rank"),
                created=table.get("created"),
                updated=table.get("updated"),
                derive=getattr(code, f"derive_{name}", None),
                change=getattr(code, f"change_{name}", None),
            )
            for name, table in self._tables.items()
        }

    def _compile_credentials(self) -> steps.Step:
        table = self._table["credentials"]
        scheme = self.vendor.document["components"]["securitySchemes"][table["scheme"]]
        known = credentials(self.vendor.callers.values(), table.get("includes", {}))
        return steps.credentials(known, reader(scheme), table["lifetime_days"] * DAY)

    def _plan(self, operation: Operation) -> Plan:
        made = (getattr(self, f"_{name}_step")(operation) for name in self._table["order"])
        return Plan(
            operation.id,
            self.desk,
            [step for step in made if step is not steps.no_step],
            self._verb(operation),
            self._examples(operation),
            reads_body="requestBody" in operation.document,
        )

    def _verb(self, operation: Operation) -> Verb:
        table = operation.table
        if table["verb"] == "example":
            return self._shaped(operation)
        status = table.get("status", 200)
        task = Task(
            self._resources[table["resource"]],
            status,
            envelope=table.get("envelope"),
            view=self._view(operation, status),
            accepts=table.get("accepts", {}),
            defaults=table.get("defaults", {}),
            within=table.get("within", {}).get("field"),
            order=table.get("order", ()),
            answer=table.get("answer"),
        )
        return VERBS[table["verb"]](task)

    def _shaped(self, operation: Operation) -> Verb:
        """For an operation without behaviour: the document's first example of a success, once the checks are passed."""
        examples = self._examples(operation)

        def run(call: Call) -> Outcome:
            example = examples().choose(Preferences())
            return Outcome(example.status, orjson.loads(example.body) if example.body else None)

        return run

    def _examples(self, operation: Operation) -> Callable[[], Examples]:
        return cache(partial(collect, operation.document["responses"], partial(spec.resolve, self.vendor.document)))

    def _view(self, operation: Operation, status: int) -> list[str]:
        """The keys of a record in this operation's answers: those that the document's response schema names."""
        envelope = operation.table.get("envelope")
        find = partial(spec.resolve, self.vendor.document)
        response = find(operation.document["responses"][str(status)])
        if "answer" in operation.table or "content" not in response:
            return []
        schema = find(response["content"]["application/json"]["schema"])
        if envelope is not None:
            schema = find(schema["properties"][envelope])
        return list(find(schema.get("items", schema)).get("properties", ()))

    # One method per name that `order` may hold; each makes the step of one operation.

    def _credentials_step(self, operation: Operation) -> steps.Step:
        return self._check_credentials if operation.security else steps.no_step

    def _quotas_step(self, operation: Operation) -> steps.Step:
        return steps.quotas(list(self._table["quotas"])) if operation.security else steps.no_step

    def _scopes_step(self, operation: Operation) -> steps.Step:
        rule = operation.table.get("rules", {}).get("scope_missing")
        return steps.scopes(operation.scopes, rule) if operation.scopes else steps.no_step

    def _parameters_step(self, operation: Operation) -> steps.Step:
        checks = [
            (
                parameter["name"],
                self._validators.compile(*self._keys_of_parameter(operation, parameter["name"])),
                spec.resolve(self.vendor.document, parameter.get("schema", {})).get("type") == "integer",
            )
            for parameter in operation.parameters
            if parameter["in"] == "path"
        ]
        return steps.parameters(checks) if checks else steps.no_step

    def _existence_step(self, operation: Operation) -> steps.Step:
        path = [parameter["name"] for parameter in operation.parameters if parameter["in"] == "path"]
        within = operation.table.get("within")
        resource = within["resource"] if within else operation.table.get("resource")
        if not path or resource is None:
            return steps.no_step
        return steps.existence(self._addressed[resource], path[-1], is_parent=within is not None)

    def _body_step(self, operation: Operation) -> steps.Step:
        if "requestBody" not in operation.document:
            return steps.no_step
        at = ("paths", operation.path, operation.method.lower(), "requestBody")
        content = spec.resolve(self.vendor.document, operation.document["requestBody"])["content"]
        keys = spec.locate(self.vendor.document, *at, "content", "application/json", "schema")
        schema = spec.resolve(self.vendor.document, content["application/json"]["schema"])
        integers = {name for name, one in schema.get("properties", {}).items() if one.get("type") == "integer"}
        rules = operation.table.get("rules", {}).get("body_invalid", {})
        kinds = frozenset(kind for kind in map(media_type, content) if kind)
        validator = self._validators.compile(*keys, unseen="readOnly")  # the keys may have left `requestBody` by a $ref
        return steps.body(BodyReader(validator, kinds, rules, frozenset(integers)))

    def _references_step(self, operation: Operation) -> steps.Step:
        named = [
            (field, self._addressed[entry["resource"]], entry.get("rule"))
            for field, entry in operation.table.get("references", {}).items()
        ]
        return steps.references(named) if named else steps.no_step

    def _capacities_step(self, operation: Operation) -> steps.Step:
        name = operation.table.get("capacity")
        if name is None or not self._limits:
            return steps.no_step
        table = self._table["capacities"][name]
        limits = {key: account[table["limit"]] for key, account in self.accounts.items()}
        resource = table["resource"]
        return steps.capacities(resource, self._tables[resource]["account"], limits, table["refusal"])

    def _keys_of_parameter(self, operation: Operation, name: str) -> tuple[str, ...]:
        item = ("paths", operation.path)
        for at in ((*item, operation.method.lower(), "parameters"), (*item, "parameters")):
            declared = spec.find(self.vendor.document, *at) or []
            for number in range(len(declared)):
                keys = spec.locate(self.vendor.document, *at, str(number))
                if spec.find(self.vendor.document, *keys)["name"] == name:
                    return (*keys, "schema")
        raise LookupError(f"{operation.id} has no parameter {name}")


def _shape(name: str, table: Mapping[str, Any]) -> Shape:
    return Shape(name, table["key"], table.get("indexes", ()), table.get("tallies", ()))


def _code(vendor: str) -> ModuleType | None:
    """The vendor's own functions, where a table cannot say it all."""
    name = f"mockserver.vendors.{vendor}"
    return import_module(name) if find_spec(name) else None
