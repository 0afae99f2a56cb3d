"""`proofboard test`: what a person types, and which exit code they get. The work is done in the runner."""

import random
import signal
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from contracts.guard import Budget
    from contracts.runner import Result
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
    "--seed", type=click.IntRange(min=0), help="The same seed makes the same run. Random where it is not given."
)
@click.option(
    "--rule", "patterns", metavar="GLOB", multiple=True, help="Judge only the rules whose ids fit, such as 'XY-01*'."
)
@click.option("--max-requests", metavar="N", type=click.IntRange(min=0), help="Send no more than N requests.")
@click.option("--max-time", metavar="S", type=click.FloatRange(min=0, min_open=True), help="Stop after S seconds.")
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write report.json and junit.xml there.",
)
def test(vendor: str, **options: Any) -> None:
    """Judge whether a target keeps the contract of a vendor, rule by rule."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    sys.exit(_Command(vendor, options).run())


class _Command:
    """One invocation: what was typed, brought together step by step."""

    def __init__(self, vendor: str, options: dict[str, Any]) -> None:
        from mockserver.vendor import SpecError, load

        self.options = options
        self.seed: int = random.SystemRandom().randrange(1_000_000) if options["seed"] is None else options["seed"]
        self.profile: str = options["profile"]
        try:
            self.vendor: Vendor = load(vendor)
            self.tenant = self._tenant()
        except SpecError as error:
            _refuse(*(str(mistake) for mistake in error.mistakes))
        self.url = self._url()
        self.rules = self._rules()
        self._check_report()

    def run(self) -> int:
        """Judge, tell, and answer the exit code."""
        from rich.console import Console

        from contracts import runner
        from contracts.findings import Unjudgeable
        from contracts.report import files, terminal

        signal.signal(signal.SIGTERM, _interrupt)  # CI cancels with it: clean up as after Ctrl-C
        console = Console(highlight=False, markup=False)
        progress = terminal.LiveProgress(console)
        terminal.open_with(console, self.vendor.title, self.url or "the mock in this process", self.profile, self.seed)
        try:
            target = self._open()
        except Unjudgeable as error:
            result = runner.unjudged(
                self.vendor, self.rules, self.url or "", str(error), profile=self.profile, seed=self.seed
            )
        else:
            try:
                chosen = bool(self.options["patterns"])
                result = runner.run(target, self.rules, profile=self.profile, is_selective=chosen, progress=progress)
                if self.tenant is not None:
                    result = replace(result, tenant_file=str(self.options["tenant"]))
            finally:
                progress.stop()
                target.close()
            terminal.show(console, result)
        if self.options["report"] is not None:
            self._write(result, files)
        if result.exit_code == runner.COULD_NOT_JUDGE:
            click.echo(f"could not judge: {result.mask(result.reason or 'nothing was judged')}", err=True)
        return result.exit_code

    def _tenant(self) -> "TenantFile | None":
        from contracts import tenant_file
        from mockserver.vendor import shipped

        path: Path | None = self.options["tenant"]
        if path is None:
            return None
        return tenant_file.read(path, self.vendor.name, frozenset(self.vendor.known), frozenset(shipped()))

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

    def _budget(self) -> "Budget":
        from contracts.guard import Budget

        given: list[int | None] = [self.options["max_requests"], self.tenant.requests if self.tenant else None]
        limits = [limit for limit in given if limit is not None]
        if 0 in limits:
            _refuse("a budget of zero requests: nothing can be judged")
        seconds = self.options["max_time"]
        return Budget(
            requests=min(limits, default=None),
            writes=self.tenant.writes if self.tenant else None,
            per_minute=self.tenant.per_minute if self.tenant else None,
            ends_at=None if seconds is None else time.monotonic() + seconds,
        )

    def _open(self) -> "Target":
        from contracts import target

        budget = self._budget()
        if self.url is None:
            return target.open_local(self.vendor, seed=self.seed, budget=budget)
        return target.open_url(self.vendor, self.url, seed=self.seed, budget=budget, tenant=self.tenant)

    def _check_report(self) -> None:
        folder: Path | None = self.options["report"]
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _refuse(f"--report {folder} cannot be written: {error.strerror}")

    def _write(self, result: "Result", files: Any) -> None:
        try:
            written = files.write(result, self.options["report"])
        except OSError as error:
            _refuse(f"--report {self.options['report']} cannot be written: {error.strerror}")
        click.echo(f"written: {', '.join(str(path) for path in written)}")


def _interrupt(*received: object) -> NoReturn:
    raise KeyboardInterrupt


def _refuse(*lines: str) -> NoReturn:
    """Nothing was judged: say why, and exit 2."""
    for line in lines:
        click.echo(line, err=True)
    sys.exit(2)
