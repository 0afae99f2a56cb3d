"""`exchanges.har`: every exchange of a run as HAR 1.2, masked. Written while the run goes on, so memory does not grow.

Of our own are `_operation`, `_caller`, `_suite` and `_part` (the check or phase that sent it), and `_encoding` of a
request's body that is no text.
"""

import base64
import errno
import json
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl

from contracts.findings import Exchange
from contracts.meter import Meter, Part
from contracts.safety.guard import Guard
from mockserver import __version__

NAME = "exchanges.har"
_HEAD = {"version": "1.2", "creator": {"name": "proofboard", "version": __version__}}
_VERSION = "HTTP/1.1"  # the only one that is spoken


class Recorder:
    """A guard's observer that keeps each exchange in a draft beside the file to be.

    An exchange is written when the next one comes: a token that it hands out is known by then, and masked. A folder
    that cannot be written to does not disturb the run; `finish` tells it.
    """

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = folder / NAME
        self._meter: Meter | None = None
        self._now = now
        self._draft = folder / f".{NAME}.draft"
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._size = 0  # of what is whole: an interrupt may have left a part of an entry behind it
        self._count = 0
        self._pending: deque[tuple[Exchange, datetime, Part]] = deque()
        self._trouble: OSError | None = None

    def begin(self, guard: Guard, meter: Meter) -> None:
        """From now on keep what passes the guard, and what has passed it, such as the look for a control plane."""
        for exchange in guard.exchanges:
            self.watch(replace(exchange, mask=guard.mask))
        self._meter = meter
        guard.observers.append(self.watch)

    def watch(self, exchange: Exchange) -> None:
        """Keep one exchange that has just ended."""
        begun = self._now() - timedelta(seconds=exchange.elapsed)
        at_work = self._meter.at_work if self._meter is not None else ("", "")
        with self._lock:
            self._pending.append((exchange, begun, at_work))
            self._write_all_but(1)

    def finish(self) -> Path:
        """Put the whole file in its place, also where nothing was exchanged; OSError when it cannot be done."""
        with self._lock:
            if self._file is not None and self._file.closed:
                return self.path
            try:
                self._write_all_but(0)
                self._write(b"\n]}}\n")
                if self._trouble is not None:
                    raise self._trouble
                if self._file is not None:
                    self._file.truncate(self._size)
                    self._file.close()
                os.replace(self._draft, self.path)
            finally:
                if self._file is not None:
                    self._file.close()
                self._draft.unlink(missing_ok=True)
        return self.path

    def _write_all_but(self, kept: int) -> None:
        while len(self._pending) > kept:
            exchange, begun, (suite, part) = self._pending[0]
            told = entry(exchange, begun) | {"_suite": suite or None, "_part": part or None}
            self._write((b",\n" if self._count else b"\n") + json.dumps(told).encode())
            self._count += 1
            self._pending.popleft()

    def _write(self, content: bytes) -> None:
        """Add to the draft, or remember why it cannot be done."""
        if self._trouble is not None:
            return
        try:
            if self._file is None:
                self._file = self._draft.open("wb", buffering=0)
                content = json.dumps({"log": {**_HEAD, "entries": []}}).encode().removesuffix(b"]}}") + content
            self._file.seek(self._size)
            written = self._file.write(content)
            if written != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._draft))
            self._size += written
        except OSError as error:
            self._trouble = error


def entry(exchange: Exchange, begun: datetime) -> dict[str, Any]:
    """One exchange as an entry of a HAR. What is not known, such as the size of the headers, is -1."""
    shown = exchange.shown()
    milliseconds = round(exchange.elapsed * 1000, 3)
    return {
        "startedDateTime": begun.isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": _request(exchange, shown),
        "response": _response(exchange, shown),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_operation": exchange.operation,
        "_caller": exchange.caller,
    }


def _request(exchange: Exchange, shown: dict[str, Any]) -> dict[str, Any]:
    body = exchange.request_body
    told: dict[str, Any] = {
        "method": exchange.method,
        "url": shown["url"],
        "httpVersion": _VERSION,
        "cookies": [],  # as any header they stand among the headers, hidden
        "headers": _pairs(shown["request"]["headers"].items()),
        "queryString": _pairs(parse_qsl(shown["url"].partition("?")[2], keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": len(body or b""),
    }
    if body:
        kind = exchange.request_headers.get("content-type", "")
        told["postData"] = {"mimeType": kind, **_content(exchange, body, shown["request"]["body"], "_encoding")}
    return told


def _response(exchange: Exchange, shown: dict[str, Any]) -> dict[str, Any]:
    kind = exchange.headers.get("content-type", "x-unknown")
    content = _content(exchange, exchange.body, shown["response"]["body"], "encoding") if exchange.body else {}
    return {
        "status": exchange.status,
        "statusText": _phrase(exchange.status),
        "httpVersion": _VERSION,
        "cookies": [],
        "headers": _pairs(shown["response"]["headers"].items()),
        "content": {"size": len(exchange.body), "mimeType": kind, **content},
        "redirectURL": shown["response"]["headers"].get("location", ""),
        "headersSize": -1,
        "bodySize": -1,  # it may have come compressed
    }


def _content(exchange: Exchange, body: bytes, shown: str, encoding: str) -> dict[str, str]:
    """A body as text; what is no text in base64, and there too without a secret that stands in it as text."""
    try:
        body.decode()
    except UnicodeDecodeError:
        octets = body.decode("latin-1")
        masked = exchange.mask(octets)
        kept = body if masked == octets else masked.encode("latin-1", "replace")
        return {"text": base64.b64encode(kept).decode(), encoding: "base64"}
    return {"text": shown}


def _pairs(fields: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in fields]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
