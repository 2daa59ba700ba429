"""What installers make of wheels: each real reader of zip archives on this machine.

Run as a script with a folder, it unpacks the archives there with `zipfile` of the Python that runs
it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

#: By number of the archive: files by path, with the sha256 of each in hex; None: the archive is
#: refused.
Trees = dict[str, "dict[str, str] | None"]


def tree(folder: Path) -> dict[str, str]:
    """The files below a folder."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def unpacked(
    archives: Path, unpack: Callable[[Path, Path], object], refusal: type[Exception]
) -> Trees:
    """``unpack`` every archive <number>/<name> into a folder of its own;

    ``refusal`` is what it raises.
    """
    found: Trees = {}
    for archive in sorted(archives.glob("*/*")):
        with tempfile.TemporaryDirectory() as folder:
            try:
                unpack(archive, Path(folder))
                found[archive.parent.name] = tree(Path(folder))
            except refusal:
                found[archive.parent.name] = None
    return found


def _extract(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)


def with_zipfile(python: str, archives: Path) -> Trees:
    """What `zipfile` of this Python makes of them."""
    done = subprocess.run(
        [python, __file__, str(archives)], capture_output=True, text=True, check=True
    )
    trees: Trees = json.loads(done.stdout)
    return trees


def pythons() -> dict[str, str]:
    """This Python, and others from 3.11 on that are installed, by their version."""
    own = "{}.{}".format(*sys.version_info)
    folders = [Path("/usr/local/bin"), Path("/usr/bin")]
    # Those that pyenv, uv and GitHub's runners install.
    folders += Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin")
    folders += Path.home().glob(".local/share/uv/python/cpython-3.*/bin")
    if "RUNNER_TOOL_CACHE" in os.environ:
        folders += Path(os.environ["RUNNER_TOOL_CACHE"]).glob("Python/3.*/x64/bin")
    found = {own: sys.executable}
    for version in (f"3.{minor}" for minor in range(11, 20)):
        for folder in folders:
            if (folder / f"python{version}").exists():
                found.setdefault(version, str(folder / f"python{version}"))
    return found


if __name__ == "__main__":
    print(json.dumps(unpacked(Path(sys.argv[1]), _extract, Exception)))
