"""Find the venv to use, its site-packages, and the Pyodide distribution that it was made from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .._util.reading import read_named, read_regular
from ..errors import InputError
from ..formats.lockfile import LOCK_NAME


def find_venv(venv: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The venv to use: the given one, else the active one, else the nearest ``.venv*`` folder.

    Nearest: in ``cwd`` or its parents. A venv of Pyodide goes before all others, the active one
    included: that is often the one of the tools. Raises `InputError` when there is none, when the
    choice is not clear, or when the given folder is no venv.
    """
    if venv is not None:
        return _checked(cwd / venv, "--venv")
    active = (
        _checked(cwd / environ["VIRTUAL_ENV"], "VIRTUAL_ENV")
        if environ.get("VIRTUAL_ENV")
        else None
    )
    if active is not None and distributions(active):
        return active
    folder = cwd.absolute()
    found = [_venvs(parent) for parent in (folder, *folder.parents)]
    of_pyodide = [[*filter(distributions, level)] for level in found]
    for candidates in (of_pyodide, found if active is None else [[active]]):
        for level in candidates:
            if len(level) > 1:
                names = ", ".join(map(str, level))
                raise InputError(
                    f"Several venvs could be meant: {names}. Say which one with --venv DIR."
                )
            if level:
                return level[0]
    raise InputError(
        f"No virtual environment is active, and there is no .venv* folder in {folder} or above. "
        "Say where the packages are installed: --venv DIR for a venv, or --path DIR for "
        "site-packages folders."
    )


def site_packages(venv: Path) -> Path:
    """The one site-packages folder of a venv.

    Raises `InputError` when there is none, or more than one.
    """
    patterns = ("lib/python3*/site-packages", "Lib/site-packages")
    paths = [path for pattern in patterns for path in venv.glob(pattern)]
    # The resolved path as key: on Windows `pyodide venv` links one of the two to the other.
    found = {path.resolve(): path for path in paths if path.is_dir()}
    if not found:
        raise InputError(
            f"{venv} has no site-packages folder (lib/python3.*/site-packages or "
            "Lib/site-packages). Make the venv anew, or pass the folder itself with --path DIR."
        )
    if len(found) > 1:
        names = ", ".join(sorted(str(folder) for folder in found.values()))
        raise InputError(
            f"{venv} has several site-packages folders: {names}. Pass the one you mean with --path "
            "DIR."
        )
    return next(iter(found.values()))


def python_of(site: Path) -> str | None:
    """The version of Python that a site-packages folder is for ("3.14"), if its path names it."""
    named = re.fullmatch(r"python(3\.\d+)t?", site.parent.name)
    return named[1] if named else None


def distributions(venv: Path) -> list[Path]:
    """The Pyodide distributions that a venv may have been made from: folders with a
    pyodide-lock.json.

    `pyodide venv`, ``uv venv`` and ``virtualenv`` write the folder of the interpreter as ``home``
    into pyvenv.cfg; Pyodide's lies beside its lock. Nothing for a venv of any other Python; several
    only if their locks differ.
    """
    found: dict[bytes, Path] = {}
    for folder in _homes(venv):
        try:
            found.setdefault(read_named(folder / LOCK_NAME), folder)
        except (OSError, ValueError):  # mostly: there is none; ValueError: NUL in the name
            continue
    return list(found.values())


def _homes(venv: Path) -> Iterator[Path]:
    """Where the distribution of a venv may be."""
    if (home := _home(venv)) is None:
        return
    yield from (home, home / "dist", home.parent)
    try:
        if os.path.isdir(home):  # noqa: PTH112  # maybe one of links, such as one on PATH
            yield (venv / "bin" / "python").resolve().parent
    except (OSError, RuntimeError):  # a loop of links
        return


def _home(venv: Path) -> Path | None:
    try:
        text = read_regular(venv / "pyvenv.cfg").decode(errors="replace")
    except OSError:
        return None
    # «key = value» lines, read as the site module reads them: key in any case, the last one wins
    pairs = (line.partition("=") for line in text.splitlines())
    settings = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    return venv / settings["home"] if settings.get("home") else None


def without_distribution(venv: Path, found: list[Path]) -> str:
    """Why no single one of ``distributions(venv)`` is the base, and what to do."""
    if found:
        names = " and ".join(str(folder / LOCK_NAME) for folder in found)
        return (
            f"{venv} may be of several Pyodides: {names} differ. Say which of these locks is the "
            "base: --base FILE."
        )
    home = _home(venv)
    is_there = home is not None and os.path.isdir(home)  # noqa: PTH112  # Path.is_dir() raises for a name too long
    if home is not None and is_there and not any(home.glob("pyodide.*")):
        return (
            f"{venv} is no venv of Pyodide but of the Python in {home}: there is no {LOCK_NAME} "
            "beside that. What is installed for this machine need not run in Pyodide. Make a venv "
            "of Pyodide (pyodide venv DIR), install it there, and freeze that. If it was "
            "installed for Pyodide all the same, say for which one: --base 314.0.7."
        )
    if home is None:
        lost = "its pyvenv.cfg names no home"
    elif is_there:
        lost = f"the Pyodide in {home}, which it was made from, has lost its {LOCK_NAME}"
    else:
        lost = f"{home}, which it was made from, is gone"
    return (
        f"Nothing says any more for which Pyodide {venv} is: {lost}. Put that back (pyodide "
        "xbuildenv install), make the venv anew (pyodide venv DIR), or say for which Pyodide it "
        "is: --base 314.0.7."
    )


def _checked(venv: Path, source: str) -> Path:
    if (venv / "pyvenv.cfg").is_file():
        return venv
    what = "has no pyvenv.cfg, so it is not a venv" if venv.is_dir() else "does not exist"
    raise InputError(
        f"{source} names {venv}, which {what}. Name a venv with --venv DIR, or site-packages "
        "folders with --path DIR."
    )


def _venvs(folder: Path) -> list[Path]:
    try:
        return sorted(found.parent for found in folder.glob(".venv*/pyvenv.cfg"))
    except OSError:  # a parent folder that may not be listed
        return []
