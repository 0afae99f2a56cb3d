"""Which places of the document a request touches: its body, of whatever media type, and its parameters."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from contracts.document import Document, Place, coerce, is_json, parse
from contracts.findings import Exchange, media_type
from contracts.pointers import Check
from contracts.safety.bodies import FORM, MULTIPART, parts
from mockserver.spec import resolve
from mockserver.vendor import Operation, Vendor

_BLANKS = (*range(0x21), *range(0x7F, 0xA1), 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_EDGES = "".join(map(chr, (*_BLANKS, 0xFEFF)))


@dataclass(frozen=True)
class Touch:
    """A check that applies to a part of a request; `field` is the field of the body, or the parameter."""

    check: Check
    part: Any
    field: str


@dataclass(frozen=True)
class Fault:
    """Something in a request that its schema forbids: `body`, `path`, `query` or `header`, and the field there."""

    place: str
    field: str


class Requests:
    """Reads requests as a vendor does, or as the document has them, and walks them through it."""

    def __init__(
        self, vendor: Vendor, checks: Mapping[str, Iterable[Check]] | None = None, *, is_strict: bool = False
    ) -> None:
        self.document = Document(vendor.document, unseen="readOnly")
        everywhere = frozenset(vendor.behaviour.get("forgiving", ()))
        self._forgiving = {each.id: everywhere | _put_right(each.table) for each in vendor.operations.values()}
        self._checks = checks or {}
        self._last: tuple[Exchange, Operation, tuple[str, Any, Any] | None] | None = None
        self._reading: Mapping[str, bool] = {} if is_strict else vendor.behaviour.get("bodies", {})
        self._parameters = {each.id: list(self.document.parameters(each)) for each in vendor.operations.values()}

    def body(self, operation: Operation, exchange: Exchange) -> tuple[str, Any, Any] | None:
        """Pointer, schema and value of a body; None where there is none that the document tells of, or none to read.

        It is asked for several times in a row, and a file of some megabytes takes its time.
        """
        if self._last is None or self._last[0] is not exchange or self._last[1] is not operation:
            self._last = exchange, operation, self._read_body(operation, exchange)
        return self._last[2]

    def _read_body(self, operation: Operation, exchange: Exchange) -> tuple[str, Any, Any] | None:
        kind = exchange.request_headers.get("content-type", "")
        plain = media_type(kind)
        media = self.document.body(operation, plain) if exchange.request_body and plain else None
        if media is None:
            return None
        pointer, schema = media
        try:
            value = self._value(plain, kind, exchange.request_body or b"", schema)
        except ValueError:
            return None
        return pointer, schema, self.read(schema, value)

    def _value(self, plain: str, kind: str, body: bytes, schema: Any) -> Any:
        if is_json(plain):
            return parse(body)
        if plain == FORM:
            pairs: Iterable[tuple[str, str]] = parse_qsl(body.decode(), keep_blank_values=True)
        elif plain == MULTIPART:
            pairs = ((part.name, (part.content or b"").decode("latin-1")) for part in parts(kind, body))
        else:
            raise ValueError(plain)
        properties = self.document.properties(schema)
        return {name: coerce(properties.get(name, {}), text) for name, text in reversed(list(pairs))}

    def read(self, schema: Any, value: Any) -> Any:
        """A value as a vendor reads it that takes numbers as text and trims texts."""
        if not self._reading:
            return value
        found = resolve(self.document.content, schema)
        if isinstance(value, Mapping):
            properties = self.document.properties(found)
            return {name: self.read(properties.get(name, {}), each) for name, each in value.items()}
        if isinstance(value, list):
            items = found.get("items", {}) if isinstance(found, Mapping) else {}
            return [self.read(items, each) for each in value]
        if isinstance(value, str) and self._reading.get("numbers_as_text"):
            value = _number(found, value)
        if isinstance(value, str) and self._reading.get("trim"):
            value = trimmed(value)
            if not value and self._reading.get("blank_is_null") and "null" in kinds_of(found):
                return None
        return value

    def walk(self, operation: Operation, exchange: Exchange) -> Iterator[Touch]:
        """Every check that a part of the request meets."""
        found: list[Touch] = []
        if body := self.body(operation, exchange):

            def visit(pointer: str, part: Any, path: tuple[str, ...]) -> None:
                field = field_of(operation, path)
                found.extend(Touch(check, part, field) for check in self._of(operation, pointer) if check.applies(part))

            self.document.walk(*body, visit)
        yield from found
        for place, texts in self.sent(operation, exchange):
            yield from self._parameter(operation, place, texts)

    def parameters(self, operation: Operation) -> list[Place]:
        """The parameters of an operation, those of its path included."""
        return self._parameters[operation.id]

    def _parameter(self, operation: Operation, place: Place, texts: list[str]) -> Iterator[Touch]:
        name = place.node["name"]
        for pointer in place.pointers:
            for check in self._of(operation, pointer):
                yield Touch(check, texts or None, name)
        found: list[Touch] = []

        def visit(pointer: str, part: Any, path: tuple[str, ...]) -> None:
            found.extend(Touch(check, part, name) for check in self._of(operation, pointer) if check.applies(part))

        schema = place.node.get("schema", {})
        for text in texts[-1:]:
            for pointer in place.pointers:
                value = coerce(resolve(self.document.content, schema), text)
                self.document.walk(f"{pointer}/schema", schema, value, visit)
        yield from {id(each.check): each for each in found}.values()

    def _of(self, operation: Operation, pointer: str) -> Iterator[Check]:
        return (check for check in self._checks.get(pointer, ()) if operation.id in check.operations)

    def sent(self, operation: Operation, exchange: Exchange) -> Iterator[tuple[Place, list[str]]]:
        """Each parameter of the operation with the values that were sent for it."""
        path = dict(zip(_path_names(operation), _path_values(operation, exchange.path), strict=False))
        query: dict[str, list[str]] = {}
        for name, text in parse_qsl(exchange.url.partition("?")[2], keep_blank_values=True):
            query.setdefault(name, []).append(text)
        for place in self._parameters[operation.id]:
            name, where = place.node["name"], place.node["in"]
            if where == "path":
                yield place, [path[name]] if name in path else []
            elif where == "query":
                yield place, query.get(name, [])
            elif where == "header":
                yield place, [exchange.request_headers[name]] if name in exchange.request_headers else []

    def forgives(self, operation: Operation, field: str) -> bool:
        """Whether bad values of a parameter of the query are put right or ignored, and never refused."""
        return field in self._forgiving[operation.id]

    def faults(self, operation: Operation, exchange: Exchange) -> list[Fault]:
        """What is wrong with a request by the document, as the vendor reads it."""
        found = []
        for place, texts in self.sent(operation, exchange):
            name = place.node["name"]
            is_wrong = not all(self.document.parameter(place.node, text) for text in texts)
            if is_wrong or (place.node.get("required") and not texts):
                found.append(Fault(place.node["in"], name))
        if body := self.body(operation, exchange):
            pointer, _, value = body
            for error in self.document.errors(pointer, value):
                path = tuple(map(str, error.absolute_path))
                found.append(Fault("body", field_of(operation, path)))
        return found


def _put_right(table: Mapping[str, Any]) -> set[str]:
    """The parameters of a list that its own table says to be put right: of most pages, and of generous sorts."""
    paging = table.get("paging", {"style": "offset"})
    is_put_right = paging["style"] != "offset" or paging.get("errors") == "correct"
    return (page_parameters(table) if is_put_right else set()) | {
        table[word]["parameter"] for word in ("sort", "include") if table.get(word, {}).get("unknown") == "ignore"
    }


def page_parameters(table: Mapping[str, Any]) -> set[str]:
    """The parameters of a list by which it is paged."""
    paging = table.get("paging", {"style": "offset"})
    names = {**_PAGING[paging["style"]], **{word: name for word, name in paging.items() if isinstance(name, str)}}
    return {name for word, name in names.items() if word not in ("style", "errors", "key")}


_PAGING: Mapping[str, Mapping[str, str]] = {
    "offset": {"limit": "limit", "offset": "offset"},
    "pages": {"limit": "limit", "offset": "offset", "page": "page", "per_page": "per_page"},
    "cursor": {"size": "page[size]", "cursor": "page[cursor]"},
}


def field_of(operation: Operation, path: tuple[str, ...]) -> str:
    """The field of the body in which something stands: below the wrapper; of a form what is in the last brackets."""
    wrapper = operation.table.get("wrapper")
    if wrapper is not None and path and path[0] == wrapper:
        path = path[1:]
    name = path[0] if path else ""
    return name.rpartition("[")[2].rstrip("]") if name.endswith("]") else name


def trimmed(text: str) -> str:
    """A text without the blanks and control characters at its ends."""
    return text.strip(_EDGES)


def kinds_of(schema: Any) -> Collection[str]:
    """The types that a schema names itself."""
    kinds = schema.get("type", []) if isinstance(schema, Mapping) else []
    return [kinds] if isinstance(kinds, str) else kinds


def _number(schema: Any, text: str) -> Any:
    """The number that a text means, where the schema wants one and no text."""
    value = coerce(schema, text.strip())
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def _path_names(operation: Operation) -> list[str]:
    return [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]


def _path_values(operation: Operation, path: str) -> list[str]:
    parts = zip(operation.path.split("/"), path.split("/"), strict=False)
    return [unquote(value) for name, value in parts if name.startswith("{")]
