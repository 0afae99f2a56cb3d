"""Kanbert: what its table cannot say. How tasks are found, shown, placed, changed and ended, and who sees which."""

import mimetypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mockserver.engine.bodies import media_type
from mockserver.engine.call import Call, Outcome
from mockserver.engine.errors import Refusal
from mockserver.engine.forms import MULTIPART, Upload, read_multipart
from mockserver.engine.query import And, Condition, Expression
from mockserver.engine.store import Record
from mockserver.vendors.kanbert_bodies import (
    blame,
    check_changed_task,
    check_identifier,
    check_new_comment,
    check_new_task,
    check_new_webhook,
    explain,
    find_by_external_id,
    prepare_body,
    refuse,
    slug,
)
from mockserver.vendors.kanbert_due import next_due
from mockserver.vendors.kanbert_filters import Filters
from mockserver.vendors.kanbert_seed import grow_clients, grow_projects, grow_tasks, grow_users
from mockserver.vendors.kanbert_shapes import Places, View, find_own, is_guest, seen_by, webhook

__all__ = [
    "blame",
    "check_changed_task",
    "check_identifier",
    "check_new_comment",
    "check_new_task",
    "check_new_webhook",
    "explain",
    "grow_clients",
    "grow_projects",
    "grow_tasks",
    "grow_users",
    "prepare_body",
]

MOST_OF_FILE = 15 * 1024 * 1024  # bytes (KB-416)
_UNFINISHED = ("Backlog", "New", "WIP")

# Finding


_NAMES = {"setExternalIdentifier": ("id", "external_id", "shortcode")}


def find_tasks(call: Call, key: str) -> Record | None:
    """The task that the path names by its id, or by what `find_by` says (KB-337 to KB-347)."""
    by = call.argument("find_by")
    if by is not None and by not in _NAMES.get(call.operation or "", ("id", "uri", "external_id")):
        refuse({"find_by": "The selected find by is invalid."})
    match by:
        case "uri" | "shortcode":
            task = _find_by_uri(call, key)
        case "external_id":
            task = find_by_external_id(call, key, call.argument("origin") or slug(call))
        case _:
            task = find_own(call, "tasks", key)
    return task if task is not None and (task["is_public"] or not is_guest(call)) else None


def _find_by_uri(call: Call, key: str) -> Record | None:
    where = And((Condition("uri", "eq", key), Condition("space_id", "eq", call.account)))
    return next((task for task in call.world.search("tasks", where, ["id"]) if task["uri"] == key), None)


def find_webhooks(call: Call, key: str) -> Record | None:
    """A subscription is its maker's (KB-462)."""
    found = find_own(call, "webhooks", key)
    return found if found is not None and found["user_id"] == call.user else None


def where_listTasks(table: Mapping[str, Any]) -> Callable[[Call], Expression]:
    """The tasks that the caller sees and that fit the filter."""
    filters = Filters(table["filter"])

    def where(call: Call) -> Expression:
        seen = seen_by(call)
        asked = filters.parse(call.arguments, call.world.clock.now(), call.user, visible=seen)
        return And((seen, asked))

    return where


def where_listWebhooks(table: Mapping[str, Any]) -> Callable[[Call], Expression]:
    filters = Filters(table["filter"])

    def where(call: Call) -> Expression:
        mine = Condition("user_id", "eq", call.user)
        return And((mine, filters.parse(call.arguments, call.world.clock.now(), call.user, visible=mine)))

    return where


# Showing


def show_tasks(call: Call, record: Record, task: Any) -> Any:
    return View(call.world, is_guest=is_guest(call)).single(record)


def list_tasks(call: Call, records: Sequence[Record], task: Any) -> list[Any]:
    return View(call.world, is_guest=is_guest(call)).listed(records, call.includes)


def show_comments(call: Call, record: Record, task: Any) -> Any:
    return View(call.world, is_guest=is_guest(call)).comment(record)


def show_webhooks(call: Call, record: Record, task: Any) -> Any:
    return webhook(record)


def webhook_data(call: Call, event: str, record: Record) -> tuple[Any, Any]:
    """What subscribers are told: the whole task, whoever changed it, and the user who did (KB-441, KB-442)."""
    view = View(call.world, is_guest=False)
    return view.single(record), view.user(call.user)


# Making and changing


def create_tasks(call: Call, record: Record) -> Record:
    """A new task gets its project's client, a key for people and a place; some statuses set times."""
    project = call.world.find("projects", record["project_id"])
    assert project is not None, "the project was checked"
    made = {**record, "client_id": project["client_id"], "uri": f"{project['shortcode']}-{record['number']}"}
    made["place"] = _put(call, project, made)
    if made["status"] not in _UNFINISHED:
        made["completed_at"] = made["created_at"]
    if made["status"] == "Closed":
        made["closed_at"] = made["created_at"]
    return made


def _put(call: Call, project: Record, task: Record) -> int:
    """The place of a new task: before or after another, or at the end of its project."""
    beside, places = call.body.get("insert_before") or call.body.get("insert_after"), Places(project)
    other = call.world.find("tasks", beside) if beside else None
    if other is None:
        return int(task["number"]) - places.inserted
    place, inserted = places.put(task["id"], other, after=not call.body.get("insert_before"))
    call.world.replace("projects", {**project, "inserted": inserted})
    return place


def update_tasks(call: Call, before: Record, after: Record) -> Record:
    """The times of completion and closing follow the status (KB-395 to KB-397)."""
    old, new = before["status"], after["status"]
    if old == new:
        return after
    times = {"completed_at": before["completed_at"], "closed_at": None}
    if new in _UNFINISHED:
        times["completed_at"] = None
    elif new == "Completed" or old in _UNFINISHED:
        times["completed_at"] = after["updated_at"]
    if new == "Closed":
        times["closed_at"] = after["updated_at"]
    return {**after, **times}


def follow_tasks(call: Call, before: Record, after: Record) -> None:
    """A task whose due date recurs has a successor once its work is done (N10)."""
    is_done = before["status"] in _UNFINISHED and after["status"] not in _UNFINISHED
    due = next_due(after["due_date"], after["due_date_settings"]) if is_done else None
    if due is None:
        return
    world = call.world
    project = world.find("projects", after["project_id"])
    assert project is not None, "no operation ends a project"
    last = world.last_rank("tasks", {"field": "number", "within": "project_id"}, project["id"])
    number = world.ranks["tasks", project["id"]] = int(last or 0) + 1
    successor = {
        **after,
        "id": world.new_id("tasks"),
        "number": number,
        "place": number - Places(project).inserted,
        "uri": f"{project['shortcode']}-{number}",
        "status": "New",
        "due_date": due,
        "external_id": None,
        "external_origin": None,
        "is_onhold": False,
        "attachements": [],
        "completed_at": None,
        "closed_at": None,
        "created_at": world.stamp(),
        "updated_at": world.stamp(),
    }
    world.insert("tasks", successor)
    world.emit("task:create", "tasks", successor, call)


def delete_tasks(call: Call, record: Record) -> None:
    """All that stands below goes too, and is told by depth and place while it is still there (KB-360)."""
    world, view = call.world, View(call.world, is_guest=False)
    found: list[Record] = []
    above = [record["id"]]
    while above:
        tasks = world.search("tasks", Condition("parent_task_id", "in", tuple(above)), ["id"])
        found += sorted(tasks, key=view.place)
        above = [task["id"] for task in tasks]
    for task in found:
        world.emit("task:delete", "tasks", task, call)
    for task in found:
        world.trash("tasks", task)


def create_comments(call: Call, record: Record) -> Record:
    return {**record, "created_by": call.user}


def create_webhooks(call: Call, record: Record) -> Record:
    """A subscription without a secret gets one."""
    secret = call.world.new_secret(record["id"]) if record["secret"] is None else record["secret"]
    return {**record, "user_id": call.user, "secret": secret}


# Files


def do_uploadAttachment(call: Call, task: Any) -> Outcome:
    """Adds a file to a task. Its content is not kept, as no operation reads it (KB-412 to KB-430)."""
    upload = _upload(call, task.table["most_bytes"])
    world, before = call.world, call.record
    with world.transaction():
        file = {
            "id": world.new_id("tasks"),  # of the same form
            "file_name": upload.file_name,
            "mime_type": _type_of(upload),
            "size": len(upload.content),
            "entity_id": before["id"],
            "entity_type": "task",
            "created_at": world.stamp(),
        }
        after = {**before, "attachements": [*before["attachements"], file]}
        world.emit("task:update", "tasks", task.resource.store_change(call, before, after), call)
    return Outcome(task.status, file)


def _upload(call: Call, most: int) -> Upload:
    """The first part `file` of the request; refused unless it is a file of at most 15 MB."""
    content_type, body = call.request.header(b"content-type") or "", call.request.body
    if len(body) > most:
        raise Refusal("request_too_large")
    try:
        found = read_multipart(content_type, body) if media_type(content_type) == MULTIPART else {}
    except ValueError:
        found = {}
    upload = found.get("file")
    if "file" not in found:
        refuse({"file": "The file field is required."}, "KB-418" if media_type(content_type) == MULTIPART else "KB-419")
    if not isinstance(upload, Upload) or not _base(upload.file_name):
        refuse({"file": "The file field must be a file."}, "KB-418")
    assert isinstance(upload, Upload)
    if len(upload.content) > MOST_OF_FILE:
        refuse({"file": "The file is too large."})
    return upload._replace(file_name=_base(upload.file_name))


def _base(name: str) -> str:
    """The name of a file without the folders before it."""
    return name.replace("\\", "/").rpartition("/")[2]


def _type_of(upload: Upload) -> str:
    return upload.media_type or mimetypes.guess_type(upload.file_name)[0] or "application/octet-stream"
