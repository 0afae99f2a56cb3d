"""Makes a failing sequence shorter, step by step and field by field, as long as it fails in the same way.

Hypothesis has shrunk it before, as far as its tries went. What is left here is few and known, so each try tells much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from contracts.envelopes import ABSENT
from contracts.modelling.played import Differs, Played, Scene
from contracts.modelling.steps import Name, Step, names_in


class Player(Protocol):
    """Plays steps on a target, and raises Differs where it parts from its model."""

    @property
    def played(self) -> Played: ...

    def begin(self) -> None: ...

    def play(self, step: Step) -> None: ...


def replay(player: Player, steps: list[Step]) -> Played:
    """The same steps once more, up to where they differ."""
    player.begin()
    try:
        for step in steps:
            player.play(step)
    except Differs as differs:
        player.played.difference = differs.difference
    return player.played


def trim(player: Player, played: Played, tries: int) -> Played:
    """The shortest sequence that was found to fail in the same way."""
    best, left = _without_empty(played), tries
    for shorten in (_fewer_steps, _smaller_steps):
        place = 0
        while left > 0:
            candidates = list(shorten(best))
            if place >= len(candidates):
                break
            left -= 1
            found = replay(player, candidates[place])
            if _key(found) == _key(best):
                best = _without_empty(found)
            else:
                place += 1
    return best


def _key(played: Played) -> str | None:
    return played.difference.key if played.difference is not None else None


def _without_empty(played: Played) -> Played:
    return Played([scene for scene in played.scenes if scene.exchanges], played.difference)


def _fewer_steps(played: Played) -> Iterator[list[Step]]:
    """All but one, the late ones first; what spoke of a record that one made goes with it."""
    for number in reversed(range(len(played.scenes) - 1)):
        yield _without(played.scenes, number)


def _without(scenes: list[Scene], number: int) -> list[Step]:
    steps = [scene.step for place, scene in enumerate(scenes) if place != number]
    made = scenes[number].made
    if made is None:
        return steps
    gone = made[0]
    return [_renumbered(step, gone) for step in steps if gone not in _bare(step)]


def _bare(step: Step) -> list[Name]:
    return [replace(name, field=None) for name in names_in([step.path, step.fields, step.query])]


def _renumbered(step: Step, gone: Name) -> Step:
    def renumber(node: Any) -> Any:
        if isinstance(node, Name):
            is_later = node.kind == "made" and node.resource == gone.resource and int(node.place) > int(gone.place)
            return replace(node, place=int(node.place) - 1) if is_later else node
        if isinstance(node, Mapping):
            return {key: renumber(value) for key, value in node.items()}
        if isinstance(node, list):
            return [renumber(value) for value in node]
        return tuple(renumber(value) for value in node) if isinstance(node, tuple) else node

    return replace(step, path=renumber(step.path), fields=renumber(step.fields), query=renumber(step.query))


def _smaller_steps(played: Played) -> Iterator[list[Step]]:
    """The same steps, one of them with a field, a part of its query, its pause or its pages less."""
    steps = [scene.step for scene in played.scenes]
    for number, step in enumerate(steps):
        for smaller in _smaller(step):
            yield [*steps[:number], smaller, *steps[number + 1 :]]


def _smaller(step: Step) -> Iterator[Step]:
    if step.seconds:
        yield replace(step, seconds=0)
    if step.pages > 1:
        yield replace(step, pages=1)
    if step.caller != "owner":
        yield replace(step, caller="owner")
    for place in range(len(step.query)):
        yield replace(step, query=step.query[:place] + step.query[place + 1 :])
    if step.fields is not ABSENT and isinstance(step.fields, Mapping):
        for name in step.fields:
            yield replace(step, fields={key: value for key, value in step.fields.items() if key != name})
