"""The vendor's refusals: a catalogue of entries and one envelope, both from behaviour.yaml, rendered in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template as Text
from typing import Any

from mockserver.engine.messages import Headers

Template = Any


class Refusal(Exception):
    """An answer that says no.

    `situation` is a key of the vendor's `refusals` table, or `error` names an entry of the catalogue directly;
    `values` fill the placeholders of the entry and of the envelope, `headers` are sent with it. `rule` is the ledger's
    id where it is not the situation's, and empty where no rule is behind the refusal.
    """

    def __init__(
        self,
        situation: str,
        *,
        error: str | None = None,
        rule: str | None = None,
        values: Mapping[str, Any] | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(situation)
        self.situation = situation
        self.error = error
        self.rule = rule
        self.values: Mapping[str, Any] = values or {}
        self.headers: Headers = headers or []


@dataclass(frozen=True)
class Rendered:
    status: int
    body: Any
    rule: str | None


@dataclass(frozen=True)
class Catalogue:
    """The vendor's error entries, ready to be filled in."""

    envelope: Template
    entries: Mapping[str, Mapping[str, Any]]
    situations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def render(self, refusal: Refusal) -> Rendered:
        """The refusal in the vendor's envelope; placeholders without a value are left out with their key."""
        situation = self.situations.get(refusal.situation, {})
        name = refusal.error or situation["error"]
        entry = self.entries[name]
        values = {
            **entry.get("values", {}),
            "code": entry.get("code", name),
            "message": _said(entry["message"], refusal.values),
            "status": entry["status"],
            **{key: filled for key in entry if key not in _FIXED and (filled := fill(entry[key], refusal.values))},
        }
        values = {**refusal.values, **values}
        rule = situation.get("rule") if refusal.rule is None else refusal.rule or None
        return Rendered(entry["status"], fill(entry.get("envelope", self.envelope), values), rule)


_FIXED = frozenset({"code", "envelope", "instead", "message", "status", "values"})
_ABSENT = object()


def _said(message: str, values: Mapping[str, Any]) -> str:
    """A message with the `$words` in it filled in; a word without a value stays as it is."""
    return Text(message).safe_substitute(values) if "$" in message else message


def fill(template: Template, values: Mapping[str, Any]) -> Any:
    """The template with each `$name` replaced by its value; keys whose placeholder has no value are dropped."""
    filled = _fill(template, values)
    return None if filled is _ABSENT else filled


def _fill(template: Template, values: Mapping[str, Any]) -> Any:
    if isinstance(template, str) and template.startswith("$"):
        return values.get(template[1:], _ABSENT)
    if isinstance(template, Mapping):
        return {key: made for key, part in template.items() if (made := _fill(part, values)) is not _ABSENT}
    if isinstance(template, list):
        return [made for part in template if (made := _fill(part, values)) is not _ABSENT]
    return template
