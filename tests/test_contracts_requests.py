"""What a request touches of its document, and whom a refused one blames."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from contracts.findings import Exchange, Headers
from contracts.ledger import Ledger
from contracts.requests import Fault, Requests, trimmed
from contracts.tenant import multipart
from tests.tools.library import library, rule

LIBRARY = library()
FIELDS = "/components/schemas/BookFields"
GOOD = {"book": {"title": "Emma", "year": 1815}}


def exchange(
    operation: str = "createBook",
    *,
    sent: Any = None,
    status: int = 200,
    answer: Any = None,
    url: str | None = None,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Exchange:
    """One request to the library, JSON unless a body is given, and its answer."""
    described = LIBRARY.operations[operation]
    path = url or described.path.replace("{id}", "31")
    content = body if body is not None else None if sent is None else json.dumps(sent).encode()
    return Exchange(
        method=described.method,
        url=f"http://x{path}",
        path=path.partition("?")[0],
        request_headers=Headers((headers or {"Content-Type": "application/json"}).items()),
        request_body=content,
        status=status,
        headers=Headers([("Content-Type", "application/json")]),
        body=json.dumps(answer or {}).encode(),
        elapsed=0,
        operation=operation,
        caller="owner",
    )


def judge(pointer: str, *exchanges: Exchange, **changed: Any) -> str:
    """What becomes of a rule at a place of the document, and why."""
    vendor = library(**changed)
    ledger = Ledger(vendor, [rule(vendor, pointer)])
    for each in exchanges:
        ledger.watch(each)
    (verdict,) = ledger.verdicts()
    return f"{verdict.state}: {verdict.why}".rstrip(": ")


def faults(sent: Exchange, *, is_strict: bool = False) -> list[tuple[str, str]]:
    found: list[Fault] = Requests(LIBRARY, is_strict=is_strict).faults(LIBRARY.operations[str(sent.operation)], sent)
    return [(each.place, each.field) for each in found]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (exchange(sent=GOOD), []),
        (exchange(sent={"book": {"title": "Emma"}}), [("body", "")]),
        (exchange(sent={"book": {"title": 7, "year": 1815}}), [("body", "title")]),
        (exchange(body=urlencode({"book[title]": "Emma", "book[year]": "1815"}).encode(), headers=FORM), []),
        (exchange(body=urlencode({"book[year]": "soon"}).encode(), headers=FORM), [("body", "year")]),
        (exchange("getBook", url="/books/x"), [("path", "id")]),
        (exchange("listBooks", url="/books?size=2&order=title"), []),
        (exchange("listBooks", url="/books?size=2&order=shelf"), [("query", "order")]),
        (exchange("listBooks", url="/books"), [("query", "size")]),
        (exchange("listBooks", url="/books?size=1", headers={"X-Desk": "one"}), [("header", "X-Desk")]),
    ],
)
def test_faults__what_is_wrong_with_a_request(sent: Exchange, found: list[tuple[str, str]]) -> None:
    assert faults(sent) == found


def test_faults__a_multipart_body_is_read_part_by_part() -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=proofboard-7d1f0c2b9a"}
    file = {"file": ("a.txt", "text/plain", b"A \xff cover")}
    assert faults(exchange("uploadCover", body=multipart(file, {}), headers=kind)) == []
    assert faults(exchange("uploadCover", body=multipart({}, {"note": "short"}), headers=kind)) == [("body", "")]
    assert faults(exchange("uploadCover", body=multipart(file, {"note": "longer"}), headers=kind)) == [("body", "note")]


def test_faults__by_the_vendors_generous_reading() -> None:
    """Numbers may be written as text there, and blanks at the ends do not count."""
    generous = exchange(sent={"book": {"title": "Emma" + " " * 20, "year": "1815"}})
    assert faults(generous) == []
    assert faults(generous, is_strict=True) == [("body", "title"), ("body", "year")]


def test_required__one_name_of_several_is_a_place_of_its_own() -> None:
    lacking = {"results": [], "books": {"7": {"id": "7", "title": "Emma"}}}
    answered = exchange("getBook", answer=lacking)
    assert judge("/components/schemas/Book/required/1", answered) == "holds"
    assert judge("/components/schemas/Book/required/2", answered).startswith(
        "broken: getBook answered 200 at books.7: 'year'"
    )
    assert judge(f"{FIELDS}/required/0", exchange(sent={"book": {"year": 1}}, status=422)) == "holds"
    assert judge(f"{FIELDS}/required/0", exchange(sent={"book": {"year": 1}})).startswith("broken: createBook accepted")


def test_property_names__are_walked() -> None:
    book = {"id": "7", "title": "Emma", "year": 1815}
    place = "/components/schemas/Books/properties/books/propertyNames"
    assert judge(place, exchange("getBook", answer={"books": {"7": book}})) == "holds"
    assert judge(place, exchange("getBook", answer={"books": {"x": book}})).startswith("broken")
    assert judge(f"{place}/pattern", exchange("getBook", answer={"books": {}})) == "not judged: nothing exercised it"


def test_conditions__the_branch_that_applies_is_walked() -> None:
    lent, there = {"kind": "lent"}, {"kind": "there", "results": []}
    place = "/components/schemas/Books"
    assert judge(f"{place}/then/required", exchange("getBook", answer=there)) == "not judged: nothing exercised it"
    assert judge(f"{place}/then/required", exchange("getBook", answer=lent)).startswith("broken")
    assert judge(f"{place}/else/required", exchange("getBook", answer=there)) == "holds"
    assert judge(f"{place}/if", exchange("getBook", answer=lent)).startswith("broken")


@pytest.mark.parametrize(
    ("pointer", "url", "status", "expected"),
    [
        ("/paths/~1books/get/parameters/1", "/books?size=1&order=title", 200, "holds"),
        ("/paths/~1books/get/parameters/1", "/books?size=1", 200, "not judged: nothing exercised it"),
        ("/paths/~1books/get/parameters/0", "/books", 200, "broken: listBooks accepted a parameter that it should"),
        ("/paths/~1books/get/parameters/0", "/books", 400, "holds"),
        ("/paths/~1books/get/parameters/1/schema/enum", "/books?size=1&order=shelf", 400, "holds"),
        (
            "/paths/~1books/get/parameters/1/schema/enum",
            "/books?size=1&order=shelf",
            200,
            "broken: listBooks accepted a",
        ),
        ("/paths/~1books/get/parameters/0/schema/minimum", "/books?size=0", 200, "holds"),  # it is forgiven
        ("/components/parameters/Desk/schema/pattern", "/books?size=1", 200, "holds"),
    ],
)
def test_parameters__are_exercised_by_requests_and_refusals(pointer: str, url: str, status: int, expected: str) -> None:
    told = judge(pointer, exchange("listBooks", url=url, status=status, headers={"X-Desk": "7"}), forgiving=["size"])
    assert told.startswith(expected)


def refused(field: str | None = None, *, sent: Any = None, status: int = 422, code: str = "validation") -> Exchange:
    fault = {"type": code, "message": "No."} | ({"field": field} if field else {})
    return exchange(sent=sent or {"book": {**GOOD["book"], "shelf_id": 9}}, status=status, answer={"errors": [fault]})


PROPERTIES = f"{FIELDS}/properties"
VALID = "broken: createBook refused a valid body with 422"


def test_rejection__blames_the_field_that_it_names() -> None:
    sent = {"book": {"title": "Emma", "year": 1815, "tags": []}}
    assert judge(f"{PROPERTIES}/tags", refused("tags", sent=sent), operations=plain()) == VALID
    assert (
        judge(f"{PROPERTIES}/title", refused("tags", sent=sent), operations=plain())
        == "not judged: nothing exercised it"
    )


def plain() -> dict[str, Any]:
    """The operations, of which a create checks nothing but its schema."""
    tables: dict[str, Any] = dict(LIBRARY.behaviour["operations"])
    tables["createBook"] = {name: each for name, each in tables["createBook"].items() if name != "references"}
    return tables


def test_rejection__of_a_record_that_may_not_be_there_blames_nobody() -> None:
    assert judge(f"{PROPERTIES}/shelf_id", refused("shelf_id")) == "not judged: nothing exercised it"
    assert judge(f"{PROPERTIES}/title", refused()) == "not judged: nothing exercised it"


def test_rejection__for_something_else_than_the_schema_blames_nobody() -> None:
    late = refused(sent=GOOD, code="system")
    assert judge(f"{PROPERTIES}/title", *[late] * 9, operations=plain()) == "not judged: nothing exercised it"


def test_rejection__in_doubt_it_takes_several() -> None:
    """Another check of the operation may have refused one of them, but hardly all."""
    sent = [refused("tags", sent={"book": {"title": f"Emma {n}", "year": 1815, "tags": []}}) for n in range(9)]
    assert judge(f"{PROPERTIES}/tags", *sent[:4]) == "not judged: nothing exercised it"
    assert judge(f"{PROPERTIES}/tags", *sent) == VALID
    accepted = exchange(sent={"book": {**GOOD["book"], "tags": []}})
    assert judge(f"{PROPERTIES}/tags", *sent, accepted) == "holds"


LONGEST = 20  # characters of a title


def titled(text: str) -> dict[str, Any]:
    return {"book": {**GOOD["book"], "title": text}}


def test_rejection__by_name_of_what_is_as_long_as_it_may_be_blames_the_limit() -> None:
    limit = f"{PROPERTIES}/title/maxLength"
    longest = [refused("title", sent=titled(letter * LONGEST)) for letter in "xy"]
    short = exchange(sent=GOOD)
    told = "broken: createBook refused with 422 a 'title' as large as maxLength allows"
    assert judge(limit, short, *longest) == told
    assert judge(limit, short, longest[0]) == "holds"  # once may have had another reason
    assert judge(limit, short, *longest, exchange(sent=titled("z" * LONGEST))) == "holds"
    unnamed = [refused(sent=titled(letter * LONGEST)) for letter in "xy"]
    assert judge(limit, short, *unnamed) == "holds"


def test_rejection__of_a_limit_is_not_disproved_by_what_is_trimmed() -> None:
    limit = f"{PROPERTIES}/title/maxLength"
    longest = [refused("title", sent=titled(letter * LONGEST)) for letter in "xy"]
    trimmed_to_it = exchange(sent=titled(f" {'z' * LONGEST}"))
    assert judge(limit, *longest, trimmed_to_it).startswith("broken: createBook refused with")


@pytest.mark.parametrize(
    "blank", [" ", "\t\r\n", "\0", "\x7f", "\x85", "\u00a0", "\u2009", "\u2028", "\u3000", "\ufeff"]
)
def test_trimmed__blanks_and_controls_at_the_ends(blank: str) -> None:
    assert trimmed(f"{blank}a{blank}b{blank}") == f"a{blank}b"


def test_trimmed__what_only_looks_like_nothing_stays() -> None:
    assert trimmed("\u200ba\u2060") == "\u200ba\u2060"


def test_trimmed__a_long_text_of_blanks_takes_no_time_to_speak_of() -> None:
    assert trimmed(" " * 2_000_000 + "a" + " " * 2_000_000 + "b") == "a" + " " * 2_000_000 + "b"
