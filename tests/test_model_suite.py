"""The model suite: what sequences find that no single request shows, how shortly, and on whom nothing is found."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from contracts.envelopes import ABSENT
from contracts.findings import Exchange, Finding, Headers
from contracts.modelling.hunt import Extent, Hunt
from contracts.modelling.likeness import Likeness
from contracts.modelling.played import Difference, Differs, Played, Scene
from contracts.modelling.steps import Name, Step, filled, named
from contracts.modelling.trimming import trim
from contracts.runner import Result
from contracts.safety.guard import Budget
from contracts.target import open_local, open_url
from mockserver.vendor import Vendor, load
from tests.bending_proxy import bends_of
from tests.bends import straight
from tests.lenient_tenants import LENIENT, TOGETHER, together
from tests.tenancy import TestTenant
from tests.tools.judging import judge_by_sequences, play_sequences
from tests.tools.serving import ROOT, clean_environment

VENDORS = {name: load(name) for name in ("geotareas", "kanbert", "kanman", "kantata")}
# What goes wrong in practice -> vendor, and a bend that does so.
FAULTS = {
    "a lost update": ("kanbert", "lost-update"),
    "a partial update that wipes a field": ("kanbert", "due-date-wiped"),
    "a filter that lies": ("kanbert", "filter-ignored"),
    "an order that slips": ("kanbert", "sort-turned"),
    "a delete that forgets": ("kanbert", "delete-does-nothing"),
    "a page that repeats": ("kanbert", "list-repeats"),
    "a cursor that stands still": ("kanbert", "cursor-ignored"),
    "a stale read": ("kanbert", "stale-for-ever"),
    "a duplicate that is not made": ("kanbert", "create-once"),
    "a cascade forgotten": ("kanbert", "children-stay"),
    "a side effect missing": ("kanbert", "completed-at-not-set"),
    "an include that lies": ("kanbert", "children-of-others"),
    "a default": ("kanbert", "create-starts-in-backlog"),
    "a limit off by one": ("kanbert", "title-cut-at-254"),
    "a text escaped": ("kanbert", "title-escaped"),
    "a search by another key": ("kanbert", "find-by-ignored"),
    "walls between accounts": ("kanbert", "no-walls"),
    "what is deleted, still listed": ("kanbert", "deleted-still-listed"),
    "a transition": ("geotareas", "any-transition"),
    "places that are not dense": ("kantata", "places-not-dense"),
    "names that are cut": ("kantata", "names-cut"),
    "a counter": ("kanman", "counters-off-by-one"),
}
# On a tenant it is held to what can be said of records that the run made.
FAULTS_OF_TENANTS = {
    "a partial update that wipes a field": ("kanman", "description-lost-on-patch"),
    "a delete that forgets": ("kanman", "deleted-still-readable"),
    "a stale read": ("kanman", "stale-read"),
    "an update without effect": ("kanman", "patch-ignores-label"),
    "a list that loses a record": ("kanman", "list-loses-the-last"),
    "a text that is changed": ("kanman", "text-in-lower-case"),
}


def told(result: Result) -> list[tuple[str, str]]:
    return [(finding.key, finding.what) for finding in result.findings]


def only(result: Result) -> Finding:
    assert result.findings, result.reason
    return result.findings[0]


# What is found


def test_fault_that_two_requests_show__is_told_as_the_commands_that_show_it(kanman: Vendor) -> None:
    finding = only(judge_by_sequences(kanman, bends_of("kanman")["deleted-still-readable"], tenant=False))
    requests = [line for line in finding.sequence if "/_mock/" not in line]
    methods = [match[1] if (match := re.search(r"-X (\w+)", line)) else "GET" for line in requests]
    assert finding.suite == "model"
    assert "DELETE" in methods[:-1]
    assert len(requests) <= 3
    assert "/_mock/reset" in finding.sequence[0]


def test_refusal_that_does_not_come__is_laid_at_the_door_of_its_rule(kanman: Vendor) -> None:
    result = judge_by_sequences(kanman, bends_of("kanman")["wrong-status-value-accepted"], tenant=False)
    assert only(result).rule == "KM-129"


def test_same_seed__comes_to_the_same_commands(kanman: Vendor) -> None:
    bend = bends_of("kanman")["create-ignores-description"]
    first, second = (only(judge_by_sequences(kanman, bend, tenant=False)).sequence for _ in range(2))
    assert first == second
    assert first


def test_same_seed__comes_to_the_same_commands_whatever_else_is_imported(
    kanman: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bend = bends_of("kanman")["wrong-status-value-accepted"]
    first = judge_by_sequences(kanman, bend, tenant=False)
    (tmp_path / "somebodys_words.py").write_text(f"WORDS = {[f'word {number}' for number in range(100)]}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("somebodys_words")
    second = judge_by_sequences(kanman, bend, tenant=False)
    assert second.requests == first.requests
    assert only(second).sequence == only(first).sequence


def test_read_that_another_account_may_make__shows_though_nothing_is_written() -> None:
    geotareas, leak = load("geotareas"), "list-board-cards-lists-what-is-others"
    target = open_local(geotareas, seed=11, budget=Budget(), defects=(leak,))
    try:
        finding = only(play_sequences(target))
    finally:
        target.close()
    assert finding.operation == "listBoardCards"
    assert finding.exchange is not None and finding.exchange.caller == "outsider"


def test_hunt__goes_on_where_a_target_answers_otherwise_the_second_time() -> None:
    class Restless:
        """A target at which others are at work: what there is to choose from changes from one sequence to the next."""

        moves = None
        begun = 0

        def begin(self) -> None:
            self.begun += 1

        def play(self, step: object) -> None: ...

        state = property(lambda self: self.begun)
        played = property(lambda self: None)

        def write(self, draw: Any, begun: int) -> int:
            return int(draw(st.integers(0, begun)))

        look = write

        def aftermath(self, draw: Any, step: object, begun: int) -> list[int]:
            return []

    target: Any = Restless()
    assert Hunt(target, target, Extent(30, 6, 5), set(), lambda: None).run(1) is None
    assert target.begun >= 30


@pytest.mark.slow
@pytest.mark.parametrize("what", FAULTS)
def test_world_of_our_own__shows(what: str) -> None:
    vendor, bend = FAULTS[what]
    result = judge_by_sequences(VENDORS[vendor], bends_of(vendor)[bend], tenant=False, profile="thorough")
    assert told(result), bend


@pytest.mark.slow
@pytest.mark.parametrize("what", FAULTS_OF_TENANTS)
def test_tenant__shows(what: str) -> None:
    vendor, bend = FAULTS_OF_TENANTS[what]
    result = judge_by_sequences(VENDORS[vendor], bends_of(vendor)[bend], tenant=True, profile="thorough")
    assert told(result), bend


@pytest.mark.slow
def test_same_seed__comes_to_the_same_commands_in_any_process() -> None:
    program = (
        "from mockserver.vendor import load; from tests.bending_proxy import bends_of; "
        "from tests.tools.judging import judge_by_sequences as judge; "
        "print(*judge(load('kanman'), bends_of('kanman')['stale-read'], tenant=False).findings[0].sequence, sep='\\n')"
    )
    found = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            env=clean_environment({"PYTHONHASHSEED": salt}),
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(found) == 1
    assert found.pop().strip()


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "bend"), [("kanman", "patch-ignores-label"), ("kantata", "names-cut")])
def test_commands__show_the_same_when_they_are_pasted(vendor: str, bend: str) -> None:
    with TestTenant(VENDORS[vendor], bends_of(vendor)[bend], has_control=True) as tenant:
        target = open_url(VENDORS[vendor], tenant.url, seed=3, budget=Budget())
        try:
            finding = only(play_sequences(target))
            callers = target.callers
        finally:
            target.close()
        tokens = {f"{name.upper()}_TOKEN": headers["Authorization"].split()[-1] for name, headers in callers.items()}
        script = "\n".join(["set -e", *finding.sequence[:-1], "echo; echo LAST", finding.sequence[-1]])
        pasted = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, env={**os.environ, **tokens}, check=True
        ).stdout
    assert finding.exchange is not None
    answer = pasted.partition("LAST\n")[2].replace("\r", "").partition("\n\n")[2]
    assert answer.strip() == finding.exchange.body.decode().strip()


# On whom nothing is found


def test_the_mock__agrees_with_itself(kanman: Vendor) -> None:
    result = judge_by_sequences(kanman, straight, tenant=False)
    assert (told(result), result.exit_code, result.reason) == ([], 0, None)
    assert result.requests > 200


def test_tenant_that_is_as_the_model__passes_and_is_left_as_it_was(kanman: Vendor) -> None:
    result = judge_by_sequences(kanman, straight, tenant=True)
    assert (told(result), result.exit_code, result.left_behind) == ([], 0, ())
    assert result.writes > 5


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_whatever_the_seed__the_mock_agrees_with_itself(vendor: str) -> None:
    for seed in (100, 101):
        assert told(judge_by_sequences(VENDORS[vendor], straight, tenant=False, seed=seed)) == [], seed
    for seed in range(100, 104):
        assert told(judge_by_sequences(VENDORS[vendor], straight, tenant=True, seed=seed)) == [], seed


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_tenant_that_uses_the_room_of_its_documents__passes(vendor: str) -> None:
    bends = LENIENT[vendor]
    variants = {"together": together([bends[name] for name in TOGETHER[vendor]]), **bends}
    for name, bend in variants.items():
        assert told(judge_by_sequences(VENDORS[vendor], bend, tenant=True, seed=1)) == [], name


# What it is made of


def test_ids_that_each_side_made__are_no_difference() -> None:
    likeness = Likeness(frozenset())
    one, other = "770e8400-e29b-41d4-a716-446655440000", "aaaaaaaa-e29b-41d4-a716-446655440000"
    assert list(likeness.differences({"id": one}, {"id": other})) == []
    assert list(likeness.differences({"url": f"/x/{one}"}, {"url": f"/x/{other}"})) == []
    assert [each.path for each in likeness.differences({"id": one}, {"id": one})] == [("id",)]


@pytest.mark.parametrize(
    ("expected", "got", "path"),
    [
        ({"a": 1}, {}, ("a",)),
        ({}, {"a": 1}, ("a",)),
        ({"a": [1, 2]}, {"a": [1]}, ("a",)),
        ({"a": [{"b": 1}]}, {"a": [{"b": True}]}, ("a", "*", "b")),
        ({"a": "x"}, {"a": None}, ("a",)),
    ],
)
def test_whatever_else_is_different__is_told_with_its_place(expected: object, got: object, path: tuple[str]) -> None:
    assert [each.path for each in Likeness(frozenset()).differences(expected, got)] == [path]


def test_names__become_the_ids_of_the_world_that_is_played_in() -> None:
    step = named({"project": "$known.project_id", "tags": ["$known.tag_id", "plain"]}, {"project_id": "projects"})
    assert filled(step, lambda name: f"<{name.resource}/{name.place}>") == {
        "project": "<projects/project_id>",
        "tags": ["</tag_id>", "plain"],
    }


NOTHING = Exchange("GET", "http://here/", "/", Headers(), None, 200, Headers(), b"", 0.0, None)


class Counting:
    """Fails when a record is deleted that had been changed before, whatever else is done."""

    def __init__(self) -> None:
        self.played = Played()
        self.made: list[str] = []
        self.tries = 0

    def begin(self) -> None:
        self.played, self.made = Played(), []
        self.tries += 1

    def play(self, step: Step) -> None:
        scene = Scene(step, exchanges=[NOTHING])
        self.played.scenes.append(scene)
        names = [value for _, value in step.path]
        if step.operation == "create":
            self.made.append("new")
            scene.made = Name("made", "tasks", len(self.made) - 1), str(len(self.made))
        elif step.operation == "change":
            self.made[names[0].place] = "changed"
        elif step.operation == "delete" and self.made[names[0].place] == "changed":
            raise Differs(Difference("delete", "status", "it was changed", NOTHING))


def test_trimming__leaves_the_steps_that_it_takes_and_renumbers_their_records() -> None:
    def about(operation: str, number: int, **fields: object) -> Step:
        return Step(operation, path=(("id", Name("made", "tasks", number)),), fields=fields or ABSENT)

    create = Step("create")
    player = Counting()
    player.begin()
    steps = [create, create, about("change", 0), about("read", 1), about("change", 1, a=1, b=2), about("delete", 1)]
    try:
        for step in steps:
            player.play(step)
    except Differs as differs:
        player.played.difference = differs.difference
    trimmed = trim(player, player.played, 50)
    first = (("id", Name("made", "tasks", 0)),)
    steps_left = [(scene.step.operation, scene.step.path) for scene in trimmed.scenes]
    assert steps_left == [("create", ()), ("change", first), ("delete", first)]


def test_urls__may_lead_to_wherever_the_target_is() -> None:
    likeness = Likeness(frozenset(), "http://127.0.0.1:4010")
    assert list(likeness.differences("http://127.0.0.1:4010/a?b=1", "https://elsewhere.example/a?b=1")) == []
    assert list(likeness.differences("http://127.0.0.1:4010/a?b=1", "https://elsewhere.example/a?b=2"))
    assert list(likeness.differences("http://files.example/a", "http://elsewhere.example/a"))


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_mock_at_a_url__agrees_with_the_model_whatever_its_seed(vendor: str) -> None:
    with TestTenant(VENDORS[vendor], has_control=True) as tenant:
        target = open_url(VENDORS[vendor], tenant.url, seed=3, budget=Budget())
        try:
            result = play_sequences(target)
        finally:
            target.close()
    assert (told(result), result.notes) == ([], ())
    assert result.writes > 100
