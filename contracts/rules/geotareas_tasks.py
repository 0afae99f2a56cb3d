"""GeoTareas: what a move of a task needs, answers and leaves behind. Tasks are moved on the stand-in only."""

from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    known,
)
from contracts.laws.terms import short
from contracts.rules import rule
from contracts.rules.geotareas_steps import (
    FOREIGN_BOARD,
    FOREIGN_DRIVER,
    OTHER_BOARD,
    OTHER_DRIVER,
    comment,
    expect_refusal,
    listed,
    movable,
    moved,
    now,
    state,
    stored,
)
from contracts.tenant import Tenant

_REFUSED = (400, 404)


@rule("GT-080")
def times_are_utc_without_saying_so(tenant: Tenant) -> None:
    clock = tenant.needs_clock()
    clock.freeze()
    for moment in ("2026-03-19T16:45:00.900Z", "2026-07-01T23:59:59Z", "2027-01-01T00:30:00Z"):
        clock.set(moment)
        made = comment(tenant)
        expect_equal(f"created_at at {moment}", moment[:19], made["created_at"])
        expect_equal(f"created_at in the list at {moment}", moment[:19], listed(tenant, made["id"])["created_at"])
    world = movable(tenant)
    world.needs_clock().freeze()
    world.needs_clock().set("2026-03-19T16:45:00.900Z")
    expect_equal("updated_at of a move", now(world), moved(world, "USU")["updated_at"])


@rule("GT-090")
def the_board_is_the_tasks_own(tenant: Tenant) -> None:
    world = movable(tenant)
    for board in _other_boards(world):
        answer = state(world, {"target_status": "USU", "board_id": board})
        expect_status(answer, f"a move with the board {board}, which is not the task's", *_REFUSED)
    moved(world, "USU")


@rule("GT-126")
def another_board_is_not_found(tenant: Tenant) -> None:
    world = movable(tenant)
    for board in _other_boards(world):
        for target in ("USU", "SA"):
            answer = state(world, {"target_status": target, "board_id": board})
            what = f"a move to {target} with the board {board}, which is not the task's"
            expect_refusal(answer, what, 404, "NOT_FOUND")
    moved(world, "USU")


def _other_boards(world: Tenant) -> list[str]:
    home = known(world, "board_id")
    return [OTHER_BOARD, FOREIGN_BOARD, world.unknown_id("boards"), f"0{home}", home[:-1]]


@rule("GT-099")
def a_move_to_asi_needs_a_driver(tenant: Tenant) -> None:
    world = movable(tenant)
    task = known(world, "unassigned_task_id")
    expect_status(state(world, {"target_status": "ASI"}, task), "a move to ASI without a driver", *_REFUSED)
    moved(world, "ASI", task, driver_id=known(world, "driver_id"))


@rule("GT-102")
def asi_without_a_driver_is_malformed(tenant: Tenant) -> None:
    world = movable(tenant)
    bodies: list[dict[str, Any]] = [{}, {"driver_id": None}, {"driver_id": ""}, {"driver": known(world, "driver_id")}]
    # From INI the workflow has no move to ASI; an unknown task is unknown. The form is told first.
    for task in (known(world, "unassigned_task_id"), known(world, "task_id"), world.unknown_id("tasks")):
        for body in bodies:
            answer = state(world, {"target_status": "ASI", **body}, task)
            expect_refusal(answer, f"a move of {task} to ASI with {short(body)}", 400, "VALIDATION_ERROR")


@rule("GT-116")
def a_refused_move_changes_nothing(tenant: Tenant) -> None:
    world = movable(tenant)
    task, driver = known(world, "unassigned_task_id"), known(world, "driver_id")
    moved(world, "ASI", task, driver_id=driver)
    before = stored(world, task)
    world.needs_clock().advance(100)
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"target_status": "FIN"}, "owner"),
        ({"target_status": "ASI", "driver_id": driver}, "owner"),
        ({"target_status": "ASI", "driver_id": world.unknown_id("drivers")}, "owner"),
        ({"target_status": "ASI"}, "owner"),
        ({"target_status": "CAN", "board_id": OTHER_BOARD}, "owner"),
        ({"target_status": "CAN", "driver_id": 7}, "owner"),
        ({"target_status": "can"}, "owner"),
        ({"target_status": "CAN"}, "reader"),
        ({"target_status": "CAN"}, "outsider"),
        ({"target_status": "CAN"}, "expired"),
    ]
    for body, caller in refusals:
        answer = state(world, body, task, caller=caller)
        expect(400 <= answer.status < 500, f"a move with {short(body)} by {caller}: expected a refusal", answer)
        after = stored(world, task)
        for name, value in before.items():
            expect_equal(f"{name} after the refused {short(body)} by {caller}", value, after.get(name), answer)
    expect_equal("previous_status of the next move", "ASI", moved(world, "ACE", task)["previous_status"])


@rule("GT-119")
def the_answer_names_the_task(tenant: Tenant) -> None:
    world = movable(tenant)
    for task in (known(world, "task_id"), known(world, "unassigned_task_id"), "5001847291847294"):
        for target in ("USU", "CAN"):
            expect_equal(f"task_id of a move to {target}", task, moved(world, target, task)["task_id"])


@rule("GT-122")
def the_answer_tells_the_moment_of_the_change(tenant: Tenant) -> None:
    world = movable(tenant)
    clock = world.needs_clock()
    clock.set("2026-04-01T10:00:00.999Z")
    clock.freeze()
    for target, seconds in (("USU", 0), ("INI", 61), ("USU", 86_400), ("CAN", 1)):
        clock.advance(seconds)
        expect_equal(f"updated_at of a move to {target}", now(world), moved(world, target)["updated_at"])


@rule("GT-124")
def the_moment_of_a_change_never_goes_back(tenant: Tenant) -> None:
    world = movable(tenant)
    clock = world.needs_clock()
    last = ""
    for target, seconds in (("USU", 0), ("INI", 5), ("USU", -3600), ("INI", 1), ("USU", 7200), ("CAN", -86_400)):
        clock.advance(seconds)
        told = moved(world, target)["updated_at"]
        expect(isinstance(told, str) and told >= last, f"updated_at: expected {last} or later, got {short(told)}")
        last = told


@rule("GT-127")
def an_unknown_driver_is_refused(tenant: Tenant) -> None:
    world = movable(tenant)
    task, driver = known(world, "unassigned_task_id"), known(world, "driver_id")
    user = "1100000000000001"
    for stranger in (world.unknown_id("drivers"), FOREIGN_DRIVER, user, f"0{driver}", "1", "9" * 30):
        answer = state(world, {"target_status": "ASI", "driver_id": stranger}, task)
        expect_refusal(answer, f"a move to ASI with the driver {stranger}", 400, "VALIDATION_ERROR")
    moved(world, "ASI", task, driver_id=driver)


@rule("GT-128")
def a_move_to_asi_keeps_the_driver(tenant: Tenant) -> None:
    world = movable(tenant)
    task, first = known(world, "unassigned_task_id"), known(world, "driver_id")
    for driver, other in ((first, OTHER_DRIVER), (OTHER_DRIVER, first), (first, OTHER_DRIVER)):
        moved(world, "ASI", task, driver_id=driver)
        expect_equal(f"the driver after a move to ASI with {driver}", driver, stored(world, task)["driver_id"])
        answer = state(world, {"target_status": "ASI", "driver_id": driver}, task)
        expect_status(answer, "a move to ASI with the driver that the task has", 400)
        expect(other != driver, "the drivers differ")
    moved(world, "ACE", task)
    expect_equal("the driver after a move to ACE", first, stored(world, task)["driver_id"])


@rule("GT-129")
def a_move_to_sa_clears_the_driver(tenant: Tenant) -> None:
    world = movable(tenant)
    driver = known(world, "driver_id")
    for task in ("5001847291847293", "5001847291847294", "5001847291847295"):  # in ASI, ACE and USU
        expect(stored(world, task)["driver_id"], f"expected the seeded task {task} to have a driver")
        moved(world, "SA", task)
        expect_equal(f"the driver of {task} in SA", None, stored(world, task)["driver_id"])
        moved(world, "ASI", task, driver_id=driver)
    moved(world, "SA", "5001847291847293", driver_id=OTHER_DRIVER)
    expect_equal("the driver after a move to SA with one", None, stored(world, "5001847291847293")["driver_id"])


@rule("GT-130")
def a_driver_with_another_target_is_ignored(tenant: Tenant) -> None:
    world = movable(tenant)
    task, mine = known(world, "task_id"), known(world, "driver_id")
    malformed: list[Any] = [7, None, "", "x", "1" * 31, "1.5", [mine], {}]
    for value in malformed:
        answer = state(world, {"target_status": "USU", "driver_id": value}, task)
        expect_refusal(answer, f"a move to USU with the driver_id {short(value)}", 400, "VALIDATION_ERROR")
    strangers = (OTHER_DRIVER, world.unknown_id("drivers"), FOREIGN_DRIVER, "9" * 30)
    for number, driver in enumerate(strangers):
        moved(world, ("USU", "INI")[number % 2], task, driver_id=driver)
        expect_equal(f"the driver after a move with {driver}", mine, stored(world, task)["driver_id"])
    moved(world, "FIN", task, driver_id=OTHER_DRIVER)
