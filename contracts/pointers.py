"""The JSON pointers by which the ledger says where a rule stands in the document, sorted by how each is judged."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from contracts.document import Document, escape

Kind: TypeAlias = Literal["schema", "keyword", "response", "header", "operation", "parameter", "unknown"]

_MOST_REFERENCES = 20  # of a schema to another, one after the other
_NAMED = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "then", "else", "propertyNames", "additionalProperties")
_TOGETHER = {  # what a keyword means depends on these beside it; only the names of the latter count
    "additionalProperties": ("properties", "patternProperties"),
    "if": ("then", "else"),
    "contains": ("minContains", "maxContains"),
}
_PARAMETER = re.compile(r"/components/parameters/[^/]+|/paths/[^/]+(?:/[a-z]+)?/parameters/[0-9]+")
_ENTRY = re.compile(
    rf"/components/schemas/[^/]+|.*?/content/[^/]+/schema|(?:/components/headers/[^/]+|{_PARAMETER.pattern})/schema"
)
_RESPONSE = re.compile(r"/paths/[^/]+/[a-z]+/responses/[^/]+|/components/responses/[^/]+")
_HEADER = re.compile(r"/components/headers/[^/]+|.*/responses/[^/]+/headers/[^/]+")
_OPERATION = re.compile(r"/paths/[^/]+/[a-z]+")

# A keyword says nothing of an instance of another type, so such an instance does not exercise it.
_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("pattern", "minLength", "maxLength", "format"), str),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), (int, float)),
    **dict.fromkeys(("required", "properties", "additionalProperties", "minProperties", "maxProperties"), dict),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), list),
}
_LARGEST = ("maxLength", "maximum", "maxItems")


@dataclass(frozen=True)
class Check:
    """One pointer of one rule, ready to look at instances that reach `place`."""

    rule: str
    operations: frozenset[str]
    pointer: str
    kind: Kind
    place: str
    applies: Callable[[Any], bool]
    trouble: Callable[[Any], str | None]
    is_edge: Callable[[Any], bool]  # whether an instance is as large as the keyword just allows


def make(
    document: Document,
    rule: str,
    operations: frozenset[str],
    pointer: str,
    spared: Collection[str] = (),
    claimed: Collection[str] = (),
) -> Check:
    """How a pointer is judged. A rule about a whole schema has nothing to say of the keywords that are spared.

    Nor has it of the keys that a schema within it has to have, where these are `claimed` by a rule about them.
    """
    kind, place = _classify(document, pointer)
    applies: Callable[[Any], bool] = _always
    trouble: Callable[[Any], str | None] = _nothing
    is_edge: Callable[[Any], bool] = _never
    if kind == "schema":
        trouble = _schema_trouble(document, pointer, spared, claimed)
    elif kind == "keyword":
        keyword = pointer[len(place) + 1 :]
        applies = partial(_has_type, _TYPES.get(keyword.partition("/")[0]))
        trouble = _keyword_trouble(document, place, keyword)
        is_edge = partial(_is_edge, keyword, document.at(pointer)) if keyword in _LARGEST else _never
    return Check(rule, operations, pointer, kind, place, applies, trouble, is_edge)


def _classify(document: Document, pointer: str) -> tuple[Kind, str]:
    """Its kind, and the schema that an instance has to reach."""
    if entry := _ENTRY.match(pointer):
        return _below_schema(document, entry[0], pointer[entry.end() :])
    kinds = (("header", _HEADER), ("response", _RESPONSE), ("parameter", _PARAMETER), ("operation", _OPERATION))
    for kind, expression in kinds:
        if expression.fullmatch(pointer):
            return kind, pointer  # type: ignore[return-value]
    return "unknown", pointer


def _below_schema(document: Document, place: str, rest: str) -> tuple[Kind, str]:
    keys = rest.split("/")[1:]
    while keys:
        take = 2 if keys[0] in _NAMED + _LISTED and len(keys) > 1 else 1
        is_schema = take == 2 or (keys[0] in _SINGLE and isinstance(document.at(f"{place}/{keys[0]}"), Mapping))
        if not is_schema:
            is_one_of_required = keys[0] == "required" and len(keys) == 2
            return ("keyword", place) if len(keys) == 1 or is_one_of_required else ("unknown", place)
        place += "/" + "/".join(keys[:take])
        keys = keys[take:]
    return "schema", place


def _schema_trouble(
    document: Document, pointer: str, spared: Collection[str], claimed: Collection[str]
) -> Callable[[Any], str | None]:
    home = _target(document, pointer)
    inner = {name for name in claimed if name.rpartition("/")[0] != f"{home}/required"}
    passed_over = inner.union(spared)

    def trouble(instance: Any) -> str | None:
        errors = document.errors(pointer, instance)
        error = next((each for each in errors if not _is_spared(document, pointer, each, passed_over)), None)
        return _told(error) if error else None

    return trouble


def _target(document: Document, pointer: str) -> str:
    """Where the schema of a pointer stands, behind its references."""
    for _ in range(_MOST_REFERENCES):
        here = document.at(pointer)
        if not (isinstance(here, Mapping) and isinstance(here.get("$ref"), str)):
            break
        pointer = here["$ref"].removeprefix("#")
    return pointer


def _is_spared(document: Document, pointer: str, error: Any, spared: Collection[str]) -> bool:
    """Whether the keyword behind a validation error is spared; of `required` the name that is missing counts."""
    if not spared:
        return False
    error = _innermost(error)
    place = pointer
    for key in error.absolute_schema_path:
        here = document.at(place)
        while isinstance(here, Mapping) and key not in here and "$ref" in here:  # of a reference the path need not tell
            place = here["$ref"].removeprefix("#")
            here = document.at(place)
        if key == "$ref":
            place = here["$ref"].removeprefix("#")
        else:
            place += escape(str(key))
    if error.validator == "required":
        for number, name in enumerate(error.validator_value):
            if name not in error.instance and f"{place}/{number}" not in spared:
                return False
        return True
    return place in spared


def _keyword_trouble(document: Document, place: str, keyword: str) -> Callable[[Any], str | None]:
    """What is wrong by one keyword alone; `required/N` is the Nth name of the required ones."""
    schema = document.at(place)
    keyword, _, index = keyword.partition("/")
    alone: dict[str, Any] = {keyword: [schema[keyword][int(index)]] if index else schema[keyword]}
    for beside in _TOGETHER.get(keyword, ()):
        if beside in schema:
            is_named = keyword == "additionalProperties"
            alone[beside] = dict.fromkeys(schema[beside], True) if is_named else schema[beside]
    validator = document.validator(alone)

    def trouble(instance: Any) -> str | None:
        error = next(validator.iter_errors(instance), None)
        return _told(error) if error else None

    return trouble


def _told(error: Any) -> str:
    """The innermost reason of a validation error, and where it stands."""
    error = _innermost(error)
    place = ".".join(str(part) for part in error.absolute_path)
    message = error.message if len(error.message) <= 160 else error.message[:159] + "…"
    return f"{place}: {message}" if place else str(message)


def _innermost(error: Any) -> Any:
    while error.context:
        error = min(error.context, key=lambda each: (-len(each.path), str(each.validator)))
    return error


def _has_type(kinds: type | tuple[type, ...] | None, instance: Any) -> bool:
    return kinds is None or (isinstance(instance, kinds) and not (kinds == (int, float) and isinstance(instance, bool)))


def _always(instance: Any) -> bool:
    return True


def _never(instance: Any) -> bool:
    return False


def _is_edge(keyword: str, limit: Any, instance: Any) -> bool:
    if isinstance(instance, bool):
        return False
    return bool((instance if keyword == "maximum" else len(instance)) == limit)


def _nothing(instance: Any) -> str | None:
    return None
