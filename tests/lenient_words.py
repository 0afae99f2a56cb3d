"""Words to say how a tenant differs from the stand-in and is faithful all the same."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contracts.findings import Headers
from contracts.wire import Outgoing, Reply
from tests.bend_words import query_of
from tests.bends import Bend, Forward, Memory, body_of, with_answer, with_length

REFUSALS = tuple(range(400, 600))
A_STAMP = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:\d\d)?"')


def stamps(by: str) -> Bend:
    """Timestamps in another form that is allowed."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if "json" not in reply.headers.get("content-type", ""):
            return reply
        body = A_STAMP.sub(by, reply.body.decode()).encode()
        return replace(reply, body=body, headers=with_length(reply.headers, body))

    return bend


def busy(make: Callable[[int], Outgoing], remove: Callable[[Any], Outgoing | None], every: int) -> Bend:
    """Others work at the same time: between our requests records are made, and some of them removed again."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        number = memory.values["", "requests"] = memory.values.get(("", "requests"), 0) + 1
        theirs: list[Any] = memory.values.setdefault(("", "theirs"), [])
        if number % every == 0:
            made = forward(make(number))
            if made.status < 300:
                theirs.append(json.loads(made.body))
        if number % (3 * every) == 0 and theirs and (removal := remove(theirs.pop(0))) is not None:
            forward(removal)
        return forward(request)

    return bend


def behind_a_gateway(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    """What a gateway adds."""
    reply = forward(request)
    more = [("server", "nginx"), ("vary", "Accept-Encoding"), ("x-powered-by", "PHP/8.3")]
    return replace(reply, headers=Headers([*reply.headers.items(), *more]))


def pages_refused(asked: Any, status: int, body: dict[str, Any], *names: str) -> Bend:
    """Sizes that make no sense are refused."""

    def is_wrong(name: str, text: str) -> bool:
        return not re.fullmatch(r"[1-9]\d{0,2}", text) or (name != "page" and int(text) > 200)

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        query = query_of(request)
        if asked(request) and reply.status == 200 and any(is_wrong(n, query[n]) for n in names if n in query):
            return with_answer(reply, body, status=status)
        return reply

    return bend


def unknown_fields_refused(asked: Any, known: set[str], status: int, refusal: dict[str, Any]) -> Bend:
    """Bodies with other fields than those are refused."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        body = body_of(request)
        if asked(request) and isinstance(body, dict) and set(body) - known:
            answered = forward(replace(request, body=b"[]"))
            return with_answer(answered, refusal, status=status) if answered.status == 400 else answered
        return forward(request)

    return bend
