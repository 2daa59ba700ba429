"""Once in Chromium through pytest-pyodide, the way projects for Pyodide run their tests.

In a pytest of its own: which runtimes pytest-pyodide tests, and the folder it serves them from, are
options of the whole run, and its ``runtime`` fixture would parametrise by them all else that is
collected.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.own_wheel import build_own_wheel
from tests.support.wheels import build_wheel, sha256

NEWEST = runtimes.VERSIONS[-1]
CONFTEST = """
from pytest_pyodide import get_global_config

flags = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"]
get_global_config().set_flags("chrome", ["--js-flags=--expose-gc", *flags, "--disable-sync", "--no-first-run"])
"""


def make_distribution(folder: Path) -> Path:
    """A folder as Pyodide's releases are, with a lock that lists only the wheels that are there."""
    folder.mkdir()
    for source in (runtimes.runtime(NEWEST), runtimes.emptied_base(NEWEST)):
        for file in source.iterdir():
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
    return folder


def test_freeze_in_chrome(index: IndexServer, tmp_path: Path) -> None:
    demo = build_wheel(index.folder, "demo", "1.0", files={"demo/__init__.py": ""})
    index.add(build_own_wheel(tmp_path))
    distribution = make_distribution(tmp_path / "distribution")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    shutil.copyfile(Path(__file__).with_name("in_pytest_pyodide.py"), tmp_path / "test_inner.py")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-c",
        "pytest.ini",
    ]
    command += ["--runtime", "chrome-no-host", "--dist-dir", str(distribution), "test_inner.py"]
    # Selenium looks for no driver, and for no browser, anywhere but on this machine.
    driver = {
        "SE_CHROMEDRIVER": shutil.which("chromedriver") or "",
        "SE_OFFLINE": "true",
        "SE_AVOID_STATS": "true",
    }
    unproxied = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    environment = {**unproxied, **driver, "INDEX_URL": index.url, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    lock = json.loads((tmp_path / "frozen.json").read_text())
    assert set(lock["packages"]) == {"demo", "micropip", "packaging"}
    assert lock["packages"]["demo"]["sha256"] == sha256(demo)
    assert lock["packages"]["demo"]["imports"] == ["demo"]
    assert index.wheel_downloads == 2
