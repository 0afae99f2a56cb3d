"""The verdict as a person reads it. Plain lines where the output is no terminal."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.findings import Finding, State
from contracts.report.model import VERDICTS, again
from contracts.report.progress import plain
from contracts.runner import Result

_GRADES = ("documented", "published", "observed", "inferred", "assumed")
_STATES: tuple[State, ...] = ("holds", "broken", "not judged")
_COLOURS = {0: "bold green", 1: "bold red", 2: "bold yellow"}
_SHOWN = 3  # ids of what was left behind


class Terminal(Console):
    """Where a run is told. Who stops listening, as `head` does, ends neither the run nor its clean-up and reports."""

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def open_with(console: Console, title: str, target: str, profile: str, seed: int) -> None:
    """What is about to be judged, and the seed that does it again."""
    console.print(Text(f"{title} at {target}, profile {profile}, seed {seed}", style="bold"), soft_wrap=True)


def show(console: Console, result: Result) -> None:
    """The rules, the findings, and the verdict last, where the eye is when the run ends."""
    _show_counts(console, result)
    _show_rules(console, result)
    for finding in result.findings:
        _show_finding(console, result, finding)
    for note in (*result.notes, *left_behind(result.left_behind)):
        _line(console, result, note, "yellow")
    console.print()
    _line(console, result, summary(result), _COLOURS[result.exit_code])


def left_behind(lines: Sequence[str]) -> Iterator[str]:
    """One line for the records of a kind that stay for the same reason; the report files have them one by one."""
    parts = [re.fullmatch(r"([^\s:]+) (.*?): (.*)", line, re.DOTALL) for line in lines]
    found = sorted((part[1], part[3], part[2]) for part in parts if part)
    for (resource, why), group in groupby(found, key=lambda each: each[:2]):
        ids = [identity for *_, identity in group]
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        yield f"left behind: {resource} {', '.join(ids[:_SHOWN])}{more}: {why}"
    yield from (f"left behind: {line}" for line, part in zip(lines, parts, strict=True) if part is None)


def summary(result: Result) -> str:
    """One line: the verdict and the figures behind it."""
    counts = ", ".join(f"{result.count(state)} {'hold' if state == 'holds' else state}" for state in _STATES)
    found = f"{_number(result.weigh('error'), 'error')}, {_number(result.weigh('warning'), 'warning')}"
    if known := sum(finding.known is not None for finding in result.findings):
        found += f", {known} known"
    sent = f"{_number(result.requests, 'request')} in {result.seconds:.1f} s, seed {result.seed}"
    verdict = VERDICTS[result.exit_code].replace("judge", "be judged")
    return f"{result.vendor.title} {verdict}: {counts}; {found}; {sent}"


def _show_counts(console: Console, result: Result) -> None:
    states = {verdict.rule: verdict.state for verdict in result.verdicts}
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("rules")
    for state in _STATES:
        table.add_column(state, justify="right")
    for grade in _GRADES:
        here = [states[rule.id] for rule in result.rules if rule.grade == grade]
        if here:
            table.add_row(grade, *(str(here.count(state)) for state in _STATES))
    console.print()
    console.print(table)


def _show_rules(console: Console, result: Result) -> None:
    """The rules by what became of them: those that hold in one breath, the others with their reasons."""
    holding = [verdict.rule for verdict in result.verdicts if verdict.state == "holds"]
    if holding:
        console.print()
        _line(console, result, f"holds: {ranges(holding, [rule.id for rule in result.rules])}")
    unjudged: dict[str, list[str]] = {}  # by reason, in the order of the ledger
    for verdict in sorted(result.verdicts, key=lambda each: each.rule):
        if verdict.state == "not judged":
            unjudged.setdefault(verdict.why, []).append(verdict.rule)
    if unjudged:
        console.print()
        _line(console, result, "not judged:")
    for why, rules in unjudged.items():
        _line(console, result, f"  {ranges(rules, [rule.id for rule in result.rules])}: {why}")


def _show_finding(console: Console, result: Result, finding: Finding) -> None:
    is_error = finding.severity == "error"
    name = f"{finding.rule} ({finding.grade})" if finding.rule else finding.suite
    console.print()
    kind, style = ("broken", "bold red") if is_error else ("warning", "bold yellow")
    if finding.known is not None:
        kind, style = "known", "cyan"
    _line(console, result, f"{kind}: {name}: {finding.title}", style)
    _line(console, result, f"  {finding.what}")
    if finding.known is not None:
        known = finding.known
        _line(console, result, f"  known until {known.expires}: {known.reason} ({known.owner})")
        return
    if finding.also:
        _line(console, result, f"  also found by {', '.join(finding.also)}")
    for command in finding.sequence or (finding.curl,):
        if command:
            _line(console, result, f"  {command}")
    _line(console, result, f"  again: {again(result, finding)}")


def ranges(chosen: Sequence[str], order: Sequence[str]) -> str:
    """Ids told shortly: neighbours in the ledger from the first to the last."""
    wanted = set(chosen)
    parts: list[str] = []
    for is_in, group in groupby(order, key=wanted.__contains__):
        ids = list(group)
        if is_in:
            parts.append(ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}" if len(ids) > 2 else ", ".join(ids))
    return ", ".join(parts)


def _line(console: Console, result: Result, text: str, style: str = "") -> None:
    console.print(Text(plain(result.mask(text)), style=style), soft_wrap=True)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
