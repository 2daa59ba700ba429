"""The rules of «Equal»: an installation compared with a wheel."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.formats.record import RecordRow, digest
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.formats.wheel_archive import inspect_wheel
from micropip_lock.formats.zip_directory import Member
from micropip_lock.installed.distribution import InstalledDistribution
from micropip_lock.installed.installation import Installation
from micropip_lock.installed.site_packages import scan
from micropip_lock.proof.comparison import Comparison, compare, split_changes

from ...support.installed import (
    clean_environment,
    installer_target,
    pip_target,
    run_pip,
    uv_command,
    uv_target,
)
from ...support.wheels import Row, build_wheel

INFO = "demo-1.0.dist-info"

# -- comparing real wheels with real installations


def contents(wheel: Path, *, downloaded: bool = False) -> WheelDescription:
    """What `read_wheel` reads of a wheel, or `download_wheel`."""
    project = wheel.name.partition("-")[0]
    with wheel.open("rb") as file:
        whole = inspect_wheel(file, wheel.stat().st_size, "", project)
    return whole if downloaded else replace(whole, true_rows=None)


def installed(folder: Path) -> InstalledDistribution:
    (distribution,), problems = scan([folder])
    assert not problems and not distribution.faults
    return distribution


RICH: dict[str, Any] = {
    "files": {"demo/__init__.py": "", "demo/a,b.txt": "x", "demo/é.py": "1\n", "other.py": "2\n"},
    "data": {
        "scripts/run": "#!python\nprint()\n",
        "purelib/pure.py": "3\n",
        "platlib/plat.py": "4\n",
        "data/share/demo.txt": "5\n",
        "headers/demo.h": "6\n",
    },
    "entry_points": {"demo-run": "demo:main"},
    "dist_info_files": {
        "licenses/LICENSE": "free",
        "INDEX": "https://index.example/simple\n",
        "RECORD.jws": "{}",
    },
}


@pytest.mark.parametrize("install", [pip_target, uv_target, installer_target])
def test_what_installers_install_is_the_wheel(install: Any, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "wheels", "demo", "1.0", **RICH)
    other = build_wheel(
        tmp_path / "others",
        "demo",
        "1.0",
        **{**RICH, "files": {**RICH["files"], "other.py": "9\n"}},
    )
    is_path = install is installer_target
    distribution = installed(install(tmp_path / "site", wheel if is_path else str(wheel)))
    for check_files in ("size", "hash"):
        installation = distribution.installation(check_files)
        assert compare(installation, contents(wheel)) == Comparison()
        assert compare(installation, contents(other)).differing == ["other.py"]


def pip_prefix(folder: Path, wheel: str) -> Path:
    """``pip install --prefix``: the layout of an environment."""
    run_pip(
        "install",
        "--prefix",
        str(folder),
        "--no-index",
        "--no-cache-dir",
        "-q",
        wheel,
        platform=None,
    )
    return site_packages(folder)


def uv_prefix(folder: Path, wheel: str) -> Path:
    """``uv pip install --prefix``."""
    command = [
        uv_command(),
        "pip",
        "install",
        "--prefix",
        str(folder),
        "--no-index",
        "--no-cache",
        "-q",
    ]
    subprocess.run(
        [*command, "--python", sys.executable, wheel], env=clean_environment(), check=True
    )
    return site_packages(folder)


def site_packages(prefix: Path) -> Path:
    (found,) = prefix.glob("lib/python3.*/site-packages")
    return found


PYTHON = f"python3.{sys.version_info.minor}"
BESIDE = [
    "lib/libdemo.so",
    "lib/systemd/user/demo.service",
    f"lib/{PYTHON}/demo.txt",
    "lib64/a",
    "Lib/a",
    "share/lib/a",
]


@pytest.mark.parametrize(
    "install", [pip_prefix, uv_prefix, pip_target, uv_target, installer_target]
)
def test_data_files_beside_site_packages_are_those_of_the_wheel(
    install: Any, tmp_path: Path
) -> None:
    files = {"demo/__init__.py": ""}
    wheels = [
        build_wheel(
            tmp_path / str(number),
            "demo",
            "1.0",
            files=files,
            data={f"data/{path}": text for path in BESIDE},
        )
        for number, text in enumerate(["1\n", "2\n"])
    ]
    wheel = wheels[0] if install is installer_target else str(wheels[0])
    distribution = installed(install(tmp_path / "site", wheel))
    installation = distribution.installation("hash")
    assert compare(installation, contents(wheels[0])) == Comparison()
    assert compare(installation, contents(wheels[1])).differing == [
        f"demo-1.0.data/data/{path}" for path in BESIDE
    ]


@pytest.mark.parametrize(
    ("install", "below"),
    [
        (pip_prefix, f"lib/{PYTHON}/site-packages/a.txt"),
        (uv_prefix, f"lib/{PYTHON}/site-packages/a.txt"),
        (pip_target, "lib/python/a.txt"),
    ],
)
def test_data_files_that_end_in_site_packages_are_not(
    install: Any, below: str, tmp_path: Path
) -> None:
    """Pyodide puts them elsewhere."""
    wheel = build_wheel(tmp_path / "wheels", "demo", "1.0", data={f"data/{below}": "1\n"})
    distribution = installed(install(tmp_path / "site", str(wheel)))
    assert (distribution.folder / "a.txt").is_file()
    found = compare(distribution.installation("size"), contents(wheel))
    assert found.differing == [f"demo-1.0.data/data/{below}"] and found.extra == ["a.txt"]


def test_data_files_that_uv_puts_among_packages(tmp_path: Path) -> None:
    files = {"demo/__init__.py": ""}
    data = {"data/demo/extra.txt": "1\n"}
    found = []
    for name, more in (
        ("plain", {}),
        ("script", {"data/setup.py": "2\n"}),
        ("module", {"data/demo/core.py": "3\n"}),
    ):
        wheel = build_wheel(tmp_path / name, "demo", "1.0", files=files, data={**data, **more})
        distribution = installed(uv_target(tmp_path / f"{name}-site", str(wheel)))
        assert (distribution.folder / "demo" / "extra.txt").is_file()
        found.append(compare(distribution.installation("hash"), contents(wheel)))
        by_pip = installed(pip_target(tmp_path / f"{name}-pip", str(wheel)))
        assert compare(by_pip.installation("hash"), contents(wheel)) == Comparison()
    misplaced = [[], ["demo-1.0.data/data/setup.py"], ["demo-1.0.data/data/demo/core.py"]]
    assert found == [Comparison(misplaced=names) for names in misplaced]


def test_a_module_at_the_root_is_not_one_in_data(tmp_path: Path) -> None:
    files = {"demo/__init__.py": "", "demo/core.py": "1\n"}
    wheel = build_wheel(tmp_path / "wheels", "demo", "1.0", files=files)
    other = build_wheel(
        tmp_path / "others",
        "demo",
        "1.0",
        files={"demo/__init__.py": ""},
        data={"data/demo/core.py": "1\n"},
    )
    for install, difference in ((pip_target, "differing"), (uv_target, "misplaced")):
        distribution = installed(install(tmp_path / install.__name__, str(wheel)))
        assert compare(distribution.installation("size"), contents(wheel)) == Comparison()
        found = compare(distribution.installation("size"), contents(other))
        assert getattr(found, difference) == ["demo-1.0.data/data/demo/core.py"]


def test_compiled_and_pip_s_own_scripts_are_no_extras(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path / "wheels", "pip", "99.0", entry_points={"pip": "pip:main", "pip3": "pip:main"}
    )
    site = tmp_path / "site"
    pip_target(site, str(wheel), platform=None, flags=["--compile"])
    distribution = installed(site)
    paths = {row.path for row in distribution.rows}
    assert any(path.endswith(".pyc") for path in paths) and "../../bin/pip" in paths
    assert len([path for path in paths if path.startswith("../../bin/pip")]) > 2  # and pip3.x
    assert compare(distribution.installation("size"), contents(wheel)) == Comparison()


# -- the rules of «Equal», one by one


def row(path: str, content: bytes = b"1", algorithm: str = "sha256", **changes: Any) -> RecordRow:
    values = {
        "algorithm": algorithm,
        "digest": digest(content, algorithm),
        "size": len(content),
        **changes,
    }
    return RecordRow(path, leaves_folder=path.startswith("../"), **values)


def member(name: str, content: bytes = b"1", **changes: Any) -> Member:
    values = {
        "size": len(content),
        "crc": zlib.crc32(content),
        "compressed_size": 0,
        "method": 0,
        "offset": 0,
    }
    return Member(name, **{**values, **changes})


class Case:
    """A wheel and an installation of it that are equal, until something is changed."""

    def __init__(self, *names: str) -> None:
        names = names or ("a.py",)
        self.members = [member(name) for name in names]
        self.shipped = [row(name) for name in names]
        self.rows = [row(name) for name in names]
        self.on_disk: dict[str, bytes] = {}
        self.in_wheel: dict[str, bytes] = {}
        self.opened: list[str] = []

    def compare(self, *, downloaded: bool = False, **options: Any) -> Comparison:
        return compare(self.installation(**options), self.wheel(downloaded=downloaded))

    def installation(self, *, crc: bool = False, **options: Any) -> Installation:
        return Installation(self.rows, self, check_crc=crc, **options)

    def wheel(self, *, downloaded: bool = False) -> WheelDescription:
        """The wheel; each member holds "1" unless ``in_wheel`` says something else."""
        true_rows = [row(item.name, self.in_wheel.get(item.name, b"1")) for item in self.members]
        return WheelDescription(
            tuple(self.members), self.shipped, INFO, 1, true_rows=true_rows if downloaded else None
        )

    def is_file(self, path: str) -> bool:
        return path in self.on_disk

    def digest(self, path: str, algorithm: str) -> str | None:
        self.opened.append(path)
        return digest(self.on_disk[path], algorithm) if path in self.on_disk else None

    def size_and_crc(self, path: str) -> tuple[int, int] | None:
        self.opened.append(path)
        data = self.on_disk.get(path)
        return None if data is None else (len(data), zlib.crc32(data))


def test_equal_rows_are_equal_and_nothing_is_opened() -> None:
    case = Case("a.py", "p/b.py", f"{INFO}/METADATA", f"{INFO}/licenses/x")
    assert case.compare() == Comparison() and case.compare().equal and not case.opened


@pytest.mark.parametrize(
    ("side", "changed", "verdict"),
    [
        ("rows", None, "differing"),
        ("rows", row("a.py", b"2"), "differing"),
        ("rows", row("a.py", b"1", size=2), "differing"),
        ("rows", row("a.py", b"1", size=None), ""),
        ("rows", row("A.py"), "differing extra"),
        ("rows", row("b/a.py"), "differing extra"),
        ("rows", row("a.py", b"1", "md5"), "weak"),
        ("rows", RecordRow("a.py", size=1), "weak"),
        ("rows", RecordRow("a.py"), "weak"),
        ("shipped", None, "weak"),
        ("shipped", row("a.py", b"2"), "differing"),
        ("shipped", row("a.py", b"1", "md5"), "weak"),
        ("shipped", row("a.py", b"1", "sha1"), "weak"),
        ("shipped", RecordRow("a.py"), "weak"),
        ("shipped", RecordRow("a.py", "sha256", None, 1), "weak"),
        ("shipped", row("a.py", b"1", size=2), "differing"),
        ("shipped", row("a.py", b"1", size=None), ""),
        ("members", member("a.py", size=2), "differing"),
        ("members", None, ""),
        ("members", member("a.py", crc=0), ""),
    ],
)
def test_every_member_has_one_row_of_equal_hash_and_size(
    side: str, changed: Any, verdict: str
) -> None:
    case = Case("a.py", "b.py")
    getattr(case, side)[0:1] = [changed] if changed else []
    found = case.compare()
    assert [
        name for name in ("differing", "weak", "extra") if getattr(found, name)
    ] == verdict.split()
    assert "b.py" not in found.differing + found.weak + found.extra
    assert found.equal is (not verdict)


def test_a_row_of_the_wheel_without_a_member_is_accounted_for_as_long_as_no_file_lies_there() -> (
    None
):
    case = Case("a.py", "b.py")
    del case.members[0]
    assert case.compare() == Comparison()  # as pip keeps it
    case.rows[0] = row("a.py", b"2")
    assert case.compare().extra == ["a.py"]
    case.rows[0], case.on_disk = row("a.py"), {"a.py": b"1"}
    assert case.compare().extra == ["a.py"]
    # Rows with a leading slash, as in published wheels, never count for a file of the folder.
    case.rows[0] = case.shipped[0] = RecordRow("/a.py", "sha256", "AA", 1, leaves_folder=True)
    assert case.compare() == Comparison()


def test_a_member_that_no_row_lists_is_decided_by_its_bytes() -> None:
    case = Case("a.py", "b.py")
    del case.rows[0], case.shipped[0]
    assert case.compare().differing == ["a.py"]  # not installed
    case.on_disk = {"a.py": b"1"}
    assert case.compare().weak == ["a.py"]
    found = case.compare(downloaded=True)
    assert found.equal and found.settled == {"a.py"}
    case.on_disk = {"a.py": b"2"}
    assert case.compare(downloaded=True).differing == ["a.py"]
    case.rows.insert(0, RecordRow("a.py"))  # as pip appends it
    assert case.compare().weak == ["a.py"]
    assert case.compare(downloaded=True).differing == ["a.py"]


@pytest.mark.parametrize(
    "said",
    [row("a.py", b"2"), row("a.py", size=9), row("a.py", b"22")],
    ids=["hash", "size", "both"],
)
@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "hashed anew"])
def test_a_wheel_whose_record_is_wrong_about_a_file(said: RecordRow, is_kept: bool) -> None:
    case = Case("a.py", "b.py")
    case.shipped[0] = said
    case.on_disk = {"a.py": b"1"}
    if is_kept:
        case.rows[0] = said
    found = case.compare()
    if is_kept and said.size == 1:
        assert found.equal  # only the bytes show it: docs/evidence.md says so
        assert split_changes(["a.py"], case.installation(), case.wheel(), found) == ([], ["a.py"])
    else:
        assert found == Comparison(wrong=["a.py"])
    assert case.compare(downloaded=True).equal
    case.on_disk = {"a.py": b"3"}
    assert case.compare(downloaded=True).differing == ([] if is_kept is False else ["a.py"])
    if not (is_kept and said.size == 1):
        assert case.compare().differing == ["a.py"]


def test_why_a_file_is_not_as_its_row_says() -> None:
    case = Case("edited.py", "shipped.py", "gone.py", "row.py", "same.py")
    del case.members[3]
    case.on_disk = {"edited.py": b"2", "shipped.py": b"1", "same.py": b"1"}
    found = case.compare()
    paths = ["edited.py", "shipped.py", "gone.py", "row.py", "other.py"]
    edited = ["edited.py", "gone.py", "other.py"]
    assert split_changes(paths, case.installation(), case.wheel(), found) == (
        edited,
        ["shipped.py"],
    )
    downloaded = case.wheel(downloaded=True)
    assert split_changes(paths, case.installation(), downloaded, found) == (edited, [])
    case.on_disk["row.py"] = b""
    assert split_changes(["row.py"], case.installation(), case.wheel(), found) == (["row.py"], [])


def test_a_folder_entry_is_no_file() -> None:
    case = Case()
    case.members.append(member("p/", b""))
    assert case.compare().equal


WRITTEN = [
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "provenance_url.json",
    "uv_cache.json",
    "uv_build.json",
]
WRITTEN += [
    "INDEX",
    "PYODIDE_URL",
    "PYODIDE_SHA256",
    "PYODIDE_SOURCE",
    "PYODIDE_REQUIRES",
    "RECORD",
    "RECORD.jws",
]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_installers_write_is_not_compared_in_their_own_folder_only(name: str) -> None:
    case = Case()
    case.members.append(member(f"{INFO}/{name}"))
    assert case.compare().equal  # shipped and not installed
    case.rows.append(RecordRow(f"{INFO}/{name}"))
    assert case.compare().equal  # shipped and replaced
    case.members.pop()
    assert case.compare().equal  # written
    case.rows[-1] = RecordRow(f"other-1.0.dist-info/{name}")
    assert case.compare().extra == [f"other-1.0.dist-info/{name}"]
    case.rows[-1] = RecordRow(f"{INFO}/sub/{name}")
    assert case.compare().extra == [f"{INFO}/sub/{name}"]
    case.rows[-1] = RecordRow(name)
    assert case.compare().extra == [name]
    case.rows.pop()
    case.members.append(member(f"other-1.0.dist-info/{name}"))
    assert case.compare().differing == [f"other-1.0.dist-info/{name}"]


@pytest.mark.parametrize(
    "name", ["METADATA", "WHEEL", "entry_points.txt", "top_level.txt", "uv.json", "INDEX.txt"]
)
def test_the_rest_of_dist_info_is_compared(name: str) -> None:
    case = Case("a.py", f"{INFO}/{name}")
    case.rows[1] = row(f"{INFO}/{name}", b"2")
    assert case.compare().differing == [f"{INFO}/{name}"]
    del case.members[1]
    assert case.compare().extra == [f"{INFO}/{name}"]


@pytest.mark.parametrize("scheme", ["purelib", "platlib"])
def test_purelib_and_platlib_lie_at_the_root(scheme: str) -> None:
    name = f"demo-1.0.data/{scheme}/p/a.py"
    case = Case(name)
    case.on_disk = {name: b"1"}
    assert case.compare().differing == [name] and case.compare().extra == [name]
    for path, equal in (("p/a.py", True), ("q/p/a.py", False), ("a.py", False)):
        case.rows = [row(path)]
        assert case.compare().equal is equal
    case.rows = [row("p/a.py", b"2")]
    assert case.compare().differing == [name]


@pytest.mark.parametrize("scheme", ["data", "headers"])
def test_data_and_headers_are_found_by_their_path_below_the_scheme(scheme: str) -> None:
    name = f"demo-1.0.data/{scheme}/share/a.txt"
    case = Case(name)
    for path in (
        "share/a.txt",
        "../../../share/a.txt",
        "../../include/python3.14/demo/share/a.txt",
        name,
    ):
        case.rows = [row(path)]
        assert case.compare().equal
    for path in ("a.txt", "notshare/a.txt", "share/A.txt", "share/a.txt/b"):
        case.rows = [row(path)]
        assert case.compare().differing == [name] and case.compare().extra == [path]
    case.rows = [row("share/a.txt", b"2")]
    assert case.compare().differing == [name]


@pytest.mark.parametrize(
    ("below", "paths"),
    [
        ("lib/a.so", ["../../a.so", "../a.so", "../../../lib/a.so"]),
        ("lib/systemd/user/a", ["../../systemd/user/a", "../systemd/user/a"]),
        ("lib64/a", ["../../a"]),
        ("Lib/a", ["../a", "../../Lib/a"]),
        ("lib/python3.14/a", ["../a", "../../python3.14/a", "../python3.14/a"]),
        ("lib/python3.13t/p/a", ["../p/a"]),
    ],
)
def test_data_files_may_lie_in_the_folders_above_site_packages(
    below: str, paths: list[str]
) -> None:
    case = Case(f"demo-1.0.data/data/{below}")
    for path in paths:
        case.rows = [row(path)]
        assert case.compare().equal, path
        case.rows = [row(path, b"2")]
        assert not case.compare().equal


@pytest.mark.parametrize(
    ("scheme", "below", "path"),
    [
        ("data", "share/a", "../../a"),
        ("data", "share/lib/a", "../../a"),
        ("data", "libx/a", "../../a"),
        ("data", "lib/p/a", "../../a"),
        ("data", "lib/a", "../../p/a"),
        ("data", "lib64/a", "../a"),
        ("data", "Lib/a", "../../a"),
        ("data", "lib/python/a", "../a"),
        ("data", "lib/python3.14/a", "../../a"),
        ("data", "lib/a", "a"),
        ("data", "lib/python/a", "a"),
        ("data", "lib/python3.14/site-packages/a", "a"),
        ("data", "Lib/site-packages/a", "a"),
        ("headers", "lib/a", "../../a"),
    ],
)
def test_data_files_lie_nowhere_else_outside_of_the_folder(
    scheme: str, below: str, path: str
) -> None:
    case = Case(name := f"demo-1.0.data/{scheme}/{below}")
    case.rows = [row(path)]
    assert case.compare().differing == [name] and case.compare().extra == [path]


def test_a_data_file_excuses_no_other_file_of_its_name() -> None:
    case = Case("demo-1.0.data/data/hook.py")
    case.rows = [row("../../hook.py"), row("demo/hook.py", b"added")]
    assert case.compare() == Comparison(extra=["demo/hook.py"])


@pytest.mark.parametrize("scheme", ["data", "headers"])
@pytest.mark.parametrize(
    ("names", "moved"),
    [
        (["p/__init__.py"], "p/a.py"),
        (["p/b.py"], "p/a.json"),
        (["demo-1.0.data/purelib/p/b.py"], "p/a.py"),
        ([], "a.py"),
        ([], "a.abi3.so"),
    ],
)
def test_a_file_of_a_package_is_no_data_file(scheme: str, names: list[str], moved: str) -> None:
    """Pyodide would put it elsewhere, so that the wheel is not what is installed."""
    case = Case(*names, name := f"demo-1.0.data/{scheme}/{moved}")
    case.rows = [row(path.removeprefix("demo-1.0.data/purelib/")) for path in [*names, moved]]
    assert case.compare().differing == [name] and case.compare().extra == [moved]
    case.rows[-1] = row(f"../../{moved}")
    assert case.compare().equal


@pytest.mark.parametrize(
    "path", ["p/a.json", "p/sub/a.txt", "p/lib.so.1", "share/a.py", "docs/conf.py", "README.md"]
)
def test_uv_puts_data_files_among_packages(path: str) -> None:
    case = Case("p/__init__.py", name := f"demo-1.0.data/data/{path}")
    case.rows[1] = row(path)
    assert case.compare(puts_data_among_packages=True).equal
    case.rows[1] = row(path, b"2")
    assert case.compare(puts_data_among_packages=True).differing == [name]


MODULES = [
    "p/a.py",
    "p/a.pyc",
    "p/a.cpython-314-wasm32-emscripten.so",
    "p/sub/a.pyd",
    "setup.py",
    "a.abi3.so",
]


@pytest.mark.parametrize("path", MODULES)
def test_what_python_may_import_among_packages_is_misplaced_data(path: str) -> None:
    """RECORD does not tell it from a module of a wheel that has it at the root."""
    case = Case("p/__init__.py", name := f"demo-1.0.data/data/{path}")
    case.rows[1] = row(path)
    found = case.compare(puts_data_among_packages=True)
    assert found == Comparison(misplaced=[name]) and not found.equal
    case.rows[1] = row(path, b"2")
    assert case.compare(puts_data_among_packages=True) == Comparison(differing=[name])
    case.rows[1] = row(f"../../{path}")
    assert case.compare(puts_data_among_packages=True).equal


@pytest.mark.parametrize(
    ("scheme", "below", "path"),
    [
        ("headers", "p/a.txt", "p/a.txt"),
        ("data", "a.txt", "p/a.txt"),
        ("data", "x/a.txt", "p/x/a.txt"),
    ],
)
def test_uv_puts_data_files_where_the_wheel_has_them(scheme: str, below: str, path: str) -> None:
    case = Case("p/__init__.py", name := f"demo-1.0.data/{scheme}/{below}")
    case.rows[1] = row(path)
    assert case.compare(puts_data_among_packages=True) == Comparison(differing=[name], extra=[path])


@pytest.mark.parametrize("scheme", ["data", "headers"])
def test_pip_puts_no_data_into_the_folder(scheme: str) -> None:
    """Not even where a folder without ``__init__.py`` may be a namespace package or one of data."""
    case = Case(name := f"demo-1.0.data/{scheme}/ns/mod.py")
    case.rows = [row("ns/mod.py")]
    assert case.compare().equal
    found = case.compare(keeps_data_outside=True)
    assert found.differing == [name] and found.extra == ["ns/mod.py"]
    case.rows = [row("../../ns/mod.py")]
    assert case.compare(keeps_data_outside=True).equal


def test_rows_outside_of_the_folder_are_never_opened() -> None:
    case = Case("demo-1.0.data/data/a.txt")
    for outside in (
        row("../../a.txt", b"1", "sha512"),
        RecordRow("../../a.txt", leaves_folder=True),
    ):
        case.rows = [outside]
        for downloaded in (True, False):
            assert case.compare(downloaded=downloaded, crc=True).weak == [
                "demo-1.0.data/data/a.txt"
            ]
    case.rows = [row("../../a.txt")]
    assert case.compare(downloaded=True, crc=True).equal
    assert not case.opened


@pytest.mark.parametrize(
    "place", ["../../../bin/run", "../../bin/run", "bin/run", "Scripts/run", "/usr/bin/run"]
)
@pytest.mark.parametrize("suffix", ["", ".exe", ".exe.manifest", "-script.py", "-script.pyw"])
def test_scripts_may_be_rewritten_and_lie_where_installers_put_them(
    place: str, suffix: str
) -> None:
    case = Case()
    case.rows.append(row(place + suffix, b"rewritten"))
    assert case.compare().extra == [place + suffix]
    assert case.compare(entry_points=frozenset({"run"})).equal
    case.members.append(member("demo-1.0.data/scripts/run"))
    assert case.compare().equal


@pytest.mark.parametrize(
    "path",
    [
        "run",
        "demo/run",
        "demo/bin/run",
        "../../lib/run",
        "../../demo/bin/run",
        "bin/other",
        "bin/run.py",
        "bin/run3.14",
        "bin/run-3.14.py",
        "scripts/run",
        "BIN/run",
        "../../../bin/running",
    ],
)
def test_other_files_are_no_scripts(path: str) -> None:
    case = Case()
    case.members.append(member("demo-1.0.data/scripts/run"))
    case.rows.append(row(path))
    assert case.compare(entry_points=frozenset({"run"})).extra == [path]


def test_scripts_lie_in_one_folder() -> None:
    case = Case()
    case.rows += [row("../../bin/run"), row("bin/run")]
    assert case.compare(entry_points=frozenset({"run"})).extra == ["bin/run"]


@pytest.mark.parametrize("name", ["pip3", "pip3.14", "pip-3.14", "easy_install-3.8"])
def test_versioned_scripts_are_those_of_pip_and_setuptools(name: str) -> None:
    case = Case()
    case.rows.append(row(f"../../../bin/{name}"))
    assert case.compare(entry_points=frozenset({"pip", "easy_install"})).equal
    assert not case.compare(entry_points=frozenset({"run"})).equal


def test_scripts_that_pyodide_leaves_where_they_are() -> None:
    case = Case()
    case.members.append(member("demo-1.0.data/scripts/run"))
    case.rows.append(row("demo-1.0.data/scripts/run"))
    assert case.compare().equal


def test_bytecode_of_a_listed_source_only() -> None:
    case = Case("p/a.py")
    good = ["p/__pycache__/a.cpython-314.pyc", "p/__pycache__/a.cpython-314.opt-1.pyc", "p/a.pyc"]
    bad = [
        "p/__pycache__/b.cpython-314.pyc",
        "__pycache__/a.cpython-314.pyc",
        "b.pyc",
        "p/__pycache__/a.txt",
    ]
    case.rows += [RecordRow(path) for path in good + bad]
    assert case.compare() == Comparison(extra=bad)


@pytest.mark.parametrize(
    ("skips", "differing"), [(False, ["__pycache__/a.cpython-314.pyc"]), (True, [])]
)
def test_only_some_installers_leave_bytecode_of_the_wheel_out(
    skips: bool, differing: list[str]
) -> None:
    case = Case("a.py", "__pycache__/a.cpython-314.pyc")
    case.rows = [row("a.py")]
    assert case.compare(skips_bytecode=skips).differing == differing


def test_bytecode_in_the_wheel_is_a_member_like_others() -> None:
    case = Case("p/a.pyc")
    case.rows[0] = row("p/a.pyc", b"2")
    assert case.compare().differing == ["p/a.pyc"]


def test_other_algorithms_are_answered_from_the_disk() -> None:
    case = Case()
    case.rows[0] = row("a.py", b"1", "sha512")
    assert case.compare().differing == ["a.py"]
    case.on_disk = {"a.py": b"2"}
    assert case.compare().differing == ["a.py"]
    case.on_disk = {"a.py": b"1"}
    assert case.compare().equal and case.opened


def test_weak_rows_are_decided_by_the_bytes_of_a_downloaded_wheel() -> None:
    for weak in (RecordRow("a.py"), row("a.py", b"1", "md5")):
        case = Case()
        case.rows[0], case.on_disk = weak, {"a.py": b"1"}
        assert case.compare().weak == ["a.py"] and not case.opened
        assert case.compare(downloaded=True).equal
        case.on_disk = {"a.py": b"2"}
        assert case.compare(downloaded=True).differing == ["a.py"]


def test_crcs_are_compared_with_the_disk_when_asked() -> None:
    case = Case()
    case.on_disk = {"a.py": b"1"}
    assert case.compare(crc=True).equal
    case.members[0] = member("a.py", crc=0)
    assert case.compare(crc=True).differing == ["a.py"]
    assert case.compare().equal
    # A file that is not as its own row says is a problem of another kind.
    for on_disk in ({"a.py": b"2"}, {}):
        case.on_disk = on_disk
        assert case.compare(crc=True).equal


@pytest.mark.parametrize("order", [1, -1])
def test_two_rows_of_one_path_never_hide_a_difference(order: int) -> None:
    case = Case()
    case.rows = [row("a.py", b"2"), row("a.py", b"3")][::order]
    assert case.compare().differing == ["a.py"]


def test_forged_record_rows_do_not_make_another_wheel_equal(tmp_path: Path) -> None:
    def transaction(rows: list[Row]) -> list[Row]:
        return [
            (path, genuine[path][0], genuine[path][1]) if path == "demo.py" else (path, h, s)
            for path, h, s in rows
        ]

    wheel = build_wheel(tmp_path / "true", "demo", "1.0", files={"demo.py": "good\n"})
    genuine: Mapping[str, tuple[str, str]] = {
        item.path: (f"sha256={item.digest}", str(item.size)) for item in contents(wheel).record
    }
    forged = build_wheel(
        tmp_path / "forged", "demo", "1.0", files={"demo.py": "evil!\n"}, record=transaction
    )
    same_size = build_wheel(
        tmp_path / "sized", "demo", "1.0", files={"demo.py": "evil\n"}, record=transaction
    )
    distribution = installed(pip_target(tmp_path / "site", str(wheel)))
    assert compare(distribution.installation("size"), contents(forged)).differing == ["demo.py"]
    assert compare(
        distribution.installation("size"), contents(same_size)
    ).equal  # docs/evidence.md says so
    assert compare(distribution.installation("hash"), contents(same_size)).differing == ["demo.py"]


paths = st.sampled_from(
    [
        "a.py",
        "p/a.py",
        "../bin/x",
        f"{INFO}/INDEX",
        "demo-1.0.data/data/a.py",
        "demo-1.0.data/x",
        "",
    ]
)


@given(st.lists(paths, max_size=4), st.lists(paths, max_size=4), st.booleans())
def test_equal_means_that_every_member_is_accounted_for(
    names: Sequence[str], listed: Sequence[str], downloaded: bool
) -> None:
    case = Case()
    case.members = [member(name) for name in names]
    case.rows = [row(path) for path in listed]
    found = case.compare(downloaded=downloaded, crc=True)
    compared = {name for name in names if name and name != f"{INFO}/INDEX"}
    assert set(found.differing) | set(found.weak) <= set(names)
    known = set(names) if downloaded else {"a.py"}  # Case() ships a row for that one only
    assert not found.equal or compared <= known
