"""What the control plane's operations do: plain functions on the worlds of all vendors, named by operationId."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mockserver.control.console import Console
from mockserver.defects import Plantation, misnamed
from mockserver.engine.chance import format_time, parse_time
from mockserver.engine.messages import Exchange
from mockserver.engine.outbox import Delivery, Outbox
from mockserver.engine.stage import DAY, Stage
from mockserver.engine.world import World
from mockserver.webhooks import Courier

Answer = tuple[int, Any]

CONSOLE_EXCHANGES = 100


class ControlDesk:
    """Each operation takes the name of a world and the body that was sent; it answers a status and JSON, or a page."""

    def __init__(
        self,
        stages: Sequence[Stage],
        credentials: Callable[[str, str], Mapping[str, Any]],
        courier: Courier,
        plantations: Mapping[str, Plantation],
    ) -> None:
        self._stages = stages
        self._plantations = plantations
        self._credentials = credentials
        self._courier = courier
        self._console = Console()

    def console(self, world: str, body: Any, origin: str) -> Answer:
        exchanges = self.journal(world, None, origin)[1]["exchanges"]
        defects = {stage.vendor.name: list(stage.worlds.find(world).defects) for stage in self._stages}
        callers = self._credentials(origin, world)
        return 200, self._console.page(world, callers, exchanges[-CONSOLE_EXCHANGES:], defects)

    def health(self, world: str, body: Any, origin: str) -> Answer:
        return 200, {"status": "ok"}

    def credentials(self, world: str, body: Any, origin: str) -> Answer:
        return 200, self._credentials(origin, world)

    def readSeed(self, world: str, body: Any, origin: str) -> Answer:
        return 200, {
            stage.vendor.name: {
                "seed": stage.sown.seed,
                "records": stage.sown.records,
                "at": format_time(stage.sown.at),
            }
            for stage in self._stages
        }

    def reset(self, world: str, body: Any, origin: str) -> Answer:
        for one in self._worlds(world):
            one.reset()
        return 200, {"world": world}

    def readClock(self, world: str, body: Any, origin: str) -> Answer:
        clock = self._worlds(world)[0].clock
        return 200, {"now": format_time(clock.now()), "frozen": clock.frozen}

    async def moveClock(self, world: str, body: Any, origin: str) -> Answer:
        worlds = self._worlds(world)
        try:
            now = parse_time(body["set"].upper()) if "set" in body else worlds[0].clock.now()
            then = now + body.get("advance", 0)
            for one in worlds:
                one.clock.move_to(then)  # refuses, if at all, before anything has changed
                if "freeze" in body:
                    one.clock.freeze(body["freeze"])
                    one.clock.move_to(then)
                one.save()
        except (ValueError, OverflowError) as error:
            return 400, {"error": f"the clock cannot go there: {error}"}
        await self._deliver(worlds)
        return self.readClock(world, None, origin)

    def deliveries(self, world: str, body: Any, origin: str) -> Answer:
        found = [
            _shown_delivery(stage.vendor.name, outbox, one)
            for stage in self._stages
            if (outbox := stage.worlds.find(world).outbox) is not None
            for one in outbox.all()
        ]
        return 200, {"world": world, "deliveries": found}

    async def deliver(self, world: str, body: Any, origin: str) -> Answer:
        await self._deliver(self._worlds(world))
        return self.deliveries(world, None, origin)

    async def _deliver(self, worlds: Sequence[World]) -> None:
        for one in worlds:
            if one.outbox is not None:
                await self._courier.deliver(one)

    def journal(self, world: str, body: Any, origin: str) -> Answer:
        exchanges = sorted((one for each in self._worlds(world) for one in each.journal), key=lambda one: one.at)
        return 200, {"world": world, "exchanges": [_shown(one) for one in exchanges]}

    def restore(self, world: str, body: Any, origin: str) -> Answer:
        stage = self._stage(body["vendor"])
        table = stage.vendor.behaviour["resources"].get(body["resource"]) if stage else None
        if stage is None or table is None or "trash" not in table:
            return 400, {"error": f"{body['vendor']} has no resource {body['resource']} with a trash"}
        place = stage.worlds.find(world)
        found = place.find_trashed(body["resource"], body["id"])
        if found is None or found.gone is None:
            return 404, {"error": f"no {body['resource']} {body['id']} is in the trash"}
        days = table["trash"]["days"]
        if place.clock.now() >= found.gone + days * DAY:
            return 404, {"error": f"{body['resource']} {body['id']} was in the trash for {days} days and is gone"}
        with place.transaction():
            place.replace(body["resource"], found.record)
        return 200, found.record

    def records(self, world: str, asked: Any, origin: str) -> Answer:
        stage = self._stage(asked["vendor"])
        if stage is None or asked["resource"] not in stage.vendor.behaviour["resources"]:
            return 400, {"error": f"{asked['vendor']} has no resource {asked['resource']} here"}
        place = stage.worlds.find(world)
        return 200, {"world": world, "records": place.select(asked["resource"], {}, [])}

    def readSwitches(self, world: str, body: Any, origin: str) -> Answer:
        """Per vendor its switches, how each stands in this world, and how else it may stand."""
        return 200, {
            stage.vendor.name: {
                name: {"value": stage.worlds.find(world).switch(name), **table}
                for name, table in stage.vendor.behaviour["switches"].items()
            }
            for stage in self._stages
            if "switches" in stage.vendor.behaviour
        }

    def turnSwitches(self, world: str, body: Any, origin: str) -> Answer:
        wanted: dict[str, str] = {name: value for name, value in body.items() if name != "vendor"}
        stage = self._stage(body["vendor"])
        if stage is None:
            return 400, {"error": f"no vendor {body['vendor']} is served here"}
        for name, value in wanted.items():
            if mistake := stage.vendor.misturned(name, value):
                return 400, {"error": mistake}
        place = stage.worlds.find(world)
        place.switches |= wanted
        place.cache.clear()
        place.save()
        return self.readSwitches(world, None, origin)

    def readDefects(self, world: str, body: Any, origin: str) -> Answer:
        """Per vendor those that are planted in this world, and all that can be."""
        return 200, {
            stage.vendor.name: {
                "planted": list(stage.worlds.find(world).defects),
                "defects": [
                    {"name": one.name, "kind": one.kind, "what": one.what, "operations": one.operations}
                    for one in self._plantations[stage.vendor.name].known.values()
                ],
            }
            for stage in self._stages
        }

    def plantDefects(self, world: str, body: Mapping[str, Sequence[str]], origin: str) -> Answer:
        for vendor, names in body.items():
            if vendor not in self._plantations:
                return 400, {"error": f"no vendor {vendor} is served here"}
            for name in names:
                if mistake := misnamed(f"{vendor}.{name}", self._plantations):
                    return 400, {"error": mistake}
        for stage in self._stages:
            if stage.vendor.name in body:
                place = stage.worlds.find(world)
                place.plant(body[stage.vendor.name])
                place.save()
        return self.readDefects(world, None, origin)

    def _stage(self, vendor: str) -> Stage | None:
        return next((one for one in self._stages if one.vendor.name == vendor), None)

    def _worlds(self, name: str) -> list[World]:
        return [stage.worlds.find(name) for stage in self._stages]


def _shown(exchange: Exchange) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    return {
        "at": format_time(exchange.at),
        "operation": exchange.operation,
        "request": {
            "method": request.method,
            "path": request.path,
            "query": request.query.decode("latin-1"),
            "headers": _texts(request.headers),
            "body": request.body.decode("utf-8", "replace"),
        },
        "response": {
            "status": response.status,
            "headers": _texts(response.headers),
            "body": response.body.decode("utf-8", "replace"),
            "rule": response.rule,
        },
    }


def _shown_delivery(vendor: str, outbox: Outbox, one: Delivery) -> dict[str, Any]:
    return {
        "vendor": vendor,
        "number": one.number,
        "at": format_time(one.at),
        "event": one.event,
        "resource": one.resource,
        "id": one.record,
        "subscription": one.subscription,
        "url": one.url,
        "state": one.state,
        "tries": one.tries,
        "due": format_time(one.due) if one.state == "waiting" else None,
        "status": one.status,
        "problem": one.problem,
        "headers": outbox.headers(one),
        "payload": one.body.decode(),
    }


def _texts(headers: Sequence[tuple[bytes, bytes]]) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]
