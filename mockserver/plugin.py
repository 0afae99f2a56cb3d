"""The pytest plugin for people who build a client against one of the APIs: `proofboard_tenant` and what it is told.

Every pytest session where the package is installed imports this module, so it imports nothing of ours. What a tenant is
stands in `mockserver/testing/`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.testing import MockTenant, MockWorlds

_SETTINGS = {
    "vendor": "the vendor that proofboard_tenant is of: a name, or a vendor folder, seen from the root directory",
    "serve": "true: the clients that proofboard_tenant makes go through a port, not inside the process",
    "seed": "the seed of proofboard_tenant's records and ids",
    "records": "how many main records proofboard_tenant begins with",
    "clock": "real, or the time such as 2026-03-02T09:00:00Z at which proofboard_tenant's clock stands still",
    "limits": "documented, or off: whether proofboard_tenant's quotas and capacities count",
}
_WORDS = (*_SETTINGS, "switches")


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, text in _SETTINGS.items():
        if name == "serve":
            parser.addini("proofboard_serve", text, type="bool", default=False)
        else:
            parser.addini(f"proofboard_{name}", text, type="string", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"proofboard(vendor, *, {', '.join(_WORDS[1:])}): what the fixture proofboard_tenant is like"
    )


@pytest.fixture(scope="session")
def proofboard_worlds(pytestconfig: pytest.Config) -> "Iterator[MockWorlds]":
    """Opens mock worlds, for fixtures of your own: `with proofboard_worlds.open("VENDOR", seed=7) as tenant`."""
    import warnings

    with warnings.catch_warnings():  # Connexion imports deprecated names, and whoever tests cannot help it
        warnings.simplefilter("ignore")
        from mockserver.testing import MockWorlds
    worlds = MockWorlds(pytestconfig.rootpath)
    yield worlds
    worlds.close()


@pytest.fixture
def proofboard_tenant(request: pytest.FixtureRequest, proofboard_worlds: "MockWorlds") -> "Iterator[MockTenant]":
    """A mock tenant of one of the vendors: a world that this test has for itself, and that ends with it.

    Which vendor says the marker: @pytest.mark.proofboard("VENDOR", clock="2026-03-02T09:00:00Z"), or proofboard_vendor
    in the configuration (and `-o proofboard_vendor=VENDOR`). The marker takes vendor, serve, seed, records, clock,
    limits and switches; all but the last have such an option too. A folder with a vendor of your own does as well.

    .base_url                     for any client: a port of 127.0.0.1 that leads to this world alone
    .callers["owner"].headers     who one can be there; .known["…"] ids of records that are there
    .client("owner")              httpx, in this process; .async_client(), .session() for requests, .transport
    .create("task", title="…")    a record made as the API makes it; .insert(), .change(), .remove() without the API
    .records("tasks")             what the world holds; .record("tasks", id)
    .clock.advance(3600)          also .set(), .freeze(), .thaw(), .now()
    .fail("createTask", status=503, times=2)    trouble to come; .switch(), .defect(), .mend(), .reset()
    .journal.only("POST", "/tasks").json()      what was received; .calls(), .none(), .clear()
    .deliveries                   what webhook subscribers are told; .deliver()
    """
    wanted = _wanted(request)
    vendor = wanted.pop("vendor", None)
    with _told():
        if not vendor:
            _explain()
        opened = proofboard_worlds.open(vendor, name=request.node.nodeid, **wanted)
        tenant = opened.__enter__()
    failed = request.session.testsfailed
    try:
        yield tenant
        if request.session.testsfailed > failed:
            request.node.add_report_section("teardown", f"requests to {tenant!r}", str(tenant.journal))
    finally:
        opened.__exit__(None, None, None)


def _wanted(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What is asked of a tenant: by the configuration, by markers, the closest last, and by parametrization."""
    wanted: dict[str, Any] = {name: request.config.getini(f"proofboard_{name}") for name in _SETTINGS}
    given = [_words(mark.args, mark.kwargs) for mark in request.node.iter_markers("proofboard")]
    parameter = getattr(request, "param", None)
    if parameter is not None:
        given.insert(0, dict(parameter) if isinstance(parameter, dict) else {"vendor": parameter})
    for words in reversed(given):
        for name in words:
            if name not in _WORDS:
                pytest.fail(f"The marker proofboard has no {name!r}.{_guess(name)}", pytrace=False)
        wanted |= words
    return {name: value for name, value in wanted.items() if value is not None and value != ""}


def _guess(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, _WORDS, n=1)
    return f"{f' Did you mean {near[0]!r}?' if near else ''} It takes {', '.join(_WORDS)}."


def _words(args: tuple[Any, ...], kwargs: Any) -> dict[str, Any]:
    if len(args) > 1:
        pytest.fail(
            f"The marker proofboard takes the vendor, and all else by its name: {args[1:]} have none.", pytrace=False
        )
    return {**({"vendor": args[0]} if args else {}), **kwargs}


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be arranged is told without a traceback of ours."""
    from mockserver.testing import NotArranged

    try:
        yield
    except NotArranged as error:
        pytest.fail(f"proofboard_tenant: {error}", pytrace=False)


def _explain() -> None:
    from mockserver.testing import NotArranged
    from mockserver.vendor import shipped

    names = shipped()
    raise NotArranged(
        f'which vendor? Mark the test with @pytest.mark.proofboard("{names[0]}"), or say proofboard_vendor = '
        f"{names[0]} in the configuration of pytest. Vendors: {', '.join(names)}, or a folder of your own."
    )
