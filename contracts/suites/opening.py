"""One good call of every operation, before a budget is spent on single questions: many rules of schemas show in it.

Judges nothing itself; the ledger watches. What is changed or removed is a record that this run makes.
"""

from collections.abc import Iterator

from contracts.docket import Docket
from contracts.findings import Broken, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.terms import is_unsafe
from contracts.safety.guard import BudgetSpent
from mockserver.vendor import Operation

SUITE = "opening"
_LAST = "delete"  # what it removes the others may still need


def run(docket: Docket) -> None:
    """Call what can be called. A budget that is spent ends it, and never the run; TargetLost passes."""
    target = docket.target
    chosen = list(_chosen(docket))
    docket.progress.stage(SUITE, len(chosen))
    bench = Bench(target.tenant(SUITE))
    try:
        for operation in chosen:
            docket.meter.at(SUITE, operation.id)
            docket.progress.step(operation.id)
            try:
                _call(bench, operation)
            except BudgetSpent as spent:
                docket.spent(spent)
            except (NotJudged, Broken, LookupError):
                continue  # the checks of its rules tell what is amiss
    finally:
        if not target.is_mock:
            target.clean_up(is_last=False)


def _call(bench: Bench, operation: Operation) -> None:
    """Where it makes the sample record, that is kept for the operations after it."""
    resource = operation.table.get("resource")
    samples = bench.tenant.vendor.behaviour.get("samples", {})
    if samples.get(resource, {}).get("create") == operation.id:
        bench.record(str(resource))
    else:
        bench.call(operation)


def _chosen(docket: Docket) -> Iterator[Operation]:
    """What is safe first, then what makes and changes, at last what removes; of a few rules only what they speak of."""
    wanted = {name for rule in docket.rules.values() if rule.judge == "schema" for name in rule.operations}
    every = docket.target.vendor.operations.values()
    operations = [each for each in every if each.id in wanted or not docket.is_selective]
    login = (docket.target.vendor.behaviour.get("credentials", {}).get("login") or {}).get("operation")
    for operation in sorted(operations, key=lambda each: (is_unsafe(each), each.table.get("verb") == _LAST)):
        if operation.id != login:  # it may be called a few times only, and callers who log in need them
            yield operation
