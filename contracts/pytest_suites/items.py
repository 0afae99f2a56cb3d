"""The tests as pytest sees them: names, markers, keywords, and how each outcome is told to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from contracts.pytest_suites.cases import Case, Cases
from contracts.pytest_suites.order import PREFIX, Order
from contracts.pytest_suites.telling import Told

SECTION = PREFIX  # of a report: what is told of a finding that fails nothing


class Contract(Protocol):
    """The session that has them judged."""

    order: Order
    cases: Cases

    def hear(self, case: Case) -> Told: ...

    def is_named(self, case: Case) -> bool: ...


class VendorCollector(pytest.Collector):
    """All tests of a vendor."""

    def __init__(self, *, contract: Contract, **options: Any) -> None:
        super().__init__(**options)
        self._contract = contract

    def collect(self) -> Iterator[pytest.Item]:
        for case in self._contract.cases.all:
            if self._contract.is_named(case):
                yield ContractItem.from_parent(
                    self, name=case.name, nodeid=f"{self.nodeid}::{case.suite}::{case.name}", case=case
                )

    @property
    def contract(self) -> Contract:
        return self._contract


class ContractItem(pytest.Item):
    """One test. `broken` fails it; what only warns, and what a baseline knows, is an expected failure."""

    def __init__(self, *, case: Case, **options: Any) -> None:
        super().__init__(**options)
        assert isinstance(self.parent, VendorCollector)
        self.case = case
        self._contract = self.parent.contract
        vendor = self._contract.order.vendor
        rule = self._contract.cases.rule(case)
        operations = (case.name,) if rule is None else rule.operations
        self.extra_keyword_matches.update((case.suite, *operations))
        self.add_marker(getattr(pytest.mark, PREFIX))
        for name in operations:
            self.add_marker(pytest.mark.operation(id=name))
        self._place: tuple[Path, int | None] = vendor.folder / "openapi.yaml", None
        if rule is None:
            return
        self._place = vendor.folder / "rules.yaml", rule.line - 1
        self.add_marker(getattr(pytest.mark, rule.grade))
        if rule.judge != "none":
            judge = getattr(pytest.mark, rule.judge)
            self.add_marker(judge(name=rule.detail[0]) if rule.judge == "law" else judge)
        if rule.section is not None:
            self.add_marker(pytest.mark.section(name=rule.section))
        self.user_properties += [("rule", rule.id), ("grade", rule.grade), ("statement", rule.statement)]

    def runtest(self) -> None:
        told = self._contract.hear(self.case)
        if told.state == "not judged":
            pytest.skip(told.line)
        if told.state in ("warning", "known"):
            self.add_report_section("call", SECTION, told.text)
            pytest.xfail(f"{told.state}: {told.line}")  # returns where --runxfail wants to see it fail
        if told.state != "holds":
            pytest.fail(told.text, pytrace=False)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """As pytest tells it; but summaries and JUnit's message, which a CI does not cut short, have one line."""
        told = super().repr_failure(excinfo, style)
        crash = getattr(told, "reprcrash", None)
        if crash is not None and excinfo.errisinstance(pytest.fail.Exception):
            crash.message = crash.message.split("\n")[0]
        return told

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return *self._place, self.nodeid
