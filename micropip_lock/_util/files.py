"""Files that appear whole: the only writers of files that stay.

* `write_output` writes a file that a user named: through a link, or into a pipe or a device.
* `write_file`, `copy_file` and `new_file` replace what has the name, a link itself included.
* `private_files.resumable_file` goes on with the bytes that an earlier run left.

A name that can be guessed can be taken before: by a link to another file, a pipe, a second name of
a file elsewhere. So a new file is made in a folder of its own, which only this user can enter, and
is renamed when it is whole. Renaming replaces a link that has the name, and leaves alone what it
leads to.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import InputError
from .locking import IS_POSIX, locked_folder
from .reading import reason

#: What the name of the folder of a new file begins with.
TEMPORARY = ".micropip-lock-"

#: The whole of it, as `tempfile` makes it up.
_TEMPORARY_NAME = re.compile(re.escape(TEMPORARY) + "[a-z0-9_]{8}")

#: The only file in such a folder.
_PARTIAL = ".new.part"

#: Bytes that are copied at a time.
_PIECE = 2**20

_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def new_file(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Open a new file, for reading and writing, that is called ``path`` once the block has ended.

    When the block raises, ``path`` stays as it was, and nothing else is left. A link at ``path`` is
    replaced, not followed. The file gets the mode of the one that it replaces, else the usual one,
    or with ``private`` 0600. Its ``name`` is its path until then. Raises OSError.
    """
    kept = None if private else _mode(path)
    with _own_folder(path.parent) as folder:
        partial = folder / _PARTIAL
        mode = 0o600 if private else 0o666
        with open(partial, "x+b", opener=opener(mode)) as file:  # Path.open has no opener
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


def copy_file(source: Path, path: Path, check: Callable[[Path], None] | None = None) -> int:
    """Copy a file to ``path``, in one step, as `new_file` does; returns the size.

    ``check`` may examine the copy before it is called ``path``, and raise. Raises OSError.
    """
    with new_file(path) as target, source.open("rb") as file:
        shutil.copyfileobj(file, target, _PIECE)
        target.flush()
        if check is not None:
            check(Path(target.name))
        return target.tell()


def write_output(path: Path, data: bytes) -> None:
    """Write a file that a user named, in one step: an existing file stays until the new one is
    whole.

    Of a symbolic link the file that it leads to is replaced. Into a device or a named pipe the data
    is written. Raises `InputError`.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # /dev/stdout, /dev/null, a named pipe: it has no content to keep, and must stay.
            path.write_bytes(data)
            return
        target = path.resolve()
        if target.is_symlink():  # from Python 3.13 on resolve() stops at a loop without a word
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    except (OSError, ValueError, RuntimeError) as error:  # NUL in the name; a loop of links
        raise cannot_write(path, error) from error
    write_file(target, data)


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
    if not is_plain_folder(path) or (IS_POSIX and stat.S_IMODE(path.stat().st_mode) != 0o700):
        return
    with locked_folder(path) as is_locked, suppress(OSError):
        if not is_locked:  # its process is still at work
            return
        if set(os.listdir(path)) <= {_PARTIAL}:
            (path / _PARTIAL).unlink(missing_ok=True)
            path.rmdir()


def _mode(path: Path) -> int | None:
    """The mode of a new file at ``path``: that of the existing file; None: by the umask."""
    if is_plain_file(path):
        return path.lstat().st_mode & 0o777
    return (
        0o644 if sys.platform == "emscripten" else None
    )  # up to Pyodide 0.27 the umask forbids everything


def opener(mode: int, add: int = 0) -> Callable[[str, int], int]:
    """For `open`: follows no link, adds the flags ``add``, and gives a new file this mode."""
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
