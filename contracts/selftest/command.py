"""`proofboard selftest`: what a person types, and which exit code they get."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contracts import interrupts

if TYPE_CHECKING:
    from contracts.selftest.campaign import Wanted
    from contracts.selftest.crew import Crew
    from contracts.selftest.score import Score
    from mockserver.vendor import Vendor

_EPILOG = """\b
Exit code: 0 the judge finds what it promises to find and raises no false alarm, 1 it does not, 2 nobody can tell.
\b
proofboard selftest VENDOR                                  everything, in minutes
proofboard selftest VENDOR --profile quick --seeds 2        less of it
proofboard selftest VENDOR --kind paging --kind cursor      the defects of some kinds
proofboard selftest VENDOR --report proof                   selftest.json and selftest.md as well
"""


@click.command(epilog=_EPILOG, short_help="Prove the judge by defects that it must find.")
@click.argument("vendors", nargs=-1, metavar="[VENDOR|FOLDER]...")
@click.option("--defect", "names", metavar="NAME", multiple=True, help="Only this defect; may be given several times.")
@click.option(
    "--kind", "kinds", metavar="KIND", multiple=True, help="Only defects of this kind; several times as well."
)
@click.option("--seed", type=click.IntRange(1, 10**9), default=1, show_default=True, help="The first of the seeds.")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=20, show_default=True, help="Clean runs in process, a seed each."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Runs side by side. As many as there are processors.")
@click.option(
    "--profile",
    type=click.Choice(["quick", "thorough"]),
    default="thorough",
    show_default=True,
    help="thorough: what quick misses is looked for by thorough.",
)
@click.option("--no-schemathesis", is_flag=True, help="Leave out plain `st run`, which is there to compare with.")
@click.option(
    "--report", metavar="DIR", type=click.Path(path_type=Path), help="Write selftest.json and selftest.md there."
)
def selftest(
    vendors: tuple[str, ...],
    names: tuple[str, ...],
    kinds: tuple[str, ...],
    seed: int,
    seeds: int,
    jobs: int | None,
    profile: str,
    no_schemathesis: bool,
    report: Path | None,
) -> None:
    """Prove the judge: run the suites against a stand-in with one defect at a time, and against faithful ones.

    Each defect of `proofboard defects` is judged in process, and, where a tenant can show it, through HTTP as a
    stranger's tenant without a control plane; a run ends at its first error. Clean stand-ins with several seeds, and
    tenants that differ only where the documents leave room, must raise no finding; the latter are left out where some
    defects are chosen. Plain `st run` gets one defect of each kind, and as much time.
    """
    from contracts.selftest.campaign import Wanted
    from contracts.selftest.crew import Crew
    from mockserver import cache
    from mockserver.vendor import load, shipped
    from mockserver.yamlfile import SpecError

    interrupts.keep_warnings_quiet()
    if place := cache.folder():  # or Hypothesis keeps its tables in whatever folder one stands in
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(place / "hypothesis"))
    try:
        chosen = [load(vendor) for vendor in vendors or shipped()]
    except SpecError as error:
        _refuse(*(str(mistake) for mistake in error.mistakes))
    scores = [_score(vendor, names, kinds, profile) for vendor in chosen]
    _check(scores, names, kinds)
    if report is not None:
        try:
            report.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _refuse(f"--report {report} cannot be written: {error.strerror}")
    is_whole = not names and not kinds
    wanted = Wanted(profile, seed, seeds, has_stock=not no_schemathesis, has_variants=is_whole)
    interrupts.heed_ends()
    with Crew(jobs or _processors()) as crew:
        code = prove(scores, wanted, crew, report)
    sys.exit(code)


def prove(scores: "list[Score]", wanted: "Wanted", crew: "Crew", report: Path | None) -> int:
    """Do it, vendor by vendor, show it and write it; the exit code. An interrupt ends it, and what is known is told."""
    from contracts.report.terminal import Terminal
    from contracts.selftest import files, shown
    from contracts.selftest.campaign import Campaign

    console = Terminal()
    told: list[Score] = []
    for score in scores:
        shown.open_with(console, score, wanted.seed, wanted.seeds, crew.jobs)
        live = shown.Live(console, score.vendor.title)
        try:
            Campaign(score, wanted, crew, live).run()
        finally:
            live.stop()
        told.append(score)
        shown.show(console, score)
        if score.is_interrupted:
            break
    code = max(score.exit_code for score in told)
    if report is not None:
        with interrupts.undisturbed():
            try:
                written = files.write(told, code, report)
            except OSError as error:
                _refuse(f"--report {report} cannot be written: {error.strerror}")
        click.echo(f"written: {', '.join(str(path) for path in written)}")
    if told[-1].is_interrupted:
        click.echo("interrupted: what is told is what was known by then", err=True)
    return code


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _score(vendor: "Vendor", names: tuple[str, ...], kinds: tuple[str, ...], profile: str) -> "Score":
    from contracts.selftest.score import Score
    from mockserver.defects import catalogue

    found = {
        name: defect
        for name, defect in catalogue(vendor).items()
        if (name in names or not names) and (defect.kind in kinds or not kinds)
    }
    return Score(vendor, found, profile)


def _check(scores: "list[Score]", names: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    """Names and kinds that none of the vendors has are a mistake, and so is a choice that leaves no defect."""
    from difflib import get_close_matches

    from mockserver.defects import KINDS, catalogue

    known = list(dict.fromkeys(name for score in scores for name in catalogue(score.vendor)))
    lines = []
    for given, every, what in ((names, known, "defect"), (kinds, KINDS, "kind")):
        for each in given:
            if each not in every:
                near = get_close_matches(each, every, n=3)
                hint = f"did you mean {' or '.join(near)}?" if near else "`proofboard defects` lists them"
                lines.append(f"there is no {what} {each}: {hint}")
    if not lines and not any(score.defects for score in scores):
        lines.append("no defect is of that name and of that kind")
    if lines:
        _refuse(*lines)


def _refuse(*lines: str) -> None:
    """Nothing was done: say why, and exit 2."""
    for line in lines:
        click.echo(line, err=True)
    sys.exit(2)
