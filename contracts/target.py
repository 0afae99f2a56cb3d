"""What a run judges: the mock in this process, a mock behind a URL, or a tenant. Finds out which it is.

A mock is known by its control plane, and gives every law a world of its own. A tenant has one world, not ours.
"""

import os
import random
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from contracts.control import Clock, Control
from contracts.findings import Exchange, NotJudged, Unjudgeable
from contracts.guard import Budget, BudgetSpent, Guard
from contracts.mask import Mask
from contracts.model import Model
from contracts.room import with_room
from contracts.sessions import Sessions
from contracts.tenant import MARK, Tenant
from contracts.tenant_file import TenantFile
from contracts.wire import HttpWire, LocalWire, TargetLost, Wire
from mockserver.vendor import Vendor

TOKEN_VARIABLE = "PROOFBOARD_CONTROL_TOKEN"
LOCAL_ORIGIN = "http://127.0.0.1:4010"  # where `proofboard serve` would serve: shown curl lines work there


class Target:
    """One vendor's API at one address, with the callers and known records that this run may use."""

    def __init__(
        self,
        vendor: Vendor,
        guard: Guard,
        wire: Wire,
        *,
        seed: int,
        control: Control | None,
        callers: Mapping[str, Mapping[str, str]],
        known: Mapping[str, str],
        mints: bool = False,
        logins: Mapping[str, Mapping[str, str]] | None = None,
        twins: Mapping[str, str] | None = None,
    ) -> None:
        self.vendor = vendor
        self._sessions = Sessions(vendor, guard, logins) if logins else None
        self._mints = mints and control is not None
        self._twins = twins or {}
        self.model = guard.model
        self.guard = guard
        self.control = control
        self.callers = callers
        self.known = known
        self.seed = seed
        self.left_behind: list[str] = []
        self.prepared: dict[str, Any] = {}
        self._wire = wire
        self._minted: dict[str, tuple[int, Mapping[str, Mapping[str, str]]]] = {}
        self._windows = [
            quota for quota in vendor.behaviour.get("quotas", {}).values() if isinstance(quota["window"], Mapping)
        ]
        self._mask = Mask(callers, mails=control is None)
        guard.mask = self._mask
        roles: Mapping[str, str] = vendor.behaviour.get("known", {})
        guard.foreign.update(guard.model.name(roles[role], key) for role, key in known.items() if role in roles)

    @property
    def logs_in(self) -> bool:
        """Whether callers have their tokens from a login of this run."""
        return self._sessions is not None

    @property
    def is_mock(self) -> bool:
        return self.control is not None

    @property
    def is_local(self) -> bool:
        """Whether it is the mock in this process."""
        return isinstance(self._wire, LocalWire)

    @property
    def url(self) -> str:
        return self.guard.base_url

    @property
    def mark(self) -> str:
        """What every record made by this run bears, where it has a field for it."""
        return f"{MARK} {self.seed}"

    def tenant(self, purpose: str) -> Tenant:
        """The target for one purpose: in a world fresh from the seed where there are worlds, else the one there is."""
        chance = random.Random(f"{self.seed} {purpose}")
        if self.control is None:
            return Tenant(self, world=None, chance=chance)
        world = purpose if purpose.startswith(MARK) else f"{MARK}-{self.seed}-{purpose}"
        self.control.reset(world)
        return Tenant(self, world=world, chance=chance)

    def callers_of(self, world: str | None) -> Mapping[str, Mapping[str, str]]:
        """The headers of each caller. Those that a mock mints are asked for anew when the world's clock was moved.

        A token of a login would be out of date there as well: its caller has that of the mock's caller with this login.
        """
        callers = self._sessions.callers(self.callers, self._mask) if self._sessions is not None else self.callers
        if not self._mints or self.control is None or world is None:
            return callers
        moves = self.control.moves(world)
        known = self._minted.get(world)
        if known is None or known[0] != moves:
            told = self.control.find_credentials(world)
            if told is None or self.vendor.name not in told:
                raise TargetLost("the control plane tells no credentials")
            known = self._minted[world] = moves, _headers_of(told[self.vendor.name])
            self._mask.learn(known[1])
        if self._sessions is None:
            return known[1]
        renewed = {name: known[1][twin]["Authorization"] for name, twin in self._twins.items() if name in callers}
        return {**callers, **{name: {**callers[name], "Authorization": token} for name, token in renewed.items()}}

    def be_patient(self, exchange: Exchange, clock: Clock | None) -> None:
        """Let a window of seconds pass when no call is left in it: a used-up limit would be judged for something else.

        Elsewhere than on a mock a refusal for that reason is NotJudged.
        """
        for quota in self._windows:
            names = [header for header, told in quota.get("headers", {}).items() if told == "remaining"]
            left = [exchange.headers.get(name) for name in names]
            if self.is_mock and clock is not None and "0" in left and exchange.caller is not None:
                clock.advance(quota["window"]["seconds"] + 1)
                return
            refusal = self.vendor.behaviour["refusals"][quota["refusal"]]["error"]
            if not self.is_mock and exchange.status == self.vendor.behaviour["errors"]["catalogue"][refusal]["status"]:
                raise NotJudged("the target's limit of requests was reached")

    def clean_up(self) -> None:
        """Remove what this run created, the last first. What cannot be removed is remembered in `left_behind`."""
        tenant = Tenant(self, world=None, chance=random.Random(self.seed))
        for resource, identity in reversed(list(self.guard.holdings)):
            try:
                status = tenant.remove(resource, identity).status
            except BudgetSpent:
                return
            except (NotJudged, TargetLost, LookupError) as error:
                self._leave(resource, identity, str(error))
                continue
            if not (200 <= status < 300 or status in (404, 410)):
                self._leave(resource, identity, f"the delete answered {status}")
            self.guard.holdings.drop(resource, identity)

    def _leave(self, resource: str, identity: str, why: str) -> None:
        self.guard.holdings.drop(resource, identity)
        line = f"{resource} {identity}: {why}"
        if line not in self.left_behind:
            self.left_behind.append(line)

    def close(self) -> None:
        self._wire.close()


def open_local(vendor: Vendor, *, seed: int, budget: Budget) -> Target:
    """The mock itself, in this process."""
    from mockserver.app import create_app
    from mockserver.settings import Settings
    from mockserver.webhooks import Courier

    settings = Settings(seed=seed, clock="2026-03-02T09:00:00Z", limits="documented", vendors=(vendor.name,))
    # What is made up to try the mock may subscribe anybody; a check calls no strangers.
    app = create_app(settings, [vendor], Courier(stays_here=True))
    wire = LocalWire(app, LOCAL_ORIGIN, at_end=app.close)
    guard = Guard(wire, vendor.mount, Model(vendor), budget=budget, is_own_world=True)
    control = Control(wire)
    callers, mints = _told_callers(vendor, (control.find_credentials() or {}).get(vendor.name))
    return Target(vendor, guard, wire, seed=seed, control=control, callers=callers, known=vendor.known, mints=mints)


def open_url(vendor: Vendor, url: str, *, seed: int, budget: Budget, tenant: TenantFile | None = None) -> Target:
    """Whatever answers at a URL. A tenant file's callers go before those that a control plane tells."""
    parts = urlsplit(url.rstrip("/"))
    wire = HttpWire(f"{parts.scheme}://{parts.netloc}")
    try:
        control, told = _find_control(wire, parts.path, vendor)
    except (TargetLost, Unjudgeable) as error:
        wire.close()
        raise Unjudgeable(str(error)) from None
    if control is None:
        vendor = with_room(vendor)
    guard = Guard(wire, parts.path, Model(vendor), budget=budget, is_own_world=control is not None)
    callers, mints = _told_callers(vendor, told)
    known: Mapping[str, str] = vendor.known
    logins: Mapping[str, Mapping[str, str]] = {}
    twins: Mapping[str, str] = {}
    if told is not None:
        known = {**known, **{role: str(identity) for role, identity in (told.get("known") or {}).items()}}
    if tenant is not None:
        callers, logins = tenant.callers, tenant.logins
        twins = _twins(logins, told) if mints else {}
        mints = bool(twins)
        known = {**known, **tenant.known} if control else tenant.known
    return Target(
        vendor,
        guard,
        wire,
        seed=seed,
        control=control,
        callers=callers,
        known=known,
        mints=mints,
        logins=logins,
        twins=twins,
    )


def _told_callers(vendor: Vendor, told: Mapping[str, Any] | None) -> tuple[Mapping[str, Mapping[str, str]], bool]:
    """The headers of the callers, those that a control plane tells before those of the seed; and whether it mints them.

    What is minted is in no seed.
    """
    seeded = {name: caller.headers for name, caller in vendor.callers.items()}
    if told is None:
        return seeded, False
    callers = _headers_of(told)
    return callers, any(headers != seeded.get(name) for name, headers in callers.items())


def _twins(logins: Mapping[str, Mapping[str, str]], told: Mapping[str, Any] | None) -> dict[str, str]:
    """Caller of a tenant file -> the caller of the mock who logs in likewise."""
    entries = told["callers"].items() if told is not None else ()
    known = {tuple(sorted(entry["login"].items())): name for name, entry in entries if entry.get("login")}
    return {name: known[key] for name, login in logins.items() if (key := tuple(sorted(login.items()))) in known}


def _headers_of(told: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    return {name: entry.get("headers", {}) for name, entry in told["callers"].items()}


def _find_control(wire: Wire, path: str, vendor: Vendor) -> tuple[Control | None, Mapping[str, Any] | None]:
    """The control plane beside a base URL, and what it tells of the vendor; (None, None) where there is none."""
    roots: Sequence[str] = [""]
    if path.endswith(vendor.mount) and path != vendor.mount:
        roots = [path.removesuffix(vendor.mount), ""]
    for root in roots:
        control = Control(wire, root, token=os.environ.get(TOKEN_VARIABLE))
        told = control.find_credentials()
        if told is not None:
            if vendor.name not in told:
                raise Unjudgeable(f"{wire.origin} does not serve {vendor.name}; it serves {', '.join(told)}")
            return control, told[vendor.name]
    return None, None
