"""Lists that a vendor may answer from a cache: until when what was written may not show in them yet."""

from collections.abc import Mapping
from typing import Any

_READS = frozenset({"list", "get", "example"})
_GRACE = 4 / 3  # of the documented seconds: a slow request may fill a cache after it was sent


class Caches:
    """The cached lists of one vendor, and the last write of the run. Moments are those of the monotonic clock.

    `is_waited_for` says that such a list is not to be read before it shows what was written; `doubts` counts the reads
    that did not wait, and may have been answered with what was there before.
    """

    def __init__(self, behaviour: Mapping[str, Any]) -> None:
        tables: Mapping[str, Mapping[str, Any]] = behaviour.get("operations", {})
        self.is_waited_for = False
        self.doubts = 0
        self._seconds = {name: table["cache"]["seconds"] * _GRACE for name, table in tables.items() if "cache" in table}
        self._writes = {name for name, table in tables.items() if table.get("verb") not in _READS}
        self._written: float | None = None

    def answered(self, operation: str | None, status: int, now: float) -> None:
        """Something was asked, and may have been written: a refusal writes nothing, a server that fails may have."""
        if operation in self._writes and not 400 <= status < 500:
            self._written = now

    def shows_at(self, operation: str | None) -> float | None:
        """When a list shows all that was written; None where it is not cached, or nothing was."""
        seconds = self._seconds.get(operation or "")
        return None if seconds is None or self._written is None else self._written + seconds

    def read(self, operation: str | None, now: float) -> None:
        """A list is read, whatever it may show."""
        shows_at = self.shows_at(operation)
        self.doubts += shows_at is not None and shows_at > now
