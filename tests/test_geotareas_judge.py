"""GeoTareas as somebody's tenant: the run logs its callers in, finds nothing where nothing is wrong, does no harm."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.target import open_url
from contracts.tenant_file import TenantFile
from contracts.wire import HttpWire
from mockserver.vendor import Rule, Vendor, load
from tests.bending_proxy import BentWire, Proxy
from tests.bends import Bend, straight
from tests.tools.hurrying import Hurried
from tests.tools.serving import Served, end, serve


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return load("geotareas")


@pytest.fixture(scope="module")
def geotareas_server() -> Iterator[Served]:
    """Without limits: those of a real tenant would make a run take an hour."""
    with serve("geotareas", "--limits", "off") as served:
        yield served
        end(served.process)


def judge(vendor: Vendor, origin: str, chosen: list[Rule], bend: Bend, callers: list[str]) -> Result:
    """The server behind a proxy that hides its control plane, by a tenant file whose callers log in."""
    with Proxy(BentWire(HttpWire(origin), bend, hide_control=True)) as proxy:
        address = proxy.url.rpartition("/kanman")[0] + vendor.mount
        headers = {name: vendor.callers[name].headers for name in callers}
        logins = {name: vendor.callers[name].login or {} for name in callers}
        tenant = TenantFile(address, headers, logins, dict(vendor.known))
        target = open_url(vendor, address, seed=11, budget=Budget(), tenant=tenant, watch=Hurried().watch)
        try:
            return runner.run(target, chosen, profile="quick", is_selective=len(chosen) < 100, progress=Silence())
        finally:
            target.close()


def test_tenant__that_is_clean_trips_no_rule(geotareas_server: Served, vendor: Vendor) -> None:
    callers = ["owner", "reader", "writer", "outsider"]
    result = judge(vendor, geotareas_server.origin, list(vendor.rules.values()), straight, callers)
    assert (result.exit_code, result.findings, result.is_mock) == (0, (), False)
    assert result.count("holds") > 140


def test_tenant__never_meets_a_wrong_login_or_a_move(geotareas_server: Served, vendor: Vendor) -> None:
    seen: list[tuple[str, int]] = []

    def watch(memory: Any, request: Any, forward: Callable[[Any], Any]) -> Any:
        reply = forward(request)
        seen.append((f"{request.method} {request.target.rpartition('/')[2]}", reply.status))
        return reply

    chosen = [rule for rule in vendor.rules.values() if {"login", "setTaskState"} & set(rule.operations)]
    judge(vendor, geotareas_server.origin, chosen, watch, ["owner"])
    assert [status for what, status in seen if what == "POST login"] == [200]
    moves = {status for what, status in seen if what == "PUT state"}
    assert moves and moves <= {400, 401, 403, 404}
