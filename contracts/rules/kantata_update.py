"""Kantata OX: what an update changes, and what it never does."""

from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_kept,
    expect_status,
    known,
    tick,
)
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    Status,
    change,
    create,
    home,
    ids,
    make_set,
    name,
    of_set,
    put,
    read,
    refused,
    single,
    stand_in,
)
from contracts.tenant import Answer, Tenant


def _refused_and_kept(tenant: Tenant, status: Status, sent: dict[str, Any], *fields: str) -> None:
    """A bad update is refused and nothing changed, in its set neither."""
    before, set_before = read(tenant, status), ids(of_set(tenant, home(tenant)))
    tick(tenant)
    refused(tenant, put(tenant, status, sent), f"PUT with {short(sent)}", *fields)
    expect_kept(f"a read after the refused PUT with {short(sent)}", before, read(tenant, status))
    if tenant.is_mock:
        expect_equal("the order of the set after it", set_before, ids(of_set(tenant, home(tenant))))


def _fixed(tenant: Tenant, status: Status, sent: dict[str, Any]) -> Answer:
    """Send an update of what never changes; neither the answer nor a read shows another category or set."""
    answer = put(tenant, status, sent)
    what = f"PUT with {short(sent)}"
    expect_status(answer, what, 200, *(() if tenant.is_mock else (400, 422)))
    shown = [read(tenant, status), *([single(answer, what)] if answer.status == 200 else [])]
    for each in shown:
        for field in ("category", "status_set_id"):
            expect_equal(f"{field} after {what}", status[field], each[field], answer)
    return answer


@rule("KX-078")
def the_set_never_changes(tenant: Tenant) -> None:
    status = create(tenant)
    elsewhere = known(tenant, "other_status_set_id")
    for value in (int(elsewhere), elsewhere):
        _fixed(tenant, status, {"status_set_id": value})
        _fixed(tenant, status, {"status": name(tenant, "Renamed"), "status_set_id": value})
    expect(status["id"] in ids(of_set(tenant, home(tenant))), f"{status['id']} is no longer in its set")
    expect(status["id"] not in ids(of_set(tenant, elsewhere)), f"{status['id']} is in the other set now")


@rule("KX-079")
def the_category_never_changes(tenant: Tenant) -> None:
    for category, other in (("started", "completed"), ("needs info", "not started")):
        status = create(tenant, category=category)
        _fixed(tenant, status, {"category": other})
        _fixed(tenant, status, {"status": name(tenant, "Renamed"), "category": other})


@rule("KX-166", "KX-167")
def fixed_fields_have_no_effect(tenant: Tenant) -> None:
    status = create(tenant)
    values: list[dict[str, Any]] = [
        {"category": "completed", "status_set_id": int(known(tenant, "other_status_set_id"))}
    ]
    if tenant.is_mock:
        nobody = int(tenant.unknown_id("task_status_sets"))
        values += [{"category": "nowhere"}, {"category": None}, {"status_set_id": nobody}, {"status_set_id": "x"}]
    for sent in values:
        _fixed(tenant, status, sent)
        if tenant.is_mock:
            expect_kept(f"a read after PUT with {sent}", status, read(tenant, status), but=("updated_at",))
            text = name(tenant, "Renamed beside")
            after = single(_fixed(tenant, status, {**sent, "status": text}), f"PUT with {sent} and a name")
            expect_equal("the name beside what has no effect", text, after["status"])
            status = after


@rule("KX-163")
def ones_own_name_is_no_duplicate(tenant: Tenant) -> None:
    status, other = create(tenant), create(tenant)
    after = change(tenant, status, status=status["status"])
    expect_equal("the status after PUT with its own name", status["status"], after["status"])
    refused(tenant, put(tenant, status, {"status": other["status"]}), "PUT with the name of another", "status")
    if tenant.is_mock:
        cased = status["status"].swapcase()
        expect_equal("one's own name in another case", cased, change(tenant, status, status=cased)["status"])
        change(tenant, status, status=name(tenant, "Freed"))
        expect_equal("a name that is free again", cased, change(tenant, other, status=cased)["status"])


@rule("KX-173")
def a_refused_name_changes_nothing(tenant: Tenant) -> None:
    status, other = create(tenant), create(tenant)
    _refused_and_kept(tenant, other, {"status": status["status"]}, "status")
    _refused_and_kept(tenant, other, {"status": status["status"], "position": 1}, "status")
    expect_kept("the status whose name it is", status, read(tenant, status))


@rule("KX-177")
def a_position_that_is_no_number_is_refused(tenant: Tenant) -> None:
    status = create(tenant)
    if not tenant.is_mock:
        answer = put(tenant, status, {"position": "first"})
        expect_status(answer, "PUT with the position 'first'", 200, 400, 422)
        return
    values: tuple[Any, ...] = ("x", "", "1x", 1.5, True, None, [], {}, "1.0", 2**31, -(2**31) - 1)
    for value in values:
        _refused_and_kept(tenant, status, {"position": value}, "position")
    _refused_and_kept(tenant, status, {"status": name(tenant, "Half"), "position": "x"}, "position")


@rule("KX-179")
def an_empty_update_changes_nothing(tenant: Tenant) -> None:
    status = create(tenant)
    before = read(tenant, status)
    tick(tenant)
    answer = put(tenant, status, {})
    expect_status(answer, "PUT with {}", 200, *(() if tenant.is_mock else (400, 422)))
    if answer.status == 200:
        but = () if tenant.is_mock else ("updated_at",)
        expect_kept("the answer to PUT with {}", before, single(answer, "PUT with {}"), but=but)
    expect_kept("a read after PUT with {}", before, read(tenant, status), but=() if tenant.is_mock else ("updated_at",))


@rule("KX-180")
def a_blank_name_is_refused(tenant: Tenant) -> None:
    status = create(tenant)
    values: tuple[Any, ...] = ("", "   ", *(("\t", "\u3000", None, 7, []) if tenant.is_mock else ()))
    for value in values:
        _refused_and_kept(tenant, status, {"status": value}, "status")


@rule("KX-181")
def default_statuses_may_be_renamed_and_moved(tenant: Tenant) -> None:
    stand_in(tenant, "defaults")
    made = make_set(tenant)
    defaults = of_set(tenant, made["id"])
    expect(len(defaults) == 4, f"expected four statuses in a new set, got {len(defaults)}")
    for each in defaults:
        text = f"Renamed {each['category']}"
        expect_equal("the new name of a default status", text, change(tenant, each, status=text)["status"])
    moved = change(tenant, defaults[3], position=1)
    expect_equal("the new place of a default status", 1, moved["position"])
    order = [defaults[3], *defaults[:3]]
    expect_equal("the order of the set", ids(order), ids(of_set(tenant, made["id"])))
    answer = tenant.call("deleteCustomTaskStatus", path={"id": moved["id"]})
    refused(tenant, answer, f"DELETE of a renamed default status ({brief(answer)})", "base")
