"""Defects of the walls between accounts: what belongs to others is shown, changed, deleted, listed or used."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Response
from mockserver.planted.access import owner
from mockserver.planted.schema import Promises
from mockserver.planted.words import (
    answer_of,
    as_caller,
    body_of,
    is_success,
    kebab,
    played,
    records_of,
    with_answer,
    with_records,
)
from mockserver.vendor import Operation, Vendor


def defects(vendor: Vendor) -> Iterator[Defect]:
    for verbs, does in (
        (("get",), "shows"),
        (("update", "transition"), "changes"),
        (("delete",), "deletes"),
    ):
        for operation in played(vendor, *verbs):
            table = _owned(vendor, operation.table.get("resource"))
            if table is not None and "{" in operation.path:
                yield Defect(
                    f"{kebab(operation.id)}-{does}-what-is-others",
                    "tenant-isolation",
                    f"{operation.id} {does} a record of another account.",
                    (operation.id,),
                    _reaching(operation.table["resource"], table["account"]),
                )
                break
    yield from _parents(vendor)
    yield from _references(vendor)
    yield from _lists(vendor)


def _owned(vendor: Vendor, resource: Any) -> Mapping[str, Any] | None:
    """The table of a resource whose records belong to an account, and of which another one has some."""
    table: Mapping[str, Any] = vendor.behaviour["resources"].get(resource, {})
    field, default = table.get("account"), str(vendor.seed["default_account"])
    records = vendor.seed["records"].get(resource, ())
    others = {str(one.get(field)) for one in records} - {default}
    return table if field and any(owner(vendor, account) for account in others) else None


def _reaching(resource: str, account: str) -> Around:
    """What is not found because it is others' is reached as by its owner."""

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        if response.status != 404:
            return response
        key = list(passage.request.parameters.values())[-1]
        found = _as_owner_of(passage, resource, account, key)
        return response if found is None else found

    return around


def _as_owner_of(passage: Passage, resource: str, account: str, key: Any) -> Response | None:
    """The answer to the owner of a record, where the caller is of another account; None where that is no success."""
    record = passage.world.find(resource, str(key))
    asking = passage.stage.identify(passage.world, passage.request)
    if record is None or asking is None or asking.account == str(record[account]):
        return None
    caller = owner(passage.vendor, str(record[account]))
    if caller is None:
        return None
    found = passage.proceed(as_caller(passage, caller.name))
    return found if is_success(found) else None


def _parents(vendor: Vendor) -> Iterator[Defect]:
    """The collection of a record of another account."""
    for operation in played(vendor, "list", "create"):
        resource = operation.table.get("within", {}).get("resource")
        table = _owned(vendor, resource)
        if table is not None:
            does = "lists" if operation.table["verb"] == "list" else "adds-to"
            yield Defect(
                f"{kebab(operation.id)}-{does}-what-is-others",
                "tenant-isolation",
                f"{operation.id} {does.replace('-', ' ')} what is in a record of another account.",
                (operation.id,),
                _reaching(resource, table["account"]),
                unseen="" if _is_told(vendor, operation) else "no document says that another account's is unknown",
            )


def _is_told(vendor: Vendor, operation: Operation) -> bool:
    """Whether a documented or published rule says that what is not there, or not one's own, is refused."""
    bound = (rule for rule in vendor.rules.values() if rule.binding and operation.id in rule.operations)
    return any(rule.judge == "law" and rule.detail[0] in ("unknown-records", "isolation") for rule in bound)


def _references(vendor: Vendor) -> Iterator[Defect]:
    """A body that names a record of another account."""
    for operation in played(vendor, "create"):
        for field, reference in operation.table.get("references", {}).items():
            table = _owned(vendor, reference["resource"])
            if table is None:
                continue
            yield Defect(
                f"{kebab(operation.id)}-takes-{kebab(field)}-of-others",
                "tenant-isolation",
                f"{operation.id} takes a `{field}` that names a record of another account.",
                (operation.id,),
                _taking(operation, field, reference["resource"], table["account"]),
            )
            return


def _taking(operation: Operation, field: str, resource: str, account: str) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        body = body_of(passage.request)
        body = body.get(operation.table["wrapper"]) if isinstance(body, dict) and "wrapper" in operation.table else body
        if response.status not in (404, 422) or not isinstance(body, dict) or field not in body:
            return response
        return _as_owner_of(passage, resource, account, body[field]) or response

    return around


def _lists(vendor: Vendor) -> Iterator[Defect]:
    promises = Promises(vendor)
    for operation in played(vendor, "list"):
        table = _owned(vendor, operation.table.get("resource"))
        if table is None or "within" in operation.table or not promises.binds("isolation", "page-walk", "list-order"):
            continue
        yield Defect(
            f"{kebab(operation.id)}-shows-what-is-others",
            "tenant-isolation",
            f"{operation.id} lists a record of another account as well.",
            (operation.id,),
            _mixing(operation.table["resource"], table["account"]),
        )


def _mixing(resource: str, account: str) -> Around:
    def around(passage: Passage) -> Response:
        response, operation = passage.proceed(), passage.operation
        answer = answer_of(response)
        records = records_of(operation, answer) if is_success(response) else None
        if not records or operation is None:
            return response
        own = passage.world.find(resource, str(records[0]["id"]))
        if own is None:
            return response
        for other in {str(one[account]): None for one in passage.world.select(resource, {}, [])}:
            caller = owner(passage.vendor, other) if other != str(own[account]) else None
            shown = answer_of(passage.proceed(as_caller(passage, caller.name))) if caller is not None else None
            found = records_of(operation, shown)
            if found:
                room = records[:-1] if "paging" in operation.table and len(records) > 1 else records
                return with_answer(response, with_records(operation, answer, [*room, found[0]]))
        return response

    return around
