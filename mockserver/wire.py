"""How a request is taken from the wire and an answer put on it: ASGI messages in, engine messages out, and back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from mockserver.engine.messages import Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# What is read and thrown away behind a body that is too long, so that a client that is still sending gets the refusal
# and not a broken connection.
MAX_READ = 64 << 20


class Disconnected(Exception):
    """The client went away before its request was complete."""


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole body, cut behind `most` bytes. Raises Disconnected."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body[:most]
    parts, size = [], 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        if size < most:
            parts.append(part[: most - size])
        size += len(part)
        if not message.get("more_body") or size > MAX_READ:
            return b"".join(parts)
        message = await receive()
    raise Disconnected


async def is_sent(receive: Receive) -> bool:
    """Hear a request out before it is refused: a client that is still sending would find its connection broken."""
    try:
        await read_body(receive, 0)
    except Disconnected:
        return False
    return True


def request_of(scope: Scope, parameters: Mapping[str, str], body: bytes = b"") -> Request:
    return Request(scope["method"], scope["path"], scope["query_string"], list(scope["headers"]), parameters, body)


async def send_response(send: Send, response: Response, delay: float = 0.0) -> None:
    if delay:
        await asyncio.sleep(delay)
    headers = list(response.headers)
    if response.status != 204:  # which says by itself that there is no body
        headers.append((b"content-length", b"%d" % len(response.body)))
    if response.rule:
        headers.append((b"x-mock-rule", response.rule.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
