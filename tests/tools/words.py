"""The words of behaviour.yaml as tables for CONTRIBUTING.md: what the schema says, an example, and who uses each."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from mockserver.vendor import Vendor, load, shipped
from tests.tools.serving import ROOT

SCHEMA = json.loads((ROOT / "mockserver/schemas/behaviour.json").read_text(encoding="utf-8"))
LONGEST = 88  # characters of an example; where none is as short, the vendor's file is a better one


class Room(NamedTuple):
    """A kind of table in behaviour.yaml: its words by the schema, and where vendors have such tables."""

    words: Mapping[str, Any]
    tables: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]


def _named(key: str) -> Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]:
    return lambda behaviour: behaviour.get(key, {}).values()


_PROPERTIES = SCHEMA["properties"]
ROOMS = {
    "words": Room(_PROPERTIES, lambda behaviour: [behaviour]),
    "words of credentials": Room(
        _PROPERTIES["credentials"]["properties"], lambda behaviour: [behaviour["credentials"]]
    ),
    "words of a quota": Room(_PROPERTIES["quotas"]["additionalProperties"]["properties"], _named("quotas")),
    "words of a resource": Room(_PROPERTIES["resources"]["additionalProperties"]["properties"], _named("resources")),
    "words of an operation": Room(SCHEMA["$defs"]["operation"]["properties"], _named("operations")),
    "words of a sample": Room(_PROPERTIES["samples"]["additionalProperties"]["properties"], _named("samples")),
    "words of a request": Room(_PROPERTIES["requests"]["additionalProperties"]["properties"], _named("requests")),
    "words of webhooks": Room(
        _PROPERTIES["webhooks"]["properties"],
        lambda behaviour: [behaviour["webhooks"]] if "webhooks" in behaviour else [],
    ),
    "words of a filter": Room(
        SCHEMA["$defs"]["filter"]["properties"],
        lambda behaviour: [one["filter"] for one in behaviour["operations"].values() if "filter" in one],
    ),
}


def rows(room: str) -> list[tuple[str, str, str, str]]:
    """Word, meaning, the shortest example, and the vendors that use it."""
    found = ROOMS[room]
    vendors = [load(name) for name in shipped()]
    made = []
    for word, schema in found.words.items():
        used = [(vendor, value) for vendor in vendors for value in _values(found, vendor, word)]
        names = list(dict.fromkeys(vendor.title for vendor, _ in used))
        examples = sorted((_flow({word: value}) for _, value in used), key=len)
        example = f"`{examples[0]}`" if examples and len(examples[0]) <= LONGEST else ""
        who = "all" if len(names) == len(vendors) else ", ".join(names) or "none that ships"
        made.append((f"`{word}`", _meaning(schema), example, who))
    return made


def _values(room: Room, vendor: Vendor, word: str) -> Iterator[Any]:
    return (table[word] for table in room.tables(vendor.behaviour) if word in table)


def _meaning(schema: Mapping[str, Any]) -> str:
    inner = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    words: str = schema.get("description") or inner.get("description") or ""
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    if not choices or all(str(choice) in words for choice in choices):
        return words
    return f"{words}: {', '.join(map(str, choices))}"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return text.strip()[1:-1]
