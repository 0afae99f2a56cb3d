"""The command as a person meets it: most tests run the installed program, as they do."""

import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mockserver import __version__, cli, listing
from mockserver.settings import TABLE
from mockserver.vendor import load, shipped

ROOT = Path(__file__).parent.parent
TOY = str(ROOT / "fixtures/toy_vendor")
AT_ONCE = 5  # seconds; a kept connection or a delayed answer would last a minute
PROGRAM = [sys.executable, "-c", "from mockserver.cli import main; main()"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, arguments, catch_exceptions=False)


def refused(*arguments: str) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


@dataclass
class Server:
    process: subprocess.Popen[str]
    welcome: str
    port: int

    def end(self, number: int) -> tuple[int, str, float]:
        """Exit code, what it still said, and how long it took to end."""
        start = time.monotonic()
        self.process.send_signal(number)
        said = "".join(self.process.communicate(timeout=20))
        return self.process.returncode, said, time.monotonic() - start


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """A server on a free port, once it says that it is ready."""
    with subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout
            welcome = ""
            while "Ctrl-C" not in welcome:
                line = process.stdout.readline()
                assert line, process.communicate()[1]
                welcome += line
            found = re.search(r"http://127\.0\.0\.1:(\d+)", welcome)
            assert found
            yield Server(process, welcome, int(found[1]))
        finally:
            process.kill()


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()


# Telling


def test_version() -> None:
    assert run("--version").stdout == f"proofboard, version {__version__}\n"


def test_help__names_every_command_with_an_example() -> None:
    text = run("--help").stdout
    for name in ("serve", "rules", "check", "routes", "credentials", "test"):
        assert re.search(rf"^  {name} ", text, re.MULTILINE)
        if name != "test":
            assert f"proofboard {name}" in run(name, "--help").stdout


def test_help__of_serve_tells_every_setting() -> None:
    text = " ".join(run("serve", "--help").stdout.split())
    for setting in TABLE:
        assert f"{setting.option} {setting.metavar} {setting.help}" in text
        assert f"[{setting.variable}]" in text


def test_command__unknown() -> None:
    assert refused("sevre").startswith("There is no command 'sevre'. Did you mean 'serve'? Commands: serve, rules,")


def test_command__that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("judge", "nowhere.cli:judge", cli.GROUP)
    monkeypatch.setattr(cli, "_added", lambda: {"judge": entry})
    said = refused("judge", "toy", "--deep")
    assert said == (
        "The command 'judge' comes from nowhere.cli:judge, which cannot be loaded: "
        "ModuleNotFoundError: No module named 'nowhere'\n"
    )
    assert "(cannot be loaded)" in run("--help").stdout


def test_rules__piped() -> None:
    lines = run("rules", TOY).stdout.splitlines()
    assert lines[1].split("\t") == [
        "TOY-002", "published", "rule", "getNote", "What does not exist answers 404.", "001:2",
    ]  # fmt: skip
    assert len(lines) == 4


def test_rules__in_a_terminal() -> None:
    text = listing.rules([load(TOY)], as_json=False, is_terminal=True)
    assert "Toy: 4 rules, 1 documented, 1 published, 1 assumed, 1 inferred" in text
    assert "judged by" in text


def test_rules__as_json() -> None:
    rule = json.loads(run("rules", TOY, "--json").stdout)["toy"][2]
    assert rule == {
        "id": "TOY-003",
        "statement": "A note has a text.",
        "operations": ["createNote"],
        "grade": "assumed",
        "binding": False,
        "source": "our decision",
        "accepts": "422 instead of 400",
        "judge": "schema",
        "detail": ["/components/schemas/Note/required"],
    }


def test_rules__of_all_that_ship() -> None:
    assert list(json.loads(run("rules", "--json").stdout)) == shipped()


def test_routes__piped() -> None:
    lines = run("routes", TOY).stdout.splitlines()
    assert lines[2].split("\t") == ["getNote", "GET /notes/{id}", "get", "TOY-001,TOY-002,TOY-004"]


def test_routes__in_a_terminal() -> None:
    text = listing.routes([load(TOY)], is_terminal=True)
    assert re.search(r"createNote +POST /notes +create +3; its own: TOY-003", text)


def test_check__a_sound_folder() -> None:
    result = run("check", TOY)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("toy is sound: 3 operations simulated, 0 only shaped; 4 rules")


def test_check__an_unknown_vendor() -> None:
    name = shipped()[0]
    said = refused("check", name + "x")
    assert f"Did you mean {name}?" in said
    assert f"Vendors: {', '.join(shipped())}" in said


def test_check__a_broken_folder(tmp_path: Path) -> None:
    (tmp_path / "seed.yaml").write_text("records: 3")
    lines = refused("check", str(tmp_path)).splitlines()
    assert any(line.startswith(f"{tmp_path}/openapi.yaml: is missing; a vendor folder has") for line in lines)
    assert any(
        line.startswith(f"{tmp_path}/seed.yaml:1: records is 3; expected resource: its records") for line in lines
    )


def test_credentials__piped() -> None:
    lines = run("credentials", TOY).stdout.splitlines()
    assert lines[0] == "toy\tbase_url\thttp://127.0.0.1:4010/toy/v1"
    assert lines[1].split("\t") == ["toy", "owner", "no scopes", "X-Toy-Key: toy-owner"]
    assert lines[-1].split("\t") == ["toy", "note_id", "n1"]


def test_credentials__as_json() -> None:
    told = json.loads(run("credentials", TOY, "--json").stdout)["toy"]
    assert told["base_url"] == "http://127.0.0.1:4010/toy/v1"
    assert told["callers"]["owner"]["headers"] == {"X-Toy-Key": "toy-owner"}
    assert told["known"] == {"note_id": "n1"}


def test_credentials__as_a_tenant_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOFBOARD_PORT", "8080")
    text = run("credentials", TOY, "--toml").stdout
    assert tomllib.loads(text) == {
        "toy": {
            "base_url": "http://127.0.0.1:8080/toy/v1",
            "credentials": {
                "owner": {"headers": {"X-Toy-Key": "toy-owner"}},
                "expired": {"headers": {"X-Toy-Key": "toy-expired"}},
            },
            "known": {"note_id": "n1"},
        }
    }
    budget = "\n".join(re.findall(r"^# ([\[a-z].*)$", text, re.MULTILINE))
    assert set(tomllib.loads(budget)["toy"]["budget"]) == {"requests", "writes", "per_minute"}


def test_credentials__tokens_that_end_soon() -> None:
    owner, expired = (run("credentials", "geotareas").stdout.splitlines()[at] for at in (1, 5))
    assert owner.endswith("; logs in with email carlos.mendoza@example.com, password correct horse battery staple")
    assert expired.endswith("; token from /_mock/credentials")
    text = run("credentials", "geotareas", "--toml").stdout
    assert "# A token ends after an hour, so none stands here: a run logs in when it begins" in text
    callers = tomllib.loads(text)["geotareas"]["credentials"]
    assert all(("login" in one) != ("Authorization" in one["headers"]) for one in callers.values())


def test_credentials__two_forms_at_once() -> None:
    assert refused("credentials", "--json", "--toml") == "--json and --toml exclude each other: choose one.\n"


# Serving


def test_serve__refuses_settings_that_make_no_sense() -> None:
    said = refused("serve", "--port", "many", "--workers", "2", "--state", "postgresql://host/db").splitlines()
    assert [line.split(" is ")[0] for line in said] == ["port", "state", "workers"]


def test_serve__refuses_a_vendor_twice() -> None:
    assert refused("serve", "--port", "0", TOY, TOY).startswith("toy is named twice")


def test_serve__a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("serve", TOY, "--port", str(port))
    other = port + 1 if port < 65535 else 4010
    assert said == (
        f"Port {port} on 127.0.0.1 is in use: stop what listens there, or serve on another with --port {other}.\n"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_serve__an_address_of_another_machine(host: str) -> None:
    assert f"The host '{host}' is not an address of this machine" in refused("serve", TOY, "--host", host)


def test_serve__welcomes_with_callers_and_a_line_to_paste() -> None:
    with serving(TOY) as server:
        assert f"Toy  http://127.0.0.1:{server.port}/toy/v1" in server.welcome
        assert re.search(r"^  owner +no scopes +X-Toy-Key: toy-owner$", server.welcome, re.MULTILINE)
        (line,) = re.findall(r"^  (curl .*)$", server.welcome, re.MULTILINE)
        answer = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True).stdout
    assert answer.startswith("HTTP/1.1 200")
    assert "Buy milk" in answer


def test_serve__offers_a_login_where_tokens_end_soon() -> None:
    with serving("geotareas") as server:
        (line,) = re.findall(r"^  (curl .*)$", server.welcome, re.MULTILINE)
        answer = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True).stdout
    assert answer.startswith("HTTP/1.1 200")
    assert '"authorization":"ey' in answer


def test_serve__all_that_ship() -> None:
    with serving() as server:
        assert get(server.port, "/_mock/health")[0] == 200
        assert all(f"/{name}" in server.welcome for name in shipped())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve__ends_at_once_and_quietly(number: int) -> None:
    with serving(TOY) as server:
        kept = socket.create_connection(("127.0.0.1", server.port))
        kept.sendall(b"GET /toy/v1/notes/n1 HTTP/1.1\r\nHost: a\r\nX-Toy-Key: toy-owner\r\n\r\n")
        assert kept.recv(100).startswith(b"HTTP/1.1 200")
        code, said, seconds = server.end(number)
        kept.close()
    assert (code, said) == (0, "")
    assert seconds < AT_ONCE


def test_serve__ends_at_once_while_an_answer_is_delayed() -> None:
    with serving(TOY) as server:
        headers = {"X-Toy-Key": "toy-owner", "Prefer": "delay=60"}

        def wait() -> None:
            with pytest.raises((http.client.HTTPException, OSError)):
                get(server.port, "/toy/v1/notes/n1", **headers)

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.3)
        code, said, seconds = server.end(signal.SIGINT)
        waiting.join()
    assert (code, said) == (0, "")
    assert seconds < AT_ONCE


def test_serve__keeps_its_state_in_a_file(tmp_path: Path) -> None:
    state = str(tmp_path / "toy.db")
    for _ in range(2):
        with serving(TOY, "--state", state) as server:
            assert get(server.port, "/toy/v1/notes/n1", **{"X-Toy-Key": "toy-owner"})[0] == 200
            assert server.end(signal.SIGTERM)[:2] == (0, "")


def test_serve__a_state_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "toy.db").write_text("not a database" * 100)
    said = refused("serve", TOY, "--port", "0", "--state", str(tmp_path / "toy.db"))
    assert said.startswith(f"--state {tmp_path}/toy.db: ")


# The package


@pytest.mark.slow
def test_wheel__serves_outside_of_the_clone(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*build, str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = "import mockserver.vendor as v; print(v.__file__, *[v.load(name).name for name in v.shipped()])"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert told == [str(tmp_path / "site/mockserver/vendor.py"), *shipped()]
