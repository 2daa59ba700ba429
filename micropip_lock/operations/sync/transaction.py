"""Change an environment package by package: each is always wholly the old or the new one.

New files are staged in a work folder inside site-packages, on the same file system, and moved into
place by renaming, whole folders at once where none exist yet. Before the first move of a package a
journal says which files will be moved; a later run finds the journal of a killed one, and moves
each of them back. Where no journal can be kept the next sync makes it what its lock says: RECORD
goes last and comes first, so of every file of a half done package is known whose it is.

An environment has ten thousands of files, so paths of single files are strings here.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path, PurePosixPath

from ..._util.files import is_plain_folder, locked_folder, remove
from ...errors import InputError
from .journal import Journal, Moves

#: The work folder in site-packages; no import name and no distribution can be called so.
WORK = ".micropip-lock"
#: The files that make a folder an environment, below its prefix: they belong to no package, even if
#: a RECORD lists them.
_ENVIRONMENT = re.compile(
    r"pyvenv\.cfg|pip\.(conf|ini)|lib64"
    r"|(bin|Scripts)/(python[0-9.w]*(-host(-link)?|\.exe)?|(de)?activate(_this)?(\.\w+)?|Activate\.ps1)"
    rf"|(.*/)?{re.escape(WORK)}(/.*)?"
)


def is_environment(name: str) -> bool:
    """Whether a path below the prefix is the environment's own, such as its interpreter."""
    return _ENVIRONMENT.fullmatch(name) is not None


class Transaction:
    """The work folder of an environment, for this process alone.

    ``prefix`` is the folder that everything of the environment lies in, ``site`` its site-packages.
    Paths of files are relative to ``prefix``, with ``/``.
    """

    def __init__(self, prefix: Path, site: Path) -> None:
        self.prefix = prefix
        self._site = site
        self._below = f"{site.relative_to(prefix).as_posix()}/" if site != prefix else ""
        self._reserved = site / WORK
        self._run = secrets.token_hex(16)
        self._journal = Journal(prefix, site)
        self._pending: Moves | None = None
        self._is_journaled = False
        self._numbers: dict[str, str] = {}

    @property
    def work(self) -> Path:
        """The folder of this run, whose name no wheel can know."""
        return self._reserved / self._run

    @contextmanager
    def opened(self) -> Iterator[str | None]:
        """Have the work folder. The value names the packages that a killed run left half done; that
        is undone.

        Raises `InputError` when another process works on this environment, or nothing can be
        written there.
        """
        try:
            with locked_folder(self._site) as is_alone:
                if not is_alone:
                    raise InputError(
                        f"Another process is changing {self.prefix}. Try again when it has ended."
                    )
                undone = self._recover()
                self._make()
                try:
                    yield undone
                finally:
                    if not self.pending:
                        shutil.rmtree(self._reserved, ignore_errors=True)
                    self._journal.leave()
        except OSError as error:
            raise InputError(
                f"Cannot change {self.prefix}: {error.strerror or error} ({error.filename})."
            ) from error

    def recover(self) -> str | None:
        """What `opened` would undo, without changing anything: the packages of a journal that was
        left.

        Raises `InputError` when it cannot be read.
        """
        moves = self._left()
        return None if moves is None else moves.names

    @property
    def is_clean(self) -> bool:
        """Whether no earlier run has left files in the work folder."""
        return not os.path.lexists(self._reserved) and self._journal.read() is None

    @property
    def pending(self) -> bool:
        """Whether a package is half done."""
        return self._pending is not None

    @property
    def outcome(self) -> str:
        """What a step that failed has left, for people."""
        if self._pending is None:
            return "It is as it was before."
        if self._is_journaled:
            return "The next sync puts it back as it was."
        return "The next sync makes it what its lock says."

    def staged(self, package: str) -> Path:
        """The folder for the new files of a package, laid out like ``prefix``."""
        return self.work / "new" / self._number(package)

    def downloads(self, package: str) -> Path:
        """The folder for the wheel of a package."""
        return self.work / "wheels" / self._number(package)

    def incoming(self, package: str) -> list[str]:
        """The files that are staged for a package."""
        return sorted(_files(str(self.staged(package))))

    def apply(self, packages: Sequence[str], old: Iterable[str]) -> list[str]:
        """Replace the files ``old`` by what is staged for ``packages``, in one step, and return
        what that was.
        """
        coming = {package: self.incoming(package) for package in packages}
        with self.exchanging(coming, old) as new:
            for package, names in coming.items():
                self._bring_record(self.staged(package), names)
            for package in coming:
                _bring(str(self.staged(package)), str(self.prefix))
        return new

    @contextmanager
    def exchanging(
        self, coming: Mapping[str, Sequence[str]], old: Iterable[str]
    ) -> Iterator[list[str]]:
        """Move the files ``old`` out while the caller moves the files ``coming`` in; yields these.

        On any error everything is put back. What is in the way of a new file is moved out like an
        old one: a file, a file where a folder has to be, a symbolic link that leads out of the
        environment.
        """
        new = sorted({name for names in coming.values() for name in names})
        barriers = self._barriers(new)
        inside = [name for name in new if not _is_below(name, barriers)] if barriers else new
        self._spare_environment(inside)
        out = dict.fromkeys([*old, *barriers, *self._present(inside)])
        moves = Moves(
            self._run,
            tuple(coming),
            tuple(sorted(out, key=self._is_record)),
            {self._number(package): tuple(names) for package, names in coming.items()},
        )
        self._begin(moves)
        try:
            trash = self.work / "old"
            trash.mkdir(exist_ok=True)
            for number, name in enumerate(moves.out):
                _move(f"{self.prefix}/{name}", f"{trash}/{number}")
            self._prune_empty(moves.out)
            self._clear(new)
            yield new
        except BaseException:
            self._undo(moves)
            raise
        self._end()
        for folder in (trash, *map(self.staged, coming)):
            shutil.rmtree(folder, ignore_errors=True)

    def _number(self, package: str) -> str:
        """The folder name of a package: a number, because the package's name comes from a lock."""
        return self._numbers.setdefault(package, str(len(self._numbers)))

    def _make(self) -> None:
        """Make the work folder, where a killed run may have left its own."""
        remove(self._reserved)
        # Of a run that kept no journal the last step of removing a package may be missing.
        for name in os.listdir(self._site):
            if name.endswith(".dist-info"):
                with suppress(OSError):  # it is not empty
                    os.rmdir(self._site / name)
        for folder in (self._reserved, self.work):
            folder.mkdir(mode=0o700)

    def _begin(self, moves: Moves) -> None:
        self._is_journaled = self._journal.write(moves)
        self._pending = moves

    def _end(self) -> None:
        if self._is_journaled:
            self._journal.remove()
        self._pending = None

    def _left(self) -> Moves | None:
        """The moves of a killed run whose files are still in the work folder."""
        moves = self._journal.read()
        is_here = moves is not None and all(
            map(is_plain_folder, (self._reserved, self._reserved / moves.run))
        )
        return moves if is_here else None

    def _recover(self) -> str | None:
        moves = self._left()
        if moves is None:
            with suppress(OSError):
                self._journal.remove()  # of an earlier environment in the same folder
            return None
        self._is_journaled = True
        self._undo(moves)
        return moves.names

    def _bring_record(self, staged: Path, names: Iterable[str]) -> None:
        """Move what lists the files of a package before any of them."""
        for name in names:
            if self._is_record(name):
                folder = name.rpartition("/")[0]
                whole = name if os.path.lexists(self.prefix / folder) else folder
                os.replace(staged / whole, self.prefix / whole)

    def _is_record(self, name: str) -> bool:
        """Whether a file is the RECORD of a distribution that is installed in this environment."""
        dist_info, _, last = name.removeprefix(self._below).partition("/")
        return (
            name.startswith(self._below) and dist_info.endswith(".dist-info") and last == "RECORD"
        )

    def _spare_environment(self, names: Iterable[str]) -> None:
        """Raise OSError when a file would come to one of the environment's own through a link
        inside.
        """
        root = os.path.realpath(self.prefix)
        for folder, below in _by_folder(names).items():
            place = os.path.realpath(f"{root}/{folder}")
            if place == f"{root}/{folder}":
                continue
            for name in below:
                if is_environment(os.path.relpath(f"{place}/{name.rpartition('/')[2]}", root)):
                    raise OSError(
                        errno.EPERM, "it belongs to the environment", f"{self.prefix}/{name}"
                    )

    def _clear(self, names: Iterable[str]) -> None:
        """Remove empty folders where files have to be.

        Raises OSError for a folder that is not empty.
        """
        for folder, below in _by_folder(names).items():
            if not os.path.isdir(f"{self.prefix}/{folder}"):
                continue
            for name in below:
                place = f"{self.prefix}/{name}"
                if os.path.isdir(place) and not os.path.islink(place):
                    try:
                        os.rmdir(place)
                    except OSError as error:
                        raise OSError(
                            errno.ENOTEMPTY, "a folder that no package has is in the way", place
                        ) from error

    def _present(self, names: Iterable[str]) -> Iterator[str]:
        """The files that exist; those of a missing folder are not tested."""
        for folder, below in _by_folder(names).items():
            if os.path.isdir(f"{self.prefix}/{folder}"):
                yield from (name for name in below if _exists(f"{self.prefix}/{name}"))

    def _barriers(self, names: Iterable[str]) -> list[str]:
        """Paths that are no folder of this environment where one has to be.

        Raises OSError for a folder of the venv itself.
        """
        root = self.prefix.resolve()
        found: list[str] = []
        parents = {
            parent for folder in _by_folder(names) for parent in PurePosixPath(folder, ".").parents
        }
        parents |= {PurePosixPath(folder) for folder in _by_folder(names)}
        for parent in sorted(parents, key=lambda item: len(item.parts)):
            place = self.prefix / parent
            if _is_below(str(parent), found):
                continue
            is_link_out = place.is_symlink() and not place.resolve().is_relative_to(root)
            if is_link_out and self.prefix != self._site and len(parent.parts) == 1:
                raise OSError(
                    errno.EPERM,
                    "a link that leads out of the environment is in the way",
                    str(place),
                )
            if is_link_out or (not place.is_dir() and os.path.lexists(place)):
                found.append(str(parent))
        return found

    def _undo(self, moves: Moves) -> None:
        """Move everything back. Raises OSError where it cannot be: then it is pending as before."""
        work = self._reserved / moves.run
        inside = _Inside(self.prefix)
        came = [
            (number, name)
            for number, names in moves.coming.items()
            for name in names
            if inside.holds(name)
        ]
        for number, name in came:
            # What is no longer staged has been moved; back to where it was, so that this may be
            # done twice.
            staged = f"{work}/new/{number}/{name}"
            if not _exists(staged):
                _move(f"{self.prefix}/{name}", staged)
        self._prune_empty([name for _, name in came])
        inside = _Inside(self.prefix)
        for place, name in enumerate(moves.out):
            if not inside.holds(name):
                message = "a link that leads out of the environment is in the way"
                raise OSError(errno.EPERM, message, f"{self.prefix}/{name}")
            _move(f"{work}/old/{place}", f"{self.prefix}/{name}")
        self._end()

    def _prune_empty(self, names: Iterable[str]) -> None:
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


class _Inside:
    """Which files lie in an environment, links resolved, and are not its own."""

    def __init__(self, prefix: Path) -> None:
        self._root = os.path.realpath(prefix)
        self._folders: dict[str, str] = {}

    def holds(self, name: str) -> bool:
        """Whether the file may be moved."""
        folder, _, last = name.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(f"{self._root}/{folder}")
        place = f"{self._folders[folder]}/{last}"
        below = os.path.relpath(place, self._root)
        return not below.startswith("../") and not is_environment(below)


def _is_below(name: str, folders: Iterable[str]) -> bool:
    return any(name.startswith(f"{folder}/") for folder in folders)


def _by_folder(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by the folder that they are in, the prefix itself being an empty one."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def _exists(path: str) -> bool:
    """Whether a file or a link exists there, and no folder."""
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _move(source: str, target: str) -> None:
    if not _exists(source):
        return
    try:
        os.replace(source, target)
    except FileNotFoundError:
        os.makedirs(target.rpartition("/")[0], exist_ok=True)
        os.replace(source, target)


def _bring(source: str, target: str) -> None:
    """Move the contents of ``source`` into ``target``; new folders are moved as a whole."""
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
