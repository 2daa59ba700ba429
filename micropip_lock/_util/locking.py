"""Locks between processes, on open files and folders (flock)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Whether files have owners and can be locked as in POSIX: neither is so in Pyodide or on Windows.
IS_POSIX = sys.platform not in ("emscripten", "win32")

#: Seconds between two attempts.
_PAUSE = 0.005


def lock(file: int, *, timeout: float = 0) -> bool:
    """Lock an open file or folder for this process, until it is closed.

    False when another process still has it locked after ``timeout`` seconds. Where there are no
    such locks (Windows, Pyodide, some network file systems) the answer is always True.
    """
    deadline = time.monotonic() + timeout
    while not _try_lock(file):
        if time.monotonic() > deadline or not timeout:
            return False
        time.sleep(_PAUSE)
    return True


def _try_lock(file: int) -> bool:
    if not IS_POSIX:
        return True
    try:
        import fcntl
    except ImportError:  # a Python that was built without it
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems
        return True
    return True


@contextmanager
def locked_folder(path: Path) -> Iterator[bool]:
    """Lock a folder; the value is that of `lock`. Raises OSError when it cannot be opened."""
    if not IS_POSIX:
        yield path.is_dir()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield lock(descriptor)
    finally:
        os.close(descriptor)
