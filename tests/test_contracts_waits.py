"""Checks that wait for something that takes real time: others go on meanwhile, and nothing of them is lost."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.findings import Broken, NotJudged
from contracts.laws.webhooks import takes_its_time
from contracts.rules import Check
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.suites import rules as rule_suite
from contracts.target import open_local
from contracts.tenant import Tenant
from mockserver.engine.subscriptions import Webhooks
from mockserver.vendor import Vendor
from tests.tools.hooked_toy import hooked_toy

IDS = ("KM-003", "KM-004", "KM-005")


@pytest.fixture
def judge(kanman: Vendor, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs three checks in the places of those that judge three rules."""

    def run(*checks: Check) -> Result:
        judged = dict(zip(IDS, checks, strict=False))
        monkeypatch.setattr(rule_suite.rules, "load", lambda name: judged)
        chosen = [replace(kanman.rules[id_], judge="rule", grade="documented") for id_ in judged]
        target = open_local(kanman, seed=1, budget=Budget())
        try:
            return runner.run(target, chosen, profile="quick", is_selective=True, progress=Silence())
        finally:
            target.close()

    return run


def told(result: Result) -> list[tuple[str, str]]:
    return [(verdict.state, verdict.why) for verdict in result.verdicts]


def test_run__goes_on_while_a_check_waits(judge: Callable[..., Result]) -> None:
    done: list[str] = []

    def waits(tenant: Tenant) -> Iterator[None]:
        done.append("begun")
        yield
        done.append("asked again")
        yield
        done.append("ended")

    result = judge(waits, lambda tenant: done.append("another"), lambda tenant: done.append("a third"))
    assert done == ["begun", "another", "a third", "asked again", "ended"]
    assert told(result) == [("holds", "")] * 3


def test_run__what_a_check_has_sent_before_its_wait_counts(judge: Callable[..., Result]) -> None:
    def waits(tenant: Tenant) -> Iterator[None]:
        tenant.call("listBoards")
        yield
        tenant.call("listBoards")

    assert [verdict.exercised for verdict in judge(waits).verdicts] == [2]


@pytest.mark.parametrize(
    ("raised", "verdict"),
    [
        (Broken("expected more"), ("broken", "expected more")),
        (NotJudged("needs more"), ("not judged", "needs more")),
        (KeyError("more"), ("not judged", "the check itself failed: KeyError: 'more'")),
    ],
)
def test_run__what_comes_of_a_check_after_its_wait(
    judge: Callable[..., Result], raised: Exception, verdict: tuple[str, str]
) -> None:
    def waits(tenant: Tenant) -> Iterator[None]:
        tenant.call("listBoards")
        yield
        raise raised

    result = judge(waits, lambda tenant: None)
    (state, why), other = told(result)
    assert (state, why.partition(" (")[0], other) == (*verdict, ("holds", ""))
    for finding in result.findings:
        assert finding.exchange is not None and finding.exchange.operation == "listBoards"


# The one law that waits

RULES = {"TOY-100": ("strict", "timeout"), "TOY-101": ("lenient", "timeout"), "TOY-102": (None, "method")}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    return hooked_toy(Path(tmp_path_factory.mktemp("vendors")) / "toy", RULES)


def judge_toy(toy: Vendor) -> Result:
    target = open_local(toy, seed=1, budget=Budget())
    try:
        rules = [toy.rules[id_] for id_ in RULES]
        return runner.run(target, rules, profile="quick", is_selective=True, progress=Silence())
    finally:
        target.close()


def test_time_outs__are_begun_before_what_takes_no_time(toy: Vendor) -> None:
    assert [takes_its_time(toy, [toy.rules[id_]]) for id_ in RULES] == [True, True, False]


def test_time_outs__hold_in_a_whole_run(toy: Vendor) -> None:
    assert told(judge_toy(toy)) == [("holds", "")] * 3


def test_time_outs__that_are_too_long_are_found_in_a_whole_run(toy: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Webhooks.profile

    def patient(self: Webhooks, world: Any) -> Any:
        return replace(profile(self, world), timeout=5.0)

    monkeypatch.setattr(Webhooks, "profile", patient)
    assert [state for state, _ in told(judge_toy(toy))] == ["broken", "broken", "holds"]
