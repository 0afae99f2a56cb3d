"""A tenant.toml is read whole or refused with every mistake, each with its line."""

from pathlib import Path

import pytest

from contracts.tenant_file import TenantFile, find_clear_text, find_url_trouble, read
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


def credentials(tmp_path: Path, lines: str, callers: frozenset[str] = frozenset()) -> list[str]:
    """What is wrong with the credentials of a file that is sound elsewhere."""
    file = tmp_path / "tenant.toml"
    file.write_text(f'[kanman]\nbase_url = "https://x.example"\n{lines}\n')
    with pytest.raises(SpecError) as refusal:
        read(file, "kanman", ROLES, frozenset({"kanman"}), callers)
    return [f"{mistake.line}: {mistake.message}" for mistake in refusal.value.mistakes]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ('"Bearer s3cr3t"', "kanman.credentials.owner.headers is a text: expected a table"),
        ("{ Authorization = 123456 }", "kanman.credentials.owner.headers.Authorization is a number: expected a text"),
        ('{ Authorization = "" }', "kanman.credentials.owner.headers.Authorization is empty: expected a text"),
        ('{ Authorization = ["s3cr3t"] }', "kanman.credentials.owner.headers.Authorization is a list: expected a text"),
        ('{ Authorization = "Bearer $MY_TOKEN" }', "expected ${MY_TOKEN}, with braces, to read the environment"),
        ('{ Authorization = "${}" }', "expected the name of a variable in ${}, such as ${API_TOKEN}"),
        ('{ Authorization = "${A:-s3cr3t}" }', "expected the name of a variable in ${}, such as ${API_TOKEN}"),
        ('{ Authorization = "s3cr3t\\u00e9" }', "a header's value is printable ASCII without blanks around it"),
        ('{ Authorization = "s3cr3t ", b = "2" }', "a header's value is printable ASCII without blanks around it"),
        ('{ "A b" = "s3cr3t" }', "'A b' cannot be the name of a header"),
        ('{ A = "s3cr3t", a = "s3cr3t" }', "A is given twice: case does not matter"),
        ('{ A = "1", Content-Length = "1" }', "each request has its own Content-Length"),
    ],
)
def test_credentials__that_make_no_sense_are_told_without_a_secret(tmp_path: Path, headers: str, expected: str) -> None:
    found = credentials(tmp_path, f"[kanman.credentials.owner]\nheaders = {headers}")
    assert found[0].startswith("4: ") and expected in found[0] and "s3cr3t" not in "".join(found)


def test_credentials__of_callers_that_no_rule_asks_for(tmp_path: Path) -> None:
    lines = '[kanman.credentials]\nowner.headers.A = "1"\nreadr.headers.A = "2"\nroot.headers.A = "3"'
    assert credentials(tmp_path, lines, frozenset({"owner", "reader"})) == [
        "5: unknown key kanman.credentials.readr: did you mean reader?",
        "6: unknown key kanman.credentials.root: expected one of owner, reader",
    ]


def test_credentials__of_a_login_need_no_headers(tmp_path: Path) -> None:
    file = tmp_path / "tenant.toml"
    file.write_text(
        '[kanman]\nbase_url = "https://x.example"\n'
        '[kanman.credentials.owner.login]\nemail = "jane@example.com"\npassword = "pa$SWORD"\n'
    )
    found = read(file, "kanman", ROLES, frozenset())
    assert found.callers == {"owner": {}}
    assert found.logins == {"owner": {"email": "jane@example.com", "password": "pa$SWORD"}}


def test_known__an_id_with_blanks(tmp_path: Path) -> None:
    lines = '[kanman.credentials.owner]\nheaders.A = "1"\n[kanman.known]\ntask_id = " 7"\nproject_id = 3'
    assert credentials(tmp_path, lines) == ["6: kanman.known.task_id has blanks around it"]


@pytest.mark.parametrize(
    ("url", "is_clear"),
    [
        ("http://api.example.com/v1", True),
        ("http://10.0.0.7/v1", True),
        ("https://api.example.com/v1", False),
        ("http://127.0.0.1:4010/v1", False),
        ("http://[::1]:4010/v1", False),
        ("http://LocalHost/v1", False),
    ],
)
def test_url__whose_tokens_others_can_read(url: str, is_clear: bool) -> None:
    warning = "base_url begins with http://: tokens travel in the clear; is it https://?"
    assert find_clear_text(url) == (warning if is_clear else None)
