"""What Kanbert's subscribers are told of tasks, and of what they are told nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contracts.receiver import Inbox, Reaction, Receiver, receiving
from mockserver.vendor import load
from tests.conftest import Tenant

ACME, CORP = "01hf3yhem0n0r8x3he9dsk0zc6", "01hf6gy5m0pfn2jrbpykhfqnqj"
RELAUNCH, REQUIREMENTS, FRONT_PAGE = (
    "01hkm4spm0swc7eh24e0r9vnnx",
    "01hkmpbtx0vwjz3wy5mmq2mhjv",
    "01hkn7xz605cc8tgkg4bptjf1j",
)
WEEKLY_CALL = "01hknsg3f0hqrancgrstpvhftk"
GRETA, CONNECTOR = "01hemkk080xf8bxdckwntg8va5", "01hehtwvy0xe9crmn7cv2g1r01"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def tenant(open_tenant: Callable[..., Tenant]) -> Tenant:
    return open_tenant(load("kanbert"))


@pytest.fixture
def inbox(tenant: Tenant, receiver: Receiver) -> Inbox:
    """Of a subscription to all events of the first project's tasks."""
    made = receiver.inbox()
    subscribe(tenant, made)
    return made


def subscribe(tenant: Tenant, inbox: Inbox, caller: str = "owner", **fields: Any) -> dict[str, Any]:
    body = {"url": inbox.url, "events": ["task:*"], "project_id": ACME, **fields}
    return dict(tenant.call("POST", "/webhooks", caller=caller, json=body).raise_for_status().json())


def told(tenant: Tenant, inbox: Inbox) -> list[dict[str, Any]]:
    """The payloads that have arrived when all that is due is delivered."""
    tenant.control("POST", "/deliveries").raise_for_status()
    return [json.loads(one.body) for one in inbox.received]


def events(tenant: Tenant, inbox: Inbox) -> list[tuple[str, str]]:
    """Event and title."""
    return [(one["event"], one["data"]["title"]) for one in told(tenant, inbox)]


def create(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    body = {"project_id": ACME, "title": "Call back", **fields}
    return dict(tenant.call("POST", "/tasks", json=body).raise_for_status().json())


def test_create__tells_the_task_as_it_was_answered(tenant: Tenant, inbox: Inbox) -> None:
    task = create(tenant, title="Größe a/b", watchers=[GRETA], parent_task_id=RELAUNCH)
    (payload,) = told(tenant, inbox)
    assert payload["event"] == "task:create"
    assert payload["resource"] == {"type": "task", "id": task["id"]}
    assert payload["triggered_by"]["id"] == CONNECTOR
    assert payload["data"] == task
    assert rb"Gr\u00f6\u00dfe a\/b" in inbox.received[0].body


def test_delete__tells_of_all_that_goes_with_it_in_order(tenant: Tenant, inbox: Inbox) -> None:
    below = create(tenant, title="Below", parent_task_id=REQUIREMENTS)
    tenant.call("DELETE", f"/tasks/{RELAUNCH}").raise_for_status()
    payloads = told(tenant, inbox)[1:]
    assert [one["event"] for one in payloads] == ["task:delete"] * 4
    assert [one["resource"]["id"] for one in payloads] == [RELAUNCH, REQUIREMENTS, FRONT_PAGE, below["id"]]
    assert [one["id"] for one in payloads[0]["data"]["sub_tasks"]] == [REQUIREMENTS, FRONT_PAGE]


def test_recurring_task__whose_work_is_done_tells_of_its_successor(tenant: Tenant, inbox: Inbox) -> None:
    tenant.call("PATCH", f"/tasks/{WEEKLY_CALL}", json={"status": "Completed"}).raise_for_status()
    first, second = told(tenant, inbox)
    assert (first["event"], first["data"]["status"]) == ("task:update", "Completed")
    assert (second["event"], second["data"]["status"]) == ("task:create", "New")
    assert second["resource"]["id"] != WEEKLY_CALL


def test_upload__is_an_update(tenant: Tenant, inbox: Inbox) -> None:
    answer = tenant.call("POST", f"/tasks/{FRONT_PAGE}/upload", files={"file": ("a.txt", b"abc", "text/plain")})
    (payload,) = told(tenant, inbox)
    assert payload["event"] == "task:update"
    assert payload["data"]["attachements"] == [answer.raise_for_status().json()]


def test_external_id__is_an_update(tenant: Tenant, inbox: Inbox) -> None:
    path = f"/tasks/{FRONT_PAGE}/external-identifier"
    tenant.call("PUT", path, json={"external_id": "x-1"}).raise_for_status()
    tenant.call("PUT", path, json={"external_id": "x-1"}).raise_for_status()
    assert events(tenant, inbox) == [("task:update", "Draft the front page")]


def test_guest__is_named_as_the_one_who_did_it(tenant: Tenant, inbox: Inbox) -> None:
    tenant.call("PATCH", f"/tasks/{FRONT_PAGE}", caller="guest", json={"title": "By Greta"}).raise_for_status()
    (payload,) = told(tenant, inbox)
    assert (payload["triggered_by"]["id"], payload["triggered_by"]["type"]) == (GRETA, "guest")


def test_nothing_is_told__of_what_changes_no_task(tenant: Tenant, inbox: Inbox) -> None:
    tenant.call("GET", f"/tasks/{FRONT_PAGE}").raise_for_status()
    tenant.call("PATCH", f"/tasks/{FRONT_PAGE}", json={}).raise_for_status()
    tenant.call("PATCH", f"/tasks/{FRONT_PAGE}", json={"title": "Draft the front page"}).raise_for_status()
    tenant.call("POST", "/tasks/comments", json={"task_id": FRONT_PAGE, "comment": "Yes."}).raise_for_status()
    assert tenant.call("PATCH", f"/tasks/{FRONT_PAGE}", json={"status": "Never"}).status_code == 422
    assert tenant.call("DELETE", f"/tasks/{FRONT_PAGE}", caller="reader").status_code == 403
    assert events(tenant, inbox) == []


def test_nothing_is_told__of_tasks_that_only_move(tenant: Tenant, inbox: Inbox) -> None:
    create(tenant, title="First of all", insert_before=RELAUNCH)
    assert events(tenant, inbox) == [("task:create", "First of all")]


def test_nothing_is_told__of_another_project_or_workspace(tenant: Tenant, receiver: Receiver) -> None:
    elsewhere, outside = receiver.inbox(), receiver.inbox()
    subscribe(tenant, elsewhere, project_id=CORP)
    other = tenant.call("GET", "/tasks", caller="outsider").raise_for_status().json()["data"][0]
    subscribe(tenant, outside, caller="outsider", project_id=other["project_id"])
    create(tenant)
    assert events(tenant, elsewhere) == events(tenant, outside) == []


def test_seed__subscribes_nobody(tenant: Tenant) -> None:
    create(tenant)
    assert tenant.control("GET", "/deliveries").json()["deliveries"] == []


def test_subscription__that_has_ended_is_told_no_more(tenant: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox(Reaction(500))
    hook = subscribe(tenant, inbox)
    create(tenant)
    assert len(told(tenant, inbox)) == 1
    tenant.call("DELETE", f"/webhooks/{hook['id']}").raise_for_status()
    create(tenant)
    tenant.control("POST", "/clock", json={"advance": 1000}).raise_for_status()
    assert len(told(tenant, inbox)) == 1


def test_guide__tells_a_burst_as_one(tenant: Tenant, inbox: Inbox) -> None:
    tenant.control("POST", "/switches", json={"vendor": "kanbert", "webhook_profile": "guide"}).raise_for_status()
    task = create(tenant)
    tenant.call("PATCH", f"/tasks/{task['id']}", json={"title": "Call back today"}).raise_for_status()
    assert events(tenant, inbox) == []
    tenant.control("POST", "/clock", json={"advance": 2}).raise_for_status()
    assert events(tenant, inbox) == [("task:create", "Call back today")]
