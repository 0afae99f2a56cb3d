"""One pytest session with tests of ours in it: collects them, has them judged, and tells what they came to."""

import re
import shutil
import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any, cast

import pytest
from rich.console import Console

from contracts.docket import Progress, Silence
from contracts.findings import Unjudgeable
from contracts.ledger import GRADES
from contracts.pytest_suites import order as orders
from contracts.pytest_suites.cases import Case, Cases
from contracts.pytest_suites.hearing import Hearing
from contracts.pytest_suites.items import SECTION, ContractItem, VendorCollector
from contracts.pytest_suites.order import PREFIX, Order
from contracts.pytest_suites.spreading import Shared
from contracts.pytest_suites.telling import Told
from contracts.report.progress import LiveProgress

_OURS = re.compile(rf"(?:.*/)?({PREFIX}::.*)")
_MARKERS = (
    f"{PREFIX}: a test of a contract",
    *(f"{grade}: judges a rule of this grade" for grade in GRADES),
    "law(name): judges a rule by what holds for every vendor",
    "rule: judges a rule by a function of its own",
    "schema: judges a rule by its places in the document",
    "operation(id): is about this operation",
    "section(name): judges a rule that stands under this heading in the ledger",
)
_NOTHING = "not one test of the contract came to a verdict"


class ContractSession:
    """Our hooks. With pytest-xdist the controller has one, and each worker another with the same order."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._input: dict[str, Any] | None = getattr(config, "workerinput", {}).get(PREFIX)
        self._is_controller = self._input is None and config.getoption("dist", "no") != "no"
        if self._is_controller and config.getoption("dist") == "each":
            raise pytest.UsageError("--dist each would judge the same target once in every process")
        self.order: Order = orders.read(config, self._input["seed"] if self._input else None)
        self.cases = Cases(self.order.vendor, is_spread=self._is_controller or self._input is not None)
        self._named = _take_named(config.args)
        self._selected: list[Case] = []
        self._hearing: Hearing | None = None
        self._folder: Path | None = None
        self._is_spread: bool | None = None
        self._heard = self._judged = 0
        self._notes: list[str] = []
        self._tellings: list[tuple[str, str]] = []
        for marker in _MARKERS:
            config.addinivalue_line("markers", marker)

    def hear(self, case: Case) -> Told:
        """Judge one test."""
        if self._hearing is None:
            self._hearing = Hearing(self.order, self.cases, self._selected, self._progress(), self._shared())
        return self._hearing.hear(case)

    def is_named(self, case: Case) -> bool:
        """Whether the command line names a test, or no test of ours."""
        node = case.node(self.order.vendor.name)
        return not self._named or any(f"{node}::".startswith(f"{name.rstrip(':')}::") for name in self._named)

    # What pytest asks

    def pytest_report_header(self) -> str:
        order = self.order
        return f"{PREFIX}: {order.vendor.title} at {order.where}, profile {order.profile}, seed {order.seed}"

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Our tests are in no file: they stand beside what the session finds in folders."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            node = f"{PREFIX}::{self.order.vendor.name}"
            found = VendorCollector.from_parent(collector, name=node, nodeid=node, contract=self)
            report.result = [*(report.result or ()), found]
        return report

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._selected = [item.case for item in session.items if isinstance(item, ContractItem)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._input is not None or report.when != "call" or not report.nodeid.startswith(f"{PREFIX}::"):
            return
        is_expected = hasattr(report, "wasxfail")
        self._heard += 1
        self._judged += is_expected or not report.skipped
        if is_expected:
            self._tellings += [(report.nodeid, text) for title, text in report.sections if SECTION in title]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Also after -x and Ctrl-C."""
        if self._folder is not None:
            self._shared_folder().finish()
        if self._hearing is not None:
            self._hearing.close()
            self._notes += self._hearing.notes
        if self._input is not None:
            self._config.workeroutput[PREFIX] = self._notes  # type: ignore[attr-defined]  # xdist sets it
        elif self._heard and not self._judged:
            self._notes.append(_NOTHING)
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._tellings and not self._notes:
            return
        terminalreporter.ensure_newline()
        terminalreporter.section(PREFIX)
        for nodeid, text in self._tellings:
            terminalreporter.write_line(nodeid, yellow=True)
            terminalreporter.write_line(f"{text}\n")
        for note in dict.fromkeys(self._notes):
            terminalreporter.write_line(note)

    def pytest_unconfigure(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    # What pytest-xdist asks

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """What every worker has to know."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-"))
            self._is_spread = self._may_spread()
        node.workerinput[PREFIX] = {
            "seed": self.order.seed,
            "folder": str(self._folder),
            "is_spread": self._is_spread,
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._notes += getattr(node, "workeroutput", {}).get(PREFIX, ())

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        from contracts.pytest_suites.scheduling import Spread

        vendor = self.order.vendor.name
        scopes = {case.node(vendor): f"{PREFIX}::{self.cases.scope(case)}" for case in self.cases.all}
        if not self._is_spread:
            scopes = dict.fromkeys(scopes, PREFIX)
        return Spread(config, log, scopes.get, self._shared_folder().finish)

    def _may_spread(self) -> bool:
        """Whether several processes may send at once: to a mock, without a budget or a report of the one run."""
        order = self.order
        if order.is_limited or order.is_read_only or order.report is not None:
            return False
        if order.url is None:
            return True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                target = order.open(Silence())
            except Unjudgeable:
                return False
            try:
                return target.is_mock
            finally:
                target.close()

    def _shared_folder(self) -> Shared:
        assert self._folder is not None
        return Shared(self._folder, "controller", is_spread=bool(self._is_spread))

    def _shared(self) -> Shared | None:
        if self._input is None:
            return None
        process = self._config.workerinput["workerid"]  # type: ignore[attr-defined]  # xdist sets it
        return Shared(Path(self._input["folder"]), process, is_spread=self._input["is_spread"])

    def _progress(self) -> Progress:
        """On a terminal a line that changes, for a tenant is judged in one go; elsewhere nothing."""
        writer = self._config.get_terminal_writer()
        if self._input is not None or self.order.url is None or not writer.hasmarkup:
            return Silence()
        through = cast(IO[str], _Through(writer))  # as much of a file as rich asks for
        return LiveProgress(Console(file=through, force_terminal=True, highlight=False, markup=False))


class _Through:
    """A file that writes where pytest does, past what captures the output of tests."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, text: str) -> int:
        self._writer.write(text, flush=True)
        return len(text)

    def flush(self) -> None:
        self._writer.flush()


def _take_named(arguments: list[str]) -> list[str]:
    """The tests of ours that a command line names, which are taken out of it: they are no files."""
    named = [found[1] for argument in arguments if (found := _OURS.fullmatch(argument))]
    if named:
        arguments[:] = [argument for argument in arguments if not _OURS.fullmatch(argument)]
    return named
