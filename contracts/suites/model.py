"""Random sequences of operations, each answer held against what the vendor's model says.

In a world of our own the mock's own engine is played beside the target, and nothing may differ. A tenant is held to
what can be said of records that the run made. The shortest sequence that fails is told as commands that send it again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from contracts.course import Left
from contracts.docket import Docket
from contracts.findings import Finding, NotJudged, severity
from contracts.laws.terms import key_of
from contracts.modelling.drawing import Drawing
from contracts.modelling.hunt import Extent, Hunt, Judge
from contracts.modelling.likeness import Likeness
from contracts.modelling.moves import Moves
from contracts.modelling.played import Difference, Played
from contracts.modelling.reference import open_reference
from contracts.modelling.telling import commands
from contracts.modelling.trimming import replay, trim
from contracts.modelling.twins import Twins
from contracts.modelling.witness import Witness
from contracts.safety.guard import BudgetSpent
from contracts.target import Target

SUITE = "model"
SEQUENCES = "sequences"  # the part of the suite, as the meter counts it
_LEAST = 12  # requests; with fewer no sequence comes to anything
_MOST_FINDINGS = 3  # of one run: a fault shows in many ways


@dataclass(frozen=True)
class _Profile:
    """How far a run goes, and how many tries it has to shorten what it has found by single steps."""

    extent: Extent
    trims: int


class ShareSpent(BudgetSpent):
    """The suite has had its share of the budget; the run goes on."""


class _Purse:
    """What the suite may send of a budget."""

    def __init__(self, target: Target, share: Left) -> None:
        guard = target.guard
        self._guard, self._requests, self._writes = guard, guard.requests + share.requests, guard.writes + share.writes

    def check(self) -> None:
        if self._guard.requests >= self._requests or self._guard.writes >= self._writes:
            raise ShareSpent("its share of the budget is spent")


@dataclass(frozen=True)
class _Stage:
    """Who plays the sequences and judges them, what they are made of, and the time at which their worlds begin."""

    judge: Judge
    moves: Moves
    now: datetime


_OWN = {"quick": _Profile(Extent(100, 15, 40), 80), "thorough": _Profile(Extent(600, 25, 80), 200)}
_TENANT = {"quick": _Profile(Extent(5, 8, 4), 10), "thorough": _Profile(Extent(24, 12, 10), 24)}


def run(docket: Docket, profile: str) -> None:
    """Try sequences, and file what they bring to light; BudgetSpent and Unjudgeable end it early."""
    target = docket.target
    share = docket.ration.for_sequences()
    if docket.course is not None and share.requests < _LEAST:
        docket.meter.skip(SUITE, SEQUENCES)
        docket.notes.append(f"{SUITE} was left out: the budget has no room for it")
        return
    told = (_OWN if target.is_mock else _TENANT)[profile]
    docket.meter.at(SUITE, SEQUENCES)
    docket.progress.stage(SUITE, told.extent.sequences)
    with _opened(target) as stage, _unwatched(docket):
        if stage.moves.reads or stage.moves.writes:
            _hunt(docket, stage, told, _Purse(target, share))
    if not target.is_mock and not target.guard.is_read_only:
        target.clean_up(is_last=False)


def _hunt(docket: Docket, stage: _Stage, profile: _Profile, purse: _Purse) -> None:
    """Hunt again for what else differs, as long as something does."""
    known: set[str] = set()
    for number in range(_MOST_FINDINGS):
        extent = profile.extent if not number else replace(profile.extent, sequences=profile.extent.sequences // 3)
        drawing = Drawing(stage.moves)
        hunt = Hunt(stage.judge, drawing, extent, known, lambda: _begin(docket, purse))
        found = hunt.try_each(drawing.tour()) if docket.target.is_mock else None
        found = found or hunt.run(docket.target.seed)
        if found is None or found.difference is None:
            return
        known.add(found.difference.kind)
        if _is_told(docket, found.difference):
            continue
        found = trim(stage.judge, found, profile.trims)
        if not docket.target.is_mock and not _shows_twice(docket.target, stage.judge, found):
            continue
        assert found.difference is not None
        known.add(found.difference.kind)
        _file(docket, stage, found, found.difference)
        docket.go_on()
        if not docket.target.is_mock and number == 0:
            return


def _begin(docket: Docket, purse: _Purse) -> None:
    """One more sequence, as far as the share of a budget goes."""
    docket.progress.step(SEQUENCES)
    purse.check()


def _shows_twice(target: Target, judge: Judge, found: Played) -> bool:
    """Whether the same steps fail once more: on a tenant others may be at work. Its caches are waited for."""
    caches = target.guard.pace.caches
    caches.is_waited_for = True
    try:
        again = replay(judge, [scene.step for scene in found.scenes]).difference
    finally:
        caches.is_waited_for = False
    return again is not None and found.difference is not None and again.key == found.difference.key


@contextmanager
def _unwatched(docket: Docket) -> Iterator[None]:
    """The ledger takes bodies that fit their schema for good ones; those of sequences may name what cannot be."""
    observers = docket.target.guard.observers
    is_watching = docket.ledger.watch in observers
    if is_watching:
        observers.remove(docket.ledger.watch)
    try:
        yield
    finally:
        if is_watching:
            observers.append(docket.ledger.watch)


@contextmanager
def _opened(target: Target) -> Iterator[_Stage]:
    """Who plays the sequences, with a stand-in beside it that is closed at the end."""
    moves = Moves(target)
    now = datetime.fromtimestamp(target.guard.watch.wall(), UTC)
    sown: Mapping[str, Any] | None = None
    switches: dict[str, str] = {}
    if target.control is not None:
        world = str(target.tenant(SUITE).world)
        now = target.control.clock(world).now()
        sown = target.control.find_sown(target.vendor.name)
        switches = target.control.switches(world, target.vendor.name)
    sown = sown or {"seed": target.seed, "at": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    reference = open_reference(target.vendor, **sown, switches=switches)
    try:
        if target.is_mock:
            if why := _unlike(target, reference):
                raise NotJudged(why)
            yield _Stage(Twins(target, reference, moves, now), moves, now)
        else:
            yield _Stage(Witness(target, reference, moves), moves, now)
    finally:
        reference.close()


def _unlike(target: Target, reference: Target) -> str | None:
    """Why the two cannot be compared: other records stand in a fresh world of the target."""
    likeness = Likeness(frozenset())
    expected, got = (
        {name: _records(each, str(each.tenant(SUITE).world), name) for name in target.vendor.seed["records"]}
        for each in (reference, target)
    )
    different = next(likeness.differences(expected, got), None)
    if different is None:
        return None
    return f"fresh worlds of the mock have other {different.path[0]} than its seed makes today"


def _records(target: Target, world: str, resource: str) -> list[dict[str, Any]]:
    assert target.control is not None
    key = key_of(target.vendor, resource)
    return sorted(target.control.records(world, target.vendor.name, resource), key=lambda each: str(each[key]))


def _is_told(docket: Docket, difference: Difference) -> bool:
    """Whether a finding says it already: the rule that the model names, or one about the same field of the answer."""
    if difference.rule is not None and difference.rule in docket.findings:
        return True
    word = difference.aspect.rpartition(".")[2].rpartition(" ")[2]
    for finding in docket.findings.values():
        rule = docket.rules.get(finding.rule or "")
        operations = {finding.operation, *(rule.operations if rule else ())}
        if difference.operation in operations and (word in finding.what or word in finding.title):
            return True
    return False


def _file(docket: Docket, stage: _Stage, found: Played, difference: Difference) -> None:
    target = docket.target
    lines = commands(target, found, now=stage.now)
    steps = sum(len(scene.exchanges) for scene in found.scenes)
    what = difference.what if steps == 1 else f"after {steps - 1} requests: {difference.what}"
    rule = docket.rules.get(difference.rule or "")
    if rule is not None:
        docket.broken(rule, what, difference.exchange, suite=SUITE, sequence=lines)
        return
    docket.add(
        Finding(
            title=f"{difference.operation} answers as the model of the vendor does: {difference.aspect}",
            what=what,
            suite=SUITE,
            key=difference.key,
            seed=target.seed,
            severity=severity(None, strict=target.is_mock),
            operation=difference.operation,
            exchange=difference.exchange,
            sequence=lines,
        )
    )


__all__ = ["SEQUENCES", "SUITE", "ShareSpent", "run"]
