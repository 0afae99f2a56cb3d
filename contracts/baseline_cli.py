"""`proofboard baseline`: findings of a report become known ones. Judges nothing, and changes no entry that is there."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contracts.wholefile import put

if TYPE_CHECKING:
    from contracts.baseline import Baseline

_EPILOG = """\b
proofboard test VENDOR --tenant tenant.toml --report report
proofboard baseline report/report.json --owner NAME --reason TEXT --expires 2026-12-31
proofboard test VENDOR --tenant tenant.toml --baseline baseline.toml
"""


class Trouble(click.ClickException):
    """Nothing was written: why, one line each."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


class _Day(click.DateTime):
    """A date; what is none is told with an example."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The day as a datetime."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no day: expected one such as 2026-12-31", param, ctx)


@click.command(epilog=_EPILOG, short_help="Make the findings of a report known ones.")
@click.argument("report", metavar="REPORT_JSON", type=click.Path(path_type=Path))
@click.option("--owner", metavar="NAME", required=True, help="Who answers for them.")
@click.option("--reason", metavar="TEXT", required=True, help="Why they are accepted for now.")
@click.option(
    "--expires",
    metavar="DATE",
    required=True,
    type=_Day(),
    help="The last day on which they do not count, such as 2026-12-31.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("baseline.toml"),
    show_default=True,
    help="The baseline to make, or to add to.",
)
@click.option("--warnings", "has_warnings", is_flag=True, help="Also what only warns, and fails no run as it is.")
def baseline(report: Path, owner: str, reason: str, expires: datetime, output: Path, has_warnings: bool) -> None:
    """Write the findings of a report.json into a baseline, for `proofboard test --baseline FILE`.

    A finding that the baseline has already stays as it stands there. Exit code 2 where nothing could be written.
    """
    day = expires.date()
    if not owner.strip() or not reason.strip():
        raise Trouble("--owner and --reason are not empty: somebody answers for a known finding, and says why")
    if day < datetime.now(UTC).date():
        raise Trouble(f"--expires {day} is over already: give the last day on which the findings do not count")
    vendor, findings = _read_report(report)
    known = _read_baseline(output)
    added = 0
    text = ""
    for finding in findings:
        if finding["severity"] == "error" or has_warnings:
            if told := _told_already(known, vendor, finding):
                click.echo(told)
            else:
                text += _entry(vendor, finding, owner, reason, day)
                added += 1
    if not added:
        click.echo(f"nothing to add: {report} has no finding that is not known")
        return
    _append(output, text)
    click.echo(f"written: {output}, {added} known finding{'s' if added > 1 else ''} added")


def _read_report(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The vendor of a report, and those of its findings that it does not call known."""
    try:
        report = json.loads(path.read_bytes())
    except OSError as error:
        raise Trouble(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Trouble(f"{path}: is not JSON: {error}") from None
    try:
        if report["format"] != 1:
            raise Trouble(f"{path}: has the format {report['format']!r}: expected 1")
        findings = [finding for finding in report["findings"] if finding["known"] is None]
        wanted = ("key", "title", "severity", "rule")
        return str(report["vendor"]), [finding for finding in findings if all(name in finding for name in wanted)]
    except (KeyError, TypeError):
        raise Trouble(f"{path}: is no report.json, as `proofboard test --report DIR` writes it") from None


def _read_baseline(path: Path) -> "Baseline | None":
    from contracts import baseline
    from mockserver.yamlfile import SpecError

    if not path.exists():
        return None
    try:
        return baseline.read_all(path)
    except SpecError as error:
        raise Trouble("\n".join(str(mistake) for mistake in error.mistakes)) from None


def _told_already(known: "Baseline | None", vendor: str, finding: dict[str, Any]) -> str | None:
    """Where a finding stands already, and until when."""
    for entry in known.entries if known else ():
        is_here = entry.vendor in (None, vendor)
        if known and is_here and entry.fits(finding["rule"], finding["key"], finding.get("operation")):
            return f"{known.file}:{entry.line}: {entry.name} stands there already, until {entry.known.expires}"
    return None


def _entry(vendor: str, finding: dict[str, Any], owner: str, reason: str, expires: date) -> str:
    name = ("rule", finding["rule"]) if finding["rule"] else ("key", finding["key"])
    texts = (("vendor", vendor), name, ("reason", reason), ("owner", owner))
    lines = [f"# {_one_line(finding['title'])}", "[[known]]", *(f"{key} = {_quoted(text)}" for key, text in texts)]
    return "\n".join(["", *lines, f"expires = {expires.isoformat()}", ""])


def _quoted(text: str) -> str:
    """A basic string of TOML, which escapes as JSON does, and DEL besides; half a pair of surrogates is none."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: Any) -> str:
    """A text as a comment holds it."""
    return " ".join("".join(_printable(str(text))).split())


def _printable(text: Iterable[str]) -> Iterator[str]:
    yield from (character if character.isprintable() else " " for character in text)


def _append(path: Path, text: str) -> None:
    """Add to a file, or make one."""
    try:
        before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        lead = "\n" if before and not before.endswith("\n") else ""
        put(path, (before + lead + text).lstrip("\n").encode())
    except OSError as error:
        raise Trouble(f"{path}: cannot be written: {error.strerror}") from None
