"""Finding out what stands at an address, and with what credentials it is called."""

from collections.abc import Callable, Iterator

import pytest

from contracts.findings import NotJudged, Unjudgeable
from contracts.safety.guard import Budget
from contracts.target import Target, open_local, open_url
from contracts.tenant_file import TenantFile
from contracts.wire import HttpWire
from mockserver.vendor import Vendor, load
from tests.bending_proxy import BentWire, Proxy
from tests.bends import straight
from tests.tools.serving import Served, serve

LOGIN = {"email": "carlos.mendoza@example.com", "password": "correct horse battery staple"}
FILE = TenantFile("http://elsewhere", callers={"owner": {"Authorization": "Bearer mine"}}, known={"task_id": "7"})


@pytest.fixture
def local(kanman: Vendor) -> Iterator[Target]:
    target = open_local(kanman, seed=7, budget=Budget())
    yield target
    target.close()


@pytest.fixture
def open_there(kanman: Vendor) -> Iterator[Callable[..., Target]]:
    opened: list[Target] = []

    def make(url: str, tenant: TenantFile | None = None, vendor: Vendor = kanman) -> Target:
        opened.append(open_url(vendor, url, seed=7, budget=Budget(), tenant=tenant))
        return opened[-1]

    yield make
    for target in opened:
        target.close()


def test_local__each_purpose_has_a_world_of_its_own(local: Target) -> None:
    first, second = local.tenant("first"), local.tenant("second")
    task = first.create("tasks")
    assert first.read("tasks", task["id"]) == task
    assert second.call("getTask", path={"id": task["id"]}).status == 404


def test_local__a_purpose_begins_afresh(local: Target) -> None:
    task = local.tenant("first").create("tasks")
    assert local.tenant("first").call("getTask", path={"id": task["id"]}).error_code() == "task_not_found"


def test_local__the_sample_bears_the_mark(local: Target) -> None:
    tenant = local.tenant("x")
    assert "proofboard 7" in tenant.create("tasks")["label"]
    assert tenant.create("tasks", label="exactly")["label"] == "exactly"


def test_local__the_clock_can_be_turned(local: Target) -> None:
    clock = local.tenant("x").needs_clock()
    before = clock.now()
    assert (clock.advance(60) - before).total_seconds() == 60
    assert clock.set("2030-01-01T00:00:00Z").year == 2030


def test_local__what_takes_long_is_prepared_once(local: Target) -> None:
    tenant, calls = local.tenant("x"), []
    made = [tenant.prepared("much", lambda world: calls.append(1) or world) for _ in range(2)]
    assert made[0] is made[1] and calls == [1] and made[0].world != tenant.world


def test_url__a_mock_is_known_by_its_control_plane(server: Served, open_there: Callable[..., Target]) -> None:
    target = open_there(server.base_url("kanman"))
    assert target.is_mock and "reader" in target.callers
    assert target.tenant("x").call("listBoards").status == 200


def test_url__without_a_control_plane_it_is_a_tenant(server: Served, open_there: Callable[..., Target]) -> None:
    with Proxy(BentWire(HttpWire(server.origin), straight, hide_control=True)) as proxy:
        target = open_there(proxy.url)
        tenant = target.tenant("x")
        assert not target.is_mock and tenant.world is None and "reader" in target.callers
        with pytest.raises(NotJudged, match="needs a world of its own"):
            tenant.fresh_world()
        with pytest.raises(NotJudged, match="needs a clock"):
            tenant.needs_clock()


def test_url__a_tenant_file_says_who_may_call(server: Served, open_there: Callable[..., Target]) -> None:
    target = open_there(server.base_url("kanman"), FILE)
    assert list(target.callers) == ["owner"] and target.known["task_id"] == "7"
    with pytest.raises(NotJudged, match="needs a reader credential"):
        target.tenant("x").headers("reader")


def test_url__a_mock_of_another_vendor(server: Served, open_there: Callable[..., Target]) -> None:
    toy = load("fixtures/toy_vendor")
    with pytest.raises(Unjudgeable, match="does not serve toy; it serves kanman"):
        open_there(server.base_url("kanman"), vendor=toy)


def test_clean_up__removes_the_last_first_and_tells_what_is_left(
    server: Served, open_there: Callable[..., Target]
) -> None:
    with Proxy(BentWire(HttpWire(server.origin), straight, hide_control=True)) as proxy:
        target = open_there(proxy.url)
        tenant = target.tenant("x")
        tasks = [tenant.create("tasks")["id"] for _ in range(2)]
        target.guard.holdings.add("projects", "7")
        sent: list[str] = []
        target.guard.observers.append(lambda each: sent.append(each.path) if each.method == "DELETE" else None)
        target.clean_up()
        assert sent == [f"/tasks/{task}" for task in reversed(tasks)]
        assert len(target.left_behind) == 1 and target.left_behind[0].startswith("projects 7")


def test_local__tokens_that_end_are_renewed_when_the_clock_was_moved() -> None:
    target = open_local(load("geotareas"), seed=7, budget=Budget())
    try:
        tenant = target.tenant("an hour and more")
        first = tenant.headers("owner")
        assert set(first) == {"Authorization", "X-API-Key", "tenant"}
        assert tenant.call("listWorkspaces").status == 200
        tenant.needs_clock().advance(2 * 3600)
        assert tenant.call("listWorkspaces", caller=None, headers=dict(first)).status == 401
        assert tenant.headers("owner") != first
        assert tenant.call("listWorkspaces").status == 200
    finally:
        target.close()


def test_url__who_logs_in_has_a_good_token_where_the_clock_of_a_mock_was_moved() -> None:
    vendor = load("geotareas")
    keys = {"X-API-Key": "gtk_test_0001", "tenant": "yourcompany.geotareas.com"}
    file = TenantFile("http://elsewhere", callers={"owner": keys}, logins={"owner": LOGIN})
    with serve("geotareas") as served:
        target = open_url(vendor, served.base_url("geotareas"), seed=7, budget=Budget(), tenant=file)
        tenant = target.tenant("years away")
        for moment in ("2026-03-19T16:45:00Z", "2031-01-01T00:00:00Z"):
            tenant.needs_clock().set(moment)
            assert tenant.call("listWorkspaces").status == 200
        assert list(target.callers_of(tenant.world)) == ["owner"]
        target.close()
