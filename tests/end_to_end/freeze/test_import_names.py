"""Import names come from the files of the wheel, in every command that writes a lock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Lockfile, export, import_pylock
from micropip_lock.formats.pylock import parse_pylock, to_pylock
from micropip_lock.storage.facts import FactStore

from ...support.freezing import base_lock, freeze_folder, quick_fetcher
from ...support.index_server import IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.resolving import resolved
from ...support.runtimes import lock_entry
from ...support.verifying import codes, verified
from ...support.wheels import build_wheel

Install = Callable[..., Path]
Names = dict[str, tuple[str, ...]]

#: Modules, and what installers put elsewhere: uv --target puts that beside the modules.
DATA = {
    "scripts/run.py": "#!python\n",
    "data/share/demo/x.py": "",
    "data/etc/y.py": "",
    "headers/h.py": "",
}


def by_installer(folder: Path, *names: str, index_url: str) -> Path:
    """As pip_target, by `installer`, from the folder beside ``folder``."""
    return installer_target(
        folder, *(folder.parent / "wheels" / f"{name}-1.0-py3-none-any.whl" for name in names)
    )


@pytest.fixture
def index(tmp_path: Path) -> Iterator[IndexServer]:
    """An index with packages of every shape."""
    with IndexServer(tmp_path / "wheels") as server:
        build_wheel(server.folder, "demo", "1.0", data=DATA, entry_points={"demo.py": "demo:main"})
        build_wheel(
            server.folder, "one", "1.0", files={"ns/one/__init__.py": "", "ns/one/part.py": ""}
        )
        build_wheel(server.folder, "two", "1.0", files={"ns/two.py": "", "ns/data.txt": ""})
        announced = "Import-Name: three\nImport-Name: _three ; private\nImport-Name: bin.gone"
        files = {"three.py": "", "_three.py": "", "untold.py": ""}
        build_wheel(server.folder, "three", "1.0", files=files, metadata_extra=announced)
        yield server


PACKAGES = ("demo", "one", "two", "three")
EXPECTED: Names = {
    "demo": ("demo",),
    "one": ("ns", "ns.one"),
    "two": ("ns.two",),
    "three": ("_three", "three"),
}


def names(lockfile: Lockfile) -> Names:
    return {key: entry.imports for key, entry in lockfile.packages.items()}


def exported_and_imported(lockfile: Lockfile) -> Names:
    """The names after an export and an import."""
    pylock = parse_pylock(to_pylock(export(lockfile)).encode())

    async def run() -> Lockfile:
        fetcher = quick_fetcher()
        try:
            return (
                await import_pylock(pylock, base=base_lock(), index_urls=(), fetcher=fetcher)
            ).lockfile
        finally:
            await fetcher.aclose()

    return names(asyncio.run(run()))


@pytest.mark.parametrize("install", [pip_target, uv_target, by_installer])
def test_freeze_finds_the_same_whoever_installed_it(
    install: Install, index: IndexServer, tmp_path: Path
) -> None:
    site = install(tmp_path / "site", *PACKAGES, index_url=index.url)
    facts = FactStore(tmp_path / "facts")
    try:
        frozen = freeze_folder(site, index_urls=index.url, facts=facts)
        assert names(frozen.lockfile) == EXPECTED
        index.reset()
        again = freeze_folder(site, index_urls=index.url, facts=facts)
        assert (again.to_json(), index.requests) == (frozen.to_json(), []), (
            "what was proved before says the same"
        )
    finally:
        facts.close()
    # Where no wheel is read, the folders tell.
    assert names(freeze_folder(site, index_urls=index.url, proof="metadata").lockfile) == EXPECTED
    assert codes(verified(frozen.lockfile, index_urls=index.url, deep=True)) == []


def test_resolve_and_import_find_the_same(index: IndexServer) -> None:
    locked = resolved(*PACKAGES, index_urls=index.url)
    assert names(locked.lockfile) == EXPECTED
    assert exported_and_imported(locked.lockfile) == EXPECTED
    assert index.wheel_downloads == 0


ODD_RECORDS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "slashes": lambda rows: [("/" + path, hash_, size) for path, hash_, size in rows],
    "phantom": lambda rows: [
        *rows,
        ("phantom.py", "sha256=" + "A" * 43, "1"),
        ("ghost/__init__.py", "", ""),
    ],
    "no rows": lambda rows: [],
}


@pytest.mark.parametrize("record", ODD_RECORDS.values(), ids=ODD_RECORDS)
def test_record_is_not_believed(
    record: Callable[[list[Any]], list[Any]], index: IndexServer
) -> None:
    wheel = build_wheel(
        index.folder, "odd", "1.0", files={"odd/__init__.py": "", "space/x.py": ""}, record=record
    )
    expected = {"odd": ("odd", "space", "space.x")}
    locked = resolved("odd", index_urls=index.url)
    assert names(locked.lockfile) == expected
    assert exported_and_imported(locked.lockfile) == expected
    unclaimed = base_lock({**lock_entry(wheel, index.file_url(wheel.name)), "imports": []})
    (problem,) = [
        item for item in verified(unclaimed, index_urls=index.url) if item.code == "no-imports"
    ]
    assert "odd, space, space.x" in problem.message


def test_a_wheel_that_is_accepted_and_was_read_has_its_own_names(
    index: IndexServer, tmp_path: Path
) -> None:
    """What was added to the installation is no part of the wheel that the lock names."""
    site = installer_target(tmp_path / "site", index.folder / "demo-1.0-py3-none-any.whl")
    (site / "added.py").write_text("")
    with (site / "demo-1.0.dist-info" / "RECORD").open("a") as file:
        file.write("added.py,,\n")
    frozen = freeze_folder(site, index_urls=index.url, accept_unproved=["demo"])
    assert names(frozen.lockfile) == {"demo": ("demo",)}
