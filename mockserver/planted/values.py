"""Defects of the values that a record keeps: texts, times, defaults, limits, and what must never change."""

import html
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Response
from mockserver.engine.query import Condition
from mockserver.planted.words import (
    Record,
    answer_of,
    caller_of,
    each_record,
    is_success,
    kebab,
    records_of,
    with_answer,
    with_records,
)
from mockserver.planted.writing import (
    accepted,
    fields_of,
    is_main,
    kinds,
    rewrite,
    said,
    sample_of,
    says,
    sent,
    set_in_place,
    table_of,
    texts,
    users_of,
    writers,
)
from mockserver.vendor import Operation, Vendor

Bent = Callable[[str], str]


def defects(vendor: Vendor) -> Iterator[Defect]:
    yield from _texts(vendor)
    yield from _times(vendor)
    for operation in writers(vendor, "create"):
        yield from _defaults(vendor, operation)
        yield from _touched(vendor, operation)
    for operation in writers(vendor, "update"):
        yield from _immutable(vendor, operation)


# Texts

_TEXTS: tuple[tuple[str, str, str, Bent], ...] = (
    ("end-at-an-emoji", "unicode", "end before the first character beyond U+FFFF", lambda text: _up_to_astral(text)),
    ("are-composed", "unicode", "are kept in Unicode's composed form", lambda text: unicodedata.normalize("NFC", text)),
    (
        "have-question-marks",
        "unicode",
        "have a question mark for each character that is not of Latin-1",
        lambda text: text.encode("latin-1", "replace").decode("latin-1"),
    ),
    ("are-kept-as-html", "escaping", "are kept with &amp; for & and &lt; for <", lambda text: html.escape(text)),
    ("have-two-backslashes", "escaping", "have each backslash twice", lambda text: text.replace("\\", "\\\\")),
    ("lose-backslashes", "escaping", "lose their backslashes", lambda text: text.replace("\\", "")),
    ("are-decoded", "escaping", "are decoded like a URL, with a blank for + and & for %26", unquote_plus),
)


def _up_to_astral(text: str) -> str:
    return next((text[:place] for place, one in enumerate(text) if ord(one) > 0xFFFF), text)


def _texts(vendor: Vendor) -> Iterator[Defect]:
    taking: dict[str, frozenset[str]] = {}
    for operation in writers(vendor, "create", "update"):
        markup = sample_of(vendor, operation).get("markup", ())
        named = frozenset(name for name in texts(vendor, operation) if name not in markup)
        if named and is_main(vendor, operation):
            taking[operation.id] = named
    for name, kind, what, bend in _TEXTS if taking else ():
        fields = frozenset().union(*taking.values())
        yield Defect(f"texts-{name}", kind, f"Texts {what}.", tuple(taking), _bent(fields, bend))


def _bent(fields: frozenset[str], bend: Bent) -> Around:
    def change(passage: Passage, before: Record | None, record: Record) -> Mapping[str, Any]:
        return {name: bend(record[name]) for name in fields & set(sent(passage)) if isinstance(record[name], str)}

    return set_in_place(change)


# Times


def _times(vendor: Vendor) -> Iterator[Defect]:
    stamps = vendor.behaviour.get("timestamps", "zulu")
    shown: dict[str, frozenset[str]] = {}
    for operation in writers(vendor, "list", "get", "create", "update"):
        table = table_of(vendor, operation)
        shown[operation.id] = frozenset(table[word] for word in ("created", "updated") if word in table)
    fields = frozenset().union(*shown.values())
    if stamps != "local" and fields:
        yield Defect(
            "times-lose-their-zone",
            "time-zone",
            "Times are told without their zone.",
            tuple(name for name, own in shown.items() if own),
            each_record(lambda record: {k: v[:19] if k in fields and v else v for k, v in record.items()}),
        )
    if stamps not in ("zulu", "local"):
        return  # an offset is told, and the moment is the tenant's own affair
    for operation in writers(vendor, "update", "transition"):
        updated = table_of(vendor, operation).get("updated")
        if updated is not None and (is_main(vendor, operation) or operation.table["verb"] == "transition"):
            yield Defect(
                f"{kebab(operation.id)}-is-stamped-in-another-zone",
                "time-zone",
                f"{operation.id} sets {updated} to a local time seven hours behind UTC.",
                (operation.id,),
                _stamped(updated, hours=-7),
            )
    for operation in writers(vendor, "create"):
        if is_main(vendor, operation):
            yield from _times_of_new(vendor, operation)


def _times_of_new(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    table = table_of(vendor, operation)
    schemas = accepted(vendor, operation)
    days = [name for name, schema in schemas.items() if _formats(schema) & {"date", "date-time"}]
    stamps = [table[word] for word in ("created", "updated") if word in table]
    for field in days:
        yield Defect(
            f"{kebab(operation.id)}-puts-{kebab(field)}-a-day-early",
            "time-zone",
            f"{operation.id} keeps the day before as {field}, as where midnight is still the evening.",
            (operation.id,),
            _a_day_early(field),
        )
    if stamps and "created" in table and not days:
        yield Defect(
            f"{kebab(operation.id)}-is-stamped-in-local-time",
            "time-zone",
            f"{operation.id} sets the times of a new record to a local time two hours ahead of UTC.",
            (operation.id,),
            _stamped(*stamps, hours=2),
            unseen="nobody knows what the clock of somebody's tenant shows",
        )


def _stamped(*fields: str, **by: int) -> Around:
    return set_in_place(lambda passage, before, record: {name: moved(record[name], **by) for name in fields})


def _a_day_early(field: str) -> Around:
    def change(passage: Passage, before: Record | None, record: Record) -> Mapping[str, Any]:
        is_sent = bool(sent(passage).get(field)) and bool(record[field])
        return {field: moved(record[field], hours=-24)} if is_sent else {}

    return set_in_place(change)


def _formats(schema: Mapping[str, Any]) -> set[str]:
    own = {schema["format"]} if "format" in schema else set()
    return own.union(*(_formats(one) for one in schema.get("anyOf", ())))


def moved(text: str, **by: int) -> str:
    """Another moment, written as the given one is: the zone stays."""
    moment = datetime.fromisoformat(text[:19]) + timedelta(**by)
    return moment.isoformat()[: len(text[:19])] + text[19:]


# Defaults


def _defaults(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    schemas = accepted(vendor, operation)
    for field, value in operation.table.get("defaults", {}).items():
        other = _other_default(vendor, operation, field, value) if field in schemas else None
        if other is not None and says(vendor, operation, field, "[Ww]ithout|absent|defaults?"):
            yield Defect(
                f"{kebab(operation.id)}-has-another-{kebab(field)}-by-default",
                "default",
                f"{operation.id} without {field} makes a record whose {field} is not the default.",
                (operation.id,),
                set_in_place(_by_default(field, other)),
            )


def _by_default(field: str, other: Callable[[Passage], Any]) -> Callable[..., Mapping[str, Any]]:
    return lambda passage, before, record: {field: other(passage)} if sent(passage).get(field) is None else {}


def _other_default(vendor: Vendor, operation: Operation, field: str, value: Any) -> Callable[[Passage], Any] | None:
    """A value that could as well be the default; None where no document says which is."""
    schema, users = accepted(vendor, operation)[field], users_of(vendor)
    others = [one for one in schema.get("enum", ()) if one not in (value, None)]
    if others:
        return lambda passage: others[0]
    refers = operation.table.get("references", {}).get(field, {})
    if value is None and users is not None and refers.get("resource") == users:
        return _caller
    if value is None and field in texts(vendor, operation) and kinds(schema) == {"string", "null"}:
        return lambda passage: ""
    return None


def _caller(passage: Passage) -> Any:
    name = caller_of(passage)
    return passage.vendor.callers[name].user if name is not None else None


# What must not change


def _immutable(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    name, created = kebab(operation.id), table_of(vendor, operation).get("created")
    if created is not None and is_main(vendor, operation):
        yield Defect(
            f"{name}-moves-{kebab(created)}",
            "immutability",
            f"{operation.id} moves {created} on by a second.",
            (operation.id,),
            _stamped(created, seconds=1),
        )
    if sample_of(vendor, operation).get("update") != operation.id:
        return
    for create in writers(vendor, "create"):
        if create.table["resource"] == operation.table["resource"]:
            schemas = fields_of(vendor, create)
            for key, field in create.table.get("accepts", {}).items():
                if field not in operation.table.get("accepts", {}).values() and key in schemas:
                    yield Defect(
                        f"{name}-changes-{kebab(field)}",
                        "immutability",
                        f"{operation.id} changes {field}, which no operation does.",
                        (operation.id,),
                        _settable(create, key, field, schemas[key]),
                    )


def _settable(create: Operation, key: str, field: str, schema: Mapping[str, Any]) -> Around:
    """Set after the change, which does nothing where no other field is sent."""
    refers = create.table.get("references", {}).get(key, {}).get("resource")
    types: dict[str, type] = {"string": str, "integer": int}

    def is_fit(passage: Passage, value: Any) -> bool:
        is_typed = any(isinstance(value, types[one]) for one in kinds(schema) if one in types)
        is_known = refers is None or (is_typed and passage.world.find(refers, str(value)) is not None)
        return is_typed and is_known and value in schema.get("enum", [value])

    def around(passage: Passage) -> Response:
        response, operation = passage.proceed(), passage.operation
        answer, value = answer_of(response), said(passage).get(key)
        shown = records_of(operation, answer) if is_success(response) else None
        if not shown or operation is None or not is_fit(passage, value):
            return response
        record = passage.world.find(operation.table["resource"], shown[0][table_of(passage.vendor, operation)["key"]])
        if record is None:
            return response
        rewrite(passage, {**record, field: value})
        told = {**shown[0], field: value} if field in shown[0] else shown[0]
        return with_answer(response, with_records(operation, answer, [told]))

    return around


def _touched(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    """Where no operation changes a record, the next one does."""
    resource, table = operation.table["resource"], table_of(vendor, operation)
    within = operation.table.get("within", {}).get("field")
    can_change = any(one.table["resource"] == resource for one in writers(vendor, "update", "transition"))
    if can_change or within is None or not {"created", "updated"} <= set(table):
        return

    def around(passage: Passage) -> Response:
        parent, world = next(iter(passage.request.parameters.values()), ""), passage.world
        latest = world.search(resource, Condition(within, "eq", parent), [f"-{table['created']}"], limit=1)
        response = passage.proceed()
        if latest and is_success(response):
            with world.transaction():
                world.replace(resource, {**latest[0], table["updated"]: moved(latest[0][table["created"]], seconds=1)})
        return response

    yield Defect(
        f"{kebab(operation.id)}-changes-the-one-before",
        "immutability",
        f"{operation.id} moves {table['updated']} of the record that was the latest.",
        (operation.id,),
        around,
    )
