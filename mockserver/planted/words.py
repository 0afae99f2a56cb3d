"""What defects have in common: how a request and an answer are read and rewritten, and where the records stand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from mockserver import spec
from mockserver.engine.defect import Around, Passage
from mockserver.engine.messages import Headers, Request, Response
from mockserver.vendor import Operation, Vendor

Record = dict[str, Any]
Query = list[tuple[str, str]]


# Requests


def query_of(request: Request) -> Query:
    """The query, decoded, in its order."""
    return parse_qsl(request.query.decode("latin-1"), keep_blank_values=True, errors="replace")


def with_query(request: Request, query: Query) -> Request:
    return request._replace(query=urlencode(query).encode())


def argument(request: Request, name: str) -> str | None:
    """The value of a parameter of the query; of several the last."""
    return next((value for key, value in reversed(query_of(request)) if key == name), None)


def with_argument(request: Request, name: str, value: str | None) -> Request:
    """The request with another value of a parameter; without it where the value is None."""
    kept = [(key, old) for key, old in query_of(request) if key != name]
    return with_query(request, kept if value is None else [*kept, (name, value)])


def body_of(request: Request) -> Any:
    """What the body says in JSON; None where it says nothing."""
    return _read(request.body)


def with_body(request: Request, body: Any) -> Request:
    content = orjson.dumps(body)
    length = [(b"content-length", b"%d" % len(content))]
    kept = [(name, value) for name, value in request.headers if name != b"content-length"]
    return request._replace(body=content, headers=kept + length)


def with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    """The request with these headers instead of those of the same names."""
    new = {name.lower().encode(): value.encode() for name, value in headers.items()}
    kept = [(name, value) for name, value in request.headers if name not in new]
    return request._replace(headers=[*kept, *new.items()])


def as_caller(passage: Passage, name: str) -> Request:
    """The request as a named caller of the seed would send it."""
    headers = passage.vendor.headers_of_callers(passage.world.clock.now())[name]
    return with_headers(passage.request, headers)


def caller_of(passage: Passage) -> str | None:
    """The seeded caller who sends the request, by its headers; None where it is none of them."""
    known = passage.stage.identify(passage.world, passage.request) if passage.vendor.mints else None
    if known is not None:  # by a token that was made at another moment
        meant = (known.user, known.account, None)
        callers = passage.vendor.callers.items()
        return next((name for name, one in callers if (one.user, one.account, one.expires_at) == meant), None)
    given = dict(reversed(passage.request.headers))
    for name, headers in passage.vendor.headers_of_callers(passage.world.clock.now()).items():
        if all(given.get(key.lower().encode()) == value.encode() for key, value in headers.items()):
            return name
    return None


# Answers


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None


def answer_of(response: Response) -> Any:
    """What the answer says in JSON; None where it says nothing."""
    return _read(response.body)


def with_answer(response: Response, answer: Any, *, status: int | None = None) -> Response:
    """The response with another JSON body; its ETag, where it has one, follows."""
    body = orjson.dumps(answer)
    status = response.status if status is None else status
    rule = response.rule if status >= 400 else None
    tag = b'W/"%s"' % blake2b(body, digest_size=16).hexdigest().encode()
    headers = [(name, tag if name == b"etag" else value) for name, value in response.headers]
    return Response(status, headers, body, rule)


def header_of(response: Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key == name), None)


def with_header(response: Response, name: bytes, value: str | None) -> Response:
    """The response with another value of a header where it has one; without it where the value is None."""
    headers: Headers = [
        (key, value.encode() if value is not None and key == name else old)
        for key, old in response.headers
        if key != name or value is not None
    ]
    return response._replace(headers=headers)


def is_success(response: Response) -> bool:
    return 200 <= response.status < 300


# Records in answers


def records_of(operation: Operation | None, answer: Any) -> list[Record] | None:
    """The records that a success shows, in their order; None where it shows none. Those shown besides are left out."""
    found = _place(operation, answer)
    if found is None:
        return None
    shown = found[0]
    if operation is not None and _map_of(operation) is not None:
        keys = [one.get("id") for one in answer.get("results", ()) if isinstance(one, dict)]
        if not isinstance(shown, dict) or not all(key in shown for key in keys):
            return None
        shown = [shown[key] for key in keys]
    records = shown if isinstance(shown, list) else [shown]
    return records if all(isinstance(one, dict) for one in records) else None


def with_records(operation: Operation, answer: Any, records: Sequence[Record]) -> Any:
    """The answer with these records instead of its own; the words of its envelope stay as they are."""
    found = _place(operation, answer)
    if found is None:
        return answer
    shown, put = found
    key = _map_of(operation)
    if key is not None:
        results = [{"key": key, "id": str(one["id"])} for one in records]
        return {**answer, "results": results, key: {str(one["id"]): one for one in records}}
    return put(list(records) if isinstance(shown, list) else records[0])


def _map_of(operation: Operation) -> str | None:
    """The key of the map that has the records by their ids, where the envelope is such a one."""
    envelope = operation.table.get("envelope")
    return envelope.get("by_id") if isinstance(envelope, Mapping) else None


def _place(operation: Operation | None, answer: Any) -> tuple[Any, Callable[[Any], Any]] | None:
    """What stands where the envelope has its records, and how the answer is made with something else there."""
    if operation is None or operation.table.get("verb") == "example":
        return None
    path = [key for key in spec.place_of_record(operation.table.get("envelope")) if key]

    def put(value: Any, at: int = 0, node: Any = answer) -> Any:
        return {**node, path[at]: put(value, at + 1, node[path[at]])} if at < len(path) else value

    shown = answer
    for key in path:
        if not isinstance(shown, dict) or key not in shown:
            return None
        shown = shown[key]
    return (shown, put) if isinstance(shown, dict | list) else None


# Defects of the common forms


def each_record(change: Callable[[Record], Record]) -> Around:
    """Change every record that a success shows."""

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        answer = answer_of(response)
        records = records_of(passage.operation, answer) if is_success(response) else None
        if not records or passage.operation is None:
            return response
        return with_answer(response, with_records(passage.operation, answer, [change(one) for one in records]))

    return around


def each_list(change: Callable[[Passage, list[Record]], list[Record]]) -> Around:
    """Change the records of a list."""

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        answer = answer_of(response)
        records = records_of(passage.operation, answer) if is_success(response) else None
        if records is None or passage.operation is None:
            return response
        return with_answer(response, with_records(passage.operation, answer, change(passage, records)))

    return around


def each_answer(change: Callable[[Passage, Response], Response]) -> Around:
    """Change every answer."""
    return lambda passage: change(passage, passage.proceed())


def each_request(change: Callable[[Passage], Request]) -> Around:
    """Change what is asked for before the mock hears of it."""
    return lambda passage: passage.proceed(change(passage))


# What a vendor has


def played(vendor: Vendor, *verbs: str) -> Iterator[Operation]:
    """The operations that these verbs play."""
    return (one for one in vendor.operations.values() if one.table.get("verb") in verbs)


def every(vendor: Vendor) -> tuple[str, ...]:
    return tuple(vendor.operations)


def kebab(name: str) -> str:
    """`listProjectTasks` and `due_date` as they stand in the name of a defect."""
    text = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return "-".join(part for part in text.replace("_", "-").split("-") if part)
