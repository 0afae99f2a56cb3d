"""Kantata OX: what a delete answers, and what becomes of the places, names and tasks of a status."""

from contracts.expecting import (
    expect,
    expect_equal,
    expect_kept,
    expect_status,
    known,
    tick,
)
from contracts.laws.terms import brief, record_of, short
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    STATUSES,
    change,
    create,
    drop_set,
    everything,
    get,
    held,
    home,
    ids,
    make_set,
    of_set,
    order_of,
    post,
    read,
    refused,
    remove,
    single,
    stand_in,
)
from contracts.tenant import Answer, Tenant


def _deletes(tenant: Tenant) -> list[Answer]:
    answers = [remove(tenant, create(tenant))]
    if tenant.is_mock:
        answers.append(drop_set(tenant, make_set(tenant)["id"]))
    return answers


@rule("KX-184", "KX-185")
def a_delete_answers_nothing(tenant: Tenant) -> None:
    for answer in _deletes(tenant):
        expect_status(answer, "a delete", 204)
        expect(answer.body == b"", f"expected no byte of a body, got {brief(answer)}", answer)
        length = answer.headers.get("content-length", "0")
        expect(length == "0", f"expected no length of a body, got {length}", answer)


@rule("KX-187")
def tasks_fall_back_to_the_default_of_the_category(tenant: Tenant) -> None:
    stand_in(tenant, "no operation here shows tasks")
    doomed = held(tenant, STATUSES)[known(tenant, "used_status_id")]
    before = held(tenant, "stories")
    users = [key for key, story in before.items() if str(story["custom_task_status_id"]) == doomed["id"]]
    expect(users, f"expected tasks with the status {doomed['id']}, got none")
    answer = tenant.call("deleteCustomTaskStatus", path={"id": doomed["id"]})
    expect_status(answer, f"DELETE of {doomed['id']}, which tasks have", 204)
    after, statuses = held(tenant, "stories"), held(tenant, STATUSES)
    for key, story in before.items():
        now = str(after[key]["custom_task_status_id"])
        if key not in users:
            expect_kept(f"the task {key}, which had another status", story, after[key])
            continue
        told = f"the task {key} got the status {now}, {short(statuses.get(now))}"
        fallback = record_of(statuses.get(now), told)
        expect(fallback["is_default"], f"{told}, which is no default status")
        for field in ("category", "status_set_id"):
            expect(fallback[field] == doomed[field], f"{told}; expected the {field} {short(doomed[field])}")


@rule("KX-190")
def a_status_in_use_can_be_deleted(tenant: Tenant) -> None:
    world = stand_in(tenant, "tasks of a tenant are left alone")
    path = {"id": known(world, "used_status_id")}
    expect_status(world.call("deleteCustomTaskStatus", path=path), "DELETE of a status that tasks have", 204)
    expect_status(world.call("getCustomTaskStatus", path=path), "a read after it", 404)


@rule("KX-191")
def the_name_is_free_again(tenant: Tenant) -> None:
    status = create(tenant)
    remove(tenant, status)
    sent = {field: status[field] for field in ("status", "category", "status_set_id")}
    again = single(post(tenant, sent), "the name of a deleted status")
    expect(again["id"] != status["id"], f"expected a new id, got {again['id']} again")
    expect_equal("the name", status["status"], read(tenant, again)["status"])
    expect_status(get(tenant, status), "a read of the deleted status", 404)
    other = create(tenant)
    remove(tenant, again)
    change(tenant, other, status=status["status"])


@rule("KX-192")
def the_gap_closes(tenant: Tenant) -> None:
    made = [create(tenant, category=category) for category in ("started", "completed", "needs info", "started")]
    before = of_set(tenant, home(tenant))
    tick(tenant)
    remove(tenant, made[1])
    left = [each for each in made if each is not made[1]]
    expect_equal("the order of those that are left", ids(left), order_of(tenant, left))
    if not tenant.is_mock:
        return
    after = of_set(tenant, home(tenant))
    expected = [each for each in before if each["id"] != made[1]["id"]]
    expect_equal("the set without the deleted status", ids(expected), ids(after))
    for place, each in enumerate(after, start=1):
        expect_equal(f"the position of {each['id']}", place, each["position"])
    listed = {each["id"]: each["position"] for each in everything(tenant)}
    expect_equal("positions in the list", {each["id"]: each["position"] for each in after}, _part(listed, ids(after)))


def _part(listed: dict[str, int], wanted: list[str]) -> dict[str, int]:
    return {each: listed[each] for each in wanted if each in listed}


@rule("KX-193")
def default_statuses_stay(tenant: Tenant) -> None:
    stand_in(tenant, "defaults")
    for set_id in (home(tenant), int(make_set(tenant)["id"])):
        before = of_set(tenant, set_id)
        for each in before[:4]:
            answer = tenant.call("deleteCustomTaskStatus", path={"id": each["id"]})
            refused(tenant, answer, f"DELETE of the default status {each['status']!r}", "base")
        expect_equal("the set after it", ids(before), ids(of_set(tenant, set_id)))
