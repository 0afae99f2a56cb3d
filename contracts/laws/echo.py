"""What an answer has to show of what a body sent: where it stands, and in which form. No law stands here."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from contracts.findings import Broken
from contracts.laws.terms import Record, accepts, properties, references, same, short
from contracts.requests import kinds_of, trimmed
from contracts.room import may_lack
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation

ABSENT: Any = object()
_TAG = re.compile(r"<[^>]*>")
_A_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Echo:
    """The fields of one operation's bodies, as the vendor's answers show them."""

    def __init__(self, tenant: Tenant, operation: Operation) -> None:
        model, resource = tenant.target.model, operation.table["resource"]
        self._model = model
        self._operation = operation
        self._shown: Mapping[str, str | None] = model.hint(resource, "shown")
        self._follows: Mapping[str, Collection[str]] = model.hint(resource, "follows")
        self._schemas = properties(tenant.vendor, operation)
        self._is_mock = tenant.is_mock
        self._markup: Collection[str] = () if tenant.is_mock else model.hint(resource, "markup")
        self._may_lack = frozenset() if tenant.is_mock else may_lack(tenant.vendor)

    @property
    def is_plain(self) -> bool:
        """Whether answers show the fields of a record as it is kept."""
        return not self._shown

    def place(self, name: str) -> str | None:
        """Where an answer shows a field of the body, as keys joined by dots, `*` for each item; None for nowhere."""
        return self._shown.get(name, accepts(self._operation).get(name))

    def touched(self, body: Mapping[str, Any]) -> set[str]:
        """The fields of the record that a body may change."""
        found = {place.partition(".")[0] for name in body if (place := self.place(name))}
        return found.union(*(self._follows.get(name, ()) for name in body))

    def compare(self, what: str, body: Mapping[str, Any], record: Record, answer: Answer | None) -> None:
        """Broken when the record does not show what was sent."""
        for name, value in body.items():
            place = self.place(name)
            if place is None:
                continue
            got = _at(record, place.split("."))
            if got is ABSENT and place in self._may_lack:
                continue
            if got is ABSENT:
                raise Broken(f"{what}: expected the field {place!r}, which is absent", answer)
            want = self.kept(name, value)
            if not same(want, got) and not self._is_kin(name, want, got):
                raise Broken(f"{what}: expected {place!r} to be {short(want)}, got {short(got)}", answer)

    def kept(self, name: str, value: Any) -> Any:
        """A value as a vendor keeps it that trims texts."""
        if isinstance(value, str) and self._model.reads("trim"):
            value = trimmed(value)
            if not value and self._model.reads("blank_is_null") and "null" in kinds_of(self._schemas.get(name, {})):
                return None
        return value

    def _is_kin(self, name: str, want: Any, got: Any) -> bool:
        """An id may be a number in a body and a text in an answer; of a number 1 and 1.0 are one value.

        A tenant may show a date with a time.
        """
        if not self._is_mock and isinstance(want, str) and isinstance(got, str) and _A_DATE.fullmatch(want):
            return got.startswith(f"{want}T")
        if name in self._markup and isinstance(want, str) and isinstance(got, str):
            return _words(want) in _words(got)
        if isinstance(want, bool) or isinstance(got, bool):
            return False
        if isinstance(want, int | float) and isinstance(got, int | float):
            return want == got and "number" in kinds_of(self._schemas.get(name, {}))
        is_id = name in references(self._operation)
        return is_id and isinstance(want, int | str) and isinstance(got, int | str) and str(want) == str(got)


def _words(text: str) -> str:
    """A text without its markup."""
    return " ".join(_TAG.sub(" ", text).split())


def _at(node: Any, keys: list[str]) -> Any:
    """What stands at these keys; null where something on the way is null."""
    if not keys or node is None:
        return node
    if keys[0] == "*":
        return [_at(item, keys[1:]) for item in node] if isinstance(node, list) else ABSENT
    if not isinstance(node, Mapping) or keys[0] not in node:
        return ABSENT
    return _at(node[keys[0]], keys[1:])
