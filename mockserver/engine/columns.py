"""Columns: the fields of records that lists sort and filter by, in the form in which they compare.

A field that a record lacks is null, as is one that holds null.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

import orjson

Form = Literal["fold", "digits", "plain"]

_LARGEST = 2**63 - 1  # of the whole numbers that SQLite keeps


def plain(value: Any) -> Any:
    """As it is; what SQLite has no room for comes near, and lists and objects compare as JSON."""
    if isinstance(value, str):
        return value.replace("\0", "\1")  # for SQLite's functions, text ends at a NUL
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        try:
            return float(value)
        except OverflowError:
            return sys.float_info.max if value > 0 else -sys.float_info.max
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


def fold(value: Any) -> Any:
    """Without regard to case."""
    return plain(value.casefold() if isinstance(value, str) else value)


def digits(value: Any) -> Any:
    """A text that sorts as the number that its digits are; equal only for equal texts. All else sorts behind."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return plain(value)
    number = value.lstrip("0")
    if not (value.isascii() and value.isdigit()) or len(value) > 9999:
        return plain("~" + value)
    zeros = len(value) - len(number)
    return f"{len(number):04d}{number}" + (f":{zeros:04d}" if zeros else "")


FORMS: Mapping[str, Callable[[Any], Any]] = {"fold": fold, "digits": digits, "plain": plain}
