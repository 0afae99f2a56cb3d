"""What is asked of each vendor's stand-in to see its defects: the scripts for `tests/tools/driving.py`."""

from collections.abc import Mapping
from typing import Any

from mockserver.engine.query import All
from tests.tools.driving import FORM, Drive, Play, filters_of

TEXTS = ("Cafe\u0301 \U0001f388 & <b>Ünïcode</b> \\ 100%26 a+b «日本»", "Plain")


def kanman(drive: Drive) -> None:
    project, other = drive.known["project_id"], drive.known["other_project_id"]
    made = []
    for text in TEXTS:
        body: dict[str, Any] = {"projectId": project, "label": text, "description": text, "status": 2}
        made.append(drive.ask("createTask", body=body)["task"]["id"])
        drive.ask("listProjectTasks", [project])
        drive.ask("getProject", [project])
    for body in ({"projectId": project, "label": "Bare"}, {"projectId": project, "label": "Bare"}):
        made.append(drive.ask("createTask", body=body)["task"]["id"])
        drive.ask("listProjectTasks", [project])
    first = made[0]
    changes: tuple[Mapping[str, Any], ...] = (
        {"label": "New"},
        {"status": 0},
        {"status": 2},
        {"status": 1},
        {"label": "Two", "description": "fields", "status": 2},
        {"description": "Later"},
        {"projectId": other},
    )
    for change in changes:
        drive.ask("updateTask", [first], body=change)
        drive.ask("getTask", [first])
        drive.ask("listProjectTasks", [project])
        drive.ask("getProject", [project])
    drive.ask("listProjectTasks", [other])
    drive.ask("deleteTask", [first])
    drive.ask("getTask", [first])
    drive.ask("listProjectTasks", [other])
    drive.ask("updateTask", [first], body={"label": "Gone"})
    drive.ask("getTask", [first])
    _fill(drive, "tasks", "workspace_id", 2500 - 1)
    for _ in range(3):
        drive.ask("createTask", body={"projectId": project, "label": "Full"})


def _fill(drive: Drive, resource: str, account_field: str, count: int) -> None:
    """Copies of a record, until its account has so many."""
    world, account = drive.world, drive.vendor.callers["owner"].account
    one = next(each for each in world.search(resource, All(), []) if each[account_field] == account)
    with world.transaction():
        for _ in range(count - world.tally(resource, **{account_field: account})):
            world.insert(resource, {**one, "id": world.new_id(resource)})


def geotareas(drive: Drive) -> None:
    card, board = drive.known["card_id"], drive.known["board_id"]
    task, fresh, driver = drive.known["task_id"], drive.known["unassigned_task_id"], drive.known["driver_id"]
    for text in (*TEXTS, "Bare", "Bare", "x" * 5000, "y" * 5001):
        drive.ask("addCardComment", [card], body={"text": text})
        drive.ask("listCardComments", [card])
    for query in ("limit=1", "limit=2&offset=1", "limit=2&offset=3", "limit=100", "offset=2"):
        for operation, path in (("listCardComments", [card]), ("listWorkspaces", []), ("listBoardCards", [board])):
            drive.ask(operation, path, query)
    cards = drive.ask("listBoardCards", [board])["data"]
    drive.ask("listBoardCards", [board], {"archived": "true"})
    for one in cards[:3]:
        asked = {"column_id": one["column_id"], "priority": one["priority"], "search": one["title"].split()[-1]}
        if one["assignee"]:
            asked["assignee_id"] = one["assignee"]["id"]
        for name, value in asked.items():
            for page in ({}, {"limit": "1", "offset": "1"}):
                drive.ask("listBoardCards", [board], {name: value, **page})
    steps: list[tuple[str, str, dict[str, str]]] = [(task, to, {}) for to in ("USU", "INI", "FIN", "SA", "FIN")]
    steps += [(fresh, "ASI", {}), (fresh, "ASI", {"driver_id": driver}), (fresh, "ASI", {"driver_id": driver})]
    steps += [(fresh, "ACE", {}), (fresh, "ASI", {}), (fresh, "FIN", {}), (fresh, "CAN", {})]
    for one, state, more in steps:
        drive.ask("setTaskState", [one], body={"board_id": board, "target_status": state, **more})


def kantata(drive: Drive) -> None:
    sets = [drive.known["status_set_id"], drive.known["other_status_set_id"]]
    both = {"include": "task_status_set"}

    def status(name: str, of: Any = sets[0], **more: Any) -> Any:
        body = {"custom_task_status": {"status": name, "category": "started", "status_set_id": int(of), **more}}
        return drive.ask("createCustomTaskStatus", query=both, body=body).get("results", [{"id": None}])[0]["id"]

    def look(key: Any) -> None:
        drive.ask("getCustomTaskStatus", [key], both)
        drive.ask("getCustomTaskStatus", [key])
        drive.ask("listCustomTaskStatuses")
        drive.ask("getTaskStatusSet", [sets[0]], {"include": "custom_task_statuses"})

    made = [status(text) for text in (*TEXTS, "Bare", "Bare")][:3]
    for name in ("Bare", "Elsewhere"):
        status(name, sets[1])
    form = b"custom_task_status[status]=Form&custom_task_status[category]=started&custom_task_status[status_set_id]="
    drive.ask("createCustomTaskStatus", body=form + sets[0].encode(), kind=FORM)
    look(made[0])
    changes: tuple[Mapping[str, Any], ...] = (
        {"status": "New"},
        {"position": 2},
        {"status": "Three", "position": 3},
        {"status": "Bare"},
        {"status": "Elsewhere"},
        {"category": "completed", "status": "Four"},
        {"status_set_id": int(sets[1]), "status": "Five"},
    )
    for change in changes:
        drive.ask("updateCustomTaskStatus", [made[0]], both, {"custom_task_status": change})
        look(made[0])
    _kantata_lists(drive, made)
    drive.ask("deleteCustomTaskStatus", [made[1]])
    look(made[1])
    drive.ask("updateCustomTaskStatus", [made[1]], body={"custom_task_status": {"status": "Gone"}})
    look(made[1])
    _kantata_sets(drive)


def _kantata_lists(drive: Drive, made: list[Any]) -> None:
    lists = {"listCustomTaskStatuses": "task_status_set", "listTaskStatusSets": "custom_task_statuses"}
    for operation, include in lists.items():
        fields = drive.vendor.operations[operation].table["sort"]["fields"]
        orders = [f"{name}:{way}" for name in fields for way in ("asc", "desc")]
        for order in (*orders, f"{fields[1]}:desc,{fields[0]}:asc", "status:asc,id:desc", "category:asc"):
            drive.ask(operation, query={"order": order})
        drive.ask(operation, query={"order": f"{fields[1]}:asc", "per_page": 2, "page": 2})
        for query in ({"per_page": 2, "page": 2}, {"per_page": 200}, {"include": include}, {}, {}):
            drive.ask(operation, query=query)
        drive.ask(operation, query={"only": ",".join(map(str, made))})
        drive.ask(
            operation, query={"only": ",".join(drive.known[one] for one in ("status_set_id", "other_status_set_id"))}
        )


def _kantata_sets(drive: Drive) -> None:
    both = {"include": "custom_task_statuses"}
    made = []
    for name in (*TEXTS, "Bare", "Bare"):
        told = drive.ask("createTaskStatusSet", query=both, body={"task_status_set": {"name": name}})
        made.append(told["results"][0]["id"])
        drive.ask("getTaskStatusSet", [made[-1]], both)
        drive.ask("listTaskStatusSets")
    drive.ask("listCustomTaskStatuses", query={"per_page": 200, "include": "task_status_set"})
    chosen = {"workspace_id": 101, "status_set_id": int(made[1] or 0)}
    drive.ask("bulkUpdateWorkspaceTaskStatusSets", body={"workspace_task_status_sets": [chosen]})
    for name in ("Two", "Three", "Four"):
        drive.ask("updateTaskStatusSet", [made[0]], both, {"task_status_set": {"name": name}})
        drive.ask("getTaskStatusSet", [made[0]], both)
    drive.ask("deleteTaskStatusSet", [made[0]])
    drive.ask("getTaskStatusSet", [made[0]])
    drive.ask("listTaskStatusSets", query=both)
    left = drive.ask("listCustomTaskStatuses", query={"per_page": 200, "include": "task_status_set"})
    for key in (each["id"] for each in left["results"][:10]):
        drive.ask("deleteCustomTaskStatus", [key])
    drive.ask("updateTaskStatusSet", [made[0]], body={"task_status_set": {"name": "Gone"}})
    drive.ask("getTaskStatusSet", [made[0]])


def kanbert(drive: Drive) -> None:
    project = drive.known["project_id"]
    hook = {"url": "http://127.0.0.1:9/x", "events": ["task:*"], "project_id": project, "secret": "whisper"}
    for number in range(2):
        drive.ask("createWebhook", body={**hook, "url": f"http://127.0.0.1:9/{number}"})
        drive.ask("listWebhooks")

    def task(**fields: Any) -> str:
        return str(drive.ask("createTask", body={"project_id": project, "title": "Bare", **fields}).get("id"))

    made = [task(title=text, due_date="2026-05-05T10:00:00Z", description="<p>One</p>") for text in TEXTS]
    drive.deliver(500, 204, 200, 200)
    for number, length in enumerate((255, 256)):
        task(title="x" * length)
        drive.ask("updateTask", [made[0]], body={"title": "y" * length})
        drive.ask("getTask", [made[number]])
    made += [task(), task(), task(insert_before=made[0]), task(insert_after=made[0])]
    drive.ask("listTasks")
    made += [task(parent_task_id=made[0], status=status) for status in ("New", "Closed")]
    made += [task(parent_task_id=made[-1]), task(watchers=[drive.known["user_id"]])]
    _kanbert_changes(drive, made)
    drive.deliver(500, 500, 500, 200)
    _kanbert_keys(drive, made)
    _kanbert_files(drive, made[1])
    _kanbert_lists(drive)
    for key in (made[0], made[3]):
        drive.ask("deleteTask", [key])
        drive.ask("listTasks", query={"sort": "-created_at"})
    for key in made:
        drive.ask("getTask", [key])
    drive.ask("updateTask", [made[0]], body={"title": "Gone"})
    drive.ask("getTask", [made[0]])
    drive.deliver(200)
    webhook = drive.ask("listWebhooks")["data"][0]["id"]
    drive.ask("deleteWebhook", [webhook])
    drive.ask("listWebhooks")


def _kanbert_changes(drive: Drive, made: list[str]) -> None:
    user, known = drive.known["user_id"], drive.known
    changes: tuple[Mapping[str, Any], ...] = (
        {"title": "New", "estimated_hours": 2.5, "assignee_id": user},
        {"status": "Closed"},
        {"estimated_hours": None, "assignee_id": None},
        {"is_public": False},
        {"watchers": [user]},
        {"watchers": []},
        {"add_watchers": [user]},
        {"milestone_id": known["milestone_id"], "epic_id": known["epic_id"]},
        {"title": "Two", "is_public": True},
        {"external_id": "no", "external_origin": "nowhere", "title": "Three"},
        {"project_id": known["other_project_id"], "title": "Four"},
    )
    for change in changes:
        drive.ask("updateTask", [made[0]], body=change)
        drive.ask("getTask", [made[0]])
    drive.ask("listTasks", query={"sort": "-updated_at"})


def _kanbert_keys(drive: Drive, made: list[str]) -> None:
    task = drive.ask("getTask", [made[1]])
    for identifier in ({"external_id": "one"}, {"external_id": "two", "external_origin": "elsewhere"}):
        for key in made[1:3]:
            drive.ask("setExternalIdentifier", [key], body=identifier)
            drive.ask("getTask", [key])
        body = {"project_id": drive.known["project_id"], "title": "Taken", **identifier}
        drive.ask("createTask", body=body)
        drive.ask("createTask", body={**body, "external_origin": "a third"})
    drive.ask("setExternalIdentifier", [made[2]], body={"external_id": "two", "external_origin": "a fourth"})
    for value in ("one", "two"):
        drive.ask("getTask", [value], {"find_by": "external_id"})
        drive.ask("getTask", [value], {"find_by": "external_id", "origin": "elsewhere"})
    drive.ask("getTask", [task["uri"]], {"find_by": "uri"})
    drive.ask("getTask", [task["uri"].partition("-")[0]], {"find_by": "uri"})


def _kanbert_files(drive: Drive, key: str) -> None:
    for text in ("A short note.", "Ünï"):
        part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="n.txt"\r\n\r\n%s\r\n--b--\r\n'
        drive.ask("uploadAttachment", [key], body=part % text.encode(), kind="multipart/form-data; boundary=b")
        drive.ask("getTask", [key])


def _kanbert_lists(drive: Drive) -> None:
    table = drive.vendor.operations["listTasks"].table
    fields, names = table["sort"]["fields"], table["include"]["names"]
    for sort in (*fields, *(f"-{one}" for one in fields), "status,-title", "title,status", "nonsense"):
        drive.ask("listTasks", query={"sort": sort})
    for include in (*names, ",".join(names), "nonsense"):
        drive.ask("listTasks", query={"include": include})
    for query in ({}, {}, {"page[size]": 2, "sort": "title", "filter": 'title contains "e"'}):
        page = drive.ask("listTasks", query=query)
        if page["meta"]["next_cursor"]:
            drive.ask("listTasks", query={**query, "page[cursor]": page["meta"]["next_cursor"]})
    for sort in ("url", "-url", "created_at"):
        drive.ask("listWebhooks", query={"sort": sort})
    drive.ask("listWebhooks", query={"filter": 'url endswith "1"'})
    more = (
        'title startswith "o" and status eq New',
        "status in [Closed, New]",
        "due_date lt 2026-05-05",
        "due_date lte 2026-05-05",
        "due_date gt 2026-05-05",
        "due_date gte 2026-05-05",
        'title eq "Bar"',
        'title eq "Bare" and (status eq Closed or status eq WIP)',
        'project.name contains "e"',
        "sub_tasks any (status eq New)",
        "sub_tasks none (status eq New)",
        "sub_tasks.count eq 1",
        "due_date gte today",
        "due_date lt today",
    )
    for text in (*more, *filters_of(drive.vendor, "listTasks")):
        drive.ask("listTasks", query={"filter": text})


SCRIPTS: Mapping[str, tuple[Play, str]] = {
    "geotareas": (geotareas, "2026-03-19T16:45:00Z"),
    "kanbert": (kanbert, "2026-03-02T09:00:00Z"),
    "kanman": (kanman, "2026-03-02T09:00:00Z"),
    "kantata": (kantata, "2026-01-20T22:00:00Z"),
}
