"""Files that are written whole or not at all."""

import os
from pathlib import Path


def put(path: Path, content: bytes) -> Path:
    """Make a file, or put it in the place of the one there; OSError when it cannot be done."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)  # still there only where it could not take its place
    return path
