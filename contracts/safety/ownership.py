"""Whose is a record? On a tenant a run keeps a list of what it made, and of all that it has seen besides.

Nothing is believed that the target says of itself: an id that was seen before is not new, and a record is ours only
when a read shows what was sent. What cannot be told is not ours. Sends nothing itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

from contracts.findings import Exchange, NotJudged
from contracts.listing import Ask, ListLost, walk
from contracts.model import Model, Route, fill
from contracts.safety import bodies
from contracts.safety.aliases import Aliases
from contracts.safety.budget import Owed
from contracts.safety.records import TOKENS, Records, identity_of, texts
from contracts.wire import Outgoing, TargetLost, Unsendable

_READS = frozenset({"list", "get"})


class NotOurs(NotJudged):
    """A request that could have touched what this run did not create. It was not sent."""


class Vanished(NotOurs):
    """A record that a create of this run answered is not there to be read."""


class Doubt(NamedTuple):
    """What a read has to tell before a request may leave: that a record is ours, or that nothing is there.

    `by` is the field that holds what stands for the id, where that is another, `query` that of the request.
    """

    resource: str
    identity: str
    is_ours: bool
    by: str = ""
    query: str = ""


@dataclass
class Made:
    """A record that a create of this run answered. `sent` are the fields of the body, `path` where it was made.

    `again` are the bodies of later creates that answered it too: which of them it shows, a read has to tell, but what
    `is_proven` stays ours.
    `refused` is the status with which its removal was refused.
    """

    resource: str
    identity: str
    caller: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Any] = field(default_factory=dict)
    is_sure: bool = False
    again: list[Mapping[str, Any]] = field(default_factory=list)
    refused: int | None = None
    is_proven: bool = False


class Holdings:
    """The records that this run created and has not removed, in the order of their making."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Made] = {}

    def add(self, resource: str, identity: str, **known: Any) -> Made:
        """Keep a record; what is held already stays as it is."""
        return self._made.setdefault((resource, identity), Made(resource, identity, **known))

    def drop(self, resource: str, identity: str) -> None:
        self._made.pop((resource, identity), None)

    def find(self, resource: str, identity: str) -> Made | None:
        return self._made.get((resource, identity))

    def all(self) -> list[Made]:
        return list(self._made.values())

    def __contains__(self, record: tuple[str, str]) -> bool:
        return record in self._made

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(tuple(self._made))

    def __len__(self) -> int:
        return len(self._made)


class Book(Protocol):
    """What is told of each record that is made, and of each that is gone."""

    def made(self, resource: str, identity: str, path: Mapping[str, str], text: str | None) -> None: ...

    def gone(self, resource: str, identity: str) -> None: ...


class Ownership:
    """One run's knowledge of whose is what.

    `known` are the records that the run was given to use, `foreign` all that was seen and is not ours, `void` the ids
    that shall name nothing: all by their names. `flying` are creates that have no answer yet, `lost` those of which
    nobody knows what became of them, `disowned` tells by resource, in a line each, what a create answered that is not
    ours. `unseen` counts by resource the creates that no search will find, `removed` are those with a granted delete.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.records = Records(model, {})
        self.aliases = Aliases(model, self.records)
        self.holdings = Holdings()
        self.known: set[str] = set()
        self.foreign: set[str] = set()
        self.void: set[str] = set()
        self.gone: set[str] = set()
        self.lost: list[Made] = []
        self.flying: list[Made] = []
        self.disowned: dict[str, list[str]] = {}
        self.unseen: Counter[str] = Counter()
        self.removed: list[Made] = []
        self.book: Book | None = None

    def give(self, known: Mapping[str, str]) -> None:
        """The known ids by role: the run may use these records, and changes none of them."""
        self.records.given = known
        roles: Mapping[str, str] = self.model.vendor.behaviour.get("known", {})
        self.known |= {self.model.name(roles[role], key) for role, key in known.items() if role in roles}

    def is_known(self, resource: str, identity: str) -> bool:
        return self.model.name(resource, identity) in self.known

    def is_others(self, name: str) -> bool:
        """Whether a name is that of somebody's record, as far as the run has seen."""
        return name in self.foreign and name not in self.known and name not in self.void

    def is_our_own(self, resource: str, identity: str) -> bool:
        """Whether this run made a record, be it there yet or removed again."""
        return (resource, identity) in self.holdings or self.model.name(resource, identity) in self.gone

    # What a read tells

    def make_sure(self, doubt: Doubt, ask_as: Callable[[str], Ask], caller: str = "owner") -> None:
        """Look it up, or raise NotOurs. A record that does not show what was sent is none of ours from then on.

        The owner is asked, and where it does not see the record whoever made it; of another key than an id the caller.
        """
        if doubt.by:
            ours = partial(self._confirmed, ask_as)
            told = doubt.resource, doubt.identity, doubt.by, doubt.query
            if why := self.aliases.trouble(*told, ask_as(caller), ours):
                raise NotOurs(why)
            return
        name = self.model.name(doubt.resource, doubt.identity)
        made = self.holdings.find(doubt.resource, doubt.identity)
        around = made.path if made is not None else {}
        shown, why = self.look_up(doubt, ask_as("owner"), around)
        if shown is None and made is not None and made.caller not in (None, "owner"):
            shown, why = self.look_up(doubt, ask_as(str(made.caller)), around)
        if not doubt.is_ours:
            if shown is not None or why:
                raise NotOurs(why or f"{doubt.identity} should name nothing, and names a record of {doubt.resource}")
            self.gone.add(name)
            return
        if made is None or made.is_sure:
            return
        if shown is None:
            raise NotOurs(why) if why else Vanished(f"{doubt.resource} {doubt.identity} is not there any more")
        verdicts = [self.records.shows(made.resource, sent, shown) for sent in (*made.again, made.sent)]
        if True not in verdicts and not made.is_proven:
            if False not in verdicts:
                raise NotOurs(f"nothing shows whether {doubt.resource} {doubt.identity} is what this run made")
            self._disown(made, "a create answered it, and reading it shows another record than was made")
            raise NotOurs(f"a create answered {doubt.resource} {doubt.identity}, which is another record than was made")
        if made.again and verdicts[-2] is not True:  # the last one made another record, or none
            self.lost.append(replace(made, sent=made.again[-1], again=[]))
        made.again.clear()
        made.is_sure = made.is_proven = True

    def _confirmed(self, ask_as: Callable[[str], Ask], resource: str, identity: str) -> Mapping[str, Any] | None:
        """A record of ours as it is read by its id; None for any other."""
        made, doubt = self.holdings.find(resource, identity), Doubt(resource, identity, is_ours=True)
        if made is None:
            return None
        self.make_sure(doubt, ask_as)
        return self.look_up(doubt, ask_as("owner"), made.path)[0]

    def look_up(self, doubt: Doubt, ask: Ask, around: Mapping[str, str]) -> tuple[Mapping[str, Any] | None, str | None]:
        """The record as a read shows it, None where there is none; and why nobody can tell.

        `around` are the parameters of the path at which it was made.
        """
        resource, identity = doubt.resource, doubt.identity
        reader, lister, key = self.records.reader(resource), self.records.lister(resource), self.records.key(resource)
        if reader is not None and (path := self.records.path(reader, around, identity)) is not None:
            exchange = ask(Outgoing("GET", fill(reader.path, path)))
            if exchange.status in (404, 410):
                return None, None
            found = self.records.one(reader, exchange)
            if found is None:
                return None, f"{reader.id} answered {exchange.status}: nothing tells whose {identity} is"
            return (found if identity_of(found.get(key)) == identity else {}), None
        if lister is None or (path := self.records.path(lister, around, None)) is None:
            return None, f"no operation reads a record of {resource}: nothing tells whose {identity} is"
        try:
            items = walk(self.model, lister, path, ask)
            return next((item for item in items if identity_of(item.get(key)) == identity), None), None
        except ListLost as error:
            return None, error.why

    # What answers tell

    @contextmanager
    def under_way(self, request: Outgoing, route: Route | None, caller: str | None) -> Iterator[None]:
        """While a create has no answer, nobody knows whether it made a record; one that never left made none."""
        if not self.makes(route):
            yield
            return
        assert route is not None
        made = self._sent(request, route, "", caller)
        self.flying.append(made)
        try:
            yield
        except BaseException as error:
            is_here = isinstance(error, Unsendable) or (isinstance(error, TargetLost) and not error.was_sent)
            self.lost += [] if is_here else [made]
            raise
        finally:
            self.flying.remove(made)

    def makes(self, route: Route | None) -> bool:
        """Whether an operation makes a record."""
        table = self.model.table(route.operation.id) if route else {}
        return table.get("verb") == "create" and bool(table.get("resource"))

    def remember(self, request: Outgoing, exchange: Exchange, route: Route | None) -> None:
        """Keep what an answer tells of whose records there are."""
        is_good = 200 <= exchange.status < 300
        table = self.model.table(route.operation.id) if route else {}
        made: Made | None = None
        if route is not None and self.makes(route) and not 400 <= exchange.status < 500:
            made = self._hold(request, exchange, route)
        elif route is not None and is_good and (subject := self.model.subject(route)):
            resource, identity = subject
            self._note((resource, self.aliases.subject(resource, identity)), request, route, exchange)
        if is_good and exchange.operation is not None:
            self._see(exchange, table, made)

    def _hold(self, request: Outgoing, exchange: Exchange, route: Route) -> Made | None:
        resource = self.model.table(route.operation.id)["resource"]
        found = self.records.one(route.operation, exchange)
        identity = identity_of(found.get(self.records.key(resource))) if found is not None else None
        made = self._sent(request, route, identity or "", exchange.caller)
        if identity is None:
            self.lost.append(made)
            return None
        name = self.model.name(resource, identity)
        if held := self.holdings.find(resource, identity):  # a second create may update what the first made
            held.again.append(made.sent)
            held.is_proven, held.is_sure = held.is_proven or held.is_sure, False
            return held
        if name in self.foreign or name in self.known:
            self.lost.append(made)
            self._tell(made, "a create answered the id of a record that was there before")
            return None
        self.void.discard(name)
        self.gone.discard(name)
        self._keep(made)
        return made

    def adopt(self, resource: str, identity: str, *, path: Mapping[str, str], text: str) -> None:
        """Take a record for ours that a read showed to be called as a run calls its records."""
        self.foreign.discard(self.model.name(resource, identity))
        mark = self.model.hint(resource, "mark")
        sent = {mark: text} if isinstance(mark, str) else {}
        self._keep(Made(resource, identity, path=path, sent=sent, is_sure=True))

    def _keep(self, made: Made) -> None:
        self.holdings.add(
            made.resource, made.identity, caller=made.caller, path=made.path, sent=made.sent, is_sure=made.is_sure
        )
        if self.book is not None:
            self.book.made(made.resource, made.identity, made.path, self._text(made.resource, made.sent))

    def _note(self, subject: tuple[str, str], request: Outgoing, route: Route, exchange: Exchange) -> None:
        """A record of ours was read, changed or removed; or a change found one where there should be none."""
        table = self.model.table(route.operation.id)
        made, name = self.holdings.find(*subject), self.model.name(*subject)
        if table.get("verb") == "delete":
            self.release(*subject)
        elif table.get("verb") == "get":
            found = self.records.one(route.operation, exchange)
            if (
                made is not None
                and found is not None
                and identity_of(found.get(self.records.key(subject[0]))) == subject[1]
            ):
                made.is_sure = made.is_sure or bool(self.records.shows(made.resource, made.sent, found))
        elif made is None and name in self.void:
            self.void.discard(name)
            self._keep(Made(*subject, is_sure=True))  # nothing was there before
        elif made is not None:
            made.sent = {**made.sent, **bodies.fields(request, table.get("wrapper"))}
            text = self._text(made.resource, made.sent)
            if self.book is not None and text is not None:
                self.book.made(made.resource, made.identity, made.path, text)

    def _text(self, resource: str, sent: Mapping[str, Any]) -> str | None:
        """What a record is called by: the text with the mark, else the longest."""
        mark = sent.get(self.model.hint(resource, "mark") or "")
        texts = [mark] if isinstance(mark, str) else [each for each in sent.values() if isinstance(each, str)]
        return max(texts, key=len, default=None)

    def release(self, resource: str, identity: str) -> None:
        """A record is gone: its id names nothing. What was never seen to be ours may yet be somebody's."""
        made, name = self.holdings.find(resource, identity), self.model.name(resource, identity)
        if made is not None and self.book is not None:
            self.book.gone(resource, identity)
        self.holdings.drop(resource, identity)
        if made is not None and not made.is_sure:
            self.foreign.add(name)
            self.lost.append(made)
        else:
            self.removed += [made] if made is not None else []
            self.void.add(name)
            self.gone.add(name)

    def _see(self, exchange: Exchange, table: Mapping[str, Any], made: Made | None) -> None:
        """Whatever in an answer could be the id of a record is somebody's, unless it is ours."""
        held = {self.model.name(*record) for record in self.holdings} | ({made.identity} if made else set())
        self.aliases.see(exchange)
        told = {*texts(exchange), *self._referred(exchange, table)}
        if table.get("verb") in _READS:
            told.update(self._named(exchange))
        self.foreign.update(name for name in told if name not in held)

    def _named(self, exchange: Exchange) -> Iterator[str]:
        """The names of the records that a read answered."""
        resource = self.model.table(exchange.operation or "").get("resource")
        for record in self.records.all(exchange):
            if resource and (identity := identity_of(record.get(self.records.key(resource)))):
                yield self.model.name(resource, identity)

    def _referred(self, exchange: Exchange, table: Mapping[str, Any]) -> Iterator[str]:
        """The names of the records that an answered record refers to, where ids are numbers that say not of what."""
        fields = self._reference_fields(table.get("resource"))
        for record in self.records.all(exchange) if fields else ():
            for name, resource in fields.items():
                if identity := identity_of(record.get(name)):
                    yield self.model.name(resource, identity)

    def _reference_fields(self, resource: Any) -> dict[str, str]:
        """Field of a record -> the resource whose id it bears, of the resources that count their ids."""
        found: dict[str, str] = {}
        for table in self.model.vendor.behaviour.get("operations", {}).values():
            if table.get("resource") == resource:
                accepted = table.get("accepts", {})
                found |= {accepted.get(name, name): of["resource"] for name, of in table.get("references", {}).items()}
                if (within := table.get("within") or {}).get("field"):
                    found[within["field"]] = within["resource"]
        return {name: of for name, of in found.items() if self.records.form(of) not in TOKENS}

    def _disown(self, made: Made, why: str) -> None:
        self.holdings.drop(made.resource, made.identity)
        if self.book is not None:
            self.book.gone(made.resource, made.identity)
        self.foreign.add(self.model.name(made.resource, made.identity))
        self.lost.append(made)
        self._tell(made, why)

    def _tell(self, made: Made, why: str) -> None:
        line = f"{made.resource} {made.identity}: {why}"
        lines = self.disowned.setdefault(made.resource, [])
        if line not in lines:
            lines.append(line)

    # What removing takes

    def owed(self) -> Owed:
        """What it will take to remove all that is held: a delete each, and a read of those that none has shown yet."""
        found = [each for each in self.holdings.all() if self.records.operation(each.resource, "delete")]
        lost = [each for each in self.lost if self.records.operation(each.resource, "delete")]
        reads = sum(map(self.search, {each.resource for each in self.lost})) + sum(not each.is_sure for each in found)
        return Owed(requests=len(found) + len(lost) + reads, writes=len(found) + len(lost))

    def search(self, resource: str) -> int:
        """How many reads it takes at least to look for what a create without an answer made."""
        return self.records.lists(resource, [of for of, _ in self.holdings])

    def _sent(self, request: Outgoing, route: Route, identity: str, caller: str | None) -> Made:
        table = self.model.table(route.operation.id)
        sent = bodies.fields(request, table.get("wrapper"))
        return Made(table["resource"], identity, caller, dict(route.parameters), sent)
