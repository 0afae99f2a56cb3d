"""What is shown besides when it is asked for, and only then: keys of records, and maps beside them.

`shows` of an operation's `include` tells for each name: the `field` of the record that holds it, or the map at its
`side`; the field that `refers` to it, or by which its `children` refer to the record; what stands there `otherwise`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from contracts.findings import Broken, NotJudged
from contracts.laws import aspects, pages
from contracts.laws.bench import Bench
from contracts.laws.paged import Paged
from contracts.laws.terms import Record, judged, key_of, refusal, refused, short, succeed
from contracts.room import may_lack
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation, Rule

Shows = Mapping[str, Any]


def include(tenant: Tenant, rule: Rule) -> None:
    """Every operation that can show more, in the aspects that the rule is about."""
    bench = Bench(tenant)
    tried = 0
    for operation in judged(tenant, rule):
        table = operation.table.get("include") or _shows_always(tenant, operation)
        if table is None:
            continue
        tried += 1
        found = _Included(bench, operation, table)
        cases = {
            "optional": found.optional,
            "names": found.names,
            "several": found.several,
            "unknown": found.unknown,
            "empty": found.empty,
            "repeated": found.repeated,
            "only_when_asked": found.only_when_asked,
            "consistent": found.consistent,
            "not_counted": found.not_counted,
        }
        cases |= {f"shows_{name}": partial(found.shows, name) for name in table["shows"]}
        cases |= {f"absent_{name}": partial(found.absent, name) for name in table["shows"]}
        aspects.judge(tenant, "include", rule, cases)
    if not tried:
        raise NotJudged("no operation of the rule shows more when it is asked")


def _shows_always(tenant: Tenant, operation: Operation) -> Shows | None:
    """What a list of the same resource can show besides, for an operation that shows it unasked."""
    for other in tenant.vendor.operations.values():
        if other.table.get("resource") == operation.table.get("resource") and "shows" in other.table.get("include", {}):
            return {"shows": other.table["include"]["shows"], "names": ()}
    return None


@dataclass
class _Included:
    """One operation, asked with and without names."""

    bench: Bench
    operation: Operation
    table: Shows

    @property
    def tenant(self) -> Tenant:
        return self.bench.tenant

    @property
    def _key(self) -> str:
        return key_of(self.tenant.vendor, self.operation.table["resource"])

    def _ask(self, text: str | None) -> tuple[str, Answer, list[Record]]:
        query: dict[str, Any] = {} if text is None else {self.table["parameter"]: text}
        what = self.operation.id if text is None else f"{self.operation.id} with {self.table['parameter']}={text}"
        if self.operation.table["verb"] == "list" and "paging" in self.operation.table:
            paged = Paged(self.bench, self.operation)
            query[paged.name("size")] = paged.most
        answer = self.bench.call(self.operation, query=query, **self._target())
        found = succeed(self.tenant, self.operation, answer, what)
        records: list[Record] = found if isinstance(found, list) else [found]
        if not records:
            raise NotJudged(f"{self.operation.id} shows no record")
        return what, answer, records

    def _target(self) -> dict[str, Any]:
        """A record of our own to delete: each can be deleted but once."""
        if self.operation.table["verb"] != "delete":
            return {}
        made = self.bench.create(self.operation.table["resource"])
        return {"path": self.bench.path(self.operation, str(made[self._key]))}

    def _entries(self, *names: str) -> dict[str, Shows]:
        return {name: self.table["shows"][name] for name in names or self.table["shows"]}

    # The aspects

    def optional(self) -> None:
        self._ask(None)
        for name in self.table["names"]:
            self._ask(name)

    def names(self) -> None:
        for name in self.table["names"]:
            self.shows(name)
        self.unknown()

    def shows(self, name: str) -> None:
        """With the name asked for, what it stands for is there, and is the right one."""
        self._arrange()
        what, answer, records = self._ask(name if name in self.table["names"] else None)
        self._check(what, answer, records, name)

    def several(self) -> None:
        self._arrange()
        names = list(self.table["names"])
        for chosen in (names, names[::-1], names[:2], names[-2:]):
            what, answer, records = self._ask(",".join(chosen))
            for name in chosen:
                self._check(what, answer, records, name)

    def repeated(self) -> None:
        name = self.table["names"][0]
        _, _, once = self._ask(name)
        what, answer, twice = self._ask(f"{name},{name}")
        if self.operation.table["verb"] in ("list", "get") and once != twice:
            raise Broken(f"{what}: shows other records than the name once", answer)
        self._check(what, answer, twice, name)

    def empty(self) -> None:
        self._absent("", *self.table["names"])

    def only_when_asked(self) -> None:
        self._absent(None, *self.table["names"])
        for name in self.table["names"][1:]:
            self._absent(self.table["names"][0], name)

    def absent(self, name: str) -> None:
        """Nobody asked for it, so it is not there."""
        self._absent(None, name)

    def unknown(self) -> None:
        for text in ("string", f"{self.table['names'][0]},colour", self.table["names"][0].upper()):
            if self.table.get("unknown") == "ignore":
                self._ignored(text)
                continue
            answer = self.bench.call(self.operation, query={self.table["parameter"]: text})
            what = f"{self.operation.id} with {self.table['parameter']}={text}"
            refused(self.tenant, answer, refusal(self.tenant.vendor, "include_unknown"), what)

    def _ignored(self, text: str) -> None:
        query = {self.table["parameter"]: text}
        if not self.tenant.is_mock and self.bench.call(self.operation, query=query).status == 400:
            return
        what, answer, records = self._ask(text)
        for name in self.table["names"]:
            if name in text.split(","):
                self._check(what, answer, records, name)

    def consistent(self) -> None:
        """Whatever is shown is what the record's own fields name."""
        self._arrange()
        names = list(self.table["names"])
        what, answer, records = self._ask(",".join(names) if names else None)
        for name, entry in self._entries().items():
            for record in records:
                if entry.get("field") in record:
                    _ = entry.get("refers") and record[entry["refers"]]  # without it there is nothing to compare
                    self._check_one(what, answer, record, name, entry)

    def not_counted(self) -> None:
        """What stands beside the records is neither in their list nor in their number."""
        _, plain, records = self._ask(None)
        what, answer, more = self._ask(",".join(self.table["names"]))
        if len(records) != len(more) and self.operation.table["verb"] in ("list", "get"):
            raise Broken(f"{what}: shows {len(more)} records, without it {len(records)}", answer)
        for word in ("count", "meta"):
            told, expected = answer.json().get(word), plain.json().get(word)
            if self.operation.table["verb"] in ("list", "get") and told != expected:
                raise Broken(f"{what}: {word!r} is {short(told)}, without it {short(expected)}", answer)

    # What a name stands for

    def _arrange(self) -> None:
        """A record with all that can be shown, where records of ours may have it."""
        resource = self.operation.table["resource"]
        if self.operation.table["verb"] == "list" and self.tenant.is_mock and self.bench.is_ours(resource):
            parent = self.bench.create(resource)
            for entry in self._entries().values():
                if "children" in entry and self._creates(entry["children"]):
                    self.bench.create(resource, **{entry["children"]: parent[self._key]})

    def _creates(self, field: str) -> bool:
        sample = self.tenant.vendor.behaviour["samples"][self.operation.table["resource"]]
        return field in self.tenant.vendor.operations[sample["create"]].table.get("accepts", {})

    def _check(self, what: str, answer: Answer, records: list[Record], name: str) -> None:
        entry = self._entries(name)[name]
        if "side" in entry:
            self._check_side(what, answer, records, entry)
        for record in records:
            if entry.get("room") and not self.tenant.is_mock and entry.get("field") not in record:
                continue
            self._check_one(what, answer, record, name, entry)

    def _check_one(self, what: str, answer: Answer, record: Record, name: str, entry: Shows) -> None:
        if "field" not in entry:
            return
        identity = record[self._key]
        if entry["field"] not in record:
            raise Broken(f"{what}: expected {entry['field']!r} in {identity}", answer)
        shown = record[entry["field"]]
        if "refers" in entry:
            self._check_reference(what, answer, record, entry, shown)
        elif not isinstance(shown, list):
            raise Broken(f"{what}: expected a list as {entry['field']!r} of {identity}, got {short(shown)}", answer)
        elif "children" in entry:
            for each in shown:
                if not isinstance(each, Mapping) or each.get(entry["children"]) != identity:
                    told = f"{entry['field']!r} of {identity} holds {short(each)}"
                    raise Broken(f"{what}: {told}, whose {entry['children']!r} names another", answer)
            self._check_all_there(what, answer, record, entry, shown)

    def _check_reference(self, what: str, answer: Answer, record: Record, entry: Shows, shown: Any) -> None:
        is_untold = entry["refers"] not in record and entry["refers"] in may_lack(self.tenant.vendor)
        if is_untold and not self.tenant.is_mock:
            return  # the map beside the records tells the rest
        wanted = record[entry["refers"]]
        if wanted is None and not self.tenant.is_mock:
            return  # a tenant may show what it does not name
        got = shown.get("id") if isinstance(shown, Mapping) else shown
        is_text = isinstance(shown, str)
        if (wanted is None) != (shown is None) or (wanted is not None and str(got) != str(wanted)):
            told = f"{entry['field']!r} of {record[self._key]} is {short(shown)}"
            raise Broken(f"{what}: {told}, but its {entry['refers']!r} is {short(wanted)}", answer)
        if shown is not None and not is_text and not isinstance(shown, Mapping):
            raise Broken(f"{what}: expected a text or an object as {entry['field']!r}, got {short(shown)}", answer)

    def _check_all_there(self, what: str, answer: Answer, record: Record, entry: Shows, shown: list[Any]) -> None:
        if self.operation.table["verb"] != "list" or not self.tenant.is_mock:
            return
        whole = pages.walk(self.bench, self.operation, self.bench.path(self.operation))
        mine = {item[self._key] for item in whole if item.get(entry["children"]) == record[self._key]}
        got = [each.get(self._key) for each in shown]
        if mine != set(got) or len(got) != len(mine):
            told = f"{entry['field']!r} of {record[self._key]} holds {len(got)} records, the list {len(mine)}"
            raise Broken(f"{what}: {told} whose {entry['children']!r} names it", answer)

    def _check_side(self, what: str, answer: Answer, records: list[Record], entry: Shows) -> None:
        side = answer.json().get(entry["side"])
        if not isinstance(side, Mapping):
            raise Broken(f"{what}: expected a map {entry['side']!r}, got {short(side)}", answer)
        named = [record[entry["field"]] for record in records if entry["field"] in record]
        wanted = {str(each) for one in named for each in (one if isinstance(one, list) else [one]) if each is not None}
        if set(side) != wanted:
            odd = sorted(set(side) ^ wanted)[0]
            raise Broken(f"{what}: {entry['side']!r} has the keys {short(sorted(side))}, {odd} does not belong", answer)
        for identity, each in side.items():
            if not isinstance(each, Mapping) or each.get("id") != identity:
                raise Broken(f"{what}: {entry['side']!r} has {short(each)} under {identity}", answer)

    def _absent(self, text: str | None, *names: str) -> None:
        what, answer, records = self._ask(text)
        for entry in self._entries(*names).values():
            if "side" in entry and entry["side"] in answer.json() and self.tenant.is_mock:
                raise Broken(f"{what}: {entry['side']!r} is there, though nobody asked for it", answer)
            for record in records:
                self._check_absent(what, answer, record, entry)

    def _check_absent(self, what: str, answer: Answer, record: Record, entry: Shows) -> None:
        field = entry.get("field")
        if field is None or (entry.get("room") and not self.tenant.is_mock):
            return
        if "otherwise" in entry:
            if record[field] != entry["otherwise"]:
                told = f"expected {field!r} of {record[self._key]} to be {short(entry['otherwise'])}"
                raise Broken(f"{what}: {told}, got {short(record[field])}", answer)
        elif field in record:
            raise Broken(f"{what}: {field!r} is there, though nobody asked for it", answer)
