"""Known findings: what is broken, who answers for it, and until when. Such a finding is told and does not count.

A baseline is a TOML file with an entry for each:

    [[known]]
    vendor = "toy"          # optional: the vendor that it is about, else the one that is judged
    rule = "TY-003"         # or key = "…", the key of a finding that no rule answers for
    operation = "getToy"    # optional: only where the finding is about this operation
    reason = "…"
    owner = "…"
    expires = 2026-12-31    # the last day on which it does not count
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from contracts import tomlfile
from contracts.findings import Finding, Known, shorten
from contracts.runner import CONFORMS, COULD_NOT_JUDGE, DOES_NOT, Result
from contracts.tomlfile import TomlFile
from mockserver.vendor import Vendor, shipped
from mockserver.yamlfile import Mistake, SpecError

_TEXTS = ("vendor", "rule", "key", "operation", "reason", "owner")
_NEEDED = ("reason", "owner", "expires")
_HEAD = re.compile(r"""\s*\[\[\s*["']?known["']?\s*\]\]""")


@dataclass(frozen=True)
class Entry:
    """One known finding: of a rule, or by the key of a finding that no rule answers for."""

    known: Known
    line: int
    rule: str | None = None
    key: str | None = None
    operation: str | None = None
    vendor: str | None = None

    @property
    def name(self) -> str:
        """What it is about, as people call it."""
        subject = self.rule or self.key or ""
        return f"{subject} at {self.operation}" if self.operation and self.rule else subject

    def fits(self, rule: str | None, key: str, operation: str | None) -> bool:
        """Whether it is about a finding."""
        is_named = self.rule == rule if self.rule is not None else self.key == key
        return is_named and self.operation in (None, operation)


@dataclass(frozen=True)
class Baseline:
    """The entries of a file, in its order."""

    file: str
    entries: tuple[Entry, ...] = ()

    def find(self, finding: Finding, today: date) -> Known | None:
        """What is known of a finding; None where no entry fits it, or only one that has expired."""
        fitting = (each for each in self.entries if each.fits(finding.rule, finding.key, finding.operation))
        return next((each.known for each in fitting if each.known.expires >= today), None)


def read(path: Path, vendor: Vendor) -> Baseline:
    """The entries about one vendor. SpecError bears every mistake with file and line."""
    source = tomlfile.read(path)
    mistakes: list[Mistake] = []
    entries = [entry for entry in _entries(source, mistakes) if _is_about(entry, vendor, source.file, mistakes)]
    for entry in entries:
        mistakes += _strange(entry, vendor, source.file)
    if mistakes:
        raise SpecError(mistakes)
    return Baseline(source.file, tuple(entries))


def read_all(path: Path) -> Baseline:
    """The entries about whichever vendor, held against no ledger. SpecError bears every mistake."""
    source = tomlfile.read(path)
    mistakes: list[Mistake] = []
    entries = tuple(_entries(source, mistakes))
    if mistakes:
        raise SpecError(mistakes)
    return Baseline(source.file, entries)


def apply(result: Result, baseline: Baseline, today: date) -> Result:
    """The result with its known findings marked, an exit code without them, and a note on each entry that is off."""
    findings = [replace(each, known=baseline.find(each, today)) for each in result.findings]
    findings.sort(key=lambda each: each.known is not None)
    code, reason = _conclude(result, findings)
    return replace(
        result,
        findings=tuple(findings),
        exit_code=code,
        reason=reason,
        notes=(*result.notes, *_notes(result, baseline, today)),
    )


def _conclude(result: Result, findings: Iterable[Finding]) -> tuple[int, str | None]:
    """A run that was held against nothing but known findings conforms, if it came to a verdict at all."""
    if result.exit_code != DOES_NOT or any(each.severity == "error" and each.known is None for each in findings):
        return result.exit_code, result.reason
    crashed = [f"{verdict.rule}: {verdict.why}" for verdict in result.verdicts if verdict.crashed]
    if failed := [*crashed, *result.failed]:
        return COULD_NOT_JUDGE, failed[0]
    if not any(verdict.state in ("holds", "broken") for verdict in result.verdicts):
        return COULD_NOT_JUDGE, "nothing was judged beside what is known"
    return CONFORMS, None


def _notes(result: Result, baseline: Baseline, today: date) -> Iterator[str]:
    """What has expired or vanished, one line each; what was not judged, in one line."""
    unjudged: list[str] = []
    for entry in baseline.entries:
        place = f"{baseline.file}:{entry.line}: {entry.name}"
        found = [each for each in result.findings if entry.fits(each.rule, each.key, each.operation)]
        if any(baseline.find(each, today) is None for each in found):
            yield f"{place} counts again: known by {entry.known.owner} until {entry.known.expires}"
        elif not found and _is_judged(result, entry):
            # Another seed may miss what only a generated case shows; a rule that holds was looked at.
            gone = "has vanished" if entry.rule else f"has vanished in {result.cases} cases with seed {result.seed}"
            yield f"{place} {gone}: if it is mended, take the entry out ({entry.known.owner})"
        elif not found:
            unjudged.append(entry.name)
    if unjudged:
        yield f"{baseline.file}: not judged in this run: {', '.join(unjudged)}"


def _is_judged(result: Result, entry: Entry) -> bool:
    """Whether a finding would have shown. One finding stands for all operations at which a rule is broken."""
    if entry.rule is not None:
        return any(verdict.rule == entry.rule and verdict.state == "holds" for verdict in result.verdicts)
    return result.cases > 0 and result.exit_code != COULD_NOT_JUDGE


def _entries(source: TomlFile, mistakes: list[Mistake]) -> Iterator[Entry]:
    """The entries that are in order; what is wrong with the others is added to the mistakes."""
    for key in source.content:
        if key != "known":
            mistakes.append(Mistake(source.file, _line(source.text, key), f"unknown key {key}: expected [[known]]"))
    tables = source.content.get("known", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        mistakes.append(Mistake(source.file, _line(source.text, "known"), "known: expected tables, each [[known]]"))
        return
    seen: dict[tuple[str | None, ...], int] = {}
    for table, lines in zip(tables, _places(source.text, len(tables)), strict=True):
        reader = _Reader(source.file, lines, table)
        entry = reader.entry()
        mistakes += reader.mistakes
        if entry is None:
            continue
        first = seen.setdefault((entry.vendor, entry.rule, entry.key, entry.operation), entry.line)
        if first != entry.line:
            mistakes.append(Mistake(source.file, entry.line, f"{entry.name} is known already, in line {first}"))
        yield entry


class _Reader:
    """One table of the file, and what is wrong with it. `lines` are those that it stands in, by number."""

    def __init__(self, file: str, lines: Mapping[int, str], table: Mapping[str, Any]) -> None:
        self.mistakes: list[Mistake] = []
        self._file = file
        self._lines = lines
        self._table = table

    def entry(self) -> Entry | None:
        """None where anything is wrong."""
        for key in self._table:
            self._check_key(key)
        texts = {key: self._text(key) for key in _TEXTS}
        expires = self._expires()
        for key in _NEEDED:
            if key not in self._table:
                self._refuse(None, f"{key} is missing: a known finding has a reason, an owner and a date it expires on")
        if ("rule" in self._table) == ("key" in self._table):
            self._refuse(None, "expected either rule or key: what the finding breaks, or what it is called in a report")
        if self.mistakes or expires is None:
            return None
        known = Known(texts.pop("reason") or "", texts.pop("owner") or "", expires)
        return Entry(known, min(self._lines), **texts)

    def _check_key(self, key: str) -> None:
        allowed = (*_TEXTS, "expires")
        if key not in allowed:
            guess = get_close_matches(key, allowed, n=1)
            hint = f"did you mean {guess[0]}?" if guess else f"expected one of {', '.join(allowed)}"
            self._refuse(key, f"unknown key {key}: {hint}")

    def _text(self, key: str) -> str | None:
        value = self._table.get(key)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self._refuse(key, f"{key} is {value!r}: expected a text that is not empty")
        return None

    def _expires(self) -> date | None:
        value = self._table.get("expires")
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        self._refuse("expires", f"expires is {str(value)!r}: expected a date without quotes, such as 2026-12-31")
        return None

    def _refuse(self, key: str | None, message: str) -> None:
        form = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""") if key else _HEAD
        line = next((number for number, text in self._lines.items() if form.match(text)), min(self._lines))
        self.mistakes.append(Mistake(self._file, line, message))


def _places(text: str, count: int) -> list[dict[int, str]]:
    """For each entry the lines that it stands in; one line for all where no `[[known]]` tells them apart."""
    lines = dict(enumerate(text.splitlines(), 1))
    heads = [number for number, line in lines.items() if _HEAD.match(line)]
    if len(heads) != count:
        return [{_line(text, "known"): ""}] * count
    ends = [*heads[1:], len(lines) + 1]
    return [{number: lines[number] for number in range(*pair)} for pair in zip(heads, ends, strict=True)]


def _line(text: str, key: str) -> int:
    form = re.compile(rf"""\s*(\[+\s*)?["']?{re.escape(key)}\b""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if form.match(line)), 1)


def _is_about(entry: Entry, vendor: Vendor, file: str, mistakes: list[Mistake]) -> bool:
    """Whether an entry is about this vendor. A file may speak of several, also of some that do not ship."""
    if entry.vendor in (None, vendor.name):
        return True
    assert entry.vendor is not None
    known = {vendor.name, *shipped()}
    if entry.vendor not in known and (guess := get_close_matches(entry.vendor, known, n=1)):
        mistakes.append(Mistake(file, entry.line, f"vendor is {entry.vendor!r}: did you mean {guess[0]}?"))
    return False


def _strange(entry: Entry, vendor: Vendor, file: str) -> Iterator[Mistake]:
    """What an entry names that the vendor does not have."""
    if entry.rule is not None and entry.rule not in vendor.rules:
        first = next(iter(vendor.rules), "none")
        hint = f"an id looks like {first}; an entry about another vendor names it by vendor"
        yield Mistake(file, entry.line, f"{vendor.title} has no rule {shorten(entry.rule)}: {hint}")
    if entry.operation is not None and entry.operation not in vendor.operations:
        guess = get_close_matches(entry.operation, vendor.operations, n=1)
        hint = f"did you mean {guess[0]}?" if guess else f"it has {', '.join(vendor.operations)}"
        yield Mistake(file, entry.line, f"{vendor.title} has no operation {shorten(entry.operation)}: {hint}")
