"""The vendors' documents, and the stand-in's answers, in the eyes of Prism.

Prism plays each document, so others can use it. And as a validating proxy it stands between a client and the stand-in,
and has nothing against any answer, whether the request was good or bad.
"""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from mockserver import spec
from mockserver.vendor import Vendor, load, shipped
from tests.tools import exchanges, prism
from tests.tools.probes import Probe, Prober
from tests.tools.serving import serve

pytestmark = pytest.mark.slow

ALL = shipped()
BURST = 12  # requests in a row; the smallest quota of an operation is 10 in a minute


class Court(NamedTuple):
    """A vendor's stand-in, and the two proxies before it."""

    vendor: Vendor
    prober: Prober
    told: Any
    judge: httpx.Client
    strict_judge: httpx.Client

    def judged(self, probe: Probe) -> httpx.Response:
        return send(self.judge, probe)


@pytest.fixture(scope="module")
def open_court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Court]]:
    courts: dict[str, Court] = {}
    with ExitStack() as stack:

        def opened(name: str) -> Court:
            if name not in courts:
                folder = tmp_path_factory.mktemp(name)
                vendor = load(name)
                document = vendor.folder / "openapi.yaml"
                served = stack.enter_context(serve(name, "--clock", exchanges.replay(name)["clock"]))
                told = httpx.get(f"{served.origin}/_mock/credentials").json()[name]
                judges = []
                for strict in (False, True):
                    address = prism.judging(document, told["base_url"], folder, strict=strict)
                    client = httpx.Client(base_url=stack.enter_context(address), timeout=60)
                    judges.append(stack.enter_context(client))
                headers = {caller: entry["headers"] for caller, entry in told["callers"].items()}
                courts[name] = Court(vendor, Prober(vendor, headers), told, *judges)
            return courts[name]

        yield opened


@pytest.fixture
def court(open_court: Callable[[str], Court], name: str) -> Court:
    return open_court(name)


def send(client: httpx.Client, probe: Probe, **more: str) -> httpx.Response:
    """The probe, in a world of its own."""
    headers = {**probe.headers, "X-Mock-World": probe.world, **more}
    return client.request(probe.method, probe.target, headers=list(headers.items()), content=probe.content)


# Prism plays the document


@pytest.mark.parametrize("name", ALL)
def test_prism__plays_every_answer_of_the_document(court: Court, tmp_path: Path) -> None:
    """Each operation answers a documented request well, and with any other documented status when asked."""
    with (
        prism.mocking(court.vendor.folder / "openapi.yaml", tmp_path) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        for operation in court.vendor.operations.values():
            probe = next(court.prober.examples(operation))
            first = send(client, probe)
            assert (first.status_code, prism.violations(first, "request")) == (success(operation.document), [])
            for status in operation.document["responses"]:
                answer = send(client, probe, Prefer=f"code={status}")
                assert answer.status_code == int(status), f"{probe}\n{answer.text}"
                assert prism.violations(answer, "response") == []
                assert is_example(court.vendor, operation.document, status, answer), f"{probe}\n{answer.text}"


def success(operation: Any) -> int:
    return min(int(status) for status in operation["responses"] if status.startswith("2"))


def is_example(vendor: Vendor, operation: Any, status: str, answer: httpx.Response) -> bool:
    """Is it one of the examples that the document has for this status?"""
    content = spec.resolve(vendor.document, operation["responses"][status]).get("content", {})
    if not content:
        return answer.content == b""
    (media,) = content.values()
    values = [spec.resolve(vendor.document, one)["value"] for one in media["examples"].values()]
    return answer.json() in values


# Prism judges the stand-in


@pytest.mark.parametrize("name", ALL)
def test_answers__are_as_documented_whatever_is_asked(court: Court) -> None:
    """Every operation by good and bad requests: callers, ids, parameters, bodies; and along the document's links."""
    against: list[str] = []
    statuses: dict[str, set[int]] = {operation: set() for operation in court.vendor.operations}
    for probe, answer in walked(court):
        assert answer.headers.get("content-type") != prism.PROBLEM, f"{probe}\n{answer.text}"
        statuses[probe.operation].add(answer.status_code)
        against += [f"{probe}\n    {answer.status_code}: {one}" for one in prism.violations(answer, "response")]
    assert against == []
    unreached = [name for name, reached in statuses.items() if not any(200 <= status < 300 for status in reached)]
    assert unreached == [], "no good request was answered well"
    assert {name for name, reached in statuses.items() if not any(status >= 400 for status in reached)} == set()


def walked(court: Court) -> Iterator[tuple[Probe, httpx.Response]]:
    """Every probe with its answer; after a good one those that the document's links lead to, deletions last."""
    for probe in court.prober.all():
        answer = court.judged(probe)
        yield probe, answer
        if probe.about.startswith(("as documented", "body", "link")) and answer.is_success and answer.content:
            links = court.prober.followed(probe, answer.status_code, answer.json())
            for led in sorted(links, key=lambda one: one.method == "DELETE"):
                yield led, court.judged(led)


@pytest.mark.parametrize("name", ALL)
def test_answers__are_as_documented_when_there_are_too_many(court: Court) -> None:
    """A burst of one request: where the vendor limits it, the last ones are refused."""
    windows = [quota["window"] for quota in court.vendor.behaviour.get("quotas", {}).values()]
    refused = False
    for operation in court.vendor.operations.values():
        probe = next(court.prober.examples(operation))
        for _ in range(BURST):
            answer = send(court.judge, probe, **{"X-Mock-World": f"burst of {operation.id}"})
            assert prism.violations(answer, "response") == []
            refused |= answer.status_code == 429
    assert refused is any(isinstance(window, dict) for window in windows)


@pytest.mark.parametrize("name", ALL)
def test_documented_requests__pass_a_strict_proxy(court: Court) -> None:
    """With --errors Prism answers in the stand-in's place as soon as request or answer are not as documented."""
    for operation in court.vendor.operations.values():
        for probe in court.prober.examples(operation):
            answer = send(court.strict_judge, probe, **{"X-Mock-World": f"strict {probe.world}"})
            assert answer.headers.get("content-type") != prism.PROBLEM, f"{probe}\n{answer.text}"
            assert "sl-violations" not in answer.headers


# That the judge would say so


def one_more_field(document: Any) -> None:
    document["components"]["schemas"]["Task"]["required"].append("colour")


def another_header(document: Any) -> None:
    document["components"]["headers"]["X-RateLimit-Limit"]["schema"] = {"type": "integer", "maximum": 1}


def another_media_type(document: Any) -> None:
    answer = document["paths"]["/tasks/{id}"]["get"]["responses"]["200"]
    answer["content"] = {"application/xml": answer["content"]["application/json"]}


def another_status(document: Any) -> None:
    answers = document["paths"]["/tasks/{id}"]["get"]["responses"]
    answers["202"] = answers.pop("200")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(one_more_field, "must have required property 'colour'", id="one more field"),
        pytest.param(another_header, "must be <= 1", id="another header"),
        pytest.param(another_media_type, "does not match the one specified", id="another media type"),
        pytest.param(another_status, "Unable to match the returned status code", id="another status"),
    ],
)
def test_prism__tells_of_an_answer_that_is_not_as_documented(
    open_court: Callable[[str], Court], tmp_path: Path, change: Callable[[Any], None], told: str
) -> None:
    court = open_court("kanman")
    probe = next(court.prober.examples(court.vendor.operations["getTask"]))
    document = copy.deepcopy(court.vendor.document)
    change(document)
    (tmp_path / "openapi.json").write_text(json.dumps(document))

    for strict in (False, True):
        with prism.judging(tmp_path / "openapi.json", court.told["base_url"], tmp_path, strict=strict) as address:
            answer = httpx.request(probe.method, address + probe.target, headers=dict(probe.headers))
        assert told in " ".join(prism.violations(answer, "response"))
        assert (answer.headers["content-type"] == prism.PROBLEM) is strict
