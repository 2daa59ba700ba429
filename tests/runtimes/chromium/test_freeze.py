"""freeze() in Chromium, in the main thread of a page and in a worker;

indexes and files are on other origins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.chromium import ChromiumPyodide
from tests.support.index_server import IndexServer
from tests.support.inside import freeze, problems, unlockable
from tests.support.replies import Fault
from tests.support.runner_session import RunnerSession
from tests.support.session import PyodideError
from tests.support.site_server import SiteServer
from tests.support.wheels import build_wheel, sha256


@pytest.fixture
def demo(index: IndexServer) -> Path:
    """A wheel that is larger than what a look at its tail takes."""
    files = {f"demo/part_{number}.py": f"value = {number}\n" * 500 for number in range(60)}
    return build_wheel(
        index.folder,
        "demo",
        "1.0",
        files={**files, "demo/__init__.py": ""},
        requires=["helper"],
        stored=True,
    )


@pytest.fixture
def helper(index: IndexServer) -> Path:
    """What the other one needs."""
    return build_wheel(index.folder, "helper", "2.0")


@pytest.fixture
def second() -> Iterator[IndexServer]:
    """Another empty index on loopback."""
    with IndexServer() as server:
        yield server


def test_what_micropip_installed_needs_no_request(
    browser: RunnerSession, index: IndexServer, demo: Path, helper: Path
) -> None:
    browser.install("demo", index_url=index.url)
    index.reset()
    served = browser.served()
    assert served  # what the boot took
    frozen = freeze(browser)
    assert freeze(browser).text == frozen.text
    assert freeze(browser, sync=True).text == frozen.text
    assert index.requests == []
    assert browser.served() == served
    assert frozen.totals["requests"] == 0
    assert set(frozen.packages) == {"demo", "helper", "micropip", "packaging"}
    assert frozen.entry("demo")["sha256"] == sha256(demo)
    assert frozen.entry("demo")["file_name"] == index.file_url(demo.name)
    assert frozen.entry("helper")["sha256"] == sha256(helper)
    # The base's names are relative to a lock on this site: now they say where, and that it is
    # nowhere else.
    for name in ("micropip", "packaging"):
        assert frozen.entry(name)["file_name"].startswith(f"{browser.base_url}/{name}-")
        assert frozen.warnings_of(name) == {"not-portable"}


def test_proof_needs_no_preflight(
    browser: RunnerSession, index: IndexServer, demo: Path, helper: Path
) -> None:
    browser.load_packages([index.file_url(demo.name), index.file_url(helper.name)])
    index.reset()
    frozen = freeze(browser, index_urls=index.url)
    assert frozen.proofs["demo"] == frozen.proofs["helper"] == ("pyodide-source", "content")
    assert (frozen.entry("demo")["sha256"], frozen.entry("helper")["sha256"]) == (
        sha256(demo),
        sha256(helper),
    )
    assert frozen.entry("demo")["depends"] == ["helper"]
    assert index.paths("OPTIONS") == []
    assert frozen.totals["requests"] == len(index.requests)
    assert not [path for path in whole_downloads(index) if "demo" in path]
    assert all(
        request.range.startswith("bytes=") and request.range[6] != "-"
        for request in index.requests
        if request.range
    )


def whole_downloads(index: IndexServer) -> list[str]:
    """The wheels that went over the wire whole."""
    return [request.path for request in index.requests if request.is_wheel_download]


def test_proof_from_servers_that_say_little(
    browser: RunnerSession, index: IndexServer, demo: Path, helper: Path
) -> None:
    """HTML without sizes: the size of the wheel has to be asked for."""
    browser.load_packages([index.file_url(demo.name), index.file_url(helper.name)])
    index.json, index.size, index.core_metadata = False, False, "off"
    index.reset()
    frozen = freeze(browser, index_urls=index.url)
    assert frozen.proofs["demo"] == ("pyodide-source", "content")
    assert index.paths("OPTIONS") == []
    assert not [path for path in whole_downloads(index) if "demo" in path]


def test_synchronous_requests_of_a_worker(
    worker: RunnerSession, index: IndexServer, demo: Path, helper: Path
) -> None:
    worker.load_packages([index.file_url(demo.name), index.file_url(helper.name)])
    awaited = freeze(worker, index_urls=index.url)
    index.reset()
    frozen = freeze(worker, sync=True, index_urls=index.url)
    assert frozen.text == awaited.text
    assert frozen.proofs == awaited.proofs
    assert index.paths("OPTIONS") == []
    assert not [path for path in whole_downloads(index) if "demo" in path]


def test_main_thread_cannot_wait(
    page: RunnerSession, index: IndexServer, demo: Path, helper: Path
) -> None:
    page.load_packages([index.file_url(demo.name), index.file_url(helper.name)])
    with pytest.raises(PyodideError, match=r"await micropip_lock\.freeze\(\)") as caught:
        freeze(page, sync=True, index_urls=index.url)
    assert caught.value.kind == "SuspensionError"


def test_main_thread_can_switch_stacks(
    page: RunnerSession, index: IndexServer, demo: Path, helper: Path
) -> None:
    page.load_packages([index.file_url(demo.name), index.file_url(helper.name)])
    awaited = freeze(page, index_urls=index.url)
    code = f"""
    import micropip_lock
    from pyodide.ffi import can_run_sync
    [can_run_sync(), micropip_lock.freeze_sync(index_urls={index.url!r}).to_json()]
    """
    assert page.run(code) == [True, awaited.text]


def test_index_without_cors(
    browser: RunnerSession, index: IndexServer, demo: Path, helper: Path
) -> None:
    browser.load_packages([index.file_url(demo.name), index.file_url(helper.name)])
    index.cors = False
    error = unlockable(browser, index_urls=index.url)
    assert error.codes == {"demo": "unreachable", "helper": "unreachable"}
    for problem in error.problems:
        assert "CORS" in problem["message"] + problem["hint"]


def test_files_without_cors(
    browser: RunnerSession, index: IndexServer, second: IndexServer, demo: Path
) -> None:
    elsewhere = build_wheel(second.folder, "elsewhere", "1.0")
    browser.load_packages([second.file_url(elsewhere.name)])
    second.cors = False
    index.add(elsewhere)
    index.files_root = second.root
    assert problems(browser, index_urls=index.url) == {"elsewhere": "unreachable"}


def test_missing_files_look_like_no_answer(
    browser: RunnerSession, index: IndexServer, demo: Path
) -> None:
    """A 404 without CORS headers cannot be told from no answer at all;

    a page has to say so, and not hang.
    """
    browser.load_packages([index.file_url(demo.name)])
    index.cors_on_error = False
    index.faults["/files/"] = Fault("status", status=404)
    build_wheel(index.folder, "helper", "2.0")
    error = unlockable(browser, index_urls=index.url, allow_broken=True)
    assert error.codes == {"demo": "unreachable"}


def test_boots_from_the_frozen_lock(
    page: RunnerSession,
    fresh_chromium: Callable[..., ChromiumPyodide],
    index: IndexServer,
    site: SiteServer,
    demo: Path,
    helper: Path,
    tmp_path: Path,
) -> None:
    """By its contents in a page and by its URL in a worker;

    here the runtime compares the hashes itself.
    """
    page.install("demo", index_url=index.url)
    frozen = freeze(page)
    (tmp_path / "pyodide-lock.json").write_text(frozen.text)
    site.folders["/frozen/"] = tmp_path
    options = ({"lock": frozen.lock}, {"lock_url": "/frozen/pyodide-lock.json", "worker": True})
    for booted in (fresh_chromium(**told) for told in options):
        index.reset()
        loaded = booted.load_packages_from_imports("import demo.part_1")
        assert {package["name"] for package in loaded} == {"demo", "helper"}
        assert booted.run("import demo.part_1, helper\ndemo.part_1.value") == 1
        assert set(whole_downloads(index)) <= {f"/files/{wheel.name}" for wheel in (demo, helper)}
        # The same lock again: its base is the lock now.
        booted.load_packages(["micropip", "packaging"])
        again = freeze(booted)
        assert again.packages == frozen.packages
        assert {proof for _, proof in again.proofs.values()} == {"base"}


def test_the_runtime_refuses_what_changed(
    page: RunnerSession,
    fresh_chromium: Callable[..., ChromiumPyodide],
    index: IndexServer,
    helper: Path,
) -> None:
    page.install("helper", index_url=index.url)
    frozen = freeze(page)
    build_wheel(index.folder, "helper", "2.0", files={"helper.py": "evil = 1\n"})
    booted = fresh_chromium(lock=frozen.lock)
    assert booted.load_packages(["helper"]) == []
