"""A real browser, on a page of another origin, uses the stand-in: preflight, every method, headers of the answers."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mockserver.vendor import load
from tests.tools.outside import absent, need
from tests.tools.serving import serve

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
KANMAN = load("kanman")
OWNER = dict(KANMAN.callers["owner"].headers)
TASK = KANMAN.known["task_id"]

# One request by the browser's own fetch; what the page's code can see of the answer.
FETCH = """async ([method, url, headers, body]) => {
    const response = await fetch(url, {method, headers, body: body === null ? undefined : JSON.stringify(body)});
    const names = ['X-RateLimit-Remaining', 'X-RateLimit-Reset', 'X-Mock-Rule'];
    return {
        status: response.status,
        headers: Object.fromEntries(names.map((name) => [name, response.headers.get(name)])),
        body: await response.json(),
    };
}"""


class EmptyPage(BaseHTTPRequestHandler):
    """A page without content, and without a word about other origins."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@contextmanager
def empty_site() -> Iterator[str]:
    """A second server, and so another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An empty page in headless chromium."""
    chromium = need("chromium", "chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("the package playwright is not installed: pip install playwright")
    with sync_playwright() as playwright, empty_site() as site:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(site)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve("kanman") as served:
        yield served.base_url("kanman")


@pytest.fixture
def world(request: pytest.FixtureRequest) -> dict[str, str]:
    """The headers of the owner, in a world of the test's own."""
    return OWNER | {"X-Mock-World": request.node.name}


def fetch(page: Any, method: str, url: str, headers: dict[str, str], body: Any = None) -> Any:
    if body is not None:
        headers = headers | {"Content-Type": "application/json"}
    return page.evaluate(FETCH, [method, url, headers, body])


def test_browser__reads_with_a_token(page: Any, base_url: str, world: dict[str, str]) -> None:
    told = fetch(page, "GET", f"{base_url}/tasks/{TASK}", world)
    assert (told["status"], told["body"]["task"]["id"]) == (200, TASK)


def test_browser__reads_the_headers_of_the_quota(page: Any, base_url: str, world: dict[str, str]) -> None:
    remaining = [fetch(page, "GET", f"{base_url}/boards", world)["headers"]["X-RateLimit-Remaining"] for _ in range(2)]
    assert remaining == ["11999", "11998"]


def test_browser__reads_the_rule_of_a_refusal(page: Any, base_url: str, world: dict[str, str]) -> None:
    told = fetch(page, "POST", f"{base_url}/tasks", world, {"label": "In no project"})
    assert (told["status"], told["headers"]["X-Mock-Rule"]) == (400, "KM-112")


def test_browser__creates_changes_and_deletes(page: Any, base_url: str, world: dict[str, str]) -> None:
    body = {"projectId": KANMAN.known["project_id"], "label": "From a browser ✓"}
    created = fetch(page, "POST", f"{base_url}/tasks", world, body)
    url = f"{base_url}/tasks/{created['body']['task']['id']}"
    changed = fetch(page, "PATCH", url, world, {"status": 2})
    deleted = fetch(page, "DELETE", url, world)
    gone = fetch(page, "GET", url, world)

    assert [one["status"] for one in (created, changed, deleted, gone)] == [201, 200, 200, 404]
    assert created["body"]["task"]["label"] == "From a browser ✓"
    assert changed["body"]["task"] == created["body"]["task"] | {
        "status": 2,
        "updated_at": changed["body"]["task"]["updated_at"],
    }
    assert deleted["body"] == {"success": True}


def test_browser__reads_answers_that_reach_no_operation(page: Any, base_url: str, world: dict[str, str]) -> None:
    told = [fetch(page, method, f"{base_url}{path}", world) for method, path in (("PUT", "/boards"), ("GET", "/none"))]
    assert [one["body"]["error"]["code"] for one in told] == ["method_not_allowed", "not_found"]


def test_browser__steers_the_clock(page: Any, base_url: str, world: dict[str, str]) -> None:
    origin = base_url.removesuffix(KANMAN.mount)
    told = fetch(page, "POST", f"{origin}/_mock/clock", world, {"freeze": True, "set": "2024-03-01T00:00:00Z"})
    assert told["body"] == {"now": "2024-03-01T00:00:00Z", "frozen": True}


def test_browser__would_refuse_a_server_that_allows_no_other_origin(page: Any) -> None:
    """The browser does mind origins: what the tests above may do is the stand-in's doing."""
    from playwright.sync_api import Error

    with empty_site() as unfriendly, pytest.raises(Error, match="Failed to fetch"):
        fetch(page, "GET", unfriendly, OWNER)


def test_installer__finds_what_is_installed_or_says_why_not() -> None:
    """The script installs nothing here: it is run only where chromium is there already."""
    if shutil.which("chromium") is None:
        absent("chromium is not installed, and a test shall not install it: tests/tools/install_browser.sh does")
    script = Path(__file__).parent / "tools/install_browser.sh"
    told = subprocess.run([str(script)], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("chromium is installed: ")
