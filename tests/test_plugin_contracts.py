"""The contract suites in a pytest session of one's own: sessions as people start them, in folders of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

import contracts.pytest_suites.session  # noqa: F401  # once, and not for each session in this process anew
from contracts import runner
from contracts.findings import Unjudgeable
from contracts.pytest_suites.spreading import Shared
from mockserver import cache
from mockserver.vendor import Vendor
from tests.bends import BENDS
from tests.tenancy import NO_WINDOWS, TestTenant
from tests.tools.judging import judge
from tests.tools.serving import ROOT, clean_environment

pytest_plugins = "pytester"

KANMAN = "--proofboard-vendor=kanman"
SCOPES = "KM-010 or KM-011 or KM-012"  # what nobody enforces behind the bend of this name
OWN_TEST = "def test_own__passes() -> None:\n    assert True\n"


Run: TypeAlias = Callable[..., "Session"]


@dataclass(frozen=True)
class Session:
    """What a session came to. `outcomes` are by the name of the test, as --junitxml has it."""

    code: int
    output: str
    outcomes: dict[str, str]

    def those(self, outcome: str) -> set[str]:
        return {name for name, each in self.outcomes.items() if each == outcome}


def environment(folder: Path) -> dict[str, str]:
    return clean_environment({"XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "200"})


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """Where a session in this process is at home. What was worked out before is kept elsewhere, as always."""
    if (kept := cache.folder()) is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(kept.parent))
    monkeypatch.setenv("COLUMNS", "200")
    pytester: pytest.Pytester = request.getfixturevalue("pytester")  # from here on HOME is another
    return pytester.path


@pytest.fixture
def run_pytest(folder: Path, pytester: pytest.Pytester) -> Run:
    """`pytest` in this process; what is started by `-n` are processes of their own."""
    junit = folder / "of-pytest.xml"

    def run(*arguments: str) -> Session:
        done = pytester.runpytest_inprocess(f"--junitxml={junit}", *arguments)
        return _read(int(done.ret), f"{done.stdout}\n{done.stderr}", junit)

    return run


def run_by_itself(folder: Path, *arguments: str) -> Session:
    """`pytest` as a command."""
    junit = folder / "of-pytest.xml"
    words = [sys.executable, "-m", "pytest", f"--junitxml={junit}", *arguments]
    done = subprocess.run(words, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=300)
    return _read(done.returncode, done.stdout + done.stderr, junit)


def _read(code: int, output: str, junit: Path) -> Session:
    outcomes = {}
    if junit.exists():
        for case in xml.parse(junit).getroot().iter("testcase"):
            children = [child for child in case if child.tag in ("failure", "error", "skipped")]
            is_expected = any(child.get("type") == "pytest.xfail" for child in children)
            kind = "xfailed" if is_expected else children[0].tag if children else "passed"
            outcomes[f"{case.get('classname')}::{case.get('name')}"] = kind
        junit.unlink()
    return Session(code, output, outcomes)


def rule(name: str) -> str:
    return f"proofboard.kanman.rules::{name}"


def collected(run: Run, *arguments: str) -> set[str]:
    """The names of the rules that a session would judge."""
    told = run(KANMAN, "--collect-only", "-q", *arguments).output
    return set(re.findall(r"^proofboard::kanman::rules::(\S+)$", told, re.MULTILINE))


@pytest.fixture(scope="module")
def unscoped(kanman: Vendor) -> Iterator[TestTenant]:
    """A mock that somebody serves, in which scopes do not count."""
    with TestTenant(kanman, BENDS["scope-not-enforced"][0], has_control=True) as served:
        yield served


@pytest.fixture
def somebodys(kanman: Vendor) -> Iterator[TestTenant]:
    """A tenant without a control plane, straight until it is bent."""
    with TestTenant(kanman, **NO_WINDOWS) as tenant:
        yield tenant


def test_plugin__does_nothing_and_brings_nothing_in_without_a_vendor(tmp_path: Path) -> None:
    heavy = "('contracts.runner', 'contracts.pytest_suites', 'mockserver.vendor', 'connexion')"
    (tmp_path / "test_own.py").write_text(
        f"import sys\n\n\ndef test_own() -> None:\n    assert not [name for name in {heavy} if name in sys.modules]\n"
    )

    session = run_by_itself(tmp_path)

    assert (session.code, session.outcomes) == (0, {"test_own::test_own": "passed"})
    assert "--proofboard-seed needs --proofboard-vendor" in run_by_itself(tmp_path, "--proofboard-seed=1").output


def test_plugin__judges_in_a_folder_without_tests(tmp_path: Path) -> None:
    session = run_by_itself(tmp_path, KANMAN, "--proofboard-seed=1", "-k", "KM-012 or KM-003", "-W", "error")

    assert session.code == 0, session.output
    assert session.outcomes == {rule("KM-003"): "passed", rule("KM-012"): "passed"}
    assert "proofboard: KanMan at the mock in this process, profile quick, seed 1" in session.output
    assert not (tmp_path / ".hypothesis").exists()


def test_plugin__judges_beside_one_s_own_tests(folder: Path, run_pytest: Run, unscoped: TestTenant) -> None:
    (folder / "test_own.py").write_text(OWN_TEST)

    session = run_pytest(KANMAN, f"--proofboard-target={unscoped.url}", "-k", "test_own or KM-003 or KM-012")

    assert session.code == 1
    assert session.outcomes == {
        "test_own::test_own__passes": "passed",
        rule("KM-003"): "passed",
        rule("KM-012"): "failure",
    }


def test_plugin__selects_by_keyword_and_marker(run_pytest: Run, kanman: Vendor) -> None:
    rules = kanman.rules.values()
    about = {each.id for each in rules if "createTask" in each.operations}
    section = next(each.section for each in rules if each.section)

    assert collected(run_pytest, "-k", "KM-012 or createTask") == about | {"KM-012"}
    assert collected(run_pytest, "-m", "documented") == {each.id for each in rules if each.grade == "documented"}
    assert collected(run_pytest, "-m", "schema and not assumed") == {
        each.id for each in rules if each.judge == "schema" and each.grade != "assumed"
    }
    assert collected(run_pytest, "-m", 'operation(id="createTask")', "--strict-markers") == about
    assert collected(run_pytest, "-m", f'section(name="{section}")') == {
        each.id for each in rules if each.section == section
    }
    assert collected(run_pytest, "proofboard::kanman::rules::KM-012", "--deselect=proofboard::kanman::model") == {
        "KM-012"
    }
    assert collected(run_pytest) == set(kanman.rules)


def test_failure__is_told_as_a_finding(run_pytest: Run, unscoped: TestTenant) -> None:
    session = run_pytest(KANMAN, f"--proofboard-target={unscoped.url}", "--proofboard-seed=3", "-k", "KM-012")

    assert session.code == 1
    told = session.output
    assert "deleteTask by reader, who has read but not delete: expected 403 insufficient_scope, got 200" in told
    assert "KM-012 (documented): DELETE needs scope delete" in told
    assert f"DELETE {unscoped.url}/tasks/" in told and "-> 200" in told and '{"success":true}' in told
    assert f"curl -i -X DELETE {unscoped.url}/tasks/" in told
    assert "$READER_TOKEN" in told and "km_Read" not in told
    assert "FAILED proofboard::kanman::rules::KM-012 - Failed: deleteTask by reader" in told
    assert ".py:" not in told.partition("FAILURES")[2]


def test_summary__of_a_failure_is_one_line_where_ci_does_not_cut_it(
    run_pytest: Run, unscoped: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    session = run_pytest(KANMAN, f"--proofboard-target={unscoped.url}", "-k", "KM-012", "-n1")

    summary = session.output.partition("short test summary info")[2].splitlines()[1:]
    assert summary[0].startswith("FAILED proofboard::kanman::rules::KM-012 - Failed: deleteTask by reader")
    assert summary[0].endswith('got 200 {"success":true}')
    assert summary[1].startswith("====")


def test_failure__names_the_command_that_finds_it_again(run_pytest: Run, unscoped: TestTenant) -> None:
    first = run_pytest(KANMAN, f"--proofboard-target={unscoped.url}", "-k", "KM-012")

    found = re.search(r"^again: pytest (.*)$", first.output, re.MULTILINE)

    assert found is not None
    again = run_pytest(*found[1].split())
    assert (again.code, again.outcomes) == (1, {rule("KM-012"): "failure"})


def test_session__stops_at_the_first_failure_and_repeats_what_failed(run_pytest: Run, unscoped: TestTenant) -> None:
    target = (KANMAN, f"--proofboard-target={unscoped.url}")

    stopped = run_pytest(*target, "-x", "-k", f"KM-003 or {SCOPES}")
    failed = run_pytest(*target, "-k", f"KM-003 or {SCOPES}")
    repeated = run_pytest(*target, "--lf")

    broken = {rule("KM-010"), rule("KM-011"), rule("KM-012")}
    assert stopped.outcomes == {rule("KM-003"): "passed", rule("KM-010"): "failure"}
    assert failed.those("failure") == broken and failed.those("passed") == {rule("KM-003")}
    assert set(repeated.outcomes) == repeated.those("failure") == broken


def test_session__spread_over_processes_finds_the_same(folder: Path, run_pytest: Run, unscoped: TestTenant) -> None:
    (folder / "test_own.py").write_text(OWN_TEST)
    target = (KANMAN, f"--proofboard-target={unscoped.url}", "-k", "test_own or law", "-m", "not slow")

    spread = run_pytest(*target, "-n", "2")

    assert "2 workers" in spread.output
    assert spread.outcomes == run_pytest(*target).outcomes
    assert {rule("KM-010"), rule("KM-012")} <= spread.those("failure")


def test_tenant__has_one_guard_whatever_the_processes(folder: Path, run_pytest: Run, somebodys: TestTenant) -> None:
    before = somebodys.records("tasks")
    file = somebodys.toml(folder / "tenant.toml", budget={"requests": 80, "writes": 40})
    (folder / "test_own.py").write_text(OWN_TEST)

    session = run_pytest(KANMAN, f"--proofboard-tenant={file}", "-n", "2", "-k", f"test_own or KM-003 or {SCOPES}")

    assert session.code == 0, session.output
    assert session.those("passed") == {
        "test_own::test_own__passes",
        *map(rule, ("KM-003", "KM-010", "KM-011", "KM-012")),
    }
    assert 0 < len(somebodys.log) <= 80 and len(somebodys.writes) <= 40
    assert somebodys.records("tasks") == before


def test_tenant__is_left_as_it_was_when_the_first_failure_ends_the_session(
    folder: Path, run_pytest: Run, somebodys: TestTenant
) -> None:
    before = somebodys.records("tasks")
    somebodys.bend = BENDS["scope-not-enforced"][0]
    file = somebodys.toml(folder / "tenant.toml")

    session = run_pytest(KANMAN, f"--proofboard-tenant={file}", "-x", "-k", SCOPES)

    assert session.code == 1
    assert len(session.those("failure")) == 1
    assert somebodys.records("tasks") == before


def test_tenant__is_only_read_when_that_is_asked_for(folder: Path, run_pytest: Run, somebodys: TestTenant) -> None:
    file = somebodys.toml(folder / "tenant.toml")

    session = run_pytest(
        KANMAN, f"--proofboard-tenant={file}", "--proofboard-read-only", "-k", "KM-003 or KM-012", "-rs"
    )

    assert session.code == 0
    assert session.outcomes == {rule("KM-003"): "passed", rule("KM-012"): "skipped"}
    assert "not judged: needs to write, and this run only reads" in session.output
    assert somebodys.log and not somebodys.writes


def test_warning__of_a_tenant_is_an_expected_failure(
    folder: Path, run_pytest: Run, kanman: Vendor, somebodys: TestTenant
) -> None:
    assert kanman.rules["KM-129"].grade == "assumed"
    somebodys.bend = BENDS["wrong-status-value-accepted"][0]
    file = somebodys.toml(folder / "tenant.toml")

    session = run_pytest(KANMAN, f"--proofboard-tenant={file}", "-k", "KM-129")

    assert (session.code, session.outcomes) == (0, {rule("KM-129"): "xfailed"})
    assert re.search(r"=+ proofboard =+\nproofboard::kanman::rules::KM-129\n", session.output)
    assert "curl -i" in session.output


def test_baseline__makes_what_is_known_an_expected_failure(folder: Path, run_pytest: Run, unscoped: TestTenant) -> None:
    known = folder / "baseline.toml"
    known.write_text('[[known]]\nrule = "KM-012"\nreason = "in May"\nowner = "Ada"\nexpires = 2999-05-31\n')
    target = (KANMAN, f"--proofboard-target={unscoped.url}", f"--proofboard-baseline={known}", "-k", "KM-012")

    session = run_pytest(*target, "-rx")

    assert (session.code, session.outcomes) == (0, {rule("KM-012"): "xfailed"})
    assert "known until 2999-05-31: in May (Ada)" in session.output
    assert run_pytest(*target, "--runxfail").outcomes == {rule("KM-012"): "failure"}


def test_report__is_that_of_the_command(folder: Path, run_pytest: Run, unscoped: TestTenant) -> None:
    target = (KANMAN, f"--proofboard-target={unscoped.url}", "--proofboard-report=report")

    session = run_pytest(*target, "-n", "2", "-k", "KM-003 or KM-012")

    assert session.code == 1
    report = json.loads((folder / "report" / "report.json").read_bytes())
    assert {each["id"]: each["state"] for each in report["rules"]} == {"KM-003": "holds", "KM-012": "broken"}
    names = {"report.json", "report.html", "junit.xml", "report.sarif", "exchanges.har"}
    assert {path.name for path in (folder / "report").iterdir()} == names


def test_target__that_cannot_be_judged_is_told_once(run_pytest: Run) -> None:
    session = run_pytest(KANMAN, "--proofboard-target=http://127.0.0.1:1/kanman/v1", "-k", SCOPES)

    assert session.code == 1
    assert sorted(session.outcomes.values()) == ["failure", "skipped", "skipped"]
    assert "could not be judged: " in session.output


def test_tenant__is_not_asked_again_by_who_does_not_know_what_was_spent(tmp_path: Path) -> None:
    Shared(tmp_path, "gw0", is_spread=False).claim(is_alone=True)

    with pytest.raises(Unjudgeable, match="another process of this session has spoken with the target"):
        Shared(tmp_path, "gw2", is_spread=False).claim(is_alone=True)


def test_session__in_which_nothing_was_judged_is_not_green(run_pytest: Run) -> None:
    session = run_pytest(KANMAN, "-k", "KM-199")

    assert (session.code, session.outcomes) == (5, {rule("KM-199"): "skipped"})
    assert "not one test of the contract came to a verdict" in session.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--proofboard-vendor=kanmann"], "kanmann: is neither a vendor that ships nor a folder"),
        ([KANMAN, "--proofboard-target=nowhere"], "--proofboard-target is 'nowhere'"),
        ([KANMAN, "--proofboard-max-requests=0"], "a budget of zero requests"),
        ([KANMAN, "-n", "2", "--dist=each"], "--dist each would judge the same target"),
    ],
)
def test_order__with_a_mistake_is_refused(run_pytest: Run, arguments: list[str], told: str) -> None:
    session = run_pytest(*arguments)

    assert session.code == 4
    assert told in session.output
    assert "Traceback" not in session.output


@pytest.mark.slow
def test_whole_session__finds_what_a_run_finds(
    tmp_path: Path, kanman: Vendor, unscoped: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (KANMAN, f"--proofboard-target={unscoped.url}", "--proofboard-seed=3", "-k", "not model")
    monkeypatch.setattr(runner, "_play", lambda docket, profile: None)  # its sequences take long to be made short

    result = judge(kanman, BENDS["scope-not-enforced"][0], tenant=False, seed=3)
    alone, spread = run_by_itself(tmp_path, *options), run_by_itself(tmp_path, *options, "-n", "2")

    rules = {rule(name) for name in kanman.rules}
    broken = {rule(each.rule) for each in result.verdicts if each.state == "broken"}
    assert broken and broken == alone.those("failure") & rules == spread.those("failure") & rules
    unjudged = {rule(each.rule) for each in result.verdicts if each.state == "not judged"}
    assert unjudged == alone.those("skipped") == spread.those("skipped")


@pytest.mark.slow
def test_interrupt__removes_what_a_tenant_was_given(tmp_path: Path, somebodys: TestTenant) -> None:
    before = somebodys.records("tasks")
    file = somebodys.toml(tmp_path / "tenant.toml")
    words = [sys.executable, "-m", "pytest", KANMAN, f"--proofboard-tenant={file}"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        while len(somebodys.writes) < 40:
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        told, _ = process.communicate(timeout=120)

    assert process.returncode == 2, told
    assert "KeyboardInterrupt" in told
    assert somebodys.records("tasks") == before


@pytest.mark.slow
def test_vendor__of_one_s_own_holds(tmp_path: Path) -> None:
    (tmp_path / "toy").symlink_to(ROOT / "fixtures" / "toy_vendor")

    session = run_by_itself(tmp_path, "--proofboard-vendor=./toy", "-n", "2")

    assert session.code == 0, session.output
    assert "proofboard.toy.conformance::createNote" in session.those("passed")
