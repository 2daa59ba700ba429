"""outdated: newer versions that a lock could have, what its authors withdrew, and what is Pyodide's
own.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from micropip_lock import InputError, Lockfile, Outdated, outdated

from ...support.freezing import INFO, NATIVE, base_lock, entry, quick_fetcher
from ...support.index_server import Fault, IndexServer
from ...support.resolving import resolved
from ...support.wheels import build_sdist, build_wheel


def looked_up(lock: Any, index_urls: Any = (), **options: Any) -> Outdated:
    """Ask about a lock."""

    async def run() -> Outdated:
        fetcher = quick_fetcher()
        try:
            return await outdated(lock, index_urls=index_urls, fetcher=fetcher, **options)
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def locked(index: IndexServer, *requirements: str, base: Lockfile | None = None) -> Lockfile:
    """A lock of what the index has at this moment."""
    return resolved(*requirements, base=base, index_urls=index.url).lockfile


def partial(found: Outdated) -> dict[str, tuple[str | None, str | None]]:
    """Package -> the newest version that fits, and the newest of all."""
    return {item.package: (item.newer, item.newest) for item in found.news}


def test_the_newest_with_a_wheel_and_the_newest_of_all(index: IndexServer) -> None:
    for name in ("pure", "native", "python", "source", "same"):
        build_wheel(index.folder, name, "1.0")
    lock = locked(index, "pure", "native", "python", "source", "same")
    build_wheel(index.folder, "pure", "1.10")
    build_wheel(index.folder, "pure", "1.9")
    build_wheel(index.folder, "native", "2.0", tag=NATIVE)
    build_wheel(index.folder, "native", "3.0", tag="cp315-cp315-pyemscripten_2026_5_wasm32")
    build_wheel(index.folder, "python", "2.0", requires_python=">=3.15")
    build_sdist(index.folder, "source", "2.0")
    build_wheel(index.folder, "same", "0.9")
    index.reset()
    found = looked_up(lock, index.url)
    assert partial(found) == {
        "native": ("2.0", "3.0"),
        "pure": ("1.10", "1.10"),
        "python": (None, "2.0"),
        "source": (None, "2.0"),
    }
    assert {item.package: item.reason for item in found.news} == {
        "native": "no wheel that fits this Pyodide (pyemscripten_2026_0_wasm32, or pure Python)",
        "pure": "",
        "python": "needs Python >=3.15",
        "source": "only source code (an sdist), no wheel",
    }
    assert sorted(index.paths()) == [f"/simple/{name}/" for name in sorted(lock.packages)]
    assert (found.packages, found.requests, found.problems) == (5, 5, ())


def test_withdrawn_packages_come_first(index: IndexServer) -> None:
    names = ("active", "archived", "deprecated", "quarantined", "yanked", "other")
    for name in names:
        build_wheel(index.folder, name, "1.0")
    lock = locked(index, *names)
    for name in ("active", "archived", "other"):
        build_wheel(index.folder, name, "2.0")
    index.yanked = {"yanked==1.0": "leaks", "other==2.0": True}
    index.statuses = {
        name: (name, f"it is {name}") for name in ("archived", "deprecated", "quarantined")
    }
    found = looked_up(lock, index.url)
    assert [item.package for item in found.news] == [
        "yanked",
        "quarantined",
        "archived",
        "deprecated",
        "active",
    ]
    assert [item.withdrawn for item in found.news] == [True] * 4 + [False]
    first, second, third, *_ = found.news
    assert (first.yanked, first.newer, first.status) == ("leaks", None, "active")
    assert (second.status, second.status_reason) == ("quarantined", "it is quarantined")
    assert (third.status, third.newer, third.yanked) == ("archived", "2.0", None)


@pytest.mark.parametrize(
    ("version", "expected"), [("1.0", (None, None)), ("2.0a1", ("2.0a2", "2.0a2"))]
)
def test_prereleases(
    version: str, expected: tuple[str | None, str | None], index: IndexServer
) -> None:
    build_wheel(index.folder, "demo", version)
    lock = locked(index, f"demo=={version}")
    build_wheel(index.folder, "demo", "2.0a2")
    build_wheel(index.folder, "demo", "0.9")
    assert partial(looked_up(lock, index.url)).get("demo", (None, None)) == expected
    assert partial(looked_up(lock, index.url, pre=True)) == {"demo": ("2.0a2", "2.0a2")}


def test_pyodides_own_packages_are_marked(index: IndexServer) -> None:
    base = base_lock(
        entry(
            "numpy",
            "2.2",
            file_name="https://cdn.jsdelivr.net/pyodide/v314.0.7/full/numpy-2.2-py3-none-any.whl",
        ),
        entry("lib", "1.0"),
        entry("openssl", "1.1.1w", file_name="openssl-1.1.1w.zip", package_type="shared_library"),
        entry("ssl", "1.0", package_type="cpython_module"),
        entry("alone", "1.0"),
    )
    build_wheel(index.folder, "mine", "1.0")
    mine = locked(index, "mine").packages["mine"]
    for name in ("numpy", "lib", "mine", "ssl", "openssl"):
        build_wheel(index.folder, name, "3.0")
    index.reset()
    found = looked_up(Lockfile(base.info, {**base.packages, "mine": mine}), index.url)
    assert {item.package: item.base for item in found.news} == {
        "mine": False,
        "lib": True,
        "numpy": True,
    }
    assert [item.package for item in found.news] == ["mine", "lib", "numpy"]
    assert (found.unlisted, found.unasked) == (("alone",), ("openssl", "ssl"))
    assert "/simple/ssl/" not in index.paths()


def test_one_yanked_file_of_several(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0")
    lock = locked(index, "demo")
    build_wheel(index.folder, "demo", "1.0", tag=NATIVE)
    index.yanked = {"demo-1.0-py3-none-any.whl": ""}
    assert [item.yanked for item in looked_up(lock, index.url).news] == [""]
    index.yanked = {f"demo-1.0-{NATIVE}.whl": "broken"}
    assert looked_up(lock, index.url).news == ()


def test_an_index_that_does_not_answer(index: IndexServer) -> None:
    for name in ("demo", "lib"):
        build_wheel(index.folder, name, "1.0")
    lock = locked(index, "demo", "lib")
    build_wheel(index.folder, "demo", "2.0")
    index.faults["/simple/lib/"] = Fault("status", status=503)
    found = looked_up(lock, index.url)
    assert partial(found) == {"demo": ("2.0", "2.0")}
    assert [(item.package, item.code) for item in found.problems] == [("lib", "unreachable")]
    document = found.to_json()
    assert document["packages"][0]["newer"] == "2.0"
    assert document["problems"][0]["code"] == "unreachable"


def test_only_the_first_index_that_knows_a_project_counts(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0")
    lock = locked(index, "demo")
    with IndexServer() as other:
        build_wheel(other.folder, "demo", "9.0")
        assert looked_up(lock, [index.url, other.url]).news == ()
        assert partial(looked_up(lock, [other.url, index.url])) == {"demo": ("9.0", "9.0")}


def test_input_that_is_no_lock(index: IndexServer) -> None:
    with pytest.raises(InputError, match=r"info\.platform"):
        looked_up({"info": {**INFO, "platform": "linux"}, "packages": {}})
    assert looked_up(base_lock()).news == ()
