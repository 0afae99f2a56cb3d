"""The catalogue of refusals, rendered in the vendor's own envelope."""

from typing import Any

import pytest

from mockserver.engine.errors import Catalogue, Refusal, fill

ENVELOPE = {"error": {"code": "$code", "message": "$message", "details": "$details", "limit": "$limit"}}
ENTRIES = {
    "gone": {"status": 404, "message": "It is gone.", "details": {"id": "$id"}},
    "busy": {"status": 429, "message": "Not now.", "code": "slow_down"},
}
SITUATIONS = {"record_missing": {"error": "gone", "rule": "T-1"}, "used_up": {"error": "busy", "rule": "T-2"}}
CATALOGUE = Catalogue(ENVELOPE, ENTRIES, SITUATIONS)


def test_render__fills_the_envelope_and_names_the_rule() -> None:
    rendered = CATALOGUE.render(Refusal("record_missing", values={"id": "7"}))
    assert (rendered.status, rendered.rule) == (404, "T-1")
    assert rendered.body == {"error": {"code": "gone", "message": "It is gone.", "details": {"id": "7"}}}


def test_render__leaves_out_what_has_no_value() -> None:
    assert CATALOGUE.render(Refusal("used_up")).body == {"error": {"code": "slow_down", "message": "Not now."}}


def test_render__puts_values_where_the_envelope_has_them() -> None:
    assert CATALOGUE.render(Refusal("used_up", values={"limit": 5})).body["error"]["limit"] == 5


def test_render__an_entry_named_by_the_refusal_wins() -> None:
    assert CATALOGUE.render(Refusal("record_missing", error="busy")).status == 429


@pytest.mark.parametrize(("rule", "told"), [(None, "T-1"), ("T-9", "T-9"), ("", None)])
def test_render__the_refusal_may_name_another_rule_or_none(rule: str | None, told: str | None) -> None:
    assert CATALOGUE.render(Refusal("record_missing", rule=rule)).rule == told


def test_render__values_of_a_caller_do_not_replace_code_or_message() -> None:
    values = {"code": "mine", "message": "mine", "status": 200, "id": "7"}
    rendered = CATALOGUE.render(Refusal("record_missing", values=values))
    assert (rendered.status, rendered.body["error"]["code"]) == (404, "gone")


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("$a", 1),
        ("a", "a"),
        ({"x": "$a", "y": "$none"}, {"x": 1}),
        (["$a", "$none", "b"], [1, "b"]),
        ({"x": {"y": ["$a"]}}, {"x": {"y": [1]}}),
        ("$none", None),
        (5, 5),
    ],
)
def test_fill__replaces_placeholders_and_drops_those_without_value(template: Any, filled: Any) -> None:
    assert fill(template, {"a": 1}) == filled
