from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ..support.freezing import forget_machine
from ..support.index_server import IndexServer
from ..support.installed import installer_target
from ..support.syncing import Venv, make_venv
from ..support.wheels import build_wheel


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, make_folder: Callable[[str], Path]) -> None:
    forget_machine(monkeypatch, make_folder("empty"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for installs; it does not exist yet."""
    return tmp_path / "site"


@pytest.fixture
def demo(index: IndexServer, site: Path) -> Path:
    """A wheel on the index, installed by installer: nothing says where it came from."""
    wheel = build_wheel(
        index.folder, "demo", "1.0", files={"demo.py": "x = 1\n", "demo.txt": "text"}
    )
    installer_target(site, wheel)
    return wheel


@pytest.fixture
def venv(tmp_path: Path, index: IndexServer) -> Venv:
    """An empty one, whose wheels are the index's."""
    return Venv(make_venv(tmp_path / "venv"), index, tmp_path / "cache")
