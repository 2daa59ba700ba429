"""examples/notebook.ipynb, run from top to bottom in a JupyterLite that reaches nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import runtimes
from tests.support.lite import LiteSite, run_notebook
from tests.support.other_hosts import Outside
from tests.support.own_wheel import build_own_wheel
from tests.support.site_server import SiteServer

NOTEBOOK = runtimes.PROJECT / "examples" / "notebook.ipynb"


def test_example(chromium: Any, outside: Outside, tmp_path: Path) -> None:
    lite = LiteSite(tmp_path)
    lite.add_wheel(build_own_wheel(tmp_path))
    for name in ("rich==15.0.0", "jaraco.functools==4.6.0"):
        for wheel in runtimes.real_wheels(name).glob("*.whl"):
            lite.add_wheel(wheel)
    lite.build()
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    lite.add_notebook(NOTEBOOK.name, ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"])
    outside.asked.clear()
    with SiteServer({"/deep/": lite.output}) as site:
        said = run_notebook(chromium, f"{site.root}/deep", NOTEBOOK.name)
    _, frozen, written, enabled, bundled = said
    assert "packages locked: no request." in frozen
    assert written == ""
    assert enabled.endswith("['jaraco-functools', 'rich']")
    assert "wrote /tmp/bundle.zip" in bundled
    assert outside.asked == []
