"""Compare the mock with its peers on this machine: the same load generator, the same work, in turn."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from peer_lists import lists
from peer_load import find_wrk
from peer_measures import Plan, memory, startup, throughput
from peer_results import Section, as_json, machine, show, show_machine, show_verdicts
from peer_scale import scale
from peer_servers import CannotMeasure
from rich.console import Console

PARTS = {"throughput": throughput, "startup": startup, "memory": memory, "scale": scale, "lists": lists}
ABOUT = """
Compare the mock with its peers on this machine, and with itself when it holds a thousand times as much.

  throughput  GET one task with a bearer token, and POST one task with a validated body, driven by wrk:
              Proofboard, Prism, Connexion's stock AsyncApp and FlaskApp with trivial handlers, and a bare
              Starlette handler that returns fixed JSON. One worker each.
  startup     from the start of the process to its first 200: Proofboard with all its vendors, Prism with one.
  memory      of the process and its children, at rest and after load: Proofboard and Prism.
  scale       100 tasks against 100,000: reading, listing, forking and resetting worlds.
  lists       1,000 tasks against 100,000: a filter with a condition on a related record, two sort keys, every page.
"""
NOTES = """
Every server is asked before it is timed: one that answers wrongly is not measured. A peer that cannot run is
skipped and named. Only ratios carry from one machine to another; run it where nothing else is running.

Needed: wrk (Debian package `wrk`; installed when run as root), and node with npm for Prism, which is installed
into .cache/npm on first use.

Exit code: 0 measured, whatever the figures; 2 could not measure.

Examples:
  .venv/bin/python tests/benchmarks/peers.py
  .venv/bin/python tests/benchmarks/peers.py --only throughput --rounds 3 --seconds 2
  .venv/bin/python tests/benchmarks/peers.py --json figures.json
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="peers.py", description=ABOUT, epilog=NOTES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="how often each is measured (5)")
    parser.add_argument(
        "--seconds", type=positive, default=3, metavar="S", help="length of one burst, whole seconds (3)"
    )
    parser.add_argument(
        "--connections", type=positive, default=16, metavar="N", help="connections that wrk keeps open (16)"
    )
    parser.add_argument("--only", choices=PARTS, metavar="PART", help="one part: " + ", ".join(PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample to FILE")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def measure(console: Console, options: argparse.Namespace) -> tuple[list[Section], Plan]:
    """The parts asked for. One that cannot be measured does not take the others with it."""
    sections: list[Section] = []
    with console.status("") as status:
        plan = Plan(find_wrk(), options.rounds, options.seconds, options.connections, status.update)
        for name in [options.only] if options.only else PARTS:
            part = PARTS[name]
            plan.part = name
            try:
                sections.append(part(plan))
            except CannotMeasure as error:
                plan.skipped.append(f"{name} as a whole: {error}")
            else:
                show(console, sections[-1])
    return sections, plan


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    console = Console(width=None if sys.stdout.isatty() else 130)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended then, too
    facts = machine()
    show_machine(console, facts)
    try:
        sections, plan = measure(console, options)
    except CannotMeasure as error:
        console.print(f"[red]Cannot measure:[/] {error}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print("stopped; all servers are ended")
        return 130
    if any(section.verdicts for section in sections):
        show_verdicts(console, sections)
    for reason in plan.skipped:
        console.print(f"[yellow]Left out:[/] {reason}", highlight=False)
    if options.json:
        options.json.write_text(json.dumps(as_json(facts, sections, plan.skipped), indent=1) + "\n")
    return 0 if len(sections) == (1 if options.only else len(PARTS)) else 2


if __name__ == "__main__":
    sys.exit(main())
