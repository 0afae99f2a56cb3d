"""One run: what it concludes from what the suites find, and from what stops them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from contracts import runner
from contracts.docket import Silence
from contracts.findings import Broken, NotJudged
from contracts.local import START, local_wire
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.suites import rules as rule_suite
from contracts.target import Target
from contracts.tenant import Tenant
from contracts.wire import Outgoing, Reply, TargetLost, Wire
from mockserver.vendor import Vendor
from tests.bends import path_of, with_answer
from tests.tools.judging import open_through

Judge = Callable[..., Result]


class Through:
    """A wire that lets a function see, change or refuse what passes."""

    def __init__(self, wire: Wire, passing: Callable[[Outgoing, Callable[[Outgoing], Reply]], Reply]) -> None:
        self.origin = wire.origin
        self._wire = wire
        self._passing = passing

    def send(self, request: Outgoing) -> Reply:
        if request.target.startswith("/_mock"):
            return self._wire.send(request)
        return self._passing(request, self._wire.send)

    def close(self) -> None:
        self._wire.close()


def pass_on(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
    return forward(request)


@pytest.fixture
def judge(kanman: Vendor) -> Iterator[Judge]:
    """Runs rules on the mock in this process, seen through a function; with `tenant` it hides that it is a mock."""
    targets: list[Target] = []

    def run(*rules: str, passing: Any = pass_on, tenant: bool = False, is_enough: Any = None, **budget: Any) -> Result:
        wire = Through(local_wire(kanman, seed=1, clock=START), passing)
        targets.append(open_through(kanman, wire, seed=1, tenant=tenant, budget=Budget(**budget)))
        chosen = runner.select(kanman, rules)
        return runner.run(
            targets[-1], chosen, profile="quick", is_selective=True, progress=Silence(), is_enough=is_enough
        )

    yield run
    for target in targets:
        target.close()


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Tenant], None]], None]:
    """Puts a check in place of the function that judges KM-114."""

    def put(function: Callable[[Tenant], None]) -> None:
        monkeypatch.setattr(rule_suite.rules, "load", lambda name: {"KM-114": function})

    return put


def verdicts(result: Result) -> list[tuple[str, str]]:
    return [(verdict.state, verdict.why) for verdict in result.verdicts]


def test_run__a_rule_that_holds(judge: Judge) -> None:
    result = judge("KM-114")
    assert (result.exit_code, result.reason, verdicts(result)) == (0, None, [("holds", "")])


def test_run__a_broken_rule_bears_its_evidence(judge: Judge, check: Any) -> None:
    def breaks(tenant: Tenant) -> None:
        raise Broken("expected more", tenant.call("listBoards"))

    check(breaks)
    result = judge("KM-114")
    (finding,) = result.findings
    assert (result.exit_code, finding.rule, finding.what, finding.severity) == (1, "KM-114", "expected more", "error")
    assert finding.curl is not None and finding.curl.startswith("curl -i http://127.0.0.1:4010/kanman/v1/boards")


def test_run__on_a_tenant_an_assumed_rule_only_warns(judge: Judge, check: Any) -> None:
    def breaks(tenant: Tenant) -> None:
        raise Broken("expected more")

    check(breaks)
    result = judge("KM-114", tenant=True)
    assert (result.exit_code, [finding.severity for finding in result.findings]) == (0, ["warning"])


def crashing(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
    """Nobody can create anything, and every list lacks what it holds."""
    reply = forward(request)
    if request.method == "POST" and reply.status < 300:
        return with_answer(reply, {"made": True})
    return with_answer(reply, {}) if request.method == "GET" and reply.status == 200 else reply


@pytest.mark.parametrize("tenant", [False, True])
def test_run__may_end_with_the_first_finding(judge: Judge, tenant: bool) -> None:
    rules = ["KM-002", "KM-010", "KM-116", "KM-124", "KM-144", "KM-188"]
    whole = judge(*rules, passing=crashing, tenant=tenant)
    assert len(whole.findings) > 1
    first = judge(*rules, passing=crashing, tenant=tenant, is_enough=lambda finding: finding.severity == "error")
    assert first.exit_code == 1 and first.requests < whole.requests
    assert any(note.startswith("the run ended with its first finding") for note in first.notes)
    assert {finding.key for finding in first.findings} < {finding.key for finding in whole.findings}
    assert "not judged" in {state for state, _ in verdicts(first)}
    never = judge(*rules, passing=crashing, tenant=tenant, is_enough=lambda finding: False)
    assert verdicts(never) == verdicts(whole)


def test_run__a_rule_that_cannot_be_judged_says_why(judge: Judge, check: Any) -> None:
    def cannot(tenant: Tenant) -> None:
        raise NotJudged("needs more")

    check(cannot)
    result = judge("KM-114")
    assert (result.exit_code, verdicts(result)) == (2, [("not judged", "needs more")])
    assert result.reason == "nothing was judged: no chosen rule shows on this target"


def test_run__a_check_that_fails_itself_is_never_green(judge: Judge, check: Any) -> None:
    def crashes(tenant: Tenant) -> None:
        raise KeyError("oops")

    check(crashes)
    result = judge("KM-114")
    assert result.exit_code == 2 and result.reason is not None
    assert "the check itself failed: KeyError: 'oops' (test_contracts_runner.py:" in result.reason


def test_run__a_sample_that_cannot_be_made_is_one_finding(judge: Judge) -> None:
    def refuse(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
        reply = forward(request)
        return (
            with_answer(reply, {"error": {"code": "x", "message": "y"}}, status=409)
            if request.method == "POST"
            else reply
        )

    result = judge("KM-160", "KM-142", "KM-143", passing=refuse)
    assert [finding.key for finding in result.findings if finding.rule is None] == ["sample createTask"]
    assert result.exit_code == 1


def test_run__a_budget_that_is_spent_leaves_the_rest_unjudged(judge: Judge) -> None:
    result = judge("KM-1*", requests=60)
    assert result.requests <= 60 and result.count("holds") > 0
    assert result.notes and "the budget of 60 requests is spent" in result.notes[0]
    assert any(why == "the budget of 60 requests is spent" for _, why in verdicts(result))


def test_run__a_target_that_dies_is_not_judged(judge: Judge) -> None:
    sent: list[Outgoing] = []

    def die(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
        sent.append(request)
        if len(sent) > 40:
            raise TargetLost("it is gone")
        return forward(request)

    result = judge("KM-1*", passing=die)
    assert (result.exit_code, result.reason) == (2, "the target was lost: it is gone")


def test_run__one_request_without_an_answer_is_a_finding(judge: Judge) -> None:
    def drop(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
        if request.method == "DELETE":
            raise TargetLost("broken off")
        return forward(request)

    result = judge("KM-168", passing=drop)
    assert result.exit_code == 1
    assert any("broken off" in finding.what for finding in result.findings)


def test_run__an_interrupt_cleans_up(judge: Judge) -> None:
    sent: list[Outgoing] = []

    def interrupt(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
        sent.append(request)
        if request.method == "PATCH":
            raise KeyboardInterrupt
        return forward(request)

    result = judge("KM-136", passing=interrupt, tenant=True)
    assert (result.exit_code, result.reason, result.left_behind) == (2, "interrupted", ())
    made = sum((request.method, path_of(request)) == ("POST", "/tasks") for request in sent)
    assert made >= 1 and sum(request.method == "DELETE" for request in sent) == made


def test_run__what_cannot_be_removed_is_told(judge: Judge) -> None:
    def keep(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
        reply = forward(request)
        return (
            with_answer(reply, {"error": {"code": "x", "message": "y"}}, status=403)
            if request.method == "DELETE"
            else reply
        )

    result = judge("KM-114", passing=keep, tenant=True)
    assert result.left_behind and all("answered 403" in line for line in result.left_behind)


def test_run__a_few_rules_send_no_more_than_they_need(judge: Judge) -> None:
    assert judge("KM-114").requests < 20


@pytest.mark.parametrize(
    ("patterns", "expected"), [(["KM-00[12]"], ["KM-001", "KM-002"]), (["km-003"], ["KM-003"]), (["XX-*"], [])]
)
def test_select__by_pattern(kanman: Vendor, patterns: Sequence[str], expected: list[str]) -> None:
    assert [rule.id for rule in runner.select(kanman, patterns)] == expected


def test_run__a_server_that_fails_breaks_the_rule_about_failing(judge: Judge) -> None:
    def fail(request: Outgoing, forward: Callable[[Outgoing], Reply]) -> Reply:
        reply = forward(request)
        return (
            with_answer(reply, {"error": {"code": "internal_error", "message": "y"}}, status=500)
            if b'"status": 2' in (request.body or b"")
            else reply
        )

    result = judge("KM-047", "KM-116", passing=fail, tenant=True)
    assert "KM-047" in {finding.rule for finding in result.findings}
