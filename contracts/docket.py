"""What a run has found out so far: verdicts and findings, one of each per rule or key. Judges nothing itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from contracts.course import Course, Forecast
from contracts.findings import Exchange, Finding, Severity, Verdict, severity
from contracts.ledger import Ledger
from contracts.meter import Meter, total
from contracts.ration import Ration
from contracts.safety.budget import BudgetSpent
from contracts.target import Target
from mockserver.vendor import Rule

CONFORMANCE = "conformance"  # the suite that every exchange is held against the document for


class Progress(Protocol):
    """Shown while a run goes on."""

    def begin(self, meter: Meter, forecast: Forecast | None) -> None:
        """The meter counts what is sent; the forecast is what a rehearsal took, where there was one."""

    def stage(self, name: str, total: int | None) -> None: ...

    def step(self, text: str) -> None: ...

    def wait(self, seconds: float, why: str) -> None:
        """Nothing is sent for a while."""

    def note(self, text: str) -> None:
        """Something to be known at once."""

    def stop(self) -> None:
        """Nothing more is shown."""


class Enough(Exception):
    """A finding that ends the run early has come."""


class Silence:
    """Shows nothing."""

    def begin(self, meter: Meter, forecast: Forecast | None) -> None:
        return

    def stage(self, name: str, total: int | None) -> None:
        return

    def step(self, text: str) -> None:
        return

    def wait(self, seconds: float, why: str) -> None:
        return

    def note(self, text: str) -> None:
        return

    def stop(self) -> None:
        return


@dataclass
class Docket:
    """One run: its target, the rules that it shall judge, and what has become of them.

    `failed` is what the harness itself could not do; `course` is how a run with a budget goes about it, and `ration`
    what there is room for. `is_enough` says of a finding that nothing more need be asked. On a
    tenant a check has so many `tries` to be broken twice.
    """

    target: Target
    rules: dict[str, Rule]
    ledger: Ledger
    is_selective: bool = False
    progress: Progress = field(default_factory=Silence)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    cases: int = 0
    meter: Meter = field(default_factory=Meter)
    course: Course | None = None
    is_enough: Callable[[Finding], bool] | None = None
    tries: int = 2
    ration: Ration = field(init=False)

    def __post_init__(self) -> None:
        self.ration = Ration(self.target.guard, self.course)

    def broken(
        self,
        rule: Rule,
        what: str,
        exchange: Exchange | None,
        *,
        suite: str,
        also: Iterable[str] = (),
        sequence: Iterable[str] = (),
    ) -> None:
        """A rule was not kept."""
        self.verdicts[rule.id] = Verdict(rule.id, "broken", what, self._exercised(rule.id) + 1)
        self.add(
            Finding(
                title=rule.statement,
                what=what,
                suite=suite,
                key=rule.id,
                seed=self.target.seed,
                severity=self.severity(rule.grade),
                rule=rule.id,
                grade=rule.grade,
                operation=exchange.operation if exchange else None,
                exchange=exchange,
                also=tuple(also),
                sequence=tuple(sequence),
            )
        )

    def add(self, finding: Finding) -> None:
        """Keep a finding; of those with one key the first, with what the others add."""
        known = self.findings.get(finding.key)
        if known is None:
            self.findings[finding.key] = finding
        elif more := tuple(dict.fromkeys(each for each in finding.also if each not in known.also)):
            self.findings[finding.key] = replace(known, also=known.also + more)

    def has_enough(self) -> bool:
        """Whether a finding has come that ends the run early."""
        if self.is_enough is None:
            return False
        for breach in self.ledger.shown():
            if breach.rule not in self.findings:
                self.broken(self.rules[breach.rule], breach.what, breach.exchange, suite=CONFORMANCE)
        return any(map(self.is_enough, self.findings.values()))

    def go_on(self) -> None:
        """Raises Enough where nothing more need be asked. Suites ask between checks, so that each ends as it would."""
        if self.has_enough():
            raise Enough

    def settle(self, verdict: Verdict) -> None:
        """A verdict that leaves a broken rule broken."""
        known = self.verdicts.get(verdict.rule)
        if known is None or known.state != "broken":
            self.verdicts[verdict.rule] = verdict

    def spent(self, error: BudgetSpent) -> str:
        """The budget stood in the way: the reason, which is noted once."""
        why = self.ration.spent(error)
        note = f"{why}: the rules that it did not reach are not judged"
        if note not in self.notes:
            self.notes.append(note)
        return why

    def leave_out(self, suite: str, checks: Sequence[Sequence[Rule]]) -> None:
        """The budget has no room for checks: their rules are not judged, and what they would take is told."""
        told = self.course.unjudged if self.course is not None else {}
        for rules in checks:
            self.meter.skip(suite, rules[0].id)
            why = self.ration.reason(rules[0].id)
            for rule in rules:
                self.settle(Verdict(rule.id, "not judged", told.get(rule.id, why)))
        wanted = [rules for rules in checks if rules[0].id not in told]
        if self.course is not None and wanted:
            cost = total(self.course.cost(rules[0].id) for rules in wanted)
            count = sum(map(len, wanted))
            self.notes.append(
                f"the budget has no room for {count:,} {'rule' if count == 1 else 'rules'} more: that would take some "
                f"{cost.requests:,} requests, {cost.writes:,} of them writes"
            )

    def severity(self, grade: str | None) -> Severity:
        return severity(grade, strict=self.target.is_mock)

    def _exercised(self, rule: str) -> int:
        known = self.verdicts.get(rule)
        return known.exercised if known else 0
