"""GeoTareas: tasks, comments and cards as its documents have them, the limits, the caches, the switches."""

import json
from typing import Any

import httpx
import pytest

from tests.geotareas import (
    ALWAYS,
    ASSIGNED,
    BOARD,
    CARLOS,
    DRIVER,
    EMPTY_CARD,
    FULL_CARD,
    KANBAN,
    MARIA,
    OTHER_BOARD,
    OTHER_DRIVER,
    SAMPLE_CARD,
    STARTED,
    UNASSIGNED,
    WORKSPACES,
    GeoTareas,
    granted,
    refused,
)

# Tasks


def test_move__answers_as_the_sample(geotareas: GeoTareas) -> None:
    assert granted(geotareas.move("FIN")) == {
        "task_id": STARTED,
        "previous_status": "INI",
        "new_status": "FIN",
        "updated_at": "2026-03-19T16:45:00",
    }
    answer = geotareas.move("SA")
    assert answer.json()["error"]["message"] == "FIN cannot change to SA."
    refused(answer, 400, "STATE_CHANGE_FAILED", "GT-103")


def test_move__to_asi_takes_a_driver_and_to_sa_gives_it_back(geotareas: GeoTareas) -> None:
    granted(geotareas.move("ASI", UNASSIGNED, driver_id=DRIVER))
    assert geotareas.task(UNASSIGNED)["driver_id"] == DRIVER
    refused(geotareas.move("ASI", UNASSIGNED, driver_id=DRIVER), 400, "STATE_CHANGE_FAILED", "GT-103")
    granted(geotareas.move("ASI", UNASSIGNED, driver_id=OTHER_DRIVER))
    granted(geotareas.move("ACE", UNASSIGNED, driver_id=DRIVER))
    assert geotareas.task(UNASSIGNED)["driver_id"] == OTHER_DRIVER
    granted(geotareas.move("SA", UNASSIGNED, driver_id=DRIVER))
    assert geotareas.task(UNASSIGNED)["driver_id"] is None


@pytest.mark.parametrize(
    ("task", "body", "status", "code", "rule"),
    [
        (UNASSIGNED, {"target_status": "ASI"}, 400, "VALIDATION_ERROR", "GT-101"),
        ("9" * 30, {"target_status": "ASI"}, 400, "VALIDATION_ERROR", "GT-101"),
        (STARTED, {"board_id": 8391728491728491}, 400, "VALIDATION_ERROR", "GT-101"),
        (STARTED, {"board_id": "1" * 31}, 400, "VALIDATION_ERROR", "GT-101"),
        (STARTED, {"board_id": ""}, 400, "VALIDATION_ERROR", "GT-101"),
        (STARTED, {"driver_id": None}, 400, "VALIDATION_ERROR", "GT-101"),
        (STARTED, {"target_status": "fin"}, 400, "VALIDATION_ERROR", "GT-101"),
        (STARTED, {"target_status": "FINISHED-IT"}, 400, "VALIDATION_ERROR", "GT-101"),
        ("1" * 31, {}, 400, "VALIDATION_ERROR", "GT-081"),
        ("%D9%A1", {}, 400, "VALIDATION_ERROR", "GT-081"),
        ("9" * 30, {"board_id": OTHER_BOARD}, 404, "NOT_FOUND", "GT-125"),
        ("5001847291840091", {}, 404, "NOT_FOUND", "GT-125"),  # of the other company
        (STARTED, {"board_id": OTHER_BOARD}, 404, "NOT_FOUND", "GT-126"),
        (STARTED, {"target_status": "ASI", "board_id": OTHER_BOARD, "driver_id": "7"}, 404, "NOT_FOUND", "GT-126"),
        (STARTED, {"target_status": "ASI", "driver_id": "7"}, 400, "VALIDATION_ERROR", "GT-127"),
        (UNASSIGNED, {"target_status": "ASI", "driver_id": "1200000000000091"}, 400, "VALIDATION_ERROR", "GT-127"),
        (STARTED, {"target_status": "ASI", "driver_id": DRIVER}, 400, "STATE_CHANGE_FAILED", "GT-103"),
        (STARTED, {"target_status": "INI"}, 400, "STATE_CHANGE_FAILED", "GT-103"),
    ],
)
def test_move__refused(
    geotareas: GeoTareas, task: str, body: dict[str, Any], status: int, code: str, rule: str
) -> None:
    before = [geotareas.task(key) for key in (STARTED, UNASSIGNED)]
    sent = {"board_id": BOARD, "target_status": "USU", **body}
    refused(geotareas.call("PUT", f"{KANBAN}/tasks/{task}/state", json=sent), status, code, rule)
    assert [geotareas.task(key) for key in (STARTED, UNASSIGNED)] == before


def test_move__never_goes_back_in_time(geotareas: GeoTareas) -> None:
    later = granted(geotareas.move("USU"))["updated_at"]
    geotareas.turn(advance=-3600)
    assert granted(geotareas.move("INI"))["updated_at"] == later


# Comments


def test_comments__of_the_sample(geotareas: GeoTareas) -> None:
    answer = geotareas.comments(SAMPLE_CARD, limit=10)
    found = granted(answer)
    assert answer.json()["meta"] == {"total": 3, "limit": 10, "offset": 0}
    assert [one["id"] for one in found] == ["5500000000000001", "5500000000000002", "5500000000000000"]
    assert found[1]["mentions"] == [MARIA]


def test_comments__of_one_second_stand_by_their_numbers(geotareas: GeoTareas) -> None:
    found = granted(geotareas.comments(limit=100))
    tied = [one["id"] for one in found if one["created_at"] == "2026-02-05T14:06:50"]
    assert tied == ["5400000000000021", "5400000000000020", "540000000022"]


def test_write__answers_as_the_sample(geotareas: GeoTareas) -> None:
    geotareas.turn(set="2026-03-19T17:00:00Z")
    made = granted(geotareas.write("Signal confirmed. Closing this card.", author=MARIA, author_id=MARIA["id"]), 201)
    assert made == {
        "id": "5500000000000003",
        "text": "Signal confirmed. Closing this card.",
        "author": CARLOS,
        "created_at": "2026-03-19T17:00:00",
    }
    assert granted(geotareas.comments(SAMPLE_CARD))[0] == {**made, "mentions": [], "updated_at": made["created_at"]}


@pytest.mark.parametrize(
    "text",
    ["", " ", "\t\n", "\u3000", "\ufeff", "a\0b", "x" * 5001, "\U0001f600" * 5001, None, 7, ["x"], {"a": "b"}, True],
)
def test_write__refused(geotareas: GeoTareas, text: Any) -> None:
    answer = geotareas.write(text)
    assert len(answer.content) < 300  # what was sent is not repeated
    refused(answer, 400, "VALIDATION_ERROR", "GT-174")
    assert geotareas.comments(SAMPLE_CARD).json()["meta"]["total"] == 3


@pytest.mark.parametrize("text", ["\U0001f600" * 5000, " a ", "<b>\\\"'</b>", "\u202eabc", "line\r\nline", "é" * 5000])
def test_write__keeps_every_character(geotareas: GeoTareas, text: str) -> None:
    assert granted(geotareas.write(text), 201)["text"] == text
    assert granted(geotareas.comments(SAMPLE_CARD, limit=1))[0]["text"] == text


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("@Maria please", [MARIA]),
        ("please\n@CARLOS, @maria: @carlos", [CARLOS, MARIA]),
        ("@Javier is one of two", []),
        ("carlos@Maria (@Maria) @Marias @ Maria", []),
        ("@Tomás works elsewhere", []),
    ],
)
def test_mentions__by_first_name(geotareas: GeoTareas, text: str, mentioned: list[Any]) -> None:
    granted(geotareas.write(text), 201)
    assert granted(geotareas.comments(SAMPLE_CARD, limit=1))[0]["mentions"] == mentioned


# Lists


@pytest.mark.parametrize(
    ("query", "meta"),
    [
        ("", {"total": 60, "limit": 25, "offset": 0}),
        ("limit=010&offset=000", {"total": 60, "limit": 10, "offset": 0}),
        ("limit=5&limit=2&unknown=1", {"total": 60, "limit": 2, "offset": 0}),
        ("offset=60", {"total": 60, "limit": 25, "offset": 60}),
        ("offset=99999999999999999999", {"total": 60, "limit": 25, "offset": 9007199254740991}),
    ],
)
def test_page__as_asked(geotareas: GeoTareas, query: str, meta: dict[str, int]) -> None:
    answer = geotareas.call("GET", f"{KANBAN}/cards/{FULL_CARD}/comments?{query}")
    assert answer.json()["meta"] == meta
    assert len(granted(answer)) == max(0, min(meta["limit"], 60 - meta["offset"]))


@pytest.mark.parametrize(
    "value", ["0", "101", "-1", "abc", "1.0", "1e1", "", "%20", "+5", "%2B5", "٣", "%00", "%FF", "9" * 40]
)
def test_page__refused(geotareas: GeoTareas, value: str) -> None:
    for path in (f"{KANBAN}/cards/{FULL_CARD}/comments", WORKSPACES, f"{KANBAN}/boards/{BOARD}/cards"):
        refused(geotareas.call("GET", f"{path}?limit={value}"), 400, "VALIDATION_ERROR", "GT-145")


def test_workspaces__are_those_of_the_user(geotareas: GeoTareas) -> None:
    names = [(one["name"], one["role"], one["boards_count"]) for one in granted(geotareas.call("GET", WORKSPACES))]
    assert names == [("Archive 2025", "viewer", 0), ("Operations", "admin", 2), ("Fleet Monterrey", "member", 1)]
    (only,) = granted(geotareas.call("GET", WORKSPACES, "reader"))
    assert (only["name"], only["role"]) == ("Operations", "viewer")


def test_cards__stand_by_column_place_and_number(geotareas: GeoTareas) -> None:
    found = granted(geotareas.cards())
    keys = [(int(one["column_id"]), one["order"], int(one["id"])) for one in found]
    assert keys == sorted(keys) and len(found) == 100
    done = [one["id"] for one in granted(geotareas.cards(column_id="6100000000000002")) if len(one["id"]) == 12]
    assert done == ["420000000006"]  # among equals the shorter id is the smaller number


def test_cards__are_whole(geotareas: GeoTareas) -> None:
    (card,) = granted(geotareas.cards(search="TRACKER OF VAN 14"))
    assert card["column_name"] == "In progress" and card["assignee"] == CARLOS and card["comments_count"] == 3
    assert "archived" not in card and "tenant" not in card
    granted(geotareas.write("One more"), 201)
    (card,) = granted(geotareas.cards(search="tracker of van 14"))
    assert card["comments_count"] == 4


def test_cards__that_are_archived_are_listed_on_demand(geotareas: GeoTareas) -> None:
    sold = {"search": "sold truck"}
    assert [
        len(granted(geotareas.cards(**sold, **more))) for more in ({}, {"archived": "false"}, {"archived": "true"})
    ] == [
        0,
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"column_id": "1" * 31}, "GT-206"),
        ({"priority": "high"}, "GT-207"),
        ({"priority": ""}, "GT-207"),
        ({"assignee_id": "1" * 31}, "GT-208"),
        ({"search": "x" * 121}, "GT-209"),
        ({"archived": "TRUE"}, "GT-210"),
    ],
)
def test_cards__with_a_filter_that_is_none(geotareas: GeoTareas, query: dict[str, str], rule: str) -> None:
    refused(geotareas.cards(**query), 400, "VALIDATION_ERROR", rule)


# What every request meets


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE", "TRACE", "POST"])
def test_method__not_offered(geotareas: GeoTareas, method: str) -> None:
    answer = geotareas.call(method, WORKSPACES, None)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert all(name in answer.headers for name in ALWAYS)


@pytest.mark.parametrize(
    "path", ["/", "/apidev/v1", f"{WORKSPACES}/", "/kanban/workspaces", f"{KANBAN}/cards//comments"]
)
def test_path__unknown(geotareas: GeoTareas, path: str) -> None:
    refused(geotareas.call("GET", path, None), 404, "NOT_FOUND", "GT-030")


DEEP = b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b'{"text": "\xc3"}', b'{"text": "\\ud800"}', b'{"text": NaN}', DEEP],
    ids=lambda body: str(body[:16]),
)
def test_body__that_cannot_be_read(geotareas: GeoTareas, body: bytes) -> None:
    for method, path in (
        ("POST", f"{KANBAN}/cards/{SAMPLE_CARD}/comments"),
        ("PUT", f"{KANBAN}/tasks/{STARTED}/state"),
    ):
        answer = geotareas.call(method, path, content=body, headers={"Content-Type": "Application/JSON; charset=utf-8"})
        refused(answer, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"[]", "an array"), (b'"x"', "a string"), (b"null", "null"), (b"true", "true or false"), (b"7", "a number")],
)
def test_body__that_is_no_object_is_told_so(geotareas: GeoTareas, body: bytes, kind: str) -> None:
    path, headers = f"{KANBAN}/cards/{SAMPLE_CARD}/comments", {"Content-Type": "application/json"}
    message = geotareas.call("POST", path, content=body, headers=headers).json()["error"]["message"]
    assert message == f"Body is not a JSON object: expected an object, got {kind}."


def test_prefer__a_status_that_is_not_declared_is_told_with_those_that_are(geotareas: GeoTareas) -> None:
    answer = geotareas.call("GET", WORKSPACES, headers={"Prefer": "code=503"})
    assert answer.json()["error"]["message"].startswith("Prefer: code=503 is not declared here; declared: 200, 400, ")
    refused(answer, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_body__that_does_not_say_it_is_json(geotareas: GeoTareas, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = geotareas.call("POST", f"{KANBAN}/cards/{SAMPLE_CARD}/comments", content=b'{"text": "x"}', headers=headers)
    refused(answer, 400, "BAD_REQUEST", "GT-028")


# Limits


def figures(answer: httpx.Response) -> list[int]:
    return [int(answer.headers[f"X-RateLimit-{part}"]) for part in ("Limit", "Remaining", "Reset")]


def test_limit__counts_what_was_let_in_and_slides(geotareas: GeoTareas) -> None:
    start = 1773938700
    assert figures(geotareas.move("SA")) == [10, 9, start + 60]
    assert figures(geotareas.call("PUT", f"{KANBAN}/tasks/x/state", json={})) == [10, 8, start + 60]
    assert figures(geotareas.call("PUT", f"{KANBAN}/tasks/x/state", "expired", json={})) == [10, 10, start + 60]
    geotareas.turn(advance=30.5)
    for left in range(7, -1, -1):
        assert figures(geotareas.move("SA")) == [10, left, start + 60]
    answer = geotareas.move("FIN", caller="owner")
    assert (figures(answer), answer.headers["Retry-After"]) == ([10, 0, start + 60], "30")
    refused(answer, 429, "RATE_LIMITED", "GT-039")
    assert figures(geotareas.comments()) == [30, 29, start + 91]
    assert figures(geotareas.move("SA", caller="writer")) == [10, 9, start + 91]
    geotareas.turn(advance=29.5)
    assert figures(geotareas.move("SA")) == [10, 1, start + 91]


def test_limit__is_told_where_nobody_is_known(geotareas: GeoTareas) -> None:
    assert figures(geotareas.bare("GET", WORKSPACES, {})) == [30, 30, 1773938760]
    assert figures(geotareas.call("GET", "/no-such-path")) == [30, 30, 1773938760]
    numbers = {geotareas.call("GET", WORKSPACES, None).headers["X-Request-Id"] for _ in range(20)}
    assert len(numbers) == 20


# Switches


def test_cache__stale_lists_live_for_their_time(geotareas: GeoTareas) -> None:
    geotareas.switch(cache="stale")
    before = geotareas.comments(SAMPLE_CARD)
    granted(geotareas.write("Not seen at once"), 201)
    geotareas.turn(advance=14.9)
    again = geotareas.comments(SAMPLE_CARD)
    assert again.content == before.content
    assert again.headers["X-RateLimit-Remaining"] == "28"  # it counts all the same
    assert again.headers["X-Request-Id"] != before.headers["X-Request-Id"]
    assert geotareas.comments(SAMPLE_CARD, limit=10).json()["meta"]["total"] == 4
    geotareas.turn(advance=0.1)
    assert geotareas.comments(SAMPLE_CARD).json()["meta"]["total"] == 4


def test_switches__turn_what_the_documents_leave_open(geotareas: GeoTareas) -> None:
    geotareas.switch(
        error_envelope="without_data", mentions="none", paging_errors="correct", driver_on_other_targets="reject"
    )
    error = geotareas.call("GET", WORKSPACES, None).json()
    assert set(error) == {"success", "error"}
    granted(geotareas.write("@Maria"), 201)
    assert granted(geotareas.comments(SAMPLE_CARD, limit=1))[0]["mentions"] == []
    metas = [
        geotareas.comments(limit=limit, offset=offset).json()["meta"] for limit, offset in (("500", "-1"), ("x", "y"))
    ]
    assert [(meta["limit"], meta["offset"]) for meta in metas] == [(100, 0), (25, 0)]
    assert geotareas.move("USU", driver_id=DRIVER).json()["error"]["code"] == "VALIDATION_ERROR"
    granted(geotareas.move("ASI", ASSIGNED, driver_id=OTHER_DRIVER))


def test_seed__has_what_the_page_promises(geotareas: GeoTareas) -> None:
    assert granted(geotareas.comments(EMPTY_CARD)) == []
    assert len(granted(geotareas.comments(limit=100))) == 60
    texts = json.dumps(granted(geotareas.cards()), ensure_ascii=False)
    assert "lorem" not in texts.lower()
