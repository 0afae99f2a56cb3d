"""A world of our own and the model side by side: the same steps on both, and each answer compared with the other.

Both clocks stand still at one time, and are moved together; so nothing but the ids of new records may differ.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.envelopes import ABSENT, find_placeholder, words
from contracts.findings import Exchange
from contracts.laws.terms import key_of, short
from contracts.local import LOCAL_ORIGIN
from contracts.modelling.drawing import State
from contracts.modelling.likeness import Likeness
from contracts.modelling.moves import Move, Moves
from contracts.modelling.played import Difference, Differs, Played, Scene
from contracts.modelling.sides import Side, following
from contracts.modelling.steps import Name, Step, filled
from contracts.target import Target
from contracts.tenant import Answer

# What stands around an answer, or is another one each time.
_PASSED_OVER = frozenset(["content-length", "connection", "date", "server", "transfer-encoding", "x-mock-rule"])
_WORLD = "model"


class Twins:
    """Plays steps on both, and tells where they part. Raises Differs."""

    def __init__(self, target: Target, reference: Target, moves: Moves, now: datetime) -> None:
        self._target, self._reference, self._moves, self._now = target, reference, moves, now
        self._by_id = {move.id: move for move in (*moves.reads, *moves.writes)}
        self._counts = _counting(moves)
        self._number = 0
        self.state = State()
        self.played = Played()

    def begin(self) -> None:
        """Both in worlds that nobody has seen before: what stands before a target may remember those of others."""
        self.state, self.played = State(), Played()
        self._number += 1
        self._ours, self._theirs = (
            Side(each.tenant(f"{_WORLD}-{self._number}"), self._moves) for each in (self._target, self._reference)
        )
        if not self._target.is_local:
            for side in (self._ours, self._theirs):
                side.tenant.needs_clock().freeze()
                side.tenant.needs_clock().set(self._now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self._likeness = Likeness(_cursors(self._moves), LOCAL_ORIGIN)
        for role, identity in self._reference.known.items():
            if role in self._target.known:
                self._likeness.bind(identity, self._target.known[role])

    def play(self, step: Step) -> None:
        """One step on both; Differs where the target answers otherwise."""
        move = self._by_id[step.operation]
        scene = Scene(step)
        self.played.scenes.append(scene)
        if step.seconds:
            for side in (self._ours, self._theirs):
                side.tenant.needs_clock().advance(step.seconds)
        query, other = (
            {name: filled(value, side.resolve) for name, value in step.query} for side in (self._ours, self._theirs)
        )
        try:
            for side in (self._ours, self._theirs):
                filled(step.path, side.resolve)
                filled(step.fields, side.resolve)
        except (LookupError, StopIteration):
            return
        for number in range(1, step.pages + 1):
            expected = self._theirs.send(move, step, other)
            answer = self._ours.send(move, step, query)
            scene.exchanges.append(answer.exchange)
            self._compare(move, expected.exchange, answer.exchange)
            if not 200 <= expected.status < 300:
                self._be_patient(expected.exchange)
                return
            self._learn(move, step, scene, expected, answer)
            self._be_patient(expected.exchange)
            ahead = [
                following(move.operation, self._moves.model, each, number, asked)
                for each, asked in ((answer, query), (expected, other))
            ]
            if ahead[0] is None or ahead[1] is None:
                return
            query, other = {**query, **ahead[0]}, {**other, **ahead[1]}

    def _be_patient(self, expected: Exchange) -> None:
        """Let a short window of calls pass before it is used up: a refusal for that says little."""
        for quota in self._moves.vendor.behaviour.get("quotas", {}).values():
            if not isinstance(quota["window"], Mapping):
                continue
            names = [header for header, told in quota.get("headers", {}).items() if told == "remaining"]
            if "0" in [expected.headers.get(name) for name in names]:
                for side in (self._ours, self._theirs):
                    side.tenant.needs_clock().advance(quota["window"]["seconds"] + 1)
                return

    def _learn(self, move: Move, step: Step, scene: Scene, expected: Answer, answer: Answer) -> None:
        """What the answers of a success tell of records: what a new one is called, and what each shows."""
        try:
            mine, theirs = (self._moves.model.record(move.id, each.exchange.json()) for each in (answer, expected))
        except (LookupError, ValueError):
            mine = theirs = None
        if move.verb == "list":
            for item in theirs if isinstance(theirs, list) else ():
                self.state.show(move.resource, item)
            return
        if move.verb == "create" and isinstance(theirs, Mapping) and isinstance(mine, Mapping):
            key = key_of(self._moves.vendor, move.resource)
            name = Name("made", move.resource, self.state.made.get(move.resource, 0))
            for side, record in ((self._ours, mine), (self._theirs, theirs)):
                side.made.setdefault(move.resource, []).append(str(record[key]))
            self._likeness.bind(str(theirs[key]), str(mine[key]))
            self.state.made[move.resource] = int(name.place) + 1
            self.state.touch(name)
            scene.made = name, str(mine[key])
        elif move.verb != "get" and step.path and isinstance(step.path[-1][1], Name):
            self.state.touch(step.path[-1][1])
        if isinstance(theirs, Mapping) and isinstance(mine, Mapping) and move.resource:
            key = key_of(self._moves.vendor, move.resource)
            for side, record in ((self._ours, mine), (self._theirs, theirs)):
                if key in record:
                    side.records[move.resource, str(record[key])] = record
            self.state.show(move.resource, theirs)

    def _compare(self, move: Move, expected: Exchange, got: Exchange) -> None:
        if expected.status != got.status:
            self._differ(move, "status", f"expected {_brief(expected)}, got {_brief(got)}", expected, got)
        if expected.body != got.body or not self._likeness.is_identity:
            if expected.status >= 400:
                self._compare_refusals(move, expected, got)
            else:
                self._compare_bodies(move, expected, got)
        for name, value in expected.headers.items():
            if name in _PASSED_OVER or (name in self._counts and name in got.headers):
                continue
            if _plain(got.headers.get(name)) != _plain(self._likeness.told(value)):
                what = f"expected the header {name}: {value}, got {got.headers.get(name, 'none')}"
                raise Differs(Difference(move.id, f"header {name}", what, got))

    def _compare_refusals(self, move: Move, expected: Exchange, got: Exchange) -> None:
        refusals = self._moves.model.refusals
        try:
            wanted, given = expected.json(), got.json()
        except ValueError:
            self._differ(move, "body", f"expected {_brief(expected)}, got {_brief(got)}", expected, got)
        pairs: list[tuple[str, Any, Any]] = [("code", refusals.find(wanted, "code"), refusals.find(given, "code"))]
        one, other = (refusals.fields(expected.status, each) for each in (wanted, given))
        pairs.append(("fields", one and sorted(one), other and sorted(other)))
        for word, one, other in pairs:
            for unlike in self._likeness.differences(one, other, (word,)):
                what = f"expected the refusal to tell {word} {short(unlike.expected)}, got {_short(unlike.got)}"
                self._differ(move, f"refusal {word}", what, expected, got)

    def _compare_bodies(self, move: Move, expected: Exchange, got: Exchange) -> None:
        try:
            wanted = expected.json()
        except ValueError:  # the model answers no JSON
            if expected.body != got.body:
                self._differ(move, "body", f"expected {_brief(expected)}, got {_brief(got)}", expected, got)
            return
        try:
            given = got.json()
        except ValueError:
            self._differ(move, "body", f"expected JSON, got {_brief(got)}", expected, got)
        if move.verb == "list":
            self._compare_lists(move, wanted, given, expected, got)
        for unlike in self._likeness.differences(wanted, given):
            place = ".".join(unlike.path) or "body"
            what = f"expected {place} to be {_short(unlike.expected)}, got {_short(unlike.got)}"
            if unlike.got is ABSENT:
                what = f"expected the field {place}, which is absent"
            elif unlike.expected is ABSENT:
                what = f"expected no field {place}, got {_short(unlike.got)}"
            self._differ(move, place, what, expected, got)

    def _compare_lists(self, move: Move, wanted: Any, given: Any, expected: Exchange, got: Exchange) -> None:
        """Which records, and in which order; what they show is compared with the rest."""
        key = key_of(self._moves.vendor, move.resource)
        try:
            ours, theirs = (self._moves.model.record(move.id, each) for each in (given, wanted))
            mine, others = [str(item[key]) for item in ours], [self._likeness.told(str(item[key])) for item in theirs]
        except (LookupError, TypeError):
            return
        if mine == others:
            return
        lost = [each for each in others if each not in mine]
        strange = [each for each in mine if each not in others]
        if lost or strange:
            parts = [f"lacks {', '.join(lost[:5])}"] * bool(lost) + [f"has {', '.join(strange[:5])} besides"] * bool(
                strange
            )
            self._differ(move, "records", f"the list {' and '.join(parts)}", expected, got)
        if sorted(mine) != sorted(others):
            twice = next(each for each in mine if mine.count(each) != others.count(each))
            self._differ(move, "records", f"the list has {twice} {mine.count(twice)} times", expected, got)
        what = f"expected the order {', '.join(others[:8])}, got {', '.join(mine[:8])}"
        self._differ(move, "order", what, expected, got)

    def _differ(self, move: Move, aspect: str, what: str, expected: Exchange, got: Exchange) -> None:
        rule = expected.headers.get("x-mock-rule") if expected.status >= 400 else None
        raise Differs(Difference(move.id, aspect, what, got, rule))


def _cursors(moves: Moves) -> frozenset[str]:
    """The keys of answers that hide where a page begins."""
    found: set[str] = set()
    for move in moves.reads:
        envelope = move.table.get("envelope")
        for word in words(envelope):
            if "cursor" in word and (path := find_placeholder(envelope, f"${word}")):
                found.add(path[-1])
    return frozenset(found)


def _counting(moves: Moves) -> frozenset[str]:
    """Headers whose values count, or tell one answer from all others: that they are there is enough here."""
    behaviour = moves.vendor.behaviour
    told = [table.get("headers", {}) for table in behaviour.get("quotas", {}).values()]
    found = {name for headers in told for name, word in headers.items() if word == "remaining"}
    found |= {name for name, word in behaviour.get("responses", {}).get("headers", {}).items() if word == "$request_id"}
    return frozenset(name.lower() for name in found) | {"etag"}


def _plain(value: str | None) -> str | None:
    return None if value is None else value.replace(" ", "").lower()


def _brief(exchange: Exchange) -> str:
    text = exchange.body.decode(errors="backslashreplace")
    return f"{exchange.status} {text[:159] + '…' if len(text) > 160 else text or 'without a body'}"


def _short(value: Any) -> str:
    return "nothing" if value is ABSENT else short(value)
