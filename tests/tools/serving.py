"""A real server in a process of its own, on a free port of 127.0.0.1, and quietly ended."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROOFBOARD = str(BIN / "proofboard")
_PATIENCE = 60.0  # seconds to the first answer; a loaded machine is slow
_READY = "Serving."


@dataclass(frozen=True)
class Served:
    """What listens at `origin`, and what it has said so far."""

    origin: str
    process: subprocess.Popen[str]
    welcome: str

    def base_url(self, vendor: str) -> str:
        """The vendor's base URL, as the welcome prints it."""
        found = re.search(rf"{re.escape(self.origin)}/{vendor}\S*", self.welcome)
        assert found, f"{vendor} is not in the welcome:\n{self.welcome}"
        return found[0]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of ours, so that a developer's own cannot change a test."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PROOFBOARD_")}
    return own | dict(extra or {})


@contextmanager
def serve(*arguments: str, command: str = PROOFBOARD, cwd: Path = ROOT) -> Iterator[Served]:
    """`proofboard serve` with these arguments, until the block is left."""
    words = [command, "serve", *arguments, "--port", "0"]
    with started(words, cwd=cwd, env=clean_environment()) as served:
        yield served


@contextmanager
def started(words: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Iterator[Served]:
    """Any command that ends up serving. It is ended as a person would, by an interrupt of its whole group."""
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        welcome = _read_welcome(process, process.stdout)
        address = re.search(r"http://127\.0\.0\.1:\d+", welcome)
        assert address, f"the welcome names no address:\n{welcome}"
        yield Served(address[0], process, welcome)
    finally:
        end(process)
        process.stdout.close()


def end(process: subprocess.Popen[str]) -> int:
    """Interrupt the process's group, and kill it when it does not listen; its exit code."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def _read_welcome(process: subprocess.Popen[str], output: IO[str]) -> str:
    """What is printed up to the line that says it serves; fails when the process ends or hangs before."""
    hung = threading.Timer(_PATIENCE, lambda: os.killpg(process.pid, signal.SIGKILL))
    hung.start()
    lines = []
    try:
        for line in output:
            lines.append(line)
            if line.startswith(_READY):
                return "".join(lines)
    finally:
        hung.cancel()
    raise AssertionError(f"{process.args} ended before it served:\n{''.join(lines)}")
