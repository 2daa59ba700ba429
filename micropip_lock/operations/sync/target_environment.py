"""The environment that sync changes: its folders, and which files in it belong to a package."""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..._util.url import is_http, without_credentials
from ...environment import Runtime, Surroundings, current_runtime, detect
from ...errors import InputError
from ...formats.lockfile import LockedPackage, Lockfile
from ...formats.record import RecordRow
from ...installed.distribution import InstalledDistribution
from ..base import Base
from ..freeze.inventory import TOOLS
from .environment_files import is_environment

#: What a running Pyodide installs with, and what `sync` runs on.
_RUNTIME_TOOLS = frozenset({"micropip", "packaging", "resolvelib"})
#: Folders with bytecode, below the prefix -> the files in them, by what their names begin with.
Bytecode = dict[str, dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class TargetEnvironment:
    """The environment: ``prefix`` holds everything of it, ``site`` is its site-packages below.

    ``base`` is the lock of its Pyodide, as far as that is known, and ``base_url`` the folder that
    its wheels are downloaded from; ``runtime`` is the Pyodide that runs this and has it, and
    ``loaded`` what that one itself loaded or installed into ``site`` since it started.
    """

    prefix: Path
    site: Path
    base: Lockfile | None
    runtime: Runtime | None = None
    #: The folder of its Pyodide, which may hold wheels of the base.
    base_dir: Path | None = None
    base_url: str | None = None
    loaded: Mapping[str, str] | None = None

    @classmethod
    def of(cls, path: str | Path | None, surroundings: Surroundings | None) -> TargetEnvironment:
        """Find the environment; with neither: the one that runs this. Raises `InputError`."""
        detected = surroundings if path is not None or surroundings is not None else detect()
        live = (
            current_runtime()
            if path is None and detected is not None and detected.loaded is not None
            else None
        )
        if live is not None:
            assert detected is not None
            loaded = detected.loaded if live.site == detected.loaded_into else None
            return cls(
                live.site,
                live.site,
                detected.base,
                live,
                detected.base_dir,
                detected.base_url,
                loaded,
            )
        site = Path()
        if path is not None:
            site = Path(path)
        elif detected is not None:
            site = detected.paths[0]
        if not site.is_dir():
            raise InputError(f"The folder {site} does not exist.")
        site = site.resolve()
        prefix = next(
            (parent for parent in site.parents if (parent / "pyvenv.cfg").is_file()), site
        )
        if detected is not None:
            return cls(prefix, site, detected.base, base_dir=detected.base_dir)
        # A folder alone says nothing of its Pyodide; the venv that it is in may.
        return cls(prefix, site, detect(prefix).base if prefix != site else None)

    def check(self, lock: Lockfile) -> None:
        """Refuse a lock of another Pyodide than the one that the environment was made from.

        Raises `InputError`.
        """
        if self.base is None:
            self._check_folder(lock.info.python)
            return
        own, other = self.base.info, lock.info
        same_python = own.python.rpartition(".")[0] == other.python.rpartition(".")[0]
        if own.abi_version != other.abi_version or not same_python:
            what = "this is" if self.runtime is not None else f"{self.prefix} was made for"
            raise InputError(
                f"The lock is for Python {other.python}, ABI {other.abi_version}; {what} Python "
                f"{own.python}, ABI {own.abi_version}. Make a new environment for that Pyodide, or "
                "a new lock for this one (resolve --base, freeze)."
            )

    def _check_folder(self, python: str) -> None:
        """Refuse a folder that is plainly for another Python, even if no file names its Pyodide.

        Raises `InputError`.
        """
        if self.prefix != self.site:
            raise InputError(
                f"{self.prefix} is no venv of Pyodide: beside the home that its pyvenv.cfg names "
                "there is no pyodide-lock.json. What the lock names does not run there. Make a "
                "venv for the lock's Pyodide (pyodide venv DIR), or name a folder that is in no "
                "venv (--path DIR)."
            )
        named = re.fullmatch(r"python(\d+\.\d+)t?", self.site.parent.name)
        if named is not None and named[1] != python.rpartition(".")[0]:
            raise InputError(
                f"The lock is for Python {python}; {self.site} is of Python {named[1]}. Name a "
                "folder for the lock's Pyodide (--path DIR, --venv DIR), or make a new lock "
                "(resolve --base, freeze)."
            )

    def is_base(self, key: str, entry: LockedPackage) -> bool:
        """Whether an entry is the one of the Pyodide that this environment is for."""
        own = self.base.packages.get(key) if self.base is not None else None
        return own is not None and (own.version, own.sha256) == (entry.version, entry.sha256)

    def url_of(self, key: str, entry: LockedPackage) -> str | None:
        """The http or https URL of an entry's file.

        None where there is none, or it is not known.
        """
        if self.base is not None and self.is_base(key, entry) and not is_http(entry.file_name):
            entry = Base(self.base, self.base_url).placed(self.base.packages[key])
        return without_credentials(entry.file_name) if is_http(entry.file_name) else None

    @property
    def tools(self) -> frozenset[str]:
        """The packages that stay although the lock does not have them."""
        return TOOLS if self.runtime is None else TOOLS | _RUNTIME_TOOLS

    @property
    def interpreter(self) -> str:
        """For the first line of scripts."""
        python = self.prefix / "bin" / "python"
        return str(python) if self.prefix != self.site else sys.executable  # as pip --target does

    def below(self, item: InstalledDistribution, paths: Iterable[str]) -> list[str]:
        """Paths of RECORD, relative to the prefix, without what lies outside of it or is the
        environment's own.

        Folders that are symbolic links count as where they lead.
        """
        resolved: dict[str, str] = {}
        found: dict[str, None] = {}
        for path in paths:
            folder, _, name = os.path.normpath(os.path.join(item.folder, path)).rpartition("/")
            if folder not in resolved:
                resolved[folder] = os.path.realpath(folder)
            below = os.path.relpath(f"{resolved[folder]}/{name}", self.prefix)
            if not below.startswith("..") and below != "." and not is_environment(below):
                found[below] = None
        return list(found)

    def files(self, item: InstalledDistribution, bytecode: Bytecode | None = None) -> list[str]:
        """Every file of an installed distribution that lies in the environment, bytecode included.

        A row of RECORD that leaves site-packages may name any file of the user, so its hash must be
        that of the file. ``bytecode``: what was listed for other distributions, for they may share
        folders; it is added to.
        """
        bytecode = {} if bytecode is None else bytecode
        names = [
            row.path for row in item.rows if _stays_inside(row.path) or _is_as_recorded(item, row)
        ]
        names += _listed(item.folder, item.dist_info)
        found = dict.fromkeys(self.below(item, names))
        for name in list(found):
            if name.endswith(".py"):
                folder, _, module = name.removesuffix(".py").rpartition("/")
                cache = f"{folder}/__pycache__" if folder else "__pycache__"
                if cache not in bytecode:
                    bytecode[cache] = _compiled(self.prefix / cache)
                for file in bytecode[cache].get(module.partition(".")[0], ()):
                    if file.removesuffix(".pyc").startswith(f"{module}."):
                        found[f"{cache}/{file}"] = None
        return list(found)


def _stays_inside(path: str) -> bool:
    """Whether a path of RECORD lies in site-packages, however it is spelt."""
    return not os.path.isabs(path) and os.path.normpath(path).partition("/")[0] != ".."


def _is_as_recorded(item: InstalledDistribution, row: RecordRow) -> bool:
    """Whether the file of a row has the hash of that row."""
    return row.strong and item.site_files.digest(row.path, row.algorithm or "") == row.digest


def _listed(folder: Path, dist_info: str) -> list[str]:
    """Everything in a .dist-info that is no folder, relative to ``folder``.

    Links are not followed.
    """
    if (folder / dist_info).is_symlink():
        return [dist_info]
    found = []
    for parent, folders, files in os.walk(folder / dist_info):
        links = [name for name in folders if os.path.islink(f"{parent}/{name}")]
        found += [os.path.relpath(f"{parent}/{name}", folder) for name in (*files, *links)]
    return found


def _compiled(folder: Path) -> dict[str, list[str]]:
    """The bytecode in a folder, by what its names begin with, up to the first dot.

    A link is not followed.
    """
    found: dict[str, list[str]] = defaultdict(list)
    if folder.is_symlink():
        return found
    try:
        names = os.listdir(folder)
    except OSError:  # nothing was compiled
        return {}
    for name in names:
        if name.endswith(".pyc"):
            found[name.partition(".")[0]].append(name)
    return found
