"""Windows that slide: how many calls are left of each caller and operation, when they come back, and what counts.

Where a clock can be set, it is frozen: then every figure is known. Elsewhere only what holds for any caller at any
moment is asked, and no limit is ever used up.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from contracts.control import Clock
from contracts.findings import Broken, NotJudged
from contracts.laws import aspects
from contracts.laws.bench import Bench
from contracts.laws.figures import figure, header_of
from contracts.laws.terms import (
    addressed,
    body_schema,
    brief,
    has_refusal,
    judged,
    refusal,
    refused,
)
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation, Rule

_A_FRACTION = "2026-03-02T09:00:00.250Z"  # so that what is rounded up can be told from what is cut off


def sliding_window(tenant: Tenant, rule: Rule) -> None:
    """Calls are counted by caller and operation, and come back one by one when each is as old as the window."""
    found = list(counters(tenant, rule))
    if not found:
        _only_on_429(tenant, rule)
        return
    skips = aspects.Skips()
    for counter in found:
        cases = {
            "retry_after": partial(_only_on_429, tenant, rule),
            "refused": partial(_refused, counter),
            "limit": partial(_limit, counter),
            "told": partial(_told, counter),
            "slides": partial(_slides, counter),
            "apart": partial(_apart, counter, found),
            "remaining": partial(_remaining, counter),
            "reset": partial(_reset, counter),
        }
        with skips.one():
            aspects.judge(tenant, "sliding-window", rule, cases)
    skips.settle()


@dataclass(frozen=True)
class Counter:
    """One operation, the quota that counts its calls, and the budget that this has for it."""

    tenant: Tenant
    operation: Operation
    quota: Mapping[str, Any]
    name: str
    calls: int
    seconds: float

    def __str__(self) -> str:
        return self.operation.id

    def fresh(self) -> "Counter":
        """The same in a world of its own, whose clock stands still and whose limits are not waited for."""
        self.tenant.needs_clock()
        world = self.tenant.fresh_world()
        world.is_patient = False
        clock = world.needs_clock()
        clock.freeze()
        clock.set(_A_FRACTION)
        return Counter(world, self.operation, self.quota, self.name, self.calls, self.seconds)

    @property
    def clock(self) -> Clock:
        return self.tenant.needs_clock()

    def call(self, **changed: Any) -> Answer:
        bench = Bench(self.tenant)
        return bench.call(self.operation, **{"path": bench.somewhere(self.operation), **changed})

    def fill(self, calls: int | None = None, **changed: Any) -> Answer:
        """So many calls, by default all that there are; the last answer. Broken when one is put off."""
        for number in range(1, (self.calls if calls is None else calls) + 1):
            answer = self.call(**changed)
            if answer.status == self.expected.status:
                raise Broken(f"call {number} of {self}: expected {self.calls} in {self.seconds:g} s", answer)
        return answer

    def figure(self, answer: Answer, part: str) -> int:
        return figure(answer, self.quota, part, str(self))

    def expect(self, answer: Answer, part: str, value: int, what: str) -> None:
        got = self.figure(answer, part)
        if got != value:
            raise Broken(f"{what}: expected {header_of(self.quota, part)} to be {value}, got {got}", answer)

    @property
    def expected(self) -> Any:
        return refusal(self.tenant.vendor, self.quota["refusal"])

    def is_put_off(self, answer: Answer, what: str) -> None:
        refused(self.tenant, answer, self.expected, what)


def counters(tenant: Tenant, rule: Rule) -> Iterator[Counter]:
    """The operations of a rule that a sliding quota counts; one without a credential counts by rules of its own."""
    for quota in tenant.vendor.behaviour.get("quotas", {}).values():
        if not isinstance(quota["window"], Mapping) or not quota.get("headers"):
            continue
        for operation in judged(tenant, rule):
            calls = quota["calls"].get(operation.id)
            if isinstance(calls, int) and operation.is_protected:
                yield Counter(tenant, operation, quota, "owner", calls, quota["window"]["seconds"])


def _others(counter: Counter) -> list[str]:
    """Other callers of the account who may call the operation."""
    callers = counter.tenant.vendor.callers
    account = callers["owner"].account
    may = [
        name
        for name, each in callers.items()
        if each.account == account and set(counter.operation.scopes) <= set(each.scopes)
    ]
    return [name for name in may if name not in ("owner", "expired") and name in counter.tenant.callers]


def _only_on_429(tenant: Tenant, rule: Rule) -> None:
    """`Retry-After` stands on the refusal of a call too many, and on nothing else that the run has seen."""
    bench = Bench(tenant)
    skips = aspects.Skips()
    for operation in judged(tenant, rule):
        with skips.one():
            bench.call(operation, path=bench.somewhere(operation))
            bench.call(operation, path=bench.somewhere(operation), caller=None)
            if addressed(operation) is not None:
                bench.call(operation, path=bench.path(operation, "not-an-id"))
    skips.settle()
    tenant.send("GET", "/no-such-path")
    too_many = {
        refusal(tenant.vendor, quota["refusal"]).status for quota in tenant.vendor.behaviour.get("quotas", {}).values()
    }
    for exchange in tenant.exchanges:
        if exchange.status not in too_many and "retry-after" in exchange.headers:
            what = f"{exchange.method} {exchange.path}, which answered {exchange.status}"
            raise Broken(f"{what}: expected no Retry-After", Answer(exchange, tenant))


def _refused(counter: Counter) -> None:
    here = counter.fresh()
    here.fill()
    for number in (1, 2):
        answer = here.call()
        here.is_put_off(answer, f"call {here.calls + number} of {here}")
        wait = answer.headers.get("retry-after", "")
        if not (wait.isascii() and wait.isdigit() and int(wait) >= 1):
            raise Broken(f"{here}: expected Retry-After to be a whole number of seconds, got {wait!r}", answer)


def _limit(counter: Counter) -> None:
    """As many calls as are documented are let through, and not one more. Elsewhere only the header is read."""
    if counter.tenant.clock is None:
        counter.expect(counter.call(), "limit", counter.calls, str(counter))
        return
    here = counter.fresh()
    here.fill()
    answer = here.call()
    if answer.status != here.expected.status:
        raise Broken(
            f"call {here.calls + 1} of {here} in no time: expected {here.expected}, got {brief(answer)}", answer
        )


def _told(counter: Counter) -> None:
    answer = counter.call()
    limit, left = counter.figure(answer, "limit"), counter.figure(answer, "remaining")
    if left > limit:
        raise Broken(f"{counter}: {left} calls remain of {limit}", answer)
    if counter.tenant.is_mock:
        counter.expect(answer, "limit", counter.calls, str(counter))


def _slides(counter: Counter) -> None:
    """Calls come back one by one: not all at once, as they do when a window begins anew."""
    here = counter.fresh()
    early = here.calls // 2
    here.fill(early)
    here.clock.advance(here.seconds - 1)
    here.fill(here.calls - early)
    here.is_put_off(here.call(), f"{here}: a second before the first calls are {here.seconds:g} s old")
    here.clock.advance(1)
    for number in range(1, early + 1):
        answer = here.call()
        if answer.status == here.expected.status:
            what = f"{here}: call {number} after {early} calls have become {here.seconds:g} s old"
            raise Broken(f"{what}: expected no {here.expected}", answer)
    here.is_put_off(here.call(), f"{here}: the later calls are a second old")


def _apart(counter: Counter, others: list[Counter]) -> None:
    """One caller's calls of one operation leave those of others, and of other operations, as they are."""
    here = counter.fresh()
    here.fill()
    for other in others:
        if other.operation.id != here.operation.id:
            answer = Bench(here.tenant).call(other.operation)
            other.expect(answer, "remaining", other.calls - 1, f"{other} after {here.calls} calls of {here}")
    for name in _others(here):
        answer = here.call(caller=name)
        here.expect(answer, "remaining", here.calls - 1, f"{here} by {name} after {here.calls} calls by the owner")


def _remaining(counter: Counter) -> None:
    """What remains goes down by one with each call, ends at 0, and comes back."""
    if counter.tenant.clock is None:
        _told(counter)
        return
    here = counter.fresh()
    for number in range(1, here.calls + 1):
        here.expect(here.call(), "remaining", here.calls - number, f"call {number} of {here}")
    here.expect(here.call(), "remaining", 0, f"a call too many of {here}")
    here.clock.advance(here.seconds)
    here.expect(here.call(), "remaining", here.calls - 1, f"{here} {here.seconds:g} s later")


def _reset(counter: Counter) -> None:
    """The reset is when the oldest call leaves, rounded up to a second; the wait is the time until then."""
    if counter.tenant.clock is None:
        raise NotJudged("needs a clock that can be set")
    here = counter.fresh()
    second = int(here.clock.now().timestamp())
    leaves = second + math.ceil(here.seconds + 0.25)
    here.expect(here.call(), "reset", leaves, f"the first call of {here}")
    here.clock.advance(7)
    here.expect(here.call(), "reset", leaves, f"a call of {here} 7 s after the first")
    here.fill(here.calls - 2)
    answer = here.call()
    here.expect(answer, "reset", leaves, f"a call too many of {here}")
    _expect_wait(here, answer, leaves - second - 7)
    here.clock.advance(here.seconds - 7.125)
    answer = here.call()
    here.is_put_off(answer, f"{here}: an eighth of a second before the first call leaves")
    _expect_wait(here, answer, 1)
    here.clock.advance(0.125)
    answer = here.call()
    if answer.status == here.expected.status:
        raise Broken(f"{here}: expected a call to be let through {here.seconds:g} s after the first", answer)
    here.expect(answer, "reset", leaves + 7, f"{here} after the first call has left")


def _expect_wait(here: Counter, answer: Answer, seconds: float) -> None:
    """The time until the reset, in whole seconds; where the moment is a fraction, cut off or rounded up."""
    told = answer.headers.get("retry-after")
    if told not in {str(max(1, math.floor(seconds))), str(max(1, math.ceil(seconds)))}:
        raise Broken(f"{here}: expected Retry-After to be {seconds:g}, got {told}", answer)


# What counts, and what every answer tells


def count_down(tenant: Tenant, rule: Rule) -> bool:
    """Each call by a good caller takes one from what remains, whatever it is answered. False: no window slides here."""
    found = list(counters(tenant, rule))
    skips = aspects.Skips()
    for counter in found:
        if tenant.clock is None:
            with skips.one():
                _told(counter)
            continue
        here = counter.fresh()
        last = here.calls
        for what, changed, counts in _calls(here):
            answer = here.call(**changed)
            if answer.status == here.expected.status:
                raise Broken(f"{here} {what}: expected {last} calls to remain, got {brief(answer)}", answer)
            if not counts:
                continue
            last -= 1
            here.expect(answer, "remaining", last, f"{here} {what}")
        _spares_refusals(here, last)
    skips.settle()
    return bool(found)


def _calls(here: Counter) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Calls that count, and between them calls that do not: those show in what remains after the next one."""
    bench, vendor, operation = Bench(here.tenant), here.tenant.vendor, here.operation
    good = here.tenant.headers("owner")
    yield "answered", {}, True
    yield "without a credential", {"caller": None}, False
    yield "answered", {}, True
    for name in good if has_refusal(vendor, "header_missing") else ():
        yield f"without {name}", {"headers": {name: None}}, False
    bad = next(name for name in good if name.lower() == "authorization")
    yield "with a token that is none", {"headers": {bad: good[bad] + "x"}}, False
    if addressed(operation) is not None:
        yield "of a malformed id", {"path": bench.path(operation, "not-an-id")}, True
        yield (
            "of an unknown id",
            {"path": bench.path(operation, here.tenant.unknown_id(str(addressed(operation))))},
            True,
        )
    if body_schema(vendor, operation) is not None:
        yield "with a body that is none", {"json": []}, True
    yield "answered", {}, True


def _spares_refusals(here: Counter, left: int) -> None:
    """Calls that were put off do not count, or nobody who asks on and on would ever be let in again."""
    here.clock.advance(here.seconds - 1)
    here.fill(left)
    for _ in range(3):
        here.is_put_off(here.call(), f"a call too many of {here}")
    here.clock.advance(1)
    here.expect(here.call(), "remaining", here.calls - left - 1, f"{here} after three calls that were put off")
