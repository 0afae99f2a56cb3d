"""The one door to a target. Every request of every suite passes here: counted against the budget, paced, recorded.

On a tenant only what this run created may be changed or deleted; in a world of our own everything may.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from contracts.findings import Exchange, Headers, NotJudged, unmasked
from contracts.model import SAFE_METHODS, Model, Route
from contracts.wire import Outgoing, Reply, TargetLost, Wire

WORLD_HEADER = "X-Mock-World"
_KEPT = 200  # exchanges of one operation and status


class BudgetSpent(Exception):
    """The run may send no more: requests, writes or time are used up."""


class NotOurs(NotJudged):
    """A request that would have changed a record which this run did not create. It was not sent."""


@dataclass(frozen=True)
class Budget:
    """What a run may use; None is without limit. `ends_at` is a moment of the monotonic clock."""

    requests: int | None = None
    writes: int | None = None
    per_minute: int | None = None
    ends_at: float | None = None


@dataclass
class Holdings:
    """The records that this run created and has not removed, in the order of their making."""

    records: list[tuple[str, str]] = field(default_factory=list)

    def add(self, resource: str, identity: str) -> None:
        if (resource, identity) not in self.records:
            self.records.append((resource, identity))

    def drop(self, resource: str, identity: str) -> None:
        if (resource, identity) in self.records:
            self.records.remove((resource, identity))

    def __contains__(self, record: tuple[str, str]) -> bool:
        return record in self.records

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(tuple(self.records))


class Guard:
    """Sends for everybody. `is_own_world` says that the target is a mock and the world ours to spoil."""

    def __init__(self, wire: Wire, base_path: str, model: Model, *, budget: Budget, is_own_world: bool) -> None:
        self.model = model
        self.base_path = base_path
        self.budget = budget
        self.is_own_world = is_own_world
        self.mask: Callable[[str], str] = unmasked
        self.requests = 0
        self.writes = 0
        self.refused = 0
        self.seconds = 0.0
        self.holdings = Holdings()
        self.void: set[str] = set()
        self.foreign: set[str] = set()
        self.exchanges: list[Exchange] = []
        self.observers: list[Callable[[Exchange], None]] = []
        self._kept: Counter[tuple[str | None, int]] = Counter()
        self._wire = wire
        self._sent_at: list[float] = []
        self._is_cleaning = False

    @property
    def base_url(self) -> str:
        return self._wire.origin + self.base_path

    def send(
        self, request: Outgoing, *, caller: str | None = None, world: str | None = None, is_login: bool = False
    ) -> Exchange:
        """Send one request to a path below the base URL, or raise BudgetSpent, NotOurs or TargetLost.

        The login of a tenant's own caller is sent whatever the model says of it.
        """
        route = self.model.route(request.method, request.target)
        is_write = request.method.upper() not in SAFE_METHODS
        if is_write and route and not is_login and self.is_foreign(route):
            self.refused += 1
            raise NotOurs(f"{request.method} {request.target} would change a record that this run did not create")
        self._spend(is_write)
        headers = [*request.headers, (WORLD_HEADER, world)] if world else list(request.headers)
        outgoing = Outgoing(request.method, self.base_path + request.target, headers, request.body)
        reply = self._wire.send(outgoing)
        self.seconds += reply.elapsed
        exchange = self._exchange(outgoing, reply, route, caller)
        self._remember(exchange, route)
        self._keep(exchange)
        for observe in self.observers:
            observe(exchange)
        return exchange

    def is_foreign(self, route: Route) -> bool:
        """Whether a request would change a record that is not ours."""
        if not self.is_own_world and self.model.table(route.operation.id).get("lasting"):
            return True
        subject = None if self.is_own_world else self.model.subject(route)
        if subject is None or subject in self.holdings:
            return False
        return self.model.name(*subject) not in self.void and self.model.is_formed(*subject)

    def cleaning(self) -> None:
        """From now on requests are for removing what was made: the budget no longer stands in the way."""
        self._is_cleaning = True

    def _spend(self, is_write: bool) -> None:
        budget = self.budget
        if not self._is_cleaning:
            if budget.requests is not None and self.requests >= budget.requests:
                raise BudgetSpent(f"the budget of {budget.requests} requests is spent")
            if is_write and budget.writes is not None and self.writes >= budget.writes:
                raise BudgetSpent(f"the budget of {budget.writes} writes is spent")
            if budget.ends_at is not None and time.monotonic() >= budget.ends_at:
                raise BudgetSpent("the time is up")
        self._pace()
        self.requests += 1
        self.writes += is_write

    def _pace(self) -> None:
        """At most `per_minute` requests in any sixty seconds."""
        limit = self.budget.per_minute
        if limit is None:
            return
        now = time.monotonic()
        self._sent_at = [moment for moment in self._sent_at if moment > now - 60]
        if len(self._sent_at) >= limit:
            time.sleep(self._sent_at[-limit] + 60 - now)
        self._sent_at.append(time.monotonic())

    def _exchange(self, sent: Outgoing, reply: Reply, route: Route | None, caller: str | None) -> Exchange:
        return Exchange(
            method=sent.method,
            url=self._wire.origin + sent.target,
            path=sent.target.removeprefix(self.base_path).partition("?")[0],
            request_headers=Headers(sent.headers),
            request_body=sent.body,
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
            elapsed=reply.elapsed,
            operation=route.operation.id if route else None,
            caller=caller,
            mask=self.mask,
        )

    def _keep(self, exchange: Exchange) -> None:
        """Some exchanges of each operation and status, for those who judge what the whole run has seen."""
        kind = (exchange.operation, exchange.status)
        self._kept[kind] += 1
        if self._kept[kind] <= _KEPT:
            self.exchanges.append(exchange)

    def _remember(self, exchange: Exchange, route: Route | None) -> None:
        """Keep the list of what was made, from what the target answered. An id that was there before is not ours."""
        if self.is_own_world or route is None or not 200 <= exchange.status < 300:
            return
        table = self.model.table(route.operation.id)
        if table.get("verb") == "create" and table.get("resource"):
            key = self.model.resource(table["resource"])["key"]
            try:
                identity = str(self.model.record(route.operation.id, exchange.json())[key])
            except (LookupError, TypeError, ValueError):
                return
            if self.model.name(table["resource"], identity) not in self.foreign:
                self.holdings.add(table["resource"], identity)
        elif table.get("verb") in ("list", "get"):
            held = {self.model.name(*record) for record in self.holdings}
            told = (*_texts(exchange), *self._named(exchange, route.operation.id))
            self.foreign.update(text for text in told if text not in held)
        elif table.get("verb") == "delete" and (subject := self.model.subject(route)):
            self.holdings.drop(*subject)
            self.void.add(self.model.name(*subject))

    def _named(self, exchange: Exchange, operation_id: str) -> Iterator[str]:
        """The names of the records that a read answered."""
        resource = self.model.table(operation_id).get("resource")
        try:
            found = self.model.record(operation_id, exchange.json())
        except (LookupError, TypeError, ValueError):
            return
        for record in found if isinstance(found, list) else [found]:
            if resource and isinstance(record, dict):
                yield self.model.name(resource, str(record.get(self.model.resource(resource)["key"])))


def _texts(exchange: Exchange) -> Iterator[str]:
    """Whatever in an answer could be an id."""
    try:
        nodes = [exchange.json()]
    except ValueError:
        return
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            nodes.extend(node.values())
        elif isinstance(node, list):
            nodes.extend(node)
        elif isinstance(node, (str, int)) and not isinstance(node, bool) and len(str(node)) <= 64:
            yield str(node)


__all__ = ["WORLD_HEADER", "Budget", "BudgetSpent", "Guard", "NotOurs", "TargetLost"]
