"""KanMan's quotas: calls by the month, tasks by the workspace, and what they do not count."""

from collections.abc import Callable

import pytest

from mockserver.engine.messages import Request
from mockserver.vendor import Vendor
from tests.conftest import FROZEN, Tenant

OpenTenant = Callable[..., Tenant]
EditKanman = Callable[..., Vendor]


def left(tenant: Tenant, caller: str = "owner") -> int:
    return int(tenant.call("GET", "/boards", caller).headers["X-RateLimit-Remaining"])


def test_headers__on_every_answer(tenant: Tenant) -> None:
    first = tenant.call("GET", "/boards").headers
    assert first["X-RateLimit-Limit"] == "12000"
    assert first["X-RateLimit-Remaining"] == "11999"
    assert first["X-RateLimit-Reset"] == "2024-02-01T00:00:00Z"


def test_remaining__falls_by_one_with_each_counted_call(tenant: Tenant) -> None:
    assert [left(tenant) for _ in range(3)] == [11999, 11998, 11997]


@pytest.mark.parametrize(
    ("method", "path", "caller", "status"),
    [
        ("GET", "/tasks/1", "owner", 400),
        ("POST", "/tasks", "owner", 400),
        ("GET", "/tasks/770e8400-e29b-41d4-a716-446655440099", "owner", 404),
        ("GET", "/boards", "writer", 403),
    ],
)
def test_remaining__counts_refusals_of_a_valid_token(
    tenant: Tenant, method: str, path: str, caller: str, status: int
) -> None:
    assert tenant.call(method, path, caller).status_code == status
    assert left(tenant) == 11998


@pytest.mark.parametrize(
    ("method", "path", "caller"),
    [("GET", "/boards", None), ("GET", "/boards", "expired"), ("GET", "/no", "owner"), ("PUT", "/boards", "owner")],
)
def test_remaining__does_not_count_what_reaches_no_operation_or_has_no_valid_token(
    tenant: Tenant, method: str, path: str, caller: str | None
) -> None:
    assert tenant.call(method, path, caller).headers["X-RateLimit-Remaining"] == "12000"
    assert left(tenant) == 11999


def test_remaining__is_shared_by_all_tokens_of_a_workspace_and_not_by_others(tenant: Tenant) -> None:
    assert left(tenant, "reader") == 11999
    assert left(tenant, "outsider") == 59999
    assert left(tenant, "owner") == 11998


def test_quota__of_twelve_thousand_calls_is_exactly_that(tenant: Tenant) -> None:
    plan, world = tenant.stage.plans["listBoards"], tenant.world
    token = tenant.headers_of("owner")["Authorization"].encode()
    request = Request("GET", "/", b"", [(b"authorization", token)], {}, b"")
    statuses = [plan.run(world, request).status for _ in range(12_001)]
    assert statuses == [200] * 12_000 + [429]


def test_quota__used_up_answers_429_and_counts_no_further(open_tenant: OpenTenant, edit_kanman: EditKanman) -> None:
    tenant = open_tenant(edit_kanman(api_quota=3))
    assert [left(tenant) for _ in range(3)] == [2, 1, 0]
    for _ in range(2):
        answer = tenant.call("GET", "/boards")
        error = answer.json()["error"]
        assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (429, "0")
        assert (error["code"], error["limit"], error["reset"]) == ("quota_exceeded", 3, "2024-02-01T00:00:00Z")
        assert answer.headers["X-Mock-Rule"] == "KM-055"


def test_quota__used_up_refuses_every_operation_and_changes_nothing(
    open_tenant: OpenTenant, edit_kanman: EditKanman
) -> None:
    tenant = open_tenant(edit_kanman(api_quota=1))
    left(tenant)
    task = f"/tasks/{tenant.known['task_id']}"
    body = {"projectId": tenant.known["project_id"], "label": "x"}
    calls = [("POST", "/tasks", body), ("PATCH", task, body), ("DELETE", task, None), ("GET", task, None)]
    assert [tenant.call(method, path, json=sent).status_code for method, path, sent in calls] == [429] * 4
    tenant.control("POST", "/clock", json={"set": "2024-02-01T00:00:00Z"})
    assert tenant.read(tenant.known["task_id"])["label"] == "Design landing page"


def test_quota__is_full_again_on_the_first_of_the_next_month(open_tenant: OpenTenant, edit_kanman: EditKanman) -> None:
    tenant = open_tenant(edit_kanman(api_quota=1))
    tenant.control("POST", "/clock", json={"set": "2024-01-31T23:59:59Z"})
    assert [tenant.call("GET", "/boards").status_code for _ in range(2)] == [200, 429]
    tenant.control("POST", "/clock", json={"advance": 1})
    answer = tenant.call("GET", "/boards")
    assert (answer.status_code, answer.headers["X-RateLimit-Reset"]) == (200, "2024-03-01T00:00:00Z")


def test_limits_off__neither_counts_nor_refuses(open_tenant: OpenTenant, edit_kanman: EditKanman) -> None:
    tenant = open_tenant(edit_kanman(api_quota=2, task_quota=1), limits="off")
    assert [left(tenant) for _ in range(5)] == [2] * 5
    assert tenant.create()["position"] == "aad"
    assert tenant.call("GET", "/boards").headers["X-RateLimit-Limit"] == "2"


# The task quota. The seed has 63 tasks in the workspace, 60 of them made.


def full(tenant: Tenant) -> bool:
    body = {"projectId": tenant.known["project_id"], "label": "One more"}
    answer = tenant.call("POST", "/tasks", json=body)
    if answer.status_code == 201:
        return False
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], "reset" in error) == (429, "quota_exceeded", False)
    return True


def test_task_quota__reached_refuses_with_limit_and_without_reset(
    open_tenant: OpenTenant, edit_kanman: EditKanman
) -> None:
    tenant = open_tenant(edit_kanman(task_quota=65))
    assert [full(tenant) for _ in range(4)] == [False, False, True, True]
    assert len(tenant.listed(tenant.known["project_id"])) == 5


def test_task_quota__refusal_is_not_counted_as_a_call(open_tenant: OpenTenant, edit_kanman: EditKanman) -> None:
    tenant = open_tenant(edit_kanman(task_quota=63))
    before = left(tenant)
    assert full(tenant)
    assert left(tenant) == before - 1


def test_task_quota__does_not_count_the_trash(open_tenant: OpenTenant, edit_kanman: EditKanman) -> None:
    tenant = open_tenant(edit_kanman(task_quota=63))
    tenant.call("DELETE", f"/tasks/{tenant.known['task_id']}")
    assert [full(tenant), full(tenant)] == [False, True]


def test_task_quota__does_not_stop_changes_and_moves(open_tenant: OpenTenant, edit_kanman: EditKanman) -> None:
    tenant = open_tenant(edit_kanman(task_quota=63))
    sent = {"projectId": tenant.known["other_project_id"], "label": "Moved"}
    assert full(tenant)
    assert tenant.call("PATCH", f"/tasks/{tenant.known['task_id']}", json=sent).status_code == 200


def test_task_quota__is_each_workspace_s_own(open_tenant: OpenTenant, edit_kanman: EditKanman) -> None:
    tenant = open_tenant(edit_kanman(task_quota=63))
    body = {"projectId": "660e8400-e29b-41d4-a716-446655440900", "label": "Theirs"}
    assert full(tenant)
    assert tenant.call("POST", "/tasks", "outsider", json=body).status_code == 201


def test_task_quota__documented_one_is_2500(open_tenant: OpenTenant) -> None:
    tenant = open_tenant(records=2496)
    assert [full(tenant), full(tenant)] == [False, True]
    assert tenant.control("GET", "/clock").json() == {"now": FROZEN, "frozen": True}
