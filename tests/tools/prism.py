"""Prism in a process of its own: as a stand-in made from a document alone, or as a proxy that judges another server."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.tools.node_tools import node_tool, quiet_environment

PROBLEM = "application/problem+json"
_PATIENCE = 60.0  # seconds until it listens; a loaded machine is slow


@contextmanager
def mocking(document: Path, folder: Path) -> Iterator[str]:
    """`prism mock`: answers examples of the document. Yields its address."""
    with _prism(["mock", str(document)], folder) as address:
        yield address


@contextmanager
def judging(document: Path, upstream: str, folder: Path, *, strict: bool) -> Iterator[str]:
    """`prism proxy`: hands requests on, and tells in a header where request or answer are not as documented.

    When strict, it does not hand on a bad request, and answers 500 in place of a bad answer.
    """
    with _prism(["proxy", str(document), upstream, *(["--errors"] if strict else [])], folder) as address:
        yield address


def violations(response: httpx.Response, place: str) -> list[str]:
    """What Prism has against the `request` or the `response`, errors and warnings alike."""
    told = response.headers.get("sl-violations", "[]")
    assert told.startswith("["), f"too many to be told: {told[:500]}"
    found: list[dict[str, Any]] = json.loads(told)
    return [f"{'.'.join(one['location'])}: {one['message']}" for one in found if one["location"][0] == place]


@contextmanager
def _prism(arguments: Sequence[str], folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = node_tool("@stoplight/prism-cli", "prism")
    words = [program, *arguments, "--host", "127.0.0.1", "--port", str(port), "--verboseLevel", "fatal"]
    log = folder / f"prism-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=quiet_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < _PATIENCE:
        assert process.poll() is None, f"Prism has ended:\n{log.read_text(errors='replace')}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"Prism does not listen:\n{log.read_text(errors='replace')}")
