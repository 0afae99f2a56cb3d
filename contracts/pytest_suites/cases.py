"""Which tests there are for a vendor: one for each rule of the ledger, and those of the suites beside it.

A test is named by its suite and, in it, by the rule or operation: `proofboard::VENDOR::rules::XY-001`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from contracts.pytest_suites.order import PREFIX
from contracts.suites import conformance, model
from contracts.suites import rules as rule_suite
from contracts.suites.rules import Group
from mockserver.vendor import Rule, Vendor

EVIDENCE = "what the run has shown"  # the scope of those that look at it, when all others are done


class Case(NamedTuple):
    """One test: of a rule, of what a suite finds at an operation, or of all sequences of the model suite."""

    suite: str
    name: str

    def node(self, vendor: str) -> str:
        return f"{PREFIX}::{vendor}::{self.suite}::{self.name}"


class Cases:
    """The tests of one vendor, in the order in which they are best run.

    What is quick comes first; where processes share the work, what one of them is busy with for long.
    """

    def __init__(self, vendor: Vendor, *, is_spread: bool = False) -> None:
        self.vendor = vendor
        early, late = ([*rule_suite.find_groups(vendor, vendor.rules.values(), is_late=late)] for late in (False, True))
        self._groups = {rule.id: group for group in (*early, *late) for rule in group.rules}
        self._late = {rule.id for group in late for rule in group.rules}
        checked = [rule for rule in vendor.rules.values() if rule.judge in ("law", "rule")]
        told = [rule for rule in vendor.rules.values() if rule.judge not in ("law", "rule")]
        checks = [Case(rule_suite.SUITE, rule.id) for rule in checked if rule.id not in self._late]
        suites = [Case(conformance.SUITE, name) for name in vendor.operations]
        suites.append(Case(model.SUITE, model.SEQUENCES))
        self.all = (
            *(suites if is_spread else checks),
            *(checks if is_spread else suites),
            *(Case(rule_suite.SUITE, rule.id) for rule in told),
            *(Case(rule_suite.SUITE, rule.id) for rule in checked if rule.id in self._late),
        )

    def rule(self, case: Case) -> Rule | None:
        """The rule that a test judges; None where it is about an operation."""
        return self.vendor.rules[case.name] if case.suite == rule_suite.SUITE else None

    def group(self, rule: Rule) -> Group:
        """The rules that are judged by the same check."""
        return self._groups[rule.id]

    def scope(self, case: Case) -> str:
        """Tests of one scope share their work."""
        rule = self.rule(case)
        if rule is None:
            return case.suite
        if rule.id in self._late or rule.judge not in ("law", "rule"):
            return EVIDENCE
        return self._groups[rule.id].name

    def has_all_suites(self, cases: Iterable[Case]) -> bool:
        """Whether these tests are also all those of the suites that judge no single rule."""
        return set(cases) >= {case for case in self.all if case.suite != rule_suite.SUITE}

    def rules_of(self, cases: Iterable[Case]) -> list[Rule]:
        """The rules that these tests judge, in the order of the ledger."""
        chosen = {case.name for case in cases if case.suite == rule_suite.SUITE}
        return [rule for rule in self.vendor.rules.values() if rule.id in chosen]
