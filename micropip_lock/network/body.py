"""Bodies, decoded piece by piece and never further than they are wanted."""

from __future__ import annotations

import zlib

from .._util.url import shown
from ..errors import FetchError
from .rules import Transient


class Body:
    """A body that grows by wire bytes and stops at ``limit`` decoded ones (None: never).

    zlib never returns more than fits, so a small body that unpacks to a huge one costs no memory.
    """

    def __init__(self, url: str, coding: str, limit: int | None) -> None:
        coding = coding.strip().lower() or "identity"
        if coding not in ("identity", "gzip", "x-gzip"):
            message = f"{shown(url)}: the body is coded as {coding!r}, which was not asked for"
            raise FetchError(message, url=shown(url))
        self.url = url
        self.limit = limit
        self.received = 0
        self._gzip = coding != "identity"
        self._inflate = zlib.decompressobj(wbits=31)
        self._begun = False
        self._data = bytearray()

    @property
    def overflows(self) -> bool:
        """Whether there is more than ``limit`` bytes: reading should stop."""
        return self.limit is not None and len(self._data) > self.limit

    def feed(self, piece: bytes) -> None:
        """Take the next bytes from the wire."""
        self.received += len(piece)
        if not self._gzip:
            self._data += piece
            return
        try:
            while piece and not self.overflows:
                self._begun = True
                # One more than the limit shows that there is more; 0 would mean «no limit» to zlib.
                room = 0 if self.limit is None else self.limit + 1 - len(self._data)
                self._data += self._inflate.decompress(piece, room)
                piece = self._inflate.unconsumed_tail
                if self._inflate.eof:
                    # RFC 1952, 2.2: a gzip file is a series of members.
                    piece = self._inflate.unused_data
                    self._inflate = zlib.decompressobj(wbits=31)
                    self._begun = False
        except zlib.error as error:
            raise Transient(f"{shown(self.url)}: the gzip body is broken") from error

    def take(self) -> bytes:
        """The decoded bytes so far, which are then forgotten."""
        data = bytes(self._data)
        self._data.clear()
        return data

    def end(self) -> None:
        """The wire has no more bytes: raise `Transient` if the body is not whole."""
        if self._gzip and self._begun:
            raise Transient(f"{shown(self.url)}: the gzip body ends too early")

    def result(self) -> tuple[bytes, bool]:
        """The decoded bytes up to ``limit``, and whether that is all."""
        if self.overflows:
            return bytes(self._data[: self.limit]), False
        return bytes(self._data), True
