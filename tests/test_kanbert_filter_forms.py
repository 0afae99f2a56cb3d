"""Kanbert's filters: three forms of one tree, their limits, and whatever else is sent, in a time that grows with it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engine.chance import parse_time
from mockserver.engine.errors import Refusal
from mockserver.engine.query import All, And, Children, Condition, Expression, Not, Nothing, Or, Through
from mockserver.vendor import load
from mockserver.vendors.kanbert_filters import Filters

FILTERS = Filters(load("kanbert").operations["listTasks"].table["filter"])
NOW = parse_time("2024-02-14T10:30:00Z")


def ask(args: list[tuple[str, str]]) -> Expression:
    return FILTERS.parse(args, NOW, "user-me", visible=All())


def parse(text: str) -> Expression:
    """A filter of any form; the form-encoded one stands as in a query."""
    return ask(parse_qsl(text, keep_blank_values=True) if text.startswith("filter[") else [("filter", text)])


def reason(text: str) -> str:
    with pytest.raises(Refusal) as refusal:
        parse(text)
    assert refusal.value.situation == "filter_wrong"
    json.dumps(refusal.value.values, ensure_ascii=False).encode()
    return str(refusal.value.values["reason"])


# Three forms of one tree


def write(tree: Any) -> str:
    """A tree of JSON in the text form."""
    word = next(iter(tree))
    if word in ("and", "or"):
        return f" {word} ".join(f"({write(part)})" if len(part) == 1 else write(part) for part in tree[word])
    field, op, value = tree["field"], tree["op"], tree.get("value")
    if op == "any":
        return f"{field} any ({' and '.join(write(part) for part in value)})"
    if isinstance(value, list):
        return f"{field} {op} [{', '.join(map(json.dumps, value))}]"
    return f"{field} {op}" if value is None else f"{field} {op} {json.dumps(value, ensure_ascii=False)}"


def encode(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """A tree of JSON as form-encoded keys."""
    if isinstance(node, str):
        yield key, node
    else:
        for name, part in node.items() if isinstance(node, dict) else enumerate(node):
            yield from encode(part, f"{key}[{name}]")


def condition(field: str, ops: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda op, value: {"field": field, "op": op, "value": value}, st.sampled_from(ops), values)


# Form-encoded texts take lists apart at commas, and JSON's escapes are not those of the text form.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters='\0\\"\n\r\t\x7f', exclude_categories=["C"]), max_size=8
)
STATUS = st.sampled_from(["New", "WIP", "Closed"])
STATUSES = condition("status", ["eq", "ne"], STATUS) | condition("status", ["in", "nin"], st.lists(STATUS, min_size=1))
CONDITIONS = (
    STATUSES
    | condition("title", ["eq", "contains", "like", "endswith"], TEXTS)
    | condition("due_date", ["lt", "gte", "eq"], st.sampled_from(["today", "sow", "2024-02-14", "now", "today-3d"]))
    | condition("sub_tasks", ["any"], st.lists(STATUSES, min_size=1, max_size=2))
    | st.sampled_from([{"field": "assignee.id", "op": "isnull"}, {"field": "epic.title", "op": "notnull"}])
)
TREES = st.recursive(
    CONDITIONS,
    lambda inner: st.builds(
        lambda word, parts: {word: parts}, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2)
    ),
    max_leaves=8,
)


@given(TREES)
def test_the_three_forms__mean_the_same_tree(tree: Any) -> None:
    wanted = parse(json.dumps([tree]))
    assert parse(write(tree)) == wanted
    assert ask(list(encode([tree], "filter"))) == wanted


# Limits, and whatever else is sent


def nested(depth: int) -> dict[str, str]:
    condition: Any = {"field": "status", "op": "eq", "value": "New"}
    tree = condition
    for _ in range(depth):
        tree = {"and": [tree]}
    form = "filter[0]" + "[or][0]" * depth
    encoded = "&".join(f"{form}[{name}]={value}" for name, value in condition.items())
    return {"text": "(" * depth + "status eq New" + ")" * depth, "JSON": json.dumps([tree]), "form": encoded}


@pytest.mark.parametrize("form", ["text", "JSON", "form"])
def test_depth__ends_at_twenty(form: str) -> None:
    assert parse(nested(20)[form]) == Condition("status", "eq", "New")
    assert reason(nested(21)[form]) == "The filter is nested deeper than 20."


def test_length__ends_at_8192() -> None:
    longest = 'title eq "' + "a" * (8192 - 11) + '"'
    assert isinstance(parse(longest), Condition)
    assert reason(longest + " ") == "The filter is longer than 8192 characters."
    assert reason("filter[0][field]=title&filter[0][op]=eq&filter[0][value]=" + "a" * 8192).startswith(
        "The filter is longer"
    )


HOSTILE = [
    "\0",
    "title eq \0",
    '["\\u0000"]',
    '[{"field":"title","op":"eq","value":"\\ud800"}]',
    "title eq \ud800",
    "\ud83d",
    '[{"field":"\\ud800","op":"eq","value":"x"}]',
    '[{"field":"title","op":"\\udfff","value":"x"}]',
    "due_date eq today+99999999999d",
    "due_date eq today-9999999d",
    "due_date eq 0000-01-01",
    "due_date eq 2024-02-30",
    "due_date eq 0001-01-01T00:00:00+01:00",
    "due_date eq 9999-12-31T23:59:59-01:00",
    "due_date eq today±5d",
    "due_date eq today 5d",
    "due_date lt 2024-02-14T24:00:00Z",
    "due_date eq 2024-02-14T10:00:00",
    "due_date eq \uff12\uff10\uff12\uff14-02-14",
    "due_date eq null and due_date lt null",
    "sub_tasks.count eq " + "9" * 5000,
    "sub_tasks.count eq 1.5",
    "sub_tasks any (sub_tasks.count eq 1)",
    "sub_tasks eq x",
    "sub_tasks any x",
    "sub_tasks any",
    "sub_tasks none status eq New",
    "sub_tasks count 2",
    "sub_tasks (status eq New)",
    "title isnull ()",
    "title notnull (status eq New)",
    "title.isnull()",
    "[" * 8000,
    '{"and":' * 1000,
    '[{"and":' * 900,
    "[NaN]",
    '[{"field":"title","op":"eq","value":NaN}]',
    "[null]",
    "[[]]",
    "[{}]",
    "{}",
    '[{"field":"title","op":"eq"}]',
    '[{"field":1,"op":"eq","value":"x"}]',
    '[{"field":"title","op":"eq","value":true}]',
    '[{"field":"title","op":"eq","value":["x"]}]',
    '[{"field":"title","op":"in","value":[["x"]]}]',
    '[{"field":"title","op":"in","value":"x,"}] x',
    '[{"field":"title","op":"in","value":[null]}]',
    '[{"field":"title","op":"in","value":" "}]',
    '[{"field":"assignee.id","op":"eq","value":5}]',
    '[{"field":"status","op":"eq","value":{"a":1}}]',
    '[{"field":"title","op":"eq","value":"x","more":1}]',
    '{"and":[{"field":"title","op":"isnull"}],"or":[]}',
    '{"and":{"field":"title"}}',
    "title in []",
    "title in x",
    "title in [null]",
    "title isnull x",
    "title is not",
    "title is null null",
    "status eq null",
    "title gt null",
    "title eq and",
    "title eq a andstatus eq New",
    "(title eq a)and status eq New",
    "()",
    "and",
    "title eq 'a",
    'title eq "a\\"',
    "title eq a,b",
    "filter[0][field]=title&filter[0][op]=eq",
    "filter[0][field]=title&filter[0][op]=nin&filter[0][value]=",
    "filter[]=x",
    "filter[=x",
    "filter[0=x",
    "filter[0]]=x",
    "filter[0][field][x]=title&filter[0][field]=title",
    "filter[0][field]=title&filter[x][op]=eq",
    "filter[" + "9" * 5000 + "][field]=title",
    "filter" + "[0]" * 2000 + "=x",
    "filter[0][value][x]=1",
    "filter[0][field]=title&filter[0][op]=eq&filter[0][value]=\0",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_filters__are_refused(text: str) -> None:
    assert reason(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sub_tasks any", "Filter operator any needs a condition in parentheses."),
        ("sub_tasks COUNT 2", "Filter operator COUNT needs a comparison, such as count gte 2."),
        ("sub_tasks (status eq New)", "Filter field sub_tasks needs an operator before the parenthesis."),
        ("title isnull (status eq New)", "Filter operator isnull takes no value."),
    ],
)
def test_relations__that_are_not_whole_say_what_is_missing(text: str, wanted: str) -> None:
    assert reason(text) == wanted


def test_a_plain_filter_beside_an_encoded_one__is_refused() -> None:
    with pytest.raises(Refusal):
        ask([("filter[0][field]", "title"), ("filter", "title eq x")])


def test_indexes__go_by_number_and_the_last_of_equal_keys_wins() -> None:
    keys = "filter[10][{0}]={1}&filter[9][{0}]={2}"
    text = "&".join(keys.format(*row) for row in (("field", "title", "uri"), ("op", "eq", "eq"), ("value", "a", "b")))
    assert parse(f"{text}&filter[9][value]=c") == And((Condition("uri", "eq", "c"), Condition("title", "eq", "a")))


PIECES = st.sampled_from(
    [
        "title",
        "due_date",
        "sub_tasks",
        ".count",
        " ",
        " ",
        "eq",
        "in",
        "any",
        "(",
        ")",
        "[",
        "]",
        ",",
        '"',
        "'",
        "\\",
        "and",
        "or",
        "is",
        "not",
        "null",
        "today",
        "+",
        "-",
        "9" * 20,
        "d",
        "=",
        ">=",
        "!",
        "{",
        "}",
        ":",
        '"field"',
        '"op"',
        '"value"',
        "\0",
        "\ud800",
        "é",
        "%",
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40))
def test_any_text__is_a_filter_or_refused(text: str) -> None:
    try:
        assert isinstance(parse(text), All | Nothing | And | Or | Not | Condition | Through | Children)
    except Refusal as refusal:
        assert refusal.situation == "filter_wrong"


@given(
    st.lists(st.tuples(st.lists(PIECES | st.sampled_from(["0", "1", ""]), max_size=5), st.text(max_size=5)), max_size=5)
)
def test_any_keys__are_a_filter_or_refused(keys: list[tuple[list[str], str]]) -> None:
    pairs = [("filter" + "".join(f"[{name}]" for name in names), value) for names, value in keys]
    try:
        ask(pairs)
    except Refusal as refusal:
        assert refusal.situation == "filter_wrong"


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "(" * n,
        lambda n: "title eq '" + "\\'" * (n // 2),
        lambda n: "count" + " " * n,
        lambda n: "title count" + " " * n + "x",
        lambda n: "a" * n + "!",
        lambda n: "a." * (n // 2),
        lambda n: "title in [" + "a," * (n // 2),
        lambda n: "title eq a or " * (n // 14) + "title eq a",
        lambda n: "due_date in [" + ",".join(["now"] * (n // 4)) + "]",
        lambda n: "due_date eq today+" + "0" * n + "x",
        lambda n: '[{"field":"title","op":"in","value":[' + ",".join(['"a"'] * (n // 4)) + "]}]",
        lambda n: "&".join(f"filter[0][value][]={i}" for i in range(n // 24)),
    ],
)
def test_time__grows_no_faster_than_the_filter(make: Callable[[int], str]) -> None:
    def seconds(length: int) -> float:
        text, spent = make(length), []
        for _ in range(5):
            begun = time.process_time()
            with suppress(Refusal):
                parse(text)
            spent.append(time.process_time() - begun)
        return min(spent)

    assert seconds(8000) < 30 * seconds(1000) + 0.002  # a square would be 64 times as much
