"""Kantata OX: the form of answers, and what the entries of a refusal tell."""

from collections.abc import Iterator
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    known,
)
from contracts.findings import NotJudged
from contracts.laws.terms import brief, record_of, short
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    META,
    SETS,
    STATUSES,
    Opened,
    create,
    everything,
    faults,
    fields,
    get,
    home,
    ids,
    make_set,
    name,
    of_set,
    opened,
    page,
    post,
    put,
)
from contracts.tenant import Answer, Tenant

_FIELDS = {"status", "category", "status_set_id", "position", "base"}


@rule("KX-038")
def a_wrong_value_names_its_field(tenant: Tenant) -> None:
    status = create(tenant)
    answers = [
        ("a blank name", post(tenant, fields(tenant, status=" "))),
        ("a category that there is not", post(tenant, fields(tenant, category="nowhere"))),
        ("a name in use", post(tenant, fields(tenant, status=status["status"]))),
        ("a blank new name", put(tenant, status, {"status": ""})),
    ]
    if tenant.is_mock:
        answers.append(("a place that is none", put(tenant, status, {"position": "first"})))
        path = {"id": of_set(tenant, home(tenant))[0]["id"]}
        answers.append(("a default status", tenant.call("deleteCustomTaskStatus", path=path)))
    for what, answer in answers:
        expect(answer.status >= 400, f"{what}: expected a refusal, got {brief(answer)}", answer)
        for each in faults(answer) if answer.status == 422 else ():
            given = each.get("field", "(absent)")
            expect(each["type"] != "validation" or given in _FIELDS, f"{what}: field is {short(given)}", answer)


@rule("KX-039")
def the_one_object_of_a_body_is_the_first(tenant: Tenant) -> None:
    status = create(tenant)
    for answer in (post(tenant, fields(tenant, status="", category="nowhere")), put(tenant, status, {"status": " "})):
        expect_status(answer, "a body with wrong values", 422, *(() if tenant.is_mock else (400, 404)))
        for each in faults(answer) if answer.status == 422 else ():
            index = each.get("index", 0)
            expect(index == 0 and isinstance(index, int), f"expected the index 0, got {short(index)}", answer)


@rule("KX-041")
def one_answer_tells_all_faults(tenant: Tenant) -> None:
    status = create(tenant)
    asked = [
        (post(tenant, fields(tenant, status="", category="nowhere")), ["status", "category"]),
        (post(tenant, {}), ["status", "category", "status_set_id"]),
        (post(tenant, fields(tenant, status=status["status"], category="")), ["status", "category"]),
        (put(tenant, status, {"status": " ", "position": "last"}), ["status", "position"]),
    ]
    for answer, expected in asked:
        expect_status(answer, f"a body that is wrong in {expected}", 422, *(() if tenant.is_mock else (400, 404)))
        if tenant.is_mock:
            expect_equal("the fields of its entries", expected, [each["field"] for each in faults(answer)], answer)
        elif answer.status == 422:
            faults(answer)


@rule("KX-043")
def a_success_has_no_key_of_errors(tenant: Tenant) -> None:
    answers = [each.answer for each in _answers(tenant)]
    bodies = [(f"{each!r}", each.json()) for each in answers]
    for exchange in tenant.exchanges:
        if exchange.status == 200 and exchange.body:
            bodies.append((f"{exchange.method} {exchange.path}", exchange.json()))
    for what, body in bodies:
        told = {"errors", "error_message"} & set(record_of(body, what))
        expect(not told, f"{what}: expected a success without the key {' or '.join(told)}")


def _answers(tenant: Tenant) -> Iterator[Opened]:
    """An answer of each kind that has the envelope; on a tenant none that needs a set of its own."""
    status = create(tenant)
    side = {"include": "task_status_set"}
    yield page(tenant)
    yield page(tenant, {"per_page": 3, "page": 2, **side})
    yield page(tenant, {"only": status["id"]})
    yield opened(get(tenant, status), "a read")
    yield opened(get(tenant, status, query=side), "a read with the set")
    yield opened(post(tenant, fields(tenant)), "a create")
    yield opened(put(tenant, status, {"status": name(tenant, "Renamed")}), "an update")
    yield page(tenant, {"per_page": 2, "include": STATUSES}, "listTaskStatusSets")
    yield opened(tenant.call("getTaskStatusSet", path={"id": str(home(tenant))}), "a read of a set", SETS)
    if tenant.is_mock:
        path = {"id": make_set(tenant)["id"]}
        yield opened(tenant.call("setDefaultTaskStatusSet", path=path), "a new default", SETS)


@rule("KX-052")
def results_and_map_name_the_same_objects(tenant: Tenant) -> None:
    for found in _answers(tenant):
        for each in found.whole["results"]:
            expect_equal("the key of a reference", found.key, each["key"], found.answer)
        twice = len(set(map(str, found.ids))) != len(found.ids)
        expect(not twice, f"expected each object once in results, got {short(found.ids)}", found.answer)
        told = sorted(map(str, found.ids)), sorted(found.objects)
        expect(told[0] == told[1], f"results name {short(told[0])}, the map has {short(told[1])}", found.answer)


@rule("KX-053")
def an_object_stands_under_its_own_id(tenant: Tenant) -> None:
    for found in _answers(tenant):
        maps = [found.objects, *(found.sides(key) for key in (STATUSES, SETS) if key in found.whole)]
        for key, each in [pair for objects in maps for pair in objects.items()]:
            expect_equal("the id of an object, beside its key", key, record_of(each, key)["id"], found.answer)
            expect(key.isascii() and key.isdigit(), f"expected a key of digits, got {key!r}", found.answer)
        for each in found.ids:
            expect(isinstance(each, str), f"expected ids in results to be texts, got {short(each)}", found.answer)


@rule("KX-054")
def meta_counts_as_count_does(tenant: Tenant) -> None:
    for found in _answers(tenant):
        count = found.whole["count"]
        expect(type(count) is int, f"expected count to be a whole number, got {short(count)}", found.answer)
        expect_equal("meta.count", count, found.meta["count"], found.answer)


@rule("KX-058")
def a_single_object_is_one_of_one(tenant: Tenant) -> None:
    status = create(tenant)
    answers = [
        post(tenant, fields(tenant)),
        get(tenant, status),
        get(tenant, status, query={"page": 3, "per_page": 7}),
        put(tenant, status, {"status": name(tenant, "Renamed")}),
        put(tenant, status, {}),
    ]
    for answer in answers[: None if tenant.is_mock else 4]:
        found = opened(answer, "an answer about one status")
        expect_equal("count", 1, found.whole["count"], answer)
        expect_equal("how many references", 1, len(found.ids), answer)
        meta = {word: found.meta[word] for word in META}
        told = {"count": 1, "page_count": 1, "page_number": 1, "page_size": 20}
        expect_equal("meta of one object", told, meta, answer)


@rule("KX-059")
def where_nothing_fits_all_is_empty(tenant: Tenant) -> None:
    nobody = tenant.unknown_id(STATUSES)
    for query, size in (({}, 20), ({"per_page": 7}, 7), ({"per_page": 7, "page": 5}, 7)):
        found = page(tenant, {"only": nobody, **query})
        told = {"count": 0, "page_count": 0, "page_number": 0, "page_size": size}
        expect_equal("count", 0, found.whole["count"], found.answer)
        expect_equal("results", [], found.whole["results"], found.answer)
        expect_equal("the map", {}, dict(found.objects), found.answer)
        expect_equal("meta", told, {word: found.meta[word] for word in META}, found.answer)


@rule("KX-062")
def the_map_has_the_order_of_results(tenant: Tenant) -> None:
    if not tenant.is_mock:
        raise NotJudged("an object of JSON has no order, and whatever stands before a tenant may turn it")
    for query in ({"per_page": 50}, {"per_page": 10, "page": 2}, {"order": "id:asc", "per_page": 30}):
        found = page(tenant, query)
        told = short(list(found.objects)[:8]), short(found.ids[:8])
        expect(list(found.objects) == found.ids, f"the map has {told[0]}, results have {told[1]}", found.answer)


@rule("KX-077")
def a_status_belongs_to_one_set(tenant: Tenant) -> None:
    status = create(tenant)
    sets = page(tenant, {"include": STATUSES, "per_page": 200}, "listTaskStatusSets")
    owners: dict[str, list[str]] = {}
    for each in sets.records:
        for member in each["custom_task_status_ids"]:
            owners.setdefault(member, []).append(each["id"])
    listed = list(everything(tenant, most=3))
    expect(status["id"] in ids(listed) or not tenant.is_mock, f"expected {status['id']} in the list")
    for each in [status, *listed]:
        told = owners.get(each["id"], [])
        is_sure = tenant.is_mock or each["id"] == status["id"]
        expected = [str(each["status_set_id"])]
        expect(
            told == expected or not is_sure, f"{each['id']} is of the set {expected[0]}, and in the sets {short(told)}"
        )
        expect(len(told) <= 1, f"{each['id']} is in the sets {short(told)}")


@rule("KX-154")
def the_id_that_was_asked_for_is_answered(tenant: Tenant) -> None:
    mine = create(tenant)["id"]
    asked = [mine, *(known(tenant, role) for role in ("status_id", "used_status_id") if role in tenant.known)]
    for identity in asked:
        answers: list[Answer] = [tenant.call("getCustomTaskStatus", path={"id": identity})]
        if identity == mine or tenant.is_mock:
            body: dict[str, Any] = {"custom_task_status": {}}
            answers.append(tenant.call("updateCustomTaskStatus", path={"id": identity}, json=body))
        for answer in answers:
            if answer.status in (400, 422) and not tenant.is_mock:
                continue  # an update of nothing, which a tenant may refuse
            found = opened(answer, f"the status {identity}")
            expect_equal("the id in results", [identity], found.ids, answer)
            expect_equal("the id in the map", [identity], list(found.objects), answer)
