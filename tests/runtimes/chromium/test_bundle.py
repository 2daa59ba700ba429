"""A bundle with its page boots in Chromium, where nothing but loopback can be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from micropip_lock import Lockfile
from micropip_lock.operations.bundle.run import bundle
from tests.support import runtimes
from tests.support.freezing import forget_machine, quick_fetcher
from tests.support.index_server import IndexServer
from tests.support.runtimes import lock_entry
from tests.support.site_server import SiteServer
from tests.support.wheels import build_wheel

VERSION = runtimes.VERSIONS[-1]


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab of its own; the first one stays."""
    first = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    yield chromium
    chromium.close()
    chromium.switch_to.window(first)


def boot(tab: Any, url: str) -> str:
    """Open the page; how it ended, and what it says then."""
    tab.get(url)
    WebDriverWait(tab, 120, poll_frequency=0.1).until(
        lambda it: it.execute_script("return document.documentElement.dataset.state")
    )
    state = tab.execute_script("return document.documentElement.dataset.state")
    said = tab.execute_script("return document.getElementById('out').textContent")
    return f"{state}: {said}".strip()


@pytest.fixture
def lock(index: IndexServer) -> Lockfile:
    """A real base with its wheels, and two wheels of an index."""
    wheels = [
        build_wheel(
            index.folder,
            "app",
            "1.0+local",
            files={"app.py": "import lib, packaging\nanswer = lib.answer\n"},
        ),
        build_wheel(index.folder, "lib", "1.0", files={"lib.py": "answer = 42\n"}),
    ]
    document = runtimes.read_json(runtimes.emptied_base(VERSION) / "pyodide-lock.json")
    for wheel, depends in zip(wheels, (["lib", "packaging"], []), strict=True):
        name = wheel.name.partition("-")[0]
        document["packages"][name] = lock_entry(
            wheel, index.file_url(wheel.name), imports=[name], depends=depends
        )
    return Lockfile.from_json(document)


@pytest.fixture
def base_dir(tmp_path: Path) -> Path:
    """A distribution: the runtime, and the wheels of its base."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for source in (runtimes.runtime(VERSION), runtimes.emptied_base(VERSION)):
        for file in source.iterdir():
            if (
                file.is_file()
                and not file.name.startswith(".")
                and not (folder / file.name).exists()
            ):
                (folder / file.name).symlink_to(file)
    return folder


def test_boots(
    tab: Any,
    lock: Lockfile,
    base_dir: Path,
    tmp_path: Path,
    index: IndexServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget_machine(monkeypatch, tmp_path)
    script = tmp_path / "my app #1.py"
    script.write_text("import app\nprint('the answer is', app.answer)\n")

    async def make(dest: Path, page: bool | Path) -> None:
        fetcher = quick_fetcher()
        try:
            await bundle(lock, dest, base_dir=base_dir, page=page, fetcher=fetcher)
        finally:
            await fetcher.aclose()

    asyncio.run(make(tmp_path / "script", script))
    asyncio.run(make(tmp_path / "console", True))
    index.close()  # the bundle needs nobody
    with SiteServer(
        {"/deep/script/": tmp_path / "script", "/console/": tmp_path / "console"}
    ) as site:
        assert boot(tab, f"{site.root}/deep/script/") == "ready: the answer is 42"
        assert all(path.startswith("/deep/script/") for path in site.paths())
        assert boot(tab, f"{site.root}/console/") == "ready:"
        line = tab.find_element("id", "line")
        line.send_keys("import app; app.answer\n")
        WebDriverWait(tab, 30, poll_frequency=0.1).until(
            lambda it: "42" in it.execute_script("return document.body.textContent")
        )
        (tmp_path / "console" / "lib-1.0-py3-none-any.whl").write_bytes(b"changed")
        said = boot(tab, f"{site.root}/console/")
        assert said.startswith("failed: could not load lib")
