"""Defects of what an answer is as a whole: its status, its body, its media type, its envelope."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mockserver import spec
from mockserver.engine.defect import Defect, Passage
from mockserver.engine.messages import Response
from mockserver.planted.schema import Promises
from mockserver.planted.words import (
    answer_of,
    body_of,
    each_answer,
    every,
    is_success,
    kebab,
    played,
    records_of,
    with_answer,
    with_header,
)
from mockserver.vendor import Operation, Vendor

LONG = 200  # characters of a text that the documents allow


def defects(vendor: Vendor) -> Iterator[Defect]:
    promises = Promises(vendor)
    yield from _successes(vendor, promises)
    yield from _refusals(vendor, promises)
    yield from _failures(vendor, promises)
    yield from _bodies(vendor, promises)
    yield from _media_types(vendor)
    yield from _envelopes(vendor, promises)
    yield from _error_envelopes(vendor)


# Status


def _successes(vendor: Vendor, promises: Promises) -> Iterator[Defect]:
    """Another status of success than the documents know, for the first operation of a verb that it is none for."""
    for verb, instead in (("create", 200), ("create", 201), ("delete", 202), ("update", 202)):
        for operation in played(vendor, verb):
            told = operation.table.get("status", 200)
            if instead == told or promises.response(operation, instead) is not None:
                continue
            yield Defect(
                f"{kebab(operation.id)}-answers-{instead}",
                "status",
                f"{operation.id} answers {instead} where it answers {told} by the documents.",
                (operation.id,),
                each_answer(_status(told, instead)),
            )
            break


def _status(told: int, instead: int) -> Callable[[Passage, Response], Response]:
    return lambda _, response: response._replace(status=instead) if response.status == told else response


def _refusals(vendor: Vendor, promises: Promises) -> Iterator[Defect]:
    missing = {table["missing"]["error"] for table in vendor.behaviour["resources"].values() if "missing" in table}
    reads = tuple(one.id for one in played(vendor, "get"))
    if missing and any(map(promises.fields, played(vendor, "get"))):
        yield Defect(
            "missing-record-is-null",
            "status",
            "A record that there is not is answered with 200 and null.",
            reads,
            each_answer(lambda _, response: with_answer(response, None, status=200) if _is_404(response) else response),
        )
    addressed = tuple(one.id for one in vendor.operations.values() if "{" in one.path)
    if missing and addressed and promises.binds("status-codes", "unknown-records"):
        yield Defect(
            "missing-record-fails",
            "status",
            "A record that there is not is answered with 500.",
            addressed,
            lambda passage: _fault(passage) if _is_404(response := passage.proceed()) else response,
        )
    bodies = tuple(one.id for one in vendor.operations.values() if "requestBody" in one.document)
    if bodies:
        yield Defect(
            "wrong-body-is-ok",
            "status",
            "What is refused for its body is answered with 200 and the refusal in it.",
            bodies,
            each_answer(_ok_for_body),
        )
    yield Defect(
        "every-refusal-is-400",
        "status",
        "Every refusal is answered with 400, whatever its reason.",
        every(vendor),
        each_answer(lambda _, response: response._replace(status=400) if 400 < response.status < 500 else response),
        strays=True,
    )


def _is_404(response: Response) -> bool:
    return response.status == 404


def _ok_for_body(passage: Passage, response: Response) -> Response:
    return (
        response._replace(status=200, rule=None) if response.status in (400, 422) and passage.request.body else response
    )


def _fault(passage: Passage) -> Response:
    return passage.stage.refuse(passage.world, passage.request, "fault")


def _failures(vendor: Vendor, promises: Promises) -> Iterator[Defect]:
    writes = [one for one in played(vendor, "create", "update") if _longest(vendor, one) > LONG]
    if writes:
        yield Defect(
            "long-text-fails",
            "status",
            f"A text of more than {LONG} characters is answered with 500, though the documents allow it.",
            tuple(one.id for one in writes),
            lambda passage: _fault(passage) if _is_long(body_of(passage.request)) else passage.proceed(),
        )
    lists = tuple(one.id for one in played(vendor, "list"))
    if lists and promises.binds("status-codes"):
        yield Defect(
            "empty-list-fails",
            "status",
            "A list in which there is nothing is answered with 500.",
            lists,
            _failing_on_nothing,
        )


def _failing_on_nothing(passage: Passage) -> Response:
    response = passage.proceed()
    is_empty = is_success(response) and records_of(passage.operation, answer_of(response)) == []
    return _fault(passage) if is_empty else response


def _longest(vendor: Vendor, operation: Operation) -> int:
    """How long a text in the body of an operation may be; a great number where nothing ends it."""
    at = ("paths", operation.path, operation.method.lower(), "requestBody", "content", "application/json", "schema")
    wrapper = operation.table.get("wrapper")
    schema = spec.find(vendor.document, *at, *(("properties", wrapper) if wrapper else ())) or {}
    fields = [spec.resolve(vendor.document, one) for one in schema.get("properties", {}).values()]
    texts = [one for one in fields if "string" in one.get("type", ()) and not one.keys() & {"enum", "format"}]
    return max((one.get("maxLength", 10**9) for one in texts), default=0)


def _is_long(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_long, value.values()))
    return isinstance(value, str) and len(value) > LONG


# Body


def _bodies(vendor: Vendor, promises: Promises) -> Iterator[Defect]:
    for operation in played(vendor, "update", "create"):
        yield Defect(
            f"{kebab(operation.id)}-answers-nothing",
            "body",
            f"{operation.id} answers its success without a body.",
            (operation.id,),
            each_answer(lambda _, response: response._replace(body=b"") if is_success(response) else response),
        )
        break
    for operation in played(vendor, "list"):
        yield Defect(
            f"{kebab(operation.id)}-is-cut-off",
            "body",
            f"What {operation.id} answers ends before its JSON does.",
            (operation.id,),
            each_answer(
                lambda _, response: response._replace(body=response.body[:-2]) if is_success(response) else response
            ),
        )
        break
    for operation in played(vendor, "get"):
        yield Defect(
            f"{kebab(operation.id)}-answers-another-record",
            "body",
            f"{operation.id} answers another record than the one that is asked for.",
            (operation.id,),
            _another,
        )
        break
    for operation in played(vendor, "delete"):
        answer = operation.table.get("answer")
        if isinstance(answer, Mapping) and any(value is True for value in answer.values()):
            yield Defect(
                f"{kebab(operation.id)}-says-no",
                "body",
                f"{operation.id} deletes, and its answer says that it did not.",
                (operation.id,),
                each_answer(_denied),
            )
            break


def _cut_off(_: Passage, response: Response) -> Response:
    return response._replace(body=response.body[:-2]) if is_success(response) else response


def _another(passage: Passage) -> Response:
    response, operation, request = passage.proceed(), passage.operation, passage.request
    if not is_success(response) or operation is None:
        return response
    resource = operation.table["resource"]
    table = passage.vendor.behaviour["resources"][resource]
    name, asked = list(request.parameters.items())[-1]
    own = passage.world.find(resource, asked)
    if own is None:
        return response
    for other in passage.world.select(resource, {}, []):
        if other[table["key"]] == asked or other.get(table.get("account")) != own.get(table.get("account")):
            continue
        found = passage.proceed(request._replace(parameters={**request.parameters, name: other[table["key"]]}))
        if is_success(found):
            return found
    return response


def _denied(_: Passage, response: Response) -> Response:
    answer = answer_of(response)
    if not is_success(response) or not isinstance(answer, dict):
        return response
    return with_answer(response, {key: False if value is True else value for key, value in answer.items()})


# Media types


def _media_types(vendor: Vendor) -> Iterator[Defect]:
    yield Defect(
        "json-is-told-to-be-html",
        "content-type",
        "Answers of JSON say that they are text/html.",
        every(vendor),
        each_answer(lambda _, response: with_header(response, b"content-type", "text/html; charset=utf-8")),
        strays=True,
    )
    yield Defect(
        "json-is-told-to-be-nothing",
        "content-type",
        "Answers have no content type.",
        every(vendor),
        each_answer(
            lambda _, response: with_header(response, b"content-type", None) if is_success(response) else response
        ),
    )
    yield Defect(
        "refusals-are-pages",
        "content-type",
        "A refusal is an HTML page for people.",
        every(vendor),
        each_answer(_page),
    )


def _untyped(_: Passage, response: Response) -> Response:
    return with_header(response, b"content-type", None) if is_success(response) else response


def _page(_: Passage, response: Response) -> Response:
    if response.status < 400:
        return response
    text = b"<!doctype html><title>Error</title><h1>%d</h1>" % response.status
    return with_header(response, b"content-type", "text/html; charset=utf-8")._replace(body=text)


# Envelopes


def _envelopes(vendor: Vendor, promises: Promises) -> Iterator[Defect]:
    wrapped = [one for one in vendor.operations.values() if one.table.get("envelope")]
    for verbs, name, what in (
        (("get", "create", "update", "transition", "own"), "records-come-bare", "A record comes without its envelope."),
        (("list",), "lists-come-bare", "A list comes as a bare array, without its envelope."),
    ):
        found = tuple(one.id for one in wrapped if one.table["verb"] in verbs)
        if found:
            yield Defect(name, "envelope", what, found, each_answer(_bare))
    seen: set[str] = set()
    for operation in wrapped:
        for key in promises.keys(operation):
            if key in seen or operation.table["envelope"] == key:
                continue
            seen.add(key)
            same = tuple(one.id for one in wrapped if key in promises.keys(one))
            yield Defect(
                f"answers-lack-{kebab(key)}",
                "envelope",
                f"The key `{key}` is missing in the envelope of successes.",
                same,
                each_answer(_lacking(key)),
            )
    for operation in wrapped:
        if operation.table["verb"] == "list" and "by_id" in operation.table["envelope"]:
            key = operation.table["envelope"]["by_id"]
            yield Defect(
                f"{kebab(key)}-come-as-a-list",
                "envelope",
                f"`{key}` is a list of records where it is a map by their ids.",
                tuple(one.id for one in wrapped if one.table["envelope"] == operation.table["envelope"]),
                each_answer(_listed(key)),
            )
            break


def _bare(passage: Passage, response: Response) -> Response:
    answer = answer_of(response)
    records = records_of(passage.operation, answer) if is_success(response) else None
    if records is None or passage.operation is None:
        return response
    return with_answer(response, records if passage.operation.table["verb"] == "list" else records[0])


def _lacking(key: str) -> Callable[[Passage, Response], Response]:
    def change(_: Passage, response: Response) -> Response:
        answer = answer_of(response)
        if not is_success(response) or not isinstance(answer, dict):
            return response
        return with_answer(response, {name: value for name, value in answer.items() if name != key})

    return change


def _listed(key: str) -> Callable[[Passage, Response], Response]:
    def change(_: Passage, response: Response) -> Response:
        answer = answer_of(response)
        if not is_success(response) or not isinstance(answer, dict) or not isinstance(answer.get(key), dict):
            return response
        return with_answer(response, {**answer, key: list(answer[key].values())})

    return change


def _error_envelopes(vendor: Vendor) -> Iterator[Defect]:
    envelope = vendor.behaviour["errors"]["envelope"]
    inner = next((key for key, part in envelope.items() if isinstance(part, Mapping)), None)
    if inner is not None:
        yield Defect(
            "refusals-are-flat",
            "envelope",
            f"What a refusal says stands at the top of its body, not under `{inner}`.",
            every(vendor),
            each_answer(_flat(inner)),
            strays=True,
        )
    yield Defect(
        "refusals-are-a-text",
        "envelope",
        "A refusal is a JSON text, and no object.",
        every(vendor),
        each_answer(
            lambda _, response: (
                with_answer(response, f"Error {response.status}") if response.status >= 400 else response
            )
        ),
        strays=True,
    )


def _text(_: Passage, response: Response) -> Response:
    return with_answer(response, f"Error {response.status}") if response.status >= 400 else response


def _flat(inner: str) -> Callable[[Passage, Response], Response]:
    def change(_: Passage, response: Response) -> Response:
        answer = answer_of(response)
        if response.status < 400 or not isinstance(answer, dict) or not isinstance(answer.get(inner), dict):
            return response
        return with_answer(response, answer[inner])

    return change
