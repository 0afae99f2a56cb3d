"""What an earlier start has worked out: kept in the user's cache folder, worked out anew when anything of it changes.

A place that cannot be written to, and a file that cannot be read, cost time and nothing else.
"""

import marshal
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

Kept = TypeVar("Kept")
MOST_KEPT = 12  # files of one name: as many seeds or folders as somebody goes to and fro between


def recall(name: str, key: bytes, make: Callable[[], Kept]) -> Kept:
    """What `make` makes, plain values only, or what it made when it was last asked for with this key and this code."""
    place = folder()
    if place is None:
        return make()
    path = place / f"{name}-{blake2b(key, key=_fingerprint(), digest_size=16).hexdigest()}"
    with suppress(OSError, ValueError, EOFError, TypeError):
        kept: Kept = marshal.loads(path.read_bytes())
        return kept
    made: Any = make()
    with suppress(OSError, ValueError):
        _keep(place, path, marshal.dumps(made))
    result: Kept = made
    return result


def _keep(folder: Path, path: Path, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(number, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
    name = path.name.rpartition("-")[0]
    others = sorted(folder.glob(f"{name}-*"), key=lambda one: one.stat().st_mtime, reverse=True)
    for other in others[MOST_KEPT:]:
        other.unlink(missing_ok=True)


def folder() -> Path | None:
    """Where it is kept; None where nobody can say whose home this is."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "proofboard"
    except RuntimeError:
        return None


def _fingerprint() -> bytes:
    """Of the interpreter and of this package, by the times of its files: a changed line of code changes everything."""
    found = blake2b(sys.version.encode(), digest_size=32)
    for folder, _, names in os.walk(Path(__file__).parent):
        for name in names:
            if name.endswith((".py", ".json", ".lark")):
                told = os.stat(f"{folder}/{name}")
                found.update(f"{folder}/{name}:{told.st_mtime_ns}:{told.st_size}".encode())
    return found.digest()
