"""Kanbert: what a new task takes, refuses and looks like."""

from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_exactly,
    expect_status,
    known,
    moment,
    stand_in,
    tick,
)
from contracts.laws.terms import short
from contracts.rules import rule
from contracts.rules.kanbert_steps import (
    change,
    created,
    delete,
    elsewhere,
    expect_watchers,
    get,
    home,
    identify,
    listed,
    make,
    number,
    pair,
    patch,
    post,
    read,
    refused,
    slug,
    task_of,
    title,
)
from contracts.tenant import Tenant

_WRONG: dict[str, Any] = {
    "title": 5,
    "description": ["x"],
    "external_id": {},
    "external_origin": 7,
    "estimated_hours": "5",
    "due_date": 20240101,
    "is_public": "true",
    "watchers": "all",
    "status": 1,
    "assignee_id": 3,
    "epic_id": [],
    "parent_task_id": True,
}


@rule("KB-287", "KB-288")
def an_external_id_is_unique_within_its_origin(tenant: Tenant) -> None:
    external = number(tenant)
    task = make(tenant, external_id=external)
    for fields in ({"external_id": external}, {"external_id": external, "external_origin": task["external_origin"]}):
        answer = post(tenant, project_id=elsewhere(tenant), **fields)
        refused(tenant, answer, f"createTask with {short(fields)} once more", "external_id", room=(400, 409))
    other = make(tenant)
    answer = identify(tenant, other, {"external_id": external})
    refused(tenant, answer, "setExternalIdentifier with a taken id", "external_id", room=(400, 409))
    expect_equal("the external id after the refusal", None, read(tenant, other["id"])["external_id"])


@rule("KB-289")
def another_origin_may_have_the_same_id(tenant: Tenant) -> None:
    external = number(tenant)
    first = make(tenant, external_id=external)
    second = make(tenant, external_id=external, external_origin=number(tenant, "origin"))
    third = make(tenant)
    answer = identify(tenant, third, {"external_id": external, "external_origin": number(tenant, "origin")})
    expect_status(answer, "setExternalIdentifier with the same id of another origin", 200)
    for task in (first, second, task_of(answer)):
        expect_equal("the external id", external, read(tenant, task["id"])["external_id"])


@rule("KB-292", "KB-402")
def without_an_origin_it_is_the_slug(tenant: Tenant) -> None:
    origin = slug(tenant)
    task = make(tenant, external_id=number(tenant))
    expect_equal("the origin of a new external id", origin, task["external_origin"])
    other = task_of(identify(tenant, make(tenant), {"external_id": number(tenant)}))
    expect_equal("the origin that setExternalIdentifier gives", origin, other["external_origin"])
    if tenant.is_mock:
        expect_equal("the stand-in's slug", "mock-integration", origin)


@rule("KB-293")
def without_an_id_there_is_no_origin(tenant: Tenant) -> None:
    for fields in ({}, {"external_origin": "elsewhere"}, {"external_id": None, "external_origin": "elsewhere"}):
        task = make(tenant, **fields)
        if tenant.is_mock:
            expect_equal(f"external_origin after {short(fields)}", None, task["external_origin"])


@rule("KB-299", "KB-300")
def a_due_date_is_a_date(tenant: Tenant) -> None:
    """The stand-in's zone is UTC; a tenant's is not known, so only noon is asked of it."""
    sent = {"2024-05-06T12:00:00Z": "2024-05-06", "2024-05-06": "2024-05-06", "2024-02-29T12:30:00+00:00": "2024-02-29"}
    if tenant.is_mock:
        sent |= {"2024-05-06T23:30:00-02:00": "2024-05-07", "2024-05-06T00:30:00+02:00": "2024-05-05"}
        sent |= {"2024-05-06T23:59:59.999Z": "2024-05-06"}
    task = make(tenant)
    for text, day in sent.items():
        for shown in (make(tenant, due_date=text), change(tenant, task, due_date=text), read(tenant, task["id"])):
            due = shown["due_date"]
            is_right = due == day if tenant.is_mock else str(due).startswith(day)
            expect(is_right, f"due_date {text}: expected {day}, got {short(due)}")


@rule("KB-301")
def a_description_is_kept(tenant: Tenant) -> None:
    texts = ["<p>One plain line.</p>"]
    if tenant.is_mock:
        someone = known(tenant, "user_id")
        texts += [
            f'<p>Ask <mention data-id="{someone}" />, please</p>',
            "<b>a &amp; b</b>\n\n<br>ünï 日本",
            "a" * 65535,
        ]
    for text in texts:
        task = make(tenant, description=text)
        for shown in (task, read(tenant, task["id"]), change(tenant, make(tenant), description=text)):
            is_kept = shown["description"] == text if tenant.is_mock else "One plain line." in str(shown["description"])
            expect(is_kept, f"description: expected {short(text)}, got {short(shown['description'])}")
    if tenant.is_mock:
        expect_equal("watchers of a task that mentions somebody", [], make(tenant, description=texts[1])["watchers"])


@rule("KB-312")
def create_answers_201(tenant: Tenant) -> None:
    expect_exactly(post(tenant), "createTask", *created(tenant))


@rule("KB-317", "KB-319", "KB-320", "KB-321")
def what_is_not_sent_has_a_default(tenant: Tenant) -> None:
    task = make(tenant)
    defaults = {"status": "New", "is_public": True, "type": "task", "is_onhold": False, "priorityOption": None}
    defaults |= {"attachements": [], "description": None, "estimated_hours": None, "due_date": None, "assignee": None}
    for shown in (task, read(tenant, task["id"])):
        for name, value in defaults.items():
            if tenant.is_mock:
                expect_equal(f"{name} of a new task", value, shown[name])
            elif value is not None:
                expect(type(shown[name]) is type(value), f"{name} of a new task: got {short(shown[name])}")
    if tenant.is_mock:
        clients = {each["client_id"] for each in listed(tenant, filter=f'project.id eq "{home(tenant)}"')}
        expect_equal("the client of the project's tasks", [task["client_id"]], sorted(clients))
        expect_equal("the client of the known project", known(tenant, "client_id"), task["client_id"])


@rule("KB-324")
def another_status_is_refused(tenant: Tenant) -> None:
    task = make(tenant)
    for status in ("Done", "wip", "In progress", "In Todo", "NEW", "Task was archived"):
        refused(tenant, post(tenant, status=status), f"createTask with status {status!r}", "status")
        refused(tenant, patch(tenant, task, {"status": status}), f"updateTask with status {status!r}", "status")
    expect_equal("the status after the refusals", task["status"], read(tenant, task["id"])["status"])


@rule("KB-325")
def a_wrong_type_is_refused(tenant: Tenant) -> None:
    task = make(tenant)
    lenient = () if tenant.is_mock else ("estimated_hours", "is_public", "status")
    for name, value in _WRONG.items():
        if name in lenient:
            continue
        answer = post(tenant, **{name: value})
        refused(tenant, answer, f"createTask with {name}: {short(value)}", name)
        if name.startswith("external"):
            answer = identify(tenant, task, {name: value})
            refused(tenant, answer, f"setExternalIdentifier with {name}: {short(value)}", name)
        else:
            answer = patch(tenant, task, {name: value})
            refused(tenant, answer, f"updateTask with {name}: {short(value)}", name)
    if tenant.is_mock:
        answer = post(tenant, watchers=[5])
        refused(tenant, answer, "createTask with a watcher that is a number", "watchers.0")


@rule("KB-326")
def hours_below_0_are_refused(tenant: Tenant) -> None:
    stand_in(tenant)
    for hours in (-1, -0.5):
        refused(tenant, post(tenant, estimated_hours=hours), f"createTask with {hours} hours", "estimated_hours")
        answer = patch(tenant, make(tenant), {"estimated_hours": hours})
        refused(tenant, answer, f"updateTask with {hours} hours", "estimated_hours")
    for hours in (0, 0.25, 5.0):
        got = make(tenant, estimated_hours=hours)["estimated_hours"]
        expect(got == hours, f"estimated_hours {hours}: got {short(got)}")


@rule("KB-327")
def the_parent_is_of_the_same_project(tenant: Tenant) -> None:
    stand_in(tenant)
    stranger = make(tenant, project_id=elsewhere(tenant))
    refused(tenant, post(tenant, parent_task_id=stranger["id"]), "a parent of another project", "parent_task_id")
    task = make(tenant)
    answer = patch(tenant, task, {"parent_task_id": stranger["id"]})
    refused(tenant, answer, "updateTask to a parent of another project", "parent_task_id")


@rule("KB-333")
def watchers_are_shown_once_each_in_order(tenant: Tenant) -> None:
    one, other = pair(tenant)
    for sent, expected in (([one, other], [one, other]), ([other, one, other], [other, one]), ([], [])):
        expect_watchers(tenant, f"createTask with watchers {short(sent)}", expected, make(tenant, watchers=sent))
    first = make(tenant, watchers=[one])["watchers"][0]
    for name in ("first_name", "last_name", "email", "type", "space"):
        expect(name in first, f"expected {name!r} in a watcher, got {short(first)}")


@rule("KB-334")
def a_task_may_be_made_completed(tenant: Tenant) -> None:
    stand_in(tenant)
    wanted = {"New": (), "Completed": ("completed_at",), "Approved": ("completed_at",)}
    for status, times in {**wanted, "Closed": ("completed_at", "closed_at")}.items():
        task = make(tenant, status=status)
        for name in ("completed_at", "closed_at"):
            is_right = (task[name] is not None) == (name in times)
            expect(is_right, f"{name} of a task made {status}: got {short(task[name])}")
            if task[name] is not None:
                expect_equal(f"{name} of a task made {status}", task["created_at"], task[name])


@rule("KB-335")
def two_equal_requests_make_two_tasks(tenant: Tenant) -> None:
    text = title(tenant)
    one, other = make(tenant, title=text), make(tenant, title=text)
    expect(one["id"] != other["id"] and one["uri"] != other["uri"], f"two equal creates made one task, {one['id']}")
    found = [each["id"] for each in listed(tenant, filter=f'title eq "{text}"')]
    expect_equal("the tasks of two equal creates", sorted([one["id"], other["id"]]), sorted(found))


@rule("KB-361")
def a_deleted_task_leaves_its_external_id(tenant: Tenant) -> None:
    stand_in(tenant, "is recorded, not asserted")
    external = number(tenant)
    first = make(tenant, external_id=external)
    delete(tenant, first)
    second = make(tenant, external_id=external)
    found = read(tenant, external, find_by="external_id")
    expect_equal("the task behind an external id used again", second["id"], found["id"])
    expect_status(get(tenant, first["id"]), "getTask of the deleted one", 404)


@rule("KB-328", "KB-329", "KB-330", "KB-332")
def tasks_are_put_before_after_and_at_the_end(tenant: Tenant) -> None:
    one, two, three = (make(tenant) for _ in range(3))
    tick(tenant)
    before, after = make(tenant, insert_before=two["id"]), make(tenant, insert_after=two["id"])
    last = make(tenant, insert_before=None, insert_after=None)
    wanted = [each["id"] for each in (one, before, two, after, three, last)]
    whole = {each["id"]: each for each in listed(tenant, filter=f'project.id eq "{home(tenant)}"')}
    got = sorted(wanted, key=lambda key: whole[key]["list_sorting"])
    expect_equal("the order of six tasks after insert_before and insert_after", wanted, got)
    places = [each["list_sorting"] for each in whole.values()]
    expect(len(set(places)) == len(places), "two tasks of a project have the same place")
    if tenant.is_mock:
        start = one["list_sorting"]
        expect_equal("their places", list(range(start, start + 6)), [whole[key]["list_sorting"] for key in wanted])
        expect_equal("the end of the project", max(places), whole[last["id"]]["list_sorting"])
        for task in (two, three):
            told = whole[task["id"]]["updated_at"]
            expect_equal("updated_at of a task that was shifted", task["updated_at"], told)
        expect(moment(before, "created_at") > moment(two, "created_at"), "the clock was not moved")


@rule("KB-331")
def both_places_are_one_too_many(tenant: Tenant) -> None:
    stand_in(tenant)
    one, two = make(tenant), make(tenant)
    answer = post(tenant, insert_before=one["id"], insert_after=two["id"])
    refused(tenant, answer, "createTask with insert_before and insert_after", "insert_after")
