"""`jupyter lite build --micropip-lock`:

what it puts into a site, what a rebuild changes, and what it refuses.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support import lite
from tests.support.index_server import IndexServer
from tests.support.lite import LiteSite, run_in_repl
from tests.support.runtimes import lock_entry, write_json
from tests.support.site_server import SiteServer
from tests.support.wheels import build_wheel, sha256

from .conftest import BUNDLE, LOCK, STARTED, WriteLock


def check_boot(chromium: Any, site: LiteSite, code: str = "import app; app.answer") -> None:
    """A build that exits with 0 has a site that boots."""
    with SiteServer({"/deep/": site.output}) as server:
        assert run_in_repl(chromium, f"{server.root}/deep", code) == "42"


# -- what is in the site


def test_bundle_puts_everything_into_the_site_once(site: LiteSite, shop: IndexServer) -> None:
    said = site.build(*BUNDLE)
    assert "2 downloaded" in said
    assert site.settings()["loadPyodideOptions"]["packages"] == STARTED
    assert site.settings()["disablePyPIFallback"] is True
    packages = site.packages
    # The kernel's own needs come from the site itself, and what they need in turn.
    kernel = {*lite.KERNEL_BASE, "comm", "ipykernel", "piplite", "pyodide-kernel"} - {"packaging"}
    assert set(packages) == {"app", "lib", *kernel}
    assert packages["app"]["depends"] == ["lib"] and packages["app"]["imports"] == ["app"]
    assert packages["pyodide-kernel"]["depends"] == ["comm", "ipython"]
    assert packages["pyodide-kernel"]["imports"] == ["pyodide_kernel"]
    assert "prompt-toolkit" in packages["ipython"]["depends"]
    for entry in packages.values():
        file = (site.lock_file.parent / entry["file_name"]).resolve()
        assert file.is_relative_to(site.output) and sha256(file) == entry["sha256"]
    files = sorted(path.name for path in site.lock_file.parent.rglob("*") if path.is_file())
    assert files == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl", "pyodide-lock.json"]
    # Nothing changes when nothing has changed. Other addons write the settings anew each time; ours
    # are the same.
    before = site.snapshot()
    shop.reset()
    assert "no files changed" in site.build(*BUNDLE)
    after = site.snapshot()
    assert {name: item[1] for name, item in after.items()} == {
        name: item[1] for name, item in before.items()
    }
    ours = {name for name in before if name.startswith("static/micropip-lock/")}
    assert len(ours) == 3 and {name: after[name] for name in ours} == {
        name: before[name] for name in ours
    }
    assert shop.requests == []


def test_what_was_removed_comes_back(chromium: Any, site: LiteSite) -> None:
    site.build(*BUNDLE)
    lock, settings = site.lock_file.read_bytes(), site.settings()
    shutil.rmtree(site.output)
    site.build(*BUNDLE)
    # pyodideUrl is among them, which JupyterLite alone forgets after this.
    assert (site.lock_file.read_bytes(), site.settings()) == (lock, settings)
    wheel = site.lock_file.parent / "wheels" / "lib-1.0-py3-none-any.whl"
    wheel.write_bytes(b"broken")
    said = site.refused(command="check")
    assert (
        "lib 1.0: wheels/lib-1.0-py3-none-any.whl" in said
        and "Build again with --micropip-lock" in said
    )
    # The owner's file replaces all settings of the kernel, and with --source-date-epoch no time
    # tells that anything has changed.
    site.build(*BUNDLE, SOURCE_DATE_EPOCH="1700000000")
    assert sha256(wheel) == site.packages["lib"]["sha256"]
    site.configure(loadPyodideOptions={"packages": ["six"]})
    site.build(*BUNDLE, SOURCE_DATE_EPOCH="1700000000")
    assert site.settings()["pyodideUrl"] == "./static/pyodide/pyodide.mjs"
    assert site.settings()["loadPyodideOptions"]["packages"] == ["six", *STARTED]
    check_boot(chromium, site)
    assert site.lite("check").returncode == 0


def test_without_bundle_after_bundle_and_without_lock(
    chromium: Any, site: LiteSite, shop: IndexServer
) -> None:
    site.build(*BUNDLE)
    folder = site.lock_file.parent
    shop.reset()
    site.build(*LOCK)
    assert shop.wheel_downloads == 2  # the cache knows the wheels, and not what is served today
    assert [path.name for path in folder.iterdir()] == ["pyodide-lock.json"]
    assert site.packages["app"]["file_name"] == shop.file_url("app-1.0-py3-none-any.whl")
    assert site.packages["ipython"]["file_name"].startswith("../pyodide/ipython-")
    assert "disablePyPIFallback" not in site.settings()
    # Who serves or checks a site does not repeat the options of its build, and does not wait for an
    # index.
    assert site.lite("check").returncode == 0
    assert site.lite("check", *LOCK).returncode == 0
    assert folder.is_dir() and shop.wheel_downloads == 2
    check_boot(chromium, site)
    site.build()
    assert not folder.exists()
    assert set(site.settings()) == {"pipliteUrls", "pyodideUrl"}
    check_boot(chromium, site, "6 * 7")


def test_options_in_a_file(site: LiteSite) -> None:
    config = site.folder / "jupyter_lite_config.json"
    write_json(
        config, {"MicropipLockAddon": {"lock": "lock.json", "bundle": True, "preload": ["app"]}}
    )
    try:
        assert "lock:    lock.json" in site.build()
    finally:
        config.unlink()
    assert site.settings()["loadPyodideOptions"]["packages"] == [*STARTED, "app"]
    assert site.settings()["disablePyPIFallback"] is True


# -- what is refused


def test_no_such_file(site: LiteSite) -> None:
    said = site.refused("--micropip-lock", "frozen-lock.json")
    assert "frozen-lock.json does not exist. Freeze one" in said and "--micropip-lock" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [('{"packages": {', "is not valid JSON"), ('{"packages": {}}', "info: expected an object")],
    ids=["cut", "no-info"],
)
def test_a_broken_lock(site: LiteSite, text: str, message: str) -> None:
    (site.folder / "broken.json").write_text(text)
    said = site.refused("--micropip-lock", "broken.json")
    assert message in said and "broken.json" in said and "Freeze it again" in said


def test_a_lock_for_another_pyodide(site: LiteSite, write_lock: WriteLock) -> None:
    write_lock(
        site, info={"abi_version": "2025_0", "python": "3.13.2", "platform": "emscripten_4_0_9"}
    )
    said = site.refused(*BUNDLE)
    assert (
        "lock.json is for Python 3.13.2, ABI 2025_0; the site loads a Pyodide with Python 3.14.2, "
        "ABI 2026_0" in said
    )
    assert "Freeze again in that Pyodide" in said


def test_a_wheel_that_is_not_the_one_of_the_lock(
    site: LiteSite, shop: IndexServer, write_lock: WriteLock, tmp_path: Path
) -> None:
    site.build(*BUNDLE)
    before = site.snapshot()
    other = build_wheel(tmp_path, "lib", "1.0", files={"lib.py": "answer = 0\n"})
    write_lock(site, lib=lock_entry(other, shop.file_url(other.name), imports=["lib"]))
    said = site.refused(*BUNDLE)
    assert "1 package cannot be put into the site; its lock was left as it was." in said
    assert "lib 1.0" in said and "[content-mismatch]" in said and "Freeze again" in said
    # The site that was there still is, and boots.
    after = site.snapshot()
    assert {name for name in after if after[name] != before.get(name)} <= {"jupyter-lite.json"}
    assert site.lite("check").returncode == 0


def test_a_kernel_that_could_not_start(tmp_path: Path, write_lock: WriteLock) -> None:
    base = lite.kernel_base()
    base["packages"] = {name: entry for name, entry in base["packages"].items() if name != "jedi"}
    site = LiteSite(tmp_path, base=base, comm=False)
    (site.pyodide / base["packages"]["six"]["file_name"]).unlink()
    write_lock(site)
    said = site.refused(*BUNDLE)
    assert "3 packages cannot be put into the site" in said
    assert "comm: the kernel needs it to start, but the lock does not have it" in said
    assert "%pip install comm" in said and "--piplite-wheels" in said
    assert "jedi: the kernel needs it" in said
    assert (
        "six: the kernel needs it" in said and "the site's Pyodide has no file six-1.17.0-" in said
    )


def test_an_address_that_does_not_answer(site: LiteSite, write_lock: WriteLock) -> None:
    with SiteServer() as server:
        url = f"{server.root}/far-1.0-py3-none-any.whl"
    entry = {
        **lock_entry(lite.comm_wheel(), url, imports=["far"]),
        "name": "far",
        "version": "1.0",
        "sha256": "2" * 64,
    }
    write_lock(site, far=entry)
    said = site.refused(*BUNDLE)
    assert "far 1.0" in said and url in said and "[unreachable]" in said and "Try again" in said


@pytest.mark.parametrize("place", ["", "static/micropip-lock"], ids=["output", "folder"])
def test_output_that_cannot_be_written(site: LiteSite, place: str) -> None:
    folder = site.output / place
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    try:
        said = site.refused(*BUNDLE)
        assert f"{folder} is not a folder" in said and "--output-dir" in said
    finally:
        folder.unlink()


def test_unknown_and_wrong_options(site: LiteSite) -> None:
    said = site.refused(
        *LOCK,
        "--MicropipLockAddon.bundel=True",
        "--MicropipLockAddon.zzz=1",
        "--MicropipLock.lock=x",
    )
    assert "There is no MicropipLock that has options. Did you mean MicropipLockAddon?" in said
    assert "MicropipLockAddon has no option bundel. Did you mean bundle?" in said
    assert "MicropipLockAddon has no option zzz. It has base, bundle, lock, preload." in said
    config = site.folder / "jupyter_lite_config.json"
    write_json(config, {"MicropipLockAddon": {"lock": 5, "preload": [1], "base": ""}})
    try:
        said = site.refused("--MicropipLockAddon.bundle=perhaps")
    finally:
        config.unlink()
    assert "MicropipLockAddon.lock: expected the path of a pyodide-lock.json, found 5." in said
    assert "MicropipLockAddon.preload: expected an array of package names, found [1]." in said
    assert "MicropipLockAddon.base: expected a release, a path or a URL" in said
    assert 'MicropipLockAddon.bundle: expected true or false, found "perhaps".' in said
    assert "--micropip-lock-bundle needs a lock" in site.refused("--micropip-lock-bundle")
    assert "the kernel reads only one" in site.refused(*LOCK, "--pyodide-lock")


def test_a_package_to_start_with_that_nobody_has(site: LiteSite) -> None:
    said = site.refused(*BUNDLE, "--MicropipLockAddon.preload=app,numpy")
    assert "1 package cannot" in said
    assert "numpy: it is to be loaded when the kernel starts, but the lock does not have it" in said
