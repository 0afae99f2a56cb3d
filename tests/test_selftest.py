"""`proofboard selftest`: what it concludes from what is found and what is not, and that it really looks.

Most tests make up what pieces come to; some let the suites meet defects of a toy vendor, the slow ones of every vendor.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from click.testing import CliRunner

from contracts import selftest
from contracts.findings import Unjudgeable
from contracts.selftest import command, stock
from contracts.selftest.campaign import Wanted
from contracts.selftest.command import prove
from contracts.selftest.crew import Crew
from contracts.selftest.room import Variant, variants
from contracts.selftest.score import Score
from contracts.selftest.stand import standing
from contracts.selftest.work import IN_PROCESS, OVER_HTTP, STOCK, Outcome, Piece, do
from mockserver.defects import catalogue
from mockserver.vendor import Vendor, load, shipped
from tests.tools import doctored

TOY = Path(__file__).parents[1] / "fixtures/toy_vendor"
SCHEMA = Path(selftest.__file__).with_name("selftest.schema.json")
COMMAND = [str(Path(sys.executable).with_name("proofboard")), "selftest"]
A_FEW = ["create-note-answers-200", "create-note-answers-nothing", "records-come-bare"]

Proven = tuple[int, dict[str, Any], str]


@pytest.fixture
def concluded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Proven]:
    """Exit code, report and output of a selftest of three defects whose pieces are made up."""

    def conclude(work: Callable[[Piece], Outcome], profile: str = "thorough", **wanted: Any) -> Proven:
        vendor = load(TOY)
        known = catalogue(vendor)
        score = Score(vendor, {name: known[name] for name in A_FEW}, profile)
        with Crew(2, work) as crew:
            code = prove([score], Wanted(profile=profile, seeds=4, **wanted), crew, tmp_path)
        report: dict[str, Any] = json.loads((tmp_path / "selftest.json").read_bytes())
        jsonschema.validate(report, json.loads(SCHEMA.read_bytes()))
        return code, report, capsys.readouterr().out

    return conclude


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "160"}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment, **options
    )


# What is concluded


def test_selftest__all_defects_found_and_nothing_else_is_proof(concluded: Callable[..., Proven]) -> None:
    code, report, said = concluded(doctored.sharp)
    (vendor,) = report["vendors"]
    assert (code, vendor["verdict"], vendor["not_kept"]) == (0, "proven", [])
    assert [reach["found"] for reach in vendor["reach"]] == [3, 3, 3, 3, 0]
    assert "found by quick: 3 of 3 in process (100 %), 3 of 3 over HTTP (100 %)" in said
    assert "false alarms: 0 in" in said and "Toy" in said
    assert said.count("rules TOY-001") == 2 * len(A_FEW)


def test_selftest__seeds_are_clean_runs_in_process_and_some_are_over_http(concluded: Callable[..., Proven]) -> None:
    clean = concluded(doctored.sharp)[1]["vendors"][0]["clean"]
    seeds = [(each["mode"], each["seed"]) for each in clean if each["profile"] == "quick"]
    assert sorted(seeds) == [(IN_PROCESS, number) for number in (1, 2, 3, 4)] + [
        (OVER_HTTP, number) for number in (1, 2, 3)
    ]
    assert {each["profile"] for each in clean} == {"quick"}


def test_selftest__what_quick_misses_is_looked_for_by_thorough(concluded: Callable[..., Proven]) -> None:
    code, report, said = concluded(doctored.patient)
    reach = {(each["who"], each["mode"]): each["found"] for each in report["vendors"][0]["reach"]}
    assert reach[("quick", IN_PROCESS)] == 2 and reach[("thorough", IN_PROCESS)] == 3
    assert "thorough: rules TOY-001" in said
    thorough = [each["mode"] for each in report["vendors"][0]["clean"] if each["profile"] == "thorough"]
    assert sorted(thorough) == [IN_PROCESS, OVER_HTTP]  # what a thorough run finds there as well shows nothing
    assert code == 1 and "quick in process finds 2 of 3 defects; missed: create-note-answers-nothing" in said


def test_selftest__a_warning_about_a_tenant_is_not_counted_and_not_missed(concluded: Callable[..., Proven]) -> None:
    code, report, said = concluded(doctored.cautious)
    reach = {(each["who"], each["mode"]): (each["found"], each["beyond"]) for each in report["vendors"][0]["reach"]}
    assert code == 0 and reach[("quick", OVER_HTTP)] == (2, 1)
    assert "beyond it: TOY-001 warns" in said


def test_selftest__a_defect_that_nobody_finds_is_no_proof(concluded: Callable[..., Proven]) -> None:
    code, report, said = concluded(doctored.blind)
    assert code == 1
    assert "missed: create-note-answers-nothing, thorough over HTTP, seed 1" in said
    assert "thorough over HTTP finds 2 of 3 defects; missed: create-note-answers-nothing" in said
    found = {
        each["name"]: [run["found"] is not None for run in each["runs"]] for each in report["vendors"][0]["defects"]
    }
    assert found["create-note-answers-nothing"].count(False) == 2  # a warning is no error, quick or thorough


def test_selftest__what_a_run_says_it_does_not_judge_is_beyond_it(concluded: Callable[..., Proven]) -> None:
    code, report, said = concluded(doctored.modest)
    (vendor,) = report["vendors"]
    assert code == 0
    assert "0 of 3 over HTTP (100 %, 3 beyond it)" in said and "beyond it: needs more" in said
    assert {each["beyond"] for each in vendor["defects"]} == {"needs more"}
    asked = {(run["mode"], run["profile"]) for each in vendor["defects"] for run in each["runs"]}
    assert asked == {(IN_PROCESS, "quick")}  # nothing that no tenant could show


def test_selftest__a_false_alarm_is_no_proof(concluded: Callable[..., Proven]) -> None:
    code, report, said = concluded(doctored.alarmed)
    assert code == 1
    assert {each["run"] for each in report["vendors"][0]["false_alarms"]} == {
        "clean, quick in process, seed 3",
        "clean, quick over HTTP, seed 3",
    }
    assert "false alarm: clean, quick in process, seed 3: rules TOY-001: expected a note, got none" in said


def test_selftest__what_the_clean_one_shows_as_well_shows_no_defect(concluded: Callable[..., Proven]) -> None:
    code, report, _ = concluded(doctored.always_alarmed)
    assert code == 1
    assert {each["found"] for each in report["vendors"][0]["reach"]} == {0}


def test_selftest__a_clean_one_without_a_verdict_is_no_proof(concluded: Callable[..., Proven]) -> None:
    code, _, said = concluded(doctored.unable)
    assert code == 1
    assert "no verdict, clean, quick in process, seed 1: the target was lost" in said


def test_selftest__quick_alone_promises_less(concluded: Callable[..., Proven]) -> None:
    code, report, _ = concluded(doctored.patient, "quick")
    assert code == 1
    assert {each["who"] for each in report["vendors"][0]["reach"]} == {"quick", STOCK}


@pytest.mark.parametrize("work", [doctored.clumsy, doctored.mortal])
def test_selftest__what_could_not_be_done_is_told(
    concluded: Callable[..., Proven], work: Callable[[Piece], Outcome]
) -> None:
    code, report, said = concluded(work)
    assert code == 2
    assert report["vendors"][0]["failed"] and "could not be done: create-note-answers-nothing, quick" in said
    assert len([each for each in report["vendors"][0]["defects"] if each["runs"]]) >= 2  # the others were


def test_selftest__st_run_scores_by_what_the_clean_one_does_not_show(concluded: Callable[..., Proven]) -> None:
    _, report, said = concluded(doctored.sharp)
    assert report["vendors"][0]["st_run_on_the_clean"] == ["ST202 GET /notes"]
    kinds = {each["kind"] for each in report["vendors"][0]["defects"]}
    told = f"plain st run: 0 of {len(kinds)}, one of each kind (0 %), in the same time; "
    assert f"{told}failures that it reports of the clean stand-in: 1" in said
    assert "plain st run" not in concluded(doctored.sharp, has_stock=False)[2]


def test_selftest__the_table_is_written_as_markdown(concluded: Callable[..., Proven], tmp_path: Path) -> None:
    concluded(doctored.sharp)
    lines = (tmp_path / "selftest.md").read_text().splitlines()
    assert "| defect | kind | in process | over HTTP | st run |" in lines
    assert "| records-come-bare | envelope | rules TOY-001 | rules TOY-001 | missed |" in lines


# What is asked for


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-vendor"], "no-such-vendor"),
        ([str(TOY), "--defect", "records-come-bear"], "there is no defect records-come-bear: did you mean"),
        ([str(TOY), "--kind", "pageing"], "there is no kind pageing: did you mean paging"),
        ([str(TOY), "--kind", "paging", "--defect", "records-come-bare"], "no defect is of that name and of that kind"),
        ([str(TOY), "--seeds", "0"], "--seeds"),
        ([str(TOY), "--report", str(TOY / "seed.yaml")], "cannot be written"),
    ],
)
def test_selftest__refuses_what_makes_no_sense(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(command.selftest, arguments)
    assert done.exit_code == 2
    assert told in done.stderr and not done.stdout


# What really happens


@pytest.fixture(scope="module")
def toy() -> Vendor:
    return load(TOY)


def ask(url: str, path: str, **options: Any) -> httpx.Response:
    return httpx.get(url + path, trust_env=False, **options)


def test_stand__is_a_tenant_like_any_other(toy: Vendor) -> None:
    with standing(toy, seed=1) as stand:
        origin, headers = stand.url.removesuffix(toy.mount), dict(stand.headers()["owner"])
        unknown = ask(origin, "/nowhere")
        hidden = ask(origin, "/_mock/health")
        assert (hidden.status_code, hidden.content) == (404, unknown.content)
        assert ask(stand.url, "/notes", headers=headers).status_code == 200
        refused = ask(stand.url, "/notes/none", headers={**headers, "X-Mock-World": "another"})
        assert refused.status_code == 404
        assert not [name for name in refused.headers if name.startswith("x-mock")]
        target = stand.open(seed=1, seconds=60)
        assert not target.is_mock
        target.close()


def test_stand__waits_by_turning_its_clock(toy: Vendor) -> None:
    with standing(toy, seed=1) as stand:
        before = stand.watch.wall()
        stand.watch.sleep(3600)
        assert stand.watch.wall() - before >= 3600
        told = ask(stand.url, "/notes", headers=dict(stand.headers()["owner"])).headers["date"]
        assert told == time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(stand.now)) or stand.now % 1 < 0.5


def test_stand__time_that_is_turned_costs_a_run_nothing(toy: Vendor) -> None:
    with standing(toy, seed=1) as stand:
        target = stand.open(seed=1, seconds=600)
        stand.watch.sleep(10_000)
        assert target.tenant("a look").call("listNotes").status == 200
        target.close()
        with pytest.raises(Unjudgeable, match="the time is up"):
            stand.open(seed=1, seconds=0)


def test_stand__may_have_quotas_that_nobody_spends() -> None:
    vendor = load("kanman")
    left = []
    for is_endless in (True, False):
        with standing(vendor, seed=1, is_endless=is_endless) as stand:
            headers = dict(stand.headers()["owner"])
            left.append({ask(stand.url, "/boards", headers=headers).headers["x-ratelimit-remaining"] for _ in range(3)})
    assert [len(each) for each in left] == [1, 3]


@pytest.mark.parametrize("name", shipped())
def test_variants__answer_the_same_but_for_what_is_open(name: str) -> None:
    vendor = load(name)
    found = variants(vendor)
    assert "gateway" in found
    for switch, table in vendor.behaviour.get("switches", {}).items():
        assert {f"{switch}={value}" for value in table["values"][1:]} <= set(found)


def shown(vendor: Vendor, variant: Variant | None, path: str, caller: str = "owner") -> httpx.Response:
    options = {"front": variant.front} if variant else {}
    with standing(vendor, seed=1, clock="2026-03-02T09:00:00Z", **options) as stand:
        return ask(stand.url, path, headers=dict(vendor.headers_of_callers(1772442000)[caller]))


def test_variant__gateway_changes_bytes_and_not_what_they_say() -> None:
    vendor = load("kantata")
    plain, other = (shown(vendor, each, "/custom_task_statuses") for each in (None, variants(vendor)["gateway"]))
    assert other.json() == plain.json() and other.status_code == plain.status_code
    assert other.content != plain.content and other.headers["transfer-encoding"] == "chunked"


def test_variant__fewer_fields_keeps_what_a_tenant_has_to_tell() -> None:
    vendor = load("kantata")
    answer = shown(vendor, variants(vendor)["fewer-fields"], "/custom_task_statuses").json()
    assert answer["results"]
    assert {frozenset(each) for each in answer["custom_task_statuses"].values()} == {
        frozenset({"id", "status", "category"})
    }


def test_variant__other_statuses_are_those_that_refusals_may_have() -> None:
    vendor = load("kantata")
    bad = "/custom_task_statuses/no-number"
    plain, other = (shown(vendor, each, bad) for each in (None, variants(vendor)["other-statuses"]))
    allowed = {each for entry in vendor.behaviour["errors"]["catalogue"].values() for each in entry.get("instead", ())}
    assert other.json() == plain.json()
    assert other.status_code == plain.status_code or other.status_code in allowed


@pytest.mark.parametrize("mode", [IN_PROCESS, OVER_HTTP])
def test_piece__ends_with_the_first_error_that_shows_the_defect(toy: Vendor, mode: Any) -> None:
    outcome = do(Piece(str(TOY), mode, "quick", 1, defect="records-come-bare"))
    assert outcome.first is not None and outcome.first.severity == "error"
    assert outcome.reason is None and 0 < outcome.requests < 100
    spared = do(Piece(str(TOY), mode, "quick", 1, defect="records-come-bare", spared=outcome.keys))
    assert spared.first is not None and spared.first.key not in outcome.keys


@pytest.mark.slow
def test_selftest__finds_defects_and_lets_the_clean_pass(tmp_path: Path) -> None:
    chosen = [part for name in A_FEW for part in ("--defect", name)]
    done = run(str(TOY), *chosen, "--profile", "quick", "--seeds", "1", "--report", str(tmp_path))
    assert done.returncode == 0, done.stdout
    report = json.loads((tmp_path / "selftest.json").read_bytes())
    jsonschema.validate(report, json.loads(SCHEMA.read_bytes()))
    (vendor,) = report["vendors"]
    assert [each["name"] for each in vendor["defects"]] == [name for name in catalogue(load(TOY)) if name in A_FEW]
    assert all(run["found"] for each in vendor["defects"] for run in each["runs"])
    assert vendor["st_run_on_the_clean"] is not None
    assert done.stderr == ""


def test_selftest__an_interrupt_tells_what_is_known_and_leaves_no_process() -> None:
    typed = [*COMMAND, str(TOY), "--jobs", "2"]
    with subprocess.Popen(
        typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        opening = process.stdout.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 2 and "defects, profile thorough, seeds 1 to 20, 2 at a time" in opening
    assert "interrupted" in complained and "Traceback" not in complained
    assert "found by quick:" in said and "could not tell" in said
    ends_at = time.monotonic() + 10
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < ends_at:  # what was told to end is ended in a moment
            os.killpg(process.pid, 0)
            time.sleep(0.05)


@pytest.mark.slow
def test_stock__reports_a_defect_that_schemas_show(toy: Vendor) -> None:
    clean, broken = (
        {sign.key for sign in stock.run(toy, Piece(str(TOY), OVER_HTTP, STOCK, 1, defect, seconds=8.0))}
        for defect in (None, "records-come-bare")
    )
    assert any(key.startswith("ST1") for key in broken - clean)


@pytest.mark.slow
@pytest.mark.parametrize("vendor", shipped())
def test_selftest__finds_a_sample_of_every_vendor(vendor: str) -> None:
    known = catalogue(load(vendor))
    kinds = {defect.kind: each for each, defect in known.items()}
    chosen = [
        part for kind in ("envelope", "partial-update", "filter") if kind in kinds for part in ("--defect", kinds[kind])
    ]
    done = run(vendor, *chosen, "--profile", "quick", "--seeds", "1", "--no-schemathesis")
    assert "found by quick" in done.stdout, done.stderr
    assert "missed" not in done.stdout, done.stdout
