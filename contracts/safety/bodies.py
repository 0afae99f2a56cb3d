"""What stands in the body of a request, read as generously as any server might read it. Judges nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from contracts.findings import media_type
from contracts.wire import Outgoing

Leaf = tuple[str, Any]  # the name of the nearest field, and a value that is neither an object nor a list
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class Part(NamedTuple):
    """One part of a multipart body; what has parts itself has no content."""

    name: str
    content: bytes | None
    is_file: bool


class _Pairs(list[tuple[str, Any]]):
    """The fields of an object, with those that are said twice: which of them counts is the server's choice."""


def leaves(request: Outgoing) -> list[Leaf] | None:
    """Every plain value of a body under the name of the field that it stands in; None for what cannot be read."""
    body, kind = request.body or b"", content_type(request)
    plain = media_type(kind)
    try:
        if plain == FORM:
            return [(field_name(name), text) for name, text in parse_qsl(body.decode(), keep_blank_values=True)]
        if plain == MULTIPART:
            held = [(part.name, part.content) for part in parts(kind, body) if not part.is_file]
            return [(field_name(name), text.decode("utf-8", "replace")) for name, text in held if text is not None]
        return list(_walk("", json.loads(body, object_pairs_hook=_Pairs))) if body else []
    except (ValueError, RecursionError):
        return None


def fields(request: Outgoing, wrapper: str | None) -> dict[str, Any]:
    """The fields of a body by name, below the operation's wrapper; empty for what cannot be read, or is no object."""
    body, kind = request.body or b"", content_type(request)
    plain = media_type(kind)
    if plain in (FORM, MULTIPART):
        return dict(leaves(request) or ())
    try:
        told = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return {}
    inner = told.get(wrapper, told) if isinstance(told, Mapping) and wrapper is not None else told
    return dict(inner) if isinstance(inner, Mapping) else {}


def text(request: Outgoing) -> str:
    """The body as text, for what cannot be read otherwise."""
    return (request.body or b"").decode("utf-8", "replace")


def content_type(request: Outgoing) -> str:
    return next((value for name, value in request.headers if name.lower() == "content-type"), "")


def field_name(name: str) -> str:
    """The field that a name of a form means: `task[title]` and `title` are one."""
    return re.sub(r"(\[\])+$", "", name).rpartition("[")[2].rstrip("]")


def parts(kind: str, body: bytes) -> Iterator[Part]:
    """The parts of a multipart body of this content type that have a name. ValueError where it is no such body."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace") + body)
    if not message.is_multipart():
        raise ValueError("not multipart")
    for part in message.iter_parts():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str):
            yield Part(name, content if isinstance(content, bytes) else None, part.get_filename() is not None)


def _walk(name: str, node: Any) -> Iterator[Leaf]:
    if isinstance(node, _Pairs):
        for key, value in node:
            yield from _walk(key, value)
    elif isinstance(node, list):
        for item in node:
            yield from _walk(name, item)
    else:
        yield name, node
