"""The same seed draws the same, whatever else the process has imported.

Hypothesis now and then draws a number or a text that stands in the source of modules that lie outside site-packages,
as far as they are imported by then. A run from a clone, a run from a wheel and a run inside somebody's own tests would
so come to different cases. No setting turns that off.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants


class _Switch:
    """Takes Hypothesis's search through modules away, and gives it back when the last one who drew is done.

    It is the whole process that is changed: somebody else's tests that run meanwhile get no such constants either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._search: Callable[[], Constants] = providers._get_local_constants

    def take(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._search, providers._get_local_constants = providers._get_local_constants, Constants
        _forget()

    def give_back(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                providers._get_local_constants = self._search
        _forget()


def _forget() -> None:
    """What this thread knows of constants that may be drawn."""
    providers.CONSTANTS_CACHE.cache.clear()


_SWITCH = _Switch()


@contextmanager
def by_seed_alone() -> Iterator[None]:
    """While this is open, what Hypothesis draws hangs on its seed alone."""
    _SWITCH.take()
    try:
        yield
    finally:
        _SWITCH.give_back()
