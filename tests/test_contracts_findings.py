"""What is shown of an exchange: a curl line that works, and no secret."""

from dataclasses import replace

import pytest

from contracts.findings import Exchange, Headers, severity, shorten
from contracts.safety.mask import Mask

TOKEN = "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"
EXCHANGE = Exchange(
    method="PATCH",
    url="http://127.0.0.1:4010/v1/tasks/7",
    path="/tasks/7",
    request_headers=Headers(
        [("Authorization", f"Bearer {TOKEN}"), ("User-Agent", "x"), ("Content-Type", "text/plain")]
    ),
    request_body=b"it's",
    status=200,
    headers=Headers([("Content-Type", "application/json"), ("X-A", "1"), ("x-a", "2")]),
    body=b'{"ok": true}',
    elapsed=0.1,
    operation="updateTask",
    mask=Mask({"owner": {"Authorization": f"Bearer {TOKEN}"}}),
)


def test_headers__are_found_in_any_case_and_joined() -> None:
    assert EXCHANGE.headers["CONTENT-TYPE"] == "application/json"
    assert EXCHANGE.headers.get("X-A") == "1, 2"


def test_curl__names_the_secret_by_a_variable_and_leaves_out_what_is_dull() -> None:
    assert EXCHANGE.curl() == (
        "curl -i -X PATCH http://127.0.0.1:4010/v1/tasks/7 "
        "-H \"authorization: Bearer $OWNER_TOKEN\" -H 'content-type: text/plain' --data-raw 'it'\"'\"'s'"
    )


def test_curl__of_a_body_that_no_shell_can_hold() -> None:
    assert replace(EXCHANGE, request_body=b"\x00\xff").curl().startswith(r"printf '\000\377' | curl -i -X PATCH")
    assert replace(EXCHANGE, request_body=b"\x00\xff").curl().endswith("--data-binary @-")


def test_curl__does_not_expand_a_dollar_that_is_no_variable() -> None:
    headers = Headers([("X-Price", "5 $HOME/x")])
    assert "'x-price: 5 $HOME/x'" in replace(EXCHANGE, request_headers=headers).curl()


def test_shown__bears_no_secret_anywhere() -> None:
    leaky = replace(EXCHANGE, body=TOKEN.encode(), headers=Headers([("Set-Cookie", "sid=1"), ("X-Echo", TOKEN[5:])]))
    told = str(leaky.shown())
    assert TOKEN not in told and TOKEN[5:] not in told and "sid=1" not in told


@pytest.mark.parametrize(
    ("grade", "strict", "expected"),
    [
        ("documented", False, "error"),
        ("published", False, "error"),
        ("assumed", False, "warning"),
        ("assumed", True, "error"),
        (None, False, "error"),
    ],
)
def test_severity__a_tenant_answers_for_what_is_documented(grade: str | None, strict: bool, expected: str) -> None:
    assert severity(grade, strict=strict) == expected


def test_shorten__long_values_end_in_an_ellipsis() -> None:
    assert shorten({"a": "b" * 300}, 20) == '{"a": "bbbbbbbbbbbb…'
