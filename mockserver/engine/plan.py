"""One plan per operation: the steps in the vendor's order, then the verb, then the answer. Compiled at start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from mockserver.engine.call import NO_BODY, Call
from mockserver.engine.errors import Catalogue, Refusal
from mockserver.engine.examples import Examples, Preferences
from mockserver.engine.messages import Headers, Request, Response
from mockserver.engine.steps import Step
from mockserver.engine.verbs import Verb
from mockserver.engine.world import World

REQUEST_ID = "$request_id"


@dataclass(frozen=True)
class Style:
    """The headers of a vendor's answers: their content type, those that are always there, and whether there is an ETag.

    `numbered` are those headers that differ from answer to answer.
    """

    content_type: bytes = b"application/json"
    fixed: Headers = field(default_factory=list)
    numbered: Sequence[bytes] = ()
    has_etag: bool = False


def style(table: Mapping[str, Any]) -> Style:
    """The style of `responses` in behaviour.yaml."""
    named = {name.lower().encode(): str(value) for name, value in table.get("headers", {}).items()}
    return Style(
        table.get("content_type", "application/json").encode(),
        [(name, value.encode()) for name, value in named.items() if value != REQUEST_ID],
        [name for name, value in named.items() if value == REQUEST_ID],
        bool(table.get("etag")),
    )


@dataclass(frozen=True)
class Desk:
    """Makes responses: what every answer of a vendor has, whether it grants or refuses."""

    catalogue: Catalogue
    default_account: str
    style: Style = field(default_factory=Style)
    words: Callable[[World], Mapping[str, Any]] | None = None  # what the error envelope says by the switches of a world

    def answer(self, call: Call, status: int, payload: object, rule: str | None = None) -> Response:
        if payload is NO_BODY:
            return Response(status, self.standing(call), b"", rule)
        body = orjson.dumps(payload)
        headers = [(b"content-type", self.style.content_type), *self.standing(call)]
        if self.style.has_etag and status == 200:
            headers.append((b"etag", b'W/"%s"' % blake2b(body, digest_size=16).hexdigest().encode()))
        return Response(status, headers, body, rule)

    def refuse(self, call: Call, refusal: Refusal) -> Response:
        """The refusal in the vendor's envelope; a counted call of a spared status is not counted after all."""
        if self.words is not None:
            refusal.values = {**self.words(call.world), **refusal.values}
        rendered = self.catalogue.render(refusal)
        if call.counted:
            for counts in call.world.counts.values():
                counts.give_back(call, rendered.status)
        response = self.answer(call, rendered.status, rendered.body, rendered.rule)
        response.headers.extend(refusal.headers)
        return response

    def standing(self, call: Call) -> Headers:
        """The headers that every response bears."""
        world, style = call.world, self.style
        now = world.clock.now()
        headers = [header for counts in world.counts.values() for header in counts.headers(call, now)]
        if style.numbered:
            number = world.next_answer_id().encode()
            headers += [(name, number) for name in style.numbered]
        return headers + style.fixed if style.fixed else headers


@dataclass(frozen=True)
class Plan:
    """How one operation is played. `most_body` is how many bytes of a body are read."""

    operation: str
    desk: Desk
    steps: Sequence[Step]
    verb: Verb
    examples: Callable[[], Examples]
    most_body: int

    @property
    def reads_body(self) -> bool:
        return self.most_body > 0

    def run(self, world: World, request: Request) -> Response:
        call = Call(world, request, self.desk.default_account, self.operation)
        try:
            for step in self.steps:
                step(call)
            status, payload = self.verb(call)
        except Refusal as refusal:
            return self.desk.refuse(call, refusal)
        return self.desk.answer(call, status, payload)

    def show(self, world: World, request: Request, wanted: Preferences, allow: bytes) -> Response:
        """The document's example that the caller prefers; nothing is checked, counted or changed."""
        desk = self.desk
        call = Call(world, request, desk.default_account, self.operation)
        try:
            example = self.examples().choose(wanted)
        except Refusal as refusal:
            return desk.refuse(call, refusal)
        headers = desk.standing(call)
        if example.media_type:
            kind = example.media_type.encode()
            own = desk.style.content_type  # with its parameters, which a document's media type seldom has
            headers.insert(0, (b"content-type", own if own.partition(b";")[0] == kind else kind))
        if example.status == 405:
            headers.append((b"allow", allow))
        there = {name for name, _ in headers}
        headers += [(name, value) for name, value in example.headers if name not in there]
        return Response(example.status, headers, example.body)
