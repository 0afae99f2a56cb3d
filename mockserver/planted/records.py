"""Defects of what is kept of a write: nothing, a part of it, or more than was asked for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage
from mockserver.planted.words import Record, kebab
from mockserver.planted.writing import (
    accepted,
    defaults_of,
    each_write,
    is_main,
    is_seen,
    kinds,
    sample_of,
    says,
    sent,
    set_in_place,
    table_of,
    with_sent,
    writers,
)
from mockserver.vendor import Operation, Vendor


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "update", "transition"):
        yield from _lost(operation)
    for operation in writers(vendor, "update"):
        if is_main(vendor, operation):
            yield from _half_lost(vendor, operation)
            yield from _wiped(vendor, operation)
            yield from _unheard(vendor, operation)
    for operation in writers(vendor, "create"):
        if is_seen(vendor, operation.table["resource"]):
            yield from _forgotten(operation)


# Lost


def _lost(operation: Operation) -> Iterator[Defect]:
    name, own = kebab(operation.id), (operation.id,)
    yield Defect(
        f"{name}-is-lost",
        "lost-update",
        f"{operation.id} answers what was asked for, and keeps nothing of it.",
        own,
        each_write(lambda passage, before, record: None, changes_others=True),
    )
    yield Defect(
        f"{name}-is-lost-every-second-time",
        "lost-update",
        f"Of two successes of {operation.id} in a row the second is answered and not kept.",
        own,
        each_write(_every_second),
    )


def _every_second(passage: Passage, before: Record | None, record: Record) -> Record | None:
    passage.memory["written"] = passage.memory.get("written", 0) + 1
    return record if passage.memory["written"] % 2 else None


def _half_lost(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    name, fields = kebab(operation.id), list(accepted(vendor, operation))
    if len(fields) < 2:
        return
    own, key = (operation.id,), table_of(vendor, operation)["key"]

    def undo(passage: Passage, before: Record | None, record: Record) -> Mapping[str, Any]:
        assert before is not None, "an update changes a record"
        older = passage.memory.pop(record[key], None)
        if older is None:
            passage.memory[record[key]] = before
            return {}
        return {one: older[one] for one in fields if one not in sent(passage)}

    def keep_one(passage: Passage, before: Record | None, record: Record) -> Record:
        others = [one for one in fields if one in sent(passage)][1:]
        return {**record, **{one: before[one] for one in others if before is not None}}

    last = fields[-1]
    yield Defect(
        f"{name}-undoes-the-one-before",
        "lost-update",
        f"The second of two changes by {operation.id} starts from the record as it was before the first.",
        own,
        set_in_place(undo),
    )
    yield Defect(
        f"{name}-keeps-one-field",
        "lost-update",
        f"Of several fields that {operation.id} is sent and answers, only the first is kept.",
        own,
        each_write(keep_one),
    )
    yield Defect(
        f"{name}-ignores-{kebab(last)}",
        "lost-update",
        f"{operation.id} takes {last} and leaves it as it was.",
        own,
        set_in_place(lambda passage, before, record: {last: before[last]} if before is not None else {}),
    )


def _forgotten(operation: Operation) -> Iterator[Defect]:
    yield Defect(
        f"{kebab(operation.id)}-is-forgotten",
        "lost-update",
        f"{operation.id} answers a new record, and there is none.",
        (operation.id,),
        each_write(lambda passage, before, record: None),
    )


# Partial updates


def _wiped(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    schemas, mark = accepted(vendor, operation), sample_of(vendor, operation).get("mark")
    name, own, defaults = kebab(operation.id), (operation.id,), defaults_of(vendor, operation)
    emptied = {one: defaults[one] for one in schemas if one in defaults and one != mark}
    nullable = next((one for one in emptied if emptied[one] is None), None)
    if emptied and len(schemas) > 1:
        yield Defect(
            f"{name}-wipes-what-is-not-sent",
            "partial-update",
            f"{operation.id} sets fields that are not sent to what a new record has.",
            own,
            set_in_place(lambda passage, _, record: {k: v for k, v in emptied.items() if k not in sent(passage)}),
        )
    if nullable is not None and mark in schemas:
        yield Defect(
            f"{name}-of-{kebab(mark)}-empties-{kebab(nullable)}",
            "partial-update",
            f"{operation.id} empties {nullable} when {mark} is sent without it.",
            own,
            set_in_place(
                lambda passage, _, record: (
                    {nullable: None} if mark in sent(passage) and nullable not in sent(passage) else {}
                )
            ),
        )
    for field in schemas:
        if field not in defaults and field != mark and kinds(schemas[field]) == {"integer"}:
            yield Defect(
                f"{name}-sets-{kebab(field)}-to-1",
                "partial-update",
                f"{operation.id} sets {field} to 1 when it is not sent.",
                own,
                _unless_sent(field, 1),
            )


def _unless_sent(field: str, value: Any) -> Around:
    return lambda passage: passage.proceed(with_sent(passage, {field: value}) if field not in sent(passage) else None)


def _unheard(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    schemas, name, own = accepted(vendor, operation), kebab(operation.id), (operation.id,)

    def unless(is_heard: Callable[[Any], bool]) -> Around:
        def change(passage: Passage, before: Record | None, record: Record) -> Mapping[str, Any]:
            deaf = [one for one, value in sent(passage).items() if one in schemas and not is_heard(value)]
            return {one: before[one] for one in deaf if before is not None}

        return set_in_place(change)

    if any("null" in kinds(one) for one in schemas.values()) and says(
        vendor, operation, "null (?:makes|removes|clears|empties)"
    ):
        yield Defect(
            f"{name}-ignores-null",
            "partial-update",
            f"{operation.id} takes null for a field that was not sent.",
            own,
            unless(lambda value: value is not None),
        )
    if any(kinds(one) & {"boolean", "array"} or 0 in one.get("enum", ()) for one in schemas.values()):
        yield Defect(
            f"{name}-ignores-empty-values",
            "partial-update",
            f"{operation.id} takes 0, false and empty lists for fields that were not sent.",
            own,
            unless(lambda value: value is None or bool(value)),
        )
