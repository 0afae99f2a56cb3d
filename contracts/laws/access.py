"""Who may do what: credentials, scopes, the walls between accounts, and which trouble is told first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

from contracts.findings import Broken, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.terms import (
    Expected,
    accepts,
    addressed,
    find_operation,
    is_unsafe,
    judged,
    key_of,
    media_types,
    missing,
    properties,
    references,
    refusal,
    refused,
    succeed,
    successes,
)
from contracts.tenant import ABSENT, Answer, Tenant
from mockserver.vendor import Caller, Operation, Rule, Vendor


@dataclass(frozen=True)
class Attempt:
    """One way not to be let in. `codes` tells whether a tenant has to answer the exact code."""

    situation: str
    what: str
    headers: Mapping[str, str]
    exact: bool = True


def credentials(tenant: Tenant, rule: Rule) -> None:
    """Without a good credential nothing is answered and nothing happens, on any operation."""
    bench = Bench(tenant)
    attempts = list(_attempts(tenant))
    for number, operation in enumerate(judged(tenant, rule)):
        # Every operation meets the plain cases; after the first one the odd forms of a token take turns.
        plain, odd = attempts[:3], attempts[3:]
        chosen = plain + (odd if number == 0 else odd[number % len(odd) :][:1] if odd else [])
        with bench.unchanged(operation, f"{operation.id} without a good credential"):
            for attempt in chosen:
                _turned_away(bench, operation, attempt)


def _turned_away(bench: Bench, operation: Operation, attempt: Attempt) -> None:
    tenant = bench.tenant
    answer = bench.call(operation, caller=None, headers=dict(attempt.headers))
    expected = refusal(tenant.vendor, attempt.situation)
    what = f"{operation.id} {attempt.what}"
    known: dict[str, Any] = {}
    if attempt.situation == "credential_expired":
        expires_at = tenant.vendor.callers["expired"].expires_at
        known = {"expired_at": expires_at} if tenant.is_mock else {}
        _tells_when(tenant, answer, expected, what)
    refused(tenant, answer, expected, what, values=known, room=() if attempt.exact else {expected.status})


def _tells_when(tenant: Tenant, answer: Answer, expected: Expected, what: str) -> None:
    """Where the catalogue promises the moment of expiry, it is a time in the past."""
    details = answer.error("details")
    for name, template in expected.details.items():
        given = details.get(name) if isinstance(details, dict) else None
        if template != "$expired_at" or answer.status != expected.status:
            continue
        try:
            when = datetime.fromisoformat(str(given))
        except ValueError:
            raise Broken(f"{what}: expected a time in {name!r} of the details, got {given!r}", answer) from None
        if tenant.clock is not None and when > tenant.clock.now():
            raise Broken(f"{what}: {name!r} is {given!r}, which is still to come", answer)


def _attempts(tenant: Tenant) -> Iterator[Attempt]:
    # Documents seldom tell a missing credential from an unknown one, so a tenant may use any code for it.
    yield Attempt("credential_missing", "without a credential", {}, exact=False)
    good = tenant.headers("owner")
    yield Attempt("credential_unknown", "with the token's last character changed", _bent(good, _last_changed))
    if "expired" in tenant.callers:
        yield Attempt("credential_expired", "with an expired token", tenant.headers("expired"))
    for caller in tenant.vendor.callers.values():
        if caller.is_revoked and caller.name in tenant.callers:
            yield Attempt("credential_unknown", "with a revoked token", tenant.headers(caller.name))
    yield Attempt("credential_unknown", "with the token cut by one", _bent(good, lambda token: token[:-1]))
    yield Attempt("credential_unknown", "with the token longer by one", _bent(good, lambda token: token + "a"))
    yield Attempt("credential_unknown", "with the token in the other case", _bent(good, str.swapcase))
    yield Attempt("credential_unknown", "with the token 'null'", _bent(good, lambda token: "null"))
    yield Attempt("credential_unknown", "with the token's first character changed", _bent(good, _first_changed))
    schemeless = {name: value.rpartition(" ")[2] for name, value in good.items()}
    if schemeless != good:
        yield Attempt("credential_unknown", "with the token but no scheme", schemeless, exact=False)
        basic = {name: f"Basic {value}" for name, value in schemeless.items()}
        yield Attempt("credential_unknown", "with another scheme", basic, exact=False)


def _bent(headers: Mapping[str, str], bend: Any) -> dict[str, str]:
    """The headers with the secret in each bent; what stands before it, such as `Bearer`, stays."""
    return {
        name: "".join((*value.rpartition(" ")[:2], bend(value.rpartition(" ")[2]))) for name, value in headers.items()
    }


def _last_changed(token: str) -> str:
    return token[:-1] + ("b" if token.endswith("a") else "a")


def _first_changed(token: str) -> str:
    return ("b" if token.startswith("a") else "a") + token[1:]


def scopes(tenant: Tenant, rule: Rule) -> None:
    """Every caller of the account on every operation: let in by its scopes, or refused and nothing happened."""
    bench = Bench(tenant)
    refusals = 0
    for operation in judged(tenant, rule):
        if not operation.scopes:
            continue
        allowed = [each for each in _colleagues(tenant) if set(operation.scopes) <= reach(tenant.vendor, each)]
        others = [each for each in _colleagues(tenant) if each not in allowed]
        with bench.unchanged(operation, f"{operation.id} without the scope"):
            for caller in others:
                _out_of_scope(bench, operation, caller)
                refusals += 1
        for caller in allowed:
            _in_scope(tenant, operation, caller)
    if not refusals:
        raise NotJudged("needs a caller without the scope")


def _out_of_scope(bench: Bench, operation: Operation, caller: Caller) -> None:
    tenant = bench.tenant
    answer = bench.call(operation, caller=caller.name)
    # Whoever may change a record sees it in the answer, so a tenant may let such a caller read.
    sees = [each for each in tenant.vendor.operations.values() if each.table.get("verb") in ("create", "update")]
    may_read = not is_unsafe(operation) and any(set(each.scopes) <= set(caller.scopes) for each in sees)
    room = successes(tenant, operation) if may_read else ()
    known = {"required": operation.scopes[0], "provided": list(caller.scopes)}
    what = f"{operation.id} by {caller.name}, who has {' and '.join(caller.scopes)} but not {operation.scopes[0]}"
    refused(tenant, answer, refusal(tenant.vendor, "scope_missing"), what, values=known, room=room)


def _in_scope(tenant: Tenant, operation: Operation, caller: Caller) -> None:
    answer = Bench(tenant).call(operation, caller=caller.name)
    succeed(tenant, operation, answer, f"{operation.id} by {caller.name}, who has {' and '.join(caller.scopes)}")


def _colleagues(tenant: Tenant) -> list[Caller]:
    """The callers that the target has, of the owner's account and with a credential that is still good."""
    everybody = tenant.vendor.callers
    account = everybody["owner"].account
    found = [each for name, each in everybody.items() if name in tenant.callers and each.account == account]
    return [each for each in found if each.name != "expired" and not each.is_revoked]


def reach(vendor: Vendor, caller: Caller) -> set[str]:
    """The scopes of a caller and those that they include."""
    includes = vendor.behaviour["credentials"].get("includes", {})
    return {each for scope in caller.scopes for each in (scope, *includes.get(scope, ()))}


def isolation(tenant: Tenant, rule: Rule) -> None:
    """What belongs to another account is not there: it cannot be read, listed, changed, deleted or referred to."""
    tenant.headers("outsider")
    bench = Bench(tenant)
    foreign = _foreign(bench)
    for operation in judged(tenant, rule):
        with bench.unchanged(operation, f"{operation.id} by a caller of another account"):
            _from_outside(bench, operation)
        _to_outside(bench, operation, foreign)


def _from_outside(bench: Bench, operation: Operation) -> None:
    tenant, resource = bench.tenant, addressed(operation)
    what = f"{operation.id} by a caller of another account"
    if resource is not None:
        path = bench.path(operation)
        answer = bench.call(operation, caller="outsider", path=path)
        refused(tenant, answer, missing(tenant.vendor, resource), what, values={"id": next(iter(path.values()))})
    elif operation.table["verb"] == "list":
        theirs = succeed(tenant, operation, bench.call(operation, caller="outsider"), what)
        ours = succeed(tenant, operation, bench.call(operation), operation.id)
        key = key_of(tenant.vendor, operation.table["resource"])
        shared = {each[key] for each in ours} & {each[key] for each in theirs}
        if shared:
            raise Broken(f"{what}: both accounts are shown the same records, for example {sorted(shared)[0]}")
    elif operation.table["verb"] == "create":
        for name, target in references(operation).items():
            answer = bench.call(operation, caller="outsider")
            known = {"id": bench.body(operation).get(name)}
            refused(tenant, answer, missing(tenant.vendor, target), f"{what} into our {name}", values=known)


def _to_outside(bench: Bench, operation: Operation, foreign: Mapping[str, str]) -> None:
    """The owner reads what the outsider has, and refers to it."""
    tenant, resource = bench.tenant, addressed(operation)
    if resource is not None and resource in foreign and not is_unsafe(operation):
        answer = bench.call(operation, path=bench.path(operation, foreign[resource]))
        what = f"{operation.id} of a record of another account"
        refused(tenant, answer, missing(tenant.vendor, resource), what, values={"id": foreign[resource]})
    for name, target in references(operation).items():
        if target in foreign:
            body = bench.body(operation) | {name: foreign[target]}
            with bench.unchanged(operation, f"{operation.id} into a record of another account"):
                answer = bench.call(operation, json=body)
                what = f"{operation.id} with a {name} of another account"
                refused(tenant, answer, missing(tenant.vendor, target), what, values={"id": foreign[target]})


def _foreign(bench: Bench) -> dict[str, str]:
    """Resource -> the id of a record that the outsider sees: what it lists without a parent, then what is within."""
    found: dict[str, str] = {}
    lists = [each for each in bench.tenant.vendor.operations.values() if each.table["verb"] == "list"]
    for operation in sorted(lists, key=lambda each: each.path.count("{")) * 2:
        holder, resource = addressed(operation), operation.table["resource"]
        if resource in found or (holder is not None and holder not in found):
            continue
        path = bench.path(operation, found[holder]) if holder else {}
        answer = bench.call(operation, caller="outsider", path=path)
        items = succeed(bench.tenant, operation, answer, f"{operation.id} by a caller of another account")
        if items:
            found[resource] = items[0][key_of(bench.tenant.vendor, resource)]
    return found


@dataclass(frozen=True)
class Trouble:
    """One thing wrong with a request: where it is told in the order, how to bring it about, what it answers.

    `room` is the status that a tenant may answer instead.
    """

    step: str
    expected: Expected
    request: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    room: int | None = None

    def contradicts(self, other: "Trouble") -> bool:
        """Whether one request cannot have both."""
        bodies = [each.body or "content" in each.request for each in (self, other)]
        has_clash = "content" in {*self.request, *other.request} and all(bodies)
        return has_clash or bool(set(self.request) & set(other.request) or set(self.body) & set(other.body))


def check_order(tenant: Tenant, rule: Rule) -> None:
    """Of two troubles in one request the one that comes first in the order is told."""
    bench = Bench(tenant)
    order = tenant.vendor.behaviour["order"]
    for operation in judged(tenant, rule):
        troubles = sorted(_troubles(bench, operation), key=lambda each: order.index(each.step))
        with bench.unchanged(operation, f"{operation.id} with two troubles"):
            for first, second in combinations(troubles, 2):
                if not first.contradicts(second):
                    _first_told(bench, operation, first, second)
    _path_first(tenant)


def _first_told(bench: Bench, operation: Operation, first: Trouble, second: Trouble) -> None:
    request: dict[str, Any] = {**first.request, **second.request}
    broken = {**first.body, **second.body}
    body = bench.body(operation)
    if broken:
        request["json"] = ({} if body is ABSENT else body) | broken
    answer = bench.call(operation, **request)
    what = f"{operation.id} with trouble in {first.step} and in {second.step}"
    told = {status for each in (first, second) for status in (each.expected.status, each.room) if status is not None}
    refused(bench.tenant, answer, first.expected, what, room=told)


def _troubles(bench: Bench, operation: Operation) -> Iterator[Trouble]:
    tenant, vendor = bench.tenant, bench.tenant.vendor
    yield Trouble("credentials", refusal(vendor, "credential_missing"), {"caller": None})
    for caller in _colleagues(tenant):
        if not set(operation.scopes) <= reach(vendor, caller):
            yield Trouble("scopes", refusal(vendor, "scope_missing"), {"caller": caller.name})
            break
    resource = addressed(operation)
    if resource is not None:
        absent = missing(vendor, resource)
        if vendor.behaviour["resources"][resource].get("id_form"):
            malformed, path = refusal(vendor, "parameter_malformed"), bench.path(operation, "not-an-id")
            yield Trouble("parameters", malformed, {"path": path}, room=absent.status)
        yield Trouble("existence", absent, {"path": bench.path(operation, tenant.unknown_id(resource))})
    for name, target in references(operation).items():
        yield Trouble("references", missing(vendor, target), body={name: tenant.unknown_id(target)})
    for name, schema in properties(vendor, operation).items():
        if name in accepts(operation) and name not in references(operation) and "string" in schema.get("type", ()):
            step = "checks" if operation.table.get("values") == "own" else "body"
            yield Trouble(step, refusal(vendor, "body_invalid"), body={name: [{}]})
            break
    if "application/json" in media_types(vendor, operation):
        told = {"headers": {"Content-Type": "application/json"}}
        if "syntax" in vendor.behaviour["order"]:
            yield Trouble("syntax", refusal(vendor, "syntax_wrong"), {**told, "content": b"{"})
        if "wrapper" in operation.table:
            yield Trouble("body", refusal(vendor, "body_unwrapped"), {**told, "content": b"{}"})


def _path_first(tenant: Tenant) -> None:
    """Path and method come before everything else in every vendor."""
    some = find_operation(tenant.vendor, "get", next(iter(tenant.vendor.behaviour["samples"])))
    if some is None:
        return
    path = some.path.replace("{", "").replace("}", "")
    for situation, method, where in (
        ("path_unknown", "GET", "/no-such-path"),
        ("method_unknown", "PUT" if not _offers(tenant.vendor, some.path, "PUT") else "POST", path),
    ):
        expected = refusal(tenant.vendor, situation)
        answer = tenant.send(method, where, caller=None)
        room = {
            refusal(tenant.vendor, each).status for each in ("path_unknown", "method_unknown", "credential_missing")
        }
        refused(tenant, answer, expected, f"{method} {where} without a credential", room=room)


def _offers(vendor: Vendor, path: str, method: str) -> bool:
    return any(each.path == path and each.method == method for each in vendor.operations.values())
