"""Call: one request on its way through an operation's plan, and what the steps have found out about it."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from mockserver.engine.credentials import Credential
from mockserver.engine.messages import Request
from mockserver.engine.store import Record
from mockserver.engine.world import World

Arguments = list[tuple[str, str]]


class Call:
    """Filled in step by step. `record` is the addressed record, `parent` the one whose collection is addressed.

    `quota_key` is whose calls are counted where it is not the credential's, `barred_until` the moment before which none
    of them is let in, whatever is left of the quota; `includes` are the names that the caller
    asked to see besides, `asked` what a list is asked for; `sides` receives the records that are shown beside.
    """

    __slots__ = (
        "_arguments",
        "account",
        "asked",
        "barred_until",
        "body",
        "counted",
        "credential",
        "includes",
        "operation",
        "parent",
        "quota_key",
        "record",
        "request",
        "sides",
        "world",
    )

    credential: Credential | None
    record: Record
    parent: Record

    def __init__(self, world: World, request: Request, account: str, operation: str | None = None) -> None:
        self.world = world
        self.request = request
        self.account = account  # the default account until the credential is known
        self.operation = operation
        self.credential = None
        self.counted = False
        self.quota_key: str | None = None
        self.barred_until: float | None = None
        self.body: Mapping[str, Any] = {}
        self.includes: tuple[str, ...] = ()
        self.asked: Any = None
        self.sides: dict[str, dict[str, Any]] = {}
        self._arguments: Arguments | None = None

    @property
    def user(self) -> str | None:
        """The key of the record that the caller acts as."""
        return self.credential.user if self.credential is not None else None

    @property
    def arguments(self) -> Arguments:
        """The query, decoded, in its order; what is no UTF-8 becomes U+FFFD."""
        if self._arguments is None:
            query = self.request.query.decode("latin-1")
            self._arguments = parse_qsl(query, keep_blank_values=True, errors="replace") if query else []
        return self._arguments

    def argument(self, name: str) -> str | None:
        """The value of a parameter of the query; of several the last."""
        for key, value in reversed(self.arguments):
            if key == name:
                return value
        return None


class Outcome(NamedTuple):
    """What a verb answers: a status and a JSON value; none at all where the value is `NO_BODY`."""

    status: int
    payload: Any


class _NoBody:
    """The answer has no body, which is not the same as `null`."""


NO_BODY = _NoBody()
