"""Before anything is judged: is this the API at all, and does it let the owner in? A few reads tell."""

import random
from collections.abc import Iterator

from contracts.findings import Exchange, Unjudgeable
from contracts.guard import BudgetSpent
from contracts.laws.access import reach
from contracts.model import path_names
from contracts.target import Target
from contracts.tenant import Answer, Tenant
from contracts.wire import TargetLost
from mockserver.vendor import Operation

_ENOUGH = 4


def check(target: Target) -> None:
    """Unjudgeable, with the reason in one line, when no read of the owner is answered as an API would."""
    tenant = target.tenant("preflight")
    answers: list[Answer] = []
    for operation, path in _reads(target):
        try:
            answers.append(tenant.call(operation.id, path=path))
        except (TargetLost, BudgetSpent) as error:
            raise Unjudgeable(str(error)) from None
        if _is_good(answers[-1].exchange):
            _check_callers(tenant, operation, path)
            return
        if len(answers) >= _ENOUGH:
            break
    if not answers:
        raise Unjudgeable("nothing can be read: the known ids are missing")
    raise Unjudgeable(_reason(target, [answer.exchange for answer in answers]))


def is_alive(target: Target, world: str | None) -> bool:
    """Whether the target still answers anything at all."""
    tenant = Tenant(target, world=world, chance=random.Random(0))
    for operation, path in _reads(target):
        try:
            tenant.call(operation.id, path=path)
        except TargetLost:
            return False
        return True
    return False


def _reads(target: Target) -> Iterator[tuple[Operation, dict[str, str]]]:
    """Reads that need no more than what is known, those without parameters first."""
    operations = [each for each in target.vendor.operations.values() if each.method == "GET"]
    for operation in sorted(operations, key=lambda each: len(path_names(each.path))):
        owners = target.model.owners(operation)
        path = {name: ids[0] for name, of in owners.items() if (ids := target.model.known_of(of, target.known))}
        if set(path_names(operation.path)) <= path.keys():
            yield operation, path


def _is_good(exchange: Exchange) -> bool:
    if not 200 <= exchange.status < 300:
        return False
    try:
        return isinstance(exchange.json(), (dict, list))
    except ValueError:
        return False


def _check_callers(tenant: Tenant, operation: Operation, path: dict[str, str]) -> None:
    """On a tenant a caller whose credential is refused outright would make good rules look broken."""
    if tenant.is_mock:
        return
    for name in tenant.callers:
        caller = tenant.vendor.callers.get(name)
        if caller is None or caller.expires_at or caller.is_revoked:
            continue
        if not set(operation.scopes) <= reach(tenant.vendor, caller):
            continue
        answer = tenant.call(operation.id, path=path, caller=name)
        if answer.status == 401:
            raise Unjudgeable(f"the credentials of {name} are refused: {answer.exchange.path} answered 401")


def _reason(target: Target, exchanges: list[Exchange]) -> str:
    statuses = {exchange.status for exchange in exchanges}
    first = exchanges[0]
    line = f"{first.method} {target.url}{first.path} answered {first.status}"
    if refused := [each for each in exchanges if each.status in (401, 403)]:
        return f"the credentials of owner are refused: {refused[0].path} answered {refused[0].status}"
    if statuses == {404}:
        expected = target.vendor.base_url
        return f"every read answers 404: is {target.url} the base URL? It takes the place of {expected}"
    if all(300 <= status < 400 for status in statuses):
        return f"{line} and leads to {first.headers.get('location', 'nowhere')}: redirects are not followed"
    if any(200 <= status < 300 for status in statuses):
        answered = next(each for each in exchanges if 200 <= each.status < 300)
        kind = answered.headers.get("content-type", "no content type")
        return f"{line} with {kind} and no JSON: this is not the API"
    if all(status >= 500 for status in statuses):
        return f"{line}, and so does every read: the target is out of order"
    return f"no read succeeds: {line}"
