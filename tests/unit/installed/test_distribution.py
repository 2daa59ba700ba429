from __future__ import annotations

import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from micropip_lock.errors import InputError, Problem
from micropip_lock.installed.distribution import CheckFiles, InstalledDistribution
from micropip_lock.installed.site_packages import scan

from ...support.ids import short
from ...support.installed import installer_target, pip_target, uv_target
from ...support.wheels import build_wheel, record_row, sha256, wheel_member

INFO = "demo-1.0.dist-info"


def unpacked(folder: Path, name: str = "demo", version: str = "1.0", **options: Any) -> Path:
    """A wheel unpacked into a folder as Pyodide does it: nothing is spread, nothing is written."""
    wheel = build_wheel(folder.parent / "wheels", name, version, **options)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def one(folder: Path) -> InstalledDistribution:
    (distribution,), problems = scan([folder])
    assert problems == []
    return distribution


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


INSTALLERS = [
    (lambda folder, wheel: pip_target(folder, str(wheel)), "pip"),
    (lambda folder, wheel: uv_target(folder, str(wheel)), "uv"),
    (installer_target, ""),
]


@pytest.mark.parametrize(("install", "installer"), INSTALLERS)
def test_what_installers_leave(
    install: Callable[[Path, Path], Path], installer: str, site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(
        tmp_path,
        "Demo.Pkg",
        "1.0+local.1",
        files={"demo/__init__.py": "", "demo/a,b.txt": "x"},
        requires=["other ; sys_platform == 'win32'"],
        entry_points={"Demo": "demo:main"},
        data={"purelib/pure.py": "1\n", "scripts/run": "#!python\n"},
        build="2",
    )
    distribution = one(install(site, wheel))
    assert (distribution.key, distribution.version, distribution.installer) == (
        "demo-pkg",
        "1.0+local.1",
        installer,
    )
    assert distribution.dist_info == "demo_pkg-1.0+local.1.dist-info"
    assert distribution.faults == () and not distribution.unspread
    assert [str(item) for item in distribution.metadata.requires] == [
        'other; sys_platform == "win32"'
    ]
    assert distribution.wheel.build == (2, "") and {
        str(tag) for tag in distribution.wheel.tags
    } == {"py3-none-any"}
    assert distribution.files["METADATA"] == wheel_member(wheel, "METADATA")
    assert distribution.entry_points == {"Demo"}
    assert {"demo/__init__.py", "demo/a,b.txt", "pure.py"} <= distribution.module_paths
    assert not any(path.startswith("..") for path in distribution.module_paths)
    for check in ("size", "hash", "off"):
        assert distribution.changed_files(check) == []


def test_metadata_is_hashed_as_it_lies_on_disk(site: Path) -> None:
    unpacked(site, metadata_extra="Summary: x\r")
    assert b"\r\n" in (site / INFO / "METADATA").read_bytes()
    assert one(site).metadata_sha256 == sha256(site / INFO / "METADATA")


@pytest.mark.parametrize(
    ("version", "folder", "expected"),
    [
        ("1.0", "demo-1.0", {"1.0"}),
        ("1.0", "demo-1.0+local", {"1.0", "1.0+local"}),
        ("1.0", "demo-1.0.0", {"1.0"}),
        ("not a version", "demo-1.0", {"1.0"}),
        ("not a version", "demo", set()),
        ("9" * 5000, "demo-1.0", {"1.0"}),
    ],
    ids=short,
)
def test_versions_an_index_may_list_it_under(
    version: str, folder: str, expected: set[str], site: Path
) -> None:
    info = site / f"{folder}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: demo\nVersion: {version}\n")
    (distribution,), _ = scan([site])
    assert distribution.versions == {Version(text) for text in expected}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("[console_scripts]\na = x:y\n[gui_scripts]\nB=x:y\n[other]\nc = x:y\n", {"a", "B"}),
        ("[console_scripts]\na.b:c = x:y [extra]\n", {"a.b:c"}),
        ("[console_scripts]\n%(x)s = x:y\n[console_scripts]\nd=x\n", {"%(x)s", "d"}),
        ("[other]\na = b\n", set()),
        ("", set()),
        ("a = b\n", set()),
        ("[console_scripts\n", set()),
        (b"\xff\xfe", set()),
    ],
)
def test_entry_points(content: str | bytes, names: set[str], site: Path) -> None:
    unpacked(site, dist_info_files={"entry_points.txt": content})
    assert one(site).entry_points == names


@pytest.mark.parametrize("scheme", ["purelib", "platlib"])
def test_unspread_data_is_seen(scheme: str, site: Path) -> None:
    assert one(unpacked(site, data={f"{scheme}/a.py": ""})).unspread


def test_other_data_is_no_problem(site: Path) -> None:
    assert not one(unpacked(site, data={"data/a": "", "scripts/b": "", "headers/c.h": ""})).unspread


# -- what is on disk against RECORD

FILES = {"demo/__init__.py": "1\n", "demo/empty.py": "", "demo/data.txt": "text\n"}


@pytest.mark.parametrize(
    ("path", "content", "size", "hash_", "off"),
    [
        ("demo/data.txt", b"TEXT\n", False, True, False),
        ("demo/data.txt", b"text", True, True, False),
        ("demo/data.txt", None, True, True, False),
        ("demo/empty.py", None, True, True, False),
        (f"{INFO}/METADATA", b"same", True, True, True),
        (f"{INFO}/WHEEL", b"same", True, True, True),
        (f"{INFO}/entry_points.txt", b"same", True, True, True),
        (f"{INFO}/licenses/x", b"y", False, True, False),
        (f"{INFO}/licenses/x", None, True, True, False),
        (f"{INFO}/INDEX", b"other", False, False, False),
        (f"{INFO}/INDEX", None, False, False, False),
        (f"{INFO}/RECORD.jws", None, False, False, False),
        ("demo/added.py", b"not listed", False, False, False),
        ("demo/__pycache__/__init__.cpython-314.pyc", b"other", False, False, False),
        ("demo/__pycache__/__init__.cpython-314.pyc", None, False, False, False),
        ("demo/__pycache__/data.cpython-314.pyc", b"other", True, True, False),
        ("demo/only.pyc", b"CODE", False, True, False),
        ("demo/only.pyc", None, True, True, False),
    ],
)
def test_changed_files(
    path: str, content: bytes | None, size: bool, hash_: bool, off: bool, site: Path
) -> None:
    info = {"licenses/x": "x", "INDEX": "i", "RECORD.jws": "{}"}
    cached = [
        "demo/__pycache__/__init__.cpython-314.pyc",
        "demo/__pycache__/data.cpython-314.pyc",
        "demo/only.pyc",
    ]
    cache = dict.fromkeys(cached, "code")
    unpacked(site, files={**FILES, **cache}, entry_points={"a": "b:c"}, dist_info_files=info)
    assert one(site).changed_files("hash") == []
    file = site / path
    if content == b"same":  # of the same size
        content = file.read_bytes().swapcase()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    (distribution,), _ = scan([site])
    expected = {"size": size, "hash": hash_, "off": off}
    assert {
        check: distribution.changed_files(check) == [path] for check in ("size", "hash", "off")
    } == expected
    assert {
        check: distribution.changed_files(check) != [] for check in ("size", "hash", "off")
    } == expected


@pytest.mark.parametrize("check", ["size", "hash", "off"])
@pytest.mark.parametrize("content", [b"TEXT\n", b"longer than it was\n"])
def test_rows_without_a_size_are_compared_by_hash(
    check: CheckFiles, content: bytes, site: Path
) -> None:
    unpacked(site, files=FILES, record=lambda rows: [(path, hash_, "") for path, hash_, _ in rows])
    assert one(site).changed_files(check) == []
    (site / "demo/data.txt").write_bytes(content)
    assert one(site).changed_files(check) == ["demo/data.txt"]


@pytest.mark.parametrize("known", ["right", "wrong", "none"])
def test_sizes_that_are_known_need_not_be_asked_for(known: str, site: Path) -> None:
    unpacked(site, files=FILES)
    sizes = {"demo/data.txt": (site / "demo/data.txt").stat().st_size, "demo/empty.py": 0}
    (site / "demo/data.txt").write_text("edited, and longer")
    if known == "wrong":
        sizes |= dict.fromkeys(FILES, 12345)
    distribution = one(site)
    changed = distribution.changed_files("size", sizes={} if known == "none" else sizes)
    # What does not seem to be as RECORD has it is looked at; only what does is taken for known.
    assert changed == ([] if known == "right" else ["demo/data.txt"])
    (site / INFO / "METADATA").write_bytes((site / INFO / "METADATA").read_bytes().swapcase())
    sizes[f"{INFO}/METADATA"] = (site / INFO / "METADATA").stat().st_size
    assert f"{INFO}/METADATA" in one(site).changed_files("size", sizes=sizes) or one(site).faults


def test_bytecode_and_rows_outside_are_never_required(site: Path) -> None:
    rows = [
        ("../../bin/x", "sha256=AA", "1"),
        ("/etc/x", "", ""),
        ("__pycache__/demo.cpython-314.pyc", "", ""),
    ]
    unpacked(site, record=lambda own: [*own, *rows])
    assert one(site).changed_files("hash") == []


def test_rows_without_hash_are_checked_by_size_and_existence(site: Path) -> None:
    unpacked(
        site, record=lambda own: [(path, "", size) for path, _, size in own] + [("gone.py", "", "")]
    )
    assert one(site).changed_files("hash") == one(site).changed_files("size") == ["gone.py"]
    (site / "demo.py").write_text("longer than before, by far")
    assert one(site).changed_files("hash") == ["demo.py", "gone.py"]


@pytest.mark.parametrize("path", ["a\0", "x" * 5000, "demo.py/below"], ids=short)
def test_paths_that_no_file_can_have(path: str, site: Path) -> None:
    unpacked(site, record=lambda own: [*own, (path, "sha256=AA", "1")])
    (distribution,), _ = scan([site])
    assert distribution.faults or all(
        distribution.changed_files(check) == [path] for check in ("size", "hash")
    )


def test_pyodide_s_own_builds_may_hold_bytecode_instead_of_sources(site: Path) -> None:
    unpacked(site, files=FILES)
    (site / "demo/empty.py").rename(site / "demo/empty.pyc")
    assert one(site).changed_files("size") == ["demo/empty.py"]
    assert one(site).changed_files("size", compiled=True) == []
    (site / "demo/data.txt").rename(site / "demo/data.txtc")
    assert one(site).changed_files("size", compiled=True) == ["demo/data.txt"]


# -- what cannot be read

BROKEN = [
    ("METADATA", None, "METADATA: it is missing"),
    ("METADATA", b"", "METADATA: it has no Name"),
    ("METADATA", b"Name: d\xe9mo\nVersion: 1\n", "METADATA: its Name or its Version is not UTF-8"),
    ("METADATA", b"Name: demo\nVersion: 1.0\nRequires-Dist: ((\n", "METADATA: '(('"),
    ("METADATA", b"Name: other\nVersion: 1.0\n", "METADATA names another project (other)"),
    ("WHEEL", None, "WHEEL: it is missing"),
    ("WHEEL", b"Wheel-Version: 1.0\n", "WHEEL: it has no Tag"),
    ("WHEEL", b"Tag: x\n", "WHEEL: "),
    ("RECORD", None, "RECORD: it is missing"),
    ("RECORD", b"\xff", "RECORD: it cannot be read"),
    ("RECORD", b"a,b,c\n", "RECORD: the size"),
]


@pytest.mark.parametrize(("name", "content", "fault"), BROKEN)
def test_broken_metadata_is_a_fault_and_keeps_the_name(
    name: str, content: bytes | None, fault: str, site: Path
) -> None:
    unpacked(site)
    file = site / INFO / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    distribution = one(site)
    assert (distribution.key, distribution.version) == ("demo", "1.0")
    assert len(distribution.faults) == 1 and distribution.faults[0].startswith(fault)
    assert distribution.changed_files("size") in ([], [f"{INFO}/{name}"])


def test_folders_and_files_that_change_places_are_faults(site: Path) -> None:
    unpacked(site)
    (site / INFO / "INDEX").mkdir()
    assert one(site).faults[0].startswith("INDEX cannot be read")
    (site / "odd-2.0.dist-info").write_text("a file")
    _, odd = scan([site])[0]
    assert odd.key == "odd" and odd.faults[0].startswith("the folder cannot be read")


SPECIAL = [
    "METADATA",
    "WHEEL",
    "RECORD",
    "INSTALLER",
    "direct_url.json",
    "entry_points.txt",
    "INDEX",
]


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("kind", ["pipe", "socket", "zero", "loop", "huge"])
def test_what_is_no_file_is_a_fault(
    kind: str, name: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked(site)
    file = site / INFO / name
    file.unlink(missing_ok=True)
    put_special(kind, file, monkeypatch)
    assert one(site).faults[0].startswith(f"{name} cannot be read (")


@pytest.mark.parametrize("kind", ["pipe", "socket", "zero", "loop"])
def test_what_is_no_file_is_changed(kind: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked(site, files=FILES)
    put_special(kind, site / "demo/data.txt", monkeypatch)
    assert one(site).changed_files("size") == one(site).changed_files("hash") == ["demo/data.txt"]
    put_special(kind, site / "other-1.0.dist-info", monkeypatch)
    put_special(kind, site / "more-1.0.egg-info", monkeypatch)
    found, problems = scan([site])
    assert found[1].faults[0].startswith("the folder cannot be read")
    assert [problem.code for problem in problems] == ["legacy-metadata"]


def put_special(kind: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(path.parent)  # the names of sockets are short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(2**40)
    else:
        path.symlink_to({"zero": "/dev/zero", "loop": path.name}[kind])


@given(
    st.sampled_from(["METADATA", "WHEEL", "RECORD", "INSTALLER", "INDEX", "entry_points.txt"]),
    st.binary(max_size=40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_foreign_bytes_are_faults_at_most(tmp_path: Path, name: str, content: bytes) -> None:
    info = tmp_path / INFO
    info.mkdir(exist_ok=True)
    (info / name).write_bytes(content)
    distribution = one(tmp_path)
    assert distribution.faults
    assert distribution.key == "demo"
    assert isinstance(distribution.entry_points, frozenset)
    distribution.changed_files("hash")
    assert distribution.versions


# -- folders


def keys(*folders: Path) -> list[str]:
    return [distribution.key for distribution in scan(folders)[0]]


def problems(*folders: Path) -> list[tuple[str, str, str | None]]:
    found: list[Problem] = scan(folders)[1]
    assert all(str(problem) for problem in found)
    return [(problem.code, problem.package, problem.version) for problem in found]


def test_distributions_come_by_canonical_name(site: Path) -> None:
    for name in ("b", "A.x", "a_b", "C"):
        unpacked(site, name)
    assert keys(site) == ["a-b", "a-x", "b", "c"]


def test_two_of_a_name_in_one_folder_are_a_duplicate(site: Path, tmp_path: Path) -> None:
    unpacked(site, "demo", "1.0")
    unpacked(site, "demo", "2.0")
    assert problems(site) == [("duplicate", "demo", "1.0")]
    first = unpacked(tmp_path / "first", "demo", "3.0")
    assert problems(first, site) == []
    assert [item.version for item in scan([first, site])[0]] == ["3.0"]


def test_the_first_folder_on_the_path_counts(site: Path, tmp_path: Path) -> None:
    unpacked(site, "demo", "1.0")
    other = unpacked(unpacked(tmp_path / "other", "demo", "2.0"), "more", "1.0")
    assert [(item.key, item.version) for item in scan([site, other])[0]] == [
        ("demo", "1.0"),
        ("more", "1.0"),
    ]
    assert problems(site, other) == [] and problems(site, site) == []
    assert [item.version for item in scan([other, site])[0]] == ["2.0", "1.0"]


@pytest.mark.parametrize(
    "name",
    [
        "demo-1.0-py3.14.egg-info",
        "demo-1.0.egg-info",
        "Demo.egg-info",
        "demo.egg-link",
        "demo-1.0-py3.14.egg",
    ],
)
@pytest.mark.parametrize("is_folder", [True, False])
def test_installs_without_a_wheel_are_legacy(
    name: str, is_folder: bool, site: Path, tmp_path: Path
) -> None:
    site.mkdir()
    (site / name).mkdir() if is_folder else (site / name).write_text("")
    version = "1.0" if "1.0" in name else None
    assert keys(site) == [] and problems(site) == [("legacy-metadata", "demo", version)]
    assert problems(unpacked(tmp_path / "first"), site) == []
    assert problems(unpacked(site)) == [("legacy-metadata", "demo", version)]


def test_a_folder_whose_name_has_dashes_that_are_not_escaped(site: Path) -> None:
    unpacked(site, "big-demo")
    (site / "big_demo-1.0.dist-info").rename(site / "big-demo-1.0.dist-info")
    assert (one(site).key, one(site).faults) == ("big-demo", ())


def test_what_pip_could_not_delete_and_other_files_are_ignored(site: Path) -> None:
    unpacked(site)
    (site / "~emo-0.9.dist-info").mkdir()
    (site / "~emo-0.9.egg-info").mkdir()
    for name in ("easy-install.pth", "demo.dist-info.txt", "dist-info", "README"):
        (site / name).write_text("")
    assert keys(site) == ["demo"] and problems(site) == []


@pytest.mark.parametrize("name", ["missing", "file", "a\0b", "x" * 5000], ids=short)
def test_folders_that_cannot_be_read_are_input_errors(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot read the folder"):
        scan([tmp_path / name])


def test_record_with_crlf_backslashes_and_duplicates(site: Path) -> None:
    def windows(rows: list[tuple[str, str, str]]) -> bytes:
        return "".join(
            f"{path.replace('/', chr(92))},{hash_},{size}\r\n" for path, hash_, size in rows * 2
        ).encode()

    unpacked(site, files=FILES, record=windows)
    distribution = one(site)
    assert set(FILES) < distribution.module_paths
    assert distribution.changed_files("hash") == []


def test_the_hash_of_record_is_the_one_of_the_tests(site: Path) -> None:
    path, hash_, size = record_row("demo.py", os.fsencode('__version__ = "1.0"\n'))
    rows = {row.path: row for row in one(unpacked(site)).rows}
    assert (f"sha256={rows[path].digest}", str(rows[path].size)) == (hash_, size)
