"""An exported marimo notebook takes the lock and the Pyodide that its page names, as docs/hosts.md
says.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_314
from tests.support.other_hosts import HowTo, environment, wait_for
from tests.support.wheels import build_wheel

from .conftest import Browser, StartProject, local_base

VERSION = "314.0.0"
SAID = "return document.body.innerText.match(/The answer is \\d+/)?.[0]"


@pytest.fixture
def shop(index: IndexServer) -> Iterator[IndexServer]:
    """An index with marimo and what it needs, and app.

    Of PyYAML it has what is written in Python, which is enough.
    """
    with IndexServer() as server:
        server.add(*runtimes.real_wheels("marimo-base==0.25.2").glob("*-none-any.whl"))
        server.add_folder(
            runtimes.real_wheels("msgspec==0.22.0", "pyodide-http", platform=PYODIDE_314)
        )
        server.add_folder(
            runtimes.real_wheels("ruff==0.15.18")
        )  # the export runs it, to find a notebook's own modules
        server.add_folder(index.folder)
        (yaml,) = runtimes.real_wheels("pyyaml==6.0.3").glob("*.whl")
        with zipfile.ZipFile(yaml) as archive:
            files = {
                name: archive.read(name) for name in archive.namelist() if name.endswith(".py")
            }
        build_wheel(server.folder, "pyyaml", "6.0.3", files=files)
        yield server


def test_how_to(start_project: StartProject, browser: Browser, shop: IndexServer) -> None:
    how_to = HowTo.read("marimo")
    project = start_project(how_to.release("pyodide"))
    (project / "notebook.py").write_text(how_to.block("python"))
    local = local_base(VERSION, runtimes.emptied_base(VERSION))
    scripts = environment("marimo", how_to.release("marimo"))
    how_to.run(project, local, scripts=scripts, PIP_INDEX_URL=shop.url, UV_DEFAULT_INDEX=shop.url)
    shop.reset()
    browser.open(project / "site")
    assert wait_for(browser.driver, SAID) == "The answer is 42"
    browser.check_requests("app", "lib", "marimo_base", "msgspec")
    assert shop.requests == []
