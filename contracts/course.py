"""How a run with a budget goes about it: the most telling checks for their cost first, and a share for conformance.

What things cost is known from a rehearsal. Sends nothing.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from contracts.meter import Cost, Part, total
from contracts.safety.guard import Budget
from mockserver.vendor import Rule

_WEIGHTS = {"documented": 4, "published": 4, "observed": 2, "inferred": 1, "assumed": 1}
SHARE = 0.25  # of a budget that does not last for all: what conformance may take
SEQUENCES_SHARE = 0.08  # ... and the sequences of the model suite
_MARGIN = 1.1  # a tenant has more records than the stand-in, so the same questions may take more pages
EXAMPLES, COVERAGE, FUZZING, STATEFUL = "examples", "coverage", "fuzzing", "stateful"


class Left(NamedTuple):
    """What a run may still send; infinite where there is no limit."""

    requests: float
    writes: float

    def without(self, cost: Cost) -> "Left":
        return Left(self.requests - cost.requests, self.writes - cost.writes)

    def holds(self, cost: Cost) -> bool:
        return cost.requests <= self.requests and cost.writes <= self.writes


@dataclass(frozen=True)
class Forecast:
    """What a rehearsal sent for each part of a run, and how many seconds it would have waited for limits."""

    parts: Mapping[Part, Cost] = field(default_factory=dict)
    waits: float = 0.0

    @property
    def requests(self) -> int:
        return total(self.parts.values()).requests


@dataclass(frozen=True)
class Share:
    """What conformance may take: `examples` for each operation, in these phases, and so much in all at the most."""

    examples: int
    phases: tuple[str, ...]
    requests: float
    writes: float
    only_reads: bool = False


@dataclass(frozen=True)
class Course:
    """The order of the checks, each by the first rule that it judges, with their costs.

    `unjudged` is why rules were not judged in the rehearsal, `phases` are the costs of conformance with all its
    `examples`. While checks run `kept` is put aside for it, and `sequences` for those of the model suite. `forecast` is
    what is to come within the budget.
    """

    order: tuple[str, ...]
    costs: Mapping[str, Cost]
    unjudged: Mapping[str, str]
    phases: Mapping[str, Cost]
    examples: int
    kept: Cost
    sequences: Cost = field(default_factory=Cost)
    forecast: Forecast = field(default_factory=Forecast)

    def cost(self, check: str) -> Cost:
        return self.costs.get(check, Cost())

    def share(self, left: Left) -> Share | None:
        """As much of conformance as fits; None where not one example of each read does."""
        reads = {phase: Cost(cost.requests - cost.writes, 0) for phase, cost in self.phases.items()}
        for phases, only_reads in ((self.phases, False), (reads, True)):
            if total(phases.values()).requests and left.holds(total(phases.values())):
                return Share(self.examples, (EXAMPLES, COVERAGE, FUZZING, STATEFUL), *left, only_reads=only_reads)
            fixed = [name for name in (EXAMPLES, COVERAGE) if name in phases]
            for chosen in (fixed, fixed[:1]):
                room = left.without(total(phases[name] for name in chosen))
                examples = _examples(phases.get(FUZZING, Cost()), self.examples, room)
                if examples >= 1:
                    return Share(examples, (*chosen, FUZZING), *left, only_reads=only_reads)
        return None


def is_limited(budget: Budget) -> bool:
    """Whether something has to be left out, perhaps: the order of a run without such limits does not matter."""
    return budget.requests is not None or budget.writes is not None or budget.ends_at is not None


def lay(
    groups: Iterable[tuple[Rule, ...]],
    forecast: Forecast,
    budget: Budget,
    *,
    unjudged: Mapping[str, str],
    suites: tuple[str, str, str],
    examples: int,
) -> Course:
    """The course of a run with a budget.

    `groups` are the rules of each check, `unjudged` those that a rehearsal did not judge, with its reasons. `suites`
    are the names of the suite of rules, of conformance and of the suite of sequences in the forecast.
    """
    told, conformance, sequences = (
        {part: cost for (name, part), cost in forecast.parts.items() if name == suite} for suite in suites
    )
    limit = Left(*(math.inf if most is None else most for most in (budget.requests, budget.writes)))
    worth = {
        group[0].id: sum(_WEIGHTS[rule.grade] for rule in group if rule.id not in unjudged)
        / _weigh(told.get(group[0].id), limit)
        for group in groups
    }
    order = tuple(sorted(worth, key=lambda name: -worth[name]))
    whole = total(conformance.values())
    kept, aside = Cost(), total(sequences.values())
    if not limit.holds(_more(total(forecast.parts.values()))):
        kept, aside = _part(whole, limit, SHARE), _part(aside, limit, SEQUENCES_SHARE)
        fitting = _fitting(order, told, limit.without(kept).without(aside))
        parts = {suites[1]: kept.requests / max(whole.requests, 1)}
        parts[suites[2]] = aside.requests / max(total(sequences.values()).requests, 1)
        forecast = _within(forecast, suites[0], fitting, parts)
    return Course(
        order=order,
        costs=told,
        unjudged=unjudged,
        phases={phase: cost for phase, cost in conformance.items() if phase in (EXAMPLES, COVERAGE, FUZZING, STATEFUL)},
        examples=examples,
        kept=kept,
        sequences=aside,
        forecast=forecast,
    )


def _part(whole: Cost, limit: Left, share: float) -> Cost:
    """A cost, or as much of it as this share of a budget allows."""
    most = [math.inf if math.isinf(each) else each * share for each in limit]
    return Cost(int(min(whole.requests, most[0])), int(min(whole.writes, most[1])))


def _fitting(order: Iterable[str], costs: Mapping[str, Cost], room: Left) -> set[str]:
    """The checks that a budget is likely to last for."""
    found: set[str] = set()
    for name in order:
        if room.holds(cost := costs.get(name, Cost())):
            found.add(name)
            room = room.without(cost)
    return found


def _within(forecast: Forecast, rules: str, fitting: Collection[str], shares: Mapping[str, float]) -> Forecast:
    """What is to come within a budget: the fitting checks, and of other suites their parts."""
    parts = {
        (suite, name): Cost(*(round(each * shares.get(suite, 1.0)) for each in cost))
        for (suite, name), cost in forecast.parts.items()
        if suite != rules or name in fitting
    }
    return Forecast(parts, forecast.waits * total(parts.values()).requests / max(forecast.requests, 1))


def _weigh(cost: Cost | None, limit: Left) -> float:
    """A cost as a part of the budget: what is scarcer weighs more. Nothing is for free, so that no division fails."""
    if cost is None or not cost.requests:
        return 1e-9  # it tells what it needs, and sends nothing
    if math.isinf(limit.requests) and math.isinf(limit.writes):
        return float(cost.requests)
    return cost.requests / max(limit.requests, 1) + cost.writes / max(limit.writes, 1)


def _more(cost: Cost) -> Cost:
    return Cost(math.ceil(cost.requests * _MARGIN), math.ceil(cost.writes * _MARGIN))


def _examples(whole: Cost, examples: int, room: Left) -> int:
    """How many of the examples of all operations fit into the room."""
    if room.requests <= 0 or room.writes < 0 or not whole.requests:
        return 0
    parts = [room.requests / whole.requests]
    if whole.writes:
        parts.append(room.writes / whole.writes)
    return min(examples, math.floor(examples * min(parts)))
