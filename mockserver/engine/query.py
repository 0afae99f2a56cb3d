"""Which records a list shows: conditions as one typed tree, into which every vendor's syntax parses.

A field that is null fits no condition but `isnull`. Values are as records hold them; where a column ignores case, so
does the condition.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

Operator = Literal[
    "eq",
    "ne",
    "in",
    "nin",
    "contains",
    "like",
    "startswith",
    "endswith",
    "isnull",
    "isnotnull",
    "lt",
    "lte",
    "gt",
    "gte",
]
Quantifier = Literal["any", "none", "all", "count"]


@dataclass(frozen=True, slots=True)
class All:
    """Fits every record."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Fits no record."""


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Expression"


@dataclass(frozen=True, slots=True)
class Condition:
    """`value` is a tuple for `in` and `nin`, and nothing for `isnull` and `isnotnull`.

    `contains`, `startswith` and `endswith` take their text literally; in `like` a % is any run and a _ one character.
    """

    field: str
    op: Operator
    value: Any = None


@dataclass(frozen=True, slots=True)
class Through:
    """The record of `resource` that `field` names fits `part`; where it names none, nothing does."""

    field: str
    resource: str
    part: "Expression"


@dataclass(frozen=True, slots=True)
class Children:
    """Of the records of `resource` whose `field` names this one, any, none or all fit `part`.

    With `count` those that fit are counted, and `op` (eq, ne, lt, lte, gt or gte) compares the number with `value`.
    """

    resource: str
    field: str
    quantifier: Quantifier
    part: "Expression"
    op: Operator = "eq"
    value: int = 0


Expression: TypeAlias = All | Nothing | And | Or | Not | Condition | Through | Children


class Border(NamedTuple):
    """The values of the sort keys of a row; the rows wanted stand behind it, or `backwards` before it.

    With `inclusive` the row itself is wanted too, if it is still there.
    """

    values: Sequence[Any]
    backwards: bool = False
    inclusive: bool = False


def all_of(parts: Iterable[Expression]) -> Expression:
    """What fits all parts, without parts that say nothing."""
    kept = [part for part in parts if not isinstance(part, All)]
    if any(isinstance(part, Nothing) for part in kept):
        return Nothing()
    return kept[0] if len(kept) == 1 else And(tuple(kept)) if kept else All()


def any_of(parts: Iterable[Expression]) -> Expression:
    """What fits one of the parts, without parts that say nothing."""
    kept = [part for part in parts if not isinstance(part, Nothing)]
    if any(isinstance(part, All) for part in kept):
        return All()
    return kept[0] if len(kept) == 1 else Or(tuple(kept)) if kept else Nothing()


def none_of(part: Expression) -> Expression:
    """What does not fit the part."""
    match part:
        case All():
            return Nothing()
        case Nothing():
            return All()
        case Not(inner):
            return inner
    return Not(part)


def conjuncts(where: Expression) -> list[Expression]:
    """The parts that a record must all fit."""
    if isinstance(where, And):
        return [one for part in where.parts for one in conjuncts(part)]
    return [where]
