"""Has a file of a vendor folder the form that its JSON Schema describes? Says what was expected where it has not."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import jsonschema_rs

from mockserver.document import nearest
from mockserver.yamlfile import Mistake, Source

_LONGEST = 200


def check(source: Source, name: str) -> tuple[list[Mistake], Any]:
    """Every place where a file departs from the schema `name`, and its content without those places."""
    schema = json.loads(files("mockserver").joinpath("schemas", f"{name}.json").read_bytes())
    content = json.loads(json.dumps(source.content))  # every key a text, which a validator needs
    mistakes: list[Mistake] = []
    kept = source.content
    for error in jsonschema_rs.Draft202012Validator(schema, validate_formats=True).iter_errors(content):
        mistakes.extend(_mistakes(source, schema, error))
        kept = _without(kept, list(error.instance_path), error.kind)
    return mistakes, kept


def _mistakes(source: Source, schema: Mapping[str, Any], error: jsonschema_rs.ValidationError) -> Iterator[Mistake]:
    place = tuple(error.instance_path)
    around: Any = schema
    for key in error.schema_path[:-1]:
        around = around[key]
    where = ".".join(str(key) for key in place) or "the file"
    kind = error.kind.as_dict()
    if error.kind.name == "additionalProperties":
        known = around.get("properties", {})
        for key in kind["unexpected"]:
            expected = nearest(key, known) or f" Expected one of {', '.join(known)}."
            yield source.mistake((*place, key), f"{where} has an unknown key {key!r}.{expected}")
    elif error.kind.name == "required":
        missing = around.get("properties", {}).get(kind["property"], {})
        yield source.mistake(place, f"{where} lacks the key {kind['property']!r}{_described(missing)}")
    elif error.kind.name == "propertyNames":
        key = kind["error"].instance
        yield source.mistake((*place, key), f"{where} has the key {key!r}{_described(around)}")
    elif error.kind.name == "enum":
        guess = nearest(error.instance, kind["options"])
        options = ", ".join(str(option) for option in kind["options"])
        yield source.mistake(place, f"{where} is {error.instance!r}; expected one of {options}.{guess}")
    else:
        value = json.dumps(error.instance, ensure_ascii=False)
        value = value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
        yield source.mistake(place, f"{where} is {value}{_described(around) or f'; {error.message}'}")


def _described(schema: Mapping[str, Any]) -> str:
    return f"; expected {schema['description']}" if "description" in schema else ""


def _without(node: Any, path: list[str | int], kind: Any) -> Any:
    """The content without what stands at a path, so that what is left can be read on."""
    if not path:
        unexpected = _unexpected(kind)
        if kind.name != "required" and not unexpected:
            return {}
        return {key: value for key, value in node.items() if str(key) not in unexpected}
    key, rest = path[0], path[1:]
    if isinstance(node, list):
        return [_without(item, rest, kind) if index == key else item for index, item in enumerate(node)]
    if not rest and kind.name != "required" and not _unexpected(kind):
        return {own: value for own, value in node.items() if str(own) != key}
    return {own: _without(value, rest, kind) if str(own) == key else value for own, value in node.items()}


def _unexpected(kind: Any) -> list[str]:
    """The keys of an object that must not be there; none if the trouble is another."""
    told = kind.as_dict()
    return [told["error"].instance] if kind.name == "propertyNames" else list(told.get("unexpected", ()))
