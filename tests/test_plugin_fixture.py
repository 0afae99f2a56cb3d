"""The fixture `proofboard_tenant`, as people use it who build a client: in this session, and in sessions of theirs."""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import requests

from mockserver.testing import MockTenant, MockWorlds, NotArranged, Unknown
from mockserver.vendor import shipped
from tests.tools.commands import blocks
from tests.tools.serving import ROOT, clean_environment

pytestmark = pytest.mark.proofboard("kanman", clock="2024-01-21T10:00:00Z")
EVERY = pytest.mark.parametrize("proofboard_tenant", shipped(), indirect=True)
EXAMPLE = ROOT / "examples/client"

Session = Callable[..., str]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Runs somebody's tests with pytest, in a folder of their own and with warnings as errors; what it prints."""

    def run(tests: str, *words: str, configuration: str = "", code: int = 0) -> str:
        (tmp_path / "test_theirs.py").write_text(tests)
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{configuration}")
        return pytest_in(tmp_path, *words, code=code)

    return run


def pytest_in(folder: Path, *words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    ended = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=120)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout


# Clients


@EVERY
def test_tenant__has_a_world_that_clients_of_all_kinds_reach(proofboard_tenant: MockTenant) -> None:
    path = "/no/such/path"
    statuses = [proofboard_tenant.client().get(path).status_code]
    statuses.append(proofboard_tenant.session().get(proofboard_tenant.base_url + path).status_code)
    statuses.append(requests.get(proofboard_tenant.base_url + path, timeout=30).status_code)

    async def ask() -> int:
        async with proofboard_tenant.async_client() as client:
            return (await client.get(path)).status_code

    statuses.append(asyncio.run(ask()))
    assert statuses == [404] * 4
    assert [entry.path for entry in proofboard_tenant.journal] == [path] * 4


def test_client__in_process_works_where_a_loop_runs(proofboard_tenant: MockTenant) -> None:
    async def ask() -> int:
        return proofboard_tenant.client().get("/boards").status_code

    assert asyncio.run(ask()) == 200


@pytest.mark.proofboard(serve=True)
def test_client__goes_through_the_port_where_the_tenant_serves(proofboard_tenant: MockTenant) -> None:
    client = proofboard_tenant.client("reader")
    assert str(client.base_url).rstrip("/") == proofboard_tenant.base_url
    assert client.get("/boards").status_code == 200
    assert proofboard_tenant.journal.only().headers["host"] == httpx.URL(proofboard_tenant.base_url).netloc.decode()


def test_client__without_a_caller_is_nobody(proofboard_tenant: MockTenant) -> None:
    assert proofboard_tenant.client(None).get("/boards").status_code == 401
    assert proofboard_tenant.journal.only("GET", "/boards", caller=None, status=401).rule == "KM-019"


def test_base_url__leads_to_this_world_whatever_the_client_says(proofboard_worlds: MockWorlds) -> None:
    with proofboard_worlds.open("kanman") as one, proofboard_worlds.open("kanman") as other:
        assert one.base_url != other.base_url
        headers = {**one.callers["owner"].headers, "X-Mock-World": "default"}
        httpx.delete(f"{one.base_url}/tasks/{one.known['task_id']}", headers=headers).raise_for_status()
        assert len(one.records("tasks")) == len(other.records("tasks")) - 1
        assert len(one.journal) == 1 and not other.journal


def test_world__is_gone_when_it_is_left(proofboard_worlds: MockWorlds) -> None:
    with proofboard_worlds.open("kanman", name="same") as tenant:
        gone = tenant.base_url
        tenant.create("task", label="Left behind")
    with pytest.raises(httpx.ConnectError):
        httpx.get(gone)
    with proofboard_worlds.open("kanman", name="same") as tenant:
        assert tenant.records("tasks", label="Left behind") == []


@pytest.mark.proofboard("kanbert")
def test_links__in_answers_are_those_of_the_port(proofboard_tenant: MockTenant) -> None:
    answer = httpx.get(
        f"{proofboard_tenant.base_url}/tasks?page[size]=2", headers=proofboard_tenant.callers["owner"].headers
    )
    assert answer.json()["meta"]["next_cursor_url"].startswith(f"{proofboard_tenant.base_url}/tasks?")


# Who calls


@EVERY
def test_callers__are_known_in_the_journal(proofboard_tenant: MockTenant) -> None:
    for name, caller in proofboard_tenant.callers.items():
        proofboard_tenant.journal.clear()
        proofboard_tenant.client(None).get("/x", headers=caller.headers)
        assert proofboard_tenant.journal.only().caller == name


@pytest.mark.proofboard("geotareas", clock="2026-03-19T16:45:00Z")
def test_callers__that_log_in_are_known_by_their_token(proofboard_tenant: MockTenant) -> None:
    writer = proofboard_tenant.callers["writer"]
    client = proofboard_tenant.client(
        None, headers={"tenant": "yourcompany.geotareas.com", "X-API-Key": "gtk_test_0001"}
    )
    token = client.post("/apidev/v1/login", json=writer.login).json()["data"]["authorization"]
    proofboard_tenant.journal.clear()
    client.get("/apidev/v1/kanban/workspaces", headers={"Authorization": f"Bearer {token}"})
    assert proofboard_tenant.journal.only().caller == "writer"


@pytest.mark.proofboard("geotareas", clock="2026-03-19T16:45:00Z")
def test_callers__whose_tokens_end_get_new_ones(proofboard_tenant: MockTenant) -> None:
    path = f"/apidev/v1/kanban/cards/{proofboard_tenant.known['card_id']}/comments"
    old = proofboard_tenant.client()
    assert old.get(path).status_code == 200
    proofboard_tenant.clock.advance(timedelta(hours=2))
    assert old.get(path).status_code == 401
    assert proofboard_tenant.client().get(path).status_code == 200


# State


@EVERY
def test_create__makes_what_the_api_makes_and_leaves_no_trace(proofboard_tenant: MockTenant) -> None:
    for kind in proofboard_tenant.samples:
        first, second = proofboard_tenant.create(kind), proofboard_tenant.create(kind)
        assert first["id"] != second["id"]
        assert proofboard_tenant.record(kind, first["id"])
    assert not proofboard_tenant.journal


def test_create__takes_nothing_from_a_quota(proofboard_tenant: MockTenant) -> None:
    client = proofboard_tenant.client()
    client.get("/boards")
    before = int(client.get("/boards").headers["x-ratelimit-remaining"])
    proofboard_tenant.create("task")
    assert int(client.get("/boards").headers["x-ratelimit-remaining"]) == before - 1


def test_create__takes_fields_as_they_are_sent_or_kept(proofboard_tenant: MockTenant) -> None:
    other = proofboard_tenant.known["other_project_id"]
    kept = proofboard_tenant.create("task", project_id=other, label="Red balloons")
    sent = proofboard_tenant.create("tasks", {"projectId": other}, caller="writer")
    assert (kept["label"], kept["project_id"], sent["project_id"]) == ("Red balloons", other, other)
    assert proofboard_tenant.client().get(f"/tasks/{kept['id']}").json()["task"] == kept


def test_sample__is_a_body_that_the_api_takes(proofboard_tenant: MockTenant) -> None:
    body = proofboard_tenant.sample("task", label="Mine")
    assert proofboard_tenant.client().post("/tasks", json=body).json()["task"]["label"] == "Mine"


def test_insert__puts_in_what_the_api_could_not_make(proofboard_tenant: MockTenant) -> None:
    board = proofboard_tenant.insert("board", name="Party")
    project = proofboard_tenant.insert("project", board_id=board["id"], name="Balloons")
    proofboard_tenant.create("task", project_id=project["id"])
    client = proofboard_tenant.client()
    assert client.get(f"/boards/{board['id']}").json()["board"]["name"] == "Party"
    assert client.get(f"/projects/{project['id']}").json()["project"]["num_tasks_total"] == 1


def test_change__and_remove_need_no_operation(proofboard_tenant: MockTenant) -> None:
    client, task = proofboard_tenant.client(), proofboard_tenant.known["task_id"]
    proofboard_tenant.change("task", task, created_at="2020-01-01T00:00:00Z")
    assert client.get(f"/tasks/{task}").json()["task"]["created_at"] == "2020-01-01T00:00:00Z"
    proofboard_tenant.remove("task", task)
    assert client.get(f"/tasks/{task}").status_code == 404


def test_records__are_a_copy(proofboard_tenant: MockTenant) -> None:
    task = proofboard_tenant.known["task_id"]
    proofboard_tenant.record("task", task)["subtasks"].clear()
    proofboard_tenant.records("task", id=task)[0]["subtasks"].clear()
    assert len(proofboard_tenant.record("task", task)["subtasks"]) == 2


def test_reset__brings_back_the_seed(proofboard_tenant: MockTenant) -> None:
    tasks = proofboard_tenant.records("tasks")
    proofboard_tenant.create("task")
    proofboard_tenant.fail(times=None)
    proofboard_tenant.client().get("/boards")
    proofboard_tenant.reset()
    assert not proofboard_tenant.journal
    assert proofboard_tenant.records("tasks") == tasks
    assert proofboard_tenant.client().get("/boards").status_code == 200


# Clock, switches, defects


def test_clock__stands_and_goes_as_told(proofboard_tenant: MockTenant) -> None:
    clock = proofboard_tenant.clock
    assert clock.now() == datetime(2024, 1, 21, 10, tzinfo=UTC)
    assert clock.advance(90) == datetime(2024, 1, 21, 10, 1, 30, tzinfo=UTC)
    assert clock.set(datetime(2025, 1, 1, tzinfo=UTC)) == clock.now()
    assert proofboard_tenant.create("task")["created_at"] == "2025-01-01T00:00:00Z"
    assert clock.freeze("2026-01-01T00:00:00Z") == clock.now()
    clock.thaw()
    assert clock.now() >= datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.proofboard("geotareas", switches={"cache": "off"})
def test_switches__are_those_of_the_marker_until_they_are_turned(proofboard_tenant: MockTenant) -> None:
    values = httpx.get(httpx.URL(proofboard_tenant.base_url).join("/_mock/switches")).json()["geotareas"]
    assert values["cache"]["value"] == "off"
    proofboard_tenant.switch(cache="stale")
    values = httpx.get(httpx.URL(proofboard_tenant.base_url).join("/_mock/switches")).json()["geotareas"]
    assert values["cache"]["value"] == "stale"


def test_defect__is_planted_in_this_world_and_ended(proofboard_tenant: MockTenant) -> None:
    names = httpx.get(httpx.URL(proofboard_tenant.base_url).join("/_mock/defects")).json()["kanman"]
    defect = names["defects"][0]["name"]
    proofboard_tenant.defect(defect)
    planted = httpx.get(httpx.URL(proofboard_tenant.base_url).join("/_mock/defects")).json()["kanman"]["planted"]
    assert planted == [defect]
    proofboard_tenant.defect()
    assert httpx.get(httpx.URL(proofboard_tenant.base_url).join("/_mock/defects")).json()["kanman"]["planted"] == []


# Faults


def test_fail__answers_as_the_document_shows_it_so_many_times(proofboard_tenant: MockTenant) -> None:
    proofboard_tenant.fail("listBoards", status=429, times=2, headers={"Retry-After": "7"})
    client = proofboard_tenant.client()
    answers = [client.get(path) for path in ("/boards", "/tasks/x", "/boards", "/boards")]
    assert [answer.status_code for answer in answers] == [429, 400, 429, 200]
    assert answers[0].json()["error"]["code"] == "quota_exceeded"
    assert answers[0].headers["Retry-After"] == "7"


def test_fail__may_be_anything_that_a_gateway_answers(proofboard_tenant: MockTenant) -> None:
    proofboard_tenant.fail(status=502)
    proofboard_tenant.fail(status=500, json={"odd": True})
    client = proofboard_tenant.client()
    assert (client.get("/boards").status_code, client.get("/boards").json()) == (502, {"odd": True})
    assert [entry.status for entry in proofboard_tenant.journal] == [502, 500]


def test_fail__may_lose_the_answer_to_what_was_done(proofboard_tenant: MockTenant) -> None:
    proofboard_tenant.fail("createTask", status=503, played=True)
    answer = proofboard_tenant.client().post("/tasks", json=proofboard_tenant.sample("task", label="Twice?"))
    assert answer.status_code == 503
    assert len(proofboard_tenant.records("tasks", label="Twice?")) == 1
    assert proofboard_tenant.journal.only("POST", "/tasks").status == 503


def test_fail__breaks_connections_off_in_the_way_of_each_client(proofboard_tenant: MockTenant) -> None:
    proofboard_tenant.fail(drop=True, times=3)
    url = f"{proofboard_tenant.base_url}/boards"
    with pytest.raises(httpx.RemoteProtocolError):
        proofboard_tenant.client().get("/boards")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)
    with pytest.raises(requests.ConnectionError):
        proofboard_tenant.session().get(url)


def test_fail__may_be_late_only(proofboard_tenant: MockTenant) -> None:
    proofboard_tenant.fail(status=None, delay=30, times=2)
    with pytest.raises(httpx.ReadTimeout):
        proofboard_tenant.client(timeout=0.05).get("/boards")
    with pytest.raises(requests.ReadTimeout):
        proofboard_tenant.session().get(f"{proofboard_tenant.base_url}/boards", timeout=0.05)
    assert proofboard_tenant.client().get("/boards").status_code == 200


# Journal and deliveries


def test_journal__finds_requests_by_what_they_are_like(proofboard_tenant: MockTenant) -> None:
    journal, task = proofboard_tenant.journal, proofboard_tenant.known["task_id"]
    proofboard_tenant.client().patch(f"/tasks/{task}", json={"label": "x"})
    proofboard_tenant.client("reader").get(f"/tasks/{task}", params={"a": "1"})
    entry = journal.only("patch", "/tasks/{id}", operation="updateTask", caller="owner", status=200)
    assert entry.json() == {"label": "x"} and entry.answer()["task"]["label"] == "x"
    assert journal.only(path=f"/kanman/v1/tasks/{task}", method="GET").query == {"a": "1"}
    assert [one.method for one in journal.calls(path="/tasks/*")] == ["PATCH", "GET"]
    journal.none("DELETE")
    assert "x-mock-world" not in entry.headers
    assert entry.at == datetime(2024, 1, 21, 10, tzinfo=UTC)


def test_journal__shows_what_there_was_when_it_is_something_else(proofboard_tenant: MockTenant) -> None:
    proofboard_tenant.client().get("/boards", params={"a": "1"})
    with pytest.raises(AssertionError) as missing:
        proofboard_tenant.journal.only("POST", "/tasks")
    assert str(missing.value).splitlines() == [
        "wanted one request POST /tasks, and there are 0. The world has received:",
        "  1. GET /boards?a=1  200  by owner",
    ]
    with pytest.raises(AssertionError, match="wanted no request caller='owner', and there are 1"):
        proofboard_tenant.journal.none(caller="owner")


@pytest.mark.proofboard("kanbert", clock="2026-03-19T16:45:00Z")
def test_deliveries__are_told_also_where_nobody_listens(proofboard_tenant: MockTenant) -> None:
    proofboard_tenant.create("webhook", url="https://hooks.example.com/x", is_active=True)
    task = proofboard_tenant.create("task", title="Buy balloons")
    proofboard_tenant.clock.advance(10)
    (delivery,) = proofboard_tenant.deliver()
    assert (delivery.event, delivery.id, delivery.url) == ("task:create", task["id"], "https://hooks.example.com/x")
    assert delivery.problem == "only receivers on this machine are told"
    assert "Signature" in delivery.headers and delivery.json()["resource"]["id"] == task["id"]


# Words to whoever errs


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda tenant: tenant.client("ownr"), "There is no caller 'ownr'. Did you mean 'owner'? There are: owner,"),
        (lambda tenant: tenant.callers["boss"], "There is no caller 'boss'. There are: owner, writer,"),
        (lambda tenant: tenant.known["project"], "no known id 'project'. Did you mean 'project_id'?"),
        (lambda tenant: tenant.records("tsks"), "no kind of record 'tsks'. Did you mean 'tasks'?"),
        (lambda tenant: tenant.records("task", lable=1), "no field of tasks 'lable'. Did you mean 'label'?"),
        (lambda tenant: tenant.create("task", lable="x"), "no field of createTask 'lable'. Did you mean 'label'?"),
        (lambda tenant: tenant.insert("board", nam="x"), "no field of boards 'nam'. Did you mean 'name'?"),
        (lambda tenant: tenant.fail("createTsk"), "no operation 'createTsk'. Did you mean 'createTask'?"),
        (lambda tenant: tenant.journal.calls(operation="x"), "no operation 'x'. There are: createTask,"),
        (lambda tenant: tenant.create("board"), "No sample tells how KanMan's API makes boards; it tells it of tasks"),
        (lambda tenant: tenant.create("task", label=""), "createTask refused .* with 400: .*is shorter than 1"),
        (lambda tenant: tenant.record("task", "x"), "The world has no tasks 'x'"),
        (lambda tenant: tenant.switch(cache="x"), "kanman has no switch cache"),
        (lambda tenant: tenant.defect("no-such-thing"), "kanman has no defect no-such-thing"),
        (lambda tenant: tenant.clock.set("9999-12-31T00:00:00Z"), "the clock goes from 1970 to 9998"),
    ],
)  # fmt: skip
def test_tenant__teaches_whoever_errs(
    proofboard_tenant: MockTenant, wrong: Callable[[MockTenant], object], told: str
) -> None:
    with pytest.raises((Unknown, NotArranged), match=told.replace("?", r"\?")):
        wrong(proofboard_tenant)


def test_session__tells_what_a_marker_cannot_mean_without_a_traceback(session: Session) -> None:
    output = session(
        """
import pytest

@pytest.mark.proofboard("kanmann")
def test_vendor(proofboard_tenant): pass

@pytest.mark.proofboard("kanman", sed=7)
def test_word(proofboard_tenant): pass

@pytest.mark.proofboard("kanman", seed="x", limits="none", switches={"cache": "x"})
def test_values(proofboard_tenant): pass

def test_nothing(proofboard_tenant): pass

@pytest.mark.proofboard("kanman")
def test_failing(proofboard_tenant):
    proofboard_tenant.client().get("/boards")
    assert False
""",
        code=1,
    )
    for told in (
        "kanmann: is neither a vendor that ships nor a folder. Did you mean kanman?",
        "The marker proofboard has no 'sed'. Did you mean 'seed'?",
        "seed is 'x'; expected a whole number",
        "limits is 'none'; expected documented or off",
        "kanman has no switch cache; it has none",
        'which vendor? Mark the test with @pytest.mark.proofboard("',
        "  1. GET /boards  200  by owner",
        "1 failed, 4 errors",
    ):
        assert told in output
    assert not re.search(r"mockserver/\S+\.py:\d+", output)


# Sessions


def test_session__in_two_processes_keeps_worlds_apart(session: Session) -> None:
    output = session(
        """
import httpx, pytest

@pytest.mark.parametrize("number", range(12))
def test_alone(proofboard_tenant, number):
    tasks = len(proofboard_tenant.records("tasks"))
    with httpx.Client(headers=proofboard_tenant.callers["owner"].headers) as client:
        for _ in range(number):
            body = proofboard_tenant.sample("task", label="Balloon")
            client.post(f"{proofboard_tenant.base_url}/tasks", json=body).raise_for_status()
    assert len(proofboard_tenant.records("tasks", label="Balloon")) == len(proofboard_tenant.journal) == number
    assert len(proofboard_tenant.records("tasks")) == tasks + number
""",
        "-n",
        "2",
        configuration="proofboard_vendor = kanman",
    )
    assert "12 passed" in output


def test_session__takes_settings_from_its_configuration_and_a_folder_from_its_command(
    session: Session, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "fixtures/toy_vendor", tmp_path / "vendors/toy")
    tests = """
import pytest

def test_toy(proofboard_tenant):
    assert proofboard_tenant.vendor == "toy"
    assert proofboard_tenant.clock.now().isoformat() == "2026-03-02T09:00:00+00:00"
    assert str(proofboard_tenant.client().base_url).startswith("http://127.0.0.1:")
    assert proofboard_tenant.client().get(f"/notes/{proofboard_tenant.known['note_id']}").status_code == 200
"""
    words = "proofboard_vendor = kanman\nproofboard_clock = 2026-03-02T09:00:00Z\nproofboard_serve = true"
    assert "1 passed" in session(tests, "-o", "proofboard_vendor=vendors/toy", configuration=words)


def test_session__that_has_no_use_for_it_loads_nothing_of_it(session: Session) -> None:
    session(
        """
import sys

def test_nothing():
    heavy = {"connexion", "starlette", "uvicorn", "httpx", "yaml", "flask", "mockserver.vendor", "mockserver.testing"}
    assert "mockserver.plugin" in sys.modules
    assert heavy & set(sys.modules) == set()
""",
        "-p",
        "no:schemathesis",
        "-p",
        "no:anyio",
    )


def test_session__describes_fixture_and_marker(session: Session, pytestconfig: pytest.Config) -> None:
    shown = session("", "--fixtures", "-v")
    assert "proofboard_tenant" in shown and '.client("owner")' in shown and "proofboard_worlds" in shown
    assert any(line.startswith("proofboard(vendor, *, serve,") for line in pytestconfig.getini("markers"))


# The example


def test_example__passes(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "client")
    assert "3 passed" in pytest_in(tmp_path / "client", "-W", "error")


def test_readme__shows_the_example_as_it_is() -> None:
    shown = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    for name in ("board.py", "test_board.py"):
        assert (EXAMPLE / name).read_text(encoding="utf-8") in shown
