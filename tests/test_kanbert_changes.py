"""Kanbert's tasks as they change: fields, watchers, statuses, parents, external ids, and who sees what."""

from typing import Any

import pytest

from tests.conftest import FROZEN
from tests.kanbert import GRETA, JANA, OMAR, OTHER_PROJECT, PROJECT, Kanbert, numbers

# Change


def test_update_task__changes_what_is_sent(kanbert: Kanbert) -> None:
    before = kanbert.named("ACME-5")
    after = kanbert.change(before["id"], title=" Another ", estimated_hours=3, is_public=False)
    assert after == {**before, "title": "Another", "estimated_hours": 3, "is_public": False, "updated_at": FROZEN}
    assert kanbert.read(before["id"]) == after


def test_update_task__null_clears(kanbert: Kanbert) -> None:
    sent = dict.fromkeys(("estimated_hours", "due_date", "assignee_id", "epic_id", "phase_id", "milestone_id"))
    after = kanbert.change(kanbert.named("ACME-1")["id"], **sent)
    shown = ("estimated_hours", "due_date", "assignee", "epic", "phase", "milestone")
    assert {after[name] for name in shown} == {None}


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"{}", b'{"title": "Send the invoice"}', b'{"is_public": null}', b'{"watchers": []}']
)
@pytest.mark.parametrize("kind", ["application/json", None])
def test_update_task__without_a_change_nothing_happens(kanbert: Kanbert, body: bytes, kind: str | None) -> None:
    before = kanbert.named("ACME-5")
    if kind is None and body.strip():
        kind = "application/json"
    headers = {"Content-Type": kind} if kind else {}
    path = f"/tasks/{before['id']}"
    assert kanbert.call("PATCH", path, content=body, headers=headers) == (200, before)


def test_update_task__ignores_what_cannot_be_changed(kanbert: Kanbert) -> None:
    before = kanbert.named("ACME-5")
    sent = {"project_id": OTHER_PROJECT, "external_id": "x", "external_origin": "y", "insert_before": 5, "foo": {}}
    assert kanbert.change(before["id"], **sent) == before


def test_watchers__are_replaced_and_added_to(kanbert: Kanbert) -> None:
    key = kanbert.named("ACME-1")["id"]

    def watchers(**sent: Any) -> list[str]:
        return [watcher["id"] for watcher in kanbert.change(key, **sent)["watchers"]]

    assert watchers(add_watchers=[JANA, OMAR]) == [OMAR, JANA]
    assert watchers(watchers=[GRETA, GRETA]) == [GRETA]
    assert watchers(watchers=[JANA], add_watchers=[OMAR, JANA]) == [JANA, OMAR]
    assert watchers(watchers=[]) == []


@pytest.mark.parametrize(
    ("way", "completed", "closed"),
    [
        (["Completed"], 1, None),
        (["Approved"], 1, None),
        (["Closed"], 1, 1),
        (["Completed", "Approved"], 1, None),
        (["Completed", "Closed"], 1, 2),
        (["Approved", "Completed"], 2, None),
        (["Closed", "Completed"], 2, None),
        (["Closed", "Approved"], 1, None),
        (["Completed", "New"], None, None),
        (["Closed", "Backlog"], None, None),
        (["Closed", "Closed"], 1, 1),
    ],
)
def test_status__sets_and_clears_times(kanbert: Kanbert, way: list[str], completed: Any, closed: Any) -> None:
    stamps = {None: None}
    key = kanbert.create()["id"]
    for step, status in enumerate(way, start=1):
        stamps[step] = f"2024-02-0{step}T00:00:00Z"
        kanbert.tenant.control("POST", "/clock", json={"set": stamps[step]}).raise_for_status()
        kanbert.change(key, status=status)
    task = kanbert.read(key)
    assert (task["completed_at"], task["closed_at"]) == (stamps[completed], stamps[closed])


def test_parent__moves_and_goes(kanbert: Kanbert) -> None:
    key, parent = kanbert.named("ACME-5")["id"], kanbert.named("ACME-3")["id"]
    assert kanbert.change(key, parent_task_id=parent)["parent_task"]["uri"] == "ACME-3"
    assert [task["id"] for task in kanbert.read(parent)["sub_tasks"]] == [key]
    top = kanbert.change(key, parent_task_id=None)
    assert top["parent_task_id"] is top["parent_task"] is None


@pytest.mark.parametrize("parent", ["ACME-1", "ACME-3", "ACME-1.below"])
def test_parent__a_task_is_not_below_itself(kanbert: Kanbert, parent: str) -> None:
    top = kanbert.named("ACME-1")["id"]
    below = kanbert.create(parent_task_id=kanbert.named("ACME-3")["id"])["id"]
    key = below if parent == "ACME-1.below" else kanbert.named(parent)["id"]
    errors = kanbert.refused("PATCH", f"/tasks/{top}", json={"parent_task_id": key})
    assert errors == {"parent_task_id": ["The selected parent task id is invalid."]}


# Recurring due dates


@pytest.mark.parametrize(
    ("uri", "due", "following"), [("ACME-4", "2024-01-15", "2024-01-22"), ("CORP-4", "2024-01-21", "2024-01-22")]
)
def test_recurring__a_done_task_has_a_successor(kanbert: Kanbert, uri: str, due: str, following: str) -> None:
    task = kanbert.named(uri)
    assert task["due_date"] == due
    kanbert.change(task["id"], status="Completed")
    made = kanbert.listed()[-1]
    assert (made["title"], made["status"], made["due_date"]) == (task["title"], "New", following)
    assert (made["due_date_settings"], made["completed_at"]) == (task["due_date_settings"], None)
    assert made["list_sorting"] == max(numbers(kanbert, task["project_id"]).values())
    count = len(kanbert.listed())
    kanbert.change(task["id"], status="Closed")
    assert len(kanbert.listed()) == count, "it was done before"


# Delete


def test_delete_task__answers_its_last_state(kanbert: Kanbert) -> None:
    before = kanbert.named("ACME-1")
    assert kanbert.delete(before["id"]) == before
    for method in ("GET", "PATCH", "DELETE"):
        assert kanbert.call(method, f"/tasks/{before['id']}")[0] == 404
    assert kanbert.call("GET", "/tasks/ACME-1?find_by=uri")[0] == 404


def test_delete_task__takes_all_below_with_it(kanbert: Kanbert) -> None:
    below = kanbert.create(parent_task_id=kanbert.named("ACME-3")["id"])
    kanbert.delete(kanbert.named("ACME-1")["id"])
    assert kanbert.call("GET", f"/tasks/{below['id']}")[0] == 404
    assert {"ACME-1", "ACME-2", "ACME-3", below["uri"]}.isdisjoint(task["uri"] for task in kanbert.listed())


def test_delete_task__leaves_its_parent(kanbert: Kanbert) -> None:
    kanbert.delete(kanbert.named("ACME-2")["id"])
    assert [task["uri"] for task in kanbert.named("ACME-1")["sub_tasks"]] == ["ACME-3"]


# External ids


def identify(kanbert: Kanbert, key: str, **body: Any) -> tuple[Any, Any]:
    status, task = kanbert.call("PUT", f"/tasks/{key}/external-identifier", json=body)
    assert status == 200, task
    return task["external_id"], task["external_origin"]


def test_external_id__is_set_and_cleared(kanbert: Kanbert) -> None:
    key = kanbert.named("ACME-5")["id"]
    assert identify(kanbert, key, external_id="1", external_origin="crm") == ("1", "crm")
    assert identify(kanbert, key, external_id="2") == ("2", "mock-integration")
    assert identify(kanbert, key, external_origin="other") == ("2", "mock-integration")
    assert kanbert.read("2", find_by="external_id")["id"] == key
    assert kanbert.call("GET", "/tasks/1?find_by=external_id&origin=crm")[0] == 404
    assert identify(kanbert, key, external_id=None, external_origin="x") == (None, None)


def test_external_id__is_unique_within_its_origin(kanbert: Kanbert) -> None:
    taken = {"external_id": ["The external id has already been taken."]}
    body = {"title": "A task", "project_id": PROJECT, "external_id": "ext-42"}
    assert kanbert.refused("POST", "/tasks", json=body) == taken
    assert kanbert.create(external_id="ext-42", external_origin="another")["external_origin"] == "another"
    path = f"/tasks/{kanbert.named('ACME-5')['id']}/external-identifier"
    assert kanbert.refused("PUT", path, json={"external_id": "JIRA-1", "external_origin": "jira"}) == taken


def test_external_id__of_the_task_itself_is_no_conflict(kanbert: Kanbert) -> None:
    before = kanbert.named("CORP-3")
    assert identify(kanbert, before["id"], external_id="ext-42") == ("ext-42", "mock-integration")
    assert kanbert.named("CORP-3") == before


def test_external_id__is_free_again_after_a_delete(kanbert: Kanbert) -> None:
    kanbert.delete(kanbert.named("CORP-3")["id"])
    assert kanbert.create(external_id="ext-42")["external_origin"] == "mock-integration"


def test_external_id__another_workspace_has_its_own(kanbert: Kanbert) -> None:
    body = {"title": "Theirs", "project_id": "01hfbnqkm0rnwjkv8m120h921v", "external_id": "ext-42"}
    status, task = kanbert.call("POST", "/tasks", "outsider", json={**body, "external_origin": "mock-integration"})
    assert (status, task["uri"]) == (201, "OUT-2")


def test_external_id__shortcode_is_the_key_for_people(kanbert: Kanbert) -> None:
    status, task = kanbert.call("PUT", "/tasks/ACME-5/external-identifier?find_by=shortcode", json={"external_id": "1"})
    assert (status, task["uri"]) == (200, "ACME-5")


# Guests


def test_guest__does_not_see_what_is_not_public(kanbert: Kanbert) -> None:
    hidden = kanbert.named("ACME-6")
    for path in (hidden["id"], "ACME-6?find_by=uri"):
        for method in ("GET", "PATCH", "DELETE"):
            assert kanbert.call(method, f"/tasks/{path}", "guest") == (404, {"message": "Task not found."})
    seen = {task["id"] for task in kanbert.listed("guest")}
    assert seen == {task["id"] for task in kanbert.listed() if task["is_public"]}


def test_guest__sees_no_hidden_relatives(kanbert: Kanbert) -> None:
    top = kanbert.named("ACME-1")
    kanbert.change(kanbert.named("ACME-2")["id"], is_public=False)
    assert [task["uri"] for task in kanbert.named("ACME-1", "guest")["sub_tasks"]] == ["ACME-3"]
    kanbert.change(top["id"], is_public=False)
    below = kanbert.named("ACME-3", "guest")
    assert (below["parent_task"], below["parent_task_id"]) == (None, top["id"])
    (listed,) = kanbert.listed("guest", filter="uri eq ACME-3", include="parent_task")
    assert listed["parent_task"] is None
    assert kanbert.listed("guest", filter="parent_task.uri eq ACME-1") == []


def test_guest__cannot_refer_to_what_is_hidden(kanbert: Kanbert) -> None:
    key = kanbert.named("ACME-6")["id"]
    for name in ("parent_task_id", "insert_before", "insert_after"):
        body = {"title": "A task", "project_id": PROJECT, name: key}
        assert list(kanbert.refused("POST", "/tasks", caller="guest", json=body)) == [name]
    body = {"task_id": key, "comment": "Seen?"}
    assert list(kanbert.refused("POST", "/tasks/comments", caller="guest", json=body)) == ["task_id"]
