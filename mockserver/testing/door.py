"""The door of one test's world: all that comes in by it is for that world, and meets the trouble that the test ordered.

A client under test knows nothing of worlds, so it is the door that names the world, and not the request.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from mockserver.engine.bodies import MAX_BODY
from mockserver.engine.examples import Preferences
from mockserver.engine.messages import Request, Response
from mockserver.engine.stage import Stage
from mockserver.engine.world import World
from mockserver.reception import keep
from mockserver.vendor import Operation
from mockserver.wire import Disconnected, Receive, Scope, Send, read_body, request_of, send_response


class Dropped(Exception):
    """The connection is to break off without an answer."""


@dataclass(frozen=True)
class Fault:
    """Trouble for the requests of one operation, or of all: how often, after how many seconds, and what it is.

    `status` None leaves the answer as it is, which then only comes late. With `is_played` the request has done its work
    before its answer is lost.
    """

    operation: str | None
    status: int | None
    left: int | None  # None: for ever
    delay: float
    headers: Mapping[str, str]
    payload: Any
    is_played: bool
    is_dropped: bool


class Door:
    """An ASGI application in front of the mock, for one world."""

    def __init__(self, app: Any, stage: Stage, world: str) -> None:
        self._app = app
        self._stage = stage
        self._world = world
        self._name = (b"x-mock-world", world.encode("ascii"))
        self._faults: list[Fault] = []
        self._routes = [(_pattern(one.path), one) for one in sorted(stage.vendor.operations.values(), key=_rank)]

    @property
    def world(self) -> World:
        return self._stage.worlds.find(self._world)

    def order(self, fault: Fault) -> None:
        self._faults.append(fault)

    def mend(self) -> None:
        self._faults.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [self._name, *scope["headers"]]}
            operation = self._operation(scope) if self._faults else None
            fault = self._take(operation, scope["path"]) if self._faults else None
            if fault is not None:
                await self._fail(fault, operation, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _operation(self, scope: Scope) -> Operation | None:
        mount = self._stage.vendor.mount
        path = (
            scope["path"]
            .removeprefix(mount)
            .removesuffix(self._stage.vendor.behaviour.get("paths", {}).get("suffix", ""))
        )
        return next((one for fits, one in self._routes if one.method == scope["method"] and fits.fullmatch(path)), None)

    def _take(self, operation: Operation | None, path: str) -> Fault | None:
        """The first fault that is meant for a request; it has one turn less then."""
        if not path.startswith(self._stage.vendor.mount):
            return None  # of the control plane
        for place, fault in enumerate(self._faults):
            if fault.operation is None or (operation is not None and fault.operation == operation.id):
                left = None if fault.left is None else fault.left - 1
                self._faults[place : place + 1] = [] if left == 0 else [replace(fault, left=left)]
                return fault
        return None

    async def _fail(
        self, fault: Fault, operation: Operation | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if fault.status is None and not fault.is_dropped:
            await asyncio.sleep(fault.delay)
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(receive, MAX_BODY)
        except Disconnected:
            return
        request = request_of(scope, {}, body)
        response = self._trouble(fault, operation, request)
        if fault.is_played:
            await self._app(scope, _again(body), _nobody)
            world = self.world
            world.journal[-1] = world.journal[-1]._replace(response=response)
        else:
            keep(self.world, operation.id if operation is not None else None, request, response)
        if fault.is_dropped:
            await asyncio.sleep(fault.delay)
            raise Dropped
        await send_response(send, response, fault.delay)

    def _trouble(self, fault: Fault, operation: Operation | None, request: Request) -> Response:
        """The document's example of such an answer where it has one, unless the test has said what to answer."""
        status = fault.status or 0
        response = Response(status, [], b"")
        if fault.payload is not None:
            kind = self._stage.desk.style.content_type
            response = Response(status, [(b"content-type", kind)], orjson.dumps(fault.payload))
        elif operation is not None and str(status) in operation.document["responses"]:
            plan = self._stage.plans[operation.id]
            response = plan.show(self.world, request, Preferences(str(status)), operation.method.encode())
        given = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fault.headers.items()]
        names = {name for name, _ in given}
        return response._replace(headers=[one for one in response.headers if one[0] not in names] + given)


def _rank(operation: Operation) -> tuple[int, int]:
    """Paths with fewer parameters first: what is literal is preferred."""
    return operation.path.count("{"), -len(operation.path)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^{}/]*\}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)) + "/?")


def _again(body: bytes) -> Receive:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    return receive


async def _nobody(message: Any) -> None:
    """Hears the answer that is lost."""
