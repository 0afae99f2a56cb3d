"""Worlds: each request names its own, and the same seed gives the same bytes wherever it is served."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from mockserver.vendor import Vendor
from tests.conftest import FROZEN, Tenant
from tests.tools.serving import serve

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


@pytest.fixture
def name_world(tenant: Tenant) -> Callable[[str], Tenant]:
    """The same stand-in, in the world of another name."""
    return lambda name: Tenant(tenant.client, tenant.vendor, name, None)


def labels(tenant: Tenant) -> list[str]:
    return [item["label"] for item in tenant.listed(tenant.known["project_id"])]


# Isolation


def test_worlds__do_not_see_each_other_s_records(tenant: Tenant, name_world: Callable[[str], Tenant]) -> None:
    other = name_world("another world")
    task = tenant.create(label="Mine")
    tenant.call("DELETE", f"/tasks/{tenant.known['task_id']}")
    assert labels(tenant) == ["Write copy for the front page", "Choose a hosting provider", "Mine"]
    assert "Mine" not in labels(other)
    assert other.call("GET", f"/tasks/{task['id']}").status_code == 404
    assert other.read(other.known["task_id"])["status"] == 1


def test_worlds__have_their_own_clock_quota_and_journal(tenant: Tenant, name_world: Callable[[str], Tenant]) -> None:
    other = name_world("a world apart")
    tenant.control("POST", "/clock", json={"advance": 3600})
    tenant.call("GET", "/boards")
    assert other.control("GET", "/clock").json()["now"] == FROZEN
    assert other.call("GET", "/boards").headers["X-RateLimit-Remaining"] == "11999"
    assert len(other.control("GET", "/journal").json()["exchanges"]) == 1


def test_worlds__reset_of_one_leaves_the_others(tenant: Tenant, name_world: Callable[[str], Tenant]) -> None:
    other = name_world("kept world")
    tenant.create(label="Mine")
    other.create(label="Theirs")
    tenant.control("POST", "/reset")
    assert "Mine" not in labels(tenant)
    assert "Theirs" in labels(other)


def test_worlds__without_the_header_it_is_the_default_one(open_tenant: Callable[..., Tenant]) -> None:
    tenant = open_tenant()
    tenant.create(label="In the default world")
    headers = tenant.headers_of("owner")
    path = f"/kanman/v1/projects/{tenant.known['project_id']}/tasks"
    unnamed = tenant.client.get(path, headers=headers).json()["tasks"]
    empty = tenant.client.get(path, headers={**headers, "X-Mock-World": "  "}).json()["tasks"]
    assert unnamed[-1]["label"] == empty[-1]["label"] == "In the default world"


@pytest.mark.parametrize(
    "name",
    ["ü", "☃ snow", "a/b/../c", "'; DROP TABLE state; --", "%00", "a.b", "x" * 190, "{}", "default ", "DEFAULT"],
    ids=ascii,
)
def test_worlds__any_name_is_a_world_of_its_own(name_world: Callable[[str], Tenant], name: str) -> None:
    world = name_world(name)
    world.create(label="Here")
    is_default = name.strip() == "default"
    assert labels(world)[-1] == "Here"
    assert ("Here" in labels(name_world("default"))) == is_default
    world.control("POST", "/reset")


def test_worlds__of_long_names_that_begin_alike_are_two(name_world: Callable[[str], Tenant]) -> None:
    """Names of tests make long names of worlds: parameters stand at their end."""
    one, other = (name_world("tests/test_long.py::test_name" + "x" * 500 + end) for end in "ab")
    one.create(label="Only here")
    assert "Only here" not in labels(other)


@pytest.mark.parametrize("path", ["/boards", "/nowhere"])
def test_worlds__of_two_names_the_first_counts_whatever_is_asked(tenant: Tenant, path: str) -> None:
    names = [("X-Mock-World", f"{tenant.name} {path}"), ("X-Mock-World", "the second")]
    tenant.client.get(tenant.vendor.mount + path, headers=[*tenant.headers_of("owner").items(), *names])
    found = tenant.client.get("/_mock/journal", headers=names[:1]).json()
    assert len(found["exchanges"]) == 1


def test_worlds__used_at_once_by_many_clients_stay_apart(remote: Tenant) -> None:
    def play(number: int) -> list[str]:
        world = Tenant(remote.client, remote.vendor, f"{remote.name} {number}")
        for step in range(5):
            world.create(label=f"{number}.{step}")
        return labels(world)[3:]

    with ThreadPoolExecutor(8) as pool:
        played = list(pool.map(play, range(24)))
    assert played == [[f"{number}.{step}" for step in range(5)] for number in range(24)]


# Determinism


def play_through(client: httpx.Client, vendor: Vendor) -> Iterator[Answer]:
    """A fixed session of reads, writes, refusals and control, and each whole answer."""
    tenant = Tenant(client, vendor, "a session")
    project, other, task = (vendor.known[name] for name in ("project_id", "other_project_id", "task_id"))
    ids: list[str] = []
    steps: list[tuple[str, str, str | None, Any]] = [
        ("GET", "/boards", "owner", None),
        ("GET", f"/boards/{vendor.known['board_id']}/projects", "reader", None),
        ("GET", f"/projects/{project}", "reader", None),
        ("POST", "/tasks", "writer", {"projectId": project, "label": "First"}),
        ("POST", "/tasks", "writer", {"projectId": other, "label": "Second", "status": 2, "description": "ü"}),
        ("PATCH", "/tasks/{0}", "writer", {"projectId": other}),
        ("DELETE", "/tasks/{1}", "deleter", None),
        ("DELETE", "/tasks/{1}", "deleter", None),
        ("POST", "/tasks", "writer", {"label": 1, "status": "x", "projectId": None, "description": 0}),
        ("POST", "/tasks", "reader", {}),
        ("GET", f"/tasks/{task}", None, None),
        ("GET", f"/tasks/{task}", "expired", None),
        ("PUT", f"/tasks/{task}", "owner", None),
        ("GET", "/nowhere", "owner", None),
        ("GET", f"/projects/{other}/tasks", "owner", None),
        ("GET", f"/tasks/{task}", "outsider", None),
    ]
    for method, path, caller, body in steps:
        answer = tenant.call(method, path.format(*ids), caller, json=body)
        if answer.status_code == 201:
            ids.append(answer.json()["task"]["id"])
        yield answer.status_code, answer.headers.raw, answer.content
    for path in ("/clock", "/journal"):
        answer = tenant.control("GET", path, headers={"Host": "mock", "User-Agent": "a test"})
        yield answer.status_code, answer.headers.raw, answer.content if path == "/clock" else b""
    for project_id in [
        one["id"] for one in tenant.call("GET", f"/boards/{vendor.known['board_id']}/projects").json()["projects"]
    ]:
        yield 200, [], tenant.call("GET", f"/projects/{project_id}/tasks").content


def played_by_a_server(vendor: Vendor, *options: str) -> list[Answer]:
    with serve("kanman", "--clock", FROZEN, *options) as served, httpx.Client(base_url=served.origin) as client:
        return list(play_through(client, vendor))


def test_determinism__two_processes_send_the_same_bytes_headers_included(kanman: Vendor) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: played_by_a_server(kanman, "--seed", "7"), range(2))
    assert first == second
    assert {answer[0] for answer in first} == {200, 201, 400, 401, 403, 404, 405}
    assert b"date" not in {name.lower() for answer in first for name, _ in answer[1]}


def test_determinism__in_a_file_as_in_memory(open_tenant: Callable[..., Tenant], tmp_path: Any) -> None:
    memory, file = open_tenant(), open_tenant(state=str(tmp_path / "state.db"))
    assert list(play_through(memory.client, memory.vendor)) == list(play_through(file.client, file.vendor))


def test_determinism__after_a_reset_as_before(tenant: Tenant) -> None:
    first = list(play_through(tenant.client, tenant.vendor))
    tenant.control("POST", "/reset", headers={"X-Mock-World": "a session"})
    assert list(play_through(tenant.client, tenant.vendor)) == first


def test_determinism__worlds_of_one_mock_do_not_influence_each_other(
    open_tenant: Callable[..., Tenant], kanman: Vendor
) -> None:
    quiet, busy = open_tenant(), open_tenant(name="busy")
    for _ in range(10):
        busy.create()
    assert list(play_through(quiet.client, kanman)) == list(play_through(busy.client, kanman))


def test_seed__another_one_gives_other_records_and_ids(open_tenant: Callable[..., Tenant]) -> None:
    one, other = open_tenant(seed=1), open_tenant(seed=2)
    boards = f"/boards/{one.known['board_id']}/projects"
    assert one.call("GET", boards).content != other.call("GET", boards).content
    assert one.create()["id"] != other.create()["id"]


def test_seed__another_one_keeps_the_documented_records(open_tenant: Callable[..., Tenant]) -> None:
    one, other = open_tenant(seed=1), open_tenant(seed=2)
    assert one.read(one.known["task_id"]) == other.read(one.known["task_id"])
    assert labels(one) == labels(other)
