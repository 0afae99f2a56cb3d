"""Records that requests find by another key than their id, where `keys` of a resource in behaviour tells of such.

What such a key names has to be looked up each time: a create may have answered somebody else's. Sends nothing itself.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from contracts.findings import Exchange
from contracts.listing import Ask
from contracts.model import Model, fill
from contracts.safety import bodies
from contracts.safety.records import Records, identity_of
from contracts.wire import Outgoing

if TYPE_CHECKING:
    from mockserver.vendor import Operation

FindOurs = Callable[[str, str], Mapping[str, Any] | None]


class Aliases:
    """What is known of the other keys of one tenant's records."""

    def __init__(self, model: Model, records: Records) -> None:
        self._model = model
        self._records = records
        self._seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._found: dict[tuple[str, str], str] = {}

    def words(self, request: Outgoing, resource: str) -> list[str]:
        """What a request says of the key that its path holds, wherever a server might read it."""
        parameter = self._told(resource).get("parameter", "")
        pairs = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
        told = [*pairs, *(bodies.leaves(request) or ())] if parameter else []
        return [str(value) for name, value in told if bodies.field_name(name).casefold() == parameter.casefold()]

    def field(self, resource: str, word: str) -> str | None:
        """The field that a word of a request means; None where nothing tells."""
        fields: Mapping[str, str] = self._told(resource).get("fields", {})
        return self._records.key(resource) if word == self._records.key(resource) else fields.get(word)

    def bearers(self, resource: str, value: str) -> set[str]:
        """The ids of the records that were seen with such a key."""
        return self._seen.get((resource, value.casefold()), set())

    def see(self, exchange: Exchange) -> None:
        """Remember which records an answer shows with which keys."""
        resource = self._model.table(exchange.operation or "").get("resource", "")
        fields = set(self._told(resource).get("fields", {}).values())
        for record in self._records.all(exchange) if fields else ():
            identity = identity_of(record.get(self._records.key(resource)))
            for value in (identity_of(record.get(name)) for name in fields) if identity is not None else ():
                if value is not None:
                    self._seen[resource, value.casefold()].add(str(identity))

    def subject(self, resource: str, value: str) -> str:
        """The id of the record that a value in a path was last found to name; the value, where it is an id itself."""
        return self._found.get((resource, value), value)

    def trouble(self, resource: str, value: str, name: str, query: str, ask: Ask, ours: FindOurs) -> str | None:
        """Why a request that finds its record so must not leave; None where the record is ours, or there is none.

        `name` is the field that holds the value, `query` that of the request. `ours` shows a record of ours by its id,
        as it is read by it, None for all others.
        """
        self._found.pop((resource, value), None)
        reader = self._records.reader(resource)
        path = self._records.path(reader, {}, value) if reader is not None else None
        if reader is None or path is None:
            return f"no operation reads a record of {resource} by {name}"
        exchange = ask(
            Outgoing("GET", _with_query(fill(reader.path, path), self._query(reader, resource, name, query)))
        )
        if exchange.status in (404, 410):
            return None
        found = self._records.one(reader, exchange)
        identity = identity_of(found.get(self._records.key(resource))) if found is not None else None
        if identity is None:
            return f"{reader.id} answered {exchange.status}: nothing tells whose {value} is"
        shown = ours(resource, identity)
        if shown is None:
            return f"{name} {value} names a record of {resource} that this run did not create"
        is_key = name == self._records.key(resource)
        if not is_key and str(shown.get(name)).casefold() != value.casefold():
            return f"{name} {value} is not that of {identity}, as reading that shows"
        self._found[resource, value] = identity
        return None

    def _query(self, reader: "Operation", resource: str, name: str, query: str) -> str:
        """The query with which a read finds a record by the same key; the key under the read's own word for it."""
        parameter, fields = self._told(resource)["parameter"], self._told(resource)["fields"]
        taken = {
            each["name"]: each for each in reader.parameters if each["in"] == "query" and each["name"] != parameter
        }
        kept = [(key, value) for key, value in parse_qsl(query, keep_blank_values=True) if key in taken]
        word = next((word for word, field in fields.items() if field == name), None)
        return urlencode([*([(parameter, word)] if word is not None else []), *kept])

    def _told(self, resource: str) -> Mapping[str, Any]:
        resources: Mapping[str, Mapping[str, Any]] = self._model.vendor.behaviour.get("resources", {})
        told: Mapping[str, Any] = resources.get(resource, {}).get("keys", {})
        return told


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
