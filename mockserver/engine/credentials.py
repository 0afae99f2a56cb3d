"""Who is calling: the credential behind a request's headers, as the document's security scheme has it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.engine.chance import parse_time
from mockserver.engine.messages import Request


@dataclass(frozen=True)
class Credential:
    """A named caller. `scopes` are those it was given, `reach` those with everything that they include.

    `user` is the key of the record that the caller acts as, where there are such; `key` is what quotas count by.
    """

    caller: str
    account: str
    scopes: tuple[str, ...]
    reach: frozenset[str]
    expires_at: float | None  # epoch seconds; None: at the end of the lifetime, counted from the world's birth
    user: str | None = None
    key: str = ""


Reader = Callable[[Request], str | None]


def reader(scheme: Mapping[str, Any]) -> Reader:
    """A function that takes the token out of a request, by an OpenAPI security scheme; None where there is none."""
    if scheme["type"] == "apiKey" and scheme["in"] == "header":
        name = scheme["name"].lower().encode()
        return lambda request: request.header(name)
    if scheme["type"] in ("http", "oauth2", "openIdConnect") and scheme.get("scheme", "bearer").lower() == "bearer":
        return _bearer
    raise ValueError(f"no credential can be read by the security scheme {dict(scheme)}")


def _bearer(request: Request) -> str | None:
    given = request.header(b"authorization")
    if given is None:
        return None
    word, _, token = given.partition(" ")
    return token.strip(" ") if word.lower() == "bearer" else ""


def credentials(callers: Iterable[Any], includes: Mapping[str, Iterable[str]]) -> dict[str, Credential]:
    """Token -> credential, for callers as seed.yaml has them; those that are revoked are not known.

    A caller whose token is made while the mock runs stands under its name.
    """
    found = {}
    for caller in callers:
        if caller.is_revoked:
            continue
        reach = {included for scope in caller.scopes for included in (scope, *includes.get(scope, ()))}
        expires_at = parse_time(caller.expires_at) if caller.expires_at else None
        found[caller.token or caller.name] = Credential(
            caller.name, caller.account, caller.scopes, frozenset(reach), expires_at, caller.user, caller.name
        )
    return found
