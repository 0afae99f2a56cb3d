"""Drives a stand-in through requests that were written down, and compares what two worlds of it answer and deliver.

The script of a vendor is made of what its model says, with a few requests of its own; `Drive` sends it. No server: each
request goes to the operation that it means, through the defects of the world.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson

from mockserver.app import App, create_app
from mockserver.engine.defect import Place, bent
from mockserver.engine.messages import Request
from mockserver.engine.stage import Stage
from mockserver.engine.world import World
from mockserver.planted.words import with_headers
from mockserver.settings import Settings
from mockserver.vendor import Vendor

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PAUSE = 7.0  # seconds between two requests, by the world's clock

Seen = list[Any]
Play = Callable[["Drive"], None]


class Different(Exception):
    """What was seen is not what the faithful stand-in shows."""


@dataclass
class Drive:
    """One way through a script; with `expected` it ends where something else is seen."""

    stage: Stage
    world: World
    expected: Seen | None = None
    seen: Seen = field(default_factory=list)

    @property
    def vendor(self) -> Vendor:
        return self.stage.vendor

    @property
    def known(self) -> Mapping[str, str]:
        return self.vendor.known

    def ask(
        self,
        operation: str,
        path: Sequence[Any] = (),
        query: Mapping[str, Any] | str = "",
        body: Any = None,
        *,
        caller: str = "owner",
        kind: str = JSON,
    ) -> Any:
        """What the JSON of the answer says. A body of bytes is sent as it is, of the given kind."""
        place = self.vendor.operations[operation]
        names = [part[1:-1] for part in place.path.split("/") if part.startswith("{")]
        values = dict(zip(names, map(str, path), strict=True))
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        headers = {"Host": "mock", **({"Content-Type": kind} if body is not None else {})}
        text = query if isinstance(query, str) else urlencode(query)
        request = Request(place.method, place.path.format(**values), text.encode(), [], values, content)
        self.world.clock.move_to(self.world.clock.now() + PAUSE)
        told = self.vendor.headers_of_callers(self.world.clock.now())[caller]
        run = partial(self.stage.plans[operation].run, self.world)
        response = bent(Place(self.stage, self.world, place), with_headers(request, {**headers, **told}), run)
        self.note((operation, response.status, response.body))
        return orjson.loads(response.body) if response.body else None

    def note(self, what: Any) -> None:
        at = len(self.seen)
        self.seen.append(what)
        if self.expected is not None and (at >= len(self.expected) or self.expected[at] != what):
            raise Different(what, self.expected[at] if at < len(self.expected) else None)

    def deliver(self, *statuses: int) -> None:
        """Hand out what is due to receivers who answer so, one status after the other, with time between them."""
        outbox = self.world.outbox
        assert outbox is not None, "the vendor has webhooks"
        for status in statuses:
            for subscription in outbox.due():
                while (delivery := outbox.take(subscription)) is not None:
                    self.note((delivery.event, delivery.body, outbox.headers(delivery), outbox.profile.timeout, status))
                    outbox.settle(delivery, status)
            self.world.clock.move_to(self.world.clock.now() + 1000)


class Theatre:
    """A vendor's stand-in, its script, and what the faithful one shows."""

    def __init__(self, vendor: Vendor, script: Play, clock: str) -> None:
        self.app: App = create_app(Settings(seed=3, clock=clock), [vendor])
        self._script = script
        self.faithful = self._play([], None)

    def shows(self, defect: str) -> tuple[Any, Any] | None:
        """Where a world with a defect differs: what it shows there, and what it should."""
        try:
            self._play([defect], self.faithful)
        except Different as different:
            told, should = different.args
            return told, should
        return None

    def answers(self, *defects: str) -> Seen:
        """All that a world with these defects shows."""
        return self._play(defects, None)

    def failures(self, defect: str) -> Seen:
        """Operation and status of each failure of the server, as far as the script gets with what it is answered."""
        drive = self._drive([defect], None)
        with suppress(LookupError, TypeError):
            self._script(drive)
        return [each[:2] for each in drive.seen if isinstance(each[1], int) and each[1] >= 500]

    def told(self, *defects: str) -> list[Any]:
        """The records that a world with these defects answers, one by one."""
        bodies = [orjson.loads(body) for _, _, body in self.answers(*defects)]
        return [next(iter(body.values())) for body in bodies]

    def _play(self, defects: Sequence[str], expected: Seen | None) -> Seen:
        drive = self._drive(defects, expected)
        self._script(drive)
        return drive.seen

    def _drive(self, defects: Sequence[str], expected: Seen | None) -> Drive:
        (stage,) = self.app.stages
        world = stage.worlds.find("drive")
        world.reset()
        world.plant(defects)
        return Drive(stage, world, expected)


def filters_of(vendor: Vendor, operation: str) -> Iterator[str]:
    """Filters that the model has for its laws, as texts."""
    table = vendor.operations[operation].table["filter"]
    for pairs in table.get("equal", {}).values():
        yield from (text for pair in pairs for text in pair if text and "filter[" not in text)
    for conditions in table.get("found", {}).values():
        for field_, operator, value in conditions:
            yield orjson.dumps([{"field": field_, "op": operator, "value": value}]).decode()
