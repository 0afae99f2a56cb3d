"""What a run has found out so far: verdicts and findings, one of each per rule or key. Judges nothing itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from contracts.findings import Exchange, Finding, Severity, Verdict, severity
from contracts.ledger import Ledger
from contracts.target import Target
from mockserver.vendor import Rule


class Progress(Protocol):
    """Shown while a run goes on."""

    def stage(self, name: str, total: int | None) -> None: ...

    def step(self, text: str) -> None: ...


class Silence:
    """Shows nothing."""

    def stage(self, name: str, total: int | None) -> None:
        return

    def step(self, text: str) -> None:
        return


@dataclass
class Docket:
    """One run: its target, the rules that it shall judge, and what has become of them.

    `failed` is what the harness itself could not do.
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

    def broken(self, rule: Rule, what: str, exchange: Exchange | None, *, suite: str, also: Iterable[str] = ()) -> None:
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
            )
        )

    def add(self, finding: Finding) -> None:
        """Keep a finding; of those with one key the first, with what the others add."""
        known = self.findings.get(finding.key)
        if known is None:
            self.findings[finding.key] = finding
        elif more := tuple(dict.fromkeys(each for each in finding.also if each not in known.also)):
            self.findings[finding.key] = replace(known, also=known.also + more)

    def settle(self, verdict: Verdict) -> None:
        """A verdict that leaves a broken rule broken."""
        known = self.verdicts.get(verdict.rule)
        if known is None or known.state != "broken":
            self.verdicts[verdict.rule] = verdict

    def severity(self, grade: str | None) -> Severity:
        return severity(grade, strict=self.target.is_mock)

    def _exercised(self, rule: str) -> int:
        known = self.verdicts.get(rule)
        return known.exercised if known else 0
