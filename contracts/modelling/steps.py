"""One step of a sequence: an operation, who sends it, and what with. Records stand in it by names, never by ids.

So a step means the same in any world, and in any process. Nothing here sends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from contracts.envelopes import ABSENT

Pairs: TypeAlias = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Name:
    """A record that a step speaks of.

    `known`: by its role among the known ids; `made`: by its number among those of its resource that the sequence made;
    `nobody`: an id that names nothing. With a `field` not the id is meant but what the record shows there.
    """

    kind: Literal["known", "made", "nobody"]
    resource: str
    place: str | int
    field: str | None = None


@dataclass(frozen=True)
class Step:
    """What is sent. `fields` are those of a JSON body, below its wrapper; `pages` is how many of a list are read.

    `seconds` pass before it where there is a clock to turn. `is_valid`: nothing in it was made wrong on purpose.
    """

    operation: str
    caller: str = "owner"
    path: Pairs = ()
    fields: Any = ABSENT
    query: Pairs = ()
    pages: int = 1
    seconds: int = 0
    files: bool = False
    is_valid: bool = True


def filled(node: Any, resolve: Callable[[Name], Any]) -> Any:
    """A copy in which ids stand where records were named."""
    if isinstance(node, Name):
        return resolve(node)
    if isinstance(node, Mapping):
        return {key: filled(value, resolve) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [filled(value, resolve) for value in node]
    return node


def names_in(node: Any) -> list[Name]:
    """The records that are named anywhere in it."""
    if isinstance(node, Name):
        return [node]
    if isinstance(node, Mapping):
        node = list(node.values())
    return [name for part in node for name in names_in(part)] if isinstance(node, list | tuple) else []


def named(node: Any, roles: Mapping[str, str]) -> Any:
    """A template of the vendor's model with names where it has `$known.ROLE`."""
    if isinstance(node, str) and node.startswith("$known."):
        role = node.removeprefix("$known.")
        return Name("known", roles.get(role, ""), role)
    if isinstance(node, Mapping):
        return {key: named(value, roles) for key, value in node.items()}
    return [named(value, roles) for value in node] if isinstance(node, list) else node
