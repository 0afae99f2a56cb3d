"""Defects of which records a list shows: conditions that are passed over, turned round or joined wrongly."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage, Tap
from mockserver.engine.messages import Request, Response
from mockserver.engine.query import All, And, Children, Condition, Expression, Not, Or, Through, all_of, any_of
from mockserver.planted.words import argument, kebab, query_of, with_argument, with_query
from mockserver.planted.writing import binds, writers
from mockserver.vendor import Operation, Vendor

Change = Callable[[Expression], Expression]

_OF_LATER_PAGES = {"offset": ("offset", "0"), "pages": ("page", "1"), "cursor": ("page[cursor]", "")}


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "list"):
        for parameter, table in operation.table.get("filters", {}).items():
            yield from _single(operation, parameter, table)
        if "filter" in operation.table:
            yield from _language(vendor, operation)
        if (named := operation.table.get("paging", {}).get("whole")) is not None:
            yield from _named(operation, named)
        if operation.table.get("filters") or binds(vendor, operation, "page-walk", "narrowed"):
            yield from _pages(operation)


# Parameters of their own


def _single(operation: Operation, parameter: str, table: Mapping[str, Any]) -> Iterator[Defect]:
    name, own, field = kebab(operation.id), (operation.id,), table.get("field", parameter)
    yield Defect(
        f"{name}-ignores-{kebab(parameter)}",
        "filter",
        f"{operation.id} lists all records whatever {parameter} says.",
        own,
        lambda passage: passage.proceed(with_argument(passage.request, parameter, None)),
    )
    if table.get("op", "eq") == "contains":
        yield Defect(
            f"{name}-wants-{kebab(parameter)}-at-the-beginning",
            "filter",
            f"{operation.id} finds only records whose {field} begins with what {parameter} says.",
            own,
            _on_tree(_operator("contains", "startswith")),
        )
    else:
        yield Defect(
            f"{name}-turns-{kebab(parameter)}-round",
            "filter",
            f"{operation.id} lists the records that do not have the {field} of {parameter}.",
            own,
            lambda passage: (
                passage.proceed(tap=Tap(listing=_listing(_operator("eq", "ne", field))))
                if argument(passage.request, parameter) is not None
                else passage.proceed()
            ),
        )


def _named(operation: Operation, parameter: str) -> Iterator[Defect]:
    """A parameter that names the records wanted by their ids."""
    name, own = kebab(operation.id), (operation.id,)
    changes: tuple[tuple[str, str, Callable[[str], str | None]], ...] = (
        (f"ignores-{kebab(parameter)}", f"lists all records whatever {parameter} says", lambda text: None),
        (
            f"takes-one-id-of-{kebab(parameter)}",
            f"lists the first of the records that {parameter} names",
            lambda text: text.partition(",")[0],
        ),
        (
            f"drops-the-last-id-of-{kebab(parameter)}",
            f"leaves out the last of several records that {parameter} names",
            lambda text: text.rpartition(",")[0] or text,
        ),
    )
    for word, what, change in changes:
        yield Defect(f"{name}-{word}", "filter", f"{operation.id} {what}.", own, _asked_otherwise(parameter, change))


def _asked_otherwise(parameter: str, change: Callable[[str], str | None]) -> Around:
    def around(passage: Passage) -> Response:
        text = argument(passage.request, parameter)
        return passage.proceed(with_argument(passage.request, parameter, change(text)) if text else None)

    return around


# Filters and pages


def _pages(operation: Operation) -> Iterator[Defect]:
    table = operation.table
    names = tuple(table.get("filters", ())) + ((table["filter"]["parameter"],) if "filter" in table else ())
    paging = table.get("paging")
    if not names or paging is None:
        return
    place, first = _OF_LATER_PAGES[paging["style"]]

    def around(passage: Passage) -> Response:
        is_later = argument(passage.request, place) not in (None, first)
        return passage.proceed(_unfiltered(passage.request, names) if is_later else None)

    yield Defect(
        f"{kebab(operation.id)}-filters-the-first-page",
        "filter",
        f"{operation.id} filters its first page, and shows whatever there is on the others.",
        (operation.id,),
        around,
    )


def _unfiltered(request: Request, names: tuple[str, ...]) -> Request:
    kept = [(key, value) for key, value in query_of(request) if key.partition("[")[0] not in names]
    return with_query(request, kept)


# A language of conditions


def _language(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    table, name, own = operation.table["filter"], kebab(operation.id), (operation.id,)
    parameter, rules = table["parameter"], table.get("rules", {})

    def is_bound(group: str, word: str) -> bool:
        rule = rules.get(group, {}).get(word)
        return rule is not None and vendor.rules[rule].binding

    yield Defect(
        f"{name}-ignores-{kebab(parameter)}",
        "filter",
        f"{operation.id} lists all records whatever the filter says.",
        own,
        lambda passage: passage.proceed(_unfiltered(passage.request, (parameter,))),
    )
    for word, wrong, what in _OPERATORS:
        if is_bound("operators", word):
            around = _on_tree(_operator(word, wrong))
            yield Defect(f"{name}-takes-{word}-for-{wrong}", "filter", what, own, around)
    for word, sign, wrong, what in _COMPARISONS:
        if is_bound("operators", word):
            others = [alias for alias, one in table.get("aliases", {}).items() if one["for"] == word]
            pattern = re.compile(rf"\b(?:{'|'.join([word, *others])})\b|(?<![<>=!]){sign}(?!=)")
            around = partial(_reworded, parameter=parameter, pattern=pattern, word=f" {wrong} ")
            yield Defect(f"{name}-takes-{word}-for-{wrong}", "filter", what, own, around)
    if is_bound("operators", "in"):
        yield Defect(
            f"{name}-takes-the-first-of-in",
            "filter",
            "Of the values that `in` lists only the first counts.",
            own,
            _on_tree(_first_value),
        )
    for group, word, defect, what, change in _JOINTS:
        if is_bound(group, word):
            yield Defect(f"{name}-{defect}", "filter", what, own, _on_tree(change, joins=True))
    if "related" in table:
        yield Defect(
            f"{name}-ignores-related-records",
            "filter",
            "Conditions on the fields of related records are passed over.",
            own,
            _on_tree(lambda part: All() if isinstance(part, Through) else part),
        )
    if is_bound("specials", "today"):
        yield Defect(
            f"{name}-is-a-day-behind",
            "time-zone",
            "In filters today is yesterday, as where the day of UTC has not begun.",
            own,
            partial(_reworded, parameter=parameter, pattern=_TODAY, word="today-1d"),
        )


_OPERATORS = (
    ("eq", "contains", "In filters a text equals another that contains it."),
    ("contains", "startswith", "In filters a text contains only what it begins with."),
    ("startswith", "contains", "In filters a text begins with whatever it contains."),
    ("endswith", "contains", "In filters a text ends with whatever it contains."),
    ("isnull", "isnotnull", "In filters isnull keeps what is not null."),
    ("isnotnull", "isnull", "In filters isnotnull keeps what is null."),
)
# How a comparison is written is the language's affair, and so is what becomes of it: it is bent in the text.
_COMPARISONS = (
    ("lt", "<", "lte", "In filters lt keeps what is equal."),
    ("lte", "<=", "lt", "In filters lte leaves out what is equal."),
    ("gt", ">", "gte", "In filters gt keeps what is equal."),
    ("gte", ">=", "gt", "In filters gte leaves out what is equal."),
)


def _operator(word: str, wrong: str, field: str | None = None) -> Change:
    def change(part: Expression) -> Expression:
        if not isinstance(part, Condition) or part.op != word or field not in (None, part.field):
            return part
        if wrong == "contains" and (not isinstance(part.value, str) or part.field.endswith("id")):
            return part
        return replace(part, op=wrong)  # type: ignore[arg-type]  # one of the operators, by the tables above

    return change


def _first_value(part: Expression) -> Expression:
    if isinstance(part, Condition) and part.op == "in" and len(part.value) > 1:
        return replace(part, value=part.value[:1])
    return part


def _or_for_and(part: Expression) -> Expression:
    return any_of(part.parts) if isinstance(part, And) else part


def _and_for_or(part: Expression) -> Expression:
    return all_of(part.parts) if isinstance(part, Or) else part


def _first_of_and(part: Expression) -> Expression:
    return part.parts[0] if isinstance(part, And) and part.parts else part


def _first_of_or(part: Expression) -> Expression:
    return part.parts[0] if isinstance(part, Or) and part.parts else part


def _flat(part: Expression) -> Expression:
    """`a and (b or c)` as `(a and b) or c`."""
    if isinstance(part, And) and len(part.parts) == 2 and isinstance(part.parts[1], Or):
        first, *rest = part.parts[1].parts
        return Or((And((part.parts[0], first)), *rest))
    return part


def _quantified(word: str, wrong: Any) -> Change:
    def change(part: Expression) -> Expression:
        return replace(part, quantifier=wrong) if isinstance(part, Children) and part.quantifier == word else part

    return change


def _miscounted(part: Expression) -> Expression:
    if isinstance(part, Children) and part.quantifier == "count":
        return replace(part, value=part.value + 1)
    return part


_JOINTS: tuple[tuple[str, str, str, str, Change], ...] = (
    (
        "algebra",
        "words",
        "takes-and-for-or",
        "In filters one of the conditions joined with `and` is enough.",
        _or_for_and,
    ),
    ("algebra", "words", "takes-or-for-and", "In filters all conditions joined with `or` must hold.", _and_for_or),
    (
        "algebra",
        "words",
        "takes-the-first-of-and",
        "Of conditions joined with `and` only the first counts.",
        _first_of_and,
    ),
    (
        "algebra",
        "words",
        "takes-the-first-of-or",
        "Of conditions joined with `or` only the first counts.",
        _first_of_or,
    ),
    ("algebra", "parentheses", "ignores-parentheses", "Parentheses in filters are passed over.", _flat),
    (
        "relations",
        "any",
        "takes-any-for-all",
        "In filters `any` keeps those of which all fit.",
        _quantified("any", "all"),
    ),
    (
        "relations",
        "none",
        "takes-none-for-any",
        "In filters `none` keeps those of which any fits.",
        _quantified("none", "any"),
    ),
    ("relations", "count", "counts-one-too-few", "In filters `count` counts one too few.", _miscounted),
)


def _on_tree(change: Change, *, joins: bool = False) -> Around:
    tap = Tap(listing=_listing(change, joins=joins))
    return lambda passage: passage.proceed(tap=tap)


def _listing(change: Change, *, joins: bool = False) -> Callable[[Expression, Any], tuple[Expression, Any]]:
    """What stands at the top joins the asked conditions with those of the list's own."""
    return lambda where, order: (_walked(where, change, 2 if joins else 0), order)


def _walked(part: Expression, change: Change, above: int) -> Expression:
    """The tree with a change made from its leaves up; not in so many levels at its top."""
    match part:
        case And(parts):
            part = And(tuple(_walked(one, change, above - 1) for one in parts))
        case Or(parts):
            part = Or(tuple(_walked(one, change, above - 1) for one in parts))
        case Not(inner):
            part = Not(_walked(inner, change, above - 1))
        case Through() | Children():
            part = replace(part, part=_walked(part.part, change, above - 1))
    return part if above > 0 else change(part)


_TODAY = re.compile(r"\btoday\b(?![+-])")


def _reworded(passage: Passage, *, parameter: str, pattern: re.Pattern[str], word: str) -> Response:
    query = query_of(passage.request)
    changed = [
        (key, pattern.sub(_like(value, word), value) if key.partition("[")[0] == parameter else value)
        for key, value in query
    ]
    return passage.proceed(with_query(passage.request, changed) if changed != query else None)


def _like(value: str, word: str) -> str:
    """A word with blanks at its sides, but not where the filter is JSON or that word alone."""
    return word.strip() if value.lstrip()[:1] in ("[", "{") or " " not in value.strip() else word
