"""Kantata as its tests meet it: a world, its callers, and the records that are worth a name."""

from typing import Any

import httpx

from tests.conftest import Tenant

STATUSES, SETS, CHOICES = "custom_task_statuses", "task_status_sets", "workspace_task_status_sets"
DELIVERY, INTERNAL, SPARE, MANY, FOREIGN_SET = "7", "8", "9", "10", "70"
IN_REVIEW, ON_HOLD, FOREIGN_STATUS = "31", "32", "86"
PROJECT, OTHER_PROJECT, FOREIGN_PROJECT = 101, 102, 701
NOW = "2026-01-20T14:00:00-08:00"


class Kantata:
    """One world of Kantata."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def call(self, method: str, path: str, caller: str | None = "owner", **options: Any) -> httpx.Response:
        return self.tenant.call(method, path, caller, **options)

    def get(self, path: str, caller: str = "owner", **query: Any) -> dict[str, Any]:
        """The whole of a success."""
        return self._whole(self.call("GET", path, caller, params=query))

    def _whole(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    # Statuses

    def post(self, caller: str = "owner", **fields: Any) -> httpx.Response:
        whole = {"status": "Waiting", "category": "started", "status_set_id": int(DELIVERY), **fields}
        sent = {name: value for name, value in whole.items() if value is not ...}
        return self.call("POST", f"/{STATUSES}", caller, json={"custom_task_status": sent})

    def put(self, key: str, caller: str = "owner", **fields: Any) -> httpx.Response:
        return self.call("PUT", f"/{STATUSES}/{key}", caller, json={"custom_task_status": fields})

    def create(self, **fields: Any) -> dict[str, Any]:
        return self.one(self.post(**fields))

    def change(self, key: str, **fields: Any) -> dict[str, Any]:
        return self.one(self.put(key, **fields))

    def read(self, key: str) -> dict[str, Any]:
        return self.one(self.call("GET", f"/{STATUSES}/{key}"))

    def delete(self, key: str) -> httpx.Response:
        return self.call("DELETE", f"/{STATUSES}/{key}")

    def one(self, answer: httpx.Response, map_: str = STATUSES) -> dict[str, Any]:
        """The one object of an answer."""
        whole = self._whole(answer)
        (reference,) = whole["results"]
        assert reference["key"] == map_ and list(whole[map_]) == [reference["id"]]
        return dict(whole[map_][reference["id"]])

    def listed(self, path: str = f"/{STATUSES}", caller: str = "owner", **query: Any) -> list[str]:
        """The ids of one answer, in order."""
        return [each["id"] for each in self.get(path, caller, **query)["results"]]

    def names(self, set_id: str = DELIVERY) -> list[str]:
        """The names of a set's statuses in order; their positions are 1 to n."""
        found = self.get(f"/{SETS}/{set_id}", include=STATUSES)
        statuses = [found[STATUSES][key] for key in found[SETS][set_id]["custom_task_status_ids"]]
        assert [each["position"] for each in statuses] == list(range(1, len(statuses) + 1))
        return [each["status"] for each in statuses]

    # Sets and projects

    def make_set(self, name: str = "Support") -> dict[str, Any]:
        return self.one(self.call("POST", f"/{SETS}", json={"task_status_set": {"name": name}}), SETS)

    def apply(self, *pairs: tuple[Any, Any]) -> httpx.Response:
        entries = [{"workspace_id": project, "status_set_id": set_id} for project, set_id in pairs]
        return self.call("PUT", f"/{CHOICES}/bulk_update", json={CHOICES: entries})

    def held(self, resource: str) -> dict[str, dict[str, Any]]:
        """Id -> record as the control plane shows it."""
        answer = self.tenant.control("GET", "/records", params={"vendor": "kantata", "resource": resource})
        return {each["id"]: each for each in answer.raise_for_status().json()["records"]}

    def tasks(self) -> dict[str, int]:
        """Id of a task -> its status."""
        return {key: each["custom_task_status_id"] for key, each in self.held("stories").items()}

    def turn(self, **switches: str) -> None:
        answer = self.tenant.control("POST", "/switches", json={"vendor": "kantata", **switches})
        assert answer.status_code == 200, answer.text

    def wait(self, seconds: int = 60) -> None:
        self.tenant.control("POST", "/clock", json={"advance": seconds})


def faults(answer: httpx.Response, status: int = 422) -> list[tuple[str, str]]:
    """The fields and messages of a refusal by its values."""
    assert answer.status_code == status, answer.text
    assert all(each["type"] == "validation" for each in answer.json()["errors"])
    return [(each["field"], each["message"]) for each in answer.json()["errors"]]


def refused(answer: httpx.Response, status: int, type_: str, message: str, rule: str) -> None:
    """The answer is exactly this refusal, of one entry without a field, and has the headers of every answer."""
    assert (answer.status_code, answer.json()) == (status, {"errors": [{"type": type_, "message": message}]})
    assert answer.headers["X-Mock-Rule"] == rule
    has_headers(answer)


def has_headers(answer: httpx.Response) -> None:
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache, no-store"
    assert answer.headers["X-Request-Id"] and float(answer.headers["X-Runtime"]) >= 0
    assert not {"Retry-After", "Allow", "X-RateLimit-Remaining"} & set(answer.headers)
