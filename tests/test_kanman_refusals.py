"""KanMan's refusals: every error body of the fact sheet (3.3), and the order in which a request is checked (3.2)."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import httpx
import pytest

from mockserver.engine.call import Call
from mockserver.engine.messages import Request as Message
from mockserver.vendor import Vendor
from tests.conftest import Tenant

NOBODY = {"Authorization": "Bearer km_" + "x" * 32}
UNKNOWN = {
    "task": "770e8400-e29b-41d4-a716-446655440099",
    "project": "660e8400-e29b-41d4-a716-446655440099",
    "board": "550e8400-e29b-41d4-a716-446655440099",
}
FOREIGN = {
    "task": "770e8400-e29b-41d4-a716-446655440900",
    "project": "660e8400-e29b-41d4-a716-446655440900",
    "board": "550e8400-e29b-41d4-a716-446655440900",
}
ON_ONE_RECORD = [
    ("GET", "task", "/tasks/{}"),
    ("PATCH", "task", "/tasks/{}"),
    ("DELETE", "task", "/tasks/{}"),
    ("GET", "project", "/projects/{}"),
    ("GET", "project", "/projects/{}/tasks"),
    ("GET", "board", "/boards/{}"),
    ("GET", "board", "/boards/{}/projects"),
]
OPERATIONS = [(method, path.format(FOREIGN[kind])) for method, kind, path in ON_ONE_RECORD] + [
    ("POST", "/tasks"),
    ("GET", "/boards"),
]
QUOTA_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def refused(answer: httpx.Response, status: int, code: str, rule: str | None = None, **more: Any) -> None:
    """The answer is exactly this error, in the vendor's envelope, and has the headers of every answer."""
    error = answer.json()["error"]
    message = error.pop("message")
    assert (answer.status_code, error) == (status, {"code": code, **more})
    assert isinstance(message, str) and message
    assert answer.headers["Content-Type"] == "application/json"
    assert all(name in answer.headers for name in QUOTA_HEADERS)
    assert "Retry-After" not in answer.headers
    assert rule is None or answer.headers["X-Mock-Rule"] == rule


# 400


@pytest.mark.parametrize("malformed", ["1", "x", "770e8400", "770e8400-e29b-41d4-a716-44665544000g", "%20", "null"])
@pytest.mark.parametrize(("method", "kind", "path"), ON_ONE_RECORD)
def test_id__that_is_no_uuid(tenant: Tenant, method: str, kind: str, path: str, malformed: str) -> None:
    answer = tenant.call(method, path.format(malformed), json={} if method == "PATCH" else None)
    assert "id" in answer.json()["error"]["details"]["fields"]
    assert (answer.status_code, answer.headers["X-Mock-Rule"]) == (400, "KM-101")


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"projectId": ...}, "projectId", "KM-112"),
        ({"label": ...}, "label", "KM-112"),
        ({"label": ""}, "label", "KM-127"),
        ({"label": " \t\n\u00a0\u2003"}, "label", "KM-127"),
        ({"label": None}, "label", "KM-127"),
        ({"label": 1}, "label", "KM-127"),
        ({"label": ["a"]}, "label", "KM-127"),
        ({"description": 1}, "description", "KM-107"),
        ({"description": {}}, "description", "KM-107"),
        ({"status": 3}, "status", "KM-129"),
        ({"status": -1}, "status", "KM-129"),
        ({"status": 0.5}, "status", "KM-129"),
        ({"status": "1"}, "status", "KM-129"),
        ({"status": None}, "status", "KM-129"),
        ({"status": True}, "status", "KM-129"),
        ({"status": [1]}, "status", "KM-129"),
        ({"projectId": "1"}, "projectId", "KM-130"),
        ({"projectId": ""}, "projectId", "KM-130"),
        ({"projectId": None}, "projectId", "KM-130"),
        ({"projectId": 7}, "projectId", "KM-130"),
    ],
)
def test_create__with_a_wrong_field(tenant: Tenant, change: dict[str, Any], field: str, rule: str) -> None:
    body = {"projectId": tenant.known["project_id"], "label": "A task", **change}
    body = {key: value for key, value in body.items() if value is not ...}
    answer = tenant.call("POST", "/tasks", json=body)
    assert list(answer.json()["error"]["details"]["fields"]) == [field]
    assert (answer.status_code, answer.headers["X-Mock-Rule"]) == (400, rule)
    assert len(tenant.listed(tenant.known["project_id"])) == 3


def test_create__names_required_fields_as_the_sheet_does(tenant: Tenant) -> None:
    answer = tenant.call("POST", "/tasks", json={"projectId": tenant.known["project_id"]})
    refused(answer, 400, "invalid_request", "KM-112", details={"fields": {"label": "required"}})


def test_create__with_snake_case_is_as_good_as_without(tenant: Tenant) -> None:
    answer = tenant.call("POST", "/tasks", json={"project_id": tenant.known["project_id"], "label": "A task"})
    refused(answer, 400, "invalid_request", "KM-112", details={"fields": {"projectId": "required"}})


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", None])
def test_body__of_another_content_type(tenant: Tenant, method: str, content_type: str | None) -> None:
    path = "/tasks" if method == "POST" else f"/tasks/{tenant.known['task_id']}"
    headers = {"Content-Type": content_type} if content_type else {}
    answer = tenant.call(method, path, content=b'{"label": "x"}', headers=headers)
    assert list(answer.json()["error"]["details"]["fields"]) == ["Content-Type"]
    assert (answer.status_code, answer.headers["X-Mock-Rule"]) == (400, "KM-026")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_body__that_is_no_json_object(tenant: Tenant, method: str, body: bytes) -> None:
    path = "/tasks" if method == "POST" else f"/tasks/{tenant.known['task_id']}"
    answer = tenant.call(method, path, content=body, headers={"Content-Type": "application/json"})
    assert list(answer.json()["error"]["details"]["fields"]) == ["body"]
    assert (answer.status_code, answer.headers["X-Mock-Rule"]) == (400, "KM-027")


# 401 and 403


@pytest.mark.parametrize(
    "token",
    ["Bearer", "Bearer ", "Bearer km_short", "Basic a20=", "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8", "", "Bearer é"],
)
def test_token__that_is_none(tenant: Tenant, token: str) -> None:
    headers = {"Authorization": token.encode("latin-1")}
    answer = tenant.call("GET", "/boards", None, headers=headers)
    refused(answer, 401, "invalid_token", "KM-018")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_token__missing_unknown_or_expired_is_refused_by_every_operation(
    tenant: Tenant, method: str, path: str
) -> None:
    refused(tenant.call(method, path, None), 401, "invalid_token", "KM-019")
    refused(tenant.call(method, path, None, headers=NOBODY), 401, "invalid_token", "KM-018")
    expired = tenant.call(method, path, "expired")
    refused(expired, 401, "token_expired", "KM-021", details={"expired_at": "2023-06-01T00:00:00Z"})
    assert expired.headers["X-RateLimit-Remaining"] == "12000"


def test_token__ends_a_year_after_the_world_began(tenant: Tenant) -> None:
    tenant.control("POST", "/clock", json={"set": "2025-01-20T09:59:59Z"})
    assert tenant.call("GET", "/boards").status_code == 200
    tenant.control("POST", "/clock", json={"advance": 1})
    refused(tenant.call("GET", "/boards"), 401, "token_expired", details={"expired_at": "2025-01-20T10:00:00Z"})


SCOPES = {"GET": "read", "POST": "write", "PATCH": "write", "DELETE": "delete"}
HOLDERS = {"reader": "read", "writer": "write", "deleter": "delete", "owner": "admin"}


@pytest.mark.parametrize(("caller", "held"), HOLDERS.items())
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_scope__exactly_the_one_of_the_operation_or_admin(
    tenant: Tenant, method: str, path: str, caller: str, held: str
) -> None:
    answer = tenant.call(method, path, caller)
    if held in (SCOPES[method], "admin"):
        assert answer.status_code in (200, 400, 404)
    else:
        refused(answer, 403, "insufficient_scope", details={"required": SCOPES[method], "provided": [held]})


# 404 and 405


@pytest.mark.parametrize("ids", [UNKNOWN, FOREIGN], ids=["unknown", "of another workspace"])
@pytest.mark.parametrize(("method", "kind", "path"), ON_ONE_RECORD)
def test_record__unknown_or_of_another_workspace(
    tenant: Tenant, method: str, kind: str, path: str, ids: dict[str, str]
) -> None:
    answer = tenant.call(method, path.format(ids[kind]), json={"label": "x"} if method == "PATCH" else None)
    refused(answer, 404, f"{kind}_not_found", details={f"{kind}_id": ids[kind]})


@pytest.mark.parametrize("project_id", [UNKNOWN["project"], FOREIGN["project"], UNKNOWN["task"]])
def test_target_project__unknown_or_of_another_workspace(tenant: Tenant, project_id: str) -> None:
    sent = {"projectId": project_id, "label": "x"}
    created = tenant.call("POST", "/tasks", json=sent)
    moved = tenant.call("PATCH", f"/tasks/{tenant.known['task_id']}", json=sent)
    refused(created, 404, "project_not_found", "KM-113", details={"project_id": project_id})
    refused(moved, 404, "project_not_found", "KM-153", details={"project_id": project_id})
    assert tenant.read(tenant.known["task_id"])["label"] == "Design landing page"


def test_foreign_records__belong_to_their_own_workspace(tenant: Tenant) -> None:
    assert tenant.call("GET", f"/tasks/{FOREIGN['task']}", "outsider").status_code == 200
    answer = tenant.call("GET", f"/tasks/{tenant.known['task_id']}", "outsider")
    refused(answer, 404, "task_not_found", "KM-040", details={"task_id": tenant.known["task_id"]})
    assert answer.headers["X-RateLimit-Limit"] == "60000"


@pytest.mark.parametrize("path", ["", "/", "/task", "/tasks/", "/tasks/1/2", "/projects", "/boards/1/tasks", "/users"])
def test_path__unknown(tenant: Tenant, path: str) -> None:
    refused(tenant.call("GET", path, None), 404, "not_found", "KM-031")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/tasks", "POST"),
        ("/tasks/1", "DELETE, GET, PATCH"),
        ("/projects/1", "GET"),
        ("/projects/1/tasks", "GET"),
        ("/boards", "GET"),
        ("/boards/1", "GET"),
        ("/boards/1/projects", "GET"),
    ],
)
def test_method__that_is_not_offered(tenant: Tenant, path: str, allow: str) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"} - set(allow.split(", ")):
        answer = tenant.call(method, path, None)
        refused(answer, 405, "method_not_allowed", "KM-030")
        assert answer.headers["Allow"] == allow


def test_head__is_not_offered_and_has_no_body(remote: Tenant) -> None:
    answer = remote.call("HEAD", "/boards")
    assert (answer.status_code, answer.headers["Allow"], answer.content) == (405, "GET", b"")


# 500


def test_fault__of_our_own_is_told_in_the_envelope_and_in_the_log(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    world, key = tenant.world, tenant.world.new_id()
    account = tenant.vendor.seed["default_account"]
    broken = {
        "id": key,
        "workspace_id": account,
        "project_id": tenant.known["project_id"],
        "position": "z",
        "status": 0,
    }
    with world.transaction():
        world.insert("tasks", broken)
    refused(tenant.call("GET", f"/tasks/{key}"), 500, "internal_error", "KM-047")
    assert f"GET /kanman/v1/tasks/{key} went wrong" in caplog.text and "KeyError" in caplog.text
    assert tenant.control("GET", "/journal").json()["exchanges"][-1]["response"]["status"] == 500


# The order of checks. Each fault turns a good request into one that this check refuses.

Request = dict[str, Any]
PATCH_FAULTS: dict[str, tuple[int, str, Request]] = {
    "token": (401, "invalid_token", {"headers": NOBODY}),
    "quota": (429, "quota_exceeded", {"spent": True}),
    "scope": (403, "insufficient_scope", {"caller": "reader"}),
    "id": (400, "invalid_request", {"id": "1"}),
    "record": (404, "task_not_found", {"id": UNKNOWN["task"]}),
    "body": (400, "invalid_request", {"content": b"{"}),
    "project": (404, "project_not_found", {"content": b'{"projectId": "%s"}' % UNKNOWN["project"].encode()}),
}
UNKNOWN_PROJECT = b'{"label": "x", "projectId": "%s"}' % UNKNOWN["project"].encode()
POST_FAULTS: dict[str, tuple[int, str, Request]] = {
    **{name: PATCH_FAULTS[name] for name in ("token", "quota", "scope", "body")},
    "project": (404, "project_not_found", {"content": UNKNOWN_PROJECT}),
}
PAIRS = [("PATCH", *pair) for pair in combinations(PATCH_FAULTS, 2)]
PAIRS += [("POST", *pair) for pair in combinations(POST_FAULTS, 2)]


@pytest.mark.parametrize(("method", "first", "second"), PAIRS)
def test_order__of_two_faults_the_earlier_check_answers(tenant: Tenant, method: str, first: str, second: str) -> None:
    faults = PATCH_FAULTS if method == "PATCH" else POST_FAULTS
    good: Request = {"id": tenant.known["task_id"], "caller": "owner", "headers": {}, "content": b'{"label": "x"}'}
    request = {**good, **faults[second][2], **faults[first][2]}  # where both want the same part, the first has it
    counts = tenant.world.counts["monthly"]
    account = tenant.vendor.seed["default_account"]
    counts.take(Call(tenant.world, Message("GET", "/", b"", [], {}, b""), account), tenant.world.clock.now())
    if request.get("spent"):
        counts.used[tenant.vendor.seed["default_account"]] = 12000
    answer = tenant.call(
        method,
        "/tasks" if method == "POST" else f"/tasks/{request['id']}",
        request["caller"],
        content=request["content"],
        headers={"Content-Type": "application/json", **request["headers"]},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == faults[first][:2]


@pytest.mark.parametrize("fault", POST_FAULTS)
def test_order__room_for_the_task_is_asked_last(
    open_tenant: Callable[..., Tenant], edit_kanman: Callable[..., Vendor], fault: str
) -> None:
    tenant = open_tenant(edit_kanman(task_quota=63))
    good = {"projectId": tenant.known["project_id"], "label": "x"}
    full = tenant.call("POST", "/tasks", json=good)
    refused(full, 429, "quota_exceeded", "KM-039", limit=63)
    status, code, part = POST_FAULTS[fault]
    if part.get("spent"):
        tenant.world.counts["monthly"].used[tenant.vendor.seed["default_account"]] = 12000
    options = {"content": part["content"]} if "content" in part else {"json": good}
    headers = {"Content-Type": "application/json", **part.get("headers", {})}
    answer = tenant.call("POST", "/tasks", part.get("caller", "owner"), headers=headers, **options)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "reset" in answer.json()["error"] if fault == "quota" else True


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_order__path_and_method_come_before_the_token(tenant: Tenant, method: str) -> None:
    refused(tenant.call(method, "/nothing", None), 404, "not_found")
    refused(tenant.call(method, "/boards", None), 405, "method_not_allowed")
