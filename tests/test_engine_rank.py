"""Ranks: numbers, or strings whose byte order is the order of records."""

from itertools import pairwise

import pytest

from mockserver.engine.rank import next_rank


@pytest.mark.parametrize(
    ("last", "following"),
    [
        ("aaa", "aab"),
        ("aac", "aad"),
        ("aaz", "aba"),
        ("azz", "baa"),
        ("zzy", "zzz"),
        ("zzz", "zzza"),
        ("zzza", "zzzb"),
        ("a", "b"),
        ("z", "za"),
    ],
)
def test_next_rank__counts_in_base_26_from_the_right(last: str, following: str) -> None:
    assert next_rank(last, "aaa") == following


def test_next_rank__without_a_last_one_is_the_first() -> None:
    assert next_rank(None, "aaa") == "aaa"


def test_next_rank__rises_strictly_across_many_widths() -> None:
    ranks = ["aaa"]
    for _ in range(40_000):
        ranks.append(next_rank(ranks[-1], "aaa"))
    assert all(earlier.encode() < later.encode() for earlier, later in pairwise(ranks))


def test_next_rank__stays_short_however_many_there_are() -> None:
    last = "aaa"
    for _ in range(200_000):
        last = next_rank(last, "aaa")
    assert len(last) <= 12


def test_next_rank__of_numbers_is_the_next_number() -> None:
    assert [next_rank(None, 1), next_rank(1, 1), next_rank(99, 1)] == [1, 2, 100]
