"""Faithful tenants, derived from the model: each differs from the stand-in only where the documents leave room.

A front stands before the stand-in like a proxy and changes answers; a switch turns the stand-in itself.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.document import Document
from contracts.envelopes import Refusals
from contracts.model import Model
from contracts.room import may_lack
from mockserver.vendor import Vendor

Front = Callable[[Any], Any]  # wraps an ASGI application
Change = Callable[[str, str, int, Any], int]  # told method, path, status and JSON; changes that, answers the status

_MORE = ((b"server", b"nginx"), (b"via", b"1.1 gateway"), (b"vary", b"Accept-Encoding"), (b"x-powered-by", b"PHP/8.3"))


@dataclass(frozen=True)
class Variant:
    """One faithful tenant: its name, what a person reads of it, and how it comes about."""

    name: str
    what: str
    front: Front
    switches: Mapping[str, str]


def straight(app: Any) -> Any:
    """No front at all."""
    return app


def variants(vendor: Vendor) -> dict[str, Variant]:
    """By name; those that the vendor's model has room for."""
    found = [Variant("gateway", "behind a gateway: other bytes of the same JSON, in pieces", gateway, {})]
    if may_lack(vendor):
        what = "records tell no more than a tenant has to tell"
        found.append(Variant("fewer-fields", what, _answering(fewer_fields(vendor)), {}))
    if any(entry.get("instead") for entry in _catalogue(vendor).values()):
        what = "refusals bear the other status that they may have"
        found.append(Variant("other-statuses", what, _answering(other_statuses(vendor)), {}))
    for name, table in vendor.behaviour.get("switches", {}).items():
        for value in table["values"][1:]:
            found.append(Variant(f"{name}={value}", table["about"], straight, {name: value}))
    return {each.name: each for each in found}


def gateway(app: Any) -> Any:
    """Other headers, other bytes of the same JSON, and a body that comes in pieces."""

    def turned(body: bytes) -> Iterator[bytes]:
        try:
            told = json.loads(body)
        except ValueError:
            yield body
            return
        text = json.dumps(_backwards(told), indent=1, ensure_ascii=True).encode()
        yield text[: len(text) // 2]
        yield text[len(text) // 2 :]

    async def fronted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start, body = await _whole(app, scope, receive)
        parts = list(turned(body)) if body and scope["method"] != "HEAD" else []
        if parts:
            fields = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        else:
            fields = list(start["headers"])
        await send({**start, "headers": [(name.title(), value) for name, value in (*fields, *_MORE)]})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return fronted


def fewer_fields(vendor: Vendor) -> Change:
    """Of what a schema demands, only what it demands of a tenant; under its other name what may have one."""
    model, document = Model(vendor), Document(vendor.document)
    spared = {
        schema: frozenset(document.at(schema)["required"]) - set(value)
        for pointer, value in vendor.behaviour.get("room", {}).items()
        if pointer.endswith("/required") and (schema := pointer.removesuffix("/required"))
    }
    pagings = (table.get("paging", {}) for table in vendor.behaviour["operations"].values())
    aliases = {name: alias for paging in pagings for name, alias in paging.get("aliases", {}).items()}

    def change(method: str, path: str, status: int, body: Any) -> int:
        route = model.route(method, path.removeprefix(vendor.mount))
        place = document.response(route.operation, status) if route is not None else None
        media = document.media(place, "application/json") if place is not None else None
        poor: list[tuple[dict[str, Any], frozenset[str]]] = []

        def visit(pointer: str, part: Any, where: tuple[str, ...]) -> bool:
            if pointer in spared and isinstance(part, dict):
                poor.append((part, spared[pointer]))
            return False

        if media is not None:
            document.walk(*media, body, visit)
        for part, names in poor:
            for name in part.keys() & names:
                value = part.pop(name)
                if name in aliases:
                    part[aliases[name]] = value
        return status

    return change


def other_statuses(vendor: Vendor) -> Change:
    """The status that a refusal may have instead, where all that it can be may have that one."""
    catalogue, refusals = _catalogue(vendor), Refusals(vendor.behaviour["errors"])

    def change(method: str, path: str, status: int, body: Any) -> int:
        names = refusals.entries(status, body) if status >= 400 else []
        choices = [catalogue[name].get("instead", ()) for name in names]
        common = set.intersection(*map(set, choices)) if choices else set()
        return next((each for each in choices[0] if each in common and each >= 400), status) if common else status

    return change


def _catalogue(vendor: Vendor) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = vendor.behaviour.get("errors", {}).get("catalogue", {})
    return found


def _backwards(node: Any) -> Any:
    """The same JSON, the keys of each object in another order."""
    if isinstance(node, list):
        return [_backwards(each) for each in node]
    if isinstance(node, Mapping):
        return {key: _backwards(node[key]) for key in reversed(node)}
    return node


def _answering(change: Change) -> Front:
    """A front that changes what is JSON."""

    def front(app: Any) -> Any:
        async def fronted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["method"] == "HEAD":
                await app(scope, receive, send)
                return
            start, body = await _whole(app, scope, receive)
            try:
                told = json.loads(body)
                status = change(scope["method"], scope["path"], start["status"], told)
            except ValueError:
                status, content = start["status"], body
            else:
                content = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
            fields = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            length = [(b"content-length", b"%d" % len(content))] if content or body else []
            await send({**start, "status": status, "headers": [*fields, *length]})
            await send({"type": "http.response.body", "body": content})

        return fronted

    return front


async def _whole(app: Any, scope: Any, receive: Any) -> tuple[dict[str, Any], bytes]:
    """The start of an answer, and its whole body."""
    start: dict[str, Any] = {}
    parts: list[bytes] = []

    async def keep(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    return start, b"".join(parts)
