"""stlite takes the lock beside the Pyodide that `pyodideUrl` names, as docs/hosts.md says.

Streamlit's native needs are in Pyodide's own distribution only, which this machine cannot reach.
Stand-ins have their names and versions: Streamlit imports none of them before an app does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_0_29
from tests.support.other_hosts import HowTo, npm_package, wait_for
from tests.support.wheels import build_wheel

from .conftest import Browser, StartProject, local_base

VERSION = "0.29.5"
KEPT = ("anyio", "idna", "micropip", "packaging", "sniffio")
REAL = (
    "blinker",
    "itsdangerous",
    "protobuf>=7.34.1,<8",
    "pyodide-http",
    "python-multipart",
    "starlette",
)
STAND_INS = {
    "altair": "6.0.0",
    "fastparquet": "2024.11.0",
    "numpy": "2.2.5",
    "pandas": "2.3.3",
    "pillow": "11.3.0",
}
SSL = "def __getattr__(name):\n    return type(name, (Exception,), {})\n"
SHOWN = "return document.querySelector('h2')?.textContent"


@pytest.fixture
def shop(index: IndexServer) -> Iterator[IndexServer]:
    """An index with all that Streamlit needs, and app."""
    with IndexServer() as server:
        for name, version in STAND_INS.items():
            build_wheel(server.folder, name, version)
        server.add_folder(runtimes.real_wheels(*REAL, platform=PYODIDE_0_29))
        server.add_folder(index.folder)
        yield server


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Of this Pyodide's distribution what it takes here;

    its anyio says that it needs ssl, and the index's does not.
    """
    folder = tmp_path / "base"
    shutil.copytree(runtimes.emptied_base(VERSION, KEPT), folder)
    ssl = build_wheel(folder, "ssl", "1.0.0", files={"ssl.py": SSL})
    lock = runtimes.read_json(folder / "pyodide-lock.json")
    lock["packages"]["ssl"] = runtimes.lock_entry(ssl, imports=["ssl"])
    assert "ssl" in runtimes.base_lock(VERSION)["packages"]["anyio"]["depends"]
    lock["packages"]["anyio"]["depends"].append("ssl")
    runtimes.write_json(folder / "pyodide-lock.json", lock)
    return folder


def test_how_to(
    start_project: StartProject, browser: Browser, shop: IndexServer, base: Path
) -> None:
    how_to = HowTo.read("stlite")
    stlite = npm_package("@stlite/browser", how_to.release("@stlite/browser"))
    project = start_project(how_to.release("pyodide"), modules={"@stlite/browser": stlite})
    how_to.run(project, local_base(VERSION, base), PIP_INDEX_URL=shop.url)
    (project / "site" / "index.html").write_text(how_to.block("html"))
    shop.reset()
    browser.open(project / "site")
    assert wait_for(browser.driver, SHOWN, timeout=30) == "The answer is 42"
    browser.check_requests("app", "lib", "numpy", "starlette", "streamlit")
    assert shop.requests == []
