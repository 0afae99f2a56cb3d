"""What a run judges: the mock in this process, a mock behind a URL, or a tenant. Finds out which it is.

A mock is known by its control plane, and gives every law a world of its own. A tenant has one world, not ours.
"""

import os
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from contracts.control import Clock, Control
from contracts.findings import Exchange, NotJudged, Unjudgeable
from contracts.local import START, local_wire
from contracts.model import Model
from contracts.room import with_room
from contracts.safety.budget import Watch
from contracts.safety.guard import WORLD_HEADER, Budget, BudgetSpent, Guard
from contracts.safety.made import Journal
from contracts.safety.mask import Mask
from contracts.safety.pace import ToldWait, silently
from contracts.sessions import Sessions
from contracts.tenant import MARK, Tenant
from contracts.tenant_file import TenantFile
from contracts.wire import HttpWire, LocalWire, Outgoing, Reply, TargetLost, Wire
from mockserver.vendor import Vendor

TOKEN_VARIABLE = "PROOFBOARD_CONTROL_TOKEN"


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
        self.useless: dict[str, str] = {}  # role of a known id that was given -> why it is not used
        self._wire = wire
        self._minted: dict[str, tuple[int, Mapping[str, Mapping[str, str]]]] = {}
        self._windows = [
            quota for quota in vendor.behaviour.get("quotas", {}).values() if isinstance(quota["window"], Mapping)
        ]
        self._mask = Mask(callers, mails=control is None, logins=logins)
        guard.mask = self._mask
        guard.ownership.give(known)
        guard.callers = lambda: self.callers_of(None)

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

    def tell_why(self, unjudged: NotJudged) -> str:
        """Why a rule is not judged: a known id that was given and is of no use is not called missing."""
        why = self.useless.get(unjudged.role or "")
        return unjudged.why if why is None else f"the known {unjudged.role} {why}"

    def be_patient(self, exchange: Exchange, clock: Clock | None) -> None:
        """On a mock, let a window of seconds pass when no call is left in it: or it is judged for something else.

        Elsewhere the guard waits.
        """
        for quota in self._windows if self.is_mock else ():
            names = [header for header, told in quota.get("headers", {}).items() if told == "remaining"]
            left = [exchange.headers.get(name) for name in names]
            if clock is not None and "0" in left and exchange.caller is not None:
                clock.advance(quota["window"]["seconds"] + 1)
                return

    def clean_up(self, *, is_last: bool = True) -> None:
        """Remove what this run created, the last first. What cannot be removed, the last time, is in `left_behind`."""
        from contracts.safety.cleaning import Cleaner

        cleaner = Cleaner(self)
        cleaner.clean(is_last=is_last)
        self.left_behind += [line for line in cleaner.left if line not in self.left_behind]

    def close(self) -> None:
        self._wire.close()


def open_local(
    vendor: Vendor,
    *,
    seed: int,
    budget: Budget,
    is_read_only: bool = False,
    told: ToldWait = silently,
    defects: Sequence[str] = (),
) -> Target:
    """The mock itself, in this process; for a run that only reads as a tenant, whose time passes without waiting.

    `defects` are planted in every world of it.
    """
    wire = local_wire(vendor, seed=seed, clock="real" if is_read_only else START, defect=tuple(defects) or None)
    control = Control(wire)
    callers, mints = _told_callers(vendor, (control.find_credentials() or {}).get(vendor.name))
    known = vendor.known
    if is_read_only:
        vendor = with_room(vendor)
    guard = Guard(
        wire,
        vendor.mount,
        Model(vendor),
        budget=budget,
        is_own_world=not is_read_only,
        is_read_only=is_read_only,
        watch=_turning(control) if is_read_only else None,
    )
    guard.pace.told = told
    kept = None if is_read_only else control
    return Target(vendor, guard, wire, seed=seed, control=kept, callers=callers, known=known, mints=mints)


def _turning(control: Control) -> Watch:
    """Clocks of a run that turns the mock's own instead of waiting."""
    from mockserver.reception import DEFAULT_WORLD

    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        control.turn(DEFAULT_WORLD, {"advance": seconds})

    def wall() -> float:
        return control.turn(DEFAULT_WORLD).timestamp()

    return Watch(monotonic=lambda: time.monotonic() + passed, wall=wall, sleep=sleep)


def open_url(
    vendor: Vendor,
    url: str,
    *,
    seed: int,
    budget: Budget,
    tenant: TenantFile | None = None,
    is_read_only: bool = False,
    watch: Watch | None = None,
    told: ToldWait = silently,
    timeout: float | None = None,
) -> Target:
    """Whatever answers at a URL. A tenant file's callers go before those that a control plane tells.

    What only reads is judged as a tenant, a mock too. `told` hears of each wait: its seconds, and the reason.
    """
    parts = urlsplit(url.rstrip("/"))
    wire = HttpWire(f"{parts.scheme}://{parts.netloc}", timeout=timeout)
    strange = with_room(vendor)
    guard = Guard(
        wire, parts.path, Model(strange), budget=budget, is_own_world=False, is_read_only=is_read_only, watch=watch
    )
    guard.pace.told = told
    try:
        control, entry = _find_control(wire, guard, vendor, seed)
    except (TargetLost, Unjudgeable, NotJudged, BudgetSpent) as error:
        wire.close()
        raise Unjudgeable(str(error)) from None
    if control is None:
        vendor = strange
    else:
        guard = Guard(wire, parts.path, Model(vendor), budget=budget, is_own_world=True, watch=watch, purse=guard.purse)
        guard.pace.told = told
    callers, mints = _told_callers(vendor, entry)
    known: Mapping[str, str] = vendor.known
    logins: Mapping[str, Mapping[str, str]] = {}
    twins: Mapping[str, str] = {}
    if entry is not None:
        known = {**known, **{role: str(identity) for role, identity in (entry.get("known") or {}).items()}}
    if tenant is not None:
        callers, logins = tenant.callers, tenant.logins
        twins = _twins(logins, entry) if mints else {}
        mints = bool(twins)
        known = {**known, **tenant.known} if entry is not None else tenant.known
    target = Target(
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
    if control is None and not is_read_only:
        guard.ownership.book = Journal(vendor.name, url, seed)
    return target


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


class _Probe:
    """The wire by which a control plane is looked for: through the guard, as long as nobody knows what answers."""

    def __init__(self, guard: Guard, origin: str) -> None:
        self.origin = origin
        self._guard = guard

    def send(self, request: Outgoing) -> Reply:
        answer = self._guard.knock(request)
        return Reply(answer.status, answer.headers, answer.body, answer.elapsed)

    def close(self) -> None:
        """The guard's wire stays open."""


def _find_control(
    wire: Wire, guard: Guard, vendor: Vendor, seed: int
) -> tuple[Control | None, Mapping[str, Any] | None]:
    """The control plane beside a base URL, and what it tells of the vendor; None where there is none.

    A tenant is asked but once. What has a control plane is a mock only when a request to it shows there: in a run that
    only reads nobody asks, because it is judged as a tenant anyway.
    """
    path = guard.base_path
    root = path.removesuffix(vendor.mount) if path.endswith(vendor.mount) else ""
    token = os.environ.get(TOKEN_VARIABLE)
    probing = Control(_Probe(guard, wire.origin), root, token=token)
    found = probing.find_credentials()
    if found is None:
        return None, None
    if vendor.name not in found:
        raise Unjudgeable(f"{wire.origin} does not serve {vendor.name}; it serves {', '.join(found)}")
    if guard.is_read_only:
        return None, found[vendor.name]
    world, query = f"{MARK}-{seed}-whose", f"{MARK}={secrets.token_hex(8)}"
    guard.knock(Outgoing("GET", f"{path}/?{query}", [(WORLD_HEADER, world)]))
    if not probing.shows(world, query):
        return None, None
    return Control(wire, root, token=token), found[vendor.name]
