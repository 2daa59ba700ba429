"""The surroundings inside Pyodide: the parts that need no runtime here, the rest in Node."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, DistributionFinder, PathDistribution
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.environment import micropip as _micropip
from micropip_lock.environment import pyodide as _pyodide


class InMemory(Distribution):
    def __init__(self, metadata: str) -> None:
        self.text = metadata

    def read_text(self, filename: str) -> str | None:
        return self.text if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        return None


class Finder:
    def __init__(self, *distributions: Distribution) -> None:
        self.distributions = distributions

    def find_distributions(self, context: DistributionFinder.Context) -> Any:
        return self.distributions


def test_only_distributions_without_a_folder_are_in_memory(tmp_path: Path) -> None:
    folder = tmp_path / "real-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: real\nVersion: 1\n")
    mock = InMemory("Metadata-Version: 1.1\nName: Mock.Package\nVersion: 1.2\n")
    later = InMemory("Metadata-Version: 1.1\nName: mock-package\nVersion: 9\n")
    finders = [Finder(mock), PathFinder, object(), Finder(PathDistribution(folder), later)]
    assert _pyodide.in_memory(finders) == {"mock-package": "1.2"}


def test_import_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "lib.zip").write_bytes(b"")
    path = [
        "",
        "site",
        str(tmp_path / "lib.zip"),
        str(tmp_path / "site"),
        str(tmp_path / "missing"),
    ]
    assert _pyodide.import_folders(path) == (tmp_path, tmp_path / "site")


def test_micropips_short_name_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    default = _micropip.default_index_urls()
    singleton = sys.modules["micropip"]._package_manager_singleton
    monkeypatch.setattr(
        singleton, "index_urls", ["https://index.example/{package_name}/json", "PYPI"]
    )
    assert _micropip.current_index_urls() == ("https://index.example/{package_name}/json", *default)


def test_without_micropip_there_is_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "micropip", None)
    assert _micropip.default_index_urls() == ()
    assert _micropip.current_index_urls() == ()
