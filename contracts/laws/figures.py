"""The numbers of a quota that an answer tells. No law stands here."""

from collections.abc import Mapping
from typing import Any

from contracts.findings import Broken
from contracts.tenant import Answer


def header_of(quota: Mapping[str, Any], part: str) -> str:
    """The header that tells a part of a quota: limit, remaining or reset."""
    return next(str(name) for name, told in quota["headers"].items() if told == part)


def figure(answer: Answer, quota: Mapping[str, Any], part: str, what: str) -> int:
    """A part of a quota as a number; Broken where the header is absent or none."""
    name = header_of(quota, part)
    given = answer.headers.get(name)
    if given is None or not (given.isascii() and given.isdigit()):
        raise Broken(f"{what}: expected {name} to be a whole number, got {given!r}", answer)
    return int(given)
