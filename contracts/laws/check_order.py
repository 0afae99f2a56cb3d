"""Which trouble is told first, when a request has two."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from contracts.laws.access import colleagues, reach
from contracts.laws.aspects import Skips
from contracts.laws.bench import Bench
from contracts.laws.credentials import headers_of, room_of
from contracts.laws.terms import (
    Expected,
    accepts,
    addressed,
    entry,
    has_refusal,
    judged,
    media_types,
    missing,
    properties,
    references,
    refusal,
    refused,
    unknown_reference,
)
from contracts.laws.windows import Counter, counters
from contracts.model import resolved
from contracts.tenant import ABSENT, Tenant
from mockserver.vendor import Operation, Rule, Vendor

_LAST = "verb"  # what the operation itself refuses, once every check is passed


@dataclass(frozen=True)
class Trouble:
    """One thing wrong with a request: where it is told in the order, how to bring it about, what it answers.

    `room` are the statuses that a tenant may answer instead.
    """

    step: str
    expected: Expected
    request: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    room: Collection[int] = ()

    @property
    def statuses(self) -> set[int]:
        """What a tenant may answer to it."""
        return {self.expected.status, *self.expected.instead, *self.room}

    def contradicts(self, other: "Trouble") -> bool:
        """Whether one request cannot have both."""
        bodies = [each.body or "content" in each.request for each in (self, other)]
        has_clash = "content" in {*self.request, *other.request} and all(bodies)
        pairs = ((self.request, other.request), (self.body, other.body), (self.headers, other.headers))
        return has_clash or any(set(mine) & set(theirs) for mine, theirs in pairs)

    def beside(self, bench: Bench, operation: Operation, other: "Trouble | None" = None) -> dict[str, Any]:
        """The request that has this trouble, and another one."""
        both = [self] if other is None else [self, other]
        request = {name: value for each in both for name, value in each.request.items()}
        broken = {name: value for each in both for name, value in each.body.items()}
        headers = {name: value for each in both for name, value in each.headers.items()}
        if headers:
            request["headers"] = headers
        if broken:
            body = bench.body(operation)
            request["json"] = ({} if body is ABSENT else body) | broken
        return request


def check_order(tenant: Tenant, rule: Rule) -> None:
    """Of two troubles in one request the one that comes first in the order is told."""
    bench = Bench(tenant)
    order = [*tenant.vendor.behaviour["order"], _LAST]
    skips = Skips()
    for operation in judged(tenant, rule):
        with skips.one(), bench.unchanged(operation, f"{operation.id} with two troubles"):
            troubles = sorted(_troubles(bench, operation), key=lambda each: order.index(each.step))
            for first, second in combinations(troubles, 2):
                if not first.contradicts(second):
                    _first_told(bench, operation, first, second)
    skips.settle()
    for counter in counters(tenant, rule) if tenant.clock is not None else ():
        _without_calls_left(counter, order)
    _path_first(tenant, judged(tenant, rule))


def _first_told(bench: Bench, operation: Operation, first: Trouble, second: Trouble) -> None:
    answer = bench.call(operation, **first.beside(bench, operation, second))
    what = f"{operation.id} with trouble in {first.step} and in {second.step}"
    told = {status for each in (first, second) for status in each.statuses}
    refused(bench.tenant, answer, first.expected, what, room=told)


def _without_calls_left(counter: Counter, order: list[str]) -> None:
    """Who has no calls left is told so before whatever is looked at later, and after what is looked at earlier."""
    troubles = _troubles(Bench(counter.tenant), counter.operation)
    for caller in sorted({str(each.request.get("caller") or "owner") for each in troubles}):
        here = counter.fresh()
        here.fill(caller=caller)
        bench = Bench(here.tenant)
        for trouble in _troubles(bench, here.operation):
            if trouble.request.get("caller", "owner") != caller:
                continue
            answer = bench.call(here.operation, **trouble.beside(bench, here.operation))
            is_earlier = order.index(trouble.step) < order.index("quotas")
            expected = trouble.expected if is_earlier else here.expected
            refused(here.tenant, answer, expected, f"{here} without calls left, with trouble in {trouble.step}")


def _troubles(bench: Bench, operation: Operation) -> Iterator[Trouble]:
    yield from _of_caller(bench, operation)
    yield from _of_place(bench, operation)
    yield from _of_body(bench, operation)
    yield from _told(bench, operation)


def _of_caller(bench: Bench, operation: Operation) -> Iterator[Trouble]:
    tenant, vendor = bench.tenant, bench.tenant.vendor
    names = headers_of(vendor, operation)
    if has_refusal(vendor, "header_missing"):
        for name in names:
            yield Trouble("headers", refusal(vendor, "header_missing"), headers={name: None})
    if "headers" in vendor.behaviour["order"] and "application/json" in media_types(vendor, operation):
        yield Trouble("headers", refusal(vendor, "content_type_unknown"), headers={"Content-Type": "text/plain"})
    if not operation.is_protected:
        return
    if has_refusal(vendor, "header_missing"):
        good = {name.lower(): value for name, value in tenant.headers("owner").items()}
        unknown = refusal(vendor, "credential_unknown")
        for name in names:
            wrong = {name: good[name.lower()] + "x"}
            yield Trouble("credentials", unknown, headers=wrong, room=room_of(vendor, name))
    else:
        yield Trouble("credentials", refusal(vendor, "credential_missing"), {"caller": None})
    for caller in colleagues(tenant):
        if not set(operation.scopes) <= reach(vendor, caller):
            yield Trouble("scopes", refusal(vendor, "scope_missing"), {"caller": caller.name})
            break


def _of_place(bench: Bench, operation: Operation) -> Iterator[Trouble]:
    tenant, vendor = bench.tenant, bench.tenant.vendor
    resource = addressed(operation) if "resource" in operation.table else None
    if resource is not None:
        absent = missing(vendor, resource)
        if "parameters" in vendor.behaviour["order"] and vendor.behaviour["resources"][resource].get("id_form"):
            malformed, path = refusal(vendor, "parameter_malformed"), bench.path(operation, "not-an-id")
            yield Trouble("parameters", malformed, {"path": path}, room=[absent.status])
        yield Trouble("existence", absent, {"path": bench.path(operation, tenant.unknown_id(resource))})
    paging = operation.table.get("paging", {})
    if paging.get("style") == "offset" and paging.get("errors", "reject") == "reject":
        malformed = refusal(vendor, "paging_malformed")
        yield Trouble("query", malformed, {"query": {paging.get("limit", "limit"): "abc"}})


def _of_body(bench: Bench, operation: Operation) -> Iterator[Trouble]:
    tenant, vendor = bench.tenant, bench.tenant.vendor
    for name, target in references(operation).items():
        step = "checks" if operation.table["references"][name].get("checked") else "references"
        yield Trouble(step, unknown_reference(vendor, operation, name), body={name: tenant.unknown_id(target)})
    texts = [
        name
        for name, schema in properties(vendor, operation).items()
        if (name in accepts(operation) or not accepts(operation))
        and name not in references(operation)
        and "string" in schema.get("type", ())
    ]
    step = "checks" if operation.table.get("values") == "own" else "body"
    for name in dict.fromkeys(texts[:1] + ([] if accepts(operation) else texts[-1:])):
        yield Trouble(step, refusal(vendor, "body_invalid"), body={name: [{}]})
    if "application/json" in media_types(vendor, operation):
        told = {"Content-Type": "application/json"}
        if "syntax" in vendor.behaviour["order"]:
            yield Trouble("syntax", refusal(vendor, "syntax_wrong"), {"content": b"{"}, headers=told)
        if "wrapper" in operation.table:
            yield Trouble("body", refusal(vendor, "body_unwrapped"), {"content": b"{}"}, headers=told)


def _told(bench: Bench, operation: Operation) -> Iterator[Trouble]:
    """What `troubles` in behaviour.yaml tells of checks that no table knows; it speaks of the seed's records."""
    vendor = bench.tenant.vendor
    for each in vendor.behaviour.get("troubles", {}).get(operation.id, []) if bench.tenant.is_mock else ():
        body = resolved(each["body"], bench.tenant.known)
        yield Trouble(each["step"], entry(vendor, each["error"]), body=body)


def _path_first(tenant: Tenant, operations: list[Operation]) -> None:
    """Path and method come before everything else in every vendor."""
    some = next((each for each in operations if "{" in each.path), None)
    if some is None:
        return
    path = some.path.replace("{", "").replace("}", "")
    for situation, method, where in (
        ("path_unknown", "GET", "/no-such-path"),
        ("method_unknown", "PUT" if not _offers(tenant.vendor, some.path, "PUT") else "POST", path),
    ):
        expected = refusal(tenant.vendor, situation)
        if not tenant.is_mock and situation == "method_unknown":
            continue  # should a tenant offer it after all, nothing tells what it changes
        answer = tenant.send(method, where, caller=None)
        others = [
            refusal(tenant.vendor, each)
            for each in ("path_unknown", "method_unknown", "credential_missing", "parameter_malformed")
            if has_refusal(tenant.vendor, each)
        ]
        room = {status for each in others for status in (each.status, *each.instead)}
        refused(tenant, answer, expected, f"{method} {where} without a credential", room=room)


def _offers(vendor: Vendor, path: str, method: str) -> bool:
    return any(each.path == path and each.method == method for each in vendor.operations.values())
