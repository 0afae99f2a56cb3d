"""That the replay of documented examples would notice: what counts as a difference, and what excuses one."""

from typing import Any

import pytest

from tests.tools import exchanges, replaying
from tests.tools.exchanges import Exchange, Filler, differences

TOLD = {"callers": {"owner": {"headers": {"Authorization": "Bearer made-up"}}}, "known": {}, "base_url": "http://mock"}


@pytest.mark.parametrize(
    ("printed", "answered", "where"),
    [
        ({"a": 1}, {"a": 2}, "/a"),
        ({"a": 1}, {"a": True}, "/a"),
        ({"a": 1}, {"a": 1.0}, "/a"),
        ({"a": 1}, {}, "/a"),
        ({}, {"a": 1}, "/a"),
        ({"a": {"b/c": [1, 2]}}, {"a": {"b/c": [1, 3]}}, "/a/b~1c/1"),
        ([1], [1, 2], "/1"),
        ([1, 2], [1], "/1"),
        ({"a": None}, {"a": ""}, "/a"),
    ],
)
def test_differences__of_values(printed: Any, answered: Any, where: str) -> None:
    assert list(differences(printed, answered, shapes=False)) == [where]
    assert differences(printed, printed, shapes=False) == {}


@pytest.mark.parametrize(
    ("printed", "answered", "where"),
    [
        ({"a": "string"}, {"a": 5}, "/a"),
        ({"a": 0}, {"a": "5"}, "/a"),
        ({"a": 0}, {"a": False}, "/a"),
        ({"a": "string"}, {"a": None}, "/a"),
        ({"a": "string"}, {}, "/a"),
        ({"a": "2019-08-24"}, {"a": "2019-08-24T14:15:22Z"}, "/a"),
        ({"a": "2019-08-24T14:15:22Z"}, {"a": "yesterday"}, "/a"),
        ({"a": "{ … }"}, {"a": []}, "/a"),
        ({"a": ["string"]}, {"a": ["x", "y", 5]}, "/a/0"),
        ({"a": {}}, {"a": {"b": 1}}, "/a/b"),
    ],
)
def test_differences__of_shapes(printed: Any, answered: Any, where: str) -> None:
    assert list(differences(printed, answered, shapes=True)) == [where]


def test_differences__of_shapes_leave_values_and_nullable_fields_free() -> None:
    printed = {"a": "string", "b": 0, "c": {"type": "string"}, "d": ["{ … }"], "e": []}
    answered = {"a": "x", "b": 2.5, "c": {"type": None}, "d": [{"x": 1}, {}], "e": [1]}
    assert differences(printed, answered, shapes=True, nullable=frozenset({"c/type"})) == {}


def check(answered: Any, plan: dict[str, Any] | None = None, **excuses: list[str]) -> None:
    """An answer held against `{"id": "1", "size": 0}` on a KanMan page."""
    lists = {kind: [{"pointer": one, "why": "…"} for one in pointers] for kind, pointers in excuses.items()}
    example = Exchange("kanman", "made up", {"request": {}, **lists}, plan or {})
    replaying.check_body(Filler(example, TOLD, "owner"), example, example, {"id": "1", "size": 0}, answered)


def test_check__passes_what_is_as_printed_or_excused() -> None:
    check({"id": "1", "size": 0})
    check({"id": "7", "size": 0}, contradictions=["/id"])
    check({"id": "1", "size": 9}, placeholders=["/size"])
    check({"id": "7", "size": 0}, {"made": {"/id": r"\d"}})
    check({"id": "7", "size": 0}, {"values": {"/id": "7"}})
    check({"size": 0}, {"optional": ["/id"]})


@pytest.mark.parametrize(
    ("answered", "plan", "excuses"),
    [
        pytest.param({"id": "2", "size": 0}, {}, {}, id="another value"),
        pytest.param({"id": "2", "size": 5}, {}, {"contradictions": ["/id"]}, id="one excused, one not"),
        pytest.param({"id": "1", "size": 0}, {}, {"contradictions": ["/id"]}, id="a contradiction that is none"),
        pytest.param({"id": "1", "size": 0}, {}, {"placeholders": ["/size"]}, id="a placeholder that is none"),
        pytest.param({"id": "1", "size": "9"}, {}, {"placeholders": ["/size"]}, id="a placeholder of another type"),
        pytest.param({"id": "x", "size": 0}, {"made": {"/id": r"\d"}}, {}, id="a new id of another form"),
        pytest.param({"id": "1", "size": 0}, {"made": {"/id": r"\d"}}, {}, id="a new id that is the old one"),
        pytest.param({"id": "1", "size": 0}, {"values": {"/id": "7"}}, {}, id="not what is told elsewhere"),
        pytest.param({"id": "1", "size": 0}, {"holds": ["/colour"]}, {}, id="something lacks"),
        pytest.param({"id": "2", "size": 0}, {"optional": ["/id"]}, {}, id="optional, yet another"),
    ],
)
def test_check__fails(answered: Any, plan: dict[str, Any], excuses: dict[str, list[str]]) -> None:
    with pytest.raises(AssertionError):
        check(answered, plan, **excuses)


def test_pointers__lead_to_values_and_set_them() -> None:
    node = {"a": [{"b/c": 1}]}
    assert exchanges.at(node, "/a/0/b~1c") == 1
    assert not exchanges.is_there(node, "/a/1")
    exchanges.put(node, "/a/0/b~1c", exchanges.NOTHING)
    assert node == {"a": [{}]}
