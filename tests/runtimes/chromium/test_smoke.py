"""Real Chromium boots Pyodide from loopback, in the main thread and in a worker, and installs from
loopback.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.support import runtimes
from tests.support.chromium import ChromiumPyodide
from tests.support.index_server import IndexServer
from tests.support.session import PyodideSession
from tests.support.wheels import build_wheel


def test_micropip_installs_from_loopback(browser: PyodideSession, index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0")
    browser.install("demo", index_url=index.url)
    assert browser.run("import demo; demo.__version__") == "1.0"
    assert browser.run("import sys; sys.platform") == "emscripten"


def test_project_is_importable(browser: PyodideSession) -> None:
    assert browser.run("import micropip_lock; micropip_lock.__name__") == "micropip_lock"


def test_worker_has_synchronous_xhr(worker: PyodideSession, index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0")
    code = f"""
    from js import XMLHttpRequest
    request = XMLHttpRequest.new()
    request.open("GET", "{index.url}/demo/", False)
    request.send()
    request.status
    """
    assert worker.run(code, sync=True) == 200


def test_browser_enforces_the_hash(
    fresh_chromium: Callable[..., ChromiumPyodide], index: IndexServer
) -> None:
    lock = runtimes.read_json(runtimes.emptied_base(runtimes.VERSIONS[-1]) / "pyodide-lock.json")
    right = build_wheel(index.folder, "right", "1.0")
    wrong = build_wheel(index.folder, "wrong", "1.0")
    lock["packages"]["right"] = runtimes.lock_entry(right, index.add(right))
    lock["packages"]["wrong"] = runtimes.lock_entry(wrong, index.add(wrong)) | {"sha256": "0" * 64}
    page = fresh_chromium(lock=lock)
    assert [package["name"] for package in page.load_packages(["right"])] == ["right"]
    assert page.load_packages(["wrong"]) == []
