"""Wheels that are unusual as zip archives: pip and uv read what is taken in one way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.installed import InstallError, pip_target, uv_target
from ..support.odd_zips import TAKEN, check_reader, write_corpus
from ..support.site_server import SiteServer
from ..support.zip_readers import unpacked


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that is taken, for readers that are slow."""
    return write_corpus(tmp_path_factory.mktemp("archives"), TAKEN)


def test_pip_reads_what_is_taken_in_one_way(archives: Path) -> None:
    def install(archive: Path, folder: Path) -> None:
        pip_target(folder, str(archive), platform=None, flags=["--no-deps"])

    check_reader(unpacked(archives, install, InstallError))


def test_uv_reads_what_is_taken_in_one_way(archives: Path) -> None:
    def install(archive: Path, folder: Path) -> None:
        uv_target(folder, str(archive), platform=None, flags=["--no-deps"])

    check_reader(unpacked(archives, install, InstallError))


@pytest.fixture(scope="module")
def server(archives: Path) -> Iterator[SiteServer]:
    with SiteServer({"/": archives}) as server:
        yield server


def test_uv_reads_what_is_taken_in_one_way_while_it_downloads(
    archives: Path, server: SiteServer
) -> None:
    def install(archive: Path, folder: Path) -> None:
        url = f"{server.root}/{archive.relative_to(archives).as_posix()}"
        uv_target(folder, url, platform=None, flags=["--no-deps"])

    check_reader(unpacked(archives, install, InstallError))
