"""A tenant.toml is read whole or refused with every mistake, each with its line."""

from pathlib import Path

import pytest

from contracts.tenant_file import TenantFile, find_url_trouble, read
from mockserver.yamlfile import SpecError

ROLES = frozenset({"project_id", "task_id"})
SOUND = """
[kanman]
base_url = "https://api.kanman.de/v1/"
[kanman.credentials.owner]
headers = { Authorization = "Bearer ${KANMAN_TOKEN}" }
[kanman.known]
project_id = "660e8400-e29b-41d4-a716-446655440000"
[kanman.budget]
requests = 500
per_minute = 60
[kanbert]
base_url = "https://other.example"
"""


def load(tmp_path: Path, text: str) -> TenantFile:
    file = tmp_path / "tenant.toml"
    file.write_text(text)
    return read(file, "kanman", ROLES, frozenset({"kanman", "kanbert"}))


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        load(tmp_path, text)
    return [f"{mistake.line}: {mistake.message}" for mistake in refusal.value.mistakes]


def test_read__a_sound_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANMAN_TOKEN", "km_secret")
    found = load(tmp_path, SOUND)
    assert found.base_url == "https://api.kanman.de/v1"
    assert found.callers == {"owner": {"Authorization": "Bearer km_secret"}}
    assert found.known == {"project_id": "660e8400-e29b-41d4-a716-446655440000"}
    assert (found.requests, found.writes, found.per_minute) == (500, None, 60)


def test_read__names_a_variable_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KANMAN_TOKEN", raising=False)
    place = "kanman.credentials.owner.headers.Authorization"
    assert mistakes(tmp_path, SOUND) == [f"5: {place}: the environment variable KANMAN_TOKEN is not set"]


def test_read__tells_every_mistake_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
[kanmn]
[kanman]
base_url = "ftp://x"
bugdet = 1
[kanman.credentials.reader]
header = { A = "b" }
[kanman.known]
proj_id = "1"
task_id = ""
[kanman.budget]
requests = -1
""",
    )
    assert [line.partition(":")[0] for line in found] == ["2", "4", "5", "6", "6", "7", "9", "10", "12"]
    told = "\n".join(found)
    assert "unknown key kanmn: did you mean kanman?" in told
    assert "kanman.base_url is 'ftp://x': expected a URL that begins with http:// or https://" in told
    assert "unknown key kanman.bugdet: did you mean budget?" in told
    assert "kanman.credentials.owner is missing" in told
    assert "unknown key kanman.credentials.reader.header: did you mean headers?" in told
    assert "unknown key kanman.known.proj_id: did you mean project_id?" in told
    assert "kanman.budget.requests is -1: expected a whole number, 0 or more" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[kanman\n", "1: is not TOML"),
        ("", "1: expected a table [kanman] with base_url and credentials; it is missing"),
        ("kanman = 1", "1: expected a table [kanman] with base_url and credentials; it is no table"),
    ],
)
def test_read__a_file_without_sense(tmp_path: Path, text: str, expected: str) -> None:
    assert mistakes(tmp_path, text)[0].startswith(expected)


def test_read__a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read(tmp_path / "none.toml", "kanman", ROLES, frozenset())


@pytest.mark.parametrize("url", ["https://api.example/v1", "http://127.0.0.1:4010", "http://[::1]:8/x"])
def test_url__that_is_fit(url: str) -> None:
    assert find_url_trouble(url) is None


@pytest.mark.parametrize(
    "url", ["api.example", "file:///x", "http://", "http://a:b@c/", "http://a/?q=1", "http://a b", "http://a:99999"]
)
def test_url__that_is_not(url: str) -> None:
    assert find_url_trouble(url)
