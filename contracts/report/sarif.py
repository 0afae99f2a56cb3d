"""`report.sarif`: the findings as SARIF 2.1.0, for code scanning. Made from report.json and the vendor's folder alone.

A finding stands at its rule's line in the ledger, one without a rule at its operation's line in openapi.yaml. The lines
of the vendor's own documents that a rule is known from are related locations.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mockserver import yamlfile
from mockserver.vendor import Vendor
from mockserver.yamlfile import Source

Told = Mapping[str, Any]  # a part of report.json

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT, _DOCUMENTS = "%SRCROOT%", "DOCUMENTS"
_BASES = {
    _ROOT: {"description": {"text": "The folder that the paths of the vendor's files begin at."}},
    _DOCUMENTS: {
        "description": {"text": "The vendor's documents as they were given to us; they are not ours to ship."}
    },
}
_BINDING = frozenset({"documented", "published"})
_LINES = re.compile(r"(\w+):\s*(\d+(?:-\d+)?(?:\s*,\s*\d+(?:-\d+)?)*)\s*")
_FILE = re.compile(r"[\w.-]+\.\w+")


def as_sarif(report: Told, vendor: Vendor) -> bytes:
    """The content of report.sarif. Known findings are suppressed; fingerprints do not change with the seed."""
    folder = _Folder(vendor)
    rules = [_rule(rule, report) for rule in report["rules"]]
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    results = []
    for finding in report["findings"]:
        identity = _rule_id(finding)
        if identity not in places:
            places[identity] = len(rules)
            rules.append({"id": identity, "shortDescription": {"text": finding["title"] or identity}})
        results.append({"ruleId": identity, "ruleIndex": places[identity], **_result(finding, report, folder)})
    run = {
        "tool": {"driver": {**report["tool"], "rules": rules}},
        "automationDetails": {"id": f"{report['tool']['name']}/{report['vendor']}/"},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": _BASES,
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2).encode() + b"\n"


def _rule_id(finding: Told) -> str:
    """The rule's id, or the first word of the key: what failed, without where."""
    return str(finding["rule"] or finding["key"].partition(" ")[0])


def _rule(rule: Told, report: Told) -> dict[str, Any]:
    is_strict = report["target"]["kind"] == "mock" or rule["grade"] in _BINDING
    lines = [f"Grade: {rule['grade']}", f"Source: {rule['source']}"]
    if rule["accepts"]:
        lines.append(f"A tenant may answer besides: {rule['accepts']}")
    return {
        "id": rule["id"],
        "shortDescription": {"text": rule["statement"]},
        "help": {"text": "\n".join(lines)},
        "defaultConfiguration": {"level": "error" if is_strict else "warning"},
        "properties": {
            "tags": [rule["grade"]],
            **{name: rule[name] for name in ("grade", "section", "source", "judge", "operations", "state", "why")},
        },
    }


def _result(finding: Told, report: Told, folder: "_Folder") -> dict[str, Any]:
    fingerprint = hashlib.sha256(f"{report['vendor']} {finding['key']}".encode(errors="replace")).hexdigest()[:32]
    found: dict[str, Any] = {
        "level": finding["severity"],
        "message": {"text": _plain(finding["what"] or finding["title"])},
        "locations": [folder.location(finding)],
        "relatedLocations": list(folder.related(finding)),
        # Code scanning goes by the first alone; where it is missing, it hashes the line of the ledger.
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:1", "findingKey/v1": fingerprint},
        "suppressions": [_suppression(finding["known"])] if finding["known"] else [],
        "properties": {
            name: finding[name] for name in ("suite", "grade", "operation", "seed", "again", "curl", "sequence", "also")
        },
    }
    exchange = finding["exchange"]
    return found | _exchange(exchange) if exchange else found


def _suppression(known: Told) -> dict[str, Any]:
    text = f"{known['reason']} ({known['owner']}, until {known['expires']})"
    return {"kind": "external", "status": "accepted", "justification": text, "properties": dict(known)}


def _exchange(exchange: Told) -> dict[str, Any]:
    request, response = exchange["request"], exchange["response"]
    asked: dict[str, Any] = {
        "protocol": "HTTP",
        "version": "1.1",
        "method": exchange["method"],
        "target": exchange["url"],
        "headers": request["headers"],
    }
    if request["body"] is not None:
        asked["body"] = {"text": request["body"]}
    answered = {
        "protocol": "HTTP",
        "version": "1.1",
        "statusCode": response["status"],
        "headers": response["headers"],
        "body": {"text": response["body"]},
    }
    return {"webRequest": asked, "webResponse": answered}


def _invocation(report: Told) -> dict[str, Any]:
    begun = datetime.fromisoformat(report["started_at"]).astimezone(UTC)
    told: dict[str, Any] = {
        "executionSuccessful": report["exit_code"] != 2,
        "exitCode": report["exit_code"],
        "exitCodeDescription": report["verdict"],
        "startTimeUtc": _utc(begun),
        "endTimeUtc": _utc(begun + timedelta(seconds=report["seconds"])),
        "toolExecutionNotifications": list(_notifications(report)),
        "properties": {name: report[name] for name in ("target", "seed", "profile", "requests", "writes", "counts")},
    }
    return told


def _notifications(report: Told) -> Iterator[dict[str, Any]]:
    """Why there is no verdict, which checks failed themselves, what was left behind, and the notes."""
    if report["exit_code"] == 2:
        yield _notification("error", report["reason"] or "nothing was judged")
    for rule in report["rules"]:
        if rule["crashed"]:
            yield {**_notification("error", rule["why"]), "associatedRule": {"id": rule["id"]}}
    for line in report["left_behind"]:
        yield _notification("warning", f"left behind: {line}")
    for note in report["notes"]:
        yield _notification("note", note)


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _plain(text)}}


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(text: str) -> str:
    """What a target sent must not become a link. Braces stay single: viewers replace none without arguments."""
    return re.sub(r"([\\\[\]])", r"\\\1", text) if "](" in text else text


class _Folder:
    """Where things stand in the files of a vendor; they are read when the first finding asks."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    @cached_property
    def _document(self) -> Source:
        return yamlfile.read(self._vendor.folder / "openapi.yaml", text_keys=True)

    def location(self, finding: Told) -> dict[str, Any]:
        """The line of the rule in the ledger, else of the operation in the document."""
        rule = self._vendor.rules.get(finding["rule"] or "")
        place = self._place("rules.yaml", rule.line) if rule else self._operation(finding)
        name = finding["operation"]
        return (
            {"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": name}]}
            if name
            else {"physicalLocation": place}
        )

    def related(self, finding: Told) -> Iterator[dict[str, Any]]:
        """The lines of the vendor's documents that the rule is known from, and the operation's line in ours."""
        rule = self._vendor.rules.get(finding["rule"] or "")
        if rule is None:
            return
        for name, lines in _LINES.findall(rule.source):
            title = self._vendor.documents.get(name)
            if title is None:
                continue
            file = _FILE.search(title.rpartition(",")[2])
            for part in lines.split(","):
                first, _, last = part.strip().partition("-")
                region = {"startLine": int(first), **({"endLine": int(last)} if last else {})}
                place = {
                    "artifactLocation": {"uri": quote(file[0] if file else name), "uriBaseId": _DOCUMENTS},
                    "region": region,
                }
                text = f"{title.rpartition(',')[0] or title}, line{'s' if last else ''} {part.strip()}"
                yield {"physicalLocation": place, "message": {"text": text}}
        if finding["operation"] in self._vendor.operations:
            yield {"physicalLocation": self._operation(finding), "message": {"text": finding["operation"]}}

    def _operation(self, finding: Told) -> dict[str, Any]:
        for operation in self._vendor.operations.values():
            if finding["operation"] in (operation.id, f"{operation.method} {operation.path}"):
                keys = ("paths", operation.path, operation.method.lower())
                return self._place("openapi.yaml", self._document.line(*keys))
        return self._place("openapi.yaml", 1)

    def _place(self, name: str, line: int) -> dict[str, Any]:
        return {"artifactLocation": self._artifact(name), "region": {"startLine": max(1, line)}}

    def _artifact(self, name: str) -> dict[str, str]:
        """A vendor that ships stands in the project's folder, another where the run found it."""
        if self._vendor.argument == self._vendor.name:
            return {"uri": f"openapi/{self._vendor.name}/{name}", "uriBaseId": _ROOT}
        path = Path(yamlfile.shown(self._vendor.folder / name))
        return {"uri": path.as_uri()} if path.is_absolute() else {"uri": quote(path.as_posix()), "uriBaseId": _ROOT}
