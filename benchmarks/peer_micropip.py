"""micropip in Pyodide, in Node: ``PINS INDEX OUT`` installs what a file lists, and freezes it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.node_pyodide import NodePyodide

_CODE = """
import json, micropip
from time import perf_counter
start = perf_counter()
await micropip.install({requirements!r}, index_urls={index!r})
installed = perf_counter()
lock = micropip.freeze()
json.dumps({{"install": installed - start, "freeze": perf_counter() - installed, "lock": json.loads(lock)}})
"""


def main() -> None:
    """Do it in one runtime."""
    pins, index, out = sys.argv[1:]
    requirements = Path(pins).read_text().split()
    with NodePyodide(timeout=280) as session:
        session.load_packages(["micropip"])
        said = session.run(
            _CODE.format(requirements=requirements, index=index.rstrip("/")), fresh=True
        )
    Path(out).write_text(said)


if __name__ == "__main__":
    main()
