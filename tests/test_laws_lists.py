"""Laws on lists hold on every clean stand-in, and each finds the lists that are not as the rule promises."""

from collections.abc import Iterator

import pytest

from contracts.findings import Broken, NotJudged
from contracts.laws import LAWS
from contracts.safety.guard import Budget
from contracts.target import Target, open_local
from mockserver.vendor import Rule, load, shipped
from tests.list_bends import LIST_BENDS
from tests.tools.judging import open_bent

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
    target = open_bent(vendor, bent.bend, tenant=False, seed=5)
    try:
        for rule in bent.breaks:
            with pytest.raises(Broken):
                judge(target, vendor.rules[rule])
    finally:
        target.close()


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
