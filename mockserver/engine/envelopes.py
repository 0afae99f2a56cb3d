"""What a success is wrapped in: nothing, a key, a template, or the form that has its records in a map by id."""

from collections.abc import Callable, Mapping
from typing import Any

from mockserver.engine.call import Call
from mockserver.engine.errors import fill

Values = Mapping[str, Any]
Envelope = Callable[[Any, Call, Values], Any]

_ONE = {"count": 1, "page_count": 1, "page_number": 1}


def envelope(form: Any, key: str = "id") -> Envelope:
    """The envelope of a table: None, a key, `{by_id: MAP}`, or a template with `$record` for what is shown."""
    if form is None:
        return lambda shown, call, values: shown
    if isinstance(form, str):
        return lambda shown, call, values: {form: shown}
    if "by_id" in form:
        return _by_id(form["by_id"], form.get("page_size", 20), key)
    return lambda shown, call, values: fill(form, {**values, "record": shown})


def _by_id(name: str, page_size: int, key: str) -> Envelope:
    """`count`, `results` in their order, the records by id, what is shown beside them, and `meta`."""

    def wrap(shown: Any, call: Call, values: Values) -> Any:
        records = shown if isinstance(shown, list) else [shown]
        meta = values or {**_ONE, "page_size": page_size}
        return {
            "count": meta["count"],
            "results": [{"key": name, "id": record[key]} for record in records],
            name: {record[key]: record for record in records},
            **call.sides,
            "meta": {word: meta[word] for word in ("count", "page_count", "page_number", "page_size")},
        }

    return wrap
