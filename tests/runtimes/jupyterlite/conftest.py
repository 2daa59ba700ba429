"""Sites and locks for the tests of the addon."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_314
from tests.support.lite import LiteSite, kernel_base
from tests.support.own_wheel import build_own_wheel
from tests.support.runtimes import lock_entry
from tests.support.wheels import build_wheel

WriteLock = Callable[..., Path]

#: What the kernel loads when it starts.
STARTED = ["micropip", "piplite", "ipykernel", "comm", "pyodide-kernel", "jedi", "ipython"]
LOCK = ("--micropip-lock", "lock.json")
BUNDLE = (*LOCK, "--micropip-lock-bundle")


@pytest.fixture(scope="module")
def index() -> Iterator[IndexServer]:
    """An index with what notebooks install:

    a namespace package, one without top_level.txt, a native one, an extra.
    """
    with IndexServer() as server:
        server.add_folder(runtimes.real_wheels("jaraco.functools", "rich"))
        server.add_folder(runtimes.real_wheels("cbor2", platform=PYODIDE_314))
        build_own_wheel(server.folder)
        code = "import lib\nmore = lib.answer\n"
        build_wheel(
            server.folder, "extended", "1.0", files={"extended.py": code}, extras={"more": ["lib"]}
        )
        build_wheel(server.folder, "lib", "1.0", files={"lib.py": "answer = 42\n"})
        yield server


@pytest.fixture(scope="module")
def shop() -> Iterator[IndexServer]:
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


@pytest.fixture(scope="module")
def write_lock(shop: IndexServer) -> WriteLock:
    """Writes a lock of app and lib below a site's folder;

    ``info`` and ``packages`` replace parts of it.
    """

    def write(
        site: LiteSite, name: str = "lock.json", *, info: Any = None, **packages: Any
    ) -> Path:
        entries = {
            key: lock_entry(
                wheel,
                shop.file_url(wheel.name),
                imports=[key],
                depends=["lib"] if key == "app" else [],
            )
            for wheel in sorted(shop.folder.glob("*-1.0-*.whl"))
            for key in [wheel.name.partition("-")[0]]
        }
        entries.update(packages)
        document = {
            "info": {**kernel_base()["info"], **(info or {})},
            "packages": {key: entry for key, entry in entries.items() if entry is not None},
        }
        path = site.folder / name
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> LiteSite:
    """A site that the tests of a module build anew from what is there already;

    of the apps REPL boots soonest.
    """
    return LiteSite(tmp_path_factory.mktemp("lite"), app="repl")


@pytest.fixture(autouse=True)
def _fresh(site: LiteSite, shop: IndexServer, write_lock: WriteLock) -> None:
    """What one test changed is no business of the next one."""
    site.configure()
    write_lock(site)
    shop.reset()
