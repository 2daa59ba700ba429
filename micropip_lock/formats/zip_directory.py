"""The end of a zip archive: which byte ranges of a remote file hold which members.

A zip ends with its central directory, so the last bytes of a wheel list its whole contents.
Format: APPNOTE.TXT, 4.3.12 (central directory), 4.3.14 (zip64), 4.3.16 (end record).

An archive that two readers read in two ways is refused: `zip_names` and `zip_member` have the rest
of that. The readers are `zipfile` of Python 3.11 to 3.14, which pip uses; uv, which reads the
members one after the other while they arrive; and Pyodide, which unpacks with `shutil`.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ..errors import IntegrityError
from .zip_names import check_names, check_unicode_path, decode_name

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
#: The header of a member itself.
LOCAL = struct.Struct("<4s5H3L2H")

#: What stands for a number that does not fit: those of files, bytes of the directory, and its
#: offset.
_ONES = (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
#: Flags of encrypted files (bits 0 and 6) and of an encrypted directory (bit 13).
_ENCRYPTED = 0x2041
#: The flag of a patch to another file (bit 5).
_PATCH = 0x20
#: The flag of a member whose CRC-32 and sizes stand behind its content, in a data descriptor (bit
#: 3).
DESCRIPTOR = 8
#: Flags that a member has in its own header as in the directory; others say how well it is packed.
SHARED = _ENCRYPTED | _PATCH | DESCRIPTOR
#: Data descriptors (4.3.9): with or without signature, with sizes of 4 or 8 bytes.
DESCRIPTORS = tuple(map(struct.Struct, ("<3L", "<4s3L", "<L2Q", "<4sL2Q")))
#: The newest version of the format (6.3) that readers take.
_NEWEST = 63
_ZIP64 = 1
UNICODE_PATH = 0x7075

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
    flags: int = 0
    #: The file mode of Unix, 0 where the archive has none.
    mode: int = 0

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


def _place(
    tail: bytes, start: int, position: int, fields: tuple[int, ...]
) -> DirectoryPlace | None:
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
        count, size, offset = _end64(tail, locator, at)
        _check_ends(said, (count, size, offset))
        end = start + at
    elif 0xFFFFFFFF in (size, offset) or count == 0xFFFF:
        if locator < 0 and start > 0:
            return None
        if 0xFFFFFFFF in (size, offset):
            raise IntegrityError("the zip64 end record is missing")
    if size > _MOST_DIRECTORY or count * _CENTRAL.size > size:
        raise IntegrityError(
            f"a central directory of {size} bytes for {count} files cannot be true"
        )
    # Bytes before the first member, or between directory and end, would let two readers see two
    # archives.
    if offset + size != end:
        raise IntegrityError("the central directory is not where the end record says")
    return DirectoryPlace(offset, size, count)


def _check_ends(said: tuple[int, ...], said64: tuple[int, ...]) -> None:
    """Compare both end records. The old one has all ones for what does not fit it.

    APPNOTE.TXT, 4.4.1.4. Raises `IntegrityError`.
    """
    for small, large, most in zip(said, said64, _ONES, strict=True):
        if small not in (large, most):
            raise IntegrityError("the two end records contradict each other")


def _end64(tail: bytes, locator: int, at: int) -> tuple[int, int, int]:
    """Number of files, size and offset of the directory, from the zip64 end record."""
    fields = _END64.unpack_from(tail, at)
    _, disk, _, disks = _LOCATOR.unpack_from(tail, locator)
    if fields[1] != _END64.size - 12:
        raise IntegrityError("the zip64 end record has another size than it says")
    if fields[4:7] != (0, 0, fields[7]) or disk != 0 or disks > 1:
        raise IntegrityError("the archive is split over several files")
    return fields[7], fields[8], fields[9]


def parse_directory(data: bytes, place: DirectoryPlace) -> tuple[Member, ...]:
    """Parse the central directory's bytes. Raises `IntegrityError`."""
    members: list[Member] = []
    position = 0
    for _ in range(place.count):
        if data[position : position + 4] != b"PK\1\2" or position + _CENTRAL.size > len(data):
            raise IntegrityError("the central directory is broken")
        fields = _CENTRAL.unpack_from(data, position)
        name_at = position + _CENTRAL.size
        extra_at = name_at + fields[10]
        position = extra_at + fields[11] + fields[12]
        extra = data[extra_at : extra_at + fields[11]]
        members.append(_member(fields, data[name_at:extra_at], extra))
    if position != len(data):
        raise IntegrityError("the central directory holds more than its files")
    _check_places(members, place)
    check_names([member.name for member in members])
    return tuple(members)


def _check_places(members: Sequence[Member], place: DirectoryPlace) -> None:
    """Refuse files that share bytes, and bytes that cannot belong to a file."""
    found = _unexplained(members, place)
    if any(member.offset + _least_bytes(member) > place.offset for member in members):
        raise IntegrityError("a file overlaps the central directory")
    if min((member.offset for member in members), default=place.offset) != 0:
        raise IntegrityError("there are bytes before the first file")
    # The same bytes as parts of many files are how a small archive unpacks to a huge one.
    if any(gap < 0 for _, gap in found):
        raise IntegrityError("two files overlap")
    for member, gap in found:
        if gap > 0xFFFF + DESCRIPTORS[-1].size:
            raise IntegrityError(stray(member, gap))


def _least_bytes(member: Member) -> int:
    """The length of a member, without its own header's extra field and without data descriptor."""
    # A name that is not ASCII is UTF-8, else it was refused.
    return LOCAL.size + len(member.name.encode()) + member.compressed_size


def _unexplained(members: Sequence[Member], place: DirectoryPlace) -> list[tuple[Member, int]]:
    """The members, each with the number of bytes up to the next one that the directory does not
    explain.

    These are the extra field of its own header and its data descriptor.
    """
    ordered = sorted(members, key=attrgetter("offset"))
    offsets = [*(member.offset for member in ordered), place.offset]
    pairs = zip(ordered, offsets[1:], strict=True)
    return [(member, end - member.offset - _least_bytes(member)) for member, end in pairs]


def gaps(members: Sequence[Member], place: DirectoryPlace) -> list[tuple[Member, int]]:
    """The members behind which there is room for a file that the directory does not name, with the
    bytes of it.

    A reader of streams would find that file; its header alone has 30 bytes. Of 384 real wheels none
    has such a gap. An extra field may explain it, and only a member's own header has that:
    `check_gap`.
    """
    found = []
    for member, gap in _unexplained(members, place):
        has_descriptor = member.flags & DESCRIPTOR
        descriptor_size = DESCRIPTORS[0].size if has_descriptor else 0
        if gap > LOCAL.size + descriptor_size:
            found.append((member, gap))
    return found


def stray(member: Member, count: int) -> str:
    """The message about bytes that one reader skips, and another one takes for a file."""
    return f"{count} bytes behind {member.name} belong to no file of the central directory"


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
    _, _, needed, flags, method, _, _, crc, compressed, size, *_, disk, _, mode, offset = fields
    known = extra_fields(extra)
    if 0xFFFFFFFF in (compressed, size, offset):
        compressed, size, offset = _large(compressed, size, offset, known)
    name = decode_name(raw_name, flags)
    check_unicode_path(name, raw_name, known.get(UNICODE_PATH))
    member = Member(name, size, crc, compressed, method, offset, flags, mode >> 16)
    if disk not in (0, 0xFFFF):
        raise IntegrityError("the archive is split over several files")
    if needed & 0xFF > _NEWEST:
        raise IntegrityError(f"{name} needs a newer reader than there is")
    _check_kind(member)
    return member


def _check_kind(member: Member) -> None:
    """Refuse what some readers cannot read, or read as something else than a file or a folder."""
    if member.flags & _ENCRYPTED:
        raise IntegrityError(f"{member.name} is encrypted")
    if member.flags & _PATCH:
        raise IntegrityError(f"{member.name} is a patch to another file")
    if member.method not in (0, 8):
        raise IntegrityError(
            f"{member.name} has compression method {member.method}, which no wheel may have"
        )
    if member.method == 0 and member.size != member.compressed_size:
        raise IntegrityError(f"{member.name} is stored, and of two sizes")
    if member.is_folder and member.size:
        raise IntegrityError(f"{member.name} is a folder, and has content")
    if stat.S_ISLNK(member.mode):
        raise IntegrityError(f"{member.name} is a symbolic link")


def _large(
    compressed: int, size: int, offset: int, extra: Mapping[int, bytes]
) -> tuple[int, int, int]:
    """The numbers that do not fit, from the zip64 field, where only those stand (APPNOTE.TXT,
    4.5.3).
    """
    values = {"size": size, "compressed": compressed, "offset": offset}
    large = [key for key, value in values.items() if value == 0xFFFFFFFF]
    numbers = zip64_numbers(extra)
    if len(numbers) < len(large):
        raise IntegrityError("a zip64 field is missing")
    values.update(zip(large, numbers, strict=False))
    return values["compressed"], values["size"], values["offset"]


def extra_fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields (APPNOTE.TXT, 4.5.1) by number. Raises `IntegrityError`."""
    found: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        position += 4
        if position + size > len(extra):
            raise IntegrityError("an extra field is cut short")
        # One reader takes the first, another the last.
        if kind in (_ZIP64, UNICODE_PATH) and kind in found:
            raise IntegrityError(f"a file has two extra fields {kind:#06x}")
        found[kind] = extra[position : position + size]
        position += size
    return found


def zip64_numbers(extra: Mapping[int, bytes]) -> tuple[int, ...]:
    """The numbers of 8 bytes in the zip64 field (APPNOTE.TXT, 4.5.3)."""
    body = extra.get(_ZIP64, b"")
    count = len(body) // 8
    return struct.unpack(f"<{count}Q", body[: count * 8])
