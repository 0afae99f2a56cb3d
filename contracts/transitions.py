"""Which transitions of a vendor's lifecycles a run has seen taken or refused. Watches exchanges; judges nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from contracts.document import parse
from contracts.envelopes import find_placeholder
from contracts.findings import Exchange
from contracts.model import Model
from mockserver.vendor import Operation, Vendor

Record: TypeAlias = tuple[str | None, str]  # world and id
Outcome: TypeAlias = Literal["walked", "refused", "broken", "not tried"]

_UNFIT = frozenset({400, 409, 422})  # how a field like others is refused for its value
_MOST_RECORDS = 50_000
_WORLD = "x-mock-world"
_FREE = "ok"


class Transitions:
    """The transitions of every lifecycle. `is_own_world`: a record that nothing told of is as the seed has it."""

    def __init__(self, vendor: Vendor, *, is_own_world: bool = False) -> None:
        model = Model(vendor)
        lifecycles: Mapping[str, Mapping[str, Any]] = vendor.behaviour.get("lifecycles", {})
        self._lifecycles = [
            _Lifecycle(name, table, model, is_own_world=is_own_world) for name, table in lifecycles.items()
        ]

    def watch(self, operation: Operation, exchange: Exchange) -> None:
        """Note the transition that an exchange tries, and the state that it tells."""
        for lifecycle in self._lifecycles:
            if operation.table.get("resource") == lifecycle.resource:
                lifecycle.watch(operation, exchange)

    def told(self) -> list[dict[str, Any]]:
        """What `lifecycles` in report.json has."""
        return [lifecycle.told() for lifecycle in self._lifecycles]


class _Lifecycle:
    """One lifecycle, and the state in which each record was seen last.

    A world that is reset unseen keeps the states that it had, until an answer tells others.
    """

    def __init__(self, name: str, table: Mapping[str, Any], model: Model, *, is_own_world: bool) -> None:
        self.name = name
        self.resource: str = table["resource"]
        self._table = table
        self._model = model
        self._key: str = model.resource(self.resource)["key"]
        self._states: dict[Record, Any] = {}
        self._taken: Counter[tuple[Any, Any]] = Counter()
        self._refused: Counter[tuple[Any, Any]] = Counter()
        records = model.vendor.seed["records"].get(self.resource, []) if is_own_world else []
        self._seeded = {str(record[self._key]): record.get(table["field"]) for record in records}
        self._refusal = self._find_refusal()

    def watch(self, operation: Operation, exchange: Exchange) -> None:
        verb = operation.table.get("verb")
        if verb not in ("create", "get", "update", "transition", "delete") or exchange.status >= 500:
            return
        record = self._record(operation, exchange)
        if record is None:
            return
        if verb in ("update", "transition"):
            self._try(operation, exchange, record)
        if not 200 <= exchange.status < 300:
            return
        if verb == "delete":
            self._states.pop(record, None)
        elif (state := self._answered(operation, exchange)) is not None:
            self._remember(record, state)

    def _try(self, operation: Operation, exchange: Exchange, record: Record) -> None:
        body = _parsed(exchange.request_body)
        name = self._name_of_target(operation)
        wrapper = operation.table.get("wrapper")
        fields = body.get(wrapper) if wrapper is not None and isinstance(body, Mapping) else body
        if name is None or not isinstance(fields, Mapping) or not self._is_state(fields.get(name)):
            return
        target = fields[name]
        start = self._states.get(record, self._seeded.get(record[1]))
        if 200 <= exchange.status < 300:
            start = self._told(operation, exchange, "from") if start is None else start
            if self._is_state(start):
                self._taken[start, target] += 1
            self._remember(record, target)
        elif self._is_state(start) and self._is_refusal(operation, exchange, fields):
            self._refused[start, target] += 1

    def _is_refusal(self, operation: Operation, exchange: Exchange, fields: Mapping[str, Any]) -> bool:
        """Whether it is the transition that was refused, and not something else in the request."""
        if operation.table["verb"] == "transition":
            if self._refusal is None or exchange.status != self._refusal[0]:
                return False
            return self._model.refusals.find(_parsed(exchange.body), "code") in (None, self._refusal[1])
        return len(fields) == 1 and exchange.status in _UNFIT

    def _find_refusal(self) -> tuple[int, Any] | None:
        """Status and code of a refused transition."""
        behaviour = self._model.vendor.behaviour
        refusal = behaviour.get("refusals", {}).get("transition_refused")
        if refusal is None:
            return None
        entry = behaviour["errors"]["catalogue"][refusal["error"]]
        return entry["status"], entry.get("code", refusal["error"])

    def _name_of_target(self, operation: Operation) -> str | None:
        """The field of the body that bears the state to come."""
        if operation.table["verb"] == "transition":
            own = operation.table.get("lifecycle") == self.name
            return operation.table.get("target") if own else None
        accepted: Mapping[str, str] = operation.table.get("accepts", {})
        return next((name for name, kept in accepted.items() if kept == self._table["field"]), None)

    def _record(self, operation: Operation, exchange: Exchange) -> Record | None:
        """The record that a request is about: by the id in its path, or in the answer that tells of its making."""
        world = exchange.request_headers.get(_WORLD)
        if operation.table["verb"] == "create":
            made = self._answer(operation, exchange)
            return (world, str(made[self._key])) if isinstance(made, Mapping) and self._key in made else None
        route = self._model.route(exchange.method, exchange.path)
        subject = self._model.subject(route) if route else None
        return None if subject is None else (world, unquote(subject[1]))

    def _answer(self, operation: Operation, exchange: Exchange) -> Any:
        try:
            return self._model.record(operation.id, parse(exchange.body))
        except (LookupError, TypeError, ValueError):
            return None

    def _answered(self, operation: Operation, exchange: Exchange) -> Any:
        if operation.table["verb"] == "transition":
            return self._told(operation, exchange, "to")
        record = self._answer(operation, exchange)
        state = record.get(self._table["field"]) if isinstance(record, Mapping) else None
        return state if self._is_state(state) else None

    def _told(self, operation: Operation, exchange: Exchange, word: str) -> Any:
        """What the answer of a transition tells, such as `$from`; None where it tells no state."""
        place = find_placeholder(operation.table.get("answer"), f"${word}")
        node = self._answer(operation, exchange) if place is not None else None
        for key in place or ():
            node = node.get(key) if isinstance(node, Mapping) else None
        return node if self._is_state(node) else None

    def _is_state(self, value: Any) -> bool:
        return isinstance(value, (str, int)) and not isinstance(value, bool) and value in self._table["states"]

    def _remember(self, record: Record, state: Any) -> None:
        if len(self._states) == _MOST_RECORDS:
            self._states.clear()
        self._states[record] = state

    def told(self) -> dict[str, Any]:
        transitions = list(self._transitions())
        return {
            "name": self.name,
            "resource": self.resource,
            "field": self._table["field"],
            "states": [{"state": str(state), "meaning": str(told)} for state, told in self._table["states"].items()],
            "transitions": transitions,
            "walked": sum(each["outcome"] == "walked" for each in transitions),
            "allowed": sum(each["allowed"] for each in transitions),
        }

    def _transitions(self) -> Iterator[dict[str, Any]]:
        for start in self._table["states"]:
            for target in self._table["states"]:
                condition = self._condition(start, target)
                taken, refused = self._taken[start, target], self._refused[start, target]
                yield {
                    "from": str(start),
                    "to": str(target),
                    "allowed": condition is not None,
                    "condition": None if condition == _FREE else condition,
                    "taken": taken,
                    "refused": refused,
                    "outcome": _outcome(condition, taken, refused),
                }

    def _condition(self, start: Any, target: Any) -> str | None:
        """`ok`, a condition, or None where the transition is not allowed."""
        table = self._table["transitions"]
        if table == "any":
            return _FREE
        following = table.get(start, {})
        if isinstance(following, Mapping):
            return following.get(target)
        return _FREE if target in following else None


def _outcome(condition: str | None, taken: int, refused: int) -> Outcome:
    """Broken is what was taken though it is not allowed, or only ever refused though nothing stands against it."""
    if condition is None:
        return "broken" if taken else "refused" if refused else "not tried"
    if taken:
        return "walked"
    return "broken" if refused and condition == _FREE else "refused" if refused else "not tried"


def _parsed(body: bytes | None) -> Any:
    try:
        return parse(body or b"")
    except ValueError:
        return None
