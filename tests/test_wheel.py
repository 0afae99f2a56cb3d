"""The package as a stranger installs it: a wheel, in an empty environment, far from the clone."""

import re
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from mockserver import __version__
from mockserver.vendor import load, shipped
from tests.tools.outside import need
from tests.tools.serving import ROOT, Served, clean_environment, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of the new environment are. The lock pins what the wheel draws in."""
    folder = tmp_path_factory.mktemp("installed")
    pip(Path(sys.executable), "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    scripts = folder / "venv/bin"
    pip(scripts / "python", "install", "--constraint", str(ROOT / "requirements.lock"), str(wheel))
    return scripts


def pip(python: Path, *arguments: str) -> None:
    words = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(words, env=elsewhere(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def elsewhere(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which nothing of the clone is found."""
    environment = clean_environment(extra)
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environment.pop(name, None)
    return environment


def run(bin_folder: Path, folder: Path, *words: str) -> str:
    command = [str(bin_folder / words[0]), *words[1:]]
    done = subprocess.run(command, cwd=folder, env=elsewhere(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def get(served: Served, path: str, caller: Mapping[str, str]) -> httpx.Response:
    return httpx.get(f"{served.origin}{path}", headers=dict(caller))


def test_wheel__is_not_the_clone(bin_folder: Path, tmp_path: Path) -> None:
    told = run(bin_folder, tmp_path, "python", "-c", "import mockserver, contracts; print(mockserver.__file__)")
    assert Path(told.strip()).is_relative_to(bin_folder.parent)


def test_wheel__says_its_version(bin_folder: Path, tmp_path: Path) -> None:
    assert __version__ in run(bin_folder, tmp_path, "proofboard", "--version")


def test_wheel__brings_no_warning(bin_folder: Path, tmp_path: Path) -> None:
    """Whatever the machine's pip says of the new environment: nothing is missing, nothing conflicts."""
    assert run(bin_folder, tmp_path, "python", "-m", "pip", "check").strip() == "No broken requirements found."


def test_wheel__checks_every_vendor(bin_folder: Path, tmp_path: Path) -> None:
    sound = re.findall(r"^(\w+) is sound: ", run(bin_folder, tmp_path, "proofboard", "check"), re.MULTILINE)
    assert sound == shipped()


def test_wheel__has_the_commands_that_tell(bin_folder: Path, tmp_path: Path) -> None:
    for name in shipped():
        for words in (["rules", name], ["routes", name], ["credentials", name, "--toml"]):
            assert run(bin_folder, tmp_path, "proofboard", *words)


def test_wheel__serves_every_vendor(bin_folder: Path, tmp_path: Path) -> None:
    need("curl", "curl")
    with serve(command=str(bin_folder / "proofboard"), cwd=tmp_path) as served:
        printed = re.findall(r"^  (curl -i .*)$", served.welcome, re.MULTILINE)
        answers = [
            subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60).stdout for line in printed
        ]
        pages = [get(served, path, {}).status_code for path in ("/_mock/health", "/_mock/credentials", "/_mock/")]

    assert len(printed) == len(shipped())
    assert [answer.splitlines()[0] for answer in answers] == ["HTTP/1.1 200 OK"] * len(shipped())
    assert pages == [200, 200, 200]


def test_wheel__keeps_state_where_it_is_told(bin_folder: Path, tmp_path: Path) -> None:
    command, vendor = str(bin_folder / "proofboard"), load("kanman")
    caller, project = vendor.callers["owner"].headers, vendor.known["project_id"]
    with serve("kanman", "--state", "board.db", command=command, cwd=tmp_path) as served:
        body = {"projectId": project, "label": "Kept"}
        httpx.post(f"{served.base_url('kanman')}/tasks", headers=dict(caller), json=body).raise_for_status()
    with serve("kanman", "--state", "board.db", command=command, cwd=tmp_path) as served:
        listed = get(served, f"{vendor.mount}/projects/{project}/tasks", caller).json()["tasks"]

    assert listed[-1]["label"] == "Kept"
    assert (tmp_path / "board.db").is_file()


def test_wheel__judges(bin_folder: Path, tmp_path: Path) -> None:
    told = run(bin_folder, tmp_path, "proofboard", "test", "kanman", "--rule", "KM-114", "--seed", "1", "--report", "r")
    assert "KanMan conforms: 1 hold" in told
    assert "KanMan conforms" in (tmp_path / "r/report.html").read_text()
