"""Changing an environment package by package, so that each is always wholly the old or wholly the new one.

New files are staged in a work folder inside site-packages, on the same file system, and moved into place by renaming,
whole folders at once where nothing is yet. Before the first move of a package a journal says which files will be moved;
a later run finds the journal of a killed one, and moves each of them back.

An environment has ten thousands of files, so paths of single files are strings here.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from ..errors import InputError

#: The work folder in site-packages; no import name and no distribution can be called so.
WORK = ".micropip-lock"
#: What makes a folder an environment, below its prefix: it belongs to no package, whatever one says.
_ENVIRONMENT = re.compile(
    r"pyvenv\.cfg|lib64|(bin|Scripts)/(python[0-9.w]*(\.exe)?|(de)?activate(_this)?(\.\w+)?|Activate\.ps1)"
    rf"|(.*/)?{re.escape(WORK)}(/.*)?"
)


def is_environment(name: str) -> bool:
    """Whether a path below the prefix is the environment's own, such as its interpreter."""
    return _ENVIRONMENT.fullmatch(name) is not None


class Swap:
    """The work folder of an environment, for this process alone.

    ``prefix`` is the folder that everything of the environment lies in, ``site`` its site-packages. Paths of
    files are relative to ``prefix``, with ``/``.
    """

    def __init__(self, prefix: Path, site: Path) -> None:
        self.prefix = prefix
        self.work = site / WORK
        self._journal = self.work / "journal.json"

    @contextmanager
    def opened(self) -> Iterator[str | None]:
        """Have the work folder. The value names the packages that a killed run left half done; that is undone.

        Raises `InputError` when another process works on this environment, or nothing can be written there.
        """
        try:
            self.work.mkdir(exist_ok=True)
            with (self.work / "lock").open("a") as lock:
                if not _locked(lock, self.work / "lock"):
                    raise InputError(f"Another process is changing {self.prefix}. Try again when it has ended.")
                undone = self._undo()
                self._clean()
                try:
                    yield undone
                finally:
                    if not self._journal.exists():
                        shutil.rmtree(self.work, ignore_errors=True)
        except OSError as error:
            raise InputError(f"Cannot change {self.prefix}: {error.strerror or error} ({error.filename}).") from error

    def recover(self) -> str | None:
        """What `opened` would undo, without changing anything: the packages of a journal that was left.

        Raises `InputError` when it cannot be read.
        """
        journal = self._read()
        return None if journal is None else ", ".join(journal["packages"])

    @property
    def pending(self) -> bool:
        """Whether a package is half done."""
        return self._journal.exists()

    def staged(self, package: str) -> Path:
        """The folder for the new files of a package, laid out like ``prefix``."""
        return self.work / "new" / package

    def incoming(self, package: str) -> list[str]:
        """The files that are staged for a package."""
        return sorted(_files(str(self.staged(package))))

    def apply(self, packages: Sequence[str], old: Iterable[str]) -> list[str]:
        """Replace the files ``old`` by what is staged for ``packages``, in one step, and return what that was."""
        coming = {package: self.incoming(package) for package in packages}
        with self.exchanging(coming, old) as new:
            for package in coming:
                _bring(str(self.staged(package)), str(self.prefix))
        return new

    @contextmanager
    def exchanging(self, coming: Mapping[str, Sequence[str]], old: Iterable[str]) -> Iterator[list[str]]:
        """Move the files ``old`` out while somebody brings the files ``coming`` of some packages; the value is those.

        On any error everything is put back. What is in the way of a new file is moved out like an old one: a file, a
        file where a folder has to be, a symbolic link that leads out of the environment.
        """
        trash = self.work / "old"
        new = sorted({name for names in coming.values() for name in names})
        barriers = self._barriers(new)
        inside = [name for name in new if not _is_below(name, barriers)] if barriers else new
        out = dict.fromkeys([*old, *barriers, *self._present(inside)])
        self._write({"packages": list(coming), "out": list(out), "in": {key: list(coming[key]) for key in coming}})
        try:
            trash.mkdir(exist_ok=True)
            for number, name in enumerate(out):
                _move(f"{self.prefix}/{name}", f"{trash}/{number}")
            self._prune_empty(out)
            self._clear(new)
            yield new
        except BaseException:
            self._undo()
            raise
        self._journal.unlink()
        for folder in (trash, *map(self.staged, coming)):
            shutil.rmtree(folder, ignore_errors=True)

    def _clear(self, names: Iterable[str]) -> None:
        """Remove empty folders where files have to be. Raises OSError for one that somebody has something in."""
        for folder, below in _by_folder(names).items():
            if not os.path.isdir(f"{self.prefix}/{folder}"):
                continue
            for name in below:
                place = f"{self.prefix}/{name}"
                if os.path.isdir(place) and not os.path.islink(place):
                    try:
                        os.rmdir(place)
                    except OSError as error:
                        raise OSError(errno.ENOTEMPTY, "a folder that no package has is in the way", place) from error

    def _present(self, names: Iterable[str]) -> Iterator[str]:
        """The files that are there; of a folder that is not, none is asked for."""
        for folder, below in _by_folder(names).items():
            if os.path.isdir(f"{self.prefix}/{folder}"):
                yield from (name for name in below if _exists(f"{self.prefix}/{name}"))

    def _barriers(self, names: Iterable[str]) -> list[str]:
        """What is no folder of this environment where one has to be."""
        root = self.prefix.resolve()
        found: list[str] = []
        parents = {parent for folder in _by_folder(names) for parent in PurePosixPath(folder, ".").parents}
        parents |= {PurePosixPath(folder) for folder in _by_folder(names)}
        for parent in sorted(parents, key=lambda item: len(item.parts)):
            place = self.prefix / parent
            if not _is_below(str(parent), found) and (
                place.is_file() or (place.is_symlink() and not place.resolve().is_relative_to(root))
            ):
                found.append(str(parent))
        return found

    def _undo(self) -> str | None:
        journal = self._read()
        if journal is None:
            return None
        trash = self.work / "old"
        for package, names in journal["in"].items():
            for name in names:
                # What is no longer staged has been moved; back to where it was, so that this may be done twice.
                if not _exists(f"{self.staged(package)}/{name}"):
                    _move(f"{self.prefix}/{name}", f"{self.staged(package)}/{name}")
        self._prune_empty([name for names in journal["in"].values() for name in names])
        for number, name in enumerate(journal["out"]):
            _move(f"{trash}/{number}", f"{self.prefix}/{name}")
        self._journal.unlink()
        return ", ".join(journal["packages"])

    def _read(self) -> dict[str, Any] | None:
        try:
            journal = json.loads(self._journal.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise self._unreadable() from error
        if not (isinstance(journal, dict) and {"packages", "in", "out"} <= journal.keys()):
            raise self._unreadable()
        packages, coming, out = journal["packages"], journal["in"], journal["out"]
        if not (isinstance(packages, list) and isinstance(coming, dict) and isinstance(out, list)):
            raise self._unreadable()
        lists = [packages, [*coming], out, *coming.values()]
        if not all(isinstance(names, list) and all(map(_is_inside, names)) for names in lists):
            raise self._unreadable()
        return journal

    def _unreadable(self) -> InputError:
        return InputError(
            f"{self._journal} says what an interrupted sync was doing, and cannot be read. The files that it had moved "
            f"are in {self.work / 'old'}: put them back and remove {self.work}, or make the environment anew."
        )

    def _write(self, journal: dict[str, object]) -> None:
        partial = self._journal.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(journal, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._journal)

    def _clean(self) -> None:
        for name in ("new", "old", "wheels"):
            shutil.rmtree(self.work / name, ignore_errors=True)
        for partial in self.work.glob("*.part"):
            partial.unlink()

    def _prune_empty(self, names: Iterable[str]) -> None:
        """Remove the folders that moving ``names`` has emptied."""
        folders = {parent for folder in _by_folder(names) for parent in (self.prefix / folder / ".x").parents}
        inside = [folder for folder in folders if folder.is_relative_to(self.prefix) and folder != self.prefix]
        kept = {self.work.parent}
        for folder in sorted(inside, key=lambda item: -len(item.parts)):
            if folder not in kept:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:  # it is not empty, and so are those that it is in
                    kept.update(folder.parents)


def _is_inside(name: object) -> bool:
    return isinstance(name, str) and not name.startswith("/") and ".." not in name.split("/")


def _is_below(name: str, folders: Iterable[str]) -> bool:
    return any(name.startswith(f"{folder}/") for folder in folders)


def _by_folder(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by the folder that they are in, the prefix itself being an empty one."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def _exists(path: str) -> bool:
    return os.path.islink(path) or os.path.isfile(path)


def _move(source: str, target: str) -> None:
    if not _exists(source):
        return
    try:
        os.replace(source, target)
    except FileNotFoundError:
        os.makedirs(target.rpartition("/")[0], exist_ok=True)
        os.replace(source, target)


def _bring(source: str, target: str) -> None:
    """Move what is in the folder ``source`` into the folder ``target``; folders that are new there go as they are."""
    try:
        with os.scandir(source) as found:
            entries = sorted(found, key=attrgetter("name"))
    except FileNotFoundError:  # a package without files
        return
    for entry in entries:
        place = f"{target}/{entry.name}"
        if entry.is_dir(follow_symlinks=False) and os.path.lexists(place):
            _bring(entry.path, place)
        else:
            os.replace(entry.path, place)


def _files(folder: str, below: str = "") -> Iterator[str]:
    """The files below a folder, with ``below`` in front of their names."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(entry.path, f"{below}{entry.name}/")
                else:
                    yield f"{below}{entry.name}"
    except FileNotFoundError:
        return


def _locked(file: TextIO, path: Path) -> bool:
    if sys.platform in ("win32", "emscripten"):
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it may have removed the folder by now: then this is the lock of nothing.
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except OSError:
        return False
