"""Processes of the benchmark: started, awaited, weighed and ended. Nothing here knows what is measured."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
START_LIMIT = 120.0  # seconds; 100,000 records may take a while
PROC = Path("/proc")


class CannotMeasure(Exception):
    """What stands in the way, in one sentence for the user."""


class Refused(Exception):
    """The server is not listening, or hung up."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass
class Client:
    """One keep-alive connection. http.client, because it adds little and the same to everybody's time."""

    port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection(HOST, self.port, timeout=self.timeout)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            self._connection.request(method, path, body, sent)
            response = self._connection.getresponse()
            return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Refused(str(error)) from error

    def close(self) -> None:
        self._connection.close()


@dataclass
class Server:
    """A running process of ours, and where it answers."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    began: float

    def client(self, headers: Mapping[str, str] | None = None) -> Client:
        return Client(self.port, headers or {})

    def wait(self, path: str, headers: Mapping[str, str] | None = None, limit: float = START_LIMIT) -> float:
        """Seconds from the start of the process to its first 200 at this path."""
        client = self.client(headers)
        last = "nothing listened"
        while time.perf_counter() - self.began < limit:
            if self.process.poll() is not None:
                raise CannotMeasure(f"{self.name} ended with status {self.process.returncode}.{self.last_words()}")
            try:
                answer = client.send("GET", path)
                if answer.status == 200:
                    client.close()
                    return time.perf_counter() - self.began
                last = f"status {answer.status}"
            except Refused as error:
                last = str(error)
            time.sleep(0.002)
        raise CannotMeasure(f"{self.name} did not answer 200 at {path} in {limit:.0f} s ({last}).{self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()[-12:]
        return "".join(f"\n    {line}" for line in lines)

    def stop(self) -> None:
        """End the process and what it started: it leads a group of its own, so nobody else is met."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(name: str, command: Sequence[str], port: int, cwd: Path) -> Iterator[Server]:
    with tempfile.NamedTemporaryFile(prefix="peers-", suffix=".log") as log:
        began = time.perf_counter()
        try:
            process = subprocess.Popen(
                list(command), cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        except OSError as error:
            raise CannotMeasure(f"{name} cannot be started: {error}") from error
        server = Server(name, port, process, Path(log.name), began)
        try:
            yield server
        finally:
            server.stop()


@dataclass(frozen=True)
class Weight:
    """Memory of a process and its children, in MB. PSS counts a page shared by n processes as 1/n."""

    rss: float
    pss: float


def weigh(server: Server) -> Weight | None:
    if not (PROC / "self/smaps_rollup").exists():
        return None
    rss = pss = 0
    for pid in family(server.process.pid):
        with contextlib.suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    rss += int(line.split()[1])
                elif line.startswith("Pss:"):
                    pss += int(line.split()[1])
    return Weight(rss / 1024, pss / 1024)


def cpu_seconds(server: Server) -> float | None:
    """Processor time that the process and its children have used so far: unlike a rate, it does not mind neighbours."""
    if not (PROC / "self/stat").exists():
        return None
    ticks = 0
    for pid in family(server.process.pid):
        with contextlib.suppress(OSError):
            fields = _stat(pid)
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_seconds() -> float | None:
    """Processor time that everything on this machine has used so far."""
    try:
        first = (PROC / "stat").read_text().splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq = (int(ticks) for ticks in first[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def family(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may itself hold blanks and brackets."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
