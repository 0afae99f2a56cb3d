"""One plan per operation: the steps in the vendor's order, then the verb, then the answer. Compiled at start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from mockserver.engine.call import Call
from mockserver.engine.errors import Catalogue, Refusal
from mockserver.engine.examples import Examples, Preferences
from mockserver.engine.messages import Headers, Request, Response
from mockserver.engine.steps import Step
from mockserver.engine.verbs import Verb
from mockserver.engine.world import World

_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True)
class Desk:
    """Makes responses: what every answer of a vendor has, whether it grants or refuses."""

    catalogue: Catalogue
    default_account: str

    def answer(self, world: World, account: str, status: int, payload: object, rule: str | None = None) -> Response:
        body = orjson.dumps(payload)
        return Response(status, [_JSON, *self.standing(world, account)], body, rule)

    def refuse(self, call: Call, refusal: Refusal, extra: Headers | None = None) -> Response:
        """The refusal in the vendor's envelope; a counted call of a spared status is not counted after all."""
        rendered = self.catalogue.render(refusal)
        if call.counted:
            for counts in call.world.counts.values():
                counts.give_back(call.account, rendered.status)
        response = self.answer(call.world, call.account, rendered.status, rendered.body, rendered.rule)
        response.headers.extend(extra or ())
        return response

    def standing(self, world: World, account: str) -> Headers:
        """The headers that every response bears."""
        now = world.clock.now()
        return [header for counts in world.counts.values() for header in counts.headers(account, now)]


@dataclass(frozen=True)
class Plan:
    """How one operation is played."""

    operation: str
    desk: Desk
    steps: Sequence[Step]
    verb: Verb
    examples: Callable[[], Examples]
    reads_body: bool

    def run(self, world: World, request: Request) -> Response:
        call = Call(world, request, self.desk.default_account)
        try:
            for step in self.steps:
                step(call)
            status, payload = self.verb(call)
        except Refusal as refusal:
            return self.desk.refuse(call, refusal)
        return self.desk.answer(world, call.account, status, payload)

    def show(self, world: World, request: Request, wanted: Preferences, allow: bytes) -> Response:
        """The document's example that the caller prefers; nothing is checked, counted or changed."""
        desk = self.desk
        try:
            example = self.examples().choose(wanted)
        except Refusal as refusal:
            return desk.refuse(Call(world, request, desk.default_account), refusal)
        headers = desk.standing(world, desk.default_account)
        if example.media_type:
            headers.insert(0, (b"content-type", example.media_type.encode()))
        if example.status == 405:
            headers.append((b"allow", allow))
        return Response(example.status, headers, example.body)
