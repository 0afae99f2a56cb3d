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


def holds(code: str, seen: Exchange | None, *, is_tenant: bool = False, **changed: Any) -> bool:
    vendor = library(**changed)
    return Excuses(Model(vendor), is_tenant=is_tenant).holds(
        Failure("check", code, "title", "message", "op", seen), KNOWN
    )


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


def excused(code: str, seen: Exchange, **changed: Any) -> tuple[bool, bool]:
    """On a mock, and on a tenant."""
    return holds(code, seen, **changed), holds(code, seen, is_tenant=True, **changed)


OFFSETS = {"verb": "list", "resource": "books", "paging": {"style": "offset", "limit": "size", "default": 2, "most": 2}}


@pytest.mark.parametrize(("url", "expected"), [("/books?size=0", True), ("/books?size=0&order=shelf", False)])
@pytest.mark.parametrize("is_open", [False, True])
def test_tenant__may_correct_pages_where_the_model_has_a_switch_for_that(
    url: str, expected: bool, is_open: bool
) -> None:
    tables = library().behaviour["operations"] | {"listBooks": OFFSETS}
    switches = {"paging_errors": {"values": ["reject", "correct"], "about": "pages"}} if is_open else {}
    seen = exchange("listBooks", url=url)
    found = excused("ST201", seen, operations=tables, forgiving=[], switches=switches)
    assert found == (False, expected and is_open)


@pytest.mark.parametrize(
    ("fields", "expected"), [({}, True), ({"year": "soon"}, False), ({"title": 7}, False)], ids=["long", "year", "type"]
)
def test_tenant__may_take_what_the_model_lets_it(fields: dict[str, Any], expected: bool) -> None:
    seen = exchange(sent={"book": {"title": "x" * 21, "year": 1815, **fields}})
    may_take = ["/components/schemas/BookFields/properties/title/maxLength"]
    assert excused("ST201", seen) == (False, False)
    assert excused("ST201", seen, may_take=may_take) == (False, expected)


def test_tenant__may_make_of_an_unreadable_body_what_its_refusal_says() -> None:
    errors = library().behaviour["errors"]
    unreadable = {**errors["catalogue"]["invalid"], "instead": [200]}
    changed = {
        "errors": {**errors, "catalogue": {**errors["catalogue"], "unreadable": unreadable}},
        "refusals": {**library().behaviour["refusals"], "body_unreadable": {"error": "unreadable", "rule": "LB-1"}},
    }
    assert excused("ST201", exchange(body=b"[]"), **changed) == (False, True)
    assert excused("ST201", exchange(body=b"[]"))[1] is False
    assert excused("ST201", exchange(body=b"[]", status=202), **changed)[1] is False
    assert excused("ST201", exchange(sent={"book": {}}), **changed)[1] is False


def test_tenant__may_refuse_another_media_type_by_the_status_for_that() -> None:
    plain = {"Content-Type": "text/plain"}
    assert excused("ST103", exchange(body=b"Emma", headers=plain, status=415)) == (False, True)
    assert excused("ST103", exchange(sent=GOOD, status=415)) == (False, False)
    assert excused("ST103", exchange(body=b"Emma", headers=plain, status=418)) == (False, False)


def test_tenant__may_refuse_by_the_other_status_of_a_refusal() -> None:
    errors = library().behaviour["errors"]
    name = next(name for name, entry in errors["catalogue"].items() if entry.get("code", name) == "system")
    other = {**errors, "catalogue": {**errors["catalogue"], name: {**errors["catalogue"][name], "instead": [410]}}}
    gone = exchange("getBook", status=410, answer={"errors": [{"type": "system", "message": "Gone."}]})
    assert excused("ST103", gone) == (False, False)
    assert excused("ST103", gone, errors=other) == (False, True)
    assert excused("ST103", exchange("getBook", status=410, answer={"gone": True}), errors=other) == (False, False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"book": {}}, True),
        ({"book": {**GOOD["book"], "shelf_id": None}}, True),
        ({"book": {**GOOD["book"], "colour": "red"}}, True),
        (GOOD, False),
    ],
    ids=["nothing", "null", "unknown", "good"],
)
def test_tenant__may_refuse_what_no_document_promises_to_be_taken(fields: Any, expected: bool) -> None:
    seen = refused({"type": "validation", "field": "title", "message": "No."}, sent=fields)
    assert excused("ST202", seen) == (False, expected)


@pytest.mark.parametrize(("size", "expected"), [("0", True), ("9", True), ("x", True), ("2", False)])
def test_tenant__may_refuse_pages_of_odd_sizes(size: str, expected: bool) -> None:
    seen = refused(
        {"type": "validation", "field": "size", "message": "No."}, operation="listBooks", url=f"/books?size={size}"
    )
    tables = library().behaviour["operations"] | {"listBooks": OFFSETS}
    assert excused("ST202", seen, operations=tables)[1] is expected
