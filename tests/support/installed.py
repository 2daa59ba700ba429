"""Site-packages folders as pip, uv and installer leave them, hermetic:

nothing of the machine's settings is read.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import foreign_python
from .pip_server import pip_server

_KEPT = {"PIP_CERT"}  # without it pip may not trust the one way out that the machine has


@dataclass(frozen=True)
class Platform:
    """A Pyodide to install for, instead of for this machine."""

    python: str  # "3.14"
    year: int  # 2026 of "pyemscripten_2026_0_wasm32"

    @property
    def pip_flags(self) -> list[str]:
        """--platform and its company; abi3 and none must be named, pip takes --abi literally."""
        flags = ["--python-version", self.python, "--implementation", "cp", "--only-binary=:all:"]
        for name in (
            "pyemscripten",
            "pyodide",
        ):  # PEP 783's tag, and the one that older wheels carry
            flags += ["--platform", f"{name}_{self.year}_0_wasm32"]
        for abi in (f"cp{self.python.replace('.', '')}", "abi3", "none"):
            flags += ["--abi", abi]
        return flags


PYODIDE_0_27 = Platform("3.12", 2024)
PYODIDE_0_29 = Platform("3.13", 2025)  # and 0.28
PYODIDE_314 = Platform("3.14", 2026)
#: By the releases of `runtimes`.
PLATFORMS = {
    "0.27.7": PYODIDE_0_27,
    "0.28.3": PYODIDE_0_29,
    "0.29.5": PYODIDE_0_29,
    "314.0.7": PYODIDE_314,
}


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without any setting of pip and uv."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not name.startswith(("PIP_", "UV_", "PYTHONPATH", "VIRTUAL_ENV"))
    }
    kept |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_NO_CONFIG": "1",
    }
    kept |= {"PIP_KEYRING_PROVIDER": "disabled"}  # a developer may have one
    return kept | extra


class InstallError(Exception):
    """An installer said no; the message is what it printed."""


def _run(command: Sequence[str], **extra: str) -> str:
    done = subprocess.run(
        command, env=clean_environment(**extra), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InstallError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def pip_target(
    folder: Path,
    *requirements: str,
    index_url: str | None = None,
    platform: Platform | None = PYODIDE_314,
    flags: Sequence[str] = (),
) -> Path:
    """``pip install --target folder`` for ``platform``, or for this Python if that is None; returns
    the folder.

    Without index_url nothing may be fetched (local wheels, file URLs).
    """
    arguments = [
        "install",
        "--target",
        str(folder),
        "--no-cache-dir",
        "-q",
        "--no-compile",
        "--root-user-action=ignore",
    ]
    arguments += ["--index-url", index_url] if index_url else ["--no-index"]
    if platform:
        arguments += platform.pip_flags
    run_pip(*arguments, *flags, *requirements, platform=platform)
    return folder


def run_pip(*arguments: str, platform: Platform | None, **environ: str) -> str:
    """This Python's pip, which evaluates markers for ``platform``;

    what it printed. Raises InstallError with that.
    """
    markers = foreign_python.markers(platform.python) if platform else None
    with tempfile.TemporaryDirectory(prefix="pip-") as temporary:
        output = Path(temporary) / "output.txt"
        status = pip_server().start(arguments, output, clean_environment(**environ), markers)()
        said = output.read_text()
    if status:
        raise InstallError(f"pip {' '.join(arguments)}\n{said}")
    return said


def pip_report(
    folder: Path, report: Path, *requirements: str, index_url: str, platform: Platform = PYODIDE_314
) -> Path:
    """The same with ``--report``; returns the report."""
    pip_target(
        folder,
        *requirements,
        index_url=index_url,
        platform=platform,
        flags=["--report", str(report)],
    )
    return report


def uv_command() -> str:
    """uv, as the test extra installs it beside this Python, else from PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise InstallError("uv is missing: pip install uv")
    return found


def uv_target(
    folder: Path,
    *requirements: str,
    index_url: str | None = None,
    platform: Platform | None = PYODIDE_314,
    flags: Sequence[str] = (),
) -> Path:
    """``uv pip install --target folder``, otherwise as pip_target."""
    with tempfile.TemporaryDirectory(prefix="python-") as temporary:
        python = sys.executable
        if platform:
            changes = json.dumps(foreign_python.probe_changes(platform.python, platform.year))
            wrapper = Path(temporary) / "python"
            asked = shlex.join([sys.executable, foreign_python.__file__, "probe", changes])
            wrapper.write_text(f'#!/bin/sh\nexec {asked} "$@"\n')
            wrapper.chmod(0o755)
            python, flags = str(wrapper), ["--only-binary", ":all:", *flags]
        command = [
            uv_command(),
            "pip",
            "install",
            "--target",
            str(folder),
            "--no-cache",
            "-q",
            "--python",
            python,
        ]
        command += [
            "--no-python-downloads",
            *(["--default-index", index_url] if index_url else ["--no-index"]),
        ]
        _run([*command, *flags, *requirements])
    (folder / ".lock").unlink(missing_ok=True)  # uv's own, beside what it installed
    return folder


def installer_target(folder: Path, *wheels: Path) -> Path:
    """``python -m installer``'s way of installing:

    no INSTALLER, rehashed RECORD; returns the folder.
    """
    from installer import install
    from installer.destinations import SchemeDictionaryDestination
    from installer.sources import WheelFile

    scheme = {name: str(folder) for name in ("purelib", "platlib")}
    scheme |= {
        "scripts": str(folder / "bin"),
        "headers": str(folder / "include"),
        "data": str(folder),
    }
    target = SchemeDictionaryDestination(scheme, interpreter=sys.executable, script_kind="posix")
    for wheel in wheels:
        with WheelFile.open(wheel) as source:
            install(source=source, destination=target, additional_metadata={})
    return folder
