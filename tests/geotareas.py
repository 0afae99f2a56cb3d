"""GeoTareas as its tests meet it: a world, its callers with three headers each, the records that are worth a name."""

from typing import Any

import httpx

from tests.conftest import Tenant

KANBAN = "/apidev/v1/kanban"
LOGIN = "/apidev/v1/login"
WORKSPACES = f"{KANBAN}/workspaces"
HOST = "yourcompany.geotareas.com"
BOARD, OTHER_BOARD = "8391728491728491", "8391728491728492"
STARTED, UNASSIGNED, ASSIGNED = "5001847291847291", "5001847291847292", "5001847291847293"
DRIVER, OTHER_DRIVER = "1200000000000001", "1200000000000002"
SAMPLE_CARD, EMPTY_CARD, FULL_CARD = "4200000000000001", "4200000000000002", "4200000000000003"
CARLOS = {"id": "1100000000000001", "name": "Carlos Mendoza"}
MARIA = {"id": "1100000000000003", "name": "Maria Lopez"}
ALWAYS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id")


class GeoTareas(Tenant):
    """One world of GeoTareas. Tokens are made for its clock."""

    def headers_of(self, caller: str | None) -> dict[str, str]:
        now = self.world.clock.now()
        return dict(self.vendor.headers_of_callers(now)[caller]) if caller else {}

    def bare(self, method: str, path: str, headers: dict[str, str], **options: Any) -> httpx.Response:
        """A call with exactly these headers."""
        return self.call(method, path, None, headers=headers, **options)

    def move(self, target: str, task: str = STARTED, caller: str = "owner", **body: Any) -> httpx.Response:
        sent = {"board_id": BOARD, "target_status": target, **body}
        return self.call("PUT", f"{KANBAN}/tasks/{task}/state", caller, json=sent)

    def comments(self, card: str = FULL_CARD, caller: str = "owner", **query: Any) -> httpx.Response:
        return self.call("GET", f"{KANBAN}/cards/{card}/comments", caller, params=query)

    def write(self, text: Any, card: str = SAMPLE_CARD, caller: str = "owner", **body: Any) -> httpx.Response:
        return self.call("POST", f"{KANBAN}/cards/{card}/comments", caller, json={"text": text, **body})

    def cards(self, board: str = BOARD, **query: Any) -> httpx.Response:
        return self.call("GET", f"{KANBAN}/boards/{board}/cards", params=query)

    def login(self, **changed: str) -> httpx.Response:
        known = self.vendor.callers["owner"].login or {}
        return self.bare("POST", LOGIN, {"tenant": HOST}, json={**known, **changed})

    def task(self, key: str) -> dict[str, Any]:
        """A task as the world keeps it: no operation reads one."""
        found = self.world.find("tasks", key)
        assert found is not None
        return found

    def turn(self, **change: Any) -> None:
        self.control("POST", "/clock", json=change).raise_for_status()

    def switch(self, **switches: str) -> None:
        self.control("POST", "/switches", json={"vendor": "geotareas", **switches}).raise_for_status()


def refused(answer: httpx.Response, status: int, code: str, rule: str | None = None) -> None:
    """The answer is exactly this error, in the vendor's envelope, and has the headers of every answer."""
    body = answer.json()
    message = body["error"].pop("message")
    assert (answer.status_code, body) == (status, {"success": False, "data": None, "error": {"code": code}})
    assert isinstance(message, str) and message
    assert answer.headers["Content-Type"] == "application/json"
    assert all(name in answer.headers for name in ALWAYS)
    assert ("Retry-After" in answer.headers) == (status == 429)
    assert rule is None or answer.headers["X-Mock-Rule"] == rule


def granted(answer: httpx.Response, status: int = 200) -> Any:
    """The data of a success, in the vendor's envelope, with the headers of every answer."""
    body = answer.json()
    assert answer.status_code == status, body
    assert (body["success"], set(body)) == (True, {"success", "data", "meta"})
    assert all(name in answer.headers for name in ALWAYS) and "Retry-After" not in answer.headers
    return body["data"]
