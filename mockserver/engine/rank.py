"""Ranks: whole numbers, or strings whose byte order, put records within their parent in order."""

Rank = str | int

_LAST = "z"


def next_rank(last: Rank | None, first: Rank) -> Rank:
    """The rank that follows: the next number, or for strings the next in base 26 from the right.

    After the last of a width the string grows: by one letter after `zzz`, by more the longer it is, so that ranks stay
    short however many there are.
    """
    if last is None:
        return first
    if isinstance(last, int):
        return last + 1
    head = last.rstrip(_LAST)
    if not head:
        return last + "a" * max(1, len(last) - 2)
    return head[:-1] + chr(ord(head[-1]) + 1) + "a" * (len(last) - len(head))
