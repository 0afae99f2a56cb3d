"""Where a record stands in an answer, and what a refusal says, in the forms that vendors have."""

from typing import Any

import pytest

from contracts.envelopes import ABSENT, Refusals, Unlike, fit, unwrap, words

MAP = {"by_id": "books"}
TWO = {
    "count": 2,
    "results": [{"key": "books", "id": "9"}, {"key": "books", "id": "7"}],
    "books": {"7": {"id": "7"}, "9": {"id": "9"}},
    "shelves": {"1": {"id": "1"}},
}
ONE = {**TWO, "results": TWO["results"][:1]}


@pytest.mark.parametrize(
    ("answer", "envelope", "expected"),
    [
        ({"a": 1}, None, {"a": 1}),
        ({"task": 1}, "task", 1),
        ({"data": {"task": 1}}, "data.task", 1),
        ({"success": True, "data": [1]}, {"success": True, "data": "$record", "meta": {"total": "$total"}}, [1]),
        ({"success": True}, {"data": "$record"}, ABSENT),
        (ONE, MAP, {"id": "9"}),
        (TWO, MAP, ABSENT),
        ({**ONE, "books": {}}, MAP, ABSENT),
        ({**ONE, "results": [{"key": "shelves", "id": "9"}]}, MAP, ABSENT),
        ({**ONE, "results": [{"key": "books", "id": 9}]}, MAP, ABSENT),
        ([], MAP, ABSENT),
    ],
)
def test_unwrap__what_an_envelope_holds(answer: Any, envelope: Any, expected: Any) -> None:
    assert unwrap(answer, envelope) == expected


def test_unwrap__all_records_of_a_list_in_the_order_of_its_results() -> None:
    assert unwrap(TWO, MAP, is_list=True) == [{"id": "9"}, {"id": "7"}]
    assert unwrap({"results": [], "books": {}}, MAP, is_list=True) == []


WHOLE = {"success": False, "data": None, "error": {"code": "$code", "message": "$message"}}
LIST = {"errors": [{"type": "$code", "message": "$message", "field": "$field"}]}


def test_fit__reads_the_words_of_a_form() -> None:
    body = {"success": False, "data": None, "error": {"code": "X", "message": "No."}}
    assert dict(fit(WHOLE, body, exact=True)) == {"code": "X", "message": "No."}
    two = {"errors": [{"type": "a", "message": "b"}, {"type": "c", "message": "d", "field": "e"}]}
    assert [value for word, value in fit(LIST, two, exact=True) if word == "code"] == ["a", "c"]
    assert words(LIST) == {"code", "message", "field"}


@pytest.mark.parametrize(
    ("template", "body", "exact"),
    [
        (WHOLE, {"success": True, "data": None, "error": {}}, False),
        (WHOLE, {"success": 0, "data": None, "error": {}}, False),
        (WHOLE, {"success": False, "data": None}, False),
        (WHOLE, {"success": False, "error": {}}, True),
        (WHOLE, {"success": False, "data": None, "error": {}, "meta": {}}, True),
        (LIST, {"errors": []}, False),
        (LIST, {"errors": {}}, False),
        (LIST, {"errors": ["text"]}, False),
        (LIST, ["text"], False),
    ],
)
def test_fit__tells_another_form(template: Any, body: Any, exact: bool) -> None:
    with pytest.raises(Unlike):
        list(fit(template, body, exact=exact))


def test_fit__leaves_a_tenant_what_is_null_and_what_is_more() -> None:
    body = {"success": False, "error": {"code": "X", "message": "No."}, "meta": {}}
    assert dict(fit(WHOLE, body)) == {"code": "X", "message": "No."}


SEVERAL = Refusals(
    {
        "envelope": {"errors": [{"type": "$code", "message": "$message"}]},
        "catalogue": {
            "invalid": {"status": 422, "code": "validation", "message": "No.", "envelope": {"errors": "$faults"}},
            "not_json": {"status": 400, "message": "No.", "envelope": {"status": "$status", "error": "$message"}},
            "malformed": {"status": 400, "code": "syntax", "message": "No."},
            "by_name": {"status": 409, "message": "No.", "envelope": {"message": "$message", "errors": "$errors"}},
            "detailed": {"status": 410, "message": "No.", "details": {"fields": "$fields"}},
        },
    }
)
FAULTS = {"errors": [{"type": "validation", "message": "m", "field": "a"}, {"type": "validation", "field": "b.0"}]}


@pytest.mark.parametrize(
    ("status", "body", "entries"),
    [
        (400, {"status": 400, "error": "no JSON"}, ["not_json"]),
        (400, {"errors": [{"type": "syntax", "message": "m"}]}, ["malformed"]),
        (400, {"errors": [{"type": "other", "message": "m"}]}, []),
        (422, FAULTS, ["invalid"]),
        (500, FAULTS, []),
    ],
)
def test_refusals__which_entries_it_may_be(status: int, body: Any, entries: list[str]) -> None:
    assert SEVERAL.entries(status, body) == entries


def test_refusals__the_words_of_whichever_form_the_body_has() -> None:
    assert SEVERAL.find({"errors": [{"type": "syntax", "message": "m"}]}, "code") == "syntax"
    assert SEVERAL.find({"status": 400, "error": "m"}, "message") == "m"
    assert SEVERAL.find({"status": 400, "error": "m"}, "code") is None
    assert SEVERAL.has_code("malformed") and not SEVERAL.has_code("not_json")


def test_refusals__the_fields_that_they_name() -> None:
    assert SEVERAL.fields(422, FAULTS) == {"a", "b"}
    assert SEVERAL.fields(409, {"message": "m", "errors": {"c": ["why"], "d.0": ["why"]}}) == {"c", "d"}
    assert SEVERAL.fields(400, {"errors": [{"type": "syntax", "message": "m"}]}) is None
    assert SEVERAL.names_fields("invalid") and not SEVERAL.names_fields("malformed")


def test_refusals__fields_among_the_details() -> None:
    refusals = Refusals(
        {
            "envelope": {"error": {"code": "$code", "message": "$message", "details": "$details"}},
            "catalogue": {"invalid": {"status": 400, "message": "No.", "details": {"fields": "$fields"}}},
        }
    )
    body = {"error": {"code": "invalid", "message": "m", "details": {"fields": {"label": "required"}}}}
    assert refusals.fields(400, body) == {"label"} and refusals.names_fields("invalid")
    assert refusals.fields(400, {"error": {"code": "invalid", "message": "m"}}) is None
