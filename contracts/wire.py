"""How one request reaches a target: into an app in this process, or over HTTP. Only guard and control plane send.

A wire takes the raw path with its query as it shall stand in the request line, and follows no redirect.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from urllib.parse import unquote_to_bytes, urlsplit

import httpcore

from contracts.connection import Connections, TargetLost, Unreadable, Unsendable, read, told
from contracts.findings import Headers

__all__ = [
    "LARGEST_BODY",
    "TIMEOUT",
    "App",
    "HttpWire",
    "LocalWire",
    "Outgoing",
    "Reply",
    "TargetLost",
    "Unsendable",
    "Wire",
]

Scope: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

LARGEST_BODY = 16 * 1024 * 1024
TIMEOUT = 30.0  # seconds from the first byte sent to the last byte read
_DEFAULTS = {"user-agent": "proofboard", "accept": "*/*", "accept-encoding": "gzip, deflate"}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True)
class Outgoing:
    """One request as it goes out; `target` is path and query, percent-encoded."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None


@dataclass(frozen=True)
class Reply:
    """One response as it came in."""

    status: int
    headers: Headers
    body: bytes
    elapsed: float


class Wire(Protocol):
    """Sends one request; `origin` is scheme and authority."""

    origin: str

    def send(self, request: Outgoing) -> Reply: ...

    def close(self) -> None: ...


class HttpWire:
    """Connections to one origin. TLS is verified, proxies come from the environment.

    A request with its whole answer gets `timeout` seconds, however slowly the bytes come. Else it is TargetLost. What
    is no HTTP is Unsendable, and not sent.
    """

    def __init__(self, origin: str, *, timeout: float | None = None) -> None:
        self.origin = origin
        self._timeout = TIMEOUT if timeout is None else timeout
        self._connections = Connections(origin)

    def send(self, request: Outgoing) -> Reply:
        started = time.perf_counter()
        if flaw := _flaw(request):
            raise Unsendable(_unsendable(request, flaw))
        try:
            with self._connections.stream(
                request.method,
                request.target.encode("ascii", "replace"),
                _fields(request),
                _content(request),
                seconds=self._timeout,
            ) as answer:
                fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
                headers = Headers(fields)
                body = read(answer, headers.get("content-encoding", ""), LARGEST_BODY)
        except httpcore.TimeoutException as error:
            raise TargetLost(
                f"{self.origin} {told(error, self._timeout)}",
                was_sent=not isinstance(error, httpcore.ConnectTimeout),
                is_timeout=True,
            ) from None
        except httpcore.LocalProtocolError as error:  # the value that it tells may be a secret
            raise Unsendable(_unsendable(request, str(error).partition(" b'")[0].partition(' b"')[0].lower())) from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            httpcore.UnsupportedProtocol,
        ) as error:
            is_answer = isinstance(error, (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError))
            raise TargetLost(f"{self.origin} {told(error, self._timeout)}", was_sent=is_answer) from None
        except Unreadable as error:
            path = request.target.partition("?")[0]
            raise TargetLost(f"{self.origin} cannot be read: the answer to {request.method} {path} {error}") from None
        return Reply(answer.status, headers, body, time.perf_counter() - started)

    def close(self) -> None:
        self._connections.close()


def _flaw(request: Outgoing) -> str | None:
    """What would only be noticed when half of a request is sent."""
    told = {name.lower(): value for name, value in request.headers}
    if "content-length" in told and "transfer-encoding" not in told:
        length = told["content-length"].strip()
        if not length or (length.lstrip("0") or "0") != str(len(request.body or b"")):
            return "another content-length than its body's"
    return None if request.method.isascii() else "illegal method characters"


def _unsendable(request: Outgoing, flaw: str) -> str:
    path = request.target.partition("?")[0]
    return ascii(f"{request.method} {path}")[1:-1] + f" cannot be written as HTTP: {flaw}"


def _fields(request: Outgoing) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in request.headers}
    defaults = [(name, value) for name, value in _DEFAULTS.items() if name not in given]
    return [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in [*defaults, *request.headers]
    ]


def _content(request: Outgoing) -> bytes | None:
    """A method that is made for a body says so when it has none: its length is 0."""
    return b"" if request.body is None and request.method.upper() in _WITH_BODY else request.body


class LocalWire:
    """Calls an ASGI app on one private event loop, so that any thread can send and nothing is set up twice."""

    def __init__(self, app: App, origin: str, *, at_end: Callable[[], None] = lambda: None) -> None:
        self.origin = origin
        self._app = app
        self._at_end = at_end
        self._host = urlsplit(origin).netloc
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="target", daemon=True)
        self._thread.start()

    def send(self, request: Outgoing) -> Reply:
        started = time.perf_counter()
        call = _Call(request, self._host)
        try:
            asyncio.run_coroutine_threadsafe(call.run(self._app), self._loop).result()
        except Exception as error:  # an app that raises is a server that fails
            text = f"{type(error).__name__}: {error}".encode()
            return Reply(500, Headers([("content-type", "text/plain")]), text, time.perf_counter() - started)
        return Reply(call.status, Headers(call.headers), b"".join(call.chunks), time.perf_counter() - started)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(_end_tasks(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self._loop.close()
        self._at_end()


async def _end_tasks() -> None:
    """What the app still has under way, such as deliveries, is not waited for."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


class _Call:
    """One request through an ASGI app."""

    def __init__(self, request: Outgoing, host: str) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.chunks: list[bytes] = []
        self._request = request
        self._host = host
        self._sent = False
        self._finished = asyncio.Event()

    async def run(self, app: App) -> None:
        await app(self._scope(), self._receive, self._send)

    def _scope(self) -> Scope:
        request = self._request
        path, _, query = request.target.partition("?")
        headers = [
            (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in request.headers
        ]
        names = {name for name, _ in headers}
        if b"host" not in names:
            headers.append((b"host", self._host.encode()))
        if request.body is not None and not names & {b"content-length", b"transfer-encoding"}:
            headers.append((b"content-length", str(len(request.body)).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
            "state": {},
        }

    async def _receive(self) -> dict[str, Any]:
        if self._sent:
            await self._finished.wait()
            return {"type": "http.disconnect"}
        self._sent = True
        return {"type": "http.request", "body": self._request.body or b"", "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", [])
            ]
        elif message["type"] == "http.response.body" and self._request.method != "HEAD":
            self.chunks.append(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._finished.set()
