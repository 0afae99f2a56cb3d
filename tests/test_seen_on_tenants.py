"""What only a mock used to show is seen on somebody's tenant too: by records of the run's own, and in passing."""

from functools import cache
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.target import open_local
from mockserver.vendor import Vendor, load
from tests.bends import straight
from tests.tools.judging import found, judge

SEEN = [
    ("kanman", "delete-task-leaves-it-there", ["KM-164"], "KM-164"),
    ("kanman", "deleted-tasks-are-read", ["KM-164"], "KM-164"),
    ("kanman", "deleted-tasks-come-back", ["KM-167"], "KM-167"),
    ("kanman", "create-task-makes-two", ["KM-024"], "KM-024"),
    ("kanman", "long-text-fails", ["KM-045", "KM-047"], "KM-047"),
    ("kanman", "remaining-stands-still", ["KM-024", "KM-045", "KM-052"], "KM-052"),
    ("geotareas", "add-card-comment-makes-two", ["GT-180"], "GT-180"),
    ("geotareas", "remaining-stands-still", ["GT-015", "GT-032", "GT-180"], "GT-032"),
]


@cache
def _vendor(name: str) -> Vendor:
    return load(name)


def _judged(vendor: str, rules: list[str], **settings: Any) -> Result:
    known = _vendor(vendor)
    return judge(known, straight, [known.rules[each] for each in rules], tenant=True, **settings)


@pytest.mark.parametrize(("vendor", "defect", "rules", "broken"), SEEN)
def test_tenant__shows_what_is_wrong(
    vendor: str, defect: str, rules: list[str], broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_conform", lambda docket, profile: None)
    assert broken in found(_judged(vendor, rules, defect=(defect,)))


@pytest.mark.parametrize("vendor", ["kanman", "geotareas"])
def test_tenant__shows_nothing_where_nothing_is_wrong(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_conform", lambda docket, profile: None)
    rules = {rule for name, _, chosen, _ in SEEN if name == vendor for rule in chosen}
    assert found(_judged(vendor, sorted(rules))) == set()


def test_mock__that_refuses_whom_its_control_plane_tells_breaks_a_rule() -> None:
    kantata = _vendor("kantata")
    target = open_local(kantata, seed=5, budget=Budget(), defects=("administrator-does-not-include-member",))
    try:
        result = runner.run(target, kantata.rules.values(), profile="quick", is_selective=False, progress=Silence())
    finally:
        target.close()
    assert (result.exit_code, found(result)) == (runner.DOES_NOT, {"KX-010"})
    assert result.findings[0].what == "the credentials of owner are refused: /custom_task_statuses answered 403"


def test_tenant__that_refuses_its_owner_cannot_be_judged() -> None:
    """Whether the credentials are wrong or the tenant nobody can tell."""
    result = _judged("kantata", ["KX-010"], defect=("administrator-does-not-include-member",))
    assert (result.exit_code, result.reason) == (
        runner.COULD_NOT_JUDGE,
        "the credentials of owner are refused: /custom_task_statuses answered 403",
    )
