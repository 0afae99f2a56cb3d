"""The catalogue of defects: how APIs go wrong in practice, derived from a vendor's model and planted in worlds by name.

A defect breaks what the vendor's documents say, so that a client can see it; what they leave open is none. The defects
themselves stand in `mockserver/planted/`, one module for each part of an API, and none of them names a vendor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property

from mockserver.engine.defect import Around, Defect, Hooks, Passage, Planted, straight
from mockserver.vendor import Vendor

__all__ = [
    "KINDS",
    "Around",
    "Defect",
    "Hooks",
    "Passage",
    "Plantation",
    "catalogue",
    "misnamed",
    "straight",
]

KINDS: tuple[str, ...] = (
    "status",
    "body",
    "type",
    "format",
    "missing-field",
    "extra-field",
    "header",
    "content-type",
    "envelope",
    "authentication",
    "scope",
    "tenant-isolation",
    "quota",
    "order",
    "paging",
    "cursor",
    "filter",
    "sort",
    "include",
    "search-by-key",
    "transition",
    "side-effect",
    "lost-update",
    "partial-update",
    "default",
    "uniqueness",
    "immutability",
    "limit-off-by-one",
    "unicode",
    "escaping",
    "time-zone",
    "soft-delete",
    "cascade",
    "upload",
    "webhook-payload",
    "signature",
    "retry",
    "duplicate",
    "stale-read",
)


def catalogue(vendor: Vendor) -> dict[str, Defect]:
    """Name -> defect, in the order of the kinds. Raises ValueError for a name that comes twice or an unknown kind."""
    from mockserver import planted  # here: hardly anybody who starts the mock wants defects

    found: dict[str, Defect] = {}
    for makers in planted.MAKERS:
        for defect in makers(vendor):
            if defect.name in found or defect.kind not in KINDS:
                raise ValueError(f"{vendor.name} has a wrong defect {defect.name} of kind {defect.kind}")
            kept = "" if defect.strays else _kept_from_tenants(vendor, defect.operations)
            found[defect.name] = defect if defect.unseen else replace(defect, unseen=kept)
    return dict(sorted(found.items(), key=lambda item: KINDS.index(item[1].kind)))


def _kept_from_tenants(vendor: Vendor, operations: Sequence[str]) -> str:
    """Why a run asks none of these operations of somebody's tenant; empty where it does."""
    reasons = []
    for name in operations:
        table = vendor.operations[name].table
        resource, sample = table.get("resource"), vendor.behaviour.get("samples", {}).get(table.get("resource"), {})
        if table.get("lasting"):
            reasons.append("what the operation does cannot be undone: no run sends it to a tenant")
        elif table["verb"] in ("update", "transition", "delete") and "create" not in sample:
            reasons.append(f"no operation makes a record of {resource} that a run may change")
        else:
            return ""
    return reasons[0] if reasons else ""


class Plantation:
    """The defects of one vendor, and which of them a fresh world has. Derived when one is asked for: most never are."""

    def __init__(self, vendor: Vendor, names: Sequence[str] = ()) -> None:
        self._vendor = vendor
        self._names = tuple(names)

    @cached_property
    def known(self) -> Mapping[str, Defect]:
        return catalogue(self._vendor)

    def fresh(self) -> dict[str, Planted]:
        return self.plant(self._names)

    def plant(self, names: Sequence[str]) -> dict[str, Planted]:
        return {name: Planted(self.known[name]) for name in names if name in self.known}


def misnamed(name: str, plantations: Mapping[str, Plantation]) -> str | None:
    """Why NAME or VENDOR.NAME is no defect of the vendors served; None when it is one."""
    owner, _, defect = name.rpartition(".")
    if owner and owner not in plantations:
        return f"no vendor {owner} is served"
    asked = [owner] if owner else list(plantations)
    known = sorted({each for vendor in asked for each in plantations[vendor].known})
    if defect in known:
        return None
    near = get_close_matches(defect, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`proofboard defects` lists them"
    who = f"{asked[0]} has no" if len(asked) == 1 else "no vendor served has a"
    return f"{who} defect {defect}; {hint}"
