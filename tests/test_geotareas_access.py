"""GeoTareas: who is let in. Token, API key and host name together, permissions, logins and locks, on the clock."""

import base64
import json
from itertools import product
from typing import Any

import jwt
import pytest

from mockserver.vendors.geotareas import SECRET
from tests.geotareas import (
    BOARD,
    CARLOS,
    FULL_CARD,
    HOST,
    KANBAN,
    LOGIN,
    SAMPLE_CARD,
    WORKSPACES,
    GeoTareas,
    granted,
    refused,
)

OPERATIONS = [
    ("PUT", f"{KANBAN}/tasks/5001847291847291/state", "APICLI_KANBAN_WRITE"),
    ("POST", f"{KANBAN}/cards/{SAMPLE_CARD}/comments", "APICLI_KANBAN_WRITE"),
    ("GET", f"{KANBAN}/cards/{FULL_CARD}/comments", "APICLI_KANBAN_READ"),
    ("GET", WORKSPACES, "APICLI_KANBAN_READ"),
    ("GET", f"{KANBAN}/boards/{BOARD}/cards", "APICLI_KANBAN_READ"),
]
WRONG = {"tenant": "elsewhere.geotareas.com", "Authorization": "Bearer a.b.c", "X-API-Key": "gtk_unknown"}


def token(**changed: Any) -> str:
    """A JWT as the login makes it at the moment of the sample, but for what is changed; None leaves a claim out."""
    claims = {
        "sub": CARLOS["id"],
        "name": CARLOS["name"],
        "tenant": HOST,
        "permissions": ["APICLI_KANBAN_READ"],
        "iat": 1773938700,
        "exp": 1773942300,
    }
    return jwt.encode({name: value for name, value in {**claims, **changed}.items() if value is not None}, SECRET)


# Three credentials


@pytest.mark.parametrize("states", list(product(("right", "wrong", "missing", "empty"), repeat=3)), ids="-".join)
def test_credentials__in_every_combination(geotareas: GeoTareas, states: tuple[str, ...]) -> None:
    good = {name: value for name, value in geotareas.headers_of("owner").items()}
    given = dict(zip(("tenant", "Authorization", "X-API-Key"), states, strict=True))
    sent = {
        name: {"right": good[name], "wrong": WRONG[name], "empty": ""}[state]
        for name, state in given.items()
        if state != "missing"
    }
    answer = geotareas.bare("GET", WORKSPACES, sent)
    absent = next((name for name, state in given.items() if state in ("missing", "empty")), None)
    if absent is not None:
        assert answer.json()["error"]["message"] == f"Header {absent} is missing."
        refused(answer, 400, "BAD_REQUEST", "GT-017")
    elif "wrong" in states:
        refused(answer, 401, "UNAUTHORIZED")
    else:
        granted(answer)


@pytest.mark.parametrize(("method", "path", "permission"), OPERATIONS)
def test_credentials__are_asked_for_on_every_operation(
    geotareas: GeoTareas, method: str, path: str, permission: str
) -> None:
    json = {} if method != "GET" else None
    refused(geotareas.bare(method, path, {}, json=json), 400, "BAD_REQUEST", "GT-017")
    refused(geotareas.call(method, path, "expired", json=json), 401, "UNAUTHORIZED", "GT-020")
    wanting = "reader" if permission.endswith("WRITE") else "writer"
    answer = geotareas.call(method, path, wanting, json=json)
    assert answer.json()["error"]["message"] == f"Permission {permission} is needed."
    refused(answer, 403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("header", "value", "rule"),
    [
        ("Authorization", "Basic YTpi", "GT-026"),
        ("Authorization", "Bearer", "GT-026"),
        ("Authorization", "Bearer  {token}", "GT-026"),
        ("Authorization", "bearer {token}", "GT-026"),
        ("Authorization", "{token}", "GT-026"),
        ("Authorization", "Bearer {token}x", "GT-019"),
        ("Authorization", "Bearer null", "GT-019"),
        ("X-API-Key", "gtk_test_revoked", "GT-021"),
        ("X-API-Key", "test_0001", "GT-021"),
        ("X-API-Key", "gtk_test_other", "GT-025"),
        ("tenant", "othercompany.geotareas.com", "GT-025"),
        ("tenant", "geotareas.com", "GT-025"),
        ("tenant", "YourCompany.GeoTareas.COM", None),
        ("tenant", "yourcompany.geotareas.com:443", None),
    ],
)
def test_credential__of_another_form(geotareas: GeoTareas, header: str, value: str, rule: str | None) -> None:
    good = geotareas.headers_of("owner")
    sent = {**good, header: value.replace("{token}", good["Authorization"].removeprefix("Bearer "))}
    answer = geotareas.bare("GET", WORKSPACES, sent)
    if rule is None:
        granted(answer)
    else:
        refused(answer, 401, "UNAUTHORIZED", rule)


def test_credentials__each_good_but_of_two_companies(geotareas: GeoTareas) -> None:
    ours, theirs = geotareas.headers_of("owner"), geotareas.headers_of("outsider")
    for name in ours:
        refused(geotareas.bare("GET", WORKSPACES, {**ours, name: theirs[name]}), 401, "UNAUTHORIZED", "GT-025")
        refused(geotareas.bare("GET", WORKSPACES, {**theirs, name: ours[name]}), 401, "UNAUTHORIZED", "GT-025")


# Tokens


def called_with(geotareas: GeoTareas, text: str) -> Any:
    return geotareas.bare("GET", WORKSPACES, {**geotareas.headers_of("owner"), "Authorization": f"Bearer {text}"})


def test_token__made_with_the_documented_secret_is_as_good(geotareas: GeoTareas) -> None:
    granted(called_with(geotareas, token()))


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "1100000000000099"},
        {"sub": 1100000000000001},
        {"sub": None},
        {"sub": "1100000000000091"},  # a user of the other company
        {"tenant": None},
        {"tenant": ["yourcompany.geotareas.com"]},
        {"permissions": None},
        {"permissions": "APICLI_KANBAN_READ"},
        {"permissions": [1]},
        {"exp": None},
        {"exp": "never"},
        {"exp": 1773938700},
    ],
)
def test_token__that_says_something_else(geotareas: GeoTareas, changed: dict[str, Any]) -> None:
    refused(called_with(geotareas, token(**changed)), 401, "UNAUTHORIZED")


def test_token__signed_otherwise(geotareas: GeoTareas) -> None:
    head, payload, signature = token().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    claims = jwt.decode(token(), options={"verify_signature": False})
    deep = base64.urlsafe_b64encode(b"[" * 3000).decode()
    for text in (
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}.{payload}.{signature}.{signature}",
        jwt.encode(claims, "another secret, as long as it has to be"),
        jwt.encode(claims, SECRET * 2, "HS512"),
        jwt.encode(claims, SECRET, headers={"crit": ["x"]}),
        f"{deep}.{payload}.{signature}",
        "ä.ö.ü",
    ):
        answer = geotareas.bare(
            "GET",
            WORKSPACES,
            {**geotareas.headers_of("owner"), "Authorization": f"Bearer {text}".encode()},  # type: ignore[dict-item]  # no text
        )
        refused(answer, 401, "UNAUTHORIZED", "GT-019")


def test_token__is_good_for_an_hour_of_the_clock(geotareas: GeoTareas) -> None:
    made = granted(geotareas.login())["authorization"]
    assert jwt.get_unverified_header(made) == {"alg": "HS256", "typ": "JWT"}
    claims = json.loads(base64.urlsafe_b64decode(made.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 3600 and claims["name"] == "Carlos Mendoza"
    geotareas.turn(advance=3599)
    granted(called_with(geotareas, made))
    geotareas.turn(advance=1)
    refused(called_with(geotareas, made), 401, "UNAUTHORIZED", "GT-020")
    granted(called_with(geotareas, granted(geotareas.login())["authorization"]))


def test_token__has_the_permissions_of_the_user(geotareas: GeoTareas) -> None:
    made = granted(geotareas.login(email="sofia.castillo@example.com", password="eight long rivers"))["authorization"]
    refused(called_with(geotareas, made), 403, "FORBIDDEN", "GT-200")


# Logins


def test_login__asks_for_the_host_name_and_json_only(geotareas: GeoTareas) -> None:
    body = {"email": "CARLOS.mendoza@example.com", "password": "correct horse battery staple"}
    assert set(granted(geotareas.bare("POST", LOGIN, {"tenant": HOST}, json=body))) == {"authorization"}
    refused(geotareas.bare("POST", LOGIN, {}, json=body), 400, "BAD_REQUEST", "GT-017")
    refused(geotareas.bare("POST", LOGIN, {"tenant": HOST}, content=b"{}"), 400, "BAD_REQUEST", "GT-028")
    refused(geotareas.bare("POST", LOGIN, {"tenant": "elsewhere.example"}, json=body), 401, "UNAUTHORIZED", "GT-199")
    refused(
        geotareas.bare("POST", LOGIN, {"tenant": HOST}, json={"email": "carlos"}), 400, "VALIDATION_ERROR", "GT-198"
    )


def test_login__does_not_tell_what_was_wrong(geotareas: GeoTareas) -> None:
    answers = [geotareas.login(password="wrong"), geotareas.login(email="nobody@example.com")]
    assert answers[0].json() == answers[1].json()
    refused(answers[0], 401, "UNAUTHORIZED", "GT-199")


def test_login__five_in_thirty_seconds_for_each_account(geotareas: GeoTareas) -> None:
    for number in range(5):
        answer = geotareas.login()
        granted(answer)
        told = [answer.headers[f"X-RateLimit-{part}"] for part in ("Limit", "Remaining", "Reset")]
        assert told == ["5", str(4 - number), "1773938730"]
        geotareas.turn(advance=1)
    answer = geotareas.login()
    assert answer.headers["Retry-After"] == "25"
    assert answer.json()["error"]["message"] == "Limit of 5 logins in 30 seconds reached."
    refused(answer, 429, "RATE_LIMITED", "GT-044")
    refused(geotareas.login(email="carlos.MENDOZA@example.com"), 429, "RATE_LIMITED")
    granted(geotareas.login(email="maria.lopez@example.com", password="six early trains"))
    geotareas.turn(advance=25)
    granted(geotareas.login())
    refused(geotareas.login(), 429, "RATE_LIMITED")


def test_login__five_failures_block_the_account_for_a_minute(geotareas: GeoTareas) -> None:
    for _ in range(5):
        refused(geotareas.login(password="wrong"), 401, "UNAUTHORIZED")
        geotareas.turn(advance=7)
    geotareas.turn(advance=52)  # 59 s after the fifth; no call of the last 30 s is left to count
    answer = geotareas.login()
    assert answer.headers["Retry-After"] == "1"
    told = [answer.headers[f"X-RateLimit-{part}"] for part in ("Limit", "Remaining", "Reset")]
    assert told == ["5", "0", "1773938788"]  # nothing is left before the block ends
    assert answer.json()["error"]["message"] == "Too many failed logins. Try again later."
    refused(answer, 429, "RATE_LIMITED", "GT-045")
    geotareas.turn(advance=1)
    granted(geotareas.login())


def test_login__of_nobody_is_blocked_too(geotareas: GeoTareas) -> None:
    for _ in range(5):
        refused(geotareas.login(email="nobody@example.com"), 401, "UNAUTHORIZED")
    refused(geotareas.login(email="nobody@example.com"), 429, "RATE_LIMITED")
    granted(geotareas.login())


def test_login__malformed_ones_count_for_nobody(geotareas: GeoTareas) -> None:
    for _ in range(8):
        answer = geotareas.login(password="")
        assert [answer.headers[f"X-RateLimit-{part}"] for part in ("Limit", "Remaining")] == ["5", "5"]
        refused(answer, 400, "VALIDATION_ERROR", "GT-198")
    granted(geotareas.login())


def test_limits_off__nobody_is_put_off_or_blocked(open_tenant: Any) -> None:
    free = GeoTareas(*_of(open_tenant))
    for _ in range(7):
        assert free.login(password="wrong").status_code == 401
    for _ in range(12):
        answer = free.move("SA")
        assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (400, "10")


def _of(open_tenant: Any) -> tuple[Any, ...]:
    from mockserver.vendor import load

    made = open_tenant(load("geotareas"), limits="off", clock="2026-03-19T16:45:00Z")
    return made.client, made.vendor, made.name, made._app
