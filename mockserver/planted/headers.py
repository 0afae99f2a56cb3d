"""Defects of the headers that every answer, or every answer of a status, bears by the documents."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mockserver import spec
from mockserver.engine.defect import Defect, Passage
from mockserver.engine.messages import Response
from mockserver.planted.schema import Promises
from mockserver.planted.words import each_answer, every, header_of, with_header
from mockserver.vendor import Vendor

_NUMBERED = "$request_id"


def defects(vendor: Vendor) -> Iterator[Defect]:
    found = _required(vendor)
    for name in found:
        yield Defect(
            f"{name.lower()}-is-missing",
            "header",
            f"Answers lack the header {name}.",
            every(vendor),
            each_answer(_without(name.lower().encode())),
            strays=True,
        )
    told = vendor.behaviour.get("responses", {}).get("headers", {})
    for name in (name for name, value in told.items() if value == _NUMBERED and name in found):
        yield Defect(
            f"{name.lower()}-stays-the-same",
            "header",
            f"Every answer has the same {name}.",
            every(vendor),
            _frozen(name.lower().encode()),
        )
    for name, schema in found.items():
        if "integer" in schema.get("type", ()):
            yield Defect(
                f"{name.lower()}-is-no-number",
                "header",
                f"The header {name} has a word behind its number.",
                every(vendor),
                each_answer(_changed(name.lower().encode(), lambda value: f"{value} requests")),
                strays=True,
            )
            break


def _required(vendor: Vendor) -> dict[str, Mapping[str, Any]]:
    """The headers that successes must have, and their schemas, but for those that only an assumption asks for."""
    loose = {
        pointer
        for rule in vendor.rules.values()
        if rule.judge == "schema" and not rule.binding
        for pointer in rule.detail
    }
    document = Promises(vendor).document
    found: dict[str, Mapping[str, Any]] = {}
    for operation in vendor.operations.values():
        response = spec.resolve(document, operation.document["responses"][str(operation.table.get("status", 200))])
        for name, header in response.get("headers", {}).items():
            resolved = spec.resolve(document, header)
            if resolved.get("required") and f"/components/headers/{name}" not in loose:
                found[name] = spec.resolve(document, resolved.get("schema", {}))
    return found


def _without(name: bytes) -> Callable[[Passage, Response], Response]:
    return lambda _, response: with_header(response, name, None)


def _changed(name: bytes, change: Callable[[str], str]) -> Callable[[Passage, Response], Response]:
    def around(_: Passage, response: Response) -> Response:
        value = header_of(response, name)
        return with_header(response, name, change(value)) if value is not None else response

    return around


def _frozen(name: bytes) -> Callable[[Passage], Response]:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        value = header_of(response, name)
        return with_header(response, name, passage.memory.setdefault(name, value)) if value is not None else response

    return around
