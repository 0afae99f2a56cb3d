"""How the processes of a session with `-n` get on: one folder in which they tell each other what they have seen.

On a mock the checks are spread over all processes. A tenant, and whatever has a budget, belongs to one process alone.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from contracts.findings import Unjudgeable
from contracts.pytest_suites.telling import Told

_DONE = "done"
_CLAIM = "claim"
_PAUSE = 0.05  # seconds


@dataclass(frozen=True)
class Evidence:
    """What was seen of the rules that schemas judge: how often a rule was reached, and what broke it."""

    reached: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)


class Shared:
    """The folder of a session, as one of its processes sees it. `is_spread`: all of them send."""

    def __init__(self, folder: Path, process: str, *, is_spread: bool) -> None:
        self.is_spread = is_spread
        self._folder = folder
        self._process = process
        self._published: object = None

    def claim(self, *, is_alone: bool) -> None:
        """Begin to send. Unjudgeable where one shall be alone and another was here: nobody knows what it has spent."""
        if not is_alone:
            return
        try:
            (self._folder / _CLAIM).touch(exist_ok=False)
        except FileExistsError:
            raise Unjudgeable(
                "another process of this session has spoken with the target, and what it has spent of the budget is "
                "not known here"
            ) from None

    def publish(self, reached: Mapping[str, int], told: Mapping[str, Told]) -> None:
        """Tell the others what this process has seen so far."""
        content = {"reached": dict(reached), "told": {rule: asdict(each) for rule, each in told.items()}}
        if (marks := (set(reached), set(told))) == self._published:
            return
        self._published = marks
        draft = self._folder / f".{self._process}.draft"
        draft.write_text(json.dumps(content))
        os.replace(draft, self._folder / f"{self._process}.json")

    def gather(self) -> Evidence:
        """What all processes have seen so far, this one included."""
        reached: Counter[str] = Counter()
        told: dict[str, Told] = {}
        for path in sorted(self._folder.glob("*.json")):
            content = json.loads(path.read_text())
            reached.update(content["reached"])
            told = {rule: Told(**each) for rule, each in content["told"].items()} | told
        return Evidence(reached, told)

    def wait(self) -> None:
        """Until nobody is to publish anything more."""
        while self._folder.exists() and not (self._folder / _DONE).exists():
            time.sleep(_PAUSE)

    def finish(self) -> None:
        """Nobody is to publish anything more."""
        if self._folder.exists():
            (self._folder / _DONE).touch()
