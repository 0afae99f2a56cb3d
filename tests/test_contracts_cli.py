"""`proofboard test` as it is typed: exit codes, and the reason on one line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contracts.cli import test as command
from contracts.report import files
from contracts.target import Target
from contracts.wire import Outgoing, Reply
from tests.odd_servers import always, closed_port, reply, serving
from tests.tools.serving import Served

HTML = "<html><form>Log in</form></html>"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def reason(result: Result) -> str:
    """The one line of stderr of a run that could not judge."""
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line


def test_run__in_process(tmp_path: Path) -> None:
    result = run("kanman", "--seed", "7", "--rule", "KM-09[67]", "--report", str(tmp_path))
    assert result.exit_code == 0 and result.stderr == ""
    assert result.stdout.startswith("KanMan at the mock in this process, profile quick, seed 7\n")
    report = json.loads((tmp_path / "report.json").read_text())
    assert [(rule["id"], rule["state"]) for rule in report["rules"]] == [("KM-096", "holds"), ("KM-097", "holds")]


def test_run__a_seed_that_is_not_given_is_told() -> None:
    assert "seed " in run("kanman", "--rule", "KM-114").stdout


def test_run__over_http(server: Served) -> None:
    result = run("kanman", "--target", server.base_url("kanman"), "--rule", "KM-114")
    assert result.exit_code == 0, result.output


def test_run__a_tenant_file_alone_is_enough(server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8")
    file = tmp_path / "tenant.toml"
    file.write_text(
        f'[kanman]\nbase_url = "{server.base_url("kanman")}"\n'
        '[kanman.credentials.owner]\nheaders = { Authorization = "Bearer ${TOKEN}" }\n'
    )
    result = run("kanman", "--tenant", str(file), "--rule", "KM-01[045]", "--rule", "KM-114")
    assert result.exit_code == 0, result.output
    assert "needs a reader credential" in result.stdout and "km_Ow7" not in result.output


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (always(404, "{}"), "every read answers 404: is http://127.0.0.1"),
        (always(200, HTML, "text/html"), "answered 200 with text/html and no JSON: this is not the API"),
        (
            always(302, "", location="https://login.example/"),
            "leads to https://login.example/: redirects are not follow",
        ),
        (always(401, "{}"), "the credentials of owner are refused: /boards answered 401"),
        (always(403, "{}"), "the credentials of owner are refused: /boards answered 403"),
        (always(500, HTML, "text/html"), "answered 500, and so does every read: the target is out of order"),
        (always(200, '{"boards": ['), "and no JSON: this is not the API"),
        (always(429, "{}", **{"retry-after": "0"}), "the target went on answering 429"),
    ],
)
def test_target__that_cannot_be_judged(answer: Callable[[Outgoing], Reply], expected: str, tmp_path: Path) -> None:
    with serving(answer) as url:
        result = run("kanman", "--target", url, "--report", str(tmp_path))
    assert expected in reason(result)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["exit_code"] == 2 and expected in report["reason"] and (tmp_path / "junit.xml").stat().st_size


def test_target__nobody_listens(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}/kanman/v1"
    result = run("kanman", "--target", url, "--report", str(tmp_path))
    assert "cannot be reached" in reason(result)
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "could not judge"


def test_target__a_caller_of_a_tenant_is_refused() -> None:
    def answer(request: Outgoing) -> Reply:
        if request.target.startswith("/_mock"):
            return reply(404, "")
        is_owner = "km_Ow7" in dict((name.lower(), value) for name, value in request.headers).get("authorization", "")
        return reply(200, '{"boards": []}') if is_owner else reply(401, "{}")

    with serving(answer) as url:
        assert "the credentials of reader are refused: /boards answered 401" in reason(run("kanman", "--target", url))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["kanman", "--target", "kanman.de"], "--target is 'kanman.de': expected a URL that begins with http://"),
        (["kanman", "--target", "ftp://x"], "expected a URL that begins with http:// or https://"),
        (["kanman", "--rule", "XX-1"], "no rule of KanMan fits XX-1; an id looks like KM-001"),
        (["kanman", "--max-requests", "0"], "a budget of zero requests: nothing can be judged"),
        (["kanmann"], "Did you mean kanman?"),
        (["kanman", "--tenant", "/nowhere.toml"], "/nowhere.toml: cannot be read: No such file or directory"),
        (["kanman", "--report", "/dev/null/x"], "--report /dev/null/x cannot be written"),
    ],
)
def test_usage__that_makes_no_sense(arguments: list[str], expected: str) -> None:
    assert expected in reason(run(*arguments))


@pytest.mark.parametrize(
    "arguments", [["kanman", "--profile", "slow"], ["kanman", "--max-time", "0"], ["kanman", "--read"], []]
)
def test_usage__that_click_refuses(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_tenant__and_the_mock_exclude_each_other(server: Served, tmp_path: Path) -> None:
    file = tmp_path / "tenant.toml"
    file.write_text('[kanman]\nbase_url = "http://x"\n[kanman.credentials.owner]\nheaders = { A = "b" }\n')
    assert "give one of them" in reason(run("kanman", "--tenant", str(file), "--target", "mock"))


def test_budget__of_a_few_requests_judges_a_little(server: Served) -> None:
    result = run("kanman", "--max-requests", "30")
    assert result.exit_code == 0 and "the budget of 30 requests is spent" in result.stdout


def test_time__that_is_up_leaves_the_rest() -> None:
    result = run("kanman", "--max-time", "1")
    assert "the time is up" in result.stdout, result.output


def test_budget__that_judges_nothing_is_not_green(server: Served) -> None:
    assert "the budget of 1 requests is spent" in reason(run("kanman", "--max-requests", "1", "--rule", "KM-114"))


@pytest.mark.parametrize("place", ["mockserver.vendor.load", "contracts.report.terminal.show"])
def test_run__an_interrupt_at_any_time_is_no_verdict(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*told: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupt)
    assert reason(run("kanman", "--seed", "7", "--rule", "KM-096")) == "could not judge: interrupted"


def test_run__nobody_impatient_loses_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*told: object) -> list[Path]:
        signal.raise_signal(signal.SIGINT)
        return write_all(*told)

    write_all: Callable[..., list[Path]] = files.write
    monkeypatch.setattr(files, "write", write)
    result = run("kanman", "--seed", "7", "--rule", "KM-096", "--report", str(tmp_path))
    assert result.exit_code == 0 and sorted(path.name for path in tmp_path.iterdir()) == sorted(files.NAMES)


def test_run__a_second_interrupt_after_the_end_still_tells_what_is_left(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(target: Target, *told: object, **more: object) -> None:
        target.left_behind.append("tasks 1: interrupted")
        monkeypatch.setattr(target, "clean_up", lambda: target.left_behind.append("tasks 2: the delete answered 500"))
        raise KeyboardInterrupt

    monkeypatch.setattr("contracts.runner.run", interrupted)
    reason(run("kanman", "--target", server.base_url("kanman"), "--rule", "KM-096", "--report", str(tmp_path)))
    assert json.loads((tmp_path / "report.json").read_text())["left_behind"] == ["tasks 2: the delete answered 500"]


def test_run__who_stops_listening_ends_neither_run_nor_report(tmp_path: Path) -> None:
    there, here = os.pipe()
    os.close(there)
    program = str(Path(sys.executable).with_name("proofboard"))
    words = [program, "test", "kanman", "--rule", "KM-096", "--report", str(tmp_path)]
    done = subprocess.run(words, stdout=here, stderr=subprocess.PIPE, check=False)
    os.close(here)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files.NAMES)
