"""KanMan: the functions that judge single rules of its ledger, by what they are about."""

from contracts.rules import (
    kanman_body,
    kanman_create,
    kanman_move,
    kanman_project,
    kanman_quota,
    kanman_trash,
    kanman_update,
)

__all__ = [
    "kanman_body",
    "kanman_create",
    "kanman_move",
    "kanman_project",
    "kanman_quota",
    "kanman_trash",
    "kanman_update",
]
