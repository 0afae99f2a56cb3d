"""Filters made up for the conformance suite are filters that the list takes."""

import random

import pytest

from contracts.filter_text import filters
from mockserver.engine.query import All
from mockserver.vendor import load
from mockserver.vendors.kanbert_filters import Filters

TABLES = {each.id: each.table["filter"] for each in load("kanbert").operations.values() if "filter" in each.table}


@pytest.mark.parametrize("name", TABLES)
def test_filters__are_taken(name: str) -> None:
    table = TABLES[name]
    read, write, chance = Filters(table), filters(table), random.Random(name)
    texts = {write(chance) for _ in range(300)}
    for text in texts:
        read.parse([(table["parameter"], text)], 1_700_000_000.0, "me", visible=All())
    assert len(texts) > 50 and {field for field in table["fields"] if any(field in text for text in texts)} == set(
        table["fields"]
    )
