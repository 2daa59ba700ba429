"""A file fetched whole: hashed on the way, resumed after a break, and never there before it is
right.

The bytes grow in a file of their own in a folder that only this user can enter. Where there is a
folder for parts, in the cache, the next run resumes the file that a broken or killed one left
there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
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
            received = _Part(file, advance or _ignore)
            size = await _fill(_Transfer(fetcher, url, sha256, received, expect or _ignore))
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


class _Part:
    """The file that grows, with size and hash of what is in it.

    ``advance`` receives how many bytes were added, negative where they were removed.
    """

    def __init__(self, file: BinaryIO, advance: Callable[[int], None]) -> None:
        self._file = file
        self._advance = advance
        self._hash = hashlib.sha256()
        file.seek(0)
        while piece := file.read(_PIECE):
            self._hash.update(piece)
        self.size = file.tell()
        advance(self.size)

    @property
    def sha256(self) -> str:
        """The hash of what is in the file."""
        return self._hash.hexdigest()

    def append(self, piece: bytes) -> None:
        """Write at the end."""
        self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)
        self._advance(len(piece))

    def clear(self) -> None:
        """Remove all bytes, to begin again."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self._advance(-self.size)
        self.size = 0

    def discard(self) -> None:
        """Remove all bytes, since the download has failed."""
        self._file.truncate(0)


async def _fill(transfer: _Transfer) -> int:
    """Read the whole resource; return its size."""
    part = transfer.part
    is_resumed = part.size > 0
    while True:
        await transfer.run()
        if part.sha256 == transfer.sha256:
            return part.size
        if not is_resumed:
            part.discard()
            raise IntegrityError(
                f"{shown(transfer.url)} has the sha256 {part.sha256}, not {transfer.sha256} as the "
                "lock says. The file was replaced, or a proxy changes it; nothing of it was kept."
            )
        # The bytes of an earlier run may be those of another file: once more from the start.
        is_resumed = False
        part.clear()


@dataclass(slots=True)
class _Transfer:
    """Reads from the end of ``part`` to that of the resource at ``url``, also after breaks."""

    fetcher: Fetcher
    url: str
    sha256: str
    part: _Part
    #: Receives the size of the resource.
    expect: Callable[[int], None]
    _breaks: int = 0
    _empty_answers: int = 0
    #: The next request is for the whole resource: the server may not support one for the rest.
    _is_anew: bool = False
    _was_anew: bool = False
    #: What the last request found, and whether it was answered.
    _size_before: int = 0
    _is_answered: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the part has bytes, and the right hash: then no request is needed."""
        return self.part.size > 0 and self.part.sha256 == self.sha256

    async def run(self) -> None:
        """Read to the end of the resource, or until the part is complete. Raises `FetchError`."""
        self._breaks = self._empty_answers = 0
        self._is_anew = self._was_anew = False
        while not self.is_complete:
            try:
                await self._read()
                return
            except FetchError as error:
                # It may be complete, even if the server announced more bytes.
                if not self.is_complete and not self._may_go_on(error):
                    raise

    async def _read(self) -> None:
        """Read until the answer ends or breaks."""
        start = 0 if self._is_anew else self.part.size
        self._size_before = self.part.size
        self._is_answered = False
        async with self.fetcher.stream(self.url, start=start) as stream:
            self._is_answered = True
            if stream.size is not None:
                self.expect(stream.size + start)
            async for piece in stream:
                if self._is_anew:
                    # Only now: a server that gives no answer is no reason to lose the part.
                    self.part.clear()
                    self._size_before = 0
                    self._is_anew = False
                self.part.append(piece)
                if self.part.size > _LARGEST:
                    raise FetchError(
                        f"{shown(self.url)} is larger than any wheel.", url=shown(self.url)
                    )

    def _may_go_on(self, error: FetchError) -> bool:
        """Whether another request is worth while after ``error``."""
        self._breaks += 1
        if self.part.size > _LARGEST:
            self.part.discard()
            return False
        if self.part.size > self._size_before:
            return self._breaks <= _MOST_BREAKS
        if self._is_answered and self._empty_answers < _MOST_EMPTY:
            self._empty_answers += 1
            return True
        if self._size_before and not self._was_anew and error.code != "not-allowed":
            self._is_anew = self._was_anew = True
            return True
        return False


def _ignore(count: int) -> None:
    """The default for ``advance`` and ``expect``."""
