"""A frozen lock, a folder to follow docs/hosts.md in, and a browser that cannot leave the site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import runtimes
from tests.support.freezing import forget_machine, freeze_folder
from tests.support.index_server import IndexServer
from tests.support.installed import installer_target
from tests.support.other_hosts import Outside, watched_chromium
from tests.support.site_server import SiteServer
from tests.support.wheels import build_wheel

VERSION = runtimes.VERSIONS[-1]
StartProject = Callable[..., Path]
#: What the pages of docs/hosts.md come to say.
ANSWER = (
    "const it = document.getElementById('answer').textContent; return it.startsWith('Loading') ? "
    "null : it"
)


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """All of the world but loopback."""
    with Outside() as server:
        yield server


@pytest.fixture(scope="session")
def chromium(outside: Outside) -> Iterator[Any]:
    """A Chromium of these tests' own: they look at what leaves the site."""
    with watched_chromium(outside) as driver:
        yield driver


@dataclass(frozen=True)
class Browser:
    """A tab, the site it looks at, and everybody else: an index, and the world."""

    driver: Any
    site: SiteServer
    index: IndexServer
    outside: Outside

    def open(self, folder: Path, path: str = "") -> None:
        """Serve a folder at /deep/site/, forget what was asked for until now, and open a page of
        it.
        """
        self.site.folders = {"/deep/site/": folder}
        self.site.reset()
        self.index.reset()
        self.outside.asked.clear()
        self.driver.get(f"{self.site.root}/deep/site/{path}")

    def check_requests(self, *wheels: str) -> None:
        """Nothing left the site, no file was missing there, and these wheels, named by project,
        were loaded from it.
        """
        assert self.outside.asked == []
        assert self.index.requests == []
        missing = [request.path for request in self.site.requests if request.status >= 400]
        # A listing of contents is asked for where there are none, and an icon everywhere.
        assert [
            path
            for path in missing
            if not path.endswith(("/favicon.ico", "/api/contents/all.json"))
        ] == []
        loaded = [
            Path(request.path).name
            for request in self.site.requests
            if request.path.endswith(".whl")
        ]
        assert {name.partition("-")[0] for name in loaded} >= set(wheels)


@pytest.fixture(scope="session")
def index() -> Iterator[IndexServer]:
    """An index with two wheels: app, and lib, which it needs."""
    with IndexServer() as server:
        build_wheel(
            server.folder,
            "app",
            "1.0",
            files={"app.py": "import lib\nanswer = lib.answer\n"},
            requires=["lib"],
        )
        build_wheel(server.folder, "lib", "1.0", files={"lib.py": "answer = 42\n"})
        yield server


def local_base(version: str, folder: Path) -> dict[str, str]:
    """What stands in for a release, whose wheels are on its CDN:

    a folder with a lock and the wheels of that.
    """
    return {
        f"--base {version}": f"--base {folder}/pyodide-lock.json --base-dir {folder}",
        "micropip-lock bundle": f"micropip-lock bundle --base-dir {folder}",
    }


@pytest.fixture
def browser(chromium: Any, index: IndexServer, outside: Outside) -> Iterator[Browser]:
    """A tab for this test; the first one stays."""
    first = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    with SiteServer() as site:
        yield Browser(chromium, site, index, outside)
        chromium.close()
        chromium.switch_to.window(first)


@pytest.fixture
def start_project(
    tmp_path: Path, index: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> StartProject:
    """Makes a folder with a lock of app and lib, frozen for one Pyodide, and
    node_modules/pyodide.
    """
    forget_machine(monkeypatch, tmp_path)

    def make(
        version: str = VERSION,
        *,
        wheels: Path | None = None,
        modules: Mapping[str, Path] | None = None,
    ) -> Path:
        """``wheels``: a folder of more that is installed; ``modules``: more for node_modules."""
        folder = tmp_path / "project"
        base = runtimes.emptied_base(version)
        if wheels is not None:
            index.add_folder(wheels)
        installed = [*index.folder.glob("*.whl"), *(wheels.glob("*.whl") if wheels else ())]
        site = installer_target(tmp_path / "installed", *sorted(installed))
        frozen = freeze_folder(
            site, base=base / "pyodide-lock.json", index_urls=index.url, include="distribution"
        )
        for name, source in {"pyodide": runtimes.runtime(version), **(modules or {})}.items():
            link = folder / "node_modules" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source)
        for wheel in base.glob(
            "*.whl"
        ):  # what the base has, beside the lock as its relative names say
            (folder / wheel.name).symlink_to(wheel)
        frozen.write(folder / "pyodide-lock.json")
        return folder

    return make
