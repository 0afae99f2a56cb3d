"""The tenant that a test gets: one world of a mock, what its clients see of it and how the test steers it."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from mockserver.engine.messages import Exchange
from mockserver.engine.store import Record
from mockserver.testing.arranging import Arranger
from mockserver.testing.backstage import Backstage, Mock
from mockserver.testing.door import Door, Fault
from mockserver.testing.journal import Delivery, Journal, Who, delivery
from mockserver.testing.lookup import Named, NotArranged, unknown
from mockserver.testing.wires import InProcess, Port, session
from mockserver.vendor import Caller

if TYPE_CHECKING:
    import requests

_HERE = "http://proofboard.test"  # where clients in this process think they are


class CallerOf:
    """Somebody who may call: `headers` make a request theirs. Tokens that end soon are new each time."""

    def __init__(self, tenant: "MockTenant", caller: Caller) -> None:
        self._tenant = tenant
        self.name = caller.name
        self.scopes = caller.scopes
        self.login = dict(caller.login) if caller.login else None

    @property
    def headers(self) -> dict[str, str]:
        return self._tenant._headers_of(self.name)

    def __repr__(self) -> str:
        return f"<caller {self.name}: scopes {', '.join(self.scopes) or 'none'}>"


class MockTenant:
    """An isolated world of a mock. Nobody else sees it, and nothing of it is left when the test ends."""

    def __init__(self, mock: Mock, backstage: Backstage, name: str, *, serve: bool = False) -> None:
        stage, vendor = mock.app.stages[0], mock.vendor
        self._model = vendor
        self._courier = mock.courier
        self._backstage = backstage
        self._serves = serve
        self._door = Door(mock.app, stage, name)
        self._port: Port | None = None
        self._clients: list[httpx.Client | requests.Session] = []
        self._who = Who(vendor)
        self._world = backstage.call(stage.worlds.find, name)
        self._arranger = Arranger(stage, self._world)
        self.vendor = vendor.name
        self.samples = tuple(vendor.behaviour.get("samples", ()))  # what `create` can make
        self.known: Mapping[str, str] = Named("known id", vendor.known)
        self.callers: Mapping[str, CallerOf] = Named(
            "caller", {name: CallerOf(self, caller) for name, caller in vendor.callers.items()}
        )
        self.clock = WorldClock(self)
        self.transport = InProcess(self._door, backstage)
        self.journal = Journal(vendor, self._exchanges, self._forget, self._who)

    # Clients

    @cached_property
    def base_url(self) -> str:
        """Where any client reaches this world, as the vendor's base URL: on a port of 127.0.0.1 that is its own.

        The port is opened when this is first asked for.
        """
        self._port = Port(self._door)
        return self._backstage.run(self._port.open()) + self._model.mount

    def client(self, caller: str | None = "owner", **options: Any) -> httpx.Client:
        """An httpx.Client at the base URL, calling as `caller`, or as nobody. It is closed with the test.

        In this process, unless the tenant serves. `options` are those of httpx.Client.
        """
        __tracebackhide__ = True
        made = httpx.Client(**self._options(caller, options))
        self._clients.append(made)
        return made

    def async_client(self, caller: str | None = "owner", **options: Any) -> httpx.AsyncClient:
        """As `client`, for asyncio: `async with proofboard_tenant.async_client() as client`."""
        __tracebackhide__ = True
        return httpx.AsyncClient(**self._options(caller, options))

    def session(self, caller: str | None = "owner") -> "requests.Session":
        """A requests.Session in this process, calling as `caller`, or as nobody. URLs begin with `base_url`."""
        __tracebackhide__ = True
        made = session(self.transport, self._headers_of(caller))
        self._clients.append(made)
        return made

    # State

    def create(
        self, kind: str, fields: Mapping[str, Any] | None = None, /, *, caller: str = "owner", **more: Any
    ) -> Any:
        """A new record, made by the vendor's own operation and as that answers it.

        What is not said is as the vendor's sample has it. Fields are named as the operation takes them, or as records
        have them. Raises NotArranged where the API refuses it or has no such operation.
        """
        __tracebackhide__ = True
        return self._backstage.run(self._create(kind, {**(fields or {}), **more}, caller))

    def sample(self, kind: str, fields: Mapping[str, Any] | None = None, /, **more: Any) -> dict[str, Any]:
        """The body that `create` would send: one that the vendor's operation takes."""
        __tracebackhide__ = True
        return self._backstage.call(self._arranger.sample, kind, {**(fields or {}), **more})[2]

    def insert(self, kind: str, fields: Mapping[str, Any] | None = None, /, **more: Any) -> Record:
        """A new record, put into the world as it is, whether or not the API could make it; it answers the record.

        What is not said is as in the first record of that kind. Fields are named as `records` shows them.
        """
        __tracebackhide__ = True
        return self._backstage.call(self._arranger.insert, kind, {**(fields or {}), **more})

    def change(self, kind: str, id: Any, fields: Mapping[str, Any] | None = None, /, **more: Any) -> Record:
        """Change fields of a record, whether or not the API could; it answers the record."""
        __tracebackhide__ = True
        return self._backstage.call(self._arranger.change, kind, id, {**(fields or {}), **more})

    def remove(self, kind: str, id: Any, /) -> None:
        """Take a record away, whether or not the API could; into the trash where the vendor has one."""
        __tracebackhide__ = True
        self._backstage.call(self._arranger.remove, kind, id)

    def records(self, kind: str, /, **values: Any) -> list[Record]:
        """The records of a kind as the world holds them, those in the trash left out; `values` are theirs."""
        __tracebackhide__ = True
        found = self._backstage.call(self._arranger.records, kind)
        for field in values:
            if found and field not in found[0]:
                raise unknown(f"field of {self._arranger.kind(kind)}", field, found[0])
        return [one for one in found if all(one.get(field) == value for field, value in values.items())]

    def record(self, kind: str, id: Any, /) -> Record:
        """The record with that id as the world holds it. Raises NotArranged where there is none."""
        __tracebackhide__ = True
        return self._backstage.call(self._arranger.record, kind, id)

    def reset(self) -> None:
        """Back to the seed: records, clock, quotas, switches and journal; no defects, no faults."""
        self._door.mend()
        self._steer("POST", "/reset")

    # Behaviour

    def switch(self, **values: str) -> None:
        """Let the vendor do the one or the other where its documents leave it open: `switch(cache="stale")`."""
        __tracebackhide__ = True
        self._steer("POST", "/switches", {"vendor": self.vendor, **values})

    def defect(self, *names: str) -> None:
        """Let these be the ways in which the vendor goes wrong (`proofboard defects` lists them); without any, none."""
        __tracebackhide__ = True
        self._steer("PUT", "/defects", {self.vendor: list(names)})

    def fail(
        self,
        operation: str | None = None,
        *,
        status: int | None = 503,
        times: int | None = 1,
        delay: float = 0.0,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        played: bool = False,
        drop: bool = False,
    ) -> None:
        """Trouble for the next requests of an operation (its operationId), or of any.

        They get `status` with the document's example of it where it has one, or `json`, after `delay` seconds, so many
        `times`, None for ever. `status=None` only delays. With `drop` the connection breaks off instead. With `played`
        the request has done its work, and only its answer is lost.
        """
        __tracebackhide__ = True
        if operation is not None and operation not in self._model.operations:
            raise unknown("operation", operation, self._model.operations)
        if times is not None and times < 1:
            raise ValueError(f"times is {times!r}; expected 1 or more, or None for ever")
        if status is not None and not 400 <= status <= 599:
            raise ValueError(f"status is {status!r}; expected one from 400 to 599, or None")
        self._door.order(Fault(operation, status, times, delay, dict(headers or {}), json, played, drop))

    def mend(self) -> None:
        """No faults any more."""
        self._door.mend()

    @property
    def deliveries(self) -> list[Delivery]:
        """What webhook subscribers are told, oldest first: what waits, and the latest of what does not."""
        return [delivery(one) for one in self._steer("GET", "/deliveries")["deliveries"]]

    def deliver(self) -> list[Delivery]:
        """Deliver now what is due by the world's clock, to receivers on this machine, and wait until that is done."""
        return [delivery(one) for one in self._steer("POST", "/deliveries")["deliveries"]]

    def close(self) -> None:
        """Close the port and the clients. What belongs to the world is dropped by whoever opened it."""
        for client in self._clients:
            client.close()
        if self._port is not None:
            self._backstage.run(self._port.close())
            self._port = None

    def __repr__(self) -> str:
        where = f" at {self.base_url}" if self._port is not None else ""
        return f"<proofboard_tenant {self.vendor}{where}>"

    # Behind it

    def _options(self, caller: str | None, options: dict[str, Any]) -> dict[str, Any]:
        __tracebackhide__ = True
        headers = {**self._headers_of(caller), **dict(options.pop("headers", None) or {})}
        way: dict[str, Any] = {"base_url": _HERE + self._model.mount, "transport": self.transport}
        if self._serves:
            # Without TLS; httpx would read the machine's certificates for each client, which takes 20 ms.
            way = {"base_url": self.base_url, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
        return {"trust_env": False, **way, "headers": headers, **options}

    def _headers_of(self, caller: str | None) -> dict[str, str]:
        __tracebackhide__ = True
        if caller is None:
            return {}
        if caller not in self._model.callers:
            raise unknown("caller", caller, self._model.callers)
        headers = self._model.headers_of_callers(self._world.clock.now())[caller]
        self._who.note(caller, headers)
        return headers

    async def _create(self, kind: str, fields: Mapping[str, Any], caller: str) -> Any:
        __tracebackhide__ = True
        record = self._arranger.create(kind, fields, self._headers_of(caller))
        self._courier.wake(self._world)
        return record

    def _steer(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control plane, about this world. Raises NotArranged with what it says."""
        __tracebackhide__ = True
        content = None if body is None else orjson.dumps(body)
        answer = self.transport.handle_request(httpx.Request(method, f"{_HERE}/_mock{path}", content=content))
        if answer.status_code != 200:
            raise NotArranged(answer.json()["error"])
        return answer.json()

    def _exchanges(self) -> Sequence[Exchange]:
        return self._backstage.call(lambda: list(self._world.journal))

    def _forget(self) -> None:
        self._backstage.call(self._world.journal.clear)


@dataclass(frozen=True)
class WorldClock:
    """The clock of one world. Each change answers the time then; what becomes due by it is delivered before."""

    _tenant: MockTenant

    def now(self) -> datetime:
        return self._told(self._tenant._steer("GET", "/clock"))

    def advance(self, by: float | timedelta) -> datetime:
        """So many seconds, or a timedelta, further; less than nothing goes back."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        return self._move(advance=seconds)

    def set(self, moment: datetime | str) -> datetime:
        """To a time with a zone, such as 2026-03-02T09:00:00Z; a running clock goes on from there."""
        return self._move(set=_text(moment))

    def freeze(self, at: datetime | str | None = None) -> datetime:
        """Stop where it is, or at a time."""
        return self._move(freeze=True) if at is None else self._move(freeze=True, set=_text(at))

    def thaw(self) -> datetime:
        """Run again from where it stands."""
        return self._move(freeze=False)

    def _move(self, **change: Any) -> datetime:
        __tracebackhide__ = True
        return self._told(self._tenant._steer("POST", "/clock", change))

    def _told(self, answer: Mapping[str, Any]) -> datetime:
        return datetime.fromisoformat(answer["now"])


def _text(moment: datetime | str) -> str:
    return moment.isoformat() if isinstance(moment, datetime) else moment
