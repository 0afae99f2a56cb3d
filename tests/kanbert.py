"""Kanbert as its tests meet it: a world, its callers, and the records that are worth a name."""

from collections.abc import Iterator
from typing import Any

from tests.conftest import Tenant

PROJECT = "01hf3yhem0n0r8x3he9dsk0zc6"  # ACME
OTHER_PROJECT = "01hf6gy5m0pfn2jrbpykhfqnqj"  # CORP
JANA, OMAR, GRETA = "01hehv60x0qs40tcggwnq7gpa7", "01hehvf5w044mqwvmpdbxx0vmf", "01hemkk080xf8bxdckwntg8va5"
NOBODY = "01hzzzzzzzzzzzzzzzzzzzzzzz"
KEYS = [  # of a task that is read by itself
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
    "type",
    "estimated_hours",
    "is_onhold",
    "is_public",
    "due_date",
    "due_date_settings",
    "assignee",
    "priorityOption",
    "phase",
    "milestone",
    "epic",
    "parent_task",
    "attachements",
    "watchers",
    "sub_tasks",
    "completed_at",
    "closed_at",
    "updated_at",
    "created_at",
    "list_sorting",
]
NESTED_KEYS = [key for key in KEYS if key not in ("parent_task", "watchers")]  # of one in a list or in another


class Kanbert:
    """One world of Kanbert; `call` answers status and body."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def call(self, method: str, path: str, caller: str | None = "owner", **options: Any) -> tuple[int, Any]:
        response = self.tenant.call(method, path, caller, **options)
        return response.status_code, response.json()

    def create(self, caller: str = "owner", **fields: Any) -> dict[str, Any]:
        """A new task, in the project ACME unless another is named."""
        status, task = self.call("POST", "/tasks", caller, json={"title": "A task", "project_id": PROJECT, **fields})
        assert status == 201, task
        return dict(task)

    def read(self, key: str, caller: str = "owner", **query: str) -> dict[str, Any]:
        status, task = self.call("GET", f"/tasks/{key}", caller, params=query)
        assert status == 200, task
        return dict(task)

    def named(self, uri: str, caller: str = "owner") -> dict[str, Any]:
        """The task of that key for people."""
        return self.read(uri, caller, find_by="uri")

    def change(self, key: str, **fields: Any) -> dict[str, Any]:
        status, task = self.call("PATCH", f"/tasks/{key}", json=fields)
        assert status == 200, task
        return dict(task)

    def delete(self, key: str) -> dict[str, Any]:
        status, task = self.call("DELETE", f"/tasks/{key}")
        assert status == 200, task
        return dict(task)

    def listed(self, caller: str = "owner", **query: Any) -> list[dict[str, Any]]:
        """The tasks of all pages."""
        return [task for page in self.pages(caller, **query) for task in page["data"]]

    def pages(self, caller: str = "owner", **query: Any) -> Iterator[Any]:
        while True:
            status, page = self.call("GET", "/tasks", caller, params=query)
            assert status == 200, page
            yield page
            if page["meta"]["next_cursor"] is None:
                return
            query["page[cursor]"] = page["meta"]["next_cursor"]

    def refused(self, method: str, path: str, **options: Any) -> dict[str, list[str]]:
        """The errors of a 422, whose message is the first of them and how many more there are."""
        status, answer = self.call(method, path, **options)
        assert status == 422, answer
        assert list(answer) == ["message", "errors"]
        first, *others = [reason for reasons in answer["errors"].values() for reason in reasons]
        more = f" (and {len(others)} more error{'s' if len(others) > 1 else ''})" if others else ""
        assert answer["message"] == first + more
        return dict(answer["errors"])


def numbers(kanbert: Kanbert, project: str = PROJECT) -> dict[str, int]:
    """Title -> place of the tasks of a project."""
    tasks = kanbert.listed(filter=f"project.id eq {project}")
    assert len({task["list_sorting"] for task in tasks}) == len(tasks), "places are distinct"
    return {task["title"]: task["list_sorting"] for task in tasks}
