"""Every example of the vendors' documents, run as their readers run it: with nothing replaced but host, credentials and
what cannot be sent as printed.

Each exchange is sent by two Python clients as the request that it describes. Snippets are run as they are printed, by
curl, node or Python. Answers are compared with the documented ones field by field; tests/tools/exchanges.py tells what
is not.
"""

import copy
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
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
from tests.tools.replaying import (
    Answer,
    check_answer,
    check_body,
    check_request,
    filled,
    js_names,
    mended_curl,
    mended_text,
    receiver,
    run,
    send,
)
from tests.tools.serving import serve

EVERY = list(exchanges.every())
CALLED = [one for one in EVERY if not one.sent_by_vendor]
PRINTED = {"geotareas": 5, "kanbert": 22, "kanman": 10, "kantata": 9}  # exchanges in the five documents


def cases(chosen: list[Exchange]) -> list[Any]:
    return [pytest.param(one, id=f"{one.vendor}: {one.name}") for one in chosen]


def in_language(language: str) -> list[Any]:
    return cases([one for one in EVERY if one.language == language])


def not_sendable() -> list[Any]:
    return [pytest.param(one, to, id=f"{one.vendor}: {one.name} {to}") for one in CALLED for to in one.in_request()]


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
        return Filler(exchange, told, caller or exchange.plan.get("caller", plan["caller"]))


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

    response = send(client, filler, filler.request())

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

    response = send(httpx.request, filler, filler.request(pointer))

    assert response.status_code == expected["status"], response.text
    assert expected.get("says", "") in response.text
    assert exchanges.is_there(response.json(), expected["lacks"]) is False if "lacks" in expected else True


@pytest.mark.parametrize("example", cases([one for one in EVERY if one.sent_by_vendor]))
def test_webhook__is_sent_as_documented(server: Server, example: Exchange) -> None:
    """What the document shows is received by one who has subscribed to it, once it is caused."""
    filler = server.filler(example)
    subscription = copy.deepcopy(exchanges.replay(example.vendor)["subscription"])
    printed = example.request
    for call in example.plan.get("prepare", ()):
        assert send(httpx.request, filler, filled(filler, call)).is_success
    with receiver(example.plan["status"]) as (address, received):
        exchanges.put(subscription, "/body/url", address)
        assert send(httpx.request, filler, filled(filler, subscription)).is_success
        assert send(httpx.request, filler, filled(filler, example.plan["cause"])).is_success
        method, headers, body = received.get(timeout=30)

    assert method == printed["method"]
    assert printed["headers"].items() <= headers.items()
    assert "Authorization" not in headers
    assert body["event"] == printed["body"]["event"]
    check_body(filler, example, example, filler.node(printed["body"]), body)


# That nothing is left out


def test_vendors__all_have_documented_examples() -> None:
    assert [vendor for vendor in shipped() if vendor not in exchanges.vendors()] == []


@pytest.mark.parametrize("vendor", exchanges.vendors())
def test_examples__all_are_replayed_and_no_others(vendor: str) -> None:
    names = [one["name"] for one in exchanges.fixture(vendor)["exchanges"]]
    assert len(names) == len(set(names))
    assert set(exchanges.replay(vendor)["exchanges"]) == set(names)


def reached(*tests: Callable[..., None]) -> Counter[Exchange]:
    """The exchanges that these tests are given, and how often."""
    marks = [mark for test in tests for mark in getattr(test, "pytestmark", ()) if mark.args[0] == "example"]
    return Counter(one.values[0] for mark in marks for one in mark.args[1])


@pytest.mark.parametrize("vendor", exchanges.vendors())
def test_examples__all_are_reached(vendor: str) -> None:
    """Each exchange is sent, or received; and each snippet of a program is run, too."""
    all_of_it = Counter(exchanges.exchanges(vendor).values())
    replayed = reached(test_example__sent_by_python, test_webhook__is_sent_as_documented)
    assert all_of_it - replayed == Counter()
    assert all_of_it.total() == PRINTED[vendor]
    as_printed = reached(
        test_example__as_printed_for_curl,
        test_example__as_printed_for_javascript,
        test_example__as_printed_for_python,
    )
    assert {one for one in all_of_it if one.language} == {one for one in as_printed if one.vendor == vendor}


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


def test_fixture__base_url_is_that_of_the_vendor() -> None:
    """Where a page prints its host, it is the one that the vendor's folder names."""
    for vendor in exchanges.vendors():
        texts = exchanges.replay(vendor).get("texts", {})
        printed = [text for text, wanted in texts.items() if wanted == "$base_url"]
        assert [text for text in printed if text != load(vendor).base_url] == []


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
