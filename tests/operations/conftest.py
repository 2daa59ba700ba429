from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.freezing import forget_machine
from ..support.index_server import IndexServer


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    forget_machine(monkeypatch, tmp_path_factory.mktemp("empty"))


@pytest.fixture
def other_index() -> Iterator[IndexServer]:
    """A second, empty index."""
    with IndexServer() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for installs; it does not exist yet."""
    return tmp_path / "site"
