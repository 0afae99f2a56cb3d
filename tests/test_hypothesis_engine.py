"""Any sequence of calls, compared step by step with a plain model of KanMan's documented rules.

A failure prints the seed; HYPOTHESIS_SEED=N runs the same sequences again.
"""

import os
import random
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mockserver.control.desk import ControlDesk
from mockserver.engine.chance import format_time, parse_time
from mockserver.engine.messages import Request, Response
from mockserver.engine.stage import DAY, Stage
from mockserver.engine.store import Store
from mockserver.vendor import load
from mockserver.webhooks import Courier

KANMAN = load("kanman")
START = parse_time("2024-01-21T10:00:00Z")
LAST = START + 300 * DAY  # the tokens live for a year
PROJECT, OTHER = KANMAN.known["project_id"], KANMAN.known["other_project_id"]
FOREIGN, UNKNOWN = "660e8400-e29b-41d4-a716-446655440900", "660e8400-e29b-41d4-a716-446655440099"
TOKEN = (b"authorization", KANMAN.callers["owner"].headers["Authorization"].encode())
JSON = (b"content-type", b"application/json")
QUOTA = 12_000

Task = dict[str, Any]

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=12)
LABELS = st.one_of(TEXT, st.sampled_from(["A label", "   ", "", "\u2003", None, 5, ["x"]]))
DESCRIPTIONS = st.one_of(TEXT, st.none(), st.just(5))
STATUSES = st.sampled_from([0, 1, 2, 1.0, 3, -1, "1", None, True])
PROJECTS = st.sampled_from([PROJECT, OTHER, OTHER.upper(), UNKNOWN, FOREIGN, "nonsense", None])
FIELDS = {"label": LABELS, "description": DESCRIPTIONS, "status": STATUSES, "projectId": PROJECTS, "position": TEXT}
BODIES = st.fixed_dictionaries({}, optional=FIELDS)
GOOD = st.fixed_dictionaries(
    {"label": st.just("A label"), "projectId": st.sampled_from([PROJECT, OTHER])},
    optional={"status": st.sampled_from([0, 1, 2]), "description": TEXT},
)


class Model:
    """KanMan as its documents have it, in plain dicts: tasks by id in and out of the trash."""

    def __init__(self, tasks: list[Task]) -> None:
        self.now = START
        self.used = 0
        self.live = {task["id"]: dict(task) for task in tasks}
        self.trash: dict[str, tuple[Task, float]] = {}

    def expected(self, body: Task, *, is_new: bool) -> int:
        """The status that a body deserves."""
        if is_new and not {"label", "projectId"} <= body.keys():
            return 400
        if "label" in body and not (isinstance(body["label"], str) and body["label"].strip()):
            return 400
        if "description" in body and not isinstance(body["description"], str | None):
            return 400
        if "status" in body and (isinstance(body["status"], bool) or body["status"] not in (0, 1, 2)):
            return 400
        if "projectId" in body and body["projectId"] in ("nonsense", None):
            return 400
        if body.get("projectId") in (UNKNOWN, FOREIGN):
            return 404
        return 201 if is_new else 200

    def changed(self, task: Task, body: Task) -> Task:
        """The task after a good body, without its place."""
        after = {**task, **{key: body[key] for key in ("label", "description", "status") if key in body}}
        if body.get("projectId", task["project_id"]).lower() != task["project_id"]:
            after |= {"project_id": body["projectId"].lower(), "workflow_lane_id": None}
        if body.keys() & {"label", "description", "status", "projectId"}:
            after["updated_at"] = format_time(self.now)
        return after

    def listed(self, project: str) -> list[Task]:
        return sorted(
            (one for one in self.live.values() if one["project_id"] == project), key=lambda one: one["position"]
        )

    def taken(self, project: str) -> list[str]:
        """The positions of a project that nobody else may have."""
        tasks = [*self.live.values(), *(task for task, _ in self.trash.values())]
        return [task["position"] for task in tasks if task["project_id"] == project]


class Board(RuleBasedStateMachine):
    """Plays calls on the engine and on the model alike."""

    is_durable: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.open()

    def open(self) -> None:
        self.store = Store(str(Path(self.folder.name, "state.db")) if self.is_durable else "memory")
        self.stage = Stage(KANMAN, self.store, seed=1, records=5, limits=True, frozen_at=START)
        self.desk = ControlDesk([self.stage], lambda origin, world: {}, Courier(), {})
        self.world = self.stage.worlds.find("w")

    @initialize()
    def begin(self) -> None:
        listed = orjson.loads(self.run("listProjectTasks", id=PROJECT).body)["tasks"]
        tasks = [orjson.loads(self.run("getTask", id=item["id"]).body)["task"] for item in listed]
        self.model = Model(tasks)
        self.model.used = 1 + len(tasks)

    def run(self, operation: str, body: Task | None = None, **path: str) -> Response:
        content = orjson.dumps(body) if body is not None else b""
        return self.stage.plans[operation].run(self.world, Request("GET", "/", b"", [TOKEN, JSON], path, content))

    def call(self, operation: str, body: Task | None = None, **path: str) -> Response:
        """A call that is counted, and said so by its headers."""
        response = self.run(operation, body, **path)
        self.model.used += 1
        assert int(dict(response.headers)[b"x-ratelimit-remaining"]) == QUOTA - self.model.used
        return response

    def some(self, pick: random.Random, *, trashed: bool = False) -> str:
        known = sorted(self.model.trash if trashed else self.model.live)
        return pick.choice([*known, UNKNOWN]) if known else UNKNOWN

    def at_the_end(self, task: Task, before: Task | None = None) -> None:
        """The model takes the place that was given, if it is behind all others of the project."""
        others = self.model.taken(task["project_id"])
        assert all(task["position"] > other for other in others), (task, others)
        assert before is None or before["project_id"] != task["project_id"]

    @rule(body=st.one_of(GOOD, GOOD, BODIES))
    def create(self, body: Task) -> None:
        response = self.call("createTask", body)
        assert response.status == self.model.expected(body, is_new=True), response.body
        if response.status == 201:
            task = orjson.loads(response.body)["task"]
            now = format_time(self.model.now)
            assert task["id"] not in self.model.live.keys() | self.model.trash.keys()
            self.at_the_end(task)
            assert {key: task[key] for key in task.keys() - {"id", "position"}} == {
                "label": body["label"],
                "status": body.get("status", 0),
                "project_id": body["projectId"].lower(),
                "workflow_lane_id": None,
                "description": body.get("description"),
                "subtasks": [],
                "created_at": now,
                "updated_at": now,
            }
            self.model.live[task["id"]] = task

    @rule(body=st.one_of(BODIES, GOOD), pick=st.randoms(use_true_random=False), trashed=st.booleans())
    def update(self, body: Task, pick: random.Random, trashed: bool) -> None:
        key = self.some(pick, trashed=trashed)
        response = self.call("updateTask", body, id=key)
        before = self.model.live.get(key)
        status = 404 if before is None else self.model.expected(body, is_new=False)
        assert response.status == status, response.body
        if before is not None and status == 200:
            found = orjson.loads(response.body)["task"]
            after = self.model.changed(before, body)
            if after["project_id"] != before["project_id"]:
                self.at_the_end(found, before)
                after["position"] = found["position"]
            assert found == after
            self.model.live[key] = after

    @rule(pick=st.randoms(use_true_random=False), project=st.sampled_from([PROJECT, OTHER]))
    def move(self, pick: random.Random, project: str) -> None:
        self.update({"projectId": project}, pick, trashed=False)

    @rule(pick=st.randoms(use_true_random=False), trashed=st.booleans())
    def delete(self, pick: random.Random, trashed: bool) -> None:
        key = self.some(pick, trashed=trashed)
        response = self.call("deleteTask", id=key)
        assert response.status == (200 if key in self.model.live else 404)
        if response.status == 200:
            self.model.trash[key] = (self.model.live.pop(key), self.model.now)

    @rule(pick=st.randoms(use_true_random=False), trashed=st.booleans())
    def restore(self, pick: random.Random, trashed: bool) -> None:
        key = self.some(pick, trashed=trashed)
        status, _ = self.desk.restore("w", {"vendor": "kanman", "resource": "tasks", "id": key}, "")
        task, gone = self.model.trash.get(key, (None, 0.0))
        is_there = task is not None and self.model.now < gone + 40 * DAY
        assert status == (200 if is_there else 404)
        if task is not None and is_there:
            self.model.live[key] = self.model.trash.pop(key)[0]

    @rule(pick=st.randoms(use_true_random=False), trashed=st.booleans())
    def read(self, pick: random.Random, trashed: bool) -> None:
        key = self.some(pick, trashed=trashed)
        response = self.call("getTask", id=key)
        assert response.status == (200 if key in self.model.live else 404)
        if response.status == 200:
            assert orjson.loads(response.body)["task"] == self.model.live[key]

    @rule(days=st.sampled_from([0.001, 1, 20, 40]))
    def advance(self, days: float) -> None:
        if self.model.now + days * DAY < LAST:
            month = format_time(self.model.now)[:7]
            self.model.now += days * DAY
            self.world.clock.move_to(self.model.now)
            self.world.save()
            if format_time(self.model.now)[:7] != month:
                self.model.used = 0

    @rule()
    def reset(self) -> None:
        self.world.reset()
        self.begin()

    @precondition(lambda self: self.is_durable)
    @rule()
    def restart(self) -> None:
        self.stage.worlds.save()
        self.store.close()
        self.open()

    @invariant()
    def lists_and_counters_agree(self) -> None:
        for project in (PROJECT, OTHER):
            tasks = self.model.listed(project)
            items = orjson.loads(self.call("listProjectTasks", id=project).body)["tasks"]
            assert items == [{key: task[key] for key in items[0]} for task in tasks]
            found = orjson.loads(self.call("getProject", id=project).body)["project"]
            counts = [found[f"num_tasks_{name}"] for name in ("open", "in_progress", "done", "total")]
            assert counts == [*(sum(task["status"] == status for task in tasks) for status in (0, 1, 2)), len(tasks)]
            assert found["progress"] == (counts[2] / counts[3] if tasks else 0)

    def teardown(self) -> None:
        """Another world of the same stand-in is still as the seed has it."""
        self.world = self.stage.worlds.find("untouched")
        listed = orjson.loads(self.run("listProjectTasks", id=PROJECT).body)["tasks"]
        assert [item["position"] for item in listed] == ["aaa", "aab", "aac"]
        self.store.close()
        self.folder.cleanup()


class DurableBoard(Board):
    """The same in a file, which is closed and opened again now and then."""

    is_durable = True


@pytest.fixture
def at_hand(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much the store keeps at hand: as ever, or so little that everything is written, dropped and read again."""
    if request.param == "little":
        monkeypatch.setattr("mockserver.engine.collection.MOST_RECENT", 3)
        monkeypatch.setattr("mockserver.engine.store.MOST_PENDING", 2)
        monkeypatch.setattr("mockserver.engine.store.MOST_SWEPT", 1)


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize(
    ("at_hand", "machine", "examples"),
    [("much", Board, 30), ("little", Board, 15), ("much", DurableBoard, 12)],
    indirect=["at_hand"],
)
def test_any_sequence_of_calls__does_what_the_documents_say(machine: type[Board], examples: int) -> None:
    number = int(os.environ.get("HYPOTHESIS_SEED") or random.randrange(2**32))
    print(f"HYPOTHESIS_SEED={number}")
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
