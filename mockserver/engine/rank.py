"""Ranks: strings whose byte order is the order of records within their parent."""

_LAST = "z"


def next_rank(last: str | None, first: str) -> str:
    """The rank that follows: counts in base 26 from the right.

    After the last of a width the string grows: by one letter after `zzz`, by more the longer it is, so that ranks stay
    short however many there are.
    """
    if last is None:
        return first
    head = last.rstrip(_LAST)
    if not head:
        return last + "a" * max(1, len(last) - 2)
    return head[:-1] + chr(ord(head[-1]) + 1) + "a" * (len(last) - len(head))
