"""Where runs have left something on a tenant: records that bear a run's mark, in every list that a sample names.

Reads only; what is found is removed elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import product

from contracts.findings import NotJudged
from contracts.listing import walk
from contracts.safety.guard import Guard
from contracts.safety.made import Entry
from contracts.safety.ownership import Doubt
from contracts.safety.records import bears, identity_of
from contracts.tenant import MARK
from mockserver.vendor import Operation

_MARK = rf"\[{MARK} (0|[1-9][0-9]{{0,17}})\]"
_BEGINS, _ENDS = re.compile(rf"{_MARK}(?!\S)"), re.compile(rf"(?<!\S){_MARK}$")
_TAG = re.compile(r"<[^<>]*>")  # tenants may keep texts as markup


@dataclass(frozen=True)
class Trace:
    """A record that a run left: which run, what it is called, and within what it is."""

    resource: str
    identity: str
    seed: int
    text: str
    path: Mapping[str, str] = field(default_factory=dict)


def run_of(text: object) -> int | None:
    """The seed of the run whose mark a text begins or ends with; a text that speaks of runs elsewhere is somebody's."""
    told = _TAG.sub(" ", text).strip() if isinstance(text, str) else ""
    found = _BEGINS.match(told) or _ENDS.search(told)
    return int(found[1]) if found else None


class Search:
    """Looks for what runs have made, as the owner."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._model = guard.model
        self._records = guard.ownership.records

    def resources(self) -> list[str]:
        """Those that runs make records of, the ones that refer to others first: so they can be removed."""
        samples: Mapping[str, Mapping[str, object]] = self._model.vendor.behaviour.get("samples", {})
        made = [name for name, sample in samples.items() if "create" in sample]
        order: TopologicalSorter[str] = TopologicalSorter()
        for name in made:
            order.add(name)
            for other in self._referred(name):
                if other in made and other != name:
                    order.add(other, name)
        try:
            return list(order.static_order())
        except CycleError:
            return made

    def _referred(self, resource: str) -> Iterator[str]:
        operation = self._records.operation(resource, "create")
        table = self._model.table(operation.id) if operation else {}
        yield from (of["resource"] for of in table.get("references", {}).values())
        if within := table.get("within"):
            yield within["resource"]

    def all_marked(self, resource: str, seed: int | None = None) -> list[Trace]:
        """The records in the lists of a resource that bear a mark, of one run or of any; NotJudged where none shows."""
        return list(self._marked(resource, seed))

    def _marked(self, resource: str, seed: int | None) -> Iterator[Trace]:
        mark, lister = self._model.hint(resource, "mark"), self._records.lister(resource)
        if not isinstance(mark, str) or lister is None:
            raise NotJudged(f"no list shows a mark on records of {resource}")
        seen: set[str] = set()
        for path in self._places(lister):
            for record in walk(self._model, lister, path, self._guard.ask):
                identity = identity_of(record.get(self._records.key(resource)))
                text = self._records.at(resource, record, mark)
                run = run_of(text)
                if identity is None or identity in seen or run is None or seed not in (None, run):
                    continue
                seen.add(identity)
                yield Trace(resource, identity, run, str(text), path)

    def _places(self, lister: Operation) -> list[dict[str, str]]:
        """Where there are lists: within each known record, and within each of ours."""
        owners = self._model.owners(lister)
        choices: list[Iterable[str]] = []
        for resource in owners.values():
            ours = [identity for of, identity in self._guard.holdings if of == resource]
            choices.append(dict.fromkeys([*self._model.known_of(resource, self._records.given), *ours]))
        found = [dict(zip(owners, values, strict=True)) for values in product(*choices)]
        if not found:
            raise NotJudged(f"{lister.id} lists nothing without a known id")
        return found

    def find(self, entry: Entry) -> Trace | str | None:
        """The record of an entry in a journal; why it cannot be told for ours; None where it is gone."""
        shown, why = self._guard.ownership.look_up(
            Doubt(entry.resource, entry.identity, is_ours=True), self._guard.ask, entry.path
        )
        if why is not None:
            return why
        if shown is None:
            return None
        texts = [value for value in shown.values() if isinstance(value, str)]
        if entry.text is None or not any(bears(entry.text, text) for text in texts if text):
            return "it does not look like what a run made, and is left alone"
        return Trace(entry.resource, entry.identity, entry.seed, entry.text, entry.path)
