"""Are two answers the same, but for ids that each side has made for itself? Reads only."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from contracts.envelopes import ABSENT
from contracts.laws.terms import same

# Ids and secrets of which each world has its own: UUIDs, ULIDs, hexadecimal digits.
_OWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-hjkmnp-tv-z]{26}|[0-9a-f]{40}", re.IGNORECASE
)


_ORIGIN = re.compile(r"https?://[^/?#]+", re.IGNORECASE)


class Unlike(NamedTuple):
    """Where two answers differ: the keys that lead there, what was expected and what came."""

    path: tuple[str, ...]
    expected: Any
    got: Any


class Likeness:
    """What of one side means what of the other; learnt from what new records are called."""

    def __init__(self, opaque: frozenset[str], origin: str = "") -> None:
        """`opaque` are keys whose values may hide ids; `origin` is where URLs of the model lead, to its own address."""
        self._theirs: dict[str, str] = {}  # of the model -> of the target
        self._bound: set[str] = set()
        self._opaque, self._origin = opaque, origin
        self._differs = False  # some id is not the same on both sides

    @property
    def is_identity(self) -> bool:
        """Whether both sides have called everything the same so far."""
        return not self._differs

    def bind(self, model: str, target: str) -> None:
        self._theirs[model] = target
        self._bound.add(target)
        self._differs = self._differs or model != target

    def told(self, text: str) -> str:
        """What the target has to say where the model says this."""
        if text in self._theirs:
            return self._theirs[text]
        if self._differs:
            return _OWN.sub(lambda match: self._theirs.get(match[0], match[0]), text)
        return text

    def differences(self, expected: Any, got: Any, path: tuple[str, ...] = ()) -> Iterator[Unlike]:
        """Where what came is not what was expected."""
        if isinstance(expected, Mapping) and isinstance(got, Mapping):
            yield from self._of_objects(expected, got, path)
        elif isinstance(expected, list) and isinstance(got, list):
            for one, other in zip(expected, got, strict=False):
                yield from self.differences(one, other, (*path, "*"))
            if len(expected) != len(got):
                yield Unlike(path, expected, got)
        elif isinstance(expected, str) and isinstance(got, str):
            if not self._is_meant(expected, got, path):
                yield Unlike(path, self.told(expected), got)
        elif not same(expected, got):
            yield Unlike(path, expected, got)

    def _of_objects(
        self, expected: Mapping[str, Any], got: Mapping[str, Any], path: tuple[str, ...]
    ) -> Iterator[Unlike]:
        names = {self.told(name): name for name in expected}
        for name, own in names.items():
            if name not in got:
                yield Unlike((*path, name), expected[own], ABSENT)
            else:
                yield from self.differences(expected[own], got[name], (*path, name))
        for name in got:
            if name not in names:
                yield Unlike((*path, name), ABSENT, got[name])

    def _is_meant(self, expected: str, got: str, path: tuple[str, ...]) -> bool:
        if self.told(expected) == got:
            return True
        if self._origin and expected.startswith(self._origin) and (elsewhere := _ORIGIN.match(got)):
            return self._is_meant(expected[len(self._origin) :], got[elsewhere.end() :], path)
        if self._differs and path and path[-1] in self._opaque:
            return True
        is_new = expected not in self._theirs and got not in self._bound
        if is_new and expected != got and _OWN.fullmatch(expected) and _OWN.fullmatch(got):
            self.bind(expected, got)
            return True
        return False
