"""All the records of a list, however many pages it takes. No law stands here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contracts.envelopes import find_placeholder
from contracts.findings import Broken
from contracts.laws.terms import Record, succeed
from contracts.tenant import Answer
from mockserver.vendor import Operation

if TYPE_CHECKING:
    from contracts.laws.bench import Bench

_MOST_PAGES = 400


def walk(bench: "Bench", operation: Operation, path: Mapping[str, str], **options: Any) -> list[Record]:
    """The records of every page, in their order."""
    table = operation.table.get("paging")
    what = f"{operation.id} {' '.join(path.values())}".strip()
    if table is None:
        answer = bench.call(operation, path=path, **options)
        items: list[Record] = succeed(bench.tenant, operation, answer, what)
        return items
    found: list[Record] = []
    size, place = (parameter(table, word) for word in ("size", "place"))
    query = {**options.pop("query", {}), size: table["most"]}
    for number in range(1, _MOST_PAGES):
        answer = bench.call(operation, path=path, query=query, **options)
        page: list[Record] = succeed(bench.tenant, operation, answer, what)
        found += page
        following = _next_cursor(operation, answer) if table["style"] == "cursor" else None
        is_short = not page or (bench.tenant.is_mock and len(page) < table["most"])  # a tenant's pages may be shorter
        if following is None and (table["style"] == "cursor" or is_short):
            return found
        query[place] = {"offset": len(found), "pages": number + 1, "cursor": following}[table["style"]]
    raise Broken(f"{what}: the list does not end after {_MOST_PAGES} pages", answer)


# Style -> the words of its table for the parameter of a page's size and for that of its place.
_WORDS = {
    "offset": {"size": "limit", "place": "offset"},
    "pages": {"size": "per_page", "place": "page"},
    "cursor": {"size": "size", "place": "cursor"},
}
_DEFAULTS = {"size": "page[size]", "cursor": "page[cursor]"}  # of other words it is the word itself


def parameter(table: Mapping[str, Any], word: str) -> str:
    """The parameter for the `size` of a page or for its `place`, or for any other word of a `paging` table."""
    own = _WORDS[table["style"]].get(word, word)
    return str(table.get(own, _DEFAULTS.get(own, own)))


def _next_cursor(operation: Operation, answer: Answer) -> Any:
    node = answer.json()
    for key in find_placeholder(operation.table.get("envelope"), "$next_cursor") or ("meta", "next_cursor"):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
