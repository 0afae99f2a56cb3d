"""The control plane under /_mock: health, credentials, reset, clock, journal, restore, and its token."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mockserver.vendor import Vendor
from tests.conftest import FROZEN, Mock, Tenant, in_process

DAY = 86400


def move(tenant: Tenant, **body: Any) -> dict[str, Any]:
    return dict(tenant.control("POST", "/clock", json=body).raise_for_status().json())


def restore(tenant: Tenant, task_id: str, **other: str) -> httpx.Response:
    return tenant.control("POST", "/restore", json={"vendor": "kanman", "resource": "tasks", "id": task_id, **other})


# Health, credentials and what is not there


def test_health__says_ok(tenant: Tenant) -> None:
    answer = tenant.control("GET", "/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_credentials__make_you_each_caller_at_the_address_you_asked(remote: Tenant) -> None:
    found = remote.control("GET", "/credentials").json()["kanman"]
    assert found["base_url"] == f"{str(remote.client.base_url).rstrip('/')}/kanman/v1"
    statuses = {
        name: httpx.get(f"{found['base_url']}/tasks/{found['known']['task_id']}", headers=caller["headers"]).status_code
        for name, caller in found["callers"].items()
    }
    assert statuses == {"owner": 200, "writer": 403, "reader": 200, "deleter": 403, "outsider": 404, "expired": 401}


def test_credentials__name_known_records_that_are_there(tenant: Tenant) -> None:
    known = tenant.control("GET", "/credentials").json()["kanman"]["known"]
    assert set(known) == {"project_id", "other_project_id", "task_id", "board_id"}
    assert tenant.read(known["task_id"])["subtasks"]
    assert tenant.call("GET", f"/boards/{known['board_id']}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "", 404),
        ("GET", "/reset", 405),
        ("DELETE", "/clock", 405),
        ("PUT", "/health", 405),
    ],
)
def test_control__what_it_does_not_have_is_said_in_json(tenant: Tenant, method: str, path: str, status: int) -> None:
    answer = tenant.control(method, path)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert ("Allow" in answer.headers) == (status == 405)


# Reset


def test_reset__brings_everything_back(tenant: Tenant) -> None:
    task = tenant.create()
    tenant.call("DELETE", f"/tasks/{tenant.known['task_id']}")
    move(tenant, advance=3600)
    assert tenant.control("POST", "/reset").json() == {"world": tenant.name}
    assert [item["position"] for item in tenant.listed(tenant.known["project_id"])] == ["aaa", "aab", "aac"]
    assert tenant.control("GET", "/clock").json()["now"] == FROZEN
    assert tenant.call("GET", "/boards").headers["X-RateLimit-Remaining"] == "11998"
    assert len(tenant.control("GET", "/journal").json()["exchanges"]) == 2
    assert tenant.create() == task


def test_reset__empties_the_trash(tenant: Tenant) -> None:
    task = tenant.create()
    tenant.call("DELETE", f"/tasks/{task['id']}")
    tenant.control("POST", "/reset")
    assert restore(tenant, task["id"]).status_code == 404


# Clock


def test_clock__tells_where_it_stands(tenant: Tenant) -> None:
    assert tenant.control("GET", "/clock").json() == {"now": FROZEN, "frozen": True}


@pytest.mark.parametrize(
    ("body", "now"),
    [
        ({"advance": 90}, "2024-01-21T10:01:30Z"),
        ({"advance": -90}, "2024-01-21T09:58:30Z"),
        ({"advance": 0.5}, FROZEN),
        ({"set": "2030-06-01T12:00:00Z"}, "2030-06-01T12:00:00Z"),
        ({"set": "2030-06-01T12:00:00+02:00"}, "2030-06-01T10:00:00Z"),
        ({"set": "2030-06-01t12:00:00z"}, "2030-06-01T12:00:00Z"),
        ({"set": "2030-06-01T12:00:00.987654321Z"}, "2030-06-01T12:00:00Z"),
        ({"set": "1970-01-01T00:00:00Z"}, "1970-01-01T00:00:00Z"),
        ({"set": "9998-12-31T00:00:00Z"}, "9998-12-31T00:00:00Z"),
        ({"set": "2030-06-01T12:00:00Z", "advance": DAY}, "2030-06-02T12:00:00Z"),
        ({"freeze": True, "set": "2030-06-01T12:00:00Z"}, "2030-06-01T12:00:00Z"),
    ],
)
def test_clock__goes_where_it_is_told(tenant: Tenant, body: dict[str, Any], now: str) -> None:
    assert move(tenant, **body) == {"now": now, "frozen": True}
    assert tenant.control("GET", "/clock").json() == {"now": now, "frozen": True}


def test_clock__stamps_what_happens_then(tenant: Tenant) -> None:
    move(tenant, set="2030-06-01T12:00:00Z", freeze=True)
    assert tenant.call("GET", "/boards").status_code == 401, "the token lives for a year"
    move(tenant, set="2024-03-05T12:00:00Z")
    assert tenant.create()["created_at"] == "2024-03-05T12:00:00Z"


def test_clock__runs_on_when_thawed_and_stands_when_frozen(open_tenant: Callable[..., Tenant]) -> None:
    tenant = open_tenant(clock="real")
    assert tenant.control("GET", "/clock").json()["frozen"] is False
    frozen = move(tenant, freeze=True, set="2024-03-05T12:00:00Z")
    assert frozen == {"now": "2024-03-05T12:00:00Z", "frozen": True}
    assert move(tenant, freeze=False) == {"now": "2024-03-05T12:00:00Z", "frozen": False}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"advance": "1"}',
        b'{"advance": null}',
        b'{"advance": true}',
        b'{"advance": 1e999}',
        b'{"advance": NaN}',
        b'{"advance": 1e300}',
        b'{"advance": -1e11}',
        b'{"advance": 1, "advance": 2}',
        b'{"advanced": 1}',
        b'{"advance": 1, "more": 2}',
        b'{"set": 1}',
        b'{"set": ""}',
        b'{"set": "tomorrow"}',
        b'{"set": "2024-02-30T00:00:00Z"}',
        b'{"set": "2024-01-01"}',
        b'{"set": "2024-01-01T00:00:00"}',
        b'{"set": "2016-12-31T23:59:60Z"}',
        b'{"set": "0000-01-01T00:00:00Z"}',
        b'{"set": "1969-12-31T23:59:59Z"}',
        b'{"set": "9999-01-01T00:00:00Z"}',
        b'{"freeze": "yes"}',
        b'{"freeze": null}',
        b'{"freeze": false, "advance": 1e300}',
        b'{"freeze": false, "set": "9999-01-01T00:00:00Z"}',
        b'{"set": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"set": "' + b"9" * 2_000_000 + b'"}',
        b"\xff",
    ],
    ids=lambda body: ascii(body[:50]),
)
def test_clock__what_makes_no_sense_is_refused_and_moves_nothing(tenant: Tenant, body: bytes) -> None:
    answer = tenant.control("POST", "/clock", content=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert len(answer.content) < 1000
    assert tenant.control("GET", "/clock").json() == {"now": FROZEN, "frozen": True}


# Journal


def test_journal__has_what_was_sent_and_answered_refusals_included(tenant: Tenant) -> None:
    tenant.call("GET", "/boards?a=b", "reader")
    tenant.call("POST", "/tasks", "reader", json={"label": "ü"})
    tenant.call("GET", "/nowhere")
    found = tenant.control("GET", "/journal").json()
    first, second, third = found["exchanges"]
    assert (found["world"], first["at"], first["operation"]) == (tenant.name, FROZEN, "listBoards")
    assert (first["request"]["method"], first["request"]["path"], first["request"]["query"]) == (
        "GET",
        "/kanman/v1/boards",
        "a=b",
    )
    assert second["request"]["body"] == '{"label":"ü"}'
    assert (second["response"]["status"], second["response"]["rule"]) == (403, "KM-010")
    assert (third["operation"], third["response"]["status"]) == (None, 404)


def test_journal__bears_any_byte(tenant: Tenant) -> None:
    tenant.call("POST", "/tasks", content=b"\xff\x00\xed\xa0\x80", headers={"X-Odd": b"\xff\xfe"})
    exchange = tenant.control("GET", "/journal").json()["exchanges"][0]
    assert ["x-odd", "ÿþ"] in exchange["request"]["headers"]
    assert "\0" in exchange["request"]["body"]


def test_journal__keeps_the_latest_thousand(tenant: Tenant) -> None:
    for number in range(1005):
        tenant.world.journal.append(tenant.world.journal[-1]) if number else tenant.call("GET", "/boards")
    assert len(tenant.control("GET", "/journal").json()["exchanges"]) == 1000


# Restore


def test_restore__within_forty_days_brings_the_task_back_as_it_was(tenant: Tenant) -> None:
    task = tenant.read(tenant.known["task_id"])
    before = tenant.listed(task["project_id"])
    tenant.call("DELETE", f"/tasks/{task['id']}")
    move(tenant, advance=40 * DAY - 1)
    assert restore(tenant, task["id"]).status_code == 200
    assert tenant.read(task["id"]) == task
    assert tenant.listed(task["project_id"]) == before


def test_restore__after_forty_days_is_too_late(tenant: Tenant) -> None:
    task = tenant.create()
    tenant.call("DELETE", f"/tasks/{task['id']}")
    move(tenant, advance=40 * DAY)
    answer = restore(tenant, task["id"])
    assert answer.status_code == 404
    assert "40 days" in answer.json()["error"]
    assert tenant.call("GET", f"/tasks/{task['id']}").status_code == 404


def test_restore__counts_from_the_last_delete(tenant: Tenant) -> None:
    task = tenant.create()
    for _ in range(3):
        tenant.call("DELETE", f"/tasks/{task['id']}")
        move(tenant, advance=39 * DAY)
        assert restore(tenant, task["id"]).status_code == 200


def test_restore__brings_the_counters_back(tenant: Tenant) -> None:
    path = f"/projects/{tenant.known['project_id']}"
    before = tenant.call("GET", path).json()
    tenant.call("DELETE", f"/tasks/{tenant.known['task_id']}")
    restore(tenant, tenant.known["task_id"])
    assert tenant.call("GET", path).json() == before


def test_restore__does_not_collide_with_what_was_made_since(tenant: Tenant) -> None:
    task = tenant.create()
    tenant.call("DELETE", f"/tasks/{task['id']}")
    tenant.create()
    restore(tenant, task["id"])
    positions = [item["position"] for item in tenant.listed(task["project_id"])]
    assert positions == ["aaa", "aab", "aac", "aad", "aae"]


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({}, 404),
        ({"id": "nothing"}, 404),
        ({"id": "\0"}, 404),
        ({"vendor": "nobody"}, 400),
        ({"resource": "nothing"}, 400),
        ({"resource": "boards"}, 400),
    ],
)
def test_restore__of_what_is_not_in_the_trash(tenant: Tenant, other: dict[str, str], status: int) -> None:
    answer = restore(tenant, tenant.known["task_id"], **other)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


@pytest.mark.parametrize("body", [{}, {"id": "x"}, {"vendor": 1, "resource": "tasks", "id": "x"}, [], None])
def test_restore__of_a_body_that_is_none(tenant: Tenant, body: Any) -> None:
    assert tenant.control("POST", "/restore", json=body).status_code == 400


# The token


@pytest.fixture(scope="module")
def guarded_mock(kanman: Vendor) -> Iterator[Mock]:
    with in_process(kanman, control_token="secret") as made:
        yield made


@pytest.fixture
def guarded(guarded_mock: Mock, kanman: Vendor, world_name: str) -> Tenant:
    app, client = guarded_mock
    return Tenant(client, kanman, world_name, app)


STEERING = [("GET", "/credentials"), ("POST", "/reset"), ("GET", "/clock"), ("POST", "/clock"), ("GET", "/journal")]


@pytest.mark.parametrize(("method", "path"), [*STEERING, ("POST", "/restore")])
@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer wrong", "Bearer secretly", "secret", b"Bearer \xff"])
def test_token__is_asked_everywhere(guarded: Tenant, method: str, path: str, token: str | bytes | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    answer = guarded.control(method, path, json={"advance": 5}, headers=headers)
    assert (answer.status_code, list(answer.json())) == (401, ["error"])
    assert guarded.world.clock.timestamp() == FROZEN


@pytest.mark.parametrize("word", ["Bearer", "bearer"])
@pytest.mark.parametrize(("method", "path"), STEERING)
def test_token__opens(guarded: Tenant, method: str, path: str, word: str) -> None:
    headers = {"Authorization": f"{word} secret"}
    assert guarded.control(method, path, json={"advance": 0}, headers=headers).status_code == 200


def test_token__is_not_asked_for_health_nor_by_the_vendor(guarded: Tenant) -> None:
    assert guarded.control("GET", "/health").status_code == 200
    assert guarded.call("GET", "/boards").status_code == 200


# Records


def test_records__are_those_of_the_world_with_all_their_fields(tenant: Tenant) -> None:
    task = tenant.create()
    tenant.call("DELETE", f"/tasks/{tenant.known['task_id']}")
    answer = tenant.control("GET", "/records", params={"vendor": "kanman", "resource": "tasks"})
    records = {each["id"]: each for each in answer.json()["records"]}
    assert answer.json()["world"] == tenant.name and tenant.known["task_id"] not in records
    assert records[task["id"]]["workspace_id"] == tenant.vendor.callers["owner"].account


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({}, "the query needs vendor and resource"),
        ({"vendor": "kanman"}, "the query needs vendor and resource"),
        ({"vendor": "kanman", "resource": "tusks"}, "kanman has no resource tusks here"),
        ({"vendor": "nobody", "resource": "tasks"}, "nobody has no resource tasks here"),
    ],
)
def test_records__that_there_are_not(tenant: Tenant, query: dict[str, str], told: str) -> None:
    answer = tenant.control("GET", "/records", params=query)
    assert (answer.status_code, answer.json()) == (400, {"error": told})
