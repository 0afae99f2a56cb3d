"""Who is compared: how each is started, what it must answer, and what it is asked."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_apps import DOCUMENT, TASK, TOKEN
from peer_load import Work
from peer_servers import Answer, CannotMeasure, Server, free_port, running

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = Path(__file__).resolve().parent
NPM_CACHE = ROOT / ".cache/npm"
PRISM = "@stoplight/prism-cli"
PINNED = ROOT / "tests/tools/package.json"
PRISM_VERSION = json.loads(PINNED.read_text(encoding="utf-8"))["dependencies"][PRISM]
INSTALLER = ROOT / "tests/tools/install_node_tools.sh"
MOCK = "Proofboard"
LABEL = "New task from the benchmark"
PYTHON_PEERS = {  # name -> what peer_apps.py calls it, what it does
    "AsyncApp": ("asyncapp", "authentication, validation, a constant"),
    "FlaskApp": ("flaskapp", "authentication, validation, a constant"),
    "Starlette": ("starlette", "a constant; the body of POST is not even read"),
    "Starlette reading": ("reading", "a constant; the body of POST is parsed and forgotten"),
}


@dataclass(frozen=True)
class Contender:
    """A running server, and how to ask it for the work."""

    name: str
    server: Server
    base: str  # path before the vendor's own
    headers: Mapping[str, str]
    task_id: str
    project_id: str
    does: str
    keeps_state: bool = False

    @property
    def get_path(self) -> str:
        return f"{self.base}/tasks/{self.task_id}"

    @property
    def post_path(self) -> str:
        return f"{self.base}/tasks"

    def refresh(self) -> None:
        """Back to the seed and one task more, so that every burst finds the same state. The peers have none."""
        if self.keeps_state:
            client = self.server.client(self.headers)
            expect_status(self, "POST /_mock/reset", client.send("POST", "/_mock/reset"), 200)
            expect_task(self, "POST one task", client.send("POST", self.post_path, self.body()))
            client.close()

    def body(self, **changes: Any) -> bytes:
        fields = {"projectId": self.project_id, "label": LABEL, "description": "One plain line.", "status": 0}
        fields.update(changes)
        return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()

    def works(self) -> tuple[Work, Work]:
        return (
            Work("GET one task", "GET", [self.get_path], self.headers),
            Work("POST one task", "POST", [self.post_path], self.headers, self.body()),
        )


def mock_command(port: int, *options: str, vendor: str | None = "kanman") -> list[str]:
    """The mock as a user starts it, from the environment that runs this program; no vendor means all of them."""
    program = Path(sys.executable).parent / "proofboard"
    if not program.exists():
        raise CannotMeasure(f"{program} is missing: install the project into this environment first (make install)")
    vendors = [] if vendor is None else [vendor]
    return [str(program), "serve", *vendors, "--limits", "off", "--port", str(port), *options]


@contextlib.contextmanager
def mock(*options: str, name: str = MOCK) -> Iterator[Contender]:
    port = free_port()
    with running(name, mock_command(port, *options), port, ROOT) as server:
        server.wait("/_mock/health")
        yield meet_mock(name, server)


def meet_mock(name: str, server: Server) -> Contender:
    client = server.client()
    told = client.send("GET", "/_mock/credentials").json()
    client.close()
    try:
        kanman = told["kanman"]
        base = "/" + kanman["base_url"].split("/", 3)[3].rstrip("/")
        known, headers = kanman["known"], kanman["callers"]["owner"]["headers"]
        ids = known["task_id"], known["project_id"]
    except (KeyError, IndexError, TypeError) as error:
        raise CannotMeasure(f"{name}: /_mock/credentials answers in another shape than designed ({error!r})") from error
    does = "authentication, scope, quota headers, validation, journal, stored state"
    return Contender(name, server, base, headers, *ids, does, keeps_state=True)


def prism_program() -> Path:
    """Prism at the pinned version; installed into the cache on first use."""
    package = NPM_CACHE / "node_modules" / PRISM / "package.json"
    if not package.exists() or json.loads(package.read_text())["version"] != PRISM_VERSION:
        install_prism()
    if not package.exists():
        raise CannotMeasure(f"npm installed {PRISM}, but {package} is not there")
    return NPM_CACHE / "node_modules/.bin/prism"


def install_prism() -> None:
    if not shutil.which("npm") or not shutil.which("node"):
        raise CannotMeasure("Prism needs Node.js: node and npm are not on the path")
    try:
        subprocess.run([str(INSTALLER)], check=True, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired as error:
        raise CannotMeasure("npm did not finish installing Prism in ten minutes") from error
    except subprocess.CalledProcessError as error:
        raise CannotMeasure(f"npm could not install {PRISM}@{PRISM_VERSION}: {error.stderr.strip()[-300:]}") from error


def prism_command(port: int) -> list[str]:
    return [str(prism_program()), "mock", "-h", "127.0.0.1", "-p", str(port), "-v", "fatal", str(DOCUMENT)]


def peer_of(name: str, server: Server, does: str) -> Contender:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return Contender(name, server, "", headers, TASK["task"]["id"], TASK["task"]["project_id"], does)


@contextlib.contextmanager
def prism() -> Iterator[Contender]:
    port = free_port()
    with running("Prism", prism_command(port), port, ROOT) as server:
        peer = peer_of("Prism", server, "presence of a token, validation, examples")
        server.wait(peer.get_path, peer.headers)
        yield peer


@contextlib.contextmanager
def python_peer(name: str) -> Iterator[Contender]:
    port = free_port()
    kind, does = PYTHON_PEERS[name]
    command = [sys.executable, str(BENCHMARKS / "peer_apps.py"), kind, str(port)]
    with running(name, command, port, ROOT) as server:
        peer = peer_of(name, server, does)
        server.wait(peer.get_path, peer.headers)
        yield peer


def examine(one: Contender) -> None:
    """Refuse to time a server that does not do the work: right answers to right requests, refusals of wrong ones."""
    client = one.server.client(one.headers)
    read = client.send("GET", one.get_path)
    expect_task(one, "GET one task", read)
    if read.json()["task"]["id"] != one.task_id:
        raise CannotMeasure(f"{one.name}: GET answers another task than the one asked for")
    made = client.send("POST", one.post_path, one.body())
    expect_task(one, "POST one task", made)
    if not one.name.startswith("Starlette"):
        expect_status(one, "POST without a label", client.send("POST", one.post_path, one.body(label=None)), 400)
        stranger = one.server.client()
        expect_status(one, "GET without a token", stranger.send("GET", one.get_path), 401)
        stranger.close()
    if one.keeps_state:
        examine_state(one, made.json()["task"])
    client.close()


def examine_state(one: Contender, made: dict[str, Any]) -> None:
    client = one.server.client(one.headers)
    again = client.send("GET", f"{one.post_path}/{made['id']}").json()
    if made["label"] != LABEL or again != {"task": made}:
        raise CannotMeasure(f"{one.name}: what POST made is not what GET answers")
    client.close()


def expect_task(one: Contender, what: str, answer: Answer) -> None:
    if answer.status not in (200, 201):
        raise CannotMeasure(f"{one.name}: {what} answers {answer.status}: {answer.body[:200]!r}")
    told = answer.json()
    task = told.get("task") if isinstance(told, dict) else None
    if not isinstance(task, dict) or set(task) != set(TASK["task"]):
        raise CannotMeasure(f"{one.name}: {what} answers another shape: {answer.body[:200]!r}")


def expect_status(one: Contender, what: str, answer: Answer, status: int) -> None:
    if answer.status != status:
        raise CannotMeasure(f"{one.name}: {what} answers {answer.status} where {status} was expected")
