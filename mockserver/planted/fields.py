"""Defects of the fields that records show: of another type, in another form, missing, or too many."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Response
from mockserver.planted.schema import Field, Promises
from mockserver.planted.words import Record, answer_of, each_record, is_success, kebab, with_answer
from mockserver.vendor import Operation, Vendor

Showing = list[tuple[Operation, list[Field]]]


class Wrong(NamedTuple):
    """A way in which a field may be wrong: which fields can be, and what becomes of a value.

    `end` is the end of the defect's name, behind that of the field.
    """

    end: str
    kind: str
    what: str
    fits: Callable[[Field], bool]
    change: Callable[[Any], Any]


def defects(vendor: Vendor) -> Iterator[Defect]:
    promises = Promises(vendor)
    shown = [(operation, promises.fields(operation)) for operation in vendor.operations.values()]
    for wrong in _WRONGS:
        yield from _first_field(wrong, shown)
    yield from _left_out(shown)
    for verbs, where in ((("list",), "a list"), (("get", "create", "update", "transition"), "a record alone")):
        yield from _lacking(verbs, where, shown)
    yield from _extra(vendor, promises)


# Types and forms


def _is_text(field: Field) -> bool:
    return field.is_required and field.is_only("string")


def _is_id(field: Field) -> bool:
    return _is_text(field) and (field.name == "id" or field.name.endswith("_id"))


def _is_plain_text(field: Field) -> bool:
    is_formed = any(field.word(key) for key in ("format", "pattern", "enum", "const"))
    return _is_text(field) and not is_formed and not _is_id(field)


def _is_time(field: Field) -> bool:
    pattern = str(field.word("pattern") or "")
    return field.is_only("string") and (field.word("format") == "date-time" or pattern.endswith("[0-9]{2})?$"))


def _number_of(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _of_text(change: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, str) else value


def _of_number(change: Callable[[float], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _day_first(value: str) -> str:
    year, month, day = value[:10].split("-")
    return f"{day}.{month}.{year}"


_WRONGS: tuple[Wrong, ...] = (
    Wrong(
        "is-text",
        "type",
        "is a text where it is a number by the documents",
        lambda field: field.is_only("integer", "number"),
        _of_number(str),
    ),
    Wrong(
        "is-a-number",
        "type",
        "is a number where it is a text by the documents",
        lambda field: _is_id(field) and "[0-9]" in str(field.word("pattern")),
        _number_of,
    ),
    Wrong(
        "is-0-or-1",
        "type",
        "is 0 or 1 where it is true or false by the documents",
        lambda field: field.is_only("boolean"),
        lambda value: int(value) if isinstance(value, bool) else value,
    ),
    Wrong(
        "is-an-empty-text",
        "type",
        "is an empty text where it is null by the documents",
        lambda field: field.is_required and field.is_only("object") and field.is_nullable,
        lambda value: "" if value is None else value,
    ),
    Wrong(
        "is-null-when-empty",
        "type",
        "is null where it is an empty list by the documents",
        lambda field: field.is_required and field.is_only("array") and not field.is_nullable,
        lambda value: None if value == [] else value,
    ),
    Wrong(
        "is-a-list",
        "type",
        "is a list of one text where it is a text by the documents",
        _is_plain_text,
        _of_text(lambda text: [text]),
    ),
    Wrong(
        "is-null",
        "type",
        "is null where it is never null by the documents",
        lambda field: _is_plain_text(field) and not field.is_nullable,
        lambda value: None,
    ),
    Wrong(
        "has-no-t",
        "format",
        "has a blank between date and time",
        _is_time,
        _of_text(lambda text: text.replace("T", " ")),
    ),
    Wrong("is-a-date-only", "format", "is a date without a time", _is_time, _of_text(lambda text: text[:10])),
    Wrong(
        "has-the-day-first",
        "format",
        "is written with the day first, as in 31.12.2024",
        lambda field: field.word("format") == "date",
        _of_text(_day_first),
    ),
    Wrong(
        "is-in-upper-case",
        "format",
        "is printed in upper case",
        lambda field: field.word("format") == "uuid" and "a-f" in str(field.word("pattern")),
        _of_text(str.upper),
    ),
    Wrong(
        "has-a-prefix",
        "format",
        "has a word before its digits, as in record_17",
        lambda field: _is_id(field) and field.word("pattern") == "^[0-9]+$",
        _of_text(lambda text: f"record_{text}"),
    ),
    Wrong(
        "is-in-the-other-case",
        "format",
        "is one of its values with upper for lower case, and lower for upper",
        lambda field: field.is_only("string") and bool(field.word("enum")),
        _of_text(str.swapcase),
    ),
    Wrong(
        "counts-from-one",
        "format",
        "is one more than it is by the documents, so that its last value is none of them",
        lambda field: field.is_only("integer") and 0 in (field.word("enum") or ()),
        _of_number(lambda number: number + 1),
    ),
    Wrong(
        "lacks-its-hash",
        "format",
        "is a colour without # before it",
        lambda field: str(field.word("pattern")).startswith("^#"),
        _of_text(lambda text: text.lstrip("#")),
    ),
    Wrong(
        "is-below-zero",
        "format",
        "is below zero",
        lambda field: field.word("minimum") == 0 and field.is_only("integer", "number"),
        _of_number(lambda number: -number - 1),
    ),
)


def _first_field(wrong: Wrong, shown: Showing) -> Iterator[Defect]:
    """The defect for the first field that can be wrong so, in all operations that show it."""
    fitting = [(operation, [one.name for one in fields if wrong.fits(one)]) for operation, fields in shown]
    name = next((names[0] for _, names in fitting if names), None)
    if name is not None:
        yield Defect(
            f"{kebab(name)}-{wrong.end}",
            wrong.kind,
            f"In every record `{name}` {wrong.what}.",
            tuple(operation.id for operation, names in fitting if name in names),
            each_record(_changed(name, wrong.change)),
        )


def _changed(name: str, change: Callable[[Any], Any]) -> Callable[[Record], Record]:
    return lambda record: {**record, name: change(record[name])} if name in record else record


# Missing


def _left_out(shown: Showing) -> Iterator[Defect]:
    found: tuple[tuple[str, str, Callable[[Field], bool], Callable[[Any], bool]], ...] = (
        (
            "nulls-are-left-out",
            "Fields of a record that are null are left out where the documents have them always.",
            lambda field: field.is_required and field.is_nullable,
            lambda value: value is None,
        ),
        (
            "empty-lists-are-left-out",
            "Lists of a record that are empty are left out where the documents have them always.",
            lambda field: field.is_required and field.is_only("array"),
            lambda value: value == [],
        ),
    )
    for name, what, fits, is_left_out in found:
        places = {operation.id: [one.name for one in fields if fits(one)] for operation, fields in shown}
        operations = tuple(operation for operation, names in places.items() if names)
        if operations:
            yield Defect(name, "missing-field", what, operations, _leaving_out(places, is_left_out))


def _leaving_out(places: dict[str, list[str]], is_left_out: Callable[[Any], bool]) -> Around:
    def around(passage: Passage) -> Response:
        names = places[passage.operation.id] if passage.operation is not None else []

        def change(record: Record) -> Record:
            return {key: value for key, value in record.items() if not (key in names and is_left_out(value))}

        return each_record(change)(passage)

    return around


def _lacking(verbs: tuple[str, ...], where: str, shown: Showing) -> Iterator[Defect]:
    """One required field, the last of the first operation that has one, is never there."""
    fitting = [
        (operation, [one.name for one in fields if one.is_required and one.name != "id"])
        for operation, fields in shown
        if operation.table.get("verb") in verbs
    ]
    first = next(((operation, names[-1]) for operation, names in fitting if names), None)
    if first is not None:
        name = first[1]
        yield Defect(
            f"{kebab(first[0].id)}-lacks-{kebab(name)}",
            "missing-field",
            f"`{name}` is missing in the records of {where}.",
            tuple(operation.id for operation, names in fitting if name in names),
            each_record(lambda record: {key: value for key, value in record.items() if key != name}),
        )


# Too many


def _extra(vendor: Vendor, promises: Promises) -> Iterator[Defect]:
    operations = list(vendor.operations.values())
    closed = tuple(one.id for one in operations if promises.is_closed(one))
    if closed:
        yield Defect(
            "records-show-their-revision",
            "extra-field",
            "Records have a field `_revision` beside those of the documents, which have no others.",
            closed,
            each_record(lambda record: {**record, "_revision": 1}),
        )
    outside = tuple(one.id for one in operations if promises.is_closed_outside(one))
    if outside:
        yield Defect(
            "answers-tell-how-long-they-took",
            "extra-field",
            "Answers have a key `took_ms` beside those of the documents, which have no others.",
            outside,
            _took,
        )


def _took(passage: Passage) -> Response:
    response = passage.proceed()
    answer = answer_of(response)
    is_object = is_success(response) and isinstance(answer, dict)
    return with_answer(response, {**answer, "took_ms": 3}) if is_object else response
