"""The pytest plugin for those who test an API: `pytest --proofboard-vendor NAME` runs the suites in one's own session.

Without that option it does nothing, and brings nothing in but pytest.
"""

import warnings
from pathlib import Path

import pytest

_NAMES = (
    "target",
    "tenant",
    "profile",
    "seed",
    "max_requests",
    "max_time",
    "timeout",
    "read_only",
    "baseline",
    "report",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `proofboard test` has, under the same names."""
    add = parser.getgroup("proofboard", "the contract of an API, rule by rule").addoption
    add("--proofboard-vendor", metavar="VENDOR|FOLDER", help="Judge whether a target keeps this vendor's contract.")
    add("--proofboard-target", metavar="mock|URL", help="What to judge: the mock in this process, or a base URL.")
    add("--proofboard-tenant", metavar="FILE", type=Path, help="A tenant.toml: base URL, callers, known ids, budget.")
    add("--proofboard-profile", choices=["quick", "thorough"], help="How many cases to try. (default: quick)")
    add("--proofboard-seed", metavar="N", type=int, help="The same seed makes the same run.")
    add("--proofboard-max-requests", metavar="N", type=int, help="Send no more than N requests.")
    add("--proofboard-max-time", metavar="S", type=float, help="Judge for S seconds; only the clean-up may go on.")
    add("--proofboard-timeout", metavar="S", type=float, help="Give up on an answer after S seconds. (default: 30)")
    add("--proofboard-read-only", action="store_true", default=None, help="Send nothing that writes, no login either.")
    add("--proofboard-baseline", metavar="FILE", type=Path, help="Known findings: expected failures till they expire.")
    add("--proofboard-report", metavar="DIR", type=Path, help="Write the files of a report there: JSON, HTML, SARIF, …")


def pytest_configure(config: pytest.Config) -> None:
    """All else is in the plugin that this registers."""
    if config.getoption("proofboard_vendor") is None:
        for name in _NAMES:
            if config.getoption(f"proofboard_{name}") is not None:
                raise pytest.UsageError(f"--proofboard-{name.replace('_', '-')} needs --proofboard-vendor")
        return
    with warnings.catch_warnings():  # those of others, on import; the session may take warnings for errors
        warnings.simplefilter("ignore")
        from contracts.pytest_suites.session import ContractSession

        config.pluginmanager.register(ContractSession(config), "proofboard-contracts-session")
