"""Lists of a tenant: which records of our own they have to hold, what items show, and in which order they stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.findings import Broken
from contracts.laws.sorts import Comparison
from contracts.laws.terms import Record, brief, key_of, short
from contracts.listing import parameter
from contracts.modelling.holding import Holding, differ
from contracts.modelling.moves import Move, Moves
from contracts.modelling.played import Scene
from contracts.modelling.sides import following
from contracts.modelling.steps import Step, filled
from contracts.tenant import Answer
from mockserver.vendor import Operation

_PLAIN = re.compile(r"[A-Za-z0-9 ]*")  # texts of which nobody doubts the order


@dataclass
class _Seen:
    """What a list has shown: its items, and whether they are all."""

    items: list[Record] = field(default_factory=list)
    is_whole: bool = False


class Lists:
    """Reads lists, and tells what is wrong with those of our own records that stand there or should. Raises Differs."""

    def __init__(self, held: Holding, moves: Moves) -> None:
        self._held, self._moves = held, moves

    def read(self, move: Move, step: Step, scene: Scene) -> None:
        query = {name: filled(value, self._held.ours.resolve) for name, value in step.query}
        seen = _Seen()
        for number in range(1, step.pages + 1):
            answer = self._held.send(move, step, scene, query)
            if not 200 <= answer.status < 300:
                return
            items = self._moves.model.record(move.id, answer.json())
            if not isinstance(items, list):
                differ(move, "answer", f"expected a list, got {brief(answer)}", answer.exchange)
            seen.items += [Record(item) for item in items if isinstance(item, Mapping)]
            more = following(move.operation, self._moves.model, answer, number, query)
            if more is None:
                seen.is_whole = "paging" not in move.table or number > 1 or len(items) < _size(move.operation, query)
                break
            query = {**query, **more}
        self._judge_list(move, step, seen, answer)

    def _judge_list(self, move: Move, step: Step, seen: _Seen, answer: Answer) -> None:
        key = key_of(self._moves.vendor, move.resource)
        ids = [str(item.get(key)) for item in seen.items]
        own = {each.identity: each for each in self._held.own.values() if each.name.resource == move.resource}
        mine = [each for each in ids if each in own]
        if self._moves.is_stranger(step.caller):
            if mine:
                differ(move, "isolation", f"{step.caller} is shown {mine[0]} of another account", answer.exchange)
            return
        for identity in mine:
            if own[identity].is_gone:
                differ(move, "gone", f"the deleted {identity} is still in the list", answer.exchange)
            if mine.count(identity) > 1:
                differ(move, "repeats", f"the list has {identity} {mine.count(identity)} times", answer.exchange)
        self._check_members(move, step, seen, mine, answer)
        for item in seen.items:
            one = own.get(str(item.get(key)))
            if one is not None and one.shown is not None:
                for name, (want, got) in self._held.bench.untrue(move.operation, one.shown, item).items():
                    what = f"expected {name!r} of {one.identity} to be {short(want)}, got {short(got)}"
                    differ(move, name, what, answer.exchange)
        self._check_order(move, step, [item for item in seen.items if str(item.get(key)) in own], answer)

    def _check_members(self, move: Move, step: Step, seen: _Seen, mine: list[str], answer: Answer) -> None:
        """Which of our records the list has to hold is what the stand-in's list holds of the same."""
        if not self._held.is_in_step or step.caller != "owner":
            return
        expected = self._expected(move, step)
        if expected is None:
            return
        alive = {
            each.identity
            for each in self._held.own.values()
            if each.name.resource == move.resource and not each.is_gone
        }
        lost = [each for each in expected if each not in mine]
        strange = [each for each in mine if each in alive and each not in expected]
        if strange:
            differ(move, "records", f"the list has {strange[0]}, which does not belong there", answer.exchange)
        if lost and seen.is_whole:
            differ(move, "records", f"the list lacks {lost[0]}", answer.exchange)

    def _expected(self, move: Move, step: Step) -> list[str] | None:
        """The ids of our records that the stand-in lists, as the tenant has them; None where it refuses."""
        query = {name: filled(value, self._held.theirs.resolve) for name, value in step.query}
        key = key_of(self._moves.vendor, move.resource)
        ids: list[str] = []
        for number in range(1, 60):
            answer = self._held.theirs.send(move, step, query)
            if not 200 <= answer.status < 300:
                return None
            ids += [str(item[key]) for item in self._moves.model.record(move.id, answer.json())]
            more = following(move.operation, self._moves.model, answer, number, query)
            if more is None:
                break
            query = {**query, **more}
        theirs = {
            identity: self._held.ours.made[move.resource][number]
            for number, identity in enumerate(self._held.theirs.made.get(move.resource, ()))
        }
        return [theirs[each] for each in ids if each in theirs]

    def _check_order(self, move: Move, step: Step, items: list[Record], answer: Answer) -> None:
        """Of our records those are in order of whose values nobody doubts which comes first."""
        table = move.table.get("sort", {})
        text = dict(step.query).get(table.get("parameter", ""))
        if not text:
            return
        keys = [_sort_key(part, table) for part in str(text).split(",")]
        names = [each.removeprefix("-") for each in keys]
        plain = []
        for item in items:
            values = [self._held.bare(item.get(name)) for name in names]
            if all(not isinstance(value, str) or _PLAIN.fullmatch(value) for value in values):
                plain.append(Record(zip(names, values, strict=True)))
        try:
            Comparison(self._moves.vendor, move.operation, keys).check(move.id, plain)
        except Broken as broken:
            differ(move, "order", broken.what, answer.exchange)


def _size(operation: Operation, query: Mapping[str, Any]) -> int:
    table = operation.table["paging"]
    size = query.get(parameter(table, "size"), table["default"])
    return int(size) if str(size).isdecimal() else int(table["default"])


def _sort_key(text: str, table: Mapping[str, Any]) -> str:
    if table.get("direction", "-") == "-":
        return text
    name, _, way = text.partition(":")
    return f"-{name}" if way == "desc" else name
