"""One run from preflight to clean-up: the suites in their order, and the one verdict that comes of them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import NotRequired, TypedDict, Unpack

from contracts import crashes, tenant_file
from contracts.countdown import Countdown
from contracts.course import Course, Forecast
from contracts.coverage import Coverage
from contracts.docket import Docket, Enough, Progress
from contracts.findings import Exchange, Finding, NotJudged, Unjudgeable, Verdict, shorten, unmasked
from contracts.ledger import Ledger
from contracts.meter import Meter
from contracts.report.har import Recorder
from contracts.safety.guard import Budget, BudgetSpent
from contracts.suites import conformance, model, opening, preflight
from contracts.suites import rules as rule_suite
from contracts.target import Target
from contracts.wire import TargetLost
from mockserver.vendor import Rule, Vendor

CONFORMS, DOES_NOT, COULD_NOT_JUDGE = 0, 1, 2
INTERRUPTED = "interrupted"
_TRIES = {"quick": 2, "thorough": 4}  # of a check on a tenant
_PASSING_TROUBLES = frozenset({502, 503, 504})


@dataclass(frozen=True)
class Result:
    """What a run came to. `reason` says in one line why it could not judge, or what was left out."""

    vendor: Vendor
    target: str
    is_mock: bool
    seed: int
    profile: str
    exit_code: int
    reason: str | None
    rules: tuple[Rule, ...]
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()  # what the harness itself could not do; told in the notes too
    requests: int = 0
    writes: int = 0
    cases: int = 0
    seconds: float = 0.0
    is_local: bool = False
    tenant_file: str | None = None
    mask: Callable[[str], str] = unmasked
    coverage: Coverage | None = None
    limits: Mapping[str, float | None] = field(default_factory=dict)  # requests, writes, per_minute, seconds
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    meter: Meter = field(default_factory=Meter)  # what was sent, and for what

    def count(self, state: str) -> int:
        """How many rules hold, are broken, or are not judged."""
        return sum(verdict.state == state for verdict in self.verdicts)

    def weigh(self, severity: str) -> int:
        """How many findings are errors, or warnings. Those that are known do not count."""
        return sum(finding.severity == severity and finding.known is None for finding in self.findings)


def unjudged(vendor: Vendor, rules: Iterable[Rule], url: str, reason: str, *, profile: str, seed: int) -> Result:
    """The result of a run that could not begin."""
    chosen = tuple(rules)
    return Result(
        vendor=vendor,
        target=url,
        is_mock=False,
        seed=seed,
        profile=profile,
        exit_code=COULD_NOT_JUDGE,
        reason=reason,
        rules=chosen,
        verdicts=tuple(Verdict(rule.id, "not judged", reason) for rule in chosen),
    )


@dataclass(frozen=True)
class Run:
    """A run that has begun: what it finds out, and what watches it."""

    docket: Docket
    profile: str
    coverage: Coverage
    limits: Mapping[str, float | None]
    began: float  # of the monotonic clock
    started_at: datetime


class Options(TypedDict):
    """How a run goes.

    The course of a rehearsal says how to spend a budget on a tenant, the forecast what is to come, for those who watch.
    The recorder keeps every exchange. `is_enough` says of a finding that the run may end with it.
    """

    profile: str
    is_selective: bool
    progress: Progress
    course: NotRequired[Course | None]
    forecast: NotRequired[Forecast | None]
    recorder: NotRequired[Recorder | None]
    is_enough: NotRequired[Callable[[Finding], bool] | None]


def run(target: Target, rules: Iterable[Rule], **options: Unpack[Options]) -> Result:
    """Judge the rules on the target. Never raises for what the target does; clean-up happens whatever comes."""
    begun = begin(target, rules, **options)
    return conclude(begun, _try(begun.docket, begun.profile))


def begin(target: Target, rules: Iterable[Rule], **options: Unpack[Options]) -> Run:
    """Everybody watches the target; nothing was asked yet."""
    started, started_at = time.monotonic(), datetime.now(UTC)
    chosen = {rule.id: rule for rule in rules}
    course = None if target.is_mock else options.get("course")
    progress, recorder = options["progress"], options.get("recorder")
    spared = () if target.is_mock else target.vendor.behaviour.get("may_take", ())
    ledger = Ledger(target.vendor, chosen.values(), spared=spared)
    docket = Docket(
        target,
        chosen,
        ledger,
        is_selective=options["is_selective"],
        progress=progress,
        course=course,
        is_enough=options.get("is_enough"),
        tries=_TRIES[options["profile"]],
    )
    target.guard.pace.told = progress.wait
    progress.begin(docket.meter, course.forecast if course is not None else options.get("forecast"))
    coverage = Coverage(target.vendor, is_own_world=target.is_mock)
    limits = _limits(target.guard.budget, started)
    if recorder is not None:
        recorder.begin(target.guard, docket.meter)
    observers = (docket.meter.observe, ledger.watch, coverage.watch, partial(_watch_for_faults, docket))
    target.guard.observers.extend(observers)
    if not target.is_mock:
        target.guard.observers.append(
            Countdown(target.vendor, target.guard.watch.monotonic, partial(_tell, docket)).watch
        )
    return Run(docket, options["profile"], coverage, limits, started, started_at)


def conclude(run: Run, lost: str | None = None) -> Result:
    """What a run has come to. `lost` is what ended it before it came to a verdict, if anything did."""
    docket, target = run.docket, run.docket.target
    _settle(docket, lost)
    _tell_wavering(docket)
    code, reason = _conclude(docket, lost)
    return Result(
        vendor=target.vendor,
        target=target.url,
        is_mock=target.is_mock,
        seed=target.seed,
        profile=run.profile,
        exit_code=code,
        reason=reason,
        rules=tuple(docket.rules.values()),
        verdicts=tuple(docket.verdicts[rule] for rule in docket.rules),
        findings=tuple(sorted(docket.findings.values(), key=_rank)),
        notes=(*_warn_of(target), *docket.notes, *docket.failed),
        left_behind=tuple(target.left_behind),
        failed=tuple(docket.failed),
        requests=target.guard.requests,
        writes=target.guard.writes,
        cases=docket.cases,
        seconds=time.monotonic() - run.began,
        is_local=target.is_local,
        mask=target.guard.mask,
        coverage=run.coverage,
        limits=run.limits,
        started_at=run.started_at,
        meter=docket.meter,
    )


def _warn_of(target: Target) -> Iterator[str]:
    if not target.is_local and (warning := tenant_file.find_clear_text(target.url)):
        yield warning


def _try(docket: Docket, profile: str) -> str | None:
    """Ask, and clean up whatever comes; what ended it before it came to a verdict, if anything did."""
    try:
        _ask(docket, profile)
    except BudgetSpent as spent:
        docket.spent(spent)
    except Enough:
        docket.notes.append("the run ended with its first finding: the rules that it did not reach are not judged")
    except (Unjudgeable, TargetLost, NotJudged) as error:
        return str(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # what was judged so far is told all the same, and what was made is removed
        return crashes.tell(error, docket.target.guard.mask)
    finally:
        _finish(docket)
    return None


def _ask(docket: Docket, profile: str) -> None:
    """All suites in their order. Under a budget a good call of each operation comes first, and what is large last."""
    docket.meter.at("preflight")
    try:
        docket.failed += preflight.check(
            docket.target,
            rules=docket.rules.values(),
            tell=lambda line: docket.progress.note(docket.target.guard.mask(line)),
        )
    except preflight.Locked as locked:
        rule = preflight.broken_by(docket.target, locked)
        if rule is None or rule.id not in docket.rules:
            raise
        docket.broken(rule, str(locked), locked.exchange, suite=preflight.SUITE)
        docket.notes.append(f"{locked}: the rules that it did not reach are not judged")
        return
    if docket.course is not None:
        opening.run(docket)
    postponed = rule_suite.run(docket, is_late=False)
    if docket.ration.stopped is None:
        _conform(docket, profile)
    if docket.ration.stopped is None:
        _play(docket, profile)
    rule_suite.finish(docket, postponed)
    rule_suite.run(docket, is_late=True)


def _limits(budget: Budget, now: float) -> dict[str, float | None]:
    """What the run may use, as the report tells it; None is without limit."""
    seconds = None if budget.ends_at is None else round(budget.ends_at - now, 1)
    return {
        "requests": budget.requests,
        "writes": budget.writes,
        "per_minute": budget.per_minute,
        "seconds": seconds,
    }


def select(vendor: Vendor, patterns: Sequence[str] = ()) -> list[Rule]:
    """The rules whose ids fit one of the patterns, such as `XY-0*`; all without one."""
    rules = vendor.rules.values()
    return [rule for rule in rules if not patterns or any(fnmatchcase(rule.id.lower(), p.lower()) for p in patterns)]


def _watch_for_faults(docket: Docket, exchange: Exchange) -> None:
    """No request of ours may make a server fail, whichever suite sent it. Gateways and outages answer otherwise."""
    if exchange.status < 500 or exchange.status in _PASSING_TROUBLES or "prefer" in exchange.request_headers:
        return
    rule = docket.target.vendor.behaviour.get("refusals", {}).get("fault", {}).get("rule")
    if rule in docket.rules and exchange.operation is not None and rule not in docket.findings:
        what = f"{exchange.operation} answered {exchange.status}: {shorten(exchange.body.decode(errors='replace'))}"
        docket.broken(docket.rules[rule], what, exchange, suite=conformance.SUITE)


def _tell(docket: Docket, rule: Rule, what: str, exchange: Exchange) -> None:
    """What was seen of a rule in passing, where the run judges it."""
    if rule.id in docket.rules:
        docket.broken(rule, what, exchange, suite=rule_suite.SUITE)


def _conform(docket: Docket, profile: str) -> None:
    """The conformance suite; of a few rules only for those that it exercises."""
    operations: tuple[str, ...] = ()
    if docket.is_selective:
        wanted = {name for rule in docket.rules.values() if rule.judge == "schema" for name in rule.operations}
        if not wanted:
            return
        operations = tuple(name for name in docket.target.vendor.operations if name in wanted)
    share = None
    if docket.course is not None and (share := docket.course.share(docket.ration.for_conformance())) is None:
        for phase in docket.course.phases:
            docket.meter.skip(conformance.SUITE, phase)
        docket.notes.append(f"{conformance.SUITE} was left out: the budget has no room for it")
        return
    try:
        conformance.run(docket, conformance.Scope(profile, operations, share))
    except conformance.ShareSpent as spent:
        docket.notes.append(f"{conformance.SUITE} ended early: {spent}")
    except BudgetSpent as spent:
        docket.notes.append(f"{conformance.SUITE} ended early: {docket.spent(spent)}")
    except NotJudged as unjudged:  # a limit of a tenant says nothing against what was judged so far
        docket.notes.append(f"{conformance.SUITE} ended early: {unjudged.why}")


def _play(docket: Docket, profile: str) -> None:
    """The sequences of the model suite, which judge no single rule."""
    if docket.is_selective:
        docket.meter.skip(model.SUITE, model.SEQUENCES)
        return
    try:
        model.run(docket, profile)
    except model.ShareSpent as spent:
        docket.notes.append(f"{model.SUITE} ended early: {spent}")
    except BudgetSpent as spent:
        docket.notes.append(f"{model.SUITE} ended early: {docket.spent(spent)}")
    except NotJudged as unjudged:
        docket.notes.append(f"{model.SUITE} ended early: {unjudged.why}")


def _finish(docket: Docket) -> None:
    """Remove what is left, even after an interrupt; a second interrupt leaves the rest and says so."""
    target = docket.target
    if target.is_mock:
        return
    docket.meter.at("clean-up")
    target.guard.cleaning()
    target.clean_up()


def _settle(docket: Docket, lost: str | None) -> None:
    """Give every rule its verdict."""
    for breach in docket.ledger.shown() if docket.has_enough() else docket.ledger.breaches():
        docket.broken(docket.rules[breach.rule], breach.what, breach.exchange, suite=conformance.SUITE)
    if lost and not docket.verdicts and not docket.meter.total.requests:  # nobody came to know anything
        for name in docket.rules:
            docket.settle(Verdict(name, "not judged", lost))
        return
    for verdict in docket.ledger.verdicts():
        docket.settle(verdict)
    why = lost or (docket.notes[-1].partition(":")[0] if docket.notes else "it was not reached")
    for rule in docket.rules.values():
        if rule.judge == "none":
            docket.settle(Verdict(rule.id, "not judged", rule.detail[0]))
        elif rule.id not in docket.verdicts:
            docket.settle(Verdict(rule.id, "not judged", why))


def _tell_wavering(docket: Docket) -> None:
    """A rule that held only when it was tried again is no finding, and not to be kept quiet about."""
    found = [verdict.rule for verdict in docket.verdicts.values() if verdict.state == "holds" and verdict.why]
    if found:
        docket.notes.append(f"others are at work there, or it comes and goes: broken at first, {', '.join(found)}")


def _conclude(docket: Docket, lost: str | None) -> tuple[int, str | None]:
    """The exit code, and the reason where it is not the findings."""
    if lost:
        return COULD_NOT_JUDGE, lost
    if any(finding.severity == "error" for finding in docket.findings.values()):
        return DOES_NOT, None
    crashed = [verdict for verdict in docket.verdicts.values() if verdict.crashed]
    if crashed:
        return COULD_NOT_JUDGE, f"{crashed[0].rule}: {crashed[0].why}"
    if docket.failed:
        return COULD_NOT_JUDGE, docket.failed[0]
    if not any(verdict.state in ("holds", "broken") for verdict in docket.verdicts.values()):
        return COULD_NOT_JUDGE, (docket.notes or ["nothing was judged: no chosen rule shows on this target"])[0]
    return CONFORMS, None


def _rank(finding: Finding) -> tuple[bool, str]:
    return finding.severity != "error", finding.rule or f"~{finding.key}"
