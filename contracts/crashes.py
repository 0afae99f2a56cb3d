"""What is told when the harness itself fails: one line without a secret. A person who looks for the bug gets more."""

import os
import sys
import traceback
from collections.abc import Callable

from contracts.findings import unmasked

DEBUG_VARIABLE = "PROOFBOARD_DEBUG"


def tell(error: BaseException, mask: Callable[[str], str] = unmasked) -> str:
    """The line to print. Where PROOFBOARD_DEBUG is set, the traceback goes to stderr, masked like everything else."""
    if os.environ.get(DEBUG_VARIABLE):
        sys.stderr.write(mask("".join(traceback.format_exception(error))))
        return f"the harness itself failed: {_first_line(error, mask)}"
    return f"the harness itself failed: {_first_line(error, mask)}; {DEBUG_VARIABLE}=1 shows more"


def _first_line(error: BaseException, mask: Callable[[str], str]) -> str:
    text = next(iter(str(error).splitlines()), "")
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return mask(f"{type(error).__name__}: {text}" if text else type(error).__name__) + place
