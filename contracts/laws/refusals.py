"""What is refused, and how: unknown and malformed ids, bodies that are none, absent fields."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.findings import Broken, NotJudged
from contracts.laws.aspects import Skips
from contracts.laws.bench import Bench
from contracts.laws.terms import (
    accepts,
    addressed,
    body_schema,
    has_refusal,
    is_unsafe,
    judged,
    media_types,
    missing,
    names_field,
    properties,
    references,
    refusal,
    refused,
    short,
    succeed,
    takes_no_body,
    unknown_reference,
)
from contracts.model import fill
from contracts.requests import kinds_of
from contracts.tenant import ABSENT, Tenant
from mockserver.vendor import Operation, Rule


def unknown_records(tenant: Tenant, rule: Rule) -> None:
    """A record that is not there is told so, whether the path or the body names it, and nothing happens."""
    bench = Bench(tenant)
    skips = Skips()
    for operation in judged(tenant, rule):
        with skips.one(), bench.unchanged(operation, f"{operation.id} with an unknown id"):
            resource = addressed(operation)
            for identity in _strangers(bench, resource, may_borrow=_may_borrow(tenant, operation)) if resource else ():
                answer = bench.call(operation, path=bench.path(operation, identity))
                what = f"{operation.id} of the unknown {identity}"
                refused(tenant, answer, missing(tenant.vendor, str(resource)), what, values={"id": identity})
            for name, target in references(operation).items():
                told = Skips()  # where ids are numbers, a tenant might take one for that of somebody's record
                for identity in _strangers(bench, target, may_borrow=True):
                    with told.one():
                        _refer(bench, operation, name, identity)
                told.settle()
            _unknown_outside(bench, operation, resource)
    skips.settle()


def _unknown_outside(bench: Bench, operation: Operation, resource: str | None) -> None:
    """To a caller of another account our records are not there. The law of isolation judges it where a rule says so."""
    tenant = bench.tenant
    vendor = tenant.vendor
    if any(_is_of_walls(each) and operation.id in each.operations for each in vendor.rules.values()):
        return
    if resource and _is_walled(tenant, resource):
        answer = bench.call(operation, caller="outsider")
        if 200 <= answer.status < 300:
            what = f"{operation.id} of a record of another account, by its caller"
            refused(tenant, answer, missing(vendor, resource), what)
    for name, target in references(operation).items() if operation.table["verb"] == "create" else ():
        if name in bench.body(operation) and _is_walled(tenant, target):
            answer = bench.call(operation, caller="outsider")
            if 200 <= answer.status < 300:
                what = f"{operation.id} with a {name} of another account, by its caller"
                refused(tenant, answer, unknown_reference(vendor, operation, name), what)


def _is_walled(tenant: Tenant, resource: str) -> bool:
    """Whether another account cannot know records of a resource, and a caller of one is there to try."""
    return "account" in tenant.vendor.behaviour["resources"][resource] and "outsider" in tenant.callers


def _is_of_walls(rule: Rule) -> bool:
    return rule.judge == "law" and rule.detail == ("isolation",)


def _refer(bench: Bench, operation: Operation, name: str, identity: str) -> None:
    """Send a body that refers to a record which is not there."""
    good = bench.body(operation)
    kinds = kinds_of(properties(bench.tenant.vendor, operation).get(name, {}))
    value: Any = int(identity) if "integer" in kinds else [identity] if "array" in kinds else identity
    answer = bench.call(operation, json=({} if good is ABSENT else good) | {name: value})
    what = f"{operation.id} with the unknown {name} {identity}"
    expected = unknown_reference(bench.tenant.vendor, operation, name)
    refused(bench.tenant, answer, expected, what, values={"id": identity})


def _may_borrow(tenant: Tenant, operation: Operation) -> bool:
    """On a tenant the id of a record that is not ours stands in no path of a change."""
    return tenant.is_mock or not is_unsafe(operation)


def _strangers(bench: Bench, resource: str, *, may_borrow: bool) -> list[str]:
    """Ids that no record of the resource has: one made up, one of another resource's record, one that is too long."""
    resources = bench.tenant.vendor.behaviour["resources"]
    others = [name for name in resources if name != resource and bench.known(name)]
    alike = [name for name in others if resources[name].get("id_form") == resources[resource].get("id_form")]
    own = set(bench.known(resource))
    borrowed = [identity for name in alike for identity in bench.known(name)[:1] if identity not in own]
    if resources[resource].get("id_form") == "digits":  # a server that cuts what is too long would find a record
        borrowed = [*borrowed[:1], *(f"{identity}0" for identity in sorted(own)[:1] if f"{identity}0" not in own)]
    return [bench.tenant.unknown_id(resource), *(borrowed[:2] if may_borrow else [])]


def malformed_ids(tenant: Tenant, rule: Rule) -> None:
    """An id in the path that cannot be one is refused as malformed; a tenant may also call it unknown."""
    bench = Bench(tenant)
    tried, skips = 0, Skips()
    for operation in judged(tenant, rule):
        resource = addressed(operation)
        form = tenant.vendor.behaviour["resources"][resource].get("id_form") if resource else None
        if form in _MALFORMED:
            tried += 1
            with skips.one():
                _malformed(bench, operation, str(resource), _MALFORMED[form])
    skips.settle()
    if not tried:
        raise NotJudged("no id in a path has a form that could be broken")


def _malformed(bench: Bench, operation: Operation, resource: str, forms: list[str]) -> None:
    tenant = bench.tenant
    expected = refusal(tenant.vendor, "parameter_malformed")
    is_changed = is_unsafe(operation) and operation.table.get("verb") != "create"
    existing = bench.identity(resource, ours=is_changed)
    for form in forms:
        # Made from an id that exists: a server that cuts or cleans it would find a record.
        identity = form.format(id=existing)
        what = f"{operation.id} of the malformed {identity!r}"
        answer = bench.call(operation, path=bench.path(operation, identity))
        refused(tenant, answer, expected, what, room={missing(tenant.vendor, resource).status})
        if expected.details:  # of a form that all refusals share nobody knows whether it tells parameters too
            names_field(tenant, answer, expected, list(bench.path(operation, identity))[-1], what)


_VERY_LONG = 6000  # characters, where the documents tell no limit

_NUMBERS = ["not-an-id", "{id}x", "x{id}", "1.5", "{id}e0", "0x1F", "null", "{id}' --", "\u0663", "{id},{id}"]
_MALFORMED = {
    "uuid": ["not-an-id", "{id}0", "{id:.35}", "1", "{id}-0000", "zz{id:.34}", "null", "\0", "{id}' --"],
    "integer": _NUMBERS,
    "digits": _NUMBERS,
}


def body_form(tenant: Tenant, rule: Rule) -> None:
    """A body is a JSON object that says it is JSON, its fields of the declared types; anything else changes nothing."""
    bench = Bench(tenant)
    tried, skips = 0, Skips()
    for operation in judged(tenant, rule):
        if body_schema(tenant.vendor, operation) is None:
            continue
        tried += 1
        with skips.one():
            if not tenant.is_mock:
                _not_json(bench, operation)  # a tenant may take what it can read, whatever its type
            with bench.unchanged(operation, f"{operation.id} with a body that is none"):
                if tenant.is_mock:
                    _not_json(bench, operation)
                _wrong_types(bench, operation)
            _still_json(bench, operation)
            _unknown_fields(bench, operation)
            _at_the_edges(bench, operation)
    skips.settle()
    if not tried:
        raise NotJudged("no operation of the rule takes a body")


def _not_json(bench: Bench, operation: Operation) -> None:
    tenant = bench.tenant
    path = fill(operation.path, bench.path(operation))
    good = json.dumps(tenant.wrapped(operation.id, bench.body(operation))).encode()
    room = {400, 415}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", None):
        if kind in media_types(tenant.vendor, operation):
            continue
        headers = {"Content-Type": kind} if kind else {}
        answer = tenant.send(operation.method, path, content=good, headers=headers)
        what = f"{operation.id} with the content type {kind}" if kind else f"{operation.id} without a content type"
        refused(tenant, answer, refusal(tenant.vendor, "content_type_unknown"), what, room=room)
    for situation, content in _unreadable(tenant, operation, good):
        answer = tenant.send(operation.method, path, content=content, headers={"Content-Type": "application/json"})
        what = f"{operation.id} with the body {short(content.decode('latin-1'))}"
        refused(tenant, answer, refusal(tenant.vendor, situation), what, room=room)


def _unreadable(tenant: Tenant, operation: Operation, good: bytes) -> Iterator[tuple[str, bytes]]:
    """Bodies that are no JSON, or no object, and how they are refused."""
    broken = "syntax_wrong" if has_refusal(tenant.vendor, "syntax_wrong") else "body_unreadable"
    for content in (b"{'a': 1}", b'{"a": "\xc3"}', good[:-1], good + b"}", b"\xff" + good):
        yield broken, content
    no_object = "body_unwrapped" if "wrapper" in operation.table else "body_unreadable"
    for content in (b"[]", b"null", b'"text"', b"1"):
        yield no_object, content
    if not takes_no_body(tenant.vendor, operation):
        yield no_object, b""
    if "wrapper" in operation.table:
        wrapper = operation.table["wrapper"]
        unwrapped: list[dict[str, Any]] = [{}, {wrapper: None}, {wrapper: "text"}, {wrapper: []}, {f"{wrapper}s": {}}]
        for value in unwrapped:
            yield "body_unwrapped", json.dumps(value).encode()


def _wrong_types(bench: Bench, operation: Operation) -> None:
    tenant = bench.tenant
    expected = refusal(tenant.vendor, "body_invalid")
    for name, schema in properties(tenant.vendor, operation).items():
        is_reference = name in references(operation)
        room = {unknown_reference(tenant.vendor, operation, name).status} if is_reference else ()
        for value in _of_other_types(schema):
            answer = bench.call(operation, json=bench.body(operation) | {name: value})
            what = f"{operation.id} with {name}: {short(value)}"
            refused(tenant, answer, expected, what, room=room)
            names_field(tenant, answer, expected, name, what)


def _of_other_types(schema: Any) -> Iterator[Any]:
    """Values that no reading of the schema allows. Kin such as "1" for 1 are left to the rules of a vendor."""
    kinds = kinds_of(schema)
    if "array" not in kinds:
        yield from (["a"], [{}])
    if "object" not in kinds:
        yield {"a": 1}
    if "string" in kinds:
        yield from (12345, True)
    if "integer" in kinds and "enum" in schema:
        yield from (max(schema["enum"]) + 1, min(schema["enum"]) - 1, "no-such-value")


def _at_the_edges(bench: Bench, operation: Operation) -> None:
    """Texts as long as allowed and longer by one, words in the other case: the rules about schemas judge what comes.

    A tenant meets the lengths alone, in records of our own.
    """
    tenant = bench.tenant
    changing = ("create", "update", "transition") if tenant.is_mock else ("create", "update")
    resource = operation.table.get("resource", "")
    if operation.table.get("verb") not in changing or not (tenant.is_mock or bench.is_ours(resource)):
        return
    for name, schema in properties(tenant.vendor, operation).items():
        if name in references(operation) or "string" not in kinds_of(schema):
            continue
        words = [each for each in schema.get("enum", ()) if isinstance(each, str)]
        most = schema.get("maxLength", 0)
        edges = (("x", most), ("y", most), ("x", most + 1)) if most and not words else ()
        texts = [_long(bench, schema, letter, length) for letter, length in edges] or _longest(bench, schema)
        values = [each.swapcase() for each in words] or texts
        if not tenant.is_mock and (words or name in tenant.target.model.hint(resource, "unique") or "format" in schema):
            continue
        for value in values:
            bench.call(operation, json=bench.body(operation) | {name: value})


def _longest(bench: Bench, schema: Mapping[str, Any]) -> list[str]:
    """A text of several kilobytes where no limit is told: it may be refused, but may not fail. A mock gets others."""
    text = bench.marked("x" * _VERY_LONG)
    is_free = not {"maxLength", "const"} & schema.keys() and re.search(str(schema.get("pattern", "")), text)
    return [text] if is_free and not bench.tenant.is_mock else []


def _long(bench: Bench, schema: Mapping[str, Any], letter: str, length: int) -> str:
    """A text of some length; on a tenant with the run's mark where there is room for it."""
    mark = "" if bench.tenant.is_mock or "pattern" in schema else bench.marked("")
    return letter * (length - len(mark)) + mark[-length:]


def _still_json(bench: Bench, operation: Operation) -> None:
    """The content type may bear parameters, and is read in any case."""
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        answer = bench.call(operation, headers={"Content-Type": kind})
        succeed(bench.tenant, operation, answer, f"{operation.id} with the content type {kind}")


def _unknown_fields(bench: Bench, operation: Operation) -> None:
    """Fields that the document does not list are ignored; a tenant may refuse them, and never keeps them."""
    tenant, resource = bench.tenant, operation.table.get("resource", "")
    if operation.table.get("verb") not in ("create", "update") or not bench.is_ours(resource):
        return
    names = set(accepts(operation))
    sample = bench.record(resource)
    extra = {name: _another(value) for name, value in sample.items() if name not in names}
    answer = bench.call(operation, json=bench.body(operation) | extra | {"no_such_field": 1})
    what = f"{operation.id} with fields that the document does not list"
    invalid = refusal(tenant.vendor, "body_invalid")
    if not tenant.is_mock and answer.status in (invalid.status, *invalid.instead):
        return
    record = succeed(tenant, operation, answer, what)
    taken = [name for name, value in extra.items() if record.get(name) == value and value != sample.get(name)]
    if taken:
        raise Broken(f"{what}: expected {taken[0]!r} to be ignored, got {short(record[taken[0]])}", answer)
    if "no_such_field" in record:
        raise Broken(f"{what}: the unknown field came back", answer)
    if "wrapper" in operation.table:
        beside = {**tenant.wrapped(operation.id, bench.body(operation)), "no_such_field": 1}
        answer = tenant.call(operation.id, path=bench.path(operation), json=beside)
        succeed(tenant, operation, answer, f"{operation.id} with a field beside the wrapper")


def _another(value: Any) -> Any:
    """A value that the server would hardly have chosen itself."""
    if isinstance(value, str):
        return "00000000-0000-4000-8000-00000000abcd" if len(value) == 36 else "2001-02-03T04:05:06Z"
    return [{"label": "sent by the client"}] if isinstance(value, list) else "sent by the client"


def required_fields(tenant: Tenant, rule: Rule) -> None:
    """Without a required field nothing is made; a field of that meaning under another name does not count."""
    bench = Bench(tenant)
    expected = refusal(tenant.vendor, "body_invalid")
    tried, skips = 0, Skips()
    for operation in judged(tenant, rule):
        required = (body_schema(tenant.vendor, operation) or {}).get("required", [])
        if not required:
            continue
        with skips.one(), bench.unchanged(operation, f"{operation.id} without a required field"):
            for what, body, lacking in _lacking(bench, operation, required):
                answer = bench.call(operation, json=body)
                refused(tenant, answer, expected, f"{operation.id} {what}")
                for name in lacking:
                    names_field(tenant, answer, expected, name, f"{operation.id} {what}")
                tried += 1
    skips.settle()
    if not tried:
        raise NotJudged("no operation of the rule requires a field")


def _lacking(
    bench: Bench, operation: Operation, required: list[str]
) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    good = bench.body(operation)
    if not isinstance(good, dict):
        raise NotJudged(f"needs a body for {operation.id} under requests in behaviour.yaml")
    yield "with an empty object", {}, required
    for name in required:
        others = {each: value for each, value in good.items() if each != name}
        yield f"without {name}", others, [name]
        yield f"with {name}: null", others | {name: None}, [name]
        if name not in good:
            continue
        for alias in {accepts(operation).get(name, name), name.upper(), name.capitalize()} - set(good):
            yield f"with {alias} in place of {name}", others | {alias: good[name]}, [name]
