"""What a run judges: the mock in this process, a mock behind a URL, or a tenant. Finds out which it is.

A mock is known by its control plane, and gives every law a world of its own. A tenant has one world, not ours.
"""

import os
import random
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from contracts.control import Control
from contracts.findings import NotJudged
from contracts.guard import Budget, BudgetSpent, Guard
from contracts.mask import Mask
from contracts.model import Model
from contracts.tenant import MARK, Tenant
from contracts.tenant_file import TenantFile
from contracts.wire import HttpWire, LocalWire, TargetLost, Wire
from mockserver.vendor import Vendor

TOKEN_VARIABLE = "PROOFBOARD_CONTROL_TOKEN"
LOCAL_ORIGIN = "http://127.0.0.1:4010"  # where `proofboard serve` would serve: shown curl lines work there


class Unjudgeable(Exception):
    """The run cannot come to a verdict: why, in one line."""


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
    ) -> None:
        self.vendor = vendor
        self.model = guard.model
        self.guard = guard
        self.control = control
        self.callers = callers
        self.known = known
        self.seed = seed
        self.left_behind: list[str] = []
        self.prepared: dict[str, Any] = {}
        self._wire = wire
        guard.mask = Mask(callers, mails=control is None)
        guard.foreign.update(known.values())

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

    settings = Settings(seed=seed, clock="2026-03-02T09:00:00Z", limits="documented", vendors=(vendor.name,))
    app = create_app(settings, [vendor])
    wire = LocalWire(app, LOCAL_ORIGIN, at_end=app.close)
    guard = Guard(wire, vendor.mount, Model(vendor), budget=budget, is_own_world=True)
    callers = {name: caller.headers for name, caller in vendor.callers.items()}
    return Target(vendor, guard, wire, seed=seed, control=Control(wire), callers=callers, known=vendor.known)


def open_url(vendor: Vendor, url: str, *, seed: int, budget: Budget, tenant: TenantFile | None = None) -> Target:
    """Whatever answers at a URL. A tenant file's callers go before those that a control plane tells."""
    parts = urlsplit(url.rstrip("/"))
    wire = HttpWire(f"{parts.scheme}://{parts.netloc}")
    try:
        control, told = _find_control(wire, parts.path, vendor)
    except (TargetLost, Unjudgeable) as error:
        wire.close()
        raise Unjudgeable(str(error)) from None
    guard = Guard(wire, parts.path, Model(vendor), budget=budget, is_own_world=control is not None)
    callers: Mapping[str, Mapping[str, str]] = {name: caller.headers for name, caller in vendor.callers.items()}
    known: Mapping[str, str] = vendor.known
    if told is not None:
        callers = {name: entry.get("headers", {}) for name, entry in told["callers"].items()}
        known = {**known, **{role: str(identity) for role, identity in (told.get("known") or {}).items()}}
    if tenant is not None:
        callers = tenant.callers
        known = {**known, **tenant.known} if control else tenant.known
    return Target(vendor, guard, wire, seed=seed, control=control, callers=callers, known=known)


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
