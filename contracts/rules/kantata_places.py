"""Kantata OX: the places of statuses within their set. On a tenant only the order of three of our own is looked at."""

from collections.abc import Sequence

from contracts.expecting import expect, expect_equal, expect_kept, tick
from contracts.laws.terms import short
from contracts.rules import rule
from contracts.rules.kantata_steps import (
    Status,
    change,
    create,
    everything,
    home,
    ids,
    name,
    of_set,
    order_of,
    read,
    remove,
    stand_in,
)
from contracts.tenant import Tenant

_MOVES = ((0, 3), (3, 0), (1, 4), (5, 2), (2, 2), (6, 0), (0, 6))  # from, to: places counted from 0


def _dense(tenant: Tenant, what: str) -> list[Status]:
    """The set, whose positions are 1 to n on the stand-in, and whole numbers that differ on a tenant."""
    statuses = of_set(tenant, home(tenant))
    places = [each["position"] for each in statuses]
    if tenant.is_mock:
        expected = list(range(1, len(statuses) + 1))
        expect(places == expected, f"{what}: expected the positions 1 to {len(statuses)}, got {short(places)}")
    return statuses


@rule("KX-174")
def places_have_no_gaps(tenant: Tenant) -> None:
    _dense(tenant, "at first")
    made = [create(tenant, category=category) for category in ("completed", "not started", "started")]
    _dense(tenant, "after three creates")
    change(tenant, made[2], position=2 if tenant.is_mock else made[0]["position"])
    _dense(tenant, "after a move")
    remove(tenant, made[0])
    _dense(tenant, "after a delete")
    if tenant.is_mock:
        counts: dict[int, list[int]] = {}
        for each in everything(tenant):
            counts.setdefault(each["status_set_id"], []).append(each["position"])
        for set_id, places in counts.items():
            is_dense = sorted(places) == list(range(1, len(places) + 1))
            expect(is_dense, f"set {set_id}: expected the positions 1 to {len(places)}, got {short(sorted(places))}")


@rule("KX-164")
def a_position_is_a_place_in_the_set(tenant: Tenant) -> None:
    made = _three(tenant)
    expect_equal("the order after three creates", ids(made), order_of(tenant, made))
    moved = change(tenant, made[2], position=made[0]["position"])
    expect(type(moved["position"]) is int, f"expected position to be a whole number, got {short(moved['position'])}")
    order = [made[2], made[0], made[1]]
    expect_equal("the order after the third was put in the first's place", ids(order), order_of(tenant, made))
    text = name(tenant, "Renamed and moved")
    change(tenant, made[1], status=text, position=moved["position"])
    order = [made[1], made[2], made[0]]
    expect_equal("the order after the last was renamed and put first", ids(order), order_of(tenant, made))
    expect_equal("the name that was sent with a place", text, read(tenant, made[1])["status"])
    for each in made:
        change(tenant, each, status=name(tenant, "Renamed in its place"))
    expect_equal("the order after renames, which move nothing", ids(order), order_of(tenant, made))


def _three(tenant: Tenant) -> list[Status]:
    return [create(tenant) for _ in range(3)]


@rule("KX-175")
def a_move_shifts_those_between(tenant: Tenant) -> None:
    if not tenant.is_mock:
        made = _three(tenant)
        change(tenant, made[0], position=made[2]["position"])
        order = order_of(tenant, made)
        expect(
            order.index(made[0]["id"]) > order.index(made[1]["id"]), f"expected the first behind, got {short(order)}"
        )
        return
    _three(tenant)
    for start, end in _MOVES:
        expected = _dense(tenant, "before a move")
        mover = expected.pop(start)
        expected.insert(end, mover)
        moved = change(tenant, mover, position=end + 1)
        what = f"a move from {start + 1} to {end + 1}"
        expect_equal(f"the position after {what}", end + 1, moved["position"])
        expect_equal(f"the set after {what}", ids(expected), ids(_dense(tenant, what)))


@rule("KX-176")
def a_place_beyond_the_ends_is_an_end(tenant: Tenant) -> None:
    made = _three(tenant)
    for position in (1_000_000, 0, 2**31 - 1, -5, 1_000_000, -(2**31)) if tenant.is_mock else (1_000_000,):
        moved = change(tenant, made[1], position=position)
        whole = _dense(tenant, f"a move to {position}")
        others = [each["id"] for each in made if each["id"] != made[1]["id"]]
        expected = [made[1]["id"], *others] if position < 1 else [*others, made[1]["id"]]
        expect_equal(f"the order after a move to {position}", expected, order_of(tenant, made))
        if tenant.is_mock:
            end = 1 if position < 1 else len(whole)
            expect_equal(f"the position after a move to {position}", end, moved["position"])


@rule("KX-178")
def those_that_shift_are_not_changed(tenant: Tenant) -> None:
    stand_in(tenant, "places")
    made = _three(tenant)
    before = of_set(tenant, home(tenant))
    tick(tenant)
    change(tenant, made[2], position=1)
    _untouched(before, of_set(tenant, home(tenant)), made[2])
    tick(tenant)
    remove(tenant, made[2])
    _untouched(before, of_set(tenant, home(tenant)), made[2])


def _untouched(before: Sequence[Status], after: Sequence[Status], mover: Status) -> None:
    now = {each["id"]: each for each in after}
    for each in before:
        if each["id"] != mover["id"]:
            expect(each["id"] in now, f"{each['id']} is no longer in the set")
            expect_kept(f"the status {each['id']}, which was shifted", each, now[each["id"]], but=("position",))
