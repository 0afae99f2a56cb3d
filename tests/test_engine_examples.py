"""The `Prefer` header, and the document's own examples as answers."""

from typing import Any

import pytest

from mockserver.engine.chance import wall_clock
from mockserver.engine.errors import Refusal
from mockserver.engine.examples import Examples, Preferences, collect, preferences
from mockserver.engine.messages import Request

RESPONSES: dict[str, Any] = {
    "404": {"content": {"application/json": {"example": {"gone": True}}}},
    "200": {"content": {"application/json": {"examples": {"one": {"value": 1}, "two": {"value": 2}}}}},
    "204": {"headers": {"X-Age": {"example": 5}, "X-Unshown": {}}},
    "5XX": {"content": {"application/json": {"example": "never"}}},
    "default": {"content": {"application/json": {"example": "never"}}},
}


def asked(*values: str) -> Preferences:
    return preferences(Request("GET", "/", b"", [(b"prefer", one.encode("latin-1")) for one in values], {}, b""))


def make_examples() -> Examples:
    return collect(RESPONSES, lambda node: node)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("code=404", Preferences(code="404")),
        ('code="404"', Preferences(code="404")),
        ("Code = 404", Preferences(code="404")),
        ("example=one", Preferences(example="one")),
        ("delay=1.5", Preferences(delay=1.5)),
        ("code=200, example=two; delay=0", Preferences("200", "two", 0.0)),
        ("code=200, code=404", Preferences(code="200")),
        ("respond-async, wait=10", Preferences()),
        ("x_code=404, code2=5", Preferences()),
        ("", Preferences()),
        ("=", Preferences()),
        (",;,;", Preferences()),
        ("\xff=\xe9", Preferences()),
    ],
)
def test_preferences__of_one_header(header: str, wanted: Preferences) -> None:
    assert asked(header) == wanted


def test_preferences__of_several_headers() -> None:
    assert asked("code=404", "delay=1") == Preferences("404", None, 1.0)


@pytest.mark.parametrize("delay", ["abc", "-1", "nan", "inf", "601", "1e2", "1_0", "", '"', "9" * 400])
def test_preferences__a_delay_that_is_no_number_of_seconds_is_refused(delay: str) -> None:
    with pytest.raises(Refusal) as refused:
        asked(f"delay={delay}")
    assert "delay=" in refused.value.values["fields"]["Prefer"]
    assert refused.value.rule == ""


@pytest.mark.parametrize("piece", ["a", " ", "a ", '"', "=", "code=", 'a="', "a=b ", "a-", ",", "é"])
def test_preferences__take_no_time_over_60_kb_of_anything(piece: str) -> None:
    header = piece * (60_000 // len(piece)) + "!"
    started = wall_clock()
    asked(header)
    assert wall_clock() - started < 1


def test_choose__by_code_and_by_name() -> None:
    examples = make_examples()
    assert examples.choose(Preferences(code="404")).body == b'{"gone":true}'
    assert examples.choose(Preferences(example="two"))[:2] == (200, "two")
    assert examples.choose(Preferences(code="200")).name == "one"


def test_choose__a_status_without_example_is_empty() -> None:
    assert make_examples().choose(Preferences(code="204"))[:4] == (204, "", "", b"")


def test_choose__has_the_headers_that_the_document_shows_with_the_status() -> None:
    assert make_examples().choose(Preferences(code="204")).headers == [(b"x-age", b"5")]
    assert make_examples().choose(Preferences(code="200")).headers == []


@pytest.mark.parametrize("code", ["418", "default", "5XX", "", "abc"])
def test_choose__an_undeclared_code_is_refused_and_the_declared_are_named(code: str) -> None:
    with pytest.raises(Refusal) as refused:
        make_examples().choose(Preferences(code=code))
    assert "declared: 404, 200, 204" in refused.value.values["fields"]["Prefer"]


@pytest.mark.parametrize("wanted", [Preferences(example="three"), Preferences("404", "one")])
def test_choose__an_unknown_example_is_refused_and_the_known_are_named(wanted: Preferences) -> None:
    with pytest.raises(Refusal) as refused:
        make_examples().choose(wanted)
    assert "there: " in refused.value.values["fields"]["Prefer"]
