"""What the tests share: the mock in process, real servers beside it, and the headers that make you somebody.

Each test gets a world of its own, so none has to clean up.
"""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mockserver.app import App, create_app
from mockserver.engine.stage import Stage
from mockserver.engine.world import World
from mockserver.settings import Settings
from mockserver.vendor import Vendor, load
from tests.tools.serving import Served, end, serve

if TYPE_CHECKING:
    from tests.geotareas import GeoTareas
    from tests.kanbert import Kanbert
    from tests.kantata import Kantata

FROZEN = "2024-01-21T10:00:00Z"


@pytest.fixture(scope="session", autouse=True)
def _no_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What runs write down of a tenant is not kept in a person's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


class InProcess(httpx.BaseTransport):
    """Hands requests straight to the application, all on one event loop; what the application raises, the test sees."""

    def __init__(self, app: App) -> None:
        self._transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        self._loop = asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._loop.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        return httpx.Response(response.status_code, headers=response.headers.raw, content=await response.aread())

    def close(self) -> None:
        self._loop.close()


class Tenant:
    """One world of a stand-in, as its callers see it. `app` is there for what no caller could do."""

    def __init__(self, client: httpx.Client, vendor: Vendor, world: str, app: App | None = None) -> None:
        self.client = client
        self.vendor = vendor
        self.name = world
        self.known = vendor.known
        self._app = app

    def close(self) -> None:
        """As when the server is ended in good order."""
        if self._app is not None:
            self._app.close()
            self._app = None

    def call(self, method: str, path: str, caller: str | None = "owner", **options: Any) -> httpx.Response:
        """A call below the vendor's base URL; `headers` win over those of the caller."""
        headers = {"X-Mock-World": self.name.encode(), **self.headers_of(caller), **options.pop("headers", {})}
        return self.client.request(method, self.vendor.mount + path, headers=headers, **options)

    def headers_of(self, caller: str | None) -> dict[str, str]:
        return dict(self.vendor.callers[caller].headers) if caller else {}

    def control(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"X-Mock-World": self.name.encode(), **options.pop("headers", {})}
        return self.client.request(method, f"/_mock{path}", headers=headers, **options)

    @property
    def stage(self) -> Stage:
        assert self._app is not None
        return self._app.stages[0]

    @property
    def world(self) -> World:
        return self.stage.worlds.find(self.name)

    # What most tests of KanMan need

    def create(self, **fields: Any) -> dict[str, Any]:
        """A new task, in the known project unless another is named."""
        body = {"projectId": self.known["project_id"], "label": "A new task", **fields}
        return dict(self.call("POST", "/tasks", json=body).raise_for_status().json()["task"])

    def read(self, task_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/tasks/{task_id}").raise_for_status().json()["task"])

    def listed(self, project_id: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/projects/{project_id}/tasks").raise_for_status().json()["tasks"])


@pytest.fixture(scope="session")
def kanman() -> Vendor:
    return load("kanman")


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def world_name(numbers: Iterator[int]) -> str:
    """A name that no other test uses."""
    return f"world {next(numbers)}"


Mock = tuple[App, httpx.Client]


@contextmanager
def in_process(vendor: Vendor, **settings: Any) -> Iterator[Mock]:
    """A stand-in in this process, frozen in the month of its samples unless the settings say otherwise."""
    app = create_app(Settings(**{"clock": FROZEN, **settings}), [vendor])
    with httpx.Client(transport=InProcess(app), base_url="http://mock") as client:
        yield app, client
    app.close()


@pytest.fixture(scope="session")
def mock(kanman: Vendor) -> Iterator[Mock]:
    """KanMan in process, for all tests that need no settings of their own."""
    with in_process(kanman) as made:
        yield made


@pytest.fixture
def tenant(mock: Mock, kanman: Vendor, world_name: str) -> Tenant:
    """A fresh world of KanMan in process."""
    app, client = mock
    return Tenant(client, kanman, world_name, app)


@pytest.fixture(scope="session")
def kanbert_mock() -> Iterator[Mock]:
    """Kanbert in process, for all tests that need no settings of their own."""
    with in_process(load("kanbert")) as made:
        yield made


@pytest.fixture
def kanbert(kanbert_mock: Mock, world_name: str) -> "Kanbert":
    """A fresh world of Kanbert in process."""
    from tests.kanbert import Kanbert

    app, client = kanbert_mock
    return Kanbert(Tenant(client, app.stages[0].vendor, world_name, app))


@pytest.fixture(scope="session")
def geotareas_mock() -> Iterator[Mock]:
    """GeoTareas in process, at the moment of its sample, for all tests that need no settings of their own."""
    with in_process(load("geotareas"), clock="2026-03-19T16:45:00Z") as made:
        yield made


@pytest.fixture
def geotareas(geotareas_mock: Mock, world_name: str) -> "GeoTareas":
    """A fresh world of GeoTareas in process."""
    from tests.geotareas import GeoTareas

    app, client = geotareas_mock
    return GeoTareas(client, app.stages[0].vendor, world_name, app)


@pytest.fixture(scope="session")
def kantata_mock() -> Iterator[Mock]:
    """Kantata in process, soon after its seed's last change, for all tests that need no settings of their own."""
    with in_process(load("kantata"), clock="2026-01-20T22:00:00Z") as made:
        yield made


@pytest.fixture
def kantata(kantata_mock: Mock, world_name: str) -> "Kantata":
    """A fresh world of Kantata in process."""
    from tests.kantata import Kantata

    app, client = kantata_mock
    return Kantata(Tenant(client, app.stages[0].vendor, world_name, app))


@pytest.fixture
def open_tenant() -> Iterator[Callable[..., Tenant]]:
    """Makes stand-ins of their own, by settings and, if need be, another vendor folder."""
    with ExitStack() as stack:

        def make(vendor: Vendor | None = None, *, name: str = "default", **settings: Any) -> Tenant:
            vendor = vendor or load("kanman")
            app = create_app(Settings(**{"clock": FROZEN, **settings}), [vendor])
            client = stack.enter_context(httpx.Client(transport=InProcess(app), base_url="http://mock"))
            tenant = Tenant(client, vendor, name, app)
            stack.callback(tenant.close)
            return tenant

        yield make


@pytest.fixture
def edit_kanman(tmp_path: Path, kanman: Vendor) -> Callable[..., Vendor]:
    """KanMan with another plan: `edit_kanman(api_quota=5)` changes the default workspace's limits."""

    def make(**limits: int) -> Vendor:
        folder = tmp_path / "kanman"
        shutil.copytree(kanman.folder, folder)
        seed = (folder / "seed.yaml").read_text()
        for name, limit in limits.items():
            documented = kanman.seed["records"]["workspaces"][0][name]
            assert seed.count(f"{name}: {documented}") == 1
            seed = seed.replace(f"{name}: {documented}", f"{name}: {limit}")
        (folder / "seed.yaml").write_text(seed)
        return load(folder)

    return make


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    """A real server on a free port, for the whole session. Whatever tests do to it, it says nothing and lives on."""
    with serve("kanman") as served:
        yield served
        assert served.process.poll() is None, "the server has died"
        end(served.process)
        assert served.process.stdout is not None
        assert served.process.stdout.read() == "", "the server has complained"


@pytest.fixture
def remote(server: Served, kanman: Vendor, world_name: str) -> Iterator[Tenant]:
    """A fresh world of KanMan on the real server."""
    with httpx.Client(base_url=server.origin, timeout=30) as client:
        yield Tenant(client, kanman, world_name)
