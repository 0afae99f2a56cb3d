"""The files of a report: each written whole or not at all, all made from the one model."""

import os
from pathlib import Path

from contracts.report import har, html, junit, sarif
from contracts.report.model import as_bytes, as_report
from contracts.runner import Result

NAMES = ("report.json", "report.html", "junit.xml", "report.sarif", har.NAME)


def write(result: Result, folder: Path, recorder: har.Recorder | None = None) -> list[Path]:
    """Write all files into a folder; OSError when it cannot be done.

    The recorder has the exchanges; without one, as where the run could not begin, there are none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = as_report(result)
    written = [
        _put(folder / "report.json", as_bytes(report)),
        _put(folder / "report.html", html.as_html(report)),
        _put(folder / "junit.xml", junit.as_junit(report)),
        _put(folder / "report.sarif", sarif.as_sarif(report, result.vendor)),
    ]
    return [*written, (recorder or har.Recorder(folder)).finish()]


def as_json(result: Result) -> bytes:
    """The content of report.json."""
    return as_bytes(as_report(result))


def _put(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)  # still there only where it could not take its place
    return path
