"""PyScript takes the lock beside the Pyodide that `interpreter` names, as docs/hosts.md says."""

from __future__ import annotations

from tests.support.other_hosts import HowTo, npm_package, wait_for

from .conftest import ANSWER, Browser, StartProject


def test_how_to(start_project: StartProject, browser: Browser) -> None:
    how_to = HowTo.read("PyScript")
    core = npm_package("@pyscript/core", how_to.release("@pyscript/core"))
    project = start_project(how_to.release("pyodide"), modules={"@pyscript/core": core})
    how_to.run(project)
    (project / "site" / "index.html").write_text(how_to.block("html"))
    browser.open(project / "site")
    assert wait_for(browser.driver, ANSWER) == "42"
    browser.check_requests("app", "lib")
    # No micropip was needed, and none was asked what to install.
    assert not [path for path in browser.site.paths() if "micropip" in path]
