"""Laws on lists hold on every clean stand-in, and each finds the lists that are not as the rule promises."""

from collections.abc import Iterator

import pytest

from contracts.control import Control
from contracts.findings import Broken, NotJudged
from contracts.laws import LAWS
from contracts.model import Model
from contracts.safety.guard import Budget, Guard
from contracts.target import LOCAL_ORIGIN, Target, open_local
from contracts.wire import LocalWire
from mockserver.app import create_app
from mockserver.settings import Settings
from mockserver.vendor import Rule, Vendor, load, shipped
from tests.bending_proxy import BentWire
from tests.list_bends import LIST_BENDS

ON_LISTS = ("page-walk", "sort", "include", "list-order")
VENDORS = {name: load(name) for name in shipped()}
RULES = [
    (vendor.name, rule.id)
    for vendor in VENDORS.values()
    for rule in vendor.rules.values()
    if rule.judge == "law" and rule.detail[0] in ON_LISTS
]


@pytest.fixture(scope="module")
def clean() -> Iterator[dict[str, Target]]:
    targets = {name: open_local(vendor, seed=3, budget=Budget()) for name, vendor in VENDORS.items()}
    yield targets
    for target in targets.values():
        target.close()


@pytest.mark.parametrize(("vendor", "rule"), RULES)
def test_law__holds_on_the_clean_stand_in(clean: dict[str, Target], vendor: str, rule: str) -> None:
    judge(clean[vendor], VENDORS[vendor].rules[rule])


@pytest.mark.parametrize("name", LIST_BENDS)
def test_law__finds_what_is_bent(name: str) -> None:
    bent = LIST_BENDS[name]
    vendor = VENDORS[bent.vendor]
    app = create_app(Settings(seed=5, clock="2026-03-02T09:00:00Z"), [vendor])
    wire = BentWire(LocalWire(app, LOCAL_ORIGIN, at_end=app.close), bent.bend, hide_control=False)
    target = open_bent(vendor, wire)
    try:
        for rule in bent.breaks:
            with pytest.raises(Broken):
                judge(target, vendor.rules[rule])
    finally:
        target.close()


def open_bent(vendor: Vendor, wire: BentWire) -> Target:
    guard = Guard(wire, vendor.mount, Model(vendor), budget=Budget(), is_own_world=True)
    control = Control(wire)
    told = control.find_credentials()
    assert told is not None
    callers = {name: entry["headers"] for name, entry in told[vendor.name]["callers"].items()}
    return Target(vendor, guard, wire, seed=5, control=control, callers=callers, known=vendor.known)


def judge(target: Target, rule: Rule) -> None:
    try:
        LAWS[rule.detail[0]](target.tenant(rule.id), rule)
    except NotJudged as unjudged:
        pytest.fail(f"{rule.id} is not judged: {unjudged.why}")


def test_aspects__every_one_is_known_to_its_law_and_names_rules_of_it() -> None:
    for vendor in VENDORS.values():
        for law, table in vendor.behaviour.get("aspects", {}).items():
            assert law in LAWS
            for aspect, rules in table.items():
                for rule in [rules] if isinstance(rules, str) else rules:
                    assert vendor.rules[rule].detail == (law,), f"{vendor.name}: {law}.{aspect} names {rule}"
