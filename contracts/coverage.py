"""How much of a vendor's document a run has exercised: operations, statuses, parameters and transitions.

Watches every exchange that passes the guard. Judges nothing: a value is only sorted into what its schema allows and
what it does not.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote

from contracts.document import Place, coerce, escape, keys_of
from contracts.findings import Exchange
from contracts.requests import Requests
from contracts.transitions import Transitions
from mockserver.spec import Validators, resolve
from mockserver.vendor import Operation, Vendor

_PLACES = ("path", "query", "header")
_DEEPEST = 3  # levels of names below a body
_MOST_ITEMS = 20  # of one list that are looked at
_WORDS = frozenset({"type", "title", "description", "default", "example", "examples", "deprecated", "$comment"})
_WHOLE = "(whole body)"
Check: TypeAlias = Callable[[Any], bool]


@dataclass
class Tally:
    """One parameter or field of a body, and how often it was sent with a value that fits its schema, or does not.

    `takes_anything`: no value can be wrong.
    """

    name: str
    place: str
    is_required: bool
    takes_anything: bool
    valid: int = 0
    invalid: int = 0

    def count(self, *, is_valid: bool) -> None:
        self.valid += is_valid
        self.invalid += not is_valid

    def told(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "in": self.place,
            "required": self.is_required,
            "takes_anything": self.takes_anything,
            "valid": self.valid,
            "invalid": self.invalid,
        }


@dataclass
class _Field:
    """A schema in a body: its tally, how it is checked, and the fields below it, also of the items of a list."""

    tally: Tally
    is_valid: Check
    below: dict[str, "_Field"] = field(default_factory=dict)

    def visit(self, value: Any) -> None:
        self.tally.count(is_valid=self.is_valid(value))
        for each in value[:_MOST_ITEMS] if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                for name, part in self.below.items():
                    if name in each:
                        part.visit(each[name])


class Coverage:
    """What a run has exercised so far. `is_own_world`: records begin as the seed has them."""

    def __init__(self, vendor: Vendor, *, is_own_world: bool = False) -> None:
        self.transitions = Transitions(vendor, is_own_world=is_own_world)
        self.outside = 0  # requests to no documented operation
        self._vendor = vendor
        self._requests = Requests(vendor, is_strict=True)
        self._validators = Validators(vendor.document)
        self._sent: Counter[str] = Counter()
        self._statuses: Counter[tuple[str, int]] = Counter()
        self._parameters: dict[str, list[tuple[Place, Tally, Check, Any]]] = {}
        self._bodies: dict[str, _Field] = {}  # by the pointer to its schema
        self._tallies: dict[str, list[Tally]] = {}
        for operation in vendor.operations.values():
            self._compile(operation)

    def watch(self, exchange: Exchange) -> None:
        """Count an exchange."""
        operation = self._vendor.operations.get(exchange.operation or "")
        if operation is None:
            self.outside += 1
            return
        self._sent[operation.id] += 1
        self._statuses[operation.id, exchange.status] += 1
        for (_, tally, is_valid, schema), (_, texts) in zip(
            self._parameters[operation.id], self._requests.sent(operation, exchange), strict=True
        ):
            if texts:
                tally.count(is_valid=all(is_valid(coerce(schema, text)) for text in texts))
        if exchange.request_body:
            self._watch_body(operation, exchange)
        self.transitions.watch(operation, exchange)

    def _watch_body(self, operation: Operation, exchange: Exchange) -> None:
        found = self._requests.body(operation, exchange)
        if found is not None:
            self._bodies[found[0]].visit(found[2])
        elif whole := next((tally for tally in self._tallies[operation.id] if tally.name == _WHOLE), None):
            whole.count(is_valid=False)

    def told(self) -> dict[str, Any]:
        """The figures as `coverage` in report.json has them."""
        operations = [self._operation(operation) for operation in self._vendor.operations.values()]
        statuses = [status for each in operations for status in each["statuses"]]
        parameters = [parameter for each in operations for parameter in each["parameters"]]
        documented = [status for status in statuses if status["documented"]]
        return {
            "operations": _share(operations, lambda each: each["requests"]),
            "statuses": {
                **_share(documented, lambda each: each["seen"]),
                "undocumented": len(statuses) - len(documented),
            },
            "parameters": _share(parameters, lambda each: each["valid"]),
            "wrong_values": _share(
                [each for each in parameters if not each["takes_anything"]], lambda each: each["invalid"]
            ),
            "outside": self.outside,
            "by_operation": operations,
        }

    def _operation(self, operation: Operation) -> dict[str, Any]:
        return {
            "id": operation.id,
            "method": operation.method,
            "path": operation.path,
            "requests": self._sent[operation.id],
            "statuses": self._seen(operation),
            "parameters": [tally.told() for tally in self._tallies[operation.id]],
        }

    def _seen(self, operation: Operation) -> list[dict[str, Any]]:
        """The statuses that the document has, each with the answers that it covers, and those that nothing covers."""
        documented = [str(key).upper().replace("DEFAULT", "default") for key in operation.document.get("responses", {})]
        seen = dict.fromkeys(documented, 0)
        for (name, status), count in sorted(self._statuses.items()):
            if name == operation.id:
                covering = (str(status), f"{status // 100}XX", "default")
                key = next((each for each in covering if each in documented), str(status))
                seen[key] = seen.get(key, 0) + count
        return [{"status": key, "documented": key in documented, "seen": seen[key]} for key in sorted(seen)]

    def _compile(self, operation: Operation) -> None:
        parameters, tallies = self._parameters[operation.id], self._tallies[operation.id] = [], []
        for place in self._requests.parameters(operation):
            node = place.node
            if node["in"] not in _PLACES:
                continue
            schema = resolve(self._vendor.document, node.get("schema", {}))
            keys = (*keys_of(place.pointers[-1]), "schema")
            is_open = "schema" not in node or _takes_any_text(schema)
            is_required = bool(node.get("required"))
            tally = Tally(node["name"], node["in"], is_required, is_open)
            parameters.append((place, tally, _anything if is_open else self._check(keys), schema))
            if tally.name.lower() not in ("authorization", "content-type", "accept"):
                tallies.append(tally)
        known: dict[str, Tally] = {}
        body = self._requests.document.place("paths", operation.path, operation.method.lower(), "requestBody")
        for kind, media in (body.node.get("content", {}) if body else {}).items():
            if body and "schema" in media:
                pointer = body.pointers[-1] + escape("content", kind, "schema")
                whole = known.setdefault(_WHOLE, Tally(_WHOLE, "body", bool(body.node.get("required")), False))
                self._bodies[pointer] = self._grow(keys_of(pointer), whole, known, ())
        tallies.extend(known.values())

    def _grow(self, keys: tuple[str, ...], tally: Tally, known: dict[str, Tally], path: tuple[str, ...]) -> _Field:
        """The field at these keys of the document and what is below it; media of one operation share their tallies."""
        grown = _Field(tally, self._check(keys))
        if len(path) == _DEEPEST:
            return grown
        for name, (place, is_required, schema) in self._properties(keys).items():
            if schema.get("readOnly"):
                continue
            full = ".".join((*path, name))
            if full not in known:
                known[full] = Tally(full, "body", is_required, not set(schema) - _WORDS | {"type"} & set(schema))
            grown.below[name] = self._grow(place, known[full], known, (*path, name))
        return grown

    def _properties(self, keys: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], bool, Mapping[str, Any]]]:
        """The properties at these keys, in references, branches and items too: where, required or not, schema."""
        found: dict[str, tuple[tuple[str, ...], bool, Mapping[str, Any]]] = {}
        ahead, seen = [keys], set()
        while ahead:
            here = ahead.pop(0)
            node = self._vendor.document if not here else self._requests.document.at(escape(*here))
            if here in seen or not isinstance(node, Mapping):
                continue
            seen.add(here)
            if isinstance(reference := node.get("$ref"), str):
                ahead.append(keys_of(unquote(reference.removeprefix("#"))))
            for name, part in node.get("properties", {}).items():
                schema = resolve(self._vendor.document, part)
                is_required = name in node.get("required", ())
                found.setdefault(name, ((*here, "properties", name), is_required, schema))
            ahead.extend(_branches(here, node))
        return found

    def _check(self, keys: tuple[str, ...]) -> Check:
        validator = self._validators.compile(*keys, unseen="readOnly")

        def is_valid(value: Any) -> bool:
            try:
                return bool(validator.is_valid(value))
            except ValueError:  # what no JSON can hold, such as half of a surrogate pair
                return False

        return is_valid


def _share(entries: list[dict[str, Any]], is_reached: Callable[[dict[str, Any]], Any]) -> dict[str, int]:
    return {"reached": sum(bool(is_reached(each)) for each in entries), "total": len(entries)}


def _branches(here: tuple[str, ...], node: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for word in ("allOf", "anyOf", "oneOf"):
        for index in range(len(node.get(word, ()))):
            yield (*here, word, str(index))
    if isinstance(node.get("items"), Mapping):
        yield (*here, "items")


def _takes_any_text(schema: Any) -> bool:
    """Whether no text of a URL or header can be wrong."""
    return isinstance(schema, Mapping) and schema.get("type", "string") == "string" and not set(schema) - _WORDS


def _anything(value: Any) -> bool:
    return True
