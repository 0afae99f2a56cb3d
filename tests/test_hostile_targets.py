"""Tenants that lie about ids, answer with others' records, redirect and forget: nothing of others is ever touched.

Judged over real HTTP. The log of what arrived is compared with the ownership rule, and others' records with what they
were before.
"""

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.findings import Headers, NotJudged
from contracts.runner import Result
from contracts.safety.guard import BudgetSpent, NotOurs
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Vendor, load
from tests.bends import Bend, Forward, Memory, straight
from tests.tenancy import Logged, TestTenant

Records = dict[str, dict[str, Any]]


def _json(reply: Reply, answer: Any, status: int | None = None) -> Reply:
    return replace(reply, status=status or reply.status, body=json.dumps(answer).encode())


def _is_create(request: Outgoing) -> bool:
    return request.method == "POST" and request.target.endswith(
        ("/tasks", "/task_status_sets", "/custom_task_statuses")
    )


def _creates_answer(identity: Callable[[Memory, str], str]) -> Bend:
    """Every create does what it should, and answers another id; the rest of the answer is echoed."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if not _is_create(request) or reply.status >= 300:
            return reply
        told = json.loads(reply.body)
        task = told["task"] if "task" in told else next(iter(told[told["results"][0]["key"]].values()))
        lie = identity(memory, str(task["id"]))
        return replace(reply, body=reply.body.replace(json.dumps(task["id"]).encode(), json.dumps(lie).encode()))

    return bend


def _first(memory: Memory, identity: str) -> str:
    return str(memory.values.setdefault(("first", ""), identity))


def _reads_answer(other: str) -> Bend:
    """Reads of one record answer somebody else's, with the id that was asked for."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        match = re.fullmatch(r"(.*/tasks/)([^/?]+)", request.target)
        if request.method != "GET" or match is None:
            return forward(request)
        reply = forward(replace(request, target=match[1] + other))
        return replace(reply, body=reply.body.replace(other.encode(), match[2].encode()))

    return bend


def _echoes(other: str) -> Bend:
    """Every create answers the id of somebody's record, and reading that shows what the create sent."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if request.method == "GET" and request.target.endswith(f"/tasks/{other}"):
            reply = forward(request)
            told = _parsed(reply)
            return _json(reply, {"task": {**told["task"], **memory.values.get(("", "ours"), {})}})
        reply = forward(request)
        if not _is_create(request) or reply.status >= 300:
            return reply
        task = _parsed(reply)["task"]
        memory.values["", "ours"] = {name: value for name, value in task.items() if name != "id"}
        return _json(reply, {"task": {**task, "id": other}})

    return bend


def _redirects(location: str) -> Bend:
    """Every write is sent on to somebody's record."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if request.method in ("GET", "POST"):
            return forward(request)
        return Reply(307, Headers([("location", location), ("content-type", "text/plain")]), b"", 0.0)

    return bend


def _obliging(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """Whatever is refused is answered as a success: methods that nobody has documented, bodies that are wrong."""
    reply = forward(request)
    return _json(reply, {"success": True}, 200) if reply.status in (400, 404, 405, 409, 422) else reply


def _everything_is_there(key: str) -> Bend:
    """An id that names nothing is answered with a record all the same."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        match = re.search(rf"/{key}/(\d+)", request.target)
        if reply.status != 404 or match is None:
            return reply
        record = {"id": match[1], "name": "Somebody's", "status": "Somebody's"}
        told = {"count": 1, "results": [{"key": key, "id": match[1]}], key: {match[1]: record}}
        return _json(reply, told, 200)

    return bend


def _strangers(vendor: Vendor, resource: str) -> list[str]:
    """Ids of the seed's records that the run is not given."""
    known = set(vendor.known.values())
    return [str(each["id"]) for each in vendor.seed["records"][resource] if str(each["id"]) not in known]


def _all(tenant: TestTenant) -> Records:
    found: Records = {}
    for resource in tenant.vendor.behaviour["resources"]:
        for record in tenant.records(resource):
            found[f"{resource} {record.get('id')}"] = record
    return found


def _judge(
    tenant: TestTenant, file: Path, rules: Iterable[str] | None
) -> tuple[Result, dict[str, Any], dict[str, Any]]:
    """A run, and what was there before and after it."""
    before = _all(tenant)
    result = tenant.judge(tenant.toml(file), rules)
    return result, before, _all(tenant)


def _touched(tenant: TestTenant, before: dict[str, Any]) -> list[Logged]:
    """Writes that arrived with the id of a record that was there before and that the run was not given to use."""
    known = set(tenant.vendor.known.values())
    others = {name.partition(" ")[2] for name in before} - known
    tokens = {each for each in others if len(each) > 8}
    found = []
    for each in tenant.writes:
        parts = set(each.path.removesuffix(".json").split("/"))
        text = f"{each.path} {(each.body or b'').decode(errors='replace')}".lower()
        if parts & (others | known if each.method != "POST" else others) or any(token in text for token in tokens):
            found.append(each)
    return found


def _check(tenant: TestTenant, result: Result, before: Records, after: Records) -> None:
    touched = _touched(tenant, before)
    assert touched == [], [(each.method, each.path, each.body) for each in touched[:3]]
    changed = [name for name, record in before.items() if _plain(record) != _plain(after.get(name))]
    assert changed == []
    # What it made and could not believe to be its own is gone by its mark, or told.
    left = [name for name in after if name not in before]
    assert not left or result.left_behind


def _plain(record: Any) -> Any:
    return {name: value for name, value in record.items() if name != "position"} if isinstance(record, dict) else record


KANMAN = load("kanman")
HIDDEN = _strangers(KANMAN, "tasks")[-1]  # in another workspace: the owner cannot read it
SEEN = _strangers(KANMAN, "tasks")[0]
BENDS: dict[str, Bend] = {
    "straight": straight,
    "creates-answer-anothers-id": _creates_answer(lambda memory, identity: SEEN),
    "creates-answer-a-hidden-id": _creates_answer(lambda memory, identity: HIDDEN),
    "creates-answer-a-known-id": _creates_answer(lambda memory, identity: KANMAN.known["task_id"]),
    "creates-answer-one-id": _creates_answer(_first),
    "creates-answer-anothers-id-that-reads-affirm": _echoes(SEEN),
    "reads-answer-anothers-record": _reads_answer(SEEN),
    "reads-find-nothing": _reads_answer(HIDDEN),
    "redirects-to-anothers-record": _redirects(f"/kanman/v1/tasks/{SEEN}"),
    "redirects-elsewhere": _redirects("http://127.0.0.1:1/tasks"),
    "obliging": _obliging,
}
# Of each law that writes one rule.
FEW = [
    next(rule.id for rule in KANMAN.rules.values() if rule.judge == "law" and rule.detail == law)
    for law in {rule.detail: None for rule in KANMAN.rules.values() if rule.judge == "law"}
]


@pytest.mark.parametrize("name", BENDS)
def test_hostile__a_few_rules(name: str, tmp_path: Path) -> None:
    with TestTenant(KANMAN, BENDS[name]) as tenant:
        _check(tenant, *_judge(tenant, tmp_path / "tenant.toml", FEW))
        assert len(tenant.writes) > 3


@pytest.mark.parametrize("requests", [None, *range(4, 9)])
def test_hostile__nothing_is_removed_that_stood_there_before_the_first_create(
    requests: int | None, tmp_path: Path
) -> None:
    """The target gives it for ours before anything else has shown it, and affirms that."""
    with TestTenant(KANMAN, _echoes(SEEN)) as tenant:
        before = _all(tenant)
        assert f"tasks {SEEN}" in before
        budget = {} if requests is None else {"requests": requests}
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml", budget=budget))
        tenant.log.clear()
        with suppress(BudgetSpent, NotJudged):
            target.tenant("x").create("tasks")
        target.clean_up()
        target.close()
        assert [(each.method, each.path) for each in tenant.writes if SEEN in each.path] == []
        after = _all(tenant)
        assert [name for name, record in before.items() if _plain(record) != _plain(after.get(name))] == []
        assert after.keys() == before.keys() or target.left_behind
        assert requests is not None or any(each.method == "POST" for each in tenant.writes)


@pytest.mark.slow
@pytest.mark.parametrize("name", BENDS)
def test_hostile__a_whole_run(name: str, tmp_path: Path) -> None:
    with TestTenant(KANMAN, BENDS[name]) as tenant:
        _check(tenant, *_judge(tenant, tmp_path / "tenant.toml", None))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["straight", "one-id", "anothers-id", "nothing-is-unknown"])
def test_hostile__where_ids_are_numbers(name: str, tmp_path: Path) -> None:
    vendor = load("kantata")
    bends: dict[str, Bend] = {
        "straight": straight,
        "one-id": _creates_answer(_first),
        "anothers-id": _creates_answer(lambda memory, identity: _strangers(vendor, "custom_task_statuses")[-1]),
        "nothing-is-unknown": _everything_is_there("custom_task_statuses"),
    }
    with TestTenant(vendor, bends[name]) as tenant:
        result, before, after = _judge(tenant, tmp_path / "tenant.toml", None)
        changed = [each for each, record in before.items() if _plain(record) != _plain(after.get(each))]
        assert changed == []
        assert not [each for each in after if each not in before] or result.left_behind


KANBERT = load("kanbert")
OTHER = next(each for each in KANBERT.seed["records"]["tasks"] if each["external_origin"] == "mock-integration")
WRITES: dict[str, dict[str, Any]] = {
    "updateTask": {"json": {"title": "Changed"}},
    "setExternalIdentifier": {"json": {}},
    "uploadAttachment": {"files": {"file": ("note.txt", b"Note", "text/plain")}},
    "deleteTask": {},
}


def _claims(name: str, *, by_id: bool) -> Bend:
    """Our tasks are shown with the key of somebody's: by creates, and where `by_id` by reads by their id too."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        is_read = by_id and request.method == "GET" and "find_by" not in request.target
        told = _parsed(reply)
        if not (is_read or request.method == "POST") or not str(told.get("title")).endswith("]"):
            return reply
        return _json(reply, {**told, name: OTHER[name]})

    return bend


def _reads_by_key_answer_ours(name: str) -> Bend:
    """What creates claim, reads by that key affirm; only a read by the id shows that the key is another's."""
    claims = _claims(name, by_id=False)

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if request.method == "GET" and f"find_by={name}" in request.target and ("", "ours") in memory.values:
            reply = forward(replace(request, target=f"{KANBERT.mount}/tasks/{memory.values['', 'ours']}"))
            return _json(reply, {**_parsed(reply), name: OTHER[name]})
        reply = claims(memory, request, forward)
        if request.method == "POST" and _parsed(reply).get(name) == OTHER[name]:
            memory.values["", "ours"] = _parsed(reply)["id"]
        return reply

    return bend


def _generous(bend: Bend) -> Bend:
    """Finds by any key, whatever the request says that it is."""

    def generous(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        for value, name in ((OTHER["uri"], "uri"), (OTHER["external_id"], "external_id")):
            if f"/tasks/{value}" in request.target and "find_by" not in request.target:
                request = replace(
                    request, target=f"{request.target}{'&' if '?' in request.target else '?'}find_by={name}"
                )
        return bend(memory, request, forward)

    return generous


def _parsed(reply: Reply) -> dict[str, Any]:
    try:
        told = json.loads(reply.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


KEYS: dict[str, Bend] = {
    "straight": straight,
    **{f"claims-{name}": _claims(name, by_id=False) for name in ("uri", "external_id")},
    **{f"claims-{name}-throughout": _claims(name, by_id=True) for name in ("uri", "external_id")},
    **{f"affirms-{name}": _reads_by_key_answer_ours(name) for name in ("uri", "external_id")},
    **{f"generous-{name}": _generous(_claims(name, by_id=False)) for name in ("uri", "external_id")},
}


def _check_keys(tenant: TestTenant, before: Records, after: Records) -> None:
    tasks = KANBERT.seed["records"]["tasks"]
    keys = {str(each[name]) for each in tasks for name in ("id", "uri", "external_id") if each[name]}
    reached = [each for each in tenant.writes if keys & set(each.path.split("/")) and each.status not in (401, 404)]
    assert [(each.method, each.path, each.query) for each in reached] == []
    others = {name: record for name, record in before.items() if name.startswith("tasks ")}
    assert [name for name, record in others.items() if _plain(record) != _plain(after.get(name))] == []


@pytest.mark.parametrize("name", KEYS)
def test_hostile__another_key_names_only_what_is_ours(name: str, tmp_path: Path) -> None:
    with TestTenant(KANBERT, KEYS[name]) as tenant:
        before = _all(tenant)
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"))
        caller, left = target.tenant("x"), []
        for operation, body in WRITES.items():
            for key in ("uri", "external_id"):
                task = caller.create("tasks", external_id=f"proof-{operation}-{key}")
                for query in (
                    {},
                    {"find_by": key},
                    {"find_by": [key, "id"]},
                    {"find_by": "title"},
                    {"find_by": [key, key]},
                ):
                    try:
                        left.append(caller.call(operation, path={"id": task[key]}, query=query, **body).status)
                    except NotOurs:
                        left.append(None)
        target.clean_up()
        _check_keys(tenant, before, _all(tenant))
        assert None in left and (left.count(200) + left.count(201) > 6 or name != "straight")
        target.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", KEYS)
def test_hostile__another_key_in_a_whole_run(name: str, tmp_path: Path) -> None:
    with TestTenant(KANBERT, KEYS[name]) as tenant:
        _, before, after = _judge(tenant, tmp_path / "tenant.toml", None)
        _check_keys(tenant, before, after)


def test_control_plane__that_only_pretends_makes_no_world_of_our_own(tmp_path: Path) -> None:
    """It tells credentials like a mock, and lets the requests of all worlds go to the one that is somebody's."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        named = [(name, value) for name, value in request.headers if name.lower() != "x-mock-world"]
        return forward(replace(request, headers=named))

    with TestTenant(KANMAN, bend, has_control=True) as tenant:
        target = tenant.open(tenant.toml(tmp_path / "tenant.toml"))
        assert not target.is_mock and not target.guard.is_own_world
        target.close()
