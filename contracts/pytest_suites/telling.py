"""What one test has to tell: its state, and a text for people in place of a traceback."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from contracts.findings import Exchange, Finding, Known, Verdict
from contracts.report.progress import plain

State: TypeAlias = Literal["failed", "broken", "warning", "known", "not judged", "holds"]
_RANKS: tuple[State, ...] = ("failed", "broken", "warning", "known", "not judged", "holds")  # what outweighs the rest
_BODY = 2000  # characters of a body that are shown


@dataclass(frozen=True)
class Told:
    """What came of a test. `line` says it in one line, `text` with all that belongs to it. Both are masked."""

    state: State
    line: str = ""
    text: str = ""


HOLDS = Told("holds")


def of_finding(finding: Finding, known: Known | None, again: str, mask: Callable[[str], str]) -> Told:
    """A finding: what was expected and came, the rule, request and answer, how to send it and how to judge it again."""
    state: State = "broken" if finding.severity == "error" else "warning"
    if known is not None:
        state = "known"
    name = f"{finding.rule} ({finding.grade})" if finding.rule else finding.suite
    lines = [finding.what, "", f"{name}: {finding.title}"]
    if known is not None:
        lines.append(f"known until {known.expires}: {known.reason} ({known.owner})")
    if finding.also:
        lines.append(f"also found by {', '.join(finding.also)}")
    if finding.exchange is not None:
        lines += ["", *_exchange(finding.exchange), ""]
    if finding.sequence:
        lines += [*finding.sequence, ""]
    elif finding.curl:
        lines.append(finding.curl)
    lines.append(f"again: {again}")
    return Told(state, _clean(mask, finding.what.split("\n")[0]), _clean(mask, "\n".join(lines)))


def of_verdict(verdict: Verdict, mask: Callable[[str], str]) -> Told:
    """What became of a rule that is not broken."""
    if verdict.crashed:
        return failed(verdict.why, mask)
    if verdict.state == "not judged":
        return not_judged(verdict.why, mask)
    return HOLDS


def not_judged(why: str, mask: Callable[[str], str]) -> Told:
    """Nothing was found out, and nobody is to blame."""
    line = _clean(mask, f"not judged: {why}")
    return Told("not judged", line, line)


def failed(why: str, mask: Callable[[str], str]) -> Told:
    """Nothing was found out, and that is amiss."""
    line = _clean(mask, f"could not be judged: {why}")
    return Told("failed", line, line)


def joined(tellings: Iterable[Told]) -> Told:
    """Several in one: the worst state, the line of the first that has it, and every text."""
    found = sorted(tellings, key=lambda told: _RANKS.index(told.state))
    if not found:
        return HOLDS
    texts = [told.text for told in found if told.text and told.state != "not judged"]
    return Told(found[0].state, found[0].line, "\n\n".join(texts) or found[0].text)


def _exchange(exchange: Exchange) -> list[str]:
    shown = exchange.shown()
    return [
        f"{shown['method']} {shown['url']}" + (f" by {exchange.caller}" if exchange.caller else ""),
        *_message(shown["request"]),
        f"-> {shown['response']['status']}",
        *_message(shown["response"]),
    ]


def _message(told: Mapping[str, Any]) -> list[str]:
    lines = [f"   {name}: {value}" for name, value in told["headers"].items()]
    if told["body"]:
        body = told["body"] if len(told["body"]) <= _BODY else f"{told['body'][:_BODY]}…"
        lines += [f"   {line}" for line in ["", *body.splitlines()]]
    return lines


def _clean(mask: Callable[[str], str], text: str) -> str:
    return "\n".join(plain(line) for line in mask(text).split("\n"))
