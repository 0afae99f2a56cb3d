"""OpenAPI 3.1 in; the 3.0 document that Connexion routes by, and compiled validators, out.

Knows the document only, nothing of behaviour or of rules. Whether the document is sound is asked in `document.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

import jsonschema_rs

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

Node: TypeAlias = dict[str, Any]


class Entry(NamedTuple):
    """One operation where it stands in the document."""

    path: str
    method: str
    item: Mapping[str, Any]
    operation: Mapping[str, Any]


def pointer(document: Any, text: str) -> Any:
    """The node at a JSON pointer, with or without a leading `#`; LookupError names the part that is not there."""
    if text.startswith("#"):
        text = unquote(text[1:])
    if text and not text.startswith("/"):
        raise LookupError(f"{text!r} is not a JSON pointer: it must begin with /")
    node = document
    for part in text.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            raise LookupError(f"{text}: there is no {key!r}")
    return node


def resolve(document: Any, node: Any) -> Any:
    """The node itself, or what its `$ref` leads to; LookupError when that leads nowhere or in a circle."""
    seen: list[str] = []
    while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
        target = node["$ref"]
        if target in seen:
            raise LookupError(f"{target} refers to itself")
        if not target.startswith("#"):
            raise LookupError(f"{target} is outside the document")
        seen.append(target)
        node = pointer(document, target)
    return node


def operations(document: Mapping[str, Any]) -> Iterator[Entry]:
    """Every operation of the document, in its order."""
    for path, item in document["paths"].items():
        item = resolve(document, item)
        for method in item:
            if method in METHODS:
                yield Entry(path, method, item, item[method])


def parameters(document: Mapping[str, Any], entry: Entry) -> tuple[Node, ...]:
    """The parameters of an operation, those of its path included; its own win over the path's of the same name."""
    merged: dict[tuple[str, str], Node] = {}
    for declared in [*entry.item.get("parameters", []), *entry.operation.get("parameters", [])]:
        parameter = resolve(document, declared)
        merged[parameter["name"], parameter["in"]] = parameter
    return tuple(merged.values())


def place_of_record(envelope: Any) -> tuple[str, ...]:
    """The keys that lead from an answer's schema to a record's; empty for a map whose keys are ids."""
    if isinstance(envelope, str):
        return (envelope,)
    if not isinstance(envelope, Mapping):
        return ()
    if "by_id" in envelope:
        return (envelope["by_id"], "")
    for key, part in envelope.items():
        if part == "$record":
            return (key,)
        if isinstance(part, Mapping) and (below := place_of_record(part)):
            return (key, *below)
    return ()


def security(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[dict[str, list[str]]]:
    """What an operation asks of a caller; its own word replaces the document's."""
    effective: list[dict[str, list[str]]] = operation.get("security", document.get("security", []))
    return effective


def skeleton(document: Mapping[str, Any]) -> Node:
    """The 3.0 document that Connexion routes and authenticates by: paths, names and security, no schema at all.

    Path parameters are all text, or Connexion would answer an integer that is none with its own 404. Scopes are left
    out: the engine judges them, in the vendor's order of checks.
    """
    paths: dict[str, Node] = {path: {} for path in sorted(document["paths"], key=_rank)}
    for entry in operations(document):
        paths[entry.path][entry.method] = {
            "operationId": entry.operation["operationId"],
            "responses": {"default": {"description": ""}},
            "parameters": [
                {"name": parameter["name"], "in": "path", "required": True, "schema": {"type": "string"}}
                for parameter in parameters(document, entry)
                if parameter["in"] == "path"
            ],
            "security": [{name: [] for name in need} for need in security(document, entry.operation)],
        }
    schemes = document.get("components", {}).get("securitySchemes", {})
    return {
        "openapi": "3.0.3",
        "info": {"title": document["info"]["title"], "version": str(document["info"]["version"])},
        "paths": paths,
        "components": {"securitySchemes": {name: resolve(document, scheme) for name, scheme in schemes.items()}},
    }


def _rank(path: str) -> list[tuple[bool, int]]:
    """Literal segments before templated ones: Connexion takes the first path that fits, in the order given."""
    return [("{" in segment, segment.count("{")) for segment in path.strip("/").split("/")]


class Validators:
    """Compiled validators of places in one document.

    `unseen` is the flag whose fields a message lacks: `readOnly` in a request, `writeOnly` in a response. Without
    it, a place below `requestBody` is taken for a request, one below `responses` for a response.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._registries: dict[str | None, jsonschema_rs.Registry] = {}

    def compile(self, *keys: str, unseen: str | None = None) -> jsonschema_rs.Draft202012Validator:
        """The validator for the schema at these keys of the document."""
        if unseen is None:
            in_request = "requestBody" in keys or "requestBodies" in keys
            unseen = "readOnly" if in_request else "writeOnly" if "responses" in keys else None
        path = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
        reference = {"$ref": "urn:document#" + quote(path, safe="/~")}
        return jsonschema_rs.Draft202012Validator(reference, registry=self._registry(unseen), validate_formats=True)

    def _registry(self, unseen: str | None) -> jsonschema_rs.Registry:
        if unseen not in self._registries:
            content: Any = self._document if unseen is None else self._view(self._document, unseen)
            self._registries[unseen] = jsonschema_rs.Registry(
                [("urn:document", content)], draft=jsonschema_rs.Draft202012
            )
        return self._registries[unseen]

    def _view(self, node: Any, unseen: str) -> Any:
        """A copy in which no object requires a field that carries the flag."""
        if isinstance(node, list):
            return [self._view(item, unseen) for item in node]
        if not isinstance(node, Mapping):
            return node
        copy = {key: self._view(value, unseen) for key, value in node.items()}
        required, properties = copy.get("required"), copy.get("properties")
        if isinstance(required, list) and isinstance(properties, dict):
            copy["required"] = [name for name in required if not self._is_flagged(properties.get(name), unseen)]
        return copy

    def _is_flagged(self, schema: Any, flag: str) -> bool:
        behind = resolve(self._document, schema)
        return any(isinstance(node, Mapping) and node.get(flag) is True for node in (schema, behind))


def find(document: Any, *keys: str) -> Any:
    """The node at these keys, following a `$ref` at every step; None when there is none."""
    node = document
    for key in keys:
        node = resolve(document, node)
        if isinstance(node, list):
            node = node[int(key)] if int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, Mapping) else None
        if node is None:
            return None
    return resolve(document, node)


def locate(document: Any, *keys: str) -> tuple[str, ...]:
    """Where the node at these keys really stands: the keys without any `$ref` on the way."""
    place: tuple[str, ...] = ()
    for key in keys:
        place = (*place, key)
        node = pointer(document, _join(place))
        while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            place = tuple(part.replace("~1", "/").replace("~0", "~") for part in unquote(node["$ref"][2:]).split("/"))
            node = pointer(document, _join(place))
    return place


def _join(keys: tuple[str, ...]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
