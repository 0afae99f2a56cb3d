"""What the made-up records of Kanbert have from one another: the parts that a table of words and dates cannot say."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.engine.chance import Fakes, later
from mockserver.engine.store import Record

Grown = Mapping[str, Sequence[Record]]

_FINISHED = ("Completed", "Approved", "Closed")
_FAMILY = 10  # of so many tasks of a project one is a sub-task


def grow_users(records: list[Record], grown: Grown, fakes: Fakes) -> None:
    for number, record in enumerate(records):
        name = f"{record['first_name']}.{record['last_name']}{number or ''}"
        record["email"] = f"{_ascii(name).lower()}@example.com"


def grow_clients(records: list[Record], grown: Grown, fakes: Fakes) -> None:
    _shorten(records, "name")


def grow_projects(records: list[Record], grown: Grown, fakes: Fakes) -> None:
    _shorten(records, "name")


def _shorten(records: list[Record], field: str) -> None:
    """Short codes that differ: three letters of the name, and a number."""
    for number, record in enumerate(records, start=1):
        letters = [letter for letter in _ascii(record[field]).upper() if letter.isalpha()]
        record["shortcode"] = "".join(letters[:3]) + str(number)


def _ascii(text: str) -> str:
    """Letters, digits and dots of a text, umlauts without their dots."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if letter.isalnum() or letter == ".")


def grow_tasks(records: list[Record], grown: Grown, fakes: Fakes) -> None:
    """Keys for people, parents, people and groups of the same project, and times that agree with the status."""
    projects = {project["id"]: project for project in grown["projects"]}
    mine = {project["space_id"] for project in grown["projects"][:1]}
    users = [user["id"] for user in grown["users"] if user["space_id"] in mine]
    groups = {name: _by_project(grown[name]) for name in ("epics", "phases", "milestones")}
    options: list[Any] = [None, None, *(option["id"] for option in grown["priority_options"])]
    latest: dict[str, str] = {}  # project -> its last task that stands at the top
    for number, record in enumerate(records):
        key = record["project_id"]
        project = projects[key]
        record["client_id"] = project["client_id"]
        record["uri"] = f"{project['shortcode']}-{record['number']}"
        record["place"] = record["number"]
        record["parent_task_id"] = latest.get(key) if record["number"] % _FAMILY == 0 else None
        if record["parent_task_id"] is None:
            latest[key] = record["id"]
        record["assignee_id"] = None if number % 5 == 0 else fakes.pick(users)
        record["watchers"] = [fakes.pick(users)] if fakes.chance() < 0.3 else []
        record["priority_option_id"] = fakes.pick(options)
        for name, field in (("epics", "epic_id"), ("phases", "phase_id"), ("milestones", "milestone_id")):
            record[field] = fakes.pick(groups[name].get(key, _NONE))
        _age(record, fakes)


_NONE: tuple[None] = (None,)


def _by_project(records: Sequence[Record]) -> dict[str, list[str | None]]:
    """Project -> the keys of its records, and none as often as one of them."""
    found: dict[str, list[str | None]] = {}
    for record in records:
        found.setdefault(record["project_id"], [None]).append(record["id"])
    return found


def _age(record: Record, fakes: Fakes) -> None:
    done = later(record["created_at"], fakes.chance() * 86400)
    record["updated_at"] = done if fakes.chance() < 0.7 or record["status"] in _FINISHED else record["created_at"]
    record["completed_at"] = done if record["status"] in _FINISHED else None
    record["closed_at"] = done if record["status"] == "Closed" else None
