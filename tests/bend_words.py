"""Words to say how a tenant is wrong with, whatever its vendor: what it hears, what it tells, whom it takes one for.

`Asked` picks requests; the other words make bends of the requests picked and leave the rest alone.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from contracts.findings import Headers
from contracts.wire import Outgoing, Reply
from tests.bends import (
    Bend,
    Forward,
    Memory,
    answer_of,
    body_of,
    header,
    with_answer,
    with_body,
    with_header,
    with_length,
)

Asked = Callable[[Outgoing], bool]
Change = Callable[[dict[str, Any]], object]
Query = dict[str, str]

WRITES = ("POST", "PUT", "PATCH", "DELETE")


def path_of(request: Outgoing) -> str:
    return request.target.partition("?")[0]


def query_of(request: Outgoing) -> Query:
    return dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))


def with_query(request: Outgoing, query: Mapping[str, str]) -> Outgoing:
    return replace(request, target=f"{path_of(request)}?{urlencode(query)}" if query else path_of(request))


def world_of(request: Outgoing) -> str:
    return header(request, "X-Mock-World")


def whatever(request: Outgoing) -> bool:
    return True


def asks(methods: str, path: str = "") -> Asked:
    """Requests with one of the methods (`POST PUT`; nothing is any) whose path has the pattern in it."""
    names, pattern = methods.split(), re.compile(path)
    return lambda request: (not names or request.method in names) and bool(pattern.search(path_of(request)))


def told(asked: Asked, change: Change, *statuses: int) -> Bend:
    """Answers (successes, or those of the statuses) with something changed in their bodies."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        body = answer_of(reply)
        if not asked(request) or not isinstance(body, dict) or reply.status not in (statuses or range(200, 300)):
            return reply
        change(body)
        return with_answer(reply, body)

    return bend


def heard(asked: Asked, change: Change) -> Bend:
    """Bodies changed before they are heard."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        if asked(request) and isinstance(body, dict):
            change(body)
            request = with_body(request, body)
        return forward(request)

    return bend


def read(asked: Asked, change: Callable[[Query], object]) -> Bend:
    """Parameters changed before they are heard."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if asked(request):
            query = query_of(request)
            change(query)
            request = with_query(request, query)
        return forward(request)

    return bend


def found_at(asked: Asked, pattern: str, by: str) -> Bend:
    """Paths changed before they are heard."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if asked(request):
            path, mark, query = request.target.partition("?")
            request = replace(request, target=re.sub(pattern, by, path) + mark + query)
        return forward(request)

    return bend


def answers(asked: Asked, was: int, now: int, marked: str = "") -> Bend:
    """Another status than the one that was answered, where the body has the mark in it."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if reply.status != was or not asked(request) or marked.encode() not in reply.body:
            return reply
        if now == 204:
            return replace(reply, status=204, body=b"", headers=with_length(reply.headers, b"", content_type=None))
        return replace(reply, status=now)

    return bend


def bears(asked: Asked = whatever, *statuses: int, **fields: str | None) -> Bend:
    """Headers changed, added or (None) left out."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if not asked(request) or (statuses and reply.status not in statuses):
            return reply
        return replace(reply, headers=with_length(reply.headers, reply.body, **fields))

    return bend


def takes_for(whom: Mapping[str, str], asked: Asked = whatever, *, name: str = "Authorization") -> Bend:
    """Callers taken for others, by the value of a header; '' is nobody."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if asked(request) and header(request, name) in whom:
            request = with_header(request, name, whom[header(request, name)])
        return forward(request)

    return bend


def refused_but_done(asked: Asked, again: Callable[[Outgoing], Outgoing], *statuses: int) -> Bend:
    """A refusal that is answered, while another request is carried out behind it."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if asked(request) and reply.status in statuses:
            forward(again(request))
        return reply

    return bend


def remembered(asked: Asked) -> Bend:
    """The first success of a read is answered for ever."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if not asked(request) or request.method != "GET":
            return forward(request)
        key = (world_of(request), f"{header(request, 'Authorization')} {request.target}")
        if key not in memory.values:
            reply = forward(request)
            if reply.status != 200:
                return reply
            memory.values[key] = reply
        return memory.values[key]

    return bend


def once(asked: Asked) -> Bend:
    """Equal requests are one: what the first was answered, the others are too."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if not asked(request):
            return forward(request)
        key = (
            world_of(request),
            f"{request.method} {request.target} {header(request, 'Authorization')} {request.body!r}",
        )
        if key not in memory.values:
            reply = forward(request)
            if reply.status >= 300:
                return reply
            memory.values[key] = reply
        return memory.values[key]

    return bend


def crashes(asked: Asked, when: Callable[[Any], bool], body: bytes = b'{"message": "Server Error"}') -> Bend:
    """500 for bodies of a kind."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if asked(request) and when(body_of(request)):
            return Reply(500, Headers([("content-type", "application/json")]), body, 0.0)
        return forward(request)

    return bend


def both(first: Bend, second: Bend) -> Bend:
    """Two bends, the first of them nearer to the caller."""
    return lambda memory, request, forward: first(memory, request, lambda sent: second(memory, sent, forward))


# Changes of a body


def put(name: str, value: Any) -> Change:
    return lambda body: body.__setitem__(name, value)


def drop(*names: str) -> Change:
    def change(body: dict[str, Any]) -> None:
        for name in names:
            body.pop(name, None)

    return change


def turn(name: str, change: Callable[[Any], Any]) -> Change:
    """Another value for a field that is there and is not null."""

    def bend(body: dict[str, Any]) -> None:
        if body.get(name) is not None:
            body[name] = change(body[name])

    return bend


def rename(name: str, other: str) -> Change:
    def change(body: dict[str, Any]) -> None:
        if name in body:
            body[other] = body.pop(name)

    return change


def under(key: str, change: Change) -> Change:
    """Change what stands under a key: an object, or each object of a list."""

    def bend(body: dict[str, Any]) -> None:
        inner = body.get(key)
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict):
                change(each)

    return bend
