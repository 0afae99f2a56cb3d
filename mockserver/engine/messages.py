"""Request and Response: the only HTTP that a verb ever sees. Both are immutable; no framework type gets past them."""

from collections.abc import Mapping
from typing import NamedTuple

Headers = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    """A request that has been routed. Header names are lower case; path parameters are percent-decoded strings."""

    method: str
    path: str
    query: bytes
    headers: Headers
    parameters: Mapping[str, str]
    body: bytes

    def header(self, name: bytes) -> str | None:
        """The first header of that lower-case name, or None."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


class Response(NamedTuple):
    """A whole answer, as it is sent. `rule` is the ledger id behind a refusal."""

    status: int
    headers: Headers
    body: bytes
    rule: str | None = None


class Exchange(NamedTuple):
    """One request and its response, as a world's journal keeps them. `at` is the world's clock in epoch seconds."""

    at: float
    operation: str | None
    request: Request
    response: Response
