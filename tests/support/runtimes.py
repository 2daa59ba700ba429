"""Real Pyodide runtimes from npm, and locks that boot them without any network.

npm's ``pyodide`` package has the runtime and the base lock, but no wheels. So a test boots from an
*emptied* base: the base lock cut down to micropip and packaging, whose wheels lie beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import foreign_python
from .installed import Platform

VERSIONS = ("0.27.7", "0.28.3", "0.29.5", "314.0.7")
NEWEST = VERSIONS[-1]
KEPT = ("micropip", "packaging")
PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / ".cache"
#: What pytest-pyodide is given as --dist-dir, see pyproject.toml.
DISTRIBUTION = CACHE / "dist"
# Tests run without the machine's settings of pip; what has to be fetched for them is fetched with
# these settings.
MACHINE_ENVIRON = dict(os.environ)


class SetupError(Exception):
    """Something that tests need could not be brought onto this machine."""


def runtime(version: str) -> Path:
    """The folder of npm's ``pyodide`` package of that version, installed if it is missing.

    Its standard library gets bytecode: npm's has sources only, and to compile them took most of
    the time of each boot.
    """
    place = CACHE / "pyodide" / version
    package = place / "node_modules" / "pyodide"
    stamp = place / "installed"
    with _locked(place):
        if not stamp.exists():
            _run(
                [
                    "npm",
                    "install",
                    "--prefix",
                    str(place),
                    "--no-audit",
                    "--no-fund",
                    f"pyodide@{version}",
                ],
                npm_config_cache=str(CACHE / "npm"),
                npm_config_update_notifier="false",
            )
            stamp.touch()
        if not (place / "compiled").exists():
            _compile_stdlib(package)
            (place / "compiled").touch()
    return package


def _compile_stdlib(package: Path) -> None:
    draft = package / "python_stdlib.compiled.zip"
    script = Path(__file__).with_name("compile_stdlib.mjs")
    _run(["node", str(script), str(package), str(draft)])
    draft.replace(package / "python_stdlib.zip")


def base_lock(version: str) -> dict[str, Any]:
    """The lock that this release ships."""
    lock: dict[str, Any] = json.loads((runtime(version) / "pyodide-lock.json").read_bytes())
    return lock


def emptied_base(version: str, keep: Sequence[str] = KEPT) -> Path:
    """A folder with a bootable pyodide-lock.json that has only the packages ``keep``, and their
    wheels.

    The wheels are the index's, at the versions of the base lock; their sha256 stand in the lock,
    for Pyodide's own repacked ones have others. Do not write into the folder: all tests share it.
    """
    lock = base_lock(version)
    folder = CACHE / "pyodide" / version / ("emptied-" + "-".join(sorted(keep)))
    with _locked(folder):
        if not (folder / "pyodide-lock.json").exists():
            _fill(folder, {**lock, "packages": {name: lock["packages"][name] for name in keep}})
    return folder


def make_distribution(folder: Path) -> Path:
    """A folder as the newest Pyodide's release is: its runtime, and the emptied base."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in (runtime(NEWEST), emptied_base(NEWEST)):
        for file in source.iterdir():
            if file.is_file() and not file.name.startswith("."):
                shutil.copyfile(file, folder / file.name)
    return folder


def _fill(folder: Path, lock: dict[str, Any]) -> None:
    packages: dict[str, dict[str, Any]] = lock["packages"]
    pins = [f"{name}=={package['version']}" for name, package in packages.items()]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--ignore-requires-python",
    ]
    command += [
        "--only-binary=:all:",
        "--dest",
        str(folder),
        "--cache-dir",
        str(CACHE / "pip"),
        *pins,
    ]
    _run(command)
    for name, package in packages.items():
        (wheel,) = folder.glob(f"{name.replace('-', '_')}-{package['version']}-*.whl")
        package["file_name"] = wheel.name
        package["sha256"] = hashlib.sha256(wheel.read_bytes()).hexdigest()
        package["depends"] = [other for other in package["depends"] if other in packages]
    write_json(folder / "pyodide-lock.json", lock)


def real_wheels(*requirements: str, python: str = "3.14", platform: Platform | None = None) -> Path:
    """A cached folder of real wheels with their dependencies, downloaded by pip from the machine's
    index.

    Pure wheels for ``python``, or all that ``platform`` can use. The answer to the requirements is
    kept, so pins matter only where a test counts on a version.
    """
    key = hashlib.sha256(" ".join([str(platform or python), *sorted(requirements)]).encode())
    folder = CACHE / "wheels" / key.hexdigest()[:16]
    with _locked(folder):
        if not (folder / "complete").exists():
            if platform:
                flags = platform.pip_flags
                pip = [
                    sys.executable,
                    foreign_python.__file__,
                    "pip",
                    json.dumps(foreign_python.markers(platform.python)),
                ]
            else:
                flags = ["--only-binary=:all:", "--python-version", python]
                pip = [sys.executable, "-m", "pip"]
            command = [
                *pip,
                "download",
                "-q",
                *flags,
                "--dest",
                str(folder),
                "--cache-dir",
                str(CACHE / "pip"),
            ]
            _run([*command, *requirements])
            (folder / "complete").touch()
    return folder


def localise(lock: Mapping[str, Any], folder: Path, *sources: Path) -> Path:
    """Write ``lock`` into ``folder`` with relative names and the wheels beside it, so that it boots
    in Node.

    Node cannot load by http(s) URL and never looks at sha256, so it is compared here: a wheel is
    taken from ``sources`` (folders; the emptied bases are among them) by sha256 alone, and a
    missing one is an error.
    """
    by_hash: dict[str, Path] = {}
    for source in (*sources, *(CACHE / "pyodide").glob("*/emptied-*")):
        for wheel in source.glob("*.whl"):
            by_hash[hashlib.sha256(wheel.read_bytes()).hexdigest()] = wheel
    packages: dict[str, Any] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, package in lock["packages"].items():
        file_name = package["file_name"].rsplit("/", 1)[-1]
        if package["sha256"].lower() not in by_hash:
            raise LookupError(
                f"no wheel at hand has the sha256 that the lock gives for {name} ({file_name})"
            )
        shutil.copyfile(by_hash[package["sha256"].lower()], folder / file_name)
        packages[name] = {**package, "file_name": file_name}
    write_json(folder / "pyodide-lock.json", {**lock, "packages": packages})
    return folder / "pyodide-lock.json"


def lock_entry(
    wheel: Path,
    file_name: str | None = None,
    *,
    imports: Sequence[str] = (),
    depends: Sequence[str] = (),
) -> dict[str, Any]:
    """A complete lock entry for a wheel, written by hand so that tests do not rely on what they
    test.
    """
    name, version = wheel.name.split("-")[:2]
    return {
        "name": name,
        "version": version,
        "file_name": file_name or wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": list(imports),
        "depends": list(depends),
        "unvendored_tests": False,
    }


def read_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_bytes())


def write_json(path: Path, value: object) -> None:
    """Write JSON in one step: another process sees the whole file or none."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(value, indent=1))
    draft.replace(path)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time prepare a folder: pytest-xdist starts several."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], **extra: str) -> None:
    try:
        done = subprocess.run(
            command, env=MACHINE_ENVIRON | extra, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise SetupError(
            f"{command[0]} is missing. Install Node.js 20 or newer with npm."
        ) from None
    if done.returncode:
        raise SetupError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Install all runtimes: ``python -m tests.support.runtimes``."""
    for version in VERSIONS:
        emptied_base(version)
        print(f"Pyodide {version} is ready", flush=True)
    make_distribution(DISTRIBUTION)


if __name__ == "__main__":
    main()
