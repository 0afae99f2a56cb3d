"""YAML as it is read here: the words of version 1.2, and the way back to lines."""

from pathlib import Path
from typing import Any

import pytest

from mockserver.yamlfile import Source, read


def source(tmp_path: Path, text: str, **options: Any) -> Source:
    (tmp_path / "a.yaml").write_text(text)
    return read(tmp_path / "a.yaml", **options)


TEXTS = ["no", "on", "2024-01-01", "12:30", "1_000", ".inf"]
WORDS = {"'1'": "1", "0x1F": 31, "010": 10, "-3": -3, "1.5e3": 1500.0, ".5": 0.5, "true": True, "False": False}
NOTHING = ["~", "", "null"]


@pytest.mark.parametrize(
    ("word", "value"), [*((text, text) for text in TEXTS), *WORDS.items(), *((word, None) for word in NOTHING)]
)
def test_read__words(tmp_path: Path, word: str, value: Any) -> None:
    assert source(tmp_path, f"key: {word}").content == {"key": value}


def test_read__keys_keep_their_kind_or_become_text(tmp_path: Path) -> None:
    assert source(tmp_path, "200: {1: a}").content == {200: {1: "a"}}
    assert source(tmp_path, "200: {1: a}", text_keys=True).content == {"200": {"1": "a"}}


def test_line__of_a_key_an_item_and_what_is_not_there(tmp_path: Path) -> None:
    read = source(tmp_path, "a:\n  b:\n    - x\n    - c: 1\n")
    assert read.line("a", "b", 1, "c") == 4
    assert read.line("a", "b", 0) == 3
    assert read.line("a", "b", 7, "z") == 2
    assert read.line("z") == 1


def test_read__an_alias_is_the_same_value(tmp_path: Path) -> None:
    assert source(tmp_path, "a: &x [1]\nb: *x").content == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1\na: 2", 2), ("a: 1\n? [b]\n: 2", 2), ("a:\n  !x b", 2), ("a: [", 2), ("a: !!int x", 1)]
)
def test_read__tells_mistakes_with_their_line(tmp_path: Path, text: str, line: int) -> None:
    (mistake,) = source(tmp_path, text).mistakes
    assert mistake.line == line


def test_read__tells_a_path_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert source(tmp_path, "a: 1").file == "a.yaml"
