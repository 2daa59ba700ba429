"""A lock of forty packages moves from Pyodide 0.29.5 to 314.0.7 and back;

both boot, each in its own Pyodide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from micropip_lock import Lockfile, RetargetResult, retarget
from tests.support import runtimes
from tests.support.freezing import NATIVE, quick_fetcher
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_0_29, PYODIDE_314
from tests.support.node_pyodide import NodePyodide
from tests.support.resolving import asked_twice, resolved
from tests.support.runtimes import emptied_base, real_wheels
from tests.support.wheels import build_wheel

OLD, NEW = "0.29.5", "314.0.7"
OLD_NATIVE = "cp313-cp313-pyodide_2025_0_wasm32"
#: cbor2 has a native wheel for 314 only, and a pure one of an older version; xxhash has native ones
#: for both.
REAL = (
    *(
        "anyio==4.16.0",
        "blinker==1.9.0",
        "cachetools",
        "cbor2==5.9.0",
        "click==8.5.1",
        "colorama",
        "h11==0.16.0",
    ),
    *(
        "httpx[http2]",
        "humanize",
        "isodate",
        "itsdangerous==2.2.0",
        "jaraco.functools",
        "prettytable",
        "pyparsing",
    ),
    *(
        "python-dateutil",
        "rich==15.0.0",
        "sortedcontainers",
        "tabulate",
        "tomlkit",
        "toolz",
        "xxhash==4.1.0",
        "zipp",
    ),
)
MORE = ("cbor2==6.2.1", "xxhash==4.1.0")
#: What had to be built: (name, versions for the old ABI, versions for the new one).
BUILT = (
    ("both", ("1.0",), ("1.0",)),
    ("moves", ("1.0",), ("2.0",)),
    ("newer", ("1.0", "1.1"), ("1.0", "1.1")),
    ("renamed", ("3.0",), ("3.0.1", "4.0")),
)


IMPORT_ALL = """
import importlib
failed = {{}}
for name in {names!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        failed[name] = error.name
failed
"""


@pytest.fixture(scope="module")
def wheels() -> Iterator[IndexServer]:
    """An index with the wheels for both."""
    with IndexServer() as server:
        server.add_folder(real_wheels(*REAL, platform=PYODIDE_0_29))
        server.add_folder(real_wheels(*MORE, platform=PYODIDE_314))
        for name, old, new in BUILT:
            for versions, tag in ((old, OLD_NATIVE), (new, NATIVE)):
                for version in versions:
                    build_wheel(server.folder, name, version, tag=tag)
        # It pins a native one, as pydantic pins pydantic-core, so that it has to move with it.
        for version, core in (("1.0", "moves==1.0"), ("2.0", "moves==2.0")):
            build_wheel(server.folder, "pins", version, requires=[core, "both", "packaging"])
        yield server


@pytest.fixture(scope="module")
def before(wheels: IndexServer) -> Lockfile:
    """The lock for the old Pyodide, with one package that is not the newest."""
    asked = [*REAL[:3], *REAL[4:], "cbor2<6", "pins", "newer==1.0", "renamed", "micropip"]
    return resolved(
        *asked, base=emptied_base(OLD) / "pyodide-lock.json", index_urls=wheels.url
    ).lockfile


def moved(lock: Lockfile, version: str, index: IndexServer) -> RetargetResult:
    async def run() -> RetargetResult:
        fetcher = quick_fetcher()
        base = emptied_base(version) / "pyodide-lock.json"
        try:
            return await retarget(lock, base=base, index_urls=index.url, fetcher=fetcher)
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def after(before: Lockfile, wheels: IndexServer) -> RetargetResult:
    """The same for the new Pyodide."""
    wheels.reset()
    result = moved(before, NEW, wheels)
    assert asked_twice(wheels) == []
    assert wheels.wheel_downloads == 0
    return result


def test_what_moves_and_why(before: Lockfile, after: RetargetResult) -> None:
    assert len(before.packages) >= 40
    changes = {
        item.package: (item.kind, after.reasons[item.package]) for item in after.changes.changes
    }
    bases = {name: changes.pop(name, None) for name in ("micropip", "packaging")}
    assert all(item is None or item[1] == "Pyodide's own" for item in bases.values())
    fitting = "its wheel for pyemscripten_2026_0_wasm32"
    assert changes == {
        "both": ("file", fitting),
        "moves": ("version", "no wheel of 1.0 for pyemscripten_2026_0_wasm32"),
        "newer": ("file", fitting),
        "pins": (
            "version",
            "1.0 needs moves==1.0, but no wheel of 1.0 for pyemscripten_2026_0_wasm32",
        ),
        "renamed": ("version", "no wheel of 3.0 for pyemscripten_2026_0_wasm32"),
        "xxhash": ("file", fitting),
    }
    assert after.lockfile.packages.keys() == before.packages.keys()


def test_and_back(before: Lockfile, after: RetargetResult, wheels: IndexServer) -> None:
    back = moved(after.lockfile, OLD, wheels)
    # Every package is what it was, and so the lock is, to the byte.
    assert back.to_json() == before.to_json()


@pytest.mark.parametrize("version", [OLD, NEW])
def test_boots(
    version: str,
    before: Lockfile,
    after: RetargetResult,
    wheels: IndexServer,
    fresh_pyodide: Callable[..., NodePyodide],
    tmp_path: Path,
) -> None:
    lock = (before if version == OLD else after.lockfile).to_dict()
    folders = [
        wheels.folder,
        real_wheels(*REAL, platform=PYODIDE_0_29),
        real_wheels(*MORE, platform=PYODIDE_314),
    ]
    booted = fresh_pyodide(version, lock=runtimes.localise(lock, tmp_path, *folders))
    booted.load_packages(sorted(lock["packages"]))
    names = [name for entry in lock["packages"].values() for name in entry["imports"]]
    failed = booted.run(IMPORT_ALL.format(names=names))
    # Pyodide 0.29 has ssl as a package of its own, whose wheel npm does not bring.
    assert {error for error in failed.values() if error != "ssl"} == set()
    assert version == OLD or failed == {}
    assert len(names) - len(failed) >= 40
    assert (
        booted.run("import xxhash, cbor2\ncbor2.loads(cbor2.dumps(xxhash.xxh32(b'').hexdigest()))")
        == "02cc5d05"
    )
    assert booted.run("import moves\nmoves.__version__") == ("1.0" if version == OLD else "2.0")


def test_the_newest_that_fits_is_found_where_the_old_one_does_not(wheels: IndexServer) -> None:
    base = emptied_base(NEW) / "pyodide-lock.json"
    native = resolved("cbor2", "xxhash", base=base, index_urls=wheels.url).lockfile
    assert native.packages["cbor2"].file_name.endswith(f"/cbor2-6.2.1-{NATIVE}.whl")
    back = moved(native, OLD, wheels)
    assert back.lockfile.packages["cbor2"].file_name.endswith("/cbor2-5.9.0-py3-none-any.whl")
    assert back.reasons["cbor2"] == "no wheel of 6.2.1 for pyemscripten_2025_0_wasm32"


def test_inside_pyodide(
    node314: NodePyodide, before: Lockfile, after: RetargetResult, wheels: IndexServer
) -> None:
    with IndexServer() as tools:
        tools.add_folder(real_wheels("resolvelib==1.2.1"))
        node314.install("resolvelib", index_url=tools.url)
    answer = node314.run(INSIDE.format(lock=before.to_json(), index=wheels.url))
    assert answer["lock"] == after.to_json()
    assert answer["reasons"] == after.reasons
    assert answer["requests"] == after.requests
    assert {"newer": "1.1", "package": "newer"}.items() <= {
        item["package"]: item for item in answer["news"]
    }["newer"].items()
    assert "1.0 needs moves==1.0" in answer["html"]


INSIDE = """
import micropip_lock
result = await micropip_lock.retarget({lock!r}, index_urls={index!r})
found = await micropip_lock.outdated(result.lockfile, index_urls={index!r})
answer = {{"lock": result.to_json(), "reasons": dict(result.reasons), "requests": result.requests}}
answer | {{"news": found.to_json()["packages"], "html": result._repr_html_()}}
"""
