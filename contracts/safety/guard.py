"""The one door to a target. Every request of every suite passes here: counted against the budget, paced, recorded.

On a tenant only what this run created may be changed or deleted; in a world of our own everything may.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial

from contracts.findings import Exchange, Headers, NotJudged, unmasked
from contracts.model import SAFE_METHODS, Model, Route
from contracts.safety.bounds import Bounds
from contracts.safety.budget import Budget, BudgetSpent, Owed, Purse, Watch, WritesSpent
from contracts.safety.foresight import Foresight
from contracts.safety.ownership import Holdings, NotOurs, Ownership
from contracts.safety.pace import Pace, Turn
from contracts.wire import Outgoing, Reply, TargetLost, Wire

WORLD_HEADER = "X-Mock-World"
_KEPT = 200  # exchanges of one operation and status


class ReadOnly(NotJudged):
    """A request that writes, in a run that only reads. It was not sent."""

    def __init__(self) -> None:
        super().__init__("needs to write, and this run only reads")


class Guard:
    """Sends for everybody. `is_own_world` says that the target is a mock and the world ours to spoil.

    `purse` is what was spent before, where there was a before; `pace.told` may be set to hear of waits.
    """

    def __init__(
        self,
        wire: Wire,
        base_path: str,
        model: Model,
        *,
        budget: Budget,
        is_own_world: bool,
        is_read_only: bool = False,
        watch: Watch | None = None,
        purse: Purse | None = None,
    ) -> None:
        self.model = model
        self.base_path = base_path
        self.budget = budget
        self.is_own_world = is_own_world
        self.is_read_only = is_read_only
        self.watch = watch or Watch()
        self.purse = purse or Purse(budget, self.watch)
        behaviour, a_minute = model.vendor.behaviour, budget.per_minute
        self.pace = Pace(behaviour, self.purse, self.watch, per_minute=a_minute, is_own_world=is_own_world)
        self.mask: Callable[[str], str] = unmasked
        self.ownership = Ownership(model)
        self.callers: Callable[[], Mapping[str, Mapping[str, str]]] = dict
        self.exchanges: list[Exchange] = []
        self.observers: list[Callable[[Exchange], None]] = []
        self._kept: Counter[tuple[str | None, int]] = Counter()
        self._bounds = Bounds(self.ownership)
        self._foresight = Foresight(self.ownership)
        self._wire = wire

    @property
    def base_url(self) -> str:
        return self._wire.origin + self.base_path

    @property
    def requests(self) -> int:
        return self.purse.requests

    @property
    def writes(self) -> int:
        return self.purse.writes

    def send(
        self, request: Outgoing, *, caller: str | None = None, world: str | None = None, is_login: bool = False
    ) -> Exchange:
        """Send one request to a path below the base URL, or raise BudgetSpent, ReadOnly, NotOurs or TargetLost.

        The login of a tenant's own caller is sent whatever the model says of it. What a tenant puts off is sent again.
        """
        if self.is_read_only and _is_write(request):
            raise ReadOnly
        route = self.model.route(request.method, request.target)
        if not self.is_own_world and not is_login and _is_write(request):
            self._make_sure(request, route, caller)
            self._look_ahead(request, route, caller)
        return self._deliver(request, route, caller=caller, world=world)

    def _make_sure(self, request: Outgoing, route: Route | None, caller: str | None) -> None:
        """Look up what has to be known before an unsafe request may leave; NotOurs where it may not."""
        asker = caller if caller in self.callers() else "owner"
        for doubt in self._bounds.doubts(request, route):
            self.ownership.make_sure(doubt, lambda caller: partial(self.ask, caller=caller), str(asker))

    def _look_ahead(self, request: Outgoing, route: Route | None, caller: str | None) -> None:
        """What a list holds before the first create in it is others'. What the budget has no room for is not sent."""
        if (place := self._foresight.list_ahead(request, route)) is None:
            return
        self._check(request, route, before=1)
        asker = "owner" if "owner" in self.callers() else str(caller)
        self._foresight.look(place, partial(self.ask, caller=asker))

    def ask(self, request: Outgoing, caller: str = "owner") -> Exchange:
        """A question of the guard's own."""
        headers = [("Accept", "application/json"), *self.callers().get(caller, {}).items()]
        asked = Outgoing(request.method, request.target, headers)
        return self._deliver(asked, self.model.route(asked.method, asked.target), caller=caller, world=None)

    def find_trouble(self, request: Outgoing) -> NotOurs | None:
        """Why a request would not be sent to a tenant, as far as can be told without asking it."""
        if self.is_own_world or not _is_write(request):
            return None
        try:
            self._bounds.doubts(request, self.model.route(request.method, request.target))
        except NotOurs as trouble:
            return trouble
        return None

    def knock(self, request: Outgoing) -> Exchange:
        """Read any path of the origin, to find out what stands there; counted and paced like all others."""
        return self._patiently(request, request, None, None)

    def _deliver(self, request: Outgoing, route: Route | None, *, caller: str | None, world: str | None) -> Exchange:
        """Send what may be sent, and keep what came of it."""
        headers = [*request.headers, (WORLD_HEADER, world)] if world else list(request.headers)
        outgoing = Outgoing(request.method, self.base_path + request.target, headers, request.body)
        return self._patiently(request, outgoing, route, caller)

    def _patiently(self, request: Outgoing, outgoing: Outgoing, route: Route | None, caller: str | None) -> Exchange:
        """Send, and send again what was put off, each time when the pace lets it."""
        turn = Turn(caller, route.operation.id if route else None)
        repeats = 0
        while True:
            exchange = self._once(request, outgoing, route, turn)
            if not self.pace.is_put_off(turn, exchange.status, exchange.headers, repeats):
                return exchange
            repeats += 1

    def _once(self, request: Outgoing, outgoing: Outgoing, route: Route | None, turn: Turn) -> Exchange:
        """Send one request when there is room and time for it, and keep what came of it."""
        caller = turn.caller
        self._spend(request, route, turn)
        with nullcontext() if self.is_own_world else self.ownership.under_way(request, route, caller):
            reply = self._wire.send(outgoing)
        self.pace.heed(turn, reply.status, reply.headers)
        exchange = self._exchange(outgoing, reply, route, caller)
        if not self.is_own_world:
            self.ownership.remember(request, exchange, route)
        self._keep(exchange)
        for observe in self.observers:
            observe(exchange)
        return exchange

    @property
    def holdings(self) -> Holdings:
        """What this run made and has not removed."""
        return self.ownership.holdings

    @property
    def void(self) -> set[str]:
        """The names of ids that shall name nothing."""
        return self.ownership.void

    @property
    def foreign(self) -> set[str]:
        """The names of all that was seen and is not ours."""
        return self.ownership.foreign

    def owed(self) -> Owed:
        """What it will take to remove all that this run holds."""
        return Owed() if self.is_own_world else self.ownership.owed()

    def cleaning(self) -> None:
        """From now on requests are for removing what was made: they may spend what was put aside for it."""
        self.purse.is_cleaning = True

    def _spend(self, request: Outgoing, route: Route | None, turn: Turn) -> None:
        """Count one request, when the budget has room for it and its time has come."""
        owed = self._check(request, route)
        looks_back = bool(self.ownership.removed or len(self.ownership.holdings))  # the last read of a clean-up
        self.pace.wait(turn, owed=owed.requests + looks_back)
        self.purse.count(is_write=_is_write(request))

    def _check(self, request: Outgoing, route: Route | None, *, before: int = 0) -> Owed:
        """Raise BudgetSpent unless the budget has room for a request, and reads `before` it; what is owed by now."""
        owed = self.owed()
        makes = not self.is_own_world and self.ownership.makes(route) and self._is_removable(route)
        searches = self._searches(route) if makes else 0
        kept = Owed(owed.requests + searches + before, owed.writes)
        self.purse.check(is_write=_is_write(request), owed=kept, makes=makes)
        return owed

    def _searches(self, route: Route | None) -> int:
        """The reads that it takes, beyond one, to find what a create makes, should its answer be lost."""
        resource = self.model.table(route.operation.id).get("resource", "") if route else ""
        return max(0, self.ownership.search(resource) - 1)

    def _is_removable(self, route: Route | None) -> bool:
        """Whether what an operation makes can be removed again."""
        resource = self.model.table(route.operation.id).get("resource") if route else None
        return bool(self.model.hint(resource, "delete"))

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


def _is_write(request: Outgoing) -> bool:
    return request.method.upper() not in SAFE_METHODS


__all__ = ["WORLD_HEADER", "Budget", "BudgetSpent", "Guard", "NotOurs", "ReadOnly", "TargetLost", "WritesSpent"]
