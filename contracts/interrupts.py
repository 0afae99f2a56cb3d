"""How the commands end: a cancelled job ends like Ctrl-C, so that it cleans up, and is not told of others' warnings."""

import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

_ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def heed_ends() -> None:
    """From now on what ends a process raises KeyboardInterrupt. Under nohup one of them stays ignored."""
    for name in _ENDS:
        if signal.getsignal(name) is not signal.SIG_IGN:
            signal.signal(name, _interrupt)


@contextmanager
def heeded() -> Iterator[None]:
    """As `heed_ends`, for a while, in a process that is somebody else's."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may ask for signals
        yield
        return
    before = {name: signal.getsignal(name) for name in _ENDS}
    heed_ends()
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """The last second of a run, in which nobody who is impatient shall lose what it has to tell."""
    before = {name: signal.signal(name, signal.SIG_IGN) for name in (signal.SIGINT, *_ENDS)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def keep_warnings_quiet() -> None:
    """Warnings of Python are for developers, who ask for them by -W."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _interrupt(*received: object) -> NoReturn:
    raise KeyboardInterrupt
