"""A plain page boots from the lock beside it: as docs/hosts.md says, and as examples/page does."""

from __future__ import annotations

import shutil

import pytest

from tests.support import runtimes
from tests.support.other_hosts import HowTo, wait_for

from .conftest import ANSWER, Browser, StartProject

EXAMPLE = runtimes.PROJECT / "examples" / "page"
STATE = (
    "const it = document.getElementById('state').textContent; return it.startsWith('Loading') ? "
    "null : it"
)


def test_how_to(start_project: StartProject, browser: Browser) -> None:
    how_to = HowTo.read("A plain page")
    project = start_project(how_to.release("pyodide"))
    how_to.run(project)
    (project / "site" / "index.html").write_text(how_to.block("html"))
    browser.open(project / "site")
    assert wait_for(browser.driver, ANSWER) == "42"
    browser.check_requests("app", "lib")


def test_example(start_project: StartProject, browser: Browser) -> None:
    how_to = HowTo.read(page="examples/page/README.md")
    project = start_project(how_to.release("pyodide"), wheels=runtimes.real_wheels("rich==15.0.0"))
    shutil.copytree(EXAMPLE, project, dirs_exist_ok=True)
    (project / "pyodide-lock.json").rename(project / "frozen-lock.json")
    how_to.run(project)
    browser.open(project)
    assert wait_for(browser.driver, STATE) == "Done."
    said = browser.driver.execute_script("return document.getElementById('output').textContent")
    assert "rich" in said and "the lock beside the page" in said
    browser.check_requests("rich", "pygments")


def test_the_browser_tells_on_whoever_leaves(browser: Browser, start_project: StartProject) -> None:
    """What all tests here count on."""
    browser.open(start_project())
    for url in ("https://elsewhere.example/file", "http://elsewhere.example/file"):
        browser.driver.execute_script(
            f"return fetch('{url}', {{mode: 'no-cors'}}).catch(() => null)"
        )
    assert browser.outside.asked == ["elsewhere.example:443", "http://elsewhere.example/file"]
    with pytest.raises(AssertionError):
        browser.check_requests()
