"""Stage: a vendor's model compiled for play. Everything that is fixed about it is made here, once, at start."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any

import orjson

from mockserver import spec
from mockserver.engine import steps
from mockserver.engine.bodies import MAX_BODY, BodyForm, BodyReader, is_unreadable, media_type
from mockserver.engine.call import NO_BODY, Call, Outcome
from mockserver.engine.chance import wall_clock
from mockserver.engine.collection import Collection
from mockserver.engine.credentials import Credential, credentials, reader
from mockserver.engine.defect import Planting
from mockserver.engine.envelopes import envelope
from mockserver.engine.errors import Catalogue, Refusal
from mockserver.engine.examples import Examples, Preferences, collect
from mockserver.engine.listing import Filter, Include, Listing, Sort
from mockserver.engine.messages import Request, Response
from mockserver.engine.own import Own
from mockserver.engine.paging import paging
from mockserver.engine.plan import Desk, Plan, style
from mockserver.engine.quotas import quota
from mockserver.engine.seeding import Sown, seed_layer
from mockserver.engine.statements import Shape
from mockserver.engine.store import Record, Store
from mockserver.engine.subscriptions import compiled, making_secrets
from mockserver.engine.verbs import VERBS, Lifecycle, Resource, Task, Verb, cached
from mockserver.engine.world import Ground, World, Worlds
from mockserver.vendor import Operation, Vendor

DAY = 86400.0


class Stage:
    """One vendor, ready to be played: its plans and its worlds."""

    def __init__(
        self,
        vendor: Vendor,
        store: Store,
        *,
        seed: int,
        records: int | None,
        limits: bool,
        frozen_at: float | None,
        switches: Mapping[str, str] | None = None,
        planting: Planting | None = None,
    ) -> None:
        self.vendor = vendor
        self._planting = planting
        self._limits = limits
        self._table = vendor.behaviour
        self._tables: Mapping[str, Mapping[str, Any]] = self._table["resources"]
        self._own = Own(vendor.name)
        self._validators = spec.Validators(vendor.document)
        accounts = vendor.seed["records"][self._table["credentials"]["account"]]
        self.accounts = {record["id"]: record for record in accounts}
        self.worlds = Worlds(self._ground(store, seed, records, frozen_at, switches or {}))
        self.desk = Desk(
            Catalogue(self._table["errors"]["envelope"], self._table["errors"]["catalogue"], self._table["refusals"]),
            vendor.seed["default_account"],
            style(self._table.get("responses", {})),
            self._own.find("refusal_words"),
        )
        self._listing = cache(self._make_listing)
        self._resources = {name: self._resource(name, table) for name, table in self._tables.items()}
        self._addressed = {
            name: steps.Addressed(name, table, self._own.find(f"find_{name}"))
            for name, table in self._tables.items()
            if "missing" in table
        }
        self._check_credentials = self._compile_credentials()
        self._readers: dict[str, Task] = {}  # by resource: how one record is shown
        self.plans = {operation.id: self._plan(operation) for operation in vendor.operations.values()}
        self.checks_syntax_first = self._table["order"][0] == "syntax"

    def refuse(self, world: World, request: Request, situation: str) -> Response:
        """The answer to a request that reaches no operation, or that went wrong before one could answer."""
        if self.checks_syntax_first and is_unreadable(request.header(b"content-type"), request.body):
            situation = "syntax_wrong"
        return self.desk.refuse(Call(world, request, self.desk.default_account), Refusal(situation))

    def identify(self, world: World, request: Request) -> Credential | None:
        """Who sends a request; None where no good credential is with it."""
        call = Call(world, request, self.desk.default_account)
        with suppress(Refusal):
            self._check_credentials(call)
        return call.credential

    # Compiling

    def _ground(
        self, store: Store, seed: int, records: int | None, frozen_at: float | None, switches: Mapping[str, str]
    ) -> Ground:
        vendor = self.vendor
        collections = {
            name: Collection(store, vendor.name, _shape(name, table)) for name, table in self._tables.items()
        }
        now = frozen_at if frozen_at is not None else wall_clock()
        self.sown = Sown(seed, records, now)
        layer, seeded, highest = seed_layer(store, vendor, collections, seed=seed, records=records, now=now)
        return Ground(
            vendor.name,
            store,
            collections,
            {name: quota(table, self.accounts, counting=self._limits) for name, table in self._table["quotas"].items()},
            seed,
            layer,
            seeded,
            frozen_at,
            self._table.get("timestamps", "zulu"),
            {name: table["id_form"] for name, table in self._tables.items() if "id_form" in table},
            highest,
            {name: table["values"][0] for name, table in self._table.get("switches", {}).items()} | dict(switches),
            compiled(self._table["webhooks"], self._own.find("webhook_data") or self._tell)
            if "webhooks" in self._table
            else None,
            self._planting,
        )

    def _tell(self, call: Call, event: str, record: Record) -> tuple[Any, Any]:
        """What a payload says: the record as the operation that gets one shows it, and whom the caller acts as."""
        task = self._readers.get(self._table["webhooks"]["events"][event]["resource"])
        return (task.show(record, call) if task is not None else record), call.user

    def _resource(self, name: str, table: Mapping[str, Any]) -> Resource:
        find = self._own.find
        return Resource(
            name,
            table["key"],
            account=table.get("account"),
            rank=table.get("rank"),
            created=table.get("created"),
            updated=table.get("updated"),
            derive=find(f"derive_{name}"),
            show=find(f"show_{name}"),
            change=find(f"change_{name}"),
            create=making_secrets(self._table.get("webhooks", {}), name, find(f"create_{name}")),
            update=find(f"update_{name}"),
            delete=find(f"delete_{name}"),
            follow=find(f"follow_{name}"),
            list=find(f"list_{name}"),
        )

    def _compile_credentials(self) -> steps.Step:
        table = self._table["credentials"]
        scheme = self.vendor.document["components"]["securitySchemes"][table["scheme"]]
        known = credentials(self.vendor.callers.values(), table.get("includes", {}))
        own = self._own.find("identify")
        if own is not None:
            return steps.identify(known, own)
        return steps.credentials(known, reader(scheme), table.get("lifetime_days", math.inf) * DAY)

    def _plan(self, operation: Operation) -> Plan:
        made = (getattr(self, f"_{name}_step")(operation) for name in self._table["order"])
        most = operation.table.get("most_bytes", MAX_BODY) if "requestBody" in operation.document else 0
        return Plan(
            operation.id,
            self.desk,
            [step for step in made if step is not steps.no_step],
            self._verb(operation),
            self._examples(operation),
            # Behind the part that may be large others may stand.
            most_body=most and most + MAX_BODY,
        )

    def _verb(self, operation: Operation) -> Verb:
        table = operation.table
        if table["verb"] == "example":
            return self._shaped(operation)
        status = table.get("status", 200)
        task = Task(
            self._resources[table["resource"]] if "resource" in table else Resource(""),
            status,
            envelope=envelope(table.get("envelope")),
            view=self._view(operation, status),
            accepts=table.get("accepts", {}),
            defaults=table.get("defaults", {}),
            listing=self._listing(operation.id) if table["verb"] == "list" else None,
            lifecycle=self._lifecycle(table["lifecycle"]) if "lifecycle" in table else None,
            target=table.get("target", ""),
            within=table.get("within", {}).get("field"),
            answer=table.get("answer", NO_BODY),
            emits=table.get("emits", ""),
            table=table,
        )
        if table["verb"] == "get":
            self._readers.setdefault(task.resource.name, task)
        if table["verb"] == "own":
            return partial(self._own.demand(f"do_{operation.id}"), task=task)
        verb = VERBS[table["verb"]](task)
        return cached(verb, table["cache"]["seconds"]) if "cache" in table else verb

    def _make_listing(self, operation_id: str) -> Listing:
        table = self.vendor.operations[operation_id].table
        resource = table["resource"]
        where = self._own.find(f"where_{operation_id}")
        asked = table.get("sort")
        return Listing(
            resource,
            table.get("order", ()),
            table.get("within", {}).get("field"),
            self._tables[resource].get("account"),
            Sort(asked["parameter"], asked["fields"], asked.get("unknown") != "ignore", asked.get("direction", "-"))
            if asked
            else None,
            [
                Filter(name, each.get("field", name), each.get("op", "eq"))
                for name, each in table.get("filters", {}).items()
            ],
            where(table) if where is not None else None,
            paging(table["paging"]) if "paging" in table else None,
            paging({**table["paging"], "errors": "correct"})
            if table.get("paging", {}).get("style") == "offset" and "paging_errors" in self._table.get("switches", {})
            else None,
        )

    def _lifecycle(self, name: str) -> Lifecycle:
        table = self._table["lifecycles"][name]
        states = list(table["states"])
        found = table["transitions"]
        transitions = {
            state: dict.fromkeys(states, "ok") if found == "any" else _conditions(found.get(state, {}))
            for state in states
        }
        conditions = {word for following in transitions.values() for word in following.values()}
        allow = {word: self._own.demand(f"allow_{word}") for word in conditions - {"ok"}}
        return Lifecycle(table["field"], transitions, {**allow, "ok": lambda call: True})

    def _shaped(self, operation: Operation) -> Verb:
        """For an operation without behaviour: the document's first example of a success, once the checks are passed."""
        examples = self._examples(operation)

        def run(call: Call) -> Outcome:
            example = examples().choose(Preferences())
            return Outcome(example.status, orjson.loads(example.body) if example.body else NO_BODY)

        return run

    def _examples(self, operation: Operation) -> Callable[[], Examples]:
        return cache(partial(collect, operation.document["responses"], partial(spec.resolve, self.vendor.document)))

    def _view(self, operation: Operation, status: int) -> list[str]:
        """The keys of a record in this operation's answers: those that the document's response schema names."""
        find = partial(spec.resolve, self.vendor.document)
        response = find(operation.document["responses"][str(status)])
        table = operation.table
        has_own = table["verb"] == "own" or self._own.find(f"show_{table['resource']}") is not None
        if has_own or "answer" in table or "content" not in response:
            return []
        schema = find(next(iter(response["content"].values()))["schema"])
        for key in spec.place_of_record(table.get("envelope")):
            schema = find(schema["properties"][key]) if key else find(schema["additionalProperties"])
        return list(find(schema.get("items", schema)).get("properties", ()))

    # One method per name that `order` may hold; each makes the step of one operation.

    def _syntax_step(self, operation: Operation) -> steps.Step:
        return steps.syntax if operation.method in ("POST", "PUT", "PATCH") else steps.no_step

    def _headers_step(self, operation: Operation) -> steps.Step:
        sent = {name for need in operation.security for scheme in need for name in self._headers_of_scheme(scheme)}
        declared = (each for each in operation.parameters if each["in"] == "header" and each.get("required"))
        sent |= {each["name"].lower() for each in declared}
        required = [name for name in self._table["required_headers"] if name.lower() in sent]
        return steps.headers(required, self._media_types(operation) or None)

    def _headers_of_scheme(self, name: str) -> list[str]:
        scheme = spec.resolve(self.vendor.document, self.vendor.document["components"]["securitySchemes"][name])
        if scheme["type"] == "apiKey":
            return [scheme["name"].lower()] if scheme["in"] == "header" else []
        return ["authorization"]

    def _credentials_step(self, operation: Operation) -> steps.Step:
        return self._check_credentials if operation.is_protected else steps.no_step

    def _quotas_step(self, operation: Operation) -> steps.Step:
        counted = [
            name for name, table in self._table["quotas"].items() if operation.id in table.get("calls", {operation.id})
        ]
        return steps.quotas(counted) if counted and operation.is_protected else steps.no_step

    def _scopes_step(self, operation: Operation) -> steps.Step:
        rule = operation.table.get("rules", {}).get("scope_missing")
        return steps.scopes(operation.scopes, rule) if operation.scopes else steps.no_step

    def _parameters_step(self, operation: Operation) -> steps.Step:
        paged = paging(operation.table["paging"]).parameters if "paging" in operation.table else frozenset()
        places = ("path", "query") if self._table.get("parameters", {}).get("query") == "reject" else ("path",)
        checks = [
            steps.Parameter(
                each["name"],
                self._validators.compile(*self._keys_of_parameter(operation, each["name"])),
                spec.resolve(self.vendor.document, each.get("schema", {})).get("type", "string"),
                each["in"] == "path",
            )
            for place in places
            for each in operation.parameters
            if each["in"] == place and not (place == "query" and each["name"] in paged)
        ]
        rules = operation.table.get("rules", {}).get("parameter_malformed", {})
        return steps.parameters(checks, self._own.find("explain"), rules) if checks else steps.no_step

    def _existence_step(self, operation: Operation) -> steps.Step:
        path = [parameter["name"] for parameter in operation.parameters if parameter["in"] == "path"]
        within = operation.table.get("within")
        resource = within["resource"] if within else operation.table.get("resource")
        if not path or resource is None:
            return steps.no_step
        return steps.existence(self._addressed[resource], path[-1], is_parent=within is not None)

    def _media_types(self, operation: Operation) -> frozenset[str]:
        content = spec.resolve(self.vendor.document, operation.document.get("requestBody", {})).get("content", {})
        return frozenset(kind for kind in map(media_type, content) if kind)

    def _body_step(self, operation: Operation) -> steps.Step:
        table = operation.table
        if "requestBody" not in operation.document or table.get("body") == "own":
            return steps.no_step
        body = spec.resolve(self.vendor.document, operation.document["requestBody"])
        kind = "application/json" if "application/json" in body["content"] else next(iter(body["content"]))
        at = ("paths", operation.path, operation.method.lower(), "requestBody", "content", kind, "schema")
        schema = spec.resolve(self.vendor.document, body["content"][kind]["schema"])
        wrapper = table.get("wrapper")
        if wrapper is not None:
            schema = spec.resolve(self.vendor.document, schema["properties"][wrapper])
        # The keys may have left `requestBody` by a $ref.
        validator = self._validators.compile(*spec.locate(self.vendor.document, *at), unseen="readOnly")
        form = BodyForm(
            operation.id,
            self._media_types(operation),
            table.get("rules", {}).get("body_invalid", {}),
            frozenset(name for name, one in schema.get("properties", {}).items() if one.get("type") == "integer"),
            wrapper,
            is_optional=not body.get("required", False) and bool(self._table.get("optional_bodies")),
            has_own_values=table.get("values") == "own",
            most=table.get("most_bytes", MAX_BODY),
            too_large="body_too_large" if "body_too_large" in self._table["refusals"] else "body_unreadable",
            prepare=self._own.find("prepare_body"),
            explain=self._own.find("explain"),
            blame=self._own.find("blame"),
            names=tuple(schema.get("properties", ())),
        )
        return steps.body(BodyReader(validator, form))

    def _references_step(self, operation: Operation) -> steps.Step:
        named = [
            steps.Reference(field, self._addressed[entry["resource"]], entry.get("error"), entry.get("rule"))
            for field, entry in operation.table.get("references", {}).items()
            if not entry.get("checked")
        ]
        return steps.references(named) if named else steps.no_step

    def _checks_step(self, operation: Operation) -> steps.Step:
        found = [self._own.demand(f"check_{name}") for name in operation.table.get("checks", ())]
        return steps.checks(found) if found else steps.no_step

    def _query_step(self, operation: Operation) -> steps.Step:
        table = operation.table
        listing = self._listing(operation.id) if table["verb"] == "list" else None
        asked = table.get("include")
        include = Include(asked["parameter"], asked["names"], asked.get("unknown") != "ignore") if asked else None
        if listing is not None and listing.is_plain:
            listing = None
        return steps.query(listing, include) if listing or include else steps.no_step

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
    return Shape(name, table["key"], table.get("indexes", ()), table.get("tallies", ()), table.get("columns", {}))


def _conditions(following: Any) -> dict[Any, str]:
    """State -> condition; a plain list of states has none."""
    return dict(following) if isinstance(following, Mapping) else dict.fromkeys(following, "ok")
