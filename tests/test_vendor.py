"""Reading a vendor folder: what a sound one becomes, and how a broken one is refused."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mockserver.vendor import FILES, Rule, SpecError, Vendor, load, shipped

FIXTURES = Path(__file__).parent.parent / "fixtures"
TOY = FIXTURES / "toy_vendor"
READ = [name for name in FILES if name.endswith(".yaml")]
MISTAKES = yaml.safe_load((FIXTURES / "broken_vendors/mistakes.yaml").read_text())


def copy(folder: Path, *patches: dict[str, str]) -> Path:
    """A copy of the toy vendor in which texts are replaced."""
    shutil.copytree(TOY, folder)
    for patch in patches:
        file = folder / patch["file"]
        text = file.read_text()
        assert patch["replace"] in text
        file.write_text(text.replace(patch["replace"], patch["by"], 1))
    return folder


def refused(folder: Path) -> SpecError:
    with pytest.raises(SpecError) as refusal:
        load(folder, thorough=True)
    return refusal.value


@pytest.fixture
def toy() -> Vendor:
    return load(TOY, thorough=True)


def test_load__a_sound_folder(toy: Vendor) -> None:
    assert (toy.name, toy.mount, toy.base_url) == ("toy", "/toy/v1", "https://toy.example/v1")
    assert list(toy.operations) == ["listNotes", "createNote", "getNote"]
    assert toy.known == {"note_id": "n1"}


def test_operation__bears_its_table_and_the_parameters_of_its_path(toy: Vendor) -> None:
    operation = toy.operations["getNote"]
    assert (operation.method, operation.path) == ("GET", "/notes/{id}")
    assert operation.table["verb"] == "get"
    assert [parameter["name"] for parameter in operation.parameters] == ["id"]
    assert operation.security == [{"key": []}]


def test_rule__every_names_all_operations(toy: Vendor) -> None:
    rule = toy.rules["TOY-001"]
    assert rule.operations == ("listNotes", "createNote", "getNote")
    assert (rule.judge, rule.detail, rule.binding, rule.line) == ("law", ("credentials",), True, 5)


def test_rule__each_judge_has_its_detail(toy: Vendor) -> None:
    def judged(rule: Rule) -> tuple[str, tuple[str, ...], bool]:
        return rule.judge, rule.detail, rule.binding

    assert judged(toy.rules["TOY-002"]) == ("rule", (), True)
    assert judged(toy.rules["TOY-003"]) == ("schema", ("/components/schemas/Note/required",), False)
    assert judged(toy.rules["TOY-004"]) == ("none", ("nobody can wait that long",), False)
    assert toy.rules["TOY-003"].accepts == "422 instead of 400"


def test_rule__stands_under_the_last_heading_before_it(tmp_path: Path, toy: Vendor) -> None:
    assert {rule.section for rule in toy.rules.values()} == {None}
    headings = [
        {"file": "rules.yaml", "replace": f"id: {rule}", "by": f"id: {rule}\n    section: {heading}"}
        for rule, heading in (("TOY-002", "Notes"), ("TOY-004", "Time"))
    ]
    sections = [rule.section for rule in load(copy(tmp_path / "toy", *headings)).rules.values()]
    assert sections[:4] == [None, "Notes", "Notes", "Time"]


@pytest.mark.parametrize("name", shipped())
def test_rule__of_a_shipped_vendor_has_a_heading_and_named_documents(name: str) -> None:
    vendor = load(name)
    assert vendor.documents and all(rule.section for rule in vendor.rules.values())


def test_caller__belongs_to_the_default_account(toy: Vendor) -> None:
    assert toy.callers["owner"].account == "house"
    assert toy.callers["expired"].expires_at == "2023-06-01T00:00:00Z"


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        ("{type: apiKey, in: header, name: X-Toy-Key}", {"X-Toy-Key": "toy-owner"}),
        ("{type: apiKey, in: cookie, name: toy}", {"Cookie": "toy=toy-owner"}),
        ("{type: http, scheme: bearer}", {"Authorization": "Bearer toy-owner"}),
        ("{type: http, scheme: Basic}", {"Authorization": "Basic dG95LW93bmVy"}),
        ("{type: oauth2, flows: {}}", {"Authorization": "Bearer toy-owner"}),
    ],
)
def test_caller__has_the_headers_of_its_scheme(tmp_path: Path, scheme: str, headers: dict[str, str]) -> None:
    declared = "    key:\n      type: apiKey\n      in: header\n      name: X-Toy-Key\n"
    folder = copy(tmp_path / "v", {"file": "openapi.yaml", "replace": declared, "by": f"    key: {scheme}\n"})
    assert load(folder).callers["owner"].headers == headers


def test_load__a_server_with_variables_is_that_of_their_defaults(tmp_path: Path) -> None:
    declared = "{url: 'https://{host}/v1', variables: {host: {default: toy.example}}}"
    change = {"file": "openapi.yaml", "replace": "url: https://toy.example/v1", "by": declared}
    assert load(copy(tmp_path / "v", change)).base_url == "https://toy.example/v1"


@pytest.mark.parametrize("name", shipped())
def test_load__what_ships_is_sound(name: str) -> None:
    vendor = load(name, thorough=True)
    assert vendor.name == name
    assert vendor.rules and vendor.operations and vendor.callers


@pytest.mark.parametrize("name", MISTAKES)
def test_load__a_mistake_is_told_with_file_and_line(tmp_path: Path, name: str) -> None:
    mistake = MISTAKES[name]
    refusal = refused(copy(tmp_path / "v", mistake))
    told = [f"{one.line}: {one.message}" for one in refusal.mistakes if one.file.endswith(mistake["file"]) and one.line]
    assert any(mistake["says"] in text for text in told), str(refusal)


def test_load__all_mistakes_at_once(tmp_path: Path) -> None:
    names = ["unknown_key", "bad_schema", "unknown_grade", "token_form", "rule_operation", "unknown_error"]
    text = str(refused(copy(tmp_path / "v", *(MISTAKES[name] for name in names))))
    assert all(MISTAKES[name]["says"] in text for name in names), text


@pytest.mark.parametrize("name", FILES)
def test_load__a_file_is_missing(tmp_path: Path, name: str) -> None:
    folder = copy(tmp_path / "v")
    (folder / name).unlink()
    (mistake,) = refused(folder).mistakes
    assert mistake.file.endswith(name)
    assert mistake.message == "is missing; a vendor folder has " + ", ".join(FILES)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"- a list", b"just text", b"{}", b"null", b"a: [", b"\x00"])
def test_load__a_file_is_no_such_thing(tmp_path: Path, name: str, content: bytes) -> None:
    folder = copy(tmp_path / "v")
    (folder / name).write_bytes(content)
    assert any(mistake.file.endswith(name) for mistake in refused(folder).mistakes)


def test_load__an_unknown_name() -> None:
    (mistake,) = refused(Path(shipped()[0] + "x")).mistakes
    assert f"Did you mean {shipped()[0]}?" in mistake.message


def withstand(folder: Path, name: str, change: Callable[[str], str | None]) -> None:
    """Load with each line changed in turn: sound or refused, and never a traceback."""
    lines = (TOY / name).read_text().splitlines()
    for number, line in enumerate(lines):
        changed = change(line)
        (folder / name).write_text("\n".join([*lines[:number], *([changed] if changed else []), *lines[number + 1 :]]))
        try:
            load(folder)
        except SpecError as refusal:
            assert refusal.mistakes


@pytest.mark.parametrize("name", READ)
def test_load__withstands_the_loss_of_any_line(tmp_path: Path, name: str) -> None:
    withstand(copy(tmp_path / "v"), name, lambda line: None)


@pytest.mark.slow
@pytest.mark.parametrize("value", ["7", "[x]", "{x: y}", "null", "true", '"text"'])
@pytest.mark.parametrize("name", READ)
def test_load__withstands_any_value_anywhere(tmp_path: Path, name: str, value: str) -> None:
    withstand(copy(tmp_path / "v"), name, lambda line: re.sub(r"^(\s*(?:- )?[^:]+:).*", rf"\1 {value}", line))


def test_load__a_method_that_is_not_offered_is_declared_by_the_status_that_it_has(tmp_path: Path) -> None:
    other = {"file": "behaviour.yaml", "replace": "{status: 405, message", "by": "{status: 418, message"}
    refusal = refused(copy(tmp_path / "v", other))
    assert "GET /notes does not declare 418; each must stand by its number" in str(refusal)


def test_load__a_behaviour_that_is_not_yaml_says_nothing_about_the_document(tmp_path: Path) -> None:
    other = {"file": "openapi.yaml", "replace": '"405":', "by": '"418":'}
    torn = {"file": "behaviour.yaml", "replace": "resources:", "by": "resources: 7"}
    refusal = refused(copy(tmp_path / "v", other, torn))
    assert [mistake.file.rpartition("/")[2] for mistake in refusal.mistakes] == ["behaviour.yaml"]


def test_caller__may_be_revoked(tmp_path: Path) -> None:
    bent = {"file": "seed.yaml", "replace": "expired: {", "by": "expired: {revoked: true, "}
    callers = load(copy(tmp_path / "v", bent)).callers
    assert [name for name, caller in callers.items() if caller.is_revoked] == ["expired"]
