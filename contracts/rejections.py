"""Valid bodies that were refused: which rule about the body's schema is to blame, if any?

A body that fits its schema may still be refused for good reason: a record that is not there, a name that is taken, a
step that a lifecycle does not have. So the refusal itself is read, and in doubt nobody is blamed.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.envelopes import Refusals
from contracts.findings import Exchange
from contracts.model import Model
from contracts.pointers import Check
from contracts.requests import Touch
from mockserver.vendor import Operation, Vendor

_OFTEN = 5  # so many refusals, and no success, leave no doubt
_OFTEN_AT_THE_EDGE = 2  # where each names the field alone, whose value is as large as it may be


@dataclass(frozen=True)
class _Rejection:
    touches: tuple[Touch, ...]
    edges: tuple[Touch, ...]  # as large as may be, and all that the refusal names
    exchange: Exchange
    is_doubtful: bool


class Rejections:
    """What was accepted and what was refused, of bodies that their schema allows."""

    def __init__(self, vendor: Vendor) -> None:
        self._behaviour: Mapping[str, Any] = vendor.behaviour
        self._model = Model(vendor)
        self._refusals = Refusals(vendor.behaviour.get("errors", {}))
        self._accepted: dict[str, set[str]] = defaultdict(set)
        self._accepted_at_edge: dict[str, set[str]] = defaultdict(set)
        self._rejected: dict[str, list[_Rejection]] = defaultdict(list)

    def accept(self, operation: Operation, touches: list[Touch], exchange: Exchange) -> None:
        """A request with these parts was carried out."""
        self._accepted[operation.id] |= {touch.check.pointer for touch in touches}
        edges = (touch for touch in touches if _is_edge(touch) and _is_verbatim(touch.part, exchange))
        self._accepted_at_edge[operation.id] |= {touch.check.pointer for touch in edges}

    def reject(self, operation: Operation, touches: list[Touch], exchange: Exchange) -> None:
        """A request with these parts, all of them valid, was refused."""
        try:
            answer = exchange.json()
        except ValueError:
            answer = None
        told = set(self._refusals.entries(exchange.status, answer))
        other = told & errors_of(self._behaviour, operation)
        if told and not self._body_errors() & told:
            return  # the refusal says that something else was wrong
        references = self._model.references(operation.id)  # whom they name may not be there
        fields = self._refusals.fields(exchange.status, answer)
        if fields is None and other and any(touch.field in references for touch in touches):
            return
        blamed = [touch for touch in touches if fields is None or touch.field in fields]
        if other or operation.table.get("checks"):
            blamed = [touch for touch in blamed if touch.field not in references]
        is_doubtful = bool(other or operation.table.get("checks"))
        # What a tenant puts markup around may be too long for it, though it was not when it came.
        open_to_it = self._model.hint(operation.table.get("resource"), "markup")
        edges = (touch for touch in blamed if fields == {touch.field} and touch.field not in open_to_it)
        kept = _Rejection(tuple(blamed), tuple(filter(_is_edge, edges)), exchange, is_doubtful)
        self._rejected[operation.id].append(kept)

    def _body_errors(self) -> set[str]:
        """The entries of the catalogue by which a body is refused for its schema."""
        refusals = self._behaviour.get("refusals", {})
        return {refusals["body_invalid"]["error"]} if "body_invalid" in refusals else set()

    def settle(self) -> Iterator[tuple[Check, Exchange, str]]:
        """The checks to blame, once and for all: those of the parts that no accepted body had."""
        for operation, rejections in self._rejected.items():
            yield from self._blame(operation, rejections)
            yield from self._blame_edges(operation, rejections)
        self._rejected.clear()

    def _blame(self, operation: str, rejections: list[_Rejection]) -> Iterator[tuple[Check, Exchange, str]]:
        counts = Counter(touch.check.pointer for each in rejections for touch in each.touches)
        for rejection in rejections:
            for touch in rejection.touches:
                pointer = touch.check.pointer
                is_often = counts[pointer] >= _OFTEN or not rejection.is_doubtful
                if pointer not in self._accepted[operation] and is_often:
                    what = f"{operation} refused a valid body with {rejection.exchange.status}"
                    yield touch.check, rejection.exchange, what

    def _blame_edges(self, operation: str, rejections: list[_Rejection]) -> Iterator[tuple[Check, Exchange, str]]:
        """Limits whose greatest value was never taken, and refused by name."""
        refused = [(touch.check, touch.field, rejection) for rejection in rejections for touch in rejection.edges]
        counts = Counter(check.pointer for check, _, _ in refused)
        for check, field, rejection in refused:
            if check.pointer not in self._accepted_at_edge[operation] and counts[check.pointer] >= _OFTEN_AT_THE_EDGE:
                limit = check.pointer.rpartition("/")[2]
                what = f"{operation} refused with {rejection.exchange.status} a {field!r} as large as {limit} allows"
                yield check, rejection.exchange, what


def _is_edge(touch: Touch) -> bool:
    """As large as it may be, and nothing that anybody might take offence at."""
    part = touch.part
    is_plain = not isinstance(part, str) or (part.isascii() and part.isprintable() and part == part.strip())
    return is_plain and touch.check.is_edge(part)


def _is_verbatim(part: Any, exchange: Exchange) -> bool:
    """Whether a text was sent as it is: of one that is trimmed more came."""
    return not isinstance(part, str) or json.dumps(part).encode() in (exchange.request_body or b"")


def errors_of(behaviour: Mapping[str, Any], operation: Operation) -> set[str]:
    """The entries of the catalogue by which an operation refuses what its schema cannot tell."""
    resources, refusals = behaviour["resources"], behaviour.get("refusals", {})
    found = set()
    for reference in operation.table.get("references", {}).values():
        missing = resources[reference["resource"]].get("missing", {})
        found.add(reference.get("error", missing.get("error")))
    if capacity := behaviour.get("capacities", {}).get(operation.table.get("capacity")):
        found.add(refusals[capacity["refusal"]]["error"])
    if "lifecycle" in operation.table and "transition_refused" in refusals:
        found.add(refusals["transition_refused"]["error"])
    return found
