"""Kanbert's seed: dates told from the day of the seeding, and made-up tasks that look and link like real ones."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from mockserver.engine.chance import day_of, parse_time
from mockserver.engine.seeding import Garden
from mockserver.vendor import Vendor, load

NOW = parse_time("2024-01-21T10:00:00Z")  # a Sunday
COUNT = 3000

Grown = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return load("kanbert")


@pytest.fixture(scope="module")
def grown(vendor: Vendor) -> Grown:
    return dict(Garden(vendor, 1, COUNT, NOW).grow())


@pytest.fixture(scope="module")
def made(vendor: Vendor, grown: Grown) -> Iterator[list[dict[str, Any]]]:
    yield grown["tasks"][len(vendor.seed["records"]["tasks"]) :]


def share(made: list[dict[str, Any]], field: str) -> float:
    """How often a field is null."""
    return sum(task[field] is None for task in made) / len(made)


@pytest.mark.parametrize(
    ("day", "date"),
    [(0, "2024-01-21"), (5, "2024-01-26"), (-30, "2023-12-22"), ("monday", "2024-01-15"), ("sunday", "2024-01-21")],
)
def test_day_of__counts_from_the_day_or_within_its_week(day: int | str, date: str) -> None:
    assert day_of(NOW, day) == date


@pytest.mark.parametrize(
    ("now", "dates"),
    [
        ("2024-01-21T10:00:00Z", ["2024-01-26", None, "2024-01-21", "2024-01-15", "2024-01-20", None]),
        ("2030-03-01T00:00:00Z", ["2030-03-06", None, "2030-03-01", "2030-02-25", "2030-02-28", None]),
    ],
)
def test_seed__due_dates_follow_the_day(vendor: Vendor, now: str, dates: list[str | None]) -> None:
    tasks = dict(Garden(vendor, 1, 0, parse_time(now)).grow())["tasks"]
    assert [task["due_date"] for task in tasks[:6]] == dates


def test_seed__all_statuses_are_among_the_fixed_tasks(vendor: Vendor) -> None:
    fixed = vendor.seed["records"]["tasks"]
    assert {task["status"] for task in fixed} == {"Backlog", "New", "WIP", "Completed", "Approved", "Closed"}


def test_made_tasks__come_in_the_order_of_their_ids_and_times(made: list[dict[str, Any]]) -> None:
    assert len(made) == COUNT
    assert all(one["id"] < other["id"] for one, other in pairwise(made))
    assert all(one["created_at"] <= other["created_at"] <= other["updated_at"] for one, other in pairwise(made))
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", task["id"]) for task in made)


def test_made_tasks__are_numbered_within_their_project(grown: Grown) -> None:
    codes = {project["id"]: project["shortcode"] for project in grown["projects"]}
    assert len(set(codes.values())) == len(codes)
    for key, code in codes.items():
        mine = [task for task in grown["tasks"] if task["project_id"] == key]
        numbers = list(range(1, len(mine) + 1))
        assert [(task["number"], task["place"]) for task in mine] == [(number, number) for number in numbers]
        assert [task["uri"] for task in mine] == [f"{code}-{number}" for number in numbers]


def test_made_tasks__every_tenth_is_a_sub_task_of_its_project(grown: Grown, made: list[dict[str, Any]]) -> None:
    tasks = {task["id"]: task for task in grown["tasks"]}
    below = [task for task in made if task["parent_task_id"] is not None]
    assert len(below) == pytest.approx(COUNT / 10, rel=0.05)
    for task in below:
        parent = tasks[task["parent_task_id"]]
        assert parent["project_id"] == task["project_id"]
        assert parent["parent_task_id"] is None
        assert parent["id"] < task["id"]


def test_made_tasks__lack_some_dates_and_people(made: list[dict[str, Any]]) -> None:
    assert share(made, "due_date") == pytest.approx(1 / 3, abs=0.04)
    assert share(made, "assignee_id") == pytest.approx(1 / 5, abs=0.01)
    titles = " ".join(task["title"] for task in made)
    assert re.search("relaunch", titles, re.IGNORECASE)
    assert set("äöü") & set(titles)


def test_made_tasks__refer_to_records_of_their_own_project(grown: Grown, made: list[dict[str, Any]]) -> None:
    users = {user["id"]: user for user in grown["users"]}
    projects = {project["id"]: project for project in grown["projects"]}
    groups = {"epic_id": "epics", "phase_id": "phases", "milestone_id": "milestones"}
    of = {field: {one["id"]: one["project_id"] for one in grown[name]} for field, name in groups.items()}
    for task in made:
        assert task["client_id"] == projects[task["project_id"]]["client_id"]
        assert all(task[field] is None or of[field][task[field]] == task["project_id"] for field in groups)
        people = [*task["watchers"], *([task["assignee_id"]] if task["assignee_id"] else [])]
        assert all(users[key]["space_id"] == task["space_id"] for key in people)


def test_made_tasks__times_agree_with_the_status(made: list[dict[str, Any]]) -> None:
    for task in made:
        is_done = task["status"] in ("Completed", "Approved", "Closed")
        assert (task["completed_at"] is not None) == is_done
        assert (task["closed_at"] is not None) == (task["status"] == "Closed")


@pytest.mark.parametrize("resource", ["users", "clients", "projects", "epics", "phases", "milestones", "tasks"])
def test_made_records__have_ids_of_the_time_at_which_they_were_made(
    vendor: Vendor, grown: Grown, resource: str
) -> None:
    made = grown[resource][len(vendor.seed["records"][resource]) :]
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    for record in made:
        milliseconds = sum(digits.index(digit) * 32**place for place, digit in enumerate(reversed(record["id"][:10])))
        assert milliseconds == parse_time(record["created_at"]) * 1000


def test_made_users__have_addresses_that_can_be_sent_to(grown: Grown) -> None:
    emails = [user["email"] for user in grown["users"]]
    assert len(set(emails)) == len(emails)
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.(com|org|net)", email) for email in emails)
