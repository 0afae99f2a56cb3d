"""A filter table that names what is not there is told at the start, file and line."""

import shutil
from pathlib import Path

import pytest

from mockserver.vendor import SpecError, load

FOLDER = load("kanbert").folder
MISTAKES = {
    "class": ("title: {type: text, class: S,", "title: {type: text, class: T,", "there is no class 'T'"),
    "alias": ("neq: {for: ne,", "neq: {for: no,", "there is no operator 'no'"),
    "relation": ("client.name: {", "clients.name: {", "there is no relation 'clients'. Did you mean 'client'?"),
    "related resource": ("field: epic_id, resource: epics", "field: epic_id, resource: ep", "no resource 'ep'"),
    "column": ("assignee.email: {", "assignee.mail: {", "goes by 'mail', which neither indexes nor"),
    "own column": ("due_date: {type: date, class", "due_on: {type: date, class", "goes by 'due_on', which neither"),
    "rule of a field": ("class: D, rule: KB-102", "class: D, rule: KB-1002", "there is no rule 'KB-1002'"),
    "rule of a word": ("eq: KB-160", "eq: KB-1600", "there is no rule 'KB-1600'"),
    "rule of a pair": ("        KB-071: [[", "        KB-0711: [[", "there is no rule 'KB-0711'"),
    "type": ("title: {type: text, class: S,", "title: {type: txt, class: S,", "is 'txt'; expected one of text, id"),
    "word": ("      characters: 8192", "      character: 8192", "has an unknown key 'character'. Did you mean"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_filter_table__names_what_there_is(name: str, tmp_path: Path) -> None:
    right, wrong, says = MISTAKES[name]
    folder = tmp_path / "kanbert"
    shutil.copytree(FOLDER, folder)
    text = (folder / "behaviour.yaml").read_text()
    assert right in text
    (folder / "behaviour.yaml").write_text(text.replace(right, wrong, 1))
    with pytest.raises(SpecError) as told:
        load(folder)
    assert any(says in str(mistake) and "behaviour.yaml:" in str(mistake) for mistake in told.value.mistakes)


def test_filters__need_a_refusal(tmp_path: Path) -> None:
    folder = tmp_path / "kanbert"
    shutil.copytree(FOLDER, folder)
    text = (folder / "behaviour.yaml").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("filter_wrong:")]
    (folder / "behaviour.yaml").write_text("\n".join(lines))
    with pytest.raises(SpecError, match="refusals lacks 'filter_wrong'"):
        load(folder)
