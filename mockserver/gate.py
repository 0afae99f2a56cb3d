"""The Connexion side: one API per vendor, routed by its document; the only file that imports Connexion.

Connexion reads each document, checks it and hands out its operations; ours are the router and the endpoints in its
stack. Its own router and security middleware cost more than twice what all of the engine does, answer 405 with an
incomplete `Allow`, and know one order of checks. The engine's plan authenticates, by the document's security schemes,
where the vendor's own order has it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from connexion.middleware import ConnexionMiddleware, SpecMiddleware
from connexion.middleware.abstract import RoutedAPI
from connexion.operations import AbstractOperation
from connexion.resolver import Resolution, Resolver
from connexion.spec import Specification
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.spec import skeleton

Parameters = Mapping[str, str]


class Endpoint(Protocol):
    """Answers the requests of one operation."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send, parameters: Parameters) -> None: ...


class Reception(Protocol):
    """What stands behind one API: an endpoint for each operation, and answers for requests that reach none."""

    def endpoint(self, operation_id: str, allow: bytes) -> Endpoint: ...

    def alias(self, path: bytes) -> bytes:
        """The path under which the document has what is also found under this one; the path itself if there is none."""

    def method(self, name: str) -> str:
        """The method that answers for another one."""

    async def unknown_path(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    async def unknown_method(self, scope: Scope, receive: Receive, send: Send, allow: bytes) -> None: ...


@dataclass
class Node:
    """A place in the tree of path segments."""

    literal: dict[bytes, "Node"] = field(default_factory=dict)
    parameter: "Node | None" = None
    name: str = ""  # of the parameter that leads here
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    allow: bytes = b""

    def grow(self, path: str) -> "Node":
        """The node at a path template, made where it is missing."""
        node = self
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                node.parameter = node.parameter or Node(name=segment.strip("{}"))
                node = node.parameter
            else:
                node = node.literal.setdefault(segment.encode(), Node())
        return node

    def walk(self, segments: Sequence[bytes], place: int, found: list[tuple[str, bytes]]) -> "Node | None":
        """The node of these segments; a literal one is preferred. `found` receives the parameters on the way."""
        if place == len(segments):
            return self if self.endpoints else None
        segment = segments[place]
        child = self.literal.get(segment)
        if child is not None and (node := child.walk(segments, place + 1, found)) is not None:
            return node
        if self.parameter is None or not segment:
            return None
        found.append((self.parameter.name, segment))
        if (node := self.parameter.walk(segments, place + 1, found)) is None:
            found.pop()
        return node


class Operations(RoutedAPI["AbstractOperation"]):
    """The operations that Connexion finds in one document."""

    def __init__(self, specification: Specification, **options: Any) -> None:
        super().__init__(specification, **options)
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> AbstractOperation:
        return operation


class Routes(SpecMiddleware):
    """Takes a request to its endpoint by the segments of its path, for all APIs together."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._apis: dict[bytes, tuple[Node, Reception]] = {}
        self._plain: dict[bytes, tuple[Node, Reception]] = {}  # whole paths that have no parameter

    def add_api(self, specification: Specification, **options: Any) -> None:
        reception: Reception = options.pop("reception")
        root = Node()
        found = Operations(specification, next_app=self._app, **options)
        places: dict[int, list[AbstractOperation]] = {}
        for operation in found.operations.values():
            places.setdefault(id(root.grow(operation.path)), []).append(operation)
        for operations in places.values():
            path = operations[0].path
            node = root.grow(path)
            node.allow = ", ".join(sorted(one.method.upper() for one in operations)).encode()
            for one in operations:
                node.endpoints[one.method.upper()] = reception.endpoint(one.operation_id, node.allow)
            if "{" not in path:
                self._plain[f"{found.base_path}{path}".encode()] = (node, reception)
        mount = found.base_path.strip("/").encode()
        self._apis[mount.partition(b"/")[0]] = (_below(mount, root), reception)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found: list[tuple[str, bytes]] = []
        node, reception = self._plain.get(scope["raw_path"]) or self._find(scope["raw_path"], found)
        if reception is None:
            await self._app(scope, receive, send)
            return
        alias = reception.alias(scope["raw_path"])
        if alias != scope["raw_path"]:
            found.clear()
            node, _ = self._find(alias, found)
        if node is None:
            await reception.unknown_path(scope, receive, send)
        elif (endpoint := node.endpoints.get(reception.method(scope["method"]))) is not None:
            await endpoint(scope, receive, send, {name: _text(segment) for name, segment in found})
        else:
            await reception.unknown_method(scope, receive, send, node.allow)

    def _find(self, path: bytes, found: list[tuple[str, bytes]]) -> tuple[Node | None, Reception | None]:
        """The node of a path as it was sent, percent-encoding kept, and the API that it is of."""
        segments = path.split(b"/")
        api = self._apis.get(segments[1]) if len(segments) > 1 else None  # `OPTIONS *` has no segment
        if api is None:
            return None, None
        root, reception = api
        node = root.walk(segments, 2, found)
        if node is None and b"%" in path:
            found.clear()
            node = root.walk([unquote_to_bytes(segment) for segment in segments], 2, found)
        return node, reception


def _text(segment: bytes) -> str:
    return (unquote_to_bytes(segment) if b"%" in segment else segment).decode("utf-8", "replace")


def _below(mount: bytes, root: Node) -> Node:
    """The tree as seen from the first segment of the mount."""
    for segment in reversed(mount.split(b"/")[1:]):
        root = Node(literal={segment: root})
    return root


class _ById(Resolver):
    """Connexion wants a function for each operation; ours are found by its id."""

    def resolve(self, operation: AbstractOperation) -> Resolution:
        return Resolution(lambda: None, operation.operation_id)


@dataclass(frozen=True)
class Api:
    """A document, where it is mounted, and who answers."""

    document: Mapping[str, Any]
    mount: str
    reception: Reception


def assemble(apis: Sequence[Api], nowhere: ASGIApp, outer: Sequence[Callable[[ASGIApp], ASGIApp]]) -> ASGIApp:
    """One Connexion application: `outer` middlewares first, then the router over all APIs, then `nowhere`."""
    app = ConnexionMiddleware(nowhere, import_name="mockserver", middlewares=[*outer, Routes])
    for api in apis:
        app.add_api(
            skeleton(api.document), base_path=api.mount, name=api.mount, resolver=_ById(), reception=api.reception
        )
    assembled: ASGIApp = app
    return assembled
