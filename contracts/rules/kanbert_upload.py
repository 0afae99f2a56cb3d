"""Kanbert: files of a task, and what a subscription of webhooks has to be."""

from collections.abc import Iterator
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_exactly,
    expect_status,
    known,
    moment,
    stand_in,
    tick,
)
from contracts.findings import NotJudged
from contracts.laws.terms import Record, brief, short
from contracts.rules import rule
from contracts.rules.kanbert_steps import Task, file_of, get, make, read, refused, upload
from contracts.tenant import Answer, Tenant

_MOST = 15 * 1024 * 1024


def _file(name: str = "report.pdf", kind: str | None = "application/pdf", content: bytes = b"%PDF") -> dict[str, Any]:
    return {"file": (name, kind, content)}


@rule("KB-413", "KB-414")
def the_file_is_a_part_of_a_multipart_body(tenant: Tenant) -> None:
    task = make(tenant)
    shown = file_of(upload(tenant, task["id"], _file(content=bytes(range(256)))))
    expect_equal("the size of a file of all bytes", 256, shown["size"])
    for what, answer in (
        ("an upload without a body", tenant.call("uploadAttachment", path={"id": task["id"]})),
        ("an upload in JSON", tenant.call("uploadAttachment", path={"id": task["id"]}, json={"file": "x"})),
        ("an upload of another part", upload(tenant, task["id"], {"document": ("a.txt", "text/plain", b"x")})),
    ):
        refused(tenant, answer, what, "file", room=(400, 415))
    expect_equal("the files after the refusals", 1, len(read(tenant, task["id"])["attachements"]))


@rule("KB-415", "KB-416", "KB-417")
def a_file_has_at_most_15_mb(tenant: Tenant) -> None:
    task = make(tenant)
    good, bad = (_MOST, _MOST + 1) if tenant.is_mock else (15_000_000, 16_000_000)
    answer = upload(tenant, task["id"], _file(content=b"x" * good))
    expect_equal(f"the size of a file of {good} bytes", good, file_of(answer)["size"])
    answer = upload(tenant, task["id"], _file(content=b"x" * bad))
    if answer.status != 413 or tenant.is_mock:
        refused(tenant, answer, f"a file of {bad} bytes", "file", room=(413,))
    expect_equal("the files after one that is too large", 1, len(read(tenant, task["id"])["attachements"]))


@rule("KB-418", "KB-419")
def what_is_no_file_is_refused(tenant: Tenant) -> None:
    task = make(tenant)
    content = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nstring\r\n--x--\r\n'
    kinds = {
        "a part without a file name": ("multipart/form-data; boundary=x", content),
        "no part": ("multipart/form-data; boundary=x", b"--x--\r\n"),
        "another boundary": ("multipart/form-data; boundary=y", content),
        "no boundary": ("multipart/form-data", content),
        "JSON": ("application/json", b'{"file": "string"}'),
        "a form": ("application/x-www-form-urlencoded", b"file=string"),
        "plain text": ("text/plain", b"string"),
    }
    for what, (kind, body) in kinds.items():
        answer = tenant.send("POST", f"/tasks/{task['id']}/upload", content=body, headers={"Content-Type": kind})
        refused(tenant, answer, f"uploadAttachment with {what}", "file", room=(400, 415))
    expect_equal("the files after the refusals", [], read(tenant, task["id"])["attachements"])


@rule("KB-421")
def an_upload_answers_201(tenant: Tenant) -> None:
    answer = upload(tenant, make(tenant)["id"])
    expect_exactly(answer, "uploadAttachment", *((201,) if tenant.is_mock else (200, 201)))


_FILES: tuple[tuple[str, str | None, bytes, str], ...] = (  # name, type, content, the type that is told
    ("report.pdf", "application/pdf", b"%PDF-1.7 one", "application/pdf"),
    ("Übersicht 2024.csv", "text/csv", "a;ü\n".encode(), "text/csv"),
    ("picture.png", None, b"\x89PNG", "image/png"),
    ("nobody-knows", None, b"\x00\x01", "application/octet-stream"),
    ("photo.png", "image/jpeg", b"x" * 4096, "image/jpeg"),
)


def _uploaded(tenant: Tenant) -> Iterator[tuple[str, bytes, str, Record, Task]]:
    """Each file's name, content and type, what was told of it, and its task."""
    task = make(tenant)
    for name, kind, content, expected in _FILES:
        yield name, content, expected, file_of(upload(tenant, task["id"], _file(name, kind, content))), task


@rule("KB-422")
def a_file_keeps_its_name(tenant: Tenant) -> None:
    stand_in(tenant)
    for name, _, _, told, _ in _uploaded(tenant):
        expect_equal("file_name", name, told["file_name"])


@rule("KB-423")
def a_file_has_the_type_of_its_part_or_of_its_name(tenant: Tenant) -> None:
    stand_in(tenant)
    for name, _, expected, told, _ in _uploaded(tenant):
        expect_equal(f"mime_type of {name}", expected, told["mime_type"])


@rule("KB-424")
def a_file_is_as_large_as_what_was_sent(tenant: Tenant) -> None:
    for name, content, _, told, _ in _uploaded(tenant):
        expect_equal(f"size of {name}", len(content), told["size"])


@rule("KB-425")
def a_file_is_of_its_task(tenant: Tenant) -> None:
    for name, _, _, told, task in _uploaded(tenant):
        expect_equal(f"entity_id of {name}", task["id"], told["entity_id"])


@rule("KB-426")
def a_file_is_of_a_task(tenant: Tenant) -> None:
    stand_in(tenant)
    for name, _, _, told, _ in _uploaded(tenant):
        expect_equal(f"entity_type of {name}", "task", told["entity_type"])


@rule("KB-429")
def a_file_may_be_empty(tenant: Tenant) -> None:
    stand_in(tenant)
    task = make(tenant)
    told = file_of(upload(tenant, task["id"], _file("empty.txt", "text/plain", b"")))
    expect_equal("the size of an empty file", 0, told["size"])
    expect_equal("the files of the task", [told], read(tenant, task["id"])["attachements"])


@rule("KB-427", "KB-428")
def files_stand_in_their_task(tenant: Tenant) -> None:
    task, other = make(tenant), make(tenant)
    told = [file_of(upload(tenant, task["id"])) for _ in range(2)]
    told.append(file_of(upload(tenant, task["id"], _file())))
    kept = read(tenant, task["id"])["attachements"]
    if tenant.is_mock:
        expect_equal("the files of the task", told, kept)
    else:
        there = {each["id"] for each in kept}
        for file in (told[0], told[-1]):  # it may keep equal files once
            expect(file["id"] in there, f"expected the file {file['id']} in {short(kept)}")
    expect(len({each["id"] for each in told}) == len(told), "two files have the same id")
    expect_equal("the files of another task", [], read(tenant, other["id"])["attachements"])


@rule("KB-430")
def an_upload_is_a_change(tenant: Tenant) -> None:
    task = make(tenant)
    tick(tenant)
    file_of(upload(tenant, task["id"]))
    now = read(tenant, task["id"])
    if not tenant.is_mock:
        raise NotJudged("a tenant's times are not compared")
    expect(moment(now, "updated_at") > moment(task, "updated_at"), f"updated_at stayed {now['updated_at']}")
    expect_equal("created_at after an upload", task["created_at"], now["created_at"])
    expect_status(get(tenant, task["id"]), "getTask", 200)


def _subscribe(tenant: Tenant, **fields: Any) -> Answer:
    body = {"url": "https://hooks.example.com/rules", "events": ["task:create"], "is_active": False, **fields}
    return tenant.call("createWebhook", json=body)


@rule("KB-461")
def subscriptions_are_limited(tenant: Tenant) -> None:
    stand_in(tenant, "subscriptions are left alone on a tenant")
    project, client = known(tenant, "project_id"), known(tenant, "client_id")
    for events in (["task:*"], ["task:create"], ["comment:*"], ["project:update", "task:delete"]):
        for scope in ({}, {"client_id": client}):
            answer = _subscribe(tenant, events=events, **scope)
            refused(tenant, answer, f"createWebhook of {short(events)} with {short(scope)}", "project_id")
        expect_status(_subscribe(tenant, events=events, project_id=project), f"createWebhook of {short(events)}", 201)
    refused(tenant, _subscribe(tenant, events=["project:update"]), "createWebhook of a project's events", "project_id")
    for scope in ({"client_id": client}, {"project_id": project}):
        expect_status(_subscribe(tenant, events=["project:update"], **scope), f"createWebhook with {short(scope)}", 201)


@rule("KB-470")
def a_subscription_has_a_url_and_events(tenant: Tenant) -> None:
    stand_in(tenant, "subscriptions are left alone on a tenant")
    project = known(tenant, "project_id")
    for field, wrong in (
        ("url", None), ("url", ""), ("url", "ftp://example.com/x"), ("url", "no address"), ("url", 5),
        ("events", None), ("events", []), ("events", "task:create"),
        ("project_id", tenant.unknown_id("projects")), ("secret", 5), ("is_active", "yes"),
    ):  # fmt: skip
        answer = _subscribe(tenant, **{"project_id": project, field: wrong})
        refused(tenant, answer, f"createWebhook with {field} {short(wrong)}", field)
    body = {"url": "http://hooks.example.com/rules", "events": ["task:create"], "project_id": project}
    made = tenant.call("createWebhook", json=body)
    expect_status(made, "createWebhook", 201)
    told = made.json()
    expect_equal("is_active of a subscription made without it", True, told["is_active"])
    secret = told.get("secret")
    expect(isinstance(secret, str) and len(secret) > 7, f"expected a secret to be made up, got {brief(made)}", made)
    given = _subscribe(tenant, project_id=project, secret="of my own").json()
    expect_equal("a secret that was sent", "of my own", given["secret"])
    tenant.call("deleteWebhook", path={"id": told["id"]})
