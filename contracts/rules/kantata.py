"""Kantata OX: the functions that judge single rules of its ledger, by what they are about."""

from contracts.rules import (
    kantata_answers,
    kantata_create,
    kantata_delete,
    kantata_lists,
    kantata_places,
    kantata_sets,
    kantata_transport,
    kantata_update,
)

__all__ = [
    "kantata_answers",
    "kantata_create",
    "kantata_delete",
    "kantata_lists",
    "kantata_places",
    "kantata_sets",
    "kantata_transport",
    "kantata_update",
]
