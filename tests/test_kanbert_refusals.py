"""What Kanbert refuses, in which words and in which order, and that nothing changes by it."""

import json
from typing import Any

import pytest

from tests.kanbert import JANA, NOBODY, OTHER_PROJECT, PROJECT, Kanbert

TASK = "01hkm4spm0swc7eh24e0r9vnnx"
THEIRS = "01hkpq6dm0xzh1vk67q17v05s5"  # a task of the other workspace
BODY = {"title": "A task", "project_id": PROJECT}
JSON = {"Content-Type": "application/json"}
OPERATIONS = {
    "listTasks": ("GET", "/tasks", "task-management:read"),
    "createTask": ("POST", "/tasks", "task-management:write"),
    "getTask": ("GET", f"/tasks/{TASK}", "task-management:read"),
    "updateTask": ("PATCH", f"/tasks/{TASK}", "task-management:write"),
    "deleteTask": ("DELETE", f"/tasks/{TASK}", "task-management:write"),
    "setExternalIdentifier": ("PUT", f"/tasks/{TASK}/external-identifier", "client:write"),
    "uploadAttachment": ("POST", f"/tasks/{TASK}/upload", "task-management:write"),
    "createComment": ("POST", "/tasks/comments", "task-management:write"),
    "listWebhooks": ("GET", "/webhooks", "integration"),
    "createWebhook": ("POST", "/webhooks", "integration"),
    "deleteWebhook": ("DELETE", "/webhooks/01hm6fwag0kz89vgsn8qwwr6dr", "integration"),
}


def required(name: str) -> str:
    return f"The {name} field is required."


def invalid(name: str) -> str:
    return f"The selected {name} is invalid."


# Who may do what


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("token", [None, "", "Bearer kb_nobody", "Bearer ", "Basic x"])
def test_token__missing_or_unknown(kanbert: Kanbert, operation: str, token: str | None) -> None:
    method, path, _ = OPERATIONS[operation]
    headers = {"Authorization": token} if token is not None else {}
    assert kanbert.call(method, path, None, headers=headers) == (401, {"message": "Unauthenticated."})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_token__expired(kanbert: Kanbert, operation: str) -> None:
    method, path, _ = OPERATIONS[operation]
    assert kanbert.call(method, path, "expired") == (401, {"message": "Unauthenticated."})


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("caller", ["writer", "reader", "identifier", "subscriber", "guest"])
def test_scope__none_includes_another(kanbert: Kanbert, operation: str, caller: str) -> None:
    method, path, scope = OPERATIONS[operation]
    status, answer = kanbert.call(method, path, caller)
    if scope in kanbert.tenant.vendor.callers[caller].scopes:
        assert status not in (401, 403)
    else:
        assert (status, answer) == (403, {"message": f"The token lacks scope {scope}."})


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/tasks", "GET, POST"),
        ("GET", "/tasks/comments", "POST"),
        ("DELETE", "/tasks/comments", "POST"),
        ("POST", f"/tasks/{TASK}", "DELETE, GET, PATCH"),
        ("GET", f"/tasks/{TASK}/upload", "POST"),
    ],
)
def test_method__not_offered(kanbert: Kanbert, method: str, path: str, allow: str) -> None:
    response = kanbert.tenant.call(method, path, None)
    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert response.json() == {"message": "Method not offered here."}


@pytest.mark.parametrize("path", ["/", "/task", "/tasks/", f"/tasks/{TASK}/uploads", f"/tasks/{TASK}/upload/x"])
def test_path__unknown(kanbert: Kanbert, path: str) -> None:
    assert kanbert.call("GET", path) == (404, {"message": "Not found."})


# One after the other


@pytest.mark.parametrize(
    ("caller", "path", "content", "kind", "status"),
    [
        (None, "x?find_by=foo", b"{", "text/plain", 401),
        ("reader", "x?find_by=foo", b"{", "text/plain", 403),
        ("writer", "x?find_by=foo", b"{", "text/plain", 422),
        ("writer", "x", b"{", "text/plain", 404),
        ("writer", TASK, b"{", "text/plain", 415),
        ("writer", TASK, b"{", "application/json", 400),
        ("writer", TASK, b'{"title": 5, "assignee_id": "x"}', "application/json", 422),
    ],
)
def test_order_of_checks(
    kanbert: Kanbert, caller: str | None, path: str, content: bytes, kind: str, status: int
) -> None:
    sent = {"content": content, "headers": {"Content-Type": kind}}
    assert kanbert.call("PATCH", f"/tasks/{path}", caller, **sent)[0] == status


def test_order_of_checks__values_come_before_what_they_name(kanbert: Kanbert) -> None:
    errors = kanbert.refused("PATCH", f"/tasks/{TASK}", json={"title": 5, "assignee_id": "x"})
    assert list(errors) == ["title"]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("sort=foo&include=foo&filter=foo", "sort"),
        ("include=foo&filter=foo", "include"),
        ("filter=foo&page[cursor]=eyJ0aXRsZSI6MSwiaWQiOiJ4In0", "filter"),
        ("page[cursor]=eyJ0aXRsZSI6MSwiaWQiOiJ4In0", "cursor"),
    ],
)
def test_order_of_checks__of_a_list(kanbert: Kanbert, query: str, word: str) -> None:
    status, answer = kanbert.call("GET", f"/tasks?{query}")
    assert status == 400
    assert word in answer["message"]


# Bodies


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"5", b'{"title": NaN}', b"\xff", b'{"a":' * 10000])
@pytest.mark.parametrize("path", ["/tasks", "/tasks/comments", "/webhooks"])
def test_body__not_an_object_in_json(kanbert: Kanbert, path: str, content: bytes) -> None:
    answer = kanbert.call("POST", path, content=content, headers=JSON)
    assert answer == (400, {"message": "The request body is not valid JSON."})


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_body__of_another_type(kanbert: Kanbert, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    for method, path in (
        ("POST", "/tasks"),
        ("PATCH", f"/tasks/{TASK}"),
        ("PUT", f"/tasks/{TASK}/external-identifier"),
    ):
        answer = kanbert.call(method, path, content=b"{}", headers=headers)
        assert answer == (415, {"message": "Send application/json."})


def test_create_task__all_that_is_wrong_in_the_order_of_the_fields(kanbert: Kanbert) -> None:
    wrong = {
        "project_id": "\n",
        "watchers": [JANA, 5],
        "status": "Done",
        "is_public": "true",
        "due_date": "soon",
        "estimated_hours": -0.5,
        "description": "x" * 65536,
        "title": " ",
        "external_origin": None,
        "external_id": "x" * 256,
        "insert_before": 1,
        "epic_id": {},
    }
    assert list(kanbert.refused("POST", "/tasks", json=wrong).items()) == [
        ("external_id", ["The external id field must not be greater than 255 characters."]),
        ("external_origin", [required("external origin")]),
        ("title", [required("title")]),
        ("description", ["The description field must not be greater than 65535 characters."]),
        ("estimated_hours", ["The estimated hours field must be at least 0."]),
        ("due_date", ["The due date field must be a valid date."]),
        ("is_public", ["The is public field must be a boolean."]),
        ("watchers.1", ["The watchers.1 field must be a string."]),
        ("status", [invalid("status")]),
        ("project_id", [required("project id")]),
        ("insert_before", ["The insert before field must be a string."]),
        ("epic_id", ["The epic id field must be a string."]),
    ]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("title", None, required("title")),
        ("title", 5, "The title field must be a string."),
        ("title", "x" * 256, "The title field must not be greater than 255 characters."),
        ("title", "a\0b", "The title field format is invalid."),
        ("description", "", required("description")),
        ("status", None, required("status")),
        ("status", "new", invalid("status")),
        ("estimated_hours", "5", "The estimated hours field must be a number."),
        ("estimated_hours", " ", "The estimated hours field must be a number."),
        ("is_public", 1, "The is public field must be a boolean."),
        ("watchers", JANA, "The watchers field must be an array."),
        ("due_date", 5, "The due date field must be a valid date."),
        ("due_date", "2024-02-30", "The due date field must be a valid date."),
        ("due_date", "2024-02-01T12:00:00", "The due date field must be a valid date."),
    ],
)
def test_body__a_value_that_does_not_fit(kanbert: Kanbert, name: str, value: Any, reason: str) -> None:
    assert kanbert.refused("POST", "/tasks", json={**BODY, name: value}) == {name: [reason]}
    assert kanbert.refused("PATCH", f"/tasks/{TASK}", json={name: value}) == {name: [reason]}


def test_body__lengths_are_counted_in_characters_after_trimming(kanbert: Kanbert) -> None:
    assert kanbert.create(title=f"  {'😀' * 255}\u3000")["title"] == "😀" * 255


@pytest.mark.parametrize("key", [NOBODY, "", "ACME-1", "a\0", "01hehy1jk0ncna7p80mbf24tt8"])
def test_body__ids_that_name_nothing(kanbert: Kanbert, key: str) -> None:
    names = ["insert_before", "parent_task_id", "assignee_id", "epic_id", "phase_id", "milestone_id"]
    sent = {**BODY, "watchers": [JANA, key or "x"], **dict.fromkeys(names, key or "x"), "project_id": key or "x"}
    errors = kanbert.refused("POST", "/tasks", json=sent)
    expected = {name: [invalid(name.replace("_", " "))] for name in ["watchers.1", "project_id", *names]}
    assert list(errors.items()) == list(expected.items())


def test_body__the_parent_and_the_neighbour_are_of_the_same_project(kanbert: Kanbert) -> None:
    key = kanbert.named("CORP-1")["id"]
    for name in ("parent_task_id", "insert_before", "insert_after"):
        assert list(kanbert.refused("POST", "/tasks", json={**BODY, name: key})) == [name]
    assert list(kanbert.refused("PATCH", f"/tasks/{TASK}", json={"parent_task_id": key})) == ["parent_task_id"]
    epic = kanbert.named("CORP-1")["epic"]["id"]
    assert kanbert.create(epic_id=epic)["epic"]["id"] == epic


def test_body__before_one_task_and_after_another(kanbert: Kanbert) -> None:
    sent = {**BODY, "insert_before": TASK, "insert_after": TASK}
    assert list(kanbert.refused("POST", "/tasks", json=sent)) == ["insert_after"]
    assert kanbert.create(insert_before=TASK, insert_after=None)["list_sorting"] == 1


def test_body__records_of_another_workspace_name_nothing(kanbert: Kanbert) -> None:
    assert list(kanbert.refused("PATCH", f"/tasks/{TASK}", json={"parent_task_id": THEIRS})) == ["parent_task_id"]
    sent = {"title": "Mine?", "project_id": OTHER_PROJECT}
    assert list(kanbert.refused("POST", "/tasks", caller="outsider", json=sent)) == ["project_id"]


def test_refusals__change_nothing(kanbert: Kanbert) -> None:
    before = kanbert.listed(include="watchers")
    kanbert.refused("POST", "/tasks", json={**BODY, "assignee_id": NOBODY, "insert_before": TASK})
    kanbert.refused("PATCH", f"/tasks/{TASK}", json={"title": "Changed", "epic_id": NOBODY})
    kanbert.call("DELETE", f"/tasks/{TASK}", "reader")
    assert kanbert.listed(include="watchers") == before


@pytest.mark.parametrize("value", ["", "Id", "shortcode", "foo", "\0"])
def test_find_by__of_another_name(kanbert: Kanbert, value: str) -> None:
    errors = kanbert.refused("GET", "/tasks/x", params={"find_by": value})
    assert errors == {"find_by": [invalid("find by")]}
    assert list(kanbert.refused("PUT", "/tasks/x/external-identifier?find_by=uri", json={})) == ["find_by"]


# On demand


def test_rate_limit__on_demand(kanbert: Kanbert) -> None:
    response = kanbert.tenant.call("GET", "/tasks", headers={"Prefer": "code=429"})
    assert (response.status_code, response.json()) == (429, {"message": "Too Many Attempts."})
    sent = {name: response.headers[name] for name in ("retry-after", "x-ratelimit-limit", "x-ratelimit-remaining")}
    assert sent == {"retry-after": "60", "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0"}


def test_refusals__name_their_rule(kanbert: Kanbert) -> None:
    def rule(method: str, path: str, caller: str = "owner", **options: Any) -> str:
        response = kanbert.tenant.call(method, path, caller, **options)
        assert json.loads(response.content)["message"]
        return str(response.headers["x-mock-rule"])

    assert rule("GET", "/tasks", "writer") == "KB-006"
    assert rule("GET", "/tasks/x?find_by=foo") == "KB-341"
    assert rule("GET", "/tasks/x") == "KB-348"
    assert rule("POST", "/tasks", json={}) == "KB-322"
    assert rule("POST", "/tasks", json={**BODY, "assignee_id": "x"}) == "KB-323"
    assert rule("PATCH", f"/tasks/{TASK}", json={"parent_task_id": TASK}) == "KB-382"
    assert rule("GET", "/tasks?sort=foo") == "KB-039"
    assert rule("GET", "/tasks?include=foo") == "KB-054"
