"""The room that documents leave a tenant: places of openapi.yaml that say something else where a tenant is judged.

What it may tell stands under `room` of behaviour.yaml, what it may take under `may_take`.
"""

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from contracts.document import keys_of
from mockserver.vendor import Vendor


def with_room(vendor: Vendor) -> Vendor:
    """The vendor as a tenant is judged by it; the stand-in keeps to the document as it is."""
    room: dict[str, Any] = vendor.behaviour.get("room", {})
    if not room:
        return vendor
    document = copy.deepcopy(vendor.document)
    for pointer, value in room.items():
        *path, last = keys_of(pointer)
        _at(document, path)[last] = value
    return _reread(vendor, document)


def with_all_it_may_take(vendor: Vendor) -> Vendor:
    """The vendor without what its document demands of requests, and a tenant need not."""
    pointers: list[str] = vendor.behaviour.get("may_take", [])
    if not pointers:
        return vendor
    document = copy.deepcopy(vendor.document)
    for pointer in pointers:
        *path, last = keys_of(pointer)
        del _at(document, path)[last]
    return _reread(vendor, document)


def may_lack(vendor: Vendor) -> frozenset[str]:
    """The fields of records that a tenant may leave out: where the room names what is required, all others."""
    found: set[str] = set()
    for pointer, value in vendor.behaviour.get("room", {}).items():
        *path, last = keys_of(pointer)
        if last == "required":
            found |= _at(vendor.document, path).get("properties", {}).keys() - set(value)
    return frozenset(found)


def _reread(vendor: Vendor, document: Any) -> Vendor:
    """The vendor with another document. The stand-in keeps to its own."""
    operations = {
        name: replace(each, document=_at(document, ("paths", each.path, each.method.lower())))
        for name, each in vendor.operations.items()
    }
    return replace(vendor, document=document, operations=operations)


def _at(node: Any, keys: Iterable[str]) -> Any:
    for key in keys:
        node = node[key]
    return node
