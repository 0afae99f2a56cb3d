"""What a person sees while a run goes on: one line that changes on a terminal, elsewhere a line now and then."""

import re
import time
from collections.abc import Callable

from rich.console import Console
from rich.status import Status
from rich.text import Text

from contracts.course import Forecast
from contracts.meter import Meter

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_EVERY = 10.0  # seconds between lines where the output is no terminal
_TOLD = 5.0  # seconds of a wait that is worth a line there
_ENOUGH = 10  # requests, or steps, before they tell anything of those to come


class LiveProgress:
    """Stage, how much of it is done, requests sent, and about how much time is left."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._status: Status | None = None
        self._meter = Meter()
        self._forecast: Forecast | None = None
        self._stage = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._entered = self._told = clock()
        self._waited = 0.0

    def begin(self, meter: Meter, forecast: Forecast | None) -> None:
        """The meter counts what is sent; the forecast is what a rehearsal took, where there was one."""
        self._meter, self._forecast = meter, forecast
        self._began, self._waited = self._clock(), 0.0

    def stage(self, name: str, total: int | None) -> None:
        self._stage, self._total, self._done, self._entered = name, total, 0, self._clock()
        if self._console.is_terminal:
            self._status = self._status or self._console.status(name)
            self._status.start()
            self._show(name)
        else:
            self._print(f"{name}: {total:,} to do" if total else name)

    def step(self, text: str) -> None:
        self._done += 1
        if self._status is not None:
            self._show(self._line(text))
        elif self._clock() - self._told >= _EVERY:
            self._print(self._line(text))

    def wait(self, seconds: float, why: str) -> None:
        """Nothing is sent for so many seconds."""
        self._waited += seconds
        line = f"{self._stage}: waiting {in_words(seconds)}: {why}"
        if self._status is not None:
            self._show(", ".join(part for part in (line, self._left()) if part))
        elif seconds >= _TOLD:
            self._print(line)

    def note(self, text: str) -> None:
        """A line that stays."""
        self._print(text)

    def stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, text: str) -> str:
        sent = self._meter.total.requests
        done = f"{self._stage} {min(self._done, self._total):,} of {self._total:,}" if self._total else self._stage
        parts = [done, f"{sent:,} requests" if sent != 1 else "1 request", self._left()]
        return f"{', '.join(part for part in parts if part)}: {text}"

    def _left(self) -> str:
        """About how much time is left: of a rehearsed run, else of the stage; empty where nobody knows."""
        now, sent = self._clock(), self._meter.total.requests
        if self._forecast is not None and self._forecast.requests:
            if sent < _ENOUGH:
                return ""
            coming = self._meter.to_come(self._forecast.parts)
            waits = self._forecast.waits * coming / self._forecast.requests
            spent = now - self._began - (self._waited if self._forecast.waits else 0.0)
            return f"about {in_words(coming * max(spent, 0.0) / sent + waits)} left" if coming else ""
        if not self._total or not _ENOUGH <= self._done < self._total:
            return ""
        coming = self._total - self._done
        return f"about {in_words(coming * (now - self._entered) / self._done)} left of this stage"

    def _show(self, line: str) -> None:
        if self._status is not None:
            self._status.update(Text(plain(line), no_wrap=True, overflow="ellipsis"))

    def _print(self, line: str) -> None:
        self._told = self._clock()
        self._console.print(Text(f"  {plain(line)}"), soft_wrap=True)


def in_words(seconds: float) -> str:
    """A time span, as exactly as anybody needs it."""
    whole = round(seconds)
    if whole < 100:
        return f"{max(whole, 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def plain(text: str) -> str:
    """A target's answer must not steer the terminal."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
