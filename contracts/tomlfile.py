"""Read one TOML file, so that what is wrong in it is told with file and line. What it means is not judged here."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mockserver.yamlfile import Mistake, SpecError, shown


@dataclass(frozen=True)
class TomlFile:
    """A file that was read: its name as a person reads it, its text, and what it holds."""

    file: str
    text: str
    content: dict[str, Any]


def read(path: Path) -> TomlFile:
    """Read a file; SpecError with the line where it is no TOML."""
    file = shown(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows begin with a mark
        return TomlFile(file, text, tomllib.loads(text))
    except OSError as error:
        raise SpecError([Mistake(file, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise SpecError([Mistake(file, error.object[: error.start].count(b"\n") + 1, "is not UTF-8 text")]) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        message = f"is not TOML: {re.sub(r' [(]at .*', '', str(error))}"
        raise SpecError([Mistake(file, int(line[1]) if line else text.count("\n") + 1, message)]) from None
