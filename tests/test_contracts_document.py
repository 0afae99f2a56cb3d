"""The document as a judge reads it: where an instance goes through it, and what it does not mention."""

from typing import Any

import pytest

from contracts.document import Document, coerce, parse
from contracts.drift import find_undocumented

CONTENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Answer": {
                "type": "object",
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}},
            },
            "Item": {
                "type": "object",
                "required": ["id", "secret"],
                "properties": {
                    "id": {"$ref": "#/components/schemas/Uuid"},
                    "lane": {"anyOf": [{"$ref": "#/components/schemas/Uuid"}, {"type": "null"}]},
                    "secret": {"type": "string", "writeOnly": True},
                    "free": {"type": "object"},
                    "open": {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "integer"}},
                },
            },
            "Uuid": {"type": "string", "format": "uuid"},
        }
    }
}
ANSWER = "/components/schemas/Answer"
ID = "7c1fe1bb-a540-4c20-b1e5-6bf5746bd841"


def visits(instance: Any) -> set[tuple[str, Any]]:
    document = Document(CONTENT)
    found: set[tuple[str, Any]] = set()

    def visit(pointer: str, part: Any, path: tuple[str, ...]) -> None:
        if not isinstance(part, (dict, list)):
            found.add((pointer.removeprefix("/components/schemas"), part))

    document.walk(ANSWER, document.at(ANSWER), instance, visit)
    return found


def test_walk__follows_references_and_takes_the_branch_that_fits() -> None:
    assert visits({"items": [{"id": ID, "lane": None}]}) == {
        ("/Item/properties/id", ID),
        ("/Uuid", ID),
        ("/Item/properties/lane", None),
        ("/Item/properties/lane/anyOf/1", None),
    }


def test_walk__takes_the_branch_of_the_same_type_where_none_fits() -> None:
    assert ("/Uuid", "UPPER") in visits({"items": [{"lane": "UPPER"}]})
    assert ("/Uuid", 5) not in visits({"items": [{"lane": 5}]})


def test_errors__fields_that_are_not_seen_need_not_be_there() -> None:
    place = "/components/schemas/Item"
    assert not Document(CONTENT).is_valid(place, {"id": ID})
    assert Document(CONTENT, unseen="writeOnly").is_valid(place, {"id": ID})


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("uuid", ID, ID[:-1]),
        ("date-time", "2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z"),
        ("date-time", "2024-01-01T00:00:00.5+01:00", "2024-01-01 00:00:00Z"),
        ("date", "2024-02-29", "2024-2-29"),
        ("email", "a@b", "a b@c"),
        ("uri", "https://a/b", "a/b"),
        ("ipv4", "127.0.0.1", "127.0.0.256"),
        ("ipv6", "::1", "::g"),
    ],
)
def test_formats__are_checked(form: str, good: str, bad: str) -> None:
    validator = Document(CONTENT).validator({"format": form})
    assert validator.is_valid(good) and not validator.is_valid(bad)


def test_pattern__an_end_is_the_end() -> None:
    assert not Document(CONTENT).validator({"pattern": "^a$"}).is_valid("a\n")


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"type": "integer"}, "12", 12),
        ({"type": "integer"}, "1e3", "1e3"),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": ["boolean", "null"]}, "true", True),
        ({"type": "string"}, "12", "12"),
        ({"type": "array", "items": {"type": "integer"}}, "1,2", [1, 2]),
    ],
)
def test_coerce__what_a_text_means(schema: dict[str, Any], text: str, expected: Any) -> None:
    assert coerce(schema, text) == expected


def test_parse__refuses_what_only_python_takes_for_json() -> None:
    with pytest.raises(ValueError, match="NaN"):
        parse(b'{"a": NaN}')


def test_drift__finds_fields_that_are_not_mentioned() -> None:
    instance = {"items": [{"id": ID, "owner": 1, "free": {"x": 1}, "open": {"a": 1, "b": 2}}], "total": 1}
    found = find_undocumented(CONTENT, {"$ref": f"#{ANSWER}"}, instance)
    assert sorted(found) == ["items.*.owner", "total"]


def test_errors__a_list_of_records_is_looked_at_record_by_record() -> None:
    document, wrong = Document(CONTENT, unseen="writeOnly"), {"id": "no uuid"}
    for items in ([{"id": ID}], [{"id": ID}, wrong], [wrong], [{"id": ID}], [wrong, wrong]):
        places = [list(error.absolute_path) for error in document.errors(ANSWER, {"items": items})]
        assert places == [["items", index, "id"] for index, item in enumerate(items) if item is wrong]


def test_errors__of_a_record_that_has_changed_are_found() -> None:
    document, record = Document(CONTENT, unseen="writeOnly"), {"id": ID}
    assert not list(document.errors(ANSWER, {"items": [record]}))
    record["lane"] = "UPPER"
    assert list(document.errors(ANSWER, {"items": [record]}))


def test_errors__what_is_sound_as_one_schema_may_be_wrong_as_another() -> None:
    document = Document(CONTENT, unseen="writeOnly")
    assert not list(document.errors("/components/schemas/Item/properties/free", {"id": 1}))
    assert list(document.errors("/components/schemas/Item", {"id": 1}))
