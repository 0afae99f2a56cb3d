"""How a list stands: complete, each record once, in the order that it promises, and each item true."""

from collections.abc import Iterator

from contracts.findings import Broken, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.sorts import own_order
from contracts.laws.terms import (
    Record,
    accepts,
    find_operation,
    judged,
    key_of,
    references,
    short,
    succeed,
)
from contracts.tenant import Tenant
from mockserver.vendor import Operation, Rule

_COMPARED = 12


def list_order(tenant: Tenant, rule: Rule) -> None:
    """A list is sorted by what it promises to be sorted by, whatever was made, moved or deleted before."""
    tried = 0
    for lister in judged(tenant, rule, "list"):
        bench = Bench(tenant)
        tried += 1
        parents = _parents(bench, lister)
        for parent in parents:
            _check_list(bench, lister, parent, _seeded(bench, lister, parent))
        if not bench.is_ours(lister.table["resource"]):
            continue
        for expected in _histories(bench, lister, parents):
            for parent, identities in expected.items():
                _check_list(bench, lister, parent, identities)
    if not tried:
        raise NotJudged("no operation of the rule lists records")


def _parents(bench: Bench, lister: Operation) -> list[str | None]:
    holder = lister.table.get("within")
    if holder is None:
        return [None]
    return [bench.identity(holder["resource"], ours=False), *bench.known(holder["resource"])[1:2]]


def _seeded(bench: Bench, lister: Operation, parent: str | None) -> set[str]:
    """What has to be in the list before anything was made: known records, and on the stand-in those of its seed."""
    vendor, resource = bench.tenant.vendor, lister.table["resource"]
    table, holder = vendor.behaviour["resources"][resource], lister.table.get("within")
    found = set() if holder else set(bench.known(resource))
    for record in vendor.seed.get("records", {}).get(resource, []) if bench.tenant.is_mock else ():
        is_here = holder is None or record.get(holder["field"]) == parent
        is_here = is_here and not any(
            record.get(name) == value for name, value in lister.table.get("hides", {}).items()
        )
        if is_here and record.get(table.get("account")) in (None, vendor.callers["owner"].account):
            found.add(str(record[table["key"]]))
    return found


def _histories(bench: Bench, lister: Operation, parents: list[str | None]) -> Iterator[dict[str | None, set[str]]]:
    """Make, move and delete; after each step tell which of our records have to be in the list of each parent."""
    tenant, resource = bench.tenant, lister.table["resource"]
    key = key_of(tenant.vendor, resource)
    home = bench.parent(resource)
    made = [bench.create(resource)[key] for _ in range(3)]
    yield {home: set(made)}
    mover, name = _mover(bench, lister)
    others = [parent for parent in parents if parent not in (home, None)]
    if mover is not None and others:
        first, second, third = made
        for identity, target in ((second, others[0]), (first, others[0]), (first, home)):
            path = bench.path(mover, identity)
            succeed(tenant, mover, bench.call(mover, path=path, json={name: target}), f"{mover.id} to {target}")
        yield {home: {first, third}, others[0]: {second}}
    remover = find_operation(tenant.vendor, "delete", resource)
    if remover is not None:
        answer = bench.call(remover, path=bench.path(remover, made[2]))
        succeed(tenant, remover, answer, f"{remover.id} of {made[2]}")
        made.append(bench.create(resource)[key])
        yield {home: {made[0], made[3]}}


def _mover(bench: Bench, lister: Operation) -> tuple[Operation | None, str]:
    """The update that puts a record under another parent, and the field of its body."""
    holder = lister.table.get("within")
    update = find_operation(bench.tenant.vendor, "update", lister.table["resource"])
    for name in references(update) if update and holder else ():
        if update and holder and accepts(update).get(name) == holder["field"]:
            return update, name
    return None, ""


def _check_list(bench: Bench, lister: Operation, parent: str | None, identities: set[str]) -> None:
    tenant, resource = bench.tenant, lister.table["resource"]
    items = bench.listing(resource, parent)
    key = key_of(tenant.vendor, resource)
    found = [item.get(key) for item in items]
    what = f"{lister.id} {parent or ''}".strip()
    twice = [identity for identity in found if found.count(identity) > 1]
    if twice:
        raise Broken(f"{what}: {twice[0]} is in the list {found.count(twice[0])} times")
    lost = identities - set(found)
    if lost:
        raise Broken(f"{what}: expected {sorted(lost)[0]} in the list of {len(items)} records")
    own_order(bench, lister, items)
    if not tenant.is_mock and lister.table.get("any_order"):
        again = [item.get(key) for item in bench.listing(resource, parent)]
        if [each for each in again if each in found] != [each for each in found if each in again]:
            raise Broken(f"{what}: expected the same order in two calls in a row")
    ours = [item for item in items if item.get(key) in identities]
    for item in (ours + [item for item in items if item not in ours])[:_COMPARED]:
        _check_true(bench, lister, item)


def _check_true(bench: Bench, lister: Operation, item: Record) -> None:
    """An item shows what the single read of its record shows."""
    resource = lister.table["resource"]
    if find_operation(bench.tenant.vendor, "get", resource) is None:
        return
    identity = str(item[key_of(bench.tenant.vendor, resource)])
    for name, (want, got) in bench.untrue(lister, bench.read(resource, identity), item).items():
        raise Broken(f"{lister.id}: {name!r} of {identity} is {short(got)}, the single read shows {short(want)}")
