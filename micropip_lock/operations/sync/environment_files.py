"""The files of an environment, and how sync moves them.

An environment has tens of thousands of files, so paths of single files are strings, relative to
its prefix and with ``/``.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path, PurePosixPath

#: The work folder in site-packages; no import name and no distribution can be called so.
WORK = ".micropip-lock"
#: The files that make a folder an environment, below its prefix: they belong to no package, even if
#: a RECORD lists them.
_ENVIRONMENT = re.compile(
    r"pyvenv\.cfg|pip\.(conf|ini)|lib64"
    r"|(bin|Scripts)/(python[0-9.w]*(-host(-link)?|\.exe)?|(de)?activate(_this)?(\.\w+)?|Activate\.ps1)"
    rf"|(.*/)?{re.escape(WORK)}(/.*)?"
)

#: What an error says of a symbolic link where a folder of the environment has to be.
LINK_OUT = "a link that leads out of the environment is in the way"


def is_environment(name: str) -> bool:
    """Whether a path below the prefix is the environment's own, such as its interpreter."""
    return _ENVIRONMENT.fullmatch(name) is not None


class EnvironmentFiles:
    """The files below ``prefix``, the folder of an environment; ``site`` is its site-packages."""

    def __init__(self, prefix: Path, site: Path) -> None:
        self.prefix = prefix
        self._site = site
        self._below = f"{site.relative_to(prefix).as_posix()}/" if site != prefix else ""

    def is_record(self, name: str) -> bool:
        """Whether a file is the RECORD of a distribution that is installed in this environment."""
        dist_info, _, last = name.removeprefix(self._below).partition("/")
        return (
            name.startswith(self._below) and dist_info.endswith(".dist-info") and last == "RECORD"
        )

    def check_environment(self, names: Iterable[str]) -> None:
        """Raise OSError for a file that a link inside leads to one of the environment's own."""
        root = os.path.realpath(self.prefix)
        for folder, below in _by_folder(names).items():
            resolved = os.path.realpath(f"{root}/{folder}")
            if resolved == f"{root}/{folder}":
                continue
            for name in below:
                path = f"{resolved}/{name.rpartition('/')[2]}"
                if is_environment(os.path.relpath(path, root)):
                    raise OSError(
                        errno.EPERM, "it belongs to the environment", f"{self.prefix}/{name}"
                    )

    def remove_folders_at(self, names: Iterable[str]) -> None:
        """Remove empty folders that have the names of new files.

        Raises OSError for a folder that is not empty.
        """
        for folder, below in _by_folder(names).items():
            if not os.path.isdir(f"{self.prefix}/{folder}"):
                continue
            for name in below:
                path = f"{self.prefix}/{name}"
                if not os.path.isdir(path) or os.path.islink(path):
                    continue
                try:
                    os.rmdir(path)
                except OSError as error:
                    message = "a folder that no package has is in the way"
                    raise OSError(errno.ENOTEMPTY, message, path) from error

    def existing(self, names: Iterable[str]) -> Iterator[str]:
        """Those of ``names`` that exist; files of a missing folder are not tested."""
        for folder, below in _by_folder(names).items():
            if os.path.isdir(f"{self.prefix}/{folder}"):
                yield from (name for name in below if exists(f"{self.prefix}/{name}"))

    def barriers(self, names: Iterable[str]) -> list[str]:
        """Paths where ``names`` need a folder of this environment, and something else is.

        Raises OSError for a folder of the venv itself.
        """
        root = self.prefix.resolve()
        found: list[str] = []
        folders = {PurePosixPath(folder) for folder in _by_folder(names)}
        for folder in tuple(folders):
            folders.update(folder.parents)
        for folder in sorted(folders, key=lambda item: len(item.parts)):
            path = self.prefix / folder
            if is_below(str(folder), found):
                continue
            is_link_out = path.is_symlink() and not path.resolve().is_relative_to(root)
            if is_link_out and self.prefix != self._site and len(folder.parts) == 1:
                raise OSError(errno.EPERM, LINK_OUT, str(path))
            if is_link_out or (not path.is_dir() and os.path.lexists(path)):
                found.append(str(folder))
        return found

    def remove_emptied_folders(self, names: Iterable[str]) -> None:
        """Remove the folders that moving ``names`` has emptied."""
        folders = {
            parent
            for folder in _by_folder(names)
            for parent in (self.prefix / folder / ".x").parents
        }
        inside = [
            folder
            for folder in folders
            if folder.is_relative_to(self.prefix) and folder != self.prefix
        ]
        kept = {self._site}
        for folder in sorted(inside, key=lambda item: -len(item.parts)):
            if folder not in kept:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:  # it is not empty, and so are those that it is in
                    kept.update(folder.parents)


class ResolvedPrefix:
    """An environment's folder with the links in it resolved, to see which files lie inside."""

    def __init__(self, prefix: Path) -> None:
        self._root = os.path.realpath(prefix)
        self._folders: dict[str, str] = {}

    def contains(self, name: str) -> bool:
        """Whether a file lies in the environment, and is not the environment's own."""
        folder, _, last = name.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(f"{self._root}/{folder}")
        below = os.path.relpath(f"{self._folders[folder]}/{last}", self._root)
        return not below.startswith("../") and not is_environment(below)


def is_below(name: str, folders: Iterable[str]) -> bool:
    """Whether a path lies in one of ``folders``."""
    return any(name.startswith(f"{folder}/") for folder in folders)


def _by_folder(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by the folder that they are in, the prefix itself being an empty one."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def exists(path: str) -> bool:
    """Whether ``path`` is a file or a link, and no folder."""
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def move(source: str, target: str) -> None:
    """Move a file or a link, if it exists, to ``target``, whose folder is made if it is missing."""
    if not exists(source):
        return
    try:
        os.replace(source, target)
    except FileNotFoundError:
        os.makedirs(target.rpartition("/")[0], exist_ok=True)
        os.replace(source, target)


def move_tree(source: str, target: str) -> None:
    """Move the contents of ``source`` into ``target``; new folders are moved as a whole."""
    try:
        with os.scandir(source) as found:
            entries = sorted(found, key=attrgetter("name"))
    except FileNotFoundError:  # a package without files
        return
    for entry in entries:
        path = f"{target}/{entry.name}"
        if entry.is_dir(follow_symlinks=False) and os.path.lexists(path):
            move_tree(entry.path, path)
        else:
            os.replace(entry.path, path)


def files_below(folder: str, below: str = "") -> Iterator[str]:
    """The files below a folder, with ``below`` in front of their names."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from files_below(entry.path, f"{below}{entry.name}/")
                else:
                    yield f"{below}{entry.name}"
    except FileNotFoundError:
        return
