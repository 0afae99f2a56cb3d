"""Who may do what: scopes, and the walls between accounts."""

from collections.abc import Mapping

from contracts.findings import Broken, NotJudged, needs_caller
from contracts.laws.aspects import Skips
from contracts.laws.bench import Bench
from contracts.laws.terms import (
    addressed,
    is_unsafe,
    judged,
    key_of,
    missing,
    references,
    refusal,
    refused,
    succeed,
    successes,
    unknown_reference,
)
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Caller, Operation, Rule, Vendor


def scopes(tenant: Tenant, rule: Rule) -> None:
    """Every caller of the account on every operation: let in by its scopes, or refused and nothing happened."""
    bench = Bench(tenant)
    refusals = 0
    skips = Skips()
    for operation in judged(tenant, rule):
        if not operation.scopes:
            continue
        allowed = [each for each in colleagues(tenant) if set(operation.scopes) <= reach(tenant.vendor, each)]
        others = [each for each in colleagues(tenant) if each not in allowed]
        with skips.one():
            with bench.unchanged(operation, f"{operation.id} without the scope"):
                for caller in others:
                    _out_of_scope(bench, operation, caller)
                    refusals += 1
            for caller in allowed:
                _in_scope(tenant, operation, caller)
    skips.settle()
    if not refusals:
        raise _who_is_needed(tenant.vendor, judged(tenant, rule))


def _who_is_needed(vendor: Vendor, operations: list[Operation]) -> NotJudged:
    """Whose credential would show that a scope is asked for: a reader's, where that is enough."""
    scopes = [set(each.scopes) for each in operations if each.scopes]
    account = vendor.callers["owner"].account
    callers = [each for each in vendor.callers.values() if each.account == account and each.name != "expired"]
    for caller in sorted(callers, key=lambda each: each.name != "reader"):
        if not caller.is_revoked and any(not scope <= reach(vendor, caller) for scope in scopes):
            return needs_caller(caller.name)
    return NotJudged("needs a caller without the scope")


def _out_of_scope(bench: Bench, operation: Operation, caller: Caller) -> None:
    tenant = bench.tenant
    answer = bench.call(operation, caller=caller.name)
    room = successes(tenant, operation) if _may_read(bench, operation, caller, answer) else ()
    known = {"required": operation.scopes[0], "provided": list(caller.scopes)}
    what = f"{operation.id} by {caller.name}, who has {' and '.join(caller.scopes)} but not {operation.scopes[0]}"
    refused(tenant, answer, refusal(tenant.vendor, "scope_missing"), what, values=known, room=room)


def _may_read(bench: Bench, operation: Operation, caller: Caller, answer: Answer) -> bool:
    """Whoever may change a record sees it in the answer, so a tenant may let such a caller read: all, or nothing."""
    operations = bench.tenant.vendor.operations.values()
    writes = [each for each in operations if each.table.get("verb") in ("create", "update", "transition")]
    if bench.tenant.is_mock or answer.status >= 400 or is_unsafe(operation):
        return False
    if not any(set(each.scopes) <= set(caller.scopes) for each in writes):
        return False
    others = [each for each in operations if not is_unsafe(each) and each.scopes == operation.scopes]
    others = [each for each in others if each.id != operation.id and each.table.get("verb") in ("get", "list")]
    return all(bench.call(each, caller=caller.name).status < 400 for each in others[:2])


def _in_scope(tenant: Tenant, operation: Operation, caller: Caller) -> None:
    answer = Bench(tenant).call(operation, caller=caller.name)
    succeed(tenant, operation, answer, f"{operation.id} by {caller.name}, who has {' and '.join(caller.scopes)}")


def colleagues(tenant: Tenant) -> list[Caller]:
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
        values, room = {"id": next(iter(path.values()))}, _room(tenant, resource)
        refused(tenant, answer, missing(tenant.vendor, resource), what, values=values, room=room)
    elif operation.table["verb"] == "list":
        theirs = succeed(tenant, operation, bench.call(operation, caller="outsider"), what)
        ours = succeed(tenant, operation, bench.call(operation), operation.id)
        key = key_of(tenant.vendor, operation.table["resource"])
        shared = {each[key] for each in ours} & {each[key] for each in theirs}
        if shared:
            raise Broken(f"{what}: both accounts are shown the same records, for example {sorted(shared)[0]}")
    elif operation.table["verb"] == "create":
        for name in references(operation):
            answer = bench.call(operation, caller="outsider")
            known = {"id": bench.body(operation).get(name)}
            unknown = unknown_reference(tenant.vendor, operation, name)
            refused(tenant, answer, unknown, f"{what} into our {name}", values=known)


def _to_outside(bench: Bench, operation: Operation, foreign: Mapping[str, str]) -> None:
    """The owner reads what the outsider has, and refers to it."""
    tenant, resource = bench.tenant, addressed(operation)
    if resource is not None and resource in foreign and not is_unsafe(operation):
        answer = bench.call(operation, path=bench.path(operation, foreign[resource]))
        what = f"{operation.id} of a record of another account"
        values, room = {"id": foreign[resource]}, _room(tenant, resource)
        refused(tenant, answer, missing(tenant.vendor, resource), what, values=values, room=room)
    for name, target in references(operation).items():
        if target in foreign and tenant.is_mock:  # a tenant that has no walls would hang ours on what is theirs
            body = bench.body(operation) | {name: foreign[target]}
            with bench.unchanged(operation, f"{operation.id} into a record of another account"):
                answer = bench.call(operation, json=body)
                what = f"{operation.id} with a {name} of another account"
                unknown = unknown_reference(tenant.vendor, operation, name)
                refused(tenant, answer, unknown, what, values={"id": foreign[target]})


def _room(tenant: Tenant, resource: str) -> list[int]:
    """What a tenant may answer besides for a record of another account."""
    found: list[int] = tenant.vendor.behaviour["resources"][resource].get("foreign", [])
    return found


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
