"""The mock in this process, as a wire that leads to it. Nothing leaves."""

from typing import Any

from contracts.wire import LocalWire
from mockserver.vendor import Vendor

LOCAL_ORIGIN = "http://127.0.0.1:4010"  # where `proofboard serve` would serve: shown curl lines work there
START = "2026-03-02T09:00:00Z"  # what clocks of worlds of our own begin with


def local_wire(vendor: Vendor, *, seed: int, **settings: Any) -> LocalWire:
    """A wire to a fresh mock of one vendor, its control plane included; it ends when the wire is closed.

    The settings are those of `proofboard serve`, such as `clock` or `limits`.
    """
    from mockserver.app import create_app  # takes its time, and who judges a URL needs none of it
    from mockserver.settings import Settings
    from mockserver.webhooks import Courier

    told = Settings(seed=seed, vendors=(vendor.name,), **settings)
    # What is made up to try the mock may subscribe anybody; a check calls no strangers.
    app = create_app(told, [vendor], Courier(stays_here=True))
    return LocalWire(app, LOCAL_ORIGIN, at_end=app.close)
