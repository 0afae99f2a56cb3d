"""A tenant, held to what can be said of records that are our own: the model says which answers, the tenant its values.

The same steps go to a stand-in in this process, as long as both take them. From there comes who is refused and which of
our records a list has to hold; what a record shows is compared with what was sent and with what it showed before.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from contracts.envelopes import ABSENT
from contracts.findings import Broken, Exchange, Lacks, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.echo import Echo
from contracts.laws.sorts import Comparison
from contracts.laws.terms import Record, accepts, brief, differences, key_of, references, same, short
from contracts.modelling.drawing import State
from contracts.modelling.moves import Move, Moves
from contracts.modelling.played import Difference, Differs, Played, Scene
from contracts.modelling.sides import Side, following
from contracts.modelling.steps import Name, Step, filled, names_in
from contracts.room import may_lack
from contracts.target import Target
from contracts.tenant import Answer
from mockserver.vendor import Operation

_PLAIN = re.compile(r"[A-Za-z0-9 ]*")  # texts of which nobody doubts the order
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


@dataclass
class _Seen:
    """What a list has shown: its items, and whether they are all."""

    items: list[Record] = field(default_factory=list)
    is_whole: bool = False


class Witness:
    """Plays steps on a tenant, and tells where it contradicts itself or what it was sent. Raises Differs."""

    def __init__(self, target: Target, reference: Target, moves: Moves) -> None:
        self._target, self._reference, self._moves = target, reference, moves
        self._by_id = {move.id: move for move in (*moves.reads, *moves.writes)}
        self._may_lack = may_lack(moves.vendor)
        self._number = 0
        self.state, self.played = State(), Played()

    def begin(self) -> None:
        """Nothing of the sequence before is left."""
        if not self._target.guard.is_read_only:
            self._target.clean_up(is_last=False)
        self.state, self.played = State(), Played()
        self._number += 1
        tenant = self._target.tenant(_WORLD)
        self._ours, self._theirs = Side(tenant, self._moves), Side(self._reference.tenant(_WORLD), self._moves)
        self._bench = Bench(tenant)
        self._own: dict[Name, Own] = {}
        self._is_in_step = True

    def play(self, step: Step) -> None:
        """One step; what the guard does not let pass is left out."""
        move = self._by_id[step.operation]
        scene = Scene(step)
        self.played.scenes.append(scene)
        try:
            for side in (self._ours, self._theirs):
                filled([step.path, step.fields, [value for _, value in step.query]], side.resolve)
            if step.fields is not ABSENT and isinstance(step.fields, Mapping):
                told = {
                    name: self._ours.tenant.unlike(move.resource, name, value) for name, value in step.fields.items()
                }
                step = Step(**{**vars(step), "fields": told})
            if move.verb == "list":
                self._list(move, step, scene)
            elif move.verb == "get":
                self._get(move, step, scene)
            else:
                self._write(move, step, scene)
        except (LookupError, StopIteration):  # the record was not made, or does not show what it is to be found by
            return
        except Lacks as lacks:
            if lacks.name not in self._may_lack:
                self._differ(move, lacks.name, lacks.what, scene.exchanges[-1])
        except Broken as broken:
            self._differ(move, "answer", broken.what, broken.answer.exchange if broken.answer else scene.exchanges[-1])
        except NotJudged:
            return

    # Writes

    def _write(self, move: Move, step: Step, scene: Scene) -> None:
        answer = self._send(move, step, scene)
        is_taken = 200 <= answer.status < 300
        self._check_access(move, step, answer, is_taken)
        if not is_taken:
            return
        expected = self._shadow(move, step)
        self._forget_kin(step)
        if move.verb == "create":
            self._made(move, step, scene, answer, expected)
        elif move.verb == "delete" and (own := self._subject(step)) is not None:
            own.is_gone = True
            self.state.touch(own.name)
        elif (own := self._subject(step)) is not None:
            self.state.touch(own.name)
            self._look_again(move, step, scene, own)

    def _made(self, move: Move, step: Step, scene: Scene, answer: Answer, expected: Answer | None) -> None:
        record = self._record(move, answer)
        key = key_of(self._moves.vendor, move.resource)
        identity = str(record[key])
        if any(own.identity == identity and own.name.resource == move.resource for own in self._own.values()):
            self._differ(move, "id", f"expected a new id, got {identity} again", answer.exchange)
        name = Name("made", move.resource, self.state.made.get(move.resource, 0))
        self._ours.made.setdefault(move.resource, []).append(identity)
        if self._is_in_step and expected is not None:
            theirs = str(self._record(move, expected)[key])
            self._theirs.made.setdefault(move.resource, []).append(theirs)
        else:
            self._is_in_step = False
            self._theirs.made.setdefault(move.resource, []).append("none")
        self.state.made[move.resource] = int(name.place) + 1
        self.state.touch(name)
        scene.made = name, identity
        own = self._own[name] = Own(name, identity)
        self._look_again(move, step, scene, own)

    def _look_again(self, move: Move, step: Step, scene: Scene, own: Own) -> None:
        """A read after a write shows what was sent, and the rest as it was: as far as the stand-in's read does."""
        getter = self._moves.getters.get(own.name.resource)
        before, theirs_before, own.shown, own.theirs = own.shown, own.theirs, None, None
        if getter is None:
            return
        look = Step(getter.id, path=tuple((name, own.name) for name, _ in getter.owners))
        answer = self._send(getter, look, scene)
        if not 200 <= answer.status < 300:
            what = f"after {move.id}: expected the record, got {brief(answer)}"
            self._differ(getter, "status", what, answer.exchange)
        record = self._record(getter, answer)
        self._show(own, record)
        expected = self._shadow(getter, look)
        if expected is None:
            return
        own.theirs = self._record(getter, expected)
        sample = self._moves.sample(own.name.resource)
        if move.id in (sample.get("create"), sample.get("update")):
            self._compare_sent(move, step, own.theirs, record, answer)
            if before is not None and theirs_before is not None:
                changed = {
                    name for name, value in theirs_before.items() if not same(value, own.theirs.get(name, ABSENT))
                }
                self._compare_untouched(move, step, before, record, answer, changed)

    def _compare_sent(self, move: Move, step: Step, theirs: Record, record: Record, answer: Answer) -> None:
        fields = step.fields if isinstance(step.fields, Mapping) else {}
        for name, value in fields.items():
            try:
                Echo(self._theirs.tenant, move.operation).compare(
                    "", {name: filled(value, self._theirs.resolve)}, theirs, None
                )
            except Broken:  # the stand-in keeps something else, by a rule of the vendor's
                continue
            sent = {name: filled(value, self._ours.resolve)}
            try:
                Echo(self._ours.tenant, move.operation).compare(f"a read after {move.id}", sent, record, answer)
            except Lacks:
                raise
            except Broken as broken:
                self._differ(move, f"stores {name}", broken.what, answer.exchange)

    def _compare_untouched(
        self, move: Move, step: Step, before: Record, after: Record, answer: Answer, changed: Collection[str]
    ) -> None:
        """What an update did not name is as it was, where it is so on the stand-in too."""
        sent = step.fields if isinstance(step.fields, Mapping) else {}
        touched = {*Echo(self._ours.tenant, move.operation).touched(sent), *changed}
        kept = {name: value for name, value in self._firm(move.resource, before).items() if name not in touched}
        refers = references(move.operation)
        if any(name in refers for name in sent):  # what a record shows of others is not its own
            settable = set(accepts(move.operation).values())
            kept = {name: value for name, value in kept.items() if name in settable}
        for name, (was, now) in differences(kept, after).items():
            what = f"a read after {move.id}: expected {name!r} to stay {short(was)}, got {short(now)}"
            self._differ(move, f"keeps {name}", what, answer.exchange)

    # Looks

    def _get(self, move: Move, step: Step, scene: Scene) -> None:
        answer = self._send(move, step, scene)
        is_taken = 200 <= answer.status < 300
        self._check_access(move, step, answer, is_taken)
        own = self._subject(step)
        if own is None:
            return
        if own.is_gone:
            if is_taken:
                self._differ(
                    move,
                    "gone",
                    f"expected the deleted {own.identity} to be gone, got {brief(answer)}",
                    answer.exchange,
                )
            return
        if step.caller != "owner" or _is_by_key(step):
            if is_taken and self._moves.may(step.caller, move) and own.shown is not None and not step.query:
                self._compare_shown(move, own, self._record(move, answer), answer)
            return
        if not is_taken:
            self._differ(move, "status", f"expected {own.identity}, got {brief(answer)}", answer.exchange)
        record = self._record(move, answer)
        key = key_of(self._moves.vendor, move.resource)
        if str(record.get(key)) != own.identity:
            self._differ(move, key, f"expected the record {own.identity}, got {short(record)}", answer.exchange)
        if own.shown is not None:
            self._compare_shown(move, own, record, answer)
        if not step.query:
            self._show(own, record)

    def _compare_shown(self, move: Move, own: Own, record: Record, answer: Answer) -> None:
        assert own.shown is not None
        for name, (was, now) in differences(self._firm(own.name.resource, own.shown), record).items():
            what = f"expected {name!r} of {own.identity} to be {short(was)} still, got {short(now)}"
            self._differ(move, name, what, answer.exchange)

    def _list(self, move: Move, step: Step, scene: Scene) -> None:
        query = {name: filled(value, self._ours.resolve) for name, value in step.query}
        seen = _Seen()
        for number in range(1, step.pages + 1):
            answer = self._send(move, step, scene, query)
            if not 200 <= answer.status < 300:
                return
            items = self._moves.model.record(move.id, answer.json())
            if not isinstance(items, list):
                self._differ(move, "answer", f"expected a list, got {brief(answer)}", answer.exchange)
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
        own = {each.identity: each for each in self._own.values() if each.name.resource == move.resource}
        mine = [each for each in ids if each in own]
        if self._moves.is_stranger(step.caller):
            if mine:
                self._differ(move, "isolation", f"{step.caller} is shown {mine[0]} of another account", answer.exchange)
            return
        for identity in mine:
            if own[identity].is_gone:
                self._differ(move, "gone", f"the deleted {identity} is still in the list", answer.exchange)
            if mine.count(identity) > 1:
                self._differ(move, "repeats", f"the list has {identity} {mine.count(identity)} times", answer.exchange)
        self._check_members(move, step, seen, mine, answer)
        for item in seen.items:
            one = own.get(str(item.get(key)))
            if one is not None and one.shown is not None:
                for name, (want, got) in self._bench.untrue(move.operation, one.shown, item).items():
                    what = f"expected {name!r} of {one.identity} to be {short(want)}, got {short(got)}"
                    self._differ(move, name, what, answer.exchange)
        self._check_order(move, step, [item for item in seen.items if str(item.get(key)) in own], answer)

    def _check_members(self, move: Move, step: Step, seen: _Seen, mine: list[str], answer: Answer) -> None:
        """Which of our records the list has to hold is what the stand-in's list holds of the same."""
        if not self._is_in_step or step.caller != "owner":
            return
        expected = self._expected(move, step)
        if expected is None:
            return
        alive = {
            each.identity for each in self._own.values() if each.name.resource == move.resource and not each.is_gone
        }
        lost = [each for each in expected if each not in mine]
        strange = [each for each in mine if each in alive and each not in expected]
        if strange:
            self._differ(move, "records", f"the list has {strange[0]}, which does not belong there", answer.exchange)
        if lost and seen.is_whole:
            self._differ(move, "records", f"the list lacks {lost[0]}", answer.exchange)

    def _expected(self, move: Move, step: Step) -> list[str] | None:
        """The ids of our records that the stand-in lists, as the tenant has them; None where it refuses."""
        query = {name: filled(value, self._theirs.resolve) for name, value in step.query}
        key = key_of(self._moves.vendor, move.resource)
        ids: list[str] = []
        for number in range(1, 60):
            answer = self._theirs.send(move, step, query)
            if not 200 <= answer.status < 300:
                return None
            ids += [str(item[key]) for item in self._moves.model.record(move.id, answer.json())]
            more = following(move.operation, self._moves.model, answer, number, query)
            if more is None:
                break
            query = {**query, **more}
        theirs = {
            identity: self._ours.made[move.resource][number]
            for number, identity in enumerate(self._theirs.made.get(move.resource, ()))
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
            values = [self._bare(item.get(name)) for name in names]
            if all(not isinstance(value, str) or _PLAIN.fullmatch(value) for value in values):
                plain.append(Record(zip(names, values, strict=True)))
        try:
            Comparison(self._moves.vendor, move.operation, keys).check(move.id, plain)
        except Broken as broken:
            self._differ(move, "order", broken.what, answer.exchange)

    # What all of them need

    def _send(self, move: Move, step: Step, scene: Scene, query: Mapping[str, Any] | None = None) -> Answer:
        told = {name: filled(value, self._ours.resolve) for name, value in step.query} if query is None else query
        answer = self._ours.send(move, step, told)
        scene.exchanges.append(answer.exchange)
        return answer

    def _shadow(self, move: Move, step: Step) -> Answer | None:
        """The same step on the stand-in; from where it is refused there, nothing more is said of lists."""
        if not self._is_in_step:
            return None
        answer = self._theirs.send(
            move, step, {name: filled(value, self._theirs.resolve) for name, value in step.query}
        )
        self._is_in_step = 200 <= answer.status < 300
        return answer if self._is_in_step else None

    def _check_access(self, move: Move, step: Step, answer: Answer, is_taken: bool) -> None:
        """Who may not, by the stand-in's own refusal, is not let in."""
        own = self._subject(step)
        if not is_taken or not self._is_in_step or self._moves.may(step.caller, move):
            return
        if own is None or own.is_gone:
            return
        expected = self._theirs.send(move, step, {})
        if 200 <= expected.status < 300:
            return
        rule = self._moves.vendor.rules.get(expected.headers.get("x-mock-rule", ""))
        if rule is not None and rule.accepts:
            return
        what = f"{step.caller} may not: expected {expected.status}, got {brief(answer)}"
        self._differ(move, "access", what, answer.exchange, rule.id if rule else None)

    def _subject(self, step: Step) -> Own | None:
        """The record of ours that the path ends with."""
        last = step.path[-1][1] if step.path else None
        if not isinstance(last, Name):
            return None
        return self._own.get(Name(last.kind, last.resource, last.place))

    def _record(self, move: Move, answer: Answer) -> Record:
        found = self._moves.model.record(move.id, answer.json())
        if not isinstance(found, dict):
            self._differ(move, "answer", f"expected a record, got {brief(answer)}", answer.exchange)
        return Record(found)

    def _show(self, own: Own, record: Record) -> None:
        own.shown = record
        self._ours.records[own.name.resource, own.identity] = record
        self.state.show(own.name.resource, record)

    def _firm(self, resource: str, record: Mapping[str, Any]) -> Record:
        """A record without what changes when others do, or by itself."""
        updated = self._moves.vendor.behaviour["resources"][resource].get("updated")
        loose = {*self._moves.model.hint(resource, "loose"), updated}
        return Record({name: value for name, value in record.items() if name not in loose})

    def _forget_kin(self, step: Step) -> None:
        """What a write names may change what others show that name it: they are to be read anew."""
        named = {Name(name.kind, name.resource, name.place) for name in names_in([step.path, step.fields])}
        ids = {own.identity for name, own in self._own.items() if name in named}
        for name, own in self._own.items():
            if name in named and name == self._last(step):
                continue
            if name in named or own.shown is None or any(identity in str(own.shown) for identity in ids):
                own.shown = None

    def _last(self, step: Step) -> Name | None:
        own = self._subject(step)
        return own.name if own else None

    def _bare(self, value: Any) -> Any:
        """A text without the run's mark."""
        return value.replace(f"[{self._target.mark}]", "").strip() if isinstance(value, str) else value

    def _differ(self, move: Move, aspect: str, what: str, exchange: Exchange, rule: str | None = None) -> NoReturn:
        raise Differs(Difference(move.id, aspect, what, exchange, rule))


def _is_by_key(step: Step) -> bool:
    return any(isinstance(value, Name) and value.field is not None for _, value in step.path)


def _size(operation: Operation, query: Mapping[str, Any]) -> int:
    from contracts.listing import parameter

    table = operation.table["paging"]
    size = query.get(parameter(table, "size"), table["default"])
    return int(size) if str(size).isdecimal() else int(table["default"])


def _sort_key(text: str, table: Mapping[str, Any]) -> str:
    if table.get("direction", "-") == "-":
        return text
    name, _, way = text.partition(":")
    return f"-{name}" if way == "desc" else name
