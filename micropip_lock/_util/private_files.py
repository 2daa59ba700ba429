"""Files and folders of the cache: what lies in them is trusted, so they are this user's alone."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from ..errors import InputError
from .files import TEMPORARY, new_file, opener
from .locking import IS_POSIX, lock

#: What the names in the cache folder begin with.
_CACHE_NAMES = ("http.sqlite3", "facts.sqlite3", ".facts.sqlite3.", "wheels", "sync", TEMPORARY)

_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)


def check_private(folder: Path) -> None:
    """Raise `InputError` for a cache folder that exists, and in which another user can write.

    Its contents are trusted, so no other user may put a file there.
    """
    try:
        status = folder.stat()
    except (OSError, ValueError):  # it does not exist, or will be of no use
        return
    if not IS_POSIX or not stat.S_ISDIR(status.st_mode):
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
    if IS_POSIX and is_open and all(name.startswith(_CACHE_NAMES) for name in os.listdir(folder)):
        folder.chmod(0o700)


def make_own(path: Path) -> None:
    """Make an empty file of the cache, unless it is there, that only this user can read.

    Raises OSError.
    """
    keep_own(path)
    with suppress(FileExistsError):
        os.close(opener(0o600)(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def open_own(path: Path) -> BinaryIO | None:
    """Open a file of a private folder for reading and writing, made if it is missing; None while
    another process does.

    Raises OSError.
    """
    keep_own(path)
    add = os.O_CREAT | _NONBLOCK
    file = open(path, "r+b", opener=opener(0o600, add))  # noqa: SIM115  # closed by the caller
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
    elif IS_POSIX and status.st_mode & 0o077:
        path.chmod(0o600)


@contextmanager
def resumable_file(path: Path, part: Path | None) -> Iterator[BinaryIO]:
    """As `new_file`, but what the block wrote before it raised stays in ``part`` for a later run.

    ``part`` is a name in a private folder, on the file system of ``path``. Without it, or while
    another process has it open, nothing stays. An empty file does not stay either, nor does one
    when there is no room for it.
    """
    opened = _open_part(part) if part is not None else None
    if opened is None:
        with new_file(path, private=part is not None) as file:
            yield file
        return
    with opened:
        try:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
            Path(opened.name).replace(path)
        except BaseException as error:  # an interrupt keeps what has come as well
            _discard_part(opened, error)
            raise


def _open_part(part: Path) -> BinaryIO | None:
    try:
        return open_own(part)
    except OSError:  # a folder, say, has that name
        return None


def _discard_part(part: BinaryIO, error: BaseException) -> None:
    """Remove a part that is empty, or that there is no room for."""
    is_full = isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
    )
    with suppress(OSError):
        if is_full or not os.fstat(part.fileno()).st_size:
            Path(part.name).unlink()


def _is_still(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still has its name: another process may have renamed it."""
    with suppress(OSError):
        return os.fstat(file.fileno()).st_ino == path.lstat().st_ino
    return False


def _is_mine(status: os.stat_result) -> bool:
    return not IS_POSIX or status.st_uid == os.geteuid()
