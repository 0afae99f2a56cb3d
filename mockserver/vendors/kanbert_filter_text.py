"""The text form of a filter: lark follows the grammar, and the tree is made on the way."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from mockserver.vendors.kanbert_filter_forms import (
    ABSENT,
    NULL,
    Clause,
    Group,
    Tree,
    Words,
    refuse,
    shown,
    too_deep,
    unreadable,
)

_SYMBOLS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_ESCAPED = re.compile(r"\\([\"'\\])")


def parser(words: Words) -> Callable[[str], Tree]:
    """A function that reads a text into a tree; it refuses one that cannot be read."""
    grammar = Lark.open(
        "kanbert_filter.lark", rel_to=__file__, parser="lalr", transformer=_Build(words), maybe_placeholders=True
    )

    def parse(text: str) -> Tree:
        try:
            found: Tree = grammar.parse(text)  # type: ignore[assignment]  # the transformer's trees, not Lark's
        except UnexpectedInput as error:
            is_end = getattr(error, "token", Token("", "")).type == "$END"
            unreadable(f"character {(len(text) if is_end else error.pos_in_stream or 0) + 1}")
        return found

    return parse


@v_args(inline=True)
class _Build(Transformer[Token, Tree]):
    """Makes the tree while the grammar is followed, so that nothing recurses."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words

    def start(self, tree: Tree) -> Tree:
        return tree

    def any_of(self, *parts: Any) -> Tree:
        return _joined("or", parts)

    def all_of(self, *parts: Any) -> Tree:
        return _joined("and", parts)

    def group(self, inner: Tree) -> Tree:
        return Group("and", (inner,), self._deeper(inner))

    def compare(self, field: str, symbol: str, value: Any) -> Tree:
        return Clause(str(field), _SYMBOLS[symbol], value)

    def apply(self, field: str, word: str, value: Any) -> Tree:
        op = word.lower()
        if op in self._words.lists and isinstance(value, str):
            refuse(f"Filter operator {shown(word)} needs a list in brackets.")
        if op in self._words.nulls and value is not None:
            refuse(f"Filter operator {shown(word)} takes no value.")
        if op in self._words.relations:
            needed = "a comparison, such as count gte 2" if op == "count" else "a condition in parentheses"
            refuse(f"Filter operator {shown(word)} needs {needed}.")
        return Clause(str(field), op, ABSENT if value is None else value)

    def null(self, field: str, *words: Any) -> Tree:
        return Clause(str(field), "isnull" if words[1] is None else "isnotnull")

    def count(self, field: str, _word: str, op: Token, value: Any) -> Tree:
        return Clause(f"{field}.count", _SYMBOLS.get(op) or op.lower(), value)

    def relate(self, field: str, *rest: Any) -> Tree:
        name, word = str(field), next((str(part) for part in rest if isinstance(part, Token)), None)
        if word is None:
            name, _, word = name.rpartition(".")
        if not name:
            refuse(f"Filter field {shown(word)} needs an operator before the parenthesis.")
        if word.lower() in self._words.nulls:
            refuse(f"Filter operator {shown(word)} takes no value.")
        inner: Tree | None = next((part for part in rest if not isinstance(part, Token)), None)
        if inner is None:
            return Clause(name, word.lower())
        return Clause(name, word.lower(), inner, self._deeper(inner))

    def list(self, *values: Any) -> tuple[Any, ...]:
        return values

    def value(self, token: Token) -> Any:
        if token.type == "NULL":
            return NULL
        return _ESCAPED.sub(r"\1", token[1:-1]) if token.type == "STRING" else str(token)

    def _deeper(self, inner: Tree) -> int:
        if inner.depth == self._words.depth:
            too_deep(self._words.depth)
        return inner.depth + 1


def _joined(word: Literal["and", "or"], parts: Sequence[Any]) -> Group:
    trees = tuple(part for part in parts if not isinstance(part, Token))
    return Group(word, trees, max(tree.depth for tree in trees))
