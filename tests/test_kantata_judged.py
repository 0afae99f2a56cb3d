"""A broken tenant of Kantata is recognised, and a clean one trips nothing, with and without a control plane."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.local import local_wire
from contracts.runner import Result
from contracts.target import Target
from contracts.wire import Outgoing, Reply
from mockserver.engine.call import Call
from mockserver.engine.errors import Refusal
from mockserver.engine.store import Record
from mockserver.vendor import Rule, Vendor, load
from mockserver.vendors import kantata as own
from mockserver.vendors import kantata_checks as checks
from tests.bend_words import both
from tests.bending_proxy import BentWire
from tests.bends import Bend, Forward, Memory, answer_of, straight
from tests.kantata import CHOICES
from tests.kantata_bending import answers, anything, drop, each_status, liberal, path_of
from tests.kantata_bends import BENDS, UNSEEN_ON_A_TENANT
from tests.lenient_tenants import LENIENT
from tests.tools.judging import open_through

Judge = Callable[..., Result]


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return load("kantata")


@pytest.fixture
def judge(vendor: Vendor) -> Iterator[Judge]:
    """Judges the mock in this process through a bend; as a tenant, its control plane is hidden."""
    targets: list[Target] = []

    def run(
        bend: Bend, chosen: list[Rule], *, tenant: bool, is_selective: bool = True, seed: int = 11, **settings: Any
    ) -> Result:
        wire = BentWire(local_wire(vendor, seed=seed, **settings), bend, hide_control=tenant)
        targets.append(open_through(vendor, wire, seed=seed, tenant=tenant))
        return runner.run(targets[-1], chosen, profile="quick", is_selective=is_selective, progress=Silence())

    yield run
    for target in targets:
        target.close()


# What a switch turns, and whatever else no proxy could bend: the mock itself is wrong, by name of a function.
SWITCHES = {
    "sets_key=always": "KX-061",
    "paging_errors=reject": "KX-102",
    "unknown_include=reject": "KX-087",
    "immutable_fields=reject": "KX-167",
    "names=exact": "KX-145",
}


_delete = own.delete_custom_task_statuses


def _fall_anywhere(call: Call, record: Record) -> None:
    """The tasks of a deleted status get the default of another category."""
    _delete(call, {**record, "category": "completed"})


def _forget_tasks(call: Call, record: Record) -> None:
    """The tasks of a deleted status keep it."""


def _take_the_good_ones(call: Call) -> None:
    """Projects that cannot be changed are left out of a bulk update."""
    while True:
        try:
            checks.check_projects_and_sets(call)
            return
        except Refusal as refusal:
            bad = {each["index"] for each in refusal.values.get("errors", ())}
            entries = [each for index, each in enumerate(call.body[CHOICES]) if index not in bad]
            if not bad or not entries:
                raise
            call.body = {CHOICES: entries}


def _keep_statuses(call: Call, record: Record) -> None:
    """The statuses of a deleted set stay."""


DEFECTS: dict[str, tuple[str, Any, set[str]]] = {
    "tasks-forgotten": ("delete_custom_task_statuses", _forget_tasks, {"KX-187"}),
    "tasks-fall-anywhere": ("delete_custom_task_statuses", _fall_anywhere, {"KX-187"}),
    "defaults-go": ("check_default_stays", lambda call: None, {"KX-193", "KX-181"}),
    "sets-in-use-go": ("check_set_is_free", lambda call: None, {"KX-206", "KX-207"}),
    "bulk-takes-the-good-ones": ("check_projects_and_sets", _take_the_good_ones, {"KX-212", "KX-215"}),
    "statuses-outlive-their-set": ("delete_task_status_sets", _keep_statuses, {"KX-206"}),
    "a-set-has-three": ("DEFAULTS", own.DEFAULTS[:3], {"KX-202", "KX-203"}),
    "tasks-keep-their-status": ("_default", lambda statuses, category: statuses[0], {"KX-187", "KX-214"}),
}


@pytest.mark.parametrize("turned", SWITCHES)
def test_switch__is_another_contract(judge: Judge, vendor: Vendor, turned: str) -> None:
    name, _, value = turned.partition("=")
    rule = SWITCHES[turned]
    result = judge(straight, [vendor.rules[rule]], tenant=False, switches=(("kantata", name, value),))
    assert found(result) == {rule}, result.verdicts


@pytest.mark.parametrize("name", DEFECTS)
def test_defect__is_found(judge: Judge, vendor: Vendor, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, planted, breaks = DEFECTS[name]
    monkeypatch.setattr(own, function, planted)
    result = judge(straight, [vendor.rules[rule] for rule in sorted(breaks)], tenant=False)
    assert found(result) & breaks, result.verdicts


def _cases() -> Iterator[Any]:
    """Slow are those on a tenant, where time passes by itself, and those that schemas judge, in a whole run."""
    judges = {rule.id: rule.judge for rule in load("kantata").rules.values()}
    for name, (_, breaks) in BENDS.items():
        for tenant in (False, True):
            is_slow = tenant or any(judges[rule] == "schema" for rule in breaks)
            marks = [pytest.mark.slow] if is_slow else []
            yield pytest.param(name, tenant, id=f"{name}-{'tenant' if tenant else 'mock'}", marks=marks)


def found(result: Result) -> set[str]:
    return {finding.rule or finding.key.split()[0] for finding in result.findings}


@pytest.mark.parametrize(("name", "tenant"), list(_cases()))
def test_bend__is_found(judge: Judge, vendor: Vendor, name: str, tenant: bool) -> None:
    bend, breaks = BENDS[name]
    result = judge(bend, [vendor.rules[rule] for rule in sorted(breaks)], tenant=tenant)
    if tenant and name in UNSEEN_ON_A_TENANT:
        assert not any(vendor.rules[rule].binding for rule in found(result)), result.verdicts
        return
    assert found(result) & breaks, result.verdicts


def test_clean__a_tenant_keeps_what_the_run_did_not_make(judge: Judge, vendor: Vendor) -> None:
    created: set[str] = set()
    changed: set[str] = set()

    def watch(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        path = path_of(request).removesuffix(".json").lstrip("/")
        if request.method == "POST" and reply.status == 200:
            whole = answer_of(reply)
            created.update(f"{each['key']}/{each['id']}" for each in whole["results"])
        elif request.method in ("PUT", "DELETE") and reply.status in (200, 204):
            changed.add(path)
        return reply

    rules = [each for each in vendor.rules.values() if each.judge in ("law", "rule")]
    result = judge(watch, rules, tenant=True)
    assert (result.findings, result.left_behind) == ((), ())
    assert changed and changed <= created


@pytest.mark.slow
def test_clean__a_tenant_may_do_whatever_the_rules_accept(judge: Judge, vendor: Vendor) -> None:
    """Nothing binding is broken; what is decided here and not written anywhere is a warning at most."""
    other = (("sets_key", "always"), ("paging_errors", "reject"), ("unknown_include", "reject"))
    other += (("immutable_fields", "reject"), ("names", "exact"))
    switches = tuple(("kantata", name, value) for name, value in other)
    rules = list(vendor.rules.values())
    result = judge(liberal, rules, tenant=True, is_selective=False, switches=switches)
    assert result.count("holds") > 170 and result.left_behind == ()
    assert [each for each in found(result) if each in vendor.rules and vendor.rules[each].binding] == []
    assert result.exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("tenant", [False, True], ids=["mock", "tenant"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clean__nothing_is_found_whatever_the_seed(judge: Judge, vendor: Vendor, seed: int, tenant: bool) -> None:
    result = judge(straight, list(vendor.rules.values()), tenant=tenant, is_selective=False, seed=seed)
    assert (result.exit_code, result.findings, result.left_behind) == (0, (), ())
    assert result.count("holds") > (180 if tenant else 205)


INCLUDED = ["KX-084", "KX-085", "KX-086", "KX-136", "KX-155", "KX-170"]


def test_included__a_tenant_that_tells_less_is_judged_by_what_it_tells(judge: Judge, vendor: Vendor) -> None:
    few = LENIENT["kantata"]["three-keys"]
    result = judge(few, [vendor.rules[rule] for rule in (*INCLUDED, "KX-071")], tenant=True)
    states = {verdict.rule: verdict.state for verdict in result.verdicts}
    assert states == {**dict.fromkeys(INCLUDED, "holds"), "KX-071": "not judged"}, result.verdicts


@pytest.mark.parametrize("lost", ["task_status_set_id", "task_status_sets"])
def test_included__what_was_asked_for_is_there_on_a_tenant_that_tells_less(
    judge: Judge, vendor: Vendor, lost: str
) -> None:
    hidden = answers(anything, drop(lost)) if lost.endswith("s") else answers(anything, each_status(drop(lost)))
    bend = both(LENIENT["kantata"]["three-keys"], hidden)
    assert found(judge(bend, [vendor.rules["KX-085"]], tenant=True)) == {"KX-085"}


def test_map__may_have_any_order_on_a_tenant(judge: Judge, vendor: Vendor) -> None:
    bend, breaks = BENDS["map-turned"]
    (verdict,) = judge(bend, [vendor.rules[rule] for rule in breaks], tenant=True).verdicts
    assert (verdict.state, "no order" in verdict.why) == ("not judged", True)
