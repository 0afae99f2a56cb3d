"""A receiver of webhooks on this machine: hears whatever is posted, byte by byte, and answers as it is told.

It judges nothing. Each inbox is a path of its own, so that subscriptions can be told apart.
"""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from contracts.findings import Headers

_HOST = "127.0.0.1"


class Reaction(NamedTuple):
    """How one request is answered: after some seconds, or not at all."""

    status: int = 200
    after: float = 0.0
    breaks: bool = False  # the connection is closed instead
    headers: Mapping[str, str] = {}


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    headers: Headers
    fields: tuple[tuple[str, str], ...]  # the headers as they were written
    body: bytes


@dataclass
class Inbox:
    """A URL, what it has received, and how it answers: by one reaction after the other, the last one for all others."""

    url: str
    reactions: tuple[Reaction, ...]
    received: list[Received] = field(default_factory=list)
    longest: float = 0.0  # seconds that an answer was really held back: on a busy machine more than it was told to be

    def hear(self, received: Received) -> Reaction:
        self.received.append(received)
        return self.reactions[min(len(self.received), len(self.reactions)) - 1]


class Receiver:
    """Listens as long as its block lasts."""

    def __init__(self) -> None:
        self._inboxes: dict[str, Inbox] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server((_HOST, 0), _handler(self))
        self._thread = threading.Thread(target=self._serve, name="receiver", daemon=True)
        self._thread.start()

    def inbox(self, *reactions: Reaction) -> Inbox:
        """A new URL; without a reaction it answers 200."""
        path = f"/{len(self._inboxes) + 1}"
        made = Inbox(f"http://{_HOST}:{self._server.server_port}{path}", reactions or (Reaction(),))
        self._inboxes[path] = made
        return made

    def react(self, path: str, received: Received) -> Reaction:
        """What a request to a path is answered, once its time has come."""
        with self._lock:
            inbox = self._inboxes.get(path)
            reaction = inbox.hear(received) if inbox is not None else Reaction(404)
        if reaction.after:
            began = time.monotonic()
            self._closing.wait(reaction.after)
            if inbox is not None:
                inbox.longest = max(inbox.longest, time.monotonic() - began)
        return reaction

    def close(self) -> None:
        self._closing.set()
        with socket.create_connection((_HOST, self._server.server_port)):  # wakes it
            self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._server.handle_request()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Senders go away when their time is up; that is theirs to do."""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            return

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fields = tuple(self.headers.items())
            reaction = receiver.react(self.path, Received(self.command, Headers(fields), fields, body))
            self.close_connection = True
            if reaction.breaks:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(reaction.status)
            for name, value in reaction.headers.items():
                self.send_header(name, value)
            if reaction.status != 204:
                self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    return Handler
