"""Opens the mock of this process through a bend: as a mock with its control plane, or as somebody's tenant without."""

from typing import Any

from contracts import runner
from contracts.control import Control
from contracts.docket import Silence
from contracts.guard import Budget, Guard
from contracts.model import Model
from contracts.runner import Result
from contracts.target import LOCAL_ORIGIN, Target
from contracts.wire import LocalWire
from mockserver.app import create_app
from mockserver.settings import Settings
from mockserver.vendor import Rule, Vendor
from mockserver.webhooks import Courier
from tests.bending_proxy import BentWire
from tests.bends import Bend

START = "2026-03-02T09:00:00Z"


def open_bent(vendor: Vendor, bend: Bend, *, tenant: bool, seed: int = 11, **settings: Any) -> Target:
    """As `proofboard test` opens them; a tenant's callers log in where its vendor has a login."""
    clock = "real" if tenant else START
    app = create_app(Settings(seed=seed, clock=clock, **settings), [vendor], Courier(stays_here=True))
    straight = LocalWire(app, LOCAL_ORIGIN, at_end=app.close)
    told = (Control(straight).find_credentials() or {})[vendor.name]["callers"]
    wire = BentWire(straight, bend, hide_control=tenant)
    guard = Guard(wire, vendor.mount, Model(vendor), budget=Budget(), is_own_world=not tenant)
    callers = {name: entry["headers"] for name, entry in told.items()}
    logins = {name: entry["login"] for name, entry in told.items() if tenant and "login" in entry}
    for name in logins:
        callers[name] = {key: value for key, value in callers[name].items() if key != "Authorization"}
    return Target(
        vendor,
        guard,
        wire,
        seed=seed,
        control=None if tenant else Control(wire),
        callers=callers,
        known=vendor.known,
        mints=not tenant,
        logins=logins,
    )


def judge(
    vendor: Vendor, bend: Bend, rules: list[Rule] | None = None, *, tenant: bool, seed: int = 11, **settings: Any
) -> Result:
    """A quick run by the rules, or by all."""
    target = open_bent(vendor, bend, tenant=tenant, seed=seed, **settings)
    try:
        chosen = list(vendor.rules.values()) if rules is None else rules
        return runner.run(target, chosen, profile="quick", is_selective=rules is not None, progress=Silence())
    finally:
        target.close()


def found(result: Result) -> set[str]:
    """The broken rules, and the codes of failures that no rule answers for."""
    return {finding.rule or finding.key.split()[0] for finding in result.findings}
