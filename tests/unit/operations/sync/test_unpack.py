"""Wheels unpacked as installers do it, and those that must not be."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from micropip_lock.errors import InputError, IntegrityError
from micropip_lock.formats.direct_url import InstallNote, provenance_url
from micropip_lock.operations.sync.unpack import unpack

from ....support.ids import short
from ....support.raw_zip import Entry, raw_zip, wheel_entries
from ....support.wheels import build_wheel

SITE = PurePosixPath("lib/python3.14/site-packages")
INFO = f"{SITE}/demo-1.0.dist-info"
WRITTEN = {
    "INSTALLER": b"micropip-lock\n",
    "provenance_url.json": provenance_url(
        "https://example.org/demo-1.0-py3-none-any.whl", "ab" * 32, InstallNote()
    ),
}


def unpacked(
    wheel: Path, target: Path, metadata: Mapping[str, bytes] = WRITTEN
) -> dict[str, bytes]:
    unpack(wheel, target, SITE, "/venv/bin/python", metadata)
    return {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in sorted(target.rglob("*"))
        if path.is_file()
    }


def build(folder: Path, **options: Any) -> Path:
    return build_wheel(folder / "wheels", "demo", "1.0", **options)


def test_every_scheme(tmp_path: Path) -> None:
    data = {
        "scripts/run": "#!python\nprint()\n",
        "purelib/pure.py": "p",
        "platlib/plat.py": "q",
        "data/share/demo.txt": "d",
        "headers/demo.h": "h",
    }
    wheel = build(
        tmp_path, files={"demo/__init__.py": "x"}, data=data, entry_points={"demo": "demo:main"}
    )
    files = unpacked(wheel, tmp_path / "out")
    assert {name for name in files if not name.startswith(INFO)} == {
        "bin/demo",
        "bin/run",
        "include/site/python3.14/demo/demo.h",
        "share/demo.txt",
        f"{SITE}/demo/__init__.py",
        f"{SITE}/plat.py",
        f"{SITE}/pure.py",
    }
    assert files["bin/run"] == b"#!/venv/bin/python\nprint()\n"
    assert files["bin/demo"].startswith(b"#!/venv/bin/python\n")
    assert os.access(tmp_path / "out" / "bin" / "demo", os.X_OK)
    assert os.access(tmp_path / "out" / "bin" / "run", os.X_OK)
    record = files[f"{INFO}/RECORD"].decode()
    assert "../../../bin/demo,sha256=" in record
    assert {os.path.normpath(line.split(",")[0]) for line in record.splitlines()} == {
        os.path.relpath(name, SITE)
        if not name.startswith(str(SITE))
        else name.removeprefix(f"{SITE}/")
        for name in files
    }


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o777], ids=oct)
def test_modes(umask: int, tmp_path: Path) -> None:
    """As other installers have them:

    what the umask leaves, and who may read a script may run it.
    """
    wheel = build(
        tmp_path,
        files={"demo.py": "x"},
        data={"scripts/run": "#!python\n"},
        entry_points={"demo": "demo:x"},
    )
    (tmp_path / "out" / "bin").mkdir(parents=True)
    (tmp_path / "out" / SITE / "demo-1.0.dist-info").mkdir(parents=True)
    before = os.umask(umask)
    try:
        unpack(wheel, tmp_path / "out", SITE, "/venv/bin/python", WRITTEN)
    finally:
        os.umask(before)
    modes = {
        name: (tmp_path / "out" / name).stat().st_mode & 0o777
        for name in (f"{SITE}/demo.py", "bin/run")
    }
    assert modes == {f"{SITE}/demo.py": 0o666 & ~umask, "bin/run": 0o777 & ~umask | 0o111}


def test_what_is_written_beside(tmp_path: Path) -> None:
    files = unpacked(build(tmp_path), tmp_path / "out")
    for name, content in WRITTEN.items():
        assert files[f"{INFO}/{name}"] == content
        assert f"{name},sha256=" in files[f"{INFO}/RECORD"].decode()
    assert f"{INFO}/direct_url.json" not in files


@pytest.mark.parametrize("url", [True, False], ids=["url", "no url"])
def test_claims_of_the_wheel_itself_are_left_out(url: bool, tmp_path: Path) -> None:
    """What installers write is a claim about the wheel;

    its own copy would be believed by the next sync.
    """
    claim = json.dumps(
        {"archive_info": {"hashes": {"sha256": "cd" * 32}}, "url": "https://example.org/x.whl"}
    )
    shipped: Mapping[str, str] = {
        "provenance_url.json": claim,
        "direct_url.json": claim,
        "INSTALLER": "pip",
        "REQUESTED": "",
        "PYODIDE_SHA256": "cd" * 32,
        "RECORD.jws": "{}",
        "licenses/INSTALLER": "kept",
    }
    metadata = WRITTEN if url else {"INSTALLER": WRITTEN["INSTALLER"]}
    files = unpacked(build(tmp_path, dist_info_files=shipped), tmp_path / "out", metadata)
    assert files[f"{INFO}/INSTALLER"] == b"micropip-lock\n"
    assert files[f"{INFO}/licenses/INSTALLER"] == b"kept"
    written = {name.rpartition("/")[2] for name in files if name.startswith(INFO)}
    assert written.isdisjoint({"direct_url.json", "REQUESTED", "PYODIDE_SHA256", "RECORD.jws"})
    assert b"cd" * 32 not in files.get(f"{INFO}/provenance_url.json", b"")
    assert "PYODIDE_SHA256" not in files[f"{INFO}/RECORD"].decode()


def test_a_file_at_the_root_that_is_named_so(tmp_path: Path) -> None:
    files = unpacked(
        build(tmp_path, files={"INSTALLER": "mine", "pkg/RECORD.txt": "mine"}), tmp_path / "out"
    )
    assert files[f"{SITE}/INSTALLER"] == files[f"{SITE}/pkg/RECORD.txt"] == b"mine"


def test_bytecode_is_left_out(tmp_path: Path) -> None:
    files = unpacked(
        build(tmp_path, files={"a.py": "", "__pycache__/a.cpython-314.pyc": "evil"}),
        tmp_path / "out",
    )
    assert not any("__pycache__" in name for name in files)


ENTRY_POINTS = "[console_scripts]\n{} = demo:main\n"
BAD = {
    "script outside": {"entry_points_txt": ENTRY_POINTS.format("../../evil")},
    "script at the root": {"entry_points_txt": ENTRY_POINTS.format("/evil")},
    "the interpreter": {"entry_points_txt": ENTRY_POINTS.format("python3")},
    "the interpreter as data": {"data": {"data/bin/python": "x"}},
    "activate": {"data": {"scripts/activate": "x"}},
    "pyvenv.cfg": {"data": {"data/pyvenv.cfg": "home = /evil\n"}},
    "the journal": {"files": {".micropip-lock/journal.json": "{}"}},
    "one place twice": {"data": {"purelib/demo.py": "x"}},
    "an unknown scheme": {"data": {"nonsense/demo.py": "x"}},
    "no entry points": {"entry_points_txt": "[console_scripts]\nbroken"},
    "entry points of no module": {"entry_points_txt": "[console_scripts]\ndemo = !!\n"},
    "a RECORD row of no hash": {
        "record": lambda rows: [(path, "no hash", size) for path, _, size in rows]
    },
}


@pytest.mark.parametrize("kind", BAD, ids=short)
def test_refused(kind: str, tmp_path: Path) -> None:
    wheel = build(tmp_path, **BAD[kind])  # type: ignore[arg-type]
    with pytest.raises(IntegrityError) as caught:
        unpack(wheel, tmp_path / "deep" / "out", SITE, "python", WRITTEN)
    assert str(caught.value)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    "entries",
    [
        wheel_entries()[:-2],
        [item for item in wheel_entries() if "WHEEL" not in str(item.name)],
        wheel_entries(Entry("../evil.py", b"x")),
        wheel_entries(crc=7),
        wheel_entries(Entry("demo.py/x", b"x")),
    ],
    ids=["no RECORD", "no WHEEL", "traversal", "crc", "file and folder"],
)
def test_broken_archives(entries: list[Entry], tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    wheel.write_bytes(raw_zip(entries))
    with pytest.raises(IntegrityError):
        unpack(wheel, tmp_path / "deep" / "out", SITE, "python", WRITTEN)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("name", ["demo.whl", "other-1.0-py3-none-any.whl"])
def test_names_that_do_not_fit(name: str, tmp_path: Path) -> None:
    wheel = build(tmp_path)
    with pytest.raises(IntegrityError):
        unpack(wheel.rename(tmp_path / name), tmp_path / "out", SITE, "python", WRITTEN)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    deep = "/".join(["x" * 200] * 25)  # each name is short enough, all together are not
    wheel = build(tmp_path, files={f"{deep}/a.py": ""})
    with pytest.raises(InputError) as caught:
        unpack(wheel, tmp_path / "out", SITE, "python", WRITTEN)
    assert "too long" in str(caught.value)
