"""`proofboard test`: what a person types, and which exit code they get. The work is done in the runner."""

import io
import os
import random
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from contracts import interrupts

if TYPE_CHECKING:
    from contracts.baseline import Baseline
    from contracts.course import Course
    from contracts.rehearsal import Script
    from contracts.report.har import Recorder
    from contracts.runner import Result
    from contracts.safety.guard import Budget
    from contracts.target import Target
    from contracts.tenant_file import TenantFile
    from mockserver.vendor import Rule, Vendor

_EPILOG = """\b
Exit code: 0 the target conforms, 1 it does not, 2 it could not be judged.
\b
proofboard test VENDOR                                     the mock, in this process
proofboard test ./my-vendor                                a vendor folder of your own
proofboard test VENDOR --target http://127.0.0.1:4010/...  whatever answers there
proofboard test VENDOR --tenant tenant.toml                a real tenant
proofboard test VENDOR --tenant tenant.toml --plan         what that would send
"""


@click.command(epilog=_EPILOG, short_help="Judge a target, rule by rule.")
@click.argument("vendor", metavar="VENDOR|FOLDER")
@click.option(
    "--target", metavar="mock|URL", help="What to judge: the mock in this process, or the base URL of an API."
)
@click.option(
    "--tenant",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A tenant.toml: base URL, callers, known ids, budget.",
)
@click.option(
    "--profile",
    type=click.Choice(["quick", "thorough"]),
    default="quick",
    show_default=True,
    help="How many cases to try.",
)
@click.option(
    "--seed", type=click.IntRange(0, 10**18 - 1), help="The same seed makes the same run. Random where it is not given."
)
@click.option(
    "--rule", "patterns", metavar="GLOB", multiple=True, help="Judge only the rules whose ids fit, such as 'XY-01*'."
)
@click.option("--max-requests", metavar="N", type=click.IntRange(min=0), help="Send no more than N requests.")
@click.option(
    "--max-time",
    metavar="S",
    type=click.FloatRange(min=0, min_open=True),
    help="Judge for S seconds; only the clean-up may go on.",
)
@click.option(
    "--timeout",
    metavar="S",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Give up on an answer after S seconds.",
)
@click.option(
    "--read-only",
    is_flag=True,
    help="Send nothing that writes, logins included; rules that need to are not judged.",
)
@click.option("--plan", is_flag=True, help="Send nothing: show what would be sent, and what a budget leaves unjudged.")
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Known findings: told, and not counted, until they expire.",
)
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write report.json, report.html, junit.xml, report.sarif and exchanges.har there; plan.json with --plan.",
)
def test(vendor: str, **options: Any) -> None:
    """Judge whether a target keeps the contract of a vendor, rule by rule."""
    from contracts import crashes
    from mockserver import cache

    interrupts.keep_warnings_quiet()
    if place := cache.folder():  # or Hypothesis keeps its tables in whatever folder one stands in
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(place / "hypothesis"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that has no such letter ends no run
    try:
        code = _Command(vendor, options).run()
    except KeyboardInterrupt:
        _refuse("could not judge: interrupted")
    except Exception as error:
        _refuse(f"could not judge: {crashes.tell(error)}")
    sys.exit(code)


class _Command:
    """One invocation: what was typed, brought together step by step."""

    def __init__(self, vendor: str, options: dict[str, Any]) -> None:
        from contracts import baseline
        from contracts.report import progress, terminal
        from mockserver.vendor import SpecError, load

        self.options = options
        self.seed: int = random.SystemRandom().randrange(1_000_000) if options["seed"] is None else options["seed"]
        self.profile: str = options["profile"]
        try:
            self.vendor: Vendor = load(vendor)
            self.tenant = self._tenant()
            known: Path | None = options["baseline"]
            self.baseline: Baseline | None = None if known is None else baseline.read(known, self.vendor)
        except SpecError as error:
            _refuse(*(str(mistake) for mistake in error.mistakes))
        self.url = self._url()
        self.rules = self._rules()
        self._check_budget()
        self._check_report()
        self.console = terminal.Terminal()
        self.progress = progress.LiveProgress(self.console)

    def run(self) -> int:
        """Judge or plan, tell, and answer the exit code."""
        from contracts import runner, tenant_file
        from contracts.findings import Unjudgeable
        from contracts.report import terminal

        interrupts.heed_ends()  # CI cancels so
        where = self.url or "the mock in this process"
        terminal.open_with(self.console, self.vendor.title, where, self.profile, self.seed)
        if self.options["plan"]:
            return self._plan(where)
        if self.url is not None and (warning := tenant_file.find_clear_text(self.url)):
            self.progress.note(warning)
        course = None
        try:
            if self.tenant is not None:
                course = self._course(self._budget())  # rehearsed before the time of the run begins
            budget = self._budget()
            target = self._open(budget)
        except Unjudgeable as error:
            return self._end(self._unjudged(str(error)), None)
        except KeyboardInterrupt:
            return self._end(self._unjudged(runner.INTERRUPTED), None)
        try:
            recorder = self._recorder()
            result = self._judge(target, budget, course, recorder)
        finally:
            self.progress.stop()
            target.close()
        return self._end(result, recorder)

    def _judge(
        self, target: "Target", budget: "Budget", course: "Course | None", recorder: "Recorder | None"
    ) -> "Result":
        """One run, with the course of a rehearsal where there is a budget to spend well.

        Whether a bare URL is a mock, which needs no course, is not known before the time has begun.
        """
        from contracts import crashes, rehearsal, runner

        try:
            if self.tenant is None and not target.is_mock:
                course = self._course(budget)
            forecast = None if target.is_mock or course else rehearsal.recall_forecast(self._script(), budget)
            result = runner.run(
                target,
                self.rules,
                profile=self.profile,
                is_selective=bool(self.options["patterns"]),
                progress=self.progress,
                course=course,
                forecast=forecast,
                recorder=recorder,
            )
        except KeyboardInterrupt:  # a second one, after the run's own end: what it made is told all the same
            target.left_behind.clear()
            target.clean_up()
            return replace(self._unjudged(runner.INTERRUPTED), left_behind=tuple(target.left_behind))
        except Exception as error:
            return self._unjudged(crashes.tell(error, target.guard.mask))
        return result if self.tenant is None else replace(result, tenant_file=str(self.options["tenant"]))

    def _end(self, result: "Result", recorder: "Recorder | None") -> int:
        """Show and write what a run came to."""
        from contracts import baseline, runner
        from contracts.report import terminal

        if self.baseline is not None:
            result = baseline.apply(result, self.baseline, datetime.now(UTC).date())
        if result.requests:
            terminal.show(self.console, result)
        if self.options["report"] is not None:
            with interrupts.undisturbed():
                self._write(result, recorder)
        if result.exit_code == runner.COULD_NOT_JUDGE:
            click.echo(f"could not judge: {result.mask(result.reason or 'nothing was judged')}", err=True)
        return result.exit_code

    def _plan(self, where: str) -> int:
        """Tell what a run would send."""
        from contracts import crashes, runner
        from contracts.report import plan

        folder: Path | None = self.options["report"]
        try:
            return plan.tell(
                self._script(), self._budget(), self.console, target=where, progress=self.progress, folder=folder
            )
        except KeyboardInterrupt:
            reason = runner.INTERRUPTED
        except OSError as error:
            reason = f"--report {folder} cannot be written: {error.strerror}"
        except Exception as error:
            reason = crashes.tell(error)
        self.progress.stop()
        click.echo(f"could not plan: {reason}", err=True)
        return runner.COULD_NOT_JUDGE

    def _course(self, budget: "Budget") -> "Course | None":
        from contracts import rehearsal

        return rehearsal.find_course(self._script(), budget, self.progress)

    def _script(self) -> "Script":
        from contracts import rehearsal

        return rehearsal.write_script(
            self.vendor,
            self.rules,
            profile=self.profile,
            seed=self.seed,
            tenant=self.tenant,
            url=self.url,
            is_read_only=self.options["read_only"],
            is_selective=bool(self.options["patterns"]),
        )

    def _unjudged(self, reason: str) -> "Result":
        from contracts import runner

        return runner.unjudged(self.vendor, self.rules, self.url or "", reason, profile=self.profile, seed=self.seed)

    def _recorder(self) -> "Recorder | None":
        from contracts.report.har import Recorder

        folder: Path | None = self.options["report"]
        return None if folder is None else Recorder(folder)

    def _tenant(self) -> "TenantFile | None":
        from contracts import tenant_file
        from mockserver.vendor import shipped

        path: Path | None = self.options["tenant"]
        if path is None:
            return None
        return tenant_file.read(
            path,
            self.vendor.name,
            frozenset(self.vendor.known),
            frozenset(shipped()),
            callers=frozenset(self.vendor.callers),
        )

    def _url(self) -> str | None:
        """The base URL to judge; None is the mock in this process."""
        from contracts.tenant_file import find_url_trouble, hide_password

        given: str | None = self.options["target"]
        if given == "mock" and self.tenant:
            _refuse(
                "--target mock is the mock in this process, and --tenant speaks of another target: give one of them"
            )
        if given is None and self.tenant:
            return self.tenant.base_url
        if given is None or given == "mock":
            return None
        if trouble := find_url_trouble(given):
            _refuse(f"--target is {hide_password(given)!r}: {trouble}, or the word mock")
        return given

    def _rules(self) -> "list[Rule]":
        from contracts.runner import select

        patterns = self.options["patterns"]
        idle = [pattern for pattern in patterns if not select(self.vendor, [pattern])]
        if idle or not self.vendor.rules:
            first = next(iter(self.vendor.rules), "none")
            _refuse(f"no rule of {self.vendor.title} fits {', '.join(idle)}; an id looks like {first}")
        return select(self.vendor, patterns)

    def _check_budget(self) -> None:
        if 0 in (self.options["max_requests"], self.tenant.requests if self.tenant else None):
            _refuse("a budget of zero requests: nothing can be judged")

    def _budget(self) -> "Budget":
        from contracts.safety.guard import Budget

        given: list[int | None] = [self.options["max_requests"], self.tenant.requests if self.tenant else None]
        limits = [limit for limit in given if limit is not None]
        seconds = self.options["max_time"]
        return Budget(
            requests=min(limits, default=None),
            writes=self.tenant.writes if self.tenant else None,
            per_minute=self.tenant.per_minute if self.tenant else None,
            ends_at=None if seconds is None else time.monotonic() + seconds,
        )

    def _open(self, budget: "Budget") -> "Target":
        from contracts import target

        reads = self.options["read_only"]
        if self.url is None:
            return target.open_local(self.vendor, seed=self.seed, budget=budget, is_read_only=reads)
        return target.open_url(
            self.vendor,
            self.url,
            seed=self.seed,
            budget=budget,
            tenant=self.tenant,
            is_read_only=reads,
            timeout=self.options["timeout"],
            told=self.progress.wait,
        )

    def _check_report(self) -> None:
        folder: Path | None = self.options["report"]
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _refuse(f"--report {folder} cannot be written: {error.strerror}")

    def _write(self, result: "Result", recorder: "Recorder | None") -> None:
        from contracts.report import files

        try:
            written = files.write(result, self.options["report"], recorder)
        except OSError as error:
            _refuse(f"--report {self.options['report']} cannot be written: {error.strerror}")
        click.echo(f"written: {', '.join(str(path) for path in written)}")


def _refuse(*lines: str) -> NoReturn:
    """Nothing was judged: say why, and exit 2."""
    for line in lines:
        click.echo(line, err=True)
    sys.exit(2)
