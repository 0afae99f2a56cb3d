"""Read one YAML file so that every mistake in it, found now or later, can be told with file and line.

Reads the core schema of YAML 1.2, in which `no` is a word and a date is text: the reader that comes with PyYAML speaks
1.1 and would turn both into something else. What the file means is not judged here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing that is wrong in a file; line 0 when the trouble is the file itself."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class SpecError(Exception):
    """A vendor folder that cannot be served; bears every mistake that was found in it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


@dataclass(frozen=True)
class Source:
    """A file that was read: its content, what was wrong already, and the way back from content to lines."""

    file: str
    content: Any
    root: yaml.Node | None
    mistakes: tuple[Mistake, ...]

    def line(self, *keys: object) -> int:
        """The line of the entry at these keys, or of the nearest entry around it."""
        node, line = self.root, 1
        for key in keys:
            node, found = _step(node, str(key))
            if node is None:
                return line
            line = found
        return line

    def mistake(self, keys: Iterable[object], message: str) -> Mistake:
        return Mistake(self.file, self.line(*keys), message)


def read(path: Path, *, text_keys: bool = False) -> Source:
    """Read a file; with `text_keys` every key becomes text, as in JSON (`200:` and `"200":` are the same)."""
    file = shown(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        return Source(file, None, None, (Mistake(file, 0, f"cannot be read: {error.strerror}"),))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return Source(file, None, None, (Mistake(file, line, "is not UTF-8 text"),))
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        return Source(file, None, None, (_unreadable(file, error),))
    if root is None:
        return Source(file, None, None, (Mistake(file, 0, "is empty"),))
    builder = _Builder(file, text_keys)
    content = builder.build(root)
    return Source(file, content, root, tuple(builder.mistakes))


def shown(path: Path) -> str:
    """A path as a person reads it: from where they stand, if it is below."""
    path = path.absolute()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


# What a plain word may be instead of text: its kind, its form, and the characters that it can begin with.
_WORDS = (
    ("null", "~|null|Null|NULL|", ("", "~", "n", "N")),
    ("bool", "true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    ("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", tuple("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", tuple("-+.0123456789")),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {
        first: [
            (f"tag:yaml.org,2002:{kind}", re.compile(f"(?:{form})$"))
            for kind, form, firsts in _WORDS
            if first in firsts
        ]
        for first in {first for _, _, firsts in _WORDS for first in firsts}
    }


def _integer(text: str) -> int:
    return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))


_SCALARS: dict[str, Any] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:null": lambda text: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:int": _integer,
    "tag:yaml.org,2002:float": float,
}


class _Builder:
    """Turns nodes into dictionaries, lists and scalars; keeps what it had to refuse."""

    def __init__(self, file: str, text_keys: bool) -> None:
        self.file = file
        self.text_keys = text_keys
        self.mistakes: list[Mistake] = []
        self._open: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            return self._refuse(node, "an anchor contains itself")
        self._open.add(id(node))
        built = self._mapping(node) if isinstance(node, yaml.MappingNode) else [self.build(n) for n in node.value]
        self._open.discard(id(node))
        return built

    def _mapping(self, node: yaml.MappingNode) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, "a key must be plain text")
                continue
            key = key_node.value if self.text_keys else self._scalar(key_node)
            if key in built:
                self._refuse(key_node, f"the key {key!r} stands here for the second time")
            built[key] = self.build(value_node)
        return built

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        convert = _SCALARS.get(node.tag)
        if convert is None:
            return self._refuse(node, f"the tag {node.tag} is not read here")
        try:
            return convert(node.value)
        except ValueError:
            return self._refuse(node, f"{node.value!r} is not a value of the kind {node.tag.rpartition(':')[2]}")

    def _refuse(self, node: yaml.Node, message: str) -> None:
        self.mistakes.append(Mistake(self.file, node.start_mark.line + 1, message))


def _step(node: yaml.Node | None, key: str) -> tuple[yaml.Node | None, int]:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == key:
                return value_node, key_node.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and key.isdecimal() and int(key) < len(node.value):
        item = node.value[int(key)]
        return item, item.start_mark.line + 1
    return None, 0


def _unreadable(file: str, error: yaml.YAMLError) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return Mistake(file, mark.line + 1 if mark else 0, f"is not YAML: {problem}")
