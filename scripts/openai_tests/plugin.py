"""pytest plugin: starts and seeds a server for the official client's tests, and counts those that pass."""

import os
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from .exceptions import EXPECTED
from .seeds import Seeds
from .server import ServerUnderTest
from .table import Outcome, place_of, table, write_between_marks

NAME = "openai-tests"


class Conformance:
    """The server, its seeds, and how the tests went."""

    def __init__(self, finetable: Path, page: Path | None) -> None:
        self._folder = TemporaryDirectory(prefix="finetable-", ignore_cleanup_errors=True)
        self.server = ServerUnderTest(finetable, Path(self._folder.name))
        trained = self.server.train()
        self.server.start()
        self._seeds = Seeds(self.server, trained)
        self._page = page
        self._outcomes: dict[str, Outcome] = {}

    @pytest.fixture(autouse=True)
    def seeded(self, request: pytest.FixtureRequest) -> Generator[None]:
        """What the test takes for granted is there."""
        self._seeds.sow(request.node.originalname)
        yield
        self._seeds.reap()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark the exceptions; one that names no test is refused."""
        places = {item: place_of(item.nodeid) for item in items}
        for expected in EXPECTED:
            named = [item for item, place in places.items() if expected.covers(*place)]
            missing = set(expected.tests) - {places[item][1] for item in named}
            if missing and self._page is not None:
                raise pytest.UsageError(f"There is no such test of {expected.resource}: {missing}.")
            mark = pytest.mark.xfail(raises=expected.faults, reason=expected.reason, strict=True)
            for item in named:
                item.add_marker(mark)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test; what fails before or after it is its failure too."""
        if report.outcome == "failed":
            self._outcomes[report.nodeid] = "failed"
        elif report.when == "call":
            excepted = report.outcome == "skipped" and hasattr(report, "wasxfail")
            self._outcomes[report.nodeid] = "excepted" if excepted else "passed"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, and write it where it is to stand."""
        content = table(self._outcomes)
        terminalreporter.write_line(f"\n{content}\n")
        if self._page is not None:
            write_between_marks(self._page, content)

    def pytest_unconfigure(self) -> None:
        """End the server."""
        self.server.stop()
        self._seeds.close()
        self._folder.cleanup()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the server's command is, and the page for the table."""
    group = parser.getgroup("finetable")
    group.addoption("--finetable", type=Path, required=True, help="the `finetable` command")
    group.addoption("--page", type=Path, help="page to write the table into; all tests must run")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the server before the tests' conftest.py reads where it is."""
    options = early_config.known_args_namespace
    conformance = Conformance(options.finetable, options.page)
    os.environ["TEST_API_BASE_URL"] = conformance.server.address
    early_config.pluginmanager.register(conformance, NAME)
