"""Call: one request on its way through an operation's plan, and what the steps have found out about it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mockserver.engine.credentials import Credential
from mockserver.engine.messages import Request
from mockserver.engine.store import Record
from mockserver.engine.world import World


class Call:
    """Filled in step by step. `record` is the addressed record, `parent` the one whose collection is addressed."""

    __slots__ = ("account", "body", "counted", "credential", "parent", "record", "request", "world")

    credential: Credential | None
    record: Record
    parent: Record

    def __init__(self, world: World, request: Request, account: str) -> None:
        self.world = world
        self.request = request
        self.account = account  # the default account until the credential is known
        self.credential = None
        self.counted = False
        self.body: Mapping[str, Any] = {}


class Outcome(NamedTuple):
    """What a verb answers: a status and a JSON value."""

    status: int
    payload: Any
