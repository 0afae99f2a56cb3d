"""Read a tenant.toml: where the tenant is, who may call it, which records may be used, what a run may spend.

Every mistake is told at once, with file and line. `${NAME}` is read from the environment.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contracts import tomlfile
from mockserver.yamlfile import Mistake, SpecError

_KEYS = {
    "base_url": "a URL",
    "credentials": "a table of callers",
    "known": "a table of ids",
    "budget": "a table of limits",
}
_LIMITS = ("requests", "writes", "per_minute")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE_VARIABLE = re.compile(r"(?:^|\s)\$([A-Z_][A-Z0-9_]{2,})$")  # as a shell would take it; a password may hold a $
_OF_EACH_REQUEST = frozenset({"content-length", "transfer-encoding", "connection", "content-type"})
_KINDS = {bool: "a truth value", int: "a number", float: "a number", str: "a text", list: "a list"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class TenantFile:
    """What a tenant.toml says of one vendor."""

    base_url: str
    callers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    logins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    requests: int | None = None
    writes: int | None = None
    per_minute: int | None = None


def read(
    path: Path,
    vendor: str,
    roles: frozenset[str],
    vendors: frozenset[str],
    callers: frozenset[str] = frozenset(),
) -> TenantFile:
    """The section of one vendor. SpecError bears every mistake, and no secret.

    `roles` are the known ids that the vendor speaks of, `callers` the names that its rules ask for; any, if empty.
    """
    source = tomlfile.read(path)
    reader = _Reader(source.file, source.text, callers)
    found = reader.vendor(source.content, vendor, roles, vendors)
    if reader.mistakes or found is None:
        raise SpecError(reader.mistakes)
    return found


class _Reader:
    """Walks the parsed file and keeps what is wrong in it."""

    def __init__(self, file: str, text: str, callers: frozenset[str]) -> None:
        self.mistakes: list[Mistake] = []
        self._names = callers
        self._file = file
        self._lines: dict[tuple[str, ...], int] = {}
        for keys, line in _places(text):
            self._lines.setdefault(keys, line)

    def refuse(self, keys: tuple[str, ...], message: str) -> None:
        line = next((self._lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self._lines), 1)
        self.mistakes.append(Mistake(self._file, line, message))

    def vendor(
        self, content: Mapping[str, Any], name: str, roles: frozenset[str], vendors: frozenset[str]
    ) -> TenantFile | None:
        self._known_keys((), content, sorted(vendors | {name}))
        section = content.get(name)
        if not isinstance(section, Mapping):
            said = "it is no table" if name in content else "it is missing"
            self.refuse((name,), f"expected a table [{name}] with base_url and credentials; {said}")
            return None
        self._known_keys((name,), section, list(_KEYS))
        budget = self._budget((name, "budget"), section)
        return TenantFile(
            base_url=self._base_url((name, "base_url"), section),
            callers=self._callers((name, "credentials"), section),
            logins=self._logins((name, "credentials"), section),
            known=self._known((name, "known"), section, roles),
            **budget,
        )

    def _known_keys(self, place: tuple[str, ...], table: Mapping[str, Any], allowed: list[str]) -> None:
        for key in table:
            if key not in allowed:
                guess = get_close_matches(key, allowed, n=1)
                hint = f"did you mean {guess[0]}?" if guess else f"expected one of {', '.join(allowed)}"
                self.refuse((*place, key), f"unknown key {'.'.join((*place, key))}: {hint}")

    def _base_url(self, place: tuple[str, ...], section: Mapping[str, Any]) -> str:
        if "base_url" not in section:
            self.refuse(place, f"{'.'.join(place)} is missing: expected the URL before the documented paths")
            return ""
        url = self._text(place, section["base_url"])
        trouble = find_url_trouble(url) if url else None
        if trouble:
            self.refuse(place, f"{'.'.join(place)} is {hide_password(url)!r}: {trouble}")
        return url.rstrip("/")

    def _callers(self, place: tuple[str, ...], section: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        callers: dict[str, dict[str, str]] = {}
        table = self._table(place, section.get("credentials", {}))
        if self._names:
            self._known_keys(place, table, sorted(self._names))
        for name, entry in table.items():
            entry = self._table((*place, name), entry)
            self._known_keys((*place, name), entry, ["headers", "login"])
            headers = self._table((*place, name, "headers"), entry.get("headers", {}))
            if entry.get("headers", {}) == {} and "login" not in entry:
                self.refuse((*place, name), f'{".".join((*place, name))}: expected headers = {{ NAME = "VALUE" }}')
            callers[name] = {
                header: self._header((*place, name, "headers", header), value) for header, value in headers.items()
            }
            lowered = [header.lower() for header in headers]
            for header in headers:
                if lowered.count(header.lower()) > 1:
                    self.refuse((*place, name, "headers", header), f"{header} is given twice: case does not matter")
        if "owner" not in callers:
            self.refuse(place, f"{'.'.join(place)}.owner is missing: every run needs the owner's headers")
        return callers

    def _logins(self, place: tuple[str, ...], section: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """What callers send who get their token by a login."""
        logins = {}
        for name, entry in self._table(place, section.get("credentials", {})).items():
            if isinstance(entry, Mapping) and "login" in entry:
                fields = self._table((*place, name, "login"), entry["login"])
                logins[name] = {
                    field: self._text((*place, name, "login", field), value) for field, value in fields.items()
                }
        return logins

    def _header(self, place: tuple[str, ...], value: Any) -> str:
        if not _HEADER_NAME.fullmatch(place[-1]):
            self.refuse(place, f"{place[-1]!r} cannot be the name of a header")
        if place[-1].lower() in _OF_EACH_REQUEST:
            self.refuse(place, f"{'.'.join(place)}: each request has its own {place[-1]}")
        text = self._text(place, value)
        if not text.isprintable() or not text.isascii() or text != text.strip():
            self.refuse(place, f"{'.'.join(place)}: a header's value is printable ASCII without blanks around it")
        return text

    def _known(self, place: tuple[str, ...], section: Mapping[str, Any], roles: frozenset[str]) -> dict[str, str]:
        table = self._table(place, section.get("known", {}))
        self._known_keys(place, table, sorted(roles))
        known: dict[str, str] = {}
        for role, value in table.items():
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            known[role] = self._text((*place, role), value)
            if known[role] != known[role].strip():
                self.refuse((*place, role), f"{'.'.join((*place, role))} has blanks around it")
        return known

    def _budget(self, place: tuple[str, ...], section: Mapping[str, Any]) -> dict[str, int]:
        table = self._table(place, section.get("budget", {}))
        self._known_keys(place, table, list(_LIMITS))
        limits: dict[str, int] = {}
        for key in _LIMITS:
            value = table.get(key)
            least = 1 if key == "per_minute" else 0
            if isinstance(value, int) and not isinstance(value, bool) and value >= least:
                limits[key] = value
            elif value is not None:
                self.refuse(
                    (*place, key), f"{'.'.join((*place, key))} is {value!r}: expected a whole number, {least} or more"
                )
        return limits

    def _table(self, place: tuple[str, ...], value: Any) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        self.refuse(place, f"{'.'.join(place)} is {_kind(value)}: expected a table")
        return {}

    def _text(self, place: tuple[str, ...], value: Any) -> str:
        if not isinstance(value, str) or not value:
            self.refuse(place, f"{'.'.join(place)} is {_kind(value)}: expected a text that is not empty")
            return ""
        if bare := _BARE_VARIABLE.search(value):
            self.refuse(place, f"{'.'.join(place)}: expected ${{{bare[1]}}}, with braces, to read the environment")
        return _VARIABLE.sub(lambda match: self._variable(place, match[1]), value)

    def _variable(self, place: tuple[str, ...], name: str) -> str:
        value = os.environ.get(name)
        if not _VARIABLE_NAME.fullmatch(name):
            self.refuse(place, f"{'.'.join(place)}: expected the name of a variable in ${{}}, such as ${{API_TOKEN}}")
            return "unset"
        if not value:
            said = "is empty" if name in os.environ else "is not set"
            self.refuse(place, f"{'.'.join(place)}: the environment variable {name} {said}")
            return "unset"
        return value


def _kind(value: Any) -> str:
    """What a value is, without telling it: it may be a secret in the wrong place."""
    if value == "":
        return "empty"
    return _KINDS.get(type(value), "a table" if isinstance(value, Mapping) else "a date or time")


def hide_password(url: str) -> str:
    """The URL without what stands before its host."""
    return re.sub(r"//[^/@]*@", "//", url)


def find_url_trouble(url: str) -> str | None:
    """What keeps a text from being the base URL of a target; None when it is fit."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"this is no URL: {error}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "expected a URL that begins with http:// or https:// and names a host"
    if parts.query or parts.fragment:
        return "expected a URL without query and fragment"
    if parts.username or parts.password:
        return "expected no user name or password in the URL; put headers into credentials"
    if any(character.isspace() for character in url) or port == 0:
        return "expected a URL without blanks and with a real port"
    return None


def find_clear_text(url: str) -> str | None:
    """A warning for tokens that others on the way can read; None for https and this very machine."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return None
    try:
        if ip_address(host).is_loopback:
            return None
    except ValueError:  # a name
        pass
    return "base_url begins with http://: tokens travel in the clear; is it https://?"


def _places(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Where each table and key of the file stands. Keys inside an inline table stand where the table does."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if match := re.match(r"\[\[?([^\[\]]+)\]\]?", line):
            table = _parts(match[1])
            for length in range(1, len(table) + 1):
                yield table[:length], number
        elif match := re.match(r"""((?:"[^"]*"|'[^']*'|[A-Za-z0-9_.-]+|\s*\.\s*)+?)\s*=""", line):
            keys = table + _parts(match[1])
            for length in range(len(table) + 1, len(keys) + 1):
                yield keys[:length], number


def _parts(dotted: str) -> tuple[str, ...]:
    found = re.findall(r'"([^"]*)"|\'([^\']*)\'|([A-Za-z0-9_-]+)', dotted)
    return tuple(next(part for part in parts if part) if any(parts) else "" for parts in found)
