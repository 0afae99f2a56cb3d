"""Lists that come from a cache: how old they may be, and that asking for them counts."""

from functools import partial

from contracts.findings import Broken, NotJudged
from contracts.laws import aspects
from contracts.laws.bench import Bench
from contracts.laws.figures import figure
from contracts.laws.terms import find_operation, judged, key_of
from contracts.tenant import Tenant
from mockserver.vendor import Operation, Rule


def cache(tenant: Tenant, rule: Rule) -> None:
    """A list may be as old as its cache keeps it, and no older; an answer from there counts like any other."""
    tried = 0
    for operation in judged(tenant, rule, "list"):
        if "cache" in operation.table:
            tried += 1
            cases = {"counts": partial(_cached_counts, tenant, operation), "age": partial(_age, tenant, operation)}
            aspects.judge(tenant, "cache", rule, cases)
    if not tried:
        raise NotJudged("no list of the rule comes from a cache")


def _keeping(tenant: Tenant) -> Tenant:
    """A world whose lists come from a cache as long as they may."""
    control = tenant.target.control
    world = tenant.fresh_world()
    if control is None or world.world is None:
        raise NotJudged("needs a world of its own")
    world.needs_clock().freeze()
    control.switch(world.world, tenant.vendor.name, "cache", "stale")
    return world


def _cached_counts(tenant: Tenant, operation: Operation) -> None:
    world = _keeping(tenant)
    world.is_patient = False
    for quota in tenant.vendor.behaviour.get("quotas", {}).values():
        if operation.id not in quota.get("calls", ()) or not quota.get("headers"):
            continue
        first, again = Bench(world).call(operation), Bench(world).call(operation)
        left = figure(first, quota, "remaining", operation.id)
        now = figure(again, quota, "remaining", f"{operation.id} asked again")
        if now != left - 1:
            what = f"{operation.id} asked again at once"
            raise Broken(f"{what}: expected {left - 1} calls to remain, got {now}", again)
        return
    raise NotJudged(f"no quota counts {operation.id}")


def _age(tenant: Tenant, operation: Operation) -> None:
    """A new record shows at the latest when the cache has to be filled again."""
    resource = operation.table["resource"]
    if find_operation(tenant.vendor, "create", resource) is None:
        raise NotJudged(f"no operation makes a record of {resource}")
    worlds = [tenant] if tenant.clock is None else [tenant.fresh_world(), _keeping(tenant)]
    for world in worlds:
        bench = Bench(world)
        bench.listing(resource, bench.parent(resource))
        made = bench.create(resource)[key_of(tenant.vendor, resource)]
        _wait_until_listed(bench, operation, str(made))


def _let_pass(tenant: Tenant, seconds: float) -> None:
    if tenant.clock is not None:
        tenant.clock.advance(seconds)
    else:
        tenant.target.guard.watch.sleep(seconds)


def _wait_until_listed(bench: Bench, operation: Operation, identity: str) -> None:
    """Elsewhere than on the stand-in there is some grace, for a slow request after a full cache."""
    tenant, resource = bench.tenant, operation.table["resource"]
    seconds = operation.table["cache"]["seconds"]
    for _ in range(3 if tenant.clock is None else 1):
        if _is_listed(bench, resource, identity):
            return
        _let_pass(tenant, seconds if tenant.clock is not None else seconds * 2 / 3)
    if not _is_listed(bench, resource, identity):
        raise Broken(f"{operation.id}: expected {identity} in the list {seconds:g} s after it was made")


def _is_listed(bench: Bench, resource: str, identity: str) -> bool:
    """Asked for just as before, so that a cache has something to answer with."""
    key = key_of(bench.tenant.vendor, resource)
    return identity in [str(item.get(key)) for item in bench.listing(resource, bench.parent(resource))]
