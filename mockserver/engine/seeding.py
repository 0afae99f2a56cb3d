"""The seed of a vendor: the records that seed.yaml fixes, and made-up ones around them, in one layer of the store."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import count, cycle, islice
from typing import Any, NamedTuple

from mockserver import cache
from mockserver.engine.chance import Fakes, day_of, format_time, parse_time, seeded_id
from mockserver.engine.collection import Collection
from mockserver.engine.own import Own
from mockserver.engine.rank import next_rank
from mockserver.engine.store import Record, Store, of_another_model
from mockserver.vendor import Vendor

Maker = Callable[[Record], Any]
DAY = 86400
MOST_REMEMBERED = 2000  # main records of a seed that is kept for the next start

log = logging.getLogger(__name__)


class Sown(NamedTuple):
    """What the records of fresh worlds are made from; `at` is the time from which their dates are told.

    A state that had its records before keeps them, whatever this says.
    """

    seed: int
    records: int | None
    at: float


def seed_layer(
    store: Store,
    vendor: Vendor,
    collections: Mapping[str, Collection],
    *,
    seed: int,
    records: int | None,
    now: float = 0.0,
) -> tuple[int, int, dict[str, int]]:
    """The layer that holds the seed, the number of its records, and the highest keys where those are digits.

    A state that has a seed keeps it. `now` is the day from which relative dates are told.
    """
    made = {"seed": seed, "records": records, "shapes": {name: one.columns for name, one in collections.items()}}
    kept = store.load(f"seed.{vendor.name}")
    if kept is not None:
        if kept["made"]["shapes"] != made["shapes"]:
            raise of_another_model(vendor.name)
        if kept["made"] != made:
            was = kept["made"]
            log.warning(
                "%s keeps the records of its state: seed %s, records %s", vendor.name, was["seed"], was["records"]
            )
        return kept["layer"], kept["seeded"], kept["highest"]
    store.begin()
    layer = store.new_layer()
    crop = _crop(vendor, seed, records, now)
    first = 1
    for resource, rows in crop["rows"]:
        collections[resource].fill(layer, rows, first=first)
        first += len(rows)
    kept = {"layer": layer, "seeded": crop["serial"], "highest": crop["highest"], "made": made}
    store.keep(f"seed.{vendor.name}", kept)
    store.commit()
    return layer, crop["serial"], crop["highest"]


def _crop(vendor: Vendor, seed: int, records: int | None, now: float) -> dict[str, Any]:
    """What a garden grows: the rows of each resource, the serial and the highest keys. That of a day is kept.

    Faker, its import included, takes longer than the rest of a start.
    """

    def grow() -> dict[str, Any]:
        garden = Garden(vendor, seed, records, now)
        rows = list(garden.grow())
        return {"rows": rows, "serial": garden.serial, "highest": garden.highest}

    if not vendor.digest or (records or 0) > MOST_REMEMBERED:
        return grow()
    return cache.recall("seed", b"%s:%d:%d:%d" % (vendor.digest, seed, records or 0, int(now // DAY)), grow)


class Garden:
    """Grows the records of one vendor: first those that are fixed, then `generate`'s, parents before children."""

    def __init__(self, vendor: Vendor, seed: int, records: int | None, now: float = 0.0) -> None:
        self._vendor = vendor
        self._seed = seed
        self._now = now
        self.highest: dict[str, int] = {}
        self._table = vendor.seed.get("generate", {})
        self._wanted = records
        self._times = vendor.behaviour.get("timestamps", "zulu")
        self.serial = 0
        self._fakes = Fakes(seed, self._table.get("locale", "en_US"), self._table.get("words", {}))
        self._ranks: dict[tuple[str, str], Any] = {}
        self._own = Own(vendor.name)
        self._count_made = 0  # how many records are made of the resource that is growing

    def grow(self) -> Iterator[tuple[str, list[Record]]]:
        """Pairs of resource and its records."""
        grown: dict[str, list[Record]] = {}
        for resource, table in self._vendor.behaviour["resources"].items():
            fixed = [self._dated(record) for record in self._vendor.seed["records"].get(resource, ())]
            for record in fixed:
                self._note_rank(table, resource, record)
            self.serial += len(fixed)
            if table.get("id_form") == "digits":
                self.highest[resource] = max((int(record[table["key"]]) for record in fixed), default=0)
            plot = self._table.get("resources", {}).get(resource)
            made = self._generated(resource, table, plot, grown) if plot else []
            tend = self._own.find(f"grow_{resource}") if made else None
            if tend is not None:
                tend(made, grown, self._fakes)
            grown[resource] = fixed + made
            yield resource, grown[resource]

    def _dated(self, record: Record) -> Record:
        """A fixed record, each `{$day: …}` in it become a date."""
        return {
            name: day_of(self._now, value["$day"]) if isinstance(value, Mapping) and "$day" in value else value
            for name, value in record.items()
        }

    def _generated(
        self, resource: str, table: Mapping[str, Any], plot: Mapping[str, Any], grown: Mapping[str, list[Record]]
    ) -> list[Record]:
        self._count_made = self._count(plot)
        makers = {field: self._maker(rule) for field, rule in plot["fields"].items()}
        created = table.get("created") if table.get("id_form") == "ulid" else None
        records: list[Record] = []
        for parent in self._parents(plot, grown):
            key = None if created in makers else self._key(resource, table, plot, len(records))
            record = {table["key"]: key, **plot.get("values", {})}
            if parent is not None:
                record[plot["parent"]["field"]] = parent["id"]
            if "account" in table:
                record[table["account"]] = self._account_of(parent)
            for field, make in makers.items():
                record[field] = make(record)
            if key is None:  # such a key tells when its record was made
                self.serial += 1
                record[table["key"]] = seeded_id("ulid", self._seed, self.serial, parse_time(record[created]))
            self._rank(table, resource, record)
            records.append(record)
        return records

    def _parents(self, plot: Mapping[str, Any], grown: Mapping[str, list[Record]]) -> Iterator[Record | None]:
        """One parent for each record to be made, evenly spread; children stand together in theirs, or take turns."""
        wanted = self._count(plot)
        if "parent" not in plot:
            yield from [None] * wanted
            return
        spared = set(plot["parent"].get("spare", ()))
        mine = self._vendor.seed["default_account"]
        parents = [
            one
            for one in grown[plot["parent"]["resource"]]
            if one["id"] not in spared and self._account_of(one) == mine
        ]
        if plot["parent"].get("turns"):
            yield from islice(cycle(parents), wanted)
            return
        for number, parent in enumerate(parents):
            yield from [parent] * (wanted * (number + 1) // len(parents) - wanted * number // len(parents))

    def _count(self, plot: Mapping[str, Any]) -> int:
        """`count` records; `main: true` as many as were asked for; `share: N` one for each N of those."""
        wanted = self._table["main_count"] if self._wanted is None else self._wanted
        if plot.get("main"):
            return int(wanted)
        least = int(plot["count"])
        return max(least, math.ceil(wanted / plot["share"])) if "share" in plot else least

    def _account_of(self, parent: Record | None) -> str:
        for table in self._vendor.behaviour["resources"].values():
            if parent is not None and table.get("account") in parent:
                return str(parent[table["account"]])
        return str(self._vendor.seed["default_account"])

    def _key(self, resource: str, table: Mapping[str, Any], plot: Mapping[str, Any], number: int) -> str | int:
        """The key of a generated record; digits count from the plot's `first_id`, or go on behind the fixed ones."""
        form = table.get("id_form")
        if form != "digits":
            return self._new_id(form)
        self.serial += 1
        key = plot["first_id"] + number if "first_id" in plot else self.highest[resource] + 1
        self.highest[resource] = max(self.highest[resource], key)
        return str(key)

    def _new_id(self, form: str | None = None) -> str | int:
        self.serial += 1
        return seeded_id(form, self._seed, self.serial)

    def _rank(self, table: Mapping[str, Any], resource: str, record: Record) -> None:
        rank = table.get("rank")
        if rank is not None:
            last = self._ranks.get((resource, record[rank["within"]]))
            record[rank["field"]] = next_rank(last, rank["first"])
            self._note_rank(table, resource, record)

    def _note_rank(self, table: Mapping[str, Any], resource: str, record: Record) -> None:
        rank = table.get("rank")
        if rank is not None:
            parent = (resource, record[rank["within"]])
            place = record[rank["field"]]
            self._ranks[parent] = max(self._ranks.get(parent, place), place)

    # Makers: what `fields` of seed.yaml can say

    def _maker(self, rule: Mapping[str, Any]) -> Maker:
        kind, given = next((key, value) for key, value in rule.items() if key != "absent")
        make: Maker = getattr(self, f"_make_{kind}")(given)
        absent = rule.get("absent")
        if absent is None:
            return make
        return lambda record: None if self._fakes.chance() < absent else make(record)

    def _make_text(self, templates: list[str]) -> Maker:
        return lambda record: self._fakes.text(self._fakes.pick(templates))

    def _make_pick(self, values: list[Any]) -> Maker:
        return lambda record: self._fakes.pick(values)

    def _make_id(self, given: bool) -> Maker:
        return lambda record: self._new_id()

    def _make_between(self, span: list[str]) -> Maker:
        start, end = map(parse_time, span)
        return lambda record: format_time(start + self._fakes.chance() * (end - start), self._times)

    def _make_rising(self, span: list[str]) -> Maker:
        """Times that follow one another from the first to the last."""
        start, end = map(parse_time, span)
        step, numbers = (end - start) / max(1, self._count_made), count()
        return lambda record: format_time(start + next(numbers) * step, self._times)

    def _make_day(self, days: list[int]) -> Maker:
        """A date from so many days after the seeding to so many."""
        dates = [day_of(self._now, number) for number in range(days[0], days[1] + 1)]
        return lambda record: self._fakes.pick(dates)

    def _make_after(self, given: Mapping[str, Any]) -> Maker:
        field, days = given["field"], given["days"]
        return lambda record: format_time(parse_time(record[field]) + self._fakes.chance() * days * DAY, self._times)

    def _make_many(self, given: Mapping[str, Any]) -> Maker:
        makers = {field: self._maker(rule) for field, rule in given["fields"].items()}
        counts = range(given["most"] + 1)
        return lambda record: [
            {field: make(record) for field, make in makers.items()} for _ in range(self._fakes.pick(counts))
        ]
