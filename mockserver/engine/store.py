"""The state of worlds, in SQLite: in memory, or in a file that outlives the process.

What was written lately stands in Python and is written behind: in a file before the answer leaves, in memory when a
statement needs it or when there is much of it. So an answer waits for one group of statements at the most.
"""

import sqlite3
from typing import Any, NamedTuple, Protocol

import orjson

Record = dict[str, Any]
Chain = tuple[int, ...]

_APPLICATION = 0x50424F41  # how SQLite tells our files from those of others
MOST_SWEPT = 100  # rows of a resource that one commit deletes
MOST_PENDING = 100  # writes that wait in memory


class StateError(Exception):
    """The state cannot be used; the text says why and what to do."""


def of_another_model(vendor: str) -> StateError:
    """The error of a state whose records the vendor's model of today could not read."""
    return StateError(f"the state was made for another model of {vendor}: use a new file, or delete this one")


class Found(NamedTuple):
    """A record as a layer has it; `gone` is when it went to the trash, in epoch seconds, or None. Nobody changes it."""

    record: Record
    serial: int
    gone: int | None


class Keeper(Protocol):
    """Holds writes that the database has not seen."""

    def flush(self) -> None: ...

    def discard(self) -> None: ...

    def undo(self, step: Any) -> None: ...

    def sweep(self, layer: int, most: int) -> int: ...


class Store:
    """One database. Not for several threads at once: the event loop is its only user."""

    def __init__(self, location: str) -> None:
        self.durable = location != "memory"
        self.pending = 0
        self.keepers: list[Keeper] = []
        self._dirty: dict[Keeper, None] = {}
        self._undo: list[tuple[Keeper, Any]] = []
        try:
            self._db = sqlite3.connect(
                location if self.durable else ":memory:",
                isolation_level=None,
                check_same_thread=False,
                cached_statements=1000,
            )
            self._db.execute("PRAGMA busy_timeout = 0")
            if self.durable:
                self._claim(location)
            for statement in (
                "CREATE TABLE IF NOT EXISTS layer (id INTEGER PRIMARY KEY AUTOINCREMENT)",
                "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT)",
                "CREATE TABLE IF NOT EXISTS tally (layer INTEGER, name TEXT, key TEXT, n INTEGER,"
                " PRIMARY KEY (layer, name, key)) WITHOUT ROWID",
                "CREATE TABLE IF NOT EXISTS grave (layer INTEGER PRIMARY KEY)",
            ):
                self._db.execute(statement)
            self._graves = self._buried()
        except sqlite3.Error as error:
            raise StateError(_why_not(location, error)) from error
        self.execute = self._db.execute
        self.executemany = self._db.executemany

    def _claim(self, location: str) -> None:
        """Take a file that is ours, or new."""
        used = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        (owner,) = self._db.execute("PRAGMA application_id").fetchone()
        if used and owner != _APPLICATION:
            raise StateError(
                f"{location} belongs to another program: name another file, or one that does not exist yet"
            )
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
        # WAL with NORMAL: a commit survives the death of the process, though not a power cut.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")

    def _buried(self) -> list[int]:
        return [layer for (layer,) in self._db.execute("SELECT layer FROM grave")]

    def begin(self) -> None:
        """From here on, all writes happen together or not at all."""
        self._undo.clear()
        if self.durable:
            self.execute("BEGIN")

    def commit(self) -> None:
        if self._graves:
            self._sweep()
        if self.durable:
            self.flush()
            self.execute("COMMIT")
        elif self.pending > MOST_PENDING:
            self.flush()

    @property
    def in_transaction(self) -> bool:
        """Whether the database would take back what is written now."""
        return self._db.in_transaction

    def bury(self, layer: int) -> None:
        """Nobody reads this layer any more. Later commits delete it, a little at a time: a reset waits for none."""
        self.flush()
        self.execute("INSERT INTO grave VALUES (?)", (layer,))
        self._graves.append(layer)

    def _sweep(self) -> None:
        layer = self._graves[-1]
        if not any([keeper.sweep(layer, MOST_SWEPT) for keeper in self.keepers]):
            self.execute("DELETE FROM tally WHERE layer = ?", (layer,))
            self.execute("DELETE FROM grave WHERE layer = ?", (layer,))
            self._graves.pop()

    def roll_back(self) -> None:
        """Take every write since `begin` back, also when it was the commit that failed."""
        if self.durable:
            if self._db.in_transaction:
                self.execute("ROLLBACK")
            for keeper in {keeper for keeper, _ in self._undo}:
                keeper.discard()
            self._settle()
            self._graves = self._buried()
        else:
            for keeper, step in reversed(self._undo):
                keeper.undo(step)
            self.commit()

    def note(self, keeper: Keeper, step: Any) -> None:
        """A keeper has a write that waits; `step` tells it how to take that back."""
        self.pending += 1
        self._dirty[keeper] = None
        self._undo.append((keeper, step))

    def flush(self) -> None:
        """Write what waits."""
        if not self._dirty:
            return
        if not self.durable:
            self.execute("BEGIN")
        for keeper in self._dirty:
            keeper.flush()
        if not self.durable:
            self.execute("COMMIT")
        self._settle()

    def _settle(self) -> None:
        self._dirty.clear()
        self.pending = 0

    def new_layer(self) -> int:
        """A number above all others, for records that shall hide those of the layers below."""
        number = self.execute("INSERT INTO layer DEFAULT VALUES").lastrowid
        assert number is not None
        return number

    def load(self, name: str) -> Any:
        """The value kept under a name, or None."""
        row = self.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def keep(self, name: str, value: Any) -> None:
        self.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, orjson.dumps(value).decode()))

    def close(self) -> None:
        self.flush()
        self._db.close()


def _why_not(location: str, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"{location} is in use by another mock: stop that one, or name another file"
    if "not a database" in str(error):
        return f"{location} is not a state file: name another one, or one that does not exist yet"
    return f"{location} cannot be used ({error}): name a file in a folder that exists and may be written to"
