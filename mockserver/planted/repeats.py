"""Defects of what is done twice, and of what is seen too late."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from mockserver.engine.defect import Defect, Passage, Tap
from mockserver.engine.messages import Response
from mockserver.engine.query import And, Condition, Expression, none_of
from mockserver.planted.words import (
    Record,
    answer_of,
    body_of,
    is_success,
    kebab,
    records_of,
    with_answer,
    with_records,
)
from mockserver.planted.writing import is_main, table_of, writers
from mockserver.vendor import Operation, Vendor


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "create"):
        if is_main(vendor, operation):
            yield from _doubled(vendor, operation)
    yield from _late(vendor)


# Made twice


def _doubled(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    resource, key = operation.table["resource"], table_of(vendor, operation)["key"]

    def twice(passage: Passage) -> Response:
        made: list[Record] = []

        def write(name: str, before: Record | None, record: Record) -> Record:
            made.extend([dict(record)] if before is None and name == resource else [])
            return record

        response = passage.proceed(tap=Tap(write=write))
        if is_success(response) and made:
            with passage.world.transaction():
                passage.world.insert(resource, {**made[0], key: passage.world.new_id(resource)})
        return response

    def once(passage: Passage) -> Response:
        said = (passage.request.path, repr(body_of(passage.request)))
        if said in passage.memory:
            known: Response = passage.memory[said]
            return known
        response = passage.proceed()
        if is_success(response):
            passage.memory[said] = response
        return response

    yield Defect(
        f"{kebab(operation.id)}-makes-two",
        "duplicate",
        f"{operation.id} makes two records, and answers one.",
        (operation.id,),
        twice,
    )
    yield Defect(
        f"{kebab(operation.id)}-makes-equal-ones-once",
        "duplicate",
        f"{operation.id} answers the record of the first of two equal requests to the second too.",
        (operation.id,),
        once,
    )


# Seen late


def _late(vendor: Vendor) -> Iterator[Defect]:
    for resource in vendor.behaviour["resources"]:
        creates, gets, lists, changes = (
            tuple(one.id for one in writers(vendor, *verbs) if one.table["resource"] == resource)
            for verbs in (("create",), ("get",), ("list",), ("update", "delete", "transition"))
        )
        if gets and changes:
            yield Defect(
                f"{kebab(resource)}-are-read-as-they-were",
                "stale-read",
                f"The first read of one of {resource} after a change tells it as it was read before.",
                (*gets, *changes),
                _stale_once,
            )
            yield Defect(
                f"{kebab(resource)}-are-read-once-for-all",
                "stale-read",
                f"What was answered first about one of {resource} is answered for ever.",
                gets,
                _stale_for_ever,
            )
        if creates and lists:
            yield Defect(
                f"{kebab(resource)}-are-listed-late",
                "stale-read",
                f"A new one of {resource} is left out of the lists at first.",
                (*creates, *lists),
                _listed_late,
            )
    for operation in writers(vendor, "transition"):
        told = [name for name, word in (operation.table.get("answer") or {}).items() if word == "$from"]
        if told:
            yield Defect(
                f"{kebab(operation.id)}-tells-the-state-before-the-last",
                "stale-read",
                f"{operation.id} tells in {told[0]} what the one before it told.",
                (operation.id,),
                partial(_state_before, field=told[0]),
            )


def _question(passage: Passage) -> tuple[Any, ...]:
    request = passage.request
    return request.path, request.query, request.header(b"authorization")


def _stale_once(passage: Passage) -> Response:
    known, stale = passage.memory.setdefault("known", {}), passage.memory.setdefault("stale", set())
    if passage.request.method not in ("GET", "HEAD"):
        response = passage.proceed()
        if is_success(response):
            stale.update(known)
        return response
    key = _question(passage)
    if key in stale:
        stale.discard(key)
        kept: Response = known[key]
        return kept
    response = passage.proceed()
    if is_success(response):
        known[key] = response
    return response


def _stale_for_ever(passage: Passage) -> Response:
    key = _question(passage)
    if key not in passage.memory:
        response = passage.proceed()
        if not is_success(response):
            return response
        passage.memory[key] = response
    kept: Response = passage.memory[key]
    return kept


def _listed_late(passage: Passage) -> Response:
    """Where lists may come from a cache, it is later than that allows."""
    operation, fresh = passage.operation, passage.memory.setdefault("fresh", {})
    if operation is None:
        return passage.proceed()
    key, now = table_of(passage.vendor, operation)["key"], passage.world.clock.now()
    if operation.table["verb"] == "create":
        response = passage.proceed()
        for record in records_of(operation, answer_of(response)) or () if is_success(response) else ():
            fresh[str(record[key])] = now
        return response
    allowed = operation.table.get("cache", {}).get("seconds", 0) * 4
    late = [one for one, made in fresh.items() if not allowed or now < made + allowed]
    if not allowed or not late:
        fresh.clear()

    def without(where: Expression, order: Any) -> tuple[Expression, Any]:
        return And((where, none_of(Condition(key, "in", tuple(late))))), order

    return passage.proceed(tap=Tap(listing=without)) if late else passage.proceed()


def _state_before(passage: Passage, field: str) -> Response:
    response, operation = passage.proceed(), passage.operation
    answer = answer_of(response)
    shown = records_of(operation, answer) if is_success(response) else None
    if not shown or operation is None:
        return response
    before = passage.memory.get(passage.request.path)
    passage.memory[passage.request.path] = shown[0][field]
    return with_answer(response, with_records(operation, answer, [{**shown[0], field: before or shown[0][field]}]))
