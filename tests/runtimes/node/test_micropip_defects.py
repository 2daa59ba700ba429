"""What micropip.freeze() gets wrong, one test for each defect, in real Pyodide.

Each was reproduced with micropip 0.11.1. The tests say nothing of micropip's own result: only that
ours is right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import micropip_lock
from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.inside import freeze, problems, unlockable, unpack
from tests.support.installed import pip_target, uv_target
from tests.support.node_pyodide import NodePyodide
from tests.support.replies import Fault
from tests.support.runner_session import RunnerSession
from tests.support.wheels import build_wheel, sha256

NEWEST = runtimes.VERSIONS[-1]


@pytest.fixture(scope="module")
def distribution() -> Iterator[NodePyodide]:
    """A runtime that booted from the whole base lock of its release;

    only micropip and packaging can be loaded.
    """
    with NodePyodide(lock=runtimes.base_lock(NEWEST)) as session:
        session.use_project()
        yield session


@pytest.fixture
def whole(distribution: NodePyodide) -> NodePyodide:
    """The same as it was after the boot, with packaging."""
    distribution.reset()
    distribution.load_packages(["packaging"])
    return distribution


def test_imports_are_empty_without_top_level_txt(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    files = {
        "richer/__init__.py": "",
        "richer/table.py": "",
        "single.py": "",
        "richer-data/no_module.py": "",
    }
    build_wheel(index.folder, "demo", "1.0", files=files)
    build_wheel(
        index.folder,
        "lying",
        "1.0",
        files={"truth.py": ""},
        dist_info_files={"top_level.txt": "falsehood\n"},
    )
    pyodide314.install("demo", "lying", index_url=index.url)
    frozen = freeze(pyodide314)
    assert frozen.entry("demo")["imports"] == ["richer", "single"]
    assert frozen.entry("lying")["imports"] == ["truth"]


def test_both_packages_of_a_namespace_claim_it(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    for part in ("context", "functools"):
        files = {f"space/{part}.py" if part == "context" else f"space/{part}/__init__.py": ""}
        build_wheel(
            index.folder,
            f"space.{part}",
            "1.0",
            files=files,
            dist_info_files={"top_level.txt": "space\n"},
        )
    pyodide314.install("space.context", "space.functools", index_url=index.url)
    frozen = freeze(pyodide314)
    assert frozen.entry("space-context")["imports"] == ["space", "space.context"]
    assert frozen.entry("space-functools")["imports"] == ["space.functools"]
    assert (
        frozen.warnings_of("space-context")
        == frozen.warnings_of("space-functools")
        == {"not-portable"}
    )


def test_packages_without_pyodide_url_are_dropped_silently(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    unpack(pyodide314, wheel)
    assert problems(pyodide314, index_urls=[]) == {"demo": "no-such-project"}
    frozen = freeze(pyodide314, index_urls=[index.url])
    assert frozen.entry("demo")["file_name"] == index.file_url(wheel.name)
    assert frozen.entry("demo")["sha256"] == sha256(wheel)
    assert frozen.proofs["demo"] == ("index", "content")
    assert index.wheel_downloads == 0


def test_what_shadows_a_base_package_is_frozen_as_the_base_version(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    newer = build_wheel(index.folder, "micropip", "99.0")
    unpack(pyodide314, newer)
    frozen = freeze(pyodide314, index_urls=index.url)
    assert frozen.entry("micropip")["version"] == "99.0"
    assert frozen.entry("micropip")["sha256"] == sha256(newer)
    build_wheel(index.folder, "micropip", "99.0", files={"other.py": ""})
    assert problems(pyodide314, index_urls=index.url) == {"micropip": "content-mismatch"}
    index.remove(newer.name)
    assert problems(pyodide314, index_urls=index.url) == {"micropip": "no-such-project"}


def test_extras_are_lost(pyodide314: RunnerSession, index: IndexServer) -> None:
    for name in ("addition", "unrelated"):
        build_wheel(index.folder, name, "1.0")
    build_wheel(
        index.folder, "middle", "1.0", extras={"more": ["addition"], "other": ["unrelated"]}
    )
    build_wheel(index.folder, "top", "1.0", requires=["middle[more]"])
    pyodide314.install("top", index_url=index.url)
    frozen = freeze(pyodide314)
    assert frozen.entry("top")["depends"] == ["middle"]
    assert frozen.entry("middle")["depends"] == ["addition"]


def test_self_referencing_extras_become_self_dependencies(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    for name in ("first", "second"):
        build_wheel(index.folder, name, "1.0")
    extras = {"one": ["first"], "two": ["second"], "all": ["Self_Made[one,two]"]}
    build_wheel(index.folder, "self-made", "1.0", extras=extras)
    pyodide314.install("self-made[all]", index_url=index.url)
    # micropip takes the extra for satisfied, and does not even install what it asks for.
    assert problems(pyodide314) == {"self-made": "missing-dependency missing-dependency"}
    pyodide314.install("first", "second", index_url=index.url)
    frozen = freeze(pyodide314)
    assert frozen.entry("self-made")["depends"] == ["first", "second"]


def test_extras_asked_for_in_a_later_call_are_ignored(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    build_wheel(index.folder, "addition", "1.0")
    build_wheel(index.folder, "demo", "1.0", extras={"more": ["addition"]})
    pyodide314.install("demo", index_url=index.url)
    assert freeze(pyodide314).entry("demo")["depends"] == []
    # micropip looks no further than at what is installed already.
    pyodide314.install("demo[more]", index_url=index.url)
    assert problems(pyodide314, requested=["demo[more]"]) == {"demo": "missing-dependency"}
    pyodide314.install("addition", index_url=index.url)
    guessed = freeze(pyodide314)
    assert guessed.entry("demo")["depends"] == ["addition"]
    assert ("extra-guessed", "demo") in guessed.warnings
    told = freeze(pyodide314, requested=["demo[more]"])
    assert told.entry("demo")["depends"] == ["addition"]
    assert ("extra-guessed", "demo") not in told.warnings


def test_cycles_recurse_or_deadlock(
    pyodide314: RunnerSession,
    fresh_pyodide: Callable[..., NodePyodide],
    index: IndexServer,
    tmp_path: Path,
) -> None:
    build_wheel(index.folder, "hen", "1.0", requires=["egg"])
    build_wheel(index.folder, "egg", "1.0", requires=["hen", "leaf"])
    build_wheel(index.folder, "leaf", "1.0")
    build_wheel(index.folder, "farm", "1.0", requires=["egg"])
    pyodide314.install("farm", index_url=index.url)
    frozen = freeze(pyodide314)
    assert {name: frozen.entry(name)["depends"] for name in ("farm", "egg", "hen", "leaf")} == {
        "farm": ["egg"],
        "egg": ["hen", "leaf"],
        "hen": [],
        "leaf": [],
    }
    assert ("cycle", "egg") in frozen.warnings
    booted = fresh_pyodide(lock=runtimes.localise(frozen.lock, tmp_path, index.folder))
    loaded = booted.load_packages(["farm"])
    assert {package["name"] for package in loaded} == {"farm", "egg", "hen", "leaf"}
    booted.run("import farm, egg, hen, leaf")


@pytest.mark.parametrize("scheme", ["emfs", "file"])
def test_local_urls_are_kept(
    pyodide314: RunnerSession, tmp_path: Path, scheme: str, index: IndexServer
) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    pyodide314.write(f"/tmp/{wheel.name}", wheel.read_bytes())
    # micropip reads file: by fetch, which Node refuses; so one is installed as emfs: and then says
    # file:
    pyodide314.install(f"emfs:/tmp/{wheel.name}", index_url=index.url)
    if scheme == "file":
        claim = f"/lib/python3.14/site-packages/{wheel.name.split('-py3')[0]}.dist-info/PYODIDE_URL"
        pyodide314.write(claim, f"file:///tmp/{wheel.name}".encode())
    assert problems(pyodide314) == {"demo": "local-file"}


def test_tokens_are_kept(pyodide314: RunnerSession, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name)
    pyodide314.install(f"{url}?token=s3cret", index_url=index.url)
    # The server gives the same wheel without the token, whose hash nothing but a download can tell.
    assert unlockable(pyodide314).codes == {"demo": "query-needed"}
    frozen = freeze(pyodide314, index_urls=[], download=True)
    assert frozen.entry("demo")["file_name"] == url
    assert frozen.proofs["demo"] == ("micropip", "download")
    # Now it does not.
    index.faults[f"/files/{wheel.name}"] = Fault("status", status=403)
    error = unlockable(pyodide314)
    assert error.codes == {"demo": "query-needed"}
    assert "s3cret" not in f"{error.problems}{frozen.text}{frozen.evidence}"


@pytest.mark.parametrize("persistent", [True, False], ids=["file", "in-memory"])
def test_mocks_are_dropped_while_others_need_them(
    pyodide314: RunnerSession, index: IndexServer, persistent: bool
) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["fake"])
    pyodide314.load_packages(["micropip"])
    pyodide314.run(
        f"import micropip; micropip.add_mock_package('fake', '1.0', persistent={persistent})"
    )
    pyodide314.install("demo", index_url=index.url)
    error = unlockable(pyodide314)
    assert error.codes["fake"] == "mock"
    assert set(error.codes) <= {"fake", "demo"}
    # Left out on purpose, the edge goes as well, and the lock can be loaded.
    frozen = freeze(pyodide314, exclude=["Fake"])
    assert frozen.entry("demo")["depends"] == []
    assert ("excluded-dependency", "demo") in frozen.warnings


def test_entries_lack_package_type_and_unvendored_tests(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    build_wheel(index.folder, "demo", "1.0")
    pyodide314.install("demo", index_url=index.url)
    keys = {name: set(entry) for name, entry in freeze(pyodide314).packages.items()}
    assert {"package_type", "unvendored_tests"} <= keys["demo"]
    assert keys["demo"] == keys["micropip"] - {"tool"}


def test_top_level_tool_is_dropped(whole: NodePyodide) -> None:
    base = runtimes.base_lock(NEWEST)
    assert "tool" in base
    tool = freeze(whole).lock["tool"]
    assert tool.pop("micropip-lock") == {"indexes": [], "proof": "content", "requested": []}
    assert tool == base["tool"]


def test_whole_distribution_is_kept(whole: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    whole.load_packages([index.file_url(wheel.name)])
    assert set(freeze(whole, index_urls=index.url).packages) == {"demo", "packaging"}
    distribution = set(freeze(whole, index_urls=index.url, include="distribution").packages)
    assert distribution == {"demo", *runtimes.base_lock(NEWEST)["packages"]}


def test_base_names_become_local_paths_in_node(whole: NodePyodide) -> None:
    name = runtimes.base_lock(NEWEST)["packages"]["packaging"]["file_name"]
    frozen = freeze(whole)
    assert frozen.entry("packaging")["file_name"] == name
    assert ("not-portable", "packaging") in frozen.warnings
    placed = freeze(whole, base_url="https://cdn.example/v1")
    assert placed.entry("packaging")["file_name"] == f"https://cdn.example/v1/{name}"
    assert placed.warnings == []


@pytest.mark.parametrize("install", [pip_target, uv_target], ids=["pip", "uv"])
def test_what_pip_and_uv_installed_is_not_frozen(
    install: Callable[..., Path], index: IndexServer, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["other"])
    build_wheel(index.folder, "other", "2.0")
    install(tmp_path, "demo", index_url=index.url)
    index.reset()
    base = runtimes.emptied_base(NEWEST) / "pyodide-lock.json"
    result = asyncio.run(micropip_lock.freeze(path=tmp_path, base=base, index_urls=index.url))
    entries: dict[str, Any] = result.lockfile.to_dict()["packages"]
    assert set(entries) == {"demo", "other"}
    assert (entries["demo"]["file_name"], entries["demo"]["sha256"]) == (
        index.file_url(wheel.name),
        sha256(wheel),
    )
    assert {item.proof for item in result.evidence} == {"content"}
    assert index.wheel_downloads == 0
