"""GeoTareas: three credentials at once, logins that lock themselves, drivers and mentions."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from mockserver.engine.bodies import faults
from mockserver.engine.call import Call, Outcome
from mockserver.engine.chance import Fakes, parse_time
from mockserver.engine.credentials import Credential
from mockserver.engine.errors import Refusal
from mockserver.engine.query import All, Children, Condition, Expression
from mockserver.engine.quotas import SlidingCounts, seconds_until
from mockserver.engine.store import Record
from mockserver.engine.verbs import Task
from mockserver.engine.world import World

if TYPE_CHECKING:
    from mockserver.vendor import Caller, Vendor

# Not a secret: it signs the tokens of the stand-in alone, so that tests can make tokens of their own.
SECRET = "proofboard signs the tokens of GeoTareas' stand-in with this"
ALGORITHM = "HS256"
LIFETIME = 3600

# The world's clock judges the times, and claims are looked at below.
_ONLY_THE_SIGNATURE = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}

BLOCKING_FAILURES, FAILURE_SECONDS, BLOCK_SECONDS = 5, 30, 60


# Tokens


def mint_token(vendor: "Vendor", caller: "Caller", now: float) -> str:
    """The JWT of a seeded caller: of an hour from now on, or up to the caller's own end."""
    issued = int(now) if caller.expires_at is None else int(parse_time(caller.expires_at)) - LIFETIME
    user = next(one for one in vendor.seed["records"]["users"] if one["id"] == caller.user)
    return _sign(user, caller.scopes, issued)


def _sign(user: Mapping[str, Any], permissions: Sequence[str], issued: int) -> str:
    claims = {
        "sub": user["id"],
        "name": user["name"],
        "tenant": user["tenant"],
        "permissions": list(permissions),
        "iat": issued,
        "exp": issued + LIFETIME,
    }
    import jwt  # here, as below: with what it brings it takes a twentieth of a start

    return jwt.encode(claims, SECRET, ALGORITHM)


@dataclass(frozen=True)
class _Claims:
    user: str
    tenant: str
    permissions: tuple[str, ...]
    expires_at: float


def _claims(token: str) -> _Claims | None:
    """What a token says; None for one that is not ours, or says something else."""
    import jwt

    try:
        found = jwt.decode(token, SECRET, [ALGORITHM], options=cast(Any, _ONLY_THE_SIGNATURE))
    except (jwt.PyJWTError, ValueError, RecursionError):  # a header nested too deeply is no token either
        return None
    match found:
        case {"sub": str(user), "tenant": str(tenant), "permissions": [*permissions], "exp": int(end) | float(end)}:
            if all(isinstance(one, str) for one in permissions):
                return _Claims(user, tenant, tuple(permissions), end)
    return None


def _seen(world: World, token: str) -> _Claims:
    """The claims of a good token, whose signature a world looks at once. Raises Refusal."""
    known = world.cache.get(token)
    if known is None:
        claims = _claims(token)
        if claims is None:
            raise Refusal("credential_unknown")
        known = world.cache[token] = (claims.expires_at, claims)
    found: _Claims = known[1]
    return found


def identify(call: Call, known: Mapping[str, Credential]) -> Credential:
    """Who calls: token, API key and tenant must be good each by itself, and of one company. Raises Refusal."""
    word, _, token = (call.request.header(b"authorization") or "").partition(" ")
    if word != "Bearer" or not token or " " in token:
        raise Refusal("credential_unknown", rule="GT-026")
    claims = _seen(call.world, token)
    if call.world.clock.now() >= claims.expires_at:
        raise Refusal("credential_expired")
    user = call.world.find("users", claims.user)
    if user is None or user["tenant"] != claims.tenant:
        raise Refusal("credential_unknown")
    key = call.request.header(b"x-api-key") or ""
    api_key = call.world.find("api_keys", key)
    if api_key is None or api_key["revoked"]:
        raise Refusal("credential_unknown", rule="GT-021")
    if not _tenant(call) == claims.tenant == api_key["tenant"]:
        raise Refusal("credential_unknown", rule="GT-025")
    permissions = claims.permissions
    return Credential(
        user["name"],
        claims.tenant,
        permissions,
        frozenset(permissions),
        claims.expires_at,
        claims.user,
        f"{key}|{claims.user}",
    )


def _tenant(call: Call) -> str:
    """The host name in the header, without its port; those who write it do not agree on its case."""
    return (call.request.header(b"tenant") or "").strip().lower().partition(":")[0]


# Login


def do_login(call: Call, task: Task) -> Outcome:
    """A token for the user of that e-mail address and password; too many logins, or failed ones, are put off."""
    world = call.world
    tenant, email = _tenant(call), call.body["email"].casefold()
    call.quota_key = f"{tenant}|{email}"
    now = world.clock.now()
    requests, failed = (cast(SlidingCounts, world.counts[name]) for name in ("requests", "failed_logins"))
    full, blocked = requests.full_until(call, now), _blocked_until(failed.times(call, now), now)
    if full is not None or blocked is not None:
        call.barred_until = end = max(full or 0.0, blocked or 0.0)
        situation = "login_limited" if blocked is None else "login_blocked"
        raise Refusal(situation, headers=[(b"retry-after", b"%d" % seconds_until(end, now))])
    requests.note(call, now)
    found = world.select("users", {"tenant": tenant, "email": email}, [])
    if not found or found[0]["password"] != call.body["password"]:
        failed.note(call, now)
        raise Refusal("login_refused")
    return task.outcome({"authorization": _sign(found[0], found[0]["permissions"], int(now))}, call)


def _blocked_until(failures: Sequence[float], now: float) -> float | None:
    """The end of the block that the last failures brought about; None without one."""
    if len(failures) < BLOCKING_FAILURES or failures[-1] - failures[-BLOCKING_FAILURES] >= FAILURE_SECONDS:
        return None
    end = failures[-1] + BLOCK_SECONDS
    return end if now < end else None


# Tasks


def check_board(call: Call) -> None:
    if call.body["board_id"] != call.record["board_id"]:
        raise Refusal("record_missing", error="task_not_found", rule="GT-126", values={"id": call.record["id"]})


def check_driver(call: Call) -> None:
    driver = call.body.get("driver_id")
    if call.body["target_status"] == "ASI":
        found = call.world.find("drivers", str(driver))
        if found is None or found["tenant"] != call.account:
            raise Refusal("body_invalid", rule="GT-127", values=faults({"driver_id": "there is no such driver"}))
    elif driver is not None and call.world.switch("driver_on_other_targets") == "reject":
        reason = f"not with target_status {call.body['target_status']}"
        raise Refusal("body_invalid", rule="GT-130", values=faults({"driver_id": reason}))


def allow_driver(call: Call) -> bool:
    """The driver that the target needs is there: the request's schema and `check_driver` have seen to it."""
    return "driver_id" in call.body


def allow_other_driver(call: Call) -> bool:
    return bool(call.body["driver_id"] != call.record["driver_id"])


def update_tasks(call: Call, before: Record, after: Record) -> Record:
    if after["status"] == "ASI":
        after["driver_id"] = call.body["driver_id"]
    elif after["status"] == "SA":
        after["driver_id"] = None
    return after


# Comments


_MENTION = re.compile(r"(?:^|(?<=\s))@([^\W\d_]+)")


def create_comments(call: Call, record: Record) -> Record:
    record["author_id"] = call.user
    record["mentions"] = _mentioned(call, record["text"]) if call.world.switch("mentions") == "resolve" else []
    return record


def _mentioned(call: Call, text: str) -> list[dict[str, str]]:
    """Whom `@Name` means: the one user of the company whose first name it is; nobody where there are several."""
    names = list(dict.fromkeys(name.casefold() for name in _MENTION.findall(text)))
    if not names:
        return []
    users = call.world.search("users", Condition("tenant", "eq", call.account), ["id"])
    hits = [[user for user in users if user["name"].split()[0].casefold() == name] for name in names]
    return [{"id": one["id"], "name": one["name"]} for found in hits if len(found) == 1 for one in found]


def derive_comments(record: Record, world: World) -> dict[str, Any]:
    return {"author": _person(world, record["author_id"])}


# Workspaces and cards


def where_listWorkspaces(table: Mapping[str, Any]) -> Callable[[Call], Expression]:
    """Those that the user is a member of."""
    return lambda call: Children("memberships", "workspace_id", "any", Condition("user_id", "eq", call.user))


def show_workspaces(call: Call, record: Record, task: Task) -> dict[str, Any]:
    (membership,) = call.world.select("memberships", {"workspace_id": record["id"], "user_id": str(call.user)}, [])
    return {
        "id": record["id"],
        "name": record["name"],
        "description": record["description"],
        "boards_count": call.world.tally("boards", workspace_id=record["id"]),
        "role": membership["role"],
        "created_at": record["created_at"],
    }


def grow_cards(made: list[Record], grown: Mapping[str, list[Record]], fakes: Fakes) -> None:
    """A generated card is on the board of its column."""
    boards = {column["id"]: column["board_id"] for column in grown["columns"]}
    for card in made:
        card["board_id"] = boards[card["column_id"]]


def where_listBoardCards(table: Mapping[str, Any]) -> Callable[[Call], Expression]:
    """Archived cards are listed only when they are asked for."""
    return lambda call: All() if call.argument("archived") == "true" else Condition("archived", "eq", False)


def derive_cards(record: Record, world: World) -> dict[str, Any]:
    column = world.find("columns", record["column_id"])
    return {
        "column_name": column["name"] if column is not None else "",
        "assignee": _person(world, record["assignee_id"]) if record["assignee_id"] is not None else None,
        "comments_count": world.tally("comments", card_id=record["id"]),
    }


def _person(world: World, user: str) -> dict[str, str]:
    found = world.find("users", user)
    assert found is not None, f"no user {user}"
    return {"id": user, "name": found["name"]}


# Words


def explain(field: str, error: Any) -> str:
    """Why a value does not fit its schema, without repeating what may be five thousand characters."""
    kind = error.kind
    match kind.name:
        case "required":
            return "required with target_status ASI" if kind.property == "driver_id" else "required"
        case "enum":
            return "value is not allowed"
        case "type":
            return f"must be {_kinds(kind.types)}"
        case "maxLength":
            return f"must have at most {kind.limit} characters"
        case "minLength":
            return "must not be empty"
        case "minimum":
            return f"must be at least {kind.limit}"
        case "maximum":
            return f"must be at most {kind.limit}"
        case "pattern":
            return "must be a text with something to read in it" if field == "text" else "must be decimal digits"
    return "is not of the right form"


def _kinds(types: Sequence[str]) -> str:
    return " or ".join(f"of the type {name}" for name in types)


def refusal_words(world: World) -> dict[str, Any]:
    """The vendor prints refusals with `data` null on one page and without `data` on another."""
    return {"data": None} if world.switch("error_envelope") == "with_data_null" else {}
