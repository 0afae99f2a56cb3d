"""What a run brings to light: exchanges, findings, verdicts. Plain values; nothing here sends, judges or writes."""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from contracts.tenant import Answer

Severity: TypeAlias = Literal["error", "warning"]
State: TypeAlias = Literal["holds", "broken", "not judged"]

BINDING_GRADES = frozenset({"documented", "published"})

_VARIABLE = re.compile(r"[ ]\$[A-Z][A-Z0-9_]*$")
_UNTOLD_HEADERS = frozenset(
    ["accept", "accept-encoding", "connection", "content-length", "host", "user-agent", "x-schemathesis-testcaseid"]
)


class Broken(Exception):
    """A law or a rule was not kept: what was expected and what came instead."""

    def __init__(self, what: str, answer: "Answer | None" = None) -> None:
        super().__init__(what)
        self.what = what
        self.answer = answer


class Lacks(Broken):
    """A record does not show a field that was looked for. A tenant may leave some out: then nothing is judged by it."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(what)
        self.name = name


class Unjudgeable(Exception):
    """The run cannot come to a verdict: why, in one line."""


class NotJudged(Exception):
    """A rule cannot be judged on this target: why. `role` names the known id that is not there, where that is why."""

    def __init__(self, why: str, *, role: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.role = role


def needs_known(role: str, more: str = "") -> NotJudged:
    """What to raise where a known id is needed and not there; `more` tells of what kind it has to be."""
    return NotJudged(f"needs {role} among the known ids{more}", role=role)


def needs_caller(name: str) -> NotJudged:
    """What to raise where a caller is needed and not there."""
    return NotJudged(f"needs {'an' if name[0] in 'aeiou' else 'a'} {name} credential")


class Headers(Mapping[str, str]):
    """Header fields with lower-case names, looked up in any case; a repeated field is joined by commas."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            name = name.lower()
            self._fields[name] = f"{self._fields[name]}, {value}" if name in self._fields else value

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(self._fields)


def unmasked(text: str) -> str:
    """The mask of an exchange that bears no secret."""
    return text


@dataclass(frozen=True, eq=False)
class Exchange:
    """One request and its response, as they went over the wire; masked only where it is shown."""

    method: str
    url: str
    path: str
    request_headers: Headers
    request_body: bytes | None
    status: int
    headers: Headers
    body: bytes
    elapsed: float
    operation: str | None
    caller: str | None = None
    mask: Callable[[str], str] = field(default=unmasked, repr=False)

    def json(self) -> Any:
        """The parsed body; ValueError when it is not JSON."""
        return parsed(self.body)

    def curl(self) -> str:
        """The command that sends the request again. Secrets stand as shell variables, such as `$OWNER_TOKEN`."""
        parts = ["curl -i"]
        if self.method == "HEAD":
            parts.append("--head")
        elif self.method != "GET":
            parts.append(f"-X {shlex.quote(self.method)}")
        parts.append(shlex.quote(self.mask(self.url)))
        for name, value in self.request_headers.items():
            if name not in _UNTOLD_HEADERS:
                parts.append(f"-H {_quote(self.mask(f'{name}: {value}'))}")
        return self._with_body(parts)

    def _with_body(self, parts: list[str]) -> str:
        if not self.request_body:
            return " ".join(parts)
        try:
            text = self.request_body.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" not in text:
            return " ".join([*parts, f"--data-raw {shlex.quote(self.mask(text))}"])
        octets = "".join(f"\\{byte:03o}" for byte in self.request_body)
        return f"printf '{octets}' | " + " ".join([*parts, "--data-binary @-"])

    def shown(self) -> dict[str, Any]:
        """The exchange as reports write it, every secret masked."""
        return {
            "method": self.method,
            "url": self.mask(self.url),
            "operation": self.operation,
            "caller": self.caller,
            "request": {
                "headers": self._shown_headers(self.request_headers),
                "body": None if self.request_body is None else self.mask(_text(self.request_body)),
            },
            "response": {
                "status": self.status,
                "headers": self._shown_headers(self.headers),
                "body": self.mask(_text(self.body)),
            },
            "seconds": round(self.elapsed, 4),
        }

    def _shown_headers(self, headers: Headers) -> dict[str, str]:
        return {name: self.mask(f"{name}: {value}")[len(name) + 2 :] for name, value in headers.items()}


@dataclass(frozen=True)
class Known:
    """Why a finding does not count: somebody answers for it, through the day on which this expires."""

    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, eq=False)
class Finding:
    """The verdict that a rule or the document is broken, with its evidence. Equal keys are one finding."""

    title: str
    what: str
    suite: str
    key: str
    seed: int
    severity: Severity = "error"
    rule: str | None = None
    grade: str | None = None
    operation: str | None = None
    exchange: Exchange | None = None
    also: tuple[str, ...] = ()
    known: Known | None = None
    sequence: tuple[str, ...] = ()  # the commands that lead there, where one request does not show it

    @property
    def curl(self) -> str | None:
        """The command that shows it, where one exchange does."""
        return self.exchange.curl() if self.exchange else None


@dataclass(frozen=True)
class Verdict:
    """What became of one rule."""

    rule: str
    state: State
    why: str = ""
    exercised: int = 0
    crashed: bool = False


def severity(grade: str | None, *, strict: bool) -> Severity:
    """A mock keeps every rule; a tenant answers for the documented and published ones, and for its document."""
    return "error" if strict or grade is None or grade in BINDING_GRADES else "warning"


def parsed(body: bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """The JSON of a body; ValueError when it is none, or nested so deeply that nobody could look at it.

    `parse_constant` makes values of NaN and Infinity, as that of `json.loads`.
    """
    try:
        return json.loads(body, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def media_type(content_type: str | None) -> str:
    """What a Content-Type names, in small letters and without parameters; empty where there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def shorten(value: object, limit: int = 200) -> str:
    """A value as JSON, cut where it grows too long to read."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _quote(text: str) -> str:
    """Shell quotes that leave a variable of the mask alive."""
    if not _VARIABLE.search(text):
        return shlex.quote(text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`") + '"'


def _text(body: bytes) -> str:
    return body.decode(errors="backslashreplace")
