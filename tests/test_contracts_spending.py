"""The door keeps the budget, waits as it is told, and lets nothing that writes out of a run that only reads."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.findings import Headers
from contracts.model import Model
from contracts.safety.budget import Watch
from contracts.safety.guard import Budget, BudgetSpent, Guard, ReadOnly, WritesSpent
from contracts.safety.pace import Limited
from contracts.wire import Outgoing, Reply, TargetLost
from mockserver.vendor import Vendor
from tests.tools.hurrying import Hurried

MINE = "7c1fe1bb-a540-4c20-b1e5-6bf5746bd841"
SENT = json.dumps({"projectId": "660e8400-e29b-41d4-a716-446655440000", "label": "A task of this run"}).encode()
SHOWN = {"task": {"id": MINE, "label": "A task of this run"}}
CREATE = Outgoing("POST", "/tasks", [("content-type", "application/json")], SENT)
LIST = Outgoing("GET", "/boards")


class Told:
    """A target that answers with these statuses in turn, the last again and again; None drops the connection.

    The list of a project has no tasks.
    """

    origin = "http://told"

    def __init__(self, *statuses: int | None, **headers: object) -> None:
        self.sent: list[Outgoing] = []
        self._statuses = list(statuses)
        self._headers = Headers([(name.replace("_", "-"), str(value)) for name, value in headers.items()])

    def send(self, request: Outgoing) -> Reply:
        self.sent.append(request)
        if request.target.startswith("/v1/projects/"):
            return Reply(200, Headers(), b'{"tasks": []}', 0.0)
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if status is None:
            raise TargetLost("gone")
        return Reply(status, self._headers, json.dumps(SHOWN).encode(), 0.0)

    def close(self) -> None:
        return


MakeGuard = Callable[..., Guard]


@pytest.fixture
def make(kanman: Vendor) -> MakeGuard:
    def make(
        wire: Told, *, own: bool = False, read_only: bool = False, watch: Watch | None = None, **budget: Any
    ) -> Guard:
        model, limits = Model(kanman), Budget(**budget)
        guard = Guard(wire, "/v1", model, budget=limits, is_own_world=own, is_read_only=read_only, watch=watch)
        guard.ownership.give({"project_id": "660e8400-e29b-41d4-a716-446655440000"})
        return guard

    return make


def test_budget__keeps_what_the_clean_up_needs_and_lets_it_have_that(make: MakeGuard) -> None:
    wire = Told(200)
    guard = make(wire, requests=5)
    guard.send(CREATE)
    guard.send(LIST)
    with pytest.raises(BudgetSpent, match="5 requests is spent, but for 2 to clean up with"):
        guard.send(LIST)
    guard.cleaning()
    guard.send(Outgoing("DELETE", f"/tasks/{MINE}"))
    with pytest.raises(BudgetSpent, match=r"5 requests is spent$"):
        guard.send(LIST)
    assert [each.method for each in wire.sent] == ["GET", "POST", "GET", "GET", "DELETE"]
    assert (guard.requests, guard.writes) == (5, 2)


def test_budget__makes_nothing_that_could_not_be_removed(make: MakeGuard) -> None:
    wire = Told(200)
    with pytest.raises(WritesSpent):
        make(wire, writes=1).send(CREATE)
    with pytest.raises(BudgetSpent):
        make(wire, requests=3).send(CREATE)  # a look at the list, a read that shows whose it is, and the delete
    assert wire.sent == []


def test_budget__counts_what_got_no_answer(make: MakeGuard) -> None:
    guard = make(Told(None), requests=1)
    with pytest.raises(TargetLost):
        guard.send(LIST)
    with pytest.raises(BudgetSpent):
        guard.send(LIST)


def test_budget__counts_what_is_asked_to_find_out_where_one_is(make: MakeGuard) -> None:
    wire = Told(404)
    guard = make(wire, requests=1)
    assert guard.knock(Outgoing("GET", "/_mock/health")).status == 404
    assert (wire.sent[0].target, guard.requests) == ("/_mock/health", 1)
    with pytest.raises(BudgetSpent):
        guard.send(LIST)


def test_read_only__nothing_that_writes_leaves(make: MakeGuard) -> None:
    wire = Told(200)
    guard = make(wire, read_only=True)
    for method in ("POST", "PUT", "PATCH", "DELETE", "PURGE", "post"):
        with pytest.raises(ReadOnly, match="needs to write, and this run only reads"):
            guard.send(Outgoing(method, "/tasks"), is_login=method == "POST")
    assert wire.sent == []
    for method in ("GET", "HEAD", "OPTIONS"):
        guard.send(Outgoing(method, "/boards"))
    assert len(wire.sent) == 3


def test_pace__waits_until_a_minute_has_room(make: MakeGuard) -> None:
    hurried = Hurried()
    guard = make(Told(200), per_minute=2, watch=hurried.watch)
    told: list[str] = []
    guard.pace.told = lambda seconds, why: told.append(why)
    for _ in range(3):
        guard.send(LIST)
    assert [round(each) for each in hurried.waited] == [60] and told == ["the budget of 2 requests a minute"]


def test_pace__what_is_put_off_is_sent_again_counted_and_observed(make: MakeGuard) -> None:
    hurried, wire = Hurried(), Told(429, 503, 200, retry_after=7)
    guard = make(wire, watch=hurried.watch)
    seen: list[int] = []
    guard.observers.append(lambda exchange: seen.append(exchange.status))
    assert guard.send(LIST, caller="owner").status == 200
    assert (seen, guard.requests, [round(each) for each in hurried.waited]) == ([429, 503, 200], 3, [7, 7])
    assert wire.sent[0] == wire.sent[2]


def test_pace__what_is_put_off_for_good_is_not_judged(make: MakeGuard) -> None:
    guard = make(Told(429, retry_after=7), watch=Hurried().watch)
    with pytest.raises(Limited, match="went on answering 429 to listBoards"):
        guard.send(LIST)
    assert guard.requests == 4


def test_pace__a_budget_is_not_passed_by_sending_again(make: MakeGuard) -> None:
    wire = Told(429, retry_after=7)
    with pytest.raises(BudgetSpent, match="2 requests"):
        make(wire, watch=Hurried().watch, requests=2).send(LIST)
    assert len(wire.sent) == 2


def test_pace__a_create_that_was_put_off_made_one_record(make: MakeGuard) -> None:
    guard = make(Told(429, 429, 201, retry_after=7), watch=Hurried().watch)
    guard.send(CREATE)
    assert list(guard.holdings) == [("tasks", MINE)]


def test_pace__in_a_world_of_our_own_a_refusal_is_for_the_rules(make: MakeGuard) -> None:
    wire = Told(429, retry_after=7)
    assert make(wire, own=True).send(LIST).status == 429
    assert len(wire.sent) == 1
