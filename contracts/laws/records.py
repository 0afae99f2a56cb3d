"""What becomes of a record: made, read, listed, changed, deleted; seen through every operation that shows it."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from contracts.findings import Broken, NotJudged
from contracts.laws.bench import Bench, other_values
from contracts.laws.echo import Echo
from contracts.laws.terms import (
    Record,
    accepts,
    equal_fields,
    find_operation,
    item_fields,
    judged,
    key_of,
    missing,
    owed_fields,
    properties,
    references,
    refused,
    same,
    short,
    succeed,
)
from contracts.requests import kinds_of
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation, Rule

PLAIN = "One line of plain text 123."
# What text suffers on its way: other scripts, escapes, markup, control characters, trimming, cutting, guessed types.
RICH = (
    'Zoë said: "100 % naïve" & <b>\\no</b>',
    "日本語 Ελληνικά עברית 😀👩‍👩‍👧",
    "it's; {{7*7}} ${x} %41 &amp; \\u0041 /* -- */",
    "e\u0301 is not \u00e9",
    "first line\nsecond\ttabbed\r\nthird",
    "  spaces around  ",
    "0012",
    "null",
    "long " * 2000,
    "",
)


def create_and_read(tenant: Tenant, rule: Rule) -> None:
    """A new record has what was sent, the defaults for the rest and an id of its own, and is read and listed so."""
    for operation in _of_ours(tenant, rule, "create", "no operation of the rule makes a record"):
        bench = Bench(tenant)
        resource = operation.table["resource"]
        before = bench.listed(resource)
        made = [_create_one(bench, operation, body) for body in _bodies(bench, operation)]
        identities = [record[key_of(tenant.vendor, resource)] for record in made]
        repeated = {each for each in identities if identities.count(each) > 1 or each in before}
        if repeated:
            raise Broken(f"{operation.id}: expected a new id for each record, got {repeated.pop()} twice")
        _check_listed(bench, operation, before, made)


def _create_one(bench: Bench, operation: Operation, body: Mapping[str, Any]) -> Record:
    tenant, resource = bench.tenant, operation.table["resource"]
    answer = bench.call(operation, json=dict(body))
    what = f"{operation.id} with {short(body)}"
    record: Record = succeed(tenant, operation, answer, what)
    echo = Echo(tenant, operation)
    echo.compare(what, dict.fromkeys(tenant.target.model.hint(resource, "unset")) | dict(body), record, answer)
    sent = {accepts(operation).get(name, name) for name in body}
    shown = item_fields(tenant.vendor, operation)
    defaults = operation.table.get("defaults", {}) if echo.is_plain else {}
    unsent = {name: value for name, value in defaults.items() if name not in sent and name in shown}
    equal_fields(what, unsent, record, answer)
    identity = record[key_of(tenant.vendor, resource)]
    if getter := find_operation(tenant.vendor, "get", resource):
        caller = "reader" if "reader" in tenant.callers else "owner"
        loose = () if tenant.is_mock else tenant.target.model.hint(resource, "loose")
        read = bench.read(resource, identity, caller=caller)
        owed = owed_fields(tenant.vendor, getter) - sent - read.keys()
        equal_fields(f"a read after {what}", _firm(record, {*loose, *owed}), read, answer)
    return record


def _bodies(bench: Bench, operation: Operation) -> Iterator[dict[str, Any]]:
    """The required fields alone, then every field with each of its values in turn."""
    resource = operation.table["resource"]
    names = list(accepts(operation))
    schema = bench.tenant.target.model.sample(resource)["body"]
    good = bench.body(operation)
    yield {name: good[name] for name in names if name in schema}
    values = {name: _values(bench, operation, name) for name in names}
    values = {name: options for name, options in values.items() if options}
    for turn in range(max(map(len, values.values()), default=0)):
        chosen = {name: options[(turn + i) % len(options)] for i, (name, options) in enumerate(values.items())}
        again = {name for name, options in values.items() if turn >= len(options)}
        yield bench.body(operation) | {
            name: bench.tenant.unlike(resource, name, value) if name in again else value
            for name, value in chosen.items()
        }


def _values(bench: Bench, operation: Operation, name: str) -> list[Any]:
    tenant = bench.tenant
    schema = properties(tenant.vendor, operation).get(name, {})
    is_told = name in tenant.target.model.hint(operation.table["resource"], "values")
    if is_told or name in references(operation) or "enum" in schema or "string" not in kinds_of(schema):
        return other_values(bench, operation, name)
    # A tenant may store a text in a form of its own. Only the field that bears the run's mark has to be kept exactly.
    is_mark = name == tenant.target.model.hint(operation.table["resource"], "mark")
    rich = RICH if tenant.is_mock else RICH[:4] if is_mark else ()
    texts = [PLAIN, *(text for text in rich if _fits(schema, text))]
    return [bench.marked(text) for text in texts] if is_mark and not tenant.is_mock else texts


def _fits(schema: Mapping[str, Any], text: str) -> bool:
    if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
        return False
    return "pattern" not in schema or re.search(schema["pattern"], text) is not None


def _check_listed(bench: Bench, operation: Operation, before: Mapping[str, Record], made: list[Record]) -> None:
    """The new ones are in the list with what their single read shows; the old ones are as they were."""
    resource = operation.table["resource"]
    lister = bench.lister(resource)
    if lister is None:
        return
    after = bench.listed(resource)
    holder = lister.table.get("within")
    for record in made:
        identity = str(record[key_of(bench.tenant.vendor, resource)])
        parent = bench.parent(resource)
        is_here = holder is None or record.get(holder["field"], parent) == parent
        if is_here != (identity in after):
            raise Broken(
                f"{lister.id}: the new {identity} is {'not ' if is_here else ''}in the list of {bench.parent(resource)}"
            )
        for name, (want, got) in bench.untrue(lister, record, after.get(identity, Record())).items():
            raise Broken(f"{lister.id}: expected {name!r} of the new {identity} to be {short(want)}, got {short(got)}")
    _check_no_more(bench, operation, before, after, made)
    loose = bench.tenant.target.model.hint(resource, "loose")
    for identity, item in before.items() if bench.tenant.is_mock else ():
        if not same(_firm(item, loose), _firm(after.get(identity), loose)):
            raise Broken(f"{operation.id}: {short(item)} became {short(after.get(identity))} when others were made")


def _check_no_more(
    bench: Bench, operation: Operation, before: Mapping[str, Record], after: Mapping[str, Record], made: list[Record]
) -> None:
    """Each request made one record: nothing else has come that bears the run's mark."""
    resource, target = operation.table["resource"], bench.tenant.target
    field, ours = target.model.hint(resource, "mark"), {str(each[key_of(target.vendor, resource)]) for each in made}
    for identity in after.keys() - before.keys() - ours if isinstance(field, str) else ():
        # What was made before may have come into a list late.
        if target.mark in str(after[identity].get(field)) and not target.guard.ownership.is_our_own(resource, identity):
            raise Broken(f"{operation.id}: {len(made)} records were answered, and {identity} was made besides")


def _firm(item: Any, loose: Collection[str]) -> Any:
    """An item without what may change when others do."""
    return {name: value for name, value in item.items() if name not in loose} if isinstance(item, dict) else item


def partial_update(tenant: Tenant, rule: Rule) -> None:
    """An update changes what was sent and nothing else: no other field, nothing sent before, no neighbour."""
    tried = 0
    for operation in judged(tenant, rule, "update"):
        resource = operation.table["resource"]
        bench = Bench(tenant)
        fields = _changeable(bench, operation)
        if not fields or not bench.is_ours(resource) or find_operation(tenant.vendor, "get", resource) is None:
            continue
        tried += 1
        record = bench.create(resource, **_filled_in(bench, operation))
        neighbour = bench.create(resource)
        key = key_of(tenant.vendor, resource)
        neighbour = bench.read(resource, neighbour[key])
        _check_item(bench, operation, record[key])  # a list that was seen once must not stay as it was
        bench.wait()
        for name, values in fields.items():
            record = _change_one(bench, operation, record, {name: values[0]})
        if len(fields) > 1:
            together = {name: _one_of(bench, operation, name, values, 1) for name, values in fields.items()}
            record = _change_one(bench, operation, record, together)
        _change_in_a_row(bench, operation, record, fields)
        _check_item(bench, operation, record[key])
        loose = tenant.target.model.hint(resource, "loose")
        after = _firm(bench.read(resource, neighbour[key]), loose)
        equal_fields(f"{operation.id}: its neighbour", _firm(neighbour, loose), after, None)
    if not tried:
        raise NotJudged("no operation of the rule updates a record of our own")


def _changeable(bench: Bench, operation: Operation) -> dict[str, list[Any]]:
    """Field of a body -> values to change it to. On a tenant without what others may change meanwhile."""
    loose = () if bench.tenant.is_mock else bench.tenant.target.model.hint(operation.table["resource"], "loose")
    return {
        name: values
        for name, field in accepts(operation).items()
        if name not in references(operation) and field not in loose and (values := other_values(bench, operation, name))
    }


def _one_of(bench: Bench, operation: Operation, name: str, values: list[Any], turn: int) -> Any:
    """The value of a field in one turn, which is another one than in the turn before."""
    known = [*values, f"{PLAIN} {name}"] if len(values) == 1 and isinstance(values[0], str) else values
    return bench.tenant.unlike(operation.table["resource"], name, known[turn % len(known)])


def _filled_in(bench: Bench, operation: Operation) -> dict[str, Any]:
    """Every field of a new record set, to something that no update of the law sends."""
    creator = find_operation(bench.tenant.vendor, "create", operation.table["resource"])
    schemas = properties(bench.tenant.vendor, creator) if creator else {}
    referred = {
        name: values[0]
        for name in (references(creator) if creator else ())
        if name in accepts(operation) and "null" in kinds_of(schemas.get(name, {}))
        if creator and (values := [each for each in other_values(bench, creator, name) if each is not None])
    }
    return referred | {
        name: bench.tenant.unlike(operation.table["resource"], name, PLAIN)
        for name, schema in schemas.items()
        if "string" in kinds_of(schema)
        and not {"format", "enum", "const"} & schema.keys()
        and _fits(schema, PLAIN)
        and name in accepts(operation)
        and name not in references(operation)
    }


def _change_one(bench: Bench, operation: Operation, record: Record, change: Mapping[str, Any]) -> Record:
    tenant, resource = bench.tenant, operation.table["resource"]
    identity = record[key_of(tenant.vendor, resource)]
    before = bench.read(resource, identity)
    answer = bench.call(operation, path=bench.path(operation, identity), json=dict(change))
    what = f"{operation.id} with {short(change)}"
    given: Record = succeed(tenant, operation, answer, what)
    echo = Echo(tenant, operation)
    updated = _moment_of_change(bench, resource)
    _not_earlier(what, updated, before, given, answer)
    loose = () if tenant.is_mock else tenant.target.model.hint(resource, "loose")
    changed = {*echo.touched(change), updated, *loose}
    kept = Record({name: value for name, value in before.items() if name not in changed})
    echo.compare(what, change, given, answer)
    equal_fields(what, _shown(bench, operation, kept), given, answer)
    after = bench.read(resource, identity)
    echo.compare(f"a read after {what}", change, after, answer)
    equal_fields(f"a read after {what}", kept, after, answer)
    return after


def _shown(bench: Bench, operation: Operation, expected: Record) -> Record:
    """What the answer to an update has to show. A tenant's may be poorer than a read in what it tells of others."""
    if bench.tenant.is_mock:
        return expected
    of_others = {field for name, field in accepts(operation).items() if name in references(operation)}
    kept = {name: value for name, value in expected.items() if not isinstance(value, list | dict)}
    return Record({name: value for name, value in kept.items() if name not in of_others})


def _moment_of_change(bench: Bench, resource: str) -> str | None:
    found: str | None = bench.tenant.vendor.behaviour["resources"][resource].get("updated")
    return found


def _not_earlier(what: str, updated: str | None, before: Record, after: Record, answer: Answer) -> None:
    if updated is not None and str(after.get(updated)) < str(before.get(updated)):
        raise Broken(f"{what}: {updated!r} went back from {before.get(updated)!r} to {after.get(updated)!r}", answer)


def _change_in_a_row(bench: Bench, operation: Operation, record: Record, fields: Mapping[str, list[Any]]) -> None:
    """Updates of different fields, one straight after the other with no read between: all of them survive."""
    identity = record[key_of(bench.tenant.vendor, operation.table["resource"])]
    sent: dict[str, Any] = {}
    for name, values in reversed(list(fields.items())):
        value = _one_of(bench, operation, name, values, 2)
        answer = bench.call(operation, path=bench.path(operation, identity), json={name: value})
        succeed(bench.tenant, operation, answer, f"{operation.id} with {name}: {short(value)}")
        sent[name] = value
    after = bench.read(operation.table["resource"], identity)
    Echo(bench.tenant, operation).compare(f"a read after updates of {', '.join(sent)} in a row", sent, after, None)


def _check_item(bench: Bench, operation: Operation, identity: str) -> None:
    """The list shows a changed record as its single read does."""
    resource = operation.table["resource"]
    lister = bench.lister(resource)
    if lister is None:
        return
    item = bench.listed(resource).get(str(identity))
    if item is None:
        raise Broken(f"{operation.id}: {identity} is no longer in the list of {bench.parent(resource)}")
    for name, (want, got) in bench.untrue(lister, bench.read(resource, identity), item).items():
        raise Broken(f"after {operation.id} the list shows {name!r} as {short(got)}, the single read as {short(want)}")


def delete_and_gone(tenant: Tenant, rule: Rule) -> None:
    """A deleted record is gone from every operation of the rule, and nothing else is."""
    for remover in _of_ours(tenant, rule, "delete", "no operation of the rule deletes a record of our own"):
        bench = Bench(tenant)
        resource, key = remover.table["resource"], key_of(tenant.vendor, remover.table["resource"])
        record, neighbour = bench.record(resource), bench.create(resource)
        before = bench.seen(resource, neighbour[key])
        path = bench.path(remover)
        answer = bench.call(remover, path=path)
        given = succeed(tenant, remover, answer, f"{remover.id} without a body")
        fixed = remover.table.get("answer", "$record")
        if fixed != "$record" and not same(given, fixed):
            raise Broken(f"{remover.id}: expected {fixed}, got {short(given)}", answer)
        _check_gone(bench, rule, remover, record[key])
        loose = tenant.target.model.hint(resource, "loose")
        after = bench.seen(resource, neighbour[key]) or Record()
        equal_fields(f"after {remover.id} of another record", _firm(before or Record(), loose), after, None)
        _check_neighbour_listed(bench, rule, resource, neighbour)
        _check_parents(bench, resource)
        if bench.create(resource)[key] == record[key]:
            raise Broken(f"{remover.id}: the id {record[key]} was given to a new record")


def _of_ours(tenant: Tenant, rule: Rule, verb: str, why_none: str) -> list[Operation]:
    """The rule's operations of a verb on what a run can make; NotJudged when there is none."""
    found = [each for each in judged(tenant, rule, verb) if Bench(tenant).is_ours(each.table["resource"])]
    if not found:
        raise NotJudged(why_none)
    return found


def _check_gone(bench: Bench, rule: Rule, remover: Operation, identity: str) -> None:
    tenant, resource = bench.tenant, remover.table["resource"]
    expected = missing(tenant.vendor, resource)
    # Reads come again at the end: neither an update nor a second delete may bring the record back.
    chosen = [
        *judged(tenant, rule, "get"),
        *judged(tenant, rule, "update"),
        *judged(tenant, rule, "delete"),
        *judged(tenant, rule, "get"),
    ]
    for operation in chosen:
        if operation.table["resource"] != resource:
            continue
        answer = bench.call(operation, path=bench.path(operation, identity))
        room = {answer.status} if operation is remover and 200 <= answer.status < 300 else ()
        refused(tenant, answer, expected, f"{operation.id} of a deleted record", values={"id": identity}, room=room)
    for lister in judged(tenant, rule, "list"):
        if lister.table["resource"] == resource and str(identity) in bench.listed(resource):
            raise Broken(f"{lister.id}: the deleted {identity} is still in the list")


def _check_neighbour_listed(bench: Bench, rule: Rule, resource: str, neighbour: Record) -> None:
    for lister in judged(bench.tenant, rule, "list"):
        identity = str(neighbour[key_of(bench.tenant.vendor, resource)])
        if lister.table["resource"] == resource and identity not in bench.listed(resource):
            raise Broken(f"{lister.id}: {identity} left the list when another record was deleted")


def _check_parents(bench: Bench, resource: str) -> None:
    """What a deleted record belonged to is still there."""
    creator = find_operation(bench.tenant.vendor, "create", resource)
    body = bench.body(creator) if creator else {}
    for name, target in references(creator).items() if creator else ():
        if name in body and find_operation(bench.tenant.vendor, "get", target):
            bench.read(target, str(body[name]))
