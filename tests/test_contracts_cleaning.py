"""What a run made on a tenant goes again, whatever happens; and what does not go is told."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.findings import Headers, NotJudged
from contracts.safety.budget import BudgetSpent, Watch
from contracts.target import Target
from contracts.tenant import Tenant
from contracts.wire import Outgoing, Reply, TargetLost
from mockserver.vendor import Vendor, load
from tests.bends import Forward, Memory, straight
from tests.tenancy import Dropped, TestTenant

Open = Callable[..., Target]


@pytest.fixture
def there(kanman: Vendor) -> Iterator[TestTenant]:
    with TestTenant(kanman) as tenant:
        yield tenant


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def open_there(there: TestTenant, tmp_path: Path, slept: list[float]) -> Iterator[Open]:
    opened: list[Target] = []

    def make(budget: dict[str, int] | None = None, **options: Any) -> Target:
        file = there.toml(tmp_path / "tenant.toml", budget=budget)
        watch = Watch(time.monotonic, time.time, slept.append)
        opened.append(there.open(file, watch=watch, **options))
        return opened[-1]

    yield make
    for target in opened:
        target.close()


def _make(target: Target, number: int) -> list[str]:
    return [str(target.tenant("x").create("tasks")["id"]) for _ in range(number)]


def _deletes(there: TestTenant) -> list[str]:
    return [each.path for each in there.log if each.method == "DELETE"]


def _tasks(there: TestTenant) -> int:
    return len(there.records("tasks"))


def _answering(status: int, *, times: int, method: str = "DELETE", is_after: bool = False) -> Any:
    """Some requests of a method are answered by a status, or dropped for 0; `is_after`: they had their effect."""
    left = [times]

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if request.method != method or not left[0]:
            return forward(request)
        left[0] -= 1
        if is_after:
            forward(request)
        if not status:
            raise Dropped
        return Reply(status, Headers([("content-type", "application/json")]), b"{}", 0.0)

    return bend


def test_clean_up__the_last_made_goes_first(there: TestTenant, open_there: Open) -> None:
    before, target = _tasks(there), open_there()
    tasks = _make(target, 3)
    target.clean_up()
    assert _deletes(there) == [f"/tasks/{task}" for task in reversed(tasks)]
    assert _tasks(there) == before and target.left_behind == [] and list(target.guard.holdings) == []


def test_clean_up__waits_for_a_target_that_was_lost(there: TestTenant, open_there: Open, slept: list[float]) -> None:
    before, target = _tasks(there), open_there()
    _make(target, 2)
    there.bend = _answering(0, times=3)
    target.clean_up()
    assert slept == [1.0, 2.0, 4.0]
    assert _tasks(there) == before and target.left_behind == []


def test_clean_up__a_target_that_stays_away_is_given_up_and_the_rest_told(there: TestTenant, open_there: Open) -> None:
    target = open_there()
    tasks = _make(target, 3)
    there.is_down = True
    target.clean_up()
    assert [line.partition(":")[0] for line in target.left_behind] == [f"tasks {task}" for task in reversed(tasks)]
    assert all("127.0.0.1" in line for line in target.left_behind)


def test_clean_up__what_was_deleted_though_the_answer_was_lost_is_gone(there: TestTenant, open_there: Open) -> None:
    before, target = _tasks(there), open_there()
    _make(target, 1)
    there.bend = _answering(0, times=1, is_after=True)
    target.clean_up()
    assert _tasks(there) == before and target.left_behind == []


@pytest.mark.parametrize("status", [404, 410])
def test_clean_up__what_is_gone_already_is_not_left(there: TestTenant, open_there: Open, status: int) -> None:
    target = open_there()
    _make(target, 1)
    there.bend = _answering(status, times=9, is_after=True)
    target.clean_up()
    assert target.left_behind == [] and len(_deletes(there)) == 1


@pytest.mark.parametrize("status", [409, 423, 422, 500])
def test_clean_up__what_is_refused_is_tried_once_more_at_the_end(
    there: TestTenant, open_there: Open, status: int
) -> None:
    before, target = _tasks(there), open_there()
    first, last = _make(target, 2)
    there.bend = _answering(status, times=1)
    target.clean_up()
    assert _deletes(there) == [f"/tasks/{last}", f"/tasks/{first}", f"/tasks/{last}"]
    assert _tasks(there) == before and target.left_behind == []


def test_clean_up__what_is_always_refused_is_told_with_the_status(there: TestTenant, open_there: Open) -> None:
    target = open_there()
    (task,) = _make(target, 1)
    there.bend = _answering(409, times=99)
    target.clean_up()
    assert target.left_behind == [f"tasks {task}: the delete answered 409"] and len(_deletes(there)) == 2
    target.clean_up()
    assert len(target.left_behind) == 1


def test_clean_up__a_first_time_leaves_the_telling_to_the_last(there: TestTenant, open_there: Open) -> None:
    before, target = _tasks(there), open_there()
    _make(target, 1)
    there.bend = _answering(409, times=2)
    target.clean_up(is_last=False)
    assert target.left_behind == [] and _tasks(there) == before + 1
    target.clean_up()
    assert target.left_behind == [] and _tasks(there) == before


@pytest.mark.parametrize("status", [0, 500, 504])
def test_lost__what_a_create_made_whose_answer_was_lost_is_found_by_its_mark(
    there: TestTenant, open_there: Open, status: int
) -> None:
    before, target = _tasks(there), open_there()
    there.bend = _answering(status, times=1, method="POST", is_after=True)
    with pytest.raises(Exception, match=r"refused the sample record|cannot be reached|broke off|closed"):
        _make(target, 1)
    there.bend = straight
    assert _tasks(there) == before + 1
    target.clean_up()
    assert _tasks(there) == before and target.left_behind == []


def test_lost__what_bore_no_mark_cannot_be_found_and_is_told(there: TestTenant, open_there: Open) -> None:
    target = open_there()
    there.bend = _answering(504, times=1, method="POST", is_after=True)
    with pytest.raises(Exception, match="refused the sample record"):
        target.tenant("x").create("tasks", label="exactly so")
    there.bend = straight
    target.clean_up()
    assert target.left_behind == ["tasks: no answer tells what a create made, and no mark could be looked for"]


def test_interrupt__a_second_one_leaves_the_rest_and_says_so(there: TestTenant, open_there: Open) -> None:
    target = open_there()
    tasks = _make(target, 3)

    def interrupt(exchange: Any) -> None:
        if exchange.method == "DELETE":
            raise KeyboardInterrupt

    target.guard.observers.append(interrupt)
    target.clean_up()
    assert target.left_behind == [f"tasks {task}: interrupted" for task in reversed(tasks[:2])]


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError("a crash"), TargetLost("away")])
def test_run__cleans_up_whatever_ends_it(there: TestTenant, open_there: Open, trouble: Any) -> None:
    before, target = _tasks(there), open_there()
    rules = [each for each in target.vendor.rules.values() if each.judge == "law"]
    seen: list[str] = []

    def end(exchange: Any) -> None:
        seen.append(exchange.method)
        if seen.count("POST") == 4 and "ended" not in seen:
            seen.append("ended")
            raise trouble

    target.guard.observers.append(end)
    with suppress(RuntimeError):  # whether the harness's own trouble leaves the run is told elsewhere
        runner.run(target, rules, profile="quick", is_selective=True, progress=Silence())
    assert "ended" in seen and _tasks(there) == before


def test_budget__clean_up_included_is_never_exceeded(there: TestTenant, open_there: Open) -> None:
    before, target = _tasks(there), open_there({"requests": 40, "writes": 15})
    rules = [each for each in target.vendor.rules.values() if each.judge == "law"]
    runner.run(target, rules, profile="quick", is_selective=True, progress=Silence())
    assert len(there.log) <= 40 and len(there.writes) <= 15
    assert _tasks(there) == before and target.left_behind == []


def test_nested__what_has_no_delete_is_listed(tmp_path: Path) -> None:
    with TestTenant(load("geotareas"), limits="off") as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"))
        made = Tenant(target, world=None, chance=target.tenant("x").chance).create("comments")
        target.clean_up()
        assert target.left_behind == [f"comments {made['id']}: no operation deletes a record of comments"]
        target.close()


def test_makers__remove_what_the_owner_may_not(there: TestTenant, open_there: Open) -> None:
    before, target = _tasks(there), open_there()
    outsider = there.headers_of("outsider")
    boards = target.tenant("x").call("listBoards", caller="outsider").json()["boards"]
    projects = target.tenant("x").call("listBoardProjects", path={"id": boards[0]["id"]}, caller="outsider")
    theirs = projects.json()["projects"][0]["id"]
    target.guard.ownership.give({**target.known, "other_project_id": theirs})
    body = json.dumps({"projectId": theirs, "label": f"Theirs [{target.mark}]"}).encode()
    headers = [*outsider.items(), ("Content-Type", "application/json")]
    target.guard.send(Outgoing("POST", "/tasks", headers, body), caller="outsider")
    assert _tasks(there) == before + 1
    target.clean_up()
    assert _tasks(there) == before and target.left_behind == []


def test_clean_up__a_delete_that_was_granted_and_did_nothing_is_told(there: TestTenant, open_there: Open) -> None:
    target = open_there()
    there.bend = _answering(200, times=99)
    tasks = _make(target, 3)
    target.clean_up()
    assert target.left_behind == [f"tasks {task}: its delete was granted, and it is still there" for task in tasks]


def test_clean_up__what_there_was_no_room_to_look_for_again_is_told(there: TestTenant, open_there: Open) -> None:
    target = open_there({"requests": 30})
    there.bend = _answering(200, times=99)
    tasks = _make(target, 3)
    for task in tasks:
        target.tenant("x").call("deleteTask", path={"id": task})
    while target.guard.purse.left()[0] > 1:
        target.guard.purse.count(is_write=False)
    target.clean_up()
    assert target.left_behind == [
        f"tasks {tasks[-1]}: its delete was granted, and it is still there",
        "tasks: 2 more, whose deletes were granted too, were not looked for",
    ]


def test_clean_up__a_delete_that_did_what_it_answered_costs_one_read_to_believe(
    there: TestTenant, open_there: Open
) -> None:
    target = open_there()
    _make(target, 3)
    target.clean_up()
    last = there.log[-2:]
    assert [each.method for each in last] == ["DELETE", "GET"] and last[0].path == last[1].path
    assert target.left_behind == []


def _with_ids(identity: str) -> Any:
    """Creates make what they should, and answer another id."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if request.method != "POST":
            return reply
        answer = json.loads(reply.body)
        answer["task"]["id"] = identity
        return Reply(reply.status, reply.headers, json.dumps(answer).encode(), 0.0)

    return bend


def test_clean_up__records_behind_an_id_that_no_path_can_hold_are_found_by_their_mark(
    there: TestTenant, open_there: Open
) -> None:
    before, target = _tasks(there), open_there()
    there.bend = _with_ids("../tasks/x")
    for _ in range(3):
        with suppress(NotJudged):
            target.tenant("x").create("tasks")
    assert _tasks(there) == before + 3
    target.clean_up()
    assert _tasks(there) == before


def test_clean_up__a_create_that_redirects_may_have_made_a_record(there: TestTenant, open_there: Open) -> None:
    before, target = _tasks(there), open_there()
    there.bend = _answering(303, times=1, method="POST", is_after=True)
    with suppress(NotJudged):
        target.tenant("x").create("tasks")
    assert _tasks(there) == before + 1
    target.clean_up()
    assert _tasks(there) == before and target.left_behind == []


def test_clean_up__a_search_that_the_budget_ends_is_told(there: TestTenant, open_there: Open) -> None:
    target = open_there({"requests": 6})
    there.bend = _answering(500, times=1, method="POST", is_after=True)
    with suppress(NotJudged):
        target.tenant("x").create("tasks")
    while target.guard.purse.left()[0]:
        target.guard.purse.count(is_write=False)
    target.clean_up()
    assert target.left_behind == ["tasks: no answer tells what a create made, and no mark could be looked for"]


@pytest.mark.parametrize("limit", ["requests", "writes"])
@pytest.mark.parametrize("lost", [(), (0,), (1, 2), (0, 1, 2, 3)])
def test_budget__however_small_leaves_nothing(
    there: TestTenant, open_there: Open, limit: str, lost: tuple[int, ...]
) -> None:
    """Records that nobody has read yet, and creates whose answer was lost, owe more than a delete."""
    before, most = _tasks(there), 0
    for budget in range(1, 15):
        creates: list[str] = []

        def bend(memory: Memory, request: Outgoing, forward: Forward, creates: list[str] = creates) -> Reply:
            reply = forward(request)
            if request.method == "POST":
                creates.append(request.target)
                if len(creates) - 1 in lost:
                    raise Dropped
            return reply

        there.bend = straight
        target = open_there({limit: budget})
        there.log.clear()
        already = target.guard.requests
        there.bend = bend
        with suppress(BudgetSpent):
            while True:
                with suppress(TargetLost):
                    _make(target, 1)
        most = max(most, len(creates))
        target.clean_up()
        spent = len(there.log) + already if limit == "requests" else len(there.writes)
        assert (_tasks(there) - before, target.left_behind, spent <= budget) == (0, [], True), budget
    assert most > 2
