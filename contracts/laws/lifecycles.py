"""How records move between states: every pair that the table of a lifecycle allows, and every pair that it does not."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from contracts.envelopes import find_placeholder
from contracts.findings import Broken, NotJudged
from contracts.laws import aspects
from contracts.laws.bench import Bench
from contracts.laws.terms import accepts, brief, equal_fields, judged, refusal, refused, short, succeed
from contracts.model import resolved
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation, Rule

_NO_CONDITION = "ok"


def transitions(tenant: Tenant, rule: Rule) -> None:
    """Each state may follow each other as the lifecycle says, itself included; what it forbids is refused."""
    tried = 0
    for name, lifecycle in tenant.vendor.behaviour.get("lifecycles", {}).items():
        for operation in judged(tenant, rule, "transition"):
            if operation.table["lifecycle"] == name:
                tried += 1
                aspects.judge(tenant, "transitions", rule, _cases(Workflow(tenant, operation, lifecycle)))
        for operation in judged(tenant, rule, "update") if lifecycle["transitions"] == "any" else ():
            fields = [field for field, kept in accepts(operation).items() if kept == lifecycle["field"]]
            if operation.table["resource"] == lifecycle["resource"] and fields:
                tried += 1
                _walk(Bench(tenant), operation, fields[0], list(lifecycle["states"]))
    if not tried:
        raise NotJudged("no operation of the rule follows a lifecycle")


# States that are a field like others


def _walk(bench: Bench, operation: Operation, name: str, states: list[Any]) -> None:
    """Every ordered pair of states, through one record."""
    resource = operation.table["resource"]
    path = bench.path(operation)
    for state in _tour(states):
        answer = bench.call(operation, path=path, json={name: state})
        what = f"{operation.id} with {name}: {short(state)}"
        given = succeed(bench.tenant, operation, answer, what)
        expected = {accepts(operation)[name]: state}
        equal_fields(what, expected, given, answer)
        after = bench.read(resource, next(iter(path.values())))
        equal_fields(f"a read after {what}", expected, after, answer)


def _tour(states: list[Any]) -> list[Any]:
    """States in an order in which each ordered pair occurs, a state after itself included."""
    tour: list[Any] = [states[0]]
    for i, state in enumerate(states):
        tour += [state, state] if i else [state]
        for later in states[i + 1 :]:
            tour += [later, state]
    return tour


# States with an operation and a table of their own


@dataclass(frozen=True)
class Step:
    """One cell of the table: from a state to a state, under a condition or not at all (None)."""

    start: str
    target: str
    condition: str | None

    def __str__(self) -> str:
        return f"{self.start} to {self.target}"


class Workflow:
    """The table of a lifecycle, and records to try its steps on; each step in a world of its own."""

    def __init__(self, tenant: Tenant, operation: Operation, lifecycle: Mapping[str, Any]) -> None:
        self.tenant = tenant
        self.operation = operation
        self.table = lifecycle
        self.states: list[str] = list(lifecycle["states"])

    @cached_property
    def steps(self) -> list[Step]:
        return [Step(start, target, self.condition(start, target)) for start in self.states for target in self.states]

    def condition(self, start: str, target: str) -> str | None:
        found = self.table["transitions"]
        if found == "any":
            return _NO_CONDITION
        following = found.get(start, {})
        if isinstance(following, Mapping):
            return following.get(target)
        return _NO_CONDITION if target in following else None

    def step(self, start: str, target: str) -> Step:
        return Step(start, target, self.condition(start, target))

    def fields(self, step: Step, word: str = "met") -> dict[str, Any]:
        """What a request has to say besides, so that a condition is met, or not met though the request is well-formed.

        A step that is never allowed says what another one to the same state would.
        """
        conditions = self.table.get("conditions", {})
        into = [self.condition(start, step.target) for start in self.states]
        name = step.condition or next((each for each in into if each in conditions), None)
        told: dict[str, Any] = resolved(conditions.get(name, {}).get(word, {}), self.tenant.known)
        return told

    def body(self, target: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._standing, self.operation.table["target"]: target, **fields}

    @cached_property
    def _standing(self) -> dict[str, Any]:
        """What every body says, whatever the target."""
        told = self.tenant.target.model.request(self.operation.id, self.tenant.known) or {}
        body: dict[str, Any] = told["bodies"][0] if "bodies" in told else told.get("body", {})
        return {name: value for name, value in body.items() if name != self.operation.table["target"]}

    def record(self, state: str) -> tuple[Tenant, str]:
        """A fresh world, and the id of a record in that state: one of the seed, or one that is taken there.

        No operation makes such records, so a tenant has none that are ours to change.
        """
        if not self.tenant.is_mock:
            raise NotJudged("no record that a run may change can be moved")
        world = self.tenant.fresh_world()
        start, identity = self._seeded(state)
        for step in self._way(start, state):
            answer = self.send(world, identity, step, self.fields(step))
            if not 200 <= answer.status < 300:
                raise NotJudged(f"the step from {step} was refused, on the way to {state}")
        return world, identity

    def _seeded(self, state: str) -> tuple[str, str]:
        """A record of the owner's, in that state if there is one, that fits what every body says."""
        vendor = self.tenant.vendor
        resource = vendor.behaviour["resources"][self.table["resource"]]
        mine = vendor.callers["owner"].account
        found = [
            each
            for each in vendor.seed["records"].get(self.table["resource"], [])
            if each.get(resource.get("account")) in (None, mine)
            and all(each.get(name, value) == value for name, value in self._standing.items())
        ]
        if not found:
            raise NotJudged(f"the seed has no record of {self.table['resource']} to move")
        chosen = next((each for each in found if each[self.table["field"]] == state), found[0])
        return str(chosen[self.table["field"]]), str(chosen[resource["key"]])

    def _way(self, start: str, target: str) -> list[Step]:
        """The shortest way through the table."""
        ways: deque[list[Step]] = deque([[]])
        seen = {start}
        while ways:
            way = ways.popleft()
            here = way[-1].target if way else start
            if here == target:
                return way
            for step in self.steps:
                if step.start == here and step.condition is not None and step.target not in seen:
                    seen.add(step.target)
                    ways.append([*way, step])
        raise NotJudged(f"no way leads from {start} to {target}")

    def send(self, world: Tenant, identity: str, step: Step, fields: Mapping[str, Any]) -> Answer:
        bench = Bench(world)
        path = bench.path(self.operation, identity)
        return bench.call(self.operation, path=path, json=self.body(step.target, fields))

    def tell(self, answer: Answer, word: str) -> Any:
        """What the answer tells under a word of the operation's `answer`, such as `$from`."""
        place = find_placeholder(self.operation.table.get("answer"), f"${word}")
        if place is None:
            raise NotJudged(f"the answer of {self.operation.id} does not tell ${word}")
        record = succeed(self.tenant, self.operation, answer, self.operation.id)
        node: Any = record
        for key in place:
            node = node[key]
        return node


def _cases(flow: Workflow) -> dict[str, aspects.Case]:
    """`from_STATE` a row, `STATE_STATE` a cell, and what else a rule may be about."""
    cases: dict[str, aspects.Case] = {
        f"from_{state}": partial(_allowed, flow, [step for step in flow.steps if step.start == state])
        for state in flow.states
    }
    cases["same"] = partial(_allowed, flow, [step for step in flow.steps if step.start == step.target])
    cases["refused"] = partial(_refused, flow)
    cases["before"] = partial(_told, flow, "from")
    cases["after"] = partial(_told, flow, "to")
    cases["in_a_row"] = partial(_in_a_row, flow)
    cases["optional"] = partial(_optional, flow, flow.states)
    rows = list(cases)
    for step in flow.steps:
        cases[f"{step.start}_{step.target}"] = partial(_allowed, flow, [step])
        cases[f"optional_{step.target}"] = partial(_optional, flow, [step.target])
    named = flow.tenant.vendor.behaviour.get("aspects", {}).get("transitions", {})
    return {name: case for name, case in cases.items() if name in rows or name in named}


def _allowed(flow: Workflow, steps: list[Step]) -> None:
    """Each step is taken or refused as the table says; a condition that is not met refuses it too."""
    for step, fields, is_allowed in _trials(flow, steps):
        world, identity = flow.record(step.start)
        answer = flow.send(world, identity, step, fields)
        what = f"{flow.operation.id} from {step}{f' with {short(fields)}' if fields else ''}"
        if is_allowed:
            succeed(flow.tenant, flow.operation, answer, what)
        elif 200 <= answer.status < 300:
            raise Broken(f"{what}: expected a refusal, got {brief(answer)}", answer)


def _trials(flow: Workflow, steps: list[Step]) -> Iterator[tuple[Step, dict[str, Any], bool]]:
    for step in steps:
        yield step, flow.fields(step), step.condition is not None
        unmet = flow.fields(step, "unmet") if step.condition is not None else {}
        if unmet:
            yield step, unmet, False


def _refused(flow: Workflow) -> None:
    """What is refused is refused for that reason, by status and code. That it is refused is the rows' concern."""
    expected = refusal(flow.tenant.vendor, "transition_refused")
    for step, fields, is_allowed in _trials(flow, flow.steps):
        if is_allowed:
            continue
        world, identity = flow.record(step.start)
        answer = flow.send(world, identity, step, fields)
        if not 200 <= answer.status < 300:
            refused(flow.tenant, answer, expected, f"{flow.operation.id} from {step}")


def _told(flow: Workflow, word: str) -> None:
    """Where the answer tells the state before or after, it is that."""
    for step in flow.steps:
        if step.condition is None:
            continue
        world, identity = flow.record(step.start)
        answer = flow.send(world, identity, step, flow.fields(step))
        if not 200 <= answer.status < 300:
            continue
        state, got = (step.start if word == "from" else step.target), flow.tell(answer, word)
        if got != state:
            what = f"{flow.operation.id} from {step}"
            raise Broken(f"{what}: expected {short(state)} as the state {_SIDE[word]}, got {short(got)}", answer)


_SIDE = {"from": "before", "to": "after"}


def _in_a_row(flow: Workflow) -> None:
    """The state before each step is the state after the one before, whatever was refused in between."""
    tried = 0
    for first in flow.steps:
        follow = [step for step in flow.steps if step.start == first.target]
        second = next((step for step in follow if step.condition is not None and step.target != step.start), None)
        bad = next((step for step in follow if step.condition is None), None)
        if first.condition is None or second is None:
            continue
        world, identity = flow.record(first.start)
        one = flow.send(world, identity, first, flow.fields(first))
        if bad is not None:
            flow.send(world, identity, bad, flow.fields(bad))
        two = flow.send(world, identity, second, flow.fields(second))
        if not (200 <= one.status < 300 and 200 <= two.status < 300):
            continue
        tried += 1
        after, before = flow.tell(one, "to"), flow.tell(two, "from")
        if after != before:
            what = f"{flow.operation.id} from {first}, then to {second.target}"
            raise Broken(f"{what}: the first ends in {short(after)}, the second begins in {short(before)}", two)
    if not tried:
        raise NotJudged("no two steps in a row were allowed")


def _optional(flow: Workflow, targets: list[str]) -> None:
    """A step without a condition needs nothing but its target: what works with more works without."""
    extra = {name: value for each in flow.table.get("conditions", {}).values() for name, value in each["met"].items()}
    extra = resolved(extra, flow.tenant.known)
    tried = 0
    for step in flow.steps:
        if step.condition != _NO_CONDITION or step.target not in targets:
            continue
        world, identity = flow.record(step.start)
        answer = flow.send(world, identity, step, {})
        if 200 <= answer.status < 300:
            tried += 1
            continue
        world, identity = flow.record(step.start)
        if 200 <= flow.send(world, identity, step, extra).status < 300:
            what = f"{flow.operation.id} from {step} without {', '.join(extra)}"
            raise Broken(f"{what}: expected a success, as it has one with them, got {brief(answer)}", answer)
    if not tried:
        raise NotJudged("no step without a condition was allowed")
