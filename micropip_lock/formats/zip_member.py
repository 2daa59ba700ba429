"""The members of a zip archive: their own headers and their content, compared with the central
directory.

Format: APPNOTE.TXT, 4.3.7 (local header), 4.3.9 (data descriptor).
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from ..errors import IntegrityError
from .zip_directory import (
    DESCRIPTOR,
    DESCRIPTORS,
    LOCAL,
    LONGEST_END,
    SHARED,
    UNICODE_PATH,
    Member,
    extra_fields,
    find_directory,
    parse_directory,
    stray,
    zip64_numbers,
)
from .zip_names import UTF8, check_unicode_path

#: The most bytes of a member that is read whole.
_MOST_MEMBER = 64 * 2**20
#: The most bytes of a content that is kept in memory while it is read as a file.
_IN_MEMORY = 16 * 2**20
#: Bytes of a member that are in memory at a time, as they are in the archive and unpacked.
_PIECE = 2**20
#: A header with the longest name and the longest extra field.
_LONGEST_HEADER = LOCAL.size + 2 * 0xFFFF


def most_bytes(member: Member) -> int:
    """An upper bound for the length of a member with its local header (whose extra field is not
    known).
    """
    return LOCAL.size + len(member.name.encode()) + 1024 + member.compressed_size


def extract(member: Member, data: bytes) -> bytes | None:
    """The contents of ``member`` from the bytes that begin at its offset.

    None: ``data`` is too short. Raises `IntegrityError` when header, size or CRC-32 are not as the
    central directory says.
    """
    _check_most(member)
    start = _content_start(member, data)
    if start is None or len(data) < start + member.compressed_size:
        return None
    return b"".join(_unpacked(member, [data[start : start + member.compressed_size]]))


def check_gap(member: Member, header: bytes, gap: int) -> None:
    """Refuse ``gap`` bytes behind ``member`` (`zip_directory.gaps`) that its own header does not
    explain.

    ``header`` are the first bytes at its offset, as many as a header has without its name. Raises
    `IntegrityError`.
    """
    if len(header) < LOCAL.size or header[:4] != b"PK\3\4":
        raise IntegrityError(f"{member.name} is not where the central directory says")
    left = gap - LOCAL.unpack_from(header)[10]
    lengths = {form.size for form in DESCRIPTORS} if member.flags & DESCRIPTOR else {0}
    if left not in lengths:
        raise IntegrityError(stray(member, left))


class WholeArchive:
    """An archive of which each byte belongs to a member that its central directory names.

    The header of a member, its CRC-32 and its data descriptor are compared when the member is read,
    so the check is complete when all were read. That is quickest in the order in which they lie in
    the file.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        """Read the directory of an archive of ``size`` bytes. Raises `IntegrityError`."""
        file.seek(max(0, size - LONGEST_END - 128))
        place = find_directory(file.read(), size)
        if place is None:
            raise IntegrityError("the zip archive has no end record")
        file.seek(place.offset)
        self.place = place
        self.members = parse_directory(file.read(place.size), place)
        self._file = file
        offsets = sorted(member.offset for member in self.members)
        self._ends = dict(zip(offsets, [*offsets[1:], place.offset], strict=False))
        self._data = b""
        self._start = 0

    def check(self) -> None:
        """Read all members. Raises `IntegrityError`."""
        for member in self.members:
            for _ in self.pieces(member):
                pass

    def pieces(self, member: Member) -> Iterator[bytes]:
        """The content of ``member``.

        Raises `IntegrityError`, behind the last piece at the latest.
        """
        end = self._ends[member.offset]
        header = self._bytes(member.offset, min(end, member.offset + _LONGEST_HEADER))
        start = _content_start(member, header)
        if start is None or member.offset + start + member.compressed_size > end:
            raise IntegrityError(f"{member.name} is cut short")
        content = member.offset + start
        behind = content + member.compressed_size
        starts = range(content, behind, _PIECE)
        yield from _unpacked(member, (self._bytes(at, min(at + _PIECE, behind)) for at in starts))
        _check_behind(member, self._bytes(behind, end))

    def read(self, member: Member) -> bytes:
        """The content of ``member``, of at most 64 MiB. Raises `IntegrityError`."""
        _check_most(member)
        return b"".join(self.pieces(member))

    @contextmanager
    def open(self, member: Member) -> Iterator[IO[bytes]]:
        """The content of ``member`` as a file.

        Raises `IntegrityError` before anything of it can be read.
        """
        if member.size <= _IN_MEMORY:
            yield io.BytesIO(self.read(member))
            return
        from tempfile import TemporaryFile  # slow to import, and hardly any wheel needs it

        with TemporaryFile() as file:
            file.writelines(self.pieces(member))
            file.seek(0)
            yield file

    def _bytes(self, start: int, end: int) -> bytes:
        if not self._start <= start <= end <= self._start + len(self._data):
            self._file.seek(start)
            self._data = self._file.read(max(_PIECE, end - start))
            self._start = start
        return self._data[start - self._start : end - self._start]


def _check_most(member: Member) -> None:
    if member.size > _MOST_MEMBER:
        raise IntegrityError(f"{member.name} would unpack to {member.size} bytes")


def _content_start(member: Member, data: bytes) -> int | None:
    """Where in ``data``, which begins with the header of ``member``, its content begins.

    None: ``data`` is too short. Raises `IntegrityError` when the header is not as the central
    directory says.
    """
    if len(data) < LOCAL.size:
        return None
    signature, _, flags, method, _, _, *numbers, name_length, extra_length = LOCAL.unpack_from(data)
    name_end = LOCAL.size + name_length
    start: int = name_end + extra_length
    if signature != b"PK\3\4":
        raise IntegrityError(f"{member.name} is not where the central directory says")
    if len(data) < start:
        return None
    raw_name = data[LOCAL.size : name_end]
    name = raw_name.decode("utf-8" if flags & UTF8 else "cp437", "replace")
    if name != member.name:
        raise IntegrityError(f"{member.name} has another name in its own header, {name[:200]!r}")
    extra = extra_fields(data[name_end:start])
    check_unicode_path(name, raw_name, extra.get(UNICODE_PATH))
    if method != member.method or (flags ^ member.flags) & SHARED:
        more = "its own header has another compression method or other flags"
        raise IntegrityError(f"{member.name} is not what the central directory says: {more}")
    _check_numbers(member, numbers, extra)
    return start


def _check_numbers(member: Member, numbers: Iterable[int], extra: Mapping[int, bytes]) -> None:
    """Compare CRC-32, size as packed and size in a member's own header with those of the central
    directory.
    """
    expected = (member.crc, member.compressed_size, member.size)
    # They may be missing where they stand behind the content, and stand in the zip64 field instead.
    instead = {0} if member.flags & DESCRIPTOR else set()
    large = zip64_numbers(extra)
    compared = list(zip(numbers, expected, strict=True))
    if len(large) >= 2:
        compared = [(number, true) for number, true in compared if number != 0xFFFFFFFF]
        compared += [(large[0], member.size), (large[1], member.compressed_size)]
    if any(number != true and number not in instead for number, true in compared):
        more = "its own header has another size or CRC-32"
        raise IntegrityError(f"{member.name} is not what the central directory says: {more}")


def _unpacked(member: Member, packed: Iterable[bytes]) -> Iterator[bytes]:
    """The content in pieces, compared with the central directory at its end."""
    size = crc = 0
    is_deflated = member.method == 8 and member.compressed_size
    for piece in _inflated(member, packed) if is_deflated else packed:
        size += len(piece)
        crc = zlib.crc32(piece, crc)
        if size > member.size:
            break
        yield piece
    if (size, crc) != (member.size, member.crc):
        raise IntegrityError(f"{member.name} is not what the central directory says")


def _inflated(member: Member, packed: Iterable[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in packed:
            if inflate.eof:
                raise IntegrityError(stray(member, len(piece)))
            left = piece
            while left:
                yield inflate.decompress(left, _PIECE)
                left = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise IntegrityError(f"{member.name} cannot be unpacked ({error})") from error
    if not inflate.eof:
        raise IntegrityError(f"{member.name} cannot be unpacked (its content is cut short)")
    # A reader of streams finds the next member there.
    if inflate.unused_data:
        raise IntegrityError(stray(member, len(inflate.unused_data)))


def _check_behind(member: Member, data: bytes) -> None:
    """Refuse bytes between the content of ``member`` and the next member, but a data descriptor."""
    if not member.flags & DESCRIPTOR:
        if data:
            raise IntegrityError(stray(member, len(data)))
        return
    numbers = (member.crc, member.compressed_size, member.size)
    for form in DESCRIPTORS:
        if form.size == len(data) and form.unpack(data) in (numbers, (b"PK\7\x08", *numbers)):
            return
    raise IntegrityError(f"the {len(data)} bytes behind {member.name} are not its data descriptor")
