"""The documents' example exchanges as data: what is printed, what is sent in its place, and where an answer differs.

`fixtures/<vendor>/exchanges.yaml` holds what a document prints, and nothing else. Three lists say where it cannot be
taken at its word: `contradictions` (it is at odds with itself, and the stand-in answers otherwise), `placeholders` (a
value stands for any of its type), `oddities` (it reads strangely, and the stand-in does as printed). With
`values: shapes` all printed values stand for any of their type, and a field of `nullable` may be null.

Beside it, `replay.yaml` says what takes the place of hosts, tokens and placeholders, and what the documents tell in
words of an answer that they do not print.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import yaml

from tests.tools.serving import ROOT

FIXTURES = ROOT / "fixtures"
NOTHING = "$nothing"
FOLDED = ("{ … }", "…")
FORMS = {
    r"\d{4}-\d\d-\d\d": "a date",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "a date-time",
}
_ABSENT = object()


@dataclass(frozen=True, eq=False)
class Exchange:
    """One documented exchange with what is needed to replay it."""

    vendor: str
    name: str
    printed: Mapping[str, Any]
    plan: Mapping[str, Any]

    @property
    def request(self) -> Mapping[str, Any]:
        return dict(self.printed["request"])

    @property
    def language(self) -> str | None:
        return self.request.get("language")

    @property
    def snippet(self) -> str:
        return str(self.printed["snippet"])

    @property
    def sent_by_vendor(self) -> bool:
        return self.request.get("sender") == "vendor"

    def pointers(self, *kinds: str) -> list[str]:
        return [one["pointer"] for kind in kinds for one in self.printed.get(kind, ())]

    def in_request(self) -> list[str]:
        """Pointers into the request, without `/request`, that are not sent as printed."""
        found = self.pointers("contradictions", "placeholders")
        return [one.removeprefix("/request") for one in found if one.startswith("/request/")]

    def in_answer(self, kind: str) -> list[str]:
        """Pointers into what the vendor sends: its answer, or the body of its webhook."""
        found = self.pointers(kind)
        if self.sent_by_vendor:
            return [one.removeprefix("/request/body") for one in found if one.startswith("/request/body/")]
        return [one for one in found if not one.startswith("/request/")]


@cache
def fixture(vendor: str) -> Mapping[str, Any]:
    return dict(yaml.safe_load((FIXTURES / vendor / "exchanges.yaml").read_text(encoding="utf-8")))


@cache
def replay(vendor: str) -> Mapping[str, Any]:
    return dict(yaml.safe_load((FIXTURES / vendor / "replay.yaml").read_text(encoding="utf-8")))


@cache
def vendors() -> tuple[str, ...]:
    """Those whose documents' exchanges are kept beside a served vendor."""
    return tuple(sorted(path.parent.name for path in FIXTURES.glob("*/exchanges.yaml")))


@cache
def exchanges(vendor: str) -> Mapping[str, Exchange]:
    plans = replay(vendor)["exchanges"]
    return {
        one["name"]: Exchange(vendor, one["name"], one, plans.get(one["name"], {}))
        for one in fixture(vendor)["exchanges"]
    }


def every() -> Iterator[Exchange]:
    for vendor in vendors():
        yield from exchanges(vendor).values()


@dataclass(frozen=True)
class Filler:
    """What takes the place of the page's own values: those of a running stand-in and one of its callers."""

    exchange: Exchange
    told: Mapping[str, Any]  # the vendor's entry of GET /_mock/credentials
    caller: str

    @property
    def token(self) -> str:
        return self.headers["Authorization"].removeprefix("Bearer ")

    @property
    def headers(self) -> Mapping[str, str]:
        return dict(self.told["callers"][self.caller]["headers"])

    def value(self, wanted: Any) -> Any:
        """`$token`, `$base_url`, `$known.ROLE` or `$header.NAME`, also inside of others; anything else is itself."""
        if isinstance(wanted, dict):
            return {key: self.value(one) for key, one in wanted.items()}
        if isinstance(wanted, list):
            return [self.value(one) for one in wanted]
        if not isinstance(wanted, str) or not wanted.startswith("$") or wanted == NOTHING:
            return wanted
        kind, _, name = wanted[1:].partition(".")
        if kind == "known":
            return self.told["known"][name]
        if kind == "header":
            return self.headers[name]
        return {"token": self.token, "base_url": self.told["base_url"]}[kind]

    def names(self) -> dict[str, str]:
        """What the variables of the page's snippets hold."""
        wanted = {**replay(self.exchange.vendor).get("names", {}), **self.exchange.plan.get("names", {})}
        return {name: str(self.value(one)) for name, one in wanted.items()}

    def text(self, text: str) -> str:
        """A printed text with host, token and ids of the stand-in."""
        for printed, wanted in replay(self.exchange.vendor).get("texts", {}).items():
            text = text.replace(printed, str(self.value(wanted)))
        return text

    def node(self, node: Any) -> Any:
        """A node of a printed request, its `${variables}` filled too."""
        if isinstance(node, dict):
            return {key: self.node(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self.node(value) for value in node]
        if not isinstance(node, str):
            return node
        names = self.names()
        return re.sub(r"\$\{(?:process\.env\.)?([\w.]+)\}", lambda found: names[found[1]], self.text(node))

    def request(self, printed: str | None = None) -> dict[str, Any]:
        """The documented request, with other values for what cannot be sent; the pointer `printed` stays as it is.

        Shape: `method`, `path` (with its query), `headers`, and `body` or `form`.
        """
        request = copy.deepcopy(dict(self.exchange.request))
        query = dict(request.pop("query", None) or parse_qsl(urlsplit(request["path"]).query, keep_blank_values=True))
        request |= {"path": urlsplit(request["path"]).path, "query": query}
        request.setdefault("headers", {})
        for pointer, wanted in self.exchange.plan.get("send", {}).items():
            if pointer != printed:
                put(request, pointer, self.value(wanted))
        parts = ("method", "path", "query", "headers", "body", "form")
        request = self.node({key: request[key] for key in parts if key in request})
        query = request.pop("query")
        return request | {"path": f"{request['path']}?{urlencode(query)}" if query else request["path"]}


def put(node: Any, pointer: str, value: Any) -> None:
    """Set what a JSON pointer leads to, or take it out."""
    *way, last = (_word(part) for part in pointer.removeprefix("/").split("/"))
    for part in way:
        node = node[int(part) if isinstance(node, list) else part]
    key: Any = int(last) if isinstance(node, list) else last
    if value == NOTHING:
        del node[key]
    else:
        node[key] = value


def at(node: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; `_ABSENT` if it leads nowhere."""
    for part in pointer.removeprefix("/").split("/") if pointer != "/" else ():
        if isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and _word(part) in node:
            node = node[_word(part)]
        else:
            return _ABSENT
    return node


def is_there(node: Any, pointer: str) -> bool:
    return at(node, pointer) is not _ABSENT


def is_under(pointer: str, others: list[str]) -> bool:
    return any(pointer == one or pointer.startswith(f"{one}/") for one in others)


def differences(printed: Any, answered: Any, *, shapes: bool, nullable: frozenset[str] = frozenset()) -> dict[str, str]:
    """JSON pointer -> what is different there. With `shapes`, values are compared by their type only, null is right for
    a field named in `nullable`, and a list's first item stands for all, as does its pointer."""
    found: dict[str, str] = {}
    _compare(printed, answered, "", found, shapes, nullable)
    return found


def _compare(
    printed: Any, answered: Any, where: str, found: dict[str, str], shapes: bool, nullable: frozenset[str]
) -> None:
    if shapes and answered is None and any(where.endswith(f"/{name}") for name in nullable):
        return
    if isinstance(printed, dict) and isinstance(answered, dict):
        for key in printed | answered:
            place = f"{where}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key not in answered:
                found[place] = "is missing"
            elif key not in printed:
                found[place] = "is not documented"
            else:
                _compare(printed[key], answered[key], place, found, shapes, nullable)
    elif isinstance(printed, list) and isinstance(answered, list):
        for index in range(max(len(answered), 0 if shapes else len(printed))):
            place = f"{where}/{index}"
            if index >= len(answered):
                found[place] = "is missing"
            elif shapes and printed:
                _compare(printed[0], answered[index], f"{where}/0", found, shapes, nullable)
            elif not shapes and index >= len(printed):
                found[place] = "is not documented"
            elif not shapes:
                _compare(printed[index], answered[index], place, found, shapes, nullable)
    elif not (_has_form(printed, answered) if shapes else _is_same(printed, answered)):
        found[where] = f"is {answered!r}, and {printed!r} in the document"


def _is_same(printed: Any, answered: Any) -> bool:
    return type(printed) is type(answered) and printed == answered


def _has_form(printed: Any, answered: Any) -> bool:
    """Is the answered value of the printed type? A folded object stands for any."""
    if printed in FOLDED:
        return isinstance(answered, dict)
    if isinstance(printed, str) and isinstance(answered, str):
        return all(re.fullmatch(form, answered) for form in FORMS if re.fullmatch(form, printed))
    if isinstance(printed, int) and not isinstance(printed, bool):
        return isinstance(answered, int | float) and not isinstance(answered, bool)
    return type(printed) is type(answered)


def _word(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def differs(printed: Any, answered: Any, pointer: str) -> bool:
    """Is what stands there another thing than in the document? Nothing at all is another thing, too."""
    there, here = at(printed, pointer), at(answered, pointer)
    return (there is _ABSENT) != (here is _ABSENT) or not _is_same(there, here)
