"""Mocks that tests share, and the worlds in them that they do not share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from mockserver.app import create_app
from mockserver.settings import TABLE, Settings
from mockserver.testing.backstage import Backstage, Mock
from mockserver.testing.lookup import NotArranged
from mockserver.testing.tenant import MockTenant
from mockserver.vendor import SpecError, Vendor, load, shipped
from mockserver.webhooks import Courier

MOST_MOCKS = 8  # that are kept for the next test which wants one with the same settings
_ASKED = ("seed", "records", "clock", "limits")


class MockWorlds:
    """Opens worlds, each by its own door. The mocks behind them are made when they are first wanted, and then kept."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._backstage: Backstage | None = None
        self._vendors: dict[str, Vendor] = {}
        self._mocks: dict[tuple[str, Settings], Mock] = {}

    @contextmanager
    def open(
        self, vendor: str | Path, *, name: str = "test", serve: bool = False, **settings: Any
    ) -> Iterator[MockTenant]:
        """A fresh world of a vendor, or of a vendor folder, until the block is left.

        `settings` are `seed`, `records`, `clock`, `limits` as `proofboard serve` has them, and `switches`, name to
        value. With `serve` the clients that the tenant makes go through a port too. Raises NotArranged.
        """
        self._backstage = backstage = self._backstage or Backstage()
        mock = self._mock(backstage, self._vendor(vendor), settings)
        name = _unused(name.encode("ascii", "backslashreplace").decode(), mock.names)
        mock.names.add(name)
        tenant = MockTenant(mock, backstage, name, serve=serve)
        try:
            yield tenant
        finally:
            tenant.close()
            backstage.run(self._leave(mock, name))

    def close(self) -> None:
        if self._backstage is not None:
            for mock in self._mocks.values():
                self._backstage.run(self._end(mock))
            self._backstage.close()

    def _vendor(self, wanted: str | Path) -> Vendor:
        name = str(wanted)
        if name not in self._vendors:
            folder = self._root / name
            try:
                self._vendors[name] = load(folder if name not in shipped() and folder.is_dir() else name)
            except SpecError as error:
                raise NotArranged(str(error)) from None
        return self._vendors[name]

    def _mock(self, backstage: Backstage, vendor: Vendor, given: Mapping[str, Any]) -> Mock:
        settings = _settings(vendor, given)
        key = (str(vendor.folder), settings)
        if key not in self._mocks:
            idle = next((one for one, mock in self._mocks.items() if not mock.names), None)
            if len(self._mocks) >= MOST_MOCKS and idle is not None:
                backstage.run(self._end(self._mocks.pop(idle)))
            courier = Courier(stays_here=True)
            self._mocks[key] = Mock(vendor, backstage.call(create_app, settings, [vendor], courier), courier)
        return self._mocks[key]

    async def _leave(self, mock: Mock, name: str) -> None:
        worlds = mock.app.stages[0].worlds
        await mock.courier.forget(worlds.find(name))
        worlds.drop(name)
        mock.names.discard(name)

    async def _end(self, mock: Mock) -> None:
        await mock.courier.close()
        mock.app.close()


def _settings(vendor: Vendor, given: Mapping[str, Any]) -> Settings:
    """The settings of a mock. Raises NotArranged with every mistake."""
    values: dict[str, Any] = {}
    mistakes = []
    for row in TABLE:
        if row.name in _ASKED and (value := given.get(row.name)) is not None:
            try:
                values[row.name] = row.parse(value.isoformat() if isinstance(value, datetime) else str(value))
            except ValueError as error:
                mistakes.append(f"{row.name} is {value!r}; expected {error}.")
    switches = dict(given.get("switches") or {})
    mistakes += [f"{told}." for name, value in switches.items() if (told := vendor.misturned(name, value))]
    if mistakes:
        raise NotArranged("\n".join(mistakes))
    turned = tuple((vendor.name, name, value) for name, value in sorted(switches.items())) or None
    return Settings(**values, switches=turned)


def _unused(name: str, taken: set[str]) -> str:
    number = 1
    while (found := name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return found
