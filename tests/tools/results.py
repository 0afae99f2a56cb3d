"""Results of runs that never were, for those who write them down."""

from typing import Any

from contracts.findings import Exchange, Finding, Headers, Verdict, severity
from contracts.runner import Result
from contracts.safety.mask import Mask
from mockserver.vendor import Vendor

SECRET = "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"


def exchange_of(**changes: Any) -> Exchange:
    """One exchange of the owner, whose token is masked."""
    told: dict[str, Any] = {
        "method": "GET",
        "url": "http://127.0.0.1/v1/boards?limit=2&a=",
        "path": "/boards",
        "request_headers": Headers([("Authorization", f"Bearer {SECRET}")]),
        "request_body": None,
        "status": 200,
        "headers": Headers([("Content-Type", "application/json")]),
        "body": b'{"boards": []}',
        "elapsed": 0.25,
        "operation": "listBoards",
        "caller": "owner",
        "mask": Mask({"owner": {"Authorization": f"Bearer {SECRET}"}}),
    }
    return Exchange(**(told | changes))


def finding_of(vendor: Vendor, rule_or_key: str, **changes: Any) -> Finding:
    """A finding of a rule of the vendor, or one that no rule answers for."""
    rule = vendor.rules.get(rule_or_key)
    told: dict[str, Any] = {
        "title": rule.statement if rule else "Server error",
        "what": "expected 404, got 200",
        "suite": "rules" if rule else "conformance",
        "key": rule_or_key,
        "seed": 7,
        "severity": severity(rule.grade if rule else None, strict=False),
        "rule": rule.id if rule else None,
        "grade": rule.grade if rule else None,
        "operation": "listBoards",
        "exchange": exchange_of(),
    }
    return Finding(**(told | changes))


def result_of(vendor: Vendor, *findings: Finding, rules: tuple[str, ...] = (), **changes: Any) -> Result:
    """A run that judged these rules and those of the findings: what no finding breaks holds."""
    broken = {finding.rule: finding for finding in findings if finding.rule}
    chosen = tuple(rule for rule in vendor.rules.values() if rule.id in broken or rule.id in rules)
    told: dict[str, Any] = {
        "vendor": vendor,
        "target": "http://127.0.0.1/v1",
        "is_mock": False,
        "seed": 7,
        "profile": "quick",
        "exit_code": int(any(finding.severity == "error" for finding in findings)),
        "reason": None,
        "rules": chosen,
        "verdicts": tuple(
            Verdict(rule.id, "broken", broken[rule.id].what, 1)
            if rule.id in broken
            else Verdict(rule.id, "holds", "", 3)
            for rule in chosen
        ),
        "findings": findings,
        "requests": 10,
        "cases": 5,
        "mask": Mask({"owner": {"Authorization": f"Bearer {SECRET}"}}),
    }
    return Result(**(told | changes))
