"""The stand-in in this process as if it were a tenant: without its control plane, and without waiting.

Callers and known records are those of our own seed by the names that a run gives. Clocks are moved on where a run would
wait, and by what an answer takes. Nothing leaves.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from contracts.control import Control
from contracts.findings import Exchange
from contracts.local import local_wire
from contracts.model import Model
from contracts.room import with_room
from contracts.safety.budget import Watch
from contracts.safety.guard import Budget, Guard
from contracts.target import Target, open_local
from contracts.tenant_file import TenantFile
from mockserver.reception import DEFAULT_WORLD
from mockserver.vendor import Rule, Vendor

ANSWER_SECONDS = 0.2  # what an answer of a tenant is taken to need
_SYNCED = 1.0  # seconds by which the stand-in's clock may be behind


@dataclass(frozen=True)
class Script:
    """A run as far as it does not depend on who answers. Callers, those of them who log in, and known ids by name.

    `is_own_world` says that the target is a mock: no tenant's rules hold.
    """

    vendor: Vendor
    rules: tuple[Rule, ...]
    profile: str
    seed: int
    callers: tuple[str, ...]
    logins: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    is_read_only: bool = False
    is_selective: bool = False
    is_own_world: bool = False


def write_script(
    vendor: Vendor,
    rules: Iterable[Rule],
    *,
    profile: str,
    seed: int,
    tenant: TenantFile | None = None,
    url: str | None = None,
    is_read_only: bool = False,
    is_selective: bool = False,
) -> Script:
    """The script of a run as it is typed: of a tenant file, or of a URL alone, or of the mock in this process."""
    return Script(
        vendor=vendor,
        rules=tuple(rules),
        profile=profile,
        seed=seed,
        callers=tuple(vendor.callers if tenant is None else tenant.callers),
        logins=() if tenant is None else tuple(tenant.logins),
        known=tuple(vendor.known if tenant is None else tenant.known),
        is_read_only=is_read_only,
        is_selective=is_selective,
        is_own_world=tenant is None and url is None and not is_read_only,
    )


@dataclass
class Skipped:
    """Time that passes without being waited for: on the clocks of the run, and on that of the stand-in."""

    began_at: float = field(default_factory=time.monotonic)
    began_on: float = field(default_factory=time.time)
    waited: float = 0.0
    _passed: float = 0.0
    _unsynced: float = 0.0
    _control: Control | None = None
    _renew: Callable[[float], None] = field(default=lambda moment: None)

    @property
    def watch(self) -> Watch:
        return Watch(
            monotonic=lambda: self.began_at + self._passed, wall=lambda: self.began_on + self._passed, sleep=self.sleep
        )

    def follow(self, control: Control, renew: Callable[[float], None]) -> None:
        """The stand-in's clock goes with ours; `renew` is told the time when tokens may have ended."""
        self._control, self._renew = control, renew

    def observe(self, exchange: Exchange) -> None:
        """An answer takes its time."""
        self._pass(ANSWER_SECONDS)

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        self._passed += seconds
        self._unsynced += seconds
        if self._control is not None and self._unsynced >= _SYNCED:
            self._control.turn(DEFAULT_WORLD, {"advance": self._unsynced})
            self._unsynced = 0.0
            self._renew(self.began_on + self._passed)


def open_standin(script: Script, budget: Budget) -> tuple[Target, Skipped]:
    """The stand-in as a tenant: no control plane for the run, the callers and records that the script names."""
    vendor = script.vendor
    skipped = Skipped()
    if script.is_own_world:
        return open_local(vendor, seed=script.seed, budget=budget), skipped
    now = datetime.fromtimestamp(skipped.began_on, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wire = local_wire(vendor, seed=script.seed, clock=now)
    judged = with_room(vendor)
    guard = Guard(
        wire,
        vendor.mount,
        Model(judged),
        budget=budget,
        is_own_world=False,
        is_read_only=script.is_read_only,
        watch=skipped.watch,
    )
    guard.observers.append(skipped.observe)
    callers = _callers(script, skipped.began_on)
    skipped.follow(Control(wire), lambda moment: callers.update(_callers(script, moment)))
    logins = {name: vendor.callers[name].login or {} for name in script.logins if name in callers}
    known = {role: vendor.known[role] for role in script.known if role in vendor.known}
    target = Target(judged, guard, wire, seed=script.seed, control=None, callers=callers, known=known, logins=logins)
    return target, skipped


def _callers(script: Script, now: float) -> dict[str, Mapping[str, str]]:
    """The headers of the script's callers, as far as the seed has them; those who log in get no token beforehand."""
    told = script.vendor.headers_of_callers(now)
    found: dict[str, Mapping[str, str]] = {name: told[name] for name in script.callers if name in told}
    for name in script.logins:
        if name in found and script.vendor.callers[name].login:
            found[name] = {key: value for key, value in found[name].items() if key != "Authorization"}
    return found
