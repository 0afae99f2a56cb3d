"""KanMan: the form of a token, the month's calls, the room for tasks. Quotas are used up on the stand-in only."""

import re
from datetime import datetime, timedelta

from contracts.expecting import (
    expect,
    expect_status,
)
from contracts.findings import NotJudged
from contracts.laws.terms import brief, short
from contracts.model import path_names
from contracts.rules import rule
from contracts.rules.kanman_steps import (
    change,
    create,
    delete,
    elsewhere,
    figure,
    home,
    ids,
    items,
    label,
    listed,
    post,
    project,
    read,
    task_of,
)
from contracts.tenant import Answer, Tenant

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TASK_QUOTAS = {12_000: 2_500, 60_000: 10_000}  # by the month's calls: Pro, Teams


def _tokens(tenant: Tenant) -> dict[str, str]:
    """Caller -> token, for the callers whose token the target takes."""
    found = {}
    for caller in tenant.callers:
        answer = tenant.call("listBoards", caller=caller)
        if answer.status != 401:
            found[caller] = tenant.headers(caller)["Authorization"].removeprefix("Bearer ")
    if not found:
        raise NotJudged("needs a token that the target takes")
    return found


@rule("KM-003")
def a_token_begins_with_km(tenant: Tenant) -> None:
    for caller, token in _tokens(tenant).items():
        expect(token.startswith("km_"), f"the token of {caller} was taken, and does not begin with km_")
    token = tenant.headers("owner")["Authorization"].removeprefix("Bearer km_")
    for other in (token, f"kx_{token}", f"KM_{token}"):
        answer = tenant.call("listBoards", caller=None, headers={"Authorization": f"Bearer {other}"})
        expect_status(answer, "the owner's token with another beginning", 401)


@rule("KM-004")
def a_token_has_35_characters(tenant: Tenant) -> None:
    for caller, token in _tokens(tenant).items():
        expect(len(token) == 35, f"the token of {caller} was taken: expected 35 characters, it has {len(token)}")


@rule("KM-005")
def a_token_is_of_letters_and_digits(tenant: Tenant) -> None:
    for caller, token in _tokens(tenant).items():
        fits = re.fullmatch(r"km_[A-Za-z0-9]{32}", token)
        expect(fits, f"the token of {caller} was taken, and has not the form km_ and 32 letters and digits")


@rule("KM-021")
def an_expired_token_tells_when_it_expired(tenant: Tenant) -> None:
    expired = tenant.headers("expired")
    known = tenant.vendor.callers["expired"].expires_at if tenant.is_mock else None
    unknown = tenant.unknown_id("tasks")
    for operation in tenant.vendor.operations.values():
        path = dict.fromkeys(path_names(operation.path), unknown)
        answer = tenant.call(operation.id, path=path, caller=None, headers=dict(expired))
        what = f"{operation.id} with an expired token"
        expect_status(answer, what, 401)
        code, details = answer.error_code(), answer.error("details")
        expect(code == "token_expired", f"{what}: expected the code 'token_expired', got {code!r}", answer)
        told = details.get("expired_at") if isinstance(details, dict) else None
        expect(
            isinstance(told, str) and _TIME.fullmatch(told), f"{what}: expected expired_at, got {brief(answer)}", answer
        )
        expect(known in (told, None), f"{what}: expected details.expired_at {known}, got {told}", answer)


@rule("KM-049")
def the_quota_is_that_of_a_plan(tenant: Tenant) -> None:
    for caller in ("owner", "outsider"):
        if caller not in tenant.callers:
            continue
        answer = tenant.call("listBoards", caller=caller)
        given = answer.headers.get("x-ratelimit-limit", "absent")
        plans = [str(calls) for calls in TASK_QUOTAS]
        expect(given in plans, f"expected X-RateLimit-Limit to be {' or '.join(plans)}, got {given}", answer)


@rule("KM-050")
def the_quota_starts_anew_with_the_month(tenant: Tenant) -> None:
    world = tenant.fresh_world()
    clock = world.needs_clock()
    clock.freeze()
    for _ in range(4):
        answer = world.call("listBoards")
        limit, left = figure(answer, "limit"), figure(answer, "remaining")
        first = _next_month(clock.now())
        clock.set(f"{first - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}")
        last = world.call("listBoards")
        got = figure(last, "remaining")
        expect(
            got == left - 1, f"a second before {first:%Y-%m-%d}: expected {left - 1} calls to remain, got {got}", last
        )
        clock.set(f"{first:%Y-%m-%dT%H:%M:%SZ}")
        anew = world.call("listBoards")
        got = figure(anew, "remaining")
        expect(got == limit - 1, f"on {first:%Y-%m-%d}: expected {limit - 1} calls to remain, got {got}", anew)


def _next_month(moment: datetime) -> datetime:
    return (moment.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)


@rule("KM-055", "KM-056")
def the_months_calls_are_used_up(tenant: Tenant) -> None:
    world = tenant.fresh_world()
    clock = world.needs_clock()
    clock.freeze()
    task = create(world)
    answer = world.call("listBoards")
    limit, left = figure(answer, "limit"), figure(answer, "remaining")
    for number in range(left):
        answer = world.call("listBoards")
        if answer.status != 200:
            expect_status(answer, f"call {limit - left + number + 1} of {limit}", 200)
    expect(answer.headers.get("x-ratelimit-remaining") == "0", "expected 0 calls to remain after the last", answer)
    first = f"{_next_month(clock.now()):%Y-%m-%dT%H:%M:%SZ}"
    for number, caller in enumerate(("owner", "owner", "writer", "reader")):
        beyond = _any_call(world, task["id"], number, caller)
        _expect_used_up(beyond, limit, first)
    expect_status(world.call("listBoards", caller=None), "without a token and without calls left", 401)
    expect_status(world.call("listBoards", caller="outsider"), "a call of another workspace", 200)
    clock.set(first)
    expect_status(world.call("listBoards"), f"a call at {first}", 200)
    expect(read(world, task)["label"] == task["label"], "a call beyond the quota changed a task")


def _any_call(world: Tenant, task_id: str, number: int, caller: str) -> Answer:
    """Calls that have other troubles too: the used-up quota is told before scope, id, body and record."""
    if number == 0:
        return world.call("listBoards", caller=caller)
    if number == 1:
        return world.call("getTask", path={"id": "not-an-id"}, caller=caller)
    if number == 2:
        return world.call("updateTask", path={"id": task_id}, json={"label": "Beyond the quota"}, caller=caller)
    return world.call("deleteTask", path={"id": task_id}, caller=caller)


def _expect_used_up(answer: Answer, limit: int, first: str) -> None:
    what = "a call beyond the month's quota"
    expect_status(answer, what, 429)
    code = answer.error_code()
    expect(code == "quota_exceeded", f"{what}: expected the code 'quota_exceeded', got {code!r}", answer)
    for name, want in (("limit", limit), ("reset", first)):
        got = answer.error(name)
        expect(
            got == want and type(got) is type(want), f"{what}: expected error.{name} {want!r}, got {short(got)}", answer
        )
    expect(answer.error("details") is None, f"{what}: expected no details, got {brief(answer)}", answer)
    for name, value in (("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", first), ("retry-after", None)):
        given = answer.headers.get(name)
        expect(given == value, f"{what}: expected {name} {value or 'to be absent'}, got {given}", answer)


@rule("KM-039", "KM-060", "KM-061", "KM-062", "KM-063")
def the_workspace_is_full(tenant: Tenant) -> None:
    world = tenant.fresh_world()
    for _ in range(3):  # tasks in the trash take no room
        delete(world, create(world))
    quota = TASK_QUOTAS[figure(world.call("listBoards"), "limit")]
    living = _living(world)
    for number in range(living + 1, quota + 1):
        answer = post(world, {"projectId": home(world), "label": "One more"})
        if answer.status != 201:
            expect_status(answer, f"task {number} of {quota}", 201)
    last = task_of(answer)
    _expect_full(world, quota)
    expect(_living(world) == quota, f"expected {quota} tasks in the workspace, got {_living(world)}")
    expect_status(post(world, {"projectId": home(world)}), "without a label in a full workspace", 400)
    unknown = {"projectId": world.unknown_id("projects"), "label": "One too many"}
    expect_status(post(world, unknown), "into an unknown project in a full workspace", 404)
    change(world, last, label="Tasks can still be changed", projectId=elsewhere(world))
    delete(world, last)
    expect_status(post(world, {"projectId": home(world), "label": "In its place"}), "a create after a delete", 201)
    _expect_full(world, quota)


def _living(world: Tenant) -> int:
    """The tasks of the workspace, by the counters of all projects of all boards."""
    boards = ids(items(world.call("listBoards"), "boards"))
    shown = [items(world.call("listBoardProjects", path={"id": board}), "projects") for board in boards]
    return sum(each["num_tasks_total"] for projects in shown for each in projects)


def _expect_full(world: Tenant, quota: int) -> None:
    """A create is refused in every project, and makes nothing."""
    what = f"a create in a workspace of {quota} tasks"
    for where in (home(world), elsewhere(world)):
        before, total = ids(listed(world, where)), project(world, where)["num_tasks_total"]
        answer = post(world, {"projectId": where, "label": label(world, "One too many")})
        expect_status(answer, what, 429)
        code, limit = answer.error_code(), answer.error("limit")
        expect(code == "quota_exceeded", f"{what}: expected the code 'quota_exceeded', got {code!r}", answer)
        expect(limit == quota, f"{what}: expected error.limit {quota}, got {short(limit)}", answer)
        expect(answer.error("reset") is None, f"{what}: expected no reset, got {brief(answer)}", answer)
        expect("retry-after" not in answer.headers, f"{what}: expected no Retry-After", answer)
        after = ids(listed(world, where))
        expect(after == before, f"{what}: expected {len(before)} tasks in the list, got {len(after)}", answer)
        now = project(world, where)["num_tasks_total"]
        expect(now == total, f"{what}: expected num_tasks_total {total}, got {now}", answer)
