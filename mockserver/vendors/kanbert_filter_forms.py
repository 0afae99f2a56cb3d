"""The three forms in which a filter is written - text, JSON, form-encoded keys - and the one tree that they mean.

Only what can be told without the table of fields is refused here: what cannot be read, is too long or too deep.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NoReturn, TypeAlias

from mockserver.engine.errors import Refusal

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_UNFIT = re.compile("[\0\ud800-\udfff]")  # what no text of a record holds


class Number(str):
    """A number of JSON, as it was written."""


class Odd(str):
    """What stands for a value of JSON that none can be: true, false, an object, a list in a list."""


class Sign:
    """What stands in the place of a value and is none."""


ABSENT, NULL = Sign(), Sign()


@dataclass(frozen=True, slots=True)
class Clause:
    """A field, an operator in lower case, and a value: a text, null, several of these, or for a relation a tree."""

    field: str
    op: str
    value: Any = ABSENT
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    joined: Literal["and", "or"]
    parts: tuple["Tree", ...]
    depth: int = 0


Tree: TypeAlias = Clause | Group


def refuse(reason: str) -> NoReturn:
    raise Refusal("filter_wrong", values={"reason": reason})


def shown(text: str) -> str:
    """A text of a caller, as a message quotes it: not too long, and such that it can be sent."""
    return _UNFIT.sub("\ufffd", text if len(text) <= 80 else f"{text[:79]}…")


@dataclass(frozen=True)
class Words:
    """What the forms have to know of the table: the operators that take a list, nothing or sub-records; the limits."""

    lists: AbstractSet[str]
    nulls: AbstractSet[str]
    relations: AbstractSet[str]
    characters: int
    depth: int


class Reader:
    """Reads filters of any form."""

    def __init__(self, words: Words) -> None:
        self._words = words

    @cached_property
    def _text(self) -> Callable[[str], Tree]:
        """Made for the first text that is read: grammar and parser take longer than all else that a start makes."""
        from mockserver.vendors.kanbert_filter_text import parser

        return parser(self._words)

    def measure(self, length: int) -> None:
        if length > self._words.characters:
            refuse(f"The filter is longer than {self._words.characters} characters.")

    def read(self, text: str) -> Tree | None:
        """The tree of a text or of JSON; None where there is no filter."""
        self.measure(len(text))
        if unfit := _UNFIT.search(text):
            unreadable(f"character {unfit.start() + 1}")
        body = text.strip()
        if body[:1] in ("[", "{"):
            return _Json(self._words, _pointer).whole(_parse_json(text))
        return self._text(text) if body else None

    def read_form(self, pairs: Sequence[tuple[str, str]], parameter: str) -> Tree | None:
        """The tree of keys such as `filter[0][field]`, each with its value."""
        self.measure(sum(len(key) + len(value) for key, value in pairs))
        root = _Branch()
        for key, value in pairs:
            segments = _segments(key, parameter)
            if len(segments) > 2 * self._words.depth + 4:
                too_deep(self._words.depth)
            if _UNFIT.search(value):
                unreadable(shown(key))
            root.put(segments, value, key)
        return _Json(self._words, lambda path: _form_key(path, parameter)).whole(root.plain(parameter))


def unreadable(where: str) -> NoReturn:
    refuse(f"The filter cannot be read at {where}.")


def too_deep(limit: int) -> NoReturn:
    refuse(f"The filter is nested deeper than {limit}.")


# JSON


def _parse_json(text: str) -> Any:
    """JSON with its numbers as they are written. Of equal keys the last wins."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        unreadable(f"character {error.pos + 1}")
    except RecursionError:
        refuse("The filter is nested too deep.")


def _no_constant(name: str) -> NoReturn:
    refuse(f"The filter cannot be read: {name} is no JSON.")


Path: TypeAlias = tuple[str | int, ...]


class _Json:
    """Turns a value of JSON into a tree; `place` writes where in it something is wrong."""

    def __init__(self, words: Words, place: Callable[[Path], str]) -> None:
        self._words = words
        self._place = place

    def whole(self, value: Any) -> Tree | None:
        return None if value == [] else self._tree(value, (), 0)

    def _tree(self, value: Any, path: Path, depth: int) -> Tree:
        """A condition, a group, or a list of these, joined by and."""
        if depth > self._words.depth:
            too_deep(self._words.depth)
        if isinstance(value, list):
            return self._group("and", value, path, depth)
        if not isinstance(value, Mapping):
            self._wrong(path)
        if "field" in value or "op" in value:
            return self._clause(value, path, depth)
        if set(value) not in ({"and"}, {"or"}):
            self._wrong(path)
        ((word, members),) = value.items()
        if not isinstance(members, list):
            self._wrong((*path, word))
        return self._group(word, members, (*path, word), depth + 1)

    def _group(self, word: Literal["and", "or"], members: Sequence[Any], path: Path, depth: int) -> Tree:
        if not members or any(not isinstance(member, Mapping) for member in members):
            self._wrong(path)
        return Group(word, tuple(self._tree(member, (*path, at), depth) for at, member in enumerate(members)))

    def _clause(self, value: Mapping[str, Any], path: Path, depth: int) -> Tree:
        if not value.keys() <= {"field", "op", "value"}:
            self._wrong(path)
        field, op = (self._word(value.get(name), (*path, name)) for name in ("field", "op"))
        op = op.lower()
        if op in self._words.nulls or "value" not in value:
            return Clause(field, op)
        given, at = value["value"], (*path, "value")
        if op in self._words.lists and type(given) is str:
            given = [part.strip() for part in given.split(",")] if given.strip() else []
        if isinstance(given, Mapping) or (isinstance(given, list) and any(isinstance(each, Mapping) for each in given)):
            return Clause(field, op, self._tree(given, at, depth + 1))
        return Clause(field, op, tuple(map(self._single, given)) if isinstance(given, list) else self._single(given))

    def _word(self, value: Any, path: Path) -> str:
        if type(value) is not str:
            self._wrong(path)
        return value

    def _single(self, value: Any) -> Any:
        if value is None:
            return NULL
        if isinstance(value, str):
            return Odd(shown(value)) if _UNFIT.search(value) else value
        if isinstance(value, bool):
            return Odd("true" if value else "false")
        return Odd("list" if isinstance(value, list) else "object")

    def _wrong(self, path: Path) -> NoReturn:
        unreadable(self._place(path))


def _pointer(path: Path) -> str:
    return shown("/" + "/".join(map(str, path)))


# The form-encoded form


class _Branch(dict[str, Any]):
    """What stands under a key, by the next part of the key."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0

    def put(self, segments: Sequence[str], value: str, key: str) -> None:
        """Of values under the same key the last wins."""
        branch: _Branch = self
        for segment in segments[:-1]:
            below = branch.setdefault(branch.name(segment), _Branch())
            if not isinstance(below, _Branch):
                unreadable(shown(key))
            branch = below
        last = branch.name(segments[-1])
        if isinstance(branch.get(last), _Branch):
            unreadable(shown(key))
        branch[last] = value

    def name(self, segment: str) -> str:
        """The segment; in place of an empty one the number after the highest."""
        segment = segment or str(self._next)
        if _INDEX.fullmatch(segment):
            self._next = max(self._next, int(segment) + 1)
        return segment

    def plain(self, place: str) -> Any:
        """Lists where all parts are numbers, else objects. No deeper than the keys, of which that has been asked."""
        below = {
            name: part.plain(f"{place}[{name}]") if isinstance(part, _Branch) else part for name, part in self.items()
        }
        numbers = [name for name in below if _INDEX.fullmatch(name)]
        if not numbers:
            return below
        if len(numbers) < len(below):
            unreadable(shown(place))
        return [below[name] for name in sorted(numbers, key=int)]


def _segments(key: str, parameter: str) -> list[str]:
    """`filter[0][value][]` -> 0, value and nothing."""
    rest = key.removeprefix(parameter)
    segments = rest[1:-1].split("][")
    if not rest.endswith("]") or any("[" in segment or "]" in segment for segment in segments):
        unreadable(shown(key))
    return segments


def _form_key(path: Path, parameter: str) -> str:
    return shown(parameter + "".join(f"[{part}]" for part in path))
