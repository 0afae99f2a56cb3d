"""The one door: what it counts, what it refuses to send, what it remembers as ours."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from contracts.findings import Headers
from contracts.guard import Budget, BudgetSpent, Guard, NotOurs
from contracts.model import Model
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Vendor, load

MINE = "7c1fe1bb-a540-4c20-b1e5-6bf5746bd841"
OTHER = "770e8400-e29b-41d4-a716-446655440009"


class Written:
    """A target that always answers what is written in it, and keeps what it was sent."""

    origin = "http://written"

    def __init__(self, status: int, answer: Any) -> None:
        self.status = status
        self.answer = answer
        self.sent: list[Outgoing] = []

    def send(self, request: Outgoing) -> Reply:
        self.sent.append(request)
        return Reply(self.status, Headers(), json.dumps(self.answer).encode(), 0.0)

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


def test_budget__does_not_stop_the_clean_up(make: MakeGuard) -> None:
    guard, wire = make(requests=0)
    guard.cleaning()
    guard.send(Outgoing("GET", "/boards"))
    assert len(wire.sent) == 1


def test_pace__waits_until_a_minute_has_room(make: MakeGuard, monkeypatch: pytest.MonkeyPatch) -> None:
    guard, _ = make(per_minute=2)
    waited: list[float] = []
    monkeypatch.setattr("contracts.guard.time.sleep", waited.append)
    for _ in range(3):
        guard.send(Outgoing("GET", "/boards"))
    assert len(waited) == 1 and 59 < waited[0] <= 60


def test_foreign__a_record_that_the_run_did_not_create_is_not_changed(make: MakeGuard) -> None:
    guard, wire = make()
    for method in ("PATCH", "DELETE"):
        with pytest.raises(NotOurs, match="did not create"):
            guard.send(Outgoing(method, f"/tasks/{OTHER}"))
    assert wire.sent == [] and guard.refused == 2


@pytest.mark.parametrize("target", ["/tasks/not-an-id", "/tasks/no%2Fid"])
def test_foreign__what_can_be_no_id_may_be_sent(make: MakeGuard, target: str) -> None:
    guard, wire = make(status=400)
    guard.send(Outgoing("DELETE", target))
    assert len(wire.sent) == 1


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
    guard, _ = make(answer={"task": {"id": MINE}})
    guard.send(Outgoing("POST", "/tasks"))
    assert list(guard.holdings) == [("tasks", MINE)]
    guard.send(Outgoing("PATCH", f"/tasks/{MINE}"))
    guard.send(Outgoing("DELETE", f"/tasks/{MINE}"))
    assert list(guard.holdings) == []


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
    return {"count": 90, "results": results, key: {each: {"id": each, "position": 91} for each in ids}}


def test_holdings__the_same_number_of_another_resource_is_another_id(make_kantata: MakeGuard) -> None:
    guard, wire = make_kantata(answer=_answer("custom_task_statuses", "90", "71"))
    guard.send(Outgoing("GET", "/custom_task_statuses"))
    wire.answer = _answer("task_status_sets", "71")
    guard.send(Outgoing("POST", "/task_status_sets.json"))
    wire.answer = _answer("custom_task_statuses", "71")
    guard.send(Outgoing("POST", "/custom_task_statuses"))
    assert list(guard.holdings) == [("task_status_sets", "71")]
    guard.send(Outgoing("PUT", "/task_status_sets/71"))
    with pytest.raises(NotOurs):
        guard.send(Outgoing("PUT", "/custom_task_statuses/71.json"))


def test_void__a_deleted_record_sets_no_other_free(make_kantata: MakeGuard) -> None:
    guard, _ = make_kantata(answer=_answer("task_status_sets", "71"))
    guard.send(Outgoing("POST", "/task_status_sets"))
    guard.send(Outgoing("DELETE", "/task_status_sets/71"))
    guard.send(Outgoing("DELETE", "/task_status_sets/71"))
    with pytest.raises(NotOurs):
        guard.send(Outgoing("DELETE", "/custom_task_statuses/71"))


@pytest.mark.parametrize(
    "path", ["/task_status_sets/71/update_account_default", "/workspace_task_status_sets/bulk_update"]
)
def test_lasting__what_cannot_be_undone_is_never_sent_to_a_tenant(make_kantata: MakeGuard, path: str) -> None:
    guard, wire = make_kantata(answer=_answer("task_status_sets", "71"))
    guard.send(Outgoing("POST", "/task_status_sets"))
    with pytest.raises(NotOurs):
        guard.send(Outgoing("PUT", path))
    guard, wire = make_kantata(own=True)
    guard.send(Outgoing("PUT", path))
    assert len(wire.sent) == 1
