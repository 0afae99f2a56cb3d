"""Counts what a run sends, and for what: by method, by operation, by suite and by part of a suite. Sends nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contracts.findings import Exchange
from contracts.model import SAFE_METHODS

NO_OPERATION = "no documented operation"


class Cost(NamedTuple):
    """What something takes of a budget: requests, and how many of them write."""

    requests: int = 0
    writes: int = 0

    def plus(self, other: "Cost") -> "Cost":
        return Cost(self.requests + other.requests, self.writes + other.writes)


Part = tuple[str, str]  # a suite, and what of it: the first rule of a check, or a phase


class Sent(NamedTuple):
    """What a request was for, and what it was."""

    suite: str
    part: str
    method: str
    operation: str

    @property
    def cost(self) -> Cost:
        return Cost(1, int(self.method.upper() not in SAFE_METHODS))


class Meter:
    """A guard's observer. Whoever begins something says so by `at`; until somebody else does, all is sent for that."""

    def __init__(self) -> None:
        self.sent: Counter[Sent] = Counter()
        self.parts: dict[Part, Cost] = {}
        self.done: set[Part] = set()
        self.at_work: Part = ("", "")

    def at(self, suite: str, part: str = "") -> None:
        """From now on what is sent is for this."""
        self.done.add(self.at_work)
        self.at_work = (suite, part)

    def skip(self, suite: str, part: str) -> None:
        """Nothing will be sent for this."""
        self.done.add((suite, part))

    def observe(self, exchange: Exchange) -> None:
        sent = Sent(*self.at_work, exchange.method, exchange.operation or NO_OPERATION)
        self.sent[sent] += 1
        self.parts[self.at_work] = self.parts.get(self.at_work, Cost()).plus(sent.cost)

    @property
    def total(self) -> Cost:
        return total(self.parts.values())

    def suite(self, name: str) -> dict[str, Cost]:
        """What the parts of a suite have taken."""
        return {part: cost for (suite, part), cost in self.parts.items() if suite == name}

    def suites(self) -> dict[str, Cost]:
        return by_suite(self.parts)

    def to_come(self, expected: Mapping[Part, Cost]) -> int:
        """How many requests are still to be sent, if each part takes what is expected of it."""
        left = 0
        for part, cost in expected.items():
            if part not in self.done:
                left += max(0, cost.requests - (self.parts[part].requests if part in self.parts else 0))
        return left


def by_suite(parts: Mapping[Part, Cost]) -> dict[str, Cost]:
    """What each suite takes with all its parts."""
    found: dict[str, Cost] = {}
    for (suite, _), cost in parts.items():
        found[suite] = found.get(suite, Cost()).plus(cost)
    return found


def total(costs: Iterable[Cost]) -> Cost:
    found = Cost()
    for cost in costs:
        found = found.plus(cost)
    return found
