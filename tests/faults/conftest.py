"""What becomes of each cell is compared with docs/faults.md, and told as a table at the end of the
run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .matrix import Matrix
from .scene import scene
from .table import documented, summary, tables
from .victim import victim

RecordCell = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with scene(tmp_path_factory.mktemp("faults")) as made, victim() as process:
        yield Matrix(made, process)


@pytest.fixture
def record_cell(record_property: Callable[[str, object], None]) -> RecordCell:
    """Tell what became of a fault in a column:

    as the page says, or the page has to be written anew.
    """

    def record(fault: str, column: str, found: str) -> None:
        record_property("cell", [fault, column, found])
        assert found == documented().get((fault, column)), (
            "python -m tests.faults --write renews docs/faults.md"
        )

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of the cells that ran, wherever they did;

    once, even where another conftest has this hook, too.
    """
    if getattr(terminalreporter, "told_of_faults", False):
        return
    terminalreporter.told_of_faults = True  # type: ignore[attr-defined]  # a note of ours
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = [getattr(report, "user_properties", ()) for report in reports]
    cells = {
        (value[0], value[1]): value[2] for items in told for name, value in items if name == "cell"
    }
    if cells:
        terminalreporter.section("faults")
        for table in tables(cells):
            terminalreporter.write_line(table)
        terminalreporter.write_line(summary(cells))
