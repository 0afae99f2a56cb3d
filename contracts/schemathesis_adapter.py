"""Drive Schemathesis, and be the only file that knows its inside: its engine is private, so its version is pinned.

It never opens a connection: the app that it tests hands every request to the guard. It sees no secret either: it sends
placeholders instead of the caller's headers, and they are exchanged here. What it finds leaves as our own types.
"""

import json
import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

import schemathesis
from hypothesis import strategies
from hypothesis.errors import HypothesisWarning
from schemathesis.core.errors import NoLinksFound, NoProducers
from schemathesis.engine import StopReason, events
from schemathesis.engine.core import Engine
from schemathesis.engine.run import Phase, PhaseName

from contracts.findings import Exchange
from contracts.wire import Outgoing
from mockserver.spec import pointer

_CASE_HEADER = "x-schemathesis-testcaseid"
_PLACEHOLDER = "proofboard-owner"
_SCHEME = re.compile(r"^(Bearer|Basic|Token)\s+", re.IGNORECASE)
_WIRE_HEADERS = frozenset({"content-length", "content-encoding", "transfer-encoding"})
_OFTEN = 0.4  # how often a value worth trying takes the place of a generated one
_LONG = 4096  # characters
_NO_ANSWER = 451  # of a request that was withheld: a status that Schemathesis draws no conclusion from
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(frozen=True)
class Plan:
    """What Schemathesis shall do. Only a `disposable` target gets wrong credentials, odd methods and random deletes.

    `values` are texts and ids worth trying: operation -> field of its body -> values. `renew` tells the headers
    of the caller as they are now, where they change. `formats` are texts worth trying for a `format` of the document.
    """

    document: Mapping[str, Any]
    base_url: str
    base_path: str
    headers: Mapping[str, str]
    seed: int
    max_examples: int
    disposable: bool
    operations: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    renew: Callable[[], Mapping[str, str]] | None = None
    formats: Mapping[str, Callable[[random.Random], str]] = field(default_factory=dict)
    phases: tuple[str, ...] = PHASES


@dataclass(frozen=True)
class Failure:
    """One failed check, with the exchange as the guard saw it."""

    check: str
    code: str
    title: str
    message: str
    operation: str
    exchange: Exchange | None


@dataclass
class Outcome:
    """What came of a run. `stopped` is the trouble that ended it early, `errors` are operations it could not test."""

    failures: list[Failure] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cases: int = 0
    stopped: BaseException | None = None


class Withheld(Exception):
    """A request that shall not be sent; the run goes on without it."""


_NO_MATTER = (NoLinksFound, NoProducers)  # a few operations alone may have no links to follow


class Listener(Protocol):
    """Told before each phase, so that the world can be made fresh, and after each scenario."""

    def phase(self, name: str) -> None: ...

    def scenario(self, phase: str, label: str, cases: int) -> None: ...

    def is_enough(self, failures: Iterable[Failure]) -> bool:
        """Told what failed in each scenario; whether the run can end."""


class Send(Protocol):
    """The door: one request below the base URL, by a caller or by nobody we know."""

    def __call__(self, request: Outgoing, *, caller: str | None) -> Exchange: ...


class _Engine(Engine):
    """Sends no probes of its own: it would send them past the app that it tests, and follow redirects to anywhere."""

    def get_phase_config(self, phase_name: PhaseName, *, is_supported: bool, requires_transitions: bool) -> Phase:
        known = Engine.get_phase_config(
            self, phase_name, is_supported=is_supported, requires_transitions=requires_transitions
        )
        return Phase(phase_name, is_enabled=False) if phase_name == PhaseName.PROBING else known


def run(plan: Plan, send: Send, listener: Listener) -> Outcome:
    """Run the phases to their end, or until sending raises; what it raised is in `stopped`."""
    outcome = Outcome()
    door = _Door(plan, send)
    stream = _Engine(_load(plan, door)).execute()
    door.stop = stream.stop
    reason, is_enough = StopReason.COMPLETED, False
    for event in _quietly(stream):
        if isinstance(event, events.PhaseStarted) and event.phase.name.value.lower() in PHASES:
            listener.phase(event.phase.name.value.lower())
        elif isinstance(event, events.ScenarioFinished):
            outcome.cases += len(event.recorder.interactions.keys() - door.withheld)
            failures = list(_failures(event, door.exchanges, door.withheld))
            outcome.failures.extend(failures)
            door.forget(event.recorder.cases)
            listener.scenario(event.phase.value, event.label or "sequences", outcome.cases)
            if listener.is_enough(failures) and not is_enough:
                is_enough = True
                stream.stop()
        elif (
            isinstance(event, events.NonFatalError) and door.trouble is None and not isinstance(event.value, _NO_MATTER)
        ):
            outcome.errors.append(f"{event.label}: {_first_line(event.value)}")
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.Interrupted) and door.trouble is None and not is_enough:
            raise KeyboardInterrupt
        elif isinstance(event, events.EngineFinished):
            reason = event.stop_reason
    outcome.stopped = door.trouble
    if outcome.stopped is None and not is_enough and reason is not StopReason.COMPLETED:
        outcome.errors.append(f"Schemathesis stopped: {reason.value}")
    return outcome


def _quietly(stream: Iterable[Any]) -> Iterator[Any]:
    """The events; Hypothesis warns of how long a withheld case is to print, which nobody reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        yield from stream


def _load(plan: Plan, door: "_Door") -> Any:
    document = with_whole_requests(lightened(plan.document))
    for name, make in plan.formats.items():
        schemathesis.openapi.format(name, strategies.randoms(use_true_random=False).map(make))
    schema: Any = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_str(configuration(plan)))
    schema.app = door
    return schema


def lightened(node: Any) -> Any:
    """A copy of a document in which the pattern of each long text stands in a lookahead.

    Schemathesis writes the length of a text into any other pattern, and 65,535 characters make an expression of more
    than a hundred megabytes of it.
    """
    if isinstance(node, list):
        return [lightened(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    copied = {key: lightened(each) for key, each in node.items()}
    text, most = node.get("pattern"), node.get("maxLength")
    if isinstance(text, str) and isinstance(most, int) and most >= _LONG:
        copied["pattern"] = f"^(?={text[1:]})" if text.startswith("^") else f"(?=[\\s\\S]*?{text})"
    return copied


def with_whole_requests(document: dict[str, Any]) -> dict[str, Any]:
    """The document, its request bodies with all that they refer to in place.

    Of a schema with references Schemathesis compiles the bound fields anew for each body that it makes.
    """
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "requestBody" in operation:
                operation["requestBody"] = _inlined(document, operation["requestBody"], ())
    return document


def _inlined(document: Mapping[str, Any], node: Any, seen: tuple[str, ...]) -> Any:
    """The node with what it refers to; what refers to itself stays a reference."""
    if isinstance(node, list):
        return [_inlined(document, each, seen) for each in node]
    if not isinstance(node, Mapping):
        return node
    beside = {key: _inlined(document, each, seen) for key, each in node.items() if key != "$ref"}
    target = node.get("$ref")
    if not isinstance(target, str) or target in seen:
        return {**beside, **({"$ref": target} if target is not None else {})}
    found = _inlined(document, pointer(document, target), (*seen, target))
    return {**found, **beside} if isinstance(found, dict) else found


def configuration(plan: Plan) -> str:
    """The TOML that a run goes by. A tenant gets the careful half: see notes on what the defaults would do to it."""
    careful = not plan.disposable
    lines = [
        f"base-url = {json.dumps(plan.base_url)}",
        f"seed = {plan.seed}",
        "workers = 1",
        "continue-on-failure = true",  # a failure may be excused, and what follows it may not
        "max-redirects = 0",
        "request-timeout = 120.0",
        "[headers]",
        *(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in placeholders(plan.headers).items()),
        "[auth]",
        "auto-signup = false",
        "[cache]",
        "enabled = false",
        "[generation]",
        f"max-examples = {plan.max_examples}",
        'database = "none"',
        "no-shrink = true",  # of the cases that fail alike the first is told, so a smaller last one would be lost
    ]
    if careful:
        lines += ["with-security-parameters = false", "allow-x00 = false", 'codec = "ascii"']
        lines += ["[checks]", "ignored_auth.enabled = false"]
    lines += _phases(plan, careful)
    lines += _dictionaries(plan)
    if plan.operations:  # the inverted form: beside other blocks an include does not narrow
        lines += ["[[operations]]", f"exclude-operation-id = {json.dumps(list(plan.operations))}", "enabled = false"]
    return "\n".join(lines) + "\n"


def _phases(plan: Plan, careful: bool) -> Iterator[str]:
    """Which phases there are; on a tenant there are no random sequences, and no methods that no operation has."""
    for phase in PHASES:
        lines = ["unexpected-methods = []"] if careful and phase == "coverage" else []
        if phase not in plan.phases or (careful and phase == "stateful"):
            lines.append("enabled = false")
        if lines:
            yield from (f"[phases.{phase}]", *lines)


def _dictionaries(plan: Plan) -> Iterator[str]:
    """Values to try, bound to the fields they are for; which of them are valid Schemathesis finds out itself."""
    bindings: list[str] = []
    for operation, fields in plan.values.items():
        bindings += ["[[operations]]", f"include-operation-id = {json.dumps(operation)}", "[operations.parameters]"]
        for name, values in fields.items():
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not values:
                continue
            dictionary = f"{operation}-{name}"
            yield f"[dictionaries.{json.dumps(dictionary)}]"
            yield f"values = {json.dumps(list(values), ensure_ascii=False)}"
            bindings.append(f'"body.{name}" = {{ dictionary = {json.dumps(dictionary)}, probability = {_OFTEN} }}')
    yield from bindings


def placeholders(headers: Mapping[str, str]) -> dict[str, str]:
    """What Schemathesis sends in place of each of the caller's headers; the scheme of a credential stays."""
    return {name: f"{_scheme(value)}{_PLACEHOLDER}-{name.lower()}" for name, value in headers.items()}


def _scheme(value: str) -> str:
    match = _SCHEME.match(value)
    return match[0] if match else ""


class _Door:
    """The ASGI app that Schemathesis tests: hands every request on and keeps what came of it."""

    def __init__(self, plan: Plan, send: Send) -> None:
        self.exchanges: dict[str, Exchange] = {}
        self.withheld: set[str] = set()
        self.trouble: BaseException | None = None
        self.stop: Callable[[], None] = lambda: None
        self._base_path = plan.base_path
        self._send = send
        self._renew = plan.renew or (lambda: plan.headers)
        self._placeholders = placeholders(plan.headers)

    def forget(self, cases: Iterable[str]) -> None:
        """Cases that are judged: what came of them is not asked for again."""
        for case in cases:
            self.exchanges.pop(case, None)
            self.withheld.discard(case)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message.get("body", b"")
        exchange = self._hand_on(scope, body + message.get("body", b""))
        if exchange is None:
            await send({"type": "http.response.start", "status": _NO_ANSWER, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        fields = [(name, value) for name, value in exchange.headers.items() if name not in _WIRE_HEADERS]
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
        await send({"type": "http.response.body", "body": exchange.body})

    def _hand_on(self, scope: MutableMapping[str, Any], body: bytes) -> Exchange | None:
        """What was answered; None where the request was withheld. That is not to be raised: it would end a scenario."""
        if self.trouble is not None:
            raise self.trouble
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        target = path.removeprefix(self._base_path) + (f"?{query}" if query else "")
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        now = self._renew()
        real = {text: now[name] for name, text in self._placeholders.items() if name in now}
        headers = [(name, real.get(value, value)) for name, value in sent if name not in ("host", "accept")]
        headers.append(("accept", "application/json"))
        is_owner = {value for _, value in sent} >= real.keys()
        case = dict(sent).get(_CASE_HEADER)
        try:
            request = Outgoing(scope["method"], target, headers, body or None)
            exchange = self._send(request, caller="owner" if is_owner else None)
        except Withheld:
            if case is not None:
                self.withheld.add(case)
            return None
        except BaseException as trouble:
            self.trouble = trouble
            self.stop()
            raise
        if case is not None:
            self.exchanges[case] = exchange
        return exchange


def _failures(
    event: events.ScenarioFinished, exchanges: Mapping[str, Exchange], withheld: Set[str]
) -> Iterator[Failure]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            if not withheld.isdisjoint((case_id, failure.case_id)):
                continue
            yield Failure(
                check=check.name,
                code=failure.code,
                title=failure.title,
                message=failure.message,
                operation=failure.operation or event.label or "",
                exchange=exchanges.get(failure.case_id or case_id) or exchanges.get(case_id),
            )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
