"""How fast the harness is: cases per second beside plain `st run`, and the seconds of whole runs."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from judge_runs import TOOLS, Run, conform, judge, served
from peer_results import Section, Verdict, as_json, compare, machine, show, show_machine, show_verdicts
from peer_servers import CannotMeasure
from rich.console import Console
from rich.status import Status

from mockserver.vendor import load, shipped

LEAST = 0.9  # of the cases per second of plain `st run`
MOST = {"quick": 60.0, "thorough": 600.0}  # seconds of a whole run
ABOUT = """
How fast the harness is.

  cases  Our conformance suite against plain `st run`, on the same served stand-in, with the same seed, phases and
         number of examples, in turn: cases per second, from the start of the process to its end. `st run` gets the
         vendor's document as it is, and once more as our suite prepares it.
  runs   Whole runs of `proofboard test` with the stand-in in process: wall and processor seconds.
"""
NOTES = """
Only ratios carry from one machine to another; run it where nothing else is running.
Exit code: 0 measured, whatever the figures; 2 could not measure.

Examples:
  .venv/bin/python tests/benchmarks/judge.py
  .venv/bin/python tests/benchmarks/judge.py --only cases --rounds 1 kanman
  .venv/bin/python tests/benchmarks/judge.py --only runs --profile thorough --rounds 1 --markdown
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="judge.py", description=ABOUT, epilog=NOTES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("vendors", nargs="*", metavar="VENDOR", help="which vendors; all by default")
    parser.add_argument("--only", choices=("cases", "runs"), help="one part")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured (3)")
    parser.add_argument("--profile", choices=MOST, default="quick", help="how many examples (quick)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="(1)")
    parser.add_argument("--markdown", action="store_true", help="print rows for the README as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample to FILE")
    return parser.parse_args(arguments)


def cases(options: argparse.Namespace, status: Status) -> Section:
    """Each tool in turn, in another order each round."""
    runs: dict[str, dict[str, list[Run]]] = {vendor: {tool: [] for tool in TOOLS} for vendor in options.vendors}
    with served() as mock:
        for number in range(options.rounds):
            for vendor in options.vendors:
                for place in range(len(TOOLS)):
                    tool = TOOLS[(place + number) % len(TOOLS)]
                    status.update(f"cases: round {number + 1}, {vendor}, {tool}")
                    run = conform(tool, mock, vendor, seed=options.seed, profile=options.profile)
                    runs[vendor][tool].append(run)
    section = Section(
        "cases",
        f"Conformance suites, {options.profile}: medians of {options.rounds}",
        ["what", "server", "cases", "seconds", "cases per second", "processor ms per case"],
        samples={
            vendor: {tool: [vars(run) for run in each] for tool, each in by.items()} for vendor, by in runs.items()
        },
    )
    for vendor, by in runs.items():
        for tool, each in by.items():
            section.rows.append(
                [
                    vendor,
                    tool,
                    f"{median(run.count for run in each):,.0f}",
                    f"{median(run.seconds for run in each):.1f}",
                    f"{median(run.rate for run in each):.0f}",
                    f"{1000 * median(run.processor / run.count for run in each):.1f}",
                ]
            )
        for other in TOOLS[1:]:
            ours, theirs = [[run.rate for run in by[tool]] for tool in (TOOLS[0], other)]
            section.verdicts.append(compare(f"{vendor}: cases per second against {other}", ours, theirs, ">=", LEAST))
    return section


def whole(options: argparse.Namespace, status: Status) -> Section:
    """Whole runs, one after the other."""
    most = MOST[options.profile]
    columns = ["what", "requests", "seconds", "processor seconds"]
    section = Section("runs", f"proofboard test --profile {options.profile}, in process", columns)
    for vendor in options.vendors:
        runs = []
        for number in range(options.rounds):
            status.update(f"runs: round {number + 1}, {vendor}")
            runs.append(judge(vendor, seed=options.seed, profile=options.profile))
        seconds = [run.seconds for run in runs]
        processor = median(run.processor for run in runs)
        section.rows.append([vendor, f"{runs[0].count:,}", f"{median(seconds):.1f}", f"{processor:.1f}"])
        what = f"{vendor}: seconds of {options.profile} against {most:g}"
        shares = [one / most for one in seconds]
        section.verdicts.append(Verdict(what, median(shares), "<=", 1.0, min(shares), max(shares)))
        section.samples[vendor] = [vars(run) for run in runs]
    return section


def as_markdown(section: Section, names: dict[str, str]) -> list[str]:
    """The rows of the tables in the README."""
    if section.name == "runs":
        return [f"| {names[row[0]]} | {row[2]} s | {row[3]} s | {row[1]} |" for row in section.rows]
    ratios = {verdict.what: verdict for verdict in section.verdicts}
    rows = []
    for vendor in dict.fromkeys(row[0] for row in section.rows):
        found = [ratios[f"{vendor}: cases per second against {other}"] for other in TOOLS[1:]]
        cells = [f"{one.ratio:.2f} ({one.low:.2f} to {one.high:.2f})" for one in found]
        rows.append(f"| {names[vendor]} | {' | '.join(cells)} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    known = shipped()
    if strangers := [vendor for vendor in options.vendors if vendor not in known]:
        print(f"there is no vendor {strangers[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    options.vendors = options.vendors or known
    console = Console(width=None if sys.stdout.isatty() else 130)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended then, too
    facts = machine()
    show_machine(console, facts)
    sections: list[Section] = []
    try:
        for name, part in (("cases", cases), ("runs", whole)):
            if options.only in (None, name):
                with console.status("") as status:
                    sections.append(part(options, status))
                show(console, sections[-1])
    except CannotMeasure as error:
        console.print(f"[red]Cannot measure:[/] {error}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print("stopped; the server is ended")
        return 130
    show_verdicts(console, sections)
    if options.markdown:
        names = {vendor: load(vendor).title for vendor in options.vendors}
        for section in sections:
            console.print("\n".join(as_markdown(section, names)), markup=False, highlight=False, soft_wrap=True)
    if options.json:
        options.json.write_text(json.dumps(as_json(facts, sections, []), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
