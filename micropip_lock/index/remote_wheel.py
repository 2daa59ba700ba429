"""The central directory and RECORD of a remote wheel, read by range requests."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from .._util.url import shown
from ..errors import FetchError, GoneError, IntegrityError
from ..formats.record import Record, RecordRow, bytecode_source
from ..formats.wheel import WheelDescription
from ..formats.wheel_archive import (
    RECORD,
    check_record_size,
    describe,
    find_metadata,
    find_record,
)
from ..formats.wheel_excerpt import Excerpt
from ..formats.zip_directory import (
    LOCAL,
    LONGEST_END,
    DirectoryPlace,
    Member,
    find_directory,
    gaps,
    last_member,
    parse_directory,
)
from ..formats.zip_member import WholeArchive, check_gap, extract, most_bytes
from ..network import ByteRange, Fetcher, Response

#: A wheel this small is taken whole from a server that ignores ranges.
SMALL_WHEEL = 16 * 1024

#: A number of bytes; Python does not convert one of thousands of digits.
_NUMBER = re.compile(r"[0-9]{1,20}")
#: So many headers of members are read one by one, where the directory leaves a gap between them.
_MOST_HEADERS = 8
#: Reading this many bytes more is cheaper than another request.
_NEAR = 64 * 2**10


class NoRangesError(Exception):
    """Only a download of the whole wheel has the data, as from a server without ranges."""


def expected_tail(rows: Sequence[RecordRow]) -> int:
    """How many bytes at the end of a wheel hold RECORD and the central directory of these files.

    A directory entry has 46 bytes and the name; a row packs to little more than its hash, which is
    43 letters of 6 bits. Asking once for enough is cheaper than asking twice: of 84 real wheels,
    none needed more than this, and together they needed 93 % of it.
    """
    listed = [path for path in Record.of(rows).sizes if not bytecode_source(path)]
    names = sum(len(path) + 1 for path in listed)
    return len(listed) * (46 + 40) + names + names // 6 + 1024


def likely_tail(size: int | None) -> int:
    """How many bytes, METADATA included, to request first if only the wheel's size is known."""
    return min(max(16 * 1024, (size or 0) // 24), 128 * 1024)


async def read_wheel(
    fetcher: Fetcher, url: str, name: str, *, size: int | None, tail: int, metadata: bool = False
) -> WheelDescription:
    """Read central directory and RECORD (and METADATA) of the wheel of ``name`` (canonical) at
    ``url``.

    ``size`` is the wheel's size if an index said so, ``tail`` how many bytes to request first.
    Raises `NoRangesError`, `FetchError`, and `IntegrityError` when the file is no wheel of that
    project.
    """
    reader = _Reader(fetcher, url)
    place = await _open(reader, size, tail)
    return await _read_contents(reader, place, name, metadata=metadata)


async def _open(reader: _Reader, size: int | None, tail: int) -> DirectoryPlace:
    await reader.open(size, tail)
    place = find_directory(reader.data, reader.total)
    if place is None:
        await reader.reach(max(0, reader.total - LONGEST_END - 128))
        place = find_directory(reader.data, reader.total)
        if place is None:
            raise IntegrityError("the zip archive has no end record")
    return place


def _last_record(reader: _Reader, place: DirectoryPlace) -> Member | None:
    """RECORD, where it is the last file, as PEP 427 recommends."""
    last = last_member(reader.slice(max(place.offset, reader.start), place.end))
    return last if last is not None and RECORD.fullmatch(last.name) else None


async def _members(reader: _Reader, place: DirectoryPlace) -> tuple[Member, ...]:
    """The files of a wheel whose directory was read; where the whole wheel was read, each is
    compared with it.

    Raises `IntegrityError`, and `NoRangesError` where only a download shows whether the directory
    names all files.
    """
    if reader.start == 0:
        archive = WholeArchive(io.BytesIO(reader.data), reader.total)
        archive.check()
        return archive.members
    members = parse_directory(reader.slice(place.offset, place.end), place)
    found = gaps(members, place)
    if len(found) > _MOST_HEADERS:
        raise NoRangesError
    for member, gap in found:
        end = member.offset + LOCAL.size
        if member.offset >= reader.start:
            header = reader.slice(member.offset, end)
        else:
            header = await reader.piece(member.offset, end)
        check_gap(member, header, gap)
    return members


def _likely_start(reader: _Reader, place: DirectoryPlace) -> int:
    """Where RECORD is likely to start: it need not be the last file."""
    # It lies near the end all the same, and packs to some 45 bytes a file and its name.
    likely = place.offset - place.size // 2 - 2048
    record = _last_record(reader, place)
    if record is not None:
        likely = record.offset
    return max(0, min(likely, place.offset))


async def _read_contents(
    reader: _Reader, place: DirectoryPlace, name: str, *, metadata: bool = False
) -> WheelDescription:
    if place.offset < reader.start:
        await reader.reach(_likely_start(reader, place))
    members = await _members(reader, place)
    record = find_record(members, name)
    wanted = [record]
    if metadata:
        found = find_metadata(members, record)
        if found is None:
            raise IntegrityError("it has no METADATA")
        wanted.append(found)
    first = min(member.offset for member in wanted)
    if first < reader.start <= first + _NEAR:
        await reader.reach(first)
    files = [await _read_member(reader, member, place) for member in wanted]
    directory = reader.slice(place.offset, place.end)
    return describe(members, record, Excerpt(reader.total, directory, place, *files))


async def _read_member(reader: _Reader, member: Member, place: DirectoryPlace) -> bytes:
    check_record_size(member, place)
    if member.offset >= reader.start:
        found = extract(member, reader.slice(member.offset, place.offset))
    else:
        end = member.offset + most_bytes(member)
        data = await reader.piece(member.offset, min(end, place.offset))
        found = extract(member, data)
        if found is None and end < place.offset:  # its own header is a long one
            data = await reader.piece(member.offset, min(end + 0xFFFF, place.offset))
            found = extract(member, data)
    if found is None:
        raise IntegrityError(f"{member.name} is cut short")
    return found


class _Reader:
    """The known end of a remote file: ``data`` are its bytes from ``start`` to ``total``."""

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        self._fetcher = fetcher
        self._url = url
        self.data = b""
        self.start = 0
        self.total = 0
        self._etag: str | None = None

    async def open(self, size: int | None, tail: int) -> None:
        """Read the last ``tail`` bytes."""
        response = (
            await self._suffix(tail) if size is None and self._fetcher.suffix_ranges else None
        )
        if response is None:
            size = await self._size() if size is None else size
            response = await self._get((max(0, size - tail), size - 1), max(tail, SMALL_WHEEL))
        if response.status == 200:
            # A range may be answered with everything; then a small wheel has arrived whole.
            if not response.complete:
                raise NoRangesError
            self.data = response.body
            self.total = len(response.body)
            return
        self.total = _total(response) or size or 0
        if not self.total or (size is not None and self.total != size):
            raise IntegrityError(f"it has {self.total} bytes, the index says {size}")
        self.data = response.body
        self.start = self.total - len(response.body)
        self._etag = _etag(response)

    async def _suffix(self, tail: int) -> Response | None:
        """The last bytes by a suffix range; None: the server may know ranges, but not this kind."""
        try:
            return await self._get((None, tail), max(tail, SMALL_WHEEL))
        except GoneError:
            raise
        except NoRangesError:
            return None
        except FetchError as error:
            # Some servers answer 501. Where there is no answer at all, another request is no use.
            if error.reason in ("not-allowed", "no-connection"):
                raise
            return None

    async def _size(self) -> int:
        response = await self._fetcher.head(self._url)
        length = response.headers.get("content-length", "")
        if not response.found:
            raise _gone(self._url)
        if not _NUMBER.fullmatch(length) or not int(length):
            raise NoRangesError
        return int(length)

    async def reach(self, start: int) -> None:
        """Read on towards the beginning, down to ``start``."""
        if start < self.start:
            self.data = await self.piece(start, self.start) + self.data
            self.start = start

    async def piece(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` up to but not including ``end``."""
        response = await self._get((start, end - 1), end - start)
        if response.status != 206 or len(response.body) != end - start:
            raise NoRangesError
        # RFC 9110, 15.3.7.3: parts may be put together only if they are parts of one and the same.
        if (
            _total(response) not in (None, self.total)
            or len({_etag(response), self._etag} - {None}) > 1
        ):
            raise NoRangesError
        return response.body

    def slice(self, start: int, end: int) -> bytes:
        return self.data[start - self.start : end - self.start]

    async def _get(self, byte_range: ByteRange, max_bytes: int) -> Response:
        response = await self._fetcher.get(self._url, byte_range=byte_range, max_bytes=max_bytes)
        if not response.found:
            raise _gone(self._url)
        if response.status == 416:
            raise NoRangesError
        return response


def _gone(url: str) -> GoneError:
    return GoneError(f"{shown(url)} is not there (404).", url=shown(url))


def _total(response: Response) -> int | None:
    match = re.fullmatch(
        r"bytes [0-9]+-[0-9]+/([0-9]{1,20})", response.headers.get("content-range", "").strip()
    )
    return int(match[1]) if match else None


def _etag(response: Response) -> str | None:
    """The strong ETag; a weak one may be equal for two representations (RFC 9110, 8.8.1)."""
    etag = response.headers.get("etag")
    return None if etag is None or etag.startswith("W/") else etag
