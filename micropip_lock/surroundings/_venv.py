"""Which venv is meant, where its packages lie, and which Pyodide distribution it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError

#: The file that makes a folder a Pyodide distribution.
LOCK_NAME = "pyodide-lock.json"


def find_venv(venv: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The venv that is meant: the given one, else the active one, else the nearest ``.venv*`` folder.

    Nearest: in ``cwd`` or its parents, where a Pyodide venv goes before all others. Raises
    `InputError` when there is none, when the choice is not clear, or when what was named is no venv.
    """
    if venv is not None:
        return _checked(cwd / venv, "--venv")
    if active := environ.get("VIRTUAL_ENV"):
        return _checked(cwd / active, "VIRTUAL_ENV")
    folder = cwd.absolute()
    found = [_venvs(parent) for parent in (folder, *folder.parents)]
    for candidates in ([[*filter(distribution, level)] for level in found], found):
        for level in candidates:
            if len(level) > 1:
                names = ", ".join(map(str, level))
                raise InputError(f"Several venvs could be meant: {names}. Say which one with --venv DIR.")
            if level:
                return level[0]
    raise InputError(
        f"No virtual environment is active, and there is no .venv* folder in {folder} or above. "
        "Say where the packages are installed: --venv DIR for a venv, or --path DIR for site-packages folders."
    )


def site_packages(venv: Path) -> Path:
    """The one site-packages folder of a venv. Raises `InputError` when there is none, or more than one."""
    # The resolved path as key: on Windows `pyodide venv` links one of the two to the other.
    found = {
        folder.resolve(): folder
        for pattern in ("lib/python3*/site-packages", "Lib/site-packages")
        for folder in venv.glob(pattern)
        if folder.is_dir()
    }
    if not found:
        raise InputError(
            f"{venv} has no site-packages folder (lib/python3.*/site-packages or Lib/site-packages). "
            "Make the venv anew, or pass the folder itself with --path DIR."
        )
    if len(found) > 1:
        names = ", ".join(sorted(str(folder) for folder in found.values()))
        raise InputError(f"{venv} has several site-packages folders: {names}. Pass the one you mean with --path DIR.")
    return next(iter(found.values()))


def distribution(venv: Path) -> Path | None:
    """The Pyodide distribution that a venv was made from: a folder with a pyodide-lock.json.

    `pyodide venv`, ``uv venv`` and ``virtualenv`` write the folder of the interpreter as ``home``
    into pyvenv.cfg; Pyodide's lies beside its lock. None for a venv of any other Python.
    """
    try:
        text = (venv / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # «key = value» lines, read as the site module reads them: key in any case, the last one wins
    pairs = (line.partition("=") for line in text.splitlines())
    settings = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    if not settings.get("home"):
        return None
    home = venv / settings["home"]
    return next((folder for folder in (home, home / "dist", home.parent) if (folder / LOCK_NAME).is_file()), None)


def _checked(venv: Path, source: str) -> Path:
    if (venv / "pyvenv.cfg").is_file():
        return venv
    what = "has no pyvenv.cfg, so it is not a venv" if venv.is_dir() else "does not exist"
    raise InputError(
        f"{source} names {venv}, which {what}. Name a venv with --venv DIR, or site-packages folders with --path DIR."
    )


def _venvs(folder: Path) -> list[Path]:
    try:
        return sorted(found.parent for found in folder.glob(".venv*/pyvenv.cfg"))
    except OSError:  # a parent folder that may not be listed
        return []
