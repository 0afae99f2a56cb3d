"""Kanbert's tasks as clients meet them: made, placed and read, in a world of their own."""

import re
from typing import Any

import pytest

from tests.conftest import FROZEN
from tests.kanbert import JANA, KEYS, NESTED_KEYS, NOBODY, OMAR, PROJECT, Kanbert, numbers

ULID = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")


# Read


def test_get_task__answers_the_task_whole(kanbert: Kanbert) -> None:
    task = kanbert.named("ACME-1")
    assert list(task) == KEYS
    assert task["assignee"] == {
        "id": JANA,
        "first_name": "Jana",
        "last_name": "Novak",
        "email": "jana.novak@example.com",
        "type": "user",
        "space": {"id": "01hehtaj007x4xqfz0a75j1k03", "name": "Northwind Studio"},
    }
    assert task["priorityOption"] == {"id": "01hehw1ft0bgqjebhc4yafyksk", "label": "High"}
    assert [watcher["id"] for watcher in task["watchers"]] == [OMAR]
    assert task["phase"] == {
        "id": "01hfp2rb8008cnq3mrjr1y9qxm",
        "title": "Design",
        "po_number": "PO-2024-017",
        "group": None,
        "type": None,
        "dependency_phase_id": None,
        "dependency_milestone_id": None,
        "start_date": "2024-01-08",
        "end_date": "2024-02-16",
        "created_at": "2023-11-20T10:00:00Z",
        "computed_fields": {},
    }
    assert (task["milestone"]["date"], task["epic"]["title"]) == ("2024-03-01", "Relaunch")
    assert task["attachements"][0]["entity_id"] == task["id"]


def test_get_task__shows_one_level_below(kanbert: Kanbert) -> None:
    below = kanbert.named("ACME-1")["sub_tasks"]
    assert [task["uri"] for task in below] == ["ACME-2", "ACME-3"]
    assert all(list(task) == NESTED_KEYS and task["sub_tasks"] == [] for task in below)


def test_get_task__shows_one_level_above(kanbert: Kanbert) -> None:
    task = kanbert.named("ACME-2")
    assert list(task["parent_task"]) == NESTED_KEYS
    assert task["parent_task"]["id"] == task["parent_task_id"]
    assert task["parent_task"]["sub_tasks"] == []


@pytest.mark.parametrize(
    ("key", "query"),
    [
        ("CORP-1", {"find_by": "uri"}),
        ("JIRA-1", {"find_by": "external_id", "origin": "jira"}),
        ("01hkqe6ga08hvcsvf0111bdgxb", {"find_by": "id"}),
        ("01hkqe6ga08hvcsvf0111bdgxb", {"origin": "without effect"}),
    ],
)
def test_find_by__leads_to_the_task(kanbert: Kanbert, key: str, query: dict[str, str]) -> None:
    assert kanbert.read(key, **query)["title"] == "Intranet search"


def test_find_by__external_id_is_looked_for_in_the_callers_integration(kanbert: Kanbert) -> None:
    assert kanbert.read("ext-42", find_by="external_id")["uri"] == "CORP-3"
    assert kanbert.call("GET", "/tasks/JIRA-1?find_by=external_id")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        NOBODY,
        "acme-1?find_by=uri",
        "ACME-1",
        "OUT-1?find_by=uri",
        "01hkpq6dm0xzh1vk67q17v05s5",
        "%00",
        "%ff?find_by=uri",
    ],
)
def test_get_task__unknown(kanbert: Kanbert, path: str) -> None:
    assert kanbert.call("GET", f"/tasks/{path}") == (404, {"message": "Task not found."})


def test_find_by__a_key_is_decoded_after_routing(kanbert: Kanbert) -> None:
    kanbert.create(external_id="a/b ü%", external_origin="crm")
    found = kanbert.read("a%2Fb%20%C3%BC%25", find_by="external_id", origin="crm")
    assert found["external_id"] == "a/b ü%"


# Create


def test_create_task__with_what_is_required(kanbert: Kanbert) -> None:
    before = numbers(kanbert)
    task = kanbert.create(title="Order new banners")
    assert list(task) == KEYS
    assert ULID.fullmatch(task["id"])
    made = {
        "project_id": PROJECT,
        "client_id": kanbert.tenant.known["client_id"],
        "title": "Order new banners",
        "status": "New",
        "type": "task",
        "is_onhold": False,
        "is_public": True,
        "due_date_settings": {"is_hard_deadline": False, "recurring_type": None, "recurring_interval": None},
        "attachements": [],
        "watchers": [],
        "sub_tasks": [],
        "created_at": FROZEN,
        "updated_at": FROZEN,
        "uri": f"ACME-{len(before) + 1}",
        "list_sorting": max(before.values()) + 1,
    }
    assert {name: task[name] for name in made} == made
    assert {value for name, value in task.items() if name not in made and name != "id"} == {None}
    assert kanbert.read(task["id"]) == task
    assert kanbert.listed()[-1]["id"] == task["id"], "ids follow the order of creation"


def test_create_task__with_every_field(kanbert: Kanbert) -> None:
    known = kanbert.tenant.known
    task = kanbert.create(
        external_id="4711",
        external_origin="crm",
        title="Order new banners",
        description="<p>Two <b>sizes</b> &amp; more</p>",
        estimated_hours=2.5,
        due_date="2024-02-01T12:00:00Z",
        is_public=False,
        watchers=[OMAR, JANA, OMAR],
        status="Backlog",
        parent_task_id=known["task_id"],
        assignee_id=JANA,
        epic_id=known["epic_id"],
        phase_id=known["phase_id"],
        milestone_id=known["milestone_id"],
    )
    assert (task["external_id"], task["external_origin"]) == ("4711", "crm")
    assert (task["description"], task["estimated_hours"]) == ("<p>Two <b>sizes</b> &amp; more</p>", 2.5)
    assert (task["due_date"], task["is_public"], task["status"]) == ("2024-02-01", False, "Backlog")
    assert [watcher["id"] for watcher in task["watchers"]] == [OMAR, JANA]
    assert task["parent_task"]["id"] == task["parent_task_id"] == known["task_id"]
    assert [task[name]["id"] for name in ("assignee", "epic", "phase", "milestone")] == [
        JANA,
        known["epic_id"],
        known["phase_id"],
        known["milestone_id"],
    ]
    assert kanbert.read(known["task_id"])["sub_tasks"][-1]["id"] == task["id"]


def test_create_task__texts_are_trimmed_and_blank_ones_are_null(kanbert: Kanbert) -> None:
    task = kanbert.create(
        title="\u00a0 A task\t\n", external_id="  ", assignee_id="", due_date=" ", description=" a\nb "
    )
    assert (task["title"], task["description"]) == ("A task", "a\nb")
    assert task["external_id"] is task["assignee"] is task["due_date"] is None


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("2024-02-01", "2024-02-01"),
        ("2024-02-01T23:30:00-05:00", "2024-02-02"),
        ("2024-02-01T00:30:00.5+05:00", "2024-01-31"),
        ("2016-12-31T23:59:60Z", "2016-12-31"),
        ("9999-12-31T23:59:59-10:00", "9999-12-31"),
        (None, None),
    ],
)
def test_due_date__is_a_day_in_the_zone_of_the_workspace(kanbert: Kanbert, sent: str | None, day: str | None) -> None:
    assert kanbert.create(due_date=sent)["due_date"] == day


def test_create_task__twice_makes_two(kanbert: Kanbert) -> None:
    first, second = kanbert.create(), kanbert.create()
    assert second["id"] > first["id"]
    assert second["uri"] != first["uri"]


@pytest.mark.parametrize(
    ("status", "completed", "closed"),
    [("WIP", None, None), ("Completed", FROZEN, None), ("Approved", FROZEN, None), ("Closed", FROZEN, FROZEN)],
)
def test_create_task__status_sets_times(kanbert: Kanbert, status: str, completed: Any, closed: Any) -> None:
    task = kanbert.create(status=status)
    assert (task["completed_at"], task["closed_at"]) == (completed, closed)


def test_create_task__uri_is_never_given_twice(kanbert: Kanbert) -> None:
    last = kanbert.create()
    kanbert.delete(last["id"])
    assert kanbert.create()["uri"] != last["uri"]


def test_create_task__in_a_closed_project(kanbert: Kanbert) -> None:
    assert kanbert.create(project_id="01hf93awm016es1jzecbw9ws3r")["uri"].startswith("OLD-")


# Places


def test_insert_before__takes_the_place_and_shifts_the_others(kanbert: Kanbert) -> None:
    before = numbers(kanbert)
    third = kanbert.named("ACME-3")
    assert kanbert.create(title="Before the third", insert_before=third["id"])["list_sorting"] == 3
    moved = {title: place + (place >= 3) for title, place in before.items()}
    assert numbers(kanbert) == {**moved, "Before the third": 3}
    assert kanbert.named("ACME-3") == {**third, "list_sorting": 4}, "only the place has changed"


def test_insert_after__takes_the_next_place(kanbert: Kanbert) -> None:
    before = numbers(kanbert)
    assert kanbert.create(title="After", insert_after=kanbert.named("ACME-3")["id"])["list_sorting"] == 4
    moved = {title: place + (place >= 4) for title, place in before.items()}
    assert numbers(kanbert) == {**moved, "After": 4}


def test_places__many_insertions_keep_the_order(kanbert: Kanbert) -> None:
    """Against a plain list of titles that is inserted into."""
    order = [title for title, _ in sorted(numbers(kanbert).items(), key=lambda one: one[1])]
    keys = {task["title"]: task["id"] for task in kanbert.listed(filter=f"project.id eq {PROJECT}")}
    for number in range(40):
        title, anchor = f"Task {number}", order[number * 7 % len(order)]
        kind = ("insert_before", "insert_after", "")[number % 3]
        keys[title] = kanbert.create(title=title, **({kind: keys[anchor]} if kind else {}))["id"]
        at = order.index(anchor) if kind else len(order) - 1
        order.insert(at if kind == "insert_before" else at + 1, title)
    assert numbers(kanbert) == {title: place for place, title in enumerate(order, start=1)}


def test_places__a_deleted_task_leaves_a_gap(kanbert: Kanbert) -> None:
    before = numbers(kanbert)
    kanbert.delete(kanbert.named("ACME-4")["id"])
    del before["Weekly call with Acme"]
    assert numbers(kanbert) == before
