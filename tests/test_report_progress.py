"""What is told while a run goes on, and how much time it says is left."""

from io import StringIO

import pytest
from rich.console import Console

from contracts.course import Forecast
from contracts.findings import Exchange, Headers
from contracts.meter import Cost, Meter
from contracts.report.progress import LiveProgress, in_words


class Show:
    """A progress with a clock that the test sets, and what it printed."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        self.now = 100.0
        self.out = StringIO()
        console = Console(file=self.out, force_terminal=is_terminal, width=200)
        self.progress = LiveProgress(console, clock=lambda: self.now)
        self.meter = Meter()

    def send(self, count: int) -> None:
        for _ in range(count):
            self.meter.observe(Exchange("GET", "http://x/y", "/y", Headers(), None, 200, Headers(), b"", 0.0, None))

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()


def test_progress__off_a_terminal_is_a_line_now_and_then() -> None:
    show = Show()
    show.progress.begin(show.meter, None)
    show.progress.stage("rules", 30)
    for number in range(30):
        show.now += 0.5
        show.progress.step(f"R-{number}")
    assert show.lines == ["  rules: 30 to do", "  rules 20 of 30, 0 requests, about 5 s left of this stage: R-19"]


def test_progress__of_a_rehearsed_run_tells_what_is_left_of_all_of_it() -> None:
    show = Show()
    parts = {("rules", "R-1"): Cost(20, 0), ("rules", "R-2"): Cost(40, 0), ("conformance", "fuzzing"): Cost(100, 0)}
    show.progress.begin(show.meter, Forecast(parts))
    show.progress.stage("rules", 2)
    show.meter.at("rules", "R-1")
    show.send(20)
    show.now += 20
    show.meter.at("rules", "R-2")
    show.progress.step("R-2")
    assert show.lines[-1] == "  rules 1 of 2, 20 requests, about 2 min left: R-2"  # 140 requests of a second each


def test_progress__what_is_skipped_is_not_to_come() -> None:
    show = Show()
    parts = {("rules", "R-1"): Cost(10, 0), ("rules", "R-2"): Cost(40, 0), ("rules", "R-3"): Cost(5, 0)}
    show.progress.begin(show.meter, Forecast(parts))
    show.progress.stage("rules", 3)
    show.meter.at("rules", "R-1")
    show.send(10)
    show.now += 10
    show.meter.skip("rules", "R-2")
    show.meter.at("rules", "R-3")
    show.progress.step("R-3")
    assert show.lines[-1].endswith("10 requests, about 5 s left: R-3")


def test_progress__waits_that_were_rehearsed_are_to_come_and_do_not_make_requests_slow() -> None:
    show = Show()
    show.progress.begin(show.meter, Forecast({("rules", "R-1"): Cost(10, 0), ("rules", "R-2"): Cost(10, 0)}, 120.0))
    show.progress.stage("rules", 2)
    show.meter.at("rules", "R-1")
    show.send(10)
    show.progress.wait(60, "the target's limit")
    show.now += 60 + 5
    show.meter.at("rules", "R-2")
    show.progress.step("R-2")
    assert show.lines[1] == "  rules: waiting 60 s: the target's limit"
    assert show.lines[-1].endswith("about 65 s left: R-2")


def test_progress__a_short_wait_is_no_line() -> None:
    show = Show()
    show.progress.stage("rules", 2)
    show.progress.wait(1, "the budget of 60 requests a minute")
    assert show.lines == ["  rules: 2 to do"]


def test_progress__on_a_terminal_is_one_line_that_is_not_steered_by_answers() -> None:
    show = Show(is_terminal=True)
    show.progress.stage("conformance", 8)
    show.progress.step("coverage: GET /x\x1b[31m")
    show.progress.wait(41, "the target's limit")
    show.progress.stop()
    text = show.out.getvalue()
    assert "\x1b[31m" not in text and "conformance: waiting 41 s: the target's limit" in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (41.4, "41 s"), (100, "2 min"), (3600, "60 min"), (9000, "2 h 30 min")]
)
def test_in_words__as_exactly_as_anybody_needs_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
