"""The one result model: what `report.json` holds and every other file is made from. Plain values, nothing unmasked.

`report.schema.json` beside this module describes it, field by field.
"""

import json
import shlex
from collections.abc import Callable
from functools import cache
from importlib.resources import files as package_files
from typing import Any

from contracts.coverage import Coverage
from contracts.findings import Finding, Verdict
from contracts.runner import Result
from mockserver import __version__

FORMAT = 1
VERDICTS = {0: "conforms", 1: "does not conform", 2: "could not judge"}


def as_report(result: Result) -> dict[str, Any]:
    """The content of report.json: dictionaries, lists, texts, numbers, true, false and null, every secret masked."""
    verdicts = {verdict.rule: verdict for verdict in result.verdicts}
    coverage = result.coverage or Coverage(result.vendor)
    report = {
        "format": FORMAT,
        "tool": {"name": "proofboard", "version": __version__},
        "vendor": result.vendor.name,
        "title": result.vendor.title,
        "target": {"url": result.target, "kind": "mock" if result.is_mock else "tenant"},
        "started_at": result.started_at.isoformat(timespec="seconds"),
        "seed": result.seed,
        "profile": result.profile,
        "verdict": VERDICTS[result.exit_code],
        "exit_code": result.exit_code,
        "reason": result.reason,
        "counts": _counts(result),
        "requests": result.requests,
        "writes": result.writes,
        "cases": result.cases,
        "seconds": round(result.seconds, 2),
        "budget": _budget(result),
        "documents": {name: str(document) for name, document in result.vendor.documents.items()},
        "rules": [_rule(result, rule.id, verdicts[rule.id]) for rule in result.rules],
        "findings": [_finding(result, finding) for finding in result.findings],
        "lifecycles": coverage.transitions.told(),
        "coverage": coverage.told(),
        "notes": list(result.notes),
        "left_behind": list(result.left_behind),
    }
    masked: dict[str, Any] = _masked(result.mask, report)
    return masked


def as_bytes(report: dict[str, Any]) -> bytes:
    """A report as the file that holds it."""
    return json.dumps(report, indent=2, ensure_ascii=True).encode() + b"\n"


@cache
def schema() -> Any:
    """The JSON Schema of a report."""
    return json.loads(package_files("contracts.report").joinpath("report.schema.json").read_bytes())


def again(result: Result, finding: Finding) -> str:
    """The command that finds it again."""
    parts = ["proofboard test", shlex.quote(result.vendor.argument)]
    if result.tenant_file is not None:
        parts.append(f"--tenant {shlex.quote(result.tenant_file)}")
    elif not result.is_local:
        parts.append(f"--target {result.target}")
    parts.append(f"--profile {result.profile} --seed {result.seed}")
    if finding.rule and finding.suite == "rules":
        parts.append(f"--rule {finding.rule}")
    return " ".join(parts)


def _counts(result: Result) -> dict[str, int]:
    """A finding that the baseline knows counts apart: neither among the errors nor the warnings."""
    return {
        "holds": result.count("holds"),
        "broken": result.count("broken"),
        "not_judged": result.count("not judged"),
        "errors": result.weigh("error"),
        "warnings": result.weigh("warning"),
        "known": sum(finding.known is not None for finding in result.findings),
    }


def _budget(result: Result) -> dict[str, Any]:
    """What the run might use, null where there was no limit, and what it used."""
    limits = {name: result.limits.get(name) for name in ("requests", "writes", "per_minute", "seconds")}
    spent = {"requests": result.requests, "writes": result.writes, "seconds": round(result.seconds, 2)}
    return {"limits": limits, "spent": spent}


def _rule(result: Result, rule_id: str, verdict: Verdict) -> dict[str, Any]:
    rule = result.vendor.rules[rule_id]
    return {
        "id": rule.id,
        "section": rule.section,
        "statement": rule.statement,
        "grade": rule.grade,
        "source": rule.source,
        "accepts": rule.accepts,
        "operations": list(rule.operations),
        "judge": rule.judge,
        "line": rule.line,
        "state": verdict.state,
        "why": verdict.why,
        "crashed": verdict.crashed,
        "exercised": verdict.exercised,
    }


def _finding(result: Result, finding: Finding) -> dict[str, Any]:
    return {
        "key": finding.key,
        "title": finding.title,
        "what": finding.what,
        "severity": finding.severity,
        "rule": finding.rule,
        "grade": finding.grade,
        "suite": finding.suite,
        "operation": finding.operation,
        "seed": finding.seed,
        "known": _known(finding),
        "again": again(result, finding),
        "curl": finding.curl,
        "sequence": list(finding.sequence),
        "also": list(finding.also),
        "exchange": finding.exchange.shown() if finding.exchange else None,
    }


def _known(finding: Finding) -> dict[str, Any] | None:
    """The entry of the baseline that knows it."""
    known = finding.known
    if known is None:
        return None
    return {"reason": known.reason, "owner": known.owner, "expires": known.expires.isoformat()}


def _masked(mask: Callable[[str], str], node: Any, *, is_named: bool = False) -> Any:
    """A copy without secrets. `is_named`: the target chose the names too, as those of its headers."""
    if isinstance(node, dict):
        return {
            mask(name) if is_named else name: _masked(mask, value, is_named=name == "headers")
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_masked(mask, item) for item in node]
    return mask(node) if isinstance(node, str) else node
