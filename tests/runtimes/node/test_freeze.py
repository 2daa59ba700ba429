"""freeze() inside every supported Pyodide, from micropip.install to a runtime that boots from the
lock.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.inside import freeze
from tests.support.node_pyodide import NodePyodide
from tests.support.own_wheel import build_own_wheel
from tests.support.session import PROJECT_PATH
from tests.support.wheels import build_wheel, sha256

KEYS = {
    "name",
    "version",
    "file_name",
    "install_dir",
    "sha256",
    "package_type",
    "imports",
    "depends",
    "unvendored_tests",
}


@pytest.fixture
def wheels(index: IndexServer) -> dict[str, Path]:
    """A namespace pair, a package without top_level.txt, and one with an extra."""
    folder = index.folder
    return {
        "space-one": build_wheel(folder, "space.one", "1.0", files={"space/one.py": "value = 1\n"}),
        "space-two": build_wheel(
            folder, "space.two", "2.0", files={"space/two/__init__.py": "value = 2\n"}
        ),
        "bare": build_wheel(
            folder,
            "Bare",
            "3.0",
            files={"bare/__init__.py": "", "bare_tool.py": ""},
            requires=["space.one>=1"],
        ),
        "extras": build_wheel(
            folder,
            "extras",
            "4.0",
            requires=["packaging", "never; sys_platform == 'win32'"],
            extras={"more": ["addition>=1"], "other": ["never"]},
        ),
        "addition": build_wheel(folder, "addition", "1.5"),
    }


REQUIREMENTS = ("space.one", "space.two", "Bare", "extras[more]")
IMPORTS = {
    "space-one": {"space", "space.one"},  # the bare namespace goes to one owner
    "space-two": {"space.two"},
    "bare": {"bare", "bare_tool"},
    "extras": {"extras"},
    "addition": {"addition"},
}
DEPENDS = {
    "space-one": [],
    "space-two": [],
    "bare": ["space-one"],
    "extras": ["addition", "packaging"],
    "addition": [],
}


def test_what_micropip_installed_needs_no_request(
    pyodide: NodePyodide, index: IndexServer, wheels: dict[str, Path]
) -> None:
    pyodide.install(*REQUIREMENTS, index_url=index.url)
    index.reset()
    frozen = freeze(pyodide)
    assert index.requests == []
    assert frozen.totals["requests"] == frozen.totals["bytes"] == 0
    assert frozen.totals["packages"] == len(wheels) + len(runtimes.KEPT)
    assert set(frozen.packages) == {*wheels, *runtimes.KEPT}
    for name, wheel in wheels.items():
        entry = frozen.entry(name)
        assert set(entry) == KEYS
        assert (entry["file_name"], entry["sha256"]) == (index.file_url(wheel.name), sha256(wheel))
        assert entry["version"] == wheel.name.split("-")[1]
        assert (set(entry["imports"]), entry["depends"]) == (IMPORTS[name], DEPENDS[name])
        assert (entry["install_dir"], entry["package_type"], entry["unvendored_tests"]) == (
            "site",
            "package",
            False,
        )
        assert frozen.proofs[name] == ("micropip", "installer")
    assert frozen.entry("bare")["name"] == "Bare"
    base = runtimes.read_json(runtimes.emptied_base(pyodide.version) / "pyodide-lock.json")
    for name in runtimes.KEPT:
        assert frozen.entry(name) == base["packages"][name]
        assert frozen.proofs[name] == ("base", "base")
    assert frozen.lock["info"] == base["info"]
    assert ("tool" in frozen.lock) is ("tool" in base)
    assert freeze(pyodide).text == frozen.text
    assert freeze(pyodide, sync=True).text == frozen.text
    assert index.requests == []


def test_boots_from_the_frozen_lock(
    pyodide: NodePyodide,
    fresh_pyodide: Callable[..., NodePyodide],
    index: IndexServer,
    wheels: dict[str, Path],
    tmp_path: Path,
) -> None:
    pyodide.install(*REQUIREMENTS, index_url=index.url)
    frozen = freeze(pyodide)
    booted = fresh_pyodide(
        pyodide.version, lock=runtimes.localise(frozen.lock, tmp_path, index.folder)
    )
    statements = {
        "import space.one": {"space-one"},
        "import space.two": {"space-two", "space-one"},  # the owner of the namespace comes along
        "import bare": {"bare", "space-one"},
        "import bare_tool": {"bare", "space-one"},
        "import extras, addition": {"extras", "addition", "packaging"},
    }
    for statement, expected in statements.items():
        booted.reset()
        loaded = booted.load_packages_from_imports(statement)
        assert {package["name"].lower().replace(".", "-") for package in loaded} == expected
        booted.run(statement)
    booted.reset()
    booted.load_packages(list(frozen.packages))
    values = booted.run(
        "import addition, bare, bare_tool, extras, space.one, space.two\n[space.one.value, "
        "space.two.value]"
    )
    assert values == [1, 2]
    # A runtime that booted from a lock freezes to that lock.
    again = freeze(booted)
    localised = runtimes.read_json(tmp_path / "pyodide-lock.json")
    assert again.lock["packages"] == localised["packages"]
    assert {proof for _, proof in again.proofs.values()} == {"base"}


def test_writes_a_file_that_can_be_read(pyodide: NodePyodide) -> None:
    code = """
    import micropip_lock, os, tempfile
    folder = tempfile.mkdtemp()
    path = f"{folder}/pyodide-lock.json"
    result = await micropip_lock.freeze()
    for _ in range(2):
        result.write(path)
        with open(path) as file:
            assert file.read() == result.to_json()
    [os.stat(path).st_mode & 0o644, os.listdir(folder)]
    """
    assert pyodide.run(code) == [0o644, ["pyodide-lock.json"]]


@pytest.fixture(scope="module")
def own_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build_own_wheel(tmp_path_factory.mktemp("wheel"))


def test_installed_by_micropip_itself(
    pyodide: NodePyodide, index: IndexServer, own_wheel: Path
) -> None:
    index.add(own_wheel)
    build_wheel(index.folder, "demo", "1.0")
    pyodide.run(f"import sys; sys.path.remove({PROJECT_PATH!r})")
    pyodide.install("micropip-lock", "demo", index_url=index.url)
    assert pyodide.run("import micropip_lock; micropip_lock.__file__").startswith("/lib/")
    frozen = freeze(pyodide)
    assert set(frozen.packages) == {"demo", "micropip", "packaging"}
    assert frozen.left_out == ["micropip-lock"]
    # Whatever depends on it keeps it.
    build_wheel(index.folder, "user", "1.0", requires=["micropip-lock"])
    pyodide.install("user", index_url=index.url)
    kept = freeze(pyodide)
    assert kept.entry("micropip-lock")["imports"] == ["micropip_lock"]
    assert kept.entry("micropip-lock")["depends"] == ["packaging"]
    assert kept.left_out == []
