"""A test tenant: a vendor's mock behind a plain reverse proxy that hides the control plane and bends answers.

What arrives is kept in a log. The one who is judged knows no worlds, no rules and no clock that can be set.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contracts import runner, tenant_file
from contracts.docket import Silence
from contracts.findings import Headers
from contracts.local import LOCAL_ORIGIN, local_wire
from contracts.model import SAFE_METHODS
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.target import Target, open_url
from contracts.wire import Outgoing, Reply, Wire
from mockserver.vendor import Rule, Vendor, shipped
from tests.bending_proxy import BentWire, Dropped, Proxy
from tests.bends import Bend, straight
from tests.tools.hurrying import Hurried

NO_WINDOWS: Mapping[str, Any] = {"limits": "off"}  # settings of a tenant that need not be waited for


@dataclass(frozen=True)
class Logged:
    """One request as it arrived, and what was answered. `path` is below the base URL, percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None
    who: str | None
    status: int | None  # None where the connection was dropped
    answer: bytes

    @property
    def is_write(self) -> bool:
        return self.method not in SAFE_METHODS

    def sent(self) -> Any:
        """The JSON of the request; None where there is none."""
        return _parsed(self.body or b"")

    def told(self) -> Any:
        """The JSON of the answer; None where there is none."""
        return _parsed(self.answer)


class TestTenant:
    """Listens while its block lasts. `bend` may be changed at any time; what is in `log` arrived.

    `has_control` lets the control plane through, as of a mock that somebody serves.
    """

    __test__ = False

    def __init__(
        self,
        vendor: Vendor,
        bend: Bend = straight,
        *,
        has_control: bool = False,
        seed: int = 11,
        clock: str = "real",
        **settings: Any,
    ) -> None:
        self.vendor = vendor
        self.log: list[Logged] = []
        self.is_down = False
        self._mock = local_wire(vendor, seed=seed, clock=clock, **settings)
        self._told = self.control("GET", "/credentials")[vendor.name]["callers"]
        self._tokens = {each["headers"].get("Authorization", ""): name for name, each in self._told.items()}
        self._bent = BentWire(self._mock, bend, hide_control=not has_control)
        self._has_control = has_control
        self._proxy = Proxy(_LoggedWire(self), mount=vendor.mount, keeps_host=True)

    def __enter__(self) -> "TestTenant":
        self._proxy.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        self._proxy.__exit__()
        self._mock.close()

    @property
    def url(self) -> str:
        """The base URL to judge."""
        return self._proxy.url

    @property
    def origin(self) -> str:
        return self._proxy.url.removesuffix(self.vendor.mount)

    @property
    def bend(self) -> Bend:
        return self._bent.bend

    @bend.setter
    def bend(self, bend: Bend) -> None:
        self._bent.bend = bend

    @property
    def writes(self) -> list[Logged]:
        """The requests that could have changed something."""
        return [each for each in self.log if each.is_write]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """What the control plane behind the proxy answers; for the test, and for nobody who comes by the URL."""
        headers = [("Content-Type", "application/json")] if body is not None else []
        content = None if body is None else json.dumps(body).encode()
        reply = self._mock.send(Outgoing(method, f"/_mock{path}", headers, content))
        assert 200 <= reply.status < 300, reply.body
        return _parsed(reply.body)

    def records(self, resource: str) -> list[dict[str, Any]]:
        """Every record of a resource that is there, also those that no operation shows."""
        query = f"/records?vendor={self.vendor.name}&resource={resource}"
        found: list[dict[str, Any]] = self.control("GET", query)["records"]
        return found

    def toml(
        self,
        path: Path,
        *,
        callers: Iterable[str] | None = None,
        known: Iterable[str] | Mapping[str, Any] | None = None,
        budget: Mapping[str, int] | None = None,
    ) -> Path:
        """Write the tenant.toml and answer its path: all callers and known ids, unless they are named.

        `known` as a mapping replaces ids; a name alone takes that of the mock.
        """
        name = self.vendor.name
        lines = [f"[{name}]", f"base_url = {_quoted(self.url)}"]
        for caller in self._told if callers is None else callers:
            lines += [f"[{name}.credentials.{caller}]", f"headers = {_inline(self.headers_of(caller))}"]
            if "login" in self._told[caller]:
                lines.append(f"login = {_inline(self._told[caller]['login'])}")
        chosen = self.vendor.known if known is None else known
        if not isinstance(chosen, Mapping):
            chosen = {role: self.vendor.known[role] for role in chosen}
        lines += [f"[{name}.known]", *(f"{role} = {_quoted(str(key))}" for role, key in chosen.items())]
        if budget:
            lines += [f"[{name}.budget]", *(f"{limit} = {number}" for limit, number in budget.items())]
        path.write_text("\n".join([*lines, ""]))
        return path

    def headers_of(self, caller: str) -> dict[str, str]:
        """The headers that a tenant.toml names for a caller: without a token where the caller logs in."""
        told = self._told[caller]
        return {key: value for key, value in told["headers"].items() if "login" not in told or key != "Authorization"}

    def open(self, file: Path, *, seed: int = 11, ends_at: float | None = None, **options: Any) -> Target:
        """The target of a tenant.toml, as `proofboard test` opens it, but that nobody waits: the clocks go ahead."""
        vendor = self.vendor
        options.setdefault("watch", self.hurried().watch)
        read = tenant_file.read(file, vendor.name, frozenset(vendor.known), frozenset(shipped()))
        budget = Budget(requests=read.requests, writes=read.writes, per_minute=read.per_minute, ends_at=ends_at)
        clocks = Hurried(lambda seconds: self.control("POST", "/clock", {"advance": seconds}))
        options = {"watch": clocks.watch, **options}
        return open_url(vendor, read.base_url, seed=seed, budget=budget, tenant=read, **options)

    def hurried(self) -> Hurried:
        """Clocks that wait for nothing: where a run would sleep, the tenant's own clock goes on."""
        return Hurried(lambda seconds: self.control("POST", "/clock", {"advance": seconds}))

    def judge(
        self, file: Path, rules: Iterable[str | Rule] | None = None, *, profile: str = "quick", **options: Any
    ) -> Result:
        """A run by a tenant.toml; of some rules alone, where they are named. The options are those of `open`."""
        chosen = [self.vendor.rules[rule] if isinstance(rule, str) else rule for rule in rules or self.vendor.rules]
        target = self.open(file, **options)
        try:
            return runner.run(target, chosen, profile=profile, is_selective=rules is not None, progress=Silence())
        finally:
            target.close()

    def answer(self, request: Outgoing) -> Reply:
        """What the proxy answers to a request, which it logs."""
        if self.is_down:
            raise Dropped
        told = request if self._has_control else replace(request, headers=_without_ours(request.headers))
        who = self._who(request)
        try:
            reply = self._bent.send(told)
        except Dropped:
            self._keep(request, who, None)
            raise
        self._learn(request, reply)
        if not self._has_control:
            reply = replace(reply, headers=Headers(_without_ours(reply.headers.items())))
        self._keep(request, who, reply)
        return reply

    def _keep(self, request: Outgoing, who: str | None, reply: Reply | None) -> None:
        path, _, query = request.target.partition("?")
        self.log.append(
            Logged(
                method=request.method,
                path=path.removeprefix(self.vendor.mount),
                query=query,
                headers=Headers(request.headers),
                body=request.body,
                who=who,
                status=reply.status if reply else None,
                answer=reply.body if reply else b"",
            )
        )

    def _who(self, request: Outgoing) -> str | None:
        """The caller that the headers are of: by their token, else by all the headers of somebody."""
        sent = {name.lower(): value for name, value in request.headers}
        if (token := sent.get("authorization", "")) in self._tokens:
            return self._tokens[token]
        for name, told in self._told.items():
            if all(sent.get(key.lower()) == value for key, value in told["headers"].items()):
                return str(name)
        return None

    def _learn(self, request: Outgoing, reply: Reply) -> None:
        """Whose token a login answered."""
        operation = (self.vendor.behaviour["credentials"].get("login") or {}).get("operation")
        if operation is None or reply.status >= 300:
            return
        if request.target != self.vendor.mount + self.vendor.operations[operation].path:
            return
        told, sent = _parsed(reply.body), _parsed(request.body or b"")
        names = [name for name, each in self._told.items() if each.get("login") == sent]
        tokens = told.get("data", {}).values() if isinstance(told, dict) else ()
        self._tokens |= {f"Bearer {token}": name for token in tokens for name in names if isinstance(token, str)}


class _LoggedWire:
    """What the proxy sends to: the tenant."""

    def __init__(self, tenant: TestTenant) -> None:
        self.origin = LOCAL_ORIGIN
        self._tenant = tenant

    def send(self, request: Outgoing) -> Reply:
        return self._tenant.answer(request)

    def close(self) -> None:
        """The tenant closes its mock."""


def wire_to(tenant: TestTenant) -> Wire:
    """A wire straight into the tenant, past HTTP: the same log, the same bends."""
    return _LoggedWire(tenant)


def _without_ours(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers without those that only the mock knows."""
    return [(name, value) for name, value in headers if not name.lower().startswith("x-mock-")]


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _inline(table: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in table.items()) + " }"


__all__ = ["NO_WINDOWS", "Dropped", "Logged", "TestTenant", "wire_to"]
