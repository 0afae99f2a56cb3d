"""How requests travel: into an app in this process, and over HTTP."""

import asyncio
from typing import Any

import pytest

from contracts.wire import LARGEST_BODY, HttpWire, LocalWire, Outgoing, TargetLost
from tests.odd_servers import always, closed_port, reply, serving


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    if scope["path"] == "/broken":
        raise ValueError("broken")
    headers = [
        (b"x-raw", scope["raw_path"]),
        (b"x-query", scope["query_string"]),
        (b"x-host", dict(scope["headers"])[b"host"]),
    ]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": scope["method"].encode(), "more_body": True})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def local() -> Any:
    wire = LocalWire(echo, "http://local:1")
    yield wire
    wire.close()


def test_local__hands_over_what_stands_in_the_request_line(local: LocalWire) -> None:
    answer = local.send(Outgoing("POST", "/a%2Fb?x=%20", [("A", "1")], b"body"))
    assert (answer.status, answer.body) == (201, b"POSTbody")
    assert (answer.headers["x-raw"], answer.headers["x-query"], answer.headers["x-host"]) == (
        "/a%2Fb",
        "x=%20",
        "local:1",
    )


def test_local__an_app_that_raises_is_a_server_that_fails(local: LocalWire) -> None:
    answer = local.send(Outgoing("GET", "/broken"))
    assert (answer.status, answer.body) == (500, b"ValueError: broken")


def test_http__follows_no_redirect_and_keeps_no_cookie() -> None:
    seen: list[str] = []

    def answer(request: Outgoing) -> Any:
        seen.append(dict(request.headers).get("cookie", ""))
        return reply(302, "", location="http://127.0.0.1:1/", **{"set-cookie": "sid=1"})

    with serving(answer) as url:
        wire = HttpWire(url.removesuffix("/kanman/v1"))
        assert [wire.send(Outgoing("GET", "/")).status for _ in range(2)] == [302, 302]
        wire.close()
    assert seen == ["", ""]


def test_local__ends_what_the_app_has_under_way() -> None:
    ended: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("lingering")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["task"] = asyncio.create_task(linger())
        await asyncio.sleep(0)
        await echo(scope, receive, send)

    wire = LocalWire(app, "http://local:1")
    wire.send(Outgoing("GET", "/"))
    wire.close()
    assert ended == ["lingering"]


def test_http__refused(request: pytest.FixtureRequest) -> None:
    wire = HttpWire(f"http://127.0.0.1:{closed_port()}")
    request.addfinalizer(wire.close)
    with pytest.raises(TargetLost, match="cannot be reached"):
        wire.send(Outgoing("GET", "/"))


def test_http__an_answer_without_end_is_not_read_to_its_end(request: pytest.FixtureRequest) -> None:
    with serving(always(200, "x" * (LARGEST_BODY + 1))) as url:
        wire = HttpWire(url.removesuffix("/kanman/v1"))
        request.addfinalizer(wire.close)
        with pytest.raises(TargetLost, match="longer than 16 MiB"):
            wire.send(Outgoing("GET", "/"))
