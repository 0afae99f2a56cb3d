"""Every exchange of a run as HAR 1.2: valid, masked, streamed."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft6Validator
from referencing import Registry, Resource

from contracts import runner
from contracts.docket import Silence
from contracts.findings import Headers
from contracts.meter import Meter
from contracts.model import Model
from contracts.report.har import Recorder
from contracts.safety.budget import Budget
from contracts.safety.guard import Guard
from contracts.safety.mask import Mask
from contracts.target import open_local
from contracts.wire import Outgoing
from mockserver import __version__
from mockserver.vendor import Vendor
from tests.odd_servers import Answering, always
from tests.tools.results import SECRET, exchange_of
from tests.tools.serving import ROOT

NOW = datetime(2026, 3, 2, 9, 0, 0, 500_000, tzinfo=UTC)


def validator() -> Draft6Validator:
    schemas = json.loads((ROOT / "fixtures/schemas/har-1.2.json").read_text())
    found = [(schema["$id"].rstrip("#"), Resource.from_contents(schema)) for schema in schemas.values()]
    registry: Registry[Any] = Registry().with_resources(found)
    return Draft6Validator(schemas["har.json"], registry=registry)


def read(path: Path) -> dict[str, Any]:
    """What a file holds, which is valid."""
    har = json.loads(path.read_text("ascii"))
    assert [error.message for error in validator().iter_errors(har)] == []
    log: dict[str, Any] = har["log"]
    return log


def entries(tmp_path: Path, *exchanges: Any) -> list[dict[str, Any]]:
    recorder = Recorder(tmp_path, now=lambda: NOW)
    for exchange in exchanges:
        recorder.watch(exchange)
    found: list[dict[str, Any]] = read(recorder.finish())["entries"]
    return found


def test_schema__refuses_what_is_no_har() -> None:
    assert list(validator().iter_errors({"log": {"version": "1.2", "entries": [{"time": 5}]}}))


def test_recorder__keeps_an_exchange(tmp_path: Path) -> None:
    (told,) = entries(tmp_path, exchange_of())
    assert told == {
        "startedDateTime": "2026-03-02T09:00:00.250+00:00",
        "time": 250.0,
        "request": {
            "method": "GET",
            "url": "http://127.0.0.1/v1/boards?limit=2&a=",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": "authorization", "value": "Bearer $OWNER_TOKEN"}],
            "queryString": [{"name": "limit", "value": "2"}, {"name": "a", "value": ""}],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": "content-type", "value": "application/json"}],
            "content": {"size": 14, "mimeType": "application/json", "text": '{"boards": []}'},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 250.0, "receive": 0},
        "_operation": "listBoards",
        "_caller": "owner",
        "_suite": None,
        "_part": None,
    }


def test_recorder__names_its_maker_also_where_nothing_was_exchanged(tmp_path: Path) -> None:
    log = read(Recorder(tmp_path).finish())
    assert log == {"version": "1.2", "creator": {"name": "proofboard", "version": __version__}, "entries": []}


def test_recorder__tells_what_an_exchange_was_for_and_has_those_before_it(kanman: Vendor, tmp_path: Path) -> None:
    wire = Answering(always(404, '{"who": "a@example.com"}'))
    guard = Guard(wire, "", Model(kanman), budget=Budget(), is_own_world=False)
    guard.knock(Outgoing("GET", "/_mock/credentials"))
    guard.mask = Mask({})
    recorder = Recorder(tmp_path)
    meter = Meter()
    recorder.begin(guard, meter)
    meter.at("rules", "KM-012")
    guard.send(Outgoing("GET", "/boards"))
    meter.at("conformance", "fuzzing")
    found = [(each["_suite"], each["_part"], each["_operation"]) for each in read(recorder.finish())["entries"]]
    assert found == [(None, None, None), ("rules", "KM-012", "listBoards")]
    assert "a@example.com" not in recorder.path.read_text()


@pytest.mark.parametrize("body", [b"\xff\x00 caf\xe9", b"\x89PNG \xc3(" + SECRET.encode()])
def test_body__that_is_no_text_is_in_base64_and_masked(tmp_path: Path, body: bytes) -> None:
    sent = exchange_of(method="POST", request_body=body, body=body, headers=Headers(), operation=None)
    (told,) = entries(tmp_path, sent)
    expected = body.replace(SECRET.encode(), b"$OWNER_TOKEN")
    answered, asked = told["response"]["content"], told["request"]["postData"]
    assert (answered["encoding"], base64.b64decode(answered["text"])) == ("base64", expected)
    assert (asked["_encoding"], base64.b64decode(asked["text"])) == ("base64", expected)
    assert (answered["mimeType"], answered["size"], told["request"]["bodySize"]) == ("x-unknown", len(body), len(body))


def test_body__of_odd_text_stays_as_it_is(tmp_path: Path) -> None:
    text = "\x00\x1b[2J \u2028 é 😀 </script>"
    (told,) = entries(tmp_path, exchange_of(body=text.encode(), status=299))
    assert told["response"]["content"]["text"] == text
    assert (told["response"]["status"], told["response"]["statusText"]) == (299, "")


def test_redirect__is_told(tmp_path: Path) -> None:
    (told,) = entries(tmp_path, exchange_of(status=302, headers=Headers([("Location", "https://else.example/")])))
    assert told["response"]["redirectURL"] == "https://else.example/"


def test_secret__that_an_answer_hands_out_is_masked_in_it(tmp_path: Path) -> None:
    mask = Mask({})
    recorder = Recorder(tmp_path)
    recorder.watch(exchange_of(body=b'{"data": "a-token-of-a-login"}', mask=mask))
    mask.learn({"owner": {"Authorization": "Bearer a-token-of-a-login"}})
    recorder.watch(exchange_of())
    text = recorder.finish().read_text()
    assert "a-token-of-a-login" not in text and "$OWNER_TOKEN" in text


def test_recorder__writes_while_the_run_goes_on(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for _ in range(3):
        recorder.watch(exchange_of(body=b"x" * 1_000_000))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 1_900_000
    assert not recorder.path.exists()
    assert len(read(recorder.finish())["entries"]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["exchanges.har"]


def test_recorder__leaves_the_last_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "exchanges.har").write_text("of the last run")
    recorder = Recorder(tmp_path)
    recorder.watch(exchange_of())
    assert recorder.path.read_text() == "of the last run"
    recorder.finish()
    assert len(read(recorder.path)["entries"]) == 1


def test_recorder__is_whole_after_an_interrupt(tmp_path: Path) -> None:
    interrupts = iter([KeyboardInterrupt])

    def mask(text: str) -> str:
        for interrupt in interrupts:
            raise interrupt
        return text

    recorder = Recorder(tmp_path)
    recorder.watch(exchange_of(operation="first", mask=mask))
    with pytest.raises(KeyboardInterrupt):
        recorder.watch(exchange_of(operation="second"))
    assert [each["_operation"] for each in read(recorder.finish())["entries"]] == ["first", "second"]


def test_recorder__goes_on_behind_the_last_whole_entry(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for _ in range(2):
        recorder.watch(exchange_of())
    (draft,) = tmp_path.iterdir()
    with draft.open("ab") as file:
        file.write(b',\n{"half": "' + b"x" * 100_000)
    assert len(read(recorder.finish())["entries"]) == 2


def test_recorder__that_cannot_write_says_so_at_the_end(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "not there")
    for _ in range(3):
        recorder.watch(exchange_of())
    with pytest.raises(FileNotFoundError):
        recorder.finish()


def test_run__is_recorded_whole(kanman: Vendor, tmp_path: Path) -> None:
    target = open_local(kanman, seed=7, budget=Budget())
    recorder = Recorder(tmp_path)
    try:
        rules = runner.select(kanman, ["KM-012", "KM-114"])
        result = runner.run(target, rules, profile="quick", is_selective=True, progress=Silence(), recorder=recorder)
    finally:
        target.close()
    found = read(recorder.finish())["entries"]
    assert len(found) == result.requests > 0
    assert {"owner", "writer"} <= {each["_caller"] for each in found}
    assert {"preflight", "rules"} <= {each["_suite"] for each in found}
    secrets = {value.removeprefix("Bearer ") for headers in target.callers.values() for value in headers.values()}
    assert not [secret for secret in secrets if secret in recorder.path.read_text()]
