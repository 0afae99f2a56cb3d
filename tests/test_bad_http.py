"""What is hardly HTTP, over raw sockets: an answer or a closed connection, never a 5xx, and the server goes on."""

import http.client
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest

from mockserver.vendor import Vendor
from tests.tools.serving import Served

PATIENCE = 20.0  # seconds that an answer may take
RESET = struct.pack("ii", 1, 0)
FIELDS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """A connection to the server, and the pieces of a request that is good until something is changed."""

    def __init__(self, port: int, vendor: Vendor) -> None:
        self.port = port
        self.mount = vendor.mount.encode()
        self.credential = b"Authorization: " + vendor.callers["owner"].headers["Authorization"].encode() + b"\r\n"
        self.body = b'{"projectId": "%s", "label": "x"}' % vendor.known["project_id"].encode()
        self.world = b""

    def head(self, method: bytes = b"GET", target: bytes | None = None, *more: bytes, version: bytes = b"1.1") -> bytes:
        """Everything in front of the body; `more` are headers."""
        target = self.mount + b"/boards" if target is None else target
        first = b"%s %s HTTP/%s\r\nHost: x\r\nX-Mock-World: %s\r\n" % (method, target, version, self.world)
        return first + self.credential + b"".join(one + b"\r\n" for one in more) + b"\r\n"

    def post(self, *more: bytes) -> bytes:
        return self.head(b"POST", self.mount + b"/tasks", b"Content-Type: application/json", *more)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def say(self, *parts: bytes, half_close: bool = True) -> bytes:
        """All that the server sends until it closes the connection, or until the sender is done and it is silent."""
        with self.connect() as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the server need not listen to the end
            return b"".join(received(connection))

    def ask(self, *parts: bytes) -> list[Answer]:
        return list(answers(self.say(*parts)))

    def ask_for_many(self, *parts: bytes) -> list[Answer]:
        """For several requests on one connection, which is closed on request behind the last of them."""
        last = self.head(b"GET", b"/_mock/health", b"Connection: close")
        *found, health = answers(self.say(*parts, last, half_close=False))
        assert health.status == 200
        return found

    def close_in_the_middle(self, data: bytes, *, reset: bool) -> None:
        with self.connect() as connection:
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.sendall(data)


def received(connection: socket.socket) -> Iterator[bytes]:
    try:
        while data := connection.recv(65536):
            yield data
    except ConnectionResetError:
        return


def answers(data: bytes) -> Iterator[Answer]:
    """The answers in what was received, each with its length given; interim ones are left out."""
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        status = int(first.split()[1])
        length = int(headers.get("content-length", 0))
        if status >= 200:
            yield Answer(status, headers, rest[:length])
        data = rest[length:]


@pytest.fixture
def line(server: Served, kanman: Vendor, world_name: str) -> Iterator[Line]:
    """Lends the line; after the test the server answers a good request as ever."""
    made = Line(int(server.origin.rpartition(":")[2]), kanman)
    made.world = world_name.encode()
    yield made
    started = time.monotonic()
    assert [answer.status for answer in made.ask(made.head())] == [200]
    assert time.monotonic() - started < PATIENCE


def of_the_vendor(answer: Answer) -> bool:
    return all(name in answer.headers for name in FIELDS) and answer.headers["content-type"] == "application/json"


# Requests that are no HTTP


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"   \r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"\x00" * 1000,
        b"\xff" * 1000,
        b"HELO mail.example\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-\xff: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"A" * 100_000,
        b"GET /" + b"a" * 1_000_000,
    ],
    ids=lambda data: ascii(data[:20]),
)
def test_garbage__is_refused_or_ignored(line: Line, data: bytes) -> None:
    assert all(answer.status in (400, 404) for answer in line.ask(data))


@pytest.mark.parametrize(
    "target",
    [b"", b"boards", b"?x", b"/kanman/v1/tasks/\xff", b"/a b", b"/a\x00b", b"/\xe2\x98\x83", b"http://", b"/\t"],
)
def test_target__that_is_none_is_refused(line: Line, target: bytes) -> None:
    assert [answer.status for answer in line.ask(line.head(b"GET", target))] == [400]


@pytest.mark.parametrize("method", [b"GET", b"OPTIONS", b"POST"])
def test_target__of_a_star_is_nowhere(line: Line, method: bytes) -> None:
    assert [answer.status for answer in line.ask(line.head(method, b"*"))] == [404]


def test_target__absolute_is_taken_by_its_path(line: Line) -> None:
    answer = line.ask(line.head(b"GET", b"http://other.example" + line.mount + b"/boards"))[0]
    assert answer.status == 200 and of_the_vendor(answer)


@pytest.mark.parametrize("method", [b"FOO", b"get", b"G\xc9T", b"", b"GET GET", b"\x7f"])
def test_method__that_is_none_is_refused(line: Line, method: bytes) -> None:
    assert [answer.status for answer in line.ask(line.head(method))] == [400]


@pytest.mark.parametrize("method", [b"TRACE", b"PROPFIND", b"M-SEARCH", b"PURGE", b"HEAD"])
def test_method__of_other_protocols_is_not_offered(line: Line, method: bytes) -> None:
    data = line.say(line.head(method))
    assert data.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nallow: GET\r\n" in data and b"\r\nx-ratelimit-remaining: 12000\r\n" in data


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_version__old_ones_are_answered(line: Line, version: bytes) -> None:
    assert [answer.status for answer in line.ask(line.head(version=version))] == [200]


def test_host__may_be_missing(line: Line) -> None:
    assert [answer.status for answer in line.ask(line.head().replace(b"Host: x\r\n", b""))] == [200]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"nonsense"])
def test_upgrade__is_not_taken_up(line: Line, protocol: bytes) -> None:
    more = (b"Connection: Upgrade", b"Upgrade: " + protocol, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert [answer.status for answer in line.ask(line.head(b"GET", None, *more))] == [200]


def test_pipeline__is_answered_in_order(line: Line) -> None:
    found = line.ask_for_many(line.head() * 3 + line.head(b"GET", line.mount + b"/no"))
    assert [answer.status for answer in found] == [200, 200, 200, 404]


# Bodies that are not what their headers say


@pytest.mark.parametrize(
    "framing",
    [
        (b"Content-Length: -5",),
        (b"Content-Length: x",),
        (b"Content-Length: 99999999999999999999999999",),
        (b"Content-Length: 5", b"Content-Length: 6"),
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: gzip",),
        (b"Transfer-Encoding: chunked, gzip",),
    ],
    ids=lambda framing: ascii(framing[-1]),
)
def test_length__that_makes_no_sense_is_refused(line: Line, framing: tuple[bytes, ...]) -> None:
    assert [answer.status for answer in line.ask(line.post(*framing), b"0\r\n\r\n")] == [400]


@pytest.mark.parametrize(
    "chunks", [b"zz\r\nhello", b"-1\r\n", b"3\r\n{}x\r\nzz\r\n", b"2\r\n{}xx\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n"]
)
def test_chunks__that_are_broken_are_refused(line: Line, chunks: bytes) -> None:
    found = line.ask(line.post(b"Transfer-Encoding: chunked"), chunks)
    assert [answer.status for answer in found] == [400]


def chunked(parts: Iterable[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_chunks__with_extensions_and_trailers_are_read(line: Line) -> None:
    body = b"%x;a=b\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(line.body), line.body)
    assert [answer.status for answer in line.ask(line.post(b"Transfer-Encoding: chunked"), body)] == [201]


def test_chunks__of_one_byte_are_read(line: Line) -> None:
    body = chunked(line.body[place : place + 1] for place in range(len(line.body)))
    assert [answer.status for answer in line.ask(line.post(b"Transfer-Encoding: chunked"), body)] == [201]


def test_length__missing_is_an_empty_body(line: Line) -> None:
    answer = line.ask(line.post())[0]
    assert answer.status == 400 and of_the_vendor(answer)


def test_expect__is_continued(line: Line) -> None:
    data = line.say(line.post(b"Expect: 100-continue", b"Content-Length: %d" % len(line.body)), line.body)
    assert data.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


def test_body__of_100_mb_whose_sender_does_not_stop_to_listen(line: Line) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = line.ask(line.post(b"Transfer-Encoding: chunked", b"Connection: close"), *[piece] * 1600, b"0\r\n\r\n")[0]
    assert answer.status == 400 and of_the_vendor(answer)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/tasks", 400), ("POST", "/nowhere", 404), ("PUT", "/boards", 405)]
)
def test_body__of_5_mb_on_a_connection_that_will_not_be_used_again(
    line: Line, method: str, path: str, status: int
) -> None:
    """Such a client sends everything before it listens: closing early would leave it with a broken pipe."""
    headers = {"Authorization": line.credential.decode().split(": ", 1)[1].strip(), "Connection": "close"}
    with closing(http.client.HTTPConnection("127.0.0.1", line.port, timeout=PATIENCE)) as connection:
        connection.request(method, line.mount.decode() + path, b"x" * 5_000_000, headers)
        assert connection.getresponse().status == status


def test_body__of_a_request_that_needs_none_does_not_become_the_next_one(line: Line) -> None:
    smuggled = line.head(b"DELETE", line.mount + b"/tasks/1")
    found = line.ask_for_many(line.head(b"GET", None, b"Content-Length: %d" % len(smuggled)), smuggled)
    assert [answer.status for answer in found] == [200]


# Headers


def test_header__of_60_kb_and_five_hundred_more(line: Line) -> None:
    more = [b"X-%d: %s" % (number, b"x" * (60_000 if number == 0 else 5)) for number in range(500)]
    assert [answer.status for answer in line.ask(line.head(b"GET", None, *more))] == [200]


@pytest.mark.parametrize("name", [b"Content-Type", b"Prefer", b"X-Mock-World", b"Origin", b"Cookie", b"Host"])
def test_header__given_three_times(line: Line, name: bytes) -> None:
    more = [name + b": " + value for value in (b"one", b"\xff", b"")]
    assert [answer.status for answer in line.ask(line.head(b"GET", None, *more))] == [200]


def test_header__two_credentials_the_first_counts(line: Line) -> None:
    more = b"Authorization: Bearer no"
    first, last = line.head(b"GET", None, more), line.head().replace(line.credential, more + b"\r\n" + line.credential)
    assert [answer.status for answer in line.ask_for_many(first + last)] == [200, 401]


# Clients that go away, or take their time


@pytest.mark.parametrize("reset", [False, True])
def test_client__that_leaves_in_the_middle_of_anything(line: Line, reset: bool) -> None:
    whole = line.post(b"Content-Length: 100000") + b"{" + b" " * 90_000
    for length in (0, 1, 10, len(line.post()) - 2, len(line.post()) + 30, len(whole)):
        for _ in range(5):
            line.close_in_the_middle(whole[:length], reset=reset)


def test_client__that_leaves_before_its_answer(line: Line) -> None:
    for prefer in (b"delay=0.05", b"delay=30", b"code=404"):
        for reset in (False, True):
            line.close_in_the_middle(line.head(b"GET", None, b"Prefer: " + prefer), reset=reset)


def test_client__whose_body_is_cut_off_makes_nothing(line: Line) -> None:
    line.close_in_the_middle(line.post(b"Content-Length: %d" % (len(line.body) + 1)) + line.body, reset=True)
    line.close_in_the_middle(
        line.post(b"Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (len(line.body), line.body), reset=True
    )
    found = line.ask(line.head(b"GET", line.mount + b"/projects/660e8400-e29b-41d4-a716-446655440000/tasks"))[0]
    assert found.status == 200 and found.body.count(b'"label"') == 3


def test_client__that_is_slow_is_waited_for_while_others_are_served(line: Line) -> None:
    data = line.post(b"Content-Length: %d" % len(line.body)) + line.body
    with line.connect() as slow:
        for place in range(0, len(data), 40):
            slow.sendall(data[place : place + 40])
            if place % 200 == 0:
                assert line.ask(line.head())[0].status == 200
        slow.shutdown(socket.SHUT_WR)
        assert next(answers(b"".join(received(slow)))).status == 201


def test_client__that_never_reads_does_not_stop_the_others(line: Line) -> None:
    with line.connect() as deaf:
        deaf.setblocking(False)
        sent: Any = 0
        try:
            for _ in range(200):
                sent += deaf.send(line.head() * 50)
        except BlockingIOError:
            pass
        assert sent
        assert line.ask(line.head())[0].status == 200


def test_clients__two_hundred_at_once_that_say_nothing(line: Line) -> None:
    silent = [line.connect() for _ in range(200)]
    try:
        assert line.ask(line.head())[0].status == 200
    finally:
        for connection in silent:
            connection.close()
