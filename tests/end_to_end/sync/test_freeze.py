"""freeze after sync: the same lock, byte for byte, and without a search."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FreezeResult, Lockfile
from micropip_lock.operations.sync.plan import Plan
from micropip_lock.operations.sync.run import sync

from ...support.freezing import base_lock, entry, freeze_folder, proofs, quick_fetcher
from ...support.index_server import IndexServer
from ...support.installed import pip_target, uv_target
from ...support.wheels import build_wheel

Installer = Callable[..., Path]
INSTALLERS = {"pip": pip_target, "uv": uv_target}


def synced(lock: Lockfile, folder: Path, cache: Path) -> Plan:
    """A folder that follows the lock."""

    async def run() -> Plan:
        fetcher = quick_fetcher()
        try:
            return await sync(lock, path=folder, fetcher=fetcher, cache_dir=cache)
        finally:
            await fetcher.aclose()

    folder.mkdir(exist_ok=True)
    return asyncio.run(run())


@pytest.fixture
def wheels(index: IndexServer) -> None:
    """Extras that several explain, a cycle, a namespace, and packages that nobody needs."""
    folder = index.folder
    extras = {
        "more": ["addition"],
        "wide": ["addition", "other"],
        "deep": ["lib[deep]"],
        "all": ["app[more,deep]"],
    }
    build_wheel(
        folder, "app", "1.0", requires=["lib"], extras=extras, entry_points={"app": "app:main"}
    )
    build_wheel(folder, "lib", "2.0", extras={"deep": ["deepest"], "unused": ["other"]})
    build_wheel(folder, "addition", "1.0", requires=["ring-a"])
    build_wheel(folder, "deepest", "1.0", files={"space/deepest.py": ""})
    build_wheel(folder, "other", "1.0+local", files={"space/other.py": ""})
    build_wheel(folder, "ring-a", "1.0", requires=["ring-b"])
    build_wheel(folder, "ring-b", "1.0", requires=["ring-a"])


@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("tool", [{"tool": {}}, {}], ids=["tool", "no tool"])
@pytest.mark.parametrize(
    "requested", [("app[all]", "other>=1"), ("app[wide]",), ("app", "other", "addition")]
)
def test_the_same_bytes(
    requested: tuple[str, ...],
    tool: dict[str, Any],
    installer: str,
    wheels: None,
    index: IndexServer,
    tmp_path: Path,
) -> None:
    def frozen(folder: Path, **options: Any) -> FreezeResult:
        return freeze_folder(folder, base=base_lock(entry("unused-of-the-base"), **tool), **options)

    INSTALLERS[installer](tmp_path / "first", *requested, index_url=index.url)
    first = frozen(tmp_path / "first", index_urls=index.url, requested=requested)
    assert len(first.lockfile.packages) >= 5
    synced(first.lockfile, tmp_path / "second", tmp_path / "cache")
    second = frozen(
        tmp_path / "second"
    )  # no index is needed, though each would be asked for objections
    assert (
        second.to_json()
        == first.to_json()
        == frozen(tmp_path / "second", index_urls=index.url).to_json()
    )
    assert {claim for claim, _ in proofs(second).values()} == {"provenance-url"}
    if tool:
        told = second.lockfile.extra["tool"]["micropip-lock"]
        assert set(requested) <= set(told["requested"])
        assert told["indexes"] == [index.url.removesuffix("/simple")]


def test_another_lock_of_the_same_wheels(wheels: None, index: IndexServer, tmp_path: Path) -> None:
    """What was asked for differs: sync writes that down, too."""
    base = base_lock(tool={})
    pip_target(tmp_path / "first", "app[more]", index_url=index.url)
    asked = [("app[more]",), ("app[more]", "ring-a")]
    locks = [
        freeze_folder(tmp_path / "first", base=base, index_urls=index.url, requested=it).lockfile
        for it in asked
    ]
    synced(locks[0], tmp_path / "second", tmp_path / "cache")
    plan = synced(locks[1], tmp_path / "second", tmp_path / "cache")
    assert [(step.action, step.package) for step in plan.changes] == [("replace", "ring-a")]
    assert freeze_folder(tmp_path / "second", base=base, index_urls=index.url).lockfile == locks[1]


@pytest.mark.parametrize(
    "told", [{"requested": "app", "indexes": 3}, {"requested": [1, "no requirement!"]}, [], "x"]
)
def test_a_tool_that_somebody_else_wrote(
    told: Any, wheels: None, index: IndexServer, tmp_path: Path
) -> None:
    pip_target(tmp_path / "first", "app", index_url=index.url)
    lock = freeze_folder(tmp_path / "first", base=base_lock(tool={}), index_urls=index.url).lockfile
    document = {**lock.to_dict(), "tool": {"micropip-lock": told}}
    assert (
        len(synced(Lockfile.from_json(document), tmp_path / "second", tmp_path / "cache").changes)
        == 2
    )
