"""KanMan: reading a task again, and what an update does to it."""

from contracts.expecting import (
    expect,
    expect_kept,
    expect_status,
    moment,
    tick,
)
from contracts.findings import NotJudged, needs_known
from contracts.laws.terms import Record, brief, short
from contracts.rules import rule
from contracts.rules.kanman_steps import (
    Task,
    change,
    create,
    elsewhere,
    home,
    listed,
    patch,
    read,
    task_of,
)
from contracts.tenant import Tenant


def _with_subtasks(tenant: Tenant) -> Task:
    """The known task that has subtasks."""
    if "task_id" not in tenant.known:
        raise needs_known("task_id", ", of a task with subtasks")
    return Record(tenant.read("tasks", tenant.known["task_id"]))


def _expect_subtasks(what: str, before: Task, after: Task) -> None:
    """The same subtasks in the same order."""
    want, got = before["subtasks"], after["subtasks"]
    expect(got == want, f"{what}: expected the subtasks {short(want)}, got {short(got)}")


@rule("KM-085")
def nothing_is_updated_before_it_is_created(tenant: Tenant) -> None:
    task = create(tenant)
    tick(tenant)
    changed = change(tenant, task, status=1)
    moved = change(tenant, create(tenant), projectId=elsewhere(tenant))
    shown = [
        task,
        changed,
        moved,
        read(tenant, task),
        *listed(tenant, home(tenant)),
        *listed(tenant, elsewhere(tenant)),
    ]
    if "task_id" in tenant.known:
        shown.append(_with_subtasks(tenant))
    for each in shown:
        created, updated = moment(each, "created_at"), moment(each, "updated_at")
        told = f"{each.get('id')} was created at {each['created_at']} and updated at {each['updated_at']}"
        expect(created <= updated, f"expected updated_at not to be before created_at: {told}")


@rule("KM-098")
def a_read_shows_the_subtasks(tenant: Tenant) -> None:
    task = _with_subtasks(tenant)
    expect(task.get("subtasks"), f"expected the subtasks of {task['id']}, got {short(task.get('subtasks'))}")
    seeded = tenant.vendor.seed.get("records", {}).get("tasks", [])
    for record in seeded if tenant.is_mock else ():
        if record["id"] == task["id"]:
            got, expected = task["subtasks"], record["subtasks"]
            expect(got == expected, f"expected the subtasks {short(expected)}, got {short(got)}")


@rule("KM-093")
def subtasks_keep_their_order(tenant: Tenant) -> None:
    if not tenant.is_mock:
        raise NotJudged("a tenant may answer subtasks in any order")
    world = tenant.fresh_world()
    task = _with_subtasks(world)
    expect(task["subtasks"], f"expected the subtasks of {task['id']}, got {short(task['subtasks'])}")
    for body in ({"status": 2}, {"label": "Renamed"}, {"description": None}):
        given = task_of(patch(world, task, body))
        for shown in (given, read(world, task)):
            _expect_subtasks(f"after PATCH with {short(body)}", task, shown)


@rule("KM-099")
def two_reads_are_equal(tenant: Tenant) -> None:
    own = create(tenant, description="Read twice")["id"]
    for identity in (own, tenant.known.get("task_id", own)):
        first, second = (tenant.call("getTask", path={"id": identity}) for _ in range(2))
        expect_status(first, "GET of a task", 200)
        expect(first.body == second.body, f"expected two equal reads, got {brief(first)} and {brief(second)}", second)
        tick(tenant)
        later = tenant.call("getTask", path={"id": identity})
        expect(first.body == later.body, f"expected the same an hour later, got {brief(later)}", later)


@rule("KM-141")
def an_update_never_lowers_updated_at(tenant: Tenant) -> None:
    task = create(tenant)
    for body in (
        {"status": 1},
        {"label": "Renamed"},
        {"description": "Told"},
        {"status": 1},
        {"projectId": home(tenant)},
    ):
        tick(tenant)
        before = moment(read(tenant, task), "updated_at")
        answer = patch(tenant, task, body)
        expect_status(answer, f"PATCH with {short(body)}", 200)
        for after in (moment(task_of(answer), "updated_at"), moment(read(tenant, task), "updated_at")):
            expect(after >= before, f"PATCH with {short(body)} lowered updated_at from {before} to {after}", answer)


@rule("KM-154")
def the_answer_to_an_update_lists_the_subtasks(tenant: Tenant) -> None:
    if not tenant.is_mock:
        raise NotJudged("a tenant's answer to an update may leave the subtasks out, as the vendor's sample does")
    world = tenant.fresh_world()
    task = _with_subtasks(world)
    for body in ({"status": 0}, {"label": "Renamed"}, {"description": "Told"}, {}, {"projectId": elsewhere(world)}):
        answer = patch(world, task, body)
        for shown in (task_of(answer), read(world, task)):
            _expect_subtasks(f"after PATCH with {short(body)}", task, shown)


@rule("KM-155")
def an_empty_update_changes_nothing(tenant: Tenant) -> None:
    task = create(tenant, description="Left alone", status=1)
    before = read(tenant, task)
    tick(tenant)
    answer = patch(tenant, task, {})
    expect_status(answer, "PATCH with {}", *((200,) if tenant.is_mock else (200, 400)))
    if tenant.is_mock:
        expect_kept("the answer to PATCH with {}", before, task_of(answer))
    expect_kept("a read after PATCH with {}", before, read(tenant, task))


@rule("KM-156")
def an_equal_value_counts_as_an_update(tenant: Tenant) -> None:
    task = create(tenant, description="The same", status=1)
    for name in ("label", "status", "description"):
        before = read(tenant, task)
        tick(tenant)
        after = change(tenant, task, **{name: before[name]})
        expect_kept(f"a read after PATCH with an equal {name}", before, read(tenant, task), but=("updated_at",))
        was, now = moment(before, "updated_at"), moment(after, "updated_at")
        rises = now > was if tenant.clock else now >= was
        told = f"from {before['updated_at']} to {after['updated_at']}"
        expect(rises, f"PATCH with an equal {name}: expected updated_at to rise, got {told}")


@rule("KM-157")
def null_clears_the_description(tenant: Tenant) -> None:
    task = create(tenant, description="To be cleared", status=2)
    before = read(tenant, task)
    answer = patch(tenant, task, {"description": None})
    expect_status(answer, "PATCH with description null", *((200,) if tenant.is_mock else (200, 400)))
    after = read(tenant, task)
    expected = {**before, "description": None} if answer.status == 200 else before
    expect_kept("a read after PATCH with description null", expected, after, but=("updated_at",))
    if tenant.is_mock:
        got = task_of(answer).get("description", "(absent)")
        expect(got is None, f"the answer to PATCH with description null: expected null, got {short(got)}", answer)
    change(tenant, task, description="Told anew")
    got = read(tenant, task)["description"]
    expect(got == "Told anew", f"expected the new description 'Told anew', got {short(got)}")
