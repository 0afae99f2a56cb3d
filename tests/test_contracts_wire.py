"""How requests travel: into an app in this process, and over HTTP."""

import asyncio
import base64
import gzip
import socket
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from contracts.wire import LARGEST_BODY, HttpWire, LocalWire, Outgoing, Reply, TargetLost, Unsendable
from tests.odd_servers import (
    CERTIFICATES,
    Talk,
    answered,
    bomb,
    closed_port,
    dripping,
    endless,
    reply,
    saying,
    serving,
    silent,
    talking,
)


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


@pytest.mark.parametrize(
    ("request_", "flaw"),
    [
        (Outgoing("GET", "/a?k=hidden", [("X-Key", "hid\nden")]), "illegal header value"),
        (Outgoing("GET", "/a", [("X-Key", " hidden")]), "illegal header value"),
        (Outgoing("GET", "/a", [("X Key", "hidden")]), "illegal header name"),
        (Outgoing("GET", "/a", [("Host", "a"), ("Host", "b")]), "multiple host"),
        (Outgoing("POST", "/a", [("Content-Length", "2")], b"12345"), "another content-length"),
        (Outgoing("POST", "/a", [("Content-Length", "20")], b"12345"), "another content-length"),
        (Outgoing("POST", "/a", [("Content-Length", "9" * 5000)], b"12345"), "another content-length"),
        (Outgoing("GET", "/a", [("Content-Length", "3")]), "another content-length"),
        (Outgoing("POST", "/a", [("Transfer-Encoding", "gzip")], b"12345"), "only transfer-encoding"),
        (Outgoing("GE T", "/a"), "illegal method"),
        (Outgoing("G\u00c9T", "/a"), "illegal method"),
        (Outgoing("GET", "/a\r\nX-Key: b"), "illegal target"),
    ],
)
def test_http__what_is_no_http_is_refused_and_not_sent(request_: Outgoing, flaw: str) -> None:
    arrived: list[Outgoing] = []

    def answer(request: Outgoing) -> Any:
        arrived.append(request)
        return reply(200, "{}")

    with serving(answer) as url:
        wire = HttpWire(url.removesuffix("/kanman/v1"))
        with pytest.raises(Unsendable, match=flaw) as caught:
            wire.send(request_)
        assert arrived == [] and wire.send(Outgoing("GET", "/b")).status == 200
        wire.close()
    assert "hid" not in str(caught.value) and "\n" not in str(caught.value)


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


def lost(origin: str, *, timeout: float = 5.0, method: str = "GET") -> TargetLost:
    """What a wire says of a target that gives no answer."""
    wire = HttpWire(origin, timeout=timeout)
    try:
        with pytest.raises(TargetLost) as caught:
            wire.send(Outgoing(method, "/v1/tasks?token=hidden"))
    finally:
        wire.close()
    assert str(caught.value).startswith(origin) and "\n" not in str(caught.value) and "hidden" not in str(caught.value)
    return caught.value


def test_http__refused() -> None:
    found = lost(f"http://127.0.0.1:{closed_port()}")
    assert str(found).endswith("cannot be reached: Connection refused")
    assert not found.was_sent and not found.is_timeout


def test_http__a_name_that_nobody_has() -> None:
    assert "cannot be reached: its name is not known" in str(lost("http://nobody.invalid"))


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        ("self-signed", "its certificate is not trusted: self-signed certificate"),
        ("trusted", "its certificate is not trusted: unable to get local issuer certificate"),
    ],
)
def test_http__a_certificate_that_nobody_vouches_for(certificate: str, expected: str) -> None:
    with talking(saying(answered(b"{}")), certificate=certificate) as odd:
        found = lost(odd.origin)
    assert expected in str(found) and not found.was_sent and odd.heads == []


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [("elsewhere", "certificate is not valid for '127.0.0.1'"), ("expired", "certificate has expired")],
)
def test_http__a_certificate_that_does_not_fit(
    certificate: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    with talking(saying(answered(b"{}")), certificate=certificate) as odd:
        assert expected in str(lost(odd.origin))
    assert odd.heads == []


def test_http__an_authority_of_the_environment_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    with talking(saying(answered(b"{}")), certificate="trusted") as odd:
        assert sent(odd.origin).body == b"{}"


def test_http__an_authority_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    assert "SSL_CERT_FILE" in str(lost("https://127.0.0.1:1"))


def test_http__tls_spoken_to_a_server_that_speaks_none() -> None:
    with talking(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as odd:
        assert "cannot be reached: what answers there speaks no TLS: is its URL http://?" in str(
            lost(odd.origin.replace("http:", "https:"))
        )


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (saying(b""), "cannot be reached: Server disconnected without sending a response."),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "its answer is no HTTP: illegal status line"),
        (saying(b"HTTP/1.1 abc OK\r\n\r\n"), "its answer is no HTTP: illegal status line"),
        (saying(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), "its answer is no HTTP: illegal header line"),
        (saying(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n"), "its answer is no HTTP: "),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nxx"), "its answer is no HTTP: bad Content-Length"),
        (saying(answered(b"{}", length=100)), "its answer is no HTTP: peer closed connection"),
        (saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "illegal chunk header"),
        (saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"), "peer closed connection"),
        (saying(answered(b"no gzip", "content-encoding: gzip")), "is packed, and cannot be unpacked"),
        (saying(answered(gzip.compress(b"{}")[:-9], "content-encoding: gzip")), "is packed, and ends before its end"),
        (saying(bomb(100)), "the answer to GET /v1/tasks is longer than 16 MiB"),
        (endless(100), "the answer to GET /v1/tasks is longer than 16 MiB"),
    ],
)
def test_http__what_is_no_answer(talk: Callable[[Talk, bytes], None], expected: str) -> None:
    with talking(talk) as odd:
        found = lost(odd.origin)
    assert expected in str(found) and found.was_sent and not found.is_timeout


@pytest.mark.parametrize(
    "talk",
    [
        silent,
        dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 5),
        lambda talk, head: (
            talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"),
            dripping(b"x" * 99)(talk, head),
        ),
    ],
)
def test_http__an_answer_gets_so_many_seconds_however_slowly_it_comes(talk: Callable[[Talk, bytes], None]) -> None:
    with talking(talk) as odd:
        found = lost(odd.origin, timeout=0.4)
    assert str(found).endswith("did not answer within 0.4 seconds") and found.is_timeout and found.was_sent


def test_http__a_host_that_accepts_no_connection() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        found = lost(f"http://127.0.0.1:{port}", timeout=0.3)
        for each in waiting:
            each.close()
    assert "did not accept a connection within 0.3 seconds" in str(found) and not found.was_sent


def sent(origin: str, request: Outgoing | None = None) -> Reply:
    wire = HttpWire(origin, timeout=5)
    try:
        return wire.send(request or Outgoing("GET", "/v1/tasks"))
    finally:
        wire.close()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}', wbits=-15)),
        ("identity", b'{"a": 1}'),
    ],
    ids=["gzip", "deflate", "bare deflate", "identity"],
)
def test_http__unpacks_answers(coding: str, packed: bytes) -> None:
    with talking(saying(answered(packed, f"content-encoding: {coding}"))) as odd:
        assert sent(odd.origin).body == b'{"a": 1}'


def test_http__an_answer_without_a_body_is_not_unpacked() -> None:
    with talking(saying(answered(b"", "content-encoding: gzip", length=7))) as odd:
        assert sent(odd.origin, Outgoing("HEAD", "/")).status == 200


def test_http__an_answer_may_be_as_long_as_the_limit() -> None:
    with talking(saying(answered(b"x" * LARGEST_BODY))) as odd:
        assert len(sent(odd.origin).body) == LARGEST_BODY


def test_http__sends_the_line_and_the_fields_that_it_is_given() -> None:
    with talking(saying(answered(b"{}"))) as odd:
        sent(
            odd.origin,
            Outgoing("GET", "/v1/a%2Fb?x=%20&y=[1]", [("Accept", "text/x"), ("X-Twice", "1"), ("X-Twice", "2")]),
        )
        sent(odd.origin, Outgoing("POST", "/v1", [("Host", "acme.example")]))
    first, second = (head.decode().split("\r\n") for head in odd.heads)
    assert first[0] == "GET /v1/a%2Fb?x=%20&y=[1] HTTP/1.1"
    assert [line for line in first if line.startswith("X-Twice")] == ["X-Twice: 1", "X-Twice: 2"]
    assert [line for line in first if line.lower().startswith("accept:")] == ["Accept: text/x"]
    assert f"host: {odd.origin.removeprefix('http://')}" in first
    assert {"Host: acme.example", "Content-Length: 0"} <= set(second) and "host: 127" not in "".join(second)


def test_http__goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with talking(saying(answered(b'"proxied"'))) as proxy, talking(saying(answered(b'"direct"'))) as direct:
        monkeypatch.setenv("http_proxy", proxy.origin.replace("//", "//me:pass%21@"))
        monkeypatch.delenv("no_proxy", raising=False)
        assert sent("http://api.example").body == b'"proxied"'
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert sent(direct.origin).body == b'"direct"'
    assert b"GET http://api.example/v1/tasks HTTP/1.1" in proxy.heads[0]
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:pass!") in proxy.heads[0]


def test_http__a_proxy_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://me:secret@127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    found = lost("http://api.example")
    assert "the proxy that the environment names for http is none of HTTP" in str(found) and not found.was_sent
