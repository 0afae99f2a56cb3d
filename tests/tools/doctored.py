"""Pieces of a selftest done by nobody: what they come to is made up, to see what is concluded from it."""

import os
from dataclasses import replace

from contracts.selftest.work import IN_PROCESS, STOCK, Outcome, Piece, Sign

RIGHT = Sign("rules", "TOY-001", "TOY-001", "error", "getNote", "expected a note, got none")
NOISE = Sign(STOCK, "ST202 GET /notes", None, "error", "GET /notes", "Schema-valid request rejected")


def _outcome(piece: Piece, *signs: Sign, reason: str | None = None) -> Outcome:
    return Outcome(piece, signs, reason, 1.0, 10, frozenset(sign.key for sign in signs))


def sharp(piece: Piece) -> Outcome:
    """Finds every defect at once; `st run` reports the same whatever is wrong."""
    if piece.profile == STOCK:
        return _outcome(piece, NOISE)
    return _outcome(piece, RIGHT) if piece.defect else _outcome(piece)


def patient(piece: Piece) -> Outcome:
    """Finds defects by thorough only, but for those in the bodies of answers."""
    if piece.profile == "quick" and piece.defect == "create-note-answers-nothing":
        return _outcome(piece)
    return sharp(piece)


def blind(piece: Piece) -> Outcome:
    """Never finds one of the defects over HTTP."""
    if piece.mode != IN_PROCESS and piece.defect == "create-note-answers-nothing":
        return _outcome(piece)
    return sharp(piece)


def cautious(piece: Piece) -> Outcome:
    """Only warns of one of the defects over HTTP."""
    if piece.mode != IN_PROCESS and piece.defect == "create-note-answers-nothing":
        return _outcome(piece, replace(RIGHT, severity="warning"))
    return sharp(piece)


def modest(piece: Piece) -> Outcome:
    """Says of a tenant that it does not judge the rule by which it finds defects elsewhere; and finds none there."""
    if piece.mode == IN_PROCESS or piece.profile == STOCK:
        return sharp(piece)
    return _outcome(piece) if piece.defect else replace(_outcome(piece), unjudged={"TOY-001": "needs more"})


def alarmed(piece: Piece) -> Outcome:
    """Finds something where nothing is wrong, with one of the seeds."""
    return _outcome(piece, RIGHT) if piece.seed == 3 and piece.profile != STOCK else sharp(piece)


def always_alarmed(piece: Piece) -> Outcome:
    """Finds the same in whatever it looks at: then no defect was found."""
    return _outcome(piece, RIGHT)


def unable(piece: Piece) -> Outcome:
    """Comes to no verdict about what is clean."""
    return sharp(piece) if piece.defect else _outcome(piece, reason="the target was lost")


def clumsy(piece: Piece) -> Outcome:
    """Trips over one of the defects itself."""
    if piece.defect == "create-note-answers-nothing":
        raise ValueError("the harness stumbles")
    return sharp(piece)


def mortal(piece: Piece) -> Outcome:
    """Its process dies of one of the defects."""
    if piece.defect == "create-note-answers-nothing" and piece.mode == IN_PROCESS:
        os._exit(1)
    return sharp(piece)
