"""Tokens that a target hands out by a login: fetched when a run begins, and again before they end.

A run that only reads sends no login: there a caller needs a token in its headers.
"""

import json
from collections.abc import Mapping

from contracts.findings import Unjudgeable
from contracts.safety.guard import Guard
from contracts.safety.mask import Mask
from contracts.wire import Outgoing
from mockserver.vendor import Vendor

Callers = Mapping[str, Mapping[str, str]]

_RENEWED_AFTER = 40 * 60  # seconds; the shortest life that is known is an hour, and a request may wait for some time
_TOKEN_HEADER = "authorization"


class Sessions:
    """The callers of a tenant file who log in. A caller whose login is refused is none of this run."""

    def __init__(self, vendor: Vendor, guard: Guard, logins: Callers) -> None:
        self._table = vendor.behaviour["credentials"].get("login")
        if self._table is None:
            raise Unjudgeable(f"{vendor.name} has no login: a caller of the tenant file needs its token in headers")
        self._operation = vendor.operations[self._table["operation"]]
        self._guard = guard
        self._logins = logins
        self._since: float | None = None
        self._good: dict[str, Mapping[str, str]] = {}

    def callers(self, given: Callers, mask: Mask) -> Callers:
        """The headers of each caller, with the token of a login that is good for a while."""
        now = self._guard.watch.monotonic()
        if self._since is None or now - self._since > _RENEWED_AFTER:
            self._since = now
            self._good = {name: headers for name, headers in given.items() if name not in self._logins}
            for name, login in self._logins.items():
                token = self._token(name, given.get(name, {}), login)
                if token is not None:
                    self._good[name] = {"Authorization": f"Bearer {token}", **given.get(name, {})}
            mask.learn(self._good)
        return self._good

    def _token(self, name: str, headers: Mapping[str, str], login: Mapping[str, str]) -> str | None:
        """The token; None where the login is refused. Unjudgeable where that is the owner's."""
        if self._guard.is_read_only:
            return self._given(name, headers)
        fields = [("Accept", "application/json"), ("Content-Type", "application/json"), *headers.items()]
        outgoing = Outgoing(self._operation.method, self._operation.path, fields, json.dumps(login).encode())
        exchange = self._guard.send(outgoing, caller=name, is_login=True)
        if 200 <= exchange.status < 300:
            try:
                found = self._guard.model.record(self._operation.id, exchange.json())
            except (LookupError, ValueError):
                found = None
            token = found.get(self._table["token"]) if isinstance(found, Mapping) else None
            if isinstance(token, str):
                return token
        if name == "owner":
            raise Unjudgeable(f"the owner's login answered {exchange.status}, and no token")
        return None

    def _given(self, name: str, headers: Mapping[str, str]) -> str | None:
        """The token that the tenant file has itself; Unjudgeable where the owner has none."""
        for header, value in headers.items():
            if header.lower() == _TOKEN_HEADER:
                return value.removeprefix("Bearer ")
        if name == "owner":
            raise Unjudgeable("the owner's login would write, and this run only reads: give a token in headers")
        return None
