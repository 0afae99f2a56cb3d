"""What the harness reads from a vendor's model: which operation a request means, whose id stands in its path, where the
record stands in an answer, what a sample body is. Sends nothing."""

import random
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from contracts.findings import NotJudged

if TYPE_CHECKING:
    from mockserver.vendor import Operation, Vendor

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})
_ABSENT: Any = object()
_FORMS = {
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"),
    "integer": re.compile(r"[0-9]{1,19}"),
}


@dataclass(frozen=True)
class Route:
    """The operation that a request means, and the parameters of its path."""

    operation: "Operation"
    parameters: Mapping[str, str]


class Model:
    """One vendor, asked the harness's questions."""

    def __init__(self, vendor: "Vendor") -> None:
        self.vendor = vendor
        self._routes = sorted(((_pattern(op.path), op) for op in vendor.operations.values()), key=lambda r: _rank(r[1]))

    def route(self, method: str, target: str) -> Route | None:
        """The operation that this method and path below the base URL mean, if any."""
        path = target.partition("?")[0]
        for pattern, operation in self._routes:
            if operation.method.upper() == method.upper() and (match := pattern.fullmatch(path)):
                return Route(operation, {name: unquote(value) for name, value in match.groupdict().items()})
        return None

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

    def subject(self, route: Route) -> tuple[str, str] | None:
        """The record that a request would change: resource and id."""
        table = self.table(route.operation.id)
        for name, resource in self.owners(route.operation).items():
            if resource == table.get("resource") and table.get("verb") not in ("list", "create"):
                return resource, route.parameters[name]
        return None

    def record(self, operation_id: str, answer: Any) -> Any:
        """The record (or the list of records) inside the envelope of an answer; LookupError when it is not there."""
        found = unwrap(answer, self.table(operation_id).get("envelope"))
        if found is _ABSENT:
            raise LookupError(f"no {self.table(operation_id).get('envelope')!r} in the answer")
        return found

    def error_place(self, placeholder: str) -> tuple[str, ...] | None:
        """Where in an error answer a placeholder of the envelope stands, as keys: `code` -> ("error", "code")."""
        envelope = self.vendor.behaviour.get("errors", {}).get("envelope", {})
        return find_placeholder(envelope, f"${placeholder}")

    def sample_body(self, resource: str, known: Mapping[str, str]) -> dict[str, Any]:
        """The body that makes a sample record; LookupError names the known id that is missing."""
        body: dict[str, Any] = _resolved(self.sample(resource)["body"], known)
        return body

    def is_formed(self, resource: str, value: str) -> bool:
        """Whether a text could be the id of a record at all."""
        form = self.resource(resource).get("id_form")
        return _FORMS[form].fullmatch(value) is not None if form in _FORMS else bool(value)

    def unknown_id(self, resource: str, chance: random.Random, like: str | None) -> str:
        """An id of the right form that names nothing. `like` is one that exists, where the form does not tell."""
        form = self.resource(resource).get("id_form")
        if form == "uuid":
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        if form == "integer" or (like and like.isdecimal()):
            return str(chance.randrange(900_000_000, 999_999_999))
        return "".join(chance.choice("23456789bcdfghjkmnpqrstvwxz") if c.isalnum() else c for c in like or "a" * 12)

    def known_of(self, resource: str, known: Mapping[str, str]) -> list[str]:
        """The known ids of a resource."""
        roles: Mapping[str, str] = self.vendor.behaviour.get("known", {})
        return [known[role] for role, kind in roles.items() if kind == resource and role in known]


def path_names(template: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", template)


def fill(template: str, values: Mapping[str, str]) -> str:
    """A path template with its parameters filled in; KeyError names the missing one."""
    return re.sub(r"\{([^{}]+)\}", lambda match: quote(str(values[match[1]]), safe=""), template)


def unwrap(answer: Any, envelope: Any) -> Any:
    """What an envelope holds: the whole where nothing is said; a key; keys joined by dots; a table with `$record`."""
    if envelope is None:
        return answer
    keys: Sequence[str] = (
        envelope.split(".") if isinstance(envelope, str) else find_placeholder(envelope, "$record") or ()
    )
    for key in keys:
        if not isinstance(answer, Mapping) or key not in answer:
            return _ABSENT
        answer = answer[key]
    return answer


def find_placeholder(node: Any, placeholder: str) -> tuple[str, ...] | None:
    """The keys that lead to a placeholder in an envelope."""
    if node == placeholder:
        return ()
    if isinstance(node, Mapping):
        for key, value in node.items():
            below = find_placeholder(value, placeholder)
            if below is not None:
                return (str(key), *below)
    return None


def _resolved(node: Any, known: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {key: _resolved(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolved(item, known) for item in node]
    if isinstance(node, str) and node.startswith("$known."):
        name = node.removeprefix("$known.")
        if name not in known:
            raise NotJudged(f"needs {name} among the known ids")
        return known[name]
    return node


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}]+\})", template)
    return re.compile(
        "".join(f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part) for part in parts)
    )


def _rank(operation: "Operation") -> list[bool]:
    return ["{" in segment for segment in operation.path.strip("/").split("/")]
