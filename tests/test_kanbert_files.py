"""What hangs on Kanbert's tasks: files, comments and subscriptions."""

from typing import Any

import pytest

from tests.conftest import FROZEN
from tests.kanbert import NOBODY, PROJECT, Kanbert

TASK = "01hkm4spm0swc7eh24e0r9vnnx"
UPLOAD = f"/tasks/{TASK}/upload"
OTHER = "01hkqe6ga08hvcsvf0111bdgxb"  # a task without comments
COMMENT = "01hmns3v20rh5v5zahd44xndwa"
MOST = 15 * 1024 * 1024
MULTIPART = {"Content-Type": "multipart/form-data; boundary=edge"}
URL = "https://hooks.example.com/ours"


def part(head: str, content: bytes = b"text") -> bytes:
    return f"--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n--edge--\r\n"


# Files


def test_upload__is_then_among_the_attachments(kanbert: Kanbert) -> None:
    before = kanbert.read(TASK)
    status, file = kanbert.call("POST", UPLOAD, files={"file": ("bänner.txt", b"Two sizes", "text/markdown")})
    assert (status, list(file)) == (
        201,
        ["id", "file_name", "mime_type", "size", "entity_id", "entity_type", "created_at"],
    )
    assert {name: file[name] for name in file if name != "id"} == {
        "file_name": "bänner.txt",
        "mime_type": "text/markdown",
        "size": 9,
        "entity_id": TASK,
        "entity_type": "task",
        "created_at": FROZEN,
    }
    after = {**before, "attachements": [*before["attachements"], file], "updated_at": FROZEN}
    assert kanbert.read(TASK) == after


def test_upload__twice_is_kept_twice(kanbert: Kanbert) -> None:
    files = [kanbert.call("POST", UPLOAD, files={"file": ("a.txt", b"")})[1] for _ in range(2)]
    assert kanbert.read(TASK)["attachements"][1:] == files
    assert files[0]["id"] != files[1]["id"]


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        ('name="file"; filename="a.pdf"', "a.pdf", "application/pdf"),
        ('name="file"; filename="/etc/b.png"', "b.png", "image/png"),
        (r'name="file"; filename="C:\\temp\\c.csv"', "c.csv", "text/csv"),
        ('name="file"; filename="unknown"', "unknown", "application/octet-stream"),
    ],
)
def test_upload__without_a_type_it_follows_the_name(kanbert: Kanbert, head: str, name: str, kind: str) -> None:
    status, file = kanbert.call("POST", UPLOAD, content=part(head), headers=MULTIPART)
    assert (status, file["file_name"], file["mime_type"]) == (201, name, kind)


@pytest.mark.parametrize(("size", "status"), [(0, 201), (MOST, 201), (MOST + 1, 422), (20_000_000, 422)])
def test_upload__has_at_most_15_mb(kanbert: Kanbert, size: int, status: int) -> None:
    got, answer = kanbert.call("POST", UPLOAD, files={"file": ("a.bin", b"x" * size)})
    assert got == status
    if status == 422:
        assert answer["errors"] == {"file": ["The file is too large."]}
    else:
        assert answer["size"] == size


def test_upload__a_request_far_above_that(kanbert: Kanbert) -> None:
    answer = kanbert.call("POST", UPLOAD, files={"file": ("a.bin", b"x" * 40_000_000)})
    assert answer == (413, {"message": "The request is too large."})


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (part('name="file"'), MULTIPART),
        (part('name="file"; filename=""'), MULTIPART),
        (part('name="other"; filename="a.txt"'), MULTIPART),
        (b"", MULTIPART),
        (part('name="file"; filename="a.txt"')[:-5], MULTIPART),
        (part('name="file"; filename="a.txt"'), {"Content-Type": "multipart/form-data"}),
        (part('name="file"; filename="a.txt"'), {"Content-Type": "multipart/form-data; boundary=other"}),
        (b'{"file": "text"}', {"Content-Type": "application/json"}),
        (b"file=text", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"", {}),
    ],
)
def test_upload__that_is_no_file(kanbert: Kanbert, content: bytes, headers: dict[str, str]) -> None:
    assert list(kanbert.refused("POST", UPLOAD, content=content, headers=headers)) == ["file"]
    assert len(kanbert.read(TASK)["attachements"]) == 1


def test_upload__the_first_part_of_that_name_counts(kanbert: Kanbert) -> None:
    files: Any = [("other", ("x", b"x")), ("file", ("a.txt", b"a")), ("file", ("b.txt", b"bb"))]
    assert kanbert.call("POST", UPLOAD, files=files)[1]["file_name"] == "a.txt"


def test_upload__to_a_task_by_its_key_for_people(kanbert: Kanbert) -> None:
    status, file = kanbert.call("POST", "/tasks/ACME-1/upload?find_by=uri", files={"file": ("a", b"a")})
    assert (status, file["entity_id"]) == (201, TASK)


# Comments


def test_create_comment__with_what_is_required(kanbert: Kanbert) -> None:
    before = kanbert.read(TASK)
    status, comment = kanbert.call("POST", "/tasks/comments", json={"task_id": TASK, "comment": " <p>Done.</p> "})
    connector = kanbert.named("ACME-3")["assignee"]
    assert (status, {name: comment[name] for name in comment if name != "id"}) == (
        201,
        {
            "task_id": TASK,
            "parent_comment_id": None,
            "comment": "<p>Done.</p>",
            "is_public": True,
            "external_id": None,
            "external_origin": None,
            "created_by": connector,
            "created_at": FROZEN,
            "updated_at": FROZEN,
        },
    )
    assert kanbert.read(TASK) == before


def test_create_comment__as_an_answer_from_another_system(kanbert: Kanbert) -> None:
    sent = {
        "task_id": TASK,
        "comment": "<p>Thanks</p>",
        "parent_comment_id": COMMENT,
        "external_id": "c-1",
        "is_public": False,
    }
    for origin in ({}, {"external_origin": "crm"}):
        status, comment = kanbert.call("POST", "/tasks/comments", json={**sent, **origin})
        expected = {**sent, "external_origin": "mock-integration", **origin}
        assert (status, {name: comment[name] for name in expected}) == (201, expected)


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ({}, ["task_id", "comment"]),
        ({"task_id": TASK, "comment": " "}, ["comment"]),
        ({"task_id": TASK, "comment": "x" * 65536, "is_public": "yes"}, ["comment", "is_public"]),
        ({"task_id": NOBODY, "comment": "x", "parent_comment_id": COMMENT}, ["task_id", "parent_comment_id"]),
        ({"task_id": "01hkpq6dm0xzh1vk67q17v05s5", "comment": "x"}, ["task_id"]),
        (
            {"task_id": OTHER, "comment": "x", "parent_comment_id": COMMENT},
            ["parent_comment_id"],
        ),
    ],
)
def test_create_comment__refused(kanbert: Kanbert, sent: dict[str, Any], names: list[str]) -> None:
    assert list(kanbert.refused("POST", "/tasks/comments", json=sent)) == names


# Subscriptions


def test_webhooks__are_made_listed_and_ended(kanbert: Kanbert) -> None:
    sent = {"url": URL, "events": ["task:*"], "project_id": PROJECT}
    status, made = kanbert.call("POST", "/webhooks", json=sent)
    assert (status, list(made)) == (
        201,
        ["id", "url", "events", "project_id", "client_id", "is_active", "secret", "created_at"],
    )
    assert {name: made[name] for name in sent} == sent
    assert (made["client_id"], made["is_active"], made["created_at"]) == (None, True, FROZEN)
    assert made["secret"]
    _, page = kanbert.call("GET", "/webhooks")
    assert [one["id"] for one in page["data"]] == ["01hm6fwag0kz89vgsn8qwwr6dr", made["id"]]
    assert kanbert.call("DELETE", f"/webhooks/{made['id']}") == (200, made)
    assert kanbert.call("DELETE", f"/webhooks/{made['id']}") == (404, {"message": "Webhook not found."})


def test_webhooks__are_their_makers(kanbert: Kanbert) -> None:
    path = "/webhooks/01hm6fwag0kz89vgsn8qwwr6dr"
    assert kanbert.call("DELETE", path, "outsider") == (404, {"message": "Webhook not found."})
    assert kanbert.call("GET", "/webhooks", "outsider")[1]["data"] == []
    assert kanbert.call("DELETE", path, "subscriber")[0] == 200


def test_webhooks__sorts_filters_and_pages(kanbert: Kanbert) -> None:
    for name in ("b", "A", "c"):
        sent = {
            "url": f"https://{name}.example/",
            "events": ["project:update"],
            "client_id": kanbert.tenant.known["client_id"],
        }
        assert kanbert.call("POST", "/webhooks", json=sent)[0] == 201

    def urls(**query: str) -> list[str]:
        status, page = kanbert.call("GET", "/webhooks", params=query)
        assert status == 200, page
        return [one["url"].removeprefix("https://")[:1] for one in page["data"]]

    assert urls(sort="url") == ["A", "b", "c", "h"]
    assert urls(sort="is_active,-url") == ["h", "c", "b", "A"]
    assert urls(filter="url contains EXAMPLE/ and created_at eq today", sort="-url") == ["c", "b", "A"]
    assert urls(**{"page[size]": "1"}) == ["h"]
    for query in ("sort=id", "filter=is_active eq true"):
        assert kanbert.call("GET", f"/webhooks?{query}")[0] == 400


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ({}, ["url", "events", "project_id"]),
        ({"url": "ftp://x.example", "events": ["task:create"], "project_id": PROJECT}, ["url"]),
        ({"url": "x", "events": ["Task:create", "task"], "project_id": PROJECT}, ["url", "events.0", "events.1"]),
        ({"url": URL, "events": [], "project_id": PROJECT}, ["events"]),
        ({"url": URL, "events": ["task:*"]}, ["project_id"]),
        ({"url": URL, "events": ["comment:create"], "client_id": "01heq2hvm0rjc14gxernnt8h4s"}, ["project_id"]),
        ({"url": URL, "events": ["project:*"]}, ["project_id"]),
        ({"url": URL, "events": ["project:*"], "client_id": NOBODY}, ["client_id"]),
        ({"url": URL, "events": ["task:*"], "project_id": "01hfbnqkm0rnwjkv8m120h921v"}, ["project_id"]),
    ],
)
def test_create_webhook__refused(kanbert: Kanbert, sent: dict[str, Any], names: list[str]) -> None:
    assert list(kanbert.refused("POST", "/webhooks", json=sent)) == names


def test_create_webhook__a_blank_event_is_missing_not_misspelt(kanbert: Kanbert) -> None:
    sent = {"url": URL, "events": [" ", "task"], "project_id": PROJECT}
    assert kanbert.refused("POST", "/webhooks", json=sent) == {
        "events.0": ["The events.0 field is required."],
        "events.1": ["The events.1 field format is invalid."],
    }
