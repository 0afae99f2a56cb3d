"""Programs that are no Python packages: found, or why not. With CI=true nothing is skipped for want of them."""

import os
import shutil

import pytest


def need(command: str, package: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI promises to have it."""
    found = shutil.which(command)
    if found is None:
        absent(f"{command} is not installed: apt-get install {package}")
    return str(found)


def absent(reason: str) -> None:
    """Skip with this reason, or fail with it where CI promises that all is there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; with CI=true this is no reason to skip")
    pytest.skip(reason)
