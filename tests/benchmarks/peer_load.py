"""The load generator: wrk, one thread, a fixed request, a Lua script that tells its figures as JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peer_servers import HOST, CannotMeasure

THREADS = 1  # two cores are usual: one for the server, one for the load
REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'FIGURES {"requests":%d,"micros":%d,"p50":%d,"p99":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.timeout, e.status))
end
"""
ROTATE = """
local at = 0
request = function()
  at = at % #requests + 1
  return requests[at]
end
"""


@dataclass(frozen=True)
class Work:
    """One request, to be repeated; with several paths, they take turns."""

    name: str
    method: str
    paths: Sequence[str]
    headers: Mapping[str, str]
    body: bytes | None = None

    def script(self) -> str:
        headers = dict(self.headers)
        lines = [f"wrk.method = {quoted(self.method)}"]
        if self.body is not None:
            headers["Content-Type"] = "application/json"
            lines.append(f"wrk.body = {quoted(self.body.decode())}")
        lines += [f"wrk.headers[{quoted(name)}] = {quoted(value)}" for name, value in headers.items()]
        lines.append(REPORT)
        if len(self.paths) > 1:
            paths = ", ".join(quoted(path) for path in self.paths)
            lines.append(f"local paths = {{{paths}}}\nlocal requests = {{}}")
            lines.append(
                "init = function(args)\n  for i, p in ipairs(paths) do requests[i] = wrk.format(nil, p) end\nend"
            )
            lines.append(ROTATE)
        return "\n".join(lines)


@dataclass(frozen=True)
class Burst:
    """What one run of wrk found."""

    requests: int
    seconds: float
    p50: float  # milliseconds
    p99: float
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def quoted(text: str) -> str:
    """A Lua string; JSON's escapes mean the same there for printable ASCII."""
    return json.dumps(text)


def find_wrk() -> str:
    """The path of wrk; installed from Debian where that is possible and nobody has done it."""
    found = shutil.which("wrk")
    if found:
        return found
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        for arguments in (["install", "-y", "wrk"], ["update"], ["install", "-y", "wrk"]):
            if not shutil.which("wrk"):
                subprocess.run(["apt-get", "-q", *arguments], check=False, capture_output=True, timeout=300)
        found = shutil.which("wrk")
    if not found:
        raise CannotMeasure("wrk, the load generator, is not installed. On Debian and Ubuntu: apt-get install wrk")
    return found


def drive(wrk: str, work: Work, port: int, seconds: float, connections: int) -> Burst:
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        script = Path(folder) / "work.lua"
        script.write_text(work.script())
        url = f"http://{HOST}:{port}{work.paths[0]}"
        whole = max(1, round(seconds))  # wrk counts in whole seconds
        command = [wrk, f"-t{THREADS}", f"-c{connections}", f"-d{whole}s", "--timeout", "10s", "-s", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=whole + 60)
    for line in done.stdout.splitlines():
        if line.startswith("FIGURES "):
            told = json.loads(line.removeprefix("FIGURES "))
            failures = {kind: told[kind] for kind in ("connect", "read", "write", "timeout", "status") if told[kind]}
            return Burst(told["requests"], told["micros"] / 1e6, told["p50"] / 1e3, told["p99"] / 1e3, failures)
    raise CannotMeasure(f"wrk told no figures: {(done.stderr or done.stdout).strip()[:300]}")
