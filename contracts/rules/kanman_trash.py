"""KanMan: the trash. No operation shows it: its rules are judged where a control plane restores and turns the clock."""

from contracts.expecting import (
    expect,
    expect_kept,
    expect_status,
)
from contracts.findings import NotJudged
from contracts.laws.terms import Record
from contracts.rules import rule
from contracts.rules.kanman_steps import Task, create, delete, home, ids, listed, project, read
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


@rule("KM-164")
def a_deleted_task_is_in_the_trash(tenant: Tenant) -> None:
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
