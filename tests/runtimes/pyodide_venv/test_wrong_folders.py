"""Folders that are no venv of Pyodide, or of another one than is asked for:

why not, and what to do.
"""

from __future__ import annotations

import json
import shutil
import sys
import venv as standard
from pathlib import Path
from typing import Any

import pytest

from ...support import runtimes
from ...support.freezing import INFO, base_document
from ...support.index_server import IndexServer
from ...support.installed import installer_target
from ...support.wheels import build_wheel
from .conftest import Done, Workplace


@pytest.fixture
def place(tmp_path: Path, index: IndexServer) -> Workplace:
    """A machine without Pyodide."""
    return Workplace(tmp_path, runtimes.VERSIONS[-1], index, index)


@pytest.fixture
def dist(place: Workplace) -> Path:
    """The folder of a Pyodide, of which only the lock matters here."""
    return lock_in(place.root / "pyodide-root" / "dist")


@pytest.fixture
def venv(place: Workplace, dist: Path) -> Path:
    """A venv of it with one package, that the index has."""
    folder = place.root / ".venv-pyodide"
    site = folder / "lib" / "python3.14" / "site-packages"
    installer_target(site, build_wheel(place.index.folder, "demo", "1.0"))
    (folder / "pyvenv.cfg").write_text(f"home = {dist}\n")
    return folder


def lock_in(folder: Path, **info: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyodide-lock.json").write_text(
        json.dumps({**base_document(), "info": {**INFO, **info}})
    )
    return folder


def plain_venv(folder: Path) -> Path:
    """One of this machine's Python."""
    standard.create(folder, symlinks=True)
    return folder


def freeze(place: Workplace, *arguments: str | Path, **environ: str) -> Done:
    return place.run("freeze", "--index-url", place.index.url, *arguments, **environ)


def refused(done: Done, *words: str | Path) -> None:
    """It says why not, in one line, and nothing is written."""
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    for word in words:
        assert str(word) in done.err


def test_no_venv(place: Workplace) -> None:
    refused(
        freeze(place), "No virtual environment is active", place.root, "--venv DIR", "--path DIR"
    )
    refused(
        freeze(place, "--venv", "missing"), place.root / "missing", "does not exist", "--venv DIR"
    )
    refused(freeze(place, "--venv", place.root), place.root, "no pyvenv.cfg", "--path DIR")
    refused(
        freeze(place, VIRTUAL_ENV=str(place.root / "gone")),
        "VIRTUAL_ENV names",
        "does not exist",
        "--venv DIR",
    )


@pytest.mark.parametrize("named", ["--venv", "active", "nearest"])
def test_a_venv_of_this_machine(named: str, place: Workplace) -> None:
    plain = plain_venv(place.root / ".venv")
    arguments = ["--venv", plain] if named == "--venv" else []
    environ = {"VIRTUAL_ENV": str(plain)} if named == "active" else {}
    why = (
        plain,
        "no venv of Pyodide",
        f"the Python in {Path(sys.base_prefix) / 'bin'}",
        "no pyodide-lock.json",
    )
    refused(freeze(place, *arguments, **environ), *why, "pyodide venv DIR", "--base 314.0.7")
    refused(place.run("check", *arguments, **environ), *why, "pyodide venv DIR")
    assert freeze(place, *arguments, "--json", **environ).json["error"] == "input"


def test_a_venv_of_this_machine_and_a_base(place: Workplace, dist: Path) -> None:
    """Which packages a user gets depends on Python:

    what is there was not chosen for that Pyodide.
    """
    plain = plain_venv(place.root / ".venv")
    host = f"{sys.version_info.major}.{sys.version_info.minor}"
    refused(
        freeze(place, "--venv", plain, "--base", dist),
        *(f"is for Python {host}", "Python 3.14.2, ABI 2026_0", "pyodide venv DIR"),
    )
    # uv pip install --python-platform wasm32-pyodide2024 fills such a venv, of the same Python, for
    # Pyodide.
    same = lock_in(place.root / "same", python=f"{host}.0")
    wheel = build_wheel(place.root / "wheels", "demo", "1.0")
    place.index.add(wheel)
    installer_target(plain / f"lib/python{host}/site-packages", wheel)
    assert freeze(place, "--venv", plain, "--base", same).status == 0


def test_the_venv_of_the_tools_is_active(place: Workplace, venv: Path) -> None:
    """Beside it is one of Pyodide: that is meant."""
    plain = plain_venv(place.root / "tools")
    done = freeze(place, VIRTUAL_ENV=str(plain))
    assert done.status == 0, done.err
    assert set(json.loads(done.out)["packages"]) == {"demo"}
    other = place.root / ".venv-other"
    shutil.copytree(venv, other)
    refused(freeze(place, VIRTUAL_ENV=str(plain)), "Several venvs", venv, other, "--venv DIR")
    assert freeze(place, VIRTUAL_ENV=str(venv)).status == 0


def test_its_pyodide_has_gone(place: Workplace, venv: Path, dist: Path) -> None:
    moved = dist.parent.rename(place.root / "moved")
    done = freeze(place, "--venv", venv)
    refused(
        done,
        venv,
        dist,
        "is gone",
        "pyodide xbuildenv install",
        "pyodide venv DIR",
        "--base 314.0.7",
    )
    assert freeze(place, "--venv", venv, "--base", moved / "dist").status == 0


def test_its_pyodide_has_lost_its_lock(place: Workplace, venv: Path, dist: Path) -> None:
    (dist / "pyodide-lock.json").rename(place.root / "base.json")
    (dist / "pyodide.asm.wasm").touch()
    refused(
        freeze(place, "--venv", venv), venv, dist, "lost its pyodide-lock.json", "--base 314.0.7"
    )
    assert freeze(place, "--venv", venv, "--base", place.root / "base.json").status == 0


def test_its_home_is_not_named(place: Workplace, venv: Path) -> None:
    (venv / "pyvenv.cfg").write_text("version = 3.14.2\n")
    refused(freeze(place, "--venv", venv), "names no home", "pyodide venv DIR", "--base 314.0.7")


def test_its_lock_cannot_be_read(place: Workplace, venv: Path, dist: Path) -> None:
    (dist / "pyodide-lock.json").write_text('{"info": ')
    refused(freeze(place, "--venv", venv), dist / "pyodide-lock.json", "not valid JSON", "whole?")


def test_two_base_locks(place: Workplace, venv: Path, dist: Path) -> None:
    """Beside the interpreter and above it: whichever were taken, the lock could be wrong."""
    (venv / "pyvenv.cfg").write_text(f"home = {dist.parent}\n")
    assert freeze(place, "--venv", venv).status == 0
    lock_in(dist.parent)
    assert freeze(place, "--venv", venv).status == 0, "a copy is no other lock"
    lock_in(dist.parent, python="3.14.1")
    both = dist.parent / "pyodide-lock.json", dist / "pyodide-lock.json"
    refused(freeze(place, "--venv", venv), *both, "differ", "--base FILE")
    assert freeze(place, "--venv", venv, "--base", both[1]).status == 0


@pytest.mark.parametrize(
    "info",
    [{"python": "3.13.2", "abi_version": "2025_0"}, {"abi_version": "2026_5"}],
    ids=["python", "ABI"],
)
def test_a_base_of_another_pyodide(
    info: dict[str, str], place: Workplace, venv: Path, dist: Path
) -> None:
    """Even where every wheel is pure:

    other requirements would have been chosen, and the runtime refuses the lock.
    """
    other = lock_in(place.root / "other", **info)
    theirs = {**INFO, **info}
    refused(
        freeze(place, "--venv", venv, "--base", other),
        *(
            f"The base is for Python {theirs['python']}, ABI {theirs['abi_version']}",
            "Python 3.14.2, ABI 2026_0",
        ),
        *("leave the base out", "pyodide venv DIR"),
    )
    assert not list(place.root.glob("*.json"))


def test_a_base_of_the_same_line(place: Workplace, venv: Path) -> None:
    other = lock_in(place.root / "other", python="3.14.3", platform="emscripten_5_0_4")
    done = freeze(place, "--venv", venv, "--base", other)
    assert done.status == 0, done.err
    assert json.loads(done.out)["info"]["python"] == "3.14.3"
