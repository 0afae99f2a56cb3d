"""The same run against the stand-in in this process, as if it were the tenant: what would be sent, and what it costs.

Nothing leaves. Callers and known records are those of our own seed by the same names; nobody waits, because the clocks
are moved on instead. What was rehearsed once is kept, until anything that it hangs on changes.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from contracts import runner
from contracts.course import FUZZING, STATEFUL, Course, Forecast, is_limited, lay
from contracts.docket import Progress, Silence
from contracts.findings import Exchange, State
from contracts.meter import Cost, Part, Sent
from contracts.room import with_room
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.standin import ANSWER_SECONDS, Script, open_standin, write_script
from contracts.suites import conformance, model
from contracts.suites import rules as rule_suite
from contracts.wire import Outgoing
from mockserver.cache import recall

__all__ = [
    "Rehearsal",
    "Script",
    "find_course",
    "recall_forecast",
    "rehearse",
    "rehearse_costs",
    "write_script",
]

_KEPT, _KEPT_COSTS = "rehearsal", "costs"  # names in the cache
_NOT_EXHAUSTED = 0.6  # of the examples were tried: there are more of them
_SEED = 0  # of rehearsals for costs: what a check costs hardly depends on the seed


@dataclass(frozen=True)
class Rehearsal:
    """How often a rehearsal sent what, and what became of each rule (state, why).

    `waits` are the seconds for which a run would wait for limits.
    """

    exit_code: int
    reason: str | None
    sent: Mapping[Sent, int]
    verdicts: Mapping[str, tuple[State, str]]
    notes: tuple[str, ...]
    left_behind: tuple[str, ...]
    waits: float

    @property
    def methods(self) -> Mapping[str, int]:
        return _by(self.sent, "method")

    @property
    def operations(self) -> Mapping[str, int]:
        return _by(self.sent, "operation")

    @property
    def parts(self) -> Mapping[Part, Cost]:
        found: dict[Part, Cost] = {}
        for sent, count in self.sent.items():
            part, cost = (sent.suite, sent.part), Cost(count, count * sent.cost.writes)
            found[part] = found.get(part, Cost()).plus(cost)
        return found

    @property
    def forecast(self) -> Forecast:
        return Forecast(self.parts, self.waits)

    @property
    def judged(self) -> frozenset[str]:
        return frozenset(self.verdicts.keys() - self.unjudged.keys())

    @property
    def unjudged(self) -> Mapping[str, str]:
        """Rule -> why it was not judged."""
        return {rule: why for rule, (state, why) in self.verdicts.items() if state == "not judged"}

    @property
    def seconds(self) -> float:
        """How long the run takes, waits included, where each answer takes its time."""
        return self.waits + self.forecast.requests * ANSWER_SECONDS


class _InVain(Exception):
    """A rehearsal that came to nothing: told, and not kept."""

    def __init__(self, played: dict[str, Any]) -> None:
        super().__init__()
        self.played = played


def rehearse(
    script: Script, budget: Budget | None = None, course: Course | None = None, progress: Progress | None = None
) -> Rehearsal:
    """Run the script here, within the budget, or recall how that went. KeyboardInterrupt passes."""
    return _recall(_KEPT, script, budget or Budget(), course, progress)


def _recall(
    name: str, script: Script, budget: Budget, course: Course | None = None, progress: Progress | None = None
) -> Rehearsal:
    def play() -> dict[str, Any]:
        played = _packed(*_play(script, budget, course, _Rehearsing(progress or Silence())))
        if played["exit_code"] == runner.COULD_NOT_JUDGE:
            raise _InVain(played)
        return played

    try:
        return _unpacked(recall(name, _key(script, budget, course), play))
    except _InVain as error:
        return _unpacked(error.played)


def find_course(script: Script, budget: Budget, progress: Progress | None = None) -> Course | None:
    """How to spend a budget; None without limits, or where the rehearsal came to nothing. Takes some seconds.

    A world of our own has no course: there a budget is only the end.
    """
    if script.is_own_world or not is_limited(budget):
        return None
    costs = rehearse_costs(script, budget, progress)
    if costs.exit_code == runner.COULD_NOT_JUDGE:
        return None
    groups = [group.rules for group in rule_suite.find_groups(with_room(script.vendor), script.rules, is_late=False)]
    return lay(
        groups,
        costs.forecast,
        budget,
        unjudged=costs.unjudged,
        suites=(rule_suite.SUITE, conformance.SUITE, model.SUITE),
        examples=conformance.EXAMPLES[script.profile],
    )


def rehearse_costs(script: Script, budget: Budget, progress: Progress | None = None) -> Rehearsal:
    """What the run would take if nothing limited it but its pace; rehearsed once for all seeds and profiles."""
    found = _recall(_KEPT_COSTS, *_for_costs(script, budget), progress=progress)
    return _scaled(found, script.profile)


def recall_forecast(script: Script, budget: Budget) -> Forecast | None:
    """What is to come, where it was rehearsed before; takes no time."""
    if script.is_own_world:
        return None

    def play() -> dict[str, Any]:
        raise LookupError

    try:
        known = _unpacked(recall(_KEPT_COSTS, _key(*_for_costs(script, budget), None), play))
    except LookupError:
        return None
    return _scaled(known, script.profile).forecast


def _for_costs(script: Script, budget: Budget) -> tuple[Script, Budget]:
    return replace(script, seed=_SEED, profile="quick"), Budget(per_minute=budget.per_minute)


def _scaled(rehearsal: Rehearsal, profile: str) -> Rehearsal:
    """A quick rehearsal as one of another profile: the fuzzer takes more examples of what it did not exhaust."""
    few, many = conformance.EXAMPLES["quick"], conformance.EXAMPLES[profile]
    fuzzed = {sent: count for sent, count in rehearsal.sent.items() if _is_fuzzed(sent)}
    by_operation = _by(fuzzed, "operation")
    more = {
        sent: round(count * many / few)
        for sent, count in fuzzed.items()
        if by_operation[sent.operation] >= _NOT_EXHAUSTED * few
    }
    return replace(rehearsal, sent={**rehearsal.sent, **more})


def _is_fuzzed(sent: Sent) -> bool:
    return sent.suite == conformance.SUITE and sent.part in (FUZZING, STATEFUL)


def _by(sent: Mapping[Sent, int], field: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for each, count in sent.items():
        name = getattr(each, field)
        found[name] = found.get(name, 0) + count
    return found


def _play(script: Script, budget: Budget, course: Course | None, progress: Progress) -> tuple[Result, float]:
    target, skipped = open_standin(script, budget)
    probes: list[Exchange] = []
    try:
        if not script.is_own_world:  # which is asked nothing, because it is known what it is
            probes.append(target.guard.knock(Outgoing("GET", "/_mock/health")))
        result = runner.run(
            target,
            script.rules,
            profile=script.profile,
            is_selective=script.is_selective,
            progress=progress,
            course=course,
        )
    finally:
        target.close()
    if result.reason == runner.INTERRUPTED:
        raise KeyboardInterrupt
    result.meter.at("preflight", "control plane")
    for exchange in probes:
        result.meter.observe(exchange)
    return result, skipped.waited


class _Rehearsing:
    """Tells that what goes on is not the run itself."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.begin, self.step = progress.begin, progress.step
        self.wait, self.stop, self.note = _pass_over, progress.stop, progress.note

    def stage(self, name: str, total: int | None) -> None:
        self._progress.stage(f"rehearsal of {name}", total)


def _pass_over(seconds: float, why: str) -> None:
    """A rehearsal does not wait."""


def _key(script: Script, budget: Budget, course: Course | None) -> bytes:
    """All that a rehearsal hangs on; what the stand-in is made of is in the key of whatever is recalled."""
    ends_in = None if budget.ends_at is None else round(budget.ends_at - time.monotonic())
    limits = (budget.requests, budget.writes, budget.per_minute, ends_in)
    rules = tuple(rule.id for rule in script.rules)
    named = (script.profile, script.seed, script.callers, script.logins, script.known)
    modes = (script.is_read_only, script.is_selective, script.is_own_world)
    return repr((script.vendor.digest, rules, named, modes, limits, course, _fingerprint())).encode()


def _fingerprint() -> str:
    """Of this package, by the times of its files."""
    found = []
    for folder, _, names in os.walk(Path(__file__).parent):
        for name in names:
            if name.endswith(".py"):
                told = os.stat(f"{folder}/{name}")
                found.append(f"{folder}/{name}:{told.st_mtime_ns}:{told.st_size}")
    return blake2b("\n".join(sorted(found)).encode(), digest_size=16).hexdigest()


def _packed(result: Result, waits: float) -> dict[str, Any]:
    """Plain values, as the cache keeps them."""
    return {
        "exit_code": result.exit_code,
        "reason": result.reason,
        "sent": [(*sent, count) for sent, count in result.meter.sent.items()],
        "verdicts": [(verdict.rule, verdict.state, verdict.why) for verdict in result.verdicts],
        "notes": list(result.notes),
        "left_behind": list(result.left_behind),
        "waits": waits,
    }


def _unpacked(kept: Mapping[str, Any]) -> Rehearsal:
    return Rehearsal(
        exit_code=kept["exit_code"],
        reason=kept["reason"],
        sent={Sent(*sent): count for *sent, count in kept["sent"]},
        verdicts={rule: (state, why) for rule, state, why in kept["verdicts"]},
        notes=tuple(kept["notes"]),
        left_behind=tuple(kept["left_behind"]),
        waits=kept["waits"],
    )
