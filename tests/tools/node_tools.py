"""Programs of npm that judge the vendors' documents: found at the version that is pinned, or why not."""

import json
from pathlib import Path

from tests.tools.outside import absent, need
from tests.tools.serving import ROOT, clean_environment

CACHE = ROOT / ".cache/npm"
PINNED = json.loads((ROOT / "tests/tools/package.json").read_text(encoding="utf-8"))["dependencies"]
INSTALLER = "tests/tools/install_node_tools.sh"


def node_tool(package: str, command: str) -> str:
    """The path of a program; without node or the pinned version the test is skipped, or fails where CI promises it."""
    need("node", "nodejs")
    installed = CACHE / "node_modules" / package / "package.json"
    if not installed.exists() or json.loads(installed.read_text(encoding="utf-8"))["version"] != PINNED[package]:
        absent(f"{package} {PINNED[package]} is not installed: {INSTALLER}")
    return str(CACHE / "node_modules/.bin" / command)


def quiet_environment(home: Path) -> dict[str, str]:
    """Nothing is told to anybody, and no settings of the user's own are read."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1", "HOME": str(home)}
    return clean_environment(quiet)
