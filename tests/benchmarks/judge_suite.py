"""Run our conformance suite alone, with all that watches it in a real run; prints the number of cases. See judge.py."""

from __future__ import annotations

import json
import sys
import warnings

warnings.simplefilter("ignore")  # as `proofboard test` does: they are not about the target

from contracts import runner  # noqa: E402 - what follows is warned of while it is imported
from contracts.docket import Silence  # noqa: E402
from contracts.safety.guard import Budget  # noqa: E402
from contracts.target import open_url  # noqa: E402
from mockserver.vendor import load  # noqa: E402


def main(name: str, url: str, seed: str, profile: str) -> None:
    vendor = load(name)
    rules = [rule for rule in vendor.rules.values() if rule.judge == "schema"]
    target = open_url(vendor, url, seed=int(seed), budget=Budget())
    try:
        result = runner.run(target, rules, profile=profile, is_selective=False, progress=Silence())
    finally:
        target.close()
    if result.reason is not None:
        sys.exit(result.reason)
    print(json.dumps({"cases": result.cases, "findings": len(result.findings)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
