"""Judges one test after the other on a mock, where every check has a world of its own.

What several tests need is done once: a check that judges several rules, and the conformance suite.
"""

from collections.abc import Callable, Sequence

from contracts.docket import Docket
from contracts.findings import Finding, NotJudged
from contracts.meter import Meter
from contracts.pytest_suites import telling
from contracts.pytest_suites.cases import EVIDENCE, Case, Cases
from contracts.pytest_suites.spreading import Shared
from contracts.pytest_suites.telling import Told
from contracts.runner import Run
from contracts.safety.guard import BudgetSpent
from contracts.suites import conformance, model, preflight
from contracts.suites import rules as rule_suite
from mockserver.vendor import Rule

_NOTHING = "nothing was sent for it"
Tell = Callable[[Finding, Case], Told]


class Steps:
    """The tests of one process. `shared` has what other processes have found out; `tell` makes a text of a finding."""

    def __init__(self, run: Run, cases: Cases, selected: Sequence[Case], shared: Shared | None, tell: Tell) -> None:
        self.run = run
        self._docket: Docket = run.docket
        self._cases = cases
        self._selected = selected
        self._shared = shared if shared is not None and shared.is_spread else None
        self._tell = tell
        self._judged: set[str] = set()
        self._conformed: str | None = None  # why it ended, empty if it came to its end

    def begin(self) -> None:
        """Unjudgeable where the target answers nothing as an API would."""
        self._docket.meter.at(preflight.SUITE)
        self._docket.failed += preflight.check(self._docket.target, rules=self._docket.rules.values())

    def hear(self, case: Case) -> Told:
        """Judge one test; Unjudgeable and TargetLost pass."""
        rule = self._cases.rule(case)
        if rule is None:
            told = self._of_model(case) if case.suite == model.SUITE else self._of_operation(case)
        elif rule.judge in ("law", "rule"):
            told = self._of_check(rule, case)
        elif rule.judge == "schema":
            return self._of_schema(rule, case)
        else:
            return telling.not_judged(rule.detail[0], self._mask)
        self._publish()
        return told

    def _of_check(self, rule: Rule, case: Case) -> Told:
        group = self._cases.group(rule)
        if group.name not in self._judged:
            self._judged.add(group.name)
            rule_suite.judge(self._docket, group)
        return self._verdict(rule, case)

    def _of_operation(self, case: Case) -> Told:
        why = self._conform(is_asked=True)
        found = [self._tell(each, case) for each in self._docket.findings.values() if _is_of(each, case)]
        if not found and not is_touched(self._docket.meter, case):
            return telling.not_judged(why or _NOTHING, self._mask)
        if self._docket.failed and case == next(each for each in self._selected if each.suite == conformance.SUITE):
            found.append(telling.failed("; ".join(self._docket.failed), self._mask))
        return telling.joined(found)

    def _of_model(self, case: Case) -> Told:
        """What the sequences bring to light goes to the rules that they break, or else is told here."""
        for breach in self._docket.ledger.shown():
            self._broken(breach.rule)  # so that it is not told again
        try:
            model.run(self._docket, self.run.profile)
        except BudgetSpent as spent:
            return telling.not_judged(self._docket.spent(spent), self._mask)
        except NotJudged as unjudged:
            return telling.not_judged(unjudged.why, self._mask)
        return telling.HOLDS if is_touched(self._docket.meter, case) else telling.not_judged(_NOTHING, self._mask)

    def _of_schema(self, rule: Rule, case: Case) -> Told:
        """By all that the run has shown, here and in other processes."""
        self._conform(is_asked=False)
        for breach in self._docket.ledger.breaches():
            self._broken(breach.rule)
        for verdict in self._docket.ledger.verdicts():
            self._docket.settle(verdict)
        told = self._verdict(rule, case)
        if self._shared is None or told.state == "broken":
            return told
        self._shared.wait()
        evidence = self._shared.gather()
        if rule.id in evidence.told:
            return evidence.told[rule.id]
        return telling.HOLDS if told.state == "not judged" and rule.id in evidence.reached else told

    def _verdict(self, rule: Rule, case: Case) -> Told:
        if (finding := self._docket.findings.get(rule.id)) is not None:
            return self._tell(finding, case)
        return telling.of_verdict(self._docket.verdicts[rule.id], self._mask)

    def _conform(self, *, is_asked: bool) -> str:
        """Run the conformance suite once, for all tests that need it; why it ended early, else nothing.

        Not `is_asked`: only what schemas judge is of interest, and where processes share the work somebody else runs
        the suite for its own tests.
        """
        if self._conformed is not None:
            return self._conformed
        asked = {case.name for case in self._selected if case.suite == conformance.SUITE}
        rules = self._cases.rules_of(self._selected)
        needed = {name for rule in rules if rule.judge == "schema" for name in rule.operations}
        wanted = asked | needed
        if self._shared is not None:
            wanted = asked if is_asked else needed - asked
        every = self._docket.target.vendor.operations
        operations = tuple(name for name in every if name in wanted)
        self._conformed = self._run_conformance(operations, is_whole=len(operations) == len(every))
        return self._conformed

    def _run_conformance(self, operations: tuple[str, ...], *, is_whole: bool) -> str:
        if not operations:
            return ""
        scope = conformance.Scope(self.run.profile, () if is_whole else operations)
        try:
            conformance.run(self._docket, scope)
        except BudgetSpent as spent:
            why = self._docket.spent(spent)
        except NotJudged as unjudged:
            why = unjudged.why
        else:
            return ""
        self._docket.notes.append(f"{conformance.SUITE} ended early: {why}")
        return why

    def _publish(self) -> None:
        """Let the other processes know what this one has seen of the rules that are judged by all that was seen."""
        if self._shared is None:
            return
        ledger = self._docket.ledger
        for breach in ledger.shown() if self._conformed is None else ledger.breaches():
            self._broken(breach.rule)
        found = {}
        for finding in self._docket.findings.values():
            case = Case(rule_suite.SUITE, finding.rule or "")
            if finding.rule and self._cases.scope(case) == EVIDENCE:
                found[finding.rule] = self._tell(finding, case)
        self._shared.publish(ledger.reached(), found)

    def _broken(self, name: str) -> None:
        if name not in self._docket.findings:
            breach = next(each for each in self._docket.ledger.shown() if each.rule == name)
            self._docket.broken(self._docket.rules[name], breach.what, breach.exchange, suite=conformance.SUITE)

    def _mask(self, text: str) -> str:
        return self._docket.target.guard.mask(text)


def is_touched(meter: Meter, case: Case) -> bool:
    """Whether anything was sent for a test of a suite."""
    return any(sent.suite == case.suite and case.name in (sent.operation, sent.part) for sent in meter.sent)


def _is_of(finding: Finding, case: Case) -> bool:
    return finding.rule is None and (finding.suite, finding.operation) == case
