"""What runs have made on a tenant and not removed, on disk: for `proofboard clean`, should a run be killed.

One file for each run that still has something there, in XDG_STATE_HOME or ~/.local/state, below proofboard/made. A line
says that a record was made, or that it is gone. A folder that cannot be written costs a run nothing else.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LONGEST = 80  # characters of a text that are kept


@dataclass(frozen=True)
class Entry:
    """One record that a run made: `text` is what it was called by, `path` within what it was made."""

    resource: str
    identity: str
    text: str | None
    seed: int
    path: Mapping[str, str] = field(default_factory=dict)


def folder() -> Path:
    """Where all runs of this person keep their journals."""
    told = Path(os.environ.get("XDG_STATE_HOME", ""))
    root = told if told.is_absolute() else Path.home() / ".local" / "state"
    return root / "proofboard" / "made"


def digest(vendor: str, base_url: str) -> str:
    """What the files of one tenant begin with; neither its name nor a password can be read from it."""
    parts = urlsplit(base_url)
    place = f"{vendor}\n{parts.scheme}://{(parts.hostname or '').lower()}:{parts.port or ''}{parts.path.rstrip('/')}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]


class Journal:
    """One run's file. It appears with the first record and vanishes with the last."""

    def __init__(self, vendor: str, base_url: str, seed: int) -> None:
        self._prefix = digest(vendor, base_url)
        self._seed = seed
        self._open: dict[tuple[str, str], None] = {}
        self._file: Path | None = None
        self._is_broken = False

    def made(self, resource: str, identity: str, path: Mapping[str, str], text: str | None) -> None:
        """A record was made."""
        self._open[resource, identity] = None
        told: dict[str, Any] = {"made": resource, "id": identity, "seed": self._seed}
        told["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        if path:
            told["path"] = dict(path)
        if text:
            told["text"] = text[:_LONGEST]
        self._write(told)

    def gone(self, resource: str, identity: str) -> None:
        """A record is no longer there, or was never ours."""
        if (resource, identity) not in self._open:
            return
        del self._open[resource, identity]
        if self._open:
            self._write({"gone": resource, "id": identity})
        elif self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _write(self, told: Mapping[str, Any]) -> None:
        if self._is_broken:
            return
        try:
            if self._file is None:
                place = folder()
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = place / f"{self._prefix}-{self._seed}-{secrets.token_hex(4)}.jsonl"
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
        except (OSError, RuntimeError, ValueError):  # RuntimeError: there is no home
            self._is_broken = True


class Leftovers:
    """What the journals of earlier runs on one tenant still hold."""

    def __init__(self, vendor: str, base_url: str) -> None:
        self._prefix = digest(vendor, base_url)
        self._held: Mapping[Path, dict[tuple[str, str], Entry]] | None = None  # as the files were when they were read

    def entries(self) -> list[Entry]:
        """The records, the last made first. A line that makes no sense is passed over."""
        self._held = {file: _held(file) for file in self._files()}
        found: dict[tuple[str, str], Entry] = {}
        for held in self._held.values():
            found |= held
        return list(reversed(found.values()))

    def settle(self, resource: str, identity: str) -> None:
        """A record is gone: no file holds it any longer, and a file that holds nothing vanishes."""
        if self._held is None:
            self.entries()
        for file, held in (self._held or {}).items():
            if held.pop((resource, identity), None) is None:
                continue
            with suppress(OSError), file.open("r+b") as journal:  # one that has vanished does not come back
                journal.seek(0, os.SEEK_END)
                gone = json.dumps({"gone": resource, "id": identity})
                journal.write(f"\n{gone}\n".encode())  # the run may have been killed in the midst of a line
            if not held and not _held(file):  # a run that is under way may have added to it
                with suppress(OSError):
                    file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        try:
            return sorted(folder().glob(f"{self._prefix}-*.jsonl"), key=lambda file: file.stat().st_mtime)
        except (OSError, RuntimeError):
            return []


def _held(file: Path) -> dict[tuple[str, str], Entry]:
    """The records that a file holds, by resource and id; those that were made last come last."""
    found: dict[tuple[str, str], Entry] = {}
    for told in _lines(file):
        if (entry := _entry(told)) is not None:
            found[entry.resource, entry.identity] = entry
        elif "gone" in told:
            found.pop((str(told["gone"]), str(told.get("id"))), None)
    return found


def _lines(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            told = json.loads(line)
        except ValueError:  # the run was killed while it wrote
            continue
        if isinstance(told, dict):
            yield told


def _entry(told: Mapping[str, Any]) -> Entry | None:
    resource, identity, seed = told.get("made"), told.get("id"), told.get("seed")
    if not isinstance(resource, str) or not isinstance(identity, str) or not isinstance(seed, int):
        return None
    text, path = told.get("text"), told.get("path")
    return Entry(
        resource, identity, text if isinstance(text, str) else None, seed, path if isinstance(path, dict) else {}
    )
