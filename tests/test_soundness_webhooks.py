"""The table `webhooks` names only what there is: each mistake is told when the folder is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.vendor import load
from mockserver.yamlfile import SpecError
from tests.tools.hooked_toy import hooked_toy

Behaviour = dict[str, Any]


def webhooks(**changes: Any) -> Callable[[Behaviour], object]:
    return lambda behaviour: behaviour["webhooks"].update(changes)


def subscription(**changes: Any) -> Callable[[Behaviour], object]:
    return lambda behaviour: behaviour["webhooks"]["subscription"].update(changes)


def row(name: str, **changes: Any) -> Callable[[Behaviour], object]:
    return lambda behaviour: behaviour["operations"][name].update(changes)


MISTAKES: dict[str, tuple[Callable[[Behaviour], object], str]] = {
    "unknown resource": (subscription(resource="hoks"), "there is no resource 'hoks'. Did you mean 'hooks'?"),
    "unknown field": (subscription(url="too"), "there is no field of hooks 'too'"),
    "unknown limit": (subscription(limits={"shef": "shelf"}), "there is no field of hooks 'shef'"),
    "not counted": (
        lambda behaviour: behaviour["resources"]["hooks"].pop("tallies"),
        "webhooks counts hooks by [live], which its tallies do not hold",
    ),
    "no secret": (
        lambda behaviour: behaviour["webhooks"]["subscription"].pop("secret"),
        "payloads are signed, but webhooks.subscription names no secret",
    ),
    "unknown resource of an event": (
        lambda behaviour: behaviour["webhooks"]["events"]["note.made"].update(resource="nots"),
        "there is no resource 'nots'",
    ),
    "unknown switch": (webhooks(switch="maners"), "there is no switch 'maners'. Did you mean 'manners'?"),
    "no switch": (lambda behaviour: behaviour["webhooks"].pop("switch"), "several profiles, but no switch"),
    "switch to nowhere": (
        lambda behaviour: behaviour["switches"]["manners"]["values"].append("rude"),
        "there is no profile of webhooks 'rude'",
    ),
    "unknown rule": (webhooks(rules={"created": "TOY-900"}), "there is no rule 'TOY-900'"),
    "unknown case": (webhooks(rules={"creatd": "TOY-001"}), "has the key 'creatd'"),
    "unknown event": (row("createNote", emits="note.mad"), "there is no event of webhooks 'note.mad'"),
    "event of another change": (row("createNote", emits="note.gone"), "the verb 'create' does not emit note.gone"),
    "event of a read": (row("getNote", emits="note.made"), "the verb 'get' does not emit note.made"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake__is_told(tmp_path: Path, name: str) -> None:
    change, says = MISTAKES[name]
    with pytest.raises(SpecError) as told:
        hooked_toy(tmp_path / "toy", change=change)
    assert says in str(told.value)
    assert len(told.value.mistakes) == 1


def test_rule_of_the_law__that_no_case_names(tmp_path: Path) -> None:
    folder = hooked_toy(tmp_path / "toy", {"TOY-100": (None, "created")}).folder
    behaviour = folder / "behaviour.yaml"
    behaviour.write_text(behaviour.read_text().replace("created: TOY-100", "created: TOY-001"))
    with pytest.raises(SpecError, match="webhooks names no case for it"):
        load(folder)
