"""All time and all randomness: virtual clocks, seeded ids and fake data. No other module asks for either."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any


def wall_clock() -> float:
    """Epoch seconds of the machine's clock."""
    return time.time()


def parse_time(text: str) -> float:
    """Epoch seconds of an ISO 8601 timestamp; one without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def format_time(epoch: float, form: str = "zulu") -> str:
    """ISO 8601 in whole seconds: in UTC with `Z`, as `2024-01-15T10:40:00Z`; `local` leaves out the zone.

    Any other form is the offset of a zone, such as `-08:00`, in which the time is told; `local-08:00` leaves it out.
    """
    if form == "zulu":
        return datetime.fromtimestamp(int(epoch), UTC).isoformat()[:19] + "Z"
    if form == "local":
        return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    zone = form.removeprefix("local")
    hours, _, minutes = zone[1:].partition(":")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if zone[0] == "-" else 1)
    told = datetime.fromtimestamp(int(epoch), timezone(offset)).strftime("%Y-%m-%dT%H:%M:%S")
    return told if zone != form else told + form


def later(stamp: str, seconds: float) -> str:
    """The timestamp so many seconds after another."""
    return format_time(parse_time(stamp) + seconds)


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def day_of(now: float, day: int | str) -> str:
    """The date so many days after the one of that time, or that of a weekday in its week, which begins on Monday."""
    today = datetime.fromtimestamp(now, UTC).date()
    days = _WEEKDAYS.index(day) - today.weekday() if isinstance(day, str) else day
    return (today + timedelta(days=days)).isoformat()


def next_month(epoch: float) -> float:
    """00:00:00 UTC on the first of the month that follows."""
    now = datetime.fromtimestamp(epoch, UTC)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def this_month(epoch: float) -> float:
    """00:00:00 UTC on the first of the month."""
    now = datetime.fromtimestamp(epoch, UTC)
    return datetime(now.year, now.month, 1, tzinfo=UTC).timestamp()


# The years that a datetime can format; a clock outside of them is refused.
EARLIEST, LATEST = parse_time("1970-01-01T00:00:00Z"), parse_time("9998-12-31T00:00:00Z")


class Clock:
    """A clock that runs with the machine's at some distance, or stands still where it was frozen."""

    __slots__ = ("_form", "_frozen_at", "_offset", "_stamp", "_stamped")

    def __init__(self, frozen_at: float | None = None, offset: float = 0.0, form: str = "zulu") -> None:
        self._frozen_at = frozen_at
        self._offset = offset
        self._form = form
        self._stamped = -1
        self._stamp = ""

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    def now(self) -> float:
        """Epoch seconds."""
        return wall_clock() + self._offset if self._frozen_at is None else self._frozen_at

    def timestamp(self) -> str:
        """Now, as `format_time` prints it in the clock's form."""
        second = int(self.now())
        if second != self._stamped:
            self._stamped, self._stamp = second, format_time(second, self._form)
        return self._stamp

    def move_to(self, epoch: float) -> None:
        """Raises ValueError outside 1970 to 9998."""
        if not EARLIEST <= epoch <= LATEST:
            raise ValueError("the clock goes from 1970 to 9998")
        if self._frozen_at is None:
            self._offset = epoch - wall_clock()
        else:
            self._frozen_at = epoch

    def freeze(self, frozen: bool = True) -> None:
        now = self.now()
        self._frozen_at = now if frozen else None
        self._offset = now - wall_clock()

    def state(self) -> dict[str, float | None]:
        return {"frozen_at": self._frozen_at, "offset": self._offset}


FIRST_NUMBER = 1_000_000  # above the ids that a seed is likely to fix


def seeded_id(form: str | None, seed: int, serial: int, now: float = 0.0) -> str | int:
    """A new key: by a resource's `id_form` a whole number, a ULID of that time in lower case, or else a UUID."""
    if form == "integer":
        return FIRST_NUMBER + serial
    return seeded_ulid(seed, serial, now) if form == "ulid" else seeded_uuid(seed, serial)


_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]


def seeded_ulid(seed: int, serial: int, now: float) -> str:
    """26 characters of base 32: milliseconds since 1970, then the serial, so that order is that of creation."""
    noise = int.from_bytes(blake2b(b"%d:%d" % (seed, serial), digest_size=6).digest(), "big")
    number = (int(now * 1000) & ((1 << 48) - 1)) << 80 | (serial & 0xFFFFFFFF) << 48 | noise
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def seeded_uuid(seed: int, serial: int) -> str:
    """The UUID of version 4 form that stands at that place in the seed's sequence, lower case with hyphens."""
    return _uuid(b"%d:%d" % (seed, serial))


def named_uuid(seed: int, name: str, serial: int) -> str:
    """As `seeded_uuid`, in a sequence that is that name's own."""
    return _uuid(b"%d:%d:%s" % (seed, serial, name.encode("utf-8", "surrogatepass")))


def _uuid(key: bytes) -> str:
    digits = blake2b(key, digest_size=16).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def seeded_secret(seed: int, key: str | int) -> str:
    """40 hexadecimal digits that only the seed and the key of a record tell."""
    return blake2b(f"{seed}:{key}".encode(), digest_size=20, person=b"secret").hexdigest()


MOST_TEXTS = 300  # different ones of one template


class Fakes:
    """Made-up data, fixed by a seed: Faker's providers, and one more for each list of words."""

    def __init__(self, seed: int, locale: str, words: Mapping[str, Sequence[str]]) -> None:
        # Imported here: a state that has its records needs no Faker, and the import is a third of the start.
        from faker import Faker
        from faker.providers import DynamicProvider

        self._faker = Faker(locale)
        self._faker.seed_instance(seed)
        for name, elements in words.items():
            # Without a generator named, the provider would draw from one that nobody has seeded.
            generator = self._faker.factories[0]
            self._faker.add_provider(DynamicProvider(name, list(elements), generator))
        self._random = self._faker.random
        self._texts: dict[str, list[str]] = {}

    def text(self, template: str) -> str:
        """The template with each `{{provider}}` filled in, the first letter upper case.

        After so many texts of a template they come again: Faker would take most of the time of a large seed.
        """
        pool = self._texts.setdefault(template, [])
        if len(pool) == MOST_TEXTS:
            return str(self.pick(pool))
        made: str = self._faker.parse(template)
        pool.append(made[:1].upper() + made[1:])
        return pool[-1]

    def pick(self, values: Sequence[Any]) -> Any:
        return values[int(self._random.random() * len(values))]

    def chance(self) -> float:
        """From 0 up to 1."""
        return float(self._random.random())
