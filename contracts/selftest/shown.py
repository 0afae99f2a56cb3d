"""A selftest as a person reads it: how it goes, the table defect by defect, and what it comes to."""

import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from contracts.findings import shorten
from contracts.report.progress import in_words, plain
from contracts.selftest.crew import Failed
from contracts.selftest.score import COULD_NOT_TELL, NOT_PROVEN, PROVEN, Reach, Score, told_of
from contracts.selftest.work import MODES, STOCK, Mode, Outcome, Piece

_LONG = 60  # characters of a reason in the table
_EVERY = 15.0  # seconds between lines where the output is no terminal
_VERDICTS = {PROVEN: "proven", NOT_PROVEN: "not proven", COULD_NOT_TELL: "could not tell"}
_COLOURS = {PROVEN: "bold green", NOT_PROVEN: "bold red", COULD_NOT_TELL: "bold yellow"}
_WIDE = 400  # columns where the output is no terminal: nothing is folded there
COLUMNS = ("defect", "kind", *MODES, STOCK)


class Live:
    """One line that changes on a terminal, elsewhere a line now and then; what is not as it should be stays."""

    def __init__(self, console: Console, title: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._title = title
        self._clock = clock
        self._told = clock()
        self._status: Status | None = None

    def going(self, done: int, coming: int, seconds: float, pieces: Sequence[Piece]) -> None:
        left = f", about {in_words(seconds)} left" if coming else ""
        line = f"{self._title}: {done} of {done + coming} runs{left}"
        if self._console.is_terminal:
            if self._status is None:
                self._status = self._console.status(line)
                self._status.start()
            at = "; ".join(told_of(piece) for piece in pieces)
            self._status.update(Text(f"{line}: {plain(at)}", no_wrap=True, overflow="ellipsis"))
        elif self._clock() - self._told >= _EVERY:
            self._told = self._clock()
            self._say(line)

    def came(self, score: Score, outcome: Outcome | Failed) -> None:
        piece = outcome.piece
        if isinstance(outcome, Failed):
            self._say(f"could not be done: {told_of(piece)}: {outcome.why}")
        elif piece.profile == STOCK:
            return
        elif piece.defect is None:
            signs = [sign for owner, sign in score.alarms() if owner == piece]
            for sign in signs:
                self._say(f"false alarm: {told_of(piece)}: {sign.suite} {sign.rule or sign.key}: {sign.what}")
            if outcome.reason is not None:
                self._say(f"no verdict: {told_of(piece)}: {outcome.reason}")
        elif outcome.first is None and score.is_missed(piece):
            why = f": could not judge: {outcome.reason}" if outcome.reason else ""
            self._say(f"missed: {told_of(piece)}{why}")

    def stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _say(self, line: str) -> None:
        self._console.print(Text(f"  {plain(line)}"), soft_wrap=True)


def open_with(console: Console, score: Score, seed: int, seeds: int, jobs: int) -> None:
    """What is about to be tried."""
    through = f"seeds {seed} to {seed + seeds - 1}" if seeds > 1 else f"seed {seed}"
    line = f"{score.vendor.title}: {len(score.defects)} defects, profile {score.profile}, {through}, {jobs} at a time"
    console.print(Text(line, style="bold"), soft_wrap=True)


def rows(score: Score) -> Iterator[tuple[str, ...]]:
    """A row of the table for each defect that was tried; its cells in the order of COLUMNS."""
    for name, defect in score.defects.items():
        cells = [_found(score, name, mode) for mode in MODES]
        if any(cells):
            yield (name, defect.kind, *(cell or "not tried" for cell in cells), _of_stock(score, name))


def _found(score: Score, name: str, mode: Mode) -> str:
    """Which suite and rule found a defect, and in which profile where quick missed it; empty where it was not tried."""
    quick, thorough = (score.of_defect(name, mode, profile) for profile in ("quick", "thorough"))
    if quick is None:
        return f"beyond it: {shorten(score.why_beyond(name, mode) or '', _LONG)}" if score.is_spared(name, mode) else ""
    if quick.first is not None:
        return f"{quick.first.suite} {quick.first.rule or quick.first.key}"
    if thorough is not None and thorough.first is not None:
        return f"thorough: {thorough.first.suite} {thorough.first.rule or thorough.first.key}"
    if (why := score.why_beyond(name, mode)) is not None:
        return f"beyond it: {shorten(why, _LONG)}"
    last = thorough or quick
    return "missed" if last.reason is None else f"missed: could not judge: {shorten(last.reason, _LONG)}"


def _of_stock(score: Score, name: str) -> str:
    if score.of_defect(name, MODES[1], STOCK) is None:
        return "-"
    sign = score.by_stock(name)
    return "missed" if sign is None else sign.key


def summary(score: Score) -> Iterator[tuple[str, str]]:
    """What it comes to: label and value."""
    for profile in ("quick", "thorough") if score.profile == "thorough" else (score.profile,):
        parts = []
        for mode in MODES:
            reach = score.reach(mode, profile)
            if reach.tried:
                beyond = f", {reach.beyond} beyond it" if reach.beyond else ""
                parts.append(f"{reach.found} of {reach.tried} {mode} ({percent(reach)}{beyond})")
        yield f"found by {profile}", ", ".join(parts) or "no defect was tried"
    alarms, clean, variants = list(score.alarms()), score.clean(), score.variants()
    count = ", ".join(f"{len(score.clean(mode))} {mode}" for mode in MODES)
    rooms = f" and {len(variants)} of tenants that differ where the documents leave room" if variants else ""
    yield "false alarms", f"{len(alarms)} in {len(clean)} clean runs ({count}){rooms}"
    stock = score.reach_of_stock()
    if stock.tried and (clean_stock := score.stock_clean) is not None:
        yield (
            "plain st run",
            f"{stock.found} of {stock.tried}, one of each kind ({percent(stock)}), in the same time; "
            f"failures that it reports of the clean stand-in: {len(clean_stock.keys)}",
        )


def percent(reach: Reach) -> str:
    """The share of what is within reach; 100 % only where nothing of that is missing."""
    share = 100 * reach.share
    return f"{share:.0f} %" if share in (0, 100) else f"{min(share, 99.9):.1f} %"


def verdict(score: Score) -> str:
    return _VERDICTS[score.exit_code]


def show(console: Console, score: Score) -> None:
    """The table, the promises that are not kept, and the verdict last."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for row in rows(score):
        table.add_row(*(Text(plain(cell), style=_style(cell)) for cell in row))
    if not console.is_terminal:
        console.width = _WIDE
    if table.row_count:
        console.print(table)
    for line in score.broken():
        console.print(Text(plain(line), style="red"), soft_wrap=True)
    for failed in score.failed:
        console.print(Text(plain(f"could not be done: {told_of(failed.piece)}: {failed.why}")), soft_wrap=True)
    for label, value in summary(score):
        console.print(Text.assemble((f"{label}: ", "bold"), value), soft_wrap=True)
    ending = ", interrupted" if score.is_interrupted else ""
    line = f"{score.vendor.title}: {verdict(score)} in {in_words(score.seconds)}{ending}"
    console.print(Text(line, style=_COLOURS[score.exit_code]), soft_wrap=True)


def _style(cell: str) -> str:
    return "red" if cell.startswith("missed") else "yellow" if cell.startswith("thorough:") else ""
