"""The rules that a law or a function of their own judges, each in a world of its own where there are worlds."""

import traceback
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from contracts import rules
from contracts.docket import Docket
from contracts.findings import Broken, Exchange, Finding, Lacks, NotJudged, State, Unjudgeable, Verdict, shorten
from contracts.laws import LAWS, ONE_BY_ONE, RUN_WIDE
from contracts.laws.aspects import of_rule
from contracts.laws.webhooks import takes_its_time
from contracts.room import may_lack
from contracts.rules import Check
from contracts.safety.guard import BudgetSpent
from contracts.suites import preflight
from contracts.target import Target
from contracts.tenant import SampleFailed
from contracts.wire import TargetLost
from mockserver.vendor import Rule, Vendor, shipped

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


@dataclass(frozen=True)
class Group:
    """The rules that one check judges, those of the best grades first."""

    rules: tuple[Rule, ...]
    check: Check | None

    @property
    def name(self) -> str:
        return self.rules[0].id


@dataclass
class Trial:
    """A check that was begun. One that yields waits for something, and is asked again when the others are done."""

    steps: Iterator[None] | None = None
    sent: list[Exchange] = field(default_factory=list)
    breach: Outcome | None = None  # what was found the first time
    tried: int = 1
    doubts: int = 0  # lists read then that may have come from a cache, as the documents let them
    is_second: bool = False


def find_groups(vendor: Vendor, chosen: Iterable[Rule], *, is_late: bool) -> list[Group]:
    """The checks of the rules that no schema judges: those that look at the whole run late, the others before."""
    functions = rules.load(vendor.name)
    judged = [rule for rule in chosen if rule.judge in ("law", "rule")]
    found: dict[Hashable, tuple[Check | None, list[Rule]]] = {}
    for rule in sorted(judged, key=lambda each: _GRADES.index(each.grade)):
        if (rule.judge == "law" and rule.detail[0] in RUN_WIDE) != is_late:
            continue
        check = _find_check(rule, functions)
        same: Hashable = check or rule.id
        if check is not None and rule.judge == "law":
            is_particular = rule.detail[0] in ONE_BY_ONE or of_rule(vendor, rule.detail[0], rule)
            same = (rule.detail, rule.operations, rule.id if is_particular else "")
        found.setdefault(same, (check, []))[1].append(rule)
    return [Group(tuple(each), check) for check, each in found.values()]


def run(docket: Docket, *, is_late: bool) -> list[Group]:
    """Judge the docket's rules that are not judged by schema: those that look at the whole run late, the others before.

    With a course the most telling first, and only those that fit into the budget beside what is kept for conformance.
    Answers the checks that have to wait. Unjudgeable ends the run early.
    """
    groups = find_groups(docket.target.vendor, docket.rules.values(), is_late=is_late)
    docket.progress.stage(SUITE, sum(len(group.rules) for group in groups))
    if docket.course is not None:
        places = {name: place for place, name in enumerate(docket.course.order)}
        groups.sort(key=lambda group: places.get(group.name, len(places)))
    else:
        groups.sort(key=lambda group: not takes_its_time(docket.target.vendor, group.rules))
    waiting: list[tuple[Group, Trial]] = []
    postponed: list[Group] = []
    for group in groups:
        # What looks at the whole run may find in it all that it needs.
        if is_late or (docket.ration.has_room(group.name) and not docket.ration.is_conformance_due()):
            waiting += _take(docket, group, Trial())
        else:
            postponed.append(group)
    _end(docket, waiting)
    return postponed


def finish(docket: Docket, postponed: Sequence[Group]) -> None:
    """Judge what the budget still has room for after conformance; the rest is told to find none."""
    if postponed and docket.ration.stopped is None:
        docket.progress.stage(SUITE, sum(len(group.rules) for group in postponed))
    left_out = []
    for group in postponed:
        if docket.ration.has_room(group.name, is_last=True):
            _end(docket, _take(docket, group, Trial()))
        else:
            left_out.append(group.rules)
    docket.leave_out(SUITE, left_out)


def judge(docket: Docket, group: Group) -> None:
    """Judge one check by itself, and wait where it has to."""
    _end(docket, _take(docket, group, Trial()))


def _end(docket: Docket, waiting: list[tuple[Group, Trial]]) -> None:
    while waiting:
        waiting = [still for group, trial in waiting for still in _take(docket, group, trial)]


def _take(docket: Docket, group: Group, trial: Trial) -> list[tuple[Group, Trial]]:
    """Begin a check or go on with it; itself again where it waits."""
    docket.meter.at(SUITE, group.name)
    is_ours = docket.target.vendor.argument in shipped()  # a folder may do without functions
    outcome: Outcome | None = Outcome("not judged", "no function judges it", crashed=is_ours)
    if group.check is not None:
        outcome = _judge(docket, group.rules[0], group.check, trial)
    if outcome is None:
        return [(group, trial)]
    for rule in group.rules:
        docket.progress.step(rule.id)
        _file(docket, rule, outcome)
    docket.go_on()
    return []


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


def _judge(docket: Docket, rule: Rule, check: Check, trial: Trial) -> Outcome | None:
    """Run one check; None while it waits. On a tenant others may be at work: what is broken there is broken twice.

    From the second time on its caches are waited for. A thorough run also finds what comes and goes.
    """
    caches = docket.target.guard.pace.caches
    doubts, caches.is_waited_for = caches.doubts, trial.breach is not None
    try:
        outcome = _judge_once(docket, rule, check, trial)
    finally:
        caches.is_waited_for = False
    trial.doubts += caches.doubts - doubts
    if outcome is None or docket.target.is_mock:
        return outcome
    if trial.breach is not None:
        if outcome.verdict == "not judged" and trial.doubts:
            return replace(outcome, why=f"what was read may have come from a cache: {outcome.why}")
        if outcome.verdict != "holds":
            rarely = f" (it comes and goes: broken twice in {trial.tried} tries)" if trial.tried > 2 else ""
            return replace(trial.breach, why=f"{trial.breach.why}{rarely}")
        if trial.tried < docket.tries:
            return _try_again(docket, rule, check, trial)
        return replace(outcome, why=f"at first not, but when it was tried again: {trial.breach.why}")
    if outcome.verdict != "broken":
        return outcome
    trial.breach = outcome
    return _try_again(docket, rule, check, trial)


def _try_again(docket: Docket, rule: Rule, check: Check, trial: Trial) -> Outcome | None:
    trial.tried, trial.steps, trial.sent = trial.tried + 1, None, []
    return _judge(docket, rule, check, trial)


def _judge_once(docket: Docket, rule: Rule, check: Check, trial: Trial) -> Outcome | None:
    """Run one check, in the world of the first rule that it judges."""
    target, sent = docket.target, trial.sent
    target.guard.observers.append(sent.append)
    try:
        if trial.steps is None:
            trial.steps = iter(check(target.tenant(rule.id)) or ())
        for _ in trial.steps:
            return None
    except Broken as broken:
        if not target.is_mock and isinstance(broken, Lacks) and broken.name in may_lack(target.vendor):
            return Outcome("not judged", f"the target does not tell {broken.name}, which a tenant may leave out")
        exchange = broken.answer.exchange if broken.answer else (sent[-1] if sent else None)
        return Outcome("broken", broken.what, exchange)
    except SampleFailed as failed:
        if not target.is_mock and (why := preflight.refusal(target, failed)):
            raise Unjudgeable(why) from None
        _sample_failed(docket, failed)
        return Outcome("not judged", failed.why)
    except NotJudged as unjudged:
        return Outcome("not judged", target.tell_why(unjudged))
    except TargetLost as lost:
        if not preflight.is_alive(target, None):
            raise Unjudgeable(f"the target was lost: {lost}") from None
        if not trial.is_second and not lost.is_timeout:  # it may have been started anew: asked again it will tell
            trial.is_second, trial.steps = True, None
            sent.clear()
            return None
        return Outcome("broken", f"expected an answer, got none: {lost}", sent[-1] if sent else None)
    except BudgetSpent as spent:
        return Outcome("not judged", docket.spent(spent))
    except Unjudgeable:
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
        target.clean_up(is_last=False)


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
