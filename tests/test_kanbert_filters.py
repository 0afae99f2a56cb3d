"""Kanbert's filters: what their words mean, which fields take which of them, and what is refused by name."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from mockserver.engine.chance import parse_time
from mockserver.engine.errors import Refusal
from mockserver.engine.query import All, And, Condition, Expression, Not, Through
from mockserver.vendor import load
from mockserver.vendors.kanbert_filters import Filters
from tests.tools.conditions import find

TABLES = {name: each.table.get("filter") for name, each in load("kanbert").operations.items()}
TABLE = TABLES["listTasks"]
TASKS, WEBHOOKS = Filters(TABLE), Filters(TABLES["listWebhooks"])
NOW = parse_time("2024-02-14T10:30:00Z")  # a Wednesday
ME = "user-me"

PARTS: dict[str, Any] = {
    "client_id": "acme", "project_id": "web", "parent_task_id": None, "assignee_id": None, "epic_id": None,
    "phase_id": None, "milestone_id": None, "due_date": None, "is_public": True,
}  # fmt: skip


def task(number: int, title: str, status: str, **fields: Any) -> dict[str, Any]:
    return {**PARTS, "id": f"task-{number}", "uri": f"WEB-{number}", "title": title, "status": status, **fields}


RECORDS: dict[str, list[dict[str, Any]]] = {
    "projects": [
        {"id": "web", "external_id": "prj-17", "shortcode": "ACME", "name": "Website", "status": "running"},
        {"id": "old", "external_id": None, "shortcode": "OLD", "name": "Legacy shop", "status": "closed"},
    ],
    "clients": [{"id": "acme", "external_id": "crm-1", "name": "Acme GmbH", "shortcode": "ACM"}],
    "users": [{"id": ME, "email": "me@example.com", "type": "integration"}],
    "epics": [{"id": "epic", "title": "Relaunch"}],
    "phases": [{"id": "phase", "title": "Design", "po_number": None, "start_date": "2024-02-01", "end_date": None}],
    "milestones": [{"id": "golive", "title": "Go-live", "po_number": "PO-1", "date": "2024-03-25"}],
    "tasks": [
        task(1, "Relaunch the Acme website", "WIP", due_date="2024-02-14", assignee_id=ME, phase_id="phase"),
        task(2, "Collect answers", "New", parent_task_id="task-1", due_date="2024-02-12", epic_id="epic"),
        task(3, "50% done_now", "Closed", parent_task_id="task-1", due_date="2024-02-18", is_public=False),
        task(4, "50 per cent done now", "New", due_date="2024-02-19", project_id="old"),
        task(5, "today", "Backlog", milestone_id="golive", assignee_id=ME),
        task(6, "Say \"so\" and 'so'", "Completed", parent_task_id="task-5", due_date="2024-01-15"),
    ],
}  # fmt: skip


def args(text: str | None) -> list[tuple[str, str]]:
    if text is None:
        return []
    return parse_qsl(text, keep_blank_values=True) if text.startswith("filter[") else [("filter", text)]


def parse(text: str | None, *, now: float = NOW, visible: Expression | None = None) -> Expression:
    return TASKS.parse(args(text), now, ME, visible=visible or All())


def found(text: str | None, **options: Any) -> list[str]:
    return [each.removeprefix("task-") for each in find(parse(text, **options), "tasks", RECORDS)]


def reason(text: str) -> str:
    with pytest.raises(Refusal) as refusal:
        parse(text)
    assert refusal.value.situation == "filter_wrong"
    json.dumps(refusal.value.values, ensure_ascii=False).encode()
    return str(refusal.value.values["reason"])


def rows(word: str) -> list[Any]:
    table: dict[str, list[Any]] = TABLE[word]
    named = [(f"{rule}-{number}", case) for rule, cases in table.items() for number, case in enumerate(cases)]
    return [pytest.param(case, id=name) for name, case in named]


# What the table says


@pytest.mark.parametrize("pair", rows("equal"))
def test_equal_filters__find_the_same(pair: list[str | None]) -> None:
    assert found(pair[0]) == found(pair[1])


@pytest.mark.parametrize("case", rows("refused"))
def test_refused_filters__are_refused_by_name(case: list[str]) -> None:
    assert all(word in reason(case[0]) for word in case[1:])


@pytest.mark.parametrize("name", list(TABLE["fields"]))
def test_fields__take_the_operators_of_their_class_and_no_other(name: str) -> None:
    entry = TABLE["fields"][name]
    for op in dict.fromkeys(op for ops in TABLE["classes"].values() for op in ops):
        lists = ["in", "nin", "notin"]
        value = entry.get("values", ["2024-02-14"])
        given: Any = list(value) if op in lists else next(iter(value))
        given = [] if op in ("any", "none", "all") else 1 if op == "count" else given
        text = json.dumps([{"field": name, "op": op, "value": given}])
        if op in TABLE["classes"][entry["class"]]:
            parse(text)
        else:
            assert reason(text) == f"Filter operator {op} is not available for {name}."


@pytest.mark.parametrize("alias", list(TABLE["aliases"]))
def test_aliases__mean_the_operator(alias: str) -> None:
    plain = TABLE["aliases"][alias]["for"]
    value = ["2024-02-14"] if plain == "nin" else "2024-02-14"
    one, other = ([{"field": "due_date", "op": op, "value": value}] for op in (alias, plain))
    assert parse(json.dumps(one)) == parse(json.dumps(other))


# What the words mean


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title eq today", "5"),
        ('title contains "ACME"', "1"),
        ('title contains "50%"', "3"),
        ('title startswith "50%"', "3"),
        ('title endswith "_now"', "3"),
        ('title like "50%now"', "34"),
        ('title like "50_done_now"', ""),
        ('title like "done"', "34"),
        ('title eq "Say \\"so\\" and \'so\'"', "6"),
        ("title eq 'Say \"so\" and \\'so\\''", "6"),
        ("title in [today, 'COLLECT ANSWERS']", "25"),
        ("status ne New", "1356"),
        ("status in [New, WIP] and project.status eq running", "12"),
        ("assignee.id eq me.id", "15"),
        ("assignee.id ne me.id", ""),
        ("assignee.email contains example", "15"),
        ("assignee.type notnull", "15"),
        ("epic.title isnull", "13456"),
        ("phase.po_number isnull", "123456"),
        ("phase.end_date isnull and phase.id notnull", "1"),
        ("project.external_id isnull", "4"),
        ("parent_task.status eq WIP", "23"),
        ("parent_task.id isnull", "145"),
        ("due_date isnull", "5"),
        ("due_date ne 2024-02-14", "2346"),
        ("due_date nin [today, 2024-01-15]", "234"),
        ("sub_tasks any (status eq New)", "1"),
        ("sub_tasks none (status eq New)", "23456"),
        ("sub_tasks all (status ne New)", "23456"),
        ("sub_tasks all (status in [New, Closed])", "12346"),
        ("sub_tasks any ()", "15"),
        ("sub_tasks none ()", "2346"),
        ("sub_tasks.count eq 2", "1"),
        ("sub_tasks.count lt 2", "23456"),
        ("sub_tasks_in_list eq only", "236"),
        ("sub_tasks_in_list eq without", "145"),
        ("status eq New or status eq WIP and title contains acme", "124"),
        ("(status eq New or status eq WIP) and title contains acme", "1"),
    ],
)
def test_filters__find_what_they_say(text: str, expected: str) -> None:
    assert "".join(found(text)) == expected


DAY_OPS = ("eq", "ne", "lt", "lte", "gt", "gte")


@pytest.mark.parametrize(
    ("value", "expected"),  # of the days 13, 14 and 15 of February: those that each operator keeps
    [
        ("2024-02-14", ["14", "13 15", "13", "13 14", "15", "14 15"]),
        ("today", ["14", "13 15", "13", "13 14", "15", "14 15"]),
        ("today-1d", ["13", "14 15", "", "13", "14 15", "13 14 15"]),
        ("today+1d", ["15", "13 14", "13 14", "13 14 15", "", "15"]),
        ("now", ["", "13 14 15", "13 14", "13 14", "15", "15"]),
        ("2024-02-14T00:00:00Z", ["14", "13 15", "13", "13 14", "15", "14 15"]),
        ("2024-02-14T00:00:00.0000001Z", ["", "13 14 15", "13 14", "13 14", "15", "15"]),
        ("2024-02-14t02:00:00+02:00", ["14", "13 15", "13", "13 14", "15", "14 15"]),
        ("2024-02-13T23:59:60Z", ["14", "13 15", "13", "13 14", "15", "14 15"]),
        ("9999-12-31", ["", "13 14 15", "13 14 15", "13 14 15", "", ""]),
        ("9999-12-31T12:00:00Z", ["", "13 14 15", "13 14 15", "13 14 15", "", ""]),
        ("0001-01-01", ["", "13 14 15", "", "", "13 14 15", "13 14 15"]),
    ],
)
def test_dates__compare_as_days_or_as_instants(value: str, expected: list[str]) -> None:
    days = [{"id": day, "due_date": f"2024-02-{day}"} for day in ("13", "14", "15")] + [{"id": "", "due_date": None}]
    kept = [find(parse(f"due_date {op} {value}"), "tasks", {"tasks": days}) for op in DAY_OPS]
    assert [" ".join(each) for each in kept] == expected


@pytest.mark.parametrize(
    ("now", "week", "month"),
    [
        ("2024-02-12T00:00:00Z", ("2024-02-12", "2024-02-18"), ("2024-02-01", "2024-02-29")),
        ("2024-02-18T23:59:59.9Z", ("2024-02-12", "2024-02-18"), ("2024-02-01", "2024-02-29")),
        ("2024-02-19T00:00:00Z", ("2024-02-19", "2024-02-25"), ("2024-02-01", "2024-02-29")),
        ("2023-12-31T23:59:59Z", ("2023-12-25", "2023-12-31"), ("2023-12-01", "2023-12-31")),
        ("2024-01-01T00:00:00Z", ("2024-01-01", "2024-01-07"), ("2024-01-01", "2024-01-31")),
    ],
)
def test_weeks_and_months__begin_and_end_by_the_clock(now: str, week: tuple[str, ...], month: tuple[str, ...]) -> None:
    words = [parse(f"due_date eq {word}", now=parse_time(now)) for word in ("sow", "eow", "som", "eom")]
    assert words == [Condition("due_date", "eq", day) for day in (*week, *month)]


def test_repeated_filters__follow_the_clock() -> None:
    assert parse("due_date eq today", now=NOW) == Condition("due_date", "eq", "2024-02-14")
    assert parse("due_date eq today", now=NOW + 86400) == Condition("due_date", "eq", "2024-02-15")


def test_a_guest__finds_nothing_by_tasks_that_are_hidden() -> None:
    guest = Condition("is_public", "eq", True)
    assert found("sub_tasks any (status eq Closed)", visible=guest) == []
    assert found("sub_tasks all (status eq New)", visible=guest) == ["1", "2", "3", "4", "6"]
    assert found("sub_tasks.count eq 1", visible=guest) == ["1", "5"]
    hidden = Not(Through("parent_task_id", "tasks", And((guest, Condition("id", "isnotnull")))))
    assert parse("parent_task.id isnull", visible=guest) == hidden


def test_webhooks__have_a_time_of_the_day() -> None:
    def ask(text: str) -> Expression:
        return WEBHOOKS.parse(args(text), NOW, ME, visible=All())

    day = And(
        (Condition("created_at", "gte", "2024-02-14T00:00:00Z"), Condition("created_at", "lt", "2024-02-15T00:00:00Z"))
    )
    assert ask("created_at eq today") == day
    assert ask("created_at lte now") == Condition("created_at", "lt", "2024-02-14T10:30:01Z")
    assert ask("url contains example") == Condition("url", "contains", "example")
    with pytest.raises(Refusal):
        ask("title eq x")


def test_parse__of_more_conditions_on_sub_tasks_than_a_server_can_bear_is_refused() -> None:
    one = 'sub_tasks any (title contains "a")'
    assert isinstance(parse(" and ".join([one] * 20)), And)
    assert reason(" or ".join([one] * 21)) == "The filter has more than 20 conditions on related tasks."
