"""Kantata OX: side-loads, dense positions, the default statuses of a set, and what falls back when one goes.

What is checked of a request's values stands in `kantata_checks.py`; the names there are found through this module.
"""

from typing import Any

from mockserver.engine.call import Call, Outcome
from mockserver.engine.query import All, Condition, Expression, Nothing
from mockserver.engine.store import Record
from mockserver.engine.verbs import Task
from mockserver.engine.world import World
from mockserver.vendors.kantata_checks import (
    check_changed_status,
    check_default_stays,
    check_name_of_set,
    check_new_status,
    check_projects_and_sets,
    check_query,
    check_set_is_free,
    check_set_of_status,
    find_custom_task_statuses,
    find_task_status_sets,
)

__all__ = [
    "check_changed_status",
    "check_default_stays",
    "check_name_of_set",
    "check_new_status",
    "check_projects_and_sets",
    "check_query",
    "check_set_is_free",
    "check_set_of_status",
    "create_custom_task_statuses",
    "create_task_status_sets",
    "delete_custom_task_statuses",
    "delete_task_status_sets",
    "do_bulkUpdateWorkspaceTaskStatusSets",
    "do_setDefaultTaskStatusSet",
    "find_custom_task_statuses",
    "find_task_status_sets",
    "show_custom_task_statuses",
    "show_task_status_sets",
    "update_custom_task_statuses",
    "where_listCustomTaskStatuses",
    "where_listTaskStatusSets",
]

STATUSES, SETS, CHOICES = "custom_task_statuses", "task_status_sets", "workspace_task_status_sets"
# Name and category of the statuses that a set is made with (KX-202 KX-203).
DEFAULTS = (
    ("Not Started", "not started"),
    ("Started", "started"),
    ("Needs Info", "needs info"),
    ("Completed", "completed"),
)
_STATUS = ("id", "status", "category", "position", "status_set_id", "created_at", "updated_at")
_SET = ("id", "name", "created_at", "updated_at")
_CHOICE = ("id", "workspace_id", "status_set_id", "created_at", "updated_at")
MOST_DIGITS = 18


# Showing


def show_custom_task_statuses(call: Call, record: Record, task: Task) -> Record:
    """The set is an integer in `status_set_id`, and a text in the association that a side-load adds (KX-068 KX-069)."""
    shown = _part(record, _STATUS)
    key = str(record["status_set_id"])
    if "task_status_set" in call.includes:
        shown["task_status_set_id"] = key
    # Without a defect each status has its set, and each set a default status of each category.
    if SETS in call.sides and key not in call.sides[SETS] and (found := call.world.find(SETS, key)) is not None:
        call.sides[SETS][key] = _part(found, _SET)
    return shown


def show_task_status_sets(call: Call, record: Record, task: Task) -> Record:
    """A side-load brings the set's statuses and their ids, in the order of their positions (KX-197 to KX-199)."""
    shown = _part(record, _SET)
    if STATUSES in call.sides:
        statuses = _statuses(call.world, int(record["id"]))
        shown["custom_task_status_ids"] = [each["id"] for each in statuses]
        call.sides[STATUSES].update({each["id"]: _part(each, _STATUS) for each in statuses})
    return shown


def _part(record: Record, fields: tuple[str, ...]) -> Record:
    return {name: record[name] for name in fields}


# Finding


def where_listCustomTaskStatuses(table: Any) -> Any:
    return _only


def where_listTaskStatusSets(table: Any) -> Any:
    return _only


def _only(call: Call) -> Expression:
    """The ids that `only` names; what is no id is dropped, an empty parameter counts as absent (KX-090 to KX-097)."""
    text = call.argument("only")
    if not text:
        return All()
    asked = (part for part in text.split(",") if part.isascii() and part.isdigit())
    keys = dict.fromkeys(part.lstrip("0") for part in asked)
    return Condition("id", "in", tuple(key for key in keys if key and len(key) <= MOST_DIGITS)) if keys else Nothing()


def _statuses(world: World, set_id: int) -> list[Record]:
    """The statuses of a set in the order of their positions, which are 1 to n (KX-174)."""
    return world.select(STATUSES, {"status_set_id": set_id}, ["position"])


def _demand(world: World, resource: str, key: str) -> Record:
    found = world.find(resource, key)
    assert found is not None, f"no {resource} {key}"
    return found


# Statuses


def create_custom_task_statuses(call: Call, record: Record) -> Record:
    """A new status stands last in its set (KX-134)."""
    last = call.world.tally(STATUSES, status_set_id=record["status_set_id"])
    return {**record, "position": last + 1}


def update_custom_task_statuses(call: Call, before: Record, after: Record) -> Record:
    """A move is held to the places that there are; those in between shift, as if nothing else had happened to them."""
    if after["position"] == before["position"]:
        return after
    siblings = _statuses(call.world, before["status_set_id"])
    old, new = before["position"], min(max(after["position"], 1), len(siblings))
    for other in siblings:
        place = other["position"]
        if old < place <= new:
            call.world.replace(STATUSES, {**other, "position": place - 1})
        elif new <= place < old:
            call.world.replace(STATUSES, {**other, "position": place + 1})
    return {**after, "position": new}


def delete_custom_task_statuses(call: Call, record: Record) -> None:
    """The stories that had the status get the default one of its category, and the gap in the set closes."""
    siblings = _statuses(call.world, record["status_set_id"])
    fallback = _default(siblings, record["category"])
    for story in call.world.select("stories", {"custom_task_status_id": int(record["id"])}, []):
        if fallback is not None:
            call.world.replace("stories", {**story, "custom_task_status_id": int(fallback["id"])})
    for other in siblings:
        if other["position"] > record["position"]:
            call.world.replace(STATUSES, {**other, "position": other["position"] - 1})


def _default(statuses: list[Record], category: str) -> Record | None:
    """The status of a category that its set came with."""
    return next((each for each in statuses if each["is_default"] and each["category"] == category), None)


# Sets


def create_task_status_sets(call: Call, record: Record) -> Record:
    world = call.world
    for place, (name, category) in enumerate(DEFAULTS, start=1):
        status = {
            "id": world.new_id(STATUSES),
            "account_id": call.account,
            "status": name,
            "category": category,
            "position": place,
            "status_set_id": int(record["id"]),
            "is_default": True,
            "created_at": record["created_at"],
            "updated_at": record["created_at"],
        }
        world.insert(STATUSES, status)
    return record


def delete_task_status_sets(call: Call, record: Record) -> None:
    for status in _statuses(call.world, int(record["id"])):
        call.world.trash(STATUSES, status)


def do_setDefaultTaskStatusSet(call: Call, task: Task) -> Outcome:
    """The account holds which set is its default, so there is exactly one (KX-209)."""
    world = call.world
    account = _demand(world, "accounts", call.account)
    with world.transaction():
        world.replace("accounts", {**account, "default_set_id": int(call.record["id"])})
    return task.outcome(task.show(call.record, call), call)


# Projects


def do_bulkUpdateWorkspaceTaskStatusSets(call: Call, task: Task) -> Outcome:
    """Each project gets its set; of two entries for one project the later one counts."""
    wanted: dict[int, int] = call.body["wanted"]
    with call.world.transaction():
        shown = [_part(_choose(call.world, project, set_id), _CHOICE) for project, set_id in wanted.items()]
    values = {"count": len(shown), "page_count": 1, "page_number": 1, "page_size": 20}
    return task.outcome(shown, call, values)


def _choose(world: World, project: int, set_id: int) -> Record:
    (choice,) = world.select(CHOICES, {"workspace_id": project}, [])
    if choice["status_set_id"] == set_id:
        return choice
    choice = {**choice, "status_set_id": set_id, "updated_at": max(choice["updated_at"], world.stamp())}
    world.replace(CHOICES, choice)
    statuses = _statuses(world, set_id)
    for story in world.select("stories", {"workspace_id": project}, []):
        now = world.find(STATUSES, str(story["custom_task_status_id"]))
        if now is not None and (default := _default(statuses, now["category"])) is not None:
            world.replace("stories", {**story, "custom_task_status_id": int(default["id"])})
    return choice
