"""Targets that are no tenant at all, or a broken one: real servers that answer what they are told."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contracts.findings import Headers
from contracts.wire import Outgoing, Reply
from tests.bending_proxy import Proxy


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
