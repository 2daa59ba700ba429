"""Fixtures for all tests: a machine without settings, indexes on loopback, real Pyodide runtimes.

What runs in the newest Pyodide runs through pytest-pyodide: ``selenium`` and ``selenium_worker``
are its runners, ``pyodide314``, ``page`` and ``worker`` the same with the helpers of tests/support.
Our own runtimes are for the older lines (``pyodide``) and what else pytest-pyodide cannot do.

Tests share one runtime of each kind, and get it as it was after the boot. A test that needs another
lock or boot option takes ``fresh_pyodide`` or ``fresh_chromium``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from pytest_pyodide.fixture import selenium_context_manager
from pytest_pyodide.hook import pytest_wrapper

from tests.faults.conftest import pytest_terminal_summary  # noqa: F401  # the table of faults, at the end of any run
from tests.support import installed, runtimes
from tests.support.index_server import IndexServer
from tests.support.node_pyodide import NodePyodide
from tests.support.session import PyodideSession
from tests.support.site_server import SiteServer, pyodide_site

if TYPE_CHECKING:  # Selenium is slow to import, and few tests want it
    from pytest_pyodide.runner import _BrowserBaseRunner as Runner

    from tests.support.chromium import ChromiumPyodide
    from tests.support.runner_session import RunnerSession

# The same examples in every run: what is red for one is red for all. Others are looked for by
# command: HYPOTHESIS_PROFILE=default python -m pytest tests/...
settings.register_profile("same-examples", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same-examples"))

#: Folders whose files take longest: they begin first, so that at the end no worker waits for
#: another.
_SLOW = (
    "tests/runtimes/chromium/",
    "tests/runtimes/node/",
    "tests/runtimes/pages/",
    "tests/runtimes/jupyterlite/",
    "tests/zoo/",
    "tests/runtimes/pyodide_venv/",
    "tests/resolve/",
    "tests/faults/",
    "tests/indexes/",
)
#: Whose tests share runtimes: one worker has all of them, else each would boot the same.
_TOGETHER = {
    "tests/runtimes/chromium/": "the runtimes in chrome",
    "tests/runtimes/node/": "the runtimes in node",
    "tests/support/test_session.py": "the runtimes in node",
    "tests/zoo/test_zoo.py::test_in_pyodide": "the runtimes in node",
}
#: What Node has not.
_IN_BROWSER = {"page", "worker", "browser"}
#: Tests of pytest-pyodide by their --runtime.
_IN_RUNTIME = re.compile(r"tests/(?:runtimes|faults|support)/.*[\[-](node|chrome)[\]-]")

SharedRunners = Callable[[str, bool], "RunnerSession"]
SharedPyodide = Callable[[str, Callable[[], PyodideSession]], PyodideSession]
MakeFolder = Callable[[str], Path]


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Give pytest-pyodide's runtimes an order: it has a set, and all workers need the same."""
    pytest_wrapper.pyodide_runtimes = sorted(pytest_wrapper.pyodide_runtimes)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first; within a file nothing moves."""

    def rank(item: pytest.Item) -> int:
        return next(
            (rank for rank, start in enumerate(_SLOW) if item.nodeid.startswith(start)), len(_SLOW)
        )

    items.sort(key=rank)
    removed = [item for item in items if _cannot_run(item)]
    items[:] = [item for item in items if item not in removed]
    if removed:
        removed[0].config.hook.pytest_deselected(items=removed)


def _cannot_run(item: pytest.Item) -> bool:
    """Whether a test is for another --runtime than it would get.

    pytest-pyodide would skip it, and a skipped test looks like one that should have run.
    """
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    runtime = parameters.get("runtime")
    if "running" in parameters:  # a place in tests/faults
        return runtime != ("node" if parameters["running"].startswith("node") else "chrome")
    return runtime == "node" and not _IN_BROWSER.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What --dist loadfile does, and what belongs together stays in one worker."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if match := _IN_RUNTIME.match(nodeid):
                return f"the runtimes in {match[1]}"
            found = [unit for start, unit in _TOGETHER.items() if nodeid.startswith(start)]
            return found[0] if found else super()._split_scope(nodeid)

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> MakeFolder:
    """Makes empty folders. So does tmp_path_factory, but it reads the names of the thousands that
    it made before.
    """
    root, numbers = tmp_path_factory.mktemp("folders"), itertools.count()

    def make(name: str) -> Path:
        folder = root / f"{name}{next(numbers)}"
        folder.mkdir()
        return folder

    return make


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, make_folder: MakeFolder) -> Path:
    """What pytest's own is."""
    return make_folder(re.sub(r"\W", "_", request.node.name)[:30])


@pytest.fixture(autouse=True)
def _hermetic(monkeypatch: pytest.MonkeyPatch, make_folder: MakeFolder) -> None:
    """No setting of pip, uv or an active environment, and an empty cache, for every test."""
    clean = installed.clean_environment() | {"XDG_CACHE_HOME": str(make_folder("cache"))}
    for name in set(os.environ) - set(clean):
        monkeypatch.delenv(name)
    for name, value in clean.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)


@pytest.fixture
def index() -> Iterator[IndexServer]:
    """An empty index on loopback."""
    with IndexServer() as server:
        yield server


@pytest.fixture
def other_index() -> Iterator[IndexServer]:
    """A second, empty index."""
    with IndexServer() as server:
        yield server


@contextlib.contextmanager
def _pool() -> Iterator[SharedPyodide]:
    """Booted runtimes by name; one that died is booted anew."""
    running: dict[str, PyodideSession] = {}

    def take(name: str, boot: Callable[[], PyodideSession]) -> PyodideSession:
        if name in running and running[name].alive:
            running[name].reset()
            return running[name]
        if name in running:
            running.pop(name).close()
        running[name] = boot()
        running[name].use_project()
        return running[name]

    try:
        yield take
    finally:
        for session in running.values():
            session.close()


@pytest.fixture(scope="session")
def shared_pyodide() -> Iterator[SharedPyodide]:
    """The runtimes in Node."""
    with _pool() as take:
        yield take


@pytest.fixture(params=runtimes.VERSIONS)
def pyodide(request: pytest.FixtureRequest, shared_pyodide: SharedPyodide) -> PyodideSession:
    """Each supported Pyodide in Node, one after the other, with micropip_lock importable."""
    return shared_pyodide(request.param, lambda: NodePyodide(request.param))


@pytest.fixture(scope="session")
def shared_runners(request: pytest.FixtureRequest, site: SiteServer) -> Iterator[SharedRunners]:
    """The newest Pyodide as pytest-pyodide boots it: in Node, in a page, in a worker of one."""
    from tests.support.runner_session import RunnerSession

    with _pool() as take:

        def running(runtime: str, worker: bool) -> RunnerSession:
            name = f"{runtime} {worker}"
            session = take(name, lambda: RunnerSession(request, site, runtime, worker))
            assert isinstance(session, RunnerSession)
            return session

        yield running


@pytest.fixture
def selenium_standalone(request: pytest.FixtureRequest, runtime: str) -> Iterator[Runner]:
    """What pytest-pyodide's own is, with this machine's Chromium: without micropip_lock."""
    from tests.support.runner_session import booted

    with booted(request, runtime, worker=False) as runner:
        yield runner


@pytest.fixture
def pyodide314(shared_runners: SharedRunners, runtime: str) -> RunnerSession:
    """The newest Pyodide in each --runtime, with micropip_lock importable."""
    return shared_runners(runtime, False)


@pytest.fixture
def page(pyodide314: RunnerSession) -> RunnerSession:
    """The newest Pyodide in the main thread of a page, with --runtime chrome."""
    return pyodide314


@pytest.fixture
def worker(shared_runners: SharedRunners, runtime: str) -> RunnerSession:
    """The newest Pyodide in a module worker, with --runtime chrome."""
    return shared_runners(runtime, True)


@pytest.fixture
def selenium(pyodide314: RunnerSession) -> Iterator[Runner]:
    """What pytest-pyodide's own is, but all modules share one, and micropip_lock is importable."""
    with selenium_context_manager(pyodide314.runner) as runner:
        yield runner


@pytest.fixture
def selenium_worker(worker: RunnerSession) -> Iterator[Runner]:
    """The same in a module worker."""
    with selenium_context_manager(worker.runner) as runner:
        yield runner


@pytest.fixture(params=["page", "worker"])
def browser(request: pytest.FixtureRequest, runtime: str) -> RunnerSession:
    """Both, one after the other."""
    session: RunnerSession = request.getfixturevalue(request.param)
    return session


@pytest.fixture
def node314(shared_pyodide: SharedPyodide) -> PyodideSession:
    """The newest Pyodide in our own Node, for tests that show it folders of this machine."""
    return shared_pyodide(runtimes.NEWEST, NodePyodide)


@pytest.fixture
def pyodide314_jspi(shared_pyodide: SharedPyodide) -> PyodideSession:
    """The same with stack switching, so that run_sync works."""
    return shared_pyodide("jspi", lambda: NodePyodide(jspi=True))


@pytest.fixture
def fresh_pyodide() -> Iterator[Callable[..., NodePyodide]]:
    """Boots a Pyodide in Node for this test alone; takes NodePyodide's arguments."""
    with contextlib.ExitStack() as stack:

        def boot(*arguments: Any, **options: Any) -> NodePyodide:
            session = stack.enter_context(NodePyodide(*arguments, **options))
            session.use_project()
            return session

        yield boot


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Selenium's driver of a Chromium; without Chromium the tests that want it fail."""
    from tests.support.chromium import start_chromium

    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def site() -> Iterator[SiteServer]:
    """The web site that the pages of the browser tests come from."""
    with pyodide_site() as server:
        yield server


@pytest.fixture
def fresh_chromium(chromium: Any, site: SiteServer) -> Iterator[Callable[..., ChromiumPyodide]]:
    """Boots a Pyodide in a page of its own; takes ChromiumPyodide's keyword arguments."""
    from tests.support.chromium import ChromiumPyodide

    with contextlib.ExitStack() as stack:

        def boot(**options: Any) -> ChromiumPyodide:
            session = stack.enter_context(ChromiumPyodide(chromium, site, **options))
            session.use_project()
            return session

        yield boot
