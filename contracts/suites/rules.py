"""The rules that a law or a function of their own judges, each in a world of its own where there are worlds."""

import traceback
from collections.abc import Mapping

from contracts import rules
from contracts.docket import Docket
from contracts.findings import Broken, Exchange, Finding, NotJudged, Verdict, shorten
from contracts.guard import BudgetSpent
from contracts.laws import LAWS
from contracts.rules import Check
from contracts.suites import preflight
from contracts.target import Target, Unjudgeable
from contracts.tenant import SampleFailed
from contracts.wire import TargetLost
from mockserver.vendor import Rule

SUITE = "rules"
_GRADES = ("documented", "published", "observed", "inferred", "assumed")


def run(docket: Docket) -> None:
    """Judge every rule of the docket that is not judged by schema; BudgetSpent and Unjudgeable end it early."""
    functions = rules.load(docket.target.vendor.name)
    chosen = [rule for rule in docket.rules.values() if rule.judge in ("law", "rule")]
    docket.progress.stage(SUITE, len(chosen))
    for rule in sorted(chosen, key=lambda each: _GRADES.index(each.grade)):
        docket.progress.step(rule.id)
        check = _find_check(rule, functions)
        if check is None:
            docket.settle(Verdict(rule.id, "not judged", "there is no function that judges it", crashed=True))
        else:
            _judge(docket, rule, check)


def _find_check(rule: Rule, functions: Mapping[str, Check]) -> Check | None:
    if rule.judge == "rule":
        return functions.get(rule.id)
    law = LAWS.get(rule.detail[0])
    return None if law is None else lambda tenant: law(tenant, rule)


def _judge(docket: Docket, rule: Rule, check: Check) -> None:
    """Run one check and file what comes of it."""
    target = docket.target
    sent: list[Exchange] = []
    target.guard.observers.append(sent.append)
    try:
        check(target.tenant(rule.id))
    except Broken as broken:
        exchange = broken.answer.exchange if broken.answer else (sent[-1] if sent else None)
        docket.broken(rule, broken.what, exchange, suite=SUITE)
    except SampleFailed as failed:
        _sample_failed(docket, failed)
        docket.settle(Verdict(rule.id, "not judged", failed.why))
    except NotJudged as unjudged:
        docket.settle(Verdict(rule.id, "not judged", unjudged.why))
    except TargetLost as lost:
        if not preflight.is_alive(target, None):
            raise Unjudgeable(f"the target was lost: {lost}") from None
        docket.broken(rule, f"expected an answer, got none: {lost}", sent[-1] if sent else None, suite=SUITE)
    except (BudgetSpent, Unjudgeable):
        raise
    except Exception as error:
        docket.settle(Verdict(rule.id, "not judged", f"the check itself failed: {_where(error)}", crashed=True))
    else:
        docket.settle(Verdict(rule.id, "holds", "", len(sent)))
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
