"""Kantata's lists: the order, pages that correct and never refuse, `only`, side-loads."""

import pytest

from tests.kantata import DELIVERY, INTERNAL, MANY, SETS, SPARE, STATUSES, Kantata

LIST = f"/{STATUSES}"


def test_list__last_changed_first_then_by_id_as_a_number(kantata: Kantata) -> None:
    found = kantata.get(LIST, per_page=200)
    keys = [(each["updated_at"], -int(key)) for key, each in found[STATUSES].items()]
    assert keys == sorted(keys, reverse=True) and len(keys) == 59
    assert list(found[STATUSES]) == [each["id"] for each in found["results"]]


def test_list__shows_nothing_of_another_account(kantata: Kantata) -> None:
    assert kantata.listed(caller="outsider") == ["86", "87", "88", "89"]
    assert not {"86", "87", "88", "89"} & set(kantata.listed(per_page=200))


@pytest.mark.parametrize(
    ("query", "size", "shown"),
    [({}, 20, 20), ({"per_page": 7}, 7, 7), ({"per_page": 500}, 200, 59), ({"per_page": 0}, 20, 20)]
    + [({"per_page": bad}, 20, 20) for bad in ("-1", "x", "", "1.5")],
)
def test_pages__size(kantata: Kantata, query: dict[str, str], size: int, shown: int) -> None:
    found = kantata.get(LIST, **query)
    assert len(found["results"]) == shown
    assert found["meta"] == {"count": 59, "page_count": -(-59 // size), "page_number": 1, "page_size": size}


@pytest.mark.parametrize(
    ("page", "number", "shown"), [(3, 3, 19), (4, 4, 0), (0, 0, 20), (-3, -3, 20), ("x", 0, 20), ("", 0, 20)]
)
def test_pages__number_is_told_as_it_was_asked(kantata: Kantata, page: str | int, number: int, shown: int) -> None:
    found = kantata.get(LIST, page=page)
    assert len(found["results"]) == len(found[STATUSES]) == shown
    assert found["meta"] == {"count": 59, "page_count": 3, "page_number": number, "page_size": 20}


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ({"limit": 10, "offset": 50}, 50, 59),
        ({"limit": 2, "offset": 3, "page": 2, "per_page": 5}, 3, 5),
        ({"limit": 0, "offset": -4}, 0, 1),
        ({"limit": 300, "offset": 1}, 1, 59),
        ({"limit": "x", "offset": "y"}, 0, 1),
        ({"limit": 2}, 0, 20),
        ({"offset": 2}, 0, 20),
    ],
)
def test_limit_and_offset__count_together_only(kantata: Kantata, query: dict[str, str], start: int, end: int) -> None:
    assert kantata.listed(**query) == kantata.listed(per_page=200)[start:end]
    size = int(query.get("per_page", 20))
    assert kantata.get(LIST, **query)["meta"]["page_size"] == size


def test_nothing_fits(kantata: Kantata) -> None:
    assert kantata.get(LIST, only="999", per_page=7) == {
        "count": 0,
        "results": [],
        "custom_task_statuses": {},
        "meta": {"count": 0, "page_count": 0, "page_number": 0, "page_size": 7},
    }


@pytest.mark.parametrize(
    ("only", "found"),
    [
        ("31", ["31"]),
        ("27,32,31", ["32", "31", "27"]),
        ("31,31,031", ["31"]),
        ("31,999,86", ["31"]),
        ("x,31,1.5,-3", ["31"]),
        ("31, 32", ["31"]),
        ("x", []),
        (",", []),
        ("0", []),
        ("9" * 40, []),
    ],
)
def test_only__in_the_order_of_the_list_each_once(kantata: Kantata, only: str, found: list[str]) -> None:
    answer = kantata.get(LIST, only=only, per_page=1, page=2)
    assert [each["id"] for each in answer["results"]] == found
    assert answer["count"] == answer["meta"]["count"] == answer["meta"]["page_count"] == len(found)


def test_only__empty_counts_as_absent(kantata: Kantata) -> None:
    assert kantata.get(LIST, only="", page=2) == kantata.get(LIST, page=2)


def test_only__of_thousands(kantata: Kantata) -> None:
    everything = ",".join(map(str, range(3000)))
    assert len(kantata.listed(only=everything)) == 59


@pytest.mark.parametrize("include", ["task_status_set", "x,task_status_set", "task_status_set,task_status_set"])
def test_include__brings_each_set_once(kantata: Kantata, include: str) -> None:
    found = kantata.get(LIST, include=include, per_page=200)
    assert sorted(found[SETS]) == sorted([DELIVERY, INTERNAL, SPARE, MANY])
    assert all(each["task_status_set_id"] == str(each["status_set_id"]) for each in found[STATUSES].values())
    assert found["count"] == 59 and {each["key"] for each in found["results"]} == {STATUSES}


@pytest.mark.parametrize("include", ["", "x", " task_status_set", "task_status_set x", "custom_task_statuses"])
def test_include__unknown_names_bring_nothing(kantata: Kantata, include: str) -> None:
    assert kantata.get(LIST, include=include) == kantata.get(LIST)


def test_include__is_there_even_if_empty(kantata: Kantata) -> None:
    assert kantata.get(LIST, include="task_status_set", only="999")[SETS] == {}


@pytest.mark.parametrize("order", ["status", "status:up", "nothing:asc", ":", "status:asc:desc", ""])
def test_order__unknown_is_the_default(kantata: Kantata, order: str) -> None:
    assert kantata.listed(order=order) == kantata.listed()


def test_order__by_name_ignores_case_and_by_id_counts(kantata: Kantata) -> None:
    kantata.create(status="archived too")
    names = [each["status"] for each in kantata.get(LIST, order="status:asc", per_page=200)[STATUSES].values()]
    assert names == sorted(names, key=str.casefold) and names[2:4] == ["Archived", "archived too"]
    assert kantata.listed(order="id:desc", per_page=3) == ["90", "85", "84"]


@pytest.mark.parametrize("query", [{"search": "zzz"}, {"optional_fields": "x"}, {"status": "x"}, {"include[]": "x"}])
def test_parameters__that_there_are_not_are_ignored(kantata: Kantata, query: dict[str, str]) -> None:
    assert kantata.get(LIST, **query) == kantata.get(LIST)


def test_switches__refuse_what_is_otherwise_corrected(kantata: Kantata) -> None:
    kantata.turn(paging_errors="reject", unknown_include="reject")
    bad = [{"page": 0}, {"per_page": 201}, {"per_page": "x"}, {"limit": 0}, {"offset": -1}, {"include": "x"}]
    for query in bad:
        answer = kantata.call("GET", LIST, params=query)
        assert (answer.status_code, answer.json()["errors"][0]["type"]) == (400, "syntax"), query
    assert len(kantata.listed(page=3, per_page=20, include="task_status_set")) == 19
