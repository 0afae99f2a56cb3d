"""Throughput, start-up and memory: the mock and its peers, in turn."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from peer_catalogue import (
    MOCK,
    PYTHON_PEERS,
    ROOT,
    Contender,
    examine,
    meet_mock,
    mock,
    mock_command,
    peer_of,
    prism,
    prism_command,
    prism_program,
    python_peer,
)
from peer_load import Burst, Work, drive
from peer_results import Section, Verdict, compare
from peer_servers import CannotMeasure, Weight, cpu_seconds, free_port, machine_seconds, running, weigh

LEAST = {"Prism": 2.5, "AsyncApp": 3.0, "Starlette": 0.5}  # our rate against the peer's
START_MOST = 0.6
QUIET = 0.05  # of the machine; above it other processes are in the way
Bursts = dict[tuple[str, str], list[tuple[Burst, float | None]]]  # by work and server
WARM_UP = 2.0  # seconds of load per server and work before anything counts


def wrk_seconds() -> float:
    """Processor time of the children that have ended: of wrk, as long as the servers run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass
class Plan:
    """How long and how often; where progress is told and what was left out."""

    wrk: str
    rounds: int
    seconds: float
    connections: int
    say: Callable[[str], None]
    part: str = ""
    skipped: list[str] = field(default_factory=list)
    others: list[float] = field(default_factory=list)  # what other processes took of the machine, burst by burst

    def tell(self, text: str) -> None:
        """What is being done now."""
        self.say(f"{self.part}: {text}")

    def load(self, one: Contender, work: Work, seconds: float) -> tuple[Burst, float | None]:
        """One burst, and the server's processor time per request in microseconds."""
        before, everything, wrk = cpu_seconds(one.server), machine_seconds(), wrk_seconds()
        burst = drive(self.wrk, work, one.server.port, seconds, self.connections)
        after, at_last = cpu_seconds(one.server), machine_seconds()
        if burst.failures or not burst.requests:
            raise CannotMeasure(
                f"{one.name}: {work.name} failed under load: {dict(burst.failures)}{one.server.last_words()}"
            )
        if before is None or after is None or everything is None or at_last is None:
            return burst, None
        spent = after - before
        others = (at_last - everything) - spent - (wrk_seconds() - wrk)
        self.others.append(max(0.0, others) / burst.seconds / (os.cpu_count() or 1))
        return burst, spent / burst.requests * 1e6

    def disturbance(self) -> str:
        """How busy other processes kept the machine during the bursts; a remark, and the list starts anew."""
        found, self.others = self.others or [0.0], []
        words = f"others used {median(found):.0%} of the machine meanwhile, {max(found):.0%} in the worst burst"
        return words + ("; [yellow]that is too much to trust rates[/]" if median(found) > QUIET else "")

    @contextlib.contextmanager
    def or_skip(self, name: str) -> Iterator[None]:
        """A peer that cannot run is left out, and the user is told why."""
        try:
            yield
        except CannotMeasure as error:
            self.skipped.append(f"{name}, {self.part}: {error}")


def contenders(plan: Plan, stack: ExitStack) -> list[Contender]:
    """All servers, started and examined. The mock must be there; a peer may be missing."""
    plan.tell("starting the servers")
    ours = stack.enter_context(mock())
    examine(ours)
    found = [ours]
    peers: dict[str, Callable[[], AbstractContextManager[Contender]]] = {"Prism": prism}
    for name in PYTHON_PEERS:
        peers[name] = partial(python_peer, name)
    for name, start in peers.items():
        with plan.or_skip(name):
            peer = stack.enter_context(start())
            examine(peer)
            found.append(peer)
    return found


def throughput(plan: Plan) -> Section:
    section = Section(
        "throughput",
        f"Throughput: wrk -t1 -c{plan.connections}, {plan.rounds} rounds of {plan.seconds:g} s in turn, medians",
        ["server", "work", "requests/s", "p50 ms", "p99 ms", "processor µs/request", "our rate / its", "by processor"],
    )
    bursts: Bursts = {}
    with ExitStack() as stack:
        found = contenders(plan, stack)
        section.remarks += [f"{one.name} does: {one.does}" for one in found]
        section.remarks.append(f"{MOCK} is reset before each burst; what a burst of POST makes, stays until then")
        for one in list(found):
            plan.tell(f"warming up {one.name}")
            with may_drop(plan, found, one):
                for work in one.works():
                    plan.load(one, work, WARM_UP)
        plan.others.clear()
        for number in range(plan.rounds):
            for index in range(2):
                for one in list(found):
                    work = one.works()[index]
                    plan.tell(f"round {number + 1} of {plan.rounds}: {work.name}, {one.name}")
                    with may_drop(plan, found, one):
                        one.refresh()
                        bursts.setdefault((work.name, one.name), []).append(plan.load(one, work, plan.seconds))
    section.remarks.append("by processor: the same ratio from the processor time of both; it minds neighbours less")
    section.remarks.append(plan.disturbance())
    rates(section, bursts)
    return section


@contextlib.contextmanager
def may_drop(plan: Plan, found: list[Contender], one: Contender) -> Iterator[None]:
    """A peer that fails under load is timed no more; the mock's failure is the end of the measurement."""
    if one.name == MOCK:
        yield
        return
    before = len(plan.skipped)
    with plan.or_skip(one.name):
        yield
    if len(plan.skipped) > before:
        found.remove(one)


def rates(section: Section, bursts: Bursts) -> None:
    for (work, name), found in bursts.items():
        mine = [burst.rate for burst, _ in bursts[work, MOCK]]
        theirs = [burst.rate for burst, _ in found]
        spent = [micros for _, micros in found if micros is not None]
        own = [micros for _, micros in bursts[work, MOCK] if micros is not None]
        section.rows.append(
            [
                name,
                work,
                f"{median(theirs):,.0f}",
                f"{median(burst.p50 for burst, _ in found):.2f}",
                f"{median(burst.p99 for burst, _ in found):.2f}",
                f"{median(spent):.0f}" if spent else "",
                f"{median(mine) / median(theirs):.2f}",
                f"{median(spent) / median(own):.2f}" if spent and own else "",
            ]
        )
        if name in LEAST:
            section.verdicts.append(compare(f"{work}: rate against {name}", mine, theirs, ">=", LEAST[name]))
        section.samples[f"{work}, {name}"] = {
            "requests_per_second": [round(rate, 1) for rate in theirs],
            "processor_micros": [round(micros, 1) for micros in spent],
        }


def startup(plan: Plan) -> Section:
    """Each start is a new process; the first of each is not counted, since it may write compiled files."""
    section = Section(
        "startup",
        f"Start-up: from the start of the process to its first 200, {plan.rounds} starts each in turn, medians; "
        f"{MOCK} with all its vendors, Prism with one",
        ["server", "answer", "seconds"],
    )
    task, health, theirs = [], [], []
    program = None
    with plan.or_skip("Prism"):
        program = prism_program()
    plan.tell("a first start of each, not counted")
    _, _, ours = start_mock()
    if program:
        start_prism()
    for number in range(plan.rounds):
        plan.tell(f"start {number + 1} of {plan.rounds}")
        ready, answered, _ = start_mock(ours)
        health.append(ready)
        task.append(answered)
        if program:
            theirs.append(start_prism())
    section.rows += [
        [MOCK, "/_mock/health", f"{median(health):.3f}"],
        [MOCK, "GET one task", f"{median(task):.3f}"],
    ]
    section.samples = {"health": health, "task": task, "Prism": theirs}
    if theirs:
        section.rows.append(["Prism", "GET one task", f"{median(theirs):.3f}"])
        section.verdicts.append(compare("start-up against Prism", task, theirs, "<=", START_MOST))
    return section


def start_mock(known: Contender | None = None) -> tuple[float, float, Contender]:
    """Seconds to /_mock/health and to a task; what to ask for is known from an earlier start."""
    port = free_port()
    with running(MOCK, mock_command(port, vendor=None), port, ROOT) as server:
        ready = server.wait("/_mock/health")
        ours = known or meet_mock(MOCK, server)
        return ready, server.wait(ours.get_path, ours.headers), ours


def start_prism() -> float:
    port = free_port()
    with running("Prism", prism_command(port), port, ROOT) as server:
        peer = peer_of("Prism", server, "")
        return server.wait(peer.get_path, peer.headers)


def memory(plan: Plan) -> Section:
    section = Section(
        "memory",
        f"Memory of the process and its children in MB, after {plan.seconds:g} s of load each",
        ["server", "when", "RSS", "PSS", "tasks made"],
    )
    weights: dict[str, list[tuple[str, Weight]]] = {}
    with mock() as ours:
        weights[MOCK] = weigh_under_load(plan, section, ours)
    with plan.or_skip("Prism"), prism() as peer:
        weights["Prism"] = weigh_under_load(plan, section, peer)
    if "Prism" in weights:
        for (when, mine), (_, theirs) in zip(weights[MOCK], weights["Prism"], strict=True):
            section.verdicts.append(Verdict(f"memory against Prism, {when} (RSS)", mine.rss / theirs.rss, "<", 1))
            section.verdicts.append(Verdict(f"memory against Prism, {when} (PSS)", mine.pss / theirs.pss, "<", 1))
    section.remarks.append("Prism keeps nothing. Every POST to the mock makes a task, which stays.")
    return section


def weigh_under_load(plan: Plan, section: Section, one: Contender) -> list[tuple[str, Weight]]:
    plan.tell(f"weighing {one.name}")
    examine(one)
    found = []
    made = 0
    read, write = one.works()
    for when, work in (("at rest", None), ("after GET load", read), ("after POST load", write)):
        if work:
            burst, _ = plan.load(one, work, plan.seconds)
            made += burst.requests if work is write else 0
        weight = weigh(one.server)
        if weight is None:
            raise CannotMeasure("memory is read from /proc, which this system does not have")
        found.append((when, weight))
        section.rows.append([one.name, when, f"{weight.rss:.1f}", f"{weight.pss:.1f}", f"{made:,}"])
    section.samples[one.name] = {when: [weight.rss, weight.pss] for when, weight in found}
    return found
