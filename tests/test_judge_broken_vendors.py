"""Broken tenants of GeoTareas, Kantata and Kanbert are recognised by the rules they break, and faithful ones pass.

Each bend meets the rules that speak of it, on the mock. What a tenant may do because the documents leave room for it
is judged without a control plane, by all rules but those that only the fuzzer shows.
"""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from contracts import runner
from contracts.runner import Result
from mockserver.vendor import Vendor, load
from tests.bending_proxy import bends_of
from tests.bends import straight
from tests.lenient_tenants import LENIENT, SWITCHED, TOGETHER, together
from tests.tools.judging import found, judge, judge_lightly
from tests.unseen_on_tenants import UNSEEN_ON_A_TENANT

QUICK = {
    "geotareas": [
        "previous-is-new",
        "author-of-the-body",
        "order-turned",
        "no-walls",
        "full-one-early",
        "meta-missing",
    ],
    "kanbert": ["stale-read", "filter-ignored", "cursor-ignored", "deleted-still-listed", "readers-write"],
}
VENDORS: dict[str, Vendor] = {name: load(name) for name in LENIENT}


def _bends(vendor: str) -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module(f"tests.{vendor}_bends").BENDS
    return found


def _cases() -> Iterator[Any]:
    """Kantata's have a suite of their own."""
    for vendor, quick in QUICK.items():
        for name in _bends(vendor):
            marks = [] if name in quick else [pytest.mark.slow]
            yield pytest.param(vendor, name, id=f"{vendor}-{name}", marks=marks)


@pytest.mark.parametrize(("vendor", "name"), list(_cases()))
def test_bend__is_found_by_its_rule(vendor: str, name: str) -> None:
    bend, breaks = _bends(vendor)[name]
    result = judge_lightly(VENDORS[vendor], bend, breaks, tenant=False)
    assert found(result) & breaks, result.verdicts
    assert result.exit_code == 1


SEEN_ON_A_TENANT = {
    "geotareas": ["writers-read", "any-key", "limit-is-60", "text-cut-at-4999", "text-of-5001-taken"],
    "kanbert": [
        "cursor-ignored",
        "last-page-has-a-next",
        "crash-on-long-title",
        "title-cut-at-254",
        "title-of-256-taken",
        "contains-is-startswith",
        "parentheses-ignored",
        "filter-after-page",
    ],
}
WAITS = {"comments-stale"}  # for a minute and longer, until caches would be old


def _on_tenants() -> Iterator[Any]:
    """Those that only our own records show, and every third of the others."""
    for vendor, chosen in SEEN_ON_A_TENANT.items():
        others = [name for name in _bends(vendor) if name not in {*chosen, *UNSEEN_ON_A_TENANT[vendor], *WAITS}]
        for name in chosen + others[::3]:
            yield pytest.param(vendor, name, id=f"{vendor}-{name}")


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "name"), list(_on_tenants()))
def test_bend__is_found_on_a_tenant_too(vendor: str, name: str) -> None:
    bend, breaks = _bends(vendor)[name]
    result = judge_lightly(VENDORS[vendor], bend, breaks, tenant=True)
    assert found(result) & breaks, result.verdicts


def _faithful() -> Iterator[Any]:
    for vendor, variants in LENIENT.items():
        for name in (*variants, *SWITCHED.get(vendor, ())):
            yield pytest.param(vendor, name, id=f"{vendor}-{name}")


def _told(result: Result) -> list[tuple[str | None, str]]:
    return [(finding.rule, finding.what) for finding in result.findings]


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "name"), list(_faithful()))
def test_faithful_tenant__passes_without_a_warning(vendor: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_conform", lambda docket, profile: None)
    switch, _, value = SWITCHED.get(vendor, {}).get(name, "").partition("=")
    settings = {"switches": ((vendor, switch, value),)} if switch else {}
    result = judge(VENDORS[vendor], LENIENT[vendor].get(name, straight), tenant=True, **settings)
    assert (result.exit_code, _told(result)) == (0, [])


@pytest.mark.parametrize(
    "vendor", [each if each == "kanman" else pytest.param(each, marks=pytest.mark.slow) for each in TOGETHER]
)
def test_faithful_tenant__may_be_all_of_it_at_once(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_conform", lambda docket, profile: None)
    result = judge(VENDORS[vendor], together(LENIENT[vendor][name] for name in TOGETHER[vendor]), tenant=True)
    assert (result.exit_code, _told(result)) == (0, [])
    assert result.count("holds") > 100


@pytest.fixture
def fuzzer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs ask nothing but what the document makes up."""
    monkeypatch.setattr(runner.rule_suite, "run", lambda docket, is_late: [])
    monkeypatch.setattr(runner.rule_suite, "finish", lambda docket, postponed: None)
    monkeypatch.setattr(runner, "_play", lambda docket, profile: None)


def _left(result: Result) -> list[tuple[str, str]]:
    """What is found, but for fields that a tenant has and the document has not."""
    return [(each.rule or each.key, each.what) for each in result.findings if not each.key.startswith("drift ")]


@pytest.mark.slow
@pytest.mark.parametrize("vendor", TOGETHER)
def test_faithful_tenant__passes_whatever_is_made_up(vendor: str, fuzzer_alone: None) -> None:
    result = judge(VENDORS[vendor], together(LENIENT[vendor][name] for name in TOGETHER[vendor]), tenant=True)
    assert (result.exit_code, _left(result)) == (0, [])
    assert result.cases > 100


FUZZED = [
    ("kanbert", "types-lenient"),
    ("kanman", "unknown-fields-refused"),
    ("kantata", "all-that-is-accepted"),
    ("geotareas", "pages-corrected"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "name"), FUZZED)
def test_faithful_tenant__may_take_and_refuse_what_is_left_open(vendor: str, name: str, fuzzer_alone: None) -> None:
    result = judge(VENDORS[vendor], LENIENT[vendor][name], tenant=True)
    assert (result.exit_code, _left(result)) == (0, [])


def test_bends__every_rule_that_they_name_is_in_the_ledger() -> None:
    for vendor in QUICK:
        assert not {rule for _, breaks in _bends(vendor).values() for rule in breaks} - set(VENDORS[vendor].rules)
        assert set(UNSEEN_ON_A_TENANT[vendor]) <= set(_bends(vendor))
        assert set(bends_of(vendor)) >= {*_bends(vendor), *LENIENT[vendor]}
