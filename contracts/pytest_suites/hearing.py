"""Judges the tests of one process: on a mock one by one as they are run, on a tenant all at once when the first is.

A mock has a world for each check. A tenant has one for all, and a budget that is spent well only by who sees the whole.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from contracts import baseline, crashes, interrupts, rehearsal, runner
from contracts.docket import Progress
from contracts.findings import Finding, Unjudgeable
from contracts.pytest_suites import telling
from contracts.pytest_suites.cases import EVIDENCE, Case, Cases
from contracts.pytest_suites.order import Order
from contracts.pytest_suites.spreading import Shared
from contracts.pytest_suites.stepping import Steps, is_touched
from contracts.pytest_suites.telling import Told
from contracts.report import files
from contracts.report.har import Recorder
from contracts.runner import Result
from contracts.target import Target
from contracts.wire import TargetLost
from mockserver import cache

_STORAGE = "HYPOTHESIS_STORAGE_DIRECTORY"
_UNTOUCHED = "on a tenant the suites are run when all of their tests are selected"


class Hearing:
    """The tests that a session has selected, and what is known of each. `shared` is there where others run some."""

    def __init__(
        self, order: Order, cases: Cases, selected: Sequence[Case], progress: Progress, shared: Shared | None
    ) -> None:
        self.order = order
        self.notes: list[str] = []
        self._cases = cases
        self._selected = selected
        self._progress = progress
        self._shared = shared
        self._recorder = Recorder(order.report) if order.report is not None else None
        self._target: Target | None = None
        self._steps: Steps | None = None
        self._result: Result | None = None
        self._lost: str | None = None
        self._heard: set[Case] = set()
        self._told: set[str] = set()  # keys of findings

    def hear(self, case: Case) -> Told:
        """Judge one test. KeyboardInterrupt passes when what was made is removed."""
        with _quietly():
            self._heard.add(case)
            if self._lost is not None:
                return telling.not_judged(self._lost, self._mask)
            try:
                return self._hear(case)
            except (Unjudgeable, TargetLost) as error:
                self._lost = str(error)
            except Exception as error:
                self._lost = crashes.tell(error, self._mask)
            return telling.failed(self._lost, self._mask)

    def _hear(self, case: Case) -> Told:
        if self._result is None and self._steps is None:
            self._begin()
        if self._steps is None:
            return self._of_the_run(case)
        told = self._steps.hear(case)
        strays = [self._of_finding(each, case) for each in self._strays(self._steps.run.docket.findings.values(), case)]
        return telling.joined([told, *strays])

    def _begin(self) -> None:
        """Find out which it is; a tenant is judged at once."""
        order = self.order
        if self._shared is not None and order.url is not None:
            self._shared.claim(is_alone=not self._shared.is_spread)
        rules = self._cases.rules_of(self._selected)
        is_selective = not self._cases.has_all_suites(self._selected)
        course = None
        if order.tenant is not None:  # rehearsed before the time of the run begins
            course = order.course(rules, self._progress, is_selective=is_selective)
        self._target = target = order.open(self._progress)
        if target.is_mock:
            has_suites = any(self._cases.rule(case) is None for case in self._selected)
            chosen = list(self._cases.vendor.rules.values()) if has_suites else rules
            run = runner.begin(
                target,
                chosen,
                profile=order.profile,
                is_selective=not has_suites,
                progress=self._progress,
                recorder=self._recorder,
            )
            self._steps = Steps(run, self._cases, self._selected, self._shared, self._of_finding)
            self._steps.begin()
            return
        if order.tenant is None:
            course = order.course(rules, self._progress, is_selective=is_selective)
        script = order.script(rules, is_selective=is_selective)
        forecast = None if course else rehearsal.recall_forecast(script, order.budget())
        with interrupts.heeded():
            result = runner.run(
                target,
                rules,
                profile=order.profile,
                is_selective=is_selective,
                progress=self._progress,
                course=course,
                forecast=forecast,
                recorder=self._recorder,
                is_enough=self._is_enough if order.stops_at_first else None,
            )
        self._progress.stop()
        self._result = result = self._finished(result)
        if result.reason == runner.INTERRUPTED:
            raise KeyboardInterrupt
        if result.exit_code == runner.COULD_NOT_JUDGE and not any(each.crashed for each in result.verdicts):
            raise Unjudgeable(result.reason or "nothing was judged")

    def _is_enough(self, finding: Finding) -> bool:
        return finding.severity == "error" and self.order.knows(finding) is None

    def _of_the_run(self, case: Case) -> Told:
        """What a run that is over has found about a test."""
        assert self._result is not None
        found = {finding.rule: finding for finding in self._result.findings if finding.rule}
        strays = [self._of_finding(each, case) for each in self._strays(self._result.findings, case)]
        if self._cases.rule(case) is None:
            told = self._of_suite(case)
        elif case.name in found:
            told = self._of_finding(found[case.name], case)
        else:
            verdict = next(verdict for verdict in self._result.verdicts if verdict.rule == case.name)
            told = telling.of_verdict(verdict, self._mask)
        return telling.joined([told, *strays])

    def _of_suite(self, case: Case) -> Told:
        """What a suite of a run that is over has found, but for the strays."""
        assert self._result is not None
        if not self._cases.has_all_suites(self._selected):
            return telling.not_judged(_UNTOUCHED, self._mask)
        if not is_touched(self._result.meter, case):
            return telling.not_judged("nothing was sent for it", self._mask)
        found = [each for each in self._result.findings if self._home(each) == case]
        return telling.joined(self._of_finding(each, case) for each in found)

    def _strays(self, findings: Iterable[Finding], case: Case) -> Iterator[Finding]:
        """Findings that no other test is still to tell: of no rule, or of one whose test is over or elsewhere."""
        for finding in list(findings):
            own = self._home(finding)
            if finding.key in self._told or own == case or self._is_to_come(own, case):
                continue
            rule = self._cases.rule(case)
            if finding.rule is None or rule is None or Case("rules", finding.rule) in self._selected:
                self._told.add(finding.key)
                yield finding

    def _home(self, finding: Finding) -> Case | None:
        """The test that tells a finding, where it is selected."""
        home = Case("rules", finding.rule) if finding.rule else Case(finding.suite, finding.operation or "")
        return home if home in self._selected else None

    def _is_to_come(self, own: Case | None, case: Case) -> bool:
        if own is None or own in self._heard:
            return False
        return self._shared is None or self._cases.scope(own) in (self._cases.scope(case), EVIDENCE)

    def _of_finding(self, finding: Finding, case: Case) -> Told:
        self._told.add(finding.key)
        again = self.order.again(case.node(self._cases.vendor.name))
        return telling.of_finding(finding, self.order.knows(finding), again, self._mask)

    def _mask(self, text: str) -> str:
        return self._target.guard.mask(text) if self._target is not None else text

    def close(self) -> None:
        """The session ends: what is still open is closed, and the report written."""
        with _quietly():
            self._progress.stop()
            if self._steps is not None:
                self._result = self._finished(runner.conclude(self._steps.run, self._lost))
            if self._target is not None:
                self._target.close()
            if self.order.report is not None and self._heard:
                self._report()
            if self._result is not None:
                told = (*self._result.notes, *(f"left behind: {line}" for line in self._result.left_behind))
                self.notes += [self._mask(line) for line in told]

    def _report(self) -> None:
        order = self.order
        assert order.report is not None
        result = self._result
        if result is None:
            rules, why = self._cases.rules_of(self._selected), self._lost or runner.INTERRUPTED
            result = runner.unjudged(order.vendor, rules, order.url or "", why, profile=order.profile, seed=order.seed)
        with interrupts.undisturbed():
            try:
                written = files.write(result, order.report, self._recorder)
            except OSError as error:
                self.notes.append(f"--proofboard-report {order.report} cannot be written: {error.strerror}")
            else:
                self.notes.append(f"written: {', '.join(map(str, written))}")

    def _finished(self, result: Result) -> Result:
        if self.order.tenant is not None:
            result = replace(result, tenant_file=str(self.order.given["tenant"]))
        if self.order.known is not None:
            result = baseline.apply(result, self.order.known, self.order.today)
        return result


@contextmanager
def _quietly() -> Iterator[None]:
    """What we use is no business of the session: its warnings, which may count as errors, and what Hypothesis keeps."""
    place = cache.folder()
    is_ours = _STORAGE not in os.environ and place is not None
    if is_ours:
        os.environ[_STORAGE] = str(place / "hypothesis") if place else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if is_ours:
            del os.environ[_STORAGE]
