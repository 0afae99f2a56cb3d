"""Is an OpenAPI document sound enough to be served and judged by? Every mistake is told, none is raised.

Light on purpose: it looks for what would break routing, security, validation or the harness later, and leaves style to
a linter.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import jsonschema_rs

from mockserver import spec
from mockserver.yamlfile import Mistake, Source

Keys = tuple[str, ...]

_META = "https://json-schema.org/draft/2020-12/schema"
# Declared one by one: the harness takes each undeclared status for a finding, and `default` silences it altogether.
_REFUSALS = ("400", "401", "404")
# Below these keys names are the author's own, so that a field called `default` or `example` is still a schema.
_NAMED = {
    "properties", "patternProperties", "$defs", "responses", "schemas", "headers", "examples", "parameters", "links",
    "paths", "webhooks", "content", "requestBodies", "callbacks", "securitySchemes", "pathItems", "encoding",
    "dependentSchemas",
}  # fmt: skip
# What stands below these is a value, in which `$ref` and `format` mean nothing.
_VALUES = {"example", "default", "const", "enum", "value"}


def walk(node: Any, keys: Keys = (), *, named: bool = False) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """Every object of the document with its keys; examples and other values, and maps of names, are left out."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from walk(item, (*keys, str(index)))
    elif isinstance(node, dict):
        if not named:
            yield keys, node
        for key, value in node.items():
            is_value = not named and (key in _VALUES or (key == "examples" and isinstance(value, list)))
            if not is_value and isinstance(value, dict | list):
                yield from walk(value, (*keys, key), named=not named and key in _NAMED)


def references(source: Source) -> Iterator[Mistake]:
    """Every `$ref` that leads nowhere; until there is none, nothing else can be asked of a document."""
    for keys, node in walk(source.content):
        target = node.get("$ref")
        if not isinstance(target, str):
            continue
        try:
            found = spec.resolve(source.content, node)
        except LookupError as error:
            yield source.mistake((*keys, "$ref"), f"the $ref {target!r} leads nowhere: {error.args[0]}")
        else:
            if not isinstance(found, dict | bool):
                yield source.mistake((*keys, "$ref"), f"the $ref {target!r} leads to {found!r:.40}, which is no object")


def check(source: Source, *, thorough: bool = False, unoffered: str | None = "405") -> Iterator[Mistake]:
    """What is wrong with a document of the right outline; `thorough` holds each example against its schema too.

    `unoffered` is the status of a method that a path does not offer, None where nothing tells it.
    """
    document = source.content
    refusals = dict.fromkeys((*_REFUSALS, *([unoffered] if unoffered else [])))
    troubles = [*_operations(document, refusals), *_paths(document), *_schemes(document), *_schemas(document)]
    if not troubles and thorough:
        troubles = list(_examples(document))
    for keys, message in troubles:
        yield source.mistake(keys, message)


def nearest(word: object, known: Any) -> str:
    """` Did you mean …?` for a word that resembles one of those known, or nothing."""
    found = get_close_matches(str(word), [str(name) for name in known], n=1)
    return f" Did you mean {found[0]!r}?" if found else ""


Troubles = Iterator[tuple[Keys, str]]


def _operations(document: dict[str, Any], refusals: Iterable[str]) -> Troubles:
    entries = list(spec.operations(document))
    ids = Counter(entry.operation["operationId"] for entry in entries)
    for entry in entries:
        keys = ("paths", entry.path, entry.method)
        place = f"{entry.method.upper()} {entry.path}"
        name = entry.operation["operationId"]
        if ids[name] > 1:
            yield (*keys, "operationId"), f"the operationId {name!r} is used {ids[name]} times; it must be unique"
        yield from _responses(document, entry, keys, refusals)
        yield from _parameters(document, entry, keys, place)
        yield from _needs(document, entry, keys, place)


def _responses(document: dict[str, Any], entry: spec.Entry, keys: Keys, refusals: Iterable[str]) -> Troubles:
    place = f"{entry.method.upper()} {entry.path}"
    responses = entry.operation["responses"]
    for status, response in responses.items():
        if "description" not in spec.resolve(document, response):
            yield (*keys, "responses", status), f"the response {status} of {place} has no description"
    is_open = not any(spec.security(document, entry.operation))
    missing = [status for status in refusals if status not in responses and not (is_open and status == "401")]
    if missing:
        yield (*keys, "responses"), f"{place} does not declare {', '.join(missing)}; each must stand by its number"


def _parameters(document: dict[str, Any], entry: spec.Entry, keys: Keys, place: str) -> Troubles:
    in_path = set()
    for owner, where in ((entry.item, keys[:-1]), (entry.operation, keys)):
        seen = set()
        for index, declared in enumerate(owner.get("parameters", [])):
            at = (*where, "parameters", str(index))
            parameter = spec.resolve(document, declared)
            name, kind = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or kind not in ("path", "query", "header", "cookie"):
                yield at, f"a parameter of {place} needs a name, and `in` as one of path, query, header, cookie"
                continue
            if (name, kind) in seen:
                yield at, f"the {kind} parameter {name!r} stands twice at {place}"
            seen.add((name, kind))
            if ("schema" in parameter) == ("content" in parameter):
                yield at, f"the {kind} parameter {name!r} of {place} needs either a schema or a content"
            if kind == "path":
                in_path.add(name)
                if parameter.get("required") is not True:
                    yield at, f"the path parameter {name!r} of {place} must have `required: true`"
    template = re.findall(r"\{([^}]*)\}", entry.path)
    for name in sorted(set(template) - in_path):
        yield keys, f"{place} does not describe its path parameter {name!r}.{nearest(name, in_path)}"
    for name in sorted(in_path - set(template)):
        yield keys, f"{place} describes a path parameter {name!r} that its path does not have.{nearest(name, template)}"


def _needs(document: dict[str, Any], entry: spec.Entry, keys: Keys, place: str) -> Troubles:
    schemes = document.get("components", {}).get("securitySchemes", {})
    at = (*keys, "security") if "security" in entry.operation else ("security",)
    for need in spec.security(document, entry.operation):
        for name in need:
            if name not in schemes:
                yield at, f"{place} asks for an unknown security scheme {name!r}.{nearest(name, schemes)}"


def _paths(document: dict[str, Any]) -> Troubles:
    first: dict[tuple[str, str], str] = {}
    for entry in spec.operations(document):
        shape = re.sub(r"\{[^}]*\}", "{}", entry.path)
        other = first.setdefault((shape, entry.method), entry.path)
        if other != entry.path:
            keys = ("paths", entry.path, entry.method)
            yield keys, f"{entry.method.upper()} {entry.path} cannot be told from {other}"


def _schemes(document: dict[str, Any]) -> Troubles:
    for name, declared in document.get("components", {}).get("securitySchemes", {}).items():
        scheme = spec.resolve(document, declared)
        if not _is_read(scheme):
            yield (
                ("components", "securitySchemes", name),
                f"the security scheme {name!r} is of a kind that is not read here; "
                "expected http bearer, http basic, apiKey with name and in, or oauth2 with flows",
            )


def _is_read(scheme: Mapping[str, Any]) -> bool:
    kind = scheme.get("type")
    if kind == "apiKey":
        return scheme.get("in") in ("header", "query", "cookie") and isinstance(scheme.get("name"), str)
    if kind == "http":
        return str(scheme.get("scheme")).lower() in ("bearer", "basic")
    return kind == "oauth2" and isinstance(scheme.get("flows"), dict)


def _schemas(document: dict[str, Any]) -> Troubles:
    meta = jsonschema_rs.Draft202012Validator({"$ref": _META}, validate_formats=True)
    places = [((*keys, "schema"), node["schema"]) for keys, node in walk(document) if "schema" in node]
    named = document.get("components", {}).get("schemas", {})
    for keys, schema in [*places, *((("components", "schemas", name), schema) for name, schema in named.items())]:
        for error in meta.iter_errors(schema):
            value = str(error.instance)[:80]
            yield (*keys, *map(str, error.instance_path)), f"this is no JSON Schema: {value!r} cannot stand here"
    for keys, node in walk(document):
        kinds, form = node.get("type"), node.get("format")
        if isinstance(kinds, list) and "null" in kinds and isinstance(form, str):
            yield (
                (*keys, "type"),
                f"null and the format {form!r} in one schema, where the harness takes an empty text for valid; "
                f"write anyOf: [{{type: …, format: {form}}}, {{type: 'null'}}]",
            )


def _examples(document: dict[str, Any]) -> Troubles:
    validators = spec.Validators(document)
    for keys, node in walk(document):
        at = (*keys, "schema") if "schema" in node else keys
        if not ("example" in node or "examples" in node) or keys == ("components",):
            continue
        try:
            validator = validators.compile(*at)
        except ValueError as error:
            yield at, f"the schema cannot be compiled: {error}"
            continue
        for name, value in _values(document, node):
            for breach in validator.iter_errors(value):
                field = "".join(f"{part}: " for part in breach.instance_path[-1:])
                yield (*keys, *name), f"the example does not fit its schema: {field}{breach.message}"


def _values(document: dict[str, Any], node: Mapping[str, Any]) -> Iterator[tuple[Keys, Any]]:
    if "example" in node:
        yield ("example",), node["example"]
    examples = node.get("examples", {})
    if isinstance(examples, list):
        yield from ((("examples", str(index)), value) for index, value in enumerate(examples))
        return
    for name, declared in examples.items():
        example = spec.resolve(document, declared)
        if "value" in example:
            yield ("examples", name), example["value"]
