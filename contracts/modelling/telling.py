"""How a failing sequence is told: as commands that send it again, in their order, with new ids in shell variables."""

import re
import shlex
from collections.abc import Iterator
from datetime import datetime

from contracts.envelopes import path_to_record
from contracts.findings import Exchange
from contracts.laws.terms import key_of
from contracts.modelling.played import Played, Scene
from contracts.modelling.steps import names_in
from contracts.safety.guard import WORLD_HEADER
from contracts.target import TOKEN_VARIABLE, Target
from mockserver.vendor import Operation, Vendor

_SHORT = 6  # characters; what is shorter may stand for something else as well


def commands(target: Target, played: Played, *, now: datetime) -> tuple[str, ...]:
    """The lines of a shell, the last of which shows the difference. In a world of its own they begin with its reset."""
    first = next(played.exchanges)
    world = first.request_headers.get(WORLD_HEADER) if target.is_mock else None
    return tuple(_Lines(target, world).of(played, now))


class _Lines:
    def __init__(self, target: Target, world: str | None) -> None:
        self._target, self._world = target, world
        self._variables: dict[str, str] = {}  # id -> name

    def of(self, played: Played, now: datetime) -> Iterator[str]:
        if self._world is not None and self._target.control is not None:
            yield self._control("reset", None)
            yield self._control("clock", f'{{"freeze": true, "set": "{now.strftime("%Y-%m-%dT%H:%M:%SZ")}"}}')
        scenes = [scene for scene in played.scenes if scene.exchanges]
        for scene in scenes:
            if scene.step.seconds and self._world is not None:
                yield self._control("clock", f'{{"advance": {scene.step.seconds}}}')
            for exchange in scene.exchanges:
                is_last = scene is scenes[-1] and exchange is scene.exchanges[-1]
                yield self._line(scene, exchange, is_last=is_last)

    def _control(self, word: str, body: str | None) -> str:
        assert self._target.control is not None
        parts = [f"curl -s -X POST {self._target.control.address}/{word} -H 'X-Mock-World: {self._world}'"]
        if self._target.control.has_token:
            parts.append(f'-H "Authorization: Bearer ${TOKEN_VARIABLE}"')
        if body is not None:
            parts.append(f"-H 'Content-Type: application/json' -d {shlex.quote(body)}")
        return " ".join(parts)

    def _line(self, scene: Scene, exchange: Exchange, *, is_last: bool) -> str:
        line = self._with_variables(scene, exchange.curl())
        if scene.made is None or is_last or exchange is not scene.exchanges[0]:
            return line
        name, identity = scene.made
        variable = f"{re.sub(r'[^A-Z0-9]', '_', name.resource.upper())}_{int(name.place) + 1}"
        self._variables[identity] = variable
        keys = _place_of_id(self._target.vendor, self._target.vendor.operations[scene.step.operation])
        program = f"import json, sys; print(json.load(sys.stdin){''.join(f'[{key!r}]' for key in keys)})"
        program = program.replace("'", '"')
        return f"{variable}=$({line.replace('curl -i', 'curl -s', 1)} | python3 -c '{program}')"

    def _with_variables(self, scene: Scene, line: str) -> str:
        """A command in which variables stand for the ids of records that earlier ones have made."""
        spoken = {name for name in names_in([scene.step.path, scene.step.fields, scene.step.query])}
        for identity, variable in self._variables.items():
            if len(identity) >= _SHORT or spoken:
                line = _replaced(line, identity, variable)
        return line


def _replaced(line: str, identity: str, variable: str) -> str:
    """Quotes are closed where a variable has to be seen by the shell."""
    found, is_quoted, place = "", False, 0
    pattern = re.compile(rf"(?<![\w-]){re.escape(identity)}(?![\w-])")
    for match in pattern.finditer(line):
        before = line[place : match.start()]
        is_quoted ^= before.count("'") % 2 == 1
        found += before + (f"'\"${variable}\"'" if is_quoted else f'"${variable}"')
        place = match.end()
    return found + line[place:]


def _place_of_id(vendor: Vendor, operation: Operation) -> list[str | int]:
    envelope = operation.table.get("envelope")
    if isinstance(envelope, dict) and "by_id" in envelope:
        return ["results", 0, "id"]
    return [*path_to_record(envelope), key_of(vendor, operation.table["resource"])]
