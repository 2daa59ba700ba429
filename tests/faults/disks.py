"""Disks that are full or read-only:

real ones, where this machine lets us mount any, else errors that are injected.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

#: What takes all the room of a full disk.
FILLER = ".filler"


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """There is no room in ``folder``; what is in it stays."""
    with _disk(folder) as mounted:
        if not mounted:
            with _refusing(folder, errno.ENOSPC):
                yield
            return
        with (folder / FILLER).open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))
        yield
        (folder / FILLER).unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write into ``folder``; what is in it stays."""
    with _disk(folder) as mounted:
        if not mounted:
            with _refusing(folder, errno.EROFS):
                yield
            return
        _mount("-o", "remount,ro", str(folder))
        yield
        _mount("-o", "remount,rw", str(folder))


@contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    """A small disk of its own in ``folder``, with what is there; false where that may not be."""
    with TemporaryDirectory() as place:
        _copy(folder, Path(place))
        mounted = _mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
        try:
            if mounted:
                _copy(Path(place), folder)
            yield mounted
        finally:
            if mounted:
                _copy(folder, Path(place))
                subprocess.run(["umount", str(folder)], check=True)
                _copy(Path(place), folder)


def _copy(source: Path, target: Path) -> None:
    """Make ``target`` hold just what ``source`` holds."""
    for path in target.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(
        source, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(FILLER)
    )


def _mount(*arguments: str) -> bool:
    try:
        return (
            subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


@contextmanager
def _refusing(folder: Path, number: int) -> Iterator[None]:  # noqa: C901  # a branch for each call
    """Nothing in ``folder`` can be opened to write;

    where it is read-only, nothing can be made, moved or removed.
    """

    def concerns(path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and str(path).startswith(str(folder))

    def refusing(function: Callable[..., Any], reads: Callable[..., bool]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if any(map(concerns, arguments[:2])) and not reads(*arguments[1:], **options):
                raise OSError(number, os.strerror(number), str(arguments[0]))
            return function(*arguments, **options)

        return call

    def reads_file(mode: str = "r", *_: Any, **__: Any) -> bool:
        return mode in ("r", "rb")

    def reads_descriptor(flags: int, *_: Any, **__: Any) -> bool:
        return not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)

    def never(*_: Any, **__: Any) -> bool:
        return False

    def connect(database: Any, *arguments: Any, **options: Any) -> Any:
        if concerns(database) or str(folder) in str(database):
            raise sqlite3.OperationalError("unable to open database file")
        return real_connect(database, *arguments, **options)

    real_connect = sqlite3.connect
    replaced = [
        (builtins, "open", reads_file),
        (io, "open", reads_file),
        (os, "open", reads_descriptor),
    ]
    if number == errno.EROFS:
        replaced += [
            (os, name, never) for name in ("mkdir", "replace", "rename", "unlink", "rmdir", "chmod")
        ]
    with ExitStack() as stack:
        for module, name, reads in replaced:
            stack.enter_context(
                mock.patch.object(module, name, refusing(getattr(module, name), reads))
            )
        stack.enter_context(mock.patch.object(sqlite3, "connect", connect))
        yield
