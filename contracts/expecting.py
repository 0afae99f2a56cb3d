"""What rule functions of all vendors say when something is not as it has to be. No rule is judged here."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from contracts.findings import Broken, NotJudged, needs_known
from contracts.laws.terms import Record, brief, is_told_by_its_status, same, short
from contracts.tenant import Answer, Tenant


def stand_in(tenant: Tenant, why: str = "is the stand-in's own decision") -> Tenant:
    """The stand-in itself; NotJudged on a tenant."""
    if not tenant.is_mock:
        raise NotJudged(why)
    return tenant


def known(tenant: Tenant, role: str) -> str:
    """The id of a known record; NotJudged where the target tells none."""
    if role not in tenant.known:
        raise needs_known(role)
    return tenant.known[role]


def expect(holds: object, what: str, answer: Answer | None = None) -> None:
    """Broken unless it holds; `what` tells what was expected and what came instead."""
    if not holds:
        raise Broken(what, answer)


def expect_equal(what: str, expected: Any, got: Any, answer: Answer | None = None) -> None:
    """Broken unless both are the same JSON."""
    expect(same(expected, got), f"{what}: expected {short(expected)}, got {short(got)}", answer)


def expect_status(answer: Answer, what: str, *statuses: int) -> None:
    """Broken unless the answer has one of the statuses.

    For an expected success any success will do that is wrong in its status alone: the rules about statuses tell it.
    """
    operation = answer.vendor.operations.get(answer.exchange.operation or "")
    expects_success = any(200 <= status < 300 for status in statuses)
    if not (expects_success and is_told_by_its_status(answer.vendor, operation, answer.status)):
        expect_exactly(answer, what, *statuses)


def expect_exactly(answer: Answer, what: str, *statuses: int) -> None:
    """Broken unless the answer has one of the statuses: for rules about statuses."""
    expected = " or ".join(map(str, statuses))
    expect(answer.status in statuses, f"{what}: expected {expected}, got {brief(answer)}", answer)


def expect_kept(what: str, before: Mapping[str, Any], after: Mapping[str, Any], *, but: Collection[str] = ()) -> None:
    """Broken when a field, other than those of `but`, is not the same in both."""
    for name in (*before, *(name for name in after if name not in before)):
        if name not in but:
            was, now = before.get(name, "(absent)"), after.get(name, "(absent)")
            expect(same(was, now), f"{what}: expected {name!r} to be {short(was)}, got {short(now)}")


def moment(record: Record, name: str) -> datetime:
    """A time of a record."""
    try:
        return datetime.fromisoformat(record[name])
    except (TypeError, ValueError):
        raise Broken(f"expected {name} to be a time, got {short(record[name])}") from None


def tick(tenant: Tenant, seconds: float = 3600) -> None:
    """Let time pass where there is a clock to turn, so that a new time differs from the old one."""
    if tenant.clock is not None:
        tenant.clock.advance(seconds)
