"""``python -m tests.faults`` runs the matrix and prints the tables; ``--write`` renews
docs/faults.md.

``--detailed`` prints every cell with the codes of its problems, and what kind of URL they were met
at.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..support.node_pyodide import NodePyodide
from ..support.session import PyodideSession
from ..support.site_server import pyodide_site
from .inside import INSIDE_FAULTS, PLACES, inside
from .matrix import FAULTS, Matrix
from .operations import OPERATIONS
from .scene import scene
from .server import FaultyIndex
from .table import short, summary, tables, write
from .victim import victim


def main() -> None:
    """Run, and print or write."""
    cells = {}
    with tempfile.TemporaryDirectory() as place:
        for fault, column, found in (*_host(Path(place) / "host"), *_inside(Path(place))):
            cells[fault, column] = short(found)
            if "--detailed" in sys.argv:
                print(f"{column:18} {fault:18} {found}", flush=True)
    if "--write" in sys.argv:
        write(cells)
    print(*tables(cells), summary(cells), sep="\n")


def _host(root: Path) -> Iterator[tuple[str, str, str]]:
    with scene(root) as made, victim() as process:
        matrix = Matrix(made, process)
        for operation in OPERATIONS:
            for fault in FAULTS:
                yield fault.name, operation.name, matrix.outcome(operation, fault)


def _inside(root: Path) -> Iterator[tuple[str, str, str]]:
    with FaultyIndex(root / "index", "127.0.0.1") as index:
        for place in PLACES:
            with _session(place) as session:
                session.use_project()
                running = inside(session, place, root / place, index)
                for fault in INSIDE_FAULTS:
                    yield fault.name, place, running.outcome(fault)


@contextmanager
def _session(place: str) -> Iterator[PyodideSession]:
    if place.startswith("node"):
        with NodePyodide() as session:
            yield session
        return
    from ..support.chromium import ChromiumPyodide, start_chromium

    with pyodide_site() as site:
        driver = start_chromium()
        try:
            with ChromiumPyodide(driver, site, worker=place.startswith("worker")) as session:
                yield session
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
