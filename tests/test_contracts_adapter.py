"""The one file that knows Schemathesis: its inside is as we know it, and nothing of ours leaks into it."""

import json
import math
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from schemathesis.engine import StopReason, events
from schemathesis.engine.core import Engine

from contracts import schemathesis_adapter as adapter
from contracts.findings import Exchange, Headers
from contracts.safety.guard import BudgetSpent
from contracts.schemathesis_adapter import Failure, Outcome, Plan, Withheld
from contracts.wire import Outgoing, Reply
from tests.odd_servers import reply, serving

THINGS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    "security": [{"key": []}],
    "paths": {
        "/things": {
            "get": {
                "operationId": "listThings",
                "responses": {
                    "200": {
                        "description": "All",
                        "content": {"application/json": {"schema": {"type": "array", "items": {"type": "integer"}}}},
                    },
                    **{status: {"description": "Refused"} for status in ("400", "401", "405")},
                },
            }
        }
    },
}
PLAN = Plan(
    document=THINGS,
    base_url="http://things.example/v1",
    base_path="/v1",
    headers={"Authorization": "Bearer s3cret"},
    seed=1,
    max_examples=3,
    disposable=True,
)


class Quiet:
    """Listens and remembers the phases and the failures, of which so many are enough."""

    def __init__(self, enough: float = math.inf) -> None:
        self.phases: list[str] = []
        self.failures: list[Failure] = []
        self.enough = enough

    def phase(self, name: str) -> None:
        self.phases.append(name)

    def scenario(self, phase: str, label: str, cases: int) -> None:
        return

    def is_enough(self, failures: Iterable[Failure]) -> bool:
        self.failures.extend(failures)
        return len(self.failures) >= self.enough


class Things:
    """A server of things, and what it was sent."""

    def __init__(self, things: Any) -> None:
        self.things = things
        self.sent: list[tuple[Outgoing, str | None]] = []

    def __call__(self, request: Outgoing, *, caller: str | None) -> Exchange:
        self.sent.append((request, caller))
        headers = Headers([("content-type", "application/json")])
        status, body = 200, json.dumps(self.things)
        if dict(request.headers).get("authorization") != "Bearer s3cret":
            status, body = 401, "{}"
        elif request.method != "GET":
            status, body, headers = 405, "{}", Headers([("content-type", "application/json"), ("allow", "GET")])
        path = request.target.partition("?")[0]
        return Exchange(
            request.method,
            path,
            path,
            Headers(request.headers),
            request.body,
            status,
            headers,
            body.encode(),
            0,
            "listThings",
        )


def test_inside__has_what_the_adapter_uses() -> None:
    assert schemathesis.Config.from_str and schemathesis.openapi.from_dict
    assert hasattr(Engine, "execute") and hasattr(Engine, "get_phase_config")
    assert {reason.value for reason in StopReason} >= {"completed", "interrupted"}
    for name in ("PhaseStarted", "ScenarioFinished", "NonFatalError", "FatalError", "Interrupted", "EngineFinished"):
        assert hasattr(events, name)


def test_run__a_good_server_fails_nothing() -> None:
    things, listener = Things([1, 2]), Quiet()
    outcome = adapter.run(PLAN, things, listener)
    assert (outcome.failures, outcome.errors, outcome.stopped) == ([], [], None)
    assert listener.phases[:3] == ["examples", "coverage", "fuzzing"]
    assert {caller for _, caller in things.sent} == {"owner", None}
    assert outcome.cases > 5


def test_run__a_failure_bears_the_exchange_that_showed_it() -> None:
    outcome = adapter.run(PLAN, Things(["one"]), Quiet())
    (failure, *_) = [each for each in outcome.failures if each.code == "ST108"]
    assert (failure.check, failure.operation) == ("response_schema_conformance", "GET /things")
    assert failure.exchange is not None and failure.exchange.body == b'["one"]'


def test_run__goes_on_after_a_failure() -> None:
    """It may be excused; what comes after it may be another one."""
    operation = THINGS["paths"]["/things"]["get"]
    parameters = [{"name": "size", "in": "query", "schema": {"type": "integer"}}]
    paths = {"/things": {"get": {**operation, "parameters": parameters}}}
    outcome = adapter.run(replace(PLAN, document={**THINGS, "paths": paths}, max_examples=20), Things(["one"]), Quiet())
    assert sum(failure.code == "ST108" for failure in outcome.failures) >= 20
    assert all(failure.exchange is not None for failure in outcome.failures)


def test_run__ends_when_its_listener_has_enough() -> None:
    document = {**THINGS, "paths": {"/things": THINGS["paths"]["/things"], "/others": THINGS["paths"]["/things"]}}
    every, first = Things(["one"]), Things(["one"])
    adapter.run(replace(PLAN, document=document), every, Quiet())
    listener = Quiet(enough=1)
    outcome = adapter.run(replace(PLAN, document=document), first, listener)
    assert (outcome.errors, outcome.stopped) == ([], None)
    assert outcome.failures == listener.failures and listener.failures
    assert len(first.sent) < len(every.sent)
    assert listener.phases[-1] == "coverage"


def test_run__the_same_seed_sends_the_same() -> None:
    first, second = Things([1]), Things([1])
    for things in (first, second):
        adapter.run(PLAN, things, Quiet())
    bare = [[(sent.method, sent.target, sent.body) for sent, _ in things.sent] for things in (first, second)]
    assert bare[0] == bare[1]


def test_run__opens_no_connection_of_its_own() -> None:
    """Its probes would pass the guard: nobody would count them, and they would follow a redirect to any host."""
    arrived: list[Outgoing] = []

    def answer(request: Outgoing) -> Reply:
        arrived.append(request)
        return reply(404, "{}")

    with serving(answer) as address:
        things = Things([1])
        adapter.run(replace(PLAN, base_url=f"{address}/v1"), things, Quiet())
    assert things.sent and arrived == []


def test_run__only_the_operations_that_are_asked_for() -> None:
    paths = {**THINGS["paths"], "/others": {"get": {**THINGS["paths"]["/things"]["get"], "operationId": "listOthers"}}}
    plan = replace(PLAN, document={**THINGS, "paths": paths}, operations=("listThings",), values={"x": {"y": ["z"]}})
    things = Things([1])
    adapter.run(plan, things, Quiet())
    assert {sent.target.partition("?")[0] for sent, _ in things.sent} == {"/things"}


def test_run__what_sending_raises_ends_it() -> None:
    things = Things([1])

    def send(request: Outgoing, *, caller: str | None) -> Exchange:
        if len(things.sent) == 3:
            raise BudgetSpent("enough")
        return things(request, caller=caller)

    outcome = adapter.run(PLAN, send, Quiet())
    assert isinstance(outcome.stopped, BudgetSpent) and len(things.sent) == 3


def test_run__what_is_withheld_does_not_end_it() -> None:
    things = Things([1])

    def send(request: Outgoing, *, caller: str | None) -> Exchange:
        if request.method == "POST":
            raise Withheld("not this one")
        return things(request, caller=caller)

    outcome = adapter.run(PLAN, send, Quiet())
    assert outcome.stopped is None and outcome.errors == [] and things.sent


def test_run__what_is_withheld_costs_no_other_case() -> None:
    listing = {
        **THINGS["paths"]["/things"]["get"],
        "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}],
    }
    paths = {"/things": {"get": listing}}
    plan = replace(PLAN, document={**THINGS, "paths": paths}, max_examples=40, phases=("fuzzing",), disposable=False)
    asked = {"all": 0, "some": 0}

    def count(way: str, *, is_withheld: bool) -> Outcome:
        things = Things([1])

        def send(request: Outgoing, *, caller: str | None) -> Exchange:
            asked[way] += 1
            if is_withheld and asked[way] % 2:
                raise Withheld("not this one")
            return things(request, caller=caller)

        outcome = adapter.run(plan, send, Quiet())
        assert outcome.cases == len(things.sent) and outcome.errors == []
        assert all(failure.exchange is not None for failure in outcome.failures)
        return outcome

    every, half = count("all", is_withheld=False), count("some", is_withheld=True)
    assert asked["some"] == asked["all"] == every.cases > 30
    assert half.cases == asked["some"] // 2


def test_configuration__holds_no_secret() -> None:
    text = adapter.configuration(PLAN)
    assert "s3cret" not in text
    assert tomllib.loads(text)["headers"] == {"Authorization": "Bearer proofboard-owner-authorization"}


def test_configuration__of_a_tenant_is_the_careful_one() -> None:
    careful = tomllib.loads(adapter.configuration(replace(PLAN, disposable=False)))
    assert careful["phases"] == {"coverage": {"unexpected-methods": []}, "stateful": {"enabled": False}}
    assert careful["auth"]["auto-signup"] is False and careful["checks"]["ignored_auth"]["enabled"] is False
    assert "max-time" not in careful


def test_configuration__values_worth_trying_are_bound_to_their_fields() -> None:
    plan = replace(PLAN, values={"makeThing": {"text": ["Größe 🎉\n", '"'], "bad.name": ["x"]}})
    found = tomllib.loads(adapter.configuration(plan))
    assert found["dictionaries"] == {"makeThing-text": {"values": ["Größe 🎉\n", '"']}}
    assert list(found["operations"][0]["parameters"]) == ["body.text"]


@pytest.mark.parametrize("value", ["Bearer a", "Token b", "plain"])
def test_placeholders__keep_the_scheme(value: str) -> None:
    (placeholder,) = adapter.placeholders({"X-Key": value}).values()
    scheme = value.rpartition(" ")[0]
    assert placeholder == f"{scheme} proofboard-owner-x-key".strip()


def test_run__headers_that_change_are_exchanged_as_they_are_now() -> None:
    tokens = iter(range(10**6))
    sent: list[str] = []

    def send(request: Outgoing, *, caller: str | None) -> Exchange:
        if caller == "owner":
            sent.append(dict(request.headers)["authorization"])
        return Things([1])(request, caller=caller)

    plan = replace(PLAN, renew=lambda: {"Authorization": f"Bearer {next(tokens)}"})
    adapter.run(plan, send, Quiet())
    assert len(sent) > 3 and len(set(sent)) == len(sent)


def test_run__a_caller_of_several_headers() -> None:
    headers = {"Authorization": "Bearer s3cret", "X-API-Key": "k3y", "tenant": "example"}
    things = Things([1])
    adapter.run(replace(PLAN, headers=headers), things, Quiet())
    owners = [dict(sent.headers) for sent, caller in things.sent if caller == "owner"]
    assert owners and all(one["x-api-key"] == "k3y" and one["tenant"] == "example" for one in owners)
    assert all(dict(sent.headers)["accept"] == "application/json" for sent, _ in things.sent)


def test_run__texts_of_a_format_are_written_as_it_says() -> None:
    parameter = {"name": "filter", "in": "query", "schema": {"type": "string", "format": "of-things"}}
    listing = {**THINGS["paths"]["/things"]["get"], "parameters": [parameter]}
    things = Things([1])
    plan = replace(
        PLAN,
        document={**THINGS, "paths": {"/things": {"get": listing}}},
        formats={"of-things": lambda chance: f"size eq {chance.randint(1, 9)}"},
        max_examples=20,
    )
    adapter.run(plan, things, Quiet())
    assert any("filter=size+eq+" in sent.target or "filter=size%20eq%20" in sent.target for sent, _ in things.sent)
