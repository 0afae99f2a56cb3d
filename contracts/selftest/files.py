"""selftest.json, described by `selftest.schema.json` beside this module, and its table as selftest.md."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.selftest.score import Reach, Score, told_of
from contracts.selftest.shown import COLUMNS, rows, summary, verdict
from contracts.selftest.work import MODES, STOCK, Outcome, Sign
from mockserver import __version__

FORMAT = 1


def as_report(scores: Sequence[Score], exit_code: int) -> dict[str, Any]:
    """The content of selftest.json."""
    return {
        "format": FORMAT,
        "tool": {"name": "proofboard", "version": __version__},
        "exit_code": exit_code,
        "vendors": [_vendor(score) for score in scores],
    }


def write(scores: Sequence[Score], exit_code: int, folder: Path) -> list[Path]:
    """Write both files into a folder that is there; OSError where that cannot be."""
    report, table = folder / "selftest.json", folder / "selftest.md"
    report.write_text(json.dumps(as_report(scores, exit_code), indent=2) + "\n")
    table.write_text("\n".join(line for score in scores for line in _markdown(score)))
    return [report, table]


def _vendor(score: Score) -> dict[str, Any]:
    stock = score.stock_clean
    return {
        "vendor": score.vendor.name,
        "title": score.vendor.title,
        "verdict": verdict(score),
        "exit_code": score.exit_code,
        "profile": score.profile,
        "seconds": round(score.seconds, 1),
        "interrupted": score.is_interrupted,
        "reach": [_reach(*told) for told in _reaches(score)],
        "defects": [_defect(score, name) for name in score.defects],
        "clean": [_run(outcome) for outcome in score.clean()],
        "variants": [_run(outcome) for outcome in score.variants()],
        "false_alarms": [{"run": told_of(piece), **_sign(sign)} for piece, sign in score.alarms()],
        "st_run_on_the_clean": None if stock is None else sorted(stock.keys),
        "not_kept": score.broken(),
        "failed": [f"{told_of(failed.piece)}: {failed.why}" for failed in score.failed],
    }


def _reaches(score: Score) -> list[tuple[str, str, Reach]]:
    profiles = ("quick", "thorough") if score.profile == "thorough" else (score.profile,)
    told = [(profile, mode, score.reach(mode, profile)) for profile in profiles for mode in MODES]
    return [*told, (STOCK, MODES[1], score.reach_of_stock())]


def _reach(who: str, mode: str, reach: Reach) -> dict[str, Any]:
    return {"who": who, "mode": mode, **reach._asdict()}


def _defect(score: Score, name: str) -> dict[str, Any]:
    defect = score.defects[name]
    outcomes = [outcome for piece, outcome in score.outcomes.items() if piece.defect == name]
    stock = score.by_stock(name)
    return {
        "name": name,
        "kind": defect.kind,
        "what": defect.what,
        "operations": list(defect.operations),
        "runs": [_run(outcome) for outcome in outcomes if outcome.piece.profile != STOCK],
        "beyond": score.why_beyond(name, MODES[1]),
        "st_run": None if stock is None else stock.key,
    }


def _run(outcome: Outcome) -> dict[str, Any]:
    piece = outcome.piece
    shown = outcome.first if piece.defect is not None else None
    return {
        "mode": piece.mode,
        "profile": piece.profile,
        "seed": piece.seed,
        "variant": piece.variant,
        "seconds": round(outcome.seconds, 1),
        "requests": outcome.requests,
        "reason": outcome.reason,
        "found": None if shown is None else _sign(shown),
        "findings": [_sign(sign) for sign in outcome.signs] if piece.defect is None else [],
    }


def _sign(sign: Sign) -> dict[str, Any]:
    return {
        "suite": sign.suite,
        "rule": sign.rule,
        "key": sign.key,
        "severity": sign.severity,
        "operation": sign.operation,
        "what": sign.what,
    }


def _markdown(score: Score) -> list[str]:
    lines = [f"## {score.vendor.title}", ""]
    lines += [f"- {label}: {value}" for label, value in summary(score)]
    lines += ["", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(_cell(each) for each in row)} |" for row in rows(score)]
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
