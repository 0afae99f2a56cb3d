"""One plan per operation: steps in the vendor's order, then the verb, called plainly on a toy vendor."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from mockserver.engine.chance import parse_time
from mockserver.engine.examples import Preferences
from mockserver.engine.messages import Request, Response
from mockserver.engine.stage import Stage
from mockserver.engine.store import Store
from mockserver.vendor import load

NOON = parse_time("2024-01-15T12:00:00Z")
KEY = (b"x-toy-key", b"toy-owner")
JSON = (b"content-type", b"application/json")


@pytest.fixture
def stage() -> Iterator[Stage]:
    store = Store("memory")
    toy = load(Path(__file__).parents[1] / "fixtures/toy_vendor")
    yield Stage(toy, store, seed=1, records=None, limits=True, frozen_at=NOON)
    store.close()


def run(stage: Stage, operation: str, *headers: tuple[bytes, bytes], body: bytes = b"", **path: str) -> Response:
    request = Request("GET", "/", b"", list(headers), path, body)
    return stage.plans[operation].run(stage.worlds.find("w"), request)


def content(response: Response) -> Any:
    return orjson.loads(response.body)


def test_run__answers_with_status_type_and_body(stage: Stage) -> None:
    response = run(stage, "getNote", KEY, id="n1")
    assert (response.status, response.headers, response.rule) == (200, [JSON], None)
    assert content(response) == {"note": {"id": "n1", "text": "Buy milk", "due": None}}


def test_run__in_the_order_of_the_vendor(stage: Stage) -> None:
    """Each request has all the faults of those after it; credentials, existence, body is the toy's order."""
    refusals = [
        run(stage, "getNote", id="none"),
        run(stage, "getNote", KEY, id="none"),
        run(stage, "createNote", body=b"{"),
        run(stage, "createNote", KEY, body=b"{"),
    ]
    assert [(one.status, one.rule) for one in refusals] == [
        (401, "TOY-001"),
        (404, "TOY-002"),
        (401, "TOY-001"),
        (400, "TOY-003"),
    ]


def test_run__a_refusal_is_in_the_envelope_of_the_vendor(stage: Stage) -> None:
    assert content(run(stage, "listNotes")) == {"problem": "Who are you?"}


@pytest.mark.parametrize("key", [b"", b"toy-nobody", b"TOY-OWNER", b"\xff\xfe", b"toy-expired"])
def test_run__without_a_good_credential_is_refused(stage: Stage, key: bytes) -> None:
    assert run(stage, "listNotes", (b"x-toy-key", key)).status == 401


def test_run__a_seeded_credential_ends_with_its_lifetime(stage: Stage) -> None:
    world = stage.worlds.find("w")
    world.clock.move_to(NOON + 30 * 86400 - 1)
    assert run(stage, "listNotes", KEY).status == 200
    world.clock.move_to(NOON + 30 * 86400)
    assert run(stage, "listNotes", KEY).status == 401


def test_run__a_created_record_can_be_read_and_is_listed(stage: Stage) -> None:
    made = content(run(stage, "createNote", KEY, JSON, body=b'{"text": "A note"}'))["note"]
    assert content(run(stage, "getNote", KEY, id=made["id"])) == {"note": made}
    assert [note["text"] for note in content(run(stage, "listNotes", KEY))["notes"]] == [
        "A note",
        "Buy milk",
        "Sell milk",
    ]


def test_show__an_example_changes_nothing_and_needs_no_credential(stage: Stage) -> None:
    world = stage.worlds.find("w")
    response = stage.plans["listNotes"].show(
        world, Request("GET", "/", b"", [], {}, b""), Preferences(example="one"), b"GET"
    )
    assert (response.status, content(response)["notes"][0]["id"]) == (200, "n1")


def test_show__what_the_document_does_not_have_is_refused(stage: Stage) -> None:
    world = stage.worlds.find("w")
    response = stage.plans["listNotes"].show(
        world, Request("GET", "/", b"", [], {}, b""), Preferences(code="418"), b"GET"
    )
    assert (response.status, response.rule) == (400, None)


def test_show__a_405_bears_allow(stage: Stage) -> None:
    world = stage.worlds.find("w")
    request = Request("GET", "/", b"", [], {}, b"")
    response = stage.plans["listNotes"].show(world, request, Preferences(code="405"), b"GET, POST")
    assert response.status == 405
    assert (b"allow", b"GET, POST") in response.headers


def test_refuse__what_reaches_no_operation(stage: Stage) -> None:
    response = stage.refuse(stage.worlds.find("w"), Request("GET", "/", b"", [], {}, b""), "path_unknown")
    assert (response.status, response.rule, content(response)) == (
        404,
        "TOY-002",
        {"problem": "There is no such thing."},
    )
