"""Kantata OX: what makes a status, and which values are refused."""

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    known,
)
from contracts.laws.terms import brief, short
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    ABSENT,
    CATEGORIES,
    Status,
    change,
    create,
    everything,
    fields,
    home,
    ids,
    name,
    of_set,
    page,
    post,
    put,
    read,
    refused,
    single,
    stand_in,
)
from contracts.tenant import Tenant

_DISPLAYED = ("Not Started", "Started", "Needs Info", "Completed")
_NOWHERE = ("in progress", "done", "", "needs_info", "not  started", " started")


@rule("KX-080")
def a_name_is_unique_within_its_set(tenant: Tenant) -> None:
    status = create(tenant)
    text = status["status"]
    refused(tenant, post(tenant, fields(tenant, status=text)), "a name of the set", "status")
    other = create(tenant)
    refused(tenant, put(tenant, other, {"status": text}), "the name of another status of the set", "status")
    elsewhere = int(known(tenant, "other_status_set_id"))
    answer = post(tenant, fields(tenant, status=text, status_set_id=elsewhere))
    twin = single(answer, "the same name in another set")
    expect_equal("the name of the status in another set", text, twin["status"], answer)
    expect_equal("its set", elsewhere, twin["status_set_id"], answer)
    third = create(tenant, status_set_id=elsewhere)
    expect_equal("a name of another set", other["status"], change(tenant, third, status=other["status"])["status"])


@rule("KX-126", "KX-138")
def a_name_in_use_is_refused(tenant: Tenant) -> None:
    status = create(tenant)
    for category in ("started", "completed"):
        answer = post(tenant, fields(tenant, status=status["status"], category=category))
        refused(tenant, answer, f"a {category} status with a name in use", "status")
    for text in (each["status"] for each in of_set(tenant, home(tenant))[:6]):
        refused(tenant, post(tenant, fields(tenant, status=text)), f"the name {text!r} again", "status")


@rule("KX-128")
def there_are_four_categories(tenant: Tenant) -> None:
    for category in CATEGORIES:
        answer = post(tenant, fields(tenant, category=category))
        made = single(answer, f"the category {category!r}")
        expect_equal("the category of a new status", category, made["category"], answer)
        expect_equal("the category when read", category, read(tenant, made)["category"])
    for category in (*_NOWHERE, *_DISPLAYED):
        answer = post(tenant, fields(tenant, category=category))
        is_displayed = category in _DISPLAYED and not tenant.is_mock
        expect_status(answer, f"the category {category!r}", 422, *((200,) if is_displayed else ()), *_room(tenant))


def _room(tenant: Tenant) -> tuple[int, ...]:
    return () if tenant.is_mock else (400,)


@rule("KX-139")
def another_category_names_its_field(tenant: Tenant) -> None:
    for category in _NOWHERE[: None if tenant.is_mock else 2]:
        answer = post(tenant, fields(tenant, category=category))
        refused(tenant, answer, f"the category {category!r}", "category")
    for value in (None, 1, True, ["started"], {"name": "started"}) if tenant.is_mock else ():
        refused(tenant, post(tenant, fields(tenant, category=value)), f"the category {short(value)}", "category")


@rule("KX-144")
def categories_are_compared_exactly(tenant: Tenant) -> None:
    for category in (*_DISPLAYED, "STARTED"):
        answer = post(tenant, fields(tenant, category=category))
        if tenant.is_mock:
            refused(tenant, answer, f"the category {category!r}", "category")
        else:
            expect_status(answer, f"the category {category!r}", 200, 400, 422)


@rule("KX-134")
def a_new_status_stands_last(tenant: Tenant) -> None:
    first, second = create(tenant), create(tenant)
    for made in (first, second):
        expect(type(made["position"]) is int, f"expected position to be a whole number, got {short(made['position'])}")
    told = f"{first['position']} and then {second['position']}"
    expect(
        second["position"] > first["position"], f"expected a later status to stand behind an earlier one, got {told}"
    )
    if tenant.is_mock:
        before = of_set(tenant, home(tenant))
        for category in CATEGORIES:
            made = create(tenant, category=category)
            expect_equal("the position of a new status", len(before) + 1, made["position"])
            before.append(made)
        expect_equal("the set in the order of positions", ids(before), ids(of_set(tenant, home(tenant))))


@rule("KX-135")
def a_position_in_a_create_is_ignored(tenant: Tenant) -> None:
    before = of_set(tenant, home(tenant))
    for position in (1, 2, "x") if tenant.is_mock else (1,):
        made = single(post(tenant, fields(tenant, position=position)), f"a create with the position {position!r}")
        if tenant.is_mock:
            expect_equal(f"the position of a create with {position!r}", len(before) + 1, made["position"])
            before.append(made)
            expect_equal("the order of the set", ids(before), ids(of_set(tenant, home(tenant))))


@rule("KX-140")
def what_is_missing_or_blank_is_named(tenant: Tenant) -> None:
    refused(tenant, post(tenant, fields(tenant, status=ABSENT)), "no status", "status")
    refused(tenant, post(tenant, fields(tenant, category=ABSENT)), "no category", "category")
    blanks: tuple[object, ...] = ("", "   ")
    if tenant.is_mock:
        blanks += ("\t\n", "\u00a0\u2003", "a\u0000b", None, 5, True, [], {"a": "b"})
    for value in blanks:
        refused(tenant, post(tenant, fields(tenant, status=value)), f"the status {short(value)}", "status")


@rule("KX-145")
def case_and_outer_blanks_make_no_other_name(tenant: Tenant) -> None:
    stand_in(tenant, "names")
    text = name(tenant, "Straße Review")
    status = single(post(tenant, fields(tenant, status=f"  {text}\t")), "a name with blanks at its ends")
    expect_equal("the name as it is kept", text, status["status"])
    other = create(tenant)
    for again in (text.upper(), text.lower(), f" {text} ", f"\t{text.swapcase()}\n"):
        refused(tenant, post(tenant, fields(tenant, status=again)), f"the name {again!r}", "status")
        refused(tenant, put(tenant, other, {"status": again}), f"the new name {again!r}", "status")
    inside = text.replace(" ", "  ")
    single(post(tenant, fields(tenant, status=inside)), "a name with other blanks inside")


@rule("KX-146")
def a_name_has_at_most_255_characters(tenant: Tenant) -> None:
    stand_in(tenant, "names")
    status = create(tenant)
    for number, letter in enumerate(("x", "é", "日", "🙂")):
        longest = f"{number}{letter * 254}"
        made = single(post(tenant, fields(tenant, status=longest)), f"255 characters of {letter}")
        expect_equal("a name of 255 characters", longest, made["status"])
        refused(tenant, post(tenant, fields(tenant, status=longest + letter)), f"256 characters of {letter}", "status")
        refused(tenant, put(tenant, status, {"status": longest + letter}), f"256 characters of {letter}", "status")


@rule("KX-148")
def a_refused_create_makes_nothing(tenant: Tenant) -> None:
    status = create(tenant)
    text = name(tenant, "Never made")
    before = page(tenant, {"per_page": 1}).whole["count"]
    for sent in (
        fields(tenant, status=status["status"]),
        fields(tenant, status=text, category="nowhere"),
        fields(tenant, status=text, status_set_id=ABSENT),
        fields(tenant, status=text, status_set_id=int(tenant.unknown_id("task_status_sets"))),
        fields(tenant, status=" "),
    ):
        answer = post(tenant, sent)
        expect(400 <= answer.status < 500, f"{short(sent)}: expected a refusal, got {brief(answer)}", answer)
    expect_status(tenant.call("createCustomTaskStatus", json=fields(tenant, status=text)), "no wrapper", *_form(tenant))
    if tenant.is_mock:
        expect_equal("how many statuses there are", before, page(tenant, {"per_page": 1}).whole["count"])
    made: list[Status] = [each for each in everything(tenant, most=3) if each["status"] == text]
    expect(not made, f"a refused create made {short(made[:1])}")


def _form(tenant: Tenant) -> tuple[int, ...]:
    return (400,) if tenant.is_mock else (400, 422)


@rule("KX-149")
def a_new_status_was_never_changed(tenant: Tenant) -> None:
    for _ in range(2):
        made = create(tenant)
        for shown in (made, read(tenant, made)):
            if tenant.is_mock:
                expect_equal("updated_at of a new status", shown["created_at"], shown["updated_at"])
