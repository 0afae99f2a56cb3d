"""A broken tenant: a vendor's mock behind a reverse proxy that bends answers, by name. It tests the tester.

python -m tests.bending_proxy [--vendor kanman] --upstream http://127.0.0.1:4010 --bend list-unordered [--hide-control]
"""

import argparse
import importlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from contracts.findings import Headers
from contracts.wire import HttpWire, Outgoing, Reply, TargetLost, Wire
from mockserver.vendor import load, shipped
from tests.bends import BENDS, MOUNT, Bend, Memory, straight
from tests.more_bends import MORE_BENDS

EVERY = {**BENDS, **MORE_BENDS}


class Dropped(Exception):
    """A bend raises it to break off the connection: no answer comes."""


class BentWire:
    """A wire to a broken tenant: what the proxy is over HTTP, for a target in this process."""

    def __init__(self, wire: Wire, bend: Bend, *, hide_control: bool) -> None:
        self.origin = wire.origin
        self._wire = wire
        self.bend = bend
        self._memory = Memory()
        self._hide_control = hide_control

    def send(self, request: Outgoing) -> Reply:
        if not request.target.startswith("/_mock"):
            return self.bend(self._memory, request, self._wire.send)
        if self._hide_control:
            return Reply(404, Headers([("content-type", "text/plain")]), b"Not Found", 0.0)
        return self._wire.send(request)

    def close(self) -> None:
        self._wire.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # head and body in one packet
    server: "Proxy"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._relay
        raise AttributeError(name)

    def _relay(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else None
        own = ("connection", "content-length") if self.server.keeps_host else ("host", "connection", "content-length")
        kept = [(name, value) for name, value in self.headers.items() if name.lower() not in own]
        try:
            reply = self.server.wire.send(Outgoing(self.command, self.path, kept, body))
        except Dropped:
            self.close_connection = True
            return
        except TargetLost as lost:
            reply = Reply(502, Headers([("content-type", "text/plain")]), str(lost).encode(), 0.0)
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            if name not in ("content-length", "transfer-encoding", "connection", "content-encoding"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        return


class Proxy(ThreadingHTTPServer):
    """Listens, and answers what its wire answers; `with` starts and stops it."""

    daemon_threads = True

    def __init__(self, wire: Wire, port: int = 0, mount: str = MOUNT, *, keeps_host: bool = False) -> None:
        self.wire = wire
        self.keeps_host = keeps_host
        self._mount = mount
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{self._mount}"

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()
        self.wire.close()


def bends_of(vendor: str) -> dict[str, Bend]:
    """All bends of a vendor by name, the faithful ones among them."""
    from tests.lenient_tenants import LENIENT

    if vendor == "kanman":
        return {**{name: bend for name, (bend, _) in EVERY.items()}, **LENIENT[vendor]}
    planted = importlib.import_module(f"tests.{vendor}_bends").BENDS
    return {**{name: bend for name, (bend, _) in planted.items()}, **LENIENT[vendor]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", default="http://127.0.0.1:4010")
    parser.add_argument("--vendor", choices=shipped(), default="kanman")
    parser.add_argument("--bend", default="none", help="a name, or `list` to see all of the vendor")
    parser.add_argument("--hide-control", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    bends = {"none": straight, "straight": straight, **bends_of(chosen.vendor)}
    if chosen.bend not in bends:
        parser.exit(0 if chosen.bend == "list" else 2, "\n".join(bends) + "\n")
    wire = BentWire(HttpWire(chosen.upstream), bends[chosen.bend], hide_control=chosen.hide_control)
    with Proxy(wire, chosen.port, load(chosen.vendor).mount) as proxy:
        print(proxy.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()
