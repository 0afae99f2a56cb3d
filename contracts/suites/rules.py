"""The rules that a law or a function of their own judges, each in a world of its own where there are worlds."""

import traceback
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from contracts import rules
from contracts.docket import Docket
from contracts.findings import Broken, Exchange, Finding, NotJudged, State, Unjudgeable, Verdict, shorten
from contracts.guard import BudgetSpent
from contracts.laws import LAWS, ONE_BY_ONE, RUN_WIDE
from contracts.laws.aspects import of_rule
from contracts.rules import Check
from contracts.suites import preflight
from contracts.target import Target
from contracts.tenant import SampleFailed
from contracts.wire import TargetLost
from mockserver.vendor import Rule

SUITE = "rules"
_GRADES = ("documented", "published", "observed", "inferred", "assumed")


@dataclass(frozen=True)
class Outcome:
    """What a check came to, for every rule that it judges."""

    verdict: State
    why: str = ""
    exchange: Exchange | None = None
    exercised: int = 0
    crashed: bool = False


def run(docket: Docket, *, is_late: bool) -> None:
    """Judge the docket's rules that are not judged by schema: those that look at the whole run late, the others before.

    A check that judges several rules runs once. BudgetSpent and Unjudgeable end the run early.
    """
    functions = rules.load(docket.target.vendor.name)
    judged = [rule for rule in docket.rules.values() if rule.judge in ("law", "rule")]
    chosen = [rule for rule in judged if (rule.judge == "law" and rule.detail[0] in RUN_WIDE) == is_late]
    docket.progress.stage(SUITE, len(chosen))
    known: dict[Hashable, Outcome] = {}
    for rule in sorted(chosen, key=lambda each: _GRADES.index(each.grade)):
        docket.progress.step(rule.id)
        check = _find_check(rule, functions)
        if check is None:
            _file(docket, rule, Outcome("not judged", "there is no function that judges it", crashed=True))
            continue
        same: Hashable = check
        if rule.judge == "law":
            is_particular = rule.detail[0] in ONE_BY_ONE or of_rule(docket.target.vendor, rule.detail[0], rule)
            same = (rule.detail, rule.operations, rule.id if is_particular else "")
        if same not in known:
            known[same] = _judge(docket, rule, check)
        _file(docket, rule, known[same])


def _file(docket: Docket, rule: Rule, outcome: Outcome) -> None:
    if outcome.verdict == "broken":
        docket.broken(rule, outcome.why, outcome.exchange, suite=SUITE)
    else:
        docket.settle(Verdict(rule.id, outcome.verdict, outcome.why, outcome.exercised, crashed=outcome.crashed))


def _find_check(rule: Rule, functions: Mapping[str, Check]) -> Check | None:
    if rule.judge == "rule":
        return functions.get(rule.id)
    law = LAWS.get(rule.detail[0])
    return None if law is None else lambda tenant: law(tenant, rule)


def _judge(docket: Docket, rule: Rule, check: Check) -> Outcome:
    """Run one check, in the world of the first rule that it judges."""
    target = docket.target
    sent: list[Exchange] = []
    target.guard.observers.append(sent.append)
    try:
        check(target.tenant(rule.id))
    except Broken as broken:
        exchange = broken.answer.exchange if broken.answer else (sent[-1] if sent else None)
        return Outcome("broken", broken.what, exchange)
    except SampleFailed as failed:
        _sample_failed(docket, failed)
        return Outcome("not judged", failed.why)
    except NotJudged as unjudged:
        return Outcome("not judged", unjudged.why)
    except TargetLost as lost:
        if not preflight.is_alive(target, None):
            raise Unjudgeable(f"the target was lost: {lost}") from None
        return Outcome("broken", f"expected an answer, got none: {lost}", sent[-1] if sent else None)
    except (BudgetSpent, Unjudgeable):
        raise
    except Exception as error:
        return Outcome("not judged", f"the check itself failed: {_where(error)}", crashed=True)
    else:
        return Outcome("holds", exercised=len(sent))
    finally:
        target.guard.observers.remove(sent.append)
        _tidy(target)


def _tidy(target: Target) -> None:
    if not target.is_mock:
        target.clean_up()


def _sample_failed(docket: Docket, failed: SampleFailed) -> None:
    """That no record can be made is one finding, not one for every rule that needs a record."""
    exchange = failed.answer.exchange
    docket.add(
        Finding(
            title="The sample record of the vendor's model can be made",
            what=f"{failed.why}: {shorten(exchange.body.decode(errors='backslashreplace'))}",
            suite=SUITE,
            key=f"sample {exchange.operation}",
            seed=docket.target.seed,
            operation=exchange.operation,
            exchange=exchange,
        )
    )


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = (str(error) or type(error).__name__).splitlines()[0]
    return f"{type(error).__name__}: {text} ({last.filename.rpartition('/')[2]}:{last.lineno})"
