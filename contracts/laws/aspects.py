"""Which part of a law judges which rule: `aspects` in behaviour.yaml. No law stands here."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from contracts.findings import NotJudged
from contracts.tenant import Tenant
from mockserver.vendor import Rule, Vendor

Case = Callable[[], None]


def of_rule(vendor: Vendor, law: str, rule: Rule) -> list[str]:
    """The aspects of a law that judge a rule; empty where behaviour.yaml says nothing of the rule."""
    table: Mapping[str, str | list[str]] = vendor.behaviour.get("aspects", {}).get(law, {})
    return [name for name, rules in table.items() if rule.id in ([rules] if isinstance(rules, str) else rules)]


def judge(tenant: Tenant, law: str, rule: Rule, cases: Mapping[str, Case]) -> None:
    """Run the cases of a rule, or all of them where nothing is said of it.

    What cannot be judged does not keep the others from being; NotJudged when none could.
    """
    names = of_rule(tenant.vendor, law, rule) or list(cases)
    unknown = [name for name in names if name not in cases]
    if unknown:
        raise NotJudged(f"the law {law} has no aspect {unknown[0]!r} for this list")
    reasons = []
    for name in names:
        try:
            cases[name]()
        except NotJudged as unjudged:
            reasons.append(unjudged)
    if reasons and len(reasons) == len(names):
        raise NotJudged(reasons[0].why, role=reasons[0].role)


class Skips:
    """Passes over what cannot be judged, operation by operation; what is judged then speaks for the rule."""

    def __init__(self) -> None:
        self._tried = 0
        self._reasons: list[NotJudged] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        self._tried += 1
        try:
            yield
        except NotJudged as unjudged:
            self._reasons.append(unjudged)

    def settle(self) -> None:
        """NotJudged when nothing could be judged."""
        if self._reasons and len(self._reasons) == self._tried:
            raise NotJudged(self._reasons[0].why, role=self._reasons[0].role)
