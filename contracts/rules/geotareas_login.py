"""GeoTareas: the login and its limits, the token, the key and the host name. Only the stand-in meets wrong logins."""

import base64
import json
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    known,
    stand_in,
)
from contracts.findings import Broken, NotJudged
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.geotareas_steps import (
    LISTS,
    ROOT,
    call_with,
    comments,
    expect_refusal,
    login,
    send_comment,
    send_login,
    still,
    token_of,
)
from contracts.tenant import ABSENT, Answer, Tenant

_ELSEWHERE = (400, 401, 403, 404)


def _good_callers(tenant: Tenant) -> dict[str, dict[str, str]]:
    """The callers whom the target lets in, and their headers."""
    found = {
        caller: tenant.headers(caller)
        for caller in tenant.callers
        if tenant.call("listWorkspaces", caller=caller).status in (200, 403)
    }
    if not found:
        raise NotJudged("needs a caller whom the target lets in")
    return found


def _header(headers: dict[str, str], name: str) -> str:
    return next((value for each, value in headers.items() if each.lower() == name.lower()), "")


def _part(token: str, number: int, what: str) -> dict[str, Any]:
    """What a part of a JWT says."""
    text = token.split(".")[number]
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except ValueError:
        raise Broken(f"{what}: expected base64url of JSON in part {number + 1} of the token") from None
    if not isinstance(found, dict):
        raise Broken(f"{what}: expected an object in part {number + 1} of the token, got {short(found)}")
    return found


@rule("GT-005")
def the_token_of_a_login_is_the_bearer_token(tenant: Tenant) -> None:
    if tenant.target.logs_in:
        expect_status(tenant.call("listWorkspaces"), "listWorkspaces with the token of the owner's login", 200)
        return
    world = still(tenant) if tenant.is_mock else tenant
    for caller in ("owner", "reader"):
        token = token_of(login(world, caller))
        answer = call_with(world, token)
        expect_status(answer, f"listWorkspaces with the token of {caller}'s login", 200)
    comment = send_comment(world, {"text": "Written after a login"})
    expect_status(comment, "addCardComment after a login", 201)


@rule("GT-006")
def a_token_is_a_jwt(tenant: Tenant) -> None:
    tokens = {
        caller: _header(headers, "Authorization").removeprefix("Bearer ")
        for caller, headers in _good_callers(tenant).items()
    }
    if tenant.is_mock:
        tokens["a login"] = token_of(login(tenant.fresh_world()))
    for caller, token in tokens.items():
        what = f"the token of {caller}"
        expect(token.count(".") == 2, f"{what}: expected three parts, it has {token.count('.') + 1}")
        for number in (0, 1):
            _part(token, number, what)


@rule("GT-007")
def a_token_names_hs256(tenant: Tenant) -> None:
    if tenant.is_mock:
        answer = login(tenant)
        head = _part(token_of(answer), 0, "login")
        expect_equal("the alg of a new token", "HS256", head.get("alg"), answer)
    for caller, headers in _good_callers(tenant).items():
        token = _header(headers, "Authorization").removeprefix("Bearer ")
        if token.count(".") == 2:
            expect_equal(f"the alg of the token of {caller}", "HS256", _part(token, 0, caller).get("alg"))


@rule("GT-008")
def a_token_is_good_for_an_hour(tenant: Tenant) -> None:
    world = still(tenant)
    clock = world.needs_clock()
    for _ in range(2):
        token = token_of(login(world))
        clock.advance(3599)
        expect_status(call_with(world, token), "a second before the hour is over", 200)
        clock.advance(1)
        for operation in ("listWorkspaces", "setTaskState", "listCardComments"):
            path = {"taskId": known(world, "task_id"), "id": known(world, "card_id")}
            headers: dict[str, str | None] = {"Authorization": f"Bearer {token}"}
            body = {"board_id": known(world, "board_id"), "target_status": "FIN"}
            sent = {"json": body} if operation == "setTaskState" else {}
            answer = world.call(operation, path=path, headers=headers, **sent)
            expect_refusal(answer, f"{operation} an hour after the login", 401, "UNAUTHORIZED")


@rule("GT-009")
def nothing_refreshes_a_token(tenant: Tenant) -> None:
    for path in ("/login/refresh", "/refresh", "/token/refresh", "/auth/refresh", "/refresh-token"):
        # Nothing tells what an undocumented operation of a tenant changes: there the path alone is asked for.
        method = "POST" if tenant.is_mock else "GET"
        answer = tenant.send(method, ROOT + path, json={} if tenant.is_mock else ABSENT)
        expect_status(answer, f"{method} {ROOT}{path}", 404, 405, *(() if tenant.is_mock else _ELSEWHERE))
        if not tenant.is_mock and answer.status != 404:
            raise NotJudged(f"needs to know whether POST {ROOT}{path} does something")
    if not tenant.is_mock:
        return
    world = still(tenant)
    old = token_of(login(world))
    world.needs_clock().advance(3601)
    expect_status(call_with(world, old), "with a token that is out of date", 401)
    new = token_of(login(world))
    expect_status(call_with(world, new), "after a new login", 200)
    expect_status(call_with(world, old), "with the old token after a new login", 401)


@rule("GT-011")
def an_api_key_begins_with_gtk(tenant: Tenant) -> None:
    for caller, headers in _good_callers(tenant).items():
        key = _header(headers, "X-API-Key")
        expect(key.startswith("gtk_"), f"the API key of {caller} was taken, and does not begin with gtk_")
    key = _header(tenant.headers("owner"), "X-API-Key").removeprefix("gtk_")
    for other in (key, f"gtx_{key}", f"GTK_{key}", f"gtk_gtk_{key}"):
        answer = tenant.call("listWorkspaces", headers={"X-API-Key": other})
        expect_status(answer, "the owner's API key with another beginning", 401)


@rule("GT-016")
def a_get_needs_no_content_type(tenant: Tenant) -> None:
    for operation in LISTS:
        path = {"id": known(tenant, "board_id" if operation == "listBoardCards" else "card_id")}
        answer = tenant.call(operation, path=path, headers={"Content-Type": None})
        expect_status(answer, f"{operation} without a Content-Type", 200)


@rule("GT-025")
def the_host_name_is_that_of_token_and_key(tenant: Tenant) -> None:
    host = _header(tenant.headers("owner"), "tenant")
    for same in (host, host.upper(), host.title()):
        answer = tenant.call("listWorkspaces", headers={"tenant": same})
        expect_status(
            answer, f"with the host name {same}", 200, *(() if tenant.is_mock or same == host else _ELSEWHERE)
        )
    others = [f"not-{host}", "localhost", host.partition(".")[2], f"{host}.example"]
    if "outsider" in tenant.callers:
        others.append(_header(tenant.headers("outsider"), "tenant"))
    for other in others:
        answer = tenant.call("listWorkspaces", headers={"tenant": other})
        what = f"with the host name {other}, which is not that of token and key"
        if tenant.is_mock:
            expect_refusal(answer, what, 401, "UNAUTHORIZED")
        else:
            expect_status(answer, what, *_ELSEWHERE)


@rule("GT-037")
def every_answer_has_another_request_id(tenant: Tenant) -> None:
    seen: dict[str, Answer] = {}
    for number in range(12):
        answers = [
            tenant.call("listWorkspaces"),
            tenant.call("listWorkspaces", headers={"X-Request-Id": "chosen by the client"}),
            tenant.call("listCardComments", path={"id": tenant.unknown_id("cards")}),
            tenant.call("listWorkspaces", caller=None),
            *([tenant.send("GET", f"{ROOT}/no-such-path")] if number == 0 else []),
        ]
        for answer in answers if number < 4 or tenant.is_mock else ():
            told = answer.headers.get("x-request-id", "")
            expect(told, "expected an X-Request-Id, got none", answer)
            expect(told not in seen, f"expected another X-Request-Id than before, got {told} again", answer)
            seen[told] = answer


@rule("GT-044")
def an_account_logs_in_five_times_in_30_seconds(tenant: Tenant) -> None:
    world = still(tenant)
    clock = world.needs_clock()
    for number in range(1, 6):
        answer = login(world)
        expect_status(answer, f"login {number} of an account", 200)
        _expect_figure(answer, "limit", 5)
        _expect_figure(answer, "remaining", 5 - number)
        clock.advance(2)
    answer = login(world)
    expect_refusal(answer, "the sixth login within 30 seconds", 429, "RATE_LIMITED")
    _expect_figure(answer, "remaining", 0)
    expect_equal(
        "Retry-After of the sixth login, 20 s before the first leaves", "20", answer.headers.get("retry-after")
    )
    expect_status(login(world, "reader"), "the login of another account", 200)
    clock.advance(19)
    expect_status(login(world), "a login 29 seconds after the first", 429)
    clock.advance(1)
    expect_status(login(world), "a login 30 seconds after the first", 200)
    expect_status(login(world), "a login 28 seconds after the second", 429)


def _expect_figure(answer: Answer, part: str, value: int) -> None:
    given = answer.headers.get(f"x-ratelimit-{part}")
    expect_equal(f"X-RateLimit-{part.title()} of a login", str(value), given, answer)


@rule("GT-045")
def five_failed_logins_block_an_account_for_a_minute(tenant: Tenant) -> None:
    world = still(tenant)
    clock = world.needs_clock()
    for number in range(1, 6):
        expect_status(login(world, password="wrong"), f"failed login {number}", 401)
        clock.advance(1)
    for waited in (1, 35, 59):  # from 30 s on no limit of calls is left that could refuse it
        answer = login(world)
        expect_refusal(answer, f"the right password {waited} s after the fifth failure", 429, "RATE_LIMITED")
        expect_equal(
            f"Retry-After {waited} s after the fifth failure", str(60 - waited), answer.headers.get("retry-after")
        )
        expect_status(login(world, "reader"), "another account meanwhile", 200)
        clock.advance({1: 34, 35: 24, 59: 1}[waited])
    expect_status(login(world), "the right password 60 s after the fifth failure", 200)
    _four_do_not_block(still(tenant))


def _four_do_not_block(world: Tenant) -> None:
    clock = world.needs_clock()
    for _ in range(4):
        expect_status(login(world, password="wrong"), "a failed login", 401)
    clock.advance(30)
    expect_status(login(world, password="wrong"), "the fifth failure, 30 s after the others", 401)
    expect_status(login(world), "the right password after five failures that were not within 30 s", 200)


@rule("GT-192")
def a_login_needs_no_token_and_no_key(tenant: Tenant) -> None:
    world = still(tenant) if tenant.is_mock else tenant
    stand_in(world, "on a tenant only the callers of the run log in")
    expect_status(login(world), "login with the header tenant alone", 200)
    body = world.vendor.callers["owner"].login
    for name, value in (("Authorization", "Bearer none"), ("X-API-Key", "none"), ("X-API-Key", "gtk_test_revoked")):
        headers: dict[str, str | None] = {"tenant": world.headers("owner")["tenant"], name: value}
        answer = world.call("login", caller=None, headers=headers, json=body)
        expect_status(answer, f"login with a bad {name}", 200)


@rule("GT-198")
def a_malformed_login_is_refused(tenant: Tenant) -> None:
    world = still(tenant) if tenant.is_mock else tenant
    stand_in(world, "login is never given wrong values on a tenant")
    bodies: list[Any] = [
        *(
            {"email": email, "password": "x"}
            for email in ("", "carlos", "carlos@", "@example.com", "a b@c.de", None, 7)
        ),
        {"email": "carlos.mendoza@example.com"},
        {"password": "x"},
        *({"email": "carlos.mendoza@example.com", "password": value} for value in ("", None, 7, ["x"])),
        {},
    ]
    for body in bodies:
        expect_refusal(send_login(world, body), f"login with {short(body)}", 400, "VALIDATION_ERROR")
    expect_status(login(world), "a login after malformed ones, which do not count", 200)


@rule("GT-199")
def a_wrong_login_does_not_tell_what_was_wrong(tenant: Tenant) -> None:
    stand_in(tenant, "login is never given wrong values on a tenant")
    messages = {}
    for what, changed in (
        ("another password", {"password": "not the password"}),
        ("the password in the other case", {"password": "CORRECT HORSE BATTERY STAPLE"}),
        ("another user's password", {"password": "seven quiet lanterns"}),
        ("an unknown address", {"email": "nobody.at.all@example.com"}),
        (
            "the address of another company's user",
            {"email": "tomas.herrera@example.com", "password": "four green harbours"},
        ),
    ):
        answer = login(still(tenant), **changed)
        expect_refusal(answer, f"login with {what}", 401, "UNAUTHORIZED")
        messages[answer.error("message")] = what
    expect(len(messages) == 1, f"expected one message for all wrong logins, got {short(list(messages))}")
    world = still(tenant)
    answer = login(world, email="Carlos.MENDOZA@example.com")
    expect_status(answer, f"login with the address in another case: {brief(answer)}", 200)
    expect_status(call_with(world, token_of(answer)), "a call with that token", 200)
    comments(world)
