"""Pylocks as uv and pip write them for a Pyodide of which this machine has no interpreter."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import foreign_python
from .installed import PYODIDE_314, clean_environment, uv_command


def foreign_interpreter(folder: Path) -> Path:
    """The interpreter of Pyodide 314 that uv asks about itself."""
    changes = json.dumps(foreign_python.probe_changes(PYODIDE_314.python, PYODIDE_314.year))
    asked = shlex.join([sys.executable, foreign_python.__file__, "probe", changes])
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {asked} "$@"\n')
    python.chmod(0o755)
    return python


def uv_compile(folder: Path, *requirements: str, index_url: str, flags: Sequence[str] = ()) -> Path:
    """``uv pip compile --format pylock.toml``; returns the file."""
    asked = folder / "requirements.in"
    asked.write_text("\n".join(requirements))
    path = folder / "pylock.uv.toml"
    command = [
        uv_command(),
        "pip",
        "compile",
        "--format",
        "pylock.toml",
        str(asked),
        "-o",
        str(path),
        "--no-header",
    ]
    command += [
        "--python",
        str(foreign_interpreter(folder)),
        "--no-python-downloads",
        "--default-index",
        index_url,
    ]
    return _run([*command, "--no-cache", "--quiet", *flags], folder, path)


def uv_export(project: Path, *, index_url: str, flags: Sequence[str] = ()) -> Path:
    """``uv export --format pylock.toml`` of a project; returns the file."""
    path = project / "pylock.export.toml"
    command = [
        uv_command(),
        "export",
        "--format",
        "pylock.toml",
        "-o",
        str(path),
        "--no-header",
        "--quiet",
    ]
    command += [
        "--python",
        str(foreign_interpreter(project)),
        "--no-python-downloads",
        "--default-index",
        index_url,
    ]
    return _run([*command, "--no-cache", *flags], project, path)


def pip_lock(folder: Path, *requirements: str, index_url: str) -> Path:
    """``pip lock`` with the markers of Pyodide, and pure wheels:

    it takes no platform; returns the file.
    """
    path = folder / "pylock.pip.toml"
    markers = json.dumps(foreign_python.markers(PYODIDE_314.python))
    command = [
        sys.executable,
        foreign_python.__file__,
        "pip",
        markers,
        "lock",
        "--quiet",
        "-o",
        str(path),
    ]
    command += [
        "--index-url",
        index_url,
        "--no-cache-dir",
        "--only-binary=:all:",
        "--no-python-version-warning",
    ]
    return _run([*command, *requirements], folder, path)


def _run(command: Sequence[str], folder: Path, path: Path) -> Path:
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return path
