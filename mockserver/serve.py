"""Serve until told to stop: the socket, the server around the app, and what a person reads once it is ready."""

import asyncio
import errno
import gc
import json
import logging
import shlex
import signal
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import click

from mockserver.settings import Settings, SettingsError
from mockserver.vendor import Caller, Vendor

_KEEP_ALIVE = 75  # seconds; short ones make clients that reuse connections meet a closed one
_COLLECT = (20_000, 20, 20)  # a request leaves hardly a circle behind, so looking for them can wait
_FAREWELL = 2.0  # seconds that the app has to keep its state


class CannotServe(Exception):
    """Why the stand-in cannot start, and the way out."""


def origin(host: str, port: int) -> str:
    """The address that a client on this machine uses."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or CannotServe; made first, so that a port in use is told before anything is loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise CannotServe(_why_not(host, port, error)) from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise CannotServe(_why_not(host, port, error)) from error
    return listening


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        another = port + 1 if port < 65535 else 4010
        return f"Port {port} on {host} is in use: stop what listens there, or serve on another with --port {another}."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} needs more rights than this user has: serve on another with --port 4010."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"The host {host!r} is not an address of this machine: serve on --host 127.0.0.1, or on 0.0.0.0 for all."
    return f"Cannot listen on {host}, port {port}: {error.strerror or error}."


@contextmanager
def without_warnings() -> Iterator[None]:
    """For importing the app: Connexion imports deprecated names, and whoever serves cannot help it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run(settings: Settings, vendors: Sequence[Vendor], listening: socket.socket) -> None:
    """Serve these vendors on the socket until SIGINT or SIGTERM. Raises CannotServe when the app cannot start."""
    import uvicorn

    with without_warnings():
        from mockserver.app import create_app
    from mockserver.engine.store import StateError

    class Server(uvicorn.Server):
        """Tells when it is ready, and ends at once: waits for no kept connection and no delayed answer."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            click.echo(_welcome(vendors, origin(settings.host, listening.getsockname()[1])))

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            logging.getLogger("uvicorn.error").disabled = True  # it would report every request that is cut off
            for server in self.servers:
                server.close()
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            for task in list(self.server_state.tasks):
                task.cancel()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.lifespan.shutdown(), _FAREWELL)

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self.handle_exit)
            yield

    try:
        app = create_app(settings, vendors)
    except StateError as error:
        raise CannotServe(f"--state {settings.state}: {error}") from error
    except SettingsError as error:
        raise CannotServe(str(error)) from error
    gc.freeze()  # what is fixed need not be looked at ever again
    gc.set_threshold(*_COLLECT)
    gc.enable()
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # the only bytes that would differ between two runs with a frozen clock
        timeout_keep_alive=_KEEP_ALIVE,
    )
    Server(config).run(sockets=[listening])


def _welcome(vendors: Sequence[Vendor], address: str) -> str:
    """What to read first: where the vendors are, who you can be, one line to paste, how to stop."""
    lines = []
    for vendor in vendors:
        lines += ["", f"{vendor.title}  {address}{vendor.mount}", ""]
        callers = [
            (caller.name, describe(caller, vendor), header(caller, vendor)) for caller in vendor.callers.values()
        ]
        lines += [f"  {row}" for row in columns(callers)]
        example = curl(vendor, address)
        lines += ["", f"  {example}"] if example else []
    lines += ["", f"Console: {address}/_mock/", "", "Serving. Ctrl-C ends it."]
    return "\n".join(lines[1:])


def describe(caller: Caller, vendor: Vendor) -> str:
    """What a caller is, in a few words."""
    words = ["scopes " + ", ".join(caller.scopes) if caller.scopes else "no scopes"]
    if caller.account != str(vendor.seed.get("default_account", caller.account)):
        words.append("another account")
    if caller.expires_at is not None:
        words.append(f"expires {caller.expires_at[:10]}")
    if caller.is_revoked:
        words.append("revoked")
    return "; ".join(words)


def header(caller: Caller, vendor: Vendor) -> str:
    """The exact headers, as a person pastes them; how to come by a token that is made while the mock runs."""
    words = [f"{name}: {value}" for name, value in caller.headers.items()]
    if caller.login:
        words.append("logs in with " + ", ".join(f"{name} {value}" for name, value in caller.login.items()))
    elif vendor.mints:
        words.append("token from /_mock/credentials")
    return "; ".join(words)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned text."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def curl(vendor: Vendor, address: str) -> str | None:
    """One line that works when pasted: a known record, read by the first caller who can, or that caller's login."""
    caller = next((one for one in vendor.callers.values() if one.headers and one.expires_at is None), None)
    words = ["curl", "-i"]
    for name, value in (caller.headers if caller else {}).items():
        words += ["-H", f"{name}: {value}"]
    path = _readable(vendor)
    if vendor.mints:  # the headers at hand lack the token
        login = vendor.behaviour["credentials"].get("login")
        path = vendor.operations[login["operation"]].path if login and caller and caller.login else None
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(caller.login if caller else None)]
    return shlex.join([*words, address + vendor.mount + path]) if path is not None else None


def _readable(vendor: Vendor) -> str | None:
    """The path of the first operation that gets a known record."""
    roles = {resource: role for role, resource in reversed(vendor.behaviour["known"].items())}
    for operation in vendor.operations.values():
        names = [parameter["name"] for parameter in operation.parameters if parameter["in"] == "path"]
        role = roles.get(operation.table.get("resource"))
        if operation.table.get("verb") == "get" and operation.method == "GET" and role and len(names) == 1:
            return operation.path.replace("{" + names[0] + "}", vendor.known[role])
    return None
