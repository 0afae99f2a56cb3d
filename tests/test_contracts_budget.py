"""What a run may spend: no limit is passed, and what was made can always be removed."""

import random
from typing import Any

import pytest

from contracts.safety.budget import Budget, BudgetSpent, Owed, Purse, Watch, WritesSpent


def _purse(now: float = 0.0, **budget: Any) -> Purse:
    return Purse(Budget(**budget), Watch(monotonic=lambda: now))


def _send(purse: Purse, *, is_write: bool = False, owed: int = 0, makes: bool = False) -> None:
    purse.check(is_write=is_write, owed=Owed(owed, owed), makes=makes)
    purse.count(is_write=is_write)


def test_requests__are_counted_and_end() -> None:
    purse = _purse(requests=2)
    _send(purse)
    _send(purse)
    with pytest.raises(BudgetSpent, match=r"^the budget of 2 requests is spent$"):
        _send(purse)
    assert (purse.requests, purse.writes) == (2, 0)


def test_writes__end_and_leave_reads() -> None:
    purse = _purse(writes=1)
    _send(purse, is_write=True)
    with pytest.raises(WritesSpent, match="budget of 1 writes"):
        _send(purse, is_write=True)
    _send(purse)


def test_limits__none_is_without_end() -> None:
    purse = _purse()
    for _ in range(1000):
        _send(purse, is_write=True, owed=1000, makes=True)
    assert purse.left() == (float("inf"), float("inf"))


def test_reserve__a_create_goes_only_where_its_removal_fits_too() -> None:
    with pytest.raises(BudgetSpent, match="2 requests is spent, but for 2 to clean up with"):
        _send(_purse(requests=2), is_write=True, makes=True)
    with pytest.raises(WritesSpent):
        _send(_purse(requests=9, writes=1), is_write=True, makes=True)
    _send(_purse(requests=3, writes=2), is_write=True, makes=True)


def test_reserve__a_read_leaves_what_is_owed() -> None:
    purse = _purse(requests=5)
    _send(purse, owed=4)
    with pytest.raises(BudgetSpent, match="but for 4 to clean up"):
        _send(purse, owed=4)


def test_reserve__a_change_leaves_what_is_owed() -> None:
    purse = _purse(writes=3)
    _send(purse, is_write=True, owed=2)
    with pytest.raises(WritesSpent):
        _send(purse, is_write=True, owed=2)


def test_reserve__is_for_the_clean_up_and_is_not_passed_there_either() -> None:
    purse = _purse(requests=2, writes=2)
    with purse.cleaning():
        _send(purse, is_write=True, owed=2)
        _send(purse, is_write=True, owed=1)
        with pytest.raises(BudgetSpent, match=r"2 requests is spent$"):
            _send(purse)
    assert not purse.is_cleaning


def test_reserve__is_closed_again_after_a_clean_up_that_failed() -> None:
    purse = _purse(requests=1)
    with pytest.raises(KeyboardInterrupt), purse.cleaning():
        raise KeyboardInterrupt
    with pytest.raises(BudgetSpent):
        _send(purse, owed=1)


def test_time__ends_what_is_judged_and_not_the_clean_up() -> None:
    purse = _purse(now=10.0, ends_at=10.0)
    with pytest.raises(BudgetSpent, match="the time is up"):
        _send(purse)
    with purse.cleaning():
        assert purse.ends_at is None
        _send(purse)


def test_left__is_what_may_still_be_spent() -> None:
    purse = _purse(requests=10, writes=5)
    _send(purse, is_write=True)
    assert purse.left() == (9, 4)
    assert purse.left(Owed(requests=3, writes=2)) == (6, 2)


@pytest.mark.parametrize("seed", range(50))
def test_any_run__keeps_its_limits_and_leaves_nothing(seed: int) -> None:
    chance = random.Random(seed)
    limits = chance.randrange(1, 60), chance.randrange(60)
    purse = _purse(requests=limits[0], writes=limits[1])
    held = 0
    for _ in range(200):
        makes = chance.random() < 0.4
        is_write = makes or chance.random() < 0.3
        try:
            _send(purse, is_write=is_write, owed=held, makes=makes)
        except BudgetSpent:
            continue
        held += makes and chance.random() < 0.8  # some creates are refused
        if held and chance.random() < 0.1:
            with purse.cleaning():
                _send(purse, is_write=True, owed=held)
            held -= 1
    with purse.cleaning():
        for _ in range(held):
            _send(purse, is_write=True)
    assert purse.requests <= limits[0] and purse.writes <= limits[1]
