"""The processes that do the pieces of a selftest, side by side. Each keeps what it has loaded."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from contracts.selftest.work import Outcome, Piece, begin, do

_FAREWELL = 5.0  # seconds that a process may take to end what it has started itself
_MOMENT = 0.1  # seconds


@dataclass(frozen=True)
class Failed:
    """A piece that could not be done: what went wrong with the harness itself."""

    piece: Piece
    why: str


class Crew:
    """So many processes; leaving the block ends them, and whatever they were at."""

    def __init__(self, jobs: int, work: Callable[[Piece], Outcome] = do) -> None:
        self.jobs = jobs
        self._work = work
        self._pool = self._hire()
        self._under_way: dict[Future[Outcome], Piece] = {}

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *args: object) -> None:
        self._dismiss()

    @property
    def is_free(self) -> bool:
        return len(self._under_way) < self.jobs

    @property
    def pieces(self) -> list[Piece]:
        """What is under way."""
        return list(self._under_way.values())

    def take(self, piece: Piece) -> None:
        """Begin a piece. Where a process has died, all that were under way are lost, and new ones are hired."""
        try:
            future = self._pool.submit(self._work, piece)
        except BrokenProcessPool:
            self._dismiss()
            self._pool = self._hire()
            future = self._pool.submit(self._work, piece)
        self._under_way[future] = piece

    def done(self, seconds: float) -> Iterator[Outcome | Failed]:
        """What has come of pieces, as soon as there is one; nothing when none is done in time."""
        finished, _ = wait(self._under_way, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in finished:
            piece = self._under_way.pop(future)
            try:
                yield future.result()
            except BrokenProcessPool:
                yield Failed(piece, "its process died, or that of another run at the same time")
            except Exception as error:  # told in one line: a piece is no reason to lose all others
                yield Failed(piece, f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}")

    def _hire(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")  # nothing of this process, neither threads nor locks
        return ProcessPoolExecutor(self.jobs, mp_context=context, initializer=begin)

    def _dismiss(self) -> None:
        """End the processes at once; the pool itself would wait for what is under way."""
        hired = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        ends_at = time.monotonic() + _FAREWELL
        while any(process.is_alive() for process in hired):
            for process in hired:
                if time.monotonic() < ends_at:
                    process.terminate()  # again where it has only ended a piece
                else:
                    process.kill()
                process.join(_MOMENT)
