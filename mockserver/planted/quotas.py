"""Defects of quotas: of how calls are counted, when they are refused, and what the headers tell of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.engine.chance import format_time
from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Response
from mockserver.planted.words import each_answer, header_of, with_header
from mockserver.vendor import Vendor

Told = Mapping[str, bytes]  # limit, remaining and reset: the headers that tell them


def defects(vendor: Vendor) -> Iterator[Defect]:
    for name, table in vendor.behaviour["quotas"].items():
        told = {what: header.lower().encode() for header, what in table.get("headers", {}).items()}
        if {"limit", "remaining", "reset"} <= told.keys():
            yield from _of(vendor, name, table, told)
            return


def _of(vendor: Vendor, name: str, table: Mapping[str, Any], told: Told) -> Iterator[Defect]:
    counted = tuple(one.id for one in vendor.operations.values() if one.is_protected)
    refused = _Refused(vendor, table)
    used_up: list[tuple[str, str, Around]] = [
        ("quota-never-ends", "No call is refused when the quota is used up.", _letting_in(name, refused, told)),
        (
            "quota-is-one-too-many",
            "One call more than the quota is let in.",
            _letting_in(name, refused, told, is_once=True),
        ),
        ("quota-is-one-too-few", "The last call of the quota is refused.", _one_less(name, refused, told)),
    ]
    rows: list[tuple[str, str, Around]] = [
        ("calls-count-twice", "Each call counts for two.", _twice(name)),
        ("remaining-stands-still", "What is told to remain does not fall.", _still(told["remaining"])),
        ("remaining-is-what-was-used", "What is told to remain is what was used.", _used(told)),
        (
            "limit-is-told-too-high",
            "The limit that is told is twice the one that counts.",
            _higher(told["limit"]),
        ),
    ]
    if isinstance(table["window"], Mapping):
        seconds = table["window"]["seconds"]
        used_up += [
            ("window-does-not-slide", "All calls are let in anew at the full minute.", _fixed(name, seconds)),
            ("retry-after-is-missing", "A refusal for the quota does not say when to come again.", _no_wait(refused)),
        ]
        rows += [
            ("reset-is-told-in-seconds", "The reset is told in seconds from now.", _in_seconds(told["reset"])),
            ("retry-after-is-always-there", "Every answer says when to come again.", each_answer(_wait)),
        ]
    else:
        used_up.append(("quota-is-never-renewed", "The count goes on when the window is over.", _unrenewed(name)))
        rows.append(("reset-is-told-as-now", "The reset is told to be the present moment.", _now(told["reset"])))
    for title, what, around in used_up:
        yield Defect(title, "quota", what, counted, around, unseen=_UNSEEN)
    for title, what, around in rows:
        is_others = title == "calls-count-twice" or (
            title == "remaining-is-what-was-used" and isinstance(table["window"], Mapping)
        )
        yield Defect(title, "quota", what, counted, around, unseen=_OTHERS if is_others else "")


_OTHERS = "others may call meanwhile, and earlier calls leave the window"
_UNSEEN = "the limits of somebody's tenant are never used up on purpose"


class _Refused:
    """Whether an answer refuses a call because the quota is used up."""

    def __init__(self, vendor: Vendor, table: Mapping[str, Any]) -> None:
        situation = vendor.behaviour["refusals"][table["refusal"]]
        self._rule: str = situation["rule"]
        self._status: int = vendor.behaviour["errors"]["catalogue"][situation["error"]]["status"]

    def __call__(self, response: Response) -> bool:
        return response.status == self._status and response.rule == self._rule


# Counts: of an account `{"used": {account: calls}, "start": time}`, or `{caller and operation: [times]}`


def _state(passage: Passage, name: str) -> dict[str, Any]:
    state = passage.world.counts[name].state()
    return {key: dict(part) if isinstance(part, dict) else part for key, part in state.items()}


def _put(passage: Passage, name: str, state: Mapping[str, Any]) -> None:
    passage.world.counts[name] = passage.world.ground.quotas[name].counts(state)


def _bearer(passage: Passage) -> tuple[str | None, str | None]:
    return passage.request.header(b"authorization"), passage.operation.id if passage.operation is not None else None


def _letting_in(name: str, refused: _Refused, told: Told, *, is_once: bool = False) -> Around:
    """A call that is refused is let in after all; with `is_once` only the first of each window."""

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        key = (_bearer(passage), header_of(response, told["reset"]))
        if not refused(response) or (is_once and passage.memory.get(key)):
            return response
        passage.memory[key] = True
        kept = passage.world.counts[name]
        passage.world.counts[name] = passage.world.ground.quotas[name].counts()
        response = passage.proceed()
        passage.world.counts[name] = kept
        return with_header(response, told["remaining"], "0")

    return around


def _one_less(name: str, refused: _Refused, told: Told) -> Around:
    """One more call counts than there were, as long as a call is decided."""

    def around(passage: Passage) -> Response:
        before = _state(passage, name)
        counted = {key for key, calls in before.get("used", before).items() if calls}
        _put(passage, name, _grown(before, counted, 1))
        response = passage.proceed()
        _put(passage, name, _grown(_state(passage, name), counted, -1))
        left = header_of(response, told["remaining"])
        if refused(response) or left is None:
            return response
        return with_header(response, told["remaining"], str(int(left) + 1)) if counted else response

    return around


def _grown(state: Mapping[str, Any], counted: set[str], by: int) -> dict[str, Any]:
    """The counts of these one higher or lower."""
    if "used" in state:
        used = {key: calls + by if key in counted else calls for key, calls in state["used"].items()}
        return {**state, "used": used}
    return {
        key: times if key not in counted or not times else [*times, times[-1]] if by > 0 else times[:-1]
        for key, times in state.items()
    }


def _twice(name: str) -> Around:
    def around(passage: Passage) -> Response:
        before = _state(passage, name)
        response = passage.proceed()
        after = _state(passage, name)
        if "used" in after:
            extra = {account: calls - before["used"].get(account, 0) for account, calls in after["used"].items()}
            used = {account: calls + max(extra[account], 0) for account, calls in after["used"].items()}
            _put(passage, name, {**after, "used": used})
        else:
            _put(
                passage,
                name,
                {
                    key: [*times, times[-1]] if len(times) > len(before.get(key, ())) else times
                    for key, times in after.items()
                },
            )
        return response

    return around


def _unrenewed(name: str) -> Around:
    def around(passage: Passage) -> Response:
        before = passage.memory.get("used", {})
        response = passage.proceed()
        after = _state(passage, name)
        used = {key: max(calls, before.get(key, 0)) for key, calls in {**before, **after["used"]}.items()}
        _put(passage, name, {**after, "used": used})
        passage.memory["used"] = used
        return response

    return around


def _fixed(name: str, seconds: float) -> Around:
    def around(passage: Passage) -> Response:
        begin = passage.world.clock.now() // seconds * seconds
        times = {key: [one for one in own if one >= begin] for key, own in _state(passage, name).items()}
        _put(passage, name, times)
        return passage.proceed()

    return around


# Headers


def _still(name: bytes) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        left = header_of(response, name)
        return with_header(response, name, passage.memory.setdefault(_bearer(passage), left)) if left else response

    return around


def _used(told: Told) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        limit, left = (header_of(response, told[what]) for what in ("limit", "remaining"))
        if limit is None or left is None:
            return response
        return with_header(response, told["remaining"], str(int(limit) - int(left)))

    return around


def _higher(name: bytes) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        limit = header_of(response, name)
        return with_header(response, name, str(int(limit) * 2)) if limit is not None else response

    return around


def _in_seconds(name: bytes) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        reset = header_of(response, name)
        left = int(reset) - int(passage.world.clock.now()) if reset is not None else 0
        return with_header(response, name, str(max(left, 0)))

    return around


def _now(name: bytes) -> Around:
    return lambda passage: with_header(passage.proceed(), name, format_time(passage.world.clock.now()))


def _no_wait(refused: _Refused) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        return with_header(response, b"retry-after", None) if refused(response) else response

    return around


def _wait(_: Passage, response: Response) -> Response:
    if header_of(response, b"retry-after") is not None:
        return response
    return response._replace(headers=[*response.headers, (b"retry-after", b"1")])
