"""Known findings: read with every mistake told, kept out of the exit code, and missed when they expire or vanish."""

import json
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Invoked
from rich.console import Console

from contracts import baseline
from contracts.baseline_cli import baseline as command
from contracts.findings import Known, Verdict
from contracts.report import terminal
from contracts.report.model import as_bytes, as_report
from contracts.runner import Result
from mockserver.vendor import Vendor
from mockserver.yamlfile import SpecError
from tests.tools.results import finding_of, result_of

TODAY = date(2026, 6, 1)
SIGNED = 'reason = "they mend it in May"\nowner = "Ada"\nexpires = 2026-06-01\n'


def held(tmp_path: Path, result: Result, text: str, today: date = TODAY) -> Result:
    file = tmp_path / "known.toml"
    file.write_text(text)
    return baseline.apply(result, baseline.read(file, result.vendor), today)


def notes(result: Result) -> list[str]:
    return [note.partition("known.toml:")[2] for note in result.notes]


def mistakes(tmp_path: Path, vendor: Vendor, text: str) -> list[str]:
    file = tmp_path / "known.toml"
    file.write_text(text)
    with pytest.raises(SpecError) as error:
        baseline.read(file, vendor)
    return [str(mistake).partition("known.toml:")[2] for mistake in error.value.mistakes]


def test_known__finding_does_not_count_through_its_last_day(kanman: Vendor, tmp_path: Path) -> None:
    result = result_of(kanman, finding_of(kanman, "KM-012"))
    judged = held(tmp_path, result, f'[[known]]\nrule = "KM-012"\n{SIGNED}')
    assert (result.exit_code, judged.exit_code, judged.reason) == (1, 0, None)
    assert judged.findings[0].known == Known("they mend it in May", "Ada", TODAY)
    assert (judged.weigh("error"), judged.count("broken"), judged.notes) == (0, 1, ())


def test_known__finding_that_no_rule_answers_for_goes_by_its_key(kanman: Vendor, tmp_path: Path) -> None:
    result = result_of(kanman, finding_of(kanman, "ST105 GET /boards"), rules=("KM-012",))
    assert held(tmp_path, result, f'[[known]]\nkey = "ST105 GET /boards"\n{SIGNED}').exit_code == 0
    assert held(tmp_path, result, f'[[known]]\nkey = "ST105 GET /tasks"\n{SIGNED}').exit_code == 1


def test_known__others_still_count_and_stand_first(kanman: Vendor, tmp_path: Path) -> None:
    result = result_of(kanman, finding_of(kanman, "KM-002"), finding_of(kanman, "KM-012"))
    judged = held(tmp_path, result, f'[[known]]\nrule = "KM-002"\n{SIGNED}')
    assert (judged.exit_code, [finding.rule for finding in judged.findings]) == (1, ["KM-012", "KM-002"])


def test_known__at_one_operation_is_not_known_at_another(kanman: Vendor, tmp_path: Path) -> None:
    entry = f'[[known]]\nrule = "KM-012"\noperation = "deleteTask"\n{SIGNED}'
    elsewhere = result_of(kanman, finding_of(kanman, "KM-012", operation="updateTask"))
    assert held(tmp_path, elsewhere, entry).exit_code == 1
    there = result_of(kanman, finding_of(kanman, "KM-012", operation="deleteTask"))
    assert held(tmp_path, there, entry).exit_code == 0


def test_known__does_not_make_green_what_could_not_be_judged(kanman: Vendor, tmp_path: Path) -> None:
    entry = f'[[known]]\nrule = "KM-012"\n{SIGNED}'
    finding = finding_of(kanman, "KM-012")
    lost = held(tmp_path, result_of(kanman, finding, exit_code=2, reason="gone"), entry)
    assert (lost.exit_code, lost.reason, bool(lost.findings[0].known)) == (2, "gone", True)
    failed = held(tmp_path, result_of(kanman, finding, failed=("the fuzzer failed",)), entry)
    assert (failed.exit_code, failed.reason) == (2, "the fuzzer failed")
    verdicts = (Verdict("KM-012", "broken"), Verdict("KM-002", "not judged", "the check itself failed", crashed=True))
    crashed = held(tmp_path, result_of(kanman, finding, rules=("KM-002",), verdicts=verdicts), entry)
    assert (crashed.exit_code, crashed.reason) == (2, "KM-002: the check itself failed")


def test_known__and_nothing_else_judged_is_not_green(kanman: Vendor, tmp_path: Path) -> None:
    result = result_of(kanman, finding_of(kanman, "ST105 GET /boards"))
    judged = held(tmp_path, result, f'[[known]]\nkey = "ST105 GET /boards"\n{SIGNED}')
    assert (judged.exit_code, judged.reason) == (2, "nothing was judged beside what is known")


def test_expired__counts_again_and_is_told(kanman: Vendor, tmp_path: Path) -> None:
    result = result_of(kanman, finding_of(kanman, "KM-012"))
    judged = held(tmp_path, result, f'[[known]]\nrule = "KM-012"\n{SIGNED}', date(2026, 6, 2))
    assert (judged.exit_code, judged.findings[0].known) == (1, None)
    assert notes(judged) == ["1: KM-012 counts again: known by Ada until 2026-06-01"]


def test_expired__beside_an_entry_that_holds_is_not_told(kanman: Vendor, tmp_path: Path) -> None:
    result = result_of(kanman, finding_of(kanman, "KM-012"))
    narrow = f'[[known]]\nrule = "KM-012"\noperation = "listBoards"\n{SIGNED.replace("2026", "2027")}'
    judged = held(tmp_path, result, f'[[known]]\nrule = "KM-012"\n{SIGNED}{narrow}', date(2026, 6, 2))
    assert (judged.exit_code, judged.notes) == (0, ())


@pytest.mark.parametrize("today", [TODAY, date(2027, 1, 1)])
def test_vanished__is_told(kanman: Vendor, tmp_path: Path, today: date) -> None:
    text = f'# ours\n\n[[known]]\nrule = "KM-012"\n{SIGNED}[[known]]\nkey = "ST105 GET /boards"\n{SIGNED}'
    judged = held(tmp_path, result_of(kanman, rules=("KM-012",)), text, today)
    assert judged.exit_code == 0
    assert notes(judged) == [
        "3: KM-012 has vanished: if it is mended, take the entry out (Ada)",
        "8: ST105 GET /boards has vanished in 5 cases with seed 7: if it is mended, take the entry out (Ada)",
    ]


def test_vanished__is_not_said_of_what_was_not_judged(kanman: Vendor, tmp_path: Path) -> None:
    text = f'[[known]]\nrule = "KM-012"\n{SIGNED}[[known]]\nkey = "ST105 GET /boards"\n{SIGNED}'
    unjudged = (Verdict("KM-002", "holds"), Verdict("KM-012", "not judged", "needs a writer credential"))
    result = result_of(kanman, rules=("KM-002", "KM-012"), verdicts=unjudged, cases=0)
    (note,) = held(tmp_path, result, text).notes
    assert note.endswith("known.toml: not judged in this run: KM-012, ST105 GET /boards")


def test_vendor__of_an_entry_decides_whether_it_is_looked_at(kanman: Vendor, tmp_path: Path) -> None:
    text = (
        f'[[known]]\nvendor = "my-own"\nrule = "MO-1"\n{SIGNED}[[known]]\nvendor = "kanman"\nrule = "KM-012"\n{SIGNED}'
    )
    judged = held(tmp_path, result_of(kanman, finding_of(kanman, "KM-012")), text)
    assert (judged.exit_code, judged.notes) == (0, ())


def test_mistakes__are_told_all_at_once_with_their_lines(kanman: Vendor, tmp_path: Path) -> None:
    text = """\
title = "ours"

[[known]]
rule = "KM-12"
reason = ""
ownr = "Ada"
expires = "2026-12-31"

[[known]]
key = "KM-012"
rule = "KM-012"
reason = 5
owner = "Ada"
expires = 2026-12-31T10:00:00Z

[[known]]
rule = "KM-012"
operation = "deleteTasks"
reason = "r"
owner = "o"
expires = 2026-12-31

[[known]]
vendor = "kanmann"
rule = "KM-012"
reason = "r"
owner = "o"
expires = 2026-12-31
"""
    assert mistakes(tmp_path, kanman, text) == [
        "1: unknown key title: expected [[known]]",
        "3: owner is missing: a known finding has a reason, an owner and a date it expires on",
        "5: reason is '': expected a text that is not empty",
        "6: unknown key ownr: did you mean owner?",
        "7: expires is '2026-12-31': expected a date without quotes, such as 2026-12-31",
        "9: expected either rule or key: what the finding breaks, or what it is called in a report",
        "12: reason is 5: expected a text that is not empty",
        "14: expires is '2026-12-31 10:00:00+00:00': expected a date without quotes, such as 2026-12-31",
        "16: KanMan has no operation deleteTasks: did you mean deleteTask?",
        "23: vendor is 'kanmann': did you mean kanman?",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'[[known]]\nrule = "KM-999"\n{SIGNED}', "1: KanMan has no rule KM-999: an id looks like KM-001; an entry"),
        (f"\n[[known]]\n{SIGNED}", "2: expected either rule or key"),
        (f'[[known]]\nrule = "KM-012"\n{SIGNED}' * 2, "6: KM-012 is known already, in line 1"),
        ('\n[known]\nrule = "KM-012"\n', "2: known: expected tables, each [[known]]"),
        ('\nknown = "all"\n', "2: known: expected tables, each [[known]]"),
        ("\n[[known]\n", "2: is not TOML"),
    ],
)
def test_mistake__names_its_line(kanman: Vendor, tmp_path: Path, text: str, expected: str) -> None:
    (first, *_) = mistakes(tmp_path, kanman, text)
    assert first.startswith(expected)


def test_mistake__of_a_file_that_is_not_there(kanman: Vendor, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.toml: cannot be read: No such file or directory"):
        baseline.read(tmp_path / "none.toml", kanman)


def test_mistake__in_inline_tables_names_the_line_of_known(kanman: Vendor, tmp_path: Path) -> None:
    text = '\nknown = [{rule = "KM-012", reason = "r", owner = "o"}]\n'
    assert mistakes(tmp_path, kanman, text)[0].startswith("2: expires is missing")


def test_known__finding_is_told_with_reason_and_owner(kanman: Vendor, tmp_path: Path) -> None:
    out = StringIO()
    result = result_of(kanman, finding_of(kanman, "KM-012"))
    terminal.show(Console(file=out, width=200), held(tmp_path, result, f'[[known]]\nrule = "KM-012"\n{SIGNED}'))
    assert "known: KM-012 (documented): DELETE needs scope delete" in out.getvalue()
    assert "  known until 2026-06-01: they mend it in May (Ada)\n" in out.getvalue()
    assert "KanMan conforms: 0 hold, 1 broken, 0 not judged; 0 errors, 0 warnings, 1 known; " in out.getvalue()


# The command


def make(report: Path, output: Path, *more: str, expires: str = "2999-12-31") -> Invoked:
    signed = ["--owner", "Ada", "--reason", 'they say "May"\\', "--expires", expires]
    return CliRunner().invoke(command, [str(report), *signed, "--output", str(output), *more], catch_exceptions=False)


@pytest.fixture
def report(kanman: Vendor, tmp_path: Path) -> Path:
    """A report of a broken rule, a rule that only warns, and a failure that no rule answers for."""
    findings = (
        finding_of(kanman, "KM-012", title="\x1b[31m]]\n[[known]] "),
        finding_of(kanman, "ST105 GET /boards"),
        finding_of(kanman, "KM-114", severity="warning"),
    )
    path = tmp_path / "report.json"
    path.write_bytes(as_bytes(as_report(result_of(kanman, *findings))))
    return path


def test_command__makes_a_baseline_with_which_the_same_run_conforms(
    kanman: Vendor, report: Path, tmp_path: Path
) -> None:
    output = tmp_path / "baseline.toml"
    made = make(report, output)
    assert (made.exit_code, made.stdout) == (0, f"written: {output}, 2 known findings added\n")
    result = result_of(kanman, finding_of(kanman, "KM-012"), finding_of(kanman, "ST105 GET /boards"))
    judged = baseline.apply(result, baseline.read(output, kanman), TODAY)
    assert (judged.exit_code, judged.notes) == (0, ())
    assert {finding.known for finding in judged.findings} == {Known('they say "May"\\', "Ada", date(2999, 12, 31))}


def test_command__adds_to_a_baseline_and_leaves_what_stands_there(kanman: Vendor, report: Path, tmp_path: Path) -> None:
    output = tmp_path / "baseline.toml"
    before = f'# ours\n[[known]]\nrule = "KM-012"\n{SIGNED}'.rstrip()
    output.write_text(before)
    made = make(report, output, "--warnings")
    assert "baseline.toml:2: KM-012 stands there already, until 2026-06-01\n" in made.stdout
    assert output.read_text().startswith(before)
    assert [entry.name for entry in baseline.read(output, kanman).entries] == ["KM-012", "ST105 GET /boards", "KM-114"]
    again = make(report, output, "--warnings")
    assert again.exit_code == 0 and "nothing to add" in again.stdout


def test_command__passes_over_what_the_report_calls_known(kanman: Vendor, tmp_path: Path) -> None:
    known = Known("r", "o", TODAY)
    path = tmp_path / "report.json"
    path.write_bytes(as_bytes(as_report(result_of(kanman, finding_of(kanman, "KM-012", known=known)))))
    made = make(path, tmp_path / "baseline.toml")
    assert "nothing to add" in made.stdout and not (tmp_path / "baseline.toml").exists()


def test_command__writes_odd_texts_so_that_they_can_be_read(kanman: Vendor, report: Path, tmp_path: Path) -> None:
    output = tmp_path / "baseline.toml"
    make(report, output, "--reason", 'a\n"""[[known]]\x7f\x01\\ é 😀')
    assert baseline.read(output, kanman).entries[0].known.reason == 'a\n"""[[known]]\x7f\x01\\ é 😀'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file or directory"),
        ("<html>", "is not JSON"),
        ("[]", "is no report.json"),
        ('{"format": 1, "findings": 5}', "is no report.json"),
        ('{"format": 2}', "has the format 2: expected 1"),
    ],
)
def test_command__refuses_what_is_no_report(tmp_path: Path, content: str | None, expected: str) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    made = make(path, tmp_path / "baseline.toml")
    (line,) = made.stderr.splitlines()
    assert made.exit_code == 2 and expected in line


def test_command__refuses_a_date_that_is_over_and_a_broken_baseline(report: Path, tmp_path: Path) -> None:
    output = tmp_path / "baseline.toml"
    over = make(report, output, expires="2020-01-01")
    assert over.exit_code == 2 and "--expires 2020-01-01 is over already" in over.stderr
    output.write_text("[[known]]\n")
    broken = make(report, output)
    assert broken.exit_code == 2 and "baseline.toml:1: " in broken.stderr
    assert output.read_text() == "[[known]]\n"
    assert make(report, tmp_path / "no" / "such.toml").exit_code == 2
    assert json.loads(report.read_text())["findings"]


def test_command__shows_a_day_where_it_was_given_none(report: Path, tmp_path: Path) -> None:
    result = make(report, tmp_path / "baseline.toml", expires="tomorrow")
    assert result.exit_code == 2 and "such as 2026-12-31" in result.output and "%Y" not in result.output
