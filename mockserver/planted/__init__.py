"""The defects that can be planted: each module derives those of one part of an API from a vendor's model."""

from collections.abc import Callable, Iterator

from mockserver.engine.defect import Defect
from mockserver.planted import (
    access,
    answers,
    cursors,
    endings,
    fields,
    filters,
    headers,
    hooks,
    isolation,
    keys,
    limits,
    lists,
    moves,
    pages,
    quotas,
    records,
    repeats,
    values,
)
from mockserver.vendor import Vendor

# Each yields the defects that a vendor has a place for.
MAKERS: tuple[Callable[[Vendor], Iterator[Defect]], ...] = (
    answers.defects,
    fields.defects,
    headers.defects,
    access.defects,
    isolation.defects,
    quotas.defects,
    pages.defects,
    cursors.defects,
    records.defects,
    repeats.defects,
    values.defects,
    limits.defects,
    keys.defects,
    endings.defects,
    moves.defects,
    lists.defects,
    filters.defects,
    hooks.defects,
)
