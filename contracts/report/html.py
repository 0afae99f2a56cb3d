"""`report.html`: one page that needs nothing but itself. A manager reads its top, an engineer opens a finding.

What the target sent is hostile text: the templates escape all of it, and the page's policy runs no script but its own.
"""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contracts.report import lifecycle_diagrams

_GRADES = ("documented", "published", "observed", "inferred", "assumed")
_STATES = ("holds", "broken", "not judged")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_MOST_SHOWN = 20_000  # characters of one body
_MOST_LAID_OUT = 200_000


def as_html(report: Mapping[str, Any]) -> bytes:
    """The page that tells a report."""
    environment = Environment(
        loader=PackageLoader("contracts.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "laid_out": laid_out, "number": number, "slug": _slug}
    environment.globals |= {
        "diagram": lifecycle_diagrams.draw,
        "told": lifecycle_diagrams.told,
        "percent": _percent,
        "count": count,
    }
    script = _raw(environment, "script.js")
    page = environment.get_template("report.html").render(
        report=report,
        sentence=sentence(report),
        sections=_sections(report["rules"]),
        grades=_grades(report["rules"]),
        unjudged=_unjudged(report["rules"]),
        places={finding["rule"]: index for index, finding in reversed([*enumerate(report["findings"], 1)])},
        style=_raw(environment, "style.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return page.encode(errors="backslashreplace")


def sentence(report: Mapping[str, Any]) -> str:
    """The verdict for somebody who reads nothing else."""
    counts, rules = report["counts"], report["rules"]
    judged = counts["holds"] + counts["broken"]
    if report["exit_code"] == 2:
        return report["reason"] or "Nothing was judged."
    if report["exit_code"] == 1:
        failed = [finding for finding in report["findings"] if finding["severity"] == "error" and not finding["known"]]
        broken = sum(finding["rule"] is not None for finding in failed)
        # A tenant fails for these alone; that of the stand-in, which keeps them all, goes without saying.
        noun = "rule" if report["target"]["kind"] == "mock" else "documented or published rule"
        parts = [f"{count(broken, noun)} {'is' if broken == 1 else 'are'} broken"] if broken else []
        if others := len(failed) - broken:
            parts.append(f"{count(others, 'finding')} against the vendor's document")
        return f"{' and '.join(parts)}; {counts['holds']} of {judged} judged rules hold."
    said = (
        f"All {judged} judged rules hold."
        if not counts["broken"]
        else f"{counts['holds']} of {judged} judged rules hold."
    )
    return said if judged == len(rules) else f"{said} {len(rules) - judged} of {len(rules)} were not judged."


def plain(text: object) -> str:
    """A text whose control characters show, and which cannot turn the direction of what stands around it."""
    return _CONTROL.sub(lambda match: _picture(ord(match[0])), str(text).replace("\r\n", "\n"))


def _picture(code: int) -> str:
    return chr(0x2400 + code) if code < 0x20 else f"\\u{code:04x}"


def laid_out(text: str) -> str:
    """A body to be read: JSON over several lines, nothing else about it changed. Cut where it grows too long."""
    laid = _indented(text) if len(text) <= _MOST_LAID_OUT else text
    shown = plain(laid[:_MOST_SHOWN])
    if len(laid) <= _MOST_SHOWN:
        return shown
    return f"{shown}\n… {number(len(laid) - _MOST_SHOWN)} more characters stand in report.json"


def _indented(text: str) -> str:
    """JSON over several lines, token by token: no number or text is written otherwise than it came."""
    try:
        if not isinstance(json.loads(text), (dict, list)):
            return text
    except (ValueError, RecursionError):
        return text
    parts: list[str] = []
    depth = 0
    last = ""
    for token in _TOKEN.findall(text):
        if token in "}]":
            depth -= 1
            parts.append(token if last in ("{", "[") else f"\n{'  ' * depth}{token}")
        else:
            parts.append(f"\n{'  ' * depth}" if last in ("{", "[", ",") else "")
            parts.append(": " if token == ":" else token)
        depth += token in ("{", "[")
        last = token
    return "".join(parts)


def number(value: float | None) -> str:
    """A figure with its thousands apart."""
    return "no limit" if value is None else f"{value:,}"


def count(figure: int, noun: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{number(figure)} {noun}{'' if figure == 1 else 's'}"


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _sections(rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules under their headings, with the counts of their states."""
    found = []
    for heading, group in groupby(rules, key=lambda rule: rule["section"]):
        members = list(group)
        states = Counter(rule["state"] for rule in members)
        found.append(
            {"heading": heading or "Rules", "rules": members, "states": {state: states[state] for state in _STATES}}
        )
    return found


def _grades(rules: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, int]]]:
    """The grades that occur, the best first, with the counts of the states of their rules."""
    found = Counter((rule["grade"], rule["state"]) for rule in rules)
    by_grade = [(grade, {state: found[grade, state] for state in _STATES}) for grade in _GRADES]
    return [(grade, states) for grade, states in by_grade if sum(states.values())]


def _unjudged(rules: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Why rules were not judged, the most frequent reason first, with the ids."""
    reasons: dict[str, list[str]] = {}
    for rule in rules:
        if rule["state"] == "not judged":
            reasons.setdefault(rule["why"], []).append(rule["id"])
    return sorted(reasons.items(), key=lambda entry: -len(entry[1]))


def _raw(environment: Environment, name: str) -> Markup:
    """A file of our own that stands in the page as it is."""
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])
