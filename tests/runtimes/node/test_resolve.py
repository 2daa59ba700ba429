"""resolve() inside every supported Pyodide:

the bytes that the host writes, and a lock that boots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from micropip_lock import Lockfile, ResolutionError, ResolveResult
from tests.resolve.data import ResolveIndex
from tests.resolve.inside import resolve_inside
from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.node_pyodide import NodePyodide
from tests.support.resolving import asked_twice, no_solution, resolved
from tests.support.runner_session import RunnerSession
from tests.support.runtimes import emptied_base, read_json, real_wheels
from tests.support.wheels import build_wheel

#: As a stranger would write them: extras, markers, names spelt differently, a namespace, a version
#: of the base.
REQUIREMENTS = (
    "Extras[more]>=1",
    "space.one",
    "SPACE-two<3",
    "packaging",
    "never; sys_platform == 'win32'",
    "old",
)


@pytest.fixture
def resolving(pyodide: NodePyodide, index: IndexServer) -> NodePyodide:
    """Each supported Pyodide, with what resolve needs there."""
    index.add_folder(real_wheels("resolvelib==1.2.1"))
    pyodide.install("resolvelib", index_url=index.url)
    index.reset()
    return pyodide


@pytest.fixture
def wheels(index: IndexServer) -> None:
    """What the requirements need, what they must not choose, and how their newest versions
    mislead.
    """
    folder = index.folder
    build_wheel(folder, "space.one", "1.0", files={"space/one.py": "value = 1\n"})
    build_wheel(folder, "space.two", "2.0", files={"space/two/__init__.py": "value = 2\n"})
    build_wheel(folder, "space.two", "3.0", files={"space/two/__init__.py": "value = 3\n"})
    extras = {
        "more": ["addition>=1", "only-here; sys_platform == 'emscripten'"],
        "other": ["never"],
    }
    build_wheel(
        folder,
        "extras",
        "4.0",
        requires=["packaging", "never; platform_system != 'Emscripten'"],
        extras=extras,
    )
    build_wheel(folder, "addition", "1.5", requires=["shared<2"])
    build_wheel(folder, "addition", "0.5")
    build_wheel(folder, "only-here", "1.0")
    build_wheel(folder, "never", "1.0")
    # Its newest version excludes what `addition` needs, the one before needs another Python, or
    # another machine.
    build_wheel(folder, "old", "4.0", requires=["shared>=2"])
    build_wheel(folder, "old", "3.0", requires_python="<3.12")
    build_wheel(folder, "old", "2.0", tag="cp314-cp314-win_amd64")
    build_wheel(folder, "old", "1.0", requires=["shared>=1", "extras"])
    for version in ("1.0", "1.5", "2.0"):
        build_wheel(
            folder, "shared", version, files={"shared/__init__.py": f"version = {version!r}\n"}
        )


VERSIONS = {
    "extras": "4.0",
    "addition": "1.5",
    "only-here": "1.0",
    "space-one": "1.0",
    "space-two": "2.0",
    "old": "1.0",
    "shared": "1.5",
}


def on_the_host(version: str, index: IndexServer, *requirements: str) -> ResolveResult:
    """The same question to the host."""
    return resolved(
        *requirements, base=emptied_base(version) / "pyodide-lock.json", index_urls=index.url
    )


def test_same_bytes_as_on_the_host(
    resolving: NodePyodide, index: IndexServer, wheels: None
) -> None:
    inside = resolve_inside(resolving, *REQUIREMENTS, index_urls=index.url)
    assert inside.error == "", inside.message
    assert index.wheel_downloads == 0
    assert asked_twice(index) == []
    assert inside.totals is not None
    assert inside.totals["requests"] == len(index.requests)
    assert inside.totals["bytes"] == index.bytes
    base = read_json(emptied_base(resolving.version) / "pyodide-lock.json")
    assert inside.versions == VERSIONS | {"packaging": base["packages"]["packaging"]["version"]}
    assert inside.lock["packages"]["packaging"] == base["packages"]["packaging"]

    index.reset()
    host = on_the_host(resolving.version, index, *REQUIREMENTS)
    assert inside.text == host.to_json()
    assert list(inside.evidence) == [item.to_json() for item in host.evidence]
    assert list(inside.warnings) == [item.to_json() for item in host.warnings]
    assert len(index.requests) == inside.totals["requests"]
    # The base may be handed in as well; then the runtime's own does not count.
    given = resolve_inside(
        resolving, *REQUIREMENTS, base={**base, "packages": {}}, index_urls=index.url
    )
    assert (given.error, given.problems[0]["code"]) == ("ResolutionError", "no-such-project")


def test_boots_from_the_lock(
    resolving: NodePyodide,
    fresh_pyodide: Callable[..., NodePyodide],
    index: IndexServer,
    wheels: None,
    tmp_path: Path,
) -> None:
    inside = resolve_inside(resolving, *REQUIREMENTS, index_urls=index.url)
    lock = inside.lock
    booted = fresh_pyodide(resolving.version, lock=runtimes.localise(lock, tmp_path, index.folder))
    imports = {name: entry["imports"] for name, entry in lock["packages"].items()}
    assert all(imports.values())
    for name, names in imports.items():
        booted.reset()
        booted.load_packages([name])
        booted.run("\n".join(f"import {item}" for item in names))
    booted.reset()
    loaded = booted.load_packages_from_imports("import extras")
    assert {item["name"] for item in loaded} == {
        "extras",
        "addition",
        "only-here",
        "shared",
        "packaging",
    }
    assert booted.run("import shared\nshared.version") == "1.5"


def test_no_solution_is_explained_alike(
    resolving: NodePyodide, index: IndexServer, wheels: None
) -> None:
    asked = ("addition>=1", "old>=4")
    inside = resolve_inside(resolving, *asked, index_urls=index.url)
    assert inside.error == ResolutionError.__name__
    base = emptied_base(resolving.version) / "pyodide-lock.json"
    assert inside.message == no_solution(*asked, base=base, index_urls=index.url)


def test_without_resolvelib(pyodide: NodePyodide, index: IndexServer, wheels: None) -> None:
    inside = resolve_inside(pyodide, "shared", index_urls=index.url)
    assert inside.error == "InputError"
    assert "await micropip.install('resolvelib')" in inside.message
    assert index.requests == []


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[ResolveIndex]:
    with ResolveIndex(tmp_path / "projects") as server:
        yield server


@pytest.mark.parametrize(
    "requirements",
    [["boto3", "s3transfer<0.7"], ["celery[redis]", "django-celery-beat", "left", "right"]],
    ids=["backtracking", "many"],
)
def test_real_families(
    pyodide314: RunnerSession, index: IndexServer, projects: ResolveIndex, requirements: list[str]
) -> None:
    index.add_folder(real_wheels("resolvelib==1.2.1"))
    pyodide314.install("resolvelib", index_url=index.url)
    base = read_json(emptied_base(pyodide314.version) / "pyodide-lock.json")
    inside = resolve_inside(pyodide314, *requirements, base=base, index_urls=projects.url)
    assert inside.error == "", inside.message
    assert asked_twice(projects) == []
    assert projects.wheel_downloads == 0
    host = resolved(*requirements, base=Lockfile.from_json(base), index_urls=projects.url)
    assert inside.text == host.to_json()
    if pyodide314.runtime == "node":  # what a browser tells is in tests/runtimes/chromium
        assert inside.totals == host.totals
