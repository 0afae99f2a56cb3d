"""Every law holds on the clean stand-in and on a clean tenant, and is broken by a tenant that does not keep it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from contracts import rules
from contracts.findings import Broken, NotJudged
from contracts.laws import LAWS
from contracts.laws.terms import Record, differences, same
from contracts.local import START, local_wire
from contracts.target import Target
from contracts.tenant import Tenant
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Rule, Vendor, load, shipped
from tests.bending_proxy import BentWire
from tests.bends import (
    OUTSIDER,
    OWNER,
    READER,
    Bend,
    Forward,
    Memory,
    answer_of,
    body_of,
    each_answer,
    each_body,
    each_list,
    each_task,
    header,
    headers,
    path_of,
    status,
    straight,
    with_answer,
    with_body,
    with_header,
)
from tests.tools.judging import open_through

Opened = Callable[..., Tenant]


@pytest.fixture
def opened(kanman: Vendor) -> Iterator[Opened]:
    """A tenant behind a bend: with its control plane the stand-in, without it somebody's own."""
    targets: list[Target] = []

    def open_bent(bend: Bend = straight, *, is_mock: bool = True) -> Tenant:
        mock = local_wire(kanman, seed=5, clock=START if is_mock else "real")
        wire = BentWire(mock, bend, hide_control=not is_mock)
        targets.append(open_through(kanman, wire, seed=5, tenant=not is_mock))
        return targets[-1].tenant("laws")

    yield open_bent
    for target in targets:
        target.close()


def rule_of(vendor: Vendor, law: str, *operations: str) -> Rule:
    """A rule that the law judges, for all operations or those named."""
    some = next(rule for rule in vendor.rules.values() if rule.judge == "law")
    return replace(some, detail=(law,), operations=operations or tuple(vendor.operations))


def as_owner(method: str, *whom: str) -> Bend:
    """Let other callers do what only the owner may; '' is nobody."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if request.method == method and header(request, "Authorization") in whom:
            request = with_header(request, "Authorization", OWNER)
        return forward(request)

    return bend


def refused_but_done(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A change without the scope is refused, and happens."""
    reply = forward(request)
    if reply.status == 403 and request.method == "PATCH":
        forward(with_header(request, "Authorization", OWNER))
    return reply


def body_before_existence(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    body = body_of(request)
    if reply.status == 404 and isinstance(body, dict) and isinstance(body.get("label"), list):
        error = {"code": "invalid_request", "message": "Bad.", "details": {"fields": {"label": "a string"}}}
        return with_answer(reply, {"error": error}, status=400)
    return reply


def long_ids_are_cut(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    parts = path_of(request).split("/")
    if len(parts) > 2 and len(parts[2]) > 36:
        request = replace(request, target=request.target.replace(parts[2], parts[2][:36]))
    return forward(request)


def lost_update(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A second update straight after the first one undoes it."""
    world, body = header(request, "X-Mock-World"), body_of(request)
    if request.method != "PATCH" or not isinstance(body, dict):
        memory.values.pop((world, "before"), None)
        return forward(request)
    before = answer_of(forward(replace(request, method="GET", body=None)))
    reply = forward(with_body(request, memory.values.get((world, "before"), {}) | body))
    if isinstance(before, dict) and "task" in before:
        kept = {name: before["task"][name] for name in ("label", "description", "status")}
        memory.values[world, "before"] = kept
    return reply


def deletes_the_next(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """A delete takes the newest task with it."""
    world = header(request, "X-Mock-World")
    reply = forward(request)
    answer = answer_of(reply)
    if request.method == "POST" and reply.status == 201 and isinstance(answer, dict):
        memory.values[world, "last"] = answer["task"]["id"]
    if request.method == "DELETE" and reply.status == 200:
        target = request.target.rpartition("/")[0] + "/" + memory.values[world, "last"]
        forward(replace(request, target=target))
    return reply


def cut(task: dict[str, Any]) -> None:
    if isinstance(task["label"], str):
        task["label"] = task["label"].replace("é", "e")


def alias_counts(body: dict[str, Any]) -> None:
    if "project_id" in body:
        body.setdefault("projectId", body.pop("project_id"))


def no_way_back(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What is done stays done."""
    body = body_of(request)
    if request.method == "PATCH" and isinstance(body, dict) and body.get("status") == 0:
        request = with_body(request, {**body, "status": 9})
    return forward(request)


def renumbered(was: int, now: int) -> Bend:
    return each_answer(lambda request, reply: replace(reply, status=now) if reply.status == was else reply)


BROKEN: list[tuple[str, Bend]] = [
    ("body-form", each_answer(lambda request, reply: replace(reply, status=500) if request.body == b"[]" else reply)),
    ("check-order", body_before_existence),
    ("create-and-read", each_task(cut)),
    ("credentials", as_owner("DELETE", "")),
    ("delete-and-gone", deletes_the_next),
    ("error-envelope", each_answer(lambda _, reply: with_answer(reply, {}) if reply.status == 403 else reply)),
    ("isolation", as_owner("GET", OUTSIDER)),
    ("isolation", as_owner("PATCH", OUTSIDER)),
    ("list-order", each_list(lambda tasks: tasks[:-2] + tasks[:-3:-1])),
    ("list-order", each_list(lambda tasks: tasks[1:])),
    ("list-order", each_list(lambda tasks: [{**task, "description": None} for task in tasks])),
    ("malformed-ids", long_ids_are_cut),
    ("methods", headers(allow="GET")),
    ("partial-update", lost_update),
    ("partial-update", each_body("PATCH", lambda body: body.setdefault("description", None))),
    ("quota-countdown", headers(x_ratelimit_remaining="11000")),
    ("quota-headers", headers(x_ratelimit_reset="2026-03-01T00:00:00Z")),
    ("required-fields", each_body("POST", alias_counts)),
    ("scopes", as_owner("DELETE", READER)),
    ("scopes", refused_but_done),
    ("status-codes", status("DELETE", 200, 204)),
    ("transitions", no_way_back),
    ("unknown-paths", renumbered(404, 400)),
    ("unknown-records", renumbered(404, 410)),
]


def laws_of(vendor: Vendor) -> set[str]:
    """The laws that judge a rule of its ledger."""
    return {rule.detail[0] for rule in vendor.rules.values() if rule.judge == "law"}


OURS = sorted(laws_of(load("kanman")))


@pytest.mark.parametrize("law", OURS)
def test_law__holds_on_the_clean_stand_in(kanman: Vendor, opened: Opened, law: str) -> None:
    LAWS[law](opened(), rule_of(kanman, law))


@pytest.mark.parametrize("law", OURS)
def test_law__holds_on_a_clean_tenant(kanman: Vendor, opened: Opened, law: str) -> None:
    LAWS[law](opened(is_mock=False), rule_of(kanman, law))


def test_law__is_shown_a_tenant_that_breaks_it() -> None:
    assert {law for law, _ in BROKEN} == set(OURS)


@pytest.mark.parametrize(("law", "bend"), BROKEN, ids=[f"{law}-{number}" for number, (law, _) in enumerate(BROKEN)])
def test_law__broken(kanman: Vendor, opened: Opened, law: str, bend: Bend) -> None:
    with pytest.raises(Broken, match=r"."):
        LAWS[law](opened(bend), rule_of(kanman, law))


ALLOWED: list[tuple[str, Bend]] = [
    ("malformed-ids", renumbered(400, 404)),
    ("methods", renumbered(405, 404)),
    ("unknown-paths", renumbered(404, 400)),
    ("create-and-read", status("POST", 201, 200)),
    ("partial-update", lambda memory, request, forward: poorer(forward(request), request)),
    ("scopes", as_owner("GET", "Bearer km_Wr1teOn1yT0kenF0rTheM0ckCd3e5f9g")),
    ("list-order", each_list(lambda tasks: [{**task, "subtasks": "folded"} for task in tasks])),
]


def poorer(reply: Reply, request: Outgoing) -> Reply:
    """The answer to an update shows no subtasks, as in the vendor's own sample."""
    answer = answer_of(reply)
    if request.method != "PATCH" or reply.status != 200:
        return reply
    return with_answer(reply, {"task": {**answer["task"], "subtasks": [], "project_id": "elsewhere"}})


@pytest.mark.parametrize(("law", "bend"), ALLOWED, ids=[law for law, _ in ALLOWED])
def test_law__leaves_a_tenant_room_that_the_stand_in_has_not(
    kanman: Vendor, opened: Opened, law: str, bend: Bend
) -> None:
    LAWS[law](opened(bend, is_mock=False), rule_of(kanman, law))
    with pytest.raises(Broken):
        LAWS[law](opened(bend), rule_of(kanman, law))


def test_law__looks_only_at_the_operations_of_its_rule(kanman: Vendor, opened: Opened) -> None:
    tenant = opened(as_owner("DELETE", READER))
    LAWS["scopes"](tenant, rule_of(kanman, "scopes", "updateTask"))
    with pytest.raises(Broken, match="deleteTask by reader"):
        LAWS["scopes"](tenant, rule_of(kanman, "scopes", "deleteTask"))


def test_law__with_nothing_to_judge_says_so(kanman: Vendor, opened: Opened) -> None:
    tenant = opened()
    for law in ("create-and-read", "partial-update", "transitions", "delete-and-gone", "body-form", "required-fields"):
        with pytest.raises(NotJudged):
            LAWS[law](tenant, rule_of(kanman, law, "listBoards"))


def test_law__without_the_callers_that_it_needs(kanman: Vendor, opened: Opened) -> None:
    tenant = opened()
    tenant.target.callers = {"owner": tenant.headers("owner")}
    with pytest.raises(NotJudged, match="outsider"):
        LAWS["isolation"](tenant, rule_of(kanman, "isolation"))
    with pytest.raises(NotJudged, match="reader credential"):
        LAWS["scopes"](tenant, rule_of(kanman, "scopes"))


def test_laws__are_those_of_the_ledgers() -> None:
    assert {law for name in shipped() for law in laws_of(load(name))} == set(LAWS)


def test_rules__there_is_one_function_for_each_that_needs_one(kanman: Vendor) -> None:
    wanted = {rule.id for rule in kanman.rules.values() if rule.judge == "rule"}
    assert set(rules.load("kanman")) == wanted


def test_rules__of_a_vendor_without_a_module() -> None:
    assert rules.load("toy_vendor") == {}


def test_same__tells_json_values_apart() -> None:
    assert not same(1, True) and not same(1, 1.0) and not same([1], [1.0])
    assert same({"a": [1, None]}, {"a": [1, None]})
    assert differences({"a": 1, "b": 2}, {"a": True, "c": 3}) == {"a": (1, True)}


def test_record__without_a_field_is_the_targets_fault() -> None:
    with pytest.raises(Broken, match="'position'"):
        Record(id="1")["position"]
