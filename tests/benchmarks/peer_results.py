"""What the measurements found, as tables for people and JSON for programs."""

from __future__ import annotations

import operator
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

WORDS = {"server", "work", "answer", "when", "what", "ratio of medians", ""}  # columns that hold no numbers
COMPARE = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True)
class Verdict:
    """A ratio, the spread of the same ratio round by round, and the target it is held against."""

    what: str
    ratio: float
    sign: str
    target: float
    low: float | None = None
    high: float | None = None

    @property
    def met(self) -> bool:
        return bool(COMPARE[self.sign](self.ratio, self.target))


@dataclass
class Section:
    """One measurement: a table, its verdicts, remarks, and every single sample."""

    name: str
    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    samples: dict[str, Any] = field(default_factory=dict)


def compare(what: str, ours: Sequence[float], theirs: Sequence[float], sign: str, target: float) -> Verdict:
    """The ratio of the medians; the spread is that of the rounds, each against its own neighbour in time."""
    pairs = [one / other for one, other in zip(ours, theirs, strict=False) if other]
    return Verdict(what, median(ours) / median(theirs), sign, target, min(pairs), max(pairs))


def machine() -> dict[str, Any]:
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "processor": processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "node": words("node", "--version"),
        "wrk": words("wrk", "-v").split("[")[0].strip(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def words(*command: str) -> str:
    """The first line a program says; some say it on stderr, some with a status of 1."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return "absent"
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[0] if said else "unknown"


def show_machine(console: Console, facts: dict[str, Any]) -> None:
    console.print(f"{facts['date']}, {facts['system']}")
    console.print(
        f"{facts['processors']} x {facts['processor']}, Python {facts['python']}, Node {facts['node']}, "
        f"{facts['wrk']}, load average {facts['load_average']}"
    )


def show(console: Console, section: Section) -> None:
    table = Table()
    for column in section.columns:
        table.add_column(column, justify="left" if column in WORDS else "right", overflow="fold")
    for row in section.rows:
        table.add_row(*row)
    console.print(f"\n[bold]{section.title}[/]", highlight=False)
    console.print(table)
    for remark in section.remarks:
        console.print(f"  {remark}", highlight=False)


def show_verdicts(console: Console, sections: Sequence[Section]) -> None:
    table = Table()
    for column in ("ratio of medians", "measured", "round by round", "target", ""):
        table.add_column(column, justify="left" if column in WORDS else "right")
    for section in sections:
        for one in section.verdicts:
            spread = f"{one.low:.2f} to {one.high:.2f}" if one.low is not None else ""
            verdict = "[green]met[/]" if one.met else "[red]not met[/]"
            table.add_row(one.what, f"{one.ratio:.2f}", spread, f"{one.sign} {one.target:g}", verdict)
    console.print("\n[bold]Targets[/]")
    console.print(table)


def as_json(facts: dict[str, Any], sections: Sequence[Section], skipped: Sequence[str]) -> dict[str, Any]:
    return {
        "machine": facts,
        "skipped": list(skipped),
        "sections": [
            {
                "name": one.name,
                "verdicts": [{**asdict(verdict), "met": verdict.met} for verdict in one.verdicts],
                "remarks": one.remarks,
                "samples": one.samples,
            }
            for one in sections
        ],
    }
