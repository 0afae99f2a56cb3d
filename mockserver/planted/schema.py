"""What the documents promise of the records in answers: each field, its types and forms, and how sure the promise is.

Read from the document with all the room that a tenant has, so that what breaks it is wrong wherever it is judged.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver import spec
from mockserver.vendor import Operation, Vendor

_WAYS = ("anyOf", "oneOf")


@dataclass(frozen=True)
class Field:
    """A field of the records that an operation shows. `ways` are the schemas of which its value fits one."""

    name: str
    is_required: bool
    ways: tuple[Mapping[str, Any], ...]

    @property
    def types(self) -> frozenset[str]:
        found = (way.get("type", ()) for way in self.ways)
        return frozenset(name for one in found for name in ([one] if isinstance(one, str) else one))

    @property
    def is_nullable(self) -> bool:
        return "null" in self.types or not self.types

    def is_only(self, *names: str) -> bool:
        """Whether its values are of these types, null besides."""
        return bool(self.types - {"null"}) and self.types - {"null"} <= set(names)

    def word(self, key: str) -> Any:
        """What the schema says under a keyword, of a value that is not null."""
        return next((way[key] for way in self.ways if key in way), None)


class Promises:
    """What a vendor's documents say of the answers to each operation, and which rules of the ledger bind them."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self.document = _with_room(vendor)
        schema = [rule for rule in vendor.rules.values() if rule.judge == "schema"]
        sure = {pointer for rule in schema if rule.binding for pointer in rule.detail}
        self._loose = {pointer for rule in schema if not rule.binding for pointer in rule.detail} - sure
        self._sure = sure

    def response(self, operation: Operation, status: int) -> Mapping[str, Any] | None:
        """The response that is declared for a status, by number, by class or by default."""
        responses = self._operation(operation)["responses"]
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in responses:
                found: Mapping[str, Any] = spec.resolve(self.document, responses[key])
                return found
        return None

    def fields(self, operation: Operation) -> list[Field]:
        """The fields of the records that a success shows which a documented or published rule, or none, is about."""
        place = self._record(operation)
        if place is None or self._is_loose(place):
            return []
        node = spec.pointer(self.document, _pointer(place))
        required = node.get("required", [])
        return [
            Field(name, name in required and self._demands(place, required.index(name)), tuple(self._ways(part)))
            for name, part in node.get("properties", {}).items()
            if not self._is_loose((*place, "properties", name))
        ]

    def is_closed(self, operation: Operation) -> bool:
        """Whether the records of a success may have no other fields than those of the document."""
        place = self._record(operation)
        return place is not None and self._closes(place)

    def is_closed_outside(self, operation: Operation) -> bool:
        """Whether the envelope around the records of a success may have no other keys."""
        place = self._body(operation)
        return place is not None and place != self._record(operation) and self._closes(place)

    def keys(self, operation: Operation) -> list[str]:
        """The keys that the body of a success must have by more than an assumption."""
        place = self._body(operation)
        if place is None or self._is_loose(place):
            return []
        required = spec.pointer(self.document, _pointer(place)).get("required", [])
        return [name for number, name in enumerate(required) if self._demands(place, number)]

    def binds(self, *laws: str) -> bool:
        """Whether a documented or published rule is judged by one of these laws."""
        return any(
            rule.binding and rule.judge == "law" and rule.detail[0] in laws for rule in self._vendor.rules.values()
        )

    def _closes(self, place: tuple[str, ...]) -> bool:
        node = spec.pointer(self.document, _pointer(place))
        return node.get("additionalProperties") is False and not self._is_loose((*place, "additionalProperties"))

    def _operation(self, operation: Operation) -> Mapping[str, Any]:
        found: Mapping[str, Any] = spec.find(self.document, "paths", operation.path, operation.method.lower())
        return found

    def _body(self, operation: Operation) -> tuple[str, ...] | None:
        """Where the schema of a success's body stands, without any `$ref` on the way."""
        at = ("paths", operation.path, operation.method.lower(), "responses", str(operation.table.get("status", 200)))
        content = (spec.find(self.document, *at) or {}).get("content", {})
        kind = next(iter(content), None)
        return spec.locate(self.document, *at, "content", kind, "schema") if kind is not None else None

    def _record(self, operation: Operation) -> tuple[str, ...] | None:
        """Where the schema of the records in a success stands."""
        place = self._body(operation)
        if place is None or operation.table.get("answer") not in (None, "$record"):
            return None
        for key in spec.place_of_record(operation.table.get("envelope")):
            below = ("properties", key) if key else ("additionalProperties",)
            if spec.find(self.document, *place, *below) is None:
                return None
            place = spec.locate(self.document, *place, *below)
        if "items" in spec.pointer(self.document, _pointer(place)):
            place = spec.locate(self.document, *place, "items")
        return place if "properties" in spec.pointer(self.document, _pointer(place)) else None

    def _ways(self, schema: Any) -> Iterator[Mapping[str, Any]]:
        found = spec.resolve(self.document, schema)
        parts = [part for key in _WAYS for part in found.get(key, ())]
        for part in parts:
            yield from self._ways(part)
        if not parts:
            yield found

    def _is_loose(self, place: tuple[str, ...]) -> bool:
        """Whether only observed, inferred or assumed rules are about a place."""
        named = {_pointer(place), _pointer(spec.locate(self.document, *place))}
        below = {pointer for pointer in self._sure if any(pointer.startswith(one + "/") for one in named)}
        return bool(named & self._loose) and not named & self._sure and not below

    def _demands(self, place: tuple[str, ...], number: int) -> bool:
        """Whether the key of that number among those required is required by more than an assumption."""
        whole = _pointer((*place, "required"))
        own = f"{whole}/{number}"
        return own in self._sure or whole in self._sure or not {own, whole} & self._loose


def _pointer(place: Iterable[str]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in place)


def _with_room(vendor: Vendor) -> dict[str, Any]:
    room: Mapping[str, Any] = vendor.behaviour.get("room", {})
    if not room:
        return vendor.document
    document = copy.deepcopy(vendor.document)
    for pointer, value in room.items():
        path, _, last = pointer.rpartition("/")
        spec.pointer(document, path)[last.replace("~1", "/").replace("~0", "~")] = value
    return document
