"""HTTP connections to one origin, each request with a deadline that slow bytes do not move, each answer with a limit.

Time-outs of HTTP libraries count from byte to byte: a target that sends one byte a second would hold a run for hours.
"""

import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from contracts.findings import NotJudged

_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 2.0  # servers close idle connections after five seconds and more: one that is reused is still open
_PIECE = 64 * 1024


class TargetLost(Exception):
    """No answer came: refused, timed out, broken off, or not HTTP.

    `was_sent` says that the request may have arrived, so that what it asked for may be done.
    """

    def __init__(self, why: str, *, was_sent: bool = True, is_timeout: bool = False) -> None:
        super().__init__(why)
        self.was_sent = was_sent
        self.is_timeout = is_timeout


class Unsendable(NotJudged):
    """A request that cannot be written as HTTP. Nothing of it was sent."""


class Unreadable(Exception):
    """A body that is too long, or packed wrongly: what is wrong with it, to be said after `the answer`."""


class _Deadline(threading.local):
    """When the request of this thread has to be over; a moment of the monotonic clock."""

    ends_at = float("inf")

    def left(self, timeout: float | None) -> float:
        """The seconds left, no more than `timeout`; 0 or less when there are none."""
        left = self.ends_at - time.monotonic()
        return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = self._deadline.left(timeout)
            if left <= 0:
                raise httpcore.WriteTimeout
            self._stream.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.ConnectTimeout
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Opens connections that keep to the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = max(self._deadline.left(timeout), 0.001)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options), self._deadline)


class Connections:
    """The connections to one origin, kept open from request to request. Follows no redirect, keeps no cookie."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        host = parts.hostname or ""
        self._scheme = parts.scheme.encode()
        self._host = host.encode("ascii" if host.isascii() else "idna")
        self._port = parts.port
        name = b"[" + self._host + b"]" if ":" in host else self._host
        self.authority = name if parts.port is None else name + f":{parts.port}".encode()
        self._deadline = _Deadline()
        self._pool: httpcore.ConnectionPool | None = None

    def stream(
        self,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        content: bytes | None,
        *,
        seconds: float,
    ) -> AbstractContextManager[httpcore.Response]:
        """The answer to one request, to be read before `seconds` are over; errors are those of httpcore."""
        if self._pool is None:
            self._pool = self._open()
        self._deadline.ends_at = time.monotonic() + seconds
        limits = {"connect": min(_CONNECT_SECONDS, seconds), "read": seconds, "write": seconds, "pool": seconds}
        url = httpcore.URL(scheme=self._scheme, host=self._host, port=self._port, target=target)
        if not any(name.lower() == b"host" for name, _ in headers):
            headers = [(b"host", self.authority), *headers]
        return self._pool.stream(method, url, headers=headers, content=content, extensions={"timeout": limits})

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _open(self) -> httpcore.ConnectionPool:
        try:
            context = httpx.create_ssl_context() if self._scheme == b"https" else None
        except OSError as error:
            raise httpcore.ConnectError(f"SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error.strerror}") from None
        backend = _Backend(self._deadline)
        proxy = _proxy(self._scheme.decode(), self._host.decode(), self._port)
        if proxy is None:
            return httpcore.ConnectionPool(context, keepalive_expiry=_IDLE_SECONDS, network_backend=backend)
        return httpcore.HTTPProxy(
            f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}",
            proxy_auth=(unquote(proxy.username), unquote(proxy.password or "")) if proxy.username else None,
            ssl_context=context,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=backend,
        )


def _proxy(scheme: str, host: str, port: int | None) -> SplitResult | None:
    """The proxy that the environment names for a host, as other tools read it; None where it names none."""
    if proxy_bypass(host if port is None else f"{host}:{port}"):
        return None
    named = getproxies()
    given = named.get(scheme) or named.get("all")
    if not given:
        return None
    parts = urlsplit(given if "://" in given else f"http://{given}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise httpcore.ProxyError(f"the proxy that the environment names for {scheme} is none of HTTP")
    return parts


def read(answer: httpcore.Response, coding: str, limit: int) -> bytes:
    """The body of an answer, unpacked; Unreadable when it is longer than `limit` bytes, or packed wrongly.

    Nothing larger is ever held, whatever the answer is packed into.
    """
    unpack = _Unpacker(coding, limit)
    chunks = [unpack(chunk) for chunk in answer.iter_stream()]
    return b"".join([*chunks, unpack.end()])


class _Unpacker:
    """Takes the chunks of a body, and gives them without gzip or deflate."""

    def __init__(self, coding: str, limit: int) -> None:
        is_packed = coding.strip().lower() in ("gzip", "x-gzip", "deflate")
        self._packer = zlib.decompressobj(zlib.MAX_WBITS | 32) if is_packed else None
        self._is_bare = coding.strip().lower() == "deflate"  # many servers leave out the frame of zlib
        self._left = limit
        self._limit = limit
        self._is_empty = True

    def __call__(self, chunk: bytes) -> bytes:
        content = chunk if self._packer is None else self._unpacked(self._packer, chunk)
        self._is_empty = self._is_empty and not chunk
        self._left -= len(content)
        if self._left < 0:
            raise Unreadable(f"is longer than {self._limit // 2**20} MiB")
        return content

    def end(self) -> bytes:
        if self._packer is None or self._is_empty or self._packer.eof:
            return b""
        raise Unreadable("is packed, and ends before its end")

    def _unpacked(self, packer: Any, chunk: bytes) -> bytes:
        try:
            return bytes(packer.decompress(chunk, self._left + 1))
        except zlib.error as error:
            if self._is_bare and self._is_empty:
                self._packer = zlib.decompressobj(-zlib.MAX_WBITS)
                return bytes(self._packer.decompress(chunk, self._left + 1))
            raise Unreadable(f"is packed, and cannot be unpacked: {error}") from None


def told(error: Exception, seconds: float) -> str:
    """What went wrong with a request, for people, in one line."""
    cause = error.args[0] if error.args else None
    if isinstance(error, httpcore.ConnectTimeout):
        return f"did not accept a connection within {min(_CONNECT_SECONDS, seconds):g} seconds"
    if isinstance(error, httpcore.TimeoutException):
        return f"did not answer within {seconds:g} seconds"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"cannot be reached: its certificate is not trusted: {cause.verify_message.rstrip('.')}"
    if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
        return "cannot be reached: what answers there speaks no TLS: is its URL http://?"
    if isinstance(cause, ssl.SSLError):
        return f"cannot be reached: TLS failed: {(cause.reason or str(cause)).replace('_', ' ').lower()}"
    if isinstance(cause, socket.gaierror):
        return f"cannot be reached: its name is not known ({cause.strerror})"
    if isinstance(cause, OSError):
        return f"cannot be reached: {cause.strerror or cause}"
    text = (str(error) or type(error).__name__).splitlines()[0]
    if isinstance(error, httpcore.RemoteProtocolError) and "disconnected" not in text:
        return f"cannot be read: its answer is no HTTP: {text}"
    return f"cannot be reached: {text}"
