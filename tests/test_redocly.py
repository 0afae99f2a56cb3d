"""The vendors' documents in the eyes of a foreign linter: Redocly's CLI with its recommended rules."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mockserver.vendor import load, shipped
from tests.tools.node_tools import node_tool, quiet_environment

pytestmark = pytest.mark.slow

UNLINTED = """
openapi: 3.1.0
info: {title: Without a summary, version: "1"}
paths: {/things: {get: {responses: {"200": {description: Things.}}}}}
"""


def lint(document: Path, folder: Path) -> Any:
    """What the linter says of a document, by rules that no configuration file changes: `totals` and `problems`."""
    redocly = node_tool("@redocly/cli", "redocly")
    words = [redocly, "lint", "--extends", "recommended", "--format", "json", str(document)]
    done = subprocess.run(words, cwd=folder, env=quiet_environment(folder), capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("{"), done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("vendor", shipped())
def test_document__passes_the_linter(vendor: str, tmp_path: Path) -> None:
    told = lint(load(vendor).folder / "openapi.yaml", tmp_path)
    assert told["problems"] == []
    assert told["totals"]["errors"] == 0


def test_linter__finds_what_is_wrong(tmp_path: Path) -> None:
    """It really looks: a document without summary and security is refused."""
    (tmp_path / "openapi.yaml").write_text(UNLINTED)
    told = lint(tmp_path / "openapi.yaml", tmp_path)
    assert {"operation-summary", "security-defined"} <= {one["ruleId"] for one in told["problems"]}
    assert told["totals"]["errors"] >= 2
