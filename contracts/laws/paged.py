"""One list as a law pages through it: a page asked for, what the answer tells, and whether pages agree. No law here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contracts.envelopes import find_placeholder
from contracts.findings import Broken, NotJudged
from contracts.laws.bench import Bench
from contracts.laws.terms import Record, brief, judged, key_of, refusal, refused, short, succeed
from contracts.listing import parameter
from contracts.model import fill
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation, Rule

_MOST_PAGES = 400
_MOST_ON_A_TENANT = 20  # pages of a list that is not ours: its length is not ours to choose
NO_NUMBERS = ("abc", "", "1.5", "1e1", "0x10", " ")
MAY_REFUSE = {400, 422}  # what a tenant may answer to a value that the stand-in puts right
SIZE_WORD = {"offset": "limit", "pages": "page_size", "cursor": "size"}
_META = ("count", "page_count", "page_number", "page_size")


@dataclass(frozen=True)
class Page:
    """The records of one answer, by key, and the words that its envelope tells."""

    what: str
    answer: Answer
    items: list[Record]
    keys: list[str]
    places: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def told(self, word: str) -> Any:
        """The value of a word of the envelope, such as `total`; Broken when the answer lacks it."""
        node = self._told
        for key in self.places[word]:
            if isinstance(node, Mapping) and key not in node and self.aliases.get(key) in node:
                key = self.aliases[key]
            if not isinstance(node, Mapping) or key not in node:
                raise Broken(
                    f"{self.what}: expected {'.'.join(self.places[word])} in {brief(self.answer)}", self.answer
                )
            node = node[key]
        return node

    @cached_property
    def _told(self) -> Any:
        return self.answer.json()

    def expect(self, word: str, value: Any) -> None:
        """Broken unless the word has this value, and this type."""
        got = self.told(word)
        if got != value or type(got) is not type(value):
            place = ".".join(self.places[word])
            raise Broken(f"{self.what}: expected {place} {value!r}, got {short(got)}", self.answer)

    def whole(self, word: str) -> int:
        """The value of a word that is a whole number."""
        got = self.told(word)
        if type(got) is not int:
            place = ".".join(self.places[word])
            raise Broken(f"{self.what}: expected {place} to be a whole number, got {short(got)}", self.answer)
        return got


class Paged:
    """A list with pages, within a known parent where it has one."""

    def __init__(self, bench: Bench, lister: Operation, identity: str | None = None) -> None:
        self.bench = bench
        self.lister = lister
        self.table: Mapping[str, Any] = lister.table["paging"]
        self.style: str = self.table["style"]
        self.path = bench.path(lister, identity)
        self.key = key_of(bench.tenant.vendor, lister.table["resource"])
        self._places = _places(lister.table.get("envelope"))
        self._aliases: Mapping[str, str] = {} if bench.tenant.is_mock else lister.table["paging"].get("aliases", {})

    def __str__(self) -> str:
        return f"{self.lister.id} {' '.join(self.path.values())}".strip()

    @property
    def address(self) -> str:
        """The path of the list below the base URL."""
        return fill(self.lister.path, self.path)

    @property
    def tenant(self) -> Tenant:
        return self.bench.tenant

    @property
    def default(self) -> int:
        return int(self.table["default"])

    @property
    def most(self) -> int:
        return int(self.table["most"])

    def name(self, word: str) -> str:
        """The parameter for `size`, `page`, `limit`, `offset` or `cursor`."""
        return parameter(self.table, word)

    def ask(self, query: Mapping[str, Any] | None = None, **words: Any) -> Page:
        """One page, by the words of its style; Broken when it is refused."""
        asked = {**(query or {}), **{self.name(word): value for word, value in words.items()}}
        what = f"{self}{' with ' if asked else ''}{', '.join(f'{name}={value}' for name, value in asked.items())}"
        answer = self.bench.call(self.lister, path=self.path, query=asked)
        return self.page(what, answer)

    def page(self, what: str, answer: Answer) -> Page:
        items = succeed(self.tenant, self.lister, answer, what)
        return Page(what, answer, items, [str(item[self.key]) for item in items], self._places, self._aliases)

    def send(self, query: Mapping[str, Any]) -> Answer:
        return self.bench.call(self.lister, path=self.path, query=query)

    @cached_property
    def whole(self) -> list[str]:
        """The keys of the whole list, by the longest pages."""
        return self.keys()

    def keys(self, size: int | None = None, query: Mapping[str, Any] | None = None) -> list[str]:
        """The keys of all pages."""
        return [key for page in self.walk(size or self.most, query) for key in page.keys]

    def walk(
        self, size: int | None = None, query: Mapping[str, Any] | None = None, *, most: int | None = None
    ) -> list[Page]:
        """All pages from the first on, or the first few, by the words of the style. Broken when there is no end."""
        words: dict[str, Any] = {} if size is None else {"size": size}
        found = [self.ask(query, **words)]
        while len(found) != most and (following := self._following(found)) is not None:
            if not self.tenant.is_mock and len(found) == _MOST_ON_A_TENANT:
                raise NotJudged(f"{self} has more pages than a run walks on a tenant")
            if len(found) == _MOST_PAGES:
                raise Broken(f"{self}: the list does not end after {_MOST_PAGES} pages", found[-1].answer)
            page = self.ask(query, **words, **following)
            self._moves_on(found, page)
            found.append(page)
        return found

    def _moves_on(self, found: list[Page], page: Page) -> None:
        """Broken when cursors lead in a circle: to a page that was there before, and from it to the same next one."""
        if self.style != "cursor" or not page.keys:
            return
        cursor = page.told("next_cursor")
        if cursor is not None and any((each.keys, each.told("next_cursor")) == (page.keys, cursor) for each in found):
            raise Broken(f"{page.what}: the same page was there before, the walk goes in a circle", page.answer)

    def _following(self, found: list[Page]) -> dict[str, Any] | None:
        last = found[-1]
        if self.style == "cursor":
            cursor = last.told("next_cursor")
            return None if cursor is None else {"cursor": cursor}
        seen = sum(len(page.items) for page in found)
        if self.style == "offset":
            return {"offset": seen} if last.items and seen < last.whole("total") else None
        return {"page": len(found) + 1} if len(found) < last.whole("page_count") else None

    def steadily(self, part: Callable[[], None]) -> None:
        """Run a part of a case. On a tenant others may change the list meanwhile: it is then run again, twice."""
        for is_last in (False, False, True):
            before = None if self.tenant.is_mock else self.whole
            try:
                return part()
            except Broken:
                if is_last or before is None or not self._is_changed(before):
                    raise

    def _is_changed(self, before: list[str]) -> bool:
        self.__dict__.pop("whole", None)
        return self.whole != before

    @property
    def may_grow(self) -> bool:
        """Whether records can be made here until the list is long."""
        return self.tenant.is_mock and self.bench.is_ours(self.lister.table["resource"])

    def grow(self, least: int) -> None:
        """Make records until the list has so many; NotJudged where that cannot be done, or not here."""
        resource = self.lister.table["resource"]
        lacking = least - len(self.whole)
        if lacking <= 0:
            return
        if not self.may_grow:
            raise NotJudged(f"needs a list of {resource} with {least} records")
        for _ in range(lacking):
            self.bench.create(resource)
        del self.whole


def lists(tenant: Tenant, rule: Rule) -> list[Paged]:
    """The lists with pages that a rule speaks of; NotJudged when there is none."""
    bench = Bench(tenant)
    found = [Paged(bench, each) for each in judged(tenant, rule, "list") if "paging" in each.table]
    if not found:
        raise NotJudged("no operation of the rule has pages")
    return found


def _places(envelope: Any) -> dict[str, tuple[str, ...]]:
    """Where in an answer each word of the envelope stands."""
    if isinstance(envelope, Mapping) and "by_id" in envelope:
        return {word: ("meta", word) for word in _META} | {"total": ("count",)}
    words = ("total", "limit", "offset", "size", "path", *_CURSORS)
    found = {word: find_placeholder(envelope, f"${word}") for word in words}
    return {word: place for word, place in found.items() if place is not None}


_CURSORS = ("next_cursor", "next_cursor_url", "prev_cursor", "prev_cursor_url")


def put_right(paged: Paged, word: str, value: Any, told: Mapping[str, Any], keys: list[str]) -> None:
    """A bad value is refused, or taken for a good one, as the style has it; a tenant may do either."""
    query = {paged.name(word): value}
    what = f"{paged} with {paged.name(word)}={value!r}"
    answer = paged.send(query)
    refuses = paged.table.get("errors", "reject") == "reject" and paged.style == "offset"
    if refuses and (paged.tenant.is_mock or answer.status != 200):
        refused(paged.tenant, answer, refusal(paged.tenant.vendor, "paging_malformed"), what, room=MAY_REFUSE)
        return
    if not paged.tenant.is_mock and answer.status in MAY_REFUSE:
        return
    page = paged.page(what, answer)
    if not paged.tenant.is_mock:
        size = page.whole(SIZE_WORD[paged.style])
        if size < 1 or len(page.items) > size:
            raise Broken(f"{what}: expected a page of at most {size} records, got {len(page.items)}", answer)
        return
    for name, expected in told.items():
        page.expect(name, expected)
    expect(page, keys)


def sizes_of(paged: Paged) -> list[int]:
    return [size for size in (1, 2, 3, 7) if size < paged.most] + [paged.most]


def compare(paged: Paged, pages: Iterable[Page], whole: list[str]) -> None:
    seen: list[str] = []
    for page in pages:
        twice = [key for key in page.keys if key in seen]
        if twice:
            raise Broken(f"{page.what}: {twice[0]} was on an earlier page already", page.answer)
        seen += page.keys
        if seen != whole[: len(seen)]:
            lost = [key for key in whole[: len(seen)] if key not in seen]
            told = f"{lost[0]} is lost" if lost else "the order is another one than without pages"
            raise Broken(f"{page.what}: {told}", page.answer)
    if seen != whole:
        raise Broken(f"{paged}: the pages end before {whole[len(seen)]}, after {len(seen)} of {len(whole)} records")


def expect(page: Page, keys: list[str]) -> None:
    if page.keys != keys:
        raise Broken(f"{page.what}: expected the records {few(keys)}, got {few(page.keys)}", page.answer)


def few(keys: list[str]) -> str:
    return f"{', '.join(keys[:4])}{' …' if len(keys) > 4 else ''} ({len(keys)})"


def probe_of(paged: Paged, name: str) -> dict[str, Any]:
    """A query of the model's that fits some records, or none."""
    probes: Mapping[str, Any] = paged.lister.table.get("probes", {})
    if name not in probes:
        raise NotJudged(f"needs a query under probes of {paged.lister.id} that fits {name}")
    return dict(probes[name])


def make(paged: Paged) -> str:
    """One more record in the list."""
    resource = paged.lister.table["resource"]
    if not paged.bench.is_ours(resource):
        raise NotJudged(f"no operation makes a record of {resource}")
    return str(paged.bench.create(resource)[paged.key])
