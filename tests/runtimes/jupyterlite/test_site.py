"""The example of docs/jupyterlite.md in Chromium, where nothing but loopback can be reached."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.lite import LiteSite, comm_wheel, run_in_repl
from tests.support.site_server import SiteServer


def test_the_example(chromium: Any, index: IndexServer, tmp_path: Path) -> None:
    lite = LiteSite(tmp_path, comm=False)
    shutil.copytree(runtimes.PROJECT / "examples" / "jupyterlite", lite.folder, dirs_exist_ok=True)
    index.add(comm_wheel())
    built = lite.python("build.py", "--index-url", index.url, "--output-dir", str(lite.output))
    assert built.returncode == 0, built.stdout
    index.reset()
    with SiteServer({"/": lite.output}) as site:
        assert (
            run_in_repl(chromium, site.root, "import rich.text; rich.text.Text('seen').plain")
            == "'seen'"
        )
    assert index.requests == []
    # The lock is made once.
    lock = (lite.folder / "pyodide-lock.json").read_bytes()
    assert lite.python("build.py", "--output-dir", str(lite.output)).returncode == 0
    assert (lite.folder / "pyodide-lock.json").read_bytes() == lock and index.requests == []
