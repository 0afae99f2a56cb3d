"""Receives the requests of the control plane: checks token and body, and answers in plain JSON."""

import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from mockserver import spec
from mockserver.control.desk import ControlDesk
from mockserver.engine.bodies import MAX_BODY, breaches, read_json
from mockserver.engine.messages import Headers, Response
from mockserver.reception import Asked
from mockserver.wire import Disconnected, Receive, Scope, Send, is_sent, read_body, send_response

OPEN = frozenset({"health"})  # answered without the control token

log = logging.getLogger(__name__)


class ControlReception:
    def __init__(self, document: Mapping[str, Any], desk: ControlDesk, token: str | None) -> None:
        self._document = document
        self._validators = spec.Validators(document)
        self._desk = desk
        self._token = token

    def endpoint(self, operation_id: str, allow: bytes) -> "Steered":
        entry = next(one for one in spec.operations(self._document) if one.operation["operationId"] == operation_id)
        at = ("paths", entry.path, entry.method, "requestBody", "content", "application/json", "schema")
        validator = self._validators.compile(*at) if "requestBody" in entry.operation else None
        token = None if operation_id in OPEN else self._token
        asked = [each["name"] for each in entry.operation.get("parameters", ())]
        return Steered(getattr(self._desk, operation_id), validator, token, asked)

    def alias(self, path: bytes) -> bytes:
        return path

    def method(self, name: str) -> str:
        return name

    async def unknown_path(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await is_sent(receive):
            return
        paths = ", ".join(f"/_mock{path}" for path in self._document["paths"])
        await _answer(send, 404, {"error": f"{scope['path']} is not of the control plane; it has {paths}"})

    async def unknown_method(self, scope: Scope, receive: Receive, send: Send, allow: bytes) -> None:
        if not await is_sent(receive):
            return
        await _answer(send, 405, {"error": f"{scope['method']} is not offered here"}, [(b"allow", allow)])


@dataclass(frozen=True)
class Steered:
    """One operation of the control plane, as an endpoint: it gets a body, or the parameters of the query it needs."""

    run: Any
    validator: Any
    token: str | None
    asked: Sequence[str] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, parameters: Mapping[str, str]) -> None:
        headers: Headers = scope["headers"]
        given = dict(reversed(headers))
        if self.token is not None and not _is_bearer(given.get(b"authorization", b""), self.token.encode()):
            await _answer(send, 401, {"error": "this mock was started with --control-token: send it as a bearer token"})
            return
        try:
            body = await read_body(receive, MAX_BODY)
        except Disconnected:
            return
        origin = f"{scope['scheme']}://{given.get(b'host', b'127.0.0.1').decode('latin-1')}"
        try:
            sent = self._query(scope["query_string"]) if self.asked else self._body(body)
            answer = self.run(Asked(headers).world, sent, origin)
            status, payload = await answer if isawaitable(answer) else answer
        except _Unsent as error:
            status, payload = 400, {"error": str(error)}
        except Exception:
            log.exception("%s %s went wrong", scope["method"], scope["path"])
            status, payload = 500, {"error": "the control plane failed; the log has the traceback"}
        await _answer(send, status, payload)

    def _query(self, query: bytes) -> dict[str, str]:
        sent = dict(parse_qsl(query.decode("latin-1")))
        for name in self.asked:
            if name not in sent:
                raise _Unsent(f"the query needs {' and '.join(self.asked)}")
        return sent

    def _body(self, body: bytes) -> Any:
        if self.validator is None:
            return None
        try:
            sent = read_json(body)
            found = breaches(self.validator, sent)
        except ValueError as error:
            raise _Unsent(f"the body cannot be read: {error}") from None
        wrong = [f"{'.'.join(map(str, one.instance_path)) or 'body'}: {one.message[:200]}" for one in found]
        if wrong:
            raise _Unsent("; ".join(wrong))
        return sent


class _Unsent(Exception):
    """What was sent is not what the operation takes."""


def _is_bearer(authorization: bytes, token: bytes) -> bool:
    word, _, given = authorization.partition(b" ")
    return word.lower() == b"bearer" and hmac.compare_digest(given.strip(), token)


async def _answer(send: Send, status: int, payload: Any, extra: Headers | None = None) -> None:
    is_page = isinstance(payload, bytes)
    kind = b"text/html; charset=utf-8" if is_page else b"application/json"
    body = payload if is_page else orjson.dumps(payload)
    await send_response(send, Response(status, [(b"content-type", kind), *(extra or ())], body))
