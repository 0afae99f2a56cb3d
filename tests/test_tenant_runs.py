"""Real tenants over HTTP, known by a tenant.toml alone: faithful ones conform, whoever may call and whatever is known.

What the tenant's log shows is held against the run's own account: all of it came through the guard, nothing was changed
but what the run had made, and what can be removed is gone.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.runner import Result
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Vendor, load
from tests.bends import Forward, Memory, answer_of, path_of, straight, with_answer
from tests.tenancy import TestTenant

VENDORS = {name: load(name) for name in ("geotareas", "kanbert", "kanman", "kantata")}
MADE = {"geotareas": "comments", "kanbert": "tasks", "kanman": "tasks", "kantata": "custom_task_statuses"}
LEFT = {"geotareas": {"comments"}, "kanbert": {"comments"}}  # which no operation removes
A_FEW = {
    "geotareas": ["GT-017", "GT-022", "GT-139", "GT-173", "GT-185"],
    "kanbert": ["KB-003", "KB-017", "KB-099", "KB-314", "KB-365", "KB-358"],
    "kanman": ["KM-002", "KM-010", "KM-012", "KM-116", "KM-124", "KM-144", "KM-148", "KM-182"],
    "kantata": ["KX-008", "KX-010", "KX-091", "KX-126", "KX-131", "KX-165", "KX-188"],
}
# Rule -> why it is not judged, where only the owner's credential is given.
NEEDS_OTHERS = {
    "geotareas": {"GT-022": "needs a reader credential", "GT-020": "needs an expired credential"},
    "kanbert": {"KB-017": "needs a reader credential", "KB-349": "needs a guest credential"},
    "kanman": {"KM-012": "needs a reader credential", "KM-028": "needs an outsider credential"},
    "kantata": {"KX-010": "needs a reader credential", "KX-116": "needs an outsider credential"},
}


def told(result: Result) -> list[tuple[str | None, str]]:
    return [(finding.rule, finding.what) for finding in result.findings]


def whys(result: Result) -> dict[str, str]:
    return {verdict.rule: verdict.why for verdict in result.verdicts if verdict.state == "not judged"}


def check_traces(tenant: TestTenant, result: Result, before: list[dict[str, Any]]) -> None:
    """What the run says of itself is what arrived, and the tenant is as it was but for what cannot be removed."""
    assert (result.requests, result.writes) == (len(tenant.log), len(tenant.writes))
    resource = MADE[tenant.vendor.name]
    now = {str(each["id"]): each for each in tenant.records(resource)}
    assert [now.get(str(each["id"])) for each in before] == before
    cannot = LEFT.get(tenant.vendor.name, set())
    assert {line.partition(" ")[0] for line in result.left_behind} <= cannot
    there = {str(each["id"]) for each in before}
    new = [each for each in now.values() if str(each["id"]) not in there and not each.get("deleted_at")]
    assert len(new) == (len(result.left_behind) if resource in cannot else 0)


def run(vendor: Vendor, folder: Path, rules: list[str] | None = None, **file: Any) -> Result:
    """A run by a tenant.toml, and a look at what it did."""
    with TestTenant(vendor) as tenant:
        before = tenant.records(MADE[vendor.name])
        result = tenant.judge(tenant.toml(folder / "tenant.toml", **file), rules)
        check_traces(tenant, result, before)
        return result


@pytest.mark.parametrize("name", VENDORS)
def test_tenant__a_few_rules_hold_and_leave_no_trace(name: str, tmp_path: Path) -> None:
    result = run(VENDORS[name], tmp_path, A_FEW[name])
    assert (result.exit_code, told(result), whys(result)) == (0, [], {})


@pytest.mark.parametrize("name", VENDORS)
def test_tenant__what_needs_others_says_which_credential(name: str, tmp_path: Path) -> None:
    needs = NEEDS_OTHERS[name]
    result = run(VENDORS[name], tmp_path, [*A_FEW[name][:1], *needs], callers=["owner"])
    assert (result.exit_code, told(result)) == (0, [])
    assert {rule: whys(result).get(rule) for rule in needs} == needs


@pytest.mark.slow
@pytest.mark.parametrize("name", VENDORS)
def test_tenant__everything_holds(name: str, tmp_path: Path) -> None:
    result = run(VENDORS[name], tmp_path)
    assert (result.exit_code, told(result), result.notes) == (0, [], ())
    assert not result.is_mock and result.count("holds") > 140


@pytest.mark.slow
@pytest.mark.parametrize("name", VENDORS)
def test_tenant__everything_holds_for_the_owner_alone(name: str, tmp_path: Path) -> None:
    result = run(VENDORS[name], tmp_path, callers=["owner"])
    assert (result.exit_code, told(result)) == (0, [])
    assert result.count("holds") > 100


@pytest.mark.slow
@pytest.mark.parametrize("name", VENDORS)
def test_tenant__without_known_records_the_others_are_judged(name: str, tmp_path: Path) -> None:
    result = run(VENDORS[name], tmp_path, known=[])
    assert (result.exit_code, told(result)) == (0, [])
    assert any("among the known ids" in why for why in whys(result).values())


@pytest.mark.slow
@pytest.mark.parametrize("name", VENDORS)
def test_tenant__one_known_record_is_enough_for_most(name: str, tmp_path: Path) -> None:
    role = {"geotareas": "card_id", "kanbert": "project_id", "kanman": "project_id", "kantata": "status_set_id"}[name]
    result = run(VENDORS[name], tmp_path, known=[role])
    assert (result.exit_code, told(result)) == (0, [])
    assert result.count("holds") > 100


def test_tenant__who_calls_stands_in_the_log(tmp_path: Path) -> None:
    with TestTenant(VENDORS["geotareas"]) as tenant:
        result = tenant.judge(tenant.toml(tmp_path / "tenant.toml"), ["GT-022"])
        assert result.exit_code == 0
        assert {each.who for each in tenant.log} >= {"owner", "reader", "writer"}
        assert not any("x-mock-world" in each.headers for each in tenant.log)


def test_tenant__bends_on_request(tmp_path: Path) -> None:
    def teapot(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        return replace(reply, status=418) if path_of(request) == "/boards" else reply

    with TestTenant(VENDORS["kanman"]) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"))
        for bend, status in ((straight, 200), (teapot, 418), (straight, 200)):
            tenant.bend = bend
            assert target.tenant("some rule").call("listBoards").status == status == tenant.log[-1].status
        target.close()


@pytest.mark.parametrize("is_lasting", [False, True])
def test_tenant__what_is_broken_is_tried_again_since_others_may_be_at_work(tmp_path: Path, is_lasting: bool) -> None:
    def somebody_changes_it(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        """The first tasks of the run's own are shown with the description of somebody else."""
        reply = forward(request)
        task = (answer_of(reply) or {}).get("task") if request.method == "GET" else None
        if task is None or "[proofboard" not in task["label"]:
            return reply
        seen = memory.values.setdefault(("", "seen"), [])
        seen += [task["id"]] if task["id"] not in seen else []
        if seen.index(task["id"]) > 1 and not is_lasting:
            return reply
        return with_answer(reply, {"task": {**task, "description": "Another's"}})

    with TestTenant(VENDORS["kanman"], somebody_changes_it) as tenant:
        result = tenant.judge(tenant.toml(tmp_path / "tenant.toml"), ["KM-124"])
        (verdict,) = result.verdicts
        assert verdict.state == ("broken" if is_lasting else "holds"), verdict
        assert ("at first not, but when it was tried again" in verdict.why) is not is_lasting
        assert any("broken at first, KM-124" in note for note in result.notes) is not is_lasting


@pytest.mark.parametrize(
    ("profile", "state", "told"),
    [
        ("quick", "holds", "at first not, but when it was tried again"),
        ("thorough", "broken", "it comes and goes: broken twice in 3 tries"),
    ],
)
def test_tenant__what_comes_and_goes_is_found_by_a_thorough_run(
    tmp_path: Path, profile: str, state: str, told: str
) -> None:
    def now_and_then(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        """The first and the third try each make a task that is answered with somebody else's description."""
        reply = forward(request)
        task = (answer_of(reply) or {}).get("task") if request.method == "POST" else None
        if task is None or b"description" in (request.body or b""):
            return reply
        made = memory.values.setdefault(("", "made"), [])
        made.append(task["id"])
        return reply if len(made) not in (2, 4) else with_answer(reply, {"task": {**task, "description": "Another's"}})

    with TestTenant(VENDORS["kanman"], now_and_then) as tenant:
        (verdict,) = tenant.judge(tenant.toml(tmp_path / "tenant.toml"), ["KM-124"], profile=profile).verdicts
        assert (verdict.state, told in verdict.why) == (state, True), verdict
