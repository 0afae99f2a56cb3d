"""What defects of records have in common: which fields a request sends, what they may hold, and what is written."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mockserver import spec
from mockserver.engine.bodies import media_type
from mockserver.engine.defect import Around, Passage, Tap
from mockserver.engine.forms import FORM, read_form
from mockserver.engine.messages import Request, Response
from mockserver.engine.query import All
from mockserver.planted.words import Record, argument, body_of, caller_of, played, with_body
from mockserver.vendor import Operation, Vendor

Schema = Mapping[str, Any]
Write = Callable[[Passage, Record | None, Record], Record | None]

JSON = "application/json"
_PLAIN = frozenset({"type", "minLength", "maxLength", "pattern", "description", "example", "examples", "title"})


# Operations and their resources


def writers(vendor: Vendor, *verbs: str) -> Iterator[Operation]:
    """The operations of these verbs that have a resource."""
    return (one for one in played(vendor, *verbs) if "resource" in one.table)


def table_of(vendor: Vendor, operation: Operation) -> Mapping[str, Any]:
    """What behaviour.yaml says of the resource of an operation."""
    table: Mapping[str, Any] = vendor.behaviour["resources"][operation.table["resource"]]
    return table


def sample_of(vendor: Vendor, operation: Operation) -> Mapping[str, Any]:
    """How the harness makes a record of the operation's resource; empty where nobody says it."""
    sample: Mapping[str, Any] = vendor.behaviour.get("samples", {}).get(operation.table["resource"], {})
    return sample


def users_of(vendor: Vendor) -> str | None:
    """The resource of the records that callers act as."""
    users: str | None = vendor.behaviour["credentials"].get("users")
    return users


# Bodies


def fields_of(vendor: Vendor, operation: Operation) -> dict[str, Schema]:
    """Field of the request -> its schema; below the wrapper where there is one."""
    document = vendor.document
    body = spec.resolve(document, operation.document.get("requestBody", {}))
    schema = spec.resolve(document, body.get("content", {}).get(JSON, {}).get("schema", {}))
    wrapper = operation.table.get("wrapper")
    if wrapper is not None:
        schema = spec.resolve(document, schema.get("properties", {}).get(wrapper, {}))
    return {name: spec.resolve(document, one) for name, one in schema.get("properties", {}).items()}


def accepted(vendor: Vendor, operation: Operation) -> dict[str, Schema]:
    """Field of the record -> the schema of the field of the request that sets it."""
    schemas = fields_of(vendor, operation)
    return {name: schemas[key] for key, name in operation.table.get("accepts", {}).items() if key in schemas}


def kinds(schema: Schema) -> set[str]:
    """The types that a value may have."""
    found = schema.get("type", [])
    named = {found} if isinstance(found, str) else set(found)
    return named.union(*(kinds(one) for one in schema.get("anyOf", ())))


def texts(vendor: Vendor, operation: Operation) -> list[str]:
    """Fields of the record that take any text, whatever its characters."""
    named = {operation.table.get("target"), *operation.table.get("references", {})}
    return [
        name
        for name, schema in accepted(vendor, operation).items()
        if "string" in kinds(schema) and _PLAIN.issuperset(schema) and name not in named and not name.endswith("_id")
    ]


def sent(passage: Passage) -> Record:
    """Field of the record -> the value that the request sends for it."""
    body, operation = said(passage), passage.operation
    accepts = operation.table.get("accepts", {}) if operation is not None else {}
    return {name: body[key] for key, name in accepts.items() if key in body}


def said(passage: Passage) -> Record:
    """Field of the request -> its value, below the wrapper; empty where the body is not to be read."""
    body, operation = _content(passage.request), passage.operation
    wrapper = operation.table.get("wrapper") if operation is not None else None
    if wrapper is not None:
        body = body.get(wrapper) if isinstance(body, dict) else None
    return body if isinstance(body, dict) else {}


def _content(request: Request) -> Any:
    if media_type(request.header(b"content-type")) != FORM:
        return body_of(request)
    try:
        return read_form(request.body)
    except ValueError:
        return None


def with_sent(passage: Passage, changes: Mapping[str, Any]) -> Request:
    """The request with other values for fields of the record; as it is where its body is no JSON object."""
    operation, request = passage.operation, passage.request
    body = body_of(request)
    if operation is None or not isinstance(body, dict):
        return request
    keys = {name: key for key, name in operation.table.get("accepts", {}).items()}
    changed = {keys[name]: value for name, value in changes.items() if name in keys}
    wrapper = operation.table.get("wrapper")
    if wrapper is None:
        return with_body(request, {**body, **changed})
    inner = body.get(wrapper)
    return with_body(request, {**body, wrapper: {**inner, **changed}}) if isinstance(inner, dict) else request


def defaults_of(vendor: Vendor, operation: Operation) -> dict[str, Any]:
    """What a new record of the operation's resource has where nothing is sent."""
    found: dict[str, Any] = {}
    for one in writers(vendor, "create"):
        if one.table["resource"] == operation.table["resource"]:
            found |= one.table.get("defaults", {})
    return found


# Writes


def is_addressed(passage: Passage, record: Record) -> bool:
    """Whether a record is the one that the path names."""
    operation, values = passage.operation, passage.request.parameters.values()
    if operation is None or not values:
        return True
    table = table_of(passage.vendor, operation)
    by = argument(passage.request, table["keys"]["parameter"]) if "keys" in table else None
    if by not in (None, table["key"]):
        return True  # no operation that finds records otherwise changes more than one
    return _folded(record[table["key"]]) in {_folded(value) for value in values}


def _folded(key: Any) -> str:
    return str(key).casefold().lstrip("0")


def each_write(change: Write, *, changes_others: bool = False) -> Around:
    """Bend what is written of the record that an operation makes or changes; of the others of its resource too."""

    def around(passage: Passage) -> Response:
        table = passage.operation.table if passage.operation is not None else {}

        def write(name: str, before: Record | None, record: Record) -> Record | None:
            # What a change makes besides, such as a successor, is not what it was asked for.
            is_meant = table.get("verb") == "create" if before is None else is_addressed(passage, record)
            is_own = name == table.get("resource") and (changes_others or is_meant)
            return change(passage, before, record) if is_own else record

        return passage.proceed(tap=Tap(write=write))

    return around


def set_in_place(change: Callable[[Passage, Record | None, Record], Mapping[str, Any]]) -> Around:
    """Other values in the record that is made or changed, which the answer shows too."""

    def write(passage: Passage, before: Record | None, record: Record) -> Record:
        record.update(change(passage, before, record))
        return record

    return each_write(write)


def found(passage: Passage) -> Record | None:
    """The record that the path names by its key, if the world has it."""
    if passage.operation is None:
        return None
    resource = passage.operation.table["resource"]
    for value in passage.request.parameters.values():
        for key in (value, value.lower()):
            record = passage.world.find(resource, key)
            if record is not None:
                return record
    return None


def rewrite(passage: Passage, record: Record, resource: str | None = None) -> None:
    """Put other content into a record, between two requests so to speak."""
    name = resource or (passage.operation.table["resource"] if passage.operation is not None else "")
    with passage.world.transaction():
        passage.world.replace(name, record)


def caller_account(passage: Passage) -> str | None:
    """The account of the seeded caller who sends the request."""
    name = caller_of(passage)
    return passage.vendor.callers[name].account if name is not None else None


def records_in(passage: Passage, resource: str) -> list[Record]:
    """The records of a resource that the caller's account has, or of nobody's account."""
    field, account = passage.vendor.behaviour["resources"][resource].get("account"), caller_account(passage)
    records = passage.world.search(resource, All(), [])
    return [one for one in records if field is None or account is None or one[field] == account]


def binds(vendor: Vendor, operation: Operation, law: str, aspect: str) -> bool:
    """Whether a documented or published rule about an operation is behind a part of a law."""
    named = vendor.behaviour.get("aspects", {}).get(law, {}).get(aspect, ())
    rules = [vendor.rules[one] for one in ([named] if isinstance(named, str) else named)]
    return any(rule.binding and operation.id in rule.operations for rule in rules)


def says(vendor: Vendor, operation: Operation, *patterns: str) -> bool:
    """Whether a documented or published rule about an operation has all these words in its sentence."""
    sentences = (rule.statement for rule in vendor.rules.values() if rule.binding and operation.id in rule.operations)
    return any(all(re.search(rf"\b(?:{each})\b", sentence) for each in patterns) for sentence in sentences)


def is_main(vendor: Vendor, operation: Operation) -> bool:
    """Whether an operation makes, changes or lists a resource's records, as its sample says where it has one."""
    sample = sample_of(vendor, operation)
    if not sample:
        return is_seen(vendor, operation.table["resource"])
    listed = sample.get("list", {}).get("operation")
    return operation.id in (sample.get("create"), sample.get("update"), listed) and "mark" in sample


def is_seen(vendor: Vendor, resource: str) -> bool:
    """Whether an operation shows the records of a resource."""
    return any(one.table["resource"] == resource for one in writers(vendor, "get", "list"))
