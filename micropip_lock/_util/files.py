"""Files that appear whole, and folders of this user alone.

A name that can be guessed can be taken before: by a link to another file, a pipe, a second name of
a file elsewhere. So a new file is made in a folder of its own, which only this user can enter, and
is renamed to its place when it is whole. Renaming replaces a link that lies there, and leaves alone
what it leads to.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..errors import InputError
from .reading import reason

#: What the name of the folder of a new file begins with.
TEMPORARY = ".micropip-lock-"

#: The whole of it, as `tempfile` makes it up.
_TEMPORARY_NAME = re.compile(re.escape(TEMPORARY) + "[a-z0-9_]{8}")

#: The only file in such a folder.
_PARTIAL = ".new.part"

#: What the names in the cache folder begin with.
_CACHE_NAMES = ("http.sqlite3", "facts.sqlite3", ".facts.sqlite3.", "wheels", "sync", TEMPORARY)

#: Whether files have owners and can be locked as in POSIX: neither is so in Pyodide or on Windows.
_IS_POSIX = sys.platform not in ("emscripten", "win32")

_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)


@contextmanager
def new_file(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Open a new file, for reading and writing, that takes the place of ``path`` at the end of the
    block.

    When the block raises, ``path`` stays as it was, and nothing else is left. A link at ``path`` is
    replaced, not followed. The file gets the mode of the one that it replaces, else the usual one,
    or with ``private`` 0600. Its ``name`` is its path until then. Raises OSError.
    """
    kept = None if private else _mode(path)
    with _own_folder(path.parent) as folder:
        partial = folder / _PARTIAL
        mode = 0o600 if private else 0o666
        with open(partial, "x+b", opener=_opener(mode)) as file:  # Path.open has no opener
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        if kept is not None:
            partial.chmod(kept)
        partial.replace(path)


def write_file(path: Path, data: bytes) -> None:
    """Put a file with these bytes at ``path``, in one step; see `new_file`. Raises `InputError`."""
    try:
        with new_file(path) as file:
            file.write(data)
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: Exception) -> InputError:
    """The error that says so."""
    return InputError(f"Cannot write {path}: {reason(error)}.")


def is_plain_file(path: Path) -> bool:
    """Whether a file lies at ``path``: no link, no folder, no pipe, no device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):  # ValueError: NUL in the name
        return False


def is_plain_folder(path: Path) -> bool:
    """Whether a folder lies at ``path``, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def remove(path: Path) -> None:
    """Remove a file, a link (not what it leads to), or a folder with all that is in it.

    Raises OSError.
    """
    if is_plain_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def discard_leftovers(folder: Path) -> None:
    """Remove the folders of new files in ``folder`` whose processes were killed.

    They have a name that `tempfile` made up, are for this user alone, and hold nothing but a
    partial file. Other folders stay.
    """
    with suppress(OSError):
        for name in os.listdir(folder):
            if _TEMPORARY_NAME.fullmatch(name):
                _discard_leftover(folder / name)


def _discard_leftover(path: Path) -> None:
    if not is_plain_folder(path) or (_IS_POSIX and stat.S_IMODE(path.stat().st_mode) != 0o700):
        return
    with locked_folder(path) as is_locked, suppress(OSError):
        if not is_locked:  # its process is still at work
            return
        if set(os.listdir(path)) <= {_PARTIAL}:
            (path / _PARTIAL).unlink(missing_ok=True)
            path.rmdir()


# -- locks


def lock(file: int) -> bool:
    """Lock an open file or folder for this process; False while another process has locked it.

    Where there are no such locks (Windows, Pyodide, some network file systems) the answer is always
    True.
    """
    if not _IS_POSIX:
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def locked_folder(path: Path) -> Iterator[bool]:
    """Lock a folder; the value is that of `lock`. Raises OSError when it cannot be opened."""
    if not _IS_POSIX:
        yield path.is_dir()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield lock(descriptor)
    finally:
        os.close(descriptor)


# -- what belongs to this user alone


def check_private(folder: Path) -> None:
    """Raise `InputError` for a cache folder that exists, and in which another user can write.

    Its contents are trusted, so no other user may put a file there.
    """
    try:
        status = folder.stat()
    except (OSError, ValueError):  # it does not exist, or will be of no use
        return
    if not _IS_POSIX or not stat.S_ISDIR(status.st_mode):
        return
    if not _is_mine(status):
        fault, remedy = (
            "belongs to another user",
            f"remove it, or take it over with chown: {folder}",
        )
    elif status.st_mode & stat.S_IWOTH:
        fault, remedy = "can be written to by every user of this machine", f"chmod 700 {folder}"
    else:
        return
    raise InputError(
        f"The cache folder {folder} {fault}, and what lies in it is believed. Name another folder "
        f"(--cache-dir DIR), use none (--no-cache), or make this one private ({remedy})."
    )


def make_private(folder: Path) -> None:
    """Make a cache folder that only this user can enter.

    An existing one is made private if it holds only files of the cache.

    Raises OSError, and `InputError` as `check_private` does.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(folder)
    is_open = stat.S_IMODE(folder.stat().st_mode) & 0o077 != 0
    if _IS_POSIX and is_open and all(name.startswith(_CACHE_NAMES) for name in os.listdir(folder)):
        folder.chmod(0o700)


def make_own(path: Path) -> None:
    """Make an empty file of the cache, unless it is there, that only this user can read.

    Raises OSError.
    """
    keep_own(path)
    with suppress(FileExistsError):
        os.close(_opener(0o600)(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def open_own(path: Path) -> BinaryIO | None:
    """Open a file of a private folder for reading and writing, made if it is missing; None while
    another process does.

    Raises OSError.
    """
    keep_own(path)
    add = os.O_CREAT | _NONBLOCK
    file = open(path, "r+b", opener=_opener(0o600, add))  # noqa: SIM115  # closed by the caller
    if lock(file.fileno()) and _is_still(file, path):
        return file
    file.close()
    return None


def keep_own(path: Path) -> None:
    """Remove what lies at a name of the cache and is no file of its own: a link, a pipe, a second
    name of a file.

    A file of its own stays, for this user alone. Raises OSError when something cannot be removed,
    as a folder cannot.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or not _is_mine(status):
        path.unlink(missing_ok=True)
    elif _IS_POSIX and status.st_mode & 0o077:
        path.chmod(0o600)


def _is_still(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still has its name: another process may have renamed it."""
    with suppress(OSError):
        return os.fstat(file.fileno()).st_ino == path.lstat().st_ino
    return False


def _is_mine(status: os.stat_result) -> bool:
    return not _IS_POSIX or status.st_uid == os.geteuid()


def _mode(path: Path) -> int | None:
    """The mode of a new file at ``path``: that of the existing file; None: by the umask."""
    if is_plain_file(path):
        return path.lstat().st_mode & 0o777
    return (
        0o644 if sys.platform == "emscripten" else None
    )  # up to Pyodide 0.27 the umask forbids everything


def _opener(mode: int, add: int = 0) -> Callable[[str, int], int]:
    """For `open`: follows no link, and gives a new file this mode."""
    return lambda name, flags: os.open(name, flags | add | _NOFOLLOW, mode)


@contextmanager
def _own_folder(parent: Path) -> Iterator[Path]:
    """A new folder that only this user can enter, locked while it is used, removed at the end."""
    made = tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=parent, ignore_cleanup_errors=True)
    with made as name:
        folder = Path(name)
        folder.chmod(0o700)  # a umask of 0o777 would shut out this user as well
        with locked_folder(folder):
            yield folder
