"""Lists that are wrong, by name: what a tenant answers whose pages, orders and side-loads are not as promised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from contracts.wire import Outgoing, Reply
from tests.bends import Bend, Forward, Memory, answer_of, with_answer

Query = dict[str, str]
Answer = dict[str, Any]


@dataclass(frozen=True)
class ListBend:
    """A bend of one vendor's list: the end of its path, and the rules that it breaks."""

    vendor: str
    path: str
    bend: Bend
    breaks: tuple[str, ...]


def query_of(request: Outgoing) -> Query:
    return dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))


def with_query(request: Outgoing, query: Mapping[str, Any]) -> Outgoing:
    path = request.target.partition("?")[0]
    return replace(request, target=f"{path}?{urlencode(query)}" if query else path)


def _is(request: Outgoing, path: str) -> bool:
    return request.method == "GET" and request.target.partition("?")[0].endswith(path)


def asked(path: str, change: Callable[[Query], None]) -> Bend:
    """Change what a list is asked for."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if not _is(request, path):
            return forward(request)
        query = query_of(request)
        change(query)
        return forward(with_query(request, query))

    return bend


def told(path: str, change: Callable[[Query, Answer], None]) -> Bend:
    """Change what a list answers."""

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        answer = answer_of(reply)
        if not _is(request, path) or reply.status != 200 or not isinstance(answer, dict):
            return reply
        change(query_of(request), answer)
        return with_answer(reply, answer)

    return bend


def _shifted(query: Query) -> None:
    if int(query.get("offset", "0") if query.get("offset", "0").isdigit() else 0) > 0:
        query["offset"] = str(int(query["offset"]) - 1)


def _without(*names: str) -> Callable[[Query], None]:
    def change(query: Query) -> None:
        for name in names:
            query.pop(name, None)

    return change


def _instead(name: str, values: Mapping[str | None, str]) -> Callable[[Query], None]:
    def change(query: Query) -> None:
        if query.get(name) in values:
            query[name] = values[query.get(name)]

    return change


def _swapped(query: Query, answer: Answer) -> None:
    answer["data"] = answer["data"][::-1]


def _by_id_rising(query: Query, answer: Answer) -> None:
    answer["data"].sort(key=lambda each: int(each["id"]))
    answer["data"].sort(key=lambda each: each["created_at"], reverse=True)


def _meta(word: str, value: Callable[[Answer], Any]) -> Callable[[Query, Answer], None]:
    def change(query: Query, answer: Answer) -> None:
        answer["meta"][word] = value(answer)

    return change


def _refuses_beyond(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    if _is(request, "/comments") and len(query_of(request).get("offset", "")) > 3:
        return forward(with_query(request, {"limit": "x"}))
    return forward(request)


def _first_lost(query: Query, answer: Answer) -> None:
    if query.get("page", "1") != "1":
        answer["results"] = answer["results"][1:]


def _no_side(query: Query, answer: Answer) -> None:
    answer.pop("task_status_sets", None)


def _side_always(query: Query, answer: Answer) -> None:
    answer.setdefault("task_status_sets", {})


def _id_of_set_always(query: Query, answer: Answer) -> None:
    for each in answer["custom_task_statuses"].values():
        each["task_status_set_id"] = str(each["status_set_id"])


def _set_counted(query: Query, answer: Answer) -> None:
    answer["count"] += len(answer.get("task_status_sets", {}))


def _turned(query: Query) -> None:
    if query.get("order", "").endswith(":asc"):
        query["order"] = query["order"].replace(":asc", ":desc")


def _floor(query: Query, answer: Answer) -> None:
    answer["meta"]["page_count"] = max(1, answer["count"] // answer["meta"]["page_size"])


COMMENTS, STATUSES = "/comments", "/custom_task_statuses"

LIST_BENDS: dict[str, ListBend] = {
    "slice-one-early": ListBend("geotareas", COMMENTS, asked(COMMENTS, _shifted), ("GT-147",)),
    "limit-ignored": ListBend("geotareas", COMMENTS, asked(COMMENTS, _without("limit")), ("GT-138", "GT-146")),
    "default-24": ListBend("geotareas", COMMENTS, asked(COMMENTS, _instead("limit", {None: "24"})), ("GT-139",)),
    "most-99": ListBend("geotareas", COMMENTS, asked(COMMENTS, _instead("limit", {"100": "101"})), ("GT-141",)),
    "zero-taken": ListBend("geotareas", COMMENTS, asked(COMMENTS, _instead("limit", {"0": "1"})), ("GT-140", "GT-145")),
    "offset-below-taken": ListBend(
        "geotareas", COMMENTS, asked(COMMENTS, _instead("offset", {"-1": "0"})), ("GT-144", "GT-145")
    ),
    "offset-not-repeated": ListBend("geotareas", COMMENTS, told(COMMENTS, _meta("offset", lambda _: 0)), ("GT-150",)),
    "total-of-the-page": ListBend(
        "geotareas", COMMENTS, told(COMMENTS, _meta("total", lambda one: len(one["data"]))), ("GT-149",)
    ),
    "beyond-refused": ListBend("geotareas", COMMENTS, _refuses_beyond, ("GT-148",)),
    "oldest-first": ListBend("geotareas", COMMENTS, told(COMMENTS, _swapped), ("GT-136",)),
    "ties-rising": ListBend("geotareas", COMMENTS, told(COMMENTS, _by_id_rising), ("GT-137",)),
    "record-lost-between-pages": ListBend("kantata", STATUSES, told(STATUSES, _first_lost), ("KX-107", "KX-108")),
    "count-of-the-page": ListBend(
        "kantata",
        STATUSES,
        told(STATUSES, lambda _, one: one.update(count=len(one["results"]))),
        ("KX-045",),
    ),
    "page-count-rounded-down": ListBend("kantata", STATUSES, told(STATUSES, _floor), ("KX-055",)),
    "page-number-always-1": ListBend(
        "kantata", STATUSES, told(STATUSES, _meta("page_number", lambda _: 1)), ("KX-056",)
    ),
    "size-not-lowered": ListBend("kantata", STATUSES, told(STATUSES, _meta("page_size", lambda _: 500)), ("KX-057",)),
    "page-0-is-page-2": ListBend("kantata", STATUSES, asked(STATUSES, _instead("page", {"0": "2"})), ("KX-104",)),
    "sort-ignored": ListBend("kantata", STATUSES, asked(STATUSES, _without("order")), ("KX-112",)),
    "sort-turned": ListBend("kantata", STATUSES, asked(STATUSES, _turned), ("KX-112",)),
    "include-ignored": ListBend("kantata", STATUSES, asked(STATUSES, _without("include")), ("KX-085", "KX-086")),
    "side-missing": ListBend("kantata", STATUSES, told(STATUSES, _no_side), ("KX-085", "KX-086")),
    "side-always": ListBend("kantata", STATUSES, told(STATUSES, _side_always), ("KX-061",)),
    "id-of-set-always": ListBend("kantata", STATUSES, told(STATUSES, _id_of_set_always), ("KX-069",)),
    "side-counted": ListBend("kantata", STATUSES, told(STATUSES, _set_counted), ("KX-089",)),
}
