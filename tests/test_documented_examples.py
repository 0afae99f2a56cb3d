"""Every example of the KanMan page, run as its readers run it: with nothing replaced but base URL and token.

The page has no Python; there the documented request is sent by requests and by httpx.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import requests
import yaml

from mockserver.vendor import load
from tests.tools.outside import need
from tests.tools.serving import ROOT, clean_environment, serve

REAL_URL = "https://api.kanman.de/v1"
REAL_TOKEN = "km_your_api_token"
CLOCK = "2024-01-21T10:00:00Z"
TOKEN_VARIABLE = "KANMAN_API_TOKEN"

FIXTURE = yaml.safe_load((ROOT / "fixtures/kanman/exchanges.yaml").read_text())
EXCHANGES = {one["name"]: one for one in FIXTURE["exchanges"]}
KANMAN = load("kanman")
OWNER = KANMAN.callers["owner"].token or ""
PROJECT, OTHER_PROJECT, TASK = (KANMAN.known[role] for role in ("project_id", "other_project_id", "task_id"))
FORM = {"title": "Feedback from the form", "details": "The search finds nothing; since Monday"}

SAMPLE = EXCHANGES["get task"]["response"]["body"]["task"]
CREATED = EXCHANGES["create task, every field"]["response"]["body"]["task"]
FIRST_OF_PROJECT = "aaa"
# The records of the page's project; of a list's items the page uses four fields, the vendor's projects page has seven.
TASKS = [task for task in KANMAN.seed["records"]["tasks"] if task["project_id"] == PROJECT]
LISTED = ("id", "label", "status", "position", "description", "created_at", "updated_at")

# What the page says of answers that it does not print: the printed one of the same operation, with what the request
# changes.
UNPRINTED: Mapping[str, Any] = {
    "create task, required fields only": {"task": CREATED | {"description": None}},
    "change status": {"task": SAMPLE | {"status": 2, "updated_at": CLOCK}},
    "move to different project": {
        "task": SAMPLE | {"project_id": OTHER_PROJECT, "position": FIRST_OF_PROJECT, "updated_at": CLOCK}
    },
    "create task from external form": {"task": CREATED | {"label": FORM["title"], "description": FORM["details"]}},
    "mark task complete": {"task": SAMPLE | {"status": 2, "updated_at": CLOCK}},
    "sync tasks to another system": {"tasks": [{key: task[key] for key in LISTED} for task in TASKS]},
}
SYNC = "sync tasks to another system"
# Examples whose answer is of a later moment than the clock's.
LATER = {"update task, every field": "2024-01-21T10:30:00Z"}
# What the page's variables stand for.
VARIABLES = {
    "${process.env.KANMAN_API_TOKEN}": OWNER,
    "${formData.title}": FORM["title"],
    "${formData.details}": FORM["details"],
    "${taskId}": TASK,
    "${projectId}": PROJECT,
    REAL_TOKEN: OWNER,
}
PLACEHOLDER = "your-project-id"
# How the page's functions are called, and what `yourSystem` has been told in the end.
CALLS = {
    "create task from external form": f"createTaskFromForm({json.dumps(FORM)})",
    "mark task complete": f"completeTask({json.dumps(TASK)})",
    "sync tasks to another system": f"syncTasks({json.dumps(PROJECT)})",
}
SYNCED = [
    {
        "externalId": task["id"],
        "title": task["label"],
        "status": ("todo", "doing", "done")[task["status"]],
        "description": task["description"],
    }
    for task in TASKS
]


class Answer(NamedTuple):
    status: int
    body: Any


class Server(NamedTuple):
    base_url: str
    origin: str

    def steer(self, path: str, body: Any = None) -> Any:
        return httpx.post(f"{self.origin}/_mock/{path}", json=body).raise_for_status().json()

    def last_exchange(self) -> Any:
        """What the server has seen and answered last, as its journal has it."""
        return httpx.get(f"{self.origin}/_mock/journal").json()["exchanges"][-1]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serve("kanman", "--clock", CLOCK) as served:
        yield Server(served.base_url("kanman"), served.origin)


@pytest.fixture
def server(running: Server) -> Server:
    """The default world as it is after its fork: the page's snippets name none."""
    running.steer("reset")
    return running


@pytest.mark.parametrize("client", [requests.request, httpx.request], ids=["requests", "httpx"])
@pytest.mark.parametrize("name", EXCHANGES)
def test_example__sent_by_python(server: Server, name: str, client: Callable[..., Any]) -> None:
    request = _filled(EXCHANGES[name]["request"])
    headers = {"Authorization": f"Bearer {OWNER}"} | request.get("headers", {})
    at_its_time(server, name)

    sent = {"json": request["body"]} if "body" in request else {}
    response = client(request["method"], server.base_url + request["path"], headers=headers, **sent)

    check_answer(name, Answer(response.status_code, response.json()))


@pytest.mark.parametrize("name", [name for name, one in EXCHANGES.items() if one["request"].get("language") == "curl"])
def test_example__as_printed_for_curl(server: Server, name: str, tmp_path: Path) -> None:
    need("curl", "curl")
    # The snippet stays as it is printed; what curl shall tell besides stands in its configuration file.
    (tmp_path / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n%{http_code}"\n')
    snippet = _for_stand_in(EXCHANGES[name]["snippet"], server)

    told = _run(["bash", "-euc", snippet], HOME=str(tmp_path), CURL_HOME=str(tmp_path))

    body, _, status = told.rpartition("\n")
    check_request(name, server.last_exchange()["request"])
    check_answer(name, Answer(int(status), json.loads(body)))


@pytest.mark.parametrize("name", CALLS)
def test_example__as_printed_for_javascript(server: Server, name: str) -> None:
    snippet = _for_stand_in(EXCHANGES[name]["snippet"], server).replace(PLACEHOLDER, PROJECT)

    told = _run_javascript(snippet, CALLS[name])

    exchange = server.last_exchange()
    check_request(name, exchange["request"])
    check_answer(name, Answer(exchange["response"]["status"], json.loads(exchange["response"]["body"])))
    returned = None if name == SYNC else json.loads(exchange["response"]["body"])
    assert told == {"result": returned, "synced": SYNCED if name == SYNC else []}


def test_javascript_examples__all_are_called() -> None:
    printed = {name for name, one in EXCHANGES.items() if one["request"].get("language") == "javascript"}
    assert printed == set(CALLS)


def test_contradiction__placeholder_is_no_uuid(server: Server) -> None:
    name = "create task from external form"
    assert [one["pointer"] for one in EXCHANGES[name]["contradictions"]] == ["/request/body/projectId"]

    told = _run_javascript(_for_stand_in(EXCHANGES[name]["snippet"], server), CALLS[name])

    assert told["result"]["error"]["code"] == "invalid_request"
    assert list(told["result"]["error"]["details"]["fields"]) == ["projectId"]


def test_contradiction__update_sample_denies_its_own_request(server: Server) -> None:
    example = EXCHANGES["update task, every field"]
    printed = example["response"]["body"]["task"]
    assert [one["pointer"] for one in example["contradictions"]] == ["/task/project_id", "/task/subtasks"]

    response = httpx.patch(
        f"{server.base_url}{example['request']['path']}",
        headers={"Authorization": f"Bearer {OWNER}"},
        json=example["request"]["body"],
    )

    told = response.json()["task"]
    assert told["project_id"] == example["request"]["body"]["projectId"] != printed["project_id"]
    assert told["subtasks"] == SAMPLE["subtasks"] != printed["subtasks"]


def at_its_time(server: Server, name: str) -> None:
    if name in LATER:
        server.steer("clock", {"set": LATER[name]})


def check_request(name: str, seen: Any) -> None:
    """The server has seen the request that the fixture documents: method, path, headers, body."""
    documented = _filled(EXCHANGES[name]["request"])
    headers = {key.lower(): value for key, value in seen["headers"]}
    assert (seen["method"], seen["path"]) == (documented["method"], f"{KANMAN.mount}{documented['path']}")
    assert {key.lower(): value for key, value in documented["headers"].items()}.items() <= headers.items()
    assert (json.loads(seen["body"]) if seen["body"] else None) == documented.get("body")


def check_answer(name: str, answer: Answer) -> None:
    """Field by field as documented, but for the fixture's contradictions; of new records the id only by its form."""
    example = EXCHANGES[name]
    assert answer.status == (201 if example["request"]["method"] == "POST" else 200)
    expected = example["response"]["body"] if example["response"] else UNPRINTED[name]
    left_out = {one["pointer"] for one in example["contradictions"]}
    if example["request"]["method"] == "POST":
        left_out.add("/task/id")
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.body["task"]["id"])
        assert answer.body["task"]["id"] not in {task["id"] for task in TASKS}
    assert _fields(answer.body, left_out) == _fields(expected, left_out)


def _fields(body: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    """JSON pointer -> value of the fields of an answer, one level into its envelope, in their order."""
    fields: dict[str, Any] = {}
    for key, value in body.items():
        inner = value.items() if isinstance(value, dict) else ()
        fields |= {f"/{key}/{name}": one for name, one in inner} if inner else {f"/{key}": value}
    return {pointer: value for pointer, value in fields.items() if pointer not in left_out}


def _filled(node: Any) -> Any:
    """The documented request with the values that the page's variables and placeholders stand for."""
    if isinstance(node, dict):
        return {key: _filled(value) for key, value in node.items()}
    if not isinstance(node, str):
        return node
    for variable, value in VARIABLES.items():
        node = node.replace(variable, value)
    return PROJECT if node == PLACEHOLDER else node


def _for_stand_in(snippet: str, server: Server) -> str:
    assert REAL_URL in snippet
    return str(snippet).replace(REAL_URL, server.base_url).replace(REAL_TOKEN, OWNER)


def _run_javascript(snippet: str, call: str) -> Any:
    program = f"""{snippet}
const synced = [];
const yourSystem = {{ createOrUpdate: async (record) => {{ synced.push(record); }} }};
const result = (await {call}) ?? null;
console.log(JSON.stringify({{ result, synced }}));
"""
    node = need("node", "nodejs")
    return json.loads(_run([node, "--input-type=module", "--eval", program], **{TOKEN_VARIABLE: OWNER}))


def _run(words: list[str], **environment: str) -> str:
    done = subprocess.run(words, env=clean_environment(environment), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
