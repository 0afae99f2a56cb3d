"""The requests that a world has received and the deliveries that it has made, as a test asserts on them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack, overload
from urllib.parse import parse_qsl, unquote

import httpx

from mockserver.engine.messages import Exchange, Headers
from mockserver.testing.lookup import unknown
from mockserver.vendor import Vendor

ANY: Any = object()
_OURS = b"x-mock-world"


@dataclass(frozen=True)
class Entry:
    """One request that the world has received, and what was answered.

    `path` begins below the base URL and is decoded; `query` has the last of values that come several times; `caller` is
    who called, None where that is nobody of `callers`; `rule` is the ledger's id behind a refusal.
    """

    number: int
    at: datetime
    method: str
    path: str
    status: int
    operation: str | None
    caller: str | None
    rule: str | None
    query: Mapping[str, str] = field(repr=False)
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)
    answer_headers: httpx.Headers = field(repr=False)
    answer_content: bytes = field(repr=False)

    def json(self) -> Any:
        """The body that was sent. Raises ValueError where it is no JSON."""
        return json.loads(self.content)

    def answer(self) -> Any:
        """The body that was answered: JSON where it is, else text."""
        text = self.answer_content.decode("utf-8", "replace")
        try:
            return json.loads(text)
        except ValueError:
            return text

    def __str__(self) -> str:
        query = f"?{'&'.join(f'{name}={value}' for name, value in self.query.items())}" if self.query else ""
        told = f"{self.number:>3}. {self.method} {self.path}{query}  {self.status}  by {self.caller or 'nobody known'}"
        return told + (f"  ({self.rule})" if self.rule else "")


class Like(TypedDict, total=False):
    """What requests may be like besides: `caller=None` are those of nobody known."""

    operation: str | None
    status: int | None
    caller: str | None


class Journal(Sequence[Entry]):
    """The latest 1000 requests of a world, oldest first; what a test arranges is not among them.

    `calls`, `only` and `none` take what the requests are like: the method, the path below the base URL (a template of
    the document such as `/tasks/{id}` and `*` fit too), `operation` (its operationId), `status` and `caller`.
    """

    def __init__(
        self, vendor: Vendor, read: Callable[[], Sequence[Exchange]], clear: Callable[[], None], who: "Who"
    ) -> None:
        self._vendor = vendor
        self._read = read
        self._clear = clear
        self._who = who

    def calls(self, method: str | None = None, path: str | None = None, **like: Unpack[Like]) -> list[Entry]:
        """The requests that are like this, oldest first; all of them where nothing is said."""
        __tracebackhide__ = True
        wanted = self._wanted(method, path, **like)
        return [entry for entry in self._entries() if wanted(entry)]

    def only(self, method: str | None = None, path: str | None = None, **like: Unpack[Like]) -> Entry:
        """The one request that is like this. AssertionError where there is none, or more than one."""
        __tracebackhide__ = True
        found = self.calls(method, path, **like)
        if len(found) != 1:
            raise AssertionError(f"wanted one request{_told(method, path, like)}, and there are {len(found)}. {self}")
        return found[0]

    def none(self, method: str | None = None, path: str | None = None, **like: Unpack[Like]) -> None:
        """AssertionError where a request is like this."""
        __tracebackhide__ = True
        if found := self.calls(method, path, **like):
            raise AssertionError(f"wanted no request{_told(method, path, like)}, and there are {len(found)}. {self}")

    def clear(self) -> None:
        """Forget the requests up to here; the world stays as it is."""
        self._entries()  # tokens that were handed out are remembered
        self._clear()

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...

    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return self._entries()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries())

    def __str__(self) -> str:
        return _listed(self._entries())

    __repr__ = __str__

    def _wanted(
        self,
        method: str | None,
        path: str | None,
        *,
        operation: str | None = None,
        status: int | None = None,
        caller: str | None = ANY,
    ) -> Callable[[Entry], bool]:
        __tracebackhide__ = True
        if operation is not None and operation not in self._vendor.operations:
            raise unknown("operation", operation, self._vendor.operations)
        if caller is not ANY and caller is not None and caller not in self._vendor.callers:
            raise unknown("caller", caller, self._vendor.callers)
        pattern = _pattern(path.removeprefix(self._vendor.mount)) if path is not None else None
        return lambda entry: (
            (method is None or entry.method == method.upper())
            and (pattern is None or pattern.fullmatch(entry.path) is not None)
            and operation in (None, entry.operation)
            and status in (None, entry.status)
            and (caller is ANY or caller == entry.caller)
        )

    def _entries(self) -> list[Entry]:
        mount, who = self._vendor.mount, self._who
        return [_entry(number, one, mount, who) for number, one in enumerate(self._read(), 1)]


class Who:
    """Knows a caller by the headers of a request: those of the seed, and tokens that were handed out."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._login = vendor.behaviour["credentials"].get("login")
        self._known: list[tuple[str, frozenset[tuple[str, str]]]] = []
        self._tokens: dict[str, str] = {}
        if not vendor.mints:
            for caller in vendor.callers.values():
                self.note(caller.name, caller.headers)

    def note(self, caller: str, headers: Mapping[str, str]) -> None:
        """These headers make one this caller."""
        known = (caller, _set(headers.items()))
        if known[1] and known not in self._known:
            self._known.append(known)

    def of(self, exchange: Exchange) -> str | None:
        """The caller of a request; a login is its own caller's, and the token that it answers is remembered."""
        if self._login is not None and exchange.operation == self._login["operation"]:
            return self._logged_in(exchange)
        sent = _set(_texts(exchange.request.headers))
        fitting = [(len(headers), name) for name, headers in self._known if headers <= sent]
        if fitting:
            return max(fitting, key=lambda one: one[0])[1]
        return next((self._tokens[value] for _, text in sent if (value := text.split(" ")[-1]) in self._tokens), None)

    def _logged_in(self, exchange: Exchange) -> str | None:
        try:
            sent = json.loads(exchange.request.body)
        except ValueError:
            return None
        callers = (one for one in self._vendor.callers.values() if one.login and dict(one.login) == sent)
        caller = next((one.name for one in callers), None)
        if caller is not None and exchange.response.status < 300:
            for token in _values(json.loads(exchange.response.body), self._login["token"]):
                self._tokens[str(token)] = caller
        return caller


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one subscription; `state` is waiting, delivered or dropped, `status` that of the answer.

    `headers` and `payload` are what is sent, signature included, whether or not anybody listens.
    """

    number: int
    event: str
    resource: str
    id: Any
    url: str
    state: str
    tries: int
    status: int | None
    problem: str | None
    headers: Mapping[str, str] = field(repr=False)
    payload: str = field(repr=False)

    def json(self) -> Any:
        """The payload, read."""
        return json.loads(self.payload)


def delivery(shown: Mapping[str, Any]) -> Delivery:
    """A delivery as the control plane shows it."""
    return Delivery(**{name: shown[name] for name in Delivery.__dataclass_fields__})


def _entry(number: int, exchange: Exchange, mount: str, who: Who) -> Entry:
    request, response = exchange.request, exchange.response
    return Entry(
        number,
        datetime.fromtimestamp(exchange.at, UTC),
        request.method,
        request.path.removeprefix(mount),
        response.status,
        exchange.operation,
        who.of(exchange),
        response.rule,
        dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)),
        httpx.Headers([one for one in request.headers if one[0] != _OURS]),
        request.body,
        httpx.Headers(response.headers),
        response.body,
    )


def _pattern(path: str) -> re.Pattern[str]:
    """What fits a path: itself, a template's segments each any, `*` anything."""
    parts = re.split(r"(\*|\{[^{}/]*\})", unquote(path))
    fits = (".*" if part == "*" else "[^/]+" if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile("".join(fits), re.DOTALL)


def _told(method: str | None, path: str | None, like: Like) -> str:
    words = [word for word in (method and method.upper(), path) if word]
    words += [f"{name}={value!r}" for name, value in like.items() if value is not ANY and (value or name == "caller")]
    return " " + " ".join(words) if words else ""


def _listed(entries: Sequence[Entry]) -> str:
    if not entries:
        return "The world has received no request."
    return "\n".join(["The world has received:", *map(str, entries)])


def _texts(headers: Headers) -> Iterator[tuple[str, str]]:
    return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _set(headers: Any) -> frozenset[tuple[str, str]]:
    return frozenset((name.lower(), value) for name, value in headers)


def _values(value: Any, name: str) -> Iterator[Any]:
    """The values of all members of that name, however deep."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from [below] if key == name else _values(below, name)
