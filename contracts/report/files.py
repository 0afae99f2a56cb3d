"""The files of a report: each written whole or not at all, all made from the one model."""

from pathlib import Path

from contracts.report import har, html, junit, sarif
from contracts.report.model import as_bytes, as_report
from contracts.runner import Result
from contracts.wholefile import put

NAMES = ("report.json", "report.html", "junit.xml", "report.sarif", har.NAME)


def write(result: Result, folder: Path, recorder: har.Recorder | None = None) -> list[Path]:
    """Write all files into a folder; OSError when it cannot be done.

    The recorder has the exchanges; without one, as where the run could not begin, there are none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = as_report(result)
    written = [
        put(folder / "report.json", as_bytes(report)),
        put(folder / "report.html", html.as_html(report)),
        put(folder / "junit.xml", junit.as_junit(report)),
        put(folder / "report.sarif", sarif.as_sarif(report, result.vendor)),
    ]
    return [*written, (recorder or har.Recorder(folder)).finish()]


def as_json(result: Result) -> bytes:
    """The content of report.json."""
    return as_bytes(as_report(result))
