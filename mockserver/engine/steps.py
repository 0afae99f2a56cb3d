"""The checks that a request passes before its verb runs; `order` in behaviour.yaml is their sequence.

Each is compiled for one operation at start, and per request either fills in the call or raises a Refusal.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mockserver.engine.bodies import BodyReader
from mockserver.engine.call import Call
from mockserver.engine.chance import format_time
from mockserver.engine.credentials import Credential, Reader
from mockserver.engine.errors import Refusal
from mockserver.engine.world import World

Step = Callable[[Call], None]

MOST_DIGITS = 19  # what every store can hold as a whole number


def no_step(call: Call) -> None:
    """For operations that the check does not concern; such steps are left out of the plan."""


def credentials(known: Mapping[str, Credential], read: Reader, lifetime: float) -> Step:
    """Who calls. `lifetime` in seconds, for credentials without an expiry date of their own."""

    def step(call: Call) -> None:
        token = read(call.request)
        if token is None:
            raise Refusal("credential_missing")
        credential = known.get(token)
        if credential is None:
            raise Refusal("credential_unknown")
        world = call.world
        expires_at = world.birth + lifetime if credential.expires_at is None else credential.expires_at
        if world.clock.now() >= expires_at:
            raise Refusal("credential_expired", values={"expired_at": format_time(expires_at)})
        call.credential = credential
        call.account = credential.account

    return step


def quotas(names: Sequence[str]) -> Step:
    def step(call: Call) -> None:
        now = call.world.clock.now()
        for name in names:
            call.world.counts[name].take(call.account, now)
            call.counted = True

    return step


def scopes(required: Sequence[str], rule: str | None) -> Step:
    needed = frozenset(required)

    def step(call: Call) -> None:
        credential = call.credential
        if credential is not None and not needed <= credential.reach:
            missing = next(scope for scope in required if scope not in credential.reach)
            values = {"required": missing, "provided": list(credential.scopes)}
            raise Refusal("scope_missing", rule=rule, values=values)

    return step


def parameters(checks: Sequence[tuple[str, Any, bool]]) -> Step:
    """Path parameters by their schemas: name, validator, and whether it is a whole number."""

    def step(call: Call) -> None:
        for name, validator, is_whole in checks:
            text = call.request.parameters[name]
            value = whole(text) if is_whole else text
            if not validator.is_valid(value):
                reason = next(iter(validator.iter_errors(value))).message[:200]
                raise Refusal("parameter_malformed", values={"fields": {name: reason}})

    return step


def whole(text: str | int) -> str | int:
    """The number that decimal digits write; any other text as it is."""
    digits = str(text).removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < MOST_DIGITS else text


_FOLDS: Mapping[str, Callable[[Any], Any]] = {"uuid": str.lower, "integer": whole}


class Addressed:
    """How a record is found by the id that a request names, for the caller's account only."""

    def __init__(self, resource: str, table: Mapping[str, Any]) -> None:
        self.resource = resource
        self._account: str | None = table.get("account")
        self._missing: Mapping[str, str] = table["missing"]
        self._fold = _FOLDS.get(table.get("id_form", ""), str)

    def find(self, world: World, account: str, key: str, rule: str | None = None) -> dict[str, Any]:
        """The record; raises the resource's own refusal when there is none for this account."""
        record = world.find(self.resource, self._fold(key))
        if record is None or (self._account is not None and record[self._account] != account):
            rule = self._missing["rule"] if rule is None else rule
            raise Refusal("record_missing", error=self._missing["error"], rule=rule, values={"id": key})
        return record


def existence(addressed: Addressed, parameter: str, *, is_parent: bool) -> Step:
    name = "parent" if is_parent else "record"

    def step(call: Call) -> None:
        setattr(call, name, addressed.find(call.world, call.account, call.request.parameters[parameter]))

    return step


def body(reader: BodyReader) -> Step:
    def step(call: Call) -> None:
        call.body = reader.read(call.request.header(b"content-type"), call.request.body)

    return step


def references(named: Sequence[tuple[str, Addressed, str | None]]) -> Step:
    """Fields of the body that name a record: (field, its resource, rule). Each gets the id as the record has it."""

    def step(call: Call) -> None:
        for field, addressed, rule in named:
            if field in call.body:
                found = addressed.find(call.world, call.account, call.body[field], rule)
                call.body = {**call.body, field: found["id"]}

    return step


def capacities(resource: str, account_field: str, limits: Mapping[str, int], refusal: str) -> Step:
    """How many records of a resource an account may have: account -> limit."""

    def step(call: Call) -> None:
        limit = limits[call.account]
        if call.world.tally(resource, **{account_field: call.account}) >= limit:
            raise Refusal(refusal, values={"limit": limit})

    return step
