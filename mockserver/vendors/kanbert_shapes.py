"""Kanbert's answers: records as the API shows them, whole or nested, to one caller."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from mockserver.engine.call import Call
from mockserver.engine.query import All, And, Condition, Expression
from mockserver.engine.store import Record
from mockserver.engine.world import World

Shown = dict[str, Any]

_PLAIN = (
    "id",
    "project_id",
    "client_id",
    "parent_task_id",
    "external_id",
    "external_origin",
    "uri",
    "title",
    "description",
    "status",
)
_GUEST = "guest"


def acts_as(call: Call) -> Record:
    """The user that the caller acts as."""
    user = call.world.find("users", call.user) if call.user is not None else None
    assert user is not None, "every caller of the seed is a user"
    return user


def is_guest(call: Call) -> bool:
    """Guests do not see tasks that are not public (KB-225)."""
    return bool(acts_as(call)["type"] == _GUEST)


def seen_by(call: Call) -> Expression:
    """Which tasks the caller may see, of those of its workspace."""
    return Condition("is_public", "eq", True) if is_guest(call) else All()


def find_visible(call: Call, key: Any) -> Record | None:
    """The task of that id, unless the caller may not see it."""
    task = find_own(call, "tasks", key)
    return task if task is not None and (task["is_public"] or not is_guest(call)) else None


def find_own(call: Call, resource: str, key: Any) -> Record | None:
    """The record of that id in the caller's workspace."""
    record = call.world.find(resource, key)
    return record if record is not None and record["space_id"] == call.account else None


class View:
    """What one caller sees of a world during one request. Objects that many tasks show are made once."""

    def __init__(self, world: World, *, is_guest: bool) -> None:
        self._world = world
        self._is_guest = is_guest
        self._seen: Expression = Condition("is_public", "eq", True) if is_guest else All()
        self._made: dict[tuple[str, str], Shown] = {}
        self._places: dict[str, Places] = {}

    # Tasks

    def single(self, task: Record) -> Shown:
        """A task as the only thing of an answer: with its parent, sub-tasks and watchers (KB-259)."""
        return self.listed([task], ("parent_task", "watchers", "sub_tasks"))[0]

    def listed(self, tasks: Sequence[Record], includes: Sequence[str]) -> list[Shown]:
        """Tasks as a list shows them, with what is to be shown besides."""
        below = self._children([task["id"] for task in tasks]) if "sub_tasks" in includes else {}
        above = self._parents(tasks) if "parent_task" in includes else None
        shown = []
        for task in tasks:
            parents = None if above is None else {"parent_task": above.get(task["parent_task_id"])}
            watchers = {"watchers": [self.user(key) for key in task["watchers"]]} if "watchers" in includes else None
            one = self._task(task, parents or {}, watchers or {}, below.get(task["id"], []))
            if "project" in includes:
                one["project"] = self._object("projects", task["project_id"])
            if "client" in includes:
                one["client"] = self._object("clients", task["client_id"])
            shown.append(one)
        return shown

    def nested(self, task: Record) -> Shown:
        """A task inside another one (KB-258)."""
        return self._task(task, {}, {}, [])

    def _task(self, task: Record, parent: Shown, watchers: Shown, sub_tasks: list[Shown]) -> Shown:
        """The keys in the order of the vendor's page."""
        return {
            **{name: task[name] for name in _PLAIN},
            "type": "task",
            "estimated_hours": task["estimated_hours"],
            "is_onhold": task["is_onhold"],
            "is_public": task["is_public"],
            "due_date": task["due_date"],
            "due_date_settings": task["due_date_settings"],
            "assignee": self.user(task["assignee_id"]),
            "priorityOption": self._object("priority_options", task["priority_option_id"]),
            "phase": self._object("phases", task["phase_id"]),
            "milestone": self._object("milestones", task["milestone_id"]),
            "epic": self._object("epics", task["epic_id"]),
            **parent,
            "attachements": task["attachements"],
            **watchers,
            "sub_tasks": sub_tasks,
            "completed_at": task["completed_at"],
            "closed_at": task["closed_at"],
            "updated_at": task["updated_at"],
            "created_at": task["created_at"],
            "list_sorting": self.place(task),
        }

    def _children(self, keys: list[str]) -> dict[str, list[Shown]]:
        """Parent -> its sub-tasks by their place, for all parents in one search."""
        if not keys:
            return {}
        where = And((Condition("parent_task_id", "in", tuple(keys)), self._seen))
        found: dict[str, list[Shown]] = {}
        for task in self._world.search("tasks", where, ["id"]):
            found.setdefault(task["parent_task_id"], []).append(self.nested(task))
        return {key: sorted(tasks, key=lambda one: one["list_sorting"]) for key, tasks in found.items()}

    def _parents(self, tasks: Iterable[Record]) -> dict[str | None, Shown]:
        keys = dict.fromkeys(task["parent_task_id"] for task in tasks if task["parent_task_id"] is not None)
        found = (self._world.find("tasks", key) for key in keys)
        return {one["id"]: self.nested(one) for one in found if one and (one["is_public"] or not self._is_guest)}

    def place(self, task: Record) -> int:
        """The number of a task in the order of its project."""
        key = task["project_id"]
        if key not in self._places:
            self._places[key] = Places(self._world.find("projects", key) or {})
        return self._places[key].number(task)

    # What tasks show of other records

    def user(self, key: str | None) -> Shown | None:
        return self._object("users", key)

    def _object(self, resource: str, key: str | None) -> Shown | None:
        if key is None:
            return None
        made = self._made.get((resource, key))
        if made is None:
            record = self._world.find(resource, key)
            if record is None:
                return None
            made = self._made[resource, key] = self._shape(resource, record)
        return made

    def _shape(self, resource: str, record: Record) -> Shown:
        match resource:
            case "users":
                space = self._world.find("spaces", record["space_id"]) or {}
                named = _part(record, "id", "first_name", "last_name", "email", "type")
                return {**named, "space": _part(space, "id", "name")}
            case "phases":
                return {
                    **_part(record, "id", "title", "po_number"),
                    "group": None,
                    "type": None,
                    **_part(record, "dependency_phase_id", "dependency_milestone_id", "start_date", "end_date"),
                    "created_at": record["created_at"],
                    "computed_fields": {},
                }
            case "milestones":
                return {
                    **_part(record, "id", "title", "po_number"),
                    "group": None,
                    **_part(record, "dependency_phase_id", "dependency_milestone_id", "date", "created_at"),
                    "computed_fields": {},
                }
            case "epics":
                return {**_part(record, "id", "title", "po_number"), "computed_fields": {}}
            case "projects":
                return _part(record, "id", "external_id", "shortcode", "name", "status")
            case "clients":
                return _part(record, "id", "external_id", "shortcode", "name")
        return _part(record, "id", "label")

    def comment(self, record: Record) -> Shown:
        return {
            **_part(record, "id", "task_id", "parent_comment_id", "comment", "is_public", "external_id"),
            "external_origin": record["external_origin"],
            "created_by": self.user(record["created_by"]),
            **_part(record, "created_at", "updated_at"),
        }


def webhook(record: Record) -> Shown:
    return _part(record, "id", "url", "events", "project_id", "client_id", "is_active", "secret", "created_at")


def _part(record: Record, *names: str) -> Shown:
    return {name: record[name] for name in names}


class Places:
    """The order of a project's tasks.

    A task that goes to the end takes the next place, and keeps it. One that is put before or after another stands in
    front of a place, in the project's list for it; whatever follows is counted on by as many. So nothing is shifted.
    """

    def __init__(self, project: Record) -> None:
        inserted = project.get("inserted", ())
        self._places = [place for place, _ in inserted]
        self._keys = [keys for _, keys in inserted]
        self._sums = [0, *accumulate(map(len, self._keys))]

    @property
    def inserted(self) -> int:
        """How many tasks stand in front of places."""
        return self._sums[-1]

    def number(self, task: Record) -> int:
        """What the API shows as `list_sorting`."""
        at, key = self._find(task["place"]), task["id"]
        keys = self._at(at, task["place"])
        return int(task["place"] + self._sums[at] + (keys.index(key) if key in keys else len(keys)))

    def put(self, key: str, beside: Record, *, after: bool) -> tuple[int, list[list[Any]]]:
        """The place of a new task directly before or after another, and the project's lists with it."""
        place = beside["place"]
        keys = self._at(self._find(place), place)
        if beside["id"] in keys:
            index = keys.index(beside["id"]) + after
        else:
            place, index = place + after, 0 if after else len(keys)
            keys = self._at(self._find(place), place)
        keys = [*keys[:index], key, *keys[index:]]
        others = [[other, theirs] for other, theirs in zip(self._places, self._keys, strict=True) if other != place]
        return place, sorted([*others, [place, keys]])

    def _find(self, place: int) -> int:
        return bisect_left(self._places, place)

    def _at(self, index: int, place: int) -> list[str]:
        """The keys in front of a place."""
        return self._keys[index] if index < len(self._places) and self._places[index] == place else []
