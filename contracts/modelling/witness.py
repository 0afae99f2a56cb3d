"""A tenant, held to what can be said of records that are our own: the model says which answers, the tenant its values.

The same steps go to a stand-in in this process, as long as both take them. From there comes who is refused and which of
our records a list has to hold; what a record shows is compared with what was sent and with what it showed before.
"""

import re
from collections.abc import Collection, Mapping

from contracts.envelopes import ABSENT
from contracts.findings import Broken, Lacks, NotJudged
from contracts.laws.echo import Echo
from contracts.laws.terms import Record, accepts, brief, differences, key_of, references, same, short
from contracts.modelling.drawing import State
from contracts.modelling.holding import Holding, Own, differ
from contracts.modelling.listed import Lists
from contracts.modelling.moves import Move, Moves
from contracts.modelling.played import Played, Scene
from contracts.modelling.steps import Name, Step, filled
from contracts.room import may_lack
from contracts.target import Target
from contracts.tenant import Answer

_PLAIN = re.compile(r"[A-Za-z0-9 ]*")  # texts of which nobody doubts the order
_WORLD = "model"


class Witness:
    """Plays steps on a tenant, and tells where it contradicts itself or what it was sent. Raises Differs."""

    def __init__(self, target: Target, reference: Target, moves: Moves) -> None:
        self._target, self._reference, self._moves = target, reference, moves
        self._by_id = {move.id: move for move in (*moves.reads, *moves.writes)}
        self._may_lack = may_lack(moves.vendor)
        self._held = Holding(target, reference, moves)
        self.played = Played()

    @property
    def state(self) -> State:
        return self._held.state

    def begin(self) -> None:
        """Nothing of the sequence before is left."""
        if not self._target.guard.is_read_only:
            self._target.clean_up(is_last=False)
        self.played = Played()
        self._held = Holding(self._target, self._reference, self._moves)

    def play(self, step: Step) -> None:
        """One step; what the guard does not let pass is left out."""
        move = self._by_id[step.operation]
        scene = Scene(step)
        self.played.scenes.append(scene)
        try:
            for side in (self._held.ours, self._held.theirs):
                filled([step.path, step.fields, [value for _, value in step.query]], side.resolve)
            if step.fields is not ABSENT and isinstance(step.fields, Mapping):
                told = {
                    name: self._held.ours.tenant.unlike(move.resource, name, value)
                    for name, value in step.fields.items()
                }
                step = Step(**{**vars(step), "fields": told})
            if move.verb == "list":
                Lists(self._held, self._moves).read(move, step, scene)
            elif move.verb == "get":
                self._get(move, step, scene)
            else:
                self._write(move, step, scene)
        except (LookupError, StopIteration):  # the record was not made, or does not show what it is to be found by
            return
        except Lacks as lacks:
            if lacks.name not in self._may_lack:
                differ(move, lacks.name, lacks.what, scene.exchanges[-1])
        except Broken as broken:
            differ(move, "answer", broken.what, broken.answer.exchange if broken.answer else scene.exchanges[-1])
        except NotJudged:
            return

    # Writes

    def _write(self, move: Move, step: Step, scene: Scene) -> None:
        answer = self._held.send(move, step, scene)
        is_taken = 200 <= answer.status < 300
        self._check_access(move, step, answer, is_taken)
        if not is_taken:
            return
        expected = self._held.shadow(move, step)
        self._held.forget_kin(step)
        if move.verb == "create":
            self._made(move, step, scene, answer, expected)
        elif move.verb == "delete" and (own := self._held.subject(step)) is not None:
            own.is_gone = True
            self._held.state.touch(own.name)
            if (getter := self._moves.getters.get(move.resource)) is not None:
                self._get(getter, Step(getter.id, path=tuple((name, own.name) for name, _ in getter.owners)), scene)
        elif (own := self._held.subject(step)) is not None:
            self._held.state.touch(own.name)
            self._look_again(move, step, scene, own)

    def _made(self, move: Move, step: Step, scene: Scene, answer: Answer, expected: Answer | None) -> None:
        record = self._held.record(move, answer)
        key = key_of(self._moves.vendor, move.resource)
        identity = str(record[key])
        if any(own.identity == identity and own.name.resource == move.resource for own in self._held.own.values()):
            differ(move, "id", f"expected a new id, got {identity} again", answer.exchange)
        name = Name("made", move.resource, self._held.state.made.get(move.resource, 0))
        self._held.ours.made.setdefault(move.resource, []).append(identity)
        if self._held.is_in_step and expected is not None:
            theirs = str(self._held.record(move, expected)[key])
            self._held.theirs.made.setdefault(move.resource, []).append(theirs)
        else:
            self._held.is_in_step = False
            self._held.theirs.made.setdefault(move.resource, []).append("none")
        self._held.state.made[move.resource] = int(name.place) + 1
        self._held.state.touch(name)
        scene.made = name, identity
        own = self._held.own[name] = Own(name, identity)
        self._look_again(move, step, scene, own)

    def _look_again(self, move: Move, step: Step, scene: Scene, own: Own) -> None:
        """A read after a write shows what was sent, and the rest as it was: as far as the stand-in's read does."""
        getter = self._moves.getters.get(own.name.resource)
        before, theirs_before, own.shown, own.theirs = own.shown, own.theirs, None, None
        if getter is None:
            return
        look = Step(getter.id, path=tuple((name, own.name) for name, _ in getter.owners))
        answer = self._held.send(getter, look, scene)
        if not 200 <= answer.status < 300:
            what = f"after {move.id}: expected the record, got {brief(answer)}"
            differ(getter, "status", what, answer.exchange)
        record = self._held.record(getter, answer)
        self._held.show(own, record)
        expected = self._held.shadow(getter, look)
        if expected is None:
            return
        own.theirs = self._held.record(getter, expected)
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
        loose = self._moves.model.hint(move.resource, "loose")
        for name, value in fields.items():
            if accepts(move.operation).get(name) in loose:  # it changes when others do
                continue
            try:
                Echo(self._held.theirs.tenant, move.operation).compare(
                    "", {name: filled(value, self._held.theirs.resolve)}, theirs, None
                )
            except Broken:  # the stand-in keeps something else, by a rule of the vendor's
                continue
            sent = {name: filled(value, self._held.ours.resolve)}
            try:
                Echo(self._held.ours.tenant, move.operation).compare(f"a read after {move.id}", sent, record, answer)
            except Lacks:
                raise
            except Broken as broken:
                differ(move, f"stores {name}", broken.what, answer.exchange)

    def _compare_untouched(
        self, move: Move, step: Step, before: Record, after: Record, answer: Answer, changed: Collection[str]
    ) -> None:
        """What an update did not name is as it was, where it is so on the stand-in too."""
        sent = step.fields if isinstance(step.fields, Mapping) else {}
        touched = {*Echo(self._held.ours.tenant, move.operation).touched(sent), *changed}
        kept = {name: value for name, value in self._held.firm(move.resource, before).items() if name not in touched}
        refers = references(move.operation)
        if any(name in refers for name in sent):  # what a record shows of others is not its own
            settable = set(accepts(move.operation).values())
            kept = {name: value for name, value in kept.items() if name in settable}
        for name, (was, now) in differences(kept, after).items():
            what = f"a read after {move.id}: expected {name!r} to stay {short(was)}, got {short(now)}"
            differ(move, f"keeps {name}", what, answer.exchange)

    # Looks

    def _get(self, move: Move, step: Step, scene: Scene) -> None:
        answer = self._held.send(move, step, scene)
        is_taken = 200 <= answer.status < 300
        self._check_access(move, step, answer, is_taken)
        own = self._held.subject(step)
        if own is None:
            return
        if own.is_gone:
            if is_taken:
                differ(
                    move,
                    "gone",
                    f"expected the deleted {own.identity} to be gone, got {brief(answer)}",
                    answer.exchange,
                )
            return
        if step.caller != "owner" or _is_by_key(step):
            if is_taken and self._moves.may(step.caller, move) and own.shown is not None and not step.query:
                self._compare_shown(move, own, self._held.record(move, answer), answer)
            return
        if not is_taken:
            differ(move, "status", f"expected {own.identity}, got {brief(answer)}", answer.exchange)
        record = self._held.record(move, answer)
        key = key_of(self._moves.vendor, move.resource)
        if str(record.get(key)) != own.identity:
            differ(move, key, f"expected the record {own.identity}, got {short(record)}", answer.exchange)
        if own.shown is not None:
            self._compare_shown(move, own, record, answer)
        if not step.query:
            self._held.show(own, record)

    def _compare_shown(self, move: Move, own: Own, record: Record, answer: Answer) -> None:
        assert own.shown is not None
        for name, (was, now) in differences(self._held.firm(own.name.resource, own.shown), record).items():
            what = f"expected {name!r} of {own.identity} to be {short(was)} still, got {short(now)}"
            differ(move, name, what, answer.exchange)

    def _check_access(self, move: Move, step: Step, answer: Answer, is_taken: bool) -> None:
        """Who may not, by the stand-in's own refusal, is not let in."""
        own = self._held.subject(step)
        if not is_taken or not self._held.is_in_step or self._moves.may(step.caller, move):
            return
        if own is None or own.is_gone:
            return
        expected = self._held.theirs.send(move, step, {})
        if 200 <= expected.status < 300:
            return
        rule = self._moves.vendor.rules.get(expected.headers.get("x-mock-rule", ""))
        if rule is not None and rule.accepts:
            return
        what = f"{step.caller} may not: expected {expected.status}, got {brief(answer)}"
        differ(move, "access", what, answer.exchange, rule.id if rule else None)


def _is_by_key(step: Step) -> bool:
    return any(isinstance(value, Name) and value.field is not None for _, value in step.path)
