"""The shared runtimes in Chromium, with what everybody has loaded who uses micropip_lock:

packaging.
"""

from __future__ import annotations

import pytest

from tests.support.session import PyodideSession


@pytest.fixture
def main_thread(chromium_main: PyodideSession) -> PyodideSession:
    """Pyodide in the main thread of a page."""
    chromium_main.load_packages(["packaging"])
    return chromium_main


@pytest.fixture
def worker(chromium_worker: PyodideSession) -> PyodideSession:
    """Pyodide in a module web worker."""
    chromium_worker.load_packages(["packaging"])
    return chromium_worker


@pytest.fixture(params=["main_thread", "worker"])
def browser(request: pytest.FixtureRequest) -> PyodideSession:
    """Both, one after the other."""
    session: PyodideSession = request.getfixturevalue(request.param)
    return session
