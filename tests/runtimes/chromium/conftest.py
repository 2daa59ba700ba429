"""The runtimes in Chromium, with what all users of micropip_lock have loaded: packaging."""

from __future__ import annotations

import pytest

from tests.support.runner_session import RunnerSession


@pytest.fixture
def page(page: RunnerSession) -> RunnerSession:
    """Pyodide in the main thread of a page."""
    page.load_packages(["packaging"])
    return page


@pytest.fixture
def worker(worker: RunnerSession) -> RunnerSession:
    """Pyodide in a module worker."""
    worker.load_packages(["packaging"])
    return worker
