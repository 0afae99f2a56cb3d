"""Does the target do what its document says? Schemathesis asks, in a world of its own; its failures become findings.

A failure is attributed to the rules that the same exchange breaks, or else to the rule that behaviour has for it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts import schemathesis_adapter as schemathesis
from contracts.attribution import Attribution
from contracts.course import Share
from contracts.docket import CONFORMANCE, Docket
from contracts.document import Document, parse
from contracts.drift import find_undocumented
from contracts.excuses import Excuses
from contracts.filter_text import filters
from contracts.findings import Exchange, Finding, Headers, Unjudgeable
from contracts.model import SAFE_METHODS
from contracts.safety.budget import WritesSpent
from contracts.safety.guard import BudgetSpent, NotOurs, ReadOnly
from contracts.safety.pace import Full
from contracts.schemathesis_adapter import Failure, Plan, Withheld
from contracts.seeding import by_seed_alone
from contracts.suites import preflight
from contracts.suites.diversion import Diversion
from contracts.target import Target
from contracts.tenant import Tenant
from contracts.wire import Outgoing, TargetLost, Unsendable
from mockserver.vendor import Operation

SUITE = CONFORMANCE
EXAMPLES = {"quick": 50, "thorough": 600}
_MONTH = 31 * 24 * 3600
_LOW = 50  # calls left of a quota at which the world's clock is moved on
_DRIFT_ENOUGH = 60
_ALIKE_ENOUGH = 100  # failures of one code and operation whose rules are looked for
_LONG = 1000  # characters
_SILENT_ENOUGH = 3  # time-outs of one operation
_TEXTS = (
    "x" * 300,
    "Größe 漢字 🎉",
    "\"quoted\" and 'quoted' \\ back",
    "<b>&amp; bold</b>",
    "' OR '1'='1' --",
    "two\nlines\tand a tab",
    "%s %n {0} ${HOME}",
    " blanks around ",
    "null",
    "0",
    "\u202eright to left",
    "e\u0301 is not \u00e9",
)


@dataclass(frozen=True)
class Scope:
    """How far the suite goes."""

    profile: str
    operations: tuple[str, ...] = ()
    share: Share | None = None  # what it may take of a budget; None is all that it wants

    @property
    def examples(self) -> int:
        return EXAMPLES[self.profile] if self.share is None else self.share.examples

    @property
    def phases(self) -> tuple[str, ...]:
        return schemathesis.PHASES if self.share is None else self.share.phases


class ShareSpent(BudgetSpent):
    """The suite has had its share of the budget; the run goes on."""


def run(docket: Docket, scope: Scope) -> None:
    """Run all phases; BudgetSpent and Unjudgeable end it early."""
    target = docket.target
    tenant = target.tenant(SUITE)
    door = _Door(docket, tenant, scope)
    drift = _Drift(docket)
    operations = _operations(target, scope)
    if not operations and _only_reads(target, scope):
        return
    docket.progress.stage(SUITE, len(operations or target.vendor.operations) * (3 + target.is_mock))
    languages = {each.id: each.table["filter"] for each in target.vendor.operations.values() if "filter" in each.table}
    plan = Plan(
        document=_with_formats(target.vendor.operations, languages, _with_known_ids(target)),
        base_url=target.url,
        base_path=target.guard.base_path,
        headers=tenant.headers("owner"),
        seed=target.seed,
        max_examples=scope.examples,
        disposable=target.is_mock,
        operations=operations,
        phases=scope.phases,
        values=_values(target),
        renew=lambda: tenant.headers("owner"),
        formats={_format_of(name): filters(table) for name, table in languages.items()},
    )
    target.guard.observers.append(drift.observe)
    try:
        with by_seed_alone():
            outcome = schemathesis.run(plan, door.send, _Listener(docket, tenant))
    finally:
        target.guard.observers.remove(drift.observe)
        docket.meter.at(SUITE, "clean-up")
    if not target.is_mock and (outcome.stopped is None or isinstance(outcome.stopped, ShareSpent)):
        target.clean_up(is_last=False)
    docket.cases += outcome.cases
    docket.failed.extend(f"{SUITE} could not test {error}" for error in dict.fromkeys(outcome.errors))
    if outcome.stopped is not None:
        raise outcome.stopped
    docket.go_on()


def _only_reads(target: Target, scope: Scope) -> bool:
    return target.guard.is_read_only or (scope.share is not None and scope.share.only_reads)


def _operations(target: Target, scope: Scope) -> tuple[str, ...]:
    """Those that are asked; none named are all."""
    if not _only_reads(target, scope):
        return scope.operations
    every = target.vendor.operations.values()
    chosen = [each.id for each in every if not scope.operations or each.id in scope.operations]
    return tuple(name for name in chosen if target.vendor.operations[name].method in SAFE_METHODS)


def _findings(docket: Docket, attribution: Attribution, failure: Failure) -> Iterator[Finding]:
    """A failed check as a finding of the rules that it breaks, else of its own."""
    told = f"{failure.check} {failure.code}"
    blamed = attribution.blame(failure)
    for rule, what in blamed:
        if rule.id in docket.rules:
            docket.broken(rule, what, failure.exchange, suite=SUITE, also=[told])
    if blamed or docket.is_selective:
        return
    yield Finding(
        title=failure.title,
        what=" ".join(failure.message.split()),
        suite=SUITE,
        key=f"{failure.code} {failure.operation}",
        seed=docket.target.seed,
        severity=docket.severity(attribution.grade(failure)),
        grade=attribution.grade(failure),
        operation=failure.exchange.operation if failure.exchange else failure.operation,
        exchange=failure.exchange,
        also=(told,),
    )


class _Listener:
    """Gives each phase a fresh world, so that one phase's deletes do not starve the next. Files what fails."""

    def __init__(self, docket: Docket, tenant: Tenant) -> None:
        self._docket = docket
        self._tenant = tenant
        self._attribution = Attribution(docket.target.model, docket.ledger)
        self._excuses = Excuses(docket.target.model, is_tenant=not docket.target.is_mock)
        self._alike: Counter[tuple[str, str]] = Counter()

    def phase(self, name: str) -> None:
        target = self._docket.target
        self._docket.meter.at(SUITE, name)
        if target.control and self._tenant.world:
            target.control.reset(self._tenant.world)

    def scenario(self, phase: str, label: str, cases: int) -> None:
        self._docket.progress.step(f"{phase}: {label}, {cases} cases")

    def is_enough(self, failures: Iterable[Failure]) -> bool:
        for failure in failures:
            kind = failure.code, failure.operation
            if self._alike[kind] < _ALIKE_ENOUGH and not self._excuses.holds(failure, self._docket.target.known):
                self._alike[kind] += 1
                for finding in _findings(self._docket, self._attribution, failure):
                    self._docket.add(finding)
        return self._docket.has_enough()


class _Door:
    """Sends for Schemathesis. On a tenant, what would hit a foreign record hits one of our own instead."""

    def __init__(self, docket: Docket, tenant: Tenant, scope: Scope) -> None:
        self._docket = docket
        self._target = docket.target
        self._tenant = tenant
        self._diversion = Diversion(docket.target, tenant)
        guard, share = docket.target.guard, scope.share
        self._most_requests = math.inf if share is None else guard.requests + share.requests
        self._most_writes = math.inf if share is None else guard.writes + share.writes
        self._silent: Counter[str | None] = Counter()  # how often an operation did not answer in time
        self._counters = [
            header
            for quota in docket.target.vendor.behaviour.get("quotas", {}).values()
            if quota["window"] == "month"
            for header, told in quota.get("headers", {}).items()
            if told == "remaining"
        ]

    def send(self, request: Outgoing, *, caller: str | None) -> Exchange:
        guard = self._target.guard
        if guard.requests >= self._most_requests:
            raise ShareSpent("its share of the budget is spent")
        if guard.writes >= self._most_writes and request.method.upper() not in SAFE_METHODS:
            raise Withheld("its share of writes is spent")
        try:
            exchange = self._answered(request, caller)
        except (NotOurs, ReadOnly, Full, Unsendable) as error:
            raise Withheld(error.why) from None
        except WritesSpent as spent:  # reads still go
            raise Withheld(self._docket.spent(spent)) from None
        self._renew(exchange)
        return exchange

    def _answered(self, request: Outgoing, caller: str | None) -> Exchange:
        """The answer. A request without one is sent again, unless it took its time: that is not waited for often."""
        route = self._target.model.route(request.method, request.target)
        operation = route.operation.id if route else None
        if self._silent[operation] >= _SILENT_ENOUGH:
            raise Withheld("it did not answer in time")
        for is_second in (False, True):
            try:
                sent = self._diversion.divert(request)
                return self._target.guard.send(sent, caller=caller, world=self._tenant.world)
            except TargetLost as lost:
                if not preflight.is_alive(self._target, self._tenant.world):
                    raise Unjudgeable(f"the target was lost: {lost}") from None
                self._silent[operation] += lost.is_timeout
                if is_second or lost.is_timeout:
                    return _no_answer(self._target, request, lost)
        raise AssertionError("unreachable")

    def _renew(self, exchange: Exchange) -> None:
        """A quota of the mock shall not spoil the run: its window passes when few calls are left."""
        self._target.be_patient(exchange, self._tenant.clock)
        left = [exchange.headers[name] for name in self._counters if name in exchange.headers]
        is_low = exchange.status != 401 and any(text.isdecimal() and int(text) < _LOW for text in left)
        if self._tenant.clock and is_low:
            self._tenant.clock.advance(_MONTH)


def _no_answer(target: Target, request: Outgoing, lost: TargetLost) -> Exchange:
    """A request that got no answer while the target lives, in the form of a server that fails."""
    route = target.model.route(request.method, request.target)
    return Exchange(
        method=request.method,
        url=target.url + request.target,
        path=request.target.partition("?")[0],
        request_headers=Headers(request.headers),
        request_body=request.body,
        status=504,
        headers=Headers([("content-type", "text/plain")]),
        body=f"no answer: {lost}".encode(),
        elapsed=0.0,
        operation=route.operation.id if route else None,
        mask=target.guard.mask,
    )


def _values(target: Target) -> dict[str, dict[str, Sequence[str]]]:
    """What is worth sending in which field: known ids where a record is meant, awkward texts where any text is."""
    found: dict[str, dict[str, Sequence[str]]] = {}
    document = Document(target.vendor.document)
    for operation in target.vendor.operations.values():
        media = document.body(operation)
        references = operation.table.get("references", {})
        fields = document.properties(media[1]) if media else {}
        for name, schema in fields.items():
            if name in references:
                values: Sequence[str] = target.model.known_of(references[name]["resource"], target.known)
            else:
                is_text = "string" in schema.get("type", ()) and not {"format", "enum", "const"} & schema.keys()
                # Schemathesis joins pattern and length, and compiles that anew for each case: seconds for a long text.
                is_slow = "pattern" in schema and schema.get("maxLength", 0) > _LONG
                values = _TEXTS if is_text and target.is_mock and not is_slow else ()
            if values:
                found.setdefault(operation.id, {})[name] = values
    return found


def _with_known_ids(target: Target) -> dict[str, Any]:
    """The document with the tenant's known ids where its examples have those of the seed."""
    here = {identity: target.known[role] for role, identity in target.vendor.known.items() if role in target.known}
    return {key: _replaced(value, here) for key, value in target.vendor.document.items()}


def _replaced(node: object, ids: dict[str, str]) -> object:
    if isinstance(node, dict):
        return {key: _replaced(value, ids) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(item, ids) for item in node]
    return ids.get(node, node) if isinstance(node, str) else node


def _with_formats(
    operations: Mapping[str, Operation], languages: Mapping[str, Mapping[str, Any]], document: dict[str, Any]
) -> dict[str, Any]:
    """The document in which each list whose filter has a language of its own names that by a format of its own."""
    for name, table in languages.items():
        operation = operations[name]
        described = [
            _named(each, name) if each["name"] == table["parameter"] else each for each in operation.parameters
        ]
        item = document["paths"][operation.path]
        entry = {**item[operation.method.lower()], "parameters": [dict(each) for each in described]}
        document["paths"] = {**document["paths"], operation.path: {**item, operation.method.lower(): entry}}
    return document


def _named(parameter: Mapping[str, Any], operation: str) -> Mapping[str, Any]:
    return {**parameter, "schema": {"type": "string", "format": _format_of(operation)}, "examples": {}}


def _format_of(operation: str) -> str:
    return f"filter-of-{operation}"


class _Drift:
    """Looks for fields that the document does not mention."""

    def __init__(self, docket: Docket) -> None:
        self._docket = docket
        self._document = Document(docket.target.vendor.document)
        self._looked_at: Counter[tuple[str | None, int]] = Counter()

    def observe(self, exchange: Exchange) -> None:
        operation = self._docket.target.vendor.operations.get(exchange.operation or "")
        kind = (exchange.operation, exchange.status)
        if operation is None or self._docket.is_selective or self._looked_at[kind] >= _DRIFT_ENOUGH:
            return
        self._looked_at[kind] += 1
        place = self._document.response(operation, exchange.status)
        media = self._document.media(place, exchange.headers.get("content-type")) if place else None
        if media is None:
            return
        try:
            answer = parse(exchange.body)
        except ValueError:
            return
        asked = operation.table.get("include", {}).get("names", ())  # what is shown on demand only
        for field in dict.fromkeys(find_undocumented(self._document.content, media[1], answer)):
            if field.rpartition(".")[2] not in asked:
                self._add(exchange, field)

    def _add(self, exchange: Exchange, field: str) -> None:
        self._docket.add(
            Finding(
                title="Answers hold only documented fields",
                what=f"{exchange.operation} answered {exchange.status} with {field}, which is not in the document",
                suite=SUITE,
                key=f"drift {exchange.operation} {field}",
                seed=self._docket.target.seed,
                severity=self._docket.severity("assumed"),
                grade="assumed",
                operation=exchange.operation,
                exchange=exchange,
            )
        )
