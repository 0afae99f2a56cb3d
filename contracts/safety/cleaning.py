"""Remove what a run has made on a tenant, the last made first; what cannot be removed is told, a line for each record.

Which records may be removed at all is the guard's to say.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from contracts.findings import NotJudged
from contracts.safety.budget import BudgetSpent
from contracts.safety.ownership import Doubt, Made, Vanished
from contracts.safety.traces import Search
from contracts.target import Target
from contracts.tenant import Tenant
from contracts.wire import TargetLost

Got = TypeVar("Got")
_PAUSES = (1.0, 2.0, 4.0)  # seconds in which a target that was lost may come back
_IN_FLIGHT = 30  # seconds after which a create without an answer gets none
_GONE = frozenset({404, 410})
_NOT_FOR_YOU = _GONE | {401, 403}  # whoever made the record may yet remove it
_NO_OTHER_TIME = frozenset({401, 405, 501})


class Cleaner:
    """One clean-up of one target. `left` tells what it could not remove."""

    def __init__(self, target: Target) -> None:
        self.left: list[str] = []
        self._target = target
        self._guard = target.guard
        self._ownership = target.guard.ownership
        self._tenant = Tenant(target, world=None, chance=random.Random(target.seed))
        self._why: dict[tuple[str, str], str] = {}

    def clean(self, *, is_last: bool = True) -> None:
        """Remove all that the run holds. `is_last`: nobody tries again, so what is left has to be told.

        An interrupt, a target that is gone or a budget that is spent leave the rest, and say so.
        """
        over = "it was not reached"
        with self._guard.purse.cleaning():
            try:
                self._land()
                self._find_lost()
                self._remove_all(is_last=is_last)
                if self._ownership.lost:  # what was believed to be ours was not
                    self._find_lost()
                    self._remove_all(is_last=is_last)
                if is_last:
                    self._look_back()
            except KeyboardInterrupt:
                if not is_last:
                    raise
                over = "interrupted"
            except (TargetLost, BudgetSpent) as error:
                over = str(error)
        if is_last:
            self._tell(over)

    def _tell(self, over: str) -> None:
        for made in reversed(self._guard.holdings.all()):
            key = made.resource, made.identity
            self.left.append(f"{made.resource} {made.identity}: {self._why.get(key, over)}")
        self.left += [line for lines in self._ownership.disowned.values() for line in lines]
        unseen = self._ownership.unseen + Counter(made.resource for made in self._ownership.lost)
        for resource, number in unseen.items():
            creates = "a create" if number == 1 else f"{number} creates"
            self.left.append(f"{resource}: no answer tells what {creates} made, and no mark could be looked for")

    def _land(self) -> None:
        """A create that is still under way after an interrupt is waited for; it may yet make a record."""
        for _ in range(_IN_FLIGHT * 10):
            if not self._ownership.flying:
                return
            self._guard.watch.sleep(0.1)
        self._ownership.lost += self._ownership.flying

    def _find_lost(self) -> None:
        """What a create made whose answer was lost, or was not believed: the run's mark tells."""
        search = Search(self._guard)
        mark = f"[{self._target.mark}]"
        for resource in dict.fromkeys(made.resource for made in self._ownership.lost):
            lost = [made for made in self._ownership.lost if made.resource == resource]
            self._ownership.lost = [made for made in self._ownership.lost if made.resource != resource]
            try:
                traces = self._patiently(partial(search.all_marked, resource, self._target.seed))
            except NotJudged:  # no list shows it
                self._ownership.unseen[resource] += len(lost)
                continue
            except BaseException:  # nobody has looked for them, which is told
                self._ownership.lost += lost
                raise
            found = [trace for trace in traces if (resource, trace.identity) not in self._guard.holdings]
            for trace in found:
                self._ownership.adopt(resource, trace.identity, path=trace.path, text=trace.text)
            if len(found) >= len(lost):  # so that is what they made
                self._ownership.disowned.pop(resource, None)
                continue
            field = self._target.model.hint(resource, "mark")
            self._ownership.unseen[resource] += sum(mark not in str(made.sent.get(field)) for made in lost)

    def _remove_all(self, *, is_last: bool) -> None:
        """Two rounds: what something else stood in the way of may go once that is gone.

        What was refused before is left for the last time, or it would be tried after every rule.
        """
        held = [made for made in reversed(self._guard.holdings.all()) if is_last or made.refused is None]
        for made in held:
            self._remove(made)
        for made in held:
            is_there = (made.resource, made.identity) in self._guard.holdings
            if is_there and made.refused not in _NO_OTHER_TIME | {None}:
                self._remove(made)
        if is_last:  # what no read has shown to be ours may yet be somewhere else, with our mark on it
            for made in held:
                is_there = (made.resource, made.identity) in self._guard.holdings
                has_delete = self._ownership.records.operation(made.resource, "delete") is not None
                if is_there and has_delete and not (made.is_sure or made.is_proven):
                    self._ownership.lost += [made, *(replace(made, sent=sent, again=[]) for sent in made.again)]
                    made.again.clear()

    def _look_back(self) -> None:
        """Whether the deletes did what they answered: the last of each resource tells, and where it did not all do."""
        removed, records = self._ownership.removed, self._ownership.records
        for resource in dict.fromkeys(made.resource for made in removed if records.reader(made.resource)):
            gone = [made for made in removed if made.resource == resource]
            for number, made in enumerate(reversed(gone)):
                doubt = Doubt(resource, made.identity, is_ours=True)
                try:
                    shown, _ = self._patiently(partial(self._ownership.look_up, doubt, self._guard.ask, made.path))
                except BaseException:
                    if number:
                        more = f"{len(gone) - number} more, whose deletes were granted too, were not looked for"
                        self.left.append(f"{resource}: {more}")
                    raise
                if not shown:
                    break
                self.left.append(f"{resource} {made.identity}: its delete was granted, and it is still there")

    def _remove(self, made: Made) -> None:
        key = made.resource, made.identity
        try:
            operation = self._target.vendor.operations[self._target.model.deletes(made.resource)]
        except NotJudged as error:
            self._why[key] = error.why
            return
        path = self._ownership.records.path(operation, made.path, made.identity)
        if path is None:
            self._why[key] = f"{operation.id} needs to be told within what it is"
            return
        try:
            status = self._delete(operation.id, path, "owner")
            if status in _NOT_FOR_YOU and made.caller in self._tenant.callers and made.caller != "owner":
                status = self._delete(operation.id, path, made.caller)
        except Vanished:
            self._ownership.release(*key)
        except NotJudged as error:
            self._why[key] = error.why
        else:
            made.refused = status
            self._why[key] = f"the delete answered {status}"
            if status in _GONE:
                self._ownership.release(*key)

    def _delete(self, operation_id: str, path: dict[str, str], caller: str | None) -> int:
        return self._patiently(lambda: self._tenant.call(operation_id, path=path, caller=caller).status)

    def _patiently(self, ask: Callable[[], Got]) -> Got:
        """Ask again when the target is lost: it may come back."""
        for pause in _PAUSES:
            try:
                return ask()
            except TargetLost:
                self._guard.watch.sleep(pause)
        return ask()
