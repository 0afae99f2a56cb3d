"""Request bodies: bytes in, a validated object out, or the refusal that names each wrong field."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from mockserver.engine.errors import Refusal
from mockserver.engine.forms import FORM, MULTIPART, read_form, read_multipart

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


_KINDS = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}


def _kind_of(value: Any) -> str:
    return _KINDS.get(type(value), "a number")


def media_type(content_type: str | None) -> str | None:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower() if content_type else None


Prepare = Callable[[str, dict[str, Any]], dict[str, Any]]
Explain = Callable[[str, Any], str]
Blame = Callable[[str, Any], str]
JSON = "application/json"


def is_unreadable(content_type: str | None, body: bytes) -> bool:
    """Whether a body that says it is JSON is none; an empty one says nothing, and one too large is not looked at."""
    if not body or len(body) > MAX_BODY or media_type(content_type) != JSON:
        return False
    try:
        read_json(body)
    except ValueError:
        return True
    return False


@dataclass(frozen=True)
class BodyForm:
    """What the bodies of one operation are, by the document and its table."""

    operation: str
    media_types: frozenset[str]
    rules: Mapping[str, str]  # of refusals, by field
    integers: frozenset[str] = frozenset()  # fields that are whole numbers
    wrapper: str | None = None  # the key under which the object stands
    is_optional: bool = False
    has_own_values: bool = False  # the vendor's own checks look at the values, not the schema
    most: int = MAX_BODY  # bytes
    too_large: str = "body_unreadable"  # the situation of a longer one
    prepare: Prepare | None = None
    explain: Explain | None = None
    blame: Blame | None = None
    names: Sequence[str] = ()  # of the schema, in the order in which what is wrong is told


class BodyReader:
    """Reads and checks the bodies of one operation, by its request schema."""

    def __init__(self, validator: Any, form: BodyForm) -> None:
        self._validator = validator
        self._form = form
        self._is_plain = form.wrapper is None and form.prepare is None

    def read(self, content_type: str | None, body: bytes) -> dict[str, Any]:
        """The object that was sent, whole numbers as integers; keys that the schema does not know stay in it."""
        form = self._form
        if form.is_optional and not body.strip():
            return self._checked({})
        if content_type != JSON and media_type(content_type) not in form.media_types:
            expected = " or ".join(sorted(form.media_types))
            reason = f"expected {expected}, got {content_type or 'none'}"
            raise Refusal("content_type_unknown", values=_fields("Content-Type", reason))
        if len(body) > form.most:
            raise Refusal(form.too_large, values=_fields("body", f"larger than {form.most} bytes"))
        try:
            sent = self._parse(content_type or "", body)
            if not isinstance(sent, dict):
                raise ValueError(f"expected an object, got {_kind_of(sent)}")
        except ValueError as error:
            raise Refusal("body_unreadable", values=_fields("body", str(error)[:REASON_LENGTH])) from None
        return self._checked(sent)

    def _parse(self, content_type: str, body: bytes) -> Any:
        kind = JSON if content_type == JSON else media_type(content_type)
        if kind == FORM:
            return read_form(body)
        return read_multipart(content_type, body) if kind == MULTIPART else read_json(body)

    def _checked(self, sent: dict[str, Any]) -> dict[str, Any]:
        form = self._form
        if not self._is_plain:
            sent = self._unwrapped(sent)
        if form.has_own_values:
            return sent
        try:
            if not self._validator.is_valid(sent if form.wrapper is None else {form.wrapper: sent}):
                raise self._refusal(sent)
        except ValueError as error:
            raise Refusal("body_unreadable", values=_fields("body", str(error)[:REASON_LENGTH])) from None
        for name in form.integers:
            value = sent.get(name)
            if type(value) is float and -MOST <= value < MOST:
                sent[name] = int(value)
        return sent

    def _unwrapped(self, sent: dict[str, Any]) -> dict[str, Any]:
        form = self._form
        if form.wrapper is not None:
            inner = sent.get(form.wrapper)
            if not isinstance(inner, dict):
                raise Refusal("body_unwrapped", values={"wrapper": form.wrapper})
            sent = inner
        return form.prepare(form.operation, sent) if form.prepare is not None else sent

    def _refusal(self, sent: dict[str, Any]) -> Refusal:
        form = self._form
        reasons: dict[str, str] = {}
        rule = None
        for error in breaches(self._validator, sent if form.wrapper is None else {form.wrapper: sent}):
            path = error.instance_path[1:] if form.wrapper is not None else error.instance_path
            missing = error.kind.name == "required" and not path
            name = error.kind.property if missing else ".".join(map(str, path)) if path else "body"
            if form.blame is not None:
                name = form.blame(name, error)
            if name not in reasons:
                reasons[name] = self._reason(name, error, missing=missing)
            field = name.partition(".")[0]
            rule = rule or form.rules.get("required" if missing else field)
        return Refusal("body_invalid", rule=rule, values=faults(self._in_order(reasons)))

    def _in_order(self, reasons: dict[str, str]) -> dict[str, str]:
        names = {name: place for place, name in enumerate(self._form.names)}
        return dict(sorted(reasons.items(), key=lambda one: names.get(one[0].partition(".")[0], len(names))))

    def _reason(self, name: str, error: Any, *, missing: bool) -> str:
        if self._form.explain is not None:
            return self._form.explain(name, error)
        return "required" if missing else str(error.message)[:REASON_LENGTH]


def faults(reasons: Mapping[str, str]) -> dict[str, Any]:
    """What refusals of wrong values are filled with, from the reasons by their places, such as `name` or `tags.0`.

    `fields` has the first reason of each field, `errors` a list of them for each place, `more` how many follow the
    first; `summary` says both in words.
    """
    name, reason = next(iter(reasons.items()))
    more = len(reasons) - 1
    return {
        "fields": _by_field(reasons),
        "errors": {field: [why] for field, why in reasons.items()},
        "field": name,
        "reason": reason,
        "more": more,
        "summary": f"{reason} (and {more} more error{'s' if more > 1 else ''})" if more else reason,
    }


def _fields(name: str, reason: str) -> dict[str, Any]:
    return faults({name: reason})


def _by_field(reasons: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, why in reasons.items():
        found.setdefault(place.partition(".")[0], why)
    return found
