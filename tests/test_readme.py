"""What README.md, CONTRIBUTING.md and the vendors' pages say is true: commands run, tables are those of the code."""

import contextlib
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from contracts import tenant_file
from mockserver import cli
from mockserver.settings import TABLE
from mockserver.vendor import Vendor, load, shipped
from tests.tools import commands, generated
from tests.tools.commands import Reader, Section
from tests.tools.outside import need
from tests.tools.serving import BIN, ROOT, clean_environment

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}
README = PAGES["README.md"]
SECTIONS = [
    pytest.param(section, id=f"{page} {section.title}")
    for page, text in PAGES.items()
    for section in commands.sections(text)
]

# Commands that are recognised and not run, each with the reason.
NOT_RUN = {
    "make test": "it runs this very test",
    "make check": "`make test` runs it first",
    "make format": "it writes to the files under test; `make check` runs the same tools and only reads",
}
# Commands that take long, and what is run in their place. The slow test runs them as they stand on the page.
CHEAPER = {
    "proofboard test kanman --seed 1": "proofboard test kanman --seed 1 --rule 'KM-12*'",
    "make contracts ARGS='kanman'": "make contracts ARGS=\"kanman --rule 'KM-12*'\"",
}
PORTS = ("4010", "4011", "4012")  # of the pages; free ones take their place


@pytest.fixture
def ports() -> Mapping[str, str]:
    """Ports below those that the system hands out, so that no test beside this one takes them meanwhile."""
    free: list[str] = []
    for port in range(20_000 + os.getpid() * 10 % 10_000, 32_000):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            free.append(str(port))
        if len(free) == len(PORTS):
            break
    return dict(zip(PORTS, free, strict=True))


@pytest.fixture
def reader(tmp_path: Path, ports: Mapping[str, str]) -> Iterator[Reader]:
    """Somebody with a fresh clone and its `.venv`."""
    for program in ("bash", "make", "curl"):
        need(program, program)
    environment = clean_environment(
        {"PATH": commands.searched_path(BIN), "PROOFBOARD_PORT": ports["4010"], "COLUMNS": "120", "NO_COLOR": "1"}
    )
    folder = commands.clone_of(ROOT, tmp_path / "clone", Path(sys.prefix))
    reader = Reader(folder, environment, make_folder=ROOT)
    yield reader
    reader.leave()


@pytest.mark.parametrize("section", SECTIONS)
def test_page__commands_do_what_it_shows(reader: Reader, ports: Mapping[str, str], section: Section) -> None:
    for steps in section.blocks:
        for index, step in enumerate(steps):
            if step.command in NOT_RUN:
                continue
            cheaper = CHEAPER.get(step.command)
            outcome = reader.run(_moved(cheaper or step.command, ports))
            assert outcome.code == commands.expected_code(steps, index), f"{step.command}\n{outcome.output}"
            if step.expected is not None and not cheaper:
                shown = _moved(step.expected, ports)
                assert commands.is_as_shown(shown, outcome.output), f"{step.command}\nprints\n{outcome.output}"


@pytest.mark.slow
@pytest.mark.parametrize("command", CHEAPER)
def test_page__long_commands_do_what_it_shows(reader: Reader, command: str) -> None:
    (step,) = [step for step in _steps() if step.command == command]
    outcome = reader.run(command)
    assert outcome.code == 0, outcome.output
    assert commands.is_as_shown(step.expected or "…", outcome.output), outcome.output


def test_page__commands_that_are_not_run_as_they_stand_are_there() -> None:
    there = {step.command for step in _steps()}
    assert {*NOT_RUN, *CHEAPER} <= there


def test_page__make_knows_its_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    mentioned = {
        name for text in PAGES.values() for name in re.findall(r"(?:`|^|\$ )make ([a-z-]+)", text, re.MULTILINE)
    }
    assert {"run", "test"} <= mentioned <= targets


@pytest.mark.parametrize(
    ("page", "name"), [(str(page), name) for page, blocks in generated.pages().items() for name in blocks]
)
def test_page__table_is_that_of_the_code(page: str, name: str) -> None:
    shown = generated.block((ROOT / page).read_text(encoding="utf-8"), name)
    assert shown == generated.pages()[Path(page)][name](), "python -m tests.tools.generated mends it"


def test_readme__has_every_command_and_option() -> None:
    group = cli.cli
    context = click.Context(group)
    wanted = {
        f"proofboard {name}": [
            option for one in _command(name).params for option in one.opts if option.startswith("--")
        ]
        for name in group.list_commands(context)
    }
    names = ("serve", "test", "clean", "baseline", "rules", "check", "routes", "credentials", "defects", "selftest")
    assert set(wanted) == {f"proofboard {name}" for name in names}
    missing = [
        word
        for name, options in wanted.items()
        for word in (name, *options)
        if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", README)
    ]
    assert missing == []


def test_readme__has_every_header_of_ours() -> None:
    for word in ("X-Mock-World", "X-Mock-Rule", "Prefer: code=", "Prefer: example=", "Prefer: delay="):
        assert word in README


def test_readme__settings_are_those_of_serve() -> None:
    options = {option for one in cli.serve.params for option in one.opts if option.startswith("--")}
    assert options == {setting.option for setting in TABLE}


@pytest.mark.parametrize("page", PAGES)
def test_page__files_that_it_names_exist(page: str) -> None:
    text = PAGES[page]
    words = [*re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text), *re.findall(r"\]\(([\w./-]+)\)", text)]
    words += re.findall(r"\b(?:mockserver|contracts|tests|openapi)/[\w./]+\.\w+", text)
    assert words
    assert [word for word in words if "NAME" not in word and not (ROOT / word).exists()] == []


def test_readme__tenant_file_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kanman: Vendor) -> None:
    (example,) = commands.blocks(README, "toml")
    (tmp_path / "tenant.toml").write_text(example)
    monkeypatch.setenv("KANMAN_TOKEN", "km_secret")
    read = tenant_file.read(tmp_path / "tenant.toml", "kanman", frozenset(kanman.known), frozenset(shipped()))
    assert read.base_url == kanman.base_url
    assert read.callers["owner"] == {"Authorization": "Bearer km_secret"}


@pytest.mark.parametrize("name", shipped())
def test_vendor_page__tells_of_every_operation_caller_and_role(name: str) -> None:
    vendor = load(name)
    text = (vendor.folder / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert {*vendor.operations, *vendor.callers, *vendor.known} <= told


def test_vendor_page__has_every_decision_and_no_other_rules(kanman: Vendor) -> None:
    text = (kanman.folder / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (B\d+) ", text, re.MULTILINE) == [f"B{number}" for number in range(1, 26)]
    assert {word for word in re.findall(r"KM-\d{3}", text) if word not in kanman.rules} == set()
    assert f"\n{len(kanman.rules)} rules." in text


def test_vendor_page__names_the_rules_that_nothing_judges(kanman: Vendor) -> None:
    text = (kanman.folder / "README.md").read_text(encoding="utf-8")
    paragraph = text[text.index("Not judged at all") :].partition("\n\n")[0]
    named = set(re.findall(r"KM-\d{3}", paragraph))
    for first, last in re.findall(r"KM-(\d{3}) to KM-(\d{3})", paragraph):
        named |= {f"KM-{number:03}" for number in range(int(first), int(last) + 1)}
    assert named == {rule.id for rule in kanman.rules.values() if rule.judge == "none"}


def _steps() -> list[commands.Step]:
    return [step for one in SECTIONS for block in one.values[0].blocks for step in block]  # type: ignore[union-attr]


def _command(name: str) -> click.Command:
    command = cli.cli.get_command(click.Context(cli.cli), name)
    assert command is not None
    return command


def _moved(text: str, ports: Mapping[str, str]) -> str:
    """The text with free ports for those of the page."""
    for printed, free in ports.items():
        text = text.replace(printed, free)
    return text
