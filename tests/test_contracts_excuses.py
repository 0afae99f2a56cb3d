"""Failed checks that a vendor's model foresees are no findings."""

from typing import Any

import pytest

from contracts.excuses import Excuses
from contracts.findings import Exchange
from contracts.model import Model
from contracts.schemathesis_adapter import Failure
from tests.test_contracts_requests import GOOD, exchange
from tests.tools.library import library

KNOWN = {"shelf_id": "7"}
PAGED = {"verb": "list", "resource": "books", "paging": {"style": "cursor", "default": 2, "most": 2}}


def holds(code: str, seen: Exchange | None, **changed: Any) -> bool:
    vendor = library(**changed)
    return Excuses(Model(vendor)).holds(Failure("check", code, "title", "message", "op", seen), KNOWN)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ST204", 404, True),  # this vendor's answer to a method that a path does not offer
        ("ST205", 404, True),
        ("ST204", 200, False),
        ("ST203", 400, True),
        ("ST203", 200, False),
        ("ST401", 403, True),
        ("ST401", 400, True),
        ("ST401", 200, False),
        ("ST301", 404, False),
    ],
)
def test_excuse__a_status_that_the_model_has_for_the_situation(code: str, status: int, expected: bool) -> None:
    assert holds(code, exchange("getBook", status=status)) is expected


def test_excuse__nothing_without_an_exchange() -> None:
    assert not holds("ST204", None)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (exchange("listBooks", url="/books?size=0"), True),
        (exchange("listBooks", url="/books?size=0&order=shelf"), False),
        (exchange("listBooks", url="/books?size=1"), False),
        (exchange(sent={"book": {"title": "Emma", "year": "1815"}}), True),
        (exchange(sent={"book": {"title": "Emma", "year": "soon"}}), False),
    ],
)
def test_excuse__what_is_put_right_or_read_generously(seen: Exchange, expected: bool) -> None:
    assert holds("ST201", seen) is expected


@pytest.mark.parametrize(
    ("style", "word", "expected"),
    [("pages", "per_page", True), ("cursor", "size", True), ("offset", "limit", False)],
)
def test_excuse__pages_of_most_styles_put_wrong_sizes_right(style: str, word: str, expected: bool) -> None:
    paging = {"style": style, "default": 2, "most": 2, word: "size"}
    tables = library().behaviour["operations"] | {"listBooks": {"verb": "list", "resource": "books", "paging": paging}}
    seen = exchange("listBooks", url="/books?size=0")
    assert holds("ST201", seen, operations=tables, forgiving=[]) is expected


def refused(
    *faults: dict[str, str], sent: Any = GOOD, operation: str = "createBook", url: str | None = None
) -> Exchange:
    return exchange(operation, sent=sent, status=422, answer={"errors": list(faults)}, url=url)


SHELF = {"book": {**GOOD["book"], "shelf_id": 9}}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (refused({"type": "system", "message": "Too late."}), True),
        (refused({"type": "validation", "field": "shelf_id", "message": "No."}, sent=SHELF), True),
        (refused({"type": "validation", "field": "title", "message": "No."}, sent=SHELF), False),
        (refused({"type": "validation", "field": "title", "message": "No."}), False),
        (refused({"type": "unheard of", "message": "No."}), False),
        (refused({"type": "validation", "field": "title", "message": "No."}, operation="updateBook"), True),
    ],
)
def test_excuse__a_refusal_for_what_no_schema_tells(seen: Exchange, expected: bool) -> None:
    assert holds("ST202", seen) is expected


def test_excuse__a_cursor_may_belong_to_another_order() -> None:
    seen = exchange(
        "listBooks",
        url="/books?page%5Bcursor%5D=x",
        status=404,
        answer={"errors": [{"type": "system", "message": "No."}]},
    )
    tables = library().behaviour["operations"]
    assert holds("ST202", seen, operations=tables | {"listBooks": PAGED})
    assert not holds("ST202", seen)
