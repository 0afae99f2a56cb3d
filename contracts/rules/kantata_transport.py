"""Kantata OX: paths, tokens, headers, and the forms in which a body may come."""

from collections.abc import Iterator
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_kept,
    expect_status,
    known,
    tick,
)
from contracts.laws.terms import brief, record_of
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    CHOICES,
    SETS,
    Opened,
    apply_sets,
    create,
    faults,
    fields,
    get,
    home,
    make_set,
    name,
    of_set,
    opened,
    page,
    post,
    put,
    read,
    refused,
    remove,
    single,
    stand_in,
)
from contracts.tenant import Answer, Tenant

_TEN_YEARS = 10 * 365.25 * 86400
_UNTRUE = b'{"custom_task_status": {"status": '
_WRITES = (
    ("POST", "/custom_task_statuses"),
    ("PUT", "/custom_task_statuses/{status}"),
    ("POST", "/task_status_sets"),
    ("PUT", "/task_status_sets/{set}"),
    ("PUT", "/workspace_task_status_sets/bulk_update"),
)


@rule("KX-003", "KX-004")
def a_suffix_changes_nothing(tenant: Tenant) -> None:
    status = create(tenant)
    paths = ["/custom_task_statuses", f"/custom_task_statuses/{status['id']}", "/task_status_sets"]
    paths.append(f"/task_status_sets/{home(tenant)}")
    for path in paths:
        side = "task_status_set" if "custom" in path else "custom_task_statuses"
        for query in ({}, {"include": side}):
            plain, suffixed = (tenant.send("GET", each, query=query) for each in (path, f"{path}.json"))
            expect_status(suffixed, f"GET {path}.json", 200)
            expect_equal(f"GET {path}.json", plain.json(), suffixed.json(), suffixed)
    nowhere = f"/custom_task_statuses/{tenant.unknown_id('custom_task_statuses')}.json"
    expect_status(tenant.send("GET", nowhere), f"GET {nowhere}", 404)
    address = f"{paths[1]}.json"
    renamed = {"custom_task_status": {"status": name(tenant, "By suffix")}}
    expect_status(tenant.send("PUT", address, json=renamed), f"PUT {address}", 200)
    expect_equal("the name after it", renamed["custom_task_status"]["status"], read(tenant, status)["status"])
    expect_status(tenant.send("DELETE", address), f"DELETE {address}", 204)
    expect_status(get(tenant, status), "a read after it", 404)
    if tenant.is_mock:
        made = tenant.send("POST", "/custom_task_statuses.json", json={"custom_task_status": fields(tenant)})
        read(tenant, single(made, "POST /custom_task_statuses.json"))


@rule("KX-006")
def a_token_is_good_for_years(tenant: Tenant) -> None:
    clock = tenant.needs_clock()
    status = create(tenant)
    clock.advance(_TEN_YEARS)
    expect_status(get(tenant, status), "a read with a token that is ten years old", 200)
    expect_status(put(tenant, status, {"status": name(tenant, "Much later")}), "a change with it", 200)


@rule("KX-009")
def a_bad_token_is_told_in_these_words(tenant: Tenant) -> None:
    sent: list[dict[str, str]] = [{}, {"Authorization": "Bearer 0123456789"}, {"Authorization": "Basic abc"}]
    sent += [tenant.headers("revoked")] if "revoked" in tenant.callers else []
    for headers in sent:
        for path in (
            "/custom_task_statuses",
            f"/custom_task_statuses/{known(tenant, 'status_id')}",
            "/task_status_sets",
        ):
            answer = tenant.send("GET", path, caller=None, headers=headers)
            expect_status(answer, f"GET {path} without a good token", 401)
            if tenant.is_mock:
                told = {"errors": [{"type": "oauth", "message": "Invalid OAuth 2 Request"}]}
                expect_equal("the body of a 401", told, answer.json(), answer)


@rule("KX-015")
def no_header_tells_of_a_limit(tenant: Tenant) -> None:
    _ordinary(tenant)
    for exchange in tenant.exchanges:
        if exchange.status in (429, 503):
            continue
        told = [key for key in exchange.headers if "ratelimit" in key.replace("-", "") or key == "retry-after"]
        expect(not told, f"{exchange.method} {exchange.path}: expected no header of a limit, got {', '.join(told)}")


@rule("KX-017")
def bodies_are_json_in_utf8(tenant: Tenant) -> None:
    for answer in _ordinary(tenant):
        given = answer.headers.get("content-type", "none")
        is_so = given == "application/json; charset=utf-8"
        if not tenant.is_mock:
            is_so = given.lower().replace(" ", "") == "application/json;charset=utf-8"
        expect(
            is_so, f"expected the content type application/json; charset=utf-8, got {given} ({brief(answer)})", answer
        )


def _ordinary(tenant: Tenant) -> list[Answer]:
    """Answers with a body: successes and refusals of each kind."""
    status = create(tenant)
    return [
        page(tenant).answer,
        get(tenant, status),
        post(tenant, fields(tenant)),
        put(tenant, status, {}),
        put(tenant, status, {"status": ""}),
        tenant.call("createCustomTaskStatus", json={}),
        tenant.call("getCustomTaskStatus", path={"id": tenant.unknown_id("custom_task_statuses")}),
        tenant.send("GET", "/no-such-path"),
        tenant.send("GET", "/custom_task_statuses", caller=None),
    ]


# Forms


def _form(tenant: Tenant, **sent: Any) -> dict[str, str]:
    return {f"custom_task_status[{key}]": str(value) for key, value in fields(tenant, **sent).items()}


@rule("KX-022")
def a_create_by_form_succeeds(tenant: Tenant) -> None:
    form = _form(tenant, category="needs info")
    made = single(tenant.call("createCustomTaskStatus", form=form), "POST of a form")
    expect_kept("a read after a create by form", made, read(tenant, made))


@rule("KX-021")
def a_form_means_what_json_means(tenant: Tenant) -> None:
    text = name(tenant, "Form & text = 100 % ünï")
    form = _form(tenant, status=text, category="completed")
    made = single(tenant.call("createCustomTaskStatus", form=form), "POST of a form")
    expect_equal("the status of a create by form", text, made["status"])
    expect_equal("the category of a create by form", "completed", made["category"])
    again = tenant.call("createCustomTaskStatus", form=form)
    refused(tenant, again, "POST of the same form again", "status")
    path, renamed = {"id": made["id"]}, name(tenant, "Renamed by form")
    answer = tenant.call("updateCustomTaskStatus", path=path, form={"custom_task_status[status]": renamed})
    expect_equal("the status of an update by form", renamed, single(answer, "PUT of a form")["status"])
    expect_equal("a read after it", renamed, read(tenant, made)["status"])
    bare = tenant.call("createCustomTaskStatus", form={"custom_task_status": "x"})
    expect_status(bare, "POST of a form whose wrapper is a text", 400, *(() if tenant.is_mock else (422,)))
    if tenant.is_mock:
        _sets_by_form(tenant)


def _sets_by_form(tenant: Tenant) -> None:
    texts = name(tenant, "Set by form"), name(tenant, "Renamed by form")
    made = single(tenant.call("createTaskStatusSet", form={"task_status_set[name]": texts[0]}), "a form", SETS)
    expect_equal("the name of a set made by form", texts[0], made["name"])
    path, form = {"id": made["id"]}, {"task_status_set[name]": texts[1]}
    changed = single(tenant.call("updateTaskStatusSet", path=path, form=form), "a form", SETS)
    expect_equal("the name of a set changed by form", texts[1], changed["name"])
    first, second = sorted(tenant.vendor.seed["records"]["workspaces"], key=lambda each: int(each["id"]))[:2]
    found = _applied_by_form(tenant, [first["id"], second["id"]], made["id"])
    expect_equal("the projects of a form with two", [int(first["id"]), int(second["id"])], found)


def _applied_by_form(tenant: Tenant, projects: list[str], set_id: str) -> list[Any]:
    pairs = []
    for project in projects:
        pairs += [(f"{CHOICES}[][workspace_id]", project), (f"{CHOICES}[][status_set_id]", set_id)]
    answer = tenant.call("bulkUpdateWorkspaceTaskStatusSets", form=pairs)
    records = opened(answer, "PUT of a form with two projects", CHOICES).records
    expect_equal("the sets of a form with two", [int(set_id)] * 2, [each["status_set_id"] for each in records], answer)
    return [each["workspace_id"] for each in records]


@rule("KX-023")
def numbers_in_a_form_are_numbers(tenant: Tenant) -> None:
    first = create(tenant)
    made = single(tenant.call("createCustomTaskStatus", form=_form(tenant)), "POST of a form")
    expect_equal("the status_set_id of a create by form", home(tenant), made["status_set_id"])
    form = {"custom_task_status[position]": str(first["position"])}
    answer = tenant.call("updateCustomTaskStatus", path={"id": made["id"]}, form=form)
    _stands_before(tenant, single(answer, "PUT of a form with a position"), first, answer)


@rule("KX-024")
def numbers_as_text_are_numbers(tenant: Tenant) -> None:
    first = create(tenant)
    made = single(post(tenant, fields(tenant, status_set_id=str(home(tenant)))), "POST with a number as text")
    expect_equal("the status_set_id of a create with a number as text", home(tenant), made["status_set_id"])
    answer = put(tenant, made, {"position": str(first["position"])})
    _stands_before(tenant, single(answer, "PUT with a position as text"), first, answer)
    if tenant.is_mock:
        project = tenant.vendor.seed["records"]["workspaces"][0]["id"]
        (choice,) = opened(apply_sets(tenant, (project, str(home(tenant)))), "numbers as text", CHOICES).records
        expect_equal("the set of a project", home(tenant), choice["status_set_id"])


def _stands_before(tenant: Tenant, moved: Any, other: Any, answer: Answer) -> None:
    expect(type(moved["position"]) is int, f"expected position to be a whole number, got {moved['position']!r}", answer)
    order = [each["id"] for each in of_set(tenant, home(tenant))]
    is_before = order.index(moved["id"]) < order.index(other["id"])
    expect(is_before, f"expected {moved['id']} before {other['id']} after the move, got it behind", answer)


# Unreadable bodies


def _unreadable(tenant: Tenant, **options: Any) -> Iterator[tuple[str, Answer]]:
    status = create(tenant)["id"]
    for method, template in _WRITES:
        if not tenant.is_mock and "status_set" in template:
            continue
        path = template.replace("{status}", status).replace("{set}", str(home(tenant)))
        headers = {"Content-Type": "application/json", **options.get("headers", {})}
        answer = tenant.send(method, path, content=_UNTRUE, headers=headers, caller=options.get("caller", "owner"))
        yield f"{method} {path} with half a body", answer


def _second_form(tenant: Tenant, answer: Answer, what: str) -> None:
    if tenant.is_mock:
        body = record_of(answer.json(), what, answer)
        expect_equal(f"{what}: the status in the body", 400, body["status"], answer)
        expect(isinstance(body["error"], str) and "errors" not in body, f"{what}: got {brief(answer)}", answer)


@rule("KX-025")
def what_is_no_json_is_told_in_the_second_form(tenant: Tenant) -> None:
    for what, answer in _unreadable(tenant):
        expect_status(answer, what, 400, *(() if tenant.is_mock else (422,)))
        _second_form(tenant, answer, what)


@rule("KX-026")
def what_is_no_json_is_told_before_the_token(tenant: Tenant) -> None:
    for headers in ({}, {"Authorization": "Bearer 0123456789"}):
        for what, answer in _unreadable(tenant, caller=None, headers=headers):
            expect_status(answer, f"{what} and no good token", 400, *(() if tenant.is_mock else (401, 422)))
            _second_form(tenant, answer, what)


@rule("KX-028")
def patch_is_not_offered(tenant: Tenant) -> None:
    status = create(tenant)
    sent = {"custom_task_status": {"status": name(tenant, "Patched")}}
    answer = tenant.send("PATCH", f"/custom_task_statuses/{status['id']}", json=sent)
    expect_status(answer, "PATCH of a status", 404, *(() if tenant.is_mock else (200, 400, 405)))
    if answer.status >= 400:
        expect_kept("a read after the refused PATCH", status, read(tenant, status), but=("position",))


@rule("KX-030")
def two_equal_creates_are_two_requests(tenant: Tenant) -> None:
    key = {"Idempotency-Key": f"proofboard-{tenant.chance.randrange(10**9)}"}
    sent = fields(tenant)
    made = single(post(tenant, sent, headers=key), "the first of two equal creates")
    refused(tenant, post(tenant, sent, headers=key), "the second of two equal creates", "status")
    remove(tenant, made)
    again = single(post(tenant, sent, headers=key), "the same create after the status was deleted")
    expect(again["id"] != made["id"], f"expected a new status, got {made['id']} again")
    if tenant.is_mock:
        sets = {make_set(tenant)["id"] for _ in range(2)}
        expect(len(sets) == 2, f"expected two sets, got {sets}")


@rule("KX-036")
def a_cancelled_account_may_do_nothing(tenant: Tenant) -> None:
    headers = tenant.headers("cancelled")
    stand_in(tenant, "needs the token of a cancelled account")
    tick(tenant)
    answers: list[Opened | Answer] = []
    for operation in tenant.vendor.operations.values():
        body: Any = {"custom_task_status": fields(tenant)} if "requestBody" in operation.document else None
        options = {"json": body} if body else {}
        path = {"id": "1"} if "{" in operation.path else {}
        answer = tenant.call(operation.id, path=path, caller=None, headers=headers, **options)
        expect_status(answer, f"{operation.id} for a cancelled account", 403)
        expect_equal("its type", ["system"], [each["type"] for each in faults(answer)], answer)
        answers.append(answer)
