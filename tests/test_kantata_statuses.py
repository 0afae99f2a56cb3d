"""Kantata's custom task statuses as clients meet them: names, places, categories, and what a delete leaves behind."""

from typing import Any

import pytest

from tests.kantata import (
    DELIVERY,
    IN_REVIEW,
    INTERNAL,
    NOW,
    ON_HOLD,
    SETS,
    SPARE,
    STATUSES,
    Kantata,
    faults,
    has_headers,
)

DEFAULTS = ["Not Started", "Started", "Needs Info", "Completed"]


# Read


def test_get__answers_one_object_in_the_form_of_a_list(kantata: Kantata) -> None:
    answer = kantata.call("GET", f"/{STATUSES}/{IN_REVIEW}")
    assert answer.json() == {
        "count": 1,
        "results": [{"key": "custom_task_statuses", "id": "31"}],
        "custom_task_statuses": {
            "31": {
                "id": "31",
                "status": "In Review",
                "category": "started",
                "position": 5,
                "status_set_id": 7,
                "created_at": "2026-01-15T09:30:00-08:00",
                "updated_at": "2026-01-15T09:30:00-08:00",
            }
        },
        "meta": {"count": 1, "page_count": 1, "page_number": 1, "page_size": 20},
    }
    has_headers(answer)


def test_get__side_loads_the_set_as_text_and_as_object(kantata: Kantata) -> None:
    found = kantata.get(f"/{STATUSES}/{IN_REVIEW}", include="task_status_set")
    assert found[STATUSES][IN_REVIEW]["task_status_set_id"] == DELIVERY
    assert list(found[SETS]) == [DELIVERY] and found[SETS][DELIVERY]["name"] == "Delivery"
    assert found["count"] == 1 and [each["key"] for each in found["results"]] == [STATUSES]


def test_etag__is_that_of_the_body_and_only_beside_a_200(kantata: Kantata) -> None:
    path = f"/{STATUSES}/{IN_REVIEW}"
    first, second = kantata.call("GET", path), kantata.call("GET", path)
    assert first.headers["Etag"] == second.headers["Etag"] != kantata.call("GET", f"/{STATUSES}/32").headers["Etag"]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert "Etag" not in kantata.call("GET", f"/{STATUSES}/999").headers


@pytest.mark.parametrize("path", ["{}.json", "{}/", "{}.json/"])
def test_paths__a_suffix_and_a_slash_lead_to_the_same(kantata: Kantata, path: str) -> None:
    for address in (f"/{STATUSES}", f"/{STATUSES}/{IN_REVIEW}", f"/{SETS}", f"/{SETS}/{DELIVERY}"):
        assert kantata.call("GET", path.format(address)).content == kantata.call("GET", address).content


def test_paths__an_id_is_compared_as_a_number(kantata: Kantata) -> None:
    assert kantata.read("031")["id"] == "31"


def test_head__is_a_get_without_its_body(kantata: Kantata) -> None:
    path = f"/{STATUSES}/{IN_REVIEW}"
    answer = kantata.call("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Etag"] == kantata.call("GET", path).headers["Etag"]


# Create


def test_create__stands_last_in_its_set_and_is_read_as_it_was_answered(kantata: Kantata) -> None:
    made = kantata.create(status="QA", category="needs info")
    assert made == {
        "id": "90",
        "status": "QA",
        "category": "needs info",
        "position": 7,
        "status_set_id": 7,
        "created_at": NOW,
        "updated_at": NOW,
    }
    assert kantata.read("90") == made
    assert kantata.listed()[0] == "90"
    assert kantata.names() == [*DEFAULTS, "In Review", "On Hold", "QA"]


def test_create__ids_are_never_used_again(kantata: Kantata) -> None:
    first = kantata.create()
    kantata.delete(first["id"])
    assert kantata.create()["id"] == "91"


def test_create__ignores_position_and_unknown_fields(kantata: Kantata) -> None:
    made = kantata.create(position=1, id="5", nonsense=True, created_at="2000-01-01T00:00:00-08:00")
    assert (made["position"], made["id"], made["created_at"]) == (7, "90", NOW)


@pytest.mark.parametrize("number", ["7", " 7 ", "+7", "007", 7.0])
def test_create__takes_a_number_in_any_spelling(kantata: Kantata, number: Any) -> None:
    assert kantata.create(status_set_id=number)["status_set_id"] == 7


def test_create__keeps_a_name_without_its_outer_blanks(kantata: Kantata) -> None:
    assert kantata.create(status="  Two  words\t\n")["status"] == "Two  words"


def test_create__the_same_name_in_another_set(kantata: Kantata) -> None:
    assert kantata.create(status="On Hold", status_set_id=int(INTERNAL))["status_set_id"] == 8


@pytest.mark.parametrize("name", ["In Review", "in review", "IN REVIEW ", "\tIn Review"])
def test_create__a_name_of_the_set_is_refused(kantata: Kantata, name: str) -> None:
    answer = kantata.post(status=name)
    assert faults(answer) == [("status", "Status is already used in this set")]
    assert answer.headers["X-Mock-Rule"] == "KX-138"


@pytest.mark.parametrize("name", [..., None, "", "  ", "\u3000", "a\u0000b", 5, True, [], {}])
def test_create__what_is_no_name_is_blank(kantata: Kantata, name: Any) -> None:
    assert faults(kantata.post(status=name)) == [("status", "Status is blank")]


def test_create__a_name_has_at_most_255_characters(kantata: Kantata) -> None:
    assert kantata.create(status="ü" * 255)["status"] == "ü" * 255
    assert faults(kantata.post(status="x" * 256)) == [("status", "Status is too long")]


@pytest.mark.parametrize("category", [..., None, "", "Started", "NOT STARTED", "started ", "done", 1, ["started"]])
def test_create__a_category_is_one_of_four_texts(kantata: Kantata, category: Any) -> None:
    assert faults(kantata.post(category=category)) == [("category", "Category is not known")]


@pytest.mark.parametrize("set_id", [..., None, "x", "", 7.5, True, [7]])
def test_create__a_set_that_is_no_number(kantata: Kantata, set_id: Any) -> None:
    assert faults(kantata.post(status_set_id=set_id)) == [("status_set_id", "Status set is blank")]


def test_create__all_faults_in_one_answer(kantata: Kantata) -> None:
    answer = kantata.post(status="in review", category="done")
    assert [field for field, _ in faults(answer)] == ["status", "category"]
    assert [each["index"] for each in answer.json()["errors"]] == [0, 0]
    answer = kantata.call("POST", f"/{STATUSES}", json={"custom_task_status": {}})
    assert [field for field, _ in faults(answer)] == ["status", "category", "status_set_id"]


def test_create__refused_makes_nothing(kantata: Kantata) -> None:
    before = kantata.get(f"/{STATUSES}")
    kantata.post(category="done")
    assert kantata.get(f"/{STATUSES}") == before
    assert kantata.create()["id"] == "90"


# Update


def test_update__changes_the_name_and_raises_updated_at(kantata: Kantata) -> None:
    before = kantata.read(IN_REVIEW)
    kantata.wait()
    assert kantata.change(IN_REVIEW, status="Under Review") == {
        **before,
        "status": "Under Review",
        "updated_at": "2026-01-20T14:01:00-08:00",
    }


def test_update__of_nothing_changes_nothing(kantata: Kantata) -> None:
    before = kantata.read(IN_REVIEW)
    assert kantata.change(IN_REVIEW) == before


def test_update__an_equal_value_counts_as_a_change(kantata: Kantata) -> None:
    assert kantata.change(IN_REVIEW, status="In Review")["updated_at"] == NOW


def test_update__ones_own_name_in_another_case(kantata: Kantata) -> None:
    assert kantata.change(IN_REVIEW, status="IN REVIEW")["status"] == "IN REVIEW"


def test_update__set_and_category_have_no_effect(kantata: Kantata) -> None:
    before = kantata.read(IN_REVIEW)
    assert kantata.change(IN_REVIEW, category="completed", status_set_id=8) == before
    assert kantata.change(IN_REVIEW, category=None, status_set_id="nowhere") == before


def test_update__refused_keeps_the_good_half_too(kantata: Kantata) -> None:
    before, names = kantata.read(ON_HOLD), kantata.names()
    assert faults(kantata.put(ON_HOLD, status="in review", position=1)) == [
        ("status", "Status is already used in this set")
    ]
    assert [field for field, _ in faults(kantata.put(ON_HOLD, status=" ", position="x"))] == ["status", "position"]
    assert (kantata.read(ON_HOLD), kantata.names()) == (before, names)


@pytest.mark.parametrize("position", [None, "", "x", 1.5, True, [], 2**31, -(2**31) - 1])
def test_update__a_place_that_is_no_number(kantata: Kantata, position: Any) -> None:
    assert faults(kantata.put(ON_HOLD, position=position)) == [("position", "Position is not a number")]


# Places


@pytest.mark.parametrize(
    ("position", "names"),
    [
        (1, ["On Hold", *DEFAULTS, "In Review"]),
        ("3", ["Not Started", "Started", "On Hold", "Needs Info", "Completed", "In Review"]),
        (6, [*DEFAULTS, "In Review", "On Hold"]),
        (0, ["On Hold", *DEFAULTS, "In Review"]),
        (-7, ["On Hold", *DEFAULTS, "In Review"]),
        (99, [*DEFAULTS, "In Review", "On Hold"]),
    ],
)
def test_move__shifts_those_between(kantata: Kantata, position: Any, names: list[str]) -> None:
    moved = kantata.change(ON_HOLD, position=position)
    assert kantata.names() == names
    assert moved["position"] == names.index("On Hold") + 1


def test_move__to_a_later_place(kantata: Kantata) -> None:
    kantata.change("27", position=4)
    assert kantata.names() == ["Started", "Needs Info", "Completed", "Not Started", "In Review", "On Hold"]


def test_move__others_are_not_changed_but_for_their_places(kantata: Kantata) -> None:
    before = kantata.read(IN_REVIEW)
    kantata.change(ON_HOLD, position=1)
    assert kantata.read(IN_REVIEW) == {**before, "position": 6}
    assert kantata.names(INTERNAL) == DEFAULTS


def test_delete__closes_the_gap(kantata: Kantata) -> None:
    kantata.delete(IN_REVIEW)
    assert kantata.names() == [*DEFAULTS, "On Hold"]
    assert kantata.read(ON_HOLD)["updated_at"] == "2026-01-16T11:00:00-08:00"


# Delete


def test_delete__answers_no_byte(kantata: Kantata) -> None:
    answer = kantata.delete(ON_HOLD)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers and answer.headers["X-Request-Id"]


def test_delete__it_is_gone_everywhere(kantata: Kantata) -> None:
    kantata.delete(ON_HOLD)
    answers = [kantata.call("GET", f"/{STATUSES}/{ON_HOLD}"), kantata.put(ON_HOLD, status="x"), kantata.delete(ON_HOLD)]
    assert [each.status_code for each in answers] == [404, 404, 404]
    assert kantata.listed(only=f"{ON_HOLD},{IN_REVIEW}") == [IN_REVIEW]


def test_delete__frees_the_name(kantata: Kantata) -> None:
    kantata.delete(ON_HOLD)
    assert kantata.create(status="On Hold", category="needs info")["position"] == 6


def test_delete__tasks_fall_back_to_the_default_of_the_category(kantata: Kantata) -> None:
    before = kantata.held("stories")
    assert kantata.delete(IN_REVIEW).status_code == 204
    assert kantata.tasks() == {"1": 28, "2": 28, "3": 27, "4": 28, "5": 30}
    assert [each["updated_at"] for each in kantata.held("stories").values()] == [
        each["updated_at"] for each in before.values()
    ]


def test_delete__default_statuses_stay_also_under_another_name(kantata: Kantata) -> None:
    for key in ("27", "28", "29", "30"):
        assert kantata.change(key, status=f"Called {key}", position=1)["position"] == 1
        answer = kantata.delete(key)
        assert faults(answer) == [("base", "A default status stays")]
        assert answer.headers["X-Mock-Rule"] == "KX-193"
    assert len(kantata.names()) == 6


# Forms


def test_form__means_what_json_means(kantata: Kantata) -> None:
    form = {"custom_task_status[status]": "A & B", "custom_task_status[category]": "started"}
    answer = kantata.call("POST", f"/{STATUSES}", data={**form, "custom_task_status[status_set_id]": SPARE})
    made = kantata.one(answer)
    assert (made["status"], made["status_set_id"], made["position"]) == ("A & B", 9, 5)
    path = f"/{STATUSES}/{made['id']}"
    assert kantata.one(kantata.call("PUT", path, data={"custom_task_status[position]": "1"}))["position"] == 1
    answer = kantata.call("POST", f"/{STATUSES}", data={"custom_task_status[status]": " "})
    assert [field for field, _ in faults(answer)] == ["status", "category", "status_set_id"]


# Switches


def test_switch__sets_key(kantata: Kantata) -> None:
    kantata.turn(sets_key="always")
    found = kantata.get(f"/{STATUSES}/{IN_REVIEW}")
    assert list(found[SETS]) == [DELIVERY] and "task_status_set_id" not in found[STATUSES][IN_REVIEW]
    assert kantata.get(f"/{STATUSES}", only="999")[SETS] == {}


def test_switch__immutable_fields(kantata: Kantata) -> None:
    kantata.turn(immutable_fields="reject")
    answer = kantata.put(IN_REVIEW, category="completed", status_set_id=8)
    assert [field for field, _ in faults(answer)] == ["category", "status_set_id"]
    assert kantata.put(IN_REVIEW, category="started", status_set_id="7").status_code == 200


def test_switch__names(kantata: Kantata) -> None:
    kantata.turn(names="exact")
    assert kantata.create(status="in review")["status"] == "in review"
    assert faults(kantata.post(status=" In Review ")) == [("status", "Status is already used in this set")]
