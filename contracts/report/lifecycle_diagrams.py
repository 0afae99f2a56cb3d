"""A lifecycle drawn: states on an ellipse, an arrow for each transition that is allowed or was taken nevertheless."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

_WIDTH, _HEIGHT = 460, 340
_BOX_HEIGHT = 26
_LETTER = 7.6  # width of one, about
_BEND = 0.16  # how far an arrow swings out, as a share of its length
_LOOP = 34
_MARKS = ("walked", "refused", "broken", "not-tried")


@dataclass(frozen=True)
class _Box:
    """A state: the middle of its box, and half of its width and height."""

    x: float
    y: float
    half_width: float
    half_height: float = _BOX_HEIGHT / 2

    def edge(self, x: float, y: float, gap: float) -> tuple[float, float]:
        """Where a line from the middle towards a point leaves the box, and a gap further."""
        dx, dy = x - self.x, y - self.y
        length = math.hypot(dx, dy) or 1.0
        scale = min(
            (self.half_width / abs(dx)) if dx else math.inf,
            (self.half_height / abs(dy)) if dy else math.inf,
        )
        reach = scale + gap / length
        return self.x + dx * reach, self.y + dy * reach


def draw(lifecycle: Mapping[str, Any], name: str) -> Markup:
    """One entry of `lifecycles` as inline SVG. `name` keeps its ids apart from those of other diagrams."""
    states = [each["state"] for each in lifecycle["states"]]
    boxes = dict(zip(states, _places(states), strict=True))
    label = f"{lifecycle['walked']} of {lifecycle['allowed']} allowed transitions of {lifecycle['name']} were taken"
    drawn = [each for each in lifecycle["transitions"] if each["allowed"] or each["outcome"] == "broken"]
    # What was seen lies above what was not, and what is broken above all.
    drawn.sort(key=lambda each: ("not tried", "refused", "walked", "broken").index(each["outcome"]))
    parts = [
        Markup('<svg class="lifecycle" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(_WIDTH, _HEIGHT, label),
        *_markers(name),
        *(_arrow(each, boxes, name) for each in drawn),
        *(_state(boxes[each["state"]], each) for each in lifecycle["states"]),
        Markup("</svg>"),
    ]
    return Markup("\n").join(parts)


def _places(states: list[str]) -> Iterator[_Box]:
    """The first at the top, the others clockwise."""
    middle_x, middle_y = _WIDTH / 2, _HEIGHT / 2
    for index, state in enumerate(states):
        angle = 2 * math.pi * index / len(states) - math.pi / 2
        width = max(44.0, len(state) * _LETTER + 20)
        yield _Box(
            middle_x + (middle_x - 75) * math.cos(angle), middle_y + (middle_y - 55) * math.sin(angle), width / 2
        )


def _markers(name: str) -> Iterator[Markup]:
    for mark in _MARKS:
        yield Markup(
            '<marker id="{0}-{1}" class="{1}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
            ' markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
        ).format(name, mark)


def _arrow(transition: Mapping[str, Any], boxes: Mapping[str, _Box], name: str) -> Markup:
    start, end = boxes[transition["from"]], boxes[transition["to"]]
    mark = transition["outcome"].replace(" ", "-")
    return Markup('<path class="arrow {1}" d="{2}" marker-end="url(#{0}-{1})"><title>{3}</title></path>').format(
        name, mark, _loop(start) if start is end else _curve(start, end), told(transition)
    )


def _curve(start: _Box, end: _Box) -> str:
    """Swings out to one side, so that the way back runs apart from it."""
    dx, dy = end.x - start.x, end.y - start.y
    bend_x, bend_y = (start.x + end.x) / 2 - dy * _BEND, (start.y + end.y) / 2 + dx * _BEND
    from_x, from_y = start.edge(bend_x, bend_y, 1)
    to_x, to_y = end.edge(bend_x, bend_y, 3)
    return f"M{from_x:.1f} {from_y:.1f}Q{bend_x:.1f} {bend_y:.1f} {to_x:.1f} {to_y:.1f}"


def _loop(box: _Box) -> str:
    """From a state to itself, on the side away from the others."""
    side = -1 if box.y < _HEIGHT / 2 - 1 else 1
    edge = box.y + side * (box.half_height + 1)
    far = edge + side * _LOOP
    swing = f"{box.x - 22:.1f} {far:.1f} {box.x + 22:.1f} {far:.1f}"
    return f"M{box.x - 10:.1f} {edge:.1f}C{swing} {box.x + 10:.1f} {edge + side * 2:.1f}"


def _state(box: _Box, state: Mapping[str, Any]) -> Markup:
    return Markup(
        '<g class="state"><title>{}</title><rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="13"/>'
        '<text x="{:.1f}" y="{:.1f}">{}</text></g>'
    ).format(
        f"{state['state']}: {state['meaning']}",
        box.x - box.half_width,
        box.y - box.half_height,
        2 * box.half_width,
        2 * box.half_height,
        box.x,
        box.y + 4.5,
        state["state"],
    )


def told(transition: Mapping[str, Any]) -> str:
    """A transition in words."""
    way = f"{transition['from']} to {transition['to']}"
    may = "allowed" if transition["allowed"] else "not allowed"
    if transition["condition"]:
        may = f"allowed on condition {transition['condition']}"
    return f"{way}: {may}; taken {_times(transition['taken'])}, refused {_times(transition['refused'])}"


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count:,} times")
