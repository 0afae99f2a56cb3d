"""Lists: a filtered, sorted list of tasks, with 1,000 and with 100,000 of them, and a walk through all its pages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlencode

from peer_catalogue import MOCK, ROOT, mock_command
from peer_measures import Plan
from peer_results import Section, Verdict
from peer_servers import CannotMeasure, Client, Server, free_port, running

SMALL, LARGE = 1_000, 100_000
PAGE = 30
CALLS, WARM_UP = 300, 20
WALKS = 7  # of each page the quickest is taken: of hundreds one is always the unlucky one
MOST_TIME, MOST_PAGE = 3.0, 2.0
FILTER = 'title contains "relaunch" and (status eq "WIP" or client.name contains "gmbh")'
SORTS = ("-due_date,title", "status,-created_at")


@dataclass
class Side:
    """One size: its server, and the times of what it was asked, in milliseconds."""

    name: str
    server: Server
    client: Client
    path: str
    times: dict[str, list[float]] = field(default_factory=dict)

    def page(self, sort: str, cursor: str | None = None) -> tuple[float, dict[str, Any]]:
        query = {"filter": FILTER, "sort": sort, "page[size]": PAGE}
        if cursor:
            query["page[cursor]"] = cursor
        began = time.perf_counter()
        answer = self.client.send("GET", f"{self.path}?{urlencode(query)}")
        spent = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise CannotMeasure(f"{self.name}: the list answers {answer.status}: {answer.body[:200]!r}")
        return spent, answer.json()

    def walk(self, sort: str) -> tuple[list[float], int]:
        """The time of each page, and how many tasks all of them show."""
        times, cursor, seen = [], None, 0
        while True:
            spent, answer = self.page(sort, cursor)
            times.append(spent)
            seen += len(answer["data"])
            cursor = answer["meta"]["next_cursor"]
            if cursor is None:
                return times, seen


def lists(plan: Plan) -> Section:
    section = Section(
        "lists",
        f"Lists: {FILTER}, by two keys, {PAGE} to a page; {LARGE:,} tasks against {SMALL:,}; medians in ms",
        ["what", f"{SMALL:,} tasks", f"{LARGE:,} tasks", "ratio"],
    )
    plan.tell(f"starting with {SMALL:,} and with {LARGE:,} tasks")
    with serving(SMALL) as small, serving(LARGE) as large:
        sides = [meet(f"{SMALL:,} tasks", small), meet(f"{LARGE:,} tasks", large)]
        for sort in SORTS:
            first_pages(plan, section, sides, sort)
            walk_through(plan, section, sides[1], sort)
        section.remarks.append(plan.disturbance())
        for side in sides:
            side.client.close()
    return section


def serving(records: int) -> Any:
    port = free_port()
    command = mock_command(port, "--records", str(records), vendor="kanbert")
    return running(f"{MOCK}, {records:,} tasks", command, port, ROOT)


def meet(name: str, server: Server) -> Side:
    server.wait("/_mock/health")
    client = server.client()
    told = client.send("GET", "/_mock/credentials").json()["kanbert"]
    client.close()
    path = "/" + told["base_url"].split("/", 3)[3]
    return Side(name, server, server.client(told["callers"]["owner"]["headers"]), f"{path}/tasks")


def first_pages(plan: Plan, section: Section, sides: Sequence[Side], sort: str) -> None:
    plan.tell(f"asking for the first page by {sort}")
    for number in range(CALLS + WARM_UP):
        for side in sides if number % 2 else sides[::-1]:
            spent, answer = side.page(sort)
            if len(answer["data"]) != PAGE:
                raise CannotMeasure(f"{side.name}: a page of {len(answer['data'])} tasks, not of {PAGE}")
            side.times.setdefault(sort, []).append(spent)
    small, large = (median(side.times[sort][WARM_UP:]) for side in sides)
    section.rows.append([f"first page by {sort}", f"{small:.3f}", f"{large:.3f}", f"{large / small:.2f}"])
    section.samples[sort] = {"small": small, "large": large}
    question = f"list by {sort}: time at {LARGE:,} against {SMALL:,}"
    section.verdicts.append(Verdict(question, large / small, "<=", MOST_TIME))


def walk_through(plan: Plan, section: Section, side: Side, sort: str) -> None:
    plan.tell(f"walking through all pages by {sort}")
    side.walk(sort)
    rounds, counts = zip(*(side.walk(sort) for _ in range(WALKS)), strict=True)
    pages = [min(times) for times in zip(*rounds, strict=True)]
    slowest = max(pages) / pages[0]
    section.rows.append([f"slowest of {len(pages)} pages by {sort}", "", f"{max(pages):.3f}", f"{slowest:.2f}"])
    section.remarks.append(f"by {sort} the {len(pages)} pages show {counts[0]:,} tasks")
    question = f"walk by {sort}: slowest page against the first"
    section.verdicts.append(Verdict(question, slowest, "<=", MOST_PAGE))
