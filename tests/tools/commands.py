"""The commands of a page, as its readers run them: blocks of `sh` and `console`, in one shell per section.

In a `console` block a line after `$ ` is a command, and what follows is what it prints; `…` stands for anything.
"""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.tools.serving import started

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "===end of a command==="
_ASKS_FOR_CODE = "echo $?"
_PATIENCE = 600.0  # seconds to the end of a command


class Step(NamedTuple):
    """One command, and what the page shows of its output; None where it shows nothing."""

    command: str
    expected: str | None


class Outcome(NamedTuple):
    code: int
    output: str


@dataclass(frozen=True)
class Section:
    """A heading and the steps below it, block by block."""

    title: str
    blocks: tuple[tuple[Step, ...], ...]


def sections(text: str) -> list[Section]:
    """The sections of a page that have commands."""
    found = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        blocks = tuple(tuple(_steps(kind, inner)) for kind, inner in _BLOCK.findall(body) if kind in ("sh", "console"))
        if blocks:
            found.append(Section(title.strip(), blocks))
    return found


def blocks(text: str, kind: str) -> list[str]:
    return [inner for name, inner in _BLOCK.findall(text) if name == kind]


def _steps(kind: str, block: str) -> Iterator[Step]:
    if kind == "sh":
        yield from (Step(line, None) for line in block.replace("\\\n", "").splitlines() if line.strip())
        return
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.replace("\\\n", "").partition("\n")
        yield Step(command, shown)


def serves(command: str) -> bool:
    return bool(re.match(r"(proofboard serve|make run)\b", command))


def is_as_shown(shown: str, output: str) -> bool:
    """Is this the output that the page shows? Blanks at the ends of lines and around the whole do not count.

    `…` in a line stands for any text, alone in a line for any lines or none.
    """
    lines = ["(?:.*\\n)?" if line == "…" else _pattern(line) + "\\n" for line in _lines(shown)]
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _lines(output)), re.DOTALL) is not None


def _pattern(line: str) -> str:
    return "[^\\n]*".join(re.escape(part) for part in line.split("…"))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


class Reader:
    """Somebody who works through a section: one shell, and one server at a time in another terminal."""

    def __init__(self, folder: Path, environment: Mapping[str, str], make_folder: Path) -> None:
        self._folder = folder
        self._make_folder = make_folder
        self._environment = dict(environment)
        self._serving = ExitStack()
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> Outcome:
        """Run a command; one that serves is left running, in the place of the one before."""
        if serves(command):
            return self._serve(command)
        place = self._make_folder if command.startswith(("make ", "pytest ")) else None
        assert self._shell.stdin is not None and self._shell.stdout is not None
        line = f"(cd '{place}' && {command})" if place else command
        print(f"{{ {line}\n}} </dev/null; code=$?; printf '\\n{_END}%s\\n' $code; (exit $code)", file=self._shell.stdin)
        self._shell.stdin.flush()
        hung = threading.Timer(_PATIENCE, lambda: os.killpg(self._shell.pid, signal.SIGKILL))
        hung.start()
        lines = []
        try:
            for text in self._shell.stdout:
                if text.startswith(_END):
                    return Outcome(int(text.removeprefix(_END)), "".join(lines).removesuffix("\n"))
                lines.append(text)
        finally:
            hung.cancel()
        raise AssertionError(f"the shell ended at: {command}\n{''.join(lines)}")

    def _serve(self, command: str) -> Outcome:
        self._serving.close()
        place = self._make_folder if command.startswith("make ") else self._folder
        words = ["bash", "--noprofile", "--norc", "-c", f"exec {command}"]
        served = self._serving.enter_context(started(words, cwd=place, env=self._environment))
        return Outcome(0, served.welcome)

    def leave(self) -> None:
        self._serving.close()
        assert self._shell.stdin is not None and self._shell.stdout is not None
        self._shell.stdin.close()
        self._shell.wait(10)
        with suppress(ProcessLookupError):  # nobody is left, unless something was put into the background
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.stdout.close()


def clone_of(root: Path, folder: Path, environment_of_python: Path) -> Path:
    """A folder that looks like a clone, in which commands may leave what they like."""
    folder.mkdir()
    for entry in root.iterdir():
        if entry.name not in (".git", ".venv", "build", "dist", "report") and not entry.name.endswith("_cache"):
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").symlink_to(environment_of_python)
    return folder


def expected_code(steps: tuple[Step, ...], index: int) -> int:
    """0, unless the next command asks for the code and the page shows another."""
    after = steps[index + 1] if index + 1 < len(steps) else None
    return int(after.expected or 0) if after is not None and after.command == _ASKS_FOR_CODE else 0


def searched_path(first: Path) -> str:
    return os.pathsep.join([str(first), os.environ.get("PATH", os.defpath)])
