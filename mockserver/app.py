"""The corridor: all rooms of the mock, in the order in which a request passes them."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import yaml
from starlette.middleware.cors import CORSMiddleware

from mockserver.control.desk import ControlDesk
from mockserver.control.reception import ControlReception
from mockserver.defects import Plantation, misnamed
from mockserver.engine.chance import parse_time, wall_clock
from mockserver.engine.messages import Response
from mockserver.engine.stage import Stage
from mockserver.engine.store import Store
from mockserver.gate import Api, assemble
from mockserver.reception import DEFAULT_WORLD, VendorReception
from mockserver.settings import Settings, SettingsError
from mockserver.vendor import Vendor
from mockserver.webhooks import Courier
from mockserver.wire import Receive, Scope, Send, send_response


class App:
    """The mock as an ASGI application. It owns the state: `close` keeps what is not kept yet."""

    def __init__(
        self, settings: Settings, vendors: Sequence[Vendor], courier: Courier, *, hides_control: bool = False
    ) -> None:
        self._vendors = vendors
        self._hides_control = hides_control
        _check_switches(settings, vendors)
        self.plantations = _plantations(settings, vendors)
        self._store = Store(settings.state)
        frozen_at = None if settings.clock == "real" else parse_time(settings.clock)
        self.stages = [
            Stage(
                vendor,
                self._store,
                seed=settings.seed,
                records=settings.records,
                limits=settings.limits == "documented",
                frozen_at=frozen_at,
                switches=settings.switches_of(vendor.name),
                planting=self.plantations[vendor.name],
            )
            for vendor in vendors
        ]
        self._courier = courier
        apis = [
            Api(stage.vendor.document, stage.vendor.mount, VendorReception(stage, self._courier))
            for stage in self.stages
        ]
        if not hides_control:
            control = _control_document()
            desk = ControlDesk(self.stages, self._credentials_in, self._courier, self.plantations)
            apis.append(Api(control, "/_mock", ControlReception(control, desk, settings.control_token)))
        self._app = assemble(apis, self._nowhere, [partial(CrossOrigin, exposed=_exposed(self.stages))])

    def credentials(self, origin: str = "http://127.0.0.1:4010") -> dict[str, Any]:
        return self._credentials_in(origin, DEFAULT_WORLD)

    def _credentials_in(self, origin: str, world: str) -> dict[str, Any]:
        """As `credentials` tells them, with tokens that are valid by the clocks of a world."""
        moments = {stage.vendor.name: stage.worlds.find(world).clock.now() for stage in self.stages}
        return credentials(self._vendors, origin, moments)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            if not scope.get("raw_path"):  # ASGI servers may leave it out
                scope["raw_path"] = scope["path"].encode()
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await self._courier.close()
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _nowhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer outside of every vendor: where the vendors are."""
        mounts = {vendor.name: vendor.mount for vendor in self._vendors}
        control = {} if self._hides_control else {"control": "/_mock/health", "console": "/_mock/"}
        body = orjson.dumps({"error": "no vendor's path", "vendors": mounts, **control})
        await send_response(send, Response(404, [(b"content-type", b"application/json")], body))

    def close(self) -> None:
        for stage in self.stages:
            stage.worlds.save()
        self._store.close()


def create_app(
    settings: Settings, vendors: Sequence[Vendor], courier: Courier | None = None, *, hides_control: bool = False
) -> App:
    """The mock for these vendors; with `hides_control` there is no control plane, as with somebody's tenant.

    Raises StateError when the state cannot be used, SettingsError for wrong switches and unknown defects.
    """
    return App(settings, vendors, courier or Courier(), hides_control=hides_control)


def _check_switches(settings: Settings, vendors: Sequence[Vendor]) -> None:
    served = {vendor.name: vendor for vendor in vendors}
    mistakes = [
        served[owner].misturned(name, value) if owner in served else f"no vendor {owner} is served"
        for owner, name, value in settings.switches or ()
    ]
    if told := tuple(f"--switches: {mistake}" for mistake in mistakes if mistake):
        raise SettingsError(told)


def _plantations(settings: Settings, vendors: Sequence[Vendor]) -> dict[str, Plantation]:
    made = {vendor.name: Plantation(vendor, settings.defects_of(vendor.name)) for vendor in vendors}
    mistakes = [misnamed(name, made) for name in settings.defect or ()]
    if told := tuple(f"--defect: {mistake}" for mistake in mistakes if mistake):
        raise SettingsError(told)
    return made


def credentials(vendors: Sequence[Vendor], origin: str, moments: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Per vendor: base URL, callers with the exact headers that make you each of them, and ids of seeded records.

    `moments` are the times, by vendor in epoch seconds, at which tokens that end soon are made; now where it is silent.
    """
    found = {}
    for vendor in vendors:
        headers = vendor.headers_of_callers((moments or {}).get(vendor.name, wall_clock()))
        found[vendor.name] = {
            "base_url": origin + vendor.mount,
            "callers": {
                caller.name: {
                    "headers": headers[caller.name],
                    "scopes": list(caller.scopes),
                    **({"login": dict(caller.login)} if caller.login else {}),
                }
                for caller in vendor.callers.values()
            },
            "known": dict(vendor.known),
        }
    return found


def _control_document() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.load(
        (Path(__file__).parent / "control/openapi.yaml").read_bytes(), yaml.CSafeLoader
    )
    return document


class CrossOrigin:
    """Browsers on any origin may call, preflight included, and read the headers that are not theirs by default.

    Only requests that name an origin go through Starlette's middleware: it costs as much as half of the engine.
    """

    def __init__(self, app: Any, exposed: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=exposed,
            max_age=600,
            allow_private_network=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for name, _ in scope["headers"]:
            if name == b"origin":
                await self._cors(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _exposed(stages: Sequence[Stage]) -> list[str]:
    """The response headers that a browser's code may read beside the usual ones."""
    tables = [table for stage in stages for table in stage.vendor.behaviour["quotas"].values()]
    tables += [stage.vendor.behaviour.get("responses", {}) for stage in stages]
    told = {name for table in tables for name in table.get("headers", {})}
    return sorted(told | {"X-Mock-Rule", "Allow", "Retry-After", "ETag"})
