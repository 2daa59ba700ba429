"""Bounded reads of files: never waiting for a pipe's writer, never reading a device for ever."""

from __future__ import annotations

import errno
import os
import stat
import sys
from io import BufferedReader
from typing import BinaryIO

from ..errors import InputError

#: The largest file to read as a whole, in bytes. Real locks, reports and METADATA files have a few
#: MB at most.
LARGEST = 64 * 2**20

_PIECE = 2**16
#: Seconds for another process to open the other end of a named pipe.
_PATIENCE = 2.0
#: Without O_NONBLOCK open() waits for the other end of a pipe. O_NOCTTY: a terminal must not become
#: ours.
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file for reading.

    Raises OSError, for folders, pipes, sockets and devices as well.
    """
    return os.fdopen(_open_regular(path), "rb")


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """The contents of a regular file of at most `LARGEST` bytes.

    Raises OSError for anything else.
    """
    descriptor = _open_regular(path)
    try:
        return _read(descriptor, path)
    finally:
        os.close(descriptor)


def read_named(path: str | os.PathLike[str]) -> bytes:
    """The contents of a file that the user names, of at most `LARGEST` bytes. Raises OSError.

    It may be a pipe that a process writes to, as in ``-r <(command)`` of a shell, or a device such
    as /dev/stdin.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        has_writer = not stat.S_ISFIFO(mode) or _has_writer(descriptor)
        data = _read(descriptor, path)
        if not (data or has_writer):
            raise OSError(errno.ENXIO, "it is a pipe that no process writes to", os.fspath(path))
        return data
    finally:
        os.close(descriptor)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The contents of a file that the user names.

    Raises `InputError` when it is missing, unreadable or too large.
    """
    try:
        return read_named(path)
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise InputError(f"Cannot read {path}: {reason(error)}.") from error


def read_standard_input() -> bytes:
    """What comes on standard input, at most `LARGEST` bytes. Raises `InputError`."""
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise InputError("There is no standard input to read. Name a file instead of -.")
    try:
        data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: it was closed
        raise InputError(
            f"Cannot read standard input: {reason(error)}. Name a file instead of -."
        ) from error
    if len(data) > LARGEST:
        raise InputError(f"Cannot read standard input: {_too_large()}.")
    return data


def reason(error: Exception) -> str:
    """Why a file cannot be read or written, without its name."""
    return getattr(error, "strerror", None) or str(error)


def _open_regular(path: str | os.PathLike[str]) -> int:
    descriptor = os.open(path, _FLAGS)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    said = os.strerror(code) if code == errno.EISDIR else "it is no regular file"
    raise OSError(code, said, os.fspath(path))


def _read(descriptor: int, path: str | os.PathLike[str]) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := _piece(descriptor):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            raise OSError(errno.EFBIG, _too_large(), os.fspath(path))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _piece(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except BlockingIOError:  # the process at the other end has not written yet
        os.set_blocking(descriptor, True)
        return os.read(descriptor, _PIECE)


def _has_writer(descriptor: int) -> bool:
    """Whether a process writes to a pipe, or has done so and ended."""
    from select import POLLIN, poll  # there is none on Windows, nor are there such pipes

    # read() finds an end of file where there has never been a writer; poll() does not.
    poller = poll()
    poller.register(descriptor, POLLIN)
    return bool(poller.poll(_PATIENCE * 1000))


def _too_large() -> str:
    return f"it is larger than {LARGEST >> 20} MiB"
