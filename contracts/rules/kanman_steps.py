"""What KanMan's checks do all the time: make, read and change a task, look at its project. No rule is judged here."""

from collections.abc import Collection, Mapping
from typing import Any

from contracts.expecting import (
    expect,
    expect_kept,
    expect_status,
    known,
)
from contracts.findings import Broken
from contracts.laws.bench import Bench
from contracts.laws.terms import Record, brief, record_of, short
from contracts.tenant import Answer, SampleFailed, Tenant

Task = Record
Project = Record


def home(tenant: Tenant) -> str:
    """The project in which `tenant.create` makes tasks."""
    return known(tenant, "project_id")


def elsewhere(tenant: Tenant) -> str:
    """Another project, for moves."""
    return known(tenant, "other_project_id")


def label(tenant: Tenant, text: str) -> str:
    """A label that no other record has."""
    return f"{text} {tenant.chance.randrange(10**9)} [{tenant.target.mark}]"


def create(tenant: Tenant, **sent: Any) -> Task:
    """A task of our own. That a good value is refused breaks a rule; that none at all can be made breaks the run."""
    try:
        return Record(tenant.create("tasks", **sent))
    except SampleFailed as failed:
        if not sent:
            raise
        raise Broken(f"POST with {short(sent)}: expected 201, got {brief(failed.answer)}", failed.answer) from None


def post(tenant: Tenant, body: Mapping[str, Any], *, caller: str = "owner") -> Answer:
    return tenant.call("createTask", json=dict(body), caller=caller)


def read(tenant: Tenant, task: Task) -> Task:
    return Record(tenant.read("tasks", task["id"]))


def patch(tenant: Tenant, task: Task, body: Mapping[str, Any], *, caller: str = "owner") -> Answer:
    return tenant.call("updateTask", path={"id": task["id"]}, json=dict(body), caller=caller)


def change(tenant: Tenant, task: Task, **body: Any) -> Task:
    """Change a task; Broken when that is refused."""
    answer = patch(tenant, task, body)
    expect_status(answer, f"PATCH with {short(body)}", 200)
    return task_of(answer)


def delete(tenant: Tenant, task: Task) -> None:
    expect_status(tenant.remove("tasks", task["id"]), "DELETE of a task", 200)


def task_of(answer: Answer) -> Task:
    """The task of an answer that bears one."""
    body = answer.json()
    task = body.get("task") if isinstance(body, dict) else None
    return record_of(task, "the task of an answer", answer)


def listed(tenant: Tenant, project_id: str) -> list[Task]:
    """The tasks of a project, in the order of the list."""
    return items(tenant.call("listProjectTasks", path={"id": project_id}), "tasks")


def items(answer: Answer, name: str) -> list[Record]:
    """The records of a list."""
    expect_status(answer, f"the list of {name}", 200)
    body = answer.json()
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise Broken(f"expected an array {name!r}, got {brief(answer)}", answer)
    return [record_of(item, f"an item of {name}", answer) for item in found]


def ids(records: Collection[Record]) -> list[str]:
    for record in records:
        expect(isinstance(record["id"], str), f"expected an id, got {short(record['id'])}")
    return [record["id"] for record in records]


def project(tenant: Tenant, project_id: str) -> Project:
    answer = tenant.call("getProject", path={"id": project_id})
    expect_status(answer, "GET of a project", 200)
    body = answer.json()
    found = body.get("project") if isinstance(body, dict) else None
    return record_of(found, "the project of an answer", answer)


def place(task: Task) -> str:
    """The position of a task, or of a project. Texts compare by code point, which is the order of their bytes."""
    expect(isinstance(task["position"], str), f"expected a position, got {short(task['position'])}")
    return str(task["position"])


def figure(answer: Answer, name: str) -> int:
    """A quota header as a number."""
    given = answer.headers.get(f"x-ratelimit-{name}", "")
    expect(
        given.isdecimal(),
        f"expected X-RateLimit-{name.title()} to be a number, got {given or 'no such header'}",
        answer,
    )
    return int(given)


def refused_and_kept(tenant: Tenant, task: Task, body: Mapping[str, Any], *statuses: int) -> Answer:
    """Send a bad update; Broken unless it is refused with one of the statuses and the task is as it was."""
    before = read(tenant, task)
    answer = patch(tenant, task, body)
    expect_status(answer, f"PATCH with {short(dict(body))}", *statuses)
    if answer.status >= 400:
        expect_kept(f"a read after the refused PATCH with {short(dict(body))}", before, read(tenant, task))
    return answer


def refused_and_none_made(tenant: Tenant, body: Mapping[str, Any], *statuses: int) -> Answer:
    """Send a bad create; Broken unless it is refused with one of the statuses and the project has no new task."""
    before = set(ids(listed(tenant, home(tenant))))
    answer = post(tenant, body)
    expect_status(answer, f"POST with {short(dict(body))}", *statuses)
    if answer.status >= 400:
        new = [task for task in listed(tenant, home(tenant)) if task["id"] not in before]
        made = [task for task in new if Bench(tenant).may_be_ours("tasks", task)]
        expect(not made, f"the refused POST with {short(dict(body))} made a task: {short(made[:1])}", answer)
    return answer


def expect_invalid(tenant: Tenant, answer: Answer, what: str, field: str | None = None) -> None:
    """A refused body has the code `invalid_request`, and the field in `details.fields` (on a tenant perhaps not)."""
    if answer.status != 400:
        return
    code = answer.error_code()
    expect(code == "invalid_request", f"{what}: expected the code 'invalid_request', got {code!r}", answer)
    details = answer.error("details")
    if field is None or (details is None and not tenant.is_mock):
        return
    fields = details.get("fields") if isinstance(details, dict) else None
    told = fields.get(field) if isinstance(fields, dict) else None
    expect(
        isinstance(told, str) and told,
        f"{what}: expected a reason at details.fields.{field}, got {brief(answer)}",
        answer,
    )
