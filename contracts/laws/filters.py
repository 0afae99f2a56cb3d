"""Filters: a list answers exactly those records that fit the conditions it was asked for.

A rule is judged by the cases that the filter table gives it (a field, an operator, a special value, a pair of filters),
so that one defect is not laid at the door of all rules.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from contracts.findings import Broken, NotJudged
from contracts.laws.aspects import Skips
from contracts.laws.filter_algebra import algebra
from contracts.laws.filter_picks import NULLS, best, inner_picks
from contracts.laws.filter_stock import Stock, stock_of
from contracts.laws.filter_terms import Counted, Leeway, Related, Where, as_text, quoted
from contracts.laws.terms import judged
from contracts.tenant import Tenant
from mockserver.vendor import Operation, Rule

Check = Callable[[], None]
Cases = Callable[[Stock, str], Iterator[Check]]

_MOST_ON_TENANT = 14  # cases of one rule
_PAGE = 3
_DATES = ("lt", "lte", "gt", "gte")
_OPEN: frozenset[Leeway] = frozenset({"null", "case"})
_CASE: frozenset[Leeway] = frozenset({"case"})
_STRICT: frozenset[Leeway] = frozenset()


def filters(tenant: Tenant, rule: Rule) -> None:
    """The cases of one rule, each against a reckoning of its own over all records."""
    _judge(tenant, rule, _checks)


def filter_algebra(tenant: Tenant, rule: Rule) -> None:
    """Conditions that are joined mean the intersection or the union of what each alone means."""
    _judge(tenant, rule, algebra)


def _judge(tenant: Tenant, rule: Rule, cases: Cases) -> None:
    if tenant.is_mock:
        _try_all(tenant, rule, cases, lambda operation: stock_of(tenant, operation))
        return
    known: dict[str, Exception | None] = tenant.target.prepared.setdefault("filters", {})
    if rule.id not in known:
        _judge_at_once(tenant, known)
    if (trouble := known[rule.id]) is not None:
        raise trouble


def _judge_at_once(tenant: Tenant, known: dict[str, Exception | None]) -> None:
    """On a tenant every rule of these laws in one go: what was made for them goes when the first of them is judged."""
    stocks: dict[str, Stock] = {}

    def stock(operation: Operation) -> Stock:
        if operation.id not in stocks:
            stocks[operation.id] = stock_of(tenant, operation)
        return stocks[operation.id]

    for rule in tenant.vendor.rules.values():
        if rule.judge == "law" and rule.detail[0] in _LAWS:
            try:
                _try_all(tenant, rule, _LAWS[rule.detail[0]], stock)
            except (Broken, NotJudged) as trouble:
                known[rule.id] = trouble
            else:
                known[rule.id] = None


def _try_all(tenant: Tenant, rule: Rule, cases: Cases, stock: Callable[[Operation], Stock]) -> None:
    done, skips = 0, Skips()
    for operation in judged(tenant, rule, "list"):
        table = operation.table.get("filter")
        if table is None:
            continue
        if not tenant.is_mock and rule.id in table.get("mock_only", ()):
            raise NotJudged("a tenant's documents leave it open")
        known = stock(operation)
        if known.lost is not None:
            # Every case would compare nothing with nothing; the operator that looks for our own records is to blame.
            if table.get("rules", {}).get("operators", {}).get("contains") == rule.id:
                raise Broken(known.lost)
            raise NotJudged("the filter for the records of this run does not find them")
        for check in islice(cases(known, rule.id), None if tenant.is_mock else _MOST_ON_TENANT):
            with skips.one():
                check()
            done += 1
    if not done:
        raise NotJudged("no filter table has a case for this rule")
    skips.settle()


def _checks(stock: Stock, rule: str) -> Iterator[Check]:
    table = stock.table
    for name, entry in table["fields"].items():
        if entry.get("rule") == rule:
            yield from _field(stock, name, entry)
    for alias, entry in table["aliases"].items():
        if entry.get("rule") == rule:
            yield from _alias(stock, alias, entry["for"])
    rules = table.get("rules", {})
    for words, cases in (("operators", _operator), ("specials", _special), ("relations", _relation)):
        for word, behind in rules.get(words, {}).items():
            if behind == rule:
                yield from cases(stock, word)
    for one, other in table.get("equal", {}).get(rule, ()):
        yield partial(stock.equal, one, other)
    for text, *named in table.get("refused", {}).get(rule, ()):
        yield partial(stock.refuses, text, *named)
    for field, op, value in table.get("found", {}).get(rule, ()):
        yield partial(stock.agree, Where(field, op, tuple(value) if isinstance(value, list) else value))


# Fields


def _field(stock: Stock, name: str, entry: Mapping[str, Any]) -> Iterator[Check]:
    """Every operator of the field's class, by its plain name or an alias, and the refusal of every other."""
    table = stock.table
    own = table["classes"][entry["class"]]
    if entry["type"] == "relation":
        for quantifier in ("any", "none", "all"):
            for part in islice(inner_picks(stock, name), 2):
                yield partial(stock.agree, Related(name, quantifier, part), leeway=_OPEN)
        yield partial(stock.agree, Counted(name, "gte", 1))
    elif entry["type"] == "choice":
        for value in entry["values"]:
            yield partial(stock.agree, Where(name, "eq", value))
    else:
        for op in own:
            plain = table["aliases"].get(op, {"for": op})["for"]
            term = best(stock, (name,), plain, _OPEN)
            if term is not None:
                yield partial(stock.agree, term, leeway=_OPEN, alias=op)
    for op in dict.fromkeys(op for ops in table["classes"].values() for op in ops):
        if op not in own:
            yield partial(stock.refuses, *_foreign(stock, name, op))


def _foreign(stock: Stock, name: str, op: str) -> tuple[str, str]:
    """A filter with an operator that is not the field's, and the word that its refusal names."""
    plain = stock.table["aliases"].get(op, {"for": op})["for"]
    if plain in NULLS:
        return f"{name} {op}", op
    if plain in ("in", "nin"):
        return f'{name} {op} ["x"]', op
    if plain in ("any", "none", "all"):
        return f"{name} {op} ()", op
    if plain == "count":
        return f'[{{"field": {quoted(name)}, "op": "count", "value": 1}}]', op
    return f'{name} {op} "x"', op


# Words


def _operator(stock: Stock, op: str) -> Iterator[Check]:
    """One operator on a field of each kind, of the record itself and of each related one; and before pages are cut."""
    leeway = _CASE if op not in NULLS else _STRICT
    kinds: dict[tuple[str, str], list[str]] = {}
    for name, entry in stock.table["fields"].items():
        if op in stock.table["classes"][entry["class"]] and entry["type"] != "choice":
            kinds.setdefault((name.rpartition(".")[0], entry["type"]), []).append(name)
    for number, names in enumerate(kinds.values()):
        # On a tenant the mark stands in one of the fields, which may then say nothing of how a text begins or ends.
        term = best(stock, names[:1] if stock.is_mock else names, op, leeway)
        if term is not None:
            yield partial(stock.agree, term, leeway=leeway)
            if not number:
                yield partial(stock.paged, term, _PAGE)


def _alias(stock: Stock, alias: str, plain: str) -> Iterator[Check]:
    """An operator by its other name, on a field of each class that has it."""
    for name_of_class, ops in stock.table["classes"].items():
        fields = [name for name, entry in stock.table["fields"].items() if entry["class"] == name_of_class]
        for name in fields[:2] if alias in ops else ():
            term = best(stock, (name,), plain, _OPEN)
            if term is not None:
                yield partial(_same, stock, as_text(term), as_text(Where(term.field, alias, term.value)))


def _same(stock: Stock, plain: str, alias: str) -> None:
    """Both answer the same, unlike no filter at all."""
    if not stock.is_mock:
        stock.equal(alias, plain)
        return
    found, wanted = (stock.answered(stock.query(text), f"{stock.operation.id} with {text}") for text in (alias, plain))
    if found != wanted:
        raise Broken(
            f"{stock.operation.id}: expected the {len(wanted)} records of {plain} for {alias}, got {len(found)}"
        )


def _special(stock: Stock, word: str) -> Iterator[Check]:
    dates = [name for name, entry in stock.table["fields"].items() if entry["type"] == "date"]
    if word == "me.id":
        yield from _me(stock)
    elif word == "week":
        yield from _week(stock, dates[0])
    elif word == "whole-day":
        for hour, minute, second in ((0, 0, 0), (12, 0, 0), (23, 59, 59)):
            moment = stock.now and stock.now.replace(hour=hour, minute=minute, second=second)
            yield partial(_at, stock, moment, Where(dates[0], "eq", "today"))
    elif word == "date-time":
        for op in ("eq", "ne", *_DATES):
            for text in _moments(stock, dates[0]):
                yield partial(stock.agree, Where(dates[0], op, text), leeway=_OPEN)
    else:
        for value in _relatives(word):
            for op in (*_DATES, "eq"):
                yield partial(stock.agree, Where(dates[0], op, value))
        if word == "now" and stock.now is not None:
            midnight = stock.now.replace(hour=0, minute=0, second=0)
            for op in (*_DATES, "eq"):
                yield partial(_at, stock, midnight, Where(dates[0], op, "now"))
        for name in dates[1:]:
            yield partial(stock.agree, Where(name, "lte", word))


def _relatives(word: str) -> tuple[str, ...]:
    """The special value itself; for a number of days away both directions and some numbers."""
    return ("today-30d", "today+5d", "today+0d", "today-1d", "today+40d") if word.startswith("today-") else (word,)


def _moments(stock: Stock, name: str) -> Iterator[str]:
    """Instants at midnight, and off it, of a day that a record has; the same with other offsets."""
    days = sorted({str(record[name])[:10] for record in stock.records() if record.get(name) is not None})
    for day in days[len(days) // 2 : len(days) // 2 + 1]:
        yield from (f"{day}T00:00:00Z", f"{day}T00:00:00.001Z", f"{day}T12:00:00Z", f"{day}T02:00:00+02:00")


def _me(stock: Stock) -> Iterator[Check]:
    """The caller's own id, for each caller that is somebody and may read the list."""
    scopes = set(stock.operation.scopes)
    names = [name for name, entry in stock.table["fields"].items() if entry["type"] == "id"]
    if not stock.is_mock:
        raise NotJudged("the id of the caller's user is not known")
    seen = set()
    for name, caller in stock.tenant.vendor.callers.items():
        is_colleague = caller.account == stock.tenant.vendor.callers["owner"].account and caller.expires_at is None
        if not is_colleague or caller.user in seen or not scopes <= set(caller.scopes):
            continue
        seen.add(caller.user)
        for field in names:
            yield partial(stock.agree, Where(field, "eq", "me.id"), caller=name)
        for op, value in (("ne", "me.id"), ("in", ("me.id",)), ("nin", ("me.id", "x"))):
            yield partial(stock.agree, Where(_held_by(stock, names, caller.user), op, value), caller=name, leeway=_OPEN)


def _held_by(stock: Stock, names: list[str], user: str | None) -> str:
    """The field that bears the ids of users: one in which this one stands."""
    return next((name for name in names if stock.holds(name, user)), names[0])


def _week(stock: Stock, name: str) -> Iterator[Check]:
    """The first and the last second of a week, and those beside them."""
    clocks: list[datetime | None] = [None]
    if stock.now is not None:
        monday = stock.now.replace(hour=0, minute=0, second=0) - timedelta(days=stock.now.weekday())
        clocks = [monday + timedelta(days=days, seconds=seconds) for days in (0, 7) for seconds in (-1, 0)]
    for clock in clocks:
        for value in ("sow", "eow"):
            for op in ("eq", "lt", "gt"):
                yield partial(_at, stock, clock, Where(name, op, value))


def _at(stock: Stock, moment: datetime | None, term: Where) -> None:
    """At a time of the clock, or now where it is not ours."""
    if moment is None:
        stock.agree(term)
        return
    with stock.at(moment):
        stock.agree(term)


def _relation(stock: Stock, word: str) -> Iterator[Check]:
    relations = [name for name, entry in stock.table["fields"].items() if entry["type"] == "relation"]
    for name in relations:
        if word == "count":
            for op in ("eq", "ne", *_DATES):
                for number in (0, 1, 2):
                    yield partial(stock.agree, Counted(name, op, number))
        elif word == "fields":
            fields = stock.table["fields"][name]["fields"]
            for field, entry in fields.items():
                for op in stock.table["classes"][entry["class"]]:
                    plain = stock.table["aliases"].get(op, {"for": op})["for"]
                    part = next(inner_picks(stock, name, field, plain), None)
                    if part is not None:
                        yield partial(stock.agree, Related(name, "any", part), leeway=_OPEN)
        else:
            for part in inner_picks(stock, name):
                yield partial(stock.agree, Related(name, word, part), leeway=_OPEN)
            yield partial(stock.agree, Related(name, word))


_LAWS: Mapping[str, Cases] = {"filter": _checks, "filter-algebra": algebra}
