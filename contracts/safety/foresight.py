"""What stands in a list of a tenant before a run makes its first record there: none of that can be what it makes."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from contracts.listing import Ask, ListLost, walk
from contracts.model import Route, fill
from contracts.safety import bodies
from contracts.safety.ownership import Ownership
from contracts.safety.records import identity_of
from contracts.wire import Outgoing
from mockserver.vendor import Operation

# Every page is a request that the tenant pays for, and lists may have thousands. So of a longer list the rest stays
# unseen, as do lists that the owner may not read. A target that answers a create with one of those ids, and its reads
# with what was sent, still passes for honest: by its answers alone nobody could tell.
_MOST_PAGES = 5


class Place(NamedTuple):
    """A list: its operation, and the parameters of its path."""

    lister: Operation
    path: Mapping[str, str]


class Foresight:
    """Reads each list once, before the first create in it. The guard keeps what the answers show as others'."""

    def __init__(self, ownership: Ownership) -> None:
        self._ownership = ownership
        self._model = ownership.model
        self._seen: set[str] = set()

    def list_ahead(self, request: Outgoing, route: Route | None) -> Place | None:
        """The list that has to be read before a request may leave: that in which a create's record will stand."""
        if route is None or not self._ownership.makes(route):
            return None
        table = self._model.table(route.operation.id)
        lister = self._ownership.records.lister(table["resource"])
        path = self._path(request, route, lister) if lister is not None else None
        if lister is None or path is None or fill(lister.path, path) in self._seen:
            return None
        return Place(lister, path)

    def look(self, at: Place, ask: Ask) -> None:
        """Read a list. One that cannot be read shows nothing."""
        with suppress(ListLost):
            list(walk(self._model, at.lister, at.path, ask, pages=_MOST_PAGES))
        self._seen.add(fill(at.lister.path, at.path))

    def _path(self, request: Outgoing, route: Route, lister: Operation) -> dict[str, str] | None:
        """Its parameters: the records, known or ours, that the path or the body names, else known ones."""
        sent = bodies.fields(request, self._model.table(route.operation.id).get("wrapper"))
        named = [(of, route.parameters.get(name)) for name, of in self._model.owners(route.operation).items()]
        named += [(of, sent.get(name)) for name, of in self._model.references(route.operation.id).items()]
        around: dict[str, str] = {}
        for name, resource in self._model.owners(lister).items():
            ids = (identity_of(value) for of, value in named if of == resource)
            found = next((each for each in ids if each is not None and self._is_there(resource, each)), None)
            around |= {} if found is None else {name: found}
        return self._ownership.records.path(lister, around, None)

    def _is_there(self, resource: str, identity: str) -> bool:
        return self._ownership.is_known(resource, identity) or (resource, identity) in self._ownership.holdings
