"""Conditions joined by and, by or, in groups: pairs and triples of which every wrong reading has another answer."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from contracts.laws.filter_picks import best
from contracts.laws.filter_stock import Stock
from contracts.laws.filter_terms import EVERY_LEEWAY, Both, Either, Term, fits

Check = Callable[[], None]
Reading = Callable[..., Term]

_TRIES = 400
_OPS = ("eq", "contains", "in", "isnull", "gte", "lt", "startswith", "isnotnull")


def algebra(stock: Stock, rule: str) -> Iterator[Check]:
    for word, behind in stock.table.get("rules", {}).get("algebra", {}).items():
        if behind == rule:
            draw = Draw(stock, random.Random(f"{stock.tenant.seed} {rule}"))
            for term, form in _CASES_OF[word](draw):
                yield partial(stock.agree, term, leeway=EVERY_LEEWAY, form=form)


def _pool(stock: Stock) -> list[Term]:
    """Conditions that divide the records, with nothing open about them."""
    for name, entry in stock.table["fields"].items() if not stock.pool else ():
        known = stock.table["classes"][entry["class"]]
        for op in _OPS if entry["type"] in ("text", "id", "enum", "date") else ():
            term = best(stock, (name,), op, EVERY_LEEWAY) if op in known else None
            if term is not None and set(_answer(stock, term)) == {True, False}:
                stock.pool.append(term)
    return stock.pool


def _answer(stock: Stock, term: Term) -> tuple[bool | None, ...]:
    view = stock.view(EVERY_LEEWAY)
    return tuple(fits(term, record, view) for record in stock.records())


@dataclass(frozen=True)
class Draw:
    """Draws conditions from the pool, by a chance of its own."""

    stock: Stock
    chance: random.Random

    def __call__(self, times: int, number: int, right: Reading, *wrong: Reading) -> Iterator[Term]:
        """Terms of so many conditions whose answer is not that of any wrong reading."""
        pool = _pool(self.stock)
        for _ in range(_TRIES if len(pool) >= number else 0):
            parts = self.chance.sample(pool, number)
            term = right(*parts)
            if times and all(_answer(self.stock, each(*parts)) != _answer(self.stock, term) for each in wrong):
                times -= 1
                yield term


def _both(*parts: Term) -> Term:
    return Both(parts)


def _either(*parts: Term) -> Term:
    return Either(parts)


def _first(*parts: Term) -> Term:
    return parts[0]


def _last(*parts: Term) -> Term:
    return parts[-1]


def _or_then_and(a: Term, b: Term, c: Term) -> Term:
    return Either((a, Both((b, c))))


def _and_then_or(a: Term, b: Term, c: Term) -> Term:
    return Either((Both((a, b)), c))


def _and_of_or(a: Term, b: Term, c: Term) -> Term:
    return Both((a, Either((b, c))))


def _or_of_and(a: Term, b: Term, c: Term) -> Term:
    return Both((Either((a, b)), c))


def _nested(a: Term, b: Term, c: Term, d: Term) -> Term:
    return Either((Both((a, Either((b, c)))), Both((c, d))))


def _words(draw: Draw) -> Iterator[tuple[Term, str]]:
    for number in (2, 3):
        yield from ((term, "text") for term in draw(2, number, _both, _either, _first, _last))
        yield from ((term, "text") for term in draw(2, number, _either, _both, _first, _last))


def _lists(draw: Draw) -> Iterator[tuple[Term, str]]:
    for number in (2, 3):
        yield from ((term, "json") for term in draw(3, number, _both, _either, _first, _last))


def _groups(draw: Draw) -> Iterator[tuple[Term, str]]:
    yield from ((term, "json") for term in draw(2, 2, _either, _both, _first, _last))
    yield from ((term, "json") for term in draw(2, 3, _and_of_or, _both, _either, _and_then_or))
    yield from ((term, "json") for term in draw(2, 4, _nested, _both, _either))


def _parentheses(draw: Draw) -> Iterator[tuple[Term, str]]:
    yield from ((term, "text") for term in draw(3, 3, _or_of_and, _or_then_and))
    yield from ((term, "text") for term in draw(3, 3, _and_of_or, _and_then_or))


def _precedence(draw: Draw) -> Iterator[tuple[Term, str]]:
    yield from ((term, "text") for term in draw(3, 3, _or_then_and, _or_of_and))
    yield from ((term, "text") for term in draw(3, 3, _and_then_or, _and_of_or))


_CASES_OF: Mapping[str, Callable[[Draw], Iterator[tuple[Term, str]]]] = {
    "list": _lists,
    "groups": _groups,
    "words": _words,
    "parentheses": _parentheses,
    "precedence": _precedence,
}
