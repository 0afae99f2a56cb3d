"""How a list is sorted: by what it promises, and by what it is asked for.

The order is worked out from the values that the records show, never by how the stand-in sorts.
"""

from collections.abc import Iterable, Mapping
from functools import cmp_to_key, partial
from itertools import pairwise
from typing import Any

from contracts.findings import Broken, NotJudged
from contracts.laws import aspects
from contracts.laws.bench import Bench
from contracts.laws.paged import Page, Paged, lists
from contracts.laws.terms import Record, accepts, find_operation, key_of, refusal, refused, same, short, succeed
from contracts.tenant import Tenant
from mockserver.vendor import Operation, Rule, Vendor

_ENOUGH = 400  # records of a list that are put in order
_LOOKS = 3  # for what was just changed, in a list that may lag behind
_BETWEEN_LOOKS = 2.0  # seconds


class Comparison:
    """Compares records by sort keys, as the resource's columns compare: texts without case, digits as numbers.

    Null comes first, and last where a key falls.
    """

    def __init__(self, vendor: Vendor, lister: Operation, keys: Iterable[str]) -> None:
        columns = vendor.behaviour["resources"][lister.table["resource"]].get("columns", {})
        self._keys = [(key.removeprefix("-"), key.startswith("-")) for key in keys]
        self._forms = {name: columns.get(name, "plain") for name, _ in self._keys}

    def value(self, record: Record, name: str) -> Any:
        """What a record is sorted by."""
        value = record[name]
        if value is None:
            return None
        if self._forms[name] == "fold" and isinstance(value, str):
            return value.casefold()
        if self._forms[name] == "digits" and str(value).isdecimal():
            return int(value)
        if isinstance(value, str):
            return value.encode()
        if not isinstance(value, int | float):
            raise Broken(f"expected {name!r} to be something to sort by, got {short(value)}")
        return value

    def __call__(self, one: Record, other: Record) -> int:
        for name, falls in self._keys:
            mine, theirs = self.value(one, name), self.value(other, name)
            if mine == theirs and type(mine) is type(theirs):
                continue
            if mine is None or theirs is None:
                is_before = mine is None
            elif type(mine) is not type(theirs) and isinstance(mine, bytes) != isinstance(theirs, bytes):
                raise Broken(
                    f"expected values of one type in {name!r}, got {short(one[name])} and {short(other[name])}"
                )
            else:
                is_before = mine < theirs
            return -1 if is_before != falls else 1
        return 0

    def check(self, what: str, records: list[Record]) -> None:
        """Broken where one record stands before another that comes first."""
        for one, other in pairwise(records):
            if self(one, other) > 0:
                name = next(name for name, _ in self._keys if self.value(one, name) != self.value(other, name))
                told = f"{short(one[name])} stands before {short(other[name])}"
                raise Broken(f"{what}: expected the order of {name!r}, but {told}")

    def sorted(self, records: list[Record]) -> list[Record]:
        return sorted(records, key=cmp_to_key(self))


def sort(tenant: Tenant, rule: Rule) -> None:
    """Each sort that a list offers puts the same records in its order, and the reverse of its reverse is itself."""
    for paged in lists(tenant, rule):
        table = paged.lister.table.get("sort")
        if table is None:
            raise NotJudged(f"{paged.lister.id} has no sort")
        sorter = _Sorter(paged, table)
        cases = {
            "optional": sorter.optional,
            "names": sorter.names,
            "unknown": sorter.unknown,
            "several": sorter.several,
            "falling": sorter.falling,
            "nulls": sorter.nulls,
            "ties": sorter.ties,
            "empty": sorter.empty,
        }
        cases |= {f"by_{field}": partial(sorter.by, field) for field in table["fields"]}
        aspects.judge(tenant, "sort", rule, {name: partial(paged.steadily, case) for name, case in cases.items()})


class _Sorter:
    """The cases of the law on one list."""

    def __init__(self, paged: Paged, table: Mapping[str, Any]) -> None:
        self._paged = paged
        self._parameter: str = table["parameter"]
        self._fields: list[str] = list(table["fields"])
        self._direction: str = table.get("direction", "-")
        self._ignores = table.get("unknown") == "ignore"
        self._order = list(paged.lister.table["order"])
        self._made: list[Record] = []
        self._vary()

    def _vary(self) -> None:
        """Records with equal and with different values, so that an order shows."""
        paged, resource = self._paged, self._paged.lister.table["resource"]
        if not paged.bench.is_ours(resource):
            return
        sample: Mapping[str, Any] = paged.tenant.vendor.behaviour["samples"][resource]
        for number in range(3):
            changes = {name: values[number % len(values)] for name, values in sample.get("changes", {}).items()}
            if paged.tenant.is_mock:
                paged.bench.wait()
            self._made.append(paged.bench.create(resource, **self._accepted(sample["create"], changes)))

    def _accepted(self, operation: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        accepts = self._paged.tenant.vendor.operations[operation].table.get("accepts", {})
        unique = self._paged.tenant.vendor.behaviour["samples"][self._paged.lister.table["resource"]].get("unique", ())
        return {name: value for name, value in changes.items() if name in accepts and name not in unique}

    def _written(self, *keys: str) -> str:
        if self._direction == "-":
            return ",".join(keys)
        return ",".join(f"{key.removeprefix('-')}:{'desc' if key.startswith('-') else 'asc'}" for key in keys)

    def _query(self, text: str | None) -> dict[str, Any]:
        return {} if text is None else {self._parameter: text}

    def _listed(self, text: str | None) -> list[Record]:
        return [item for page in self._paged.walk(self._paged.most, self._query(text)) for item in page.items]

    def _in_order(self, *keys: str, text: str | None = None) -> list[Record]:
        """The list, in the order of these keys and then of its own last key; a tenant may order equals as it likes."""
        paged = self._paged
        own = self._order[-1:] if keys else self._order
        behind = [key for key in own if key.removeprefix("-") not in {each.removeprefix("-") for each in keys}]
        written = self._written(*keys) if text is None else text
        found = self._listed(written)
        what = f"{paged} with {self._parameter}={written}"
        wanted = [*keys, *behind] if paged.tenant.is_mock else list(keys)
        items = found if paged.tenant.is_mock else self._without_null(found, wanted)
        self._compares(wanted).check(what, items)
        self._same_records(what, found)
        return found

    def _without_null(self, found: list[Record], keys: list[str]) -> list[Record]:
        return [item for item in found if all(item[key.removeprefix("-")] is not None for key in keys)]

    def _compares(self, keys: list[str]) -> Comparison:
        return Comparison(self._paged.tenant.vendor, self._paged.lister, keys)

    def _same_records(self, what: str, found: list[Record]) -> None:
        keys = sorted(str(item[self._paged.key]) for item in found)
        if keys != sorted(self._paged.whole):
            raise Broken(f"{what}: shows {len(keys)} records, without a sort {len(self._paged.whole)}")

    def optional(self) -> None:
        self._in_order(text="")
        self._in_order(self._fields[0])

    def names(self) -> None:
        for field in self._fields:
            self._in_order(field)
        if not self._ignores:
            self.unknown()

    def by(self, field: str) -> None:
        up, down = self._in_order(field), self._in_order(f"-{field}")
        key = partial(self._compares([field]).value, name=field)
        if [key(item) for item in up] != [key(item) for item in reversed(down)]:
            raise Broken(f"{self._paged}: by {field} falling is not the reverse of rising")
        again = self._in_order(field)
        if [item[self._paged.key] for item in again] != [item[self._paged.key] for item in up]:
            raise Broken(f"{self._paged}: by {field} twice gives two orders")
        resources = self._paged.tenant.vendor.behaviour["resources"]
        if field == resources[self._paged.lister.table["resource"]].get("updated") and len(self._made) > 1:
            self._by_last_change(field, *self._made[:2])

    def _by_last_change(self, field: str, record: Record, other: Record) -> None:
        """A record of ours that is changed comes behind one that is not. A tenant's list may lag."""
        paged = self._paged
        if not self._change(record):
            return
        behind = [str(each[paged.key]) for each in (other, record)]
        for looks in range(1 if paged.tenant.is_mock else _LOOKS):
            if looks:
                paged.tenant.target.guard.watch.sleep(_BETWEEN_LOOKS)
            found = [str(item[paged.key]) for item in self._listed(self._written(field))]
            if [key for key in found if key in behind] == behind:
                self._forget(record)
                return
        raise Broken(f"{paged} by {field}: {behind[1]} was changed last, and does not stand behind {behind[0]}")

    def _forget(self, record: Record) -> None:
        """On a tenant: take it away again, since what it shows of times need not be all that it sorts by."""
        paged, resource = self._paged, self._paged.lister.table["resource"]
        if not paged.tenant.is_mock and find_operation(paged.tenant.vendor, "delete", resource) is not None:
            self._made.remove(record)
            paged.tenant.remove(resource, str(record[paged.key]))
            paged.__dict__.pop("whole", None)

    def _change(self, record: Record) -> bool:
        """Give a record of ours another value, more than a second after and before anything else; False if none can."""
        paged, bench, resource = self._paged, self._paged.bench, self._paged.lister.table["resource"]
        operation = find_operation(paged.tenant.vendor, "update", resource)
        for name, values in bench.changes(operation).items() if operation is not None else ():
            value = bench.tenant.unlike(resource, name, values[-1])
            if operation is None or same(record.get(accepts(operation)[name]), value):
                continue
            bench.wait()
            answer = bench.call(operation, path=bench.path(operation, record[paged.key]), json={name: value})
            succeed(paged.tenant, operation, answer, f"{operation.id} with {name}: {short(value)}")
            bench.wait()
            bench.wait()
            paged.__dict__.pop("whole", None)
            return True
        return False

    def falling(self) -> None:
        for field in self._fields:
            self._in_order(f"-{field}")

    def several(self) -> None:
        for one, other in ((0, 1), (1, 0), (2, 0), (2, -1), (-1, 2)):
            first, second = self._fields[one % len(self._fields)], self._fields[other % len(self._fields)]
            for keys in ((first, second), (first, f"-{second}"), (f"-{first}", second)):
                self._in_order(*keys)

    def nulls(self) -> None:
        if not self._paged.tenant.is_mock:
            raise NotJudged("a tenant may put null where it likes")
        tried = 0
        for field in self._fields:
            for key in (field, f"-{field}"):
                tried += any(item[field] is None for item in self._in_order(key))
        if not tried:
            raise NotJudged("no record has null in a sort key")

    def ties(self) -> None:
        if not self._paged.tenant.is_mock:
            raise NotJudged("a tenant may order equals as it likes")
        for field in self._fields:
            self._in_order(field)
            self._in_order(f"-{field}")

    def empty(self) -> None:
        expected, found = self._listed(None), self._listed("")
        if [item[self._paged.key] for item in found] != [item[self._paged.key] for item in expected]:
            raise Broken(f"{self._paged}: an empty {self._parameter} is not the order without one")

    def unknown(self) -> None:
        first = self._fields[0]
        known = {field.lower() for field in self._fields}
        others = [each for each in ("colour", self._paged.key, "priority", "-colour") if each not in known]
        for name in (*others, f"{self._written(first)},colour", f"+{first}", first.upper(), f"{first} "):
            if name.strip() in self._fields and not name.endswith(" "):
                continue
            answer = self._paged.send(self._query(name))
            what = f"{self._paged} with {self._parameter}={name!r}"
            if not self._ignores:
                refused(self._paged.tenant, answer, refusal(self._paged.tenant.vendor, "sort_unknown"), what)
            elif self._paged.tenant.is_mock or answer.status == 200:
                self._default_order(self._paged.page(what, answer))

    def _default_order(self, page: Page) -> None:
        if self._paged.tenant.is_mock and page.keys != self._paged.whole[: len(page.keys)]:
            raise Broken(f"{page.what}: expected the order without a sort", page.answer)


def own_order(bench: Bench, lister: Operation, items: list[Record]) -> None:
    """Broken where a list without a sort is not in the order that the model gives it."""
    keys = list(lister.table.get("order", []))
    if not bench.tenant.is_mock and lister.table.get("any_order"):
        return
    if not bench.tenant.is_mock and len(keys) > 1 and keys[-1].removeprefix("-") == _key(bench, lister):
        keys = keys[:-1]  # a tenant may order equals as it likes
    if keys:
        Comparison(bench.tenant.vendor, lister, keys).check(lister.id, items[:_ENOUGH])


def _key(bench: Bench, lister: Operation) -> str:
    return key_of(bench.tenant.vendor, lister.table["resource"])
