"""One piece of a selftest and what came of it, done in a process of its own that keeps the vendors it has loaded.

A piece is a run of the suites, or of plain `st run`, against one stand-in: clean, faithful or with a defect.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NoReturn, TypeAlias

from contracts import interrupts
from contracts.findings import Finding
from mockserver.vendor import Vendor, load

Mode: TypeAlias = Literal["in process", "over HTTP"]
MODES: tuple[Mode, ...] = ("in process", "over HTTP")
IN_PROCESS, OVER_HTTP = MODES
STOCK = "st run"  # the profile of a piece that plain Schemathesis does
MOST = {"quick": 300.0, "thorough": 900.0}  # seconds; what takes longer is ended, and has found what it found


@dataclass(frozen=True)
class Piece:
    """What is to be done. `variant` is one of the faithful tenants, `spared` what a clean stand-in shows as well.

    A run with a defect ends with its first error that is not spared. `seconds` is what `st run` gets.
    """

    vendor: str
    mode: Mode
    profile: str
    seed: int
    defect: str | None = None
    variant: str | None = None
    spared: frozenset[str] = frozenset()
    seconds: float = 0.0


@dataclass(frozen=True)
class Sign:
    """What was found, by whom: of a rule, or with a key of its own."""

    suite: str
    key: str
    rule: str | None
    severity: str
    operation: str | None
    what: str


@dataclass(frozen=True)
class Outcome:
    """What came of a piece. `reason` tells why it could not be judged, where that is so.

    `unjudged` are the rules of a clean run that it gives no verdict about, each with the reason.
    """

    piece: Piece
    signs: tuple[Sign, ...] = ()
    reason: str | None = None
    seconds: float = 0.0
    requests: int = 0
    keys: frozenset[str] = field(default=frozenset())  # of everything that was found
    unjudged: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> Sign | None:
        """What shows the defect: an error that a clean stand-in does not show."""
        return next((sign for sign in self._new if sign.severity == "error"), None)

    @property
    def warning(self) -> Sign | None:
        """What only warns of the defect, because a tenant is not bound by what was assumed."""
        return next((sign for sign in self._new if sign.severity != "error"), None)

    @property
    def _new(self) -> list[Sign]:
        return [sign for sign in self.signs if sign.key not in self.piece.spared]


def begin() -> None:
    """For a new process: an interrupt is the caller's to heed, and only the end of the process ends a piece."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    interrupts.keep_warnings_quiet()
    logging.disable(logging.CRITICAL)  # a defect may let the stand-in fail, which is told by its answers


def _leave(*received: object) -> NoReturn:
    """What was started is ended on the way out, and nobody wants to hear what that interrupts."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)
    raise SystemExit(1)


def do(piece: Piece) -> Outcome:
    """Do a piece. Raises only what is a mistake of the harness."""
    began = time.monotonic()
    vendor = _vendor(piece.vendor)
    if piece.profile == STOCK:
        from contracts.selftest import stock

        signs, requests = stock.run(vendor, piece), 0
        return Outcome(piece, signs, None, time.monotonic() - began, requests, _keys(signs))
    return _judge(vendor, piece, began)


@cache
def _vendor(argument: str) -> Vendor:
    return load(argument)


def _judge(vendor: Vendor, piece: Piece, began: float) -> Outcome:
    """A run as `proofboard test` does it; with a defect it ends at the first error that shows it."""
    from contextlib import ExitStack

    from contracts import runner
    from contracts.docket import Silence
    from contracts.findings import Unjudgeable
    from contracts.safety.guard import Budget
    from contracts.selftest.room import straight, variants
    from contracts.selftest.stand import standing
    from contracts.target import open_local

    def is_enough(finding: Finding) -> bool:
        return finding.severity == "error" and finding.key not in piece.spared

    planted = (piece.defect,) if piece.defect is not None else ()
    with ExitStack() as stack:
        if piece.mode == IN_PROCESS:
            budget = Budget(ends_at=time.monotonic() + MOST[piece.profile])
            target = open_local(vendor, seed=piece.seed, budget=budget, defects=planted)
        else:
            variant = variants(vendor)[piece.variant] if piece.variant is not None else None
            turned = tuple((vendor.name, *switch) for switch in variant.switches.items()) if variant else ()
            stand = stack.enter_context(
                standing(
                    vendor,
                    seed=piece.seed,
                    front=variant.front if variant else straight,
                    defect=planted or None,
                    switches=turned or None,
                )
            )
            try:
                target = stand.open(seed=piece.seed, seconds=MOST[piece.profile])
            except Unjudgeable as error:
                return Outcome(piece, (), str(error), time.monotonic() - began)
        stack.callback(target.close)
        result = runner.run(
            target,
            vendor.rules.values(),
            profile=piece.profile,
            is_selective=False,
            progress=Silence(),
            is_enough=is_enough if planted else None,
        )
    signs = tuple(_sign(finding) for finding in result.findings)
    reason = result.reason if result.exit_code == runner.COULD_NOT_JUDGE else None
    unjudged = {verdict.rule: verdict.why for verdict in result.verdicts if verdict.state == "not judged"}
    seconds, told = time.monotonic() - began, {} if planted else unjudged
    return Outcome(piece, signs, reason, seconds, result.requests, _keys(signs), told)


def _sign(finding: Finding) -> Sign:
    return Sign(finding.suite, finding.key, finding.rule, finding.severity, finding.operation, finding.what)


def _keys(signs: tuple[Sign, ...]) -> frozenset[str]:
    return frozenset(sign.key for sign in signs)
