"""KanMan: the trash. No operation shows it: most rules are judged where a control plane restores and moves time."""

from contracts.expecting import (
    expect,
    expect_kept,
    expect_status,
)
from contracts.findings import Broken, NotJudged
from contracts.laws.terms import Record, same
from contracts.rules import rule
from contracts.rules.kanman_steps import Task, create, delete, home, ids, label, listed, patch, project, read, task_of
from contracts.tenant import Tenant

_DAY = 24 * 3600.0
_DAYS = 40


def _restore(world: Tenant, task: Task) -> int:
    """The status with which the control plane answers."""
    control = world.target.control
    if control is None or world.world is None:
        raise NotJudged("needs a control plane that restores from the trash")
    return control.restore(world.world, world.vendor.name, "tasks", task["id"])


def _is_gone(world: Tenant, task: Task) -> None:
    expect_status(world.call("getTask", path={"id": task["id"]}), "GET of a deleted task", 404)


def _trashed(tenant: Tenant, seconds: float) -> tuple[Tenant, Task]:
    """A world of its own, and a task that was deleted there so long ago."""
    world = tenant.fresh_world()
    clock = world.needs_clock()
    clock.freeze()
    task = create(world)
    delete(world, task)
    clock.advance(seconds)
    return world, task


def _shown(tenant: Tenant, task: Task) -> dict[str, Task]:
    """How the operations that show tasks show this one; one that does not show it is absent."""
    answer = tenant.call("getTask", path={"id": task["id"]})
    found = {"getTask": task_of(answer)} if answer.status == 200 else {}
    items = [each for each in listed(tenant, home(tenant)) if each["id"] == task["id"]]
    return {**found, "listProjectTasks": items[0]} if items else found


def _leaves(tenant: Tenant) -> None:
    """On a tenant: nothing shows a deleted task as if nothing had happened. What it shows of its trash is its own."""
    task = create(tenant, description="Not destroyed")
    before = _shown(tenant, task)
    delete(tenant, task)
    after = _shown(tenant, task)
    for name in before.keys() & after.keys():
        if all(same(value, after[name].get(key)) for key, value in before[name].items() if key != "updated_at"):
            raise Broken(f"{name} shows the deleted {task['id']} as if it were not in the trash")


@rule("KM-167")
def no_operation_recovers_a_deleted_task(tenant: Tenant) -> None:
    task = create(tenant, description="In the trash")
    delete(tenant, task)
    before = _shown(tenant, task)
    answer = patch(tenant, task, {"label": label(tenant, "Recovered")})
    recovered = sorted(_shown(tenant, task).keys() - before.keys())
    if recovered:
        tenant.remove("tasks", task["id"])
        raise Broken(f"updateTask of the deleted {task['id']} brought it back: {recovered[0]} shows it again", answer)


@rule("KM-164")
def a_deleted_task_is_in_the_trash(tenant: Tenant) -> None:
    if not tenant.is_mock:
        _leaves(tenant)
        return
    world = tenant.fresh_world()
    task = create(world, description="Not destroyed")
    expect(_restore(world, task) == 404, "a task that was not deleted could be restored")
    delete(world, task)
    _is_gone(world, task)
    status = _restore(world, task)
    expect(status == 200, f"expected a deleted task to be restored from the trash, got {status}")
    expect_kept("a task after its restoration", task, read(world, task))
    delete(world, task)
    _is_gone(world, task)


@rule("KM-165")
def the_trash_keeps_a_task_for_40_days(tenant: Tenant) -> None:
    world, task = _trashed(tenant, _DAYS * _DAY - 1)
    _is_gone(world, task)
    status = _restore(world, task)
    expect(status == 200, f"expected a task to be restored after 40 days less a second, got {status}")
    read(world, task)


@rule("KM-173")
def a_restored_task_is_as_it_was(tenant: Tenant) -> None:
    world = tenant.fresh_world()
    known = Record(world.read("tasks", world.known["task_id"]))
    for task in (known, create(world, description="To be restored", status=2)):
        before = read(world, task)
        order, counted = ids(listed(world, home(world))), project(world, home(world))
        delete(world, task)
        world.needs_clock().advance(_DAY)
        status = _restore(world, task)
        expect(status == 200, f"expected a deleted task to be restored, got {status}")
        expect_kept("a restored task", before, read(world, task))
        expect(ids(listed(world, home(world))) == order, f"expected the restored {task['id']} at its place in the list")
        expect_kept("the project after a restoration", counted, project(world, home(world)), but=("updated_at",))


@rule("KM-174")
def after_40_days_a_task_is_gone_for_good(tenant: Tenant) -> None:
    world, task = _trashed(tenant, _DAYS * _DAY)
    status = _restore(world, task)
    expect(status == 404, f"expected no task to be restored after 40 days, got {status}")
    _is_gone(world, task)
