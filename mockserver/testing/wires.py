"""How a client reaches a door: httpx and requests in this process, without a socket, or any client by a port."""

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any

import httpx

from mockserver.engine.messages import Headers
from mockserver.serve import listen
from mockserver.testing.backstage import Backstage
from mockserver.testing.door import Door, Dropped
from mockserver.wire import Receive

if TYPE_CHECKING:
    import requests


class InProcess(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport, for clients of both kinds: requests go to the door, whatever host their URL names.

    A read timeout of the client holds here too; connections are never refused.
    """

    def __init__(self, door: Door, backstage: Backstage) -> None:
        self._door = door
        self._backstage = backstage

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        future = self._backstage.start(self._answer(request))
        try:
            return future.result(_patience(request))
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise httpx.ReadTimeout("the mock has not answered in time", request=request) from None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        future = asyncio.wrap_future(self._backstage.start(self._answer(request)))
        try:
            return await asyncio.wait_for(future, _patience(request))
        except TimeoutError:
            raise httpx.ReadTimeout("the mock has not answered in time", request=request) from None

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = Answer()
        try:
            await self._door(_scope(request), _sender(request.content), answer)
        except Dropped:
            text = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(text, request=request) from None
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)


class Answer:
    """Takes down what an application answers."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: Headers = []
        self.body = b""

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body += message.get("body", b"")


def _scope(request: httpx.Request) -> dict[str, Any]:
    """As a server tells it. httpx has a transport for this too, which costs more than all that the mock does."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
    }


def _sender(body: bytes) -> Receive:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _patience(request: httpx.Request) -> float | None:
    """How many seconds the client waits for an answer; None: as long as it takes."""
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds


def session(transport: httpx.BaseTransport, headers: Any) -> "requests.Session":
    """A requests.Session whose every request goes by an httpx transport."""
    import requests
    from requests.adapters import BaseAdapter

    class Adapter(BaseAdapter):
        def send(self, request: Any, stream: Any = False, timeout: Any = None, *rest: Any, **more: Any) -> Any:
            seconds = timeout[-1] if isinstance(timeout, tuple) else timeout
            sent = httpx.Request(
                request.method, request.url, headers=list(request.headers.items()), content=_content(request.body)
            )
            sent.extensions["timeout"] = {"read": seconds}
            try:
                answer = transport.handle_request(sent)
            except httpx.ReadTimeout as error:
                raise requests.exceptions.ReadTimeout(str(error), request=request) from None
            except httpx.RemoteProtocolError as error:
                raise requests.exceptions.ConnectionError(str(error), request=request) from None
            return self._response(request, answer)

        def _response(self, request: Any, answer: httpx.Response) -> Any:
            response = requests.Response()
            response.status_code, response.reason = answer.status_code, answer.reason_phrase
            response.headers.update(answer.headers)
            response.encoding = requests.utils.get_encoding_from_headers(response.headers)
            response._content = answer.content
            response.url, response.request = request.url, request
            return response

        def close(self) -> None:
            """There is nothing to close."""

    made = requests.Session()
    made.trust_env = False
    made.headers.update(headers)
    for scheme in ("http://", "https://"):
        made.mount(scheme, Adapter())
    return made


def _content(body: Any) -> bytes:
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"".join(body or ())


class Port:
    """A free port of 127.0.0.1 that leads to one door. Opened and closed by the loop that plays the mock."""

    def __init__(self, door: Door) -> None:
        import uvicorn
        from uvicorn.server import ServerState

        self._door = door
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self._config = uvicorn.Config(
            self._enter,
            interface="asgi3",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=75,
        )
        self._config.load()

    async def open(self) -> str:
        """The origin, such as http://127.0.0.1:43210."""
        listening = listen("127.0.0.1", 0)
        self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=listening)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    async def close(self) -> None:
        """At once: connections break off."""
        assert self._server is not None
        self._server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._server.wait_closed()

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self._config.http_protocol_class
        made: asyncio.Protocol = protocol(config=self._config, server_state=self._state, app_state={})
        return made

    async def _enter(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._door(scope, receive, send)
        except Dropped:
            for connection in list(self._state.connections):
                if getattr(connection, "client", None) == scope["client"]:
                    connection.transport.abort()
