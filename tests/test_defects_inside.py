"""Defects of what a tenant keeps, lists and tells: each changes something that a client sees, and says so truly."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mockserver.defects import KINDS
from mockserver.engine.defect import Defect
from mockserver.planted import endings, filters, hooks, keys, limits, lists, moves, records, repeats, values
from mockserver.planted.writing import fields_of
from mockserver.vendor import Vendor, load, shipped
from tests.tools.driving import Drive, Theatre
from tests.tools.scripts import SCRIPTS

TOY = Path(__file__).parents[1] / "fixtures/toy_vendor"
INSIDE = frozenset(KINDS[KINDS.index("filter") :]) | {"order"}

# Kinds that a vendor's API has no place for, and why.
NO_PLACE = {
    "geotareas": {
        "cascade": "it deletes nothing",
        "include": "its lists show the same whatever is asked",
        "partial-update": "no operation changes some fields of a record",
        "retry": "it has no webhooks",
        "search-by-key": "its paths bear ids only",
        "signature": "it has no webhooks",
        "sort": "its lists have one order",
        "upload": "it takes no files",
        "webhook-payload": "it has no webhooks",
    },
    "kanbert": {"transition": "that any status may follow any is only assumed"},
    "kanman": {
        "cascade": "what is deleted with a task is not to be seen",
        "filter": "its lists come whole",
        "include": "its lists show the same whatever is asked",
        "retry": "its webhooks are no matter of the API",
        "search-by-key": "its paths bear ids only",
        "signature": "its webhooks are no matter of the API",
        "sort": "its lists have one order",
        "upload": "it takes no files",
        "webhook-payload": "its webhooks are no matter of the API",
    },
    "kantata": {
        "retry": "it has no webhooks",
        "search-by-key": "its paths bear ids only",
        "signature": "it has no webhooks",
        "transition": "no field moves between states",
        "upload": "it takes no files",
        "webhook-payload": "it has no webhooks",
    },
}


def inside(vendor: Vendor) -> Iterator[Defect]:
    for part in (records, repeats, values, limits, keys, endings, moves, lists, filters, hooks):
        yield from part.defects(vendor)


@cache
def theatre(vendor: str) -> Theatre:
    script, clock = SCRIPTS[vendor]
    return Theatre(load(vendor), script, clock)


def status_of(told: Any) -> int:
    return int(told[1]) if isinstance(told[1], int) else 0


@pytest.mark.parametrize("name", shipped())
def test_catalogue__has_each_kind_inside_that_the_api_has_a_place_for(name: str) -> None:
    kinds = {defect.kind for defect in inside(load(name))}

    assert INSIDE - kinds == NO_PLACE[name].keys()


@pytest.mark.parametrize("name", shipped())
def test_script__shows_the_same_of_a_faithful_world_each_time(name: str) -> None:
    assert theatre(name).shows("no-such-defect") is None


@pytest.mark.parametrize(
    ("vendor", "defect"),
    [(name, defect.name) for name in shipped() for defect in inside(load(name))],
    ids=lambda part: str(part),
)
def test_defect__changes_what_a_client_sees(vendor: str, defect: str) -> None:
    shown = theatre(vendor).shows(defect)

    assert shown is not None, "nobody would notice it"
    told, _ = shown
    assert status_of(told) < 500, f"it breaks the stand-in instead: {told}"


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped())
def test_defects__break_nothing_but_what_they_say(name: str) -> None:
    for defect in inside(load(name)):
        assert not theatre(name).failures(defect.name), defect.name


@pytest.mark.parametrize("name", shipped())
def test_defects__take_whatever_is_sent(name: str) -> None:
    vendor = load(name)
    script = Theatre(vendor, _nonsense, SCRIPTS[name][1])
    for defect in inside(vendor):
        failed = [told for told in script.answers(defect.name) if status_of(told) >= 500]
        assert not failed, defect.name


def _nonsense(drive: Drive) -> None:
    """Bodies that are none, and every value of another type in each field."""
    concerned = {name for one in drive.world.defects.values() for name in one.defect.operations}
    for operation in (drive.vendor.operations[name] for name in sorted(concerned)):
        names = [part for part in operation.path.split("/") if part.startswith("{")]
        paths = [["no such record"] * len(names)]
        paths += [[key] for key in drive.known.values()] if len(names) == 1 else []
        wrapper, fields = operation.table.get("wrapper"), fields_of(drive.vendor, operation)
        bodies: list[Any] = [b"{", [], None]
        for value in ([1], {"a": 1}, 7, True, None, "", "x"):
            body: Any = dict.fromkeys(fields, value)
            bodies.append({wrapper: body} if wrapper else body)
        for path in paths:
            for body in bodies if fields else [None]:
                drive.ask(operation.id, path, "sort=,&filter=%5B&page=x&find_by=uri&order=:&only=,", body)


def test_defects__act_together_where_several_are_planted() -> None:
    script = Theatre(load("kanman"), _one_task, SCRIPTS["kanman"][1])

    both = script.told("texts-are-kept-as-html", "update-task-ignores-status")

    assert [task["label"] for task in both] == ["a &lt; b", "c &gt; d"]
    assert both[1]["status"] == 0


def test_defect__leaves_the_world_alone_once_it_is_gone() -> None:
    script = Theatre(load("kanman"), _one_task, SCRIPTS["kanman"][1])

    faithful = script.told()
    script.told("texts-are-kept-as-html")

    assert script.told() == faithful
    assert [task["label"] for task in faithful] == ["a < b", "c > d"]


def _one_task(drive: Drive) -> None:
    made = drive.ask("createTask", body={"projectId": drive.known["project_id"], "label": "a < b"})["task"]
    drive.ask("updateTask", [made["id"]], body={"label": "c > d", "status": 2})


def test_catalogue__of_a_strangers_vendor_is_derived_too() -> None:
    kinds = {defect.kind for defect in inside(load(TOY))}

    assert {"lost-update", "duplicate", "stale-read", "unicode", "escaping", "time-zone", "uniqueness"} <= kinds
