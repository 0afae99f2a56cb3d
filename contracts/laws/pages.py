"""All the records of a list, however many pages it takes. No law stands here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contracts.findings import Broken
from contracts.laws.terms import Record, succeed
from contracts.listing import next_cursor, parameter
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
        following = next_cursor(operation, answer.json()) if table["style"] == "cursor" else None
        is_short = not page or (bench.tenant.is_mock and len(page) < table["most"])  # a tenant's pages may be shorter
        if following is None and (table["style"] == "cursor" or is_short):
            return found
        query[place] = {"offset": len(found), "pages": number + 1, "cursor": following}[table["style"]]
    raise Broken(f"{what}: the list does not end after {_MOST_PAGES} pages", answer)
