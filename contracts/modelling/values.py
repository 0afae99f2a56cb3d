"""What may stand in a field: what samples and schemas allow, the limits of that, and some values that are wrong.

Every strategy draws what is simplest first, so that a sequence shrinks to plain values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from contracts.modelling.moves import Move, Moves
from contracts.modelling.steps import Name
from mockserver.spec import resolve

PLAIN = "One line of plain text 123."
TEXTS = (
    "Plain words",
    'Zoë said: "100 % naïve" & <b>\\no</b>',
    "日本語 Ελληνικά 😀👩‍👧",
    "it's; {{7*7}} %41 &amp; \\u0041 /* -- */",
    "e\u0301 is not \u00e9",
    "first line\nsecond\ttabbed",
    "  spaces around  ",
    "0012",
    "null",
    "plain WORDS",
)
_LONG = ("word " * 60 + "end", "ö" * 3000)
_WRONG: tuple[Any, ...] = (17, "", None, ["x"], {"x": 1}, True, -1, 3, "   ", "x" * 70_000)
_MOST = 70_000  # characters of a text that a limit asks for


class Values:
    """The values of one target's fields, each strategy made once."""

    def __init__(self, moves: Moves) -> None:
        self._moves = moves
        self._document = moves.vendor.document
        self._known: dict[tuple[str, str, tuple[tuple[str, int], ...]], SearchStrategy[Any]] = {}
        self._texts = (*TEXTS, *_LONG) if moves.is_own_world else TEXTS[:5]

    def of(self, move: Move, field: str, made: Mapping[str, int]) -> SearchStrategy[Any]:
        """What a body of this operation may have in a field, where so many records of each resource were made."""
        key = (move.id, field, tuple(sorted(made.items())) if self._speaks_of_records(move, field) else ())
        if key not in self._known:
            self._known[key] = st.one_of(*self._make(move, field, made))
        return self._known[key]

    def wrong(self, move: Move, field: str) -> SearchStrategy[Any]:
        """What a field should not take: a value beside those of its schema, or what hardly any field takes."""
        schema = move.body.get(field, {})
        beside: list[Any] = []
        told = schema.get("enum", ())
        if told:
            beside = (
                ["unheard of"] if isinstance(told[0], str) else [max(each for each in told if each is not None) + 1]
            )
        elif schema.get("format") in ("date", "date-time") or "anyOf" in schema:
            beside = ["2024-02-30", "soon"]
        elif _takes(schema, "string"):
            beside = ["   ", ""]
        return st.sampled_from((*beside, *beside, *_WRONG))

    def _speaks_of_records(self, move: Move, field: str) -> bool:
        return field in self._moves.references(move) or self._is_bare(move.body.get(field, {}))

    def _make(self, move: Move, field: str, made: Mapping[str, int]) -> list[SearchStrategy[Any]]:
        schema, resource = move.body.get(field, {}), move.resource
        refers = self._moves.references(move).get(field)
        told = [*self._told(resource, field), *self._told_of(move, field)]
        if refers is not None:
            names: list[Any] = list(self._moves.names_of(refers, made)) or told
            if names and _takes(schema, "null"):
                names = [*names, None]
            return [st.sampled_from(names or [None])]
        if not self._moves.is_own_world and told and field != self._moves.sample(resource).get("mark"):
            return [st.sampled_from(told)]
        found: list[SearchStrategy[Any]] = [st.sampled_from(told)] if told else []
        if self._is_bare(schema) and not told:
            names = [*self._moves.names_of(resource, made), None]
            return [st.sampled_from(names)]
        if told and move.verb == "transition":
            return found
        by_schema = self._by_schema(schema, is_text_safe=field == self._moves.sample(resource).get("mark"))
        return found + by_schema or [st.none()]

    def _told(self, resource: str, field: str) -> list[Any]:
        """What the samples say, also under the name that this one ends with, as `add_watchers` does."""
        for word in ("changes", "values", "body"):
            hints = self._moves.hint(resource, word)
            for name, values in hints.items():
                if name == field or field.endswith(f"_{name}"):
                    return list(values) if word != "body" else [values]
        return []

    def _told_of(self, move: Move, field: str) -> list[Any]:
        bodies = [
            *move.told.get("bodies", ()),
            *([move.told["body"]] if isinstance(move.told.get("body"), dict) else ()),
        ]
        found = [body[field] for body in bodies if field in body]
        lifecycle = self._moves.vendor.behaviour.get("lifecycles", {}).get(move.table.get("lifecycle", ""), {})
        if lifecycle and field == move.table.get("target"):
            return list(lifecycle["states"])
        if lifecycle:
            for condition in lifecycle.get("conditions", {}).values():
                found += [body[field] for body in condition.values() if field in body]
        return found

    def _is_bare(self, schema: Mapping[str, Any]) -> bool:
        """Whether nothing is told of a text that may be absent: often the id of another record of the same kind."""
        return (
            _takes(schema, "string")
            and _takes(schema, "null")
            and not (schema.keys() & {"enum", "format", "maxLength", "minLength", "pattern", "anyOf", "oneOf"})
        )

    def _by_schema(self, schema: Mapping[str, Any], *, is_text_safe: bool) -> list[SearchStrategy[Any]]:
        found: list[SearchStrategy[Any]] = []
        for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            found += self._by_schema(resolve(self._document, branch), is_text_safe=is_text_safe)
        if "enum" in schema:
            return [*found, st.sampled_from(list(schema["enum"]))]
        if "const" in schema:
            return [*found, st.just(schema["const"])]
        if _takes(schema, "boolean"):
            found.append(st.booleans())
        if _takes(schema, "integer") or _takes(schema, "number"):
            found.append(st.sampled_from(_numbers(schema)))
        if _takes(schema, "string"):
            texts = self._strings(schema, is_text_safe=is_text_safe)
            found += [st.sampled_from(texts)] if texts else []
        if _takes(schema, "null"):
            found.append(st.none())
        return found

    def _strings(self, schema: Mapping[str, Any], *, is_text_safe: bool) -> list[Any]:
        """Texts. A tenant may keep those in a form of its own that do not bear the run's mark."""
        form = schema.get("format")
        if form == "date":
            return ["2024-02-29", "2026-03-02", "2026-12-31"]
        if form == "date-time":
            return ["2024-02-29T23:30:00Z", "2026-03-02T09:00:00+02:00"]
        if form is not None or (schema.get("pattern", "").isascii() and schema.get("maxLength", _MOST) < 20):
            return list(schema.get("examples", ()))
        texts = list(self._texts if is_text_safe or self._moves.is_own_world else (PLAIN,))
        if self._moves.is_own_world:
            least, most = schema.get("minLength", 0), schema.get("maxLength")
            texts += ["y" * least] if least else []
            texts += ["é" * most, "z" * (most + 1)] if most and most < _MOST else []
        return texts


def _takes(schema: Mapping[str, Any], kind: str) -> bool:
    told = schema.get("type")
    return kind == told or (isinstance(told, Sequence) and not isinstance(told, str) and kind in told)


def _numbers(schema: Mapping[str, Any]) -> list[int | float]:
    """Those at the limits, beside them, and between."""
    least, most = schema.get("minimum"), schema.get("maximum")
    found: list[int | float] = [1, 2, 3]
    found += [least, least - 1] if least is not None else [0]
    found += [most, most + 1] if most is not None else [100]
    if _takes(schema, "number"):
        found.append(0.25)
    return list(dict.fromkeys(found))


def is_name(value: Any) -> bool:
    return isinstance(value, Name)
