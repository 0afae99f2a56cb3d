"""Defects of what a list shows: its order, its sorts, and what is to be shown besides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage, Place, Tap
from mockserver.engine.messages import Response
from mockserver.engine.query import Expression
from mockserver.engine.rank import next_rank
from mockserver.planted.words import (
    Record,
    answer_of,
    argument,
    each_list,
    is_success,
    kebab,
    played,
    records_of,
    with_answer,
    with_argument,
)
from mockserver.planted.writing import binds, set_in_place, table_of, writers
from mockserver.vendor import Operation, Vendor


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "list"):
        yield from _orders(vendor, operation)
    for number, operation in enumerate(one for one in writers(vendor, "list") if "sort" in one.table):
        is_told = any(binds(vendor, operation, "sort", part) for part in ("names", "falling"))
        unseen = "" if is_told else f"no document says by what {operation.id} can be sorted"
        yield from _sorts(operation, unseen, is_first=not number)
    for operation in writers(vendor, "update"):
        yield from _moved(vendor, operation)
    for operation in played(vendor, "list", "get", "create", "update"):
        if "include" in operation.table:
            yield from _includes(vendor, operation)


# The order of its own


def _orders(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    name, own, resource = kebab(operation.id), (operation.id,), operation.table["resource"]
    laws = (rule for rule in vendor.rules.values() if rule.judge == "law" and rule.detail[0] == "list-order")
    if any(rule.binding and operation.id in rule.operations for rule in laws):
        yield Defect(
            f"{name}-is-turned-round",
            "order",
            f"{operation.id} lists what comes last by the documents first.",
            own,
            lambda passage: passage.proceed(tap=Tap(listing=_turned)),
        )
        yield Defect(
            f"{name}-swaps-two",
            "order",
            f"The first two records of {operation.id} stand in each other's place.",
            own,
            each_list(lambda _, records: [*records[1::-1], *records[2:]]),
        )
        creates = tuple(one.id for one in writers(vendor, "create") if one.table["resource"] == resource)
        if creates:
            yield Defect(
                f"{name}-has-new-ones-at-the-wrong-end",
                "order",
                f"{operation.id} lists new records where the oldest ones stand.",
                (*creates, *own),
                partial(_wrong_end, key=table_of(vendor, operation)["key"]),
            )
    if any(binds(vendor, operation, "page-walk", aspect) for aspect in ("walk", "nth")):
        yield Defect(
            f"{name}-has-another-order-each-time",
            "order",
            f"Every second answer of {operation.id} is in the opposite order.",
            own,
            _alternating,
        )


def _turned(where: Expression, order: Sequence[str]) -> tuple[Expression, Sequence[str]]:
    return where, [key[1:] if key.startswith("-") else f"-{key}" for key in order]


def _alternating(passage: Passage) -> Response:
    passage.memory["asked"] = passage.memory.get("asked", 0) + 1
    return passage.proceed(tap=Tap(listing=_turned)) if passage.memory["asked"] % 2 == 0 else passage.proceed()


def _wrong_end(passage: Passage, key: str) -> Response:
    made: set[str] = passage.memory.setdefault("made", set())
    operation = passage.operation
    if operation is None or operation.table["verb"] == "list":
        return each_list(partial(_at_other_end, made=made, key=key))(passage)
    response = passage.proceed()
    for record in records_of(operation, answer_of(response)) or () if is_success(response) else ():
        made.add(str(record[key]))
    return response


def _at_other_end(passage: Passage, records: list[Record], *, made: set[str], key: str) -> list[Record]:
    new = [one for one in records if str(one[key]) in made]
    old = [one for one in records if str(one[key]) not in made]
    return new + old if records and str(records[-1][key]) in made else old + new


def _moved(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    resource, rank = operation.table["resource"], table_of(vendor, operation).get("rank")
    lists = [one for one in writers(vendor, "list") if one.table["resource"] == resource]
    if rank is not None and any(one.table.get("order") == [rank["field"]] for one in lists):
        yield Defect(
            f"{kebab(operation.id)}-moves-to-the-end",
            "order",
            f"{operation.id} puts the record behind all others, whatever it changes.",
            (operation.id,),
            set_in_place(partial(_at_end, rank=rank)),
        )


def _at_end(passage: Passage, before: Record | None, record: Record, *, rank: Mapping[str, Any]) -> Mapping[str, Any]:
    assert passage.operation is not None, "updates are operations"
    resource, parent = passage.operation.table["resource"], record[rank["within"]]
    last = next_rank(passage.world.last_rank(resource, rank, parent), rank["first"])
    passage.world.ranks.pop((resource, parent), None)
    return {rank["field"]: last}


# Sorts that are asked for

Keys = list[str]


def _sorts(operation: Operation, unseen: str, *, is_first: bool) -> Iterator[Defect]:
    """Other lists sort as the first one does, so that for them a few are enough."""
    table, name, own = operation.table["sort"], kebab(operation.id), (operation.id,)
    parameter, fields = table["parameter"], table["fields"]
    is_dashed = table.get("direction", "-") == "-"

    def named(key: str) -> str:
        return key.removeprefix("-") if is_dashed else key.partition(":")[0]

    def defect(word: str, what: str, change: Callable[[Keys], Keys]) -> Defect:
        around = _sorted_by(parameter, change)
        return Defect(f"{name}-{word}", "sort", f"{operation.id} {what}.", own, around, unseen=unseen)

    for field in fields if is_first else fields[:1]:
        yield defect(
            f"does-not-sort-by-{kebab(field)}",
            f"takes {field} for a sort and does not sort by it",
            partial(_without, field=field, named=named),
        )
    yield defect("sorts-rising-only", "sorts rising where falling was asked for", partial(_rising, is_dashed=is_dashed))
    if not is_first:
        return
    yield defect("sorts-by-the-first-only", "sorts by the first of several keys only", lambda keys: keys[:1])
    yield defect("sorts-by-the-last-first", "lets the last of several sort keys weigh most", lambda keys: keys[::-1])
    if table.get("unknown") != "ignore":
        yield defect(
            "takes-unknown-sorts",
            "passes over sorts that it does not know",
            lambda keys: [key for key in keys if named(key) in fields],
        )
    if operation.table.get("paging", {}).get("style") in ("offset", "pages"):
        yield Defect(
            f"{name}-sorts-each-page",
            "sort",
            f"{operation.id} cuts a list into pages first and then sorts each page.",
            own,
            partial(_page_sorted, parameter=parameter, named=named),
        )


def _sorted_by(parameter: str, change: Callable[[Keys], Keys]) -> Around:
    """Another sort than the one that is asked for; none where no key is left."""

    def around(passage: Passage) -> Response:
        keys = [key for key in (argument(passage.request, parameter) or "").split(",") if key]
        changed = change(keys)
        if changed == keys:
            return passage.proceed()
        return passage.proceed(with_argument(passage.request, parameter, ",".join(changed) or None))

    return around


def _without(keys: Keys, *, field: str, named: Callable[[str], str]) -> Keys:
    return [key for key in keys if named(key) != field]


def _rising(keys: Keys, *, is_dashed: bool) -> Keys:
    return [key.removeprefix("-") if is_dashed else key.replace(":desc", ":asc") for key in keys]


def _page_sorted(passage: Passage, *, parameter: str, named: Callable[[str], str]) -> Response:
    text = argument(passage.request, parameter) or ""
    key = text.partition(",")[0]
    field, is_falling = named(key), key.startswith("-") or key.endswith(":desc")
    if not field:
        return passage.proceed()

    def order(_: Passage, records: list[Record]) -> list[Record]:
        if any(field not in one for one in records):
            return records
        rows = sorted(records, key=lambda one: (one[field] is not None, _comparable(one[field])))
        return rows[::-1] if is_falling else rows

    request = with_argument(passage.request, parameter, None)
    place = Place(passage.stage, passage.world, passage.operation)
    unsorted = Passage(place, request, passage.memory, passage.proceed)
    return each_list(order)(unsorted)


def _comparable(value: Any) -> tuple[int, str]:
    text = str(value)
    return (int(text), "") if text.isdigit() else (0, text.casefold())


# What is to be shown besides


def _includes(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    table, name, own = operation.table["include"], kebab(operation.id), (operation.id,)
    parameter, names = table["parameter"], table["names"]

    def defect(word: str, what: str, change: Callable[[Keys], Keys], unseen: str = "") -> Defect:
        around = _sorted_by(parameter, change)
        return Defect(f"{name}-{word}", "include", f"{operation.id} {what}.", own, around, unseen=unseen)

    for one in names:
        is_open = table.get("shows", {}).get(one, {}).get("room", False)
        yield defect(
            f"does-not-include-{kebab(one)}",
            f"does not show {one} when it is asked for",
            partial(_without, field=one, named=str),
            unseen="the documents leave it open whether a tenant shows it" if is_open else "",
        )
        if operation.table["verb"] != "list":
            continue
        unasked = ("only_when_asked", f"absent_{one}")
        if not is_open and any(binds(vendor, operation, "include", aspect) for aspect in unasked):
            yield defect(
                f"always-includes-{kebab(one)}",
                f"shows {one} without being asked",
                partial(_with, name=one),
            )
    if operation.table["verb"] != "list":
        return
    if len(names) > 1:
        yield defect("includes-the-first-only", "shows the first of several includes only", lambda keys: keys[:1])
    if table.get("unknown") != "ignore":
        yield defect(
            "takes-unknown-includes",
            "passes over includes that it does not know",
            lambda keys: [key for key in keys if key in names],
        )
    for one, shown in table.get("shows", {}).items():
        change: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        if "side" in shown:
            change = partial(_short_side, side=shown["side"])
        elif "children" in shown:
            change = partial(_short_field, operation=operation, field=shown["field"])
        if change is not None:
            yield Defect(
                f"{name}-includes-too-few-{kebab(one)}",
                "include",
                f"{operation.id} leaves one out of the {one} that it shows.",
                own,
                _answering(change),
            )


def _with(keys: Keys, *, name: str) -> Keys:
    return keys if name in keys else [*keys, name]


def _answering(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        answer = answer_of(response)
        is_told = is_success(response) and isinstance(answer, dict)
        return with_answer(response, change(answer)) if is_told else response

    return around


def _short_side(answer: dict[str, Any], *, side: str) -> dict[str, Any]:
    shown = answer.get(side)
    return {**answer, side: dict(list(shown.items())[:-1])} if isinstance(shown, dict) and shown else answer


def _short_field(answer: dict[str, Any], *, operation: Operation, field: str) -> dict[str, Any]:
    for record in records_of(operation, answer) or ():
        if isinstance(record.get(field), list):
            record[field] = record[field][:-1]
    return answer
