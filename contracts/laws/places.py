"""Where nothing is: methods that a path does not offer, and paths that the document does not have."""

from typing import Any

from contracts.findings import Broken
from contracts.laws.aspects import Skips
from contracts.laws.bench import Bench
from contracts.laws.terms import accepts, addressed, judged, refusal, refused
from contracts.model import fill
from contracts.tenant import ABSENT, Answer, Tenant
from mockserver.vendor import Operation, Rule

_METHOD_NOT_ALLOWED = 405
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def methods(tenant: Tenant, rule: Rule) -> None:
    """A method that a path does not offer is refused; where that is a 405, `Allow` has those that it does offer."""
    expected = refusal(tenant.vendor, "method_unknown")
    others = ("method_unknown", "path_unknown", "parameter_malformed")
    room = {refusal(tenant.vendor, each).status for each in others}
    tells_methods = expected.status == _METHOD_NOT_ALLOWED
    bench, skips = Bench(tenant), Skips()
    for path, operation in {operation.path: operation for operation in judged(tenant, rule)}.items():
        offered = {each.method for each in tenant.vendor.operations.values() if each.path == path}
        for method in sorted(set(METHODS) - offered):
            with skips.one():  # should a tenant offer it after all, it may change no more than is ours
                body = ABSENT if method in ("GET", "DELETE") else _body_there(bench, path)
                answer = tenant.send(method, _at_ours(bench, operation), json=body)
                refused(tenant, answer, expected, f"{method} {path}", room=room)
                if answer.status == expected.status and tells_methods:
                    _tells_offered(answer, offered, f"{method} {path}")
    skips.settle()


def _tells_offered(answer: Answer, offered: set[str], what: str) -> None:
    allowed = {each.strip().upper() for each in answer.headers.get("allow", "").split(",")}
    if allowed - {"HEAD", "OPTIONS"} != offered:
        given = answer.headers.get("allow", "no such header")
        raise Broken(f"{what}: expected Allow to be {', '.join(sorted(offered))}, got {given}", answer)


def _at_ours(bench: Bench, operation: Operation) -> str:
    """Where a tenant that does offer the method after all finds a record of ours, or none to change or delete."""
    resource = addressed(operation)
    if resource is None or not bench.is_ours(resource):
        return _at_unknown(bench.tenant, operation)
    return fill(operation.path, bench.path(operation, bench.identity(resource, ours=True)))


def _body_there(bench: Bench, path: str) -> Any:
    """A body that some operation on the path accepts, so that a method which works shows."""
    there = [each for each in bench.tenant.vendor.operations.values() if each.path == path and accepts(each)]
    bodies = [bench.tenant.wrapped(each.id, bench.body(each)) for each in there]
    return bodies[0] if bodies else {}


def _at_unknown(tenant: Tenant, operation: Operation) -> str:
    owners = tenant.target.model.owners(operation)
    return fill(operation.path, {name: tenant.unknown_id(resource) for name, resource in owners.items()})


def unknown_paths(tenant: Tenant, rule: Rule) -> None:
    """A path that the document does not have is told so, whatever the method and whoever calls."""
    expected = refusal(tenant.vendor, "path_unknown")
    others = ("path_unknown", "method_unknown", "parameter_malformed", "credential_missing")
    room = {refusal(tenant.vendor, each).status for each in others}
    paths = ["/no-such-path", "/no-such-path/deeper/still"]
    paths += sorted({f"{_at_unknown(tenant, each)}/no-such-part" for each in judged(tenant, rule)})
    tried = METHODS if tenant.is_mock else ("GET",)  # elsewhere nothing tells what else would change
    for path in paths:
        for method in tried if path == paths[0] else ("GET",):
            if all(tenant.target.model.route(each, path) is None for each in METHODS):
                answer = tenant.send(method, path)
                refused(tenant, answer, expected, f"{method} {path}", room=room)
    if tenant.is_mock and not tenant.vendor.behaviour.get("paths", {}).get("trailing_slash"):
        _slash_at_the_end(tenant, rule)


def _slash_at_the_end(tenant: Tenant, rule: Rule) -> None:
    """A path with a slash more is another path, where the vendor does not say otherwise; a tenant may take it."""
    bench = Bench(tenant)
    for operation in judged(tenant, rule):
        if operation.method == "GET":
            path = fill(operation.path, bench.path(operation)) + "/"
            refused(tenant, tenant.send("GET", path), refusal(tenant.vendor, "path_unknown"), f"GET {path}")
