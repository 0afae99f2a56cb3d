"""Scale: the same mock with 100 and with 100,000 tasks, asked for the same in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from peer_catalogue import Contender, examine, mock
from peer_load import Work
from peer_measures import Plan
from peer_results import Section, Verdict, compare
from peer_servers import CannotMeasure, Client, weigh

SMALL, LARGE = 100, 100_000
WORLDS = 200  # per server; each is forked, written to and reset once
CALLS = 2000  # GETs and lists by one connection
READ, LIST = "GET by id", "list of a project"
LONG, LONG_WORLD = 50, "bench-long"  # a list filled up to this length in a world of its own
LONG_LIST = f"list of {LONG}, most of them written"
FORK, RESET = "fork: first request of a world", "reset after two writes"
MOST = {READ: 1.2, LIST: 1.5, LONG_LIST: 1.5, FORK: 1.5, RESET: 1.5}
WARM_UP = 100  # calls before the first that counts
TASKS_READ = 500  # different tasks that GET by id walks through, where there are so many
PROJECTS_SEEN = 400  # how many projects are looked at for a pair of equal length


@dataclass
class Side:
    """One size: its server, what it holds, and the times it took."""

    one: Contender
    client: Client
    projects: dict[str, int] = field(default_factory=dict)  # id -> tasks in its list
    tasks: list[str] = field(default_factory=list)
    chosen: str = ""
    times: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, what: str, method: str, path: str, body: bytes | None = None, world: str | None = None) -> None:
        """Send one request and keep its time, in milliseconds, under this name."""
        extra = {"X_Mock_World": world} if world else {}
        began = time.perf_counter()
        answer = self.client.send(method, path, body, **extra)
        spent = time.perf_counter() - began
        if not 200 <= answer.status < 300:
            raise CannotMeasure(f"{self.one.name}: {what} answers {answer.status}: {answer.body[:200]!r}")
        self.times.setdefault(what, []).append(spent * 1000)

    def forget(self, first: int, *names: str) -> None:
        """Drop the first times of each: they warm things up."""
        for name in names:
            del self.times[name][:first]


def scale(plan: Plan) -> Section:
    section = Section(
        "scale",
        f"Scale: {LARGE:,} tasks against {SMALL}, in turn; medians in ms per request on one connection",
        ["what", f"{SMALL} tasks", f"{LARGE:,} tasks", "ratio"],
    )
    plan.tell(f"starting with {SMALL} and with {LARGE:,} records")
    began = time.perf_counter()
    with mock("--records", str(SMALL), name=f"{SMALL} tasks") as small:
        between = time.perf_counter()
        with mock("--records", str(LARGE), name=f"{LARGE:,} tasks") as large:
            ready = time.perf_counter()
            section.remarks.append(
                f"ready in {between - began:.2f} s with {SMALL}, {ready - between:.2f} s with {LARGE:,}"
            )
            sides = [survey(plan, one) for one in (small, large)]
            choose_projects(section, sides)
            one_by_one(plan, sides)
            worlds(plan, sides)
            at_rate = under_load(plan, sides)
            section.remarks.append(plan.disturbance())
            remember_weight(section, sides)
            for side in sides:
                side.client.close()
    tabulate(section, sides, at_rate)
    return section


def survey(plan: Plan, one: Contender) -> Side:
    """Walk boards, projects and tasks through the API, as any client would."""
    plan.tell(f"looking at what {one.name} holds")
    examine(one)
    side = Side(one, one.server.client(one.headers))
    projects = [one.project_id]
    for board in listed(side, "/boards", "boards"):
        projects += [project["id"] for project in listed(side, f"/boards/{board['id']}/projects", "projects")]
    for project in list(dict.fromkeys(projects))[:PROJECTS_SEEN]:
        tasks = listed(side, f"/projects/{project}/tasks", "tasks")
        side.projects[project] = len(tasks)
        side.tasks += [task["id"] for task in tasks]
    step = max(1, len(side.tasks) // TASKS_READ)
    side.tasks = side.tasks[::step][:TASKS_READ]
    return side


def listed(side: Side, path: str, key: str) -> list[dict[str, Any]]:
    answer = side.client.send("GET", side.one.base + path)
    found = answer.json().get(key) if answer.status == 200 else None
    if not isinstance(found, list):
        raise CannotMeasure(f"{side.one.name}: {path} answers {answer.status}: {answer.body[:200]!r}")
    return found


def choose_projects(section: Section, sides: Sequence[Side]) -> None:
    """The pair of projects nearest in length; of equal pairs, the seeded project, then the longest."""
    small, large = sides
    known = small.one.project_id
    pairs = (
        (abs(count - other), mine != known or theirs != known, -count, mine, theirs)
        for mine, count in small.projects.items()
        for theirs, other in large.projects.items()
        if count
    )
    difference, _, _, small.chosen, large.chosen = min(pairs)
    counts = small.projects[small.chosen], large.projects[large.chosen]
    section.remarks.append(f"the lists compared have {counts[0]} and {counts[1]} tasks")
    if difference > 0.05 * counts[0]:
        raise CannotMeasure(f"no two projects of the same length: the nearest have {counts[0]} and {counts[1]} tasks")


def one_by_one(plan: Plan, sides: Sequence[Side]) -> None:
    plan.tell("reading and listing on one connection")
    for side in sides:
        for _ in range(LONG - side.projects[side.chosen]):
            side.ask("", "POST", side.one.post_path, side.one.body(projectId=side.chosen), LONG_WORLD)
        del side.times[""]
    for number in range(CALLS + WARM_UP):
        for side in turns(number, sides):
            side.ask(READ, "GET", f"{side.one.base}/tasks/{side.tasks[number % len(side.tasks)]}")
    for what, world in ((LIST, None), (LONG_LIST, LONG_WORLD)):
        for number in range(CALLS + WARM_UP):
            for side in turns(number, sides):
                side.ask(what, "GET", f"{side.one.base}/projects/{side.chosen}/tasks", world=world)
    for side in sides:
        side.forget(WARM_UP, READ, LIST, LONG_LIST)


def turns(number: int, sides: Sequence[Side]) -> Sequence[Side]:
    """Who is asked first changes each time: the second finds the processor's caches full of the first."""
    return sides if number % 2 else sides[::-1]


def worlds(plan: Plan, sides: Sequence[Side]) -> None:
    """The life of a world, step by step. Work put off at the fork would show in the steps after it."""
    plan.tell(f"forking, changing and resetting {WORLDS} worlds each")
    body = {side.one.name: side.one.body() for side in sides}
    for number in range(WORLDS + 5):
        world = f"bench-{number}"
        for side in turns(number, sides):
            one = side.one
            side.ask(FORK, "GET", one.get_path, world=world)
            side.ask("first write in a world", "POST", one.post_path, body[one.name], world)
            side.ask("second write in a world", "POST", one.post_path, body[one.name], world)
            side.ask(RESET, "POST", "/_mock/reset", world=world)
            side.ask("first read after a reset", "GET", one.get_path, world=world)
            side.ask("first write after a reset", "POST", one.post_path, body[one.name], world)
    for side in sides:
        side.forget(5, *(name for name in side.times if name not in (READ, LIST, LONG_LIST)))


def under_load(plan: Plan, sides: Sequence[Side]) -> dict[str, list[list[float]]]:
    """The same two reads by wrk: seconds per thousand requests, round by round, for both sizes."""
    found: dict[str, list[list[float]]] = {}
    for number in range(plan.rounds):
        for side in sides:
            plan.tell(f"round {number + 1} of {plan.rounds}: {side.one.name}")
            by_id = [f"{side.one.base}/tasks/{task}" for task in side.tasks]
            listing = [f"{side.one.base}/projects/{side.chosen}/tasks"]
            for what, paths in ((READ, by_id), (LIST, listing)):
                burst, _ = plan.load(side.one, Work(what, "GET", paths, side.one.headers), plan.seconds)
                found.setdefault(what, [[], []])[sides.index(side)].append(1000 / burst.rate)
    return found


def remember_weight(section: Section, sides: Sequence[Side]) -> None:
    for side in sides:
        weight = weigh(side.one.server)
        if weight:
            section.remarks.append(f"{side.one.name}: {weight.rss:.0f} MB RSS after all this")


def tabulate(section: Section, sides: Sequence[Side], at_rate: dict[str, list[list[float]]]) -> None:
    small, large = sides
    for what, times in small.times.items():
        rows = median(times), median(large.times[what])
        section.rows.append([what, f"{rows[0]:.3f}", f"{rows[1]:.3f}", f"{rows[1] / rows[0]:.2f}"])
        section.samples[what] = {"small": rows[0], "large": rows[1], "calls": len(times)}
        if what in MOST:
            question = f"{what}: time at {LARGE:,} against {SMALL}"
            section.verdicts.append(Verdict(question, rows[1] / rows[0], "<=", MOST[what]))
    for what, (mine, theirs) in at_rate.items():
        rows = median(mine), median(theirs)
        label = f"{what}, under load (wrk)"
        section.rows.append([label, f"{rows[0]:.3f}", f"{rows[1]:.3f}", f"{rows[1] / rows[0]:.2f}"])
        section.verdicts.append(compare(f"{label}: time at {LARGE:,} against {SMALL}", theirs, mine, "<=", MOST[what]))
        section.samples[label] = {"small": mine, "large": theirs}
