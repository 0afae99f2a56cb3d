"""KanMan: what becomes of a task that moves to another project."""

from contracts.expecting import (
    expect,
    expect_kept,
    expect_status,
)
from contracts.laws.terms import Record, short
from contracts.rules import rule
from contracts.rules.kanman_steps import (
    Task,
    change,
    create,
    elsewhere,
    home,
    ids,
    items,
    listed,
    place,
    read,
)
from contracts.tenant import Tenant


@rule("KM-138", "KM-147")
def a_moved_task_tells_its_new_project(tenant: Tenant) -> None:
    task = create(tenant, description="On the move", status=1)
    for target in (elsewhere(tenant), home(tenant), elsewhere(tenant)):
        given = change(tenant, task, projectId=target)
        got = read(tenant, task)["project_id"]
        expect(got == target, f"a read after a move: expected project_id {target}, got {short(got)}")
        if tenant.is_mock:
            told = given.get("project_id")
            expect(told == target, f"the answer to a move: expected project_id {target}, got {short(told)}")
    expected = {name: task[name] for name in ("id", "label", "status", "description", "created_at")}
    expect_kept("a task that was moved", expected, {name: read(tenant, task).get(name) for name in expected})
    if tenant.is_mock:
        _to_another_board(tenant, task)


def _to_another_board(tenant: Tenant, task: Task) -> None:
    """Boards are no wall: any project of the workspace may be the target."""
    for board in items(tenant.call("listBoards"), "boards"):
        projects = items(tenant.call("listBoardProjects", path={"id": board["id"]}), "projects")
        if projects and home(tenant) not in ids(projects):
            target = projects[0]["id"]
            change(tenant, task, projectId=target)
            got = read(tenant, task)["project_id"]
            expect(got == target, f"a move to another board: expected project_id {target}, got {short(got)}")
            expect(task["id"] in ids(listed(tenant, target)), f"expected {task['id']} in the list of {target}")
            return


@rule("KM-148")
def a_moved_task_changes_lists(tenant: Tenant) -> None:
    stays, moves, last = (create(tenant) for _ in range(3))
    here, there = home(tenant), elsewhere(tenant)
    before = {where: ids(listed(tenant, where)) for where in (here, there)}
    for source, target in ((here, there), (there, here)):
        change(tenant, moves, projectId=target)
        found = {where: ids(listed(tenant, where)) for where in (here, there)}
        times = found[target].count(moves["id"])
        expect(times == 1, f"after a move: expected {moves['id']} once in the list of {target}, got it {times} times")
        expect(moves["id"] not in found[source], f"after a move: {moves['id']} is still in the list of {source}")
        for where in (here, there) if tenant.is_mock else ():
            kept = [each for each in found[where] if each != moves["id"]]
            expected = [each for each in before[where] if each != moves["id"]]
            expect(kept == expected, f"after a move: expected the others of {where} as before, got {short(kept)}")
    neighbours = ids(listed(tenant, here))
    expect({stays["id"], last["id"]} <= set(neighbours), "after a move: its neighbours left the list with it")


@rule("KM-149")
def a_moved_task_stands_at_the_end(tenant: Tenant) -> None:
    here, there = home(tenant), elsewhere(tenant)
    first, second = create(tenant), create(tenant)
    create(tenant, projectId=there)
    for task, target in ((second, there), (first, there), (second, here)):
        change(tenant, task, projectId=target)
        after = listed(tenant, target)
        position = place(read(tenant, task))
        expect(position, f"expected a position after a move, got {position!r}")
        if not tenant.is_mock:
            continue
        expect(
            ids(after)[-1:] == [task["id"]],
            f"expected {task['id']} at the end of {target}, got {short(ids(after)[-3:])}",
        )
        last = max((place(each) for each in after if each["id"] != task["id"]), default="")
        expect(position > last, f"expected a position after {last!r}, got {position!r}")


@rule("KM-150")
def a_moved_task_has_no_lane(tenant: Tenant) -> None:
    world = tenant.fresh_world() if tenant.is_mock else tenant
    tasks = [create(world)]
    if world.is_mock:  # only a task of the seed has a lane
        found = [read(world, item) for item in listed(world, home(world))]
        tasks += [task for task in found if task["workflow_lane_id"] is not None][:2]
    for task in tasks:
        given = change(world, task, projectId=elsewhere(world))
        shown = [read(world, task), *([given] if world.is_mock else [])]
        for each in shown:
            got = each.get("workflow_lane_id", "(absent)")
            expect(got is None, f"after a move: expected workflow_lane_id null, got {short(got)}")


@rule("KM-151")
def subtasks_move_with_their_task(tenant: Tenant) -> None:
    world = tenant.fresh_world()
    task = Record(world.read("tasks", world.known["task_id"]))
    expect(task["subtasks"], "expected the known task to have subtasks")
    for target in (elsewhere(world), home(world)):
        change(world, task, projectId=target)
        got = read(world, task)["subtasks"]
        expect(
            got == task["subtasks"], f"after a move: expected the subtasks {short(task['subtasks'])}, got {short(got)}"
        )


@rule("KM-152")
def a_move_to_the_same_project_changes_nothing(tenant: Tenant) -> None:
    world = tenant.fresh_world() if tenant.is_mock else tenant
    first = create(world)
    create(world)
    tasks = [first]
    if world.is_mock:  # only a task of the seed has a lane
        found = [read(world, item) for item in listed(world, home(world))]
        tasks += [task for task in found if task["workflow_lane_id"] is not None][:1]
    for task in tasks:
        before, order = read(world, task), ids(listed(world, home(world)))
        answer = world.call("updateTask", path={"id": task["id"]}, json={"projectId": home(world)})
        expect_status(answer, "PATCH with the present projectId", 200)
        expect_kept("a read after a move to the same project", before, read(world, task), but=("updated_at",))
        after = ids(listed(world, home(world)))
        expect(after == order or not world.is_mock, f"expected the order {short(order)}, got {short(after)}")
