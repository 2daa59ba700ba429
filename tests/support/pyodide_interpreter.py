"""What `pyodide xbuildenv install` leaves on a machine: a Pyodide whose `python` can be given to
virtualenv and uv.

npm's package has the runtime and the base lock. Here are the interpreter, which runs that runtime
in Node, and the package_index that pip in a `pyodide venv` looks into: pages of the base's wheels,
which are on a server.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import index_pages, runtimes
from .installed import InstallError, Platform, clean_environment, run_pip, uv_command

_ENTRY = Path(__file__).with_suffix(".mjs")


@dataclass(frozen=True)
class Distribution:
    """A Pyodide on this machine, in ``root``/dist."""

    root: Path
    version: str

    @property
    def folder(self) -> Path:
        """The folder of the interpreter and of the base lock."""
        return self.root / "dist"

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "python"

    @property
    def package_index(self) -> Path:
        """A simple index of the wheels of the base lock."""
        return self.root / "package_index"

    @property
    def lock(self) -> dict[str, Any]:
        """The base lock."""
        lock: dict[str, Any] = runtimes.read_json(self.folder / "pyodide-lock.json")
        return lock


def make_distribution(
    root: Path, version: str, base_url: str, *entries: Mapping[str, Any]
) -> Distribution:
    """Make one. ``entries`` replace those of the release's base lock;

    ``base_url`` is where its files are served.
    """
    made = Distribution(root, version)
    made.folder.mkdir(parents=True)
    lock = runtimes.base_lock(version)
    lock["packages"].update({str(entry["name"]): dict(entry) for entry in entries})
    runtimes.write_json(made.folder / "pyodide-lock.json", lock)
    # Asked by virtualenv and uv when they make a venv: by the path that it was called by it knows which venv it
    # is in.
    call = (
        f'exec node "{_ENTRY}" "{runtimes.runtime(version)}" "$0" '
        f'"{made.folder / "pyodide-lock.json"}" "$@"\n'
    )
    made.python.write_text(f"#!/bin/sh\n{call}")
    made.python.chmod(0o755)
    for name, entry in lock["packages"].items():
        if entry["file_name"].endswith(".whl"):
            page = made.package_index / name / "index.html"
            page.parent.mkdir(parents=True)
            link = {"filename": entry["file_name"], "url": base_url + entry["file_name"]}
            page.write_bytes(
                index_pages.html_links(name, [{**link, "hashes": {"sha256": entry["sha256"]}}])
            )
    return made


@dataclass(frozen=True)
class Venv:
    """A virtual environment of a Pyodide.

    ``cache`` is for what virtualenv and uv have found out about interpreters.
    """

    prefix: Path
    platform: Platform
    cache: Path

    @property
    def site(self) -> Path:
        """Its site-packages folder."""
        return self.prefix / "lib" / f"python{self.platform.python}" / "site-packages"

    def pip(self, *arguments: str | Path, platforms: tuple[str, ...] = (), **environ: str) -> None:
        """``pip install``, as the pip of a `pyodide venv` does it: on the host, for the platform of
        the venv.

        The venv's pip.conf counts. ``platforms`` are further platform tags.
        """
        words = [
            "install",
            "-q",
            "--target",
            self.site,
            "--upgrade",
            "--no-cache-dir",
            "--no-compile",
        ]
        words += ["--root-user-action=ignore", "--no-warn-conflicts", *self.platform.pip_flags]
        words += [*(f"--platform={name}" for name in platforms), *arguments]
        environ = {"PIP_CONFIG_FILE": str(self.prefix / "pip.conf"), **environ}
        run_pip(*map(str, words), platform=self.platform, **environ)

    def uv(self, *arguments: str | Path, index_url: str) -> None:
        """``uv pip install``; uv asks the interpreter of the venv which wheels it takes."""
        command = [uv_command(), "pip", "install", "-q", "--python", self.prefix / "bin" / "python"]
        command += ["--default-index", index_url, "--only-binary", ":all:", *arguments]
        run(*command, env=clean_environment(UV_CACHE_DIR=str(self.cache / "uv")))


def make_venv(tool: str, python: Path, venv: Venv, *, pip_conf: str | None = None) -> Venv:
    """Make it with "virtualenv" (with pip in it) or with "uv";

    both ask the interpreter about itself.
    """
    if tool == "uv":
        command = [uv_command(), "venv", "-q", "--python", python, venv.prefix]
    else:
        command = [
            sys.executable,
            "-m",
            "virtualenv",
            "-q",
            "--no-periodic-update",
            "-p",
            python,
            venv.prefix,
        ]
    settings = {
        "UV_CACHE_DIR": str(venv.cache / "uv"),
        "VIRTUALENV_OVERRIDE_APP_DATA": str(venv.cache / "virtualenv"),
    }
    settings["PY_DISCOVERY_TIMEOUT"] = (
        "120"  # seconds; virtualenv waits 15, and a busy machine takes longer
    )
    run(*command, env=clean_environment(**settings))
    if pip_conf is not None:
        (venv.prefix / "pip.conf").write_text(pip_conf)
    return venv


def run(*command: str | Path, env: Mapping[str, str]) -> str:
    """Run a command; what it printed. Raises InstallError with what it printed."""
    words = [os.fspath(word) for word in command]
    done = subprocess.run(words, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout
