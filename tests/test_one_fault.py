"""One fault is blamed on the rules that speak of it: not on all that have to do with the same answer."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.wire import Outgoing, Reply
from mockserver.vendor import Vendor
from tests.bends import Bend, Forward, Memory, answer_of, drop, each_answer, each_task, is_task, path_of, with_answer
from tests.tenancy import NO_WINDOWS, TestTenant


def _status_of_create(status: int) -> Bend:
    def change(request: Outgoing, reply: Reply) -> Reply:
        is_made = request.method == "POST" and path_of(request) == "/tasks" and reply.status == 201
        return replace(reply, status=status) if is_made else reply

    return each_answer(change)


def _without_position(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    return each_task(drop("position"))(memory, request, forward) if request.method == "GET" else forward(request)


def _key_in_camel_case(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
    reply = forward(request)
    answer = answer_of(reply)
    if request.method == "GET" and is_task(path_of(request)) and reply.status == 200:
        answer["task"]["projectId"] = answer["task"].pop("project_id")
        return with_answer(reply, answer)
    return reply


def _broken(vendor: Vendor, bend: Bend, folder: Path, rules: list[str]) -> set[str | None]:
    with TestTenant(vendor, bend, **NO_WINDOWS) as tenant:
        return {each.rule for each in tenant.judge(tenant.toml(folder / "tenant.toml"), rules).findings}


def test_success_with_another_status__breaks_the_rules_about_statuses_alone(kanman: Vendor, tmp_path: Path) -> None:
    others = ["KM-010", "KM-015", "KM-024", "KM-045", "KM-091", "KM-106", "KM-110", "KM-120", "KM-124"]
    found = _broken(kanman, _status_of_create(202), tmp_path, ["KM-032", "KM-114", *others])
    assert found == {"KM-032", "KM-114"}


def test_success_without_a_record__breaks_the_rules_that_need_one(kanman: Vendor, tmp_path: Path) -> None:
    def nothing(request: Outgoing, reply: Reply) -> Reply:
        is_made = request.method == "POST" and path_of(request) == "/tasks" and reply.status == 201
        return with_answer(reply, {}, status=202) if is_made else reply

    assert "KM-106" in _broken(kanman, each_answer(nothing), tmp_path, ["KM-106"])


@pytest.mark.slow  # rules that are judged by schema have the conformance suite run
def test_missing_key__breaks_the_rules_about_the_keys_alone(kanman: Vendor, tmp_path: Path) -> None:
    others = ["KM-025", "KM-064", "KM-086", "KM-106", "KM-110", "KM-123", "KM-124", "KM-132"]
    found = _broken(kanman, _without_position, tmp_path, ["KM-065", "KM-066", *others])
    assert found == {"KM-065", "KM-066"}


def test_key_in_camel_case__breaks_the_rule_about_snake_case(kanman: Vendor, tmp_path: Path) -> None:
    assert "KM-086" in _broken(kanman, _key_in_camel_case, tmp_path, ["KM-086"])
