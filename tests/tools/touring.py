"""A tour through a vendor's API, inside the engine: requests that show what most defects change, always the same."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import orjson

from mockserver.engine.defect import Place, bent
from mockserver.engine.messages import Request, Response
from mockserver.engine.stage import Stage
from mockserver.engine.world import World
from mockserver.planted.words import answer_of, records_of
from mockserver.vendor import Operation

Answers = list[tuple[Any, ...]]

LONG = "A long text. " * 19  # 247 characters


class Tour:
    """Asks in one world; `answers` are all that it was told: operation, status, headers, body."""

    def __init__(self, stage: Stage, world: World) -> None:
        self.stage = stage
        self.world = world
        self.vendor = stage.vendor
        self.answers: Answers = []
        self._headers: dict[float, Mapping[str, Mapping[str, str]]] = {}
        self._roles = {resource: role for role, resource in reversed(self.vendor.behaviour["known"].items())}
        self._samples: Mapping[str, Any] = self.vendor.behaviour.get("samples", {})

    def ask(
        self,
        operation: Operation,
        key: str | None = None,
        *,
        caller: str | None = "owner",
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request; `body` is sent as JSON, or as it is where it is bytes."""
        given = {} if caller is None else self.headers()[caller]
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        if content and "multipart" not in str((headers or {}).get("Content-Type")):
            given = {"Content-Type": "application/json", **given}
        given = {**given, **(headers or {})}
        names = [one["name"] for one in operation.parameters if one["in"] == "path"]
        parameters = {name: key or self.known(operation) for name in names}
        path = operation.path
        for name, value in parameters.items():
            path = path.replace("{" + name + "}", value)
        request = Request(
            operation.method,
            self.vendor.mount + path,
            query.encode(),
            [(name.lower().encode(), value.encode()) for name, value in given.items()],
            parameters,
            content,
        )
        place = Place(self.stage, self.world, operation)
        response = bent(place, request, partial(self.stage.plans[operation.id].run, self.world))
        self._note(operation.id, response)
        return response

    def stray(self, situation: str) -> None:
        """A request that reaches no operation."""
        request = Request("GET", f"{self.vendor.mount}/no-such-path", b"", [], {}, b"")
        refuse = partial(self.stage.refuse, self.world, situation=situation)
        self._note(situation, bent(Place(self.stage, self.world, None), request, refuse))

    def _note(self, what: str, response: Response) -> None:
        self.answers.append((what, response.status, sorted(response.headers), response.body))

    def headers(self) -> Mapping[str, Mapping[str, str]]:
        """Those that make you each caller, now."""
        now = self.world.clock.now()
        if now not in self._headers:
            self._headers = {now: self.vendor.headers_of_callers(now)}
        return self._headers[now]

    def known(self, operation: Operation) -> str:
        """The id of a seeded record that an operation is about."""
        requests = self.vendor.behaviour.get("requests", {}).get(operation.id, {})
        if "path" in requests:
            return str(self.filled(next(iter(requests["path"].values()))))
        resource = operation.table.get("within", operation.table).get("resource")
        if resource in self._roles:
            return self.vendor.known[self._roles[resource]]
        records = self.world.select(resource, {}, [])
        return str(records[0]["id"]) if records else "none"

    def filled(self, value: Any) -> Any:
        """A value of the model with the words for known ids filled in."""
        if isinstance(value, Mapping):
            return {key: self.filled(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.filled(part) for part in value]
        is_word = isinstance(value, str) and value.startswith("$known.")
        return self.vendor.known[value.removeprefix("$known.")] if is_word else value

    def bodies(self, operation: Operation) -> Iterator[Any]:
        """Bodies that an operation takes."""
        told = self.vendor.behaviour.get("requests", {}).get(operation.id, {})
        wrapper = operation.table.get("wrapper")
        found = [told["body"]] if "body" in told else list(told.get("bodies", ()))
        for sample in self._samples.values():
            if sample.get("create") == operation.id:
                found.append(sample["body"])
            if sample.get("update") == operation.id:
                found += [{name: value} for name, values in sample["changes"].items() for value in values]
        for body in map(self.filled, found):
            yield {wrapper: body} if wrapper else body

    def make(self, operation: Operation, number: int, **fields: Any) -> str | None:
        """A new record: its id, or None where none was made."""
        body = next(self.bodies(operation), None)
        if body is None:
            return None
        inner = body[operation.table["wrapper"]] if "wrapper" in operation.table else body
        sample = next((one for one in self._samples.values() if one.get("create") == operation.id), {})
        if "mark" in sample:
            inner[sample["mark"]] = f"{inner[sample['mark']]} {number}"
        inner |= fields
        response = self.ask(operation, body=body)
        records = records_of(operation, answer_of(response))
        return str(records[0]["id"]) if records and "id" in records[0] else None


def tour(stage: Stage, world: World) -> Answers:
    """All that a world answers on the tour, and what it tells its subscribers."""
    made = Tour(stage, world)
    for part in (_people, _records, _lists, _strangers, _mistakes, _quotas):
        part(made)
    if world.outbox is not None:
        made.answers += [(one.event, one.body, world.outbox.headers(one)) for one in world.outbox.all()]
    return made.answers


def _people(made: Tour) -> None:
    """Each operation by everybody."""
    vendor = made.vendor
    token = made.headers()["owner"]["Authorization"]
    heads = [
        {"Authorization": token[:-4] + "0000"},
        {"Authorization": f"Token {token.partition(' ')[2]}"},
        {"Authorization": "Bearer " + ".".join(["nobody"] * 3)},
    ]
    heads += [{name: ""} for name in vendor.behaviour.get("required_headers", ())]
    for operation in sorted(vendor.operations.values(), key=lambda one: one.method):
        for body in (*made.bodies(operation), None):
            for caller in vendor.callers:
                made.ask(operation, caller=caller, body=body)
            made.ask(operation, caller=None, body=body)
            for head in heads:
                made.ask(operation, body=body, headers=head)
            made.world.clock.move_to(made.world.clock.now() + 61)


def _records(made: Tour) -> None:
    """The life of a record of each resource that has samples; a second one is there for comparison."""
    operations = made.vendor.operations
    for sample in made.vendor.behaviour.get("samples", {}).values():
        keys = [made.make(operations[sample["create"]], number) for number in range(3)]
        for name in ("read", "update", "read", "delete", "read"):
            operation = operations.get(sample.get(name, ""))
            for body in made.bodies(operation) if name == "update" and operation else (None,):
                if operation is not None:
                    made.ask(operation, keys[0], body=body)
                    made.world.clock.move_to(made.world.clock.now() + 7)
        made.ask(operations[sample["create"]], body=next(made.bodies(operations[sample["create"]])))


def _lists(made: Tour) -> None:
    for operation in made.vendor.operations.values():
        table = operation.table
        if table.get("verb") not in ("list", "get"):
            continue
        queries = [""]
        style = table.get("paging", {}).get("style")
        if style == "offset":
            queries += ["limit=1", "limit=2&offset=1", "limit=2&offset=2", "limit=100", "offset=1"]
        elif style == "pages":
            queries += ["per_page=2", "per_page=2&page=2", "per_page=3&page=2", "per_page=200", "per_page=2&page=999"]
        names = table.get("include", {}).get("names", ())
        queries += [f"{table['include']['parameter']}={name}" for name in names]
        if "sort" in table:
            falling = ("{}:asc", "{}:desc") if table["sort"].get("direction") == ":" else ("{}", "-{}")
            queries += [
                f"{table['sort']['parameter']}={form.format(one)}"
                for one in table["sort"]["fields"]
                for form in falling
            ]
        for query in queries:
            made.ask(operation, query=query)
            made.world.clock.move_to(made.world.clock.now() + 3)
        for parent in made.vendor.seed["records"].get(table.get("within", {}).get("resource"), ()):
            made.ask(operation, str(parent["id"]))
        made.world.clock.move_to(made.world.clock.now() + 61)
        if style == "cursor":
            for query in ("page[size]=2", "page[size]=3&sort=-created_at"):
                _walk(made, operation, query)


def _walk(made: Tour, operation: Operation, query: str) -> None:
    """Four pages ahead and two back."""
    cursor = ""
    for word in ("next_cursor",) * 4 + ("prev_cursor",) * 2:
        answer = answer_of(made.ask(operation, query=query + cursor))
        told = answer["meta"].get(word) if isinstance(answer, dict) and isinstance(answer.get("meta"), dict) else None
        cursor = f"&page[cursor]={quote(told)}" if told else ""


def _strangers(made: Tour) -> None:
    """Records of other accounts, and records that there are not."""
    vendor = made.vendor
    for operation in vendor.operations.values():
        resource = operation.table.get("within", operation.table).get("resource")
        table = vendor.behaviour["resources"].get(resource, {})
        records = vendor.seed["records"].get(resource, ())
        account = str(vendor.seed["default_account"])
        others = [str(one["id"]) for one in records if str(one.get(table.get("account"))) not in (account, "None")]
        if "{" in operation.path:
            known = made.known(operation)
            for key in (*others[:1], known[:-4] + known[:-5:-1], known[:-3] + "999"):
                for body in (*made.bodies(operation), None):
                    made.ask(operation, key, body=body)
            made.world.clock.move_to(made.world.clock.now() + 61)
        for field, reference in operation.table.get("references", {}).items():
            place = vendor.behaviour["resources"][reference["resource"]].get("account")
            found = vendor.seed["records"].get(reference["resource"], ())
            for one in [each for each in found if str(each.get(place)) not in (account, "None")][:1]:
                if operation.table["verb"] == "create":
                    made.make(operation, 9, **{field: one["id"]})


def _mistakes(made: Tour) -> None:
    """Bodies that are none, texts that are long, and what reaches no operation."""
    for operation in made.vendor.operations.values():
        if "requestBody" not in operation.document:
            continue
        wrapper = operation.table.get("wrapper")
        for body in (b"{", {}, [], {wrapper: {}} if wrapper else {"id": 1}):
            made.ask(operation, body=body)
        made.world.clock.move_to(made.world.clock.now() + 61)
    for sample in made.vendor.behaviour.get("samples", {}).values():
        if "mark" in sample:
            made.make(made.vendor.operations[sample["create"]], 5, **{sample["mark"]: LONG})
    made.stray("path_unknown")
    made.stray("method_unknown")


def _quotas(made: Tour) -> None:
    """One operation until its quota is used up, and then a little later."""
    world = made.world
    reads = [one for one in made.vendor.operations.values() if one.method == "GET" and one.is_protected]
    for name, table in made.vendor.behaviour["quotas"].items():
        if table["window"] == "month":
            state = world.counts[name].state()
            limits = {key: account[table["limit"]] for key, account in made.stage.accounts.items()}
            used = {key: limit - 3 for key, limit in limits.items()}
            world.counts[name] = world.ground.quotas[name].counts({**state, "used": used})
            for pause in (1, 1, 1, 1, 1, 40 * 86400, 1, 1):
                made.ask(reads[0])
                world.clock.move_to(world.clock.now() + pause)
        elif table.get("headers"):
            world.clock.move_to(world.clock.now() // 60 * 60 + 120 + 40)
            for pause in [0.5] * 35 + [10] * 3:
                made.ask(reads[0])
                world.clock.move_to(world.clock.now() + pause)
