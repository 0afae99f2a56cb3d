"""Defects: how they are named, listed, planted and forgotten, and that each of them changes what a client sees."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from mockserver import cli
from mockserver.app import App, create_app
from mockserver.defects import KINDS, Plantation, catalogue, misnamed
from mockserver.engine.defect import Defect, Passage, Planted
from mockserver.engine.messages import Response
from mockserver.settings import Settings, SettingsError, read
from mockserver.vendor import load, shipped
from tests.conftest import InProcess, Mock, Tenant, in_process
from tests.tools.serving import serve
from tests.tools.touring import Answers, tour

TOY = Path(__file__).parents[1] / "fixtures/toy_vendor"
START = "2026-03-02T09:00:00Z"
NOBODY = "00000000-0000-4000-8000-000000000000"
NULL, EMPTY = "missing-record-is-null", "create-task-answers-nothing"

# Kinds of the door that a vendor's API has no place for, and why.
NO_PLACE = {
    "geotareas": {"cursor": "its lists are cut into slices"},
    "kanbert": {"header": "its documents ask for no header of a success", "quota": "it documents none"},
    "kanman": {"cursor": "its lists come whole"},
    "kantata": {
        "cursor": "its pages are numbered",
        "extra-field": "its documents allow more keys everywhere",
        "header": "its headers are only observed",
        "quota": "it documents none",
    },
}
DOOR = (*KINDS[: KINDS.index("order")], "paging", "cursor")


def missing(tenant: Tenant) -> httpx.Response:
    """How a task is answered that there is not."""
    return tenant.call("GET", f"/tasks/{NOBODY}")


def plant(tenant: Tenant, *names: str) -> httpx.Response:
    return tenant.control("PUT", "/defects", json={tenant.vendor.name: names})


def planted(tenant: Tenant) -> list[str]:
    return list(tenant.control("GET", "/defects").raise_for_status().json()[tenant.vendor.name]["planted"])


# The catalogue


@pytest.mark.parametrize("name", shipped())
def test_catalogue__has_thirty_defects_and_more(name: str) -> None:
    assert len(catalogue(load(name))) >= 30


@pytest.mark.parametrize("name", shipped())
def test_catalogue__has_each_kind_of_the_door_that_the_api_has_a_place_for(name: str) -> None:
    kinds = {defect.kind for defect in catalogue(load(name)).values()}
    assert set(DOOR) - kinds == NO_PLACE[name].keys()


@pytest.mark.parametrize("name", shipped())
def test_catalogue__each_defect_says_what_goes_wrong_and_where(name: str) -> None:
    vendor = load(name)
    for defect in catalogue(vendor).values():
        assert defect.kind in KINDS
        assert defect.what.endswith("."), defect.name
        assert defect.operations, defect.name
        assert set(defect.operations) <= set(vendor.operations), defect.name


@pytest.mark.parametrize("name", shipped())
def test_catalogue__is_the_same_whenever_it_is_derived(name: str) -> None:
    def told() -> list[tuple[str, str, tuple[str, ...]]]:
        return [(one.name, one.what, one.operations) for one in catalogue(load(name)).values()]

    assert told() == told()


def test_catalogue__a_folder_of_one_s_own_has_defects_too() -> None:
    kinds = {defect.kind for defect in catalogue(load(TOY)).values()}
    assert {"status", "body", "format", "content-type", "envelope", "authentication", "paging"} <= kinds


# Each changes something


@pytest.fixture(scope="module")
def toured() -> Iterator[Callable[..., Answers]]:
    """What a vendor answers on a tour, with these defects in its world."""
    apps: dict[str, App] = {}

    def go(vendor: str, *names: str) -> Answers:
        if vendor not in apps:
            apps[vendor] = create_app(Settings(clock=START, seed=11), [load(vendor)])
        stage = apps[vendor].stages[0]
        world = stage.worlds.find("tour")
        world.reset()
        world.plant(names)
        return tour(stage, world)

    yield go
    for app in apps.values():
        app.close()


def _first_of_each_kind(vendor: str) -> list[str]:
    found: dict[str, str] = {}
    for defect in catalogue(load(vendor)).values():
        if defect.kind in DOOR:
            found.setdefault(defect.kind, defect.name)
    return list(found.values())


@pytest.mark.parametrize("vendor", shipped())
def test_defect__changes_an_answer(toured: Callable[..., Answers], vendor: str) -> None:
    whole = toured(vendor)
    assert toured(vendor) == whole
    names = _first_of_each_kind(vendor)
    assert [name for name in names if toured(vendor, name) == whole] == []


@pytest.mark.slow
@pytest.mark.parametrize("vendor", shipped())
def test_defect__of_the_door_changes_answers_as_no_other_does(toured: Callable[..., Answers], vendor: str) -> None:
    seen = {repr(toured(vendor)): "what is whole"}
    for defect in catalogue(load(vendor)).values():
        if defect.kind in DOOR:
            told = repr(toured(vendor, defect.name))
            assert told not in seen, f"{defect.name} is like {seen[told]}"
            seen[told] = defect.name


# Planted by settings


def test_setting__puts_a_defect_into_fresh_worlds(open_tenant: Callable[..., Tenant]) -> None:
    tenant = open_tenant(defect=(NULL,))
    assert (missing(tenant).status_code, missing(tenant).json()) == (200, None)


def test_setting__several_defects_are_there_together(open_tenant: Callable[..., Tenant]) -> None:
    tenant = open_tenant(defect=(NULL, f"kanman.{EMPTY}"))
    body = {"projectId": tenant.known["project_id"], "label": "Two at once"}
    assert missing(tenant).status_code == 200
    assert tenant.call("POST", "/tasks", json=body).content == b""


def test_setting__a_name_alone_is_for_each_vendor_that_has_it_and_one_with_a_vendor_for_that_one() -> None:
    vendors = [load("kanman"), load("kanbert")]
    for named, expected in (((NULL,), [[NULL], [NULL]]), ((f"kanman.{NULL}",), [[NULL], []])):
        app = create_app(Settings(defect=named), vendors)
        assert [list(stage.worlds.find("any").defects) for stage in app.stages] == expected
        app.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing-record-null", "kanman has no defect missing-record-null; did you mean missing-record-is-null"),
        ("kanman.zzz", "kanman has no defect zzz; `proofboard defects` lists them"),
        ("kanbert.missing-record-is-null", "no vendor kanbert is served"),
    ],
)
def test_setting__an_unknown_defect_is_refused_with_those_that_are_near(name: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        create_app(Settings(defect=(name,)), [load("kanman")])
    assert refused.value.mistakes[0].startswith(f"--defect: {said}")


def test_setting__is_read_from_the_option_or_the_variable() -> None:
    assert read({"defect": "one, two,acme.three,one"}, {}).defect == ("one", "two", "acme.three")
    assert read({}, {"PROOFBOARD_DEFECT": "one"}).defect == ("one",)
    with pytest.raises(SettingsError, match=r"NAME or VENDOR\.NAME"):
        read({"defect": "One Two"}, {})


# Planted by the control plane


def test_control__lists_what_can_go_wrong_and_what_does(tenant: Tenant) -> None:
    found = tenant.control("GET", "/defects").raise_for_status().json()["kanman"]
    assert found["planted"] == []
    assert {"name": NULL, "kind": "status", "operations": ["getTask", "getProject", "getBoard"]}.items() <= next(
        one for one in found["defects"] if one["name"] == NULL
    ).items()


def test_control__plants_and_ends_defects(tenant: Tenant) -> None:
    assert plant(tenant, NULL).json()["kanman"]["planted"] == [NULL]
    assert missing(tenant).status_code == 200
    plant(tenant, EMPTY)
    assert (missing(tenant).status_code, planted(tenant)) == (404, [EMPTY])
    plant(tenant)
    assert planted(tenant) == []


def test_control__a_reset_brings_back_what_the_settings_say(open_tenant: Callable[..., Tenant]) -> None:
    tenant = open_tenant(defect=(NULL,))
    plant(tenant)
    assert missing(tenant).status_code == 404
    tenant.control("POST", "/reset").raise_for_status()
    assert (missing(tenant).status_code, planted(tenant)) == (200, [NULL])


def test_control__other_worlds_stay_whole(mock: Mock, tenant: Tenant) -> None:
    plant(tenant, NULL)
    other = Tenant(mock[1], tenant.vendor, f"{tenant.name} and another", mock[0])
    assert (missing(tenant).status_code, missing(other).status_code) == (200, 404)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kanman": ["missing-record-null"]}, "did you mean missing-record-is-null"),
        ({"acme": []}, "no vendor acme is served here"),
        ({"kanman": NULL}, "is not of type"),
        ({}, "body"),
    ],
)
def test_control__refuses_what_there_is_not_and_changes_nothing(tenant: Tenant, body: Any, said: str) -> None:
    plant(tenant, EMPTY)
    answer = tenant.control("PUT", "/defects", json=body)
    assert (answer.status_code, said in answer.json()["error"]) == (400, True)
    assert planted(tenant) == [EMPTY]


def test_control__the_journal_has_what_was_really_sent(tenant: Tenant) -> None:
    plant(tenant, NULL)
    missing(tenant)
    last = tenant.control("GET", "/journal").json()["exchanges"][-1]["response"]
    assert (last["status"], last["body"], last["rule"]) == (200, "null", None)


def test_console__shows_what_is_planted(tenant: Tenant) -> None:
    assert "Defects" not in tenant.control("GET", "/").text
    plant(tenant, NULL)
    assert NULL in tenant.control("GET", "/").text


def test_state__keeps_what_is_planted_across_restarts(tmp_path: Path, open_tenant: Callable[..., Tenant]) -> None:
    state = str(tmp_path / "board.db")
    before = open_tenant(state=state)
    plant(before, NULL, EMPTY)
    before.close()
    after = open_tenant(state=state)
    assert (planted(after), missing(after).status_code) == ([NULL, EMPTY], 200)


def test_state__a_defect_that_there_is_no_more_is_dropped(tmp_path: Path, open_tenant: Callable[..., Tenant]) -> None:
    state = str(tmp_path / "board.db")
    before = open_tenant(state=state)
    plant(before, EMPTY)
    before.world.defects["of-yesterday"] = before.world.defects[EMPTY]
    before.close()
    assert planted(open_tenant(state=state)) == [EMPTY]


def test_hidden_control__is_a_path_of_no_vendor(kanman: Any) -> None:
    app = create_app(Settings(), [kanman], hides_control=True)
    with httpx.Client(transport=InProcess(app), base_url="http://mock") as client:
        told = [client.get(path).json() for path in ("/_mock/health", "/_mock/defects", "/nowhere")]
        assert told == [{"error": "no vendor's path", "vendors": {"kanman": "/kanman/v1"}}] * 3
        assert Tenant(client, kanman, "default", app).call("GET", "/boards").status_code == 200
    app.close()


# The frame


def _world_with(app: App, *defects: Defect) -> Any:
    """The default world with defects that are made for a test."""
    world = app.stages[0].worlds.find("default")
    world.defects = {one.name: Planted(one) for one in defects}
    return world


def test_frame__the_first_defect_is_the_outermost() -> None:
    passed: list[str] = []

    def passing(name: str) -> Callable[[Passage], Response]:
        def around(passage: Passage) -> Response:
            passed.append(f"{name} asks")
            response = passage.proceed()
            passed.append(f"{name} answers")
            return response

        return around

    with in_process(load("kanman")) as (app, client):
        names = ("outer", "inner")
        _world_with(app, *(Defect(name, "body", "Nothing.", ("listBoards",), passing(name)) for name in names))
        tenant = Tenant(client, app.stages[0].vendor, "default", app)
        tenant.call("GET", "/boards")
        tenant.call("GET", f"/tasks/{NOBODY}")
    assert passed == ["outer asks", "inner asks", "inner answers", "outer answers"]


def test_frame__a_defect_remembers_until_its_world_is_reset() -> None:
    def count(passage: Passage) -> Response:
        passage.memory["calls"] = passage.memory.get("calls", 0) + 1
        return passage.proceed()._replace(body=str(passage.memory["calls"]).encode())

    with in_process(load("kanman")) as (app, client):
        tenant = Tenant(client, app.stages[0].vendor, "default", app)
        counting = Defect("counting", "body", "Counts.", ("listBoards",), count)
        app.plantations["kanman"].known = {"counting": counting}
        plant(tenant, "counting")
        assert [tenant.call("GET", "/boards").text for _ in range(2)] == ["1", "2"]
        tenant.control("POST", "/reset")
        plant(tenant, "counting")
        assert tenant.call("GET", "/boards").text == "1"


def test_frame__strays_are_seen_by_those_that_ask_for_them(tenant: Tenant) -> None:
    plant(tenant, "refusals-are-a-text")
    assert tenant.call("GET", "/no/such/path").json() == "Error 404"
    assert tenant.call("DELETE", "/boards").json() == "Error 405"
    plant(tenant, "missing-record-fails")
    assert tenant.call("GET", "/no/such/path").status_code == 404


def test_frame__an_example_that_is_preferred_is_not_bent(tenant: Tenant) -> None:
    plant(tenant, "refusals-are-a-text")
    answer = tenant.call("GET", f"/tasks/{NOBODY}", headers={"Prefer": "code=404"})
    assert isinstance(answer.json(), dict)


def test_frame__a_broken_defect_is_a_fault_of_the_mock(caplog: pytest.LogCaptureFixture) -> None:
    def fail(passage: Passage) -> Response:
        raise LookupError("a defect of a defect")

    with in_process(load("kanman")) as (app, client):
        _world_with(app, Defect("failing", "body", "Fails.", ("listBoards",), fail))
        answer = Tenant(client, app.stages[0].vendor, "default", app).call("GET", "/boards")
    assert answer.status_code == 500
    assert "a defect of a defect" in caplog.text


# What some of them do


def test_authentication__any_token_makes_you_the_owner(tenant: Tenant) -> None:
    def status(token: str) -> int:
        return tenant.call("GET", "/boards", None, headers={"Authorization": f"Bearer {token}"}).status_code

    plant(tenant, "any-token-is-good")
    expired = tenant.vendor.callers["expired"].token or ""
    assert (status("km_" + "x" * 32), status(expired)) == (200, 401)
    assert tenant.call("GET", "/boards", None).status_code == 401


def test_quota__one_call_too_many_is_let_in(
    open_tenant: Callable[..., Tenant], edit_kanman: Callable[..., Any]
) -> None:
    tenant = open_tenant(edit_kanman(api_quota=2), defect=("quota-is-one-too-many",))
    assert [tenant.call("GET", "/boards").status_code for _ in range(5)] == [200, 200, 200, 429, 429]


def test_quota__one_call_too_few(open_tenant: Callable[..., Tenant], edit_kanman: Callable[..., Any]) -> None:
    tenant = open_tenant(edit_kanman(api_quota=3), defect=("quota-is-one-too-few",))
    answers = [tenant.call("GET", "/boards") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 429, 429]
    assert [one.headers["X-RateLimit-Remaining"] for one in answers[:2]] == ["2", "1"]


def test_isolation__a_stranger_s_record_is_shown_to_others_only_where_it_was_hidden(tenant: Tenant) -> None:
    plant(tenant, "get-task-shows-what-is-others")
    path = f"/tasks/{tenant.known['task_id']}"
    assert tenant.call("GET", path, "outsider").json() == tenant.call("GET", path).json()
    assert missing(tenant).status_code == 404


# The command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, arguments, catch_exceptions=False)


def test_command__lists_name_kind_and_what() -> None:
    lines = [line.split("\t") for line in run("defects", "kanman").stdout.splitlines()]
    assert [NULL, "status", "A record that there is not is answered with 200 and null."] in lines
    assert len(lines) == len(catalogue(load("kanman")))


def test_command__tells_them_as_json() -> None:
    told = json.loads(run("defects", "kanman", "--json").stdout)
    assert list(told) == ["kanman"]
    assert {"name": NULL, "kind": "status"}.items() <= next(
        one for one in told["kanman"] if one["name"] == NULL
    ).items()


def test_serve__refuses_an_unknown_defect_before_it_serves() -> None:
    refused = run("serve", "kanman", "--port", "0", "--defect", "missing-record-null")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "did you mean missing-record-is-null" in refused.stderr


def test_serve__takes_the_option_more_than_once(kanman: Any) -> None:
    with (
        serve("kanman", "--defect", NULL, "--defect", EMPTY) as served,
        httpx.Client(base_url=served.origin, timeout=30) as client,
    ):
        tenant = Tenant(client, kanman, "any")
        assert (planted(tenant), missing(tenant).status_code) == ([NULL, EMPTY], 200)


def test_misnamed__asks_all_vendors_for_a_name_alone() -> None:
    served = {name: Plantation(load(name)) for name in ("kanman", "kanbert")}
    assert misnamed("list-tasks-lacks-list-sorting", served) is None
    assert (misnamed("nothing-at-all", served) or "").startswith("no vendor served has a defect nothing-at-all")
