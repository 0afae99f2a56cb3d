"""Request bodies: bytes in, a validated object out, or the refusal that names each wrong field."""

import json
from typing import Any

import jsonschema_rs
import orjson
import pytest

from mockserver.engine.bodies import MAX_BODY, BodyForm, BodyReader, faults, media_type, read_json
from mockserver.engine.errors import Refusal

SCHEMA = {
    "type": "object",
    "required": ["name", "size"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "size": {"type": "integer", "enum": [0, 1, 2]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "count": {"type": "integer"},
    },
}
RULES = {"required": "T-1", "name": "T-2", "size": "T-3"}
JSON = "application/json"


def make_reader() -> BodyReader:
    validator = jsonschema_rs.Draft202012Validator(SCHEMA)
    return BodyReader(validator, BodyForm("make", frozenset({JSON}), RULES, frozenset({"size", "count"})))


def refused(body: bytes, content_type: str | None = JSON) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        make_reader().read(content_type, body)
    return refusal.value


def test_read__an_object_with_unknown_keys_is_kept_whole() -> None:
    sent = make_reader().read(JSON, b'{"name": "a", "size": 1, "colour": null}')
    assert sent == {"name": "a", "size": 1, "colour": None}


@pytest.mark.parametrize("number", ["2.0", "2e0", "20e-1"])
def test_read__whole_numbers_become_integers(number: str) -> None:
    sent = make_reader().read(JSON, b'{"name": "a", "size": %s}' % number.encode())
    assert (sent["size"], type(sent["size"])) == (2, int)


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", 2.0**63),
        ("18446744073709551616", 2.0**64),
        ("-1" + "0" * 300, -1e300),
        ("1e300", 1e300),
        ("1e18", 10**18),
    ],
)
def test_read__whole_numbers_of_any_length_can_be_kept_and_sent_again(number: str, kept: float) -> None:
    sent = make_reader().read(JSON, b'{"name": "a", "size": 1, "count": %s}' % number.encode())
    assert (sent["count"], type(sent["count"])) == (kept, type(kept))
    assert orjson.loads(orjson.dumps(sent)) == sent


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
def test_read__content_type_in_any_spelling(content_type: str) -> None:
    assert make_reader().read(content_type, b'{"name": "a", "size": 0}')["name"] == "a"


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/xml", "json", "application/jsonp", ";"])
def test_read__another_content_type_is_refused(content_type: str | None) -> None:
    refusal = refused(b'{"name": "a", "size": 0}', content_type)
    assert refusal.situation == "content_type_unknown"
    assert "application/json" in refusal.values["fields"]["Content-Type"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b'{"name": "a", "size": 1} x',
        b"{'name': 'a'}",
        b'{"name": "a", "size": 1,}',
        b'{"name": "a", "size": NaN}',
        b'{"name": "a", "size": Infinity}',
        b'{"name": "a", "size": 01}',
        b'{"name": "a", "size": 1e999}',
        b'{"name": "a", "size": 1' + b"0" * 400 + b"}",
        b'{"name": "\xff", "size": 1}',
        b'{"name": "\x00", "size": 1}',
        b'{"name": "\\ud800", "size": 1}',
        b'{"name": "a\nb", "size": 1}',
        b'\xef\xbb\xbf{"name": "a", "size": 1}',
        '{"name": "a", "size": 1}'.encode("utf-16"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_read__what_is_no_json_is_refused(body: bytes) -> None:
    assert refused(body).situation == "body_unreadable"


@pytest.mark.parametrize("body", [b"[]", b"null", b'"name"', b"1", b"true"])
def test_read__json_that_is_no_object_is_refused(body: bytes) -> None:
    refusal = refused(body)
    assert refusal.situation == "body_unreadable"
    assert "expected an object" in refusal.values["fields"]["body"]


@pytest.mark.parametrize("body", [b'{"name": "a", "name": "b", "size": 1}', b'{"x": {"y": 1, "y": 1}}'])
def test_read__keys_given_twice_are_refused(body: bytes) -> None:
    assert "twice" in refused(body).values["fields"]["body"]


def test_read__too_large_is_refused_before_it_is_parsed() -> None:
    assert "larger than" in refused(b"{" * (MAX_BODY + 1)).values["fields"]["body"]


def test_read__as_large_as_allowed() -> None:
    frame = b'{"name": "", "size": 1}'
    body = frame.replace(b'""', b'"' + b"a" * (MAX_BODY - len(frame)) + b'"')
    assert len(body) == MAX_BODY
    assert len(make_reader().read(JSON, body)["name"]) == MAX_BODY - len(frame)


@pytest.mark.parametrize("depth", [10, 250, 300, 900, 1000])
def test_read__nesting_in_a_known_field_is_refused_at_any_depth(depth: int) -> None:
    body = b'{"size": 1, "name": ' + b"[" * depth + b"]" * depth + b"}"
    fields = refused(body).values["fields"]
    assert "name" in fields or fields["body"] == "the body is nested too deeply"


def test_read__each_wrong_field_is_named_once_with_its_reason() -> None:
    refusal = refused(b'{"name": "", "size": 7, "tags": [1, 2]}')
    assert refusal.situation == "body_invalid"
    assert set(refusal.values["fields"]) == {"name", "size", "tags"}


def test_read__missing_fields_are_named_as_required() -> None:
    refusal = refused(b"{}")
    assert refusal.values["fields"] == {"name": "required", "size": "required"}
    assert refusal.rule == "T-1"


@pytest.mark.parametrize(
    ("body", "rule"), [({"name": "", "size": 1}, "T-2"), ({"name": "a", "size": "1"}, "T-3"), ({"name": "a"}, "T-1")]
)
def test_read__the_rule_is_that_of_the_field(body: Any, rule: str) -> None:
    assert refused(json.dumps(body).encode()).rule == rule


def test_read__reasons_are_short_however_long_the_value() -> None:
    body = json.dumps({"name": ["x" * 100_000], "size": 1}).encode()
    assert len(refused(body).values["fields"]["name"]) <= 200


def test_read_json__escaped_nul_is_a_character_like_others() -> None:
    assert read_json(rb'"a\u0000b"') == "a\0b"


@pytest.mark.parametrize(
    ("header", "found"), [(None, None), ("", None), ("Text/HTML ; q=1", "text/html"), ("a/b;c", "a/b"), (";", "")]
)
def test_media_type__without_parameters_in_lower_case(header: str | None, found: str | None) -> None:
    assert media_type(header) == found


@pytest.mark.parametrize(
    ("reasons", "summary"),
    [
        ({"a": "It is wrong."}, "It is wrong."),
        ({"a": "It is wrong.", "b": "So is it."}, "It is wrong. (and 1 more error)"),
        ({"a": "It is wrong.", "b": "So is it.", "c": "And it."}, "It is wrong. (and 2 more errors)"),
    ],
)
def test_faults__say_the_first_reason_and_how_many_follow(reasons: dict[str, str], summary: str) -> None:
    found = faults(reasons)
    assert (found["summary"], found["more"]) == (summary, len(reasons) - 1)
    assert found["errors"] == {name: [reason] for name, reason in reasons.items()}


def test_read__reasons_come_in_the_order_of_the_schema() -> None:
    form = BodyForm("make", frozenset({JSON}), RULES, names=tuple(SCHEMA["properties"]))  # type: ignore[arg-type]
    with pytest.raises(Refusal) as refusal:
        BodyReader(jsonschema_rs.Draft202012Validator(SCHEMA), form).read(JSON, b'{"tags": [1], "size": 9, "name": ""}')
    assert list(refusal.value.values["errors"]) == ["name", "size", "tags.0"]


def test_read__the_vendor_may_blame_another_field() -> None:
    form = BodyForm("make", frozenset({JSON}), RULES, blame=lambda name, error: "both" if name == "size" else name)
    with pytest.raises(Refusal) as refusal:
        BodyReader(jsonschema_rs.Draft202012Validator(SCHEMA), form).read(JSON, b'{"name": "a"}')
    assert list(refusal.value.values["fields"]) == ["both"]


def test_read__values_are_left_to_the_vendors_own_checks() -> None:
    form = BodyForm("make", frozenset({JSON}), RULES, wrapper="thing", has_own_values=True)
    reader = BodyReader(jsonschema_rs.Draft202012Validator(SCHEMA), form)
    assert reader.read(JSON, b'{"thing": {"size": "large"}, "other": 1}') == {"size": "large"}
    for body in (b"{}", b'{"thing": []}', b'{"thing": null}'):
        with pytest.raises(Refusal) as refusal:
            reader.read(JSON, body)
        assert (refusal.value.situation, refusal.value.values["wrapper"]) == ("body_unwrapped", "thing")
