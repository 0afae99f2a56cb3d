"""The vendor's OpenAPI document as a judge reads it: what an answer has to look like, and which places of the document
an instance touches on its way through a schema. Validates with a library that the mock does not use.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from contracts.findings import media_type, parsed
from mockserver.spec import resolve
from mockserver.vendor import Operation

_BASE = "urn:proofboard:document"
_MOST_VERDICTS = 50_000
Visit: TypeAlias = Callable[[str, Any, tuple[str, ...]], bool | None]  # true: nothing below is to be visited


@dataclass(frozen=True)
class Place:
    """A node of the document and the pointers that lead to it: its own, and those of what refers to it."""

    pointers: tuple[str, ...]
    node: Mapping[str, Any]


def escape(*keys: str) -> str:
    """A JSON pointer from keys."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def keys_of(pointer: str) -> tuple[str, ...]:
    """The keys that a JSON pointer is made of."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


class Document:
    """One OpenAPI 3.1 document. Fields flagged `unseen` may be missing: readOnly in requests, writeOnly in answers."""

    def __init__(self, content: Mapping[str, Any], *, unseen: str | None = None) -> None:
        self.content: Mapping[str, Any] = content if unseen is None else _without(content, unseen)
        content = self.content
        resource = Resource.from_contents(content, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_BASE, resource)
        self._resolver = self._registry.resolver(_BASE)
        self._validator: Any = extend(_Validator, {"$ref": self._reference})  # type: ignore[no-untyped-call]  # jsonschema types it not
        self._validators: dict[str, Any] = {}
        self._verdicts: dict[tuple[str, bytes], bool] = {}
        self._places: dict[tuple[str, ...], Place | None] = {}

    def place(self, *keys: str) -> Place | None:
        """The node at these keys, its references followed; None when it is not there."""
        if keys not in self._places:
            self._places[keys] = self._find(keys)
        return self._places[keys]

    def _find(self, keys: tuple[str, ...]) -> Place | None:
        node: Any = self.content
        for key in keys:
            if not isinstance(node, Mapping) or key not in node:
                return None
            node = node[key]
        pointers = [escape(*keys)]
        while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            pointers.append(unquote(node["$ref"].removeprefix("#")))
            node = self.at(pointers[-1])
        return Place(tuple(pointers), node) if isinstance(node, Mapping) else None

    def at(self, pointer: str) -> Any:
        """The node at a pointer; LookupError when it is not there."""
        node: Any = self.content
        for key in keys_of(pointer):
            node = node[int(key)] if isinstance(node, list) else node[key]
        return node

    def response(self, operation: Operation, status: int) -> Place | None:
        """What the document says of an answer with this status: its own number before its class before `default`."""
        base = ("paths", operation.path, operation.method.lower(), "responses")
        for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
            if place := self.place(*base, key):
                return place
        return None

    def media(self, place: Place, content_type: str | None) -> tuple[str, Any] | None:
        """Pointer and schema of a body of this type, the first JSON type where the type is not among them."""
        content: Mapping[str, Any] = place.node.get("content", {})
        kind = media_type(content_type)
        chosen = next((key for key in content if key.lower() == kind), None) or next(filter(is_json, content), None)
        if chosen is None or "schema" not in content[chosen]:
            return None
        return place.pointers[-1] + escape("content", chosen, "schema"), content[chosen]["schema"]

    def body(self, operation: Operation, kind: str = "application/json") -> tuple[str, Any] | None:
        """Pointer and schema of a request body of this media type; None when the operation takes none."""
        place = self.place("paths", operation.path, operation.method.lower(), "requestBody")
        if place is None or not (is_json(kind) or any(kind == key.lower() for key in place.node.get("content", {}))):
            return None
        media = self.media(place, kind)
        return media if media and (is_json(kind) or not is_json(_kind_of(media[0]))) else None

    def parameters(self, operation: Operation) -> Iterator[Place]:
        """The parameters of an operation and of its path, each with the pointers that lead to it."""
        own: tuple[str, ...] = ("paths", operation.path)
        for keys in (own, (*own, operation.method.lower())):
            place = self.place(*keys)
            for index, node in enumerate(place.node.get("parameters", ()) if place else ()):
                pointers = [escape(*keys, "parameters", str(index))]
                while isinstance(node.get("$ref"), str):
                    pointers.append(unquote(node["$ref"].removeprefix("#")))
                    node = self.at(pointers[-1])
                yield Place(tuple(pointers), node)

    def properties(self, schema: Any) -> Mapping[str, Mapping[str, Any]]:
        """The properties that an object schema names itself."""
        found = resolve(self.content, schema)
        properties = found.get("properties", {}) if isinstance(found, Mapping) else {}
        resolved = {name: resolve(self.content, part) for name, part in properties.items()}
        return {name: part for name, part in resolved.items() if isinstance(part, Mapping)}

    def errors(self, pointer: str, instance: Any) -> Iterator[ValidationError]:
        """What is wrong with an instance under the schema at a pointer."""
        validator = self._validators.get(pointer)
        if validator is None:
            validator = self._validators[pointer] = self.validator({"$ref": f"{_BASE}#{quote(pointer, safe='/~')}"})
        found: Iterator[ValidationError] = validator.iter_errors(instance)
        return found

    def is_valid(self, pointer: str, instance: Any) -> bool:
        """Whether an instance fits a schema. Lists show the same records many times, so the verdicts are kept."""
        known = (pointer, _digest(instance))
        if known not in self._verdicts:
            self._keep(known, next(self.errors(pointer, instance), None) is None)
        return self._verdicts[known]

    def _keep(self, known: tuple[str, bytes], verdict: bool) -> None:
        if len(self._verdicts) >= _MOST_VERDICTS:
            self._verdicts.clear()
        self._verdicts[known] = verdict

    def _reference(self, validator: Any, reference: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
        """What is wrong with an instance under a reference; what was found right before is not looked at again."""
        known = (unquote(reference.partition("#")[2]), _digest(instance))
        if self._verdicts.get(known):
            return
        found = False
        for error in validator.descend(instance, self.at(known[0]), resolver=self._resolver):
            found = True
            yield error
        if not found:
            self._keep(known, True)

    def validator(self, schema: Any) -> Any:
        """A validator for a schema that may refer to places of this document."""
        return self._validator(_absolute(schema), registry=self._registry, format_checker=_FORMATS)

    def walk(self, pointer: str, schema: Any, instance: Any, visit: Visit, path: tuple[str, ...] = ()) -> None:
        """Visit every schema that applies to the instance or to a part of it: pointer, part, path to the part."""
        if visit(pointer, instance, path) or not isinstance(schema, Mapping):
            return
        if isinstance(reference := schema.get("$ref"), str):
            target = unquote(reference.removeprefix("#"))
            self.walk(target, self.at(target), instance, visit, path)
        for index, part in enumerate(schema.get("allOf", ())):
            self.walk(f"{pointer}/allOf/{index}", part, instance, visit, path)
        for keyword in ("anyOf", "oneOf"):
            for place, part in self._branches(f"{pointer}/{keyword}", schema.get(keyword, ()), instance):
                self.walk(place, part, instance, visit, path)
        if "if" in schema:
            branch = "then" if self.is_valid(f"{pointer}/if", instance) else "else"
            if branch in schema:
                self.walk(f"{pointer}/{branch}", schema[branch], instance, visit, path)
        if isinstance(instance, Mapping):
            self._walk_object(pointer, schema, instance, visit, path)
        elif isinstance(instance, list):
            prefix = schema.get("prefixItems", [])
            for index, item in enumerate(instance):
                below = (*path, str(index))
                if index < len(prefix):
                    self.walk(f"{pointer}/prefixItems/{index}", prefix[index], item, visit, below)
                elif "items" in schema:
                    self.walk(f"{pointer}/items", schema["items"], item, visit, below)

    def _walk_object(self, pointer: str, schema: Any, instance: Any, visit: Visit, path: tuple[str, ...]) -> None:
        properties = schema.get("properties", {})
        for name, part in schema.get("dependentSchemas", {}).items():
            if name in instance:
                self.walk(pointer + escape("dependentSchemas", name), part, instance, visit, path)
        for name, value in instance.items():
            if "propertyNames" in schema:
                self.walk(f"{pointer}/propertyNames", schema["propertyNames"], name, visit, (*path, name))
            patterns = [each for each in schema.get("patternProperties", {}) if _expression(each).search(name)]
            for each in patterns:
                place = pointer + escape("patternProperties", each)
                self.walk(place, schema["patternProperties"][each], value, visit, (*path, name))
            if name in properties:
                self.walk(pointer + escape("properties", name), properties[name], value, visit, (*path, name))
            elif not patterns and isinstance(schema.get("additionalProperties"), Mapping):
                self.walk(
                    f"{pointer}/additionalProperties", schema["additionalProperties"], value, visit, (*path, name)
                )

    def _branches(self, pointer: str, branches: Any, instance: Any) -> list[tuple[str, Any]]:
        """The alternatives that an instance fits; where it fits none, those of its own type."""
        places = [(f"{pointer}/{index}", branch) for index, branch in enumerate(branches)]
        fitting = [(place, branch) for place, branch in places if self.is_valid(place, instance)]
        return fitting or [(place, branch) for place, branch in places if self._has_type(branch, instance)]

    def _has_type(self, branch: Any, instance: Any) -> bool:
        schema = resolve(self.content, branch)
        kinds = schema.get("type") if isinstance(schema, Mapping) else None
        kinds = [kinds] if isinstance(kinds, str) else kinds or []
        return any(_Validator.TYPE_CHECKER.is_type(instance, kind) for kind in kinds)

    def parameter(self, parameter: Mapping[str, Any], text: str) -> bool:
        """Whether the text of a path, query or header parameter, or of a header, fits its schema."""
        schema = parameter.get("schema", {})
        return bool(self.validator(schema).is_valid(coerce(resolve(self.content, schema), text)))


def _digest(instance: Any) -> bytes:
    return hashlib.blake2b(json.dumps(instance).encode(), digest_size=16).digest()


def _kind_of(pointer: str) -> str:
    """The media type in a pointer to the schema of a body."""
    return keys_of(pointer.rpartition("/schema")[0])[-1]


def is_json(content_type: str) -> bool:
    """Whether a media type carries JSON."""
    kind = media_type(content_type)
    return kind == "application/json" or kind.endswith("+json")


def parse(body: bytes) -> Any:
    """JSON as RFC 8259 has it: no NaN, no Infinity. ValueError when it is not JSON."""
    return parsed(body, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def coerce(schema: Any, text: str) -> Any:
    """The value that a text means where the schema wants no text; the text itself where it means none."""
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if "string" in kinds:
        return text
    if "integer" in kinds and re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if "number" in kinds and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text):
        return float(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    if "array" in kinds:
        return [coerce(schema.get("items", {}), part.strip()) for part in text.split(",")]
    return text


def _without(node: Any, flag: str) -> Any:
    """A copy in which no object requires a field that carries the flag."""
    if isinstance(node, list):
        return [_without(item, flag) for item in node]
    if not isinstance(node, Mapping):
        return node
    copy = {key: _without(value, flag) for key, value in node.items()}
    required, properties = copy.get("required"), copy.get("properties")
    if isinstance(required, list) and isinstance(properties, dict):
        flagged = {name for name, part in properties.items() if isinstance(part, dict) and part.get(flag) is True}
        copy["required"] = [name for name in required if name not in flagged]
    return copy


def _absolute(node: Any) -> Any:
    """A copy of a schema whose references lead into the document from anywhere."""
    if isinstance(node, list):
        return [_absolute(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: f"{_BASE}{value}"
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else _absolute(value)
        for key, value in node.items()
    }


@lru_cache(maxsize=512)
def _expression(pattern: str) -> re.Pattern[str]:
    # `$` ends the text in JSON Schema; in Python it also fits before a last line feed.
    return re.compile(re.sub(r"(?<!\\)\$(?=$|\))", r"\\Z", pattern))


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _expression(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # jsonschema types it not
_FORMATS = FormatChecker(formats=())
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _format(name: str, *errors: type[Exception]) -> Callable[[Callable[[str], bool]], Callable[[str], bool]]:
    def register(check: Callable[[str], bool]) -> Callable[[str], bool]:
        _FORMATS.checks(name, raises=errors or ())(lambda value: not isinstance(value, str) or check(value))
        return check

    return register


for _name, _bits in (("int32", 31), ("int64", 63)):
    _FORMATS.checks(_name)(
        lambda value, most=1 << _bits: not isinstance(value, int) or isinstance(value, bool) or -most <= value < most
    )


@_format("date-time", ValueError)
def _is_date_time(text: str) -> bool:
    return _RFC3339.fullmatch(text) is not None and bool(datetime.fromisoformat(text.upper().replace(":60", ":59")))


@_format("date", ValueError)
def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None and bool(date.fromisoformat(text))


@_format("uuid", ValueError)
def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None and bool(
        uuid.UUID(text)
    )


@_format("email")
def _is_email(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


@_format("uri", ValueError)
def _is_uri(text: str) -> bool:
    return bool(urlsplit(text).scheme) and not re.search(r"\s", text)


@_format("ipv4", ValueError)
def _is_ipv4(text: str) -> bool:
    return bool(IPv4Address(text).packed)


@_format("ipv6", ValueError)
def _is_ipv6(text: str) -> bool:
    return bool(IPv6Address(text).packed)
