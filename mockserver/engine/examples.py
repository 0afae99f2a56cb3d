"""The document's own examples as answers, for callers who ask for one with the `Prefer` header (RFC 7240)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from mockserver.engine.bodies import faults
from mockserver.engine.errors import Refusal
from mockserver.engine.messages import Request

MAX_DELAY = 600.0


class Preferences(NamedTuple):
    """What the `Prefer` headers of a request ask for; `delay` in seconds."""

    code: str | None = None
    example: str | None = None
    delay: float = 0.0


# Possessive throughout: nothing is tried twice, whatever the header is made of.
_PART = re.compile(r'([^\s,;="]++)\s*+(?:=\s*+(?:"([^"]*+)"|([^,;]*+)))?+')
_SECONDS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")


def preferences(request: Request) -> Preferences:
    """Raises Refusal for a delay that is no number of seconds; other preferences are not ours and pass."""
    asked: dict[str, str] = {}
    for name, value in request.headers:
        if name == b"prefer":
            for match in _PART.finditer(value.decode("latin-1")):
                asked.setdefault(match[1].lower(), (match[2] if match[2] is not None else match[3] or "").strip())
    delay = 0.0
    if "delay" in asked:
        delay = float(asked["delay"]) if _SECONDS.fullmatch(asked["delay"]) else -1.0
        if not 0 <= delay <= MAX_DELAY:
            raise _refusal(f"delay={asked['delay']:.40} is not a number of seconds from 0 to {MAX_DELAY:.0f}")
    return Preferences(asked.get("code"), asked.get("example"), delay)


class Example(NamedTuple):
    """`headers` are those that the document shows with this status; their names are in lower case."""

    status: int
    name: str
    media_type: str
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()


@dataclass(frozen=True)
class Examples:
    """All examples of one operation's responses, in the order of the document, and of their headers by status."""

    statuses: tuple[str, ...]
    found: tuple[Example, ...]
    headers: Mapping[int, Sequence[tuple[bytes, bytes]]]

    def choose(self, wanted: Preferences) -> Example:
        """Raises Refusal, which names what the document has, when it has no such example."""
        if wanted.code is not None and wanted.code not in self.statuses:
            raise _refusal(f"code={wanted.code:.40} is not declared here; declared: {', '.join(self.statuses)}")
        fitting = [one for one in self.found if wanted.code in (None, str(one.status))]
        if wanted.example is None:
            status = int(wanted.code or 200)
            return fitting[0] if fitting else Example(status, "", "", b"", self.headers.get(status, ()))
        for one in fitting:
            if one.name == wanted.example:
                return one
        names = ", ".join(f"{one.name} ({one.status})" for one in fitting if one.name) or "none"
        raise _refusal(f"example={wanted.example:.40} is not in the document; there: {names}")


def _refusal(reason: str) -> Refusal:
    return Refusal("parameter_malformed", rule="", values=faults({"Prefer": reason}))


def collect(responses: Mapping[str, Any], resolve: Any) -> Examples:
    """The examples of an OpenAPI responses object; `resolve` follows a $ref."""
    found = []
    headers = {}
    for status, node in responses.items():
        if not status.isdigit():
            continue
        response = resolve(node)
        shown = {name: resolve(one).get("example") for name, one in response.get("headers", {}).items()}
        headers[int(status)] = [
            (name.lower().encode(), str(value).encode()) for name, value in shown.items() if value is not None
        ]
        for kind, media in response.get("content", {}).items():
            named = {name: resolve(one).get("value") for name, one in media.get("examples", {}).items()}
            if "example" in media:
                named = {"": media["example"], **named}
            found += [
                Example(int(status), name, kind, orjson.dumps(value), headers[int(status)])
                for name, value in named.items()
            ]
    in_order = tuple(sorted(found, key=lambda one: one.status >= 300))
    return Examples(tuple(filter(str.isdigit, responses)), in_order, headers)
