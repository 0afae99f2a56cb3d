"""What a vendor's model says, in the words that laws need: refusals, envelopes, schemas of bodies. It sends nothing."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from contracts.document import escape
from contracts.envelopes import path_to_record
from contracts.findings import Broken, Lacks, NotJudged, shorten
from contracts.model import SAFE_METHODS
from contracts.tenant import Answer, Tenant
from mockserver.spec import resolve
from mockserver.vendor import Operation, Rule, Vendor

_NO_CONTENT = 204


class Record(dict[str, Any]):
    """A record as an answer shows it. A field that it lacks is the target's fault, not that of who looks for it."""

    def __missing__(self, name: str) -> Any:
        raise Lacks(name, f"expected the field {name!r} in {short(self)}")


@dataclass(frozen=True)
class Expected:
    """A refusal as the catalogue has it; `details` maps each key of the details to its template, such as `$id`."""

    status: int
    code: str
    details: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    instead: Collection[int] = ()  # statuses that a tenant may answer in its place

    def __str__(self) -> str:
        return f"{self.status} {self.code}"


def refusal(vendor: Vendor, situation: str) -> Expected:
    """The refusal of a situation, for example `scope_missing`; NotJudged where the vendor has no such situation."""
    if situation not in vendor.behaviour["refusals"]:
        raise NotJudged(f"this vendor has no refusal for {situation}")
    return entry(vendor, vendor.behaviour["refusals"][situation]["error"])


def has_refusal(vendor: Vendor, situation: str) -> bool:
    return situation in vendor.behaviour["refusals"]


def missing(vendor: Vendor, resource: str) -> Expected:
    """The refusal of a record that is not there."""
    return entry(vendor, vendor.behaviour["resources"][resource]["missing"]["error"])


def unknown_reference(vendor: Vendor, operation: Operation, name: str) -> Expected:
    """The refusal of a field of the body that names a record which is not there."""
    reference = operation.table["references"][name]
    if "error" in reference:
        return entry(vendor, reference["error"])
    return missing(vendor, reference["resource"])


def entry(vendor: Vendor, error: str) -> Expected:
    """An entry of the catalogue."""
    found = vendor.behaviour["errors"]["catalogue"][error]
    code, details = found.get("code", error), found.get("details", {})
    return Expected(found["status"], code, details, error, found.get("instead", ()))


def judged(tenant: Tenant, rule: Rule, *verbs: str) -> list[Operation]:
    """The operations that a rule speaks of, in the document's order; with `verbs` only those that do one of them.

    What a run may not send to a tenant is not asked of one. NotJudged where nothing else is left.
    """
    every = [each for each in tenant.vendor.operations.values() if each.id in rule.operations and each.table]
    chosen = [each for each in every if tenant.is_mock or not each.table.get("lasting")]
    if every and not chosen:
        names = ", ".join(each.id for each in every)
        raise NotJudged(f"not tried on a tenant, where its effects would last: {names}")
    return [each for each in chosen if not verbs or each.table.get("verb") in verbs]


def find_operation(vendor: Vendor, verb: str, resource: str) -> Operation | None:
    """The first operation with that verb on that resource."""
    for each in vendor.operations.values():
        if each.table.get("verb") == verb and each.table.get("resource") == resource:
            return each
    return None


def key_of(vendor: Vendor, resource: str) -> str:
    return str(vendor.behaviour["resources"][resource]["key"])


def is_unsafe(operation: Operation) -> bool:
    return operation.method not in SAFE_METHODS


def addressed(operation: Operation) -> str | None:
    """The resource whose id stands last in the path, if one does."""
    if "{" not in operation.path:
        return None
    holder = operation.table.get("within")
    takes_own = operation.table.get("verb") not in ("list", "create")
    return str(operation.table["resource"] if takes_own or not holder else holder["resource"])


def accepts(operation: Operation) -> Mapping[str, str]:
    """Field of the body -> field of the record."""
    found: Mapping[str, str] = operation.table.get("accepts", {})
    return found


def references(operation: Operation) -> Mapping[str, str]:
    """Field of the body -> the resource whose id it bears."""
    return {name: entry["resource"] for name, entry in operation.table.get("references", {}).items()}


def body_schema(vendor: Vendor, operation: Operation) -> Mapping[str, Any] | None:
    """The schema of the fields of a JSON body, below the wrapper if there is one; None where there is no such body."""
    body = resolve(vendor.document, operation.document.get("requestBody"))
    media = body["content"].get("application/json") if body else None
    schema = resolve(vendor.document, media["schema"]) if media else None
    if schema is not None and "wrapper" in operation.table:
        inner = schema.get("properties", {}).get(operation.table["wrapper"], {})
        return as_table(resolve(vendor.document, inner))
    return schema


def as_table(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}


def takes_no_body(vendor: Vendor, operation: Operation) -> bool:
    """Whether the operation may be sent without a body, though it takes one."""
    body = resolve(vendor.document, operation.document.get("requestBody"))
    return bool(body) and not body.get("required", False)


def media_types(vendor: Vendor, operation: Operation) -> set[str]:
    """The types of body that the document gives an operation."""
    body = resolve(vendor.document, operation.document.get("requestBody"))
    return {kind.lower() for kind in body["content"]} if body else set()


def properties(vendor: Vendor, operation: Operation) -> dict[str, Mapping[str, Any]]:
    """Field of the body -> its schema."""
    schema = body_schema(vendor, operation) or {}
    return {name: as_table(resolve(vendor.document, each)) for name, each in schema.get("properties", {}).items()}


def item_fields(vendor: Vendor, operation: Operation) -> set[str]:
    """The fields that the document gives a record in an operation's answer, or an item of its list."""
    return set(as_table(_of_record(vendor, operation, "properties")))


def owed_fields(vendor: Vendor, operation: Operation) -> set[str]:
    """Those that it has to have: a key that is missing is the concern of the rules that point to `required`."""
    found = _of_record(vendor, operation, "required")
    return set(found) if isinstance(found, list) else set()


def _of_record(vendor: Vendor, operation: Operation, keyword: str) -> Any:
    """A keyword of the schema of a record in an operation's answer, or of an item of its list."""
    envelope = operation.table.get("envelope")
    names = [*chain.from_iterable(("properties", key) for key in path_to_record(envelope)), keyword]
    if isinstance(envelope, Mapping) and "by_id" in envelope:
        names.insert(-1, "additionalProperties")
    elif operation.table.get("verb") == "list":
        names.insert(-1, "items")
    node: Any = operation.document["responses"]
    for name in (f"{operation.table.get('status', 200)}", "content", "application/json", "schema", *names):
        node = resolve(vendor.document, as_table(node).get(name, {}))
    return node


def declared(operation: Operation) -> set[int]:
    """The statuses that the document gives an operation."""
    return {int(status) for status in operation.document["responses"] if str(status).isdigit()}


def successes(tenant: Tenant, operation: Operation) -> set[int]:
    """The stand-in answers its one status; a tenant any 2xx that the document declares."""
    if tenant.is_mock:
        return {operation.table.get("status", 200)}
    return {status for status in declared(operation) if 200 <= status < 300}


def is_told_by_its_status(vendor: Vendor, operation: Operation | None, status: int) -> bool:
    """Whether an answer is a success but for a status that the document lacks, which is the concern of other rules.

    Without a body a success holds no record; of what is removed none is needed.
    """
    if operation is None or not 200 <= status < 300 or status in declared(operation):
        return False
    if status == _NO_CONTENT and operation.table.get("verb") != "delete":
        return False
    responses = escape("paths", operation.path, operation.method.lower(), "responses")
    return any(
        rule.judge == "law" and rule.detail[:1] == ("status-codes",) and operation.id in rule.operations
        if rule.judge != "schema"
        else any(pointer.rpartition("/")[0] == responses for pointer in rule.detail)
        for rule in vendor.rules.values()
    )


def succeed(tenant: Tenant, operation: Operation, answer: Answer, what: str) -> Any:
    """What a successful answer holds inside its envelope; Broken when it is a refusal or has another shape.

    An answer of 204 holds nothing, and has no body. A wrong status of a success is for the rules about statuses.
    """
    allowed = successes(tenant, operation)
    if answer.status not in allowed:
        if not is_told_by_its_status(tenant.vendor, operation, answer.status):
            raise Broken(f"{what}: expected {_either(allowed)}, got {brief(answer)}", answer)
        if allowed == {_NO_CONTENT}:
            return Record()
    if answer.status == _NO_CONTENT:
        if answer.body:
            raise Broken(f"{what}: expected no body, got {brief(answer)}", answer)
        return Record()
    try:
        found = tenant.target.model.record(operation.id, answer.json())
    except LookupError as error:
        raise Broken(f"{what}: {error.args[0]}: {brief(answer)}", answer) from None
    if operation.table.get("verb") != "list":
        return record_of(found, what, answer)
    if not isinstance(found, list):
        raise Broken(f"{what}: expected a list, got {short(found)}", answer)
    return [record_of(item, what, answer) for item in found]


def record_of(value: Any, what: str, answer: Answer | None = None) -> Record:
    if not isinstance(value, dict):
        raise Broken(f"{what}: expected an object, got {short(value)}", answer)
    return Record(value)


def refused(
    tenant: Tenant,
    answer: Answer,
    expected: Expected,
    what: str,
    *,
    values: Mapping[str, Any] | None = None,
    room: Collection[int] = (),
) -> None:
    """Broken unless the answer is that refusal. `room`: the statuses that a tenant may answer instead, with any code.

    `values` are the parts of the details that are known, by the name that the catalogue gives them.
    """
    if not tenant.is_mock and answer.status in (*room, *expected.instead):
        return
    if answer.status != expected.status:
        raise Broken(f"{what}: expected {expected}, got {brief(answer)}", answer)
    if tenant.target.model.refusals.has_code(expected.error) and answer.error_code() != expected.code:
        raise Broken(f"{what}: expected the code {expected.code!r}, got {answer.error_code()!r}", answer)
    for name, value in _known_details(expected, values or {}):
        details = answer.error("details")
        given = details.get(name) if isinstance(details, dict) else None
        if _sorted(given) != _sorted(value):
            raise Broken(f"{what}: expected {name!r} in the details to be {value!r}, got {given!r}", answer)


def names_field(tenant: Tenant, answer: Answer, expected: Expected, field_name: str, what: str) -> None:
    """Broken unless a refused body names the field, where the vendor's form names fields. A tenant may name none."""
    if not tenant.target.model.refusals.names_fields(expected.error) or answer.status != expected.status:
        return
    named = answer.named_fields()
    if field_name not in (named or ()) and (tenant.is_mock or named):
        told = short(sorted(named)) if named else "none"
        raise Broken(f"{what}: expected {field_name!r} among the fields that are told, got {told}", answer)


def _known_details(expected: Expected, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, template in expected.details.items():
        word = str(template).removeprefix("$")
        if word in values:
            yield name, values[word]


def _sorted(value: Any) -> Any:
    return sorted(value, key=str) if isinstance(value, list | tuple) else value


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1, 1.0 and true are three values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Field -> (before, after), for the fields that both have and in which they differ."""
    return {key: (before[key], after[key]) for key in before if key in after and not same(before[key], after[key])}


def equal_fields(what: str, expected: Mapping[str, Any], given: Mapping[str, Any], answer: Answer | None) -> None:
    """Broken when a field that both have differs, or when `given` lacks one."""
    lost = [name for name in expected if name not in given]
    if lost:
        raise Broken(f"{what}: expected the fields {lost}, which are absent", answer)
    for name, (want, got) in differences(expected, given).items():
        raise Broken(f"{what}: expected {name!r} to be {short(want)}, got {short(got)}", answer)


def brief(answer: Answer) -> str:
    """Status and beginning of the body, for a message."""
    return f"{answer.status} {shorten(answer.body.decode(errors='backslashreplace'), 160) or 'without a body'}"


def short(value: Any) -> str:
    """A value as JSON, for a message."""
    return shorten(json.dumps(value, ensure_ascii=False, default=str), 120)


def _either(statuses: Collection[int]) -> str:
    return " or ".join(map(str, sorted(statuses)))
