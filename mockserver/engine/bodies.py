"""Request bodies: bytes in, a validated object out, or the refusal that names each wrong field."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from mockserver.engine.errors import Refusal

REASON_LENGTH = 200
MAX_BODY = 1 << 20  # bytes
MOST = 1 << 63  # what does not fit into 64 bits can neither be kept in a column nor be printed


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(
            f"the key {next(name for name in names if names.count(name) > 1)!r:.80} stands twice in one object"
        )
    return found


def _number(digits: str) -> int | float:
    """A whole number as it can be kept and sent again; a longer one loses digits, as it does in JavaScript."""
    number = int(digits)
    return number if -MOST <= number < MOST else float(number)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=_number)


def read_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises ValueError for what is not one, and for keys given twice.

    Two parsers: orjson refuses bad UTF-8, lone surrogates, NaN and deep nesting; the other sees keys given twice. It is
    spared a flat object with just the quotes that its keys and texts need.
    """
    if not body:
        raise ValueError("the body is empty")
    value = orjson.loads(body)
    if type(value) is dict and body.count(b'"') == _quotes_of(value):
        return value
    try:
        return _DECODER.decode(body.decode())
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


def _quotes_of(flat: dict[str, Any]) -> int:
    """How many quotes the object's text has if nothing is escaped and no key stands twice; -1 if none can tell."""
    count = 2 * len(flat)
    for value in flat.values():
        if type(value) is str:
            count += 2
        elif value is not None and not (type(value) is int and -MOST <= value < MOST):
            return -1
    return count


def breaches(validator: Any, value: Any) -> list[Any]:
    """What is wrong with a value by its schema. Raises ValueError for one that is nested too deeply to say so."""
    try:
        return list(validator.iter_errors(value))
    except ValueError:
        raise ValueError("the body is nested too deeply") from None


def media_type(content_type: str | None) -> str | None:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower() if content_type else None


class BodyReader:
    """Reads and checks the bodies of one operation, by its request schema."""

    def __init__(
        self, validator: Any, media_types: frozenset[str], rules: Mapping[str, str], integers: frozenset[str]
    ) -> None:
        self._validator = validator
        self._media_types = media_types
        self._rules = rules
        self._integers = integers

    def read(self, content_type: str | None, body: bytes) -> dict[str, Any]:
        """The object that was sent, whole numbers as integers; keys that the schema does not know stay in it."""
        if content_type != "application/json" and media_type(content_type) not in self._media_types:
            expected = " or ".join(sorted(self._media_types))
            raise Refusal(
                "content_type_unknown",
                values=_fields("Content-Type", f"expected {expected}, got {content_type or 'none'}"),
            )
        if len(body) > MAX_BODY:
            raise Refusal("body_unreadable", values=_fields("body", f"larger than {MAX_BODY} bytes"))
        try:
            sent = read_json(body)
            if not isinstance(sent, dict):
                raise ValueError(f"expected an object, got {body[:40]!r}")
            if not self._validator.is_valid(sent):
                raise self._refusal(sent)
        except ValueError as error:
            raise Refusal("body_unreadable", values=_fields("body", str(error)[:REASON_LENGTH])) from None
        for name in self._integers:
            value = sent.get(name)
            if type(value) is float and -MOST <= value < MOST:
                sent[name] = int(value)
        return sent

    def _refusal(self, sent: dict[str, Any]) -> Refusal:
        reasons: dict[str, str] = {}
        rule = None
        for error in breaches(self._validator, sent):
            missing = error.kind.name == "required" and not error.instance_path
            name = error.kind.property if missing else str(error.instance_path[0]) if error.instance_path else "body"
            reasons.setdefault(name, "required" if missing else error.message[:REASON_LENGTH])
            rule = rule or self._rules.get("required" if missing else name)
        return Refusal("body_invalid", rule=rule, values={"fields": reasons})


def _fields(name: str, reason: str) -> dict[str, dict[str, str]]:
    return {"fields": {name: reason}}
