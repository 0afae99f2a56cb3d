"""Kanbert: the functions that judge single rules of its ledger, by what they are about."""

from contracts.rules import (
    kanbert_address,
    kanbert_create,
    kanbert_shape,
    kanbert_transport,
    kanbert_update,
    kanbert_upload,
)

__all__ = [
    "kanbert_address",
    "kanbert_create",
    "kanbert_shape",
    "kanbert_transport",
    "kanbert_update",
    "kanbert_upload",
]
