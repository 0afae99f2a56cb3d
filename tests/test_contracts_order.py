"""What a run with a budget asks first, what it leaves out, and that it says so."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from contracts.course import Course, Forecast, Left, Share, lay
from contracts.docket import Docket
from contracts.ledger import Ledger
from contracts.meter import Cost
from contracts.model import Model
from contracts.safety.budget import Budget
from contracts.suites import opening
from mockserver.vendor import Rule, Vendor, load
from tests.tenancy import NO_WINDOWS, TestTenant

NOTHING_LEFT = Left(0, 0)
EVERYTHING = Left(math.inf, math.inf)
PHASES = {"examples": Cost(20, 10), "coverage": Cost(100, 60), "fuzzing": Cost(200, 100)}


def rule(id_: str, grade: str = "documented") -> Rule:
    return Rule(id_, "…", (), grade, "", None, "rule", (), 1)


def laid(costs: dict[str, Cost], *rules: Rule, unjudged: Iterable[str] = (), **budget: Any) -> Course:
    """The course of checks that judge one rule each; conformance costs what PHASES say."""
    parts = {("rules", name): cost for name, cost in costs.items()}
    return lay(
        [(each,) for each in rules],
        Forecast({**parts, **{("conformance", name): cost for name, cost in PHASES.items()}}),
        Budget(**budget),
        unjudged=dict.fromkeys(unjudged, "needs more"),
        suites=("rules", "conformance", "model"),
        examples=50,
    )


def test_order__what_the_documents_say_comes_before_what_was_assumed() -> None:
    costs = {"A": Cost(5, 0), "B": Cost(5, 0)}
    assert laid(costs, rule("A", "assumed"), rule("B"), requests=100).order == ("B", "A")


def test_order__of_the_same_worth_the_cheaper_comes_first() -> None:
    costs = {"A": Cost(50, 0), "B": Cost(5, 0)}
    assert laid(costs, rule("A"), rule("B"), requests=100).order == ("B", "A")


def test_order__what_is_scarce_weighs_more() -> None:
    costs = {"A": Cost(5, 5), "B": Cost(20, 0)}
    assert laid(costs, rule("A"), rule("B"), requests=1000, writes=10).order == ("B", "A")
    assert laid(costs, rule("A"), rule("B"), requests=1000, writes=1000).order == ("A", "B")


def test_order__a_check_of_many_rules_is_worth_more() -> None:
    course = lay(
        [(rule("A"),), (rule("B"), rule("C"))],
        Forecast({("rules", "A"): Cost(5, 0), ("rules", "B"): Cost(8, 0)}),
        Budget(requests=10),
        unjudged={},
        suites=("rules", "conformance", "model"),
        examples=50,
    )
    assert course.order == ("B", "A")


def test_order__what_was_not_judged_in_the_rehearsal_comes_last() -> None:
    costs = {"A": Cost(1, 0), "B": Cost(50, 0)}
    assert laid(costs, rule("A"), rule("B"), unjudged=["A"], requests=100).order == ("B", "A")


def test_kept__a_quarter_for_conformance_where_not_all_fits() -> None:
    course = laid({"A": Cost(300, 200)}, rule("A"), requests=400, writes=100)
    assert course.kept == Cost(100, 25)


def test_kept__nothing_where_all_fits() -> None:
    assert laid({"A": Cost(30, 20)}, rule("A"), requests=400, writes=400).kept == Cost(0, 0)


def test_forecast__is_what_the_budget_lasts_for() -> None:
    costs = {"A": Cost(30, 0), "B": Cost(500, 0), "C": Cost(20, 0)}
    course = laid(costs, rule("A"), rule("B"), rule("C"), requests=160)
    assert course.forecast.parts == {
        ("rules", "A"): Cost(30, 0),
        ("rules", "C"): Cost(20, 0),
        ("conformance", "examples"): Cost(2, 1),
        ("conformance", "coverage"): Cost(12, 8),
        ("conformance", "fuzzing"): Cost(25, 12),
    }


@pytest.mark.parametrize(
    ("left", "share"),
    [
        (EVERYTHING, Share(50, ("examples", "coverage", "fuzzing", "stateful"), *EVERYTHING)),
        (Left(220, 1000), Share(25, ("examples", "coverage", "fuzzing"), 220, 1000)),
        (Left(60, 1000), Share(10, ("examples", "fuzzing"), 60, 1000)),
        (Left(1000, 12), Share(1, ("examples", "fuzzing"), 1000, 12)),
        (Left(1000, 0), Share(50, ("examples", "coverage", "fuzzing", "stateful"), 1000, 0, only_reads=True)),
        (Left(22, 0), Share(6, ("examples", "fuzzing"), 22, 0, only_reads=True)),
        (NOTHING_LEFT, None),
    ],
)
def test_share__has_fewer_examples_rather_than_none(left: Left, share: Share | None) -> None:
    assert laid({}, requests=1).share(left) == share


def opened(vendor: Vendor, folder: Path, **budget: int) -> tuple[TestTenant, Docket]:
    """A tenant after the opening of a run that judges all rules."""
    with TestTenant(vendor, **NO_WINDOWS) as tenant:
        target = tenant.open(tenant.toml(folder / "tenant.toml", budget=budget))
        docket = Docket(target, dict(vendor.rules), Ledger(target.vendor, vendor.rules.values()))
        tenant.log.clear()
        opening.run(docket)
        target.close()
    return tenant, docket


@pytest.mark.parametrize("name", ["kanman", "kantata"])
def test_opening__is_one_good_call_of_every_operation(name: str, tmp_path: Path) -> None:
    vendor = load(name)
    tenant, docket = opened(vendor, tmp_path)
    model = Model(vendor)
    routes = [model.route(each.method, each.path) for each in tenant.log if (each.status or 0) < 300]
    sent = {each.id for each in vendor.operations.values() if not each.table.get("lasting")}
    assert {route.operation.id for route in routes if route} == sent
    assert len(tenant.log) < 3 * len(vendor.operations)
    assert not list(docket.target.guard.holdings) and not docket.target.left_behind


def test_opening__reads_first_and_goes_on_without_writes(kanman: Vendor, tmp_path: Path) -> None:
    tenant, docket = opened(kanman, tmp_path, writes=0)
    assert not tenant.writes and len(tenant.log) >= 5
    assert docket.ration.stopped is None and docket.notes == [
        "the budget of 0 writes is spent: the rules that it did not reach are not judged"
    ]


def test_opening__ends_when_nothing_is_left(kanman: Vendor, tmp_path: Path) -> None:
    tenant, docket = opened(kanman, tmp_path, requests=4)
    assert len(tenant.log) <= 4 and docket.ration.stopped == "the budget of 4 requests is spent"
