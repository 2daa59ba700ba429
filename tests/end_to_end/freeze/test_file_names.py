"""File names that the runtime cannot load:

a problem of every command that writes a lock, as they are of verify.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock

from micropip_lock import UnlockableError, import_pylock, retarget
from micropip_lock.operations.verify.entry import wheel_name_fault

from ...support.freezing import base_lock, freeze_folder, quick_fetcher, told
from ...support.index_server import IndexServer
from ...support.installed import installer_target
from ...support.resolving import resolved
from ...support.runtimes import lock_entry
from ...support.site_server import SiteServer
from ...support.verifying import codes, static
from ...support.wheels import build_wheel, sha256

WHEEL = "demo-1.0-py3-none-any.whl"
#: What may follow the host in the URL of a wheel.
ODD = [
    "12345",
    f"{WHEEL}/download",
    "zzz-9-py3-none-any.whl",
    "demo-2.0-py3-none-any.whl",
    "demo.whl",
    "demo-1.0.zip",
]


@pytest.fixture
def wheel(index: IndexServer) -> Path:
    return build_wheel(index.folder, "demo", "1.0")


@pytest.fixture
def files(tmp_path: Path) -> Iterator[SiteServer]:
    """A host of files, which serves them at any path."""
    folder = tmp_path / "files"
    folder.mkdir()
    with SiteServer({"/files/": folder}) as server:
        yield server


def put(files: SiteServer, wheel: Path, path: str) -> str:
    """Serve a wheel; returns its URL."""
    place = files.folders["/files/"] / path
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(wheel, place)
    return f"{files.root}/files/{path}"


async def with_fetcher(work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    fetcher = quick_fetcher()
    try:
        return await work(fetcher)
    finally:
        await fetcher.aclose()


def by_freeze(index: IndexServer, wheel: Path, folder: Path) -> None:
    freeze_folder(installer_target(folder / "site", wheel), index_urls=index.url)


def by_resolve(index: IndexServer, wheel: Path, folder: Path) -> None:
    resolved("demo==1.0", index_urls=index.url)


@pytest.mark.parametrize("path", ODD)
@pytest.mark.parametrize("command", [by_freeze, by_resolve])
def test_a_url_that_the_runtime_cannot_load(
    path: str,
    command: Callable[..., None],
    index: IndexServer,
    wheel: Path,
    files: SiteServer,
    tmp_path: Path,
) -> None:
    url = put(files, wheel, path)
    index.overrides[WHEEL] = {"url": url}
    with pytest.raises(UnlockableError) as caught:
        command(index, wheel, tmp_path)
    (problem,) = caught.value.problems
    assert (problem.package, problem.code, problem.url) == ("demo", "file-name", url)
    assert path.rpartition("/")[2] in problem.message
    # verify says the same, but for what may be the archive of a shared library.
    assert ("demo", "file-name") in codes(
        static(base_lock(lock_entry(wheel, url)))
    ) or path.endswith(".zip")


def test_retarget_neither_keeps_nor_takes_it(
    index: IndexServer, wheel: Path, files: SiteServer
) -> None:
    url = put(files, wheel, "12345")
    index.overrides[WHEEL] = {"url": url}
    lock = base_lock(lock_entry(wheel, url))
    options: dict[str, Any] = {"base": base_lock(), "index_urls": index.url, "requested": "demo"}
    with pytest.raises(UnlockableError) as caught:
        asyncio.run(with_fetcher(lambda fetcher: retarget(lock, fetcher=fetcher, **options)))
    assert told(caught.value.problems) == [("demo", "file-name")]


@pytest.mark.parametrize("path", ["12345", f"{WHEEL}/download"])
def test_a_pylock_that_gives_the_name_beside_the_url(
    path: str, wheel: Path, files: SiteServer
) -> None:
    file = {"name": WHEEL, "url": put(files, wheel, path), "hashes": {"sha256": sha256(wheel)}}
    package = {"name": "demo", "version": "1.0", "wheels": [file]}
    pylock = Pylock.from_dict({"lock-version": "1.0", "created-by": "test", "packages": [package]})
    with pytest.raises(UnlockableError) as caught:
        asyncio.run(
            with_fetcher(
                lambda fetcher: import_pylock(
                    pylock, base=base_lock(), index_urls=(), fetcher=fetcher
                )
            )
        )
    assert told(caught.value.problems) == [("demo", "file-name")]


@pytest.mark.parametrize(
    ("file_name", "version"),
    [
        (f"https://files.example/{WHEEL}", "1.0"),
        (WHEEL, "1.0.0"),
        (f"../{WHEEL}", None),
        ("demo-1.0+local-py3-none-any.whl", "1.0"),
        ("https://files.example/demo-1.0%2Blocal-py3-none-any.whl", "1.0+local"),
        ("Demo-1.0-1build-cp314-cp314-pyemscripten_2026_0_wasm32.whl", "1.0"),
    ],
)
def test_names_that_can_be_loaded(file_name: str, version: str | None) -> None:
    assert wheel_name_fault(file_name, "demo", version) is None


@pytest.mark.parametrize(
    "file_name",
    [
        "",
        "https://files.example/",
        "https://files.example/d%65mo-1.0-py3-none-any.whl",
        "https://files.example/demo%2D1.0-py3-none-any.whl",
        "https://files.example/demo-1.0-py3-none-any%2Ewhl",
        "https://files.example/x%2Fdemo-1.0-py3-none-any.whl",
        f"https://files.example/demo-1.0-{'py2.' * 90}py3-none-any.whl",
        "https://files.example/demo-one-py3-none-any.whl",
        f"https://files.example/{WHEEL}.metadata",
    ],
)
def test_names_that_cannot_be_loaded(file_name: str) -> None:
    fault = wheel_name_fault(file_name, "demo", "1.0")
    assert fault is not None and fault.endswith("the runtime cannot load that.")
