"""`junit.xml`: a testcase for each rule, and for each finding that no rule answers for. Made from report.json alone."""

import re
import xml.etree.ElementTree as xml
from collections.abc import Mapping
from typing import Any

Told = Mapping[str, Any]  # a part of report.json

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Told) -> bytes:
    """The content of junit.xml. What only warns, or is known, fails nothing."""
    suite = xml.Element("testsuite", name=f"proofboard {report['vendor']}", hostname=_clean(report["target"]["url"]))
    suite.set("timestamp", report["started_at"])
    suite.set("time", f"{report['seconds']:.2f}")
    properties = xml.SubElement(suite, "properties")
    for name in ("verdict", "seed", "profile", "requests", "writes"):
        xml.SubElement(properties, "property", name=name, value=_clean(str(report[name])))
    findings = {finding["rule"]: finding for finding in report["findings"] if finding["rule"]}
    for rule in report["rules"]:
        _tell(_case(suite, report, rule["grade"], f"{rule['id']} {rule['statement']}"), rule, findings.get(rule["id"]))
    for finding in report["findings"]:
        if finding["rule"] is None:
            _blame(_case(suite, report, finding["suite"], f"{finding['title']}: {finding['key']}"), finding)
    if report["exit_code"] == 2:
        case = _case(suite, report, "run", "The run comes to a verdict")
        xml.SubElement(case, "error", message=_clean(report["reason"] or "nothing was judged"))
    for count, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    if lines := [*report["notes"], *(f"left behind: {line}" for line in report["left_behind"])]:
        xml.SubElement(suite, "system-out").text = _clean("\n".join(lines))
    root = xml.Element("testsuites")
    root.append(suite)
    xml.indent(root)
    return bytes(xml.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: xml.Element, report: Told, group: str, name: str) -> xml.Element:
    return xml.SubElement(suite, "testcase", classname=_clean(f"{report['vendor']}.{group}"), name=_clean(name))


def _tell(case: xml.Element, rule: Told, finding: Told | None) -> None:
    if finding is not None:
        _blame(case, finding)
    elif rule["crashed"]:
        xml.SubElement(case, "error", message=_clean(rule["why"]))
    elif rule["state"] == "not judged":
        xml.SubElement(case, "skipped", message=_clean(f"not judged: {rule['why']}"))


def _blame(case: xml.Element, finding: Told) -> None:
    """An error fails the testcase, what is known skips it, a warning is told in its output."""
    known = finding["known"]
    shown = finding["sequence"] or [finding["curl"]]
    text = _clean("\n".join(part for part in (finding["what"], *shown, finding["again"]) if part))
    if known is not None:
        message = f"known until {known['expires']}: {known['reason']} ({known['owner']})"
        xml.SubElement(case, "skipped", message=_clean(message), type="known")
        xml.SubElement(case, "system-out").text = f"known: {text}"
    elif finding["severity"] == "error":
        kind = finding["grade"] or finding["suite"]
        xml.SubElement(case, "failure", message=_clean(finding["what"]), type=kind).text = text
    else:
        xml.SubElement(case, "system-out").text = f"warning: {text}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)
