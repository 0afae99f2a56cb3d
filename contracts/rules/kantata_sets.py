"""Kantata OX: sets of statuses and the projects that use them. On a tenant they are left alone."""

from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_kept,
    expect_status,
    known,
)
from contracts.laws.terms import Record, short
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    CATEGORIES,
    CHOICES,
    SETS,
    STATUSES,
    apply_sets,
    change,
    create,
    drop_set,
    faults,
    fields,
    held,
    home,
    ids,
    make_set,
    name,
    of_set,
    opened,
    page,
    post,
    refused,
    single,
    stand_in,
)
from contracts.tenant import Answer, Tenant

_NAMES = ("Not Started", "Started", "Needs Info", "Completed")


@rule("KX-199")
def the_ids_of_a_set_are_in_the_order_of_places(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    for status in [create(tenant) for _ in range(3)]:
        change(tenant, status, position=2)
    expected = ids(of_set(tenant, home(tenant)))
    answers = [tenant.call("getTaskStatusSet", path={"id": str(home(tenant))}, query={"include": STATUSES})]
    answers.append(tenant.call("listTaskStatusSets", query={"include": STATUSES}))
    for answer in answers:
        shown = next(each for each in opened(answer, "sets", SETS).records if each["id"] == str(home(tenant)))
        expect_equal("custom_task_status_ids", expected, shown["custom_task_status_ids"], answer)


@rule("KX-202", "KX-203")
def a_new_set_has_four_statuses(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    sent = {"task_status_set": {"name": name(tenant, "New set")}}
    answer = tenant.call("createTaskStatusSet", json=sent, query={"include": STATUSES})
    made = single(answer, "POST of a set", SETS)
    expected = [
        (text, category, place) for place, (text, category) in enumerate(zip(_NAMES, CATEGORIES, strict=True), 1)
    ]
    shown: list[list[Any]] = [list(opened(answer, "POST of a set", SETS).sides(STATUSES).values())]
    listed = page(tenant, {"per_page": 200}).records
    shown.append([each for each in listed if each["status_set_id"] == int(made["id"])])
    shown.append(of_set(tenant, made["id"]))
    for statuses in shown:
        found = sorted(
            ((each["status"], each["category"], each["position"]) for each in statuses), key=lambda one: one[2]
        )
        expect(found == expected, f"expected the statuses {short(expected)}, got {short(found)}", answer)
    (used,) = {each["status_set_id"] for each in of_set(tenant, made["id"])}
    expect_equal("the set of the new statuses", int(made["id"]), used)


def _projects(tenant: Tenant) -> list[int]:
    """The projects of the account."""
    account = tenant.vendor.callers["owner"].account
    seeded = tenant.vendor.seed["records"]["workspaces"]
    return [int(each["id"]) for each in seeded if each["account_id"] == account]


@rule("KX-206", "KX-207")
def a_set_in_use_stays(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    project = _projects(tenant)[0]
    made = make_set(tenant)
    before = ids(of_set(tenant, made["id"]))
    opened(apply_sets(tenant, (project, int(made["id"]))), "a project with the new set", CHOICES)
    refused(tenant, drop_set(tenant, made["id"]), "DELETE of a set that a project uses", "base")
    expect_equal("the statuses of the set after it", before, ids(of_set(tenant, made["id"])))
    opened(apply_sets(tenant, (project, home(tenant))), "the project with its old set", CHOICES)
    default = make_set(tenant)
    expect_status(tenant.call("setDefaultTaskStatusSet", path={"id": default["id"]}), "a new default", 200)
    refused(tenant, drop_set(tenant, default["id"]), "DELETE of the default set", "base")
    expect_status(drop_set(tenant, made["id"]), "DELETE of a set that is free again", 204)
    expect_status(tenant.call("getTaskStatusSet", path={"id": made["id"]}), "a read after it", 404)
    for each in before:
        expect_status(tenant.call("getCustomTaskStatus", path={"id": each}), "a read of one of its statuses", 404)


@rule("KX-208")
def a_set_has_a_name(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    made = make_set(tenant)
    values: tuple[Any, ...] = ("", "  ", "\t", None, 5, [], "a\u0000")
    for value in values:
        for operation, path in (("createTaskStatusSet", {}), ("updateTaskStatusSet", {"id": made["id"]})):
            answer = tenant.call(operation, path=path, json={"task_status_set": {"name": value}})
            refused(tenant, answer, f"{operation} with the name {short(value)}", "name")
            nameless = tenant.call(operation, path=path, json={"task_status_set": {}})
            refused(tenant, nameless, f"{operation} without a name", "name")
    twin = tenant.call("createTaskStatusSet", json={"task_status_set": {"name": made["name"]}})
    same = single(twin, "a set with the name of another", SETS)
    expect(same["id"] != made["id"], f"expected another set, got {made['id']} again", twin)
    expect_equal("its name", made["name"], same["name"], twin)


@rule("KX-209")
def one_set_is_the_default(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    first, second = make_set(tenant), make_set(tenant)
    for each in (first, first, second):
        answer = tenant.call("setDefaultTaskStatusSet", path={"id": each["id"]})
        shown = single(answer, "a new default", SETS)
        expect_kept("the set that is now the default", each, shown)
        refused(tenant, drop_set(tenant, each["id"]), "DELETE of the default set", "base")
    expect_status(drop_set(tenant, first["id"]), "DELETE of the former default", 204)
    absent = tenant.call("setDefaultTaskStatusSet", path={"id": first["id"]})
    expect_status(absent, "a default that there is not", 404)


# Projects


@rule("KX-211")
def projects_and_sets_are_whole_numbers(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    project, set_id = _projects(tenant)[0], int(known(tenant, "other_status_set_id"))
    (choice,) = opened(apply_sets(tenant, (project, set_id)), "a project with another set", CHOICES).records
    expect_equal("the project", project, choice["workspace_id"])
    expect_equal("its set", set_id, choice["status_set_id"])
    values: tuple[Any, ...] = (None, "x", "", 1.5, True, [], {})
    for value in values:
        refused(tenant, apply_sets(tenant, (value, set_id)), f"the project {short(value)}", "workspace_id")
        refused(tenant, apply_sets(tenant, (project, value)), f"the set {short(value)}", "status_set_id")
    for entry, field in (({"status_set_id": set_id}, "workspace_id"), ({"workspace_id": project}, "status_set_id")):
        answer = tenant.call("bulkUpdateWorkspaceTaskStatusSets", json={CHOICES: [entry]})
        refused(tenant, answer, f"an entry without {field}", field)
    bodies: tuple[Any, ...] = ({}, {CHOICES: {}}, {CHOICES: "x"}, {CHOICES: None}, [])
    for body in bodies:
        answer = tenant.call("bulkUpdateWorkspaceTaskStatusSets", json=body)
        expect_status(answer, f"PUT with {short(body)}", 400)
        expect_equal("its type", ["syntax"], [each["type"] for each in faults(answer)], answer)


def _users(tenant: Tenant, set_id: int) -> Answer:
    """The answer to deleting a set, which tells whether a project uses it."""
    return drop_set(tenant, str(set_id))


@rule("KX-212")
def projects_change_together_or_not_at_all(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    first, second = _projects(tenant)[:2]
    made, spare = int(make_set(tenant)["id"]), int(make_set(tenant)["id"])
    nobody = int(tenant.unknown_id(SETS))
    refused(tenant, apply_sets(tenant, (first, made), (second, nobody)), "a set that there is not", "status_set_id")
    refused(tenant, apply_sets(tenant, (nobody, made), (first, made)), "a project that there is not", "workspace_id")
    expect_status(_users(tenant, made), "DELETE of the set that no project got", 204)
    found = opened(apply_sets(tenant, (first, spare), (second, spare)), "two projects", CHOICES).records
    told = [(each["workspace_id"], each["status_set_id"]) for each in found]
    expect(told == [(first, spare), (second, spare)], f"expected both projects with the set {spare}, got {short(told)}")
    refused(tenant, _users(tenant, spare), "DELETE of the set that both use", "base")


@rule("KX-215")
def each_project_that_fails_is_told(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    project, set_id = _projects(tenant)[0], home(tenant)
    seed, account = tenant.vendor.seed["records"], tenant.vendor.callers["owner"].account
    foreign = next(int(each["id"]) for each in seed["workspaces"] if each["account_id"] != account)
    others = next(int(each["id"]) for each in seed[SETS] if each["account_id"] != account)
    pairs = ((foreign, set_id), (project, set_id), (project, others), (project, "x"), (None, None))
    answer = apply_sets(tenant, *pairs)
    expect_status(answer, "PUT with projects that cannot be changed", 422)
    told = [(each["index"], each["field"], each["type"]) for each in faults(answer)]
    expected = [(0, "workspace_id"), (2, "status_set_id"), (3, "status_set_id"), (4, "workspace_id")]
    wanted = [(index, field, "validation") for index, field in expected]
    expect(told == wanted, f"expected the entries {short(wanted)}, got {short(told)}", answer)


@rule("KX-214")
def tasks_fall_back_where_the_set_changes(tenant: Tenant) -> None:
    stand_in(tenant, "sets")
    made = make_set(tenant)
    single(post(tenant, fields(tenant, status="Not for tasks", status_set_id=int(made["id"]))), "one more status")
    project = _projects(tenant)[0]
    before, statuses = held(tenant, "stories"), held(tenant, STATUSES)
    opened(apply_sets(tenant, (project, int(made["id"]))), "a project with a new set", CHOICES)
    defaults = {each["category"]: each["id"] for each in of_set(tenant, made["id"])[:4]}
    _fell_back(before, statuses, held(tenant, "stories"), {project: defaults})


def _fell_back(before: Any, statuses: Any, after: Any, projects: dict[int, dict[str, str]]) -> None:
    moved = 0
    for key, story in before.items():
        defaults = projects.get(story["workspace_id"])
        if defaults is None:
            expect_kept(f"the task {key} of another project", story, after[key])
            continue
        was: Record = statuses[str(story["custom_task_status_id"])]
        told = f"the task {key}, which was {was['category']!r}"
        expect_equal(told, int(defaults[was["category"]]), after[key]["custom_task_status_id"])
        moved += 1
    expect(moved, "expected tasks in the project, got none")
