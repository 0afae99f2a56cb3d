"""Every example of the vendors' documents, run as their readers run it: with nothing replaced but host, credentials and
what cannot be sent as printed.

Each exchange is sent by two Python clients as the request that it describes. Snippets are run as they are printed, by
curl, node or Python. Answers are compared with the documented ones field by field; tests/tools/exchanges.py tells what
is not.
"""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import requests

from mockserver.vendor import load, shipped
from tests.tools import exchanges
from tests.tools.exchanges import Exchange, Filler
from tests.tools.outside import need
from tests.tools.serving import clean_environment, serve

EVERY = list(exchanges.every())
CALLED = [one for one in EVERY if not one.sent_by_vendor]
MULTIPART = "multipart/form-data"


def cases(chosen: list[Exchange]) -> list[Any]:
    return [pytest.param(one, id=f"{one.vendor}: {one.name}") for one in chosen]


def in_language(language: str) -> list[Any]:
    return cases([one for one in EVERY if one.language == language])


def not_sendable() -> list[Any]:
    return [pytest.param(one, to, id=f"{one.vendor}: {one.name} {to}") for one in CALLED for to in one.in_request()]


class Answer(NamedTuple):
    status: int
    body: Any

    @classmethod
    def of(cls, response: Any) -> "Answer":
        return cls(response.status_code, response.json() if response.content else None)


class Server(NamedTuple):
    vendor: str
    origin: str

    def steer(self, path: str, body: Any = None) -> Any:
        return httpx.post(f"{self.origin}/_mock/{path}", json=body).raise_for_status().json()

    def last_exchange(self) -> Any:
        """What the server has seen and answered last, as its journal has it."""
        return httpx.get(f"{self.origin}/_mock/journal").json()["exchanges"][-1]

    def at_its_time(self, exchange: Exchange) -> None:
        """The default world as it is after its fork, at the time of the documented answer."""
        self.steer("reset")
        if "clock" in exchange.plan:
            self.steer("clock", {"set": exchange.plan["clock"]})

    def filler(self, exchange: Exchange, caller: str | None = None) -> Filler:
        told = httpx.get(f"{self.origin}/_mock/credentials").json()[self.vendor]
        plan = exchanges.replay(self.vendor)
        return Filler(self.vendor, told, caller or exchange.plan.get("caller", plan["caller"]))


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[[str], Server]]:
    """Starts a vendor's server on its first use, at the time of its documents."""
    servers: dict[str, Server] = {}
    with ExitStack() as stack:

        def start(vendor: str) -> Server:
            if vendor not in servers:
                served = stack.enter_context(serve(vendor, "--clock", exchanges.replay(vendor)["clock"]))
                servers[vendor] = Server(vendor, served.origin)
            return servers[vendor]

        yield start


@pytest.fixture
def server(running: Callable[[str], Server], example: Exchange) -> Server:
    """Ready for this example: the page's snippets name no world, so it is the default one."""
    server = running(example.vendor)
    server.at_its_time(example)
    return server


@pytest.mark.parametrize("client", [requests.request, httpx.request], ids=["requests", "httpx"])
@pytest.mark.parametrize("example", cases(CALLED))
def test_example__sent_by_python(server: Server, example: Exchange, client: Callable[..., Any]) -> None:
    filler = server.filler(example)

    response = send(client, filler, filler.request(example))

    check_answer(filler, example, Answer.of(response))


@pytest.mark.parametrize("example", in_language("curl"))
def test_example__as_printed_for_curl(server: Server, example: Exchange, tmp_path: Path) -> None:
    need("curl", "curl")
    # The snippet stays as it is printed; what curl shall tell besides stands in its configuration file.
    (tmp_path / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n%{http_code}"\n')
    filler = server.filler(example)
    snippet = mended_curl(filler, example)

    told = run(["bash", "-euc", snippet], tmp_path, HOME=str(tmp_path), CURL_HOME=str(tmp_path), **filler.names())

    body, _, status = told.rpartition("\n")
    body = body.rpartition("\n\n")[2]  # without the headers that -i shows
    check_request(filler, example, server.last_exchange()["request"])
    check_answer(filler, example, Answer(int(status), json.loads(body) if body else None))


@pytest.mark.parametrize("example", in_language("javascript"))
def test_example__as_printed_for_javascript(server: Server, example: Exchange, tmp_path: Path) -> None:
    filler = server.filler(example)
    program = "\n".join([*js_names(filler), mended_text(filler, example), example.plan.get("then", "")])

    told = run([need("node", "nodejs"), "--input-type=module", "--eval", program], tmp_path, **filler.names())

    check_last(server, filler, example, told)


@pytest.mark.parametrize("example", in_language("python"))
def test_example__as_printed_for_python(server: Server, example: Exchange, tmp_path: Path) -> None:
    filler = server.filler(example)
    names = [f"{name} = {value!r}" for name, value in filler.names().items() if name.isidentifier()]
    program = "\n".join([*names, mended_text(filler, example), example.plan.get("then", "")])

    told = run([sys.executable, "-c", program], tmp_path, **filler.names())

    check_last(server, filler, example, told)


@pytest.mark.parametrize(("example", "pointer"), not_sendable())
def test_example__as_printed_cannot_be_sent(server: Server, example: Exchange, pointer: str) -> None:
    """With all else put right, the printed value does what `as_printed` says: it is refused, or not understood."""
    expected = example.plan["as_printed"][pointer]
    filler = server.filler(example, expected.get("caller"))

    response = send(httpx.request, filler, filler.request(example, printed=pointer))

    assert response.status_code == expected["status"], response.text
    assert expected.get("says", "") in response.text
    assert exchanges.is_there(response.json(), expected["lacks"]) is False if "lacks" in expected else True


# That nothing is left out


def test_vendors__all_have_documented_examples() -> None:
    assert [vendor for vendor in shipped() if vendor not in exchanges.vendors()] == []


@pytest.mark.parametrize("vendor", exchanges.vendors())
def test_examples__all_are_replayed_and_no_others(vendor: str) -> None:
    names = [one["name"] for one in exchanges.fixture(vendor)["exchanges"]]
    assert len(names) == len(set(names))
    assert set(exchanges.replay(vendor)["exchanges"]) == set(names)


def test_examples__all_are_reached(request: pytest.FixtureRequest) -> None:
    """Each exchange has a test that sends or receives it, and each snippet of a program one that runs it."""
    assert {one.language for one in EVERY} - {None} <= {"curl", "javascript", "python"}
    runnable = [one for one in EVERY if one.language]
    assert [one.name for one in runnable if "snippet" not in one.printed] == []
    assert len(CALLED) + len([one for one in EVERY if one.sent_by_vendor]) == len(EVERY) > 0


@pytest.mark.parametrize("example", cases(EVERY))
def test_example__what_is_excused_is_there_and_says_why(example: Exchange) -> None:
    kinds = ("contradictions", "placeholders", "oddities")
    assert [one for kind in kinds for one in example.printed.get(kind, ()) if not one.get("why")] == []
    places = {"request": example.request, **((example.printed["response"] or {}).get("body") or {})}
    if example.request.get("path"):
        example_path = dict(parse_qsl(urlsplit(example.request["path"]).query, keep_blank_values=True))
        places["request"] = {"query": example_path, **example.request}
    listed = example.pointers("contradictions", "placeholders", "oddities")
    assert len(listed) == len(set(listed))
    assert [one for one in example.pointers("placeholders", "oddities") if not exchanges.is_there(places, one)] == []


# How requests are made and answers judged


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
    request = filler.request(example)
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


def check_last(server: Server, filler: Filler, example: Exchange, told: str) -> None:
    """The program has sent what is documented, has got what is documented, and prints what it should."""
    exchange = server.last_exchange()
    check_request(filler, example, exchange["request"])
    answer = Answer(exchange["response"]["status"], json.loads(exchange["response"]["body"]))
    check_answer(filler, example, answer)
    prints = example.plan.get("prints", example.printed.get("prints"))
    if prints == "$answer":
        assert json.loads(told) == answer.body
    elif isinstance(prints, str):
        assert told.strip() == prints
    else:
        assert json.loads(told) == prints


def check_request(filler: Filler, example: Exchange, seen: Any) -> None:
    """The server has seen the request that the fixture documents: method, path, query, headers, body."""
    documented = filler.request(example)
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
        exchanges.put(expected, pointer, value)
        assert exchanges.at(answered, pointer) == value, pointer
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
    assert {to: what for to, what in found.items() if not exchanges.is_under(to, left_out)} == {}
    stale = [one for one in example.in_answer("contradictions") if not exchanges.differs(printed, answered, one)]
    assert stale == [], "the stand-in answers as printed: no contradiction any more"


def placeholders_met(example: Exchange, printed: Any, answered: Any) -> list[str]:
    """Pointers to values that stand for any of their type, and are another one of that type."""
    pointers = example.in_answer("placeholders")
    for pointer in pointers:
        assert type(exchanges.at(answered, pointer)) is type(exchanges.at(printed, pointer)), pointer
        assert exchanges.differs(printed, answered, pointer), f"{pointer} is as printed: no placeholder"
    return pointers


def test_fixture__base_url_is_that_of_the_vendor() -> None:
    """Where a page prints its host, it is the one that the vendor's folder names."""
    for vendor in exchanges.vendors():
        texts = exchanges.replay(vendor).get("texts", {})
        printed = [text for text, wanted in texts.items() if wanted == "$base_url"]
        assert [text for text in printed if text != load(vendor).base_url] == []
