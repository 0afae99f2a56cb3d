"""What a read has to show so that a record counts as ours, and where the records of a vendor stand."""

from typing import Any

import pytest

from contracts.model import Model
from contracts.safety.records import Records, bears, identity_of
from mockserver.vendor import Vendor, load

PROJECT = "660e8400-e29b-41d4-a716-446655440001"


@pytest.fixture
def tasks(kanman: Vendor) -> Records:
    return Records(Model(kanman), {"project_id": PROJECT})


@pytest.mark.parametrize(
    ("sent", "got", "is_it"),
    [
        ("Contract check [proofboard 7]", "Contract check [proofboard 7]", True),
        ("  Contract   check ", "contract check", True),
        ("<b>Contract</b> check &amp; more", "Contract check & more", True),
        ("Contract check " * 99, "Contract check Contract", True),
        ("\ufb01nd the ke\u0301y", "find the k\u00e9y", True),
        ("Contract check [proofboard 7]", "Contract check [proofboard 8]", False),
        ("Contract check [proofboard 7]", "Contract", True),
        ("Contract check [proofboard 7]", "C", False),
        ("Contract check [proofboard 7]", None, False),
        ("Contract check [proofboard 7]", ["Contract check [proofboard 7]"], False),
        ("---", None, True),
        (7, "7", True),
        (7, 8, False),
    ],
)
def test_bears__a_tenant_may_cut_or_clean_a_text(sent: Any, got: Any, is_it: bool) -> None:
    assert bears(sent, got) is is_it


@pytest.mark.parametrize(
    ("sent", "record", "verdict"),
    [
        ({"label": "Contract check", "status": 1}, {"label": "Contract check", "status": 0}, True),
        ({"label": "Contract check"}, {"label": "Pay the rent"}, False),
        (
            {"label": "Contract check", "description": "A plain line."},
            {"label": "", "description": "A plain line."},
            False,
        ),
        ({"description": "A plain line."}, {"label": None, "description": "A plain line."}, True),
        ({"description": "A plain line."}, {"label": None, "description": "Rent"}, False),
        ({"projectId": PROJECT}, {"project_id": PROJECT, "label": None}, True),
        ({"projectId": PROJECT}, {"project_id": PROJECT, "label": "Pay the rent"}, False),
        ({"projectId": PROJECT, "status": 2}, {"project_id": PROJECT, "status": 0}, False),
        ({}, {"label": None}, None),
    ],
)
def test_shows__the_mark_tells_else_the_texts_else_all_that_was_sent(
    tasks: Records, sent: dict[str, Any], record: dict[str, Any], verdict: bool | None
) -> None:
    assert tasks.shows("tasks", sent, record) is verdict


def test_shows__fields_that_many_records_share_tell_nothing() -> None:
    webhooks = Records(Model(load("kanbert")), {})
    sent = {"url": "https://hooks.example.com/x", "project_id": "01hf3yhem0n0r8x3he9dsk0zc6", "events": ["task:*"]}
    assert webhooks.shows("webhooks", sent, {**sent, "url": "https://elsewhere.org/y"}) is False
    assert webhooks.shows("webhooks", sent, {**sent, "events": []}) is True


def test_operations__are_those_of_the_sample_else_those_with_the_verb(tasks: Records) -> None:
    found = [tasks.reader("tasks"), tasks.lister("tasks"), tasks.operation("tasks", "delete"), tasks.lister("projects")]
    names = [each.id if each else None for each in found]
    assert names == ["getTask", "listProjectTasks", "deleteTask", "listBoardProjects"]
    assert tasks.operation("boards", "delete") is None


def test_path__takes_what_was_made_there_then_what_is_known(tasks: Records) -> None:
    lister = tasks.lister("tasks")
    assert lister is not None
    name = tasks.model.vendor.operations[lister.id].parameters[0]["name"]
    assert tasks.path(lister, {}, None) == {name: PROJECT}
    assert tasks.path(lister, {name: "mine"}, None) == {name: "mine"}
    assert Records(tasks.model, {}).path(lister, {}, None) is None


@pytest.mark.parametrize(
    ("value", "identity"), [(7, "7"), (7.0, "7"), ("x", "x"), ("", None), (True, None), (None, None), ({}, None)]
)
def test_identity__is_a_text_or_a_number(value: Any, identity: str | None) -> None:
    assert identity_of(value) == identity


def test_rare__short_numbers_are_not_left_to_chance() -> None:
    kantata, geotareas = Records(Model(load("kantata")), {}), Records(Model(load("geotareas")), {})
    assert not kantata.is_rare("task_status_sets", "99123456")
    assert geotareas.is_rare("tasks", "9999999999123456")
