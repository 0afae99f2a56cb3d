"""What laws and rule functions see of a target: send a request, make a record of their own, read it, remove it.

Nothing is judged here, except that an answer which should be JSON, or hold a record, is Broken when it is not.
"""

import json as jsonlib
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from contracts.control import Clock
from contracts.findings import Broken, Exchange, Headers, NotJudged, needs_caller, shorten
from contracts.model import fill
from contracts.wire import Outgoing

if TYPE_CHECKING:
    from contracts.target import Target
    from mockserver.vendor import Vendor

ABSENT: Any = object()
File: TypeAlias = tuple[str, str | None, bytes | str]  # file name, media type if one is told, content
Prepared = TypeVar("Prepared")
MARK = "proofboard"
_BOUNDARY = "proofboard-7d1f0c2b9a"
_PATH_CHARACTERS = "/?%:@!$&'()*+,;=-._~#[]"


class SampleFailed(NotJudged):
    """The record that a rule works on could not be made; the answer says why."""

    def __init__(self, why: str, answer: "Answer") -> None:
        super().__init__(why)
        self.answer = answer


class Answer:
    """The response to one request of a law or a rule."""

    def __init__(self, exchange: Exchange, tenant: "Tenant") -> None:
        self.exchange = exchange
        self._tenant = tenant

    @property
    def vendor(self) -> "Vendor":
        return self._tenant.vendor

    @property
    def status(self) -> int:
        return self.exchange.status

    @property
    def headers(self) -> Headers:
        return self.exchange.headers

    @property
    def body(self) -> bytes:
        return self.exchange.body

    def json(self) -> Any:
        """The parsed body; Broken when it is not JSON."""
        try:
            found = self.exchange.json()
        except ValueError:
            text = shorten(self.body.decode(errors="backslashreplace"), 80)
            raise Broken(f"{_name(self.exchange)}: expected a JSON body, got {text!r}", self) from None
        empty = frozenset() if self._tenant.is_mock else self._tenant.target.model.empty
        return _without_empty(found, empty) if empty else found

    def error_code(self) -> Any:
        """The vendor's code of a refusal, from where its envelope has it; None when it is not there."""
        return self.error("code")

    def error(self, name: str) -> Any:
        """The value at a placeholder of the error envelope, such as `details`; None when it is not there."""
        return self._tenant.target.model.refusals.find(self.json(), name)

    def named_fields(self) -> set[str] | None:
        """The fields that a refusal names; None where it names none."""
        return self._tenant.target.model.refusals.fields(self.status, self.json())

    def __repr__(self) -> str:
        return f"<{_name(self.exchange)}: {self.status}>"


class Tenant:
    """One target as one law sees it: its callers, its known records, a world of its own where there are worlds."""

    def __init__(self, target: "Target", *, world: str | None, chance: random.Random) -> None:
        self.target = target
        self.is_patient = True  # lets a short window of calls pass before it is used up
        self.turns: Counter[str] = Counter()  # how often each operation has succeeded through a bench
        self.world = world
        self.chance = chance
        self.clock: Clock | None = target.control.clock(world) if target.control and world else None
        self._worlds = 0

    @property
    def vendor(self) -> "Vendor":
        return self.target.vendor

    @property
    def known(self) -> Mapping[str, str]:
        return self.target.known

    @property
    def callers(self) -> Mapping[str, Mapping[str, str]]:
        """The headers that make you each caller, good in this world at this moment."""
        return self.target.callers_of(self.world)

    @property
    def seed(self) -> int:
        return self.target.seed

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What the run has seen so far of this target, in any world: some exchanges of each operation and status."""
        return self.target.guard.exchanges

    @property
    def is_mock(self) -> bool:
        return self.target.is_mock

    def headers(self, caller: str) -> dict[str, str]:
        """The headers that make you a caller; NotJudged when the target has none by this name."""
        if caller not in self.callers:
            raise needs_caller(caller)
        return dict(self.callers[caller])

    def needs_clock(self) -> Clock:
        """The clock of this world; NotJudged where there is none to set."""
        if self.clock is None:
            raise NotJudged("needs a clock that can be set")
        return self.clock

    def send(
        self,
        method: str,
        path: str,
        *,
        caller: str | None = "owner",
        json: Any = ABSENT,
        form: Mapping[str, Any] | Sequence[tuple[str, str]] | None = None,
        files: Mapping[str, File] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
        query: Mapping[str, Any] | Sequence[tuple[str, str]] | None = None,
    ) -> Answer:
        """Send a request to a path below the base URL. A header of None leaves that header out.

        The body is `json`, or a `form` in a URL's encoding, or `files` (and the fields of `form`) as multipart.
        """
        fields: dict[str, str] = {"Accept": "application/json"}
        fields |= self.headers(caller) if caller is not None else {}
        if json is not ABSENT:
            content = jsonlib.dumps(json).encode()
            fields["Content-Type"] = "application/json"
        elif files is not None:
            content = multipart(files, form or {})
            fields["Content-Type"] = f"multipart/form-data; boundary={_BOUNDARY}"
        elif form is not None:
            content = urlencode(form, doseq=True).encode()
            fields["Content-Type"] = "application/x-www-form-urlencoded"
        for name, value in (headers or {}).items():
            fields = {known: kept for known, kept in fields.items() if known.lower() != name.lower()}
            if value is not None:
                fields[name] = value
        target = quote(path, safe=_PATH_CHARACTERS)
        if query:
            target += ("&" if "?" in target else "?") + urlencode(query, doseq=True)
        outgoing = Outgoing(method.upper(), target, list(fields.items()), content)
        exchange = self.target.guard.send(outgoing, caller=caller, world=self.world)
        if self.is_patient:
            self.target.be_patient(exchange, self.clock)
        return Answer(exchange, self)

    def call(
        self,
        operation_id: str,
        *,
        path: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Answer:
        """Send one of the vendor's operations; the options are those of `send`."""
        operation = self.vendor.operations[operation_id]
        return self.send(operation.method, fill(operation.path, path or {}), **options)

    def wrapped(self, operation_id: str, fields: Any) -> Any:
        """The fields of a body under the key that the operation wants them under."""
        return self.target.model.wrapped(operation_id, fields)

    def sample_body(self, resource: str) -> dict[str, Any]:
        """The fields of a sample record, with the run's mark, and unlike those of all others where they have to be."""
        model = self.target.model
        sample = model.sample(resource)
        body = model.sample_body(resource, self.known)
        if mark := sample.get("mark"):
            body[mark] = f"{body[mark]} [{self.target.mark}]"
        return {name: self.unlike(resource, name, value) for name, value in body.items()}

    def unlike(self, resource: str, name: str, value: Any) -> Any:
        """The value of a field, another one each time where records may not share it; on a tenant with the mark."""
        if not isinstance(value, str):
            return value
        if name == self.target.model.hint(resource, "mark") and not self.is_mock and self.target.mark not in value:
            value = f"{value} [{self.target.mark}]"
        if name not in self.target.model.hint(resource, "unique"):
            return value
        mark = f" [{self.target.mark}]"
        bare = value.removesuffix(mark)  # the mark stays at the end, by which it is known
        return f"{bare} {self.chance.randrange(10**6, 10**7)}{value[len(bare) :]}"

    def create(self, resource: str, **overrides: Any) -> dict[str, Any]:
        """Make a sample record and answer it as the target told it; NotJudged when none can be made."""
        model = self.target.model
        sample = model.sample(resource)
        body = self.sample_body(resource) | overrides
        body = {name: value for name, value in body.items() if value is not ABSENT}
        wrapped = self.wrapped(sample["create"], body)
        answer = self.call(sample["create"], path=self._parents(sample["create"]), json=wrapped)
        if not 200 <= answer.status < 300:
            raise SampleFailed(f"{sample['create']} refused the sample record with {answer.status}", answer)
        return self._record(sample["create"], answer)

    def read(self, resource: str, id: str) -> dict[str, Any]:
        """A record that exists; Broken when it cannot be read."""
        operation = self.target.model.sample(resource)["read"]
        answer = self.call(operation, path=self._path(operation, id))
        if not 200 <= answer.status < 300:
            got = f"{answer.status} {shorten(answer.body.decode(errors='replace'))}"
            raise Broken(f"{operation}: expected the record {id}, got {got}", answer)
        return self._record(operation, answer)

    def remove(self, resource: str, id: str) -> Answer:
        """Send the operation that deletes a record; NotJudged when there is none."""
        operation = self.target.model.deletes(resource)
        return self.call(operation, path=self._path(operation, id))

    def fresh_world(self) -> "Tenant":
        """The same target in a world of its own, as after a reset; NotJudged on a tenant, which has but one."""
        if self.world is None:
            raise NotJudged("needs a world of its own")
        self._worlds += 1
        return self.target.tenant(f"{self.world}-{self._worlds}")

    def prepared(self, name: str, prepare: Callable[["Tenant"], Prepared]) -> Prepared:
        """What `prepare` makes of a fresh world, made once in a run: for states that take thousands of requests."""
        if name not in self.target.prepared:
            self.target.prepared[name] = prepare(self.fresh_world())
        made: Prepared = self.target.prepared[name]
        return made

    def unknown_id(self, resource: str) -> str:
        """A well-formed id that names nothing."""
        model = self.target.model
        like = next(iter(model.known_of(resource, self.known)), None)
        identity = model.unknown_id(resource, self.chance, like)
        self.target.guard.void.add(model.name(resource, identity))
        return identity

    def _path(self, operation_id: str, id: str) -> dict[str, str]:
        path = self._parents(operation_id)
        names = [p["name"] for p in self.vendor.operations[operation_id].parameters if p["in"] == "path"]
        return {**path, names[-1]: id} if names else path

    def _parents(self, operation_id: str) -> dict[str, str]:
        """Path parameters that name a parent, filled with known ids."""
        model = self.target.model
        filled: dict[str, str] = {}
        for name, resource in model.owners(self.vendor.operations[operation_id]).items():
            known = model.known_of(resource, self.known)
            if known:
                filled[name] = known[0]
        return filled

    def _record(self, operation_id: str, answer: Answer) -> dict[str, Any]:
        try:
            record = self.target.model.record(operation_id, answer.json())
        except LookupError as error:
            raise Broken(f"{operation_id}: expected a record, got {error.args[0]}", answer) from None
        if not isinstance(record, dict):
            raise Broken(f"{operation_id}: expected a record, got {shorten(record)}", answer)
        return record


def _without_empty(node: Any, names: Collection[str]) -> Any:
    """Null for the empty texts of these fields, wherever they stand."""
    if isinstance(node, list):
        return [_without_empty(each, names) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: None if key in names and value == "" else _without_empty(value, names) for key, value in node.items()}


def multipart(files: Mapping[str, File], fields: Mapping[str, Any] | Sequence[tuple[str, str]]) -> bytes:
    """A body of the type multipart/form-data."""
    parts: list[tuple[str, list[str], bytes]] = [
        (f'name="{name}"', [], str(value).encode())
        for name, value in (fields.items() if isinstance(fields, Mapping) else fields)
    ]
    for name, (file_name, kind, content) in files.items():
        held = content.encode() if isinstance(content, str) else content
        told = [] if kind is None else [f"Content-Type: {kind}"]
        parts.append((f'name="{name}"; filename="{file_name}"', told, held))
    lines: list[bytes] = []
    for disposition, headers, held in parts:
        head = [f"--{_BOUNDARY}", f"Content-Disposition: form-data; {disposition}", *headers, ""]
        lines += [*(line.encode() for line in head), held]
    return b"\r\n".join([*lines, f"--{_BOUNDARY}--".encode(), b""])


def _name(exchange: Exchange) -> str:
    return exchange.operation or f"{exchange.method} {exchange.path}"
