"""What the laws of filters work on: the records of a list, all of them read once, and filters sent and compared.

On the stand-in these are all records of a world whose clock stands still; on a tenant the few that the run made.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from contracts.findings import Broken, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.filter_terms import (
    EVERY_LEEWAY,
    Both,
    Counted,
    Leeway,
    Related,
    Term,
    View,
    Where,
    as_json,
    as_text,
    fits,
    meaning,
    value_of,
)
from contracts.laws.paged import Paged
from contracts.laws.pages import walk
from contracts.laws.terms import Record, brief, key_of, refusal, refused, short, succeed
from contracts.tenant import Tenant
from mockserver.vendor import Operation

_FEW = 8  # records that are made on a tenant, and one more that begins where the first ends
_PAGE_ON_TENANT = 2
_NOON = 12
_LOOKS = 3  # for what was just made, in a list that may lag behind
_BETWEEN_LOOKS = 2.0  # seconds


@dataclass
class Stock:
    """The records of one list. `now` is None where the clock is not ours."""

    tenant: Tenant
    operation: Operation
    now: datetime | None
    items: dict[str, list[Record]] = field(default_factory=dict)
    pool: list[Term] = field(default_factory=list)
    picked: dict[Any, Where | None] = field(default_factory=dict)
    lost: str | None = None  # what the filter for our own records does not find, on a tenant

    @property
    def table(self) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self.operation.table["filter"]
        return table

    @property
    def is_mock(self) -> bool:
        return self.tenant.is_mock

    def records(self, caller: str = "owner") -> list[Record]:
        """All that a caller is shown, with all that a filter may ask for."""
        if caller not in self.items:
            self.items[caller] = walk(Bench(self.tenant), self.operation, {}, query=self._reading(), caller=caller)
        return self.items[caller]

    def _reading(self) -> dict[str, Any]:
        include = self.operation.table.get("include")
        names = {name.partition(".")[0] for name in self.table["fields"]}
        wanted = [name for name in include["names"] if name in names] if include else []
        query = {include["parameter"]: ",".join(wanted)} if include and wanted else {}
        return query if self.is_mock else query | {self.table["parameter"]: as_text(Both(self._limits()))}

    def _limits(self) -> tuple[Term, ...]:
        """On a tenant every filter asks for our own records, and says what tenants may differ in without it."""
        mark = self.tenant.target.model.sample(self.operation.table["resource"])["mark"]
        always = self.table.get("always")
        return (Where(mark, "contains", self.tenant.target.mark), *([Where(*always)] if always else []))

    def view(self, leeway: frozenset[Leeway] = frozenset(), caller: str = "owner") -> View:
        """How conditions are worked out now; on a tenant all is open that may be."""
        known = self.tenant.vendor.callers.get(caller)
        me = getattr(known, "user", None) if self.is_mock else None
        now = self.now or datetime.now(UTC)
        return View(self.table["fields"], now, me, leeway if self.is_mock else EVERY_LEEWAY)

    def holds(self, name: str, value: Any) -> bool:
        """Whether a record has this value in a field."""
        return any(value_of(record, name) == value for record in self.records())

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Another time of the clock for a while."""
        clock, before = self.tenant.needs_clock(), self.now
        try:
            self.now = clock.set(moment.isoformat())
            yield
        finally:
            if before is not None:
                self.now = clock.set(before.isoformat())

    # Sending

    def query(self, text: str | None) -> dict[str, Any]:
        """The parameters of a filter: none, one, or those of the form-encoded form."""
        name = self.table["parameter"]
        if text is None:
            return {}
        if not text.startswith(f"{name}["):
            return {name: text}
        found: dict[str, Any] = {}
        for key, value in parse_qsl(text, keep_blank_values=True):
            found.setdefault(key, []).append(value)
        return found

    def answered(self, query: Mapping[str, Any], what: str, *, caller: str = "owner") -> list[Any]:
        """The keys of the records of every page, in their order."""
        key = key_of(self.tenant.vendor, self.operation.table["resource"])
        try:
            return [item[key] for item in walk(Bench(self.tenant), self.operation, {}, query=query, caller=caller)]
        except Broken as broken:
            raise Broken(f"{what}: {broken.what.removeprefix(self.operation.id)}", broken.answer) from None

    def agree(
        self,
        term: Term,
        *,
        leeway: frozenset[Leeway] = frozenset(),
        form: str = "text",
        caller: str = "owner",
        alias: str | None = None,
    ) -> None:
        """The list answers those records that fit by our own reckoning; `alias` is another name of the operator."""
        written = replace(term, op=alias) if alias is not None and isinstance(term, Where) else term
        sent = written if self.is_mock else Both((written, *self._limits()))
        text = as_text(sent) if form == "text" else as_json(sent)
        what = f"{self.operation.id} with the filter {text}" + (f" by {caller}" if caller != "owner" else "")
        try:
            answer = self.answered({self.table["parameter"]: text}, what, caller=caller)
        except Broken as broken:
            status = broken.answer.status if broken.answer else 0
            if not self.is_mock and status == 400 and isinstance(term, Related | Counted):
                raise NotJudged(f"the target does not read {text}") from None
            raise
        key = key_of(self.tenant.vendor, self.operation.table["resource"])
        view, records = self.view(leeway, caller), self.records(caller)
        for record in records:
            fit, is_there = fits(term, record, view), answer.count(record[key])
            if fit is not None and (is_there == 1) != fit:
                told = "once" if fit else "not"
                raise Broken(f"{what}: expected {_shown(term, record, key)} {told}, got it {is_there} times")
        strangers = set(answer) - {record[key] for record in records}
        if strangers:
            raise Broken(
                f"{what}: {sorted(map(str, strangers))[0]} is in the answer, which is in no list without the filter"
            )

    def paged(self, term: Term, size: int) -> None:
        """A filter chooses before pages are cut: every page but the last is full, on a tenant it is not empty.

        There the second page is held against what a long one shows.
        """
        if "paging" not in self.operation.table:
            return
        lister = Paged(Bench(self.tenant), self.operation)
        query = {self.table["parameter"]: as_text(term if self.is_mock else Both((term, *self._limits())))}
        if self.is_mock:
            least, pages = size, lister.walk(size, query)
        else:  # where a filter that is not heeded may have no end
            least, pages = 1, lister.walk(_PAGE_ON_TENANT, query, most=2)
            chosen = {str(key) for key in self.answered(query, pages[0].what)}
            if strangers := {key for page in pages for key in page.keys} - chosen:
                raise Broken(
                    f"{pages[-1].what}: {min(strangers)} is not among the {len(chosen)} that longer pages show",
                    pages[-1].answer,
                )
        for page in pages[:-1]:
            if len(page.items) < least:
                raise Broken(f"{page.what}: a page of {len(page.items)} records, though more follow", page.answer)

    def equal(self, one: str, other: str | None) -> None:
        """Two filters have one answer, which on the stand-in is neither empty nor everything."""
        shown = "no filter" if other is None else other
        what = f"{self.operation.id} with the filter {one}"
        if not self.is_mock:
            for _ in range(3):  # others may be at work between the two
                first, second = (
                    self._first(self.query(text), f"{self.operation.id} with the filter {text}")
                    for text in (one, other)
                )
                if first == second:
                    return
            raise Broken(f"{what}: expected the answer of {shown}")
        found, wanted = (
            self.answered(self.query(one), what),
            self.answered(self.query(other), f"{self.operation.id} with {shown}"),
        )
        if found != wanted:
            raise Broken(f"{what}: expected the {len(wanted)} records of {shown}, got {len(found)} others or more")
        if other is not None and not 0 < len(found) < len(self.records()):
            raise Broken(f"{what}: expected some of the {len(self.records())} records, got {len(found)}")

    def _first(self, query: Mapping[str, Any], what: str) -> list[Any]:
        key = key_of(self.tenant.vendor, self.operation.table["resource"])
        answer = self.tenant.call(self.operation.id, query=query)
        relations = [name for name, entry in self.table["fields"].items() if entry["type"] == "relation"]
        if answer.status == 400 and any(re.search(rf"\b{name}\b", str(query)) for name in relations):
            raise NotJudged(f"{what}: the target does not read it")
        return [item[key] for item in succeed(self.tenant, self.operation, answer, what)]

    def refuses(self, text: str, word: str | None = None) -> None:
        """The filter is refused; the stand-in names what is wrong."""
        what = f"{self.operation.id} with the filter {text}"
        answer = self.tenant.call(self.operation.id, query=self.query(text))
        refused(self.tenant, answer, refusal(self.tenant.vendor, "filter_wrong"), what)
        if self.is_mock and word is not None and word not in json.dumps(answer.json(), ensure_ascii=False):
            raise Broken(f"{what}: expected the refusal to name {word!r}, got {brief(answer)}", answer)


def _shown(term: Term, record: Record, key: str) -> str:
    """A record, by its key and by what the condition asks."""
    name = str(getattr(term, "field", "")).partition(".")[0]
    return f"{record[key]} ({name}: {short(record[name])})" if name in record else str(record[key])


def stock_of(tenant: Tenant, operation: Operation) -> Stock:
    """The records of a list: on the stand-in made and read once in a run, on a tenant for as long as a law works."""
    if tenant.is_mock:
        return tenant.prepared(f"filter {operation.id}", lambda fresh: _prepare(fresh, operation))
    return _prepare(tenant, operation)


def _prepare(tenant: Tenant, operation: Operation) -> Stock:
    now: datetime | None = None
    if tenant.clock is not None:
        tenant.clock.freeze()
        now = tenant.clock.set(_middle(tenant.clock.now()).isoformat())
    stock = Stock(tenant, operation, now)
    made: list[str] = []
    resource = operation.table["resource"]
    for body in stock.table.get("records", ())[: None if tenant.is_mock else _FEW]:
        record = tenant.create(resource, **_filled(stock, body, made))
        made.append(str(record.get(key_of(tenant.vendor, resource))))
        if tenant.clock is not None and stock.table.get("pause"):
            stock.now = tenant.clock.advance(stock.table["pause"])
    if not tenant.is_mock and made and (turned := _turned(stock, made)):
        made.append(str(tenant.create(resource, **turned).get(key_of(tenant.vendor, resource))))
    for _ in range(1 if tenant.is_mock else _LOOKS):
        missing = set(made) - {str(record.get(key_of(tenant.vendor, resource))) for record in stock.records()}
        if tenant.is_mock or not missing:
            return stock
        tenant.target.guard.watch.sleep(_BETWEEN_LOOKS)
        stock.items.clear()
    stock.records()
    stock.lost = f"{operation.id} with the filter {as_text(Both(stock._limits()))}: expected {min(missing)}, got it not"
    return stock


def _turned(stock: Stock, made: Sequence[str]) -> dict[str, Any]:
    """The first record once more, with the run's mark in front: how a text begins and ends tells the two apart."""
    body = _filled(stock, stock.table["records"][0], made)
    name = stock.tenant.target.model.sample(stock.operation.table["resource"]).get("mark")
    mark = f"[{stock.tenant.target.mark}]"
    if not isinstance(name, str) or not isinstance(text := body.get(name), str):
        return {}
    return {**body, name: f"{mark} {text.removesuffix(f' {mark}')}"}


def _middle(now: datetime) -> datetime:
    """Noon of the next Wednesday in the middle of a month: then week and month begin and end on different days."""
    day = now.replace(hour=_NOON, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while day.weekday() != 2 or not 9 <= day.day <= 20:
        day += timedelta(days=1)
    return day


def _filled(stock: Stock, body: Mapping[str, Any], made: Sequence[str]) -> dict[str, Any]:
    """The fields of a record, with dates, keys and users in the place of their words; without those not known here."""
    mark = stock.tenant.target.model.sample(stock.operation.table["resource"]).get("mark")
    now = stock.now or datetime.now(UTC)
    found: dict[str, Any] = {}
    for name, value in body.items():
        word = value[1:] if isinstance(value, str) and value.startswith("$") else ""
        if date := re.fullmatch(r"(today|sow|eow|som|eom)([+-]\d+)?d?", word):
            day = meaning(date[1], now)[0] + timedelta(days=int(date[2] or 0))
            value = day.date().isoformat()
        elif word.startswith("made."):
            value = made[int(word.removeprefix("made."))]
        elif word.startswith("user."):
            caller = stock.tenant.vendor.callers.get(word.removeprefix("user."))
            value = getattr(caller, "user", None) if stock.is_mock else None
        elif word.startswith("known."):
            value = stock.tenant.known.get(word.removeprefix("known."))
        elif name == mark and not stock.is_mock:
            value = f"{value} [{stock.tenant.target.mark}]"
        if value is not None or body[name] is None:
            found[name] = value
    return found
