"""Conditions and orders in SQL, compared with the same worked out in Python record by record."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mockserver.engine.collection import Collection
from mockserver.engine.query import All, And, Border, Children, Condition, Expression, Not, Nothing, Or, Through
from mockserver.engine.search import Slice
from mockserver.engine.statements import Shape
from mockserver.engine.store import Store
from mockserver.engine.world import World
from tests.tools.toy_lists import CITIES, DUES, HOURS, NUMBERS, STATUSES, TITLES, Lists

VALUES: dict[str, list[Any]] = {
    "title": [*TITLES, "a", "STRASSE", "b", "Äö", "%b%", "a_%", "x%", "_", "\ud800", "nul\0", "\0x", "[a]", "*"],
    "name": [*TITLES, "a", "ß"],
    "number": [*NUMBERS, "11", "3"],
    "status": [*STATUSES, "", "nonsense"],
    "due": [*DUES, "2024-02", "9999"],
    "public": [True, False],
    "hours": [*HOURS, 1.0, 2, -(10**400), 10**400],
    "client": ["2", "nobody", "none such"],
    "parent": ["t010", "t020", "none such"],
    "city": [*CITIES, "köln"],
}
FIELDS = {
    "tasks": ["title", "number", "status", "due", "public", "hours", "client", "parent"],
    "clients": ["name", "city"],
}
AT_ANY_SIZE = pytest.mark.parametrize("size", ["small", "large"], indirect=True)
COMPARISONS = ["eq", "ne", "lt", "lte", "gt", "gte"]
TEXT = ["contains", "like", "startswith", "endswith"]


@pytest.fixture
def chance() -> random.Random:
    """QUERY_SEED=N does the same again."""
    number = int(os.environ.get("QUERY_SEED") or random.randrange(2**32))
    print(f"QUERY_SEED={number}")
    return random.Random(number)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = Store("memory" if request.param == "memory" else str(tmp_path / "state.db"))
    yield store
    store.close()


@pytest.fixture
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done for large collections, done for these small ones."""
    if request.param == "large":
        monkeypatch.setattr("mockserver.engine.indexes.LARGE", 5)
        monkeypatch.setattr("mockserver.engine.search.MOST_KEYS", 0)
        monkeypatch.setattr("mockserver.engine.indexes.MOST_INDEXES", 3)
        monkeypatch.setattr("mockserver.engine.search.MOST_TEXTS", 20)


@pytest.fixture
def lists(store: Store, chance: random.Random) -> Lists:
    """Tasks and clients, some replaced, in the trash, or new since the fork."""
    lists = Lists(store, chance)
    lists.stir(60)
    return lists


def tree(chance: random.Random, resource: str = "tasks", depth: int = 3) -> Expression:
    """Any condition."""
    kinds = ["condition"] * 5 + (["and", "or", "not", "through", "children", "constant"] if depth else [])
    match chance.choice(kinds):
        case "and":
            return And(tuple(tree(chance, resource, depth - 1) for _ in range(chance.randrange(4))))
        case "or":
            return Or(tuple(tree(chance, resource, depth - 1) for _ in range(chance.randrange(4))))
        case "not":
            return Not(tree(chance, resource, depth - 1))
        case "through" if resource == "tasks":
            field, other = chance.choice([("client", "clients"), ("parent", "tasks")])
            return Through(field, other, tree(chance, other, depth - 1))
        case "children" if resource == "tasks":
            quantifier: Any = chance.choice(["any", "none", "all", "count"])
            op: Any = chance.choice(COMPARISONS)
            return Children("tasks", "parent", quantifier, tree(chance, "tasks", depth - 1), op, chance.randrange(4))
        case "constant":
            return All() if chance.random() < 0.5 else Nothing()
    field = chance.choice(FIELDS[resource])
    ops = ["in", "nin", "isnull", "isnotnull", *COMPARISONS, *(TEXT * 2 if field in ("title", "name", "due") else [])]
    made: Any = chance.choice(ops)
    value: Any = chance.choice(VALUES[field])
    if made in ("in", "nin"):
        value = tuple(chance.choices(VALUES[field], k=chance.randrange(4)))
    return Condition(field, made, value)


def order_of(chance: random.Random) -> list[str]:
    fields = chance.sample(FIELDS["tasks"], chance.randrange(4))
    return [chance.choice(["", "-"]) + field for field in [*fields, "id"]]


@AT_ANY_SIZE
def test_search_and_count__of_any_tree_are_what_python_says(size: None, lists: Lists, chance: random.Random) -> None:
    sizes = set()
    for number in range(150):
        where, order = tree(chance), order_of(chance)
        expected = lists.expected(where, order)
        limit = chance.choice([None, 1, 5, 100])
        found = lists.world.search("tasks", where, order, limit=limit)
        assert found == expected[:limit], where
        assert lists.world.count("tasks", where) == len(expected), where
        sizes.add(len(expected))
        if number % 10 == 0:
            lists.stir(5)
    assert len(sizes) > 20, "the trees tell nothing apart"


@AT_ANY_SIZE
def test_search__from_any_border_on_either_side(size: None, lists: Lists, chance: random.Random) -> None:
    for _ in range(60):
        where, order = chance.choice([All(), tree(chance)]), order_of(chance)
        rows = lists.expected(where, order)
        if not rows:
            continue
        place = chance.randrange(len(rows))
        border = [rows[place].get(key.removeprefix("-")) for key in order]
        after = lists.world.search("tasks", where, order, border=Border(border), limit=7)
        before = lists.world.search("tasks", where, order, border=Border(border, backwards=True), limit=7)
        assert after == rows[place + 1 : place + 8], order
        assert before == rows[max(place - 7, 0) : place][::-1], order


@AT_ANY_SIZE
def test_search__from_a_border_whose_row_is_gone(size: None, lists: Lists) -> None:
    rows = lists.expected(All(), ["due", "id"])
    row = rows[10]
    lists.trash("tasks", row["id"])
    border = Border([row.get("due"), row["id"]])
    assert lists.world.search("tasks", All(), ["due", "id"], border=border, limit=3) == rows[11:14]


@AT_ANY_SIZE
def test_search__offset_and_limit_cut_a_slice(size: None, lists: Lists, chance: random.Random) -> None:
    for _ in range(40):
        where, order, offset = tree(chance, depth=1), order_of(chance), chance.choice([1, 3, 20, 10**12])
        found = lists.world.search("tasks", where, order, limit=4, offset=offset)
        assert found == lists.expected(where, order)[offset : offset + 4], (where, order, offset)


def test_search__ties_stand_in_the_order_of_creation(lists: Lists) -> None:
    news = [lists.insert(id=key, status="tie")["id"] for key in ("tz", "ty", "tx")]
    lists.replace("tasks", "ty", status="tie")
    found = lists.world.search("tasks", Condition("status", "eq", "tie"), ["status"])
    assert [one["id"] for one in found] == news


def test_search__sees_what_is_written_in_the_same_transaction(lists: Lists) -> None:
    record = {**lists.make("tasks"), "id": "t999", "title": "only this one has it"}
    where = Condition("title", "startswith", "only THIS")
    with lists.world.transaction():
        lists.world.insert("tasks", record)
        assert lists.world.search("tasks", where, ["id"], limit=5) == [record]
        assert lists.world.count("tasks", where) == 1


def test_search__of_one_world_does_not_see_another(lists: Lists) -> None:
    other = World(lists.world.ground, "other")
    before = other.search("tasks", All(), ["id"])
    lists.stir(10)
    assert other.search("tasks", All(), ["id"]) == before
    assert len(before) == 40


def test_search__by_a_field_that_is_no_column(lists: Lists) -> None:
    with pytest.raises(LookupError, match="tasks has no column colour"):
        lists.world.search("tasks", Condition("colour", "eq", "red"), ["id"])
    with pytest.raises(LookupError, match="tasks has no column colour"):
        lists.world.search("tasks", All(), ["colour", "id"])


def test_search__of_so_many_conditions_that_a_flat_statement_would_be_too_deep(lists: Lists) -> None:
    many = tuple(Condition("title", "contains", f"none such {number}") for number in range(3000))
    found = lists.world.search("tasks", Or((*many, Condition("hours", "isnotnull"))), ["id"])
    assert found == lists.expected(Condition("hours", "isnotnull"), ["id"])
    assert lists.world.count("tasks", And(tuple(Not(one) for one in many))) == len(lists.live["tasks"])


@pytest.mark.parametrize(
    ("field", "op", "value", "titles"),
    [
        ("title", "eq", "AXIS", ["Axis", "axis"]),
        ("title", "contains", "50%_", ["A 50%_x"]),
        ("title", "like", "a 50%", ["A 50%_x", "a 50 x"]),
        ("title", "like", "axi_", ["Axis", "axis"]),
        ("title", "startswith", "a 50%", ["A 50%_x"]),
        ("title", "endswith", "X", ["A 50%_x", "a 50 x"]),
        ("title", "ne", "axis", ["A 50%_x", "a 50 x"]),
        ("title", "nin", (), ["A 50%_x", "Axis", "a 50 x", "axis"]),
        ("title", "in", (), []),
        ("title", "isnull", None, [None]),
        ("plain", "eq", "axis", ["axis"]),
        ("plain", "like", "%x%", ["A 50%_x", "Axis", "a 50 x", "axis"]),
        ("plain", "like", "A%", ["A 50%_x", "Axis"]),
    ],
)
def test_condition__means_what_its_column_says(field: str, op: Any, value: Any, titles: Sequence[str]) -> None:
    store = Store("memory")
    collection = Collection(store, "toy", Shape("cards", "id", columns={"title": "fold", "plain": "plain"}))
    store.begin()
    layer = store.new_layer()
    rows = ["Axis", "axis", "A 50%_x", "a 50 x", None]
    collection.fill(layer, [{"id": str(place), "title": one, "plain": one} for place, one in enumerate(rows)], first=1)
    store.commit()
    found = collection.search((layer,), Condition(field, op, value), Slice(["plain", "id"]), {"cards": collection})
    assert [one["title"] for one in found] == titles
    store.close()


# Large collections


class Steps:
    """Counts what SQLite does, which the load of the machine does not change."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        store._db.set_progress_handler(self._step, 10)

    def _step(self) -> int:
        self.count += 10
        return 0

    def of(self, search: Callable[[], Any]) -> int:
        self.count = 0
        search()
        return self.count


def indexes(store: Store) -> list[str]:
    rows = store.execute("SELECT name FROM sqlite_master WHERE name LIKE 'toy.tasks~%' ORDER BY rowid")
    return [name for (name,) in rows]


@pytest.mark.parametrize("order", [["status", "-due", "id"], ["-title", "number", "id"], ["due", "-id"]], ids=",".join)
def test_search__costs_the_same_on_every_page_and_in_a_longer_list(chance: random.Random, order: list[str]) -> None:
    where = And((Condition("hours", "gte", 0), Or((Condition("client", "ne", "3"), Condition("public", "eq", True)))))
    firsts = []
    for size in (3000, 12_000):
        store = Store("memory")
        lists = Lists(store, chance, tasks=size)
        lists.replace()
        steps, page = Steps(store), partial(lists.world.search, "tasks", where, order, limit=30)
        page()
        firsts.append(steps.of(page))
        rows, costs = lists.expected(where, order), []
        for place in range(29, len(rows), len(rows) // 50):
            border = Border([rows[place].get(key.removeprefix("-")) for key in order])
            assert page(border=border) == rows[place + 1 : place + 31]
            costs.append(steps.of(partial(page, border=border)))
        assert max(costs) < 2.5 * firsts[-1], (firsts, costs)
        store.close()
    assert firsts[1] < 1.5 * firsts[0], firsts


def test_index__is_made_for_an_order_when_a_large_collection_is_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, lists: Lists
) -> None:
    search = partial(lists.world.search, "tasks", All(), limit=2)
    search(["due", "id"])
    assert indexes(lists.store) == []
    monkeypatch.setattr("mockserver.engine.indexes.LARGE", 5)
    for order in (["due", "id"], ["-due", "-id"], ["due", "-id"], ["due", "id"]):
        search(order)
    assert indexes(lists.store) == ["toy.tasks~~due,id", "toy.tasks~~due,-id"]


def test_index__begins_with_the_fields_that_records_are_looked_up_by(
    monkeypatch: pytest.MonkeyPatch, lists: Lists
) -> None:
    monkeypatch.setattr("mockserver.engine.indexes.LARGE", 1)
    for _ in range(2):
        lists.insert(status="New")
    where = And((Condition("status", "eq", "New"), Condition("public", "eq", True)))
    lists.world.search("tasks", where, ["status", "due", "id"], limit=2)
    assert indexes(lists.store) == ["toy.tasks~status~due,id"]


def test_index__is_not_made_for_the_few_records_that_a_lookup_finds(
    monkeypatch: pytest.MonkeyPatch, lists: Lists
) -> None:
    monkeypatch.setattr("mockserver.engine.indexes.LARGE", 20)
    for where in (
        Condition("parent", "eq", "t010"),
        And((Condition("status", "in", ("none such",)), Condition("public", "eq", True))),
        Through("parent", "tasks", Condition("title", "eq", "none such")),
    ):
        found = lists.world.search("tasks", where, ["due", "id"], limit=2)
        assert found == lists.expected(where, ["due", "id"])[:2]
    assert indexes(lists.store) == []


def test_index__that_was_not_used_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch, lists: Lists) -> None:
    monkeypatch.setattr("mockserver.engine.indexes.LARGE", 5)
    monkeypatch.setattr("mockserver.engine.indexes.MOST_INDEXES", 2)
    for field in ("due", "title", "due", "hours", "title", "hours"):
        lists.world.search("tasks", All(), [field, "id"], limit=2)
    assert sorted(indexes(lists.store)) == ["toy.tasks~~hours,id", "toy.tasks~~title,id"]


def test_index__is_not_made_where_it_could_be_taken_back(monkeypatch: pytest.MonkeyPatch, lists: Lists) -> None:
    monkeypatch.setattr("mockserver.engine.indexes.LARGE", 5)
    rows = lists.expected(All(), ["due", "id"])
    with pytest.raises(ZeroDivisionError), lists.world.transaction():
        assert lists.world.search("tasks", All(), ["due", "id"], limit=2) == rows[:2]
        raise ZeroDivisionError
    assert lists.world.search("tasks", All(), ["due", "id"], limit=2) == rows[:2]


def test_index__of_a_file_is_found_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chance: random.Random
) -> None:
    monkeypatch.setattr("mockserver.engine.indexes.LARGE", 5)
    monkeypatch.setattr("mockserver.engine.indexes.MOST_INDEXES", 1)
    store = Store(str(tmp_path / "state.db"))
    Lists(store, chance).world.search("tasks", All(), ["due", "id"], limit=2)
    store.close()
    store = Store(str(tmp_path / "state.db"))
    lists = Lists(store, chance)  # whose records stand in another layer
    assert lists.world.search("tasks", All(), ["hours", "id"], limit=2) == lists.expected(All(), ["hours", "id"])[:2]
    assert indexes(store) == ["toy.tasks~~hours,id"]
    store.close()
