"""A file fetched whole: hashed on the way, resumed after a break, and never there before it is right.

The bytes grow in ``<name>.part`` beside the place they are for. What a killed run left there is gone on with.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import FetchError, InputError, IntegrityError
from .fetch import Fetcher
from .url import shown

#: A connection may break this often after it brought something, and this often after nothing but headers.
_MOST_BREAKS = 20
_MOST_EMPTY = 2
_LARGEST = 4 * 2**30
_PIECE = 2**20


async def download(
    fetcher: Fetcher,
    url: str,
    sha256: str,
    path: Path,
    *,
    advance: Callable[[int], None] | None = None,
    expect: Callable[[int], None] | None = None,
    check: Callable[[Path], None] | None = None,
) -> int:
    """Fetch ``url`` to ``path``, which appears in one step when all bytes are there and have this sha256.

    ``advance`` is told how many bytes came (fewer than none when they were in vain), ``expect`` how many there will be
    in all, as far as the server says. ``check`` may look at the whole
    file before it is in its place, and raise. Returns the size. Raises `FetchError`, `IntegrityError` when the
    bytes are others, and `InputError` when they cannot be written.
    """
    try:
        with _partial(path) as (file, partial):
            size = await _fill(fetcher, url, sha256, file, advance or _ignore, expect or _ignore)
            file.flush()
            os.fsync(file.fileno())
            if check is not None:
                _checked(check, file, partial)
            partial.chmod(0o644)
            partial.replace(path)
            return size
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}.") from error


def discard(path: Path) -> None:
    """Forget what an unfinished download to ``path`` left."""
    with suppress(OSError):
        _name(path).unlink()


def _checked(check: Callable[[Path], None], file: BinaryIO, partial: Path) -> None:
    try:
        check(partial)
    except BaseException:
        file.truncate(0)  # what is not wanted is not kept either
        raise


async def _fill(
    fetcher: Fetcher,
    url: str,
    sha256: str,
    file: BinaryIO,
    advance: Callable[[int], None],
    expect: Callable[[int], None],
) -> int:
    resumed = file.seek(0, os.SEEK_END) > 0
    while True:
        found, size = await _read_on(fetcher, url, sha256, file, advance, expect)
        if found == sha256:
            return size
        file.seek(0)
        file.truncate()
        if not resumed:
            raise IntegrityError(
                f"{shown(url)} has the sha256 {found}, not {sha256} as the lock says. The file was replaced, "
                "or a proxy changes it; nothing of it was kept."
            )
        resumed = False  # what was there before may have been of another file: once more from the start
        advance(-size)


async def _read_on(
    fetcher: Fetcher,
    url: str,
    sha256: str,
    file: BinaryIO,
    advance: Callable[[int], None],
    expect: Callable[[int], None],
) -> tuple[str, int]:
    """Read from where ``file`` ends to the end of the resource; the hash of the whole and its size."""
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(_PIECE):
        digest.update(piece)
    size = file.tell()
    advance(size)
    if size and digest.hexdigest() == sha256:
        return sha256, size
    breaks, empty, anew, tried = 0, 0, False, False
    while True:
        before, opened = size, False
        try:
            async with fetcher.stream(url, start=0 if anew else size) as stream:
                opened = True
                if stream.size is not None:
                    expect(stream.size + (0 if anew else size))
                async for piece in stream:
                    if anew:
                        # Only now, for a server that says nothing at all is no reason to lose what is there.
                        file.seek(0)
                        file.truncate()
                        advance(-size)
                        digest, size, before, anew = hashlib.sha256(), 0, 0, False
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
                    advance(len(piece))
                    if size > _LARGEST:
                        raise FetchError(f"{shown(url)} is larger than any wheel.", url=shown(url))
            return digest.hexdigest(), size
        except FetchError as error:
            if size and digest.hexdigest() == sha256:
                return sha256, size  # all of it has come, whatever else was announced
            breaks += 1
            if size > _LARGEST:
                file.truncate(0)
                raise
            if size > before:
                if breaks > _MOST_BREAKS:
                    raise
            elif opened and empty < _MOST_EMPTY:
                empty += 1
            elif before and not tried and error.code != "not-allowed":
                anew = tried = True  # the server may not like to be asked for the rest
            else:
                raise


def _ignore(count: int) -> None:
    """Nobody wants to know."""


def _name(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


@contextmanager
def _partial(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """The partial file of ``path``, for this process alone; a name of its own while another one writes there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _name(path)
    file: BinaryIO = open(partial, "a+b")  # noqa: SIM115, PTH123  # closed below, whoever has it then
    if not _locked(file):
        file.close()
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        file, partial = os.fdopen(descriptor, "w+b"), Path(name)
    try:
        with file:
            yield file, partial
    except BaseException as error:
        with suppress(OSError):
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            if full or partial != _name(path) or not partial.stat().st_size:
                partial.unlink()
        raise


def _locked(file: BinaryIO) -> bool:
    if sys.platform in ("emscripten", "win32"):
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    # Whoever had it may have put it in its place by now: then this is no longer the file of that name.
    with suppress(OSError):
        return os.fstat(file.fileno()).st_ino == Path(file.name).stat().st_ino
    return False
