"""A rehearsal sends what a run sends to a faithful tenant, and a plan tells it; neither asks the tenant anything."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from contracts import runner, tenant_file
from contracts.docket import Silence
from contracts.meter import Cost, Meter, total
from contracts.model import SAFE_METHODS
from contracts.rehearsal import Rehearsal, Script, find_course, recall_forecast, rehearse, write_script
from contracts.report import plan as plans
from contracts.runner import Result
from contracts.safety.budget import Budget
from mockserver.vendor import Vendor, load, shipped
from tests.tenancy import TestTenant

FEW = ["KM-01*", "KM-1[12]*"]  # judged by laws and functions, which send the same each time
NO_LIMIT = float("inf")


class Told(Silence):
    """Keeps the stages that it is told of."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, name: str, total: int | None) -> None:
        self.stages.append(name)


@pytest.fixture
def tenant(kanman: Vendor) -> Iterator[TestTenant]:
    with TestTenant(kanman) as tenant:
        yield tenant


def script_of(vendor: Vendor, file: Path, *patterns: str, **options: Any) -> Script:
    read = tenant_file.read(file, vendor.name, frozenset(vendor.known), frozenset(shipped()))
    chosen = runner.select(vendor, patterns)
    return write_script(vendor, chosen, profile="quick", seed=11, tenant=read, is_selective=bool(patterns), **options)


def judge(tenant: TestTenant, file: Path, script: Script, budget: Budget | None = None, **options: Any) -> Result:
    """The run of a script; with a budget it takes its course."""
    target = tenant.open(file, seed=script.seed, **options)
    course = None if budget is None else find_course(script, budget)
    try:
        return runner.run(
            target, script.rules, profile="quick", is_selective=script.is_selective, progress=Silence(), course=course
        )
    finally:
        target.close()


def cost_of(rehearsal: Rehearsal) -> Cost:
    return total(rehearsal.parts.values())


def test_rehearsal__sends_what_a_run_sends(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml")
    script = script_of(tenant.vendor, file, *FEW)
    rehearsal = rehearse(script)
    result = judge(tenant, file, script)
    assert Counter(each.method for each in tenant.log) == rehearsal.methods
    assert {verdict.rule: verdict.state for verdict in result.verdicts} == {
        rule: state for rule, (state, _) in rehearsal.verdicts.items()
    }


def test_rehearsal__knows_no_caller_and_no_record_that_is_not_given(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml", callers=["owner"], known=["project_id"])
    rehearsal = rehearse(script_of(tenant.vendor, file, "KM-021", "KM-010"))
    assert rehearsal.unjudged["KM-021"] == "needs an expired credential"
    assert "owner" not in rehearsal.unjudged["KM-010"]


def test_rehearsal__of_a_run_that_only_reads_only_reads(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml")
    rehearsal = rehearse(script_of(tenant.vendor, file, *FEW, is_read_only=True))
    assert rehearsal.methods.keys() <= SAFE_METHODS and rehearsal.judged
    assert "needs to write, and this run only reads" in rehearsal.unjudged.values()


def test_rehearsal__is_recalled(tenant: TestTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    script = script_of(tenant.vendor, tenant.toml(tmp_path / "tenant.toml"), "KM-114")
    assert recall_forecast(script, Budget()) is None
    first, second, other = Told(), Told(), Told()
    rehearsal = rehearse(script, progress=first)
    assert first.stages and first.stages[0] == "rehearsal of rules"
    assert rehearse(script, progress=second) == rehearsal and not second.stages
    rehearse(replace(script, callers=("owner",)), progress=other)
    assert other.stages


def test_rehearsal__waits_for_documented_limits_without_waiting(tmp_path: Path) -> None:
    geotareas = load("geotareas")
    rules = [rule for rule in geotareas.rules.values() if rule.detail == ("page-walk",)]
    script = write_script(geotareas, rules, profile="quick", seed=1, url="http://x", is_selective=True)
    fast, slow = rehearse(script), rehearse(script, Budget(per_minute=10))
    assert fast.judged == slow.judged and 10 < fast.waits < slow.waits
    assert slow.seconds >= (cost_of(slow).requests / 10 - 1) * 60


def test_plan__sends_nothing(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml")
    told = StringIO()
    code = plans.tell(
        script_of(tenant.vendor, file, *FEW),
        Budget(),
        Console(file=told, width=200),
        target=tenant.url,
        progress=Silence(),
        folder=tmp_path / "report",
    )
    assert (code, tenant.log) == (0, [])
    assert "a plan: nothing was sent" in told.getvalue()


def test_plan__tells_what_was_rehearsed(kanman: Vendor, tmp_path: Path) -> None:
    with TestTenant(kanman) as tenant:
        script = script_of(kanman, tenant.toml(tmp_path / "tenant.toml", callers=["owner"]), "KM-021", "KM-114")
    plan = plans.make(script, Budget(), "http://x", Silence())
    told = json.loads(plans.as_json(plan))
    assert told["requests"] == sum(told["methods"].values()) == sum(told["operations"].values())
    assert told["requests"] == sum(suite["requests"] for suite in told["suites"].values())
    assert told["rules"] == [
        {"id": "KM-021", "is_judged": False, "why": "needs an expired credential"},
        {"id": "KM-114", "is_judged": True, "why": ""},
    ]
    assert (told["cut_by_budget"], told["without_budget"]) == ([], None)


def test_plan__tells_what_the_budget_leaves_unjudged(kanman: Vendor, tmp_path: Path) -> None:
    with TestTenant(kanman) as tenant:
        script = script_of(kanman, tenant.toml(tmp_path / "tenant.toml"), *FEW)
    plan = plans.make(script, Budget(requests=60, writes=10), "http://x", Silence())
    cost = cost_of(plan.sent)
    assert cost.requests <= 60 and cost.writes <= 10
    assert plan.cut and set(plan.cut.values()) <= {
        "the budget of 10 writes leaves no room for it",
        "the budget of 60 requests leaves no room for it",
        "the budget of 10 writes is spent",
        "the budget of 60 requests is spent",
    }


def test_plan__of_what_cannot_be_judged_says_so(kanman: Vendor, tmp_path: Path) -> None:
    with TestTenant(kanman) as tenant:
        script = script_of(kanman, tenant.toml(tmp_path / "tenant.toml", callers=["owner"]), "KM-021")
    told = StringIO()
    code = plans.tell(script, Budget(), Console(file=told, width=200), target="http://x", progress=Silence())
    assert code == 2 and "nothing could be judged" in told.getvalue()


BUDGETS = [{"requests": 150}, {"requests": 400, "writes": 40}, {"requests": 90, "writes": 0}]


@pytest.mark.parametrize("budget", BUDGETS)
def test_course__keeps_the_budget_and_follows_the_plan(
    tenant: TestTenant, tmp_path: Path, budget: dict[str, int]
) -> None:
    file = tenant.toml(tmp_path / "tenant.toml", budget=budget)
    script = script_of(tenant.vendor, file, *FEW)
    planned = rehearse(script, Budget(**budget), find_course(script, Budget(**budget)))
    result = judge(tenant, file, script, Budget(**budget))
    assert len(tenant.log) <= budget["requests"] and len(tenant.writes) <= budget.get("writes", NO_LIMIT)
    assert Counter(each.method for each in tenant.log) == planned.methods
    assert {verdict.rule: verdict.why for verdict in result.verdicts if verdict.state == "not judged"} == {
        rule: why for rule, (state, why) in planned.verdicts.items() if state == "not judged"
    }
    assert (result.exit_code, result.left_behind) == (0, ())
    assert any("the budget has no room for" in note for note in result.notes)


def test_course__ends_with_its_time(kanman: Vendor) -> None:
    rules = runner.select(kanman, FEW)
    script = write_script(kanman, rules, profile="quick", seed=1, url="http://x", is_selective=True)
    budget = Budget(ends_at=time.monotonic() + 30)
    planned = rehearse(script, budget, find_course(script, budget))
    assert 20 < planned.seconds < 31 and planned.judged
    assert "the time is up" in planned.unjudged.values()


def test_course__without_a_rehearsal_reads_go_on_when_writes_are_spent(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml", budget={"writes": 4})
    result = judge(tenant, file, script_of(tenant.vendor, file, *FEW))
    states = {verdict.rule: (verdict.state, verdict.why) for verdict in result.verdicts}
    last = max(number for number, each in enumerate(tenant.log) if each.is_write)
    assert len(tenant.writes) <= 4 and len(tenant.log) - last > 5
    assert ("not judged", "the budget of 4 writes is spent") in states.values()


@pytest.mark.slow
@pytest.mark.parametrize("budget", BUDGETS)
def test_course__of_all_rules_keeps_the_budget_and_nearly_follows_the_plan(
    tenant: TestTenant, tmp_path: Path, budget: dict[str, int]
) -> None:
    file = tenant.toml(tmp_path / "tenant.toml", budget=budget)
    script = script_of(tenant.vendor, file)
    planned = rehearse(script, Budget(**budget), find_course(script, Budget(**budget)))
    result = judge(tenant, file, script, Budget(**budget))
    assert len(tenant.log) <= budget["requests"] and len(tenant.writes) <= budget.get("writes", NO_LIMIT)
    judged = {verdict.rule for verdict in result.verdicts if verdict.state != "not judged"}
    assert len(judged ^ planned.judged) <= len(planned.judged) / 10
    assert abs(len(tenant.log) - cost_of(planned).requests) <= len(tenant.log) / 10
    assert (result.exit_code, result.left_behind) == (0, ())


@pytest.mark.slow
def test_course__judges_more_of_what_the_documents_say_than_the_plain_order(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml", budget={"requests": 200, "writes": 60})
    script = script_of(tenant.vendor, file)
    wise = judge(tenant, file, script, Budget(requests=200, writes=60))
    plain = judge(tenant, file, script)

    def worth(result: Result) -> int:
        binding = {rule.id for rule in result.rules if rule.binding}
        return sum(verdict.state == "holds" and verdict.rule in binding for verdict in result.verdicts)

    assert worth(wise) > 1.25 * worth(plain)


@pytest.mark.slow
def test_rehearsal__of_all_rules_sends_nearly_what_a_run_sends(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml")
    script = script_of(tenant.vendor, file)
    planned = rehearse(script)
    judge(tenant, file, script)
    sent = Counter(each.method for each in tenant.log)
    assert sent.keys() == planned.methods.keys()
    assert all(abs(count - planned.methods[method]) <= max(5, count / 20) for method, count in sent.items())


def test_course__without_limits_there_is_none(kanman: Vendor) -> None:
    script = write_script(kanman, kanman.rules.values(), profile="quick", seed=1, url="http://x")
    assert find_course(script, Budget(per_minute=60)) is None


def test_course__a_world_of_our_own_has_none(kanman: Vendor) -> None:
    script = write_script(kanman, kanman.rules.values(), profile="quick", seed=1)
    assert script.is_own_world and find_course(script, Budget(requests=10)) is None


def test_left__is_without_end_where_there_is_no_limit(tenant: TestTenant, tmp_path: Path) -> None:
    target = tenant.open(tenant.toml(tmp_path / "tenant.toml", budget={"writes": 5}))
    assert target.guard.purse.left() == (float("inf"), 5)
    target.close()


def test_meter__what_is_done_or_skipped_is_not_to_come() -> None:
    meter = Meter()
    meter.at("rules", "A")
    meter.at("rules", "B")
    meter.skip("rules", "C")
    expected = {("rules", name): Cost(10, 0) for name in "ABCD"}
    assert meter.to_come(expected) == 20
