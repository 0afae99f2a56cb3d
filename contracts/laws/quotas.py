"""What every answer tells of a quota, and what counts: by the calendar, or in a window that slides."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from contracts.findings import Broken, NotJudged
from contracts.laws import windows
from contracts.laws.aspects import Skips
from contracts.laws.bench import Bench
from contracts.laws.figures import figure, header_of
from contracts.laws.terms import addressed, body_schema, has_refusal, is_unsafe, judged
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation, Rule, Vendor


def quota_headers(tenant: Tenant, rule: Rule) -> None:
    """Every answer, refusals included, tells how much the caller may still call, and from when on anew.

    The other headers that a vendor puts on every answer are looked for too.
    """
    limits: dict[str, str] = {}
    skips = Skips()
    for operation in judged(tenant, rule):
        with skips.one():
            for what, answer in _kinds(Bench(tenant), operation):
                _check_answer(tenant, answer, what, limits, operation.id)
    skips.settle()
    if not limits:
        raise NotJudged("no answer has a quota")
    for method, path in (("GET", "/no-such-path"), ("TRACE", next(iter(judged(tenant, rule))).path)):
        if tenant.is_mock:
            answer = tenant.send(method, path)
            _check_others(tenant, answer, f"{method} {path}")
            for quota in _quotas(tenant.vendor).values():
                _check_quota(tenant, quota, answer, f"{method} {path}")


def _check_answer(tenant: Tenant, answer: Answer, what: str, limits: dict[str, str], operation: str) -> None:
    _check_others(tenant, answer, what)
    for name, quota in _quotas(tenant.vendor).items():
        limit = _check_quota(tenant, quota, answer, what)
        # The calls of a month are counted over all operations, those of a window for each.
        place = name if quota["window"] == "month" else f"{name} {operation}"
        if limits.setdefault(place, limit) != limit:
            raise Broken(f"{what}: expected the same limit everywhere, got {limits[place]} and {limit}", answer)


def _quotas(vendor: Vendor) -> dict[str, Mapping[str, Any]]:
    return {name: quota for name, quota in vendor.behaviour.get("quotas", {}).items() if quota.get("headers")}


def _kinds(bench: Bench, operation: Operation) -> Iterator[tuple[str, Answer]]:
    """One answer of each kind."""
    path = bench.somewhere(operation)
    yield f"{operation.id} (answered)", bench.call(operation, path=path)
    yield f"{operation.id} without a credential", bench.call(operation, path=path, caller=None)
    if has_refusal(bench.tenant.vendor, "header_missing") and "expired" in bench.tenant.callers:
        yield f"{operation.id} with an expired token", bench.call(operation, path=path, caller="expired")
    resource = addressed(operation) if "resource" in operation.table else None
    if resource:
        unknown = bench.path(operation, bench.tenant.unknown_id(resource))
        yield f"{operation.id} of an unknown id", bench.call(operation, path=unknown)
    if "reader" in bench.tenant.callers and is_unsafe(operation):
        yield f"{operation.id} by a reader", bench.call(operation, path=path, caller="reader")
    if body_schema(bench.tenant.vendor, operation) is not None:
        yield f"{operation.id} with a body that is none", bench.call(operation, path=path, json=[])


def _check_others(tenant: Tenant, answer: Answer, what: str) -> None:
    """Headers with a value that differs from answer to answer; fixed ones are the document's."""
    for name, value in tenant.vendor.behaviour.get("responses", {}).get("headers", {}).items():
        if value.startswith("$") and not answer.headers.get(name):
            raise Broken(f"{what}: expected the header {name}, got none", answer)


def _check_quota(tenant: Tenant, quota: Mapping[str, Any], answer: Answer, what: str) -> str:
    limit, remaining = (figure(answer, quota, part, what) for part in ("limit", "remaining"))
    if remaining > limit:
        raise Broken(f"{what}: {remaining} calls remain of {limit}", answer)
    name = header_of(quota, "reset")
    given = answer.headers.get(name)
    if quota["window"] == "month":
        if given not in _next_months(tenant):
            expected = " or ".join(sorted(_next_months(tenant)))
            raise Broken(f"{what}: expected {name} to be {expected}, got {given!r}", answer)
        return str(limit)
    _check_reset(tenant, quota, figure(answer, quota, "reset", what), answer, what)
    return str(limit)


def _check_reset(tenant: Tenant, quota: Mapping[str, Any], reset: int, answer: Answer, what: str) -> None:
    """A sliding window ends within its length from now; on a tenant's clock there is some room."""
    now = _moment(tenant, answer)
    seconds, room = quota["window"]["seconds"], 1 if tenant.is_mock else 60
    if now is not None and not now - room <= reset <= now + seconds + room:
        name = header_of(quota, "reset")
        raise Broken(f"{what}: expected {name} within {seconds:g} s from {now:.0f}, got {reset}", answer)


def _moment(tenant: Tenant, answer: Answer) -> float | None:
    """When an answer was given: by the clock of the world, or by the answer's own date."""
    if tenant.clock is not None:
        return tenant.clock.now().timestamp()
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return None


def _next_months(tenant: Tenant) -> set[str]:
    """The first of the following month. Without the target's clock the hour around now is allowed for."""
    if tenant.clock is not None:
        moments = [tenant.clock.now()]
    else:
        moments = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-30, 30)]
    first = [(moment.replace(day=1) + timedelta(days=32)).replace(day=1) for moment in moments]
    return {moment.strftime("%Y-%m-%dT00:00:00Z") for moment in first}


def quota_countdown(tenant: Tenant, rule: Rule) -> None:
    """Each counted call takes one from what remains, whoever of the account calls and whatever is answered."""
    if windows.count_down(tenant, rule):
        return
    rounds = 1 if tenant.is_mock else 3  # somebody else may use the tenant at the same moment
    for number in range(rounds):
        try:
            _count_down(tenant, judged(tenant, rule))
            return
        except _Fewer as fewer:
            if tenant.is_mock:
                raise
            if number == rounds - 1:
                raise NotJudged(f"others seem to use the tenant meanwhile: {fewer.what}") from None


class _Fewer(Broken):
    """Fewer calls remain than should: somebody else may have called."""


def _count_down(tenant: Tenant, operations: list[Operation]) -> None:
    for quota in _quotas(tenant.vendor).values():
        bench = Bench(tenant)
        for operation in operations:
            bench.path(operation)
        last: int | None = None
        for what, caller, request in _calls(bench, operations):
            before = tenant.target.guard.requests
            answer = bench.call(request[0], caller=caller, **request[1])
            remaining = figure(answer, quota, "remaining", what)
            if last is not None:  # on a tenant the guard may have looked something up first
                last -= tenant.target.guard.requests - before - 1
            counted = caller is not None and answer.status not in quota.get("spared", [])
            if last is not None and remaining != last - counted:
                if caller is not None or tenant.is_mock:
                    kind = _Fewer if remaining < last - counted else Broken
                    raise kind(f"{what}: expected {last - counted} calls to remain, got {remaining}", answer)
            elif last is not None and not counted:
                continue
            last = remaining if caller is not None or tenant.is_mock else last


def _calls(
    bench: Bench, operations: list[Operation]
) -> Iterator[tuple[str, str | None, tuple[Operation, dict[str, Any]]]]:
    """Good calls, refused ones, and between them calls without a credential. The first only tells where to start."""
    for operation in operations[:1] + operations:
        yield f"{operation.id} (answered)", "owner", (operation, {})
        yield f"{operation.id} without a credential", None, (operation, {})
        resource = addressed(operation)
        if resource:
            unknown = bench.path(operation, bench.tenant.unknown_id(resource))
            yield f"{operation.id} of an unknown id", "owner", (operation, {"path": unknown})
            malformed = bench.path(operation, "not-an-id")
            yield f"{operation.id} of a malformed id", "owner", (operation, {"path": malformed})
        if "reader" in bench.tenant.callers:
            yield f"{operation.id} by a reader", "reader", (operation, {})
