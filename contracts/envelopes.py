"""What stands around a record in an answer, and the forms in which a vendor refuses. Reads only; judges nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

ABSENT: Any = object()
FIELD_WORDS = ("fields", "errors", "faults", "field")  # the words of a refusal that name fields
# Of an entry; what else it has fills the envelope.
_FIXED = frozenset({"status", "code", "message", "envelope", "instead"})


class Unlike(Exception):
    """A body has another form than the template: how."""


def unwrap(answer: Any, envelope: Any, *, is_list: bool = False) -> Any:
    """What an envelope holds: a record, or where `is_list` all of them; ABSENT when it is not there.

    An envelope is nothing; a key; keys joined by dots; a table with `$record`; or `{by_id: MAP}`, where `results` name
    the records in their order and the map has them by id.
    """
    if envelope is None:
        return answer
    if isinstance(envelope, Mapping) and "by_id" in envelope:
        return _by_id(answer, envelope["by_id"], is_list=is_list)
    for key in path_to_record(envelope):
        if not isinstance(answer, Mapping) or key not in answer:
            return ABSENT
        answer = answer[key]
    return answer


def path_to_record(envelope: Any) -> Sequence[str]:
    """The keys below which the record stands; of `{by_id: MAP}` the key of the map."""
    if envelope is None:
        return ()
    if isinstance(envelope, str):
        return envelope.split(".")
    if "by_id" in envelope:
        return (envelope["by_id"],)
    return find_placeholder(envelope, "$record") or ()


def _by_id(answer: Any, name: str, *, is_list: bool) -> Any:
    if not isinstance(answer, Mapping) or not isinstance(answer.get("results"), list):
        return ABSENT
    objects = answer.get(name)
    found = []
    for entry in answer["results"]:
        identity = entry.get("id") if isinstance(entry, Mapping) and entry.get("key") == name else None
        if not isinstance(objects, Mapping) or not isinstance(identity, str) or identity not in objects:
            return ABSENT
        found.append(objects[identity])
    if is_list:
        return found
    return found[0] if len(found) == 1 else ABSENT


def find_placeholder(node: Any, placeholder: str) -> tuple[str, ...] | None:
    """The keys that lead to a placeholder in an envelope."""
    if node == placeholder:
        return ()
    if isinstance(node, Mapping):
        for key, value in node.items():
            below = find_placeholder(value, placeholder)
            if below is not None:
                return (str(key), *below)
    return None


def words(template: Any) -> set[str]:
    """The words that a template is filled with: `{code: $code}` -> code."""
    if isinstance(template, str):
        return {template[1:]} if _is_word(template) else set()
    parts = template.values() if isinstance(template, Mapping) else template if isinstance(template, list) else ()
    return set().union(*map(words, parts))


def _is_word(template: Any) -> bool:
    return isinstance(template, str) and template.startswith("$")


def fit(template: Any, body: Any, *, exact: bool = False) -> Iterator[tuple[str, Any]]:
    """Word of the template -> what stands there, each time it does. Raises Unlike where the body has another form.

    A list of one form fits a list of any length but none. `exact` allows no other keys, and no fixed part to be absent.
    """
    if _is_word(template):
        yield template[1:], body
    elif isinstance(template, Mapping):
        if not isinstance(body, Mapping) or (exact and set(body) - set(template)):
            raise Unlike(f"an object with {sorted(template)}{' alone' if exact else ''}")
        for name, part in template.items():
            if name in body:
                yield from fit(part, body[name], exact=exact)
            elif not _is_word(part) and (exact or part is not None):
                raise Unlike(f"{name!r} in an object")
    elif isinstance(template, list):
        if not isinstance(body, list) or not body:
            raise Unlike("a list that is not empty")
        for item in body:
            yield from fit(template[0], item, exact=exact)
    elif type(template) is not type(body) or template != body:
        raise Unlike(repr(template))


class Refusals:
    """The forms of one vendor's refusals: one envelope for all, or one of their own for some entries."""

    def __init__(self, errors: Mapping[str, Any]) -> None:
        self._default = errors.get("envelope", {})
        self._catalogue: Mapping[str, Mapping[str, Any]] = errors.get("catalogue", {})
        own = [entry["envelope"] for entry in self._catalogue.values() if "envelope" in entry]
        self._templates = [self._default, *(each for i, each in enumerate(own) if each not in own[:i])]

    def template(self, error: str) -> Any:
        """The form of an entry of the catalogue."""
        return self._catalogue[error].get("envelope", self._default)

    def has_code(self, error: str) -> bool:
        """Whether the form of an entry tells a code."""
        return "code" in words(self.template(error))

    def names_fields(self, error: str) -> bool:
        """Whether the form of an entry has a place for the fields that are wrong."""
        entry = {key: part for key, part in self._catalogue[error].items() if key not in _FIXED}
        return bool((words(self.template(error)) | words(entry)) & set(FIELD_WORDS))

    def find(self, body: Any, word: str) -> Any:
        """What stands at a word, in whichever form the body has; of a list the first. None when it is not there."""
        for template in self._templates:
            for found in self._read(template, body, word):
                return found
        return None

    def _read(self, template: Any, body: Any, word: str) -> list[Any]:
        try:
            return [value for name, value in fit(template, body) if name == word]
        except Unlike:
            return []

    def entries(self, status: int, body: Any) -> list[str]:
        """The entries that a refusal may be: those of its status and its form, and of its code where it tells one."""
        found = []
        codes = [code for template in self._templates for code in self._read(template, body, "code")]
        for name, entry in self._catalogue.items():
            if status in (entry["status"], *entry.get("instead", ())):
                try:
                    told = list(fit(self.template(name), body))
                except Unlike:
                    continue
                lost = {"code", "message"} & words(self.template(name)) - {word for word, _ in told}
                if not lost and (not codes or entry.get("code", name) in codes):
                    found.append(name)
        return found

    def fields(self, status: int, body: Any) -> set[str] | None:
        """The fields that a refusal names, without what stands behind a dot; None where it names none."""
        found: set[str] = set()
        for template in self._templates:
            for word in FIELD_WORDS:
                for value in self._read(template, body, word):
                    found.update(_names(value))
        for name in self.entries(status, body):
            for key, part in self._catalogue[name].items():
                if key not in _FIXED and words(part) & set(FIELD_WORDS):
                    for value in self._read(self.template(name), body, key):
                        found.update(self._below(part, value))
        return {name.partition(".")[0] for name in found} or None

    def _below(self, part: Any, value: Any) -> Iterator[str]:
        for word in FIELD_WORDS:
            for each in self._read(part, value, word):
                yield from _names(each)


def _names(value: Any) -> Iterable[str]:
    """The names in what tells them: one name, an object by name, or a list of objects with a `field`."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [str(name) for name in value]
    if isinstance(value, list):
        return [str(each["field"]) for each in value if isinstance(each, Mapping) and "field" in each]
    return []
