"""All the records of a list, however many pages it takes, for those who look for records. Judges nothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from contracts.envelopes import find_placeholder
from contracts.findings import Exchange, NotJudged
from contracts.model import Model, fill
from contracts.wire import Outgoing
from mockserver.vendor import Operation

Ask = Callable[[Outgoing], Exchange]
_MOST_PAGES = 400
# Style -> the words of its table for the parameter of a page's size and for that of its place.
_WORDS = {
    "offset": {"size": "limit", "place": "offset"},
    "pages": {"size": "per_page", "place": "page"},
    "cursor": {"size": "size", "place": "cursor"},
}
_DEFAULTS = {"size": "page[size]", "cursor": "page[cursor]"}  # of other words it is the word itself


class ListLost(NotJudged):
    """A list could not be read to its end: why."""


def walk(
    model: Model, operation: Operation, path: Mapping[str, str], ask: Ask, *, pages: int = _MOST_PAGES
) -> Iterator[Mapping[str, Any]]:
    """The records of every page; ListLost where a page is refused or makes no sense, or there are more than `pages`."""
    table = operation.table.get("paging")
    address = fill(operation.path, path)
    query: dict[str, Any] = {}
    if table is not None:
        query[parameter(table, "size")] = table["most"]
    seen = 0
    before: list[Any] = []
    for number in range(1, pages + 1):
        exchange = ask(Outgoing("GET", f"{address}?{urlencode(query)}" if query else address))
        items = _records(model, operation, exchange)
        yield from items
        seen += len(items)
        if table is None or items == before:  # a list that knows no pages answers the same again
            return
        before = items
        following = next_cursor(operation, exchange.json()) if table["style"] == "cursor" else None
        if not items or (table["style"] == "cursor" and following is None):
            return
        query[parameter(table, "place")] = {"offset": seen, "pages": number + 1, "cursor": following}[table["style"]]
    raise ListLost(f"{operation.id} does not end after {pages} pages")


def parameter(table: Mapping[str, Any], word: str) -> str:
    """The parameter for the `size` of a page or for its `place`, or for any other word of a `paging` table."""
    own = _WORDS[table["style"]].get(word, word)
    return str(table.get(own, _DEFAULTS.get(own, own)))


def next_cursor(operation: Operation, answer: Any) -> Any:
    """The cursor of the page after an answer; None where there is none."""
    for key in find_placeholder(operation.table.get("envelope"), "$next_cursor") or ("meta", "next_cursor"):
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    return answer


def _records(model: Model, operation: Operation, exchange: Exchange) -> list[Mapping[str, Any]]:
    if not 200 <= exchange.status < 300:
        raise ListLost(f"{operation.id} answered {exchange.status}")
    try:
        found = model.record(operation.id, exchange.json())
    except (LookupError, ValueError, TypeError):
        found = None
    if not isinstance(found, list):
        raise ListLost(f"{operation.id} answered no list")
    return [item for item in found if isinstance(item, Mapping)]
