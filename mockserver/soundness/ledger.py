"""Does rules.yaml name only what the other files have?"""

from collections import Counter
from collections.abc import Iterator

from mockserver import spec
from mockserver.document import nearest
from mockserver.soundness.folder import Folder, Table
from mockserver.yamlfile import Mistake, Source


def check(folder: Folder, source: Source, content: Table) -> Iterator[Mistake]:
    counts = Counter(rule.get("id") for rule in content.get("rules", []))
    vendor = folder.behaviour.get("vendor")
    if vendor is not None and content.get("vendor", vendor) != vendor:
        yield source.mistake(("vendor",), f"vendor is {content['vendor']!r}, but behaviour.yaml says {vendor!r}")
    for index, rule in enumerate(content.get("rules", [])):
        keys = ("rules", index)
        name = rule.get("id", f"rule {index + 1}")
        if counts[rule.get("id")] > 1 and "id" in rule:
            yield source.mistake((*keys, "id"), f"the id {name} is given to {counts[name]} rules; it must be unique")
        operations = rule.get("operations", "every")
        for place, word in enumerate(operations if isinstance(operations, list) else ()):
            if folder.entries and word not in folder.entries:
                message = f"{name}: there is no operation {word!r}.{nearest(word, folder.entries)}"
                yield source.mistake((*keys, "operations", place), message)
        for place, text in enumerate(rule.get("judge", {}).get("schema", ())):
            try:
                if folder.document:
                    spec.pointer(folder.document, text)
            except LookupError as error:
                message = f"{name}: a pointer leads nowhere in openapi.yaml: {error.args[0]}"
                yield source.mistake((*keys, "judge", "schema", place), message)
