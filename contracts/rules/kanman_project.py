"""KanMan: the lists of a project and of a board, and the counters of a project; the keys of all answers."""

import re
from collections.abc import Iterator
from typing import Any

from contracts.expecting import (
    expect,
    expect_kept,
    expect_status,
)
from contracts.findings import Broken, NotJudged
from contracts.laws.terms import differences, short
from contracts.rules import rule
from contracts.rules.kanman_steps import (
    Project,
    change,
    create,
    delete,
    elsewhere,
    home,
    ids,
    items,
    listed,
    place,
    project,
    read,
)
from contracts.tenant import Answer, Tenant

COUNTERS = ("num_tasks_open", "num_tasks_in_progress", "num_tasks_done")  # by status 0, 1, 2
_OF_A_TASK_ALONE = ("project_id", "workflow_lane_id", "subtasks")
_SNAKE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_ROOM = 0.01  # how far a tenant may round its progress


def _counts(shown: Project) -> list[int]:
    found = {name: shown[name] for name in (*COUNTERS, "num_tasks_total")}
    for name, count in found.items():
        expect(type(count) is int, f"expected {name} to be a whole number, got {short(count)}")
    return list(found.values())


def _expect_counts(tenant: Tenant, where: str, expected: list[int], what: str) -> None:
    """Counters and progress of a project."""
    shown = project(tenant, where)
    told = "open, in progress, done, total"
    expect(_counts(shown) == expected, f"{what}: expected {told} to be {expected}, got {_counts(shown)}")
    _expect_progress(tenant, shown)


def _expect_progress(tenant: Tenant, shown: Project) -> None:
    _, _, done, total = _counts(shown)
    expected = done / total if total else 0
    progress = shown.get("progress")
    is_number = isinstance(progress, int | float) and not isinstance(progress, bool)
    expect(is_number, f"expected progress to be a number, got {short(progress)}")
    apart = abs(progress - expected) if isinstance(progress, int | float) else 1
    room = 1e-12 if tenant.is_mock else _ROOM
    expect(apart <= room, f"{done} of {total} tasks are done: expected progress {expected}, got {short(progress)}")


def _counter_of(tenant: Tenant, status: int) -> None:
    """What the status means shows in the counter that it raises."""
    before = _counts(project(tenant, home(tenant)))
    create(tenant, status=status)
    expected = [count + (i in (status, 3)) for i, count in enumerate(before)]
    _expect_counts(tenant, home(tenant), expected, f"after a task of status {status}")
    task = create(tenant, status=(status + 1) % 3)
    change(tenant, task, status=status)
    expected = [count + (i in (status, 3)) for i, count in enumerate(expected)]
    _expect_counts(tenant, home(tenant), expected, f"after a task changed to status {status}")


@rule("KM-072")
def status_0_means_open(tenant: Tenant) -> None:
    _counter_of(tenant, 0)


@rule("KM-073")
def status_1_means_in_progress(tenant: Tenant) -> None:
    _counter_of(tenant, 1)


@rule("KM-074")
def status_2_means_done(tenant: Tenant) -> None:
    _counter_of(tenant, 2)


@rule("KM-126")
def a_create_raises_the_counters(tenant: Tenant) -> None:
    expected = _counts(project(tenant, home(tenant)))
    for status in (0, 1, 2, 2):
        create(tenant, status=status)
        expected = [count + (i in (status, 3)) for i, count in enumerate(expected)]
        _expect_counts(tenant, home(tenant), expected, f"after a create with status {status}")
    create(tenant)
    expected = [count + (i in (0, 3)) for i, count in enumerate(expected)]
    _expect_counts(tenant, home(tenant), expected, "after a create without a status")


@rule("KM-172")
def a_delete_lowers_the_counters(tenant: Tenant) -> None:
    tasks = [create(tenant, status=status) for status in (0, 1, 2)]
    expected = _counts(project(tenant, home(tenant)))
    for status, task in reversed(list(enumerate(tasks))):
        delete(tenant, task)
        expected = [count - (i in (status, 3)) for i, count in enumerate(expected)]
        _expect_counts(tenant, home(tenant), expected, f"after a delete of a task of status {status}")
    tenant.remove("tasks", tasks[0]["id"])
    _expect_counts(tenant, home(tenant), expected, "after a second delete of the same task")


@rule("KM-192")
def the_counters_follow_at_once(tenant: Tenant) -> None:
    here, there = home(tenant), elsewhere(tenant)
    task = create(tenant, status=0)
    at_home, away = (_counts(project(tenant, where)) for where in (here, there))
    status = 0
    for target in (2, 1, 1, 0, 2):
        change(tenant, task, status=target)
        at_home = [count - (i == status) + (i == target) for i, count in enumerate(at_home)]
        status = target
        _expect_counts(tenant, here, at_home, f"after a change to status {target}")
    change(tenant, task, projectId=there)
    at_home = [count - (i in (2, 3)) for i, count in enumerate(at_home)]
    away = [count + (i in (2, 3)) for i, count in enumerate(away)]
    _expect_counts(tenant, here, at_home, "after a task left")
    _expect_counts(tenant, there, away, "after a task came")
    change(tenant, task, projectId=here, status=0)
    _expect_counts(tenant, there, [count - (i in (2, 3)) for i, count in enumerate(away)], "after a task left again")
    _expect_counts(tenant, here, [count + (i in (0, 3)) for i, count in enumerate(at_home)], "after it came back open")
    delete(tenant, task)
    _expect_counts(tenant, here, at_home, "after the task was deleted")


@rule("KM-189")
def the_total_is_the_sum(tenant: Tenant) -> None:
    for status in (0, 1, 2, 2):
        create(tenant, status=status)
    for where in (home(tenant), elsewhere(tenant)):
        shown = project(tenant, where)
        *parts, total = _counts(shown)
        expect(sum(parts) == total, f"expected num_tasks_total to be the sum of {parts}, got {total}")
        if tenant.is_mock:
            found = len(listed(tenant, where))
            expect(found == total, f"expected num_tasks_total to be {found}, the length of the list, got {total}")


@rule("KM-190")
def progress_is_the_part_that_is_done(tenant: Tenant) -> None:
    for status in (2, 0, 2, 1, 2):
        create(tenant, status=status)
        _expect_progress(tenant, project(tenant, home(tenant)))
    boards = [board["id"] for board in items(tenant.call("listBoards"), "boards")][:2]
    for board in boards:
        for each in items(tenant.call("listBoardProjects", path={"id": board}), "projects")[:5]:
            _expect_progress(tenant, project(tenant, each["id"]))


def _empty_project(tenant: Tenant) -> tuple[Tenant, str]:
    """A project without tasks, and the world that has it."""
    world = tenant.fresh_world() if tenant.is_mock else tenant
    if listed(world, elsewhere(world)):
        raise NotJudged("the known other_project_id is of a project that has tasks")
    return world, elsewhere(world)


@rule("KM-183")
def an_empty_project_lists_nothing(tenant: Tenant) -> None:
    world, where = _empty_project(tenant)
    answer = world.call("listProjectTasks", path={"id": where})
    expect_status(answer, "the list of an empty project", 200)
    expect(answer.json() == {"tasks": []}, f'expected {{"tasks": []}}, got {short(answer.json())}', answer)
    delete(world, create(world, projectId=where))
    answer = world.call("listProjectTasks", path={"id": where})
    expect(
        answer.json() == {"tasks": []}, f'expected {{"tasks": []}} after a delete, got {short(answer.json())}', answer
    )


@rule("KM-191")
def an_empty_project_has_no_progress(tenant: Tenant) -> None:
    world, where = _empty_project(tenant)
    _expect_counts(world, where, [0, 0, 0, 0], "an empty project")
    delete(world, create(world, projectId=where, status=2))
    _expect_counts(world, where, [0, 0, 0, 0], "a project that was emptied")


@rule("KM-178")
def the_list_is_complete(tenant: Tenant) -> None:
    made = [create(tenant)["id"] for _ in range(120 if tenant.is_mock else 3)]
    shown = listed(tenant, home(tenant))
    found = ids(shown)
    positions = list(map(place, shown))
    expect(positions == sorted(positions), f"expected {len(found)} tasks by position, got {short(positions)}")
    lost = [identity for identity in made if identity not in found]
    expect(not lost, f"expected {len(made)} new tasks in the list of {len(found)}, {len(lost)} are absent: {lost[:1]}")
    total = project(tenant, home(tenant)).get("num_tasks_total")
    expect(len(found) == total or not tenant.is_mock, f"expected {total} tasks in the list, got {len(found)}")
    for query in ({"limit": 1}, {"page": 2}, {"offset": 1}, {"per_page": 1}):
        answer = tenant.call("listProjectTasks", path={"id": home(tenant)}, query=query)
        if tenant.is_mock or answer.status == 200:
            kept = ids(items(answer, "tasks"))
            expect(
                kept == found or not tenant.is_mock,
                f"with {query}: expected {len(found)} tasks, got {len(kept)}",
                answer,
            )


@rule("KM-181")
def an_item_is_shorter_than_a_task(tenant: Tenant) -> None:
    if not tenant.is_mock:
        raise NotJudged("a tenant's items may have further fields")
    create(tenant)
    for where in (home(tenant), elsewhere(tenant)):
        for item in listed(tenant, where):
            told = [name for name in _OF_A_TASK_ALONE if name in item]
            expect(not told, f"expected an item without {told}, got {short(item)}")


@rule("KM-197")
def a_board_lists_its_projects_by_position(tenant: Tenant) -> None:
    items(tenant.call("listBoardProjects", path={"id": project(tenant, home(tenant))["board_id"]}), "projects")
    create(tenant, status=2)
    boards = [board["id"] for board in items(tenant.call("listBoards"), "boards")]
    for board in boards if tenant.is_mock else boards[:2]:
        found = items(tenant.call("listBoardProjects", path={"id": board}), "projects")
        for item in found[:10]:
            alone = project(tenant, item["id"])
            expect(
                alone.get("board_id") == board, f"expected {item['id']} on board {board}, got {alone.get('board_id')}"
            )
            for name, (want, got) in differences(alone, item).items():
                raise Broken(f"{item['id']}: the list shows {name} as {short(got)}, the single read as {short(want)}")
            if tenant.is_mock:
                del alone["board_id"]
                expect_kept(f"{item['id']} in the list of its board", alone, item)
        if tenant.is_mock:
            positions = list(map(place, found))
            expect(positions == sorted(positions), f"expected projects by position, got {positions}")
    if boards and home(tenant) in tenant.known.values() and tenant.known.get("board_id") in boards:
        found = items(tenant.call("listBoardProjects", path={"id": tenant.known["board_id"]}), "projects")
        expected = project(tenant, home(tenant))["board_id"] == tenant.known["board_id"]
        expect(not expected or home(tenant) in ids(found), f"expected {home(tenant)} in the list of its board")


@rule("KM-086")
def keys_are_in_snake_case(tenant: Tenant) -> None:
    task = create(tenant)
    for each in (task, *listed(tenant, home(tenant))[:3]):
        read(tenant, each)
    board = project(tenant, home(tenant))["board_id"]
    for operation in ("listBoards", "getBoard", "listBoardProjects"):
        tenant.call(operation, path={"id": board} if operation != "listBoards" else {})
    for exchange in tenant.exchanges:
        if exchange.operation is None or not 200 <= exchange.status < 300:
            continue
        try:
            told = exchange.json()
        except ValueError:  # that bodies are JSON is another rule
            continue
        odd = next((key for key in _keys(told) if not _SNAKE.fullmatch(key)), None)
        what = f"{exchange.operation} answered {exchange.status}: expected keys in snake_case, got {short(odd)}"
        expect(odd is None, what, Answer(exchange, tenant))


def _keys(node: Any) -> Iterator[str]:
    """The keys of a JSON value, at any depth."""
    nodes = [node]
    while nodes:
        each = nodes.pop()
        if isinstance(each, dict):
            yield from each
            nodes += each.values()
        elif isinstance(each, list):
            nodes += each
