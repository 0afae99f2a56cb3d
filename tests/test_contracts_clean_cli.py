"""`proofboard clean`: what earlier runs left goes, by its mark or by what they wrote down; nothing else does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contracts.clean_cli import clean
from contracts.safety.made import Journal, Leftovers, folder
from contracts.safety.traces import run_of
from contracts.tenant import Tenant
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Vendor, load
from tests.bends import Forward, Memory
from tests.tenancy import TestTenant
from tests.test_contracts_cleaning import _answering

Clean = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def there(kanman: Vendor) -> Iterator[TestTenant]:
    with TestTenant(kanman) as tenant:
        yield tenant


@pytest.fixture
def run(there: TestTenant, tmp_path: Path) -> Clean:
    def run(*arguments: str, budget: dict[str, int] | None = None) -> Result:
        file = there.toml(tmp_path / "tenant.toml", budget=budget)
        there.log.clear()
        signals = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGHUP)}
        try:
            return CliRunner().invoke(clean, [*arguments, "--tenant", str(file)])
        finally:
            for name, handler in signals.items():
                signal.signal(name, handler)

    return run


def _leave(there: TestTenant, file: Path, *labels: str, resource: str = "tasks") -> list[str]:
    """Records that a run left: it was killed, so nothing was cleaned up."""
    target = there.open(there.toml(file), seed=41)
    target.guard.ownership.book = None
    mark = target.model.hint(resource, "mark")
    made = [target.tenant("x").create(resource, **{mark: label}) for label in labels]
    target.close()
    return [str(each["id"]) for each in made]


def _tasks(there: TestTenant) -> list[str]:
    return [str(each["id"]) for each in there.records("tasks")]


def test_clean__removes_what_bears_the_mark_of_any_run(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    before = _tasks(there)
    first, last = _leave(there, tmp_path / "t", "One [proofboard 3]", "[proofboard 77] and more")
    result = run("kanman")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"tasks {first} One [proofboard 3]" in result.stdout and "2 of 2 removed" in result.stdout
    assert _tasks(there) == before and {each.path for each in there.writes} == {f"/tasks/{first}", f"/tasks/{last}"}


def test_clean__touches_nothing_that_only_looks_like_it(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    loose = ("proofboard 3", "[proofboard]", "[proofboard x]", "[Proofboard 3]", "[proofboard 3", "a[proofboard 3]")
    spoken_of = ("about [proofboard 12] runs", "see [proofboard 99999999999999999999]", "see [proofboard 012]")
    _leave(there, tmp_path / "t", *loose, *spoken_of)
    before = _tasks(there)
    result = run("kanman")
    assert result.exit_code == 0 and "KanMan: nothing is left; " in result.stdout
    assert _tasks(there) == before and there.writes == []


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGHUP])
def test_clean__a_signal_ends_it_like_ctrl_c(there: TestTenant, run: Clean, tmp_path: Path, name: int) -> None:
    _leave(there, tmp_path / "t", "One [proofboard 3]")

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if request.method == "DELETE":
            os.kill(os.getpid(), name)
        return forward(request)

    there.bend = bend
    result = run("kanman")
    assert result.exit_code in (1, 2) and "interrupted" in result.output, result.output


def test_clean__dry_run_sends_no_write(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    (task,) = _leave(there, tmp_path / "t", "One [proofboard 3]")
    result = run("kanman", "--dry-run")
    assert result.exit_code == 1 and f"tasks {task}" in result.stdout and "1 to remove" in result.stdout
    assert there.writes == [] and task in _tasks(there)


def test_clean__without_a_vendor_takes_those_of_the_file(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    before = _tasks(there)
    _leave(there, tmp_path / "t", "One [proofboard 3]")
    assert run().exit_code == 0 and _tasks(there) == before


def test_clean__takes_from_the_journal_what_bears_no_mark(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    before = _tasks(there)
    ours, renamed = _leave(there, tmp_path / "t", "exactly this text", "renamed by a person")
    journal = Journal("kanman", there.url, 41)
    journal.made("tasks", ours, {}, "exactly this text")
    journal.made("tasks", renamed, {}, "as it was called once")
    journal.made("tasks", "7c1fe1bb-a540-4c20-b1e5-6bf5746bd841", {}, "long gone")
    result = run("kanman")
    assert result.exit_code == 1 and f"left behind: tasks {renamed}: it does not look like" in result.stdout
    assert _tasks(there) == [*before, renamed]
    assert [entry.identity for entry in Leftovers("kanman", there.url).entries()] == [renamed]


def test_clean__what_cannot_be_removed_is_told(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    (task,) = _leave(there, tmp_path / "t", "One [proofboard 3]")
    there.bend = _answering(409, times=99)
    result = run("kanman")
    assert result.exit_code == 1
    assert f"left behind: tasks {task}: the delete answered 409" in result.stdout


def test_clean__keeps_to_the_budget_of_the_file(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    _leave(there, tmp_path / "t", *(f"{number} [proofboard 3]" for number in range(4)))
    result = run("kanman", budget={"requests": 500, "writes": 2})
    assert result.exit_code == 1 and len(there.writes) == 2
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("left behind: ")]
    assert line.startswith("left behind: tasks ") and line.count(", ") == 1
    assert "the budget of 2 writes is spent" in line


def test_clean__could_not_look(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    there.is_down = True
    result = run("kanman")
    assert result.exit_code == 2 and "could not look at KanMan" in result.stderr
    file = tmp_path / "broken.toml"
    file.write_text("[kanman]\nbase_uri = 'x'\n")
    result = CliRunner().invoke(clean, ["kanman", "--tenant", str(file)])
    assert result.exit_code == 2 and "broken.toml:2" in result.stderr


def test_clean__a_stand_in_has_nothing_to_clean(kanman: Vendor, tmp_path: Path) -> None:
    with TestTenant(kanman, has_control=True) as tenant:
        file = tenant.toml(tmp_path / "tenant.toml")
        result = CliRunner().invoke(clean, ["kanman", "--tenant", str(file)])
        assert result.exit_code == 0 and "is a stand-in" in result.stdout and tenant.writes == []


def test_clean__sets_go_after_what_is_in_them(tmp_path: Path) -> None:
    with TestTenant(load("kantata")) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"), seed=41)
        target.guard.ownership.book = None
        one = Tenant(target, world=None, chance=target.tenant("x").chance)
        holder = one.create("task_status_sets")["id"]
        status = one.create("custom_task_statuses", status_set_id=int(holder))["id"]
        target.close()
        tenant.log.clear()
        result = CliRunner().invoke(clean, ["kantata", "--tenant", str(tmp_path / "tenant.toml")])
        assert result.exit_code == 0, result.output
        assert [each.path for each in tenant.writes] == [
            f"/custom_task_statuses/{status}",
            f"/task_status_sets/{holder}",
        ]


def test_clean__finds_what_is_on_later_pages_and_in_lists_without_a_mark(tmp_path: Path) -> None:
    with TestTenant(load("kanbert")) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"), seed=41)
        before = tenant.records("tasks"), tenant.records("webhooks")
        world = target.tenant("x")
        for _ in range(33):
            world.create("tasks")
        world.create("webhooks")  # has no field for a mark: the journal knows it
        target.close()
        result = CliRunner().invoke(clean, ["--tenant", str(tmp_path / "tenant.toml")])
        assert result.exit_code == 0, result.output
        assert (tenant.records("tasks"), tenant.records("webhooks")) == before
        assert list(folder().iterdir()) == []


def test_clean__what_no_operation_removes_is_told_once_and_fails_nothing(tmp_path: Path) -> None:
    with TestTenant(load("kanbert")) as tenant:
        file = tenant.toml(tmp_path / "tenant.toml")
        target = tenant.open(file, seed=41)
        for number in range(3):
            told = {"task_id": target.known["task_id"], "comment": f"<p>Who reads this? {number}</p>"}
            assert target.tenant("x").call("createComment", json=told).status == 201
        target.close()
        assert list(folder().iterdir()) != []
        rehearsed = CliRunner().invoke(clean, ["kanbert", "--tenant", str(file), "--dry-run"])
        assert list(folder().iterdir()) != []
        first, second = (CliRunner().invoke(clean, ["kanbert", "--tenant", str(file)]) for _ in range(2))
        line = "left behind: 3 comments, which no operation removes"
        assert (rehearsed.exit_code, rehearsed.stdout.splitlines().count(line)) == (0, 1), rehearsed.output
        assert (first.exit_code, first.stdout.splitlines().count(line)) == (0, 1), first.output
        assert (second.exit_code, line in second.stdout) == (0, False) and list(folder().iterdir()) == []


def test_clean__equal_lines_are_one(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    _leave(there, tmp_path / "t", *(f"{number} [proofboard 3]" for number in range(5)))
    there.bend = _answering(405, times=99)
    result = run("kanman")
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("left behind: ")]
    assert result.exit_code == 1 and " and 2 more: the delete answered 405" in line


def test_clean__what_a_killed_run_left(there: TestTenant, run: Clean, tmp_path: Path) -> None:
    before = _tasks(there)
    file = there.toml(tmp_path / "tenant.toml")
    command = [str(Path(sys.executable).with_name("proofboard")), "test", "kanman", "--tenant", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        ends_at = time.monotonic() + 60
        while len(_tasks(there)) < len(before) + 2 and time.monotonic() < ends_at and process.poll() is None:
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    assert len(_tasks(there)) > len(before)
    assert run("kanman").exit_code == 0
    assert _tasks(there) == before


def test_mark__stays_at_the_end_of_a_text_that_has_to_be_unlike_others(
    there: TestTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = there.open(there.toml(tmp_path / "t"), seed=41)
    hints = {"mark": "label", "unique": ["label"]}
    monkeypatch.setattr(target.model, "hint", lambda resource, word: hints[word])
    first, second = (target.tenant(purpose).unlike("tasks", "label", "Check") for purpose in "xy")
    target.close()
    assert first != second and {run_of(first), run_of(second)} == {41}
