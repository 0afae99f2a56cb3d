"""All the records of a list, however many pages it takes. No law stands here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contracts.findings import Broken
from contracts.laws.terms import Record, succeed
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
    query: dict[str, Any] = dict(options.pop("query", {})) | first_page(table)
    for _ in range(_MOST_PAGES):
        answer = bench.call(operation, path=path, query=query, **options)
        page: list[Record] = succeed(bench.tenant, operation, answer, what)
        found += page
        following = next_page(table, query, len(page), answer.json())
        if following is None:
            return found
        query = following
    raise Broken(f"{what}: the list does not end after {_MOST_PAGES} pages", answer)


def first_page(table: Mapping[str, Any]) -> dict[str, Any]:
    """The query of the first page, which is to be as long as pages may be."""
    size = {"offset": "limit", "pages": "per_page", "cursor": "page[size]"}[table["style"]]
    return {str(table.get("size", size)): table["most"]} if "most" in table else {}


def next_page(table: Mapping[str, Any], query: Mapping[str, Any], count: int, answer: Any) -> dict[str, Any] | None:
    """The query of the page after one with so many records; None after the last."""
    if table["style"] == "cursor":
        meta = answer.get("meta") if isinstance(answer, Mapping) else None
        cursor = meta.get("next_cursor") if isinstance(meta, Mapping) else None
        return {**query, str(table.get("cursor", "page[cursor]")): cursor} if cursor else None
    if not count:
        return None
    if table["style"] == "pages":
        name = str(table.get("page", "page"))
        return {**query, name: query.get(name, 1) + 1}
    name = str(table.get("offset", "offset"))
    return {**query, name: query.get(name, 0) + count}
