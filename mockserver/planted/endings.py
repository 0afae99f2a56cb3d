"""Defects of what ends and of what hangs on it: deletes, what goes with a deleted record, and files that are sent."""

from collections.abc import Callable, Iterator
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage, Tap
from mockserver.engine.forms import MULTIPART, Upload, read_multipart
from mockserver.engine.messages import Response
from mockserver.engine.query import All, And, Condition, Expression
from mockserver.planted.words import Record, is_success, kebab, played, with_argument
from mockserver.planted.writing import each_write, is_addressed, rewrite, says, table_of, writers
from mockserver.vendor import Operation, Vendor


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "delete"):
        yield from _deleted(vendor, operation)
        yield from _orphans(vendor, operation)
    for operation in played(vendor, "list"):
        yield from _hidden(operation)
    for operation in writers(vendor, "own"):
        if MULTIPART in operation.document.get("requestBody", {}).get("content", {}):
            yield from _uploads(operation)


# Deleted records


def _deleted(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    resource, name = operation.table["resource"], kebab(operation.table["resource"])
    gets, lists, updates = (
        tuple(one.id for one in writers(vendor, verb) if one.table["resource"] == resource)
        for verb in ("get", "list", "update")
    )
    bound = (rule for rule in vendor.rules.values() if rule.binding and operation.id in rule.operations)
    is_said = any((rule.judge, *rule.detail) == ("law", "delete-and-gone") for rule in bound)
    unseen = "" if is_said else "that a deleted record is gone is only assumed"
    yield Defect(
        f"{kebab(operation.id)}-leaves-it-there",
        "soft-delete",
        f"{operation.id} answers a success, and the record stays.",
        (operation.id,),
        lambda passage: passage.proceed(tap=Tap(trash=lambda _, record: not is_addressed(passage, record))),
        unseen=unseen,
    )
    if gets:
        yield Defect(
            f"deleted-{name}-are-read",
            "soft-delete",
            f"A deleted record of {resource} can still be read by its {table_of(vendor, operation)['key']}.",
            (operation.id, *gets),
            _remembering(operation, _revived(stays=False)),
            unseen=unseen,
        )
    if lists:
        yield Defect(
            f"deleted-{name}-are-listed",
            "soft-delete",
            f"Lists of {resource} have the deleted ones too.",
            (operation.id, *lists),
            _remembering(operation, _all_revived),
            unseen=unseen,
        )
    if gets and updates:
        yield Defect(
            f"deleted-{name}-come-back",
            "soft-delete",
            f"A change of a deleted record of {resource} succeeds, and brings it back.",
            (operation.id, *updates),
            _remembering(operation, _revived(stays=True)),
            unseen=unseen,
        )


def _remembering(delete: Operation, other: Callable[[Passage], Response]) -> Around:
    """Remembers what a delete removes; any other request is the other's affair."""
    resource = delete.table["resource"]

    def around(passage: Passage) -> Response:
        if passage.operation is None or passage.operation.id != delete.id:
            return other(passage)
        gone: dict[str, Record] = {}
        key = table_of(passage.vendor, delete)["key"]

        def trash(name: str, record: Record) -> bool:
            if name == resource:
                gone[str(record[key])] = record
            return True

        response = passage.proceed(tap=Tap(trash=trash))
        if is_success(response):
            passage.memory.update(gone)
        return response

    return around


def _revived(*, stays: bool) -> Callable[[Passage], Response]:
    """A request about a deleted record is answered as if it were there, or brings it back."""

    def around(passage: Passage) -> Response:
        path = next(iter(passage.request.parameters.values()), "")
        path = path if path in passage.memory else path.lower()
        gone = passage.memory.get(path)
        if gone is None or passage.operation is None:
            return passage.proceed()
        rewrite(passage, gone)
        response = passage.proceed()
        if stays and is_success(response):
            del passage.memory[path]
        else:
            with passage.world.transaction():
                passage.world.trash(passage.operation.table["resource"], gone)
        return response

    return around


def _all_revived(passage: Passage) -> Response:
    gone, world = list(passage.memory.values()), passage.world
    assert passage.operation is not None, "only lists come here"
    resource = passage.operation.table["resource"]
    for record in gone:
        rewrite(passage, record)
    try:
        return passage.proceed()
    finally:
        with world.transaction():
            for record in gone:
                world.trash(resource, record)


_NONE_HIDDEN = "no operation hides a record, so that a tenant may have none"


def _hidden(operation: Operation) -> Iterator[Defect]:
    for field, value in operation.table.get("hides", {}).items():
        yield Defect(
            f"{kebab(operation.id)}-shows-what-is-{kebab(field)}",
            "soft-delete",
            f"{operation.id} shows records whose {field} is {str(value).lower()} without being asked to.",
            (operation.id,),
            _without_condition(field),
            unseen=_NONE_HIDDEN,
        )
        yield Defect(
            f"{kebab(operation.id)}-hides-what-is-{kebab(field)}",
            "soft-delete",
            f"{operation.id} hides records whose {field} is {str(value).lower()}, also when it is asked for them.",
            (operation.id,),
            _deaf_to(field),
            unseen=_NONE_HIDDEN,
        )


def _without_condition(field: str) -> Around:
    def without(where: Expression, order: Any) -> tuple[Expression, Any]:
        parts = where.parts if isinstance(where, And) else (where,)
        kept = tuple(one for one in parts if not (isinstance(one, Condition) and one.field == field))
        return And(kept) if kept else All(), order

    return lambda passage: passage.proceed(tap=Tap(listing=without))


def _deaf_to(parameter: str) -> Around:
    return lambda passage: passage.proceed(with_argument(passage.request, parameter, None))


# What hangs on a deleted record


def _orphans(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    """Children are the records that refer to the deleted one when they are made, and that can be seen."""
    seen = {one.table["resource"] for one in writers(vendor, "list", "get")}
    unseen = "" if says(vendor, operation, "with (?:it|all)") else "that they go with the record is only assumed"
    for create in writers(vendor, "create"):
        child, refers = create.table["resource"], create.table.get("references", {}).values()
        if child in seen and any(one["resource"] == operation.table["resource"] for one in refers):
            name = f"{kebab(operation.id)}-leaves"
            yield Defect(
                f"{name}-{kebab(child)}",
                "cascade",
                f"{operation.id} leaves {child} that belong to the deleted record where they are.",
                (operation.id,),
                _sparing(child, 0),
                unseen=unseen,
            )
            yield Defect(
                f"{name}-all-but-one-of-{kebab(child)}",
                "cascade",
                f"{operation.id} deletes only one of the {child} that belong to the deleted record.",
                (operation.id,),
                _sparing(child, 1),
                unseen=unseen,
            )


def _sparing(child: str, most: int) -> Around:
    def around(passage: Passage) -> Response:
        taken: list[Record] = []
        own = passage.operation.table["resource"] if passage.operation is not None else None

        def trash(name: str, record: Record) -> bool:
            if name != child or (name == own and is_addressed(passage, record)):
                return True
            taken.append(record)
            return len(taken) <= most

        return passage.proceed(tap=Tap(trash=trash))

    return around


# Files


def _uploads(operation: Operation) -> Iterator[Defect]:
    name, own = kebab(operation.id), (operation.id,)
    yield Defect(
        f"{name}-is-not-kept",
        "upload",
        f"{operation.id} answers a file, and the record has none.",
        own,
        each_write(lambda passage, before, record: None, changes_others=True),
    )
    yield Defect(
        f"{name}-replaces-earlier-files",
        "upload",
        f"After {operation.id} the record has the last file only.",
        own,
        _filing(lambda passage, files, size: files[:] if len(files) < 2 else files[-1:]),
    )
    yield Defect(
        f"{name}-counts-a-byte-too-many",
        "upload",
        f"{operation.id} tells a size that is one byte too large.",
        own,
        _filing(lambda passage, files, size: _with_other(files, size, size + 1)),
    )
    yield Defect(
        f"{name}-tells-another-record",
        "upload",
        f"{operation.id} tells of another record than the one that the file was sent to.",
        own,
        _filing(lambda passage, files, size: _with_other(files, *_ids(passage))),
    )
    yield Defect(
        f"{name}-counts-characters",
        "upload",
        f"{operation.id} tells the characters of a text as the size of its file.",
        own,
        _filing(lambda passage, files, size: _with_other(files, size, _characters(passage))),
    )


def _filing(change: Callable[[Passage, list[Any], int], list[Any]]) -> Around:
    """Bend the list of a record to which a file was added."""

    def write(passage: Passage, before: Record | None, record: Record) -> Record:
        upload = _file(passage)
        for name, files in record.items():
            if isinstance(files, list) and before is not None and len(files) > len(before[name]) and upload is not None:
                record[name] = change(passage, files, len(upload.content))
        return record

    return each_write(write)


def _with_other(files: list[Any], value: Any, other: Any) -> list[Any]:
    """The answer shows the last file itself, so it is changed where it stands."""
    for name, told in files[-1].items():
        if told == value and type(told) is type(value):
            files[-1][name] = other
    return files


def _ids(passage: Passage) -> tuple[Any, Any]:
    """The id that the path names, and another one of its form."""
    key = next(iter(passage.request.parameters.values()))
    return key, key[:-1] + ("0" if key[-1] != "0" else "1")


def _characters(passage: Passage) -> int:
    upload = _file(passage)
    return len(upload.content.decode("utf-8", "replace")) if upload is not None else 0


def _file(passage: Passage) -> Upload | None:
    request = passage.request
    try:
        parts = read_multipart(request.header(b"content-type") or "", request.body)
    except ValueError:
        return None
    return next((part for part in parts.values() if isinstance(part, Upload)), None)
