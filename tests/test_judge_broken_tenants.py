"""A broken tenant is recognised: each bend is found by the rule that it breaks, and a clean tenant trips none.

Behind a real proxy, with and without the control plane forwarded, each bend meets the rules that speak of it. The slow
tests send every bend through the whole quick profile.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.findings import Finding
from contracts.local import START, local_wire
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.target import Target, open_url
from contracts.wire import HttpWire, Outgoing, Reply
from mockserver.vendor import Rule, Vendor
from tests.bending_proxy import EVERY, BentWire, Proxy
from tests.bends import BENDS, Bend, Forward, Memory, answer_of, path_of, straight
from tests.tools.judging import open_through
from tests.tools.serving import Served

# Filling a quota takes thousands of requests, and none of the bends is about quotas that are full.
FILLS_A_QUOTA = {"KM-039", "KM-050", "KM-055", "KM-056", "KM-060", "KM-061", "KM-062", "KM-063"}
# What a tenant may do, because the documents leave room for it.
ALLOWED_TO_A_TENANT = {"blank-label-accepted", "text-trimmed", "text-cut-at-255"}
REQUIRED = list(BENDS)[:8]

ThroughProxy = Callable[..., Result]


def rules(vendor: Vendor) -> list[Rule]:
    return [rule for rule in vendor.rules.values() if rule.id not in FILLS_A_QUOTA]


def names(findings: tuple[Finding, ...]) -> set[str]:
    """The broken rules, and the codes of failures that no rule answers for."""
    return {finding.rule or finding.key.split()[0] for finding in findings}


@pytest.fixture
def through_proxy(server: Served, kanman: Vendor) -> Iterator[ThroughProxy]:
    """Judges the real server behind a proxy that bends, by the chosen rules."""

    def judge(bend: Bend, chosen: list[Rule], *, hide_control: bool, is_selective: bool) -> Result:
        with Proxy(BentWire(HttpWire(server.origin), bend, hide_control=hide_control)) as proxy:
            target = open_url(kanman, proxy.url, seed=11, budget=Budget())
            try:
                return runner.run(target, chosen, profile="quick", is_selective=is_selective, progress=Silence())
            finally:
                target.close()

    yield judge


@pytest.mark.parametrize("hide_control", [False, True], ids=["mock", "tenant"])
def test_clean__nothing_is_found(through_proxy: ThroughProxy, kanman: Vendor, hide_control: bool) -> None:
    result = through_proxy(straight, rules(kanman), hide_control=hide_control, is_selective=False)
    assert (result.exit_code, result.findings, result.left_behind) == (0, (), ())
    assert result.is_mock is not hide_control and result.count("holds") > 150


def test_clean__on_a_tenant_only_what_the_run_created_is_changed(through_proxy: ThroughProxy, kanman: Vendor) -> None:
    created: set[str] = set()
    changed: set[str] = set()

    def watch(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        reply = forward(request)
        if request.method == "POST" and reply.status == 201:
            created.add(answer_of(reply)["task"]["id"])
        elif request.method in ("PATCH", "DELETE") and reply.status == 200:
            changed.add(path_of(request).removeprefix("/tasks/"))
        return reply

    chosen = [rule for rule in rules(kanman) if "updateTask" in rule.operations or "deleteTask" in rule.operations]
    result = through_proxy(watch, chosen, hide_control=True, is_selective=True)
    assert result.cases and changed and changed <= created and result.left_behind == ()


@pytest.mark.parametrize("hide_control", [False, True], ids=["mock", "tenant"])
@pytest.mark.parametrize("name", REQUIRED)
def test_bend__is_found(through_proxy: ThroughProxy, kanman: Vendor, name: str, hide_control: bool) -> None:
    bend, breaks = BENDS[name]
    result = through_proxy(bend, [kanman.rules[rule] for rule in breaks], hide_control=hide_control, is_selective=True)
    assert names(result.findings) & breaks, result.verdicts
    binding = any(kanman.rules[rule].binding for rule in names(result.findings) & breaks)
    assert result.exit_code == (1 if binding or not hide_control else 0)
    assert all(finding.curl and finding.seed == 11 for finding in result.findings)


@pytest.fixture
def in_process(kanman: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Judges the mock in this process through a bend, by everything that quick has to find rules by."""
    targets: list[Target] = []

    def judge(bend: Bend, *, seed: int, tenant: bool, breaks: frozenset[str] = frozenset()) -> Result:
        """A run, as far as its first finding about what the bend breaks."""
        if bend is not straight:  # sequences have tests of their own, and take long to be made short
            monkeypatch.setattr(runner, "_play", lambda docket, profile: None)
        mock = local_wire(kanman, seed=seed, clock="real" if tenant else START)
        wire = BentWire(mock, bend, hide_control=tenant)
        targets.append(open_through(kanman, wire, seed=seed, tenant=tenant))
        return runner.run(
            targets[-1],
            rules(kanman),
            profile="quick",
            is_selective=False,
            progress=Silence(),
            is_enough=lambda finding: bool(names((finding,)) & breaks),
        )

    yield judge
    for target in targets:
        target.close()


@pytest.mark.slow
@pytest.mark.parametrize("tenant", [False, True], ids=["mock", "tenant"])
@pytest.mark.parametrize("name", EVERY)
def test_bend__is_found_by_the_whole_of_quick(in_process: Any, name: str, tenant: bool) -> None:
    bend, breaks = EVERY[name]
    result: Result = in_process(bend, seed=3, tenant=tenant, breaks=frozenset(breaks))
    if tenant and name in ALLOWED_TO_A_TENANT:
        assert result.exit_code == 0
    else:
        assert names(result.findings) & breaks, names(result.findings)
        assert tenant or result.exit_code == 1


@pytest.mark.slow
@pytest.mark.parametrize("tenant", [False, True], ids=["mock", "tenant"])
@pytest.mark.parametrize("seed", range(0, 20, 4))
def test_clean__whatever_the_seed(in_process: Any, seed: int, tenant: bool) -> None:
    result: Result = in_process(straight, seed=seed, tenant=tenant)
    assert (result.exit_code, result.findings, result.notes, result.left_behind) == (0, (), (), ())
