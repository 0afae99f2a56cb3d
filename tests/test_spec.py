"""The document: references, the skeleton for Connexion, validators."""

from typing import Any

import pytest

from mockserver import spec
from mockserver.document import walk

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Toy", "version": "1"},
    "security": [{"key": ["read"]}],
    "paths": {
        "/notes/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {"operationId": "getNote", "responses": {}},
            "delete": {"operationId": "deleteNote", "security": [], "responses": {}},
        },
        "/notes/search": {"get": {"operationId": "search", "responses": {}}},
    },
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}},
        "schemas": {
            "Id": {"type": "string", "readOnly": True},
            "Note": {
                "type": "object",
                "required": ["id", "text", "secret"],
                "properties": {
                    "id": {"$ref": "#/components/schemas/Id"},
                    "text": {"type": "string", "format": "date"},
                    "secret": {"type": "string", "writeOnly": True},
                    "parent": {"$ref": "#/components/schemas/Note"},
                },
            },
        },
        "requestBodies": {"Note": {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/Note"}}}}},
        "responses": {"Note": {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/Note"}}}}},
    },
}


def test_pointer__unescapes() -> None:
    assert spec.pointer(DOCUMENT, "/paths/~1notes~1{id}/get/operationId") == "getNote"
    assert spec.pointer(DOCUMENT, "#/paths/~1notes~1%7Bid%7D/parameters/0/$ref").endswith("Id")


@pytest.mark.parametrize("text", ["paths", "/path", "/paths/~1notes~1{id}/parameters/1", "/info/title/x"])
def test_pointer__leads_nowhere(text: str) -> None:
    with pytest.raises(LookupError):
        spec.pointer(DOCUMENT, text)


@pytest.mark.parametrize("target", ["#/nowhere", "other.yaml", "#/a"])
def test_resolve__refuses(target: str) -> None:
    with pytest.raises(LookupError):
        spec.resolve({"a": {"$ref": "#/a"}}, {"$ref": target})


def test_skeleton__has_what_routing_needs_and_no_schema() -> None:
    skeleton = spec.skeleton(DOCUMENT)
    assert skeleton["openapi"] == "3.0.3"
    assert list(skeleton["paths"]) == ["/notes/search", "/notes/{id}"]
    assert skeleton["paths"]["/notes/{id}"]["get"] == {
        "operationId": "getNote",
        "responses": {"default": {"description": ""}},
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "security": [{"key": []}],
    }
    assert skeleton["paths"]["/notes/{id}"]["delete"]["security"] == []


def test_validators__check_formats_and_recursion() -> None:
    validator = spec.Validators(DOCUMENT).compile("components", "schemas", "Note")
    note = {"id": "1", "text": "2024-02-01", "secret": "s"}
    assert validator.is_valid({**note, "parent": note})
    assert not validator.is_valid({**note, "parent": {**note, "text": "2024-02-31"}})


@pytest.mark.parametrize(("part", "unseen"), [("requestBodies", "id"), ("responses", "secret")])
def test_validators__ask_for_no_field_that_the_message_lacks(part: str, unseen: str) -> None:
    note = {"id": "1", "text": "2024-02-01", "secret": "s"}
    validator = spec.Validators(DOCUMENT).compile("components", part, "Note", "content", "a/b", "schema")
    spared = [gone for gone in note if validator.is_valid({name: note[name] for name in note if name != gone})]
    assert spared == [unseen]


def test_walk__leaves_values_out_and_names_in() -> None:
    node = {
        "properties": {"example": {"type": "string"}, "default": {"example": {"$ref": "x"}}},
        "examples": [{"a": 1}],
    }
    assert [keys for keys, _ in walk(node)] == [(), ("properties", "example"), ("properties", "default")]
