"""What stands at an address: found out with one request of a tenant, and without writing to it in a run that reads."""

from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.findings import NotJudged, Unjudgeable
from contracts.model import SAFE_METHODS
from contracts.safety.budget import Budget, BudgetSpent
from contracts.target import open_local, open_url
from contracts.tenant_file import TenantFile
from contracts.wire import Outgoing
from mockserver.vendor import Vendor, load
from tests.tenancy import TestTenant

LOGIN = {"email": "carlos.mendoza@example.com", "password": "correct horse battery staple"}
KEYS = {"X-API-Key": "gtk_test_0001", "tenant": "yourcompany.geotareas.com"}


@pytest.fixture(scope="module")
def geotareas() -> Vendor:
    return load("geotareas")


class _Generous(BaseHTTPRequestHandler):
    """Says yes to everything, as an application of one page does, and keeps what it was sent."""

    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("authorization")))
        body = b"<html></html>"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def generous() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    seen: list[tuple[str, str | None]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Generous,), {"seen": seen}))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
    server.shutdown()
    server.server_close()


# Whether it is a mock


def test_tenant__is_asked_once_and_that_counts(kanman: Vendor) -> None:
    with TestTenant(kanman) as tenant:
        target = open_url(kanman, tenant.url, seed=7, budget=Budget(requests=5))
        assert [(each.method, each.path) for each in tenant.log] == [("GET", "/_mock/health")]
        assert (target.is_mock, target.guard.requests, target.guard.purse.left()[0]) == (False, 1, 4)
        assert [exchange.path for exchange in target.guard.exchanges] == ["/_mock/health"]
        target.close()


def test_tenant__that_says_yes_to_everything_is_told_no_control_token(
    kanman: Vendor, generous: tuple[str, list[tuple[str, str | None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFBOARD_CONTROL_TOKEN", "secret")
    url, seen = generous
    target = open_url(kanman, url, seed=7, budget=Budget())
    assert (target.is_mock, seen) == (False, [("/_mock/health", None)])
    target.close()


def test_mock__is_one_when_what_is_sent_there_shows_in_its_journal(kanman: Vendor) -> None:
    with TestTenant(kanman, has_control=True) as mock:
        target = open_url(kanman, mock.url, seed=7, budget=Budget())
        assert target.is_mock and target.guard.is_own_world
        assert target.guard.requests == len(mock.log)
        target.close()


def test_mock__whose_control_plane_stands_beside_somebody_elses_api_is_a_tenant(kanman: Vendor) -> None:
    with TestTenant(kanman, has_control=True) as mock, TestTenant(kanman) as tenant:
        mock.bend = lambda memory, request, forward: tenant.answer(request)  # its own API is not behind this address
        target = open_url(kanman, mock.url, seed=7, budget=Budget())
        assert not target.is_mock and not target.guard.is_own_world
        with pytest.raises(NotJudged, match="needs a world of its own"):
            target.tenant("x").fresh_world()
        target.close()


def test_budget__that_is_spent_on_the_way_is_told(kanman: Vendor) -> None:
    with TestTenant(kanman) as tenant:
        with pytest.raises(Unjudgeable, match="the budget of 0 requests is spent"):
            open_url(kanman, tenant.url, seed=7, budget=Budget(requests=0))
        assert tenant.log == []


# Runs that only read


def test_read_only__a_mock_is_judged_as_a_tenant(kanman: Vendor) -> None:
    with TestTenant(kanman, has_control=True) as mock:
        target = open_url(kanman, mock.url, seed=7, budget=Budget(), is_read_only=True)
        assert not target.is_mock and "reader" in target.callers and target.known == kanman.known
        with pytest.raises(NotJudged, match="this run only reads"):
            target.tenant("x").create("tasks")
        assert target.tenant("x").call("listBoards").status == 200
        assert {each.method for each in mock.log} == {"GET"}
        target.close()


@pytest.mark.parametrize("name", ["kanman", pytest.param("geotareas", marks=pytest.mark.slow)])
def test_read_only__a_whole_run_sends_nothing_that_writes(name: str, tmp_path: Path) -> None:
    vendor = load(name)
    with TestTenant(vendor, limits="off") as tenant:
        file = tenant.toml(tmp_path / "tenant.toml")
        if name == "geotareas":  # a token, because a login would write
            token = tenant.control("GET", "/credentials")[name]["callers"]["owner"]["headers"]["Authorization"]
            file.write_text(file.read_text().replace("headers = {", f'headers = {{ Authorization = "{token}",', 1))
        result = tenant.judge(file, is_read_only=True)
        assert {each.method for each in tenant.log} <= SAFE_METHODS and len(tenant.log) > 50
        assert (result.exit_code, result.findings, result.writes) == (0, (), 0)
        assert any("this run only reads" in verdict.why for verdict in result.verdicts)


def test_read_only__the_mock_of_this_process(kanman: Vendor) -> None:
    target = open_local(kanman, seed=7, budget=Budget(), is_read_only=True)
    try:
        methods: Counter[str] = Counter()
        target.guard.observers.append(lambda exchange: methods.update([exchange.method]))
        chosen = [rule for rule in kanman.rules.values() if rule.judge == "law"]
        result = runner.run(target, chosen, profile="quick", is_selective=True, progress=Silence())
        assert (result.exit_code, result.findings) == (0, ()) and set(methods) <= SAFE_METHODS
    finally:
        target.close()


def test_read_only__a_window_of_the_mock_in_this_process_is_not_waited_for(geotareas: Vendor) -> None:
    target = open_local(geotareas, seed=7, budget=Budget(), is_read_only=True)
    try:
        tenant = target.tenant("x")
        assert {tenant.call("listWorkspaces").status for _ in range(100)} == {200}
    finally:
        target.close()


def test_read_only__an_owner_who_logs_in_cannot_be_judged(geotareas: Vendor) -> None:
    with TestTenant(geotareas) as tenant:
        file = TenantFile(tenant.url, {"owner": KEYS}, {"owner": LOGIN})
        target = open_url(geotareas, tenant.url, seed=7, budget=Budget(), tenant=file, is_read_only=True)
        with pytest.raises(Unjudgeable, match="this run only reads: give a token in headers"):
            target.tenant("x").call("listWorkspaces")
        assert [each.method for each in tenant.log] == ["GET"]
        target.close()


def test_read_only__an_owner_who_logs_in_is_the_reason_for_every_rule(geotareas: Vendor, tmp_path: Path) -> None:
    with TestTenant(geotareas) as tenant:
        result = tenant.judge(tenant.toml(tmp_path / "tenant.toml"), is_read_only=True)
    why = "the owner's login would write, and this run only reads: give a token in headers"
    assert (result.exit_code, {verdict.why for verdict in result.verdicts}) == (2, {why})


def test_read_only__others_who_log_in_are_left_out(geotareas: Vendor) -> None:
    with TestTenant(geotareas) as tenant:
        told = tenant.control("GET", "/credentials")["geotareas"]["callers"]
        callers = {"owner": told["owner"]["headers"], "reader": KEYS}
        file = TenantFile(tenant.url, callers, {"owner": LOGIN, "reader": LOGIN})
        target = open_url(geotareas, tenant.url, seed=7, budget=Budget(), tenant=file, is_read_only=True)
        assert list(target.tenant("x").callers) == ["owner"]
        assert target.tenant("x").call("listWorkspaces").status == 200
        target.close()


# At the limits of a tenant


class _Waits(Silence):
    """Keeps why a run waited."""

    def __init__(self) -> None:
        self.why: set[str] = set()

    def wait(self, seconds: float, why: str) -> None:
        self.why.add(why)


def test_pace__a_tenant_is_judged_at_its_documented_limits(geotareas: Vendor, tmp_path: Path) -> None:
    laws = {"page-walk", "status-codes", "error-envelope", "scopes", "sliding-window"}
    chosen = [rule for rule in geotareas.rules.values() if rule.judge == "law" and rule.detail[0] in laws]
    with TestTenant(geotareas) as tenant:
        hurried = tenant.hurried()
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"), watch=hurried.watch)
        waits = _Waits()
        result = runner.run(target, chosen, profile="quick", is_selective=True, progress=waits)
        target.close()
        assert (result.exit_code, result.findings) == (0, ())
        assert 429 not in {each.status for each in tenant.log}
        assert sum(hurried.waited) > 60 and max(hurried.waited) <= 61
        assert "the limit of 10 calls of setTaskState in 60 s" in waits.why


def test_pace__what_others_use_up_is_waited_for(geotareas: Vendor, tmp_path: Path) -> None:
    with TestTenant(geotareas) as tenant:
        hurried = tenant.hurried()
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml", callers=["owner"]), watch=hurried.watch)
        calls = target.tenant("x")
        calls.call("listWorkspaces")
        mine = [(name, value) for name, value in calls.headers("owner").items()]
        path = geotareas.mount + geotareas.operations["listWorkspaces"].path
        while tenant.answer(Outgoing("GET", path, mine)).status == 200:
            pass  # the owner works with it meanwhile
        assert calls.call("listWorkspaces").status == 200
        assert hurried.waited and tenant.log[-2].status == 429
        target.close()


def test_login__counts_and_is_renewed_while_a_run_waits(geotareas: Vendor, tmp_path: Path) -> None:
    with TestTenant(geotareas) as tenant:
        hurried = tenant.hurried()
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml", callers=["owner"]), watch=hurried.watch)
        for _ in range(5):
            assert target.tenant("x").call("listWorkspaces").status == 200
            hurried.sleep(1500)
        logins = [each for each in tenant.log if each.method == "POST"]
        assert [each.status for each in logins] == [200, 200, 200]
        assert (target.guard.requests, target.guard.writes) == (len(tenant.log), 3)
        target.close()


def test_month__a_tenants_quota_is_not_used_up(edit_kanman: Callable[..., Vendor], tmp_path: Path) -> None:
    with TestTenant(edit_kanman(api_quota=40)) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"))
        calls = target.tenant("x")
        made = [calls.create("tasks")["id"] for _ in range(3)]
        with pytest.raises(BudgetSpent, match=r"the target allows only \d+ more calls before 20..-..-01T00:00:00Z"):
            for _ in range(100):
                calls.call("listBoards")
        target.guard.cleaning()
        target.clean_up()
        gone = [each.path.rpartition("/")[2] for each in tenant.log if each.method == "DELETE" and each.status == 200]
        assert (gone, target.left_behind) == (made[::-1], [])
        assert 429 not in {each.status for each in tenant.log} and len(tenant.log) <= 31
        target.close()
