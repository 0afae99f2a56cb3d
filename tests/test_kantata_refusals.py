"""Kantata's refusals: who may do what, the forms of errors, the order in which a request is checked, hostile input."""

from typing import Any

import pytest

from tests.kantata import (
    CHOICES,
    DELIVERY,
    FOREIGN_SET,
    FOREIGN_STATUS,
    IN_REVIEW,
    ON_HOLD,
    SETS,
    SPARE,
    STATUSES,
    Kantata,
    has_headers,
    refused,
)

READS = [("GET", f"/{STATUSES}"), ("GET", f"/{STATUSES}/31"), ("GET", f"/{SETS}"), ("GET", f"/{SETS}/7")]
WRITES = [
    ("POST", f"/{STATUSES}"),
    ("PUT", f"/{STATUSES}/31"),
    ("DELETE", f"/{STATUSES}/31"),
    ("POST", f"/{SETS}"),
    ("PUT", f"/{SETS}/7"),
    ("DELETE", f"/{SETS}/9"),
    ("PUT", f"/{SETS}/7/update_account_default"),
    ("PUT", f"/{CHOICES}/bulk_update"),
]
WITH_BODY = [each for each in WRITES if each[0] != "DELETE" and "default" not in each[1]]
JSON = {"Content-Type": "application/json"}
TOKEN = ("oauth", "Invalid OAuth 2 Request", "KX-008")
ROLE = ("system", "You may not do this.")
NOT_FOUND = ("system", "Not found")


# Who


@pytest.mark.parametrize(("method", "path"), READS + WRITES)
@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", "Basic b3duZXI6eA==", "Token token=x"])
def test_token__missing_or_bad(kantata: Kantata, method: str, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    refused(kantata.call(method, path, None, headers=headers), 401, *TOKEN)


@pytest.mark.parametrize(("method", "path"), READS + WRITES)
def test_token__revoked(kantata: Kantata, method: str, path: str) -> None:
    refused(kantata.call(method, path, "revoked"), 401, *TOKEN)


def test_token__is_good_for_ever(kantata: Kantata) -> None:
    kantata.wait(100 * 366 * 86400)
    assert kantata.read(IN_REVIEW)["id"] == IN_REVIEW


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_role__members_do_not_write(kantata: Kantata, method: str, path: str) -> None:
    refused(kantata.call(method, path, "reader"), 403, *ROLE, "KX-010")


@pytest.mark.parametrize(("method", "path"), READS)
def test_role__members_read(kantata: Kantata, method: str, path: str) -> None:
    assert kantata.call(method, path, "reader").json() == kantata.call(method, path).json()


@pytest.mark.parametrize(("method", "path"), READS + WRITES)
def test_account__that_was_cancelled_may_do_nothing(kantata: Kantata, method: str, path: str) -> None:
    answer = kantata.call(method, path, "cancelled")
    refused(answer, 403, *ROLE, "KX-036" if method == "GET" else "KX-010")


def test_account__records_of_others_are_not_found(kantata: Kantata) -> None:
    for key in (FOREIGN_STATUS, "999"):
        for answer in (kantata.call("GET", f"/{STATUSES}/{key}"), kantata.put(key), kantata.delete(key)):
            refused(answer, 404, *NOT_FOUND, "KX-156")
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("PUT", "/update_account_default")):
        answer = kantata.call(method, f"/{SETS}/{FOREIGN_SET}{path}", json={"task_status_set": {"name": "x"}})
        refused(answer, 404, *NOT_FOUND, "KX-210")
    refused(kantata.post(status_set_id=int(FOREIGN_SET)), 404, *NOT_FOUND, "KX-142")


# Paths and methods


@pytest.mark.parametrize(
    "key", ["0", "-1", "abc", "31.5", "31.xml", "%31%20", "\uff13\uff11", "9" * 40, "%00", "+31", "1e1"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_id__that_is_none(kantata: Kantata, method: str, key: str) -> None:
    answer = kantata.call(method, f"/{STATUSES}/{key}", json={"custom_task_status": {}} if method == "PUT" else None)
    assert (answer.status_code, answer.json()) == (404, {"errors": [{"type": "system", "message": "Not found"}]})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"/{STATUSES}/31"),
        ("POST", f"/{STATUSES}/31"),
        ("DELETE", f"/{STATUSES}"),
        ("OPTIONS", f"/{STATUSES}"),
        ("GET", f"/{SETS}/7/update_account_default"),
        ("GET", f"/{CHOICES}/bulk_update"),
    ],
)
def test_method__that_is_not_offered(kantata: Kantata, method: str, path: str) -> None:
    refused(kantata.call(method, path, None), 404, *NOT_FOUND, "KX-027")


@pytest.mark.parametrize(
    "path", ["/", "/stories", "/workspaces", f"/{STATUSES}/31/x", f"/{CHOICES}", f"/{STATUSES}.xml"]
)
def test_path__that_there_is_not(kantata: Kantata, path: str) -> None:
    refused(kantata.call("GET", path, None), 404, *NOT_FOUND, "KX-011")


# Bodies


@pytest.mark.parametrize("content", [b"{", b"x", b"{'a': 1}", b"\xff", b'{"a": "\xff"}', b"[1,]", b"[" * 100_000])
@pytest.mark.parametrize(("method", "path"), [*WITH_BODY, ("POST", "/nowhere"), ("PUT", f"/{STATUSES}/abc")])
def test_body__unreadable_comes_first_of_all(kantata: Kantata, method: str, path: str, content: bytes) -> None:
    answer = kantata.call(method, path, None, content=content, headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"status": 400, "error": "body is not valid JSON"})
    assert answer.headers["X-Mock-Rule"] == "KX-025"
    has_headers(answer)


@pytest.mark.parametrize("size", [1 << 20, 3 << 20])
def test_body__too_large_is_not_called_unreadable(kantata: Kantata, size: int) -> None:
    body = {"custom_task_status": {"status": "x" * size, "category": "started", "status_set_id": 9}}
    refused(kantata.call("POST", f"/{STATUSES}", json=body), 400, "syntax", "The request is malformed.", "KX-143")
    refused(kantata.call("POST", "/nowhere", json=body), 404, *NOT_FOUND, "KX-011")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"content": b"", "headers": JSON},
        {"json": []},
        {"json": None, "headers": JSON, "content": b"null"},
        {"json": {"custom_task_statuses": [{"status": "x"}]}},
        {"json": {"custom_task_status": "x", "task_status_set": [], CHOICES: {}}},
        {"content": b'{"custom_task_status": {}}', "headers": {"Content-Type": "text/plain"}},
        {"data": {"custom_task_status": "x", "task_status_set": "x", CHOICES: "x"}},
        {"data": {"custom_task_status[status": "x"}},
    ],
)
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_body__without_its_wrapper(kantata: Kantata, method: str, path: str, options: dict[str, Any]) -> None:
    if "content" in options:
        options = {name: value for name, value in options.items() if name != "json"}
    answer = kantata.call(method, path, **options)
    assert (answer.status_code, [each["type"] for each in answer.json()["errors"]]) == (400, ["syntax"]), answer.text


@pytest.mark.parametrize(
    "body",
    ["a[b]=1&a=2", "a=1&a[b]=2", "a[]=1&a[b]=2", "[a]=1", "a[b]]=1", "%00=%ff", "a" + "[b]" * 100 + "=1", "&&=&"],
)
def test_body__odd_forms_are_refused_as_any_other(kantata: Kantata, body: str) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = kantata.call("POST", f"/{STATUSES}", content=body.encode(), headers=kind)
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (400, "syntax")


# Order


def test_order__each_trouble_hides_those_behind_it(kantata: Kantata) -> None:
    """Unreadable, path, token, role, record, wrapper, set, values."""
    half = {"content": b"{", "headers": JSON}
    bare, lost = {"json": {}}, {"json": {"custom_task_status": {"status_set_id": 999}}}
    wrong = {"json": {"custom_task_status": {"status": "", "status_set_id": 7}}}
    steps: list[tuple[str, str, str | None, dict[str, Any], int]] = [
        ("PATCH", "/nowhere", None, half, 400),
        ("PATCH", "/nowhere", None, bare, 404),
        ("PUT", f"/{STATUSES}/999", None, bare, 401),
        ("PUT", f"/{STATUSES}/999", "reader", bare, 403),
        ("PUT", f"/{STATUSES}/999", "owner", bare, 404),
        ("POST", f"/{STATUSES}", "owner", bare, 400),
        ("POST", f"/{STATUSES}", "owner", lost, 404),
        ("POST", f"/{STATUSES}", "owner", wrong, 422),
    ]
    answers = [kantata.call(method, path, caller, **options) for method, path, caller, options, _ in steps]
    assert [answer.status_code for answer in answers] == [status for *_, status in steps]


def test_refused__changes_nothing(kantata: Kantata) -> None:
    before = [kantata.held(each) for each in (STATUSES, SETS, CHOICES, "stories", "accounts")]
    for caller in ("reader", "revoked", "cancelled", "outsider", None):
        for method, path in WRITES:
            body = {"custom_task_status": {"status": "x", "position": 1}, "task_status_set": {"name": "x"}}
            if caller != "outsider" or path not in (f"/{SETS}", f"/{STATUSES}"):
                kantata.call(method, path, caller, json=body)
    for key in (DELIVERY, SPARE):
        kantata.put(ON_HOLD, status="in review")
        kantata.post(status="on hold", status_set_id=int(key), category="x")
    assert [kantata.held(each) for each in (STATUSES, SETS, CHOICES, "stories", "accounts")] == before


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 429, 503])
def test_prefer__every_refusal_on_demand(kantata: Kantata, code: int) -> None:
    answer = kantata.call("PUT", f"/{STATUSES}/31", headers={"Prefer": f"code={code}"})
    assert answer.status_code == code and answer.json()["errors"]
    has_headers(answer)
