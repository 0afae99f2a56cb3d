"""Plain `st run`, as Schemathesis comes: the same document, the owner's headers, a seed, and the time that we took."""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from contracts.selftest.stand import standing
from contracts.selftest.work import Piece, Sign
from mockserver.vendor import Vendor

SUITE = "st run"
_LATE = 60.0  # seconds after its time in which it may still write its report


class StockFailed(Exception):
    """`st run` could not be run to its report: what it said."""


def run(vendor: Vendor, piece: Piece) -> tuple[Sign, ...]:
    """What it reports: for each code of a failure the operations that have it.

    Quotas are never spent: they would end it long before its time.
    """
    planted = (piece.defect,) if piece.defect is not None else None
    with (
        tempfile.TemporaryDirectory(prefix="proofboard-") as folder,
        standing(vendor, seed=piece.seed, is_endless=True, defect=planted) as stand,
    ):
        Path(folder, "openapi.json").write_text(json.dumps(vendor.document))
        command = [str(Path(sys.executable).with_name("st")), "run", "openapi.json", "--url", stand.url]
        command += ["--seed", str(piece.seed), "--max-time", str(max(math.ceil(piece.seconds), 1)), "--no-color"]
        command += ["--report", "json", "--report-json-path", "report.json"]
        for name, value in stand.headers()["owner"].items():
            command += ["--header", f"{name}: {value}"]
        said = _said(command, folder, piece.seconds + _LATE)
        try:
            report = json.loads(Path(folder, "report.json").read_bytes())
        except (OSError, ValueError):
            raise StockFailed(f"st run wrote no report: {said[-400:]}") from None
    return tuple(
        Sign(SUITE, f"{failure['code']} {operation}", None, "error", operation, failure["title"])
        for failure in report["failures"]
        for operation in failure["operations"]
    )


def _said(command: list[str], folder: str, seconds: float) -> str:
    """Run it to its end; it goes with us, whatever ends us."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise StockFailed(f"st run did not end {seconds:.0f} s after it began") from None
        finally:
            if process.poll() is None:
                process.kill()
    return said
