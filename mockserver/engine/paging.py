"""Pages of a list, in the three styles that APIs have: a slice, numbered pages, and opaque cursors.

A style reads the query of a request into a page, fetches that from a world, and tells what the envelope may say of it.
"""

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, unquote_plus

import orjson

from mockserver.engine.bodies import faults
from mockserver.engine.call import Call
from mockserver.engine.errors import Refusal
from mockserver.engine.messages import Request
from mockserver.engine.query import Border, Expression
from mockserver.engine.search import turned
from mockserver.engine.store import Record
from mockserver.engine.world import World

Arguments = Mapping[str, Sequence[str]]
Words = dict[str, Any]

_BEYOND = 2**53 - 1  # what is larger counts as that: it is beyond the end of every list, and JSON readers keep it
_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)


class Page(NamedTuple):
    """Which records of a list are asked for: `limit` from `offset` or from a border on, all of them without a limit.

    `size` and `number` are what the answer calls them, which need not be what was cut out.
    """

    limit: int | None
    offset: int = 0
    border: Border | None = None
    size: int = 0
    number: int = 1


class Found(NamedTuple):
    """The records of a page, and what else is known of the list: how many records it has, or whether some stand beside."""

    records: list[Record]
    total: int | None = None
    is_first: bool = True
    is_last: bool = True


class Paging(Protocol):
    """A style, compiled from the `paging` table of an operation."""

    def read(self, args: Arguments, order: Sequence[str]) -> Page:
        """The page that a query asks for; `args` are its values by name. Raises Refusal."""

    def answer(self, page: Page, found: Found, order: Sequence[str], request: Request) -> Words:
        """The words that the placeholders of an envelope stand for."""

    def fetch(
        self, call: Call, resource: str, where: Expression, order: Sequence[str], page: Page
    ) -> tuple[list[Record], Words]:
        """The records of the page, and those words."""


def paging(table: Mapping[str, Any]) -> Paging:
    """The style that a `paging` table describes."""
    options = {key: value for key, value in table.items() if key != "style"}
    return _STYLES[table["style"]](**options)


def fetch(world: World, resource: str, where: Expression, order: Sequence[str], page: Page) -> Found:
    """What a world has on a page."""
    if page.border is None and page.offset == 0 and page.limit is None:
        records = world.search(resource, where, order)
        return Found(records, len(records))
    if page.border is None:
        records = world.search(resource, where, order, limit=page.limit, offset=page.offset)
        return Found(records, world.count(resource, where))
    raise NotImplementedError
