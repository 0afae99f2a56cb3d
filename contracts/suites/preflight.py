"""Before anything is judged: is this the API at all, are the known ids there, do the credentials let their callers in?

A few reads tell, and one record that is made and removed. What is wrong with the run's own configuration would look
like broken rules later.
"""

import random
from collections.abc import Callable, Iterable, Iterator

from contracts.findings import BINDING_GRADES, Broken, Exchange, NotJudged, Unjudgeable, shorten
from contracts.laws.access import reach
from contracts.laws.terms import is_unsafe
from contracts.model import path_names
from contracts.safety.guard import BudgetSpent
from contracts.target import Target
from contracts.tenant import SampleFailed, Tenant
from contracts.wire import TargetLost
from mockserver.spec import resolve
from mockserver.vendor import Caller, Operation, Rule

SUITE = "preflight"
_ENOUGH = 4
_PAUSES = (1.0, 2.0, 4.0)  # seconds; a target that is started anew is back by then
_NOWHERE = "/proofboard-no-such-path"
_NOT_THERE = frozenset({404, 410})
_FORBIDDEN = 403
_REFUSED = frozenset({401, _FORBIDDEN})
_MALFORMED = frozenset({400, 422})


class Locked(Unjudgeable):
    """The owner is let in nowhere. `exchange` is the first refusal."""

    def __init__(self, why: str, exchange: Exchange) -> None:
        super().__init__(why)
        self.exchange = exchange


def check(target: Target, *, rules: Iterable[Rule], tell: Callable[[str], None] | None = None) -> list[str]:
    """What is wrong with the known ids, a line for each: the rules that need one of these will not be judged.

    `tell` hears of each line at once, because a run may take long.

    Unjudgeable, with the reason in one line, when no read of the owner is answered as an API would, or when a caller
    may not do what it is there for. Where the rules to judge need writing, a record is made and removed on a tenant.
    """
    tenant = target.tenant(SUITE)
    try:
        if target.is_mock:
            _find_read(target, tenant)
            return []
        wrong: list[str] = []
        _gather(wrong, _malformed(target), tell)
        operation, path = _find_read(target, tenant)
        _check_callers(tenant, operation, path)
        try:
            _gather(wrong, _absent(target, tenant, path), tell)
            if not target.guard.is_read_only and _need_writing(target, rules):
                _check_writes(target, tenant)
        except BudgetSpent:
            pass  # the rules find out what is left to be known
    except TargetLost as lost:
        raise Unjudgeable(str(lost)) from None
    return wrong


def _gather(wrong: list[str], lines: Iterable[str], tell: Callable[[str], None] | None) -> None:
    for line in lines:
        wrong.append(line)
        if tell is not None:
            tell(line)


def _need_writing(target: Target, rules: Iterable[Rule]) -> bool:
    operations = target.vendor.operations
    return any(is_unsafe(operations[name]) for rule in rules for name in rule.operations)


def is_alive(target: Target, world: str | None) -> bool:
    """Whether the target still answers anything at all; one that is away gets some seconds to come back."""
    tenant = Tenant(target, world=world, chance=random.Random(0))
    for pause in (0.0, *_PAUSES):
        target.guard.watch.sleep(pause)
        for operation, path in _reads(target):
            try:
                tenant.call(operation.id, path=path)
            except TargetLost as lost:
                if lost.is_timeout or target.is_mock:  # it was given its time already
                    return False
                break
            return True
    return False


def refusal(target: Target, failed: SampleFailed) -> str | None:
    """Why the owner may not make any record, where that is what kept the sample from being made."""
    exchange = failed.answer.exchange
    made = any(each.operation == exchange.operation and each.status < 300 for each in target.guard.exchanges)
    if made or exchange.status not in _REFUSED:
        return None
    return f"the credentials of owner may not write: {exchange.method} {exchange.path} answered {exchange.status}"


def _find_read(target: Target, tenant: Tenant) -> tuple[Operation, dict[str, str]]:
    """A read that the owner is granted."""
    seen: list[Exchange] = []
    for operation, path in _reads(target):
        try:
            exchange = _asked(tenant, operation, path)
        except BudgetSpent as spent:
            raise Unjudgeable(str(spent)) from None
        if _is_json(exchange):
            if not target.is_mock and not _has_record(target, exchange):
                _check_nowhere(tenant, exchange)
            return operation, path
        seen.append(exchange)
        if len(seen) >= _ENOUGH:
            break
    if not seen:
        raise Unjudgeable("nothing can be read: the known ids are missing, or none of them can be used")
    if refused := [each for each in seen if each.status in _REFUSED]:
        raise Locked(_refused(target, "owner", refused[0]), refused[0])
    raise Unjudgeable(_reason(target, seen))


def broken_by(target: Target, locked: Locked) -> Rule | None:
    """The rule that a mock breaks which does not let in whom its own control plane tells; None where nobody told.

    Of what a person gives as credentials nothing follows but that they are wrong.
    """
    told = (target.control.find_credentials() if target.control is not None else None) or {}
    callers = told.get(target.vendor.name, {}).get("callers", {})
    if callers.get("owner", {}).get("headers") != target.callers_of(None).get("owner"):
        return None
    law = "scopes" if locked.exchange.status == _FORBIDDEN else "credentials"
    rules = [each for each in target.vendor.rules.values() if each.judge == "law" and each.detail == (law,)]
    rules = [each for each in rules if locked.exchange.operation in each.operations]
    return min(rules, key=lambda each: each.grade not in BINDING_GRADES, default=None)


def _asked(tenant: Tenant, operation: Operation, path: dict[str, str], *, caller: str = "owner") -> Exchange:
    """The answer to a read, which is sent again where the connection was closed while it was on its way."""
    try:
        return tenant.call(operation.id, path=path, caller=caller).exchange
    except TargetLost as lost:
        if lost.is_timeout or not lost.was_sent:
            raise
    return tenant.call(operation.id, path=path, caller=caller).exchange


def _reads(target: Target) -> Iterator[tuple[Operation, dict[str, str]]]:
    """Reads that need no more than what is known, those without parameters first."""
    operations = [each for each in target.vendor.operations.values() if each.method == "GET"]
    for operation in sorted(operations, key=lambda each: len(path_names(each.path))):
        owners = target.model.owners(operation)
        path = {name: ids[0] for name, of in owners.items() if (ids := target.model.known_of(of, target.known))}
        if set(path_names(operation.path)) <= path.keys():
            yield operation, path


def _is_json(exchange: Exchange) -> bool:
    if not 200 <= exchange.status < 300:
        return False
    try:
        return isinstance(exchange.json(), (dict, list))
    except ValueError:
        return False


def _has_record(target: Target, exchange: Exchange) -> bool:
    """Whether an answer holds what the operation answers."""
    try:
        found = target.model.record(exchange.operation or "", exchange.json())
    except (LookupError, TypeError):
        return False
    return isinstance(found, (dict, list))


def _check_nowhere(tenant: Tenant, exchange: Exchange) -> None:
    """What answers everything alike is no API, whatever it says."""
    answer = tenant.send("GET", _NOWHERE)
    if _is_json(answer.exchange):
        raise Unjudgeable(
            f"{_line(exchange)}, and so does {answer.exchange.path}, which no API has: this is not the API"
        )


def _check_callers(tenant: Tenant, operation: Operation, path: dict[str, str]) -> None:
    """On a tenant a caller whose credential is refused outright would make good rules look broken."""
    for name in tenant.callers:
        caller = tenant.vendor.callers.get(name)
        if caller is None or name == "owner" or caller.expires_at or caller.is_revoked:
            continue
        if not set(operation.scopes) <= reach(tenant.vendor, caller):
            continue
        exchange = _asked(tenant, operation, path, caller=name)
        if exchange.status == 401 or (exchange.status == 403 and _is_of_account(tenant, caller, operation)):
            raise Unjudgeable(_refused(tenant.target, name, exchange))


def _is_of_account(tenant: Tenant, caller: Caller, operation: Operation) -> bool:
    """Whether a caller has itself what the operation asks for: that scopes include others is left to tenants."""
    return caller.account == tenant.vendor.callers["owner"].account and set(operation.scopes) <= set(caller.scopes)


def _malformed(target: Target) -> Iterator[str]:
    """Known ids that cannot be ids; nothing is asked about them."""
    for role, resource in _roles(target):
        identity = target.known[role]
        if not target.model.is_formed(resource, identity):
            form = target.model.resource(resource).get("id_form")
            yield f"known {role} {identity!r} cannot be right: expected {form}"
            _drop(target, role, "cannot be right")


def _absent(target: Target, tenant: Tenant, read: dict[str, str]) -> Iterator[str]:
    """Known ids that name nothing, or nothing that the owner may see."""
    for role, resource in _roles(target):
        identity = target.known[role]
        if identity in read.values():
            continue
        for operation, path in _reads_of(target, resource, identity):
            exchange = _asked(tenant, operation, path)
            if exchange.status in _NOT_THERE | _REFUSED | _MALFORMED:
                what = "names nothing" if exchange.status in _NOT_THERE else "cannot be used"
                yield f"known {role} {identity!r} {what}: GET {exchange.path} answered {exchange.status}"
                _drop(target, role, what)
            break


def _roles(target: Target) -> list[tuple[str, str]]:
    """The known ids that are given: role, and resource."""
    return [(role, of) for role, of in target.vendor.behaviour.get("known", {}).items() if role in target.known]


def _reads_of(target: Target, resource: str, identity: str) -> Iterator[tuple[Operation, dict[str, str]]]:
    """Reads that have the id in their path: first those of the record itself."""
    tables = {
        each.id: target.model.table(each.id) for each in target.vendor.operations.values() if each.method == "GET"
    }
    for name in sorted(tables, key=lambda each: tables[each].get("resource") != resource):
        operation = target.vendor.operations[name]
        owners = target.model.owners(operation)
        path = {name: ids[0] for name, of in owners.items() if (ids := target.model.known_of(of, target.known))}
        mine = [name for name, of in owners.items() if of == resource]
        if mine and set(path_names(operation.path)) <= path.keys():
            yield operation, {**path, mine[-1]: identity}


def _drop(target: Target, role: str, why: str) -> None:
    target.useless[role] = why
    target.known = {name: identity for name, identity in target.known.items() if name != role}


def _check_writes(target: Target, tenant: Tenant) -> None:
    """An owner who may read and not write would make every rule of a write look broken."""
    for resource, sample in target.vendor.behaviour.get("samples", {}).items():
        if not {"create", "delete"} <= sample.keys():
            continue
        key = target.model.resource(resource)["key"]
        try:
            identity = str(tenant.create(resource)[key])
            answer = tenant.remove(resource, identity)
        except SampleFailed as failed:
            if why := refusal(target, failed):
                raise Unjudgeable(why) from None
            continue
        except (NotJudged, Broken, LookupError):
            continue
        finally:
            target.clean_up(is_last=False)
        if answer.status in _REFUSED:
            told = f"{answer.exchange.method} {answer.exchange.path} answered {answer.status}"
            raise Unjudgeable(f"the credentials of owner may not remove what they made: {told}")
        return


def _line(exchange: Exchange) -> str:
    return f"{exchange.method} {exchange.url.partition('?')[0]} answered {exchange.status}"


def _reason(target: Target, exchanges: list[Exchange]) -> str:
    statuses = {exchange.status for exchange in exchanges}
    first = exchanges[0]
    if statuses == {404}:
        return f"every read answers 404: is {target.url} the base URL? It takes the place of {target.vendor.base_url}"
    if all(300 <= status < 400 for status in statuses):
        where = shorten(" ".join(first.headers.get("location", "nowhere").split()))
        return f"{_line(first)} and leads to {where}: redirects are not followed"
    if answered := [each for each in exchanges if 200 <= each.status < 300]:
        kind = answered[0].headers.get("content-type", "no content type")
        what = f"with {kind} and no JSON" if answered[0].body.strip() else "with an empty body"
        return f"{_line(answered[0])} {what}: this is not the API"
    if all(status >= 500 for status in statuses):
        return f"{_line(first)}, and so does every read: the target is out of order"
    return f"no read succeeds: {_line(first)}{_told(first)}"


def _refused(target: Target, caller: str, exchange: Exchange) -> str:
    told = f"the credentials of {caller} are refused: {exchange.path} answered {exchange.status}"
    if _lacks_bearer(target, caller):
        told += "; its Authorization does not begin with 'Bearer '"
    return told


def _lacks_bearer(target: Target, caller: str) -> bool:
    """Whether a token was given bare where the document asks for the scheme before it."""
    document = target.vendor.document
    schemes = [resolve(document, each) for each in document["components"]["securitySchemes"].values()]
    given = {name.lower(): value for name, value in target.callers_of(None)[caller].items()}.get("authorization", "")
    is_bearer = any(each.get("scheme", "").lower() == "bearer" for each in schemes)
    return is_bearer and bool(given) and not given.lower().startswith("bearer ")


def _told(exchange: Exchange) -> str:
    """What an answer says, in a few words on the same line."""
    text = "".join(
        character if character.isprintable() else " " for character in exchange.body[:400].decode(errors="replace")
    )
    text = " ".join(text.split())
    return f" {shorten(text, 100)}" if text else ""
