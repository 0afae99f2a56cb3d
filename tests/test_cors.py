"""Code in a browser, on any origin, can call the mock: preflights, simple calls, refusals, and readable headers."""

import pytest

from tests.conftest import Tenant

ORIGIN = {"Origin": "https://app.example"}
READABLE = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-mock-rule", "allow"}


def preflight(
    tenant: Tenant, path: str, method: str, headers: str = "authorization, content-type, x-mock-world, prefer"
):
    asked = {**ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return tenant.client.options(tenant.vendor.mount + path, headers=asked)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/tasks", "/tasks/770e8400-e29b-41d4-a716-446655440000", "/boards"])
def test_preflight__allows_every_method_and_our_headers(tenant: Tenant, path: str, method: str) -> None:
    answer = preflight(tenant, path, method)
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type", "x-mock-world", "prefer"} <= allowed
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_preflight__needs_no_credential_and_is_not_counted(tenant: Tenant) -> None:
    preflight(tenant, "/boards", "GET")
    assert tenant.call("GET", "/boards").headers["X-RateLimit-Remaining"] == "11999"


@pytest.mark.parametrize(
    ("method", "path", "caller", "status"),
    [
        ("GET", "/boards", "owner", 200),
        ("GET", "/boards", None, 401),
        ("GET", "/boards", "writer", 403),
        ("GET", "/nowhere", None, 404),
        ("PUT", "/boards", None, 405),
        ("POST", "/tasks", "owner", 400),
    ],
)
def test_call__of_another_origin_can_be_read_refusals_included(
    tenant: Tenant, method: str, path: str, caller: str | None, status: int
) -> None:
    answer = tenant.call(method, path, caller, headers=ORIGIN)
    exposed = {name.strip().lower() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
    assert exposed >= READABLE
    assert "X-RateLimit-Remaining" in answer.headers


def test_call__of_an_origin_answers_the_same_body(tenant: Tenant) -> None:
    assert tenant.call("GET", "/boards", headers=ORIGIN).content == tenant.call("GET", "/boards").content


def test_call__without_origin_bears_none_of_it(tenant: Tenant) -> None:
    answer = tenant.call("GET", "/boards")
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_options__without_origin_is_no_preflight(tenant: Tenant) -> None:
    answer = tenant.call("OPTIONS", "/tasks")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("origin", ["null", "http://localhost:3000", "file://", b"\xff"])
def test_call__of_any_origin(tenant: Tenant, origin: str | bytes) -> None:
    assert tenant.call("GET", "/boards", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"] == "*"


def test_control__can_be_called_from_a_browser_too(tenant: Tenant) -> None:
    answer = tenant.control("GET", "/clock", headers=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
