"""What an answer tells of a limit of calls, in whichever of the usual headers. Reads, and decides nothing.

A moment stands there as seconds since 1970, as seconds to go, as an HTTP date or as an ISO time.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from contracts.findings import Headers

Names = Mapping[str, str]  # what is told (limit, remaining, reset) -> header
FAMILIES: tuple[Names, ...] = tuple(
    {part: f"{prefix}-{part}" for part in ("limit", "remaining", "reset")}
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit")
)
_STRUCTURED = "ratelimit"
_MEMBER = re.compile(r"\b(limit|remaining|reset|r|t)\s*=\s*(\d+)")
_MEANING = {"r": "remaining", "t": "reset"}
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)")
_FIRST_EPOCH = 1e8  # what is less counts seconds to go
_FIRST_MILLISECONDS = 1e11
_LONGEST = 10 * 366 * 24 * 3600.0


@dataclass(frozen=True)
class Told:
    """How many calls are allowed and left, and when there are more; None where nothing is said.

    `until` is by the target's clock, in seconds since 1970, `seconds` how long that is from the answer on.
    """

    limit: int | None
    left: int | None
    until: float | None
    seconds: float | None


def read(headers: Headers, names: Names, now: float) -> Told | None:
    """What one family of headers tells; None when none of them is there. `now` is in seconds since 1970."""
    texts = {part: headers[name] for part, name in names.items() if name in headers}
    if not texts:
        return None
    seconds = _seconds(texts.get("reset"), now)
    return _told(_whole(texts.get("limit")), _whole(texts.get("remaining")), seconds, now)


def structured(headers: Headers, now: float) -> Iterator[Told]:
    """What the field `RateLimit` tells of each policy: `"hour";r=50;t=30`, or `limit=9, remaining=0, reset=7`."""
    text = headers.get(_STRUCTURED, "")
    items = text.split(",") if ";" in text else [text]
    for item in items:
        found = {_MEANING.get(name, name): int(value[:18]) for name, value in _MEMBER.findall(item)}
        if "remaining" in found:
            seconds = min(float(found["reset"]), _LONGEST) if "reset" in found else None
            yield _told(found.get("limit"), found["remaining"], seconds, now)


def retry_after(headers: Headers, now: float) -> float | None:
    """The seconds that `Retry-After` asks to wait; None where it is not there, or makes no sense."""
    return _seconds(headers.get("retry-after"), now)


def moment_of(headers: Headers, otherwise: float) -> float:
    """When an answer was given, by the target's own clock where it tells it: times in it are of that clock."""
    return _date(headers.get("date", ""), otherwise)


def _told(limit: int | None, left: int | None, seconds: float | None, now: float) -> Told:
    left = None if left is None else max(0, left)
    return Told(limit, left, None if seconds is None else now + seconds, seconds)


def _whole(text: str | None) -> int | None:
    """The number that a header begins with: `100, 100;w=60` is 100."""
    match = _NUMBER.match(text or "")
    return int(float(match[1])) if match and len(match[1]) < 19 else None


def _seconds(text: str | None, now: float) -> float | None:
    """The seconds until a moment, in any of its forms; none is negative."""
    if text is None or not (text := text.strip()):
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        moment = _date(text, math.nan)
    elif (number := float(match[1][:40])) < _FIRST_EPOCH:
        moment = now + number
    else:
        moment = number / 1000 if number >= _FIRST_MILLISECONDS else number
    return None if math.isnan(moment) else min(max(0.0, moment - now), _LONGEST)


def _date(text: str, otherwise: float) -> float:
    """An HTTP date or an ISO time, which is in UTC where it names no zone, as seconds since 1970."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
        except (ValueError, TypeError, IndexError):
            continue
        try:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except OverflowError:
            return otherwise
    return otherwise
