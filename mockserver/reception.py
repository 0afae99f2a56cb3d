"""Receives the requests of one vendor: into a world, through a plan, into that world's journal."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from mockserver.engine.bodies import MAX_BODY
from mockserver.engine.call import Call
from mockserver.engine.defect import Place, bent
from mockserver.engine.errors import Refusal
from mockserver.engine.examples import preferences
from mockserver.engine.messages import Exchange, Headers, Request, Response
from mockserver.engine.plan import Plan
from mockserver.engine.stage import Stage
from mockserver.engine.world import World
from mockserver.webhooks import Courier
from mockserver.wire import Disconnected, Receive, Scope, Send, read_body, request_of, send_response

DEFAULT_WORLD = "default"
MOST_KEPT = 16384  # bytes of a body in the journal

log = logging.getLogger(__name__)


class Asked:
    """What a request's headers ask of the mock, found in one walk: of headers that come twice the first counts."""

    __slots__ = ("has_body", "prefers", "world")

    def __init__(self, headers: Headers) -> None:
        world = b""
        self.prefers = self.has_body = False
        for name, value in headers:
            if name == b"x-mock-world":
                world = world or value
            elif name == b"prefer":
                self.prefers = True
            elif name in (b"content-length", b"transfer-encoding"):
                self.has_body = True
        self.world = world.decode("latin-1").strip() or DEFAULT_WORLD


class VendorReception:
    """What stands behind one vendor's API."""

    def __init__(self, stage: Stage, courier: Courier) -> None:
        self._stage = stage
        self._courier = courier if stage.worlds.ground.webhooks is not None else None
        table = stage.vendor.behaviour.get("paths", {})
        self._suffix = table.get("suffix", "").encode()
        self._ignores_slash = bool(table.get("trailing_slash"))
        self._methods = {"HEAD": "GET"} if table.get("head") else {}

    def alias(self, path: bytes) -> bytes:
        if self._ignores_slash and path.endswith(b"/"):
            path = path[:-1]
        return path.removesuffix(self._suffix) if self._suffix else path

    def method(self, name: str) -> str:
        return self._methods.get(name, name)

    def endpoint(self, operation_id: str, allow: bytes) -> "Played":
        return Played(self._stage, self._stage.plans[operation_id], allow, self._courier)

    async def unknown_path(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._refuse(scope, receive, send, "path_unknown")

    async def unknown_method(self, scope: Scope, receive: Receive, send: Send, allow: bytes) -> None:
        await self._refuse(scope, receive, send, "method_unknown", allow)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, situation: str, allow: bytes = b"") -> None:
        try:
            body = await read_body(receive, MAX_BODY + 1 if self._stage.checks_syntax_first else 0)
        except Disconnected:
            return
        world = self._stage.worlds.find(Asked(scope["headers"]).world)
        request = request_of(scope, {}, body)

        def refuse(request: Request) -> Response:
            response = self._stage.refuse(world, request, situation)
            if response.status == 405:
                response.headers.append((b"allow", allow))
            return response

        response = bent(Place(self._stage, world, None), request, refuse) if world.defects else refuse(request)
        keep(world, None, request, response)
        await send_response(send, response)


@dataclass(frozen=True, slots=True)
class Played:
    """One operation of a vendor, as an endpoint."""

    stage: Stage
    plan: Plan
    allow: bytes
    courier: Courier | None  # none where the vendor has no webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send, parameters: Mapping[str, str]) -> None:
        asked = Asked(scope["headers"])
        body = b""
        if self.plan.reads_body or asked.has_body:
            try:
                body = await read_body(receive, self.plan.most_body + 1 if self.plan.reads_body else 0)
            except Disconnected:
                return
        request = request_of(scope, parameters, body)
        world = self.stage.worlds.find(asked.world)
        delay = 0.0
        try:
            if asked.prefers:
                response, delay = self._preferred(world, request)
            else:
                response = self._answer(world, request)
        except Exception:
            log.exception("%s %s went wrong", request.method, request.path)
            response = self.stage.refuse(world, request, "fault")
        keep(world, self.plan.operation, request, response)
        try:
            await send_response(send, response, delay)
        finally:
            if self.courier is not None:
                self.courier.wake(world)

    def _answer(self, world: World, request: Request) -> Response:
        if not world.defects:
            return self.plan.run(world, request)
        place = Place(self.stage, world, self.stage.vendor.operations[self.plan.operation])
        return bent(place, request, partial(self.plan.run, world))

    def _preferred(self, world: World, request: Request) -> tuple[Response, float]:
        """The answer that the caller asked for, and the seconds to wait before it is sent."""
        try:
            wanted = preferences(request)
        except Refusal as refusal:
            return self.plan.desk.refuse(Call(world, request, self.plan.desk.default_account), refusal), 0.0
        if wanted.code is None and wanted.example is None:
            return self._answer(world, request), wanted.delay
        return self.plan.show(world, request, wanted, self.allow), wanted.delay


def keep(world: World, operation: str | None, request: Request, response: Response) -> None:
    """Into the journal: what was really sent, refusals included; of a long body its beginning."""
    if len(request.body) > MOST_KEPT:
        request = request._replace(body=request.body[:MOST_KEPT])
    if len(response.body) > MOST_KEPT:
        response = response._replace(body=response.body[:MOST_KEPT])
    world.journal.append(Exchange(world.clock.now(), operation, request, response))
