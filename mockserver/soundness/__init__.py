"""Do the files of a vendor folder agree? Every name that one file says of another must be there.

Runs even when some of the files are broken: what is missing or malformed was told already, and is passed over here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver import spec
from mockserver.soundness import behaviour, ledger, seed, webhooks
from mockserver.soundness.folder import Folder, Sources
from mockserver.yamlfile import Mistake

__all__ = ["Sources", "check"]


def check(sources: Sources, contents: Mapping[str, Any]) -> Iterator[Mistake]:
    """Every disagreement between the files; `contents` holds what of each file has the right form."""
    document = contents.get("openapi", {})
    entries = spec.operations(document) if document else ()
    rules = contents.get("rules", {}).get("rules", [])
    folder = Folder(
        sources,
        document,
        contents.get("behaviour", {}),
        contents.get("seed", {}),
        {entry.operation["operationId"]: entry for entry in entries},
        frozenset(rule["id"] for rule in rules if "id" in rule),
    )
    if sources.rules is not None:
        yield from ledger.check(folder, sources.rules, contents["rules"])
    if sources.behaviour is not None:
        yield from behaviour.check(folder, sources.behaviour)
        yield from webhooks.check(folder, sources.behaviour, rules)
    if sources.seed is not None and sources.behaviour is not None:
        yield from seed.check(folder, sources.seed)
