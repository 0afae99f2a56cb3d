"""What Kanbert's checks do all the time: make, find and change a task, read a list. No rule is judged here."""

from collections.abc import Collection, Mapping
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    known,
)
from contracts.findings import NotJudged
from contracts.laws import pages
from contracts.laws.bench import Bench
from contracts.laws.terms import Record, brief, record_of, short
from contracts.tenant import ABSENT, Answer, Tenant

Task = Record
ADDRESSED = ("getTask", "deleteTask", "updateTask", "setExternalIdentifier", "uploadAttachment")
FILE = {"file": ("note.txt", "text/plain", b"One line.\n")}
OPTIONAL = ("phase", "milestone", "epic", "parent_task", "watchers")  # keys that need not be there


def home(tenant: Tenant) -> str:
    return known(tenant, "project_id")


def elsewhere(tenant: Tenant) -> str:
    return known(tenant, "other_project_id")


def title(tenant: Tenant, text: str = "A rule's task") -> str:
    return f"{text} {tenant.chance.randrange(10**8)} [{tenant.target.mark}]"


def number(tenant: Tenant, text: str = "rule") -> str:
    """An external id that nothing has."""
    return f"{text}-{tenant.chance.randrange(10**12)}"


def body(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    """What makes a task, with these fields besides or instead; ABSENT leaves one out."""
    whole = {"project_id": home(tenant), "title": title(tenant), **fields}
    return {name: value for name, value in whole.items() if value is not ABSENT}


def post(tenant: Tenant, *, caller: str = "owner", **fields: Any) -> Answer:
    return tenant.call("createTask", json=body(tenant, **fields), caller=caller)


def make(tenant: Tenant, **fields: Any) -> Task:
    """A task of our own; Broken when it is refused."""
    answer = post(tenant, **fields)
    expect_status(answer, f"createTask with {short(fields)}", *created(tenant))
    return task_of(answer)


def created(tenant: Tenant) -> tuple[int, ...]:
    return (201,) if tenant.is_mock else (200, 201)


def task_of(answer: Answer) -> Task:
    return record_of(answer.json(), "the task of an answer", answer)


def get(tenant: Tenant, key: str, *, caller: str = "owner", **query: str) -> Answer:
    return tenant.call("getTask", path={"id": key}, query=query, caller=caller)


def read(tenant: Tenant, key: str, **query: str) -> Task:
    answer = get(tenant, key, **query)
    expect_status(answer, f"getTask of {key}", 200)
    return task_of(answer)


def patch(tenant: Tenant, task: Task, fields: Any, **query: str) -> Answer:
    return tenant.call("updateTask", path={"id": task["id"]}, json=fields, query=query)


def change(tenant: Tenant, task: Task, **fields: Any) -> Task:
    """Change a task; Broken when that is refused."""
    answer = patch(tenant, task, fields)
    expect_status(answer, f"updateTask with {short(fields)}", 200)
    return task_of(answer)


def delete(tenant: Tenant, task: Task) -> Task:
    """Delete a task; its last state, which a tenant need not tell."""
    before = None if tenant.is_mock else read(tenant, task["id"])
    answer = tenant.remove("tasks", task["id"])
    if before is not None and answer.status == 204:
        return before
    expect_status(answer, "deleteTask", 200)
    return task_of(answer)


def identify(tenant: Tenant, task: Task, fields: Mapping[str, Any], **query: str) -> Answer:
    return tenant.call("setExternalIdentifier", path={"id": task["id"]}, json=fields, query=query)


def upload(tenant: Tenant, key: str, files: Mapping[str, Any] = FILE, **query: str) -> Answer:
    return tenant.call("uploadAttachment", path={"id": key}, files=dict(files), query=query)


def file_of(answer: Answer) -> Record:
    expect_status(answer, "uploadAttachment", 200, 201)
    return record_of(answer.json(), "the file of an answer", answer)


def refused(tenant: Tenant, answer: Answer, what: str, *fields: str, room: Collection[int] = (400,)) -> None:
    """Broken unless it is 422 and names these fields, and on the stand-in no others; `room` is a tenant's."""
    expect_status(answer, what, 422, *(() if tenant.is_mock else room))
    if answer.status != 422:
        return
    told = answer.json()
    errors = told.get("errors") if isinstance(told, Mapping) else None
    expect(isinstance(errors, Mapping), f"{what}: expected errors by field, got {brief(answer)}", answer)
    named = set(errors) if isinstance(errors, Mapping) else set()
    is_right = named == set(fields) if tenant.is_mock else set(fields) <= named
    expect(is_right, f"{what}: expected errors of {', '.join(fields)}, got {brief(answer)}", answer)


def listed(tenant: Tenant, **query: str) -> list[Task]:
    """All tasks of the list."""
    return pages.walk(Bench(tenant), tenant.vendor.operations["listTasks"], {}, query=query)


def places(tenant: Tenant, project: str) -> dict[str, int]:
    """Task -> place, of all tasks of a project."""
    return {each["id"]: each["list_sorting"] for each in listed(tenant, filter=f'project.id eq "{project}"')}


def users(tenant: Tenant, least: int = 2) -> list[str]:
    """Ids of users; NotJudged where fewer are seen. Of a tenant's people only the known one is meddled with."""
    found = [known(tenant, "user_id")]
    for each in listed(tenant, include="watchers") if tenant.is_mock else ():
        people = [each["assignee"], *(each.get("watchers") or [])]
        found += [one["id"] for one in people if isinstance(one, Mapping)]
    distinct = list(dict.fromkeys(found))
    if len(distinct) < least:
        raise NotJudged(f"needs {least} users")
    return distinct


def pair(tenant: Tenant) -> tuple[str, str]:
    """Two users; on a tenant the known one twice."""
    found = users(tenant, 2 if tenant.is_mock else 1)
    return found[0], found[min(1, len(found) - 1)]


def watching(task: Task) -> list[str]:
    """The ids of those who watch a task."""
    watchers = task["watchers"]
    expect(isinstance(watchers, list), f"expected a list of watchers, got {short(watchers)}")
    return [record_of(each, "a watcher")["id"] for each in watchers]


def expect_watchers(tenant: Tenant, what: str, expected: list[str], task: Task) -> None:
    """The watchers in their order; on a tenant in any. Nobody is expected twice."""
    got, expected = watching(task), list(dict.fromkeys(expected))
    if tenant.is_mock:
        expect_equal(f"{what}: the watchers", expected, got)
    else:
        expect_equal(f"{what}: the watchers", sorted(expected), sorted(got))
    for each in (task, read(tenant, task["id"])):
        expect_equal(f"{what}: the watchers of a read", sorted(expected), sorted(watching(each)))


def slug(tenant: Tenant) -> str:
    """The origin of external ids that are made without one."""
    task = make(tenant, external_id=number(tenant))
    origin = task["external_origin"]
    expect(isinstance(origin, str) and origin, f"an external id without an origin: got the origin {short(origin)}")
    return str(origin)
