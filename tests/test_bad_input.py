"""Bad input over HTTP, on a real server: the vendor's refusal in its envelope, never a 5xx, and the server goes on.

What is no HTTP any more is in test_bad_http.py.
"""

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Tenant

QUOTA_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
JSON = {"Content-Type": "application/json"}
PIECE = b"x" * 65536


def ascii_head(value: str) -> str:
    """A short name of a parameter."""
    return ascii(value[:24])


@pytest.fixture(autouse=True)
def lives_on(remote: Tenant) -> Iterator[None]:
    """After each test the server answers as ever, at once."""
    yield
    started = time.monotonic()
    assert remote.call("GET", f"/tasks/{remote.known['task_id']}").status_code == 200
    assert time.monotonic() - started < 10


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert all(name in answer.headers for name in QUOTA_HEADERS)
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.content) < 2000


def post(tenant: Tenant, body: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
    return tenant.call("POST", "/tasks", content=body, headers={**JSON, **headers})


def task_body(tenant: Tenant, rest: str) -> bytes:
    """A good body with this text behind its fields."""
    return f'{{"projectId": "{tenant.known["project_id"]}", "label": "x", {rest}}}'.encode("utf-8", "surrogatepass")


# Bodies


@pytest.mark.parametrize(
    "rest",
    [
        '"label": "twice"',
        '"deep": {"a": 1, "a": 2}',
        '"status": 1e999',
        '"status": -1e999',
        '"more": 1e999',
        '"more": 1' + "0" * 400,
        '"status": 1' + "0" * 400,
        '"status": NaN',
        '"more": Infinity',
        '"more": -Infinity',
        '"description": "\\ud800"',
        '"more": "\\udc00\\ud800"',
        '"\\ud800": 1',
        '"description": "\ud800"',
        '"description": "a\0b"',
        '"description": "a\\u0000b"',
        '"more": "\0"',
        '"description": "\n"',
        '"more": "\\x41"',
        '"more": 01',
        '"more": +1',
        '"more": .5',
        '"more": 0x10',
        '"more": True',
        '"more": undefined',
        "\"more\": 'a'",
        '"more": [1,]',
        "// a comment",
        '"more": ' + "[" * 100_000,
        '"more": ' + "[" * 100_000 + "]" * 100_000,
        '"more": ' + '{"a":' * 100_000 + "1" + "}" * 100_000,
        '"description": ' + "[" * 900 + "]" * 900,
        '"status": ' + '{"a":' * 400 + "1" + "}" * 400,
    ],
    ids=ascii_head,
)
def test_body__that_is_not_quite_json_or_not_quite_right(remote: Tenant, rest: str) -> None:
    refused(post(remote, task_body(remote, rest)), 400, "invalid_request")
    assert len(remote.listed(remote.known["project_id"])) == 3


@pytest.mark.parametrize(
    "rest",
    [
        '"more": "\\u0000"',
        '"more": ' + "9" * 300,
        '"more": 1e308',
        '"more": 1e-999',
        '"more": ' + "[" * 800 + "]" * 800,
        '"more": [' + "1," * 100_000 + "1]",
        '"__proto__": {"admin": true}',
        '"": null',
        '"description": "\\ud83d\\ude00"',
        '"status": 1.0',
    ],
    ids=ascii_head,
)
def test_body__that_is_odd_but_right_is_taken(remote: Tenant, rest: str) -> None:
    assert post(remote, task_body(remote, rest)).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b"nul",
        b"\xff\xfe",
        b"\x00",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"\x1f\x8b\x08",
        b"a=b",
    ],
    ids=repr,
)
def test_body__that_is_no_json(remote: Tenant, body: bytes) -> None:
    refused(post(remote, body), 400, "invalid_request")
    refused(
        remote.call("PATCH", f"/tasks/{remote.known['task_id']}", content=body, headers=JSON), 400, "invalid_request"
    )


@pytest.mark.parametrize("encoding", ["gzip", "br", "nonsense"])
def test_body__compressed_is_not_read(remote: Tenant, encoding: str) -> None:
    refused(post(remote, b"\x1f\x8b\x08\x00", **{"Content-Encoding": encoding}), 400, "invalid_request")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        ";",
        "/",
        "json",
        "text/json",
        "application/json,text/plain",
        "multipart/form-data; boundary=x",
        "\xe9/\xff",
    ],
    ids=ascii,
)
def test_content_type__that_is_no_json(remote: Tenant, content_type: str) -> None:
    headers = {"Content-Type": content_type.encode("latin-1")}
    answer = remote.call("POST", "/tasks", content=task_body(remote, '"status": 0'), headers=headers)
    refused(answer, 400, "invalid_request")


@pytest.mark.parametrize("content_type", ["application/json;charset=latin-1", "APPLICATION/JSON ; a=b"])
def test_content_type__that_is_json_is_read_as_utf_8(remote: Tenant, content_type: str) -> None:
    body = task_body(remote, '"description": "ü"')
    answer = post(remote, body, **{"Content-Type": content_type})
    assert (answer.status_code, answer.json()["task"]["description"]) == (201, "ü")


def test_body__of_5_mb(remote: Tenant) -> None:
    body = task_body(remote, '"description": "' + "x" * 5_000_000 + '"')
    refused(post(remote, body), 400, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/tasks", 400, "invalid_request"),
        ("POST", "/nowhere", 404, "not_found"),
        ("PUT", "/boards", 405, "method_not_allowed"),
    ],
)
def test_body__of_100_mb_in_chunks(remote: Tenant, method: str, path: str, status: int, code: str) -> None:
    answer = remote.call(method, path, content=(PIECE for _ in range(1600)), headers=JSON)
    refused(answer, status, code)


def test_body__of_100_mb_without_credentials(remote: Tenant) -> None:
    answer = remote.call("POST", "/tasks", None, content=(PIECE for _ in range(1600)), headers=JSON)
    refused(answer, 401, "invalid_token")


def test_body__where_none_belongs_is_ignored(remote: Tenant) -> None:
    answer = remote.call("GET", "/boards", content=PIECE * 80, headers=JSON)
    assert answer.status_code == 200


def test_body__in_many_small_chunks(remote: Tenant) -> None:
    body = task_body(remote, '"status": 2')
    answer = post(remote, (bytes([byte]) for byte in body))
    assert (answer.status_code, answer.json()["task"]["status"]) == (201, 2)


# Paths


@pytest.mark.parametrize(
    "segment",
    [
        "%00",
        "%ff",
        "%ED%A0%80",
        "%2F",
        "a%2Fb",
        "%2e%2e",
        "%",
        "%zz",
        "%25",
        "%E2%98%83",
        "~",
        "x" * 60_000,
        "%0d%0aX:1",
    ],
    ids=ascii_head,
)
def test_path__id_that_is_none(remote: Tenant, segment: str) -> None:
    answer = remote.call("GET", f"/tasks/{segment}")
    refused(answer, 400, "invalid_request")
    assert "X" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/tasks//",
        "//tasks",
        "/tasks%2Fx",
        "/tasks/x/..%2f..",
        "/ta%00sks",
        "/%ff",
        "/.%2e/tasks",
        "/boards/x/projects/",
    ],
)
def test_path__that_leads_nowhere(remote: Tenant, path: str) -> None:
    refused(remote.call("GET", path), 404, "not_found")


def test_path__percent_encoded_where_it_need_not_be_is_the_same(remote: Tenant) -> None:
    assert remote.call("GET", "/bo%61rds").json() == remote.call("GET", "/boards").json()


@pytest.mark.parametrize(
    "query", ["?" + "x" * 60_000, "?%ff=%00&&==", "?limit=-1&limit=x", "?[]=&a[b]=c", "?"], ids=ascii_head
)
def test_query__that_nobody_asked_for_is_ignored(remote: Tenant, query: str) -> None:
    assert remote.call("GET", f"/boards{query}").status_code == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/_mock", "/_mock/nothing", "/%00", "//", "/kanmans/v1/boards"])
def test_path__outside_of_every_vendor_says_where_they_are(remote: Tenant, path: str) -> None:
    answer = remote.client.get(path)
    assert answer.status_code == 404
    assert "/_mock/health" in json.dumps(answer.json())


# Headers


def test_headers__five_hundred_of_them(remote: Tenant) -> None:
    headers = {f"X-Odd-{number}": str(number) for number in range(500)}
    assert remote.call("GET", "/boards", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["X-Odd", "Prefer", "Cookie", "User-Agent", "Accept", "Origin", "Accept-Encoding"])
def test_headers__of_60_kb(remote: Tenant, name: str) -> None:
    assert remote.call("GET", "/boards", headers={name: "a" * 60_000}).status_code == 200


def test_headers__credential_of_60_kb(remote: Tenant) -> None:
    refused(remote.call("GET", "/boards", headers={"Authorization": "Bearer " + "k" * 60_000}), 401, "invalid_token")


@pytest.mark.parametrize("name", ["Accept", "Cookie", "Prefer", "Host", "Origin", "X-Mock-World"])
def test_headers__with_bytes_of_no_alphabet(remote: Tenant, name: str) -> None:
    assert remote.call("GET", "/boards", headers={name: b"\xff\xfe\x80 \xe9"}).status_code == 200


@pytest.mark.parametrize("credential", [b"Bearer \xff", b"\xff", b"Bearer km_\xe9", b"Basic \xff\xff"])
def test_headers__credential_of_no_alphabet(remote: Tenant, credential: bytes) -> None:
    refused(remote.call("GET", "/boards", headers={"Authorization": credential}), 401, "invalid_token")


def test_headers__two_credentials_are_one_refusal_or_the_first(remote: Tenant) -> None:
    good = remote.headers_of("owner")["Authorization"]
    url = remote.vendor.mount + "/boards"
    statuses = [
        remote.client.get(url, headers=[("Authorization", first), ("Authorization", second)]).status_code
        for first, second in ((good, "Bearer no"), ("Bearer no", good))
    ]
    assert statuses == [200, 401]


@pytest.mark.parametrize("word", ["bearer", "BEARER", "bEaReR"])
def test_headers__bearer_in_any_case(remote: Tenant, word: str) -> None:
    token = remote.vendor.callers["owner"].token
    assert remote.call("GET", "/boards", headers={"Authorization": f"{word} {token}"}).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=0.9", "*/*;q=0", "nonsense", ""])
def test_headers__accept_of_another_type_is_answered_in_json(remote: Tenant, accept: str) -> None:
    answer = remote.call("GET", "/boards", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


# Prefer


@pytest.mark.parametrize(
    "prefer",
    [
        "code=999",
        "code=abc",
        "code=",
        "code=²".encode(),
        "example=none",
        "delay=-1",
        "delay=nan",
        "delay=1e9",
        "delay=",
    ],
)
def test_prefer__what_cannot_be_is_refused(remote: Tenant, prefer: str) -> None:
    answer = remote.call("GET", "/boards", headers={"Prefer": prefer})
    refused(answer, 400, "invalid_request")
    assert "Prefer" in answer.json()["error"]["details"]["fields"]
    assert "X-Mock-Rule" not in answer.headers


@pytest.mark.parametrize("prefer", ["", "=", ";;,", "return=minimal", "codes=404", "delay=0", b"\xff=1"])
def test_prefer__what_asks_for_nothing_of_ours_changes_nothing(remote: Tenant, prefer: str) -> None:
    answer = remote.call("GET", "/boards", headers={"Prefer": prefer})
    assert answer.status_code == 200


@pytest.mark.parametrize("code", ["400", "401", "403", "404", "405", "429", "500", "503"])
def test_prefer__code_answers_it_from_the_document_without_counting(remote: Tenant, code: str) -> None:
    answer = remote.call("GET", f"/tasks/{remote.known['task_id']}", None, headers={"Prefer": f"code={code}"})
    assert answer.status_code == int(code)
    assert answer.json()["error"]["code"]
    assert answer.headers["X-RateLimit-Remaining"] == "12000"
    assert (answer.headers.get("Allow") == "DELETE, GET, PATCH") == (code == "405")


def test_prefer__code_changes_nothing(remote: Tenant) -> None:
    task = f"/tasks/{remote.known['task_id']}"
    assert remote.call("DELETE", task, headers={"Prefer": "code=200"}).json() == {"success": True}
    assert remote.call("GET", task).status_code == 200


def test_prefer__example_of_the_document(remote: Tenant) -> None:
    answer = remote.call("GET", f"/tasks/{remote.known['task_id']}", headers={"Prefer": "example=withoutDescription"})
    assert (answer.status_code, answer.json()["task"]["description"]) == (200, None)


def test_prefer__delay_waits_and_answers_the_same(remote: Tenant) -> None:
    started = time.monotonic()
    answer = remote.call("GET", "/boards", headers={"Prefer": "delay=0.3"})
    assert time.monotonic() - started >= 0.3
    assert answer.json() == remote.call("GET", "/boards").json()
