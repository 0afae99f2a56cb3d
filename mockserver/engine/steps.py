"""The checks that a request passes before its verb runs; `order` in behaviour.yaml is their sequence.

Each is compiled for one operation at start, and per request either fills in the call or raises a Refusal.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mockserver.engine.bodies import BodyReader, Explain, faults, is_unreadable, media_type
from mockserver.engine.call import Call
from mockserver.engine.chance import format_time
from mockserver.engine.credentials import Credential, Reader
from mockserver.engine.errors import Refusal
from mockserver.engine.listing import Include, Listing
from mockserver.engine.store import Record

Step = Callable[[Call], None]

_NO_RULES: Mapping[str, str] = {}
MOST_DIGITS = 19  # what every store can hold as a whole number


def no_step(call: Call) -> None:
    """For operations that the check does not concern; such steps are left out of the plan."""


def syntax(call: Call) -> None:
    """A body that says it is JSON can be read, whatever else is wrong with the request."""
    if call.request.body and is_unreadable(call.request.header(b"content-type"), call.request.body):
        raise Refusal("syntax_wrong")


def headers(required: Sequence[str], media_types: frozenset[str] | None) -> Step:
    """Each required header is there and not empty, in their order; then the body, if there is one, is of its type."""
    wanted = [(name, name.lower().encode()) for name in required]

    def step(call: Call) -> None:
        for name, key in wanted:
            if not (call.request.header(key) or "").strip():
                raise Refusal("header_missing", values={"header": name})
        if media_types is not None and media_type(call.request.header(b"content-type")) not in media_types:
            raise Refusal("content_type_unknown", values=faults({"Content-Type": "is none of those expected"}))

    return step


Identify = Callable[[Call, Mapping[str, Credential]], Credential]


def identify(known: Mapping[str, Credential], find: Identify) -> Step:
    """Who calls, where a table cannot say it: `find` raises the Refusal."""

    def step(call: Call) -> None:
        call.credential = find(call, known)
        call.account = call.credential.account

    return step


def credentials(known: Mapping[str, Credential], read: Reader, lifetime: float = math.inf) -> Step:
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
            call.world.counts[name].take(call, now)
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


class Parameter(NamedTuple):
    """A parameter of the path, or of the query, and the schema that its value fits."""

    name: str
    validator: Any
    type: str
    is_in_path: bool = True


def parameters(
    checks: Sequence[Parameter], explain: Explain | None = None, rules: Mapping[str, str] = _NO_RULES
) -> Step:
    """Parameters by their schemas, in the document's order. Those of the query may be absent. `rules` are by name."""

    def step(call: Call) -> None:
        for name, validator, type_, is_in_path in checks:
            text = call.request.parameters[name] if is_in_path else call.argument(name)
            if text is None:
                continue
            value = _READ[type_](text) if type_ in _READ else text
            if not validator.is_valid(value):
                error = next(iter(validator.iter_errors(value)))
                reason = explain(name, error) if explain is not None else error.message[:200]
                raise Refusal("parameter_malformed", rule=rules.get(name), values=faults({name: reason}))

    return step


def whole(text: str | int) -> str | int:
    """The number that decimal digits write; any other text as it is."""
    digits = str(text).removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < MOST_DIGITS else text


_READ: Mapping[str, Callable[[str], Any]] = {
    "integer": whole,
    "boolean": lambda text: {"true": True, "false": False}.get(text, text),
}
_FOLDS: Mapping[str, Callable[[Any], Any]] = {"uuid": str.lower, "integer": whole}


Find = Callable[[Call, str], Record | None]


class Addressed:
    """How a record is found by the id that a request names, for the caller's account only.

    `find` is the vendor's own way, where a table cannot say it.
    """

    def __init__(self, resource: str, table: Mapping[str, Any], find: Find | None = None) -> None:
        self.resource = resource
        self._account: str | None = table.get("account")
        self._missing: Mapping[str, str] = table["missing"]
        self._fold = _FOLDS.get(table.get("id_form", ""), str)
        self._find = find

    def find(self, call: Call, key: Any) -> Record | None:
        """The record of the caller's account, or None."""
        if self._find is not None:
            return self._find(call, key)
        record = call.world.find(self.resource, self._fold(key))
        if record is None or (self._account is not None and record[self._account] != call.account):
            return None
        return record

    def get(self, call: Call, key: Any, *, error: str | None = None, rule: str | None = None) -> Record:
        """The record; raises the resource's own refusal, or `error`, when there is none for this account."""
        record = self.find(call, key)
        if record is None:
            rule = self._missing["rule"] if rule is None else rule
            raise Refusal("record_missing", error=error or self._missing["error"], rule=rule, values={"id": key})
        return record


def existence(addressed: Addressed, parameter: str, *, is_parent: bool) -> Step:
    name = "parent" if is_parent else "record"

    def step(call: Call) -> None:
        setattr(call, name, addressed.get(call, call.request.parameters[parameter]))

    return step


def body(reader: BodyReader) -> Step:
    def step(call: Call) -> None:
        call.body = reader.read(call.request.header(b"content-type"), call.request.body)

    return step


class Reference(NamedTuple):
    """A field of the body that names a record; `error` and `rule` where they are not the resource's own."""

    field: str
    addressed: Addressed
    error: str | None = None
    rule: str | None = None


def references(named: Sequence[Reference]) -> Step:
    """Each field gets the id as the record has it."""

    def step(call: Call) -> None:
        for field, addressed, error, rule in named:
            if field in call.body:
                found = addressed.get(call, call.body[field], error=error, rule=rule)
                call.body = {**call.body, field: found["id"]}

    return step


def checks(found: Sequence[Step]) -> Step:
    """The vendor's own checks, one after the other."""
    if len(found) == 1:
        return found[0]

    def step(call: Call) -> None:
        for check in found:
            check(call)

    return step


def query(listing: Listing | None, include: Include | None) -> Step:
    """What a list is asked for, and what is to be shown besides: sort, include, conditions, page, in this order."""

    def step(call: Call) -> None:
        if listing is not None:
            listing.ask(call)
        if include is not None:
            call.includes = include.read(call.argument(include.parameter))
        if listing is not None:
            listing.narrow(call)

    return step


def capacities(resource: str, account_field: str, limits: Mapping[str, int], refusal: str) -> Step:
    """How many records of a resource an account may have: account -> limit."""

    def step(call: Call) -> None:
        limit = limits[call.account]
        if call.world.tally(resource, **{account_field: call.account}) >= limit:
            raise Refusal(refusal, values={"limit": limit})

    return step
