"""What is known of the records that one sequence has made on a tenant, and how its steps are sent. Judges nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from contracts.findings import Exchange
from contracts.laws.bench import Bench
from contracts.laws.terms import Record, brief
from contracts.modelling.drawing import State
from contracts.modelling.moves import Move, Moves
from contracts.modelling.played import Difference, Differs, Scene
from contracts.modelling.sides import Side
from contracts.modelling.steps import Name, Step, filled, names_in
from contracts.target import Target
from contracts.tenant import Answer

_WORLD = "model"


@dataclass
class Own:
    """A record that the sequence made: its id there, what its last read showed, and whether it is deleted.

    `theirs` is what the stand-in's read of the same showed. Nothing is known of what a record shows before it is read,
    nor after something else was written that it hangs on.
    """

    name: Name
    identity: str
    shown: Record | None = None
    theirs: Record | None = None
    is_gone: bool = False


class Holding:
    """The tenant and the stand-in beside it, in step as long as both take the same writes."""

    def __init__(self, target: Target, reference: Target, moves: Moves) -> None:
        tenant = target.tenant(_WORLD)
        self._target, self._moves = target, moves
        self.ours, self.theirs = Side(tenant, moves), Side(reference.tenant(_WORLD), moves)
        self.bench = Bench(tenant)
        self.own: dict[Name, Own] = {}
        self.is_in_step = True
        self.state = State()

    def send(self, move: Move, step: Step, scene: Scene, query: Mapping[str, Any] | None = None) -> Answer:
        told = {name: filled(value, self.ours.resolve) for name, value in step.query} if query is None else query
        answer = self.ours.send(move, step, told)
        scene.exchanges.append(answer.exchange)
        return answer

    def shadow(self, move: Move, step: Step) -> Answer | None:
        """The same step on the stand-in; from where it is refused there, nothing more is said of lists."""
        if not self.is_in_step:
            return None
        answer = self.theirs.send(move, step, {name: filled(value, self.theirs.resolve) for name, value in step.query})
        self.is_in_step = 200 <= answer.status < 300
        return answer if self.is_in_step else None

    def subject(self, step: Step) -> Own | None:
        """The record of ours that the path ends with."""
        last = step.path[-1][1] if step.path else None
        if not isinstance(last, Name):
            return None
        return self.own.get(Name(last.kind, last.resource, last.place))

    def record(self, move: Move, answer: Answer) -> Record:
        found = self._moves.model.record(move.id, answer.json())
        if not isinstance(found, dict):
            differ(move, "answer", f"expected a record, got {brief(answer)}", answer.exchange)
        return Record(found)

    def show(self, own: Own, record: Record) -> None:
        own.shown = record
        self.ours.records[own.name.resource, own.identity] = record
        self.state.show(own.name.resource, record)

    def firm(self, resource: str, record: Mapping[str, Any]) -> Record:
        """A record without what changes when others do, or by itself."""
        updated = self._moves.vendor.behaviour["resources"][resource].get("updated")
        loose = {*self._moves.model.hint(resource, "loose"), updated}
        return Record({name: value for name, value in record.items() if name not in loose})

    def forget_kin(self, step: Step) -> None:
        """What a write names may change what others show that name it: they are to be read anew."""
        named = {Name(name.kind, name.resource, name.place) for name in names_in([step.path, step.fields])}
        ids = {own.identity for name, own in self.own.items() if name in named}
        for name, own in self.own.items():
            if name in named and name == self._last(step):
                continue
            if name in named or own.shown is None or any(identity in str(own.shown) for identity in ids):
                own.shown = None

    def _last(self, step: Step) -> Name | None:
        own = self.subject(step)
        return own.name if own else None

    def bare(self, value: Any) -> Any:
        """A text without the run's mark."""
        return value.replace(f"[{self._target.mark}]", "").strip() if isinstance(value, str) else value


def differ(move: Move, aspect: str, what: str, exchange: Exchange, rule: str | None = None) -> NoReturn:
    """Ends the sequence: the tenant answers otherwise than it should."""
    raise Differs(Difference(move.id, aspect, what, exchange, rule))
