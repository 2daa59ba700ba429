"""jupyterlite-sphinx hands the options of the addon on, as docs/hosts.md says."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.lite import LiteSite
from tests.support.other_hosts import HowTo, environment, wait_for
from tests.support.runtimes import write_json

from .conftest import Browser, StartProject

SAID = (
    "return document.querySelector('.jp-OutputArea-executeResult "
    ".jp-OutputArea-output')?.textContent.trim()"
)


def test_how_to(start_project: StartProject, browser: Browser, tmp_path: Path) -> None:
    how_to = HowTo.read("jupyterlite-sphinx")
    project = start_project()
    source = project / "source"
    LiteSite(tmp_path / "built").folder.rename(
        source
    )  # static/pyodide, cut down to what the kernel needs
    shutil.move(project / "pyodide-lock.json", source)
    (source / "conf.py").write_text(how_to.block("python"))
    (source / "index.rst").write_text(how_to.block("rst"))
    quick = {"no_sourcemaps": True, "no_unused_shared_packages": True}
    write_json(source / "jupyter_lite_config.json", {"LiteBuildConfig": quick})
    scripts = environment("jupyterlite-sphinx", how_to.release("jupyterlite-sphinx"))
    how_to.run(project, scripts=scripts)
    browser.open(project / "site")
    browser.driver.switch_to.frame(
        wait_for(browser.driver, "return document.querySelector('iframe')")
    )
    assert wait_for(browser.driver, SAID) == "42"
    browser.check_requests("app", "lib")
