"""Clocks for runs that would wait: whoever sleeps goes on at once, and it is later."""

import time
from collections.abc import Callable

from contracts.safety.budget import Watch


class Hurried:
    """The machine's clocks, ahead by what was slept. `then` is told the seconds: a target's clock can follow."""

    def __init__(self, then: Callable[[float], object] = lambda seconds: None) -> None:
        self.waited: list[float] = []
        self.ahead = 0.0
        self._then = then

    @property
    def watch(self) -> Watch:
        return Watch(lambda: time.monotonic() + self.ahead, lambda: time.time() + self.ahead, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.ahead += seconds
        self._then(seconds)
