"""How a documented exchange is replayed: its request sent, its snippet made to run, its answer compared."""

import copy
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.tools import exchanges
from tests.tools.exchanges import Exchange, Filler
from tests.tools.serving import clean_environment

MULTIPART = "multipart/form-data"


class Answer(NamedTuple):
    status: int
    body: Any

    @classmethod
    def of(cls, response: Any) -> "Answer":
        return cls(response.status_code, response.json() if response.content else None)


def send(client: Callable[..., Any], filler: Filler, request: Mapping[str, Any]) -> Any:
    """A request with the caller's headers, unless the document has them itself."""
    headers = {**filler.headers, **request["headers"]}
    options: dict[str, Any] = {}
    if "body" in request:
        options["json"] = request["body"]
    if "form" in request:
        headers.pop("Content-Type", None)  # the client knows the boundary
        options["files"] = {name: file_of(value) for name, value in request["form"].items()}
    return client(request["method"], filler.told["base_url"] + request["path"], headers=headers, **options)


def filled(filler: Filler, call: Mapping[str, Any]) -> dict[str, Any]:
    return {"headers": {}, **filler.value(dict(call))}


@contextmanager
def receiver(status: int) -> Iterator[tuple[str, Queue[tuple[str, Mapping[str, str], Any]]]]:
    """A server that takes webhooks: its address, and what it has received."""
    received: Queue[tuple[str, Mapping[str, str], Any]] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((self.command, dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as served:
        thread = Thread(target=served.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_address[1]}/hook", received
        finally:
            served.shutdown()
            thread.join()


def file_of(value: str) -> tuple[str | None, bytes]:
    """A part of a form, as curl's -F reads it: a file's name follows an @."""
    return (value[1:], b"The page's own file.") if value.startswith("@") else (None, value.encode())


def mended_text(filler: Filler, example: Exchange) -> str:
    """The snippet with host and token of the stand-in, and with what stands for the placeholders."""
    snippet = filler.text(example.snippet)
    for pointer, wanted in example.plan.get("send", {}).items():
        printed = str(exchanges.at(example.request, pointer))
        assert snippet.count(printed) == 1
        snippet = snippet.replace(printed, str(filler.value(wanted)))
    return snippet


def mended_curl(filler: Filler, example: Exchange) -> str:
    """The snippet with host and token of the stand-in; URL and body anew only where they cannot be sent as printed."""
    snippet = filler.text(example.snippet)
    mended = {pointer.split("/")[1] for pointer in example.plan.get("send", {})}
    request = filler.request()
    if mended & {"path", "query"}:
        base = re.escape(filler.told["base_url"])
        snippet, count = re.subn(rf"{base}[^\s'\"]*", lambda _: filler.told["base_url"] + request["path"], snippet)
        assert count == 1
    if "body" in mended:
        snippet, count = re.subn(r"-d '[^']*'", lambda _: f"-d '{json.dumps(request['body'])}'", snippet)
        assert count == 1
    for name, value in request.get("form", {}).items() if "form" in mended else ():
        printed = f"-F {name}={example.request['form'][name]}"
        assert snippet.count(printed) == 1
        snippet = snippet.replace(printed, f"-F {name}={value}")
        if value.startswith("@"):
            snippet = f'printf %s "The page\'s own file." > {value[1:]}\n{snippet}'
    return snippet


def js_names(filler: Filler) -> list[str]:
    return [f"const {name} = {json.dumps(value)};" for name, value in filler.names().items() if name.isidentifier()]


def run(words: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        words, cwd=folder, env=clean_environment(environment), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_request(filler: Filler, example: Exchange, seen: Any) -> None:
    """The server has seen the request that the fixture documents: method, path, query, headers, body."""
    documented = filler.request()
    url = urlsplit(filler.told["base_url"] + documented["path"])
    assert (seen["method"], seen["path"]) == (documented["method"], url.path)
    assert parse_qsl(seen["query"], keep_blank_values=True) == parse_qsl(url.query, keep_blank_values=True)
    headers = {key.lower(): value for key, value in seen["headers"]}
    for key, value in documented["headers"].items():
        assert headers[key.lower()].partition("; boundary=")[0] == value
    if MULTIPART not in headers.get("content-type", ""):
        assert (json.loads(seen["body"]) if seen["body"] else None) == documented.get("body")


def check_answer(filler: Filler, example: Exchange, answer: Answer) -> None:
    """Status and body as documented, but for what the fixture excuses; and what it excuses is really different."""
    printed = example.printed["response"] or {}
    assert answer.status == example.plan["status"], answer.body
    assert printed.get("status") in (None, answer.status)
    likeness = exchanges.exchanges(example.vendor)[example.plan["like"]] if "like" in example.plan else example
    body = (likeness.printed["response"] or {}).get("body", example.plan.get("body"))
    check_body(filler, example, likeness, filler.node(body), answer.body)


def check_body(filler: Filler, example: Exchange, likeness: Exchange, printed: Any, answered: Any) -> None:
    told = {pointer: filler.value(value) for pointer, value in example.plan.get("values", {}).items()}
    made = example.plan.get("made", {})
    expected = copy.deepcopy(printed)
    for pointer, value in told.items():
        if exchanges.is_there(expected, pointer):
            exchanges.put(expected, pointer, value)
        assert exchanges.at(answered, pointer) == value, f"{pointer} is {exchanges.at(answered, pointer)!r}"
    for pointer, form in made.items():
        assert re.fullmatch(form, exchanges.at(answered, pointer)), pointer
        assert exchanges.differs(printed, answered, pointer), f"{pointer} is as printed"
    for pointer in example.plan.get("holds", ()):
        assert exchanges.is_there(answered, pointer), f"{pointer} is missing in {answered}"
    excused = [one for one in likeness.in_answer("contradictions") if one not in told]
    optional = [one for one in example.plan.get("optional", ()) if not exchanges.is_there(answered, one)]
    whole = exchanges.fixture(example.vendor)
    found = exchanges.differences(
        expected,
        answered,
        shapes=whole.get("values") == "shapes",
        nullable=frozenset(whole.get("nullable", ())),
    )
    left_out = [*excused, *made, *optional, *placeholders_met(likeness, printed, answered)]
    wrong = [f"{to} {what}" for to, what in found.items() if not exchanges.is_under(to, left_out)]
    assert wrong == [], "\n".join(wrong)
    stale = [one for one in example.in_answer("contradictions") if not exchanges.differs(printed, answered, one)]
    assert stale == [], f"the stand-in answers as printed at {stale}: no contradiction any more"


def placeholders_met(example: Exchange, printed: Any, answered: Any) -> list[str]:
    """Pointers to values that stand for any of their type, and are another one of that type."""
    pointers = example.in_answer("placeholders")
    for pointer in pointers:
        assert type(exchanges.at(answered, pointer)) is type(exchanges.at(printed, pointer)), pointer
        assert exchanges.differs(printed, answered, pointer), f"{pointer} is as printed: no placeholder"
    return pointers
