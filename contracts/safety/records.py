"""Where a vendor's records stand: which operation reads, lists or removes one, where an answer shows their fields.

Sends nothing, and knows of no run.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from contracts.findings import Exchange
from contracts.model import SAFE_METHODS, Model, fold
from mockserver.spec import resolve
from mockserver.vendor import Operation

NUMBERS = frozenset({"digits", "integer"})
TOKENS = {"uuid": re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.I), "ulid": re.compile(r"\b\w{26}\b")}
_LONG_NUMBER = 15  # digits: no counter gets there
_LONG_TEXT = 12  # characters of an id of no known form, so many that chance hits none
_ENOUGH = 8  # letters and digits of a text that tell it from others
_MOST_NODES = 2000


class Records:
    """One vendor's records. `given` are the known ids by role, in which nested records are looked for."""

    def __init__(self, model: Model, given: Mapping[str, str]) -> None:
        self.model = model
        self.given = given
        self._resources: Mapping[str, Mapping[str, Any]] = model.vendor.behaviour.get("resources", {})
        forms = {each.get("id_form") for each in self._resources.values()}
        self.tokens = [pattern for form, pattern in TOKENS.items() if form in forms]

    def key(self, resource: str) -> str:
        """The field that holds the id."""
        return str(self.model.resource(resource)["key"])

    def form(self, resource: str) -> str | None:
        """The form of the ids, where behaviour tells."""
        found: str | None = self._resources.get(resource, {}).get("id_form")
        return found

    def operation(self, resource: str, word: str) -> Operation | None:
        """The operation that the sample names under a word, such as `delete`."""
        found: Operation | None = self.model.vendor.operations.get(self.model.hint(resource, word) or "")
        return found

    def reader(self, resource: str) -> Operation | None:
        """The operation that reads one record."""
        return self.operation(resource, "read") or self._of_verb(resource, "get")

    def lister(self, resource: str) -> Operation | None:
        """The operation that lists the records."""
        told = self.model.hint(resource, "list")
        found: Operation | None = self.model.vendor.operations.get(told.get("operation", ""))
        return found or self._of_verb(resource, "list")

    def _of_verb(self, resource: str, verb: str) -> Operation | None:
        operations = self.model.vendor.operations.values()
        tables = ((each, self.model.table(each.id)) for each in operations if each.method in SAFE_METHODS)
        return next((each for each, of in tables if of.get("verb") == verb and of.get("resource") == resource), None)

    def path(self, operation: Operation, around: Mapping[str, str], identity: str | None) -> dict[str, str] | None:
        """The parameters of a path: those of where a record was made, else known ids; None where one is missing."""
        owners = self.model.owners(operation)
        names = [part["name"] for part in operation.parameters if part["in"] == "path"]
        found: dict[str, str] = {}
        for name in names:
            if identity is not None and name == names[-1]:
                found[name] = identity
            elif name in around:
                found[name] = around[name]
            elif known := self.model.known_of(owners.get(name, ""), self.given):
                found[name] = known[0]
            else:
                return None
        return found

    def lists(self, resource: str, held: Sequence[str]) -> int:
        """How many lists may show a marked record: within each known record, and each that is held of these kinds."""
        lister = self.lister(resource)
        if lister is None or not isinstance(self.model.hint(resource, "mark"), str):
            return 0
        kinds = self.model.owners(lister).values()
        return prod(held.count(kind) + len(self.model.known_of(kind, self.given)) for kind in kinds)

    def one(self, operation: Operation, exchange: Exchange) -> Mapping[str, Any] | None:
        """The one record that an answer holds; None where there is none."""
        found = self._found(operation.id, exchange) if 200 <= exchange.status < 300 else None
        return found if isinstance(found, Mapping) else None

    def all(self, exchange: Exchange) -> list[Mapping[str, Any]]:
        """The records that an answer holds."""
        found = self._found(exchange.operation or "", exchange)
        return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, Mapping)]

    def _found(self, operation_id: str, exchange: Exchange) -> Any:
        try:
            return self.model.record(operation_id, exchange.json())
        except (LookupError, TypeError, ValueError):
            return None

    def at(self, resource: str, record: Mapping[str, Any], name: str) -> Any:
        """What a record shows of a field of the body that makes it; None where it shows nothing."""
        operation = self.operation(resource, "create")
        accepted = self.model.table(operation.id).get("accepts", {}) if operation else {}
        node: Any = record
        for key in str(self.model.hint(resource, "shown").get(name) or accepted.get(name, name)).split("."):
            node = node.get(key) if isinstance(node, Mapping) else None
        return node

    def shows(self, resource: str, sent: Mapping[str, Any], record: Mapping[str, Any]) -> bool | None:
        """Whether a record is the one that was made by what was sent; None where nothing sent could tell."""
        mark = self.model.hint(resource, "mark") or None
        told = {name: value for name, value in sent.items() if isinstance(value, str | int | float)}
        if mark in told:
            return bears(told[mark], self.at(resource, record, str(mark)))
        vague = self._vague(resource)
        texts = {name: value for name, value in told.items() if name not in vague and len(plain(value)) >= _ENOUGH}
        if texts:
            return any(bears(value, self.at(resource, record, name)) for name, value in texts.items())
        if mark is not None and self.at(resource, record, str(mark)) not in (None, ""):
            return False  # others give their records a name
        seen = [(value, self.at(resource, record, name)) for name, value in told.items()]
        compared = [plain(value) == plain(got) for value, got in seen if got is not None]
        return all(compared) if compared else None

    def _vague(self, resource: str) -> set[str]:
        """Fields of a body that many records share: references, and those with few values."""
        operation = self.operation(resource, "create")
        if operation is None:
            return set()
        found = set(self.model.table(operation.id).get("references", {}))
        schemas = _properties(self.model, operation.document.get("requestBody", {}))
        return found | {name for name, each in schemas if {"enum", "const"} & set(each)}

    def is_rare(self, resource: str, identity: str) -> bool:
        """Whether chance alone keeps such an id from naming anything."""
        form = self.form(resource)
        if form in ("uuid", "ulid"):
            return True
        return len(identity) >= (_LONG_NUMBER if form in NUMBERS or identity.isdecimal() else _LONG_TEXT)

    def ids_within(self, resource: str, text: str) -> set[str]:
        """Ids that a generous server might read out of a text that is no id."""
        form = self.form(resource)
        if form in NUMBERS:
            found = {str(int(run)) for run in re.findall(r"\d+", text)}
            return (found | {str(int(run, 16)) for run in re.findall(r"0[xX]([0-9a-fA-F]+)", text)}) - {"0"}
        return set(TOKENS[form].findall(text)) if form in TOKENS else set()


def identity_of(value: Any) -> str | None:
    """A value as an id; None for what can be none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return None
    return str(value)


def plain(value: Any) -> str:
    """The letters and digits of a value, as they stay whatever a tenant makes of markup, blanks and case."""
    text = re.sub(r"<[^<>]*>", " ", html.unescape(str(value)))
    return "".join(each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum())


def bears(sent: Any, got: Any) -> bool:
    """Whether a text is the one that was sent; a tenant may have cut or cleaned it."""
    if got is None or isinstance(got, Mapping | list):
        return not plain(sent) and got is None
    want, have = plain(sent), plain(got)
    if want == have:
        return True
    return min(len(want), len(have)) >= _ENOUGH and (want.startswith(have) or have.startswith(want))


def texts(exchange: Exchange) -> Iterator[str]:
    """Whatever in an answer could be an id that no two resources share, folded."""
    try:
        nodes = [exchange.json()]
    except ValueError:
        return
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            nodes.extend(node.values())
            nodes.extend(node)
        elif isinstance(node, list):
            nodes.extend(node)
        elif isinstance(node, str) and 0 < len(node) <= 64 and not node.isdecimal():
            yield fold(node)


def _properties(model: Model, node: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The fields of a request body, at any depth, with their schemas."""
    nodes = [node]
    for _ in range(_MOST_NODES):
        if not nodes:
            return
        each = resolve(model.vendor.document, nodes.pop())
        if isinstance(each, list):
            nodes += each
        elif isinstance(each, Mapping):
            told = each.get("properties")
            for name, schema in told.items() if isinstance(told, Mapping) else ():
                found = resolve(model.vendor.document, schema)
                yield name, found if isinstance(found, Mapping) else {}
            nodes += each.values()
