"""Which unsafe requests may leave for a tenant, by what is known of whose records there are. Sends nothing."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from contracts.model import Route, fold
from contracts.safety import bodies
from contracts.safety.ownership import Doubt, NotOurs, Ownership
from contracts.safety.records import identity_of
from contracts.wire import Outgoing

_CHANGES = frozenset({"update", "delete", "transition", "upload", "own"})
_READS = frozenset({"list", "get"})
_URL = re.compile(r"\w+:[^\s\"'<>]+")
_RESERVED = re.compile(r"(?:^|\.)example(?:\.(?:com|net|org))?$")  # hosts that RFC 2606 keeps for examples


class Bounds:
    """Says of a request what has to be looked up before it may be sent, or that it may not be sent at all."""

    def __init__(self, ownership: Ownership) -> None:
        self.ownership = ownership
        self.model = ownership.model
        self._records = ownership.records

    def doubts(self, request: Outgoing, route: Route | None) -> list[Doubt]:
        """What has to be looked up before an unsafe request may be sent; NotOurs where it may not be sent at all."""
        if _is_misleading(request.target):
            raise NotOurs(f"{request.method} {request.target}: a server may read this path as another one")
        if route is None:
            return self._undocumented(request)
        table = self.model.table(route.operation.id)
        if table.get("lasting"):
            raise NotOurs(f"{route.operation.id} is not tried on a tenant, where its effects would last")
        verb = table.get("verb")
        if verb not in _CHANGES | _READS | {"create"}:
            raise NotOurs(f"{route.operation.id} is not tried on a tenant: nothing tells what it changes")
        found = list(self._of_path(request, route, is_change=verb in _CHANGES))
        if verb in _CHANGES and self.model.subject(route) is None:
            raise NotOurs(f"{route.operation.id} is not tried on a tenant: it names no record of ours in its path")
        if verb not in _READS:
            found += self._of_body(request, route)
        return list(dict.fromkeys(found))

    def _undocumented(self, request: Outgoing) -> list[Doubt]:
        """Nobody knows what such a request does: it goes to records of ours alone."""
        place = self.model.place(request.target)
        owners = self.model.owners(place.operation) if place else {}
        if place is None or not place.parameters or set(owners) != set(place.parameters):
            raise NotOurs(f"{request.method} {request.target} is undocumented: nothing tells what it changes")
        for name, resource in owners.items():
            if (resource, place.parameters[name]) not in self.ownership.holdings:
                raise NotOurs(f"{request.method} {request.target} is undocumented: it may change others' records")
        return [doubt for name, of in owners.items() for doubt in self._unsure(of, place.parameters[name])]

    def _of_path(self, request: Outgoing, route: Route, *, is_change: bool) -> Iterator[Doubt]:
        owners = self.model.owners(route.operation)
        subject = self.model.subject(route) if is_change else None
        for name, identity in route.parameters.items():
            resource = owners.get(name)
            if resource is None:
                if is_change or self.ownership.is_others(fold(identity)):
                    raise NotOurs(f"{request.method} {request.target}: nothing tells whose record {name} names")
                continue
            is_subject = (resource, identity) == subject
            if not is_subject and self.ownership.is_known(resource, identity):
                continue
            what = "would change a record that" if is_subject else f"would use a record of {resource} that"
            what = f"{request.method} {request.target} {what}"
            yield from self._harmless(resource, identity, what, is_subject=is_subject)
            yield from self._by_another_key(request, resource, identity, what)

    def _by_another_key(self, request: Outgoing, resource: str, value: str, what: str) -> Iterator[Doubt]:
        """Where the path may hold another key than an id: the record that the key names."""
        aliases, key = self.ownership.aliases, self._records.key(resource)
        words = dict.fromkeys(aliases.words(request, resource)) or [key]
        fields = {aliases.field(resource, word) for word in words}
        if fields == {key} and (self.model.is_formed(resource, value) or not aliases.bearers(resource, value)):
            return
        if len(fields) > 1 or None in fields:  # a server may take it for an id, or for whatever it knows
            if not self.model.is_formed(resource, value):
                raise NotOurs(f"{what} nothing tells the key of")
            return
        for identity in aliases.bearers(resource, value):
            if not self.ownership.is_our_own(resource, identity):
                raise NotOurs(f"{what} this run did not create: {value} was seen on {identity}")
        yield Doubt(resource, value, is_ours=False, by=str(fields.pop()), query=request.target.partition("?")[2])

    def _of_body(self, request: Outgoing, route: Route) -> Iterator[Doubt]:
        """The records that a body refers to, and where a subscription would have others' data sent."""
        table = self.model.table(route.operation.id)
        references = self.model.references(route.operation.id)
        url = self._subscribed(table)
        found = bodies.leaves(request)
        if found is None:
            found = [*_scanned(request, references), *((url, match) for match in _URL.findall(bodies.text(request)))]
        what = f"{request.method} {request.target}"
        for name, value in found:
            resource = references.get(name)
            identity = identity_of(value)
            if resource is not None and identity is not None and not self.ownership.is_known(resource, identity):
                yield from self._harmless(resource, identity, f"{what} would refer to a record of {resource} that")
        for pattern in self._records.tokens:
            for token in pattern.findall(bodies.text(request)):
                if self.ownership.is_others(fold(token)):
                    raise NotOurs(f"{what} would refer to {token}, which this run did not create")
        for name, value in found if url else ():
            if name == url and isinstance(value, str) and not is_reserved(value):
                raise NotOurs(f"{what} would have the tenant's data sent to {value!r}, which is no host for examples")

    def _subscribed(self, table: Mapping[str, Any]) -> str:
        """The field of a subscription that says where data is sent; nothing where none is meant."""
        told = self.model.vendor.behaviour.get("webhooks", {}).get("subscription", {})
        return str(told["url"]) if told and told.get("resource") == table.get("resource") else ""

    def _harmless(self, resource: str, identity: str, what: str, *, is_subject: bool = False) -> Iterator[Doubt]:
        """Nothing where the record is ours or there is none; NotOurs where it may be somebody's."""
        if (resource, identity) in self.ownership.holdings:
            yield from self._unsure(resource, identity)
        elif self.model.is_formed(resource, identity):
            if self.model.name(resource, identity) not in self.ownership.void:
                raise NotOurs(f"{what} this run did not create")
            yield from self._uncertain_void(resource, identity)
        else:
            for part in self._records.ids_within(resource, identity):
                is_usable = not is_subject and self.ownership.is_known(resource, part)
                if self._may_be(resource, part) and not is_usable:
                    raise NotOurs(f"{what} this run did not create, should the target read {identity!r} as {part}")

    def _may_be(self, resource: str, identity: str) -> bool:
        """Whether a part of a text that is no id may be the id of somebody's record."""
        name = self.model.name(resource, identity)
        if (resource, identity) in self.ownership.holdings or name in self.ownership.gone:
            return False
        if self._records.form(resource) == "ulid":  # so are many words
            return self.ownership.is_others(name)
        return name not in self.ownership.void or not self._records.is_rare(resource, identity)

    def _unsure(self, resource: str, identity: str) -> Iterator[Doubt]:
        made = self.ownership.holdings.find(resource, identity)
        if made is not None and not made.is_sure:
            yield Doubt(resource, identity, is_ours=True)

    def _uncertain_void(self, resource: str, identity: str) -> Iterator[Doubt]:
        is_gone = self.model.name(resource, identity) in self.ownership.gone
        if not is_gone and not self._records.is_rare(resource, identity):
            yield Doubt(resource, identity, is_ours=False)


def is_reserved(url: str) -> bool:
    """Whether a text is an address at a host that is kept for examples, or no address at all."""
    if not re.search(r"[.:/\\]", url):
        return True
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:
        return False
    return _RESERVED.search(host) is not None and "\\" not in url and "@" not in url


def _is_misleading(target: str) -> bool:
    """Whether servers may take a path for another one: dots, slashes that are written otherwise, blank parts."""
    parts = target.partition("?")[0].split("/")[1:]
    for part in parts:
        told = unquote(unquote(part))
        if told in (".", "..") or re.search(r"[/\\?#;]", told) or not re.sub(r"[\s\x00-\x1f\x7f]", "", told):
            return True
    return False


def _scanned(request: Outgoing, names: Mapping[str, str]) -> Iterator[bodies.Leaf]:
    """What stands behind the names of references in a body that cannot be read; a generous server might."""
    told = bodies.text(request)
    for name in names:
        for match in re.finditer(rf"{re.escape(name)}\W{{0,8}}(\w[\w-]*)", told):
            yield name, match[1]
