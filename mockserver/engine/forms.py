"""Bodies that are no JSON: form-encoded ones with keys in brackets, and multipart ones with files."""

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MOST_FIELDS = 2000
MOST_DEPTH = 20


class Upload(NamedTuple):
    """A part of a multipart body that has a file name."""

    file_name: str
    media_type: str | None
    content: bytes


_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def read_form(body: bytes) -> dict[str, Any]:
    """`a[b]=1&c[][d]=2&c[][e]=3` as `{"a": {"b": "1"}, "c": [{"d": "2", "e": "3"}]}`, all values texts.

    A key that the last object of a list has already begins the next object. Raises ValueError for keys that contradict
    one another, and for too many of them.
    """
    found: dict[str, Any] = {}
    pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            found[key] = value
            continue
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > MOST_DEPTH:
            raise ValueError(f"the key {key[:80]!r} is nested too deeply")
        _put(found, path, value, key)
    return found


def _put(node: dict[str, Any], path: list[str], value: str, key: str) -> None:
    name, rest = path[0], path[1:]
    if not rest:
        node[name] = value
        return
    if rest[0]:
        inner = node.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ValueError(f"the key {key[:80]!r} contradicts another one")
        _put(inner, rest, value, key)
        return
    items = node.setdefault(name, [])
    if not isinstance(items, list):
        raise ValueError(f"the key {key[:80]!r} contradicts another one")
    if len(rest) == 1:
        items.append(value)
        return
    if not items or not isinstance(items[-1], dict) or _has(items[-1], rest[1:]):
        items.append({})
    _put(items[-1], rest[1:], value, key)


def _has(node: dict[str, Any], path: list[str]) -> bool:
    """Whether a value stands at the path, so that another one would overwrite it."""
    for name in path[:-1]:
        below = node.get(name)
        if isinstance(below, list):
            return False
        if not isinstance(below, dict):
            return name in node
        node = below
    return path[-1] in node and path[-1] != ""


def read_multipart(content_type: str, body: bytes) -> dict[str, Any]:
    """Name -> text or Upload, of several parts with one name the first. Raises ValueError for what is no such body."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise ValueError("the boundary of the parts is not told")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.logger.disabled = True  # what is wrong with a body is told to its sender
        parser.write(body)
        parser.finalize()
    except MultipartParseError as error:
        raise ValueError(f"the parts cannot be read: {error}") from None
    if not parts.is_ended:
        raise ValueError("the last boundary is missing")
    return parts.found


class _Parts:
    """Receives what the parser finds."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.is_ended = False
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._content: list[bytes] = []

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_name(data[start:end]),
            "on_header_value": lambda data, start, end: self._add_value(data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._content.append(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._headers, self._content = {}, []

    def _add_name(self, piece: bytes) -> None:
        self._name += piece

    def _add_value(self, piece: bytes) -> None:
        self._value += piece

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        content = b"".join(self._content)
        if b"filename" in options:
            given = self._headers.get(b"content-type")
            media_type = given.decode("latin-1").strip() if given else None
            part: Any = Upload(options[b"filename"].decode("utf-8", "replace"), media_type, content)
        else:
            part = content.decode("utf-8", "replace")
        self.found.setdefault(name, part)

    def _finish(self) -> None:
        self.is_ended = True
