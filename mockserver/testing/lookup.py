"""Names that people write in their tests: found, or told what there is instead."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Generic, TypeVar

T = TypeVar("T")


class Unknown(KeyError):
    """A name that is not known; the text says which are."""

    def __str__(self) -> str:
        return str(self.args[0])


class NotArranged(Exception):
    """What a test wanted to arrange cannot be; the text says why and what can."""


class Named(Mapping[str, T], Generic[T]):
    """A mapping that answers an unknown name with those that it has. `what` is what its names are of."""

    def __init__(self, what: str, values: Mapping[str, T]) -> None:
        self._what = what
        self._values = values

    def __getitem__(self, name: str) -> T:
        __tracebackhide__ = True
        if name not in self._values:
            raise unknown(self._what, name, self._values)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self._values))


def unknown(what: str, name: object, known: Iterable[str]) -> Unknown:
    """The error for a name that is none of those known."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    return Unknown(f"There is no {what} {name!r}.{guess} There are: {', '.join(names) or 'none'}.")


def kind_of(name: str, resources: Iterable[str], what: str = "kind of record") -> str:
    """The resource that a name means, which may be the singular of it. Raises Unknown."""
    __tracebackhide__ = True
    names = list(resources)
    for plural in (name, f"{name}s", f"{name}es", f"{name[:-1]}ies"):
        if plural in names:
            return plural
    raise unknown(what, name, names)
