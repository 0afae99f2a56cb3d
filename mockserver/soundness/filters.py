"""Does the filter table of an operation name only operators, resources, columns and rules that there are?"""

from collections.abc import Iterator
from typing import Any

from mockserver.soundness.folder import Folder, Table
from mockserver.yamlfile import Mistake, Source

Keys = tuple[Any, ...]


def check(folder: Folder, source: Source, keys: Keys, table: Table) -> Iterator[Mistake]:
    """`table` is the operation's, which stands at `keys` of behaviour.yaml."""
    language = table.get("filter")
    if language is None:
        return
    at = (*keys, "filter")
    refusals = folder.behaviour.get("refusals", {})
    if refusals and "filter_wrong" not in refusals:
        yield source.mistake(("refusals",), f"refusals lacks 'filter_wrong', which {'.'.join(at)} needs")
    words = {op for ops in language.get("classes", {}).values() for op in ops}
    for alias, entry in language.get("aliases", {}).items():
        yield from folder.named(source, (*at, "aliases", alias, "for"), "operator", entry.get("for"), words)
    yield from _fields(folder, source, (*at, "fields"), language, language.get("fields", {}), table.get("resource"))
    yield from _rules(folder, source, at, language)


def _fields(
    folder: Folder, source: Source, at: Keys, language: Table, fields: Table, resource: Any
) -> Iterator[Mistake]:
    for name, entry in fields.items():
        yield from folder.named(source, (*at, name, "class"), "class", entry.get("class"), language.get("classes", {}))
        yield from folder.rule(source, (*at, name, "rule"), entry.get("rule"))
        if entry.get("type") == "relation":
            others = entry.get("children", {})
            yield from _column(folder, source, (*at, name), others.get("resource"), others.get("field"))
            inner = entry.get("fields", {})
            yield from _fields(folder, source, (*at, name, "fields"), language, inner, others.get("resource"))
            continue
        first, _, last = str(name).rpartition(".")
        if not first:
            yield from _column(folder, source, (*at, name), resource, entry.get("column", name))
        elif first in language.get("related", {}):
            other = language["related"][first]
            yield from _column(folder, source, (*at, name), resource, other.get("field"))
            if entry.get("type") != "id":
                yield from _column(folder, source, (*at, name), other.get("resource"), last)
        else:
            yield from folder.named(source, (*at, name), "relation", first, language.get("related", {}))


def _column(folder: Folder, source: Source, at: Keys, resource: Any, field: Any) -> Iterator[Mistake]:
    """A field that filters go by must be kept where the store finds it."""
    resources = folder.behaviour.get("resources", {})
    yield from folder.named(source, at, "resource", resource, resources)
    held = resources.get(resource, {})
    rows = [row for group in ("indexes", "tallies") for row in held.get(group, [])]
    known = {field for row in rows for field in row} | set(held.get("columns", {})) | {held.get("key")}
    if resource in resources and field is not None and field not in known:
        holders = f"indexes nor columns of resources.{resource} hold"
        yield source.mistake(at, f"{'.'.join(map(str, at))} goes by {field!r}, which neither {holders}")


def _rules(folder: Folder, source: Source, at: Keys, language: Table) -> Iterator[Mistake]:
    for alias, entry in language.get("aliases", {}).items():
        yield from folder.rule(source, (*at, "aliases", alias, "rule"), entry.get("rule"))
    for group, words in language.get("rules", {}).items():
        for word, rule in words.items():
            yield from folder.rule(source, (*at, "rules", group, word), rule)
    for group in ("equal", "refused", "found"):
        for rule in language.get(group, {}):
            yield from folder.rule(source, (*at, group, rule), rule)
    for index, rule in enumerate(language.get("mock_only", ())):
        yield from folder.rule(source, (*at, "mock_only", index), rule)
