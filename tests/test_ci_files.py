"""The workflows in docs/ci: they are what GitHub and GitLab take, and their commands do what they are there for."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import yaml

from mockserver.vendor import Vendor
from tests.bends import BENDS
from tests.tenancy import NO_WINDOWS, TestTenant
from tests.tools.commands import searched_path
from tests.tools.serving import BIN, ROOT, clean_environment

GITHUB, GITLAB = "github-actions.yml", "gitlab-ci.yml"
STAND_IN, TENANT = "stand-in", "tenant"
INSTALLS = "python -m pip install"  # not run: what it installs is under test here
SECRET = "KANMAN_TOKEN"


class Job(NamedTuple):
    """What a job runs, one script for each step, what it runs in any case, and the variables that it has."""

    scripts: list[str]
    afterwards: list[str]
    variables: Mapping[str, str]
    kept: set[str]  # the files and folders that outlive it


def read(name: str) -> Any:
    # YAML 1.1 reads the key `on` as true; GitHub does not.
    text = (ROOT / "docs" / "ci" / name).read_text(encoding="utf-8")
    return yaml.load(text.replace("\non:\n", '\n"on":\n'), yaml.SafeLoader)


def job_of(name: str, job: str) -> Job:
    return _of_github(read(name), job) if name == GITHUB else _of_gitlab(read(name), f"contract of the {job}")


def _of_github(content: Any, name: str) -> Job:
    job = content["jobs"][name]
    ran = [step for step in job["steps"] if "run" in step]
    kept = {
        step["with"].get(key)
        for step in job["steps"]
        for key in ("path", "sarif_file")
        if "uses" in step and "with" in step
    }
    return Job(
        [step["run"] for step in ran if "if" not in step],
        [step["run"] for step in ran if step.get("if") == "always()"],
        {**content["env"], **job.get("env", {})},
        kept - {None},
    )


def _of_gitlab(content: Any, name: str) -> Job:
    job = content[name]
    scripts = [*content["default"]["before_script"], *job["script"]]
    artifacts = job["artifacts"]
    return Job(
        scripts,
        job.get("after_script", []),
        content["variables"],
        {*artifacts["paths"], artifacts["reports"]["junit"]},
    )


def run(job: Job, folder: Path, **variables: str) -> int:
    """Each script in a shell of its own, as a runner does, until one fails; the exit code of that one."""
    told = {key: value for key, value in job.variables.items() if "${{" not in value}
    state = {"XDG_STATE_HOME": str(folder / "state"), "PATH": searched_path(BIN)}
    environment = clean_environment({**told, **state, **variables})

    def sh(script: str) -> int:
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=False).returncode

    chosen = [script for script in job.scripts if not script.startswith(INSTALLS)]
    code = next((failed for script in chosen if (failed := sh(script))), 0)
    assert [sh(script) for script in job.afterwards] == [0] * len(job.afterwards)
    return code


def with_secret(file: Path, tenant: TestTenant) -> str:
    """Put the name of the secret in place of the owner's token; the token."""
    token = tenant.headers_of("owner")["Authorization"].removeprefix("Bearer ")
    text = file.read_text()
    assert text.count(token) == 1
    file.write_text(text.replace(token, f"${{{SECRET}}}"))
    return token


@pytest.fixture
def somebodys(kanman: Vendor) -> Iterator[TestTenant]:
    with TestTenant(kanman, **NO_WINDOWS) as tenant:
        yield tenant


@pytest.mark.parametrize(("name", "schema"), [(GITHUB, "github-workflows.json"), (GITLAB, "gitlab-ci.json")])
def test_file__is_what_its_service_takes(name: str, schema: str) -> None:
    form = json.loads((ROOT / "fixtures" / "schemas" / schema).read_bytes())

    jsonschema.validators.validator_for(form)(form).validate(read(name))


def test_github__keeps_reports_and_findings_whatever_the_verdict() -> None:
    jobs = read(GITHUB)["jobs"]

    for job in jobs.values():
        steps = {step["uses"].partition("@")[0]: step for step in job["steps"] if "uses" in step}
        assert steps["actions/upload-artifact"]["if"] == "always()"
        assert steps["github/codeql-action/upload-sarif"]["if"].startswith("always()")
        assert job["permissions"] == {"contents": "read", "security-events": "write"}
    assert jobs[TENANT]["concurrency"]["cancel-in-progress"] is False
    assert jobs[TENANT]["env"] == {SECRET: f"${{{{ secrets.{SECRET} }}}}"}


@pytest.mark.parametrize("name", [GITHUB, GITLAB])
def test_files__bound_what_a_tenant_is_sent(name: str) -> None:
    (command,) = (line for line in job_of(name, TENANT).scripts if "--tenant" in line)

    assert "--max-requests" in command and "--max-time" in command


@pytest.mark.parametrize("name", [GITHUB, GITLAB])
def test_push__is_judged_against_the_stand_in(tmp_path: Path, name: str) -> None:
    (tmp_path / "toy").symlink_to(ROOT / "fixtures" / "toy_vendor")
    job = job_of(name, STAND_IN)

    assert run(job, tmp_path, VENDOR="./toy") == 0
    assert job.kept and all((tmp_path / kept).exists() for kept in job.kept)


def test_push__is_red_when_the_vendor_folder_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()

    assert run(job_of(GITLAB, STAND_IN), tmp_path, VENDOR="./toy") == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", [GITHUB, GITLAB])
def test_night__judges_the_tenant_within_its_budget(tmp_path: Path, somebodys: TestTenant, name: str) -> None:
    file = somebodys.toml(tmp_path / "tenant.toml", budget={"requests": 600, "writes": 250})
    token = with_secret(file, somebodys)
    before, job = somebodys.records("tasks"), job_of(name, TENANT)

    assert run(job, tmp_path, **{SECRET: token}) == 0
    judged = len(somebodys.log)
    somebodys.bend = BENDS["missing-field"][0]
    assert run(job, tmp_path, **{SECRET: token}) == 1

    assert 100 < judged <= 650, "600 for the run, some for the clean-up afterwards"
    assert somebodys.records("tasks") == before
    assert all((tmp_path / kept).exists() for kept in job.kept)
    report = (tmp_path / "report" / "report.json").read_text()
    assert token not in report and json.loads(report)["verdict"] == "does not conform"


def test_night__is_red_without_its_secret(tmp_path: Path, somebodys: TestTenant) -> None:
    with_secret(somebodys.toml(tmp_path / "tenant.toml"), somebodys)
    job = job_of(GITHUB, TENANT)

    assert run(job._replace(afterwards=[]), tmp_path) == 2
    assert not somebodys.log
