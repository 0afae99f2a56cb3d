"""Defects of limits: a text, a page or an account takes one more or one less than the documents say."""

from collections.abc import Iterator

from mockserver.engine.defect import Around, Defect, Passage, Tap
from mockserver.engine.messages import Response
from mockserver.planted.words import Record, argument, kebab, played, with_argument
from mockserver.planted.writing import (
    accepted,
    binds,
    caller_account,
    is_main,
    records_in,
    sample_of,
    sent,
    texts,
    with_sent,
    writers,
)
from mockserver.vendor import Operation, Vendor

SIZES = {"offset": "limit", "pages": "per_page", "cursor": "page[size]"}  # the parameter for the size of a page


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "create"):
        yield from _capacities(vendor, operation)
    for operation in writers(vendor, "create", "update"):
        if is_main(vendor, operation):
            mark = sample_of(vendor, operation).get("mark")
            for field in [mark] if mark else texts(vendor, operation):
                yield from _lengths(vendor, operation, field)
    for operation in played(vendor, "list"):
        yield from _sizes(vendor, operation)


def _sizes(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    paging = operation.table.get("paging")
    if paging is None:
        return
    name, parameter = kebab(operation.id), paging.get("size", SIZES[paging["style"]])
    default, most = paging["default"], paging["most"]
    if binds(vendor, operation, "page-walk", "default"):
        yield Defect(
            f"{name}-has-{default - 1}-by-default",
            "default",
            f"A page of {operation.id} has {default - 1} records where nothing is asked for, not {default}.",
            (operation.id,),
            _asked_instead(parameter, None, default - 1),
        )
    if binds(vendor, operation, "page-walk", "most"):
        yield Defect(
            f"{name}-has-{most - 1}-at-most",
            "limit-off-by-one",
            f"A page of {operation.id} has {most - 1} records at most, not {most}.",
            (operation.id,),
            _asked_instead(parameter, str(most), most - 1),
        )


def _asked_instead(parameter: str, asked: str | None, size: int) -> Around:
    def around(passage: Passage) -> Response:
        is_meant = argument(passage.request, parameter) == asked
        return passage.proceed(with_argument(passage.request, parameter, str(size)) if is_meant else None)

    return around


def _lengths(vendor: Vendor, operation: Operation, field: str) -> Iterator[Defect]:
    name, most = kebab(operation.id), accepted(vendor, operation).get(field, {}).get("maxLength")
    if most is None or not _is_documented(vendor, operation, field):
        return
    yield Defect(
        f"{name}-takes-{most + 1}-characters-of-{kebab(field)}",
        "limit-off-by-one",
        f"{operation.id} takes a {field} of {most + 1} characters, where {most} is the limit.",
        (operation.id,),
        _too_long(field, most),
    )
    yield Defect(
        f"{name}-refuses-{most}-characters-of-{kebab(field)}",
        "limit-off-by-one",
        f"{operation.id} refuses a {field} of {most} characters, which is the limit.",
        (operation.id,),
        _refused(field, most),
    )


def _is_documented(vendor: Vendor, operation: Operation, field: str) -> bool:
    """Whether a documented or published rule is about the greatest length of a field."""
    end = f"/{field}/maxLength"
    return any(
        rule.binding and rule.judge == "schema" and operation.id in rule.operations and at.endswith(end)
        for rule in vendor.rules.values()
        for at in rule.detail
    )


def _too_long(field: str, most: int) -> Around:
    def around(passage: Passage) -> Response:
        text = sent(passage).get(field)
        if not isinstance(text, str) or len(text) != most + 1 or passage.operation is None:
            return passage.proceed()
        resource = passage.operation.table["resource"]

        def write(name: str, before: Record | None, record: Record) -> Record:
            if name == resource and record.get(field) == text[:most]:
                record[field] = text
            return record

        return passage.proceed(with_sent(passage, {field: text[:most]}), tap=Tap(write=write))

    return around


def _refused(field: str, most: int) -> Around:
    def around(passage: Passage) -> Response:
        text = sent(passage).get(field)
        is_full = isinstance(text, str) and len(text) == most
        return passage.proceed(with_sent(passage, {field: f"{text}x"}) if is_full else None)

    return around


def _capacities(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    name = operation.table.get("capacity")
    if name is None:
        return
    table = vendor.behaviour["capacities"][name]
    for more, word in ((1, "takes-one-too-many"), (0, "is-full-too-early")):
        yield Defect(
            f"{kebab(operation.id)}-{word}",
            "limit-off-by-one",
            f"An account may have one of {table['resource']} {'more' if more else 'less'} than its limit.",
            (operation.id,),
            _counted_wrong(table["resource"], table["limit"], is_more=bool(more)),
        )


def _counted_wrong(resource: str, limit: str, *, is_more: bool) -> Around:
    """One record is away, or one is there that is none, while the mock counts."""

    def around(passage: Passage) -> Response:
        world, account = passage.world, caller_account(passage)
        table = passage.vendor.behaviour["resources"][resource]
        most = passage.stage.accounts.get(account, {}).get(limit) if account is not None else None
        count = world.tally(resource, **{table["account"]: account}) if most is not None else -1
        if most is None or count != (most if is_more else most - 1):
            return passage.proceed()
        one = records_in(passage, resource)[0]
        extra = {**one, table["key"]: world.new_id(resource)}
        with world.transaction():
            world.trash(resource, one) if is_more else world.insert(resource, extra)
        response = passage.proceed()
        with world.transaction():
            world.replace(resource, one) if is_more else world.trash(resource, extra)
        return response

    return around
