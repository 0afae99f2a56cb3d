"""What stands on disk of the records that a run made: for those who clean up after one that was killed."""

import json
from pathlib import Path

import pytest

from contracts.safety.made import Journal, Leftovers, folder

URL = "https://api.example.com/v1"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def _files() -> list[Path]:
    return sorted(folder().glob("*")) if folder().exists() else []


def test_journal__holds_what_a_killed_run_left() -> None:
    journal = Journal("kanman", URL, 7)
    journal.made("tasks", "a", {}, "Contract check [proofboard 7]")
    journal.made("tasks", "b", {"project": "p"}, None)
    journal.made("tasks", "c", {}, "x" * 500)
    journal.gone("tasks", "a")
    found = Leftovers("kanman", f"{URL}/").entries()
    assert [(each.resource, each.identity, each.seed) for each in found] == [("tasks", "c", 7), ("tasks", "b", 7)]
    assert found[0].text == "x" * 80 and found[1].path == {"project": "p"}


def test_journal__of_another_tenant_is_not_looked_at() -> None:
    Journal("kanman", URL, 7).made("tasks", "a", {}, None)
    assert Leftovers("kanbert", URL).entries() == []
    assert Leftovers("kanman", "https://api.example.org/v1").entries() == []
    assert len(Leftovers("kanman", "https://someone:secret@API.example.com/v1").entries()) == 1


def test_journal__vanishes_with_the_last_record(home: Path) -> None:
    journal = Journal("kanman", URL, 7)
    assert _files() == []
    journal.made("tasks", "a", {}, None)
    assert len(_files()) == 1 and "example" not in _files()[0].name
    journal.gone("tasks", "a")
    assert _files() == []


def test_journal__stays_while_something_is_left() -> None:
    journal = Journal("kanman", URL, 7)
    journal.made("tasks", "a", {}, None)
    assert len(Leftovers("kanman", URL).entries()) == 1


def test_settle__takes_a_record_out_and_the_file_away_when_it_is_empty() -> None:
    journal = Journal("kanman", URL, 7)
    for name in "ab":
        journal.made("tasks", name, {}, None)
    leftovers = Leftovers("kanman", URL)
    leftovers.settle("tasks", "a")
    assert [each.identity for each in leftovers.entries()] == ["b"] and len(_files()) == 1
    leftovers.settle("tasks", "b")
    assert _files() == []


def test_entries__a_line_that_was_cut_off_costs_no_other() -> None:
    Journal("kanman", URL, 7).made("tasks", "a", {}, None)
    with _files()[0].open("a") as file:
        file.write('null\n{"made": 5}\n' + json.dumps({"made": "tasks", "id": "b", "seed": 7})[:-4])
    assert [each.identity for each in Leftovers("kanman", URL).entries()] == ["a"]


def test_journal__that_cannot_be_written_costs_nothing_else(home: Path) -> None:
    (home / "proofboard").write_text("in the way")
    journal = Journal("kanman", URL, 7)
    journal.made("tasks", "a", {}, None)
    journal.gone("tasks", "a")
    assert Leftovers("kanman", URL).entries() == []
