"""Kanbert's list of tasks: what it shows, in which order, and page by page."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.kanbert import NESTED_KEYS, OMAR, PROJECT, Kanbert

SORTS = ["title", "uri", "status", "updated_at", "created_at", "due_date"]


def page(kanbert: Kanbert, **query: Any) -> dict[str, Any]:
    status, answer = kanbert.call("GET", "/tasks", params=query)
    assert status == 200, answer
    return dict(answer)


def refused(kanbert: Kanbert, **query: Any) -> str:
    status, answer = kanbert.call("GET", "/tasks", params=query)
    assert (status, list(answer)) == (400, ["message"])
    return str(answer["message"])


# What is shown


def test_list_tasks__shows_every_task_of_the_workspace(kanbert: Kanbert) -> None:
    tasks = kanbert.listed()
    assert [task["id"] for task in tasks] == sorted(task["id"] for task in tasks)
    assert {task["assignee"]["space"]["name"] for task in tasks if task["assignee"]} == {"Northwind Studio"}
    assert "OUT-1" not in [task["uri"] for task in tasks]
    assert [task["uri"] for task in kanbert.listed("outsider")] == ["OUT-1"]


def test_list_tasks__items_are_the_task_without_its_relatives(kanbert: Kanbert) -> None:
    first, *_ = page(kanbert)["data"]
    assert list(first) == NESTED_KEYS
    whole = kanbert.read(first["id"])
    assert first == {**{name: whole[name] for name in NESTED_KEYS}, "sub_tasks": []}


def test_include__adds_what_is_asked_for(kanbert: Kanbert) -> None:
    names = "sub_tasks,client,watchers,,parent_task,project,client"
    first, second, *_ = page(kanbert, include=names)["data"]
    assert [task["uri"] for task in first["sub_tasks"]] == ["ACME-2", "ACME-3"]
    assert [watcher["id"] for watcher in first["watchers"]] == [OMAR]
    assert (first["parent_task"], second["parent_task"]["uri"]) == (None, "ACME-1")
    project = {"external_id": "prj-17", "shortcode": "ACME", "name": "Website relaunch", "status": "running"}
    assert first["project"] == {"id": PROJECT, **project}
    client = {"external_id": "crm-1001", "shortcode": "ACM", "name": "Acme GmbH"}
    assert first["client"] == {"id": kanbert.tenant.known["client_id"], **client}
    assert set(first) == {*NESTED_KEYS, "parent_task", "watchers", "project", "client"}


@pytest.mark.parametrize("name", ["watchers", "parent_task", "project", "client"])
def test_include__one_adds_no_other(kanbert: Kanbert, name: str) -> None:
    assert {name} == set(page(kanbert, include=name)["data"][0]) - set(NESTED_KEYS)


def test_include__unknown(kanbert: Kanbert) -> None:
    known = "`project, watchers, client, parent_task, sub_tasks`"
    expected = f"Requested include(s) `foo, Project` are not allowed. Allowed include(s) are {known}."
    assert refused(kanbert, include="foo,watchers,Project") == expected


# Order


def order_of(task: dict[str, Any], name: str) -> Any:
    value = task[name]
    return (value is not None, value.casefold() if name in ("title", "uri") else value or "")


@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("falls", [False, True])
def test_sort__by_one_key_and_then_by_id(kanbert: Kanbert, name: str, falls: bool) -> None:
    expected = sorted(kanbert.listed(), key=lambda task: task["id"])
    expected.sort(key=lambda task: order_of(task, name), reverse=falls)
    got = kanbert.listed(sort=f"-{name}" if falls else name)
    assert [task["id"] for task in got] == [task["id"] for task in expected]


def test_sort__the_first_key_weighs_most(kanbert: Kanbert) -> None:
    expected = sorted(kanbert.listed(), key=lambda task: order_of(task, "due_date"), reverse=True)
    expected.sort(key=lambda task: task["status"])
    got = kanbert.listed(sort="status,,-due_date,-status")
    assert [task["id"] for task in got] == [task["id"] for task in expected]


def test_sort__titles_ignore_case(kanbert: Kanbert) -> None:
    for title in ("zebra", "Zebu", "ZEBRA crossing", "Ärger"):
        kanbert.create(title=title)
    titles = [task["title"] for task in kanbert.listed(sort="title", filter="title startswith zeb")]
    assert titles == ["zebra", "ZEBRA crossing", "Zebu"]


def test_sort__unknown(kanbert: Kanbert) -> None:
    known = "`title, uri, status, updated_at, created_at, due_date`"
    expected = f"Requested sort(s) `foo, id` is not allowed. Allowed sort(s) are {known}."
    assert refused(kanbert, sort="foo,title,-id") == expected
    assert "sort=-created_at" in refused(kanbert, sort="sort=-created_at,title"), "the vendor's own sample (C1)"


# Pages


@pytest.mark.parametrize("value", ["0", "-1", "x", "", "1e1", "5.0", " 5", "٣", "31", "9" * 400])
def test_page_size__what_makes_no_sense_is_30(kanbert: Kanbert, value: str) -> None:
    answer = page(kanbert, **{"page[size]": value})
    assert (answer["meta"]["per_page"], len(answer["data"])) == (30, 30)


@pytest.mark.parametrize("name", ["page[size]", "page%5Bsize%5D"])
def test_page_size__brackets_as_they_are_or_encoded(kanbert: Kanbert, name: str) -> None:
    status, answer = kanbert.call("GET", f"/tasks?{name}=7")
    assert (status, len(answer["data"]), answer["meta"]["per_page"]) == (200, 7, 7)


def test_page__of_nothing(kanbert: Kanbert) -> None:
    assert page(kanbert, filter="title eq nothing") == {
        "data": [],
        "links": [],
        "meta": {
            "path": f"http://mock{kanbert.tenant.vendor.mount}/tasks",
            "per_page": 30,
            "next_cursor": None,
            "next_cursor_url": None,
            "prev_cursor": None,
            "prev_cursor_url": None,
        },
    }


def test_page__addresses_lead_on_and_back(kanbert: Kanbert) -> None:
    query = {"sort": "-title", "filter": "title contains e", "include": "watchers", "page[size]": "4", "foo": "ä+"}
    first = page(kanbert, **query)
    assert first["meta"]["prev_cursor"] is first["meta"]["prev_cursor_url"] is None
    second = kanbert.tenant.client.get(
        first["meta"]["next_cursor_url"],
        headers={"X-Mock-World": kanbert.tenant.name, **kanbert.tenant.headers_of("owner")},
    ).json()
    assert second == page(kanbert, **query, **{"page[cursor]": first["meta"]["next_cursor"]})
    assert second["data"][0]["id"] not in [task["id"] for task in first["data"]]
    back = page(kanbert, **query, **{"page[cursor]": second["meta"]["prev_cursor"]})
    assert back["data"] == first["data"]
    assert back["meta"]["prev_cursor"] is None


@pytest.mark.parametrize("sort", ["", "title", "-due_date,title", "status,-updated_at", "due_date"])
@pytest.mark.parametrize("size", [1, 7, 30])
def test_walk__visits_every_task_once(kanbert: Kanbert, sort: str, size: int) -> None:
    where = {"filter": f"project.id eq {PROJECT} or due_date isnull", "sort": sort}
    pages = list(kanbert.pages(**where, **{"page[size]": size}))
    assert all(len(page["data"]) == size for page in pages[:-1])
    assert pages[-1]["data"], "the last page is never empty"
    assert [task["id"] for page in pages for task in page["data"]] == [task["id"] for task in kanbert.listed(**where)]


def test_walk__tasks_that_come_and_go_lose_and_repeat_no_others(kanbert: Kanbert) -> None:
    before = [task["id"] for task in kanbert.listed(sort="title")]
    seen: list[str] = []
    gone: set[str] = set()
    for number, part in enumerate(kanbert.pages(sort="title", **{"page[size]": 5})):
        seen += [task["id"] for task in part["data"]]
        kanbert.create(title=f"{'A' if number % 2 else 'Z'} came in between")
        if number in (2, 4):  # the border of the next page goes, with whatever stands below
            gone.add(seen[-1])
            kanbert.delete(seen[-1])
    still = [key for key in before if kanbert.call("GET", f"/tasks/{key}")[0] == 200 or key in gone]
    assert [key for key in seen if key in still] == still
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("cursor", ["string", "%%%", "bnVsbA", "W10", "e30", "{}"])
def test_cursor__that_cannot_be_read_gives_the_first_page(kanbert: Kanbert, cursor: str) -> None:
    answer = page(kanbert, sort="title", **{"page[cursor]": cursor})
    assert answer["data"] == page(kanbert, sort="title")["data"]


def test_cursor__of_another_sort(kanbert: Kanbert) -> None:
    cursor = page(kanbert, sort="title")["meta"]["next_cursor"]
    assert refused(kanbert, sort="-title", **{"page[cursor]": cursor})
    assert refused(kanbert, **{"page[cursor]": cursor})


def test_cursor__holds_the_border_in_the_open(kanbert: Kanbert) -> None:
    answer = page(kanbert, sort="title", **{"page[size]": 1})
    text = answer["meta"]["next_cursor"]
    held = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    task = answer["data"][0]
    assert held == {"title": held["title"], "id": task["id"], "_pointsToNextItems": True}
    assert held["title"].casefold() == task["title"].casefold()


@pytest.mark.parametrize("value", [None, 5, [1], {"a": 1}, True, "\0", 10**30])
def test_cursor__with_values_of_another_kind(kanbert: Kanbert, value: Any) -> None:
    held = json.dumps({"due_date": value, "id": "x", "_pointsToNextItems": True}).encode()
    cursor = urlsafe_b64encode(held).decode().rstrip("=")
    assert page(kanbert, sort="due_date", **{"page[cursor]": cursor})["links"] == []


# Filters: their language is tested in test_kanbert_filters.py


def test_filter__every_field_is_there(kanbert: Kanbert) -> None:
    """Null or not null, or for those that never are null one value or another, makes all tasks."""
    table = kanbert.tenant.vendor.operations["listTasks"].table["filter"]
    assert len(table["fields"]) == 33
    count = len(kanbert.listed())
    for name, field in table["fields"].items():
        match field["type"]:
            case "relation":
                both = [f"{name} any ()", f"{name} none ()"]
            case "choice":
                both = [f"{name} eq only", f"{name} eq without"]
            case _ if "isnull" in table["classes"][field["class"]]:
                both = [f"{name} isnull", f"{name} isnotnull"]
            case _:
                both = [f"{name} eq WIP or {name} ne WIP", "sub_tasks_in_list eq without"][: 1 + ("." in name)]
        assert sum(len(kanbert.listed(filter=each)) for each in both) == count, name


def test_filter__looks_through_to_other_records(kanbert: Kanbert) -> None:
    def found(text: str) -> set[str]:
        return {task["uri"] for task in kanbert.listed(filter=text) if task["created_at"] < "2024-01-11"}

    acme = {f"ACME-{number}" for number in range(1, 7)}
    assert found("client.name eq 'ACME gmbh'") == acme | {"OLD-1", "OLD-2"}
    assert found("project.shortcode in ['acme'] and assignee.email isnull") == {"ACME-2", "ACME-4"}
    assert found("project.status eq closed") == {"OLD-1", "OLD-2"}
    assert found("phase.po_number startswith 'po-2024-0'") == {"ACME-1"}
    assert found("milestone.date gt today+30d") == {"ACME-1"}
    assert found("parent_task.title contains relaunch") == {"ACME-2", "ACME-3"}
    assert found("assignee.id eq me.id") == {"ACME-3"}
    assert found("due_date eq today") == {"ACME-3", "CORP-4"}
    assert found("sub_tasks any (status eq New)") == {"ACME-1"}
    assert found("sub_tasks.count gte 1 and sub_tasks all (status eq Closed)") == {"CORP-1"}


def test_filter__follows_what_changes(kanbert: Kanbert) -> None:
    key = kanbert.named("ACME-5")["id"]
    kanbert.change(key, title="Ümläute", assignee_id=None)
    assert [task["id"] for task in kanbert.listed(filter="title contains ÜMLÄ and assignee.id isnull")] == [key]


def test_filter__and_the_vendors_own_sample(kanbert: Kanbert) -> None:
    sample = 'title contains "Acme" and (created_at >= "2024-01-01" or client.name contains "Corp")'
    assert refused(kanbert, filter=sample) == "Filter field created_at is not available here."
