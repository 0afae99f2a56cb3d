"""The stand-in in this process as the model that a sequence is held against, request by request."""

from collections.abc import Mapping

from contracts.control import Control
from contracts.local import local_wire
from contracts.model import Model
from contracts.safety.guard import Budget, Guard
from contracts.target import Target
from mockserver.vendor import Vendor


def open_reference(
    vendor: Vendor, *, seed: int, at: str, records: int | None = None, switches: Mapping[str, str] | None = None
) -> Target:
    """A mock of its own with the records of that seed, whose clock stands still at that time.

    `switches` are those that do not stand as they would by themselves.
    """
    turned = tuple((vendor.name, name, value) for name, value in (switches or {}).items())
    wire = local_wire(vendor, seed=seed, clock=at, limits="documented", switches=turned, records=records)
    control = Control(wire)
    told = (control.find_credentials() or {})[vendor.name]
    return Target(
        vendor,
        Guard(wire, vendor.mount, Model(vendor), budget=Budget(), is_own_world=True),
        wire,
        seed=seed,
        control=control,
        callers={name: entry["headers"] for name, entry in told["callers"].items()},
        known=vendor.known,
        mints=vendor.mints,
    )
