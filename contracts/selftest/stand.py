"""A stand-in behind HTTP as a stranger meets it: no control plane, no worlds, no rule told. Only its clock is at hand.

Whoever waits for it turns that clock instead, so that a documented window of a minute takes none.
"""

import asyncio
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import httpx
import uvicorn

from contracts.safety.budget import Watch
from contracts.safety.guard import Budget
from contracts.selftest.room import Front, straight
from contracts.target import Target, open_url
from contracts.tenant_file import TenantFile
from mockserver.app import App, create_app
from mockserver.reception import DEFAULT_WORLD
from mockserver.serve import listen
from mockserver.settings import Settings
from mockserver.vendor import Vendor
from mockserver.webhooks import Courier

_HOST = "127.0.0.1"
_NEVER = 1e9  # seconds: no run turns its clocks so far
_START, _END = 20.0, 3.0  # seconds that a server may take to listen, and to end


class CannotStand(Exception):
    """The server of a stand-in does not come up: why."""


class Stand:
    """One vendor's stand-in on a port of its own; `url` is its base URL."""

    def __init__(self, vendor: Vendor, app: App, port: int) -> None:
        self.vendor = vendor
        self.url = f"http://{_HOST}:{port}{vendor.mount}"
        self._app = app
        self._ahead = 0.0
        self._ends_at = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, server: uvicorn.Server, listening: socket.socket) -> None:
        """Until the server is told to stop; in the loop of a thread of its own."""
        self._loop = asyncio.get_running_loop()
        await server.serve([listening])

    @property
    def now(self) -> float:
        """The seconds since 1970 by its clock."""
        return time.time() + self._ahead

    @property
    def watch(self) -> Watch:
        """Clocks of a run that never waits: it is later here, and there."""
        return Watch(self._monotonic, lambda: self.now, self._sleep)

    def headers(self) -> Mapping[str, Mapping[str, str]]:
        """Caller -> the headers that are good now."""
        return self.vendor.headers_of_callers(self.now)

    def open(self, *, seed: int, seconds: float) -> Target:
        """The target of a run, by all that a tenant.toml could tell of it; who can log in does.

        The run gets so many seconds of the machine's time, however far its clocks have been turned by then.
        """
        logins = {name: caller.login for name, caller in self.vendor.callers.items() if caller.login}
        callers = {
            name: {key: value for key, value in headers.items() if name not in logins or key != "Authorization"}
            for name, headers in self.headers().items()
        }
        file = TenantFile(self.url, callers=callers, logins=logins, known=self.vendor.known)
        self._ends_at = time.monotonic() + seconds
        budget = Budget(ends_at=self._ends_at + _NEVER)
        target = open_url(self.vendor, self.url, seed=seed, budget=budget, tenant=file, watch=self.watch)
        target.guard.ownership.book = None  # nothing stays of this tenant that anybody could clean
        return target

    def _monotonic(self) -> float:
        """Seconds that only grow; those of a budget are over when the time of the machine is."""
        now = time.monotonic()
        return now + self._ahead + (_NEVER if now >= self._ends_at else 0.0)

    def _sleep(self, seconds: float) -> None:
        self._ahead += seconds
        assert self._loop is not None, "nobody waits for a stand that does not serve"
        asyncio.run_coroutine_threadsafe(self._advance(seconds), self._loop).result(_START)

    async def _advance(self, seconds: float) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://control") as client:
            answer = await client.post("/_mock/clock", json={"advance": seconds})
            answer.raise_for_status()


@contextmanager
def standing(
    vendor: Vendor, *, seed: int, front: Front = straight, is_endless: bool = False, **settings: Any
) -> Iterator[Stand]:
    """A stand for the length of a block, behind a front; the settings are those of `proofboard serve`.

    One that is endless has quotas that nobody ever spends.
    """
    chosen = {"limits": "documented", **settings}
    app = create_app(Settings(seed=seed, vendors=(vendor.name,), **chosen), [vendor], Courier(stays_here=True))
    with listen(_HOST, 0) as listening:
        stand = Stand(vendor, app, listening.getsockname()[1])
        shown = front(without_control(app, lambda: stand.now))
        config = uvicorn.Config(
            unspent(app, shown) if is_endless else shown,
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(stand.serve(server, listening)), name="stand", daemon=True)
        thread.start()
        try:
            _wait(lambda: server.started or not thread.is_alive())
            if not server.started:
                raise CannotStand(f"the stand-in of {vendor.name} does not start")
            yield stand
        finally:
            server.should_exit = True
            thread.join(_END)
            server.force_exit = True  # of those who still hold a connection nobody waits for
            thread.join(_START)


def unspent(app: App, shown: Any) -> Any:
    """What an application shows whose quotas are as nobody had called before."""

    async def renewed(scope: Any, receive: Any, send: Any) -> None:
        for stage in app.stages:
            world = stage.worlds.find(DEFAULT_WORLD)
            world.counts = {name: quota.counts() for name, quota in world.ground.quotas.items()}
        await shown(scope, receive, send)

    return renewed


def without_control(app: Any, now: Callable[[], float]) -> Any:
    """What a proxy lets through of a mock: neither its control plane nor what only a mock tells or understands.

    The date of an answer is that of the clock which may be turned.
    """

    async def hidden(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if scope["path"].startswith("/_mock"):
            scope = {**scope, "path": "/nowhere", "raw_path": b"/nowhere"}
        headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(b"x-mock-")]

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [each for each in message.get("headers", ()) if not each[0].lower().startswith(b"x-mock-")]
                date = formatdate(now(), usegmt=True).encode()
                message = {**message, "headers": [*kept, (b"date", date)]}
            await send(message)

        await app({**scope, "headers": headers}, receive, told)

    return hidden


def _wait(is_there: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + _START
    while not is_there() and time.monotonic() < ends_at:
        time.sleep(0.01)
