"""The runs that judge.py times: our conformance suite, plain `st run`, and whole runs of `proofboard test`."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_catalogue import ROOT
from peer_servers import HOST, CannotMeasure, Client, free_port, running

from contracts.schemathesis_adapter import lightened, with_whole_requests
from contracts.suites.conformance import EXAMPLES
from mockserver.vendor import load

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
TOOLS = ("ours", "st run", "st run, prepared")  # prepared: on the document as our suite gives it to Schemathesis
_GENERATED = re.compile(r"^\s+([\d,]+) generated", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One process from its start to its end; seconds of the wall and of the processor, and what it counted."""

    seconds: float
    processor: float
    count: int

    @property
    def rate(self) -> float:
        return self.count / self.seconds


@dataclass(frozen=True)
class Mock:
    """The stand-in as it is served to all of them."""

    client: Client
    told: Mapping[str, Any]

    def url(self, vendor: str) -> str:
        return str(self.told[vendor]["base_url"]).replace("localhost", HOST)

    def headers(self, vendor: str) -> Mapping[str, str]:
        found: Mapping[str, str] = self.told[vendor]["callers"]["owner"]["headers"]
        return found

    def reset(self) -> None:
        self.client.close()  # the server has hung up meanwhile
        if self.client.send("POST", "/_mock/reset").status != 200:
            raise CannotMeasure("the stand-in cannot be reset")


@contextmanager
def served() -> Iterator[Mock]:
    """All vendors, without limits: a quota would end a run of `st` early."""
    port = free_port()
    command = [str(BIN / "proofboard"), "serve", "--port", str(port), "--limits", "off"]
    with running("the stand-in", command, port, ROOT) as server:
        server.wait("/_mock/health")
        client = server.client()
        yield Mock(client, client.send("GET", "/_mock/credentials").json())


def conform(tool: str, mock: Mock, vendor: str, *, seed: int, profile: str) -> Run:
    """One run of one tool; the count is of cases."""
    mock.reset()
    if tool == "ours":
        command = [sys.executable, str(HERE / "judge_suite.py"), vendor, mock.url(vendor), str(seed), profile]
        said, seconds, processor = timed(command, ROOT, {0})
        return Run(seconds, processor, int(json.loads(said.strip().splitlines()[-1])["cases"]))
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        document: Any = load(vendor).document
        if tool == TOOLS[2]:
            document = with_whole_requests(lightened(document))
        Path(folder, "openapi.json").write_text(json.dumps(document))
        Path(folder, "st.toml").write_text(configuration(mock, vendor, seed, EXAMPLES[profile]))
        command = [str(BIN / "st"), "--config-file", "st.toml", "run", "openapi.json"]
        said, seconds, processor = timed(command, Path(folder), {0, 1})
    generated = _GENERATED.search(said)
    if generated is None:
        raise CannotMeasure(f"st run does not say how many cases it made: {said[-600:]}")
    return Run(seconds, processor, int(generated[1].replace(",", "")))


def configuration(mock: Mock, vendor: str, seed: int, examples: int) -> str:
    """What our suite asks of Schemathesis on a stand-in, in the words of `st`."""
    lines = [
        f"base-url = {json.dumps(mock.url(vendor))}",
        f"seed = {seed}",
        "workers = 1",
        "continue-on-failure = true",
        "max-redirects = 0",
        "[headers]",
        *(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in mock.headers(vendor).items()),
        "[auth]",
        "auto-signup = false",
        "[cache]",
        "enabled = false",
        "[generation]",
        f"max-examples = {examples}",
        'database = "none"',
        "no-shrink = true",
    ]
    return "\n".join(lines) + "\n"


def judge(vendor: str, *, seed: int, profile: str) -> Run:
    """A whole run of `proofboard test` in process; the count is of requests."""
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        options = ["--seed", str(seed), "--profile", profile, "--report", folder]
        _, seconds, processor = timed([str(BIN / "proofboard"), "test", vendor, *options], ROOT, {0})
        report = json.loads(Path(folder, "report.json").read_text())
    return Run(seconds, processor, int(report["requests"]))


def timed(command: Sequence[str], folder: Path, expected: set[int]) -> tuple[str, float, float]:
    """What a command says, the seconds it takes, and those of the processor."""
    before, began = _used(), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode not in expected:
        raise CannotMeasure(
            f"{' '.join(command[:4])} ended with {done.returncode}: {(done.stderr or done.stdout)[-600:]}"
        )
    return done.stdout, seconds, _used() - before


def _used() -> float:
    """Processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
