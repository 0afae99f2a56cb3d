"""Kantata's sets of statuses and the projects that use them."""

from typing import Any

import pytest

from tests.kantata import (
    CHOICES,
    DELIVERY,
    FOREIGN_PROJECT,
    FOREIGN_SET,
    INTERNAL,
    MANY,
    NOW,
    OTHER_PROJECT,
    PROJECT,
    SETS,
    SPARE,
    STATUSES,
    Kantata,
    faults,
)


def test_list__side_loads_the_statuses_in_the_order_of_their_places(kantata: Kantata) -> None:
    found = kantata.get(f"/{SETS}", include=STATUSES)
    assert [each["id"] for each in found["results"]] == [MANY, SPARE, INTERNAL, DELIVERY]
    assert len(found[STATUSES]) == 59 and found["count"] == 4
    kantata.change("32", position=1)
    shown = kantata.get(f"/{SETS}/{DELIVERY}", include=STATUSES)[SETS][DELIVERY]
    assert shown["custom_task_status_ids"] == ["32", "27", "28", "29", "30", "31"]


def test_get__without_a_side_load_shows_no_statuses(kantata: Kantata) -> None:
    found = kantata.get(f"/{SETS}/{DELIVERY}", include="task_status_set")
    assert STATUSES not in found
    assert list(found[SETS][DELIVERY]) == ["id", "name", "created_at", "updated_at"]


def test_create__comes_with_four_statuses(kantata: Kantata) -> None:
    answer = kantata.call("POST", f"/{SETS}?include={STATUSES}", json={"task_status_set": {"name": " Support "}})
    found = answer.json()
    assert found[SETS] == {
        "71": {
            "id": "71",
            "name": "Support",
            "custom_task_status_ids": ["90", "91", "92", "93"],
            "created_at": NOW,
            "updated_at": NOW,
        }
    }
    assert [(each["status"], each["category"], each["position"]) for each in found[STATUSES].values()] == [
        ("Not Started", "not started", 1),
        ("Started", "started", 2),
        ("Needs Info", "needs info", 3),
        ("Completed", "completed", 4),
    ]


def test_create__names_may_repeat(kantata: Kantata) -> None:
    assert kantata.make_set("Delivery")["id"] == "71" != kantata.make_set("Delivery")["id"]


@pytest.mark.parametrize("fields", [{}, {"name": None}, {"name": " "}, {"name": 5}, {"name": "a\u0000"}, {"nome": "x"}])
def test_name__is_required(kantata: Kantata, fields: dict[str, Any]) -> None:
    for method, path in (("POST", f"/{SETS}"), ("PUT", f"/{SETS}/{SPARE}")):
        answer = kantata.call(method, path, json={"task_status_set": fields})
        assert faults(answer) == [("name", "Name is blank")]


def test_update__changes_the_name_alone(kantata: Kantata) -> None:
    before = kantata.get(f"/{SETS}/{SPARE}", include=STATUSES)
    body = {"task_status_set": {"name": "Renamed", "id": "5", "custom_task_status_ids": []}}
    shown = kantata.one(kantata.call("PUT", f"/{SETS}/{SPARE}", json=body), SETS)
    assert shown == {"id": SPARE, "name": "Renamed", "created_at": "2026-01-12T08:00:00-08:00", "updated_at": NOW}
    assert kantata.get(f"/{SETS}/{SPARE}", include=STATUSES)[STATUSES] == before[STATUSES]


def test_delete__takes_the_statuses_along(kantata: Kantata) -> None:
    assert kantata.call("DELETE", f"/{SETS}/{SPARE}").content == b""
    assert kantata.call("GET", f"/{SETS}/{SPARE}").status_code == 404
    assert kantata.call("GET", f"/{STATUSES}/37").status_code == 404
    assert kantata.get(f"/{STATUSES}")["count"] == 55
    assert kantata.post(status_set_id=int(SPARE)).status_code == 404


@pytest.mark.parametrize("key", [DELIVERY, INTERNAL])
def test_delete__a_set_in_use_stays(kantata: Kantata, key: str) -> None:
    answer = kantata.call("DELETE", f"/{SETS}/{key}")
    assert faults(answer) == [("base", "The set is in use")]
    assert answer.headers["X-Mock-Rule"] == "KX-207"


def test_default__is_exactly_one_set(kantata: Kantata) -> None:
    before = kantata.get(f"/{SETS}/{SPARE}")
    for _ in range(2):
        answer = kantata.call("PUT", f"/{SETS}/{SPARE}/update_account_default", content=b"ignored")
        assert answer.json() == before
    assert kantata.call("DELETE", f"/{SETS}/{SPARE}").status_code == 422
    kantata.call("PUT", f"/{SETS}/{MANY}/update_account_default")
    assert kantata.call("DELETE", f"/{SETS}/{SPARE}").status_code == 204


# Projects


def test_bulk__answers_the_projects_with_their_sets(kantata: Kantata) -> None:
    answer = kantata.apply((PROJECT, int(INTERNAL)), (OTHER_PROJECT, DELIVERY))
    assert answer.json() == {
        "count": 2,
        "results": [{"key": CHOICES, "id": "1"}, {"key": CHOICES, "id": "2"}],
        CHOICES: {
            "1": {
                "id": "1",
                "workspace_id": 101,
                "status_set_id": 8,
                "created_at": "2026-01-10T08:05:00-08:00",
                "updated_at": NOW,
            },
            "2": {
                "id": "2",
                "workspace_id": 102,
                "status_set_id": 7,
                "created_at": "2026-01-11T08:05:00-08:00",
                "updated_at": NOW,
            },
        },
        "meta": {"count": 2, "page_count": 1, "page_number": 1, "page_size": 20},
    }


def test_bulk__tasks_fall_back_within_the_new_set(kantata: Kantata) -> None:
    kantata.apply((PROJECT, MANY))
    assert kantata.tasks() == {"1": 42, "2": 42, "3": 41, "4": 42, "5": 44}


def test_bulk__the_same_set_again_changes_nothing(kantata: Kantata) -> None:
    before = kantata.held("stories"), kantata.held(CHOICES)
    assert kantata.apply((PROJECT, DELIVERY)).status_code == 200
    assert (kantata.held("stories"), kantata.held(CHOICES)) == before


def test_bulk__of_two_entries_for_a_project_the_later_one_counts(kantata: Kantata) -> None:
    found = kantata.apply((PROJECT, INTERNAL), (PROJECT, SPARE)).json()
    assert found["count"] == 1 and found[CHOICES]["1"]["status_set_id"] == 9


def test_bulk__all_or_nothing_and_each_failing_project_is_told(kantata: Kantata) -> None:
    before = kantata.held(CHOICES)
    wrong = [(FOREIGN_PROJECT, SPARE), (OTHER_PROJECT, FOREIGN_SET), ("x", None), (None, SPARE)]
    answer = kantata.apply((PROJECT, SPARE), *wrong)
    assert faults(answer) == [
        ("workspace_id", "Workspace is not known"),
        ("status_set_id", "Status set is not known"),
        ("workspace_id", "Workspace is not known"),
        ("workspace_id", "Workspace is not known"),
    ]
    assert [each["index"] for each in answer.json()["errors"]] == [1, 2, 3, 4]
    assert kantata.held(CHOICES) == before


def test_bulk__as_a_form_with_repeated_pairs(kantata: Kantata) -> None:
    pair = "workspace_task_status_sets[][workspace_id]={}&workspace_task_status_sets[][status_set_id]={}"
    body = "&".join(pair.format(*each) for each in ((PROJECT, SPARE), (OTHER_PROJECT, MANY)))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = kantata.call("PUT", f"/{CHOICES}/bulk_update", content=body.encode(), headers=kind)
    assert [each["status_set_id"] for each in answer.json()[CHOICES].values()] == [9, 10]


@pytest.mark.parametrize("body", [{}, [], {CHOICES: {}}, {CHOICES: []}, {CHOICES: "x"}, {"other": []}])
def test_bulk__needs_a_list(kantata: Kantata, body: Any) -> None:
    answer = kantata.call("PUT", f"/{CHOICES}/bulk_update", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (400, "syntax")
