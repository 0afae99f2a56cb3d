"""Requests to every operation of a document, good ones and bad ones, made from what the document itself says.

The good ones are its examples, the bad ones those with something changed. What is to be answered, nothing here knows.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from mockserver import spec
from mockserver.vendor import Operation, Vendor

JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
BOUNDARY = "part-of-the-probe"
LONG = "long " * 14_000
VALUES: tuple[Any, ...] = (
    None,
    0,
    -7,
    2.5,
    10**20,
    True,
    "",
    " ",
    "text",
    "2024-02-30",
    LONG,
    [],
    [None],
    {},
    {"a": 1},
)
BODIES: tuple[Any, ...] = ({}, [], [{}], "text", 5, True)
QUERIES = ("", "0", "-1", "1", "2.5", "x", "99999999999999999999", "a,b", "-created_at", "%", '"', "[", LONG[:2000])
IDS = ("0", "-1", "nope", "99999999999999999999", "00000000-0000-4000-8000-000000000000", "a b", "ä")


@dataclass(frozen=True)
class Probe:
    """One request below the vendor's base URL. `about` says what is special about it."""

    operation: str
    about: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    world: str = ""

    @property
    def target(self) -> str:
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.operation}, {self.about}: {self.method} {self.target[:200]} {(self.content or b'')[:200]!r}"


@dataclass(frozen=True)
class Body:
    """One documented example of a request's body."""

    name: str
    media: str
    value: Any


class Prober:
    """Makes the probes of one vendor. `headers` are those of its callers at the running stand-in."""

    def __init__(self, vendor: Vendor, headers: Mapping[str, Mapping[str, str]]) -> None:
        self._vendor = vendor
        self._headers = headers
        self._main = next(iter(headers))

    def all(self) -> Iterator[Probe]:
        for operation in self._vendor.operations.values():
            good = list(self.examples(operation))
            yield from good
            for number, probe in enumerate(self.changed(operation, good[0])):
                yield replace(probe, world=f"{operation.id} {number}")

    def examples(self, operation: Operation) -> Iterator[Probe]:
        """The document's examples: each body, and each value of each query parameter."""
        plain = Probe(
            operation.id, "as documented", operation.method, self.path(operation), headers=self._headers[self._main]
        )
        bodies = list(self._bodies(operation))
        for body in bodies:
            yield replace(with_body(plain, body), about=f"body {body.name}", world=f"{operation.id} {body}")
        first = with_body(plain, bodies[0]) if bodies else plain
        if not bodies:
            yield replace(plain, world=operation.id)
        for name, value in self._query(operation):
            yield replace(
                first, about=f"{name}={value}", query=((name, value),), world=f"{operation.id} {name} {value}"
            )

    def changed(self, operation: Operation, good: Probe) -> Iterator[Probe]:
        """Other callers, ids, parameters and bodies; and every answer that can be asked for."""
        yield from self._callers(good)
        for parameter in operation.parameters:
            if parameter["in"] == "path":
                for value in (*IDS, neighbour(example(self._vendor.document, parameter))):
                    yield replace(good, about=f"id {value}", path=self.path(operation, {parameter["name"]: value}))
            elif parameter["in"] == "query":
                for value in QUERIES:
                    yield replace(good, about=f"{parameter['name']}={value[:20]}", query=((parameter["name"], value),))
        yield replace(good, about="unknown parameter", query=(("unknown", "1"),))
        for body in self._bodies(operation):
            yield from changed_bodies(good, body)
        for status, response in operation.document["responses"].items():
            yield replace(good, about=f"asks for {status}", headers={**good.headers, "Prefer": f"code={status}"})
            for content in spec.resolve(self._vendor.document, response).get("content", {}).values():
                for name in content.get("examples", {}):
                    prefer = {"Prefer": f"code={status}, example={name}"}
                    yield replace(good, about=f"asks for {status} {name}", headers={**good.headers, **prefer})

    def followed(self, probe: Probe, status: int, answered: Any) -> Iterator[Probe]:
        """The links of the document, from an answer: each leads to a good request in the same world."""
        document, operation = self._vendor.document, self._vendor.operations[probe.operation]
        response = spec.resolve(document, operation.document["responses"].get(str(status), {}))
        for name, node in response.get("links", {}).items():
            link = spec.resolve(document, node)
            values = {to: pointed(answered, value) for to, value in link.get("parameters", {}).items()}
            if None in values.values():
                continue
            target = self._vendor.operations[link["operationId"]]
            queried = {parameter["name"] for parameter in target.parameters if parameter["in"] == "query"}
            led = Probe(
                target.id,
                f"link {name} of {probe.operation}",
                target.method,
                self.path(target, values),
                tuple((to, value) for to, value in values.items() if to in queried),
                probe.headers,
                world=probe.world,
            )
            bodies = [Body(name, JSON, link["requestBody"])] if "requestBody" in link else list(self._bodies(target))
            yield with_body(led, bodies[0]) if bodies else led

    def path(self, operation: Operation, values: Mapping[str, str] | None = None) -> str:
        known = {
            parameter["name"]: example(self._vendor.document, parameter)
            for parameter in operation.parameters
            if parameter["in"] == "path"
        }
        known |= {name: str(value) for name, value in (values or {}).items()}
        return re.sub(r"\{(\w+)\}", lambda found: quote(known[found[1]], safe=""), operation.path)

    def _callers(self, good: Probe) -> Iterator[Probe]:
        for caller, headers in self._headers.items():
            yield replace(good, about=f"as {caller}", headers={**good.headers, **headers})
        own = self._headers[self._main]
        bare = {name: value for name, value in good.headers.items() if name not in own}
        yield replace(good, about="no credentials", headers=bare)
        for name in own:
            without = {key: value for key, value in good.headers.items() if key != name}
            yield replace(good, about=f"without {name}", headers=without)
            for value in ("x", "Bearer x", "Bearer " + own[name][7:] + "x"):
                yield replace(good, about=f"wrong {name}", headers={**good.headers, name: value})

    def _bodies(self, operation: Operation) -> Iterator[Body]:
        document = self._vendor.document
        body = spec.resolve(document, operation.document.get("requestBody", {}))
        for media, content in body.get("content", {}).items():
            for name, node in content["examples"].items():
                yield Body(name, media, spec.resolve(document, node)["value"])

    def _query(self, operation: Operation) -> Iterator[tuple[str, str]]:
        for parameter in operation.parameters:
            if parameter["in"] == "query":
                for value in examples(self._vendor.document, parameter):
                    yield parameter["name"], value


def example(document: Any, parameter: Mapping[str, Any]) -> str:
    return examples(document, parameter)[0]


def examples(document: Any, parameter: Mapping[str, Any]) -> list[str]:
    """A parameter's documented values, as they stand in a URL."""
    if "example" in parameter:
        found = [parameter["example"]]
    else:
        found = [spec.resolve(document, one)["value"] for one in parameter.get("examples", {}).values()]
    return [json.dumps(value) if isinstance(value, bool) else str(value) for value in found]


def neighbour(key: str) -> str:
    """Another key of the same form, that hardly names anything."""
    return re.sub(r"[0-9](?=[^0-9]*$)", lambda found: str((int(found[0]) + 5) % 10), key)


def with_body(probe: Probe, body: Body) -> Probe:
    if body.media == MULTIPART:
        media, content = f"{MULTIPART}; boundary={BOUNDARY}", multipart(body.value, file_name="notes.txt")
    elif body.media == FORM:
        media, content = FORM, urlencode({name: str(value) for name, value in body.value.items()}).encode()
    else:
        media, content = body.media, json.dumps(body.value).encode()
    return replace(probe, headers={**probe.headers, "Content-Type": media}, content=content)


def multipart(fields: Mapping[str, Any], *, file_name: str | None) -> bytes:
    """Each part tells its type: Prism does not survive one that does not."""
    name_of_file = f'; filename="{file_name}"' if file_name else ""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{name_of_file}\r\n'
        f"Content-Type: text/plain\r\n\r\n{value}\r\n"
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


def changed_bodies(good: Probe, body: Body) -> Iterator[Probe]:
    """The example with each of its values changed or left out, and wholly other bodies."""
    for value, about in changed_values(body.value):
        yield replace(with_body(good, replace(body, value=value)), about=f"body {body.name}, {about}")
    if body.media == MULTIPART:
        yield replace(good, about="no file name", content=multipart(body.value, file_name=None))
        yield replace(good, about="another field", content=multipart({"other": "x"}, file_name="a.txt"))
        yield replace(good, about="no parts", content=multipart({}, file_name=None))
    for value in BODIES if body.media == JSON else ():
        yield replace(with_body(good, replace(body, value=value)), about=f"body {value!r}")
    for media in ("text/plain", "application/xml", "text/json"):
        yield replace(with_body(good, body), about=f"body as {media}", headers={**good.headers, "Content-Type": media})
    bare = {name: value for name, value in good.headers.items() if name != "Content-Type"}
    yield replace(good, about="no body", headers=bare, content=None)


def changed_values(node: Any) -> Iterator[tuple[Any, str]]:
    """A structure with one thing changed at a time, and what that is."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        yield {name: one for name, one in node.items() if name != key}, f"without {key}"
        for other in VALUES:
            yield {**node, key: other}, f"{key}={json.dumps(other)[:20]}"
        for inner, about in changed_values(value):
            yield {**node, key: inner}, f"{key}.{about}"
    yield {**node, "unknown": 1}, "unknown field"


def pointed(answered: Any, expression: Any) -> str | None:
    """What a runtime expression of a link leads to in an answer's body; other values are themselves."""
    if not str(expression).startswith("$response.body#"):
        return None if str(expression).startswith("$") else str(expression)
    try:
        value = spec.pointer(answered, str(expression).removeprefix("$response.body"))
    except LookupError:
        return None
    return None if value is None else str(value)
