"""`--state FILE`: what was answered is kept, across restarts and across `kill -9`; and files that cannot be used."""

import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver.vendor import Vendor
from tests.conftest import FROZEN, Tenant
from tests.tools.serving import PROOFBOARD, ROOT, Served, clean_environment, serve

OpenTenant = Callable[..., Tenant]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def reopen(open_tenant: OpenTenant, file: Path) -> Callable[..., Tenant]:
    """Opens the stand-in on the file, closing the one that had it before."""
    opened: list[Tenant] = []

    def make(**options: Any) -> Tenant:
        if opened:
            opened[-1].close()
        opened.append(open_tenant(state=str(file), **options))
        return opened[-1]

    return make


# Restarts


def test_restart__keeps_records_changes_moves_and_the_trash(reopen: Callable[..., Tenant]) -> None:
    tenant = reopen()
    task = tenant.create(label="Kept", description="ü\n☃")
    tenant.call("PATCH", f"/tasks/{tenant.known['task_id']}", json={"projectId": tenant.known["other_project_id"]})
    gone = tenant.listed(tenant.known["project_id"])[0]["id"]
    tenant.call("DELETE", f"/tasks/{gone}")
    before = [tenant.listed(tenant.known[name]) for name in ("project_id", "other_project_id")]
    again = reopen()
    assert [again.listed(again.known[name]) for name in ("project_id", "other_project_id")] == before
    assert again.read(task["id"]) == task
    assert again.call("GET", f"/tasks/{gone}").status_code == 404
    restored = again.control("POST", "/restore", json={"vendor": "kanman", "resource": "tasks", "id": gone})
    assert restored.status_code == 200


def test_restart__keeps_clock_counts_and_the_sequence_of_ids(
    reopen: Callable[..., Tenant], open_tenant: OpenTenant
) -> None:
    tenant, without = reopen(), open_tenant()
    first = [tenant.create()["id"], without.create()["id"]]
    tenant.control("POST", "/clock", json={"advance": 3600})
    tenant.call("GET", "/boards")
    again = reopen()
    assert again.control("GET", "/clock").json() == {"now": "2024-01-21T11:00:00Z", "frozen": True}
    assert again.call("GET", "/boards").headers["X-RateLimit-Remaining"] == "11997"
    assert [*first, again.create()["id"]] == [first[0], first[0], without.create()["id"]]


def test_restart__keeps_each_world(reopen: Callable[..., Tenant]) -> None:
    labels = []
    for name in ("a", "ü"):
        reopen(name=name).create(label=f"in {name}")
    for name in ("a", "ü", "c"):
        tenant = reopen(name=name)
        labels.append([item["label"] for item in tenant.listed(tenant.known["project_id"])[3:]])
    assert labels == [["in a"], ["in ü"], []]


def test_restart__after_a_reset_is_the_seed(reopen: Callable[..., Tenant]) -> None:
    tenant = reopen()
    tenant.create()
    tenant.control("POST", "/clock", json={"advance": 3600})
    tenant.control("POST", "/reset")
    again = reopen()
    assert len(again.listed(again.known["project_id"])) == 3
    assert again.control("GET", "/clock").json()["now"] == FROZEN


def test_restart__many_times_with_writes_between(reopen: Callable[..., Tenant]) -> None:
    for number in range(8):
        reopen().create(label=str(number))
    tenant = reopen()
    assert [item["label"] for item in tenant.listed(tenant.known["project_id"])[3:]] == [str(n) for n in range(8)]


def test_restart__changes_no_answer_that_follows(reopen: Callable[..., Tenant], open_tenant: OpenTenant) -> None:
    with_restart, without = reopen(), open_tenant()
    for tenant in (with_restart, without):
        tenant.call("DELETE", f"/tasks/{tenant.create()['id']}")
        tenant.call("PATCH", f"/tasks/{tenant.create()['id']}", json={"projectId": tenant.known["other_project_id"]})
    assert reopen().create() == without.create()


def test_restart__with_another_seed_keeps_the_records_and_says_so(
    reopen: Callable[..., Tenant], caplog: pytest.LogCaptureFixture
) -> None:
    before = reopen().call("GET", "/boards").content
    assert reopen(seed=5, records=9).call("GET", "/boards").content == before
    assert "keeps the records of its state" in caplog.text


def test_restart__of_the_server_as_a_person_does_it(file: Path, kanman: Vendor) -> None:
    for number in range(2):
        with serve("kanman", "--state", str(file)) as served, httpx.Client(base_url=served.origin) as client:
            tenant = Tenant(client, kanman, "default")
            assert len(tenant.listed(tenant.known["project_id"])) == 3 + number
            tenant.create()


# kill -9


def write_until_killed(served: Served, vendor: Vendor, seconds: float) -> dict[str, str | None]:
    """What was answered before the server died: task id -> its label, or None where its deletion was answered."""
    answered: dict[str, str | None] = {}

    def write() -> None:
        with httpx.Client(base_url=served.origin) as client:
            tenant = Tenant(client, vendor, "default")
            try:
                while True:
                    task = tenant.create(label="made")["id"]
                    answered[task] = "made"
                    tenant.call("PATCH", f"/tasks/{task}", json={"label": "changed"}).raise_for_status()
                    answered[task] = "changed"
                    if len(answered) % 3 == 0:
                        tenant.call("DELETE", f"/tasks/{task}").raise_for_status()
                        answered[task] = None
            except httpx.TransportError:
                pass

    writer = threading.Thread(target=write)
    writer.start()
    writer.join(seconds)
    os.kill(served.process.pid, signal.SIGKILL)
    writer.join()
    return answered


def test_kill__keeps_every_write_that_was_answered(file: Path, kanman: Vendor) -> None:
    """A write whose answer was cut off may be there or not; so the last task may be one step ahead of its answer."""
    answered: dict[str, str | None] = {}
    for _ in range(4):
        with serve("kanman", "--state", str(file), "--limits", "off") as served:
            with httpx.Client(base_url=served.origin) as client:
                compare(Tenant(client, kanman, "default"), answered)
            found = write_until_killed(served, kanman, 0.4)
            assert found, "nothing was answered in time"
            answered |= found
    with serve("kanman", "--state", str(file)) as served, httpx.Client(base_url=served.origin) as client:
        compare(Tenant(client, kanman, "default"), answered)


def compare(tenant: Tenant, answered: dict[str, str | None]) -> None:
    listed = {task["id"]: task["label"] for task in tenant.listed(tenant.known["project_id"])}
    lost = {
        key: (label, listed.get(key))
        for key, label in answered.items()
        if listed.get(key) not in {None: (None,), "made": ("made", "changed"), "changed": ("changed", None)}[label]
    }
    ahead = sum(listed.get(key) != label for key, label in answered.items())
    assert not lost
    assert ahead <= 4, "at most one write of each round was cut off"
    project = tenant.call("GET", f"/projects/{tenant.known['project_id']}").json()["project"]
    assert project["num_tasks_total"] == len(listed)


# Files that cannot be used


def refused(*arguments: str) -> str:
    """What `serve` says when it does not start."""
    ended = subprocess.run(
        [PROOFBOARD, "serve", "kanman", "--port", "0", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended.stderr


def test_file__used_by_another_mock(file: Path) -> None:
    with serve("kanman", "--state", str(file)) as served:
        said = refused("--state", str(file))
        assert httpx.get(f"{served.origin}/_mock/health").status_code == 200
    assert str(file) in said and "in use by another" in said


@pytest.mark.parametrize(
    "content", [b"This is no database. " * 500, b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "damaged"]
)
def test_file__that_is_no_database_is_left_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert str(file) in refused("--state", str(file))
    assert file.read_bytes() == content


def test_file__of_another_program_is_left_as_it_is(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE state (id INTEGER, photo BLOB)")
    database.close()
    before = file.read_bytes()
    assert str(file) in refused("--state", str(file))
    assert file.read_bytes() == before


def test_file__of_no_bytes_is_a_new_one(open_tenant: OpenTenant, file: Path) -> None:
    file.touch()
    assert open_tenant(state=str(file)).create()["label"] == "A new task"


def test_folder__that_cannot_be_written_to() -> None:
    """As root nothing is read-only but what the system itself keeps so."""
    if not Path("/proc/self").is_dir():
        pytest.skip("there is no /proc here")
    assert "/proc/state.db" in refused("--state", "/proc/state.db")


@pytest.mark.parametrize("place", ["folder", "nowhere/state.db"])
def test_place__that_is_none(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    assert str(tmp_path / place) in refused("--state", str(tmp_path / place))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder"]
