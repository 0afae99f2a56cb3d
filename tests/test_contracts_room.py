"""What documents leave open is told by the model, and nothing is held against a tenant that makes use of it."""

import copy

import pytest

from contracts.document import Document
from contracts.ledger import Ledger
from contracts.room import with_all_it_may_take
from mockserver.vendor import load, shipped
from tests.test_contracts_requests import exchange
from tests.tools.library import library, rule

TITLE = "/components/schemas/BookFields/properties/title"


@pytest.mark.parametrize("name", shipped())
def test_may_take__each_pointer_leads_to_something_that_is_demanded(name: str) -> None:
    vendor = load(name)
    document = Document(vendor.document)
    for pointer in vendor.behaviour.get("may_take", ()):
        assert document.at(pointer) is not None, pointer


@pytest.mark.parametrize("name", shipped())
def test_may_take__leaves_the_documents_own_demands_as_they_are(name: str) -> None:
    vendor = load(name)
    before = copy.deepcopy(vendor.document)
    pointers = vendor.behaviour.get("may_take", ())
    lenient = Document(with_all_it_may_take(vendor).document)
    for pointer in pointers:
        with pytest.raises(LookupError):
            lenient.at(pointer)
    assert vendor.document == before


@pytest.mark.parametrize("pointer", [TITLE, f"{TITLE}/maxLength"])
@pytest.mark.parametrize("spared", [[], [f"{TITLE}/maxLength"]])
def test_ledger__what_a_target_may_take_breaks_no_rule(pointer: str, spared: list[str]) -> None:
    vendor = library()
    ledger = Ledger(vendor, [rule(vendor, pointer)], spared=spared)
    ledger.watch(exchange(sent={"book": {"title": "x" * 21, "year": 1815}}))
    assert bool(ledger.breaches()) is not bool(spared)


def test_ledger__what_is_wrong_besides_breaks_the_rule_still() -> None:
    vendor = library()
    ledger = Ledger(vendor, [rule(vendor, TITLE)], spared=[f"{TITLE}/maxLength"])
    ledger.watch(exchange(sent={"book": {"title": 7, "year": 1815}}))
    assert [breach.rule for breach in ledger.breaches()] == ["R"]
