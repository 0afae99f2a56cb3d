"""Kanbert: what holds for requests and lists of any kind."""

from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_kept,
    expect_status,
    known,
    moment,
    stand_in,
    tick,
)
from contracts.findings import NotJudged
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kanbert_steps import (
    body,
    change,
    file_of,
    get,
    identify,
    listed,
    make,
    number,
    patch,
    post,
    read,
    refused,
    slug,
    task_of,
    title,
    upload,
)
from contracts.tenant import Tenant

_BLANKS = " \t\n  "


@rule("KB-005")
def an_integration_has_a_slug(tenant: Tenant) -> None:
    """The origin of its external ids is its slug; on the stand-in the caller acts as a user of that type."""
    slug(tenant)
    if tenant.is_mock:
        task = make(tenant)
        listing = listed(tenant, filter="assignee.id eq me.id")
        kinds = {each["assignee"]["type"] for each in listing if each["assignee"]}
        expect(kinds <= {"integration"} and task, f"expected me.id to be an integration, got {sorted(kinds)}")


@rule("KB-020")
def every_wrong_field_is_named(tenant: Tenant) -> None:
    wrong: dict[str, Any] = {"title": None, "status": "Nope", "is_public": [], "watchers": [5, "x", {}]}
    answer = post(tenant, **wrong)
    refused(
        tenant, answer, f"createTask with {short(wrong)}", "title", "status", "is_public", "watchers.0", "watchers.2"
    )
    one = tenant.unknown_id("users")
    answer = post(tenant, watchers=[known(tenant, "user_id"), one], assignee_id=one)
    refused(tenant, answer, "createTask with an unknown watcher and assignee", "watchers.1", "assignee_id")
    task = make(tenant)
    answer = patch(tenant, task, {"title": None, "estimated_hours": "many", "status": 7})
    refused(tenant, answer, "updateTask with three wrong fields", "title", "estimated_hours", "status")


@rule("KB-021")
def what_a_list_does_not_know_is_refused(tenant: Tenant) -> None:
    for query in (
        {"sort": "colour"},
        {"include": "colour"},
        {"filter": "colour eq red"},
        {"filter": "title resembles red"},
        {"filter": "title gt red"},
    ):
        answer = tenant.call("listTasks", query=query)
        expect_status(answer, f"listTasks with {short(query)}", 400)
        told = answer.json()
        is_told = isinstance(told, dict) and isinstance(told.get("message"), str) and told["message"]
        expect(is_told, f"listTasks with {short(query)}: expected a message, got {brief(answer)}", answer)


@rule("KB-026")
def texts_are_trimmed(tenant: Tenant) -> None:
    plain, external = title(tenant), number(tenant)
    made = make(tenant, title=f"{_BLANKS}{plain}{_BLANKS}", external_id=f" {external} ", description=" <p>In</p> ")
    for task in (made, read(tenant, made["id"])):
        expect_equal("a title with blanks around", plain, task["title"])
        expect_equal("an external id with blanks around", external, task["external_id"])
        expect_equal("a description with blanks around", "<p>In</p>", task["description"])
    expect_equal("a changed title", plain, change(tenant, made, title=f"\n{plain}\t")["title"])
    longest = "x" * 255
    expect_equal("a title of 255 and blanks", longest, change(tenant, made, title=f" {longest} ")["title"])
    answer = identify(tenant, made, {"external_id": f" {external}2 "})
    expect_equal("an identifier with blanks around", f"{external}2", task_of(answer)["external_id"])


@rule("KB-027")
def a_blank_text_is_null(tenant: Tenant) -> None:
    if not tenant.is_mock:
        raise NotJudged("blank texts are not sent to a tenant")
    for blank in ("", "   ", "\t\n"):
        refused(tenant, post(tenant, title=blank), f"createTask with the title {blank!r}", "title")
        task = make(tenant, external_id=blank, assignee_id=blank, due_date=blank)
        for name in ("external_id", "external_origin", "assignee", "due_date"):
            expect_equal(f"createTask with a blank {name}", None, task[name])
        named = make(tenant, external_id=number(tenant), assignee_id=known(tenant, "user_id"))
        expect_equal("updateTask with a blank assignee", None, change(tenant, named, assignee_id=blank)["assignee"])
        answer = identify(tenant, named, {"external_id": blank})
        expect_equal("a blank identifier", None, task_of(answer)["external_id"])
        refused(tenant, patch(tenant, named, {"title": blank}), f"updateTask with the title {blank!r}", "title")


@rule("KB-029")
def unknown_parameters_are_ignored(tenant: Tenant) -> None:
    odd = {"colour": "blue", "limit": "0", "filters": "x", "Sort": "nope", "pages": "2"}
    task = make(tenant)
    expect_equal("getTask with unknown parameters", read(tenant, task["id"]), read(tenant, task["id"], **odd))
    plain, with_odd = tenant.call("listTasks"), tenant.call("listTasks", query=odd)
    expect_status(with_odd, f"listTasks with {short(odd)}", 200)
    expect_equal("listTasks with unknown parameters", plain.json()["data"], with_odd.json()["data"])
    answer = tenant.call("createTask", json=body(tenant), query=odd)
    expect_status(answer, f"createTask with {short(odd)}", 200, 201)
    removed = tenant.call("deleteTask", path={"id": task_of(answer)["id"]}, query=odd)
    expect_status(removed, "deleteTask", 200, *(() if tenant.is_mock else (204,)))


@rule("KB-030")
def a_refused_request_changes_nothing(tenant: Tenant) -> None:
    task = make(tenant, external_id=number(tenant))
    other = make(tenant, external_id=number(tenant))
    file_of(upload(tenant, task["id"]))
    before, count = read(tenant, task["id"]), len(listed(tenant))
    tick(tenant)
    unknown = tenant.unknown_id("users")
    for what, answer in (
        ("a create with an unknown assignee", post(tenant, assignee_id=unknown)),
        ("a create with a taken external id", post(tenant, external_id=task["external_id"])),
        ("an update half good", patch(tenant, task, {"title": title(tenant), "status": "Nope"})),
        ("a taken identifier", identify(tenant, task, {"external_id": other["external_id"]})),
        ("an upload without a file", upload(tenant, task["id"], {"other": ("a.txt", "text/plain", b"x")})),
        ("a delete by an unknown key", tenant.call("deleteTask", path={"id": task["id"]}, query={"find_by": "colour"})),
    ):
        expect(400 <= answer.status < 500, f"{what}: expected a refusal, got {brief(answer)}", answer)
    answer = patch(tenant, task, {"title": title(tenant), "watchers": [unknown]})
    if tenant.is_mock or answer.status != 200:  # a tenant may pass over people whom it does not know
        expect(400 <= answer.status < 500, f"an unknown watcher: expected a refusal, got {brief(answer)}", answer)
        expect_kept("a read after refused requests", before, read(tenant, task["id"]))
    if tenant.is_mock:
        expect_equal("the number of tasks after refused requests", count, len(listed(tenant)))


@rule("KB-040")
def the_sample_of_sort_is_refused(tenant: Tenant) -> None:
    stand_in(tenant, "the page's own mistake is not sent to a tenant")
    expect_status(tenant.call("listTasks", query={"sort": "sort=-created_at,title"}), "the page's sample of sort", 400)
    expect_status(tenant.call("listTasks", query={"sort": "-created_at,title"}), "what the sample means", 200)


@rule("KB-075")
def links_are_empty(tenant: Tenant) -> None:
    for query in ({}, {"page[size]": "1"}, {"include": "watchers"}):
        answer = tenant.call("listTasks", query=query)
        links = answer.json().get("links")
        expect(isinstance(links, list), f"expected a list of links, got {short(links)}", answer)
        expect(not links or not tenant.is_mock, f"expected no links, got {short(links)}", answer)


@rule("KB-078")
def the_path_of_a_list_is_its_address(tenant: Tenant) -> None:
    stand_in(tenant, "a tenant may tell any address, or none")
    for query in ({}, {"page[size]": "2", "sort": "title"}):
        path = tenant.call("listTasks", query=query).json()["meta"]["path"]
        is_right = isinstance(path, str) and path.startswith("http") and path.endswith(f"{tenant.vendor.mount}/tasks")
        expect(is_right, f"expected the address of the list without its query as meta.path, got {short(path)}")


@rule("KB-085")
def a_tenant_may_name_its_addresses_otherwise(tenant: Tenant) -> None:
    meta = tenant.call("listTasks", query={"page[size]": "1"}).json()["meta"]
    pairs = (("next_cursor_url", "prev_cursor_url"), ("next_page_url", "prev_page_url"))
    found = any(one in meta and other in meta for one, other in (pairs[:1] if tenant.is_mock else pairs))
    expect(found, f"expected {' and '.join(pairs[0])} in meta, got {short(meta)}")


@rule("KB-087")
def nothing_counts_the_whole(tenant: Tenant) -> None:
    answer = tenant.call("listTasks", query={"page[size]": "1"})
    whole = answer.json()
    for name in ("total", "count", "total_count", "last_page", "page_count"):
        expect(name not in whole and name not in whole["meta"], f"expected no {name!r} in {brief(answer)}", answer)


@rule("KB-353")
def a_single_read_knows_no_parameters_of_lists(tenant: Tenant) -> None:
    task = make(tenant)
    plain = read(tenant, task["id"])
    for query in ({"sort": "colour"}, {"include": "colour"}, {"filter": "colour eq x"}, {"page[size]": "x"}):
        expect_equal(f"getTask with {short(query)}", plain, read(tenant, task["id"], **query))


@rule("KB-225", "KB-349")
def guests_do_not_see_what_is_not_public(tenant: Tenant) -> None:
    tenant.headers("guest")
    hidden, shown = make(tenant, is_public=False, external_id=number(tenant)), make(tenant)
    child = make(tenant, is_public=False, parent_task_id=shown["id"])
    for query in ({}, {"find_by": "uri"}, {"find_by": "external_id"}):
        key = {"uri": "uri", "external_id": "external_id"}.get(query.get("find_by", ""), "id")
        expect_status(get(tenant, hidden[key], caller="guest", **query), f"a guest's read by {key}", 404)
    answer = tenant.call("listTasks", caller="guest", query={"filter": f'title contains "{hidden["title"]}"'})
    expect_equal("a guest's list", [], answer.json()["data"])
    mine = task_of(get(tenant, shown["id"], caller="guest"))
    expect_equal("the sub-tasks that a guest sees", [], mine["sub_tasks"])
    expect_equal(
        "the sub-tasks that others see", [child["id"]], [each["id"] for each in read(tenant, shown["id"])["sub_tasks"]]
    )
    for operation, sent in (("updateTask", {"json": {"title": title(tenant)}}), ("deleteTask", {})):
        answer = tenant.call(operation, path={"id": hidden["id"]}, caller="guest", **sent)
        expect_status(answer, f"a guest's {operation} of what is not public", 404)
    if tenant.is_mock:
        answer = post(tenant, parent_task_id=hidden["id"], caller="guest")
        refused(tenant, answer, "a guest's sub-task of what is not public", "parent_task_id")
    expect_kept("what is not public", hidden, read(tenant, hidden["id"]), but=("sub_tasks",))


@rule("KB-251", "KB-260")
def times_are_there_and_in_utc(tenant: Tenant) -> None:
    made = make(tenant, status="Closed")
    tick(tenant)
    changed = change(tenant, made, title=title(tenant))
    for task in (made, changed, read(tenant, made["id"])):
        for name in ("created_at", "updated_at", "completed_at", "closed_at"):
            if task[name] is None and (name in ("completed_at", "closed_at") or not tenant.is_mock):
                continue
            moment(task, name)
            text = str(task[name])
            is_right = text.endswith("Z") and len(text) == 20 if tenant.is_mock else "T" in text
            expect(is_right, f"expected {name} as 2024-01-15T10:40:00Z, got {short(text)}")
        is_told = tenant.is_mock or None not in (task["updated_at"], task["created_at"])
        is_later = not is_told or moment(task, "updated_at") >= moment(task, "created_at")
        expect(is_later, f"updated_at {task['updated_at']} is before created_at {task['created_at']}")
