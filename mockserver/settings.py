"""One table of settings: name, default, environment variable, help. Options, their help and the docs derive from it.

Reading is pure: what an option or a variable says comes in as text, and all that makes no sense is told at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.engine.chance import EARLIEST, LATEST


@dataclass(frozen=True)
class Settings:
    """How the stand-in runs; `vendors` empty means all that ship, `records` None what seed.yaml says."""

    host: str = "127.0.0.1"
    port: int = 4010
    seed: int = 1
    records: int | None = None
    state: str = "memory"
    workers: int = 1
    clock: str = "real"
    limits: str = "documented"
    switches: tuple[tuple[str, str, str], ...] | None = None  # vendor, switch, value
    defect: tuple[str, ...] | None = None  # NAME, or VENDOR.NAME
    control_token: str | None = field(default=None, repr=False)
    vendors: tuple[str, ...] = ()

    def switches_of(self, vendor: str) -> dict[str, str]:
        """How the switches of a vendor stand in a fresh world, where they were turned."""
        return {name: value for owner, name, value in self.switches or () if owner == vendor}

    def defects_of(self, vendor: str) -> tuple[str, ...]:
        """The names that may be of defects of a vendor: those that name another one are left out."""
        parts = [one.rpartition(".") for one in self.defect or ()]
        return tuple(dict.fromkeys(name for owner, _, name in parts if owner in ("", vendor)))


class SettingsError(Exception):
    """Settings that make no sense; bears one sentence for each."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(mistakes))


class Setting(NamedTuple):
    """One row of the table. `parse` turns text into the value, or raises ValueError with what was expected."""

    name: str
    default: str | int | None
    variable: str
    metavar: str
    help: str
    parse: Callable[[str], Any]
    is_secret: bool = False
    is_repeated: bool = False  # the option may be given several times; its values are joined by commas

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")


def read(given: Mapping[str, str | None], environ: Mapping[str, str], *, vendors: tuple[str, ...] = ()) -> Settings:
    """The settings from options, then variables, then defaults. An empty variable counts as not set.

    Raises SettingsError with every mistake.
    """
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for setting in TABLE:
        text, origin = given.get(setting.name), f"the option {setting.option}"
        if text is None:
            text, origin = environ.get(setting.variable) or None, f"the variable {setting.variable}"
        if text is None:
            continue
        try:
            values[setting.name] = setting.parse(text)
        except ValueError as error:
            value = "***" if setting.is_secret else repr(text)
            mistakes.append(f"{setting.name} is {value} (from {origin}); expected {error}")
    mistakes.extend(_misspelt(environ))
    if mistakes:
        raise SettingsError(tuple(mistakes))
    return Settings(**values, vendors=vendors)


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    """Variables that are nearly one of ours, which would otherwise do nothing without a word."""
    known = [setting.variable for setting in TABLE]
    suspects = [name for name in environ if name.startswith("PROOFBOARD_") and name not in known]
    near = {name: get_close_matches(name, known, n=1, cutoff=0.85) for name in suspects}
    return [f"there is no variable {name}; did you mean {found[0]}?" for name, found in near.items() if found]


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", text):
        raise ValueError("an address or the name of a host, such as 127.0.0.1 or 0.0.0.0")
    return text


def _whole(least: int, most: int, example: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text.strip(), re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}{example}")
        return int(text)

    return parse


def _state(text: str) -> str:
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)
    if scheme and scheme[1].startswith("postgres"):
        raise ValueError("memory or a FILE; state in PostgreSQL is not offered yet")
    if scheme:
        raise ValueError("memory or the path of a FILE, without a scheme")
    path = Path(text)
    if text != "memory" and path.is_dir():
        raise ValueError("memory or a FILE; this is a folder")
    if text != "memory" and not path.absolute().parent.is_dir():
        raise ValueError(f"memory or a FILE in a folder that exists; there is no {path.absolute().parent}")
    return text


def _switches(text: str) -> tuple[tuple[str, str, str], ...]:
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([a-z][a-z0-9_-]*)\.([a-z_]+)=([A-Za-z0-9_]+)\s*", part)
        if match is None:
            raise ValueError("VENDOR.SWITCH=VALUE, several with commas between, such as acme.cache=off")
        found.append((match[1], match[2], match[3]))
    return tuple(found)


def _defects(text: str) -> tuple[str, ...]:
    names = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"([a-z][a-z0-9_-]*\.)?[a-z0-9]+(-[a-z0-9]+)*", name) for name in names):
        raise ValueError("NAME or VENDOR.NAME, several with commas between; `proofboard defects` lists them")
    return tuple(dict.fromkeys(names))


def _workers(text: str) -> int:
    if text.strip() != "1":
        raise ValueError("1; several processes need a state that they share, which is not offered yet")
    return 1


def _clock(text: str) -> str:
    if text == "real":
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("real, or a time such as 2026-03-02T09:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EARLIEST <= moment.timestamp() <= LATEST:
        raise ValueError("real, or a time from 1970 to 9998")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _limits(text: str) -> str:
    if text not in ("documented", "off"):
        raise ValueError("documented or off")
    return text


def _token(text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("printable ASCII characters without spaces")
    return text


_DEFAULTS = Settings()


def _setting(name: str, metavar: str, parse: Callable[[str], Any], text: str, **flags: bool) -> Setting:
    default = getattr(_DEFAULTS, name)
    return Setting(name, default, f"PROOFBOARD_{name.upper()}", metavar, text, parse, **flags)


TABLE: tuple[Setting, ...] = (
    _setting("host", "ADDRESS", _host, "Address to listen on; 0.0.0.0 lets other machines in."),
    _setting("port", "N", _whole(0, 65535, "; 0 takes any free one"), "Port to listen on; 0 takes any free one."),
    _setting("seed", "N", _whole(0, 999_999_999_999, ""), "What all generated ids and records follow from."),
    _setting(
        "records", "N", _whole(1, 10_000_000, ""), "How many main records a fresh world has, else what seed.yaml says."
    ),
    _setting("state", "FILE", _state, "Where records are kept: memory, or a file that outlives the process."),
    _setting("workers", "N", _workers, "Server processes. Only 1 for now."),
    _setting("clock", "TIME", _clock, "real, or a time such as 2026-03-02T09:00:00Z at which the clock stands still."),
    _setting("limits", "WORD", _limits, "documented: quotas and capacities count. off: they do not."),
    _setting(
        "switches",
        "WORDS",
        _switches,
        "VENDOR.SWITCH=VALUE, several with commas between: where a vendor may be the one or the other.",
    ),
    _setting(
        "defect",
        "NAMES",
        _defects,
        "What shall go wrong: NAME or VENDOR.NAME of `proofboard defects`, several with commas between.",
        is_repeated=True,
    ),
    _setting(
        "control_token",
        "TOKEN",
        _token,
        "Asked as a bearer token under /_mock; unset, anybody may steer.",
        is_secret=True,
    ),
)
