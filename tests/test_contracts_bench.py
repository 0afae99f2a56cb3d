"""The records that laws work on, with wrappers, maps by id, pages, and fields that stand elsewhere in an answer."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contracts.control import Control
from contracts.findings import Broken, Headers, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.echo import Echo
from contracts.laws.pages import walk
from contracts.laws.refusals import malformed_ids, required_fields
from contracts.laws.terms import Record, item_fields, judged, succeed, unknown_reference
from contracts.model import Model
from contracts.safety.guard import Budget, Guard
from contracts.target import Target
from contracts.tenant import ABSENT, Tenant
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Rule, Vendor, load
from tests.tools.library import library, rule

Answering = Callable[[Outgoing], tuple[int, Any]]


class Scripted:
    """A target that answers what a function says, and keeps what it was sent."""

    origin = "http://scripted"

    def __init__(self, answering: Answering, headers: dict[str, str] | None = None) -> None:
        self.sent: list[Outgoing] = []
        self.steered: list[Outgoing] = []  # what was asked of the control plane
        self.answering = answering
        self.headers = headers or {}

    def send(self, request: Outgoing) -> Reply:
        if request.target.startswith("/_mock") and request.target != "/_mock/credentials":
            self.steered.append(request)
            return Reply(200, Headers(), b'{"now": "2026-01-01T00:00:00Z"}', 0.0)
        self.sent.append(request)
        status, answer = self.answering(request)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Reply(status, Headers([("content-type", "application/json"), *self.headers.items()]), body, 0.0)

    def close(self) -> None:
        return


def open_tenant(
    answering: Answering = lambda request: (200, {}),
    *,
    vendor: Vendor | None = None,
    is_mock: bool = True,
    headers: dict[str, str] | None = None,
    callers: dict[str, dict[str, str]] | None = None,
    mints: bool = False,
) -> tuple[Tenant, Scripted]:
    vendor = vendor or library()
    wire = Scripted(answering, headers)
    guard = Guard(wire, "", Model(vendor), budget=Budget(), is_own_world=is_mock)
    target = Target(
        vendor,
        guard,
        wire,
        seed=5,
        control=Control(wire) if is_mock else None,
        callers=callers or {"owner": {"Authorization": "Bearer t"}},
        known=vendor.known,
        mints=mints,
    )
    return target.tenant("bench"), wire


def book(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": str(number), "title": "Emma", "year": 1815, **fields}


def shelf_of(*books: dict[str, Any]) -> dict[str, Any]:
    return {
        "results": [{"key": "books", "id": each["id"]} for each in books],
        "books": {each["id"]: each for each in books},
    }


def sent_json(request: Outgoing) -> Any:
    return json.loads(request.body or b"")


def test_create__wraps_the_fields_and_finds_the_record_by_its_id() -> None:
    tenant, wire = open_tenant(lambda request: (200, shelf_of(book(40))))
    assert tenant.create("books")["id"] == "40"
    sent = sent_json(wire.sent[0])["book"]
    assert sent["year"] == 1999 and "[proofboard 5]" in sent["title"]


def test_create__texts_that_no_two_records_may_share_differ() -> None:
    tenant, wire = open_tenant(lambda request: (200, shelf_of(book(40))))
    titles = [sent_json(wire.sent[tenant.create("books") and -1])["book"]["title"] for _ in range(3)]
    assert len(set(titles)) == 3


def test_guard__remembers_what_was_made_in_a_map() -> None:
    shelf = {"GET": shelf_of(), "POST": shelf_of(book(40))}
    tenant, _ = open_tenant(lambda request: (200, shelf[request.method]), is_mock=False)
    tenant.create("books")
    assert list(tenant.target.guard.holdings) == [("books", "40")]


def test_send__forms_and_files() -> None:
    tenant, wire = open_tenant()
    tenant.call("createBook", form={"book[title]": "Größe", "book[year]": 1})
    assert (wire.sent[-1].body or b"").decode() == "book%5Btitle%5D=Gr%C3%B6%C3%9Fe&book%5Byear%5D=1"
    tenant.call("uploadCover", path={"id": 1}, files={"file": ("a.txt", "text/plain", b"\xff")}, form={"note": "x"})
    headers = dict(wire.sent[-1].headers)
    boundary = headers["Content-Type"].partition("boundary=")[2]
    assert (wire.sent[-1].body or b"").count(boundary.encode()) == 3
    assert b'name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n\xff\r\n' in (wire.sent[-1].body or b"")


def test_send__always_asks_for_json() -> None:
    tenant, wire = open_tenant()
    tenant.send("GET", "/books", caller=None)
    assert dict(wire.sent[-1].headers)["Accept"] == "application/json"
    tenant.send("GET", "/books", headers={"Accept": None})
    assert "Accept" not in dict(wire.sent[-1].headers)


def test_answer__what_a_refusal_says() -> None:
    faults = [{"type": "validation", "field": "title", "message": "No."}]
    tenant, _ = open_tenant(lambda request: (422, {"errors": faults}))
    answer = tenant.call("createBook", json={})
    assert (answer.error_code(), answer.error("message"), answer.named_fields()) == ("validation", "No.", {"title"})


def test_bench__sends_what_requests_say_and_the_next_body_after_each_success() -> None:
    tenant, wire = open_tenant(
        lambda request: (422 if b"Two" in (request.body or b"") and len(wire.sent) < 3 else 200, {})
    )
    bench, update = Bench(tenant), tenant.vendor.operations["updateBook"]
    for _ in range(4):
        bench.call(update, path={"id": "31"})
    assert [sent_json(each)["book"]["title"] for each in wire.sent] == ["One", "Two", "Two", "One"]
    bench.call(tenant.vendor.operations["uploadCover"], path={"id": "31"})
    assert b"A cover." in (wire.sent[-1].body or b"")


def test_bench__a_body_that_nothing_tells_is_none() -> None:
    tenant, _ = open_tenant(lambda request: (200, shelf_of()), vendor=library(requests={}, samples={}))
    operations = tenant.vendor.operations
    assert Bench(tenant).body(operations["uploadCover"]) is ABSENT
    with pytest.raises(NotJudged, match="requests"):
        required_fields(tenant, _rule_of(operations["createBook"].id))


def _rule_of(*operations: str) -> Rule:
    return replace(rule(library(), "/info"), operations=operations, judge="law")


def test_walk__goes_through_all_pages() -> None:
    pages = {"1": [book(1), book(2)], "2": [book(3), book(4)], "3": [book(5)]}

    def answering(request: Outgoing) -> tuple[int, Any]:
        page = request.target.partition("&page=")[2] or "1"
        return 200, shelf_of(*pages[page])

    tenant, wire = open_tenant(answering)
    found = walk(Bench(tenant), tenant.vendor.operations["listBooks"], {})
    assert [each["id"] for each in found] == ["1", "2", "3", "4", "5"]
    assert [each.target for each in wire.sent] == [
        "/books?per_page=2",
        *(f"/books?per_page=2&page={n}" for n in (2, 3)),
    ]


def test_succeed__an_answer_of_204_has_no_body() -> None:
    for body, is_good in ((b"", True), (b"{}", False)):
        tenant, _ = open_tenant(lambda request, body=body: (204, body))
        delete = tenant.vendor.operations["deleteBook"]
        answer = tenant.call("deleteBook", path={"id": 1})
        if is_good:
            assert succeed(tenant, delete, answer, "delete") == {}
        else:
            with pytest.raises(Broken, match="expected no body"):
                succeed(tenant, delete, answer, "delete")


def test_item_fields__of_a_map() -> None:
    vendor = library()
    assert item_fields(vendor, vendor.operations["getBook"]) == {"id", "title", "year", "shelf"}


def test_unknown_reference__has_a_refusal_of_its_own_or_that_of_its_resource() -> None:
    vendor = library()
    create = vendor.operations["createBook"]
    assert unknown_reference(vendor, create, "shelf_id").error == "no_shelf"
    create.table["references"]["shelf_id"]["error"] = "invalid"  # type: ignore[index]  # a table is fixed for all but this test
    assert unknown_reference(vendor, create, "shelf_id").error == "invalid"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"title": "  Emma\n"}, {"title": "Emma"}),
        ({"shelf_id": 7}, {"shelf": {"id": "7"}}),
        ({"shelf_id": None}, {"shelf": None}),
        ({"tags": ["a", "b"]}, {"marks": [{"name": "a"}, {"name": "b"}]}),
        ({"year": 1}, {}),  # nothing shows it
    ],
)
def test_echo__what_was_sent_is_shown(sent: dict[str, Any], shown: dict[str, Any]) -> None:
    tenant, _ = open_tenant()
    echo = Echo(tenant, tenant.vendor.operations["createBook"])
    echo.compare("create", sent, Record(shown), None)
    for name in shown:
        with pytest.raises(Broken):
            echo.compare("create", sent, Record({**shown, name: "other"}), None)
        with pytest.raises(Broken):
            echo.compare("create", sent, Record(), None)


def test_echo__what_a_change_may_touch() -> None:
    tenant, _ = open_tenant()
    echo = Echo(tenant, tenant.vendor.operations["createBook"])
    assert echo.touched({"shelf_id": 7, "title": "x"}) == {"shelf", "title", "slug"}


def test_malformed_ids__of_digits() -> None:
    tenant, wire = open_tenant(lambda request: (404, {"errors": [{"type": "system", "message": "No."}]}))
    malformed_ids(tenant, _rule_of("getBook"))
    assert {"/books/31x", "/books/1.5"} < {each.target for each in wire.sent}


WINDOW = {
    "calls": {
        "window": {"seconds": 60},
        "calls": {"getBook": 2},
        "spared": [],
        "refusal": "quota_used_up",
        "headers": {"X-Left": "remaining"},
    }
}
LIMITED = {"refusals": {**library().behaviour["refusals"], "quota_used_up": {"error": "not_allowed", "rule": "LB-1"}}}


@pytest.mark.parametrize(("left", "is_patient", "moves"), [("0", True, 1), ("1", True, 0), ("0", False, 0)])
def test_patience__a_window_without_calls_passes(left: str, is_patient: bool, moves: int) -> None:
    vendor = library(quotas=WINDOW, **LIMITED)
    tenant, wire = open_tenant(lambda request: (200, shelf_of(book(1))), vendor=vendor, headers={"X-Left": left})
    tenant.is_patient = is_patient
    tenant.call("getBook", path={"id": 1})
    clock = [sent_json(each) for each in wire.steered if each.target == "/_mock/clock"]
    assert clock == [{"advance": 61}] * moves


def test_callers__that_are_minted_are_asked_for_again_when_the_clock_was_moved() -> None:
    minted: list[str] = []

    def answering(request: Outgoing) -> tuple[int, Any]:
        minted.append(dict(request.headers)["X-Mock-World"])
        return 200, {"library": {"callers": {"owner": {"headers": {"Authorization": f"Bearer {len(minted)}"}}}}}

    tenant, _ = open_tenant(answering, mints=True)
    assert [tenant.headers("owner")["Authorization"] for _ in range(2)] == ["Bearer 1", "Bearer 1"]
    tenant.needs_clock().advance(3600)
    assert tenant.headers("owner")["Authorization"] == "Bearer 2"
    assert minted == [tenant.world] * 2


def test_judged__what_would_last_on_a_tenant_is_named_as_the_reason() -> None:
    vendor = load("geotareas")
    callers = {"owner": {"Authorization": "Bearer t", "X-API-Key": "k", "tenant": "t"}}
    tenant, _ = open_tenant(vendor=vendor, is_mock=False, callers=callers)
    with pytest.raises(NotJudged, match="not tried on a tenant, where its effects would last: login"):
        judged(tenant, vendor.rules["GT-194"])
    assert [each.id for each in judged(tenant, vendor.rules["GT-171"])] == ["addCardComment"]
