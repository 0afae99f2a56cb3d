"""Draws the next step of a sequence: a write, or a look at what the writes have come to. Sends nothing.

What is drawn first is the simplest, so that what Hypothesis shrinks becomes plain: known records, few fields, no query.
"""

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from contracts.envelopes import ABSENT
from contracts.filter_text import filters
from contracts.listing import parameter
from contracts.modelling.moves import Move, Moves
from contracts.modelling.steps import Name, Pairs, Step, names_in
from contracts.modelling.values import Values
from mockserver.spec import resolve

Draw = Callable[[st.SearchStrategy[Any]], Any]
_PAUSES = (0, 2, 70, 4000)  # seconds
_SEEN = 12  # values of one field that are remembered
_MOST_PAGES = 6
_RARELY, _SELDOM = 10, 6  # once in so many and one


@dataclass
class State:
    """What a sequence has come to, as far as the next step hangs on it; the same in every run of the same steps.

    `made` counts the records by resource, `kin` are those that were made or changed naming another one. `last` are
    those that were written lately, `seen` the values that answers showed, by resource and field.
    """

    made: dict[str, int] = field(default_factory=dict)
    kin: dict[Name, list[Name]] = field(default_factory=dict)
    last: list[Name] = field(default_factory=list)
    seen: dict[str, dict[str, list[Any]]] = field(default_factory=dict)

    def touch(self, name: Name) -> None:
        self.last = [name, *(each for each in self.last if each != name)][:3]

    def show(self, resource: str, record: Mapping[str, Any]) -> None:
        """Remember values that a record has."""
        fields = self.seen.setdefault(resource, {})
        for name, value in record.items():
            values = fields.setdefault(name, [])
            if isinstance(value, str | int | float | bool) and len(values) < _SEEN and value not in values:
                values.append(value)


class Drawing:
    """Draws the steps of one target."""

    def __init__(self, moves: Moves) -> None:
        self.moves = moves
        self._values = Values(moves)
        self._queries = {move.id: _Query(moves, move) for move in moves.reads}
        self._is_own_world = moves.is_own_world
        self._changed = {move.resource for move in moves.writes if move.verb == "update"}

    def tour(self) -> Iterator[Step]:
        """Every read of a known record, and of where it is listed, by every caller."""
        for move in self.moves.reads:
            if (path := self._first_path(move)) is not None:
                yield from (Step(move.id, caller, path=tuple(path)) for caller in self.moves.callers)

    def write(self, draw: Draw, state: State) -> Step | None:
        """A write; None where nothing can be written yet."""
        able = [move for move in self.moves.writes if self._has_path(move, state)]
        if not able:
            return None
        move: Move = draw(st.sampled_from(_weighed(able, self._changed)))
        caller, is_valid = self._caller(draw, move), True
        path, is_known = self._path(draw, move, state)
        fields: Any = ABSENT
        if move.body:
            fields, is_valid = self._fields(draw, move, state)
        elif "path" in move.told and not move.owners:
            path = tuple(move.told["path"].items())
        return Step(
            move.id,
            caller,
            path,
            fields,
            seconds=draw(st.sampled_from(_PAUSES)) if self._is_own_world else 0,
            files="files" in move.told,
            is_valid=is_valid and is_known,
        )

    def look(self, draw: Draw, state: State) -> Step | None:
        """A read of what was written lately, of where it is listed, or of what it hangs on."""
        able = [move for move in self.moves.reads if self._has_path(move, state)]
        if not able:
            return None
        near = [move for move in able if any(move.resource == name.resource for name in state.last)]
        move: Move = draw(st.sampled_from(near + near + able if near else able))
        caller = self._caller(draw, move)
        path, is_known = self._path(draw, move, state)
        query, pages = self._queries[move.id].draw(draw, state)
        if move.verb == "get":
            path, query = self._by_another_key(draw, move, path, query)
        return Step(move.id, caller, path, query=query, pages=pages, is_valid=is_known)

    def aftermath(self, draw: Draw, step: Step, state: State) -> list[Step]:
        """The looks that writes are worth: at what was written, at its list, at its kin, and whether strangers see it.

        After a change now and then none: some faults show only when changes follow one another.
        """
        move = next(each for each in self.moves.writes if each.id == step.operation)
        name = state.last[0] if state.last else None
        if name is None or name.resource != move.resource or step.caller != "owner":
            return []
        for other in names_in(step.fields):
            state.kin.setdefault(replace(other, field=None), []).append(name)
        lists = [
            Step(lister.id, path=tuple(path))
            for lister in self.moves.listers
            if lister.resource == name.resource and (path := self._first_path(lister)) is not None
        ]
        if not self._is_own_world:  # where the new one is found only behind others' pages are not read for it
            whole = [each for each in lists if "paging" not in self.moves.vendor.operations[each.operation].table]
            return whole if move.verb in ("create", "delete") else []
        if move.verb == "create" and sum(state.made.values()) == 1:
            strangers = [each for each in self.moves.callers if self.moves.is_stranger(each)][:1]
            looks = [replace(look, caller=caller) for caller in strangers for look in (*self._reads(name), *lists)]
            return [*self._reads(name), *looks]
        if move.verb == "create":
            return [*self._reads(name), *self._child(draw, name, state)]
        if move.verb != "delete":
            return self._reads(name) if draw(st.booleans()) else []
        kin = [each for each in state.kin.get(name, ()) if each != name]
        return [*self._reads(name), *lists, *(read for each in dict.fromkeys(kin) for read in self._reads(each))]

    def _child(self, draw: Draw, name: Name, state: State) -> list[Step]:
        """Now and then one more record that hangs on a new one: what becomes of it when that goes?"""
        fields = [
            (maker, field)
            for maker in self.moves.makes.values()
            for field, kind in self.moves.references(maker).items()
            if kind == name.resource and field in maker.body
        ]
        if not fields or not draw(st.booleans()):
            return []
        maker, field_name = draw(st.sampled_from(fields))
        child = Name("made", maker.resource, state.made.get(maker.resource, 0))
        state.kin.setdefault(name, []).append(child)
        return [Step(maker.id, fields={**self._base(draw, maker), field_name: name})]

    def _reads(self, name: Name) -> list[Step]:
        getter = self.moves.getters.get(name.resource)
        return [Step(getter.id, path=((getter.owners[-1][0], name),))] if getter and len(getter.owners) == 1 else []

    def _first_path(self, move: Move) -> list[tuple[str, Name]] | None:
        names = [(parameter, self.moves.names_of(kind, {})) for parameter, kind in move.owners]
        return [(parameter, found[0]) for parameter, found in names] if all(found for _, found in names) else None

    def _has_path(self, move: Move, state: State) -> bool:
        return all(self.moves.names_of(kind, state.made) for _, kind in move.owners)

    def _caller(self, draw: Draw, move: Move) -> str:
        """Mostly somebody who may; the owner first."""
        callers = [name for name in self.moves.callers if self.moves.may(name, move)]
        others = [name for name in self.moves.callers if name not in callers]
        is_other = others and (self._is_own_world or move.owners) and draw(st.integers(0, _RARELY)) == _RARELY
        may_differ = self._is_own_world or move.verb in ("get", "list")
        is_colleague = may_differ and not is_other and draw(st.integers(0, 4)) == 4
        strangers = [name for name in others if self.moves.is_stranger(name)]
        chosen = [*strangers, *others] if is_other else callers if is_colleague else ["owner"]
        return str(draw(st.sampled_from(chosen or ["owner"])))

    def _path(self, draw: Draw, move: Move, state: State) -> tuple[Pairs, bool]:
        """The ids of the path, and whether each names a record."""
        path, is_known = [], True
        for name, kind in move.owners:
            names = self.moves.names_of(kind, state.made)
            if move.verb in ("delete", "update") and not self._is_own_world:
                names = [each for each in names if each.kind == "made"] or names
            if (
                move.verb == "delete"
                and (bound := [each for each in names if each in state.kin])
                and draw(st.booleans())
            ):
                names = bound
            chosen = draw(st.sampled_from([*names, Name("nobody", kind, 0)])) if len(names) > 3 else None
            if chosen is None:
                is_nobody = draw(st.integers(0, _RARELY)) == _RARELY
                chosen = Name("nobody", kind, 0) if is_nobody else draw(st.sampled_from(names))
            is_known = is_known and chosen.kind != "nobody"
            path.append((name, chosen))
        return tuple(path), is_known

    def _fields(self, draw: Draw, move: Move, state: State) -> tuple[Any, bool]:
        """The fields of a body, and whether none is wrong on purpose."""
        base = self._base(draw, move)
        own = {name for name, kind in self.moves.references(move).items() if kind in self.moves.makes}
        optional = [name for name in move.body if name not in base]
        optional += [name for name in optional if name in own] * 3
        least = 0 if base else 1
        names = (
            draw(st.lists(st.sampled_from(optional), min_size=min(least, len(set(optional))), max_size=3, unique=True))
            if optional
            else []
        )
        fields = {**base}
        changed = draw(st.lists(st.sampled_from(list(base)), max_size=2, unique=True)) if base else []
        for name in (*changed, *names):
            fields[name] = draw(self._values.of(move, name, state.made))
        fields = self._lists_of_entries(draw, move, fields)
        chance = draw(st.integers(0, _SELDOM if self._is_own_world else _SELDOM - 1))
        if chance == _SELDOM - 1 and self._is_own_world:
            fields |= self._unasked(draw, move, state)
        if chance < _SELDOM:
            return self._unlike(move, fields, state), True
        name = draw(st.sampled_from(list(move.body)))
        if name in fields and draw(st.booleans()):
            del fields[name]
        else:
            fields[name] = draw(self._values.wrong(move, name))
        return fields, False

    def _unasked(self, draw: Draw, move: Move, state: State) -> dict[str, Any]:
        """A field that answers show, and that nobody is to set."""
        seen = {name: values for name, values in state.seen.get(move.resource, {}).items() if name not in move.body}
        names = [name for name, values in seen.items() if values]
        if not names:
            return {}
        name = draw(st.sampled_from(names))
        return {name: draw(st.sampled_from(seen[name]))}

    def _base(self, draw: Draw, move: Move) -> dict[str, Any]:
        """The fields without which it would be refused."""
        bodies = [each for each in move.told.get("bodies", ()) if isinstance(each, Mapping)]
        if bodies:
            return dict(draw(st.sampled_from(bodies)))
        if isinstance(move.told.get("body"), Mapping):
            return dict(move.told["body"])
        return dict(self.moves.hint(move.resource, "body")) if move.verb == "create" else {}

    def _lists_of_entries(self, draw: Draw, move: Move, fields: dict[str, Any]) -> dict[str, Any]:
        """A body that is a list of entries gets some of all that are told."""
        for name, value in fields.items():
            if isinstance(value, list) and value and isinstance(value[0], Mapping):
                told = [entry for body in move.told.get("bodies", ()) for entry in body.get(name, ())]
                fields = {**fields, name: draw(st.lists(st.sampled_from(told), min_size=1, max_size=2))}
        return fields

    def _unlike(self, move: Move, fields: dict[str, Any], state: State) -> dict[str, Any]:
        """Subscriptions of sequences stay silent where a stranger's server would be called."""
        told = self.moves.vendor.behaviour.get("webhooks", {}).get("subscription", {})
        return {**fields, told["active"]: False} if told and move.resource == told["resource"] else fields

    def _by_another_key(self, draw: Draw, move: Move, path: Pairs, query: Pairs) -> tuple[Pairs, Pairs]:
        keys = self.moves.model.resource(move.resource).get("keys")
        if not keys or not path or path[-1][1].kind == "nobody" or draw(st.integers(0, 3)) < 3:
            return path, query
        word = draw(st.sampled_from(list(keys["fields"])))
        name = path[-1][1]
        named = Name(name.kind, name.resource, name.place, keys["fields"][word])
        return (*path[:-1], (path[-1][0], named)), (*query, (keys["parameter"], word))


class _Query:
    """What one read may be asked for besides."""

    def __init__(self, moves: Moves, move: Move) -> None:
        self._table = move.table
        self._resource = move.resource
        self._moves = moves
        document = moves.vendor.document
        parts = [self._sort, self._include, self._filters, self._filter, self._paging]
        words = ("sort", "include", "filters", "filter", "paging")
        self._parts = [part for part, word in zip(parts, words, strict=True) if word in move.table]
        covered = self._covered()
        self._others = {
            each["name"]: resolve(document, each.get("schema", {}))
            for each in move.operation.parameters
            if each["in"] == "query" and each["name"] not in covered
        }
        self._schemas = {
            each["name"]: resolve(document, each.get("schema", {}))
            for each in move.operation.parameters
            if each["in"] == "query"
        }
        self._columns: Mapping[str, Any] = (
            moves.model.resource(move.resource).get("columns", {}) if move.resource else {}
        )
        self._write = filters(move.table["filter"]) if "filter" in move.table else None

    def draw(self, draw: Draw, state: State) -> tuple[Pairs, int]:
        """The query, and how many pages are read."""
        query: list[tuple[str, Any]] = []
        pages = 1
        if not self._parts and not self._others:
            return (), 1
        chosen = draw(st.lists(st.sampled_from(self._parts), max_size=2, unique=True)) if self._parts else []
        for part in chosen:
            query += part(draw, state)
            if part == self._paging:
                pages = _MOST_PAGES
        if self._others and draw(st.integers(0, 5)) == 5:
            query += self._other(draw, state)
        return tuple(query), pages

    def _covered(self) -> set[str]:
        table = self._table
        found = {table[word]["parameter"] for word in ("sort", "include", "filter") if word in table}
        found |= set(table.get("filters", {}))
        if "paging" in table:
            found |= {parameter(table["paging"], "size"), parameter(table["paging"], "place")}
        keys = self._moves.model.resource(self._resource).get("keys", {}) if self._resource else {}
        return found | ({keys["parameter"]} if keys else set())

    def _sort(self, draw: Draw, state: State) -> Sequence[tuple[str, Any]]:
        table = self._table["sort"]
        names = draw(st.lists(st.sampled_from(list(table["fields"])), min_size=1, max_size=2, unique=True))
        falls = [draw(st.booleans()) for _ in names]
        if table.get("direction", "-") == "-":
            text = ",".join("-" * fall + name for name, fall in zip(names, falls, strict=True))
        else:
            text = ",".join(f"{name}:{'desc' if fall else 'asc'}" for name, fall in zip(names, falls, strict=True))
        return [(table["parameter"], text)]

    def _include(self, draw: Draw, state: State) -> Sequence[tuple[str, Any]]:
        table = self._table["include"]
        names = draw(st.lists(st.sampled_from(list(table["names"])), min_size=1, max_size=3, unique=True))
        return [(table["parameter"], ",".join(names))]

    def _filters(self, draw: Draw, state: State) -> Sequence[tuple[str, Any]]:
        table = self._table["filters"]
        name = draw(st.sampled_from(list(table)))
        column = table[name].get("field", name)
        values = [*state.seen.get(self._resource, {}).get(column, ()), *self._schemas.get(name, {}).get("enum", ())]
        if not values:
            return []
        value = draw(st.sampled_from(list(dict.fromkeys(map(str, values)))))
        if table[name].get("op") == "contains" and len(value) > 2:
            start = draw(st.integers(0, len(value) - 2))
            value = value[start : start + 6].strip() or value
        return [(name, value)]

    def _filter(self, draw: Draw, state: State) -> Sequence[tuple[str, Any]]:
        table = self._table["filter"]
        seen = {
            name: values
            for name in table["fields"]
            if (values := state.seen.get(self._resource, {}).get(name)) and table["fields"][name]["type"] != "relation"
        }
        if seen and draw(st.integers(0, 2)) < 2:
            name = draw(st.sampled_from(list(seen)))
            operator = draw(st.sampled_from(list(table["classes"][table["fields"][name]["class"]])))
            value = _quoted(draw(st.sampled_from(seen[name])))
            text = f"{name} {operator}" if "null" in operator else f"{name} {operator} {value}"
            if operator in ("in", "nin", "notin"):
                text = f"{name} {operator} [{value}]"
            return [(table["parameter"], text)]
        assert self._write is not None
        return [(table["parameter"], self._write(random.Random(draw(st.integers(0, 9999)))))]

    def _paging(self, draw: Draw, state: State) -> Sequence[tuple[str, Any]]:
        table = self._table["paging"]
        size = draw(st.sampled_from((2, 1, 3, int(table["most"]), int(table["most"]) + 1, 0)))
        return [(parameter(table, "size"), size)]

    def _other(self, draw: Draw, state: State) -> Sequence[tuple[str, Any]]:
        name = draw(st.sampled_from(list(self._others)))
        schema = self._others[name]
        values = [*schema.get("enum", ()), *schema.get("examples", ())]
        if schema.get("type") == "boolean":
            values += ["true", "false"]
        return [(name, draw(st.sampled_from(values)))] if values else []


def _weighed(moves: Sequence[Move], changed: Collection[str]) -> list[Move]:
    """What makes records first; more often than the rest what makes and changes those of which most can be said."""
    found = []
    for move in moves:
        weight = {"create": 2, "update": 2, "delete": 2, "transition": 3}.get(move.verb, 1)
        if move.resource in changed and move.verb in ("create", "update", "delete"):
            weight += 2 + len(move.body) // 4
        found += [move] * weight
    return sorted(found, key=lambda move: move.verb != "create")


def _quoted(value: Any) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
