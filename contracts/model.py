"""What the harness reads from a vendor's model: which operation a request means, whose id stands in its path, where the
record stands in an answer, what a sample body is. Sends nothing."""

import random
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from contracts.envelopes import ABSENT, Refusals, path_to_record, unwrap
from contracts.findings import NotJudged, needs_known
from mockserver.spec import resolve

if TYPE_CHECKING:
    from mockserver.vendor import Operation, Vendor

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})
_FORMS = {
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"),
    "integer": re.compile(r"[0-9]{1,19}"),
    "digits": re.compile(r"0*[1-9][0-9]{0,29}"),
    "ulid": re.compile(r"[0-9a-zA-Z]{26}"),
}
_ULID = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True)
class Route:
    """The operation that a request means, and the parameters of its path."""

    operation: "Operation"
    parameters: Mapping[str, str]


class Model:
    """One vendor, asked the harness's questions."""

    def __init__(self, vendor: "Vendor") -> None:
        self.vendor = vendor
        self.refusals = Refusals(vendor.behaviour.get("errors", {}))
        samples = vendor.behaviour.get("samples", {}).values()
        self.empty = frozenset(name for sample in samples for name in sample.get("empty", ()))
        self._suffix: str = vendor.behaviour.get("paths", {}).get("suffix", "")
        self._routes = sorted(((_pattern(op.path), op) for op in vendor.operations.values()), key=lambda r: _rank(r[1]))

    def route(self, method: str, target: str) -> Route | None:
        """The operation that this method and path below the base URL mean, if any."""
        path = target.partition("?")[0].removesuffix(self._suffix)
        found: str | None = None  # the first path that fits is the one that is meant, whatever it offers
        for pattern, operation in self._routes:
            if found not in (None, operation.path) or not (match := pattern.fullmatch(path)):
                continue
            found = operation.path
            if operation.method.upper() == method.upper():
                return Route(operation, {name: unquote(value) for name, value in match.groupdict().items()})
        return None

    def place(self, target: str) -> Route | None:
        """The documented path that this one is, whatever its method, with the operation there that tells most of it."""
        path = target.partition("?")[0].removesuffix(self._suffix)
        found: list[Route] = []
        for pattern, operation in self._routes:
            if (not found or found[0].operation.path == operation.path) and (match := pattern.fullmatch(path)):
                values = {name: unquote(value) for name, value in match.groupdict().items()}
                found.append(Route(operation, values))
        return max(found, key=lambda each: len(self.owners(each.operation)), default=None)

    def table(self, operation_id: str) -> Mapping[str, Any]:
        """What behaviour says of an operation."""
        tables: Mapping[str, Mapping[str, Any]] = self.vendor.behaviour.get("operations", {})
        return tables.get(operation_id, {})

    def resource(self, name: str) -> Mapping[str, Any]:
        resources: Mapping[str, Mapping[str, Any]] = self.vendor.behaviour["resources"]
        return resources[name]

    def sample(self, resource: str) -> Mapping[str, Any]:
        """How a record of the resource is made, read and removed; NotJudged when behaviour has no sample."""
        samples: Mapping[str, Mapping[str, Any]] = self.vendor.behaviour.get("samples", {})
        if resource not in samples:
            raise NotJudged(f"needs an entry for {resource} under samples in behaviour.yaml")
        return samples[resource]

    def hint(self, resource: Any, word: str) -> Any:
        """What the sample of a resource says under a word, such as `loose`; an empty table where it says nothing."""
        return self.vendor.behaviour.get("samples", {}).get(resource, {}).get(word, {})

    def is_removable(self, resource: str) -> bool:
        """Whether an operation of the vendor deletes a record of the resource."""
        tables = self.vendor.behaviour["operations"].values()
        is_deleted = any(table["verb"] == "delete" and table.get("resource") == resource for table in tables)
        return is_deleted or bool(self.hint(resource, "delete"))

    def deletes(self, resource: str) -> str:
        """The operation that deletes a record of the resource, by its sample; NotJudged when none is told."""
        if not self.is_removable(resource):
            raise NotJudged(f"no operation deletes a record of {resource}")
        sample = self.sample(resource)
        if "delete" not in sample:
            raise NotJudged(f"needs a delete for {resource} under samples in behaviour.yaml")
        return str(sample["delete"])

    def owners(self, operation: "Operation") -> dict[str, str]:
        """Path parameter -> the resource whose id it bears, for those that behaviour tells."""
        names = path_names(operation.path)
        table = self.table(operation.id)
        parent = (table.get("within") or {}).get("resource")
        takes_own = table.get("verb") not in ("list", "create")
        owners: dict[str, str] = {}
        if parent and names:
            owners[names[0]] = parent
        if takes_own and table.get("resource") and len(names) > len(owners):
            owners[names[-1]] = table["resource"]
        return owners

    def references(self, operation_id: str) -> dict[str, str]:
        """Field of the body -> the resource whose ids it bears: those told, and those whose values a sample knows."""
        table = self.table(operation_id)
        found = {name: str(of["resource"]) for name, of in table.get("references", {}).items()}
        roles: Mapping[str, str] = self.vendor.behaviour.get("known", {})
        values = self.hint(table.get("resource"), "values")
        for name in table.get("accepts", {}):
            for role in re.findall(r"\$known\.(\w+)", repr(values.get(name, ""))):
                found.setdefault(name, roles[role])
        return found

    def subject(self, route: Route) -> tuple[str, str] | None:
        """The record that a request would change: resource and id."""
        table = self.table(route.operation.id)
        for name, resource in self.owners(route.operation).items():
            if resource == table.get("resource") and table.get("verb") not in ("list", "create"):
                return resource, route.parameters[name]
        return None

    def record(self, operation_id: str, answer: Any) -> Any:
        """The record (or the list of records) inside the envelope of an answer; LookupError when it is not there."""
        table = self.table(operation_id)
        envelope = table.get("envelope")
        found = unwrap(answer, envelope, is_list=table.get("verb") == "list")
        if found is ABSENT:
            raise LookupError(f"no {'.'.join(path_to_record(envelope))!r} in the answer")
        return found

    def wrapped(self, operation_id: str, body: Any) -> Any:
        """An object under the key that the operation wants it under; what is no object stays as it is.

        Known ids are texts: where the document has a whole number, they become one.
        """
        wrapper = self.table(operation_id).get("wrapper")
        whole = {wrapper: body} if wrapper is not None and isinstance(body, Mapping) else body
        media = resolve(self.vendor.document, self.vendor.operations[operation_id].document.get("requestBody", {}))
        schema = media.get("content", {}).get("application/json", {}).get("schema", {})
        return _typed(self.vendor.document, schema, whole)

    def request(self, operation_id: str, known: Mapping[str, str]) -> dict[str, Any] | None:
        """What `requests` says that an operation is to be sent; None where it says nothing."""
        entry = self.vendor.behaviour.get("requests", {}).get(operation_id)
        return None if entry is None else resolved(entry, known)

    def reads(self, word: str) -> bool:
        """Whether bodies are read so, for example `trim`."""
        return bool(self.vendor.behaviour.get("bodies", {}).get(word))

    def sample_body(self, resource: str, known: Mapping[str, str]) -> dict[str, Any]:
        """The body that makes a sample record; LookupError names the known id that is missing."""
        body: dict[str, Any] = resolved(self.sample(resource)["body"], known)
        return body

    def name(self, resource: str, identity: str) -> str:
        """What tells a record from all others: its id; with the resource where ids are numbers, which each counts."""
        is_number = self.resource(resource).get("id_form") in ("digits", "integer")
        return f"{resource} {identity.lstrip('0') or '0'}" if is_number else fold(identity)

    def is_formed(self, resource: str, value: str) -> bool:
        """Whether a text could be the id of a record at all."""
        form = self.resource(resource).get("id_form")
        return _FORMS[form].fullmatch(value) is not None if form in _FORMS else bool(value)

    def unknown_id(self, resource: str, chance: random.Random, like: str | None) -> str:
        """An id of the right form that names nothing. `like` is one that exists, where the form does not tell."""
        form = self.resource(resource).get("id_form")
        if form == "uuid":
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        if form == "digits" and like:
            return "9" * max(2, len(like) - 6) + str(chance.randrange(100_000, 999_999))
        if form in ("integer", "digits") or (like and like.isdecimal()):
            return str(chance.randrange(900_000_000, 999_999_999))
        if form == "ulid":
            return "7" + "".join(chance.choice(_ULID) for _ in range(25))
        return "".join(chance.choice("23456789bcdfghjkmnpqrstvwxz") if c.isalnum() else c for c in like or "a" * 12)

    def known_of(self, resource: str, known: Mapping[str, str]) -> list[str]:
        """The known ids of a resource."""
        roles: Mapping[str, str] = self.vendor.behaviour.get("known", {})
        return [known[role] for role, kind in roles.items() if kind == resource and role in known]


def fold(identity: str) -> str:
    """An id as it is compared: in small letters, and a UUID in its usual form."""
    return str(uuid.UUID(identity)) if _FORMS["uuid"].fullmatch(identity) else identity.casefold()


def _typed(document: dict[str, Any], schema: Any, value: Any) -> Any:
    """A value with whole numbers where its schema has them and it has their digits."""
    schema = resolve(document, schema) if isinstance(schema, Mapping) else {}
    if isinstance(value, str):
        is_number = schema.get("type") == "integer" and value.isascii() and value.isdigit() and len(value) < 19
        return int(value) if is_number else value
    if isinstance(value, Mapping):
        fields = schema.get("properties", {})
        return {name: _typed(document, fields.get(name, {}), each) for name, each in value.items()}
    if isinstance(value, list):
        return [_typed(document, schema.get("items", {}), each) for each in value]
    return value


def path_names(template: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", template)


def fill(template: str, values: Mapping[str, str]) -> str:
    """A path template with its parameters filled in; KeyError names the missing one."""
    return re.sub(r"\{([^{}]+)\}", lambda match: quote(str(values[match[1]]), safe=""), template)


def resolved(node: Any, known: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {key: resolved(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [resolved(item, known) for item in node]
    if isinstance(node, str) and node.startswith("$known."):
        name = node.removeprefix("$known.")
        if name not in known:
            raise needs_known(name)
        return known[name]
    return node


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}]+\})", template)
    return re.compile(
        "".join(f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part) for part in parts)
    )


def _rank(operation: "Operation") -> list[bool]:
    return ["{" in segment for segment in operation.path.strip("/").split("/")]
