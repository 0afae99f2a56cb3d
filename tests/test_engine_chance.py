"""All time and all randomness: virtual clocks, seeded ids, fake data."""

import re
from datetime import datetime

import pytest

from mockserver.engine.chance import (
    EARLIEST,
    LATEST,
    Clock,
    Fakes,
    format_time,
    next_month,
    parse_time,
    seeded_uuid,
    this_month,
    wall_clock,
)

NOON = parse_time("2024-01-15T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2024-01-15T10:40:00Z", "2024-01-15T10:40:00Z"),
        ("2024-01-15T10:40:00", "2024-01-15T10:40:00Z"),
        ("2024-01-15T10:40:00+02:00", "2024-01-15T08:40:00Z"),
        ("2024-01-15T10:40:00.999Z", "2024-01-15T10:40:00Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_parse_and_format__are_utc_and_whole_seconds(text: str, printed: str) -> None:
    assert format_time(parse_time(text)) == printed


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        ("local", "2024-01-15T10:40:00"),
        ("-08:00", "2024-01-15T02:40:00-08:00"),
        ("local-08:00", "2024-01-15T02:40:00"),
        ("local+05:30", "2024-01-15T16:10:00"),
    ],
)
def test_format_time__in_other_forms(form: str, printed: str) -> None:
    assert format_time(parse_time("2024-01-15T10:40:00Z"), form) == printed


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "2024-02-30T00:00:00Z"])
def test_parse_time__refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_time(text)


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        ("2024-01-15T10:00:00Z", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"),
        ("2024-12-31T23:59:59Z", "2024-12-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
    ],
)
def test_month__from_its_first_second_up_to_the_next_one(moment: str, start: str, end: str) -> None:
    epoch = parse_time(moment)
    assert (format_time(this_month(epoch)), format_time(next_month(epoch))) == (start, end)


def test_clock__that_runs_goes_with_the_machine() -> None:
    before, now, after = wall_clock(), Clock().now(), wall_clock()
    assert before <= now <= after


def test_clock__frozen_stands_still() -> None:
    clock = Clock(NOON)
    assert [clock.now(), clock.now()] == [NOON, NOON]
    assert clock.frozen
    assert clock.timestamp() == "2024-01-15T12:00:00Z"


def test_clock__moved_while_frozen_stands_there() -> None:
    clock = Clock(NOON)
    clock.move_to(NOON + 3600)
    assert (clock.now(), clock.timestamp()) == (NOON + 3600, "2024-01-15T13:00:00Z")


def test_clock__moved_while_running_runs_on_from_there() -> None:
    clock = Clock()
    clock.move_to(NOON)
    assert NOON - 1 < clock.now() < NOON + 60
    assert not clock.frozen


def test_clock__thawed_runs_on_from_where_it_stood() -> None:
    clock = Clock(NOON)
    clock.freeze(False)
    assert not clock.frozen
    assert NOON - 1 < clock.now() < NOON + 60


@pytest.mark.parametrize("moment", [EARLIEST - 1, LATEST + 1, float("inf"), float("-inf"), float("nan")])
def test_clock__refuses_years_that_cannot_be_printed(moment: float) -> None:
    clock = Clock(NOON)
    with pytest.raises(ValueError, match="1970 to 9998"):
        clock.move_to(moment)
    assert clock.now() == NOON


@pytest.mark.parametrize("moment", [EARLIEST, LATEST])
def test_clock__at_either_end_can_still_be_printed(moment: float) -> None:
    clock = Clock(NOON)
    clock.move_to(moment)
    assert datetime.fromisoformat(clock.timestamp()).timestamp() == moment
    assert next_month(clock.now()) > moment


def test_clock_state__makes_an_equal_clock() -> None:
    clock = Clock(NOON)
    clock.move_to(NOON + 5)
    assert Clock(**clock.state()).now() == NOON + 5


def test_seeded_uuid__is_a_version_4_form_and_depends_on_seed_and_place() -> None:
    ids = {seeded_uuid(seed, serial) for seed in range(20) for serial in range(100)}
    assert len(ids) == 2000
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one) for one in ids)
    assert seeded_uuid(1, 1) == seeded_uuid(1, 1)


def fakes(seed: int) -> list[str]:
    made = Fakes(seed, "en_US", {"fruit": ["apple", "pear", "plum"]})
    return [made.text("{{fruit}} for {{name}}") for _ in range(20)]


def test_fakes__follow_from_the_seed() -> None:
    assert fakes(1) == fakes(1)
    assert fakes(1) != fakes(2)


def test_fakes__fill_words_in_and_begin_with_a_capital() -> None:
    assert all(re.match("(Apple|Pear|Plum) for [A-Z]", text) for text in fakes(3))


def test_fakes__pick_and_chance_stay_within_bounds() -> None:
    made = Fakes(1, "en_US", {})
    assert {made.pick([1, 2, 3]) for _ in range(100)} == {1, 2, 3}
    assert all(0 <= made.chance() < 1 for _ in range(100))
