"""A file fetched whole: hashed on the way, resumed after a break, and never there before it is
right.

The bytes grow in a file of their own in a folder that only this user can enter. Where there is a
folder for parts, in the cache, the next run resumes the file that a broken or killed one left
there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .._util.files import cannot_write
from .._util.private_files import resumable_file
from .._util.url import shown
from ..errors import FetchError, IntegrityError
from ..network import Fetcher

#: A connection may break this often after it brought something, and this often after nothing but
#: headers.
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
    parts: Path | None = None,
    advance: Callable[[int], None] | None = None,
    expect: Callable[[int], None] | None = None,
    check: Callable[[Path], None] | None = None,
) -> int:
    """Fetch ``url`` to ``path``, which appears in one step when all bytes are there and have this
    sha256.

    ``parts`` is a folder of this user alone, on the file system of ``path``: what a broken download
    brought stays there for a later run. Without it nothing stays.

    ``advance`` receives how many bytes came (negative when they were in vain), ``expect`` how
    many there will be in all, as far as the server says. ``check`` may examine the whole file
    before it appears at ``path``, and raise. Returns the size. Raises `FetchError`,
    `IntegrityError` when the bytes are others, and `InputError` when they cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = parts / f".{sha256}.part" if parts is not None else None
        with resumable_file(path, part) as file:
            size = await _fill(fetcher, url, sha256, file, advance or _ignore, expect or _ignore)
            file.flush()
            if check is not None:
                _checked(check, file)
            return size
    except OSError as error:
        raise cannot_write(path, error) from error


def _checked(check: Callable[[Path], None], file: BinaryIO) -> None:
    try:
        check(Path(file.name))
    except BaseException:
        file.truncate(0)  # a rejected file is not kept for a later run
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
                f"{shown(url)} has the sha256 {found}, not {sha256} as the lock says. The file was "
                "replaced, or a proxy changes it; nothing of it was kept."
            )
        # The bytes of an earlier run may be those of another file: once more from the start.
        resumed = False
        advance(-size)


async def _read_on(  # noqa: C901  # one loop keeps file, hash and size in step after a break
    fetcher: Fetcher,
    url: str,
    sha256: str,
    file: BinaryIO,
    advance: Callable[[int], None],
    expect: Callable[[int], None],
) -> tuple[str, int]:
    """Read from the end of ``file`` to that of the resource; return the whole's hash and size."""
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
                        # Only now, for a server that says nothing at all is no reason to lose what
                        # is there.
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
                return sha256, size  # complete, even if the server announced more bytes
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
                anew = tried = True  # the server may not support a request for the rest
            else:
                raise


def _ignore(count: int) -> None:
    """The default for ``advance`` and ``expect``."""
