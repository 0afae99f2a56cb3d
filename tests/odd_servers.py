"""Targets that are no tenant at all, or a broken one: real servers that answer what they are told.

`serving` answers by a function of the request; `talking` writes whatever bytes it likes, also over TLS. The keys and
certificates beside it are for 127.0.0.1 and guard nothing.
"""

import contextlib
import gzip
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.findings import Headers
from contracts.wire import Outgoing, Reply
from tests.bending_proxy import Proxy

CERTIFICATES = Path(__file__).parent / "certificates"


class Answering:
    """A wire that answers every request by a function."""

    origin = "http://odd"

    def __init__(self, answer: Callable[[Outgoing], Reply]) -> None:
        self._answer = answer

    def send(self, request: Outgoing) -> Reply:
        return self._answer(request)

    def close(self) -> None:
        return


def reply(status: int, body: str, content_type: str = "application/json", **headers: str) -> Reply:
    return Reply(status, Headers([("content-type", content_type), *headers.items()]), body.encode(), 0.0)


@contextmanager
def serving(answer: Callable[[Outgoing], Reply]) -> Iterator[str]:
    """The base URL of a server that answers so."""
    with Proxy(Answering(answer)) as proxy:
        yield proxy.url


def always(
    status: int, body: str, content_type: str = "application/json", **headers: str
) -> Callable[[Outgoing], Reply]:
    return lambda request: reply(status, body, content_type, **headers)


def closed_port() -> int:
    """A port of 127.0.0.1 at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Talk:
    """One connection: what was asked, and a way to say anything. `is_over` is set when the server ends."""

    def __init__(self, connection: Any, is_over: threading.Event) -> None:
        self._connection = connection
        self.is_over = is_over

    def heard(self) -> bytes:
        """The head of the next request; empty when there is none."""
        head = b""
        while b"\r\n\r\n" not in head and not head.startswith(b"\x16"):  # TLS begins so
            if not (piece := self._connection.recv(65536)):
                return b""
            head += piece
        return head

    def leave(self) -> None:
        """Say that nothing more comes, and wait until the other has left: it shall hear all that was said."""
        self._connection.shutdown(socket.SHUT_WR)
        self._connection.settimeout(1)
        while self._connection.recv(65536):
            pass
        self._connection.close()

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._connection.sendall(piece)


class Odd:
    """A server that talks as it is told; it counts connections and keeps the heads of the requests."""

    def __init__(self, scheme: str, port: int) -> None:
        self.origin = f"{scheme}://127.0.0.1:{port}"
        self.url = f"{self.origin}/v1"
        self.connections = 0
        self.heads: list[bytes] = []


@contextmanager
def talking(talk: Callable[[Talk, bytes], None], *, certificate: str | None = None) -> Iterator[Odd]:
    """A server that calls `talk` with each request's head; the connection ends where `talk` does."""
    is_over = threading.Event()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            odd.connections += 1
            with contextlib.suppress(OSError):  # whoever hangs up early is what the tests are about
                connection = self.request if context is None else context.wrap_socket(self.request, server_side=True)
                told = Talk(connection, is_over)
                if head := told.heard():
                    odd.heads.append(head)
                    talk(told, head)
                told.leave()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        odd = Odd("http" if context is None else "https", server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield odd
        finally:
            is_over.set()
            server.shutdown()


def saying(*pieces: bytes) -> Callable[[Talk, bytes], None]:
    """Answers these bytes to whatever is asked."""
    return lambda talk, head: talk.say(*pieces)


def silent(talk: Talk, head: bytes) -> None:
    """Takes the request and never answers."""
    talk.is_over.wait(60)


def dripping(content: bytes) -> Callable[[Talk, bytes], None]:
    """Says one byte at a time, slower than anybody would wait."""

    def drip(talk: Talk, head: bytes) -> None:
        for byte in content:
            if talk.is_over.wait(0.05):
                return
            talk.say(bytes([byte]))

    return drip


def answered(body: bytes, *fields: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer, whose length may be a lie."""
    told = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {told}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


def endless(megabytes: int) -> Callable[[Talk, bytes], None]:
    """An answer of so many megabytes, without saying how long it is."""

    def pour(talk: Talk, head: bytes) -> None:
        talk.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        for _ in range(megabytes):
            talk.say(b"x" * 2**20)

    return pour


def bomb(megabytes: int) -> bytes:
    """A small answer that becomes so many megabytes when it is unpacked."""
    return answered(gzip.compress(b"\0" * (megabytes * 2**20), 9), "content-encoding: gzip")
