"""Defects of what tells records apart: ids, names that may be taken once, and the other keys that a path may bear."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Request, Response
from mockserver.engine.query import Condition
from mockserver.planted.words import (
    Record,
    answer_of,
    argument,
    is_success,
    kebab,
    records_of,
    with_answer,
    with_argument,
    with_records,
)
from mockserver.planted.writing import defaults_of, is_main, records_in, rewrite, sample_of, sent, table_of, writers
from mockserver.vendor import Operation, Vendor


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "create"):
        if is_main(vendor, operation):
            yield from _ids(vendor, operation)
        yield from _ranks(vendor, operation)
    for operation in writers(vendor, "create", "update"):
        yield from _taken(vendor, operation)
    for resource, table in vendor.behaviour["resources"].items():
        if "keys" in table:
            yield from _searches(vendor, resource, table)


# Ids and ranks


def _ids(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    key = table_of(vendor, operation)["key"]

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        answer = answer_of(response)
        shown = records_of(operation, answer) if is_success(response) else None
        if not shown or key not in shown[0]:
            return response
        before = passage.memory.get("before", shown[0][key])
        passage.memory["before"] = shown[0][key]
        return with_answer(response, with_records(operation, answer, [{**shown[0], key: before}]))

    yield Defect(
        f"{kebab(operation.id)}-tells-the-id-of-the-one-before",
        "uniqueness",
        f"{operation.id} tells the {key} of the record that was made before this one.",
        (operation.id,),
        around,
    )


def _ranks(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    resource, rank = operation.table["resource"], table_of(vendor, operation).get("rank")
    lists = [one for one in writers(vendor, "list") if one.table["resource"] == resource]
    if rank is None or not any(one.table.get("order") == [rank["field"]] for one in lists):
        return
    field, within = rank["field"], rank["within"]

    def around(passage: Passage) -> Response:
        parent, world = sent(passage).get(within), passage.world
        last = world.search(resource, Condition(within, "eq", parent), [f"-{field}"], limit=1) if parent else []
        response = passage.proceed()
        answer = answer_of(response)
        shown = records_of(operation, answer) if is_success(response) else None
        made = world.find(resource, shown[0][table_of(vendor, operation)["key"]]) if shown else None
        if not last or made is None or not shown or field not in shown[0]:
            return response
        rewrite(passage, {**made, field: last[0][field]})
        return with_answer(response, with_records(operation, answer, [{**shown[0], field: last[0][field]}]))

    yield Defect(
        f"{kebab(operation.id)}-gives-a-{kebab(field)}-twice",
        "uniqueness",
        f"{operation.id} gives the new record the {field} of the last one.",
        (operation.id,),
        around,
    )


# Values that may be taken once


def _taken(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    name, accepts = kebab(operation.id), operation.table.get("accepts", {}).values()
    for field in sample_of(vendor, operation).get("unique", ()):
        if field not in accepts:
            continue
        yield Defect(
            f"{name}-takes-the-same-{kebab(field)}-twice",
            "uniqueness",
            f"{operation.id} takes a {field} that another record has.",
            (operation.id,),
            _blind(field),
        )
        if defaults_of(vendor, operation) or len(operation.table["accepts"]) > 1:
            yield Defect(
                f"{name}-wants-{kebab(field)}-unique-everywhere",
                "uniqueness",
                f"{operation.id} refuses a {field} that a record has where it may have it.",
                (operation.id,),
                _too_strict(field),
            )


def _others(passage: Passage, field: str) -> list[Record]:
    """The records of the caller's account with the value that is sent, whoever stands in the way."""
    operation, value = passage.operation, sent(passage).get(field)
    if operation is None or not isinstance(value, str):
        return []
    resource = operation.table["resource"]
    return [
        one for one in records_in(passage, resource) if str(one.get(field) or "").casefold() == value.strip().casefold()
    ]


def _blind(field: str) -> Around:
    """Those who have the value lose it while the mock looks."""

    def around(passage: Passage) -> Response:
        others = _others(passage, field)
        path = {value.casefold() for value in passage.request.parameters.values()}
        others = [one for one in others if str(one[_key(passage)]).casefold() not in path]
        for number, one in enumerate(others):
            rewrite(passage, {**one, field: f"\x01{number}"})
        response = passage.proceed()
        for one in others:
            now = passage.world.find(_resource(passage), one[_key(passage)])
            if now is not None:
                rewrite(passage, {**now, field: one[field]})
        return response

    return around


def _too_strict(field: str) -> Around:
    """One who has the value stands where the new one is to stand, while the mock looks."""

    def around(passage: Passage) -> Response:
        resource, key = _resource(passage), _key(passage)
        path = {value.casefold() for value in passage.request.parameters.values()}
        others = [one for one in _others(passage, field) if str(one[key]).casefold() not in path]
        known = [passage.world.find(resource, value) for value in passage.request.parameters.values()]
        beside = {**(known[0] or {}), **sent(passage)} if known else sent(passage)
        for one in others:
            there = {name: value for name, value in beside.items() if name in _scope(passage) and name != field}
            rewrite(passage, {**one, **{name: _like(value, one.get(name)) for name, value in there.items()}})
        response = passage.proceed()
        for one in others:
            rewrite(passage, one)
        return response

    return around


def _like(value: Any, model: Any) -> Any:
    """A number that a form sends as text."""
    return int(value) if isinstance(model, int) and isinstance(value, str) and value.isdigit() else value


def _scope(passage: Passage) -> set[str]:
    """The fields that a new record is given and that no update changes, and those that go with the value itself."""
    assert passage.operation is not None, "defects of keys concern operations"
    resource = passage.operation.table["resource"]
    creates = [one for one in writers(passage.vendor, "create") if one.table["resource"] == resource]
    return {name for one in creates for name in one.table.get("accepts", {}).values()}


def _resource(passage: Passage) -> str:
    assert passage.operation is not None, "defects of keys concern operations"
    return str(passage.operation.table["resource"])


def _key(passage: Passage) -> str:
    assert passage.operation is not None, "defects of keys concern operations"
    return str(table_of(passage.vendor, passage.operation)["key"])


# Other keys in a path


def _searches(vendor: Vendor, resource: str, table: Mapping[str, Any]) -> Iterator[Defect]:
    parameter, fields = table["keys"]["parameter"], table["keys"]["fields"]
    single = [
        one
        for one in writers(vendor, "get", "update", "delete")
        if one.table["resource"] == resource and any(p["name"] == parameter for p in one.parameters)
    ]
    own, changes = tuple(one.id for one in single), tuple(one for one in single if one.table["verb"] == "update")
    first = {field: word for word, field in reversed(fields.items())}
    for field, word in first.items():
        yield Defect(
            f"{kebab(parameter)}-{kebab(word)}-finds-nothing",
            "search-by-key",
            f"A path with {parameter}={word} is read as an id.",
            own,
            _read_as_id(parameter, word),
        )
        if field == next(iter(fields.values())):
            yield Defect(
                f"{kebab(parameter)}-{kebab(word)}-takes-a-beginning",
                "search-by-key",
                f"With {parameter}={word} the beginning of a key is enough.",
                own,
                _beginning(resource, table, word),
            )
    for name in sorted({p["name"] for one in single for p in one.parameters if p["in"] == "query"} - {parameter}):
        yield Defect(
            f"{kebab(parameter)}-without-{kebab(name)}",
            "search-by-key",
            f"The parameter {name} is ignored where {parameter} says by which key a record is meant.",
            own,
            _ignoring(name),
        )
    if changes:
        yield Defect(
            f"{kebab(parameter)}-finds-by-old-keys",
            "search-by-key",
            "A record is still found by the key that it had before it was changed.",
            own,
            _old_keys(resource, table),
        )


def _read_as_id(parameter: str, word: str) -> Around:
    def around(passage: Passage) -> Response:
        is_asked = argument(passage.request, parameter) == word
        return passage.proceed(with_argument(passage.request, parameter, None) if is_asked else None)

    return around


def _ignoring(name: str) -> Around:
    return lambda passage: passage.proceed(with_argument(passage.request, name, None))


def _by_id(passage: Passage, parameter: str, key: Any) -> Request:
    """The request with the id of a record in its path instead of another key."""
    request = with_argument(passage.request, parameter, None)
    return request._replace(parameters=dict.fromkeys(request.parameters, str(key)))


def _beginning(resource: str, table: Mapping[str, Any], word: str) -> Around:
    parameter, field = table["keys"]["parameter"], table["keys"]["fields"][word]

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        if response.status != 404 or argument(passage.request, parameter) != word:
            return response
        value = next(iter(passage.request.parameters.values()), "")
        near = [one for one in records_in(passage, resource) if value and str(one.get(field) or "").startswith(value)]
        return passage.proceed(_by_id(passage, parameter, near[0][table["key"]])) if near else response

    return around


def _old_keys(resource: str, table: Mapping[str, Any]) -> Around:
    parameter, fields, key = table["keys"]["parameter"], table["keys"]["fields"], table["key"]

    def around(passage: Passage) -> Response:
        word, values = argument(passage.request, parameter), list(passage.request.parameters.values())
        field = fields.get(word)
        before = _before(passage, resource, fields, key) if passage.request.method != "GET" else {}
        response = passage.proceed()
        if is_success(response):
            passage.memory.update(before)
        elif response.status == 404 and field is not None and (field, values[0]) in passage.memory:
            return passage.proceed(_by_id(passage, parameter, passage.memory[field, values[0]]))
        return response

    return around


def _before(passage: Passage, resource: str, fields: Mapping[str, str], key: str) -> dict[Any, Any]:
    """(field, value) -> id, of the record that the path names by its id."""
    record = passage.world.find(resource, next(iter(passage.request.parameters.values()), ""))
    return {(field, record[field]): record[key] for field in fields.values() if record.get(field)} if record else {}
