"""The `pyodide` command in the versions that plugins are written for, each with this checkout as a
plugin.

pyodide-cli 0.2.4 is the newest for Python 3.11; it takes functions and apps of typer. From 0.4 on
it takes commands of click, and wants Python 3.12. So each is in an environment of its own, made
when it is first asked for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from . import runtimes

#: Version of pyodide-cli -> versions of Python that it is tried on; the first one that is there.
PYTHONS = {"0.2.4": ("3.11",), "0.5.0": ("3.13", "3.12")}


def pyodide_command(version: str) -> Path:
    """The `pyodide` of that version of pyodide-cli.

    Raises SetupError where no Python for it is installed.
    """
    place = runtimes.CACHE / f"cli-{version}"
    command, stamp = place / "bin" / "pyodide", place / "installed"
    # Entry points and requirements are what is installed; the code itself is that of the checkout.
    wanted = f"{runtimes.PROJECT} "
    wanted += hashlib.sha256((runtimes.PROJECT / "pyproject.toml").read_bytes()).hexdigest()
    with runtimes._locked(place):
        if not stamp.exists() or stamp.read_text() != wanted or not command.exists():
            # Without a pip of its own: to install one takes as long as all that it would install.
            runtimes._run(
                [
                    str(find_python(*PYTHONS[version])),
                    "-m",
                    "venv",
                    "--clear",
                    "--without-pip",
                    str(place),
                ]
            )
            pip = [
                sys.executable,
                "-m",
                "pip",
                "--python",
                str(place / "bin" / "python"),
                "install",
                "--quiet",
            ]
            pip += ["--cache-dir", str(runtimes.CACHE / "pip"), f"pyodide-cli=={version}"]
            runtimes._run([*pip, "--editable", f"{runtimes.PROJECT}[host]"])
            stamp.write_text(wanted)
    return command


def find_python(*versions: str) -> Path:
    """An interpreter of one of these versions ("3.13"), wherever it is installed:

    this one, on PATH, with pyenv, uv.
    """
    for version in versions:
        for candidate in _candidates(version):
            code = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
            try:
                done = subprocess.run(
                    [candidate, "-c", code], capture_output=True, text=True, check=False
                )
            except OSError:
                continue
            if done.returncode == 0 and done.stdout.strip() == version:
                return candidate
    raise runtimes.SetupError(
        f"Python {' or '.join(versions)} is missing: the `pyodide` command is tried with it. "
        "Install it, with pyenv or "
        "otherwise; it is found on PATH and below PYENV_ROOT (~/.pyenv)."
    )


def _candidates(version: str) -> Iterator[Path]:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        yield Path(sys.executable)
    folders = runtimes.MACHINE_ENVIRON.get("PATH", "").split(os.pathsep)
    for folder in (
        folders
    ):  # not only the first: pyenv's shim is there for versions that it then refuses to run
        if found := shutil.which(f"python{version}", path=folder):
            yield Path(found)
    home = Path.home()
    pyenv = Path(runtimes.MACHINE_ENVIRON.get("PYENV_ROOT", home / ".pyenv"))
    uv = home / ".local" / "share" / "uv" / "python"
    for folder in (*pyenv.glob(f"versions/{version}.*"), *uv.glob(f"cpython-{version}.*")):
        yield folder / "bin" / f"python{version}"
