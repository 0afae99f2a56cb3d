"""Fields that a target answers and its document does not mention. Schemathesis lets them pass; a mock has none."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.spec import resolve


def find_undocumented(document: Mapping[str, Any], schema: Any, instance: Any) -> Iterator[str]:
    """The paths, such as `tasks.*.owner`, of fields that no part of the schema declares."""
    yield from _find(document, [schema], instance, ())


def _find(document: Mapping[str, Any], schemas: list[Any], instance: Any, path: tuple[str, ...]) -> Iterator[str]:
    parts = [part for schema in schemas for part in _parts(document, schema)]
    if isinstance(instance, list):
        items = [part["items"] for part in parts if "items" in part]
        for item in instance if items else ():
            yield from _find(document, items, item, (*path, "*"))
    if not isinstance(instance, Mapping) or not any("properties" in part for part in parts):
        return
    is_open = any("patternProperties" in part or part.get("additionalProperties", False) is not False for part in parts)
    for name, value in instance.items():
        declared = [part["properties"][name] for part in parts if name in part.get("properties", {})]
        if declared:
            yield from _find(document, declared, value, (*path, str(name)))
        elif not is_open:
            yield ".".join((*path, str(name)))


def _parts(document: Mapping[str, Any], schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and everything that it is put together from."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    if "$ref" in schema:
        yield from _parts(document, resolve(document, {"$ref": schema["$ref"]}))
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            yield from _parts(document, part)
    for keyword in ("then", "else"):
        if keyword in schema:
            yield from _parts(document, schema[keyword])
