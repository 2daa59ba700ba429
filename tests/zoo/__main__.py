"""``python -m tests.zoo`` freezes every case and prints the verdicts;

``--write`` renews docs/evidence.md.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..support.index_server import IndexServer
from ..support.node_pyodide import NodePyodide
from ..support.runtimes import PROJECT
from . import cases, pyodide_cases
from .case import CASES, Case, Verdict
from .pyodide_case import PYODIDE_CASES
from .pyodide_case import verdict as verdict_inside
from .run import page_tables, verdict

assert cases and pyodide_cases  # importing them fills the lists


def main() -> None:
    """Print, or write."""
    if "--write" in sys.argv:
        path = PROJECT / "docs" / "evidence.md"
        path.write_text(page_tables(path.read_text()))
        return
    wrong = 0
    for case, found in _verdicts():
        wrong += found.text != case.verdict
        expected = "" if found.text == case.verdict else f"   (should be: {case.verdict})"
        print(f"{case.title:78}  {found.text}{expected}", flush=True)
    print(f"{len(CASES) + len(PYODIDE_CASES)} cases, {wrong} of them wrong.")
    sys.exit(bool(wrong))


def _verdicts() -> Iterator[tuple[Case, Verdict]]:
    for case in CASES:
        with tempfile.TemporaryDirectory() as place:
            yield case, verdict(case, Path(place))[0]
    with NodePyodide() as session:
        session.use_project()
        for case, build in PYODIDE_CASES:
            with IndexServer() as index:
                yield case, verdict_inside(build, session, index)
            session.reset()


if __name__ == "__main__":
    main()
