"""What Schemathesis would send to a tenant, and what is sent instead."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.findings import Headers
from contracts.schemathesis_adapter import Withheld
from contracts.suites.diversion import Diversion
from contracts.target import Target
from contracts.wire import Outgoing
from mockserver.vendor import load
from tests.tenancy import TestTenant

JSON = ("content-type", "application/json")
STRANGER = "770e8400-e29b-41d4-a716-446655449999"
HOOK = {"url": "https://hooks.example.com/x", "events": ["task:*"], "project_id": "01hf3yhem0n0r8x3he9dsk0zc6"}


@pytest.fixture(scope="module", params=["kanman"])
def kanman_tenant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with TestTenant(load(request.param)) as tenant:
        target = tenant.open(tenant.toml(tmp_path_factory.mktemp("t") / "tenant.toml"), seed=7)
        yield target
        target.clean_up()
        target.close()


def _divert(target: Target, method: str, path: str, body: Any = None) -> Outgoing:
    content = None if body is None else json.dumps(body).encode()
    headers = [JSON, ("Content-Length", str(len(content or b"")))]
    return Diversion(target, target.tenant("x")).divert(Outgoing(method, path, headers, content))


def _sent(request: Outgoing) -> Any:
    return json.loads(request.body or b"null")


@pytest.mark.parametrize(
    ("label", "marked"), [("Pay the rent", "Pay the rent [proofboard 7]"), ("", ""), (7, 7), (None, None)]
)
def test_mark__is_put_into_good_texts_and_makes_no_bad_one_good(kanman_tenant: Target, label: Any, marked: Any) -> None:
    project = kanman_tenant.known["project_id"]
    assert _sent(_divert(kanman_tenant, "POST", "/tasks", {"projectId": project, "label": label}))["label"] == marked


def test_mark__takes_the_place_of_the_end_where_there_is_no_room(tmp_path: Path) -> None:
    with TestTenant(load("kanbert")) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"), seed=7)
        project = target.known["project_id"]
        for length, marked in ((255, "x" * 240 + " [proofboard 7]"), (256, "x" * 256)):
            sent = _sent(_divert(target, "POST", "/tasks", {"project_id": project, "title": "x" * length}))
            assert sent["title"] == marked
        target.close()


def test_mark__changes_the_length_that_is_told(kanman_tenant: Target) -> None:
    project = kanman_tenant.known["project_id"]
    request = _divert(kanman_tenant, "POST", "/tasks", {"projectId": project, "label": "Pay the rent"})
    assert "content-length" not in Headers(request.headers)


def test_references__go_to_a_known_record_instead_of_a_strangers(kanman_tenant: Target) -> None:
    sent = _sent(_divert(kanman_tenant, "POST", "/tasks", {"projectId": STRANGER, "label": "x"}))
    assert sent["projectId"] == kanman_tenant.known["project_id"]
    assert _sent(_divert(kanman_tenant, "POST", "/tasks", {"projectId": "no id", "label": "x"}))["projectId"] == "no id"


def test_subject__a_strangers_record_becomes_one_of_ours(kanman_tenant: Target) -> None:
    request = _divert(kanman_tenant, "PATCH", f"/tasks/{kanman_tenant.known['task_id']}?x=1", {"status": 1})
    path, _, query = request.target.partition("?")
    assert ("tasks", path.removeprefix("/tasks/")) in kanman_tenant.guard.holdings and query == "x=1"


@pytest.mark.parametrize(("method", "path"), [("PUT", "/boards"), ("DELETE", "/tasks"), ("POST", "/nowhere")])
def test_undocumented__is_withheld(kanman_tenant: Target, method: str, path: str) -> None:
    with pytest.raises(Withheld):
        _divert(kanman_tenant, method, path)


def test_reads__are_left_alone(kanman_tenant: Target) -> None:
    assert _divert(kanman_tenant, "GET", f"/tasks/{STRANGER}").target == f"/tasks/{STRANGER}"


def test_subscriptions__send_nothing_to_strangers(tmp_path: Path) -> None:
    with TestTenant(load("kanbert")) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"), seed=7)
        kept = _sent(_divert(target, "POST", "/webhooks", HOOK))
        assert kept == HOOK
        changed = _sent(_divert(target, "POST", "/webhooks", {**HOOK, "url": "https://evil.org/x"}))
        assert changed["url"] == "https://hooks.example.com/contract-check"
        with pytest.raises(Withheld, match="nobody knows where"):
            _divert(target, "POST", "/webhooks", {**HOOK, "url": "https://evil.org:bad/{x}"})
        target.close()


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/x-www-form-urlencoded", b"label=Pay+it&x=1", b"label=Pay+it+%5Bproofboard+7%5D&x=1"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="label"\r\n\r\nPay it\r\n--b--\r\n',
            b'--b\r\nContent-Disposition: form-data; name="label"\r\n\r\nPay it [proofboard 7]\r\n--b--\r\n',
        ),
    ],
)
def test_mark__stands_in_forms_too(tmp_path: Path, kind: str, body: bytes, expected: bytes) -> None:
    vendor = load("kanman")
    content = vendor.document["paths"]["/tasks"]["post"]["requestBody"]["content"]
    content[kind.partition(";")[0]] = content["application/json"]
    with TestTenant(vendor) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"), seed=7)
        request = Outgoing("POST", "/tasks", [("Content-Type", kind)], body)
        assert Diversion(target, target.tenant("x")).divert(request).body == expected
        target.close()


def test_diversion__puts_nothing_right_that_is_wrong(tmp_path: Path) -> None:
    """An id beyond what the document allows stays one, or is not sent: in its place a good one would be accepted."""
    with TestTenant(load("kantata")) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"), seed=7)
        for identity, is_sent in ((2**31 - 1, True), (2**31, False)):
            body = {"custom_task_status": {"status": "Blocked", "category": "started", "status_set_id": identity}}
            try:
                sent = _sent(_divert(target, "POST", "/custom_task_statuses", body))["custom_task_status"]
                assert is_sent and str(sent["status_set_id"]) == target.known["status_set_id"]
            except Withheld:
                assert not is_sent
        target.close()
