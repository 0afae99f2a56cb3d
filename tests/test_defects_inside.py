"""Defects of what a tenant keeps, lists and tells: each changes something that a client sees, and says so truly."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mockserver.defects import KINDS
from mockserver.engine.defect import Defect
from mockserver.planted import endings, filters, hooks, keys, limits, lists, moves, records, repeats, values
from mockserver.vendor import Vendor, load, shipped
from tests.tools.driving import Theatre
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


def test_catalogue__of_a_strangers_vendor_is_derived_too() -> None:
    kinds = {defect.kind for defect in inside(load(TOY))}

    assert {"lost-update", "duplicate", "stale-read", "unicode", "escaping", "time-zone", "uniqueness"} <= kinds
