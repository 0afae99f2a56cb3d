"""Targets that cannot be judged, or not wholly: the exit code, the reason on one line, and reports that are valid.

Each is a real server, and each run is typed as a person would type it. What only takes time is shortened.
"""

import json
import re
import xml.etree.ElementTree as xml
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from contracts import crashes, tenant_file
from contracts.cli import test as command
from contracts.report import model
from contracts.safety import cleaning
from contracts.safety.mask import Mask
from contracts.suites import preflight
from contracts.wire import Outgoing, Reply
from mockserver.vendor import Vendor, load
from tests.bends import Bend, Forward, Memory, path_of
from tests.odd_servers import (
    Talk,
    always,
    answered,
    bomb,
    closed_port,
    dripping,
    endless,
    reply,
    saying,
    serving,
    silent,
    talking,
)
from tests.tenancy import NO_WINDOWS, Dropped, TestTenant

HTML = "<html><form>Log in</form></html>"
SCHEMA = json.loads((Path(model.__file__).parent / "report.schema.json").read_text())
TOKEN = "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long here."""
    for module in (preflight, cleaning):
        monkeypatch.setattr(module, "_PAUSES", (0.01, 0.02, 0.04))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["kanman", "--seed", "3", "--timeout", "1", *arguments], catch_exceptions=False)


def report_of(result: Result, folder: Path) -> dict[str, Any]:
    """The report of a run, after every file of it was found to be valid and to tell the same."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_bytes())
    Draft202012Validator(SCHEMA).validate(report)
    assert report["exit_code"] == result.exit_code
    cases = xml.parse(folder / "junit.xml").getroot().findall("testsuite/testcase")
    assert len(cases) >= len(report["rules"]) > 0
    assert json.loads((folder / "report.sarif").read_bytes())["version"] == "2.1.0"
    har = json.loads((folder / "exchanges.har").read_bytes())
    assert len(har["log"]["entries"]) <= report["requests"]
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert not [path for path in folder.iterdir() if path.name.startswith(".")], "a draft was left"
    assert TOKEN not in "".join(path.read_text() for path in folder.iterdir()) + result.output
    return report


def unjudged(result: Result, folder: Path) -> str:
    """The reason of a run that could not judge: one line of stderr, and the same in the report."""
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    report = report_of(result, folder)
    assert line == f"could not judge: {report['reason']}" and report["verdict"] == "could not judge"
    assert report["left_behind"] == [] or "left behind" in result.stdout
    assert line.isprintable() and len(line) < 400
    return line


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (always(204, ""), "/v1/boards answered 204 with an empty body: this is not the API"),
        (always(200, ""), "/v1/boards answered 200 with an empty body: this is not the API"),
        (always(200, HTML, "text/html"), "answered 200 with text/html and no JSON: this is not the API"),
        (always(200, HTML), "answered 200 with application/json and no JSON: this is not the API"),
        (always(200, '{"boards": ['), "answered 200 with application/json and no JSON: this is not the API"),
        (always(200, "[" * 100_000), "answered 200 with application/json and no JSON: this is not the API"),
        (always(200, '"boards"'), "answered 200 with application/json and no JSON: this is not the API"),
        (
            always(200, "{}"),
            "answered 200, and so does /proofboard-no-such-path, which no API has: this is not the API",
        ),
        (always(200, "[" * 900 + "]" * 900), "which no API has: this is not the API"),
        (always(200, '{"boards": "\\ud800\\u0000\\u001b[2J"}'), "which no API has: this is not the API"),
        (always(302, "", location="/login"), "answered 302 and leads to /login: redirects are not followed"),
        (always(404, HTML, "text/html"), "every read answers 404: is http://127.0.0.1"),
        (always(410, "{}"), "no read succeeds: GET http://127.0.0.1"),
        (always(401, "{}"), "the credentials of owner are refused: /boards answered 401"),
        (always(403, HTML, "text/html"), "the credentials of owner are refused: /boards answered 403"),
        (always(405, '{"error":\n "\x1b[2Jno"}'), "no read succeeds: GET http://127.0.0.1"),
        (always(429, "{}", **{"retry-after": "0"}), "the target went on answering 429"),
        (always(500, HTML, "text/html"), "answered 500, and so does every read: the target is out of order"),
        (always(502, ""), "answered 502, and so does every read: the target is out of order"),
        (always(599, ""), "answered 599, and so does every read: the target is out of order"),
    ],
)
def test_answers__of_what_is_not_the_api(answer: Callable[[Outgoing], Reply], expected: str, tmp_path: Path) -> None:
    with serving(answer) as url:
        assert expected in unjudged(run("--target", url, "--report", str(tmp_path)), tmp_path)


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (saying(b""), "cannot be reached: Server disconnected without sending a response."),
        (saying(b"220 smtp.example ESMTP\r\n\r\n"), "its answer is no HTTP: illegal status line"),
        (saying(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "its answer is no HTTP: illegal header line"),
        (saying(answered(b'{"boards": []}', length=99)), "its answer is no HTTP: peer closed connection"),
        (saying(answered(b'{"boards": []}', length=9)), "with application/json and no JSON: this is not the API"),
        (saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "illegal chunk header"),
        (saying(answered(b"\xff\xfe\x00", "x-odd: \xff\xfe")), "application/json and no JSON: this is not the API"),
        (saying(answered(b"{}", "x-odd: a\0b")), "its answer is no HTTP: illegal header line"),
        (saying(bomb(100)), "is longer than 16 MiB"),
        (endless(100), "is longer than 16 MiB"),
        (silent, "did not answer within 1 seconds"),
        (dripping(answered(b'{"boards": []}')), "did not answer within 1 seconds"),
    ],
)
def test_bytes__that_are_no_answer(talk: Callable[[Talk, bytes], None], expected: str, tmp_path: Path) -> None:
    with talking(talk) as odd:
        assert expected in unjudged(run("--target", odd.url, "--report", str(tmp_path)), tmp_path)


def test_redirect__to_another_host_is_never_followed(tmp_path: Path) -> None:
    with talking(saying(answered(b"{}"))) as other:
        with serving(always(307, "", location=f"{other.origin}/v1/boards?token=hidden-in-here")) as url:
            line = unjudged(run("--target", url, "--report", str(tmp_path)), tmp_path)
        assert f"leads to {other.origin}/v1/boards?token=***" in line and "redirects are not followed" in line
        assert "hidden-in-here" not in "".join(path.read_text() for path in tmp_path.iterdir())
        assert other.connections == 0


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [("self-signed", "its certificate is not trusted: self-signed certificate"), ("expired", "is not trusted: ")],
)
def test_tls__that_cannot_be_trusted(certificate: str, expected: str, tmp_path: Path) -> None:
    with talking(saying(answered(b"{}")), certificate=certificate) as odd:
        assert expected in unjudged(run("--target", odd.url, "--report", str(tmp_path)), tmp_path)
        assert odd.heads == []


def test_connection__refused(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    assert "cannot be reached: Connection refused" in unjudged(
        run("--target", url, "--report", str(tmp_path)), tmp_path
    )


# Tenants of which a part is wrong


@pytest.fixture(scope="module")
def kanman() -> Vendor:
    return load("kanman")


@pytest.fixture
def tenant(kanman: Vendor) -> Iterator[TestTenant]:
    with TestTenant(kanman, **NO_WINDOWS) as made:
        yield made


def bent(change: Callable[[Outgoing, Reply], Reply]) -> Bend:
    return lambda memory, request, forward: change(request, forward(request))


def sent_by(tenant: TestTenant, folder: Path, *arguments: str, **options: Any) -> Result:
    file = tenant.toml(folder / "tenant.toml", **options)
    return run("--tenant", str(file), "--report", str(folder / "report"), *arguments)


RULES = ("--rule", "KM-01[0-4]", "--rule", "KM-167", "--rule", "KM-198")  # a few that need no fuzzing


def test_tenant__without_fault_is_judged(tenant: TestTenant, tmp_path: Path) -> None:
    result = sent_by(tenant, tmp_path, *RULES)
    assert result.exit_code == 0, result.output
    assert report_of_rules(tmp_path)["counts"]["holds"] == 7


def report_of_rules(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report" / "report.json").read_bytes())
    Draft202012Validator(SCHEMA).validate(report)
    return report


def test_base_url__that_is_wrong(tenant: TestTenant, tmp_path: Path) -> None:
    file = tenant.toml(tmp_path / "tenant.toml")
    file.write_text(file.read_text().replace("/kanman/v1", "/kanman/v2"))
    line = unjudged(run("--tenant", str(file), "--report", str(tmp_path / "report")), tmp_path / "report")
    assert "every read answers 404: is http://127.0.0.1" in line and "/kanman/v2 the base URL?" in line
    assert tenant.writes == []


@pytest.mark.parametrize("caller", ["owner", "reader"])
def test_credentials__without_bearer_before_the_token(tenant: TestTenant, tmp_path: Path, caller: str) -> None:
    file = tenant.toml(tmp_path / "tenant.toml")
    token = tenant.headers_of(caller)["Authorization"]
    file.write_text(file.read_text().replace(token, token.removeprefix("Bearer ")))
    line = unjudged(run("--tenant", str(file), "--report", str(tmp_path / "report")), tmp_path / "report")
    assert f"the credentials of {caller} are refused: /boards answered 401" in line
    assert line.endswith("; its Authorization does not begin with 'Bearer '")
    assert tenant.writes == []


def test_finding__of_a_wrong_order_shows_the_values_as_the_list_has_them(tenant: TestTenant, tmp_path: Path) -> None:
    def turned(request: Outgoing, answer: Reply) -> Reply:
        if request.method != "GET" or not path_of(request).endswith("/tasks") or answer.status != 200:
            return answer
        return reply(200, json.dumps({"tasks": json.loads(answer.body)["tasks"][::-1]}))

    tenant.bend = bent(turned)
    result = sent_by(tenant, tmp_path, "--rule", "KM-178")
    assert result.exit_code == 1, result.output
    (finding,) = report_of_rules(tmp_path)["findings"]
    assert re.search(r'tasks by position, got \["a[a-z]{2}", "a', finding["what"])


@pytest.mark.parametrize("status", [401, 403])
def test_credentials__of_an_owner_who_may_only_read(tenant: TestTenant, tmp_path: Path, status: int) -> None:
    tenant.bend = bent(lambda request, answer: answer if request.method == "GET" else reply(status, "{}"))
    line = unjudged(sent_by(tenant, tmp_path), tmp_path / "report")
    assert line.endswith(f"the credentials of owner may not write: POST /tasks answered {status}")
    assert [each.method for each in tenant.writes] == ["POST"]


def test_credentials__of_an_owner_who_may_only_read_do_for_rules_that_read(tenant: TestTenant, tmp_path: Path) -> None:
    tenant.bend = bent(lambda request, answer: answer if request.method == "GET" else reply(403, "{}"))
    result = sent_by(tenant, tmp_path, "--rule", "KM-198")
    assert result.exit_code == 0 and tenant.writes == [], result.output


def test_credentials__of_an_owner_who_may_not_remove(tenant: TestTenant, tmp_path: Path) -> None:
    tenant.bend = lambda memory, request, forward: reply(403, "{}") if request.method == "DELETE" else forward(request)
    result = sent_by(tenant, tmp_path)
    assert "the credentials of owner may not remove what they made: DELETE /tasks/" in unjudged(
        result, tmp_path / "report"
    )
    (left,) = report_of_rules(tmp_path)["left_behind"]
    assert left.startswith("tasks ") and "403" in left
    assert len([each for each in tenant.writes if each.method == "POST"]) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_credentials__of_a_reader_who_is_refused(tenant: TestTenant, tmp_path: Path, status: int) -> None:
    tenant.bend = lambda memory, request, forward: (
        reply(status, "{}") if "km_ReadOn1y" in str(request.headers) else forward(request)
    )
    line = unjudged(sent_by(tenant, tmp_path), tmp_path / "report")
    assert line.endswith(f"the credentials of reader are refused: /boards answered {status}")
    assert tenant.writes == []


def test_known__ids_that_are_wrong_are_told_each_on_a_line(tenant: TestTenant, kanman: Vendor, tmp_path: Path) -> None:
    known = {**kanman.known, "task_id": "11111111-1111-4111-8111-111111111111", "board_id": "board 7"}
    result = sent_by(tenant, tmp_path, *RULES, known=known)
    line = unjudged_partly(result)
    assert line == "could not judge: known board_id 'board 7' cannot be right: expected uuid"
    report = report_of_rules(tmp_path)
    task = "known task_id '11111111-1111-4111-8111-111111111111' names nothing: GET /tasks/11111111-"
    assert (
        any(note.startswith(task) for note in report["notes"])
        and line.removeprefix("could not judge: ") in report["notes"]
    )
    assert report["counts"]["broken"] == 0 and report["counts"]["holds"] > 0


def test_known__a_wrong_id_is_told_at_once_and_not_called_missing(
    tenant: TestTenant, kanman: Vendor, tmp_path: Path
) -> None:
    known = {**kanman.known, "task_id": "11111111-1111-4111-8111-111111111111", "board_id": "board 7"}
    result = sent_by(tenant, tmp_path, "--rule", "KM-0*", known=known)
    first = result.stdout.index("known task_id '11111111-1111-4111-8111-111111111111' names nothing")
    assert first < result.stdout.index("rules: ")
    whys = {rule["why"] for rule in report_of_rules(tmp_path)["rules"] if rule["state"] == "not judged"}
    assert whys & {"the known task_id names nothing", "the known board_id cannot be right"}, whys
    assert not [why for why in whys if "task_id among the known" in why or "board_id among the known" in why]


def unjudged_partly(result: Result) -> str:
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line


def test_url__whose_tokens_others_can_read_is_told_first_and_in_the_notes(
    tenant: TestTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = "base_url begins with http://: tokens travel in the clear; is it https://?"
    away = run("--target", "http://proofboard.invalid/v1")
    assert away.exit_code == 2 and warning in away.stdout
    monkeypatch.setattr(tenant_file, "find_clear_text", lambda url: warning)  # no test leaves this machine
    result = sent_by(tenant, tmp_path, *RULES)
    assert result.stdout.index(warning) < result.stdout.index("rules: ")
    assert report_of_rules(tmp_path)["notes"] == [warning]


def test_known__ids_of_records_that_the_owner_may_not_see(tenant: TestTenant, kanman: Vendor, tmp_path: Path) -> None:
    tenant.bend = bent(
        lambda request, answer: reply(403, "{}") if path_of(request) == f"/tasks/{kanman.known['task_id']}" else answer
    )
    line = unjudged_partly(sent_by(tenant, tmp_path, *RULES))
    assert f"known task_id '{kanman.known['task_id']}' cannot be used: GET /tasks/" in line and line.endswith("403")


def away(first: int, last: int) -> Bend:
    """A tenant that takes no request from the first to the last of these."""
    count = 0

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        nonlocal count
        count += 1
        if first <= count <= last:
            raise Dropped
        return forward(request)

    return bend


def test_tenant__that_dies_half_way(tenant: TestTenant, tmp_path: Path) -> None:
    before = {str(record["id"]) for record in tenant.records("tasks")}
    tenant.bend = away(60, 10_000)
    result = sent_by(tenant, tmp_path)
    assert "the target was lost: http://127.0.0.1" in unjudged(result, tmp_path / "report")
    report = report_of_rules(tmp_path)
    assert report["counts"]["holds"] > 0 and report["counts"]["broken"] == 0
    there = {str(record["id"]) for record in tenant.records("tasks")} - before
    assert there
    assert all(any(identity in line for line in report["left_behind"]) for identity in there)


def test_tenant__that_comes_back_after_a_while(tenant: TestTenant, tmp_path: Path) -> None:
    tenant.bend = away(20, 22)
    result = sent_by(tenant, tmp_path, *RULES)
    assert result.exit_code == 0, result.output
    report = report_of_rules(tmp_path)
    assert report["counts"]["broken"] == 0 and report["left_behind"] == []
    assert None in [each.status for each in tenant.log]


def test_tenant__that_breaks_off_whatever_it_is_asked_by_one_method(tenant: TestTenant, tmp_path: Path) -> None:
    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        if request.method == "PATCH":
            raise Dropped
        return forward(request)

    tenant.bend = bend
    updates = [
        rule.id for rule in tenant.vendor.rules.values() if rule.operations == ("updateTask",) and rule.judge != "none"
    ]
    result = sent_by(tenant, tmp_path, "--rule", updates[0])
    assert result.exit_code == 1, result.output
    assert "expected an answer, got none" in report_of_rules(tmp_path)["findings"][0]["what"]


def test_tenant_file__with_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KANMAN_TOKEN", raising=False)
    file = tmp_path / "tenant.toml"
    file.write_text(
        '[kanman]\nbase_url = "x"\n[kanman.credentials.owner]\nheaders = { Authorization = "Bearer ${KANMAN_TOKEN}" }\n'
    )
    result = run("--tenant", str(file))
    assert result.exit_code == 2 and result.stdout == ""
    first, second = result.stderr.splitlines()
    assert f"{file}:2: kanman.base_url is 'x': expected a URL" in first
    assert second.endswith("the environment variable KANMAN_TOKEN is not set")


def test_tenant__whose_texts_no_file_and_no_terminal_can_bear(tenant: TestTenant, tmp_path: Path) -> None:
    hostile = json.dumps("\ud800 \x00 \x1b[2J </script> ]]> \u202e").encode()

    def bend(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        answer = forward(request)
        if request.method != "POST":
            return answer
        return replace(answer, body=re.sub(rb'"label":"[^"]*"', lambda found: b'"label":' + hostile, answer.body))

    tenant.bend = bend
    result = sent_by(tenant, tmp_path, "--rule", "KM-102", "--rule", "KM-106")
    assert result.exit_code == 1, result.output
    assert "\x1b" not in result.output
    assert report_of(result, tmp_path / "report")["findings"]


def test_harness__that_fails_itself_tells_one_line_and_writes_its_reports(
    tenant: TestTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(target: object, *, rules: object, tell: Any) -> list[str]:
        raise KeyError(f"Bearer {TOKEN}\nand more")

    monkeypatch.delenv("PROOFBOARD_DEBUG", raising=False)
    monkeypatch.setattr(preflight, "check", fail)
    line = unjudged(sent_by(tenant, tmp_path, *RULES), tmp_path / "report")
    assert (
        "the harness itself failed: KeyError: 'Bearer $OWNER_TOKEN" in line and "PROOFBOARD_DEBUG=1 shows more" in line
    )


def test_crash__shows_its_traceback_to_those_who_ask(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFBOARD_DEBUG", "1")
    mask = Mask({"owner": {"Authorization": f"Bearer {TOKEN}"}})
    try:
        raise ValueError(f"first {TOKEN}\nsecond")
    except ValueError as error:
        line = crashes.tell(error, mask)
    assert re.fullmatch(r"the harness itself failed: ValueError: first \$OWNER_TOKEN \(test_odd_targets.py:\d+\)", line)
    told = capsys.readouterr().err
    assert told.startswith("Traceback") and "second" in told and TOKEN not in told
