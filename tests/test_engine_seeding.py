"""The seed of a vendor: what seed.yaml fixes, and made-up records around it, the same for the same seed on any day."""

from collections import Counter
from datetime import datetime
from typing import Any, NoReturn

import pytest

from mockserver.engine.collection import Collection
from mockserver.engine.seeding import Garden, seed_layer
from mockserver.engine.statements import Shape
from mockserver.engine.store import StateError, Store
from mockserver.vendor import Vendor, load, shipped

Grown = dict[str, list[dict[str, Any]]]


def grow(vendor: Vendor, seed: int = 1, records: int | None = None) -> Grown:
    return dict(Garden(vendor, seed, records).grow())


def own_tasks(vendor: Vendor, grown: Grown) -> list[dict[str, Any]]:
    return [task for task in grown["tasks"] if task["workspace_id"] == vendor.seed["default_account"]]


@pytest.mark.parametrize("name", shipped())
def test_grow__is_the_same_for_the_same_seed(name: str) -> None:
    vendor = load(name)
    assert grow(vendor) == grow(vendor)


def test_grow__is_another_for_another_seed(kanman: Vendor) -> None:
    assert grow(kanman, seed=1)["tasks"] != grow(kanman, seed=2)["tasks"]


@pytest.mark.parametrize("name", shipped())
def test_grow__does_not_depend_on_the_day(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoDay(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> NoReturn:
            raise AssertionError("a seeded record asked what day it is")

    vendor = load(name)
    monkeypatch.setattr("faker.providers.date_time.datetime", NoDay)
    assert grow(vendor)


def test_grow__keeps_the_fixed_records_as_they_are_and_first(kanman: Vendor) -> None:
    grown = grow(kanman)
    for resource, fixed in kanman.seed["records"].items():
        assert grown[resource][: len(fixed)] == fixed


@pytest.mark.parametrize("wanted", [1, 60, 1000])
def test_grow__makes_as_many_main_records_as_wanted(kanman: Vendor, wanted: int) -> None:
    grown = grow(kanman, records=wanted)
    assert len(grown["tasks"]) == wanted + len(kanman.seed["records"]["tasks"])


def test_grow__spreads_children_evenly_and_over_enough_parents(kanman: Vendor) -> None:
    grown = grow(kanman, records=3000)
    spared = {kanman.known["project_id"], kanman.known["other_project_id"]}
    counts = Counter(task["project_id"] for task in own_tasks(kanman, grown))
    made = [n for project, n in counts.items() if project not in spared]
    assert max(made) - min(made) <= 1
    assert max(made) <= 150


def test_grow__puts_nothing_into_spared_or_foreign_parents(kanman: Vendor) -> None:
    fixed = Counter(task["project_id"] for task in kanman.seed["records"]["tasks"])
    grown = Counter(task["project_id"] for task in grow(kanman)["tasks"])
    for project in (kanman.known["project_id"], kanman.known["other_project_id"]):
        assert grown[project] == fixed[project]
    accounts = {project["id"]: project["workspace_id"] for project in grow(kanman)["projects"]}
    assert all(accounts[task["project_id"]] == task["workspace_id"] for task in grow(kanman)["tasks"])


def test_grow__gives_every_record_an_id_of_its_own(kanman: Vendor) -> None:
    grown = grow(kanman, records=500)
    ids = [record["id"] for records in grown.values() for record in records]
    ids += [part["id"] for task in grown["tasks"] for part in task["subtasks"]]
    assert len(set(ids)) == len(ids)


def test_grow__ranks_are_distinct_within_their_parent(kanman: Vendor) -> None:
    grown = grow(kanman, records=1000)
    ranks = Counter((task["project_id"], task["position"]) for task in grown["tasks"])
    assert max(ranks.values()) == 1


def test_grow__times_are_in_order(kanman: Vendor) -> None:
    assert all(
        record["created_at"] <= record["updated_at"]
        for resource in ("boards", "projects", "tasks")
        for record in grow(kanman)[resource]
    )


def test_grow__fills_a_board(kanman: Vendor) -> None:
    tasks = own_tasks(kanman, grow(kanman))
    assert {task["status"] for task in tasks} == {0, 1, 2}
    assert sum(bool(task["subtasks"]) for task in tasks) > len(tasks) / 2
    assert sum(task["description"] is None for task in tasks) > 5
    assert len({task["label"] for task in tasks}) > 40
    assert not any("{{" in task["label"] for task in tasks)


SHAPES = {
    "workspaces": Shape("workspaces", "id"),
    "boards": Shape("boards", "id"),
    "projects": Shape("projects", "id"),
    "tasks": Shape("tasks", "id", [["project_id", "position"]]),
}


def collections(store: Store, **other: Shape) -> dict[str, Collection]:
    return {name: Collection(store, "kanman", shape) for name, shape in {**SHAPES, **other}.items()}


@pytest.fixture
def store() -> Any:
    opened = Store("memory")
    yield opened
    opened.close()


def test_seed_layer__holds_all_records(kanman: Vendor, store: Store) -> None:
    found = collections(store)
    layer, seeded, _ = seed_layer(store, kanman, found, seed=1, records=10)
    assert found["tasks"].find((layer,), kanman.known["task_id"])
    assert seeded >= sum(map(len, grow(kanman, records=10).values()))


def test_seed_layer__a_state_that_has_one_keeps_it_and_says_so(
    kanman: Vendor, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    kept = seed_layer(store, kanman, collections(store), seed=1, records=10)
    assert seed_layer(store, kanman, collections(store), seed=1, records=10) == kept
    assert not caplog.records
    assert seed_layer(store, kanman, collections(store), seed=2, records=99) == kept
    assert "keeps the records of its state: seed 1, records 10" in caplog.text


def test_seed_layer__of_another_model_is_refused(kanman: Vendor, store: Store) -> None:
    seed_layer(store, kanman, collections(store), seed=1, records=1)
    with pytest.raises(StateError, match="another model of kanman"):
        seed_layer(store, kanman, collections(store, tasks=Shape("tasks", "id")), seed=1, records=1)
