"""Opens the mock of this process through a bend: as a mock with its control plane, or as somebody's tenant without."""

from typing import Any

import pytest

from contracts import runner
from contracts.control import Control
from contracts.docket import Docket, Silence
from contracts.local import START, local_wire
from contracts.model import Model
from contracts.room import with_room
from contracts.runner import Result
from contracts.safety.guard import Budget, Guard
from contracts.suites import model, preflight
from contracts.target import Target
from contracts.wire import Wire
from mockserver.reception import DEFAULT_WORLD
from mockserver.vendor import Rule, Vendor
from tests.bending_proxy import BentWire
from tests.bends import Bend
from tests.tools.hurrying import Hurried


def open_bent(
    vendor: Vendor, bend: Bend, *, tenant: bool, seed: int = 11, budget: Budget | None = None, **settings: Any
) -> Target:
    """As `proofboard test` opens them; a tenant's callers log in where its vendor has a login."""
    clock = "real" if tenant else START
    judged = with_room(vendor) if tenant else vendor
    straight = local_wire(vendor, seed=seed, clock=clock, **settings)
    told = (Control(straight).find_credentials() or {})[vendor.name]["callers"]
    wire = BentWire(straight, bend, hide_control=tenant)
    clocks = Hurried(lambda seconds: Control(straight).turn(DEFAULT_WORLD, {"advance": seconds}))
    watch = clocks.watch if tenant else None
    guard = Guard(wire, vendor.mount, Model(judged), budget=budget or Budget(), is_own_world=not tenant, watch=watch)
    callers = {name: entry["headers"] for name, entry in told.items()}
    logins = {name: entry["login"] for name, entry in told.items() if tenant and "login" in entry}
    for name in logins:
        callers[name] = {key: value for key, value in callers[name].items() if key != "Authorization"}
    return Target(
        judged,
        guard,
        wire,
        seed=seed,
        control=None if tenant else Control(wire),
        callers=callers,
        known=vendor.known,
        mints=not tenant,
        logins=logins,
    )


def open_through(vendor: Vendor, wire: Wire, *, seed: int, tenant: bool, budget: Budget | None = None) -> Target:
    """What a wire leads to, by the callers and known ids of the vendor's seed; as a tenant it has no control plane."""
    guard = Guard(wire, vendor.mount, Model(vendor), budget=budget or Budget(), is_own_world=not tenant)
    callers = {name: caller.headers for name, caller in vendor.callers.items()}
    control = None if tenant else Control(wire)
    return Target(vendor, guard, wire, seed=seed, control=control, callers=callers, known=vendor.known)


# What shows most of the places that schemas describe; the fuzzer's requests are thousands.
_SHOWING = frozenset(
    {"status-codes", "error-envelope", "create-and-read", "include", "body-form", "required-fields", "sliding-window"}
)


def judge_lightly(vendor: Vendor, bend: Bend, breaks: frozenset[str], *, tenant: bool, seed: int = 11) -> Result:
    """A run by those rules alone, and without the fuzzer: what they need to see is shown by a few laws."""
    chosen = {rule: vendor.rules[rule] for rule in sorted(breaks)}
    if any(rule.judge == "schema" for rule in chosen.values()):
        laws = [rule for rule in vendor.rules.values() if rule.judge == "law" and rule.detail[0] in _SHOWING]
        firsts = {(rule.detail, rule.operations): rule for rule in reversed(laws)}
        chosen |= {rule.id: rule for rule in firsts.values()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_conform", lambda docket, profile: None)
        return judge(vendor, bend, list(chosen.values()), tenant=tenant, seed=seed)


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


def judge_by_sequences(
    vendor: Vendor, bend: Bend, *, tenant: bool, seed: int = 11, profile: str = "quick", **settings: Any
) -> Result:
    """A run of the model suite alone, up to its first finding."""
    target = open_bent(vendor, bend, tenant=tenant, seed=seed, **settings)
    try:
        return play_sequences(target, profile)
    finally:
        target.close()


def play_sequences(target: Target, profile: str = "quick") -> Result:
    """The model suite alone on a target that is open; whatever the other suites would ask is left out."""

    def ask(docket: Docket, profile: str) -> None:
        preflight.check(docket.target, rules=docket.rules.values(), tell=lambda line: None)
        model.run(docket, profile)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_ask", ask)
        rules, options = list(target.vendor.rules.values()), {"is_selective": False, "progress": Silence()}
        return runner.run(target, rules, profile=profile, is_enough=lambda finding: True, **options)
