"""The one door: what it counts, what it refuses to send, what it remembers as ours."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest

from contracts.findings import Headers
from contracts.model import Model
from contracts.safety.guard import Budget, BudgetSpent, Guard, NotOurs
from contracts.wire import Outgoing, Reply, TargetLost, Unsendable
from mockserver.vendor import Vendor, load

MINE = "7c1fe1bb-a540-4c20-b1e5-6bf5746bd841"
OTHER = "770e8400-e29b-41d4-a716-446655440009"
CREATE = Outgoing("POST", "/tasks", [], b'{"label": "Contract check [proofboard 7]"}')


FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Written:
    """A target that always answers what is written in it, and keeps what it was sent.

    Of a resource in `empty` nothing is listed before the first create.
    """

    origin = "http://written"

    def __init__(self, status: int, answer: Any) -> None:
        self.status = status
        self.answer = answer
        self.empty = ""
        self.sent: list[Outgoing] = []

    def send(self, request: Outgoing) -> Reply:
        self.sent.append(request)
        path = request.target.partition("?")[0]
        is_empty = request.method == "GET" and self.empty and path.endswith(f"/{self.empty}")
        answer = {"count": 0, "results": []} if is_empty else self.answer
        return Reply(self.status, Headers(), json.dumps(answer).encode(), 0.0)

    def close(self) -> None:
        return


MakeGuard = Callable[..., tuple[Guard, Written]]


@pytest.fixture
def make(kanman: Vendor) -> MakeGuard:
    def make(*, status: int = 200, answer: Any = None, own: bool = False, **budget: Any) -> tuple[Guard, Written]:
        wire = Written(status, answer if answer is not None else {})
        return Guard(wire, "/v1", Model(kanman), budget=Budget(**budget), is_own_world=own), wire

    return make


def test_send__adds_base_path_and_world_and_names_the_operation(make: MakeGuard) -> None:
    guard, wire = make()
    exchange = guard.send(Outgoing("GET", "/boards?x=1"), caller="owner", world="w")
    assert (wire.sent[0].target, wire.sent[0].headers) == ("/v1/boards?x=1", [("X-Mock-World", "w")])
    assert (exchange.operation, exchange.path, exchange.caller) == ("listBoards", "/boards", "owner")


def test_budget__of_requests(make: MakeGuard) -> None:
    guard, wire = make(requests=2)
    for _ in range(2):
        guard.send(Outgoing("GET", "/boards"))
    with pytest.raises(BudgetSpent, match="2 requests"):
        guard.send(Outgoing("GET", "/boards"))
    assert len(wire.sent) == 2


def test_budget__of_writes_leaves_reads(make: MakeGuard) -> None:
    guard, wire = make(writes=0)
    guard.send(Outgoing("GET", "/boards"))
    with pytest.raises(BudgetSpent, match="0 writes"):
        guard.send(Outgoing("POST", "/tasks"))
    assert len(wire.sent) == 1


def test_budget__of_time(make: MakeGuard) -> None:
    guard, _ = make(ends_at=time.monotonic() - 1)
    with pytest.raises(BudgetSpent, match="the time is up"):
        guard.send(Outgoing("GET", "/boards"))


def test_foreign__a_record_that_the_run_did_not_create_is_not_changed(make: MakeGuard) -> None:
    guard, wire = make()
    for method in ("PATCH", "DELETE"):
        with pytest.raises(NotOurs, match="did not create"):
            guard.send(Outgoing(method, f"/tasks/{OTHER}"))
    assert wire.sent == []


def test_foreign__what_can_be_no_id_may_be_sent(make: MakeGuard) -> None:
    guard, wire = make(status=400)
    guard.send(Outgoing("DELETE", "/tasks/not-an-id"))
    assert len(wire.sent) == 1


@pytest.mark.parametrize("identity", [f"{OTHER}0", f"%7B{OTHER}%7D", f"zz{OTHER}", OTHER.replace("-", "").upper()])
def test_foreign__what_a_generous_server_may_read_as_an_id_is_not_sent(make: MakeGuard, identity: str) -> None:
    guard, wire = make(status=400)
    with pytest.raises(NotOurs):
        guard.send(Outgoing("DELETE", f"/tasks/{identity}"))
    assert wire.sent == []


@pytest.mark.parametrize(
    "path", ["/tasks/..", "/tasks/%2e%2e", "/tasks/no%2Fid", "/tasks/no%252Fid", "/tasks/%20", "/tasks/%00", "/tasks/"]
)
def test_foreign__a_path_that_servers_may_read_as_another_one_is_not_sent(make: MakeGuard, path: str) -> None:
    guard, wire = make()
    with pytest.raises(NotOurs):
        guard.send(Outgoing("DELETE", path))
    assert wire.sent == []


def test_foreign__an_id_that_names_nothing_may_be_sent(make: MakeGuard) -> None:
    guard, wire = make(status=404)
    guard.void.add(OTHER)
    guard.send(Outgoing("DELETE", f"/tasks/{OTHER}"))
    assert len(wire.sent) == 1


def test_foreign__in_a_world_of_our_own_everything_may_be_sent(make: MakeGuard) -> None:
    guard, wire = make(own=True)
    guard.send(Outgoing("DELETE", f"/tasks/{OTHER}"))
    assert len(wire.sent) == 1


def test_holdings__what_was_created_may_be_changed_until_it_is_deleted(make: MakeGuard) -> None:
    guard, wire = make(answer={"task": {"id": MINE, "label": "Contract check [proofboard 7]"}})
    guard.send(CREATE)
    assert list(guard.holdings) == [("tasks", MINE)]
    guard.send(Outgoing("PATCH", f"/tasks/{MINE}"))
    guard.send(Outgoing("DELETE", f"/tasks/{MINE}"))
    assert list(guard.holdings) == []
    told = [(each.method, each.target) for each in wire.sent]
    at = f"/v1/tasks/{MINE}"  # a read tells that it is ours, once
    assert told == [("POST", "/v1/tasks"), ("GET", at), ("PATCH", at), ("DELETE", at)]


def test_holdings__an_id_that_was_seen_before_is_not_believed_to_be_new(make: MakeGuard) -> None:
    guard, _ = make(answer={"task": {"id": OTHER}})
    guard.send(Outgoing("GET", f"/tasks/{OTHER}"))
    guard.send(Outgoing("POST", "/tasks"))
    assert list(guard.holdings) == []


@pytest.mark.parametrize("answer", [None, [], {"task": None}, {"task": {}}, {"task": "x"}])
def test_holdings__answers_without_sense_are_survived(make: MakeGuard, answer: Any) -> None:
    guard, _ = make(answer=answer if answer is not None else "text")
    guard.send(Outgoing("POST", "/tasks"))
    assert list(guard.holdings) == []


# Where each resource counts its ids for itself, and where something cannot be undone


@pytest.fixture
def make_kantata() -> MakeGuard:
    vendor = load("kantata")

    def make(*, answer: Any = None, own: bool = False) -> tuple[Guard, Written]:
        wire = Written(200, answer)
        return Guard(wire, "/api/v1", Model(vendor), budget=Budget(), is_own_world=own), wire

    return make


def _answer(key: str, *ids: str) -> dict[str, Any]:
    results = [{"key": key, "id": each} for each in ids]
    records = {each: {"id": each, "position": 91, "name": "Contract check"} for each in ids}
    return {"count": 90, "results": results, key: records}


_CREATE_SET = Outgoing("POST", "/task_status_sets.json", [], b'{"task_status_set": {"name": "Contract check"}}')


def test_holdings__the_same_number_of_another_resource_is_another_id(make_kantata: MakeGuard) -> None:
    guard, wire = make_kantata(answer=_answer("custom_task_statuses", "90", "71"))
    guard.send(Outgoing("GET", "/custom_task_statuses"))
    wire.answer, wire.empty = _answer("task_status_sets", "71"), "task_status_sets"
    guard.send(_CREATE_SET)
    wire.answer = _answer("custom_task_statuses", "71")
    guard.send(Outgoing("POST", "/custom_task_statuses"))
    assert list(guard.holdings) == [("task_status_sets", "71")]
    wire.answer = _answer("task_status_sets", "71")
    guard.send(Outgoing("PUT", "/task_status_sets/71"))
    with pytest.raises(NotOurs):
        guard.send(Outgoing("PUT", "/custom_task_statuses/71.json"))


def test_void__a_deleted_record_sets_no_other_free(make_kantata: MakeGuard) -> None:
    guard, wire = make_kantata(answer=_answer("task_status_sets", "71"))
    wire.empty = "task_status_sets"
    guard.send(_CREATE_SET)
    guard.send(Outgoing("DELETE", "/task_status_sets/71"))
    guard.send(Outgoing("DELETE", "/task_status_sets/71"))
    with pytest.raises(NotOurs):
        guard.send(Outgoing("DELETE", "/custom_task_statuses/71"))


@pytest.mark.parametrize(
    "path", ["/task_status_sets/71/update_account_default", "/workspace_task_status_sets/bulk_update"]
)
def test_lasting__what_cannot_be_undone_is_never_sent_to_a_tenant(make_kantata: MakeGuard, path: str) -> None:
    guard, wire = make_kantata(answer=_answer("task_status_sets", "71"))
    guard.send(_CREATE_SET)
    with pytest.raises(NotOurs):
        guard.send(Outgoing("PUT", path))
    guard, wire = make_kantata(own=True)
    guard.send(Outgoing("PUT", path))
    assert len(wire.sent) == 1


# What stands in the list before the first create in it


def test_list__what_it_holds_before_a_create_is_none_of_ours(make: MakeGuard) -> None:
    guard, wire = make(answer={"task": {"id": MINE}, "tasks": [{"id": MINE}]})
    guard.ownership.give({"project_id": PROJECT})
    for _ in range(2):
        guard.send(_creating(projectId=PROJECT, label="Contract check [proofboard 7]"))
    path = f"/v1/projects/{PROJECT}/tasks"
    assert [(each.method, each.target) for each in wire.sent] == [("GET", path), *[("POST", "/v1/tasks")] * 2]
    assert len(guard.holdings) == 0 and len(guard.ownership.lost) == 2
    with pytest.raises(NotOurs):
        guard.send(Outgoing("DELETE", f"/tasks/{MINE}"))


def test_list__a_long_one_is_read_for_a_few_pages(make_kantata: MakeGuard) -> None:
    guard, wire = make_kantata()
    wire.send = lambda request: _page(wire, request)  # type: ignore[method-assign]  # no page is like another
    guard.send(_CREATE_SET)
    assert [each.method for each in wire.sent] == [*["GET"] * 5, "POST"]


def _page(wire: Written, request: Outgoing) -> Reply:
    wire.sent.append(request)
    return Reply(200, Headers(), json.dumps(_answer("task_status_sets", str(len(wire.sent)))).encode(), 0.0)


@pytest.mark.parametrize("limit", range(1, 5))
def test_list__without_room_to_read_it_nothing_is_created(make: MakeGuard, limit: int) -> None:
    guard, wire = make(requests=limit, answer={"tasks": []})
    guard.ownership.give({"project_id": PROJECT})
    with suppress(BudgetSpent):
        guard.send(_creating(projectId=PROJECT, label="Contract check [proofboard 7]"))
    assert [each.method for each in wire.sent] == (["GET", "POST"] if limit == 4 else [])


# What nobody has documented, and what a body refers to


PROJECT = "660e8400-e29b-41d4-a716-446655440001"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/tasks"),
        ("POST", "/no-such-path"),
        ("PUT", f"/tasks/{OTHER}"),
        ("DELETE", f"/projects/{PROJECT}"),
        ("POST", f"/boards/{OTHER}/projects"),
        ("PATCH", "/boards"),
        ("BREW", f"/boards/{OTHER}"),
        ("delete", f"/tasks/{OTHER}"),
    ],
)
def test_undocumented__nothing_unsafe_is_sent_to_what_is_not_ours(make: MakeGuard, method: str, path: str) -> None:
    guard, wire = make()
    guard.ownership.give({"project_id": PROJECT})
    guard.void.add(OTHER)
    if (method, path) == ("delete", f"/tasks/{OTHER}"):
        guard.void.clear()
    with pytest.raises(NotOurs):
        guard.send(Outgoing(method, path))
    assert wire.sent == []


def test_undocumented__a_wrong_method_may_go_to_a_record_of_ours(make: MakeGuard) -> None:
    guard, wire = make(answer={"task": {"id": MINE, "label": "Contract check [proofboard 7]"}})
    guard.send(CREATE)
    guard.send(Outgoing("PUT", f"/tasks/{MINE}"))
    assert [each.method for each in wire.sent] == ["POST", "GET", "PUT"]


def _creating(**fields: Any) -> Outgoing:
    return Outgoing("POST", "/tasks", [("content-type", "application/json")], json.dumps(fields).encode())


def test_references__a_known_record_may_be_used_and_nobody_elses(make: MakeGuard) -> None:
    guard, wire = make()
    guard.ownership.give({"project_id": PROJECT})
    guard.send(_creating(projectId=PROJECT))
    with pytest.raises(NotOurs, match="would refer to a record of projects that this run did not create"):
        guard.send(_creating(projectId=OTHER))
    assert [each.method for each in wire.sent] == ["GET", "POST"]


@pytest.mark.parametrize(
    "request_",
    [
        Outgoing("POST", "/tasks", [], f'{{"projectId": "{PROJECT}", "projectId": "{OTHER}"}}'.encode()),
        Outgoing("POST", "/tasks", [], f"{{projectId: '{OTHER}',}}".encode()),
        Outgoing(
            "POST", "/tasks", [("Content-Type", "application/x-www-form-urlencoded")], f"projectId={OTHER}".encode()
        ),
    ],
)
def test_references__are_found_however_a_server_may_read_the_body(make: MakeGuard, request_: Outgoing) -> None:
    guard, wire = make()
    guard.ownership.give({"project_id": PROJECT})
    with pytest.raises(NotOurs):
        guard.send(request_)
    assert wire.sent == []


def test_references__an_id_that_was_seen_is_not_sent_in_any_field(make: MakeGuard) -> None:
    guard, wire = make(answer={"boards": [{"id": OTHER, "name": "x"}]})
    guard.send(Outgoing("GET", "/boards"))
    with pytest.raises(NotOurs, match="would refer to"):
        guard.send(_creating(description=f"see {OTHER.upper()}"))
    assert len(wire.sent) == 1


def test_void__where_ids_are_numbers_a_read_has_to_tell_first(make_kantata: MakeGuard) -> None:
    guard, wire = make_kantata(answer=_answer("custom_task_statuses", "99123456"))
    guard.void.add("custom_task_statuses 99123456")
    with pytest.raises(NotOurs, match="should name nothing"):
        guard.send(Outgoing("DELETE", "/custom_task_statuses/99123456"))
    wire.status = 404
    guard.send(Outgoing("DELETE", "/custom_task_statuses/99123456"))
    guard.send(Outgoing("DELETE", "/custom_task_statuses/99123456"))
    assert [each.method for each in wire.sent] == ["GET", "GET", "DELETE", "DELETE"]


@pytest.mark.parametrize("identity", ["71", "071", "71x", "x71", "0x47", "7.1e1", "-71", "\u0667\u0661"])
def test_foreign__numbers_within_what_is_no_number_are_others(make_kantata: MakeGuard, identity: str) -> None:
    guard, wire = make_kantata(answer={})
    with pytest.raises(NotOurs):
        guard.send(Outgoing("DELETE", f"/custom_task_statuses/{quote(identity)}"))
    assert wire.sent == []


# What a create answered, until a read tells


def test_sure__a_record_that_does_not_show_what_was_sent_is_not_ours(make: MakeGuard) -> None:
    guard, wire = make(answer={"task": {"id": OTHER, "label": "Pay the rent"}})
    guard.send(CREATE)
    for _ in range(2):
        with pytest.raises(NotOurs):
            guard.send(Outgoing("DELETE", f"/tasks/{OTHER}"))
    assert [each.method for each in wire.sent] == ["POST", "GET"]
    assert guard.ownership.disowned["tasks"] and list(guard.holdings) == []


def test_sure__a_read_of_the_run_tells_as_well(make: MakeGuard) -> None:
    guard, wire = make(answer={"task": {"id": MINE, "label": "Contract check [proofboard 7]"}})
    guard.send(CREATE)
    guard.send(Outgoing("GET", f"/tasks/{MINE}"))
    guard.send(Outgoing("DELETE", f"/tasks/{MINE}"))
    assert [each.method for each in wire.sent] == ["POST", "GET", "DELETE"]


@pytest.mark.parametrize("status", [401, 403, 404, 500, 302])
def test_sure__what_cannot_be_read_is_not_changed(make: MakeGuard, status: int) -> None:
    guard, wire = make(answer={"task": {"id": MINE, "label": "Contract check [proofboard 7]"}})
    guard.send(CREATE)
    wire.status = status
    with pytest.raises(NotOurs):
        guard.send(Outgoing("PATCH", f"/tasks/{MINE}"))
    assert list(guard.holdings) == [("tasks", MINE)]


def test_sure__the_owner_asks_and_it_is_counted_and_observed(make: MakeGuard) -> None:
    guard, wire = make(answer={"task": {"id": MINE, "label": "Contract check [proofboard 7]"}})
    guard.callers = lambda: {"owner": {"Authorization": "Bearer mine"}}
    seen: list[str] = []
    guard.observers.append(lambda exchange: seen.append(exchange.method))
    guard.send(CREATE)
    guard.send(Outgoing("PATCH", f"/tasks/{MINE}"))
    assert ("Authorization", "Bearer mine") in wire.sent[1].headers
    assert (guard.requests, guard.writes, seen) == (3, 2, ["POST", "GET", "PATCH"])


def test_owed__is_a_delete_for_each_record_and_a_read_for_those_that_nobody_has_read(make: MakeGuard) -> None:
    guard, _ = make(answer={"task": {"id": MINE, "label": "Contract check [proofboard 7]"}})
    guard.send(CREATE)
    assert guard.owed() == (2, 1)
    guard.send(Outgoing("GET", f"/tasks/{MINE}"))
    assert guard.owed() == (1, 1)


def test_lost__a_create_without_an_answer_is_remembered(make: MakeGuard) -> None:
    guard, wire = make()

    def lose(request: Outgoing) -> Reply:
        raise TargetLost("gone")

    wire.send = lose  # type: ignore[method-assign]  # what the wire does is the test
    with pytest.raises(TargetLost):
        guard.send(CREATE)
    assert [each.resource for each in guard.ownership.lost] == ["tasks"] and guard.ownership.flying == []


@pytest.mark.parametrize("trouble", [TargetLost("refused", was_sent=False), Unsendable("no HTTP")])
def test_lost__a_create_that_never_left_made_nothing(make: MakeGuard, trouble: Exception) -> None:
    guard, wire = make()

    def lose(request: Outgoing) -> Reply:
        raise trouble

    wire.send = lose  # type: ignore[method-assign]  # what the wire does is the test
    with pytest.raises(type(trouble)):
        guard.send(CREATE)
    assert guard.ownership.lost == guard.ownership.flying == [] and guard.owed() == (0, 0)


# Where data would be sent


@pytest.mark.parametrize(
    ("url", "may_go"),
    [
        ("https://hooks.example.com/contract-check", True),
        ("https://receiver.example/one", True),
        ("nonsense", True),
        ("https://hooks.example.com.evil.org/x", False),
        ("http://hooks.example.com@evil.org/", False),
        ("//evil.org", False),
        ("http://127.0.0.1:1/", False),
        ("evil.org", False),
    ],
)
def test_subscriptions__send_no_data_to_strangers(url: str, may_go: bool) -> None:
    wire = Written(201, {})
    guard = Guard(wire, "/api/v1", Model(load("kanbert")), budget=Budget(), is_own_world=False)
    request = Outgoing("POST", "/webhooks", [], json.dumps({"url": url, "events": ["task:*"]}).encode())
    if may_go:
        guard.send(request)
    else:
        with pytest.raises(NotOurs, match="no host for examples"):
            guard.send(request)
    assert [each.method for each in wire.sent] == ["GET", "POST"] * may_go


def test_sure__a_second_create_may_answer_what_the_first_made(make: MakeGuard) -> None:
    guard, wire = make(answer={"task": {"id": MINE, "label": "Contract check [proofboard 7]"}})
    guard.send(CREATE)
    guard.send(Outgoing("PATCH", f"/tasks/{MINE}", [], b'{"label": "Renamed"}'))
    guard.send(Outgoing("POST", "/tasks", [], b'{"label": "Another one [proofboard 7]"}'))
    wire.answer = {"task": {"id": MINE, "label": "Whatever the tenant makes of it"}}
    guard.send(Outgoing("PATCH", f"/tasks/{MINE}", [], b'{"status": 1}'))
    assert [each.method for each in wire.sent] == ["POST", "GET", "PATCH", "POST", "GET", "PATCH"]
    assert list(guard.holdings) == [("tasks", MINE)] and not guard.ownership.disowned
    assert len(guard.ownership.lost) == 1  # what the second made, if not that, is looked for
