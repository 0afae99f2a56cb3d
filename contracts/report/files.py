"""`report.json` and `junit.xml`, written whole or not at all.

`report.json` is an object with

- `format` 1, `tool`, `vendor`, `title`, `target` {`url`, `kind` mock or tenant}, `seed`, `profile`
- `verdict`: conforms, does not conform, could not judge; `exit_code`; `reason`, null where the findings are the reason
- `counts`: `holds`, `broken`, `not_judged` of the rules, `errors` and `warnings` of the findings
- `requests`, `writes`, `cases`, `seconds`: what the run sent, how much of it Schemathesis made, how long it took
- `rules`: for each `id`, `statement`, `grade`, `source`, `operations`, `judge`, `line`, `state`, `why`, `exercised`
- `findings`: for each `key`, `title`, `what`, `severity`, `rule`, `grade`, `suite`, `operation`, `seed`, `again`,
  `curl`, `also` (other checks that it failed), `exchange` {`method`, `url`, `request`, `response`, …} or null
- `notes`, and `left_behind`: what the run created and could not remove
"""

import json
import os
import re
import shlex
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

from contracts.findings import Finding, Verdict
from contracts.runner import Result
from mockserver import __version__

VERDICTS = {0: "conforms", 1: "does not conform", 2: "could not judge"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(result: Result, folder: Path) -> list[Path]:
    """Write all files into a folder; OSError when it cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"report.json": as_json(result), "junit.xml": as_junit(result)}
    for name, content in contents.items():
        draft = folder / f".{name}.draft"
        draft.write_bytes(content)
        os.replace(draft, folder / name)
    return [folder / name for name in contents]


def as_json(result: Result) -> bytes:
    """The content of report.json."""
    verdicts = {verdict.rule: verdict for verdict in result.verdicts}
    report = {
        "format": 1,
        "tool": {"name": "proofboard", "version": __version__},
        "vendor": result.vendor.name,
        "title": result.vendor.title,
        "target": {"url": result.target, "kind": "mock" if result.is_mock else "tenant"},
        "seed": result.seed,
        "profile": result.profile,
        "verdict": VERDICTS[result.exit_code],
        "exit_code": result.exit_code,
        "reason": result.reason,
        "counts": {
            "holds": result.count("holds"),
            "broken": result.count("broken"),
            "not_judged": result.count("not judged"),
            "errors": result.weigh("error"),
            "warnings": result.weigh("warning"),
        },
        "requests": result.requests,
        "writes": result.writes,
        "cases": result.cases,
        "seconds": round(result.seconds, 2),
        "rules": [_rule(result, rule.id, verdicts[rule.id]) for rule in result.rules],
        "findings": [_finding(result, finding) for finding in result.findings],
        "notes": list(result.notes),
        "left_behind": list(result.left_behind),
    }
    return json.dumps(_masked(result, report), indent=2, ensure_ascii=True).encode() + b"\n"


def _rule(result: Result, rule_id: str, verdict: Verdict) -> dict[str, Any]:
    rule = result.vendor.rules[rule_id]
    return {
        "id": rule.id,
        "statement": rule.statement,
        "grade": rule.grade,
        "source": rule.source,
        "operations": list(rule.operations),
        "judge": rule.judge,
        "line": rule.line,
        "state": verdict.state,
        "why": verdict.why,
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
        "again": again(result, finding),
        "curl": finding.curl,
        "also": list(finding.also),
        "exchange": finding.exchange.shown() if finding.exchange else None,
    }


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


def as_junit(result: Result) -> bytes:
    """The content of junit.xml: a testcase for each rule, and for each finding that no rule answers for."""
    suite = xml.Element("testsuite", name=f"proofboard {result.vendor.name}", hostname=_clean(result, result.target))
    findings = {finding.rule: finding for finding in result.findings if finding.rule}
    for rule in result.rules:
        verdict = next(each for each in result.verdicts if each.rule == rule.id)
        case = _case(suite, result, rule.grade, f"{rule.id} {rule.statement}")
        _tell(result, case, verdict, findings.get(rule.id))
    for finding in result.findings:
        if finding.rule is None:
            _fail(result, _case(suite, result, finding.suite, f"{finding.title}: {finding.key}"), finding)
    if result.reason and result.exit_code == 2:
        case = _case(suite, result, "run", "The run comes to a verdict")
        xml.SubElement(case, "error", message=_clean(result, result.reason))
    for count, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{result.seconds:.2f}")
    root = xml.Element("testsuites")
    root.append(suite)
    xml.indent(root)
    return bytes(xml.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: xml.Element, result: Result, group: str, name: str) -> xml.Element:
    return xml.SubElement(suite, "testcase", classname=f"{result.vendor.name}.{group}", name=_clean(result, name))


def _tell(result: Result, case: xml.Element, verdict: Verdict, finding: Finding | None) -> None:
    if finding is not None:
        _fail(result, case, finding)
    elif verdict.crashed:
        xml.SubElement(case, "error", message=_clean(result, verdict.why))
    elif verdict.state == "not judged":
        xml.SubElement(case, "skipped", message=_clean(result, f"not judged: {verdict.why}"))


def _fail(result: Result, case: xml.Element, finding: Finding) -> None:
    """An error fails the testcase, a warning is told in its output."""
    text = _clean(result, "\n".join(part for part in (finding.what, finding.curl, again(result, finding)) if part))
    if finding.severity == "error":
        kind = finding.grade or finding.suite
        xml.SubElement(case, "failure", message=_clean(result, finding.what), type=kind).text = text
    else:
        xml.SubElement(case, "system-out").text = f"warning: {text}"


def _clean(result: Result, text: str) -> str:
    return _NOT_XML.sub("�", result.mask(text))


def _masked(result: Result, node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _masked(result, value) for key, value in node.items()}
    if isinstance(node, list):
        return [_masked(result, item) for item in node]
    return result.mask(node) if isinstance(node, str) else node
