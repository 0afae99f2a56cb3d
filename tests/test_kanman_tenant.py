"""KanMan as its clients meet it: every operation on stateful data, in a world of its own."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import FROZEN, Tenant

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TASK_KEYS = [
    "id",
    "label",
    "status",
    "project_id",
    "workflow_lane_id",
    "position",
    "description",
    "subtasks",
    "created_at",
    "updated_at",
]
ITEM_KEYS = ["id", "label", "status", "position", "description", "created_at", "updated_at"]
PROJECT_KEYS = {
    "id",
    "name",
    "description",
    "board_id",
    "position",
    "num_tasks_open",
    "num_tasks_in_progress",
    "num_tasks_done",
    "num_tasks_total",
    "progress",
    "created_at",
    "updated_at",
}
BOARD_KEYS = {"id", "name", "description", "icon", "accent_color", "created_at", "updated_at"}


def patch(tenant: Tenant, task_id: str, **fields: Any) -> dict[str, Any]:
    return dict(tenant.call("PATCH", f"/tasks/{task_id}", json=fields).raise_for_status().json()["task"])


def project(tenant: Tenant, project_id: str | None = None) -> dict[str, Any]:
    path = f"/projects/{project_id or tenant.known['project_id']}"
    return dict(tenant.call("GET", path).raise_for_status().json()["project"])


def counters(tenant: Tenant, project_id: str | None = None) -> tuple[int, ...]:
    found = project(tenant, project_id)
    return tuple(found[f"num_tasks_{name}"] for name in ("open", "in_progress", "done", "total"))


# Read


def test_get_task__answers_the_sample(tenant: Tenant) -> None:
    task = tenant.read(tenant.known["task_id"])
    assert task == {
        "id": "770e8400-e29b-41d4-a716-446655440000",
        "label": "Design landing page",
        "status": 1,
        "project_id": "660e8400-e29b-41d4-a716-446655440000",
        "workflow_lane_id": None,
        "position": "aaa",
        "description": "Create responsive landing page design",
        "subtasks": [
            {"id": "880e8400-e29b-41d4-a716-446655440000", "label": "Create wireframe", "is_completed": True},
            {"id": "880e8400-e29b-41d4-a716-446655440001", "label": "Design mockup", "is_completed": False},
        ],
        "created_at": "2024-01-15T10:40:00Z",
        "updated_at": "2024-01-18T16:30:00Z",
    }
    assert list(task) == TASK_KEYS


def test_get_task__twice_is_the_same(tenant: Tenant) -> None:
    path = f"/tasks/{tenant.known['task_id']}"
    assert tenant.call("GET", path).content == tenant.call("GET", path).content


def test_get_task__id_in_capitals_is_the_same_id(tenant: Tenant) -> None:
    assert tenant.read(tenant.known["task_id"].upper()) == tenant.read(tenant.known["task_id"])


def test_list_tasks__all_items_by_position_with_seven_fields_of_the_single_read(tenant: Tenant) -> None:
    items = tenant.listed(tenant.known["project_id"])
    assert [item["position"] for item in items] == ["aaa", "aab", "aac"]
    for item in items:
        whole = tenant.read(item["id"])
        assert item == {key: whole[key] for key in ITEM_KEYS}


def test_list_tasks__of_an_empty_project(tenant: Tenant) -> None:
    assert tenant.listed(tenant.known["other_project_id"]) == []


def test_boards__by_name_and_only_those_of_the_workspace(tenant: Tenant) -> None:
    boards = tenant.call("GET", "/boards").json()["boards"]
    assert [board["name"] for board in boards] == ["Marketing", "Product Development"]
    assert all(set(board) == BOARD_KEYS for board in boards)
    foreign = tenant.call("GET", "/boards", "outsider").json()["boards"]
    assert [board["name"] for board in foreign] == ["Internal"]


def test_board__has_two_more_fields_than_in_the_list(tenant: Tenant) -> None:
    board = tenant.call("GET", f"/boards/{tenant.known['board_id']}").json()["board"]
    assert set(board) == BOARD_KEYS | {"background_color", "layout_preference"}
    assert (board["icon"], board["accent_color"], board["background_color"]) == ("megaphone", "#f5a524", "#1a1a2e")


def test_board_projects__by_position_without_board_id(tenant: Tenant) -> None:
    projects = tenant.call("GET", f"/boards/{tenant.known['board_id']}/projects").json()["projects"]
    assert [one["id"] for one in projects[:2]] == [tenant.known["project_id"], tenant.known["other_project_id"]]
    assert [one["position"] for one in projects] == sorted(one["position"] for one in projects)
    assert all(set(one) == PROJECT_KEYS - {"board_id"} for one in projects)


def test_project__counts_its_tasks(tenant: Tenant) -> None:
    found = project(tenant)
    assert set(found) == PROJECT_KEYS
    assert counters(tenant) == (1, 1, 1, 3)
    assert found["progress"] == pytest.approx(1 / 3)


def test_project__empty_has_no_progress(tenant: Tenant) -> None:
    assert counters(tenant, tenant.known["other_project_id"]) == (0, 0, 0, 0)
    assert project(tenant, tenant.known["other_project_id"])["progress"] == 0


# Create


def test_create__with_every_field_answers_the_sample(tenant: Tenant) -> None:
    body = {
        "projectId": tenant.known["project_id"],
        "label": "New task from API",
        "description": "Optional description text",
        "status": 2,
    }
    answer = tenant.call("POST", "/tasks", json=body)
    task = answer.json()["task"]
    assert (answer.status_code, list(task)) == (201, TASK_KEYS)
    assert UUID.fullmatch(task["id"])
    assert [task[key] for key in ("label", "description", "status")] == [body["label"], body["description"], 2]
    assert (task["position"], task["subtasks"], task["workflow_lane_id"]) == ("aad", [], None)
    assert task["created_at"] == task["updated_at"] == FROZEN


def test_create__with_what_is_required_only(tenant: Tenant) -> None:
    task = tenant.create()
    assert (task["status"], task["description"]) == (0, None)
    assert tenant.read(task["id"]) == task


def test_create__stands_at_the_end_of_its_project(tenant: Tenant) -> None:
    tasks = [tenant.create(label=str(number)) for number in range(3)]
    listed = tenant.listed(tenant.known["project_id"])
    assert [item["id"] for item in listed[3:]] == [task["id"] for task in tasks]
    assert [item["position"] for item in listed[3:]] == ["aad", "aae", "aaf"]


def test_create__in_an_empty_project_begins_with_aaa(tenant: Tenant) -> None:
    assert tenant.create(projectId=tenant.known["other_project_id"])["position"] == "aaa"


def test_create__after_the_last_of_three_letters_grows_by_one(tenant: Tenant) -> None:
    world, task = tenant.world, tenant.create(projectId=tenant.known["other_project_id"])
    record = world.find("tasks", task["id"])
    assert record is not None
    with world.transaction():
        world.replace("tasks", {**record, "position": "zzz"})
        world.ranks.clear()
    assert tenant.create(projectId=tenant.known["other_project_id"])["position"] == "zzza"
    assert [item["position"] for item in tenant.listed(tenant.known["other_project_id"])] == ["zzz", "zzza"]


def test_create__twice_the_same_makes_two(tenant: Tenant) -> None:
    first, second = tenant.create(), tenant.create()
    assert first["id"] != second["id"]
    assert first["position"] != second["position"]


def test_create__ignores_fields_it_does_not_know(tenant: Tenant) -> None:
    task = tenant.create(position="zzz", workflow_lane_id="x", subtasks=[1], id="x", project_id="x", created_at=None)
    assert (task["position"], task["workflow_lane_id"], task["subtasks"]) == ("aad", None, [])
    assert UUID.fullmatch(task["id"])


@pytest.mark.parametrize(
    "text",
    ["x" * 500_000, "  kept  ", "Grüße ☃ \U0001f600", "a\nb\tc", "<b>&amp;</b>", "'; --", "0"],
    ids=lambda text: ascii(text[:10]),
)
def test_create__keeps_any_text_exactly(tenant: Tenant, text: str) -> None:
    task = tenant.create(label=text, description=text)
    assert (task["label"], task["description"]) == (text, text)
    assert tenant.read(task["id"]) == task


@pytest.mark.parametrize(("sent", "kept"), [(None, None), ("", "")])
def test_create__description_null_is_none_and_empty_stays_empty(
    tenant: Tenant, sent: str | None, kept: str | None
) -> None:
    assert tenant.create(description=sent)["description"] == kept


def test_create__project_id_in_capitals_is_the_same_project(tenant: Tenant) -> None:
    assert tenant.create(projectId=tenant.known["project_id"].upper())["project_id"] == tenant.known["project_id"]


# Update


@pytest.mark.parametrize(
    "change", [{"label": "New"}, {"status": 2}, {"description": "New"}, {"description": None}, {"description": ""}]
)
def test_update__changes_that_field_only(tenant: Tenant, change: dict[str, Any]) -> None:
    before = tenant.read(tenant.known["task_id"])
    after = patch(tenant, tenant.known["task_id"], **change)
    assert after == {**before, **change, "updated_at": FROZEN}
    assert tenant.read(tenant.known["task_id"]) == after
    assert list(after) == TASK_KEYS


def test_update__any_status_may_follow_any(tenant: Tenant) -> None:
    task = tenant.create()
    for status in (0, 1, 2, 1, 0, 2, 0, 0, 2, 2, 1, 1):
        assert patch(tenant, task["id"], status=status)["status"] == status
    assert tenant.read(task["id"])["position"] == task["position"]


@pytest.mark.parametrize("body", [{}, {"position": "zzz"}, {"project_id": "x"}])
def test_update__with_nothing_known_changes_nothing(tenant: Tenant, body: dict[str, Any]) -> None:
    before = tenant.read(tenant.known["task_id"])
    assert patch(tenant, tenant.known["task_id"], **body) == before


def test_update__with_the_present_value_raises_updated_at(tenant: Tenant) -> None:
    before = tenant.read(tenant.known["task_id"])
    assert patch(tenant, before["id"], label=before["label"]) == {**before, "updated_at": FROZEN}


def test_update__to_another_project_moves_to_its_end_with_subtasks(tenant: Tenant) -> None:
    there = tenant.create(projectId=tenant.known["other_project_id"])
    before = tenant.read(tenant.known["task_id"])
    after = patch(tenant, before["id"], projectId=tenant.known["other_project_id"])
    assert after == {**before, "project_id": tenant.known["other_project_id"], "position": "aab", "updated_at": FROZEN}
    assert [item["id"] for item in tenant.listed(tenant.known["other_project_id"])] == [there["id"], before["id"]]
    assert before["id"] not in [item["id"] for item in tenant.listed(tenant.known["project_id"])]


def test_update__to_another_project_leaves_the_lane(tenant: Tenant) -> None:
    in_lane = "770e8400-e29b-41d4-a716-446655440001"
    assert tenant.read(in_lane)["workflow_lane_id"] == "990e8400-e29b-41d4-a716-446655440000"
    assert patch(tenant, in_lane, projectId=tenant.known["other_project_id"])["workflow_lane_id"] is None


def test_update__to_the_present_project_keeps_place_and_lane(tenant: Tenant) -> None:
    in_lane = "770e8400-e29b-41d4-a716-446655440001"
    before = tenant.read(in_lane)
    assert patch(tenant, in_lane, projectId=before["project_id"]) == {**before, "updated_at": FROZEN}


def test_update__never_lowers_updated_at(tenant: Tenant) -> None:
    tenant.control("POST", "/clock", json={"set": "2024-01-16T00:00:00Z"})
    before = tenant.read(tenant.known["task_id"])
    assert patch(tenant, before["id"], label="New")["updated_at"] == before["updated_at"]


@pytest.mark.parametrize(
    "body",
    [{"label": "New", "status": 7}, {"label": None}, {"label": "New", "projectId": "66" + "0" * 34}, {"label": " "}],
)
def test_update__refused_changes_nothing(tenant: Tenant, body: dict[str, Any]) -> None:
    before = tenant.read(tenant.known["task_id"])
    assert tenant.call("PATCH", f"/tasks/{before['id']}", json=body).is_client_error
    assert tenant.read(before["id"]) == before


# Delete


def test_delete__answers_success_and_is_gone(tenant: Tenant) -> None:
    task = tenant.create()
    path = f"/tasks/{task['id']}"
    answer = tenant.call("DELETE", path)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert task["id"] not in [item["id"] for item in tenant.listed(task["project_id"])]
    refused = [tenant.call("GET", path), tenant.call("PATCH", path, json={"label": "x"}), tenant.call("DELETE", path)]
    assert [(one.status_code, one.json()["error"]["code"]) for one in refused] == [(404, "task_not_found")] * 3


def test_delete__takes_a_body_that_it_does_not_need(tenant: Tenant) -> None:
    assert tenant.call("DELETE", f"/tasks/{tenant.create()['id']}", content=b"anything").status_code == 200


def test_delete__does_not_give_its_position_away(tenant: Tenant) -> None:
    task = tenant.create()
    tenant.call("DELETE", f"/tasks/{task['id']}")
    assert tenant.create()["position"] == "aae"


# Counters


def test_counters__follow_every_change_at_once(tenant: Tenant) -> None:
    other = tenant.known["other_project_id"]
    seen = [counters(tenant)]
    task = tenant.create(status=1)
    seen.append(counters(tenant))
    patch(tenant, task["id"], status=2)
    seen.append(counters(tenant))
    patch(tenant, task["id"], projectId=other)
    seen += [counters(tenant), counters(tenant, other)]
    tenant.call("DELETE", f"/tasks/{task['id']}")
    seen.append(counters(tenant, other))
    assert seen == [(1, 1, 1, 3), (1, 2, 1, 4), (1, 1, 2, 4), (1, 1, 1, 3), (0, 0, 1, 1), (0, 0, 0, 0)]


# The seeded records


def test_seed__every_id_leads_to_its_record(tenant: Tenant) -> None:
    seen: list[str] = []
    for board in tenant.call("GET", "/boards").json()["boards"]:
        assert tenant.call("GET", f"/boards/{board['id']}").json()["board"].items() >= board.items()
        for one in tenant.call("GET", f"/boards/{board['id']}/projects").json()["projects"]:
            assert project(tenant, one["id"]) == {**one, "board_id": board["id"]}
            tasks = tenant.listed(one["id"])
            assert one["num_tasks_total"] == len(tasks)
            for task in tasks:
                assert tenant.read(task["id"])["project_id"] == one["id"]
            seen += [board["id"], one["id"], *(task["id"] for task in tasks)]
    assert len([*filter(UUID.fullmatch, seen)]) >= 60
    assert set(tenant.known.values()) <= set(seen)


def test_seed__counters_add_up_everywhere(tenant: Tenant) -> None:
    for board in tenant.call("GET", "/boards").json()["boards"]:
        for one in tenant.call("GET", f"/boards/{board['id']}/projects").json()["projects"]:
            parts = [one[f"num_tasks_{name}"] for name in ("open", "in_progress", "done")]
            assert sum(parts) == one["num_tasks_total"]
            assert one["progress"] == (parts[2] / sum(parts) if sum(parts) else 0)


def test_records__makes_as_many_as_asked(open_tenant: Callable[..., Tenant]) -> None:
    tenant = open_tenant(records=7)
    boards = tenant.call("GET", "/boards").json()["boards"]
    found = [tenant.call("GET", f"/boards/{board['id']}/projects").json()["projects"] for board in boards]
    assert sum(one["num_tasks_total"] for projects in found for one in projects) == 7 + 3
