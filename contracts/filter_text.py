"""Texts that a vendor's filter language allows, made up from the table `filter` of a list. Judges nothing."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_WORDS = ("a", "the", "relaunch", "100 %", "50%_x", "o'clock", "Größe", "")
_DAYS = ("today", "now", "sow", "eow", "som", "eom", "today-30d", "today+5d", "2024-01-15", "2024-02-29T10:00:00Z")
_VALUES = {"date": _DAYS, "date-time": _DAYS, "id": ("me.id", "unknown")}
_COUNTS = ("eq", "ne", "lt", "lte", "gt", "gte")
_NULL, _LIST = ("isnull", "isnotnull", "notnull"), ("in", "nin", "notin")


def filters(table: Mapping[str, Any]) -> Callable[[random.Random], str]:
    """What writes a filter that the table allows."""
    return _Writer(table).write


class _Writer:
    def __init__(self, table: Mapping[str, Any]) -> None:
        self._fields: Mapping[str, Mapping[str, Any]] = table["fields"]
        self._classes: Mapping[str, Sequence[str]] = table["classes"]

    def write(self, chance: random.Random) -> str:
        return self._some(self._fields, chance, 2)

    def _some(self, fields: Mapping[str, Mapping[str, Any]], chance: random.Random, depth: int) -> str:
        """A condition, or a few of them joined."""
        if not depth or chance.random() < 0.5:
            return self._condition(*chance.choice(list(fields.items())), chance)
        parts = [self._some(fields, chance, depth - 1) for _ in range(chance.randint(2, 3))]
        text = parts[0]
        for part in parts[1:]:
            text += f" {chance.choice(('and', 'or', 'AND'))} {part}"
        return f"({text})"

    def _condition(self, name: str, field: Mapping[str, Any], chance: random.Random) -> str:
        operator = chance.choice(self._classes[field["class"]])
        if field["type"] == "relation":
            if operator == "count":
                return f"{name} count {chance.choice(_COUNTS)} {chance.randint(0, 3)}"
            return f"{name} {operator} ({self._some(field['fields'], chance, 0)})"
        if operator in _NULL:
            return f"{name} {operator}"
        if operator in _LIST:
            values = ", ".join(self._value(field, chance) for _ in range(chance.randint(1, 3)))
            return f"{name} {operator} [{values}]"
        return f"{name} {operator} {self._value(field, chance)}"

    def _value(self, field: Mapping[str, Any], chance: random.Random) -> str:
        kind = field["type"]
        told: Sequence[str] = list(field.get("values", ()))
        found = chance.choice(
            told or (_DAYS if kind in ("date", "date-time") else ("me.id", "unknown") if kind == "id" else _WORDS)
        )
        return '"' + found.replace("\\", "\\\\").replace('"', '\\"') + '"'
