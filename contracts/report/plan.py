"""What a run would send, shown before anything is sent: a table for a person, plan.json for a program."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts import runner
from contracts.course import is_limited
from contracts.docket import Progress
from contracts.meter import Cost, by_suite, total
from contracts.rehearsal import Rehearsal, Script, find_course, rehearse, rehearse_costs
from contracts.report.progress import in_words, plain
from contracts.report.terminal import ranges
from contracts.safety.guard import Budget
from contracts.standin import ANSWER_SECONDS
from contracts.wholefile import put

_MISSING = re.compile(r"needs an? \S+ credential|needs \S+ among the known ids|.*: the known ids are missing")


@dataclass(frozen=True)
class Plan:
    """What would be sent within the budget, and, where the budget cuts something off, what the whole would take."""

    script: Script
    target: str
    budget: Budget
    sent: Rehearsal
    whole: Rehearsal | None

    @property
    def cut(self) -> dict[str, str]:
        """Rule -> why, of the rules that the budget leaves unjudged."""
        missing = self.whole.judged - self.sent.judged if self.whole is not None else frozenset()
        return {rule: why for rule, (_, why) in self.sent.verdicts.items() if rule in missing}


def make(script: Script, budget: Budget, target: str, progress: Progress) -> Plan:
    """Rehearse the run, and with limits the run within them. Sends nothing; KeyboardInterrupt passes."""
    if not is_limited(budget):
        # What the stand-in is asked thoroughly in minutes can be told from what it is asked quickly.
        ask = rehearse if script.profile == "quick" else rehearse_costs
        return Plan(script, target, budget, ask(script, budget, progress=progress), None)
    course = find_course(script, budget, progress)
    sent = rehearse(script, budget, course, progress)
    return Plan(script, target, budget, sent, rehearse_costs(script, budget, progress) if course else None)


def tell(
    script: Script, budget: Budget, console: Console, *, target: str, progress: Progress, folder: Path | None = None
) -> int:
    """Make the plan, show it, write plan.json into a folder, and answer the exit code: 2 when nothing can be judged.

    OSError when the file cannot be written.
    """
    plan = make(script, budget, target, progress)
    progress.stop()
    show(console, plan)
    if folder is not None:
        _line(console, f"written: {_write(plan, folder)}")
    return runner.COULD_NOT_JUDGE if plan.sent.exit_code == runner.COULD_NOT_JUDGE else runner.CONFORMS


def show(console: Console, plan: Plan) -> None:
    """Counts first, then the time, then what stays unjudged and why."""
    sent = plan.sent
    _line(console, "a plan: nothing was sent. So much would be, if the target answers as our stand-in does:")
    _table(console, ("method", "requests"), [(name, f"{count:,}") for name, count in _falling(sent.methods)])
    _table(console, ("operation", "requests"), [(name, f"{count:,}") for name, count in _falling(sent.operations)])
    suites = [(name, f"{cost.requests:,}", f"{cost.writes:,}") for name, cost in by_suite(sent.parts).items()]
    _table(console, ("suite", "requests", "writes"), suites)
    console.print()
    duration = "" if plan.script.is_own_world else f"; {_duration(sent)}"
    _line(console, f"{_told(total(sent.parts.values()))}{duration}")
    order = [rule.id for rule in plan.script.rules]
    if plan.whole is not None:
        limits = ", ".join(_limits(plan.budget))
        _line(console, f"budget: {limits}; without it {_told(total(plan.whole.parts.values()))}")
        for why, rules in _by_reason(plan.cut).items():
            _line(console, f"  left unjudged, {ranges(rules, order)}: {why}", "yellow")
        if not plan.cut:
            _line(console, "  it lasts for all that can be judged")
    rest = {rule: why for rule, why in sent.unjudged.items() if rule not in plan.cut}
    missing = {rule: why for rule, why in rest.items() if _MISSING.fullmatch(why)}
    _show_reasons(console, "no caller or known id that is given allows:", missing, order)
    others = {rule: why for rule, why in rest.items() if rule not in missing}
    _show_reasons(console, "not judged:", others, order)
    for resource, count in _left_behind(sent.left_behind).items():
        _line(console, f"would be left behind, for want of an operation that removes it: {count:,} of {resource}")
    console.print()
    if sent.exit_code == runner.COULD_NOT_JUDGE:
        _line(console, f"nothing could be judged: {sent.reason}", "bold yellow")
    else:
        _line(console, f"{len(sent.judged):,} of {len(order):,} rules would be judged", "bold")


def as_json(plan: Plan) -> bytes:
    """The content of plan.json: format 1; counts as on the terminal, `rules` with `is_judged` and why not."""
    sent, script = plan.sent, plan.script
    told: dict[str, Any] = {
        "format": 1,
        "vendor": script.vendor.name,
        "title": script.vendor.title,
        "target": plan.target,
        "seed": script.seed,
        "profile": script.profile,
        "read_only": script.is_read_only,
        "callers": list(script.callers),
        "known": list(script.known),
        "budget": {
            "requests": plan.budget.requests,
            "writes": plan.budget.writes,
            "per_minute": plan.budget.per_minute,
        },
        "reason": sent.reason,
        **_counts(sent),
        "methods": dict(_falling(sent.methods)),
        "operations": dict(_falling(sent.operations)),
        "suites": {name: cost._asdict() for name, cost in by_suite(sent.parts).items()},
        "rules": [
            {"id": rule, "is_judged": state != "not judged", "why": why if state == "not judged" else ""}
            for rule, (state, why) in sent.verdicts.items()
        ],
        "cut_by_budget": sorted(plan.cut),
        "without_budget": None if plan.whole is None else _counts(plan.whole),
        "left_behind": _left_behind(sent.left_behind),
        "notes": list(sent.notes),
    }
    return json.dumps(told, indent=2).encode() + b"\n"


def _write(plan: Plan, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return put(folder / "plan.json", as_json(plan))


def _counts(rehearsal: Rehearsal) -> dict[str, float]:
    cost = total(rehearsal.parts.values())
    return {**cost._asdict(), "waits": round(rehearsal.waits, 1), "seconds": round(rehearsal.seconds, 1)}


def _duration(rehearsal: Rehearsal) -> str:
    waits = f"{in_words(rehearsal.waits)} of them waiting for limits" if rehearsal.waits >= 1 else "without waits"
    return f"about {in_words(rehearsal.seconds)} where an answer takes {ANSWER_SECONDS:g} s, {waits}"


def _limits(budget: Budget) -> Iterable[str]:
    for count, what in ((budget.requests, "requests"), (budget.writes, "writes"), (budget.per_minute, "a minute")):
        if count is not None:
            yield f"{count:,} {what}"
    if budget.ends_at is not None:
        yield "a limited time"


def _told(cost: Cost) -> str:
    return f"{cost.requests:,} requests, {cost.writes:,} of them writes"


def _falling(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _left_behind(lines: Iterable[str]) -> dict[str, int]:
    """Resource -> how many of its records would stay."""
    found: dict[str, int] = {}
    for line in lines:
        resource = line.partition(" ")[0]
        found[resource] = found.get(resource, 0) + 1
    return found


def _by_reason(rules: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rule, why in rules.items():
        found.setdefault(why, []).append(rule)
    return found


def _show_reasons(console: Console, title: str, rules: Mapping[str, str], order: list[str]) -> None:
    if not rules:
        return
    console.print()
    _line(console, title)
    for why, ids in _by_reason(rules).items():
        _line(console, f"  {ranges(ids, order)}: {why}")


def _table(console: Console, names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(plain(text), style=style), soft_wrap=True)
