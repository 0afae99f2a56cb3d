"""`proofboard clean`: remove from a tenant what earlier runs left there. Judges nothing, and touches nothing else."""

import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contracts import interrupts

if TYPE_CHECKING:
    from contracts.safety.made import Entry, Leftovers
    from contracts.safety.traces import Search, Trace
    from contracts.target import Target
    from mockserver.vendor import Vendor

_EPILOG = """\b
Exit code: 0 nothing is left, 1 something could not be removed, 2 nobody could look.
\b
proofboard clean --tenant tenant.toml --dry-run   show what is there
proofboard clean VENDOR --tenant tenant.toml      remove it
"""
NOTHING_LEFT, SOMETHING_LEFT, COULD_NOT_LOOK = 0, 1, 2


@click.command(epilog=_EPILOG, short_help="Remove what earlier runs left on a tenant.")
@click.argument("vendor", metavar="[VENDOR|FOLDER]", required=False)
@click.option(
    "--tenant",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The tenant.toml that the runs went by. Its budget and pace hold here too.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
def clean(vendor: str | None, tenant: Path, dry_run: bool) -> None:
    """Remove what earlier runs left on a tenant: records that bear the mark [proofboard N] in the field that runs put
    it in, and those that a run on this machine has written down before it was killed and that still look like it."""
    interrupts.keep_warnings_quiet()
    interrupts.heed_ends()
    from mockserver.vendor import SpecError

    try:
        codes = [_clean(each, tenant, is_dry=dry_run) for each in _vendors(vendor, tenant)]
    except SpecError as error:
        for mistake in error.mistakes:
            click.echo(str(mistake), err=True)
        sys.exit(COULD_NOT_LOOK)
    sys.exit(max(codes))


def _vendors(name: str | None, file: Path) -> "list[Vendor]":
    """The vendor that is named, or all of the tenant file."""
    from contracts import tomlfile
    from mockserver.vendor import load, shipped
    from mockserver.yamlfile import Mistake, SpecError

    if name is not None:
        return [load(name)]
    source = tomlfile.read(file)
    found = [load(each) for each in source.content if each in shipped()]
    if not found:
        raise SpecError([Mistake(source.file, 1, f"expected a table of one of {', '.join(sorted(shipped()))}")])
    return found


def _clean(vendor: "Vendor", file: Path, *, is_dry: bool) -> int:
    from contracts import tenant_file
    from contracts.findings import NotJudged, Unjudgeable
    from contracts.safety.guard import Budget, BudgetSpent, TargetLost
    from contracts.target import open_url
    from mockserver.vendor import shipped

    told = tenant_file.read(file, vendor.name, frozenset(vendor.known), frozenset(shipped()))
    owner = {name: headers for name, headers in told.callers.items() if name == "owner"}  # nobody else is needed
    login = {name: headers for name, headers in told.logins.items() if name == "owner"}
    file_of_owner, seed = replace(told, callers=owner, logins=login), random.SystemRandom().randrange(10**6)
    budget = Budget(requests=told.requests, writes=told.writes, per_minute=told.per_minute)
    target: Target | None = None
    try:
        target = open_url(vendor, told.base_url, seed=seed, budget=budget, tenant=file_of_owner)
        return _Sweep(target).run(is_dry=is_dry)
    except (Unjudgeable, NotJudged, BudgetSpent, TargetLost) as error:
        line = str(error) if target is None else target.guard.mask(str(error))
        click.echo(f"could not look at {vendor.title}: {line}", err=True)
        return COULD_NOT_LOOK
    except KeyboardInterrupt:
        click.echo(f"could not look at {vendor.title}: interrupted", err=True)
        return COULD_NOT_LOOK
    finally:
        if target is not None:
            target.close()


@dataclass
class _Sweep:
    """One tenant, looked through and swept."""

    target: "Target"
    unseen: list[str] = field(default_factory=list)  # resources in whose lists no mark shows
    doubtful: list[str] = field(default_factory=list)
    staying: "list[Entry]" = field(default_factory=list)  # what no operation removes

    def run(self, *, is_dry: bool) -> int:
        """Show what is there and remove it; the exit code."""
        from contracts.safety.made import Leftovers
        from contracts.safety.traces import Search
        from contracts.suites import preflight

        title, url = self.target.vendor.title, self.target.guard.mask(self.target.url)
        if self.target.is_mock:
            click.echo(f"{title} at {url} is a stand-in: runs leave nothing there, each works in worlds of its own")
            return NOTHING_LEFT
        self.unseen += preflight.check(self.target, rules=())
        journals = Leftovers(self.target.vendor.name, self.target.url)
        with self.target.guard.purse.cleaning():
            search = Search(self.target.guard)
            found = list(self._look(search, journals))
        for trace in found:
            self._say(f"{trace.resource} {trace.identity}  {trace.text}")
        if is_dry:
            self._tell_staying(search, None)
        if not found:
            if not is_dry:
                self._tell_staying(search, journals)
            what = "nothing was removed" if self.doubtful or self.staying else "nothing is left"
            return self._conclude(what, is_left=False)
        if is_dry:
            return self._conclude(f"{len(found)} to remove", is_left=True)
        return self._remove(found, search, journals)

    def _look(self, search: "Search", journals: "Leftovers") -> "Iterator[Trace]":
        """What bears the mark; and what the journals hold beside that. What no operation removes is put aside."""
        from contracts.findings import NotJudged
        from contracts.safety.made import Entry

        seen = set()
        entries, model = journals.entries(), self.target.model
        for resource in search.resources():
            try:
                traces = search.all_marked(resource)
            except NotJudged as error:
                self.unseen.append(f"{resource}: {error.why}")
                continue
            for trace in traces:
                seen.add((resource, trace.identity))
                if not model.is_removable(resource):
                    self.staying.append(Entry(resource, trace.identity, trace.text, trace.seed, trace.path))
                else:
                    yield trace
        for entry in entries:
            if (entry.resource, entry.identity) in seen:
                continue
            if not model.is_removable(entry.resource):
                self.staying.append(entry)
                continue
            match search.find(entry):
                case None:
                    journals.settle(entry.resource, entry.identity)
                case str(why):
                    self.doubtful.append(f"{entry.resource} {entry.identity}: {why}")
                case one:
                    yield one

    def _tell_staying(self, search: "Search", journals: "Leftovers | None") -> None:
        """Told in one line for each resource, and with the journals never again: nobody can do anything about it.

        What has gone with the record that it was in is not there to be told.
        """
        from contracts.findings import NotJudged
        from contracts.safety.guard import BudgetSpent, TargetLost

        there: Counter[str] = Counter()
        with self.target.guard.purse.cleaning():
            for entry in self.staying:
                try:
                    is_there = search.find(entry) is not None
                except (NotJudged, BudgetSpent, TargetLost):
                    is_there = True  # as far as anybody knows
                there[entry.resource] += is_there
                if journals is not None:
                    journals.settle(entry.resource, entry.identity)
        for resource, count in (+there).items():
            what = f"{count} {resource}" if count > 1 else f"a record of {resource}"
            self._say(f"left behind: {what}, which no operation removes")

    def _remove(self, found: "list[Trace]", search: "Search", journals: "Leftovers") -> int:
        from contracts.report.terminal import left_behind

        ownership = self.target.guard.ownership
        ownership.book = None  # these records stand in the journals of those who made them
        for trace in reversed(found):  # what is held last goes first
            ownership.adopt(trace.resource, trace.identity, path=trace.path, text=trace.text)
        self.target.clean_up()
        held = set(self.target.guard.holdings)
        for trace in found:
            if (trace.resource, trace.identity) not in held:
                journals.settle(trace.resource, trace.identity)
        for line in left_behind(self.target.left_behind):
            self._say(line)
        self._tell_staying(search, journals)
        return self._conclude(f"{len(found) - len(held)} of {len(found)} removed", is_left=bool(held))

    def _conclude(self, what: str, *, is_left: bool) -> int:
        from contracts.report.terminal import left_behind

        for line in left_behind(self.doubtful):
            self._say(line)
        for line in self.unseen:
            self._say(f"not looked at: {line}")
        guard = self.target.guard
        self._say(f"{self.target.vendor.title}: {what}; {guard.requests} requests, {guard.writes} of them writes")
        return SOMETHING_LEFT if is_left or self.doubtful else NOTHING_LEFT

    def _say(self, line: str) -> None:
        click.echo(self.target.guard.mask(" ".join(line.split())))
