"""What the checks of a vendor folder share: its files, the names in them, and the fields that they show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver import spec
from mockserver.document import nearest
from mockserver.yamlfile import Mistake, Source

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Sources:
    """The four files that are read; None for one that is missing or unreadable."""

    openapi: Source | None
    behaviour: Source | None
    rules: Source | None
    seed: Source | None


@dataclass(frozen=True)
class Folder:
    """The contents, and the names in them that others refer to."""

    sources: Sources
    document: dict[str, Any]
    behaviour: Table
    seed: Table
    entries: Mapping[str, spec.Entry]
    rules: frozenset[str]

    def named(self, source: Source, keys: tuple[Any, ...], kind: str, word: Any, known: Any) -> Iterator[Mistake]:
        """A mistake if a word does not name one of those known; no word is no mistake."""
        if word is not None and word not in known:
            where = ".".join(map(str, keys))
            yield source.mistake(keys, f"{where}: there is no {kind} {word!r}.{nearest(word, known)}")

    def scopes(self, entry: spec.Entry) -> list[str]:
        """The scopes that an operation asks for."""
        return [
            scope
            for need in spec.security(self.document, entry.operation)
            for wanted in need.values()
            for scope in wanted
        ]

    def rule(self, source: Source, keys: tuple[Any, ...], word: Any) -> Iterator[Mistake]:
        if self.sources.rules is not None:
            yield from self.named(source, keys, "rule", word, self.rules)


def fields_of(folder: Folder, resource: Any) -> set[str]:
    """The fields that records of a resource are known to have: from answers, requests, the seed and its own table."""
    shown: set[str] = set()
    for record in folder.seed.get("records", {}).get(resource, []):
        shown |= set(record)
    for name, table in folder.behaviour.get("operations", {}).items():
        if table.get("resource") != resource or name not in folder.entries:
            continue
        response = folder.entries[name].operation.get("responses", {}).get(str(table.get("status", 200)))
        schema = schema_of(folder.document, response)
        for key in spec.place_of_record(table.get("envelope")):
            schema = properties_of(folder.document, schema).get(key) if key else _values(folder.document, schema)
        shown |= set(properties_of(folder.document, schema))
        shown |= set(table.get("accepts", {}).values()) | set(table.get("defaults", {}))
    own = folder.behaviour.get("resources", {}).get(resource, {})
    return shown and shown | {own[part] for part in ("key", "account", "created", "updated") if part in own}


def schema_of(document: dict[str, Any], node: Any) -> Any:
    """The schema of a request body or a response in JSON, or None."""
    try:
        content = spec.resolve(document, node or {}).get("content", {})
    except LookupError:  # told by document.check
        return None
    return content.get("application/json", {}).get("schema")


def _values(document: dict[str, Any], schema: Any) -> Any:
    """The schema of the values of a map."""
    found = spec.resolve(document, schema)
    return found.get("additionalProperties") if isinstance(found, Mapping) else None


def properties_of(document: dict[str, Any], schema: Any, seen: tuple[int, ...] = ()) -> dict[str, Any]:
    """The fields of an object, or of the items of a list, through `$ref` and combinations; empty when unknown."""
    try:
        schema = spec.resolve(document, schema)
    except LookupError:  # told by document.check
        return {}
    if not isinstance(schema, Mapping) or id(schema) in seen:
        return {}
    found = dict(schema.get("properties", {}))
    parts = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, [])]
    for part in [*parts, schema.get("items")]:
        found |= properties_of(document, part, (*seen, id(schema)))
    return found
