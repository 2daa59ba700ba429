"""The end of a zip archive: which byte ranges of a remote file hold which members.

A zip ends with its central directory, so the last bytes of a wheel tell its whole contents.
Format: APPNOTE.TXT, 4.3.12 (central directory), 4.3.14 (zip64), 4.3.16 (end record).
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from itertools import pairwise

from .errors import IntegrityError

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
#: The header of a member.
LOCAL = struct.Struct("<4s5H3L2H")

#: What stands for a number that does not fit: those of files, bytes of the directory, and its offset.
_ONES = (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
#: Flags of encrypted files (bits 0 and 6) and of an encrypted directory (bit 13).
_ENCRYPTED = 0x2041

#: The end record and the longest comment that may follow it.
LONGEST_END = _END.size + 0xFFFF
#: A wheel has a central directory of some 100 bytes a file; this one would hold half a million.
_MOST_DIRECTORY = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip, as the central directory has it."""

    name: str
    size: int
    crc: int
    compressed_size: int
    method: int
    offset: int
    #: Whether it says that it is a symbolic link (in Unix's file modes).
    is_link: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder entry, which holds nothing."""
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """Where the central directory lies in the file."""

    offset: int
    size: int
    count: int

    @property
    def end(self) -> int:
        """The offset of the first byte behind it."""
        return self.offset + self.size


def find_directory(tail: bytes, total: int) -> DirectoryPlace | None:
    """Find the central directory from the last bytes of a file of ``total`` bytes.

    None: the end record is not in ``tail``; more of the end is needed (`LONGEST_END` suffices).
    Raises `IntegrityError` when the file is no zip, or its end record cannot be true.
    """
    start = total - len(tail)
    position = len(tail)
    while (position := tail.rfind(b"PK\5\6", 0, position)) >= 0:
        if position + _END.size <= len(tail):
            fields = _END.unpack_from(tail, position)
            if position + _END.size + fields[7] == len(tail):
                if b"PK\5\6" in tail[position + _END.size :]:
                    raise IntegrityError("its comment could be taken for another end record")
                return _place(tail, start, position, fields)
    if len(tail) >= min(total, LONGEST_END):
        raise IntegrityError("the file is no zip archive")
    return None


def _place(tail: bytes, start: int, position: int, fields: tuple[int, ...]) -> DirectoryPlace | None:
    said = count, size, offset = fields[4], fields[5], fields[6]
    if (fields[1], fields[2], fields[3]) != (0, 0, count):
        raise IntegrityError("the archive is split over several files")
    end = start + position
    locator = position - _LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\6\7":
        at = _LOCATOR.unpack_from(tail, locator)[2] - start
        if at < 0:
            return None
        if at + _END64.size != locator or tail[at : at + 4] != b"PK\6\6":
            raise IntegrityError("the zip64 end record is not where it should be")
        count, size, offset = _END64.unpack_from(tail, at)[7:10]
        # APPNOTE.TXT, 4.4.1.4: what fits stays in the old record, what does not is all ones there.
        if any(
            small not in (large, most) for small, large, most in zip(said, (count, size, offset), _ONES, strict=True)
        ):
            raise IntegrityError("the two end records contradict each other")
        end = start + at
    elif 0xFFFFFFFF in (size, offset) or count == 0xFFFF:
        if locator < 0 and start > 0:
            return None
        if 0xFFFFFFFF in (size, offset):
            raise IntegrityError("the zip64 end record is missing")
    if size > _MOST_DIRECTORY or count * _CENTRAL.size > size:
        raise IntegrityError(f"a central directory of {size} bytes for {count} files cannot be true")
    # Bytes before the first member, or between directory and end, would let two readers see two archives.
    if offset + size != end:
        raise IntegrityError("the central directory is not where the end record says")
    return DirectoryPlace(offset, size, count)


def parse_directory(data: bytes, place: DirectoryPlace) -> tuple[Member, ...]:
    """Parse the central directory's bytes. Raises `IntegrityError`."""
    members: list[Member] = []
    spans: list[tuple[int, int]] = []
    position = 0
    for _ in range(place.count):
        if data[position : position + 4] != b"PK\1\2" or position + _CENTRAL.size > len(data):
            raise IntegrityError("the central directory is broken")
        fields = _CENTRAL.unpack_from(data, position)
        name_at = position + _CENTRAL.size
        extra_at = name_at + fields[10]
        position = extra_at + fields[11] + fields[12]
        member = _member(fields, data[name_at:extra_at], data[extra_at : extra_at + fields[11]])
        members.append(member)
        spans.append((member.offset, member.offset + LOCAL.size + fields[10] + member.compressed_size))
    if position != len(data):
        raise IntegrityError("the central directory holds more than its files")
    if any(end > place.offset for _, end in spans):
        raise IntegrityError("a file overlaps the central directory")
    spans.sort()
    if spans and spans[0][0] != 0:
        raise IntegrityError("there are bytes before the first file")
    # The same bytes as parts of many files are how a small archive unpacks to a huge one.
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise IntegrityError("two files overlap")
    names = [member.name for member in members]
    if len(set(names)) != len(names):
        raise IntegrityError("two files have one name")
    return tuple(members)


def last_member(data: bytes) -> Member | None:
    """The last entry of a central directory, whose end is ``data``; None when that is not clear.

    Raises `IntegrityError`, as `parse_directory`.
    """
    found = None
    position = len(data)
    while (position := data.rfind(b"PK\1\2", 0, position)) >= 0:
        if position + _CENTRAL.size > len(data):
            continue
        fields = _CENTRAL.unpack_from(data, position)
        name_at = position + _CENTRAL.size
        extra_at = name_at + fields[10]
        if extra_at + fields[11] + fields[12] != len(data):
            continue
        if found is not None:  # a name or a comment that looks like an entry
            return None
        found = _member(fields, data[name_at:extra_at], data[extra_at : extra_at + fields[11]])
    return found


def _member(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> Member:
    flags, method, crc = fields[3], fields[4], fields[7]
    compressed, size, offset = fields[8], fields[9], fields[16]
    if 0xFFFFFFFF in (compressed, size, offset):
        compressed, size, offset = _large(compressed, size, offset, extra)
    try:
        name = raw_name.decode("utf-8" if flags & 0x800 else "cp437")
    except UnicodeDecodeError as error:
        raise IntegrityError("a file name is not UTF-8") from error
    _check_name(name)
    if fields[13] not in (0, 0xFFFF):
        raise IntegrityError("the archive is split over several files")
    if flags & _ENCRYPTED:
        raise IntegrityError(f"{name} is encrypted")
    if method == 0 and size != compressed:
        raise IntegrityError(f"{name} is stored, and of two sizes")
    is_link = stat.S_ISLNK(fields[15] >> 16)
    return Member(name, size, crc, compressed, method, offset, is_link)


def _large(compressed: int, size: int, offset: int, extra: bytes) -> tuple[int, int, int]:
    """The numbers that do not fit, from the zip64 field, where only those stand (APPNOTE.TXT, 4.5.3)."""
    values = {"size": size, "compressed": compressed, "offset": offset}
    large = [key for key, value in values.items() if value == 0xFFFFFFFF]
    numbers = _zip64_numbers(extra)
    if len(numbers) < len(large):
        raise IntegrityError("a zip64 field is missing")
    values.update(zip(large, numbers, strict=False))
    return values["compressed"], values["size"], values["offset"]


def _check_name(name: str) -> None:
    """Refuse names that installers place elsewhere than where they say, or each in another place."""
    if "\0" in name:
        raise IntegrityError("a file name holds a NUL, where many readers end it")
    parts = name.removesuffix("/").split("/")
    if "\\" in name or name[1:2] == ":" or not {"", ".", ".."}.isdisjoint(parts):
        raise IntegrityError(f"{name[:200]!r} is no name of a file below the folder where it is unpacked")


def _zip64_numbers(extra: bytes) -> tuple[int, ...]:
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        position += 4
        if kind == 1:
            body = extra[position : position + size]
            return struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8])
        position += size
    return ()
