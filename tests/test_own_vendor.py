"""A vendor of one's own: what the toy folder becomes with other forms of ids and answers."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import runner
from contracts.docket import Silence
from contracts.runner import select
from contracts.safety.budget import Budget
from contracts.suites import rules
from contracts.target import open_local
from mockserver.vendor import Vendor, load
from tests.conftest import Tenant

TOY = Path(__file__).parents[1] / "fixtures/toy_vendor"


Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def change_toy(tmp_path: Path) -> Callable[..., Vendor]:
    """The toy vendor with files changed: `change_toy(behaviour=function)`, by the name of the file."""

    def make(**changes: Change) -> Vendor:
        folder = tmp_path / "toy"
        shutil.copytree(TOY, folder)
        for name, change in changes.items():
            file = folder / f"{name}.yaml"
            content = yaml.load(file.read_text(), yaml.CSafeLoader)
            change(content)
            file.write_text(yaml.safe_dump(content, sort_keys=False))
        return load(folder)

    return make


def test_vendor__whose_ids_are_whole_numbers(
    change_toy: Callable[..., Vendor], open_tenant: Callable[..., Tenant]
) -> None:
    def number_records(seed: dict[str, Any]) -> None:
        for number, note in enumerate(seed["records"]["notes"], start=1):
            note["id"] = number
        seed["known"]["note_id"] = "1"

    vendor = change_toy(
        behaviour=lambda behaviour: behaviour["resources"]["notes"].update(id_form="integer"),
        openapi=lambda document: document["components"]["parameters"]["NoteId"].update(schema={"type": "integer"}),
        seed=number_records,
    )
    tenant = open_tenant(vendor)
    assert tenant.call("GET", "/notes/2").json()["note"]["id"] == 2
    assert tenant.call("GET", "/notes/9").status_code == 404
    assert tenant.call("GET", "/notes/two").status_code == 400
    made = tenant.call("POST", "/notes", json={"text": "Count"}).json()["note"]["id"]
    assert type(made) is int
    assert tenant.call("GET", f"/notes/{made}").json()["note"]["text"] == "Count"


def test_vendor__that_answers_without_an_envelope(
    change_toy: Callable[..., Vendor], open_tenant: Callable[..., Tenant]
) -> None:
    def answer_bare(document: dict[str, Any]) -> None:
        answers = document["paths"]["/notes/{id}"]["get"]["responses"]
        answers["200"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Note"}

    vendor = change_toy(behaviour=lambda table: table["operations"]["getNote"].pop("envelope"), openapi=answer_bare)
    answer = open_tenant(vendor).call("GET", "/notes/n1")
    assert answer.json() == {"id": "n1", "text": "Buy milk", "due": None}


@pytest.mark.parametrize("is_shipped", [False, True])
def test_vendor__rules_that_need_a_function_are_not_judged_in_a_folder(
    monkeypatch: pytest.MonkeyPatch, is_shipped: bool
) -> None:
    toy = load(TOY)
    monkeypatch.setattr(rules, "shipped", lambda: [toy.argument] if is_shipped else [])
    target = open_local(toy, seed=3, budget=Budget())
    try:
        chosen = select(toy, ["TOY-00[12]"])
        result = runner.run(target, chosen, profile="quick", is_selective=True, progress=Silence())
    finally:
        target.close()
    (unjudged,) = [verdict for verdict in result.verdicts if verdict.state == "not judged"]
    assert (unjudged.rule, unjudged.why) == ("TOY-002", "no function judges it")
    assert result.exit_code == (2 if is_shipped else 0)
